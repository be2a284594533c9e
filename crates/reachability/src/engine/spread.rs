//! All packets at once, hop by hop, until nothing new arrives anywhere.
//!
//! In: a network, a polarity ([`Mode`]), what is cut or avoided, and which packets are sent. Out: a [`Spread`] for the way
//! there, one for answers, and the flows whose answers came home. Always: a spread is closed (what leaves a place has
//! arrived where it goes), so whatever is in no place cannot be there; in [`Mode::May`] every unknown allows, in
//! [`Mode::Must`] every unknown refuses; an answer passes a stateful device only where the flow it answers has passed
//! that very device.

use std::collections::{BTreeSet, VecDeque};

use rustc_hash::FxHashMap;

use super::Engine;
use super::atoms::{OwnerId, Translation};
use super::bdd::Set;
use super::filters::{Doubt, Side};
use super::packets::{DESTINATION, SOURCE, SOURCE_PORT, TCP, UDP, Way};
use super::wiring::Zone;
use crate::model::{
    AttachmentId, Certainty, EndpointId, FirewallId, GatewayId, InterfaceId, NatId, OfficeId, PeeringId,
    SubnetId, TransitTableId, VpcId,
};

/// How unknowns count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mode {
    /// Each allows: what is not in the answer cannot happen.
    May,
    /// Each refuses: what is in the answer happens.
    Must,
}

/// Where packets can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// Sent by interfaces, past their groups; on the way back: home.
    From(OwnerId),
    /// Sent by the internet.
    FromInternet,
    /// Sent by an office.
    FromOffice(OfficeId),
    /// Sent by a load balancer's node to a target.
    Node(OwnerId),
    /// In a subnet, about to leave the interface it came out of.
    Out(SubnetId),
    /// In a VPC, to be delivered there.
    Within(VpcId),
    /// The same, having come out of a firewall: references to security groups do not hold for it.
    Inspected(VpcId),
    /// Received by interfaces.
    At(OwnerId),
    /// Received by the internet.
    AtInternet,
    /// Received by an office.
    AtOffice(OfficeId),
    /// Received by a service behind a gateway endpoint.
    Service(EndpointId),
    /// On the internet, public addresses on both sides.
    Internet,
    /// Coming in through a gateway, private addresses.
    In(GatewayId),
    /// At a NAT gateway, before it rewrites.
    Nat(NatId),
    /// In a transit gateway, about to be looked up, having come from a zone.
    Transit(TransitTableId, Zone),
    /// At a firewall's endpoint in a subnet, before it is judged.
    Firewall(FirewallId, SubnetId),
    /// At an interface that forwards what is not its own.
    Appliance(InterfaceId),
    /// At a gateway load balancer's endpoint.
    Endpoint(EndpointId),
    /// Where nobody knows what happens.
    Beyond,
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct Question {
    /// How unknowns count.
    pub mode: Mode,
    /// Which of several ways is taken where AWS chooses, counted from 0; in [`Mode::May`] all are.
    pub choice: usize,
    /// Firewalls let nothing through: what arrives has avoided them.
    pub avoid_firewalls: bool,
    /// Firewalls let no answer through: answers that come home have avoided them.
    pub avoid_firewalls_back: bool,
    /// Whether connections that load balancers open because of what they received are followed too.
    pub proxies: bool,
    /// These attachments are cut.
    pub cut_attachments: BTreeSet<AttachmentId>,
    /// These peering connections are cut.
    pub cut_peerings: BTreeSet<PeeringId>,
    /// These gateways are detached.
    pub cut_gateways: BTreeSet<GatewayId>,
    /// Only these flows are sent.
    pub sent: Set,
    /// Whether to remember what the answer depends on.
    pub doubts: bool,
}

