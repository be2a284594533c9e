//! No hard-coded name stands in the way of a replacement.
//!
//! Source: AWS CloudFormation Template Reference, "Name type": a resource with a custom name cannot be updated in a
//! way that replaces it, because the new one would be made beside the old one under the same name; without a name,
//! CloudFormation makes one up. Which properties are create-only, and which is the name, the registry schema says.

use catalog::{PropertyPath, ResourceSchema, Step};
use estate::{Kind, ResourceRef, Target, Value};

use crate::{Facts, Findings, Guarantee, Judgement, Level, Setting, Words};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "no-blocking-names",
    title: "no hard-coded name stands in the way of a replacement",
    level: Level::Low,
    page: include_str!("../../../../docs/guarantees/no-blocking-names.md"),
    check,
};

/// Create-only properties that nobody changes for their own sake: they go with the name or with the code.
const FIXED: [&str; 8] =
    ["Path", "FifoQueue", "FifoTopic", "PackageType", "Tags", "Type", "OwnerAccount", "EventBusName"];

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    for kind in facts.index.kinds() {
        let Some(schema) = facts.catalog.resource_type(kind) else { continue };
        let Some(name) = name_property(schema) else { continue };
        for &found in facts.index.of_kind(kind) {
            let Some(fixed) = other_create_only(schema, found, name) else { continue };
            let violated =
                format!("a change of {fixed} replaces it, and the new one cannot have the old one's name");
            let fix = format!("remove {name}, or make it a parameter that changes with the replacement");
            let setting = Setting::of(found.resource, &[name]);
            // Whoever must replace it gives the parameter another value.
            let given =
                |value: Option<&Value>| value.is_none_or(|value| matches!(value.kind, Kind::Unknown(_)));
            let judgement = match setting.alternatives().iter().all(|alternative| given(alternative.value)) {
                true => Judgement::Holds,
                false => setting.judge(|value| value.map_or(Judgement::Holds, |value| free(found, value))),
            };
            findings.settle(
                found,
                judgement,
                &Words {
                    violated: &violated,
                    unknown: "its name blocks a replacement",
                    path: name,
                    fix: &fix,
                },
            );
        }
    }
}

/// The optional create-only property that names resources of a type.
fn name_property(schema: &ResourceSchema) -> Option<&str> {
    let segment = schema.name().rsplit("::").next().unwrap_or_default();
    let root = schema.node(schema.root()).object.as_deref();
    let required =
        |name: &str| root.is_some_and(|root| root.required.iter().any(|required| required == name));
    let is_name = |name: &str| {
        let own = name
            .strip_suffix("Name")
            .or_else(|| name.strip_suffix("Identifier"))
            .or_else(|| name.strip_suffix("Id"));
        own.is_some_and(|own| own.is_empty() || segment.ends_with(own))
    };
    schema.create_only().list().iter().filter_map(top_level).find(|name| is_name(name) && !required(name))
}

fn top_level(path: &PropertyPath) -> Option<&str> {
    match path.steps() {
        [Step::Name(name)] => Some(name),
        _ => None,
    }
}

/// Another property that is set and whose change would replace the resource.
fn other_create_only<'s>(schema: &'s ResourceSchema, found: ResourceRef<'_>, name: &str) -> Option<&'s str> {
    let lists = schema.create_only().list().iter().chain(schema.conditional_create_only().list());
    let tops = lists.filter_map(|path| match path.steps().first() {
        Some(Step::Name(top)) => Some(top.as_str()),
        _ => None,
    });
    // What is part of the identity says where the name is unique: the same name elsewhere collides with nothing.
    let identity = |top: &str| schema.primary_identifier().iter().any(|path| top_level(path) == Some(top));
    tops.filter(|top| *top != name && !FIXED.contains(top) && !identity(top))
        .find(|top| found.resource.properties.get(top).is_some())
}

/// Whether a name can change when it has to.
fn free(found: ResourceRef<'_>, value: &Value) -> Judgement {
    match &value.kind {
        Kind::String(text) => {
            // The default of a parameter is only what it is until somebody gives another.
            let mut parameters = found.stack.parameters.values();
            let given = parameters.any(|parameter| parameter.value.as_str() == Some(text));
            Judgement::of(given, value)
        }
        Kind::Unknown(_) => Judgement::Holds,
        Kind::Reference(reference) => match reference.target {
            Target::Pseudo { .. } | Target::Account(_) => Judgement::fails(value),
            Target::Resource { .. } => Judgement::unknown(value),
        },
        Kind::Join(pieces) => {
            let each: Vec<Judgement> = pieces.iter().map(|piece| free(found, piece)).collect();
            if each.contains(&Judgement::Holds) {
                return Judgement::Holds;
            }
            each.into_iter().find(|piece| matches!(piece, Judgement::Unknown { .. })).unwrap_or_else(|| {
                Judgement::Fails {
                    span: value.span,
                    found: "a name that stays the same as long as the stack lives".into(),
                }
            })
        }
        _ => Judgement::unknown(value),
    }
}
