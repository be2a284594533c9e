//! The one type for anything that is said about a user's input.

use crate::{Code, Span};

/// How much a diagnostic matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Something worth knowing; nothing has to change.
    Note,
    /// Probably a mistake; the run goes on.
    Warning,
    /// A mistake; nothing is produced from this input.
    Error,
}

impl Severity {
    /// `error`, `warning` or `note`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A second place that helps to understand a diagnostic, such as the first of two definitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// The place.
    pub span: Span,
    /// What is there: `first defined here`.
    pub label: String,
}

/// One statement about a user's input: what is wrong in their words, where, what was expected, what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a diagnostic that is not pushed is never seen"]
pub struct Diagnostic {
    /// Its stable kind.
    pub code: Code,
    /// How much it matters.
    pub severity: Severity,
    /// One sentence: what is wrong.
    pub message: String,
    /// Where; [`Span::NONE`] when the input as a whole is meant.
    pub span: Span,
    /// What stands at the place, a few words.
    pub label: Option<String>,
    /// Other places that matter.
    pub related: Vec<Related>,
    /// What would have been right: `one of a, b, c`.
    pub expected: Option<String>,
    /// What to do about it; a suggestion.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A diagnostic of the given severity.
    pub fn new(severity: Severity, code: Code, span: Span, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code, severity, message, span, label: None, related: Vec::new(), expected: None, help: None }
    }

    /// An error.
    pub fn error(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, span, message)
    }

    /// A warning.
    pub fn warning(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, span, message)
    }

    /// A note.
    pub fn note(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, span, message)
    }

    /// Says what stands at the place.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Adds another place.
    pub fn related(mut self, span: Span, label: impl Into<String>) -> Self {
        self.related.push(Related { span, label: label.into() });
        self
    }

    /// Says what would have been right.
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// Says what to do.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says what to do, where there is something to say (`did you mean …?`).
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }
}

/// Collects the diagnostics of a run. A hostile input cannot make it grow without bound: past
/// [`Diagnostics::LIMIT`] they are only counted.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics {
    items: Vec<Diagnostic>,
    errors: usize,
    omitted: usize,
}

impl Diagnostics {
    /// The most diagnostics that are kept.
    pub const LIMIT: usize = 10_000;

    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.errors += usize::from(diagnostic.severity == Severity::Error);
        if self.items.len() < Self::LIMIT {
            self.items.push(diagnostic);
        } else {
            self.omitted += 1;
        }
    }

    /// Adds all of another collection.
    pub fn append(&mut self, other: Self) {
        self.omitted += other.omitted;
        let kept_errors = other.items.iter().filter(|item| item.severity == Severity::Error).count();
        self.errors += other.errors - kept_errors;
        other.items.into_iter().for_each(|item| self.push(item));
    }

    /// Whether an error was pushed.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// How many errors were pushed.
    #[must_use]
    pub fn error_count(&self) -> usize {
        self.errors
    }

    /// How many were pushed past the limit and not kept.
    #[must_use]
    pub fn omitted(&self) -> usize {
        self.omitted
    }

    /// Those kept, in the order in which they were pushed.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.items.iter()
    }

    /// How many are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether none was pushed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Sorts by place, then severity (worst first), then code and message, and drops exact repetitions:
    /// the order in which checks ran does not show.
    pub fn sort(&mut self) {
        self.items.sort_by(|a, b| {
            (a.span, b.severity, a.code, &a.message).cmp(&(b.span, a.severity, b.code, &b.message))
        });
        self.items.dedup();
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<T: IntoIterator<Item = Diagnostic>>(&mut self, iter: T) {
        iter.into_iter().for_each(|diagnostic| self.push(diagnostic));
    }
}
