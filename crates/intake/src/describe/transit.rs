//! Transit Gateways: attachments, tables, routes.
//!
//! CloudFormation has types for attachments of VPCs and of other Transit Gateways. An attachment of something else (a
//! VPN, Direct Connect) has none; it is an `AWS::EC2::TransitGatewayAttachment` without VPC whose observed
//! `ResourceType` and `ResourceId` say what is attached. A route of a prefix list has no type either; it stands there
//! under the name that EC2's API gives it, `AWS::EC2::TransitGatewayPrefixListReference`.
//!
//! Source: Amazon EC2 API Reference, `TransitGateway`, `TransitGatewayAttachment`, `TransitGatewayVpcAttachment`,
//! `TransitGatewayPeeringAttachment`, `TransitGatewayRouteTable`, `TransitGatewayRoute`,
//! `TransitGatewayRouteTablePropagation`; AWS CloudFormation Template Reference, the types named.

use document::Node;
use smol_str::{SmolStr, format_smolstr};

use super::kinds::{How, Known, Shape};
use super::network::{id_in_name, whose};
use super::session::{Draft, File, Session, at, text_at};
use super::value::map;

const ATTACHMENT: &str = "AWS::EC2::TransitGatewayAttachment";
const PEERING: &str = "AWS::EC2::TransitGatewayPeeringAttachment";

/// What is read here.
pub static KNOWN: &[Known] = &[
    (
        "TransitGateways",
        How::Items(Shape {
            id: "TransitGatewayId",
            kind: "AWS::EC2::TransitGateway",
            properties: &[("Description", "Description"), ("Tags", "Tags")],
            more: gateway,
        }),
    ),
    (
        "TransitGatewayVpcAttachments",
        How::Items(Shape {
            id: "TransitGatewayAttachmentId",
            kind: ATTACHMENT,
            properties: &[
                ("TransitGatewayId", "TransitGatewayId"),
                ("VpcId", "VpcId"),
                ("SubnetIds", "SubnetIds"),
                ("Options", "Options"),
                ("Tags", "Tags"),
            ],
            more: vpc_attachment,
        }),
    ),
    (
        "TransitGatewayAttachments",
        How::Items(Shape {
            id: "TransitGatewayAttachmentId",
            kind: ATTACHMENT,
            properties: &[("TransitGatewayId", "TransitGatewayId"), ("Tags", "Tags")],
            more: attachment,
        }),
    ),
    (
        "TransitGatewayPeeringAttachments",
        How::Items(Shape {
            id: "TransitGatewayAttachmentId",
            kind: PEERING,
            properties: &[("Tags", "Tags")],
            more: peering_attachment,
        }),
    ),
    (
        "TransitGatewayConnects",
        How::Items(Shape {
            id: "TransitGatewayAttachmentId",
            kind: "AWS::EC2::TransitGatewayConnect",
            properties: &[
                ("TransportTransitGatewayAttachmentId", "TransportTransitGatewayAttachmentId"),
                ("Options", "Options"),
                ("Tags", "Tags"),
            ],
            more: super::kinds::nothing,
        }),
    ),
    (
        "TransitGatewayRouteTables",
        How::Items(Shape {
            id: "TransitGatewayRouteTableId",
            kind: "AWS::EC2::TransitGatewayRouteTable",
            properties: &[("TransitGatewayId", "TransitGatewayId"), ("Tags", "Tags")],
            more: super::kinds::nothing,
        }),
    ),
    ("TransitGatewayStaticRoutes", How::List(routes_by_table)),
    ("Routes", How::List(routes_of_file)),
    ("TransitGatewayPropagations", How::List(propagations_by_table)),
    ("TransitGatewayRouteTablePropagations", How::List(propagations_of_file)),
    ("Associations", How::List(associations_of_file)),
];

