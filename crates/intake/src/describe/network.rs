//! VPCs, their subnets and what joins them to each other and the internet.
//!
//! Source: Amazon EC2 API Reference, the data types `Vpc`, `Subnet`, `InternetGateway`, `EgressOnlyInternetGateway`,
//! `Address`, `VpcPeeringConnection`, `ManagedPrefixList`; AWS CloudFormation Template Reference, the types named.

use document::Node;
use estate::Value;
use smol_str::{SmolStr, format_smolstr};

use super::kinds::{How, Known, Shape};
use super::session::{Draft, File, Session, at, text_at};
use super::value::value;

/// What is read here.
pub static KNOWN: &[Known] = &[
    (
        "Vpcs",
        How::Items(Shape {
            id: "VpcId",
            kind: "AWS::EC2::VPC",
            properties: &[
                ("CidrBlock", "CidrBlock"),
                ("InstanceTenancy", "InstanceTenancy"),
                ("Tags", "Tags"),
            ],
            more: vpc,
        }),
    ),
    (
        "Subnets",
        How::Items(Shape {
            id: "SubnetId",
            kind: "AWS::EC2::Subnet",
            properties: &[
                ("VpcId", "VpcId"),
                ("CidrBlock", "CidrBlock"),
                ("AvailabilityZone", "AvailabilityZone"),
                ("MapPublicIpOnLaunch", "MapPublicIpOnLaunch"),
                ("AssignIpv6AddressOnCreation", "AssignIpv6AddressOnCreation"),
                ("Ipv6Native", "Ipv6Native"),
                ("EnableDns64", "EnableDns64"),
                ("OutpostArn", "OutpostArn"),
                ("Tags", "Tags"),
            ],
            more: subnet,
        }),
    ),
    (
        "InternetGateways",
        How::Items(Shape {
            id: "InternetGatewayId",
            kind: "AWS::EC2::InternetGateway",
            properties: &[("Tags", "Tags")],
            more: internet_gateway,
        }),
    ),
    (
        "EgressOnlyInternetGateways",
        How::Items(Shape {
            id: "EgressOnlyInternetGatewayId",
            kind: "AWS::EC2::EgressOnlyInternetGateway",
            properties: &[("Tags", "Tags")],
            more: egress_only,
        }),
    ),
    ("Addresses", How::List(addresses)),
    (
        "VpcPeeringConnections",
        How::Items(Shape {
            id: "VpcPeeringConnectionId",
            kind: "AWS::EC2::VPCPeeringConnection",
            properties: &[("Tags", "Tags")],
            more: peering,
        }),
    ),
    (
        "PrefixLists",
        How::Items(Shape {
            id: "PrefixListId",
            kind: "AWS::EC2::PrefixList",
            properties: &[
                ("PrefixListName", "PrefixListName"),
                ("AddressFamily", "AddressFamily"),
                ("MaxEntries", "MaxEntries"),
                ("Tags", "Tags"),
            ],
            more: prefix_list,
        }),
    ),
    ("Entries", How::List(prefix_list_entries)),
    ("AvailabilityZones", How::Nothing),
    ("Tags", How::Nothing),
    ("MovingAddressStatuses", How::Nothing),
    ("Regions", How::Nothing),
    ("DhcpOptions", How::Nothing),
    ("AccountAttributes", How::Nothing),
];

/// Blocks beside the first, and those of IPv6, are resources of their own in CloudFormation.
fn vpc(session: &mut Session, _: &File, node: &Node, draft: &mut Draft) {
    let first = text_at(node, &["CidrBlock"]).map(SmolStr::new);
    let sets = [
        ("CidrBlockAssociationSet", "CidrBlock", "CidrBlockState"),
        ("Ipv6CidrBlockAssociationSet", "Ipv6CidrBlock", "Ipv6CidrBlockState"),
    ];
    for (set, field, state) in sets {
        for block in session.items(node, set) {
            let state = text_at(block, &[state, "State"]).unwrap_or("associated");
            let Some(cidr) = session.text(block, field) else { continue };
            if Some(&cidr) == first.as_ref() || !matches!(state, "associated" | "associating") {
                continue;
            }
            let id = session.text(block, "AssociationId").unwrap_or(format_smolstr!("{}/{cidr}", draft.id));
            let mut extra = Draft::new(draft.place, "AWS::EC2::VPCCidrBlock", id, block.span)
                .with("VpcId", draft.id.clone())
                .with(field, at(block, &[field]));
            if field == "Ipv6CidrBlock" {
                extra.set("Ipv6Pool", at(block, &["Ipv6Pool"]));
            }
            extra.observe("State", state);
            extra.owner = draft.owner.clone();
            session.add(extra);
        }
    }
}

fn subnet(session: &mut Session, _: &File, node: &Node, draft: &mut Draft) {
    let mut first = true;
    for block in session.items(node, "Ipv6CidrBlockAssociationSet") {
        let state = text_at(block, &["Ipv6CidrBlockState", "State"]).unwrap_or("associated");
        let Some(cidr) = at(block, &["Ipv6CidrBlock"]) else { continue };
        if !matches!(state, "associated" | "associating") {
            continue;
        }
        if std::mem::take(&mut first) {
            draft.set("Ipv6CidrBlock", cidr);
            continue;
        }
        let id = session.text(block, "AssociationId").unwrap_or(format_smolstr!("{}/ipv6", draft.id));
        let mut extra = Draft::new(draft.place, "AWS::EC2::SubnetCidrBlock", id, block.span)
            .with("SubnetId", draft.id.clone())
            .with("Ipv6CidrBlock", cidr);
        extra.owner = draft.owner.clone();
        session.add(extra);
    }
    let launch = node.get("PrivateDnsNameOptionsOnLaunch").map(value);
    draft.set("PrivateDnsNameOptionsOnLaunch", launch);
    draft.observed.remove("PrivateDnsNameOptionsOnLaunch");
}

