//! What says nothing new: patterns that another covers, statements that another covers.
//!
//! In: a policy. Out: diagnostics. Must always hold: only coverage that is certain is named; bounded.

use diagnostics::{Diagnostic, Diagnostics, Span};
use smol_str::SmolStr;

use crate::codes::{REDUNDANT, REDUNDANT_STATEMENT};
use crate::context::Context;
use crate::glob::{Pattern, Tri};
use crate::open::covers;
use crate::policy::{Effect, Policy, Sense, Statement};
use crate::text::Text;

/// Patterns of one list, and statements of one policy, that are compared pairwise.
const MOST: usize = 400;

pub fn check(policy: &Policy, diagnostics: &mut Diagnostics) {
    for statement in &policy.statements {
        let actions = statement.actions.patterns.iter().map(|one| (&one.text, &one.written, one.span));
        list(&actions.collect::<Vec<_>>(), "action", diagnostics);
        if let Some(set) = &statement.resources {
            let resources = set.patterns.iter().map(|one| (&one.text, &one.written, one.span));
            list(&resources.collect::<Vec<_>>(), "resource", diagnostics);
        }
    }
    if policy.statements.len() > MOST {
        return;
    }
    for (at, statement) in policy.statements.iter().enumerate() {
        let others = policy.statements.iter().enumerate().filter(|(other, _)| *other != at);
        for (other, by) in others {
            // Of two that cover each other the later one is named.
            let first = other < at || !whole(statement, by);
            if first && whole(by, statement) {
                say(policy, statement, by, other, diagnostics);
                break;
            }
        }
    }
}

fn say(policy: &Policy, statement: &Statement, by: &Statement, other: usize, diagnostics: &mut Diagnostics) {
    let name = policy.statement_name(other);
    let text = match (statement.effect, by.effect) {
        (Effect::Allow, Effect::Deny) => format!("this Allow has no effect: {name} denies all of it"),
        _ => format!("this statement says nothing new: {name} covers it"),
    };
    let warning = Diagnostic::warning(REDUNDANT_STATEMENT, statement.span, text);
    diagnostics.push(warning.related(by.span, "covers it"));
}

/// Whether `by` covers `statement` wholly.
fn whole(by: &Statement, statement: &Statement) -> bool {
    let stronger = by.effect == statement.effect || by.effect == Effect::Deny;
    let conditions = by.conditions.is_empty() || same_conditions(by, statement);
    if !stronger
        || !conditions
        || by.principals.as_ref().map(kinds) != statement.principals.as_ref().map(kinds)
    {
        return false;
    }
    let actions = by.actions.sense == statement.actions.sense && {
        let (wide, narrow): (Vec<_>, Vec<_>) = (
            by.actions.patterns.iter().map(|one| &one.text).collect(),
            statement.actions.patterns.iter().map(|one| &one.text).collect(),
        );
        match by.actions.sense {
            Sense::Only => all_covered(&narrow, &wide),
            Sense::AllBut => all_covered(&wide, &narrow),
        }
    };
    actions
        && match (&by.resources, &statement.resources) {
            (None, None) => true,
            (Some(by), Some(of)) if by.sense == of.sense => {
                let (wide, narrow): (Vec<_>, Vec<_>) = (
                    by.patterns.iter().map(|one| &one.text).collect(),
                    of.patterns.iter().map(|one| &one.text).collect(),
                );
                match by.sense {
                    Sense::Only => all_covered(&narrow, &wide),
                    Sense::AllBut => all_covered(&wide, &narrow),
                }
            }
            (Some(by), Some(_)) => by.sense == Sense::Only && by.patterns.iter().any(|one| one.text.is_any()),
            _ => false,
        }
}

fn kinds(set: &crate::policy::PrincipalSet) -> (Sense, Vec<&crate::policy::PrincipalKind>) {
    (set.sense, set.principals.iter().map(|principal| &principal.kind).collect())
}

fn same_conditions(by: &Statement, statement: &Statement) -> bool {
    let same = by.conditions.iter().zip(&statement.conditions).all(|(a, b)| {
        let values = |values: &[crate::policy::ConditionValue]| {
            values.iter().map(|value| value.text.clone()).collect::<Vec<_>>()
        };
        (a.operator, a.qualifier, a.if_exists, &a.key) == (b.operator, b.qualifier, b.if_exists, &b.key)
            && values(&a.values) == values(&b.values)
    });
    same && by.conditions.len() == statement.conditions.len()
}

fn all_covered(narrow: &[&Text], wide: &[&Text]) -> bool {
    narrow.len().saturating_mul(wide.len()) <= MOST * MOST
        && narrow.iter().all(|text| wide.iter().any(|by| covered(text, by)))
}

/// Whether everything that `text` matches, `by` matches. Variables are only compared as they are written.
fn covered(text: &Text, by: &Text) -> bool {
    if text == by || by.is_any() {
        return true;
    }
    let open = |text: &Text| text.variables().next().is_some() || text.has_unknowns();
    if open(text) || open(by) {
        return false;
    }
    // A `?` of the narrower text is no single character, so it is only covered by a run: `*` in its place is safe.
    let shown = text.to_string().replace('?', "*");
    !shown.contains("${") && covers(&Pattern::new(by), &shown, &Context::default()) == Tri::Yes
}

/// Patterns of a list that another one covers.
fn list(patterns: &[(&Text, &SmolStr, Span)], what: &str, diagnostics: &mut Diagnostics) {
    if patterns.len() > MOST {
        return;
    }
    for (at, (text, written, span)) in patterns.iter().enumerate() {
        let by = patterns.iter().enumerate().find(|(other, (wide, ..))| {
            *other != at && covered(text, wide) && (*other < at || !covered(wide, text))
        });
        if let Some((_, (_, wide, place))) = by {
            let text = match written == wide {
                true => format!("the {what} `{written}` stands twice"),
                false => format!("the {what} `{written}` is already covered by `{wide}`"),
            };
            diagnostics.push(
                Diagnostic::note(REDUNDANT, *span, text).related(*place, "covers it").help("remove it"),
            );
        }
    }
}
