//! The packet's way, one thing after the other.
//!
//! In: a flow. Out: its paths. Always: bounded: a path has at most [`MOST_HOPS`] hops and a flow [`MOST_PATHS`] paths; what
//! would go beyond is an answer that is not known.

use diagnostics::Span;

use super::address::Addr;
use super::filters::{Judged, LINUX, Packet, TCP, Via};
use super::routes::Chosen;
use super::{Doubt, Effect, Flow, Hop, HopKind, Path, Simulator, Source, Verdict};
use crate::model::{
    AttachmentId, Certainty, FirewallId, GatewayId, InterfaceId, NatId, OfficeId, Role, RouteTarget,
    SubnetId, UnknownId, VpcId,
};

const MOST_HOPS: usize = 200;
const MOST_PATHS: usize = 128;

/// Where a packet is.
#[derive(Debug, Clone, Copy)]
pub(super) enum At {
    /// A host or service sends it from this interface.
    Sends(InterfaceId),
    /// It leaves what stands in a subnet; set where it may be for something in the same subnet.
    Leaves(SubnetId, bool),
    /// It is in a VPC's router, bound for an address there; from this subnet, where it comes from one.
    Delivers(VpcId, Option<SubnetId>),
    /// It comes in from the internet for a public address.
    FromInternet,
    /// It comes out of an attachment into a transit gateway, from a zone where one is known.
    Transit(AttachmentId, SubnetId),
    /// The same, from outside all zones.
    TransitFrom(AttachmentId),
    /// Done.
    Ends,
}

/// A way so far.
#[derive(Debug, Clone)]
pub(super) struct Walk {
    pub at: At,
    pub packet: Packet,
    pub hops: Vec<Hop>,
    pub choices: Vec<Doubt>,
    /// Interfaces whose groups have let the connection pass; set where they let it in.
    pub known_to: Vec<(InterfaceId, bool)>,
    /// Translations by NAT gateways: the source before.
    pub nats: Vec<(NatId, Addr)>,
    /// Firewall endpoints crossed there.
    pub firewalls: Vec<(FirewallId, SubnetId)>,
    /// Firewall endpoints crossed back.
    pub back_firewalls: Vec<(FirewallId, SubnetId)>,
    /// The interface that appliance mode holds to, by attachment.
    pub held: Vec<(AttachmentId, InterfaceId)>,
    /// Load balancer nodes crossed.
    pub nodes: Vec<super::balance::Handed>,
    /// The egress-only gateway that the connection went out by.
    pub egress_only: Option<GatewayId>,
    /// Who started it.
    pub client: Addr,
    pub from: Source,
    pub server: Option<InterfaceId>,
    pub jumped: bool,
}

/// A translation that leaves the walk's packet with another address.
impl Walk {
    pub(super) fn hop(
        &mut self,
        kind: HopKind,
        place: impl Into<String>,
        says: impl Into<String>,
        span: Span,
    ) {
        self.add(kind, place.into(), says.into(), span, Effect::Passes, Vec::new());
    }

    pub(super) fn stop(
        &mut self,
        kind: HopKind,
        place: impl Into<String>,
        says: impl Into<String>,
        span: Span,
    ) {
        self.add(kind, place.into(), says.into(), span, Effect::Stops, Vec::new());
    }

    pub(super) fn doubt(
        &mut self,
        kind: HopKind,
        place: impl Into<String>,
        says: impl Into<String>,
        span: Span,
        doubts: Vec<Doubt>,
    ) {
        self.add(kind, place.into(), says.into(), span, Effect::Depends, doubts);
    }

    fn add(
        &mut self,
        kind: HopKind,
        place: String,
        says: String,
        span: Span,
        effect: Effect,
        doubts: Vec<Doubt>,
    ) {
        self.hops.push(Hop { back: self.packet.back, kind, place, says, span, effect, doubts });
    }

    fn judged(&mut self, kind: HopKind, place: &str, judged: Option<Judged>) {
        let Some(judged) = judged else { return };
        let effect = match judged.verdict {
            Verdict::Reachable => Effect::Passes,
            Verdict::Unreachable => Effect::Stops,
            Verdict::Unknown => Effect::Depends,
        };
        self.add(kind, place.to_owned(), judged.says, judged.span, effect, judged.doubts);
    }

    pub(super) fn end(mut self) -> Vec<Self> {
        self.at = At::Ends;
        vec![self]
    }

