//! Guarantees about packets: one engine run, asked by all of them.
//!
//! In: the network of the estate. Out: what each network guarantee has to say, as plain data. Always: the engine is
//! asked once, whoever asks first, of one of all that are alike ([`alike`]), and what it says is said of each of them; a verdict
//! is its verdict, and what it calls unknown stays unknown with its names; a network too varied for the engine's bound
//! proves nothing.

mod alike;
mod speech;

use std::collections::HashMap;
use std::net::IpAddr;

use diagnostics::Span;
use estate::{SmolStr, StackId};
use reachability::engine::atoms::OwnerId;
use reachability::model::{HostId, InterfaceId, Role};
use reachability::query::{DeadRule, Ends, Flows, Packet, Reach, Verdict as Reached, say};

use alike::{Alike, Counterpart};
use speech::Speech;
pub(crate) use speech::Spoken;

use crate::guarantees::network::ASKS;
use crate::intent::Party;
use crate::{Facts, Findings, Options, Subject, Verdict, Witness};

/// What is said of one subject.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    /// The resource; `None`: the estate as a whole.
    pub about: Option<(StackId, SmolStr)>,
    /// The verdict.
    pub verdict: Verdict,
    /// The place that decides.
    pub span: Span,
    /// In one sentence; empty where it is proved.
    pub message: String,
    /// A packet, as the engine has it.
    pub packet: Option<Packet>,
    /// The witness, where it is not that packet.
    pub witness: Option<Witness>,
    /// What to change.
    pub fix: Option<String>,
    /// Other places.
    pub related: Vec<(Span, String)>,
    /// Of how many this is said where it is about the estate as a whole: pairs of environments that are alike.
    pub times: usize,
}

/// A guarantee's question to the engine.
pub(crate) type Ask = fn(&mut Asked<'_, '_>);

/// The engine, with what was said so far.
pub(crate) struct Asked<'r, 'n> {
    /// The engine, over a network in which one stands for all that are alike.
    pub reach: &'r mut Reach<'n>,
    /// Who stands for whom.
    pub alike: &'r Alike<'n, 'r>,
    /// What to judge by.
    pub options: &'r Options,
    /// What was said.
    pub said: Vec<Said>,
    /// What hosts speak on their ports.
    pub speech: &'r Speech,
    /// Rules that decide nothing, found when first asked for.
    pub dead: &'r mut Option<Vec<DeadRule>>,
}

