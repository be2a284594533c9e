//! What can be tagged carries the tags that the estate asks for.
//!
//! Source: AWS CloudFormation User Guide, "Resource tag" (tags of a stack are passed to its resources); the
//! catalog says of each type whether and where it takes tags.

use std::collections::HashMap;

use catalog::{PropertyPath, Step};
use estate::{Kind, Resource, ResourceRef, SmolStr, StackId, Value};

use crate::text::{known, tokens};
use crate::{Facts, Findings, Guarantee, Level, Witness};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "required-tags",
    title: "everything that can be tagged carries the required tags",
    level: Level::Low,
    page: include_str!("../../../../docs/guarantees/required-tags.md"),
    check,
};

/// The keys of tags that something carries.
#[derive(Debug, Clone, Default)]
struct Keys {
    known: Vec<SmolStr>,
    /// A tag, or a list of them, that is not known: where, and what it is.
    vague: Option<(diagnostics::Span, String)>,
}

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let required = &facts.options.required_tags;
    if required.is_empty() {
        return;
    }
    let mut inherited: HashMap<StackId, Keys> = HashMap::new();
    for kind in facts.index.kinds() {
        let Some(schema) = facts.catalog.resource_type(kind) else { continue };
        let Some(tagging) = schema.tagging() else { continue };
        let Some(property) = tagging.property.as_ref().filter(|_| tagging.taggable) else { continue };
        // What a changed tag replaces is better off without: its tags are for ever.
        if !tagging.updatable || schema.create_only().list().contains(property) {
            continue;
        }
        for &subject in facts.index.of_kind(kind) {
            let stack = inherited
                .entry(subject.stack_id)
                .or_insert_with(|| of_stack(facts, subject.stack_id))
                .clone();
            let mut keys = stack;
            collect(facts, subject.resource, property, &mut keys);
            judge(required, property, subject, &keys, findings);
        }
    }
}

fn judge(
    required: &[String],
    property: &PropertyPath,
    subject: ResourceRef<'_>,
    keys: &Keys,
    findings: &mut Findings,
) {
    let missing: Vec<&str> =
        required.iter().map(String::as_str).filter(|key| !keys.known.iter().any(|has| has == key)).collect();
    let [first, ..] = missing.as_slice() else { return findings.proved(subject) };
    let names = missing.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
    let place =
        subject.resource.properties.get(top(property)).map_or(subject.resource.origin.span, |tags| tags.span);
    if let Some((span, what)) = &keys.vague {
        findings.unknown(
            subject,
            *span,
            format!("whether it carries the tag {names} cannot be known: {what}"),
        );
        return;
    }
    findings
        .violated(subject, place, format!("it does not carry the tag {names}"))
        .witness(Witness::Setting { path: property.to_string(), found: "nothing".into() })
        .fix(format!("{}: [{{Key: {first}, Value: …}}]", top(property)));
}

fn top(property: &PropertyPath) -> &str {
    match property.steps().first() {
        Some(Step::Name(name)) => name,
        _ => "Tags",
    }
}

/// The keys that the stacks around a stack hand down.
fn of_stack(facts: &Facts<'_>, stack: StackId) -> Keys {
    let mut keys = Keys::default();
    let mut at = stack;
    for _ in 0..facts.estate.stacks.len() {
        let Some((parent, id)) = facts.estate.stack(at).and_then(|stack| stack.nested_in.as_ref()) else {
            break;
        };
        let nesting = facts.estate.resource(*parent, id);
        if let Some(tags) = nesting.and_then(|nesting| nesting.properties.get("Tags")) {
            read(facts, tags, &mut keys);
        }
        at = *parent;
    }
    keys
}

fn collect(facts: &Facts<'_>, resource: &Resource, property: &PropertyPath, keys: &mut Keys) {
    let path: Vec<&str> = property
        .steps()
        .iter()
        .map(|step| if let Step::Name(name) = step { name.as_str() } else { "*" })
        .collect();
    let found = resource.properties.alternatives(&path);
    let only = found.len() == 1;
    for tags in found {
        match tags.value {
            Some(value) if only => read(facts, value, keys),
            Some(value) => {
                keys.vague = Some((value.span, format!("its tags depend on a condition ({})", tags.guard)))
            }
            None => {}
        }
    }
}

/// Reads tags in any of the forms: a list of `Key` and `Value`, a mapping, or specifications that hold lists.
fn read(facts: &Facts<'_>, tags: &Value, keys: &mut Keys) {
    match &tags.kind {
        Kind::Map(map) => keys.known.extend(map.iter().map(|entry| entry.key.clone())),
        Kind::List(items) => {
            for item in items {
                let key = ["Key", "TagKey", "key"].iter().find_map(|name| item.get(name));
                match (key, item.get("Tags"), &item.kind) {
                    (Some(key), _, _) => {
                        let text = tokens(facts.estate, key);
                        match known(&text) {
                            Some(key) => keys.known.push(key.into()),
                            None => keys.vague = Some((key.span, format!("a key is {}", key.describe()))),
                        }
                    }
                    (None, Some(inner), _) => read(facts, inner, keys),
                    (None, None, Kind::Absent) => {}
                    (None, None, _) => {
                        keys.vague = Some((item.span, format!("a tag is {}", item.describe())))
                    }
                }
            }
        }
        Kind::Absent => {}
        _ => keys.vague = Some((tags.span, format!("its tags are {}", tags.describe()))),
    }
}
