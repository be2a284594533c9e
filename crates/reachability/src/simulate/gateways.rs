//! Doors between networks: internet and other gateways, NAT, peering, VPN, endpoints of services.
//!
//! Sources: Amazon VPC User Guide, "Internet gateways", "NAT gateways", "Gateway route tables"; Amazon VPC Peering Guide,
//! "How VPC peering connections work"; AWS PrivateLink Guide, "Gateway endpoints".

use diagnostics::Span;

use super::address::Addr;
use super::filters::{EPHEMERAL, LINUX, TCP, Via};
use super::routes::Chosen;
use super::walk::{At, Walk};
use super::{Doubt, HopKind, Simulator, Source, Verdict};
use crate::model::{
    Certainty, EndpointId, EndpointKind, GatewayId, GatewayKind, InterfaceId, NatId, OfficeId, PeeringId,
    RouteTarget, SubnetId, UnknownId, VpcId,
};

impl Simulator<'_> {
    /// Out by an internet, egress-only or virtual private gateway.
    pub(super) fn gateway(
        &self,
        mut walk: Walk,
        id: GatewayId,
        vpc: VpcId,
        assumed: &[UnknownId],
    ) -> Vec<Walk> {
        let Some(gateway) = self.network.gateways.get(id.at()) else { return walk.end() };
        let (label, span) = (gateway.name.label.to_string(), gateway.name.span);
        if gateway.vpc != Some(vpc) {
            walk.stop(HopKind::Gateway, label, "the gateway is not attached to this VPC", span);
            return self.jump(walk, Some(vpc));
        }
        match gateway.kind {
            GatewayKind::Internet => self.out_to_internet(walk, &label, span, assumed),
            GatewayKind::EgressOnly => {
                walk.egress_only = Some(id);
                walk.hop(HopKind::Gateway, label, "out to the internet, answers come back", span);
                self.on_internet(walk)
            }
            GatewayKind::VirtualPrivate => self.to_offices(walk, &gateway.offices.clone(), &label, span),
        }
    }

    /// Source: Amazon VPC User Guide, "Internet gateways": one-to-one translation for what has a public address.
    pub(super) fn out_to_internet(
        &self,
        mut walk: Walk,
        label: &str,
        span: Span,
        assumed: &[UnknownId],
    ) -> Vec<Walk> {
        let source = walk.packet.source;
        if !source.is_v6() && !source.is_public {
            let public = source.interface.and_then(|id| self.public_behind(id, &source));
            match public {
                Some((address, Certainty::Yes)) => walk.packet.source = address,
                Some((address, Certainty::Maybe(unknown))) => {
                    walk.packet.source = address;
                    if !assumed.contains(&unknown) {
                        let doubts = vec![Doubt::Unknown(unknown)];
                        walk.doubt(
                            HopKind::Gateway,
                            label,
                            "whether the source has a public address",
                            span,
                            doubts,
                        );
                    }
                }
                Some((_, Certainty::No)) | None => {
                    let says = format!("{source} has no public address");
                    walk.stop(HopKind::Gateway, label, says, span);
                    // Behind it there is no address that an answer could come back to.
                    return if walk.packet.back { self.finish(walk) } else { self.jump(walk, None) };
                }
            }
            let says = format!("{source} goes out as {}", walk.packet.source);
            walk.hop(HopKind::Gateway, label, says, span);
        } else {
            walk.hop(HopKind::Gateway, label, "out to the internet", span);
        }
        walk.packet.via = Via::Middlebox;
        self.on_internet(walk)
    }

    /// The public address behind a private one.
    pub(super) fn public_behind(&self, id: InterfaceId, private: &Addr) -> Option<(Addr, Certainty)> {
        let interface = self.network.interfaces.get(id.at())?;
        let at = self.addresses_of(id).iter().position(|own| own.is(private)).unwrap_or(0);
        let public = interface.public.iter().find(|public| public.private == at)?;
        Some((Addr::public(public.public, id, at), public.exists))
    }

    /// On the internet: another door of the estate, or somebody out there.
    pub(super) fn on_internet(&self, mut walk: Walk) -> Vec<Walk> {
        let destination = walk.packet.destination;
        if self.door_of(&destination).is_some() {
            walk.at = At::FromInternet;
            return vec![walk];
        }
        if walk.packet.back {
            if walk.from == Source::Internet {
                walk.hop(HopKind::End, "internet", "the reply is back", Span::NONE);
                return self.finish(walk);
            }
            walk.stop(HopKind::Gateway, "internet", format!("{destination} is nowhere there"), Span::NONE);
            return self.finish(walk);
        }
        if !destination.is_on_internet() {
            let says = format!("{destination} is a private address: the internet does not route it");
            walk.stop(HopKind::Gateway, "internet", says, Span::NONE);
            return self.jump(walk, None);
        }
        if self.network.idle.contains(&destination.ip) && destination.is_exact() {
            let says = format!("{destination} is an address of the estate that nothing has");
            walk.stop(HopKind::End, "internet", says, Span::NONE);
            return walk.end();
        }
        walk.hop(HopKind::End, "internet", format!("arrives at {destination}"), Span::NONE);
        self.service_listens(&mut walk, destination);
        self.reply(walk, At::FromInternet)
    }

    /// The interface behind an address that the internet routes to the estate.
    pub(super) fn door_of(&self, address: &Addr) -> Option<(InterfaceId, usize)> {
        if address.is_v6() {
            let id = address.interface.or_else(|| self.with_private(address.ip).next())?;
            return Some((id, 0));
        }
        match (address.is_public, address.interface) {
            (true, Some(id)) => {
                let interface = self.network.interfaces.get(id.at())?;
                let public = interface.public.iter().find(|public| public.public == Some(address.ip));
                Some((id, public.or(interface.public.first()).map_or(0, |public| public.private)))
            }
            _ if address.is_exact() => self.by_public.get(&address.ip).copied(),
            _ => None,
        }
    }

    /// In from the internet: translated by the gateway of the VPC that has the address.
    pub(super) fn enter_from_internet(&self, mut walk: Walk, assumed: &[UnknownId]) -> Vec<Walk> {
        let destination = walk.packet.destination;
        let door = self.door_of(&destination);
        let Some((id, private)) = door else {
            let private = !destination.is_on_internet();
            let says = if private {
                format!("{destination} is a private address: the internet does not route it")
            } else {
                format!("{destination} is no address of the estate")
            };
            walk.stop(HopKind::Gateway, "internet", says, Span::NONE);
            return if private { self.jump(walk, None) } else { walk.end() };
        };
        let Some(vpc) = self.vpc_of(id) else { return walk.end() };
        let gateway = self.internet_gateways.get(&vpc).copied();
        let gateway = gateway.or_else(|| walk.egress_only.filter(|_| walk.packet.back));
        let Some(found) = gateway.and_then(|gateway| self.network.gateways.get(gateway.at())) else {
            let vpc = self.network.vpcs.get(vpc.at());
            let label = vpc.map_or("", |vpc| vpc.name.label.as_str());
            let span = vpc.map_or(Span::NONE, |vpc| vpc.name.span);
            walk.stop(HopKind::Gateway, label, "the VPC has no internet gateway", span);
            walk.packet.destination = self.private_at(id, private);
            walk.at = At::Delivers(self.vpc_of(id).unwrap_or(VpcId(0)), None);
            return vec![walk];
        };
        if !destination.is_v6() {
            walk.packet.destination = self.private_at(id, private);
            let says = format!("{destination} becomes {}", walk.packet.destination);
            walk.hop(HopKind::Gateway, found.name.label.as_str(), says, found.name.span);
        }
        walk.packet.via = Via::Middlebox;
        let exists = self.network.interfaces.get(id.at()).and_then(|interface| interface.public.first());
        if let Some(Certainty::Maybe(unknown)) = exists.map(|public| public.exists)
            && !assumed.contains(&unknown)
            && !destination.is_v6()
        {
            let doubts = vec![Doubt::Unknown(unknown)];
            let place = self.place(id);
            walk.doubt(HopKind::Gateway, place, "whether it has a public address", self.span(id), doubts);
        }
        match gateway.and_then(|gateway| self.edge_table(gateway)) {
            Some(table) => self.edge(walk, table, vpc, assumed),
            None => {
                walk.at = At::Delivers(vpc, None);
                vec![walk]
            }
        }
    }

    pub(super) fn private_at(&self, id: InterfaceId, private: usize) -> Addr {
        let own = self.addresses_of(id);
        own.get(private)
            .or(own.first())
            .copied()
            .unwrap_or(Addr::elsewhere(std::net::IpAddr::from([0, 0, 0, 0])))
    }

    /// The route table of a gateway, for what comes in by it.
    /// Source: Amazon VPC User Guide, "Gateway route tables".
    pub(super) fn edge(
        &self,
        walk: Walk,
        table: crate::model::RouteTableId,
        vpc: VpcId,
        assumed: &[UnknownId],
    ) -> Vec<Walk> {
        let mut out = Vec::new();
        for Chosen { to, given, span, prefix } in
            self.lookup(Some(table), vpc, &walk.packet.destination, assumed)
        {
            let mut other = walk.given(At::Delivers(vpc, None), &given);
            let Some(target) = to else {
                other.stop(
                    HopKind::Route,
                    "edge table",
                    format!("no route to {}", other.packet.destination),
                    span,
                );
                out.push(other);
                continue;
            };
            let label =
                self.network.route_tables.get(table.at()).map_or("", |table| table.name.label.as_str());
            other.hop(HopKind::Route, label, format!("{prefix} to {}", self.target_name(target)), span);
            match target {
                RouteTarget::Firewall(id, at) => {
                    out.extend(self.firewall_from_outside(other, id, at, assumed))
                }
                RouteTarget::Interface(id) => {
                    if let Some(interface) = self.network.interfaces.get(id.at()) {
                        self.enters(&mut other, interface.subnet, assumed);
                        out.extend(self.through_appliance(other, id, assumed));
                    }
                }
                RouteTarget::Endpoint(id) => out.extend(self.balanced_from_outside(other, id, assumed)),
                RouteTarget::Unknown(id) => {
                    other.doubt(HopKind::Route, label, "the target", span, vec![Doubt::Unknown(id)]);
                    out.extend(other.end());
                }
                _ => out.push(other),
            }
        }
        out
    }

    /// To networks beyond a VPN.
    pub(super) fn to_offices(
        &self,
        mut walk: Walk,
        offices: &[OfficeId],
        label: &str,
        span: Span,
    ) -> Vec<Walk> {
        let destination = walk.packet.destination;
        let mut doubts = Vec::new();
        for office in offices.iter().filter_map(|id| self.network.offices.get(id.at())) {
            let (verdict, doubt) = destination.in_set(self.network, &office.networks);
            let up = match office.up {
                Certainty::No => continue,
                Certainty::Maybe(id) => Some(Doubt::Unknown(id)),
                Certainty::Yes => None,
            };
            doubts.extend(doubt);
            if verdict == Verdict::Unreachable {
                continue;
            }
            if verdict == Verdict::Unknown {
                continue;
            }
            let place = office.name.label.to_string();
            match up {
                Some(up) => walk.doubt(HopKind::Gateway, label, "the link", span, vec![up]),
                None => walk.hop(HopKind::Gateway, label, format!("to {place}"), span),
            }
            return self.at_office(walk, &place, span);
        }
        if doubts.is_empty() {
            walk.stop(HopKind::Gateway, label, format!("no network behind it has {destination}"), span);
            return if walk.packet.back { self.finish(walk) } else { self.jump(walk, None) };
        }
        walk.doubt(HopKind::Gateway, label, "the networks behind it", span, doubts);
        self.at_office(walk, label, span)
    }

    pub(super) fn at_office(&self, mut walk: Walk, place: &str, span: Span) -> Vec<Walk> {
        if walk.packet.back {
            walk.hop(HopKind::End, place, "the reply is back", span);
            return self.finish(walk);
        }
        walk.hop(HopKind::End, place, format!("arrives at {}", walk.packet.destination), span);
        let office = self.network.offices.iter().position(|office| office.name.label == place);
        match office.map(OfficeId::from_position) {
            Some(office) => {
                let mut back = self.reply(walk, At::Ends);
                match back.pop() {
                    Some(walk) => self.back_from_office(walk, office),
                    None => back,
                }
            }
            None => walk.end(),
        }
    }

    pub(super) fn back_from_office(&self, walk: Walk, office: OfficeId) -> Vec<Walk> {
        let mut out: Vec<Walk> =
            self.attachments_of(office).map(|id| walk.given(At::TransitFrom(id), &[])).collect();
        for gateway in self.network.gateways.iter().filter(|gateway| gateway.offices.contains(&office)) {
            out.extend(gateway.vpc.map(|vpc| walk.given(At::Delivers(vpc, None), &[])));
        }
        if out.is_empty() { walk.end() } else { out }
    }

    /// Source: Amazon VPC User Guide, "NAT gateways": refuses what it did not start.
    pub(super) fn nat(
        &self,
        mut walk: Walk,
        id: NatId,
        subnet: SubnetId,
        assumed: &[UnknownId],
    ) -> Vec<Walk> {
        let Some(nat) = self.network.nats.get(id.at()) else { return walk.end() };
        let (label, span) = (nat.name.label.to_string(), nat.name.span);
        let Some(interface) = self.network.interfaces.get(nat.interface.at()) else { return walk.end() };
        if interface.subnet != subnet {
            self.enters(&mut walk, interface.subnet, assumed);
        }
        if walk.packet.back {
            walk.stop(HopKind::Gateway, label, "a NAT gateway drops answers to what it did not start", span);
            return self.finish(walk);
        }
        self.exists(&mut walk, interface.exists, &label, span, assumed);
        let own = self.private_at(nat.interface, 0);
        walk.nats.push((id, walk.packet.source));
        let says = format!("{} goes out as {own}", walk.packet.source);
        walk.hop(HopKind::Gateway, label, says, span);
        (walk.packet.source, walk.packet.client, walk.packet.via) = (own, EPHEMERAL, Via::Middlebox);
        walk.at = At::Leaves(interface.subnet, true);
        vec![walk]
    }

    pub(super) fn at_nat(&self, mut walk: Walk, id: NatId, interface: InterfaceId) -> Vec<Walk> {
        let (place, span) = (self.place(interface), self.span(interface));
        let known = walk.nats.iter().rposition(|(nat, _)| *nat == id).filter(|_| walk.packet.back);
        let Some(at) = known else {
            walk.stop(HopKind::Gateway, place, "a NAT gateway answers nothing that it did not start", span);
            return walk.end();
        };
        let (_, before) = walk.nats.remove(at);
        let says = format!("{} becomes {before} again", walk.packet.destination);
        walk.hop(HopKind::Gateway, place, says, span);
        walk.packet.destination = before;
        walk.packet.client = LINUX;
        let subnet = self.network.interfaces.get(interface.at()).map(|interface| interface.subnet);
        walk.at = subnet.map_or(At::Ends, |subnet| At::Leaves(subnet, true));
        vec![walk]
    }

    /// Source: Amazon VPC Peering Guide, "How VPC peering connections work": never transitive.
    pub(super) fn peering(
        &self,
        mut walk: Walk,
        id: PeeringId,
        vpc: VpcId,
        assumed: &[UnknownId],
    ) -> Vec<Walk> {
        let Some(peering) = self.network.peerings.get(id.at()) else { return walk.end() };
        let (label, span) = (peering.name.label.to_string(), peering.name.span);
        match peering.active {
            Certainty::No => walk.stop(HopKind::Gateway, label.as_str(), "the peering is not active", span),
            Certainty::Maybe(id) if !assumed.contains(&id) => {
                let doubts = vec![Doubt::Unknown(id)];
                walk.doubt(HopKind::Gateway, label.as_str(), "whether the peering is there", span, doubts);
            }
            _ => {}
        }
        let other = if peering.requester == Some(vpc) { peering.accepter } else { peering.requester };
        let Some(other) = other else {
            let choice =
                Doubt::Choice(format!("what is behind peering {label}, which is not part of the estate"));
            walk.doubt(HopKind::Gateway, label, "to a VPC outside the estate", span, vec![choice]);
            return walk.end();
        };
        let (inside, _, doubt) = self.in_vpc(other, &walk.packet.destination);
        let there = self.network.vpcs.get(other.at()).map_or("", |vpc| vpc.name.label.as_str());
        match inside {
            Verdict::Unreachable => {
                let says =
                    format!("{} is not in {there}, and peering leads no further", walk.packet.destination);
                walk.stop(HopKind::Gateway, label, says, span);
                return if walk.packet.back { self.finish(walk) } else { self.jump(walk, Some(vpc)) };
            }
            Verdict::Unknown => {
                walk.doubt(
                    HopKind::Gateway,
                    label.as_str(),
                    format!("to {there}"),
                    span,
                    doubt.into_iter().collect(),
                );
            }
            Verdict::Reachable => walk.hop(HopKind::Gateway, label, format!("to {there}"), span),
        }
        if walk.packet.via == Via::Local {
            walk.packet.via = Via::Peering;
        }
        walk.at = At::Delivers(other, None);
        vec![walk]
    }

    /// To a public service by its gateway endpoint.
    pub(super) fn gateway_endpoint(&self, mut walk: Walk, id: EndpointId, vpc: VpcId) -> Vec<Walk> {
        let Some(endpoint) = self.network.endpoints.get(id.at()) else { return walk.end() };
        let span = endpoint.name.span;
        if walk.packet.back {
            walk.stop(
                HopKind::Gateway,
                endpoint.name.label.as_str(),
                "leads to a service, not to the client",
                span,
            );
            return self.finish(walk);
        }
        let destination = walk.packet.destination;
        let says = format!("arrives at {} ({destination})", endpoint.service);
        walk.hop(HopKind::End, endpoint.name.label.as_str(), says, span);
        self.service_listens(&mut walk, destination);
        self.reply(walk, At::Delivers(vpc, None))
    }

    /// An interface endpoint: a service of AWS or somebody else answers.
    pub(super) fn at_endpoint(
        &self,
        mut walk: Walk,
        id: EndpointId,
        at: InterfaceId,
        assumed: &[UnknownId],
    ) -> Vec<Walk> {
        self.pass_groups(&mut walk, at, assumed);
        let Some(endpoint) = self.network.endpoints.get(id.at()) else { return walk.end() };
        let (place, span) = (self.place(at), endpoint.name.span);
        match endpoint.kind {
            EndpointKind::Interface { service: Some(balancer), .. } => {
                self.through_private_link(walk, balancer, at, assumed)
            }
            EndpointKind::Interface { service: None, .. } => {
                walk.hop(HopKind::End, place.as_str(), format!("arrives at {}", endpoint.service), span);
                self.endpoint_listens(&mut walk, &endpoint.service, &place, span);
                walk.server = Some(at);
                self.reply(walk, At::Sends(at))
            }
            _ => {
                walk.stop(HopKind::Gateway, place, "nothing answers on this interface", span);
                walk.end()
            }
        }
    }

    /// What AWS's own services answer to at their public addresses: nothing but HTTP and HTTPS at those of S3 and
    /// DynamoDB, which are the ones that prefix lists name.
    /// Source: AWS General Reference, "Amazon S3 endpoints and quotas", "Amazon DynamoDB endpoints and quotas".
    pub(super) fn service_listens(&self, walk: &mut Walk, destination: Addr) {
        let listed = self
            .network
            .public_services
            .iter()
            .find(|(_, set)| destination.is_exact() && set.contains(destination.ip));
        if let Some((service, _)) = listed
            && walk.packet.protocol == TCP
            && ![80, 443].contains(&walk.packet.port)
        {
            let says = format!("{service} answers on ports 80 and 443 only");
            walk.stop(HopKind::Host, service.as_str(), says, Span::NONE);
        }
    }

    /// What a service of AWS answers to by an interface endpoint: HTTPS, and for a few their own protocols.
    /// Source: AWS PrivateLink Guide, "AWS services that integrate with AWS PrivateLink", and the services' own guides.
    pub(super) fn endpoint_listens(&self, walk: &mut Walk, service: &str, place: &str, span: Span) {
        const OTHERS: [&str; 12] = [
            "smtp",
            "cassandra",
            "transfer",
            "iot",
            "redshift",
            "rds",
            "kafka",
            "workspaces",
            "appstream",
            "mq",
            "nimble",
            "deviceadvisor",
        ];
        let of_aws = (service.starts_with("com.amazonaws.") || service.starts_with("aws."))
            && !service.contains(".vpce-svc-")
            && !service.contains("vpce.");
        if !of_aws || (walk.packet.protocol == TCP && walk.packet.port == 443) {
            return;
        }
        if walk.packet.protocol == TCP && OTHERS.iter().any(|other| service.contains(other)) {
            let choice = Doubt::Choice(format!("the ports that {service} answers on"));
            walk.doubt(HopKind::Host, place, "answers, perhaps", span, vec![choice]);
            return;
        }
        walk.stop(HopKind::Host, place, format!("{service} answers on port 443 only"), span);
    }
}
