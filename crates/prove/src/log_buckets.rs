//! Which buckets hold logs: found by their use, not by their names.
//!
//! In: an estate. Out: every bucket that something delivers logs to, with everything that does; and those
//! destinations whose bucket is not in the estate. Always: whether a stream or an ARN leads to a bucket at
//! all is only assumed where the value says so.
//!
//! Source: AWS CloudFormation Template Reference, the properties named in [`USES`].

use std::collections::BTreeMap;

use diagnostics::Span;
use estate::{Kind, ResourceRef, Value};

use crate::Facts;

/// A resource that delivers logs.
#[derive(Debug, Clone)]
pub(crate) struct Writer<'a> {
    /// The resource.
    pub resource: ResourceRef<'a>,
    /// Where it names the bucket.
    pub span: Span,
    /// What it delivers.
    pub logs: &'static str,
}

/// The buckets that hold logs.
#[derive(Debug, Default)]
pub(crate) struct LogBuckets<'a> {
    /// Those of the estate, in its order, with who writes there.
    pub known: Vec<(ResourceRef<'a>, Vec<Writer<'a>>)>,
    /// Writers whose bucket is not in the estate, and what they name.
    pub elsewhere: Vec<(Writer<'a>, String)>,
}

/// How a property names a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    /// By its name, its domain name or an `s3://` address: it is a bucket in any case.
    Bucket,
    /// By an ARN that may be another service's.
    Arn,
}

/// Properties that name where logs go.
const USES: [(&str, &[&str], Names, &str); 17] = [
    ("AWS::CloudTrail::Trail", &["S3BucketName"], Names::Bucket, "the log files of a trail"),
    ("AWS::Config::DeliveryChannel", &["S3BucketName"], Names::Bucket, "the snapshots of AWS Config"),
    ("AWS::EC2::FlowLog", &["LogDestination"], Names::Arn, "flow logs"),
    (
        "AWS::ElasticLoadBalancing::LoadBalancer",
        &["AccessLoggingPolicy", "S3BucketName"],
        Names::Bucket,
        "access logs of a load balancer",
    ),
    (
        "AWS::CloudFront::Distribution",
        &["DistributionConfig", "Logging", "Bucket"],
        Names::Bucket,
        "access logs of a distribution",
    ),
    (
        "AWS::CloudFront::StreamingDistribution",
        &["StreamingDistributionConfig", "Logging", "Bucket"],
        Names::Bucket,
        "access logs of a distribution",
    ),
    ("AWS::WAFv2::LoggingConfiguration", &["LogDestinationConfigs", "*"], Names::Arn, "logs of a web ACL"),
    ("AWS::Route53Resolver::ResolverQueryLoggingConfig", &["DestinationArn"], Names::Arn, "DNS query logs"),
    (
        "AWS::NetworkFirewall::LoggingConfiguration",
        &["LoggingConfiguration", "LogDestinationConfigs", "*", "LogDestination", "bucketName"],
        Names::Bucket,
        "logs of a firewall",
    ),
    ("AWS::MSK::Cluster", &["LoggingInfo", "BrokerLogs", "S3", "Bucket"], Names::Bucket, "broker logs"),
    (
        "AWS::Redshift::Cluster",
        &["LoggingProperties", "BucketName"],
        Names::Bucket,
        "audit logs of a cluster",
    ),
    ("AWS::EMR::Cluster", &["LogUri"], Names::Bucket, "log files of a cluster"),
    ("AWS::Logs::DeliveryDestination", &["DestinationResourceArn"], Names::Arn, "vended logs"),
    (
        "AWS::VpcLattice::AccessLogSubscription",
        &["DestinationArn"],
        Names::Arn,
        "access logs of a service network",
    ),
    (
        "AWS::EC2::VerifiedAccessInstance",
        &["LoggingConfigurations", "S3", "BucketName"],
        Names::Bucket,
        "access logs of Verified Access",
    ),
    (
        "AWS::ImageBuilder::InfrastructureConfiguration",
        &["Logging", "S3Logs", "S3BucketName"],
        Names::Bucket,
        "build logs",
    ),
    (
        "AWS::S3::Bucket",
        &["LoggingConfiguration", "DestinationBucketName"],
        Names::Bucket,
        "server access logs",
    ),
];

impl<'a> LogBuckets<'a> {
    /// Finds them.
    pub(crate) fn of(facts: &Facts<'a>) -> Self {
        let mut found = Found { facts, by_bucket: BTreeMap::new(), elsewhere: Vec::new() };
        for (kind, path, names, logs) in USES {
            for &resource in facts.index.of_kind(kind) {
                found.add(resource, path, names, logs);
            }
        }
        for &bucket in facts.index.of_kind("AWS::S3::Bucket") {
            // Logging that names no destination goes to the bucket itself.
            let logging = bucket.resource.properties.get("LoggingConfiguration");
            if logging.is_some_and(|logging| {
                logging.as_map().is_some() && logging.get("DestinationBucketName").is_none()
            }) {
                let writer = Writer {
                    resource: bucket,
                    span: bucket.resource.origin.span,
                    logs: "server access logs",
                };
                found.write(bucket, writer);
            }
        }
        for &balancer in facts.index.of_kind("AWS::ElasticLoadBalancingV2::LoadBalancer") {
            found.load_balancer(balancer);
        }
        found.streams();
        let Found { by_bucket, elsewhere, .. } = found;
        let known = by_bucket.into_values().collect();
        Self { known, elsewhere }
    }

