//! AWS Config may write what it records to its bucket.
//!
//! Source: AWS Config Developer Guide, "Permissions for the Amazon S3 Bucket for the AWS Config Delivery Channel" (it
//! tries as the recorder's role first, then as `config.amazonaws.com`; `s3:GetBucketAcl` on the bucket, `s3:PutObject`
//! on `[prefix/]AWSLogs/ACCOUNT/Config/*` with `s3:x-amz-acl`).

use estate::{Kind, ResourceRef, Value};

use crate::checklist::{Checklist, Part};
use crate::delivery::{Answer, ResourcePolicies, account_of, arn_of, service_context};
use crate::identity::RolePolicies;
use crate::lookup::named;
use crate::policy::{Principal, Request};
use crate::text::{Token, absent, literal, tokens};
use crate::{Facts, Findings, Guarantee, Judgement, Level, Setting};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "config-delivers",
    title: "AWS Config may write what it records to its bucket",
    level: Level::High,
    page: include_str!("../../../../docs/guarantees/config-delivers.md"),
    check,
};

const SERVICE: &str = "config.amazonaws.com";

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let channels = facts.index.of_kind("AWS::Config::DeliveryChannel");
    if channels.is_empty() {
        return;
    }
    let buckets = ResourcePolicies::of_buckets(facts);
    let roles = RolePolicies::of(facts);
    for &channel in channels {
        let answer = Answer::each(&Setting::of(channel.resource, &["S3BucketName"]), |name| match name {
            None => Judgement::missing(channel.resource).into(),
            Some(name) => match named(facts, "AWS::S3::Bucket", name) {
                Ok(bucket) => writes(facts, &buckets, &roles, channel, bucket),
                Err(because) => Judgement::Unknown {
                    span: name.span,
                    because: format!("the bucket's policy is not known: {because}"),
                }
                .into(),
            },
        });
        let failed = matches!(answer.judgement, Judgement::Fails { .. });
        let mut list = Checklist::default();
        list.part(answer.judgement, answer.witness, &Part {
            fails: "neither the bucket's policy nor the recorder's role lets it write",
            asks: "it may write to its bucket",
            fix: "in the bucket's policy, allow config.amazonaws.com s3:GetBucketAcl on the bucket and s3:PutObject on \
                  AWSLogs/ACCOUNT/Config/* when s3:x-amz-acl is bucket-owner-full-control",
        });
        answer.related.into_iter().for_each(|(span, label)| list.related(failed, span, label));
        list.conclude(findings, channel, "what AWS Config records is not delivered");
    }
}

/// Whether both requests are allowed, to the service or to the role of the account's recorder.
fn writes<'a>(
    facts: &Facts<'a>,
    buckets: &ResourcePolicies<'a>,
    roles: &RolePolicies<'a>,
    channel: ResourceRef<'a>,
    bucket: ResourceRef<'a>,
) -> Answer {
    let arn = arn_of(facts, bucket, "Arn");
    let mut object = [arn.clone(), literal("/")].concat();
    if let Some(prefix) = channel.resource.properties.get("S3KeyPrefix") {
        object.extend(tokens(facts.estate, prefix));
        object.extend(literal("/"));
    }
    object.extend(literal("AWSLogs/"));
    object.extend(account_of(facts, channel.stack_id));
    object.extend(literal("/Config/history.json.gz"));
    let mut context = service_context(facts, SERVICE, channel, vec![Token::Unknown("source".into())]);
    context.push(("s3:x-amz-acl", literal("bucket-owner-full-control")));
    let ask = |principal, action, resource: &[Token], context: &[(&'static str, Vec<Token>)]| Request {
        principal,
        action,
        resource: resource.to_vec(),
        context: context.to_vec(),
    };
    let service = Principal::Service(SERVICE);
    let as_service = buckets
        .allow(facts, bucket, channel, &ask(service, "s3:GetBucketAcl", &arn, &context))
        .and(|| buckets.allow(facts, bucket, channel, &ask(service, "s3:PutObject", &object, &context)));
    as_service.or(|| {
        let Some(role) = recorder_role(facts, channel) else { return lacks(channel) };
        match role {
            Err(answer) => answer,
            Ok(role) => {
                let own = [
                    ("s3:x-amz-acl", literal("bucket-owner-full-control")),
                    ("aws:SecureTransport", literal("true")),
                    ("aws:SourceArn", absent()),
                ];
                let may = |action, resource: &[Token]| {
                    let judgement =
                        roles.role_may(facts, role, &ask(Principal::Bearer, action, resource, &own));
                    Answer {
                        judgement,
                        witness: None,
                        related: vec![(role.resource.origin.span, "the recorder's role".into())],
                    }
                };
                may("s3:GetBucketAcl", &arn).and(|| may("s3:PutObject", &object))
            }
        }
    })
}

fn lacks(channel: ResourceRef<'_>) -> Answer {
    let because = "the recorder of this account is not in the estate".to_owned();
    Judgement::Unknown { span: channel.resource.origin.span, because }.into()
}

/// The role of the recorder in the account and region of a channel; `None` without a recorder.
fn recorder_role<'a>(facts: &Facts<'a>, channel: ResourceRef<'a>) -> Option<Result<ResourceRef<'a>, Answer>> {
    let here = |recorder: &&ResourceRef<'a>| {
        recorder.stack.account == channel.stack.account && recorder.stack.region == channel.stack.region
    };
    let recorder = facts.index.of_kind("AWS::Config::ConfigurationRecorder").iter().find(here)?;
    let value: &Value = recorder.resource.properties.get("RoleARN")?;
    // The service's own role may do nothing else; AWS Config then writes as the service.
    let text = value.as_str().unwrap_or_default();
    let is_service_linked = |text: &str| text.contains("/aws-service-role/");
    let linked = match &value.kind {
        Kind::Join(pieces) => pieces.iter().filter_map(Value::as_str).any(is_service_linked),
        _ => is_service_linked(text) || text.is_empty() && value.as_str().is_some(),
    };
    if linked {
        let found = "the recorder has the service's own role".to_owned();
        return Some(Err(Judgement::Fails { span: value.span, found }.into()));
    }
    Some(named(facts, "AWS::IAM::Role", value).map_err(|because| {
        Judgement::Unknown {
            span: value.span,
            because: format!("the recorder's role is not known: {because}"),
        }
        .into()
    }))
}
