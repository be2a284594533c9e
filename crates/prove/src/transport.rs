//! Whether the policies of a resource refuse requests that do not come over TLS.
//!
//! In: a resource, the policies attached to it and requests to try. Out: one verdict. Always: a policy that
//! may not be there, or that another may replace, proves nothing.

use estate::{ResourceRef, Value};

use crate::lookup::{Attachment, Attachments, is_implied};
use crate::policy::{Decision, Principal, Request, denies};
use crate::text::{Token, literal};
use crate::{Facts, Findings, Witness};

/// What to ask of a resource.
pub(crate) struct Question<'a> {
    /// Requests that must be refused: action and resource.
    pub requests: Vec<(&'a str, Vec<Token>)>,
    /// What the subject is, with article: `the topic`.
    pub subject: &'a str,
    /// What to add.
    pub fix: &'a str,
}

/// The document of a policy resource.
pub(crate) fn document<'a>(policy: ResourceRef<'a>) -> Option<&'a Value> {
    policy.resource.properties.get("PolicyDocument")
}

/// Says whether every request of `question` is denied to everybody when `aws:SecureTransport` is false.
pub(crate) fn refuses_plain_http(
    facts: &Facts<'_>,
    findings: &mut Findings,
    subject: ResourceRef<'_>,
    policies: &Attachments<'_>,
    question: &Question<'_>,
) {
    let attached = policies.to(subject);
    for (action, resource) in &question.requests {
        let request = Request {
            principal: Principal::Anyone,
            action,
            resource: resource.clone(),
            context: vec![("aws:SecureTransport", literal("false"))],
        };
        let said = |policy: ResourceRef<'_>| match document(policy) {
            Some(document) => denies(facts.estate, document, &request),
            None => {
                Decision::Unknown(policy.resource.origin.span, "its policy's document is not known".into())
            }
        };
        let (mut refusing, mut silent, mut doubt) = (0, 0, None);
        for Attachment { resource: policy, guard } in attached {
            match said(*policy) {
                Decision::Denied(_) if is_implied(guard, &subject.resource.guard()) => refusing += 1,
                Decision::Denied(span) => {
                    doubt = Some((span, "its policy exists only under a condition".to_owned()))
                }
                Decision::Unknown(span, because) => doubt = Some((span, because)),
                Decision::Allowed(_) | Decision::NotAllowed => silent += 1,
            }
        }
        if refusing > 0 && silent > 0 {
            let because = "several policies are attached, and the one that is put last replaces the others";
            doubt = Some((subject.resource.origin.span, because.to_owned()));
        } else if refusing > 0 {
            continue;
        }
        // A policy for something not known may be the one, if it refuses what it is put on.
        let maybe = policies
            .loose
            .iter()
            .filter(|_| attached.is_empty())
            .find(|policy| matches!(said(**policy), Decision::Denied(_) | Decision::Unknown(..)));
        doubt = doubt.or_else(|| {
            maybe.map(|policy| {
                (policy.resource.origin.span, format!("`{}` may or may not be its policy", policy.id))
            })
        });
        if let Some((span, because)) = doubt {
            findings.unknown(
                subject,
                span,
                format!("whether plain HTTP is refused cannot be known: {because}"),
            );
            return;
        }
        let message = match attached {
            [] => format!("{} has no policy, so it answers requests over plain HTTP", question.subject),
            _ => format!("the policy of {} does not refuse requests over plain HTTP", question.subject),
        };
        let finding = findings.violated(subject, subject.resource.origin.span, message);
        finding.fix(question.fix).witness(Witness::Request {
            principal: "anyone whom a policy allows".into(),
            action: (*action).into(),
            resource: subject.id.to_string(),
            circumstances: "aws:SecureTransport is false".into(),
        });
        for policy in attached {
            finding.related(policy.resource.resource.origin.span, "its policy");
        }
        return;
    }
    findings.proved(subject);
}
