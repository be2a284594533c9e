//! Logs are locked against deletion for as long as they must be kept.
//!
//! Source: Amazon S3 User Guide, "Locking objects with Object Lock": a default retention of the bucket locks every
//! object put there; in governance mode, who has `s3:BypassGovernanceRetention` can still delete, in compliance
//! mode nobody can. "Managing the lifecycle of objects": an expiration of a versioned bucket adds a delete
//! marker, and a locked version is not removed before its retention is over.
//! AWS CloudFormation Template Reference, AWS::Config::DeliveryChannel: "AWS Config does not support the delivery channel to"
//! a bucket with Object Lock. "Configuring S3 Object Lock": buckets with Object Lock cannot be destinations of server access logs.

use estate::{ResourceRef, Value};

use crate::log_buckets::LogBuckets;
use crate::{Facts, Findings, Guarantee, Judgement, Level, Setting, Words, every_item};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "log-bucket-locked",
    title: "logs are locked against deletion for their time",
    level: Level::High,
    page: include_str!("../../../../docs/guarantees/log-bucket-locked.md"),
    check,
};

const RETENTION: [&str; 3] = ["ObjectLockConfiguration", "Rule", "DefaultRetention"];

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let buckets = LogBuckets::of(facts);
    for (bucket, writers) in &buckets.known {
        // A bucket with Object Lock gets no server access logs and nothing of AWS Config: one that holds only those
        // cannot have it.
        let unlockable = ["server access logs", "the snapshots of AWS Config"];
        if writers.iter().all(|writer| unlockable.contains(&writer.logs)) {
            continue;
        }
        let of_trail = writers.iter().any(|writer| writer.resource.resource.kind == "AWS::CloudTrail::Trail");
        let days = match of_trail {
            true => facts.options.trail_retention_days.max(facts.options.log_retention_days),
            false => facts.options.log_retention_days,
        };
        let years = (days + 364) / 365;
        let fix = format!(
            "ObjectLockEnabled: true and ObjectLockConfiguration with DefaultRetention {{Mode: COMPLIANCE, Years: {years}}}"
        );
        let shorter = format!("the bucket locks logs for less than {days} days");
        let expires = format!("a lifecycle rule removes logs before {days} days are over");
        let apart = writers.iter().any(|writer| writer.logs == "server access logs");
        let fix = match apart {
            true => format!(
                "let server access logs, which Object Lock keeps out, go to a bucket of their own; then {fix}"
            ),
            false => fix.clone(),
        };
        let enabled = Setting::of(bucket.resource, &["ObjectLockEnabled"]);
        let judgements = [
            (
                enabled.literal(false, |value| value.as_bool() == Some(true)),
                Words {
                    violated: "whoever may delete objects can delete the logs: the bucket has no Object Lock",
                    unknown: "the bucket has Object Lock",
                    path: "ObjectLockEnabled",
                    fix: &fix,
                },
            ),
            (
                retention(*bucket, days),
                Words {
                    violated: &shorter,
                    unknown: "logs are locked long enough",
                    path: "ObjectLockConfiguration/Rule/DefaultRetention",
                    fix: &fix,
                },
            ),
            (
                expiration(*bucket, days),
                Words {
                    violated: &expires,
                    unknown: "logs live long enough",
                    path: "LifecycleConfiguration/Rules/*/ExpirationInDays",
                    fix: "an ExpirationInDays that is not shorter than the retention",
                },
            ),
        ];
        if let Some(finding) = findings.settle_all(*bucket, judgements) {
            for writer in writers {
                finding.related(writer.span, format!("{} go there", writer.logs));
            }
        }
    }
    for (writer, named) in buckets.elsewhere.iter().filter(|(writer, _)| writer.logs != "server access logs")
    {
        let message = format!(
            "{} go to a bucket that is not in the estate ({named}): its lock cannot be known",
            writer.logs
        );
        findings.unknown(writer.resource, writer.span, message);
    }
}

/// Whether the default retention is at least `days` days.
fn retention(bucket: ResourceRef<'_>, days: i64) -> Judgement {
    Setting::of(bucket.resource, &RETENTION).judge(|retention| {
        let Some(retention) = retention else { return Judgement::missing(bucket.resource) };
        if retention.as_map().is_none() {
            return Judgement::unknown(retention);
        }
        let at_least = |unit: &str, factor: i64| {
            Setting::below(retention, &[unit]).judge(|value| match value {
                None => Judgement::missing(bucket.resource),
                Some(value) => match value.as_int() {
                    Some(count) => Judgement::of(count.saturating_mul(factor) >= days, value),
                    None => Judgement::unknown(value),
                },
            })
        };
        at_least("Days", 1).or(|| at_least("Years", 365))
    })
}

/// Whether no rule of the lifecycle lets current or old versions expire before `days` days.
fn expiration(bucket: ResourceRef<'_>, days: i64) -> Judgement {
    every_item(
        bucket.resource,
        &["LifecycleConfiguration", "Rules"],
        || Judgement::Holds,
        |rule| {
            let off = Setting::below(rule, &["Status"])
                .literal(false, |status| status.as_str() == Some("Disabled"));
            // A rule for some tags or sizes cannot be told from one for all logs.
            off.or(|| {
                Setting::below(rule, &["ExpirationInDays"]).judge(|value| match value {
                    None => Judgement::Holds,
                    Some(value) => value
                        .as_int()
                        .map_or_else(|| Judgement::unknown(value), |after| long_enough(after, days, value)),
                })
            })
        },
    )
}

fn long_enough(after: i64, days: i64, value: &Value) -> Judgement {
    Judgement::of(after >= days, value)
}
