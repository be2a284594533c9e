//! Certificates of "unreachable", checked by who knows nothing of the engine; and lies, which the checker has to refuse.

use reachability::certificate::sets::{Cube, Values};
use reachability::certificate::{Certificate, Claim, End, Place, Refused};
use reachability::engine::Engine;
use reachability::model::{InterfaceId, Network, PortRange, Role};
use reachability::query::{Reach, Verdict};
use reachability::simulate::{Flow, Simulator, Source, Verdict as Simulated};

use crate::networks::{Chance, Kinds, by_chance};

fn hosts(network: &Network) -> Vec<InterfaceId> {
    let ids = (0..network.interfaces.len()).map(InterfaceId::from_position);
    ids.filter(|at| network.interfaces[at.at()].role == Role::Host).collect()
}

fn answered(from: End, to: End) -> Claim {
    Claim { from: vec![from], to: vec![to], answered: true, ..Claim::default() }
}

/// Every pair of ends: the claims that nothing is answered, and that nothing arrives.
fn claims(network: &Network) -> Vec<Claim> {
    let hosts = hosts(network).into_iter().map(End::Interface);
    let ends: Vec<End> = hosts.chain([End::Internet(None)]).collect();
    let mut out = Vec::new();
    for from in &ends {
        for to in ends.iter().filter(|to| *to != from) {
            out.push(answered(*from, *to));
            out.push(Claim { answered: false, ..answered(*from, *to) });
            let ssh = ((6, 6), PortRange { first: 22, last: 22 });
            out.push(Claim { services: vec![ssh], ..answered(*from, *to) });
        }
    }
    out
}

fn certificates(network: &Network) -> Vec<Certificate> {
    let mut engine = Engine::new(network);
    claims(network).into_iter().filter_map(|claim| engine.certificate(claim)).collect()
}

fn seeds(most: u64) -> std::ops::Range<u64> {
    let seeds = std::env::var("ATTACK_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(most);
    300..300 + seeds
}

fn kinds(seed: u64) -> Kinds {
    Kinds { unknowns: seed.is_multiple_of(3), firewall: seed.is_multiple_of(2) }
}

#[test]
fn every_certificate_is_accepted() {
    let (mut accepted, mut places) = (0, 0);
    for seed in seeds(24) {
        let network = by_chance(seed, kinds(seed));
        for certificate in certificates(&network) {
            match certificate.check(&network) {
                Ok(checked) => {
                    accepted += 1;
                    places += checked.places;
                }
                Err(refused) => panic!("seed {seed}: {:?}: {refused:?}", certificate.claim),
            }
        }
    }
    println!("{accepted} certificates accepted, {places} places");
    assert!(accepted > 1_000 && places > 5_000, "{accepted} accepted, {places} places");
}

#[test]
fn every_unreachable_has_its_certificate() {
    let (mut with, mut without) = (0, 0);
    for seed in seeds(12) {
        let network = by_chance(seed, kinds(seed));
        let mut reach = Reach::of(&network);
        let hosts = hosts(&network);
        for from in &hosts {
            for to in hosts.iter().filter(|to| *to != from) {
                let [a, b] = [from, to].map(|end| {
                    let owner = reach.engine.space.atoms.owner_of(*end);
                    reach.only(owner)
                });
                if reach.flows(&a, &b).verdict != Verdict::Unreachable {
                    continue;
                }
                match reach.certificate(&a, &b) {
                    Some(certificate) => {
                        certificate.check(&network).unwrap();
                        with += 1;
                    }
                    None => without += 1,
                }
            }
        }
    }
    // Without: a firewall certainly ends the connection because it sees only one way of it, which closure does not say.
    println!("{with} with, {without} without");
    assert!(with > 200 && without * 20 < with, "{with} with, {without} without");
}

#[test]
fn a_certificate_that_lists_too_little_is_refused() {
    let (mut refused, mut total) = (0, 0);
    for seed in seeds(8) {
        let network = by_chance(seed, kinds(seed));
        let mut chance = Chance::new(seed);
        for certificate in certificates(&network).into_iter().filter(|one| one.places() > 0) {
            let mut less = certificate.clone();
            let back = chance.below(certificate.places()) >= certificate.there.len();
            let states = if back { &mut less.back } else { &mut less.there };
            let names: Vec<Place> = states.keys().cloned().collect();
            let place = chance.pick(&names).clone();
            let set = states.get_mut(&place).unwrap();
            let at = chance.below(set.0.len());
            match chance.below(3) {
                0 => drop(states.remove(&place)),
                1 => drop(set.0.remove(at)),
                _ => {
                    let cube: Cube = set.0[at].clone();
                    let one = *cube.to.intervals().first().unwrap();
                    set.0[at] = Cube { to: cube.to.minus(&Values::of([one])), ..cube };
                }
            }
            total += 1;
            // What is still accepted was listed twice, or is nothing that a packet of the claim comes to.
            refused += usize::from(less.check(&network).is_err());
        }
    }
    println!("{refused} of {total} refused");
    assert!(total > 300 && refused * 100 >= total * 97, "{refused} of {total} refused");
}

#[test]
fn no_certificate_proves_what_the_simulator_contradicts() {
    let mut refused = 0;
    for seed in seeds(8) {
        let network = by_chance(seed, Kinds { unknowns: false, firewall: seed % 2 == 0 });
        let simulator = Simulator::new(&network);
        let all = certificates(&network);
        for from in hosts(&network) {
            for to in hosts(&network).into_iter().filter(|to| *to != from) {
                let flow = Flow {
                    from: Source::Interface(from),
                    source: simulator.addresses_of(from)[0],
                    destination: simulator.addresses_of(to)[0],
                    protocol: 6,
                    port: 443,
                    assumed: vec![],
                };
                if simulator.run(&flow).verdict != Simulated::Reachable {
                    continue;
                }
                let claim = answered(End::Interface(from), End::Interface(to));
                for honest in all.iter().filter(|one| one.claim.answered).take(12) {
                    let lie = Certificate { claim: claim.clone(), ..honest.clone() };
                    assert!(lie.check(&network).is_err(), "seed {seed}: {claim:?}");
                    refused += 1;
                }
                let nothing = Certificate { claim, ..Certificate::default() };
                assert!(matches!(nothing.check(&network), Err(Refused::Open { .. })));
            }
        }
    }
    assert!(refused > 200, "{refused}");
}

#[test]
fn a_certificate_that_lists_the_end_is_refused() {
    let network = by_chance(301, kinds(301));
    let certificate =
        certificates(&network).into_iter().find(|one| one.claim.answered && !one.there.is_empty()).unwrap();
    let End::Interface(from) = certificate.claim.from[0] else { panic!("a host") };
    let mut more = certificate.clone();
    let packets = more.there.values().next().unwrap().clone();
    more.back.insert(Place::From(from), packets);
    assert_eq!(more.check(&network), Err(Refused::Met(Place::From(from))));
}

#[test]
fn the_checker_imports_nothing_that_decides() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/certificate");
    for file in std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
        let text = std::fs::read_to_string(&file).unwrap();
        let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let code = code.join("\n");
        let exports = file.file_name().unwrap() == "export.rs";
        for module in ["engine", "simulate", "query", "trace", "compress"] {
            assert!(
                exports || !code.contains(&format!("crate::{module}")),
                "{} uses {module}",
                file.display()
            );
        }
    }
}
