//! The addresses of a network, cut into atoms that no rule tells apart.
//!
//! In: a [`Network`]. Out: [`Atoms`]: for each owner of addresses (interfaces that are alike, the internet, offices) the
//! pieces of its addresses, and for each prefix anywhere in the network the pieces inside it. Always: a prefix of the
//! network contains an atom wholly or not at all; an address that AWS will choose is one atom with a place of its own,
//! which a prefix contains certainly, perhaps or not; two owners never share an atom, so an atom says whose it is.

mod set;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Range;

use ipnet::IpNet;

use crate::model::{
    Address, Addresses, Certainty, Groups, HostId, InterfaceId, IpSet, Network, OfficeId, Role, SubnetId,
    UnknownId, VpcId,
};

pub use set::AtomSet;

/// Position of an [`Owner`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OwnerId(pub u32);

impl OwnerId {
    /// The position as an index.
    #[must_use]
    pub fn at(self) -> usize {
        self.0 as usize
    }
}

/// Whose addresses they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// Interfaces that packets cannot tell apart: same subnet, same groups, addresses that AWS chooses.
    Interfaces(Vec<InterfaceId>),
    /// Everybody on the internet.
    Internet,
    /// A network outside AWS.
    Office(OfficeId),
}

/// What kind of address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reach {
    /// On the interface itself, or at home outside AWS.
    Own,
    /// A public IPv4 address that an internet gateway translates, that is known to exist.
    Public,
    /// The same, where it exists perhaps.
    PerhapsPublic,
}

/// Addresses of one owner that nothing tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Atom {
    /// Whose.
    pub owner: OwnerId,
    /// First and last address, IPv4 in the low 32 bits; `None`: AWS chooses, nothing known says where.
    pub range: Option<(u128, u128)>,
    /// IPv6.
    pub v6: bool,
    /// What kind.
    pub reach: Reach,
    /// Whether exactly one unknown address of the range is meant, not all of them.
    pub one_of: bool,
}

/// A public address that an internet gateway translates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Translation {
    /// The atom of the public address.
    pub public: u32,
    /// The atoms of the private address behind it: one where the address is known; where AWS chooses it, every piece into
    /// which rules cut the subnet, of which it will be in one.
    pub private: AtomSet,
}

/// A set as far as it is known: what is certainly in it, and what may be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Between {
    /// Certainly in it.
    pub must: AtomSet,
    /// Perhaps in it; contains `must`.
    pub may: AtomSet,
    /// What decides about the difference, where somebody named it.
    pub unknown: Option<UnknownId>,
}

/// Atoms and whose they are.
#[derive(Debug, Clone, Default)]
pub struct Atoms {
    /// Owners, at positions [`OwnerId`].
    pub owners: Vec<Owner>,
    /// Atoms: those with a range in order of address, then the others.
    pub atoms: Vec<Atom>,
    /// How many have a range.
    located: usize,
    /// The atoms of each owner.
    of_owner: Vec<AtomSet>,
    /// The owner of each interface.
    of_interface: Vec<OwnerId>,
    /// Public addresses and the private ones behind them.
    pub translations: Vec<Translation>,
    /// Atoms without a range that an IPv4 prefix may contain, that one of special addresses may, and that an IPv6 one may.
    unlocated: [AtomSet; 3],
}

/// IPv4 addresses that are not on the internet: private, shared, link-local, loopback, multicast and reserved.
///
/// Source: IANA IPv4 Special-Purpose Address Registry (RFC 6890).
const NOT_INTERNET_V4: [(u32, u32); 8] = [
    (0x0000_0000, 0x00FF_FFFF),
    (0x0A00_0000, 0x0AFF_FFFF),
    (0x6440_0000, 0x647F_FFFF),
    (0x7F00_0000, 0x7FFF_FFFF),
    (0xA9FE_0000, 0xA9FE_FFFF),
    (0xAC10_0000, 0xAC1F_FFFF),
    (0xC0A8_0000, 0xC0A8_FFFF),
    (0xE000_0000, 0xFFFF_FFFF),
];

/// Global unicast IPv6. Source: RFC 4291, 2.4; IANA assigns from here.
const INTERNET_V6: (u128, u128) = (0x2000 << 112, (0x4000 << 112) - 1);

fn bounds(net: IpNet) -> (bool, u128, u128) {
    match net {
        IpNet::V4(net) => {
            (false, u128::from(u32::from(net.network())), u128::from(u32::from(net.broadcast())))
        }
        IpNet::V6(net) => (true, u128::from(net.network()), u128::from(net.broadcast())),
    }
}

