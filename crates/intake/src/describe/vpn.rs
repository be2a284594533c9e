//! Virtual private gateways, VPN connections, customer gateways, client VPN, Direct Connect.
//!
//! Source: Amazon EC2 API Reference, `VpnGateway`, `VpnConnection`, `VpnStaticRoute`, `CustomerGateway`,
//! `ClientVpnEndpoint`; AWS CloudFormation Template Reference, the types named.

use document::Node;
use estate::Value;
use smol_str::format_smolstr;

use super::kinds::{How, Known, Shape, nothing};
use super::session::{Draft, File, Session, at};

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
    (
        "VirtualInterfaces",
        How::Items(Shape {
            id: "virtualInterfaceId",
            kind: "AWS::DirectConnect::VirtualInterface",
            properties: &[],
            more: nothing,
        }),
    ),
    (
        "virtualInterfaces",
        How::Items(Shape {
            id: "virtualInterfaceId",
            kind: "AWS::DirectConnect::VirtualInterface",
            properties: &[],
            more: nothing,
        }),
    ),
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

fn client_vpn(_: &mut Session, _: &File, _: &Node, draft: &mut Draft) {
    let tags = draft.properties.remove("TagSpecifications");
    draft.set(
        "TagSpecifications",
        tags.map(|tags| vec![estate::value!({ "ResourceType": "client-vpn-endpoint", "Tags": tags })]),
    );
}
