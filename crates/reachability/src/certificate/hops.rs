//! What each place does to packets, as the checker reads the network.
//!
//! In: the packets listed at a place. Out: where they go, each compared with what is listed there. Always: every unknown lets
//! through and every choice of AWS goes every way. Sources are those of the hops of [`crate::engine`]'s own reading, which
//! this does not use: the Amazon VPC, AWS Transit Gateway, Elastic Load Balancing and Network Firewall guides.

use estate::SmolStr;
use ipnet::IpNet;

use super::check::{Check, Refused};
use super::facts;
use super::filters::{ICMP, TCP, UDP, Way, ports, protocol};
use super::sets::{Field, Packets, Values};
use super::{Place, firewall};
use crate::model::{
    Addresses, AttachmentId, AttachmentKind, Balancer, BalancerId, BalancerKind, Certainty, EndpointKind,
    Forward, GatewayId, GatewayKind, Health, InterfaceId, NatId, OfficeId, PeeringId, PortRange, Role,
    RouteTableId, RouteTarget, SubnetId, Target, TargetPlace, TransitTableId, VpcId,
};

type Step = Result<(), Refused>;

fn whole_range() -> Values {
    Values::numbers(0, 65_535)
}

/// Ports that NAT gateways and load balancers take. Source: Amazon VPC User Guide, "NAT gateway basics".
fn high_ports() -> Values {
    Values::numbers(1024, 65_535)
}

/// One prefix of a table.
struct Entry<T> {
    net: IpNet,
    target: T,
    rank: u8,
    certain: bool,
}

/// Of packets those that each entry may take, by longest prefix, the certain ones taking what they certainly match.
fn longest<T: Copy>(mut entries: Vec<Entry<T>>, to: Field, set: Packets) -> Vec<(T, Packets)> {
    entries.sort_by_key(|entry| (std::cmp::Reverse(entry.net.prefix_len()), entry.rank));
    let (mut left, mut out) = (set, Vec::new());
    for entry in entries {
        if left.is_empty() {
            break;
        }
        let matched = |sure: bool| {
            let of = Addresses::Known(crate::model::IpSet(vec![entry.net]));
            super::filters::addressed(&left, to, &of, sure)
        };
        out.push((entry.target, matched(false)));
        if entry.certain {
            left = left.minus(&matched(true));
        }
    }
    out
}

impl Check<'_, '_> {
    /// Follows what is listed at a place by one hop.
    pub fn step(&mut self, place: &Place, set: &Packets) -> Step {
        match *place {
            Place::Out(subnet) => self.leave(subnet, set),
            Place::Within(vpc) => self.within(vpc, set, false),
            Place::Inspected(vpc) => self.within(vpc, set, true),
            Place::Internet => self.internet(set),
            Place::In(gateway) => self.enter(gateway, set),
            Place::Nat(nat) => self.nat(nat, set),
            Place::Transit(table, ref zone) => self.transit(table, zone, set),
            Place::Firewall(id, subnet) => self.firewall(id, subnet, set),
            Place::Appliance(id) => self.appliance(id, set),
            Place::Endpoint(id) => match self.facts.network.endpoints.get(id.at()).map(|one| &one.kind) {
                Some(EndpointKind::GatewayLoadBalancer { interface, .. }) => self.out_of(*interface, set),
                _ => Ok(()),
            },
            Place::Beyond => self.beyond(set),
            Place::At(id) if self.way == Way::There => self.received(id, set),
            _ => Ok(()),
        }
    }

    fn out_of(&mut self, interface: InterfaceId, set: &Packets) -> Step {
        match self.facts.subnet_of(interface) {
            Some(subnet) => self.comes(Place::Out(subnet), set),
            None => Ok(()),
        }
    }

