//! What this crate says of networks, tested from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod attack;
mod firewall;
mod inspection;
mod networks;
mod suricata;
