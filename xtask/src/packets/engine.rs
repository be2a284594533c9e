//! What the engine over all packets says of a probe between two hosts.
//!
//! In: a network and two interfaces with a service. Out: whether some, no or perhaps some such packets pass. Always:
//! asked of the sets that the engine has made for all packets, not of one packet alone.

use std::collections::HashMap;

use reachability::Network;
use reachability::engine::packets::{DESTINATION, PORT, PROTOCOL, SOURCE_PORT};
use reachability::model::InterfaceId;
use reachability::query::{Flows, Reach, Verdict};

/// The engine of one network, with the flows that were asked for.
pub struct Engine<'n> {
    reach: Reach<'n>,
    flows: HashMap<(InterfaceId, InterfaceId), Flows>,
}

impl<'n> Engine<'n> {
    pub fn new(network: &'n Network) -> Self {
        Self { reach: Reach::of(network), flows: HashMap::new() }
    }

    /// Packets from one interface to the private addresses of another, from the ports that Linux picks from.
    pub fn says(&mut self, from: InterfaceId, to: InterfaceId, protocol: u8, port: u16) -> Verdict {
        let reach = &mut self.reach;
        let owners = [from, to].map(|at| reach.engine.space.atoms.owner_of(at));
        let ends = owners.map(|owner| reach.interfaces(|id| reach.engine.space.atoms.owner_of(id) == owner));
        let [source, target] = &ends;
        let flows = self.flows.entry((from, to)).or_insert_with(|| reach.flows(source, target));
        let own = reach.engine.space.atoms.own(owners[1]);
        let to = reach.engine.space.among(DESTINATION, &own);
        let store = &mut reach.engine.space.store;
        // A ping is an echo request, code 0.
        let (port, clients) = if protocol == 1 { (8, (0, 0)) } else { (port, (32_768, 60_999)) };
        let sets = [
            store.values(PROTOCOL, &[(protocol.into(), protocol.into())]),
            store.values(PORT, &[(port.into(), port.into())]),
            store.values(SOURCE_PORT, &[clients]),
        ];
        let asked = sets.into_iter().fold(to, |asked, set| store.and(asked, set));
        let (may, must) = (store.and(flows.may, asked), store.and(flows.must, asked));
        match (must.is_empty(), may.is_empty()) {
            (false, _) => Verdict::Reachable,
            (true, true) => Verdict::Unreachable,
            (true, false) => Verdict::Unknown,
        }
    }
}
