//! Networks made by hand and by chance, small enough to ask about every pair.

use diagnostics::Span;
use ipnet::IpNet;
use reachability::model::*;

/// Numbers that look random and are always the same (xorshift64*).
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % n
    }

    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

pub fn name(label: impl Into<String>) -> Name {
    let label: String = label.into();
    Name {
        id: label.clone().into(),
        label: label.into(),
        stack: None,
        account: "account".into(),
        region: "us-east-1".into(),
        span: Span::NONE,
    }
}

pub fn only(prefixes: &[&str]) -> Addresses {
    Addresses::Known(IpSet(prefixes.iter().map(|prefix| prefix.parse::<IpNet>().unwrap()).collect()))
}

pub fn service(protocol: u8, first: u16, last: u16) -> Services {
    Services {
        protocols: Protocols::One(protocol),
        ports: PortRange { first, last },
        codes: PortRange::ALL,
        unknown: None,
    }
}

pub fn everything() -> Services {
    Services { protocols: Protocols::All, ports: PortRange::ALL, codes: PortRange::ALL, unknown: None }
}

pub fn allow(peer: Peer, services: Services) -> GroupRule {
    GroupRule { peer, services, exists: Certainty::Yes, span: Span::NONE, label: "rule".into() }
}

/// A network under construction.
#[derive(Default)]
pub struct Build {
    pub network: Network,
}

impl Build {
    pub fn vpc(&mut self, block: &str) -> VpcId {
        self.network.vpcs.push(Vpc {
            name: name(format!("vpc{}", self.network.vpcs.len())),
            blocks: only(&[block]),
            environment: format!("env{}", self.network.vpcs.len()).into(),
            unit: "unit".into(),
            main_table: None,
        });
        VpcId::from_position(self.network.vpcs.len() - 1)
    }

    pub fn table(&mut self, vpc: VpcId, routes: Vec<(Addresses, RouteTarget)>) -> RouteTableId {
        let route = |(destination, target)| Route {
            destination,
            target,
            propagated: false,
            exists: Certainty::Yes,
            span: Span::NONE,
        };
        let routes = routes.into_iter().map(route).collect();
        self.network.route_tables.push(RouteTable { name: name("table"), vpc, routes });
        RouteTableId::from_position(self.network.route_tables.len() - 1)
    }

    pub fn subnet(&mut self, vpc: VpcId, block: &str, zone: &str) -> SubnetId {
        self.network.subnets.push(Subnet {
            name: name(format!("subnet{}", self.network.subnets.len())),
            vpc,
            blocks: only(&[block]),
            zone: zone.into(),
            table: None,
            acl: None,
            tier: "application".into(),
        });
        SubnetId::from_position(self.network.subnets.len() - 1)
    }

    pub fn group(&mut self, vpc: VpcId, ingress: Vec<GroupRule>, egress: Vec<GroupRule>) -> GroupId {
        let label = format!("group{}", self.network.groups.len());
        self.network.groups.push(Group { name: name(label), vpc: Some(vpc), ingress, egress, unknown: None });
        GroupId::from_position(self.network.groups.len() - 1)
    }

    pub fn interface(
        &mut self,
        subnet: SubnetId,
        address: Address,
        groups: Vec<GroupId>,
        role: Role,
    ) -> InterfaceId {
        let label = format!("host{}", self.network.hosts.len());
        self.network.hosts.push(Host {
            name: name(label.clone()),
            kind: "AWS::EC2::Instance".into(),
            forwards: false,
            placement: Placement::All,
            listens: None,
            holds: vec![],
            environment: "".into(),
            application: "".into(),
        });
        self.network.interfaces.push(Interface {
            name: name(label),
            subnet,
            addresses: vec![address],
            public: vec![],
            groups: Groups::Known(groups),
            source_dest_check: if role == Role::Host { Certainty::Yes } else { Certainty::No },
            role,
            host: HostId::from_position(self.network.hosts.len() - 1),
            exists: Certainty::Yes,
        });
        InterfaceId::from_position(self.network.interfaces.len() - 1)
    }

    pub fn public(&mut self, interface: InterfaceId, address: Option<&str>) {
        self.network.interfaces[interface.at()].public.push(PublicAddress {
            private: 0,
            public: address.map(|address| address.parse().unwrap()),
            exists: Certainty::Yes,
        });
    }

