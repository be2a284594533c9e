//! What a guarantee is.

use crate::{Facts, Findings};

/// A proposition about every estate, how it is checked, and the page that explains it.
///
/// A guarantee is one file under `guarantees/` with a `pub static GUARANTEE`, and one page
/// `docs/guarantees/ID.md`, which is also what `steward explain ID` prints and whose examples run as tests.
#[derive(Debug)]
pub struct Guarantee {
    /// Stable id, kebab case: `encryption-at-rest`.
    pub id: &'static str,
    /// The proposition in one sentence, without full stop: `every store is encrypted under a customer key`.
    pub title: &'static str,
    /// How bad a violation is.
    pub level: Level,
    /// The page, Markdown.
    pub page: &'static str,
    /// Says, of every subject that the proposition speaks about, whether it holds.
    pub check: fn(&Facts<'_>, &mut Findings),
}

/// How bad a violation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// Hygiene: worth mending when the place is touched.
    Low,
    /// A control is weaker than it should be.
    Medium,
    /// A control that regulated data relies on is missing.
    High,
    /// Data or the estate is open to others.
    Critical,
}

impl Level {
    /// `critical`, `high`, `medium` or `low`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl Guarantee {
    /// The text of a `## heading` section of the page, without the heading; empty where there is none.
    #[must_use]
    pub fn section(&self, heading: &str) -> &'static str {
        let mut rest = self.page;
        while let Some(at) = rest.find("\n## ") {
            rest = rest.get(at + 4..).unwrap_or("");
            let (title, body) = rest.split_once('\n').unwrap_or((rest, ""));
            if title.trim() == heading {
                return body.split("\n## ").next().unwrap_or("").trim();
            }
        }
        ""
    }
}
