//! A network with fewer VPCs says of every pair of ends what the whole network says.

use reachability::compress::{Compressed, Homes, Labels, compress_by};
use reachability::model::*;
use reachability::query::{Reach, Verdict, say};

use crate::networks::{Build, Chance, allow, everything, name, only, service};

fn nobody_asks_by_name() -> Labels<'static> {
    Labels {
        vpc: Box::new(|_| String::new()),
        host: Box::new(|_| String::new()),
        together: Box::new(|_| None),
    }
}

fn smaller(network: &Network) -> Compressed {
    compress_by(network, Homes::of(network), &nobody_asks_by_name())
}

/// A hub, and spokes of a few kinds of which each has an oddity now and then. Also the ends by their spoke: two hosts, and
/// an entrance in the hub where the spoke has one.
struct Estate {
    build: Build,
    ends: Vec<Vec<InterfaceId>>,
}

const GATEWAY: TransitGatewayId = TransitGatewayId(0);

fn attach(build: &mut Build, vpc: VpcId, subnet: SubnetId, table: TransitTableId) -> AttachmentId {
    let attachment = AttachmentId::from_position(build.network.attachments.len());
    let interface = build.interface(subnet, Address::WithinV4, vec![], Role::Transit(attachment));
    build.network.attachments.push(Attachment {
        name: name(format!("attachment {}", vpc.at())),
        gateway: GATEWAY,
        kind: AttachmentKind::Vpc { vpc, interfaces: vec![interface], appliance_mode: Certainty::No },
        table: Some(table),
        active: Certainty::Yes,
    });
    attachment
}

fn table(build: &mut Build, label: &str) -> TransitTableId {
    let id = TransitTableId::from_position(build.network.transit_tables.len());
    build.network.transit_tables.push(TransitTable { name: name(label), gateway: GATEWAY, routes: vec![] });
    id
}

fn transit(build: &mut Build, table: TransitTableId, to: Option<AttachmentId>, prefix: &str) {
    build.network.transit_tables[table.at()].routes.push(TransitRoute {
        destination: only(&[prefix]),
        to,
        propagated: false,
        exists: Certainty::Yes,
        span: diagnostics::Span::NONE,
    });
}

fn everywhere() -> Vec<GroupRule> {
    vec![allow(Peer::Addresses(only(&["0.0.0.0/0"])), everything())]
}

/// A load balancer in the hub whose targets are addresses of a spoke.
fn entrance(build: &mut Build, hub: VpcId, subnet: SubnetId, spoke: usize, group: GroupId) -> InterfaceId {
    let _ = hub;
    let balancer = BalancerId::from_position(build.network.balancers.len());
    let node = build.interface(subnet, Address::WithinV4, vec![group], Role::Balancer(balancer));
    build.public(node, None);
    let targets = vec![Target {
        place: TargetPlace::Address(format!("10.{spoke}.1.9").parse().unwrap()),
        port: 443,
        health: Health::Healthy,
    }];
    let group = TargetGroup {
        name: name(format!("targets {spoke}")),
        targets,
        preserves_client: Certainty::No,
        cross_zone: None,
    };
    build.network.balancers.push(Balancer {
        name: name(format!("entrance {spoke}")),
        kind: BalancerKind::Network,
        internet_facing: Certainty::Yes,
        nodes: vec![node],
        listeners: vec![Listener {
            protocol: 6,
            ports: PortRange { first: 443, last: 443 },
            tls: true,
            forwards: vec![Forward { group, sometimes: false, exists: Certainty::Yes }],
            span: diagnostics::Span::NONE,
        }],
        cross_zone: Certainty::Yes,
        groups_enforced: Certainty::Yes,
    });
    node
}

/// What spokes have: tables of their own, entrances in the hub, rules that list all of the other kind; and how rare
/// oddities are.
#[derive(Debug, Clone, Copy)]
struct Shape {
    own_tables: bool,
    entrances: bool,
    lists: bool,
    rarity: usize,
}

