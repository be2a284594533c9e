//! Probes of a running laboratory, and what the simulator says of each.
//!
//! In: a template. Out: a [`Tally`]. Always: probes are chosen from the estate alone, in an order that a seed fixes; each
//! is sent once; an observation that is not what was predicted is a difference, whichever way.

use std::fmt;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use reachability::Network;
use reachability::query::Verdict as All;
use reachability::simulate::{Addr, Doubt, Flow, Simulator, Source, Verdict};

use super::engine::Engine;
use super::kernel::{self, OUTSIDE};
use super::lab::{self, Lab};
use super::random::Dice;

/// Probes of one estate at most.
const MOST_PROBES: usize = 160;
/// What is listened on, beside the ports that rules name.
const USUAL: &[u16] = &[22, 53, 80, 443, 5432];

/// What came of one estate, or of all.
#[derive(Debug, Default)]
pub struct Tally {
    pub agree: usize,
    pub reached: usize,
    pub opened: usize,
    /// Of which the engine over all packets said something certain too.
    pub engine: usize,
    pub open: usize,
    pub differences: Vec<String>,
}

impl Tally {
    pub fn add(&mut self, other: &Self) {
        self.agree += other.agree;
        self.reached += other.reached;
        self.opened += other.opened;
        self.engine += other.engine;
        self.open += other.open;
        self.differences.extend(other.differences.iter().cloned());
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { agree, reached, opened, engine, open, differences } = self;
        write!(
            f,
            "{agree} agree ({reached} carried, {opened} only opened; {engine} by the engine too), {} differ, {open} left open",
            differences.len()
        )
    }
}

/// One probe.
#[derive(Debug, Clone)]
struct Probe {
    /// Host by position; `None`: somebody on the internet.
    from: Option<usize>,
    to: End,
    protocol: u8,
    port: u16,
}

#[derive(Debug, Clone, Copy)]
enum End {
    Host(usize),
    /// The public address of a host.
    Public(usize),
    Internet,
}

/// Builds an estate, probes it, compares, and takes it down.
pub fn estate(name: &str, text: &str, folder: &Path) -> Result<Tally, String> {
    let (estate, _, diagnostics) = intake::from_texts(&[("template.yaml", text)]);
    if diagnostics.has_errors() {
        let first = diagnostics.iter().next().map(|one| one.message.clone()).unwrap_or_default();
        return Err(format!("the template has mistakes: {first}"));
    }
    let lab = lab::read(&estate)?;
    let network = Network::of(&estate);
    if let Some(mistake) = network.mistakes.first() {
        return Err(mistake.message.clone());
    }
    let probes = probes(&lab, name);
    let predictions = predictions(&lab, &network, &probes)?;
    let running = kernel::build(&lab, folder)?;
    let observed = observe(&lab, &probes)?;
    drop(running);
    let mut tally = Tally::default();
    for ((probe, prediction), observed) in probes.iter().zip(predictions).zip(observed) {
        let observed = observed.ok_or_else(|| format!("no answer about {}", probe.words(&lab)))?;
        if prediction.engine_differs(observed) {
            let (words, says) = (probe.words(&lab), prediction.engine);
            tally.differences.push(format!("{words}: the engine says {says:?}, packets were {observed:?}"));
        }
        tally.engine += usize::from(prediction.engine.is_some_and(|says| says != All::Unknown));
        match prediction.expects() {
            None => tally.open += 1,
            Some(expected) if expected == observed => {
                tally.agree += 1;
                tally.reached += usize::from(observed == Seen::Carried);
                tally.opened += usize::from(observed == Seen::Opened);
            }
            Some(_) => {
                let words = probe.words(&lab);
                tally
                    .differences
                    .push(format!("{words}: the simulator says {prediction}, packets were {observed:?}"));
            }
        }
    }
    Ok(tally)
}

/// What packets did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// There and back, with data.
    Carried,
    /// A connection was opened and carried nothing.
    Opened,
    /// Nothing came back, or a refusal: everybody listens on every port that is probed.
    Lost,
}

/// What the simulator says, in what a probe can see.
#[derive(Debug)]
struct Prediction {
    verdict: Verdict,
    opens: bool,
    why: String,
    /// What the engine over all packets says, where it was asked.
    engine: Option<All>,
}

