//! What load balancers send on.
//!
//! In: packets that a node or an endpoint has received. Out: the packets that nodes send to targets. Always: to targets that
//! are in service, or to all where none is; from the node's own address unless the group keeps the client's; to other
//! zones only where cross-zone balancing may be on.
//!
//! Source: Elastic Load Balancing User Guide, "How Elastic Load Balancing works"; Network Load Balancers, "Target group
//! attributes", "Target group health".

use super::Engine;
use super::atoms::{AtomSet, OwnerId};
use super::bdd::Set;
use super::packets::{DESTINATION, PORT, SOURCE, SOURCE_PORT};
use super::spread::Mode;
use super::wiring::Zone;
use crate::model::{
    Balancer, BalancerId, BalancerKind, Certainty, EndpointKind, Forward, Health, InterfaceId, PortRange,
    Role, Target, TargetPlace, UnknownId,
};
use ipnet::IpNet;

/// What a node sends because of what it received.
pub(super) struct SentOn {
    /// The node.
    pub node: OwnerId,
    /// The packets.
    pub set: Set,
    /// Whether the client's address is their source.
    pub preserved: bool,
    /// Whether the node's groups are asked.
    pub asks_groups: bool,
    /// What it depends on.
    pub doubt: Option<UnknownId>,
}

