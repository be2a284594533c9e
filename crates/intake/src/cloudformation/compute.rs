//! The functions that need nothing but their arguments: computed where those are known, kept where not.
//!
//! In: a function and evaluated arguments. Out: a value. Always: an argument that a condition decides gives a
//! result that the same condition decides; an argument that is not known gives an [`estate::Call`].

use diagnostics::Code;
use estate::{Call, Case, ConditionRef, Function, Guard, Kind, Number, Type, Value};
use smol_str::SmolStr;

use super::cidr;
use crate::{BAD_ARGUMENT, OUT_OF_RANGE};

/// What is wrong with the arguments of a function.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// Its kind.
    pub code: Code,
    /// In words.
    pub message: String,
    /// What would have been right.
    pub expected: Option<&'static str>,
}

impl Fault {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), expected: None }
    }

    fn argument(message: String, expected: &'static str) -> Self {
        Self { code: BAD_ARGUMENT, message, expected: Some(expected) }
    }
}

/// Past this many conditions at once a call is kept instead of one result for each combination.
const MOST_CONDITIONS: usize = 6;
/// Past this many items a list is not multiplied by conditions.
const MOST_ITEMS: usize = 2_000;

/// The result of `function`. `fault` says what stands in place of a result that cannot be.
pub fn compute(function: Function, arguments: Vec<Value>, fault: &mut dyn FnMut(Fault) -> Value) -> Value {
    cased(arguments, &Guard::always(), MOST_CONDITIONS, &mut |arguments| {
        plain(function, arguments).unwrap_or_else(&mut *fault)
    })
}

/// `apply` to arguments none of which a condition decides: for each combination of conditions once. With too
/// many combinations `apply` sees arguments that are cases.
pub fn cased(
    arguments: Vec<Value>,
    guard: &Guard,
    depth: usize,
    apply: &mut dyn FnMut(Vec<Value>) -> Value,
) -> Value {
    let Some(condition) = arguments.iter().find_map(deciding).filter(|_| depth > 0) else {
        return apply(arguments);
    };
    let mut branch = |holds: bool| {
        let guard = guard.and(&condition, holds)?;
        let settled = arguments.iter().map(|value| settle(value, &condition, holds)).collect();
        Some(cased(settled, &guard, depth - 1, apply))
    };
    match (branch(true), branch(false)) {
        (Some(then), Some(otherwise)) => case(condition, then, otherwise),
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) => Value::new(Kind::Absent),
    }
}

/// One of two values as a condition decides; the value itself where both are the same.
pub fn case(condition: ConditionRef, then: Value, otherwise: Value) -> Value {
    if then.kind == otherwise.kind {
        return then;
    }
    let span = then.span;
    Value::at(span, Kind::Case(Box::new(Case { condition, then, otherwise })))
}

/// The condition that decides what an argument is, or whether an item of it is there.
fn deciding(value: &Value) -> Option<ConditionRef> {
    match &value.kind {
        Kind::Case(case) => Some(case.condition.clone()),
        Kind::List(items) if items.len() <= MOST_ITEMS => items.iter().find_map(|item| match &item.kind {
            Kind::Case(case) if may_be_absent(item) => Some(case.condition.clone()),
            _ => None,
        }),
        _ => None,
    }
}

fn may_be_absent(value: &Value) -> bool {
    match &value.kind {
        Kind::Absent => true,
        Kind::Case(case) => may_be_absent(&case.then) || may_be_absent(&case.otherwise),
        _ => false,
    }
}

/// The value when `condition` is known, looking at itself and at the items of a list.
fn settle(value: &Value, condition: &ConditionRef, holds: bool) -> Value {
    match &value.kind {
        Kind::Case(case) if case.condition == *condition => {
            settle(if holds { &case.then } else { &case.otherwise }, condition, holds)
        }
        Kind::List(items) => {
            let settled = items.iter().map(|item| settle(item, condition, holds));
            Value::at(value.span, Kind::List(settled.filter(|item| item.kind != Kind::Absent).collect()))
        }
        _ => value.clone(),
    }
}

/// The result where no condition decides an argument.
fn plain(function: Function, arguments: Vec<Value>) -> Result<Value, Fault> {
    let known = match (function, arguments.as_slice()) {
        (Function::Base64, [text]) => text.as_text().map(|text| Value::from(base64(text.as_bytes()))),
        (Function::Join, [delimiter, list]) => join(delimiter, list)?,
        (Function::Select, [index, list]) => select(index, list)?,
        (Function::Split, [delimiter, text]) => split(delimiter, text)?,
        (Function::Length, [list]) => length(list)?,
        (Function::ToJsonString, [value]) => value.is_literal().then(|| {
            let mut out = String::new();
            json(value, &mut out);
            Value::from(out)
        }),
        (Function::Cidr, arguments) => cidr::blocks(arguments)?,
        _ => None,
    };
    Ok(known.unwrap_or_else(|| call(function, arguments)))
}

