//! The statements of each guardrail.
//!
//! In: a guardrail, the estate's regions, the organization's id. Out: statements that deny. Always: nothing is allowed here,
//! AWS's own policy that allows everything stays attached; whoever is left out is named in [`DEPLOYERS`].
//!
//! Sources: AWS Organizations User Guide, "Service control policy examples", "Resource control policy examples"; IAM User
//! Guide, "Establish permissions guardrails using data perimeters", "AWS global condition context keys"; Amazon EC2
//! User Guide, "Configure the Instance Metadata Service options", examples of policies.

use blueprint::model::Guardrail;
use catalog::{Catalog, PolicyQuota};
use estate::{SmolStr, Value, value};

/// A type of policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A service control policy: what identities of an account cannot do.
    Service,
    /// A resource control policy: what nobody can do to the resources of an account.
    Resource,
}

impl Kind {
    /// As `AWS::Organizations::Policy` spells it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Service => "SERVICE_CONTROL_POLICY",
            Self::Resource => "RESOURCE_CONTROL_POLICY",
        }
    }

    /// What ids end with, and what names end with.
    pub(super) fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Service => ("Guardrails", "guardrails"),
            Self::Resource => ("ResourceGuardrails", "resource-guardrails"),
        }
    }

    pub(super) fn quota(self) -> Option<&'static PolicyQuota> {
        Catalog::shared().policy_quota(self.word())
    }
}

/// What statements are made with.
pub(super) struct Form<'l> {
    pub regions: &'l [SmolStr],
    pub organization: Value,
    /// Whether a group manages keys centrally: it is left out where keys are guarded.
    pub key_administrators: bool,
    pub partition: &'static str,
}

/// Roles that deploy the estate. The first can be assumed from the management account only, the second by AWS
/// CloudFormation StackSets only; `roles` keeps everybody in the account from changing either.
/// Sources: AWS Organizations User Guide, "Accessing member accounts in an organization"; AWS CloudFormation User
/// Guide, "Service-linked roles of StackSets with AWS Organizations".
const DEPLOYERS: [&str; 2] = ["role/OrganizationAccountAccessRole", "role/stacksets-exec-*"];

/// Services that have no region, or one for all: what they do cannot be judged by the region of the request.
/// Source: AWS Organizations User Guide, "Deny access to AWS based on the requested AWS Region".
const WITHOUT_REGION: &[&str] = &[
    "account:*",
    "acm:*",
    "arc-region-switch:*",
    "artifact:*",
    "aws-marketplace:*",
    "billing:*",
    "budgets:*",
    "ce:*",
    "cloudfront:*",
    "cur:*",
    "ec2:DescribeRegions",
    "globalaccelerator:*",
    "health:*",
    "iam:*",
    "networkmanager:*",
    "organizations:*",
    "pricing:*",
    "route53:*",
    "route53-recovery-cluster:*",
    "route53-recovery-control-config:*",
    "route53-recovery-readiness:*",
    "route53domains:*",
    "s3:GetAccountPublicAccessBlock",
    "s3:ListAllMyBuckets",
    "s3:ListMultiRegionAccessPoints",
    "servicequotas:*",
    "shield:*",
    "sso:*",
    "sts:*",
    "support:*",
    "tag:*",
    "trustedadvisor:*",
    "waf:*",
    "wafv2:*",
];

/// Services that an account is run with and that hold none of its content: AWS's list of eligible services is about
/// services that create, receive, keep or pass on health data.
/// Source: AWS, "Architecting for HIPAA Security and Compliance on Amazon Web Services", introduction.
const RUNNING_AN_ACCOUNT: &[&str] = &[
    "access-analyzer",
    "account",
    "application-autoscaling",
    "artifact",
    "aws-marketplace",
    "billing",
    "budgets",
    "ce",
    "compute-optimizer",
    "cost-optimization-hub",
    "cur",
    "health",
    "iam",
    "networkmanager",
    "notifications",
    "oam",
    "pi",
    "pricing",
    "resource-groups",
    "rolesanywhere",
    "scheduler",
    "servicequotas",
    "signin",
    "sts",
    "support",
    "tag",
    "trustedadvisor",
    "vpc-lattice",
];

