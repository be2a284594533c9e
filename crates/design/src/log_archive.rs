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
use crate::tags::Tags;
use crate::{access_logs, bucket, data_events, organization};

/// The component's name.
pub(crate) const COMPONENT: &str = "log_archive";

const BUCKET: &str = "ArchiveBucket";
const KEY: &str = "TrailKey";
const CONFIG_BUCKET: &str = "ConfigBucket";
const CONFIG_KEY: &str = "ConfigKey";

/// The name of the archive's bucket, as AWS gives it.
pub(crate) fn bucket_name(layout: &Layout<'_>) -> Value {
    reference(layout.foundation.log_archive, BUCKET)
}

/// The ARN of the key that encrypts the trail.
pub(crate) fn key(layout: &Layout<'_>) -> Value {
    attribute(layout.foundation.log_archive, KEY, "Arn")
}

/// The name of the bucket that takes what AWS Config records. AWS Config cannot deliver to a bucket with Object Lock.
/// Source: AWS CloudFormation Template Reference, AWS::Config::DeliveryChannel.
pub(crate) fn config_bucket(layout: &Layout<'_>) -> Value {
    reference(layout.foundation.log_archive, CONFIG_BUCKET)
}

/// The ARN of the key that encrypts what AWS Config records.
pub(crate) fn config_key(layout: &Layout<'_>) -> Value {
    attribute(layout.foundation.log_archive, CONFIG_KEY, "Arn")
}

/// What is deployed before the trail, because the trail checks whether it may write.
pub(crate) const POLICY: &str = "ArchiveBucketPolicy";

/// What nothing else writes to: the archive itself. Whoever records its being written to records without end.
pub(crate) fn buckets(layout: &Layout<'_>) -> [Value; 2] {
    [BUCKET, CONFIG_BUCKET].map(|id| attribute(layout.foundation.log_archive, id, "Arn"))
}

/// The ARNs of the trails. Their names are fixed: the archive's policies name a trail before there is one.
fn trail_arns(layout: &Layout<'_>) -> Value {
    let foundation = &layout.foundation;
    let arn = |name: &SmolStr| {
        foundation.management_place.arn("cloudtrail", smol_str::format_smolstr!("trail/{name}"))
    };
    let all = arn(&foundation.trail_name);
    match foundation.data_events {
        Some(_) => vec![all, arn(&data_events::trail_name(layout.blueprint))].into(),
        None => all,
    }
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
    config_archive(layout, &mut draft, days, &tags);
    access_logs::add(draft.by(access_logs::COMPONENT), place, days, &tags);
    draft.finish()
}

