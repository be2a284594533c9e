//! AWS Regions, their partitions and the ids of their Availability Zones.
//!
//! In: `data/regions.json`. Out: [`Region`].
//! Must always hold: zones are named by AZ ID (`use1-az1`), which is the same place in every account, never
//! by letter (`us-east-1a`), which is not.

use serde::Deserialize;
use smol_str::SmolStr;

/// An AWS Region.
///
/// <https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html>,
/// <https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-availability-zones.html>
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Region {
    /// `us-east-1`
    pub code: SmolStr,
    /// `US East (N. Virginia)`
    pub name: SmolStr,
    /// `aws`, `aws-cn`, `aws-us-gov`, …
    pub partition: SmolStr,
    /// An account must enable the Region before it can use it.
    pub opt_in: bool,
    /// The AZ IDs: `use1-az1`, … Empty when the sources do not state them.
    pub zones: Vec<SmolStr>,
}

/// What is known about a resource type in a Region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    /// The Region's registry has the type.
    Available,
    /// The Region's registry does not have it.
    Absent,
    /// Nobody has asked the Region's registry.
    Unknown,
}

#[derive(Deserialize)]
pub(crate) struct Regions {
    pub(crate) rows: Vec<Region>,
}
