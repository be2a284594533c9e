//! One packet and its reply, hop by hop.
//!
//! In: a [`Network`] and a [`Flow`]: where a packet starts, its addresses, protocol and port. Out: every [`Path`] that the
//! packet and its reply may take, each with what let it pass and everything that stops it. Always: plain and slow, in
//! the order in which AWS's documents say that things happen, so that it can be read against them; it shares no code
//! that decides with the engine over all packets. What depends on something not known, or on a choice that is AWS's, is
//! neither yes nor no.
//!
//! A path goes on behind what stops it, as though it had passed: a reader wants all that is in the way, not the first.
//!
//! Sources: Amazon VPC User Guide, "Configure route tables", "Control traffic to your AWS resources using security
//! groups", "Control subnet traffic with network access control lists", "NAT gateways", "Internet gateways"; the others
//! stand where they are used.

mod address;
mod balance;
mod filters;
mod gateways;
mod inspect;
mod routes;
mod transit;
mod walk;

use std::collections::HashMap;
use std::net::IpAddr;

use diagnostics::Span;

use crate::model::{
    Address, AttachmentKind, Certainty, GatewayId, GatewayKind, InterfaceId, Network, OfficeId, RouteTableId,
    UnknownId, VpcId,
};
pub use address::Addr;
pub use filters::{ICMP, ICMPV6, TCP, UDP};

/// Yes, no, or it depends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The packet arrives and its reply comes back.
    Reachable,
    /// It does not, or its reply does not.
    Unreachable,
    /// It depends on what is not known.
    Unknown,
}

/// Where a packet starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// At an interface, sent by its host.
    Interface(InterfaceId),
    /// Anywhere on the internet.
    Internet,
    /// In a network beyond a VPN or Direct Connect.
    Office(OfficeId),
}

/// One packet to follow, and its reply.
#[derive(Debug, Clone)]
pub struct Flow {
    /// Where it starts.
    pub from: Source,
    /// Its source address there.
    pub source: Addr,
    /// Its destination address.
    pub destination: Addr,
    /// IANA number. For ICMP the packet is an echo request.
    pub protocol: u8,
    /// Destination port; 0 for protocols without.
    pub port: u16,
    /// Unknowns that are taken to hold: those without which the ends would not be there to ask about.
    pub assumed: Vec<UnknownId>,
}

/// What came of a flow.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The answer.
    pub verdict: Verdict,
    /// Ways that the packet may take; more than one where AWS or something unknown chooses.
    pub paths: Vec<Path>,
}

/// One way of a packet and its reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// Whether it gets through, as far as its choices go.
    pub verdict: Verdict,
    /// What happens, in order; the way back after the way there.
    pub hops: Vec<Hop>,
    /// What has to be chosen so for this to be the way.
    pub choices: Vec<Doubt>,
}

/// One thing that happens to a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// Whether it is the reply that it happens to.
    pub back: bool,
    /// What happens, by kind.
    pub kind: HopKind,
    /// Where, by the name people know.
    pub place: String,
    /// What happens, in words.
    pub says: String,
    /// The line that decides.
    pub span: Span,
    /// What this does.
    pub effect: Effect,
    /// What it depends on.
    pub doubts: Vec<Doubt>,
}

/// Kinds of things that happen to packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HopKind {
    /// An end of the path.
    End,
    /// A security group.
    Group,
    /// A network ACL.
    Acl,
    /// A route table.
    Route,
    /// A gateway, peering connection, attachment or NAT.
    Gateway,
    /// A firewall or another appliance.
    Firewall,
    /// A load balancer.
    Balancer,
    /// The host's own rules.
    Host,
}

impl HopKind {
    /// The word for it in output.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::End => "end",
            Self::Group => "group",
            Self::Acl => "acl",
            Self::Route => "route",
            Self::Gateway => "gateway",
            Self::Firewall => "firewall",
            Self::Balancer => "balancer",
            Self::Host => "host",
        }
    }
}

/// What a hop does with the packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Lets it pass.
    Passes,
    /// Stops it.
    Stops,
    /// Depends.
    Depends,
}

/// What an answer depends on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Doubt {
    /// Something not known of the network.
    Unknown(UnknownId),
    /// A choice that AWS or an operating system makes, in words.
    Choice(String),
}

impl Doubt {
    /// In words that continue "it depends on …".
    #[must_use]
    pub fn text<'n>(&'n self, network: &'n Network) -> &'n str {
        match self {
            Self::Unknown(id) => {
                network.unknowns.get(id.at()).map_or("something", |unknown| unknown.what.as_str())
            }
            Self::Choice(text) => text,
        }
    }
}

