//! Words for places, types and choices.

use catalog::{Types, Values};
use smol_str::SmolStr;

use super::walk::At;

/// The most choices that are listed.
const MOST: usize = 12;

/// What a message is about: the property's name in backticks.
pub(crate) fn subject(at: &At<'_>) -> String {
    at.property().map_or_else(|| "the resource".to_owned(), |name| format!("`{name}`"))
}

/// What has properties: `` `BucketEncryption` ``, or the resource's type.
pub(crate) fn owner(at: &At<'_>, kind: &str) -> String {
    at.property().map_or_else(|| kind.to_owned(), |name| format!("`{name}`"))
}

/// `a text or a list`.
pub(crate) fn types(types: Types) -> String {
    let words = types.names().map(|name| match name {
        "null" => "null",
        "boolean" => "a boolean",
        "integer" => "an integer",
        "number" => "a number",
        "string" => "a text",
        "array" => "a list",
        _ => "a mapping",
    });
    words.collect::<Vec<_>>().join(" or ")
}

/// `` `a`, `b` and 3 more ``.
pub(crate) fn allowed(values: &Values) -> String {
    let words = values.allowed.iter().map(|value| match value {
        serde_json::Value::String(text) => format!("`{text}`"),
        other => format!("`{other}`"),
    });
    shortened(words, values.allowed.len())
}

/// `` `a`, `b` and 3 more ``.
pub(crate) fn names<'n>(names: impl IntoIterator<Item = &'n SmolStr>) -> String {
    let names: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
    let count = names.len();
    shortened(names.into_iter(), count)
}

/// `` `a` and `b` ``.
pub(crate) fn joined(names: &[SmolStr], between: &str) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(between)
}

fn shortened(words: impl Iterator<Item = String>, count: usize) -> String {
    let shown: Vec<_> = words.take(MOST).collect();
    match count.checked_sub(MOST) {
        Some(more) if more > 0 => format!("{} and {more} more", shown.join(", ")),
        _ => shown.join(", "),
    }
}
