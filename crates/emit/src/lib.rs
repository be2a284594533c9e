//! The `emit` crate.
