//! How long a plan will take in AWS.
//!
//! In: a [`Plan`] with its [`Change`]s, and how many stacks are worked on at a time. Out: an [`Estimate`]. Always: it is a guess and says what
//! it rests on: recorded times of slow types, one figure for all others; of a stack the longest chain of resources that refer to each
//! other counts, as CloudFormation makes the rest beside it; stacks wait for those they need and for a free place.
//!
//! Source: AWS CloudFormation User Guide, "Understand stack deployment time": the longest chain sets the time, resources without
//! dependencies on each other are provisioned in parallel.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use catalog::Catalog;
use serde::Serialize;
use serde_json::Value;

use crate::template::{references, resources};
use crate::{Change, Fate, Plan, Step};

/// Seconds of a stack beside its resources: a change set is made and read, and the status asked for.
const STACK: u64 = 15;

/// A guess at how long a plan takes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Estimate {
    /// Seconds from the first step to the last.
    pub seconds: u64,
    /// The stack that takes longest, and its seconds.
    pub longest: Option<(String, u64)>,
    /// The slow types that change, with how many of each and the seconds of one.
    pub slow: Vec<(String, usize, u64)>,
    /// How many resources change whose type has no recorded time.
    pub guessed: usize,
    /// Seconds of each stack alone.
    #[serde(skip)]
    pub stacks: BTreeMap<String, u64>,
}

/// Guesses how long a plan takes with so many stacks at a time.
#[must_use]
pub fn estimate(plan: &Plan, changes: &[Change], parallel: usize) -> Estimate {
    let mut of_stack: BTreeMap<&str, BTreeMap<&str, &Change>> = BTreeMap::new();
    for change in changes.iter().filter(|change| change.fate != Fate::Retained) {
        of_stack.entry(&change.stack).or_default().insert(&change.id, change);
    }
    let mut out = Estimate::default();
    let mut slow: BTreeMap<&str, (usize, u64)> = BTreeMap::new();
    for step in &plan.steps {
        let own = of_stack.remove(step.key.as_str()).unwrap_or_default();
        for change in own.values() {
            let (seconds, recorded) = seconds(change);
            if recorded {
                let known = slow.entry(&change.kind).or_default();
                *known = (known.0 + 1, known.1.max(seconds));
            } else {
                out.guessed += 1;
            }
        }
        let seconds = if own.is_empty() { STACK } else { STACK + chain(step, &own) };
        if out.longest.as_ref().is_none_or(|(_, longest)| seconds > *longest) {
            out.longest = Some((step.key.clone(), seconds));
        }
        out.stacks.insert(step.key.clone(), seconds);
    }
    out.slow = slow.into_iter().map(|(kind, (count, seconds))| (kind.to_owned(), count, seconds)).collect();
    out.slow.sort_by_key(|(kind, _, seconds)| (Reverse(*seconds), kind.clone()));
    out.seconds = schedule(plan, &out.stacks, parallel.max(1));
    out
}

/// Seconds of one resource. Of a recorded whole, two thirds are taken for making it and one for what else is done to it.
fn seconds(change: &Change) -> (u64, bool) {
    let (whole, recorded) = Catalog::shared().durations().whole(&change.kind);
    let seconds = match change.fate {
        Fate::Created => whole * 2 / 3,
        Fate::Replaced | Fate::MayBeReplaced => whole,
        Fate::Changed | Fate::Deleted => whole / 3,
        Fate::Retained => 0,
    };
    (seconds, recorded)
}

