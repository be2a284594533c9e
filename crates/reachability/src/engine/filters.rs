//! What security groups and network ACLs let pass, as sets of packets.
//!
//! In: rules of the model. Out: a [`Filter`]. Always: `must` is allowed whatever the unknowns are, `may` for some value of
//! them, and what lies between has at least one [`Doubt`] that says why.

use super::atoms::{AtomSet, Atoms, OwnerId};
use super::bdd::{Field, Set};
use super::packets::{DESTINATION, FROM, SOURCE, Space, TO, Way};
use crate::model::{
    Acl, AclEntry, AttachmentKind, Certainty, FirewallId, Group, GroupId, GroupRule, Groups, InterfaceId,
    Network, Peer, Services, UnknownId, VpcId,
};
use std::collections::BTreeMap;

/// Why something is not certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Doubt {
    /// Something the estate does not say or the model does not cover.
    Unknown(UnknownId),
    /// A rule of this firewall's policy that asks what no address or port says; its position among the stateful rules.
    Application(FirewallId, u32),
    /// A stateless rule of this firewall's policy that asks for TCP flags.
    Flags(FirewallId, u32),
    /// Whether a connection that this firewall lets open, and lets carry nothing, counts.
    Handshake(FirewallId),
    /// What software on this interface's host does with packets that are not its own.
    Appliance(InterfaceId),
    /// Which of several addresses AWS will choose.
    Address(OwnerId),
    /// In which zone something stands, or which of several ways is chosen.
    Choice(InterfaceId),
}

/// What a filter lets pass.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// For some value of every unknown.
    pub may: Pass,
    /// For every value of every unknown.
    pub must: Pass,
    /// Why, with the packets concerned.
    pub doubts: Vec<(Doubt, Set)>,
}

/// A set of packets; by default all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass(pub Set);

impl Default for Pass {
    fn default() -> Self {
        Self(Set::FULL)
    }
}

/// Which side of an interface or subnet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// What comes in.
    Ingress,
    /// What goes out.
    Egress,
}

/// Who is in which group.
#[derive(Debug, Default)]
pub struct Members {
    certain: BTreeMap<GroupId, Vec<OwnerId>>,
    perhaps: Vec<OwnerId>,
    neighbours: BTreeMap<VpcId, BTreeMap<VpcId, Certainty>>,
}

impl Members {
    /// Reads them off the interfaces; `neighbours` are VPCs whose groups a VPC's rules may name.
    ///
    /// Source: Amazon VPC Peering Guide, "Update your security groups to reference peer security groups" (same region);
    /// AWS Transit Gateway Guide, "Security group referencing".
    #[must_use]
    pub fn of(network: &Network, atoms: &Atoms) -> Self {
        let mut members = Self::default();
        for (at, interface) in network.interfaces.iter().enumerate() {
            let owner = atoms.owner_of(InterfaceId::from_position(at));
            let groups = match &interface.groups {
                Groups::Known(groups) => groups,
                Groups::AndUnknown(groups, _) => {
                    members.perhaps.push(owner);
                    groups
                }
            };
            for group in groups {
                members.certain.entry(*group).or_default().push(owner);
            }
        }
        for peering in &network.peerings {
            if let (Some(a), Some(b)) = (peering.requester, peering.accepter) {
                let region = |vpc: VpcId| network.vpcs.get(vpc.at()).map(|vpc| &vpc.name.region);
                if region(a) == region(b) {
                    members.neighbour(a, b, peering.active);
                    members.neighbour(b, a, peering.active);
                }
            }
        }
        members.through_transit(network);
        members
    }

    fn neighbour(&mut self, of: VpcId, is: VpcId, how: Certainty) {
        let known = self.neighbours.entry(of).or_default().entry(is).or_insert(Certainty::No);
        if *known != Certainty::Yes && how != Certainty::No {
            *known = how;
        }
    }

    fn through_transit(&mut self, network: &Network) {
        for (at, gateway) in network.transit_gateways.iter().enumerate() {
            if gateway.group_referencing == Certainty::No {
                continue;
            }
            let attached: Vec<VpcId> = network
                .attachments
                .iter()
                .filter(|attachment| attachment.gateway.at() == at)
                .filter_map(|attachment| match attachment.kind {
                    AttachmentKind::Vpc { vpc, .. } => Some(vpc),
                    _ => None,
                })
                .collect();
            for &a in &attached {
                for &b in attached.iter().filter(|b| **b != a) {
                    self.neighbour(a, b, gateway.group_referencing);
                }
            }
        }
    }

