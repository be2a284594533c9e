//! Ways to gain rights, one small estate each: what published collections demonstrate is found, what they set as traps
//! for tools is not.
//!
//! The estates are our own, made after the descriptions of Bishop Fox's "IAM Vulnerable" (its paths, and its tests of
//! tools for false alarms and misses) and of Datadog's "pathfinding.cloud".

use std::collections::BTreeMap;

use catalog::Catalog;
use prove::{Date, Options, Verdict, guarantees};

/// What every estate has: an administrator, a strong role that services may have, and something that runs as it.
const WORLD: &str = r#"
  Administrator: {Type: "AWS::IAM::User", Properties: {ManagedPolicyArns: ["arn:aws:iam::aws:policy/AdministratorAccess"]}}
  Administrators: {Type: "AWS::IAM::Group", Properties: {ManagedPolicyArns: ["arn:aws:iam::aws:policy/AdministratorAccess"]}}
  Strong:
    Type: AWS::IAM::Role
    Properties:
      ManagedPolicyArns: ["arn:aws:iam::aws:policy/AdministratorAccess"]
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Action: "sts:AssumeRole"
            Principal:
              Service: [SERVICES]
  Profile: {Type: "AWS::IAM::InstanceProfile", Properties: {Roles: [!Ref Strong]}}
  Machine: {Type: "AWS::EC2::Instance", Properties: {IamInstanceProfile: !Ref Profile}}
  Pattern: {Type: "AWS::EC2::LaunchTemplate", Properties: {LaunchTemplateData: {IamInstanceProfile: {Arn: !GetAtt Profile.Arn}}}}
  Code: {Type: "AWS::Lambda::Function", Properties: {Role: !GetAtt Strong.Arn, Code: {ZipFile: "x"}}}
  Endpoint: {Type: "AWS::Glue::DevEndpoint", Properties: {RoleArn: !GetAtt Strong.Arn}}
  Job: {Type: "AWS::Glue::Job", Properties: {Role: !GetAtt Strong.Arn, Command: {}}}
  Notebook: {Type: "AWS::SageMaker::NotebookInstance", Properties: {RoleArn: !GetAtt Strong.Arn, InstanceType: ml.t3.medium}}
  Build: {Type: "AWS::CodeBuild::Project", Properties: {ServiceRole: !GetAtt Strong.Arn, Artifacts: {Type: NO_ARTIFACTS}, Environment: {ComputeType: c, Image: i, Type: t}, Source: {Type: NO_SOURCE}}}
  Web: {Type: "AWS::AppRunner::Service", Properties: {SourceConfiguration: {}, InstanceConfiguration: {InstanceRoleArn: !GetAtt Strong.Arn}}}
  Interpreter: {Type: "AWS::BedrockAgentCore::CodeInterpreterCustom", Properties: {Name: i, NetworkConfiguration: {NetworkMode: PUBLIC}, ExecutionRoleArn: !GetAtt Strong.Arn}}
"#;

const SERVICES: &str = "ec2.amazonaws.com, datapipeline.amazonaws.com, cloudformation.amazonaws.com, lambda.amazonaws.com, \
    glue.amazonaws.com, ecs-tasks.amazonaws.com, codebuild.amazonaws.com, sagemaker.amazonaws.com, \
    tasks.apprunner.amazonaws.com, bedrock-agentcore.amazonaws.com";

