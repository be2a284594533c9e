//! How the network engine grows: VPCs on a transit gateway with inspection, stamped alike or all different.
//!
//! In: sizes. Out: for each its seconds, atoms, classes of VPCs, nodes of packet sets, memory and the growth since the row
//! above as an exponent. `reach` is everything `steward reach --by unit` does after extraction; `isolation` asks for every
//! pair of units whether anything passes one way, and whether anything goes around the firewall.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use diagnostics::Span;
use ipnet::{IpNet, Ipv4Net};
use reachability::compress::compress;
use reachability::model::*;
use reachability::query::{By, Reach};
use reachability::simulate::{Flow, Simulator, Source};

/// Runs all sizes, or one in this process.
pub fn run(root: &Path, options: &[String]) -> Result<(), String> {
    if let Some(size) = crate::option(options, "--one") {
        let size = size.parse().map_err(|error| format!("--one: {error}"))?;
        return one(size, options.iter().any(|option| option == "--different"));
    }
    println!("  VPCs  kind        reach  isolation  trace      atoms  classes      nodes  memory");
    for (kind, sizes) in [("stamped", vec![100, 1000, 10_000]), ("different", vec![100, 300, 1000])] {
        let mut before: Option<(f64, f64)> = None;
        for size in sizes {
            let line = measured(root, size, kind == "different")?;
            let numbers: Vec<f64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
            let &[reach, isolation, trace, atoms, classes, nodes, memory] = numbers.as_slice() else {
                return Err(format!("{size} {kind}: {line}"));
            };
            #[expect(clippy::cast_precision_loss, reason = "sizes of a table")]
            let at = size as f64;
            let cost = reach + isolation;
            let growth = before.map_or_else(String::new, |(size, seconds)| {
                format!("  ^{:.2}", (cost / seconds).ln() / (at / size).ln())
            });
            before = Some((at, cost));
            println!(
                "{size:>6}  {kind:<9} {reach:>6.2}s {isolation:>9.2}s {:>6.2}ms {atoms:>9} {classes:>8} {nodes:>10} {memory:>5}M{growth}",
                trace * 1000.0
            );
        }
    }
    Ok(())
}

fn measured(root: &Path, size: usize, different: bool) -> Result<String, String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut command = Command::new(cargo);
    command.args(["run", "--quiet", "--release", "--package", "xtask", "--", "bench", "--network", "--one"]);
    command.arg(size.to_string()).current_dir(root);
    if different {
        command.arg("--different");
    }
    let out = command.output().map_err(|error| error.to_string())?;
    if !out.status.success() {
        return Err(String::from_utf8_lossy(&out.stderr).into_owned());
    }
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}

fn one(size: usize, different: bool) -> Result<(), String> {
    let network = made(size, different);
    let start = Instant::now();
    let small = compress(&network);
    let mut reach = Reach::of(&small.network);
    let matrix = reach.matrix(By::Unit, &[], &[]);
    let took = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let classes = reach.classes(By::Unit);
    let mut passing = 0;
    for from in &classes {
        for to in classes.iter().filter(|to| to.name != from.name) {
            passing += usize::from(!reach.one_way(&from.ends, &to.ends).may.is_empty());
        }
    }
    let everybody = classes.iter().filter(|class| class.interfaces > 0);
    let everybody =
        everybody.fold(reachability::query::Ends::default(), |all, class| all.and(class.ends.clone()));
    let around = reach.around_firewalls(&everybody).len();
    let isolation = start.elapsed().as_secs_f64();
    let simulator = Simulator::new(&network);
    let start = Instant::now();
    let (from, to) = (InterfaceId(3), InterfaceId::from_position(network.interfaces.len() - 1));
    let outcome = simulator.run(&Flow {
        from: Source::Interface(from),
        source: simulator.addresses_of(from).first().copied().ok_or("no address")?,
        destination: simulator.addresses_of(to).first().copied().ok_or("no address")?,
        protocol: 6,
        port: 443,
        assumed: vec![],
    });
    let trace = start.elapsed().as_secs_f64();
    if reach.exhausted() {
        return Err("the bound on memory was met".to_owned());
    }
    let memory = crate::bench::peak_mebibytes();
    println!(
        "{took:.4} {isolation:.4} {trace:.6} {} {} {} {memory:.0}",
        reach.engine.space.atoms.atoms.len(),
        small.classes,
        reach.engine.space.store.nodes(),
    );
    eprintln!(
        "{} cells, {passing} pairs of units pass, {around} ways around, {:?}",
        matrix.cells.len(),
        outcome.verdict
    );
    Ok(())
}

