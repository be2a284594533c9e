//! What a plan does to resources, and what of it is dangerous.
//!
//! In: a [`Plan`] and the [`Inventory`] with the templates that are deployed. Out: [`Change`]s, and [`Danger`]s with the word by which each is
//! allowed. Always: replacement is what the registry says of the properties that change; what only values handed between
//! stacks decide is "may"; whatever holds data or carries traffic and goes or is made anew is a danger.
//!
//! Source: registry schemas, `createOnlyProperties` and `conditionalCreateOnlyProperties`; AWS CloudFormation User Guide, "Update
//! behaviors of stack resources".

use std::collections::{BTreeMap, BTreeSet};

use catalog::{Catalog, Paths, Step as PathStep};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::template::{references, resources};
use crate::{Action, Inventory, Plan};

/// What happens to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It is deleted.
    Deleted,
    /// It is made anew, and the old one deleted.
    Replaced,
    /// AWS decides when it sees the values whether it is made anew.
    MayBeReplaced,
    /// It leaves its stack and stays.
    Retained,
    /// It is changed in place.
    Changed,
    /// It is created.
    Created,
}

impl Fate {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Deleted => "delete",
            Self::Replaced => "replace",
            Self::MayBeReplaced => "may replace",
            Self::Retained => "retain",
            Self::Changed => "change",
            Self::Created => "create",
        }
    }
}

/// A resource that changes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Change {
    /// What happens.
    pub fate: Fate,
    /// The stack's key.
    pub stack: String,
    /// Its logical id.
    pub id: String,
    /// Its type.
    pub kind: String,
    /// Top-level properties that change.
    pub properties: Vec<String>,
    /// Resources of the same stack that refer to it: they are without it meanwhile.
    pub dependants: Vec<String>,
}

/// A change that has to be named to be allowed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Danger {
    /// The change.
    pub change: Change,
    /// What is at stake: `its data`, `the traffic through it`.
    pub stake: String,
    /// What allows it: `replace:account/region/stack/Id`.
    pub word: String,
}

/// Types that hold no data and that traffic stops without.
///
/// Source: the pages of these types in the template reference, "Update requires: Replacement"; a replaced gateway has other
/// attachments, addresses or names.
const CARRIERS: [&str; 13] = [
    "AWS::EC2::TransitGateway",
    "AWS::EC2::TransitGatewayAttachment",
    "AWS::EC2::TransitGatewayVpcAttachment",
    "AWS::EC2::VPC",
    "AWS::EC2::Subnet",
    "AWS::EC2::NatGateway",
    "AWS::EC2::VPNConnection",
    "AWS::EC2::VPNGateway",
    "AWS::EC2::InternetGateway",
    "AWS::NetworkFirewall::Firewall",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::Route53::HostedZone",
    "AWS::CloudFront::Distribution",
];

/// What a plan does to resources.
#[must_use]
pub fn changes(plan: &Plan, inventory: &Inventory) -> Vec<Change> {
    let mut out = Vec::new();
    for step in &plan.steps {
        let deployed = inventory.stacks.get(&step.key);
        let before = deployed.map(|stack| resources(&stack.template)).unwrap_or_default();
        let after = if step.action == Action::Delete { BTreeMap::new() } else { resources(&step.template) };
        let handed: BTreeSet<String> = step
            .parameters
            .iter()
            .filter(|it| {
                it.value.is_some()
                    && deployed.is_some_and(|stack| stack.parameters.get(&it.name) != it.value.as_ref())
            })
            .map(|it| it.name.clone())
            .collect();
        let ids: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let (referring_before, referring_after) = (referring(&before), referring(&after));
        for id in ids {
            let dependants = if after.contains_key(id) { &referring_after } else { &referring_before };
            let change = |fate, kind: &str, properties: Vec<String>| Change {
                fate,
                stack: step.key.clone(),
                id: id.clone(),
                kind: kind.to_owned(),
                properties,
                dependants: dependants.get(id).cloned().unwrap_or_default(),
            };
            match (before.get(id), after.get(id)) {
                (None, Some(new)) => out.push(change(Fate::Created, kind(new), Vec::new())),
                (Some(old), None) => {
                    let retained = old.get("DeletionPolicy").and_then(Value::as_str) == Some("Retain");
                    let fate = if retained { Fate::Retained } else { Fate::Deleted };
                    out.push(change(fate, kind(old), Vec::new()));
                }
                (Some(old), Some(new)) if kind(old) != kind(new) => {
                    out.push(change(Fate::Replaced, kind(new), vec!["Type".to_owned()]));
                }
                (Some(old), Some(new)) => {
                    let changed = differing(old.get("Properties"), new.get("Properties"), &handed);
                    if !changed.is_empty() {
                        out.push(change(fate(kind(new), &changed), kind(new), changed));
                    }
                }
                (None, None) => {}
            }
        }
    }
    out.sort();
    out
}

