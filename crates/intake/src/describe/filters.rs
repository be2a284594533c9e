//! Security groups and network ACLs.
//!
//! Source: Amazon EC2 API Reference, `SecurityGroup`, `IpPermission`, `NetworkAcl`, `NetworkAclEntry`; AWS
//! CloudFormation Template Reference, `AWS::EC2::SecurityGroup`, `AWS::EC2::NetworkAclEntry`.

use document::Node;
use estate::{Map, Value};
use smol_str::{SmolStr, format_smolstr};

use super::kinds::{How, Known, Shape};
use super::session::{Draft, File, Session, at, text_at};
use super::value::map;

/// What is read here.
pub static KNOWN: &[Known] = &[
    (
        "SecurityGroups",
        How::Items(Shape {
            id: "GroupId",
            kind: "AWS::EC2::SecurityGroup",
            properties: &[
                ("Description", "GroupDescription"),
                ("GroupName", "GroupName"),
                ("VpcId", "VpcId"),
                ("Tags", "Tags"),
            ],
            more: security_group,
        }),
    ),
    (
        "NetworkAcls",
        How::Items(Shape {
            id: "NetworkAclId",
            kind: "AWS::EC2::NetworkAcl",
            properties: &[("VpcId", "VpcId"), ("Tags", "Tags")],
            more: network_acl,
        }),
    ),
];

/// A group's rules are written inline. A list that is empty is written too: it means that nothing may pass, whereas
/// CloudFormation lets everything out of a group that says nothing.
fn security_group(session: &mut Session, _: &File, node: &Node, draft: &mut Draft) {
    let directions = [
        ("IpPermissions", "SecurityGroupIngress", "SourceSecurityGroupId", "SourcePrefixListId"),
        (
            "IpPermissionsEgress",
            "SecurityGroupEgress",
            "DestinationSecurityGroupId",
            "DestinationPrefixListId",
        ),
    ];
    for (field, property, group, prefix_list) in directions {
        if node.get(field).is_none() {
            continue;
        }
        let mut rules: Vec<Value> = Vec::new();
        for permission in session.items(node, field) {
            let sources = [
                ("IpRanges", "CidrIp", "CidrIp"),
                ("Ipv6Ranges", "CidrIpv6", "CidrIpv6"),
                ("PrefixListIds", "PrefixListId", prefix_list),
                ("UserIdGroupPairs", "GroupId", group),
            ];
            for (list, from, to) in sources {
                for source in session.items(permission, list) {
                    let mut rule = rule(permission, source);
                    rule.insert(to, at(source, &[from]));
                    if list == "UserIdGroupPairs" && property == "SecurityGroupIngress" {
                        rule.insert("SourceSecurityGroupOwnerId", at(source, &["UserId"]));
                    }
                    rules.push(Value::from(without_absent(rule)).spanned(source.span));
                }
            }
        }
        let span = node.get(field).map_or(node.span, |list| list.span);
        draft.set(property, Value::from(rules).spanned(span));
        draft.observed.remove(field);
    }
    let stale: Vec<Value> = peered(node);
    if !stale.is_empty() {
        draft.observe("PeeredPairs", stale);
    }
}

fn rule(permission: &Node, source: &Node) -> Map {
    let mut rule = Map::new();
    rule.insert("IpProtocol", at(permission, &["IpProtocol"]));
    rule.insert("FromPort", at(permission, &["FromPort"]));
    rule.insert("ToPort", at(permission, &["ToPort"]));
    rule.insert("Description", at(source, &["Description"]));
    rule
}

/// Pairs that name a group of a peered VPC, whose peering may be gone.
fn peered(node: &Node) -> Vec<Value> {
    let permissions = ["IpPermissions", "IpPermissionsEgress"];
    let lists = permissions.iter().filter_map(|field| node.get(field)?.as_list()).flatten();
    let pairs = lists.filter_map(|permission| permission.get("UserIdGroupPairs")?.as_list()).flatten();
    let peered = pairs.filter(|pair| pair.get("VpcPeeringConnectionId").is_some());
    peered.filter_map(|pair| pair.as_map()).map(|entries| Value::from(map(entries))).collect()
}

fn without_absent(map: Map) -> Map {
    let there = |value: &Value| !matches!(value.kind, estate::Kind::Absent);
    let mut out = Map::with_capacity(map.len());
    map.into_iter().filter(|entry| there(&entry.value)).for_each(|entry| out.push_new(entry));
    out
}

/// Rule numbers from here on are those of the last rule, `*`, which denies and cannot be written.
///
/// Source: Amazon VPC User Guide, "Network ACL rules".
const LAST_RULE: i64 = 32767;

fn network_acl(session: &mut Session, _: &File, node: &Node, draft: &mut Draft) {
    draft.observed.remove("Entries");
    for entry in session.items(node, "Entries") {
        let number = at(entry, &["RuleNumber"]).and_then(|number| number.as_int());
        let egress = at(entry, &["Egress"]).and_then(|egress| egress.as_bool());
        let (Some(number), Some(egress)) = (number, egress) else {
            session.bad_field("Entries", entry, "an entry with a number and a direction");
            draft.observe("NotUnderstood", true);
            continue;
        };
        if number >= LAST_RULE {
            continue;
        }
        let direction = if egress { "egress" } else { "ingress" };
        let id = format_smolstr!("{}/{direction}/{number}", draft.id);
        let mut extra = Draft::new(draft.place, "AWS::EC2::NetworkAclEntry", id, entry.span)
            .with("NetworkAclId", draft.id.clone())
            .with("RuleNumber", at(entry, &["RuleNumber"]))
            .with("Egress", at(entry, &["Egress"]))
            .with("RuleAction", at(entry, &["RuleAction"]))
            .with("CidrBlock", at(entry, &["CidrBlock"]))
            .with("Ipv6CidrBlock", at(entry, &["Ipv6CidrBlock"]))
            .with("PortRange", at(entry, &["PortRange"]))
            .with("Icmp", at(entry, &["IcmpTypeCode"]));
        // A text here, a number in CloudFormation.
        let protocol = at(entry, &["Protocol"]);
        let numeric = protocol.as_ref().and_then(|text| text.as_int());
        match (numeric, protocol) {
            (Some(number), Some(written)) => extra.set("Protocol", Value::from(number).spanned(written.span)),
            (_, written) => extra.set("Protocol", written),
        }
        extra.owner = draft.owner.clone();
        session.add(extra);
    }
    for association in session.items(node, "Associations") {
        let Some(subnet) = text_at(association, &["SubnetId"]) else { continue };
        let id = text_at(association, &["NetworkAclAssociationId"]).map(SmolStr::new);
        let id = id.unwrap_or_else(|| format_smolstr!("{}/{subnet}", draft.id));
        let mut extra =
            Draft::new(draft.place, "AWS::EC2::SubnetNetworkAclAssociation", id, association.span)
                .with("NetworkAclId", draft.id.clone())
                .with("SubnetId", at(association, &["SubnetId"]));
        extra.owner = draft.owner.clone();
        session.add(extra);
    }
}
