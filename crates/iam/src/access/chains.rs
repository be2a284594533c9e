//! Everybody who can do something, directly or through roles.
//!
//! In: [`Access`], an action and a thing. Out: who, by which chain. Always: roles are followed until nobody new is found,
//! so a chain may be of any length; the shortest one is shown.

use std::collections::BTreeSet;

use crate::policy::{Effect, PrincipalKind};

use super::collect::{Access, Document, Holder, HolderKind, Thing};
use super::decide::{Finding, Verdict, Who};

/// Somebody who can do it.
#[derive(Debug, Clone)]
pub struct Reaching {
    /// Position in [`Access::holders`]; `None`: somebody outside the estate.
    pub holder: Option<usize>,
    /// Its name, for somebody outside.
    pub outsider: Option<String>,
    /// The roles that are assumed on the way, the last one does it. Empty: nobody between.
    pub hops: Vec<Hop>,
    /// The answer for the last step.
    pub finding: Finding,
}

/// A role assumed on the way.
#[derive(Debug, Clone)]
pub struct Hop {
    /// Position in [`Access::holders`].
    pub role: usize,
    /// Why it may be assumed.
    pub finding: Finding,
}

/// Everybody who can do `action` to `thing`, in order of the length of the chain and then of the estate.
#[must_use]
pub fn who_can(access: &Access<'_>, action: &str, thing: &Thing) -> Vec<Reaching> {
    let mut out: Vec<Reaching> = Vec::new();
    let mut reached: BTreeSet<usize> = BTreeSet::new();
    for (at, holder) in access.holders.iter().enumerate() {
        let finding = access.can(Who::Holder(holder), action, thing);
        if finding.verdict != Verdict::No {
            reached.insert(at);
            out.push(Reaching { holder: Some(at), outsider: None, hops: Vec::new(), finding });
        }
    }
    for name in named_outside(&thing.policies) {
        let finding = access.can(Who::Outsider(&name), action, thing);
        if finding.verdict != Verdict::No {
            out.push(Reaching { holder: None, outsider: Some(name), hops: Vec::new(), finding });
        }
    }
    // Whoever can assume somebody who can, can.
    let mut next = 0;
    while let Some(known) = out.get(next).cloned() {
        next += 1;
        let Some(role) = known.holder.filter(|at| is_role(access, *at)) else { continue };
        let Some(trust) = access.holders.get(role).and_then(|holder| thing_of(access, holder)) else {
            continue;
        };
        let mut through = |holder: Option<usize>, outsider: Option<String>, finding: Finding| {
            let mut hops = vec![Hop { role, finding }];
            hops.extend(known.hops.iter().cloned());
            out.push(Reaching { holder, outsider, hops, finding: known.finding.clone() });
        };
        for (at, holder) in access.holders.iter().enumerate() {
            if reached.contains(&at) {
                continue;
            }
            let finding = access.can(Who::Holder(holder), "sts:AssumeRole", trust);
            if finding.verdict != Verdict::No {
                reached.insert(at);
                through(Some(at), None, finding);
            }
        }
        for name in named_outside(&trust.policies) {
            let action = ["sts:AssumeRole", "sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithSAML"]
                .into_iter()
                .map(|action| access.can(Who::Outsider(&name), action, trust))
                .find(|finding| finding.verdict != Verdict::No);
            if let Some(finding) = action {
                through(None, Some(name), finding);
            }
        }
    }
    out
}

fn is_role(access: &Access<'_>, at: usize) -> bool {
    access.holders.get(at).is_some_and(|holder| holder.kind == HolderKind::Role)
}

/// A role as something that can be asked for.
fn thing_of<'a>(access: &'a Access<'_>, holder: &Holder) -> Option<&'a Thing> {
    access.things.iter().find(|thing| thing.stack == holder.stack && thing.id == holder.id)
}

/// Services, providers and accounts that statements which allow name by their literal text, and everybody.
fn named_outside(documents: &[Document]) -> Vec<String> {
    let mut out = Vec::new();
    let statements = documents
        .iter()
        .filter_map(|document| document.policy.as_ref().ok())
        .flat_map(|policy| &policy.statements);
    for statement in statements.filter(|statement| statement.effect == Effect::Allow) {
        for principal in statement.principals.iter().flat_map(|set| &set.principals) {
            let name = match &principal.kind {
                PrincipalKind::Everyone => "anonymous",
                PrincipalKind::Account(text)
                | PrincipalKind::Arn(text)
                | PrincipalKind::Service(text)
                | PrincipalKind::Federated(text)
                | PrincipalKind::CanonicalUser(text) => text.as_str(),
                PrincipalKind::UniqueId(_) | PrincipalKind::Open(..) => continue,
            };
            if !out.iter().any(|known| known == name) {
                out.push(name.to_owned());
            }
        }
    }
    out
}
