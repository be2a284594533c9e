//! Renderings of diagnostics: text for people, JSON and SARIF for programs.

pub mod json;
pub mod sarif;
pub mod text;
