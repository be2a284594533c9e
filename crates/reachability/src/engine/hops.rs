//! What happens to packets at each place.
//!
//! In: the packets that are new at a place. Out: pushes to the places where they go next. Always: what a hop does to a
//! packet and to an answer is written once, with [`Way`] saying which field is looked at; every hop cites its source.

use super::atoms::OwnerId;
use super::bdd::{Field, Set};
use super::filters::{Doubt, Filter, Side};
use super::packets::{FROM, TO, Way};
use super::spread::{Mode, Place, Walk};
use super::wiring::Zone;
use crate::model::{
    AttachmentId, AttachmentKind, Certainty, EndpointId, FirewallId, GatewayId, GatewayKind, InterfaceId,
    OfficeId, PeeringId, Role, RouteTarget, SubnetId, TransitTableId, VpcId,
};

impl Walk<'_, '_> {
    pub(super) fn step(&mut self, place: Place, set: Set) {
        match place {
            Place::Out(subnet) => self.leave(subnet, set),
            Place::Within(vpc) => self.within(vpc, set, false),
            Place::Inspected(vpc) => self.within(vpc, set, true),
            Place::Internet => self.internet(set),
            Place::In(gateway) => self.enter(gateway, set),
            Place::Nat(nat) => self.nat(nat, set),
            Place::Transit(table, zone) => self.transit(table, zone, set),
            Place::Firewall(firewall, subnet) => self.firewall(firewall, subnet, set),
            Place::Appliance(interface) => self.appliance(interface, set),
            Place::Endpoint(endpoint) => self.endpoint(endpoint, set),
            Place::Beyond => self.beyond(set),
            Place::At(owner) => self.received(owner, set),
            Place::From(_)
            | Place::FromInternet
            | Place::FromOffice(_)
            | Place::Node(_)
            | Place::AtInternet
            | Place::AtOffice(_)
            | Place::Service(_) => {}
        }
    }

    /// Out of an interface in a subnet: to neighbours directly, to others by the subnet's table.
    fn leave(&mut self, subnet: SubnetId, set: Set) {
        let neighbours = self.engine.wiring.in_subnet.get(subnet.at()).cloned().unwrap_or_default();
        let near = self.engine.space.among(TO, &neighbours);
        let (direct, far) = {
            let store = &mut self.engine.space.store;
            (store.and(set, near), store.minus(set, near))
        };
        let inspected = self.comes_inspected(subnet);
        self.deliver(subnet, direct, inspected);
        let far = self.acl(subnet, Side::Egress, far);
        if far.is_empty() {
            return;
        }
        let key = self.engine.wiring.routes.get(subnet.at()).copied();
        if let Some(key) = key {
            self.route(key, Some(subnet), far);
        }
    }

    /// By a table of routes; `subnet` is where the packets come from, where they come from one.
    fn route(&mut self, key: super::wiring::RouteKey, subnet: Option<SubnetId>, set: Set) {
        let hops = self.engine.wiring.tables.get(&key).map_or(0, Vec::len);
        for at in 0..hops {
            let Some(hop) = self.engine.wiring.tables.get(&key).and_then(|hops| hops.get(at)) else {
                continue;
            };
            let (target, doubt) = (hop.target, hop.doubt);
            let atoms = match self.question.mode {
                Mode::May => &hop.may,
                Mode::Must => &hop.must,
            };
            let to = self.engine.space.store.values(TO, atoms.ranges());
            let mine = self.and(set, to);
            if mine.is_empty() {
                continue;
            }
            if let Some(unknown) = doubt {
                self.doubt(Doubt::Unknown(unknown));
            }
            self.go(target, key.0, subnet, mine);
        }
    }

