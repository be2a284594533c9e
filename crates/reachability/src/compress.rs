//! Networks with fewer VPCs and the same answers.
//!
//! In: a [`Network`], and the names by which questions tell its VPCs apart. Out: a smaller one in which VPCs that differ in
//! nothing but their addresses and names are two, and whom each stands for. Always: exchanging two alike VPCs, addresses
//! and all, leaves the network as it is: no rule, route or name that is asked for tells them apart. So what holds between
//! two that stand for a class holds between any two of it, and what holds within one holds within each. Two stay of each
//! class, because what passes between two alike VPCs is not what passes within one. A VPC that is joined to another by
//! anything but a route of a transit gateway to exactly its block stands for itself alone; VPCs that are never exchanged,
//! such as a hub, may be named by all.
//!
//! Source: Plotkin, Bjørner, Lopes, Rybalchenko, Varghese, "Scaling network verification using symmetry and surgery" (2016).

mod describe;
mod homes;
mod prefixes;
mod without;

use std::cell::RefCell;

use estate::SmolStr;
use indexmap::IndexMap;
use ipnet::IpNet;
use rustc_hash::FxHashMap;

use crate::model::{AttachmentKind, HostId, Name, Network, VpcId};
pub use homes::Homes;

use describe::{Alone, Describer, Words};
use homes::Kind;
use prefixes::Prefixes;

/// The names by which questions tell things apart: VPCs with different ones never stand for each other.
pub struct Labels<'a> {
    /// Of a VPC: all that questions ask of it.
    pub vpc: Box<dyn Fn(VpcId) -> String + 'a>,
    /// Of a host: all that questions ask of it beside its kind, its application and what it holds.
    pub host: Box<dyn Fn(HostId) -> String + 'a>,
    /// VPCs that questions ask for together, by a name of their own: they stay together, or go together. `None`: alone.
    pub together: Box<dyn Fn(VpcId) -> Option<SmolStr> + 'a>,
}

impl std::fmt::Debug for Labels<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Labels")
    }
}

impl<'a> Labels<'a> {
    /// The names that people group by: environments and units, and accounts where they have none.
    #[must_use]
    pub fn of_people(network: &'a Network) -> Self {
        let vpc = |id: VpcId| {
            let Some(vpc) = network.vpcs.get(id.at()) else { return String::new() };
            let mut label = format!("{:?} {:?}", vpc.environment, vpc.unit);
            if vpc.environment.is_empty() || vpc.unit.is_empty() {
                label.push_str(&format!(" {:?} {:?}", vpc.name.account, vpc.name.label));
            }
            label
        };
        let host = |id: HostId| {
            network.hosts.get(id.at()).map_or_else(String::new, |host| host.environment.to_string())
        };
        Self { vpc: Box::new(vpc), host: Box::new(host), together: Box::new(|_| None) }
    }
}

/// A smaller network.
#[derive(Debug, Clone)]
pub struct Compressed {
    /// The network; positions of all its parts are those of the whole network, parts left out are empty.
    pub network: Network,
    /// For each VPC that stayed, how many it stands for, itself included; 0 for those left out.
    pub stands_for: Vec<usize>,
    /// How many classes of VPCs there are.
    pub classes: usize,
    /// For each VPC, the one that stays in its place: itself, where it stayed.
    stays: Vec<VpcId>,
    /// For each VPC, the class of those that stay or go together with it; [`None`]: it is the only one.
    class: Vec<Option<usize>>,
    /// Which VPC each part belongs to.
    pub homes: Homes,
}

/// A part that stays for one that is left out.
#[derive(Debug, Clone, Copy)]
pub struct Like<'n> {
    /// What it is called.
    pub stays: &'n Name,
    /// Its VPC.
    pub stays_in: VpcId,
    /// What the part that is left out is called.
    pub gone: &'n Name,
    /// The VPC that is left out.
    pub gone_in: VpcId,
}