impl Question {
    /// Everything that anybody may send, as the network stands.
    #[must_use]
    pub fn new(mode: Mode) -> Self {
        Self {
            mode,
            choice: 0,
            avoid_firewalls: false,
            avoid_firewalls_back: false,
            proxies: true,
            cut_attachments: BTreeSet::new(),
            cut_peerings: BTreeSet::new(),
            cut_gateways: BTreeSet::new(),
            sent: Set::FULL,
            doubts: false,
        }
    }
}

/// Which packets are where.
#[derive(Debug, Clone, Default)]
pub struct Spread {
    places: Vec<(Place, Set)>,
    index: FxHashMap<Place, usize>,
}

impl Spread {
    /// The packets that have been at a place.
    #[must_use]
    pub fn at(&self, place: Place) -> Set {
        self.index.get(&place).and_then(|at| self.places.get(*at)).map_or(Set::EMPTY, |(_, set)| *set)
    }

    /// All places where packets have been, in the order in which they were first met.
    pub fn places(&self) -> impl Iterator<Item = (Place, Set)> + '_ {
        self.places.iter().copied()
    }
}

/// What comes of a question.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The way there.
    pub there: Spread,
    /// Answers, each described by the flow it answers, turned: [`Engine::answers_at`].
    pub back: Spread,
    /// Flows as their senders know them whose answers came home.
    pub returned: Option<Set>,
    /// What it depends on, where the question asked for it.
    pub doubts: BTreeSet<Doubt>,
}

impl Outcome {
    /// Flows as their senders know them whose answers came home.
    #[must_use]
    pub fn round_trips(&self) -> Set {
        self.returned.unwrap_or(Set::EMPTY)
    }
}

/// One walk of all packets.
pub(super) struct Walk<'e, 'n> {
    pub(super) engine: &'e mut Engine<'n>,
    pub(super) question: &'e Question,
    pub(super) way: Way,
    pub(super) there: Spread,
    pub(super) spread: Spread,
    waiting: VecDeque<usize>,
    /// What has come to each place and was not looked at yet.
    fresh: Vec<Vec<Set>>,
    returned: Vec<Set>,
    /// Flows that a node sends on with their source kept: their answers find the node by themselves.
    pub(super) preserved: Vec<(OwnerId, Set)>,
    /// What has come to internet gateways to be translated, where it has to be looked at all together.
    pub(super) gathered: FxHashMap<(Way, VpcId), Set>,
    /// What something carries that is not modelled, with where it was sent.
    pub(super) carried: Vec<(Place, Set)>,
    pub(super) doubts: BTreeSet<Doubt>,
}

impl Engine<'_> {
    /// Sends what is asked, follows it everywhere, and follows the answers home.
    pub fn ask(&mut self, question: &Question) -> Outcome {
        self.walk(question, true)
    }

    /// Flows whose answers have been at a place.
    pub fn answers_at(&mut self, outcome: &Outcome, place: Place) -> Set {
        self.space.turned(outcome.back.at(place))
    }

    /// The way there only.
    pub fn ask_one_way(&mut self, question: &Question) -> Outcome {
        self.walk(question, false)
    }

    fn walk(&mut self, question: &Question, answers: bool) -> Outcome {
        let mut walk = Walk {
            engine: self,
            question,
            way: Way::There,
            there: Spread::default(),
            spread: Spread::default(),
            waiting: VecDeque::new(),
            fresh: Vec::new(),
            returned: Vec::new(),
            preserved: Vec::new(),
            gathered: FxHashMap::default(),
            carried: Vec::new(),
            doubts: BTreeSet::new(),
        };
        walk.send();
        walk.settle();
        let there = std::mem::take(&mut walk.spread);
        if !answers {
            return Outcome { there, doubts: walk.doubts, ..Outcome::default() };
        }
        walk.there = there;
        walk.fresh = Vec::new();
        walk.way = Way::Back;
        walk.answer();
        walk.settle();
        let returned = std::mem::take(&mut walk.returned);
        let returned = walk.engine.space.store.any(&returned);
        let returned = walk.engine.space.turned(returned);
        let (there, back, doubts) = (walk.there, walk.spread, walk.doubts);
        let mut outcome = Outcome { there, back, returned: Some(returned), doubts };
        if question.mode == Mode::Must {
            let crossing: Vec<(Place, Set)> =
                outcome.there.places().filter(|(place, _)| matches!(place, Place::Firewall(..))).collect();
            let one_sided = self.one_sided(&outcome, &crossing, Mode::Must);
            outcome.returned = Some(self.space.store.minus(returned, one_sided));
        }
        outcome
    }
}