fn number(address: IpAddr) -> (bool, u128) {
    match address {
        IpAddr::V4(v4) => (false, u128::from(u32::from(v4))),
        IpAddr::V6(v6) => (true, u128::from(v6)),
    }
}

/// The prefixes of a set, as far as they are known.
pub(crate) fn known(addresses: &Addresses) -> &IpSet {
    match addresses {
        Addresses::Known(set) | Addresses::AtLeast(set, _) => set,
    }
}

/// Points where something begins or ends, of each family.
#[derive(Default)]
struct Cuts {
    v4: Vec<u128>,
    v6: Vec<u128>,
}

impl Cuts {
    fn prefix(&mut self, net: IpNet) {
        let (v6, lo, hi) = bounds(net);
        self.range(v6, lo, hi);
    }

    fn range(&mut self, v6: bool, lo: u128, hi: u128) {
        let points = if v6 { &mut self.v6 } else { &mut self.v4 };
        points.push(lo);
        points.extend(hi.checked_add(1));
    }

    fn addresses(&mut self, addresses: &Addresses) {
        for net in &known(addresses).0 {
            self.prefix(*net);
        }
    }

    fn of(network: &Network) -> Self {
        let mut cuts = Self::default();
        let peers = |group: &crate::model::Group, cuts: &mut Self| {
            for rule in group.ingress.iter().chain(&group.egress) {
                if let crate::model::Peer::Addresses(addresses) = &rule.peer {
                    cuts.addresses(addresses);
                }
            }
        };
        network.groups.iter().for_each(|group| peers(group, &mut cuts));
        for entry in network.acls.iter().flat_map(|acl| acl.ingress.iter().chain(&acl.egress)) {
            cuts.addresses(&entry.addresses);
        }
        network
            .route_tables
            .iter()
            .flat_map(|table| &table.routes)
            .for_each(|r| cuts.addresses(&r.destination));
        network
            .transit_tables
            .iter()
            .flat_map(|table| &table.routes)
            .for_each(|r| cuts.addresses(&r.destination));
        network.vpcs.iter().for_each(|vpc| cuts.addresses(&vpc.blocks));
        network.subnets.iter().for_each(|subnet| cuts.addresses(&subnet.blocks));
        network.offices.iter().for_each(|office| cuts.addresses(&office.networks));
        for policy in network.firewalls.iter().filter_map(|firewall| firewall.policy.as_ref().ok()) {
            for rule in &policy.stateless {
                cuts.addresses(&rule.source);
                cuts.addresses(&rule.destination);
            }
            for rule in &policy.stateful {
                cuts.addresses(&rule.source);
                cuts.addresses(&rule.destination);
            }
        }
        for balancer in &network.balancers {
            let forwards = balancer.listeners.iter().flat_map(|listener| &listener.forwards);
            for target in forwards.flat_map(|forward| &forward.group.targets) {
                match &target.place {
                    crate::model::TargetPlace::Within(addresses) => cuts.addresses(addresses),
                    crate::model::TargetPlace::Address(address) => cuts.prefix(IpNet::from(*address)),
                    _ => {}
                }
            }
        }
        for (lo, hi) in NOT_INTERNET_V4 {
            cuts.range(false, u128::from(lo), u128::from(hi));
        }
        for points in [&mut cuts.v4, &mut cuts.v6] {
            points.sort_unstable();
            points.dedup();
        }
        cuts
    }

    /// A range in pieces that no point lies inside of.
    fn pieces(&self, v6: bool, lo: u128, hi: u128) -> Vec<(u128, u128)> {
        let points = if v6 { &self.v6 } else { &self.v4 };
        let from = points.partition_point(|point| *point <= lo);
        let mut out = Vec::new();
        let mut start = lo;
        for &point in points.get(from..).unwrap_or(&[]).iter().take_while(|point| **point <= hi) {
            out.push((start, point - 1));
            start = point;
        }
        out.push((start, hi));
        out
    }
}

/// What makes interfaces alike.
type Alike = (SubnetId, Vec<u32>, Option<UnknownId>, HostId, bool, Vec<u8>);

