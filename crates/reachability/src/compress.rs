//! Networks with fewer VPCs and the same answers.
//!
//! In: a [`Network`]. Out: a smaller one in which VPCs that differ in nothing but their addresses and names are two, and how
//! many each stands for. Always: exchanging two alike VPCs, addresses and all, leaves the network as it is: no rule,
//! route or peering tells them apart. So what holds between two that stand for a class holds between any two of it,
//! and what holds within one holds within each. Two stay of each class, because what passes between two alike VPCs is
//! not what passes within one.
//!
//! Source: Plotkin, Bjørner, Lopes, Rybalchenko, Varghese, "Scaling network verification using symmetry and surgery" (2016).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use ipnet::IpNet;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::{
    Addresses, AttachmentId, AttachmentKind, GroupId, Groups, InterfaceId, IpSet, Network, Peer, Role,
    RouteTarget, SubnetId, VpcId,
};

/// A smaller network.
#[derive(Debug, Clone)]
pub struct Compressed {
    /// The network; positions of all its parts are those of the whole network, parts left out are empty.
    pub network: Network,
    /// For each VPC that stayed, how many it stands for, itself included; 0 for those left out.
    pub stands_for: Vec<usize>,
    /// How many classes of VPCs there are.
    pub classes: usize,
}

/// What belongs to each VPC.
struct Parts {
    subnets: Vec<Vec<SubnetId>>,
    interfaces: Vec<Vec<InterfaceId>>,
    groups: Vec<Vec<GroupId>>,
    attachments: Vec<Vec<AttachmentId>>,
    tables: Vec<Vec<usize>>,
    gateways: Vec<Vec<usize>>,
    /// The VPC of each network ACL whose subnets are all in one.
    acls: Vec<Option<VpcId>>,
}

impl Parts {
    fn of(network: &Network) -> Self {
        let n = network.vpcs.len();
        let empty = || vec![Vec::new(); n];
        let mut parts = Self {
            subnets: empty(),
            interfaces: vec![Vec::new(); n],
            groups: vec![Vec::new(); n],
            attachments: vec![Vec::new(); n],
            tables: vec![Vec::new(); n],
            gateways: vec![Vec::new(); n],
            acls: vec![None; network.acls.len()],
        };
        let mut shared: FxHashSet<usize> = FxHashSet::default();
        for (at, subnet) in network.subnets.iter().enumerate() {
            push(&mut parts.subnets, subnet.vpc, SubnetId::from_position(at));
            if let Some(acl) = subnet.acl
                && let Some(slot) = parts.acls.get_mut(acl.at())
            {
                match slot {
                    Some(vpc) if *vpc != subnet.vpc => {
                        shared.insert(acl.at());
                    }
                    _ => *slot = Some(subnet.vpc),
                }
            }
        }
        for (at, interface) in network.interfaces.iter().enumerate() {
            if let Some(subnet) = network.subnets.get(interface.subnet.at()) {
                push(&mut parts.interfaces, subnet.vpc, InterfaceId::from_position(at));
            }
        }
        for (at, group) in network.groups.iter().enumerate() {
            if let Some(vpc) = group.vpc {
                push(&mut parts.groups, vpc, GroupId::from_position(at));
            }
        }
        for (at, attachment) in network.attachments.iter().enumerate() {
            if let AttachmentKind::Vpc { vpc, .. } = attachment.kind {
                push(&mut parts.attachments, vpc, AttachmentId::from_position(at));
            }
        }
        for (at, table) in network.route_tables.iter().enumerate() {
            push(&mut parts.tables, table.vpc, at);
        }
        for (at, gateway) in network.gateways.iter().enumerate() {
            if let Some(vpc) = gateway.vpc {
                push(&mut parts.gateways, vpc, at);
            }
        }
        for (at, slot) in parts.acls.iter_mut().enumerate() {
            if shared.contains(&at) {
                *slot = None;
            }
        }
        parts
    }
}

