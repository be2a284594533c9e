//! What a workload uses, it reaches, and the answer comes back.
//!
//! Source: AWS Well-Architected Framework, REL02 "How do you plan your network topology?". A proof that something works:
//! every rule on the way lets every such packet and its answer pass, for every address that AWS may choose.

use reachability::query::{Ends, Verdict as Reached};

use crate::guarantees::approved_flows_only::tcp;
use crate::intent::{Intended, Party};
use crate::network::Asked;
use crate::{Facts, Findings, Guarantee, Level, Verdict, Witness};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "needed-flows-work",
    title: "what a workload uses, it reaches, and the answer comes back",
    level: Level::High,
    page: include_str!("../../../../docs/guarantees/needed-flows-work.md"),
    check,
};

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    facts.told().tell(facts, GUARANTEE.id, findings);
}

pub(crate) fn ask(asked: &mut Asked<'_, '_>) {
    let options = asked.options;
    let Some(intent) = options.intent.as_ref() else { return };
    for needed in &intent.needed {
        // Whoever has a load balancer is asked there, and does not ask from there.
        let balancers = asked.balancers();
        let (from, to) = (asked.party(&needed.from).without(&balancers), asked.party(&needed.to));
        if from.is_empty() || to.is_empty() {
            let message = format!("{}: one of them is not found in the network", needed.says);
            asked.say(None, Verdict::Unknown, needed.span, message);
            continue;
        }
        let doors = doors(asked, needed, to, &balancers);
        for port in &needed.ports {
            // One door is enough; of several that do not open the one that comes closest is told.
            let missing = doors.iter().map(|door| asked.reach.always(&from, door, &tcp(*port)));
            let worst = |missing: Vec<(_, _, Reached)>| {
                missing.into_iter().max_by_key(|(.., verdict)| *verdict == Reached::Unreachable)
            };
            let each: Vec<Option<_>> = missing.map(worst).collect();
            if each.iter().any(Option::is_none) {
                asked.proved(None);
                continue;
            }
            let closest =
                each.into_iter().flatten().min_by_key(|(.., verdict)| *verdict == Reached::Unreachable);
            let Some((source, destination, verdict)) = closest else { continue };
            let (source, destination) = (asked.reach.label(source), asked.reach.label(destination));
            let (verdict, message) = match verdict {
                Reached::Unreachable => {
                    (Verdict::Violated, format!("{}: no packet gets through and is answered", needed.says))
                }
                _ => (
                    Verdict::Unknown,
                    format!(
                        "{}: whether every packet gets through and is answered is not known",
                        needed.says
                    ),
                ),
            };
            if let Some(said) = asked.say(None, verdict, needed.span, message) {
                said.witness = Some(Witness::Packet { source, destination, service: format!("tcp {port}") });
                said.fix = Some("`steward trace` shows everything that blocks it".into());
            }
        }
    }
}

/// Where somebody is asked: whoever has load balancers behind any one of them, the internet at those that it sees;
/// whoever has none itself, everywhere it stands.
fn doors(asked: &Asked<'_, '_>, needed: &Intended, to: Ends, balancers: &Ends) -> Vec<Ends> {
    let doors = to.clone().within(balancers);
    if doors.is_empty() {
        return vec![to];
    }
    let public = doors.clone().within(&asked.public());
    let seen = if needed.from == Party::Internet && !public.is_empty() { public } else { doors };
    asked.each(&seen).into_iter().map(|(_, door)| door).collect()
}
