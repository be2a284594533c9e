//! Why something is unreachable, in a form that can be checked without the engine that found it.
//!
//! In: a [`Claim`] (these ends get no packet through to those, or no answer back) and the engine's closed spread. Out: a
//! [`Certificate`], which lists for every place the packets that may ever be there, and its [`Certificate::check`].
//! Always: the checker believes nothing of what it is given. It reads the network itself, with its own arithmetic of
//! intervals, and accepts where the lists hold everything that the claim's ends send, where whatever a hop does to a packet
//! listed is listed where the hop leads, and where nothing is listed at the ends that the claim says are never met. Then
//! induction over hops says that nothing ever gets there. A certificate that lists too much is refused or still true; one
//! that lists too little is refused. Of the engine it shares the network and nothing that decides; only [`export`] knows both.

mod check;
mod export;
mod facts;
mod filters;
mod firewall;
mod hops;
pub mod sets;

use std::collections::{BTreeMap, BTreeSet};

use estate::SmolStr;
use ipnet::IpNet;

pub use check::{Checked, Refused};

use crate::model::{
    AttachmentId, EndpointId, FirewallId, GatewayId, InterfaceId, NatId, OfficeId, PeeringId, PortRange,
    SubnetId, TransitTableId, VpcId,
};
use sets::Packets;

/// Who sends or receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum End {
    /// An interface.
    Interface(InterfaceId),
    /// Everybody on the internet, or those of some addresses there.
    Internet(Option<IpNet>),
    /// An office.
    Office(OfficeId),
}

/// What is said never to happen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Claim {
    /// Who sends.
    pub from: Vec<End>,
    /// Whom it is for.
    pub to: Vec<End>,
    /// Protocols and destination ports (ICMP types) that are asked for; empty: all.
    pub services: Vec<((u8, u8), PortRange)>,
    /// Set: packets sent to the addresses of `to` are never answered. Not set: no packet of `from`, whatever its destination
    /// says, ever arrives at `to`.
    pub answered: bool,
    /// Attachments that are cut.
    pub cut_attachments: BTreeSet<AttachmentId>,
    /// Peering connections that are cut.
    pub cut_peerings: BTreeSet<PeeringId>,
    /// Gateways that are cut.
    pub cut_gateways: BTreeSet<GatewayId>,
}

/// Where packets can be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Sent by an interface; of answers: home.
    From(InterfaceId),
    /// Sent by the internet; of answers: home.
    FromInternet,
    /// Sent by an office; of answers: home.
    FromOffice(OfficeId),
    /// Sent by a node of a load balancer; of answers: home.
    Node(InterfaceId),
    /// Out of an interface in a subnet.
    Out(SubnetId),
    /// To be delivered in a VPC.
    Within(VpcId),
    /// The same, out of a firewall.
    Inspected(VpcId),
    /// Received by an interface.
    At(InterfaceId),
    /// Received by the internet.
    AtInternet,
    /// Received by an office.
    AtOffice(OfficeId),
    /// Received by a service behind a gateway endpoint.
    Service(EndpointId),
    /// On the internet.
    Internet,
    /// Coming in through a gateway.
    In(GatewayId),
    /// At a NAT gateway.
    Nat(NatId),
    /// At a transit gateway's table, from a zone; empty: from any.
    Transit(TransitTableId, SmolStr),
    /// At a firewall's endpoint.
    Firewall(FirewallId, SubnetId),
    /// At an interface that forwards.
    Appliance(InterfaceId),
    /// At a gateway load balancer's endpoint.
    Endpoint(EndpointId),
    /// Where nobody knows what happens.
    Beyond,
}

/// The packets that may be at each place.
pub type States = BTreeMap<Place, Packets>;

/// The closed set of what may be where.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Certificate {
    /// What it proves.
    pub claim: Claim,
    /// The way there.
    pub there: States,
    /// Answers, each described by the flow that it answers.
    pub back: States,
}

impl Certificate {
    /// How many places it speaks of.
    #[must_use]
    pub fn places(&self) -> usize {
        self.there.len() + self.back.len()
    }
}
