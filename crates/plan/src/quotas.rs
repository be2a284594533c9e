//! Which of AWS's quotas a plan comes near to.
//!
//! In: what is wanted. Out: [`Near`]: counts of four fifths of a quota and more, the nearest first. Always: a count is of what the templates
//! say and no more: what else is in an account counts for AWS and not here; quotas themselves are data of the catalog, with their source.

use std::collections::{BTreeMap, BTreeSet};

use catalog::Catalog;
use serde::Serialize;
use serde_json::Value;

use crate::Desired;
use crate::template::{references, resources};

/// A quota that is nearly used up, or more than that.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Near {
    /// What is counted: `rules of a security group in one direction`.
    pub what: String,
    /// Where: a stack, a resource of one, or an account and region.
    pub place: String,
    /// How many there are.
    pub used: usize,
    /// How many there may be, where nobody asked AWS for more.
    pub most: usize,
}

/// Counts of four fifths of a quota and more.
#[must_use]
pub fn near(desired: &Desired) -> Vec<Near> {
    let mut count = Counts::default();
    let quotas = Catalog::shared().quotas();
    let mut stacks: BTreeMap<String, usize> = BTreeMap::new();
    for stack in &desired.manifest.stacks {
        let place = format!("{}/{}", stack.account, stack.region.as_deref().unwrap_or("any region"));
        *stacks.entry(place.clone()).or_default() += 1;
        count.add("resources in a template", &stack.key, stack.resources, quotas.resources);
        count.add("parameters in a template", &stack.key, stack.parameters.len(), quotas.parameters);
        count.add("outputs in a template", &stack.key, stack.outputs.len(), quotas.outputs);
        count.add("bytes of a template", &stack.key, stack.bytes, quotas.template_body_s3_bytes);
        let template = desired.templates.get(&stack.template).map_or("", |text| text);
        count.resources(&stack.key, &place, &resources(template));
    }
    for (place, used) in stacks {
        count.add("stacks in an account and region", &place, used, quotas.stacks);
    }
    count.done()
}

#[derive(Default)]
struct Counts {
    near: Vec<Near>,
    /// By id of a network quota and place.
    network: BTreeMap<(&'static str, String), usize>,
    /// Policies of a kind by the target that they are attached to.
    attached: BTreeMap<(String, String), usize>,
}

impl Counts {
    fn add(&mut self, what: &str, place: &str, used: usize, most: usize) {
        if most > 0 && used * 5 >= most * 4 {
            self.near.push(Near { what: what.to_owned(), place: place.to_owned(), used, most });
        }
    }

    fn resources(&mut self, stack: &str, place: &str, resources: &BTreeMap<String, Value>) {
        for (id, resource) in resources {
            let properties = resource.get("Properties").unwrap_or(&Value::Null);
            let list = |name: &str| properties.get(name).and_then(Value::as_array).map_or(0, Vec::len);
            let own = format!("{stack}/{id}");
            let mut bump = |quota: &'static str, place: String, by: usize| {
                *self.network.entry((quota, place)).or_default() += by;
            };
            match resource.get("Type").and_then(Value::as_str).unwrap_or_default() {
                "AWS::EC2::EIP" => bump("elastic_addresses", place.to_owned(), 1),
                "AWS::NetworkFirewall::Firewall" => bump("firewalls", place.to_owned(), 1),
                "AWS::EC2::TransitGatewayRouteTable" => bump("transit_route_tables", place.to_owned(), 1),
                "AWS::EC2::SecurityGroup" => {
                    bump("security_group_rules", format!("{own} (in)"), list("SecurityGroupIngress"));
                    bump("security_group_rules", format!("{own} (out)"), list("SecurityGroupEgress"));
                }
                kind @ ("AWS::EC2::SecurityGroupIngress" | "AWS::EC2::SecurityGroupEgress") => {
                    let way = if kind.ends_with("Ingress") { "in" } else { "out" };
                    if let Some(group) = properties.get("GroupId").and_then(referred) {
                        bump("security_group_rules", format!("{stack}/{group} ({way})"), 1);
                    }
                }
                "AWS::Organizations::Policy" => self.policy(&own, properties),
                _ => {}
            }
        }
    }

