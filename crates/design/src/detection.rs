//! What watches every account in every region, and how its findings reach a person.
//!
//! In: the blueprint's `detection`, the organization, the security contact. Out: for every account and region GuardDuty with
//! all protections and the rule that forwards breaches of AWS Config's rules; in the audit account Security Hub for
//! the whole organization, IAM Access Analyzer, the view of AWS Config, the bus that takes what is forwarded and the
//! topics that write to people. Always: everything is on in every account and region without a word; a
//! finding of high severity is told to somebody at once.
//!
//! What AWS CloudFormation has no resource for (naming the audit account delegated administrator of GuardDuty, Inspector, Macie and IAM
//! Access Analyzer) is said as steps.
//!
//! Sources: Amazon GuardDuty User Guide, "Managing GuardDuty accounts with AWS Organizations"; AWS Security Hub User Guide,
//! "Understanding central configuration", "EventBridge event types"; IAM User Guide, "Using AWS Identity and Access
//! Management Access Analyzer"; Amazon EventBridge User Guide, "Sending and receiving events between AWS accounts";
//! AWS Organizations User Guide, "Amazon Inspector policy syntax and examples".

use blueprint::model::{Framework, GuardDuty, Told};
use estate::{SmolStr, StackId, Step, Value, When, value};

use crate::draft::{Draft, Drawn, Place, Say, account_id, attribute};
use crate::fleet::Here;
use crate::keys::{self, Key};
use crate::layout::{self, Layout};
use crate::{guardrails, organization};

/// The component's name.
pub(crate) const COMPONENT: &str = "detection";

/// The role by which EventBridge forwards. Its name is fixed: it is named in every region.
const FORWARDING: &str = "organization-findings";

const BUS: &str = "FindingsBus";

/// The ARN of the bus that takes what is forwarded. Its name is fixed by AWS.
fn bus(layout: &Layout<'_>) -> Value {
    attribute(detection(layout), BUS, "Arn")
}

/// The stack of the audit account in the primary region.
fn detection(layout: &Layout<'_>) -> StackId {
    layout.foundation.detection.first().map_or(layout.foundation.organization, |(id, _)| *id)
}

/// What an account needs once: the role that forwards.
pub(crate) fn once(layout: &Layout<'_>, draft: &mut Draft, here: &Here) {
    draft.by(COMPONENT);
    let properties = value!({
        "RoleName": FORWARDING,
        "Description": "Forwards findings to the account that watches",
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Service": "events.amazonaws.com" },
                "Action": "sts:AssumeRole",
                "Condition": { "StringEquals": { "aws:SourceAccount": here.account.clone() } },
            }],
        },
        "Policies": [{
            "PolicyName": "Forward",
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [{ "Effect": "Allow", "Action": "events:PutEvents", "Resource": bus(layout) }],
            },
        }],
        "Tags": here.tags.list(),
    });
    draft.add("FindingsRole", "AWS::IAM::Role", properties);
}

/// What every account has in every region.
pub(crate) fn each_region(layout: &Layout<'_>, draft: &mut Draft, here: &Here) {
    draft.by(COMPONENT).at(layout.blueprint.detection.span);
    let properties = value!({
        "Enable": true,
        "FindingPublishingFrequency": "FIFTEEN_MINUTES",
        "Features": features(layout),
        "Tags": here.tags.list(),
    });
    draft.add("Detector", "AWS::GuardDuty::Detector", properties);
    let properties = value!({
        "Name": smol_str::format_smolstr!("{}-config", guardrails::RULES),
        "Description": "Breaches of AWS Config's rules go to the account that watches",
        "EventPattern": {
            "source": ["aws.config"],
            "detail-type": ["Config Rules Compliance Change"],
            "detail": { "newEvaluationResult": { "complianceType": ["NON_COMPLIANT"] } },
        },
        "State": "ENABLED",
        "Targets": [{
            "Id": "audit",
            "Arn": bus(layout),
            "RoleArn": here.iam_arn(&format!("role/{FORWARDING}")),
        }],
        "Tags": here.tags.list(),
    });
    draft.add("ConfigFindings", "AWS::Events::Rule", properties);
    draft.at(layout.blueprint.organization.span);
}

