//! What a network's parts are connected to, looked up once.
//!
//! In: a [`Network`] and its [`Atoms`]. Out: [`Wiring`]: who stands in which subnet, and each route table as a list of
//! [`Hop`]s. Always: the hops of a table say for every atom where a packet to it certainly goes and where it may go,
//! by longest prefix; what no hop takes is dropped.

use std::collections::BTreeMap;

use super::atoms::{AtomSet, Atoms, OwnerId, Reach, Translation};
use crate::model::{
    AttachmentId, Certainty, GatewayId, GatewayKind, InterfaceId, Network, OfficeId, RouteTableId,
    RouteTarget, SubnetId, TransitTableId, UnknownId, VpcId,
};
use estate::SmolStr;
use ipnet::IpNet;

/// One place that a table sends packets to.
#[derive(Debug, Clone)]
pub struct Hop<T> {
    /// Where.
    pub target: T,
    /// Destinations that may go there.
    pub may: AtomSet,
    /// Destinations that certainly go there.
    pub must: AtomSet,
    /// What it depends on.
    pub doubt: Option<UnknownId>,
    /// The position of the route in its table; `None`: the VPC's own.
    pub route: Option<u32>,
}

/// A zone; equal for equal zones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Zone(pub u16);

impl Zone {
    /// Nobody knows which.
    pub const ANY: Self = Self(u16::MAX);
}

/// Look-ups.
#[derive(Debug, Default)]
pub struct Wiring {
    /// The zone of each subnet.
    pub zones: Vec<Zone>,
    /// The owners of interfaces in each subnet.
    pub owners: Vec<Vec<OwnerId>>,
    /// The subnets of each VPC.
    pub subnets: Vec<Vec<SubnetId>>,
    /// Addresses of interfaces in each subnet.
    pub in_subnet: Vec<AtomSet>,
    /// Addresses of interfaces in each VPC.
    pub in_vpc: Vec<AtomSet>,
    /// Public addresses of each VPC's interfaces: the private atom and the public one.
    pub public: Vec<Vec<Translation>>,
    /// The internet gateway attached to each VPC.
    pub internet: Vec<Option<GatewayId>>,
    /// IPv6 addresses of each VPC's interfaces.
    pub v6: Vec<AtomSet>,
    /// Routes of each subnet: its table's.
    pub routes: Vec<RouteKey>,
    /// Tables by what they are.
    pub tables: BTreeMap<RouteKey, Vec<Hop<RouteTarget>>>,
    /// Tables of transit gateways.
    pub transit: Vec<Vec<Hop<Option<AttachmentId>>>>,
    /// The attachments and virtual private gateways that packets of an office come in by.
    pub office_doors: Vec<(Vec<GatewayId>, Vec<AttachmentId>)>,
}

/// A route table as it counts in a VPC; without a table only the VPC's own routes count.
pub type RouteKey = (VpcId, Option<RouteTableId>);