fn gateway(_: &mut Session, _: &File, node: &Node, draft: &mut Draft) {
    let options = [
        "AmazonSideAsn",
        "AutoAcceptSharedAttachments",
        "DefaultRouteTableAssociation",
        "DefaultRouteTablePropagation",
        "AssociationDefaultRouteTableId",
        "PropagationDefaultRouteTableId",
        "VpnEcmpSupport",
        "DnsSupport",
        "MulticastSupport",
        "SecurityGroupReferencingSupport",
        "TransitGatewayCidrBlocks",
    ];
    for option in options {
        draft.set(option, at(node, &["Options", option]));
    }
}

/// Who has the VPC has the attachment.
fn vpc_attachment(_: &mut Session, _: &File, node: &Node, draft: &mut Draft) {
    draft.owner = text_at(node, &["VpcOwnerId"]).map(SmolStr::new);
}

/// The call that lists attachments of all kinds says of each what is attached and which table it asks.
fn attachment(session: &mut Session, _: &File, node: &Node, draft: &mut Draft) {
    match text_at(node, &["ResourceType"]) {
        Some("vpc") => {
            draft.set("VpcId", at(node, &["ResourceId"]));
            draft.owner = text_at(node, &["ResourceOwnerId"]).map(SmolStr::new);
            draft.lesser = true;
        }
        Some("peering" | "tgw-peering") => {
            draft.kind = PEERING;
            draft.set("PeerTransitGatewayId", at(node, &["ResourceId"]));
            draft.set("PeerAccountId", at(node, &["ResourceOwnerId"]));
            draft.lesser = true;
        }
        Some("connect") => draft.lesser = true,
        _ => {}
    }
    if let Some(association) = node.get("Association") {
        associated(session, draft, association);
    }
}

fn associated(session: &mut Session, draft: &Draft, association: &Node) {
    let Some(table) = text_at(association, &["TransitGatewayRouteTableId"]) else { return };
    let id = format_smolstr!("{table}/association/{}", draft.id);
    let kind = "AWS::EC2::TransitGatewayRouteTableAssociation";
    let mut extra = Draft::new(draft.place, kind, id, association.span)
        .with("TransitGatewayAttachmentId", draft.id.clone())
        .with("TransitGatewayRouteTableId", at(association, &["TransitGatewayRouteTableId"]));
    extra.observe("State", at(association, &["State"]));
    session.add(extra);
}

fn peering_attachment(_: &mut Session, _: &File, node: &Node, draft: &mut Draft) {
    draft.set("TransitGatewayId", at(node, &["RequesterTgwInfo", "TransitGatewayId"]));
    draft.set("PeerTransitGatewayId", at(node, &["AccepterTgwInfo", "TransitGatewayId"]));
    draft.set("PeerAccountId", at(node, &["AccepterTgwInfo", "OwnerId"]));
    draft.set("PeerRegion", at(node, &["AccepterTgwInfo", "Region"]));
    draft.owner = text_at(node, &["RequesterTgwInfo", "OwnerId"]).map(SmolStr::new);
}

/// `search-transit-gateway-routes` for each table, wrapped with the table's id.
fn routes_by_table(session: &mut Session, file: &File, items: &[Node]) {
    for (index, item) in items.iter().enumerate() {
        let Some(table) = session.text(item, "TransitGatewayRouteTableId") else {
            session.bad_item(
                file,
                "TransitGatewayStaticRoutes",
                index,
                item,
                "a mapping with its table's id",
            );
            continue;
        };
        if at(item, &["AdditionalRoutesAvailable"]).and_then(|more| more.as_bool()) == Some(true) {
            let text = format!("not all routes of `{table}` are there");
            session.say(diagnostics::Diagnostic::warning(super::CUT_OFF, item.span, text));
            session.add_unknown(file, "AdditionalRoutesAvailable", Some(index), item.span);
        }
        let routes = session.items(item, "Routes");
        routes_of(session, file, &table, routes);
    }
}

fn routes_of_file(session: &mut Session, file: &File, items: &[Node]) {
    match id_in_name(&file.name, "tgw-rtb-") {
        Some(table) => routes_of(session, file, &table, items),
        None => whose(session, file, "Routes", "tgw-rtb-0123456789abcdef0"),
    }
}

