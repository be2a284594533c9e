//! Customer-managed keys and who may do what with them.
//!
//! In: an environment. Out: a key for each class of data (or each store), one for its logs, one for its
//! workloads, one for its alarms, one for its backups; and replicas of the data keys in the recovery region.
//! Always: whoever administers a key can neither encrypt nor decrypt with it; a data key works only through the
//! services that hold the data, for the roles of the workloads that use it and for backup; key material
//! rotates; nothing here is deleted with its stack.
//!
//! Sources: AWS KMS Developer Guide, "Key policies in AWS KMS", "AWS KMS condition keys" and "Permissions for
//! AWS services in key policies"; AWS Prescriptive Guidance, "AWS KMS best practices", separation of duties.

use blueprint::model::{KeyScope, Keys, Store, StoreKind};
use estate::{SmolStr, StackId, Value, value};

use crate::draft::{Draft, Drawn, Place, Say, attribute};
use crate::layout::Site;
use crate::naming;
use crate::tags::Tags;

/// The component's name.
pub(crate) const COMPONENT: &str = "keys";

/// Key of what a workload writes for the people who run it: log groups.
const LOGS_KEY: &str = "LogsKey";
/// Key of what a workload is made of: images, and disks of running containers.
const WORKLOADS_KEY: &str = "WorkloadsKey";
/// Key of the alarm topic.
const ALARMS_KEY: &str = "AlarmsKey";
/// Key of the backup vault.
const BACKUP_KEY: &str = "BackupKey";

/// The ARN of the key of log groups of an environment.
pub(crate) fn logs_key(site: &Site<'_>) -> Value {
    attribute(site.stacks.keys, LOGS_KEY, "Arn")
}

/// The ARN of the key of images and of disks of running containers.
pub(crate) fn workloads_key(site: &Site<'_>) -> Value {
    attribute(site.stacks.keys, WORKLOADS_KEY, "Arn")
}

/// The ARN of the key of the alarm topic.
pub(crate) fn alarms_key(site: &Site<'_>) -> Value {
    attribute(site.stacks.keys, ALARMS_KEY, "Arn")
}

/// The ARN of the key of the backup vault.
pub(crate) fn backup_key(site: &Site<'_>) -> Value {
    attribute(site.stacks.keys, BACKUP_KEY, "Arn")
}

/// The ARN of the key that encrypts a store.
pub(crate) fn store_key(site: &Site<'_>, store: &Store) -> Value {
    let (id, _) = data_key_names(site.keys.per.value, store);
    attribute(site.stacks.keys, id, "Arn")
}

/// The logical id of a store's key, and the last part of its alias.
fn data_key_names(scope: KeyScope, store: &Store) -> (SmolStr, SmolStr) {
    match scope {
        KeyScope::Class => {
            let class = store.data_class().word();
            (naming::id(class, "DataKey"), SmolStr::new_static(class))
        }
        KeyScope::Store => {
            let name = store.name.value.as_str();
            (naming::id(name, "StoreKey"), smol_str::format_smolstr!("store-{name}"))
        }
    }
}

/// A data key before it is drawn: what it is for.
struct DataKey<'b> {
    id: SmolStr,
    alias: SmolStr,
    stores: Vec<(usize, &'b Store)>,
}

/// The data keys of an environment, in the order of the stores that first need them.
fn data_keys<'b>(site: &Site<'b>) -> Vec<DataKey<'b>> {
    let mut keys: Vec<DataKey<'_>> = Vec::new();
    for (at, store) in site.environment.stores.iter().enumerate() {
        let (id, alias) = data_key_names(site.keys.per.value, store);
        match keys.iter_mut().find(|key| key.id == id) {
            Some(key) => key.stores.push((at, store)),
            None => keys.push(DataKey { id, alias, stores: vec![(at, store)] }),
        }
    }
    keys
}

