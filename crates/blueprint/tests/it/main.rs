//! The blueprint language, read as a specification: what is accepted, what is refused and how, what it means.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod examples;
mod files;
mod hostile;
mod look;
mod meaning;
mod mistakes;
mod reference;
mod schema;
mod support;
