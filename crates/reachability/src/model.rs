//! The network of an estate, as packets see it.
//!
//! In: nothing; [`crate`]'s extraction builds it from resources. Out: plain data in arenas, everything resolved to
//! positions: both engines read this and nothing else. Always: whatever could let a packet pass or stop it is
//! either here exactly or here as [`Certainty::Maybe`] or an unknown set, so that an engine can compute what
//! *must* pass (every unknown refuses) and what *may* pass (every unknown allows); things refer to each other by
//! position only and never to something that is not there.

mod balancer;
mod filter;
mod firewall;
mod ids;
mod routing;

pub use balancer::{Balancer, BalancerKind, Forward, Health, Listener, Target, TargetGroup, TargetPlace};
pub use filter::{
    Acl, AclEntry, Addresses, Certainty, Group, GroupRule, IpSet, Peer, PortRange, Protocols, Services,
};
pub use firewall::{
    Application, Firewall, FirewallEndpoint, FirewallPolicy, FlowState, Midstream, Order, Scope,
    StatefulAction, StatefulDefault, StatefulRule, StatelessAction, StatelessRule, Tcp, Towards,
};
pub use ids::{
    AclId, AttachmentId, BalancerId, EndpointId, FirewallId, GatewayId, GroupId, HostId, InterfaceId, NatId,
    OfficeId, PeeringId, RouteTableId, SubnetId, TransitGatewayId, TransitTableId, UnknownId, VpcId,
};
pub use routing::{
    Attachment, AttachmentKind, Edge, EdgeKind, Endpoint, EndpointKind, Gateway, GatewayKind, Nat, Office,
    Peering, Route, RouteTable, RouteTarget, TransitGateway, TransitRoute, TransitTable, is_door,
};

use diagnostics::{Diagnostic, Span};
use estate::{SmolStr, StackId};
use std::net::IpAddr;

/// Everything that carries, rewrites or stops packets.
#[derive(Debug, Clone, Default)]
pub struct Network {
    /// VPCs, at positions [`VpcId`].
    pub vpcs: Vec<Vpc>,
    /// Subnets, at positions [`SubnetId`].
    pub subnets: Vec<Subnet>,
    /// Network interfaces, at positions [`InterfaceId`].
    pub interfaces: Vec<Interface>,
    /// What interfaces belong to, at positions [`HostId`]: an instance, a database, a service.
    pub hosts: Vec<Host>,
    /// Security groups, at positions [`GroupId`].
    pub groups: Vec<Group>,
    /// Network ACLs, at positions [`AclId`].
    pub acls: Vec<Acl>,
    /// Route tables of subnets and gateways, at positions [`RouteTableId`].
    pub route_tables: Vec<RouteTable>,
    /// Internet, egress-only and virtual private gateways, at positions [`GatewayId`].
    pub gateways: Vec<Gateway>,
    /// NAT gateways, at positions [`NatId`].
    pub nats: Vec<Nat>,
    /// VPC peering connections, at positions [`PeeringId`].
    pub peerings: Vec<Peering>,
    /// Transit gateways, at positions [`TransitGatewayId`].
    pub transit_gateways: Vec<TransitGateway>,
    /// Attachments of all transit gateways, at positions [`AttachmentId`].
    pub attachments: Vec<Attachment>,
    /// Route tables of all transit gateways, at positions [`TransitTableId`].
    pub transit_tables: Vec<TransitTable>,
    /// Networks beyond a VPN, a Direct Connect or a client VPN, at positions [`OfficeId`].
    pub offices: Vec<Office>,
    /// VPC endpoints of every kind, at positions [`EndpointId`].
    pub endpoints: Vec<Endpoint>,
    /// Load balancers, at positions [`BalancerId`].
    pub balancers: Vec<Balancer>,
    /// Network firewalls, at positions [`FirewallId`].
    pub firewalls: Vec<Firewall>,
    /// Doors that stand outside VPCs and forward into them: CloudFront, API Gateway.
    pub edges: Vec<Edge>,
    /// What carries packets past routes and groups, and is not modelled.
    pub carriers: Vec<Carrier>,
    /// Public addresses of the estate that nothing has: elastic addresses without association, addresses of NAT
    /// gateways that are gone.
    pub idle: Vec<IpAddr>,
    /// Public addresses of services of AWS by the service's name, where a prefix list tells them.
    pub public_services: Vec<(SmolStr, IpSet)>,
    /// What is not known or not modelled, at positions [`UnknownId`]; named once, referred to from everywhere.
    pub unknowns: Vec<Unknown>,
    /// Mistakes in what the network is written in, such as a firewall rule that cannot be read, for those who show
    /// diagnostics.
    pub mistakes: Vec<Diagnostic>,
}