    fn leave(&mut self, subnet: SubnetId, set: &Packets) -> Step {
        let Some(near) = self.facts.in_subnet.get(subnet.at()) else { return Ok(()) };
        let direct = set.among(self.way.to(), near);
        let everybody_else = self.facts.everybody.minus(near);
        let far = set.among(self.way.to(), &everybody_else);
        let inspected = self.comes_inspected(subnet);
        self.deliver(subnet, &direct, inspected)?;
        let far = self.facts.acl(subnet, false, self.way, &far);
        let Some(known) = self.facts.network.subnets.get(subnet.at()) else { return Ok(()) };
        self.route(known.vpc, known.table, Some(subnet), far)
    }

    /// Whether all that leaves a subnet has come out of a firewall there.
    fn comes_inspected(&self, subnet: SubnetId) -> bool {
        let network = self.facts.network;
        let mut endpoints = network.firewalls.iter().flat_map(|firewall| &firewall.endpoints);
        let mut hosts = network.interfaces.iter().filter(|one| one.subnet == subnet);
        endpoints.any(|endpoint| endpoint.subnet == subnet)
            && !hosts.any(|one| matches!(one.role, Role::Host | Role::Balancer(_)))
    }

    fn route(
        &mut self,
        vpc: VpcId,
        table: Option<RouteTableId>,
        from: Option<SubnetId>,
        set: Packets,
    ) -> Step {
        if set.is_empty() {
            return Ok(());
        }
        let network = self.facts.network;
        let table = table.and_then(|table| network.route_tables.get(table.at()));
        let routes = table.map_or(&[][..], |table| table.routes.as_slice());
        let blocks = network.vpcs.get(vpc.at()).map(|vpc| facts::listed(&vpc.blocks).0.as_slice());
        let written =
            |block: &&IpNet| !routes.iter().any(|route| facts::listed(&route.destination).0.contains(block));
        let local = |net: &IpNet| Entry { net: *net, target: RouteTarget::Local, rank: 0, certain: true };
        let mut entries: Vec<_> = blocks.unwrap_or(&[]).iter().filter(written).map(local).collect();
        for route in routes.iter().filter(|route| route.exists != Certainty::No) {
            let rank = if route.target == RouteTarget::Local { 0 } else { 1 + u8::from(route.propagated) };
            entries.extend(facts::listed(&route.destination).0.iter().map(|net| Entry {
                net: *net,
                target: route.target,
                rank,
                certain: route.exists == Certainty::Yes,
            }));
        }
        let home = self.facts.in_vpc.get(vpc.at()).cloned().unwrap_or_else(|| Values::of([]));
        let nowhere = facts::unlocated(&home);
        let strangers = self.facts.everybody.minus(&home);
        let to = self.way.to();
        let mut taken = longest(entries, to, set.among(to, &self.facts.everybody.minus(&nowhere)));
        taken.push((RouteTarget::Local, set.among(to, &nowhere)));
        for route in routes.iter().filter(|route| route.exists != Certainty::No) {
            if let Addresses::AtLeast(..) = route.destination {
                let service = matches!(route.target, RouteTarget::GatewayEndpoint(_));
                let may = if service { &self.facts.internet } else { &strangers };
                taken.push((route.target, set.among(to, may)));
            }
        }
        for (target, set) in taken.into_iter().filter(|(_, set)| !set.is_empty()) {
            self.go(target, vpc, from, &set)?;
        }
        Ok(())
    }

