//! Prefixes that rules and routes name, by which blocks of addresses are told apart.
//!
//! In: a [`Network`]. Out: for a block what names it. Always: a VPC's own rules that name its own addresses say nothing
//! of others; of a list of blocks in one place each is named alike, whichever it is.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ipnet::IpNet;
use rustc_hash::{FxHashMap, FxHashSet};

use super::describe::Words;
use super::homes::{Homes, Kind};
use crate::model::{
    Address, Addresses, AttachmentKind, IpSet, Network, Peer, TargetPlace, TransitRoute, VpcId,
};

/// Addresses as far as they are known.
pub(super) fn known(addresses: &Addresses) -> &IpSet {
    match addresses {
        Addresses::Known(set) | Addresses::AtLeast(set, _) => set,
    }
}

/// The one IPv4 block of a VPC; `None` where it has others, or blocks that are not known.
pub(super) fn block(network: &Network, vpc: VpcId) -> Option<IpNet> {
    match &network.vpcs.get(vpc.at())?.blocks {
        Addresses::Known(set) => match set.0.as_slice() {
            [block @ IpNet::V4(_)] => Some(block.trunc()),
            _ => None,
        },
        Addresses::AtLeast(..) => None,
    }
}

/// Whether a route of a transit gateway is one to exactly a VPC's block by its own attachment: then which.
pub(super) fn home_route(network: &Network, route: &TransitRoute) -> Option<VpcId> {
    let attachment = network.attachments.get(route.to?.at())?;
    let AttachmentKind::Vpc { vpc, .. } = attachment.kind else { return None };
    let Addresses::Known(set) = &route.destination else { return None };
    let [net] = set.0.as_slice() else { return None };
    (block(network, vpc) == Some(net.trunc())).then_some(vpc)
}

/// What names blocks.
#[derive(Debug)]
pub(super) struct Prefixes {
    /// Prefixes that are not a block, in order, with their position.
    sorted: Vec<IpNet>,
    position: FxHashMap<IpNet, usize>,
    /// Where blocks themselves are named.
    places: FxHashMap<IpNet, Vec<String>>,
}

struct Collector<'n> {
    network: &'n Network,
    blocks: FxHashSet<IpNet>,
    others: FxHashSet<IpNet>,
    places: FxHashMap<IpNet, Vec<String>>,
}

impl Collector<'_> {
    fn note(&mut self, addresses: &Addresses, home: Option<VpcId>, place: &dyn Fn() -> String) {
        self.note_all(&known(addresses).0, home, place);
    }

    fn note_all(&mut self, nets: &[IpNet], home: Option<VpcId>, place: &dyn Fn() -> String) {
        for net in nets {
            let net = net.trunc();
            // A rule that names its own VPC's addresses says nothing of others.
            let own = home.and_then(|vpc| block(self.network, vpc));
            if own.is_some_and(|block| block.contains(&net)) {
                continue;
            }
            if self.blocks.contains(&net) {
                self.places.entry(net).or_default().push(place());
            } else {
                self.others.insert(net);
            }
        }
    }
}

