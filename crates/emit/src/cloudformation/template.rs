//! The text of one template.
//!
//! In: a stack, or one part of a split one. Out: a [`Draft`], whose resources are already text, and from it
//! the whole template once it is known which values other templates need.

use std::borrow::Cow;

use estate::{Kind, Policy, Reference, Resource, Stack, StackId, Target, Value};

use super::expression::Expression;
use super::lower::{Lowering, Place, Source, Surroundings};
use super::{Format, json, names, yaml};
use crate::DANGLING;

/// A template of which only the wiring outputs are still open.
pub(crate) struct Draft<'a> {
    pub(crate) lowering: Lowering<'a>,
    /// The entries of `Resources`, as text.
    resources: Vec<u8>,
    /// For each resource of this template its position in the stack and how many bytes it takes.
    pub(crate) sizes: Vec<(usize, usize)>,
    conditions: Vec<(&'a str, Expression<'a>)>,
    /// Outputs that the stack itself names.
    pub(crate) outputs: Vec<(&'a str, Expression<'a>)>,
}

/// Makes all of a template but its wiring outputs. `part`: the part each resource of the stack is in, and
/// which part this is.
pub(crate) fn draft<'a>(
    around: &'a Surroundings<'a>,
    id: StackId,
    stack: &'a Stack,
    part: Option<(&'a [u32], u32)>,
    format: Format,
) -> Draft<'a> {
    let mut lowering = Lowering::new(around, id, stack, part);
    let (mut resources, mut sizes) = (Vec::new(), Vec::new());
    for (at, (logical_id, resource)) in stack.resources.iter().enumerate() {
        if !lowering.is_here(at) {
            continue;
        }
        let before = resources.len();
        let expression = lower_resource(&mut lowering, stack, logical_id, resource);
        write_entry(format, !sizes.is_empty(), logical_id, &expression, &mut resources);
        sizes.push((at, resources.len() - before));
    }
    let outputs = lower_outputs(&mut lowering, stack, part);
    let conditions = lowering.declared_conditions();
    Draft { lowering, resources, sizes, conditions, outputs }
}

fn lower_resource<'a>(
    lowering: &mut Lowering<'a>,
    stack: &'a Stack,
    id: &'a str,
    resource: &'a Resource,
) -> Expression<'a> {
    let place = Place::root(id, resource.origin.span);
    lowering.referred.clear();
    let mut attributes: Vec<(Cow<'a, str>, Expression<'a>)> = Vec::new();
    for (name, value) in &resource.attributes {
        attributes.push((Cow::Borrowed(name), lowering.value(value, &place.key(name, value.span))));
    }
    let properties = match &resource.properties.kind {
        Kind::Map(map) if map.is_empty() => None,
        _ => Some(lowering.value(&resource.properties, &place.key("Properties", resource.properties.span))),
    };
    let mut entries = vec![(Cow::Borrowed("Type"), Expression::text(resource.kind.as_str()))];
    let mut put = |key: &'static str, value| entries.push((Cow::Borrowed(key), value));
    if let Some(name) =
        resource.condition.as_ref().and_then(|condition| lowering.condition(condition, &place))
    {
        put("Condition", Expression::text(name));
    }
    if let Some(depends_on) = depends_on(lowering, stack, id, resource) {
        put("DependsOn", depends_on);
    }
    for (key, policy) in [
        ("DeletionPolicy", &resource.deletion_policy),
        ("UpdateReplacePolicy", &resource.update_replace_policy),
    ] {
        if let Some(policy) = policy {
            put(key, lower_policy(lowering, policy, &place));
        }
    }
    entries.extend(attributes);
    let properties = super::fleet::with_template(lowering, id, properties, &place);
    entries.extend(properties.map(|properties| (Cow::Borrowed("Properties"), properties)));
    Expression::Map(entries)
}

/// What a resource waits for, without what it refers to anyhow (cfn-lint W3005) and without what another
/// part of the stack holds, which the order of the parts ensures.
fn depends_on<'a>(
    lowering: &mut Lowering<'a>,
    stack: &'a Stack,
    id: &'a str,
    resource: &'a Resource,
) -> Option<Expression<'a>> {
    let mut needed: Vec<Expression<'a>> = Vec::new();
    for dependency in &resource.depends_on {
        match stack.resources.get_index_of(dependency.id.as_str()) {
            None => {
                let what = format!("`{id}` waits for `{}`, which its stack does not have", dependency.id);
                lowering.problem(DANGLING, &Place::root(id, dependency.span.or(resource.origin.span)), what);
            }
            Some(at) if !lowering.is_here(at) => {}
            Some(_) if lowering.referred.contains(&dependency.id.as_str()) => {}
            Some(_) => needed.push(Expression::text(dependency.id.as_str())),
        }
    }
    match needed.len() {
        0 => None,
        1 => needed.pop(),
        _ => Some(Expression::List(needed)),
    }
}

