//! What a value names, and which helper resources (policies, subscriptions, associations) belong to which.
//!
//! In: values of properties. Out: the resource of the estate that is named, or words for why none is known.
//! Always: what lies outside the estate, or cannot be known, is said so; it is never taken for "there is none".

use std::collections::HashMap;

use estate::{Guard, Kind, ResourceRef, SmolStr, StackId, Value};

use crate::Facts;

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
    helper.assumptions().all(|(condition, holds)| subject.assumptions().any(|assumed| assumed == (condition, holds)))
}

/// A helper resource as it belongs to another.
#[derive(Debug, Clone)]
pub(crate) struct Helper<'a> {
    /// The helper: a policy, a subscription.
    pub resource: ResourceRef<'a>,
    /// When it belongs to it.
    pub guard: Guard,
}

/// Helper resources by the resource that a property of theirs names.
#[derive(Debug, Default)]
pub(crate) struct Helpers<'a> {
    by_target: HashMap<(StackId, SmolStr), Vec<Helper<'a>>>,
    /// Helpers whose property may name anything.
    pub loose: Vec<ResourceRef<'a>>,
}

impl<'a> Helpers<'a> {
    /// All resources of type `helper` by the resource of type `target` that the property at `path` names.
    pub(crate) fn of(facts: &Facts<'a>, helper: &str, path: &[&str], target: &str) -> Self {
        let mut out = Self::default();
        out.add(facts, helper, path, target);
        out
    }

    /// More of them.
    pub(crate) fn add(&mut self, facts: &Facts<'a>, helper: &str, path: &[&str], target: &str) {
        for &resource in facts.index.of_kind(helper) {
            let properties = &resource.resource.properties;
            for alternative in properties.alternatives_under(path, &resource.resource.guard()) {
                let Some(value) = alternative.value else { continue };
                match facts.index.named(target, value) {
                    Some(found) => {
                        let helper = Helper { resource, guard: alternative.guard };
                        self.by_target.entry((found.stack_id, found.id.clone())).or_default().push(helper);
                    }
                    None if may_name_any(value) => self.loose.push(resource),
                    None => {}
                }
            }
        }
    }

    /// The helpers of a resource.
    pub(crate) fn to(&self, target: ResourceRef<'_>) -> &[Helper<'a>] {
        self.by_target.get(&(target.stack_id, target.id.clone())).map_or(&[], Vec::as_slice)
    }
}
