//! What recorded networks really did, held against what the engines say of them.
//!
//! In: a folder of labs, each with what AWS described of it and `probes.csv`: who probed whom, and what came of it. Out: for
//! each lab how many answers agree, are unsound (we say that nothing passes, and it did), missed (we say that it passes,
//! and it did not) and unknown, and how many rows are set aside by which rule; and whether the engine over all packets
//! would ever call impossible what happened. Always: every row is counted exactly once; a row is set aside by a rule
//! over all rows, never by name.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use diagnostics::{Diagnostics, SourceMap};
use reachability::Network;
use reachability::certificate::{Claim, End};
use reachability::engine::Engine;
use reachability::engine::atoms::{Atom, Owner};
use reachability::engine::bdd::{Field, Set};
use reachability::engine::packets::{DESTINATION, PORT, PROTOCOL, SOURCE, SOURCE_PORT};
use reachability::engine::spread::{Mode, Question};
use reachability::model::PortRange;
use reachability::simulate::{Addr, Flow, ICMP, Simulator, Source, TCP, UDP, Verdict};

/// Where the labs are, from the repository's root.
pub const CORPUS: &str = "../shared/corpora/aws-probes";

/// Why a row says nothing about the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Aside {
    /// The host asks an address of its own: nothing leaves it.
    Itself,
    /// Where the probe started was not recorded.
    NoSource,
    /// From the internet to an address that nothing recorded has: none of it touches the network.
    Outside,
    /// Lost on the way to an address that nothing recorded has: nobody knows whether anything is there.
    NoDestination,
    /// Lost at a port where nobody ever got an answer, though packets may pass: perhaps nothing listens.
    Silent,
}

impl Aside {
    fn rule(self) -> &'static str {
        match self {
            Self::Itself => "the host asks an address on one of its own interfaces, and nothing leaves it",
            Self::NoSource => "the source is not in the recording",
            Self::Outside => "neither end is in the recording",
            Self::NoDestination => "lost, and the destination is not in the recording",
            Self::Silent => {
                "lost, we say that it passes, and nobody ever got an answer at that address and port"
            }
        }
    }
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Comparison {
    Agrees,
    Unsound,
    Missed,
    Unknown,
    Aside(Aside),
}

struct Probe {
    line: usize,
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    port: u16,
    passed: bool,
}

/// The counts of a lab.
#[derive(Default)]
struct Counts {
    rows: BTreeMap<Comparison, usize>,
    /// Of those that agree: lost, where nobody ever got an answer.
    silent: usize,
    /// Passed, and impossible for the engine over all packets.
    impossible: usize,
    /// Certificates of what is unreachable: accepted by the checker, and refused.
    certified: usize,
    refused: usize,
}

impl Counts {
    fn of(&self, comparison: Comparison) -> usize {
        self.rows.get(&comparison).copied().unwrap_or(0)
    }

    fn judged(&self) -> usize {
        let judged = |comparison: &Comparison| !matches!(comparison, Comparison::Aside(_));
        self.rows.iter().filter(|(comparison, _)| judged(comparison)).map(|(_, count)| count).sum()
    }

    fn add(&mut self, other: &Self) {
        for (comparison, count) in &other.rows {
            *self.rows.entry(*comparison).or_default() += count;
        }
        self.silent += other.silent;
        self.impossible += other.impossible;
        self.certified += other.certified;
        self.refused += other.refused;
    }

    fn print(&self, name: &str) {
        let aside: usize = self.rows.values().sum::<usize>() - self.judged();
        println!(
            "{name:<40} {:>6} {:>6} {:>8} {:>7} {:>8} {aside:>6}",
            self.rows.values().sum::<usize>(),
            self.of(Comparison::Agrees),
            self.of(Comparison::Unsound),
            self.of(Comparison::Missed),
            self.of(Comparison::Unknown),
        );
    }
}

/// Runs every probe of every lab below the corpus, or the folder given, and demands what issue 3 demands.
pub fn run(root: &Path, options: &[String]) -> Result<(), String> {
    let given = options.first().filter(|option| !option.starts_with('-'));
    let corpus = given.map_or_else(|| root.join(CORPUS), PathBuf::from);
    if !corpus.is_dir() {
        println!("skipped: there are no recorded networks at {}", corpus.display());
        return Ok(());
    }
    let verbose = options.iter().any(|option| option == "-v");
    let total = report(&corpus, verbose)?;
    demand(&total)
}

