//! What `design` promises, as tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that cannot go on fails"
)]

mod data_events;
mod dump;
mod estates;
mod hub;
mod lock;
mod scale;
mod source;