/// Where AWS Config of every account delivers to. The bucket has no Object Lock, which AWS Config refuses: versions, the
/// policy here and the guardrail on the account keep what is in it.
/// Source: AWS Config Developer Guide, "Permissions for the Amazon S3 Bucket for the AWS Config Delivery Channel",
/// "Permissions for the KMS Key".
fn config_archive(layout: &Layout<'_>, draft: &mut Draft, days: u32, tags: &Tags) {
    let place = &layout.foundation.archive_place;
    let organization = organization::id(layout);
    let made = Key {
        alias: SmolStr::new_static("alias/organization/config"),
        description: SmolStr::new_static("What AWS Config records"),
        policy: keys::policy(
            place,
            vec![
                value!({
                    "Sid": "ConfigEncrypts",
                    "Effect": "Allow",
                    "Principal": { "Service": "config.amazonaws.com" },
                    "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
                    "Resource": "*",
                    "Condition": { "StringEquals": { "aws:SourceOrgID": organization.clone() } },
                }),
                value!({
                    "Sid": "ReadersOfTheArchiveDecrypt",
                    "Effect": "Allow",
                    "Principal": { "AWS": place.root() },
                    "Action": "kms:Decrypt",
                    "Resource": "*",
                    "Condition": { "StringEquals": { "kms:ViaService": place.via("s3") } },
                }),
            ],
        ),
        multi_region: false,
    };
    keys::add(draft, CONFIG_KEY, made, &layout.blueprint.keys, tags);
    let properties = value!({
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": [{
                "BucketKeyEnabled": true,
                "ServerSideEncryptionByDefault": { "SSEAlgorithm": "aws:kms", "KMSMasterKeyID": draft.attribute(CONFIG_KEY, "Arn") },
            }],
        },
        "LifecycleConfiguration": {
            "Rules": [{
                "Id": "CoolThenForget",
                "Status": "Enabled",
                "Transitions": (days > 90).then(|| value!([{ "StorageClass": "GLACIER_IR", "TransitionInDays": 90 }])),
                "ExpirationInDays": days + 1,
                "NoncurrentVersionExpiration": { "NoncurrentDays": days + 1 },
                "AbortIncompleteMultipartUpload": { "DaysAfterInitiation": 7 },
            }],
        },
        "LoggingConfiguration": {
            "DestinationBucketName": draft.reference(access_logs::BUCKET),
            "LogFilePrefix": "buckets/config/",
        },
        "OwnershipControls": { "Rules": [{ "ObjectOwnership": "BucketOwnerEnforced" }] },
        "PublicAccessBlockConfiguration": bucket::closed(),
        "VersioningConfiguration": { "Status": "Enabled" },
        "Tags": tags.list(),
    });
    draft.add(CONFIG_BUCKET, "AWS::S3::Bucket", properties).after("AccessLogsBucketPolicy").retain();
    let arn = draft.attribute(CONFIG_BUCKET, "Arn");
    let mut statements = vec![
        value!({
            "Sid": "ConfigLooksAtTheBucket",
            "Effect": "Allow",
            "Principal": { "Service": "config.amazonaws.com" },
            "Action": ["s3:GetBucketAcl", "s3:ListBucket"],
            "Resource": arn.clone(),
            "Condition": { "StringEquals": { "aws:SourceOrgID": organization.clone() } },
        }),
        value!({
            "Sid": "ConfigWrites",
            "Effect": "Allow",
            "Principal": { "Service": "config.amazonaws.com" },
            "Action": "s3:PutObject",
            "Resource": Value::join([arn.clone(), "/AWSLogs/*/Config/*".into()]),
            "Condition": {
                "StringEquals": { "aws:SourceOrgID": organization, "s3:x-amz-acl": "bucket-owner-full-control" },
            },
        }),
        value!({
            "Sid": "NobodyDeletes",
            "Effect": "Deny",
            "Principal": { "AWS": "*" },
            "Action": ["s3:DeleteObject", "s3:DeleteObjectVersion"],
            "Resource": Value::join([arn.clone(), "/*".into()]),
        }),
    ];
    statements.extend(bucket::transport(&arn));
    let properties = value!({
        "Bucket": draft.reference(CONFIG_BUCKET),
        "PolicyDocument": { "Version": "2012-10-17", "Statement": statements },
    });
    draft.add("ConfigBucketPolicy", "AWS::S3::BucketPolicy", properties);
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
            "Condition": { "StringEquals": { "aws:SourceArn": trail_arns(layout) } },
        }),
        value!({
            "Sid": "TrailWrites",
            "Effect": "Allow",
            "Principal": { "Service": "cloudtrail.amazonaws.com" },
            "Action": "s3:PutObject",
            "Resource": [below(management), below(organization::id(layout))],
            "Condition": {
                "StringEquals": {
                    "aws:SourceArn": trail_arns(layout),
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
                "StringEquals": { "aws:SourceArn": trail_arns(layout) },
                "StringLike": { "kms:EncryptionContext:aws:cloudtrail:arn": trails.clone() },
            },
        }),
        value!({
            "Sid": "TrailLooksAtTheKey",
            "Effect": "Allow",
            "Principal": { "Service": "cloudtrail.amazonaws.com" },
            "Action": "kms:DescribeKey",
            "Resource": "*",
            "Condition": { "StringEquals": { "aws:SourceArn": trail_arns(layout) } },
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