/// Something that is not known before deployment, or that this model does not cover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// What, in words that continue "it depends on …": `the value of parameter AdminCidr`.
    pub what: String,
    /// Where.
    pub span: Span,
    /// Set where it is a set of addresses that are all public, such as a prefix list of AWS's own: no private address
    /// is in it.
    pub is_public: bool,
}

/// Something that carries packets into VPCs past routes, groups and firewalls, and whose rules this model does not cover:
/// between its ends nothing is certain, in neither direction of a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carrier {
    /// What it does.
    pub unknown: UnknownId,
    /// Whether it takes what the internet sends.
    pub internet: bool,
    /// VPCs whose hosts it takes packets from.
    pub from: Vec<VpcId>,
    /// VPCs whose hosts it brings packets to.
    pub to: Vec<VpcId>,
}

/// What something is called and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The name people know it by: its `Name` tag, else its logical id. In describe output an id such as
    /// `i-0123` or the tag.
    pub label: SmolStr,
    /// The logical id in its stack; in describe output AWS's id.
    pub id: SmolStr,
    /// The stack, where it is a resource of one.
    pub stack: Option<StackId>,
    /// The account's name, or its number.
    pub account: SmolStr,
    /// The region; empty where nobody said.
    pub region: SmolStr,
    /// The line it comes from.
    pub span: Span,
}

/// A VPC.
#[derive(Debug, Clone)]
pub struct Vpc {
    /// Its name.
    pub name: Name,
    /// IPv4 and IPv6 blocks. Unknown blocks make every address in the VPC unknown.
    pub blocks: Addresses,
    /// The environment it belongs to, from the account or the tag `environment`; empty where there is none.
    pub environment: SmolStr,
    /// The organizational unit of its account, by name; empty where there is none.
    pub unit: SmolStr,
    /// The main route table, which counts for subnets without an association.
    pub main_table: Option<RouteTableId>,
}

/// A subnet.
#[derive(Debug, Clone)]
pub struct Subnet {
    /// Its name.
    pub name: Name,
    /// The VPC.
    pub vpc: VpcId,
    /// Its blocks.
    pub blocks: Addresses,
    /// The availability zone, as name or id, equal for equal zones of one network; empty where not known.
    pub zone: SmolStr,
    /// The route table that counts, main table included; `None`: only the local routes of the VPC.
    pub table: Option<RouteTableId>,
    /// The network ACL that counts; `None`: the VPC's default ACL, which allows everything both ways.
    pub acl: Option<AclId>,
    /// The tier it serves, from its tag or name (`gateway`, `application`, `data`, `public`, `private`); empty: none.
    pub tier: SmolStr,
}

/// A network interface. What AWS makes by itself for a service (a database, a load balancer's nodes, a task) has
/// one too, for each subnet it may stand in.
#[derive(Debug, Clone)]
pub struct Interface {
    /// Its name.
    pub name: Name,
    /// The subnet it stands in.
    pub subnet: SubnetId,
    /// Its private addresses, the primary first, IPv4 and IPv6. Where AWS will pick one, [`Address::Within`].
    pub addresses: Vec<Address>,
    /// Public IPv4 addresses that an internet gateway translates one to one.
    pub public: Vec<PublicAddress>,
    /// Its security groups; [`Groups::Known`] and empty: the kind of interface has none and filters nothing.
    pub groups: Groups,
    /// Whether AWS drops what is not from or to this interface's own addresses.
    /// Source: Amazon EC2 User Guide, "Elastic network interfaces", source/destination checking.
    pub source_dest_check: Certainty,
    /// What it is for.
    pub role: Role,
    /// What it belongs to.
    pub host: HostId,
    /// Whether it is certain that it exists.
    pub exists: Certainty,
}

