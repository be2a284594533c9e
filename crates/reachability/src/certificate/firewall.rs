//! What a network firewall lets through, as the checker reads its policy: a flow's first packet, its first answer, and what
//! the endpoint remembers between them.
//!
//! In: flows at an endpoint. Out: those that may pass it, there or back. Always: what a rule asks of the application layer
//! never stops anything. Source: AWS Network Firewall Developer Guide, "Stateless and stateful rules engines", "Strict
//! evaluation order", "Stream exception policy"; Suricata User Guide, "Flow Keywords".

use super::filters::{TCP, UDP, Way, addressed, ports, protocol};
use super::sets::{Field, Packets, Values};
use crate::model::{
    FirewallPolicy, Midstream, PortRange, Protocols, Scope, StatefulAction, StatefulDefault, StatefulRule,
    StatelessAction, StatelessRule, Towards,
};

/// A packet's place in its flow.
#[derive(Clone, Copy)]
struct Moment {
    way: Way,
    opens: bool,
}

const OPENING: Moment = Moment { way: Way::There, opens: true };
const ANSWER: Moment = Moment { way: Way::Back, opens: true };
const DATA: Moment = Moment { way: Way::There, opens: false };
const DATA_BACK: Moment = Moment { way: Way::Back, opens: false };

/// What the stateless engine does with packets.
struct Sorted {
    pass: Packets,
    forward: Packets,
}

/// What the stateful engine lets through: with the rest of the connection, or alone.
struct Judged {
    whole: Packets,
    alone: Packets,
}

/// Flows whose first packet passes.
pub(super) fn opens(policy: &FirewallPolicy, set: &Packets) -> Packets {
    if policy.unknown.is_some() {
        return set.clone();
    }
    let sorted = stateless(policy, set, OPENING);
    let judged = stateful(policy, &sorted.forward, OPENING, Way::There);
    sorted.pass.or(judged.whole).or(judged.alone)
}

/// Flows of a set whose answers pass an endpoint that has `seen` some flows on the way there.
pub(super) fn answers(policy: &FirewallPolicy, seen: &Packets, set: &Packets) -> Packets {
    if policy.unknown.is_some() {
        return set.clone();
    }
    remembered(policy, &set.and(seen)).or(unseen(policy, set))
}

fn remembered(policy: &FirewallPolicy, set: &Packets) -> Packets {
    let first = stateless(policy, set, OPENING);
    let judged = stateful(policy, &first.forward, OPENING, Way::There);
    let followed = judged.whole.clone().or(judged.alone);
    let opened = first.pass.clone().or(followed.clone());
    let answer = stateless(policy, &opened, ANSWER);
    let forward = |set: &Packets| stateless(policy, set, ANSWER).forward;
    let again = stateful(policy, &forward(&followed), ANSWER, Way::Back);
    let missed = stranger(policy, forward(&first.pass));
    answer.pass.or(forward(&judged.whole)).or(again.whole).or(again.alone).or(missed)
}

/// Answers whose flow the endpoint has not seen.
fn unseen(policy: &FirewallPolicy, set: &Packets) -> Packets {
    let answer = stateless(policy, set, ANSWER);
    let both = stateless(policy, &answer.pass, DATA_BACK).pass;
    let there = stateless(policy, &both, OPENING);
    let around = stateless(policy, &there.pass, DATA).pass;
    let whole = stateful(policy, &there.forward, OPENING, Way::There).whole;
    let begins = stateful(policy, &stranger(policy, answer.forward), OPENING, Way::Back);
    around.or(whole).or(stranger(policy, both)).or(begins.whole).or(begins.alone)
}

/// Packets that may count for something without what came before: of TCP none, unless the policy says so.
fn stranger(policy: &FirewallPolicy, set: Packets) -> Packets {
    if policy.midstream == Midstream::Drop { without_tcp(&set) } else { set }
}

fn tcp(set: &Packets) -> Packets {
    set.among(Field::Protocol, &protocol(TCP))
}

fn without_tcp(set: &Packets) -> Packets {
    set.among(Field::Protocol, &Values::numbers(0, 255).minus(&protocol(TCP)))
}

fn stateless(policy: &FirewallPolicy, set: &Packets, moment: Moment) -> Sorted {
    let mut out = Sorted { pass: Packets::default(), forward: Packets::default() };
    let mut left = set.clone();
    for rule in &policy.stateless {
        if left.is_empty() {
            break;
        }
        let may = stateless_match(rule, &left, moment, false);
        let must = stateless_match(rule, &left, moment, true);
        sort(rule.action, may, &mut out);
        left = left.minus(&must);
    }
    sort(policy.stateless_default, left, &mut out);
    out
}

fn sort(action: StatelessAction, set: Packets, out: &mut Sorted) {
    if matches!(action, StatelessAction::Pass | StatelessAction::Unknown(_)) {
        out.pass.0.extend(set.0.iter().cloned());
    }
    if matches!(action, StatelessAction::Forward | StatelessAction::Unknown(_)) {
        out.forward.0.extend(set.0);
    }
}

fn stateless_match(rule: &StatelessRule, set: &Packets, moment: Moment, sure: bool) -> Packets {
    if sure && rule.doubt.is_some() {
        return Packets::default();
    }
    let protocols = if rule.protocols.is_empty() { &[Protocols::All] } else { rule.protocols.as_slice() };
    let mut set = header(
        set,
        (moment.way.from(), &rule.source, &rule.source_ports),
        (moment.way.to(), &rule.destination, &rule.destination_ports),
        protocols,
        sure,
    );
    if !rule.flags.is_empty() {
        let flags: &[u8] = match (moment.opens, moment.way) {
            (true, Way::There) => &[0b10],
            (true, Way::Back) => &[0b1_0010],
            (false, _) => &[0b1_0000, 0b1_1000],
        };
        let fits = |flags: &&u8| rule.flags.iter().any(|wanted| **flags & wanted.masks == wanted.flags);
        let fitting = flags.iter().filter(fits).count();
        let matches = if sure { fitting == flags.len() } else { fitting > 0 };
        set = if matches { tcp(&set) } else { Packets::default() };
    }
    set
}

