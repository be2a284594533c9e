//! Which ranges of addresses are the internet.
//!
//! In: a range in CIDR notation. Out: whether it is wide and publicly routed. Always: a text that is no range is
//! not judged.
//!
//! Source: RFC 6890 and the IANA registries of special-purpose addresses (what is not publicly routed).

use std::net::{Ipv4Addr, Ipv6Addr};

/// A range of public addresses is "the internet" when it is wider than this: more than 65,536 addresses of
/// IPv4, more than a provider's allocation of IPv6. Narrower ones are somebody's network, named on purpose.
const WIDEST_V4: u32 = 16;
const WIDEST_V6: u32 = 32;

/// Whether a range in CIDR notation is wide and publicly routed; `None` when the text is no range.
pub(crate) fn is_internet(cidr: &str) -> Option<bool> {
    let (address, length) = cidr.trim().split_once('/')?;
    let length: u32 = length.parse().ok()?;
    if let Ok(address) = address.parse::<Ipv4Addr>() {
        return (length <= 32).then(|| length < WIDEST_V4 && !reserved_v4(address.to_bits(), length));
    }
    let address: Ipv6Addr = address.parse().ok()?;
    (length <= 128).then(|| length < WIDEST_V6 && !reserved_v6(address.to_bits(), length))
}

/// Whether the whole range lies in blocks that are not publicly routed.
fn reserved_v4(address: u32, length: u32) -> bool {
    const BLOCKS: [(Ipv4Addr, u32); 6] = [
        (Ipv4Addr::new(10, 0, 0, 0), 8),
        (Ipv4Addr::new(100, 64, 0, 0), 10),
        (Ipv4Addr::new(127, 0, 0, 0), 8),
        (Ipv4Addr::new(172, 16, 0, 0), 12),
        (Ipv4Addr::new(198, 18, 0, 0), 15),
        (Ipv4Addr::new(240, 0, 0, 0), 4),
    ];
    BLOCKS.iter().any(|(block, bits)| length >= *bits && (address ^ block.to_bits()) >> (32 - bits) == 0)
}

fn reserved_v6(address: u128, length: u32) -> bool {
    // Unique local fc00::/7 and link local fe80::/10.
    [(0xfc00_u128 << 112, 7), (0xfe80_u128 << 112, 10)]
        .iter()
        .any(|(block, bits)| length >= *bits && (address ^ block) >> (128 - bits) == 0)
}

#[cfg(test)]
mod tests {
    use super::is_internet;

    #[test]
    fn wide_public_ranges_are_the_internet() {
        let check = |cidr: &str, expected| assert_eq!(is_internet(cidr), expected, "{cidr}");
        for wide in [
            "0.0.0.0/0",
            "::/0",
            "0.0.0.0/1",
            "128.0.0.0/1",
            "52.0.0.0/8",
            "8.0.0.0/15",
            "2000::/3",
            "2600:1f00::/24",
        ] {
            check(wide, Some(true));
        }
        for fine in [
            "10.0.0.0/8",
            "172.16.0.0/12",
            "203.0.113.0/24",
            "198.51.0.0/16",
            "100.64.0.0/10",
            "fc00::/7",
            "2001:db8:1::/48",
        ] {
            check(fine, Some(false));
        }
        for wrong in ["", "0.0.0.0", "10.0.0.0/33", "a/8", "::/129"] {
            check(wrong, None);
        }
        // A range around a private block is not private.
        check("172.0.0.0/8", Some(true));
    }
}
