//! Small estates that the tests emit.

use catalog::Catalog;
use diagnostics::{Diagnostics, Span};
use emit::cloudformation::{Emission, Options, emit};
use estate::{
    Account, AccountId, Condition, ConditionRef, Dependency, Estate, Formula, Kind, Literal, Origin, Output,
    Pseudo, Reference, Resource, Stack, StackId, Target, Value, value,
};

pub fn account(name: &str) -> Account {
    Account {
        name: name.into(),
        title: None,
        number: None,
        unit: None,
        environment: Some(name.into()),
        span: Span::NONE,
    }
}

pub fn origin() -> Origin {
    Origin::written(Span::NONE)
}

pub fn reference(stack: StackId, id: &str) -> Value {
    Value::from(Reference::to(stack, id))
}

pub fn attribute(stack: StackId, id: &str, attribute: &str) -> Value {
    Value::from(Reference::attribute(stack, id, attribute))
}

pub fn number_of(account: AccountId) -> Value {
    Value::from(Reference { target: Target::Account(account), attribute: None })
}

pub fn pseudo(stack: StackId, pseudo: Pseudo) -> Value {
    Value::from(Reference { target: Target::Pseudo { stack, pseudo }, attribute: None })
}

pub fn emitted(estate: &Estate, options: &Options) -> Emission {
    let mut diagnostics = Diagnostics::new();
    let emission = emit(estate, Catalog::shared(), options, &mut diagnostics);
    let messages: Vec<_> = diagnostics.iter().map(|diagnostic| &diagnostic.message).collect();
    emission.unwrap_or_else(|| panic!("nothing is emitted: {messages:#?}"))
}

pub fn refused(estate: &Estate) -> Vec<String> {
    let mut diagnostics = Diagnostics::new();
    let emission = emit(estate, Catalog::shared(), &Options::default(), &mut diagnostics);
    assert!(emission.is_none());
    diagnostics.iter().map(|diagnostic| format!("{}: {}", diagnostic.code, diagnostic.message)).collect()
}

/// Two accounts: a management account that makes the other, a network, and an application that uses both.
pub fn small() -> Estate {
    let mut estate = Estate { name: "clinic".into(), ..Estate::default() };
    let management = estate.add_account(account("management"));
    let prod = estate.add_account(account("prod"));
    let region = || Some("eu-central-1".into());
    let mut organization = Stack::new("organization", management, region(), Span::NONE);
    organization.description = "Accounts and their guardrails".into();
    organization.resources.insert(
        "Prod".into(),
        Resource::new(
            "AWS::Organizations::Account",
            value!({ "AccountName": "prod", "Email": "aws+prod@example.org" }),
            origin(),
        )
        .retained(),
    );
    estate.add_stack(organization);

    let network = StackId(1);
    let mut stack = Stack::new("network", prod, region(), Span::NONE);
    stack.description = "The production network".into();
    stack.resources.insert(
        "Vpc".into(),
        Resource::new(
            "AWS::EC2::VPC",
            value!({ "CidrBlock": "10.0.0.0/16", "EnableDnsSupport": true }),
            origin(),
        ),
    );
    stack.resources.insert(
        "Subnet".into(),
        Resource::new(
            "AWS::EC2::Subnet",
            value!({ "VpcId": (reference(network, "Vpc")), "CidrBlock": "10.0.0.0/24", "Tags": [{ "Key": "Name", "Value": "app" }] }),
            origin(),
        ),
    );
    estate.add_stack(stack);
    estate.add_stack(application(network, management, prod));
    estate
}

fn application(network: StackId, management: AccountId, prod: AccountId) -> Stack {
    let own = StackId(2);
    let condition = ConditionRef { stack: own, name: "IsPrimary".into() };
    let mut stack = Stack::new("application", prod, Some("eu-central-1".into()), Span::NONE);
    stack.description = "The application: its key, its bucket, its queue".into();
    stack.conditions.insert(
        "IsPrimary".into(),
        Condition {
            formula: Formula::Equals(Box::new(pseudo(own, Pseudo::Partition)), Box::new("aws".literal())),
            truth: None,
            span: Span::NONE,
        },
    );
    let root = Value::join([
        "arn:".literal(),
        pseudo(own, Pseudo::Partition),
        ":iam::".literal(),
        number_of(management),
        ":root".literal(),
    ]);
    stack.resources.insert(
        "Key".into(),
        Resource::new(
            "AWS::KMS::Key",
            value!({
                "Description": "Data of the application",
                "EnableKeyRotation": true,
                "KeyPolicy": {
                    "Version": "2012-10-17",
                    "Statement": [{ "Sid": "Administer", "Effect": "Allow", "Principal": { "AWS": root }, "Action": "kms:*", "Resource": "*" }]
                }
            }),
            origin(),
        )
        .retained(),
    );
    let mut bucket = Resource::new(
        "AWS::S3::Bucket",
        value!({
            "BucketName": (Value::join(["clinic-".literal(), number_of(prod), "-data".literal()])),
            "BucketEncryption": { "ServerSideEncryptionConfiguration": [{ "ServerSideEncryptionByDefault": {
                "SSEAlgorithm": "aws:kms", "KMSMasterKeyID": (attribute(own, "Key", "Arn"))
            } }] },
            "Tags": [{ "Key": "vpc", "Value": (reference(network, "Vpc")) }, { "Key": "made by", "Value": (Value::join(["${!x} ".literal(), attribute(StackId(0), "Prod", "Arn")])) }]
        }),
        origin(),
    )
    .retained();
    bucket.depends_on.push(Dependency { id: "Key".into(), span: Span::NONE });
    bucket.depends_on.push(Dependency { id: "Queue".into(), span: Span::NONE });
    stack.resources.insert("Bucket".into(), bucket);
    let case = estate::Case { condition, then: 1_209_600_i64.literal(), otherwise: Value::new(Kind::Absent) };
    stack.resources.insert(
        "Queue".into(),
        Resource::new(
            "AWS::SQS::Queue",
            value!({ "MessageRetentionPeriod": (Value::new(Kind::Case(Box::new(case)))), "KmsMasterKeyId": (reference(own, "Key")) }),
            origin(),
        )
        .retained(),
    );
    stack.outputs.insert(
        "QueueUrl".into(),
        Output {
            value: reference(own, "Queue"),
            export: None,
            condition: None,
            description: "Where work is put".into(),
            span: Span::NONE,
        },
    );
    stack
}
