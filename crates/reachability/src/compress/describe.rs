//! What a VPC is, but for its names and where its block lies.
//!
//! In: a [`Network`] and a VPC. Out: a text that is equal for two VPCs exactly when exchanging the two leaves the network as
//! it is. Always: every field of every part is here, or is named here as one that packets do not see; a VPC whose parts
//! refer to those of another that might be exchanged too has no such text.

use std::cell::RefCell;
use std::fmt::Write as _;

use ipnet::IpNet;
use rustc_hash::FxHashMap;

use super::homes::{Homes, Kind};
use super::prefixes::{Prefixes, block, home_route, known};
use super::{Labels, Pins};
use crate::model::*;

/// What is not known, numbered by what people are told: two that say the same are the same.
pub(super) struct Words {
    numbers: Vec<usize>,
}

impl Words {
    pub(super) fn of(network: &Network) -> Self {
        let mut known = FxHashMap::default();
        let number = |unknown: &Unknown| {
            let next = known.len();
            *known.entry((unknown.what.clone(), unknown.is_public)).or_insert(next)
        };
        Self { numbers: network.unknowns.iter().map(number).collect() }
    }

    fn number(&self, unknown: UnknownId) -> usize {
        self.numbers.get(unknown.at()).copied().unwrap_or(usize::MAX)
    }

    fn unknown(&self, out: &mut String, unknown: Option<UnknownId>) {
        match unknown {
            Some(unknown) => {
                let _ = write!(out, "?{} ", self.number(unknown));
            }
            None => out.push_str("- "),
        }
    }

    pub(super) fn certainty(&self, out: &mut String, certainty: Certainty) {
        match certainty {
            Certainty::Yes => out.push_str("yes "),
            Certainty::No => out.push_str("no "),
            Certainty::Maybe(unknown) => self.unknown(out, Some(unknown)),
        }
    }

    pub(super) fn services(&self, out: &mut String, services: &Services) {
        let Services { protocols, ports, codes, unknown } = services;
        match protocols {
            Protocols::All => out.push_str("all"),
            Protocols::One(number) => {
                let _ = write!(out, "{number}");
            }
            Protocols::Unknown(unknown) => self.unknown(out, Some(*unknown)),
        }
        let _ = write!(out, ":{}-{}/{}-{} ", ports.first, ports.last, codes.first, codes.last);
        self.unknown(out, *unknown);
    }
}

/// Why there is no description.
pub(super) enum Alone {
    /// It differs from all others by itself.
    Unlike,
    /// A part of it refers to a part of this VPC, which might be exchanged with another.
    RefersTo(VpcId),
}

type Told = Result<(), Alone>;

/// Describes VPCs of one network.
pub(super) struct Describer<'n> {
    pub network: &'n Network,
    pub homes: &'n Homes,
    pub words: &'n Words,
    pub prefixes: &'n Prefixes,
    pub labels: &'n Labels<'n>,
    /// VPCs that are never exchanged; to these anybody may refer.
    pub pins: RefCell<Pins>,
}

/// One description as it is written.
struct Writer<'d, 'n> {
    of: &'d Describer<'n>,
    vpc: VpcId,
    block: Option<IpNet>,
    out: String,
}

impl Describer<'_> {
    /// The text.
    pub(super) fn describe(&self, vpc: VpcId) -> Result<String, Alone> {
        let block = block(self.network, vpc).ok_or(Alone::Unlike)?;
        let around = self.prefixes.around(&block).ok_or(Alone::Unlike)?;
        let mut writer = Writer { of: self, vpc, block: Some(block), out: around };
        writer.vpc()?;
        Ok(writer.out)
    }

    /// A VPC that a part of one that is never exchanged refers to: it is never exchanged either.
    pub(super) fn refers(&self, vpc: VpcId) -> Option<VpcId> {
        let mut writer = Writer { of: self, vpc, block: None, out: String::new() };
        match writer.vpc() {
            Err(Alone::RefersTo(other)) => Some(other),
            _ => None,
        }
    }
}

