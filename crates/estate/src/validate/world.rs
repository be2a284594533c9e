//! The combinations of conditions under which a resource is looked at.
//!
//! In: a stack and one of its resources. Out: [`Worlds`], in each of which every condition that the resource
//! depends on is true or false.
//! Always: a combination is left out only when its conditions cannot have these truths together, judged by
//! what they compare (`Environment = prod` and `Environment = dev`) and by how they are built of each other.

use std::collections::BTreeSet;

use crate::{ConditionRef, Formula, Kind, Resource, Stack, Value};

use super::scalar::same;

/// Comparisons of which every combination of truths is tried.
const MOST_ATOMS: usize = 8;
/// Combinations that are looked at.
const MOST_WORLDS: usize = 64;
/// How deep conditions may be built of each other.
const MOST_DEPTH: usize = 32;

/// Truths of conditions.
pub(crate) type World<'a> = Vec<(&'a ConditionRef, bool)>;

/// The combinations to look at.
pub(crate) struct Worlds<'a> {
    pub(crate) all: Vec<World<'a>>,
    /// Whether these are all there are.
    pub(crate) complete: bool,
}

/// The combinations that matter for `resource`: one, without truths, where none of its values depends on a
/// condition.
pub(crate) fn worlds<'a>(stack: &'a Stack, resource: &'a Resource) -> Worlds<'a> {
    let mut used: Vec<&'a ConditionRef> = Vec::new();
    collect(&resource.properties, &mut used);
    if used.is_empty() {
        return Worlds { all: vec![Vec::new()], complete: true };
    }
    if let Some(condition) = &resource.condition
        && !used.contains(&condition)
    {
        used.push(condition);
    }
    let mut atoms = Atoms { stack, list: Vec::new() };
    for condition in &used {
        atoms.of_condition(&condition.name, 0);
    }
    // What is beyond the limit keeps one truth, and the result is not complete.
    let complete = atoms.list.len() <= MOST_ATOMS;
    let mut seen: BTreeSet<Vec<bool>> = BTreeSet::new();
    for number in 0..1_u32 << atoms.list.len().min(MOST_ATOMS) {
        let truths: Vec<bool> =
            (0..atoms.list.len()).map(|at| at >= MOST_ATOMS || number >> at & 1 == 1).collect();
        if !atoms.possible(&truths) {
            continue;
        }
        let world: Vec<bool> =
            used.iter().map(|condition| atoms.truth(&condition.name, &truths, 0)).collect();
        let exists =
            resource.condition.as_ref().and_then(|own| used.iter().position(|condition| *condition == own));
        if exists.and_then(|at| world.get(at)) != Some(&false) {
            seen.insert(world);
        }
    }
    let total = seen.len();
    // True before false: the first world is the one people think of first.
    let all = seen
        .into_iter()
        .rev()
        .take(MOST_WORLDS)
        .map(|world| used.iter().copied().zip(world).collect())
        .collect();
    Worlds { all, complete: complete && total <= MOST_WORLDS }
}

impl Worlds<'_> {
    /// In words, when these worlds are: nothing when all are meant.
    pub(crate) fn describe(&self, numbers: &[usize]) -> Option<String> {
        if numbers.len() == self.all.len() {
            return None;
        }
        let among = |number: usize| numbers.contains(&number);
        let first = numbers.first().and_then(|number| self.all.get(*number))?;
        let literals: Vec<(&ConditionRef, bool)> = first.clone();
        let exactly = |chosen: &[(&ConditionRef, bool)]| {
            self.all
                .iter()
                .enumerate()
                .all(|(number, world)| chosen.iter().all(|literal| world.contains(literal)) == among(number))
        };
        let words = |chosen: &[(&ConditionRef, bool)]| {
            let each = chosen
                .iter()
                .map(|(condition, truth)| format!("{}{}", if *truth { "" } else { "not " }, condition.name));
            format!("if {}", each.collect::<Vec<_>>().join(" and "))
        };
        if let Some(one) = literals.iter().find(|literal| exactly(&[**literal])) {
            return Some(words(&[*one]));
        }
        for (at, one) in literals.iter().enumerate() {
            for two in literals.iter().skip(at + 1) {
                if exactly(&[*one, *two]) {
                    return Some(words(&[*one, *two]));
                }
            }
        }
        Some(words(&literals))
    }
}

/// Conditions that values depend on, in order.
fn collect<'a>(value: &'a Value, out: &mut Vec<&'a ConditionRef>) {
    match &value.kind {
        Kind::List(items) | Kind::Join(items) => items.iter().for_each(|item| collect(item, out)),
        Kind::Map(map) => map.iter().for_each(|entry| collect(&entry.value, out)),
        Kind::Case(case) => {
            if !out.contains(&&case.condition) {
                out.push(&case.condition);
            }
            collect(&case.then, out);
            collect(&case.otherwise, out);
        }
        Kind::Call(call) => call.arguments.iter().for_each(|argument| collect(argument, out)),
        _ => {}
    }
}