/// GuardDuty's protections.
fn features(layout: &Layout<'_>) -> Vec<Value> {
    let wanted = layout.blueprint.detection.guardduty.value == GuardDuty::All;
    let status = if wanted { "ENABLED" } else { "DISABLED" };
    let plain = [
        "EBS_MALWARE_PROTECTION",
        "EKS_AUDIT_LOGS",
        "LAMBDA_NETWORK_LOGS",
        "RDS_LOGIN_EVENTS",
        "S3_DATA_EVENTS",
    ];
    let mut all: Vec<Value> = plain.iter().map(|name| value!({ "Name": *name, "Status": status })).collect();
    let agents = ["EC2_AGENT_MANAGEMENT", "ECS_FARGATE_AGENT_MANAGEMENT", "EKS_ADDON_MANAGEMENT"];
    let agents: Vec<Value> = agents.iter().map(|name| value!({ "Name": *name, "Status": status })).collect();
    all.push(value!({ "Name": "RUNTIME_MONITORING", "Status": status, "AdditionalConfiguration": agents }));
    all
}

/// The stacks of the audit account, one for each region.
pub(crate) fn stacks(layout: &Layout<'_>) -> Vec<Drawn> {
    let (blueprint, foundation) = (layout.blueprint, &layout.foundation);
    let audit = layout::account(blueprint.organization.audit);
    let mut out = Vec::with_capacity(foundation.detection.len());
    for (at, (id, region)) in foundation.detection.iter().enumerate() {
        let place = Place { account: audit, region: region.clone(), ..foundation.management_place.clone() };
        let text = smol_str::format_smolstr!("What watches {}", blueprint.title);
        let mut draft = Draft::new(*id, "detection", &place, COMPONENT, blueprint.detection.span, text);
        draft.after(foundation.organization);
        let tags = layout.tags(blueprint.organization.audit);
        steps(layout, &mut draft, region);
        let properties = value!({ "Type": "ORGANIZATION", "Tags": tags.list() });
        draft.add("ExternalAccess", "AWS::AccessAnalyzer::Analyzer", properties);
        if at == 0 {
            home(layout, &mut draft, &place);
        }
        out.push(draft.finish());
    }
    out
}

/// What the audit account has in the primary region only.
fn home(layout: &Layout<'_>, draft: &mut Draft, place: &Place) {
    let blueprint = layout.blueprint;
    let tags = layout.tags(blueprint.organization.audit);
    let properties = value!({
        "Type": "ORGANIZATION_UNUSED_ACCESS",
        "AnalyzerConfiguration": { "UnusedAccessConfiguration": { "UnusedAccessAge": 90 } },
        "Tags": tags.list(),
    });
    draft.add("UnusedAccess", "AWS::AccessAnalyzer::Analyzer", properties);
    security_hub(layout, draft, place);
    aggregator(draft, place, &tags);
    receiving(layout, draft, place);
}

