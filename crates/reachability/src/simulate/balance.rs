//! Load balancers: which targets a node sends to, and how the reply finds its way.
//!
//! Sources: Elastic Load Balancing, "Target groups for your Network Load Balancers" (client IP preservation, health,
//! requests from a target to its own load balancer), "How Elastic Load Balancing works" (zones, cross-zone).

use super::address::Addr;
use super::filters::{EPHEMERAL, LINUX, Via};
use super::walk::{At, Walk};
use super::{Doubt, Effect, HopKind, Simulator, Verdict};
use crate::model::{
    Balancer, BalancerId, BalancerKind, Certainty, Forward, Health, InterfaceId, Target, TargetPlace,
    UnknownId,
};

/// A connection handed on by a node.
#[derive(Debug, Clone)]
pub(super) struct Handed {
    /// The node.
    pub node: InterfaceId,
    /// Whether the target sees the client's address.
    pub keeps_client: bool,
    /// The address and port that the client spoke to.
    pub spoken_to: (Addr, u16),
    /// Who spoke.
    pub client: Addr,
    /// For a private link: the endpoint's interface at the client's side.
    pub endpoint: Option<InterfaceId>,
}

impl Simulator<'_> {
    /// At a node: a new connection, or the reply of one.
    pub(super) fn at_balancer(
        &self,
        mut walk: Walk,
        id: BalancerId,
        node: InterfaceId,
        assumed: &[UnknownId],
    ) -> Vec<Walk> {
        if walk.packet.back {
            let handed = walk.nodes.last().filter(|handed| handed.node == node).cloned();
            if let Some(handed) = handed {
                self.pass_groups(&mut walk, node, assumed);
                return self.back_to_client(walk, &handed);
            }
            walk.stop(
                HopKind::Balancer,
                self.place(node),
                "this node has not seen the connection",
                self.span(node),
            );
            walk.at = At::Ends;
            return vec![walk];
        }
        self.pass_groups(&mut walk, node, assumed);
        self.hand_on(walk, id, node, None, assumed)
    }

    /// By a private link to a load balancer of this estate: its nodes send with their own addresses.
    /// Source: AWS PrivateLink Guide, "Share your services through AWS PrivateLink".
    pub(super) fn through_private_link(
        &self,
        walk: Walk,
        id: BalancerId,
        endpoint: InterfaceId,
        assumed: &[UnknownId],
    ) -> Vec<Walk> {
        let Some(balancer) = self.network.balancers.get(id.at()) else { return vec![walk] };
        let zone = self.zone_of_interface(endpoint);
        let near: Vec<InterfaceId> =
            balancer.nodes.iter().filter(|node| self.zone_of_interface(**node) == zone).copied().collect();
        let nodes = if near.is_empty() { balancer.nodes.clone() } else { near };
        let choice = [Doubt::Choice(format!("which node of {} serves the endpoint", balancer.name.label))];
        let single = nodes.len() == 1;
        let mut out = Vec::new();
        for node in nodes {
            let mut other = walk.given(At::Ends, if single { &[] } else { &choice });
            let label = balancer.name.label.as_str();
            other.hop(HopKind::Gateway, label, "by a private link", balancer.name.span);
            out.extend(self.hand_on(other, id, node, Some(endpoint), assumed));
        }
        out
    }

    fn hand_on(
        &self,
        mut walk: Walk,
        id: BalancerId,
        node: InterfaceId,
        endpoint: Option<InterfaceId>,
        assumed: &[UnknownId],
    ) -> Vec<Walk> {
        let Some(balancer) = self.network.balancers.get(id.at()) else { return vec![walk] };
        let label = balancer.name.label.to_string();
        let port = walk.packet.port;
        let listener = balancer
            .listeners
            .iter()
            .find(|listener| listener.protocol == walk.packet.protocol && listener.ports.contains(port));
        let Some(listener) = listener else {
            walk.stop(HopKind::Balancer, label, "no listener takes it", balancer.name.span);
            walk.at = At::Ends;
            return vec![walk];
        };
        let mut ways: Vec<(Target, Forward, Vec<Doubt>)> = Vec::new();
        for forward in &listener.forwards {
            let mut given: Vec<Doubt> = Vec::new();
            if let Certainty::Maybe(unknown) = forward.exists
                && !assumed.contains(&unknown)
            {
                given.push(Doubt::Unknown(unknown));
            }
            for (target, zone) in self.targets(balancer, forward, node) {
                let given = given.iter().cloned().chain(zone).collect();
                ways.push((target, forward.clone(), given));
            }
        }
        if ways.is_empty() {
            walk.stop(HopKind::Balancer, label, "no target is in service behind this node", listener.span);
            walk.at = At::Ends;
            return vec![walk];
        }
        let choice = (ways.len() > 1).then(|| Doubt::Choice(format!("which target {label} picks")));
        let mut out = Vec::new();
        for (target, forward, mut given) in ways {
            given.extend(choice.clone());
            let keeps: Vec<(bool, Option<UnknownId>)> = match forward.group.preserves_client {
                _ if endpoint.is_some() || balancer.kind != BalancerKind::Network => vec![(false, None)],
                Certainty::Yes => vec![(true, None)],
                Certainty::No => vec![(false, None)],
                Certainty::Maybe(id) => vec![(true, Some(id)), (false, Some(id))],
            };
            for (keeps, unknown) in keeps {
                let mut given = given.clone();
                given.extend(unknown.map(Doubt::Unknown));
                let mut other = walk.given(At::Ends, &given);
                let group = &forward.group.name.label;
                let says = format!("{} to {group}, port {}", port, target.port);
                other.hop(HopKind::Balancer, label.as_str(), says, listener.span);
                out.extend(self.to_target(other, balancer, node, endpoint, &target, keeps, assumed));
            }
        }
        out
    }

    /// Targets that a node sends to, each with what that depends on.
    fn targets(
        &self,
        balancer: &Balancer,
        forward: &Forward,
        node: InterfaceId,
    ) -> Vec<(Target, Option<Doubt>)> {
        let own = self.zone_of_interface(node);
        let zones: Vec<&str> = balancer.nodes.iter().map(|node| self.zone_of_interface(*node)).collect();
        let in_use = |target: &&Target| {
            target.health != Health::Unused
                && match self.target_zone(target) {
                    Some(zone) if !zone.is_empty() && zones.iter().all(|known| !known.is_empty()) => {
                        zones.contains(&zone)
                    }
                    _ => true,
                }
        };
        let all: Vec<&Target> = forward.group.targets.iter().filter(in_use).collect();
        let healthy: Vec<&Target> =
            all.iter().filter(|target| target.health == Health::Healthy).copied().collect();
        // Source: "Health checks for Network Load Balancer target groups": with none healthy, all are used.
        let used = if healthy.is_empty() { all } else { healthy };
        let cross_zone = match balancer.kind {
            BalancerKind::Application => forward.group.cross_zone.unwrap_or(Certainty::Yes),
            _ => forward.group.cross_zone.unwrap_or(balancer.cross_zone),
        };
        let mut out = Vec::new();
        for target in used {
            let near = match self.target_zone(target) {
                Some(zone) if !zone.is_empty() && !own.is_empty() => zone == own,
                _ => true,
            };
            match (near, cross_zone) {
                (true, _) | (_, Certainty::Yes) => out.push((target.clone(), None)),
                (false, Certainty::Maybe(id)) => out.push((target.clone(), Some(Doubt::Unknown(id)))),
                (false, Certainty::No) => {}
            }
        }
        out
    }

    fn target_zone(&self, target: &Target) -> Option<&str> {
        match &target.place {
            TargetPlace::Interface(id) => Some(self.zone_of_interface(*id)),
            TargetPlace::Address(ip) => {
                let mut at = self.with_private(*ip);
                let first = at.next()?;
                at.next().is_none().then(|| self.zone_of_interface(first))
            }
            TargetPlace::Office(_) | TargetPlace::Within(_) => None,
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one call, each a different thing")]
    fn to_target(
        &self,
        mut walk: Walk,
        balancer: &Balancer,
        node: InterfaceId,
        endpoint: Option<InterfaceId>,
        target: &Target,
        keeps_client: bool,
        assumed: &[UnknownId],
    ) -> Vec<Walk> {
        let label = balancer.name.label.as_str();
        let address = match &target.place {
            TargetPlace::Interface(id) => self.addresses_of(*id).first().copied(),
            TargetPlace::Address(ip) => {
                let vpc = self.vpc_of(node);
                let known = vpc.and_then(|vpc| self.find_private(vpc, &Addr::exact(*ip)));
                Some(known.map_or(Addr::exact(*ip), |id| Addr::of_interface(*ip, id)))
            }
            TargetPlace::Office(_) | TargetPlace::Within(_) => None,
        };
        let Some(address) = address else {
            let doubts = match &target.place {
                TargetPlace::Within(crate::model::Addresses::AtLeast(_, id)) => vec![Doubt::Unknown(*id)],
                _ => vec![Doubt::Choice(format!("the targets of {label}"))],
            };
            walk.doubt(HopKind::Balancer, label, "targets that are not known", balancer.name.span, doubts);
            walk.at = At::Ends;
            return vec![walk];
        };
        if keeps_client && walk.packet.source.is(&address) {
            let says = "a target that speaks to itself by its own load balancer gets no answer";
            walk.stop(HopKind::Balancer, label, says, balancer.name.span);
            walk.at = At::Ends;
            return vec![walk];
        }
        walk.nodes.push(Handed {
            node,
            keeps_client,
            spoken_to: (walk.packet.destination, walk.packet.port),
            client: walk.packet.source,
            endpoint,
        });
        walk.packet.destination = address;
        if target.port != 0 {
            walk.packet.port = target.port;
        }
        let Some(subnet) = self.network.interfaces.get(node.at()).map(|interface| interface.subnet) else {
            walk.at = At::Ends;
            return vec![walk];
        };
        if keeps_client {
            walk.packet.node = Some(node);
            return self.kept_to_target(walk, node, subnet, assumed);
        }
        if let Some(own) = self.addresses_of(node).first() {
            (walk.packet.source, walk.packet.client, walk.packet.via) = (*own, EPHEMERAL, Via::Local);
        }
        self.out_of_node(&mut walk, balancer, node, assumed);
        walk.at = At::Leaves(subnet, true);
        vec![walk]
    }

    /// The groups of a node, asked about what it sends to targets.
    fn out_of_node(&self, walk: &mut Walk, balancer: &Balancer, node: InterfaceId, assumed: &[UnknownId]) {
        if balancer.groups_enforced == Certainty::No {
            return;
        }
        walk.known_to.push((node, false));
        let Some(judged) = self.groups_say(node, &walk.packet, false, assumed) else { return };
        let effect = match judged.verdict {
            Verdict::Reachable => Effect::Passes,
            Verdict::Unreachable => Effect::Stops,
            Verdict::Unknown => Effect::Depends,
        };
        let place = self.place(node);
        match effect {
            Effect::Passes => walk.hop(HopKind::Group, place, judged.says, judged.span),
            Effect::Stops => walk.stop(HopKind::Group, place, judged.says, judged.span),
            Effect::Depends => walk.doubt(HopKind::Group, place, judged.says, judged.span, judged.doubts),
        }
    }

    /// With the client's address kept, packets go from node to target whatever the routes say; ACLs of both subnets see
    /// the client's address.
    fn kept_to_target(
        &self,
        mut walk: Walk,
        node: InterfaceId,
        subnet: crate::model::SubnetId,
        assumed: &[UnknownId],
    ) -> Vec<Walk> {
        let vpc = self.vpc_of(node);
        let target = walk.packet.destination;
        let there = target.interface.or_else(|| vpc.and_then(|vpc| self.find_private(vpc, &target)));
        let Some(there) = there.and_then(|id| Some((id, self.network.interfaces.get(id.at())?.subnet)))
        else {
            let says = format!("nothing has the target's address {target}");
            walk.stop(HopKind::Balancer, self.place(node), says, self.span(node));
            walk.at = At::Ends;
            return vec![walk];
        };
        if there.1 != subnet {
            self.exits(&mut walk, subnet, assumed);
        }
        walk.at = At::Delivers(self.vpc_of(there.0).unwrap_or(crate::model::VpcId(0)), Some(subnet));
        vec![walk]
    }

    /// The reply of a target that sees the client's address: back to the node, whatever the target's routes say.
    pub(super) fn back_through(&self, mut walk: Walk, handed: &Handed) -> Vec<Walk> {
        let target = walk.server.and_then(|id| self.network.interfaces.get(id.at()));
        let node = self.network.interfaces.get(handed.node.at());
        let (Some(target), Some(node)) = (target, node) else { return vec![walk] };
        if target.subnet != node.subnet {
            self.exits(&mut walk, target.subnet, &[]);
            self.enters(&mut walk, node.subnet, &[]);
        }
        self.back_to_client(walk, handed)
    }

    fn back_to_client(&self, mut walk: Walk, handed: &Handed) -> Vec<Walk> {
        walk.nodes.pop();
        walk.packet.node = None;
        (walk.packet.source, walk.packet.port) = handed.spoken_to;
        walk.packet.destination = handed.client;
        walk.packet.client = if walk.nats.is_empty() { LINUX } else { EPHEMERAL };
        let says = format!("answers {} as {}", handed.client, walk.packet.source);
        walk.hop(HopKind::Balancer, self.place(handed.node), says, self.span(handed.node));
        let from = handed.endpoint.unwrap_or(handed.node);
        let subnet = self.network.interfaces.get(from.at()).map(|interface| interface.subnet);
        walk.at = subnet.map_or(At::Ends, |subnet| At::Leaves(subnet, true));
        vec![walk]
    }
}
