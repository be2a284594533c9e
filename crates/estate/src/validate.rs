//! Every resource against the schema of its type, as far as values are known.
//!
//! In: an [`Estate`] and the [`Catalog`]. Out: a [`Validation`]: what is wrong, and what cannot be decided.
//! Always: a resource without a finding satisfies its schema for every value of every parameter and in every
//! combination of conditions that can be true together; a value that AWS assigns (a reference) is taken to
//! fit; nothing is skipped in silence; the order of findings is that of the estate.
//!
//! CloudFormation turns scalars into each other (`"true"`, `"80"`, `80`), and so does this.

mod describe;
mod format;
mod keyword;
mod object;
mod reference;
mod scalar;
mod symbols;
mod walk;
mod world;

use std::cell::Cell;

use catalog::{Availability, Catalog, ResourceSchema};
use diagnostics::{Code, Diagnostic, Severity, Span, codes, suggest};
use rayon::prelude::*;
use smol_str::SmolStr;

use crate::{Estate, Resource, Stack, StackId};
use walk::{At, Checker, Quiet, Report};

codes! {
    UNKNOWN_TYPE = "SCH0001", "this resource type does not exist",
        "No Region's registry has a type of this name. Correct the spelling; types are case-sensitive. If the \
         type is newer than Steward's catalog, refresh the catalog.";
    NO_SCHEMA = "SCH0002", "nobody publishes a schema of this resource type",
        "Types of third parties, modules and macros are known only to the account that has registered them. \
         Their properties cannot be checked here, so no guarantee speaks of them.";
    NOT_IN_REGION = "SCH0003", "this resource type is not available in the stack's Region",
        "The registry of that Region does not have the type, so CloudFormation would refuse the template. \
         Deploy the stack elsewhere, or use what the Region has.";
    UNKNOWN_PROPERTY = "SCH0004", "this property does not exist",
        "The resource's schema has no property of this name in this place. CloudFormation would refuse it: \
         \"Encountered unsupported property\". Correct the spelling or the nesting.";
    MISSING_PROPERTY = "SCH0005", "a property that must be there is missing",
        "The resource's schema demands this property. CloudFormation or the service would refuse the resource.";
    WRONG_TYPE = "SCH0006", "the value has the wrong type",
        "The schema wants another kind of value here: a list instead of a text, a mapping instead of a list. \
         CloudFormation turns scalars into each other (`\"80\"` and `80`), but never scalars into lists or \
         mappings.";
    NOT_ALLOWED_VALUE = "SCH0007", "the value is not one of those allowed",
        "The schema lists the values this property may have. Most are case-sensitive.";
    PATTERN = "SCH0008", "the value does not have the required form",
        "The schema gives the form of this text as a regular expression, and the value does not match it.";
    OUT_OF_BOUNDS = "SCH0009", "the value is too small, too large, too short or too long",
        "The schema bounds numbers, lengths of texts (in characters), lists and mappings.";
    NOT_UNIQUE = "SCH0010", "the list holds the same item twice",
        "The service keeps this list as a set, and refuses repetitions.";
    TOGETHER = "SCH0011", "these properties demand or exclude each other",
        "The schema says which properties go together: one needs another, or does not stand beside it, or \
         exactly one of several must be there.";
    COMBINATION = "SCH0012", "no allowed combination fits",
        "The schema allows several shapes here, and the value has none of them, or more than one where exactly \
         one is demanded. The message is about the shape that comes closest.";
    READ_ONLY = "SCH0013", "this property is set by AWS and cannot be given",
        "The property can be read with `Fn::GetAtt`, but a template must not set it.";
    NO_ATTRIBUTE = "SCH0014", "this attribute does not exist",
        "`Fn::GetAtt` of this resource type has no attribute of this name.";
    NO_TARGET = "SCH0015", "a reference leads to nothing",
        "The resource referred to is not in the stack: it was renamed, removed, or a condition leaves it out.";
    UNDECIDED = "SCH0016", "whether the value fits depends on something that is not known",
        "The value is, or contains, a parameter without a value or something else that is known only at \
         deployment, and some of its values would not fit the schema. Give the parameter a value, or \
         `AllowedValues` that all fit.";
    MANY_CONDITIONS = "SCH0017", "too many conditions decide on one resource",
        "A resource is checked under every combination of the conditions it depends on. Here there are too many \
         combinations; only some were checked.";
    RULE = "SCH0018", "properties contradict each other",
        "A rule about several properties of this type, collected by the authors of cfn-lint, is broken.";
    TOO_COMPLEX = "SCH0020", "the resource is too deeply nested to be checked",
        "Its schema refers to itself, and checking every combination would take too long. No real resource is \
         like this; it may have been made to exhaust a checker.";
    NULL_VALUE = "SCH0019", "a null value",
        "CloudFormation refuses nulls anywhere in a template: \"Null values are not allowed in templates\". \
         Remove the key, or use `AWS::NoValue`.";
}