/// Security Hub in every account and region, with the standards of the frameworks.
fn security_hub(layout: &Layout<'_>, draft: &mut Draft, place: &Place) {
    let blueprint = layout.blueprint;
    draft.add(
        "HubOfAllRegions",
        "AWS::SecurityHub::FindingAggregator",
        value!({ "RegionLinkingMode": "ALL_REGIONS" }),
    );
    let properties =
        value!({ "AutoEnable": false, "AutoEnableStandards": "NONE", "ConfigurationType": "CENTRAL" });
    draft
        .add("HubOfOrganization", "AWS::SecurityHub::OrganizationConfiguration", properties)
        .after("HubOfAllRegions");
    let mut standards = vec!["aws-foundational-security-best-practices/v/1.0.0"];
    if blueprint.answers_to(Framework::Cis) {
        standards.push("cis-aws-foundations-benchmark/v/3.0.0");
    }
    if blueprint.answers_to(Framework::Nist80053) || blueprint.answers_to(Framework::Hipaa) {
        standards.push("nist-800-53/v/5.0.0");
    }
    let arn = |standard: &&str| {
        smol_str::format_smolstr!(
            "arn:{}:securityhub:{}::standards/{standard}",
            place.partition,
            place.region
        )
    };
    let standards: Vec<SmolStr> = standards.iter().map(arn).collect();
    let properties = value!({
        "Name": "organization",
        "Description": "Security Hub in every account, with the standards of the frameworks",
        "ConfigurationPolicy": {
            "SecurityHub": {
                "ServiceEnabled": true,
                "EnabledStandardIdentifiers": standards,
                "SecurityControlsConfiguration": { "DisabledSecurityControlIdentifiers": [] },
            },
        },
        "Tags": layout.tags(blueprint.organization.audit).map(),
    });
    draft.add("HubPolicy", "AWS::SecurityHub::ConfigurationPolicy", properties).after("HubOfOrganization");
    let properties = value!({
        "ConfigurationPolicyId": draft.reference("HubPolicy"),
        "TargetType": "ROOT",
        "TargetId": attribute(layout.foundation.organization, organization::ORGANIZATION, "RootId"),
    });
    draft.add("HubEverywhere", "AWS::SecurityHub::PolicyAssociation", properties);
}

/// What AWS Config records in all accounts and regions, in one view.
fn aggregator(draft: &mut Draft, place: &Place, tags: &crate::tags::Tags) {
    let properties = value!({
        "Description": "Lets AWS Config see which accounts there are",
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Service": "config.amazonaws.com" },
                "Action": "sts:AssumeRole",
                "Condition": { "StringEquals": { "aws:SourceAccount": place.account_id() } },
            }],
        },
        "ManagedPolicyArns": [place.aws_policy("service-role/AWSConfigRoleForOrganizations")],
        "Tags": tags.list(),
    });
    draft.add("AggregatorRole", "AWS::IAM::Role", properties);
    let properties = value!({
        "ConfigurationAggregatorName": "organization",
        "OrganizationAggregationSource": { "RoleArn": draft.attribute("AggregatorRole", "Arn"), "AllAwsRegions": true },
        "Tags": tags.list(),
    });
    draft.add("Aggregator", "AWS::Config::ConfigurationAggregator", properties);
}

/// The bus, the rules on it, and the topics that write to people.
fn receiving(layout: &Layout<'_>, draft: &mut Draft, place: &Place) {
    let blueprint = layout.blueprint;
    let tags = layout.tags(blueprint.organization.audit);
    let key = Key {
        alias: keys::key_alias("organization", "findings"),
        description: SmolStr::new_static("Findings on their way to people"),
        policy: keys::policy(place, vec![publishing_key(place), bus_key(place)]),
        multi_region: false,
    };
    draft.by(keys::COMPONENT);
    keys::add(draft, "FindingsKey", key, &blueprint.keys, &tags);
    draft.by(COMPONENT);
    let organization = organization::id(layout);
    let name = guardrails::RULES;
    let properties = value!({
        "Name": name,
        "Description": "What accounts forward",
        "KmsKeyIdentifier": draft.attribute("FindingsKey", "Arn"),
        "Policy": {
            "Version": "2012-10-17",
            "Statement": [{
                "Sid": "OnlyTheOrganization",
                "Effect": "Allow",
                "Principal": "*",
                "Action": "events:PutEvents",
                "Resource": place.arn("events", smol_str::format_smolstr!("event-bus/{name}")),
                "Condition": { "StringEquals": { "aws:PrincipalOrgID": organization } },
            }],
        },
        "Tags": tags.list(),
    });
    draft.add(BUS, "AWS::Events::EventBus", properties);
    let findings = &blueprint.detection;
    let urgent = value!({
        "source": ["aws.securityhub"],
        "detail-type": ["Security Hub Findings - Imported"],
        "detail": {
            "findings": {
                "RecordState": ["ACTIVE"],
                "Severity": { "Label": ["HIGH", "CRITICAL"] },
                "Workflow": { "Status": ["NEW"] },
            },
        },
    });
    let breach = value!({ "source": ["aws.config"] });
    let other = value!({
        "source": ["aws.securityhub"],
        "detail-type": ["Security Hub Findings - Imported"],
        "detail": {
            "findings": {
                "RecordState": ["ACTIVE"],
                "Severity": { "Label": ["MEDIUM"] },
                "Workflow": { "Status": ["NEW"] },
            },
        },
    });
    for (id, told, rules) in [
        ("Urgent", findings.high.value, vec![("high", None, urgent), ("breaches", Some(BUS), breach)]),
        ("Other", findings.others.value, vec![("others", None, other)]),
    ] {
        let Some(person) = person(layout, told) else { continue };
        let topic = topic(layout, draft, place, id, person);
        for (what, bus, pattern) in rules {
            let properties = value!({
                "Name": smol_str::format_smolstr!("{name}-{what}"),
                "EventBusName": bus.map(|bus| draft.reference(bus)),
                "EventPattern": pattern,
                "State": "ENABLED",
                "Targets": [{ "Id": "people", "Arn": topic.clone() }],
                "Tags": tags.list(),
            });
            draft.add(
                smol_str::format_smolstr!("{id}{}", crate::naming::pascal(what)),
                "AWS::Events::Rule",
                properties,
            );
        }
    }
}

