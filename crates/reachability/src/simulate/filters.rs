//! Security groups and network ACLs, three-valued.
//!
//! Source: Amazon VPC User Guide, "Security group rules", "Network ACL rules"; "Custom network ACLs", ephemeral ports.

use diagnostics::Span;

use super::address::Addr;
use super::{Doubt, Simulator, Verdict};
use crate::model::{
    Acl, AclEntry, AclId, Certainty, Group, GroupId, GroupRule, Groups, InterfaceId, Peer, PortRange,
    Protocols, Services, VpcId,
};

/// IANA number of TCP.
pub const TCP: u8 = 6;
/// IANA number of UDP.
pub const UDP: u8 = 17;
/// IANA number of ICMP.
pub const ICMP: u8 = 1;
/// IANA number of ICMPv6.
pub const ICMPV6: u8 = 58;

/// Ports from which Linux opens connections, by default.
/// Source: Linux kernel documentation, "IP Sysctl", `ip_local_port_range`.
pub(super) const LINUX: PortRange = PortRange { first: 32_768, last: 60_999 };
/// Ports from which NAT gateways, load balancers and functions open connections, and the widest that clients use.
/// Source: Amazon VPC User Guide, "Custom network ACLs", ephemeral ports.
pub(super) const EPHEMERAL: PortRange = PortRange { first: 1_024, last: 65_535 };

/// A packet on its way.
#[derive(Debug, Clone)]
pub(super) struct Packet {
    pub source: Addr,
    pub destination: Addr,
    pub protocol: u8,
    /// The server's port; for ICMP the type of the request.
    pub port: u16,
    /// Ports that the client's side may have chosen; every one has to do.
    pub client: PortRange,
    /// Whether this is the reply.
    pub back: bool,
    /// What lies between the sender and here, as far as references to groups go.
    pub via: Via,
    /// The load balancer's node that hands it on with its client's address.
    pub node: Option<InterfaceId>,
}

/// What lies between a sender and a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Via {
    /// Nothing, or only the VPC's own router.
    Local,
    /// A peering connection.
    Peering,
    /// A transit gateway, with whether it carries references to groups.
    Transit(Certainty),
    /// A middlebox or a translation: the sender's groups count no more.
    Middlebox,
}

impl Packet {
    /// Destination ports, or ICMP type, that a filter sees: a range where the client chose.
    fn ports(&self) -> PortRange {
        let exactly = |port| PortRange { first: port, last: port };
        match self.protocol {
            ICMP => exactly(if self.back { 0 } else { 8 }),
            ICMPV6 => exactly(if self.back { 129 } else { 128 }),
            TCP | UDP if self.back => self.client,
            TCP | UDP => exactly(self.port),
            _ => PortRange::ALL,
        }
    }
}

/// What a filter says.
#[derive(Debug, Clone)]
pub(super) struct Judged {
    pub verdict: Verdict,
    pub says: String,
    pub span: Span,
    pub doubts: Vec<Doubt>,
}

/// Whether something matches, with what that depends on.
#[derive(Debug, Clone)]
struct Match {
    verdict: Verdict,
    doubts: Vec<Doubt>,
}

impl Match {
    const YES: Self = Self { verdict: Verdict::Reachable, doubts: Vec::new() };
    const NO: Self = Self { verdict: Verdict::Unreachable, doubts: Vec::new() };

    fn maybe(doubt: Doubt) -> Self {
        Self { verdict: Verdict::Unknown, doubts: vec![doubt] }
    }

    fn of((verdict, doubt): (Verdict, Option<Doubt>)) -> Self {
        Self { verdict, doubts: doubt.into_iter().collect() }
    }

    fn and(mut self, other: Self) -> Self {
        match (self.verdict, other.verdict) {
            (Verdict::Unreachable, _) | (_, Verdict::Unreachable) => Self::NO,
            (Verdict::Reachable, Verdict::Reachable) => Self::YES,
            _ => {
                self.doubts.extend(other.doubts);
                Self { verdict: Verdict::Unknown, doubts: self.doubts }
            }
        }
    }
}

