//! How well a pattern fits a resource whose name may hold what AWS makes up.
//!
//! In: the pattern of a statement and an ARN. Out: [`Fit`]. Always: "no" and "yes" hold whatever AWS makes up.

use crate::symbolic::language::{Budget, Found, Language, Reach, Token, search};
use crate::symbolic::symbols;
use crate::text::Text;

use super::decide::rendered;

/// How well something fits.
pub(super) enum Fit {
    No,
    Perhaps(String),
    Yes,
}

impl Fit {
    pub(super) fn and(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::No => Self::No,
            Self::Yes => other(),
            Self::Perhaps(why) => match other() {
                Self::No => Self::No,
                Self::Yes | Self::Perhaps(_) => Self::Perhaps(why),
            },
        }
    }
}

/// How many product states one question about a pattern may visit.
const BUDGET: Budget = Budget(20_000);

/// Whether a pattern covers a resource whose ARN may hold symbols.
pub(super) fn resource_fit(pattern: &Text, arn: &str) -> Fit {
    if pattern.is_any() {
        return Fit::Yes;
    }
    let Some(glob) = crate::symbolic::resource_glob(pattern) else { return Fit::No };
    let has_symbols = pattern.has_unknowns();
    let language = Language { globs: vec![glob], ignores_case: false };
    if language.contains(arn) {
        return Fit::Yes;
    }
    if pattern.variables().next().is_some() {
        let loose = Language { globs: vec![crate::symbolic::loose_glob(pattern)], ignores_case: false };
        if loose.contains(arn) {
            return Fit::Perhaps(format!("`{}` depends on who asks", rendered(pattern)));
        }
    }
    // A pattern with symbols of its own names other things than these.
    if has_symbols || !arn.contains(symbols::is_one) {
        return Fit::No;
    }
    match search(&[&language, &loosened(arn)], &[], BUDGET) {
        Found::Nothing => Fit::No,
        Found::Text(_) | Found::GaveUp => Fit::Perhaps(format!(
            "whether `{}` covers a name that AWS makes up is not known",
            rendered(pattern)
        )),
    }
}

/// Every text that an ARN with symbols may turn out to be: an account's number has twelve digits, and no name that AWS
/// makes up holds a slash.
fn loosened(arn: &str) -> Language {
    let mut glob = Vec::with_capacity(arn.len());
    for c in arn.chars() {
        match symbols::is_one(c).then(|| symbols::name_of(c)).flatten() {
            None => glob.push(Token::Char(c)),
            Some(name) if super::names::is_account(&name) => glob.extend([Token::One(Reach::Name); 12]),
            Some(name) if super::names::is_made_up(&name) => glob.push(Token::Run(Reach::Name)),
            Some(_) => glob.push(Token::Run(Reach::Segment)),
        }
    }
    Language { globs: vec![glob], ignores_case: false }
}
