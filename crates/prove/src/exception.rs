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
    /// slash names a logical id. Several are one thing that may be in several places.
    pub subjects: Vec<String>,
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
        let covers = |pattern: &str| matches(pattern, if pattern.contains('/') { path } else { id });
        self.subjects.iter().any(|pattern| covers(pattern))
    }

    /// The subjects in one text, `|` between them.
    #[must_use]
    pub fn says(&self) -> String {
        self.subjects.join("|")
    }
}

/// Whether `text` matches `pattern`, in which `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    glob(&pattern, &text, &'*', char::eq)
}

#[cfg(test)]
#[allow(clippy::expect_used, reason = "tests")]
mod tests {
    use super::{Exception, matches};

    #[test]
    fn one_thing_may_be_in_several_places() {
        let exception = Exception {
            guarantee: String::new(),
            subjects: vec!["*/*/prod-data-api/*".into(), "*/*/prod-service-api/*".into()],
            owner: String::new(),
            reason: String::new(),
            expires: crate::Date::parse("2026-11-01").expect("a day"),
            span: diagnostics::Span::NONE,
        };
        assert!(exception.covers("production/us-east-1/prod-service-api/Api", "Api"));
        assert!(!exception.covers("production/us-east-1/prod-service-web/Api", "Api"));
    }

    #[test]
    fn a_name_that_holds_a_bar_is_one_name() {
        let id = "production/us-east-1/AWS::ECS::Service/service/api|cluster";
        let exception = Exception {
            guarantee: String::new(),
            subjects: vec![id.into()],
            owner: String::new(),
            reason: String::new(),
            expires: crate::Date::parse("2026-11-01").expect("a day"),
            span: diagnostics::Span::NONE,
        };
        assert!(exception.covers(id, ""));
        assert!(!exception.covers("production/us-east-1/AWS::ECS::Service/service/api", ""));
        assert!(!exception.covers("", "cluster"));
    }

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
