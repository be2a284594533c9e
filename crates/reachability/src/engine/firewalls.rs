//! What a network firewall lets pass, as sets of packets.
//!
//! In: a policy. Out: [`Passes`], one for each way. Always: what a rule asks of the application layer never helps to stop a
//! packet that may pass, and never helps to pass one that must. A flow is there where its first packet passes, and
//! certainly answered where its data passes both ways: where the default action `drop established` lets TCP set up a
//! connection which then carries nothing, it depends.
//!
//! Source: AWS Network Firewall Developer Guide, "Stateless and stateful rules engines", "Evaluation order for stateful
//! rule groups", "Strict evaluation order"; Suricata User Guide, "Action-order".

use super::atoms::AtomSet;
use super::bdd::{Set, Store};
use super::filters::Doubt;
use super::packets::{Between, DESTINATION, PORT, SOURCE, SOURCE_PORT, Space, TCP, UDP, Way};
use crate::model::{
    Firewall, FirewallId, FirewallPolicy, Midstream, PortRange, Protocols, Scope, StatefulAction,
    StatefulDefault, StatefulRule, StatelessAction, StatelessRule, Towards, UnknownId,
};

/// What a firewall lets pass.
#[derive(Debug, Clone)]
pub struct Passes {
    /// On the way there: the packet that opens the flow.
    pub there: Between,
    /// Flows that pass both ways at an endpoint that sees both ways: perhaps where they can be opened, certainly where a
    /// connection also carries data.
    pub by_state: Between,
    /// Connections that the stateful engine follows: of these it has to see the way back too.
    pub followed: Between,
    /// Flows whose answers pass at an endpoint that has not seen the way there.
    pub anyway: Between,
    /// Why it is not certain.
    pub doubts: Vec<(Doubt, Set)>,
}

/// A packet by its place in a flow: which way, and whether the flow stands. The first each way open it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Phase {
    way: Way,
    opens: bool,
}

const PHASES: [Phase; 4] = [
    Phase { way: Way::There, opens: true },
    Phase { way: Way::Back, opens: true },
    Phase { way: Way::There, opens: false },
    Phase { way: Way::Back, opens: false },
];

impl Phase {
    /// TCP flags that a packet of this phase may have.
    fn flags(self) -> &'static [u8] {
        match (self.opens, self.way) {
            (true, Way::There) => &[2],
            (true, Way::Back) => &[18],
            (false, _) => &[16, 24],
        }
    }
}

const NOTHING: Between = Between { must: Set::EMPTY, may: Set::EMPTY };

/// What the stateless engine does.
#[derive(Debug, Clone, Copy)]
struct Stateless {
    pass: Between,
    forward: Between,
}

/// What the stateful engine lets pass, by what the decision is about.
#[derive(Debug, Clone, Copy)]
struct Stateful {
    /// The packet and the rest of its connection.
    whole: Between,
    /// Only the packet.
    packet: Between,
}

/// Everything a policy says.
pub fn passes(space: &mut Space, id: FirewallId, firewall: &Firewall) -> Passes {
    let tcp = space.protocol(TCP);
    let open = |unknown: UnknownId| {
        let all = Between { must: Set::EMPTY, may: Set::FULL };
        let tcp = Between { must: Set::EMPTY, may: tcp };
        Passes {
            there: all,
            by_state: all,
            followed: tcp,
            anyway: all,
            doubts: vec![(Doubt::Unknown(unknown), Set::FULL)],
        }
    };
    let policy = match &firewall.policy {
        Ok(policy) => policy,
        Err(unknown) => return open(*unknown),
    };
    if let Some(unknown) = policy.unknown {
        return open(unknown);
    }
    let mut doubts = Vec::new();
    let story = Story::of(space, id, policy, &mut doubts);
    let anyway = story.unseen(space, id, policy, &mut doubts);
    let followed = match story.stateless.first() {
        Some(first) => both(&mut space.store, first.forward, Between { must: tcp, may: tcp }, Store::and),
        None => NOTHING,
    };
    let doubtful = space.store.minus(story.all.may, story.all.must);
    doubts.push((Doubt::Handshake(id), doubtful));
    Passes { there: story.opening, by_state: story.all, followed, anyway, doubts }
}

