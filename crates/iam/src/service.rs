//! Rules of single services: KMS, STS, IAM, S3.
//!
//! In: the request and its policies. Out: where the service departs from the general logic. Must always hold: each
//! rule names AWS's page.

use crate::evaluate::{Grant, Policies};
use crate::glob::Tri;
use crate::policy::Effect;
use crate::request::{Caller, Request};

/// A rule of a service that decides by itself; each with its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Special {
    /// Always allowed.
    Always(&'static str),
    /// Never allowed.
    Never(&'static str),
    /// Allowed within the account only.
    Public(&'static str),
}

/// Whether policies of identities count only where the resource's policy names their account.
///
/// Sources: "Key policies in AWS KMS", AWS KMS Developer Guide: "unless the key policy explicitly allows it, you cannot
/// use IAM policies to allow access to a KMS key". "Granting a user permissions to switch roles" and "Methods to assume
/// a role", IAM User Guide: the role's trust policy must name the principal or its account.
#[must_use]
pub fn needs_delegation(policies: &Policies, request: &Request) -> bool {
    let action = request.action_lower.as_str();
    if action.starts_with("kms:") {
        // Aliases have no policy of their own; actions without a key are about the account.
        return request.resource.contains(":key/");
    }
    let about_role = request.resource.contains(":role/");
    action.starts_with("sts:")
        && (policies.resource.is_some() || (about_role && action.starts_with("sts:assumerole")))
}

/// A rule that decides by itself.
#[must_use]
pub fn special(policies: &Policies, request: &Request) -> Option<Special> {
    let (service, name) = request.action_lower.split_once(':')?;
    match service {
        "sts" => sts(name, request),
        "kms" => kms(name, request),
        "iam" => iam(name, request),
        "s3" => s3(policies, request),
        _ => None,
    }
}

/// Source: "GetCallerIdentity", AWS STS API Reference: "No permissions are required to perform this operation. If an
/// administrator attaches a policy … that explicitly denies access to the sts:GetCallerIdentity action, you can still
/// perform this operation."
fn sts(name: &str, request: &Request) -> Option<Special> {
    let signed = !matches!(request.caller, Caller::Anonymous);
    (name == "getcalleridentity" && signed)
        .then_some(Special::Always("sts:GetCallerIdentity needs no permission"))
}

/// Source: "Aliases in AWS KMS", AWS KMS Developer Guide: aliases that begin with `alias/aws/` are AWS's own.
fn kms(name: &str, request: &Request) -> Option<Special> {
    let own = request.resource.split_once(":alias/aws/").is_some();
    (own && matches!(name, "createalias" | "deletealias" | "updatealias"))
        .then_some(Special::Never("aliases that begin with alias/aws/ belong to AWS"))
}

/// Sources: "Managed policies and inline policies" (nobody changes an AWS managed policy), "Permission sets" of the IAM
/// Identity Center User Guide (its roles under `/aws-reserved/` are changed by Identity Center only).
fn iam(name: &str, request: &Request) -> Option<Special> {
    let changes_policy = matches!(
        name,
        "createpolicy"
            | "createpolicyversion"
            | "deletepolicy"
            | "deletepolicyversion"
            | "setdefaultpolicyversion"
            | "tagpolicy"
            | "untagpolicy"
    );
    if changes_policy && request.resource.contains(":iam::aws:policy/") {
        return Some(Special::Never("an AWS managed policy is changed by AWS only"));
    }
    let changes_role = matches!(
        name,
        "attachrolepolicy"
            | "createrole"
            | "createservicelinkedrole"
            | "deleterole"
            | "deleterolepermissionsboundary"
            | "deleterolepolicy"
            | "deleteservicelinkedrole"
            | "detachrolepolicy"
            | "passrole"
            | "putrolepermissionsboundary"
            | "putrolepolicy"
            | "tagrole"
            | "untagrole"
            | "updateassumerolepolicy"
            | "updaterole"
            | "updateroledescription"
    );
    (changes_role && request.resource.contains(":role/aws-reserved/"))
        .then_some(Special::Never("a role under /aws-reserved/ is changed by AWS only"))
}

/// Source: "Blocking public access to your Amazon S3 storage", Amazon S3 User Guide: `RestrictPublicBuckets` limits a
/// bucket with a public policy to AWS services and the bucket owner's account.
fn s3(policies: &Policies, request: &Request) -> Option<Special> {
    if !policies.surroundings.restrict_public_buckets || matches!(request.caller, Caller::Service(_)) {
        return None;
    }
    let public = policies.resource.as_ref().is_some_and(|policy| {
        policy.statements.iter().any(|statement| statement.effect == Effect::Allow && statement.is_public())
    });
    public.then_some(Special::Public("the bucket's policy is public and RestrictPublicBuckets is on"))
}

/// Whether a grant of the key allows the request.
///
/// Source: "Grants in AWS KMS", AWS KMS Developer Guide: a grant allows its grantee the operations it lists, where the
/// constraints on the encryption context hold.
#[must_use]
pub fn granted(policies: &Policies, request: &Request) -> Tri {
    let Some(name) = request.action_lower.strip_prefix("kms:") else { return Tri::No };
    policies.grants.iter().any(|grant| allows(grant, name, request)).into()
}

/// Whether one grant allows an operation.
#[must_use]
pub fn allows(grant: &Grant, operation_lower: &str, request: &Request) -> bool {
    let listed = grant.operations.iter().any(|operation| operation.eq_ignore_ascii_case(operation_lower));
    listed && is_grantee(&grant.grantee, &request.caller) && constraints_hold(grant, request)
}

fn is_grantee(grantee: &str, caller: &Caller) -> bool {
    let arn = caller.arn();
    match caller {
        Caller::Service(name) => grantee == name,
        // "Permissions granted to a role apply to its sessions."
        Caller::Session { role, .. } => {
            let same = |own: &crate::request::Arn| grantee.split(':').nth(4) == Some(own.account.as_str());
            let named = grantee.split_once(":role/").and_then(|(_, path)| path.rsplit('/').next());
            arn.is_some_and(|own| own.text == grantee || (named == Some(role.as_str()) && same(own)))
        }
        _ => arn.is_some_and(|own| own.text == grantee),
    }
}

fn constraints_hold(grant: &Grant, request: &Request) -> bool {
    const PREFIX: &str = "kms:encryptioncontext:";
    let has = |key: &str, value: &str| {
        let key = format!("{PREFIX}{}", key.to_lowercase());
        matches!(request.context.get(&key).map(crate::context::Value::texts), Some([text]) if text == value)
    };
    let count = || request.context.iter().filter(|(key, _)| key.starts_with(PREFIX)).count();
    let equals = grant.context_equals.as_ref();
    let subset = grant.context_subset.as_ref();
    equals.is_none_or(|pairs| pairs.len() == count() && pairs.iter().all(|(key, value)| has(key, value)))
        && subset.is_none_or(|pairs| pairs.iter().all(|(key, value)| has(key, value)))
}