impl Simulator<'_> {
    fn certain(&self, certainty: Certainty, assumed: &[crate::model::UnknownId]) -> Match {
        match certainty {
            Certainty::Yes => Match::YES,
            Certainty::No => Match::NO,
            Certainty::Maybe(id) if assumed.contains(&id) => Match::YES,
            Certainty::Maybe(id) => Match::maybe(Doubt::Unknown(id)),
        }
    }

    /// What the groups of an interface say of a packet that comes in or goes out.
    pub(super) fn groups_say(
        &self,
        interface: InterfaceId,
        packet: &Packet,
        incoming: bool,
        assumed: &[crate::model::UnknownId],
    ) -> Option<Judged> {
        let found = self.network.interfaces.get(interface.at())?;
        let (ids, unknown) = match &found.groups {
            Groups::Known(ids) if ids.is_empty() => return None,
            Groups::Known(ids) => (ids, None),
            Groups::AndUnknown(ids, id) => (ids, Some(*id)),
        };
        let vpc = self.network.subnets.get(found.subnet.at()).map(|subnet| subnet.vpc);
        let mut best: Option<Judged> = None;
        let mut doubts = Vec::new();
        for group in ids.iter().filter_map(|id| self.network.groups.get(id.at())) {
            doubts.extend(group.unknown.map(Doubt::Unknown));
            for rule in if incoming { &group.ingress } else { &group.egress } {
                let matched = self.rule_matches(rule, packet, incoming, vpc, assumed);
                match matched.verdict {
                    Verdict::Reachable => {
                        let says = format!("{} ({})", group.name.label, rule_text(rule));
                        return Some(Judged {
                            verdict: Verdict::Reachable,
                            says,
                            span: rule.span,
                            doubts: vec![],
                        });
                    }
                    Verdict::Unknown if best.is_none() => {
                        let says = format!("{} ({})", group.name.label, rule_text(rule));
                        let (span, verdict) = (rule.span, Verdict::Unknown);
                        best = Some(Judged { verdict, says, span, doubts: matched.doubts });
                    }
                    Verdict::Unknown => doubts.extend(matched.doubts),
                    Verdict::Unreachable => {}
                }
            }
        }
        doubts.extend(unknown.map(Doubt::Unknown));
        if let Some(mut judged) = best {
            judged.doubts.extend(doubts);
            return Some(judged);
        }
        let groups: Vec<&Group> = ids.iter().filter_map(|id| self.network.groups.get(id.at())).collect();
        let labels: Vec<&str> = groups.iter().map(|group| group.name.label.as_str()).collect();
        let word = if incoming { "in" } else { "out" };
        let span = groups.first().map_or(found.name.span, |group| group.name.span);
        let asked = wanted(packet, packet.ports());
        let (other, preposition) =
            if incoming { (&packet.source, "from") } else { (&packet.destination, "to") };
        let says = format!("no rule of {} lets {asked} {word} {preposition} {other}", labels.join(", "));
        let verdict = if doubts.is_empty() { Verdict::Unreachable } else { Verdict::Unknown };
        Some(Judged { verdict, says, span, doubts })
    }

    fn rule_matches(
        &self,
        rule: &GroupRule,
        packet: &Packet,
        incoming: bool,
        vpc: Option<VpcId>,
        assumed: &[crate::model::UnknownId],
    ) -> Match {
        let services = services_match(&rule.services, packet);
        if services.verdict == Verdict::Unreachable {
            return services;
        }
        let other = if incoming { &packet.source } else { &packet.destination };
        let peer = match &rule.peer {
            Peer::Addresses(addresses) => Match::of(other.in_set(self.network, addresses)),
            Peer::Group(group) => self.in_group(other, *group, packet, incoming, vpc),
        };
        services.and(peer).and(self.certain(rule.exists, assumed))
    }

    /// Whether an address is the private one of an interface in a group that may be referred to from here.
    /// Source: Amazon VPC User Guide, "Security group referencing"; Amazon VPC Peering Guide, "Update your security groups
    /// to reference peer security groups"; AWS Transit Gateway Guide, "Security group referencing".
    fn in_group(
        &self,
        other: &Addr,
        group: GroupId,
        packet: &Packet,
        incoming: bool,
        vpc: Option<VpcId>,
    ) -> Match {
        if let Some(id) = self.network.groups.get(group.at()).and_then(|group| group.unknown)
            && self.network.groups.get(group.at()).is_some_and(|group| group.vpc.is_none())
        {
            return Match::maybe(Doubt::Unknown(id));
        }
        if let Some(node) = packet.node.filter(|_| incoming) {
            // Source: Elastic Load Balancing, "Update the security groups for your Network Load Balancer".
            return self.member(node, group).unwrap_or_else(|| {
                let client = other.interface.and_then(|client| self.member(client, group));
                match client {
                    Some(_) => Match::maybe(Doubt::Choice(
                        "whether a reference to the client's group holds behind a load balancer".to_owned(),
                    )),
                    None => Match::NO,
                }
            });
        }
        // An address that nobody has looked up yet may be a member's all the same.
        let unnamed = other.interface.is_none() && other.is_exact();
        let by_address =
            || self.with_private(other.ip).find(|id| self.member(*id, group).is_some()).filter(|_| unnamed);
        let named = other.interface.filter(|_| !other.is_public);
        let Some(interface) = named.or_else(by_address) else { return Match::NO };
        let Some(member) = self.member(interface, group) else { return Match::NO };
        let theirs = self.vpc_of(interface);
        let allowed = match packet.via {
            Via::Middlebox if incoming => Match::NO,
            Via::Local | Via::Middlebox | Via::Peering | Via::Transit(_) if theirs == vpc => Match::YES,
            Via::Transit(referencing) => self.certain(referencing, &[]),
            _ if self.are_peered(vpc, theirs) => Match::YES,
            _ => self.by_transit(vpc, theirs),
        };
        member.and(allowed)
    }

    fn member(&self, interface: InterfaceId, group: GroupId) -> Option<Match> {
        match &self.network.interfaces.get(interface.at())?.groups {
            Groups::Known(groups) => groups.contains(&group).then_some(Match::YES),
            Groups::AndUnknown(groups, _) if groups.contains(&group) => Some(Match::YES),
            Groups::AndUnknown(_, id) => Some(Match::maybe(Doubt::Unknown(*id))),
        }
    }

    /// The VPC in which an interface stands.
    pub(super) fn vpc_of(&self, interface: InterfaceId) -> Option<VpcId> {
        let interface = self.network.interfaces.get(interface.at())?;
        Some(self.network.subnets.get(interface.subnet.at())?.vpc)
    }

    fn are_peered(&self, a: Option<VpcId>, b: Option<VpcId>) -> bool {
        self.network.peerings.iter().any(|peering| {
            peering.active != Certainty::No
                && ((peering.requester == a && peering.accepter == b)
                    || (peering.requester == b && peering.accepter == a))
        })
    }

    /// Out of a group: whether a gateway that both VPCs are attached to carries references.
    fn by_transit(&self, a: Option<VpcId>, b: Option<VpcId>) -> Match {
        let attached = |vpc: Option<VpcId>| {
            self.network.attachments.iter().filter(move |attachment| {
                matches!(attachment.kind, crate::model::AttachmentKind::Vpc { vpc: own, .. } if Some(own) == vpc)
            })
        };
        let shared = attached(a).find(|one| attached(b).any(|other| other.gateway == one.gateway));
        let gateway =
            shared.and_then(|attachment| self.network.transit_gateways.get(attachment.gateway.at()));
        gateway.map_or(Match::NO, |gateway| self.certain(gateway.group_referencing, &[]))
    }

    /// What a network ACL says; `None`: the default one, which allows everything.
    pub(super) fn acl_says(
        &self,
        acl: Option<AclId>,
        packet: &Packet,
        incoming: bool,
        assumed: &[crate::model::UnknownId],
    ) -> Option<Judged> {
        let acl = self.network.acls.get(acl?.at())?;
        let label = &acl.name.label;
        if let Some(id) = acl.unknown {
            let (says, span) = (label.to_string(), acl.name.span);
            return Some(Judged { verdict: Verdict::Unknown, says, span, doubts: vec![Doubt::Unknown(id)] });
        }
        let ports = packet.ports();
        let choosing = packet.back && matches!(packet.protocol, TCP | UDP);
        let mut pieces: Vec<(u16, Judged)> = Vec::new();
        for first in cuts(acl, incoming, ports, choosing) {
            let port = if choosing { PortRange { first, last: first } } else { ports };
            pieces.push((first, self.acl_port(acl, packet, port, incoming, assumed)));
        }
        combine(pieces, packet.client, choosing)
    }

    fn acl_port(
        &self,
        acl: &Acl,
        packet: &Packet,
        ports: PortRange,
        incoming: bool,
        assumed: &[crate::model::UnknownId],
    ) -> Judged {
        let label = &acl.name.label;
        let (mut may_allow, mut may_deny): (Option<String>, bool) = (None, false);
        let mut doubts: Vec<Doubt> = Vec::new();
        let other = if incoming { &packet.source } else { &packet.destination };
        for entry in if incoming { &acl.ingress } else { &acl.egress } {
            let matched = self.entry_matches(entry, packet, ports, other, assumed);
            if matched.verdict == Verdict::Unreachable {
                continue;
            }
            let certain = matched.verdict == Verdict::Reachable;
            doubts.extend(matched.doubts);
            let says = format!("rule {} of {label}", entry.number);
            match self.certain(entry.allows, assumed).verdict {
                Verdict::Reachable => may_allow = may_allow.or(Some(says.clone())),
                Verdict::Unreachable => may_deny = true,
                Verdict::Unknown => {
                    may_allow = may_allow.or(Some(says.clone()));
                    may_deny = true;
                    if let Certainty::Maybe(id) = entry.allows {
                        doubts.push(Doubt::Unknown(id));
                    }
                }
            }
            if certain {
                let verdict = match (&may_allow, may_deny) {
                    (Some(_), false) => Verdict::Reachable,
                    (None, _) => Verdict::Unreachable,
                    (Some(_), true) => Verdict::Unknown,
                };
                let doubts = if verdict == Verdict::Unknown { doubts } else { Vec::new() };
                return Judged { verdict, says, span: entry.span, doubts };
            }
        }
        let asked = if packet.back { packet.ports() } else { ports };
        let says = format!("no rule of {label} allows {}", wanted(packet, asked));
        let verdict = if may_allow.is_some() { Verdict::Unknown } else { Verdict::Unreachable };
        let doubts = if verdict == Verdict::Unknown { doubts } else { Vec::new() };
        Judged { verdict, says, span: acl.name.span, doubts }
    }

    fn entry_matches(
        &self,
        entry: &AclEntry,
        packet: &Packet,
        ports: PortRange,
        other: &Addr,
        assumed: &[crate::model::UnknownId],
    ) -> Match {
        let services = within(&entry.services, packet, ports);
        if services.verdict == Verdict::Unreachable {
            return services;
        }
        services
            .and(Match::of(other.in_set(self.network, &entry.addresses)))
            .and(self.certain(entry.exists, assumed))
    }
}