impl Compressed {
    /// The VPC that stays in the place of one.
    #[must_use]
    pub fn stays(&self, vpc: VpcId) -> VpcId {
        self.stays.get(vpc.at()).copied().unwrap_or(vpc)
    }

    /// Which class a VPC belongs to, together with those that stay or go with it; `None` where it is the only one of its
    /// kind.
    #[must_use]
    pub fn class(&self, vpc: VpcId) -> Option<usize> {
        self.class.get(vpc.at()).copied().flatten()
    }

    /// Every part of a VPC that is left out and that answers may name, with the part that stays for it.
    #[must_use]
    pub fn alike<'n>(&self, whole: &'n Network) -> Vec<Like<'n>> {
        let mut out = Vec::new();
        for (at, stays_in) in self.stays.iter().copied().enumerate() {
            let gone_in = VpcId::from_position(at);
            if stays_in == gone_in {
                continue;
            }
            let mut pairs = |kind: Kind, name: &dyn Fn(usize) -> Option<&'n Name>| {
                let parts = self.homes.of_vpc(kind, stays_in).iter().zip(self.homes.of_vpc(kind, gone_in));
                out.extend(parts.filter_map(|(stays, gone)| {
                    Some(Like { stays: name(*stays)?, stays_in, gone: name(*gone)?, gone_in })
                }));
            };
            pairs(Kind::Subnet, &|at| whole.subnets.get(at).map(|it| &it.name));
            pairs(Kind::Interface, &|at| whole.interfaces.get(at).map(|it| &it.name));
            pairs(Kind::Host, &|at| whole.hosts.get(at).map(|it| &it.name));
            pairs(Kind::Group, &|at| whole.groups.get(at).map(|it| &it.name));
            pairs(Kind::Acl, &|at| whole.acls.get(at).map(|it| &it.name));
            pairs(Kind::Table, &|at| whole.route_tables.get(at).map(|it| &it.name));
            pairs(Kind::Gateway, &|at| whole.gateways.get(at).map(|it| &it.name));
            pairs(Kind::Nat, &|at| whole.nats.get(at).map(|it| &it.name));
            pairs(Kind::Attachment, &|at| whole.attachments.get(at).map(|it| &it.name));
            pairs(Kind::Endpoint, &|at| whole.endpoints.get(at).map(|it| &it.name));
            pairs(Kind::Balancer, &|at| whole.balancers.get(at).map(|it| &it.name));
            pairs(Kind::Edge, &|at| whole.edges.get(at).map(|it| &it.name));
            pairs(Kind::TransitTable, &|at| whole.transit_tables.get(at).map(|it| &it.name));
            if let (Some(stays), Some(gone)) = (whole.vpcs.get(stays_in.at()), whole.vpcs.get(at)) {
                out.push(Like { stays: &stays.name, stays_in, gone: &gone.name, gone_in });
            }
        }
        out
    }
}

/// VPCs that are alone of their kind.
#[derive(Debug, Clone)]
struct Pins(Vec<bool>);

impl Pins {
    fn pin(&mut self, vpc: VpcId) {
        if let Some(pinned) = self.0.get_mut(vpc.at()) {
            *pinned = true;
        }
    }

    fn has(&self, vpc: VpcId) -> bool {
        self.0.get(vpc.at()).copied().unwrap_or(true)
    }
}

/// Leaves out VPCs that others stand for, as people group them.
#[must_use]
pub fn compress(network: &Network) -> Compressed {
    compress_by(network, Homes::of(network), &Labels::of_people(network))
}

