//! Every rule of a security group, a network ACL and a firewall decides something.
//!
//! Source: AWS Well-Architected Framework, SEC05-BP02; a rule that others shadow, or that matches no packet of the estate,
//! says something to its reader that is not so.

use reachability::query::{Dead, Why};

use crate::network::Asked;
use crate::{Facts, Findings, Guarantee, Level, Verdict};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "rules-decide",
    title: "every network rule decides something",
    level: Level::Low,
    page: include_str!("../../../../docs/guarantees/rules-decide.md"),
    check,
};

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    facts.told().tell(facts, GUARANTEE.id, findings);
}

pub(crate) fn ask(asked: &mut Asked<'_, '_>) {
    let network = asked.reach.engine.network;
    let dead = asked.dead_rules();
    let mut guilty = vec![false; network.groups.len()];
    for rule in dead {
        let place = match rule.rule {
            Dead::Group(group, _, position) => {
                let Some(known) = network.groups.get(group.at()) else { continue };
                // A group without egress rules would be given one that allows everything; one to nowhere says "none".
                // Source: AWS CloudFormation Template Reference, AWS::EC2::SecurityGroup, `SecurityGroupEgress`.
                if rule.why == Why::Idle && says_none(known, position) {
                    continue;
                }
                if let Some(guilty) = guilty.get_mut(group.at()) {
                    *guilty = true;
                }
                known.name.stack.map(|stack| (stack, known.name.id.clone()))
            }
            Dead::Acl(acl, ..) => {
                let known = network.acls.get(acl.at());
                known.and_then(|known| known.name.stack.map(|stack| (stack, known.name.id.clone())))
            }
            Dead::Firewall(firewall, _) => {
                let known = network.firewalls.get(firewall.at());
                known.and_then(|known| known.name.stack.map(|stack| (stack, known.name.id.clone())))
            }
            Dead::Route(..) | Dead::Transit(..) => continue,
        };
        let message = match rule.why {
            Why::Shadowed => format!(
                "`{}` decides nothing: rules before it decide about everything that it matches",
                rule.label
            ),
            Why::Idle | Why::Nowhere => {
                format!("`{}` decides nothing: no packet of the estate matches it", rule.label)
            }
        };
        if let Some(said) = asked.say(place, Verdict::Violated, rule.span, message) {
            said.fix = Some("take the rule out, or say what it was meant for".into());
        }
    }
    for (group, guilty) in network.groups.iter().zip(guilty) {
        if !guilty && group.unknown.is_none() {
            asked.proved(group.name.stack.map(|stack| (stack, group.name.id.clone())));
        }
    }
}

/// Whether the only egress rule of a group is one to the loopback network, which no packet on a wire has.
fn says_none(group: &reachability::model::Group, position: usize) -> bool {
    let loopback = |rule: &reachability::model::GroupRule| match &rule.peer {
        reachability::model::Peer::Addresses(reachability::model::Addresses::Known(set)) => {
            !set.0.is_empty() && set.0.iter().all(|net| net.network().is_loopback())
        }
        _ => false,
    };
    group.egress.get(position).is_some_and(loopback)
}
