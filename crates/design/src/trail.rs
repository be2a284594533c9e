//! The audit trail of the whole organization, and the alarms on it.
//!
//! In: the organization, its archive, the security contact. Out: one trail for all accounts and all regions, its log
//! group, a metric filter and an alarm for each thing that somebody must hear of, and the topic that writes to
//! the security contact. Always: log files are validated and encrypted with the archive's key; every filter has
//! an alarm, every alarm the topic.
//!
//! CloudTrail needs trusted access to the organization before the trail is made; CloudFormation has no resource for it, so
//! the stack says it as a step.
//!
//! Sources: AWS CloudTrail User Guide, "Creating a trail for an organization", "Role policy document for CloudTrail to
//! use CloudWatch Logs for monitoring"; CIS AWS Foundations Benchmark 3.0, section 4.

use blueprint::model::{Alarm, Blueprint};
use estate::{SmolStr, Step, Value, When, value};

use crate::draft::{Draft, Drawn, Place, Say};
use crate::keys::{self, Key};
use crate::layout::Layout;
use crate::tags::Tags;
use crate::{alarms, log_archive};

/// The component's name.
pub(crate) const COMPONENT: &str = "trail";

/// Where the metrics of the filters are.
const NAMESPACE: &str = "Steward/Trail";

/// Something that a person must hear of.
struct Watch {
    /// What ids begin with.
    id: &'static str,
    /// What happened, for the person.
    text: &'static str,
    /// The events, in the filter pattern syntax of CloudWatch Logs.
    pattern: &'static str,
}

impl Watch {
    /// The word by which the blueprint knows it.
    fn alarm(&self) -> Alarm {
        match self.id {
            "UnauthorizedCalls" => Alarm::UnauthorizedCalls,
            "SignInWithoutMfa" | "SignInFailures" => Alarm::SignIn,
            "RootActivity" => Alarm::Root,
            "IamChanges" => Alarm::IamChanges,
            "NewAccessKeys" => Alarm::NewAccessKey,
            "TrailChanges" | "ConfigChanges" => Alarm::TrailChanges,
            "KeyDeletions" => Alarm::KeyChanges,
            "BucketPolicyChanges" => Alarm::BucketChanges,
            "OrganizationChanges" => Alarm::OrganizationChanges,
            "EmergencyAccess" => Alarm::SignIn,
            _ => Alarm::NetworkChanges,
        }
    }
}

