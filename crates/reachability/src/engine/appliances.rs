//! Machines that forward what is not their own: NAT instances, firewalls of other makers.
//!
//! In: packets that a route sends to an interface. Out: what may come out of the host. Always: what its software does is not
//! known, so where unknowns allow it sends by any of its interfaces, as it came or under that interface's address, and
//! takes answers back the same way; where they refuse it sends nothing.
//!
//! Source: Amazon EC2 User Guide, "Elastic network interfaces", source/destination checking.

use super::bdd::Set;
use super::filters::{Doubt, Side};
use super::packets::{SOURCE, SOURCE_PORT, TO, Way};
use super::spread::{Mode, Place, Walk};
use crate::model::{Certainty, InterfaceId};

impl Walk<'_, '_> {
    /// What software forwards is not known: as it came, or under its own address, by any interface of its host.
    pub(super) fn appliance(&mut self, id: InterfaceId, set: Set) {
        let Some(interface) = self.engine.network.interfaces.get(id.at()) else { return };
        let checked = interface.source_dest_check;
        if self.question.mode == Mode::Must {
            return;
        }
        let owner = self.engine.space.atoms.owner_of(id);
        let own = self.engine.space.atoms.own(owner);
        let mut set = set;
        if checked == Certainty::Yes {
            // It receives what is addressed to itself: answers to what the host sent under this address.
            let to = self.engine.space.among(TO, &own);
            set = self.and(set, to);
        }
        if set.is_empty() {
            return;
        }
        self.doubt_certainty(checked);
        self.doubt(Doubt::Appliance(id));
        let doors = self.engine.network.siblings(id);
        match self.way {
            Way::There => {
                let set = self.groups(owner, Side::Ingress, set);
                for door in doors {
                    self.sends_on(door, set);
                }
            }
            Way::Back => {
                let before = self.entered(id);
                let store = &mut self.engine.space.store;
                let bare = store.without(set, TO);
                let bare = store.without(bare, SOURCE_PORT);
                let before = self.and(before, bare);
                for door in doors {
                    if let Some(known) = self.engine.network.interfaces.get(door.at()) {
                        self.push(Place::Out(known.subnet), before);
                    }
                }
            }
        }
    }

    /// What a host sends on by one of its interfaces: as it came, where that interface may send what is not its own, or
    /// under the interface's address.
    fn sends_on(&mut self, door: InterfaceId, set: Set) {
        let Some(interface) = self.engine.network.interfaces.get(door.at()) else { return };
        let (subnet, checked) = (interface.subnet, interface.source_dest_check);
        let owner = self.engine.space.atoms.owner_of(door);
        let own = self.engine.space.atoms.own(owner);
        let source = self.engine.space.among(SOURCE, &own);
        let store = &mut self.engine.space.store;
        let bare = store.without(set, SOURCE);
        let bare = store.without(bare, SOURCE_PORT);
        let rewritten = store.and(bare, source);
        let sent = if checked == Certainty::Yes { rewritten } else { store.or(set, rewritten) };
        let sent = self.groups(owner, Side::Egress, sent);
        self.push(Place::Out(subnet), sent);
    }

    /// What has entered a host to be forwarded, by any of its interfaces, turned as answers are.
    pub(super) fn entered(&mut self, id: InterfaceId) -> Set {
        let entered: Vec<Set> = self
            .engine
            .network
            .siblings(id)
            .into_iter()
            .map(|door| self.there.at(Place::Appliance(door)))
            .filter(|set| !set.is_empty())
            .collect();
        let entered = self.engine.space.store.any(&entered);
        self.engine.space.turned(entered)
    }
}
