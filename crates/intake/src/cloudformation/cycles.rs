//! Circles of resources that refer to each other.
//!
//! In: what each resource of a stack refers to. Out: a diagnostic for each circle, with the places that make it.

use std::collections::HashMap;

use diagnostics::{Diagnostic, Diagnostics, Severity};
use indexmap::IndexMap;
use smol_str::SmolStr;

use super::evaluate::{Declared, Edge};
use crate::{DEPENDENCY_CYCLE, SELF_DEPENDENCY};

/// Reports resources that refer to themselves, directly or through others.
pub fn report(
    edges: &IndexMap<SmolStr, Vec<Edge>>,
    declared: &IndexMap<SmolStr, Declared>,
    diagnostics: &mut Diagnostics,
) {
    for (id, out) in edges {
        if let Some(edge) = out.iter().find(|edge| edge.to == *id) {
            let text = format!("resource `{id}` refers to itself");
            let severity = if edge.conditional { Severity::Warning } else { Severity::Error };
            diagnostics.push(Diagnostic::new(severity, SELF_DEPENDENCY, edge.span, text));
        }
    }
    for component in components(edges) {
        if let Some(circle) = shortest_circle(&component, edges) {
            diagnostics.push(describe(&circle, declared));
        }
    }
}

type Circle<'e> = Vec<(&'e SmolStr, &'e Edge)>;

fn describe(circle: &Circle<'_>, declared: &IndexMap<SmolStr, Declared>) -> Diagnostic {
    let names: Vec<_> = circle.iter().map(|(from, _)| from.as_str()).collect();
    let conditional = circle.iter().any(|(_, edge)| edge.conditional);
    let severity = if conditional { Severity::Warning } else { Severity::Error };
    let may = if conditional { "may depend" } else { "depend" };
    let text = format!("resources {may} on each other in a circle: {}", names.join(" → "));
    let first = circle.first().and_then(|(from, _)| declared.get(*from)).map(|declared| declared.span);
    let mut out = Diagnostic::new(severity, DEPENDENCY_CYCLE, first.unwrap_or(diagnostics::Span::NONE), text);
    for (from, edge) in circle.iter().take(12) {
        out = out.related(edge.span, format!("`{from}` refers to `{}` here", edge.to));
    }
    out
}

/// A shortest circle through the first resource of a component.
fn shortest_circle<'e>(
    component: &[&'e SmolStr],
    edges: &'e IndexMap<SmolStr, Vec<Edge>>,
) -> Option<Circle<'e>> {
    let start = *component.first()?;
    let members: std::collections::HashSet<&SmolStr> = component.iter().copied().collect();
    let mut came: HashMap<&SmolStr, (&SmolStr, &Edge)> = HashMap::new();
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(from) = queue.pop_front() {
        for edge in edges.get(from).into_iter().flatten() {
            if edge.to == *start && from != start {
                let mut circle = vec![(from, edge)];
                let mut at = from;
                while let Some((before, edge)) = came.get(at).filter(|_| at != start) {
                    circle.push((before, edge));
                    at = before;
                }
                circle.reverse();
                return Some(circle);
            }
            if edge.to != *start && members.contains(&edge.to) && !came.contains_key(&edge.to) {
                came.insert(&edge.to, (from, edge));
                queue.push_back(&edge.to);
            }
        }
    }
    None
}

/// Strongly connected components of more than one resource, each in the order of the template: Tarjan's
/// algorithm with a stack of its own.
fn components(edges: &IndexMap<SmolStr, Vec<Edge>>) -> Vec<Vec<&SmolStr>> {
    let mut state = Tarjan { low: vec![usize::MAX; edges.len()], ..Tarjan::default() };
    state.index = vec![usize::MAX; edges.len()];
    state.on_stack = vec![false; edges.len()];
    for start in 0..edges.len() {
        if state.index.get(start) == Some(&usize::MAX) {
            state.visit(start, edges);
        }
    }
    let named =
        |members: Vec<usize>| members.into_iter().filter_map(|at| edges.get_index(at).map(|(id, _)| id));
    let mut out: Vec<Vec<usize>> = state.found;
    out.iter_mut().for_each(|members| members.sort_unstable());
    out.sort();
    out.into_iter().map(|members| named(members).collect()).collect()
}

#[derive(Default)]
struct Tarjan {
    index: Vec<usize>,
    low: Vec<usize>,
    on_stack: Vec<bool>,
    stack: Vec<usize>,
    next: usize,
    found: Vec<Vec<usize>>,
}

impl Tarjan {
    fn open(&mut self, at: usize) {
        set(&mut self.index, at, self.next);
        set(&mut self.low, at, self.next);
        set(&mut self.on_stack, at, true);
        self.next += 1;
        self.stack.push(at);
    }

    fn lower(&mut self, at: usize, to: usize) {
        let low = self.low.get(at).copied().unwrap_or(usize::MAX).min(to);
        set(&mut self.low, at, low);
    }

    fn visit(&mut self, start: usize, edges: &IndexMap<SmolStr, Vec<Edge>>) {
        self.open(start);
        let mut work: Vec<(usize, usize)> = vec![(start, 0)];
        while let Some((at, next)) = work.last_mut() {
            let at = *at;
            let edge = edges.get_index(at).and_then(|(_, out)| out.get(*next));
            *next += 1;
            match edge.map(|edge| edges.get_index_of(&edge.to)) {
                Some(Some(to)) if self.index.get(to) == Some(&usize::MAX) => {
                    self.open(to);
                    work.push((to, 0));
                }
                Some(Some(to)) => {
                    if self.on_stack.get(to) == Some(&true) {
                        let index = self.index.get(to).copied().unwrap_or(usize::MAX);
                        self.lower(at, index);
                    }
                }
                Some(None) => {}
                None => {
                    work.pop();
                    let low = self.low.get(at).copied().unwrap_or(usize::MAX);
                    if let Some((before, _)) = work.last() {
                        self.lower(*before, low);
                    }
                    if self.index.get(at) == Some(&low) {
                        self.close(at);
                    }
                }
            }
        }
    }

    fn close(&mut self, at: usize) {
        let mut members = Vec::new();
        while let Some(member) = self.stack.pop() {
            set(&mut self.on_stack, member, false);
            members.push(member);
            if member == at {
                break;
            }
        }
        if members.len() > 1 {
            self.found.push(members);
        }
    }
}

fn set<T>(list: &mut [T], at: usize, value: T) {
    if let Some(slot) = list.get_mut(at) {
        *slot = value;
    }
}