impl Form<'_> {
    /// The statements of a guardrail in policies of a kind.
    pub(super) fn statements(&self, guardrail: Guardrail, kind: Kind) -> Vec<Value> {
        match (kind, guardrail) {
            (Kind::Resource, Guardrail::DataPerimeterIdentity) => self.only_our_identities(),
            (Kind::Resource, _) => Vec::new(),
            (Kind::Service, guardrail) => self.service(guardrail),
        }
    }

    fn service(&self, guardrail: Guardrail) -> Vec<Value> {
        match guardrail {
            Guardrail::LeaveOrganization => vec![value!({
                "Sid": "LeaveOrganization",
                "Effect": "Deny",
                "Action": ["account:CloseAccount", "organizations:LeaveOrganization"],
                "Resource": "*",
            })],
            // Sessions that the management account opens for a task of root alone are not the root user's own.
            Guardrail::Root => vec![value!({
                "Sid": "Root",
                "Effect": "Deny",
                "Action": "*",
                "Resource": "*",
                "Condition": {
                    "ArnLike": { "aws:PrincipalArn": self.arn("root") },
                    "Null": { "aws:AssumedRoot": "true" },
                },
            })],
            Guardrail::Trail => vec![self.but_deployers("Trail", TRAIL)],
            Guardrail::Config => vec![self.but_deployers("Config", CONFIG)],
            Guardrail::Detection => vec![self.but_deployers("Detection", DETECTION), self.forwarding()],
            Guardrail::Backups => vec![self.but_deployers("Backups", BACKUPS)],
            Guardrail::LogArchive => vec![
                value!({
                    "Sid": "LogArchiveStays",
                    "Effect": "Deny",
                    "Action": ["s3:BypassGovernanceRetention", "s3:DeleteObject*", "s3:PutObjectLegalHold", "s3:PutObjectRetention"],
                    "Resource": "*",
                }),
                self.but_deployers("LogArchive", LOG_ARCHIVE),
            ],
            Guardrail::Keys => vec![self.keys()],
            Guardrail::Roles => vec![self.roles(), self.but_deployers("SignIn", SIGN_IN)],
            Guardrail::Regions => vec![value!({
                "Sid": "Regions",
                "Effect": "Deny",
                "NotAction": WITHOUT_REGION.to_vec(),
                "Resource": "*",
                "Condition": { "StringNotEquals": { "aws:RequestedRegion": self.regions.to_vec() } },
            })],
            Guardrail::NoIamUsers => vec![value!({
                "Sid": "NoIamUsers",
                "Effect": "Deny",
                "Action": NO_IAM_USERS.to_vec(),
                "Resource": "*",
            })],
            Guardrail::Imdsv2 => self.metadata(),
            Guardrail::NoPublicSharing => self.sharing(),
            Guardrail::HipaaEligibleServices => vec![eligible()],
            Guardrail::DataPerimeterResource => vec![value!({
                "Sid": "DataPerimeterResource",
                "Effect": "Deny",
                "Action": WRITES.to_vec(),
                "Resource": "*",
                "Condition": { "StringNotEqualsIfExists": { "aws:ResourceOrgID": self.organization.clone() } },
            })],
            Guardrail::DataPerimeterNetwork => vec![self.only_our_networks()],
            Guardrail::DataPerimeter | Guardrail::DataPerimeterIdentity => Vec::new(),
        }
    }

    /// A pattern of ARNs of IAM in any account.
    fn arn(&self, resource: &str) -> SmolStr {
        smol_str::format_smolstr!("arn:{}:iam::*:{resource}", self.partition)
    }

    fn deployers(&self) -> Value {
        Value::from(DEPLOYERS.iter().map(|role| self.arn(role)).collect::<Vec<_>>())
    }

    fn but_deployers(&self, sid: &'static str, actions: &[&str]) -> Value {
        value!({
            "Sid": sid,
            "Effect": "Deny",
            "Action": actions.to_vec(),
            "Resource": "*",
            "Condition": { "ArnNotLike": { "aws:PrincipalArn": self.deployers() } },
        })
    }

    fn keys(&self) -> Value {
        let mut but: Vec<SmolStr> = DEPLOYERS.iter().map(|role| self.arn(role)).collect();
        if self.key_administrators {
            let role = crate::identity::KEY_ADMINISTRATOR;
            but.push(self.arn(&format!("role/aws-reserved/sso.amazonaws.com/*{role}*")));
        }
        value!({
            "Sid": "Keys",
            "Effect": "Deny",
            "Action": KEYS.to_vec(),
            "Resource": "*",
            "Condition": { "ArnNotLike": { "aws:PrincipalArn": but } },
        })
    }

    /// The rules by which findings reach a person. Their names are fixed, because this names them.
    fn forwarding(&self) -> Value {
        value!({
            "Sid": "Findings",
            "Effect": "Deny",
            "Action": ["events:DeleteRule", "events:DisableRule", "events:PutRule", "events:RemoveTargets"],
            "Resource": smol_str::format_smolstr!("arn:{}:events:*:*:rule/{}*", self.partition, super::RULES),
            "Condition": { "ArnNotLike": { "aws:PrincipalArn": self.deployers() } },
        })
    }

    fn roles(&self) -> Value {
        value!({
            "Sid": "Roles",
            "Effect": "Deny",
            "Action": [
                "iam:AttachRolePolicy", "iam:DeleteRole*", "iam:DetachRolePolicy", "iam:PutRole*", "iam:UpdateAssumeRolePolicy",
                "iam:UpdateRole*"
            ],
            "Resource": self.deployers(),
            "Condition": { "ArnNotLike": { "aws:PrincipalArn": self.deployers() } },
        })
    }

    fn metadata(&self) -> Vec<Value> {
        vec![
            value!({
                "Sid": "Imdsv2",
                "Effect": "Deny",
                "Action": "ec2:RunInstances",
                "Resource": smol_str::format_smolstr!("arn:{}:ec2:*:*:instance/*", self.partition),
                "Condition": { "StringNotEquals": { "ec2:MetadataHttpTokens": "required" } },
            }),
            value!({
                "Sid": "Imdsv2Credentials",
                "Effect": "Deny",
                "Action": "*",
                "Resource": "*",
                "Condition": { "NumericLessThan": { "ec2:RoleDelivery": "2.0" } },
            }),
            self.but_deployers(
                "Imdsv2Stays",
                &["ec2:ModifyInstanceMetadataDefaults", "ec2:ModifyInstanceMetadataOptions"],
            ),
        ]
    }

    fn sharing(&self) -> Vec<Value> {
        vec![
            value!({
                "Sid": "NoPublicImages",
                "Effect": "Deny",
                "Action": ["ec2:ModifyImageAttribute", "ec2:ModifySnapshotAttribute"],
                "Resource": "*",
                "Condition": { "StringEquals": { "ec2:Add/group": "all" } },
            }),
            value!({
                "Sid": "NoPublicFunctions",
                "Effect": "Deny",
                "Action": ["lambda:CreateFunctionUrlConfig", "lambda:UpdateFunctionUrlConfig"],
                "Resource": "*",
                "Condition": { "StringEquals": { "lambda:FunctionUrlAuthType": "NONE" } },
            }),
            value!({
                "Sid": "NoSharesOutside",
                "Effect": "Deny",
                "Action": ["ram:CreateResourceShare", "ram:UpdateResourceShare"],
                "Resource": "*",
                "Condition": { "Bool": { "ram:RequestedAllowsExternalPrincipals": "true" } },
            }),
            self.but_deployers(
                "NoPublicSharing",
                &[
                    "ec2:DisableImageBlockPublicAccess",
                    "ec2:DisableSnapshotBlockPublicAccess",
                    "rds:ModifyDBClusterSnapshotAttribute",
                    "rds:ModifyDBSnapshotAttribute",
                    "s3:PutAccountPublicAccessBlock",
                    "s3:PutBucketPublicAccessBlock",
                    "ssm:ModifyDocumentPermission",
                ],
            ),
        ]
    }

    /// Whoever is not of the organization and no AWS service reaches nothing; AWS services reach what is ours only
    /// for somebody of ours.
    fn only_our_identities(&self) -> Vec<Value> {
        let services = || {
            vec![
                "dynamodb:*",
                "ecr:*",
                "kms:*",
                "logs:*",
                "s3:*",
                "secretsmanager:*",
                "sqs:*",
                "sts:AssumeRole",
            ]
        };
        vec![
            value!({
                "Sid": "OnlyOurIdentities",
                "Effect": "Deny",
                "Principal": "*",
                "Action": services(),
                "Resource": "*",
                "Condition": {
                    "StringNotEqualsIfExists": { "aws:PrincipalOrgID": self.organization.clone() },
                    "BoolIfExists": { "aws:PrincipalIsAWSService": "false" },
                },
            }),
            value!({
                "Sid": "OnlyForOurIdentities",
                "Effect": "Deny",
                "Principal": "*",
                "Action": services(),
                "Resource": "*",
                "Condition": {
                    "StringNotEqualsIfExists": { "aws:SourceOrgID": self.organization.clone() },
                    "Null": { "aws:SourceAccount": "false" },
                    "Bool": { "aws:PrincipalIsAWSService": "true" },
                },
            }),
        ]
    }

    /// A workload's credentials are good for nothing outside a VPC, unless an AWS service uses them for it.
    fn only_our_networks(&self) -> Value {
        value!({
            "Sid": "DataPerimeterNetwork",
            "Effect": "Deny",
            "Action": ["dynamodb:*", "ecr:*", "kms:*", "logs:*", "s3:*", "secretsmanager:*", "sqs:*"],
            "Resource": "*",
            "Condition": {
                "ArnLike": { "aws:PrincipalArn": self.arn("role/workloads/*") },
                "Null": { "aws:SourceVpc": "true" },
                "BoolIfExists": { "aws:ViaAWSService": "false" },
            },
        })
    }
}