fn push<T>(lists: &mut [Vec<T>], vpc: VpcId, item: T) {
    if let Some(list) = lists.get_mut(vpc.at()) {
        list.push(item);
    }
}

fn of<T>(lists: &[Vec<T>], vpc: VpcId) -> &[T] {
    lists.get(vpc.at()).map_or(&[], Vec::as_slice)
}

/// Leaves out VPCs that others stand for. Only VPCs with one IPv4 block, interfaces whose addresses AWS chooses, and no
/// part in peerings, load balancers, endpoints, firewalls or NAT are candidates.
#[must_use]
pub fn compress(network: &Network) -> Compressed {
    let parts = Parts::of(network);
    let special = special(network);
    let mut mentions = Mentions::of(network, &parts);
    let mut classes: BTreeMap<String, Vec<VpcId>> = BTreeMap::new();
    let mut singles = 0;
    let mut kept = vec![1; network.vpcs.len()];
    for at in 0..network.vpcs.len() {
        let id = VpcId::from_position(at);
        match signature(network, &parts, &special, &mut mentions, id) {
            Some(signature) => classes.entry(signature).or_default().push(id),
            None => singles += 1,
        }
    }
    let class_count = classes.len() + singles;
    let mut gone: FxHashSet<VpcId> = FxHashSet::default();
    for members in classes.into_values() {
        for (place, vpc) in members.iter().enumerate() {
            let count = match place {
                0 => members.len() - usize::from(members.len() > 1),
                1 => 1,
                _ => 0,
            };
            if let Some(slot) = kept.get_mut(vpc.at()) {
                *slot = count;
            }
            if place > 1 {
                gone.insert(*vpc);
            }
        }
    }
    let network = if gone.is_empty() { network.clone() } else { without(network, &parts, &gone) };
    Compressed { network, stands_for: kept, classes: class_count }
}

/// VPCs that something joins in ways that are not looked into here.
fn special(network: &Network) -> FxHashSet<VpcId> {
    let vpc_of = |interface: InterfaceId| {
        let subnet = network.interfaces.get(interface.at())?.subnet;
        Some(network.subnets.get(subnet.at())?.vpc)
    };
    let mut out: FxHashSet<VpcId> = FxHashSet::default();
    out.extend(network.peerings.iter().flat_map(|peering| [peering.requester, peering.accepter]).flatten());
    out.extend(network.endpoints.iter().map(|endpoint| endpoint.vpc));
    out.extend(network.firewalls.iter().map(|firewall| firewall.vpc));
    out.extend(network.nats.iter().filter_map(|nat| vpc_of(nat.interface)));
    out.extend(
        network.balancers.iter().flat_map(|balancer| &balancer.nodes).filter_map(|node| vpc_of(*node)),
    );
    out.extend(network.offices.iter().flat_map(|office| &office.enters_by).filter_map(|at| vpc_of(*at)));
    out
}

/// Prefixes that rules name outside the VPC itself, by which VPCs can be told apart, and routes by attachment.
struct Mentions {
    /// Every prefix of any rule or table, once; which of them contain or cut a block is what tells it apart.
    prefixes: Vec<IpNet>,
    known: FxHashMap<IpNet, usize>,
    by_vpc: FxHashMap<VpcId, Vec<String>>,
}