/// The stack of an environment's keys.
pub(crate) fn stack(site: &Site<'_>) -> Drawn {
    let place = &site.place;
    let (name, span) = (site.stack_name("keys"), site.environment.span);
    let text = smol_str::format_smolstr!("Customer-managed keys of {}", site.environment.title);
    let mut draft = Draft::new(site.stacks.keys, name, place, COMPONENT, span, text);
    draft.after(site.organization);
    for key in data_keys(site) {
        let span = key.stores.first().map_or(span, |(_, store)| store.span);
        let class = key.stores.first().map_or("internal", |(_, store)| store.data_class().word());
        let tags = site.tags.of_class(class);
        let description = smol_str::format_smolstr!("{} data of {}", key.alias, site.name());
        let made = Key {
            alias: key_alias(site.name(), &key.alias),
            policy: data_policy(site, place, &key),
            multi_region: site.stacks.replica_keys.is_some(),
            description,
        };
        draft.at(span);
        add(&mut draft, key.id, made, site.keys, &tags);
    }
    draft.at(site.environment.span);
    let mut other = |id: &'static str, alias: &str, description: &str, statement: Vec<Value>| {
        let made = Key {
            alias: key_alias(site.name(), alias),
            description: smol_str::format_smolstr!("{description} of {}", site.name()),
            policy: policy(place, statement),
            multi_region: false,
        };
        add(&mut draft, id, made, site.keys, &site.tags);
    };
    other(LOGS_KEY, "logs", "log groups", vec![log_groups(place)]);
    if site.stacks.alarms.is_some() {
        other(ALARMS_KEY, "alarms", "the alarm topic", vec![alarms(place)]);
    }
    if !site.environment.workloads.is_empty() {
        other(WORKLOADS_KEY, "workloads", "images and container disks", workloads(place));
    }
    if site.stacks.backup.is_some() {
        let mut statements = vec![backups(site, place), vault(place)];
        statements.extend(isolated_copies(site));
        other(BACKUP_KEY, "backup", "backups", statements);
    }
    draft.finish()
}

/// The stack of the data keys' replicas in the recovery region: data can follow there and be read.
/// Source: AWS KMS Developer Guide, "Multi-Region keys in AWS KMS".
pub(crate) fn replica_stack(site: &Site<'_>, id: StackId, place: &Place) -> Drawn {
    let (name, span) = (site.stack_name("keys"), site.environment.span);
    let text = smol_str::format_smolstr!("Replicas of the data keys of {}", site.environment.title);
    let mut draft = Draft::new(id, name, place, COMPONENT, span, text);
    for key in data_keys(site) {
        let span = key.stores.first().map_or(span, |(_, store)| store.span);
        let class = key.stores.first().map_or("internal", |(_, store)| store.data_class().word());
        let tags = site.tags.of_class(class);
        draft.at(span);
        let properties = value!({
            "Description": smol_str::format_smolstr!("{} data of {}, replica", key.alias, site.name()),
            "PrimaryKeyArn": attribute(site.stacks.keys, key.id.clone(), "Arn"),
            "Enabled": true,
            "PendingWindowInDays": site.keys.deletion_wait_days.value,
            "KeyPolicy": data_policy(site, place, &key),
            "Tags": tags.list(),
        });
        draft.add(key.id.clone(), "AWS::KMS::ReplicaKey", properties).retain();
        let alias = value!({
            "AliasName": key_alias(site.name(), &key.alias),
            "TargetKeyId": draft.attribute(key.id.clone(), "Arn"),
        });
        draft.add(smol_str::format_smolstr!("{}Alias", key.id), "AWS::KMS::Alias", alias);
    }
    draft.finish()
}

/// A key before it is drawn.
pub(crate) struct Key {
    /// `alias/production/phi`
    pub alias: SmolStr,
    /// What it encrypts.
    pub description: SmolStr,
    /// Its policy.
    pub policy: Value,
    /// Whether it may have replicas.
    pub multi_region: bool,
}

/// The alias of a key of an environment. An alias is a name by nature; it does not stand in the way of
/// replacing a key, because it is re-pointed.
pub(crate) fn key_alias(environment: &str, last: &str) -> SmolStr {
    smol_str::format_smolstr!("alias/{environment}/{last}")
}

