//! Between two environments nothing passes but the flows that are approved.
//!
//! Source: AWS Well-Architected Framework, SEC01-BP01 "Separate workloads using accounts", SEC05-BP02 "Control traffic
//! flows within your network layers". Judged only where somebody says which environments there are and what is approved.

use reachability::model::PortRange;
use reachability::query::{Service, Verdict as Reached};

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
    let ends: Vec<_> = intent
        .environments
        .iter()
        .map(|name| (name, asked.party(&Party::Environment(name.clone()))))
        .filter(|(_, ends)| !ends.is_empty())
        .collect();
    for (from, sources) in &ends {
        for (to, destinations) in ends.iter().filter(|(to, _)| to != from) {
            let mut flows = asked.reach.flows(sources, destinations);
            if flows.verdict != Reached::Unreachable {
                for approved in &intent.approved {
                    let (sources, destinations) = (asked.party(&approved.from), asked.party(&approved.to));
                    let services: Vec<Service> = approved.ports.iter().map(|port| tcp(*port)).collect();
                    flows = asked.reach.except_between(&flows, &sources, &destinations, &services);
                }
            }
            let subject = Subjected { about: None, span: diagnostics::Span::NONE };
            asked.never(
                &subject,
                &flows,
                &format!("environment `{from}` reaches `{to}` by what no flow approves"),
            );
        }
    }
}

/// A TCP port as a service.
pub(crate) fn tcp(port: u16) -> Service {
    Service { protocols: (6, 6), ports: PortRange { first: port, last: port } }
}
