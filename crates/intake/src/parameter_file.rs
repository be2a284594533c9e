//! Files of parameter values, in the shapes that tools write.
//!
//! In: the text of a file. Out: names and values. Understood: a list of `ParameterKey` and `ParameterValue` (AWS
//! CLI), a mapping under `Parameters` (CodePipeline's template configuration), a plain mapping.

use std::path::Path;

use diagnostics::{Diagnostic, Diagnostics, SourceMap, Span};
use document::{Entry, Limits, Node, Syntax, decode, parse};
use estate::{Kind, Value};
use indexmap::IndexMap;
use smol_str::SmolStr;

use crate::UNREADABLE_FILE;
use crate::cloudformation::ParameterValues;

/// Reads a file of parameter values for every template that declares them. `None` when it cannot be read or has
/// another shape; it has been said why.
pub fn read(path: &Path, sources: &mut SourceMap, diagnostics: &mut Diagnostics) -> Option<ParameterValues> {
    let name = path.display().to_string();
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            let text = format!("`{name}` cannot be read: {error}");
            diagnostics.push(Diagnostic::error(UNREADABLE_FILE, Span::NONE, text));
            return None;
        }
    };
    match decode(bytes, &name, Limits::default()) {
        Ok(text) => from_text(&name, &text, sources, diagnostics),
        Err(diagnostic) => {
            diagnostics.push(diagnostic);
            None
        }
    }
}

/// [`read`] of a text that was read already.
pub fn from_text(
    name: &str,
    text: &str,
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> Option<ParameterValues> {
    let id = sources.add(name, text)?;
    let tree = parse(sources.file(id)?, Syntax::template(), diagnostics)?;
    let pairs: Option<Vec<(SmolStr, Value)>> = match &tree.kind {
        document::Kind::List(items) => items.iter().map(pair).collect(),
        document::Kind::Map(entries) => {
            let inner = tree.get("Parameters").and_then(Node::as_map).unwrap_or(entries);
            inner.iter().map(|Entry { key, value }| Some((key.text.clone(), text_of(value)?))).collect()
        }
        _ => None,
    };
    let Some(pairs) = pairs else {
        let text = format!("`{name}` is not a file of parameter values");
        let expected = "a list of ParameterKey and ParameterValue, or a mapping of names to values";
        diagnostics.push(Diagnostic::error(UNREADABLE_FILE, tree.span, text).expected(expected));
        return None;
    };
    Some(ParameterValues { template: None, values: IndexMap::from_iter(pairs) })
}

fn pair(item: &Node) -> Option<(SmolStr, Value)> {
    Some((item.get("ParameterKey")?.as_scalar_text()?, text_of(item.get("ParameterValue")?)?))
}

/// A value as CloudFormation takes it: text; a list is written with commas.
fn text_of(node: &Node) -> Option<Value> {
    let text = match node.as_list() {
        Some(items) => {
            let items: Option<Vec<SmolStr>> = items.iter().map(Node::as_scalar_text).collect();
            SmolStr::new(items?.join(","))
        }
        None => node.as_scalar_text()?,
    };
    Some(Value::at(node.span, Kind::String(text)))
}
