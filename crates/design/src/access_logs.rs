//! The bucket of access logs of an environment: who asked its load balancers and its buckets for what.
//!
//! In: an environment. Out: one bucket that AWS's log deliveries write to and nobody else. Always: it is
//! encrypted with a key of Amazon S3, because neither delivery can write to a bucket with a customer-managed
//! key or with Object Lock as its default; everything else about it is as strict as elsewhere.
//!
//! Sources: Elastic Load Balancing User Guide, "Enable access logs for your Application Load Balancer"; Amazon S3
//! User Guide, "Logging requests with server access logging", "Enabling Amazon S3 server access logging".

use blueprint::model::Logs;
use estate::{Value, value};

use crate::bucket;
use crate::draft::{Draft, Drawn, Place, Say, reference};
use crate::layout::Site;
use crate::tags::Tags;

/// The component's name.
pub(crate) const COMPONENT: &str = "access_logs";

/// The bucket's logical id.
pub(crate) const BUCKET: &str = "AccessLogsBucket";

/// The stack of an environment's access logs.
pub(crate) fn stack(site: &Site<'_>, logs: &Logs) -> Option<Drawn> {
    let (name, span) = (site.stack_name("access-logs"), site.environment.tier.span);
    let text = smol_str::format_smolstr!("Access logs of {}", site.environment.title);
    let mut draft = Draft::new(site.stacks.access_logs?, name, &site.place, COMPONENT, span, text);
    draft.after(site.organization);
    let own = i64::from(site.environment.defaults.log_days);
    let real = site.environment.defaults.real_data || !site.environment.real_data.is_empty();
    let days = if real { own.max(i64::from(logs.retain.value.in_days())) } else { own };
    add(&mut draft, &site.place, days, &site.tags);
    Some(draft.finish())
}

/// The name of the bucket, to write to.
pub(crate) fn bucket_of(site: &Site<'_>) -> Value {
    site.stacks.access_logs.map_or_else(|| Value::from(""), |stack| reference(stack, BUCKET))
}

/// Adds the bucket of access logs of an account and region to a stack.
pub(crate) fn add(draft: &mut Draft, place: &Place, keep_days: i64, tags: &Tags) {
    let properties = value!({
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": [{
                "ServerSideEncryptionByDefault": { "SSEAlgorithm": "AES256" },
            }],
        },
        "LifecycleConfiguration": {
            "Rules": [{
                "Id": "KeepThenForget",
                "Status": "Enabled",
                "ExpirationInDays": keep_days,
                "NoncurrentVersionExpiration": { "NoncurrentDays": 30 },
                "AbortIncompleteMultipartUpload": { "DaysAfterInitiation": 7 },
            }],
        },
        "OwnershipControls": { "Rules": [{ "ObjectOwnership": "BucketOwnerEnforced" }] },
        "PublicAccessBlockConfiguration": bucket::closed(),
        "VersioningConfiguration": { "Status": "Enabled" },
        "Tags": tags.list(),
    });
    draft.add(BUCKET, "AWS::S3::Bucket", properties).retain();
    let arn = draft.attribute(BUCKET, "Arn");
    let objects = |prefix: &str| Value::join([arn.clone(), "/".into(), prefix.into(), "*".into()]);
    let mut statements = vec![
        value!({
            "Sid": "LoadBalancersWrite",
            "Effect": "Allow",
            "Principal": { "Service": "logdelivery.elasticloadbalancing.amazonaws.com" },
            "Action": "s3:PutObject",
            "Resource": Value::join([
                arn.clone(), "/load-balancers/AWSLogs/".into(), place.account_id(), "/*".into(),
            ]),
        }),
        value!({
            "Sid": "BucketsWrite",
            "Effect": "Allow",
            "Principal": { "Service": "logging.s3.amazonaws.com" },
            "Action": "s3:PutObject",
            "Resource": objects("buckets/"),
            "Condition": { "StringEquals": { "aws:SourceAccount": place.account_id() } },
        }),
    ];
    statements.extend(bucket::transport(&arn));
    let properties = value!({
        "Bucket": draft.reference(BUCKET),
        "PolicyDocument": { "Version": "2012-10-17", "Statement": statements },
    });
    draft.add("AccessLogsBucketPolicy", "AWS::S3::BucketPolicy", properties);
}