impl Engine<'_> {
    /// Flows as their senders know them that cross a firewall's stateful engine on the way there, of those in `crossing`,
    /// and whose answers do not come by that endpoint. The engine sees half of such a connection and ends it.
    ///
    /// Source: AWS Network Firewall Developer Guide, "Troubleshooting general issues", asymmetric routing.
    pub(crate) fn one_sided(&mut self, outcome: &Outcome, crossing: &[(Place, Set)], mode: Mode) -> Set {
        let mut out = Vec::new();
        for (place, set) in crossing {
            let Place::Firewall(firewall, _) = *place else { continue };
            let Some(passes) = self.firewall(firewall) else { continue };
            // "May": only what certainly is followed is certainly broken.
            let followed = match mode {
                Mode::May => passes.followed.must,
                Mode::Must => passes.followed.may,
            };
            let followed = self.space.store.and(*set, followed);
            let seen = self.answers_at(outcome, *place);
            let half = self.space.store.minus(followed, seen);
            out.push(half);
            out.push(self.as_sent(outcome, half, mode));
        }
        self.space.store.any(&out)
    }

    /// Flows to services behind gateway endpoints that cannot also get out to the internet.
    pub(crate) fn only_served(&mut self, outcome: &Outcome) -> Set {
        let services = outcome.there.places().filter(|(place, _)| matches!(place, Place::Service(_)));
        let served: Vec<Set> = services.map(|(_, set)| set).collect();
        let served = self.space.store.any(&served);
        if served.is_empty() {
            return served;
        }
        let outside = outcome.there.at(Place::AtInternet);
        let mut out = vec![outside, self.as_sent(outcome, outside, Mode::Must)];
        for pairs in self.wiring.public.clone() {
            for Translation { private, public } in pairs {
                let store = &mut self.space.store;
                let after = store.values(SOURCE, &[(public, public)]);
                let mine = store.and(outside, after);
                let bare = store.without(mine, SOURCE);
                let before = store.values(SOURCE, private.ranges());
                out.push(store.and(bare, before));
            }
        }
        let out = self.space.store.any(&out);
        self.space.store.minus(served, out)
    }

    /// Flows as they were before NAT gateways and internet gateways rewrote them: in [`Mode::Must`] those that may have
    /// become one of the set, in [`Mode::May`] those that became one whatever AWS chose.
    fn as_sent(&mut self, outcome: &Outcome, set: Set, mode: Mode) -> Set {
        if set.is_empty() {
            return set;
        }
        let mut out = Vec::new();
        let network = self.network;
        for (at, nat) in network.nats.iter().enumerate() {
            let owner = self.space.atoms.owner_of(nat.interface);
            let own = self.space.atoms.of_owner(owner);
            let source = self.space.among(SOURCE, &own);
            let own = self.space.atoms.own(owner);
            let private = self.space.among(SOURCE, &own);
            let (tcp, udp) = (self.space.protocol(TCP), self.space.protocol(UDP));
            let store = &mut self.space.store;
            let mine = store.and(set, source);
            if mine.is_empty() {
                continue;
            }
            let bare = match mode {
                Mode::Must => {
                    let bare = store.without(mine, SOURCE);
                    store.without(bare, SOURCE_PORT)
                }
                Mode::May => {
                    let high = store.values(SOURCE_PORT, &[(1024, 65_535)]);
                    let ports = store.or(tcp, udp);
                    let bare = store.for_all(mine, SOURCE, private);
                    let (with_ports, others) = (store.and(bare, ports), store.minus(bare, ports));
                    let with_ports = store.for_all(with_ports, SOURCE_PORT, high);
                    store.or(with_ports, others)
                }
            };
            let started = outcome.there.at(Place::Nat(NatId::from_position(at)));
            out.push(store.and(started, bare));
        }
        for pairs in self.wiring.public.clone() {
            for Translation { private, public } in pairs {
                let store = &mut self.space.store;
                let before = store.values(DESTINATION, private.ranges());
                let mine = store.and(set, before);
                let bare = match mode {
                    Mode::Must => store.without(mine, DESTINATION),
                    Mode::May => store.for_all(mine, DESTINATION, before),
                };
                let asked = store.values(DESTINATION, &[(public, public)]);
                out.push(store.and(bare, asked));
            }
        }
        self.space.store.any(&out)
    }
}