/// An address of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address {
    /// This one.
    Known(IpAddr),
    /// Any IPv4 address of the subnet that AWS may hand out: an answer has to hold for all of them.
    WithinV4,
    /// Any IPv6 address of the subnet.
    WithinV6,
}

/// A public IPv4 address and the private one behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicAddress {
    /// Position in [`Interface::addresses`].
    pub private: usize,
    /// The address, where AWS has assigned it.
    pub public: Option<IpAddr>,
    /// Whether it is certain that there is one.
    pub exists: Certainty,
}

/// The security groups of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Groups {
    /// These; what one of them allows is allowed.
    Known(Vec<GroupId>),
    /// These and perhaps others.
    AndUnknown(Vec<GroupId>, UnknownId),
}

/// What an interface is for, as far as packets differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Sends and answers for its host: an instance, a task, a function, a database, a directory.
    Host,
    /// A NAT gateway's own.
    Nat(NatId),
    /// A node of a load balancer.
    Balancer(BalancerId),
    /// An interface endpoint or a gateway load balancer endpoint in a subnet.
    Endpoint(EndpointId),
    /// A transit gateway's in a subnet of an attached VPC.
    Transit(AttachmentId),
    /// A firewall endpoint's.
    Firewall(FirewallId),
}

/// What interfaces belong to.
#[derive(Debug, Clone)]
pub struct Host {
    /// Its name.
    pub name: Name,
    /// What it is, in AWS's word: `AWS::EC2::Instance`, `AWS::RDS::DBInstance`, `AWS::ECS::Service`.
    pub kind: SmolStr,
    /// Whether it forwards what is not its own (an instance with the check off, used as a route's target). What
    /// software on it then does is not known.
    pub forwards: bool,
    /// How the interfaces share the host.
    pub placement: Placement,
    /// What it listens on; unknown for machines, known for databases, load balancers and services with ports.
    pub listens: Option<Services>,
    /// Classes of data that it holds, from the tag `data-class`: `phi`.
    pub holds: Vec<SmolStr>,
    /// The environment, the workload or store and the tier that it is, where tags say so; for ends and matrices.
    pub environment: SmolStr,
    /// The name of the workload or store in the blueprint (tag `application`), empty where there is none.
    pub application: SmolStr,
}

/// How a host is spread over its interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// It has all of them.
    All,
    /// It stands in one of them at a time (a database in its subnet group): for "must reach" each has to do.
    AnyOne,
    /// It has copies in some or all of them (a service's tasks): for "must reach" each has to do.
    Copies,
}

impl Network {
    /// The interfaces of the host that has this one, itself included; itself alone where the host stands in one
    /// interface at a time.
    #[must_use]
    pub fn siblings(&self, id: InterfaceId) -> Vec<InterfaceId> {
        let host = self.interfaces.get(id.at()).map(|interface| interface.host);
        let found = host.and_then(|host| self.hosts.get(host.at()));
        if !found.is_some_and(|host| host.forwards && host.placement == Placement::All) {
            return vec![id];
        }
        let all = self.interfaces.iter().enumerate().filter(|(_, interface)| Some(interface.host) == host);
        all.map(|(at, _)| InterfaceId::from_position(at)).collect()
    }

    /// The mistakes in what the network is written in, each once: a rule group that two firewalls use has its mistakes once.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Diagnostic> {
        let mut out: Vec<Diagnostic> = Vec::new();
        for mistake in &self.mistakes {
            let known = |other: &Diagnostic| {
                (other.code, other.span, &other.message) == (mistake.code, mistake.span, &mistake.message)
            };
            if !out.iter().any(known) {
                out.push(mistake.clone());
            }
        }
        out
    }

    /// Records something unknown, once for the same words and place.
    pub fn unknown(&mut self, what: impl Into<String>, span: Span) -> UnknownId {
        let unknown = Unknown { what: what.into(), span, is_public: false };
        let at = self.unknowns.iter().position(|known| *known == unknown).unwrap_or_else(|| {
            self.unknowns.push(unknown);
            self.unknowns.len() - 1
        });
        UnknownId::from_position(at)
    }
}
