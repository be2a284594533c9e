//! Load balancers.

use super::ids::{InterfaceId, OfficeId};
use super::{Addresses, Certainty, Name, PortRange};
use diagnostics::Span;
use std::net::IpAddr;

/// A load balancer: packets to its nodes become packets from its nodes, or keep their source.
///
/// Source: Elastic Load Balancing User Guide, "How Elastic Load Balancing works"; Network Load Balancers, "Target
/// groups", client IP preservation.
#[derive(Debug, Clone)]
pub struct Balancer {
    /// Its name.
    pub name: Name,
    /// Which kind.
    pub kind: BalancerKind,
    /// Whether its name resolves to public addresses.
    pub internet_facing: Certainty,
    /// A node in each of its subnets.
    pub nodes: Vec<InterfaceId>,
    /// Listeners.
    pub listeners: Vec<Listener>,
    /// Whether a node sends to targets in other zones.
    pub cross_zone: Certainty,
    /// Whether the groups of its nodes are asked about packets to targets (a network load balancer without groups
    /// filters nothing).
    pub groups_enforced: Certainty,
}

/// Kinds of load balancers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BalancerKind {
    /// Layer 7: a new connection from a node's address.
    Application,
    /// Layer 4.
    Network,
    /// Bump in the wire for appliances.
    Gateway,
    /// The earlier generation.
    Classic,
}

/// A listener.
#[derive(Debug, Clone)]
pub struct Listener {
    /// IANA number; TCP for HTTP, HTTPS and TLS.
    pub protocol: u8,
    /// Port; a gateway load balancer listens on all.
    pub ports: PortRange,
    /// Whether clients speak TLS to it.
    pub tls: bool,
    /// Where it sends; rules of an application load balancer may send to any of theirs.
    pub forwards: Vec<Forward>,
    /// Where it is written.
    pub span: Span,
}

/// One way that a listener may send.
#[derive(Debug, Clone)]
pub struct Forward {
    /// To these targets.
    pub group: TargetGroup,
    /// Set where only some requests are sent here (a rule on host or path).
    pub sometimes: bool,
    /// Whether it certainly exists.
    pub exists: Certainty,
}

/// Targets with how they are reached.
#[derive(Debug, Clone)]
pub struct TargetGroup {
    /// Its name.
    pub name: Name,
    /// Targets; unknown where they register at run time and nothing says which.
    pub targets: Vec<Target>,
    /// Whether the client's address stays the source.
    pub preserves_client: Certainty,
    /// Whether this group overrides cross-zone balancing; `None`: as the load balancer says.
    pub cross_zone: Option<Certainty>,
}

/// A target.
#[derive(Debug, Clone)]
pub struct Target {
    /// Where.
    pub place: TargetPlace,
    /// The port that packets are sent to.
    pub port: u16,
    /// Whether the load balancer sends to it.
    pub health: Health,
}

/// Where a target is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetPlace {
    /// An interface of the estate (an instance's primary, a task's).
    Interface(InterfaceId),
    /// An address, in the VPC or beyond it.
    Address(IpAddr),
    /// Addresses of an office.
    Office(OfficeId),
    /// Any of these addresses.
    Within(Addresses),
}

/// Whether a target is in service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// In service, or expected to be (before deployment).
    Healthy,
    /// Not in service. A group without any healthy target is used as a whole by a network load balancer.
    Unhealthy,
    /// Not used: its zone is not enabled, or the group has no listener.
    Unused,
}
