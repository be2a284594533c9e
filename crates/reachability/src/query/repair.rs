//! The smallest change that makes a violated "never" or a failed "always" hold.
//!
//! In: ends and what was asked. Out: [`Repair`]s, the smallest first. Always: a repair has been applied to a copy of the
//! network and the question asked again there: what does not mend is not offered.

use std::collections::BTreeSet;

use diagnostics::Span;

use super::{Ends, Flows, Packet, Reach, Service, Verdict};
use crate::engine::filters::{self, Side};
use crate::engine::packets::Way;
use crate::model::{
    AclEntry, AclId, Addresses, Certainty, GroupId, GroupRule, Groups, IpSet, Network, Peer, Protocols,
    RouteTableId, Services, TransitTableId,
};

/// One change.
#[derive(Debug, Clone)]
pub enum Change {
    /// Take a rule out of a security group.
    RemoveRule(GroupId, Side, usize),
    /// Take an entry out of a network ACL.
    RemoveEntry(AclId, Side, usize),
    /// Take a route out of a table.
    RemoveRoute(RouteTableId, usize),
    /// Take a route out of a transit gateway's table.
    RemoveTransitRoute(TransitTableId, usize),
    /// Add a rule to a security group.
    AddRule(GroupId, Side, Box<GroupRule>),
    /// Put an entry before all others of a network ACL.
    AddEntry(AclId, Side, Box<AclEntry>),
}

/// Changes that, made together, are proved to mend.
#[derive(Debug, Clone)]
pub struct Repair {
    /// What to change.
    pub changes: Vec<Change>,
    /// In words, one sentence for each change.
    pub says: Vec<String>,
    /// The lines to change.
    pub spans: Vec<Span>,
}

impl Change {
    fn apply(&self, network: &mut Network) {
        match self {
            Self::RemoveRule(group, side, at) => {
                if let Some(group) = network.groups.get_mut(group.at()) {
                    let rules = if *side == Side::Ingress { &mut group.ingress } else { &mut group.egress };
                    remove(rules, *at);
                }
            }
            Self::RemoveEntry(acl, side, at) => {
                if let Some(acl) = network.acls.get_mut(acl.at()) {
                    remove(if *side == Side::Ingress { &mut acl.ingress } else { &mut acl.egress }, *at);
                }
            }
            Self::RemoveRoute(table, at) => {
                if let Some(table) = network.route_tables.get_mut(table.at()) {
                    remove(&mut table.routes, *at);
                }
            }
            Self::RemoveTransitRoute(table, at) => {
                if let Some(table) = network.transit_tables.get_mut(table.at()) {
                    remove(&mut table.routes, *at);
                }
            }
            Self::AddRule(group, side, rule) => {
                if let Some(group) = network.groups.get_mut(group.at()) {
                    let rules = if *side == Side::Ingress { &mut group.ingress } else { &mut group.egress };
                    rules.push((**rule).clone());
                }
            }
            Self::AddEntry(acl, side, entry) => {
                if let Some(acl) = network.acls.get_mut(acl.at()) {
                    let entries = if *side == Side::Ingress { &mut acl.ingress } else { &mut acl.egress };
                    entries.insert(0, (**entry).clone());
                }
            }
        }
    }

