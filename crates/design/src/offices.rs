//! Offices: a site-to-site VPN of two tunnels into the Transit Gateway, and a route table of its own.
//!
//! In: an office of the blueprint and the flows that begin or end there. Out: a stack for each office in the hub's
//! account, and one that they share. Always: tunnels speak IKEv2 with AES-256-GCM and groups of 384 bits or more; the
//! shared secrets are made by AWS and kept in Secrets Manager; both tunnels log; the office's table leads to the hub
//! alone, for what an approved flow names.
//!
//! A VPN connection's attachment has an id that CloudFormation does not tell: a function asks for it, and can do
//! nothing else.
//!
//! Sources: AWS Site-to-Site VPN User Guide, "Tunnel options for your AWS Site-to-Site VPN connection", "AWS Site-to-Site
//! VPN logs"; NIST SP 800-77 Rev. 1, "Guide to IPsec VPNs" (IKEv2, AES-GCM, groups); Amazon VPC Transit Gateways, "Transit
//! gateway attachments to a Site-to-Site VPN"; AWS CloudFormation Template Reference, AWS::EC2::VPNConnection (return
//! values), AWS::CloudFormation::CustomResource.

use std::collections::BTreeSet;

use blueprint::cidr::Cidr;
use blueprint::model::Office;
use diagnostics::Span;
use estate::{StackId, Value, value};

use crate::addresses;
use crate::draft::{Draft, Drawn, Say, attribute};
use crate::hub;
use crate::layout::{HubSite, Layout};
use crate::network::text;
use crate::ways::Part;
use crate::{naming, transit_gateway};

/// The component's name.
pub(crate) const COMPONENT: &str = "offices";

const FINDER: &str = "AttachmentFinder";
const TABLE: &str = "RouteTable";
const CONNECTION: &str = "VpnConnection";
/// What stands for the connection's attachment: its `Ref` is the attachment's id.
const ATTACHMENT: &str = "Attachment";

/// The function that asks for the attachment of a VPN connection. Its answer is the physical id of the resource.
const CODE: &str = r#"import json, time, urllib.request
import boto3

def handler(event, context):
    answer = {"Status": "SUCCESS", "PhysicalResourceId": event.get("PhysicalResourceId", "none")}
    try:
        if event["RequestType"] != "Delete":
            answer["PhysicalResourceId"] = attachment(event["ResourceProperties"]["VpnConnectionId"])
    except Exception as error:
        answer.update(Status="FAILED", Reason=str(error))
    answer.update({key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")})
    body = json.dumps(answer).encode()
    request = urllib.request.Request(event["ResponseURL"], data=body, method="PUT", headers={"Content-Type": ""})
    urllib.request.urlopen(request, timeout=20)

def attachment(connection):
    client = boto3.client("ec2")
    filters = [{"Name": "resource-id", "Values": [connection]}]
    for _ in range(20):
        found = client.describe_transit_gateway_attachments(Filters=filters)["TransitGatewayAttachments"]
        if found:
            return found[0]["TransitGatewayAttachmentId"]
        time.sleep(10)
    raise RuntimeError("the connection has no attachment yet")
"#;

/// The stack that all offices share: the function.
pub(crate) fn stack(layout: &Layout<'_>, hub: &HubSite<'_>) -> Option<Drawn> {
    let span = layout.blueprint.network.offices.first()?.name.span;
    let description = smol_str::format_smolstr!("What the offices of {} share", layout.blueprint.title);
    let mut draft = Draft::new(hub.stacks.offices?, "offices", &hub.place, COMPONENT, span, description);
    let properties = value!({
        "KmsKeyId": hub::logs_key(hub.stacks),
        "RetentionInDays": hub::LOG_DAYS,
        "Tags": hub.tags.list(),
    });
    draft.add("FinderLogGroup", "AWS::Logs::LogGroup", properties).retain();
    let properties = value!({
        "Description": "Lets a function ask for attachments of VPN connections",
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Service": "lambda.amazonaws.com" },
                "Action": "sts:AssumeRole",
                "Condition": { "StringEquals": { "aws:SourceAccount": hub.place.account_id() } },
            }],
        },
        "Policies": [{
            "PolicyName": "AskAndLog",
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    // Descriptions of Amazon EC2 cannot be limited to resources.
                    { "Effect": "Allow", "Action": "ec2:DescribeTransitGatewayAttachments", "Resource": "*" },
                    {
                        "Effect": "Allow",
                        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                        "Resource": draft.attribute("FinderLogGroup", "Arn"),
                    }
                ],
            },
        }],
        "Tags": hub.tags.list(),
    });
    draft.add("FinderRole", "AWS::IAM::Role", properties);
    let properties = value!({
        "Architectures": ["arm64"],
        "Code": { "ZipFile": CODE },
        "Description": "Tells CloudFormation the attachment of a VPN connection",
        "Handler": "index.handler",
        "LoggingConfig": { "LogFormat": "JSON", "LogGroup": draft.reference("FinderLogGroup") },
        "MemorySize": 128,
        "Role": draft.attribute("FinderRole", "Arn"),
        "Runtime": "python3.13",
        "Timeout": 240,
        "TracingConfig": { "Mode": "PassThrough" },
        "Tags": hub.tags.list(),
    });
    draft.add(FINDER, "AWS::Lambda::Function", properties);
    Some(draft.finish())
}