/// Leaves out VPCs that others stand for whatever is asked by the given names.
#[must_use]
pub fn compress_by(network: &Network, homes: Homes, labels: &Labels<'_>) -> Compressed {
    let n = network.vpcs.len();
    let words = Words::of(network);
    let prefixes = Prefixes::of(network, &homes, &words);
    let pins = RefCell::new(pinned(network, &homes));
    let describer = Describer { network, homes: &homes, words: &words, prefixes: &prefixes, labels, pins };
    let all = || (0..n).map(VpcId::from_position);
    for vpc in all().filter(|vpc| describer.pins.borrow().has(*vpc)).collect::<Vec<_>>() {
        pin_what_it_names(&describer, vpc);
    }

    // What each VPC is, by number.
    let mut known: FxHashMap<String, usize> = FxHashMap::default();
    let mut kinds: Vec<Option<usize>> = Vec::with_capacity(n);
    for vpc in all() {
        let mut kind = None;
        while !describer.pins.borrow().has(vpc) {
            match describer.describe(vpc) {
                Ok(text) => {
                    let next = known.len();
                    kind = Some(*known.entry(text).or_insert(next));
                    break;
                }
                Err(Alone::RefersTo(other)) => pin_what_it_names(&describer, other),
                Err(Alone::Unlike) => pin_what_it_names(&describer, vpc),
            }
        }
        kinds.push(kind);
    }
    drop(known);
    let pins = describer.pins.into_inner();
    let kind = |vpc: VpcId| kinds.get(vpc.at()).copied().flatten().filter(|_| !pins.has(vpc));

    // Those that stay or go together.
    let mut groups: IndexMap<Result<SmolStr, VpcId>, Vec<VpcId>> = IndexMap::new();
    for vpc in (0..n).map(VpcId::from_position) {
        groups.entry((labels.together)(vpc).ok_or(vpc)).or_default().push(vpc);
    }
    let mut classes: IndexMap<Vec<usize>, Vec<Vec<VpcId>>> = IndexMap::new();
    let mut singles = 0;
    for mut group in groups.into_values() {
        group.sort_by_key(|vpc| (kind(*vpc), *vpc));
        match group.iter().map(|vpc| kind(*vpc)).collect::<Option<Vec<usize>>>() {
            Some(kinds) => classes.entry(kinds).or_default().push(group),
            None => singles += group.len(),
        }
    }
    let class_count = singles + classes.keys().map(Vec::len).sum::<usize>();

    let mut stands_for = vec![1; n];
    let mut stays: Vec<VpcId> = (0..n).map(VpcId::from_position).collect();
    let mut class = vec![None; n];
    for (number, members) in classes.into_values().enumerate() {
        let Some(first) = members.first().cloned() else { continue };
        for (place, group) in members.iter().enumerate() {
            for (vpc, first) in group.iter().zip(&first) {
                let count = match place {
                    0 => members.len() - usize::from(members.len() > 1),
                    1 => 1,
                    _ => 0,
                };
                if let (Some(slot), Some(stays), Some(class)) =
                    (stands_for.get_mut(vpc.at()), stays.get_mut(vpc.at()), class.get_mut(vpc.at()))
                {
                    (*slot, *class) = (count, Some(number));
                    if place > 1 {
                        *stays = *first;
                    }
                }
            }
        }
    }
    let gone = Pins(stands_for.iter().map(|count| *count == 0).collect());
    let network =
        if gone.0.contains(&true) { without::without(network, &homes, &gone) } else { network.clone() };
    Compressed { network, stands_for, classes: class_count, stays, class, homes }
}

/// Pins a VPC, and what its parts name, and so on.
fn pin_what_it_names(describer: &Describer<'_>, vpc: VpcId) {
    let mut open = vec![vpc];
    while let Some(vpc) = open.pop() {
        describer.pins.borrow_mut().pin(vpc);
        if let Some(other) = describer.refers(vpc) {
            open.extend([vpc, other]);
        }
    }
}

