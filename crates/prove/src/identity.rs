//! What an IAM role may do, from every policy that the estate attaches to it.
//!
//! In: a role. Out: a [`Decision`] about a request of whoever assumed it. Always: a policy whose text is not
//! known (AWS's own, or one outside the estate) leaves what it may allow unknown; what a permissions boundary
//! withholds is withheld; the organization's policies are not looked at here, and can only withhold more.

use estate::{Kind, ResourceRef, Value};

use crate::lookup::{Attachment, Attachments, is_implied};
use crate::policy::{Decision, Request, decide, decide_all};
use crate::text::Truth;
use crate::{Facts, Judgement};

/// The policies attached to roles from outside the role's own text.
pub(crate) struct RolePolicies<'a> {
    /// `AWS::IAM::Policy` and `AWS::IAM::RolePolicy`.
    inline: Attachments<'a>,
    /// `AWS::IAM::ManagedPolicy` that names the role.
    managed: Attachments<'a>,
}

impl<'a> RolePolicies<'a> {
    /// All of the estate's.
    pub(crate) fn of(facts: &Facts<'a>) -> Self {
        let mut inline = Attachments::of(facts, "AWS::IAM::Policy", &["Roles", "*"], "AWS::IAM::Role");
        inline.add(facts, "AWS::IAM::RolePolicy", &["RoleName"], "AWS::IAM::Role");
        let managed = Attachments::of(facts, "AWS::IAM::ManagedPolicy", &["Roles", "*"], "AWS::IAM::Role");
        Self { inline, managed }
    }

    /// Whether a role may make a request, by its identity policies.
    pub(crate) fn role_may(
        &self,
        facts: &Facts<'a>,
        role: ResourceRef<'a>,
        request: &Request<'_>,
    ) -> Judgement {
        let subject = role.resource.guard();
        let mut documents: Vec<(&Value, Truth)> = Vec::new();
        let mut unread = None;
        let counts = |always: bool| if always { Truth::Yes } else { Truth::Unknown };
        for policy in role.resource.properties.alternatives_under(&["Policies", "*"], &subject) {
            match policy.value.map(|value| (value, value.get("PolicyDocument"))) {
                Some((_, Some(document))) => {
                    documents.push((document, counts(is_implied(&policy.guard, &subject))))
                }
                Some((value, None)) => {
                    unread = Some((value.span, format!("its policy is {}", value.describe()), false))
                }
                None => {}
            }
        }
        let attached = self.inline.to(role).iter().chain(self.managed.to(role));
        for Attachment { resource, guard } in attached {
            if let Some(document) = resource.resource.properties.get("PolicyDocument") {
                documents.push((document, counts(is_implied(guard, &subject))));
            }
        }
        for arn in role.resource.properties.alternatives_under(&["ManagedPolicyArns", "*"], &subject) {
            let Some(value) = arn.value else { continue };
            let policy = facts.index.named("AWS::IAM::ManagedPolicy", value);
            match policy.and_then(|policy| policy.resource.properties.get("PolicyDocument")) {
                Some(document) => documents.push((document, counts(is_implied(&arn.guard, &subject)))),
                None => {
                    let because = format!("what managed policy {} allows is not modelled", value.describe());
                    let only_allows = is_aws_managed(value) && unread.as_ref().is_none_or(|(.., only)| *only);
                    unread = Some((value.span, because, only_allows));
                }
            }
        }
        if let Some(policy) = self.inline.perhaps(role).or_else(|| self.managed.perhaps(role)) {
            let because = format!("which role policy `{}` is attached to is not known", policy.id);
            unread = Some((policy.resource.origin.span, because, false));
        }
        let allowed = decide_all(facts.estate, documents, request);
        if let (Decision::Allowed(_), Some(boundary)) =
            (&allowed, role.resource.properties.get("PermissionsBoundary"))
        {
            let policy = facts.index.named("AWS::IAM::ManagedPolicy", boundary);
            let document = policy.and_then(|policy| policy.resource.properties.get("PolicyDocument"));
            return match document.map(|document| decide(facts.estate, document, request)) {
                Some(Decision::Allowed(_)) => Judgement::Holds,
                Some(Decision::NotAllowed | Decision::Denied(_)) => Judgement::Fails {
                    span: boundary.span,
                    found: "its permissions boundary withholds it".into(),
                },
                Some(Decision::Unknown(span, because)) => Judgement::Unknown { span, because },
                None => Judgement::Unknown {
                    span: boundary.span,
                    because: "its permissions boundary is not in this estate".into(),
                },
            };
        }
        match (allowed, unread) {
            (Decision::Denied(span), _) => Judgement::Fails { span, found: "a statement denies it".into() },
            // AWS's managed policies only allow, so that one which is not read takes nothing away.
            (Decision::Allowed(_), None) => Judgement::Holds,
            (Decision::Allowed(_), Some((_, _, true))) => Judgement::Holds,
            (_, Some((span, because, _))) => Judgement::Unknown { span, because },
            (Decision::NotAllowed, None) => Judgement::Fails {
                span: role.resource.origin.span,
                found: "no policy of the role allows it".into(),
            },
            (Decision::Unknown(span, because), None) => Judgement::Unknown { span, because },
        }
    }
}

/// Whether a value is the ARN of a policy that AWS manages.
fn is_aws_managed(value: &Value) -> bool {
    let text = match &value.kind {
        Kind::Join(pieces) => pieces.last(),
        _ => Some(value),
    };
    text.and_then(Value::as_str).is_some_and(|text| text.contains(":iam::aws:policy/"))
}

/// Whether a resource is marked for emergencies: by the tag `steward:break-glass` with value `true`, or by the
/// path `/break-glass/`. Tags of permission sets take no colon: there it is `steward.break-glass`.
pub(crate) fn breaks_glass(found: ResourceRef<'_>) -> bool {
    let properties = &found.resource.properties;
    let path =
        properties.get("Path").and_then(Value::as_str).is_some_and(|path| path.starts_with("/break-glass/"));
    let tags = properties.get("Tags").and_then(Value::as_list).unwrap_or_default();
    path || tags.iter().any(|tag| {
        let is = |key: &str, wanted: &str| {
            tag.get(key).and_then(Value::as_text).is_some_and(|text| text == wanted)
        };
        (is("Key", "steward:break-glass") || is("Key", "steward.break-glass")) && is("Value", "true")
    })
}
