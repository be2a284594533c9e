//! SARIF 2.1.0, the format code-scanning services read.
//!
//! Source: OASIS, Static Analysis Results Interchange Format (SARIF) Version 2.1.0.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::{Diagnostics, Severity, SourceMap, Span};

/// One rule as SARIF describes it.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Stable id: a code or the id of a guarantee.
    pub id: String,
    /// One line.
    pub title: String,
    /// The whole explanation, Markdown.
    pub help: String,
    /// A property bag, where there is more to say: severities and tags that services order by.
    pub properties: Option<Value>,
}

/// Whether a result says that a rule was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It was.
    Fail,
    /// There is not enough information to decide (SARIF 2.1.0 §3.27.9, `open`).
    Open,
}

/// One result: a rule that did not hold somewhere.
#[derive(Debug, Clone)]
pub struct SarifResult {
    /// The rule's id.
    pub rule: String,
    /// Whether it was broken.
    pub kind: Kind,
    /// `error`, `warning`, `note` or `none`.
    pub level: &'static str,
    /// What to show.
    pub message: String,
    /// Where.
    pub span: Span,
    /// Other places that matter, and what is there.
    pub related: Vec<(Span, String)>,
    /// What the result is about when it has no place in a file: `account/stack/resource`.
    pub logical_name: Option<String>,
    /// Why somebody accepts it, where somebody does.
    pub suppression: Option<String>,
}

/// A SARIF log with one run of `steward` of the given version.
#[must_use]
pub fn log(version: &str, rules: &[Rule], results: &[SarifResult], sources: &SourceMap) -> Value {
    let positions: HashMap<&str, usize> =
        rules.iter().enumerate().map(|(at, rule)| (&*rule.id, at)).collect();
    let described: Vec<Value> = rules.iter().map(description).collect();
    let results: Vec<Value> = results.iter().map(|result| one(result, &positions, sources)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "steward", "version": version, "rules": described } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn description(rule: &Rule) -> Value {
    let mut out = json!({
        "id": rule.id,
        "shortDescription": { "text": rule.title },
        "help": { "text": rule.help, "markdown": rule.help },
    });
    if let (Some(properties), Some(map)) = (&rule.properties, out.as_object_mut()) {
        map.insert("properties".into(), properties.clone());
    }
    out
}

/// Diagnostics as results, to be logged beside the verdicts of guarantees.
#[must_use]
pub fn results(diagnostics: &Diagnostics) -> Vec<SarifResult> {
    diagnostics
        .iter()
        .map(|item| SarifResult {
            rule: item.code.0.to_owned(),
            kind: Kind::Fail,
            level: match item.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Note => "note",
            },
            message: match (&item.expected, &item.help) {
                (Some(expected), Some(help)) => format!("{}; expected {expected}; {help}", item.message),
                (Some(text), None) => format!("{}; expected {text}", item.message),
                (None, Some(text)) => format!("{}; {text}", item.message),
                (None, None) => item.message.clone(),
            },
            span: item.span,
            related: item.related.iter().map(|other| (other.span, other.label.clone())).collect(),
            logical_name: None,
            suppression: None,
        })
        .collect()
}

fn one(result: &SarifResult, positions: &HashMap<&str, usize>, sources: &SourceMap) -> Value {
    let mut out = Map::new();
    out.insert("ruleId".into(), result.rule.as_str().into());
    if let Some(at) = positions.get(&*result.rule) {
        out.insert("ruleIndex".into(), (*at).into());
    }
    // A result that is not a failure has no level (SARIF 2.1.0 §3.27.10).
    let (kind, level) = match result.kind {
        Kind::Fail => ("fail", result.level),
        Kind::Open => ("open", "none"),
    };
    out.insert("kind".into(), kind.into());
    out.insert("level".into(), level.into());
    out.insert("message".into(), json!({ "text": result.message }));
    let mut location = physical(result.span, sources);
    if let Some(name) = &result.logical_name {
        location.insert("logicalLocations".into(), json!([{ "fullyQualifiedName": name }]));
        out.insert("partialFingerprints".into(), json!({ "subject/v1": format!("{}:{name}", result.rule) }));
    }
    if !location.is_empty() {
        out.insert("locations".into(), json!([location]));
    }
    let related: Vec<Value> = result
        .related
        .iter()
        .map(|(span, label)| (physical(*span, sources), label))
        .filter(|(place, _)| !place.is_empty())
        .map(|(mut place, label)| {
            place.insert("message".into(), json!({ "text": label }));
            Value::Object(place)
        })
        .collect();
    if !related.is_empty() {
        out.insert("relatedLocations".into(), related.into());
    }
    if let Some(why) = &result.suppression {
        out.insert(
            "suppressions".into(),
            json!([{ "kind": "external", "status": "accepted", "justification": why }]),
        );
    }
    Value::Object(out)
}

/// A place as the fields of a SARIF `location`; empty where it is none.
fn physical(span: Span, sources: &SourceMap) -> Map<String, Value> {
    let mut out = Map::new();
    if let Some(at) = sources.locate(span) {
        let place = json!({
            "artifactLocation": { "uri": uri(&at.file) },
            "region": {
                "startLine": at.line,
                "startColumn": at.column,
                "endLine": at.end_line,
                "endColumn": at.end_column,
            },
        });
        out.insert("physicalLocation".into(), place);
    }
    out
}

/// A file name as a relative or absolute URI reference (RFC 3986): what is not unreserved is percent-encoded.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(byte.into())
            }
            b'\\' => out.push('/'),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}
