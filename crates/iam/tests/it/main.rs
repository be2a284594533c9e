//! Tests of the crate `iam`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

mod automata;
mod cases;
mod compare;
mod language;
mod lint;
mod properties;
