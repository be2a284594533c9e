//! Questions about who reaches whom, for all packets.
//!
//! In: a [`Network`] and [`Ends`]. Out: [`Flows`]: a verdict with the services concerned and a witness packet. Always:
//! *unreachable* means that no packet passes whatever the unknowns are, *reachable* that some certainly pass and are
//! answered, and everything else is *unknown* with names; the answer is that of [`crate::engine`], asked here.

mod around;
mod certificate;
mod cut;
mod dead;
mod matrix;
mod narrow;
mod repair;

pub use around::{Around, Bypass};
pub use cut::{Cuts, Remains};
pub use dead::{Dead, DeadRule, Why};
pub use matrix::{By, Cell, Class, Matrix};
pub use repair::{Change, Repair};

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::engine::Engine;
use crate::engine::atoms::{Atom, AtomSet, Owner, OwnerId, Reach as Kind};
use crate::engine::bdd::Set;
use crate::engine::filters::Doubt;
use crate::engine::packets::{
    DESTINATION, ICMP, ICMPV6, PORT, PROTOCOL, SOURCE, SOURCE_PORT, Space, TCP, UDP,
};
use crate::engine::spread::{Mode, Outcome, Place, Question};
use crate::model::{AttachmentKind, Network, OfficeId, PortRange};

/// Whether packets get there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// None does, whatever is not known.
    Unreachable,
    /// It depends.
    Unknown,
    /// Some certainly do, and are answered.
    Reachable,
}

/// A class of ends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ends {
    owners: BTreeSet<OwnerId>,
}

impl Ends {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.owners.is_empty()
    }

    /// The owners, in order.
    pub fn owners(&self) -> impl Iterator<Item = OwnerId> + '_ {
        self.owners.iter().copied()
    }

    /// Both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.owners.extend(other.owners);
        self
    }
}

/// Services that packets ask for: protocols and ports, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Service {
    /// First and last protocol by IANA number.
    pub protocols: (u8, u8),
    /// Destination ports; of ICMP types; all where the protocol has none.
    pub ports: PortRange,
}

/// A packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// Who sends it.
    pub from: OwnerId,
    /// Who gets it.
    pub to: OwnerId,
    /// Its source; `None` where AWS chooses and nothing is known.
    pub source: Option<IpAddr>,
    /// Its destination; `None` where AWS chooses and nothing is known.
    pub destination: Option<IpAddr>,
    /// Whether the destination is the public address of its owner.
    pub to_public: bool,
    /// IANA number.
    pub protocol: u8,
    /// Source port, or ICMP code.
    pub source_port: u16,
    /// Destination port, or ICMP type.
    pub port: u16,
    /// The packet alone, as a set of the engine that found it.
    pub set: Set,
}

/// What passes from some ends to others.
#[derive(Debug, Clone)]
pub struct Flows {
    /// Whether anything does.
    pub verdict: Verdict,
    /// What may pass.
    pub may: Set,
    /// What certainly passes, with answers.
    pub must: Set,
    /// Services of what may pass, in order.
    pub services: Vec<Service>,
    /// Services of what certainly passes, in order.
    pub certain: Vec<Service>,
    /// A packet: one that certainly passes, else one that may.
    pub witness: Option<Packet>,
}

/// All answers about one network.
#[derive(Debug)]
pub struct Reach<'n> {
    /// The engine, for whoever wants to look closer.
    pub engine: Engine<'n>,
    /// The closed spread of everything that may happen: the certificate of every "unreachable".
    pub outcome: Outcome,
    cuts: Cuts,
    must: Set,
    /// What the senders of the last question one way may bring about.
    sent_last: Option<(Set, Outcome)>,
    /// Owners whose one unknown address rules tell apart: for them "certainly" is "for every one of these".
    torn: Vec<OwnerId>,
}

impl<'n> Reach<'n> {
    /// Follows all packets of a network.
    #[must_use]
    pub fn of(network: &'n Network) -> Self {
        Self::with_cuts(network, Cuts::default())
    }

