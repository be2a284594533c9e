//! A network without some of its VPCs.
//!
//! In: a [`Network`] and the VPCs that go. Out: the rest. Always: parts keep their positions, so that whoever refers to a
//! position finds the same thing; what is gone is empty, exists certainly not, and nobody names it any more.

use ipnet::IpNet;
use rustc_hash::FxHashSet;

use super::Pins;
use super::homes::{Homes, Kind};
use super::prefixes::{block, home_route};
use crate::model::{Addresses, AttachmentKind, Certainty, EndpointKind, Groups, IpSet, Network, Peer, VpcId};

pub(super) fn without(network: &Network, homes: &Homes, gone: &Pins) -> Network {
    let lost = |kind: Kind, at: usize| homes.home(kind, at).is_some_and(|vpc| gone.has(vpc));
    let mut small = network.clone();
    for (_, vpc) in small.vpcs.iter_mut().enumerate().filter(|(at, _)| gone.has(VpcId::from_position(*at))) {
        vpc.blocks = Addresses::Known(IpSet::default());
    }
    for (_, subnet) in small.subnets.iter_mut().enumerate().filter(|(at, _)| lost(Kind::Subnet, *at)) {
        subnet.blocks = Addresses::Known(IpSet::default());
        subnet.table = None;
        subnet.acl = None;
    }
    for (_, interface) in small.interfaces.iter_mut().enumerate().filter(|(at, _)| lost(Kind::Interface, *at))
    {
        interface.addresses = Vec::new();
        interface.public = Vec::new();
        interface.groups = Groups::Known(Vec::new());
        interface.exists = Certainty::No;
    }
    for (_, group) in small.groups.iter_mut().enumerate().filter(|(at, _)| lost(Kind::Group, *at)) {
        group.ingress = Vec::new();
        group.egress = Vec::new();
        group.unknown = None;
    }
    for (_, acl) in small.acls.iter_mut().enumerate().filter(|(at, _)| lost(Kind::Acl, *at)) {
        acl.ingress = Vec::new();
        acl.egress = Vec::new();
        acl.unknown = None;
    }
    for (_, table) in small.route_tables.iter_mut().enumerate().filter(|(at, _)| lost(Kind::Table, *at)) {
        table.routes = Vec::new();
    }
    for (_, gateway) in small.gateways.iter_mut().enumerate().filter(|(at, _)| lost(Kind::Gateway, *at)) {
        gateway.vpc = None;
        gateway.table = None;
    }
    for (_, endpoint) in small.endpoints.iter_mut().enumerate().filter(|(at, _)| lost(Kind::Endpoint, *at)) {
        endpoint.kind = EndpointKind::Interface { interfaces: Vec::new(), service: None };
    }
    for (_, balancer) in small.balancers.iter_mut().enumerate().filter(|(at, _)| lost(Kind::Balancer, *at)) {
        balancer.nodes = Vec::new();
        balancer.listeners = Vec::new();
        balancer.internet_facing = Certainty::No;
    }
    for (_, edge) in small.edges.iter_mut().enumerate().filter(|(at, _)| lost(Kind::Edge, *at)) {
        edge.balancers = Vec::new();
        edge.groups = Vec::new();
        edge.open = Certainty::No;
    }
    for (at, table) in network.transit_tables.iter().enumerate() {
        if let Some(small) = small.transit_tables.get_mut(at) {
            let routes = table
                .routes
                .iter()
                .filter(|route| home_route(network, route).is_none_or(|vpc| !gone.has(vpc)));
            small.routes = if lost(Kind::TransitTable, at) { Vec::new() } else { routes.cloned().collect() };
        }
    }
    for (_, attachment) in
        small.attachments.iter_mut().enumerate().filter(|(at, _)| lost(Kind::Attachment, *at))
    {
        attachment.active = Certainty::No;
        attachment.kind = AttachmentKind::Peering(None);
        attachment.table = None;
    }
    let blocks = (0..network.vpcs.len()).map(VpcId::from_position).filter(|vpc| gone.has(*vpc));
    let blocks: FxHashSet<IpNet> = blocks.filter_map(|vpc| block(network, vpc)).collect();
    forget(&mut small, &blocks, network, gone);
    small
}

/// Takes the blocks of those that are gone out of all that names them; what named nobody else goes too.
fn forget(small: &mut Network, blocks: &FxHashSet<IpNet>, network: &Network, gone: &Pins) {
    let own = (0..network.vpcs.len()).map(VpcId::from_position).filter(|vpc| !gone.has(*vpc));
    // A block that somebody who stays has too is still somebody's.
    let kept: FxHashSet<IpNet> = own.filter_map(|vpc| block(network, vpc)).collect();
    let forgotten = |net: &IpNet| blocks.contains(&net.trunc()) && !kept.contains(&net.trunc());
    // Whether anything is left of what was there.
    let shrink = |addresses: &mut Addresses| match addresses {
        Addresses::Known(set) => {
            let before = set.0.len();
            set.0.retain(|net| !forgotten(net));
            before == 0 || !set.0.is_empty()
        }
        Addresses::AtLeast(set, _) => {
            set.0.retain(|net| !forgotten(net));
            true
        }
    };
    for group in &mut small.groups {
        for rules in [&mut group.ingress, &mut group.egress] {
            rules.retain_mut(|rule| match &mut rule.peer {
                Peer::Addresses(addresses) => shrink(addresses),
                Peer::Group(_) => true,
            });
        }
    }
    for acl in &mut small.acls {
        for entries in [&mut acl.ingress, &mut acl.egress] {
            entries.retain_mut(|entry| shrink(&mut entry.addresses));
        }
    }
    for table in &mut small.route_tables {
        table.routes.retain_mut(|route| shrink(&mut route.destination));
    }
    for table in &mut small.transit_tables {
        table.routes.retain_mut(|route| shrink(&mut route.destination));
    }
    for policy in small.firewalls.iter_mut().filter_map(|firewall| firewall.policy.as_mut().ok()) {
        // An empty list would mean another thing in some places: rules keep one block at least.
        for addresses in policy.stateful.iter_mut().flat_map(|rule| [&mut rule.source, &mut rule.destination])
        {
            let before = addresses.clone();
            if !shrink(addresses) {
                *addresses = before;
            }
        }
        for addresses in
            policy.stateless.iter_mut().flat_map(|rule| [&mut rule.source, &mut rule.destination])
        {
            let before = addresses.clone();
            if !shrink(addresses) {
                *addresses = before;
            }
        }
    }
}
