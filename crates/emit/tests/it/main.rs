//! Emission seen from outside: what a person would read, and what must hold for every estate.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

mod estates;
mod templates;
