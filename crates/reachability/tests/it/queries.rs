//! What is asked of the engine, on networks small enough to see the answer.

use reachability::compress::compress;
use reachability::engine::bdd::{Field, Set, Store};
use reachability::engine::filters::Side;
use reachability::model::*;
use reachability::query::{Around, By, Change, Cuts, Dead, Reach, Service, Verdict, Why, say};

use crate::networks::{Build, Chance, allow, everything, name, only, service};

fn ends(reach: &Reach<'_>, at: InterfaceId) -> reachability::query::Ends {
    let owner = reach.engine.space.atoms.owner_of(at);
    reach.interfaces(|id| reach.engine.space.atoms.owner_of(id) == owner)
}

fn tcp(port: u16) -> Service {
    Service { protocols: (6, 6), ports: PortRange { first: port, last: port } }
}

/// A web host with a public address behind an internet gateway, and a database that only its group may ask.
fn two_tiers() -> (Build, InterfaceId, InterfaceId) {
    let mut build = Build::default();
    let vpc = build.vpc("10.0.0.0/16");
    let public = build.subnet(vpc, "10.0.1.0/24", "a");
    let private = build.subnet(vpc, "10.0.2.0/24", "a");
    let gateway = build.internet_gateway(vpc);
    build.route(public, "0.0.0.0/0", RouteTarget::Gateway(gateway));
    let everywhere = || vec![allow(Peer::Addresses(only(&["0.0.0.0/0"])), everything())];
    let web = build.group(
        vpc,
        vec![allow(Peer::Addresses(only(&["0.0.0.0/0"])), service(6, 443, 443))],
        everywhere(),
    );
    let data = build.group(vpc, vec![allow(Peer::Group(web), service(6, 5432, 5432))], everywhere());
    let front = build.interface(public, Address::WithinV4, vec![web], Role::Host);
    build.public(front, None);
    let database = build.interface(private, Address::WithinV4, vec![data], Role::Host);
    (build, front, database)
}

#[test]
fn a_door_is_reached_and_what_is_behind_it_only_through_it() {
    let (build, front, database) = two_tiers();
    let mut reach = Reach::of(&build.network);
    let (internet, front, database) = (reach.internet(), ends(&reach, front), ends(&reach, database));
    let door = reach.flows(&internet, &front);
    assert_eq!((door.verdict, say(&door.certain).as_str()), (Verdict::Reachable, "TCP 443"));
    let behind = reach.one_way(&internet, &database);
    assert_eq!(behind.verdict, Verdict::Unreachable);
    assert!(behind.witness.is_none());
    let inside = reach.flows(&front, &database);
    assert_eq!((inside.verdict, say(&inside.certain).as_str()), (Verdict::Reachable, "TCP 5432"));
    assert!(reach.always(&front, &database, &tcp(5432)).is_empty());
    assert_eq!(reach.always(&front, &database, &tcp(22)).len(), 1);
    assert_eq!(reach.except(&inside, &[tcp(5432)]).verdict, Verdict::Unreachable);
}

#[test]
fn what_is_not_known_is_named() {
    let (mut build, front, database) = two_tiers();
    let unknown = build.network.unknown("the value of parameter AdminCidr", diagnostics::Span::NONE);
    let rule = allow(Peer::Addresses(Addresses::AtLeast(IpSet::default(), unknown)), service(6, 22, 22));
    build.network.groups[1].ingress.push(rule);
    let mut reach = Reach::of(&build.network);
    let (front, database) = (ends(&reach, front), ends(&reach, database));
    let flows = reach.flows(&front, &database);
    assert_eq!(say(&flows.certain), "TCP 5432");
    assert_eq!(say(&flows.services), "TCP 22, 5432");
    let more = reach.except(&flows, &[tcp(5432)]);
    assert_eq!(more.verdict, Verdict::Unknown);
    assert_eq!(reach.depends_on(&more.witness.unwrap()), ["the value of parameter AdminCidr"]);
}

#[test]
fn a_packet_without_a_firewall_on_its_way_is_found_both_ways() {
    let (build, front, _) = two_tiers();
    let mut reach = Reach::of(&build.network);
    let front = ends(&reach, front);
    let ways: Vec<Around> = reach.around_firewalls(&front).into_iter().map(|bypass| bypass.around).collect();
    assert_eq!(ways, [Around::Inbound, Around::Outbound]);
}

