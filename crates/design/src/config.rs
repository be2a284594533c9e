//! AWS Config: what is recorded, by which rules it is judged, and what is mended at once.
//!
//! In: the rules of the blueprint and its frameworks. Out: for every account once, the service's role and the role that
//! mends; for every account and region, the recorder, the way to the archive, the rules; and in the audit account the
//! view of all. Always: everything is recorded; a rule is made after the recorder that it reads from.
//!
//! Sources: AWS Config Developer Guide, "List of AWS Config Managed Rules", "Remediating Noncompliant Resources with AWS
//! Config", "Using Service-Linked Roles for AWS Config", "Aggregating data with AWS Config"; AWS Systems Manager
//! Automation runbook reference, `AWS-DisablePublicAccessForSecurityGroup`.

use blueprint::model::{Framework, Rule};
use estate::{Value, value};

use crate::draft::{Draft, Say};
use crate::fleet::Here;
use crate::layout::Layout;
use crate::{log_archive, tags};

/// The component's name.
pub(crate) const COMPONENT: &str = "config";

/// The role by which Systems Manager mends. Its name is fixed: it is named in every region.
const REMEDIATION: &str = "organization-remediation";

const RECORDER: &str = "ConfigRecorder";

/// A managed rule.
struct Managed {
    /// Its logical id.
    id: &'static str,
    /// AWS's identifier.
    identifier: &'static str,
    /// What it asks.
    text: &'static str,
    /// Its parameters.
    parameters: &'static [(&'static str, &'static str)],
}

const fn managed(id: &'static str, identifier: &'static str, text: &'static str) -> Managed {
    Managed { id, identifier, text, parameters: &[] }
}

/// Rules for everybody.
const ALWAYS: &[Managed] = &[
    managed("SshClosed", "INCOMING_SSH_DISABLED", "No security group lets the internet in by SSH"),
    Managed {
        id: "CommonPortsClosed",
        identifier: "RESTRICTED_INCOMING_TRAFFIC",
        text: "No security group lets the internet in on ports of administration and databases",
        parameters: &[
            ("blockedPort1", "3389"),
            ("blockedPort2", "3306"),
            ("blockedPort3", "5432"),
            ("blockedPort4", "6379"),
            ("blockedPort5", "27017"),
        ],
    },
    Managed {
        id: "OnlyTlsOpen",
        identifier: "VPC_SG_OPEN_ONLY_TO_AUTHORIZED_PORTS",
        text: "What is open to the internet is open on 443 only",
        parameters: &[("authorizedTcpPorts", "443")],
    },
    managed(
        "DefaultGroupClosed",
        "VPC_DEFAULT_SECURITY_GROUP_CLOSED",
        "The default security group lets nothing through",
    ),
    managed("FlowLogsOn", "VPC_FLOW_LOGS_ENABLED", "Every VPC has flow logs"),
    managed("TrailOn", "MULTI_REGION_CLOUD_TRAIL_ENABLED", "A trail records every region"),
    managed("DetectionOn", "GUARDDUTY_ENABLED_CENTRALIZED", "GuardDuty is on"),
    managed("VolumesEncrypted", "ENCRYPTED_VOLUMES", "Volumes in use are encrypted"),
    managed("DatabasesEncrypted", "RDS_STORAGE_ENCRYPTED", "Databases are encrypted"),
    managed("DatabasesPrivate", "RDS_INSTANCE_PUBLIC_ACCESS_CHECK", "No database is public"),
    managed("BucketsPrivate", "S3_BUCKET_LEVEL_PUBLIC_ACCESS_PROHIBITED", "No bucket may become public"),
    managed("BucketsTlsOnly", "S3_BUCKET_SSL_REQUESTS_ONLY", "Buckets refuse requests without TLS"),
    managed("MetadataVersion2", "EC2_IMDSV2_CHECK", "Instances have metadata version 2"),
    managed("KeysRotate", "CMK_BACKING_KEY_ROTATION_ENABLED", "Customer-managed keys rotate"),
    managed("RootWithoutKeys", "IAM_ROOT_ACCESS_KEY_CHECK", "The root user has no access key"),
    managed(
        "NoAdministratorPolicies",
        "IAM_POLICY_NO_STATEMENTS_WITH_ADMIN_ACCESS",
        "No policy of our own allows everything",
    ),
];