impl Mentions {
    fn of(network: &Network, parts: &Parts) -> Self {
        let blocks: FxHashMap<IpNet, VpcId> = network
            .vpcs
            .iter()
            .enumerate()
            .flat_map(|(at, vpc)| set(&vpc.blocks).0.iter().map(move |net| (*net, VpcId::from_position(at))))
            .collect();
        let mut seen: FxHashSet<IpNet> = FxHashSet::default();
        let mut mentions =
            Self { prefixes: Vec::new(), known: FxHashMap::default(), by_vpc: FxHashMap::default() };
        let mut note = |net: &IpNet, mentions: &mut Self| {
            if seen.insert(*net) {
                mentions.prefixes.push(*net);
            }
        };
        for group in &network.groups {
            for rule in group.ingress.iter().chain(&group.egress) {
                if let Peer::Addresses(addresses) = &rule.peer {
                    for net in &set(addresses).0 {
                        // A rule that names its own VPC's addresses says nothing of others.
                        if !own(network, group.vpc, net) {
                            note(net, &mut mentions);
                        }
                    }
                }
            }
        }
        for (acl, vpc) in network.acls.iter().zip(&parts.acls) {
            for net in acl.ingress.iter().chain(&acl.egress).flat_map(|entry| &set(&entry.addresses).0) {
                if !own(network, *vpc, net) {
                    note(net, &mut mentions);
                }
            }
        }
        for table in &network.route_tables {
            for net in table.routes.iter().flat_map(|route| &set(&route.destination).0) {
                if !own(network, Some(table.vpc), net) {
                    note(net, &mut mentions);
                }
            }
        }
        for policy in network.firewalls.iter().filter_map(|firewall| firewall.policy.as_ref().ok()) {
            let stateful = policy.stateful.iter().flat_map(|rule| [&rule.source, &rule.destination]);
            let stateless = policy.stateless.iter().flat_map(|rule| [&rule.source, &rule.destination]);
            for net in stateful.chain(stateless).flat_map(|addresses| &set(addresses).0) {
                note(net, &mut mentions);
            }
        }
        for (at, table) in network.transit_tables.iter().enumerate() {
            for route in &table.routes {
                for net in &set(&route.destination).0 {
                    // A route to exactly a VPC's block by its own attachment belongs to that VPC.
                    let home = blocks.get(net).filter(|vpc| {
                        route.to.and_then(|to| network.attachments.get(to.at())).is_some_and(|attachment| {
                            matches!(attachment.kind, AttachmentKind::Vpc { vpc: of, .. } if of == **vpc)
                        })
                    });
                    match home {
                        Some(vpc) => mentions
                            .by_vpc
                            .entry(*vpc)
                            .or_default()
                            .push(format!("route {at} {:?} {}", route.exists, route.propagated)),
                        None => note(net, &mut mentions),
                    }
                }
            }
        }
        mentions.prefixes.sort_unstable();
        mentions.known = mentions.prefixes.iter().enumerate().map(|(at, net)| (net.trunc(), at)).collect();
        mentions
    }

    /// What tells a block apart: prefixes that contain it; `None` where one cuts it.
    fn around(&self, block: &IpNet) -> Option<Vec<usize>> {
        let after = self.prefixes.partition_point(|net| net < block);
        let inside =
            self.prefixes.get(after..).unwrap_or(&[]).iter().take_while(|net| block.contains(&net.network()));
        if inside.into_iter().any(|net| net != block && block.contains(net)) {
            return None;
        }
        let mut out = Vec::new();
        let mut net = Some(*block);
        while let Some(at) = net {
            out.extend(self.known.get(&at.trunc()));
            net = at.supernet();
        }
        Some(out)
    }
}

fn own(network: &Network, vpc: Option<VpcId>, net: &IpNet) -> bool {
    let vpc = vpc.and_then(|vpc| network.vpcs.get(vpc.at()));
    vpc.is_some_and(|vpc| set(&vpc.blocks).0.iter().any(|block| block.contains(net)))
}

fn set(addresses: &Addresses) -> &IpSet {
    match addresses {
        Addresses::Known(set) | Addresses::AtLeast(set, _) => set,
    }
}