#[test]
fn the_smallest_change_closes_and_is_proved() {
    let (build, front, database) = two_tiers();
    let mut reach = Reach::of(&build.network);
    let (front, database) = (ends(&reach, front), ends(&reach, database));
    let flows = reach.flows(&front, &database);
    let repair = reach.close(&flows).unwrap();
    assert!(
        matches!(repair.changes[..], [Change::RemoveRule(GroupId(1), Side::Ingress, 0)]),
        "{:?}",
        repair.changes
    );
    assert_eq!(repair.says, ["remove rule (ingress of security group group1)"]);
}

#[test]
fn the_smallest_change_opens_and_is_proved() {
    let (build, front, database) = two_tiers();
    let mut reach = Reach::of(&build.network);
    let (front, database) = (ends(&reach, front), ends(&reach, database));
    let mut packet = reach.flows(&front, &database).witness.unwrap();
    packet.port = 22;
    let store = &mut reach.engine.space.store;
    let port = reachability::engine::packets::PORT;
    let bare = store.without(packet.set, port);
    let at = store.values(port, &[(22, 22)]);
    packet.set = store.and(bare, at);
    let repair = reach.open(&packet).unwrap();
    assert_eq!(
        repair.says,
        ["allow from security group group0 for TCP 22 in ingress of security group group1"]
    );
}

#[test]
fn rules_that_decide_nothing_are_found() {
    let (mut build, _, _) = two_tiers();
    let shadowed = allow(Peer::Addresses(only(&["203.0.113.0/24"])), service(6, 443, 443));
    build.network.groups[0].ingress.push(shadowed);
    build.route(SubnetId(1), "10.9.0.0/16", RouteTarget::Blackhole);
    let mut reach = Reach::of(&build.network);
    let dead: Vec<(Dead, Why)> = reach.dead_rules().into_iter().map(|dead| (dead.rule, dead.why)).collect();
    assert_eq!(
        dead,
        [
            (Dead::Group(GroupId(0), Side::Ingress, 1), Why::Shadowed),
            (Dead::Route(RouteTableId(1), 0), Why::Nowhere),
        ]
    );
}

/// Spokes on a transit gateway, all in one table, in two units.
fn spokes(count: usize) -> Build {
    let mut build = Build::default();
    let gateway = TransitGatewayId(0);
    build
        .network
        .transit_gateways
        .push(TransitGateway { name: name("tgw"), group_referencing: Certainty::No });
    build.network.transit_tables.push(TransitTable { name: name("table"), gateway, routes: vec![] });
    for at in 0..count {
        let block = format!("10.{at}.0.0/16");
        let vpc = build.vpc(&block);
        let unit = if at % 2 == 0 { "Production" } else { "Sandbox" };
        build.network.vpcs[at].unit = unit.into();
        build.network.vpcs[at].environment = unit.to_lowercase().into();
        let subnet = build.subnet(vpc, &format!("10.{at}.1.0/24"), "a");
        let attachment = AttachmentId::from_position(at);
        build.route(subnet, "10.0.0.0/8", RouteTarget::Transit(attachment));
        let from = if at % 2 == 0 { "10.0.0.0/8" } else { block.as_str() };
        let group = build.group(
            vpc,
            vec![allow(Peer::Addresses(only(&[from])), service(6, 443, 443))],
            vec![allow(Peer::Addresses(only(&["0.0.0.0/0"])), everything())],
        );
        for _ in 0..2 {
            build.interface(subnet, Address::WithinV4, vec![group], Role::Host);
        }
        let interface = build.interface(subnet, Address::WithinV4, vec![], Role::Transit(attachment));
        build.network.attachments.push(Attachment {
            name: name(format!("attachment {at}")),
            gateway,
            kind: AttachmentKind::Vpc { vpc, interfaces: vec![interface], appliance_mode: Certainty::No },
            table: Some(TransitTableId(0)),
            active: Certainty::Yes,
        });
        build.network.transit_tables[0].routes.push(TransitRoute {
            destination: only(&[block.as_str()]),
            to: Some(attachment),
            propagated: true,
            exists: Certainty::Yes,
            span: diagnostics::Span::NONE,
        });
    }
    build
}

fn says(network: &Network) -> Vec<String> {
    let mut reach = Reach::of(network);
    let matrix = reach.matrix(By::Unit, &[], &[]);
    let mut out = Vec::new();
    for (from, row) in matrix.from.iter().zip(&matrix.cells) {
        for (to, cell) in matrix.to.iter().zip(row) {
            out.push(format!("{} {} {:?} {}", from.name, to.name, cell.verdict, say(&cell.certain)));
        }
    }
    out
}

#[test]
fn vpcs_that_nothing_tells_apart_stand_for_each_other() {
    let build = spokes(12);
    let small = compress(&build.network);
    assert_eq!(small.classes, 2);
    assert_eq!(small.stands_for.iter().sum::<usize>(), 12);
    assert_eq!(small.stands_for.iter().filter(|count| **count > 0).count(), 4);
    assert_eq!(says(&small.network), says(&build.network));
}