/// A flow told packet by packet at one endpoint.
struct Story {
    opening: Between,
    all: Between,
    /// Taken whole by the stateful engine when it opened.
    whole: Between,
    stateless: Vec<Stateless>,
}

impl Story {
    fn of(
        space: &mut Space,
        id: FirewallId,
        policy: &FirewallPolicy,
        doubts: &mut Vec<(Doubt, Set)>,
    ) -> Self {
        let full = Between { must: Set::FULL, may: Set::FULL };
        let (mut follows, mut passed, mut missed) = (full, NOTHING, Set::EMPTY);
        let mut story = Self { opening: full, all: full, whole: NOTHING, stateless: Vec::new() };
        let tcp = space.protocol(TCP);
        for (at, phase) in PHASES.into_iter().enumerate() {
            let stateless = stateless(space, id, policy, phase, doubts);
            let rules = stateful(space, id, policy, phase, phase.way, doubts);
            let store = &mut space.store;
            let any = both(store, rules.whole, rules.packet, Store::or);
            let judged = both(store, follows, any, Store::and);
            let known = both(store, passed, judged, Store::or);
            let by_rules = both(store, stateless.forward, known, Store::and);
            let mut now = both(store, stateless.pass, by_rules, Store::or);
            // What went around the stateful engine before is the middle of a connection to it.
            let middle = match policy.midstream {
                Midstream::Drop => store.minus(missed, tcp),
                Midstream::Continue => missed,
                Midstream::Unknown(unknown) => {
                    doubts.push((Doubt::Unknown(unknown), missed));
                    missed
                }
            };
            let middle = store.and(middle, stateless.forward.may);
            now.may = store.or(now.may, middle);
            missed = store.or(missed, stateless.pass.may);
            let taken = both(store, follows, rules.whole, Store::and);
            let taken = both(store, taken, stateless.forward, Store::and);
            passed = both(store, passed, taken, Store::or);
            let seen = both(store, judged, stateless.forward, Store::and);
            follows = seen;
            // Datagrams and pings are one packet each way; a connection that opens and carries nothing is half of one.
            let others = store.minus(Set::FULL, tcp);
            let enough = Between { must: store.or(now.must, others), may: Set::FULL };
            let counts = if phase.opens { now } else { enough };
            story.all = both(store, story.all, counts, Store::and);
            if at == 0 {
                story.opening = now;
                story.whole = taken;
            }
            story.stateless.push(stateless);
        }
        story
    }

    /// Answers at an endpoint that has not seen the way there: those that the stateless engine passes, where the rest of
    /// the flow does not need the stateful one; of protocols without connections those that may open a flow.
    fn unseen(
        &self,
        space: &mut Space,
        id: FirewallId,
        policy: &FirewallPolicy,
        doubts: &mut Vec<(Doubt, Set)>,
    ) -> Between {
        let opens = stateful(space, id, policy, Phase { way: Way::There, opens: true }, Way::Back, doubts);
        let tcp = space.protocol(TCP);
        let store = &mut space.store;
        let [there, back, there_after, back_after] = self.stateless.as_slice() else { return NOTHING };
        let passes = both(store, back.pass, back_after.pass, Store::and);
        let stateless_there = both(store, there.pass, there_after.pass, Store::and);
        let alone = both(store, stateless_there, self.whole, Store::or);
        let portless = match policy.midstream {
            Midstream::Drop => store.minus(Set::FULL, tcp),
            _ => Set::FULL,
        };
        let alone = Between { must: alone.must, may: store.or(alone.may, portless) };
        let passes = both(store, passes, alone, Store::and);
        let new = store.or(opens.whole.may, opens.packet.may);
        let new = store.and(new, portless);
        let new = store.and(new, back.forward.may);
        Between { must: passes.must, may: store.or(passes.may, new) }
    }
}

fn both(
    store: &mut Store,
    left: Between,
    right: Between,
    operation: fn(&mut Store, Set, Set) -> Set,
) -> Between {
    let must = operation(store, left.must, right.must);
    Between { must, may: operation(store, left.may, right.may) }
}

