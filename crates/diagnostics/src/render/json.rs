//! Diagnostics as JSON: an array of objects, one for each diagnostic, in order.

use serde_json::{Value, json};

use crate::{Diagnostic, Diagnostics, SourceMap, Span};

/// All diagnostics as a JSON array.
#[must_use]
pub fn all(diagnostics: &Diagnostics, sources: &SourceMap) -> Value {
    diagnostics.iter().map(|item| one(item, sources)).collect()
}

/// One diagnostic: `code`, `severity`, `message`, `place`, and where there are any `label`, `expected`,
/// `help`, `related`.
#[must_use]
pub fn one(diagnostic: &Diagnostic, sources: &SourceMap) -> Value {
    let mut out = json!({
        "code": diagnostic.code.0,
        "severity": diagnostic.severity.word(),
        "message": diagnostic.message,
        "place": place(diagnostic.span, sources),
    });
    let optional =
        [("label", &diagnostic.label), ("expected", &diagnostic.expected), ("help", &diagnostic.help)];
    if let Some(map) = out.as_object_mut() {
        for (key, value) in optional {
            if let Some(value) = value {
                map.insert(key.into(), value.as_str().into());
            }
        }
        if !diagnostic.related.is_empty() {
            let related = diagnostic
                .related
                .iter()
                .map(|other| json!({ "label": other.label, "place": place(other.span, sources) }))
                .collect();
            map.insert("related".into(), related);
        }
    }
    out
}

/// A place as `{file, line, column, endLine, endColumn}` (all from 1, columns in characters), or null.
#[must_use]
pub fn place(span: Span, sources: &SourceMap) -> Value {
    sources.locate(span).map_or(Value::Null, |at| {
        json!({
            "file": &*at.file,
            "line": at.line,
            "column": at.column,
            "endLine": at.end_line,
            "endColumn": at.end_column,
        })
    })
}
