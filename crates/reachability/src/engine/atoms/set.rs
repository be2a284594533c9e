//! Sets of atoms.
//!
//! In: positions of atoms. Out: [`AtomSet`]. Always: ranges in order, none touching the next, so that equal sets are equal
//! values.

/// A set of atoms: ranges of positions in order, without overlap or neighbours, both ends included.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct AtomSet(Vec<(u32, u32)>);

impl AtomSet {
    /// From any positions.
    pub fn of(atoms: impl IntoIterator<Item = u32>) -> Self {
        Self::joined(atoms.into_iter().map(|at| (at, at)).collect())
    }

    /// One range, both ends included.
    pub(super) fn range(first: u32, last: u32) -> Self {
        Self(vec![(first, last)])
    }

    fn joined(mut ranges: Vec<(u32, u32)>) -> Self {
        ranges.sort_unstable();
        let mut out: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
        for (lo, hi) in ranges {
            match out.last_mut() {
                Some((_, end)) if lo <= end.saturating_add(1) => *end = hi.max(*end),
                _ => out.push((lo, hi)),
            }
        }
        Self(out)
    }

    /// The ranges.
    #[must_use]
    pub fn ranges(&self) -> &[(u32, u32)] {
        &self.0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The positions.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().flat_map(|(lo, hi)| *lo..=*hi)
    }

    /// Whether it has this one.
    #[must_use]
    pub fn contains(&self, atom: u32) -> bool {
        let at = self.0.partition_point(|(_, hi)| *hi < atom);
        self.0.get(at).is_some_and(|(lo, _)| *lo <= atom)
    }

    /// Both.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        Self::joined(self.0.iter().chain(&other.0).copied().collect())
    }

    /// In both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let (mut left, mut right, mut out) =
            (self.0.iter().peekable(), other.0.iter().peekable(), Vec::new());
        while let (Some(&&(a, b)), Some(&&(c, d))) = (left.peek(), right.peek()) {
            if a.max(c) <= b.min(d) {
                out.push((a.max(c), b.min(d)));
            }
            if b < d {
                left.next()
            } else {
                right.next()
            };
        }
        Self(out)
    }

    /// In this and not in the other.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let mut out = Vec::new();
        let mut holes = other.0.iter().peekable();
        for &(lo, hi) in &self.0 {
            let mut from = lo;
            let mut open = true;
            while let Some(&&(a, b)) = holes.peek() {
                if b < from {
                    holes.next();
                    continue;
                }
                if a > hi {
                    break;
                }
                if a > from {
                    out.push((from, a - 1));
                }
                if b >= hi {
                    open = false;
                    break;
                }
                from = b + 1;
                holes.next();
            }
            if open {
                out.push((from, hi));
            }
        }
        Self(out)
    }
}
