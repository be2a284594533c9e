//! Which actions some policies can tell apart.
//!
//! In: policies and the IAM reference. Out: one action for each class. Always: every action of the reference is in
//! the class of one of them; actions that a policy names and the reference does not know stand for themselves.

use std::collections::{BTreeSet, HashMap};

use catalog::IamReference;
use smol_str::{SmolStr, format_smolstr};

use crate::policy::Policy;
use crate::text::{Segment, Text};

/// Services of which one action stands for everything that no pattern names; the first that is not named is taken.
const STRANGERS: &[(&str, &str)] = &[
    ("sqs", "sqs:SendMessage"),
    ("sns", "sns:Publish"),
    ("ec2", "ec2:StartInstances"),
    ("s3", "s3:GetObject"),
];

/// One action in lower case for each class of actions that match the same patterns.
#[must_use]
pub fn classes(policies: &[&Policy], reference: &IamReference) -> Vec<SmolStr> {
    let patterns: BTreeSet<&Text> = policies
        .iter()
        .flat_map(|policy| &policy.statements)
        .flat_map(|statement| &statement.actions.patterns)
        .map(|pattern| &pattern.text)
        .collect();
    let patterns: Vec<&Text> = patterns.into_iter().collect();
    let mut by_service: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut everywhere = Vec::new();
    let mut all_services = false;
    for (at, pattern) in patterns.iter().enumerate() {
        match service(pattern) {
            Some(service) => by_service.entry(service).or_default().push(at),
            None => {
                everywhere.push(at);
                all_services |= !pattern.is_any();
            }
        }
    }
    let mut services: Vec<&str> = by_service.keys().copied().collect();
    services.sort_unstable();
    let mut classes = Classes { seen: HashMap::new(), actions: Vec::new() };
    let own = |service: &str| {
        let named = by_service.get(service).map_or(&[][..], Vec::as_slice);
        named.iter().chain(&everywhere).copied().collect::<Vec<usize>>()
    };
    for service in &services {
        let own = own(service);
        for at in by_service.get(service).into_iter().flatten() {
            if let Some(name) = patterns.get(*at).and_then(|pattern| pattern.as_literal()) {
                classes.add(name.into(), &own, &patterns);
            }
        }
        for action in reference.service(service).into_iter().flat_map(|service| &service.actions) {
            classes.add(format_smolstr!("{service}:{}", action.name.to_ascii_lowercase()), &own, &patterns);
        }
    }
    if all_services {
        for prefix in reference.prefixes().filter(|prefix| !by_service.contains_key(prefix)) {
            for action in reference.service(prefix).into_iter().flat_map(|service| &service.actions) {
                let name = format_smolstr!("{prefix}:{}", action.name.to_ascii_lowercase());
                classes.add(name, &everywhere, &patterns);
            }
        }
    } else if let Some((_, action)) = STRANGERS.iter().find(|(service, _)| !by_service.contains_key(service))
    {
        classes.add(action.to_ascii_lowercase().into(), &everywhere, &patterns);
    } else if let Some(prefix) = reference.prefixes().find(|prefix| !by_service.contains_key(prefix)) {
        for action in reference.service(prefix).into_iter().flat_map(|service| &service.actions).take(1) {
            let name = format_smolstr!("{prefix}:{}", action.name.to_ascii_lowercase());
            classes.add(name, &everywhere, &patterns);
        }
    }
    classes.actions
}

struct Classes {
    seen: HashMap<Vec<usize>, usize>,
    actions: Vec<SmolStr>,
}

impl Classes {
    fn add(&mut self, action: SmolStr, candidates: &[usize], patterns: &[&Text]) {
        let matching = candidates.iter().copied();
        let matching: Vec<usize> = matching
            .filter(|at| patterns.get(*at).is_some_and(|pattern| matches(pattern, &action)))
            .collect();
        if let std::collections::hash_map::Entry::Vacant(new) = self.seen.entry(matching) {
            new.insert(self.actions.len());
            self.actions.push(action);
        }
    }
}

/// The service of a pattern that names one.
fn service(pattern: &Text) -> Option<&str> {
    match pattern.segments.first() {
        Some(Segment::Literal(text)) => text.split_once(':').map(|(service, _)| service),
        _ => None,
    }
}

/// Whether a pattern names an action; both in lower case.
#[must_use]
pub fn matches(pattern: &Text, action: &str) -> bool {
    wildcard(&pattern.segments, action)
}

/// Matching from the left, coming back to the last run: linear but for the runs.
fn wildcard(segments: &[Segment], text: &str) -> bool {
    let (mut at, mut rest) = (0, text);
    let mut back: Option<(usize, &str)> = None;
    loop {
        let step = match segments.get(at) {
            None if rest.is_empty() => return true,
            None => None,
            Some(Segment::Literal(literal)) => rest.strip_prefix(literal.as_str()),
            Some(Segment::AnyOne) => {
                let mut chars = rest.chars();
                chars.next().map(|_| chars.as_str())
            }
            Some(Segment::AnyRun) => {
                back = Some((at, rest));
                Some(rest)
            }
            Some(Segment::Variable(_) | Segment::Unknown(_)) => None,
        };
        match step {
            Some(left) => {
                rest = left;
                at += 1;
            }
            None => {
                let Some((run, from)) = back else { return false };
                let mut chars = from.chars();
                if chars.next().is_none() {
                    return false;
                }
                back = Some((run, chars.as_str()));
                rest = chars.as_str();
                at = run + 1;
            }
        }
    }
}