/// Unsound 0 in either engine, agreement of 99 in 100, unknown below 1 in 100.
fn demand(total: &Counts) -> Result<(), String> {
    let judged = total.judged();
    let enough = total.of(Comparison::Agrees) * 100 >= judged * 99;
    let known = total.of(Comparison::Unknown) * 100 < judged.max(1);
    if total.refused > 0 {
        return Err(format!("the checker refused {} certificates", total.refused));
    }
    match (total.of(Comparison::Unsound) + total.impossible, enough && known && judged > 0) {
        (0, true) => Ok(()),
        (0, false) => Err("too few probes agree, or too many are unknown".to_owned()),
        (unsound, _) => Err(format!("{unsound} probes passed where we say that nothing can")),
    }
}

fn report(corpus: &Path, verbose: bool) -> Result<Counts, String> {
    let mut labs: Vec<PathBuf> = std::fs::read_dir(corpus)
        .map_err(|error| format!("{}: {error}", corpus.display()))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join("probes.csv").is_file())
        .collect();
    labs.sort();
    println!(
        "{:<40} {:>6} {:>6} {:>8} {:>7} {:>8} {:>6}",
        "lab", "rows", "agree", "UNSOUND", "missed", "unknown", "aside"
    );
    let mut total = Counts::default();
    for lab in &labs {
        let counts = compare(lab, verbose)?;
        let name = lab.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        counts.print(&name);
        total.add(&counts);
    }
    total.print("all");
    for (comparison, count) in &total.rows {
        if let Comparison::Aside(aside) = comparison {
            println!("  {count} set aside: {}", aside.rule());
        }
    }
    println!("  {} of those that agree: lost, where nobody ever got an answer", total.silent);
    println!("  {} that passed, and the engine over all packets says that they cannot", total.impossible);
    println!("  {} certificates of unreachable ends checked, {} refused", total.certified, total.refused);
    Ok(total)
}

/// A recorded network, ready to be asked.
struct Lab<'n> {
    simulator: Simulator<'n>,
    engine: Engine<'n>,
    /// Flows that may have an answer.
    may: Set,
    /// Where somebody once got an answer.
    answering: BTreeSet<(IpAddr, u8, u16)>,
}

impl<'n> Lab<'n> {
    fn new(network: &'n Network, probes: &[Probe]) -> Self {
        let mut engine = Engine::new(network);
        let may = engine.ask(&Question::new(Mode::May)).round_trips();
        let answered = probes.iter().filter(|probe| probe.passed && probe.source != probe.destination);
        let answering = answered.map(|probe| (probe.destination, probe.protocol, probe.port)).collect();
        Self { simulator: Simulator::new(network), engine, may, answering }
    }

    /// Whether the engine over all packets thinks that a flow may have an answer.
    fn may_pass(&self, flow: &Flow) -> bool {
        let sources = self.atoms(&flow.source, matches!(flow.from, Source::Interface(_)));
        let destinations = self.atoms(&flow.destination, flow.destination.interface.is_some());
        // An echo request is type 8, code 0; other probes come from a port that the system chose.
        let (port, client) = if flow.protocol == ICMP { (8, 0) } else { (u32::from(flow.port), 50_000) };
        let mut pairs = sources.iter().flat_map(|from| destinations.iter().map(move |to| (*from, *to)));
        pairs.any(|(from, to)| {
            // In the order of the store's variables.
            let values: [(Field, u32); 5] = [
                (DESTINATION, to),
                (SOURCE, from),
                (PROTOCOL, u32::from(flow.protocol)),
                (PORT, port),
                (SOURCE_PORT, client),
            ];
            self.engine.space.store.contains(self.may, &values)
        })
    }

    /// The atoms that an address of a flow is in.
    fn atoms(&self, address: &Addr, of_interface: bool) -> Vec<u32> {
        let atoms = &self.engine.space.atoms;
        let (v6, key) = match address.ip {
            IpAddr::V4(ip) => (false, u128::from(ip.to_bits())),
            IpAddr::V6(ip) => (true, ip.to_bits()),
        };
        let has = |atom: &Atom| atom.range.is_some_and(|(first, last)| (first..=last).contains(&key));
        let mut inside = atoms.where_(|atom| atom.v6 == v6 && has(atom));
        if inside.is_empty() {
            // An address that is nobody's may be in an office of which nobody says what is in it.
            let of_office = |atom: &Atom| matches!(atoms.owners.get(atom.owner.at()), Some(Owner::Office(_)));
            inside = atoms.where_(|atom| atom.range.is_none() && of_office(atom));
        }
        let owner = address.interface.filter(|_| of_interface).map(|id| atoms.owner_of(id));
        let owned =
            |at: &u32| owner.is_none_or(|owner| atoms.atom(*at).is_some_and(|atom| atom.owner == owner));
        inside.iter().filter(owned).collect()
    }
}