    pub fn internet_gateway(&mut self, vpc: VpcId) -> GatewayId {
        self.network.gateways.push(Gateway {
            name: name("igw"),
            kind: GatewayKind::Internet,
            vpc: Some(vpc),
            table: None,
            offices: vec![],
        });
        GatewayId::from_position(self.network.gateways.len() - 1)
    }

    pub fn route(&mut self, subnet: SubnetId, prefix: &str, target: RouteTarget) {
        let table = match self.network.subnets[subnet.at()].table {
            Some(table) => table,
            None => {
                let vpc = self.network.subnets[subnet.at()].vpc;
                let table = self.table(vpc, vec![]);
                self.network.subnets[subnet.at()].table = Some(table);
                table
            }
        };
        self.network.route_tables[table.at()].routes.push(Route {
            destination: only(&[prefix]),
            target,
            propagated: false,
            exists: Certainty::Yes,
            span: Span::NONE,
        });
    }

    pub fn acl(&mut self, ingress: Vec<AclEntry>, egress: Vec<AclEntry>) -> AclId {
        let id = AclId::from_position(self.network.acls.len());
        self.network.acls.push(Acl { name: name("acl"), id, ingress, egress, unknown: None });
        id
    }
}

const PORTS: [(u8, u16, u16); 6] =
    [(6, 22, 22), (6, 443, 443), (6, 5432, 5432), (6, 1024, 65_535), (17, 53, 53), (1, 0, 255)];
const PREFIXES: [&str; 8] = [
    "0.0.0.0/0",
    "10.0.0.0/8",
    "10.0.0.0/16",
    "10.1.0.0/16",
    "10.0.1.0/24",
    "10.1.2.0/25",
    "203.0.113.0/24",
    "10.2.0.0/15",
];

fn some_service(chance: &mut Chance) -> Services {
    if chance.one_in(3) {
        return everything();
    }
    let (protocol, first, last) = *chance.pick(&PORTS);
    service(protocol, first, last)
}

fn some_rules(chance: &mut Chance, groups: usize) -> Vec<GroupRule> {
    let count = chance.below(4);
    (0..count)
        .map(|_| {
            let peer = if chance.one_in(3) {
                Peer::Group(GroupId::from_position(chance.below(groups)))
            } else {
                Peer::Addresses(only(&[*chance.pick(&PREFIXES)]))
            };
            allow(peer, some_service(chance))
        })
        .collect()
}

fn some_entries(chance: &mut Chance) -> Vec<AclEntry> {
    let count = 1 + chance.below(4);
    (0..count)
        .map(|at| AclEntry {
            number: 100 * (u32::try_from(at).unwrap() + 1),
            allows: if chance.one_in(3) { Certainty::No } else { Certainty::Yes },
            addresses: only(&[*chance.pick(&PREFIXES)]),
            services: some_service(chance),
            exists: Certainty::Yes,
            span: Span::NONE,
        })
        .collect()
}

/// What a network by chance has beside VPCs, subnets, hosts, groups and network ACLs.
#[derive(Clone, Copy)]
pub struct Kinds {
    pub unknowns: bool,
    pub firewall: bool,
}

/// A network by chance: VPCs on a transit gateway, some peered, with internet and NAT gateways, groups and ACLs.
pub fn by_chance(seed: u64, kinds: Kinds) -> Network {
    let mut chance = Chance::new(seed);
    let mut build = Build::default();
    let vpcs = 2 + chance.below(2);
    let ids: Vec<VpcId> = (0..vpcs).map(|at| build.vpc(&format!("10.{at}.0.0/16"))).collect();
    let zones = ["a", "b"];
    let mut subnets = Vec::new();
    for (at, vpc) in ids.iter().enumerate() {
        for (z, zone) in zones.iter().enumerate() {
            subnets.push(build.subnet(*vpc, &format!("10.{at}.{}.0/24", z + 1), zone));
        }
    }
    let count = 2 * vpcs;
    for at in 0..count {
        build.group(ids[at / 2], vec![], vec![]);
    }
    for at in 0..count {
        let (ingress, egress) = (some_rules(&mut chance, count), some_rules(&mut chance, count));
        build.network.groups[at].ingress = ingress;
        build.network.groups[at].egress = if chance.one_in(2) {
            vec![allow(Peer::Addresses(only(&["0.0.0.0/0"])), everything())]
        } else {
            egress
        };
    }
    for subnet in subnets.clone() {
        let vpc = build.network.subnets[subnet.at()].vpc;
        for member in 0..1 + chance.below(2) {
            let group = GroupId::from_position(2 * vpc.at() + chance.below(2));
            let zone = subnet.at() % 2 + 1;
            let address = if chance.one_in(2) {
                Address::WithinV4
            } else {
                Address::Known(format!("10.{}.{zone}.{}", vpc.at(), 10 + 150 * member).parse().unwrap())
            };
            let host = build.interface(subnet, address, vec![group], Role::Host);
            if chance.one_in(3) {
                let public = format!("198.51.100.{}", host.at() + 1);
                build.public(host, chance.one_in(2).then_some(public.as_str()));
            }
        }
        if chance.one_in(3) {
            let (ingress, egress) = (some_entries(&mut chance), some_entries(&mut chance));
            let acl = build.acl(ingress, egress);
            build.network.subnets[subnet.at()].acl = Some(acl);
        }
    }
    gateways(&mut build, &mut chance, &ids, &subnets);
    transit(&mut build, &mut chance, &ids, &subnets);
    if kinds.firewall {
        inspection(&mut build, &mut chance, &ids, &subnets);
    }
    if kinds.unknowns {
        doubt(&mut build.network, &mut chance);
    }
    build.network
}

