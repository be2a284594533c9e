//! The catalog's facts, as a reader of it sees them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests stop where they fail"
)]

mod encryption;
mod iam;
mod managed;
mod registry;
mod tables;
