//! Between two environments nothing passes but the flows that are approved.
//!
//! Source: AWS Well-Architected Framework, SEC01-BP01 "Separate workloads using accounts", SEC05-BP02 "Control traffic
//! flows within your network layers". Judged only where somebody says which environments there are and what is approved.

use std::collections::HashMap;

use estate::SmolStr;
use reachability::model::PortRange;
use reachability::query::{Ends, Service, Verdict as Reached};

use crate::intent::Party;
use crate::network::{Asked, Subjected};
use crate::{Facts, Findings, Guarantee, Level};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "approved-flows-only",
    title: "between environments nothing passes but approved flows",
    level: Level::Critical,
    page: include_str!("../../../../docs/guarantees/approved-flows-only.md"),
    check,
};

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    facts.told().tell(facts, GUARANTEE.id, findings);
}

pub(crate) fn ask(asked: &mut Asked<'_, '_>) {
    let options = asked.options;
    let Some(intent) = options.intent.as_ref() else { return };
    // One of each kind of environment against one of each other, and two of a kind against each other.
    let mut pairs = Vec::new();
    for from in &asked.alike.environments {
        for to in &asked.alike.environments {
            if from.name != to.name {
                pairs.push((from.name, to.name, from.alike * to.alike));
            } else if let Some(other) = from.other {
                pairs.push((from.name, other, from.alike * (from.alike - 1)));
            }
        }
    }
    let mut known: HashMap<&Party, Ends> = HashMap::new();
    let approved: Vec<(Ends, Ends, Vec<Service>)> = intent
        .approved
        .iter()
        .filter(|flow| [&flow.from, &flow.to].iter().all(|party| asked.alike.stand_in(party).is_none()))
        .map(|flow| {
            let [from, to] = [&flow.from, &flow.to]
                .map(|party| known.entry(party).or_insert_with(|| asked.party(party)).clone());
            (from, to, flow.ports.iter().map(|port| tcp(*port)).collect())
        })
        .collect();
    let mut ends: HashMap<&SmolStr, Ends> = HashMap::new();
    for name in pairs.iter().flat_map(|(from, to, _)| [*from, *to]) {
        ends.entry(name).or_insert_with(|| asked.party(&Party::Environment(name.clone())));
    }
    for (from, to, times) in pairs {
        let (Some(sources), Some(destinations)) = (ends.get(from), ends.get(to)) else { continue };
        if sources.is_empty() || destinations.is_empty() {
            continue;
        }
        let mut flows = asked.reach.flows(sources, destinations);
        if flows.verdict != Reached::Unreachable {
            for (sources, destinations, services) in &approved {
                flows = asked.reach.except_between(&flows, sources, destinations, services);
            }
        }
        let subject = Subjected { about: None, span: diagnostics::Span::NONE };
        let what = format!("environment `{from}` reaches `{to}` by what no flow approves");
        asked.never_in_pairs(&subject, &flows, &what, times);
    }
}

/// A TCP port as a service.
pub(crate) fn tcp(port: u16) -> Service {
    Service { protocols: (6, 6), ports: PortRange { first: port, last: port } }
}
