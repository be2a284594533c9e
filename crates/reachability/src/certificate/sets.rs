//! Sets of packets as products of intervals.
//!
//! In: intervals. Out: [`Values`], [`Cube`]s and [`Packets`] with intersection, difference and inclusion. Always: exact; a
//! union is a list and never joined, so that it is as plain to read as it was to write.

use std::rc::Rc;

/// Consecutive values of one kind, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval {
    /// Of what kind: whose address, and which family. Numbers have kind 0.
    pub kind: u64,
    /// First.
    pub first: u128,
    /// Last.
    pub last: u128,
}

/// Values of one field: intervals in order, none touching the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values(Rc<[Interval]>);

impl Values {
    /// The union of intervals in any order.
    pub fn of(intervals: impl IntoIterator<Item = Interval>) -> Self {
        let mut all: Vec<Interval> = intervals.into_iter().filter(|one| one.first <= one.last).collect();
        all.sort_unstable();
        let mut out: Vec<Interval> = Vec::with_capacity(all.len());
        for one in all {
            match out.last_mut() {
                Some(end) if end.kind == one.kind && one.first <= end.last.saturating_add(1) => {
                    end.last = end.last.max(one.last);
                }
                _ => out.push(one),
            }
        }
        Self(out.into())
    }

    /// Numbers from one to another.
    #[must_use]
    pub fn numbers(first: u32, last: u32) -> Self {
        Self::of([Interval { kind: 0, first: first.into(), last: last.into() }])
    }

    /// The intervals in order.
    #[must_use]
    pub fn intervals(&self) -> &[Interval] {
        &self.0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// In one or both.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        Self::of(self.0.iter().chain(other.0.iter()).copied())
    }

    /// In both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        if Rc::ptr_eq(&self.0, &other.0) {
            return self.clone();
        }
        let (mut left, mut right) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut out = Vec::new();
        while let (Some(&&a), Some(&&b)) = (left.peek(), right.peek()) {
            if a.kind == b.kind && a.first.max(b.first) <= a.last.min(b.last) {
                out.push(Interval { kind: a.kind, first: a.first.max(b.first), last: a.last.min(b.last) });
            }
            if (a.kind, a.last) < (b.kind, b.last) {
                left.next();
            } else {
                right.next();
            }
        }
        Self(out.into())
    }

    /// In this and not in the other.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let mut out = Vec::new();
        for one in self.0.iter() {
            let mut from = Some(one.first);
            let start = other.0.partition_point(|hole| (hole.kind, hole.last) < (one.kind, one.first));
            let holes = other.0.iter().skip(start);
            for hole in holes.take_while(|hole| hole.kind == one.kind && hole.first <= one.last) {
                let Some(at) = from else { break };
                if hole.first > at {
                    out.push(Interval { first: at, last: hole.first - 1, ..*one });
                }
                from = hole.last.checked_add(1);
            }
            if let Some(at) = from.filter(|at| *at <= one.last) {
                out.push(Interval { first: at, ..*one });
            }
        }
        Self(out.into())
    }
}

/// The fields of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The destination's address.
    To,
    /// The source's address.
    From,
    /// The protocol by IANA number.
    Protocol,
    /// The destination port, or the ICMP type.
    Port,
    /// The source port, or the ICMP code.
    SourcePort,
}

const FIELDS: [Field; 5] = [Field::To, Field::From, Field::Protocol, Field::Port, Field::SourcePort];

/// All packets whose every field has one of some values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cube {
    /// Destination addresses.
    pub to: Values,
    /// Source addresses.
    pub from: Values,
    /// Protocols.
    pub protocol: Values,
    /// Destination ports.
    pub port: Values,
    /// Source ports.
    pub source_port: Values,
}

impl Cube {
    /// A field's values.
    #[must_use]
    pub fn get(&self, field: Field) -> &Values {
        match field {
            Field::To => &self.to,
            Field::From => &self.from,
            Field::Protocol => &self.protocol,
            Field::Port => &self.port,
            Field::SourcePort => &self.source_port,
        }
    }

    /// The same with other values of a field.
    #[must_use]
    pub fn with(&self, field: Field, values: Values) -> Self {
        let mut out = self.clone();
        match field {
            Field::To => out.to = values,
            Field::From => out.from = values,
            Field::Protocol => out.protocol = values,
            Field::Port => out.port = values,
            Field::SourcePort => out.source_port = values,
        }
        out
    }

    /// Those with a field among values.
    #[must_use]
    pub fn among(&self, field: Field, values: &Values) -> Option<Self> {
        let both = self.get(field).and(values);
        (!both.is_empty()).then(|| self.with(field, both))
    }

    /// In both, looking at all fields but some.
    #[must_use]
    pub fn and_but(&self, other: &Self, ignored: &[Field]) -> Option<Self> {
        let mut out = self.clone();
        for field in FIELDS.into_iter().filter(|field| !ignored.contains(field)) {
            out = out.among(field, other.get(field))?;
        }
        Some(out)
    }

    /// In this and not in the other, in pieces that do not overlap.
    fn minus(&self, other: &Self, out: &mut Vec<Self>) {
        let apart = |field: &Field| self.get(*field).and(other.get(*field)).is_empty();
        if FIELDS.iter().any(apart) {
            return out.push(self.clone());
        }
        let mut rest = self.clone();
        for field in FIELDS {
            let outside = rest.get(field).minus(other.get(field));
            if !outside.is_empty() {
                out.push(rest.with(field, outside));
                rest = rest.with(field, rest.get(field).and(other.get(field)));
            }
        }
    }
}

/// A union of cubes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packets(pub Vec<Cube>);

impl Packets {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds others.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Those with a field among values.
    #[must_use]
    pub fn among(&self, field: Field, values: &Values) -> Self {
        Self(self.0.iter().filter_map(|cube| cube.among(field, values)).collect())
    }

    /// The same with a field changed to values.
    #[must_use]
    pub fn with(&self, field: Field, values: &Values) -> Self {
        if values.is_empty() {
            return Self::default();
        }
        Self(self.0.iter().map(|cube| cube.with(field, values.clone())).collect())
    }

    /// In both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        self.and_but(other, &[])
    }

    /// Members of this that agree with one of the other in all fields but some.
    #[must_use]
    pub fn and_but(&self, other: &Self, ignored: &[Field]) -> Self {
        let pairs = self.0.iter().flat_map(|left| other.0.iter().map(move |right| (left, right)));
        Self(pairs.filter_map(|(left, right)| left.and_but(right, ignored)).collect())
    }

    /// In this and not in the other.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let mut rest = self.0.clone();
        for hole in &other.0 {
            if rest.is_empty() {
                break;
            }
            let mut next = Vec::with_capacity(rest.len());
            rest.iter().for_each(|cube| cube.minus(hole, &mut next));
            rest = next;
        }
        Self(rest)
    }
}
