//! Route tables of VPCs.
//!
//! Source: Amazon EC2 API Reference, `RouteTable`, `Route`, `RouteTableAssociation`, `PropagatingVgw`; AWS
//! CloudFormation Template Reference, `AWS::EC2::Route` and the association types.

use document::Node;
use smol_str::{SmolStr, format_smolstr};

use super::kinds::{How, Known, Shape};
use super::session::{Draft, File, Session, at, text_at};
use super::value::map;

/// What is read here.
pub static KNOWN: &[Known] = &[(
    "RouteTables",
    How::Items(Shape {
        id: "RouteTableId",
        kind: "AWS::EC2::RouteTable",
        properties: &[("VpcId", "VpcId"), ("Tags", "Tags")],
        more: route_table,
    }),
)];

/// Destinations, of which a route has one.
const DESTINATIONS: &[&str] =
    &["DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId"];

/// Targets that are spelled alike in the API and in CloudFormation. An instance route is listed with the interface
/// as well, and the interface is where packets go.
const TARGETS: &[&str] = &[
    "NetworkInterfaceId",
    "InstanceId",
    "NatGatewayId",
    "TransitGatewayId",
    "VpcPeeringConnectionId",
    "EgressOnlyInternetGatewayId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "CoreNetworkArn",
    "GatewayId",
];

fn route_table(session: &mut Session, _: &File, node: &Node, draft: &mut Draft) {
    draft.observed.remove("Routes");
    let mut seen: Vec<SmolStr> = Vec::new();
    for route in session.items(node, "Routes") {
        let Some(entries) = route.as_map() else {
            session.bad_field("Routes", route, "a mapping");
            draft.observe("NotUnderstood", true);
            continue;
        };
        let destination = DESTINATIONS.iter().find_map(|name| Some((*name, text_at(route, &[name])?)));
        let Some((field, destination)) = destination else {
            session.bad_field("Routes", route, "a route with a destination");
            draft.observe("NotUnderstood", true);
            continue;
        };
        // A table lists a propagated route beside a static one of the same destination.
        let mut id = format_smolstr!("{}/{destination}", draft.id);
        let before = seen.iter().filter(|seen| **seen == destination).count();
        if before > 0 {
            id = format_smolstr!("{id}#{}", before + 1);
        }
        seen.push(SmolStr::new(destination));
        let mut extra = Draft::new(draft.place, "AWS::EC2::Route", id, route.span);
        extra.observed = map(entries);
        extra.owner = draft.owner.clone();
        extra.set("RouteTableId", draft.id.clone());
        extra.promote(field, field);
        if let Some(target) = TARGETS.iter().find(|target| text_at(route, &[target]).is_some()) {
            // An endpoint of a gateway load balancer or a firewall is listed as a gateway.
            let endpoint = text_at(route, &[target]).is_some_and(|id| id.starts_with("vpce-"));
            extra.promote(target, if endpoint { "VpcEndpointId" } else { target });
        }
        session.add(extra);
    }
    associations(session, node, draft);
    draft.observed.remove("PropagatingVgws");
    for gateway in session.items(node, "PropagatingVgws") {
        let Some(id) = session.text(gateway, "GatewayId") else { continue };
        let kind = "AWS::EC2::VPNGatewayRoutePropagation";
        let mut extra = Draft::new(draft.place, kind, format_smolstr!("{}/{id}", draft.id), gateway.span)
            .with("RouteTableIds", vec![draft.id.clone()])
            .with("VpnGatewayId", at(gateway, &["GatewayId"]));
        extra.owner = draft.owner.clone();
        session.add(extra);
    }
}

/// The main association has no type in CloudFormation and stays among what is observed.
fn associations(session: &mut Session, node: &Node, draft: &Draft) {
    for association in session.items(node, "Associations") {
        let ends = [
            ("SubnetId", "AWS::EC2::SubnetRouteTableAssociation"),
            ("GatewayId", "AWS::EC2::GatewayRouteTableAssociation"),
        ];
        let found = ends.into_iter().find(|(end, _)| text_at(association, &[end]).is_some());
        let Some((end, kind)) = found else { continue };
        let id = session.text(association, "RouteTableAssociationId").unwrap_or_else(|| {
            format_smolstr!("{}/{}", draft.id, text_at(association, &[end]).unwrap_or(""))
        });
        let mut extra = Draft::new(draft.place, kind, id, association.span)
            .with("RouteTableId", draft.id.clone())
            .with(end, at(association, &[end]));
        extra.observe("AssociationState", at(association, &["AssociationState"]));
        extra.owner = draft.owner.clone();
        session.add(extra);
    }
}