impl Wiring {
    /// Looks everything up.
    #[must_use]
    pub fn of(network: &Network, atoms: &Atoms) -> Self {
        let mut wiring = Self::default();
        wiring.places(network, atoms);
        for subnet in &network.subnets {
            wiring.routes.push((subnet.vpc, subnet.table));
        }
        let gateways =
            network.gateways.iter().filter_map(|gateway| Some((gateway.vpc?, Some(gateway.table?))));
        let mut keys: Vec<RouteKey> = wiring.routes.iter().copied().chain(gateways).collect();
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            let hops = wiring.vpc_table(network, atoms, key);
            wiring.tables.insert(key, hops);
        }
        for at in 0..network.transit_tables.len() {
            wiring.transit.push(transit_table(network, atoms, TransitTableId::from_position(at)));
        }
        for at in 0..network.offices.len() {
            wiring.office_doors.push(doors(network, OfficeId::from_position(at)));
        }
        wiring
    }

    fn places(&mut self, network: &Network, atoms: &Atoms) {
        let mut zones: BTreeMap<SmolStr, u16> = BTreeMap::new();
        self.subnets = vec![Vec::new(); network.vpcs.len()];
        for (at, subnet) in network.subnets.iter().enumerate() {
            let next = u16::try_from(zones.len()).unwrap_or(u16::MAX - 1);
            let zone = match subnet.zone.as_str() {
                "" => Zone::ANY,
                _ => Zone(*zones.entry(subnet.zone.clone()).or_insert(next)),
            };
            self.zones.push(zone);
            if let Some(list) = self.subnets.get_mut(subnet.vpc.at()) {
                list.push(SubnetId::from_position(at));
            }
        }
        self.owners = vec![Vec::new(); network.subnets.len()];
        let (mut in_subnet, mut in_vpc) =
            (vec![Vec::new(); network.subnets.len()], vec![Vec::new(); network.vpcs.len()]);
        self.public = vec![Vec::new(); network.vpcs.len()];
        for owner in (0_u32..).zip(&atoms.owners).map(|(at, _)| OwnerId(at)) {
            let Some((subnet, vpc)) = atoms.place(network, owner) else { continue };
            if let Some(list) = self.owners.get_mut(subnet.at()) {
                list.push(owner);
            }
            for at in atoms.of_owner(owner).iter() {
                let Some(atom) = atoms.atom(at) else { continue };
                if atom.reach == Reach::Own {
                    in_subnet.get_mut(subnet.at()).into_iter().for_each(|list: &mut Vec<u32>| list.push(at));
                    in_vpc.get_mut(vpc.at()).into_iter().for_each(|list: &mut Vec<u32>| list.push(at));
                }
            }
        }
        for translation in &atoms.translations {
            let owner = atoms.atom(translation.public).map(|atom| atom.owner);
            let place = owner.and_then(|owner| atoms.place(network, owner));
            if let Some(list) = place.and_then(|(_, vpc)| self.public.get_mut(vpc.at())) {
                list.push(translation.clone());
            }
        }
        self.in_subnet = in_subnet.into_iter().map(AtomSet::of).collect();
        self.in_vpc = in_vpc.into_iter().map(AtomSet::of).collect();
        let is_v6 = |at: &u32| atoms.atom(*at).is_some_and(|atom| atom.v6);
        self.v6 = self.in_vpc.iter().map(|set| AtomSet::of(set.iter().filter(is_v6))).collect();
        self.internet = vec![None; network.vpcs.len()];
        for (at, gateway) in network.gateways.iter().enumerate() {
            if let (GatewayKind::Internet, Some(vpc)) = (gateway.kind, gateway.vpc)
                && let Some(slot) = self.internet.get_mut(vpc.at())
            {
                *slot = Some(GatewayId::from_position(at));
            }
        }
    }

    /// The hops of a table of a VPC.
    fn vpc_table(&self, network: &Network, atoms: &Atoms, key: RouteKey) -> Vec<Hop<RouteTarget>> {
        let (vpc, table) = key;
        let routes = table
            .and_then(|table| network.route_tables.get(table.at()))
            .map_or(&[][..], |table| &table.routes);
        let blocks = network.vpcs.get(vpc.at()).map(|vpc| super::atoms::known(&vpc.blocks).0.clone());
        let mut entries: Vec<Entry<RouteTarget>> = Vec::new();
        for block in blocks.unwrap_or_default() {
            let replaced =
                routes.iter().any(|route| super::atoms::known(&route.destination).0.contains(&block));
            if !replaced {
                entries.push(Entry::local(block));
            }
        }
        for (at, route) in (0_u32..).zip(routes) {
            let nets = super::atoms::known(&route.destination).0.iter();
            let rank = if route.target == RouteTarget::Local { 0 } else { 1 + u8::from(route.propagated) };
            let entry = |net: &IpNet| Entry {
                net: *net,
                target: route.target,
                rank,
                exists: route.exists,
                route: Some(at),
            };
            entries.extend(nets.map(entry));
        }
        // An address inside the VPC whose place nobody knows is still inside the VPC.
        let home = self.in_vpc.get(vpc.at()).cloned().unwrap_or_default();
        let unlocated = |at: &u32| atoms.atom(*at).is_some_and(|atom| atom.range.is_none());
        let home_unlocated = AtomSet::of(home.iter().filter(unlocated));
        let mut hops = longest_prefix(atoms, entries, &home_unlocated);
        if !home_unlocated.is_empty() {
            hops.push(Hop {
                target: RouteTarget::Local,
                may: home_unlocated.clone(),
                must: home_unlocated,
                doubt: None,
                route: None,
            });
        }
        let open = routes.iter().enumerate().filter_map(|(at, route)| match &route.destination {
            crate::model::Addresses::AtLeast(_, unknown) if route.exists != Certainty::No => {
                Some((at, route.target, *unknown))
            }
            _ => None,
        });
        // The public addresses of a service are some of the internet and never all of it: what goes to the rest of the
        // internet, and to anybody else, goes where it went.
        let to_service = |target: &RouteTarget| matches!(target, RouteTarget::GatewayEndpoint(_));
        let (services, open): (Vec<_>, Vec<_>) = open.partition(|(_, target, _)| to_service(target));
        let internet = atoms.of_owner(OwnerId(0));
        for (at, target, unknown) in services {
            let (may, must) = (internet.clone(), AtomSet::default());
            hops.push(Hop { target, may, must, doubt: Some(unknown), route: u32::try_from(at).ok() });
        }
        let everything_else = atoms.all().minus(&home);
        widen(&mut hops, open, &everything_else, |target| *target == RouteTarget::Local);
        hops
    }

    /// The hops of the table that counts in a subnet.
    #[must_use]
    pub fn hops(&self, subnet: SubnetId) -> &[Hop<RouteTarget>] {
        self.routes.get(subnet.at()).and_then(|key| self.tables.get(key)).map_or(&[], Vec::as_slice)
    }

    /// The zone of a subnet.
    #[must_use]
    pub fn zone(&self, subnet: SubnetId) -> Zone {
        self.zones.get(subnet.at()).copied().unwrap_or(Zone::ANY)
    }

    /// The zone that an interface stands in.
    #[must_use]
    pub fn zone_of(&self, network: &Network, interface: InterfaceId) -> Zone {
        network.interfaces.get(interface.at()).map_or(Zone::ANY, |interface| self.zone(interface.subnet))
    }
}

