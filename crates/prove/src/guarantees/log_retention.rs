//! Logs are kept as long as the rules ask.
//!
//! Source: Amazon CloudWatch Logs API Reference, `PutRetentionPolicy` (without one, log events never expire); PCI
//! DSS 10.5.1 (a year); AWS Security Hub, control CloudWatch.16.

use crate::{Facts, Findings, Guarantee, Judgement, Level, Setting, Words};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "log-retention",
    title: "every log group keeps its logs long enough",
    level: Level::Medium,
    page: include_str!("../../../../docs/guarantees/log-retention.md"),
    check,
};

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let days = facts.options.log_retention_days;
    for &group in facts.index.of_kind("AWS::Logs::LogGroup") {
        let judgement = Setting::of(group.resource, &["RetentionInDays"]).judge(|value| match value {
            None => Judgement::Holds,
            Some(value) => match value.as_int() {
                Some(kept) => Judgement::of(kept >= days, value),
                None => Judgement::unknown(value),
            },
        });
        let message = format!("the log group forgets before {days} days are over");
        findings.settle(
            group,
            judgement,
            &Words {
                violated: &message,
                unknown: "the log group keeps its logs long enough",
                path: "RetentionInDays",
                fix: &format!(
                    "RetentionInDays: {} (or leave it out: the logs are then kept for ever)",
                    longer(days)
                ),
            },
        );
    }
}

/// The shortest retention that CloudWatch Logs offers and that is long enough.
///
/// Source: Amazon CloudWatch Logs API Reference, `PutRetentionPolicy`, `retentionInDays`.
fn longer(days: i64) -> i64 {
    const OFFERED: [i64; 22] = [
        1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288,
        3653,
    ];
    OFFERED.into_iter().find(|offered| *offered >= days).unwrap_or(days)
}