impl Writer<'_, '_> {
    /// All parts, those of each kind in the network's order.
    fn vpc(&mut self) -> Told {
        let network = self.of.network;
        let Some(vpc) = network.vpcs.get(self.vpc.at()) else { return Err(Alone::Unlike) };
        let Vpc { name, blocks: _, environment: _, unit: _, main_table } = vpc;
        let label = (self.of.labels.vpc)(self.vpc);
        let _ = write!(
            self.out,
            "|vpc {label:?} {} {:?} ",
            name.region,
            self.block.map(|block| block.prefix_len())
        );
        self.refer_to(Kind::Table, main_table.map(RouteTableId::at))?;
        self.each(Kind::Subnet, &network.subnets, Self::subnet)?;
        self.each(Kind::Interface, &network.interfaces, Self::interface)?;
        for at in self.of.homes.of_vpc(Kind::Host, self.vpc) {
            self.host(HostId::from_position(*at));
        }
        self.each(Kind::Group, &network.groups, Self::group)?;
        self.each(Kind::Acl, &network.acls, Self::acl)?;
        self.each(Kind::Table, &network.route_tables, Self::table)?;
        self.each(Kind::Gateway, &network.gateways, Self::gateway)?;
        self.each(Kind::Nat, &network.nats, Self::nat)?;
        self.each(Kind::Attachment, &network.attachments, Self::attachment)?;
        self.each(Kind::Endpoint, &network.endpoints, Self::endpoint)?;
        self.each(Kind::Balancer, &network.balancers, Self::balancer)?;
        self.each(Kind::Edge, &network.edges, Self::edge)?;
        self.each(Kind::TransitTable, &network.transit_tables, Self::transit_table)
    }

    fn each<T>(&mut self, kind: Kind, arena: &[T], tell: impl Fn(&mut Self, &T) -> Told) -> Told {
        for at in self.of.homes.of_vpc(kind, self.vpc) {
            if let Some(part) = arena.get(*at) {
                let _ = write!(self.out, "|{kind:?} ");
                tell(self, part)?;
            }
        }
        Ok(())
    }

    /// A reference: by its place within this VPC, or by its position where it is nobody's.
    fn refer(&mut self, kind: Kind, at: usize) -> Told {
        match self.of.homes.home(kind, at) {
            None => {
                let _ = write!(self.out, "@{at} ");
            }
            Some(home) if home == self.vpc => {
                let _ = write!(self.out, "#{} ", self.of.homes.local(kind, at));
            }
            Some(other) if self.of.pins.borrow().has(other) => {
                let _ = write!(self.out, "@{at} ");
            }
            Some(other) => return Err(Alone::RefersTo(other)),
        }
        Ok(())
    }

    fn refer_to(&mut self, kind: Kind, at: Option<usize>) -> Told {
        match at {
            Some(at) => self.refer(kind, at),
            None => {
                self.out.push_str("- ");
                Ok(())
            }
        }
    }

    fn refer_all(&mut self, kind: Kind, all: impl IntoIterator<Item = usize>) -> Told {
        self.out.push('[');
        all.into_iter().try_for_each(|at| self.refer(kind, at))?;
        self.out.push(']');
        Ok(())
    }

    fn net(&mut self, net: &IpNet) {
        let _ = match (net.trunc(), self.block) {
            (IpNet::V4(net), Some(IpNet::V4(block))) if block.contains(&net) => {
                let offset = u32::from(net.network()) - u32::from(block.network());
                write!(self.out, "+{offset}/{},", net.prefix_len())
            }
            (net, _) => write!(self.out, "{net},"),
        };
    }

    fn addresses(&mut self, addresses: &Addresses) {
        known(addresses).0.iter().for_each(|net| self.net(net));
        self.unknown(match addresses {
            Addresses::AtLeast(_, unknown) => Some(*unknown),
            Addresses::Known(_) => None,
        });
    }

    fn unknown(&mut self, unknown: Option<UnknownId>) {
        self.of.words.unknown(&mut self.out, unknown);
    }

    fn certainty(&mut self, certainty: Certainty) {
        self.of.words.certainty(&mut self.out, certainty);
    }

    fn services(&mut self, services: &Services) {
        self.of.words.services(&mut self.out, services);
    }

    fn subnet(&mut self, subnet: &Subnet) -> Told {
        let Subnet { name: _, vpc: _, blocks, zone, table, acl, tier } = subnet;
        self.addresses(blocks);
        let _ = write!(self.out, "{zone:?} {tier:?} ");
        self.refer_to(Kind::Table, table.map(RouteTableId::at))?;
        self.refer_to(Kind::Acl, acl.map(AclId::at))
    }