fn stateless(
    space: &mut Space,
    id: FirewallId,
    policy: &FirewallPolicy,
    phase: Phase,
    doubts: &mut Vec<(Doubt, Set)>,
) -> Stateless {
    let mut out = Stateless { pass: NOTHING, forward: NOTHING };
    // Those that no earlier rule takes for certain, and those that none may take.
    let (mut left, mut sure) = (Set::FULL, Set::FULL);
    for (at, rule) in (0_u32..).zip(&policy.stateless) {
        let mut matches = stateless_match(space, rule, phase.way);
        if !rule.flags.is_empty() {
            let tcp = space.protocol(TCP);
            let fits = |flags: &&u8| rule.flags.iter().any(|wanted| **flags & wanted.masks == wanted.flags);
            let fitting = phase.flags().iter().filter(fits).count();
            let may = if fitting == 0 { Set::EMPTY } else { tcp };
            let must = if fitting == phase.flags().len() { tcp } else { Set::EMPTY };
            matches.may = space.store.and(matches.may, may);
            matches.must = space.store.and(matches.must, must);
            if may != must {
                doubts.push((Doubt::Flags(id, at), matches.may));
            }
        }
        if let Some(unknown) = rule.doubt {
            matches.must = Set::EMPTY;
            doubts.push((Doubt::Unknown(unknown), matches.may));
        }
        let may = space.store.and(left, matches.may);
        let must = space.store.and(sure, matches.must);
        take(space, rule.action, may, must, &mut out, doubts);
        left = space.store.minus(left, matches.must);
        sure = space.store.minus(sure, matches.may);
    }
    take(space, policy.stateless_default, left, sure, &mut out, doubts);
    out
}

fn take(
    space: &mut Space,
    action: StatelessAction,
    may: Set,
    must: Set,
    out: &mut Stateless,
    doubts: &mut Vec<(Doubt, Set)>,
) {
    let store = &mut space.store;
    let taken = Between { must, may };
    match action {
        StatelessAction::Pass => out.pass = both(store, out.pass, taken, Store::or),
        StatelessAction::Forward => out.forward = both(store, out.forward, taken, Store::or),
        StatelessAction::Drop => {}
        StatelessAction::Unknown(unknown) => {
            out.pass.may = store.or(out.pass.may, may);
            out.forward.may = store.or(out.forward.may, may);
            doubts.push((Doubt::Unknown(unknown), may));
        }
    }
}

/// The stateful rules in order, then the default actions. `way` says which way the packet goes; for an answer that the
/// engine takes for a beginning, [`Way::Back`] with the phase of an opening.
fn stateful(
    space: &mut Space,
    id: FirewallId,
    policy: &FirewallPolicy,
    phase: Phase,
    way: Way,
    doubts: &mut Vec<(Doubt, Set)>,
) -> Stateful {
    let mut out = Stateful { whole: NOTHING, packet: NOTHING };
    let (mut left, mut safe) = (Set::FULL, Set::FULL);
    let mut pending = Pending::default();
    for (at, rule) in (0_u32..).zip(&policy.stateful) {
        if rule.action == StatefulAction::Alert {
            continue;
        }
        let matches = stateful_match(space, rule, phase, way);
        if matches.may.is_empty() {
            continue;
        }
        if rule.application.is_some() {
            doubts.push((Doubt::Application(id, at), matches.may));
        }
        let named = rule.doubt.or(match rule.action {
            StatefulAction::Unknown(unknown) => Some(unknown),
            _ => None,
        });
        if let Some(unknown) = named {
            doubts.push((Doubt::Unknown(unknown), matches.may));
        }
        match rule.action {
            // Passes that follow each other are one: their union is taken at once.
            StatefulAction::Pass => pending.push(rule.scope != Scope::Packet, matches),
            StatefulAction::Drop | StatefulAction::Reject | StatefulAction::Alert => {
                pending.settle(space, &mut out, &mut left, safe);
                left = space.store.minus(left, matches.must);
                safe = space.store.minus(safe, matches.may);
            }
            StatefulAction::Unknown(_) => {
                pending.settle(space, &mut out, &mut left, safe);
                let reached = space.store.and(left, matches.may);
                let side = if rule.scope == Scope::Packet { &mut out.packet } else { &mut out.whole };
                side.may = space.store.or(side.may, reached);
                safe = space.store.minus(safe, matches.may);
            }
        }
    }
    pending.settle(space, &mut out, &mut left, safe);
    let dropped = default_drops(space, policy, phase);
    let rest = Between { must: space.store.minus(safe, dropped), may: space.store.minus(left, dropped) };
    out.packet = both(&mut space.store, out.packet, rest, Store::or);
    out
}

