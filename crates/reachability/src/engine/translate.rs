//! Where addresses are rewritten: internet gateways one to one, NAT gateways many to one.
//!
//! In: the packets at a gateway. Out: the same packets with other addresses and ports, and for answers the flows that they
//! answer. Always: what AWS chooses (a private address, a port) counts for certain only where it does whichever it is.

use super::atoms::{AtomSet, Translation};
use super::bdd::{Field, Set};
use super::packets::{ICMP, SOURCE, SOURCE_PORT, TCP, TO, UDP, Way};
use super::spread::{Mode, Place, Walk};
use crate::model::{Certainty, NatId, VpcId};

impl Walk<'_, '_> {
    /// One to one between private and public addresses; `inward` from public to private.
    ///
    /// Where AWS chooses the private address, packets to the public one go to whichever it is; and what comes from the
    /// public one comes from it for certain only where it comes from each that AWS may choose.
    pub(super) fn translated(&mut self, vpc: VpcId, field: Field, inward: bool, set: Set) -> Set {
        let pairs = self.engine.wiring.public.get(vpc.at()).cloned().unwrap_or_default();
        let mut out = Vec::new();
        let torn = pairs.iter().any(|pair| pair.private.iter().nth(1).is_some());
        let set =
            if !inward && torn && self.question.mode == Mode::Must { self.gather(vpc, set) } else { set };
        for Translation { private, public } in pairs {
            let perhaps = self.engine.space.atoms.atom(public).map(|atom| atom.reach);
            if self.question.mode == Mode::Must && perhaps == Some(super::atoms::Reach::PerhapsPublic) {
                continue;
            }
            let here = [(public, public)];
            let (old, new) =
                if inward { (&here[..], private.ranges()) } else { (private.ranges(), &here[..]) };
            let store = &mut self.engine.space.store;
            let before = store.values(field, old);
            let mine = store.and(set, before);
            if mine.is_empty() {
                continue;
            }
            if perhaps == Some(super::atoms::Reach::PerhapsPublic) {
                self.doubt_public(public);
            }
            let store = &mut self.engine.space.store;
            let bare = match self.question.mode {
                Mode::Must => store.for_all(mine, field, before),
                Mode::May => store.without(mine, field),
            };
            let after = store.values(field, new);
            out.push(store.and(bare, after));
        }
        self.engine.space.store.any(&out)
    }

    /// All that has come to a VPC's internet gateway so far to be translated.
    fn gather(&mut self, vpc: VpcId, set: Set) -> Set {
        let before = self.gathered.get(&(self.way, vpc)).copied().unwrap_or(Set::EMPTY);
        let all = self.engine.space.store.or(before, set);
        self.gathered.insert((self.way, vpc), all);
        all
    }

    fn doubt_public(&mut self, public: u32) {
        let owner = self.engine.space.atoms.atom(public).map(|atom| atom.owner);
        let interface = owner.and_then(|owner| self.engine.space.atoms.interface(owner));
        let interface = interface.and_then(|at| self.engine.network.interfaces.get(at.at()));
        let maybe: Vec<Certainty> =
            interface.into_iter().flat_map(|interface| &interface.public).map(|p| p.exists).collect();
        maybe.into_iter().for_each(|certainty| self.doubt_certainty(certainty));
    }

    /// Source: Amazon VPC User Guide, "NAT gateway basics": TCP, UDP and ICMP; ports 1024 to 65535.
    pub(super) fn nat(&mut self, id: NatId, set: Set) {
        let Some(interface) = self.engine.network.nats.get(id.at()).map(|nat| nat.interface) else { return };
        let owner = self.engine.space.atoms.owner_of(interface);
        let Some((subnet, _)) = self.engine.place(owner) else { return };
        if !self.exists(owner) {
            return;
        }
        let own = self.engine.space.atoms.own(owner);
        let is_v4 = |at: &u32| self.engine.space.atoms.atom(*at).is_some_and(|atom| !atom.v6);
        let own = AtomSet::of(own.iter().filter(is_v4));
        let space = &mut self.engine.space;
        let (tcp, udp, icmp) = (space.protocol(TCP), space.protocol(UDP), space.protocol(ICMP));
        let ports = space.store.or(tcp, udp);
        let source = space.among(SOURCE, &own);
        let own_to = space.among(TO, &own);
        let high = space.store.values(SOURCE_PORT, &[(1024, 65_535)]);
        let v4 = space.atoms.where_(|atom| !atom.v6);
        let v4 = space.among(SOURCE, &v4);
        let store = &mut space.store;
        match self.way {
            Way::There => {
                let set = store.and(set, v4);
                let bare = store.without(set, SOURCE);
                let with_ports = store.and(bare, ports);
                let with_ports = store.without(with_ports, SOURCE_PORT);
                let with_ports = store.and(with_ports, high);
                let echoes = store.and(bare, icmp);
                let both = store.or(with_ports, echoes);
                let sent = store.and(both, source);
                self.push(Place::Out(subnet), sent);
            }
            Way::Back => {
                let echoes = store.and(set, icmp);
                let (bare, echoes) = match self.question.mode {
                    Mode::May => {
                        let bare = store.and(set, ports);
                        let bare = store.without(bare, TO);
                        (store.without(bare, SOURCE_PORT), store.without(echoes, TO))
                    }
                    // The gateway picks the port, and AWS its address: the answer comes back for certain where it does
                    // for each of them.
                    Mode::Must => {
                        let all = self.spread.at(Place::Nat(id));
                        let store = &mut self.engine.space.store;
                        let (with_ports, echoes) = (store.and(all, ports), store.and(all, icmp));
                        let bare = store.for_all(with_ports, TO, own_to);
                        (store.for_all(bare, SOURCE_PORT, high), store.for_all(echoes, TO, own_to))
                    }
                };
                let both = self.engine.space.store.or(bare, echoes);
                let started = self.there.at(Place::Nat(id));
                let started = self.engine.space.turned(started);
                let before = self.and(started, both);
                self.push(Place::Out(subnet), before);
            }
        }
    }
}