/// The address of whoever is told.
fn person<'b>(layout: &Layout<'b>, told: Told) -> Option<&'b str> {
    let contacts = &layout.blueprint.contacts;
    match told {
        Told::Security => Some(contacts.security.value.as_str()),
        Told::Operations => Some(contacts.operations.value.as_str()),
        Told::Nobody => None,
    }
}

fn topic(layout: &Layout<'_>, draft: &mut Draft, place: &Place, id: &str, person: &str) -> Value {
    let tags = layout.tags(layout.blueprint.organization.audit);
    let topic = smol_str::format_smolstr!("{id}Topic");
    let properties = value!({ "KmsMasterKeyId": draft.attribute("FindingsKey", "Arn"), "Tags": tags.list() });
    draft.add(topic.clone(), "AWS::SNS::Topic", properties);
    let arn = draft.reference(topic.clone());
    let properties = value!({
        "Topics": [arn.clone()],
        "PolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "RulesPublish",
                    "Effect": "Allow",
                    "Principal": { "Service": "events.amazonaws.com" },
                    "Action": "sns:Publish",
                    "Resource": arn.clone(),
                    "Condition": { "StringEquals": { "aws:SourceAccount": place.account_id() } },
                },
                {
                    "Sid": "OnlyWithTls",
                    "Effect": "Deny",
                    "Principal": { "AWS": "*" },
                    "Action": "sns:Publish",
                    "Resource": arn.clone(),
                    "Condition": { "Bool": { "aws:SecureTransport": "false" } },
                }
            ],
        },
    });
    draft.add(smol_str::format_smolstr!("{topic}Policy"), "AWS::SNS::TopicPolicy", properties);
    let properties = value!({ "Endpoint": person, "Protocol": "email", "TopicArn": arn.clone() });
    draft.add(smol_str::format_smolstr!("{topic}Subscription"), "AWS::SNS::Subscription", properties);
    arn
}

/// EventBridge publishes to the encrypted topics.
/// Source: Amazon SNS Developer Guide, "Managing Amazon SNS encryption keys and costs", enable compatibility.
fn publishing_key(place: &Place) -> Value {
    value!({
        "Sid": "EventBridgePublishes",
        "Effect": "Allow",
        "Principal": { "Service": "events.amazonaws.com" },
        "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
        "Resource": "*",
        "Condition": { "StringEquals": { "aws:SourceAccount": place.account_id() } },
    })
}

/// EventBridge keeps what is on the bus encrypted.
/// Source: Amazon EventBridge User Guide, "Encrypting EventBridge event buses with AWS KMS keys".
fn bus_key(place: &Place) -> Value {
    let bus = place.arn("events", smol_str::format_smolstr!("event-bus/{}", guardrails::RULES));
    value!({
        "Sid": "EventBridgeEncryptsTheBus",
        "Effect": "Allow",
        "Principal": { "Service": "events.amazonaws.com" },
        "Action": ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey*"],
        "Resource": "*",
        "Condition": {
            "StringEquals": {
                "aws:SourceAccount": place.account_id(),
                "aws:SourceArn": bus.clone(),
                "kms:EncryptionContext:aws:events:event-bus:arn": bus,
            },
        },
    })
}