/// Rules for whoever keeps health data.
/// Source: AWS Config Developer Guide, "Operational Best Practices for HIPAA Security".
const HIPAA: &[Managed] = &[
    managed("TablesRestorable", "DYNAMODB_PITR_ENABLED", "Tables can be restored to any second"),
    managed("TablesBackedUp", "DYNAMODB_RESOURCES_PROTECTED_BY_BACKUP_PLAN", "Tables are in a backup plan"),
    managed("DatabasesBackedUp", "RDS_RESOURCES_PROTECTED_BY_BACKUP_PLAN", "Databases are in a backup plan"),
    managed("DatabasesKept", "DB_INSTANCE_BACKUP_ENABLED", "Databases back themselves up"),
    managed("DatabasesStandBy", "RDS_MULTI_AZ_SUPPORT", "Databases have a standby"),
    managed("SnapshotsPrivate", "RDS_SNAPSHOTS_PUBLIC_PROHIBITED", "No database snapshot is public"),
    managed("SnapshotsEncrypted", "RDS_SNAPSHOT_ENCRYPTED", "Database snapshots are encrypted"),
    managed("BucketsVersioned", "S3_BUCKET_VERSIONING_ENABLED", "Buckets keep old versions"),
    managed("BucketsOwnKey", "S3_DEFAULT_ENCRYPTION_KMS", "Buckets are encrypted with a key of KMS"),
    managed("FilesEncrypted", "EFS_ENCRYPTED_CHECK", "File systems are encrypted"),
    managed("LogGroupsEncrypted", "CLOUDWATCH_LOG_GROUP_ENCRYPTED", "Log groups are encrypted"),
    managed("SecretsRotate", "SECRETSMANAGER_ROTATION_ENABLED_CHECK", "Secrets rotate"),
    managed("BalancersLog", "ELB_LOGGING_ENABLED", "Load balancers log"),
    managed("InstancesPrivate", "EC2_INSTANCE_NO_PUBLIC_IP", "Instances have no public address"),
];

/// Rules whose breach is mended at once, because nothing that this estate needs is lost by it.
const MENDED: &[&str] = &["SshClosed"];

/// What an account needs once: the role of the service, and the role that mends.
pub(crate) fn once(_: &Layout<'_>, draft: &mut Draft, here: &Here) {
    draft.by(COMPONENT);
    let properties = value!({ "AWSServiceName": "config.amazonaws.com" });
    draft.add("ConfigServiceRole", "AWS::IAM::ServiceLinkedRole", properties).retain();
    let properties = value!({
        "RoleName": REMEDIATION,
        "Description": "Closes what AWS Config finds open",
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Service": "ssm.amazonaws.com" },
                "Action": "sts:AssumeRole",
                "Condition": { "StringEquals": { "aws:SourceAccount": here.account.clone() } },
            }],
        },
        "Policies": [{
            "PolicyName": "CloseSecurityGroups",
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    { "Effect": "Allow", "Action": "ec2:DescribeSecurityGroups", "Resource": "*" },
                    {
                        "Effect": "Allow",
                        "Action": "ec2:RevokeSecurityGroupIngress",
                        "Resource": Value::join([
                            smol_str::format_smolstr!("arn:{}:ec2:*:", here.partition).into(),
                            here.account.clone(),
                            ":security-group/*".into(),
                        ]),
                    }
                ],
            },
        }],
        "Tags": here.tags.list(),
    });
    draft.add("RemediationRole", "AWS::IAM::Role", properties);
}

