//! The smallest change that would let a flow pass.
//!
//! In: a flow that does not. Out: a change to rules at its two ends, made on a copy and proved there for all packets of
//! the flow by the engine, and replayed in the simulator. Always: `None` where something else is in the way (a route, a
//! firewall), or where the network is too large to be asked in a moment.

use crate::engine::packets::{DESTINATION, PORT, PROTOCOL, SOURCE, SOURCE_PORT};
use crate::model::{InterfaceId, Network};
use crate::query::{Reach, Repair};
use crate::simulate::{Flow, ICMP, Source};

/// Networks with more interfaces are not asked: a trace is an answer for somebody who waits.
const MOST_INTERFACES: usize = 1_000;

/// The change.
#[must_use]
pub fn opening(network: &Network, flow: &Flow) -> Option<Repair> {
    if network.interfaces.len() > MOST_INTERFACES {
        return None;
    }
    let to: InterfaceId = flow.destination.interface?;
    let mut reach = Reach::of(network);
    let to = reach.engine.space.atoms.owner_of(to);
    let from = match flow.from {
        Source::Interface(id) => reach.engine.space.atoms.owner_of(id),
        Source::Internet => reach.internet().owners().next()?,
        Source::Office(office) => reach.office(office).owners().next()?,
    };
    let own = reach.engine.space.atoms.own(to);
    let asked =
        if flow.destination.is_public { reach.engine.space.atoms.of_owner(to).minus(&own) } else { own };
    let sources = match flow.from {
        Source::Interface(_) => reach.engine.space.atoms.own(from),
        Source::Internet | Source::Office(_) => reach.engine.space.atoms.of_owner(from),
    };
    let space = &mut reach.engine.space;
    let mut set = space.among(DESTINATION, &asked);
    let sources = space.among(SOURCE, &sources);
    let store = &mut space.store;
    let (port, client) = if flow.protocol == ICMP { (8, 0) } else { (flow.port, 49_152) };
    let protocol = store.values(PROTOCOL, &[(flow.protocol.into(), flow.protocol.into())]);
    let port = store.values(PORT, &[(port.into(), port.into())]);
    let client = store.values(SOURCE_PORT, &[(client, client)]);
    for other in [sources, protocol, port, client] {
        set = store.and(set, other);
    }
    let packet = reach.witness(set)?;
    reach.open(&packet)
}