fn told(path: &reachability::simulate::Path) -> Vec<String> {
    let hops = path.hops.iter().map(|hop| {
        let way = if hop.back { "back" } else { "there" };
        format!("{way} {:?} {}: {} {:?}", hop.effect, hop.place, hop.says, hop.doubts)
    });
    std::iter::once(format!("path {:?} {:?}", path.verdict, path.choices)).chain(hops).collect()
}

/// One lab: what is recorded of its network, and its probes.
fn compare(lab: &Path, verbose: bool) -> Result<Counts, String> {
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let estate = intake::describe::read(lab, &mut sources, &mut diagnostics);
    if diagnostics.has_errors() {
        return Err(format!("{} cannot be read", lab.display()));
    }
    let network = Network::of(&estate);
    let probes = probes(&lab.join("probes.csv"))?;
    let mut lab = Lab::new(&network, &probes);
    let mut counts = Counts::default();
    lab.certify(&probes, &mut counts);
    for probe in &probes {
        let Judged { comparison, why, impossible } = judge(&lab, probe);
        *counts.rows.entry(comparison).or_default() += 1;
        counts.silent +=
            usize::from(comparison == Comparison::Agrees && !probe.passed && lab.is_silent(probe));
        counts.impossible += usize::from(impossible);
        let quiet = matches!(
            comparison,
            Comparison::Agrees | Comparison::Aside(Aside::Itself | Aside::NoSource | Aside::NoDestination)
        );
        if verbose && (impossible || !quiet) {
            let Probe { line, source, destination, protocol, port, passed } = probe;
            let engine = if impossible { ", impossible for the engine" } else { "" };
            let packet = format!("{source} -> {destination} {protocol}/{port} passed {passed}");
            println!("  {comparison:?}{engine} line {line}: {packet}");
            why.iter().for_each(|line| println!("      {line}"));
        }
    }
    Ok(counts)
}

impl Lab<'_> {
    /// Certificates of every pair of ends of the probes, for all services at once, and for each probe's own.
    fn certify(&mut self, probes: &[Probe], counts: &mut Counts) {
        let mut claims = BTreeSet::new();
        for probe in probes {
            let Some((from, source)) = start(&self.simulator, probe.source) else { continue };
            let Some(to) = end(&self.simulator, probe.destination).interface else { continue };
            let from = match from {
                Source::Interface(id) => End::Interface(id),
                _ => End::Internet(Some(source.ip.into())),
            };
            let port = if probe.protocol == ICMP { 8 } else { probe.port };
            claims.insert((from, End::Interface(to), None));
            claims.insert((from, End::Interface(to), Some((probe.protocol, port))));
        }
        for (from, to, service) in claims.into_iter().filter(|(from, to, _)| from != to) {
            let one = |(protocol, port)| ((protocol, protocol), PortRange { first: port, last: port });
            let claim = Claim {
                from: vec![from],
                to: vec![to],
                services: service.map(one).into_iter().collect(),
                answered: true,
                ..Claim::default()
            };
            for claim in [Claim { answered: false, ..claim.clone() }, claim] {
                let Some(certificate) = self.engine.certificate(claim) else { continue };
                match certificate.check(self.simulator.network()) {
                    Ok(_) => counts.certified += 1,
                    Err(refused) => {
                        println!("  REFUSED {:?}: {refused:?}", certificate.claim);
                        counts.refused += 1;
                    }
                }
            }
        }
    }

    /// Whether the destination is on an interface of the host that asks.
    fn is_own(&self, source: &Addr, destination: &Addr) -> bool {
        let host = |address: &Addr| {
            let interface = address.interface.filter(|_| !address.is_public)?;
            self.simulator.network().interfaces.get(interface.at()).map(|interface| interface.host)
        };
        host(source).is_some() && host(source) == host(destination)
    }

    /// Whether nobody ever got an answer there.
    fn is_silent(&self, probe: &Probe) -> bool {
        !self.answering.contains(&(probe.destination, probe.protocol, probe.port))
    }
}

/// What comes of a probe.
struct Judged {
    comparison: Comparison,
    why: Vec<String>,
    /// It passed, and the engine over all packets says that it cannot.
    impossible: bool,
}