    fn go(&mut self, target: RouteTarget, vpc: VpcId, from: Option<SubnetId>, set: &Packets) -> Step {
        match target {
            RouteTarget::Local => {
                let inspected = from.is_some_and(|subnet| self.comes_inspected(subnet));
                self.comes(if inspected { Place::Inspected(vpc) } else { Place::Within(vpc) }, set)
            }
            RouteTarget::Gateway(gateway) => self.out_by(gateway, vpc, set),
            RouteTarget::Nat(nat) => match self.facts.network.nats.get(nat.at()) {
                Some(known) if self.way == Way::There => {
                    let set = self.entering(known.interface, from, set);
                    self.comes(Place::Nat(nat), &set)
                }
                _ => Ok(()),
            },
            RouteTarget::Peering(peering) => self.peering(peering, vpc, set),
            RouteTarget::Transit(attachment) => self.enter_transit(attachment, from, set),
            RouteTarget::Interface(interface) => {
                let set = self.entering(interface, from, set);
                self.comes(Place::Appliance(interface), &set)
            }
            RouteTarget::Endpoint(id) => match self.facts.network.endpoints.get(id.at()).map(|one| &one.kind)
            {
                Some(EndpointKind::GatewayLoadBalancer { interface, .. }) => {
                    let set = self.entering(*interface, from, set);
                    self.comes(Place::Endpoint(id), &set)
                }
                _ => Ok(()),
            },
            RouteTarget::GatewayEndpoint(id) if self.way == Way::There => {
                let set = set.among(Field::To, &self.facts.internet);
                self.comes(Place::Service(id), &set)
            }
            RouteTarget::Firewall(id, subnet) => {
                let set = self.entering_subnet(subnet, from, set);
                self.comes(Place::Firewall(id, subnet), &set)
            }
            RouteTarget::Unknown(_) => self.comes(Place::Beyond, set),
            RouteTarget::GatewayEndpoint(_) | RouteTarget::Blackhole => Ok(()),
        }
    }

    fn entering_subnet(&self, subnet: SubnetId, from: Option<SubnetId>, set: &Packets) -> Packets {
        if from == Some(subnet) { set.clone() } else { self.facts.acl(subnet, true, self.way, set) }
    }

    fn entering(&self, id: InterfaceId, from: Option<SubnetId>, set: &Packets) -> Packets {
        self.facts
            .subnet_of(id)
            .map_or_else(Packets::default, |subnet| self.entering_subnet(subnet, from, set))
    }

    fn within(&mut self, vpc: VpcId, set: &Packets, inspected: bool) -> Step {
        for subnet in self.facts.subnets_of.get(vpc.at()).cloned().unwrap_or_default() {
            let Some(there) = self.facts.in_subnet.get(subnet.at()) else { continue };
            let mine = set.among(self.way.to(), there);
            if !mine.is_empty() {
                let mine = self.facts.acl(subnet, true, self.way, &mine);
                self.deliver(subnet, &mine, inspected)?;
            }
        }
        Ok(())
    }