/// Everything that the network guarantees say.
#[derive(Debug, Default)]
pub(crate) struct Told(HashMap<&'static str, Vec<Said>>);

impl Told {
    /// Asks the engine for all of them.
    pub(crate) fn of(facts: &Facts<'_>) -> Self {
        let network = facts.network();
        if network.interfaces.is_empty() {
            return Self::default();
        }
        let speech = Speech::of(facts, network);
        let alike = Alike::of(network, facts.options.intent.as_ref(), &speech);
        let mut reach = Reach::of(alike.network());
        let mut told = HashMap::new();
        let mut dead = None;
        for (id, ask) in ASKS {
            let mut asked = Asked {
                reach: &mut reach,
                alike: &alike,
                options: facts.options,
                speech: &speech,
                said: Vec::new(),
                dead: &mut dead,
            };
            ask(&mut asked);
            let mut said = asked.of_everybody();
            if reach.exhausted() {
                doubt(&mut said, "the network is too varied to be followed within bounds");
            }
            told.insert(*id, said);
        }
        Self(told)
    }

    /// Tells what one guarantee found.
    pub(crate) fn tell(&self, facts: &Facts<'_>, id: &str, findings: &mut Findings) {
        for said in self.0.get(id).into_iter().flatten() {
            let found = said.about.as_ref().and_then(|(stack, id)| facts.index.get(*stack, id));
            let subject = found.map_or(Subject::ESTATE, Subject::of);
            if said.verdict == Verdict::Proved {
                findings.proved.push(subject);
                findings.repeated += said.times.saturating_sub(1);
                continue;
            }
            let span = found.map_or(said.span, |found| said.span.or(found.resource.origin.span));
            let finding = findings.add(subject, said.verdict, span, said.message.clone());
            finding.witness.clone_from(&said.witness);
            finding.fix.clone_from(&said.fix);
            finding.related.clone_from(&said.related);
        }
    }
}

fn doubt(said: &mut [Said], why: &str) {
    for one in said.iter_mut().filter(|one| one.verdict == Verdict::Proved) {
        one.verdict = Verdict::Unknown;
        one.message = format!("it cannot be known: {why}");
    }
}

impl<'n> Asked<'_, 'n> {
    /// Ends by their interface: its role, and the host that it belongs to.
    pub(crate) fn hosts(&self, holds: impl Fn(&'n reachability::model::Host, InterfaceId) -> bool) -> Ends {
        let network = self.reach.engine.network;
        self.reach.interfaces(|at| {
            let Some(interface) = network.interfaces.get(at.at()) else { return false };
            let is_end = matches!(interface.role, Role::Host | Role::Balancer(_));
            let host = network.hosts.get(interface.host.at());
            is_end && host.is_some_and(|host| holds(host, at))
        })
    }

    /// Ends that carry health information.
    pub(crate) fn carriers(&self) -> Ends {
        let network = self.reach.engine.network;
        self.hosts(|_, at| {
            network.interfaces.get(at.at()).is_some_and(|interface| self.speech.carries(interface.host))
        })
    }

    /// The host of an end.
    pub(crate) fn host_of(&self, owner: OwnerId) -> Option<HostId> {
        let at = self.reach.engine.space.atoms.interface(owner)?;
        self.reach.engine.network.interfaces.get(at.at()).map(|interface| interface.host)
    }

    /// Nodes of load balancers.
    pub(crate) fn balancers(&self) -> Ends {
        let network = self.reach.engine.network;
        self.reach.interfaces(|at| {
            network.interfaces.get(at.at()).is_some_and(|one| matches!(one.role, Role::Balancer(_)))
        })
    }

    /// Interfaces with a public address.
    pub(crate) fn public(&self) -> Ends {
        let network = self.reach.engine.network;
        self.reach.interfaces(|at| network.interfaces.get(at.at()).is_some_and(|one| !one.public.is_empty()))
    }

    /// Each host of some ends with its own ends, in the network's order.
    pub(crate) fn each(&self, ends: &Ends) -> Vec<(Subjected, Ends)> {
        let network = self.reach.engine.network;
        let mut out: Vec<(Subjected, Ends)> = Vec::new();
        let mut places: HashMap<(Option<StackId>, SmolStr), usize> = HashMap::new();
        for owner in ends.owners() {
            let Some(interface) = self.reach.engine.space.atoms.interface(owner) else { continue };
            let host =
                network.interfaces.get(interface.at()).and_then(|one| network.hosts.get(one.host.at()));
            let Some(host) = host else { continue };
            let own = self.reach.only(owner);
            let key = (host.name.stack, host.name.id.clone());
            match places.get(&key).and_then(|at| out.get_mut(*at)) {
                Some((_, known)) => *known = std::mem::take(known).and(own),
                None => {
                    places.insert(key, out.len());
                    let about = host.name.stack.map(|stack| (stack, host.name.id.clone()));
                    let subjected = Subjected { about, span: host.name.span };
                    out.push((subjected, own));
                }
            }
        }
        out
    }

    /// The ends that a party stands for.
    pub(crate) fn party(&self, party: &Party) -> Ends {
        let network = self.reach.engine.network;
        let in_vpc = |at: InterfaceId, holds: &dyn Fn(&reachability::model::Vpc) -> bool| {
            let subnet = network.interfaces.get(at.at()).and_then(|one| network.subnets.get(one.subnet.at()));
            subnet.and_then(|subnet| network.vpcs.get(subnet.vpc.at())).is_some_and(holds)
        };
        match party {
            Party::Internet => self.reach.internet(),
            Party::Anyone => self.reach.ends(|_| true),
            Party::Offices(name) => {
                let offices = (0..network.offices.len()).map(reachability::model::OfficeId::from_position);
                let named = offices.filter(|at| {
                    let office = network.offices.get(at.at());
                    name.as_ref().is_none_or(|name| {
                        office.is_some_and(|office| {
                            office.name.label == *name || office.name.label.ends_with(&format!("-{name}"))
                        })
                    })
                });
                named.map(|at| self.reach.office(at)).fold(Ends::default(), Ends::and)
            }
            Party::Firewall => Ends::default(),
            Party::Environment(name) => self.hosts(|host, at| {
                host.environment == *name
                    || (host.environment.is_empty() && in_vpc(at, &|vpc| vpc.environment == *name))
            }),
            Party::Account(name) => self.hosts(|_, at| in_vpc(at, &|vpc| vpc.name.account == *name)),
            Party::Accounts(_, names) => {
                self.hosts(|_, at| in_vpc(at, &|vpc| names.contains(&vpc.name.account)))
            }
            Party::Application(environment, name) => self.hosts(|host, _| {
                host.application == *name
                    && environment.as_ref().is_none_or(|environment| host.environment == *environment)
            }),
        }
    }

    /// Rules that decide nothing.
    pub(crate) fn dead_rules(&mut self) -> Vec<DeadRule> {
        self.dead.get_or_insert_with(|| self.reach.dead_rules()).clone()
    }

    /// What was said to hold is not known to.
    pub(crate) fn doubt(&mut self, why: &str) {
        doubt(&mut self.said, why);
    }

    /// Records that something holds.
    pub(crate) fn proved(&mut self, about: Option<(StackId, SmolStr)>) {
        self.say(about, Verdict::Proved, Span::NONE, String::new());
    }

    /// Records a verdict.
    pub(crate) fn say(
        &mut self,
        about: Option<(StackId, SmolStr)>,
        verdict: Verdict,
        span: Span,
        message: String,
    ) -> Option<&mut Said> {
        let (packet, witness, fix, related) = (None, None, None, Vec::new());
        self.said.push(Said { about, verdict, span, message, packet, witness, fix, related, times: 1 });
        self.said.last_mut()
    }

    /// What was said, of all of whom it holds.
    fn of_everybody(mut self) -> Vec<Said> {
        let said = std::mem::take(&mut self.said);
        let mut out = Vec::with_capacity(said.len());
        for mut one in said {
            let Some(key) = one.about.clone() else {
                one.witness = one.witness.or_else(|| one.packet.as_ref().map(|packet| self.witness(packet)));
                out.push(one);
                continue;
            };
            if self.alike.is_gone(&key) {
                continue;
            }
            for counterpart in self.alike.counterparts(&key) {
                let mut like = one.clone();
                like.about = Some(counterpart.key.clone());
                like.span = counterpart.span;
                like.witness = one.packet.as_ref().map(|packet| self.witness_at(packet, Some(counterpart)));
                like.fix = one.fix.as_ref().map(|fix| format!("as in `{}`: {fix}", key.1));
                out.push(like);
            }
            one.witness = one.witness.or_else(|| one.packet.as_ref().map(|packet| self.witness(packet)));
            out.push(one);
        }
        out
    }

    /// Judges flows that must not be: proved where there are none, else with a packet and the smallest change.
    pub(crate) fn never(&mut self, subject: &Subjected, flows: &Flows, what: &str) {
        if flows.verdict == Reached::Unreachable {
            return self.proved(subject.about.clone());
        }
        let certain = flows.verdict == Reached::Reachable;
        let services = say(if certain { &flows.certain } else { &flows.services });
        let depends = match &flows.witness {
            Some(packet) if !certain => self.reach.depends_on(packet),
            _ => Vec::new(),
        };
        let (verdict, message) = if certain {
            (Verdict::Violated, format!("{what}: {services}"))
        } else {
            let depends: Vec<&str> = depends.iter().take(3).map(String::as_str).collect();
            let depends = if depends.is_empty() { "something not known".into() } else { depends.join("; ") };
            (Verdict::Unknown, format!("whether {what} ({services}) depends on {depends}"))
        };
        let repair = if certain { self.reach.close(flows) } else { None };
        let (about, span) = (subject.about.clone(), subject.span);
        if let Some(said) = self.say(about, verdict, span, message) {
            said.packet.clone_from(&flows.witness);
            if let Some(repair) = repair {
                said.fix = Some(repair.says.join("; "));
                said.related =
                    repair.spans.iter().map(|span| (*span, "what lets it in".to_owned())).collect();
            }
        }
    }

    /// The same of a pair of environments that stands for so many alike.
    pub(crate) fn never_in_pairs(&mut self, subject: &Subjected, flows: &Flows, what: &str, times: usize) {
        let alike =
            if times > 1 { format!(" (and so in {times} pairs that are alike)") } else { String::new() };
        self.never(subject, flows, &format!("{what}{alike}"));
        if let Some(said) = self.said.last_mut() {
            said.times = times;
        }
    }

    /// A packet as the witness of a finding.
    pub(crate) fn witness(&self, packet: &Packet) -> Witness {
        self.witness_at(packet, None)
    }

    /// The same packet where a part was left out that is like the one that was asked.
    fn witness_at(&self, packet: &Packet, at: Option<&Counterpart>) -> Witness {
        let end = |owner, address: Option<IpAddr>| {
            let label = self.reach.label(owner);
            let moved = at.filter(|at| {
                let interface = self.reach.engine.space.atoms.interface(owner);
                interface.is_some_and(|interface| self.alike.belongs(at, interface))
            });
            let (label, address) = match moved {
                Some(at) => (
                    self.alike.label(at, &label).to_owned(),
                    address.map(|address| self.alike.address(at, address)),
                ),
                None => (label, address),
            };
            address.map_or_else(|| label.clone(), |address| format!("{address} ({label})"))
        };
        let protocol = match packet.protocol {
            6 => "tcp",
            17 => "udp",
            1 | 58 => "icmp",
            _ => "protocol",
        };
        let service = match packet.protocol {
            6 | 17 => format!("{protocol} {}", packet.port),
            1 | 58 => format!("{protocol} type {}", packet.port),
            other => format!("{protocol} {other}"),
        };
        Witness::Packet {
            source: end(packet.from, packet.source),
            destination: end(packet.to, packet.destination),
            service,
        }
    }
}

/// What a verdict is about.
#[derive(Debug, Clone)]
pub(crate) struct Subjected {
    /// The resource.
    pub about: Option<(StackId, SmolStr)>,
    /// Where it is written.
    pub span: Span,
}