/// Follows packets through a network. Made once for a network: it keeps look-ups, and no answers.
#[derive(Debug)]
pub struct Simulator<'n> {
    network: &'n Network,
    /// An address for each address of each interface: its own, or one that stands for whatever AWS gives.
    addresses: Vec<Vec<Addr>>,
    by_private: HashMap<(VpcId, IpAddr), Vec<InterfaceId>>,
    private: HashMap<IpAddr, Vec<InterfaceId>>,
    by_public: HashMap<IpAddr, (InterfaceId, usize)>,
    internet_gateways: HashMap<VpcId, GatewayId>,
    egress_only: HashMap<VpcId, GatewayId>,
    virtual_private: HashMap<VpcId, GatewayId>,
    /// Prefixes that are narrower than the whole and public: where "the internet" may differ.
    narrow: Vec<ipnet::IpNet>,
}

impl<'n> Simulator<'n> {
    /// Look-ups over a network.
    #[must_use]
    pub fn new(network: &'n Network) -> Self {
        let mut simulator = Self {
            network,
            addresses: Vec::with_capacity(network.interfaces.len()),
            by_private: HashMap::new(),
            private: HashMap::new(),
            by_public: HashMap::new(),
            internet_gateways: HashMap::new(),
            egress_only: HashMap::new(),
            virtual_private: HashMap::new(),
            narrow: Vec::new(),
        };
        for (at, gateway) in network.gateways.iter().enumerate() {
            let Some(vpc) = gateway.vpc else { continue };
            let map = match gateway.kind {
                GatewayKind::Internet => &mut simulator.internet_gateways,
                GatewayKind::EgressOnly => &mut simulator.egress_only,
                GatewayKind::VirtualPrivate => &mut simulator.virtual_private,
            };
            map.entry(vpc).or_insert(GatewayId::from_position(at));
        }
        simulator.index_addresses();
        simulator.narrow = simulator.narrow_public();
        simulator
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> &'n Network {
        self.network
    }

    fn index_addresses(&mut self) {
        for (at, interface) in self.network.interfaces.iter().enumerate() {
            let id = InterfaceId::from_position(at);
            let subnet = self.network.subnets.get(interface.subnet.at());
            let mut own = Vec::with_capacity(interface.addresses.len());
            for (index, address) in interface.addresses.iter().enumerate() {
                let addr = match address {
                    Address::Known(ip) => Addr::of_interface(*ip, id),
                    Address::WithinV4 | Address::WithinV6 => {
                        let v6 = *address == Address::WithinV6;
                        Addr::stand_in(id, index, v6, subnet.map(|subnet| &subnet.blocks), interface)
                    }
                };
                if let Some(vpc) = subnet.map(|subnet| subnet.vpc)
                    && addr.is_exact()
                {
                    self.by_private.entry((vpc, addr.ip)).or_default().push(id);
                    self.private.entry(addr.ip).or_default().push(id);
                }
                own.push(addr);
            }
            for public in &interface.public {
                if let Some(ip) = public.public {
                    self.by_public.entry(ip).or_insert((id, public.private));
                }
            }
            self.addresses.push(own);
        }
    }

    /// The addresses of an interface, in the order of [`crate::model::Interface::addresses`].
    #[must_use]
    pub fn addresses_of(&self, id: InterfaceId) -> &[Addr] {
        self.addresses.get(id.at()).map_or(&[], Vec::as_slice)
    }

    /// The public address behind an interface, where it has one: known, or standing for the one AWS will give.
    #[must_use]
    pub fn public_of(&self, id: InterfaceId) -> Option<(Addr, Certainty)> {
        let interface = self.network.interfaces.get(id.at())?;
        let public = interface.public.first()?;
        Some((Addr::public(public.public, id, public.private), public.exists))
    }

