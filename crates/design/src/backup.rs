//! Backups of every store of an environment, apart from the stores.
//!
//! In: an environment with stores. Out: an encrypted vault that refuses early deletion, a plan, a selection that names
//! every store, and tests that restore what the plan made. Always: a store of the environment is in the selection by
//! reference, never by a tag that somebody could forget; a lock asks for what the tier asks for and no more, because a
//! lock in compliance mode can never be changed again.
//!
//! Sources: AWS Backup Developer Guide, "AWS Backup Vault Lock", "Assigning resources to a backup plan", "Amazon S3
//! backups", "Restore testing", "Restore testing inferred metadata"; AWS CloudFormation Template Reference,
//! AWS::Backup::BackupVault LockConfigurationType.

use blueprint::model::{Lock, RestoreTest, Store, StoreKind, Tier};
use estate::{SmolStr, StackId, Value, value};

use crate::draft::{Draft, Drawn, Say};
use crate::layout::Site;
use crate::naming;
use crate::{access, alarms, backup_copies, bucket, database, keys, table};

/// The component's name.
pub(crate) const COMPONENT: &str = "backup";

/// How long backups of real data are kept at the least, in days: as `production` keeps them.
const REAL_DAYS: u32 = 35;

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
        "BackupVaultName": vault_name(site),
        "BackupVaultTags": site.tags.map(),
        "EncryptionKeyArn": keys::backup_key(site),
        "LockConfiguration": lock(site),
    });
    draft.add(VAULT, "AWS::Backup::BackupVault", properties).retain();
    role(site, &mut draft);
    let copied = |days: u32| {
        let copy =
            |vault| value!({ "DestinationBackupVaultArn": vault, "Lifecycle": { "DeleteAfterDays": days } });
        let copies: Vec<Value> = backup_copies::vaults(site).into_iter().map(copy).collect();
        (!copies.is_empty()).then_some(copies)
    };
    let rule = |name: &str, schedule: &str, days: u32| {
        value!({
            "RuleName": name,
            "TargetBackupVault": draft.reference(VAULT),
            "ScheduleExpression": schedule,
            "StartWindowMinutes": 60,
            "CompletionWindowMinutes": 720,
            "Lifecycle": { "DeleteAfterDays": days },
            "CopyActions": copied(days),
        })
    };
    let mut rules = vec![rule("daily", "cron(0 5 * * ? *)", daily)];
    rules.extend(monthly.map(|days| rule("monthly", "cron(0 3 1 * ? *)", days)));
    let properties = value!({
        "BackupPlan": {
            "BackupPlanName": vault_name(site),
            "BackupPlanRule": rules,
        },
        "BackupPlanTags": site.tags.map(),
    });
    draft.add("BackupPlan", "AWS::Backup::BackupPlan", properties);
    let stores: Vec<Value> = site.stores().map(|(stack, store)| arn(stack, store)).collect();
    let properties = value!({
        "BackupPlanId": draft.reference("BackupPlan"),
        "BackupSelection": {
            "IamRoleArn": draft.attribute("BackupRole", "Arn"),
            "Resources": stores,
            "SelectionName": "stores",
        },
    });
    draft.add("BackupSelection", "AWS::Backup::BackupSelection", properties);
    failure_alarms(site, &mut draft);
    restore_tests(site, &mut draft);
    backup_copies::steps(site, &mut draft);
    Some(draft.finish())
}

/// The logical id of a vault.
pub(crate) const VAULT: &str = "BackupVault";

/// The name of an environment's vaults, the same wherever one is.
pub(crate) fn vault_name(site: &Site<'_>) -> SmolStr {
    smol_str::format_smolstr!("{}-stores", site.name())
}

/// The lock of a vault. In compliance mode nobody can take it off three days after it was made, the shortest time that AWS
/// grants to think again.
pub(crate) fn lock(site: &Site<'_>) -> Value {
    let days = if site.holds_real_data() { REAL_DAYS } else { site.environment.defaults.backup_days };
    let forever = site.backup.lock.value == Lock::Compliance;
    value!({ "MinRetentionDays": days, "ChangeableForDays": forever.then_some(3_i64) })
}

fn arn(stack: StackId, store: &Store) -> Value {
    match store.kind {
        StoreKind::Bucket(_) => bucket::arn(stack, store),
        StoreKind::Table(_) => table::arn(stack, store),
        StoreKind::Postgresql(_) => database::arn(stack, store),
    }
}

