//! What keeps data has backups to go back to.
//!
//! Sources: AWS CloudFormation Template Reference: AWS::RDS::DBInstance, AWS::RDS::DBCluster, AWS::DocDB::DBCluster,
//! AWS::Neptune::DBCluster (`BackupRetentionPeriod`, default 1 day), AWS::Redshift::Cluster
//! (`AutomatedSnapshotRetentionPeriod`, default 1), AWS::DynamoDB::Table (point-in-time recovery is off unless
//! switched on, and keeps 35 days unless `RecoveryPeriodInDays` says less), AWS::EFS::FileSystem (`BackupPolicy`),
//! AWS::FSx::FileSystem (`AutomaticBackupRetentionDays`), AWS::MemoryDB::Cluster (`SnapshotRetentionLimit`, default 0);
//! AWS Security Hub controls RDS.11, RDS.26, DynamoDB.2, DynamoDB.4, EFS.2, EC2.28, S3.14.

use estate::ResourceRef;

use crate::backups::Backups;
use crate::{Facts, Findings, Guarantee, Judgement, Level, Setting, Words, every_item};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "stateful-backed-up",
    title: "what keeps data has backups to go back to",
    level: Level::High,
    page: include_str!("../../../../docs/guarantees/stateful-backed-up.md"),
    check,
};

/// How a type makes backups by itself.
enum Own {
    /// For so many days, as a property says; without it, for the default.
    Days(&'static [&'static str], i64),
    /// When a setting has this value.
    On(&'static [&'static str], &'static str),
    /// Point-in-time recovery of a table.
    Table,
    /// Of each replica of a global table.
    Replicas,
    /// By the kind of file system.
    FileSystem,
    /// Not at all: only a plan does.
    Never,
}

const STORES: [(&str, Own, &str); 15] = [
    ("AWS::RDS::DBInstance", Own::Days(&["BackupRetentionPeriod"], 1), "BackupRetentionPeriod"),
    ("AWS::RDS::DBCluster", Own::Days(&["BackupRetentionPeriod"], 1), "BackupRetentionPeriod"),
    ("AWS::DocDB::DBCluster", Own::Days(&["BackupRetentionPeriod"], 1), "BackupRetentionPeriod"),
    ("AWS::DocDBElastic::Cluster", Own::Days(&["BackupRetentionPeriod"], 1), "BackupRetentionPeriod"),
    ("AWS::Neptune::DBCluster", Own::Days(&["BackupRetentionPeriod"], 1), "BackupRetentionPeriod"),
    (
        "AWS::Redshift::Cluster",
        Own::Days(&["AutomatedSnapshotRetentionPeriod"], 1),
        "AutomatedSnapshotRetentionPeriod",
    ),
    ("AWS::MemoryDB::Cluster", Own::Days(&["SnapshotRetentionLimit"], 0), "SnapshotRetentionLimit"),
    ("AWS::DynamoDB::Table", Own::Table, "PointInTimeRecoverySpecification/PointInTimeRecoveryEnabled"),
    (
        "AWS::DynamoDB::GlobalTable",
        Own::Replicas,
        "Replicas/*/PointInTimeRecoverySpecification/PointInTimeRecoveryEnabled",
    ),
    ("AWS::Cassandra::Table", Own::On(&["PointInTimeRecoveryEnabled"], "true"), "PointInTimeRecoveryEnabled"),
    ("AWS::EFS::FileSystem", Own::On(&["BackupPolicy", "Status"], "ENABLED"), "BackupPolicy/Status"),
    ("AWS::FSx::FileSystem", Own::FileSystem, "…/AutomaticBackupRetentionDays"),
    (
        "AWS::S3::Bucket",
        Own::On(&["VersioningConfiguration", "Status"], "Enabled"),
        "VersioningConfiguration/Status",
    ),
    ("AWS::EC2::Volume", Own::Never, "Tags"),
    ("AWS::Timestream::Table", Own::Never, "Tags"),
];

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let backups = Backups::of(facts);
    let days = facts.options.backup_days;
    for (kind, own, path) in &STORES {
        for &store in facts.index.of_kind(kind) {
            if is_copy(store) {
                continue;
            }
            let judgement = itself(store, own, days);
            let fix = fix(own, path, days);
            let violated = match (&judgement, own) {
                (Judgement::Fails { .. }, Own::Days(..) | Own::FileSystem) => {
                    format!("it has no backups for {days} days: neither its own retention nor a backup plan keeps them")
                }
                (_, Own::Never) => "no backup plan and no lifecycle policy of this account and region takes it in".to_owned(),
                (_, Own::On(path, _)) if path.contains(&"VersioningConfiguration") => {
                    "what is overwritten or deleted in it is gone: it has no versions, and no backup plan takes it in".to_owned()
                }
                _ => "it has no backups: neither its own nor a backup plan's".to_owned(),
            };
            let words = Words { violated: &violated, unknown: "it has backups", path, fix: &fix };
            findings.settle(store, judgement.or(|| backups.cover(facts, store, days)), &words);
        }
    }
}

