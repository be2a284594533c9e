//! All requests at once: whether a set of requests that policies allow is empty, or contained in another.
//!
//! In: policies. Out: a request that shows a difference, that there is none, or an honest "unknown". Always: bounded in
//! time and memory; every request that is shown can be replayed in the evaluator; shares no deciding code with it.
//!
//! How: a request is an action, a principal, a resource and a value for each condition key. Actions and principals are
//! finite sets of classes; texts are decided by the product of the automata of all globs over them ([`language`]);
//! each key has a domain with *absent* as a value ([`key`]). A statement is a conjunction of literals over these
//! fields, so "allowed by one and not by the other" is a small search ([`search`]) for one witness a field.

mod actions;
mod bindings;
mod compare;
mod contexts;
pub mod key;
pub mod language;
mod search;
mod space;
pub mod symbols;
mod value;

pub use actions::matches as action_matches;
pub use compare::{Answer, Comparison, Request, compare, extra};
pub use contexts::{Contexts, Decided, Given, Obstacle};

use crate::text::Text;
use language::Token;

/// The glob of a resource pattern whose variables stand for texts that equal nothing else.
#[must_use]
pub fn resource_glob(pattern: &Text) -> Option<Vec<Token>> {
    space::resource_glob(pattern, &space::Bindings::new())
}

/// The glob of a resource pattern whose variables may be anything.
#[must_use]
pub fn loose_glob(pattern: &Text) -> Vec<Token> {
    bindings::loosened(pattern)
}
