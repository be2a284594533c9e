//! The engine over all packets, held against the simulator of one: every pair of ends of networks made by chance.

use reachability::engine::packets::{DESTINATION, PORT, PROTOCOL, SOURCE, SOURCE_PORT};
use reachability::model::{InterfaceId, Network, Role};
use reachability::query::{Reach, Verdict};
use reachability::simulate::{Flow, Simulator, Source, Verdict as Simulated};

use crate::networks::{Kinds, by_chance};

/// What the engine says of one flow: unreachable, unknown or reachable.
fn engine(
    reach: &mut Reach<'_>,
    from: Option<InterfaceId>,
    to: InterfaceId,
    service: (u8, u16),
    public: bool,
) -> Verdict {
    let source = match from {
        Some(at) => {
            let owner = reach.engine.space.atoms.owner_of(at);
            reach.interfaces(|id| reach.engine.space.atoms.owner_of(id) == owner)
        }
        None => reach.internet(),
    };
    let target = reach.engine.space.atoms.owner_of(to);
    let ends = reach.interfaces(|id| reach.engine.space.atoms.owner_of(id) == target);
    let flows = reach.flows(&source, &ends);
    let own = reach.engine.space.atoms.own(target);
    let asked = if public { reach.engine.space.atoms.of_owner(target).minus(&own) } else { own };
    let to = reach.engine.space.among(DESTINATION, &asked);
    let (protocol, port) = service;
    let store = &mut reach.engine.space.store;
    let protocol_set = store.values(PROTOCOL, &[(protocol.into(), protocol.into())]);
    let port_set = store.values(PORT, &[(port.into(), port.into())]);
    let code = if protocol == 1 { (0, 0) } else { (49_152, 65_535) };
    let clients = store.values(SOURCE_PORT, &[code]);
    let mut asked = store.and(to, protocol_set);
    for set in [port_set, clients] {
        asked = store.and(asked, set);
    }
    let (may, must) = (store.and(flows.may, asked), store.and(flows.must, asked));
    if !must.is_empty() {
        Verdict::Reachable
    } else if may.is_empty() {
        Verdict::Unreachable
    } else {
        Verdict::Unknown
    }
}

const SERVICES: [(u8, u16); 6] = [(6, 22), (6, 443), (6, 5432), (6, 8080), (17, 53), (1, 8)];

/// Every flow of a network: how often the two agree, and where they contradict each other.
fn attack(network: &Network, label: &str) -> (usize, usize, Vec<String>) {
    let mut reach = Reach::of(network);
    let simulator = Simulator::new(network);
    let (mut agree, mut vague, mut wrong) = (0, 0, Vec::new());
    let hosts: Vec<InterfaceId> = (0..network.interfaces.len())
        .map(InterfaceId::from_position)
        .filter(|at| network.interfaces[at.at()].role == Role::Host)
        .collect();
    let senders = hosts.iter().copied().map(Some).chain([None]);
    for from in senders {
        for to in hosts.iter().copied().filter(|to| Some(*to) != from) {
            for public in [false, true] {
                if from.is_none() && !public {
                    continue;
                }
                let destination = if public {
                    let Some((address, _)) = simulator.public_of(to) else { continue };
                    address
                } else {
                    simulator.addresses_of(to)[0]
                };
                for service in SERVICES {
                    let ours = engine(&mut reach, from, to, service, public);
                    let port = if service.0 == 1 { 0 } else { service.1 };
                    let (source, starts) = match from {
                        Some(at) => (vec![simulator.addresses_of(at)[0]], Source::Interface(at)),
                        None => (simulator.internet(), Source::Internet),
                    };
                    let outcomes: Vec<_> = source
                        .into_iter()
                        .map(|source| {
                            simulator.run(&Flow {
                                from: starts,
                                source,
                                destination,
                                protocol: service.0,
                                port,
                                assumed: vec![],
                            })
                        })
                        .collect();
                    let some = |verdict| outcomes.iter().any(|outcome| outcome.verdict == verdict);
                    let theirs = if some(Simulated::Reachable) {
                        Verdict::Reachable
                    } else if some(Simulated::Unknown) {
                        Verdict::Unknown
                    } else {
                        Verdict::Unreachable
                    };
                    match (ours, theirs) {
                        (a, b) if a == b => agree += 1,
                        (Verdict::Unknown, _) | (_, Verdict::Unknown) => {
                            vague += 1;
                            if std::env::var_os("ATTACK_VAGUE").is_some() {
                                wrong.push(format!("{label}: {from:?} to {to:?} public {public} {service:?}: engine {ours:?}, simulator {theirs:?}"));
                            }
                        }
                        _ => {
                            let hops: Vec<String> = outcomes[0]
                                .paths
                                .iter()
                                .flat_map(|path| &path.hops)
                                .map(|hop| {
                                    format!(
                                        "    {} {:?} {} {}",
                                        if hop.back { "<" } else { ">" },
                                        hop.effect,
                                        hop.place,
                                        hop.says
                                    )
                                })
                                .collect();
                            wrong.push(format!(
                                "{label}: {from:?} to {to:?} public {public} {service:?}: engine {ours:?}, simulator {theirs:?}\n{}",
                                hops.join("\n")
                            ));
                        }
                    }
                }
            }
        }
    }
    (agree, vague, wrong)
}

