//! What a Network Firewall does with one connection, packet by packet.
//!
//! In: a [`FirewallPolicy`] and the addresses of a [`Connection`] as they are at the firewall. Out: for each [`Phase`]
//! a [`Decision`]: whether the packet may pass, whether it may be dropped, and by what in either case. Always: plain
//! and slow, rule after rule as the documents say it, so that it can be read against them; both answers at once mean
//! that it depends, and the doubts say on what.
//!
//! Sources: AWS Network Firewall Developer Guide, "How AWS Network Firewall filters network traffic", "Managing
//! evaluation order for Suricata compatible rules in AWS Network Firewall", "Stream exception policy in AWS Network
//! Firewall"; Suricata User Guide, "Rule Types and Categorization". Held against Suricata itself by
//! `cargo xtask packets`.

use std::net::IpAddr;

use crate::model::{
    Addresses, FirewallPolicy, Midstream, PortRange, Protocols, Scope, StatefulAction, StatefulDefault,
    StatefulRule, StatelessAction, StatelessRule, Tcp, Towards, UnknownId,
};

/// A connection at a firewall: the addresses of its first packet. For protocols without ports both are 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connection {
    /// Who opens it.
    pub client: IpAddr,
    /// To whom.
    pub server: IpAddr,
    /// IANA number of the protocol.
    pub protocol: u8,
    /// The client's port.
    pub client_port: u16,
    /// The server's port.
    pub server_port: u16,
}

/// A packet of a connection by its place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// The first: a TCP SYN, a datagram, an echo request.
    Opening,
    /// The first answer: SYN and ACK, a datagram, an echo reply.
    OpeningReply,
    /// What the client sends when the connection stands: data of TCP, further datagrams.
    Data,
    /// What the server sends then.
    DataReply,
}

impl Phase {
    /// All, in order of time.
    pub const ALL: [Self; 4] = [Self::Opening, Self::OpeningReply, Self::Data, Self::DataReply];

    /// Whether it goes from client to server.
    fn forward(self) -> bool {
        matches!(self, Self::Opening | Self::Data)
    }
}

/// What happens to a packet. Exactly one of the two where it is certain, both where it depends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decision {
    /// Why it passes, where it may.
    pub pass: Option<Reason>,
    /// Why it is dropped, where it may be.
    pub drop: Option<Reason>,
}

impl Decision {
    /// Whether it certainly passes.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.drop.is_none()
    }

    /// Whether it certainly is dropped.
    #[must_use]
    pub fn drops(&self) -> bool {
        self.pass.is_none()
    }

    fn add(&mut self, passes: bool, reason: &Reason) {
        let side = if passes { &mut self.pass } else { &mut self.drop };
        // The reason with the fewest doubts is the one to show.
        if side.as_ref().is_none_or(|known| known.doubts.len() > reason.doubts.len()) {
            *side = Some(reason.clone());
        }
    }
}

/// What decides, and what this supposes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// What decides.
    pub decider: Decider,
    /// What it depends on that it comes to this; empty: nothing.
    pub doubts: Vec<Doubt>,
}

/// What decides about a packet: positions are those of the policy's lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decider {
    /// A stateless rule.
    Stateless(usize),
    /// No stateless rule matched.
    StatelessDefault,
    /// A stateful rule.
    Stateful(usize),
    /// No stateful rule decided, and this default action does.
    StatefulDefault(StatefulDefault),
    /// No stateful rule decided, and no default action drops.
    NothingDropped,
    /// The stateful engine has not seen how the connection began.
    Midstream,
    /// The policy as a whole is not known.
    Policy,
}

/// What a decision depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// Something that is not known of the estate.
    Unknown(UnknownId),
    /// What the stateful rule at this position asks beyond addresses, protocol, ports and flow.
    Application(usize),
    /// The packet's TCP flags, which the stateless rule at this position asks for.
    Flags(usize),
}

/// Doubts that are kept for one reason: enough to show, and a bound.
const MOST_DOUBTS: usize = 8;

/// How far the stateful engine is with a connection. Where things depend, several may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// It has seen everything so far and decides packet by packet.
    Follows,
    /// It has not seen everything: packets went around it.
    Missed,
    /// It lets everything pass.
    Passed(Reason),
    /// There is no more: something was dropped that all the rest needs.
    Ended(Reason),
}

