//! What is a fault, what is not, and what cannot be told.

use catalog::Catalog;
use estate::validate::{Outcome, check as validate};

/// Checks that the resources of a template have exactly these findings, one a line: code, place, message,
/// with `?` before what is undecided.
#[track_caller]
fn check(template: &str, expected: &str) {
    let (estate, _, _) = intake::from_texts(&[("t.yaml", template)]);
    let mut found = String::new();
    for finding in validate(&estate, Catalog::shared()).findings {
        let sign = if finding.outcome == Outcome::Undecided { "?" } else { "" };
        let when = finding.when.map(|when| format!(" ({when})")).unwrap_or_default();
        let help = finding.help.map(|help| format!("; {help}")).unwrap_or_default();
        found.push_str(&format!("{sign}{} {} {}{when}{help}\n", finding.code, finding.path, finding.message));
    }
    assert_eq!(found.trim_end(), expected.trim_end());
}

/// A template of one bucket with these properties, one a line.
fn bucket(properties: &str) -> String {
    format!(
        "Resources:\n  B:\n    Type: AWS::S3::Bucket\n    Properties:\n      {}\n",
        properties.trim().replace('\n', "\n      ")
    )
}

#[test]
fn a_valid_resource_has_no_findings() {
    check(&bucket("BucketName: some-name\nTags: [{Key: a, Value: b}]"), "");
}

#[test]
fn an_unknown_property_is_named_with_what_may_be_meant() {
    check(
        &bucket("BuketName: x"),
        "SCH0004 /BuketName AWS::S3::Bucket has no property `BuketName`; did you mean `BucketName`?",
    );
    check(
        &bucket("VersioningConfiguration: {status: Enabled}"),
        "SCH0004 /VersioningConfiguration/status `VersioningConfiguration` has no property `status`; did you mean `Status`?\n\
         SCH0005 /VersioningConfiguration `VersioningConfiguration` needs `Status`; `status` may be meant to be `Status`",
    );
}

#[test]
fn scalars_turn_into_each_other_but_not_into_lists() {
    check(
        "Resources: {Q: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: '80', FifoQueue: 'true', QueueName: 'x.fifo'}}}",
        "",
    );
    check(
        &bucket("ObjectLockEnabled: maybe"),
        "SCH0006 /ObjectLockEnabled `ObjectLockEnabled` is `maybe`, not a boolean",
    );
    check(&bucket("Tags: {a: b}"), "SCH0006 /Tags `Tags` is a mapping, not a list");
}

#[test]
fn values_outside_an_enumeration_or_a_bound_are_faults() {
    check(
        &bucket("VersioningConfiguration: {Status: enabled}"),
        "SCH0007 /VersioningConfiguration/Status `Status` is `enabled`, which is not one of the allowed values; did you mean `Enabled`?",
    );
    check(
        "Resources: {Q: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: 901}}}",
        "SCH0009 /DelaySeconds `DelaySeconds` is 901, which is not at most 900",
    );
    check(
        "Resources: {R: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {}, Path: x}}}",
        "SCH0008 /Path `Path` is `x`, which does not have the required form",
    );
}

#[test]
fn a_missing_property_and_one_that_aws_sets() {
    check(
        "Resources: {K: {Type: AWS::EC2::Subnet, Properties: {VpcId: vpc-12345678, CidrBlock: 10.0.0.0/24, SubnetId: x}}}",
        "SCH0013 /SubnetId `SubnetId` is set by AWS; the resource must not give it",
    );
    check(
        "Resources: {P: {Type: AWS::SNS::TopicPolicy, Properties: {Topics: [a]}}}",
        "SCH0005  AWS::SNS::TopicPolicy needs `PolicyDocument`",
    );
}

#[test]
fn types_that_do_not_exist_and_types_nobody_knows() {
    check(
        "Resources: {B: {Type: AWS::S3::Buket}}",
        "SCH0001  there is no resource type AWS::S3::Buket; did you mean `AWS::S3::Bucket`?",
    );
    check(
        "Resources: {B: {Type: Acme::Thing::Widget}}",
        "?SCH0002  nothing is known of the type Acme::Thing::Widget",
    );
    check(
        "Resources: {B: {Type: Custom::Widget, Properties: {ServiceToken: 'arn:aws:lambda:eu-west-1:111122223333:function:f', X: 1}}}",
        "",
    );
}

#[test]
fn references_fit_and_must_lead_somewhere() {
    let topic = "Resources:\n  T: {Type: AWS::SNS::Topic}\n  P:\n    Type: AWS::SNS::TopicPolicy\n    Properties: {PolicyDocument: {}, Topics: [";
    check(&format!("{topic}!Ref T]}}\n"), "");
    check(&format!("{topic}!GetAtt T.Arm]}}\n"), "SCH0014  AWS::SNS::Topic has no attribute `Arm`");
    check(
        "Resources:\n  V: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}\n  S: {Type: AWS::EC2::Subnet, Properties: {CidrBlock: 10.0.0.0/24, VpcId: !GetAtt V.CidrBlockAssociations}}\n",
        "SCH0006 /VpcId `VpcId` is `V.CidrBlockAssociations`, not a text",
    );
}

const PARAMETERS: &str = "Parameters:\n  Free: {Type: String}\n  Good: {Type: String, AllowedValues: [Enabled, Suspended]}\n  Mixed: {Type: String, AllowedValues: [Enabled, Disabled]}\n  Bad: {Type: String, AllowedValues: ['on', 'off']}\n  Vpc: {Type: 'AWS::EC2::VPC::Id'}\n";

