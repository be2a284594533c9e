//! Sets of bit strings as reduced, ordered, shared decision diagrams.
//!
//! In: unions, intersections and differences of sets, and ranges of a field. Out: [`Set`]s, positions in one store.
//! Always: equal sets are the same position, so emptiness and equality are comparisons of two integers; an operation
//! costs at most the product of its operands' nodes; past [`LIMIT`] nodes the store is [`Store::exhausted`], and
//! nothing it answers may be believed.
//!
//! Source: R. E. Bryant, "Graph-Based Algorithms for Boolean Function Manipulation" (1986).

use rustc_hash::FxHashMap;

/// Nodes that a store may hold: 2 GiB with its tables.
pub const LIMIT: usize = 40_000_000;

/// A set of bit strings, in the store that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Set(u32);

impl Set {
    /// Nothing.
    pub const EMPTY: Self = Self(0);
    /// Everything.
    pub const FULL: Self = Self(1);

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Self::EMPTY
    }
}

/// The variable that comes after all others: that of the two constants.
const NO_VARIABLE: u16 = u16::MAX;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Node {
    variable: u16,
    zero: Set,
    one: Set,
}

impl Node {
    fn hash(self) -> usize {
        let both = u64::from(self.zero.0) << 32 | u64::from(self.one.0);
        let mixed = (both ^ u64::from(self.variable) << 25).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
        usize::try_from(mixed >> 24).unwrap_or(0)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Operation {
    And,
    Or,
    Minus,
}

/// Consecutive variables that spell a number, the most significant first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Field {
    /// The first variable.
    pub first: u16,
    /// How many.
    pub bits: u16,
}

impl Field {
    /// One past the last variable.
    #[must_use]
    pub fn end(self) -> u16 {
        self.first + self.bits
    }

    /// The largest number.
    #[must_use]
    pub fn max(self) -> u32 {
        u32::try_from((1_u64 << self.bits) - 1).unwrap_or(u32::MAX)
    }
}

/// Answers that are remembered: a table where a later answer takes the place of an earlier one with the same hash.
const REMEMBERED: usize = 1 << 16;

/// The most of them: 64 MiB.
const MOST_REMEMBERED: usize = 1 << 22;

#[derive(Debug, Clone, Copy)]
struct Remembered {
    operation: Operation,
    left: Set,
    right: Set,
    answer: Set,
}

/// What a swap of two fields has found so far.
#[derive(Debug, Default)]
struct Swap {
    /// Variables of the first field, and of the second.
    bits: u16,
    /// One past the last variable of the second.
    end: u16,
    known: FxHashMap<Set, Set>,
    joined: FxHashMap<(u16, Set, Set), Set>,
}

/// Where sets live.
#[derive(Debug)]
pub struct Store {
    nodes: Vec<Node>,
    /// Positions of nodes by their hash, 0 for none: open addressing, at most half full, which is a third of the memory of a
    /// map from nodes.
    unique: Vec<u32>,
    remembered: Vec<Option<Remembered>>,
    /// Sets with two fields in each other's place.
    swapped: FxHashMap<Set, Set>,
    exhausted: bool,
}

impl Default for Store {
    fn default() -> Self {
        let constant = |set| Node { variable: NO_VARIABLE, zero: set, one: set };
        Self {
            nodes: vec![constant(Set::EMPTY), constant(Set::FULL)],
            unique: vec![0; 1 << 12],
            remembered: vec![None; REMEMBERED],
            swapped: FxHashMap::default(),
            exhausted: false,
        }
    }
}

impl Store {
    /// How many nodes there are.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// Whether the limit was met, so that no set is what it seems.
    #[must_use]
    pub fn exhausted(&self) -> bool {
        self.exhausted
    }

    fn node(&self, set: Set) -> Node {
        self.nodes.get(set.0 as usize).copied().unwrap_or(Node {
            variable: NO_VARIABLE,
            zero: Set::EMPTY,
            one: Set::EMPTY,
        })
    }