/// Things to watch: those of the CIS benchmark, and new access keys.
const WATCHES: &[Watch] = &[
    Watch {
        id: "UnauthorizedCalls",
        text: "Somebody tried what they may not do",
        pattern: "{ ($.errorCode = \"*UnauthorizedOperation\") || ($.errorCode = \"AccessDenied*\") }",
    },
    Watch {
        id: "SignInWithoutMfa",
        text: "Somebody signed in to the console without a second factor",
        pattern: "{ ($.eventName = \"ConsoleLogin\") && ($.additionalEventData.MFAUsed != \"Yes\") && \
                  ($.userIdentity.type = \"IAMUser\") && ($.responseElements.ConsoleLogin = \"Success\") }",
    },
    Watch {
        id: "RootActivity",
        text: "The root user of an account did something",
        pattern: "{ $.userIdentity.type = \"Root\" && $.userIdentity.invokedBy NOT EXISTS && \
                  $.eventType != \"AwsServiceEvent\" }",
    },
    Watch {
        id: "IamChanges",
        text: "A policy or role of IAM changed",
        pattern: "{ ($.eventSource = iam.amazonaws.com) && (($.eventName = DeleteGroupPolicy) || \
                  ($.eventName = DeleteRolePolicy) || ($.eventName = DeleteUserPolicy) || \
                  ($.eventName = PutGroupPolicy) || ($.eventName = PutRolePolicy) || ($.eventName = PutUserPolicy) || \
                  ($.eventName = CreatePolicy) || ($.eventName = DeletePolicy) || ($.eventName = CreatePolicyVersion) || \
                  ($.eventName = DeletePolicyVersion) || ($.eventName = AttachRolePolicy) || \
                  ($.eventName = DetachRolePolicy) || ($.eventName = AttachUserPolicy) || \
                  ($.eventName = DetachUserPolicy) || ($.eventName = AttachGroupPolicy) || \
                  ($.eventName = DetachGroupPolicy) || ($.eventName = UpdateAssumeRolePolicy)) }",
    },
    Watch {
        id: "NewAccessKeys",
        text: "Somebody made an access key or a user",
        pattern: "{ ($.eventSource = iam.amazonaws.com) && (($.eventName = CreateAccessKey) || \
                  ($.eventName = CreateUser) || ($.eventName = CreateLoginProfile)) }",
    },
    Watch {
        id: "TrailChanges",
        text: "The audit trail changed or stopped",
        pattern: "{ ($.eventName = CreateTrail) || ($.eventName = UpdateTrail) || ($.eventName = DeleteTrail) || \
                  ($.eventName = StartLogging) || ($.eventName = StopLogging) || ($.eventName = PutEventSelectors) }",
    },
    Watch {
        id: "SignInFailures",
        text: "Sign-in to the console failed again and again",
        pattern: "{ ($.eventName = ConsoleLogin) && ($.errorMessage = \"Failed authentication\") }",
    },
    Watch {
        id: "KeyDeletions",
        text: "A customer-managed key was disabled or is about to be deleted",
        pattern: "{ ($.eventSource = kms.amazonaws.com) && (($.eventName = DisableKey) || \
                  ($.eventName = ScheduleKeyDeletion)) }",
    },
    Watch {
        id: "BucketPolicyChanges",
        text: "The policy or protection of a bucket changed",
        pattern: "{ ($.eventSource = s3.amazonaws.com) && (($.eventName = PutBucketAcl) || \
                  ($.eventName = PutBucketPolicy) || ($.eventName = PutBucketCors) || \
                  ($.eventName = PutBucketLifecycle) || ($.eventName = PutBucketReplication) || \
                  ($.eventName = DeleteBucketPolicy) || ($.eventName = DeleteBucketCors) || \
                  ($.eventName = DeleteBucketLifecycle) || ($.eventName = DeleteBucketReplication)) }",
    },
    Watch {
        id: "ConfigChanges",
        text: "AWS Config changed or stopped",
        pattern: "{ ($.eventSource = config.amazonaws.com) && (($.eventName = StopConfigurationRecorder) || \
                  ($.eventName = DeleteDeliveryChannel) || ($.eventName = PutDeliveryChannel) || \
                  ($.eventName = PutConfigurationRecorder)) }",
    },
    Watch {
        id: "SecurityGroupChanges",
        text: "A security group changed",
        pattern: "{ ($.eventName = AuthorizeSecurityGroupIngress) || ($.eventName = AuthorizeSecurityGroupEgress) || \
                  ($.eventName = RevokeSecurityGroupIngress) || ($.eventName = RevokeSecurityGroupEgress) || \
                  ($.eventName = CreateSecurityGroup) || ($.eventName = DeleteSecurityGroup) || \
                  ($.eventName = ModifySecurityGroupRules) }",
    },
    Watch {
        id: "NetworkAclChanges",
        text: "A network ACL changed",
        pattern: "{ ($.eventName = CreateNetworkAcl) || ($.eventName = CreateNetworkAclEntry) || \
                  ($.eventName = DeleteNetworkAcl) || ($.eventName = DeleteNetworkAclEntry) || \
                  ($.eventName = ReplaceNetworkAclEntry) || ($.eventName = ReplaceNetworkAclAssociation) }",
    },
    Watch {
        id: "GatewayChanges",
        text: "A way to the internet or to another network changed",
        pattern: "{ ($.eventName = CreateCustomerGateway) || ($.eventName = DeleteCustomerGateway) || \
                  ($.eventName = AttachInternetGateway) || ($.eventName = CreateInternetGateway) || \
                  ($.eventName = DeleteInternetGateway) || ($.eventName = DetachInternetGateway) }",
    },
    Watch {
        id: "RouteChanges",
        text: "A route table changed",
        pattern: "{ ($.eventSource = ec2.amazonaws.com) && (($.eventName = CreateRoute) || \
                  ($.eventName = CreateRouteTable) || ($.eventName = ReplaceRoute) || \
                  ($.eventName = ReplaceRouteTableAssociation) || ($.eventName = DeleteRouteTable) || \
                  ($.eventName = DeleteRoute) || ($.eventName = DisassociateRouteTable)) }",
    },
    Watch {
        id: "VpcChanges",
        text: "A network was made, changed or joined with another",
        pattern: "{ ($.eventName = CreateVpc) || ($.eventName = DeleteVpc) || ($.eventName = ModifyVpcAttribute) || \
                  ($.eventName = AcceptVpcPeeringConnection) || ($.eventName = CreateVpcPeeringConnection) || \
                  ($.eventName = DeleteVpcPeeringConnection) || ($.eventName = RejectVpcPeeringConnection) }",
    },
    Watch {
        id: "OrganizationChanges",
        text: "The organization changed",
        pattern: "{ ($.eventSource = organizations.amazonaws.com) && (($.eventName = AcceptHandshake) || \
                  ($.eventName = AttachPolicy) || ($.eventName = CreateAccount) || \
                  ($.eventName = CreateOrganizationalUnit) || ($.eventName = CreatePolicy) || \
                  ($.eventName = DeclineHandshake) || ($.eventName = DeleteOrganization) || \
                  ($.eventName = DeleteOrganizationalUnit) || ($.eventName = DeletePolicy) || \
                  ($.eventName = DetachPolicy) || ($.eventName = DisablePolicyType) || \
                  ($.eventName = EnablePolicyType) || ($.eventName = InviteAccountToOrganization) || \
                  ($.eventName = LeaveOrganization) || ($.eventName = MoveAccount) || \
                  ($.eventName = RemoveAccountFromOrganization) || ($.eventName = UpdatePolicy) || \
                  ($.eventName = UpdateOrganizationalUnit)) }",
    },
];