fn lower_policy<'a>(lowering: &mut Lowering<'a>, policy: &'a Policy, place: &Place<'_>) -> Expression<'a> {
    Expression::text(match policy {
        Policy::Delete => "Delete",
        Policy::Retain => "Retain",
        Policy::RetainExceptOnCreate => "RetainExceptOnCreate",
        Policy::Snapshot => "Snapshot",
        Policy::Unknown(value) => {
            lowering.language_extensions = true;
            return lowering.value(value, place);
        }
    })
}

fn lower_outputs<'a>(
    lowering: &mut Lowering<'a>,
    stack: &'a Stack,
    part: Option<(&'a [u32], u32)>,
) -> Vec<(&'a str, Expression<'a>)> {
    let mut out = Vec::new();
    for (name, output) in &stack.outputs {
        if part
            .is_some_and(|(parts, here)| latest_part(stack, lowering.stack_id, &output.value, parts) != here)
        {
            continue;
        }
        let place = Place::root(name, output.span);
        let mut entries = Vec::new();
        let mut put = |key, value| entries.push((Cow::Borrowed(key), value));
        if let Some(name) =
            output.condition.as_ref().and_then(|condition| lowering.condition(condition, &place))
        {
            put("Condition", Expression::text(name));
        }
        if !output.description.is_empty() {
            put("Description", Expression::text(output.description.as_str()));
        }
        put("Value", lowering.value(&output.value, &place.key("Value", output.value.span)));
        if let Some(export) = &output.export {
            put(
                "Export",
                Expression::map([("Name", lowering.value(export, &place.key("Export", export.span)))]),
            );
        }
        out.push((name.as_str(), Expression::Map(entries)));
    }
    out
}

/// The last part that holds something `value` refers to.
pub(crate) fn latest_part(stack: &Stack, id: StackId, value: &Value, parts: &[u32]) -> u32 {
    let mut latest = 0;
    value.walk(&mut |value| {
        if let Some((target, logical_id)) = value.as_reference().and_then(Reference::resource)
            && target == id
            && let Some(part) = stack.resources.get_index_of(logical_id.as_str()).and_then(|at| parts.get(at))
        {
            latest = latest.max(*part);
        }
    });
    latest
}

impl<'a> Draft<'a> {
    /// The whole template, with an output for each of `wanted`.
    pub(crate) fn text(
        &self,
        stack: &'a Stack,
        note: &str,
        wanted: &[(String, Reference)],
        format: Format,
    ) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.resources.len() + 1024 + 200 * wanted.len());
        let mut sections = Sections { format, out: &mut out, any: false };
        sections.value("AWSTemplateFormatVersion", &Expression::text("2010-09-09"));
        let most = self.lowering.around.catalog.quotas().template_description_bytes;
        let description = description(stack, note, most);
        if !description.is_empty() {
            sections.value("Description", &Expression::text(description));
        }
        if self.lowering.language_extensions {
            sections.value("Transform", &Expression::text("AWS::LanguageExtensions"));
        }
        let needs = self.lowering.parameters.iter();
        sections.entries("Parameters", needs.map(|(name, need)| (name.as_str(), self.parameter(need))));
        sections
            .entries("Conditions", self.conditions.iter().map(|(name, formula)| (*name, formula.clone())));
        sections.text("Resources", &self.resources);
        let own = self.outputs.iter().map(|(name, output)| (*name, output.clone()));
        let named = |name: &str| self.outputs.iter().any(|(own, _)| *own == name);
        let wiring = wanted.iter().filter(|(name, _)| !named(name));
        let wiring = wiring.map(|(name, reference)| (name.as_str(), self.wiring_output(stack, reference)));
        sections.entries("Outputs", own.chain(wiring));
        out.extend_from_slice(if format == Format::Json { b"\n}\n" } else { b"\n" });
        out
    }

    fn parameter(&self, need: &super::lower::Need) -> Expression<'a> {
        let estate = self.lowering.around.estate;
        let mut entries =
            vec![("Type", Expression::text(if need.list { "CommaDelimitedList" } else { "String" }))];
        if need.optional {
            entries.push(("Default", Expression::text("")));
        }
        let identity = names::identity(estate, &need.source);
        match &need.source {
            Source::Number(_) => {
                entries.push(("AllowedPattern", Expression::text("^[0-9]{12}$")));
                entries.push(("Description", Expression::text(format!("The twelve digits of {identity}"))));
            }
            Source::Output(_) => entries.push(("Description", Expression::text(identity))),
        }
        Expression::map(entries)
    }

    fn wiring_output(&self, stack: &'a Stack, reference: &Reference) -> Expression<'a> {
        let (value, condition) = match &reference.target {
            Target::Resource { id, .. } => {
                let resource = stack.resources.get(id.as_str());
                let value = match &reference.attribute {
                    Some(attribute) => Expression::get_att(id.to_string(), attribute.to_string()),
                    None => Expression::reference(id.to_string()),
                };
                (value, resource.and_then(|resource| resource.condition.as_ref()))
            }
            Target::Pseudo { pseudo, .. } => (Expression::reference(pseudo.name()), None),
            Target::Account(_) => (Expression::reference("AWS::AccountId"), None),
        };
        let value = if self.lowering.around.is_list(reference) {
            Expression::call("Fn::Join", Expression::List(vec![Expression::text(","), value]))
        } else {
            value
        };
        let condition = condition.map(|condition| ("Condition", Expression::text(condition.name.as_str())));
        Expression::map(condition.into_iter().chain([("Value", value)]))
    }
}