    /// To the target of a route.
    fn go(&mut self, target: RouteTarget, vpc: VpcId, from: Option<SubnetId>, set: Set) {
        match target {
            RouteTarget::Local => {
                let inspected = from.is_some_and(|subnet| self.comes_inspected(subnet));
                let place = if inspected { Place::Inspected(vpc) } else { Place::Within(vpc) };
                self.push(place, set);
            }
            RouteTarget::Gateway(gateway) => self.out_by(gateway, vpc, set),
            RouteTarget::Nat(nat) => {
                // A NAT gateway forwards what comes from inside, and answers to what it started by their address.
                let interface = self.engine.network.nats.get(nat.at()).map(|nat| nat.interface);
                if let (Way::There, Some(interface)) = (self.way, interface) {
                    let set = self.enter_interface(interface, from, set);
                    self.push(Place::Nat(nat), set);
                }
            }
            RouteTarget::Peering(peering) => self.peering(peering, vpc, set),
            RouteTarget::Transit(attachment) => self.enter_transit(attachment, from, set),
            RouteTarget::Interface(interface) => {
                let set = self.enter_interface(interface, from, set);
                self.push(Place::Appliance(interface), set);
            }
            RouteTarget::Endpoint(endpoint) => {
                let kind = self.engine.network.endpoints.get(endpoint.at()).map(|endpoint| &endpoint.kind);
                if let Some(crate::model::EndpointKind::GatewayLoadBalancer { interface, .. }) = kind {
                    let set = self.enter_interface(*interface, from, set);
                    self.push(Place::Endpoint(endpoint), set);
                }
            }
            RouteTarget::GatewayEndpoint(endpoint) => {
                if self.way == Way::There {
                    let public = self.engine.internet_to;
                    let set = self.and(set, public);
                    self.push(Place::Service(endpoint), set);
                }
            }
            RouteTarget::Firewall(firewall, subnet) => {
                let set = self.enter_subnet(subnet, from, set);
                self.push(Place::Firewall(firewall, subnet), set);
            }
            RouteTarget::Blackhole => {}
            RouteTarget::Unknown(unknown) => {
                if self.question.mode == Mode::May {
                    self.doubt(Doubt::Unknown(unknown));
                    self.push(Place::Beyond, set);
                }
            }
        }
    }

    /// Into a subnet that packets do not come from.
    fn enter_subnet(&mut self, subnet: SubnetId, from: Option<SubnetId>, set: Set) -> Set {
        if from == Some(subnet) { set } else { self.acl(subnet, Side::Ingress, set) }
    }

    fn enter_interface(&mut self, interface: InterfaceId, from: Option<SubnetId>, set: Set) -> Set {
        match self.engine.network.interfaces.get(interface.at()).map(|interface| interface.subnet) {
            Some(subnet) => self.enter_subnet(subnet, from, set),
            None => Set::EMPTY,
        }
    }

    /// Delivers packets to whoever has the address in a VPC.
    fn within(&mut self, vpc: VpcId, set: Set, inspected: bool) {
        let subnets = self.engine.wiring.subnets.get(vpc.at()).cloned().unwrap_or_default();
        for subnet in subnets {
            let Some(atoms) = self.engine.wiring.in_subnet.get(subnet.at()) else { continue };
            let to = self.engine.space.store.values(TO, atoms.ranges());
            let mine = self.and(set, to);
            let mine = self.acl(subnet, Side::Ingress, mine);
            self.deliver(subnet, mine, inspected);
        }
    }

    /// To whoever has the address in a subnet, past the subnet's ACL.
    fn deliver(&mut self, subnet: SubnetId, set: Set, inspected: bool) {
        if set.is_empty() {
            return;
        }
        let owners = self.engine.wiring.owners.get(subnet.at()).cloned().unwrap_or_default();
        for owner in owners {
            let own = self.engine.space.atoms.own(owner);
            let to = self.engine.space.among(TO, &own);
            let mine = self.and(set, to);
            if !mine.is_empty() && self.exists(owner) {
                self.arrive(owner, mine, inspected);
            }
        }
    }

    /// Whether what leaves a subnet has come out of a firewall there. With hosts beside it, some of it has not: then
    /// references hold perhaps.
    /// Source: Amazon VPC User Guide, "Security group referencing": not through a middlebox.
    fn comes_inspected(&self, subnet: SubnetId) -> bool {
        let network = self.engine.network;
        let mut endpoints = network.firewalls.iter().flat_map(|firewall| &firewall.endpoints);
        if !endpoints.any(|endpoint| endpoint.subnet == subnet) {
            return false;
        }
        let owners = self.engine.wiring.owners.get(subnet.at());
        let hosts = owners.is_some_and(|owners| {
            owners
                .iter()
                .any(|owner| matches!(self.engine.role(*owner), Some(Role::Host | Role::Balancer(_))))
        });
        self.question.mode == Mode::Must || !hosts
    }

