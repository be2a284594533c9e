//! The blueprint language: `estate.yaml`, typed and checked.
//!
//! In: a folder ([`Files`]) and the path of its first file. Out: a [`Blueprint`] with every default applied
//! and every name resolved, or diagnostics for every mistake of one run. Always: places are kept; what the
//! language has but Steward does not build yet is refused, never ignored; this crate knows no AWS resource type.
//!
//! The steps, each a module: [`include`](mod@include) reads and merges files, `written` is the syntax tree (one
//! declaration per part yields struct, reader and JSON Schema), `resolve` makes the [`Blueprint`] of it.

pub mod cidr;
pub mod codes;
mod exceptions;
mod files;
mod include;
pub mod model;
mod reader;
mod reasons;
mod record;
mod regions;
mod resolve;
mod scalars;
mod schema;
mod sentence;
mod spanned;
mod templates;
mod tiers;
mod written;

pub use cidr::Cidr;
pub use codes::CODES;
pub use exceptions::exceptions;
pub use files::{Files, MemoryFiles, ReadError};
pub use model::*;
pub use scalars::{
    Address, Capacity, Copies, Date, DomainName, DomainPattern, Email, Image, Name, Period, PeriodUnit,
    RelativePath, Text,
};
pub use schema::json_schema;
pub use spanned::Spanned;
pub use templates::{StartingPoint, templates};
pub use tiers::defaults as tier_defaults;

use diagnostics::{Diagnostic, Diagnostics, SourceMap};

use crate::reader::Decode;

/// Every word of the language that is designed but refused as not built yet.
#[must_use]
pub fn planned_words() -> Vec<&'static str> {
    written::planned().map(|planned| planned.word).collect()
}

/// Reads, checks and resolves the blueprint that begins at `entry`, a path inside `files`. Every file read is
/// added to `sources`; every mistake and doubt is added to `diagnostics`. A blueprint comes back exactly when
/// no error was found.
pub fn load(
    files: &dyn Files,
    entry: &str,
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> Option<Blueprint> {
    let mut own = Diagnostics::new();
    let blueprint = include::read(files, entry, sources, &mut own).and_then(|root| {
        let written = written::Blueprint::decode(&root, &mut own)?;
        resolve::resolve(&written, &root, &mut own)
    });
    for template in blueprint.iter().flat_map(|blueprint| &blueprint.templates) {
        if !files.exists(template.file.as_str()) {
            let text = format!(
                "the template `{}` does not exist: there is no file `{}`",
                template.name, template.file
            );
            own.push(Diagnostic::error(codes::CANNOT_READ, template.file.span, text));
        }
    }
    // What several environments have in common was judged in each of them.
    own.sort();
    let good = !own.has_errors();
    diagnostics.append(own);
    blueprint.filter(|_| good)
}