    fn says(&self, network: &Network) -> (String, Span) {
        let nothing = (String::new(), Span::NONE);
        let side = |side: Side| if side == Side::Ingress { "ingress" } else { "egress" };
        match self {
            Self::RemoveRule(group, s, at) => network.groups.get(group.at()).map_or(nothing, |group| {
                let rule = filters::rules(group, *s).get(*at);
                let label = rule.map_or("", |rule| rule.label.as_str());
                (
                    format!("remove {label} ({} of security group {})", side(*s), group.name.label),
                    rule.map_or(Span::NONE, |rule| rule.span),
                )
            }),
            Self::RemoveEntry(acl, s, at) => network.acls.get(acl.at()).map_or(nothing, |acl| {
                let entries = if *s == Side::Ingress { &acl.ingress } else { &acl.egress };
                let entry = entries.get(*at);
                let number = entry.map_or(0, |entry| entry.number);
                (
                    format!("remove {} entry {number} of network ACL {}", side(*s), acl.name.label),
                    entry.map_or(Span::NONE, |entry| entry.span),
                )
            }),
            Self::RemoveRoute(table, at) => network.route_tables.get(table.at()).map_or(nothing, |table| {
                let route = table.routes.get(*at);
                let to = route.map_or_else(String::new, |route| prefixes(&route.destination));
                (
                    format!("remove the route to {to} from route table {}", table.name.label),
                    route.map_or(Span::NONE, |route| route.span),
                )
            }),
            Self::RemoveTransitRoute(table, at) => {
                network.transit_tables.get(table.at()).map_or(nothing, |table| {
                    let route = table.routes.get(*at);
                    let to = route.map_or_else(String::new, |route| prefixes(&route.destination));
                    (
                        format!("remove the route to {to} from transit gateway table {}", table.name.label),
                        route.map_or(Span::NONE, |route| route.span),
                    )
                })
            }
            Self::AddRule(group, s, rule) => network.groups.get(group.at()).map_or(nothing, |group| {
                let peer = match &rule.peer {
                    Peer::Group(peer) => network
                        .groups
                        .get(peer.at())
                        .map_or_else(String::new, |peer| format!("security group {}", peer.name.label)),
                    Peer::Addresses(addresses) => prefixes(addresses),
                };
                (
                    format!(
                        "allow {} {peer} for {} in {} of security group {}",
                        if *s == Side::Ingress { "from" } else { "to" },
                        services(&rule.services),
                        side(*s),
                        group.name.label
                    ),
                    group.name.span,
                )
            }),
            Self::AddEntry(acl, s, entry) => network.acls.get(acl.at()).map_or(nothing, |acl| {
                (
                    format!(
                        "allow {} for {} in {} of network ACL {}, before its other entries",
                        prefixes(&entry.addresses),
                        services(&entry.services),
                        side(*s),
                        acl.name.label
                    ),
                    acl.name.span,
                )
            }),
        }
    }
}

fn remove<T>(list: &mut Vec<T>, at: usize) {
    if at < list.len() {
        list.remove(at);
    }
}

