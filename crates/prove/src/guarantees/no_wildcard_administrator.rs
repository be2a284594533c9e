//! No identity is an administrator by wildcard, except those for breaking glass.
//!
//! Source: IAM User Guide, "Security best practices in IAM" (least privilege), "AWS managed policies for job
//! functions" (`AdministratorAccess`), "Permissions boundaries for IAM entities"; CIS AWS Foundations Benchmark,
//! "Ensure IAM policies that allow full *:* administrative privileges are not attached".

use diagnostics::Span;
use estate::{Kind, ResourceRef, Value};

use crate::identity::breaks_glass;
use crate::lookup::{Attachments, is_implied};
use crate::policy::{Decision, Principal, Request, decide};
use crate::text::{Token, literal};
use crate::{Facts, Findings, Guarantee, Level, Setting, Witness};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "no-wildcard-administrator",
    title: "no identity is an administrator by wildcard, except to break glass",
    level: Level::Critical,
    page: include_str!("../../../../docs/guarantees/no-wildcard-administrator.md"),
    check,
};

/// Whoever may do all of these to any user, role and policy can give itself whatever it lacks: `*`, `iam:*`,
/// and `NotAction` that does not leave out IAM. Each with the type of what it is done to.
const ESCALATIONS: [(&str, &str); 5] = [
    ("iam:PutRolePolicy", "role"),
    ("iam:AttachUserPolicy", "user"),
    ("iam:CreatePolicyVersion", "policy"),
    ("iam:UpdateAssumeRolePolicy", "role"),
    ("iam:CreateAccessKey", "user"),
];

/// AWS's own policies that allow them.
const ADMINISTRATORS: [&str; 2] = ["AdministratorAccess", "IAMFullAccess"];

