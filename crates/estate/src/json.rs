//! JSON documents as values.

use smol_str::SmolStr;

use crate::{Entry, Kind, Map, Number, Value};

/// How many characters a value has as JSON without white space, where each reference becomes a text of `reference`
/// characters. Nothing is escaped, so a text with quotation marks or line breaks counts less than it has.
#[must_use]
pub fn json_characters(value: &Value, reference: usize) -> usize {
    let all = |items: &[Value]| items.iter().map(|item| json_characters(item, reference)).sum::<usize>();
    match &value.kind {
        Kind::Map(map) => {
            let entries =
                map.iter().map(|entry| entry.key.len() + 3 + json_characters(&entry.value, reference));
            2 + entries.sum::<usize>() + map.len().saturating_sub(1)
        }
        Kind::List(items) => 2 + all(items) + items.len().saturating_sub(1),
        // The quotation marks of the pieces, which the whole does not have.
        Kind::Join(items) => 2 + all(items).saturating_sub(2 * items.len()),
        Kind::String(text) => 2 + text.chars().count(),
        Kind::Bool(_) | Kind::Number(_) => value.as_text().map_or(4, |text| text.len()),
        Kind::Null => 4,
        _ => 2 + reference,
    }
}

/// A literal JSON document as a [`Value`].
#[must_use]
pub fn from_json(json: &serde_json::Value) -> Value {
    let kind = match json {
        serde_json::Value::Null => Kind::Null,
        serde_json::Value::Bool(value) => Kind::Bool(*value),
        serde_json::Value::Number(number) => Kind::Number(
            number.as_i64().map_or_else(|| Number::Float(number.as_f64().unwrap_or(f64::MAX)), Number::Int),
        ),
        serde_json::Value::String(text) => Kind::String(SmolStr::new(text)),
        serde_json::Value::Array(items) => Kind::List(items.iter().map(from_json).collect()),
        serde_json::Value::Object(object) => {
            let mut map = Map::new();
            for (key, value) in object {
                let key = SmolStr::new(key);
                map.push_new(Entry { key, key_span: diagnostics::Span::NONE, value: from_json(value) });
            }
            Kind::Map(map)
        }
    };
    Value::new(kind)
}
