//! Which VPC each part of a network belongs to.
//!
//! In: a [`Network`]. Out: for every part its VPC, where it has exactly one, and its place among the parts of that VPC. Always:
//! a part whose VPC is not one has no home; it is everybody's. What stands elsewhere and serves one VPC alone is that
//! VPC's: a load balancer in a hub whose targets are all in one spoke, with its groups, and a transit gateway's table that
//! one attachment alone uses.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::prefixes::{block, known};
use crate::model::{
    AttachmentKind, Balancer, EndpointKind, Groups, InterfaceId, Network, TargetPlace, VpcId,
};

/// Kinds of parts that may belong to a VPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Subnet,
    Interface,
    Host,
    Group,
    Acl,
    Table,
    Gateway,
    Nat,
    Attachment,
    Endpoint,
    Balancer,
    Edge,
    TransitTable,
}

const KINDS: usize = 13;

/// Where the parts of one kind belong.
#[derive(Debug, Clone, Default)]
struct Parts {
    home: Vec<Option<VpcId>>,
    /// Place among the parts of the same VPC.
    local: Vec<usize>,
    /// Parts by VPC, in the network's order.
    of: Vec<Vec<usize>>,
}

impl Parts {
    fn new(vpcs: usize, homes: impl Iterator<Item = Option<VpcId>>) -> Self {
        let mut parts = Self { home: homes.collect(), local: Vec::new(), of: vec![Vec::new(); vpcs] };
        for (at, home) in parts.home.iter_mut().enumerate() {
            let list = home.and_then(|vpc| parts.of.get_mut(vpc.at()));
            if list.is_none() {
                *home = None;
            }
            parts.local.push(list.as_ref().map_or(0, |list| list.len()));
            if let Some(list) = list {
                list.push(at);
            }
        }
        parts
    }
}

/// Where everything belongs.
#[derive(Debug, Clone)]
pub struct Homes {
    parts: [Parts; KINDS],
    /// VPCs that a part without a home joins: hosts in several, load balancers across two.
    pub(super) joined: Vec<VpcId>,
}

/// The one VPC among some, where there is exactly one.
#[derive(Debug, Clone, Default)]
struct One {
    vpc: Option<VpcId>,
    others: Vec<VpcId>,
}

impl One {
    fn add(&mut self, vpc: Option<VpcId>) {
        match (self.vpc, vpc) {
            (_, None) => {}
            (None, Some(_)) => self.vpc = vpc,
            (Some(known), Some(new)) if known != new => self.others.push(new),
            _ => {}
        }
    }

    fn add_all(mut self, vpcs: impl IntoIterator<Item = Option<VpcId>>) -> Self {
        vpcs.into_iter().for_each(|vpc| self.add(vpc));
        self
    }

    fn home(self, joined: &mut Vec<VpcId>) -> Option<VpcId> {
        if self.others.is_empty() {
            return self.vpc;
        }
        joined.extend(self.vpc);
        joined.extend(self.others);
        None
    }
}

impl Homes {
    /// Finds where everything belongs.
    #[must_use]
    pub fn of(network: &Network) -> Self {
        let n = network.vpcs.len();
        let mut joined = Vec::new();
        let subnets = Parts::new(n, network.subnets.iter().map(|subnet| Some(subnet.vpc)));
        let subnet = |at: usize| subnets.home.get(at).copied().flatten();
        let stands = network.interfaces.iter().map(|interface| subnet(interface.subnet.at()));
        let mut stands: Vec<Option<VpcId>> = stands.collect();
        let blocks = Blocks::of(network);
        for balancer in &network.balancers {
            let nodes = balancer.nodes.iter().map(|at| stands.get(at.at()).copied().flatten());
            let here = One::default().add_all(nodes).home(&mut Vec::new());
            let Some(served) = blocks.served_by(balancer).filter(|vpc| Some(*vpc) != here) else { continue };
            for node in balancer.nodes.iter().filter(|_| here.is_some()) {
                if let Some(slot) = stands.get_mut(node.at()) {
                    *slot = Some(served);
                }
            }
        }
        let interfaces = Parts::new(n, stands.into_iter());
        let interface = |at: usize| interfaces.home.get(at).copied().flatten();
        let mut hosts = vec![One::default(); network.hosts.len()];
        for (at, one) in network.interfaces.iter().enumerate() {
            if let Some(host) = hosts.get_mut(one.host.at()) {
                host.add(interface(at));
            }
        }
        let hosts = Parts::new(n, hosts.into_iter().map(|host| host.home(&mut joined)));
        // A group that only interfaces of one VPC have is that VPC's, wherever it is registered.
        let mut users = vec![One::default(); network.groups.len()];
        for (at, one) in network.interfaces.iter().enumerate() {
            let (Groups::Known(list) | Groups::AndUnknown(list, _)) = &one.groups;
            for group in list {
                if let Some(users) = users.get_mut(group.at()) {
                    users.add(interface(at));
                }
            }
        }
        let groups = network.groups.iter().zip(users).map(|(group, users)| {
            let used = users.vpc.is_some() && users.others.is_empty();
            if used && group.vpc.is_some() { users.vpc } else { group.vpc }
        });
        let groups = Parts::new(n, groups);
        let mut acls = vec![One::default(); network.acls.len()];
        for subnet in &network.subnets {
            if let Some(acl) = subnet.acl.and_then(|acl| acls.get_mut(acl.at())) {
                acl.add(Some(subnet.vpc));
            }
        }
        // An ACL of subnets in several VPCs is everybody's; it joins nobody.
        let acls = Parts::new(n, acls.into_iter().map(|acl| acl.home(&mut Vec::new())));
        let tables = Parts::new(n, network.route_tables.iter().map(|table| Some(table.vpc)));
        let gateways = Parts::new(n, network.gateways.iter().map(|gateway| gateway.vpc));
        let nats = Parts::new(n, network.nats.iter().map(|nat| interface(nat.interface.at())));
        let attachments = network.attachments.iter().map(|attachment| match attachment.kind {
            AttachmentKind::Vpc { vpc, .. } => Some(vpc),
            _ => None,
        });
        let attachments = Parts::new(n, attachments);
        let endpoints = network.endpoints.iter().map(|endpoint| match &endpoint.kind {
            EndpointKind::Gateway => Some(endpoint.vpc),
            EndpointKind::Interface { interfaces, .. } => One::default()
                .add_all(interfaces.iter().map(|at| interface(at.at())).chain([Some(endpoint.vpc)]))
                .home(&mut joined),
            EndpointKind::GatewayLoadBalancer { interface: at, .. } => {
                One::default().add_all([interface(at.at()), Some(endpoint.vpc)]).home(&mut joined)
            }
        });
        let endpoints: Vec<_> = endpoints.collect();
        let endpoints = Parts::new(n, endpoints.into_iter());
        let balancers = network.balancers.iter().map(|balancer| {
            One::default().add_all(balancer.nodes.iter().map(|at| interface(at.at()))).home(&mut joined)
        });
        let balancers: Vec<_> = balancers.collect();
        let balancers = Parts::new(n, balancers.into_iter());
        let edges = network.edges.iter().map(|edge| {
            let balancers =
                edge.balancers.iter().map(|(at, _)| balancers.home.get(at.at()).copied().flatten());
            let groups = edge.groups.iter().map(|at| groups.home.get(at.at()).copied().flatten());
            One::default().add_all(balancers.chain(groups)).home(&mut joined)
        });
        let edges: Vec<_> = edges.collect();
        let edges = Parts::new(n, edges.into_iter());
        let mut tables_of = vec![(0, None); network.transit_tables.len()];
        for (at, attachment) in network.attachments.iter().enumerate() {
            if let Some((count, home)) = attachment.table.and_then(|table| tables_of.get_mut(table.at())) {
                *count += 1;
                *home = attachments.home.get(at).copied().flatten();
            }
        }
        let transit = tables_of.into_iter().map(|(count, home)| home.filter(|_| count == 1));
        let transit = Parts::new(n, transit);
        let parts = [
            subnets,
            interfaces,
            hosts,
            groups,
            acls,
            tables,
            gateways,
            nats,
            attachments,
            endpoints,
            balancers,
            edges,
            transit,
        ];
        Self { parts, joined }
    }

