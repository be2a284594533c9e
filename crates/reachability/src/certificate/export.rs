//! From the engine's spread to a certificate: the only place that knows both.
//!
//! In: the engine and a [`Claim`]. Out: a [`Certificate`] where the engine says that what is claimed never happens. Always:
//! what is written here is checked by who has not read it, so a mistake here makes a certificate that is refused.

use std::collections::BTreeMap;

use estate::SmolStr;
use rustc_hash::FxHashMap;

use super::facts::{located, somewhere};
use super::sets::{Cube, Interval, Packets, Values};
use super::{Certificate, Claim, End, Place, States};
use crate::engine::Engine;
use crate::engine::atoms::{Atom, AtomSet, Owner, OwnerId, Reach};
use crate::engine::bdd::{Field, Set};
use crate::engine::packets::{DESTINATION, PORT, PROTOCOL, SOURCE, SOURCE_PORT};
use crate::engine::spread::{Mode, Place as At, Question};
use crate::engine::wiring::Zone;
use crate::model::{InterfaceId, SubnetId};

impl Engine<'_> {
    /// The certificate of a claim; `None` where the engine does not say that it holds for every value of the unknowns.
    pub fn certificate(&mut self, claim: Claim) -> Option<Certificate> {
        let from = self.owners(&claim.from);
        let to = self.owners(&claim.to);
        let sent = self.sent(&claim, &from, &to);
        let question = Question {
            sent,
            proxies: claim.answered,
            cut_attachments: claim.cut_attachments.clone(),
            cut_peerings: claim.cut_peerings.clone(),
            cut_gateways: claim.cut_gateways.clone(),
            ..Question::new(Mode::May)
        };
        let outcome = if claim.answered { self.ask(&question) } else { self.ask_one_way(&question) };
        let met = |place: At| match place {
            At::From(owner) | At::At(owner) => Some(owner),
            At::FromInternet | At::AtInternet => Some(OwnerId(0)),
            At::FromOffice(office) | At::AtOffice(office) => self.office_owner(office),
            _ => None,
        };
        let home = |place: &At| matches!(place, At::From(_) | At::FromInternet | At::FromOffice(_));
        let arrived = |place: &At| matches!(place, At::At(_) | At::AtInternet | At::AtOffice(_));
        let happens = if claim.answered {
            outcome.back.places().any(|(at, _)| home(&at) && met(at).is_some_and(|who| from.contains(&who)))
        } else {
            outcome.there.places().any(|(at, _)| arrived(&at) && met(at).is_some_and(|who| to.contains(&who)))
        };
        if happens || self.space.store.exhausted() {
            return None;
        }
        let names = Names::of(self);
        let there = self.states(outcome.there.places().collect(), &names);
        let mut answers: Vec<(At, Set)> = outcome.back.places().collect();
        answers.iter_mut().for_each(|(_, set)| *set = self.space.turned(*set));
        let back = self.states(answers, &names);
        Some(Certificate { claim, there, back })
    }

    fn office_owner(&self, office: crate::model::OfficeId) -> Option<OwnerId> {
        let at = self.space.atoms.owners.iter().position(|owner| *owner == Owner::Office(office))?;
        u32::try_from(at).ok().map(OwnerId)
    }

    fn owners(&self, ends: &[End]) -> Vec<OwnerId> {
        let owner = |end: &End| match *end {
            End::Interface(id) => Some(self.space.atoms.owner_of(id)),
            End::Internet(_) => Some(OwnerId(0)),
            End::Office(office) => self.office_owner(office),
        };
        ends.iter().filter_map(owner).collect()
    }

    fn sent(&mut self, claim: &Claim, from: &[OwnerId], to: &[OwnerId]) -> Set {
        let atoms = |engine: &Self, ends: &[End], owners: &[OwnerId]| {
            let mut out = Vec::new();
            for owner in owners {
                let all = engine.space.atoms.of_owner(*owner);
                let nets =
                    ends.iter().filter_map(|end| if let End::Internet(net) = end { *net } else { None });
                let nets: Vec<_> = nets.collect();
                let whole = *owner != OwnerId(0) || ends.contains(&End::Internet(None));
                let fits = |at: &u32| {
                    whole
                        || nets.iter().any(|net| {
                            engine.space.atoms.inside(*net).may.contains(*at) || engine.covers(*at, *net)
                        })
                };
                out.extend(all.iter().filter(fits));
            }
            AtomSet::of(out)
        };
        let source = atoms(self, &claim.from, from);
        let mut set = self.space.among(SOURCE, &source);
        if claim.answered {
            let destination = atoms(self, &claim.to, to);
            let destination = self.space.among(DESTINATION, &destination);
            set = self.space.store.and(set, destination);
        }
        let mut services = Vec::new();
        for ((first, last), ports) in &claim.services {
            let protocols = self.space.store.values(PROTOCOL, &[(u32::from(*first), u32::from(*last))]);
            let ports = self.space.ports(PORT, &[*ports]);
            services.push(self.space.store.and(protocols, ports));
        }
        if !services.is_empty() {
            let services = self.space.store.any(&services);
            set = self.space.store.and(set, services);
        }
        set
    }

    /// Whether an atom's range has some address of a prefix.
    fn covers(&self, at: u32, net: ipnet::IpNet) -> bool {
        let Some(Atom { range: Some((first, last)), v6, .. }) = self.space.atoms.atom(at).copied() else {
            return false;
        };
        let one = located(End::Internet(None), &net, false);
        v6 == matches!(net, ipnet::IpNet::V6(_)) && first <= one.last && one.first <= last
    }

    fn states(&self, spread: Vec<(At, Set)>, names: &Names) -> States {
        let mut out: States = BTreeMap::new();
        for (place, set) in spread {
            let packets = self.packets(set, names);
            for place in self.named(place) {
                out.insert(place, packets.clone());
            }
        }
        out
    }

    fn named(&self, place: At) -> Vec<Place> {
        let members =
            |owner: OwnerId, made: fn(InterfaceId) -> Place| match self.space.atoms.owners.get(owner.at()) {
                Some(Owner::Interfaces(members)) => members.iter().map(|at| made(*at)).collect(),
                _ => Vec::new(),
            };
        match place {
            At::From(owner) => members(owner, Place::From),
            At::Node(owner) => members(owner, Place::Node),
            At::At(owner) => members(owner, Place::At),
            At::FromInternet => vec![Place::FromInternet],
            At::FromOffice(at) => vec![Place::FromOffice(at)],
            At::Out(at) => vec![Place::Out(at)],
            At::Within(at) => vec![Place::Within(at)],
            At::Inspected(at) => vec![Place::Inspected(at)],
            At::AtInternet => vec![Place::AtInternet],
            At::AtOffice(at) => vec![Place::AtOffice(at)],
            At::Service(at) => vec![Place::Service(at)],
            At::Internet => vec![Place::Internet],
            At::In(at) => vec![Place::In(at)],
            At::Nat(at) => vec![Place::Nat(at)],
            At::Transit(table, zone) => vec![Place::Transit(table, self.zone_name(zone))],
            At::Firewall(at, subnet) => vec![Place::Firewall(at, subnet)],
            At::Appliance(at) => vec![Place::Appliance(at)],
            At::Endpoint(at) => vec![Place::Endpoint(at)],
            At::Beyond => vec![Place::Beyond],
        }
    }

    fn zone_name(&self, zone: Zone) -> SmolStr {
        if zone == Zone::ANY {
            return SmolStr::default();
        }
        let mut subnets = (0..self.network.subnets.len()).map(SubnetId::from_position);
        let found = subnets.find(|at| self.wiring.zone(*at) == zone);
        found
            .and_then(|at| self.network.subnets.get(at.at()))
            .map(|subnet| subnet.zone.clone())
            .unwrap_or_default()
    }

    fn packets(&self, set: Set, names: &Names) -> Packets {
        let mut out = Vec::new();
        for (to, rest) in self.parts(set, DESTINATION) {
            let to = names.values(&to);
            for (from, rest) in self.parts(rest, SOURCE) {
                let from = names.values(&from);
                for (protocol, rest) in self.parts(rest, PROTOCOL) {
                    for (port, rest) in self.parts(rest, PORT) {
                        for (source_port, _) in self.parts(rest, SOURCE_PORT) {
                            let cube = Cube {
                                to: to.clone(),
                                from: from.clone(),
                                protocol: numbers(&protocol),
                                port: numbers(&port),
                                source_port: numbers(&source_port),
                            };
                            if !to.is_empty() && !from.is_empty() {
                                out.push(cube);
                            }
                        }
                    }
                }
            }
        }
        Packets(out)
    }

    /// The values of a field, those together that the same may follow.
    fn parts(&self, set: Set, field: Field) -> Vec<(Vec<(u32, u32)>, Set)> {
        let mut places: FxHashMap<Set, usize> = FxHashMap::default();
        let mut out: Vec<(Vec<(u32, u32)>, Set)> = Vec::new();
        for (first, last, rest) in self.space.store.split(set, field) {
            let at = *places.entry(rest).or_insert_with(|| {
                out.push((Vec::new(), rest));
                out.len() - 1
            });
            if let Some((ranges, _)) = out.get_mut(at) {
                ranges.push((first, last));
            }
        }
        out
    }
}