impl Prediction {
    /// Whether the engine says what packets did not do.
    fn engine_differs(&self, seen: Seen) -> bool {
        match self.engine {
            Some(All::Reachable) => seen != Seen::Carried,
            Some(All::Unreachable) => seen == Seen::Carried,
            Some(All::Unknown) | None => false,
        }
    }

    fn expects(&self) -> Option<Seen> {
        match self.verdict {
            Verdict::Reachable => Some(Seen::Carried),
            Verdict::Unreachable => Some(Seen::Lost),
            Verdict::Unknown => self.opens.then_some(Seen::Opened),
        }
    }
}

impl fmt::Display for Prediction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} ({})", self.verdict, self.why)
    }
}

impl Probe {
    fn words(&self, lab: &Lab) -> String {
        let host = |at: usize| lab.hosts.get(at).map_or("?", |host| host.name.as_str());
        let from = self.from.map_or("internet", host);
        let to = match self.to {
            End::Host(at) => host(at).to_owned(),
            End::Public(at) => format!("{} by its public address", host(at)),
            End::Internet => "internet".to_owned(),
        };
        format!("{from} -> {to} {}", self.service())
    }

    fn service(&self) -> String {
        match self.protocol {
            6 => format!("tcp {}", self.port),
            17 => format!("udp {}", self.port),
            _ => "icmp 0".to_owned(),
        }
    }
}

/// Every port that is listened on.
fn ports(lab: &Lab) -> Vec<u16> {
    let mut out = USUAL.to_vec();
    let groups = lab
        .groups
        .iter()
        .flat_map(|group| group.ingress.iter().chain(&group.egress))
        .map(|rule| rule.service);
    let acls =
        lab.acls.iter().flat_map(|acl| acl.ingress.iter().chain(&acl.egress)).map(|entry| entry.service);
    for service in groups.chain(acls).filter(|service| service.protocol != Some(1)) {
        out.extend(service.ports.map(|(first, _)| first).filter(|first| *first > 0 && *first < 30_000));
    }
    out.sort_unstable();
    out.dedup();
    out
}

fn probes(lab: &Lab, name: &str) -> Vec<Probe> {
    let mut services: Vec<(u8, u16)> =
        ports(lab).into_iter().flat_map(|port| [(6, port), (17, port)]).collect();
    services.push((1, 0));
    let hosts = 0..lab.hosts.len();
    let mut pairs: Vec<(Option<usize>, End)> = Vec::new();
    for from in hosts.clone() {
        pairs.extend(hosts.clone().filter(|to| *to != from).map(|to| (Some(from), End::Host(to))));
        pairs.push((Some(from), End::Internet));
    }
    let public = hosts.filter(|at| lab.hosts.get(*at).is_some_and(|host| host.public.is_some()));
    pairs.extend(public.map(|to| (None, End::Public(to))));
    let mut out: Vec<Probe> = pairs
        .into_iter()
        .flat_map(|(from, to)| {
            services.iter().map(move |&(protocol, port)| Probe { from, to, protocol, port })
        })
        .collect();
    let mut dice = Dice::new(name.bytes().fold(7_u64, |seed, byte| seed.wrapping_mul(31) + u64::from(byte)));
    dice.shuffle(&mut out);
    out.truncate(MOST_PROBES);
    out
}

