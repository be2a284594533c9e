//! Guarantees: propositions about an estate, and whether they hold.
//!
//! In: an [`estate::Estate`], the catalog, [`Options`] (today's date, required tags) and exceptions. Out: a
//! [`Report`] of verdicts with places and witnesses. Always: "proved" is said only of what was looked at and
//! decided for every value of everything unknown; this crate prints nothing and does no I/O.

mod addresses;
mod anyone;
mod backups;
mod checklist;
mod control_policies;
pub mod controls;
mod date;
mod delivery;
mod escalation;
mod exception;
mod facts;
mod filter_pattern;
mod finding;
mod guarantee;
pub mod guarantees;
mod identity;
pub mod intent;
mod judge;
mod log_buckets;
mod lookup;
mod needs;
mod network;
mod parameters;
pub mod policy;
mod report;
mod settle;
pub mod text;
mod transport;
mod waits;

pub use date::Date;
pub use exception::Exception;
pub use facts::{Facts, Options};
pub use finding::{Finding, Findings, Subject, Verdict, Witness};
pub use guarantee::{Guarantee, Level};
pub use judge::{Judgement, Setting};
pub use report::{CODES, Count, Report, check};
pub use settle::{Words, every_item};