fn routes_of(session: &mut Session, file: &File, table: &SmolStr, routes: &[Node]) {
    let place = session.place(file);
    let mut seen: Vec<SmolStr> = Vec::new();
    for (index, route) in routes.iter().enumerate() {
        let destination = ["DestinationCidrBlock", "PrefixListId"];
        let found = destination.into_iter().find_map(|field| Some((field, text_at(route, &[field])?)));
        let (Some((field, destination)), Some(entries)) = (found, route.as_map()) else {
            session.bad_item(file, "Routes", index, route, "a route with a destination");
            continue;
        };
        let mut id = format_smolstr!("{table}/{destination}");
        let before = seen.iter().filter(|seen| **seen == destination).count();
        if before > 0 {
            id = format_smolstr!("{id}#{}", before + 1);
        }
        seen.push(SmolStr::new(destination));
        let kind = if field == "PrefixListId" {
            "AWS::EC2::TransitGatewayPrefixListReference"
        } else {
            "AWS::EC2::TransitGatewayRoute"
        };
        let mut draft =
            Draft::new(place, kind, id, route.span).with("TransitGatewayRouteTableId", table.clone());
        draft.observed = map(entries);
        draft.promote(field, field);
        // Equal paths (a VPN's tunnels) are several attachments; CloudFormation writes one, the rest is observed.
        let attachments = session.items(route, "TransitGatewayAttachments");
        match attachments.first() {
            Some(first) => {
                draft.set("TransitGatewayAttachmentId", at(first, &["TransitGatewayAttachmentId"]))
            }
            None if text_at(route, &["State"]) == Some("blackhole") => draft.set("Blackhole", true),
            None => {}
        }
        session.add(draft);
    }
}

fn propagations_by_table(session: &mut Session, file: &File, items: &[Node]) {
    for (index, item) in items.iter().enumerate() {
        let Some(table) = session.text(item, "TransitGatewayRouteTableId") else {
            session.bad_item(
                file,
                "TransitGatewayPropagations",
                index,
                item,
                "a mapping with its table's id",
            );
            continue;
        };
        let propagations = session.items(item, "TransitGatewayRouteTablePropagations");
        joined(session, file, &table, propagations, "propagation");
    }
}

fn propagations_of_file(session: &mut Session, file: &File, items: &[Node]) {
    match id_in_name(&file.name, "tgw-rtb-") {
        Some(table) => joined(session, file, &table, items, "propagation"),
        None => whose(session, file, "TransitGatewayRouteTablePropagations", "tgw-rtb-0123456789abcdef0"),
    }
}

fn associations_of_file(session: &mut Session, file: &File, items: &[Node]) {
    match id_in_name(&file.name, "tgw-rtb-") {
        Some(table) => joined(session, file, &table, items, "association"),
        None => whose(session, file, "Associations", "tgw-rtb-0123456789abcdef0"),
    }
}

/// Attachments that a table learns from, or that ask it.
fn joined(session: &mut Session, file: &File, table: &SmolStr, items: &[Node], what: &str) {
    let kind = match what {
        "propagation" => "AWS::EC2::TransitGatewayRouteTablePropagation",
        _ => "AWS::EC2::TransitGatewayRouteTableAssociation",
    };
    let place = session.place(file);
    for (index, item) in items.iter().enumerate() {
        let (Some(attachment), Some(entries)) =
            (text_at(item, &["TransitGatewayAttachmentId"]), item.as_map())
        else {
            session.bad_item(file, what, index, item, "a mapping with an attachment's id");
            continue;
        };
        let id = format_smolstr!("{table}/{what}/{attachment}");
        let mut draft =
            Draft::new(place, kind, id, item.span).with("TransitGatewayRouteTableId", table.clone());
        draft.observed = map(entries);
        draft.promote("TransitGatewayAttachmentId", "TransitGatewayAttachmentId");
        draft.lesser = what == "association";
        session.add(draft);
    }
}
