//! YAML and JSON text as a tree of nodes that know their places.
//!
//! In: text registered in a `SourceMap`. Out: a [`Node`] tree, and a diagnostic for each mistake of syntax.
//! Always: time and memory are bounded by the size of the text. Depth, number of nodes and the expansion of
//! aliases have limits ([`Limits`]), so a tree may be walked recursively without fear for the stack.
//! This crate knows neither blueprints nor templates.

mod indentation;
mod json;
mod node;
mod read;
mod scalar;
mod yaml;

pub use json::parse as parse_json;
pub use node::{Entry, Key, Kind, Node};
pub use read::{Syntax, decode, parse};
pub use scalar::Dialect;

use diagnostics::codes;

codes! {
    SYNTAX = "DOC0001", "the text is not well-formed YAML or JSON",
        "The file could not be read past the marked place. The message is what the parser expected there. \
         Frequent causes: a tab used for indentation in YAML, a quote that is never closed, a missing comma \
         in JSON, a file that was cut off while it was written.";
    DUPLICATE_KEY = "DOC0002", "a key stands twice in one mapping",
        "Readers disagree on which of the two counts, so neither can be meant safely. Remove or rename one; \
         both places are shown.";
    TOO_DEEP = "DOC0003", "the document is nested too deeply",
        "Nothing that people write nests deeper than 128 levels. The limit protects against documents made \
         to exhaust a reader.";
    TOO_LARGE = "DOC0004", "the document is too large",
        "A file may have 64 MiB and two million values, counting what aliases repeat. CloudFormation itself \
         refuses templates of more than 1 MB.";
    NOT_TEXT = "DOC0005", "the file is not UTF-8 text",
        "Blueprints and templates are UTF-8 text. The message names the first byte that is not; save the file \
         as UTF-8.";
    UNKNOWN_ALIAS = "DOC0006", "an alias names an anchor that does not exist",
        "`*name` repeats what `&name` marked earlier in the same file. The anchor must stand before the alias.";
    SEVERAL_DOCUMENTS = "DOC0007", "the file holds more than one YAML document",
        "Only one document can be meant. Remove the `---` that starts the second one, or move it to its own file.";
    EMPTY = "DOC0008", "the file is empty",
        "Nothing is written in the file, or only comments.";
    KEY_NOT_SCALAR = "DOC0009", "a key is not a plain word",
        "Keys of a mapping are words or numbers; a list or a mapping cannot be one.";
    BAD_MERGE = "DOC0010", "a merge key has nothing to merge",
        "`<<:` takes a mapping, or a list of mappings, usually by alias: `<<: *defaults`.";
}

/// Bounds on what a document may cost to read.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of text.
    pub bytes: usize,
    /// Levels of nesting.
    pub depth: usize,
    /// Values in the tree, those repeated by aliases included.
    pub nodes: usize,
    /// Values that aliases may repeat in total.
    pub alias_nodes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 64 << 20, depth: 128, nodes: 2_000_000, alias_nodes: 100_000 }
    }
}