    fn policy(&mut self, own: &str, properties: &Value) {
        let kind = properties.get("Type").and_then(Value::as_str).unwrap_or_default();
        let Some(quota) = Catalog::shared().policy_quota(kind) else { return };
        let text = match properties.get("Content") {
            Some(Value::String(text)) => text.chars().count(),
            Some(content) => content.to_string().chars().count(),
            None => 0,
        };
        self.add(&format!("characters of a policy of type {kind}"), own, text, quota.characters);
        for target in properties.get("TargetIds").and_then(Value::as_array).into_iter().flatten() {
            let target = referred(target).unwrap_or_else(|| target.to_string());
            *self.attached.entry((kind.to_owned(), target)).or_default() += 1;
        }
    }

    fn done(mut self) -> Vec<Near> {
        for ((id, place), used) in std::mem::take(&mut self.network) {
            if let Some(quota) = Catalog::shared().network_quota(id) {
                self.add(&quota.what, &place, used, quota.value);
            }
        }
        for ((kind, target), used) in std::mem::take(&mut self.attached) {
            if let Some(quota) = Catalog::shared().policy_quota(&kind) {
                self.add(&format!("policies of type {kind} on one target"), &target, used, quota.per_target);
            }
        }
        let share = |near: &Near| std::cmp::Reverse(near.used * 10_000 / near.most);
        self.near.sort_by(|a, b| (share(a), a).cmp(&(share(b), b)));
        self.near
    }
}

/// The logical id or parameter that a value refers to.
fn referred(value: &Value) -> Option<String> {
    let mut names = BTreeSet::new();
    references(value, &mut names);
    names.pop_first()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    fn counted(resources: &Value) -> Vec<(String, String, usize, usize)> {
        let mut counts = Counts::default();
        let resources = resources.as_object().unwrap().clone().into_iter().collect();
        counts.resources("prod/us-east-1/hub", "prod/us-east-1", &resources);
        counts.done().into_iter().map(|near| (near.what, near.place, near.used, near.most)).collect()
    }

    #[test]
    fn what_is_four_fifths_of_a_quota_is_near_and_what_is_less_is_not() {
        let addresses = |count: usize| {
            let all: serde_json::Map<String, Value> =
                (0..count).map(|at| (format!("Address{at}"), json!({ "Type": "AWS::EC2::EIP" }))).collect();
            counted(&Value::Object(all))
        };
        assert!(addresses(3).is_empty());
        let near = addresses(4);
        let (what, place, used, most) = near.first().unwrap();
        assert!(what.contains("Elastic IP"), "{what}");
        assert_eq!((place.as_str(), *used, *most), ("prod/us-east-1", 4, 5));
    }

    #[test]
    fn rules_in_lists_and_rules_of_their_own_count_together() {
        let rule = json!({ "IpProtocol": "tcp" });
        let mut resources = json!({
            "Group": { "Type": "AWS::EC2::SecurityGroup", "Properties": { "SecurityGroupIngress": vec![rule.clone(); 40] } },
        });
        for at in 0..10 {
            let one = json!({ "Type": "AWS::EC2::SecurityGroupIngress",
                              "Properties": { "GroupId": { "Fn::GetAtt": ["Group", "GroupId"] } } });
            resources.as_object_mut().unwrap().insert(format!("Rule{at}"), one);
        }
        let near = counted(&resources);
        let (_, place, used, most) = near.first().unwrap();
        assert_eq!((place.as_str(), *used, *most), ("prod/us-east-1/hub/Group (in)", 50, 60));
        assert_eq!(near.len(), 1);
    }

    #[test]
    fn policies_count_by_characters_and_by_target() {
        let policy = |text: &str| {
            json!({ "Type": "AWS::Organizations::Policy",
                    "Properties": { "Type": "RESOURCE_CONTROL_POLICY", "Content": text, "TargetIds": [{ "Ref": "Unit" }] } })
        };
        let long = "x".repeat(4500);
        let near =
            counted(&json!({ "A": policy(&long), "B": policy("b"), "C": policy("c"), "D": policy("d") }));
        let used: Vec<(usize, usize)> = near.iter().map(|(.., used, most)| (*used, *most)).collect();
        assert_eq!(used, [(4500, 5120), (4, 5)]);
        assert!(near.last().unwrap().0.contains("on one target"));
    }
}
