//! A second look at "unreachable", by the other engine.
//!
//! In: two classes of ends and the simulator of one packet. Out: [`Recheck`]: how many packets were followed and what became of
//! them. Always: one packet for every piece into which the services of all rules cut protocols and ports, between every
//! address of the ends; rules cannot tell apart packets of a piece, so that following one follows all. It reads the
//! network itself and takes nothing from the engine but the names of the ends.

use std::collections::BTreeSet;

use super::{Ends, Reach};
use crate::engine::atoms::Owner;
use crate::engine::packets::{ICMP, ICMPV6, TCP, UDP};
use crate::model::{InterfaceId, Network, PortRange, Protocols, Services};
use crate::simulate::{Addr, Flow, Simulator, Source, Verdict};

/// What became of the packets that were followed.
#[derive(Debug, Clone, Default)]
pub struct Recheck {
    /// How many were followed.
    pub packets: usize,
    /// Of how many the simulator does not know.
    pub unknown: usize,
    /// One that arrives and is answered: the certificate is wrong.
    pub refuted: Option<Flow>,
    /// Whether the bound on packets ended it before all were followed.
    pub cut_short: bool,
}

impl Recheck {
    /// Whether every packet was followed and none gets through.
    #[must_use]
    pub fn confirms(&self) -> bool {
        self.refuted.is_none() && self.unknown == 0 && !self.cut_short
    }
}

impl Reach<'_> {
    /// Follows one packet of every kind from some ends to others, at most so many.
    #[must_use]
    pub fn recheck(&self, simulator: &Simulator<'_>, from: &Ends, to: &Ends, most: usize) -> Recheck {
        let mut out = Recheck::default();
        let services = pieces(self.engine.network);
        for (starts, source) in self.senders(simulator, from) {
            for destination in self.destinations(simulator, to) {
                if source.is_v6() != destination.is_v6()
                    || (source.interface.is_some() && source.interface == destination.interface)
                {
                    continue;
                }
                for &(protocol, port) in &services {
                    if out.packets >= most {
                        out.cut_short = true;
                        return out;
                    }
                    let flow =
                        Flow { from: starts, source, destination, protocol, port, assumed: Vec::new() };
                    out.packets += 1;
                    match simulator.run(&flow).verdict {
                        Verdict::Unreachable => {}
                        Verdict::Unknown => out.unknown += 1,
                        Verdict::Reachable => {
                            out.refuted = Some(flow);
                            return out;
                        }
                    }
                }
            }
        }
        out
    }

    fn senders(&self, simulator: &Simulator<'_>, ends: &Ends) -> Vec<(Source, Addr)> {
        let mut out = Vec::new();
        for owner in ends.owners() {
            match self.engine.space.atoms.owners.get(owner.at()) {
                Some(Owner::Internet) => {
                    out.extend(simulator.internet().into_iter().map(|address| (Source::Internet, address)));
                }
                Some(Owner::Interfaces(members)) => {
                    for &member in members {
                        let own = simulator.addresses_of(member).iter();
                        out.extend(own.map(|address| (Source::Interface(member), *address)));
                    }
                }
                Some(Owner::Office(office)) => {
                    let known = self.engine.network.offices.get(office.at());
                    let nets =
                        known.into_iter().flat_map(|known| &crate::engine::atoms::known(&known.networks).0);
                    out.extend(nets.map(|net| (Source::Office(*office), Addr::exact(net.network()))));
                }
                None => {}
            }
        }
        out
    }

    fn destinations(&self, simulator: &Simulator<'_>, ends: &Ends) -> Vec<Addr> {
        let mut out = Vec::new();
        for owner in ends.owners() {
            match self.engine.space.atoms.owners.get(owner.at()) {
                Some(Owner::Internet) => out.extend(simulator.internet()),
                Some(Owner::Interfaces(members)) => {
                    for &member in members {
                        let at: InterfaceId = member;
                        out.extend(simulator.addresses_of(at).iter().copied());
                        out.extend(simulator.public_of(at).map(|(address, _)| address));
                    }
                }
                Some(Owner::Office(office)) => {
                    let known = self.engine.network.offices.get(office.at());
                    let nets =
                        known.into_iter().flat_map(|known| &crate::engine::atoms::known(&known.networks).0);
                    out.extend(nets.map(|net| Addr::exact(net.network())));
                }
                None => {}
            }
        }
        out
    }
}

/// One protocol and port of every piece into which rules cut them.
fn pieces(network: &Network) -> Vec<(u8, u16)> {
    let mut protocols = BTreeSet::from([TCP, UDP]);
    let mut points = BTreeSet::from([0_u16, 1024]);
    let cut = |ports: PortRange, points: &mut BTreeSet<u16>| {
        points.insert(ports.first);
        points.extend(ports.last.checked_add(1));
    };
    let groups = network.groups.iter().flat_map(|group| group.ingress.iter().chain(&group.egress));
    let entries = network.acls.iter().flat_map(|acl| acl.ingress.iter().chain(&acl.egress));
    let services: Vec<Services> =
        groups.map(|rule| rule.services).chain(entries.map(|entry| entry.services)).collect();
    for service in services {
        if let Protocols::One(protocol) = service.protocols {
            protocols.insert(protocol);
        }
        cut(service.ports, &mut points);
    }
    for policy in network.firewalls.iter().filter_map(|firewall| firewall.policy.as_ref().ok()) {
        for rule in &policy.stateful {
            rule.destination_ports
                .iter()
                .chain(&rule.source_ports)
                .for_each(|ports| cut(*ports, &mut points));
        }
        for rule in &policy.stateless {
            rule.destination_ports
                .iter()
                .chain(&rule.source_ports)
                .for_each(|ports| cut(*ports, &mut points));
        }
    }
    for listener in network.balancers.iter().flat_map(|balancer| &balancer.listeners) {
        cut(listener.ports, &mut points);
    }
    let mut out = Vec::new();
    for protocol in protocols {
        if matches!(protocol, TCP | UDP) {
            out.extend(points.iter().map(|port| (protocol, *port)));
        } else if !matches!(protocol, ICMP | ICMPV6) {
            out.push((protocol, 0));
        }
    }
    out.extend([(ICMP, 0), (253, 0)]);
    out
}