    /// The set whose members have `zero`'s rest where a variable is 0, and `one`'s where it is 1.
    fn choice(&mut self, variable: u16, zero: Set, one: Set) -> Set {
        if zero == one {
            return zero;
        }
        let node = Node { variable, zero, one };
        let mask = self.unique.len() - 1;
        let mut place = node.hash() & mask;
        while let Some(&at) = self.unique.get(place).filter(|at| **at != 0) {
            if self.nodes.get(at as usize) == Some(&node) {
                return Set(at);
            }
            place = (place + 1) & mask;
        }
        if self.nodes.len() >= LIMIT {
            self.exhausted = true;
            return Set::EMPTY;
        }
        let set = Set(u32::try_from(self.nodes.len()).unwrap_or(0));
        if self.nodes.len() > self.remembered.len() && self.remembered.len() < MOST_REMEMBERED {
            self.remembered = vec![None; 4 * self.remembered.len()];
        }
        self.nodes.push(node);
        if let Some(slot) = self.unique.get_mut(place) {
            *slot = set.0;
        }
        if 2 * self.nodes.len() > self.unique.len() {
            self.grow();
        }
        set
    }

    /// Makes room for more nodes.
    fn grow(&mut self) {
        let mask = 4 * self.unique.len() - 1;
        let mut places = vec![0; mask + 1];
        for (at, node) in (0_u32..).zip(&self.nodes).skip(2) {
            let mut place = node.hash() & mask;
            while places.get(place).is_some_and(|taken| *taken != 0) {
                place = (place + 1) & mask;
            }
            if let Some(slot) = places.get_mut(place) {
                *slot = at;
            }
        }
        self.unique = places;
    }

    /// Members of both.
    pub fn and(&mut self, left: Set, right: Set) -> Set {
        self.apply(Operation::And, left.min(right), left.max(right))
    }

    /// Members of one or both.
    pub fn or(&mut self, left: Set, right: Set) -> Set {
        self.apply(Operation::Or, left.min(right), left.max(right))
    }

    /// Members of the first that are not members of the second.
    pub fn minus(&mut self, left: Set, right: Set) -> Set {
        self.apply(Operation::Minus, left, right)
    }

    /// Everything that is not a member.
    pub fn not(&mut self, set: Set) -> Set {
        self.minus(Set::FULL, set)
    }

    /// Whether every member of the first is a member of the second.
    pub fn within(&mut self, left: Set, right: Set) -> bool {
        self.minus(left, right).is_empty()
    }

    /// The union of many, by halves so that no intermediate result is built up one by one.
    pub fn any(&mut self, sets: &[Set]) -> Set {
        match sets {
            [] => Set::EMPTY,
            [one] => *one,
            _ => {
                let (left, right) = sets.split_at(sets.len() / 2);
                let (left, right) = (self.any(left), self.any(right));
                self.or(left, right)
            }
        }
    }

    /// The same strings with two fields of equal length in each other's place, the first of which begins with the first
    /// variable and the second of which follows it. A store swaps the same two always.
    pub fn swapped(&mut self, set: Set, first: Field, second: Field) -> Set {
        if let Some(&known) = self.swapped.get(&set) {
            return known;
        }
        let mut swap = Swap { bits: second.first - first.first, end: second.end(), ..Swap::default() };
        let answer = self.swap(set, &mut swap);
        self.swapped.insert(set, answer);
        self.swapped.insert(answer, set);
        answer
    }

    fn swap(&mut self, set: Set, swap: &mut Swap) -> Set {
        let node = self.node(set);
        if node.variable >= swap.end {
            return set;
        }
        if let Some(&known) = swap.known.get(&set) {
            return known;
        }
        let (zero, one) = (self.swap(node.zero, swap), self.swap(node.one, swap));
        let answer = if node.variable < swap.bits {
            self.beneath(node.variable + swap.bits, zero, one, swap)
        } else {
            self.choice(node.variable - swap.bits, zero, one)
        };
        swap.known.insert(set, answer);
        answer
    }

    /// A choice at a variable that comes after some of those of its two branches. Where the branches are the same there is
    /// none, so that it costs what they differ in.
    fn beneath(&mut self, variable: u16, zero: Set, one: Set, swap: &mut Swap) -> Set {
        if zero == one {
            return zero;
        }
        let (a, b) = (self.node(zero), self.node(one));
        let top = a.variable.min(b.variable);
        if top >= variable {
            return self.choice(variable, zero, one);
        }
        if let Some(&known) = swap.joined.get(&(variable, zero, one)) {
            return known;
        }
        let (a0, a1) = if a.variable == top { (a.zero, a.one) } else { (zero, zero) };
        let (b0, b1) = if b.variable == top { (b.zero, b.one) } else { (one, one) };
        let (low, high) = (self.beneath(variable, a0, b0, swap), self.beneath(variable, a1, b1, swap));
        let answer = self.choice(top, low, high);
        swap.joined.insert((variable, zero, one), answer);
        answer
    }

