//! Whether an AWS service may write where it is told to: by the bucket's, topic's or key's own policy.
//!
//! In: the destination, the policies attached to it, and the requests that the service makes. Out: a
//! [`Judgement`] with the request that would be refused. Always: a service needs an allowing statement, in its
//! own account too; a policy that may not be there, or may belong to something else, proves nothing.

use diagnostics::Span;
use estate::{Pseudo, Reference, ResourceRef, StackId, Target, Value};

use crate::lookup::{Attachments, Key, is_implied, key};
use crate::policy::{Decision, Principal, Request, decide};
use crate::text::{Token, literal, shown, tokens};
use crate::{Facts, Judgement, Setting, Witness};

/// A judgement with the concrete failure and the places on the way to it.
#[derive(Debug)]
pub(crate) struct Answer {
    /// What was found out.
    pub judgement: Judgement,
    /// The request that would be refused.
    pub witness: Option<Witness>,
    /// Other places.
    pub related: Vec<(Span, String)>,
}

impl From<Judgement> for Answer {
    fn from(judgement: Judgement) -> Self {
        Self { judgement, witness: None, related: Vec::new() }
    }
}

impl Answer {
    /// Both: this one unless it holds, else the other.
    pub(crate) fn and(self, other: impl FnOnce() -> Self) -> Self {
        match self.judgement {
            Judgement::Holds => other(),
            Judgement::Fails { .. } => self,
            Judgement::Unknown { .. } => match other() {
                failure @ Self { judgement: Judgement::Fails { .. }, .. } => failure,
                _ => self,
            },
        }
    }

    /// Either: this one if it holds, else the other if that does better.
    pub(crate) fn or(self, other: impl FnOnce() -> Self) -> Self {
        match self.judgement {
            Judgement::Holds => self,
            Judgement::Unknown { .. } => match other() {
                better @ Self { judgement: Judgement::Holds, .. } => better,
                _ => self,
            },
            Judgement::Fails { .. } => match other() {
                Self { judgement: Judgement::Fails { .. }, .. } => self,
                better => better,
            },
        }
    }

    /// Judges every value that `setting` may have; the witness is that of the last that failed.
    pub(crate) fn each(setting: &Setting<'_>, mut answer: impl FnMut(Option<&Value>) -> Self) -> Self {
        let (mut witness, mut related) = (None, Vec::new());
        let judgement = setting.judge(|value| {
            let answer = answer(value);
            if answer.judgement != Judgement::Holds {
                witness = answer.witness.or(witness.take());
                related = answer.related;
            }
            answer.judgement
        });
        Self { judgement, witness, related }
    }
}

/// The policies attached to things of one type.
pub(crate) struct ResourcePolicies<'a> {
    helpers: Attachments<'a>,
    /// What the things are called: `bucket`.
    noun: &'static str,
}

impl<'a> ResourcePolicies<'a> {
    /// Those of buckets.
    pub(crate) fn of_buckets(facts: &Facts<'a>) -> Self {
        let helpers = Attachments::of(facts, "AWS::S3::BucketPolicy", &["Bucket"], "AWS::S3::Bucket");
        Self { helpers, noun: "bucket" }
    }

    /// Those of topics.
    pub(crate) fn of_topics(facts: &Facts<'a>) -> Self {
        let mut helpers =
            Attachments::of(facts, "AWS::SNS::TopicPolicy", &["Topics", "*"], "AWS::SNS::Topic");
        helpers.add(facts, "AWS::SNS::TopicInlinePolicy", &["TopicArn"], "AWS::SNS::Topic");
        Self { helpers, noun: "topic" }
    }

