//! Scalars against the rules for scalars, and values against each other.
//!
//! Always: a scalar is judged by what CloudFormation would pass on: `"80"` is a number where one is wanted.

use std::borrow::Cow;

use catalog::{NumberRules, StringRules, Types};

use crate::{Call, Function, Kind, Number, Pseudo, Target, Type, Value};

use super::Outcome;

/// What a value is, as far as it can be told before deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Null,
    Bool,
    Int,
    Float,
    Text,
    List,
    Object,
    /// One scalar that is not known.
    SomeScalar,
    /// A number that is not known.
    SomeNumber,
    /// A list that is not known.
    SomeList,
    /// Nothing is known.
    Anything,
}

/// The shape of a value that is not a reference or a case.
pub(crate) fn shape(value: &Value) -> Shape {
    match &value.kind {
        Kind::Null | Kind::Absent => Shape::Null,
        Kind::Bool(_) => Shape::Bool,
        Kind::Number(Number::Int(_)) => Shape::Int,
        Kind::Number(Number::Float(_)) => Shape::Float,
        Kind::String(text) if is_dynamic(text) => Shape::SomeScalar,
        Kind::String(_) => Shape::Text,
        Kind::List(_) => Shape::List,
        Kind::Map(_) => Shape::Object,
        Kind::Join(_) | Kind::Reference(_) => Shape::SomeScalar,
        Kind::Case(_) => Shape::Anything,
        Kind::Call(call) => shape_of_call(call),
        Kind::Unknown(unknown) => match unknown.ty {
            Type::String => Shape::SomeScalar,
            Type::Number => Shape::SomeNumber,
            Type::List => Shape::SomeList,
            Type::Any => Shape::Anything,
        },
    }
}

fn shape_of_call(call: &Call) -> Shape {
    match call.function {
        Function::Base64
        | Function::ImportValue
        | Function::Join
        | Function::Select
        | Function::ToJsonString => Shape::SomeScalar,
        Function::Length => Shape::SomeNumber,
        Function::Cidr | Function::GetAzs | Function::Split => Shape::SomeList,
        Function::FindInMap | Function::Transform | Function::GetAtt => Shape::Anything,
    }
}

/// Whether a text is, or holds, a dynamic reference, which CloudFormation replaces at deployment.
///
/// Source: AWS CloudFormation User Guide, "Get values stored in other services using dynamic references".
fn is_dynamic(text: &str) -> bool {
    text.contains("{{resolve:")
}

/// Whether a value of this shape can have one of the types; `Undecided` when only some of its values can.
pub(crate) fn fits_type(value: &Value, shape: Shape, types: Types) -> Outcome {
    if types.is_any() {
        return Outcome::Valid;
    }
    let yes = |fits: bool| if fits { Outcome::Valid } else { Outcome::Invalid };
    match shape {
        Shape::Null => yes(types.allows(Types::NULL)),
        Shape::Bool => yes(types.allows(Types::BOOLEAN) || types.allows(Types::STRING)),
        Shape::Int => yes(types.allows(Types::INTEGER) || types.allows(Types::STRING)),
        Shape::Float => {
            let whole = matches!(value.kind, Kind::Number(Number::Float(number)) if number.fract() == 0.0);
            yes(types.allows(Types::NUMBER)
                || types.allows(Types::STRING)
                || (whole && types.allows(Types::INTEGER)))
        }
        Shape::Text => {
            let Some(text) = value.as_str() else { return Outcome::Invalid };
            yes(types.allows(Types::STRING)
                || (types.allows(Types::BOOLEAN) && value.as_bool().is_some())
                || (types.allows(Types::NUMBER) && number(text).is_some())
                || (types.allows(Types::INTEGER) && number(text).is_some_and(|number| number.fract() == 0.0)))
        }
        Shape::List => yes(types.allows(Types::ARRAY)),
        Shape::Object => yes(types.allows(Types::OBJECT)),
        Shape::SomeScalar if types.allows(Types::STRING) => Outcome::Valid,
        Shape::SomeScalar => {
            let scalar =
                types.allows(Types::BOOLEAN) || types.allows(Types::INTEGER) || types.allows(Types::NUMBER);
            if scalar { Outcome::Undecided } else { Outcome::Invalid }
        }
        Shape::SomeNumber if types.allows(Types::NUMBER) || types.allows(Types::STRING) => Outcome::Valid,
        Shape::SomeNumber => {
            if types.allows(Types::INTEGER) {
                Outcome::Undecided
            } else {
                Outcome::Invalid
            }
        }
        Shape::SomeList => yes(types.allows(Types::ARRAY)),
        Shape::Anything => {
            let all = [Types::BOOLEAN, Types::NUMBER, Types::STRING, Types::ARRAY, Types::OBJECT];
            if all.into_iter().all(|kind| types.allows(kind)) { Outcome::Valid } else { Outcome::Undecided }
        }
    }
}