fn judge(lab: &Lab<'_>, probe: &Probe) -> Judged {
    let aside = |aside| Judged { comparison: Comparison::Aside(aside), why: Vec::new(), impossible: false };
    let Some((from, source)) = start(&lab.simulator, probe.source) else { return aside(Aside::NoSource) };
    let destination = end(&lab.simulator, probe.destination);
    if lab.is_own(&source, &destination) {
        return aside(Aside::Itself);
    }
    match (destination.interface, from, probe.passed) {
        (None, Source::Internet, _) => return aside(Aside::Outside),
        (None, _, false) => return aside(Aside::NoDestination),
        _ => {}
    }
    let (protocol, port) = (probe.protocol, probe.port);
    let flow = Flow { from, source, destination, protocol, port, assumed: Vec::new() };
    let outcome = lab.simulator.run(&flow);
    let silent = lab.is_silent(probe);
    let comparison = match (outcome.verdict, probe.passed) {
        (Verdict::Reachable, true) | (Verdict::Unreachable, false) => Comparison::Agrees,
        (Verdict::Unreachable, true) => Comparison::Unsound,
        (Verdict::Reachable, false) if silent => Comparison::Aside(Aside::Silent),
        (Verdict::Reachable, false) => Comparison::Missed,
        (Verdict::Unknown, _) => Comparison::Unknown,
    };
    let why = outcome.paths.iter().flat_map(told).collect();
    Judged { comparison, why, impossible: probe.passed && !lab.may_pass(&flow) }
}

/// Where a probe starts: at the interface that has the address, or on the internet where it is a public address that
/// nothing recorded has.
fn start(simulator: &Simulator<'_>, ip: IpAddr) -> Option<(Source, Addr)> {
    if let Some(interface) = simulator.with_private(ip).next() {
        return Some((Source::Interface(interface), Addr::of_interface(ip, interface)));
    }
    let internet = is_public(ip) && simulator.with_public(ip).is_none();
    internet.then(|| (Source::Internet, Addr::exact(ip)))
}

fn end(simulator: &Simulator<'_>, ip: IpAddr) -> Addr {
    if let Some(interface) = simulator.with_private(ip).next() {
        return Addr::of_interface(ip, interface);
    }
    match simulator.with_public(ip) {
        Some(interface) => Addr::public(Some(ip), interface, 0),
        None => Addr::exact(ip),
    }
}

/// Not private by RFC 1918.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !ip.is_private(),
        IpAddr::V6(ip) => !ip.is_unique_local(),
    }
}

fn probes(file: &Path) -> Result<Vec<Probe>, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let mut out = Vec::new();
    for (at, line) in text.lines().enumerate().skip(1).filter(|(_, line)| !line.trim().is_empty()) {
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        let wrong = || format!("{} line {}: not a probe: {line}", file.display(), at + 1);
        let [source, destination, protocol, port, result] = fields.as_slice() else { return Err(wrong()) };
        out.push(Probe {
            line: at + 1,
            source: source.parse().map_err(|_| wrong())?,
            destination: destination.parse().map_err(|_| wrong())?,
            protocol: match *protocol {
                "tcp" => TCP,
                "udp" => UDP,
                "icmp" => ICMP,
                _ => return Err(wrong()),
            },
            port: if port.is_empty() { 0 } else { port.parse().map_err(|_| wrong())? },
            passed: match *result {
                "reached" | "refused" => true,
                "lost" => false,
                _ => return Err(wrong()),
            },
        });
    }
    Ok(out)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]
mod tests {
    use super::{CORPUS, Lab, demand, end, report, start};
    use reachability::Network;
    use reachability::simulate::{Flow, TCP, Verdict};

    #[test]
    fn recorded_networks_agree() {
        let corpus = crate::root().join(CORPUS);
        if !corpus.is_dir() {
            eprintln!("skipped: there are no recorded networks at {}", corpus.display());
            return;
        }
        demand(&report(&corpus, false).unwrap()).unwrap();
    }