    fn apply(&mut self, operation: Operation, left: Set, right: Set) -> Set {
        match (operation, left, right) {
            (Operation::And, Set::EMPTY, _) | (Operation::Minus, Set::EMPTY, _) => return Set::EMPTY,
            (Operation::And, Set::FULL, other) | (Operation::Or, Set::EMPTY, other) => return other,
            (Operation::Or, Set::FULL, _) => return Set::FULL,
            (Operation::Minus, _, Set::FULL) => return Set::EMPTY,
            (Operation::Minus, _, Set::EMPTY) => return left,
            (Operation::Minus, _, _) if left == right => return Set::EMPTY,
            _ if left == right => return left,
            _ => {}
        }
        let place = hash(operation, left, right);
        let slot = place & (self.remembered.len() - 1);
        if let Some(Some(known)) = self.remembered.get(slot)
            && (known.operation, known.left, known.right) == (operation, left, right)
        {
            return known.answer;
        }
        let (a, b) = (self.node(left), self.node(right));
        let variable = a.variable.min(b.variable);
        let (a0, a1) = if a.variable == variable { (a.zero, a.one) } else { (left, left) };
        let (b0, b1) = if b.variable == variable { (b.zero, b.one) } else { (right, right) };
        let (zero, one) = (self.ordered(operation, a0, b0), self.ordered(operation, a1, b1));
        let answer = self.choice(variable, zero, one);
        let slot = place & (self.remembered.len() - 1);
        if let Some(place) = self.remembered.get_mut(slot) {
            *place = Some(Remembered { operation, left, right, answer });
        }
        answer
    }

    fn ordered(&mut self, operation: Operation, left: Set, right: Set) -> Set {
        match operation {
            Operation::Minus => self.apply(operation, left, right),
            _ => self.apply(operation, left.min(right), left.max(right)),
        }
    }

    /// Strings whose field has a value in one of the ranges, given in order and without overlap, both ends included.
    pub fn values(&mut self, field: Field, ranges: &[(u32, u32)]) -> Set {
        self.values_below(field, field.first, 0, ranges)
    }

    fn values_below(&mut self, field: Field, variable: u16, base: u32, ranges: &[(u32, u32)]) -> Set {
        let size = 1_u64 << (field.end() - variable);
        let last = u32::try_from(u64::from(base) + size - 1).unwrap_or(u32::MAX);
        let from = ranges.partition_point(|(_, hi)| *hi < base);
        let to = ranges.partition_point(|(lo, _)| *lo <= last);
        let Some(inside) = ranges.get(from..to).filter(|inside| !inside.is_empty()) else {
            return Set::EMPTY;
        };
        if let [(lo, hi)] = inside
            && *lo <= base
            && *hi >= last
        {
            return Set::FULL;
        }
        if variable >= field.end() {
            return Set::EMPTY;
        }
        let half = u32::try_from(size / 2).unwrap_or(0);
        let zero = self.values_below(field, variable + 1, base, inside);
        let one = self.values_below(field, variable + 1, base + half, inside);
        self.choice(variable, zero, one)
    }

    /// Members with the field changed to any value: what is left when nobody looks at it.
    pub fn without(&mut self, set: Set, field: Field) -> Set {
        let mut known = FxHashMap::default();
        self.quantified(set, field, Operation::Or, &mut known)
    }

    /// Members that stay members whatever the field's value, among the values allowed.
    pub fn for_all(&mut self, set: Set, field: Field, allowed: Set) -> Set {
        let outside = self.not(allowed);
        let either = self.or(set, outside);
        let mut known = FxHashMap::default();
        self.quantified(either, field, Operation::And, &mut known)
    }