/// A call that is kept.
pub fn call(function: Function, arguments: Vec<Value>) -> Value {
    Value::new(Kind::Call(Box::new(Call { function, arguments })))
}

fn join(delimiter: &Value, list: &Value) -> Result<Option<Value>, Fault> {
    let Some(delimiter) = delimiter.as_text() else { return Ok(None) };
    let items = match &list.kind {
        Kind::List(items) => items,
        Kind::String(_) | Kind::Number(_) | Kind::Bool(_) | Kind::Map(_) | Kind::Null | Kind::Join(_) => {
            return Err(Fault::argument(
                format!("`Fn::Join` joins a list, not {}", list.describe()),
                "a list of texts",
            ));
        }
        _ => return Ok(None),
    };
    let mut pieces = Vec::with_capacity(items.len() * 2);
    for (at, item) in items.iter().enumerate() {
        match &item.kind {
            Kind::List(_) | Kind::Map(_) => {
                let text = format!("`Fn::Join` joins texts, and one of the items is {}", item.describe());
                return Err(Fault::argument(text, "a list of texts"));
            }
            // Too many conditions to tell which items are there.
            _ if may_be_absent(item) => return Ok(None),
            _ => {}
        }
        if at > 0 && !delimiter.is_empty() {
            pieces.push(Value::from(&delimiter));
        }
        pieces.push(item.clone());
    }
    Ok(Some(Value::join(pieces)))
}

fn select(index: &Value, list: &Value) -> Result<Option<Value>, Fault> {
    let at = match &index.kind {
        Kind::String(_) | Kind::Number(_) | Kind::Bool(_) => match index.as_int() {
            Some(at) => at,
            None => {
                let text = format!("`Fn::Select` takes an index, not {}", index.describe());
                return Err(Fault::argument(text, "a whole number from 0"));
            }
        },
        Kind::List(_) | Kind::Map(_) | Kind::Null => {
            let text = format!("`Fn::Select` takes an index, not {}", index.describe());
            return Err(Fault::argument(text, "a whole number from 0"));
        }
        _ => return Ok(None),
    };
    match &list.kind {
        Kind::List(items) => {
            if items.iter().any(may_be_absent) {
                return Ok(None);
            }
            let found = usize::try_from(at).ok().and_then(|at| items.get(at));
            let outside = || {
                let text = format!("`Fn::Select` takes item {at} of a list that has {}", items.len());
                Fault::new(OUT_OF_RANGE, text)
            };
            found.cloned().map(Some).ok_or_else(outside)
        }
        Kind::String(_) | Kind::Number(_) | Kind::Bool(_) | Kind::Map(_) | Kind::Null | Kind::Join(_) => {
            let text = format!("`Fn::Select` takes an item of a list, not of {}", list.describe());
            Err(Fault::argument(text, "an index and a list"))
        }
        _ => Ok(None),
    }
}

fn split(delimiter: &Value, text: &Value) -> Result<Option<Value>, Fault> {
    let Some(delimiter) = delimiter.as_text() else { return Ok(None) };
    if delimiter.is_empty() {
        return Err(Fault::argument("`Fn::Split` splits at an empty text".into(), "a delimiter"));
    }
    match &text.kind {
        Kind::List(_) | Kind::Map(_) | Kind::Null => {
            let text = format!("`Fn::Split` splits a text, not {}", text.describe());
            Err(Fault::argument(text, "a delimiter and a text"))
        }
        // What was joined with the same delimiter comes apart again, where the items cannot contain it:
        // parameters of list types are made by splitting at commas.
        Kind::Call(call) if call.function == Function::Join && delimiter == "," => match call
            .arguments
            .as_slice()
        {
            [joint, list] if joint.as_str() == Some(",") && is_parameter_list(list) => Ok(Some(list.clone())),
            _ => Ok(None),
        },
        Kind::Join(pieces) => Ok(split_pieces(&delimiter, pieces)),
        _ => Ok(text.as_text().map(|text| {
            let parts = text.split(delimiter.as_str()).map(Value::from).collect();
            Value::new(Kind::List(parts))
        })),
    }
}