/// What can be true or false by itself.
enum Atom<'a> {
    Equals(&'a Value, &'a Value),
    /// A condition that is not declared or could not be read.
    Opaque(&'a str),
}

/// The atoms that conditions of a stack are built of.
struct Atoms<'a> {
    stack: &'a Stack,
    list: Vec<Atom<'a>>,
}

impl<'a> Atoms<'a> {
    fn of_condition(&mut self, name: &'a str, depth: usize) {
        match self.stack.conditions.get(name) {
            Some(condition) if depth < MOST_DEPTH => self.of_formula(&condition.formula, name, depth),
            _ => self.add(Atom::Opaque(name)),
        }
    }

    fn of_formula(&mut self, formula: &'a Formula, name: &'a str, depth: usize) {
        match formula {
            Formula::Known(_) => {}
            Formula::Equals(left, right) => self.add(Atom::Equals(left, right)),
            Formula::And(all) | Formula::Or(all) => {
                all.iter().for_each(|formula| self.of_formula(formula, name, depth + 1));
            }
            Formula::Not(inner) => self.of_formula(inner, name, depth + 1),
            Formula::Named(other) => self.of_condition(other, depth + 1),
            Formula::Unreadable => self.add(Atom::Opaque(name)),
        }
    }

    fn add(&mut self, atom: Atom<'a>) {
        if self.position(&atom).is_none() {
            self.list.push(atom);
        }
    }

    fn position(&self, atom: &Atom<'_>) -> Option<usize> {
        self.list.iter().position(|known| match (known, atom) {
            (Atom::Opaque(a), Atom::Opaque(b)) => a == b,
            (Atom::Equals(a, b), Atom::Equals(c, d)) => {
                (same(a, c) && same(b, d)) || (same(a, d) && same(b, c))
            }
            _ => false,
        })
    }

    fn truth(&self, name: &str, truths: &[bool], depth: usize) -> bool {
        match self.stack.conditions.get(name) {
            Some(condition) if depth < MOST_DEPTH => self.holds(&condition.formula, name, truths, depth),
            _ => self.atom(&Atom::Opaque(name), truths),
        }
    }

    fn holds(&self, formula: &Formula, name: &str, truths: &[bool], depth: usize) -> bool {
        match formula {
            Formula::Known(truth) => *truth,
            Formula::Equals(left, right) => self.atom(&Atom::Equals(left, right), truths),
            Formula::And(all) => all.iter().all(|formula| self.holds(formula, name, truths, depth + 1)),
            Formula::Or(all) => all.iter().any(|formula| self.holds(formula, name, truths, depth + 1)),
            Formula::Not(inner) => !self.holds(inner, name, truths, depth + 1),
            Formula::Named(other) => self.truth(other, truths, depth + 1),
            Formula::Unreadable => self.atom(&Atom::Opaque(name), truths),
        }
    }

    fn atom(&self, atom: &Atom<'_>, truths: &[bool]) -> bool {
        self.position(atom).and_then(|at| truths.get(at)).copied().unwrap_or(true)
    }

    /// Whether these truths can be together: one value is not two texts, and is one of those allowed.
    fn possible(&self, truths: &[bool]) -> bool {
        let sided: Vec<(&Value, &Value, bool)> = (self.list.iter().zip(truths))
            .filter_map(|(atom, truth)| match atom {
                Atom::Equals(value, literal) if literal.as_text().is_some() => {
                    Some((*value, *literal, *truth))
                }
                Atom::Equals(literal, value) if literal.as_text().is_some() => {
                    Some((*value, *literal, *truth))
                }
                _ => None,
            })
            .collect();
        sided.iter().enumerate().all(|(at, (value, literal, truth))| {
            let contradicted = *truth
                && sided.iter().skip(at + 1).any(|(other, text, truth)| {
                    *truth && same(value, other) && literal.as_text() != text.as_text()
                });
            !contradicted && Self::allowed(value, literal, *truth, &sided)
        })
    }

    fn allowed(value: &Value, literal: &Value, truth: bool, sided: &[(&Value, &Value, bool)]) -> bool {
        let Kind::Unknown(unknown) = &value.kind else { return true };
        let Some(allowed) = &unknown.allowed else { return true };
        if truth {
            return allowed.iter().any(|one| one.as_text() == literal.as_text());
        }
        // It is something: not everything allowed may be denied.
        allowed.iter().any(|one| {
            !sided
                .iter()
                .any(|(other, text, truth)| !truth && same(value, other) && text.as_text() == one.as_text())
        })
    }
}