fn predictions(lab: &Lab, network: &Network, probes: &[Probe]) -> Result<Vec<Prediction>, String> {
    let simulator = Simulator::new(network);
    let address =
        |at: usize| lab.hosts.get(at).map(|host| IpAddr::V4(host.address)).ok_or("a host that is not there");
    let interface = |at: usize| -> Result<_, String> {
        let ip = address(at)?;
        let mut found = simulator.with_private(ip);
        found.next().ok_or_else(|| format!("the network has no interface with {ip}"))
    };
    let outside: Ipv4Addr = OUTSIDE.parse().map_err(|_| "an address that is none")?;
    let outside = Addr::exact(IpAddr::V4(outside));
    let mut engine = Engine::new(network);
    let mut out = Vec::new();
    for probe in probes {
        let (from, source) = match probe.from {
            None => (Source::Internet, outside),
            Some(at) => {
                let id = interface(at)?;
                let own = simulator.addresses_of(id).first().copied();
                (Source::Interface(id), own.ok_or("an interface without an address")?)
            }
        };
        let destination = match probe.to {
            End::Host(at) => Addr::exact(address(at)?),
            End::Internet => outside,
            End::Public(at) => simulator.public_of(interface(at)?).ok_or("no public address")?.0,
        };
        let flow = Flow {
            from,
            source,
            destination,
            protocol: probe.protocol,
            port: probe.port,
            assumed: Vec::new(),
        };
        let outcome = simulator.run(&flow);
        let doubts = outcome.doubts();
        let carries_nothing =
            |doubt: &&Doubt| matches!(doubt, Doubt::Choice(words) if words.contains("carries nothing"));
        let opens = !doubts.is_empty() && doubts.iter().all(carries_nothing);
        let why = match outcome.blocks().first() {
            Some(hop) => format!("{} {}: {}", hop.kind.word(), hop.place, hop.says),
            None => doubts.iter().map(|doubt| doubt.text(network)).collect::<Vec<_>>().join(", "),
        };
        let all = match (probe.from, probe.to) {
            (Some(from), End::Host(to)) => {
                Some(engine.says(interface(from)?, interface(to)?, probe.protocol, probe.port))
            }
            _ => None,
        };
        out.push(Prediction { verdict: outcome.verdict, opens, why, engine: all });
    }
    Ok(out)
}

/// An agent in a namespace.
struct Agent {
    child: Child,
    answers: std::sync::mpsc::Receiver<String>,
}

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Agent {
    fn start(namespace: &str, address: &str, ports: &str) -> Result<Self, String> {
        let own = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut command = kernel::within(namespace, &own.to_string_lossy());
        command.args(["packets-agent", address, ports]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let output = child.stdout.take().ok_or("no output")?;
        let (sender, answers) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let agent = Self { child, answers };
        let ready = agent.answers.recv_timeout(Duration::from_secs(10));
        if ready.as_deref() == Ok("ready") {
            Ok(agent)
        } else {
            Err(format!("no agent in {namespace}: {ready:?}"))
        }
    }
}

/// Sends all probes at the same time.
fn observe(lab: &Lab, probes: &[Probe]) -> Result<Vec<Option<Seen>>, String> {
    let ports = ports(lab).iter().map(u16::to_string).collect::<Vec<_>>().join(",");
    let mut agents = Vec::new();
    for (at, host) in lab.hosts.iter().enumerate() {
        agents.push(Agent::start(&format!("h{at}"), &host.address.to_string(), &ports)?);
    }
    let world = agents.len();
    agents.push(Agent::start("world", OUTSIDE, &ports)?);
    for (number, probe) in probes.iter().enumerate() {
        let host = |at: usize| lab.hosts.get(at);
        let to = match probe.to {
            End::Host(at) => host(at).map(|host| host.address.to_string()),
            End::Public(at) => host(at).and_then(|host| host.public).map(|public| public.to_string()),
            End::Internet => Some(OUTSIDE.to_owned()),
        };
        let service = probe.service();
        let (protocol, port) = service.split_once(' ').unwrap_or(("", ""));
        let line = format!("{number} {protocol} {} {port}\n", to.ok_or("an end that is not there")?);
        let input = agents.get_mut(probe.from.unwrap_or(world)).and_then(|agent| agent.child.stdin.as_mut());
        input.ok_or("no agent")?.write_all(line.as_bytes()).map_err(|error| error.to_string())?;
    }
    let mut out = vec![None; probes.len()];
    for agent in &agents {
        let own = probes
            .iter()
            .filter(|probe| std::ptr::eq(agent, agents.get(probe.from.unwrap_or(world)).unwrap_or(agent)));
        for _ in own {
            let Ok(answer) = agent.answers.recv_timeout(Duration::from_secs(30)) else { break };
            let (number, seen) = answer.split_once(' ').unwrap_or(("", ""));
            let place = number.parse().ok().and_then(|number: usize| out.get_mut(number));
            let Some(place) = place else { continue };
            *place = match seen {
                "carried" => Some(Seen::Carried),
                "opened" => Some(Seen::Opened),
                "lost" | "refused" => Some(Seen::Lost),
                _ => None,
            };
        }
    }
    Ok(out)
}
