//! Approved flows as each environment sees them, in addresses and ports.
//!
//! In: the flows of a blueprint and the block of every network. Out: for each environment the ways out of it and
//! into it. Always: every address of a way is that of a tier, so one line stands for all zones and copies: what
//! leaves a network stands in its outbound tier, what is reached stands in its gateway or its data tier.

use std::collections::BTreeSet;

use blueprint::cidr::Cidr;
use blueprint::model::{Blueprint, Destination, Environment, Flow, Source};
use diagnostics::Span;
use estate::SmolStr;

use crate::addresses;

/// The ways of an environment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ways {
    /// For each workload whether it begins connections that leave the network.
    pub leaves: Vec<bool>,
    /// Domains on the internet that are called from here, sorted, each once.
    pub domains: BTreeSet<blueprint::DomainPattern>,
    /// Host names of what is called in other networks, each once.
    pub hosts: BTreeSet<SmolStr>,
    /// Ways out to other networks.
    pub out: Vec<Out>,
    /// Ways in from other networks.
    pub into: Vec<Into>,
}

/// A way from a workload to another network.
#[derive(Debug, Clone)]
pub(crate) struct Out {
    /// The position of the workload.
    pub workload: usize,
    /// Where to.
    pub to: Cidr,
    /// The port.
    pub port: u16,
    /// The flow.
    pub span: Span,
}

/// A way from another network.
#[derive(Debug, Clone)]
pub(crate) struct Into {
    /// What is reached.
    pub part: Part,
    /// Where from.
    pub from: Cidr,
    /// The port.
    pub port: u16,
    /// The flow.
    pub span: Span,
}

/// What a way in reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The workload at a position, through its load balancer in the gateway tier.
    Workload(usize),
    /// The database at a position.
    Store(usize),
}

/// The ways of every environment, and whether it is joined to the hub at all. The blocks stand in the order of the
/// environments.
pub(crate) fn of(blueprint: &Blueprint, blocks: &[Cidr]) -> Vec<Ways> {
    let allow = blueprint.network.hub.iter().flat_map(|hub| &hub.allow);
    let allow: BTreeSet<_> = allow.map(|domain| domain.value.clone()).collect();
    let begin = |environment: &Environment| Ways {
        leaves: vec![!allow.is_empty(); environment.workloads.len()],
        domains: if environment.workloads.is_empty() { BTreeSet::new() } else { allow.clone() },
        ..Ways::default()
    };
    let mut all: Vec<Ways> = blueprint.environments.iter().map(begin).collect();
    for flow in &blueprint.flows {
        add(blueprint, blocks, flow, &mut all);
    }
    all
}

fn add(blueprint: &Blueprint, blocks: &[Cidr], flow: &Flow, all: &mut [Ways]) {
    let office = |id: &blueprint::model::OfficeId| {
        let office = blueprint.network.offices.get(id.0);
        office.map_or_else(Vec::new, |office| office.networks.iter().map(|range| range.value).collect())
    };
    let block = |environment: usize, of: fn(Cidr) -> Option<Cidr>| {
        blocks.get(environment).and_then(|block| of(*block)).into_iter().collect::<Vec<Cidr>>()
    };
    let from = match &flow.from {
        Source::Workload(environment, _) => block(environment.0, addresses::outbound_block),
        Source::Office(id) => office(id),
    };
    let to = match &flow.to {
        Destination::Workload(environment, _) => block(environment.0, addresses::gateway_block),
        Destination::Store(environment, _) => block(environment.0, addresses::data_block),
        Destination::Office(id) => office(id),
        Destination::Internet(_) => Vec::new(),
    };
    if let Source::Workload(environment, workload) = flow.from
        && let Some(ways) = all.get_mut(environment.0)
    {
        if let Some(leaves) = ways.leaves.get_mut(workload.0) {
            *leaves = true;
        }
        if let Destination::Internet(domains) = &flow.to {
            ways.domains.extend(domains.iter().map(|domain| domain.value.clone()));
        }
        if let Destination::Workload(environment, workload) = &flow.to {
            let reached = blueprint.environment(*environment).and_then(|one| one.workload(*workload));
            let host = reached.and_then(|workload| workload.host.as_ref());
            ways.hosts.extend(host.map(|host| SmolStr::new(host.as_str())));
        }
        for (to, port) in to.iter().flat_map(|to| flow.ports.iter().map(move |port| (*to, *port))) {
            ways.out.push(Out { workload: workload.0, to, port, span: flow.span });
        }
    }
    let (environment, part) = match &flow.to {
        Destination::Workload(environment, workload) => (environment.0, Part::Workload(workload.0)),
        Destination::Store(environment, store) => (environment.0, Part::Store(store.0)),
        Destination::Office(_) | Destination::Internet(_) => return,
    };
    let Some(ways) = all.get_mut(environment) else { return };
    for (from, port) in from.iter().flat_map(|from| flow.ports.iter().map(move |port| (*from, *port))) {
        // Workloads of one environment share a tier: to the network they are one.
        let known = ways.into.iter().any(|way| (way.part, way.from, way.port) == (part, from, port));
        if !known {
            ways.into.push(Into { part, from, port, span: flow.span });
        }
    }
}

impl Ways {
    /// Whether a workload leaves the network.
    pub(crate) fn leaves(&self, workload: usize) -> bool {
        self.leaves.get(workload) == Some(&true)
    }

    /// Whether there is a way to the internet.
    pub(crate) fn to_internet(&self) -> bool {
        !self.domains.is_empty()
    }

    /// Whether there is any way at all.
    pub(crate) fn any(&self) -> bool {
        self.to_internet() || !self.out.is_empty() || !self.into.is_empty()
    }

    /// Other networks with which packets are exchanged, each once, in order.
    pub(crate) fn peers(&self) -> BTreeSet<Cidr> {
        self.out.iter().map(|way| way.to).chain(self.into.iter().map(|way| way.from)).collect()
    }
}