    fn deliver(&mut self, subnet: SubnetId, set: &Packets, inspected: bool) -> Step {
        if set.is_empty() {
            return Ok(());
        }
        for id in self.facts.interfaces_in.get(subnet.at()).cloned().unwrap_or_default() {
            let mine = set.among(self.way.to(), &self.facts.own(id));
            let Some(interface) = self.facts.network.interfaces.get(id.at()) else { continue };
            if mine.is_empty() || interface.exists == Certainty::No {
                continue;
            }
            match (self.way, interface.role) {
                (Way::There, Role::Host | Role::Balancer(_) | Role::Endpoint(_)) => {
                    let let_in = self.facts.groups(id, true, !inspected, &mine);
                    self.comes(Place::At(id), &let_in)?;
                }
                (Way::There, _) => {}
                (Way::Back, Role::Nat(nat)) => self.comes(Place::Nat(nat), &mine)?,
                (Way::Back, Role::Balancer(_)) => self.home(Place::Node(id), &mine)?,
                (Way::Back, _) => {
                    self.home(Place::From(id), &mine)?;
                    if !self.entered(id).is_empty() {
                        self.comes(Place::Appliance(id), &mine)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn out_by(&mut self, id: GatewayId, vpc: VpcId, set: &Packets) -> Step {
        let Some(gateway) = self.facts.network.gateways.get(id.at()) else { return Ok(()) };
        if gateway.vpc != Some(vpc) || self.certificate.claim.cut_gateways.contains(&id) {
            return Ok(());
        }
        let v6 = || set.among(self.way.from(), &self.v6_in(vpc));
        match gateway.kind {
            GatewayKind::Internet => {
                let out = self.translated(vpc, false, set).or(v6());
                self.comes(Place::Internet, &out)
            }
            GatewayKind::EgressOnly if self.way == Way::There => {
                let out = v6();
                self.comes(Place::Internet, &out)
            }
            GatewayKind::EgressOnly => Ok(()),
            GatewayKind::VirtualPrivate => {
                gateway.offices.iter().try_for_each(|office| self.enter_office(*office, set))
            }
        }
    }

    /// IPv6 addresses in a VPC.
    pub fn v6_in(&self, vpc: VpcId) -> Values {
        self.facts.in_vpc.get(vpc.at()).map_or_else(|| Values::of([]), |all| facts::of_family(all, true))
    }

    /// Between private and public addresses; any address that AWS may choose stands behind the public one.
    fn translated(&self, vpc: VpcId, inward: bool, set: &Packets) -> Packets {
        let field = if inward { self.way.to() } else { self.way.from() };
        let mut out = Packets::default();
        for one in self.facts.translations.get(vpc.at()).into_iter().flatten() {
            let (old, new) = if inward { (&one.public, &one.private) } else { (&one.private, &one.public) };
            out = out.or(set.among(field, old).with(field, new));
        }
        out
    }

    fn enter_office(&mut self, id: OfficeId, set: &Packets) -> Step {
        let Some(office) = self.facts.network.offices.get(id.at()) else { return Ok(()) };
        if office.up == Certainty::No {
            return Ok(());
        }
        let set = match office.networks {
            Addresses::Known(_) => set.among(self.way.to(), &self.facts.office(id)),
            Addresses::AtLeast(..) => set.clone(),
        };
        match self.way {
            Way::There => self.comes(Place::AtOffice(id), &set),
            Way::Back => self.home(Place::FromOffice(id), &set),
        }
    }

    /// What leaves an office, by every link it has.
    pub fn leave_office(&mut self, id: OfficeId, set: &Packets) -> Step {
        let network = self.facts.network;
        if network.offices.get(id.at()).is_none_or(|office| office.up == Certainty::No) {
            return Ok(());
        }
        for (at, _) in network.gateways.iter().enumerate().filter(|(_, one)| one.offices.contains(&id)) {
            if !self.certificate.claim.cut_gateways.contains(&GatewayId::from_position(at)) {
                self.comes(Place::In(GatewayId::from_position(at)), set)?;
            }
        }
        for (at, one) in network.attachments.iter().enumerate() {
            if matches!(one.kind, AttachmentKind::Office(office) if office == id) {
                self.enter_table(AttachmentId::from_position(at), "".into(), set)?;
            }
        }
        Ok(())
    }

    fn internet(&mut self, set: &Packets) -> Step {
        let home = set.among(self.way.to(), &self.facts.internet);
        match self.way {
            Way::There => self.comes(Place::AtInternet, &home)?,
            Way::Back => self.home(Place::FromInternet, &home)?,
        }
        for at in 0..self.facts.network.vpcs.len() {
            let vpc = VpcId::from_position(at);
            let Some(gateway) = self.facts.internet_gateway(vpc) else { continue };
            if self.certificate.claim.cut_gateways.contains(&gateway) {
                continue;
            }
            let inward = self.translated(vpc, true, set).or(set.among(self.way.to(), &self.v6_in(vpc)));
            self.comes(Place::In(gateway), &inward)?;
        }
        Ok(())
    }

    fn enter(&mut self, id: GatewayId, set: &Packets) -> Step {
        let Some(gateway) = self.facts.network.gateways.get(id.at()) else { return Ok(()) };
        match (gateway.vpc, gateway.table) {
            (Some(vpc), Some(table)) => self.route(vpc, Some(table), None, set.clone()),
            (Some(vpc), None) => self.comes(Place::Within(vpc), set),
            (None, _) => Ok(()),
        }
    }

    fn nat(&mut self, id: NatId, set: &Packets) -> Step {
        let Some(nat) = self.facts.network.nats.get(id.at()) else { return Ok(()) };
        let Some(interface) = self.facts.network.interfaces.get(nat.interface.at()) else { return Ok(()) };
        if interface.exists == Certainty::No {
            return Ok(());
        }
        let with_ports = set.among(Field::Protocol, &protocol(TCP).or(&protocol(UDP)));
        let echoes = set.among(Field::Protocol, &protocol(ICMP));
        let out = match self.way {
            Way::There => {
                let own = facts::of_family(&self.facts.own(nat.interface), false);
                let is_v4 = facts::of_family(&self.facts.everybody, false);
                let with_ports = with_ports.with(Field::SourcePort, &high_ports());
                with_ports.or(echoes).among(Field::From, &is_v4).with(Field::From, &own)
            }
            Way::Back => {
                let started = self.was_at(&Place::Nat(id));
                let echoes = started.and_but(&echoes, &[Field::From]);
                started.and_but(&with_ports, &[Field::From, Field::SourcePort]).or(echoes)
            }
        };
        self.comes(Place::Out(interface.subnet), &out)
    }

    fn peering(&mut self, id: PeeringId, vpc: VpcId, set: &Packets) -> Step {
        let Some(peering) = self.facts.network.peerings.get(id.at()) else { return Ok(()) };
        let cut = self.certificate.claim.cut_peerings.contains(&id);
        let other = match (peering.requester, peering.accepter) {
            (Some(here), other) if here == vpc => other,
            (other, Some(here)) if here == vpc => other,
            _ => None,
        };
        match other {
            Some(other) if !cut && peering.active != Certainty::No => self.comes(Place::Within(other), set),
            _ => Ok(()),
        }
    }

    fn enter_transit(&mut self, id: AttachmentId, from: Option<SubnetId>, set: &Packets) -> Step {
        let attachment = self.facts.network.attachments.get(id.at());
        let Some(AttachmentKind::Vpc { interfaces, .. }) = attachment.map(|one| &one.kind) else {
            return Ok(());
        };
        let zone = from.map(|subnet| self.facts.zone(subnet)).unwrap_or_default();
        for interface in interfaces {
            let there = self.facts.zone_of(*interface);
            if zone.is_empty() || there.is_empty() || there == zone {
                let set = self.entering(*interface, None, set);
                self.enter_table(id, if there.is_empty() { zone.clone() } else { there }, &set)?;
            }
        }
        Ok(())
    }

    fn enter_table(&mut self, id: AttachmentId, zone: SmolStr, set: &Packets) -> Step {
        let Some(attachment) = self.attached(id) else { return Ok(()) };
        match attachment.table {
            Some(table) => self.comes(Place::Transit(table, zone), set),
            None => Ok(()),
        }
    }

    /// An attachment that is there and not cut.
    fn attached(&self, id: AttachmentId) -> Option<&crate::model::Attachment> {
        let known = self.facts.network.attachments.get(id.at())?;
        let cut = self.certificate.claim.cut_attachments.contains(&id);
        (known.active != Certainty::No && !cut).then_some(known)
    }

    fn transit(&mut self, id: TransitTableId, zone: &SmolStr, set: &Packets) -> Step {
        let Some(table) = self.facts.network.transit_tables.get(id.at()) else { return Ok(()) };
        let mut entries = Vec::new();
        let mut taken = Vec::new();
        for route in table.routes.iter().filter(|route| route.exists != Certainty::No) {
            entries.extend(facts::listed(&route.destination).0.iter().map(|net| Entry {
                net: *net,
                target: route.to,
                rank: route.propagated.into(),
                certain: route.exists == Certainty::Yes,
            }));
            if let Addresses::AtLeast(..) = route.destination {
                taken.push((route.to, set.clone()));
            }
        }
        taken.extend(longest(entries, self.way.to(), set.clone()));
        for (to, set) in taken {
            if let (Some(to), false) = (to, set.is_empty()) {
                self.out_of_transit(to, zone, &set)?;
            }
        }
        Ok(())
    }

    fn out_of_transit(&mut self, id: AttachmentId, zone: &SmolStr, set: &Packets) -> Step {
        let Some(attachment) = self.attached(id) else { return Ok(()) };
        match attachment.kind.clone() {
            AttachmentKind::Vpc { interfaces, appliance_mode, .. } => {
                let same = |there: &SmolStr| there == zone || there.is_empty();
                let any = interfaces.iter().any(|at| same(&self.facts.zone_of(*at)));
                let sticks = appliance_mode == Certainty::No && !zone.is_empty() && any;
                for interface in interfaces {
                    if !sticks || same(&self.facts.zone_of(interface)) {
                        self.out_of(interface, set)?;
                    }
                }
                Ok(())
            }
            AttachmentKind::Peering(Some(other)) => self.enter_table(other, "".into(), set),
            AttachmentKind::Peering(None) | AttachmentKind::Unknown(_) => self.comes(Place::Beyond, set),
            AttachmentKind::Office(office) => self.enter_office(office, set),
        }
    }

    fn firewall(&mut self, id: crate::model::FirewallId, subnet: SubnetId, set: &Packets) -> Step {
        let Some(known) = self.facts.network.firewalls.get(id.at()) else { return Ok(()) };
        let passed = match (&known.policy, self.way) {
            (Err(_), _) => set.clone(),
            (Ok(policy), Way::There) => firewall::opens(policy, set),
            (Ok(policy), Way::Back) => {
                firewall::answers(policy, &self.was_at(&Place::Firewall(id, subnet)), set)
            }
        };
        self.comes(Place::Out(subnet), &passed)
    }

    fn beyond(&mut self, set: &Packets) -> Step {
        for at in 0..self.facts.network.vpcs.len() {
            self.comes(Place::Within(VpcId::from_position(at)), set)?;
        }
        self.comes(Place::Internet, set)?;
        for at in 0..self.facts.network.offices.len() {
            self.enter_office(OfficeId::from_position(at), set)?;
        }
        Ok(())
    }

    /// What software on a host does with packets that are not its own: anything.
    fn appliance(&mut self, id: InterfaceId, set: &Packets) -> Step {
        let network = self.facts.network;
        let Some(interface) = network.interfaces.get(id.at()) else { return Ok(()) };
        let set = match interface.source_dest_check {
            Certainty::Yes => set.among(self.way.to(), &self.facts.own(id)),
            _ => set.clone(),
        };
        if self.way == Way::Back {
            let back = self.entered(id).and_but(&set, &[Field::From, Field::SourcePort]);
            return network.siblings(id).into_iter().try_for_each(|door| self.out_of(door, &back));
        }
        let set = self.facts.groups(id, true, true, &set);
        for door in network.siblings(id) {
            let Some(checked) = network.interfaces.get(door.at()).map(|one| one.source_dest_check) else {
                continue;
            };
            let own = self.facts.own(door);
            let mut sent = set.with(Field::From, &own).with(Field::SourcePort, &whole_range());
            if checked != Certainty::Yes {
                sent = sent.or(set.clone());
            }
            let sent = self.facts.groups(door, false, true, &sent);
            self.out_of(door, &sent)?;
        }
        Ok(())
    }

    /// What has entered a host to be forwarded.
    fn entered(&self, id: InterfaceId) -> Packets {
        let doors = self.facts.network.siblings(id).into_iter();
        doors.map(|door| self.was_at(&Place::Appliance(door))).fold(Packets::default(), Packets::or)
    }

    /// What load balancers and their endpoints send because of what they received.
    fn received(&mut self, id: InterfaceId, set: &Packets) -> Step {
        let network = self.facts.network;
        match network.interfaces.get(id.at()).map(|interface| interface.role) {
            Some(Role::Balancer(balancer)) => self.balance(balancer, id, set, false),
            Some(Role::Endpoint(endpoint)) => {
                let kind = network.endpoints.get(endpoint.at()).map(|endpoint| &endpoint.kind);
                let Some(EndpointKind::Interface { service: Some(balancer), .. }) = kind else {
                    return Ok(());
                };
                let nodes = network.balancers.get(balancer.at()).map(|one| one.nodes.clone());
                let nodes = nodes.unwrap_or_default();
                nodes.into_iter().try_for_each(|node| self.balance(*balancer, node, set, true))
            }
            _ => Ok(()),
        }
    }

    /// Through one node; `hidden`: the client's address is never kept.
    fn balance(&mut self, id: BalancerId, node: InterfaceId, set: &Packets, hidden: bool) -> Step {
        let network = self.facts.network;
        let Some(balancer) = network.balancers.get(id.at()) else { return Ok(()) };
        if balancer.kind == BalancerKind::Gateway {
            return Ok(());
        }
        for listener in &balancer.listeners {
            let heard = set.among(Field::Protocol, &protocol(listener.protocol));
            let heard = heard.among(Field::Port, &ports(listener.ports));
            if heard.is_empty() {
                continue;
            }
            for forward in listener.forwards.iter().filter(|one| one.exists != Certainty::No) {
                let healthy = forward.group.targets.iter().any(|one| one.health == Health::Healthy);
                for target in &forward.group.targets {
                    let used = match target.health {
                        Health::Healthy => true,
                        Health::Unhealthy => !healthy,
                        Health::Unused => false,
                    };
                    if used && self.crosses(balancer, node, forward, target) {
                        self.send_to(balancer, node, (forward, target), &heard, hidden)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn crosses(&self, balancer: &Balancer, node: InterfaceId, forward: &Forward, target: &Target) -> bool {
        let TargetPlace::Interface(to) = target.place else { return true };
        let (here, there) = (self.facts.zone_of(node), self.facts.zone_of(to));
        let crossing = forward.group.cross_zone.unwrap_or(balancer.cross_zone);
        crossing != Certainty::No || here == there || here.is_empty() || there.is_empty()
    }

    fn send_to(
        &mut self,
        balancer: &Balancer,
        node: InterfaceId,
        (forward, target): (&Forward, &Target),
        heard: &Packets,
        hidden: bool,
    ) -> Step {
        let to = match &target.place {
            TargetPlace::Interface(id) => self.facts.own(*id),
            TargetPlace::Address(address) => {
                facts::inside(&self.facts.everybody, &IpNet::from(*address), false)
            }
            TargetPlace::Office(office) => self.facts.office(*office),
            TargetPlace::Within(addresses) => facts::among(&self.facts.everybody, addresses, false),
        };
        let port = ports(PortRange { first: target.port, last: target.port });
        let asked = heard.with(Field::To, &to).with(Field::Port, &port);
        let own = self.facts.own(node);
        let keeps = forward.group.preserves_client;
        let mut sent = Vec::new();
        if keeps != Certainty::Yes {
            sent.push((asked.with(Field::From, &own).with(Field::SourcePort, &high_ports()), false));
        }
        if keeps != Certainty::No {
            let kept = if hidden { asked.with(Field::From, &own) } else { asked };
            sent.push((kept, !hidden));
        }
        for (set, kept) in sent {
            // A connection of the node's own is no packet of who asked it.
            if !kept && !self.certificate.claim.answered {
                continue;
            }
            let asks = balancer.groups_enforced == Certainty::Yes;
            let set = if asks { self.facts.groups(node, false, true, &set) } else { set };
            self.comes(Place::Node(node), &set)?;
            self.out_of(node, &set)?;
            if kept {
                self.kept.push((node, set));
            }
        }
        Ok(())
    }
}
