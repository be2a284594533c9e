//! What a workload uses, it reaches, and the answer comes back.
//!
//! Source: AWS Well-Architected Framework, REL02 "How do you plan your network topology?". A proof that something works:
//! every rule on the way lets every such packet and its answer pass, for every address that AWS may choose.

use reachability::query::Verdict as Reached;

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

pub(crate) fn ask(asked: &mut Asked<'_, '_>) {
    let options = asked.options;
    let Some(intent) = options.intent.as_ref() else { return };
    for needed in &intent.needed {
        // Whoever has a load balancer is asked there, and does not ask from there.
        let balancers = asked.balancers();
        let (from, to) = (asked.party(&needed.from).without(&balancers), asked.party(&needed.to));
        let to = match to.clone().within(&balancers) {
            doors if doors.is_empty() => to,
            doors => match doors.clone().within(&asked.public()) {
                // The internet comes in by the doors that it sees; what stands behind them is not asked by it.
                public if needed.from == Party::Internet && !public.is_empty() => public,
                _ => doors,
            },
        };
        if from.is_empty() || to.is_empty() {
            continue;
        }
        for port in &needed.ports {
            let missing = asked.reach.always(&from, &to, &tcp(*port));
            let Some((source, destination, verdict)) =
                missing.iter().max_by_key(|(.., verdict)| *verdict == Reached::Unreachable)
            else {
                asked.proved(None);
                continue;
            };
            let (source, destination) = (asked.reach.label(*source), asked.reach.label(*destination));
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