/// The verdicts about a user and a role that have these statements, in the world and with `more`.
fn verdicts(statements: &str, more: &str) -> BTreeMap<String, Verdict> {
    let world = WORLD.replace("SERVICES", SERVICES);
    let text = format!(
        r#"
Resources:{world}{more}
  Own:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      ManagedPolicyName: own-policy
      Users: [!Ref StartUser]
      Roles: [!Ref StartRole]
      PolicyDocument: {{Version: "2012-10-17", Statement: [{statements}]}}
  Team: {{Type: "AWS::IAM::Group", Properties: {{}}}}
  StartUser: {{Type: "AWS::IAM::User", Properties: {{Groups: [!Ref Team]}}}}
  StartRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {{Version: "2012-10-17", Statement: [{{Effect: Allow, Principal: {{AWS: "arn:aws:iam::111122223333:user/person"}}, Action: "sts:AssumeRole"}}]}}
"#
    );
    let (estate, _, diagnostics) = intake::from_texts(&[("template.yaml", &text)]);
    assert!(!diagnostics.has_errors(), "{statements}: {diagnostics:?}");
    let guarantee = guarantees::by_id("no-privilege-escalation").unwrap();
    let list: &'static [_] = Box::leak(Box::new([guarantee]));
    let options = Options::on(Date::parse("2026-11-01").unwrap());
    let report = prove::check(&estate, list, Catalog::shared(), &options, &[]);
    let checked = &report.guarantees[0];
    let name = |subject: prove::Subject| {
        subject.resource_in(&estate).map_or(String::new(), |(id, _)| id.to_string())
    };
    let mut out: BTreeMap<String, Verdict> =
        checked.proved.iter().map(|subject| (name(*subject), Verdict::Proved)).collect();
    out.extend(checked.findings.iter().map(|finding| (name(finding.subject), finding.verdict)));
    out
}

/// What a collection shows: the name of its path, actions on `*`, what there has to be besides.
const SHOWN: &[(&str, &str)] = &[
    ("create policy version", "iam:CreatePolicyVersion"),
    ("set default policy version", "iam:SetDefaultPolicyVersion"),
    (
        "machine with a profile",
        "iam:PassRole ec2:RunInstances ec2:CreateKeyPair ec2:AssociateIamInstanceProfile",
    ),
    ("access key", "iam:CreateAccessKey"),
    ("login profile", "iam:CreateLoginProfile"),
    ("change login profile", "iam:UpdateLoginProfile"),
    ("attach user policy", "iam:AttachUserPolicy"),
    ("attach group policy", "iam:AttachGroupPolicy"),
    ("attach role policy", "iam:AttachRolePolicy"),
    ("put user policy", "iam:PutUserPolicy"),
    ("put group policy", "iam:PutGroupPolicy"),
    ("put role policy", "iam:PutRolePolicy"),
    ("add user to group", "iam:AddUserToGroup"),
    ("trust policy", "iam:UpdateAssumeRolePolicy sts:AssumeRole"),
    ("function, invoked", "iam:PassRole lambda:CreateFunction lambda:InvokeFunction"),
    ("function, by events", "iam:PassRole lambda:CreateFunction lambda:CreateEventSourceMapping"),
    ("function, permitted", "iam:PassRole lambda:CreateFunction lambda:AddPermission"),
    ("function that is there", "lambda:UpdateFunctionCode lambda:UpdateFunctionConfiguration"),
    ("new development endpoint", "iam:PassRole glue:CreateDevEndpoint glue:GetDevEndpoint"),
    ("development endpoint that is there", "glue:UpdateDevEndpoint glue:GetDevEndpoint"),
    ("stack", "iam:PassRole cloudformation:CreateStack cloudformation:DescribeStacks"),
    (
        "data pipeline",
        "iam:PassRole datapipeline:CreatePipeline datapipeline:PutPipelineDefinition datapipeline:ActivatePipeline",
    ),
    ("stack that is there", "cloudformation:UpdateStack cloudformation:DescribeStacks"),
    ("change set", "cloudformation:CreateChangeSet cloudformation:ExecuteChangeSet"),
    ("stack set", "iam:PassRole cloudformation:CreateStackSet cloudformation:CreateStackInstances"),
    ("stack set that is there", "iam:PassRole cloudformation:UpdateStackSet"),
    ("build project", "iam:PassRole codebuild:CreateProject codebuild:StartBuild codebuild:StartBuildBatch"),
    ("build project that is there", "codebuild:StartBuild"),
    ("batch of builds", "codebuild:StartBuildBatch"),
    ("instance connect", "ec2:DescribeInstances ec2-instance-connect:SendSSHPublicKey"),
    ("user data", "ec2:ModifyInstanceAttribute ec2:StopInstances ec2:StartInstances"),
    ("spot instances", "iam:PassRole ec2:RequestSpotInstances"),
    ("launch template", "ec2:CreateLaunchTemplateVersion ec2:ModifyLaunchTemplate"),
    (
        "notebook",
        "sagemaker:CreateNotebookInstance sagemaker:CreatePresignedNotebookInstanceUrl iam:PassRole",
    ),
    ("notebook that is there", "sagemaker:CreatePresignedNotebookInstanceUrl"),
    (
        "notebook's life",
        "sagemaker:CreateNotebookInstanceLifecycleConfig sagemaker:StopNotebookInstance sagemaker:UpdateNotebookInstance sagemaker:StartNotebookInstance",
    ),
    ("processing job", "sagemaker:CreateProcessingJob iam:PassRole"),
    ("training job", "sagemaker:CreateTrainingJob iam:PassRole"),
    ("send command", "ssm:SendCommand ssm:ListCommands"),
    ("start session", "ssm:StartSession ssm:ResumeSession"),
    ("tasks, run", "iam:PassRole ecs:CreateCluster ecs:RegisterTaskDefinition ecs:RunTask"),
    ("tasks, service", "iam:PassRole ecs:CreateCluster ecs:RegisterTaskDefinition ecs:CreateService"),
    ("tasks, started", "iam:PassRole ecs:RegisterTaskDefinition ecs:StartTask"),
    ("glue job, run", "iam:PassRole glue:CreateJob glue:StartJobRun"),
    ("glue job, triggered", "iam:PassRole glue:CreateJob glue:CreateTrigger"),
    ("glue job changed, run", "iam:PassRole glue:UpdateJob glue:StartJobRun"),
    ("glue job changed, triggered", "iam:PassRole glue:UpdateJob glue:CreateTrigger"),
    ("web service", "iam:PassRole apprunner:CreateService"),
    ("web service that is there", "apprunner:UpdateService"),
    (
        "interpreter",
        "iam:PassRole bedrock-agentcore:CreateCodeInterpreter bedrock-agentcore:StartCodeInterpreterSession bedrock-agentcore:InvokeCodeInterpreter",
    ),
    (
        "interpreter that is there",
        "bedrock-agentcore:StartCodeInterpreterSession bedrock-agentcore:InvokeCodeInterpreter",
    ),
    ("role of its own", "iam:CreateRole iam:AttachRolePolicy"),
];

