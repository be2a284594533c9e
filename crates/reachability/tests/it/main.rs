//! The network of estates, held against what AWS documents and what was recorded of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests"
)]

mod attack;
mod certificates;
mod compress;
mod firewall;
mod inspection;
mod networks;
mod probes;
mod queries;
mod references;
mod rules;
mod suricata;
