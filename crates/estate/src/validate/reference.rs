//! References of a resource: that they lead somewhere, and to what kind of value.

use catalog::{Catalog, Types};
use diagnostics::Span;

use super::scalar::Shape;
use super::{Finding, NO_ATTRIBUTE, NO_TARGET, Outcome, Place};
use crate::{Estate, Kind, Pseudo, Reference, Target, Value};

/// What a reference yields.
pub(crate) fn shape(estate: &Estate, catalog: &Catalog, reference: &Reference) -> Shape {
    match &reference.target {
        Target::Pseudo { pseudo: Pseudo::NotificationArns, .. } => Shape::SomeList,
        Target::Pseudo { .. } | Target::Account(_) => Shape::SomeScalar,
        Target::Resource { stack, id } => {
            let Some(attribute) = &reference.attribute else { return Shape::SomeScalar };
            let kind = estate.resource(*stack, id).map(|resource| resource.kind.as_str());
            let schema = kind.and_then(|kind| catalog.resource_type(kind));
            let node = schema.and_then(|schema| Some(schema.node(schema.attribute(attribute)?.node?)));
            match node.map(|node| node.types).filter(|types| !types.is_any()) {
                Some(types) if types.allows(Types::ARRAY) && !types.allows(Types::STRING) => Shape::SomeList,
                Some(types) if types.allows(Types::OBJECT) => Shape::Anything,
                Some(_) => Shape::SomeScalar,
                None => Shape::Anything,
            }
        }
    }
}

/// Checks everything a resource refers to. Whether a condition leaves the value out does not matter:
/// CloudFormation refuses a template that names what is not there.
pub(crate) fn check(estate: &Estate, catalog: &Catalog, place: Place<'_>, out: &mut Vec<Finding>) {
    walk(estate, catalog, place, &place.resource.properties, Span::NONE, out);
    for value in place.resource.attributes.values() {
        walk(estate, catalog, place, value, Span::NONE, out);
    }
}

fn walk(
    estate: &Estate,
    catalog: &Catalog,
    place: Place<'_>,
    value: &Value,
    above: Span,
    out: &mut Vec<Finding>,
) {
    let span = value.span.or(above);
    let mut below = |value: &Value| walk(estate, catalog, place, value, span, out);
    match &value.kind {
        Kind::List(items) | Kind::Join(items) => items.iter().for_each(below),
        Kind::Map(map) => map.iter().for_each(|entry| below(&entry.value)),
        Kind::Case(case) => {
            below(&case.then);
            below(&case.otherwise);
        }
        Kind::Call(call) => call.arguments.iter().for_each(below),
        Kind::Reference(reference) => {
            if let Some(mut finding) = judge(estate, catalog, place, reference) {
                finding.span = span.or(place.resource.origin.span);
                if !out.contains(&finding) {
                    out.push(finding);
                }
            }
        }
        _ => {}
    }
}

fn judge(estate: &Estate, catalog: &Catalog, place: Place<'_>, reference: &Reference) -> Option<Finding> {
    let Target::Resource { stack, id } = &reference.target else { return None };
    let Some(target) = estate.resource(*stack, id) else {
        let message = format!("`{reference}` is referred to, but there is no such resource");
        let mut finding = place.finding(NO_TARGET, Outcome::Invalid, message);
        let names = estate.stack(*stack).into_iter().flat_map(|stack| stack.resources.keys());
        finding.help = diagnostics::did_you_mean(id, names.map(smol_str::SmolStr::as_str));
        return Some(finding);
    };
    let attribute = reference.attribute.as_ref()?;
    let schema = catalog.resource_type(&target.kind)?;
    if schema.has_attribute(attribute) {
        return None;
    }
    let message = format!("{} has no attribute `{attribute}`", target.kind);
    let mut finding = place.finding(NO_ATTRIBUTE, Outcome::Invalid, message);
    let names: Vec<&str> = schema.attributes().iter().map(|attribute| attribute.name.as_str()).collect();
    finding.help = diagnostics::did_you_mean(attribute, names.iter().copied());
    if !names.is_empty() && names.len() <= 24 {
        finding.expected = Some(format!("one of {}", names.join(", ")));
    }
    Some(finding)
}