/// Only what AWS's list names, and what an account is run with. What AWS adds later stays closed until the list has it.
fn eligible() -> Value {
    let rows = Catalog::shared().hipaa().rows.iter();
    let mut prefixes: Vec<SmolStr> = rows.flat_map(|row| row.prefixes.iter().cloned()).collect();
    prefixes.extend(RUNNING_AN_ACCOUNT.iter().copied().map(SmolStr::new_static));
    prefixes.sort_unstable();
    prefixes.dedup();
    let actions: Vec<SmolStr> =
        prefixes.iter().map(|prefix| smol_str::format_smolstr!("{prefix}:*")).collect();
    value!({ "Sid": "HipaaEligibleServices", "Effect": "Deny", "NotAction": actions, "Resource": "*" })
}

const TRAIL: &[&str] = &[
    "cloudtrail:DeleteEventDataStore",
    "cloudtrail:DeleteTrail",
    "cloudtrail:PutEventSelectors",
    "cloudtrail:PutInsightSelectors",
    "cloudtrail:StopEventDataStoreIngestion",
    "cloudtrail:StopLogging",
    "cloudtrail:UpdateEventDataStore",
    "cloudtrail:UpdateTrail",
    "ec2:DeleteFlowLogs",
    "logs:DeleteDelivery*",
    "logs:DeleteLogGroup",
    "logs:DeleteLogStream",
    "logs:DeleteMetricFilter",
    "logs:DeleteSubscriptionFilter",
    "logs:DisassociateKmsKey",
    "logs:PutRetentionPolicy",
    "network-firewall:UpdateLoggingConfiguration",
    "route53resolver:DeleteResolverQueryLogConfig",
    "route53resolver:DisassociateResolverQueryLogConfig",
];

