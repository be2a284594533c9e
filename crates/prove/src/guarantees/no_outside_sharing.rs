//! Nothing is shared outside the organization: no policy on a resource, no permission of a function, no share lets somebody in who is not of
//! the estate.
//!
//! Sources: IAM User Guide, "Identity-based policies and resource-based policies", "AWS global condition context keys" (`aws:PrincipalOrgID` and
//! its like); AWS RAM User Guide, "Sharing with external principals" (`AllowExternalPrincipals` is true where it is left out); AWS Lambda
//! Developer Guide, "Granting function access to other accounts". Trust policies are judged by `trust-names-callers`; ACLs, snapshots
//! and images by guarantees of their own.

use std::collections::BTreeSet;

use estate::{ResourceRef, Value};
use iam::access::Access;
use iam::policy::{Effect, Principal, PrincipalKind, Sense, Statement};

use crate::guarantees::trust_names_callers::{asks, is_known_stranger, own_accounts};
use crate::{Facts, Findings, Guarantee, Level, Witness};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "no-outside-sharing",
    title: "nothing is shared outside the organization",
    level: Level::High,
    page: include_str!("../../../../docs/guarantees/no-outside-sharing.md"),
    check,
};

/// Condition keys that only somebody known can have, where they are asked for positively.
const NAMES_WHO: [&str; 12] = [
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principalaccount",
    "aws:principalarn",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "kms:calleraccount",
    "aws:resourceorgid",
];

/// Who is let in.
enum Stranger {
    Certain(String),
    Perhaps(String),
}

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let access = facts.access();
    let own = own_accounts(access);
    for thing in access.things.iter().filter(|it| it.kind != "AWS::IAM::Role" && !it.policies.is_empty()) {
        let Some(found) = facts.index.get(thing.stack, &thing.id) else { continue };
        let mut worst: Option<(Stranger, diagnostics::Span, &str)> = None;
        for document in &thing.policies {
            let policy = match &document.policy {
                Ok(policy) => policy,
                Err(why) => {
                    worst.get_or_insert((Stranger::Perhaps(why.clone()), document.span, "a request"));
                    continue;
                }
            };
            for statement in policy.statements.iter().filter(|it| it.effect == Effect::Allow) {
                let action = statement.actions.patterns.first().map_or("a request", |it| it.written.as_str());
                for stranger in judge(access, &own, statement) {
                    let certain = matches!(stranger, Stranger::Certain(_));
                    if worst.as_ref().is_none_or(|known| certain && matches!(known.0, Stranger::Perhaps(_))) {
                        worst = Some((stranger, statement.span, action));
                    }
                }
            }
        }
        tell(found, worst, findings);
    }
    for &permission in facts.index.of_kind("AWS::Lambda::Permission") {
        let properties = &permission.resource.properties;
        let named =
            ["SourceAccount", "SourceArn", "PrincipalOrgID"].iter().any(|key| properties.get(key).is_some());
        let worst = match properties.get("Principal") {
            _ if named => None,
            Some(principal) => match principal.as_str() {
                Some("*") => Some(Stranger::Certain("anybody".to_owned())),
                Some(text) => account(access, &own, text),
                None => Some(Stranger::Perhaps(principal.describe())),
            },
            None => None,
        };
        let span = permission.resource.origin.span;
        tell(permission, worst.map(|stranger| (stranger, span, "lambda:InvokeFunction")), findings);
    }
    for &share in facts.index.of_kind("AWS::RAM::ResourceShare") {
        let properties = &share.resource.properties;
        let closed = properties.get("AllowExternalPrincipals").and_then(Value::as_bool) == Some(false);
        let principals = properties.get("Principals").map(Value::as_items).unwrap_or_default();
        let mut strangers = principals.iter().filter_map(|principal| match principal.as_str() {
            Some(text) => account(access, &own, text),
            // Names of the organization, its units and accounts are references.
            None if facts
                .index
                .references(principal)
                .iter()
                .any(|it| it.resource.kind.starts_with("AWS::Organizations::")) =>
            {
                None
            }
            None => Some(Stranger::Perhaps(principal.describe())),
        });
        let worst = if closed { None } else { strangers.next() };
        let span = share.resource.origin.span;
        tell(share, worst.map(|stranger| (stranger, span, "ram:AcceptResourceShareInvitation")), findings);
    }
}

fn tell(found: ResourceRef<'_>, worst: Option<(Stranger, diagnostics::Span, &str)>, findings: &mut Findings) {
    match worst {
        None => findings.proved(found),
        Some((Stranger::Perhaps(why), span, _)) => {
            findings.unknown(found, span, format!("whether somebody outside is let in depends on {why}"));
        }
        Some((Stranger::Certain(who), span, action)) => {
            findings
                .violated(found, span, format!("{who} is let in from outside the organization"))
                .witness(Witness::Request {
                    principal: who,
                    action: action.to_owned(),
                    resource: found.id.to_string(),
                    circumstances: "from outside".to_owned(),
                })
                .fix("name principals of the organization, or ask for aws:PrincipalOrgID; what is meant is an exception with owner and expiry");
        }
    }
}

fn judge(access: &Access<'_>, own: &BTreeSet<String>, statement: &Statement) -> Vec<Stranger> {
    let Some(set) = &statement.principals else { return Vec::new() };
    if asks(statement, |key| NAMES_WHO.contains(&key)).is_some() {
        return Vec::new();
    }
    let anybody = || match statement.conditions.first() {
        None => Stranger::Certain("anybody".to_owned()),
        Some(condition) => Stranger::Perhaps(format!("what `{}` says of who asks", condition.written_key)),
    };
    if set.sense == Sense::AllBut {
        return vec![anybody()];
    }
    let one = |principal: &Principal| match &principal.kind {
        PrincipalKind::Everyone => Some(anybody()),
        PrincipalKind::Open(kind, _) if kind == "Service" => None,
        PrincipalKind::Account(_) | PrincipalKind::Arn(_) | PrincipalKind::Open(..) => {
            account(access, own, &iam::access::principal_text(&principal.kind))
        }
        PrincipalKind::CanonicalUser(id) => Some(Stranger::Perhaps(format!("whose canonical id `{id}` is"))),
        PrincipalKind::Federated(name) => Some(Stranger::Perhaps(format!("whom `{name}` vouches for"))),
        PrincipalKind::Service(_) | PrincipalKind::UniqueId(_) => None,
    };
    set.principals.iter().filter_map(one).collect()
}

/// Whether an account, or what is of one, is none of the estate's.
fn account(access: &Access<'_>, own: &BTreeSet<String>, text: &str) -> Option<Stranger> {
    // A service's name.
    if text.ends_with(".amazonaws.com") {
        return None;
    }
    match is_known_stranger(access, own, text) {
        None => None,
        Some(true) => Some(Stranger::Certain(format!("`{}`", iam::access::shown(text)))),
        Some(false) => {
            Some(Stranger::Perhaps(format!("whether `{}` is of the organization", iam::access::shown(text))))
        }
    }
}