/// The stack's description and the note on its part, cut to the bytes that CloudFormation takes.
fn description(stack: &Stack, note: &str, most: usize) -> String {
    let mut text = stack.description.to_string();
    if !note.is_empty() {
        text.push_str(if text.is_empty() { "" } else { " " });
        text.push_str(note);
    }
    let end = text.floor_char_boundary(most);
    text.truncate(end);
    text
}

/// The top level of a template.
struct Sections<'o> {
    format: Format,
    out: &'o mut Vec<u8>,
    any: bool,
}

impl Sections<'_> {
    fn key(&mut self, key: &str) {
        match self.format {
            Format::Json => {
                self.out.extend_from_slice(if self.any { b",\n  " } else { b"{\n  " });
                json::write_text(key, self.out);
                self.out.push(b':');
            }
            Format::Yaml => {
                self.out.extend_from_slice(if self.any { b"\n" } else { b"" });
                self.out.extend_from_slice(key.as_bytes());
                self.out.push(b':');
            }
        }
        self.any = true;
    }

    fn value(&mut self, key: &str, value: &Expression<'_>) {
        self.key(key);
        match self.format {
            Format::Json => {
                self.out.push(b' ');
                json::write(value, 2, key.len() + 6, self.out);
            }
            // `2010-09-09` is a date to some readers where it is not quoted; `yaml` quotes it.
            Format::Yaml => yaml::write(value, 0, key.len() + 1, self.out),
        }
    }

    /// A section of which the entries are text already.
    fn text(&mut self, key: &str, entries: &[u8]) {
        self.key(key);
        match self.format {
            Format::Json => {
                self.out.extend_from_slice(b" {");
                self.out.extend_from_slice(entries);
                self.out.extend_from_slice(if entries.is_empty() { b"}" } else { b"\n  }" });
            }
            Format::Yaml if entries.is_empty() => self.out.extend_from_slice(b" {}"),
            Format::Yaml => self.out.extend_from_slice(entries),
        }
    }

    /// A section, left out where it has no entries.
    fn entries<'n>(&mut self, key: &str, entries: impl Iterator<Item = (&'n str, Expression<'n>)>) {
        let mut text = Vec::new();
        for (name, value) in entries {
            write_entry(self.format, !text.is_empty(), name, &value, &mut text);
        }
        if !text.is_empty() {
            self.text(key, &text);
        }
    }
}

/// One entry of a section, with the line break before it.
fn write_entry(format: Format, comma: bool, key: &str, value: &Expression<'_>, out: &mut Vec<u8>) {
    match format {
        Format::Json => {
            json::break_line(comma, 4, out);
            json::write_key(key, out);
            json::write(value, 4, key.len() + 8, out);
        }
        Format::Yaml => {
            out.extend_from_slice(b"\n  ");
            yaml::write_entry(key, value, 2, out);
        }
    }
}
