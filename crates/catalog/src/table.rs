//! The small data files that people review: JSON, one row a line.
//!
//! In: embedded text. Out: typed rows.
//! Must always hold: a file of ours parses; a test reads each of them.

use serde::de::DeserializeOwned;

use crate::broken;

/// Parses an embedded file.
pub(crate) fn parse<T: DeserializeOwned>(text: &'static str) -> T {
    match serde_json::from_str(text) {
        Ok(table) => table,
        Err(error) => broken(&format!("a table does not parse: {error}")),
    }
}
