//! What moves packets between subnets, VPCs, regions and the world.

use super::ids::{
    AttachmentId, BalancerId, EndpointId, FirewallId, GatewayId, InterfaceId, NatId, OfficeId, PeeringId,
    RouteTableId, SubnetId, TransitGatewayId, TransitTableId, UnknownId, VpcId,
};
use super::{Addresses, Certainty, GroupId, Name};
use diagnostics::Span;
use estate::SmolStr;

/// A route table of subnets, or of a gateway (edge association). Longest prefix decides; of equal prefixes a static
/// route comes before a propagated one. The VPC's own blocks are always local, unless a more specific route (which
/// AWS allows towards middleboxes) or a replaced local route says otherwise.
///
/// Source: Amazon VPC User Guide, "Route priority", "Middlebox routing wizard", "Gateway route tables".
#[derive(Debug, Clone)]
pub struct RouteTable {
    /// Its name.
    pub name: Name,
    /// The VPC.
    pub vpc: VpcId,
    /// Routes, local ones included where they are written; order does not matter.
    pub routes: Vec<Route>,
}

/// A route.
#[derive(Debug, Clone)]
pub struct Route {
    /// Destination: one prefix, or the prefixes of a list.
    pub destination: Addresses,
    /// Where packets go.
    pub target: RouteTarget,
    /// Learned from a virtual private gateway.
    pub propagated: bool,
    /// Whether it certainly exists.
    pub exists: Certainty,
    /// Where it is written.
    pub span: Span,
}

/// Where a route sends packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RouteTarget {
    /// Within the VPC.
    Local,
    /// An internet, egress-only or virtual private gateway.
    Gateway(GatewayId),
    /// A NAT gateway.
    Nat(NatId),
    /// A peering connection.
    Peering(PeeringId),
    /// A transit gateway, by this VPC's attachment.
    Transit(AttachmentId),
    /// An interface: a NAT instance, an appliance.
    Interface(InterfaceId),
    /// A gateway load balancer endpoint.
    Endpoint(EndpointId),
    /// A gateway endpoint for Amazon S3 or DynamoDB.
    GatewayEndpoint(EndpointId),
    /// A firewall's endpoint in a subnet.
    Firewall(FirewallId, SubnetId),
    /// Nothing: the target is gone. Packets are dropped.
    Blackhole,
    /// Something that is not known or not modelled.
    Unknown(UnknownId),
}

/// An internet, egress-only internet or virtual private gateway.
#[derive(Debug, Clone)]
pub struct Gateway {
    /// Its name.
    pub name: Name,
    /// Which kind.
    pub kind: GatewayKind,
    /// The VPC it is attached to; `None`: to none.
    pub vpc: Option<VpcId>,
    /// The route table for what comes in through it (edge association).
    pub table: Option<RouteTableId>,
    /// For a virtual private gateway: the networks beyond it.
    pub offices: Vec<OfficeId>,
}

/// Kinds of gateways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GatewayKind {
    /// Internet gateway: translates public IPv4 addresses one to one; IPv6 passes as it is.
    Internet,
    /// Egress-only: IPv6, and only answers come in.
    EgressOnly,
    /// Virtual private gateway.
    VirtualPrivate,
}

/// A NAT gateway. Rewrites the source to its own address; drops what it did not start.
///
/// Source: Amazon VPC User Guide, "NAT gateways".
#[derive(Debug, Clone)]
pub struct Nat {
    /// Its name.
    pub name: Name,
    /// Where it stands.
    pub interface: InterfaceId,
    /// Whether it has a public address (`public`), or only rewrites to its private one.
    pub public: bool,
}

/// A VPC peering connection. Never transitive.
///
/// Source: Amazon VPC Peering Guide, "How VPC peering connections work".
#[derive(Debug, Clone)]
pub struct Peering {
    /// Its name.
    pub name: Name,
    /// The VPC that asked; `None` where it is not part of the estate.
    pub requester: Option<VpcId>,
    /// The VPC that accepted; `None` where it is not part of the estate.
    pub accepter: Option<VpcId>,
    /// Whether it is active.
    pub active: Certainty,
}

/// A transit gateway.
#[derive(Debug, Clone)]
pub struct TransitGateway {
    /// Its name.
    pub name: Name,
    /// Whether security groups of one attached VPC may name groups of another.
    pub group_referencing: Certainty,
}