fn gateways(build: &mut Build, chance: &mut Chance, ids: &[VpcId], subnets: &[SubnetId]) {
    for vpc in ids {
        if chance.one_in(2) {
            continue;
        }
        let gateway = build.internet_gateway(*vpc);
        let (first, second) = (subnets[2 * vpc.at()], subnets[2 * vpc.at() + 1]);
        build.route(first, "0.0.0.0/0", RouteTarget::Gateway(gateway));
        if chance.one_in(2) {
            let nat = NatId::from_position(build.network.nats.len());
            let address = Address::Known(format!("10.{}.1.200", vpc.at()).parse().unwrap());
            let interface = build.interface(first, address, vec![], Role::Nat(nat));
            build.public(interface, None);
            build.network.nats.push(Nat { name: name("nat"), interface, public: true });
            build.route(second, "0.0.0.0/0", RouteTarget::Nat(nat));
        } else if chance.one_in(2) {
            build.route(second, "0.0.0.0/0", RouteTarget::Gateway(gateway));
        }
    }
}

fn transit(build: &mut Build, chance: &mut Chance, ids: &[VpcId], subnets: &[SubnetId]) {
    if chance.one_in(4) {
        let peering = PeeringId(0);
        build.network.peerings.push(Peering {
            name: name("peering"),
            requester: Some(ids[0]),
            accepter: Some(ids[1]),
            active: Certainty::Yes,
        });
        build.route(subnets[0], "10.1.0.0/16", RouteTarget::Peering(peering));
        build.route(subnets[2], "10.0.0.0/16", RouteTarget::Peering(peering));
        return;
    }
    let gateway = TransitGatewayId(0);
    build
        .network
        .transit_gateways
        .push(TransitGateway { name: name("tgw"), group_referencing: Certainty::No });
    for table in 0..2 {
        build.network.transit_tables.push(TransitTable {
            name: name(format!("tgw table {table}")),
            gateway,
            routes: vec![],
        });
    }
    for (at, vpc) in ids.iter().enumerate() {
        let attachment = AttachmentId::from_position(at);
        let zones = if chance.one_in(4) { 1 } else { 2 };
        let interfaces: Vec<InterfaceId> = (0..zones)
            .map(|z| {
                let address = Address::Known(format!("10.{at}.{}.250", z + 1).parse().unwrap());
                build.interface(subnets[2 * at + z], address, vec![], Role::Transit(attachment))
            })
            .collect();
        build.network.attachments.push(Attachment {
            name: name(format!("attachment {at}")),
            gateway,
            kind: AttachmentKind::Vpc { vpc: *vpc, interfaces, appliance_mode: Certainty::No },
            table: (!chance.one_in(6)).then(|| TransitTableId::from_position(chance.below(2))),
            active: Certainty::Yes,
        });
        for table in 0..2 {
            if !chance.one_in(4) {
                build.network.transit_tables[table].routes.push(TransitRoute {
                    destination: only(&[format!("10.{at}.0.0/16").as_str()]),
                    to: (!chance.one_in(6)).then_some(attachment),
                    propagated: true,
                    exists: Certainty::Yes,
                    span: Span::NONE,
                });
            }
        }
        for zone in 0..2 {
            if !chance.one_in(4) {
                build.route(subnets[2 * at + zone], "10.0.0.0/8", RouteTarget::Transit(attachment));
            }
        }
    }
}

