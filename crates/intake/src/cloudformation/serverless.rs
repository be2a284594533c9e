//! `AWS::Serverless`.

use diagnostics::Diagnostic;
use document::{Entry, Node};

use super::evaluate::Scope;
use crate::TRANSFORM_MISSING;

/// The transform's name, as the origin of what it makes.
pub const NAME: &str = "AWS::Serverless";

/// Whether a resource was made by the transform.
pub fn component(_resource: &Node) -> bool {
    false
}

/// The resources with those of type `AWS::Serverless::…` replaced by what they stand for.
pub fn expand(_scope: &mut Scope<'_, '_>, entries: Vec<Entry>, _globals: Option<&Node>) -> Vec<Entry> {
    entries
}

/// Reports serverless resources in a template without the transform.
pub fn report_without_transform(scope: &mut Scope<'_, '_>, entries: &[Entry]) {
    for entry in entries {
        let ty = entry.value.get("Type").and_then(Node::as_str).unwrap_or_default();
        if ty.starts_with("AWS::Serverless::") {
            let text = format!("`{}` is of type {ty}, and the template does not use the transform", entry.key.text);
            scope.report(Diagnostic::error(TRANSFORM_MISSING, entry.key.span, text));
        }
    }
}
