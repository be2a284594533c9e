//! `steward schema`: the JSON Schema of the blueprint.

use diagnostics::{Diagnostic, Span};

use super::refuse;
use crate::cli::{Global, Schema};
use crate::disk::write_whole;
use crate::terminal::print;
use crate::{Ending, codes};

/// Runs it.
pub fn run(global: &Global, options: &Schema) -> Ending {
    let text = format!("{:#}\n", blueprint::json_schema());
    let Some(path) = &options.output else {
        print(&text);
        return Ending::Good;
    };
    match write_whole(path, &text) {
        Ok(()) => Ending::Good,
        Err(error) => {
            let text = format!("`{}` was not written: {error}", path.display());
            refuse(global, Diagnostic::error(codes::CANNOT_WRITE, Span::NONE, text))
        }
    }
}