impl FirewallPolicy {
    /// What happens to the packet of a connection in `phase`, when everything before it was sent and whatever of it
    /// was not dropped has arrived.
    #[must_use]
    pub fn decide(&self, connection: &Connection, phase: Phase) -> Decision {
        if let Some(unknown) = self.unknown {
            let reason = Reason { decider: Decider::Policy, doubts: vec![Doubt::Unknown(unknown)] };
            return Decision { pass: Some(reason.clone()), drop: Some(reason) };
        }
        let mut states = vec![State::Follows];
        let mut decision = Decision::default();
        for now in Phase::ALL.into_iter().filter(|at| *at <= phase) {
            let mut next: Vec<State> = Vec::new();
            decision = Decision::default();
            for state in &states {
                for step in self.step(connection, now, state) {
                    decision.add(step.passes, &step.reason);
                    let kind = std::mem::discriminant(&step.next);
                    if !next.iter().any(|known| std::mem::discriminant(known) == kind) {
                        next.push(step.next);
                    }
                }
            }
            states = next;
        }
        decision
    }

    /// What may happen to one packet in one state.
    fn step(&self, connection: &Connection, phase: Phase, state: &State) -> Vec<Step> {
        if let State::Ended(reason) = state {
            return vec![Step::new(false, reason.clone(), state.clone())];
        }
        let mut out = Vec::new();
        let (decided, forwarded) = self.stateless(connection, phase);
        for (passes, reason) in decided {
            // What went around the stateful engine is missing there.
            let next = match (passes, state) {
                (false, _) => State::Ended(reason.clone()),
                (true, State::Follows) => State::Missed,
                (true, other) => other.clone(),
            };
            out.push(Step::new(passes, reason, next));
        }
        if let Some(doubts) = forwarded {
            out.extend(self.stateful(connection, phase, state, &doubts));
        }
        out
    }

    /// The stateless engine: what it decides, and, where it may hand the packet on, with which doubts. Each packet
    /// counts alone.
    fn stateless(&self, connection: &Connection, phase: Phase) -> (Vec<(bool, Reason)>, Option<Vec<Doubt>>) {
        let packet = Packet::of(connection, phase);
        let (mut decided, mut forwarded, mut doubts) = (Vec::new(), None, Vec::new());
        for (at, rule) in self.stateless.iter().enumerate() {
            let holds = rule.matches(&packet, at);
            if let Holds::No = holds {
                continue;
            }
            let certain = matches!(holds, Holds::Yes);
            let supposed = with(&doubts, holds);
            stateless_action(rule.action, Decider::Stateless(at), &supposed, &mut decided, &mut forwarded);
            if certain {
                return (decided, forwarded);
            }
            doubts = supposed;
        }
        let default = (self.stateless_default, Decider::StatelessDefault);
        stateless_action(default.0, default.1, &doubts, &mut decided, &mut forwarded);
        (decided, forwarded)
    }

    /// The stateful engine.
    fn stateful(&self, connection: &Connection, phase: Phase, state: &State, doubts: &[Doubt]) -> Vec<Step> {
        let mut packet = Packet::of(connection, phase);
        match state {
            State::Passed(reason) => return vec![Step::new(true, reason.clone(), state.clone())],
            State::Missed if connection.protocol == TCP => {
                let mut out = Vec::new();
                let reason = |more: Option<UnknownId>| {
                    let more = more.map_or(Holds::Yes, |unknown| Holds::Perhaps(Doubt::Unknown(unknown)));
                    Reason { decider: Decider::Midstream, doubts: with(doubts, more) }
                };
                match self.midstream {
                    Midstream::Drop => {
                        let reason = reason(None);
                        return vec![Step::new(false, reason.clone(), State::Ended(reason))];
                    }
                    Midstream::Unknown(unknown) => {
                        let reason = reason(Some(unknown));
                        out.push(Step::new(false, reason.clone(), State::Ended(reason)));
                    }
                    Midstream::Continue => {}
                }
                packet.established = false;
                packet.data = false;
                packet.first = true;
                out.extend(self.rules(&packet, state, doubts));
                return out;
            }
            // Without TCP's numbers, the first packet that it sees opens a connection of its own.
            State::Missed => {
                packet.established = false;
                packet.towards = Towards::Server;
                packet.first = true;
            }
            State::Follows | State::Ended(_) => {}
        }
        self.rules(&packet, state, doubts)
    }