/// VPCs that something joins to another, or names in a way that names no other alike.
fn pinned(network: &Network, homes: &Homes) -> Pins {
    let mut pins = Pins(vec![false; network.vpcs.len()]);
    let joined = homes.joined.iter().copied();
    let peered = network.peerings.iter().flat_map(|peering| [peering.requester, peering.accepter]).flatten();
    let inspected = network.firewalls.iter().flat_map(|firewall| {
        let subnets =
            firewall.endpoints.iter().map(|endpoint| homes.home(Kind::Subnet, endpoint.subnet.at()));
        subnets.flatten().chain([firewall.vpc])
    });
    let entered = network.offices.iter().flat_map(|office| &office.enters_by);
    let entered = entered.filter_map(|at| homes.home(Kind::Interface, at.at()));
    let offices = network.gateways.iter().filter(|gateway| !gateway.offices.is_empty());
    let offices = offices.filter_map(|gateway| gateway.vpc);
    let shared = network.transit_tables.iter().enumerate();
    let shared = shared.filter(|(at, _)| homes.home(Kind::TransitTable, *at).is_none());
    let routed = shared.flat_map(|(_, table)| &table.routes);
    let routed = routed.filter(|route| prefixes::home_route(network, route).is_none());
    let routed = routed.filter_map(|route| match network.attachments.get(route.to?.at())?.kind {
        AttachmentKind::Vpc { vpc, .. } => Some(vpc),
        _ => None,
    });
    let overlapping = prefixes::overlapping(network, homes);
    // Addresses that are the internet's where nobody else has them.
    let public = (0..network.vpcs.len()).map(VpcId::from_position);
    let public = public.filter(|vpc| prefixes::block(network, *vpc).is_some_and(|block| !is_private(block)));
    // A table of its own with routes to several others is a hub's.
    let hubs = (0..network.vpcs.len()).map(VpcId::from_position).filter(|hub| {
        let tables = homes.of_vpc(Kind::TransitTable, *hub).iter();
        let routes = tables.filter_map(|at| network.transit_tables.get(*at)).flat_map(|table| &table.routes);
        let others = routes.filter_map(|route| prefixes::home_route(network, route));
        others.filter(|vpc| vpc != hub).nth(1).is_some()
    });
    // What belongs to nobody and refers to somebody's.
    let loose = (0..network.balancers.len()).filter(|at| homes.home(Kind::Balancer, *at).is_none());
    let targets = loose.filter_map(|at| network.balancers.get(at)).flat_map(|balancer| {
        let forwards = balancer.listeners.iter().flat_map(|listener| &listener.forwards);
        let targets = forwards.flat_map(|forward| &forward.group.targets);
        targets.filter_map(|target| match target.place {
            crate::model::TargetPlace::Interface(at) => homes.home(Kind::Interface, at.at()),
            _ => None,
        })
    });
    let foreign = network.groups.iter().filter(|group| group.vpc.is_none());
    let foreign = foreign.flat_map(|group| group.ingress.iter().chain(&group.egress));
    let foreign = foreign.filter_map(|rule| match rule.peer {
        crate::model::Peer::Group(at) => homes.home(Kind::Group, at.at()),
        crate::model::Peer::Addresses(_) => None,
    });
    let carried = network.carriers.iter().flat_map(|carrier| carrier.from.iter().chain(&carrier.to)).copied();
    let all = joined
        .chain(peered)
        .chain(carried)
        .chain(inspected)
        .chain(entered)
        .chain(offices)
        .chain(routed)
        .chain(overlapping)
        .chain(public)
        .chain(hubs)
        .chain(targets)
        .chain(foreign);
    all.for_each(|vpc| pins.pin(vpc));
    pins
}

/// Whether a block is of addresses that the internet does not route: RFC 1918 and RFC 6598.
fn is_private(block: IpNet) -> bool {
    let IpNet::V4(block) = block else { return false };
    let [first, second, ..] = block.network().octets();
    let shared = first == 100 && (64..128).contains(&second) && block.prefix_len() >= 10;
    let prefix = match (first, second) {
        (10, _) => 8,
        (172, _) => 12,
        _ => 16,
    };
    shared || (block.network().is_private() && block.prefix_len() >= prefix)
}
