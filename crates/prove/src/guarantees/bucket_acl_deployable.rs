//! No bucket asks for an ACL that S3 refuses.
//!
//! Sources: Amazon S3 User Guide, "Controlling ownership of objects and disabling ACLs": since April 2023 a new
//! bucket has Object Ownership "bucket owner enforced", where every ACL but the owner's full control is refused
//! (`AccessControlListNotSupported`), and block public access, which refuses public ACLs. AWS CloudFormation
//! Template Reference, AWS::S3::Bucket, `AccessControl` and `OwnershipControls`. Amazon CloudFront Developer Guide,
//! "Configure and use standard logging (legacy)": the bucket must have ACLs enabled.

use estate::ResourceRef;

use crate::log_buckets::{LogBuckets, Writer};
use crate::{Facts, Findings, Guarantee, Judgement, Level, Setting, Words};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "bucket-acl-deployable",
    title: "no bucket asks for an ACL that its settings refuse",
    level: Level::Medium,
    page: include_str!("../../../../docs/guarantees/bucket-acl-deployable.md"),
    check,
};

const REFUSED: Words<'static> = Words {
    violated: "the bucket no longer deploys: it asks for an ACL, and its ownership setting refuses ACLs",
    unknown: "S3 accepts the bucket's ACL",
    path: "AccessControl",
    fix: "remove AccessControl and grant by a bucket policy, or set OwnershipControls with ObjectOwnership: ObjectWriter",
};
const PUBLIC: Words<'static> = Words {
    violated: "the bucket no longer deploys: it asks for a public ACL, and public ACLs are blocked",
    unknown: "S3 accepts the bucket's ACL",
    path: "AccessControl",
    fix: "remove AccessControl; serve the content through CloudFront with an origin access control",
};
const LOGGING: Words<'static> = Words {
    violated: "CloudFront cannot write its logs: it needs an ACL on the bucket, whose ownership setting refuses ACLs",
    unknown: "CloudFront can write its logs",
    path: "OwnershipControls/Rules/*/ObjectOwnership",
    fix: "OwnershipControls with ObjectOwnership: BucketOwnerPreferred",
};

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let logs = LogBuckets::of(facts);
    for &bucket in facts.index.of_kind("AWS::S3::Bucket") {
        let acl = Setting::of(bucket.resource, &["AccessControl"]);
        let by_cloudfront =
            |writer: &&Writer<'_>| writer.resource.resource.kind.starts_with("AWS::CloudFront::");
        let distribution = logs.writers_to(bucket).iter().find(by_cloudfront);
        if acl.is_absent() && distribution.is_none() {
            continue;
        }
        let private = acl.literal(true, |acl| acl.as_str() == Some("Private"));
        let public = ["PublicRead", "PublicReadWrite", "AuthenticatedRead"];
        let not_public = acl.literal(true, |acl| acl.as_str().is_some_and(|acl| !public.contains(&acl)));
        let needed = match distribution {
            Some(_) => acls_enabled(bucket),
            None => Judgement::Holds,
        };
        let finding = findings.settle_all(
            bucket,
            [
                (private.or(|| acls_enabled(bucket)), REFUSED),
                (not_public.or(|| public_acls_allowed(bucket)), PUBLIC),
                (needed, LOGGING),
            ],
        );
        if let (Some(finding), Some(writer)) = (finding, distribution) {
            finding.related(writer.span, "the distribution writes its logs there");
        }
    }
}

/// Whether the bucket's ownership setting accepts ACLs; without one, it does not.
fn acls_enabled(bucket: ResourceRef<'_>) -> Judgement {
    let path = ["OwnershipControls", "Rules", "*", "ObjectOwnership"];
    Setting::of(bucket.resource, &path).judge(|value| match value {
        None => Judgement::Fails {
            span: bucket.resource.origin.span,
            found: "an ACL, and no OwnershipControls, which means `BucketOwnerEnforced`".into(),
        },
        Some(value) if value.is_literal() => {
            Judgement::of(value.as_str().is_some_and(|rule| rule != "BucketOwnerEnforced"), value)
        }
        Some(value) => Judgement::unknown(value),
    })
}

/// Whether public ACLs are not blocked: only if the template says so.
fn public_acls_allowed(bucket: ResourceRef<'_>) -> Judgement {
    Setting::of(bucket.resource, &["PublicAccessBlockConfiguration"]).judge(|block| {
        let Some(block) = block else {
            return Judgement::Fails {
                span: bucket.resource.origin.span,
                found: "a public ACL, and no PublicAccessBlockConfiguration, which blocks it".into(),
            };
        };
        if block.as_map().is_none() {
            return Judgement::unknown(block);
        }
        Setting::below(block, &["BlockPublicAcls"]).judge(|value| match value {
            None => Judgement::Holds,
            Some(value) if value.is_literal() => Judgement::of(value.as_bool() == Some(false), value),
            Some(value) => Judgement::unknown(value),
        })
    })
}