    /// The stateful rules in order, then the default actions.
    fn rules(&self, packet: &Packet, state: &State, doubts: &[Doubt]) -> Vec<Step> {
        let (mut out, mut doubts) = (Vec::new(), doubts.to_vec());
        for (at, rule) in self.stateful.iter().enumerate() {
            let holds = rule.matches(packet, at);
            if let Holds::No = holds {
                continue;
            }
            let certain = matches!(holds, Holds::Yes);
            let supposed = with(&doubts, holds);
            let reason = Reason { decider: Decider::Stateful(at), doubts: supposed.clone() };
            let whole = rule.scope != Scope::Packet;
            match rule.action {
                StatefulAction::Alert => continue,
                StatefulAction::Pass => out.push(Step::by_rule(true, reason, whole, packet, state)),
                StatefulAction::Drop | StatefulAction::Reject => {
                    out.push(Step::by_rule(false, reason, whole, packet, state));
                }
                // It passes, drops, or only alerts and the next rules decide.
                StatefulAction::Unknown(unknown) => {
                    let doubts_here = with(&supposed, Holds::Perhaps(Doubt::Unknown(unknown)));
                    let reason = Reason { decider: Decider::Stateful(at), doubts: doubts_here.clone() };
                    out.push(Step::by_rule(true, reason.clone(), whole, packet, state));
                    out.push(Step::by_rule(false, reason, whole, packet, state));
                    doubts = doubts_here;
                    continue;
                }
            }
            if certain {
                return out;
            }
            doubts = supposed;
        }
        let dropping = self.stateful_defaults.iter().find(|default| default.drops(packet));
        let (passes, decider) = match dropping {
            Some(default) => (false, Decider::StatefulDefault(*default)),
            None => (true, Decider::NothingDropped),
        };
        let whole = dropping == Some(&StatefulDefault::DropStrict);
        out.push(Step::by_rule(passes, Reason { decider, doubts }, whole, packet, state));
        out
    }
}

/// A stateless rule's action: adds what it decides, or that it hands on.
fn stateless_action(
    action: StatelessAction,
    decider: Decider,
    doubts: &[Doubt],
    decided: &mut Vec<(bool, Reason)>,
    forwarded: &mut Option<Vec<Doubt>>,
) {
    let unknown = match action {
        StatelessAction::Unknown(unknown) => Holds::Perhaps(Doubt::Unknown(unknown)),
        _ => Holds::Yes,
    };
    let reason = Reason { decider, doubts: with(doubts, unknown) };
    let may = |wanted: StatelessAction| action == wanted || matches!(action, StatelessAction::Unknown(_));
    if may(StatelessAction::Forward) {
        let fewer = forwarded.as_ref().is_none_or(|known| known.len() > reason.doubts.len());
        if fewer {
            *forwarded = Some(reason.doubts.clone());
        }
    }
    for (wanted, passes) in [(StatelessAction::Pass, true), (StatelessAction::Drop, false)] {
        if may(wanted) {
            decided.push((passes, reason.clone()));
        }
    }
}

/// The doubts with one more, where there is one.
fn with(doubts: &[Doubt], holds: Holds) -> Vec<Doubt> {
    let mut out = doubts.to_vec();
    if let Holds::Perhaps(doubt) = holds
        && out.len() < MOST_DOUBTS
        && !out.contains(&doubt)
    {
        out.push(doubt);
    }
    out
}

/// One thing that may happen to a packet.
struct Step {
    passes: bool,
    reason: Reason,
    next: State,
}

impl Step {
    fn new(passes: bool, reason: Reason, next: State) -> Self {
        Self { passes, reason, next }
    }

    /// What a stateful rule or default does; `whole`: to the connection, not only to the packet.
    fn by_rule(passes: bool, reason: Reason, whole: bool, packet: &Packet, state: &State) -> Self {
        let next = match (passes, whole) {
            (true, true) => State::Passed(reason.clone()),
            (true, false) => state.clone(),
            // Without its first packets there is no connection.
            (false, whole) if whole || packet.first => State::Ended(reason.clone()),
            (false, _) => state.clone(),
        };
        Self { passes, reason, next }
    }
}

const TCP: u8 = 6;
const UDP: u8 = 17;
/// TCP flags as in the header.
const SYN: u8 = 2;
const PSH: u8 = 8;
const ACK: u8 = 16;

/// A packet as rules see it.
struct Packet {
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    source_port: u16,
    destination_port: u16,
    towards: Towards,
    established: bool,
    /// The first in its direction.
    first: bool,
    /// Whether it may carry data.
    data: bool,
    /// The flags it may have, where it is TCP.
    flags: &'static [u8],
}

impl Packet {
    fn of(connection: &Connection, phase: Phase) -> Self {
        let Connection { client, server, protocol, client_port, server_port } = *connection;
        let forward = phase.forward();
        let (source, destination) = if forward { (client, server) } else { (server, client) };
        let (source_port, destination_port) =
            if forward { (client_port, server_port) } else { (server_port, client_port) };
        let tcp = protocol == TCP;
        let begins = matches!(phase, Phase::Opening | Phase::OpeningReply);
        Self {
            source,
            destination,
            protocol,
            source_port,
            destination_port,
            towards: if forward { Towards::Server } else { Towards::Client },
            established: if tcp { !begins } else { phase != Phase::Opening },
            first: begins,
            data: !(tcp && begins),
            flags: match phase {
                Phase::Opening => &[SYN],
                Phase::OpeningReply => &[SYN | ACK],
                Phase::Data | Phase::DataReply => &[ACK, PSH | ACK],
            },
        }
    }
}

