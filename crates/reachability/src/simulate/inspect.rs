//! Firewalls, appliances behind gateway load balancers, and instances that forward.
//!
//! Sources: AWS Network Firewall Developer Guide, "How AWS Network Firewall filters network traffic"; AWS PrivateLink
//! Guide, "Access virtual appliances"; Amazon VPC User Guide, "NAT instances".

use super::filters::{Packet, TCP, Via};
use super::walk::{At, Walk};
use super::{Doubt, Effect, HopKind, Simulator};
use crate::inspection::{Connection, Decider, Decision, Doubt as PolicyDoubt, Phase};
use crate::model::{
    Certainty, EndpointId, EndpointKind, FirewallId, FirewallPolicy, InterfaceId, SubnetId, UnknownId,
};

impl Simulator<'_> {
    /// From a subnet to a firewall's endpoint.
    pub(super) fn firewall(
        &self,
        mut walk: Walk,
        id: FirewallId,
        at: SubnetId,
        from: SubnetId,
        assumed: &[UnknownId],
    ) -> Vec<Walk> {
        if at != from {
            self.enters(&mut walk, at, assumed);
        }
        self.through_firewall(walk, id, at)
    }

    /// From a gateway to a firewall's endpoint.
    pub(super) fn firewall_from_outside(
        &self,
        mut walk: Walk,
        id: FirewallId,
        at: SubnetId,
        assumed: &[UnknownId],
    ) -> Vec<Walk> {
        self.enters(&mut walk, at, assumed);
        self.through_firewall(walk, id, at)
    }

    fn through_firewall(&self, mut walk: Walk, id: FirewallId, at: SubnetId) -> Vec<Walk> {
        let Some(firewall) = self.network.firewalls.get(id.at()) else { return vec![walk] };
        let (label, span) = (firewall.name.label.to_string(), firewall.name.span);
        let seen = walk.firewalls.contains(&(id, at));
        if walk.packet.back {
            walk.back_firewalls.push((id, at));
        } else {
            walk.firewalls.push((id, at));
        }
        match &firewall.policy {
            Err(unknown) => {
                let doubts = vec![Doubt::Unknown(*unknown)];
                walk.doubt(HopKind::Firewall, label, "what its policy says", span, doubts);
            }
            Ok(policy)
                if walk.packet.back
                    && !seen
                    && walk.packet.protocol == TCP
                    && !passes_stateless(policy, &walk.packet, true) =>
            {
                let place = self.label_of(at);
                let says = format!("the endpoint in {place} sees only the way back of the connection");
                walk.stop(HopKind::Firewall, label, says, span);
            }
            Ok(policy) => self.inspects(&mut walk, policy, &label, seen),
        }
        walk.packet.via = Via::Middlebox;
        walk.at = At::Leaves(at, true);
        vec![walk]
    }

    /// What a policy does with the packets of this direction, for all ports that the client may have chosen.
    fn inspects(&self, walk: &mut Walk, policy: &FirewallPolicy, label: &str, seen: bool) {
        // Where the endpoint has seen nothing of the way there, the reply is the first packet of a connection to it.
        let reversed = walk.packet.back && !seen;
        let phases = if walk.packet.back && !reversed {
            [Phase::OpeningReply, Phase::DataReply]
        } else {
            [Phase::Opening, Phase::Data]
        };
        let ports = client_ports(policy, &walk.packet);
        for phase in phases {
            let mut decisions =
                ports.iter().map(|port| policy.decide(&connection(&walk.packet, *port, reversed), phase));
            let Some(first) = decisions.next() else { continue };
            let same =
                decisions.all(|other| other.passes() == first.passes() && other.drops() == first.drops());
            let data = matches!(phase, Phase::Data | Phase::DataReply);
            // Datagrams and pings are one packet each way; what is not opened carries nothing.
            let stopped = walk.hops.last().is_some_and(|hop| hop.effect == Effect::Stops);
            if data && (walk.packet.protocol != TCP || stopped) {
                continue;
            }
            self.decided(walk, policy, label, &first, same, data);
        }
    }

    fn decided(
        &self,
        walk: &mut Walk,
        policy: &FirewallPolicy,
        label: &str,
        decision: &Decision,
        same: bool,
        data: bool,
    ) {
        let reason = if decision.passes() { &decision.pass } else { &decision.drop };
        let Some(reason) = reason.as_ref().or(decision.pass.as_ref()) else { return };
        let (says, span) = decider(policy, reason.decider);
        let span = if span == diagnostics::Span::NONE { policy.name.span } else { span };
        let mut doubts: Vec<Doubt> = reason.doubts.iter().map(|doubt| policy_doubt(policy, *doubt)).collect();
        let says = if data { format!("{says}, for data on the connection") } else { says };
        if !same {
            doubts.push(Doubt::Choice("the port that the client's side picks".to_owned()));
        }
        if decision.passes() && same {
            if !data {
                walk.hop(HopKind::Firewall, label, says, span);
            }
        } else if decision.drops() && same && !data {
            walk.stop(HopKind::Firewall, label, says, span);
        } else if decision.drops() && same {
            let choice = "a connection that can be opened and carries nothing".to_owned();
            walk.doubt(HopKind::Firewall, label, says, span, vec![Doubt::Choice(choice)]);
        } else {
            walk.doubt(HopKind::Firewall, label, says, span, doubts);
        }
    }

    /// The way back of a connection did not cross an endpoint that the way there crossed.
    pub(super) fn missed(&self, walk: &mut Walk, id: FirewallId, at: SubnetId) {
        let Some(firewall) = self.network.firewalls.get(id.at()) else { return };
        if firewall.policy.as_ref().is_ok_and(|policy| passes_stateless(policy, &walk.packet, false)) {
            return;
        }
        let says = format!("the way back does not cross the endpoint in {}", self.label_of(at));
        walk.stop(HopKind::Firewall, firewall.name.label.as_str(), says, firewall.name.span);
    }

    /// To an instance or appliance that a route names.
    pub(super) fn appliance(
        &self,
        mut walk: Walk,
        id: InterfaceId,
        from: SubnetId,
        assumed: &[UnknownId],
    ) -> Vec<Walk> {
        let Some(interface) = self.network.interfaces.get(id.at()) else { return vec![walk] };
        if interface.subnet != from {
            self.enters(&mut walk, interface.subnet, assumed);
        }
        self.through_appliance(walk, id, assumed)
    }

    /// What software on it does is not known: it may pass packets on as they are, or with its own address.
    pub(super) fn through_appliance(
        &self,
        mut walk: Walk,
        id: InterfaceId,
        assumed: &[UnknownId],
    ) -> Vec<Walk> {
        let Some(interface) = self.network.interfaces.get(id.at()) else { return vec![walk] };
        let (place, span) = (self.place(id), interface.name.span);
        self.pass_groups(&mut walk, id, assumed);
        match interface.source_dest_check {
            Certainty::Yes => {
                let says = "the source/destination check drops what is not its own";
                walk.stop(HopKind::Host, place, says, span);
                return self.jump(walk, None);
            }
            Certainty::Maybe(unknown) if !assumed.contains(&unknown) => {
                let doubts = vec![Doubt::Unknown(unknown)];
                walk.doubt(HopKind::Host, place.as_str(), "the source/destination check", span, doubts);
            }
            _ => {}
        }
        let choice = Doubt::Choice(format!("what {place} does with packets that are not its own"));
        walk.doubt(HopKind::Host, place.as_str(), "forwards, perhaps", span, vec![choice]);
        walk.packet.via = Via::Middlebox;
        let address =
            if walk.packet.back { vec![] } else { vec![format!("whether {place} writes its own address")] };
        let mut out = Vec::new();
        for what in address {
            let mut other = walk.given(At::Leaves(interface.subnet, true), &[Doubt::Choice(what)]);
            if let Some(own) = self.addresses_of(id).first() {
                other.packet.source = *own;
                // What comes back to it goes on to the client: its end of the way is as good as the client's.
                other.client = *own;
            }
            out.push(other);
        }
        walk.at = At::Leaves(interface.subnet, true);
        out.push(walk);
        out
    }

    /// To a gateway load balancer's endpoint.
    pub(super) fn balanced_endpoint(
        &self,
        mut walk: Walk,
        id: EndpointId,
        from: SubnetId,
        assumed: &[UnknownId],
    ) -> Vec<Walk> {
        let at = self.network.endpoints.get(id.at()).and_then(|endpoint| match endpoint.kind {
            EndpointKind::GatewayLoadBalancer { interface, .. } => {
                self.network.interfaces.get(interface.at())
            }
            _ => None,
        });
        if at.is_some_and(|at| at.subnet != from) {
            return self.balanced_from_outside(walk, id, assumed);
        }
        walk.packet.via = Via::Middlebox;
        self.appliances_behind(walk, id)
    }

    /// The same, from another subnet or a gateway.
    pub(super) fn balanced_from_outside(
        &self,
        mut walk: Walk,
        id: EndpointId,
        assumed: &[UnknownId],
    ) -> Vec<Walk> {
        let kind = self.network.endpoints.get(id.at()).map(|endpoint| &endpoint.kind);
        if let Some(EndpointKind::GatewayLoadBalancer { interface, .. }) = kind
            && let Some(at) = self.network.interfaces.get(interface.at())
        {
            self.enters(&mut walk, at.subnet, assumed);
        }
        walk.packet.via = Via::Middlebox;
        self.appliances_behind(walk, id)
    }

    fn appliances_behind(&self, mut walk: Walk, id: EndpointId) -> Vec<Walk> {
        let Some(endpoint) = self.network.endpoints.get(id.at()) else { return vec![walk] };
        let (label, span) = (endpoint.name.label.to_string(), endpoint.name.span);
        let EndpointKind::GatewayLoadBalancer { interface, .. } = endpoint.kind else {
            walk.stop(HopKind::Gateway, label, "this endpoint takes no routed packets", span);
            return self.jump(walk, None);
        };
        let choice = Doubt::Choice(format!("what the appliances behind {label} let pass"));
        walk.doubt(HopKind::Firewall, label, "inspected by appliances", span, vec![choice]);
        let subnet = self.network.interfaces.get(interface.at()).map(|interface| interface.subnet);
        walk.at = subnet.map_or(At::Ends, |subnet| At::Leaves(subnet, true));
        vec![walk]
    }
}

