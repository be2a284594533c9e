//! Every route leads to something that takes the packet.
//!
//! Source: Amazon VPC User Guide, "Route tables": a route whose target was deleted is a blackhole.

use reachability::query::{Dead, Why};

use crate::network::Asked;
use crate::{Facts, Findings, Guarantee, Level, Verdict};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "routes-lead-somewhere",
    title: "every route leads to something that takes the packet",
    level: Level::Medium,
    page: include_str!("../../../../docs/guarantees/routes-lead-somewhere.md"),
    check,
};

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    facts.told().tell(facts, GUARANTEE.id, findings);
}

pub(crate) fn ask(asked: &mut Asked<'_, '_>) {
    let network = asked.reach.engine.network;
    let mut guilty = vec![false; network.route_tables.len()];
    for rule in asked.dead_rules().into_iter().filter(|rule| rule.why == Why::Nowhere) {
        let place = match rule.rule {
            Dead::Route(table, _) => {
                if let Some(guilty) = guilty.get_mut(table.at()) {
                    *guilty = true;
                }
                network.route_tables.get(table.at()).map(|table| &table.name)
            }
            Dead::Transit(table, _) => network.transit_tables.get(table.at()).map(|table| &table.name),
            _ => None,
        };
        let place = place.and_then(|name| name.stack.map(|stack| (stack, name.id.clone())));
        let message = format!("the route `{}` leads nowhere", rule.label);
        if let Some(said) = asked.say(place, Verdict::Violated, rule.span, message) {
            said.fix = Some("take the route out, or give it a target that exists and is attached".into());
        }
    }
    for (table, guilty) in network.route_tables.iter().zip(guilty) {
        if !guilty {
            asked.proved(table.name.stack.map(|stack| (stack, table.name.id.clone())));
        }
    }
}
