//! SARIF 2.1.0, the format code-scanning services read.
//!
//! Source: OASIS, Static Analysis Results Interchange Format (SARIF) Version 2.1.0.

use serde_json::{Value, json};

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
}

/// One result: a rule that did not hold somewhere.
#[derive(Debug, Clone)]
pub struct SarifResult {
    /// The rule's id.
    pub rule: String,
    /// `error`, `warning`, `note` or `none`.
    pub level: &'static str,
    /// What to show.
    pub message: String,
    /// Where.
    pub span: Span,
    /// What the result is about when it has no place in a file: `account/stack/resource`.
    pub logical_name: Option<String>,
}

/// A SARIF log with one run of `steward` of the given version.
#[must_use]
pub fn log(version: &str, rules: &[Rule], results: &[SarifResult], sources: &SourceMap) -> Value {
    let rules: Vec<Value> = rules
        .iter()
        .map(|rule| {
            json!({
                "id": rule.id,
                "shortDescription": { "text": rule.title },
                "help": { "text": rule.help, "markdown": rule.help },
            })
        })
        .collect();
    let results: Vec<Value> = results.iter().map(|result| one(result, sources)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "steward", "version": version, "rules": rules } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

/// Diagnostics as results, to be logged beside the verdicts of guarantees.
#[must_use]
pub fn results(diagnostics: &Diagnostics) -> Vec<SarifResult> {
    diagnostics
        .iter()
        .map(|item| SarifResult {
            rule: item.code.0.to_owned(),
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
            logical_name: None,
        })
        .collect()
}

fn one(result: &SarifResult, sources: &SourceMap) -> Value {
    let mut location = serde_json::Map::new();
    if let Some(at) = sources.locate(result.span) {
        let physical = json!({
            "artifactLocation": { "uri": uri(&at.file) },
            "region": {
                "startLine": at.line,
                "startColumn": at.column,
                "endLine": at.end_line,
                "endColumn": at.end_column,
            },
        });
        location.insert("physicalLocation".into(), physical);
    }
    if let Some(name) = &result.logical_name {
        location.insert("logicalLocations".into(), json!([{ "fullyQualifiedName": name }]));
    }
    let mut out = json!({
        "ruleId": result.rule,
        "level": result.level,
        "message": { "text": result.message },
    });
    if let (false, Some(map)) = (location.is_empty(), out.as_object_mut()) {
        map.insert("locations".into(), json!([location]));
    }
    out
}

/// A file name as a relative or absolute URI reference (RFC 3986): what is not unreserved is percent-encoded.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(byte.into()),
            b'\\' => out.push('/'),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}