/// Adds a key and its alias.
pub(crate) fn add(draft: &mut Draft, id: impl Into<SmolStr>, key: Key, keys: &Keys, tags: &Tags) {
    let id = id.into();
    let properties = value!({
        "Description": key.description,
        "Enabled": true,
        "EnableKeyRotation": true,
        "RotationPeriodInDays": keys.rotate_days.value,
        "PendingWindowInDays": keys.deletion_wait_days.value,
        "KeySpec": "SYMMETRIC_DEFAULT",
        "KeyUsage": "ENCRYPT_DECRYPT",
        "MultiRegion": key.multi_region,
        "KeyPolicy": key.policy,
        "Tags": tags.list(),
    });
    draft.add(id.clone(), "AWS::KMS::Key", properties).retain();
    let alias = value!({
        "AliasName": key.alias,
        "TargetKeyId": draft.attribute(id.clone(), "Arn"),
    });
    draft.add(smol_str::format_smolstr!("{id}Alias"), "AWS::KMS::Alias", alias);
}

/// A key policy: administration by the account, and what else is allowed.
pub(crate) fn policy(place: &Place, statements: Vec<Value>) -> Value {
    let mut all = vec![administration(place)];
    all.extend(statements);
    value!({ "Version": "2012-10-17", "Statement": all })
}

/// Everything that keeps a key alive, and nothing that reads data: no encryption, decryption or grant, and no
/// way to stop rotation.
/// Source: AWS KMS Developer Guide, "Default key policy", key administrators.
fn administration(place: &Place) -> Value {
    value!({
        "Sid": "AdministratorsCannotDecrypt",
        "Effect": "Allow",
        "Principal": { "AWS": place.root() },
        "Action": [
            "kms:CancelKeyDeletion", "kms:CreateAlias", "kms:DeleteAlias", "kms:DescribeKey", "kms:DisableKey",
            "kms:EnableKey", "kms:EnableKeyRotation", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus",
            "kms:ListAliases", "kms:ListGrants", "kms:ListKeyPolicies", "kms:ListKeyRotations",
            "kms:ListResourceTags", "kms:PutKeyPolicy", "kms:ReplicateKey", "kms:RevokeGrant",
            "kms:RotateKeyOnDemand", "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource",
            "kms:UpdateAlias", "kms:UpdateKeyDescription"
        ],
        "Resource": "*",
    })
}

/// The policy of a key of data.
fn data_policy(site: &Site<'_>, place: &Place, key: &DataKey<'_>) -> Value {
    let has = |wanted: fn(&StoreKind) -> bool| key.stores.iter().any(|(_, store)| wanted(&store.kind));
    let bucket = has(|kind| matches!(kind, StoreKind::Bucket(_)));
    let table = has(|kind| matches!(kind, StoreKind::Table(_)));
    let database = has(|kind| matches!(kind, StoreKind::Postgresql(_)));

    let mut statements = Vec::new();
    statements.extend(workload_use(site, place, key, bucket, table));
    statements.push(backup_use(site, place, bucket, table, database));
    // A snapshot of a database stays under the database's own key; of everything else the vault's key counts.
    statements.extend(isolated_copies(site).filter(|_| database && place.region == site.place.region));
    if table || database {
        statements.push(service_grants(place, table, database));
    }
    if database {
        statements.push(master_secret(place));
        statements.push(performance_insights(place));
    }
    policy(place, statements)
}

/// The roles of the workloads that use the stores, through the services that hold them. Amazon RDS needs no
/// such statement: it decrypts by a grant, not by the caller's permission.
/// Sources: Amazon S3 User Guide, "Using server-side encryption with AWS KMS keys", permissions; Amazon DynamoDB
/// Developer Guide, "DynamoDB encryption at rest: How it works", authorizing use of your KMS key.
fn workload_use(
    site: &Site<'_>,
    place: &Place,
    key: &DataKey<'_>,
    bucket: bool,
    table: bool,
) -> Option<Value> {
    let direct = key.stores.iter().filter(|(_, store)| !matches!(store.kind, StoreKind::Postgresql(_)));
    let mut users: Vec<SmolStr> =
        direct.flat_map(|(at, _)| site.users(*at)).map(|user| site.role_path(user)).collect();
    users.sort_unstable();
    users.dedup();
    if users.is_empty() {
        return None;
    }
    let roles: Vec<Value> =
        users.iter().map(|path| place.iam_arn(smol_str::format_smolstr!("role{path}*"))).collect();
    let services: Vec<Value> = [(bucket, "s3"), (table, "dynamodb")]
        .iter()
        .filter(|(has, _)| *has)
        .map(|(_, name)| place.via(name))
        .collect();
    Some(value!({
        "Sid": "WorkloadsUseItThroughTheirStores",
        "Effect": "Allow",
        "Principal": { "AWS": place.root() },
        "Action": ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
        "Resource": "*",
        "Condition": {
            "ArnLike": { "aws:PrincipalArn": roles },
            "StringEquals": { "kms:ViaService": services },
        },
    }))
}