#[test]
fn a_rule_that_names_one_vpc_takes_it_out_of_its_class() {
    let mut build = spokes(12);
    let rule = allow(Peer::Addresses(only(&["10.7.0.0/16"])), service(6, 22, 22));
    build.network.groups[0].ingress.push(rule);
    let small = compress(&build.network);
    // The one that names, the one that is named, and the two classes.
    assert_eq!(small.classes, 4);
    assert_eq!(says(&small.network), says(&build.network));
    assert!(says(&build.network).iter().any(|line| line == "Sandbox Production Reachable TCP 22, 443"));
}

#[test]
fn what_is_cut_off_is_cut_off() {
    let build = spokes(4);
    let cuts = Cuts { attachments: [AttachmentId(0)].into(), ..Cuts::default() };
    let mut reach = Reach::with_cuts(&build.network, cuts);
    let (isolated, other) = (ends(&reach, InterfaceId(0)), ends(&reach, InterfaceId(6)));
    assert_eq!(reach.one_way(&isolated, &other).verdict, Verdict::Unreachable);
    assert_eq!(reach.one_way(&other, &isolated).verdict, Verdict::Unreachable);
    let mut whole = Reach::of(&build.network);
    assert_eq!(whole.flows(&isolated, &other).verdict, Verdict::Reachable);
}

#[test]
fn sets_behave_like_sets_of_numbers() {
    let (left, right) = (Field { first: 0, bits: 5 }, Field { first: 5, bits: 4 });
    let mut chance = Chance::new(7);
    let mut store = Store::default();
    let mut made: Vec<(Set, Vec<bool>)> = Vec::new();
    for _ in 0..40 {
        let mut range = |max: usize| {
            let (a, b) = (chance.below(max), chance.below(max));
            (a.min(b) as u32, a.max(b) as u32)
        };
        let (x, y) = (range(32), range(16));
        let (a, b) = (store.values(left, &[x]), store.values(right, &[y]));
        let set = store.and(a, b);
        let members = (0..512_u32)
            .map(|n| (x.0..=x.1).contains(&(n / 16)) && (y.0..=y.1).contains(&(n % 16)))
            .collect();
        made.push((set, members));
    }
    for _ in 0..400 {
        let (a, b) = (chance.below(made.len()), chance.below(made.len()));
        let ((x, p), (y, q)) = (made[a].clone(), made[b].clone());
        let both =
            |f: fn(bool, bool) -> bool| p.iter().zip(&q).map(|(p, q)| f(*p, *q)).collect::<Vec<bool>>();
        let (set, members) = match chance.below(4) {
            0 => (store.and(x, y), both(|p, q| p && q)),
            1 => (store.or(x, y), both(|p, q| p || q)),
            2 => (store.minus(x, y), both(|p, q| p && !q)),
            _ => {
                let any = |n: usize| (0..16).any(|r| p[n / 16 * 16 + r]);
                (store.without(x, right), (0..512).map(any).collect())
            }
        };
        for (n, member) in (0..512_u32).zip(&members) {
            assert_eq!(store.contains(set, &[(left, n / 16), (right, n % 16)]), *member);
        }
        assert_eq!(set.is_empty(), !members.contains(&true));
        let first = store.first(set, left);
        assert_eq!(first, (0..32).find(|l| (0..16).any(|r| members[(l * 16 + r) as usize])));
        made.push((set, members));
    }
    // Equal sets are the same position, however they were made.
    for (x, p) in &made {
        for (y, q) in &made {
            assert_eq!(x == y, p == q);
        }
    }
}

/// A web host whose private address AWS chooses, behind an internet gateway whose table sends what comes in to a firewall
/// that passes TCP to some of the subnet.
fn behind_a_firewall_that_cuts_the_subnet(passed: &str) -> (Build, InterfaceId) {
    let (mut build, front, _) = two_tiers();
    let vpc = VpcId::from_position(0);
    let inspected = build.subnet(vpc, "10.0.9.0/28", "a");
    let firewall = FirewallId(0);
    let address = Address::Known("10.0.9.4".parse().unwrap());
    build.interface(inspected, address, vec![], Role::Firewall(firewall));
    build.route(inspected, "0.0.0.0/0", RouteTarget::Gateway(GatewayId(0)));
    let endpoint = RouteTarget::Firewall(firewall, inspected);
    let edge = build.table(vpc, vec![(only(&["10.0.1.0/24"]), endpoint)]);
    build.network.gateways[0].table = Some(edge);
    let table = build.network.subnets[0].table.unwrap();
    build.network.route_tables[table.at()].routes[0].target = endpoint;
    let mut policy = policy_of(&[passed]);
    policy.stateful_defaults = vec![StatefulDefault::DropStrict];
    build.network.firewalls.push(Firewall {
        name: name("firewall"),
        vpc,
        endpoints: vec![FirewallEndpoint { subnet: inspected }],
        policy: Ok(policy),
    });
    (build, front)
}

