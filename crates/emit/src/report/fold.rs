//! Findings that say the same of several resources, put together.
//!
//! In: the findings of one guarantee, in order. Out: groups in the order of their first finding. Always: every
//! finding is in exactly one group, and those of a group differ only in the resource they are about.

use std::collections::HashMap;

use estate::Estate;
use prove::{Finding, Verdict, Witness};

/// Findings that a reader needs to see once.
#[derive(Debug)]
pub struct Group<'a> {
    /// The one that is shown.
    pub first: &'a Finding,
    /// The others.
    pub others: Vec<&'a Finding>,
}

/// What findings of one group have in common.
#[derive(PartialEq, Eq, Hash)]
struct Likeness {
    verdict: Verdict,
    kind: String,
    message: String,
    witness: String,
    fix: String,
    exception: Option<usize>,
}

/// The findings that have `verdict`, folded.
#[must_use]
pub fn fold<'a>(estate: &Estate, findings: &'a [Finding], verdict: Verdict) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut known: HashMap<Likeness, usize> = HashMap::new();
    for finding in findings.iter().filter(|finding| finding.verdict == verdict) {
        match known.entry(likeness(estate, finding)) {
            std::collections::hash_map::Entry::Occupied(entry) => {
                if let Some(group) = groups.get_mut(*entry.get()) {
                    group.others.push(finding);
                }
            }
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(groups.len());
                groups.push(Group { first: finding, others: Vec::new() });
            }
        }
    }
    groups
}

/// The name of the resource itself, which messages mention, makes no difference.
fn likeness(estate: &Estate, finding: &Finding) -> Likeness {
    let (id, kind) = finding
        .subject
        .resource_in(estate)
        .map_or((String::new(), String::new()), |(id, resource)| (id.to_string(), resource.kind.to_string()));
    let without = |text: &str| if id.is_empty() { text.to_owned() } else { text.replace(&id, "\u{0}") };
    Likeness {
        verdict: finding.verdict,
        kind,
        message: without(&finding.message),
        witness: without(&finding.witness.as_ref().map(sentence).unwrap_or_default()),
        fix: without(finding.fix.as_deref().unwrap_or_default()),
        exception: finding.exception,
    }
}

/// A witness in one sentence, without full stop.
#[must_use]
pub fn sentence(witness: &Witness) -> String {
    match witness {
        Witness::Setting { path, found } if path.is_empty() => found.clone(),
        Witness::Setting { path, found } if found == "nothing" => format!("`{path}` is not set"),
        Witness::Setting { path, found } => format!("`{path}` is {found}"),
        Witness::Request { principal, action, resource, circumstances } => {
            let when =
                if circumstances.is_empty() { String::new() } else { format!(", when {circumstances}") };
            format!("{principal}: {action} on {resource}{when}")
        }
        Witness::Packet { source, destination, service } => format!("{source} to {destination}, {service}"),
        Witness::Event { happens, follows } => format!("{happens}; {follows}"),
    }
}
