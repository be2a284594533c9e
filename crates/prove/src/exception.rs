//! Exceptions: somebody takes responsibility for a violation, for a time.

use diagnostics::Span;

use crate::Date;
use crate::text::glob;

/// A violation that its owner accepts until a day.
#[derive(Debug, Clone)]
pub struct Exception {
    /// The guarantee's id.
    pub guarantee: String,
    /// The subjects it covers: `account/region/stack/resource` with `*` for any text; a pattern without
    /// slash names a logical id.
    pub subjects: String,
    /// Who answers for it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// The last day on which it counts.
    pub expires: Date,
    /// Where it is written.
    pub span: Span,
}

impl Exception {
    /// Whether it covers a subject, given as its path and its logical id.
    #[must_use]
    pub fn covers(&self, path: &str, id: &str) -> bool {
        matches(&self.subjects, if self.subjects.contains('/') { path } else { id })
    }
}

/// Whether `text` matches `pattern`, in which `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    glob(&pattern, &text, &'*', char::eq)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_stand_for_any_text() {
        assert!(matches("prod/*/data-*/Bucket", "prod/us-east-1/data-records/Bucket"));
        assert!(matches("*", ""));
        assert!(matches("a*b*c", "aXbXbc"));
        assert!(!matches("a*b", "acbd"));
        assert!(!matches("", "a"));
        assert!(!matches(&"*a".repeat(40), &"a".repeat(39)));
    }
}
