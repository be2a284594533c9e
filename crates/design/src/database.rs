//! A store of rows: a PostgreSQL database in Amazon RDS.
//!
//! In: a store of kind `postgresql`. Out: the instance, where it stands, how it is set, and alarms before it fills
//! up. Always: encrypted with the key of its class or of its own; TLS required; in the data tier; reached only by
//! the workloads that use it; sign-in by IAM; the master password is RDS's own secret, encrypted and rotated;
//! backed up, and snapshotted when its stack goes.
//!
//! The instance has no name of its own, so RDS makes its log groups, named after it, itself: encrypted with a key of
//! AWS's. Nothing of a row is therefore ever logged: no parameter, no failing statement, no detail of an error.
//!
//! Sources: Amazon RDS User Guide, "Using SSL with a PostgreSQL DB instance", "IAM database authentication",
//! "Password management with Amazon RDS and AWS Secrets Manager", "Publishing PostgreSQL logs to Amazon CloudWatch
//! Logs", "Setting up and enabling Enhanced Monitoring".

use blueprint::model::{Postgresql, Size, Store};
use estate::{SmolStr, StackId, Value, value};

use crate::draft::{Draft, Drawn, Say, attribute};
use crate::layout::Site;
use crate::network::{self, Tier};
use crate::tags::Tags;
use crate::{access, alarms, keys, naming};

/// The component's name.
pub(crate) const COMPONENT: &str = "database";

/// Where a user of the database connects to.
pub(crate) struct Endpoint {
    /// The host name.
    pub host: Value,
    /// The port.
    pub port: Value,
    /// The name of the database in the instance.
    pub database: SmolStr,
    /// What stands for the instance in IAM policies.
    pub resource: Value,
}

/// Where a database is reached.
pub(crate) fn endpoint(stack: StackId, store: &Store) -> Endpoint {
    let id = instance_id(store);
    Endpoint {
        host: attribute(stack, id.clone(), "Endpoint.Address"),
        port: attribute(stack, id.clone(), "Endpoint.Port"),
        database: database_name(store),
        resource: attribute(stack, id, "DbiResourceId"),
    }
}

/// The instance's ARN.
pub(crate) fn arn(stack: StackId, store: &Store) -> Value {
    attribute(stack, instance_id(store), "DBInstanceArn")
}

/// The database user of a workload. It is created in the database once, with `GRANT rds_iam`.
/// Source: Amazon RDS User Guide, "Creating a database account using IAM authentication".
pub fn user(workload: &blueprint::Name) -> SmolStr {
    workload.as_str().replace('-', "_").into()
}

/// The name of the instance's subnet group.
pub(crate) fn subnet_group(stack: StackId, store: &Store) -> Value {
    crate::draft::reference(stack, naming::id(store.name.value.as_str(), "SubnetGroup"))
}

fn instance_id(store: &Store) -> SmolStr {
    naming::id(store.name.value.as_str(), "Database")
}

fn database_name(store: &Store) -> SmolStr {
    store.name.value.as_str().replace('-', "_").into()
}

/// The machine of a size.
/// Source: Amazon RDS User Guide, "DB instance classes".
fn class(size: Size) -> &'static str {
    match size {
        Size::Small => "db.t4g.medium",
        Size::Medium => "db.m7g.large",
        Size::Large => "db.m7g.2xlarge",
        Size::Xlarge => "db.m7g.8xlarge",
    }
}

/// The version that a database begins with; minor versions follow by themselves. A minor version is named, because
/// Amazon RDS offers each only for so long.
/// Source: Amazon RDS for PostgreSQL Release Notes, "Release calendars for Amazon RDS for PostgreSQL".
fn engine_version(major: u32) -> &'static str {
    match major {
        ..=15 => "15.17",
        16 => "16.13",
        17 => "17.9",
        18.. => "18.4",
    }
}

/// The most that the disk grows to, in GiB.
/// Source: Amazon RDS User Guide, "Amazon RDS DB instance storage", General Purpose SSD for PostgreSQL.
const MOST_STORAGE_GIB: u32 = 65536;

