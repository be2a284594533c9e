//! Every rule of a security group, a network ACL and a firewall decides something.
//!
//! Source: AWS Well-Architected Framework, SEC05-BP02; a rule that others shadow, or that matches no packet of the estate,
//! says something to its reader that is not so.

use reachability::engine::filters::Side;
use reachability::model::{Addresses, Group, GroupRule, Network, Peer, Role, VpcId};
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
            Dead::Group(group, side, position) => {
                let Some(known) = network.groups.get(group.at()) else { continue };
                // A group without egress rules would be given one that allows everything; one to nowhere says "none".
                // Source: AWS CloudFormation Template Reference, AWS::EC2::SecurityGroup, `SecurityGroupEgress`.
                if rule.why == Why::Idle && (says_none(known, position) || !inhabited(network, known.vpc)) {
                    continue;
                }
                if rule.why == Why::Shadowed && names_a_group(known, side, position) {
                    continue;
                }
                if let Some(guilty) = guilty.get_mut(group.at()) {
                    *guilty = true;
                }
                known.name.stack.map(|stack| (stack, known.name.id.clone()))
            }
            Dead::Acl(acl, ..) => {
                let known = network.acls.get(acl.at());
                // Where nobody lives yet, no packet is there to be decided about.
                let subnets = network.subnets.iter().filter(|subnet| subnet.acl == Some(acl));
                let mut vpcs = subnets.map(|subnet| subnet.vpc);
                if rule.why == Why::Idle && !vpcs.any(|vpc| inhabited(network, Some(vpc))) {
                    continue;
                }
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

/// Whether somebody stands in a network.
fn inhabited(network: &Network, vpc: Option<VpcId>) -> bool {
    network.interfaces.iter().any(|interface| {
        matches!(interface.role, Role::Host | Role::Balancer(_))
            && network.subnets.get(interface.subnet.at()).map(|subnet| subnet.vpc) == vpc
    })
}

/// Whether a rule names a group, and no other of the same group names it for the same: it says who belongs together, and
/// stays when the rule of addresses that covers it today is narrowed.
fn names_a_group(group: &Group, side: Side, position: usize) -> bool {
    let rules = if side == Side::Ingress { &group.ingress } else { &group.egress };
    let Some(rule) = rules.get(position) else { return false };
    let same = |other: &&GroupRule| other.peer == rule.peer && other.services == rule.services;
    matches!(rule.peer, Peer::Group(_)) && rules.iter().filter(same).count() == 1
}

/// Whether the only egress rule of a group is one to the loopback network, which no packet on a wire has.
fn says_none(group: &Group, position: usize) -> bool {
    let loopback = |rule: &GroupRule| match &rule.peer {
        Peer::Addresses(Addresses::Known(set)) => {
            !set.0.is_empty() && set.0.iter().all(|net| net.network().is_loopback())
        }
        _ => false,
    };
    group.egress.get(position).is_some_and(loopback)
}
