//! Parameters: what a template declares, and the value each has here.
//!
//! In: the section `Parameters` and given values. Out: [`Parameter`]s. Always: a parameter has the value
//! given, else its default, else it is an unknown that knows its allowed values.
//!
//! Source: AWS CloudFormation User Guide, "CloudFormation template Parameters syntax" and "Specify existing
//! resources at runtime with CloudFormation-supplied parameter types".

use diagnostics::{Diagnostic, Diagnostics, Span, did_you_mean};
use document::{Entry, Kind as NodeKind, Node};
use estate::{Function, Kind, Parameter, Type, Unknown, Value, Why};
use indexmap::IndexMap;
use smol_str::{SmolStr, format_smolstr};

use super::compute::{compute, number, weight};
use crate::{BAD_PARAMETER, BAD_PARAMETER_VALUE, UNKNOWN_PARAMETER};

/// The most bytes a parameter value may have.
///
/// Source: AWS CloudFormation User Guide, "Understand CloudFormation quotas".
const MOST_BYTES: usize = 4096;

/// Values of parameters by name.
pub type Given = IndexMap<SmolStr, Value>;

const ITEM_TYPES: &[&str] = &[
    "String",
    "Number",
    "AWS::EC2::AvailabilityZone::Name",
    "AWS::EC2::Image::Id",
    "AWS::EC2::Instance::Id",
    "AWS::EC2::KeyPair::KeyName",
    "AWS::EC2::SecurityGroup::GroupName",
    "AWS::EC2::SecurityGroup::Id",
    "AWS::EC2::Subnet::Id",
    "AWS::EC2::VPC::Id",
    "AWS::EC2::Volume::Id",
    "AWS::Route53::HostedZone::Id",
    "AWS::SSM::Parameter::Name",
];

/// What a parameter's type says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// A list, given as text with commas.
    pub list: bool,
    /// Of numbers.
    pub number: bool,
    /// The value is the name of a parameter of Systems Manager that holds the value.
    pub stored: bool,
}

/// The shape of a declared type; `None` where there is no such type.
pub fn shape(ty: &str) -> Option<Shape> {
    if let Some(inner) =
        ty.strip_prefix("AWS::SSM::Parameter::Value<").and_then(|rest| rest.strip_suffix('>'))
    {
        return shape(inner).filter(|inner| !inner.stored).map(|inner| Shape { stored: true, ..inner });
    }
    let (item, list) = match ty {
        "CommaDelimitedList" => ("String", true),
        _ => match ty.strip_prefix("List<").and_then(|rest| rest.strip_suffix('>')) {
            Some(item) => (item, true),
            None => (ty, false),
        },
    };
    ITEM_TYPES.contains(&item).then_some(Shape { list, number: item == "Number", stored: false })
}

/// Which defaults count as values.
#[derive(Debug, Clone, Copy)]
pub struct Defaults {
    /// Whether any does.
    pub count: bool,
    /// Whether that of a parameter with a choice of values does not.
    pub open_choices: bool,
}

/// Reads the section.
pub fn read(
    entries: &[Entry],
    given: &Given,
    defaults: Defaults,
    stack: &str,
    at: Span,
    diagnostics: &mut Diagnostics,
) -> IndexMap<SmolStr, Parameter> {
    for (name, value) in given {
        if !entries.iter().any(|entry| entry.key.text == *name) {
            let text =
                format!("a value is given for parameter `{name}`, which the template does not declare");
            let names = entries.iter().map(|entry| entry.key.text.as_str());
            let unknown = Diagnostic::error(UNKNOWN_PARAMETER, value.span.or(at), text);
            diagnostics.push(unknown.maybe_help(did_you_mean(name, names)));
        }
    }
    let one = |entry: &Entry| (entry.key.text.clone(), parameter(entry, given, defaults, stack, diagnostics));
    entries.iter().filter(|entry| !entry.key.text.starts_with("Fn::")).map(one).collect()
}