/// Addresses, ports and protocols of a rule; where ports are asked for, only what has ports.
fn header(
    set: &Packets,
    (from, sources, source_ports): (Field, &crate::model::Addresses, &[PortRange]),
    (to, destinations, destination_ports): (Field, &crate::model::Addresses, &[PortRange]),
    protocols: &[Protocols],
    sure: bool,
) -> Packets {
    let port_of = |field: Field| if field == Field::To { Field::Port } else { Field::SourcePort };
    let all_ports = Values::numbers(0, 65_535);
    let mut set = addressed(set, from, sources, sure);
    set = addressed(&set, to, destinations, sure);
    for (field, list) in [(from, source_ports), (to, destination_ports)] {
        let wanted = Values::of(list.iter().flat_map(|range| ports(*range).intervals().to_vec()));
        if !list.is_empty() && wanted != all_ports {
            let with_ports = protocol(TCP).or(&protocol(UDP));
            set = set.among(Field::Protocol, &with_ports).among(port_of(field), &wanted);
        }
    }
    if protocols.contains(&Protocols::All) {
        return set;
    }
    let unknown = protocols.iter().any(|one| matches!(one, Protocols::Unknown(_)));
    if unknown && !sure {
        return set;
    }
    let one = |protocols: &Protocols| match protocols {
        Protocols::One(number) => protocol(*number).intervals().to_vec(),
        _ => Vec::new(),
    };
    set.among(Field::Protocol, &Values::of(protocols.iter().flat_map(one)))
}

/// The stateful rules in order, then the defaults. `way` is the packet's; an answer that the engine takes for a beginning
/// comes back and opens.
fn stateful(policy: &FirewallPolicy, set: &Packets, moment: Moment, way: Way) -> Judged {
    let mut out = Judged { whole: Packets::default(), alone: Packets::default() };
    let mut left = set.clone();
    // Passes that follow each other have no order.
    let mut decided = Packets::default();
    for rule in policy.stateful.iter().filter(|rule| rule.action != StatefulAction::Alert) {
        if left.is_empty() {
            return out;
        }
        let may = stateful_match(rule, &left, moment, way, false);
        if may.is_empty() {
            continue;
        }
        match rule.action {
            StatefulAction::Pass | StatefulAction::Unknown(_) => {
                if rule.action == StatefulAction::Pass {
                    decided = decided.or(stateful_match(rule, &left, moment, way, true));
                }
                let side = if rule.scope == Scope::Packet { &mut out.alone } else { &mut out.whole };
                side.0.extend(may.0);
            }
            StatefulAction::Drop | StatefulAction::Reject | StatefulAction::Alert => {
                left = left.minus(&std::mem::take(&mut decided));
                left = left.minus(&stateful_match(rule, &left, moment, way, true));
            }
        }
    }
    let rest = defaults(policy, left.minus(&decided), moment);
    out.alone = out.alone.or(rest);
    out
}

/// What the default actions leave.
fn defaults(policy: &FirewallPolicy, mut set: Packets, moment: Moment) -> Packets {
    for default in &policy.stateful_defaults {
        let to_server = !moment.opens && moment.way == Way::There;
        let drops_tcp = match default {
            StatefulDefault::Alert => continue,
            StatefulDefault::DropStrict => return Packets::default(),
            StatefulDefault::DropEstablished | StatefulDefault::DropEstablishedApplicationToServer => {
                to_server
            }
            StatefulDefault::DropEstablishedApplication => !moment.opens,
        };
        set = if drops_tcp { Packets::default() } else { tcp(&set) };
    }
    set
}

fn stateful_match(rule: &StatefulRule, set: &Packets, moment: Moment, way: Way, sure: bool) -> Packets {
    let towards = if moment.way == Way::There { Towards::Server } else { Towards::Client };
    let unseen = rule.scope == Scope::FirstPackets && !moment.opens;
    let elsewhere = rule.flow.towards.is_some_and(|wanted| wanted != towards);
    if unseen || elsewhere || (sure && (rule.application.is_some() || rule.doubt.is_some())) {
        return Packets::default();
    }
    let (ahead, behind) = (way.from(), way.to());
    let matched = |from: Field, to: Field| {
        let source = (from, &rule.source, rule.source_ports.as_slice());
        let destination = (to, &rule.destination, rule.destination_ports.as_slice());
        header(set, source, destination, &rule.protocols, sure)
    };
    let mut out = matched(ahead, behind);
    if rule.both_ways {
        out = out.or(matched(behind, ahead));
    }
    let first = moment.opens && moment.way == Way::There;
    if let Some(wanted) = rule.flow.established {
        out = kept(&out, moment.opens != wanted, first != wanted);
    }
    if rule.application.as_ref().is_some_and(|asks| asks.needs_data) {
        out = kept(&out, !moment.opens, true);
    }
    out
}

/// Of some packets those of TCP, those of other protocols, both or none.
fn kept(set: &Packets, of_tcp: bool, of_others: bool) -> Packets {
    let mut out = Packets::default();
    if of_tcp {
        out = out.or(tcp(set));
    }
    if of_others {
        out = out.or(without_tcp(set));
    }
    out
}
