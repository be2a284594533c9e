//! A trace for programs: `steward-trace/1`.

use diagnostics::SourceMap;
use reachability::Network;
use reachability::query::Repair;
use reachability::simulate::{Effect, Hop};
use reachability::trace::{Certified, Trace};
use serde_json::{Value, json};

use super::{service, word};

/// One trace.
#[must_use]
pub fn json(
    trace: &Trace,
    (certified, opening): (Option<&Certified>, Option<&Repair>),
    network: &Network,
    sources: &SourceMap,
) -> Value {
    let hop = |hop: &Hop| {
        let at = sources.locate(hop.span);
        json!({
            "direction": if hop.back { "back" } else { "there" },
            "kind": hop.kind.word(),
            "place": hop.place,
            "says": hop.says,
            "effect": match hop.effect {
                Effect::Passes => "passes",
                Effect::Stops => "stops",
                Effect::Depends => "depends",
            },
            "dependsOn": hop.doubts.iter().map(|doubt| doubt.text(network)).collect::<Vec<_>>(),
            "file": at.as_ref().map(|at| at.file.as_ref()),
            "line": at.as_ref().map(|at| at.line),
        })
    };
    let flow = trace.followed.as_ref().map(
        |(flow, _)| json!({ "source": flow.source.to_string(), "destination": flow.destination.to_string() }),
    );
    json!({
        "schema": "steward-trace/1",
        "from": trace.question.from.text,
        "to": trace.question.to.text,
        "service": service(trace.question.protocol, trace.question.port),
        "verdict": word(trace.verdict),
        "reason": trace.reason,
        "flow": flow,
        "hops": trace.hops().iter().map(hop).collect::<Vec<_>>(),
        "blocks": trace.blocks().into_iter().map(hop).collect::<Vec<_>>(),
        "dependsOn": trace.doubts().iter().map(|doubt| doubt.text(network)).collect::<Vec<_>>(),
        "certificate": certified.map(certificate),
        "opening": opening.map(|opening| &opening.says),
        "pairs": { "all": trace.pairs.0, "lookedAt": trace.pairs.1 },
    })
}

/// What became of the certificate of an "unreachable".
#[must_use]
pub fn certificate(certified: &Certified) -> Value {
    match certified {
        Certified::Checked(checked) => {
            json!({ "checked": true, "places": checked.places, "hops": checked.hops })
        }
        Certified::None(why) => json!({ "checked": false, "why": why }),
        Certified::Refused(_) => json!({ "checked": false, "why": super::REFUSED }),
    }
}
