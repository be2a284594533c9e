//! From a document's nodes to an estate's values.
//!
//! Always: numbers and booleans stay what they are, places are kept, and secrets are not carried on.

use document::{Entry, Kind as NodeKind, Node};
use estate::{Entry as MapEntry, Kind, Map, Number, Value};
use smol_str::SmolStr;

/// Fields whose contents unlock something.
///
/// Source: Amazon EC2 API Reference, `VpnConnection` (`customerGatewayConfiguration` holds the pre-shared keys) and
/// `TunnelOption`; Amazon RDS API Reference, `PendingModifiedValues`.
const SECRET: &[&str] = &["CustomerGatewayConfiguration", "PreSharedKey", "UserData", "MasterUserPassword"];

/// What is said instead of a secret.
const WITHHELD: &str = "(withheld)";

/// A node as a value.
pub fn value(node: &Node) -> Value {
    let kind = match &node.kind {
        NodeKind::Null => Kind::Null,
        NodeKind::Bool(value) => Kind::Bool(*value),
        NodeKind::Number(text) => number(text),
        NodeKind::String(text) => Kind::String(text.clone()),
        NodeKind::List(items) => Kind::List(items.iter().map(value).collect()),
        NodeKind::Map(entries) => Kind::Map(map(entries)),
    };
    Value::at(node.span, kind)
}

/// The entries of a mapping as values.
pub fn map(entries: &[Entry]) -> Map {
    let mut out = Map::with_capacity(entries.len());
    entries.iter().for_each(|entry| out.push_new(self::entry(entry)));
    out
}

/// One entry as a value.
pub fn entry(entry: &Entry) -> MapEntry {
    let value = if SECRET.contains(&entry.key.text.as_str()) {
        Value::at(entry.value.span, Kind::String(SmolStr::new_static(WITHHELD)))
    } else {
        value(&entry.value)
    };
    MapEntry { key: entry.key.text.clone(), key_span: entry.key.span, value }
}

fn number(text: &SmolStr) -> Kind {
    if let Ok(value) = text.parse::<i64>() {
        return Kind::Number(Number::Int(value));
    }
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Kind::Number(Number::Float(value)),
        _ => Kind::String(text.clone()),
    }
}

/// Whether two values say the same, wherever they are written.
pub fn same(a: &Value, b: &Value) -> bool {
    match (&a.kind, &b.kind) {
        (Kind::List(a), Kind::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Kind::Map(a), Kind::Map(b)) => same_map(a, b),
        (a, b) => a == b,
    }
}

/// Whether two mappings say the same, wherever they are written.
pub fn same_map(a: &Map, b: &Map) -> bool {
    // A mapping that nobody's service returns is not worth the time.
    a.len() == b.len()
        && a.len() <= 10_000
        && a.iter().all(|entry| b.get(&entry.key).is_some_and(|other| same(&entry.value, other)))
}
