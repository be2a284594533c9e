//! Parts of what was asked.
//!
//! In: [`Ends`] and [`Flows`] that were found. Out: fewer of them. Always: what is left out is exactly what is named; a
//! verdict is made anew from what remains.

use super::{DESTINATION, Ends, Flows, Mode, OwnerId, Place, Reach, SOURCE, Service};

impl Ends {
    /// Those that are among others too.
    #[must_use]
    pub fn within(mut self, other: &Self) -> Self {
        self.owners.retain(|owner| other.owners.contains(owner));
        self
    }

    /// Those that are not among others.
    #[must_use]
    pub fn without(mut self, other: &Self) -> Self {
        self.owners.retain(|owner| !other.owners.contains(owner));
        self
    }
}

impl Reach<'_> {
    /// One owner alone.
    #[must_use]
    pub fn only(&self, owner: OwnerId) -> Ends {
        Ends { owners: [owner].into() }
    }

    /// Of flows, those of the services listed.
    pub fn only_services(&mut self, flows: &Flows, services: &[Service]) -> Flows {
        let sets: Vec<_> = services.iter().map(|service| self.service(service)).collect();
        let store = &mut self.engine.space.store;
        let wanted = store.any(&sets);
        let (may, must) = (store.and(flows.may, wanted), store.and(flows.must, wanted));
        self.answer(may, must)
    }

    /// Of flows, those that are not of the services listed between two classes of ends; no service: all of them.
    pub fn except_between(&mut self, flows: &Flows, from: &Ends, to: &Ends, services: &[Service]) -> Flows {
        let mut approved = self.pairs(from, to);
        if !services.is_empty() {
            let sets: Vec<_> = services.iter().map(|service| self.service(service)).collect();
            let store = &mut self.engine.space.store;
            let services = store.any(&sets);
            approved = store.and(approved, services);
        }
        let store = &mut self.engine.space.store;
        let (may, must) = (store.minus(flows.may, approved), store.minus(flows.must, approved));
        self.answer(may, must)
    }

    /// Packets from one class of ends that the other may receive on ways that cross no firewall, answered or not.
    pub fn around(&mut self, from: &Ends, to: &Ends) -> Flows {
        let sent = self.field(SOURCE, from);
        let destinations = self.field(DESTINATION, to);
        let [may, must] = [Mode::May, Mode::Must].map(|mode| {
            let mut question = self.question(mode, sent);
            question.avoid_firewalls = true;
            question.proxies = false;
            let outcome = self.engine.ask_one_way(&question);
            let arrived: Vec<_> = outcome
                .there
                .places()
                .filter(|(place, _)| match place {
                    Place::At(owner) => to.owners.contains(owner),
                    Place::AtInternet => to.owners.contains(&OwnerId(0)),
                    _ => false,
                })
                .map(|(_, set)| set)
                .collect();
            let store = &mut self.engine.space.store;
            let arrived = store.any(&arrived);
            store.and(arrived, destinations)
        });
        self.answer(may, must)
    }
}
