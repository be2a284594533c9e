//! A key does not open itself to everybody, and does not lock everybody out.
//!
//! Source: AWS KMS Developer Guide, "Key policies in AWS KMS", "Default key policy" (without a statement for the
//! account nobody can manage the key), "Authentication and access control: Allowing users in other accounts".

use estate::{ResourceRef, Value};

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
        for statement in statements {
            if statement.effect() != Some(true) {
                continue;
            }
            let uses = ["kms:Decrypt", "kms:PutKeyPolicy", "kms:CreateGrant", "kms:ScheduleKeyDeletion"];
            let action =
                uses.into_iter().find(|action| statement.matches_action(facts.estate, action) != Truth::No);
            let Some(action) = action else { continue };
            match statement.matches_principal(Principal::Anyone) {
                Truth::No => continue,
                Truth::Unknown => {
                    doubt = Some((statement.value.span, "a statement's principal is not known".to_owned()));
                    continue;
                }
                Truth::Yes => {}
            }
            match narrowed(statement.element("Condition")) {
                Truth::Yes => {}
                Truth::No if statement.present == Truth::Yes && document.guard.is_always() => {
                    findings
                        .violated(
                            key,
                            statement.value.span,
                            "the key's policy lets everybody use the key, in every account of AWS",
                        )
                        .witness(Witness::Request {
                            principal: "anyone".into(),
                            action: action.into(),
                            resource: key.id.to_string(),
                            circumstances: "from any account".into(),
                        })
                        .fix("name the principals, or add the condition kms:CallerAccount");
                    return;
                }
                _ => {
                    doubt = Some((
                        statement.value.span,
                        "a statement for everybody has conditions that are not modelled".to_owned(),
                    ))
                }
            }
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

/// Whether conditions narrow a statement for everybody: `Yes` by a key that names who, `No` without conditions.
fn narrowed(condition: Option<&Value>) -> Truth {
    let Some(condition) = condition else { return Truth::No };
    let Some(operators) = condition.as_map() else { return Truth::Unknown };
    if operators.is_empty() {
        return Truth::No;
    }
    let positive = |operator: &str| {
        let name = operator.split(':').next_back().unwrap_or(operator);
        ["StringEquals", "StringLike", "StringEqualsIgnoreCase", "ArnLike", "ArnEquals"].contains(&name)
    };
    let narrow = operators.iter().filter(|operator| positive(&operator.key)).any(|operator| {
        let keys = operator.value.as_map().into_iter().flatten();
        keys.into_iter().any(|key| {
            let names_somebody = !key.value.as_items().iter().any(|value| value.as_str() == Some("*"));
            NARROW.contains(&key.key.to_ascii_lowercase().as_str()) && names_somebody
        })
    });
    if narrow { Truth::Yes } else { Truth::Unknown }
}