    /// Who writes logs to a bucket.
    pub(crate) fn writers_to(&self, bucket: ResourceRef<'_>) -> &[Writer<'a>] {
        let at = self.known.binary_search_by_key(&place(bucket), |(known, _)| place(*known));
        at.ok().and_then(|at| self.known.get(at)).map_or(&[], |(_, writers)| writers)
    }
}

/// A resource's place in the order of the estate.
fn place(of: ResourceRef<'_>) -> Place {
    (of.stack_id, of.stack.resources.get_index_of(of.id).unwrap_or(usize::MAX))
}

type Place = (estate::StackId, usize);

struct Found<'a, 'f> {
    facts: &'f Facts<'a>,
    by_bucket: BTreeMap<Place, (ResourceRef<'a>, Vec<Writer<'a>>)>,
    elsewhere: Vec<(Writer<'a>, String)>,
}

impl<'a> Found<'a, '_> {
    fn write(&mut self, bucket: ResourceRef<'a>, writer: Writer<'a>) {
        self.by_bucket.entry(place(bucket)).or_insert_with(|| (bucket, Vec::new())).1.push(writer);
    }

    fn add(&mut self, resource: ResourceRef<'a>, path: &[&str], names: Names, logs: &'static str) {
        let properties = &resource.resource.properties;
        for alternative in properties.alternatives_under(path, &resource.resource.guard()) {
            let Some(value) = alternative.value else { continue };
            self.destination(resource, value, names, logs);
        }
    }

    fn destination(&mut self, resource: ResourceRef<'a>, value: &'a Value, names: Names, logs: &'static str) {
        let writer = Writer { resource, span: value.span.or(resource.resource.origin.span), logs };
        match bucket_named(self.facts, value) {
            Some(bucket) => self.write(bucket, writer),
            None if names == Names::Bucket || says_bucket(value) => {
                self.elsewhere.push((writer, value.describe()))
            }
            None => {}
        }
    }

    /// `access_logs.s3.bucket` and its like among the attributes.
    fn load_balancer(&mut self, balancer: ResourceRef<'a>) {
        let properties = &balancer.resource.properties;
        for item in
            properties.alternatives_under(&["LoadBalancerAttributes", "*"], &balancer.resource.guard())
        {
            let Some(item) = item.value else { continue };
            let key = item.get("Key").and_then(Value::as_str).unwrap_or_default();
            if let (true, Some(value)) = (key.ends_with("_logs.s3.bucket"), item.get("Value")) {
                for value in value.alternatives(&[]).iter().filter_map(|value| value.value) {
                    self.destination(balancer, value, Names::Bucket, "access logs of a load balancer");
                }
            }
        }
    }

    /// Delivery streams that a log group or a web ACL feeds, to the bucket they write to.
    fn streams(&mut self) {
        let facts = self.facts;
        let stream = "AWS::KinesisFirehose::DeliveryStream";
        let feeders = [
            ("AWS::Logs::SubscriptionFilter", &["DestinationArn"][..]),
            ("AWS::WAFv2::LoggingConfiguration", &["LogDestinationConfigs", "*"][..]),
            ("AWS::EC2::FlowLog", &["LogDestination"][..]),
            ("AWS::Route53Resolver::ResolverQueryLoggingConfig", &["DestinationArn"][..]),
        ];
        let mut seen = Vec::new();
        for (kind, path) in feeders {
            for &feeder in facts.index.of_kind(kind) {
                for value in feeder.resource.properties.alternatives(path) {
                    let named = value.value.and_then(|value| facts.index.named(stream, value));
                    let Some(found) = named.filter(|found| !seen.contains(&(found.stack_id, found.id)))
                    else {
                        continue;
                    };
                    seen.push((found.stack_id, found.id));
                    for destination in ["ExtendedS3DestinationConfiguration", "S3DestinationConfiguration"] {
                        self.add(
                            found,
                            &[destination, "BucketARN"],
                            Names::Bucket,
                            "logs through a delivery stream",
                        );
                    }
                }
            }
        }
    }
}

/// The bucket that a name, ARN, domain name or `s3://` address names.
pub(crate) fn bucket_named<'a>(facts: &Facts<'a>, value: &Value) -> Option<ResourceRef<'a>> {
    const BUCKET: &str = "AWS::S3::Bucket";
    let Kind::String(text) = &value.kind else { return facts.index.named(BUCKET, value) };
    let name = text.rsplit_once(":::").map_or(text.as_str(), |(_, name)| name);
    let name = name.strip_prefix("s3://").unwrap_or(name);
    let name = name.split('/').next().unwrap_or(name);
    let name = name
        .split_once(".s3")
        .filter(|(_, rest)| rest.contains(".amazonaws."))
        .map_or(name, |(name, _)| name);
    facts.index.named(BUCKET, &Value::new(Kind::String(name.into())))
}

/// Whether an ARN says that it is a bucket's.
fn says_bucket(value: &Value) -> bool {
    let text = match &value.kind {
        Kind::String(text) => text.as_str(),
        Kind::Join(pieces) => {
            return pieces.iter().any(|piece| piece.as_str().is_some_and(|text| text.contains(":s3:::")));
        }
        _ => return false,
    };
    text.contains(":s3:::")
}