    fn arrive(&mut self, owner: OwnerId, set: Set, inspected: bool) {
        let Some(role) = self.engine.role(owner) else { return };
        match (self.way, role) {
            (Way::There, Role::Host | Role::Balancer(_) | Role::Endpoint(_)) => {
                let filter = self.engine.groups(owner, Side::Ingress, !inspected);
                let set = self.filtered(&filter, set);
                self.push(Place::At(owner), set);
            }
            (Way::There, _) => {}
            (Way::Back, Role::Nat(nat)) => self.push(Place::Nat(nat), set),
            (Way::Back, Role::Balancer(_)) => self.home(Place::Node(owner), set),
            (Way::Back, _) => {
                self.home(Place::From(owner), set);
                if let Some(interface) = self.engine.space.atoms.interface(owner)
                    && self.entered(interface) != Set::EMPTY
                {
                    // What it sent on under its own address may be answered to it.
                    self.push(Place::Appliance(interface), set);
                }
            }
        }
    }

    pub(super) fn acl(&mut self, subnet: SubnetId, side: Side, set: Set) -> Set {
        if set.is_empty() {
            return set;
        }
        let Some(id) = self.engine.network.subnets.get(subnet.at()).and_then(|subnet| subnet.acl) else {
            return set;
        };
        let filter = self.engine.acl(id, side, self.way);
        self.filtered(&filter, set)
    }

    pub(super) fn groups(&mut self, owner: OwnerId, side: Side, set: Set) -> Set {
        if set.is_empty() {
            return set;
        }
        let filter = self.engine.groups(owner, side, true);
        self.filtered(&filter, set)
    }

    fn filtered(&mut self, filter: &Filter, set: Set) -> Set {
        let pass = match self.question.mode {
            Mode::May => filter.may,
            Mode::Must => filter.must,
        };
        let set = self.and(set, pass.0);
        if self.question.doubts && !set.is_empty() {
            self.name_doubts(&filter.doubts, set);
        }
        set
    }

    fn name_doubts(&mut self, doubts: &[(Doubt, Set)], set: Set) {
        for (doubt, concerned) in doubts {
            if !self.and(set, *concerned).is_empty() {
                self.doubts.insert(*doubt);
            }
        }
    }

    /// Out of a VPC by a gateway.
    fn out_by(&mut self, gateway: GatewayId, vpc: VpcId, set: Set) {
        let Some(known) = self.engine.network.gateways.get(gateway.at()) else { return };
        if known.vpc != Some(vpc) || self.question.cut_gateways.contains(&gateway) {
            return;
        }
        match known.kind {
            GatewayKind::Internet => {
                let public = self.translated(vpc, FROM, false, set);
                let v6 = self.v6_of(vpc, FROM, set);
                let set = self.engine.space.store.or(public, v6);
                self.push(Place::Internet, set);
            }
            GatewayKind::EgressOnly => {
                if self.way == Way::There {
                    let set = self.v6_of(vpc, FROM, set);
                    self.push(Place::Internet, set);
                }
            }
            GatewayKind::VirtualPrivate => {
                for office in known.offices.clone() {
                    self.enter_office(office, set);
                }
            }
        }
    }

    fn v6_of(&mut self, vpc: VpcId, field: Field, set: Set) -> Set {
        let Some(atoms) = self.engine.wiring.v6.get(vpc.at()) else { return Set::EMPTY };
        let v6 = self.engine.space.store.values(field, atoms.ranges());
        self.and(set, v6)
    }

    fn enter_office(&mut self, office: OfficeId, set: Set) {
        let Some(up) = self.engine.network.offices.get(office.at()).map(|office| office.up) else { return };
        if !self.certain(up) {
            return;
        }
        // Behind an office whose networks nobody knows there may be any address, the internet's too.
        let anywhere = self.question.mode == Mode::May && !self.engine.office_known(office);
        let set = if anywhere {
            set
        } else {
            let atoms = self.engine.office_atoms(office);
            let to = self.engine.space.among(TO, &atoms);
            self.and(set, to)
        };
        if set.is_empty() {
            return;
        }
        self.doubt_certainty(up);
        match self.way {
            Way::There => self.push(Place::AtOffice(office), set),
            Way::Back => self.home(Place::FromOffice(office), set),
        }
    }

    fn internet(&mut self, set: Set) {
        let home = self.engine.internet_to;
        let mine = self.and(set, home);
        match self.way {
            Way::There => self.push(Place::AtInternet, mine),
            Way::Back => self.home(Place::FromInternet, mine),
        }
        let rest = self.engine.space.store.minus(set, mine);
        if rest.is_empty() {
            return;
        }
        for at in 0..self.engine.network.vpcs.len() {
            let vpc = VpcId::from_position(at);
            let Some(gateway) = self.engine.wiring.internet.get(at).copied().flatten() else { continue };
            if self.question.cut_gateways.contains(&gateway) {
                continue;
            }
            let v4 = self.translated(vpc, TO, true, rest);
            let v6 = self.v6_of(vpc, TO, rest);
            let inward = self.engine.space.store.or(v4, v6);
            self.push(Place::In(gateway), inward);
        }
    }

