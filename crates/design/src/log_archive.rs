//! The archive of the audit trail: where it can be written to, and not emptied.
//!
//! In: the account that keeps the logs, how long and how hard. Out: the trail's key, the bucket with Object Lock, its
//! policy, and the bucket of the archive's own access logs. Always: the trail of this organization, and nothing
//! else, writes; nobody deletes or shortens before the time is over; everything is encrypted with the key.
//!
//! Sources: AWS CloudTrail User Guide, "Amazon S3 bucket policy for CloudTrail", "Configure AWS KMS key policies for
//! CloudTrail"; Amazon S3 User Guide, "Using S3 Object Lock"; 45 CFR 164.316(b)(2)(i), six years.

use estate::{SmolStr, Value, value};

use crate::draft::{Draft, Drawn, Say, account_id, attribute, reference};
use crate::keys::{self, Key};
use crate::layout::Layout;
use crate::{access_logs, bucket, organization};

/// The component's name.
pub(crate) const COMPONENT: &str = "log_archive";

const BUCKET: &str = "ArchiveBucket";
const KEY: &str = "TrailKey";

/// The name of the archive's bucket, as AWS gives it.
pub(crate) fn bucket_name(layout: &Layout<'_>) -> Value {
    reference(layout.foundation.log_archive, BUCKET)
}

/// The ARN of the key that encrypts the trail.
pub(crate) fn key(layout: &Layout<'_>) -> Value {
    attribute(layout.foundation.log_archive, KEY, "Arn")
}

/// What is deployed before the trail, because the trail checks whether it may write.
pub(crate) const POLICY: &str = "ArchiveBucketPolicy";

/// The ARN of the trail. Its name is fixed: the archive's policies name the trail before there is one.
fn trail_arn(layout: &Layout<'_>) -> Value {
    let foundation = &layout.foundation;
    foundation
        .management_place
        .arn("cloudtrail", smol_str::format_smolstr!("trail/{}", foundation.trail_name))
}

/// The stack of the archive.
pub(crate) fn stack(layout: &Layout<'_>) -> Drawn {
    let (blueprint, foundation) = (layout.blueprint, &layout.foundation);
    let (logs, place) = (&blueprint.logs, &foundation.archive_place);
    let span = logs.retain.span;
    let text = smol_str::format_smolstr!("Archive of the audit trail of {}", blueprint.title);
    let mut draft = Draft::new(foundation.log_archive, "log-archive", place, COMPONENT, span, text);
    let tags = layout.tags(blueprint.organization.log_archive).of_class("confidential");
    let made = Key {
        alias: SmolStr::new_static("alias/organization/trail"),
        description: SmolStr::new_static("The audit trail of the organization"),
        policy: keys::policy(place, key_statements(layout)),
        multi_region: false,
    };
    keys::add(&mut draft, KEY, made, &blueprint.keys, &tags);

    let days = logs.retain.value.in_days();
    let properties = value!({
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": [{
                "BucketKeyEnabled": true,
                "ServerSideEncryptionByDefault": { "SSEAlgorithm": "aws:kms", "KMSMasterKeyID": draft.attribute(KEY, "Arn") },
            }],
        },
        // A day after the lock ends; until then not even AWS's own lifecycle can delete.
        "LifecycleConfiguration": {
            "Rules": [{
                "Id": "CoolThenForget",
                "Status": "Enabled",
                "Transitions": (days > 90).then(|| value!([{ "StorageClass": "GLACIER_IR", "TransitionInDays": 90 }])),
                "ExpirationInDays": days + 1,
                "NoncurrentVersionExpiration": { "NoncurrentDays": 1 },
                "AbortIncompleteMultipartUpload": { "DaysAfterInitiation": 7 },
            }],
        },
        "LoggingConfiguration": {
            "DestinationBucketName": draft.reference(access_logs::BUCKET),
            "LogFilePrefix": "buckets/archive/",
        },
        "ObjectLockEnabled": true,
        "ObjectLockConfiguration": bucket::lock_rule(days, logs.lock.value),
        "OwnershipControls": { "Rules": [{ "ObjectOwnership": "BucketOwnerEnforced" }] },
        "PublicAccessBlockConfiguration": bucket::closed(),
        "VersioningConfiguration": { "Status": "Enabled" },
        "Tags": tags.list(),
    });
    draft.add(BUCKET, "AWS::S3::Bucket", properties).after("AccessLogsBucketPolicy").retain();
    bucket_policy(layout, &mut draft);
    access_logs::add(draft.by(access_logs::COMPONENT), place, days, &tags);
    draft.finish()
}