/// Where somebody may come in when nothing else works, each time is told.
const EMERGENCY: Watch = Watch {
    id: "EmergencyAccess",
    text: "Somebody used the emergency access",
    pattern: "{ $.userIdentity.sessionContext.sessionIssuer.userName = \"AWSReservedSSO_Emergency_*\" }",
};

/// How long events are kept where alarms look at them, in days; the archive keeps them as long as the law asks.
const LOG_DAYS: i64 = 365;

/// What is one trail's own, and what every trail of the organization has: all accounts and regions, validated, encrypted, into the
/// archive.
pub(crate) fn of_organization(layout: &Layout<'_>, name: &SmolStr, tags: &Tags, own: Value) -> Value {
    let all = value!({
        "EnableLogFileValidation": true,
        "IncludeGlobalServiceEvents": true,
        "IsLogging": true,
        "IsMultiRegionTrail": true,
        "IsOrganizationTrail": true,
        "KMSKeyId": log_archive::key(layout),
        "S3BucketName": log_archive::bucket_name(layout),
        "TrailName": name,
        "Tags": tags.list(),
    });
    let mut out = own;
    if let (Some(out), Some(all)) = (out.as_map_mut(), all.as_map()) {
        all.iter().for_each(|entry| out.insert(entry.key.clone(), entry.value.clone()));
    }
    out
}

