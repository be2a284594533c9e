//! Which route counts: longest prefix, static before learned, and the VPC's own blocks first.
//!
//! Sources: Amazon VPC User Guide, "Route priority", "Middlebox routing"; AWS Transit Gateway Guide, "Route evaluation
//! order".

use diagnostics::Span;
use ipnet::IpNet;

use super::address::Addr;
use super::{Doubt, Simulator, Verdict};
use crate::model::{
    Addresses, AttachmentId, Certainty, RouteTableId, RouteTarget, TransitTableId, UnknownId, VpcId,
};

/// A route that may count, with what that depends on.
#[derive(Debug, Clone)]
pub(super) struct Chosen<T> {
    /// Where to; `None`: no route matches.
    pub to: Option<T>,
    /// What has to be so for this to be the route.
    pub given: Vec<Doubt>,
    pub span: Span,
    /// The prefix that matched, in words.
    pub prefix: String,
}

/// A candidate: rank sorts, the higher first.
struct Candidate<T> {
    rank: (u8, bool),
    matched: Verdict,
    doubt: Vec<Doubt>,
    to: T,
    span: Span,
    prefix: String,
}

impl Simulator<'_> {
    /// The routes that may count in a table of a VPC: one, unless it depends.
    pub(super) fn lookup(
        &self,
        table: Option<RouteTableId>,
        vpc: VpcId,
        destination: &Addr,
        assumed: &[UnknownId],
    ) -> Vec<Chosen<RouteTarget>> {
        let found = table.and_then(|table| self.network.route_tables.get(table.at()));
        let mut candidates: Vec<Candidate<RouteTarget>> = Vec::new();
        let own = self.in_vpc(vpc, destination);
        let mut local_replaced = false;
        for route in found.iter().flat_map(|table| &table.routes) {
            let is_local = route.target == RouteTarget::Local;
            let own_block = is_own_block(self, vpc, &route.destination);
            local_replaced |= own_block && !is_local;
            // The VPC's own blocks beat everything but middleboxes, which alone may stand in more specific routes.
            let may_beat_local = is_local || is_middlebox(route.target);
            if own.0 == Verdict::Reachable && !may_beat_local {
                continue;
            }
            let (matched, length, prefix, mut doubt) = self.matches(destination, &route.destination);
            if matched == Verdict::Unreachable || route.exists == Certainty::No {
                continue;
            }
            let mut verdict = matched;
            if let Certainty::Maybe(id) = route.exists
                && !assumed.contains(&id)
            {
                verdict = Verdict::Unknown;
                doubt.push(Doubt::Unknown(id));
            }
            let rank = (length, !route.propagated);
            candidates.push(Candidate {
                rank,
                matched: verdict,
                doubt,
                to: route.target,
                span: route.span,
                prefix,
            });
        }
        if own.0 != Verdict::Unreachable && !local_replaced {
            let span = self.network.vpcs.get(vpc.at()).map_or(Span::NONE, |vpc| vpc.name.span);
            let (matched, length, prefix) = (own.0, own.1, "local".to_owned());
            let doubt = own.2.into_iter().collect();
            let to = RouteTarget::Local;
            candidates.push(Candidate { rank: (length, true), matched, doubt, to, span, prefix });
        }
        choose(candidates, found.map_or(Span::NONE, |table| table.name.span))
    }

    /// Whether an address is in a VPC, and how long the block is that says so.
    pub(super) fn in_vpc(&self, vpc: VpcId, address: &Addr) -> (Verdict, u8, Option<Doubt>) {
        let mine =
            address.interface.filter(|_| !address.is_public).and_then(|interface| self.vpc_of(interface));
        let blocks = self.network.vpcs.get(vpc.at()).map(|vpc| &vpc.blocks);
        let (Some(Addresses::Known(set) | Addresses::AtLeast(set, _)), true) = (blocks, !address.is_public)
        else {
            return (Verdict::Unreachable, 0, None);
        };
        let mut matching = set.0.iter().filter(|net| address.in_block(net).0 == Verdict::Reachable);
        if let Some(net) = matching.next() {
            return (Verdict::Reachable, net.prefix_len(), None);
        }
        if mine == Some(vpc) {
            // Its block is not known, but it is one of this VPC's.
            return (Verdict::Reachable, 1, None);
        }
        match blocks {
            Some(Addresses::AtLeast(_, id)) if !address.is_on_internet() && mine.is_none() => {
                (Verdict::Unknown, 1, Some(Doubt::Unknown(*id)))
            }
            _ => (Verdict::Unreachable, 0, None),
        }
    }

    /// The routes that may count in a table of a transit gateway. `Some(None)` is a blackhole.
    pub(super) fn transit_lookup(
        &self,
        table: TransitTableId,
        destination: &Addr,
        assumed: &[UnknownId],
    ) -> Vec<Chosen<Option<AttachmentId>>> {
        let found = self.network.transit_tables.get(table.at());
        let mut candidates = Vec::new();
        for route in found.iter().flat_map(|table| &table.routes) {
            let (mut matched, length, prefix, mut doubt) = self.matches(destination, &route.destination);
            if matched != Verdict::Reachable
                && let Some(to) = route.to
                && route.propagated
                && self.is_behind(to, destination)
            {
                (matched, doubt) = (Verdict::Reachable, Vec::new());
            }
            if matched == Verdict::Unreachable || route.exists == Certainty::No {
                continue;
            }
            if let Certainty::Maybe(id) = route.exists
                && !assumed.contains(&id)
            {
                matched = Verdict::Unknown;
                doubt.push(Doubt::Unknown(id));
            }
            let rank = (length, !route.propagated);
            candidates.push(Candidate { rank, matched, doubt, to: route.to, span: route.span, prefix });
        }
        choose(candidates, found.map_or(Span::NONE, |table| table.name.span))
    }

    /// Whether an address is one of the VPC's that is attached: known even where its blocks are not.
    fn is_behind(&self, attachment: AttachmentId, address: &Addr) -> bool {
        let vpc = match self.network.attachments.get(attachment.at()).map(|attachment| &attachment.kind) {
            Some(crate::model::AttachmentKind::Vpc { vpc, .. }) => *vpc,
            _ => return false,
        };
        !address.is_public && address.interface.and_then(|interface| self.vpc_of(interface)) == Some(vpc)
    }

    /// Whether an address is in a destination, with the longest prefix that says so.
    fn matches(&self, address: &Addr, destination: &Addresses) -> (Verdict, u8, String, Vec<Doubt>) {
        let (Addresses::Known(set) | Addresses::AtLeast(set, _)) = destination;
        let mut best: Option<(IpNet, Verdict, Option<Doubt>)> = None;
        for net in &set.0 {
            let (verdict, doubt) = address.in_block(net);
            let longer = best.as_ref().is_none_or(|(known, ..)| known.prefix_len() <= net.prefix_len());
            if verdict != Verdict::Unreachable && longer {
                best = Some((*net, verdict, doubt));
            }
        }
        if let Some((net, verdict, doubt)) = best {
            return (verdict, net.prefix_len(), net.to_string(), doubt.into_iter().collect());
        }
        match address.in_set(self.network, destination) {
            (Verdict::Unknown, doubt) => (
                Verdict::Unknown,
                u8::MAX,
                "a prefix that is not known".to_owned(),
                doubt.into_iter().collect(),
            ),
            _ => (Verdict::Unreachable, 0, String::new(), Vec::new()),
        }
    }
}