fn services_match(services: &Services, packet: &Packet) -> Match {
    within(services, packet, packet.ports())
}

fn within(services: &Services, packet: &Packet, ports: PortRange) -> Match {
    let protocol = match services.protocols {
        Protocols::All => return services.unknown.map_or(Match::YES, |id| Match::maybe(Doubt::Unknown(id))),
        Protocols::One(number) if number == packet.protocol => Match::YES,
        Protocols::One(_) => return Match::NO,
        Protocols::Unknown(id) => Match::maybe(Doubt::Unknown(id)),
    };
    if let Some(id) = services.unknown {
        return protocol.and(Match::maybe(Doubt::Unknown(id)));
    }
    let all = services.ports.first <= ports.first && ports.last <= services.ports.last;
    let none = services.ports.last < ports.first || ports.last < services.ports.first;
    let inside = match (all, none) {
        (true, _) => Match::YES,
        (_, true) => Match::NO,
        _ => Match::maybe(Doubt::Choice("the port that the client's side picks".to_owned())),
    };
    // An echo request and its reply have code 0.
    let icmp = matches!(packet.protocol, ICMP | ICMPV6);
    let code = if !icmp || services.codes.contains(0) { Match::YES } else { Match::NO };
    protocol.and(inside).and(code)
}

/// First ports of the pieces into which an ACL's entries cut the widest range of client ports.
fn cuts(acl: &Acl, incoming: bool, ports: PortRange, choosing: bool) -> Vec<u16> {
    if !choosing {
        return vec![ports.first];
    }
    let mut out = vec![EPHEMERAL.first, ports.first];
    out.extend(ports.last.checked_add(1));
    for entry in if incoming { &acl.ingress } else { &acl.egress } {
        out.push(entry.services.ports.first);
        out.extend(entry.services.ports.last.checked_add(1));
    }
    out.retain(|port| EPHEMERAL.contains(*port));
    out.sort_unstable();
    out.dedup();
    out
}

