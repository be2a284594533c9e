//! Virtual private gateways, VPN connections, customer gateways, client VPN, Direct Connect.
//!
//! Source: Amazon EC2 API Reference, `VpnGateway`, `VpnConnection`, `VpnStaticRoute`, `CustomerGateway`,
//! `ClientVpnEndpoint`; AWS CloudFormation Template Reference, the types named.

use document::Node;
use estate::Value;
use smol_str::{SmolStr, format_smolstr};

use super::kinds::{How, Known, Shape};
use super::session::{Draft, File, Session, at};
use super::value::{map, value};

/// What is read here.
pub static KNOWN: &[Known] = &[
    (
        "VpnGateways",
        How::Items(Shape {
            id: "VpnGatewayId",
            kind: "AWS::EC2::VPNGateway",
            properties: &[("Type", "Type"), ("AmazonSideAsn", "AmazonSideAsn"), ("Tags", "Tags")],
            more: gateway,
        }),
    ),
    (
        "VpnConnections",
        How::Items(Shape {
            id: "VpnConnectionId",
            kind: "AWS::EC2::VPNConnection",
            properties: &[
                ("Type", "Type"),
                ("CustomerGatewayId", "CustomerGatewayId"),
                ("VpnGatewayId", "VpnGatewayId"),
                ("TransitGatewayId", "TransitGatewayId"),
                ("Tags", "Tags"),
            ],
            more: connection,
        }),
    ),
    (
        "CustomerGateways",
        How::Items(Shape {
            id: "CustomerGatewayId",
            kind: "AWS::EC2::CustomerGateway",
            properties: &[
                ("Type", "Type"),
                ("IpAddress", "IpAddress"),
                ("DeviceName", "DeviceName"),
                ("CertificateArn", "CertificateArn"),
                ("Tags", "Tags"),
            ],
            more: customer_gateway,
        }),
    ),
    (
        "ClientVpnEndpoints",
        How::Items(Shape {
            id: "ClientVpnEndpointId",
            kind: "AWS::EC2::ClientVpnEndpoint",
            properties: &[
                ("ClientCidrBlock", "ClientCidrBlock"),
                ("Description", "Description"),
                ("ServerCertificateArn", "ServerCertificateArn"),
                ("SplitTunnel", "SplitTunnel"),
                ("TransportProtocol", "TransportProtocol"),
                ("VpnPort", "VpnPort"),
                ("VpcId", "VpcId"),
                ("SecurityGroupIds", "SecurityGroupIds"),
                ("Tags", "TagSpecifications"),
            ],
            more: client_vpn,
        }),
    ),
    // Direct Connect spells with small letters at the front; some tools that record it do not.
    ("virtualInterfaces", How::List(virtual_interfaces)),
    ("VirtualInterfaces", How::List(virtual_interfaces)),
    ("directConnectGateways", How::List(direct_connect_gateways)),
    ("DirectConnectGateways", How::List(direct_connect_gateways)),
    ("directConnectGatewayAssociations", How::List(direct_connect_associations)),
    ("DirectConnectGatewayAssociations", How::List(direct_connect_associations)),
];

fn gateway(session: &mut Session, _: &File, node: &Node, draft: &mut Draft) {
    for attachment in session.items(node, "VpcAttachments") {
        let Some(vpc) = session.text(attachment, "VpcId") else { continue };
        let state = session.text(attachment, "State");
        if state.as_deref() == Some("detached") {
            continue;
        }
        let id = format_smolstr!("{}/{vpc}", draft.id);
        let mut extra = Draft::new(draft.place, "AWS::EC2::VPCGatewayAttachment", id, attachment.span)
            .with("VpnGatewayId", draft.id.clone())
            .with("VpcId", at(attachment, &["VpcId"]));
        extra.observe("State", state);
        session.add(extra);
    }
}

fn connection(session: &mut Session, _: &File, node: &Node, draft: &mut Draft) {
    draft.set("StaticRoutesOnly", at(node, &["Options", "StaticRoutesOnly"]));
    draft.set("LocalIpv4NetworkCidr", at(node, &["Options", "LocalIpv4NetworkCidr"]));
    draft.set("RemoteIpv4NetworkCidr", at(node, &["Options", "RemoteIpv4NetworkCidr"]));
    for route in session.items(node, "Routes") {
        let Some(destination) = session.text(route, "DestinationCidrBlock") else { continue };
        let id = format_smolstr!("{}/{destination}", draft.id);
        let mut extra = Draft::new(draft.place, "AWS::EC2::VPNConnectionRoute", id, route.span)
            .with("VpnConnectionId", draft.id.clone())
            .with("DestinationCidrBlock", at(route, &["DestinationCidrBlock"]));
        extra.observe("State", at(route, &["State"]));
        session.add(extra);
    }
}

