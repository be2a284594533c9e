//! Network interfaces, instances and NAT gateways.
//!
//! Source: Amazon EC2 API Reference, `NetworkInterface`, `Instance`, `NatGateway`; AWS CloudFormation Template
//! Reference, the types named.

use document::Node;
use estate::{Map, Value, value};
use smol_str::SmolStr;

use super::kinds::{How, Known, Shape, item};
use super::session::{Draft, File, Session, at, text_at};

/// What is read here.
pub static KNOWN: &[Known] = &[
    ("NetworkInterfaces", How::Items(INTERFACE)),
    ("Reservations", How::List(reservations)),
    ("Instances", How::Items(INSTANCE)),
    (
        "NatGateways",
        How::Items(Shape {
            id: "NatGatewayId",
            kind: "AWS::EC2::NatGateway",
            properties: &[
                ("SubnetId", "SubnetId"),
                ("ConnectivityType", "ConnectivityType"),
                ("Tags", "Tags"),
            ],
            more: nat_gateway,
        }),
    ),
    (
        "Volumes",
        How::Items(Shape {
            id: "VolumeId",
            kind: "AWS::EC2::Volume",
            properties: &[
                ("AvailabilityZone", "AvailabilityZone"),
                ("Encrypted", "Encrypted"),
                ("KmsKeyId", "KmsKeyId"),
                ("Size", "Size"),
                ("VolumeType", "VolumeType"),
                ("SnapshotId", "SnapshotId"),
                ("Iops", "Iops"),
                ("Throughput", "Throughput"),
                ("MultiAttachEnabled", "MultiAttachEnabled"),
                ("Tags", "Tags"),
            ],
            more: super::kinds::nothing,
        }),
    ),
    (
        "Functions",
        How::Items(Shape {
            id: "FunctionArn",
            kind: "AWS::Lambda::Function",
            properties: &[
                ("FunctionName", "FunctionName"),
                ("Runtime", "Runtime"),
                ("Handler", "Handler"),
                ("Role", "Role"),
                ("Timeout", "Timeout"),
                ("MemorySize", "MemorySize"),
                ("PackageType", "PackageType"),
                ("Architectures", "Architectures"),
            ],
            more: function,
        }),
    ),
    ("Snapshots", How::Nothing),
    ("Images", How::Nothing),
    ("KeyPairs", How::Nothing),
    ("InstanceStatuses", How::Nothing),
    ("PlacementGroups", How::Nothing),
    ("Hosts", How::Nothing),
    ("InstanceTypes", How::Nothing),
];

const INTERFACE: Shape = Shape {
    id: "NetworkInterfaceId",
    kind: "AWS::EC2::NetworkInterface",
    properties: &[
        ("SubnetId", "SubnetId"),
        ("SourceDestCheck", "SourceDestCheck"),
        ("Description", "Description"),
        ("TagSet", "Tags"),
    ],
    more: interface,
};

const INSTANCE: Shape = Shape {
    id: "InstanceId",
    kind: "AWS::EC2::Instance",
    properties: &[
        ("ImageId", "ImageId"),
        ("InstanceType", "InstanceType"),
        ("KeyName", "KeyName"),
        ("EbsOptimized", "EbsOptimized"),
        ("Tags", "Tags"),
    ],
    more: instance,
};

/// What an interface's addresses are stays observed as well: public addresses and names stand beside them there.
fn interface(session: &mut Session, _: &File, node: &Node, draft: &mut Draft) {
    let groups: Vec<Value> =
        session.items(node, "Groups").iter().filter_map(|group| at(group, &["GroupId"])).collect();
    draft.set("GroupSet", groups);
    let addresses = session.items(node, "PrivateIpAddresses").iter().filter_map(|address| {
        let ip = at(address, &["PrivateIpAddress"])?;
        Some(value!({ "PrivateIpAddress": ip, "Primary": at(address, &["Primary"]) }).spanned(address.span))
    });
    let addresses: Vec<Value> = addresses.collect();
    if addresses.is_empty() {
        draft.set("PrivateIpAddress", at(node, &["PrivateIpAddress"]));
    } else {
        draft.set("PrivateIpAddresses", addresses);
    }
    let ipv6 = session.items(node, "Ipv6Addresses").iter().filter_map(|address| {
        Some(value!({ "Ipv6Address": at(address, &["Ipv6Address"])? }).spanned(address.span))
    });
    let ipv6: Vec<Value> = ipv6.collect();
    if !ipv6.is_empty() {
        draft.set("Ipv6Addresses", ipv6);
    }
    for (field, prefix) in [("Ipv4Prefixes", "Ipv4Prefix"), ("Ipv6Prefixes", "Ipv6Prefix")] {
        let prefixes = session.items(node, field).iter();
        let prefixes: Vec<Value> = prefixes
            .filter_map(|item| {
                let mut map = Map::new();
                map.insert(prefix, at(item, &[prefix])?);
                Some(Value::from(map).spanned(item.span))
            })
            .collect();
        if !prefixes.is_empty() {
            draft.set(field, prefixes);
        }
    }
}

