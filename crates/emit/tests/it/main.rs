//! Emission seen from outside: what a person would read, and what must hold for every estate.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    reason = "tests may panic and print"
)]

mod diagram;
mod estates;
mod examples;
mod parsed;
mod properties;
mod splitting;
mod templates;
mod timing;
mod wiring;