fn policy_of(passed: &[&str]) -> FirewallPolicy {
    FirewallPolicy {
        name: name("policy"),
        stateless: vec![],
        stateless_default: StatelessAction::Forward,
        fragments_default: StatelessAction::Forward,
        order: Order::Strict,
        stateful: vec![StatefulRule {
            action: StatefulAction::Pass,
            protocols: vec![Protocols::One(6)],
            source: only(&["0.0.0.0/0"]),
            source_ports: vec![],
            destination: only(passed),
            destination_ports: vec![],
            both_ways: false,
            flow: FlowState::default(),
            scope: Scope::FirstPackets,
            application: None,
            doubt: None,
            sid: 1,
            label: "sid 1".into(),
            span: diagnostics::Span::NONE,
        }],
        stateful_defaults: vec![],
        midstream: Midstream::Drop,
        unknown: None,
    }
}

#[test]
fn a_public_address_stands_for_every_private_one_that_aws_may_choose() {
    let verdict = |passed: &str| {
        let (build, front) = behind_a_firewall_that_cuts_the_subnet(passed);
        let mut reach = Reach::of(&build.network);
        let (internet, front) = (reach.internet(), ends(&reach, front));
        let flows = reach.flows(&internet, &front);
        (flows.verdict, say(&flows.services))
    };
    assert_eq!(verdict("10.0.1.0/24"), (Verdict::Reachable, "TCP 443".to_owned()));
    // Whichever half is passed: AWS may choose an address in it, or one in the other.
    assert_eq!(verdict("10.0.1.0/25"), (Verdict::Unknown, "TCP 443".to_owned()));
    assert_eq!(verdict("10.0.1.128/25"), (Verdict::Unknown, "TCP 443".to_owned()));
    assert_eq!(verdict("10.0.2.0/24"), (Verdict::Unreachable, String::new()));
}

#[test]
fn what_goes_out_from_a_public_address_counts_where_it_does_from_every_private_one() {
    let verdict = |passed: &str| {
        let (mut build, front) = behind_a_firewall_that_cuts_the_subnet("0.0.0.0/0");
        let policy = build.network.firewalls[0].policy.as_mut().unwrap();
        policy.stateful[0].source = only(&[passed]);
        let mut reach = Reach::of(&build.network);
        let (internet, front) = (reach.internet(), ends(&reach, front));
        reach.flows(&front, &internet).verdict
    };
    assert_eq!(verdict("10.0.1.0/24"), Verdict::Reachable);
    assert_eq!(verdict("10.0.1.128/25"), Verdict::Unknown);
    assert_eq!(verdict("10.0.2.0/24"), Verdict::Unreachable);
}

/// Amazon VPC User Guide, "NAT gateway basics": the gateway picks any port of 1024 to 65535.
#[test]
fn answers_to_a_nat_gateway_count_where_they_come_back_to_every_port() {
    let verdict = |first: u16| {
        let (mut build, _, database) = two_tiers();
        let nat = NatId(0);
        let public = SubnetId::from_position(0);
        let address = Address::Known("10.0.1.200".parse().unwrap());
        let interface = build.interface(public, address, vec![], Role::Nat(nat));
        build.public(interface, None);
        build.network.nats.push(Nat { name: name("nat"), interface, public: true });
        build.route(SubnetId::from_position(1), "0.0.0.0/0", RouteTarget::Nat(nat));
        let entry = |services| AclEntry {
            number: 100,
            allows: Certainty::Yes,
            addresses: only(&["0.0.0.0/0"]),
            services,
            exists: Certainty::Yes,
            span: diagnostics::Span::NONE,
        };
        let inside = AclEntry { number: 90, addresses: only(&["10.0.0.0/16"]), ..entry(everything()) };
        let acl = build.acl(vec![inside, entry(service(6, first, 65_535))], vec![entry(everything())]);
        build.network.subnets[0].acl = Some(acl);
        let mut reach = Reach::of(&build.network);
        let (internet, database) = (reach.internet(), ends(&reach, database));
        reach.flows(&database, &internet).verdict
    };
    assert_eq!(verdict(1024), Verdict::Reachable);
    assert_eq!(verdict(32_768), Verdict::Unknown);
}