impl Walk<'_, '_> {
    pub(super) fn certain(&self, certainty: Certainty) -> bool {
        match self.question.mode {
            Mode::May => certainty != Certainty::No,
            Mode::Must => certainty == Certainty::Yes,
        }
    }

    pub(super) fn doubt_certainty(&mut self, certainty: Certainty) {
        if let Certainty::Maybe(unknown) = certainty {
            self.doubt(Doubt::Unknown(unknown));
        }
    }

    pub(super) fn doubt(&mut self, doubt: Doubt) {
        if self.question.doubts {
            self.doubts.insert(doubt);
        }
    }

    pub(super) fn and(&mut self, left: Set, right: Set) -> Set {
        self.engine.space.store.and(left, right)
    }

    /// Packets arrive at a place.
    pub(super) fn push(&mut self, place: Place, set: Set) {
        if set.is_empty() {
            return;
        }
        let at = match self.spread.index.get(&place) {
            Some(at) => *at,
            None => {
                let at = self.spread.places.len();
                self.spread.places.push((place, Set::EMPTY));
                self.fresh.push(Vec::new());
                self.spread.index.insert(place, at);
                at
            }
        };
        if let Some(pending) = self.fresh.get_mut(at) {
            if pending.is_empty() {
                self.waiting.push_back(at);
            }
            pending.push(set);
        }
    }

    fn settle(&mut self) {
        while let Some(at) = self.waiting.pop_front() {
            let come = self.fresh.get_mut(at).map(std::mem::take).unwrap_or_default();
            // All at once, by halves: what came one by one from everywhere is put together once.
            let come = self.engine.space.store.any(&come);
            let Some((place, seen)) = self.spread.places.get_mut(at) else { continue };
            let fresh = self.engine.space.store.minus(come, *seen);
            if fresh.is_empty() {
                continue;
            }
            *seen = self.engine.space.store.or(*seen, fresh);
            let place = *place;
            self.step(place, fresh);
        }
    }

    /// What everybody sends.
    fn send(&mut self) {
        let mut doors: Vec<(Set, Set)> = Vec::new();
        for v6 in [false, true] {
            let all = self.engine.space.atoms.where_(|atom| atom.v6 == v6);
            let to = self.engine.space.among(DESTINATION, &all);
            let from = self.engine.space.among(SOURCE, &all);
            doors.push((to, from));
        }
        let families: Vec<Set> =
            doors.iter().map(|(to, from)| self.engine.space.store.and(*to, *from)).collect();
        let same_family = self.engine.space.store.any(&families);
        let sent = self.and(self.question.sent, same_family);
        for owner in self.engine.senders() {
            let own = self.engine.space.atoms.own(owner);
            let from = self.engine.space.among(SOURCE, &own);
            let set = self.and(sent, from);
            if set.is_empty() || !self.exists(owner) {
                continue;
            }
            let Some((subnet, _)) = self.engine.place(owner) else { continue };
            let set = self.groups(owner, Side::Egress, set);
            self.push(Place::From(owner), set);
            self.push(Place::Out(subnet), set);
        }
        self.carry(sent);
        let internet = self.engine.internet_flows();
        let set = self.and(sent, internet);
        self.push(Place::FromInternet, set);
        self.push(Place::Internet, set);
        for at in 0..self.engine.network.offices.len() {
            let office = OfficeId::from_position(at);
            let atoms = self.engine.office_atoms(office);
            let from = self.engine.space.among(SOURCE, &atoms);
            let set = self.and(sent, from);
            self.push(Place::FromOffice(office), set);
            self.leave_office(office, set);
        }
    }

