//! `steward policy`: IAM policies by themselves, without an estate.

mod compare;
mod evaluate;
mod lint;

use diagnostics::{Diagnostic, Diagnostics, SourceMap, Span};
use iam::policy::Policy;
use prove::Date;
use std::path::Path;

use crate::cli::{Global, Policy as Options};
use crate::{Ending, codes};

/// Runs it.
pub fn run(global: &Global, options: &Options, today: Date) -> Ending {
    match options {
        Options::Compare(options) => compare::run(global, options),
        Options::Evaluate(options) => evaluate::run(global, options),
        Options::Lint(options) => lint::run(global, options, today),
    }
}

/// Reads the policy in a file; what is wrong with it has been said where this is `None`.
fn read(path: &Path, sources: &mut SourceMap, diagnostics: &mut Diagnostics) -> Option<Policy> {
    let name = path.display().to_string();
    let unreadable = |why: String| {
        let text = format!("`{name}` cannot be read: {why}");
        Diagnostic::error(codes::CANNOT_READ, Span::NONE, text)
            .help("give a file that holds a policy document")
    };
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            diagnostics.push(unreadable(error.to_string()));
            return None;
        }
    };
    let Ok(text) = String::from_utf8(bytes) else {
        diagnostics.push(unreadable("it is not UTF-8".into()));
        return None;
    };
    match sources.add(name.as_str(), text.as_str()) {
        Some(id) => iam::parse::file(sources.file(id)?, diagnostics),
        None => {
            diagnostics.push(unreadable("it is too large".into()));
            None
        }
    }
}
