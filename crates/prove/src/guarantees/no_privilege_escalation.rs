//! No principal can give itself rights that it was not given.
//!
//! In: [`crate::escalation`], which knows the published ways. What is checked: every role, user and permission set that is
//! neither an administrator nor for emergencies.
//!
//! Sources: Rhino Security Labs, "AWS IAM Privilege Escalation - Methods and Mitigation"; Bishop Fox, "IAM Vulnerable";
//! Datadog, "pathfinding.cloud"; NIST SP 800-53 AC-6.

use std::collections::BTreeMap;

use estate::ResourceRef;

use crate::escalation::{Chain, Outcome};
use crate::identity::breaks_glass;
use crate::{Facts, Findings, Guarantee, Level, Witness};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "no-privilege-escalation",
    title: "no principal can give itself rights that it was not given",
    level: Level::Critical,
    page: include_str!("../../../../docs/guarantees/no-privilege-escalation.md"),
    check,
};

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let access = facts.access();
    if access.holders.is_empty() {
        return;
    }
    // A permission set stands in many accounts: the worst counts, once.
    let mut worst: BTreeMap<(u32, usize), (ResourceRef<'_>, usize)> = BTreeMap::new();
    let outcomes = facts.outcomes();
    for (at, (holder, outcome)) in access.holders.iter().zip(outcomes).enumerate() {
        let Some(found) = facts.index.get(holder.stack, &holder.id).filter(|found| !breaks_glass(*found))
        else {
            continue;
        };
        let place = found.stack.resources.get_index_of(found.id).unwrap_or_default();
        let known = worst.entry((holder.stack.0, place)).or_insert((found, at));
        if outcomes.get(known.1).is_none_or(|known| rank(outcome) > rank(known)) {
            known.1 = at;
        }
    }
    for (found, at) in worst.into_values() {
        match outcomes.get(at) {
            None | Some(Outcome::Cannot) => findings.proved(found),
            Some(Outcome::Can(chain)) => tell(access, found, at, chain, None, findings),
            Some(Outcome::Unknown(why, Some(chain))) => tell(access, found, at, chain, Some(why), findings),
            Some(Outcome::Unknown(why, None)) => {
                let text =
                    format!("whether `{}` can raise itself depends on what is not known: {why}", found.id);
                findings.unknown(found, found.resource.origin.span, text);
            }
        }
    }
}

fn rank(outcome: &Outcome) -> u8 {
    match outcome {
        Outcome::Cannot => 0,
        Outcome::Unknown(..) => 1,
        Outcome::Can(_) => 2,
    }
}

fn tell(
    access: &iam::access::Access<'_>,
    found: ResourceRef<'_>,
    at: usize,
    chain: &Chain,
    doubt: Option<&String>,
    findings: &mut Findings,
) {
    let steps: Vec<&str> = chain.steps.iter().map(|step| step.text.as_str()).collect();
    let first = chain.steps.first().and_then(|step| step.because.first());
    let span = first.map_or(found.resource.origin.span, |(span, _)| *span);
    let finding = match doubt {
        Some(why) => {
            let text =
                format!("`{}` may come to {}: it {} — {why}", found.id, chain.gains, steps.join(", then "));
            findings.unknown(found, span, text)
        }
        None => {
            let text = format!("`{}` comes to {}: it {}", found.id, chain.gains, steps.join(", then "));
            findings.violated(found, span, text)
        }
    };
    let holder = access.holders.get(at);
    finding
        .witness(Witness::Request {
            principal: holder.map(|holder| iam::access::shown(&holder.arn)).unwrap_or_default(),
            action: steps.join(", then "),
            resource: chain.gains.clone(),
            circumstances: chain.steps.iter().map(|step| step.way).collect::<Vec<_>>().join(" → "),
        })
        .fix(chain.fix.clone());
    for (span, text) in chain.steps.iter().flat_map(|step| &step.because) {
        finding.related(*span, text.clone());
    }
}