    /// Follows all packets of a network in which something is cut.
    #[must_use]
    pub fn with_cuts(network: &'n Network, cuts: Cuts) -> Self {
        let mut engine = Engine::new(network);
        let question = |mode, choice| Question {
            choice,
            cut_attachments: cuts.attachments.clone(),
            cut_peerings: cuts.peerings.clone(),
            cut_gateways: cuts.gateways.clone(),
            ..Question::new(mode)
        };
        let outcome = engine.ask(&question(Mode::May, 0));
        let mut outcome = outcome;
        let mut must = outcome.round_trips();
        // Flows that certainly cross a firewall's endpoint, whichever way AWS chooses.
        let mut crossing: Option<Vec<(Place, Set)>> = None;
        for choice in 0..choices(network) {
            let certain = engine.ask(&question(Mode::Must, choice));
            must = engine.space.store.and(must, certain.round_trips());
            let here = |(place, set): (Place, Set)| {
                let before = match &crossing {
                    None => Set::FULL,
                    Some(known) => known.iter().find(|(of, _)| *of == place).map_or(Set::EMPTY, |of| of.1),
                };
                (place, engine.space.store.and(before, set))
            };
            let firewalls = certain.there.places().filter(|(place, _)| matches!(place, Place::Firewall(..)));
            crossing = Some(firewalls.map(here).collect());
        }
        // Their answers have to cross it too, and those of the rest certainly do not come home.
        let certain = crossing.unwrap_or_default();
        let one_sided = engine.one_sided(&outcome, &certain, Mode::May);
        let returned = engine.space.store.minus(outcome.round_trips(), one_sided);
        must = engine.space.store.and(must, returned);
        outcome.returned = Some(returned);
        let torn = torn(&engine.space);
        Self { engine, outcome, cuts, must, sent_last: None, torn }
    }

    /// Whether the network was too varied for the engine's bound on memory: then nothing is proved.
    #[must_use]
    pub fn exhausted(&self) -> bool {
        self.engine.space.store.exhausted()
    }

    fn question(&self, mode: Mode, sent: Set) -> Question {
        Question {
            sent,
            cut_attachments: self.cuts.attachments.clone(),
            cut_peerings: self.cuts.peerings.clone(),
            cut_gateways: self.cuts.gateways.clone(),
            ..Question::new(mode)
        }
    }

    /// The internet.
    #[must_use]
    pub fn internet(&self) -> Ends {
        Ends { owners: BTreeSet::from([OwnerId(0)]) }
    }

    /// An office.
    #[must_use]
    pub fn office(&self, office: OfficeId) -> Ends {
        self.ends(|owner| matches!(owner, Owner::Office(of) if *of == office))
    }

    /// Owners that satisfy something.
    pub fn ends(&self, holds: impl Fn(&Owner) -> bool) -> Ends {
        let owners = (0_u32..).zip(&self.engine.space.atoms.owners);
        Ends { owners: owners.filter(|(_, owner)| holds(owner)).map(|(at, _)| OwnerId(at)).collect() }
    }

    /// Owners of interfaces of which one satisfies something.
    pub fn interfaces(&self, holds: impl Fn(crate::model::InterfaceId) -> bool) -> Ends {
        self.ends(|owner| match owner {
            Owner::Interfaces(members) => members.iter().any(|at| holds(*at)),
            _ => false,
        })
    }

    /// Flows between two classes of ends as their senders know them, with their answers.
    pub fn flows(&mut self, from: &Ends, to: &Ends) -> Flows {
        let pairs = self.pairs(from, to);
        let store = &mut self.engine.space.store;
        let may = store.and(self.outcome.round_trips(), pairs);
        let must = store.and(self.must, pairs);
        let must = self.certainly(must);
        self.answer(may, must)
    }