/// The role that makes backups and restores them.
/// Source: AWS Backup Developer Guide, "Encryption for backups in AWS Backup".
fn backup_use(site: &Site<'_>, place: &Place, bucket: bool, table: bool, database: bool) -> Value {
    let services = [(true, "backup"), (bucket, "s3"), (table, "dynamodb"), (database, "rds")];
    let services: Vec<Value> =
        services.iter().filter(|(has, _)| *has).map(|(_, name)| place.via(name)).collect();
    value!({
        "Sid": "BackupReadsAndRestores",
        "Effect": "Allow",
        "Principal": { "AWS": place.root() },
        "Action": ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
        "Resource": "*",
        "Condition": {
            "ArnLike": { "aws:PrincipalArn": place.iam_arn(smol_str::format_smolstr!("role{}*", site.backup_path())) },
            "StringEquals": { "kms:ViaService": services },
        },
    })
}

/// Whoever creates a table or database lets the service use the key for it, and can do no more than that.
/// Sources: Amazon RDS User Guide, "AWS KMS key management", authorizing use of a customer managed key; Amazon
/// DynamoDB Developer Guide, "DynamoDB encryption at rest: How it works", using grants.
fn service_grants(place: &Place, table: bool, database: bool) -> Value {
    let services = [(table, "dynamodb"), (database, "rds"), (database, "secretsmanager")];
    let services: Vec<Value> =
        services.iter().filter(|(has, _)| *has).map(|(_, name)| place.via(name)).collect();
    value!({
        "Sid": "ServicesThatHoldTheDataTakeGrants",
        "Effect": "Allow",
        "Principal": { "AWS": place.root() },
        "Action": "kms:CreateGrant",
        "Resource": "*",
        "Condition": {
            "Bool": { "kms:GrantIsForAWSResource": "true" },
            "StringEquals": { "kms:ViaService": services },
        },
    })
}

/// The master password that RDS itself makes, keeps in Secrets Manager and rotates; of all secrets only those.
/// Source: Amazon RDS User Guide, "Password management with Amazon RDS and AWS Secrets Manager", permissions.
fn master_secret(place: &Place) -> Value {
    value!({
        "Sid": "RdsKeepsItsMasterPassword",
        "Effect": "Allow",
        "Principal": { "AWS": place.root() },
        "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
        "Resource": "*",
        "Condition": {
            "StringEquals": { "kms:ViaService": place.via("secretsmanager") },
            "StringLike": { "kms:EncryptionContext:SecretARN": place.arn("secretsmanager", "secret:rds!*") },
        },
    })
}

/// The statistics that RDS keeps of statements and waits.
/// Source: Amazon RDS User Guide, "Changing an AWS KMS policy for Performance Insights".
fn performance_insights(place: &Place) -> Value {
    value!({
        "Sid": "RdsKeepsPerformanceInsights",
        "Effect": "Allow",
        "Principal": { "AWS": place.root() },
        "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
        "Resource": "*",
        "Condition": {
            "StringEquals": {
                "kms:ViaService": place.via("rds"),
                "kms:EncryptionContext:aws:pi:service": "rds",
                "kms:EncryptionContext:service": "pi",
            },
        },
    })
}

/// CloudWatch Logs, for the log groups of this account and region.
/// Source: Amazon CloudWatch Logs User Guide, "Encrypt log data in CloudWatch Logs using AWS KMS".
pub(crate) fn log_groups(place: &Place) -> Value {
    value!({
        "Sid": "CloudWatchLogsEncryptsLogGroups",
        "Effect": "Allow",
        "Principal": { "Service": place.via("logs") },
        "Action": ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
        "Resource": "*",
        "Condition": { "ArnLike": { "kms:EncryptionContext:aws:logs:arn": place.arn("logs", "log-group:*") } },
    })
}