fn allow(actions: &str, rest: &str) -> String {
    let list: Vec<String> = actions.split_whitespace().map(|action| format!("\"{action}\"")).collect();
    format!("{{Effect: Allow, Action: [{}], Resource: \"*\"{rest}}}", list.join(", "))
}

#[test]
fn every_published_way_is_found() {
    let mut missed = Vec::new();
    for (name, actions) in SHOWN {
        let found = verdicts(&allow(actions, ""), "");
        // A user's way is none of a role, and the other way round.
        let worst = found.get("StartUser").max(found.get("StartRole"));
        let wanted = if *name == "set default policy version" { Verdict::Unknown } else { Verdict::Violated };
        if worst != Some(&wanted) {
            missed.push((*name, worst.copied()));
        }
    }
    assert!(missed.is_empty(), "{} of {} missed: {missed:?}", missed.len(), SHOWN.len());
}

#[test]
fn half_of_a_way_is_none() {
    // Every way with its last action taken away, where that leaves no other way.
    for actions in [
        "iam:PassRole",
        "lambda:CreateFunction lambda:InvokeFunction",
        "iam:PassRole lambda:CreateFunction",
        "iam:CreateRole",
        "ec2:ModifyInstanceAttribute ec2:StartInstances",
        "iam:CreateUser iam:PutUserPermissionsBoundary",
        "codebuild:CreateProject",
        "ec2:RunInstances",
    ] {
        let found = verdicts(&allow(actions, ""), "");
        assert_eq!(found["StartUser"], Verdict::Proved, "{actions}");
        assert_eq!(found["StartRole"], Verdict::Proved, "{actions}");
    }
}