    /// Interfaces with an exact private address, in any VPC.
    pub fn with_private(&self, ip: IpAddr) -> impl Iterator<Item = InterfaceId> + '_ {
        self.private.get(&ip).into_iter().flatten().copied()
    }

    /// The interface behind a public address.
    #[must_use]
    pub fn with_public(&self, ip: IpAddr) -> Option<InterfaceId> {
        self.by_public.get(&ip).map(|(id, _)| *id)
    }

    /// Addresses that stand for the internet: one that no rule names, then one of each narrow public block that rules
    /// name, so that "the internet reaches it" means that some address there does.
    #[must_use]
    pub fn internet(&self) -> Vec<Addr> {
        let mut candidates =
            [8_u8, 9, 12, 17, 23, 45].into_iter().map(|first| IpAddr::from([first, 8, 8, 8]));
        let elsewhere = candidates
            .find(|ip| !self.narrow.iter().any(|net| net.contains(ip)) && !self.by_public.contains_key(ip))
            .unwrap_or(IpAddr::from([8, 8, 8, 8]));
        let mut out = vec![Addr::elsewhere(elsewhere)];
        out.extend(self.narrow.iter().take(64).map(|net| Addr::exact(net.network())));
        out
    }

    fn narrow_public(&self) -> Vec<ipnet::IpNet> {
        let mut out = Vec::new();
        let groups = self.network.groups.iter().flat_map(|group| group.ingress.iter().chain(&group.egress));
        let rules = groups.filter_map(|rule| match &rule.peer {
            crate::model::Peer::Addresses(addresses) => Some(addresses),
            crate::model::Peer::Group(_) => None,
        });
        let acls = self.network.acls.iter().flat_map(|acl| acl.ingress.iter().chain(&acl.egress));
        for addresses in rules.chain(acls.map(|entry| &entry.addresses)) {
            let (crate::model::Addresses::Known(set) | crate::model::Addresses::AtLeast(set, _)) = addresses;
            let narrow = set.0.iter().filter(|net| net.prefix_len() > 0 && address::is_public(net.network()));
            out.extend(narrow.copied());
        }
        out.sort_unstable();
        out.dedup();
        out
    }

    /// Follows a packet there and its reply back.
    #[must_use]
    pub fn run(&self, flow: &Flow) -> Outcome {
        let mut paths = walk::paths(self, flow);
        if let Some(unknown) = self.carried(flow) {
            for path in paths.iter_mut().filter(|path| path.verdict == Verdict::Unreachable) {
                path.verdict = Verdict::Unknown;
                path.choices.push(Doubt::Unknown(unknown));
            }
        }
        Outcome { verdict: overall(&paths), paths }
    }

    /// What is not modelled and may carry a flow past everything.
    fn carried(&self, flow: &Flow) -> Option<UnknownId> {
        let to = flow.destination.interface.and_then(|at| self.vpc_of(at))?;
        let takes = |carrier: &&crate::model::Carrier| match flow.from {
            Source::Interface(from) => self.vpc_of(from).is_some_and(|from| carrier.from.contains(&from)),
            Source::Internet => carrier.internet,
            Source::Office(_) => false,
        };
        let mut carriers = self.network.carriers.iter().filter(|carrier| carrier.to.contains(&to));
        carriers.find(takes).map(|carrier| carrier.unknown)
    }

    /// The route table of a gateway for what comes in by it.
    fn edge_table(&self, gateway: GatewayId) -> Option<RouteTableId> {
        self.network.gateways.get(gateway.at())?.table
    }

    /// The attachments by which an office is joined.
    fn attachments_of(&self, office: OfficeId) -> impl Iterator<Item = crate::model::AttachmentId> + '_ {
        let all = self.network.attachments.iter().enumerate();
        all.filter(move |(_, attachment)| {
            matches!(attachment.kind, AttachmentKind::Office(known) if known == office)
        })
        .map(|(at, _)| crate::model::AttachmentId::from_position(at))
    }
}

/// All ways agree, or it depends on the choice among them.
fn overall(paths: &[Path]) -> Verdict {
    let mut verdicts = paths.iter().map(|path| path.verdict);
    let Some(first) = verdicts.next() else { return Verdict::Unknown };
    if verdicts.all(|verdict| verdict == first) { first } else { Verdict::Unknown }
}

impl Outcome {
    /// Everything the answer depends on, each once, in the order of the path.
    #[must_use]
    pub fn doubts(&self) -> Vec<&Doubt> {
        let mut out: Vec<&Doubt> = Vec::new();
        let mut add = |doubt| {
            if !out.contains(&doubt) {
                out.push(doubt);
            }
        };
        if self.verdict != Verdict::Unknown {
            return out;
        }
        for path in self.paths.iter().filter(|path| path.verdict != Verdict::Unreachable) {
            path.choices.iter().for_each(&mut add);
            path.hops.iter().flat_map(|hop| &hop.doubts).for_each(&mut add);
        }
        out
    }

    /// Everything that stops the packet or its reply, each once.
    #[must_use]
    pub fn blocks(&self) -> Vec<&Hop> {
        let mut out: Vec<&Hop> = Vec::new();
        for hop in self.paths.iter().flat_map(|path| &path.hops).filter(|hop| hop.effect == Effect::Stops) {
            if !out.contains(&hop) {
                out.push(hop);
            }
        }
        out
    }
}