/// A type that holds policies of identities: where its inline documents stand, and where it names managed ones.
type Holder = (&'static str, &'static [&'static str], Option<&'static [&'static str]>);

const HOLDERS: [Holder; 9] = [
    ("AWS::IAM::ManagedPolicy", &["PolicyDocument"], None),
    ("AWS::IAM::Policy", &["PolicyDocument"], None),
    ("AWS::IAM::RolePolicy", &["PolicyDocument"], None),
    ("AWS::IAM::GroupPolicy", &["PolicyDocument"], None),
    ("AWS::IAM::UserPolicy", &["PolicyDocument"], None),
    ("AWS::IAM::Role", &["Policies", "*", "PolicyDocument"], Some(&["ManagedPolicyArns", "*"])),
    ("AWS::IAM::Group", &["Policies", "*", "PolicyDocument"], Some(&["ManagedPolicyArns", "*"])),
    ("AWS::IAM::User", &["Policies", "*", "PolicyDocument"], Some(&["ManagedPolicyArns", "*"])),
    ("AWS::SSO::PermissionSet", &["InlinePolicy"], Some(&["ManagedPolicies", "*"])),
];

/// What is to be said of one holder: the worst of its policies.
#[derive(Default)]
struct Found {
    violated: Option<(Span, String, &'static str)>,
    unknown: Option<(Span, String)>,
}

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let attached = Attached::of(facts);
    for (kind, documents, managed) in HOLDERS {
        for &holder in facts.index.of_kind(kind) {
            if breaks_glass(holder) || attached.only_to_break_glass(facts, holder) {
                continue;
            }
            let mut found = Found::default();
            for document in Setting::of(holder.resource, documents).alternatives() {
                if let Some(value) = document.value {
                    judge_document(
                        facts,
                        value,
                        !is_implied(&document.guard, &holder.resource.guard()),
                        &mut found,
                    );
                }
            }
            let arns = managed.map(|path| Setting::of(holder.resource, path));
            for arn in arns.iter().flat_map(Setting::alternatives) {
                if let Some(value) = arn.value {
                    judge_arn(facts, value, !is_implied(&arn.guard, &holder.resource.guard()), &mut found);
                }
            }
            tell(facts, holder, found, findings);
        }
    }
}

fn tell(facts: &Facts<'_>, holder: ResourceRef<'_>, found: Found, findings: &mut Findings) {
    if let Some((span, message, action)) = found.violated {
        match boundary(facts, holder) {
            Boundary::Stops => return findings.proved(holder),
            Boundary::Unknown(span, because) => {
                let message = format!(
                    "{message}; whether its permissions boundary stops that cannot be known: {because}"
                );
                findings.unknown(holder, span, message);
                return;
            }
            Boundary::None => {}
        }
        findings
            .violated(holder, span, message)
            .witness(Witness::Request {
                principal: format!("whoever has `{}`", holder.id),
                action: action.into(),
                resource: "any role, user or policy".into(),
                circumstances: "no condition stands in the way".into(),
            })
            .fix("list the actions and resources that are needed; mark a role for emergencies with the tag steward:break-glass");
        return;
    }
    match found.unknown {
        Some((span, because)) => {
            findings.unknown(
                holder,
                span,
                format!("whether it is an administrator cannot be known: {because}"),
            );
        }
        None => findings.proved(holder),
    }
}

/// Puts the escalating actions to a document; `maybe`: it counts only under a condition.
fn judge_document(facts: &Facts<'_>, value: &Value, maybe: bool, found: &mut Found) {
    // A permission set's inline policy may be JSON in a text.
    let parsed = value.as_str().and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
    let parsed = parsed.map(|json| estate::from_json(&json).spanned(value.span));
    let document = parsed.as_ref().unwrap_or(value);
    if document.as_map().is_none() {
        found.unknown.get_or_insert((value.span, format!("the policy is {}", value.describe())));
        return;
    }
    let mut allowed = None;
    let mut doubt: Option<(Span, String)> = None;
    for (action, of) in ESCALATIONS {
        let any = |what: &str| vec![Token::Symbol(what.into())];
        let target = [
            literal("arn:aws:iam::"),
            any("any account"),
            literal(":"),
            literal(of),
            literal("/"),
            any("any name"),
        ];
        let request =
            Request { principal: Principal::Bearer, action, resource: target.concat(), context: Vec::new() };
        match decide(facts.estate, document, &request) {
            Decision::Allowed(span) => allowed = Some((span.or(value.span), action)),
            Decision::Unknown(span, because) => doubt = Some((span.or(value.span), because)),
            // One that is withheld is enough: it is not the administrator of this guarantee.
            Decision::Denied(_) | Decision::NotAllowed => return,
        }
    }
    match (allowed, doubt) {
        (_, Some((span, because))) => _ = found.unknown.get_or_insert((span, because)),
        (Some((span, _)), None) if maybe => {
            found.unknown.get_or_insert((span, "the policy is there only under a condition".into()));
        }
        (Some((span, action)), None) => {
            let message = "the policy allows every action of IAM on everything, so that its bearer can give itself any right";
            found.violated.get_or_insert((span, message.into(), action));
        }
        (None, None) => {}
    }
}

fn judge_arn(facts: &Facts<'_>, value: &Value, maybe: bool, found: &mut Found) {
    if facts.index.named("AWS::IAM::ManagedPolicy", value).is_some() {
        return; // It is judged itself.
    }
    let tail = match &value.kind {
        Kind::String(text) => Some(text.as_str()),
        Kind::Join(pieces) => pieces.last().and_then(Value::as_str),
        _ => None,
    };
    let name = tail.and_then(|text| text.rsplit('/').next());
    match name {
        Some(name) if ADMINISTRATORS.contains(&name) && maybe => {
            found.unknown.get_or_insert((value.span, format!("`{name}` is attached only under a condition")));
        }
        Some(name) if ADMINISTRATORS.contains(&name) => {
            let message = format!("AWS's managed policy `{name}` lets its bearer give itself any right");
            found.violated.get_or_insert((
                value.span,
                message,
                ESCALATIONS.first().map_or("iam:*", |(action, _)| action),
            ));
        }
        // The other policies of AWS are not administrators; one of the customer's that is not here may be.
        Some(_)
            if tail
                .is_some_and(|text| text.contains(":iam::aws:policy/") || text.contains("::aws:policy/")) => {
        }
        _ => {
            let because = format!("the policy {} is not in this estate", value.describe());
            found.unknown.get_or_insert((value.span, because));
        }
    }
}

/// What a permissions boundary does to what the policies allow.
enum Boundary {
    None,
    Stops,
    Unknown(Span, String),
}

fn boundary(facts: &Facts<'_>, holder: ResourceRef<'_>) -> Boundary {
    let Some(value) = holder.resource.properties.get("PermissionsBoundary") else { return Boundary::None };
    let document = facts
        .index
        .named("AWS::IAM::ManagedPolicy", value)
        .and_then(|policy| policy.resource.properties.get("PolicyDocument"));
    let Some(document) = document else {
        return Boundary::Unknown(value.span, format!("{} is not in this estate", value.describe()));
    };
    let mut found = Found::default();
    judge_document(facts, document, false, &mut found);
    match (found.violated, found.unknown) {
        (Some(_), _) => Boundary::None,
        (None, Some((span, because))) => Boundary::Unknown(span, because),
        (None, None) => Boundary::Stops,
    }
}

/// To whom policies that are resources of their own are attached.
struct Attached<'a> {
    /// Managed policies by the identities that name them.
    named_by: Attachments<'a>,
}

impl<'a> Attached<'a> {
    fn of(facts: &Facts<'a>) -> Self {
        let mut named_by = Attachments::default();
        for kind in ["AWS::IAM::Role", "AWS::IAM::Group", "AWS::IAM::User"] {
            named_by.add(facts, kind, &["ManagedPolicyArns", "*"], "AWS::IAM::ManagedPolicy");
        }
        Self { named_by }
    }

    /// Whether a policy is attached to something, and only to what breaks glass.
    fn only_to_break_glass(&self, facts: &Facts<'a>, policy: ResourceRef<'a>) -> bool {
        let mut bearers: Vec<Option<ResourceRef<'a>>> = Vec::new();
        for (path, kind) in [
            (&["Roles", "*"][..], "AWS::IAM::Role"),
            (&["Groups", "*"][..], "AWS::IAM::Group"),
            (&["Users", "*"][..], "AWS::IAM::User"),
            (&["RoleName"][..], "AWS::IAM::Role"),
            (&["GroupName"][..], "AWS::IAM::Group"),
            (&["UserName"][..], "AWS::IAM::User"),
        ] {
            // A role names itself in `RoleName`; only the policies' own lists are meant.
            if policy.resource.kind == kind {
                continue;
            }
            let names = policy.resource.properties.alternatives(path);
            bearers
                .extend(names.iter().filter_map(|name| name.value).map(|name| facts.index.named(kind, name)));
        }
        bearers.extend(self.named_by.to(policy).iter().map(|helper| Some(helper.resource)));
        !bearers.is_empty() && bearers.iter().all(|bearer| bearer.is_some_and(breaks_glass))
    }
}
