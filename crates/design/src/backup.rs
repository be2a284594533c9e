//! Backups of every store of an environment, apart from the stores.
//!
//! In: an environment with stores. Out: an encrypted vault that refuses early deletion, a plan, and a selection that
//! names every store. Always: a store of the environment is in the selection by reference, never by a tag that
//! somebody could forget.
//!
//! Sources: AWS Backup Developer Guide, "AWS Backup Vault Lock", "Assigning resources to a backup plan", "Amazon S3
//! backups".

use blueprint::model::{Store, StoreKind, Tier};
use estate::{Value, value};

use crate::draft::{Draft, Drawn, Say};
use crate::layout::Site;
use crate::{alarms, bucket, database, keys, table};

/// The component's name.
pub(crate) const COMPONENT: &str = "backup";

/// How long monthly backups of production are kept, in days.
const MONTHLY_DAYS: u32 = 365;

/// The stack of an environment's backups.
pub(crate) fn stack(site: &Site<'_>) -> Option<Drawn> {
    let (name, span) = (site.stack_name("backup"), site.environment.tier.span);
    let text = smol_str::format_smolstr!("Backups of {}", site.environment.title);
    let mut draft = Draft::new(site.stacks.backup?, name, &site.place, COMPONENT, span, text);
    let daily =
        site.environment.stores.iter().map(kept_days).fold(site.environment.defaults.backup_days, u32::max);
    let monthly = (site.environment.tier.value == Tier::Production).then_some(MONTHLY_DAYS);
    let properties = value!({
        "BackupVaultName": smol_str::format_smolstr!("{}-stores", site.name()),
        "BackupVaultTags": site.tags.map(),
        "EncryptionKeyArn": keys::backup_key(site),
        "LockConfiguration": { "MinRetentionDays": daily, "MaxRetentionDays": monthly.unwrap_or(daily).max(daily) },
    });
    draft.add("BackupVault", "AWS::Backup::BackupVault", properties).retain();
    role(site, &mut draft);
    let rule = |name: &str, schedule: &str, days: u32| {
        value!({
            "RuleName": name,
            "TargetBackupVault": draft.reference("BackupVault"),
            "ScheduleExpression": schedule,
            "StartWindowMinutes": 60,
            "CompletionWindowMinutes": 720,
            "Lifecycle": { "DeleteAfterDays": days },
        })
    };
    let mut rules = vec![rule("daily", "cron(0 5 * * ? *)", daily)];
    rules.extend(monthly.map(|days| rule("monthly", "cron(0 3 1 * ? *)", days)));
    let properties = value!({
        "BackupPlan": {
            "BackupPlanName": smol_str::format_smolstr!("{}-stores", site.name()),
            "BackupPlanRule": rules,
        },
        "BackupPlanTags": site.tags.map(),
    });
    draft.add("BackupPlan", "AWS::Backup::BackupPlan", properties);
    let stores: Vec<Value> = site
        .stores()
        .map(|(stack, store)| match store.kind {
            StoreKind::Bucket(_) => bucket::arn(stack, store),
            StoreKind::Table(_) => table::arn(stack, store),
            StoreKind::Postgresql(_) => database::arn(stack, store),
        })
        .collect();
    let properties = value!({
        "BackupPlanId": draft.reference("BackupPlan"),
        "BackupSelection": {
            "IamRoleArn": draft.attribute("BackupRole", "Arn"),
            "Resources": stores,
            "SelectionName": "stores",
        },
    });
    draft.add("BackupSelection", "AWS::Backup::BackupSelection", properties);
    failure_alarm(site, &mut draft);
    Some(draft.finish())
}

/// Somebody hears when a backup fails.
/// Source: AWS Backup Developer Guide, "AWS Backup metrics with CloudWatch".
fn failure_alarm(site: &Site<'_>, draft: &mut Draft) {
    let properties = value!({
        "AlarmActions": [alarms::topic(site)],
        "AlarmDescription": smol_str::format_smolstr!("A backup of {} failed", site.name()),
        "ComparisonOperator": "GreaterThanThreshold",
        "Dimensions": [{ "Name": "BackupVaultName", "Value": draft.reference("BackupVault") }],
        "EvaluationPeriods": 1,
        "MetricName": "NumberOfBackupJobsFailed",
        "Namespace": "AWS/Backup",
        "Period": 3600,
        "Statistic": "Sum",
        "Threshold": 0,
        "TreatMissingData": "notBreaching",
        "Tags": site.tags.list(),
    });
    draft.add("BackupFailureAlarm", "AWS::CloudWatch::Alarm", properties);
}

/// How long backups of a store are kept at the least: as long as it can be restored by itself.
fn kept_days(store: &Store) -> u32 {
    match &store.kind {
        StoreKind::Bucket(_) => 0,
        StoreKind::Table(table) => table.backup_days.value,
        StoreKind::Postgresql(database) => database.backup_days.value,
    }
}

fn role(site: &Site<'_>, draft: &mut Draft) {
    let policy = |path: &str| site.place.aws_policy(path);
    let properties = value!({
        "Description": smol_str::format_smolstr!("Makes and restores backups of {}", site.name()),
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Service": "backup.amazonaws.com" },
                "Action": "sts:AssumeRole",
                "Condition": { "StringEquals": { "aws:SourceAccount": site.place.account_id() } },
            }],
        },
        "ManagedPolicyArns": [
            policy("service-role/AWSBackupServiceRolePolicyForBackup"),
            policy("service-role/AWSBackupServiceRolePolicyForRestores"),
            policy("AWSBackupServiceRolePolicyForS3Backup"),
            policy("AWSBackupServiceRolePolicyForS3Restore")
        ],
        "Path": site.backup_path(),
        "Tags": site.tags.list(),
    });
    draft.add("BackupRole", "AWS::IAM::Role", properties);
}
