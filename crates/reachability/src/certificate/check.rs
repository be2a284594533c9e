//! The check: the claim's packets are listed, every hop stays inside the lists, and the ends are never met.
//!
//! In: a [`Certificate`] and the network. Out: [`Checked`], or where it was [`Refused`] and with which packet. Always: it ends
//! within a bound on work, past which it refuses.

use super::facts::{self, Facts};
use super::filters::{ICMP, ICMPV6, Way, ports};
use super::sets::{Cube, Field, Packets, Values};
use super::{Certificate, End, Place, States};
use crate::model::{Certainty, InterfaceId, Network, Role};

/// Cubes that a check may look at: minutes of work on one core.
const MOST: usize = 20_000_000;

/// What was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    /// Places with the packets that may be there, both ways.
    pub places: usize,
    /// Hops whose packets were compared with what is listed where they lead.
    pub hops: usize,
}

/// Why a certificate proves nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// Packets come to a place and are not listed there.
    Open {
        /// The place.
        place: Place,
        /// Whether as answers.
        back: bool,
        /// Some of them.
        packets: Cube,
    },
    /// What is said never to happen is listed.
    Met(Place),
    /// It is too large to be checked.
    TooLarge,
}

impl Certificate {
    /// Whether it proves its claim about a network.
    ///
    /// # Errors
    /// Where it is not closed, meets what it says is never met, or is too large.
    pub fn check(&self, network: &Network) -> Result<Checked, Refused> {
        let facts = Facts::of(network);
        let mut check =
            Check { facts: &facts, certificate: self, way: Way::There, kept: Vec::new(), hops: 0, work: 0 };
        check.begin()?;
        for (place, set) in &self.there {
            check.step(place, set)?;
        }
        if self.claim.answered {
            check.way = Way::Back;
            check.answer()?;
            for (place, set) in &self.back {
                check.step(place, set)?;
            }
        }
        check.never_met()?;
        Ok(Checked { places: self.places(), hops: check.hops })
    }
}

/// A check under way.
pub(super) struct Check<'c, 'n> {
    pub facts: &'c Facts<'n>,
    pub certificate: &'c Certificate,
    pub way: Way,
    /// What nodes of load balancers send on with the client's address.
    pub kept: Vec<(InterfaceId, Packets)>,
    hops: usize,
    work: usize,
}

impl Check<'_, '_> {
    /// Packets come to a place: they have to be listed there.
    pub fn comes(&mut self, place: Place, set: &Packets) -> Result<(), Refused> {
        if set.is_empty() {
            return Ok(());
        }
        self.hops += 1;
        let states = if self.way == Way::There { &self.certificate.there } else { &self.certificate.back };
        let listed = states.get(&place);
        self.work = self.work.saturating_add(set.0.len() * (1 + listed.map_or(0, |listed| listed.0.len())));
        if self.work > MOST {
            return Err(Refused::TooLarge);
        }
        let missing = listed.map_or_else(|| set.clone(), |listed| set.minus(listed));
        match missing.0.into_iter().next() {
            None => Ok(()),
            Some(packets) => Err(Refused::Open { place, back: self.way == Way::Back, packets }),
        }
    }

    /// What was at a place on the way there.
    pub fn was_at(&self, place: &Place) -> Packets {
        self.certificate.there.get(place).cloned().unwrap_or_default()
    }

    /// An answer comes to who sent the flow.
    pub fn home(&mut self, place: Place, set: &Packets) -> Result<(), Refused> {
        let sent = set.and(&self.was_at(&place));
        self.comes(place, &sent)
    }

    /// Whatever the claim's ends send, to its other ends or to anybody.
    fn begin(&mut self) -> Result<(), Refused> {
        let claim = &self.certificate.claim;
        let to = if claim.answered {
            let all = claim.to.iter().flat_map(|end| self.facts.asked_at(*end).intervals().to_vec());
            Values::of(all)
        } else {
            self.facts.everybody.clone()
        };
        for end in claim.from.clone() {
            let sent = self.sent(&self.facts.sends_from(end), &to);
            match end {
                End::Interface(id) => self.host_sends(id, &sent)?,
                End::Internet(_) => {
                    let sent = sent.among(Field::To, &self.open_to_internet());
                    self.comes(Place::FromInternet, &sent)?;
                    self.comes(Place::Internet, &sent)?;
                    self.carried(Place::FromInternet, None, &sent)?;
                }
                End::Office(office) => {
                    self.comes(Place::FromOffice(office), &sent)?;
                    self.leave_office(office, &sent)?;
                }
            }
        }
        Ok(())
    }

    /// The packets of a claim between some addresses, of one family.
    fn sent(&self, from: &Values, to: &Values) -> Packets {
        let mut out = Packets::default();
        let everything = [((0, u8::MAX), crate::model::PortRange::ALL)];
        let services = match self.certificate.claim.services.as_slice() {
            [] => &everything[..],
            some => some,
        };
        for v6 in [false, true] {
            let (from, to) = (facts::of_family(from, v6), facts::of_family(to, v6));
            if from.is_empty() || to.is_empty() {
                continue;
            }
            for ((first, last), wanted) in services {
                out.0.push(Cube {
                    to: to.clone(),
                    from: from.clone(),
                    protocol: Values::numbers((*first).into(), (*last).into()),
                    port: ports(*wanted),
                    source_port: Values::numbers(0, 65_535),
                });
            }
        }
        out
    }

    fn host_sends(&mut self, id: InterfaceId, sent: &Packets) -> Result<(), Refused> {
        let Some(interface) = self.facts.network.interfaces.get(id.at()) else { return Ok(()) };
        if interface.role != Role::Host || interface.exists == Certainty::No {
            return Ok(());
        }
        let out = self.facts.groups(id, false, true, sent);
        self.comes(Place::From(id), &out)?;
        self.comes(Place::Out(interface.subnet), &out)?;
        self.carried(Place::From(id), self.facts.vpc_of(id), sent)
    }

