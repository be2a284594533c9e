//! No guardrail is on paper only: each is attached to an account, within AWS's quotas, and guards something that exists.
//!
//! Source: AWS Organizations User Guide, "Attaching and detaching service control policies", "Quotas and service limits".

use std::collections::{BTreeMap, HashMap, HashSet};

use estate::{Kind, ResourceRef, Value, json_characters};

use crate::checklist::{Checklist, Part};
use crate::control_policies::{Node, Tree, targets};
use crate::policy::statements;
use crate::{Facts, Findings, Guarantee, Judgement, Level, Setting};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "guardrails-effective",
    title: "every guardrail applies to an account and guards something",
    level: Level::Medium,
    page: include_str!("../../../../docs/guarantees/guardrails-effective.md"),
    check,
};

/// What AWS puts in place of a reference at the most: the id of a unit.
const LONGEST_REFERENCE: usize = 68;

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let policies = facts.index.of_kind("AWS::Organizations::Policy");
    if policies.is_empty() {
        return;
    }
    let inhabited = inhabited(facts);
    let crowds = crowds(facts, policies);
    for &policy in policies {
        let mut list = Checklist::default();
        let kind = policy.resource.properties.get("Type").and_then(Value::as_str).unwrap_or("");
        list.part(
            attached(facts, policy, &inhabited),
            None,
            &Part {
                fails: "it is attached to nothing that holds an account",
                asks: "it is attached to an account, or to a unit that holds one",
                fix: "add the root, a unit with accounts or an account to TargetIds, or remove the policy",
            },
        );
        list.part(
            crowded(facts, policy, kind, &crowds),
            None,
            &Part {
                fails: "more policies of its type are attached there than AWS takes",
                asks: "AWS takes so many policies there",
                fix: "put the statements of several policies into one",
            },
        );
        list.part(
            long(facts, policy, kind),
            None,
            &Part {
                fails: "it is longer than AWS takes",
                asks: "AWS takes a policy of its length",
                fix: "move statements into another policy",
            },
        );
        if matches!(kind, "SERVICE_CONTROL_POLICY" | "RESOURCE_CONTROL_POLICY") {
            list.part(
                guards(facts, policy),
                None,
                &Part {
                    fails: "a statement names an action that does not exist, and so guards nothing",
                    asks: "its statements guard actions that exist",
                    fix: "correct the action; `steward` knows those of the service authorization reference",
                },
            );
        }
        list.conclude(findings, policy, "a guardrail on paper only");
    }
}

/// The places beneath which an account stands.
fn inhabited(facts: &Facts<'_>) -> HashSet<Node> {
    let tree = Tree::of(facts, "");
    let accounts = facts.index.of_kind("AWS::Organizations::Account").iter();
    accounts.flat_map(|account| tree.way_up(*account)).collect()
}

fn attached(facts: &Facts<'_>, policy: ResourceRef<'_>, inhabited: &HashSet<Node>) -> Judgement {
    let targets = targets(facts, policy);
    // The root holds the management account at the least, and accounts that others made.
    let certain = |node: &Node| match node {
        Node::Root => true,
        Node::Made(..) => inhabited.contains(node),
        Node::Named(id) => id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit()),
    };
    if targets.nodes.iter().any(certain) {
        return Judgement::Holds;
    }
    let foreign = targets.nodes.iter().any(|node| matches!(node, Node::Named(_)));
    match targets.loose || foreign {
        true => Judgement::doubtful(policy.resource, "what it is attached to is not in this estate"),
        false => Judgement::missing(policy.resource),
    }
}

/// How many policies of each type are attached to each place.
fn crowds(facts: &Facts<'_>, policies: &[ResourceRef<'_>]) -> HashMap<(String, Node), usize> {
    let mut crowds = HashMap::new();
    for policy in policies {
        let Some(kind) = policy.resource.properties.get("Type").and_then(Value::as_str) else { continue };
        for node in targets(facts, *policy).nodes {
            *crowds.entry((kind.to_owned(), node)).or_default() += 1;
        }
    }
    crowds
}

fn crowded(
    facts: &Facts<'_>,
    policy: ResourceRef<'_>,
    kind: &str,
    crowds: &HashMap<(String, Node), usize>,
) -> Judgement {
    let Some(quota) = facts.catalog.policy_quota(kind) else { return Judgement::Holds };
    // AWS's own policy that allows everything is one of those that may be attached.
    let own = usize::from(matches!(kind, "SERVICE_CONTROL_POLICY" | "RESOURCE_CONTROL_POLICY"));
    let most = quota.per_target.saturating_sub(own);
    let nodes = targets(facts, policy).nodes;
    let full =
        nodes.into_iter().any(|node| crowds.get(&(kind.to_owned(), node)).is_some_and(|count| *count > most));
    if full { Judgement::missing(policy.resource) } else { Judgement::Holds }
}

fn long(facts: &Facts<'_>, policy: ResourceRef<'_>, kind: &str) -> Judgement {
    let Some(quota) = facts.catalog.policy_quota(kind) else { return Judgement::Holds };
    Setting::of(policy.resource, &["Content"]).judge(|content| match content {
        None => Judgement::missing(policy.resource),
        Some(content) => {
            let text = match &content.kind {
                Kind::String(text) => text.chars().count(),
                _ => json_characters(content, LONGEST_REFERENCE),
            };
            match text <= quota.characters {
                true => Judgement::Holds,
                false if json_characters(content, 0) > quota.characters => Judgement::fails(content),
                false => Judgement::doubtful(policy.resource, "its length depends on what AWS assigns"),
            }
        }
    })
}

/// Whether every action that a statement names exists.
fn guards(facts: &Facts<'_>, policy: ResourceRef<'_>) -> Judgement {
    let mut seen: BTreeMap<&str, bool> = BTreeMap::new();
    let Some(content) = policy.resource.properties.get("Content") else {
        return Judgement::missing(policy.resource);
    };
    let Some(all) = statements(content) else { return Judgement::unknown(content) };
    for action in all.iter().filter_map(|statement| statement.element("Action")) {
        for item in action.as_items() {
            let Some(text) = item.as_str() else { return Judgement::unknown(item) };
            let exists = *seen
                .entry(text)
                .or_insert_with(|| text == "*" || !facts.catalog.iam().actions_matching(text).is_empty());
            if !exists {
                return Judgement::fails(item);
            }
        }
    }
    Judgement::Holds
}