/// The stack of an office.
pub(crate) fn office_stack(
    layout: &Layout<'_>,
    hub: &HubSite<'_>,
    id: StackId,
    office: &Office,
) -> Option<Drawn> {
    let description = smol_str::format_smolstr!("The office {}", office.title);
    let name = smol_str::format_smolstr!("office-{}", office.name);
    let mut draft = Draft::new(id, name, &hub.place, COMPONENT, office.name.span, description);
    connection(hub, &mut draft, office);
    let properties = value!({
        "ServiceToken": attribute(hub.stacks.offices?, FINDER, "Arn"),
        "VpnConnectionId": draft.reference(CONNECTION),
    });
    draft.add(ATTACHMENT, "AWS::CloudFormation::CustomResource", properties);
    let properties = value!({
        "TransitGatewayId": transit_gateway::id(hub.stacks),
        "Tags": hub.tags.named(office.name.value.as_str()),
    });
    draft.add(TABLE, "AWS::EC2::TransitGatewayRouteTable", properties);
    let properties = value!({
        "TransitGatewayAttachmentId": draft.reference(ATTACHMENT),
        "TransitGatewayRouteTableId": draft.reference(TABLE),
    });
    draft.add("Association", "AWS::EC2::TransitGatewayRouteTableAssociation", properties);
    for network in &office.networks {
        let properties = value!({
            "DestinationCidrBlock": text(network.value),
            "TransitGatewayAttachmentId": draft.reference(ATTACHMENT),
            "TransitGatewayRouteTableId": transit_gateway::hub_table(hub.stacks),
        });
        let id = smol_str::format_smolstr!("RouteFromHubTo{}", naming::of_block(network.value));
        draft.at(network.span).add(id, "AWS::EC2::TransitGatewayRoute", properties);
    }
    for (target, span) in reached(layout, office) {
        let properties = value!({
            "DestinationCidrBlock": text(target),
            "TransitGatewayAttachmentId": transit_gateway::hub_attachment(hub.stacks),
            "TransitGatewayRouteTableId": draft.reference(TABLE),
        });
        let id = smol_str::format_smolstr!("RouteTo{}", naming::of_block(target));
        draft.at(span).add(id, "AWS::EC2::TransitGatewayRoute", properties);
    }
    Some(draft.finish())
}

/// The tiers with which an office exchanges packets, each once, in order.
fn reached(layout: &Layout<'_>, office: &Office) -> Vec<(Cidr, Span)> {
    let own: BTreeSet<Cidr> = office.networks.iter().map(|network| network.value).collect();
    let mut out: Vec<(Cidr, Span)> = Vec::new();
    for site in &layout.sites {
        let Some(joined) = &site.hub else { continue };
        let block = site.network.addresses;
        for way in joined.ways.into.iter().filter(|way| own.contains(&way.from)) {
            let tier = match way.part {
                Part::Workload(_) => addresses::gateway_block(block),
                Part::Store(_) => addresses::data_block(block),
            };
            out.extend(tier.map(|tier| (tier, way.span)));
        }
        for way in joined.ways.out.iter().filter(|way| own.contains(&way.to)) {
            out.extend(addresses::outbound_block(block).map(|tier| (tier, way.span)));
        }
    }
    out.sort_by_key(|(block, span)| (*block, *span));
    out.dedup_by_key(|(block, _)| *block);
    out
}

fn connection(hub: &HubSite<'_>, draft: &mut Draft, office: &Office) {
    let name = office.name.value.as_str();
    let properties = value!({
        "BgpAsn": 65000,
        "IpAddress": smol_str::format_smolstr!("{}", office.address.value),
        "Type": "ipsec.1",
        "Tags": hub.tags.named(name),
    });
    draft.at(office.address.span).add("CustomerGateway", "AWS::EC2::CustomerGateway", properties);
    let properties = value!({
        "KmsKeyId": hub::logs_key(hub.stacks),
        "RetentionInDays": hub::LOG_DAYS,
        "Tags": hub.tags.list(),
    });
    draft.at(office.name.span).add("TunnelLogGroup", "AWS::Logs::LogGroup", properties).retain();
    let tunnels: Vec<Value> = (0..2).map(|_| tunnel(draft)).collect();
    // With one network the tunnels carry nothing else; IPsec has room for one.
    let only = match office.networks.as_slice() {
        [only] => Some(text(only.value)),
        _ => None,
    };
    let properties = value!({
        "CustomerGatewayId": draft.reference("CustomerGateway"),
        "LocalIpv4NetworkCidr": only,
        "PreSharedKeyStorage": "SecretsManager",
        "StaticRoutesOnly": true,
        "TransitGatewayId": transit_gateway::id(hub.stacks),
        "Type": "ipsec.1",
        "VpnTunnelOptionsSpecifications": tunnels,
        "Tags": hub.tags.named(name),
    });
    draft.add(CONNECTION, "AWS::EC2::VPNConnection", properties);
}

fn tunnel(draft: &Draft) -> Value {
    value!({
        "DPDTimeoutAction": "restart",
        "EnableTunnelLifecycleControl": true,
        "IKEVersions": [{ "Value": "ikev2" }],
        "LogOptions": {
            "CloudwatchLogOptions": {
                "LogEnabled": true,
                "LogGroupArn": draft.attribute("TunnelLogGroup", "Arn"),
                "LogOutputFormat": "json",
            },
        },
        "Phase1DHGroupNumbers": [{ "Value": 20 }, { "Value": 21 }],
        "Phase1EncryptionAlgorithms": [{ "Value": "AES256-GCM-16" }],
        "Phase1IntegrityAlgorithms": [{ "Value": "SHA2-384" }, { "Value": "SHA2-512" }],
        "Phase2DHGroupNumbers": [{ "Value": 20 }, { "Value": 21 }],
        "Phase2EncryptionAlgorithms": [{ "Value": "AES256-GCM-16" }],
        "Phase2IntegrityAlgorithms": [{ "Value": "SHA2-384" }, { "Value": "SHA2-512" }],
    })
}