/// An attachment of a transit gateway.
///
/// Zone affinity: what enters the gateway from a VPC in a zone leaves into an attached VPC through the interface in
/// the same zone where there is one, so that the way back may use another zone's middlebox than the way there; with
/// appliance mode one flow uses one interface both ways.
/// Source: AWS Transit Gateway Guide, "Example: Appliance in a shared services VPC".
#[derive(Debug, Clone)]
pub struct Attachment {
    /// Its name.
    pub name: Name,
    /// The gateway.
    pub gateway: TransitGatewayId,
    /// What is attached.
    pub kind: AttachmentKind,
    /// The table that packets from this attachment are looked up in; `None`: packets from it go nowhere.
    pub table: Option<TransitTableId>,
    /// Whether it is available.
    pub active: Certainty,
}

/// What is attached to a transit gateway.
#[derive(Debug, Clone)]
pub enum AttachmentKind {
    /// A VPC.
    Vpc {
        /// Which.
        vpc: VpcId,
        /// One interface for each zone.
        interfaces: Vec<InterfaceId>,
        /// Appliance mode.
        appliance_mode: Certainty,
    },
    /// Another transit gateway, by its attachment there; `None` where that is not part of the estate.
    Peering(Option<AttachmentId>),
    /// An office by VPN, Direct Connect or SD-WAN (Connect).
    Office(OfficeId),
    /// Something not modelled.
    Unknown(UnknownId),
}

/// A route table of a transit gateway. Longest prefix decides; of equal prefixes a static route comes first.
#[derive(Debug, Clone)]
pub struct TransitTable {
    /// Its name.
    pub name: Name,
    /// The gateway.
    pub gateway: TransitGatewayId,
    /// Static and propagated routes; propagations are resolved to the attached VPC's blocks or the office's networks.
    pub routes: Vec<TransitRoute>,
}

/// A route of a transit gateway.
#[derive(Debug, Clone)]
pub struct TransitRoute {
    /// Destination.
    pub destination: Addresses,
    /// The attachment; `None`: a blackhole.
    pub to: Option<AttachmentId>,
    /// Learned, not static.
    pub propagated: bool,
    /// Whether it certainly exists.
    pub exists: Certainty,
    /// Where it is written.
    pub span: Span,
}

/// A network outside AWS that a VPN, a Direct Connect or a client VPN joins.
#[derive(Debug, Clone)]
pub struct Office {
    /// Its name.
    pub name: Name,
    /// Its private networks, as routes tell; unknown where only BGP would.
    pub networks: Addresses,
    /// Set where the link exists perhaps.
    pub up: Certainty,
    /// For a client VPN: the interfaces its users come out of (they appear with the interface's address), and
    /// the security groups on them. Empty for site-to-site.
    pub enters_by: Vec<InterfaceId>,
}

/// A VPC endpoint.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Its name.
    pub name: Name,
    /// The VPC.
    pub vpc: VpcId,
    /// The service: `com.amazonaws.us-east-1.s3`.
    pub service: SmolStr,
    /// Which kind.
    pub kind: EndpointKind,
}

/// Kinds of VPC endpoints.
#[derive(Debug, Clone)]
pub enum EndpointKind {
    /// In route tables, for the public addresses of S3 or DynamoDB.
    Gateway,
    /// Interfaces in subnets; beyond it another party's service, or a load balancer of this estate.
    Interface {
        /// One for each subnet.
        interfaces: Vec<InterfaceId>,
        /// The load balancer that serves it, where it is part of the estate.
        service: Option<BalancerId>,
    },
    /// A gateway load balancer's, a target of routes: packets go to an appliance and come back unchanged or not.
    GatewayLoadBalancer {
        /// In its subnet.
        interface: InterfaceId,
        /// The load balancer, where it is part of the estate.
        service: Option<BalancerId>,
    },
}

/// A door outside all VPCs that forwards into one.
#[derive(Debug, Clone)]
pub struct Edge {
    /// Its name.
    pub name: Name,
    /// Which kind.
    pub kind: EdgeKind,
    /// Whether everybody on the internet may knock.
    pub open: Certainty,
    /// Load balancers that it forwards to (an origin, a VPC link), with the port.
    pub balancers: Vec<(BalancerId, u16)>,
    /// The groups of its interfaces in the VPC (an API Gateway VPC link of version 2).
    pub groups: Vec<GroupId>,
}

/// Whether hosts of a type are doors from the internet: what comes in by them starts there.
#[must_use]
pub fn is_door(kind: &str) -> bool {
    const DOORS: [&str; 4] = [
        "AWS::ApiGateway::VpcLink",
        "AWS::ApiGatewayV2::VpcLink",
        "AWS::CloudFront::VpcOrigin",
        "AWS::GlobalAccelerator::EndpointGroup",
    ];
    DOORS.contains(&kind)
}

/// Kinds of edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EdgeKind {
    /// Amazon CloudFront.
    CloudFront,
    /// Amazon API Gateway.
    ApiGateway,
    /// AWS Global Accelerator.
    GlobalAccelerator,
}
