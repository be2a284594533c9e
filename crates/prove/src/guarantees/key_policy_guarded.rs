//! A key does not open itself to everybody, and does not lock everybody out.
//!
//! Source: AWS KMS Developer Guide, "Key policies in AWS KMS", "Default key policy" (without a statement for the
//! account nobody can manage the key), "Authentication and access control: Allowing users in other accounts".

use estate::{ResourceRef, Value};

use crate::anyone::{fenced, limited};
use crate::lookup::is_implied;
use crate::policy::{Principal, statements};
use crate::text::Truth;
use crate::{Facts, Findings, Guarantee, Level, Setting, Witness};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "key-policy-guarded",
    title: "no key lets everybody use it",
    level: Level::Critical,
    page: include_str!("../../../../docs/guarantees/key-policy-guarded.md"),
    check,
};

/// What nobody but those who are meant may do with a key.
const USES: [&str; 4] = ["kms:Decrypt", "kms:PutKeyPolicy", "kms:CreateGrant", "kms:ScheduleKeyDeletion"];

/// Condition keys that narrow "everybody" to those that somebody has named.
///
/// Source: AWS KMS Developer Guide, "AWS global condition keys" and "AWS KMS condition keys".
const NARROW: [&str; 9] = [
    "kms:calleraccount",
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceorgid",
    "aws:userid",
];

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    for kind in ["AWS::KMS::Key", "AWS::KMS::ReplicaKey"] {
        for &key in facts.index.of_kind(kind) {
            judge(facts, key, findings);
        }
    }
}

fn judge(facts: &Facts<'_>, key: ResourceRef<'_>, findings: &mut Findings) {
    let mut doubt = None;
    for document in Setting::of(key.resource, &["KeyPolicy"]).alternatives() {
        let Some(value) = document.value else { continue };
        let Some(statements) = statements(value) else {
            doubt = Some((value.span, format!("its policy is {}", value.describe())));
            continue;
        };
        for statement in &statements {
            if statement.effect() == Some(false) {
                continue;
            }
            let matching = USES.map(|action| (statement.matches_action(facts.estate, action), action));
            // The first that is certain, else the first that may be.
            let Some((matched, action)) = [Truth::Yes, Truth::Unknown]
                .iter()
                .find_map(|wanted| matching.iter().find(|m| m.0 == *wanted))
            else {
                continue;
            };
            let principal = statement.matches_principal(Principal::Anyone);
            if principal == Truth::No {
                continue;
            }
            let narrowed = limited(facts, statement, &NARROW, false);
            let fence = fenced(facts, &statements, &NARROW);
            if narrowed == Truth::Yes || fence == Truth::Yes {
                continue;
            }
            let there = is_implied(&document.guard, &key.resource.guard());
            let bare = is_bare(statement.element("Condition")) && fence == Truth::No;
            if bare && there && statement.present.and(principal).and(*matched) == Truth::Yes {
                findings
                    .violated(
                        key,
                        statement.value.span,
                        "the key's policy lets everybody use the key, in every account of AWS",
                    )
                    .witness(Witness::Request {
                        principal: "anyone".into(),
                        action: (*action).into(),
                        resource: key.id.to_string(),
                        circumstances: "from any account".into(),
                    })
                    .fix("name the principals, or add the condition kms:CallerAccount");
                return;
            }
            let because = match (principal, matched) {
                (Truth::Unknown, _) => "a statement's principal is not known",
                (_, Truth::Unknown) => "a statement for everybody has actions that are not known",
                _ if bare => "a statement for everybody exists only under a condition",
                _ => "a statement for everybody has conditions that are not modelled",
            };
            doubt = Some((statement.value.span, because.to_owned()));
        }
    }
    match doubt {
        Some((span, because)) => {
            findings.unknown(
                key,
                span,
                format!("whether everybody may use the key cannot be known: {because}"),
            );
        }
        None => findings.proved(key),
    }
}

/// Whether there is certainly no condition.
fn is_bare(condition: Option<&Value>) -> bool {
    condition.is_none_or(|condition| condition.as_map().is_some_and(|operators| operators.is_empty()))
}
