//! Conditions: their formulas, their truth where it is known, and what one says about another.
//!
//! In: the section `Conditions`. Out: [`Condition`]s. Always: a condition is true or false only where every
//! value it depends on says so; a circle of conditions is reported and leaves them undecided.

use std::collections::HashMap;

use diagnostics::{Diagnostic, Span, did_you_mean};
use document::{Entry, Kind as NodeKind, Node};
use estate::{Condition, Formula, Kind, Target, Value};
use indexmap::IndexMap;
use smol_str::SmolStr;

use super::evaluate::Scope;
use super::syntax::{Intrinsic, Invocation, Shape, shape};
use crate::{BAD_ARGUMENT, BAD_CONDITION, CONDITION_CYCLE, UNKNOWN_CONDITION};

/// How many steps a question about assumptions may take before the answer is "not known".
const MOST_STEPS: usize = 512;

impl Scope<'_, '_> {
    /// Reads the section.
    pub fn read_conditions(&mut self, entries: &[Entry]) {
        let entries = self.loops_unrolled(entries);
        let at: IndexMap<SmolStr, &Entry> =
            entries.iter().map(|entry| (entry.key.text.clone(), entry)).collect();
        // Placeholders first: a condition may name one that stands further down.
        for (name, entry) in &at {
            let placeholder = Condition { formula: Formula::Unreadable, truth: None, span: entry.key.span };
            self.conditions.insert(name.clone(), placeholder);
        }
        for name in self.in_order(&at) {
            let Some(entry) = at.get(&name) else { continue };
            let formula = self.formula(&entry.value);
            let truth = self.known(&formula);
            let formula = truth.map_or(formula, Formula::Known);
            self.conditions.insert(name, Condition { formula, truth, span: entry.key.span });
        }
    }

    /// The conditions in an order in which each stands behind those it names. Those in a circle are left out
    /// and reported.
    fn in_order(&mut self, at: &IndexMap<SmolStr, &Entry>) -> Vec<SmolStr> {
        let names = |entry: &Entry| {
            let mut out = Vec::new();
            named_in(&entry.value, &mut out);
            out
        };
        let mut state: HashMap<&SmolStr, bool> = HashMap::new();
        let mut order = Vec::new();
        let mut circular: std::collections::HashSet<SmolStr> = std::collections::HashSet::new();
        for start in at.keys() {
            let mut stack: Vec<(&SmolStr, Vec<SmolStr>)> = Vec::new();
            if !state.contains_key(start) {
                state.insert(start, false);
                stack.push((start, at.get(start).map(|entry| names(entry)).unwrap_or_default()));
            }
            while let Some((name, open)) = stack.last_mut() {
                let Some(next) = open.pop() else {
                    state.insert(name, true);
                    order.push((*name).clone());
                    stack.pop();
                    continue;
                };
                let Some((next, entry)) = at.get_key_value(&next) else { continue };
                match state.get(next) {
                    Some(true) => {}
                    Some(false) => {
                        let from = stack.iter().position(|(name, _)| *name == next).unwrap_or(0);
                        let circle: Vec<SmolStr> =
                            stack.iter().skip(from).map(|(name, _)| (*name).clone()).collect();
                        if !circle.iter().any(|name| circular.contains(name)) {
                            self.report_circle(&circle, at);
                        }
                        circular.extend(circle);
                    }
                    None => {
                        state.insert(next, false);
                        stack.push((next, names(entry)));
                    }
                }
            }
        }
        order.retain(|name| !circular.contains(name));
        order
    }

    fn report_circle(&mut self, circle: &[SmolStr], at: &IndexMap<SmolStr, &Entry>) {
        let Some(first) = circle.first().and_then(|name| at.get(name)) else { return };
        let shown: Vec<_> = circle.iter().take(8).map(SmolStr::as_str).collect();
        let text = format!("conditions depend on each other in a circle: {}", shown.join(", "));
        let mut diagnostic = Diagnostic::error(CONDITION_CYCLE, first.key.span, text);
        for name in circle.iter().skip(1).take(8) {
            if let Some(entry) = at.get(name) {
                diagnostic = diagnostic.related(entry.key.span, "and here");
            }
        }
        self.report(diagnostic);
    }

    /// The formula of a node where a condition stands.
    fn formula(&mut self, node: &Node) -> Formula {
        match shape(node, true) {
            Shape::Invocation(call) => self.condition_function(&call),
            _ => {
                let text = format!("a condition is a function, not {}", node.describe());
                let bad = Diagnostic::error(BAD_CONDITION, node.span, text);
                self.report(bad.expected("`Fn::Equals`, `Fn::And`, `Fn::Or`, `Fn::Not` or `Condition`"));
                Formula::Unreadable
            }
        }
    }