/// The connection as the firewall sees it.
fn connection(packet: &Packet, port: u16, reversed: bool) -> Connection {
    let (client, server) = if packet.back && !reversed {
        (packet.destination.ip, packet.source.ip)
    } else {
        (packet.source.ip, packet.destination.ip)
    };
    let ports = matches!(packet.protocol, 6 | 17);
    let (mut client_port, mut server_port) = if ports { (port, packet.port) } else { (0, 0) };
    if reversed {
        std::mem::swap(&mut client_port, &mut server_port);
    }
    Connection { client, server, protocol: packet.protocol, client_port, server_port }
}

/// One port of each piece into which the policy's rules cut the client's ports.
fn client_ports(policy: &FirewallPolicy, packet: &Packet) -> Vec<u16> {
    let stateless =
        policy.stateless.iter().flat_map(|rule| rule.source_ports.iter().chain(&rule.destination_ports));
    let stateful =
        policy.stateful.iter().flat_map(|rule| rule.source_ports.iter().chain(&rule.destination_ports));
    let mut out = vec![packet.client.first];
    for range in stateless.chain(stateful) {
        out.push(range.first);
        out.extend(range.last.checked_add(1));
    }
    out.retain(|port| packet.client.contains(*port));
    out.sort_unstable();
    out.dedup();
    out.truncate(64);
    out
}