    /// A policy that may belong to `target`.
    pub(crate) fn perhaps(&self, target: ResourceRef<'_>) -> Option<ResourceRef<'a>> {
        self.helpers.perhaps(target)
    }

    /// The policies of `target`.
    pub(crate) fn to(&self, target: ResourceRef<'_>) -> impl Iterator<Item = ResourceRef<'a>> + '_ {
        self.helpers.to(target).iter().map(|helper| helper.resource)
    }

    /// Whether the policy of `target` allows `request`, whenever `subject` is there.
    pub(crate) fn allow(
        &self,
        facts: &Facts<'a>,
        target: ResourceRef<'a>,
        subject: ResourceRef<'_>,
        request: &Request<'_>,
    ) -> Answer {
        let here = target.resource.origin.span;
        let noun = self.noun;
        let mut related = vec![(here, format!("the {noun}"))];
        let attached = self.helpers.to(target);
        if attached.is_empty() {
            if let Some(policy) = self.helpers.perhaps(target) {
                let because = format!("which {noun} policy `{}` is for is not known", policy.id);
                return Judgement::Unknown { span: policy.resource.origin.span, because }.into();
            }
            let found = format!("{noun} `{}` has no policy", target.id);
            let judgement = Judgement::Fails { span: here, found };
            return Answer { judgement, witness: Some(refused(request)), related: Vec::new() };
        }
        let mut each = Vec::with_capacity(attached.len());
        for policy in attached {
            let span = policy.resource.resource.origin.span;
            related.push((span, "its policy".into()));
            let Some(document) = policy.resource.resource.properties.get("PolicyDocument") else { continue };
            let certain = is_implied(&policy.guard, &subject.resource.guard());
            each.push(match decide(facts.estate, document, request) {
                Decision::Allowed(_) if certain => Judgement::Holds,
                Decision::Allowed(span) => {
                    let because = format!("policy `{}` exists only under a condition", policy.resource.id);
                    Judgement::Unknown { span, because }
                }
                Decision::Denied(span) if certain => {
                    Judgement::Fails { span, found: "a statement denies it".into() }
                }
                Decision::NotAllowed => Judgement::Fails { span, found: "no statement allows it".into() },
                Decision::Denied(span) => {
                    Judgement::Unknown { span, because: "a statement may deny it".into() }
                }
                Decision::Unknown(span, because) => Judgement::Unknown { span, because },
            });
        }
        // One policy replaces another, so that several must agree.
        let judgement = match each.iter().position(|judgement| *judgement != Judgement::Holds) {
            None if each.is_empty() => {
                Judgement::Fails { span: here, found: format!("the {noun}'s policy is empty") }
            }
            None => Judgement::Holds,
            Some(_) if each.contains(&Judgement::Holds) => Judgement::Unknown {
                span: here,
                because: format!("several policies of the {noun} replace each other"),
            },
            Some(at) => each.swap_remove(at),
        };
        let witness = matches!(judgement, Judgement::Fails { .. }).then(|| refused(request));
        Answer { judgement, witness, related }
    }
}

/// Whether the key that `value` names lets a service make each of `actions`.
pub(crate) fn key_allows(
    facts: &Facts<'_>,
    value: &Value,
    service: &str,
    actions: &[&str],
    context: &[(&'static str, Vec<Token>)],
) -> Answer {
    let found = match key(facts, value) {
        Key::Customer(key) => key,
        Key::AwsManaged => {
            let found =
                format!("{}, a key of AWS whose policy lets no other service use it", value.describe());
            return Judgement::Fails { span: value.span, found }.into();
        }
        Key::Outside(because) => {
            return Judgement::Unknown {
                span: value.span,
                because: format!("the key's policy is not known: {because}"),
            }
            .into();
        }
    };
    let resource =
        tokens(facts.estate, &Reference::attribute(found.stack_id, found.id.clone(), "Arn").into());
    let policy = Setting::of(found.resource, &["KeyPolicy"]);
    let enabled =
        Setting::of(found.resource, &["Enabled"]).literal(true, |value| value.as_bool() == Some(true));
    let enabled = match enabled {
        Judgement::Fails { span, .. } => Judgement::Fails { span, found: "the key is switched off".into() },
        other => other,
    };
    let mut all: Answer = enabled.into();
    for action in actions {
        all = all.and(|| {
            let context = context.to_vec();
            let request = Request {
                principal: Principal::Service(service),
                action,
                resource: resource.clone(),
                context,
            };
            let mut answer = Answer::each(&policy, |document| {
                let Some(document) = document else {
                    // Without a policy AWS KMS makes one that only lets the account's own identities in.
                    let span = found.resource.origin.span;
                    return Judgement::Fails { span, found: "the key has no policy of its own".into() }
                        .into();
                };
                let judgement = match decide(facts.estate, document, &request) {
                    Decision::Allowed(_) => Judgement::Holds,
                    Decision::Denied(span) => {
                        Judgement::Fails { span, found: "a statement of the key's policy denies it".into() }
                    }
                    Decision::NotAllowed => Judgement::Fails {
                        span: document.span,
                        found: "no statement of the key's policy allows it".into(),
                    },
                    Decision::Unknown(span, because) => Judgement::Unknown { span, because },
                };
                let witness = matches!(judgement, Judgement::Fails { .. }).then(|| refused(&request));
                Answer { judgement, witness, related: Vec::new() }
            });
            answer.related = vec![(found.resource.origin.span, "the key".into())];
            answer
        });
    }
    all
}

/// The witness of a request that must be allowed and is not.
pub(crate) fn refused(request: &Request<'_>) -> Witness {
    let principal = match request.principal {
        Principal::Service(name) => name.to_owned(),
        Principal::Anyone => "anyone".to_owned(),
        Principal::Bearer => "the role".to_owned(),
    };
    Witness::Request {
        principal,
        action: request.action.to_owned(),
        resource: shown(&request.resource),
        circumstances: "nothing allows it".to_owned(),
    }
}

/// The account of a stack, as text.
pub(crate) fn account_of(facts: &Facts<'_>, stack: StackId) -> Vec<Token> {
    let Some(owner) = facts.estate.stack(stack) else { return Vec::new() };
    let target = Target::Account(owner.account);
    tokens(facts.estate, &Reference { target, attribute: None }.into())
}

/// The region of a stack, as text.
pub(crate) fn region_of(facts: &Facts<'_>, stack: StackId) -> Vec<Token> {
    match facts.estate.stack(stack).and_then(|stack| stack.region.as_ref()) {
        Some(region) => literal(region),
        None => {
            let target = Target::Pseudo { stack, pseudo: Pseudo::Region };
            tokens(facts.estate, &Reference { target, attribute: None }.into())
        }
    }
}

/// What is known of every request of a service on behalf of `source`: its account and ARN, and that services
/// speak TLS.
///
/// Source: IAM User Guide, "AWS global condition context keys"; Amazon S3 User Guide, "s3:TlsVersion".
pub(crate) fn service_context(
    facts: &Facts<'_>,
    service: &str,
    source: ResourceRef<'_>,
    source_arn: Vec<Token>,
) -> Vec<(&'static str, Vec<Token>)> {
    vec![
        ("aws:SecureTransport", literal("true")),
        ("s3:TlsVersion", literal("1.2")),
        ("aws:SourceAccount", account_of(facts, source.stack_id)),
        ("aws:SourceArn", source_arn),
        ("aws:SourceOrgID", organization_of(facts, source.stack_id)),
        ("aws:PrincipalIsAWSService", literal("true")),
        ("aws:PrincipalServiceName", literal(service)),
        ("aws:SourceVpce", crate::text::absent()),
        ("aws:SourceVpc", crate::text::absent()),
        ("aws:PrincipalOrgID", crate::text::absent()),
        ("aws:PrincipalArn", crate::text::absent()),
    ]
}

/// The id of the organization to which the account of a stack belongs: that of the estate, where it makes one.
fn organization_of(facts: &Facts<'_>, stack: StackId) -> Vec<Token> {
    let made = facts.index.of_kind("AWS::Organizations::Organization");
    match (made, &facts.estate.organization) {
        ([organization], Some(_)) => arn_of(facts, *organization, "Id"),
        _ => vec![Token::Unknown(smol_str::format_smolstr!("the organization of stack {}", stack.0))],
    }
}

/// The ARN of a resource, as its attribute says it.
pub(crate) fn arn_of(facts: &Facts<'_>, found: ResourceRef<'_>, attribute: &str) -> Vec<Token> {
    tokens(facts.estate, &Reference::attribute(found.stack_id, found.id.clone(), attribute).into())
}
