//! Emitted templates read back with the reader that `intake` uses, as JSON with long function forms.

use diagnostics::{Diagnostics, SourceMap};
use document::{Kind, Node, Syntax};
use serde_json::{Map, Value, json};

/// The tree of an emitted file.
pub fn parse(name: &str, bytes: &[u8]) -> Value {
    let mut sources = SourceMap::new();
    let text = std::str::from_utf8(bytes).unwrap();
    let file = sources.add(name, text).unwrap();
    let mut diagnostics = Diagnostics::new();
    let node = document::parse(sources.file(file).unwrap(), Syntax::template(), &mut diagnostics);
    let messages: Vec<_> = diagnostics.iter().map(|diagnostic| &diagnostic.message).collect();
    assert!(messages.is_empty(), "{name}: {messages:?}\n{text}");
    tree(&node.unwrap())
}

fn tree(node: &Node) -> Value {
    let value = match &node.kind {
        Kind::Null => Value::Null,
        Kind::Bool(value) => json!(value),
        Kind::Number(text) => {
            text.parse::<i64>().map_or_else(|_| json!(text.parse::<f64>().unwrap()), |int| json!(int))
        }
        Kind::String(text) => json!(text.as_str()),
        Kind::List(items) => items.iter().map(tree).collect(),
        Kind::Map(entries) => Value::Object(
            entries.iter().map(|entry| (entry.key.text.to_string(), tree(&entry.value))).collect(),
        ),
    };
    let Some(tag) = node.tag.as_deref().and_then(|tag| tag.strip_prefix('!')) else { return value };
    let name = if matches!(tag, "Ref" | "Condition") { tag.to_owned() } else { format!("Fn::{tag}") };
    let argument = match value.as_str().and_then(|text| text.split_once('.')) {
        Some((id, attribute)) if tag == "GetAtt" => json!([id, attribute]),
        _ => value,
    };
    Value::Object(Map::from_iter([(name, argument)]))
}

/// Everything a template names: `Ref` targets, `Fn::GetAtt` ids, `Fn::Sub` variables, `DependsOn`.
pub fn named(template: &Value) -> Vec<String> {
    let mut out = Vec::new();
    collect(template, &mut out);
    for (_, resource) in template["Resources"].as_object().into_iter().flatten() {
        match &resource["DependsOn"] {
            Value::String(id) => out.push(id.clone()),
            Value::Array(ids) => out.extend(ids.iter().map(|id| id.as_str().unwrap().to_owned())),
            _ => {}
        }
    }
    out
}

fn collect(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, out)),
        Value::Object(map) => {
            for (key, value) in map {
                match (key.as_str(), value) {
                    ("Ref", Value::String(name)) => out.push(name.clone()),
                    ("Fn::GetAtt", Value::Array(parts)) => out.push(parts[0].as_str().unwrap().to_owned()),
                    ("Fn::Sub", Value::String(text)) => variables(text, out),
                    _ => collect(value, out),
                }
            }
        }
        _ => {}
    }
}

fn variables(text: &str, out: &mut Vec<String>) {
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (name, tail) = rest[at + 2..].split_once('}').unwrap();
        if !name.starts_with('!') {
            out.push(name.split('.').next().unwrap().to_owned());
        }
        rest = tail;
    }
}