fn decider(policy: &FirewallPolicy, decider: Decider) -> (String, diagnostics::Span) {
    let none = diagnostics::Span::NONE;
    match decider {
        Decider::Stateless(at) => {
            (format!("stateless rule {}", at + 1), policy.stateless.get(at).map_or(none, |rule| rule.span))
        }
        Decider::StatelessDefault => ("the stateless default action".to_owned(), none),
        Decider::Stateful(at) => {
            let rule = policy.stateful.get(at);
            (format!("rule {}", rule.map_or(0, |rule| rule.sid)), rule.map_or(none, |rule| rule.span))
        }
        Decider::StatefulDefault(_) => ("the stateful default action".to_owned(), none),
        Decider::NothingDropped => ("no rule drops it".to_owned(), none),
        Decider::Midstream => ("the firewall has not seen how the connection began".to_owned(), none),
        Decider::Policy => ("what its policy says".to_owned(), none),
    }
}

fn policy_doubt(policy: &FirewallPolicy, doubt: PolicyDoubt) -> Doubt {
    match doubt {
        PolicyDoubt::Unknown(id) => Doubt::Unknown(id),
        PolicyDoubt::Application(at) => {
            let rule = policy.stateful.get(at);
            let asks = rule.and_then(|rule| rule.application.as_ref());
            let what = asks.map_or_else(String::new, |asks| {
                let domains: Vec<&str> = asks.domains.iter().take(3).map(estate::SmolStr::as_str).collect();
                format!(" ({} {})", asks.protocol, domains.join(", ")).replace(" )", ")")
            });
            let sid = rule.map_or(0, |rule| rule.sid);
            Doubt::Choice(format!("what rule {sid} asks of the application{what}"))
        }
        PolicyDoubt::Flags(at) => {
            Doubt::Choice(format!("the TCP flags that stateless rule {} asks for", at + 1))
        }
    }
}

/// Whether the stateless engine lets the packet pass by itself, so that no state is kept of its connection.
///
/// Source: AWS Network Firewall Developer Guide, "Stateless and stateful rules engines", pass: all inspection ends.
fn passes_stateless(policy: &FirewallPolicy, packet: &Packet, reversed: bool) -> bool {
    client_ports(policy, packet).into_iter().all(|port| {
        let decision = policy.decide(&connection(packet, port, reversed), Phase::Opening);
        let by = decision.pass.as_ref().map(|reason| reason.decider);
        decision.passes() && matches!(by, Some(Decider::Stateless(_) | Decider::StatelessDefault))
    })
}