impl Atoms {
    /// Cuts the addresses of a network.
    #[must_use]
    pub fn of(network: &Network) -> Self {
        let cuts = Cuts::of(network);
        let mut atoms = Self::default();
        let mut made = Made::default();
        atoms.owners.push(Owner::Internet);
        let internet = OwnerId(0);
        internet_pieces(network, &cuts, internet, &mut made.atoms);
        for (at, office) in network.offices.iter().enumerate() {
            let owner = atoms.owner(Owner::Office(OfficeId::from_position(at)));
            for net in &known(&office.networks).0 {
                let (v6, lo, hi) = bounds(*net);
                let pieces = cuts.pieces(v6, lo, hi).into_iter();
                made.atoms.extend(pieces.map(|piece| Atom::own(owner, Some(piece), v6, false)));
            }
            if matches!(office.networks, Addresses::AtLeast(..)) {
                made.atoms.push(Atom::own(owner, None, false, false));
            }
        }
        atoms.interfaces(network, &cuts, &mut made);
        atoms.settle(made);
        atoms
    }

    fn owner(&mut self, owner: Owner) -> OwnerId {
        self.owners.push(owner);
        OwnerId(u32::try_from(self.owners.len() - 1).unwrap_or(u32::MAX))
    }

    /// Gives every interface its owner and cuts its addresses. A public address follows the private one it stands for.
    fn interfaces(&mut self, network: &Network, cuts: &Cuts, made: &mut Made) {
        let mut alike: BTreeMap<Alike, OwnerId> = BTreeMap::new();
        for (at, interface) in network.interfaces.iter().enumerate() {
            let id = InterfaceId::from_position(at);
            let mergeable = matches!(interface.role, Role::Host)
                && interface.public.is_empty()
                && interface.exists == Certainty::Yes
                && interface.addresses.iter().all(|address| !matches!(address, Address::Known(_)));
            if mergeable {
                let key = alikeness(interface);
                if let Some(&owner) = alike.get(&key) {
                    if let Some(Owner::Interfaces(members)) = self.owners.get_mut(owner.at()) {
                        members.push(id);
                    }
                    self.of_interface.push(owner);
                    continue;
                }
                let owner = self.owner(Owner::Interfaces(vec![id]));
                alike.insert(key, owner);
                self.of_interface.push(owner);
            } else {
                let owner = self.owner(Owner::Interfaces(vec![id]));
                self.of_interface.push(owner);
            }
            let owner = self.of_interface.last().copied().unwrap_or(OwnerId(0));
            addresses_of(network, cuts, interface, owner, made);
        }
    }

    /// Puts atoms in their order and remembers whose they are.
    fn settle(&mut self, Made { atoms: made, translated }: Made) {
        let mut order: Vec<usize> = (0..made.len()).collect();
        let key = |at: &usize| made.get(*at).map(|atom| (atom.range.is_none(), atom.v6, atom.range, *at));
        order.sort_unstable_by_key(key);
        let mut place = vec![0_u32; made.len()];
        for (to, from) in order.iter().enumerate() {
            if let Some(slot) = place.get_mut(*from) {
                *slot = u32::try_from(to).unwrap_or(u32::MAX);
            }
        }
        self.atoms = order.iter().filter_map(|at| made.get(*at).copied()).collect();
        let settled = |at: usize| place.get(at).copied();
        self.translations = translated
            .into_iter()
            .filter_map(|(public, private)| {
                let private = AtomSet::of(private.filter_map(settled));
                Some(Translation { public: settled(public)?, private })
            })
            .collect();
        self.located = self.atoms.partition_point(|atom| atom.range.is_some());
        let mut of_owner: Vec<Vec<u32>> = vec![Vec::new(); self.owners.len()];
        for (at, atom) in self.atoms.iter().enumerate() {
            if let Some(list) = of_owner.get_mut(atom.owner.at()) {
                list.push(u32::try_from(at).unwrap_or(u32::MAX));
            }
        }
        self.of_owner = of_owner.into_iter().map(AtomSet::of).collect();
        let nowhere = |atom: &Atom| atom.range.is_none();
        self.unlocated = [
            self.where_(|atom| nowhere(atom) && !atom.v6),
            self.where_(|atom| nowhere(atom) && !atom.v6 && atom.reach == Reach::Own),
            self.where_(|atom| nowhere(atom) && atom.v6),
        ];
    }

    /// An atom.
    #[must_use]
    pub fn atom(&self, at: u32) -> Option<&Atom> {
        self.atoms.get(at as usize)
    }