impl Engine<'_> {
    /// What is sent on because an owner received packets.
    pub(super) fn sent_on(&mut self, owner: OwnerId, received: Set, mode: Mode) -> Vec<SentOn> {
        let mut out = Vec::new();
        match self.role(owner) {
            Some(Role::Balancer(balancer)) => self.node_sends(balancer, owner, received, mode, &mut out),
            Some(Role::Endpoint(endpoint)) => {
                let kind = self.network.endpoints.get(endpoint.at()).map(|endpoint| &endpoint.kind);
                if let Some(EndpointKind::Interface { service: Some(balancer), .. }) = kind {
                    let balancer = *balancer;
                    let nodes = self.network.balancers.get(balancer.at()).map(|b| b.nodes.clone());
                    for node in nodes.unwrap_or_default() {
                        let node = self.space.atoms.owner_of(node);
                        // The service sees the node's address, never the client's.
                        let before = out.len();
                        self.node_sends(balancer, node, received, mode, &mut out);
                        let own = self.space.atoms.own(node);
                        for sent in out.iter_mut().skip(before) {
                            sent.set = renamed(self, sent.set, &own);
                            sent.preserved = false;
                        }
                    }
                }
            }
            _ => {}
        }
        out
    }

    fn node_sends(
        &mut self,
        id: BalancerId,
        node: OwnerId,
        received: Set,
        mode: Mode,
        out: &mut Vec<SentOn>,
    ) {
        let network = self.network;
        let Some(balancer) = network.balancers.get(id.at()) else { return };
        // A gateway load balancer's packets are followed at its endpoints.
        if balancer.kind == BalancerKind::Gateway {
            return;
        }
        for listener in &balancer.listeners {
            let protocol = self.space.protocol(listener.protocol);
            let ports = self.space.ports(PORT, &[listener.ports]);
            let asked = self.space.store.and(protocol, ports);
            let heard = self.space.store.and(received, asked);
            if heard.is_empty() {
                continue;
            }
            for forward in &listener.forwards {
                if forward.exists == Certainty::No
                    || (mode == Mode::Must && (forward.sometimes || forward.exists != Certainty::Yes))
                {
                    continue;
                }
                self.forwarded(balancer, node, forward, (listener.protocol, heard), mode, out);
            }
        }
    }

    fn forwarded(
        &mut self,
        balancer: &Balancer,
        node: OwnerId,
        forward: &Forward,
        heard: (u8, Set),
        mode: Mode,
        out: &mut Vec<SentOn>,
    ) {
        let healthy = forward.group.targets.iter().any(|target| target.health == Health::Healthy);
        let keeps = forward.group.preserves_client;
        for target in &forward.group.targets {
            let used = match target.health {
                Health::Healthy => true,
                Health::Unhealthy => !healthy,
                Health::Unused => false,
            };
            if !used || !self.crosses(balancer, node, forward, target, mode) {
                continue;
            }
            let Some(to) = self.target_atoms(target, mode) else { continue };
            let doubt =
                super::filters::certainty_doubt(keeps).or(super::filters::certainty_doubt(forward.exists));
            for preserved in [false, true] {
                let fits = match (keeps, mode) {
                    (Certainty::Maybe(_), Mode::May) => true,
                    (Certainty::Maybe(_), Mode::Must) => false,
                    (Certainty::Yes, _) => preserved,
                    (Certainty::No, _) => !preserved,
                };
                if fits {
                    let set = self.addressed(node, heard, &to, target.port, preserved);
                    let asks_groups = balancer.groups_enforced != Certainty::No || mode == Mode::Must;
                    let asks_groups = asks_groups
                        && !(mode == Mode::May && matches!(balancer.groups_enforced, Certainty::Maybe(_)));
                    out.push(SentOn { node, set, preserved, asks_groups, doubt });
                }
            }
        }
    }

    /// What was heard, addressed to targets.
    fn addressed(
        &mut self,
        node: OwnerId,
        (protocol, heard): (u8, Set),
        to: &AtomSet,
        port: u16,
        preserved: bool,
    ) -> Set {
        let space = &mut self.space;
        let heard = space.store.without(heard, DESTINATION);
        let heard = space.store.without(heard, PORT);
        let to = space.among(DESTINATION, to);
        let port = space.ports(PORT, &[PortRange { first: port, last: port }]);
        let what = space.store.and(to, port);
        let of = space.protocol(protocol);
        let what = space.store.and(what, of);
        if preserved {
            return space.store.and(heard, what);
        }
        let own = space.atoms.own(node);
        let from = space.among(SOURCE, &own);
        let high = space.store.values(SOURCE_PORT, &[(1024, 65_535)]);
        let what = space.store.and(what, from);
        space.store.and(what, high)
    }

    fn crosses(
        &self,
        balancer: &Balancer,
        node: OwnerId,
        forward: &Forward,
        target: &Target,
        mode: Mode,
    ) -> bool {
        let crossing = forward.group.cross_zone.unwrap_or(balancer.cross_zone);
        let free = match mode {
            Mode::May => crossing != Certainty::No,
            Mode::Must => crossing == Certainty::Yes,
        };
        let zone = |interface: Option<InterfaceId>| {
            interface.map_or(Zone::ANY, |interface| self.wiring.zone_of(self.network, interface))
        };
        let TargetPlace::Interface(interface) = target.place else { return true };
        let (here, there) = (zone(self.space.atoms.interface(node)), zone(Some(interface)));
        match mode {
            Mode::May => free || here == there || here == Zone::ANY || there == Zone::ANY,
            Mode::Must => free || (here == there && here != Zone::ANY),
        }
    }

    fn target_atoms(&self, target: &Target, mode: Mode) -> Option<AtomSet> {
        match &target.place {
            TargetPlace::Interface(interface) => {
                Some(self.space.atoms.own(self.space.atoms.owner_of(*interface)))
            }
            TargetPlace::Address(address) => {
                let inside = self.space.atoms.inside(IpNet::from(*address));
                Some(if mode == Mode::May { inside.may } else { inside.must })
            }
            TargetPlace::Office(office) => Some(self.office_atoms(*office)),
            TargetPlace::Within(addresses) => {
                (mode == Mode::May).then(|| self.space.atoms.among(addresses).may)
            }
        }
    }
}

/// The same packets from other addresses.
fn renamed(engine: &mut Engine<'_>, set: Set, own: &AtomSet) -> Set {
    let space = &mut engine.space;
    let bare = space.store.without(set, SOURCE);
    let from = space.among(SOURCE, own);
    space.store.and(bare, from)
}