/// Source: Amazon VPC User Guide, "Configure route tables": only these may stand in routes more specific than local.
fn is_middlebox(target: RouteTarget) -> bool {
    matches!(
        target,
        RouteTarget::Interface(_)
            | RouteTarget::Endpoint(_)
            | RouteTarget::Firewall(..)
            | RouteTarget::Nat(_)
            | RouteTarget::Unknown(_)
    )
}

fn is_own_block(simulator: &Simulator<'_>, vpc: VpcId, destination: &Addresses) -> bool {
    let blocks = simulator.network.vpcs.get(vpc.at()).map(|vpc| &vpc.blocks);
    match (blocks, destination) {
        (Some(Addresses::Known(own) | Addresses::AtLeast(own, _)), Addresses::Known(set)) => {
            !set.0.is_empty() && set.0.iter().all(|net| own.0.contains(net))
        }
        _ => false,
    }
}

/// From the highest rank down: those that may match, until one that certainly does.
fn choose<T: Clone>(mut candidates: Vec<Candidate<T>>, span: Span) -> Vec<Chosen<T>> {
    candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.rank));
    let mut out: Vec<Chosen<T>> = Vec::new();
    for candidate in candidates {
        let certain = candidate.matched == Verdict::Reachable;
        let Candidate { to, span, prefix, doubt, .. } = candidate;
        out.push(Chosen { to: Some(to), given: doubt, span, prefix });
        if certain {
            break_ties(&mut out);
            return out;
        }
    }
    out.push(Chosen { to: None, given: Vec::new(), span, prefix: String::new() });
    break_ties(&mut out);
    out
}

/// Where several may count, the last one counts given that the others do not: it depends on the same.
fn break_ties<T>(out: &mut [Chosen<T>]) {
    let all: Vec<Doubt> = out.iter().flat_map(|chosen| chosen.given.clone()).collect();
    if let Some(last) = out.last_mut() {
        last.given = all;
    }
}