const UNITS: [&str; 5] = ["Production", "Development", "Sandbox", "Security", "Collaboration"];

fn name(label: String) -> Name {
    Name {
        id: label.clone().into(),
        account: label.clone().into(),
        label: label.into(),
        stack: None,
        region: "us-east-1".into(),
        span: Span::NONE,
    }
}

fn net(at: u32, length: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::from(at), length))
}

fn known(net: IpNet) -> Addresses {
    Addresses::Known(IpSet(vec![net]))
}

fn everything() -> Services {
    Services { protocols: Protocols::All, ports: PortRange::ALL, codes: PortRange::ALL, unknown: None }
}

fn tcp(port: u16) -> Services {
    let ports = PortRange { first: port, last: port };
    Services { protocols: Protocols::One(6), ports, codes: PortRange::ALL, unknown: None }
}

fn rule(peer: Peer, services: Services) -> GroupRule {
    GroupRule { peer, services, exists: Certainty::Yes, span: Span::NONE, label: "rule".into() }
}

fn route(to: IpNet, target: RouteTarget) -> Route {
    Route { destination: known(to), target, propagated: false, exists: Certainty::Yes, span: Span::NONE }
}

/// Numbers that look random and are always the same.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u32) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        u32::try_from((self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % u64::from(n)).unwrap_or(0)
    }
}

/// Two zones, an inspection VPC with a firewall in both and the internet behind it, and `size` VPCs in five units. Spokes
/// send everything to the inspection table, which knows the way back to each; production takes 443 from all, the rest
/// only from itself.
fn made(size: usize, different: bool) -> Network {
    let mut network = Network::default();
    let mut chance = Chance(0x9E37_79B9_7F4A_7C15);
    network
        .transit_gateways
        .push(TransitGateway { name: name("tgw".into()), group_referencing: Certainty::No });
    for label in ["spokes", "inspection"] {
        let gateway = TransitGatewayId(0);
        network.transit_tables.push(TransitTable { name: name(label.into()), gateway, routes: Vec::new() });
    }
    inspection(&mut network);
    for at in 0..size {
        spoke(&mut network, at, size, different.then_some(&mut chance));
    }
    network
}

fn add_interface(
    network: &mut Network,
    subnet: SubnetId,
    label: String,
    groups: Vec<GroupId>,
    role: Role,
) -> InterfaceId {
    network.hosts.push(Host {
        name: name(label.clone()),
        kind: "AWS::EC2::Instance".into(),
        forwards: false,
        placement: Placement::All,
        listens: None,
        holds: vec![],
        environment: "".into(),
        application: "".into(),
    });
    network.interfaces.push(Interface {
        name: name(label),
        subnet,
        addresses: vec![Address::WithinV4],
        public: vec![],
        groups: Groups::Known(groups),
        source_dest_check: Certainty::Yes,
        role,
        host: HostId::from_position(network.hosts.len() - 1),
        exists: Certainty::Yes,
    });
    InterfaceId::from_position(network.interfaces.len() - 1)
}

fn add_subnet(network: &mut Network, vpc: VpcId, block: IpNet, zone: &str, tier: &str) -> SubnetId {
    network.route_tables.push(RouteTable {
        name: name(format!("table of {block}")),
        vpc,
        routes: Vec::new(),
    });
    network.subnets.push(Subnet {
        name: name(block.to_string()),
        vpc,
        blocks: known(block),
        zone: zone.into(),
        table: Some(RouteTableId::from_position(network.route_tables.len() - 1)),
        acl: None,
        tier: tier.into(),
    });
    SubnetId::from_position(network.subnets.len() - 1)
}

