//! What filters packets: security groups, network ACLs, and the sets they are written in.

use ipnet::IpNet;
use std::net::IpAddr;

use super::Name;
use super::ids::{AclId, GroupId, UnknownId, VpcId};
use diagnostics::Span;

/// Whether something that may matter is certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Certainty {
    /// It is so.
    Yes,
    /// It is not so.
    No,
    /// It depends.
    Maybe(UnknownId),
}

/// A set of addresses written as prefixes; the union of them. Not normalised: order and overlaps are as written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IpSet(pub Vec<IpNet>);

impl IpSet {
    /// Whether an address is in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|net| net.contains(&address))
    }
}

/// A set of addresses as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Addresses {
    /// Exactly these.
    Known(IpSet),
    /// These, and perhaps others.
    AtLeast(IpSet, UnknownId),
}

/// Protocols by IANA number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocols {
    /// Every protocol (`-1`).
    All,
    /// One: 6 TCP, 17 UDP, 1 ICMP, 58 ICMPv6.
    One(u8),
    /// Not known which.
    Unknown(UnknownId),
}

/// Ports from first to last, both included. For ICMP the type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PortRange {
    /// The first.
    pub first: u16,
    /// The last.
    pub last: u16,
}

impl PortRange {
    /// All ports.
    pub const ALL: Self = Self { first: 0, last: u16::MAX };

    /// Whether a port is in it.
    #[must_use]
    pub fn contains(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }
}

/// Protocol with destination ports; for ICMP and ICMPv6 `ports` are types and `codes` codes, for protocols without
/// ports both are everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Services {
    /// Protocol.
    pub protocols: Protocols,
    /// Destination ports, or ICMP types.
    pub ports: PortRange,
    /// ICMP codes; [`PortRange::ALL`] where they do not matter.
    pub codes: PortRange,
    /// Set where ports are not known: the rule matches perhaps, whatever `ports` says.
    pub unknown: Option<UnknownId>,
}

/// A security group. Stateful: what is allowed one way has its answers allowed the other way.
///
/// Source: Amazon VPC User Guide, "Control traffic to your AWS resources using security groups".
#[derive(Debug, Clone)]
pub struct Group {
    /// Its name.
    pub name: Name,
    /// The VPC it belongs to.
    pub vpc: Option<VpcId>,
    /// Who may come in.
    pub ingress: Vec<GroupRule>,
    /// Where packets may go.
    pub egress: Vec<GroupRule>,
    /// Set where the group itself is not part of the estate, or its rules are not known as a whole: it may allow
    /// anything.
    pub unknown: Option<UnknownId>,
}

/// A rule of a security group; rules allow, nothing denies.
#[derive(Debug, Clone)]
pub struct GroupRule {
    /// The other side.
    pub peer: Peer,
    /// Protocol and destination ports.
    pub services: Services,
    /// Whether the rule certainly exists.
    pub exists: Certainty,
    /// Where it is written.
    pub span: Span,
    /// Its name for people: AWS's rule id, the logical id, or `ingress 2 of WebGroup`.
    pub label: estate::SmolStr,
}

/// The other side of a security group's rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// Addresses; prefix lists are expanded.
    Addresses(Addresses),
    /// Private addresses of the interfaces in a group, in the same VPC, across a peering connection where AWS allows
    /// it, or across a transit gateway that has security group referencing on.
    Group(GroupId),
}

/// A network ACL. Stateless: answers need an entry of their own. The first entry that matches decides; what none
/// matches is denied.
///
/// Source: Amazon VPC User Guide, "Control subnet traffic with network access control lists".
#[derive(Debug, Clone)]
pub struct Acl {
    /// Its name.
    pub name: Name,
    /// Its position, for answers that name it.
    pub id: AclId,
    /// Into the subnet, in order of rule number.
    pub ingress: Vec<AclEntry>,
    /// Out of the subnet, in order of rule number.
    pub egress: Vec<AclEntry>,
    /// Set where entries are not known as a whole.
    pub unknown: Option<UnknownId>,
}

/// An entry of a network ACL.
#[derive(Debug, Clone)]
pub struct AclEntry {
    /// Rule number.
    pub number: u32,
    /// Whether it allows; a value not known is [`Certainty::Maybe`].
    pub allows: Certainty,
    /// Source (ingress) or destination (egress).
    pub addresses: Addresses,
    /// Protocol and destination ports.
    pub services: Services,
    /// Whether the entry certainly exists.
    pub exists: Certainty,
    /// Where it is written.
    pub span: Span,
}