    fn quantified(
        &mut self,
        set: Set,
        field: Field,
        operation: Operation,
        known: &mut FxHashMap<Set, Set>,
    ) -> Set {
        let node = self.node(set);
        if node.variable >= field.end() {
            return set;
        }
        if let Some(&answer) = known.get(&set) {
            return answer;
        }
        let zero = self.quantified(node.zero, field, operation, known);
        let one = self.quantified(node.one, field, operation, known);
        let answer = if node.variable >= field.first {
            self.ordered(operation, zero, one)
        } else {
            self.choice(node.variable, zero, one)
        };
        known.insert(set, answer);
        answer
    }

    /// The values of a field with what may follow each, in order; neighbours with equal rests are one. The set must not
    /// depend on variables before the field.
    #[must_use]
    pub fn split(&self, set: Set, field: Field) -> Vec<(u32, u32, Set)> {
        let mut parts = Vec::new();
        self.split_below(set, field, field.first, 0, &mut parts);
        parts
    }

    fn split_below(
        &self,
        set: Set,
        field: Field,
        variable: u16,
        base: u32,
        parts: &mut Vec<(u32, u32, Set)>,
    ) {
        if set.is_empty() {
            return;
        }
        let node = self.node(set);
        let half = u32::try_from((1_u64 << (field.end() - variable)) / 2).unwrap_or(0);
        if node.variable >= field.end() {
            let last = u32::try_from(u64::from(base) + (1_u64 << (field.end() - variable)) - 1);
            let last = last.unwrap_or(u32::MAX);
            match parts.last_mut() {
                Some((_, hi, rest)) if *rest == set && hi.checked_add(1) == Some(base) => *hi = last,
                _ => parts.push((base, last, set)),
            }
            return;
        }
        let (zero, one) = if node.variable == variable { (node.zero, node.one) } else { (set, set) };
        self.split_below(zero, field, variable + 1, base, parts);
        self.split_below(one, field, variable + 1, base + half, parts);
    }

    /// What follows a value of the field. The set must not depend on variables before it.
    #[must_use]
    pub fn at(&self, set: Set, field: Field, value: u32) -> Set {
        let mut at = set;
        loop {
            let node = self.node(at);
            if node.variable >= field.end() {
                return at;
            }
            let bit = (value >> (field.end() - 1 - node.variable)) & 1;
            at = if bit == 0 { node.zero } else { node.one };
        }
    }

    /// The smallest value of a field that something follows. The set must not depend on variables before it.
    #[must_use]
    pub fn first(&self, set: Set, field: Field) -> Option<u32> {
        let (mut at, mut value) = (set, 0_u32);
        loop {
            if at.is_empty() {
                return None;
            }
            let node = self.node(at);
            if node.variable >= field.end() {
                return Some(value);
            }
            if node.zero.is_empty() {
                value |= 1 << (field.end() - 1 - node.variable);
                at = node.one;
            } else {
                at = node.zero;
            }
        }
    }

    /// The same set, made in another store.
    pub fn import(&mut self, other: &Self, set: Set) -> Set {
        let mut known = FxHashMap::default();
        self.import_below(other, set, &mut known)
    }

    fn import_below(&mut self, other: &Self, set: Set, known: &mut FxHashMap<Set, Set>) -> Set {
        if set == Set::EMPTY || set == Set::FULL {
            return set;
        }
        if let Some(&here) = known.get(&set) {
            return here;
        }
        let node = other.node(set);
        let zero = self.import_below(other, node.zero, known);
        let one = self.import_below(other, node.one, known);
        let here = self.choice(node.variable, zero, one);
        known.insert(set, here);
        here
    }

    /// Whether a string is a member, the string given as the value of each field in order of variables.
    #[must_use]
    pub fn contains(&self, set: Set, values: &[(Field, u32)]) -> bool {
        values.iter().fold(set, |at, (field, value)| self.at(at, *field, *value)) == Set::FULL
    }
}

fn hash(operation: Operation, left: Set, right: Set) -> usize {
    let mixed = (u64::from(left.0) << 32 | u64::from(right.0)).wrapping_add(match operation {
        Operation::And => 0x9E37_79B9_7F4A_7C15,
        Operation::Or => 0xC2B2_AE3D_27D4_EB4F,
        Operation::Minus => 0x1656_67B1_9E37_79F9,
    });
    let mixed = mixed.wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    usize::try_from(mixed >> 40).unwrap_or(0)
}