    /// The addresses that a group stands for in a rule of a VPC's group.
    fn addresses(&self, space: &Space, network: &Network, vpc: Option<VpcId>, group: GroupId) -> Peers {
        let mut peers = Peers::default();
        let listed = self.certain.get(&group).into_iter().flatten().map(|owner| (*owner, true));
        for (owner, certain) in listed.chain(self.perhaps.iter().map(|owner| (*owner, false))) {
            let at = space.atoms.place(network, owner).map(|(_, vpc)| vpc);
            let near = match (vpc, at) {
                (Some(vpc), Some(at)) if vpc != at => self
                    .neighbours
                    .get(&vpc)
                    .and_then(|known| known.get(&at))
                    .copied()
                    .unwrap_or(Certainty::No),
                _ => Certainty::Yes,
            };
            let own = space.atoms.own(owner);
            match near {
                Certainty::No => {}
                Certainty::Yes => {
                    peers.may.extend_from_slice(own.ranges());
                    if certain {
                        peers.must.extend_from_slice(own.ranges());
                    }
                }
                Certainty::Maybe(unknown) => {
                    peers.may.extend_from_slice(own.ranges());
                    peers.doubt.get_or_insert(unknown);
                }
            }
        }
        peers
    }
}

/// The other sides of rules with the same services, ranges in no order.
#[derive(Debug, Default)]
struct Peers {
    must: Vec<(u32, u32)>,
    may: Vec<(u32, u32)>,
    doubt: Option<UnknownId>,
}

fn joined(mut ranges: Vec<(u32, u32)>) -> Vec<(u32, u32)> {
    ranges.sort_unstable();
    let mut out: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
    for (lo, hi) in ranges {
        match out.last_mut() {
            Some((_, end)) if lo <= end.saturating_add(1) => *end = hi.max(*end),
            _ => out.push((lo, hi)),
        }
    }
    out
}

/// What one side of an interface's groups lets pass on the way there; without `references`, rules that name groups let
/// nothing pass. Answers pass by state.
pub fn groups(
    space: &mut Space,
    network: &Network,
    members: &Members,
    (groups, side): (&Groups, Side),
    references: bool,
) -> Filter {
    let (list, unknown) = match groups {
        Groups::Known(list) if list.is_empty() => return Filter::default(),
        Groups::Known(list) => (list, None),
        Groups::AndUnknown(list, unknown) => (list, Some(*unknown)),
    };
    let mut by_service: BTreeMap<ServiceKey, Peers> = BTreeMap::new();
    let mut doubts = Vec::new();
    let mut anything = unknown;
    for id in list {
        let Some(group) = network.groups.get(id.at()) else { continue };
        anything = anything.or(group.unknown);
        let holding = |rule: &&GroupRule| references || !matches!(rule.peer, Peer::Group(_));
        for rule in rules(group, side).iter().filter(holding) {
            let peers = peers_of(space, network, members, group, rule);
            let entry = by_service.entry(ServiceKey::of(&rule.services)).or_default();
            let sure = rule.exists == Certainty::Yes;
            entry.may.extend_from_slice(&peers.may);
            if sure {
                entry.must.extend_from_slice(&peers.must);
            }
            if let Some(doubt) = rule_doubt(rule, peers.doubt) {
                let ranges = joined(peers.may);
                let set = space.store.values(field(side), &ranges);
                let services = space.service(&rule.services, Way::There).may;
                doubts.push((Doubt::Unknown(doubt), space.store.and(set, services)));
            }
        }
    }
    let (mut may, mut must) = (Vec::new(), Vec::new());
    for (key, peers) in by_service {
        let services = space.service(&key.services(), Way::There);
        let (certain, perhaps) = (joined(peers.must), joined(peers.may));
        let certain = space.store.values(field(side), &certain);
        must.push(space.store.and(certain, services.must));
        let perhaps = space.store.values(field(side), &perhaps);
        may.push(space.store.and(perhaps, services.may));
    }
    let (mut may, must) = (space.store.any(&may), space.store.any(&must));
    if let Some(unknown) = anything {
        doubts.push((Doubt::Unknown(unknown), space.store.not(must)));
        may = Set::FULL;
    }
    Filter { may: Pass(may), must: Pass(must), doubts }
}

/// The rules of one side.
#[must_use]
pub fn rules(group: &Group, side: Side) -> &[GroupRule] {
    match side {
        Side::Ingress => &group.ingress,
        Side::Egress => &group.egress,
    }
}

/// The field that a side's rules speak of.
fn field(side: Side) -> Field {
    match side {
        Side::Ingress => SOURCE,
        Side::Egress => DESTINATION,
    }
}

/// One rule alone.
pub fn rule(
    space: &mut Space,
    network: &Network,
    members: &Members,
    group: &Group,
    side: Side,
    rule: &GroupRule,
) -> Filter {
    let peers = peers_of(space, network, members, group, rule);
    let services = space.service(&rule.services, Way::There);
    let (certain, perhaps) = (joined(peers.must), joined(peers.may));
    let certain = space.store.values(field(side), &certain);
    let perhaps = space.store.values(field(side), &perhaps);
    let may = space.store.and(perhaps, services.may);
    let must =
        if rule.exists == Certainty::Yes { space.store.and(certain, services.must) } else { Set::EMPTY };
    Filter { may: Pass(may), must: Pass(must), doubts: Vec::new() }
}