/// Variables of a function often hold secrets, and are not carried on.
fn function(session: &mut Session, _: &File, node: &Node, draft: &mut Draft) {
    draft.owner = super::balancers::account_of(&draft.id);
    draft.observed.remove("Environment");
    let Some(vpc) = node.get("VpcConfig") else { return };
    let list =
        |session: &mut Session, name| session.items(vpc, name).iter().map(super::value::value).collect();
    let (subnets, groups): (Vec<Value>, Vec<Value>) =
        (list(session, "SubnetIds"), list(session, "SecurityGroupIds"));
    if !subnets.is_empty() {
        let config = value!({ "SubnetIds": subnets, "SecurityGroupIds": groups });
        draft.set("VpcConfig", config.spanned(vpc.span));
    }
}

fn reservations(session: &mut Session, file: &File, items: &[Node]) {
    for reservation in items {
        for (index, node) in session.items(reservation, "Instances").iter().enumerate() {
            if let Some(mut draft) = item(session, file, "Instances", index, &INSTANCE, node) {
                draft.owner = text_at(reservation, &["OwnerId"]).map(SmolStr::new).or(draft.owner);
                session.add(draft);
            }
        }
    }
}

fn instance(session: &mut Session, file: &File, node: &Node, draft: &mut Draft) {
    draft.set("AvailabilityZone", at(node, &["Placement", "AvailabilityZone"]));
    draft.set("Tenancy", at(node, &["Placement", "Tenancy"]));
    // The API gives the profile's ARN, CloudFormation its name.
    let profile = text_at(node, &["IamInstanceProfile", "Arn"]).and_then(|arn| arn.rsplit('/').next());
    draft.set("IamInstanceProfile", profile);
    let monitored = text_at(node, &["Monitoring", "State"]);
    draft.set("Monitoring", monitored.map(|state| matches!(state, "enabled" | "pending")));
    let options =
        ["HttpTokens", "HttpEndpoint", "HttpPutResponseHopLimit", "HttpProtocolIpv6", "InstanceMetadataTags"];
    if let Some(metadata) = node.get("MetadataOptions") {
        let mut map = Map::new();
        for option in options {
            if let Some(value) = at(metadata, &[option]) {
                map.insert(option, value);
            }
        }
        draft.set("MetadataOptions", Value::from(map).spanned(metadata.span));
        draft.observed.remove("MetadataOptions");
    }
    let mut interfaces: Vec<Value> = Vec::new();
    for (index, interface) in session.items(node, "NetworkInterfaces").iter().enumerate() {
        let Some(id) = at(interface, &["NetworkInterfaceId"]) else { continue };
        let device = at(interface, &["Attachment", "DeviceIndex"]).and_then(|device| device.as_text());
        interfaces.push(value!({ "NetworkInterfaceId": id, "DeviceIndex": device }).spanned(interface.span));
        // The same interface, as its own call describes it better.
        if let Some(mut seen) = item(session, file, "NetworkInterfaces", index, &INTERFACE, interface) {
            seen.lesser = true;
            seen.observe("InstanceId", draft.id.clone());
            session.add(seen);
        }
    }
    if interfaces.is_empty() {
        draft.set("SubnetId", at(node, &["SubnetId"]));
        let groups = session.items(node, "SecurityGroups").iter().filter_map(|group| at(group, &["GroupId"]));
        draft.set("SecurityGroupIds", groups.collect::<Vec<Value>>());
        draft.set("SourceDestCheck", at(node, &["SourceDestCheck"]));
    } else {
        draft.set("NetworkInterfaces", interfaces);
    }
    draft.observed.remove("NetworkInterfaces");
}

/// The first address is the gateway's own; others are secondary.
fn nat_gateway(session: &mut Session, _: &File, node: &Node, draft: &mut Draft) {
    let addresses = session.items(node, "NatGatewayAddresses");
    let primary = addresses
        .iter()
        .find(|address| at(address, &["IsPrimary"]).and_then(|primary| primary.as_bool()) == Some(true))
        .or(addresses.first());
    if let Some(primary) = primary {
        draft.set("AllocationId", at(primary, &["AllocationId"]));
        draft.set("PrivateIpAddress", at(primary, &["PrivateIp"]));
    }
    let others =
        || addresses.iter().filter(|address| !primary.is_some_and(|primary| std::ptr::eq(primary, *address)));
    let allocations: Vec<Value> = others().filter_map(|address| at(address, &["AllocationId"])).collect();
    if !allocations.is_empty() {
        draft.set("SecondaryAllocationIds", allocations);
    }
    let secondary: Vec<Value> = others().filter_map(|address| at(address, &["PrivateIp"])).collect();
    if !secondary.is_empty() {
        draft.set("SecondaryPrivateIpAddresses", secondary);
    }
}
