//! Buckets that hold logs keep every version of them.
//!
//! Source: Amazon S3 User Guide, "Retaining multiple versions of objects with S3 Versioning": a bucket without
//! versioning loses what is overwritten or deleted; Object Lock needs and implies versioning ("Configuring
//! S3 Object Lock": it enables versioning, which can then not be suspended).

use crate::log_buckets::LogBuckets;
use crate::{Facts, Findings, Guarantee, Level, Setting, Words};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "log-bucket-versioned",
    title: "every bucket that holds logs keeps all their versions",
    level: Level::High,
    page: include_str!("../../../../docs/guarantees/log-bucket-versioned.md"),
    check,
};

const WORDS: Words<'static> = Words {
    violated: "logs that are overwritten or deleted here are gone: the bucket has no versioning",
    unknown: "the bucket keeps every version",
    path: "VersioningConfiguration/Status",
    fix: "VersioningConfiguration: {Status: Enabled}",
};

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let buckets = LogBuckets::of(facts);
    for (bucket, writers) in &buckets.known {
        let status = Setting::of(bucket.resource, &["VersioningConfiguration", "Status"]);
        let enabled = status.literal(false, |status| status.as_str() == Some("Enabled"));
        // Object Lock switches versioning on where nothing else is said; it cannot be had with `Suspended`.
        let versioned = match status.is_absent() {
            false => enabled,
            true => enabled.or(|| {
                let locked = Setting::of(bucket.resource, &["ObjectLockEnabled"]);
                locked.literal(false, |enabled| enabled.as_bool() == Some(true))
            }),
        };
        if let Some(finding) = findings.settle(*bucket, versioned, &WORDS) {
            for writer in writers {
                finding.related(writer.span, format!("{} go there", writer.logs));
            }
        }
    }
    for (writer, named) in &buckets.elsewhere {
        let message = format!(
            "{} go to a bucket that is not in the estate ({named}): its versioning cannot be known",
            writer.logs
        );
        findings.unknown(writer.resource, writer.span, message);
    }
}
