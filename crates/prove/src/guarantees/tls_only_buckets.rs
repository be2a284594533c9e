//! Buckets refuse requests that do not come over TLS.
//!
//! Source: Amazon S3 User Guide, "Security best practices for Amazon S3", "Enforce encryption of data in
//! transit": a bucket policy that denies when `aws:SecureTransport` is false. S3 answers plain HTTP otherwise.

use estate::{ResourceRef, Value};

use crate::policy::{Decision, Principal, Request, decide};
use crate::text::{Token, literal, tokens};
use crate::{Facts, Findings, Guarantee, Level, Witness};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "tls-only-buckets",
    title: "every bucket refuses requests without TLS",
    level: Level::High,
    page: include_str!("../../../../docs/guarantees/tls-only-buckets.md"),
    check,
};

const FIX: &str = "add an AWS::S3::BucketPolicy with a statement that denies s3:* to every principal on the \
                   bucket and its objects when aws:SecureTransport is false";

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let policies = facts.index.of_kind("AWS::S3::BucketPolicy");
    for &bucket in facts.index.of_kind("AWS::S3::Bucket") {
        let of_bucket = policies.iter().filter(|policy| {
            let name = policy.resource.properties.get("Bucket");
            name.is_some_and(|name| facts.index.named("AWS::S3::Bucket", name) == Some(bucket))
        });
        let documents: Vec<(&ResourceRef<'_>, &Value)> =
            of_bucket.filter_map(|policy| Some((policy, policy.resource.properties.get("PolicyDocument")?))).collect();
        judge(facts, findings, bucket, &documents);
    }
}

fn judge(facts: &Facts<'_>, findings: &mut Findings, bucket: ResourceRef<'_>, documents: &[(&ResourceRef<'_>, &Value)]) {
    let arn = tokens(facts.estate, &estate::Reference::attribute(bucket.stack_id, bucket.id.clone(), "Arn").into());
    let object = [arn.clone(), literal("/any/object")].concat();
    let mut doubt = None;
    for (action, resource) in [("s3:GetObject", &object), ("s3:ListBucket", &arn), ("s3:PutObject", &object)] {
        let request = Request {
            principal: Principal::Anyone,
            action,
            resource: resource.clone(),
            context: vec![("aws:SecureTransport", literal("false")), ("s3:TlsVersion", vec![Token::Symbol("none".into())])],
        };
        let mut denied = false;
        for (policy, document) in documents {
            match decide(facts.estate, document, &request) {
                Decision::Denied(_) if policy.resource.condition.is_none() => denied = true,
                Decision::Denied(span) => doubt = Some((span, "the bucket policy exists only under a condition".into())),
                Decision::Unknown(span, because) => doubt = Some((span, because)),
                Decision::Allowed(_) | Decision::NotAllowed => {}
            }
        }
        if denied {
            continue;
        }
        if let Some((span, because)) = doubt {
            findings.unknown(bucket, span, format!("whether plain HTTP is refused cannot be known: {because}"));
            return;
        }
        let message = match documents {
            [] => "the bucket has no policy, so it answers requests over plain HTTP",
            _ => "the bucket's policy does not refuse requests over plain HTTP",
        };
        let finding = findings.violated(bucket, bucket.resource.origin.span, message);
        finding.fix(FIX).witness(Witness::Request {
            principal: "anyone whom a policy allows".into(),
            action: action.into(),
            resource: format!("{}{}", bucket.id, if action == "s3:ListBucket" { "" } else { "/any/object" }),
            circumstances: "aws:SecureTransport is false".into(),
        });
        for (policy, _) in documents {
            finding.related(policy.resource.origin.span, "its policy");
        }
        return;
    }
    findings.proved(bucket);
}
