//! Rules that decide nothing, and routes to nowhere.
//!
//! In: a [`Reach`]. Out: [`DeadRule`]s in the order of the network. Always: a rule is called dead only where that is so for
//! every value of everything unknown: rules that exist perhaps shadow nothing.

use diagnostics::Span;

use super::Reach;
use crate::engine::bdd::Set;
use crate::engine::filters::{self, Side};
use crate::engine::firewalls;
use crate::engine::packets::{Space, Way};
use crate::model::{
    Acl, AclId, Certainty, FirewallId, GatewayKind, GroupId, RouteTableId, RouteTarget, StatefulAction,
    TransitTableId,
};

/// What a rule is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dead {
    /// A rule of a security group, by its position.
    Group(GroupId, Side, usize),
    /// An entry of a network ACL, by its position.
    Acl(AclId, Side, usize),
    /// A stateful rule of a firewall's policy, by its position.
    Firewall(FirewallId, usize),
    /// A route, by its position.
    Route(RouteTableId, usize),
    /// A route of a transit gateway, by its position.
    Transit(TransitTableId, usize),
}

/// Why a rule decides nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Others decide about everything that it matches.
    Shadowed,
    /// It matches no packet that anybody of the estate, the internet or an office sends or receives.
    Idle,
    /// A route whose target is gone, or cannot take packets from there.
    Nowhere,
}

/// A rule that decides nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadRule {
    /// Which.
    pub rule: Dead,
    /// Why.
    pub why: Why,
    /// What people call it.
    pub label: String,
    /// Where it is written.
    pub span: Span,
}

