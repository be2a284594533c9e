//! A trail may write where it is told to: bucket, key and log group let CloudTrail in.
//!
//! Source: AWS CloudTrail User Guide, "Amazon S3 bucket policy for CloudTrail" (`s3:GetBucketAcl` on the bucket,
//! `s3:PutObject` on `[prefix/]AWSLogs/ACCOUNT/*`, for an organization trail `…/AWSLogs/ORGANIZATION/*`, with
//! `s3:x-amz-acl` and `aws:SourceArn`), "Configure AWS KMS key policies for CloudTrail" (`kms:GenerateDataKey*`
//! with the trail's ARN as encryption context, `kms:DescribeKey`), "Role policy document for CloudTrail to use
//! CloudWatch Logs for monitoring" (`logs:CreateLogStream`, `logs:PutLogEvents` on the stream
//! `ACCOUNT_CloudTrail_REGION`).

use estate::{Kind, Reference, ResourceRef, Value};

use crate::checklist::{Checklist, Part};
use crate::delivery::{
    Answer, ResourcePolicies, account_of, arn_of, key_allows, refused, region_of, service_context,
};
use crate::identity::RolePolicies;
use crate::lookup::named;
use crate::policy::{Decision, Principal, Request, decide};
use crate::text::{Token, literal, tokens};
use crate::{Facts, Findings, Guarantee, Judgement, Level, Setting};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "trail-delivers",
    title: "every trail may write to its bucket, with its key, and to its log group",
    level: Level::Critical,
    page: include_str!("../../../../docs/guarantees/trail-delivers.md"),
    check,
};

const SERVICE: &str = "cloudtrail.amazonaws.com";

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let trails = facts.index.of_kind("AWS::CloudTrail::Trail");
    if trails.is_empty() {
        return;
    }
    let buckets = ResourcePolicies::of_buckets(facts);
    let roles = RolePolicies::of(facts);
    for &trail in trails {
        let mut list = Checklist::default();
        let bucket = Answer::each(&Setting::of(trail.resource, &["S3BucketName"]), |name| {
            bucket(facts, &buckets, trail, name)
        });
        add(
            &mut list,
            bucket,
            &Part {
                fails: "the bucket's policy does not let CloudTrail write",
                asks: "the bucket's policy lets CloudTrail write",
                fix: "allow cloudtrail.amazonaws.com s3:GetBucketAcl on the bucket and s3:PutObject on AWSLogs/ACCOUNT/* \
                  when s3:x-amz-acl is bucket-owner-full-control",
            },
        );
        let key = Answer::each(&Setting::of(trail.resource, &["KMSKeyId"]), |key| match key {
            None => Judgement::Holds.into(),
            Some(key) => key_allows(
                facts,
                key,
                SERVICE,
                &["kms:GenerateDataKey", "kms:DescribeKey"],
                &key_context(facts, trail),
            ),
        });
        add(
            &mut list,
            key,
            &Part {
                fails: "the key's policy does not let CloudTrail encrypt",
                asks: "the key's policy lets CloudTrail encrypt",
                fix: "in the KeyPolicy, allow cloudtrail.amazonaws.com kms:GenerateDataKey* and kms:DescribeKey",
            },
        );
        let group =
            Answer::each(&Setting::of(trail.resource, &["CloudWatchLogsLogGroupArn"]), |group| match group {
                None => Judgement::Holds.into(),
                Some(group) => {
                    Answer::each(&Setting::of(trail.resource, &["CloudWatchLogsRoleArn"]), |role| {
                        log_group(facts, &roles, trail, group, role)
                    })
                }
            });
        add(
            &mut list,
            group,
            &Part {
                fails: "its role cannot write to the log group",
                asks: "its role may write to the log group",
                fix: "a role that cloudtrail.amazonaws.com may assume and that allows logs:CreateLogStream and \
                  logs:PutLogEvents on the log group's streams",
            },
        );
        list.conclude(findings, trail, "what the trail records is not delivered");
    }
}

fn add(list: &mut Checklist, answer: Answer, part: &Part<'_>) {
    let failed = matches!(answer.judgement, Judgement::Fails { .. });
    let detail = match &answer.judgement {
        Judgement::Fails { found, .. } => format!("{} ({found})", part.fails),
        _ => String::new(),
    };
    let holds = answer.judgement == Judgement::Holds;
    list.part(answer.judgement, answer.witness, &Part { fails: &detail, ..*part });
    if !holds {
        for (span, label) in answer.related {
            list.related(failed, span, label);
        }
    }
}

