//! Nobody both administers a key and decrypts with it.
//!
//! Source: AWS KMS Developer Guide, "Key policies in AWS KMS", key administrators and key users; NIST SP 800-57 part 2,
//! separation of duties. Decided by [`iam::access`]: identity policies, boundaries, the key policy and the
//! organization's control policies together.

use std::collections::BTreeMap;

use iam::access::{Access, Finding, Thing, Verdict, Who};

use crate::identity::breaks_glass;
use crate::{Facts, Findings, Guarantee, Level, Witness};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "key-duties-apart",
    title: "nobody both administers a key and decrypts with it",
    level: Level::High,
    page: include_str!("../../../../docs/guarantees/key-duties-apart.md"),
    check,
};

/// What administers a key: each changes who may use it, or ends it.
const ADMINISTERS: [&str; 2] = ["kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"];

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    if facts.index.of_kind("AWS::KMS::Key").is_empty() {
        return;
    }
    let access = facts.access();
    let (decrypt, administer) =
        (access.askers("kms:Decrypt"), ADMINISTERS.map(|action| access.askers(action)));
    for thing in access.things.iter().filter(|thing| thing.kind == "AWS::KMS::Key") {
        let Some(key) = facts.index.get(thing.stack, &thing.id) else { continue };
        // Most of those who are worth asking about one are not about the other: only who is about both is asked.
        let decrypting = access.worth_asking(&decrypt, thing);
        let mut decrypts: BTreeMap<usize, Finding> = BTreeMap::new();
        let mut worst: Option<(bool, usize, &str)> = None;
        for (askers, action) in administer.iter().zip(ADMINISTERS) {
            for at in access.worth_asking(askers, thing) {
                if decrypting.binary_search(&at).is_err() || in_emergencies_only(facts, access, at) {
                    continue;
                }
                let Some(who) = access.holders.get(at).map(Who::Holder) else { continue };
                let finding = access.can(who, action, thing);
                if finding.verdict == Verdict::No {
                    continue;
                }
                let other = decrypts.entry(at).or_insert_with(|| access.can(who, "kms:Decrypt", thing));
                if other.verdict == Verdict::No {
                    continue;
                }
                let unknown = |finding: &Finding| matches!(finding.verdict, Verdict::Unknown(_));
                let certain = !unknown(&finding) && !unknown(other);
                if worst.is_none_or(|(known, ..)| certain && !known) {
                    worst = Some((certain, at, action));
                }
            }
        }
        tell(access, thing, worst, key, findings);
    }
}

fn tell(
    access: &Access<'_>,
    thing: &Thing,
    worst: Option<(bool, usize, &str)>,
    key: estate::ResourceRef<'_>,
    findings: &mut Findings,
) {
    let Some((certain, at, action)) = worst else { return findings.proved(key) };
    let Some(holder) = access.holders.get(at) else { return };
    let who = format!("{}/{}", access.estate.stack_path(holder.stack), holder.id);
    if !certain {
        let text = format!(
            "whether `{}` may both {action} and decrypt depends on policies that are not part of the estate",
            holder.id
        );
        findings.unknown(key, holder.span, text);
        return;
    }
    findings
        .violated(
            key,
            key.resource.origin.span,
            format!("`{}` may both change who uses the key and decrypt with it", holder.id),
        )
        .witness(Witness::Request {
            principal: who,
            action: format!("{action} and kms:Decrypt"),
            resource: iam::access::shown(&thing.arn),
            circumstances: "one principal, both".into(),
        })
        .fix("name in the key policy who administers, and leave kms:Decrypt to the roles that use the data")
        .related(holder.span, "who may do both");
}

/// Whether a holder is marked for emergencies.
fn in_emergencies_only(facts: &Facts<'_>, access: &Access<'_>, at: usize) -> bool {
    let holder = access.holders.get(at).and_then(|holder| facts.index.get(holder.stack, &holder.id));
    holder.is_some_and(breaks_glass)
}