fn internet_gateway(session: &mut Session, _: &File, node: &Node, draft: &mut Draft) {
    for attachment in session.items(node, "Attachments") {
        let Some(vpc) = session.text(attachment, "VpcId") else { continue };
        let id = format_smolstr!("{}/{vpc}", draft.id);
        let mut extra = Draft::new(draft.place, "AWS::EC2::VPCGatewayAttachment", id, attachment.span)
            .with("InternetGatewayId", draft.id.clone())
            .with("VpcId", at(attachment, &["VpcId"]));
        extra.observe("State", at(attachment, &["State"]));
        extra.owner = draft.owner.clone();
        session.add(extra);
    }
}

/// CloudFormation makes the gateway for one VPC.
fn egress_only(session: &mut Session, _: &File, node: &Node, draft: &mut Draft) {
    if let [attachment] = session.items(node, "Attachments") {
        draft.set("VpcId", at(attachment, &["VpcId"]));
    }
}

/// An address is known by its allocation; one of EC2-Classic has none.
fn addresses(session: &mut Session, file: &File, items: &[Node]) {
    let shape = Shape {
        id: "AllocationId",
        kind: "AWS::EC2::EIP",
        properties: &[
            ("Domain", "Domain"),
            ("PublicIpv4Pool", "PublicIpv4Pool"),
            ("NetworkBorderGroup", "NetworkBorderGroup"),
            ("Tags", "Tags"),
        ],
        more: address,
    };
    let classic = Shape { id: "PublicIp", ..shape };
    for (index, node) in items.iter().enumerate() {
        let shape = if node.get("AllocationId").is_some() { &shape } else { &classic };
        if let Some(draft) = super::kinds::item(session, file, "Addresses", index, shape, node) {
            session.add(draft);
        }
    }
}

fn address(session: &mut Session, _: &File, node: &Node, draft: &mut Draft) {
    if let Some(id) = session.text(node, "AssociationId") {
        let mut extra = Draft::new(draft.place, "AWS::EC2::EIPAssociation", id, node.span)
            .with("AllocationId", draft.id.clone())
            .with("NetworkInterfaceId", at(node, &["NetworkInterfaceId"]))
            .with("PrivateIpAddress", at(node, &["PrivateIpAddress"]));
        extra.observe("PublicIp", at(node, &["PublicIp"]));
        session.add(extra);
    }
}

/// In CloudFormation the requester makes the peering and names the other side.
fn peering(_: &mut Session, _: &File, node: &Node, draft: &mut Draft) {
    draft.set("VpcId", at(node, &["RequesterVpcInfo", "VpcId"]));
    draft.set("PeerVpcId", at(node, &["AccepterVpcInfo", "VpcId"]));
    draft.set("PeerOwnerId", at(node, &["AccepterVpcInfo", "OwnerId"]));
    draft.set("PeerRegion", at(node, &["AccepterVpcInfo", "Region"]));
    draft.owner = text_at(node, &["RequesterVpcInfo", "OwnerId"]).map(SmolStr::new);
}

/// `describe-prefix-lists` gives the blocks; `describe-managed-prefix-lists` does not.
fn prefix_list(session: &mut Session, _: &File, node: &Node, draft: &mut Draft) {
    if node.get("Cidrs").is_some() {
        let cidrs = session.items(node, "Cidrs");
        let entries: Vec<Value> =
            cidrs.iter().map(|cidr| estate::value!({ "Cidr": value(cidr) }).spanned(cidr.span)).collect();
        draft.set("Entries", entries);
        draft.observed.remove("Cidrs");
        // The other call says more of the list itself.
        draft.lesser = true;
    }
}

/// `get-managed-prefix-list-entries` does not name the list.
fn prefix_list_entries(session: &mut Session, file: &File, items: &[Node]) {
    let entries: Vec<Value> = items.iter().map(value).collect();
    match id_in_name(&file.name, "pl-") {
        Some(id) => {
            let mut list = Value::from(entries);
            list.span = items.first().map_or(file.span, |item| item.span);
            session.fact(id, "prefix list", true, "Entries", list);
        }
        None => whose(session, file, "Entries", "pl-0123456789abcdef0"),
    }
}

/// The id with a prefix that a file's name holds.
pub fn id_in_name(name: &str, prefix: &str) -> Option<SmolStr> {
    let file = name.rsplit('/').next().unwrap_or(name);
    let (at, _) = file.match_indices(prefix).last()?;
    let (_, rest) = file.split_at(at + prefix.len());
    let end = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
    let (hex, _) = rest.split_at(end);
    (!hex.is_empty()).then(|| format_smolstr!("{prefix}{hex}"))
}

/// Says that a file does not name what it is about.
pub fn whose(session: &mut Session, file: &File, key: &str, example: &str) {
    let text = format!("`{key}` of `{}` does not say what it is about", file.name);
    let help = format!("put the id into the file's name: `{example}.json`");
    session.say(diagnostics::Diagnostic::warning(super::WHOSE, file.span, text).help(help));
    session.add_unknown(file, key, None, file.span);
}