    /// Another of the ways that begin here.
    pub(super) fn given(&self, at: At, given: &[Doubt]) -> Self {
        let mut other = self.clone();
        other.at = at;
        for doubt in given {
            if !other.choices.contains(doubt) {
                other.choices.push(doubt.clone());
            }
        }
        other
    }

    fn path(self) -> Path {
        let stops = self.hops.iter().any(|hop| hop.effect == Effect::Stops);
        let depends = self.hops.iter().any(|hop| hop.effect == Effect::Depends);
        let verdict = match (stops, depends) {
            (true, _) => Verdict::Unreachable,
            (false, true) => Verdict::Unknown,
            (false, false) => Verdict::Reachable,
        };
        Path { verdict, hops: self.hops, choices: self.choices }
    }
}

/// Every way of a flow.
pub(super) fn paths(simulator: &Simulator<'_>, flow: &Flow) -> Vec<Path> {
    let mut open = simulator.start(flow);
    let mut out = Vec::new();
    while let Some(mut walk) = open.pop() {
        if matches!(walk.at, At::Ends) {
            out.push(walk.path());
        } else if walk.hops.len() >= MOST_HOPS {
            let what = "the packet goes in a circle";
            walk.stop(HopKind::Route, "", what, Span::NONE);
            out.push(walk.path());
        } else if out.len() + open.len() >= MOST_PATHS {
            let choice = Doubt::Choice("more ways than are followed".to_owned());
            walk.doubt(HopKind::Route, "", "there are too many ways", Span::NONE, vec![choice]);
            out.push(walk.path());
        } else {
            let mut next = simulator.step(walk, &flow.assumed);
            next.reverse();
            open.append(&mut next);
        }
    }
    out
}