/// One answer for all ports that a client may use: yes where every port that it normally uses gets through, no where
/// no port of [`EPHEMERAL`] does, else it depends on the port.
fn combine(pieces: Vec<(u16, Judged)>, client: PortRange, choosing: bool) -> Option<Judged> {
    let usual = |first: u16| !choosing || client.contains(first);
    let all_no = pieces.iter().all(|(_, judged)| judged.verdict == Verdict::Unreachable);
    let mut of_client = pieces.iter().filter(|(first, _)| usual(*first));
    let all_yes = of_client.clone().all(|(_, judged)| judged.verdict == Verdict::Reachable);
    let shown = if all_no || all_yes {
        of_client.next().or(pieces.first())
    } else {
        of_client.clone().find(|(_, judged)| judged.verdict != Verdict::Reachable).or(pieces.first())
    };
    let mut judged = shown.map(|(_, judged)| judged.clone())?;
    if !all_no && !all_yes {
        let differs = of_client.any(|(_, other)| other.verdict != judged.verdict)
            || pieces.iter().any(|(_, other)| other.verdict != judged.verdict);
        if differs {
            judged.doubts.push(Doubt::Choice("the port that the client's side picks".to_owned()));
        }
        judged.verdict = Verdict::Unknown;
    }
    Some(judged)
}