    fn condition_function(&mut self, call: &Invocation<'_>) -> Formula {
        match call.function {
            Intrinsic::Condition => match call.text() {
                Some(name) if self.condition_exists(&name, call.argument.span) => Formula::Named(name),
                Some(_) => Formula::Unreadable,
                None => self.bad_formula(call, "the name of a condition"),
            },
            Intrinsic::Equals => match call.items() {
                Some([left, right]) => {
                    let (left, right) = (self.value(left), self.value(right));
                    match equal(&left, &right) {
                        Some(known) => Formula::Known(known),
                        None => Formula::Equals(Box::new(left), Box::new(right)),
                    }
                }
                _ => self.bad_formula(call, "two values"),
            },
            Intrinsic::Not => match call.items() {
                Some([one]) => Formula::Not(Box::new(self.formula(one))),
                _ => self.bad_formula(call, "a list of one condition"),
            },
            Intrinsic::And | Intrinsic::Or => match call.items() {
                Some(items) if (2..=10).contains(&items.len()) => {
                    let formulas = items.iter().map(|item| self.formula(item)).collect();
                    if call.function == Intrinsic::And {
                        Formula::And(formulas)
                    } else {
                        Formula::Or(formulas)
                    }
                }
                _ => self.bad_formula(call, "a list of 2 to 10 conditions"),
            },
            _ => {
                let text = format!("`{}` is not a condition", call.function.name());
                let bad = Diagnostic::error(BAD_CONDITION, call.span, text);
                self.report(bad.expected("`Fn::Equals`, `Fn::And`, `Fn::Or`, `Fn::Not` or `Condition`"));
                Formula::Unreadable
            }
        }
    }

    fn bad_formula(&mut self, call: &Invocation<'_>, expected: &str) -> Formula {
        let text = format!("`{}` has arguments that it cannot take", call.function.name());
        self.report(Diagnostic::error(BAD_ARGUMENT, call.span, text).expected(expected));
        Formula::Unreadable
    }

    /// Whether a condition of this name is declared; reported where it is not.
    pub fn condition_exists(&mut self, name: &SmolStr, span: Span) -> bool {
        if self.conditions.contains_key(name) {
            return true;
        }
        let help = did_you_mean(name, self.conditions.keys().map(SmolStr::as_str).take(1_000));
        let text = format!("there is no condition `{name}`");
        self.report(Diagnostic::error(UNKNOWN_CONDITION, span, text).maybe_help(help));
        false
    }

    /// The truth of a formula from what is known of the conditions it names.
    fn known(&self, formula: &Formula) -> Option<bool> {
        self.decide(formula, &Assumed::default(), &mut { MOST_STEPS })
    }

    /// The truth of a condition where the reading is: known, or following from what is assumed.
    pub fn truth(&self, name: &SmolStr) -> Option<bool> {
        if let Some(truth) = self.conditions.get(name)?.truth {
            return Some(truth);
        }
        if self.assumed.is_empty() {
            return None;
        }
        let mut facts = Assumed::default();
        let mut steps = MOST_STEPS;
        let assumed: Vec<_> =
            self.assumed.iter().map(|(name, holds)| (Formula::Named(name.clone()), *holds)).collect();
        for (formula, holds) in &assumed {
            self.implied(formula, *holds, &mut facts, &mut steps);
        }
        self.decide(&Formula::Named(name.clone()), &facts, &mut steps)
    }

    /// Adds what follows from `formula` being true (or false).
    fn implied<'f>(&'f self, formula: &'f Formula, holds: bool, facts: &mut Assumed<'f>, steps: &mut usize) {
        let Some(left) = steps.checked_sub(1) else { return };
        *steps = left;
        match formula {
            Formula::Named(name) => {
                if facts.named.iter().any(|(known, _)| *known == name) {
                    return;
                }
                facts.named.push((name, holds));
                if let Some(condition) = self.conditions.get(name) {
                    self.implied(&condition.formula, holds, facts, steps);
                }
            }
            Formula::Equals(left, right) => facts.compared.push((left, right, holds)),
            Formula::Not(inner) => self.implied(inner, !holds, facts, steps),
            Formula::And(parts) if holds => {
                parts.iter().for_each(|part| self.implied(part, true, facts, steps))
            }
            Formula::Or(parts) if !holds => {
                parts.iter().for_each(|part| self.implied(part, false, facts, steps))
            }
            _ => {}
        }
    }

    fn decide(&self, formula: &Formula, facts: &Assumed<'_>, steps: &mut usize) -> Option<bool> {
        *steps = steps.checked_sub(1)?;
        match formula {
            Formula::Known(truth) => Some(*truth),
            Formula::Unreadable => None,
            Formula::Equals(left, right) => facts.compare(left, right),
            Formula::Not(inner) => Some(!self.decide(inner, facts, steps)?),
            Formula::And(parts) => self.all(parts, facts, steps, true),
            Formula::Or(parts) => self.all(parts, facts, steps, false),
            Formula::Named(name) => {
                if let Some((_, holds)) = facts.named.iter().find(|(known, _)| *known == name) {
                    return Some(*holds);
                }
                let condition = self.conditions.get(name)?;
                condition.truth.or_else(|| self.decide(&condition.formula, facts, steps))
            }
        }
    }

    /// Whether all parts are `value`: `Some(value)`; whether one is surely not: `Some(!value)`.
    fn all(&self, parts: &[Formula], facts: &Assumed<'_>, steps: &mut usize, value: bool) -> Option<bool> {
        let mut open = false;
        for part in parts {
            match self.decide(part, facts, steps) {
                Some(truth) if truth == value => {}
                Some(_) => return Some(!value),
                None => open = true,
            }
        }
        (!open).then_some(value)
    }
}

