//! A trust policy names who may assume the role: a third party by an external id, an identity provider by subject and audience.
//!
//! Sources: IAM User Guide, "Access to AWS accounts owned by third parties" (external ids), "Create a role for OpenID Connect
//! federation" (conditions on the subject and the audience; without one on the subject of GitHub anybody there may ask), "Create a role
//! for SAML 2.0 federation" (`SAML:aud`), "IAM roles for Amazon Cognito" (`cognito-identity.amazonaws.com:aud`). Services are not judged: a role is
//! passed to them within its account.

use std::collections::BTreeSet;

use iam::access::Access;
use iam::policy::{Condition, Effect, Principal, PrincipalKind, Sense, Statement};

use crate::{Facts, Findings, Guarantee, Level, Witness};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "trust-names-callers",
    title: "every trust policy names who may assume the role",
    level: Level::High,
    page: include_str!("../../../../docs/guarantees/trust-names-callers.md"),
    check,
};

/// What is wrong with a principal of a trust policy.
enum Wrong {
    /// It lets somebody in that nobody named.
    Certain(String, &'static str),
    /// It depends.
    Perhaps(String),
}

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    if facts.index.of_kind("AWS::IAM::Role").is_empty() {
        return;
    }
    let access = facts.access();
    let own = own_accounts(access);
    for thing in access.things.iter().filter(|thing| thing.kind == "AWS::IAM::Role") {
        let Some(role) = facts.index.get(thing.stack, &thing.id) else { continue };
        let mut worst: Option<(Wrong, diagnostics::Span)> = None;
        for document in &thing.policies {
            let policy = match &document.policy {
                Ok(policy) => policy,
                Err(why) => {
                    worst.get_or_insert((Wrong::Perhaps(why.clone()), document.span));
                    continue;
                }
            };
            for statement in policy.statements.iter().filter(|it| it.effect == Effect::Allow) {
                for wrong in judge(access, &own, statement) {
                    let certain = matches!(wrong, Wrong::Certain(..));
                    if worst.as_ref().is_none_or(|(known, _)| certain && matches!(known, Wrong::Perhaps(_))) {
                        worst = Some((wrong, statement.span));
                    }
                }
            }
        }
        match worst {
            None => findings.proved(role),
            Some((Wrong::Perhaps(why), span)) => {
                findings.unknown(
                    role,
                    span,
                    format!("whether it names who may assume the role depends on {why}"),
                );
            }
            Some((Wrong::Certain(who, fix), span)) => {
                findings
                    .violated(
                        role,
                        span,
                        format!("{who} may assume the role, and nothing names which of them"),
                    )
                    .witness(Witness::Request {
                        principal: who,
                        action: "sts:AssumeRole".to_owned(),
                        resource: iam::access::shown(&thing.arn),
                        circumstances: "whoever asks".to_owned(),
                    })
                    .fix(fix);
            }
        }
    }
}

/// The accounts of the estate, as policies write their numbers.
pub(crate) fn own_accounts(access: &Access<'_>) -> BTreeSet<String> {
    let names = iam::access::Names::of(access.estate);
    let count = u32::try_from(access.estate.accounts.len()).unwrap_or(u32::MAX);
    (0..count).map(|at| iam::access::marked(&[names.account(estate::AccountId(at))])).collect()
}

fn judge(access: &Access<'_>, own: &BTreeSet<String>, statement: &Statement) -> Vec<Wrong> {
    let Some(set) = &statement.principals else { return Vec::new() };
    if set.sense == Sense::AllBut {
        return vec![anybody(statement)].into_iter().flatten().collect();
    }
    let one = |principal: &Principal| match &principal.kind {
        PrincipalKind::Everyone => anybody(statement),
        PrincipalKind::Open(kind, text) if kind == "Federated" => {
            federated(statement, &iam::access::rendered(text))
        }
        PrincipalKind::Open(kind, _) if kind != "AWS" => None,
        PrincipalKind::Account(_) | PrincipalKind::Arn(_) | PrincipalKind::Open(_, _) => {
            of_account(access, own, statement, &iam::access::principal_text(&principal.kind))
        }
        PrincipalKind::Federated(provider) => federated(statement, provider),
        PrincipalKind::Service(_) | PrincipalKind::UniqueId(_) | PrincipalKind::CanonicalUser(_) => None,
    };
    set.principals.iter().filter_map(one).collect()
}