/// A text here, a number in CloudFormation.
fn customer_gateway(_: &mut Session, _: &File, node: &Node, draft: &mut Draft) {
    let asn = at(node, &["BgpAsn"])
        .and_then(|asn| asn.as_int().map(|number| Value::from(number).spanned(asn.span)));
    draft.set("BgpAsn", asn);
}

/// A field with a small or a capital letter at the front.
fn either<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    let mut letters = name.chars();
    let small: String =
        letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect();
    node.get(name).or_else(|| node.get(&small))
}

/// Items of Direct Connect: `names` are the id, then fields that CloudFormation has under the same names.
fn direct_connect(
    session: &mut Session,
    file: &File,
    items: &[Node],
    names: &[&'static str],
    kind: impl Fn(&Node) -> &'static str,
) {
    let place = session.place(file);
    for (index, node) in items.iter().enumerate() {
        let text = |name: &str| either(node, name).and_then(Node::as_str);
        // Associations of earlier versions of the API have no id of their own.
        let pair = text("DirectConnectGatewayId").zip(text("VirtualGatewayId"));
        let id = names.first().and_then(|id| text(id)).map(SmolStr::new);
        let id = id.or_else(|| pair.map(|(gateway, other)| format_smolstr!("{gateway}/{other}")));
        let (Some(id), Some(entries)) = (id, node.as_map()) else {
            session.bad_item(file, "Direct Connect", index, node, "a mapping with its id");
            continue;
        };
        let mut draft = Draft::new(place, kind(node), id, node.span);
        draft.observed = map(entries);
        for name in names.iter().skip(1) {
            draft.set(name, either(node, name).map(value));
        }
        session.add(draft);
    }
}

fn virtual_interfaces(session: &mut Session, file: &File, items: &[Node]) {
    let names = [
        "VirtualInterfaceId",
        "VirtualInterfaceName",
        "Vlan",
        "ConnectionId",
        "DirectConnectGatewayId",
        "VirtualGatewayId",
        "Mtu",
    ];
    direct_connect(session, file, items, &names, |node| {
        match either(node, "VirtualInterfaceType").and_then(Node::as_str) {
            Some("transit") => "AWS::DirectConnect::TransitVirtualInterface",
            Some("public") => "AWS::DirectConnect::PublicVirtualInterface",
            _ => "AWS::DirectConnect::PrivateVirtualInterface",
        }
    });
}

fn direct_connect_gateways(session: &mut Session, file: &File, items: &[Node]) {
    let names = ["DirectConnectGatewayId", "DirectConnectGatewayName", "AmazonSideAsn"];
    direct_connect(session, file, items, &names, |_| "AWS::DirectConnect::DirectConnectGateway");
}

/// What is associated, and which prefixes are announced towards the office.
fn direct_connect_associations(session: &mut Session, file: &File, items: &[Node]) {
    let before = session.drafts.len();
    let names = ["AssociationId", "DirectConnectGatewayId"];
    direct_connect(session, file, items, &names, |_| "AWS::DirectConnect::DirectConnectGatewayAssociation");
    for draft in session.drafts.iter_mut().skip(before) {
        let gateway =
            ["AssociatedGateway", "associatedGateway"].iter().find_map(|name| draft.observed.get(name));
        let id = gateway.and_then(|gateway| gateway.get("Id").or_else(|| gateway.get("id"))).cloned();
        draft.set("AssociatedGatewayId", id);
        let prefixes = ["AllowedPrefixesToDirectConnectGateway", "allowedPrefixesToDirectConnectGateway"];
        let list = prefixes.iter().find_map(|name| draft.observed.get(name)).and_then(Value::as_list);
        let cidrs =
            list.unwrap_or(&[]).iter().filter_map(|item| item.get("Cidr").or_else(|| item.get("cidr")));
        let cidrs: Vec<Value> = cidrs.cloned().collect();
        draft.set("AllowedPrefixesToDirectConnectGateway", cidrs);
    }
}

fn client_vpn(_: &mut Session, _: &File, _: &Node, draft: &mut Draft) {
    let tags = draft.properties.remove("TagSpecifications");
    draft.set(
        "TagSpecifications",
        tags.map(|tags| vec![estate::value!({ "ResourceType": "client-vpn-endpoint", "Tags": tags })]),
    );
}