fn estate(seed: u64, spokes: usize) -> Estate {
    let mut chance = Chance::new(seed);
    let rarity = *chance.pick(&[10, 50, 200]);
    let [own_tables, entrances, lists] = [0; 3].map(|_| chance.one_in(2));
    shaped(&mut chance, spokes, Shape { own_tables, entrances, lists, rarity })
}

fn shaped(chance: &mut Chance, spokes: usize, shape: Shape) -> Estate {
    let Shape { own_tables, entrances, lists, rarity } = shape;
    let mut build = Build::default();
    build
        .network
        .transit_gateways
        .push(TransitGateway { name: name("tgw"), group_referencing: Certainty::Yes });
    let hub_table = table(&mut build, "hub");
    let shared = table(&mut build, "spokes");
    let hub = build.vpc("10.200.0.0/16");
    let front = build.subnet(hub, "10.200.1.0/24", "a");
    let gateway = build.internet_gateway(hub);
    build.route(front, "0.0.0.0/0", RouteTarget::Gateway(gateway));
    let hub_attachment = attach(&mut build, hub, front, hub_table);
    build.route(front, "10.0.0.0/8", RouteTarget::Transit(hub_attachment));
    transit(&mut build, shared, Some(hub_attachment), "10.200.0.0/16");
    let odd = |chance: &mut Chance| chance.one_in(rarity);
    let mut ends = Vec::new();
    let mut groups: Vec<GroupId> = Vec::new();
    for spoke in 0..spokes {
        let block = format!("10.{spoke}.0.0/16");
        let kind = spoke % 2;
        let vpc = build.vpc(&block);
        let subnet = build.subnet(vpc, &format!("10.{spoke}.1.0/24"), "a");
        let mut mine = vec![allow(
            Peer::Addresses(only(&[if kind == 0 { "10.0.0.0/8" } else { block.as_str() }])),
            service(6, 443, 443),
        )];
        if odd(chance) {
            let other = format!("10.{}.0.0/16", chance.below(spokes));
            mine.push(allow(Peer::Addresses(only(&[&other])), service(6, 22, 22)));
        }
        if odd(chance) {
            let other = format!("10.{}.1.0/24", chance.below(spokes));
            mine.push(allow(Peer::Addresses(only(&[&other])), service(17, 53, 53)));
        }
        if odd(chance) && !groups.is_empty() {
            mine.push(allow(Peer::Group(*chance.pick(&groups)), service(6, 80, 80)));
        }
        if lists && kind == 1 {
            // All spokes of a list, in one rule.
            let all: Vec<String> = (0..spokes).step_by(2).map(|at| format!("10.{at}.0.0/16")).collect();
            let all: Vec<&str> = all.iter().map(String::as_str).collect();
            mine.push(allow(Peer::Addresses(only(&all)), service(6, 8080, 8080)));
        }
        let group = build.group(vpc, mine, everywhere());
        let second = build.group(vpc, vec![allow(Peer::Group(group), service(6, 5432, 5432))], everywhere());
        groups.push(group);
        let mut list = vec![
            build.interface(subnet, Address::WithinV4, vec![group], Role::Host),
            build.interface(subnet, Address::WithinV4, vec![second], Role::Host),
        ];
        let own = if own_tables { table(&mut build, "own") } else { shared };
        let attachment = attach(&mut build, vpc, subnet, own);
        build.route(subnet, "10.0.0.0/8", RouteTarget::Transit(attachment));
        if own_tables {
            transit(&mut build, own, Some(hub_attachment), "10.200.0.0/16");
            if odd(chance) && spoke > 0 {
                let other = chance.below(spoke);
                transit(
                    &mut build,
                    own,
                    Some(AttachmentId::from_position(other + 1)),
                    &format!("10.{other}.0.0/16"),
                );
            }
        } else {
            transit(&mut build, shared, Some(attachment), &block);
        }
        transit(&mut build, hub_table, Some(attachment), &block);
        if odd(chance) {
            transit(&mut build, hub_table, None, &format!("10.{spoke}.1.0/25"));
        }
        if odd(chance) {
            let gateway = build.internet_gateway(vpc);
            build.route(subnet, "0.0.0.0/0", RouteTarget::Gateway(gateway));
            build.public(list[0], None);
        }
        if entrances && kind == 0 {
            let target = format!("10.{spoke}.1.9/32");
            let group = build.group(
                hub,
                vec![allow(Peer::Addresses(only(&["0.0.0.0/0"])), service(6, 443, 443))],
                vec![allow(Peer::Addresses(only(&[&target])), service(6, 443, 443))],
            );
            list.push(entrance(&mut build, hub, front, spoke, group));
        }
        ends.push(list);
    }
    Estate { build, ends }
}