fn is_parameter_list(value: &Value) -> bool {
    matches!(&value.kind, Kind::Unknown(unknown) if unknown.ty == Type::List)
}

/// The parts of a text put together, where what is not known in it cannot hold the delimiter.
fn split_pieces(delimiter: &str, pieces: &[Value]) -> Option<Value> {
    let mut parts: Vec<Vec<Value>> = vec![Vec::new()];
    for piece in pieces {
        match piece.as_text() {
            Some(text) => {
                for (at, part) in text.split(delimiter).enumerate() {
                    if at > 0 {
                        parts.push(Vec::new());
                    }
                    parts.last_mut()?.push(Value::from(part));
                }
            }
            None if lacks(piece, delimiter) => parts.last_mut()?.push(piece.clone()),
            None => return None,
        }
    }
    Some(Value::new(Kind::List(parts.into_iter().map(Value::join).collect())))
}

/// Whether a value that is not known surely does not contain `delimiter`. No identifier, ARN or name that
/// AWS assigns has a comma in it.
fn lacks(value: &Value, delimiter: &str) -> bool {
    match &value.kind {
        Kind::Reference(reference) => {
            let attribute = reference.attribute.as_deref().unwrap_or("Id");
            delimiter == "," && ["Id", "Arn", "Name"].iter().any(|end| attribute.ends_with(end))
        }
        Kind::Unknown(unknown) => unknown.allowed.as_ref().is_some_and(|allowed| {
            allowed.iter().all(|value| value.as_text().is_some_and(|text| !text.contains(delimiter)))
        }),
        Kind::Case(case) => [&case.then, &case.otherwise].iter().all(|value| {
            value.as_text().map_or_else(|| lacks(value, delimiter), |text| !text.contains(delimiter))
        }),
        _ => false,
    }
}

fn length(list: &Value) -> Result<Option<Value>, Fault> {
    match &list.kind {
        Kind::List(items) if items.iter().any(may_be_absent) => Ok(None),
        Kind::List(items) => Ok(i64::try_from(items.len()).ok().map(Value::from)),
        Kind::String(_) | Kind::Number(_) | Kind::Bool(_) | Kind::Map(_) | Kind::Null | Kind::Join(_) => {
            let text = format!("`Fn::Length` counts the items of a list, not of {}", list.describe());
            Err(Fault::argument(text, "a list"))
        }
        _ => Ok(None),
    }
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |six: u32| DIGITS.get((six & 63) as usize).map_or('=', |digit| char::from(*digit));
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| chunk.get(at).map_or(0, |byte| u32::from(*byte));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        out.push(digit(bits >> 18));
        out.push(digit(bits >> 12));
        out.push(if chunk.len() > 1 { digit(bits >> 6) } else { '=' });
        out.push(if chunk.len() > 2 { digit(bits) } else { '=' });
    }
    out
}

/// A literal as JSON, without white space.
fn json(value: &Value, out: &mut String) {
    match &value.kind {
        Kind::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                json(item, out);
            }
            out.push(']');
        }
        Kind::Map(map) => {
            out.push('{');
            for (at, entry) in map.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                json_text(&entry.key, out);
                out.push(':');
                json(&entry.value, out);
            }
            out.push('}');
        }
        Kind::String(text) => json_text(text, out),
        _ => out.push_str(value.as_text().as_deref().unwrap_or("null")),
    }
}

fn json_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// A number as it is written in a document: an integer, another number, or text where writing it as a number
/// would lose something (`0123`, more digits than fit).
pub fn number(text: &SmolStr) -> Kind {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let padded =
        digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
    if padded || text.starts_with('+') {
        return Kind::String(text.clone());
    }
    if let Ok(integer) = text.parse() {
        return Kind::Number(Number::Int(integer));
    }
    match text.parse::<f64>() {
        Ok(float) if float.is_finite() && digits.len() <= 17 => Kind::Number(Number::Float(float)),
        _ => Kind::String(text.clone()),
    }
}

/// About how many bytes a value has.
pub fn weight(value: &Value) -> usize {
    let mut total = 0;
    value.walk(&mut |value| {
        total += 8 + match &value.kind {
            Kind::String(text) => text.len(),
            _ => 0,
        }
    });
    total
}

/// Texts that functions take may have so many bytes together: a whole template may have a million.
pub const LONGEST_TEXT: usize = 4 << 20;

/// Bytes of all texts in a value.
pub fn text_bytes(value: &Value) -> usize {
    let mut bytes = 0;
    value.walk(&mut |value| bytes += value.as_str().map_or(0, str::len));
    bytes
}