fn bucket<'a>(
    facts: &Facts<'a>,
    policies: &ResourcePolicies<'a>,
    trail: ResourceRef<'a>,
    name: Option<&Value>,
) -> Answer {
    let Some(name) = name else { return Judgement::missing(trail.resource).into() };
    let bucket = match named(facts, "AWS::S3::Bucket", name) {
        Ok(bucket) => bucket,
        Err(because) => {
            return Judgement::Unknown {
                span: name.span,
                because: format!("the bucket's policy is not known: {because}"),
            }
            .into();
        }
    };
    let arn = arn_of(facts, bucket, "Arn");
    let mut object = arn.clone();
    object.extend(literal("/"));
    if let Some(prefix) = trail.resource.properties.get("S3KeyPrefix") {
        object.extend(tokens(facts.estate, prefix));
        object.extend(literal("/"));
    }
    object.extend(literal("AWSLogs/"));
    match Setting::of(trail.resource, &["IsOrganizationTrail"])
        .literal(false, |value| value.as_bool() == Some(true))
    {
        Judgement::Holds => object.extend(organization_id(facts)),
        Judgement::Fails { .. } => object.extend(account_of(facts, trail.stack_id)),
        Judgement::Unknown { span, because } => return Judgement::Unknown { span, because }.into(),
    }
    object.extend(literal("/CloudTrail/log.json.gz"));
    let mut context = service_context(facts, SERVICE, trail, arn_of(facts, trail, "Arn"));
    let acl = Request {
        principal: Principal::Service(SERVICE),
        action: "s3:GetBucketAcl",
        resource: arn,
        context: context.clone(),
    };
    context.push(("s3:x-amz-acl", literal("bucket-owner-full-control")));
    let put =
        Request { principal: Principal::Service(SERVICE), action: "s3:PutObject", resource: object, context };
    policies.allow(facts, bucket, trail, &acl).and(|| policies.allow(facts, bucket, trail, &put))
}

/// The organization's id, where one of the estate's resources is the organization.
fn organization_id(facts: &Facts<'_>) -> Vec<Token> {
    match facts.index.of_kind("AWS::Organizations::Organization") {
        [organization] => tokens(
            facts.estate,
            &Reference::attribute(organization.stack_id, organization.id.clone(), "Id").into(),
        ),
        _ => vec![Token::Unknown("organization".into())],
    }
}

fn key_context(facts: &Facts<'_>, trail: ResourceRef<'_>) -> Vec<(&'static str, Vec<Token>)> {
    let arn = arn_of(facts, trail, "Arn");
    let mut context = service_context(facts, SERVICE, trail, arn.clone());
    context.push(("kms:EncryptionContext:aws:cloudtrail:arn", arn));
    context
}

fn log_group<'a>(
    facts: &Facts<'a>,
    roles: &RolePolicies<'a>,
    trail: ResourceRef<'a>,
    group: &Value,
    role: Option<&Value>,
) -> Answer {
    let Some(role_value) = role else {
        return Judgement::Fails { span: group.span, found: "the trail has no CloudWatchLogsRoleArn".into() }
            .into();
    };
    let role = match named(facts, "AWS::IAM::Role", role_value) {
        Ok(role) => role,
        Err(because) => {
            return Judgement::Unknown {
                span: role_value.span,
                because: format!("the role is not known: {because}"),
            }
            .into();
        }
    };
    let trust = assumes(facts, role, trail);
    // The log group's ARN ends in `:*`, which stands for its streams.
    let mut stream = tokens(facts.estate, group);
    while matches!(stream.last(), Some(Token::Char('*' | ':'))) {
        stream.pop();
    }
    stream.extend(literal(":log-stream:"));
    if trail.resource.properties.get("IsOrganizationTrail").is_some() {
        stream.push(Token::Unknown("stream".into()));
    } else {
        stream.extend(account_of(facts, trail.stack_id));
        stream.extend(literal("_CloudTrail_"));
        stream.extend(region_of(facts, trail.stack_id));
    }
    let mut all = trust;
    for action in ["logs:CreateLogStream", "logs:PutLogEvents"] {
        let request =
            Request { principal: Principal::Bearer, action, resource: stream.clone(), context: Vec::new() };
        all = all.and(|| {
            let judgement = roles.role_may(facts, role, &request);
            let witness = matches!(judgement, Judgement::Fails { .. }).then(|| refused(&request));
            Answer { judgement, witness, related: vec![(role.resource.origin.span, "the role".into())] }
        });
    }
    all
}

/// Whether CloudTrail may assume a role.
fn assumes<'a>(facts: &Facts<'a>, role: ResourceRef<'a>, trail: ResourceRef<'a>) -> Answer {
    let context = service_context(facts, SERVICE, trail, arn_of(facts, trail, "Arn"));
    let request = Request {
        principal: Principal::Service(SERVICE),
        action: "sts:AssumeRole",
        resource: Vec::new(),
        context,
    };
    Answer::each(&Setting::of(role.resource, &["AssumeRolePolicyDocument"]), |document| {
        let judgement = match document.map(|document| (document, &document.kind)) {
            Some((document, Kind::Map(_))) => match decide(facts.estate, document, &request) {
                Decision::Allowed(_) => Judgement::Holds,
                Decision::Denied(span) => {
                    Judgement::Fails { span, found: "its trust policy denies CloudTrail".into() }
                }
                Decision::NotAllowed => Judgement::Fails {
                    span: document.span,
                    found: "its trust policy does not name CloudTrail".into(),
                },
                Decision::Unknown(span, because) => Judgement::Unknown { span, because },
            },
            Some((document, _)) => Judgement::unknown(document),
            None => Judgement::missing(role.resource),
        };
        let witness = matches!(judgement, Judgement::Fails { .. }).then(|| refused(&request));
        Answer { judgement, witness, related: vec![(role.resource.origin.span, "the role".into())] }
    })
}