/// Traps for tools: name, statements, whether the user and the role can raise themselves.
const TRAPS: &[(&str, &str, bool)] = &[
    (
        "allowed and denied",
        r#"{Effect: Allow, Action: "iam:*", Resource: "*"}, {Effect: Deny, Action: "iam:*", Resource: "*"}"#,
        false,
    ),
    (
        "everything, and nothing",
        r#"{Effect: Allow, Action: "*", Resource: "*"}, {Effect: Deny, Action: "*", Resource: "*"}"#,
        false,
    ),
    ("only denied", r#"{Effect: Deny, Action: "iam:*", Resource: "*"}"#, false),
    (
        "policies of AWS cannot be changed",
        r#"{Effect: Allow, Action: "iam:CreatePolicyVersion", Resource: "arn:aws:iam::aws:policy/own-*"}"#,
        false,
    ),
    (
        "policies of another name",
        r#"{Effect: Allow, Action: "iam:CreatePolicyVersion", Resource: "arn:aws:iam::*:policy/other-*"}"#,
        false,
    ),
    (
        "policies of its name",
        r#"{Effect: Allow, Action: "iam:CreatePolicyVersion", Resource: "arn:aws:iam::*:policy/own-*"}"#,
        true,
    ),
    (
        "a condition that holds",
        r#"{Effect: Allow, Action: "iam:CreatePolicyVersion", Resource: "*", Condition: {DateGreaterThan: {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}}"#,
        true,
    ),
    (
        "a condition that never holds",
        r#"{Effect: Allow, Action: "iam:CreatePolicyVersion", Resource: "*", Condition: {StringEquals: {"aws:PrincipalArn": "arn:aws:iam::111122223333:user/somebody"}}}"#,
        false,
    ),
    (
        "all but some",
        r#"{Effect: Allow, NotAction: ["iam:Update*", "iam:Create*", "iam:Attach*"], Resource: "*"}"#,
        true,
    ),
    (
        "all but identities",
        r#"{Effect: Allow, NotAction: ["iam:*", "sts:*", "lambda:*", "ssm:*", "ec2*:*", "glue:*", "sagemaker:*", "codebuild:*", "cloudformation:*", "apprunner:*", "bedrock*:*"], Resource: "*"}"#,
        false,
    ),
    (
        "only policies that are listed",
        r#"{Effect: Allow, Action: ["iam:AttachUserPolicy", "iam:AttachRolePolicy"], Resource: "*", Condition: {ArnEquals: {"iam:PolicyARN": ["arn:aws:iam::aws:policy/ReadOnlyAccess"]}}}"#,
        false,
    ),
    (
        "policies of AWS",
        r#"{Effect: Allow, Action: ["iam:AttachUserPolicy", "iam:AttachRolePolicy"], Resource: "*", Condition: {ArnLike: {"iam:PolicyARN": "arn:aws:iam::aws:policy/*"}}}"#,
        true,
    ),
    (
        "passed to nobody that runs it",
        r#"{Effect: Allow, Action: ["lambda:CreateFunction", "lambda:InvokeFunction"], Resource: "*"}, {Effect: Allow, Action: "iam:PassRole", Resource: "*", Condition: {StringEquals: {"iam:PassedToService": "ecs.amazonaws.com"}}}"#,
        false,
    ),
    (
        "passed to whom it may be",
        r#"{Effect: Allow, Action: ["lambda:CreateFunction", "lambda:InvokeFunction"], Resource: "*"}, {Effect: Allow, Action: "iam:PassRole", Resource: "*", Condition: {StringEquals: {"iam:PassedToService": "lambda.amazonaws.com"}}}"#,
        true,
    ),
    (
        "a weak role by its ARN",
        r#"{Effect: Allow, Action: ["lambda:CreateFunction", "lambda:InvokeFunction"], Resource: "*"}, {Effect: Allow, Action: "iam:PassRole", Resource: !GetAtt Weak.Arn}"#,
        false,
    ),
    (
        "the strong role by its ARN",
        r#"{Effect: Allow, Action: ["lambda:CreateFunction", "lambda:InvokeFunction"], Resource: "*"}, {Effect: Allow, Action: "iam:PassRole", Resource: !GetAtt Strong.Arn}"#,
        true,
    ),
    (
        "a boundary for whomever it makes",
        r#"{Effect: Allow, Action: ["iam:CreateRole", "iam:AttachRolePolicy", "iam:PutRolePolicy"], Resource: "*", Condition: {StringEquals: {"iam:PermissionsBoundary": !Ref Bounds}}}"#,
        false,
    ),
    (
        "a boundary that bounds nothing",
        r#"{Effect: Allow, Action: ["iam:CreateRole", "iam:AttachRolePolicy", "iam:PutRolePolicy"], Resource: "*", Condition: {StringEquals: {"iam:PermissionsBoundary": !Ref Boundless}}}"#,
        true,
    ),
    (
        "its own keys",
        r#"{Effect: Allow, Action: ["iam:CreateAccessKey", "iam:UpdateLoginProfile"], Resource: "arn:aws:iam::*:user/${aws:username}"}"#,
        false,
    ),
    (
        "users of a folder",
        r#"{Effect: Allow, Action: "iam:CreateAccessKey", Resource: "arn:aws:iam::*:user/service/*"}"#,
        false,
    ),
    (
        "functions of another name",
        r#"{Effect: Allow, Action: "lambda:UpdateFunctionCode", Resource: "arn:aws:lambda:*:*:function:other:*"}"#,
        false,
    ),
    (
        "machines with a tag that none has",
        r#"{Effect: Allow, Action: "ssm:StartSession", Resource: "*", Condition: {StringEquals: {"ssm:resourceTag/open": "yes"}}}"#,
        false,
    ),
    (
        "machines with a tag, or without",
        r#"{Effect: Allow, Action: "ssm:StartSession", Resource: "*", Condition: {StringNotEquals: {"ssm:resourceTag/open": "no"}}}"#,
        true,
    ),
    ("roles that are not there", r#"{Effect: Allow, Action: "sts:AssumeRole", Resource: "*"}"#, false),
    ("nothing of identities", r#"{Effect: Allow, Action: ["s3:*", "logs:*"], Resource: "*"}"#, false),
];

const BESIDES: &str = r#"
  Weak:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: "sts:AssumeRole"}]}
      Policies: [{PolicyName: Logs, PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "logs:PutLogEvents", Resource: "*"}]}}]
  Bounds: {Type: "AWS::IAM::ManagedPolicy", Properties: {PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:*", Resource: "*"}]}}}
  Boundless: {Type: "AWS::IAM::ManagedPolicy", Properties: {PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "*", Resource: "*"}]}}}