    /// Into a VPC by a gateway: by the gateway's own table where it has one.
    fn enter(&mut self, gateway: GatewayId, set: Set) {
        let Some(known) = self.engine.network.gateways.get(gateway.at()) else { return };
        let Some(vpc) = known.vpc else { return };
        match known.table {
            Some(table) => self.route((vpc, Some(table)), None, set),
            None => self.push(Place::Within(vpc), set),
        }
    }

    fn peering(&mut self, id: PeeringId, vpc: VpcId, set: Set) {
        let Some(peering) = self.engine.network.peerings.get(id.at()) else { return };
        let (requester, accepter, active) = (peering.requester, peering.accepter, peering.active);
        let other = if requester == Some(vpc) {
            accepter
        } else if accepter == Some(vpc) {
            requester
        } else {
            return;
        };
        let Some(other) = other else { return };
        if !self.certain(active) || self.question.cut_peerings.contains(&id) {
            return;
        }
        self.doubt_certainty(active);
        self.push(Place::Within(other), set);
    }

    /// Of several ways, those that count.
    fn chosen(&self, mut ways: Vec<InterfaceId>) -> Vec<InterfaceId> {
        if self.question.mode == Mode::Must && !ways.is_empty() {
            ways = ways.get(self.question.choice % ways.len()).copied().into_iter().collect();
        }
        ways
    }

    /// From a subnet into a transit gateway, by the attachment's interface in the same zone.
    ///
    /// Sources: AWS Transit Gateway Guide, "Transit gateway attachments to a VPC": resources in a zone without one do not
    /// reach the gateway; "How network ACLs work with transit gateways": the inbound rules of the gateway's subnet are
    /// asked about what goes to it, also where the sender stands in the same subnet.
    fn enter_transit(&mut self, id: AttachmentId, from: Option<SubnetId>, set: Set) {
        let Some(attachment) = self.engine.network.attachments.get(id.at()) else { return };
        let AttachmentKind::Vpc { interfaces, .. } = &attachment.kind else { return };
        let zone = from.map_or(Zone::ANY, |subnet| self.engine.wiring.zone(subnet));
        let fits = |at: &&InterfaceId| {
            let there = self.engine.wiring.zone_of(self.engine.network, **at);
            zone == Zone::ANY || there == Zone::ANY || there == zone
        };
        let ways: Vec<InterfaceId> = interfaces.iter().filter(fits).copied().collect();
        for interface in self.chosen(ways) {
            let set = self.enter_interface(interface, None, set);
            let there = self.engine.wiring.zone_of(self.engine.network, interface);
            self.enter_table(id, if there == Zone::ANY { zone } else { there }, set);
        }
    }

    pub(super) fn enter_table(&mut self, id: AttachmentId, zone: Zone, set: Set) {
        let Some(attachment) = self.engine.network.attachments.get(id.at()) else { return };
        let (table, active) = (attachment.table, attachment.active);
        if set.is_empty() || !self.certain(active) || self.question.cut_attachments.contains(&id) {
            return;
        }
        self.doubt_certainty(active);
        if let Some(table) = table {
            self.push(Place::Transit(table, zone), set);
        }
    }

    fn transit(&mut self, table: TransitTableId, zone: Zone, set: Set) {
        let hops = self.engine.wiring.transit.get(table.at()).map_or(0, Vec::len);
        for at in 0..hops {
            let Some(hop) = self.engine.wiring.transit.get(table.at()).and_then(|hops| hops.get(at)) else {
                continue;
            };
            let Some(to) = hop.target else { continue };
            let doubt = hop.doubt;
            let atoms = match self.question.mode {
                Mode::May => &hop.may,
                Mode::Must => &hop.must,
            };
            let fits = self.engine.space.store.values(TO, atoms.ranges());
            let mine = self.and(set, fits);
            if mine.is_empty() {
                continue;
            }
            if let Some(unknown) = doubt {
                self.doubt(Doubt::Unknown(unknown));
            }
            self.out_of_transit(to, zone, mine);
        }
    }

