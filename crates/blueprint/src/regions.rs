//! Which regions AWS has, and how many availability zones a new account can use in each.
//!
//! Source: AWS documentation, "Regions and Availability Zones" (AWS Regions), read 2026.

/// Every region of the commercial partition with its number of zones.
const REGIONS: &[(&str, usize)] =
    &[("us-east-1", 6), ("us-east-2", 3), ("us-west-1", 2), ("us-west-2", 4), ("eu-west-1", 3)];

/// How many zones a region has; `None` where AWS has no such region.
#[must_use]
pub fn zones(region: &str) -> Option<usize> {
    REGIONS.iter().find(|(name, _)| *name == region).map(|(_, zones)| *zones)
}

/// The names of all regions.
pub fn names() -> impl Iterator<Item = &'static str> {
    REGIONS.iter().map(|(name, _)| *name)
}