"#;

#[test]
fn traps_are_not_reported_and_what_looks_like_one_is() {
    let mut wrong = Vec::new();
    for (name, statements, can) in TRAPS {
        let found = verdicts(statements, BESIDES);
        let (user, role) = (found["StartUser"], found["StartRole"]);
        let right = if *can {
            user.max(role) == Verdict::Violated
        } else {
            (user, role) == (Verdict::Proved, Verdict::Proved)
        };
        if !right {
            wrong.push((*name, user, role));
        }
    }
    assert!(wrong.is_empty(), "{} of {}: {wrong:?}", wrong.len(), TRAPS.len());
}

#[test]
fn administrators_and_weak_roles_are_left_alone() {
    let found = verdicts(&allow("s3:GetObject", ""), BESIDES);
    assert!(found.values().all(|verdict| *verdict == Verdict::Proved), "{found:?}");
}

#[test]
fn control_policies_and_machines_without_agent_count() {
    // A machine whose role may not open Session Manager's channels answers nobody.
    let weak = r#"
  Quiet: {Type: "AWS::IAM::InstanceProfile", Properties: {Roles: [!Ref Silent]}}
  Still: {Type: "AWS::EC2::Instance", Properties: {IamInstanceProfile: !Ref Quiet}}
  Silent:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: "sts:AssumeRole"}]}
      Policies: [{PolicyName: Data, PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:GetObject", Resource: "*"}]}}]
"#;
    let statement = r#"{Effect: Allow, Action: "ssm:StartSession", Resource: "*", Condition: {StringEquals: {"aws:ResourceTag/quiet": "yes"}}}"#;
    let tagged = weak.replace(
        "{IamInstanceProfile: !Ref Quiet}",
        "{IamInstanceProfile: !Ref Quiet, Tags: [{Key: quiet, Value: \"yes\"}]}",
    );
    let found = verdicts(statement, &tagged);
    assert_eq!(found["StartUser"], Verdict::Proved);
    let speaking =
        tagged.replace("Action: \"s3:GetObject\"", "Action: [\"s3:GetObject\", \"ssmmessages:*\"]");
    let found = verdicts(statement, &speaking);
    assert_eq!(found["StartUser"], Verdict::Violated);
}