    /// Packets that one class of ends sends and the other may receive, answered or not. Connections that a load balancer
    /// opens of its own are not the sender's.
    pub fn one_way(&mut self, from: &Ends, to: &Ends) -> Flows {
        let source = self.field(SOURCE, from);
        let mut question = self.question(Mode::May, source);
        question.proxies = false;
        // The same senders are asked about many receivers.
        let outcome = match self.sent_last.take() {
            Some((sent, outcome)) if sent == source => outcome,
            _ => self.engine.ask_one_way(&question),
        };
        let mut arrived = Vec::new();
        for (place, set) in outcome.there.places() {
            let received = match place {
                Place::At(owner) => to.owners.contains(&owner),
                Place::AtInternet => to.owners.contains(&OwnerId(0)),
                Place::AtOffice(office) => self.office(office).owners.iter().any(|at| to.owners.contains(at)),
                _ => false,
            };
            if received {
                arrived.push(set);
            }
        }
        self.sent_last = Some((source, outcome));
        let may = self.engine.space.store.any(&arrived);
        let pairs = self.pairs(from, to);
        let store = &mut self.engine.space.store;
        let must = store.and(self.must, pairs);
        let must = self.certainly(must);
        self.answer(may, must)
    }

    /// Packets from some ends that may arrive at a service behind a gateway endpoint, by the service's name:
    /// `com.amazonaws.us-east-1.s3`. Its public addresses are AWS's to choose, so that no address is certain.
    pub fn served(&mut self, from: &Ends, service: &str) -> Flows {
        let source = self.field(SOURCE, from);
        let endpoints = self.engine.network.endpoints.iter().enumerate();
        let places = endpoints
            .filter(|(_, endpoint)| endpoint.service == service)
            .map(|(at, _)| Place::Service(crate::model::EndpointId::from_position(at)));
        let arrived: Vec<Set> = places.map(|place| self.outcome.there.at(place)).collect();
        let store = &mut self.engine.space.store;
        let all = store.any(&arrived);
        let may = store.and(all, source);
        self.answer(may, Set::EMPTY)
    }

    /// Of flows, those that are not of the services listed.
    pub fn except(&mut self, flows: &Flows, allowed: &[Service]) -> Flows {
        let sets: Vec<Set> = allowed.iter().map(|service| self.service(service)).collect();
        let store = &mut self.engine.space.store;
        let allowed = store.any(&sets);
        let (may, must) = (store.minus(flows.may, allowed), store.minus(flows.must, allowed));
        self.answer(may, must)
    }

    /// Pairs of an owner of one class and one of the other of which not every packet of a service certainly passes, with
    /// whether some may. Source ports are those that clients use. Empty: it always passes.
    pub fn always(&mut self, from: &Ends, to: &Ends, service: &Service) -> Vec<(OwnerId, OwnerId, Verdict)> {
        let wanted = self.service(service);
        let clients = self.engine.space.store.values(SOURCE_PORT, &[(1024, 65_535)]);
        let tcp = self.engine.space.protocol(TCP);
        let udp = self.engine.space.protocol(UDP);
        let store = &mut self.engine.space.store;
        let with_ports = store.or(tcp, udp);
        let without_ports = store.not(with_ports);
        let sources = store.or(without_ports, clients);
        let wanted = store.and(wanted, sources);
        let mut missing = Vec::new();
        for source in from.owners() {
            for destination in to.owners().filter(|to| *to != source) {
                let mut pair = self.families(source, destination);
                pair = self.engine.space.store.and(pair, wanted);
                let (must, may) = (self.must, self.outcome.round_trips());
                if pair.is_empty() || !self.engine.space.store.within(pair, must) {
                    let some = self.engine.space.store.and(pair, may);
                    let verdict = if some.is_empty() { Verdict::Unreachable } else { Verdict::Unknown };
                    missing.push((source, destination, verdict));
                }
            }
        }
        missing
    }

    /// All packets from an owner's own addresses to those that the other is asked at, of families that both have.
    fn families(&mut self, source: OwnerId, destination: OwnerId) -> Set {
        let atoms = &self.engine.space.atoms;
        let asked = if source == OwnerId(0) { atoms.of_owner(destination) } else { atoms.own(destination) };
        let own = atoms.own(source);
        let of = |set: &AtomSet, v6: bool| {
            let fits = |at: &u32| atoms.atom(*at).is_some_and(|atom| atom.v6 == v6);
            let reachable = |at: &u32| {
                source != OwnerId(0)
                    || v6
                    || atoms
                        .atom(*at)
                        .is_some_and(|atom| atom.owner != destination || atom.reach != Kind::Own)
            };
            AtomSet::of(set.iter().filter(fits).filter(reachable))
        };
        let pairs = [false, true].map(|v6| (of(&own, v6), of(&asked, v6)));
        let space = &mut self.engine.space;
        let mut sets = Vec::new();
        for (from, to) in pairs {
            let (from, to) = (space.among(SOURCE, &from), space.among(DESTINATION, &to));
            sets.push(space.store.and(from, to));
        }
        space.store.any(&sets)
    }

