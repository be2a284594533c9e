//! Access logs of an environment: who asked its load balancers and its buckets for what.
//!
//! In: an environment. Out: a locked bucket that its load balancers write to, and one that its buckets write to.
//! Always: nothing but AWS's log delivery for this account writes; both are encrypted with a key of Amazon S3,
//! because neither delivery can write to a bucket with a customer-managed key. The second has no Object Lock,
//! because server access logs cannot be delivered to a bucket that has; it is versioned instead.
//!
//! Sources: Elastic Load Balancing User Guide, "Enable access logs for your Application Load Balancer"; Amazon S3
//! User Guide, "Configuring S3 Object Lock", "Enabling Amazon S3 server access logging".

use blueprint::model::{Lock, Logs};
use estate::{Value, value};

use crate::bucket;
use crate::draft::{Draft, Drawn, Place, Say, reference};
use crate::layout::{self, Site};
use crate::tags::Tags;

/// The component's name.
pub(crate) const COMPONENT: &str = "access_logs";

/// The logical id of the bucket that buckets write to.
pub(crate) const BUCKET: &str = "AccessLogsBucket";
/// The logical id of the bucket that load balancers write to.
const LOAD_BALANCERS: &str = "LoadBalancerLogsBucket";

/// The stack of an environment's access logs.
pub(crate) fn stack(site: &Site<'_>, logs: &Logs) -> Option<Drawn> {
    let (name, span) = (site.stack_name("access-logs"), site.environment.tier.span);
    let text = smol_str::format_smolstr!("Access logs of {}", site.environment.title);
    let mut draft = Draft::new(site.stacks.access_logs?, name, &site.place, COMPONENT, span, text);
    draft.after(site.organization);
    let own = site.log_days();
    // Who saw real data is kept as long as the trail, under the same lock.
    let (days, lock) = if site.holds_real_data() {
        (own.max(logs.retain.value.in_days()), logs.lock.value)
    } else {
        (own, Lock::Governance)
    };
    add(&mut draft, &site.place, days, &site.tags);
    if site.environment.workloads.iter().any(layout::is_served) {
        add_load_balancers(&mut draft, &site.place, days, lock, &site.tags);
    }
    Some(draft.finish())
}

/// The name of the bucket that the buckets of an environment write to.
pub(crate) fn of_buckets(site: &Site<'_>) -> Value {
    site.stacks.access_logs.map_or_else(|| Value::from(""), |stack| reference(stack, BUCKET))
}

/// The name of the bucket that the load balancers of an environment write to.
pub(crate) fn of_load_balancers(site: &Site<'_>) -> Value {
    site.stacks.access_logs.map_or_else(|| Value::from(""), |stack| reference(stack, LOAD_BALANCERS))
}

/// Adds the bucket that the buckets of an account and region write to.
pub(crate) fn add(draft: &mut Draft, place: &Place, keep_days: u32, tags: &Tags) {
    let properties = value!({
        "BucketEncryption": s3_key(),
        "LifecycleConfiguration": lifecycle(keep_days),
        "OwnershipControls": { "Rules": [{ "ObjectOwnership": "BucketOwnerEnforced" }] },
        "PublicAccessBlockConfiguration": bucket::closed(),
        "VersioningConfiguration": { "Status": "Enabled" },
        "Tags": tags.list(),
    });
    draft.add(BUCKET, "AWS::S3::Bucket", properties).retain();
    let arn = draft.attribute(BUCKET, "Arn");
    let mut statements = vec![value!({
        "Sid": "BucketsWrite",
        "Effect": "Allow",
        "Principal": { "Service": "logging.s3.amazonaws.com" },
        "Action": "s3:PutObject",
        "Resource": Value::join([arn.clone(), "/buckets/*".into()]),
        "Condition": { "StringEquals": { "aws:SourceAccount": place.account_id() } },
    })];
    statements.extend(bucket::transport(&arn));
    let properties = value!({
        "Bucket": draft.reference(BUCKET),
        "PolicyDocument": { "Version": "2012-10-17", "Statement": statements },
    });
    draft.add("AccessLogsBucketPolicy", "AWS::S3::BucketPolicy", properties);
}

fn add_load_balancers(draft: &mut Draft, place: &Place, keep_days: u32, lock: Lock, tags: &Tags) {
    let properties = value!({
        "BucketEncryption": s3_key(),
        "LifecycleConfiguration": lifecycle(keep_days + 1),
        "LoggingConfiguration": {
            "DestinationBucketName": draft.reference(BUCKET),
            "LogFilePrefix": "buckets/load-balancers/",
        },
        "ObjectLockEnabled": true,
        "ObjectLockConfiguration": bucket::lock_rule(keep_days, lock),
        "OwnershipControls": { "Rules": [{ "ObjectOwnership": "BucketOwnerEnforced" }] },
        "PublicAccessBlockConfiguration": bucket::closed(),
        "VersioningConfiguration": { "Status": "Enabled" },
        "Tags": tags.list(),
    });
    draft.add(LOAD_BALANCERS, "AWS::S3::Bucket", properties).after("AccessLogsBucketPolicy").retain();
    let arn = draft.attribute(LOAD_BALANCERS, "Arn");
    let mut statements = vec![value!({
        "Sid": "LoadBalancersWrite",
        "Effect": "Allow",
        "Principal": { "Service": "logdelivery.elasticloadbalancing.amazonaws.com" },
        "Action": "s3:PutObject",
        "Resource": Value::join([arn.clone(), "/AWSLogs/".into(), place.account_id(), "/*".into()]),
    })];
    statements.extend(bucket::transport(&arn));
    let properties = value!({
        "Bucket": draft.reference(LOAD_BALANCERS),
        "PolicyDocument": { "Version": "2012-10-17", "Statement": statements },
    });
    draft.add("LoadBalancerLogsBucketPolicy", "AWS::S3::BucketPolicy", properties);
}

fn s3_key() -> Value {
    value!({
        "ServerSideEncryptionConfiguration": [{
            "ServerSideEncryptionByDefault": { "SSEAlgorithm": "AES256" },
        }],
    })
}

fn lifecycle(days: u32) -> Value {
    value!({
        "Rules": [{
            "Id": "KeepThenForget",
            "Status": "Enabled",
            "ExpirationInDays": days,
            "NoncurrentVersionExpiration": { "NoncurrentDays": 30 },
            "AbortIncompleteMultipartUpload": { "DaysAfterInitiation": 7 },
        }],
    })
}