    fn interface(&mut self, interface: &Interface) -> Told {
        let Interface { name: _, subnet, addresses, public, groups, source_dest_check, role, host, exists } =
            interface;
        self.refer(Kind::Subnet, subnet.at())?;
        for address in addresses {
            match address {
                Address::Known(address) => self.net(&IpNet::from(*address)),
                Address::WithinV4 | Address::WithinV6 => {
                    let _ = write!(self.out, "{address:?} ");
                }
            }
        }
        for PublicAddress { private, public, exists } in public {
            let _ = write!(self.out, "public {private} {public:?} ");
            self.certainty(*exists);
        }
        let (Groups::Known(list) | Groups::AndUnknown(list, _)) = groups;
        self.refer_all(Kind::Group, list.iter().map(|group| group.at()))?;
        self.unknown(match groups {
            Groups::AndUnknown(_, unknown) => Some(*unknown),
            Groups::Known(_) => None,
        });
        self.certainty(*source_dest_check);
        self.certainty(*exists);
        self.refer(Kind::Host, host.at())?;
        match role {
            Role::Host => self.out.push_str("host"),
            Role::Nat(nat) => self.refer(Kind::Nat, nat.at())?,
            Role::Balancer(balancer) => self.refer(Kind::Balancer, balancer.at())?,
            Role::Endpoint(endpoint) => self.refer(Kind::Endpoint, endpoint.at())?,
            Role::Transit(attachment) => self.refer(Kind::Attachment, attachment.at())?,
            Role::Firewall(firewall) => {
                let _ = write!(self.out, "firewall {}", firewall.at());
            }
        }
        Ok(())
    }

    fn host(&mut self, id: HostId) {
        let Some(host) = self.of.network.hosts.get(id.at()) else { return };
        let Host { name: _, kind, forwards, placement, listens, holds, environment: _, application } = host;
        let label = (self.of.labels.host)(id);
        let _ =
            write!(self.out, "|host {label:?} {kind:?} {forwards} {placement:?} {holds:?} {application:?} ");
        match listens {
            Some(services) => self.services(services),
            None => self.out.push_str("- "),
        }
    }

    /// The VPC of something: this one, or one that is never exchanged.
    fn stands_in(&mut self, vpc: Option<VpcId>) -> Told {
        match vpc {
            Some(vpc) if vpc == self.vpc => self.out.push_str("here "),
            Some(vpc) if !self.of.pins.borrow().has(vpc) => return Err(Alone::RefersTo(vpc)),
            vpc => {
                let _ = write!(self.out, "{:?} ", vpc.map(VpcId::at));
            }
        }
        Ok(())
    }

    fn group(&mut self, group: &Group) -> Told {
        let Group { name: _, vpc, ingress, egress, unknown } = group;
        self.unknown(*unknown);
        self.stands_in(*vpc)?;
        for (side, rules) in [("in", ingress), ("out", egress)] {
            for GroupRule { peer, services, exists, span: _, label: _ } in rules {
                let _ = write!(self.out, ";{side} ");
                match peer {
                    Peer::Addresses(list) => self.addresses(list),
                    Peer::Group(group) => self.refer(Kind::Group, group.at())?,
                }
                self.services(services);
                self.certainty(*exists);
            }
        }
        Ok(())
    }

    fn acl(&mut self, acl: &Acl) -> Told {
        let Acl { name: _, id: _, ingress, egress, unknown } = acl;
        self.unknown(*unknown);
        for (side, entries) in [("in", ingress), ("out", egress)] {
            for AclEntry { number, allows, addresses, services, exists, span: _ } in entries {
                let _ = write!(self.out, ";{side} {number} ");
                self.certainty(*allows);
                self.addresses(addresses);
                self.services(services);
                self.certainty(*exists);
            }
        }
        Ok(())
    }

    fn table(&mut self, table: &RouteTable) -> Told {
        let RouteTable { name: _, vpc: _, routes } = table;
        for Route { destination, target, propagated, exists, span: _ } in routes {
            let _ = write!(self.out, ";{propagated} ");
            self.addresses(destination);
            self.certainty(*exists);
            match *target {
                RouteTarget::Local => self.out.push_str("local"),
                RouteTarget::Blackhole => self.out.push_str("blackhole"),
                RouteTarget::Gateway(at) => self.refer(Kind::Gateway, at.at())?,
                RouteTarget::Nat(at) => self.refer(Kind::Nat, at.at())?,
                RouteTarget::Transit(at) => self.refer(Kind::Attachment, at.at())?,
                RouteTarget::Interface(at) => self.refer(Kind::Interface, at.at())?,
                RouteTarget::Endpoint(at) | RouteTarget::GatewayEndpoint(at) => {
                    self.refer(Kind::Endpoint, at.at())?;
                }
                // Peerings and firewalls are nobody's; the VPCs at their ends are not asked here.
                RouteTarget::Peering(at) => {
                    let _ = write!(self.out, "peering {}", at.at());
                }
                RouteTarget::Firewall(at, subnet) => {
                    let _ = write!(self.out, "firewall {} ", at.at());
                    self.refer(Kind::Subnet, subnet.at())?;
                }
                RouteTarget::Unknown(unknown) => self.unknown(Some(unknown)),
            }
        }
        Ok(())
    }