fn peers_of(space: &Space, network: &Network, members: &Members, group: &Group, rule: &GroupRule) -> Peers {
    if rule.exists == Certainty::No {
        return Peers::default();
    }
    match &rule.peer {
        Peer::Group(peer) => members.addresses(space, network, group.vpc, *peer),
        Peer::Addresses(addresses) => {
            let among = space.atoms.among(addresses);
            Peers {
                must: among.must.ranges().to_vec(),
                may: among.may.ranges().to_vec(),
                doubt: among.unknown,
            }
        }
    }
}

fn rule_doubt(rule: &GroupRule, peers: Option<UnknownId>) -> Option<UnknownId> {
    certainty_doubt(rule.exists).or(peers).or_else(|| service_doubt(&rule.services))
}

pub(super) fn certainty_doubt(certainty: Certainty) -> Option<UnknownId> {
    match certainty {
        Certainty::Maybe(unknown) => Some(unknown),
        _ => None,
    }
}

fn service_doubt(services: &Services) -> Option<UnknownId> {
    match services.protocols {
        crate::model::Protocols::Unknown(unknown) => Some(unknown),
        _ => services.unknown,
    }
}

/// Services in an order of their own, so that rules for the same ones are one set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct ServiceKey(u16, u16, u16, u16, u16, Option<UnknownId>, Option<UnknownId>);

impl ServiceKey {
    fn of(services: &Services) -> Self {
        let (protocol, unknown) = match services.protocols {
            crate::model::Protocols::All => (256, None),
            crate::model::Protocols::One(one) => (u16::from(one), None),
            crate::model::Protocols::Unknown(unknown) => (257, Some(unknown)),
        };
        let (ports, codes) = (services.ports, services.codes);
        Self(protocol, ports.first, ports.last, codes.first, codes.last, unknown, services.unknown)
    }

    fn services(&self) -> Services {
        let range = |first, last| crate::model::PortRange { first, last };
        let protocols = match (u8::try_from(self.0), self.5) {
            (Ok(one), _) => crate::model::Protocols::One(one),
            (_, Some(unknown)) => crate::model::Protocols::Unknown(unknown),
            (_, None) => crate::model::Protocols::All,
        };
        Services { protocols, ports: range(self.1, self.2), codes: range(self.3, self.4), unknown: self.6 }
    }
}

/// What one side of a network ACL lets pass on the way there, or of answers, turned. The first entry that matches decides, what
/// none matches is refused.
pub fn acl(space: &mut Space, acl: &Acl, side: Side, way: Way) -> Filter {
    let entries = match side {
        Side::Ingress => &acl.ingress,
        Side::Egress => &acl.egress,
    };
    if let Some(unknown) = acl.unknown {
        let doubts = vec![(Doubt::Unknown(unknown), Set::FULL)];
        return Filter { may: Pass(Set::FULL), must: Pass(Set::EMPTY), doubts };
    }
    let (mut may, mut must, mut doubts) = (Set::EMPTY, Set::EMPTY, Vec::new());
    // Those that no earlier entry decides for certain, and those that no earlier entry may refuse.
    let (mut left, mut safe) = (Set::FULL, Set::FULL);
    for entry in entries.iter().filter(|entry| entry.exists != Certainty::No) {
        let matches = acl_entry(space, entry, side, way);
        let sure = entry.exists == Certainty::Yes;
        if entry.allows != Certainty::No {
            let reached = space.store.and(left, matches.may);
            may = space.store.or(may, reached);
        }
        if entry.allows == Certainty::Yes && sure {
            let reached = space.store.and(safe, matches.must);
            must = space.store.or(must, reached);
        } else if entry.allows != Certainty::Yes {
            safe = space.store.minus(safe, matches.may);
        }
        if sure && !matches!(entry.allows, Certainty::Maybe(_)) {
            left = space.store.minus(left, matches.must);
        }
        let named = certainty_doubt(entry.exists)
            .or(certainty_doubt(entry.allows))
            .or(space.atoms.among(&entry.addresses).unknown)
            .or_else(|| service_doubt(&entry.services));
        if let Some(unknown) = named {
            doubts.push((Doubt::Unknown(unknown), matches.may));
        }
    }
    Filter { may: Pass(may), must: Pass(must), doubts }
}

/// Packets that an entry of a network ACL matches, answers turned.
pub fn acl_entry(space: &mut Space, entry: &AclEntry, side: Side, way: Way) -> super::packets::Between {
    let field = match side {
        Side::Ingress => FROM,
        Side::Egress => TO,
    };
    let among = space.atoms.among(&entry.addresses);
    let services = space.service(&entry.services, way);
    let both = |space: &mut Space, atoms: &AtomSet, services: Set| {
        let atoms = space.among(field, atoms);
        space.store.and(atoms, services)
    };
    let must = both(space, &among.must, services.must);
    super::packets::Between { must, may: both(space, &among.may, services.may) }
}