/// The members of a cluster and read replicas keep a copy of what is backed up elsewhere.
fn is_copy(store: ResourceRef<'_>) -> bool {
    let elsewhere = [
        "DBClusterIdentifier",
        "SourceDBInstanceIdentifier",
        "SourceDBClusterIdentifier",
        "ReplicationSourceIdentifier",
    ];
    store.resource.kind.starts_with("AWS::RDS::")
        && elsewhere.iter().any(|property| match *property {
            "DBClusterIdentifier" if store.resource.kind == "AWS::RDS::DBCluster" => false,
            // The source of a restore to a point in time is no source afterwards.
            "SourceDBClusterIdentifier" if store.resource.kind == "AWS::RDS::DBCluster" => false,
            property => store.resource.properties.get(property).is_some(),
        })
}

fn fix(own: &Own, path: &str, days: i64) -> String {
    let plan = "a tag that an AWS::Backup::BackupSelection of this account and region selects";
    match own {
        Own::Days(..) | Own::FileSystem => format!("{path}: {days}, or {plan}"),
        Own::On(_, value) => format!("{path}: {value}, or {plan}"),
        Own::Table | Own::Replicas => format!("{path}: true, or {plan}"),
        Own::Never => plan.to_owned(),
    }
}

/// Whether a store makes its own backups for long enough.
fn itself(store: ResourceRef<'_>, own: &Own, days: i64) -> Judgement {
    let at_least = |setting: Setting<'_>, default: i64| {
        setting.judge(|value| match value {
            None if default >= days => Judgement::Holds,
            None => Judgement::Fails {
                span: store.resource.origin.span,
                found: format!("nothing, which means {default}"),
            },
            Some(value) => match value.as_int() {
                Some(kept) => Judgement::of(kept >= days, value),
                None => Judgement::unknown(value),
            },
        })
    };
    let recovers = |enabled: Setting<'_>, period: Setting<'_>| {
        enabled.literal(false, |value| value.as_bool() == Some(true)).and(|| at_least(period, 35))
    };
    let specification = "PointInTimeRecoverySpecification";
    match own {
        Own::Days(path, default) => at_least(Setting::of(store.resource, path), *default),
        Own::On(path, wanted) => {
            let setting = Setting::of(store.resource, path);
            setting
                .literal(false, |value| value.as_text().is_some_and(|text| text.eq_ignore_ascii_case(wanted)))
        }
        Own::Table => recovers(
            Setting::of(store.resource, &[specification, "PointInTimeRecoveryEnabled"]),
            Setting::of(store.resource, &[specification, "RecoveryPeriodInDays"]),
        ),
        Own::Replicas => every_item(
            store.resource,
            &["Replicas"],
            || Judgement::missing(store.resource),
            |replica| {
                recovers(
                    Setting::below(replica, &[specification, "PointInTimeRecoveryEnabled"]),
                    Setting::below(replica, &[specification, "RecoveryPeriodInDays"]),
                )
            },
        ),
        Own::FileSystem => file_system(store, &at_least),
        Own::Never => Judgement::missing(store.resource),
    }
}

fn file_system(store: ResourceRef<'_>, at_least: &dyn Fn(Setting<'_>, i64) -> Judgement) -> Judgement {
    Setting::of(store.resource, &["FileSystemType"]).judge(|ty| {
        let (configuration, default) = match ty.and_then(estate::Value::as_str) {
            Some("WINDOWS") => ("WindowsConfiguration", 30),
            Some("ONTAP") => ("OntapConfiguration", 30),
            Some("OPENZFS") => ("OpenZFSConfiguration", 30),
            Some("LUSTRE") => ("LustreConfiguration", 0),
            _ => return ty.map_or_else(|| Judgement::missing(store.resource), Judgement::unknown),
        };
        at_least(Setting::of(store.resource, &[configuration, "AutomaticBackupRetentionDays"]), default)
    })
}