fn between(reach: &mut Reach<'_>, from: InterfaceId, to: InterfaceId) -> (Verdict, String, String, Verdict) {
    let owner = |reach: &Reach<'_>, at: InterfaceId| {
        let owner = reach.engine.space.atoms.owner_of(at);
        reach.only(owner)
    };
    let (from, to) = (owner(reach, from), owner(reach, to));
    let flows = reach.flows(&from, &to);
    let one_way = reach.one_way(&from, &to);
    (flows.verdict, say(&flows.services), say(&flows.certain), one_way.verdict)
}

#[test]
fn every_pair_is_judged_as_in_the_whole_network() {
    let spokes = 8;
    let (mut left_out, mut asked) = (0, 0);
    for seed in 0..40 {
        let Estate { build, ends } = estate(seed, spokes);
        let small = smaller(&build.network);
        left_out += small.stands_for.iter().filter(|count| **count == 0).count();
        let (mut whole, mut less) = (Reach::of(&build.network), Reach::of(&small.network));
        let vpc = |spoke: usize| VpcId::from_position(spoke + 1);
        let spoke = |vpc: VpcId| vpc.at() - 1;
        for from in 0..spokes {
            for to in 0..spokes {
                let mut stand_in = (spoke(small.stays(vpc(from))), spoke(small.stays(vpc(to))));
                if from != to && stand_in.0 == stand_in.1 {
                    let other = (0..spokes).find(|other| {
                        *other != stand_in.0
                            && small.class(vpc(*other)) == small.class(vpc(to))
                            && small.stands_for[other + 1] > 0
                    });
                    stand_in.1 = other.expect("two stay of each class");
                }
                for (a, from_end) in ends[from].iter().enumerate() {
                    for (b, to_end) in ends[to].iter().enumerate() {
                        asked += 1;
                        let small = between(&mut less, ends[stand_in.0][a], ends[stand_in.1][b]);
                        let all = between(&mut whole, *from_end, *to_end);
                        assert_eq!(all, small, "seed {seed}: {from}/{a} to {to}/{b} as {stand_in:?}");
                    }
                }
            }
            for (end, at) in ends[from].iter().enumerate() {
                let internet = whole.internet();
                let there = |reach: &mut Reach<'_>, at: InterfaceId| {
                    let owner = reach.engine.space.atoms.owner_of(at);
                    let only = reach.only(owner);
                    let (into, out) = (reach.flows(&internet, &only), reach.flows(&only, &internet));
                    (into.verdict, say(&into.services), out.verdict, say(&out.services))
                };
                let stays = spoke(small.stays(vpc(from)));
                assert_eq!(there(&mut whole, *at), there(&mut less, ends[stays][end]), "seed {seed}: {from}");
            }
        }
    }
    println!("{asked} pairs agree; {left_out} VPCs were left out");
    assert!(left_out > 40, "{left_out}");
}

#[test]
fn entrances_in_a_hub_go_with_the_spokes_that_they_serve() {
    let shape = Shape { own_tables: true, entrances: true, lists: true, rarity: usize::MAX };
    let Estate { build, .. } = shaped(&mut Chance::new(1), 8, shape);
    let small = smaller(&build.network);
    assert_eq!(small.stands_for, [1, 3, 3, 1, 1, 0, 0, 0, 0]);
    let alike = small.alike(&build.network);
    let gone = |what: &str| alike.iter().filter(|like| like.gone.label.starts_with(what)).count();
    assert_eq!((gone("entrance"), gone("own"), gone("attachment")), (2, 4, 4));
}