/// What is known of a value and its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// It fits.
    Valid,
    /// It depends on something that is not known.
    Undecided,
    /// It does not fit.
    Invalid,
}

/// One thing that is wrong with a resource, or cannot be decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its stable kind.
    pub code: Code,
    /// [`Outcome::Invalid`] or [`Outcome::Undecided`].
    pub outcome: Outcome,
    /// The resource's stack.
    pub stack: StackId,
    /// The resource's logical id.
    pub resource: SmolStr,
    /// The place below `Properties`: `/BucketEncryption/ServerSideEncryptionConfiguration/0`.
    pub path: String,
    /// Where it is written.
    pub span: Span,
    /// What is wrong, in a sentence.
    pub message: String,
    /// What would have been right.
    pub expected: Option<String>,
    /// What to do; a suggestion.
    pub help: Option<String>,
    /// Under which conditions, where not always: `if IsProd and not HasKey`.
    pub when: Option<String>,
    /// What is not known and decides.
    pub symbols: Vec<SmolStr>,
}

impl Finding {
    /// The finding as a diagnostic: an error, or a note where it is undecided.
    pub fn diagnostic(&self, estate: &Estate) -> Diagnostic {
        let severity = if self.outcome == Outcome::Invalid { Severity::Error } else { Severity::Note };
        let mut message = self.message.clone();
        if let Some(when) = &self.when {
            message.push_str(&format!(" ({when})"));
        }
        let mut diagnostic = Diagnostic::new(severity, self.code, self.span, message);
        diagnostic.expected.clone_from(&self.expected);
        let path = if self.path.is_empty() { String::new() } else { format!(" at {}", self.path) };
        diagnostic =
            diagnostic.label(format!("`{}` of {}{path}", self.resource, estate.stack_path(self.stack)));
        diagnostic.maybe_help(self.help.clone())
    }
}

/// What [`check`] found.
#[derive(Debug, Clone, Default)]
pub struct Validation {
    /// What is wrong or undecided, in the estate's order.
    pub findings: Vec<Finding>,
    /// How many resources there are.
    pub resources: usize,
    /// How many of them have no schema.
    pub without_schema: usize,
}

impl Validation {
    /// Whether every resource satisfies its schema, whatever is not known turns out to be.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.findings.iter().map(|finding| finding.outcome).max().unwrap_or(Outcome::Valid)
    }
}

/// How many resources one task checks.
const CHUNK: usize = 256;

/// Checks every resource of an estate, side by side.
#[must_use]
pub fn check(estate: &Estate, catalog: &Catalog) -> Validation {
    let all: Vec<Place<'_>> = estate
        .stacks()
        .flat_map(|(id, stack)| {
            stack.resources.iter().map(move |(name, resource)| Place {
                stack_id: id,
                stack,
                id: name,
                resource,
            })
        })
        .collect();
    let found: Vec<(Vec<Finding>, usize)> = all
        .par_chunks(CHUNK)
        .map(|places| {
            let (mut findings, mut without) = (Vec::new(), 0);
            for place in places {
                without += usize::from(!check_resource(estate, catalog, *place, &mut findings));
            }
            (findings, without)
        })
        .collect();
    let without_schema = found.iter().map(|(_, without)| without).sum();
    let findings = found.into_iter().flat_map(|(findings, _)| findings).collect();
    Validation { findings, resources: all.len(), without_schema }
}

/// A resource and where it is.
#[derive(Clone, Copy)]
struct Place<'a> {
    stack_id: StackId,
    stack: &'a Stack,
    id: &'a SmolStr,
    resource: &'a Resource,
}