fn add_route(network: &mut Network, subnet: SubnetId, route: Route) {
    let table = network.subnets.get(subnet.at()).and_then(|subnet| subnet.table);
    if let Some(table) = table.and_then(|table| network.route_tables.get_mut(table.at())) {
        table.routes.push(route);
    }
}

const ZONES: [&str; 2] = ["use1-az1", "use1-az2"];

fn inspection(network: &mut Network) {
    let base = u32::from(Ipv4Addr::new(100, 64, 0, 0));
    let vpc = add_vpc(network, "inspection", "Networking", net(base, 16));
    let (firewall, attachment) = (FirewallId(0), AttachmentId(0));
    network.gateways.push(Gateway {
        name: name("igw".into()),
        kind: GatewayKind::Internet,
        vpc: Some(vpc),
        table: None,
        offices: vec![],
    });
    let (all, inside) = (net(0, 0), net(u32::from(Ipv4Addr::new(10, 0, 0, 0)), 8));
    let (mut interfaces, mut endpoints) = (Vec::new(), Vec::new());
    for (z, zone) in (0_u32..).zip(ZONES) {
        let block = |part: u32| net(base + (z * 4 + part) * 256, 24);
        let transit = add_subnet(network, vpc, block(0), zone, "transit");
        let inspect = add_subnet(network, vpc, block(1), zone, "inspection");
        let public = add_subnet(network, vpc, block(2), zone, "public");
        interfaces.push(add_interface(
            network,
            transit,
            format!("tgw {zone}"),
            vec![],
            Role::Transit(attachment),
        ));
        let nat_id = NatId(z);
        let nat = add_interface(network, public, format!("nat {zone}"), vec![], Role::Nat(nat_id));
        if let Some(interface) = network.interfaces.get_mut(nat.at()) {
            interface.public.push(PublicAddress { private: 0, public: None, exists: Certainty::Yes });
        }
        network.nats.push(Nat { name: name(format!("nat {zone}")), interface: nat, public: true });
        add_route(network, transit, route(all, RouteTarget::Firewall(firewall, inspect)));
        add_route(network, inspect, route(all, RouteTarget::Nat(nat_id)));
        add_route(network, inspect, route(inside, RouteTarget::Transit(attachment)));
        add_route(network, public, route(all, RouteTarget::Gateway(GatewayId(0))));
        add_route(network, public, route(inside, RouteTarget::Firewall(firewall, inspect)));
        endpoints.push(FirewallEndpoint { subnet: inspect });
    }
    let pass = |sid: u64, destination: IpNet, port: u16| StatefulRule {
        action: StatefulAction::Pass,
        protocols: vec![Protocols::One(6)],
        source: known(inside),
        source_ports: vec![],
        destination: known(destination),
        destination_ports: vec![PortRange { first: port, last: port }],
        both_ways: false,
        flow: FlowState::default(),
        scope: Scope::FirstPackets,
        application: None,
        doubt: None,
        sid,
        label: format!("sid {sid}").into(),
        span: Span::NONE,
    };
    network.firewalls.push(Firewall {
        name: name("firewall".into()),
        vpc,
        endpoints,
        policy: Ok(FirewallPolicy {
            name: name("policy".into()),
            stateless: vec![],
            stateless_default: StatelessAction::Forward,
            fragments_default: StatelessAction::Forward,
            order: Order::Strict,
            stateful: vec![pass(1, all, 443), pass(2, inside, 5432), pass(3, inside, 22)],
            stateful_defaults: vec![StatefulDefault::DropStrict],
            midstream: Midstream::Drop,
            unknown: None,
        }),
    });
    network.attachments.push(Attachment {
        name: name("inspection".into()),
        gateway: TransitGatewayId(0),
        kind: AttachmentKind::Vpc { vpc, interfaces, appliance_mode: Certainty::Yes },
        table: Some(TransitTableId(1)),
        active: Certainty::Yes,
    });
    if let Some(table) = network.transit_tables.first_mut() {
        table.routes.push(TransitRoute {
            destination: known(all),
            to: Some(attachment),
            propagated: false,
            exists: Certainty::Yes,
            span: Span::NONE,
        });
    }
}