fn transit_table(network: &Network, atoms: &Atoms, id: TransitTableId) -> Vec<Hop<Option<AttachmentId>>> {
    let routes = network.transit_tables.get(id.at()).map_or(&[][..], |table| &table.routes);
    let mut entries = Vec::new();
    for (at, route) in (0_u32..).zip(routes) {
        let nets = super::atoms::known(&route.destination).0.iter();
        let entry = |net: &IpNet| Entry {
            net: *net,
            target: route.to,
            rank: u8::from(route.propagated),
            exists: route.exists,
            route: Some(at),
        };
        entries.extend(nets.map(entry));
    }
    let mut hops = longest_prefix(atoms, entries, &AtomSet::default());
    let open = routes.iter().enumerate().filter_map(|(at, route)| match &route.destination {
        crate::model::Addresses::AtLeast(_, unknown) if route.exists != Certainty::No => {
            Some((at, route.to, *unknown))
        }
        _ => None,
    });
    widen(&mut hops, open.collect(), &atoms.all(), |_| false);
    hops
}

/// A route to one prefix.
struct Entry<T> {
    net: IpNet,
    target: T,
    /// Of equal prefixes the lowest counts.
    rank: u8,
    exists: Certainty,
    route: Option<u32>,
}

impl Entry<RouteTarget> {
    fn local(net: IpNet) -> Self {
        Self { net, target: RouteTarget::Local, rank: 0, exists: Certainty::Yes, route: None }
    }
}

fn longest_prefix<T: Copy>(atoms: &Atoms, mut entries: Vec<Entry<T>>, taken: &AtomSet) -> Vec<Hop<T>> {
    entries.retain(|entry| entry.exists != Certainty::No);
    entries.sort_by_key(|entry| (std::cmp::Reverse(entry.net.prefix_len()), entry.rank));
    let all = atoms.all().minus(taken);
    let (mut left, mut sure) = (all.clone(), all);
    let mut hops = Vec::with_capacity(entries.len());
    for entry in entries {
        let inside = atoms.inside(entry.net);
        let certain = entry.exists == Certainty::Yes;
        let may = left.and(&inside.may);
        let must = if certain { sure.and(&inside.must) } else { AtomSet::default() };
        if certain {
            left = left.minus(&inside.must);
        }
        sure = sure.minus(&inside.may);
        if !may.is_empty() {
            let doubt = super::filters::certainty_doubt(entry.exists);
            hops.push(Hop { target: entry.target, may, must, doubt, route: entry.route });
        }
    }
    hops
}

/// A route whose prefixes are not all known may take anything, and leaves nothing certain but what `keeps`.
fn widen<T: Copy>(
    hops: &mut Vec<Hop<T>>,
    open: Vec<(usize, T, UnknownId)>,
    anything: &AtomSet,
    keeps: impl Fn(&T) -> bool,
) {
    if open.is_empty() {
        return;
    }
    for hop in hops.iter_mut().filter(|hop| !keeps(&hop.target)) {
        hop.must = AtomSet::default();
    }
    for (at, target, unknown) in open {
        let (may, must) = (anything.clone(), AtomSet::default());
        hops.push(Hop { target, may, must, doubt: Some(unknown), route: u32::try_from(at).ok() });
    }
}

fn doors(network: &Network, office: OfficeId) -> (Vec<GatewayId>, Vec<AttachmentId>) {
    let gateways =
        network.gateways.iter().enumerate().filter(|(_, gateway)| gateway.offices.contains(&office));
    let attached = network.attachments.iter().enumerate().filter(
        |(_, attachment)| matches!(attachment.kind, crate::model::AttachmentKind::Office(of) if of == office),
    );
    (
        gateways.map(|(at, _)| GatewayId::from_position(at)).collect(),
        attached.map(|(at, _)| AttachmentId::from_position(at)).collect(),
    )
}
