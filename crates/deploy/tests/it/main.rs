//! Deployments into the local cloud: small templates of which everything can be seen.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

mod adopt;
mod faults;
mod ledger;
mod scene;
mod stacks;