    fn parts(&self, kind: Kind) -> Option<&Parts> {
        self.parts.get(kind as usize)
    }

    /// The VPC that an interface belongs to: not the one that it stands in, where it serves another alone.
    #[must_use]
    pub fn of_interface(&self, interface: InterfaceId) -> Option<VpcId> {
        self.home(Kind::Interface, interface.at())
    }

    /// The VPC of a part.
    pub(super) fn home(&self, kind: Kind, at: usize) -> Option<VpcId> {
        self.parts(kind)?.home.get(at).copied().flatten()
    }

    /// A part's place among those of its VPC.
    pub(super) fn local(&self, kind: Kind, at: usize) -> usize {
        self.parts(kind).and_then(|parts| parts.local.get(at)).copied().unwrap_or_default()
    }

    /// The parts of a VPC, in the network's order.
    pub(super) fn of_vpc(&self, kind: Kind, vpc: VpcId) -> &[usize] {
        self.parts(kind).and_then(|parts| parts.of.get(vpc.at())).map_or(&[], Vec::as_slice)
    }
}

/// The blocks of VPCs that overlap no other.
struct Blocks(BTreeMap<IpNet, Option<VpcId>>);

impl Blocks {
    fn of(network: &Network) -> Self {
        let mut blocks: BTreeMap<IpNet, Option<VpcId>> = BTreeMap::new();
        for (at, vpc) in network.vpcs.iter().enumerate() {
            for net in &known(&vpc.blocks).0 {
                let alone = block(network, VpcId::from_position(at)).map(|_| VpcId::from_position(at));
                blocks.entry(net.trunc()).and_modify(|known| *known = None).or_insert(alone);
            }
        }
        Self(blocks)
    }

    /// The VPC that has all of a prefix.
    fn vpc(&self, net: IpNet) -> Option<VpcId> {
        let mut found: Vec<&Option<VpcId>> = Vec::new();
        let mut at = Some(net.trunc());
        while let Some(net) = at {
            found.extend(self.0.get(&net));
            at = net.supernet().map(|net| net.trunc());
        }
        // Of blocks within each other nobody can say whose an address is.
        match found.as_slice() {
            [one] => **one,
            _ => None,
        }
    }

    /// The one VPC that all targets of a load balancer are addresses of.
    fn served_by(&self, balancer: &Balancer) -> Option<VpcId> {
        let forwards = balancer.listeners.iter().flat_map(|listener| &listener.forwards);
        let mut one: Option<VpcId> = None;
        for target in forwards.flat_map(|forward| &forward.group.targets) {
            let nets: Vec<IpNet> = match &target.place {
                TargetPlace::Address(address) => vec![IpNet::from(*address)],
                TargetPlace::Within(crate::model::Addresses::Known(set)) => set.0.clone(),
                _ => return None,
            };
            for net in nets {
                let vpc = self.vpc(net)?;
                if *one.get_or_insert(vpc) != vpc {
                    return None;
                }
            }
        }
        one
    }
}