fn rule_by_chance(chance: &mut Chance, sid: u64) -> StatefulRule {
    let (protocol, first, last) = *chance.pick(&PORTS[..5]);
    StatefulRule {
        action: *chance.pick(&[StatefulAction::Pass, StatefulAction::Pass, StatefulAction::Drop]),
        protocols: vec![if chance.one_in(4) { Protocols::All } else { Protocols::One(protocol) }],
        source: only(&[*chance.pick(&PREFIXES)]),
        source_ports: vec![],
        destination: only(&[*chance.pick(&PREFIXES)]),
        destination_ports: if chance.one_in(2) { vec![] } else { vec![PortRange { first, last }] },
        both_ways: chance.one_in(4),
        flow: FlowState::default(),
        scope: Scope::FirstPackets,
        application: None,
        doubt: None,
        sid,
        label: format!("sid {sid}").into(),
        span: Span::NONE,
    }
}

/// A firewall between the subnets of the first VPC and what is beyond it.
fn inspection(build: &mut Build, chance: &mut Chance, ids: &[VpcId], subnets: &[SubnetId]) {
    let firewall = FirewallId(0);
    let vpc = ids[0];
    let mut endpoints = Vec::new();
    for (z, zone) in ["a", "b"].iter().enumerate() {
        let subnet = build.subnet(vpc, &format!("10.0.{}.0/28", 100 + z), zone);
        let address = Address::Known(format!("10.0.{}.4", 100 + z).parse().unwrap());
        build.interface(subnet, address, vec![], Role::Firewall(firewall));
        let table = build.network.subnets[subnets[z].at()].table;
        let routes =
            table.map(|table| build.network.route_tables[table.at()].routes.clone()).unwrap_or_default();
        for route in routes {
            let prefix = match &route.destination {
                Addresses::Known(set) => set.0[0].to_string(),
                Addresses::AtLeast(..) => continue,
            };
            build.route(subnet, &prefix, route.target);
        }
        if let Some(table) = table {
            for route in &mut build.network.route_tables[table.at()].routes {
                if !chance.one_in(3) {
                    route.target = RouteTarget::Firewall(firewall, subnet);
                }
            }
        }
        endpoints.push(FirewallEndpoint { subnet });
    }
    let rules = (0..1 + chance.below(4)).map(|sid| rule_by_chance(chance, sid as u64)).collect();
    let defaults = match chance.below(3) {
        0 => vec![StatefulDefault::DropStrict],
        1 => vec![StatefulDefault::DropEstablished],
        _ => vec![],
    };
    let stateless = if chance.one_in(4) { StatelessAction::Pass } else { StatelessAction::Forward };
    build.network.firewalls.push(Firewall {
        name: name("firewall"),
        vpc,
        endpoints,
        policy: Ok(FirewallPolicy {
            name: name("policy"),
            stateless: vec![],
            stateless_default: stateless,
            fragments_default: stateless,
            order: Order::Strict,
            stateful: rules,
            stateful_defaults: defaults,
            midstream: Midstream::Drop,
            unknown: None,
        }),
    });
}

/// Makes some things uncertain.
fn doubt(network: &mut Network, chance: &mut Chance) {
    let unknown = network.unknown("the value of parameter Some", Span::NONE);
    let maybe = Certainty::Maybe(unknown);
    for group in &mut network.groups {
        for rule in group.ingress.iter_mut().chain(&mut group.egress) {
            match chance.below(8) {
                0 => rule.exists = maybe,
                1 => rule.services.unknown = Some(unknown),
                2 => rule.peer = Peer::Addresses(Addresses::AtLeast(IpSet(vec![]), unknown)),
                _ => {}
            }
        }
    }
    for entry in network.acls.iter_mut().flat_map(|acl| acl.ingress.iter_mut().chain(&mut acl.egress)) {
        match chance.below(8) {
            0 => entry.exists = maybe,
            1 => entry.allows = maybe,
            _ => {}
        }
    }
    for table in &mut network.route_tables {
        for route in &mut table.routes {
            if chance.one_in(8) {
                route.exists = maybe;
            }
        }
    }
    for attachment in &mut network.attachments {
        if chance.one_in(8) {
            attachment.active = maybe;
        }
    }
}
