//! What Steward says to people about what they wrote: places, diagnostics and their renderings.
//!
//! In: text files (registered in a [`SourceMap`]) and statements about places in them ([`Diagnostic`]).
//! Out: text for a terminal, JSON, SARIF. Always: a diagnostic carries a stable [`Code`] that
//! `steward explain` knows, and this crate does not know what an estate is.

mod code;
mod diagnostic;
pub mod render;
mod source;
mod suggest;

pub use code::{Code, CodeInfo};
pub use diagnostic::{Diagnostic, Diagnostics, Related, Severity};
pub use source::{FileId, Location, SourceFile, SourceMap, Span};
pub use suggest::{did_you_mean, suggest};