fn attack_all(kinds: Kinds, most_vague_percent: usize) {
    let seeds: u64 = std::env::var("ATTACK_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(8);
    let first: u64 = std::env::var("ATTACK_FIRST").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let (mut agree, mut vague, mut wrong) = (0, 0, Vec::new());
    for seed in first..first + seeds {
        let network = by_chance(seed, kinds);
        let (a, v, w) = attack(&network, &format!("seed {seed}"));
        agree += a;
        vague += v;
        wrong.extend(w);
    }
    println!("agree {agree}, one of the two does not know {vague}, contradict {}", wrong.len());
    assert!(wrong.is_empty(), "{} contradictions:\n{}", wrong.len(), wrong[..wrong.len().min(6)].join("\n"));
    assert!(agree > 1_000, "only {agree} flows were asked about");
    assert!(vague * 100 <= (agree + vague) * most_vague_percent, "{vague} of {} are vague", agree + vague);
}

#[test]
fn the_two_engines_agree_on_networks_without_unknowns() {
    attack_all(Kinds { unknowns: false, firewall: false }, 3);
}

#[test]
fn the_two_engines_agree_through_firewalls() {
    attack_all(Kinds { unknowns: false, firewall: true }, 3);
}

#[test]
fn the_two_engines_agree_on_networks_with_unknowns() {
    attack_all(Kinds { unknowns: true, firewall: true }, 10);
}

#[test]
fn a_witness_is_a_packet_that_the_simulator_follows_home() {
    let mut replayed = 0;
    for seed in 1..30 {
        let network = by_chance(seed, Kinds { unknowns: false, firewall: true });
        let mut reach = Reach::of(&network);
        let simulator = Simulator::new(&network);
        let all = reach.interfaces(|at| network.interfaces[at.at()].role == Role::Host);
        for owner in all.owners().collect::<Vec<_>>() {
            let one = reach.interfaces(|at| reach.engine.space.atoms.owner_of(at) == owner);
            let flows = reach.flows(&all, &one);
            let Some(witness) = flows.witness.filter(|_| flows.verdict == Verdict::Reachable) else {
                continue;
            };
            assert!(reach.engine.space.store.contains(flows.must, &parts(&reach, &witness)));
            let atoms = &reach.engine.space.atoms;
            let (from, to) = (atoms.interface(witness.from).unwrap(), atoms.interface(witness.to).unwrap());
            if witness.from == witness.to || witness.protocol == 0 {
                continue;
            }
            let destination = if witness.to_public {
                simulator.public_of(to).unwrap().0
            } else {
                simulator.addresses_of(to)[0]
            };
            let flow = Flow {
                from: Source::Interface(from),
                source: simulator.addresses_of(from)[0],
                destination,
                protocol: witness.protocol,
                port: witness.port,
                assumed: vec![],
            };
            let outcome = simulator.run(&flow);
            assert_ne!(outcome.verdict, Simulated::Unreachable, "seed {seed}: {witness:?}");
            replayed += 1;
        }
    }
    assert!(replayed > 30, "{replayed}");
}

/// The fields of a witness in the order of the engine's variables.
fn parts(
    reach: &Reach<'_>,
    witness: &reachability::query::Packet,
) -> Vec<(reachability::engine::bdd::Field, u32)> {
    let store = &reach.engine.space.store;
    let mut rest = witness.set;
    [DESTINATION, SOURCE, PROTOCOL, PORT, SOURCE_PORT]
        .into_iter()
        .map(|field| {
            let value = store.first(rest, field).unwrap();
            rest = store.at(rest, field, value);
            (field, value)
        })
        .collect()
}
