//! The network as it is meant: the address plan, the hub, offices, and approved flows.

use diagnostics::Span;
use smol_str::SmolStr;

use super::{AccountId, EnvironmentId, OfficeId, StoreId, WorkloadId};
use crate::Spanned;
use crate::cidr::Cidr;
use crate::scalars::{Address, DomainPattern, Name};

/// The address plan.
#[derive(Debug, Clone)]
pub struct Network {
    /// The space from which every network takes a block.
    pub addresses: Spanned<Cidr>,
    /// The prefix length of such a block.
    pub vpc_prefix: Spanned<u8>,
    /// Ranges in use elsewhere.
    pub reserved: Vec<Spanned<Cidr>>,
    /// The one way in and out.
    pub hub: Option<Hub>,
    /// Offices; there is a hub where there are any.
    pub offices: Vec<Office>,
}

/// The longest prefix of the hub's network: six subnets in each of six zones.
pub const HUB_PREFIX: u8 = 20;

/// One way in and out for all accounts.
#[derive(Debug, Clone)]
pub struct Hub {
    /// The account that holds it; no environment stands there.
    pub account: AccountId,
    /// Domains that every workload may call.
    pub allow: Vec<Spanned<DomainPattern>>,
    /// The place of its settings.
    pub span: Span,
}

/// An office.
#[derive(Debug, Clone)]
pub struct Office {
    /// Its name. Unique.
    pub name: Spanned<Name>,
    /// Its name for people.
    pub title: SmolStr,
    /// The public address of its VPN device.
    pub address: Spanned<Address>,
    /// The networks behind it; at least one.
    pub networks: Vec<Spanned<Cidr>>,
}

/// An approved way. Sources and destinations are single things: units and environments have been expanded.
#[derive(Debug, Clone)]
pub struct Flow {
    /// Who begins.
    pub from: Source,
    /// What is reached.
    pub to: Destination,
    /// The TCP ports, each once, in order; at least one.
    pub ports: Vec<u16>,
    /// Where it is written.
    pub span: Span,
}

/// Who begins a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// A workload.
    Workload(EnvironmentId, WorkloadId),
    /// Everybody in an office.
    Office(OfficeId),
}

/// What a flow reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A workload of another environment, through its load balancer behind the hub, on 443.
    Workload(EnvironmentId, WorkloadId),
    /// A database of another environment, on its port.
    Store(EnvironmentId, StoreId),
    /// The networks of an office.
    Office(OfficeId),
    /// Domains on the internet, over TLS on 443; at least one.
    Internet(Vec<Spanned<DomainPattern>>),
}