impl Simulator<'_> {
    fn start(&self, flow: &Flow) -> Vec<Walk> {
        let packet = Packet {
            source: flow.source,
            destination: flow.destination,
            protocol: flow.protocol,
            port: flow.port,
            client: LINUX,
            back: false,
            via: Via::Local,
            node: None,
        };
        let mut walk = Walk {
            at: At::Ends,
            packet,
            hops: Vec::new(),
            choices: Vec::new(),
            known_to: Vec::new(),
            nats: Vec::new(),
            firewalls: Vec::new(),
            back_firewalls: Vec::new(),
            held: Vec::new(),
            nodes: Vec::new(),
            egress_only: None,
            client: flow.source,
            from: flow.from,
            server: None,
            jumped: false,
        };
        match flow.from {
            Source::Interface(id) => {
                walk.at = At::Sends(id);
                if self.is_own(id, &flow.destination) {
                    let place = self.place(id);
                    walk.hop(
                        HopKind::Host,
                        place,
                        "a host reaches itself without the network",
                        self.span(id),
                    );
                    return walk.end();
                }
                if let Some(what) = self.beside_every_host(id, flow) {
                    let place = self.place(id);
                    walk.hop(HopKind::Host, place, what, self.span(id));
                    return walk.end();
                }
            }
            Source::Internet => {
                walk.hop(HopKind::End, "internet", format!("from {}", flow.source), Span::NONE);
                walk.at = At::FromInternet;
            }
            Source::Office(office) => return self.start_at_office(walk, office),
        }
        vec![walk]
    }

    /// An address of the host itself: nothing leaves it.
    fn is_own(&self, id: InterfaceId, destination: &Addr) -> bool {
        let host = self.network.interfaces.get(id.at()).map(|interface| interface.host);
        let other = destination.interface.filter(|_| !destination.is_public);
        let other = other.or_else(|| self.find_private(self.vpc_of(id)?, destination));
        let other = other.and_then(|other| self.network.interfaces.get(other.at()));
        other.is_some_and(|other| Some(other.host) == host && self.placement_is_one(other.host))
    }

    /// Services that AWS answers beside every interface, whatever groups and ACLs say.
    /// Source: Amazon VPC User Guide, "Control subnet traffic with network ACLs" (what they do not filter), "DNS attributes
    /// for your VPC" (the resolver at the base of the VPC plus two).
    fn beside_every_host(&self, id: InterfaceId, flow: &Flow) -> Option<&'static str> {
        let std::net::IpAddr::V4(ip) = flow.destination.ip else { return None };
        let vpc = self.network.vpcs.get(self.vpc_of(id)?.at())?;
        let (crate::model::Addresses::Known(set) | crate::model::Addresses::AtLeast(set, _)) = &vpc.blocks;
        let resolver = set.0.iter().any(|net| match net.network() {
            std::net::IpAddr::V4(base) => base.to_bits().wrapping_add(2) == ip.to_bits(),
            std::net::IpAddr::V6(_) => false,
        });
        match (ip.octets(), flow.port) {
            _ if !flow.destination.is_exact() => None,
            (_, 53) if resolver => Some("Amazon's resolver answers in every VPC"),
            ([169, 254, 169, 253], 53) => Some("Amazon's resolver answers in every VPC"),
            ([169, 254, 169, 254], 80) if flow.protocol == TCP => Some("the instance metadata service"),
            ([169, 254, 169, 123], 123) => Some("Amazon's time service"),
            _ => None,
        }
    }

    fn placement_is_one(&self, host: crate::model::HostId) -> bool {
        self.network.hosts.get(host.at()).is_some_and(|host| host.placement == crate::model::Placement::All)
    }

    fn start_at_office(&self, mut walk: Walk, office: OfficeId) -> Vec<Walk> {
        let Some(found) = self.network.offices.get(office.at()) else { return walk.end() };
        walk.hop(
            HopKind::End,
            found.name.label.as_str(),
            format!("from {}", walk.packet.source),
            found.name.span,
        );
        if let Certainty::Maybe(id) = found.up {
            walk.doubt(
                HopKind::Gateway,
                found.name.label.as_str(),
                "the link",
                found.name.span,
                vec![Doubt::Unknown(id)],
            );
        } else if found.up == Certainty::No {
            walk.stop(HopKind::Gateway, found.name.label.as_str(), "the link is down", found.name.span);
        }
        let mut out: Vec<Walk> = Vec::new();
        let choice = [Doubt::Choice(format!("by which of its links {} sends", found.name.label))];
        for interface in &found.enters_by {
            let mut other = walk.given(At::Sends(*interface), &choice);
            if let Some(address) = self.addresses_of(*interface).first() {
                (other.packet.source, other.client) = (*address, *address);
            }
            out.push(other);
        }
        out.extend(self.attachments_of(office).map(|id| walk.given(At::TransitFrom(id), &choice)));
        for gateway in self.network.gateways.iter().filter(|gateway| gateway.offices.contains(&office)) {
            if let Some(vpc) = gateway.vpc {
                out.push(walk.given(At::Delivers(vpc, None), &choice));
            }
        }
        if let [only] = out.as_mut_slice() {
            only.choices.clear();
        }
        if out.is_empty() {
            walk.stop(
                HopKind::Gateway,
                found.name.label.as_str(),
                "nothing joins it to the estate",
                found.name.span,
            );
            return walk.end();
        }
        out
    }

    fn step(&self, walk: Walk, assumed: &[UnknownId]) -> Vec<Walk> {
        match walk.at {
            At::Sends(id) => self.sends(walk, id, assumed),
            At::Leaves(subnet, near) => self.leaves(walk, subnet, near, assumed),
            At::Delivers(vpc, from) => self.delivers(walk, vpc, from, assumed),
            At::FromInternet => self.enter_from_internet(walk, assumed),
            At::Transit(attachment, from) => self.transit(walk, attachment, Some(from), assumed),
            At::TransitFrom(attachment) => self.transit(walk, attachment, None, assumed),
            At::Ends => walk.end(),
        }
    }

    /// A host or a node sends.
    fn sends(&self, mut walk: Walk, id: InterfaceId, assumed: &[UnknownId]) -> Vec<Walk> {
        let Some(interface) = self.network.interfaces.get(id.at()) else { return walk.end() };
        let place = self.place(id);
        if walk.hops.is_empty() {
            walk.hop(
                HopKind::End,
                place.as_str(),
                format!("sends from {}", walk.packet.source),
                interface.name.span,
            );
        }
        self.exists(&mut walk, interface.exists, &place, interface.name.span, assumed);
        // What a group let in has its answers let out.
        if !(walk.packet.back && walk.known_to.contains(&(id, true))) {
            let judged = self.groups_say(id, &walk.packet, false, assumed);
            walk.judged(HopKind::Group, &place, judged);
            walk.known_to.push((id, false));
        }
        walk.at = At::Leaves(interface.subnet, true);
        vec![walk]
    }

    pub(super) fn exists(
        &self,
        walk: &mut Walk,
        exists: Certainty,
        place: &str,
        span: Span,
        assumed: &[UnknownId],
    ) {
        match exists {
            Certainty::Maybe(id) if !assumed.contains(&id) => {
                walk.doubt(HopKind::Host, place, "whether it is there", span, vec![Doubt::Unknown(id)]);
            }
            Certainty::No => walk.stop(HopKind::Host, place, "it is not running", span),
            _ => {}
        }
    }

    /// The router of a subnet: something near, or out by the ACL and the route table.
    fn leaves(&self, mut walk: Walk, subnet: SubnetId, near: bool, assumed: &[UnknownId]) -> Vec<Walk> {
        let Some(found) = self.network.subnets.get(subnet.at()) else { return walk.end() };
        let destination = walk.packet.destination;
        if near
            && let Some(id) = self.find_private(found.vpc, &destination)
            && self.network.interfaces.get(id.at()).is_some_and(|interface| interface.subnet == subnet)
        {
            // Source: Amazon VPC User Guide: network ACLs and routes look at what enters or leaves a subnet.
            walk.at = At::Delivers(found.vpc, Some(subnet));
            return vec![walk];
        }
        let label = found.name.label.to_string();
        let judged = self.acl_says(found.acl, &walk.packet, false, assumed);
        walk.judged(HopKind::Acl, &label, at_border("out", judged));
        let chosen = self.lookup(found.table, found.vpc, &destination, assumed);
        let mut out = Vec::new();
        for Chosen { to, given, span, prefix } in chosen {
            let mut other = walk.given(At::Ends, &given);
            match to {
                Some(target) => {
                    let says = format!("{prefix} to {}", self.target_name(target));
                    other.hop(HopKind::Route, label.as_str(), says, span);
                    out.extend(self.follow(other, target, subnet, span, assumed));
                }
                None => out.extend(self.no_route(other, found.vpc, &label, span)),
            }
        }
        out
    }

    /// Without a route the path ends; what stands before the destination is looked at all the same.
    pub(super) fn no_route(&self, mut walk: Walk, vpc: VpcId, label: &str, span: Span) -> Vec<Walk> {
        let says = format!("no route to {}", walk.packet.destination);
        walk.stop(HopKind::Route, label, says, span);
        self.jump(walk, Some(vpc))
    }

    /// Behind what ends a path: on to the destination, once, to see what else is in the way.
    pub(super) fn jump(&self, mut walk: Walk, from: Option<VpcId>) -> Vec<Walk> {
        if walk.jumped || walk.packet.back {
            return walk.end();
        }
        walk.jumped = true;
        let destination = walk.packet.destination;
        let private = destination.interface.filter(|_| !destination.is_public);
        let there = private.or_else(|| {
            let mut named = self.with_private(destination.ip).filter(|id| self.vpc_of(*id) != from);
            named.next().filter(|_| named.next().is_none() && destination.is_exact())
        });
        match there.and_then(|id| Some((id, self.vpc_of(id)?))) {
            Some((_, vpc)) => {
                walk.at = At::Delivers(vpc, None);
                vec![walk]
            }
            None => walk.end(),
        }
    }

    fn follow(
        &self,
        mut walk: Walk,
        target: RouteTarget,
        subnet: SubnetId,
        span: Span,
        assumed: &[UnknownId],
    ) -> Vec<Walk> {
        let Some(vpc) = self.network.subnets.get(subnet.at()).map(|subnet| subnet.vpc) else {
            return walk.end();
        };
        match target {
            RouteTarget::Local => {
                walk.at = At::Delivers(vpc, Some(subnet));
                vec![walk]
            }
            RouteTarget::Gateway(id) => self.gateway(walk, id, vpc, assumed),
            RouteTarget::Nat(id) => self.nat(walk, id, subnet, assumed),
            RouteTarget::Peering(id) => self.peering(walk, id, vpc, assumed),
            RouteTarget::Transit(id) => self.enter_transit(walk, id, subnet, assumed),
            RouteTarget::Interface(id) => self.appliance(walk, id, subnet, assumed),
            RouteTarget::Endpoint(id) => self.balanced_endpoint(walk, id, subnet, assumed),
            RouteTarget::GatewayEndpoint(id) => self.gateway_endpoint(walk, id, vpc),
            RouteTarget::Firewall(id, at) => self.firewall(walk, id, at, subnet, assumed),
            RouteTarget::Blackhole => {
                walk.stop(HopKind::Route, self.label_of(subnet), "the route leads nowhere (blackhole)", span);
                self.jump(walk, Some(vpc))
            }
            RouteTarget::Unknown(id) => {
                walk.doubt(
                    HopKind::Route,
                    self.label_of(subnet),
                    "the target",
                    span,
                    vec![Doubt::Unknown(id)],
                );
                walk.end()
            }
        }
    }

    /// Into the subnet of whatever has the destination's address.
    fn delivers(
        &self,
        mut walk: Walk,
        vpc: VpcId,
        from: Option<SubnetId>,
        assumed: &[UnknownId],
    ) -> Vec<Walk> {
        let destination = walk.packet.destination;
        let Some(id) = self.find_private(vpc, &destination) else {
            let found = self.network.vpcs.get(vpc.at());
            let label = found.map_or("", |vpc| vpc.name.label.as_str()).to_owned();
            let span = found.map_or(Span::NONE, |vpc| vpc.name.span);
            walk.stop(HopKind::Host, label, format!("nothing there has the address {destination}"), span);
            return walk.end();
        };
        let Some(interface) = self.network.interfaces.get(id.at()) else { return walk.end() };
        if from != Some(interface.subnet) {
            self.enters(&mut walk, interface.subnet, assumed);
        }
        self.arrives(walk, id, assumed)
    }

    /// The ACL of a subnet that a packet enters.
    pub(super) fn enters(&self, walk: &mut Walk, subnet: SubnetId, assumed: &[UnknownId]) {
        let Some(found) = self.network.subnets.get(subnet.at()) else { return };
        let judged = self.acl_says(found.acl, &walk.packet, true, assumed);
        walk.judged(HopKind::Acl, &found.name.label, at_border("in", judged));
    }

    /// The ACL of a subnet that a packet leaves.
    pub(super) fn exits(&self, walk: &mut Walk, subnet: SubnetId, assumed: &[UnknownId]) {
        let Some(found) = self.network.subnets.get(subnet.at()) else { return };
        let judged = self.acl_says(found.acl, &walk.packet, false, assumed);
        walk.judged(HopKind::Acl, &found.name.label, at_border("out", judged));
    }

    /// At an interface that has the destination's address.
    fn arrives(&self, walk: Walk, id: InterfaceId, assumed: &[UnknownId]) -> Vec<Walk> {
        let Some(interface) = self.network.interfaces.get(id.at()) else { return walk.end() };
        match interface.role {
            Role::Host => self.at_host(walk, id, assumed),
            Role::Nat(nat) => self.at_nat(walk, nat, id),
            Role::Balancer(balancer) => self.at_balancer(walk, balancer, id, assumed),
            Role::Endpoint(endpoint) => self.at_endpoint(walk, endpoint, id, assumed),
            Role::Transit(_) | Role::Firewall(_) => {
                let mut walk = walk;
                let says = "nothing answers on this interface";
                walk.stop(HopKind::Gateway, self.place(id), says, interface.name.span);
                walk.end()
            }
        }
    }

    pub(super) fn pass_groups(&self, walk: &mut Walk, id: InterfaceId, assumed: &[UnknownId]) {
        let place = self.place(id);
        if let Some(interface) = self.network.interfaces.get(id.at()) {
            self.exists(walk, interface.exists, &place, interface.name.span, assumed);
        }
        if !(walk.packet.back && walk.known_to.contains(&(id, false))) {
            let judged = self.groups_say(id, &walk.packet, true, assumed);
            walk.judged(HopKind::Group, &place, judged);
            walk.known_to.push((id, true));
        }
    }

    fn at_host(&self, mut walk: Walk, id: InterfaceId, assumed: &[UnknownId]) -> Vec<Walk> {
        self.pass_groups(&mut walk, id, assumed);
        let (place, span) = (self.place(id), self.span(id));
        if walk.packet.back {
            walk.hop(HopKind::End, place, "the reply is back", span);
            return self.finish(walk);
        }
        let kind = self.network.interfaces.get(id.at()).and_then(|it| self.network.hosts.get(it.host.at()));
        if let Some(host) = kind
            && !host.kind.contains("::")
        {
            let choice = Doubt::Choice(format!("what answers at {} ({})", host.name.label, host.kind));
            walk.doubt(HopKind::Host, place.as_str(), "an interface of a service", span, vec![choice]);
        }
        walk.hop(HopKind::End, place, format!("arrives at {}", walk.packet.destination), span);
        walk.server = Some(id);
        self.reply(walk, At::Sends(id))
    }

    /// Turns the packet round.
    pub(super) fn reply(&self, mut walk: Walk, at: At) -> Vec<Walk> {
        std::mem::swap(&mut walk.packet.source, &mut walk.packet.destination);
        walk.packet.back = true;
        walk.packet.via = Via::Local;
        walk.at = at;
        // Behind a load balancer that keeps the client's address the reply is the load balancer's again.
        if let (At::Sends(_), Some(handed)) = (at, walk.nodes.last().cloned())
            && handed.keeps_client
        {
            return self.back_through(walk, &handed);
        }
        vec![walk]
    }

    /// At the end of the way back: everything stateful must have seen both ways.
    pub(super) fn finish(&self, mut walk: Walk) -> Vec<Walk> {
        if walk.packet.protocol == TCP {
            let missed: Vec<_> = walk
                .firewalls
                .iter()
                .filter(|crossed| !walk.back_firewalls.contains(crossed))
                .copied()
                .collect();
            for (firewall, subnet) in missed {
                self.missed(&mut walk, firewall, subnet);
            }
        }
        walk.end()
    }

    /// The interface in a VPC that has a private address.
    pub(super) fn find_private(&self, vpc: VpcId, address: &Addr) -> Option<InterfaceId> {
        if address.is_public && !address.is_v6() {
            return None;
        }
        if let Some(id) = address.interface
            && self.vpc_of(id) == Some(vpc)
        {
            return Some(id);
        }
        self.by_private.get(&(vpc, address.ip)).filter(|_| address.is_exact())?.first().copied()
    }

    /// What people call an interface: its host, and its own name where that differs.
    pub(super) fn place(&self, id: InterfaceId) -> String {
        let Some(interface) = self.network.interfaces.get(id.at()) else { return String::new() };
        let host = self.network.hosts.get(interface.host.at());
        host.map_or_else(|| interface.name.label.to_string(), |host| host.name.label.to_string())
    }

    pub(super) fn span(&self, id: InterfaceId) -> Span {
        self.network.interfaces.get(id.at()).map_or(Span::NONE, |interface| interface.name.span)
    }

    pub(super) fn label_of(&self, subnet: SubnetId) -> &str {
        self.network.subnets.get(subnet.at()).map_or("", |subnet| subnet.name.label.as_str())
    }

    pub(super) fn target_name(&self, target: RouteTarget) -> String {
        let network = self.network;
        let label = match target {
            RouteTarget::Local => return "the VPC itself".to_owned(),
            RouteTarget::Blackhole => return "nowhere".to_owned(),
            RouteTarget::Gateway(id) => network.gateways.get(id.at()).map(|it| &it.name.label),
            RouteTarget::Nat(id) => network.nats.get(id.at()).map(|it| &it.name.label),
            RouteTarget::Peering(id) => network.peerings.get(id.at()).map(|it| &it.name.label),
            RouteTarget::Transit(id) => {
                let gateway = network.attachments.get(id.at()).map(|it| it.gateway);
                gateway.and_then(|id| network.transit_gateways.get(id.at())).map(|it| &it.name.label)
            }
            RouteTarget::Interface(id) => return self.place(id),
            RouteTarget::Endpoint(id) | RouteTarget::GatewayEndpoint(id) => {
                network.endpoints.get(id.at()).map(|it| &it.name.label)
            }
            RouteTarget::Firewall(id, _) => network.firewalls.get(id.at()).map(|it| &it.name.label),
            RouteTarget::Unknown(_) => None,
        };
        label.map_or_else(|| "something not known".to_owned(), ToString::to_string)
    }
}

/// What an ACL says, with the way it looks.
fn at_border(way: &str, judged: Option<Judged>) -> Option<Judged> {
    let mut judged = judged?;
    let word = if judged.verdict == Verdict::Unreachable && judged.says.starts_with("rule") {
        "denied by "
    } else {
        ""
    };
    judged.says = format!("{way}: {word}{}", judged.says);
    Some(judged)
}