/// Restores the newest backup of every store, on a schedule, and throws it away after a day.
fn restore_tests(site: &Site<'_>, draft: &mut Draft) {
    let schedule = match site.backup.restore_test.value {
        _ if !site.environment.is_precious() => return,
        RestoreTest::Never => return,
        RestoreTest::Weekly => "cron(0 9 ? * SUN *)",
        RestoreTest::Monthly => "cron(0 9 1 * ? *)",
        RestoreTest::Quarterly => "cron(0 9 1 1,4,7,10 ? *)",
    };
    draft.at(site.backup.restore_test.span);
    let plan = smol_str::format_smolstr!("{}_stores", site.name().replace('-', "_"));
    let properties = value!({
        "RestoreTestingPlanName": &plan,
        "ScheduleExpression": schedule,
        "StartWindowHours": 8,
        "RecoveryPointSelection": {
            "Algorithm": "LATEST_WITHIN_WINDOW",
            "IncludeVaults": [draft.attribute(VAULT, "BackupVaultArn")],
            "RecoveryPointTypes": ["SNAPSHOT"],
            "SelectionWindowDays": 7,
        },
        "Tags": site.tags.list(),
    });
    draft.add("RestoreTests", "AWS::Backup::RestoreTestingPlan", properties);
    for (stack, store) in site.stores() {
        let name = store.name.value.as_str();
        let (kind, overrides) = match store.kind {
            StoreKind::Bucket(_) => ("S3", None),
            StoreKind::Table(_) => ("DynamoDB", None),
            // There is no default network to restore into: what is restored stands where the database does.
            StoreKind::Postgresql(_) => {
                let group = access::database_group(site, store);
                let groups = Value::join(["[\"".into(), group, "\"]".into()]);
                let subnets = database::subnet_group(stack, store);
                ("RDS", Some(value!({ "dbSubnetGroupName": subnets, "vpcSecurityGroupIds": groups })))
            }
        };
        let properties = value!({
            "IamRoleArn": draft.attribute("BackupRole", "Arn"),
            "ProtectedResourceArns": [arn(stack, store)],
            "ProtectedResourceType": kind,
            "RestoreMetadataOverrides": overrides,
            "RestoreTestingPlanName": draft.reference("RestoreTests"),
            "RestoreTestingSelectionName": name.replace('-', "_"),
            "ValidationWindowHours": 24,
        });
        draft.add(naming::id(name, "RestoreTest"), "AWS::Backup::RestoreTestingSelection", properties);
    }
}

/// Somebody hears when a backup fails, when a copy does, and when a backup turns out not to be restorable.
///
/// Jobs are counted by the name of their vault; those of copies by the name of the vault that they go to, which is the
/// same name as here wherever it stands ([`vault_name`]). A job that could not begin in its window does not fail: it expires.
/// Source: AWS Backup Developer Guide, "AWS Backup metrics with Amazon CloudWatch" (dimensions of jobs: resource type, vault
/// name; "the vault name of copy jobs is that of their destination vault").
fn failure_alarms(site: &Site<'_>, draft: &mut Draft) {
    let vault = value!([{ "Name": "BackupVaultName", "Value": draft.reference(VAULT) }]);
    add_alarm(site, draft, "Backup", "A backup", "NumberOfBackupJobsFailed", vault.clone());
    add_alarm(
        site,
        draft,
        "Beginning",
        "To begin a backup in time",
        "NumberOfBackupJobsExpired",
        vault.clone(),
    );
    if !backup_copies::vaults(site).is_empty() {
        add_alarm(site, draft, "Copy", "A copy of a backup", "NumberOfCopyJobsFailed", vault.clone());
    }
    if site.environment.is_precious() && site.backup.restore_test.value != RestoreTest::Never {
        add_alarm(site, draft, "Restore", "Restoring a backup", "NumberOfRestoreJobsFailed", vault);
    }
}

fn add_alarm(
    site: &Site<'_>,
    draft: &mut Draft,
    id: &str,
    what: &str,
    metric: &'static str,
    dimensions: Value,
) {
    let properties = value!({
        "AlarmActions": [alarms::topic(site)],
        "AlarmDescription": smol_str::format_smolstr!("{what} of {} failed", site.name()),
        "ComparisonOperator": "GreaterThanThreshold",
        "Dimensions": dimensions,
        "EvaluationPeriods": 1,
        "MetricName": metric,
        "Namespace": "AWS/Backup",
        "Period": 3600,
        "Statistic": "Sum",
        "Threshold": 0,
        "TreatMissingData": "notBreaching",
        "Tags": site.tags.list(),
    });
    draft.add(smol_str::format_smolstr!("{id}FailureAlarm"), "AWS::CloudWatch::Alarm", properties);
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
