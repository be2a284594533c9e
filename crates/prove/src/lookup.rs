//! What a value names, and which helper resources (policies, subscriptions, associations) belong to which.
//!
//! In: values of properties. Out: the resource of the estate that is named, or words for why none is known.
//! Always: what lies outside the estate, or cannot be known, is said so; it is never taken for "there is none".

use std::collections::{HashMap, HashSet};

use estate::{Guard, Kind, Resource, ResourceRef, SmolStr, StackId, Value};

use crate::Facts;
use crate::text::{Token, physical_name, tokens};

/// The resource of type `kind` that a value names, or in words why none is known (`it is …`).
pub(crate) fn named<'a>(facts: &Facts<'a>, kind: &str, value: &Value) -> Result<ResourceRef<'a>, String> {
    facts.index.named(kind, value).ok_or_else(|| match &value.kind {
        Kind::String(_) | Kind::Join(_) => format!("{} is not in this estate", value.describe()),
        Kind::Reference(_) => format!("{} is not a resource of type {kind} of this estate", value.describe()),
        _ => format!("it is {}", value.describe()),
    })
}

/// Whether a value may turn out to name a resource of the estate after all.
fn may_name_any(value: &Value) -> bool {
    !matches!(value.kind, Kind::String(_) | Kind::Null | Kind::Bool(_) | Kind::Number(_))
}

/// A KMS key as a property names it.
pub(crate) enum Key<'a> {
    /// A key of this estate.
    Customer(ResourceRef<'a>),
    /// A key that AWS manages (`alias/aws/…`): its policy is AWS's.
    AwsManaged,
    /// None that is known, and why.
    Outside(String),
}

/// The key that a value names: by a reference, an ARN, or an alias of this estate.
pub(crate) fn key<'a>(facts: &Facts<'a>, value: &Value) -> Key<'a> {
    if let Some(key) = facts.index.named("AWS::KMS::Key", value) {
        return Key::Customer(key);
    }
    if value.as_str().is_some_and(|text| text.contains("alias/aws/")) {
        return Key::AwsManaged;
    }
    let alias = facts.index.named("AWS::KMS::Alias", value);
    let target = alias.and_then(|alias| alias.resource.properties.get("TargetKeyId"));
    match target.and_then(|target| facts.index.named("AWS::KMS::Key", target)) {
        Some(key) => Key::Customer(key),
        None => Key::Outside(match named(facts, "AWS::KMS::Key", value) {
            Ok(_) => String::new(),
            Err(because) => because,
        }),
    }
}

/// Whether everything that `helper` assumes is assumed by `subject` too: the helper is there whenever the
/// subject is.
pub(crate) fn is_implied(helper: &Guard, subject: &Guard) -> bool {
    helper
        .assumptions()
        .all(|(condition, holds)| subject.assumptions().any(|assumed| assumed == (condition, holds)))
}

/// A helper resource as it belongs to another.
#[derive(Debug, Clone)]
pub(crate) struct Attachment<'a> {
    /// The helper: a policy, a subscription.
    pub resource: ResourceRef<'a>,
    /// When it belongs to it.
    pub guard: Guard,
}

/// Attachment resources by the resource that a property of theirs names.
#[derive(Debug, Default)]
pub(crate) struct Attachments<'a> {
    by_target: HashMap<(StackId, SmolStr), Vec<Attachment<'a>>>,
    /// Attachments whose property may name anything that somebody hands its name to.
    pub loose: Vec<ResourceRef<'a>>,
    /// Resources whose name is known outside their stack: fixed, or an output.
    handed_out: HashSet<(StackId, SmolStr)>,
}

impl<'a> Attachments<'a> {
    /// All resources of type `helper` by the resource of type `target` that the property at `path` names.
    pub(crate) fn of(facts: &Facts<'a>, helper: &str, path: &[&str], target: &str) -> Self {
        let mut out = Self::default();
        out.add(facts, helper, path, target);
        out
    }

    /// More of them.
    pub(crate) fn add(&mut self, facts: &Facts<'a>, helper: &str, path: &[&str], target: &str) {
        let mut by_text: Option<HashMap<Vec<Token>, ResourceRef<'a>>> = None;
        for &resource in facts.index.of_kind(helper) {
            let properties = &resource.resource.properties;
            for alternative in properties.alternatives_under(path, &resource.resource.guard()) {
                let Some(value) = alternative.value else { continue };
                let found = facts.index.named(target, value).or_else(|| {
                    // The same text put together in both places names the same.
                    let by_text = by_text.get_or_insert_with(|| names(facts, target));
                    matches!(value.kind, Kind::Join(_))
                        .then(|| by_text.get(&tokens(facts.estate, value)).copied())?
                });
                match found {
                    Some(found) => {
                        let helper = Attachment { resource, guard: alternative.guard };
                        self.by_target.entry((found.stack_id, found.id.clone())).or_default().push(helper);
                    }
                    None if may_name_any(value) => self.loose.push(resource),
                    None => {}
                }
            }
        }
        if !self.loose.is_empty() {
            self.hand_out(facts, target);
        }
    }

    fn hand_out(&mut self, facts: &Facts<'a>, target: &str) {
        let mut add = |found: &ResourceRef<'_>| {
            self.handed_out.insert((found.stack_id, found.id.clone()));
        };
        let named = |found: &&ResourceRef<'a>| name_of(found.resource).is_some();
        facts.index.of_kind(target).iter().filter(named).for_each(&mut add);
        for (_, stack) in facts.estate.stacks() {
            let outputs = stack.outputs.values().flat_map(|output| facts.index.references(&output.value));
            outputs.filter(|found| found.resource.kind == target).for_each(|found| add(&found));
        }
    }

    /// The helpers of a resource.
    pub(crate) fn to(&self, target: ResourceRef<'_>) -> &[Attachment<'a>] {
        self.by_target.get(&(target.stack_id, target.id.clone())).map_or(&[], Vec::as_slice)
    }

    /// A helper that may belong to a resource: whose property is not known, where the resource's name is known outside
    /// its stack. One whose name AWS makes up and nobody hands out can be named by no parameter.
    pub(crate) fn perhaps(&self, target: ResourceRef<'_>) -> Option<ResourceRef<'a>> {
        let out = self.handed_out.contains(&(target.stack_id, target.id.clone()));
        self.loose.first().copied().filter(|_| out)
    }
}

/// The property that gives a resource its physical name.
fn name_of(resource: &Resource) -> Option<&Value> {
    resource.properties.get(physical_name(&resource.kind)?)
}

/// The resources of a type by their names, as far as a name is put together from what is not all known.
fn names<'a>(facts: &Facts<'a>, kind: &str) -> HashMap<Vec<Token>, ResourceRef<'a>> {
    let all = facts.index.of_kind(kind).iter();
    let joined = all
        .filter_map(|found| Some((found, name_of(found.resource)?)))
        .filter(|(_, name)| matches!(name.kind, Kind::Join(_)));
    joined.map(|(found, name)| (tokens(facts.estate, name), *found)).collect()
}
