//! Sets of addresses and ports: lists, negations, and what is not known in them.
//!
//! In: a [`Set`] and what its variables stand for. Out: prefixes or ranges without negation. Always: the result is
//! exact where everything is known; where a part is not, it says in which direction it may be wrong.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::Set;
use crate::model::{PortRange, UnknownId};

/// Pieces that a set may fall into; more are not known.
const MOST_PIECES: usize = 100_000;

/// A set with what is not known about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Evaluated<T> {
    /// What is in it, as far as known.
    pub items: Vec<T>,
    /// There may be more.
    pub more: Option<UnknownId>,
    /// There may be less.
    pub less: Option<UnknownId>,
    /// Whether a negation was written.
    pub negated: bool,
}

/// Things that sets are made of.
pub(crate) trait Piece: Copy + PartialEq {
    /// Everything.
    fn all() -> Vec<Self>;
    /// What of this is not in the other.
    fn without(self, hole: Self) -> Vec<Self>;
}

/// Every address, IPv4 and IPv6.
pub(crate) fn everything() -> Vec<IpNet> {
    vec![
        IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0)),
        IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 0)),
    ]
}

impl Piece for IpNet {
    fn all() -> Vec<Self> {
        everything()
    }

    fn without(self, hole: Self) -> Vec<Self> {
        let mut out = Vec::new();
        let mut rest = self;
        loop {
            if hole.contains(&rest) {
                return out;
            }
            if !rest.contains(&hole) {
                out.push(rest);
                return out;
            }
            let Ok(mut halves) = rest.subnets(rest.prefix_len() + 1) else { return out };
            let (Some(low), Some(high)) = (halves.next(), halves.next()) else { return out };
            let (inside, outside) = if low.contains(&hole) { (low, high) } else { (high, low) };
            out.push(outside);
            rest = inside;
        }
    }
}

impl Piece for PortRange {
    fn all() -> Vec<Self> {
        vec![Self::ALL]
    }

    fn without(self, hole: Self) -> Vec<Self> {
        let mut out = Vec::new();
        if hole.last < self.first || hole.first > self.last {
            return vec![self];
        }
        if hole.first > self.first {
            out.push(Self { first: self.first, last: hole.first - 1 });
        }
        if hole.last < self.last {
            out.push(Self { first: hole.last + 1, last: self.last });
        }
        out
    }
}

/// A set less some holes; `None` where it falls into too many pieces.
pub(crate) fn without_holes<T: Piece>(set: Vec<T>, holes: &[T]) -> Option<Vec<T>> {
    holes.iter().try_fold(set, |rest, hole| {
        let next: Vec<T> = rest.into_iter().flat_map(|piece| piece.without(*hole)).collect();
        (next.len() <= MOST_PIECES).then_some(next)
    })
}

/// Evaluates a set. `lookup` says what a variable (`$`, false) or a reference (`@`, true) stands for; `too_much` names
/// a set that falls into too many pieces.
pub(crate) fn evaluate<T: Piece>(
    set: &Set<T>,
    lookup: &mut dyn FnMut(&str, bool) -> Evaluated<T>,
    too_much: UnknownId,
) -> Evaluated<T> {
    let exactly = |items| Evaluated { items, more: None, less: None, negated: false };
    match set {
        Set::Any => exactly(T::all()),
        Set::One(one) => exactly(vec![*one]),
        Set::Variable(name) => lookup(name, false),
        Set::Reference(name) => lookup(name, true),
        Set::Not(inner) => minus(exactly(T::all()), evaluate(inner, lookup, too_much), too_much),
        Set::List(items) => {
            let (mut plus, mut minus_) = (None::<Evaluated<T>>, None::<Evaluated<T>>);
            for item in items {
                let (side, item) = match item {
                    Set::Not(inner) => (&mut minus_, inner.as_ref()),
                    item => (&mut plus, item),
                };
                let item = evaluate(item, lookup, too_much);
                match side {
                    Some(side) => {
                        side.items.extend(item.items);
                        side.more = side.more.or(item.more);
                        side.less = side.less.or(item.less);
                        side.negated |= item.negated;
                    }
                    None => *side = Some(item),
                }
            }
            let plus = plus.unwrap_or_else(|| exactly(T::all()));
            match minus_ {
                Some(holes) => minus(plus, holes, too_much),
                None => plus,
            }
        }
    }
}

fn minus<T: Piece>(set: Evaluated<T>, holes: Evaluated<T>, too_much: UnknownId) -> Evaluated<T> {
    let (items, more) = match without_holes(set.items, &holes.items) {
        Some(items) => (items, set.more.or(holes.less)),
        None => (Vec::new(), Some(too_much)),
    };
    Evaluated { items, more, less: set.less.or(holes.more), negated: true }
}
