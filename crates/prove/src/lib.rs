//! The `prove` crate.
