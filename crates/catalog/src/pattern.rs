//! A schema's `pattern`, compiled when it is first asked.
//!
//! In: the pattern as the registry spells it. Out: whether a string matches.
//! Must always hold: matching time is bounded; a pattern without look-around or backreference runs in
//! linear time, one with them gives up after a fixed number of steps and says so.

use std::sync::OnceLock;

use smol_str::SmolStr;

use crate::dialect::{self, Spelled};

/// Steps after which a pattern with look-around gives up. The registry's own patterns need far fewer.
const BACKTRACK_LIMIT: usize = 200_000;
/// Bytes of compiled program a pattern may take.
const SIZE_LIMIT: usize = 32 << 20;

/// A regular expression of the registry.
#[derive(Debug)]
pub struct Pattern {
    source: SmolStr,
    engine: OnceLock<Engine>,
}

#[derive(Debug)]
enum Engine {
    /// Linear time.
    Linear(regex::Regex),
    /// `^X{m,n}$` for a single character class: every character is an `X`, and there are m to n of them.
    Repeated { class: regex::Regex, min: usize, max: Option<usize> },
    /// Look-around or backreferences.
    Backtracking(Box<fancy_regex::Regex>),
    /// Neither engine takes it.
    Refused(String),
}

impl Pattern {
    pub(crate) fn new(source: &str) -> Self {
        Self { source: source.into(), engine: OnceLock::new() }
    }

    /// The pattern as the registry spells it.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether the pattern matches somewhere in `text`; `None` when that could not be decided within the
    /// bounds.
    #[must_use]
    pub fn is_match(&self, text: &str) -> Option<bool> {
        match self.engine() {
            Engine::Linear(regex) => Some(regex.is_match(text)),
            Engine::Repeated { class, min, max } => {
                let count = text.chars().count();
                Some(count >= *min && max.is_none_or(|max| count <= max) && class.is_match(text))
            }
            Engine::Backtracking(regex) => regex.is_match(text).ok(),
            Engine::Refused(_) => None,
        }
    }

    /// Why no engine takes the pattern. A test holds the number of such patterns at zero.
    #[must_use]
    pub fn refusal(&self) -> Option<&str> {
        match self.engine() {
            Engine::Refused(reason) => Some(reason),
            _ => None,
        }
    }

    /// Whether the pattern needs the backtracking engine.
    #[must_use]
    pub fn backtracks(&self) -> bool {
        matches!(self.engine(), Engine::Backtracking(_))
    }

    fn engine(&self) -> &Engine {
        self.engine.get_or_init(|| match dialect::spell(&self.source) {
            Spelled::Repeated { class, min, max } => match linear(&class) {
                Ok(class) => Engine::Repeated { class, min, max },
                Err(error) => Engine::Refused(error.to_string()),
            },
            Spelled::Linear(text) => match linear(&text) {
                Ok(regex) => Engine::Linear(regex),
                Err(error) => Engine::Refused(error.to_string()),
            },
            Spelled::Backtracking(text) => {
                let built = fancy_regex::RegexBuilder::new(&text)
                    .backtrack_limit(BACKTRACK_LIMIT)
                    .delegate_size_limit(SIZE_LIMIT)
                    .build();
                match built {
                    Ok(regex) => Engine::Backtracking(Box::new(regex)),
                    Err(error) => Engine::Refused(error.to_string()),
                }
            }
        })
    }
}

fn linear(text: &str) -> Result<regex::Regex, regex::Error> {
    regex::RegexBuilder::new(text).size_limit(SIZE_LIMIT).build()
}
