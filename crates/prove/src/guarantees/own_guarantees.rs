//! What the blueprint's author wants proved: `never`, `only … through`, `always`.
//!
//! Source: the blueprint's `guarantees`. Packets are asked of the network engine, requests of the access engine.

mod requests;

pub(crate) use requests::{belongs, home};

use reachability::query::{Ends, Flows, Verdict as Reached};

use crate::guarantees::approved_flows_only::tcp;
use crate::intent::{Act, Claim, Mode, Party};
use crate::network::{Asked, Subjected};
use crate::{Facts, Findings, Guarantee, Level, Verdict, Witness};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "own-guarantees",
    title: "the guarantees that the blueprint states hold",
    level: Level::Critical,
    page: include_str!("../../../../docs/guarantees/own-guarantees.md"),
    check,
};

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let claims = || facts.options.intent.iter().flat_map(|intent| &intent.claims);
    for claim in claims() {
        if let Act::May(verb) = &claim.act {
            requests::judge(facts, claim, verb, findings);
        }
    }
    if facts.network().interfaces.is_empty() {
        // Nobody is there who could reach anybody: what must be false is, what must be true is not.
        for claim in claims().filter(|claim| claim.act == Act::Reaches) {
            match claim.mode {
                Mode::Never | Mode::Only => findings.proved.push(crate::Subject::ESTATE),
                Mode::Always => {
                    let message = format!("{}: there is nobody of that name in the network", claim.says);
                    findings.add(crate::Subject::ESTATE, Verdict::Violated, claim.span, message);
                }
            }
        }
        return;
    }
    facts.told().tell(facts, GUARANTEE.id, findings);
}

pub(crate) fn ask(asked: &mut Asked<'_, '_>) {
    let options = asked.options;
    let Some(intent) = options.intent.as_ref() else { return };
    for claim in intent.claims.iter().filter(|claim| claim.act == Act::Reaches) {
        let (who, what) = (asked.party(&claim.who), asked.party(&claim.what));
        match claim.mode {
            Mode::Never => never(asked, claim, &who, &what),
            Mode::Only => only(asked, claim, &who, &what),
            Mode::Always => always(asked, claim, &who, &what),
        }
    }
}

fn on_port(asked: &mut Asked<'_, '_>, claim: &Claim, flows: Flows) -> Flows {
    match claim.port {
        Some(port) => asked.reach.only_services(&flows, &[tcp(port)]),
        None => flows,
    }
}

fn subject(claim: &Claim) -> Subjected {
    Subjected { about: None, span: claim.span }
}

fn never(asked: &mut Asked<'_, '_>, claim: &Claim, who: &Ends, what: &Ends) {
    let flows = asked.reach.flows(who, what);
    let flows = on_port(asked, claim, flows);
    asked.never(&subject(claim), &flows, &claim.says);
}

/// Nobody but `who` reaches `what`, and `who` by no way around `through`.
fn only(asked: &mut Asked<'_, '_>, claim: &Claim, who: &Ends, what: &Ends) {
    let everybody = asked.party(&Party::Anyone);
    let others = everybody.without(who).without(what);
    let flows = asked.reach.flows(&others, what);
    let flows = on_port(asked, claim, flows);
    if flows.verdict != Reached::Unreachable {
        return asked.never(&subject(claim), &flows, &format!("{}: somebody else does", claim.says));
    }
    match &claim.through {
        None => asked.proved(None),
        Some(Party::Firewall) => {
            let around = asked.reach.around(who, what);
            let around = on_port(asked, claim, around);
            asked.never(
                &subject(claim),
                &around,
                &format!("{}: there is a way around the firewall", claim.says),
            );
        }
        Some(through) => {
            // By another end: then nobody but that end may reach it directly.
            let between = asked.party(through);
            let direct = who.clone().without(&between);
            let flows = asked.reach.flows(&direct, what);
            let flows = on_port(asked, claim, flows);
            asked.never(
                &subject(claim),
                &flows,
                &format!("{}: there is a way around `{through}`", claim.says),
            );
        }
    }
}

fn always(asked: &mut Asked<'_, '_>, claim: &Claim, who: &Ends, what: &Ends) {
    if who.is_empty() || what.is_empty() {
        let message = format!("{}: there is nobody of that name in the network", claim.says);
        asked.say(None, Verdict::Violated, claim.span, message);
        return;
    }
    let missing = match claim.port {
        Some(port) => asked.reach.always(who, what, &tcp(port)),
        None => {
            let flows = asked.reach.flows(who, what);
            if flows.verdict == Reached::Reachable {
                return asked.proved(None);
            }
            who.owners().zip(what.owners()).map(|(from, to)| (from, to, flows.verdict)).take(1).collect()
        }
    };
    let Some((from, to, verdict)) = missing.first() else { return asked.proved(None) };
    let (source, destination) = (asked.reach.label(*from), asked.reach.label(*to));
    let (verdict, why) = match verdict {
        Reached::Unreachable => (Verdict::Violated, "no packet gets through and is answered"),
        _ => (Verdict::Unknown, "whether every packet gets through and is answered is not known"),
    };
    let service = claim.port.map_or_else(|| "any".to_owned(), |port| format!("tcp {port}"));
    if let Some(said) = asked.say(None, verdict, claim.span, format!("{}: {why}", claim.says)) {
        said.witness = Some(Witness::Packet { source, destination, service });
        said.fix = Some("`steward trace` shows everything that blocks it".into());
    }
}