const CONFIG: &[&str] = &[
    "config:DeleteAggregationAuthorization",
    "config:DeleteConfigRule",
    "config:DeleteConfigurationAggregator",
    "config:DeleteConfigurationRecorder",
    "config:DeleteConformancePack",
    "config:DeleteDeliveryChannel",
    "config:DeleteRemediation*",
    "config:DeleteRetentionConfiguration",
    "config:PutConfigRule",
    "config:PutConfigurationRecorder",
    "config:PutDeliveryChannel",
    "config:PutRetentionConfiguration",
    "config:StopConfigurationRecorder",
];

const DETECTION: &[&str] = &[
    "access-analyzer:DeleteAnalyzer",
    "access-analyzer:UpdateAnalyzer",
    "detective:DeleteGraph",
    "detective:DisassociateMembership",
    "guardduty:CreateFilter",
    "guardduty:CreateIPSet",
    "guardduty:CreateTrustedEntitySet",
    "guardduty:DeleteDetector",
    "guardduty:DeleteMembers",
    "guardduty:DeletePublishingDestination",
    "guardduty:Disassociate*",
    "guardduty:StopMonitoringMembers",
    "guardduty:UpdateDetector",
    "guardduty:UpdateMalwareScanSettings",
    "guardduty:UpdateMemberDetectors",
    "inspector2:Disable",
    "inspector2:DisassociateMember",
    "inspector2:UpdateConfiguration",
    "macie2:DeleteMember",
    "macie2:DisableMacie",
    "macie2:Disassociate*",
    "macie2:UpdateMacieSession",
    "securityhub:BatchDisableStandards",
    "securityhub:DeleteMembers",
    "securityhub:DisableImportFindingsForProduct",
    "securityhub:DisableSecurityHub",
    "securityhub:Disassociate*",
    "securityhub:UpdateStandardsControl",
];

/// A vault in governance mode is unlocked by whoever may delete its lock; what expires is deleted by AWS Backup itself.
/// Sources: AWS Backup Developer Guide, "AWS Backup Vault Lock"; Service Authorization Reference, "Actions, resources, and
/// condition keys for AWS Backup".
const BACKUPS: &[&str] = &[
    "backup:DeleteBackupVault*",
    "backup:DeleteRecoveryPoint",
    "backup:DisassociateRecoveryPoint*",
    "backup:PutBackupVault*",
    "backup:UpdateGlobalSettings",
    "backup:UpdateRecoveryPointLifecycle",
    "backup:UpdateRegionSettings",
];

