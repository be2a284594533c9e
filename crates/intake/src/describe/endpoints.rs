//! VPC endpoints, and services offered through them.
//!
//! Source: Amazon EC2 API Reference, `VpcEndpoint`, `ServiceConfiguration`; AWS CloudFormation Template Reference,
//! `AWS::EC2::VPCEndpoint`, `AWS::EC2::VPCEndpointService`.

use document::Node;
use estate::Value;

use super::iam::policy;
use super::kinds::{How, Known, Shape, nothing};
use super::session::{Draft, File, Session, at};

/// What is read here.
pub static KNOWN: &[Known] = &[
    (
        "VpcEndpoints",
        How::Items(Shape {
            id: "VpcEndpointId",
            kind: "AWS::EC2::VPCEndpoint",
            properties: &[
                ("VpcId", "VpcId"),
                ("ServiceName", "ServiceName"),
                ("ServiceRegion", "ServiceRegion"),
                ("VpcEndpointType", "VpcEndpointType"),
                ("SubnetIds", "SubnetIds"),
                ("RouteTableIds", "RouteTableIds"),
                ("PrivateDnsEnabled", "PrivateDnsEnabled"),
                ("IpAddressType", "IpAddressType"),
                ("ServiceNetworkArn", "ServiceNetworkArn"),
                ("ResourceConfigurationArn", "ResourceConfigurationArn"),
                ("Tags", "Tags"),
            ],
            more: endpoint,
        }),
    ),
    (
        "ServiceConfigurations",
        How::Items(Shape {
            id: "ServiceId",
            kind: "AWS::EC2::VPCEndpointService",
            properties: &[
                ("AcceptanceRequired", "AcceptanceRequired"),
                ("NetworkLoadBalancerArns", "NetworkLoadBalancerArns"),
                ("GatewayLoadBalancerArns", "GatewayLoadBalancerArns"),
                ("Tags", "Tags"),
            ],
            more: nothing,
        }),
    ),
    // What AWS offers, not what anybody has.
    ("ServiceDetails", How::Nothing),
    ("ServiceNames", How::Nothing),
];

fn endpoint(session: &mut Session, _: &File, node: &Node, draft: &mut Draft) {
    let groups = session.items(node, "Groups").iter().filter_map(|group| at(group, &["GroupId"]));
    let groups: Vec<Value> = groups.collect();
    if !groups.is_empty() {
        draft.set("SecurityGroupIds", groups);
    }
    if let Some(document) = node.get("PolicyDocument") {
        draft.set("PolicyDocument", policy(session, document));
        draft.observed.remove("PolicyDocument");
    }
}