fn add_vpc(network: &mut Network, label: &str, unit: &str, block: IpNet) -> VpcId {
    network.vpcs.push(Vpc {
        name: name(label.into()),
        blocks: known(block),
        environment: unit.to_lowercase().into(),
        unit: unit.into(),
        main_table: None,
    });
    VpcId::from_position(network.vpcs.len() - 1)
}

fn spoke(network: &mut Network, at: usize, size: usize, chance: Option<&mut Chance>) {
    let number = u32::try_from(at).unwrap_or(0);
    let base = u32::from(Ipv4Addr::new(10, 0, 0, 0)) + number * 1024;
    let unit = UNITS.get(at % UNITS.len()).copied().unwrap_or("Production");
    let block = net(base, 22);
    let vpc = add_vpc(network, &format!("account-{at}"), unit, block);
    let attachment = AttachmentId::from_position(network.attachments.len());
    let inside = net(u32::from(Ipv4Addr::new(10, 0, 0, 0)), 8);
    let first = network.groups.len();
    let (front, app, data) =
        (GroupId::from_position(first), GroupId::from_position(first + 1), GroupId::from_position(first + 2));
    let everywhere = || vec![rule(Peer::Addresses(known(net(0, 0))), everything())];
    let from = if unit == "Production" { inside } else { block };
    let mut rules = [
        vec![rule(Peer::Addresses(known(from)), tcp(443))],
        vec![rule(Peer::Group(front), tcp(8080))],
        vec![rule(Peer::Group(app), tcp(5432))],
    ];
    if let Some(chance) = chance {
        // Each group of each VPC lets in somebody else for something else.
        for list in &mut rules {
            for _ in 0..3 {
                let other = chance.below(u32::try_from(size).unwrap_or(1));
                let peer = net(
                    u32::from(Ipv4Addr::new(10, 0, 0, 0)) + other * 1024,
                    22 + u8::try_from(chance.below(3)).unwrap_or(0),
                );
                let port = [22, 443, 5432, 8443].get(chance.below(4) as usize).copied().unwrap_or(443);
                list.push(rule(Peer::Addresses(known(peer)), tcp(port)));
            }
        }
    }
    for (label, ingress) in ["front", "app", "data"].into_iter().zip(rules) {
        let label = format!("{label} of {at}");
        network.groups.push(Group {
            name: name(label),
            vpc: Some(vpc),
            ingress,
            egress: everywhere(),
            unknown: None,
        });
    }
    let mut interfaces = Vec::new();
    for (z, zone) in (0_u32..).zip(ZONES) {
        let application = add_subnet(network, vpc, net(base + z * 256, 24), zone, "application");
        let data_subnet = add_subnet(network, vpc, net(base + 512 + z * 128, 25), zone, "data");
        for (label, subnet, group) in
            [("front", application, front), ("app", application, app), ("data", data_subnet, data)]
        {
            add_interface(network, subnet, format!("{label} of {at}"), vec![group], Role::Host);
        }
        interfaces.push(add_interface(
            network,
            application,
            format!("tgw {at}"),
            vec![],
            Role::Transit(attachment),
        ));
        add_route(network, application, route(net(0, 0), RouteTarget::Transit(attachment)));
        add_route(network, data_subnet, route(inside, RouteTarget::Transit(attachment)));
    }
    network.attachments.push(Attachment {
        name: name(format!("account-{at}")),
        gateway: TransitGatewayId(0),
        kind: AttachmentKind::Vpc { vpc, interfaces, appliance_mode: Certainty::No },
        table: Some(TransitTableId(0)),
        active: Certainty::Yes,
    });
    if let Some(table) = network.transit_tables.get_mut(1) {
        table.routes.push(TransitRoute {
            destination: known(block),
            to: Some(attachment),
            propagated: true,
            exists: Certainty::Yes,
            span: Span::NONE,
        });
    }
}