    /// Out of a transit gateway by an attachment: into a VPC in the same zone, in appliance mode in any.
    fn out_of_transit(&mut self, id: AttachmentId, zone: Zone, set: Set) {
        let Some(attachment) = self.engine.network.attachments.get(id.at()) else { return };
        let active = attachment.active;
        if !self.certain(active) || self.question.cut_attachments.contains(&id) {
            return;
        }
        match &attachment.kind {
            AttachmentKind::Vpc { interfaces, appliance_mode, .. } => {
                let same = |at: &&InterfaceId| {
                    let there = self.engine.wiring.zone_of(self.engine.network, **at);
                    there == zone || there == Zone::ANY
                };
                let same: Vec<InterfaceId> = interfaces.iter().filter(same).copied().collect();
                let sticks = zone != Zone::ANY && !same.is_empty();
                let ways = match appliance_mode {
                    Certainty::No if sticks => same,
                    _ => interfaces.clone(),
                };
                let maybe = *appliance_mode;
                self.doubt_certainty(active);
                if ways.len() > 1 {
                    self.doubt_certainty(maybe);
                }
                for interface in self.chosen(ways) {
                    if let Some(known) = self.engine.network.interfaces.get(interface.at()) {
                        self.push(Place::Out(known.subnet), set);
                    }
                }
            }
            AttachmentKind::Peering(other) => match *other {
                Some(other) => self.enter_table(other, Zone::ANY, set),
                None => self.push_beyond(set),
            },
            AttachmentKind::Office(office) => {
                let office = *office;
                self.enter_office(office, set);
            }
            AttachmentKind::Unknown(unknown) => {
                let unknown = *unknown;
                self.doubt(Doubt::Unknown(unknown));
                self.push_beyond(set);
            }
        }
    }

    fn push_beyond(&mut self, set: Set) {
        if self.question.mode == Mode::May {
            self.push(Place::Beyond, set);
        }
    }

    fn firewall(&mut self, id: FirewallId, subnet: SubnetId, set: Set) {
        let avoided = match self.way {
            Way::There => self.question.avoid_firewalls,
            Way::Back => self.question.avoid_firewalls_back,
        };
        if avoided {
            return;
        }
        let Some(passes) = self.engine.firewall(id) else { return };
        let pick = |between: super::packets::Between| match self.question.mode {
            Mode::May => between.may,
            Mode::Must => between.must,
        };
        let passed = match self.way {
            Way::There => self.and(set, pick(passes.there)),
            Way::Back => {
                let seen = self.there.at(Place::Firewall(id, subnet));
                let by_state = self.and(seen, pick(passes.by_state));
                let allowed = self.engine.space.store.or(by_state, pick(passes.anyway));
                let allowed = self.engine.space.turned(allowed);
                self.and(set, allowed)
            }
        };
        if self.question.doubts && !passed.is_empty() {
            let flows = if self.way == Way::Back { self.engine.space.turned(passed) } else { passed };
            self.name_doubts(&passes.doubts, flows);
        }
        self.push(Place::Out(subnet), passed);
    }

    fn endpoint(&mut self, id: EndpointId, set: Set) {
        let kind = self.engine.network.endpoints.get(id.at()).map(|endpoint| &endpoint.kind);
        let Some(crate::model::EndpointKind::GatewayLoadBalancer { interface, .. }) = kind else { return };
        let interface = *interface;
        if self.question.mode == Mode::May {
            self.doubt(Doubt::Appliance(interface));
            if let Some(known) = self.engine.network.interfaces.get(interface.at()) {
                self.push(Place::Out(known.subnet), set);
            }
        }
    }

    /// Where nothing is known, packets may come out anywhere.
    fn beyond(&mut self, set: Set) {
        for at in 0..self.engine.network.vpcs.len() {
            self.push(Place::Within(VpcId::from_position(at)), set);
        }
        self.push(Place::Internet, set);
        for at in 0..self.engine.network.offices.len() {
            self.enter_office(OfficeId::from_position(at), set);
        }
    }

    /// Load balancers and the endpoints of those of the estate send on what they receive.
    fn received(&mut self, owner: OwnerId, set: Set) {
        if self.way != Way::There {
            return;
        }
        for sent in self.engine.sent_on(owner, set, self.question.mode) {
            if !sent.preserved && !self.question.proxies {
                continue;
            }
            let filtered =
                if sent.asks_groups { self.groups(sent.node, Side::Egress, sent.set) } else { sent.set };
            if filtered.is_empty() {
                continue;
            }
            if let Some(unknown) = sent.doubt {
                self.doubt(Doubt::Unknown(unknown));
            }
            if sent.preserved {
                self.preserved.push((sent.node, filtered));
            }
            self.push(Place::Node(sent.node), filtered);
            if let Some((subnet, _)) = self.engine.place(sent.node) {
                self.push(Place::Out(subnet), filtered);
            }
        }
    }
}