    fn gateway(&mut self, gateway: &Gateway) -> Told {
        let Gateway { name: _, kind, vpc: _, table, offices } = gateway;
        let _ = write!(self.out, "{kind:?} {:?} ", offices.iter().map(|at| at.at()).collect::<Vec<_>>());
        self.refer_to(Kind::Table, table.map(RouteTableId::at))
    }

    fn nat(&mut self, nat: &Nat) -> Told {
        let Nat { name: _, interface, public } = nat;
        let _ = write!(self.out, "{public} ");
        self.refer(Kind::Interface, interface.at())
    }

    fn attachment(&mut self, attachment: &Attachment) -> Told {
        let Attachment { name: _, gateway, kind, table, active } = attachment;
        let _ = write!(self.out, "{} ", gateway.at());
        self.refer_to(Kind::TransitTable, table.map(TransitTableId::at))?;
        self.certainty(*active);
        let AttachmentKind::Vpc { vpc: _, interfaces, appliance_mode } = kind else { return Ok(()) };
        self.certainty(*appliance_mode);
        self.refer_all(Kind::Interface, interfaces.iter().map(|at| at.at()))
    }

    fn transit_table(&mut self, table: &TransitTable) -> Told {
        let TransitTable { name: _, gateway, routes } = table;
        let _ = write!(self.out, "{} ", gateway.at());
        for route in routes {
            // A table of one that is never exchanged may have a route to each of those that are, to exactly its block.
            if self.block.is_none() && home_route(self.of.network, route).is_some() {
                continue;
            }
            let TransitRoute { destination, to, propagated, exists, span: _ } = route;
            let _ = write!(self.out, ";{propagated} ");
            self.addresses(destination);
            self.certainty(*exists);
            self.refer_to(Kind::Attachment, to.map(AttachmentId::at))?;
        }
        Ok(())
    }

    fn endpoint(&mut self, endpoint: &Endpoint) -> Told {
        let Endpoint { name: _, vpc: _, service, kind } = endpoint;
        let _ = write!(self.out, "{service:?} ");
        let service = match kind {
            EndpointKind::Gateway => {
                self.out.push_str("gateway");
                return Ok(());
            }
            EndpointKind::Interface { interfaces, service } => {
                self.refer_all(Kind::Interface, interfaces.iter().map(|at| at.at()))?;
                service
            }
            EndpointKind::GatewayLoadBalancer { interface, service } => {
                self.out.push_str("appliance ");
                self.refer(Kind::Interface, interface.at())?;
                service
            }
        };
        self.refer_to(Kind::Balancer, service.map(BalancerId::at))
    }

    fn balancer(&mut self, balancer: &Balancer) -> Told {
        let Balancer { name: _, kind, internet_facing, nodes, listeners, cross_zone, groups_enforced } =
            balancer;
        let _ = write!(self.out, "{kind:?} ");
        self.certainty(*internet_facing);
        self.certainty(*cross_zone);
        self.certainty(*groups_enforced);
        self.refer_all(Kind::Interface, nodes.iter().map(|at| at.at()))?;
        for Listener { protocol, ports, tls, forwards, span: _ } in listeners {
            let _ = write!(self.out, ";{protocol} {}-{} {tls} ", ports.first, ports.last);
            for Forward { group, sometimes, exists } in forwards {
                let _ = write!(self.out, "to {sometimes} ");
                self.certainty(*exists);
                self.targets(group)?;
            }
        }
        Ok(())
    }

    fn targets(&mut self, group: &TargetGroup) -> Told {
        let TargetGroup { name: _, targets, preserves_client, cross_zone } = group;
        self.certainty(*preserves_client);
        match cross_zone {
            Some(cross_zone) => self.certainty(*cross_zone),
            None => self.out.push_str("- "),
        }
        for Target { place, port, health } in targets {
            let _ = write!(self.out, "{port} {health:?} ");
            match place {
                TargetPlace::Interface(at) => self.refer(Kind::Interface, at.at())?,
                TargetPlace::Address(address) => self.net(&IpNet::from(*address)),
                TargetPlace::Office(office) => {
                    let _ = write!(self.out, "office {} ", office.at());
                }
                TargetPlace::Within(addresses) => self.addresses(addresses),
            }
        }
        Ok(())
    }

    fn edge(&mut self, edge: &Edge) -> Told {
        let Edge { name: _, kind, open, balancers, groups } = edge;
        let _ = write!(self.out, "{kind:?} ");
        self.certainty(*open);
        for (balancer, port) in balancers {
            let _ = write!(self.out, "{port} ");
            self.refer(Kind::Balancer, balancer.at())?;
        }
        self.refer_all(Kind::Group, groups.iter().map(|group| group.at()))
    }
}
