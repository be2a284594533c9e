//! The program as people and pipelines use it: the real binary on real folders.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod access;
mod bad_input;
mod blueprint;
mod cut;
mod deploy;
mod doors;
mod explain;
mod help;
mod hub;
mod mistakes;
mod policy;
mod report;
mod run;
mod templates;
mod trace;