fn numbers(ranges: &[(u32, u32)]) -> Values {
    let one = |(first, last): &(u32, u32)| Interval { kind: 0, first: (*first).into(), last: (*last).into() };
    Values::of(ranges.iter().map(one))
}

/// What each atom is in the words of the checker.
struct Names(Vec<Vec<Interval>>);

impl Names {
    fn of(engine: &Engine<'_>) -> Self {
        let mut publics: FxHashMap<OwnerId, usize> = FxHashMap::default();
        let atoms = &engine.space.atoms;
        let name = |atom: &Atom| {
            let ends: Vec<End> = match atoms.owners.get(atom.owner.at()) {
                Some(Owner::Internet) => vec![End::Internet(None)],
                Some(Owner::Office(office)) => vec![End::Office(*office)],
                Some(Owner::Interfaces(members)) => members.iter().map(|at| End::Interface(*at)).collect(),
                None => Vec::new(),
            };
            let public = atom.reach != Reach::Own;
            let count = publics.entry(atom.owner).or_default();
            let at = *count;
            *count += usize::from(public && atom.range.is_none());
            let interval = |end: End| match atom.range {
                None => somewhere(end, atom.v6, public.then_some(at)),
                Some((first, last)) => {
                    let any = if atom.v6 { "::/0" } else { "0.0.0.0/0" };
                    let kind = any.parse().map(|net| located(end, &net, public).kind).unwrap_or_default();
                    Interval { kind, first, last }
                }
            };
            ends.into_iter().map(interval).collect()
        };
        Self(atoms.atoms.iter().map(name).collect())
    }

    fn values(&self, ranges: &[(u32, u32)]) -> Values {
        let known = ranges.iter().flat_map(|(first, last)| {
            let last = (*last as usize).min(self.0.len().saturating_sub(1));
            self.0.get(*first as usize..=last).unwrap_or(&[])
        });
        Values::of(known.flatten().copied())
    }
}