    pub(super) fn exists(&mut self, owner: OwnerId) -> bool {
        let interface = self.engine.space.atoms.interface(owner);
        let exists = interface
            .and_then(|at| self.engine.network.interfaces.get(at.at()))
            .map_or(Certainty::Yes, |interface| interface.exists);
        self.doubt_certainty(exists);
        self.certain(exists)
    }

    /// What leaves an office, by every link it has.
    pub(super) fn leave_office(&mut self, office: OfficeId, set: Set) {
        let Some(up) = self.engine.network.offices.get(office.at()).map(|office| office.up) else { return };
        if set.is_empty() || !self.certain(up) {
            return;
        }
        self.doubt_certainty(up);
        let doors = self.engine.wiring.office_doors.get(office.at()).cloned().unwrap_or_default();
        for gateway in doors.0 {
            if self.question.cut_gateways.contains(&gateway) {
                continue;
            }
            self.push(Place::In(gateway), set);
        }
        for attachment in doors.1 {
            self.enter_table(attachment, Zone::ANY, set);
        }
    }

    /// Everybody answers what they received.
    fn answer(&mut self) {
        self.carry_back();
        let answered = self.engine.answered;
        let received: Vec<(Place, Set)> = self.there.places().collect();
        for (place, set) in received {
            let answers =
                matches!(place, Place::At(_) | Place::AtInternet | Place::AtOffice(_) | Place::Service(_));
            let set = if answers { self.and(set, answered) } else { Set::EMPTY };
            if set.is_empty() {
                continue;
            }
            let set = self.engine.space.turned(set);
            match place {
                Place::At(owner) => {
                    if let Some((subnet, vpc)) = self.engine.place(owner) {
                        self.push(Place::Out(subnet), set);
                        self.answer_node(subnet, vpc, set);
                    }
                }
                Place::AtInternet => self.push(Place::Internet, set),
                Place::AtOffice(office) => self.leave_office(office, set),
                // The answers of a service come into the VPC by the endpoint, without a table of routes.
                Place::Service(endpoint) => {
                    if let Some(endpoint) = self.engine.network.endpoints.get(endpoint.at()) {
                        self.push(Place::Within(endpoint.vpc), set);
                    }
                }
                _ => {}
            }
        }
    }

    /// Answers to a load balancer that kept the client's address go to its node, whatever the routes say.
    ///
    /// Source: Elastic Load Balancing, Network Load Balancers, "Client IP preservation".
    fn answer_node(&mut self, subnet: SubnetId, vpc: VpcId, set: Set) {
        for (node, preserved) in self.preserved.clone() {
            let preserved = self.engine.space.turned(preserved);
            let mut mine = self.and(set, preserved);
            if mine.is_empty() {
                continue;
            }
            let Some((node_subnet, _)) = self.engine.place(node) else { continue };
            if node_subnet != subnet {
                mine = self.acl(subnet, Side::Egress, mine);
                mine = self.acl(node_subnet, Side::Ingress, mine);
            }
            let _ = vpc;
            self.home(Place::Node(node), mine);
        }
    }

    /// An answer has come to who sent the flow.
    pub(super) fn home(&mut self, place: Place, set: Set) {
        let sent = self.there.at(place);
        let sent = self.engine.space.turned(sent);
        let set = self.and(set, sent);
        if !set.is_empty() {
            self.push(place, set);
            self.returned.push(set);
        }
    }
}
