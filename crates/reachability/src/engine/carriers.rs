//! What is carried past routes, groups and firewalls by something that is not modelled.
//!
//! In: the network's [`crate::model::Carrier`]s. Out: in [`Mode::May`] packets at the hosts they may bring them to, and
//! their answers at home; in [`Mode::Must`] nothing. Always: a flow that one of them may carry is never unreachable.

use super::atoms::{AtomSet, OwnerId};
use super::bdd::Set;
use super::filters::Doubt;
use super::packets::{DESTINATION, SOURCE};
use super::spread::{Mode, Place, Walk};
use crate::model::{Role, VpcId};

impl Walk<'_, '_> {
    /// Brings what hosts and the internet send to where carriers may bring it.
    pub(super) fn carry(&mut self, sent: Set) {
        if self.question.mode == Mode::Must {
            return;
        }
        for carrier in &self.engine.network.carriers {
            let to = self.hosts_in(&carrier.to);
            let destinations = to.iter().map(|owner| self.engine.space.atoms.own(*owner));
            let destinations = AtomSet::of(destinations.flat_map(|own| own.iter().collect::<Vec<_>>()));
            let there = self.engine.space.among(DESTINATION, &destinations);
            let sent = self.and(sent, there);
            let mut taken: Vec<(Place, Set)> = Vec::new();
            for owner in self.hosts_in(&carrier.from) {
                let own = self.engine.space.atoms.own(owner);
                let from = self.engine.space.among(SOURCE, &own);
                taken.push((Place::From(owner), self.and(sent, from)));
            }
            if carrier.internet {
                let from = self.engine.internet_from;
                taken.push((Place::FromInternet, self.and(sent, from)));
            }
            for (place, set) in taken {
                if set.is_empty() {
                    continue;
                }
                self.doubt(Doubt::Unknown(carrier.unknown));
                self.push(place, set);
                self.carried.push((place, set));
                for owner in &to {
                    let own = self.engine.space.atoms.own(*owner);
                    let own = self.engine.space.among(DESTINATION, &own);
                    let mine = self.and(set, own);
                    self.push(Place::At(*owner), mine);
                }
            }
        }
    }

    /// Brings the answers home.
    pub(super) fn carry_back(&mut self) {
        let answered = self.engine.answered;
        for (place, set) in std::mem::take(&mut self.carried) {
            let set = self.and(set, answered);
            let set = self.engine.space.turned(set);
            self.home(place, set);
        }
    }

    fn hosts_in(&self, vpcs: &[VpcId]) -> Vec<OwnerId> {
        let owners = (0_u32..).zip(&self.engine.space.atoms.owners).map(|(at, _)| OwnerId(at));
        let hosts = owners.filter(|owner| {
            matches!(self.engine.role(*owner), Some(Role::Host | Role::Balancer(_)))
                && self.engine.place(*owner).is_some_and(|(_, vpc)| vpcs.contains(&vpc))
        });
        hosts.collect()
    }
}