    /// What an uncertain packet depends on, in words that continue "it depends on …", in order.
    pub fn depends_on(&mut self, packet: &Packet) -> Vec<String> {
        let mut question = self.question(Mode::May, packet.set);
        question.doubts = true;
        let outcome = self.engine.ask(&question);
        let mut words: Vec<String> = outcome.doubts.iter().map(|doubt| self.words(*doubt)).collect();
        words.dedup();
        words
    }

    fn words(&self, doubt: Doubt) -> String {
        let network = self.engine.network;
        let name = |interface: crate::model::InterfaceId| {
            network.interfaces.get(interface.at()).map_or("an interface", |it| it.name.label.as_str())
        };
        match doubt {
            Doubt::Unknown(id) => network.unknowns.get(id.at()).map_or_else(String::new, |u| u.what.clone()),
            Doubt::Application(firewall, at) => {
                let policy = network.firewalls.get(firewall.at()).and_then(|it| it.policy.as_ref().ok());
                let rule = policy.and_then(|policy| policy.stateful.get(at as usize));
                rule.map_or_else(String::new, |rule| {
                    format!("what {} asks of the application protocol", rule.label)
                })
            }
            Doubt::Flags(firewall, at) => {
                let policy = network.firewalls.get(firewall.at()).and_then(|it| it.policy.as_ref().ok());
                let rule = policy.and_then(|policy| policy.stateless.get(at as usize));
                rule.map_or_else(String::new, |rule| format!("the TCP flags that {} asks for", rule.label))
            }
            Doubt::Handshake(firewall) => {
                let firewall = network.firewalls.get(firewall.at()).map_or("", |it| it.name.label.as_str());
                format!("whether a connection that {firewall} lets open, and carry nothing, counts")
            }
            Doubt::Appliance(interface) => format!("what the software behind {} forwards", name(interface)),
            Doubt::Address(owner) => format!("the address that AWS gives {}", self.label(owner)),
            Doubt::Choice(interface) => format!("the choice of {}", name(interface)),
        }
    }

    /// What people call an owner.
    #[must_use]
    pub fn label(&self, owner: OwnerId) -> String {
        let network = self.engine.network;
        match self.engine.space.atoms.owners.get(owner.at()) {
            Some(Owner::Internet) => "internet".to_owned(),
            Some(Owner::Office(office)) => {
                network.offices.get(office.at()).map_or_else(String::new, |it| it.name.label.to_string())
            }
            Some(Owner::Interfaces(members)) => {
                let interface = members.first().and_then(|at| network.interfaces.get(at.at()));
                let host = interface.and_then(|interface| network.hosts.get(interface.host.at()));
                host.map_or_else(String::new, |host| host.name.label.to_string())
            }
            None => String::new(),
        }
    }

    fn field(&mut self, field: crate::engine::bdd::Field, ends: &Ends) -> Set {
        let atoms = ends.owners.iter().flat_map(|owner| {
            let all = self.engine.space.atoms.of_owner(*owner);
            all.iter().collect::<Vec<_>>()
        });
        let atoms = AtomSet::of(atoms);
        self.engine.space.among(field, &atoms)
    }

    fn pairs(&mut self, from: &Ends, to: &Ends) -> Set {
        let (source, destination) = (self.field(SOURCE, from), self.field(DESTINATION, to));
        self.engine.space.store.and(source, destination)
    }