/// A text as a number. JSON's own syntax, with the blanks CloudFormation drops.
pub(crate) fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let first = text.bytes().find(|byte| !matches!(byte, b'-' | b'+' | b'.'))?;
    if first.is_ascii_digit() { text.parse().ok().filter(|number: &f64| number.is_finite()) } else { None }
}

/// The number that a literal is or spells.
pub(crate) fn numeric(value: &Value) -> Option<f64> {
    match &value.kind {
        #[allow(clippy::cast_precision_loss, reason = "bounds of schemas are far below 2^53")]
        Kind::Number(Number::Int(value)) => Some(*value as f64),
        Kind::Number(Number::Float(value)) => Some(*value),
        Kind::String(text) => number(text),
        _ => None,
    }
}

/// A literal scalar as text; texts are not copied.
pub(crate) fn spelled(value: &Value) -> Option<Cow<'_, str>> {
    match &value.kind {
        Kind::String(text) => Some(Cow::Borrowed(text)),
        Kind::Bool(_) | Kind::Number(_) => value.as_text().map(|text| Cow::Owned(text.into())),
        _ => None,
    }
}

/// The rule for numbers that `number` breaks, in words.
pub(crate) fn broken_number(rules: &NumberRules, number: f64) -> Option<String> {
    let bound = |bound: &Option<serde_json::Number>| bound.as_ref().and_then(serde_json::Number::as_f64);
    if let Some(least) = bound(&rules.minimum).filter(|least| number < *least) {
        return Some(format!("at least {least}"));
    }
    if let Some(most) = bound(&rules.maximum).filter(|most| number > *most) {
        return Some(format!("at most {most}"));
    }
    if let Some(least) = bound(&rules.exclusive_minimum).filter(|least| number <= *least) {
        return Some(format!("more than {least}"));
    }
    if let Some(most) = bound(&rules.exclusive_maximum).filter(|most| number >= *most) {
        return Some(format!("less than {most}"));
    }
    let step = bound(&rules.multiple_of).filter(|step| *step > 0.0)?;
    let times = number / step;
    ((times - times.round()).abs() > 1e-9).then(|| format!("a multiple of {step}"))
}

/// The bound on lengths that `text` breaks, in words. Lengths count characters.
pub(crate) fn broken_length(rules: &StringRules, text: &str) -> Option<String> {
    // A text has at most as many characters as bytes, and at least a quarter: mostly there is nothing to count.
    let bytes = text.len() as u64;
    if rules.min_length.is_none_or(|least| bytes / 4 >= least)
        && rules.max_length.is_none_or(|most| bytes <= most)
    {
        return None;
    }
    let characters = text.chars().count() as u64;
    if let Some(least) = rules.min_length.filter(|least| characters < *least) {
        return Some(format!("at least {least} characters"));
    }
    rules.max_length.filter(|most| characters > *most).map(|most| format!("at most {most} characters"))
}

/// The texts that a joined value may be, where its pieces are all known in kind: the three partitions, and
/// any account number (patterns do not tell one twelve-digit number from another). `None` where it holds
/// anything else.
pub(crate) fn samples(pieces: &[Value]) -> Option<Vec<String>> {
    let partitions =
        [("aws", "amazonaws.com"), ("aws-cn", "amazonaws.com.cn"), ("aws-us-gov", "amazonaws.com")];
    let mut out = Vec::with_capacity(partitions.len());
    for (partition, suffix) in partitions {
        let mut text = String::new();
        for piece in pieces {
            match &piece.kind {
                Kind::Reference(reference) => text.push_str(match &reference.target {
                    Target::Account(_) => "111122223333",
                    Target::Pseudo { pseudo: Pseudo::Partition, .. } => partition,
                    Target::Pseudo { pseudo: Pseudo::UrlSuffix, .. } => suffix,
                    _ => return None,
                }),
                _ => text.push_str(&spelled(piece).filter(|text| !is_dynamic(text))?),
            }
        }
        out.push(text);
    }
    Some(out)
}

/// Whether two values are the same wherever they were written.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    match (&a.kind, &b.kind) {
        (Kind::List(a), Kind::List(b)) | (Kind::Join(a), Kind::Join(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Kind::Map(a), Kind::Map(b)) => {
            a.len() == b.len()
                && a.iter().all(|entry| b.get(&entry.key).is_some_and(|other| same(&entry.value, other)))
        }
        (Kind::Unknown(a), Kind::Unknown(b)) => a.symbol == b.symbol,
        (Kind::Case(a), Kind::Case(b)) => {
            a.condition == b.condition && same(&a.then, &b.then) && same(&a.otherwise, &b.otherwise)
        }
        (Kind::Call(a), Kind::Call(b)) => {
            a.function == b.function
                && a.arguments.len() == b.arguments.len()
                && a.arguments.iter().zip(&b.arguments).all(|(a, b)| same(a, b))
        }
        (Kind::Reference(a), Kind::Reference(b)) => a == b,
        (Kind::Null, Kind::Null) | (Kind::Absent, Kind::Absent) => true,
        _ => match (spelled(a), spelled(b)) {
            (Some(a), Some(b)) => a == b,
            _ => false,
        },
    }
}