fn parameter(
    entry: &Entry,
    given: &Given,
    defaults: Defaults,
    stack: &str,
    diagnostics: &mut Diagnostics,
) -> Parameter {
    let name = &entry.key.text;
    let ty = entry.value.get("Type").and_then(Node::as_scalar_text).unwrap_or_default();
    let shape = shape(&ty).unwrap_or_else(|| {
        if let Some(node) = entry.value.get("Type") {
            let text = format!("parameter `{name}` has the type {}, which does not exist", node.describe());
            let help =
                did_you_mean(&ty, ITEM_TYPES.iter().copied().chain(["CommaDelimitedList", "List<Number>"]));
            diagnostics.push(Diagnostic::error(BAD_PARAMETER, node.span, text).maybe_help(help));
        }
        Shape { list: false, number: false, stored: false }
    });
    let no_echo = entry.value.get("NoEcho").and_then(Node::as_scalar_text);
    let choice = || allowed(entry, shape).is_some_and(|values| values.len() > 1);
    let default =
        default_of(entry, diagnostics).filter(|_| defaults.count && !(defaults.open_choices && choice()));
    let is_default = !given.contains_key(name) && default.is_some();
    let value = given.get(name).cloned().or(default).map(|value| {
        let value = converted(value, shape);
        check(entry, &value, shape, is_default, diagnostics);
        value
    });
    let unknown = |why: Why, allowed: Option<Vec<Value>>| {
        let ty = match shape {
            Shape { list: true, .. } => Type::List,
            Shape { number: true, .. } => Type::Number,
            _ => Type::String,
        };
        let symbol = format_smolstr!("{stack}/{name}");
        Value::at(entry.key.span, Kind::Unknown(Box::new(Unknown { symbol, ty, why, allowed })))
    };
    let value = match value {
        _ if shape.stored => unknown(Why::StoredParameter(name.clone()), None),
        Some(value) if weight(&value) > MOST_BYTES => {
            let text = format!("the value of parameter `{name}` is longer than {MOST_BYTES} bytes");
            diagnostics.push(Diagnostic::error(BAD_PARAMETER_VALUE, value.span.or(entry.key.span), text));
            unknown(Why::Mistake, None)
        }
        Some(value) => value,
        None => unknown(Why::Parameter(name.clone()), allowed(entry, shape)),
    };
    let no_echo = no_echo.is_some_and(|text| text.eq_ignore_ascii_case("true"));
    Parameter { ty, value, is_default, no_echo, span: entry.key.span }
}

fn default_of(entry: &Entry, diagnostics: &mut Diagnostics) -> Option<Value> {
    let node = entry.value.get("Default")?;
    match scalar(node) {
        Some(value) => Some(value),
        None => {
            let text = format!("the default of parameter `{}` is {}", entry.key.text, node.describe());
            let bad = Diagnostic::error(BAD_PARAMETER, node.span, text);
            diagnostics
                .push(bad.expected("a text or a number; of a list, its items with commas between them"));
            None
        }
    }
}

fn scalar(node: &Node) -> Option<Value> {
    match (&node.kind, &node.tag) {
        (NodeKind::String(_) | NodeKind::Number(_) | NodeKind::Bool(_), None) => {
            Some(Value::at(node.span, Kind::String(node.as_scalar_text()?)))
        }
        _ => None,
    }
}

fn allowed(entry: &Entry, shape: Shape) -> Option<Vec<Value>> {
    // Of a list, every item is one of the allowed values; the value itself is none of them.
    let items = entry.value.get("AllowedValues")?.as_list().filter(|_| !shape.list)?;
    items.iter().map(|item| scalar(item).map(|value| converted(value, shape))).collect()
}

/// A given value as the parameter's type makes of it.
fn converted(value: Value, shape: Shape) -> Value {
    let span = value.span;
    let out = match (&value.kind, shape.list) {
        (Kind::Case(case), _) => {
            let (then, otherwise) =
                (converted(case.then.clone(), shape), converted(case.otherwise.clone(), shape));
            super::compute::case(case.condition.clone(), then, otherwise)
        }
        (Kind::List(items), false) => Value::join(joined(items)),
        (Kind::List(items), true) => {
            let items = items.iter().map(|item| converted(item.clone(), Shape { list: false, ..shape }));
            Value::new(Kind::List(items.collect()))
        }
        (Kind::Unknown(unknown), true) if unknown.ty == Type::List => value,
        (Kind::Unknown(unknown), true) if unknown.why == Why::Mistake => value,
        (_, true) => {
            let mut keep = |_| value.clone();
            let parts = compute(Function::Split, vec![Value::from(","), value.clone()], &mut keep);
            match parts.kind {
                Kind::List(items) => {
                    let trimmed = items.into_iter().map(|item| match item.as_text() {
                        Some(text) if shape.number => Value::new(number(&SmolStr::new(text.trim()))),
                        Some(text) => Value::from(text.trim()),
                        None => item,
                    });
                    Value::new(Kind::List(trimmed.collect()))
                }
                _ => parts,
            }
        }
        (Kind::String(_) | Kind::Number(_) | Kind::Bool(_), false) => {
            let text = value.as_text().unwrap_or_default();
            Value::new(if shape.number { number(&SmolStr::new(text.trim())) } else { Kind::String(text) })
        }
        (_, false) => value,
    };
    out.spanned(span)
}