    fn service(&mut self, service: &Service) -> Set {
        let (first, last) = service.protocols;
        let store = &mut self.engine.space.store;
        let protocols = store.values(PROTOCOL, &[(u32::from(first), u32::from(last))]);
        let ports = store.values(PORT, &[(u32::from(service.ports.first), u32::from(service.ports.last))]);
        store.and(protocols, ports)
    }

    /// Of flows that pass for each value of everything unknown but addresses, those that pass whichever address AWS
    /// chooses.
    fn certainly(&mut self, must: Set) -> Set {
        if must.is_empty() || self.torn.is_empty() {
            return must;
        }
        let mut out = must;
        for owner in self.torn.clone() {
            for field in [SOURCE, DESTINATION] {
                let own = self.engine.space.atoms.own(owner);
                for v6 in [false, true] {
                    let fits = |at: &u32| self.engine.space.atoms.atom(*at).is_some_and(|a| a.v6 == v6);
                    let own = AtomSet::of(own.iter().filter(fits));
                    let store = &mut self.engine.space.store;
                    let mine = store.values(field, own.ranges());
                    let theirs = store.and(out, mine);
                    if theirs.is_empty() {
                        continue;
                    }
                    let always = store.for_all(theirs, field, mine);
                    let always = store.and(always, theirs);
                    let others = store.minus(out, mine);
                    out = store.or(others, always);
                }
            }
        }
        out
    }

    fn answer(&mut self, may: Set, must: Set) -> Flows {
        let verdict = match (may.is_empty() && !self.exhausted(), must.is_empty() || self.exhausted()) {
            (_, false) => Verdict::Reachable,
            (true, true) => Verdict::Unreachable,
            (false, true) => Verdict::Unknown,
        };
        let services = services(&mut self.engine.space, may);
        let certain = services_of(&mut self.engine.space, must);
        let witness = self.witness(if must.is_empty() { may } else { must });
        Flows { verdict, may, must, services, certain, witness }
    }

    /// A packet of a set: TCP with a client's port where there is one.
    pub fn witness(&mut self, set: Set) -> Option<Packet> {
        let space = &mut self.engine.space;
        let mut set = set;
        let (tcp, udp) = (space.protocol(TCP), space.protocol(UDP));
        let clients = space.store.values(SOURCE_PORT, &[(49_152, 65_535)]);
        for wish in [tcp, udp, clients] {
            let wished = space.store.and(set, wish);
            set = if wished.is_empty() { set } else { wished };
        }
        let mut values = [0_u32; 5];
        let mut rest = set;
        let mut alone = Set::FULL;
        for (value, field) in values.iter_mut().zip([DESTINATION, SOURCE, PROTOCOL, PORT, SOURCE_PORT]) {
            let first = space.store.first(rest, field)?;
            rest = space.store.at(rest, field, first);
            *value = first;
            let only = space.store.values(field, &[(first, first)]);
            alone = space.store.and(alone, only);
        }
        let [destination, source, protocol, port, source_port] = values;
        let (to, from) = (*space.atoms.atom(destination)?, *space.atoms.atom(source)?);
        Some(Packet {
            from: from.owner,
            to: to.owner,
            source: address(&from),
            destination: address(&to),
            to_public: to.reach != Kind::Own,
            protocol: u8::try_from(protocol).ok()?,
            source_port: u16::try_from(source_port).ok()?,
            port: u16::try_from(port).ok()?,
            set: alone,
        })
    }
}

/// How many ways AWS may choose among anywhere.
fn choices(network: &Network) -> usize {
    let of = |kind: &AttachmentKind| match kind {
        AttachmentKind::Vpc { interfaces, .. } => interfaces.len(),
        _ => 1,
    };
    network.attachments.iter().map(|attachment| of(&attachment.kind)).max().unwrap_or(1).clamp(1, 6)
}

fn torn(space: &Space) -> Vec<OwnerId> {
    let owners = (0_u32..).zip(&space.atoms.owners).map(|(at, _)| OwnerId(at));
    let is_torn = |owner: &OwnerId| {
        let own = space.atoms.own(*owner);
        let of = |v6: bool| {
            own.iter().filter_map(|at| space.atoms.atom(at)).filter(move |a| a.one_of && a.v6 == v6)
        };
        of(false).count() > 1 || of(true).count() > 1
    };
    owners.filter(is_torn).collect()
}