    /// What a machine of unknown software does nobody knows: it may send by another of its interfaces, and under that one's
    /// address; and behind a VPN that says nothing of its networks there may be anything.
    #[test]
    fn what_nobody_recorded_may_pass() {
        let subnet = |id: &str, cidr: &str| {
            format!(r#"{{"SubnetId": "{id}", "VpcId": "vpc-1", "CidrBlock": "{cidr}"}}"#)
        };
        let interface = |id: &str, subnet: &str, ip: &str, instance: &str, public: &str| {
            format!(
                r#"{{"NetworkInterfaceId": "{id}", "SubnetId": "{subnet}", "VpcId": "vpc-1", "InterfaceType": "interface",
                    "SourceDestCheck": false, "Groups": [{{"GroupId": "sg-1"}}], "Attachment": {{"InstanceId": "{instance}"}},
                    "PrivateIpAddresses": [{{"Primary": true, "PrivateIpAddress": "{ip}"{public}}}]}}"#
            )
        };
        let table = |id: &str, subnet: &str, target: &str| {
            format!(
                r#"{{"RouteTableId": "{id}", "VpcId": "vpc-1", "Associations": [
                    {{"RouteTableAssociationId": "{id}-a", "SubnetId": "{subnet}", "Main": false}}], "Routes": [
                    {{"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"}},
                    {{"DestinationCidrBlock": "0.0.0.0/0", {target}, "State": "active"}},
                    {{"DestinationCidrBlock": "192.168.0.0/16", "GatewayId": "vgw-1", "State": "active"}}]}}"#
            )
        };
        let everything = r#"[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]"#;
        let all = r#""CidrBlock": "0.0.0.0/0", "Protocol": "-1", "RuleAction": "allow", "RuleNumber": 100"#;
        let text = format!(
            r#"{{"Vpcs": [{{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}}],
            "Subnets": [{}, {}, {}],
            "InternetGateways": [{{"InternetGatewayId": "igw-1", "Attachments": [{{"VpcId": "vpc-1", "State": "available"}}]}}],
            "VpnGateways": [{{"VpnGatewayId": "vgw-1", "State": "available", "VpcAttachments": [{{"VpcId": "vpc-1", "State": "attached"}}]}}],
            "CustomerGateways": [{{"CustomerGatewayId": "cgw-1", "IpAddress": "192.0.2.1", "BgpAsn": "65000", "State": "available"}}],
            "VpnConnections": [{{"VpnConnectionId": "vpn-1", "VpnGatewayId": "vgw-1", "CustomerGatewayId": "cgw-1", "State": "available", "Options": {{"StaticRoutesOnly": false}}}}],
            "RouteTables": [{}, {}, {}],
            "SecurityGroups": [{{"GroupId": "sg-1", "VpcId": "vpc-1", "IpPermissions": {everything}, "IpPermissionsEgress": {everything}}}],
            "NetworkAcls": [{{"NetworkAclId": "acl-1", "VpcId": "vpc-1", "IsDefault": true, "Entries": [{{"Egress": true, {all}}}, {{"Egress": false, {all}}}],
                "Associations": [{{"NetworkAclAssociationId": "a-1", "SubnetId": "subnet-a"}}, {{"NetworkAclAssociationId": "a-2", "SubnetId": "subnet-b"}}, {{"NetworkAclAssociationId": "a-3", "SubnetId": "subnet-c"}}]}}],
            "NetworkInterfaces": [{}, {}, {}, {}],
            "Instances": [{{"InstanceId": "i-host", "State": {{"Name": "running"}}}}, {{"InstanceId": "i-wall", "State": {{"Name": "running"}}}}]}}"#,
            subnet("subnet-a", "10.0.1.0/24"),
            subnet("subnet-b", "10.0.2.0/24"),
            subnet("subnet-c", "10.0.3.0/24"),
            table("rtb-a", "subnet-a", r#""NetworkInterfaceId": "eni-wall-a""#),
            table("rtb-b", "subnet-b", r#""GatewayId": "igw-1""#),
            table("rtb-c", "subnet-c", r#""GatewayId": "vgw-1""#),
            interface("eni-host", "subnet-a", "10.0.1.20", "i-host", ""),
            interface("eni-far", "subnet-c", "10.0.3.20", "i-far", ""),
            interface("eni-wall-a", "subnet-a", "10.0.1.10", "i-wall", ""),
            interface(
                "eni-wall-b",
                "subnet-b",
                "10.0.2.10",
                "i-wall",
                r#", "Association": {"PublicIp": "203.0.113.5"}"#
            ),
        );
        // Without the VPN connection there is nothing behind the gateway.
        let alone = text.replace("VpnConnections", "Tags");
        for (text, source, destination) in [
            (&alone, "10.0.1.20", "8.8.8.8"),
            (&text, "10.0.1.20", "192.168.7.7"),
            (&text, "10.0.3.20", "8.8.8.8"),
        ] {
            let (estate, _, diagnostics) = intake::describe::from_texts(&[("us-east-1/all.json", text)]);
            assert!(!diagnostics.has_errors(), "{diagnostics:?}");
            let network = Network::of(&estate);
            let lab = Lab::new(&network, &[]);
            let (from, source) = start(&lab.simulator, source.parse().unwrap()).unwrap();
            let destination = end(&lab.simulator, destination.parse().unwrap());
            let flow = Flow { from, source, destination, protocol: TCP, port: 443, assumed: Vec::new() };
            assert_eq!(lab.simulator.run(&flow).verdict, Verdict::Unknown, "{destination:?}");
            assert!(lab.may_pass(&flow), "{destination:?}");
        }
    }
}