/// The stack of a database.
pub(crate) fn stack(site: &Site<'_>, id: StackId, store: &Store, settings: &Postgresql) -> Drawn {
    let name = store.name.value.as_str();
    let stack_name = site.stack_name(&format!("data-{name}"));
    let mut draft = Draft::new(id, stack_name, &site.place, COMPONENT, store.span, store.title.clone());
    let tags = site.tags.of_store(store);
    let surroundings = Surroundings::add(site, &mut draft, store, settings, &tags);
    let key = keys::store_key(site, store);
    let storage = settings.storage.value.gib;
    let properties = value!({
        "AllocatedStorage": smol_str::format_smolstr!("{storage}"),
        "AllowMajorVersionUpgrade": false,
        "AutoMinorVersionUpgrade": true,
        "BackupRetentionPeriod": settings.backup_days.value,
        "CACertificateIdentifier": "rds-ca-rsa2048-g1",
        "CopyTagsToSnapshot": true,
        "DBInstanceClass": class(settings.size.value),
        "DBName": database_name(store),
        "DBParameterGroupName": draft.reference(surroundings.parameters.clone()),
        "DBSubnetGroupName": draft.reference(surroundings.subnets.clone()),
        "DeleteAutomatedBackups": false,
        "DeletionProtection": settings.deletion_protection.value,
        "EnableCloudwatchLogsExports": ["postgresql", "upgrade"],
        "EnableIAMDatabaseAuthentication": true,
        "EnablePerformanceInsights": true,
        "Engine": "postgres",
        "EngineVersion": engine_version(settings.version.value),
        "KmsKeyId": key.clone(),
        "ManageMasterUserPassword": true,
        "MasterUserSecret": { "KmsKeyId": key.clone() },
        "MasterUsername": "postgres",
        "MaxAllocatedStorage": i64::from(storage.saturating_mul(10).min(MOST_STORAGE_GIB)),
        "MonitoringInterval": 60,
        "MonitoringRoleArn": draft.attribute(surroundings.monitoring.clone(), "Arn"),
        "MultiAZ": settings.standby.value,
        "PerformanceInsightsKMSKeyId": key,
        "PerformanceInsightsRetentionPeriod": 7,
        "Port": "5432",
        "PubliclyAccessible": false,
        "StorageEncrypted": true,
        "StorageType": "gp3",
        "VPCSecurityGroups": [access::database_group(site, store)],
        "Tags": tags.list(),
    });
    draft.add(instance_id(store), "AWS::RDS::DBInstance", properties).snapshot();
    add_alarms(site, &mut draft, store, storage, &tags);
    draft.finish()
}

/// What an instance needs around it, by logical id.
struct Surroundings {
    subnets: SmolStr,
    parameters: SmolStr,
    monitoring: SmolStr,
}

impl Surroundings {
    fn add(site: &Site<'_>, draft: &mut Draft, store: &Store, settings: &Postgresql, tags: &Tags) -> Self {
        let name = store.name.value.as_str();
        let subnets = naming::id(name, "SubnetGroup");
        let properties = value!({
            "DBSubnetGroupDescription": smol_str::format_smolstr!("Data tier of {}", site.name()),
            "SubnetIds": network::subnets(site, Tier::Data),
            "Tags": tags.list(),
        });
        draft.add(subnets.clone(), "AWS::RDS::DBSubnetGroup", properties);

        // Connections and changes of the schema are logged; what may be data never is: parameters, statements that
        // fail, details of errors.
        // Source: PostgreSQL documentation, "Error Reporting and Logging".
        let parameters = naming::id(name, "ParameterGroup");
        let properties = value!({
            "Description": smol_str::format_smolstr!("{} of {}: TLS required", name, site.name()),
            "Family": smol_str::format_smolstr!("postgres{}", settings.version.value),
            "Parameters": {
                "log_connections": "1",
                "log_disconnections": "1",
                "log_error_verbosity": "terse",
                "log_min_error_statement": "panic",
                "log_min_duration_statement": "-1",
                "log_parameter_max_length": "0",
                "log_parameter_max_length_on_error": "0",
                "log_statement": "ddl",
                "rds.force_ssl": "1",
                "ssl_min_protocol_version": "TLSv1.2",
            },
            "Tags": tags.list(),
        });
        draft.add(parameters.clone(), "AWS::RDS::DBParameterGroup", properties);

        let monitoring = naming::id(name, "MonitoringRole");
        let properties = value!({
            "Description": "Lets Amazon RDS write enhanced monitoring metrics",
            "AssumeRolePolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [{
                    "Effect": "Allow",
                    "Principal": { "Service": "monitoring.rds.amazonaws.com" },
                    "Action": "sts:AssumeRole",
                    "Condition": { "StringEquals": { "aws:SourceAccount": site.place.account_id() } },
                }],
            },
            "ManagedPolicyArns": [site.place.aws_policy("service-role/AmazonRDSEnhancedMonitoringRole")],
            "Tags": tags.list(),
        });
        draft.add(monitoring.clone(), "AWS::IAM::Role", properties);
        Self { subnets, parameters, monitoring }
    }
}

/// Somebody hears before the disk is full and when the machine is too small.
/// Source: Amazon RDS User Guide, "Amazon CloudWatch instance-level metrics for Amazon RDS".
fn add_alarms(site: &Site<'_>, draft: &mut Draft, store: &Store, storage_gib: u32, tags: &Tags) {
    let tenth = i64::from(storage_gib) * (1 << 30) / 10;
    let wanted = [
        ("StorageAlarm", "FreeStorageSpace", "LessThanThreshold", tenth, "is nearly full"),
        ("ProcessorAlarm", "CPUUtilization", "GreaterThanThreshold", 85, "needs a larger machine"),
    ];
    for (what, metric, comparison, threshold, text) in wanted {
        let properties = value!({
            "AlarmActions": [alarms::topic(site)],
            "AlarmDescription": smol_str::format_smolstr!("Database {} of {} {text}", store.name, site.name()),
            "ComparisonOperator": comparison,
            "Dimensions": [{ "Name": "DBInstanceIdentifier", "Value": draft.reference(instance_id(store)) }],
            "EvaluationPeriods": 3,
            "MetricName": metric,
            "Namespace": "AWS/RDS",
            "Period": 300,
            "Statistic": "Average",
            "Threshold": threshold,
            "Tags": tags.list(),
        });
        draft.add(naming::id(store.name.value.as_str(), what), "AWS::CloudWatch::Alarm", properties);
    }
}