    /// All atoms.
    #[must_use]
    pub fn all(&self) -> AtomSet {
        match u32::try_from(self.atoms.len()).unwrap_or(u32::MAX).checked_sub(1) {
            Some(last) => AtomSet::range(0, last),
            None => AtomSet::default(),
        }
    }

    /// The owner of an interface.
    #[must_use]
    pub fn owner_of(&self, interface: InterfaceId) -> OwnerId {
        self.of_interface.get(interface.at()).copied().unwrap_or(OwnerId(0))
    }

    /// All atoms of an owner.
    #[must_use]
    pub fn of_owner(&self, owner: OwnerId) -> AtomSet {
        self.of_owner.get(owner.at()).cloned().unwrap_or_default()
    }

    /// The atoms of an owner that are its own, not public ones that a gateway translates.
    #[must_use]
    pub fn own(&self, owner: OwnerId) -> AtomSet {
        let is_own = |at: &u32| self.atom(*at).is_some_and(|atom| atom.reach == Reach::Own);
        AtomSet::of(self.of_owner(owner).iter().filter(is_own))
    }

    /// Atoms that satisfy something.
    pub fn where_(&self, holds: impl Fn(&Atom) -> bool) -> AtomSet {
        let numbered = (0_u32..).zip(&self.atoms);
        AtomSet::of(numbered.filter(|(_, atom)| holds(atom)).map(|(at, _)| at))
    }

    /// The interface that stands for an owner.
    #[must_use]
    pub fn interface(&self, owner: OwnerId) -> Option<InterfaceId> {
        match self.owners.get(owner.at())? {
            Owner::Interfaces(members) => members.first().copied(),
            _ => None,
        }
    }

    /// The subnet and VPC of an owner.
    #[must_use]
    pub fn place(&self, network: &Network, owner: OwnerId) -> Option<(SubnetId, VpcId)> {
        let subnet = network.interfaces.get(self.interface(owner)?.at())?.subnet;
        Some((subnet, network.subnets.get(subnet.at())?.vpc))
    }

    /// The atoms inside a prefix. An address that AWS will choose is in it for certain only where the prefix is
    /// everything.
    #[must_use]
    pub fn inside(&self, net: IpNet) -> Between {
        let (v6, lo, hi) = bounds(net);
        let located = self.atoms.get(..self.located).unwrap_or(&[]);
        let start = |key: u128| {
            located.partition_point(|atom| (atom.v6, atom.range.map_or(0, |range| range.0)) < (v6, key))
        };
        let from = start(lo);
        let to = hi.checked_add(1).map_or_else(|| located.partition_point(|atom| atom.v6 <= v6), start);
        let range = |from: usize, to: usize| match (u32::try_from(from), u32::try_from(to)) {
            (Ok(from), Ok(to)) if from < to => AtomSet::range(from, to - 1),
            _ => AtomSet::default(),
        };
        let known = range(from, to);
        // A public address is nowhere that the internet is not.
        let special =
            !v6 && NOT_INTERNET_V4.iter().any(|(a, b)| u128::from(*a) <= lo && hi <= u128::from(*b));
        let [v4, v4_own, six] = &self.unlocated;
        let unlocated = match (v6, special) {
            (true, _) => six,
            (false, true) => v4_own,
            (false, false) => v4,
        };
        let may = if unlocated.is_empty() { known.clone() } else { known.or(unlocated) };
        let must = if net.prefix_len() == 0 { may.clone() } else { known };
        Between { must, may, unknown: None }
    }

    /// The atoms inside a set of addresses.
    #[must_use]
    pub fn among(&self, addresses: &Addresses) -> Between {
        let mut out = Between::default();
        for net in &known(addresses).0 {
            let inside = self.inside(*net);
            out.must = out.must.or(&inside.must);
            out.may = out.may.or(&inside.may);
        }
        if let Addresses::AtLeast(_, unknown) = addresses {
            out.may = self.all();
            out.unknown = Some(*unknown);
        }
        out
    }
}

impl Atom {
    fn own(owner: OwnerId, range: Option<(u128, u128)>, v6: bool, one_of: bool) -> Self {
        Self { owner, range, v6, reach: Reach::Own, one_of }
    }
}