impl Place<'_> {
    /// A finding about the resource as a whole.
    fn finding(&self, code: Code, outcome: Outcome, message: String) -> Finding {
        Finding {
            code,
            outcome,
            stack: self.stack_id,
            resource: self.id.clone(),
            path: String::new(),
            span: self.resource.origin.span,
            message,
            expected: None,
            help: None,
            when: None,
            symbols: Vec::new(),
        }
    }
}

/// Checks one resource; `false` when its type has no schema.
fn check_resource(estate: &Estate, catalog: &Catalog, place: Place<'_>, out: &mut Vec<Finding>) -> bool {
    let kind = place.resource.kind.as_str();
    let Some(schema) = catalog.resource_type(kind) else {
        out.push(without_schema(catalog, place));
        reference::check(estate, catalog, place, out);
        return false;
    };
    if let Some(region) = &place.stack.region
        && catalog.availability(kind, region) == Availability::Absent
    {
        out.push(place.finding(
            NOT_IN_REGION,
            Outcome::Invalid,
            format!("{kind} is not available in {region}"),
        ));
    }
    let whole = with_template(estate, place);
    let judged = Place { resource: whole.as_ref().unwrap_or(place.resource), ..place };
    check_properties(estate, catalog, schema, judged, out);
    reference::check(estate, catalog, place, out);
    true
}

/// A stack set whose template is a stack of the estate, as it is deployed: the template's text is put in when it is
/// emitted.
fn with_template(estate: &Estate, place: Place<'_>) -> Option<Resource> {
    let set = (place.stack_id, place.id);
    let is_stack_set = place.resource.kind == "AWS::CloudFormation::StackSet";
    let deploys = |stack: &&Stack| stack.fleet.as_ref().is_some_and(|(owner, id)| (*owner, id) == set);
    estate.stacks.iter().filter(|_| is_stack_set).find(deploys)?;
    let mut resource = place.resource.clone();
    resource.properties.as_map_mut()?.insert("TemplateBody", "{}");
    Some(resource)
}

fn without_schema(catalog: &Catalog, place: Place<'_>) -> Finding {
    let kind = place.resource.kind.as_str();
    if !kind.starts_with("AWS::") || kind.starts_with("AWS::Serverless::") || kind.ends_with("::MODULE") {
        return place.finding(NO_SCHEMA, Outcome::Undecided, format!("nothing is known of the type {kind}"));
    }
    let mut finding =
        place.finding(UNKNOWN_TYPE, Outcome::Invalid, format!("there is no resource type {kind}"));
    finding.help = suggest(kind, catalog.type_names()).map(|best| format!("did you mean `{best}`?"));
    finding
}

fn check_properties(
    estate: &Estate,
    catalog: &Catalog,
    schema: &ResourceSchema,
    place: Place<'_>,
    out: &mut Vec<Finding>,
) {
    let worlds = world::worlds(place.stack, place.resource);
    let root = At::root(place.resource.properties.span.or(place.resource.origin.span), schema);
    let mut found: Vec<(Finding, Vec<usize>)> = Vec::new();
    for (number, world) in worlds.all.iter().enumerate() {
        let checker = Checker { estate, catalog, schema, world, place, steps: Cell::new(0) };
        let quiet = checker.whole(&place.resource.properties, &root, &mut Quiet);
        if checker.is_exhausted() {
            out.push(place.finding(
                TOO_COMPLEX,
                Outcome::Undecided,
                "the resource takes too long to check".to_owned(),
            ));
            return;
        }
        // A value that AWS assigns is taken to fit, so only what is not known can leave it undecided.
        if quiet == Outcome::Valid
            || (quiet == Outcome::Undecided && !checker.has_symbols(&place.resource.properties))
        {
            continue;
        }
        let mut report = Report::new(place);
        checker.steps.set(0);
        checker.whole(&place.resource.properties, &root, &mut report);
        for finding in report.findings {
            match found.iter_mut().find(|(known, _)| *known == finding) {
                Some((_, numbers)) if numbers.last() == Some(&number) => {}
                Some((_, numbers)) => numbers.push(number),
                None => found.push((finding, vec![number])),
            }
        }
    }
    for (mut finding, numbers) in found {
        finding.when = worlds.describe(&numbers);
        out.push(finding);
    }
    if !worlds.complete {
        let message = "too many conditions decide on this resource; not every combination was checked";
        out.push(place.finding(MANY_CONDITIONS, Outcome::Undecided, message.to_owned()));
    }
}

#[cfg(test)]
mod tests;
