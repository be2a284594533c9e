//! JSON documents as values.

use smol_str::SmolStr;

use crate::{Entry, Kind, Map, Number, Value};

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
