//! Templates as they are sent: JSON, looked at as far as a plan has to.
//!
//! In: the text of a template, or a part of it. Out: its resources, and the names that it refers to. Always: nothing is resolved here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The resources of a template by logical id; none where it cannot be read.
#[must_use]
pub fn resources(template: &str) -> BTreeMap<String, Value> {
    let root: Value = serde_json::from_str(template).unwrap_or_default();
    match root {
        Value::Object(mut root) => match root.remove("Resources") {
            Some(Value::Object(all)) => all.into_iter().collect(),
            _ => BTreeMap::new(),
        },
        _ => BTreeMap::new(),
    }
}

/// Names that a value refers to, by `Ref`, `Fn::GetAtt` and within `Fn::Sub`.
pub fn references(value: &Value, out: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| references(item, out)),
        Value::Object(map) => {
            match map.iter().next().filter(|_| map.len() == 1) {
                Some((key, Value::String(name))) if key == "Ref" => {
                    out.insert(name.clone());
                }
                Some((key, Value::String(path))) if key == "Fn::GetAtt" => {
                    out.extend(path.split('.').next().map(str::to_owned));
                }
                Some((key, Value::Array(path))) if key == "Fn::GetAtt" => {
                    out.extend(path.first().and_then(Value::as_str).map(str::to_owned));
                }
                Some((key, sub)) if key == "Fn::Sub" => {
                    let text = sub.as_str().or_else(|| sub.get(0).and_then(Value::as_str)).unwrap_or("");
                    out.extend(
                        placeholders(text).map(|name| name.split('.').next().unwrap_or(name).to_owned()),
                    );
                }
                _ => {}
            }
            map.values().for_each(|value| references(value, out));
        }
        _ => {}
    }
}

/// What stands in `${…}` in a text, without `${!…}`.
pub fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split("${").skip(1).filter_map(|part| part.split_once('}').map(|(name, _)| name.trim()));
    parts.filter(|name| !name.starts_with('!'))
}
