//! How long resources have taken to be made.
//!
//! In: `data/durations.json`. Out: [`Durations`]. Always: a figure is one that somebody recorded, with where; what nobody recorded has
//! the figure of quick ones, and is known to have it.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Recorded times of slow types.
#[derive(Debug, Clone)]
pub struct Durations {
    /// Seconds in which a resource of a type was made, read and deleted, with what it needs.
    recorded: BTreeMap<String, u64>,
    others: u64,
}

#[derive(Deserialize)]
pub(crate) struct Table {
    others: u64,
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    r#type: String,
    seconds: u64,
}

impl From<Table> for Durations {
    fn from(table: Table) -> Self {
        let recorded = table.rows.into_iter().map(|row| (row.r#type, row.seconds)).collect();
        Self { recorded, others: table.others }
    }
}

impl Durations {
    /// Seconds in which a resource of a type was made, read and deleted, and whether that was recorded of this very type.
    #[must_use]
    pub fn whole(&self, kind: &str) -> (u64, bool) {
        self.recorded.get(kind).map_or((self.others, false), |seconds| (*seconds, true))
    }
}
