//! Verdicts for people and programs: text, JSON and SARIF of one run.
//!
//! In: a [`Reported`]: the estate, what was proved of it and what was said about its input. Out: a text or a
//! JSON value. Always: every renderer shows the same verdicts, in the same order, and nothing is left out
//! without being counted; nothing depends on a clock.

mod decide;
mod fold;
mod json;
mod sarif;
mod summary;
mod text;

pub use json::json;
pub use sarif::sarif;
pub use summary::{Outcome, Summary};
pub use text::{Detail, input, text};

use catalog::Provenance;
use diagnostics::{CodeInfo, Diagnostics, SourceMap};
use estate::Estate;
use prove::{Date, Exception, Report};

/// Everything that a report of one run is made of.
#[derive(Debug, Clone, Copy)]
pub struct Reported<'a> {
    /// What was judged, as the user named it: `examples/clinical-ai`.
    pub subject: &'a str,
    /// The estate, and what was proved of it; `None` when the input has mistakes and there is nothing to judge.
    pub judged: Option<(&'a Estate, &'a Report)>,
    /// The exceptions given to [`prove::check`], in that order.
    pub exceptions: &'a [Exception],
    /// What is to be said about the input.
    pub diagnostics: &'a Diagnostics,
    /// The files that places lie in.
    pub sources: &'a SourceMap,
    /// The day on which the verdicts hold.
    pub today: Date,
    /// Where AWS's facts come from.
    pub catalog: &'a [Provenance],
    /// Every code that a diagnostic may have, with its explanation.
    pub codes: &'a [&'static CodeInfo],
    /// The version of Steward.
    pub version: &'a str,
}
