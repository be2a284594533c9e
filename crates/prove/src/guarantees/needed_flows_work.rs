//! What a workload uses, it reaches, and the answer comes back.
//!
//! Source: AWS Well-Architected Framework, REL02 "How do you plan your network topology?". A proof that something works:
//! every rule on the way lets every such packet and its answer pass, for every address that AWS may choose.

use std::collections::HashMap;

use reachability::query::{Ends, Verdict as Reached};

use crate::guarantees::approved_flows_only::tcp;
use crate::intent::Party;
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

/// Who asks whom on which ports.
type Question = (Party, Party, Vec<u16>);

/// A packet that does not get through, or perhaps not.
#[derive(Debug, Clone)]
struct Missing {
    port: u16,
    source: String,
    destination: String,
    never: bool,
}

/// What became of each port; `None`: somebody is not found.
type Outcome = Option<Vec<Result<(), Missing>>>;

pub(crate) fn ask(asked: &mut Asked<'_, '_>) {
    let options = asked.options;
    let Some(intent) = options.intent.as_ref() else { return };
    // What environments that are alike need is asked once.
    let mut known: HashMap<Question, Outcome> = HashMap::new();
    for needed in &intent.needed {
        let [from, to] = [&needed.from, &needed.to]
            .map(|party| asked.alike.stand_in(party).unwrap_or_else(|| party.clone()));
        let question = (from, to, needed.ports.clone());
        let outcome = match known.get(&question) {
            Some(outcome) => outcome.clone(),
            None => {
                let outcome = judge(asked, &question);
                known.entry(question).or_insert(outcome).clone()
            }
        };
        let Some(ports) = outcome else {
            let message = format!("{}: one of them is not found in the network", needed.says);
            asked.say(None, Verdict::Unknown, needed.span, message);
            continue;
        };
        for port in ports {
            let Err(Missing { port, source, destination, never }) = port else {
                asked.proved(None);
                continue;
            };
            let (verdict, message) = if never {
                (Verdict::Violated, format!("{}: no packet gets through and is answered", needed.says))
            } else {
                let message = "whether every packet gets through and is answered is not known";
                (Verdict::Unknown, format!("{}: {message}", needed.says))
            };
            if let Some(said) = asked.say(None, verdict, needed.span, message) {
                said.witness = Some(Witness::Packet { source, destination, service: format!("tcp {port}") });
                said.fix = Some("`steward trace` shows everything that blocks it".into());
            }
        }
    }
}

fn judge(asked: &mut Asked<'_, '_>, (from, to, ports): &Question) -> Outcome {
    // Whoever has a load balancer is asked there, and does not ask from there.
    let balancers = asked.balancers();
    let (sources, to) = (asked.party(from).without(&balancers), asked.party(to));
    if sources.is_empty() || to.is_empty() {
        return None;
    }
    let doors = doors(asked, from, to, &balancers);
    let mut out = Vec::new();
    for port in ports {
        // One door is enough; of several that do not open the one that comes closest is told.
        let missing = doors.iter().map(|door| asked.reach.always(&sources, door, &tcp(*port)));
        let worst = |missing: Vec<(_, _, Reached)>| {
            missing.into_iter().max_by_key(|(.., verdict)| *verdict == Reached::Unreachable)
        };
        let each: Vec<Option<_>> = missing.map(worst).collect();
        let opens = each.iter().any(Option::is_none);
        let closest = each.into_iter().flatten().min_by_key(|(.., verdict)| *verdict == Reached::Unreachable);
        out.push(match closest {
            Some((source, destination, verdict)) if !opens => Err(Missing {
                port: *port,
                source: asked.reach.label(source),
                destination: asked.reach.label(destination),
                never: verdict == Reached::Unreachable,
            }),
            _ => Ok(()),
        });
    }
    Some(out)
}

/// Where somebody is asked: whoever has load balancers behind any one of them, the internet at those that it sees;
/// whoever has none itself, everywhere it stands.
fn doors(asked: &Asked<'_, '_>, from: &Party, to: Ends, balancers: &Ends) -> Vec<Ends> {
    let doors = to.clone().within(balancers);
    if doors.is_empty() {
        return vec![to];
    }
    let public = doors.clone().within(&asked.public());
    let seen = if *from == Party::Internet && !public.is_empty() { public } else { doors };
    asked.each(&seen).into_iter().map(|(_, door)| door).collect()
}