/// Everything about a VPC but its names and where its block lies; `None`: it is alone of its kind.
fn signature(
    network: &Network,
    parts: &Parts,
    special: &FxHashSet<VpcId>,
    mentions: &mut Mentions,
    id: VpcId,
) -> Option<String> {
    let vpc = network.vpcs.get(id.at())?;
    let [block] = set(&vpc.blocks).0.as_slice() else { return None };
    if special.contains(&id) || matches!(vpc.blocks, Addresses::AtLeast(..)) {
        return None;
    }
    let around = mentions.around(block)?;
    let mut out = String::new();
    let _ = write!(out, "{} {} {around:?}", vpc.environment, vpc.unit);
    // Where these are empty, people group by account instead.
    if vpc.environment.is_empty() || vpc.unit.is_empty() {
        let _ = write!(out, " {} {}", vpc.name.account, vpc.name.label);
    }
    let mut routes = mentions.by_vpc.remove(&id).unwrap_or_default();
    routes.sort_unstable();
    let _ = write!(out, "{routes:?}");
    let groups = of(&parts.groups, id);
    let subnets = of(&parts.subnets, id);
    let attachments = of(&parts.attachments, id);
    let tables = of(&parts.tables, id);
    let gateways = of(&parts.gateways, id);
    let relative = |net: &IpNet| -> String {
        match (net, block) {
            (IpNet::V4(net), IpNet::V4(block)) if block.contains(net) => {
                format!("+{}/{}", u32::from(net.network()) - u32::from(block.network()), net.prefix_len())
            }
            _ => net.to_string(),
        }
    };
    let addresses = |addresses: &Addresses| -> String {
        let unknown = match addresses {
            Addresses::AtLeast(_, unknown) => format!("?{}", unknown.0),
            Addresses::Known(_) => String::new(),
        };
        set(addresses).0.iter().map(&relative).collect::<Vec<_>>().join(",") + &unknown
    };
    let group_at = |group: GroupId| groups.iter().position(|known| *known == group);
    for group in groups.iter().filter_map(|group| network.groups.get(group.at())) {
        let _ = write!(out, "|group {:?}", group.unknown);
        for (side, rules) in [("in", &group.ingress), ("out", &group.egress)] {
            for rule in rules {
                let peer = match &rule.peer {
                    Peer::Addresses(list) => addresses(list),
                    Peer::Group(group) => format!("#{}", group_at(*group)?),
                };
                let _ = write!(out, ";{side} {peer} {:?} {:?}", rule.services, rule.exists);
            }
        }
    }
    for &at in tables {
        let table = network.route_tables.get(at)?;
        let _ = write!(out, "|table");
        for route in &table.routes {
            let target = match route.target {
                RouteTarget::Local | RouteTarget::Blackhole => format!("{:?}", route.target),
                RouteTarget::Transit(attachment) => {
                    format!("transit {}", attachments.iter().position(|known| *known == attachment)?)
                }
                RouteTarget::Gateway(gateway) => {
                    format!("gateway {}", gateways.iter().position(|known| *known == gateway.at())?)
                }
                _ => return None,
            };
            let _ = write!(
                out,
                ";{} {target} {} {:?}",
                addresses(&route.destination),
                route.propagated,
                route.exists
            );
        }
    }
    for &at in gateways {
        let gateway = network.gateways.get(at)?;
        if gateway.table.is_some() || !gateway.offices.is_empty() {
            return None;
        }
        let _ = write!(out, "|gateway {:?}", gateway.kind);
    }
    for subnet in subnets.iter().filter_map(|subnet| network.subnets.get(subnet.at())) {
        let table = match subnet.table {
            Some(table) => Some(tables.iter().position(|known| *known == table.at())?),
            None => None,
        };
        let _ =
            write!(out, "|subnet {} {} {} {table:?}", addresses(&subnet.blocks), subnet.zone, subnet.tier);
        let Some(id) = subnet.acl else { continue };
        let acl = network.acls.get(id.at())?;
        if parts.acls.get(id.at()).copied().flatten().is_none() {
            let _ = write!(out, " shared {id:?}");
            continue;
        }
        let _ = write!(out, " acl {:?}", acl.unknown);
        for (side, entries) in [("in", &acl.ingress), ("out", &acl.egress)] {
            for entry in entries {
                let (allows, exists) = (entry.allows, entry.exists);
                let _ = write!(
                    out,
                    ";{side} {} {:?} {allows:?} {exists:?}",
                    addresses(&entry.addresses),
                    entry.services
                );
            }
        }
    }
    for attachment in attachments.iter().filter_map(|at| network.attachments.get(at.at())) {
        let AttachmentKind::Vpc { interfaces, appliance_mode, .. } = &attachment.kind else { return None };
        let _ = write!(
            out,
            "|attachment {:?} {:?} {:?} {} {appliance_mode:?}",
            attachment.gateway,
            attachment.table,
            attachment.active,
            interfaces.len()
        );
    }
    let here = of(&parts.interfaces, id);
    for interface in here.iter().filter_map(|at| network.interfaces.get(at.at())) {
        let role = match interface.role {
            Role::Host => "host".to_owned(),
            Role::Transit(attachment) => {
                format!("transit {}", attachments.iter().position(|known| *known == attachment)?)
            }
            _ => return None,
        };
        if interface.addresses.iter().any(|address| matches!(address, crate::model::Address::Known(_))) {
            return None;
        }
        if interface.public.iter().any(|public| public.public.is_some()) {
            return None;
        }
        let (list, unknown) = match &interface.groups {
            Groups::Known(list) => (list, None),
            Groups::AndUnknown(list, unknown) => (list, Some(unknown)),
        };
        let positions: Option<Vec<usize>> = list.iter().map(|group| group_at(*group)).collect();
        let subnet = subnets.iter().position(|known| *known == interface.subnet)?;
        let host = network.hosts.get(interface.host.at())?;
        let _ = write!(
            out,
            "|interface {role} {subnet} {:?} {unknown:?} {:?} {:?} {:?} {:?} {} {} {:?} {} {:?}",
            positions?,
            interface.addresses,
            interface.public,
            interface.source_dest_check,
            interface.exists,
            host.environment,
            host.application,
            host.placement,
            host.forwards,
            host.holds
        );
    }
    Some(out)
}