/// Seconds of the longest chain of resources of a stack that change and refer to each other.
fn chain(step: &Step, own: &BTreeMap<&str, &Change>) -> u64 {
    let resources = resources(&step.template);
    let mut needs: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (id, resource) in &resources {
        let mut names = BTreeSet::new();
        references(resource, &mut names);
        let after = resource.get("DependsOn").unwrap_or(&Value::Null);
        names.extend(after.as_str().map(str::to_owned));
        names.extend(after.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
        names.retain(|name| name != id && resources.contains_key(name));
        needs.insert(id, names);
    }
    let none = BTreeSet::new();
    let mut known: BTreeMap<&str, u64> = BTreeMap::new();
    for id in needs.keys().chain(own.keys()).copied() {
        // Depth first, without recursion: what is needed goes first; a circle, which CloudFormation refuses, counts once.
        let mut open = vec![(id, false)];
        let mut entered: BTreeSet<&str> = BTreeSet::new();
        while let Some((id, ready)) = open.pop() {
            if known.contains_key(id) {
                continue;
            }
            let needs = needs.get(id).unwrap_or(&none);
            if ready {
                let before = needs.iter().filter_map(|name| known.get(name.as_str())).max().copied();
                let itself = own.get(id).map_or(0, |change| seconds(change).0);
                known.insert(id, before.unwrap_or(0) + itself);
            } else if entered.insert(id) {
                open.push((id, true));
                open.extend(needs.iter().map(|name| (name.as_str(), false)));
            }
        }
    }
    known.values().max().copied().unwrap_or(0)
}

/// Seconds until the last step is done: each begins when those before it are done and a place is free.
fn schedule(plan: &Plan, seconds: &BTreeMap<String, u64>, parallel: usize) -> u64 {
    let mut waits: BTreeMap<&str, usize> = BTreeMap::new();
    let mut followers: BTreeMap<&str, Vec<&Step>> = BTreeMap::new();
    let here: BTreeSet<&str> = plan.steps.iter().map(|step| step.key.as_str()).collect();
    let mut ready = std::collections::VecDeque::new();
    for step in &plan.steps {
        let after: Vec<&str> =
            step.after.iter().map(String::as_str).filter(|key| here.contains(key)).collect();
        if after.is_empty() {
            ready.push_back(step);
        }
        waits.insert(&step.key, after.len());
        after.into_iter().for_each(|key| followers.entry(key).or_default().push(step));
    }
    let (mut now, mut last) = (0, 0);
    let mut running: BinaryHeap<Reverse<(u64, &str)>> = BinaryHeap::new();
    loop {
        while running.len() < parallel
            && let Some(step) = ready.pop_front()
        {
            let ends = now + seconds.get(&step.key).copied().unwrap_or(STACK);
            last = last.max(ends);
            running.push(Reverse((ends, &step.key)));
        }
        let Some(Reverse((ends, key))) = running.pop() else { return last };
        now = ends;
        for step in followers.remove(key).unwrap_or_default() {
            if let Some(left) = waits.get_mut(step.key.as_str()) {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    ready.push_back(step);
                }
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::Action;

    fn step(key: &str, after: &[&str], template: &Value) -> Step {
        Step {
            key: key.to_owned(),
            account: String::new(),
            region: String::new(),
            name: key.to_owned(),
            wave: 1,
            action: Action::Create,
            reasons: Vec::new(),
            after: after.iter().map(|key| (*key).to_owned()).collect(),
            template: Arc::from(template.to_string().as_str()),
            template_sha256: String::new(),
            capabilities: Vec::new(),
            tags: BTreeMap::new(),
            parameters: Vec::new(),
            resources: 0,
        }
    }

    fn plan(steps: Vec<Step>) -> (Plan, Vec<Change>) {
        let mut changes = Vec::new();
        for step in &steps {
            let template: Value = serde_json::from_str(&step.template).unwrap();
            for (id, resource) in template.get("Resources").and_then(Value::as_object).unwrap() {
                changes.push(Change {
                    fate: Fate::Created,
                    stack: step.key.clone(),
                    id: id.clone(),
                    kind: resource.get("Type").and_then(Value::as_str).unwrap().to_owned(),
                    properties: Vec::new(),
                    dependants: Vec::new(),
                });
            }
        }
        let plan = Plan {
            estate: String::new(),
            estate_hash: String::new(),
            basis: String::new(),
            management: None,
            accounts: Vec::new(),
            steps,
            unchanged: 0,
            after: BTreeMap::new(),
        };
        (plan, changes)
    }

    fn queue() -> Value {
        json!({ "Resources": { "Queue": { "Type": "AWS::SQS::Queue" } } })
    }

    #[test]
    fn of_a_stack_the_longest_chain_counts() {
        let template = json!({ "Resources": {
            "Firewall": { "Type": "AWS::NetworkFirewall::Firewall" },
            "Nat": { "Type": "AWS::EC2::NatGateway", "DependsOn": "Firewall" },
            "Route": { "Type": "AWS::EC2::Route", "Properties": { "NatGatewayId": { "Fn::Sub": "${Nat.NatGatewayId}" } } },
            "Beside": { "Type": "AWS::ECS::Service" },
        } });
        let (plan, changes) = plan(vec![step("a", &[], &template)]);
        let estimate = estimate(&plan, &changes, 8);
        // 720 and 187 s recorded, 25 s of a route: two thirds of each; the service beside them takes less.
        assert_eq!(estimate.seconds, STACK + 480 + 124 + 16);
        assert_eq!(estimate.guessed, 1);
        let slow: Vec<&str> = estimate.slow.iter().map(|(kind, ..)| kind.as_str()).collect();
        assert_eq!(slow, ["AWS::NetworkFirewall::Firewall", "AWS::EC2::NatGateway", "AWS::ECS::Service"]);
    }

    #[test]
    fn stacks_wait_for_what_they_need_and_for_a_free_place() {
        let one = STACK + 16;
        let queues = |after: &[&[&str]]| {
            let keys = ["a", "b", "c", "d"];
            plan(after.iter().zip(keys).map(|(after, key)| step(key, after, &queue())).collect())
        };
        let beside = queues(&[&[], &[], &[], &[]]);
        assert_eq!(estimate(&beside.0, &beside.1, 8).seconds, one);
        assert_eq!(estimate(&beside.0, &beside.1, 2).seconds, 2 * one);
        let row = queues(&[&[], &["a"], &["b"], &["c", "a"]]);
        assert_eq!(estimate(&row.0, &row.1, 8).seconds, 4 * one);
    }

    #[test]
    fn a_circle_ends() {
        let template = json!({ "Resources": {
            "A": { "Type": "AWS::SQS::Queue", "DependsOn": ["B"] },
            "B": { "Type": "AWS::SQS::Queue", "DependsOn": ["A"] },
        } });
        let (plan, changes) = plan(vec![step("a", &[], &template)]);
        assert!(estimate(&plan, &changes, 1).seconds > STACK);
    }
}