impl Reach<'_> {
    /// All rules that decide nothing.
    pub fn dead_rules(&mut self) -> Vec<DeadRule> {
        let mut out = Vec::new();
        self.dead_group_rules(&mut out);
        for (at, acl) in self.engine.network.acls.iter().enumerate() {
            for side in [Side::Ingress, Side::Egress] {
                dead_entries(&mut self.engine.space, AclId::from_position(at), acl, side, &mut out);
            }
        }
        self.dead_firewall_rules(&mut out);
        self.dead_routes(&mut out);
        out
    }

    fn dead_group_rules(&mut self, out: &mut Vec<DeadRule>) {
        let network = self.engine.network;
        for (at, group) in network.groups.iter().enumerate() {
            for side in [Side::Ingress, Side::Egress] {
                let rules = filters::rules(group, side);
                let sets: Vec<(Set, Set)> = rules
                    .iter()
                    .map(|rule| {
                        let engine = &mut self.engine;
                        let members = &engine.members;
                        let filter = filters::rule(&mut engine.space, network, members, group, side, rule);
                        (filter.may.0, filter.must.0)
                    })
                    .collect();
                for (position, rule) in rules.iter().enumerate() {
                    let Some(&(may, _)) = sets.get(position) else { continue };
                    if rule.exists == Certainty::No {
                        continue;
                    }
                    // Of equal rules the first stays.
                    let others: Vec<Set> = sets
                        .iter()
                        .enumerate()
                        .filter(|(other, (theirs, sure))| {
                            *other < position || (*other > position && (*theirs != may || *sure != may))
                        })
                        .map(|(_, (_, must))| *must)
                        .collect();
                    let store = &mut self.engine.space.store;
                    let others = store.any(&others);
                    let why = if may.is_empty() {
                        Why::Idle
                    } else if store.within(may, others) {
                        Why::Shadowed
                    } else {
                        continue;
                    };
                    out.push(DeadRule {
                        rule: Dead::Group(GroupId::from_position(at), side, position),
                        why,
                        label: rule.label.to_string(),
                        span: rule.span,
                    });
                }
            }
        }
    }

    fn dead_firewall_rules(&mut self, out: &mut Vec<DeadRule>) {
        let network = self.engine.network;
        for (at, firewall) in network.firewalls.iter().enumerate() {
            let Ok(policy) = &firewall.policy else { continue };
            let mut decided = Set::EMPTY;
            for (position, rule) in policy.stateful.iter().enumerate() {
                let may = firewalls::stateful_rule(&mut self.engine.space, rule);
                let store = &mut self.engine.space.store;
                let why = if may.is_empty() {
                    Some(Why::Idle)
                } else if store.within(may, decided) {
                    Some(Why::Shadowed)
                } else {
                    None
                };
                if let Some(why) = why {
                    out.push(DeadRule {
                        rule: Dead::Firewall(FirewallId::from_position(at), position),
                        why,
                        label: rule.label.to_string(),
                        span: rule.span,
                    });
                }
                let decides = matches!(
                    rule.action,
                    StatefulAction::Pass | StatefulAction::Drop | StatefulAction::Reject
                );
                // Only a rule of addresses, protocols and ports is sure to decide about whole connections.
                let whole = rule.application.is_none()
                    && rule.doubt.is_none()
                    && rule.flow == crate::model::FlowState::default()
                    && rule.scope != crate::model::Scope::Packet;
                if decides && whole {
                    let must = firewalls::opening(&mut self.engine.space, rule);
                    decided = self.engine.space.store.or(decided, must);
                }
            }
        }
    }

    fn dead_routes(&mut self, out: &mut Vec<DeadRule>) {
        let network = self.engine.network;
        for (at, table) in network.route_tables.iter().enumerate() {
            for (position, route) in table.routes.iter().enumerate() {
                let nowhere = match route.target {
                    RouteTarget::Blackhole => true,
                    RouteTarget::Gateway(gateway) => {
                        network.gateways.get(gateway.at()).is_none_or(|gateway| {
                            gateway.vpc != Some(table.vpc) && gateway.kind != GatewayKind::VirtualPrivate
                        })
                    }
                    RouteTarget::Peering(peering) => network
                        .peerings
                        .get(peering.at())
                        .is_none_or(|peering| peering.active == Certainty::No),
                    RouteTarget::Transit(attachment) => {
                        network.attachments.get(attachment.at()).is_none_or(|attachment| {
                            attachment.active == Certainty::No || attachment.table.is_none()
                        })
                    }
                    _ => false,
                };
                if nowhere && route.exists == Certainty::Yes {
                    out.push(DeadRule {
                        rule: Dead::Route(RouteTableId::from_position(at), position),
                        why: Why::Nowhere,
                        label: table.name.label.to_string(),
                        span: route.span,
                    });
                }
            }
        }
        for (at, table) in network.transit_tables.iter().enumerate() {
            for (position, route) in table.routes.iter().enumerate() {
                let gone = route
                    .to
                    .and_then(|to| network.attachments.get(to.at()))
                    .is_some_and(|attachment| attachment.active == Certainty::No);
                if gone && route.exists == Certainty::Yes {
                    out.push(DeadRule {
                        rule: Dead::Transit(TransitTableId::from_position(at), position),
                        why: Why::Nowhere,
                        label: table.name.label.to_string(),
                        span: route.span,
                    });
                }
            }
        }
    }
}

fn dead_entries(space: &mut Space, id: AclId, acl: &Acl, side: Side, out: &mut Vec<DeadRule>) {
    let entries = match side {
        Side::Ingress => &acl.ingress,
        Side::Egress => &acl.egress,
    };
    let mut decided = Set::EMPTY;
    let mut decided_back = Set::EMPTY;
    for (position, entry) in entries.iter().enumerate() {
        let there = filters::acl_entry(space, entry, side, Way::There);
        let back = filters::acl_entry(space, entry, side, Way::Back);
        let store = &mut space.store;
        let matched = !there.may.is_empty() || !back.may.is_empty();
        let shadowed = store.within(there.may, decided) && store.within(back.may, decided_back);
        if entry.exists == Certainty::Yes && (!matched || shadowed) {
            out.push(DeadRule {
                rule: Dead::Acl(id, side, position),
                why: if matched { Why::Shadowed } else { Why::Idle },
                label: format!("entry {} of {}", entry.number, acl.name.label),
                span: entry.span,
            });
        }
        if entry.exists == Certainty::Yes && !matches!(entry.allows, Certainty::Maybe(_)) {
            decided = store.or(decided, there.must);
            decided_back = store.or(decided_back, back.must);
        }
    }
}
