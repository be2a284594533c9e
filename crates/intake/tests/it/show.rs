//! A compact way to write down values and diagnostics in tests.

use diagnostics::{Diagnostics, Severity};
use estate::{Estate, Kind, StackId, Target, Value};

/// A value on one line: `‹Bucket.Arn›` is a reference, `?stack/P` an unknown, `If(C, a, b)` a case.
pub fn show(value: &Value) -> String {
    let list = |items: &[Value]| items.iter().map(show).collect::<Vec<_>>().join(", ");
    match &value.kind {
        Kind::Null => "null".into(),
        Kind::Bool(value) => value.to_string(),
        Kind::Number(_) => value.as_text().unwrap().to_string(),
        Kind::String(text) => format!("{text:?}"),
        Kind::List(items) => format!("[{}]", list(items)),
        Kind::Map(map) => {
            let entries = map.iter().map(|entry| format!("{}: {}", entry.key, show(&entry.value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        Kind::Reference(reference) => match &reference.target {
            Target::Resource { stack, .. } if stack.0 > 0 => format!("‹{}:{reference}›", stack.0),
            _ => format!("‹{reference}›"),
        },
        Kind::Join(pieces) => format!("Join({})", list(pieces)),
        Kind::Case(case) => {
            format!("If({}, {}, {})", case.condition.name, show(&case.then), show(&case.otherwise))
        }
        Kind::Call(call) => {
            let name = call.function.name().strip_prefix("Fn::").unwrap();
            format!("{name}({})", list(&call.arguments))
        }
        Kind::Unknown(unknown) => {
            let allowed = unknown.allowed.as_ref().map(|values| format!(" of [{}]", list(values)));
            format!("?{}{}", unknown.symbol, allowed.unwrap_or_default())
        }
        Kind::Absent => "absent".into(),
    }
}

/// The diagnostics as `code severity snippet`, notes left out.
pub fn said(diagnostics: &Diagnostics, sources: &diagnostics::SourceMap) -> Vec<String> {
    let shown = diagnostics.iter().filter(|diagnostic| diagnostic.severity > Severity::Note);
    shown
        .map(|diagnostic| {
            let snippet = sources.snippet(diagnostic.span).lines().next().unwrap_or("").to_owned();
            let warning = if diagnostic.severity == Severity::Warning { " warning" } else { "" };
            format!("{}{warning} {snippet}", diagnostic.code)
        })
        .collect()
}

/// A property of a resource of the first stack.
pub fn property<'e>(estate: &'e Estate, id: &str, name: &str) -> Option<&'e Value> {
    estate.resource(StackId(0), id)?.properties.get(name)
}
