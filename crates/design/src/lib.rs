//! The `design` crate.
