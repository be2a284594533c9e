//! What somebody would have to say so that an unknown verdict becomes one or the other.

use std::collections::BTreeSet;

use estate::{Estate, Formula, Kind, Stack, Value, Why};
use prove::Finding;

/// The parameters without value that the finding's words speak of, directly or through a condition.
///
/// A finding names what it depends on in words; here the words are matched with what its stack declares, so
/// a parameter is only named when the template has it and nobody gave it a value.
#[must_use]
pub fn parameters(estate: &Estate, finding: &Finding) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    let Some(stack) = finding.subject.stack.and_then(|id| estate.stack(id)) else { return out };
    for word in finding.message.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        if let Some(parameter) = stack.parameters.get(word) {
            unknowns(&parameter.value, &mut out);
        }
        conditions(stack, word, &mut BTreeSet::new(), &mut out);
    }
    out
}

fn unknowns(value: &Value, out: &mut BTreeSet<String>) {
    value.walk(&mut |value| {
        if let Kind::Unknown(unknown) = &value.kind
            && let Why::Parameter(name) = &unknown.why
        {
            out.insert(name.to_string());
        }
    });
}

fn conditions<'a>(stack: &'a Stack, name: &'a str, seen: &mut BTreeSet<&'a str>, out: &mut BTreeSet<String>) {
    let Some(condition) = stack.conditions.get(name) else { return };
    if condition.truth.is_some() || !seen.insert(name) {
        return;
    }
    let mut open = vec![&condition.formula];
    while let Some(formula) = open.pop() {
        match formula {
            Formula::Equals(left, right) => {
                unknowns(left, out);
                unknowns(right, out);
            }
            Formula::And(all) | Formula::Or(all) => open.extend(all),
            Formula::Not(one) => open.push(one),
            Formula::Named(other) => {
                let next = stack.conditions.get(other.as_str()).filter(|next| next.truth.is_none());
                if let (Some(next), true) = (next, seen.insert(other)) {
                    open.push(&next.formula);
                }
            }
            Formula::Known(_) | Formula::Unreadable => {}
        }
    }
}
