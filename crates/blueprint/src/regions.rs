//! Which regions AWS has, and how many availability zones each has: the catalog's facts, as the language asks for them.

use catalog::Catalog;

/// What is known about a region.
pub enum Known {
    /// It is one of AWS's commercial regions, with so many zones.
    Zones(usize),
    /// It belongs to another partition, such as GovCloud or China.
    OtherPartition(&'static str),
    /// AWS has no such region.
    Nowhere,
}

/// What is known about the region `code`.
#[must_use]
pub fn look_up(code: &str) -> Known {
    match Catalog::shared().region(code) {
        Some(region) if region.partition == "aws" => Known::Zones(region.zones.len()),
        Some(region) => Known::OtherPartition(&region.partition),
        None => Known::Nowhere,
    }
}

/// The codes of all regions that a blueprint may name.
pub fn names() -> impl Iterator<Item = &'static str> {
    Catalog::shared()
        .regions()
        .iter()
        .filter(|region| region.partition == "aws")
        .map(|region| region.code.as_str())
}
