//! No identity of a development environment or a sandbox comes to be a role of production, by any chain of roles.
//!
//! Source: AWS Well-Architected Framework, SEC01-BP01 "Separate workloads using accounts"; AWS STS API Reference, `AssumeRole`: the role's trust policy
//! and, from another account, the caller's own policies have to allow it. Decided by [`iam::access`] for each step.

use std::collections::BTreeMap;

use estate::SmolStr;
use iam::access::{Access, Holder, Verdict as Allowed, Who};

use crate::{Facts, Findings, Guarantee, Level, Witness};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "no-path-to-production",
    title: "no identity of development or a sandbox comes to be a role of production",
    level: Level::Critical,
    page: include_str!("../../../../docs/guarantees/no-path-to-production.md"),
    check,
};

/// A step of a chain: the role that is assumed, and whether it is certain that it may be.
#[derive(Debug, Clone, Copy)]
struct Step {
    to: usize,
    certain: bool,
}

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let Some(intent) = &facts.options.intent else { return };
    if intent.production.is_empty() || intent.lower.is_empty() {
        return;
    }
    let access = facts.access();
    let environments: Vec<Option<SmolStr>> =
        access.holders.iter().map(|holder| environment(access, holder)).collect();
    let is = |at: usize, list: &[SmolStr]| {
        environments.get(at).and_then(Option::as_ref).is_some_and(|environment| list.contains(environment))
    };
    let lower: Vec<usize> = (0..access.holders.len()).filter(|at| is(*at, &intent.lower)).collect();
    if lower.is_empty() {
        return;
    }
    let steps = steps(access);
    for at in lower {
        let Some(holder) = access.holders.get(at) else { continue };
        let Some(found) = facts.index.get(holder.stack, &holder.id) else { continue };
        match chain(&steps, at, |to| is(to, &intent.production)) {
            None => findings.proved(found),
            Some(path) => tell(access, found, at, &path, findings),
        }
    }
}

/// The environment of a principal: its tag, else that of its account.
fn environment(access: &Access<'_>, holder: &Holder) -> Option<SmolStr> {
    let tag = holder.tags.iter().find(|(key, _)| key == "environment").map(|(_, value)| value.clone());
    tag.or_else(|| access.estate.account(holder.account)?.environment.clone())
}

/// Which roles each principal may assume, or perhaps.
fn steps(access: &Access<'_>) -> BTreeMap<usize, Vec<Step>> {
    let askers = access.askers("sts:AssumeRole");
    let roles: BTreeMap<&str, usize> =
        access.holders.iter().enumerate().map(|(at, holder)| (holder.arn.as_str(), at)).collect();
    let mut out: BTreeMap<usize, Vec<Step>> = BTreeMap::new();
    for thing in access.things.iter().filter(|thing| thing.kind == "AWS::IAM::Role") {
        let Some(&to) = roles.get(thing.arn.as_str()) else { continue };
        for from in access.worth_asking(&askers, thing).into_iter().filter(|from| *from != to) {
            let Some(who) = access.holders.get(from).map(Who::Holder) else { continue };
            let certain = match access.can(who, "sts:AssumeRole", thing).verdict {
                Allowed::No => continue,
                Allowed::Yes | Allowed::When(_) => true,
                Allowed::Unknown(_) => false,
            };
            out.entry(from).or_default().push(Step { to, certain });
        }
    }
    out
}

/// The shortest chain to a role that is asked for: one of certain steps, else one with steps that may be.
fn chain(
    steps: &BTreeMap<usize, Vec<Step>>,
    from: usize,
    wanted: impl Fn(usize) -> bool,
) -> Option<Vec<Step>> {
    for only_certain in [true, false] {
        let mut before: BTreeMap<usize, (usize, Step)> = BTreeMap::new();
        let mut open = std::collections::VecDeque::from([from]);
        while let Some(at) = open.pop_front() {
            for step in steps.get(&at).into_iter().flatten().filter(|step| step.certain || !only_certain) {
                if step.to == from || before.contains_key(&step.to) {
                    continue;
                }
                before.insert(step.to, (at, *step));
                if wanted(step.to) {
                    let mut path = Vec::new();
                    let mut at = step.to;
                    while let Some((earlier, step)) = before.get(&at) {
                        path.push(*step);
                        at = *earlier;
                    }
                    path.reverse();
                    return Some(path);
                }
                open.push_back(step.to);
            }
        }
    }
    None
}

fn tell(
    access: &Access<'_>,
    found: estate::ResourceRef<'_>,
    from: usize,
    path: &[Step],
    findings: &mut Findings,
) {
    let name = |at: usize| {
        access.holders.get(at).map_or_else(String::new, |holder| {
            format!("{}/{}", access.estate.stack_path(holder.stack), holder.id)
        })
    };
    let span = found.resource.origin.span;
    let last = path.last().map_or(from, |step| step.to);
    let by: Vec<String> = path.iter().map(|step| name(step.to)).collect();
    if path.iter().any(|step| !step.certain) {
        let text = format!("whether it comes to be `{}` depends on policies that are not known", name(last));
        findings.unknown(found, span, text);
        return;
    }
    let resource =
        access.holders.get(last).map_or_else(String::new, |holder| iam::access::shown(&holder.arn));
    findings
        .violated(found, span, format!("it comes to be `{}` of production", name(last)))
        .witness(Witness::Request {
            principal: name(from),
            action: "sts:AssumeRole".to_owned(),
            resource,
            circumstances: format!("by {}", by.join(", then ")),
        })
        .fix("take the principal, or its account, out of the trust policy of the role that it assumes last");
}