/// What is taken for true: conditions, and comparisons of values.
#[derive(Default)]
struct Assumed<'f> {
    named: Vec<(&'f SmolStr, bool)>,
    compared: Vec<(&'f Value, &'f Value, bool)>,
}

impl Assumed<'_> {
    /// Whether two values are equal, as far as it follows from a comparison of the same value.
    fn compare(&self, left: &Value, right: &Value) -> Option<bool> {
        self.compared.iter().find_map(|(known_left, known_right, holds)| {
            let pairs = [(left, right, known_left, known_right), (right, left, known_left, known_right)];
            let swapped = [(left, right, known_right, known_left), (right, left, known_right, known_left)];
            let mut all = pairs.into_iter().chain(swapped);
            all.find_map(|(subject, text, known, known_text)| {
                let (text, known_text) = (text.as_text()?, known_text.as_text()?);
                match same_unknown(subject, known) {
                    true if text == known_text => Some(*holds),
                    true if *holds => Some(false),
                    _ => None,
                }
            })
        })
    }
}

/// Whether two values stand for the same thing that is not known yet.
fn same_unknown(one: &Value, other: &Value) -> bool {
    match (&one.kind, &other.kind) {
        (Kind::Unknown(one), Kind::Unknown(other)) => one.symbol == other.symbol,
        (Kind::Reference(one), Kind::Reference(other)) => one == other,
        _ => false,
    }
}

/// The conditions that a node where a condition stands names.
fn named_in(node: &Node, out: &mut Vec<SmolStr>) {
    if let Shape::Invocation(call) = shape(node, true) {
        match call.function {
            Intrinsic::Condition => out.extend(call.text()),
            Intrinsic::And | Intrinsic::Or | Intrinsic::Not => {
                call.items().unwrap_or(&[]).iter().for_each(|item| named_in(item, out));
            }
            _ => {}
        }
    } else if let NodeKind::List(items) = &node.kind {
        items.iter().for_each(|item| named_in(item, out));
    }
}

/// Whether two values are equal, where that is known.
pub fn equal(left: &Value, right: &Value) -> Option<bool> {
    if let (Some(left), Some(right)) = (left.as_text(), right.as_text()) {
        return Some(left == right);
    }
    if left.is_literal() && right.is_literal() {
        return Some(without_places(left) == without_places(right));
    }
    match (&left.kind, &right.kind) {
        (Kind::Unknown(a), Kind::Unknown(b)) if a.symbol == b.symbol => Some(true),
        (Kind::Reference(a), Kind::Reference(b)) if a == b => Some(true),
        (Kind::Case(case), _) => agree(equal(&case.then, right), equal(&case.otherwise, right)),
        (_, Kind::Case(case)) => agree(equal(left, &case.then), equal(left, &case.otherwise)),
        _ => match (left.as_text(), right.as_text()) {
            (Some(text), None) => differs(right, &text).then_some(false),
            (None, Some(text)) => differs(left, &text).then_some(false),
            _ => None,
        },
    }
}

fn agree(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    a.filter(|_| a == b)
}

/// Whether a value that is not known surely is not `text`.
fn differs(value: &Value, text: &str) -> bool {
    match &value.kind {
        // What AWS assigns is never empty; an account id has twelve digits.
        Kind::Reference(reference) => match reference.target {
            Target::Account(_) => text.len() != 12 || !text.bytes().all(|byte| byte.is_ascii_digit()),
            Target::Resource { .. } => {
                text.is_empty()
                    && reference
                        .attribute
                        .as_ref()
                        .is_none_or(|name| name.ends_with("Arn") || name.ends_with("Id"))
            }
            Target::Pseudo { .. } => text.is_empty(),
        },
        Kind::Join(pieces) => {
            let starts =
                pieces.first().and_then(Value::as_text).is_none_or(|first| text.starts_with(&*first));
            let ends = pieces.last().and_then(Value::as_text).is_none_or(|last| text.ends_with(&*last));
            let least: usize = pieces.iter().filter_map(Value::as_text).map(|text| text.len()).sum();
            !starts
                || !ends
                || text.len() < least
                || pieces.iter().any(|piece| text.is_empty() && differs(piece, ""))
        }
        Kind::Unknown(unknown) => unknown.allowed.as_ref().is_some_and(|allowed| {
            allowed.iter().all(|value| value.as_text().is_some_and(|allowed| allowed != text))
        }),
        _ => false,
    }
}

/// The kinds of a literal value, for comparison: where it was written does not matter.
fn without_places(value: &Value) -> Value {
    let kind = match &value.kind {
        Kind::List(items) => Kind::List(items.iter().map(without_places).collect()),
        Kind::Map(map) => {
            Kind::Map(map.iter().map(|entry| (entry.key.clone(), without_places(&entry.value))).collect())
        }
        kind => kind.clone(),
    };
    Value::new(kind)
}
