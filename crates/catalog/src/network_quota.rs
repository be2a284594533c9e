//! Quotas of networks.
//!
//! In: `data/network-quotas.json`. Out: [`NetworkQuota`]s by id. Always: a number stands in the data file with its
//! source, never in code.

use serde::Deserialize;
use smol_str::SmolStr;

/// A quota of a network.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NetworkQuota {
    /// What it is called here: `transit_route_tables`.
    pub id: SmolStr,
    /// How many there may be, where nobody asked AWS for more.
    pub value: usize,
    /// Whether AWS raises it on request.
    pub adjustable: bool,
    /// What is counted, for people.
    pub what: String,
    /// AWS's page.
    pub source: String,
}

#[derive(Deserialize)]
pub(crate) struct Table {
    rows: Vec<NetworkQuota>,
}

impl From<Table> for Vec<NetworkQuota> {
    fn from(table: Table) -> Self {
        table.rows
    }
}