fn joined(items: &[Value]) -> Vec<Value> {
    let mut out = Vec::with_capacity(items.len() * 2);
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(Value::from(","));
        }
        out.push(item.clone());
    }
    out
}

/// Checks a value against the constraints. A default that fails is a warning: somebody may give another.
fn check(entry: &Entry, value: &Value, shape: Shape, is_default: bool, diagnostics: &mut Diagnostics) {
    let items = match &value.kind {
        Kind::List(items) => items.as_slice(),
        _ => std::slice::from_ref(value),
    };
    for item in items {
        let Some(text) = item.as_text() else { continue };
        let Some(expected) = violated(entry, &text, shape) else { continue };
        let name = &entry.key.text;
        let span = item.span.or(value.span).or(entry.key.span);
        let (what, severity) = match is_default {
            true => ("default", diagnostics::Severity::Warning),
            false => ("value", diagnostics::Severity::Error),
        };
        let secret = entry.value.get("NoEcho").is_some();
        let shown = if secret { String::new() } else { format!(" `{}`", shorten(&text)) };
        let text = format!("the {what}{shown} of parameter `{name}` does not satisfy its constraints");
        let said = entry.value.get("ConstraintDescription").and_then(Node::as_scalar_text);
        let violated = Diagnostic::new(severity, BAD_PARAMETER_VALUE, span, text).expected(expected);
        diagnostics.push(violated.maybe_help(said.map(|said| format!("the template says: {said}"))));
    }
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= 40 { text.to_owned() } else { text.chars().take(39).chain(['…']).collect() }
}

/// The constraint that a text does not satisfy.
fn violated(entry: &Entry, text: &str, shape: Shape) -> Option<String> {
    let constraint = |name: &str| entry.value.get(name);
    if let Some(items) = constraint("AllowedValues").and_then(Node::as_list) {
        let texts: Vec<_> = items.iter().filter_map(Node::as_scalar_text).collect();
        let same = |allowed: &SmolStr| {
            *allowed == text || (shape.number && allowed.parse::<f64>().is_ok_and(|n| text.parse() == Ok(n)))
        };
        if texts.len() == items.len() && !texts.iter().any(same) {
            let shown: Vec<_> = texts.iter().take(12).map(SmolStr::as_str).collect();
            let more = if texts.len() > 12 { ", …" } else { "" };
            return Some(format!("one of {}{more}", shown.join(", ")));
        }
    }
    let bound = |name: &str| constraint(name).and_then(Node::as_scalar_text)?.parse::<f64>().ok();
    if shape.number {
        let Ok(number) = text.trim().parse::<f64>() else { return Some("a number".to_owned()) };
        if let Some(least) = bound("MinValue").filter(|least| number < *least) {
            return Some(format!("at least {least}"));
        }
        if let Some(most) = bound("MaxValue").filter(|most| number > *most) {
            return Some(format!("at most {most}"));
        }
    }
    #[allow(clippy::cast_precision_loss, reason = "the length of a text is far below 2^52")]
    let length = text.chars().count() as f64;
    if let Some(least) = bound("MinLength").filter(|least| length < *least) {
        return Some(format!("at least {least} characters"));
    }
    if let Some(most) = bound("MaxLength").filter(|most| length > *most) {
        return Some(format!("at most {most} characters"));
    }
    let pattern = constraint("AllowedPattern").and_then(Node::as_scalar_text)?;
    // The whole text must match. A pattern that this engine cannot read, or only at great cost, decides nothing.
    let whole = fancy_regex::RegexBuilder::new(&format!("^(?:{})$", ascii(&pattern)))
        .backtrack_limit(100_000)
        .delegate_size_limit(1 << 20)
        .build()
        .ok()?;
    let matches = whole.is_match(text).ok()?;
    (!matches).then(|| format!("a text that matches `{pattern}`"))
}

/// The pattern with `\w`, `\d` and `\s` spelled out. CloudFormation's are those of Java, which mean ASCII; of all of
/// Unicode they would mean something else, and be expensive to repeat.
fn ascii(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let (mut characters, mut in_class) = (pattern.chars(), false);
    while let Some(c) = characters.next() {
        match c {
            '\\' => {
                let escaped = characters.next();
                let members = match escaped {
                    Some('w') => "A-Za-z0-9_",
                    Some('d') => "0-9",
                    Some('s') => r" \t\n\x0B\f\r",
                    _ => {
                        out.push('\\');
                        out.extend(escaped);
                        continue;
                    }
                };
                out.push_str(&if in_class { members.to_owned() } else { format!("[{members}]") });
            }
            '[' => {
                in_class = true;
                out.push('[');
            }
            ']' => {
                in_class = false;
                out.push(']');
            }
            c => out.push(c),
        }
    }
    out
}
