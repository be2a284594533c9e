//! The guarantees, one file each.
//!
//! A new one is a file here with a `pub static GUARANTEE`, a line in [`ALL`], a page
//! `docs/guarantees/ID.md` with examples, and a row in `data/controls.csv`.

pub mod key_rotation;
pub mod tls_only_buckets;

use crate::Guarantee;

/// Every guarantee, in the order in which reports show them.
pub static ALL: &[&Guarantee] = &[&key_rotation::GUARANTEE, &tls_only_buckets::GUARANTEE];

/// A guarantee by its id.
#[must_use]
pub fn by_id(id: &str) -> Option<&'static Guarantee> {
    ALL.iter().copied().find(|guarantee| guarantee.id == id)
}