/// A rule as people write it: `tcp 443 from 10.0.0.0/8`.
fn rule_text(rule: &GroupRule) -> String {
    let services = services_text(&rule.services);
    let peer = match &rule.peer {
        Peer::Addresses(crate::model::Addresses::Known(set)) => {
            let shown: Vec<String> = set.0.iter().take(2).map(ToString::to_string).collect();
            let more = if set.0.len() > 2 { ", …" } else { "" };
            format!(", {}{more}", shown.join(", "))
        }
        _ => String::new(),
    };
    // The group's name stands before it.
    let label = rule.label.split(" of ").next().unwrap_or(&rule.label);
    format!("{label}: {services}{peer}")
}

/// What a packet asks a filter for: `tcp 32768-60999 to 10.0.1.5`.
fn wanted(packet: &Packet, ports: PortRange) -> String {
    let unknown = None;
    let services =
        Services { protocols: Protocols::One(packet.protocol), ports, codes: PortRange::ALL, unknown };
    services_text(&services)
}

/// Protocol and ports as people write them.
fn services_text(services: &Services) -> String {
    let protocol = match services.protocols {
        Protocols::All => return "all traffic".to_owned(),
        Protocols::One(TCP) => "tcp".to_owned(),
        Protocols::One(UDP) => "udp".to_owned(),
        Protocols::One(ICMP) => "icmp".to_owned(),
        Protocols::One(ICMPV6) => "icmpv6".to_owned(),
        Protocols::One(number) => format!("protocol {number}"),
        Protocols::Unknown(_) => "an unknown protocol".to_owned(),
    };
    let PortRange { first, last } = services.ports;
    match services.unknown {
        Some(_) => format!("{protocol}, unknown ports"),
        None if services.ports == PortRange::ALL => protocol,
        None if first == last => format!("{protocol} {first}"),
        None => format!("{protocol} {first}-{last}"),
    }
}