const LOG_ARCHIVE: &[&str] = &[
    "kms:DisableKey",
    "kms:PutKeyPolicy",
    "kms:ScheduleKeyDeletion",
    "s3:DeleteBucket*",
    "s3:PutBucketAcl",
    "s3:PutBucketLogging",
    "s3:PutBucketObjectLockConfiguration",
    "s3:PutBucketOwnershipControls",
    "s3:PutBucketPolicy",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketVersioning",
    "s3:PutEncryptionConfiguration",
    "s3:PutLifecycleConfiguration",
    "s3:PutReplicationConfiguration",
];

const KEYS: &[&str] = &[
    "kms:DeleteImportedKeyMaterial",
    "kms:DisableKey",
    "kms:DisableKeyRotation",
    "kms:PutKeyPolicy",
    "kms:ScheduleKeyDeletion",
    "kms:UpdatePrimaryRegion",
];

const SIGN_IN: &[&str] = &[
    "iam:AddClientIDToOpenIDConnectProvider",
    "iam:CreateOpenIDConnectProvider",
    "iam:CreateSAMLProvider",
    "iam:UpdateOpenIDConnectProviderThumbprint",
    "iam:UpdateSAMLProvider",
    "rolesanywhere:CreateTrustAnchor",
    "rolesanywhere:UpdateTrustAnchor",
    "sso:CreateInstance",
];

const NO_IAM_USERS: &[&str] = &[
    "iam:AddUserToGroup",
    "iam:AttachGroupPolicy",
    "iam:AttachUserPolicy",
    "iam:CreateAccessKey",
    "iam:CreateGroup",
    "iam:CreateLoginProfile",
    "iam:CreateServiceSpecificCredential",
    "iam:CreateUser",
    "iam:PutGroupPolicy",
    "iam:PutUserPolicy",
    "iam:UpdateAccessKey",
    "iam:UpdateLoginProfile",
    "iam:UploadSigningCertificate",
    "iam:UploadSSHPublicKey",
];

/// Where data could leave to.
const WRITES: &[&str] = &[
    "dynamodb:BatchWriteItem",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
    "events:PutEvents",
    "firehose:PutRecord*",
    "kinesis:PutRecord*",
    "kms:Encrypt",
    "kms:GenerateDataKey*",
    "kms:ReEncryptTo",
    "lambda:InvokeFunction",
    "s3:PutObject",
    "secretsmanager:PutSecretValue",
    "sns:Publish",
    "sqs:SendMessage",
    "states:StartExecution",
    "sts:AssumeRole",
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use super::*;

    /// A guardrail on an action that does not exist guards nothing.
    #[test]
    fn every_action_exists() {
        let form = Form {
            regions: &["us-east-1".into()],
            organization: "o-1".into(),
            key_administrators: true,
            partition: "aws",
        };
        let iam = Catalog::shared().iam();
        let mut wrong = Vec::new();
        let mut guardrails: Vec<Guardrail> = Guardrail::ALWAYS.to_vec();
        guardrails.extend([
            Guardrail::DataPerimeterIdentity,
            Guardrail::DataPerimeterResource,
            Guardrail::DataPerimeterNetwork,
        ]);
        for guardrail in guardrails {
            for statement in
                [Kind::Service, Kind::Resource].iter().flat_map(|kind| form.statements(guardrail, *kind))
            {
                let Some(actions) = statement.get("Action") else { continue };
                for action in actions.as_items().iter().filter_map(Value::as_str) {
                    if action != "*" && iam.actions_matching(action).is_empty() {
                        wrong.push(format!("{guardrail}: {action}"));
                    }
                }
            }
        }
        assert_eq!(wrong, Vec::<String>::new());
    }

    #[test]
    fn everything_denies_and_nothing_allows() {
        let form = Form {
            regions: &["us-east-1".into()],
            organization: "o-1".into(),
            key_administrators: true,
            partition: "aws",
        };
        for guardrail in Guardrail::ALWAYS.iter().chain(&[Guardrail::HipaaEligibleServices]) {
            let statements = form.statements(*guardrail, Kind::Service);
            assert!(!statements.is_empty(), "{guardrail}");
            assert!(statements.iter().all(|one| one.get("Effect").and_then(Value::as_str) == Some("Deny")));
        }
    }
}