impl Prefixes {
    pub(super) fn of(network: &Network, homes: &Homes, words: &Words) -> Self {
        let ids = (0..network.vpcs.len()).map(VpcId::from_position);
        let mut all = Collector {
            network,
            blocks: ids.filter_map(|vpc| block(network, vpc)).collect(),
            others: FxHashSet::default(),
            places: FxHashMap::default(),
        };
        for (at, group) in network.groups.iter().enumerate() {
            let home = homes.home(Kind::Group, at);
            for (side, rules) in [("in", &group.ingress), ("out", &group.egress)] {
                for rule in rules {
                    let Peer::Addresses(addresses) = &rule.peer else { continue };
                    // Rules of a group allow, in any order: what they are called tells them apart, not where they stand.
                    let place = || {
                        let mut place = format!("group {at} {side} ");
                        words.services(&mut place, &rule.services);
                        words.certainty(&mut place, rule.exists);
                        place
                    };
                    all.note(addresses, home, &place);
                }
            }
        }
        for (at, acl) in network.acls.iter().enumerate() {
            let home = homes.home(Kind::Acl, at);
            for (side, entries) in [("in", &acl.ingress), ("out", &acl.egress)] {
                for (position, entry) in entries.iter().enumerate() {
                    all.note(&entry.addresses, home, &|| format!("acl {at} {side} {position}"));
                }
            }
        }
        for (at, table) in network.route_tables.iter().enumerate() {
            for route in &table.routes {
                let place = || {
                    let mut place = format!("table {at} {:?} {} ", route.target, route.propagated);
                    words.certainty(&mut place, route.exists);
                    place
                };
                all.note(&route.destination, Some(table.vpc), &place);
            }
        }
        for (at, table) in network.transit_tables.iter().enumerate() {
            let home = homes.home(Kind::TransitTable, at);
            for route in &table.routes {
                let place = || {
                    let mut place = format!("transit {at} {} ", route.propagated);
                    words.certainty(&mut place, route.exists);
                    // By its own attachment every VPC is named alike.
                    if home_route(network, route).is_none() {
                        let _ = write!(place, " {:?}", route.to);
                    }
                    place
                };
                all.note(&route.destination, home, &place);
            }
        }
        for (at, firewall) in network.firewalls.iter().enumerate() {
            let Ok(policy) = &firewall.policy else { continue };
            for (position, rule) in policy.stateful.iter().enumerate() {
                all.note(&rule.source, None, &|| format!("firewall {at} rule {position} from"));
                all.note(&rule.destination, None, &|| format!("firewall {at} rule {position} to"));
            }
            for (position, rule) in policy.stateless.iter().enumerate() {
                all.note(&rule.source, None, &|| format!("firewall {at} stateless {position} from"));
                all.note(&rule.destination, None, &|| format!("firewall {at} stateless {position} to"));
            }
        }
        for (at, office) in network.offices.iter().enumerate() {
            all.note(&office.networks, None, &|| format!("office {at}"));
        }
        for (at, balancer) in network.balancers.iter().enumerate() {
            let home = homes.home(Kind::Balancer, at);
            let forwards = balancer.listeners.iter().flat_map(|listener| &listener.forwards);
            for target in forwards.flat_map(|forward| &forward.group.targets) {
                let place = || format!("balancer {at} {:?} {}", target.health, target.port);
                match &target.place {
                    TargetPlace::Address(address) => all.note_all(&[IpNet::from(*address)], home, &place),
                    TargetPlace::Within(addresses) => all.note(addresses, home, &place),
                    TargetPlace::Interface(_) | TargetPlace::Office(_) => {}
                }
            }
        }
        for (at, interface) in network.interfaces.iter().enumerate() {
            let home = homes.home(Kind::Interface, at);
            let own = interface.addresses.iter().filter_map(|address| match address {
                Address::Known(address) => Some(*address),
                _ => None,
            });
            let public = interface.public.iter().filter_map(|public| public.public);
            for address in own.chain(public) {
                all.note_all(&[IpNet::from(address)], home, &|| format!("interface {at}"));
            }
        }
        for (service, set) in &network.public_services {
            all.note_all(&set.0, None, &|| format!("service {service}"));
        }
        for address in &network.idle {
            all.note_all(&[IpNet::from(*address)], None, &|| "idle".to_owned());
        }
        let mut sorted: Vec<IpNet> = all.others.into_iter().collect();
        sorted.sort_unstable();
        let position = sorted.iter().enumerate().map(|(at, net)| (*net, at)).collect();
        let mut places = all.places;
        places.values_mut().for_each(|places| places.sort_unstable());
        Self { sorted, position, places }
    }

    /// What tells a block apart, in words; `None` where a prefix cuts it.
    pub(super) fn around(&self, block: &IpNet) -> Option<String> {
        let after = self.sorted.partition_point(|net| net < block);
        let inside =
            self.sorted.get(after..).unwrap_or(&[]).iter().take_while(|net| block.contains(&net.network()));
        if inside.into_iter().any(|net| block.contains(net)) {
            return None;
        }
        let mut out = String::new();
        let mut net = block.supernet();
        while let Some(at) = net {
            if let Some(position) = self.position.get(&at.trunc()) {
                let _ = write!(out, "<{position}");
            }
            net = at.supernet();
        }
        for place in self.places.get(block).into_iter().flatten() {
            let _ = write!(out, "={place:?}");
        }
        Some(out)
    }
}

/// VPCs that a transit gateway or a peering joins and whose block overlaps that of another VPC: what names the one names
/// the other.
pub(super) fn overlapping(network: &Network, homes: &Homes) -> Vec<VpcId> {
    let mut by_block: BTreeMap<IpNet, Vec<VpcId>> = BTreeMap::new();
    for (at, vpc) in network.vpcs.iter().enumerate() {
        for net in &known(&vpc.blocks).0 {
            by_block.entry(net.trunc()).or_default().push(VpcId::from_position(at));
        }
    }
    let mut out = Vec::new();
    // In order, a block comes right before all that it contains.
    let mut open: Vec<(&IpNet, &[VpcId])> = Vec::new();
    for (net, vpcs) in &by_block {
        open.retain(|(outer, _)| outer.contains(net));
        if vpcs.len() > 1 || !open.is_empty() {
            out.extend(vpcs);
            out.extend(open.iter().flat_map(|(_, vpcs)| *vpcs));
        }
        open.push((net, vpcs));
    }
    out.retain(|vpc| !homes.of_vpc(Kind::Attachment, *vpc).is_empty());
    out
}
