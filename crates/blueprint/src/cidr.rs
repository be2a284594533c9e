//! IPv4 address ranges.
//!
//! Always: the bits after the prefix are zero, so two equal ranges are written the same way.

use std::fmt;
use std::net::Ipv4Addr;

use diagnostics::{Diagnostic, Diagnostics};
use document::Node;
use serde_json::{Value, json};

use crate::codes::BAD_CIDR;
use crate::reader::{Decode, Definitions, wrong_type};

/// An IPv4 CIDR block, `10.16.0.0/12` (RFC 4632).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cidr {
    first: u32,
    prefix: u8,
}

impl Cidr {
    /// 10.0.0.0/8, the largest private range (RFC 1918): the address plan where none is written.
    pub const TEN: Self = Self { first: 10 << 24, prefix: 8 };

    /// Every address.
    pub const ANY: Self = Self { first: 0, prefix: 0 };

    const EXPECTED: &'static str = "an IPv4 range such as `10.16.0.0/12`";
    const PATTERN: &'static str = r"^([0-9]{1,3}\.){3}[0-9]{1,3}/([0-9]|[12][0-9]|3[0-2])$";

    /// The block of `prefix` bits that begins at `first`; `None` where bits after the prefix are set.
    #[must_use]
    pub fn new(first: Ipv4Addr, prefix: u8) -> Option<Self> {
        let first = u32::from(first);
        (prefix <= 32 && first & !mask(prefix) == 0).then_some(Self { first, prefix })
    }

    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it; where the range meant is clear, it is named.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (address, prefix) = text.split_once('/').ok_or("it has no `/` and prefix length")?;
        let address: Ipv4Addr = address.parse().map_err(|_| format!("`{address}` is not an IPv4 address"))?;
        let digits = prefix.len() <= 2 && prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix: u8 = prefix
            .parse()
            .ok()
            .filter(|prefix| *prefix <= 32 && digits)
            .ok_or_else(|| format!("`{prefix}` is not a prefix length from 0 to 32"))?;
        Self::new(address, prefix).ok_or_else(|| {
            let block = Self { first: u32::from(address) & mask(prefix), prefix };
            format!("bits after the prefix are set; the block that holds it is {block}")
        })
    }

    /// The first address.
    #[must_use]
    pub fn first(self) -> Ipv4Addr {
        Ipv4Addr::from(self.first)
    }

    /// The last address.
    #[must_use]
    pub fn last(self) -> Ipv4Addr {
        Ipv4Addr::from(self.first | !mask(self.prefix))
    }

    /// The number of bits that are fixed.
    #[must_use]
    pub fn prefix(self) -> u8 {
        self.prefix
    }

    /// How many addresses it has.
    #[must_use]
    pub fn len(self) -> u64 {
        1 << (32 - u32::from(self.prefix))
    }

    /// A block is never empty.
    #[must_use]
    pub fn is_empty(self) -> bool {
        false
    }

    /// Whether every address of `other` is one of these.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.prefix <= other.prefix && other.first & mask(self.prefix) == self.first
    }

    /// Whether some address is in both; then one contains the other.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.contains(other) || other.contains(self)
    }

    /// The parts of this block with a longer prefix, in order; none where the prefix is not longer.
    pub fn parts(self, prefix: u8) -> impl Iterator<Item = Self> {
        let fits = prefix >= self.prefix && prefix <= 32;
        let count = if fits { 1u64 << (prefix - self.prefix) } else { 0 };
        (0..count).filter_map(move |index| self.part(prefix, index))
    }

    /// Part number `index` (from 0) of [`Cidr::parts`].
    #[must_use]
    pub fn part(self, prefix: u8, index: u64) -> Option<Self> {
        if prefix < self.prefix || prefix > 32 || index >= 1u64 << (prefix - self.prefix) {
            return None;
        }
        let offset = u32::try_from(index << (32 - u32::from(prefix))).ok()?;
        Some(Self { first: self.first | offset, prefix })
    }

    /// Whether AWS lets a VPC use it for private traffic as everybody expects: it lies in the ranges of RFC 1918.
    #[must_use]
    pub fn is_private(self) -> bool {
        let [a, b, ..] = self.first().octets();
        match a {
            10 => self.prefix >= 8,
            172 => (16..32).contains(&b) && self.prefix >= 12,
            192 => b == 168 && self.prefix >= 16,
            _ => false,
        }
    }
}

fn mask(prefix: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0)
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first(), self.prefix)
    }
}

impl Decode for Cidr {
    fn decode(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
        let Some(text) = node.as_str() else {
            diagnostics.push(wrong_type(node, Self::EXPECTED));
            return None;
        };
        Self::parse(text)
            .map_err(|why| {
                let message = format!("`{text}` is not an address range: {why}");
                diagnostics.push(Diagnostic::error(BAD_CIDR, node.span, message).expected(Self::EXPECTED));
            })
            .ok()
    }

    fn schema(definitions: &mut Definitions) -> Value {
        definitions.reference("Cidr", |_| {
            json!({ "title": "an address range", "description": Self::EXPECTED, "type": "string", "pattern": Self::PATTERN })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Cidr;

    fn cidr(text: &str) -> Cidr {
        Cidr::parse(text).unwrap_or(Cidr { first: 1, prefix: 0 })
    }

    #[test]
    fn reads_what_rfc_4632_writes_and_nothing_else() {
        assert_eq!(cidr("10.16.0.0/12").to_string(), "10.16.0.0/12");
        assert_eq!(cidr("0.0.0.0/0").len(), 1 << 32);
        assert!(Cidr::parse("10.16.0.1/12").is_err_and(|why| why.contains("10.16.0.0/12")));
        for bad in ["10.0.0.0", "10.0.0/8", "10.0.0.0/33", "10.0.0.0/+8", "10.0.0.0/008", "x/8", "", "/"] {
            assert!(Cidr::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn parts_cover_the_block_in_order() {
        let parts: Vec<_> = cidr("10.0.0.0/14").parts(16).map(|part| part.to_string()).collect();
        assert_eq!(parts, ["10.0.0.0/16", "10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"]);
        assert_eq!(cidr("10.0.0.0/16").parts(14).count(), 0);
        assert_eq!(
            cidr("0.0.0.0/0").part(32, u64::from(u32::MAX)).map(|part| part.to_string()).as_deref(),
            Some("255.255.255.255/32")
        );
        assert_eq!(cidr("10.0.0.0/16").part(17, 2), None);
    }

    #[test]
    fn overlap_is_containment_of_one_in_the_other() {
        assert!(cidr("10.0.0.0/8").overlaps(cidr("10.200.0.0/16")));
        assert!(cidr("10.200.0.0/16").overlaps(cidr("10.0.0.0/8")));
        assert!(!cidr("10.0.0.0/16").overlaps(cidr("10.1.0.0/16")));
    }
}