#[test]
fn what_is_not_known_is_undecided_unless_all_of_it_fits_or_none() {
    let versioned = |parameter: &str| {
        format!("{PARAMETERS}{}", bucket(&format!("VersioningConfiguration: {{Status: !Ref {parameter}}}")))
    };
    check(&versioned("Good"), "");
    check(
        &versioned("Free"),
        "?SCH0016 /VersioningConfiguration/Status whether `Status` is one of `Enabled`, `Suspended` depends on `t/Free`",
    );
    check(
        &versioned("Mixed"),
        "?SCH0016 /VersioningConfiguration/Status whether `Status` fits (it does not for `Disabled`) depends on `t/Mixed`",
    );
    check(
        &versioned("Bad"),
        "SCH0007 /VersioningConfiguration/Status no allowed value of `t/Bad` fits: `Status` is `on`, which is not one of the allowed values",
    );
}

#[test]
fn a_parameter_that_names_what_exists_has_its_form() {
    check(
        &format!(
            "{PARAMETERS}Resources: {{S: {{Type: AWS::EC2::Subnet, Properties: {{CidrBlock: 10.0.0.0/24, VpcId: !Ref Vpc}}}}}}"
        ),
        "",
    );
}

const CONDITIONS: &str = "Parameters:\n  Env: {Type: String}\n  Size: {Type: String}\nConditions:\n  IsProd: !Equals [!Ref Env, prod]\n  IsDev: !Equals [!Ref Env, dev]\n  IsLarge: !Equals [!Ref Size, large]\n  IsNotProd: !Not [!Condition IsProd]\n";

#[test]
fn a_fault_under_a_condition_says_when() {
    check(
        &format!("{CONDITIONS}{}", bucket("VersioningConfiguration: {Status: !If [IsProd, Enabled, 'Off']}")),
        "SCH0007 /VersioningConfiguration/Status `Status` is `Off`, which is not one of the allowed values (if not IsProd)",
    );
    check(
        &format!(
            "{CONDITIONS}{}",
            bucket("VersioningConfiguration: {Status: !If [IsProd, !If [IsLarge, 'On', Enabled], Enabled]}")
        ),
        "SCH0007 /VersioningConfiguration/Status `Status` is `On`, which is not one of the allowed values (if IsProd and IsLarge)",
    );
    check(
        &format!(
            "{CONDITIONS}{}",
            bucket("VersioningConfiguration: {Status: !If [IsProd, Enabled, !Ref 'AWS::NoValue']}")
        ),
        "SCH0005 /VersioningConfiguration `VersioningConfiguration` needs `Status` (if not IsProd)",
    );
}

#[test]
fn what_cannot_be_together_is_no_fault() {
    // Not both prod and dev; not prod and not-prod.
    check(
        &format!(
            "{CONDITIONS}{}",
            bucket("VersioningConfiguration: {Status: !If [IsProd, !If [IsDev, 'Off', Enabled], Suspended]}")
        ),
        "",
    );
    check(
        &format!(
            "{CONDITIONS}{}",
            bucket(
                "VersioningConfiguration: {Status: !If [IsProd, !If [IsNotProd, 'Off', Enabled], Suspended]}"
            )
        ),
        "",
    );
    // The resource exists only when the faulty branch is not taken.
    let conditional = bucket("VersioningConfiguration: {Status: !If [IsProd, Enabled, 'Off']}")
        .replace("    Type:", "    Condition: IsProd\n    Type:");
    check(&format!("{CONDITIONS}{conditional}"), "");
}

#[test]
fn a_joined_text_is_judged_by_all_that_it_may_be() {
    let role = |arn: &str| {
        format!(
            "Resources: {{F: {{Type: AWS::Lambda::Function, Properties: {{Code: {{ImageUri: x}}, PackageType: Image, Role: !Sub '{arn}'}}}}}}"
        )
    };
    check(&role("arn:${AWS::Partition}:iam::${AWS::AccountId}:role/r"), "");
    check(
        &role("arn:${AWS::Partition}:s3:::${AWS::AccountId}"),
        "SCH0008 /Role `Role` is a text put together at deployment, which does not have the required form",
    );
}

#[test]
fn combinations_say_what_is_needed() {
    check(
        "Resources: {A: {Type: AWS::Lambda::Permission, Properties: {Action: 'lambda:InvokeFunction', FunctionName: f}}}",
        "SCH0005  AWS::Lambda::Permission needs `Principal`",
    );
    check(
        "Resources: {A: {Type: AWS::EC2::VPC, Properties: {EnableDnsSupport: true}}}",
        "SCH0011  AWS::EC2::VPC needs one of `CidrBlock`, `Ipv4IpamPoolId`",
    );
}

#[test]
fn hostile_nesting_ends_in_bounded_time() {
    // Web ACL statements refer to themselves.
    let mut statement = "{ByteMatchStatement: {}}".to_owned();
    for _ in 0..20 {
        statement = format!(
            "{{AndStatement: {{Statements: [{statement}, {statement_}]}}}}",
            statement_ = "{NotStatement: {Statement: {}}}"
        );
    }
    let template = format!(
        "Resources: {{W: {{Type: AWS::WAFv2::WebACL, Properties: {{Scope: REGIONAL, DefaultAction: {{Allow: {{}}}}, VisibilityConfig: {{SampledRequestsEnabled: true, CloudWatchMetricsEnabled: true, MetricName: m}}, Rules: [{{Name: r, Priority: 1, VisibilityConfig: {{SampledRequestsEnabled: true, CloudWatchMetricsEnabled: true, MetricName: m}}, Statement: {statement}}}]}}}}}}"
    );
    let (estate, _, _) = intake::from_texts(&[("t.yaml", &template)]);
    let start = std::time::Instant::now();
    assert!(!validate(&estate, Catalog::shared()).findings.is_empty());
    assert!(start.elapsed().as_secs() < 20);
}