/// An address that an atom may stand for.
fn address(atom: &Atom) -> Option<IpAddr> {
    let (lo, hi) = atom.range?;
    // AWS keeps the first four addresses of a subnet. Source: Amazon VPC User Guide, "Subnet CIDR blocks".
    let at = if atom.one_of && hi - lo > 4 { lo + 4 } else { lo };
    Some(if atom.v6 {
        IpAddr::V6(Ipv6Addr::from(at))
    } else {
        IpAddr::V4(Ipv4Addr::from(u32::try_from(at).ok()?))
    })
}

/// Services of packets whose services matter to people: not what nobody answers.
fn services(space: &mut Space, set: Set) -> Vec<Service> {
    services_of(space, set)
}

fn services_of(space: &mut Space, set: Set) -> Vec<Service> {
    let set = [DESTINATION, SOURCE, SOURCE_PORT]
        .into_iter()
        .fold(set, |set, field| space.store.without(set, field));
    let mut out = Vec::new();
    for (first, last, ports) in space.store.split(set, PROTOCOL) {
        for (low, high, _) in space.store.split(ports, PORT) {
            let number = |value: u32| u8::try_from(value).unwrap_or(u8::MAX);
            let port = |value: u32| u16::try_from(value).unwrap_or(u16::MAX);
            out.push(Service {
                protocols: (number(first), number(last)),
                ports: PortRange { first: port(low), last: port(high) },
            });
        }
    }
    out
}

/// Protocols and ports in words: `TCP 443, 8000-8100; UDP 53; ping`. Of ICMP only what somebody answers is a service.
#[must_use]
pub fn say(services: &[Service]) -> String {
    let all = |service: &Service| service.ports == PortRange::ALL;
    let echo = |service: &Service| match service.protocols {
        (ICMP, ICMP) => service.ports.contains(8),
        (ICMPV6, ICMPV6) => service.ports.contains(128),
        _ => false,
    };
    let mut next = 0_u16;
    for (first, last) in services.iter().filter(|one| all(one) || echo(one)).map(|one| one.protocols) {
        if u16::from(first) <= next {
            next = next.max(u16::from(last) + 1);
        }
    }
    if next == 256 {
        return "everything".to_owned();
    }
    let mut words: Vec<(u8, String, Vec<String>)> = Vec::new();
    for service in services {
        let (rank, name) = match service.protocols {
            (TCP, TCP) => (0, "TCP".to_owned()),
            (UDP, UDP) => (1, "UDP".to_owned()),
            _ if echo(service) => (2, "ping".to_owned()),
            other => (3, protocol_name(other)),
        };
        let ports = if rank == 2 {
            String::new()
        } else if all(service) {
            if rank < 2 { "all".to_owned() } else { String::new() }
        } else if service.ports.first == service.ports.last {
            service.ports.first.to_string()
        } else {
            format!("{}-{}", service.ports.first, service.ports.last)
        };
        match words.iter_mut().find(|(_, known, _)| *known == name) {
            Some((_, _, list)) => list.push(ports),
            None => words.push((rank, name, vec![ports])),
        }
    }
    words.sort_by_key(|(rank, _, _)| *rank);
    let say = |(rank, name, ports): &(u8, String, Vec<String>)| match ports.as_slice() {
        _ if *rank == 2 => name.clone(),
        [one] if one.is_empty() => name.clone(),
        _ => format!("{name} {}", ports.join(", ")),
    };
    words.iter().map(say).collect::<Vec<_>>().join("; ")
}

fn protocol_name(protocols: (u8, u8)) -> String {
    match protocols {
        (TCP, TCP) => "TCP".to_owned(),
        (UDP, UDP) => "UDP".to_owned(),
        (ICMP, ICMP) => "ICMP".to_owned(),
        (ICMPV6, ICMPV6) => "ICMPv6".to_owned(),
        (0, 255) => "any".to_owned(),
        (a, b) if a == b => format!("protocol {a}"),
        (a, b) => format!("protocols {a}-{b}"),
    }
}