/// The stack of the trail.
pub(crate) fn stack(layout: &Layout<'_>) -> Drawn {
    let (blueprint, foundation) = (layout.blueprint, &layout.foundation);
    let place = &foundation.management_place;
    let span = blueprint.logs.retain.span;
    let text = smol_str::format_smolstr!("Audit trail of {} and its alarms", blueprint.title);
    let mut draft = Draft::new(foundation.trail, "trail", place, COMPONENT, span, text);
    draft.after(foundation.log_archive);
    draft.step(Step {
        when: When::Before,
        what: SmolStr::new_static("let AWS CloudTrail into the organization"),
        command: smol_str::format_smolstr!(
            "aws organizations enable-aws-service-access --profile {} --service-principal cloudtrail.amazonaws.com",
            layout.management_name()
        ),
    });
    let tags = layout.tags(blueprint.organization.management).of_class("confidential");
    add_keys(&mut draft, place, blueprint, &tags);
    let properties = value!({
        "KmsKeyId": draft.attribute("LogsKey", "Arn"),
        "RetentionInDays": LOG_DAYS,
        "Tags": tags.list(),
    });
    draft.add("TrailLogGroup", "AWS::Logs::LogGroup", properties).retain();
    role(layout, &mut draft, &tags);
    let own = value!({
        "CloudWatchLogsLogGroupArn": draft.attribute("TrailLogGroup", "Arn"),
        "CloudWatchLogsRoleArn": draft.attribute("TrailRole", "Arn"),
    });
    let properties = of_organization(layout, &foundation.trail_name, &tags, own);
    draft.add("Trail", "AWS::CloudTrail::Trail", properties).retain();
    let security = &blueprint.contacts.security;
    let key = draft.attribute("AlarmsKey", "Arn");
    draft.by(alarms::COMPONENT);
    let topic = alarms::add(&mut draft, place, key, security.value.as_str(), security.span, &tags);
    let operations = &blueprint.contacts.operations;
    let louder = !blueprint.alarms.is_empty() && operations.as_str() != security.as_str();
    let also = louder.then(|| {
        let key = draft.attribute("AlarmsKey", "Arn");
        alarms::add_named(
            &mut draft,
            place,
            alarms::ALSO,
            key,
            operations.value.as_str(),
            operations.span,
            &tags,
        )
    });
    draft.by(COMPONENT).at(span);
    let emergency = blueprint.identity.as_ref().is_some_and(|identity| !identity.emergency.is_empty());
    for watch in WATCHES.iter().chain(emergency.then_some(&EMERGENCY)) {
        let louder = blueprint.alarms.iter().any(|alarm| alarm.value == watch.alarm());
        let topics: Vec<Value> =
            [Some(topic.clone()), also.clone().filter(|_| louder)].into_iter().flatten().collect();
        add_watch(&mut draft, watch, topics, &tags);
    }
    draft.finish()
}

fn add_keys(draft: &mut Draft, place: &Place, blueprint: &Blueprint, tags: &Tags) {
    let wanted = [
        ("LogsKey", "logs", "Events of the trail where alarms look at them", keys::log_groups(place)),
        ("AlarmsKey", "alarms", "The alarm topic of the organization", keys::alarms(place)),
    ];
    draft.by(keys::COMPONENT);
    for (id, alias, description, statement) in wanted {
        let key = Key {
            alias: keys::key_alias("organization", alias),
            description: SmolStr::new_static(description),
            policy: keys::policy(place, vec![statement]),
            multi_region: false,
        };
        keys::add(draft, id, key, &blueprint.keys, tags);
    }
    draft.by(COMPONENT);
}

/// CloudTrail writes events of the management account and of all others to streams of the one log group.
fn role(layout: &Layout<'_>, draft: &mut Draft, tags: &Tags) {
    let place = &layout.foundation.management_place;
    let trail = place.arn("cloudtrail", smol_str::format_smolstr!("trail/{}", layout.foundation.trail_name));
    let properties = value!({
        "Description": "Lets CloudTrail write to its log group",
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Service": "cloudtrail.amazonaws.com" },
                "Action": "sts:AssumeRole",
                "Condition": { "StringEquals": { "aws:SourceArn": trail } },
            }],
        },
        "Policies": [{
            "PolicyName": "WriteEvents",
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [{
                    "Effect": "Allow",
                    "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                    "Resource": draft.attribute("TrailLogGroup", "Arn"),
                }],
            },
        }],
        "Tags": tags.list(),
    });
    draft.add("TrailRole", "AWS::IAM::Role", properties);
}

fn add_watch(draft: &mut Draft, watch: &Watch, topics: Vec<Value>, tags: &Tags) {
    let Watch { id, text, pattern } = *watch;
    let properties = value!({
        "FilterPattern": pattern,
        "LogGroupName": draft.reference("TrailLogGroup"),
        "MetricTransformations": [{
            "DefaultValue": 0,
            "MetricName": id,
            "MetricNamespace": NAMESPACE,
            "MetricValue": "1",
        }],
    });
    draft.add(smol_str::format_smolstr!("{id}Filter"), "AWS::Logs::MetricFilter", properties);
    let properties = value!({
        "AlarmActions": topics,
        "AlarmDescription": text,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "EvaluationPeriods": 1,
        "MetricName": id,
        "Namespace": NAMESPACE,
        "Period": 300,
        "Statistic": "Sum",
        "Threshold": 1,
        "TreatMissingData": "notBreaching",
        "Tags": tags.list(),
    });
    draft.add(smol_str::format_smolstr!("{id}Alarm"), "AWS::CloudWatch::Alarm", properties);
}
