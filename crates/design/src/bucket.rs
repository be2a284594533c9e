//! A store of files: an S3 bucket.
//!
//! In: a store of kind `bucket`. Out: the bucket and its policy. Always: private, owner enforced, versioned,
//! encrypted with the key of its class or of its own, reached over TLS 1.2 or later, and kept when its stack
//! goes; locked where the blueprint says `retain:`.
//!
//! Sources: Amazon S3 User Guide, "Security best practices for Amazon S3", "Using S3 Object Lock"; AWS Backup
//! Developer Guide, "Amazon S3 backups".

use blueprint::model::{Bucket, Lock, Store};
use estate::{StackId, Value, value};

use crate::draft::{Draft, Drawn, Say, attribute, reference};
use crate::layout::Site;
use crate::tags::Tags;
use crate::{access_logs, keys, naming};

/// The component's name.
pub(crate) const COMPONENT: &str = "bucket";

/// The bucket's name, as AWS gives it.
pub(crate) fn name(stack: StackId, store: &Store) -> Value {
    reference(stack, naming::id(store.name.value.as_str(), "Bucket"))
}

/// The bucket's ARN.
pub(crate) fn arn(stack: StackId, store: &Store) -> Value {
    attribute(stack, naming::id(store.name.value.as_str(), "Bucket"), "Arn")
}

/// The stack of a bucket.
pub(crate) fn stack(site: &Site<'_>, id: StackId, store: &Store, settings: &Bucket) -> Drawn {
    let name = store.name.value.as_str();
    let stack_name = site.stack_name(&format!("data-{name}"));
    let mut draft = Draft::new(id, stack_name, &site.place, COMPONENT, store.span, store.title.clone());
    let tags: Tags = site.tags.of_store(store);
    let bucket = naming::id(name, "Bucket");
    let properties = value!({
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": [{
                "BucketKeyEnabled": true,
                "ServerSideEncryptionByDefault": {
                    "SSEAlgorithm": "aws:kms",
                    "KMSMasterKeyID": keys::store_key(site, store),
                },
            }],
        },
        "LifecycleConfiguration": { "Rules": lifecycle(settings) },
        "LoggingConfiguration": {
            "DestinationBucketName": access_logs::of_buckets(site),
            "LogFilePrefix": smol_str::format_smolstr!("buckets/{name}/"),
        },
        // AWS Backup turns this on where it is off; saying it avoids drift.
        "NotificationConfiguration": { "EventBridgeConfiguration": { "EventBridgeEnabled": true } },
        "ObjectLockEnabled": settings.retain.as_ref().map(|_| true),
        "ObjectLockConfiguration": settings.retain.as_ref().map(|(period, lock)| lock_rule(period.value.in_days(), lock.value)),
        "OwnershipControls": { "Rules": [{ "ObjectOwnership": "BucketOwnerEnforced" }] },
        "PublicAccessBlockConfiguration": closed(),
        "VersioningConfiguration": { "Status": "Enabled" },
        "Tags": tags.list(),
    });
    draft.add(bucket.clone(), "AWS::S3::Bucket", properties).retain();

    let arn = draft.attribute(bucket.clone(), "Arn");
    let mut statements = transport(&arn);
    statements.extend(own_key_only(&arn, keys::store_key(site, store)));
    let properties = value!({
        "Bucket": draft.reference(bucket.clone()),
        "PolicyDocument": { "Version": "2012-10-17", "Statement": statements },
    });
    draft.add(naming::id(name, "BucketPolicy"), "AWS::S3::BucketPolicy", properties);
    draft.finish()
}

fn lifecycle(settings: &Bucket) -> Value {
    value!([{
        "Id": "ForgetOldVersions",
        "Status": "Enabled",
        "NoncurrentVersionExpiration": { "NoncurrentDays": settings.versions.value.in_days() },
        "ExpirationInDays": settings.expires_after.as_ref().map(|period| period.value.in_days()),
        "AbortIncompleteMultipartUpload": { "DaysAfterInitiation": 7 },
    }])
}

/// Every object is locked for so many days, from when it is written.
pub(crate) fn lock_rule(days: u32, lock: Lock) -> Value {
    let mode = match lock {
        Lock::Compliance => "COMPLIANCE",
        Lock::Governance => "GOVERNANCE",
    };
    value!({
        "ObjectLockEnabled": "Enabled",
        "Rule": { "DefaultRetention": { "Mode": mode, "Days": days } },
    })
}

/// Nothing in the bucket is ever public, whatever a policy or an object says.
/// Source: Amazon S3 User Guide, "Blocking public access to your Amazon S3 storage".
pub(crate) fn closed() -> Value {
    value!({
        "BlockPublicAcls": true,
        "BlockPublicPolicy": true,
        "IgnorePublicAcls": true,
        "RestrictPublicBuckets": true,
    })
}

/// Refuses requests without TLS, or with TLS before 1.2.
/// Source: Amazon S3 User Guide, "Security best practices for Amazon S3", enforce encryption of data in transit.
pub(crate) fn transport(arn: &Value) -> Vec<Value> {
    let everything = || value!([arn.clone(), Value::join([arn.clone(), "/*".into()])]);
    vec![
        value!({
            "Sid": "OnlyWithTls",
            "Effect": "Deny",
            "Principal": { "AWS": "*" },
            "Action": "s3:*",
            "Resource": everything(),
            "Condition": { "Bool": { "aws:SecureTransport": "false" } },
        }),
        value!({
            "Sid": "OnlyWithTls12",
            "Effect": "Deny",
            "Principal": { "AWS": "*" },
            "Action": "s3:*",
            "Resource": everything(),
            "Condition": { "NumericLessThan": { "s3:TlsVersion": "1.2" } },
        }),
    ]
}

/// Refuses objects that name another key than the bucket's own, or ask to be encrypted without one; whoever names nothing
/// gets the bucket's.
///
/// Source: "IAM JSON policy elements: Condition operators", IAM User Guide: a negated operator holds where the key is absent,
/// with `IfExists` as well, so `Null` has to ask whether it is there.
fn own_key_only(arn: &Value, key: Value) -> [Value; 2] {
    let objects = Value::join([arn.clone(), "/*".into()]);
    [
        value!({
            "Sid": "OnlyWithItsOwnKey",
            "Effect": "Deny",
            "Principal": { "AWS": "*" },
            "Action": "s3:PutObject",
            "Resource": objects.clone(),
            "Condition": {
                "Null": { "s3:x-amz-server-side-encryption-aws-kms-key-id": "false" },
                "StringNotEquals": { "s3:x-amz-server-side-encryption-aws-kms-key-id": key },
            },
        }),
        value!({
            "Sid": "OnlyWithAKey",
            "Effect": "Deny",
            "Principal": { "AWS": "*" },
            "Action": "s3:PutObject",
            "Resource": objects,
            "Condition": {
                "Null": { "s3:x-amz-server-side-encryption": "false" },
                "StringNotEquals": { "s3:x-amz-server-side-encryption": "aws:kms" },
            },
        }),
    ]
}