fn prefixes(addresses: &Addresses) -> String {
    let (Addresses::Known(set) | Addresses::AtLeast(set, _)) = addresses;
    set.0.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn services(services: &Services) -> String {
    let Protocols::One(protocol) = services.protocols else { return "everything".to_owned() };
    super::say(&[Service { protocols: (protocol, protocol), ports: services.ports }])
}

fn repair(network: &Network, changes: Vec<Change>) -> (Network, Repair) {
    let mut copy = network.clone();
    let (says, spans) = changes.iter().map(|change| change.says(network)).unzip();
    // From the last position on, so that earlier ones stay what they are.
    let mut ordered: Vec<&Change> = changes.iter().collect();
    ordered.sort_by_key(|change| match change {
        Change::RemoveRule(_, _, at)
        | Change::RemoveEntry(_, _, at)
        | Change::RemoveRoute(_, at)
        | Change::RemoveTransitRoute(_, at) => std::cmp::Reverse(*at),
        Change::AddRule(..) | Change::AddEntry(..) => std::cmp::Reverse(0),
    });
    ordered.into_iter().for_each(|change| change.apply(&mut copy));
    (copy, Repair { changes, says, spans })
}

/// Single changes that are tried, and their order: what touches fewest others first.
const TRIED: usize = 64;

impl Reach<'_> {
    /// The smallest change after which nothing of `flows` passes any more: one rule where one does it, else all rules of
    /// the receivers' groups that let it in. `None`: neither does.
    pub fn close(&mut self, flows: &Flows) -> Option<Repair> {
        let network = self.engine.network;
        let owners = self.receivers(flows);
        let mut letting = self.letting_in(&owners, flows);
        let whole = letting.clone();
        letting.extend(self.letting_out(flows));
        letting.extend(self.routes(flows));
        letting.truncate(TRIED);
        let mut candidates: Vec<Vec<Change>> = letting.into_iter().map(|change| vec![change]).collect();
        if whole.len() > 1 {
            candidates.push(whole);
        }
        candidates.into_iter().find_map(|changes| {
            let (copy, repair) = repair(network, changes);
            self.closed_in(&copy, flows).then_some(repair)
        })
    }

    fn closed_in(&mut self, copy: &Network, flows: &Flows) -> bool {
        let mut other = crate::engine::Engine::new(copy);
        // Taking rules away can only join atoms; where they are the same, so are sets.
        if other.space.atoms.atoms != self.engine.space.atoms.atoms {
            return self.closed_by_pair(copy, flows);
        }
        let sent = other.space.import(&self.engine.space, flows.may);
        let question =
            crate::engine::spread::Question { sent, ..self.question(crate::engine::spread::Mode::May, sent) };
        other.ask(&question).round_trips().is_empty()
    }

    /// Where atoms differ, the same pairs of owners are asked as a whole.
    fn closed_by_pair(&mut self, copy: &Network, flows: &Flows) -> bool {
        let mut other = Reach::with_cuts(copy, self.cuts.clone());
        let (from, to) = (self.senders_of(flows), self.receivers(flows));
        let wanted: Vec<Service> = flows.services.clone();
        let (from, to) = (Ends { owners: from }, Ends { owners: to });
        let all = other.flows(&from, &to);
        let rest = other.except(&all, &wanted);
        let store = &mut other.engine.space.store;
        store.minus(all.may, rest.may).is_empty()
    }

    fn receivers(&mut self, flows: &Flows) -> BTreeSet<super::OwnerId> {
        self.owners_in(flows, super::DESTINATION)
    }

    fn senders_of(&mut self, flows: &Flows) -> BTreeSet<super::OwnerId> {
        self.owners_in(flows, super::SOURCE)
    }

    fn owners_in(&mut self, flows: &Flows, field: crate::engine::bdd::Field) -> BTreeSet<super::OwnerId> {
        let space = &mut self.engine.space;
        let all = space.atoms.all();
        let valid = space.among(field, &all);
        let set = space.store.and(flows.may, valid);
        let set = if field == super::SOURCE { space.store.without(set, super::DESTINATION) } else { set };
        let parts = space.store.split(set, field);
        let atoms = parts.into_iter().flat_map(|(lo, hi, _)| lo..=hi);
        atoms.filter_map(|at| space.atoms.atom(at).map(|atom| atom.owner)).collect()
    }

    /// Ingress rules of the receivers' groups that let some of the flows in.
    fn letting_in(&mut self, owners: &BTreeSet<super::OwnerId>, flows: &Flows) -> Vec<Change> {
        self.letting(owners, flows, Side::Ingress)
    }

    fn letting_out(&mut self, flows: &Flows) -> Vec<Change> {
        let owners = self.senders_of(flows);
        self.letting(&owners, flows, Side::Egress)
    }

    fn letting(&mut self, owners: &BTreeSet<super::OwnerId>, flows: &Flows, side: Side) -> Vec<Change> {
        let network = self.engine.network;
        let groups: BTreeSet<GroupId> = owners.iter().flat_map(|owner| self.groups_of(*owner)).collect();
        let mut out = Vec::new();
        for id in groups {
            let Some(group) = network.groups.get(id.at()) else { continue };
            for (at, rule) in filters::rules(group, side).iter().enumerate() {
                let engine = &mut self.engine;
                let filter = filters::rule(&mut engine.space, network, &engine.members, group, side, rule);
                if !engine.space.store.and(filter.may.0, flows.may).is_empty() {
                    out.push(Change::RemoveRule(id, side, at));
                }
            }
        }
        out
    }

    fn groups_of(&self, owner: super::OwnerId) -> Vec<GroupId> {
        let interface = self.engine.space.atoms.interface(owner);
        let interface = interface.and_then(|at| self.engine.network.interfaces.get(at.at()));
        match interface.map(|interface| &interface.groups) {
            Some(Groups::Known(groups) | Groups::AndUnknown(groups, _)) => groups.clone(),
            None => Vec::new(),
        }
    }

    /// Routes by which the senders' subnets and transit gateways send towards the receivers.
    fn routes(&mut self, flows: &Flows) -> Vec<Change> {
        let network = self.engine.network;
        let mut out = Vec::new();
        let subnets: BTreeSet<_> =
            self.senders_of(flows).into_iter().filter_map(|o| self.engine.place(o)).collect();
        let tables: BTreeSet<RouteTableId> =
            subnets.into_iter().filter_map(|(subnet, _)| network.subnets.get(subnet.at())?.table).collect();
        let receivers = self.receivers(flows);
        let to = crate::engine::atoms::AtomSet::of(
            receivers
                .iter()
                .flat_map(|owner| self.engine.space.atoms.of_owner(*owner).iter().collect::<Vec<_>>()),
        );
        for table in tables {
            let key = network.route_tables.get(table.at()).map(|known| (known.vpc, Some(table)));
            let hops = key.and_then(|key| self.engine.wiring.tables.get(&key));
            for hop in hops.into_iter().flatten().filter(|hop| !hop.may.and(&to).is_empty()) {
                if let Some(at) = hop.route.filter(|_| hop.target != crate::model::RouteTarget::Local) {
                    out.push(Change::RemoveRoute(table, at as usize));
                }
            }
        }
        for (table, hops) in self.engine.wiring.transit.iter().enumerate() {
            for hop in hops.iter().filter(|hop| hop.target.is_some() && !hop.may.and(&to).is_empty()) {
                if let Some(at) = hop.route {
                    out.push(Change::RemoveTransitRoute(TransitTableId::from_position(table), at as usize));
                }
            }
        }
        out
    }

    /// The smallest change after which a packet and its answer certainly pass: rules of groups and entries of network
    /// ACLs at its two ends. `None`: something else is in the way (a route, a firewall), or more than that.
    pub fn open(&mut self, packet: &Packet) -> Option<Repair> {
        let network = self.engine.network;
        let mut wanted: Vec<Change> = Vec::new();
        for (owner, other, side) in
            [(packet.from, packet.to, Side::Egress), (packet.to, packet.from, Side::Ingress)]
        {
            let Some((subnet, _)) = self.engine.place(owner) else { continue };
            let filter = self.engine.groups(owner, side, true);
            let inside = self.arrival(packet);
            if !self.engine.space.store.within(inside, filter.must.0)
                && let Some(group) = self.groups_of(owner).first()
            {
                wanted.push(Change::AddRule(*group, side, Box::new(self.rule_for(packet, other))));
            }
            let Some(acl) = network.subnets.get(subnet.at()).and_then(|subnet| subnet.acl) else { continue };
            for (acl_side, way) in [(side, Way::There), (turned(side), Way::Back)] {
                let filter = self.engine.acl(acl, acl_side, way);
                let inside = if way == Way::Back { self.engine.space.turned(inside) } else { inside };
                if !self.engine.space.store.within(inside, filter.must.0) {
                    let entry = self.entry_for(packet, other, way);
                    wanted.push(Change::AddEntry(acl, acl_side, Box::new(entry)));
                }
            }
        }
        if wanted.is_empty() {
            return None;
        }
        let (copy, repair) = repair(network, wanted);
        let mut other = Reach::with_cuts(&copy, self.cuts.clone());
        let (from, to) = (Ends { owners: [packet.from].into() }, Ends { owners: [packet.to].into() });
        let service = Service {
            protocols: (packet.protocol, packet.protocol),
            ports: crate::model::PortRange { first: packet.port, last: packet.port },
        };
        let flows = other.flows(&from, &to);
        let wanted = other.service(&service);
        let store = &mut other.engine.space.store;
        let passes = !store.and(flows.must, wanted).is_empty();
        (passes && flows.verdict == Verdict::Reachable).then_some(repair)
    }

    /// The packet as its receiver's groups see it: a public address is the private one behind it.
    fn arrival(&mut self, packet: &Packet) -> crate::engine::bdd::Set {
        if !packet.to_public {
            return packet.set;
        }
        let own = self.engine.space.atoms.own(packet.to);
        let space = &mut self.engine.space;
        let bare = space.store.without(packet.set, super::DESTINATION);
        let to = space.among(super::DESTINATION, &own);
        space.store.and(bare, to)
    }

    fn rule_for(&self, packet: &Packet, other: super::OwnerId) -> GroupRule {
        let groups = self.groups_of(other);
        let same_vpc = match (self.engine.place(packet.from), self.engine.place(packet.to)) {
            (Some((_, a)), Some((_, b))) => a == b,
            _ => false,
        };
        let peer = match groups.first() {
            Some(group) if same_vpc => Peer::Group(*group),
            _ => Peer::Addresses(self.addresses_of(other)),
        };
        let span = Span::NONE;
        let services = service_of(packet);
        GroupRule {
            peer,
            services,
            exists: Certainty::Yes,
            span,
            label: estate::SmolStr::new_static("new rule"),
        }
    }

    fn entry_for(&self, packet: &Packet, other: super::OwnerId, way: Way) -> AclEntry {
        let mut services = service_of(packet);
        if way == Way::Back {
            services.ports = crate::model::PortRange { first: 1024, last: u16::MAX };
        }
        AclEntry {
            number: 1,
            allows: Certainty::Yes,
            addresses: self.addresses_of(other),
            services,
            exists: Certainty::Yes,
            span: Span::NONE,
        }
    }

    /// The block of the subnet that an owner stands in, or everything.
    fn addresses_of(&self, owner: super::OwnerId) -> Addresses {
        let network = self.engine.network;
        let subnet = self.engine.place(owner).and_then(|(subnet, _)| network.subnets.get(subnet.at()));
        match subnet {
            Some(subnet) => subnet.blocks.clone(),
            None => Addresses::Known(IpSet(vec![
                ipnet::Ipv4Net::default().into(),
                ipnet::Ipv6Net::default().into(),
            ])),
        }
    }
}

fn turned(side: Side) -> Side {
    match side {
        Side::Ingress => Side::Egress,
        Side::Egress => Side::Ingress,
    }
}

fn service_of(packet: &Packet) -> Services {
    let ports = crate::model::PortRange { first: packet.port, last: packet.port };
    let protocols = Protocols::One(packet.protocol);
    Services { protocols, ports, codes: crate::model::PortRange::ALL, unknown: None }
}
