//! No bucket is open to everybody, by its policy, by its ACL or through an access point.
//!
//! Source: Amazon S3 User Guide, "Blocking public access to your Amazon S3 storage": `IgnorePublicAcls` and
//! `RestrictPublicBuckets` take the effect of public ACLs and policies away; `BlockPublicAcls` and
//! `BlockPublicPolicy` only refuse to put new ones. "Default settings for new S3 buckets FAQ": since April 2023
//! all four are on for a new bucket whose template does not say otherwise, so that a public policy is refused.

use estate::ResourceRef;

use crate::anyone::{Anyone, lets_anyone_in};
use crate::lookup::{Attachment, Attachments, is_implied};
use crate::transport::document;
use crate::{Facts, Findings, Guarantee, Judgement, Level, Setting, Witness};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "no-public-bucket",
    title: "no bucket is open to everybody",
    level: Level::Critical,
    page: include_str!("../../../../docs/guarantees/no-public-bucket.md"),
    check,
};

const FIX: &str = "take the grant to everybody away and set all four of PublicAccessBlockConfiguration to true; \
                   let CloudFront read through an origin access control";

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let policies = Attachments::of(facts, "AWS::S3::BucketPolicy", &["Bucket"], "AWS::S3::Bucket");
    for &bucket in facts.index.of_kind("AWS::S3::Bucket") {
        let acl = by_acl(bucket);
        let doubt = match acl {
            Judgement::Fails { span, found } => {
                let message = format!("the bucket's ACL is {found}: everybody reads it");
                let witness = request("s3:ListBucket", bucket);
                findings.violated(bucket, span, message).witness(witness).fix(FIX);
                continue;
            }
            Judgement::Unknown { span, because } => Some((span, because)),
            Judgement::Holds => None,
        };
        let doubt = doubt.or_else(|| perhaps_open(facts, bucket, policies.perhaps(bucket)?));
        by_policies(facts, findings, bucket, policies.to(bucket), doubt);
    }
    for &policy in facts.index.of_kind("AWS::S3::BucketPolicy") {
        stray_policy(facts, findings, policy);
    }
    for &point in facts.index.of_kind("AWS::S3::AccessPoint") {
        access_point(facts, findings, point);
    }
    for &policy in facts.index.of_kind("AWS::S3::MultiRegionAccessPointPolicy") {
        multi_region_policy(facts, findings, policy);
    }
}

fn request(action: &str, of: ResourceRef<'_>) -> Witness {
    Witness::Request {
        principal: "anyone, without signing in".into(),
        action: action.into(),
        resource: of.id.to_string(),
        circumstances: "from anywhere".into(),
    }
}

/// Whether one of the settings that take a public grant away is on; the other only refuses new grants.
fn blocked(of: ResourceRef<'_>, decisive: &str, refusing: &str) -> Judgement {
    let on = |name: &str| {
        let path = ["PublicAccessBlockConfiguration", name];
        Setting::of(of.resource, &path).literal(false, |value| value.as_bool() == Some(true))
    };
    on(decisive).or(|| match on(refusing) {
        Judgement::Holds => Judgement::doubtful(
            of.resource,
            format!(
                "{refusing} refuses the grant when it is put, but does not undo one that is already there"
            ),
        ),
        other => other,
    })
}

/// Holds when the ACL lets nobody in but the owner and services of AWS.
fn by_acl(bucket: ResourceRef<'_>) -> Judgement {
    let ownership = Setting::of(bucket.resource, &["OwnershipControls", "Rules", "*", "ObjectOwnership"]);
    let disabled = ownership.literal(false, |value| value.as_str() == Some("BucketOwnerEnforced"));
    if disabled == Judgement::Holds {
        return disabled;
    }
    let acl = Setting::of(bucket.resource, &["AccessControl"]);
    let closed = acl.literal(true, |value| {
        !value
            .as_str()
            .is_some_and(|acl| ["PublicRead", "PublicReadWrite", "AuthenticatedRead"].contains(&acl))
    });
    closed.or(|| blocked(bucket, "IgnorePublicAcls", "BlockPublicAcls"))
}

/// Why a policy for a bucket that is not known may open this one.
fn perhaps_open(
    facts: &Facts<'_>,
    bucket: ResourceRef<'_>,
    policy: ResourceRef<'_>,
) -> Option<(diagnostics::Span, String)> {
    let open = document(policy).map(|document| lets_anyone_in(facts, document));
    if open == Some(Anyone::No)
        || blocked(bucket, "RestrictPublicBuckets", "BlockPublicPolicy") == Judgement::Holds
    {
        return None;
    }
    let because = format!("`{}` may be its policy, and may let everybody in", policy.id);
    Some((policy.resource.origin.span, because))
}