/// What the default actions drop of what no rule decides.
fn default_drops(space: &mut Space, policy: &FirewallPolicy, phase: Phase) -> Set {
    let tcp = space.protocol(TCP);
    let others = space.store.not(tcp);
    let mut dropped = Vec::new();
    for default in &policy.stateful_defaults {
        match default {
            StatefulDefault::DropStrict => dropped.push(Set::FULL),
            StatefulDefault::DropEstablished | StatefulDefault::DropEstablishedApplicationToServer => {
                dropped.push(others);
                if !phase.opens && phase.way == Way::There {
                    dropped.push(tcp);
                }
            }
            StatefulDefault::DropEstablishedApplication => {
                dropped.push(others);
                if !phase.opens {
                    dropped.push(tcp);
                }
            }
            StatefulDefault::Alert => {}
        }
    }
    space.store.any(&dropped)
}

/// Rules that pass, not yet taken.
#[derive(Default)]
struct Pending {
    whole: Vec<Between>,
    packet: Vec<Between>,
}

impl Pending {
    fn push(&mut self, whole: bool, matches: Between) {
        if whole { self.whole.push(matches) } else { self.packet.push(matches) }
    }

    /// A packet that both kinds match may be taken by either, so that only what is not taken whole counts as sure to
    /// be followed further.
    fn settle(&mut self, space: &mut Space, out: &mut Stateful, left: &mut Set, safe: Set) {
        let union = |space: &mut Space, list: &mut Vec<Between>| {
            let may: Vec<Set> = list.iter().map(|matches| matches.may).collect();
            let must: Vec<Set> = list.drain(..).map(|matches| matches.must).collect();
            Between { must: space.store.any(&must), may: space.store.any(&may) }
        };
        if self.whole.is_empty() && self.packet.is_empty() {
            return;
        }
        let (whole, packet) = (union(space, &mut self.whole), union(space, &mut self.packet));
        let store = &mut space.store;
        let reached = Between { must: safe, may: *left };
        let mut whole_now = both(store, reached, whole, Store::and);
        let packet_now = both(store, reached, packet, Store::and);
        whole_now.must = store.minus(whole_now.must, packet.may);
        let either = store.or(whole.must, packet.must);
        let sure = store.and(safe, either);
        out.whole = both(store, out.whole, whole_now, Store::or);
        out.packet = both(store, out.packet, packet_now, Store::or);
        out.packet.must = store.or(out.packet.must, sure);
        *left = store.minus(*left, either);
    }
}

/// Packets that a stateless rule matches, flags aside.
pub fn stateless_match(space: &mut Space, rule: &StatelessRule, way: Way) -> Between {
    let (source_port, port) = match way {
        Way::There => (SOURCE_PORT, PORT),
        Way::Back => (PORT, SOURCE_PORT),
    };
    let sources = space.atoms.among(&rule.source);
    let destinations = space.atoms.among(&rule.destination);
    let from = space.ports(source_port, or_any(&rule.source_ports));
    let to = space.ports(port, or_any(&rule.destination_ports));
    let ports = space.store.and(from, to);
    let any = [Protocols::All];
    let asked = if rule.protocols.is_empty() { &any[..] } else { &rule.protocols };
    let services = protocols(space, asked, ports);
    let mut out = Between { must: Set::EMPTY, may: Set::EMPTY };
    for (must, s, d, what) in [
        (true, &sources.must, &destinations.must, services.must),
        (false, &sources.may, &destinations.may, services.may),
    ] {
        let s = space.among(way.from(), s);
        let d = space.among(way.to(), d);
        let both = space.store.and(d, s);
        let set = space.store.and(both, what);
        if must { out.must = set } else { out.may = set }
    }
    out
}

fn or_any(ports: &[PortRange]) -> &[PortRange] {
    if ports.is_empty() { &[PortRange::ALL] } else { ports }
}