/// Whether something holds of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Yes,
    No,
    Perhaps(Doubt),
}

impl Holds {
    fn when(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }

    /// Both: "no" of either decides, then a doubt of either.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, other) => other,
            (doubt, _) => doubt,
        }
    }

    /// Either: "yes" of either decides, then a doubt of either.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::No, other) => other,
            (doubt, _) => doubt,
        }
    }

    fn doubted(doubt: Option<UnknownId>) -> Self {
        doubt.map_or(Self::Yes, |unknown| Self::Perhaps(Doubt::Unknown(unknown)))
    }
}

fn in_addresses(addresses: &Addresses, address: IpAddr) -> Holds {
    match addresses {
        Addresses::Known(set) => Holds::when(set.contains(address)),
        Addresses::AtLeast(set, unknown) => {
            Holds::when(set.contains(address)).or(Holds::Perhaps(Doubt::Unknown(*unknown)))
        }
    }
}

fn in_protocols(protocols: &[Protocols], protocol: u8) -> Holds {
    protocols.iter().fold(Holds::No, |so_far, one| {
        so_far.or(match one {
            Protocols::All => Holds::Yes,
            Protocols::One(number) => Holds::when(*number == protocol),
            Protocols::Unknown(unknown) => Holds::Perhaps(Doubt::Unknown(*unknown)),
        })
    })
}

fn in_ports(ports: &[PortRange], protocol: u8, port: u16) -> Holds {
    let any = ports.is_empty() || ports.contains(&PortRange::ALL);
    Holds::when(any || (matches!(protocol, TCP | UDP) && ports.iter().any(|range| range.contains(port))))
}

impl StatelessRule {
    fn matches(&self, packet: &Packet, at: usize) -> Holds {
        let protocols = if self.protocols.is_empty() {
            Holds::Yes
        } else {
            in_protocols(&self.protocols, packet.protocol)
        };
        in_addresses(&self.source, packet.source)
            .and(in_addresses(&self.destination, packet.destination))
            .and(protocols)
            .and(in_ports(&self.source_ports, packet.protocol, packet.source_port))
            .and(in_ports(&self.destination_ports, packet.protocol, packet.destination_port))
            .and(self.flags_match(packet, at))
            .and(Holds::doubted(self.doubt))
    }

    fn flags_match(&self, packet: &Packet, at: usize) -> Holds {
        if self.flags.is_empty() {
            return Holds::Yes;
        }
        if packet.protocol != TCP {
            return Holds::No;
        }
        let fits = |flags: u8| self.flags.iter().any(|wanted: &Tcp| flags & wanted.masks == wanted.flags);
        match packet.flags.iter().filter(|flags| fits(**flags)).count() {
            0 => Holds::No,
            all if all == packet.flags.len() => Holds::Yes,
            _ => Holds::Perhaps(Doubt::Flags(at)),
        }
    }
}

impl StatefulRule {
    fn matches(&self, packet: &Packet, at: usize) -> Holds {
        if self.scope == Scope::FirstPackets && !packet.first {
            return Holds::No;
        }
        let there = self.between(packet, false);
        let header = if self.both_ways { there.or(self.between(packet, true)) } else { there };
        let established = self.flow.established.is_none_or(|wanted| wanted == packet.established);
        let towards = self.flow.towards.is_none_or(|wanted| wanted == packet.towards);
        let application = match &self.application {
            None => Holds::Yes,
            Some(application) if application.needs_data && !packet.data => Holds::No,
            Some(_) => Holds::Perhaps(Doubt::Application(at)),
        };
        in_protocols(&self.protocols, packet.protocol)
            .and(header)
            .and(Holds::when(established && towards))
            .and(Holds::doubted(self.doubt))
            .and(application)
    }

    /// Addresses and ports, as written or exchanged.
    fn between(&self, packet: &Packet, exchanged: bool) -> Holds {
        let (from, to) = if exchanged {
            ((packet.destination, packet.destination_port), (packet.source, packet.source_port))
        } else {
            ((packet.source, packet.source_port), (packet.destination, packet.destination_port))
        };
        in_addresses(&self.source, from.0)
            .and(in_addresses(&self.destination, to.0))
            .and(in_ports(&self.source_ports, packet.protocol, from.1))
            .and(in_ports(&self.destination_ports, packet.protocol, to.1))
    }
}

impl StatefulDefault {
    /// Whether it drops a packet that no rule decided about.
    fn drops(self, packet: &Packet) -> bool {
        let tcp = packet.protocol == TCP;
        match self {
            Self::DropStrict => true,
            Self::DropEstablished | Self::DropEstablishedApplicationToServer => {
                !tcp || (packet.established && packet.towards == Towards::Server)
            }
            Self::DropEstablishedApplication => !tcp || packet.established,
            Self::Alert => false,
        }
    }
}
