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
    let root: Value = serde_json::from_str(&step.template).unwrap_or_default();
    let resources = root.get("Resources").and_then(Value::as_object);
    let needs = |id: &str| -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        if let Some(resource) = resources.and_then(|all| all.get(id)) {
            named(resource, &mut names);
        }
        names
    };
    let mut known: BTreeMap<String, u64> = BTreeMap::new();
    let all: Vec<String> = resources
        .into_iter()
        .flat_map(serde_json::Map::keys)
        .cloned()
        .chain(own.keys().map(|id| (*id).to_owned()))
        .collect();
    for id in all {
        // Depth first, without recursion: what is needed goes first; a circle, which CloudFormation refuses, counts once.
        let mut open = vec![(id, false)];
        let mut entered: BTreeSet<String> = BTreeSet::new();
        while let Some((id, ready)) = open.pop() {
            if known.contains_key(&id) {
                continue;
            }
            let needs: Vec<String> = needs(&id)
                .into_iter()
                .filter(|name| *name != id && resources.is_some_and(|all| all.contains_key(name)))
                .collect();
            if ready {
                let before = needs.iter().filter_map(|name| known.get(name)).max().copied().unwrap_or(0);
                let itself = own.get(id.as_str()).map_or(0, |change| seconds(change).0);
                known.insert(id, before + itself);
            } else if entered.insert(id.clone()) {
                open.push((id, true));
                open.extend(needs.into_iter().map(|name| (name, false)));
            }
        }
    }
    known.values().max().copied().unwrap_or(0)
}

/// Names that a part of a template refers to, parameters among them.
fn named(value: &Value, out: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match (key.as_str(), value) {
                    ("Ref", Value::String(name)) => {
                        out.insert(name.clone());
                    }
                    ("DependsOn", Value::String(name)) => {
                        out.insert(name.clone());
                    }
                    ("DependsOn", Value::Array(names)) => {
                        out.extend(names.iter().filter_map(Value::as_str).map(str::to_owned));
                    }
                    ("Fn::GetAtt", Value::String(name)) => {
                        out.extend(name.split('.').next().map(str::to_owned));
                    }
                    ("Fn::GetAtt", Value::Array(parts)) => {
                        out.extend(parts.first().and_then(Value::as_str).map(str::to_owned));
                    }
                    ("Fn::Sub", _) => {
                        let text = value.as_str().or_else(|| value.get(0).and_then(Value::as_str));
                        for part in text.unwrap_or_default().split("${").skip(1) {
                            let name = part.split(['}', '.']).next().unwrap_or_default();
                            out.insert(name.to_owned());
                        }
                        named(value, out);
                    }
                    _ => named(value, out),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| named(item, out)),
        _ => {}
    }
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
