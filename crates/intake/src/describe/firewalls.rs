//! AWS Network Firewall: one call a firewall, a policy, a rule group.
//!
//! Source: AWS Network Firewall API Reference, `DescribeFirewall`, `DescribeFirewallPolicy`, `DescribeRuleGroup`,
//! whose structures CloudFormation spells alike.

use document::Node;
use estate::Map;
use smol_str::SmolStr;

use super::balancers::account_of;
use super::kinds::{How, Known};
use super::session::{Draft, File, Session};
use super::value::entry as mapped;

/// What is read here.
pub static KNOWN: &[Known] = &[
    ("Firewall", How::Whole(firewall)),
    ("FirewallStatus", How::Nothing),
    ("FirewallPolicyResponse", How::Whole(firewall_policy)),
    ("FirewallPolicy", How::Nothing),
    ("RuleGroupResponse", How::Whole(rule_group)),
    ("RuleGroup", How::Nothing),
    // Names alone; what they name is described one by one.
    ("Firewalls", How::List(each)),
    ("FirewallPolicies", How::List(each)),
    ("RuleGroups", How::List(each)),
];

/// Several descriptions in one list, as people collect them; a list of names says nothing.
fn each(session: &mut Session, file: &File, items: &[Node]) {
    for node in items {
        if node.get("Firewall").is_some() {
            firewall(session, file, node);
        } else if node.get("FirewallPolicyResponse").is_some() {
            firewall_policy(session, file, node);
        } else if node.get("RuleGroupResponse").is_some() {
            rule_group(session, file, node);
        }
    }
}

fn draft(
    session: &mut Session,
    file: &File,
    node: &Node,
    id: &str,
    kind: &'static str,
    properties: &[(&str, &'static str)],
) -> Option<Draft> {
    let arn = node.get(id).and_then(Node::as_str);
    let (Some(entries), Some(arn)) = (node.as_map(), arn) else {
        session.bad_item(file, id, 0, node, &format!("a mapping with a text `{id}`"));
        return None;
    };
    let mut draft = Draft::new(session.place(file), kind, arn, node.span);
    draft.owner = account_of(arn);
    let mut observed = Map::new();
    for entry in entries {
        match properties.iter().find(|(field, _)| *field == entry.key.text) {
            Some((_, property)) => {
                let mut entry = mapped(entry);
                entry.key = SmolStr::new_static(property);
                draft.properties.push_new(entry);
            }
            None => observed.push_new(mapped(entry)),
        }
    }
    draft.observed = observed;
    Some(draft)
}

fn firewall(session: &mut Session, file: &File, root: &Node) {
    let Some(node) = root.get("Firewall") else { return };
    let properties = [
        ("FirewallName", "FirewallName"),
        ("FirewallPolicyArn", "FirewallPolicyArn"),
        ("VpcId", "VpcId"),
        ("SubnetMappings", "SubnetMappings"),
        ("DeleteProtection", "DeleteProtection"),
        ("SubnetChangeProtection", "SubnetChangeProtection"),
        ("FirewallPolicyChangeProtection", "FirewallPolicyChangeProtection"),
        ("Description", "Description"),
        ("EnabledAnalysisTypes", "EnabledAnalysisTypes"),
        ("Tags", "Tags"),
    ];
    let kind = "AWS::NetworkFirewall::Firewall";
    let Some(mut draft) = draft(session, file, node, "FirewallArn", kind, &properties) else { return };
    // Its endpoints, which route tables name, are here.
    draft.observe("FirewallStatus", root.get("FirewallStatus").map(super::value::value));
    session.add(draft);
}

fn firewall_policy(session: &mut Session, file: &File, root: &Node) {
    let Some(node) = root.get("FirewallPolicyResponse") else { return };
    let properties =
        [("FirewallPolicyName", "FirewallPolicyName"), ("Description", "Description"), ("Tags", "Tags")];
    let kind = "AWS::NetworkFirewall::FirewallPolicy";
    let Some(mut draft) = draft(session, file, node, "FirewallPolicyArn", kind, &properties) else { return };
    draft.set("FirewallPolicy", root.get("FirewallPolicy").map(super::value::value));
    session.add(draft);
}

fn rule_group(session: &mut Session, file: &File, root: &Node) {
    let Some(node) = root.get("RuleGroupResponse") else { return };
    let properties = [
        ("RuleGroupName", "RuleGroupName"),
        ("Type", "Type"),
        ("Capacity", "Capacity"),
        ("Description", "Description"),
        ("Tags", "Tags"),
    ];
    let kind = "AWS::NetworkFirewall::RuleGroup";
    let Some(mut draft) = draft(session, file, node, "RuleGroupArn", kind, &properties) else { return };
    draft.set("RuleGroup", root.get("RuleGroup").map(super::value::value));
    session.add(draft);
}