/// The audit account becomes Security Hub's administrator: the one service of these whose naming has a resource.
pub(crate) fn add_administrator(layout: &Layout<'_>, draft: &mut Draft) {
    let audit = layout::account(layout.blueprint.organization.audit);
    let properties = value!({ "AdminAccountId": account_id(audit) });
    draft.by(COMPONENT).add("HubAdministrator", "AWS::SecurityHub::DelegatedAdmin", properties);
}

/// Amazon Macie in the accounts whose buckets hold what it looks for.
pub(crate) fn macie(layout: &Layout<'_>) -> Vec<Drawn> {
    let span = layout.blueprint.detection.macie.span;
    let one = |(id, place): &(StackId, Place)| {
        let text = "Looks for personal data in buckets";
        let mut draft = Draft::new(*id, "macie", place, COMPONENT, span, text);
        let properties = value!({ "Status": "ENABLED", "FindingPublishingFrequency": "FIFTEEN_MINUTES" });
        draft.add("Macie", "AWS::Macie::Session", properties);
        draft.finish()
    };
    layout.foundation.macie.iter().map(one).collect()
}

/// What has to be done by hand in a region before the audit account can watch the others.
fn steps(layout: &Layout<'_>, draft: &mut Draft, region: &SmolStr) {
    let management = layout.management_name();
    let audit = layout.account_name(layout.blueprint.organization.audit);
    if layout.foundation.detection.first().is_some_and(|(_, home)| home == region) {
        let services = [
            "access-analyzer.amazonaws.com",
            "config.amazonaws.com",
            "guardduty.amazonaws.com",
            "inspector2.amazonaws.com",
            "macie.amazonaws.com",
            "malware-protection.guardduty.amazonaws.com",
            "securityhub.amazonaws.com",
        ];
        draft.step(Step {
            when: When::Before,
            what: SmolStr::new_static("let the services that watch into the organization"),
            command: smol_str::format_smolstr!(
                "for service in {}; do\n  aws organizations enable-aws-service-access --profile {management} --service-principal \"$service\"\ndone",
                services.join(" ")
            ),
        });
        draft.step(Step {
            when: When::Before,
            what: SmolStr::new_static("let the audit account see what AWS Config and IAM Access Analyzer see"),
            command: smol_str::format_smolstr!(
                "for service in access-analyzer.amazonaws.com config.amazonaws.com; do\n  aws organizations register-delegated-administrator --profile {management} --account-id \"$(number {audit})\" --service-principal \"$service\"\ndone"
            ),
        });
    }
    draft.step(Step {
        when: When::Before,
        what: smol_str::format_smolstr!("name the audit account administrator of GuardDuty, Inspector and Macie in {region}"),
        command: smol_str::format_smolstr!(
            "aws guardduty enable-organization-admin-account --profile {management} --region {region} --admin-account-id \"$(number {audit})\"\n\
             aws inspector2 enable-delegated-admin-account --profile {management} --region {region} --delegated-admin-account-id \"$(number {audit})\"\n\
             aws macie2 enable-organization-admin-account --profile {management} --region {region} --admin-account-id \"$(number {audit})\""
        ),
    });
    draft.step(Step {
        when: When::After,
        what: smol_str::format_smolstr!(
            "show GuardDuty's findings of all accounts in the audit account too; again when an account is added in {region}"
        ),
        command: smol_str::format_smolstr!(
            "detector=$(aws guardduty list-detectors --profile {audit} --region {region} --query 'DetectorIds[0]' --output text)\n\
             aws guardduty create-members --profile {audit} --region {region} --detector-id \"$detector\" --account-details \"$(\n  aws organizations list-accounts --profile {management} --query 'Accounts[].{{AccountId:Id,Email:Email}}' --output json)\""
        ),
    });
}
