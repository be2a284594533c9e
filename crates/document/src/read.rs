//! From bytes to a tree: decoding, and the choice between YAML and JSON.

use std::path::Path;

use diagnostics::{Diagnostic, Diagnostics, SourceFile, Span};

use crate::{Dialect, EMPTY, Kind, Limits, NOT_TEXT, Node, TOO_LARGE, json, yaml};

/// How a document is to be read.
#[derive(Debug, Clone, Copy)]
pub struct Syntax {
    /// Meaning of plain YAML scalars.
    pub dialect: Dialect,
    /// Whether YAML merge keys (`<<: *anchor`) merge. CloudFormation does not know them.
    pub merge_keys: bool,
    /// Bounds.
    pub limits: Limits,
}

impl Syntax {
    /// How blueprints are read: YAML 1.2 with anchors and merge keys.
    #[must_use]
    pub fn blueprint() -> Self {
        Self { dialect: Dialect::Core12, merge_keys: true, limits: Limits::default() }
    }

    /// How CloudFormation templates are read: YAML 1.1, no merge keys.
    #[must_use]
    pub fn template() -> Self {
        Self { dialect: Dialect::V11, merge_keys: false, limits: Limits::default() }
    }
}

/// Bytes as text: UTF-8, a byte order mark dropped.
///
/// # Errors
/// A diagnostic without place when the bytes are not UTF-8, naming the first that is not, or are too many.
pub fn decode(bytes: Vec<u8>, name: &str, limits: Limits) -> Result<String, Diagnostic> {
    if bytes.len() > limits.bytes {
        let text =
            format!("`{name}` has {} bytes, more than the {} that are read", bytes.len(), limits.bytes);
        return Err(Diagnostic::error(TOO_LARGE, Span::NONE, text));
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        let text = format!("`{name}` is UTF-16, not UTF-8");
        return Err(Diagnostic::error(NOT_TEXT, Span::NONE, text).help("save the file as UTF-8"));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let line = 1 + error.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count();
            let text = format!("`{name}` is not UTF-8 text: byte {at}, on line {line}, is not a character");
            Err(Diagnostic::error(NOT_TEXT, Span::NONE, text).help("save the file as UTF-8"))
        }
    }
}

/// Reads a whole file. Text that starts like JSON is read as JSON, and as YAML where that fails and the
/// name does not end in `.json`. `None` when there is nothing to go on with; the reason has been pushed.
/// A tree with duplicate keys is returned, without the later ones.
pub fn parse(file: &SourceFile, syntax: Syntax, diagnostics: &mut Diagnostics) -> Option<Node> {
    if file.text.len() > syntax.limits.bytes {
        let text = format!(
            "the file has {} bytes, more than the {} that are read",
            file.text.len(),
            syntax.limits.bytes
        );
        diagnostics.push(Diagnostic::error(TOO_LARGE, file.span(0, 0), text));
        return None;
    }
    let named_json = Path::new(&*file.name).extension().is_some_and(|ext| ext.eq_ignore_ascii_case("json"));
    let looks_json = file.text.trim_start().starts_with(['{', '[']);
    let mut own = Diagnostics::new();
    let mut tree = (named_json || looks_json).then(|| json::parse(file, syntax.limits, &mut own)).flatten();
    if tree.is_none() && !named_json {
        own = Diagnostics::new();
        tree = yaml::parse(file, syntax, &mut own);
    }
    if matches!(&tree, Some(Node { kind: Kind::Null, .. })) {
        own.push(Diagnostic::error(EMPTY, file.span(0, 0), "the file is empty"));
        tree = None;
    }
    diagnostics.append(own);
    tree
}
