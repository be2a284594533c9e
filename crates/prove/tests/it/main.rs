//! The guarantees as specifications.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod backups;
mod controls;
mod escalation;
mod existing;
mod organization;
mod pages;