/// The network without what belongs to VPCs that are gone. Parts that others may name stay in place and lose what they
/// hold; subnets, interfaces and VPCs that nothing names any more stay as empty shells.
fn without(network: &Network, parts: &Parts, gone: &FxHashSet<VpcId>) -> Network {
    let stays = |vpc: VpcId| !gone.contains(&vpc);
    let mut small = network.clone();
    // Arenas keep their positions: whoever refers to a position finds the same thing. What is gone is left out of the
    // lists that engines walk: interfaces take no part without addresses.
    for interface in &mut small.interfaces {
        let vpc = network.subnets.get(interface.subnet.at()).map(|subnet| subnet.vpc);
        if !vpc.is_some_and(stays) {
            interface.addresses = Vec::new();
            interface.public = Vec::new();
            interface.groups = Groups::Known(Vec::new());
            interface.exists = crate::model::Certainty::No;
        }
    }
    for (at, vpc) in small.vpcs.iter_mut().enumerate() {
        if !stays(VpcId::from_position(at)) {
            vpc.blocks = Addresses::Known(IpSet::default());
        }
    }
    for subnet in small.subnets.iter_mut().filter(|subnet| !stays(subnet.vpc)) {
        subnet.blocks = Addresses::Known(IpSet::default());
        subnet.table = None;
        subnet.acl = None;
    }
    for group in small.groups.iter_mut().filter(|group| group.vpc.is_some_and(|vpc| !stays(vpc))) {
        group.ingress = Vec::new();
        group.egress = Vec::new();
    }
    for table in small.route_tables.iter_mut().filter(|table| !stays(table.vpc)) {
        table.routes = Vec::new();
    }
    for gateway in small.gateways.iter_mut().filter(|gateway| gateway.vpc.is_some_and(|vpc| !stays(vpc))) {
        gateway.vpc = None;
    }
    let lost: BTreeSet<AttachmentId> =
        gone.iter().flat_map(|vpc| of(&parts.attachments, *vpc)).copied().collect();
    for table in &mut small.transit_tables {
        table.routes.retain(|route| route.to.is_none_or(|to| !lost.contains(&to)));
    }
    for attachment in &lost {
        if let Some(attachment) = small.attachments.get_mut(attachment.at()) {
            attachment.active = crate::model::Certainty::No;
            attachment.kind = AttachmentKind::Peering(None);
        }
    }
    small
}
