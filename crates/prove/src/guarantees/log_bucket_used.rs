//! A bucket made for logs gets them.
//!
//! Source: Amazon S3 User Guide, "Canned ACL" (`log-delivery-write`), "Enabling Amazon S3 server access logging";
//! AWS CloudFormation Template Reference, AWS::S3::Bucket, LoggingConfiguration (without `DestinationBucketName` a
//! bucket logs into itself).

use estate::{ResourceRef, Value};

use crate::log_buckets::LogBuckets;
use crate::lookup::{Attachments, is_implied};
use crate::policy::{Principal, Request, statements};
use crate::text::Truth;
use crate::{Facts, Findings, Guarantee, Level, Setting, Witness};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "log-bucket-used",
    title: "every bucket made for logs gets logs",
    level: Level::Medium,
    page: include_str!("../../../../docs/guarantees/log-bucket-used.md"),
    check,
};

/// Services that deliver logs to buckets.
const SERVICES: [&str; 5] = [
    "logging.s3.amazonaws.com",
    "delivery.logs.amazonaws.com",
    "cloudtrail.amazonaws.com",
    "config.amazonaws.com",
    "logdelivery.elasticloadbalancing.amazonaws.com",
];

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let logs = LogBuckets::of(facts);
    let policies = Attachments::of(facts, "AWS::S3::BucketPolicy", &["Bucket"], "AWS::S3::Bucket");
    for &bucket in facts.index.of_kind("AWS::S3::Bucket") {
        let Some(why) = made_for_logs(facts, bucket, &policies) else { continue };
        let mut writers =
            logs.writers_to(bucket).iter().filter(|writer| writer.resource != bucket).peekable();
        if let Some(first) = writers.peek().copied() {
            if writers.any(|writer| is_implied(&writer.resource.resource.guard(), &bucket.resource.guard())) {
                findings.proved(bucket);
            } else {
                let message = format!(
                    "whether the bucket gets logs cannot be known: `{}` is there only under a condition",
                    first.resource.id
                );
                findings.unknown(bucket, first.span, message);
            }
            continue;
        }
        tell(facts, &logs, bucket, why, findings);
    }
}

/// Why a bucket is taken to be made for logs.
fn made_for_logs<'a>(
    facts: &Facts<'a>,
    bucket: ResourceRef<'a>,
    policies: &Attachments<'a>,
) -> Option<&'static str> {
    let acl = Setting::of(bucket.resource, &["AccessControl"]);
    if acl.alternatives().iter().any(|acl| acl.value.and_then(Value::as_str) == Some("LogDeliveryWrite")) {
        return Some("its ACL lets S3 deliver logs");
    }
    let admits = policies.to(bucket).iter().any(|policy| {
        let document = policy.resource.resource.properties.get("PolicyDocument");
        document.is_some_and(|document| SERVICES.iter().any(|service| admits(facts, document, service)))
    });
    admits.then_some("its policy lets a service of AWS deliver logs")
}

/// Whether a statement allows a service by name to put objects.
fn admits(facts: &Facts<'_>, document: &Value, service: &'static str) -> bool {
    let request = Request {
        principal: Principal::Service(service),
        action: "s3:PutObject",
        resource: Vec::new(),
        context: Vec::new(),
    };
    statements(document).unwrap_or_default().into_iter().any(|statement| {
        let named = statement.element("Principal").and_then(|principal| principal.get("Service")).is_some();
        let covers = statement
            .matches_action(facts.estate, request.action)
            .and(statement.matches_principal(request.principal));
        named && statement.effect() == Some(true) && covers == Truth::Yes
    })
}

fn tell(
    facts: &Facts<'_>,
    logs: &LogBuckets<'_>,
    bucket: ResourceRef<'_>,
    why: &str,
    findings: &mut Findings,
) {
    let here = bucket.resource.origin.span;
    // Somebody outside may deliver to it: it has a name that can be known, or an output hands the name on.
    let output = facts
        .estate
        .stacks()
        .flat_map(|(_, stack)| stack.outputs.values())
        .find(|output| facts.index.references(&output.value).contains(&bucket));
    let named = bucket.resource.properties.get("BucketName").is_some();
    let doubt = match (output, logs.elsewhere.first()) {
        (Some(output), _) => Some((output.span, "an output hands its name to somebody else".to_owned())),
        (None, _) if named => {
            Some((here, "somebody outside the estate may deliver to it by its name".to_owned()))
        }
        (None, Some((writer, what))) => Some((
            writer.span,
            format!(
                "`{}` delivers {} to a bucket that is not known ({what})",
                writer.resource.id, writer.logs
            ),
        )),
        (None, None) => None,
    };
    if let Some((span, because)) = doubt {
        findings.unknown(bucket, span, format!("whether the bucket gets logs cannot be known: {because}"));
        return;
    }
    let lifecycle = bucket.resource.properties.get("LifecycleConfiguration");
    let keeps = if lifecycle.is_some() { ", so what it says about retention keeps nothing" } else { "" };
    let finding =
        findings.violated(bucket, here, format!("{why}, but nothing in the estate delivers any{keeps}"));
    finding
        .witness(Witness::Event {
            happens: "logs are written".into(),
            follows: "they go elsewhere, or nowhere".into(),
        })
        .fix("name the bucket where logs are configured (DestinationBucketName, S3BucketName), or remove it");
    if let Some(lifecycle) = lifecycle {
        finding.related(lifecycle.span, "the retention that keeps nothing");
    }
    for (other, writers) in &logs.known {
        if let Some(writer) =
            writers.first().filter(|_| other.resource.properties.get("LifecycleConfiguration").is_none())
        {
            finding.related(
                writer.span,
                format!("{} go to `{}` instead, which has no lifecycle rule", writer.logs, other.id),
            );
        }
    }
}