fn kind(resource: &Value) -> &str {
    resource.get("Type").and_then(Value::as_str).unwrap_or_default()
}

/// Top-level properties that are written differently, or take a value that is another one now.
fn differing(old: Option<&Value>, new: Option<&Value>, handed: &BTreeSet<String>) -> Vec<String> {
    let keys = |value: Option<&Value>| -> BTreeSet<String> {
        value.and_then(Value::as_object).map(|map| map.keys().cloned().collect()).unwrap_or_default()
    };
    let all: BTreeSet<String> = keys(old).union(&keys(new)).cloned().collect();
    let at = |value: Option<&Value>, key: &str| value.and_then(|value| value.get(key).cloned());
    all.into_iter()
        .filter(|key| {
            let (old, new) = (at(old, key), at(new, key));
            old != new || new.is_some_and(|value| names(&value, handed))
        })
        .collect()
}

fn names(value: &Value, parameters: &BTreeSet<String>) -> bool {
    !parameters.is_empty() && referred(value).iter().any(|name| parameters.contains(name))
}

fn referred(value: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    references(value, &mut names);
    names
}

/// For each name the logical ids of resources that refer to it, in order.
fn referring(resources: &BTreeMap<String, Value>) -> BTreeMap<String, Vec<String>> {
    let mut out: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (id, resource) in resources {
        for name in referred(resource).into_iter().filter(|name| name != id) {
            out.entry(name).or_default().push(id.clone());
        }
    }
    out
}

fn fate(kind: &str, changed: &[String]) -> Fate {
    let Some(schema) = Catalog::shared().resource_type(kind) else { return Fate::MayBeReplaced };
    let hit = |paths: &Paths| {
        paths.list().iter().any(|path| match path.steps().first() {
            Some(PathStep::Name(name)) => changed.iter().any(|key| key == name.as_str()),
            _ => false,
        })
    };
    // A property of which only a part is create-only may have changed in another part.
    let whole = |paths: &Paths| {
        paths.list().iter().any(|path| match path.steps() {
            [PathStep::Name(name)] => changed.iter().any(|key| key == name.as_str()),
            _ => false,
        })
    };
    if whole(schema.create_only()) {
        Fate::Replaced
    } else if hit(schema.create_only()) || hit(schema.conditional_create_only()) {
        Fate::MayBeReplaced
    } else {
        Fate::Changed
    }
}

/// Changes that have to be named to be allowed.
#[must_use]
pub fn dangers(changes: &[Change]) -> Vec<Danger> {
    let stake = |change: &Change| {
        let stateful =
            Catalog::shared().resource_type(&change.kind).is_some_and(catalog::ResourceSchema::is_stateful);
        if stateful {
            Some("what it holds")
        } else if CARRIERS.contains(&change.kind.as_str()) {
            Some("the traffic through it")
        } else {
            None
        }
    };
    let dangerous =
        changes.iter().filter(|it| matches!(it.fate, Fate::Deleted | Fate::Replaced | Fate::MayBeReplaced));
    dangerous
        .filter_map(|change| {
            let verb = if change.fate == Fate::Deleted { "delete" } else { "replace" };
            let word = format!("{verb}:{}/{}", change.stack, change.id);
            Some(Danger { change: change.clone(), stake: stake(change)?.to_owned(), word })
        })
        .collect()
}

impl Danger {
    /// Whether one of some words allows it: its own, or one with `*` that stands for it.
    #[must_use]
    pub fn is_allowed(&self, words: &[String]) -> bool {
        words.iter().any(|word| crate::select::glob(word, &self.word))
    }
}