/// Alarms of this account publish to the encrypted topic.
/// Source: Amazon SNS Developer Guide, "Managing Amazon SNS encryption keys and costs", enable compatibility
/// between event sources from AWS services and encrypted topics.
pub(crate) fn alarms(place: &Place) -> Value {
    value!({
        "Sid": "CloudWatchAlarmsPublish",
        "Effect": "Allow",
        "Principal": { "Service": "cloudwatch.amazonaws.com" },
        "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
        "Resource": "*",
        "Condition": { "StringEquals": { "aws:SourceAccount": place.account_id() } },
    })
}

/// Images in Amazon ECR, and the disks of containers on Fargate.
/// Sources: Amazon ECR User Guide, "Encryption at rest"; Amazon ECS Developer Guide, "Customer managed keys for AWS
/// Fargate ephemeral storage".
fn workloads(place: &Place) -> Vec<Value> {
    let cluster = value!({ "kms:EncryptionContext:aws:ecs:clusterAccount": place.account_id() });
    vec![
        value!({
            "Sid": "EcrEncryptsImages",
            "Effect": "Allow",
            "Principal": { "AWS": place.root() },
            "Action": ["kms:CreateGrant", "kms:RetireGrant"],
            "Resource": "*",
            "Condition": { "StringEquals": { "kms:ViaService": place.via("ecr") } },
        }),
        value!({
            "Sid": "FargateMakesDataKeysForDisks",
            "Effect": "Allow",
            "Principal": { "Service": "fargate.amazonaws.com" },
            "Action": "kms:GenerateDataKeyWithoutPlaintext",
            "Resource": "*",
            "Condition": { "StringEquals": cluster.clone() },
        }),
        value!({
            "Sid": "FargateTakesGrantsForDisks",
            "Effect": "Allow",
            "Principal": { "Service": "fargate.amazonaws.com" },
            "Action": "kms:CreateGrant",
            "Resource": "*",
            "Condition": {
                "StringEquals": cluster,
                "ForAllValues:StringEquals": { "kms:GrantOperations": ["Decrypt"] },
            },
        }),
    ]
}

/// AWS Backup in the isolated account reads what it copies.
/// Sources: AWS Backup Developer Guide, "Creating backup copies across AWS accounts", "Encryption for a backup copy to a
/// different account or AWS Region".
fn isolated_copies(site: &Site<'_>) -> Option<Value> {
    let isolated = site.isolated.as_ref()?;
    Some(value!({
        "Sid": "IsolatedAccountCopiesBackups",
        "Effect": "Allow",
        "Principal": { "AWS": isolated.root() },
        "Action": ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
        "Resource": "*",
        "Condition": {
            "ArnLike": { "aws:PrincipalArn": isolated.iam_arn("role/aws-service-role/backup.amazonaws.com/*") },
        },
    }))
}

/// What the key of a vault of copies lets its account do.
pub(crate) fn copies(site: &Site<'_>, place: &Place) -> Vec<Value> {
    vec![backups(site, place), vault(place)]
}

/// Whoever makes the vault lets AWS Backup use the key for it.
/// Source: the registry schema of AWS::Backup::BackupVault, permissions of its create handler.
fn vault(place: &Place) -> Value {
    value!({
        "Sid": "BackupTakesGrantsForItsVault",
        "Effect": "Allow",
        "Principal": { "AWS": place.root() },
        "Action": ["kms:CreateGrant", "kms:Decrypt", "kms:GenerateDataKey*", "kms:RetireGrant"],
        "Resource": "*",
        "Condition": { "StringEquals": { "kms:ViaService": place.via("backup") } },
    })
}

/// Recovery points in the vault, written and read by the backup role and by the service's own role.
/// Source: AWS Backup Developer Guide, "Encryption for backups in AWS Backup".
fn backups(site: &Site<'_>, place: &Place) -> Value {
    let services: Vec<Value> =
        ["backup", "dynamodb", "rds", "s3"].iter().map(|name| place.via(name)).collect();
    value!({
        "Sid": "BackupKeepsRecoveryPoints",
        "Effect": "Allow",
        "Principal": { "AWS": place.root() },
        "Action": ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
        "Resource": "*",
        "Condition": {
            "ArnLike": {
                "aws:PrincipalArn": [
                    place.iam_arn(smol_str::format_smolstr!("role{}*", site.backup_path())),
                    place.iam_arn("role/aws-service-role/backup.amazonaws.com/*")
                ],
            },
            "StringEquals": { "kms:ViaService": services },
        },
    })
}