fn by_policies(
    facts: &Facts<'_>,
    findings: &mut Findings,
    bucket: ResourceRef<'_>,
    policies: &[Attachment<'_>],
    mut doubt: Option<(diagnostics::Span, String)>,
) {
    for Attachment { resource: policy, guard } in policies {
        let Some(document) = document(*policy) else { continue };
        let (span, action) = match lets_anyone_in(facts, document) {
            Anyone::No => continue,
            Anyone::Yes(span, action) => (span, action),
            Anyone::Unknown(span, because) => {
                if blocked(bucket, "RestrictPublicBuckets", "BlockPublicPolicy") != Judgement::Holds {
                    doubt.get_or_insert((span, because));
                }
                continue;
            }
        };
        match blocked(bucket, "RestrictPublicBuckets", "BlockPublicPolicy") {
            Judgement::Holds => {}
            Judgement::Unknown { span, because } => {
                doubt.get_or_insert((span, because));
            }
            Judgement::Fails { .. } if !is_implied(guard, &bucket.resource.guard()) => {
                doubt.get_or_insert((
                    span,
                    "a policy that lets everybody in exists only under a condition".into(),
                ));
            }
            Judgement::Fails { .. } => {
                let website = bucket.resource.properties.get("WebsiteConfiguration").is_some();
                let what = if website { ", and the bucket is served as a website" } else { "" };
                let message = format!("the bucket's policy allows {action} to everybody{what}");
                let finding = findings.violated(bucket, span, message);
                finding.witness(request(&action, bucket)).fix(FIX);
                finding.related(bucket.resource.origin.span, "the bucket");
                return;
            }
        }
    }
    match doubt {
        None => findings.proved(bucket),
        Some((span, because)) => {
            let message = format!("whether the bucket is open to everybody cannot be known: {because}");
            findings.unknown(bucket, span, message);
        }
    }
}

/// A policy for a bucket that is not in the estate: that bucket's settings decide.
fn stray_policy(facts: &Facts<'_>, findings: &mut Findings, policy: ResourceRef<'_>) {
    let properties = &policy.resource.properties;
    let known = |name| facts.index.named("AWS::S3::Bucket", name).is_some();
    let known = properties.alternatives(&["Bucket"]).iter().filter_map(|name| name.value).any(known);
    let Some(document) = properties.get("PolicyDocument").filter(|_| !known) else { return };
    let because = match lets_anyone_in(facts, document) {
        Anyone::No => return,
        Anyone::Yes(span, action) => {
            (span, format!("it allows {action} to everybody on a bucket that is not in the estate"))
        }
        Anyone::Unknown(span, because) => (span, format!("its bucket is not in the estate, and {because}")),
    };
    let message = format!("whether this policy opens a bucket to everybody cannot be known: {}", because.1);
    findings.unknown(policy, because.0, message);
}

/// The policy of an access point to several regions, whose buckets' policies must allow the same.
fn multi_region_policy(facts: &Facts<'_>, findings: &mut Findings, policy: ResourceRef<'_>) {
    let open = policy.resource.properties.get("Policy").map(|document| lets_anyone_in(facts, document));
    let (span, because) = match open {
        None | Some(Anyone::No) => return findings.proved(policy),
        Some(Anyone::Unknown(span, because)) => (span, because),
        Some(Anyone::Yes(span, action)) => (
            span,
            format!(
                "it allows {action} to everybody, and the settings of its access point and buckets decide"
            ),
        ),
    };
    findings.unknown(
        policy,
        span,
        format!("whether this policy opens a bucket to everybody cannot be known: {because}"),
    );
}

/// An access point blocks public access unless its own settings say otherwise, and from within a VPC nobody
/// else comes.
fn access_point(facts: &Facts<'_>, findings: &mut Findings, point: ResourceRef<'_>) {
    let properties = &point.resource.properties;
    let open = match properties.get("Policy") {
        Some(document) => lets_anyone_in(facts, document),
        None => Anyone::No,
    };
    let inside = Setting::of(point.resource, &["VpcConfiguration"]).judge(|vpc| match vpc {
        Some(_) => Judgement::Holds,
        None => Judgement::missing(point.resource),
    });
    if inside == Judgement::Holds || properties.get("PublicAccessBlockConfiguration").is_none() {
        return findings.proved(point);
    }
    let inside = matches!(inside, Judgement::Unknown { .. });
    match (open, blocked(point, "RestrictPublicBuckets", "BlockPublicPolicy")) {
        (Anyone::No, _) | (_, Judgement::Holds) => findings.proved(point),
        (Anyone::Yes(span, _), Judgement::Fails { .. }) if inside => {
            let message = "whether the access point is open to everybody cannot be known: its VPC depends on a condition";
            findings.unknown(point, span, message.to_owned());
        }
        (Anyone::Yes(span, action), Judgement::Fails { .. }) => {
            let message = format!("the access point's policy allows {action} to everybody");
            findings.violated(point, span, message).witness(request(&action, point)).fix(FIX);
        }
        (Anyone::Unknown(span, because), _) | (_, Judgement::Unknown { span, because }) => {
            let message = format!("whether the access point is open to everybody cannot be known: {because}");
            findings.unknown(point, span, message);
        }
    }
}