    /// What is not modelled and may carry what somebody sends past routes and filters.
    fn carried(
        &mut self,
        place: Place,
        vpc: Option<crate::model::VpcId>,
        sent: &Packets,
    ) -> Result<(), Refused> {
        let network = self.facts.network;
        let takes = |one: &&crate::model::Carrier| vpc.map_or(one.internet, |vpc| one.from.contains(&vpc));
        for carrier in network.carriers.iter().filter(takes) {
            for (at, interface) in network.interfaces.iter().enumerate() {
                let id = InterfaceId::from_position(at);
                let hosts = matches!(interface.role, Role::Host | Role::Balancer(_));
                if hosts && self.facts.vpc_of(id).is_some_and(|vpc| carrier.to.contains(&vpc)) {
                    let brought = sent.among(Field::To, &self.facts.own(id));
                    self.comes(place.clone(), &brought)?;
                    self.comes(Place::At(id), &brought)?;
                }
            }
        }
        Ok(())
    }

    /// What the internet can ask for: public addresses, and IPv6 behind internet gateways.
    fn open_to_internet(&self) -> Values {
        let mut out = Vec::new();
        for (at, translations) in self.facts.translations.iter().enumerate() {
            out.extend(translations.iter().flat_map(|one| one.public.intervals().to_vec()));
            let vpc = crate::model::VpcId::from_position(at);
            if self.facts.internet_gateway(vpc).is_some() {
                out.extend_from_slice(self.v6_in(vpc).intervals());
            }
        }
        Values::of(out)
    }

    /// Everybody who received something answers it, where it is of a kind that is answered.
    fn answer(&mut self) -> Result<(), Refused> {
        for (place, set) in self.certificate.there.clone() {
            let set = answered(&set);
            match place {
                Place::At(id) => {
                    if let Some(subnet) = self.facts.subnet_of(id) {
                        self.comes(Place::Out(subnet), &set)?;
                        self.answer_nodes(subnet, &set)?;
                    }
                    self.carried_back(id, &set)?;
                }
                Place::AtInternet => self.comes(Place::Internet, &set)?,
                Place::AtOffice(office) => self.leave_office(office, &set)?,
                Place::Service(endpoint) => {
                    if let Some(endpoint) = self.facts.network.endpoints.get(endpoint.at()) {
                        self.comes(Place::Within(endpoint.vpc), &set)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What something carried there it may carry back.
    fn carried_back(&mut self, id: InterfaceId, set: &Packets) -> Result<(), Refused> {
        let network = self.facts.network;
        let Some(vpc) = self.facts.vpc_of(id) else { return Ok(()) };
        for carrier in network.carriers.iter().filter(|one| one.to.contains(&vpc)) {
            for (at, _) in network.interfaces.iter().enumerate() {
                let from = InterfaceId::from_position(at);
                if self.facts.vpc_of(from).is_some_and(|vpc| carrier.from.contains(&vpc)) {
                    let mine = set.among(Field::From, &self.facts.own(from));
                    self.home(Place::From(from), &mine)?;
                }
            }
            if carrier.internet {
                let mine = set.among(Field::From, &self.facts.internet);
                self.home(Place::FromInternet, &mine)?;
            }
        }
        Ok(())
    }

    /// Answers to a node that kept the client's address find it without routes.
    ///
    /// Source: Elastic Load Balancing, Network Load Balancers, "Client IP preservation".
    fn answer_nodes(&mut self, subnet: crate::model::SubnetId, set: &Packets) -> Result<(), Refused> {
        for (node, kept) in self.kept.clone() {
            let mut mine = set.and(&kept);
            let Some(at) = self.facts.subnet_of(node).filter(|_| !mine.is_empty()) else { continue };
            if at != subnet {
                mine = self.facts.acl(subnet, false, Way::Back, &mine);
                mine = self.facts.acl(at, true, Way::Back, &mine);
            }
            self.home(Place::Node(node), &mine)?;
        }
        Ok(())
    }

    /// Nothing is listed where the claim says that nothing ever comes.
    fn never_met(&self) -> Result<(), Refused> {
        let claim = &self.certificate.claim;
        let met = |place: Place, states: &States| match states.get(&place) {
            Some(set) if !set.is_empty() => Err(Refused::Met(place)),
            _ => Ok(()),
        };
        if claim.answered {
            for end in &claim.from {
                let place = match *end {
                    End::Interface(id) => Place::From(id),
                    End::Internet(_) => Place::FromInternet,
                    End::Office(office) => Place::FromOffice(office),
                };
                met(place, &self.certificate.back)?;
            }
            return Ok(());
        }
        for end in &claim.to {
            let place = match *end {
                End::Interface(id) => Place::At(id),
                End::Internet(_) => Place::AtInternet,
                End::Office(office) => Place::AtOffice(office),
            };
            met(place, &self.certificate.there)?;
        }
        Ok(())
    }
}

/// TCP, UDP, echo requests, and protocols of which nobody knows more. Source: RFC 792; RFC 4443.
fn answered(set: &Packets) -> Packets {
    let icmp = super::filters::protocol(ICMP);
    let icmp_v6 = super::filters::protocol(ICMPV6);
    let others = Values::numbers(0, 255).minus(&icmp.or(&icmp_v6));
    let echo = |of: &Values, kind: u32| {
        set.among(Field::Protocol, of).among(Field::Port, &Values::numbers(kind, kind))
    };
    set.among(Field::Protocol, &others).or(echo(&icmp, 8)).or(echo(&icmp_v6, 128))
}
