//! Renderings of diagnostics: text for people, JSON and SARIF for programs.
//!
//! In: [`crate::Diagnostics`] and the [`crate::SourceMap`] of the run. Out: a text or a JSON value. Always: no
//! rendering depends on anything but its arguments, so that the same input gives the same bytes.

pub mod json;
mod paint;
pub mod sarif;
pub mod text;
mod wrap;

pub use paint::{Ink, Style, printable};
pub use wrap::{columns, cut, wrap};
