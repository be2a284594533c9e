//! Nobody reaches what carries health information on a port that speaks in the clear.
//!
//! Source: 45 CFR 164.312(e)(1) and (e)(2)(ii), transmission security; AWS Well-Architected Framework, SEC09-BP02 "Enforce
//! encryption in transit". The settings of stores, listeners and target groups say what is spoken ([`crate::network`]); the network
//! engine says whether anybody's packets get there. A port in the clear that no packet reaches carries nothing.

use reachability::query::{Flows, Service, Verdict as Reached, say};

use crate::network::{Asked, Spoken, Subjected};
use crate::{Facts, Findings, Guarantee, Level, Verdict};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "no-phi-in-clear",
    title: "nothing that carries PHI is reached in the clear",
    level: Level::Critical,
    page: include_str!("../../../../docs/guarantees/no-phi-in-clear.md"),
    check,
};

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    facts.told().tell(facts, GUARANTEE.id, findings);
}

/// TCP and UDP: what carries data of an application.
const CARRIED: [u8; 2] = [6, 17];

pub(crate) fn ask(asked: &mut Asked<'_, '_>) {
    let carriers = asked.carriers();
    let anyone = asked.reach.ends(|_| true);
    for (subject, own) in asked.each(&carriers) {
        let Some(host) = own.owners().next().and_then(|owner| asked.host_of(owner)) else { continue };
        let voice = asked.speech.ports(host);
        let all = Service { protocols: (0, 0), ports: reachability::model::PortRange::ALL };
        let carried = CARRIED.map(|protocol| Service { protocols: (protocol, protocol), ..all });
        let flows = asked.reach.flows(&anyone, &own);
        let flows = asked.reach.only_services(&flows, &carried);
        let on = |wanted: &dyn Fn(&Spoken) -> bool| -> Vec<Service> {
            let ports = voice.iter().filter(|(_, spoken)| wanted(spoken)).map(|(ports, _)| *ports);
            ports.flat_map(|ports| carried.map(|service| Service { ports, ..service })).collect()
        };
        let clear = on(&|spoken| matches!(spoken, Spoken::Clear(..)));
        let plain = asked.reach.only_services(&flows, &clear);
        if plain.verdict != Reached::Unreachable {
            in_clear(asked, &subject, &plain, voice);
            continue;
        }
        let known = on(&|spoken| !matches!(spoken, Spoken::Unknown(..)));
        let rest = asked.reach.except(&flows, &known);
        if rest.verdict == Reached::Unreachable {
            asked.proved(subject.about.clone());
            continue;
        }
        let ports = say(&rest.services);
        let why = voice.iter().find_map(|(_, spoken)| match spoken {
            Spoken::Unknown(span, because) => Some((*span, because.clone())),
            _ => None,
        });
        let (span, because) =
            why.unwrap_or_else(|| (subject.span, "nothing says what it speaks there".to_owned()));
        let message = format!("whether it is reached in the clear on {ports} is not known: {because}");
        if let Some(said) = asked.say(subject.about.clone(), Verdict::Unknown, span, message) {
            said.packet = rest.witness;
        }
    }
}

/// Packets arrive on a port that speaks in the clear.
fn in_clear(
    asked: &mut Asked<'_, '_>,
    subject: &Subjected,
    flows: &Flows,
    voice: &[(reachability::model::PortRange, Spoken)],
) {
    let port = flows.witness.as_ref().map(|packet| packet.port);
    let clear = voice.iter().find_map(|(ports, spoken)| match spoken {
        Spoken::Clear(span, why) if port.is_none_or(|port| ports.contains(port)) => Some((*span, why)),
        _ => None,
    });
    let Some((span, why)) = clear else { return };
    let about = Subjected { span, ..subject.clone() };
    asked.never(&about, flows, &format!("it carries PHI and is reached in the clear ({why})"));
    if let Some(said) = asked.said.last_mut() {
        let closing =
            said.fix.take().map_or_else(String::new, |fix| format!("; or let nobody in there: {fix}"));
        said.fix = Some(format!("let it speak TLS only{closing}"));
    }
}