fn alikeness(interface: &crate::model::Interface) -> Alike {
    let (groups, unknown) = match &interface.groups {
        Groups::Known(groups) => (groups, None),
        Groups::AndUnknown(groups, unknown) => (groups, Some(*unknown)),
    };
    let mut groups: Vec<u32> = groups.iter().map(|group| group.0).collect();
    groups.sort_unstable();
    let mut kinds: Vec<u8> = interface
        .addresses
        .iter()
        .map(|address| match address {
            Address::WithinV4 => 4,
            Address::WithinV6 => 6,
            Address::Known(_) => 0,
        })
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    let checked = interface.source_dest_check == Certainty::Yes;
    (interface.subnet, groups, unknown, interface.host, checked, kinds)
}

/// Addresses of the internet: what is public and no VPC's own.
fn internet_pieces(network: &Network, cuts: &Cuts, internet: OwnerId, made: &mut Vec<Atom>) {
    let mut taken: Vec<(bool, u128, u128)> =
        NOT_INTERNET_V4.iter().map(|(lo, hi)| (false, u128::from(*lo), u128::from(*hi))).collect();
    let blocks = network.vpcs.iter().flat_map(|vpc| &known(&vpc.blocks).0);
    taken.extend(blocks.map(|net| bounds(*net)));
    taken.sort_unstable();
    let known_public = network
        .interfaces
        .iter()
        .flat_map(|interface| &interface.public)
        .filter_map(|public| public.public.map(number));
    let mut single: Vec<(bool, u128)> = known_public.collect();
    single.sort_unstable();
    for (v6, lo, hi) in [(false, 0, u128::from(u32::MAX)), (true, INTERNET_V6.0, INTERNET_V6.1)] {
        let mut holes: Vec<(u128, u128)> =
            taken.iter().filter(|hole| hole.0 == v6).map(|hole| (hole.1, hole.2)).collect();
        holes.extend(single.iter().filter(|one| one.0 == v6).map(|one| (one.1, one.1)));
        holes.sort_unstable();
        let mut from = Some(lo);
        for (a, b) in holes.into_iter().chain([(hi.saturating_add(1), u128::MAX)]) {
            let Some(start) = from else { break };
            if a > start && start <= hi {
                let pieces = cuts.pieces(v6, start, (a - 1).min(hi)).into_iter();
                made.extend(pieces.map(|piece| Atom::own(internet, Some(piece), v6, false)));
            }
            from = b.checked_add(1).map(|next| next.max(start));
        }
    }
}

/// Atoms before they are in their order.
#[derive(Default)]
struct Made {
    atoms: Vec<Atom>,
    /// Of each public address its position, and the positions of what may be the private one behind it.
    translated: Vec<(usize, Range<usize>)>,
}

fn addresses_of(
    network: &Network,
    cuts: &Cuts,
    interface: &crate::model::Interface,
    owner: OwnerId,
    made: &mut Made,
) {
    let Made { atoms: made, translated } = made;
    let subnet = network.subnets.get(interface.subnet.at());
    // Two addresses that AWS chooses in the same subnet have the same pieces.
    let mut done: Vec<(Address, Range<usize>)> = Vec::new();
    for address in &interface.addresses {
        let same = done.iter().find(|(known, _)| known == address).map(|(_, pieces)| pieces.clone());
        let before = made.len();
        match address {
            _ if same.is_some() => {}
            Address::Known(address) => {
                let (v6, at) = number(*address);
                made.push(Atom::own(owner, Some((at, at)), v6, false));
            }
            Address::WithinV4 | Address::WithinV6 => {
                let v6 = *address == Address::WithinV6;
                let blocks = subnet.map(|subnet| known(&subnet.blocks).0.clone()).unwrap_or_default();
                for (is_v6, lo, hi) in blocks.into_iter().map(bounds).filter(|block| block.0 == v6) {
                    let pieces = cuts.pieces(is_v6, lo, hi).into_iter();
                    made.extend(pieces.map(|piece| Atom::own(owner, Some(piece), v6, true)));
                }
                if made.len() == before {
                    made.push(Atom::own(owner, None, v6, true));
                }
            }
        }
        done.push((*address, same.unwrap_or(before..made.len())));
    }
    for public in &interface.public {
        let reach = match public.exists {
            Certainty::Yes => Reach::Public,
            Certainty::Maybe(_) => Reach::PerhapsPublic,
            Certainty::No => continue,
        };
        if let Some((_, pieces)) = done.get(public.private) {
            translated.push((made.len(), pieces.clone()));
        }
        let range = public.public.map(|address| (number(address).1, number(address).1));
        made.push(Atom { owner, range, v6: false, reach, one_of: range.is_none() });
    }
}