/// Conditions that say who it must be, where they are positive.
pub(crate) fn asks(statement: &Statement, key: impl Fn(&str) -> bool) -> Option<&Condition> {
    let positive = |condition: &&Condition| {
        let operator = format!("{:?}", condition.operator);
        !condition.if_exists && !operator.contains("Not") && !operator.contains("Null")
    };
    let narrow = |condition: &&Condition| condition.values.iter().all(|value| names_somebody(&value.written));
    statement.conditions.iter().filter(positive).filter(narrow).find(|condition| key(&condition.key))
}

/// Whether a value leaves out anybody: `*` does not, nor does an ARN of any account.
fn names_somebody(value: &str) -> bool {
    if value.chars().all(|one| matches!(one, '*' | '?')) {
        return false;
    }
    let parts: Vec<&str> = value.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", _, _, _, "", resource] => !resource.starts_with(['*', '?']),
        ["arn", _, _, _, account, _] => !account.contains(['*', '?']),
        _ => true,
    }
}

fn anybody(statement: &Statement) -> Option<Wrong> {
    let who = [
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:principalarn",
        "aws:principalaccount",
        "sts:externalid",
    ];
    if asks(statement, |key| who.contains(&key)).is_some() {
        return None;
    }
    Some(match statement.conditions.first() {
        None => Wrong::Certain("anybody".to_owned(), "name the accounts or roles in Principal"),
        Some(condition) => Wrong::Perhaps(format!("what `{}` says of who asks", condition.written_key)),
    })
}

fn of_account(
    access: &Access<'_>,
    own: &BTreeSet<String>,
    statement: &Statement,
    text: &str,
) -> Option<Wrong> {
    if asks(statement, |key| key == "sts:externalid").is_some() {
        return None;
    }
    let shown = iam::access::shown(text);
    match is_known_stranger(access, own, text)? {
        true => {
            let fix = "ask for an external id: Condition: {StringEquals: {sts:ExternalId: …}}, another one for each customer of the third party";
            Some(Wrong::Certain(format!("`{shown}`"), fix))
        }
        false => Some(Wrong::Perhaps(format!(
            "whether `{shown}` is of a third party, which has to name an external id"
        ))),
    }
}

/// Whether a principal is of an account that is certainly none of the estate's; `None`: it is of one of them.
pub(crate) fn is_known_stranger(access: &Access<'_>, own: &BTreeSet<String>, text: &str) -> Option<bool> {
    let number = text.split(':').nth(4).unwrap_or(text);
    if own.contains(number) || access.holders.iter().any(|holder| holder.arn == text) {
        return None;
    }
    let is_number = number.len() == 12 && number.chars().all(|digit| digit.is_ascii_digit());
    // Whose account a number is, only an organization that is known can say.
    Some(is_number && access.estate.organization.is_some())
}

fn federated(statement: &Statement, provider: &str) -> Option<Wrong> {
    let provider_shown = iam::access::shown(provider);
    let named = |condition: &Condition| {
        condition.values.iter().all(|value| !matches!(value.written.as_str(), "*" | "repo:*" | "repo:*:*"))
    };
    let asked = |suffix: &str| asks(statement, |key| key.ends_with(suffix));
    if provider.contains("saml-provider/") {
        let fix =
            "ask for the audience: Condition: {StringEquals: {SAML:aud: https://signin.aws.amazon.com/saml}}";
        return asked("saml:aud")
            .is_none()
            .then(|| Wrong::Certain(format!("everybody of {provider_shown}"), fix));
    }
    let fix = "ask for the audience and for the subject: Condition: {StringEquals: {…:aud: …, …:sub: …}}";
    let audience = asked(":aud").is_some_and(named);
    // Identities of Cognito are told apart by their pool, which is the audience.
    let subject = provider == "cognito-identity.amazonaws.com" || asked(":sub").is_some_and(named);
    (!audience || !subject).then(|| Wrong::Certain(format!("everybody of {provider_shown}"), fix))
}