/// What every account has in every region.
pub(crate) fn each_region(layout: &Layout<'_>, draft: &mut Draft, here: &Here) {
    draft.by(COMPONENT);
    let role = here.iam_arn("role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig");
    let properties = value!({
        "Name": "organization",
        "RoleARN": role,
        "RecordingGroup": { "AllSupported": true, "IncludeGlobalResourceTypes": true },
    });
    draft.add(RECORDER, "AWS::Config::ConfigurationRecorder", properties);
    let properties = value!({
        "Name": "organization",
        "S3BucketName": log_archive::config_bucket(layout),
        "S3KmsKeyArn": log_archive::config_key(layout),
        "ConfigSnapshotDeliveryProperties": { "DeliveryFrequency": "TwentyFour_Hours" },
    });
    draft.add("ConfigDelivery", "AWS::Config::DeliveryChannel", properties);
    let blueprint = layout.blueprint;
    let hipaa = blueprint.answers_to(Framework::Hipaa)
        || blueprint.rules.iter().any(|rule| rule.value == Rule::Hipaa);
    let all = ALWAYS.iter().chain(HIPAA.iter().filter(|_| hipaa));
    for rule in all {
        add(draft, rule.id, rule.identifier, rule.text, parameters(rule.parameters), None);
    }
    required_tags(draft);
    if let Some(images) = blueprint.rules.iter().find(|rule| rule.value == Rule::ApprovedImages) {
        let tag = value!({ "amisByTagKeyAndValue": "approved:yes" });
        draft.at(images.span);
        add(
            draft,
            "ApprovedImages",
            "APPROVED_AMIS_BY_TAG",
            "Instances run images that are tagged approved",
            tag,
            None,
        );
        draft.at(blueprint.organization.span);
    }
    for id in MENDED {
        let properties = value!({
            "ConfigRuleName": draft.reference(*id),
            "TargetType": "SSM_DOCUMENT",
            "TargetId": "AWS-DisablePublicAccessForSecurityGroup",
            "Automatic": true,
            "MaximumAutomaticAttempts": 3,
            "RetryAttemptSeconds": 60,
            "Parameters": {
                "AutomationAssumeRole": { "StaticValue": { "Values": [here.iam_arn(&format!("role/{REMEDIATION}"))] } },
                "GroupId": { "ResourceValue": { "Value": "RESOURCE_ID" } },
            },
        });
        let id = smol_str::format_smolstr!("{id}Remediation");
        draft.add(id, "AWS::Config::RemediationConfiguration", properties);
    }
}

fn parameters(written: &[(&'static str, &'static str)]) -> Value {
    let mut map = estate::Map::with_capacity(written.len());
    for (key, text) in written {
        let key = estate::SmolStr::new_static(key);
        map.push_new(estate::Entry { key, key_span: diagnostics::Span::NONE, value: (*text).into() });
    }
    Value::from((!written.is_empty()).then_some(map))
}

/// The tags that are always there, on what holds data and on what runs.
fn required_tags(draft: &mut Draft) {
    let mut map = estate::Map::with_capacity(tags::ALWAYS.len());
    for (at, key) in (1..).zip(tags::ALWAYS) {
        let name = smol_str::format_smolstr!("tag{at}Key");
        map.push_new(estate::Entry { key: name, key_span: diagnostics::Span::NONE, value: key.into() });
    }
    let scope = value!({
        "ComplianceResourceTypes": [
            "AWS::DynamoDB::Table", "AWS::EC2::Instance", "AWS::EC2::Volume", "AWS::RDS::DBInstance", "AWS::S3::Bucket"
        ],
    });
    add(
        draft,
        "RequiredTags",
        "REQUIRED_TAGS",
        "What holds data or runs says whose it is",
        map.into(),
        Some(scope),
    );
}

fn add(
    draft: &mut Draft,
    id: &'static str,
    identifier: &'static str,
    text: &'static str,
    parameters: Value,
    scope: Option<Value>,
) {
    let properties = value!({
        "Description": text,
        "InputParameters": parameters,
        "Scope": scope,
        "Source": { "Owner": "AWS", "SourceIdentifier": identifier },
    });
    draft.add(id, "AWS::Config::ConfigRule", properties).after(RECORDER);
}
