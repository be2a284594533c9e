//! The space of packets: (source, destination, protocol, source port, destination port).
//!
//! In: atoms, services. Out: sets of packets in the [`Store`] of a [`Space`]. Always: source and destination are positions
//! of atoms, which say whose the address is and of which family; for ICMP the destination port is the type and the
//! source port the code; protocols without ports have all ports.

use super::atoms::{AtomSet, Atoms};
use super::bdd::{Field, Set, Store};
use crate::model::{PortRange, Protocols, Services};

/// Bits of an atom's position: a million atoms.
const ATOM_BITS: u16 = 20;

/// The destination's atom.
pub const DESTINATION: Field = Field { first: 0, bits: ATOM_BITS };
/// The source's atom.
pub const SOURCE: Field = Field { first: ATOM_BITS, bits: ATOM_BITS };
/// The protocol by IANA number.
pub const PROTOCOL: Field = Field { first: 2 * ATOM_BITS, bits: 8 };
/// The destination port, or the ICMP type.
pub const PORT: Field = Field { first: 2 * ATOM_BITS + 8, bits: 16 };
/// The source port, or the ICMP code.
pub const SOURCE_PORT: Field = Field { first: 2 * ATOM_BITS + 24, bits: 16 };

/// ICMP, TCP, UDP and ICMPv6 by IANA number.
pub const ICMP: u8 = 1;
/// TCP.
pub const TCP: u8 = 6;
/// UDP.
pub const UDP: u8 = 17;
/// ICMPv6.
pub const ICMPV6: u8 = 58;

/// Which way a packet of a flow goes. Both are described by the flow's first packet, so that the answer of a flow is the
/// same member of a set as the flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Way {
    /// The first packet and all that follow it.
    There,
    /// Answers.
    Back,
}

/// Where a packet that is walked goes: always the first field, since routes ask for it. Answers are walked turned
/// ([`Space::turned`]), with the flow's source first, so that splitting them by where they go costs as little.
pub const TO: Field = DESTINATION;
/// Where a packet that is walked comes from.
pub const FROM: Field = SOURCE;

impl Way {
    /// The field of a flow's first packet that says where this packet of the flow goes.
    #[must_use]
    pub fn to(self) -> Field {
        match self {
            Self::There => DESTINATION,
            Self::Back => SOURCE,
        }
    }

    /// The field of a flow's first packet that says where this packet of the flow comes from.
    #[must_use]
    pub fn from(self) -> Field {
        match self {
            Self::There => SOURCE,
            Self::Back => DESTINATION,
        }
    }
}

/// Atoms and the store of packet sets over them.
#[derive(Debug, Default)]
pub struct Space {
    /// Whose addresses there are.
    pub atoms: Atoms,
    /// Where sets live.
    pub store: Store,
}

impl Space {
    /// Packets with a field among atoms.
    pub fn among(&mut self, field: Field, atoms: &AtomSet) -> Set {
        self.store.values(field, atoms.ranges())
    }

    /// Flows with source and destination in each other's place: how answers are walked, and back again.
    pub fn turned(&mut self, set: Set) -> Set {
        self.store.swapped(set, DESTINATION, SOURCE)
    }

    /// Packets of a protocol.
    pub fn protocol(&mut self, protocol: u8) -> Set {
        self.store.values(PROTOCOL, &[(u32::from(protocol), u32::from(protocol))])
    }

    /// Packets with a port in one of the ranges.
    pub fn ports(&mut self, field: Field, ranges: &[PortRange]) -> Set {
        let mut ranges: Vec<(u32, u32)> =
            ranges.iter().map(|range| (u32::from(range.first), u32::from(range.last))).collect();
        ranges.retain(|(lo, hi)| lo <= hi);
        ranges.sort_unstable();
        let mut joined: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
        for (lo, hi) in ranges {
            match joined.last_mut() {
                Some((_, end)) if lo <= *end + 1 => *end = hi.max(*end),
                _ => joined.push((lo, hi)),
            }
        }
        self.store.values(field, &joined)
    }

    /// A set of another space with the same atoms.
    pub fn import(&mut self, other: &Self, set: Set) -> Set {
        self.store.import(&other.store, set)
    }

    /// Packets that a service describes, seen on the way there or, as their answers, on the way back. `None` for the
    /// protocol: it is not known which.
    pub fn service(&mut self, services: &Services, way: Way) -> Between {
        let protocol = match services.protocols {
            Protocols::All => return Between::certain(Set::FULL),
            Protocols::Unknown(_) => return Between { may: Set::FULL, must: Set::EMPTY },
            Protocols::One(protocol) => protocol,
        };
        let of_protocol = self.protocol(protocol);
        if services.unknown.is_some() {
            return Between { may: of_protocol, must: Set::EMPTY };
        }
        let sets = match (protocol, way) {
            (TCP | UDP, Way::There) => self.ports(PORT, &[services.ports]),
            (TCP | UDP, Way::Back) => self.ports(SOURCE_PORT, &[services.ports]),
            (ICMP | ICMPV6, Way::There) => {
                let (types, codes) =
                    (self.ports(PORT, &[services.ports]), self.ports(SOURCE_PORT, &[services.codes]));
                self.store.and(types, codes)
            }
            // The answer to an echo request is an echo reply, code 0. Source: RFC 792; RFC 4443.
            (ICMP, Way::Back) if services.ports.contains(0) && services.codes.contains(0) => Set::FULL,
            (ICMPV6, Way::Back) if services.ports.contains(129) && services.codes.contains(0) => Set::FULL,
            (ICMP | ICMPV6, Way::Back) => Set::EMPTY,
            _ => Set::FULL,
        };
        Between::certain(self.store.and(of_protocol, sets))
    }

    /// Flows that somebody answers: TCP, UDP, echo requests, and protocols nobody knows more of.
    pub fn answered(&mut self) -> Set {
        let all = self.store.values(PROTOCOL, &[(0, 0), (2, 57), (59, 255)]);
        let echo = |space: &mut Self, protocol: u8, kind: u32| {
            let (of, kind) = (space.protocol(protocol), space.store.values(PORT, &[(kind, kind)]));
            space.store.and(of, kind)
        };
        let (v4, v6) = (echo(self, ICMP, 8), echo(self, ICMPV6, 128));
        self.store.any(&[all, v4, v6])
    }
}

/// A set of packets as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Between {
    /// Certainly in it.
    pub must: Set,
    /// Perhaps in it; contains `must`.
    pub may: Set,
}

impl Between {
    /// Exactly these.
    #[must_use]
    pub fn certain(set: Set) -> Self {
        Self { must: set, may: set }
    }
}