/// Packets of protocols; where ports are asked for, only those that have ports.
fn protocols(space: &mut Space, protocols: &[Protocols], ports: Set) -> Between {
    let of = [(u32::from(TCP), u32::from(TCP)), (u32::from(UDP), u32::from(UDP))];
    let fits = if ports == Set::FULL {
        Set::FULL
    } else {
        let with_ports = space.store.values(super::packets::PROTOCOL, &of);
        space.store.and(with_ports, ports)
    };
    let (mut must, mut may) = (Vec::new(), Vec::new());
    for protocol in protocols {
        match protocol {
            Protocols::All => {
                must.push(Set::FULL);
                may.push(Set::FULL);
            }
            Protocols::One(one) => {
                let set = space.protocol(*one);
                must.push(set);
                may.push(set);
            }
            Protocols::Unknown(_) => may.push(Set::FULL),
        }
    }
    let (must, may) = (space.store.any(&must), space.store.any(&may));
    Between { must: space.store.and(must, fits), may: space.store.and(may, fits) }
}

/// Flows of which a stateful rule matches the packet in a phase, with everything that is open.
fn stateful_match(space: &mut Space, rule: &StatefulRule, phase: Phase, way: Way) -> Between {
    if rule.scope == Scope::FirstPackets && !phase.opens {
        return NOTHING;
    }
    let towards = match phase.way {
        Way::There => Towards::Server,
        Way::Back => Towards::Client,
    };
    if rule.flow.towards.is_some_and(|wanted| wanted != towards) {
        return NOTHING;
    }
    let ahead = header(space, rule, way, false);
    let mut matches = if rule.both_ways {
        let turned = header(space, rule, way, true);
        both(&mut space.store, ahead, turned, Store::or)
    } else {
        ahead
    };
    let tcp = space.protocol(TCP);
    let store = &mut space.store;
    // TCP is established after its handshake, other protocols with the first answer.
    let first = phase.opens && phase.way == Way::There;
    let (tcp_is, others_are) = (!phase.opens, !first);
    for (wanted, of_tcp, of_others) in [
        (rule.flow.established, tcp_is, others_are),
        (rule.application.as_ref().filter(|asks| asks.needs_data).map(|_| true), !phase.opens, true),
    ] {
        let Some(wanted) = wanted else { continue };
        let mut fits = Set::EMPTY;
        if of_tcp == wanted {
            fits = store.or(fits, tcp);
        }
        if of_others == wanted {
            let others = store.minus(Set::FULL, tcp);
            fits = store.or(fits, others);
        }
        matches.may = store.and(matches.may, fits);
        matches.must = store.and(matches.must, fits);
    }
    if rule.application.is_some() || rule.doubt.is_some() {
        matches.must = Set::EMPTY;
    }
    matches
}

/// Flows whose packets a stateful rule's addresses, ports and protocols match, going one way; `turned`: as if source and
/// destination of the rule were exchanged.
fn header(space: &mut Space, rule: &StatefulRule, way: Way, turned: bool) -> Between {
    // With both, the packet's fields are those of the flow again.
    let straight = (way == Way::There) != turned;
    let (from, to, from_port, to_port) = if straight {
        (SOURCE, DESTINATION, SOURCE_PORT, PORT)
    } else {
        (DESTINATION, SOURCE, PORT, SOURCE_PORT)
    };
    let source_ports = space.ports(from_port, or_any(&rule.source_ports));
    let destination_ports = space.ports(to_port, or_any(&rule.destination_ports));
    let ports = space.store.and(source_ports, destination_ports);
    let services = protocols(space, &rule.protocols, ports);
    let (sources, destinations) = (space.atoms.among(&rule.source), space.atoms.among(&rule.destination));
    let pair = |space: &mut Space, s: &AtomSet, d: &AtomSet, services: Set| {
        let d = space.among(to, d);
        let s = space.among(from, s);
        let addresses = space.store.and(d, s);
        space.store.and(addresses, services)
    };
    let must = pair(space, &sources.must, &destinations.must, services.must);
    Between { must, may: pair(space, &sources.may, &destinations.may, services.may) }
}

/// Flows that a stateful rule may decide about in some phase.
pub fn stateful_rule(space: &mut Space, rule: &StatefulRule) -> Set {
    let phases: Vec<Set> =
        PHASES.iter().map(|phase| stateful_match(space, rule, *phase, phase.way).may).collect();
    space.store.any(&phases)
}

/// Flows whose first packet a stateful rule certainly matches.
pub fn opening(space: &mut Space, rule: &StatefulRule) -> Set {
    stateful_match(space, rule, PHASES[0], Way::There).must
}
