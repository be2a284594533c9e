//! Templates of other people, good and hostile, as estates.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stderr,
    reason = "tests"
)]

mod deployments;
mod describe;
mod files;
mod hostile;
mod intrinsics;
mod language;
mod mistakes;
mod nested;
mod serverless;
mod show;