fn bucket_policy(layout: &Layout<'_>, draft: &mut Draft) {
    let arn = draft.attribute(BUCKET, "Arn");
    let management = account_id(layout.foundation.management_place.account);
    let below = |owner: Value| Value::join([arn.clone(), "/AWSLogs/".into(), owner, "/*".into()]);
    let mut statements = vec![
        value!({
            "Sid": "TrailLooksAtTheBucket",
            "Effect": "Allow",
            "Principal": { "Service": "cloudtrail.amazonaws.com" },
            "Action": "s3:GetBucketAcl",
            "Resource": arn.clone(),
            "Condition": { "StringEquals": { "aws:SourceArn": trail_arn(layout) } },
        }),
        value!({
            "Sid": "TrailWrites",
            "Effect": "Allow",
            "Principal": { "Service": "cloudtrail.amazonaws.com" },
            "Action": "s3:PutObject",
            "Resource": [below(management), below(organization::id(layout))],
            "Condition": {
                "StringEquals": {
                    "aws:SourceArn": trail_arn(layout),
                    "s3:x-amz-acl": "bucket-owner-full-control",
                },
            },
        }),
    ];
    statements.extend(bucket::transport(&arn));
    let properties = value!({
        "Bucket": draft.reference(BUCKET),
        "PolicyDocument": { "Version": "2012-10-17", "Statement": statements },
    });
    draft.add(POLICY, "AWS::S3::BucketPolicy", properties);
}

/// CloudTrail encrypts for this trail; whoever may read the archive decrypts through Amazon S3.
fn key_statements(layout: &Layout<'_>) -> Vec<Value> {
    let foundation = &layout.foundation;
    let archive = &foundation.archive_place;
    let management = &foundation.management_place;
    // Trails of the management account, in whichever region CloudTrail writes from.
    let trails = Value::join([
        smol_str::format_smolstr!("arn:{}:cloudtrail:*:", management.partition).into(),
        management.account_id(),
        ":trail/*".into(),
    ]);
    vec![
        value!({
            "Sid": "TrailEncrypts",
            "Effect": "Allow",
            "Principal": { "Service": "cloudtrail.amazonaws.com" },
            "Action": "kms:GenerateDataKey*",
            "Resource": "*",
            "Condition": {
                "StringEquals": { "aws:SourceArn": trail_arn(layout) },
                "StringLike": { "kms:EncryptionContext:aws:cloudtrail:arn": trails.clone() },
            },
        }),
        value!({
            "Sid": "TrailLooksAtTheKey",
            "Effect": "Allow",
            "Principal": { "Service": "cloudtrail.amazonaws.com" },
            "Action": "kms:DescribeKey",
            "Resource": "*",
            "Condition": { "StringEquals": { "aws:SourceArn": trail_arn(layout) } },
        }),
        value!({
            "Sid": "ReadersOfTheArchiveDecrypt",
            "Effect": "Allow",
            "Principal": { "AWS": archive.root() },
            "Action": "kms:Decrypt",
            "Resource": "*",
            "Condition": {
                "StringEquals": { "kms:ViaService": archive.via("s3") },
                "StringLike": { "kms:EncryptionContext:aws:cloudtrail:arn": trails },
            },
        }),
    ]
}
