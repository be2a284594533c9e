//! What components need to be allowed, said without looking at any policy.
//!
//! In: an estate, and what a blueprint says somebody uses. Out: [`Need`]s: which role has to do what to what, on which way.
//! Always: a need follows from a property of a component, or from a sentence of the author, never from a policy; so what
//! is granted can be held against it from both sides.
//!
//! Sources: Amazon ECS Developer Guide, "Amazon ECS task execution IAM role"; Amazon ECR User Guide, "Amazon ECR interface VPC
//! endpoints"; Amazon S3 User Guide, "Required permissions for Amazon S3 API operations"; Amazon DynamoDB Developer Guide, "DynamoDB
//! API permissions"; Amazon RDS User Guide, "Creating and using an IAM policy for IAM database access"; AWS KMS Developer Guide, "How
//! Amazon S3 uses AWS KMS"; AWS Lambda Developer Guide, "Using Lambda with Amazon SQS" and "… Amazon Kinesis", execution role
//! permissions; AWS CloudTrail User Guide, "Role policy document for CloudTrail to use CloudWatch Logs".

pub(crate) mod parts;

use std::collections::HashMap;

use estate::{Pseudo, Reference, ResourceRef, SmolStr, StackId, Target, Value};
use iam::access::{Access, Names, Thing, marked};

use crate::Facts;
use crate::intent::Usage;
use parts::Parts;

/// Something that a role has to be allowed.
#[derive(Debug)]
pub(crate) struct Need<'a> {
    /// Position of the role in [`Access::holders`].
    pub holder: usize,
    /// The component that needs it.
    pub component: ResourceRef<'a>,
    /// The actions.
    pub actions: Vec<&'static str>,
    /// Of what.
    pub of: Of,
    /// The ARN that a request names, where it is not the thing's own.
    pub arn: Option<String>,
    /// Patterns that cover what is needed and nothing else.
    pub patterns: Vec<String>,
    /// The service that asks for the component: `s3` asks AWS KMS.
    pub via: Option<&'static str>,
    /// What says that it is needed.
    pub says: String,
}

/// What a need is of.
#[derive(Debug)]
pub(crate) enum Of {
    /// Position in [`Access::things`].
    Thing(usize),
    /// Nothing in particular: the action takes no resource.
    Account,
    /// Something that is not in the estate.
    Elsewhere,
}

/// Actions of a use: type of the store, what is beneath it or nothing, what the use does, actions.
const USES: &[(&str, &str, Does, &[&str])] = &[
    ("AWS::S3::Bucket", "/*", Does::Reads, &["s3:GetObject"]),
    ("AWS::S3::Bucket", "", Does::Reads, &["s3:ListBucket"]),
    ("AWS::S3::Bucket", "/*", Does::Writes, &["s3:PutObject", "s3:AbortMultipartUpload"]),
    ("AWS::S3::Bucket", "/*", Does::Both, &["s3:DeleteObject"]),
    ("AWS::DynamoDB::Table", "", Does::Either, &["dynamodb:DescribeTable"]),
    (
        "AWS::DynamoDB::Table",
        "",
        Does::Reads,
        &[
            "dynamodb:GetItem",
            "dynamodb:BatchGetItem",
            "dynamodb:ConditionCheckItem",
            "dynamodb:Query",
            "dynamodb:Scan",
        ],
    ),
    (
        "AWS::DynamoDB::Table",
        "",
        Does::Writes,
        &["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"],
    ),
    ("AWS::RDS::DBInstance", "", Does::Either, &["rds-db:connect"]),
];

/// What a use does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Does {
    Reads,
    Writes,
    Both,
    Either,
}

impl Does {
    fn covers(self, used: &Usage) -> bool {
        match self {
            Self::Reads => used.reads,
            Self::Writes => used.writes,
            Self::Both => used.reads && used.writes,
            Self::Either => true,
        }
    }
}

/// See [`PROPERTIES`].
type Row =
    (&'static str, &'static [&'static str], &'static [&'static str], &'static str, &'static [&'static str]);

/// Components with a role that has to do something to what another property names: type, path of the role, path of the
/// thing, type of the thing, actions.
const PROPERTIES: &[Row] = &[
    (
        "AWS::Lambda::EventSourceMapping",
        &["FunctionName"],
        &["EventSourceArn"],
        "AWS::SQS::Queue",
        &["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
    ),
    (
        "AWS::Lambda::EventSourceMapping",
        &["FunctionName"],
        &["EventSourceArn"],
        "AWS::Kinesis::Stream",
        &["kinesis:DescribeStream", "kinesis:GetRecords", "kinesis:GetShardIterator"],
    ),
    (
        "AWS::CloudTrail::Trail",
        &["CloudWatchLogsRoleArn"],
        &["CloudWatchLogsLogGroupArn"],
        "AWS::Logs::LogGroup",
        &["logs:CreateLogStream", "logs:PutLogEvents"],
    ),
];

/// An estate looked up for what is needed.
pub(crate) fn parts<'f, 'a>(facts: &'f Facts<'a>) -> Parts<'f, 'a> {
    let mut kinds: Vec<&str> = USES.iter().map(|(kind, ..)| *kind).collect();
    kinds.dedup();
    Parts::of(facts, &kinds)
}

/// Everything that is needed, in the estate's order.
pub(crate) fn needs<'a>(facts: &Facts<'a>, parts: &Parts<'_, 'a>) -> Vec<Need<'a>> {
    let access = facts.access();
    let by_place = |list: Vec<(StackId, &SmolStr)>| -> HashMap<(StackId, SmolStr), usize> {
        list.into_iter().enumerate().map(|(at, (stack, id))| ((stack, id.clone()), at)).collect()
    };
    let finder = Finder {
        facts,
        parts,
        access,
        holders: by_place(access.holders.iter().map(|one| (one.stack, &one.id)).collect()),
        things: by_place(access.things.iter().map(|one| (one.stack, &one.id)).collect()),
    };
    let mut out = Vec::new();
    for found in facts.index.all() {
        match found.resource.kind.as_str() {
            "AWS::ECS::TaskDefinition" => finder.task(found, &mut out),
            kind => {
                for row in PROPERTIES.iter().filter(|(known, ..)| *known == kind) {
                    finder.property(found, row, &mut out);
                }
            }
        }
    }
    for used in facts.options.intent.iter().flat_map(|intent| &intent.uses) {
        finder.used(used, &mut out);
    }
    out
}

struct Finder<'f, 'a> {
    facts: &'f Facts<'a>,
    parts: &'f Parts<'f, 'a>,
    access: &'f Access<'a>,
    holders: HashMap<(StackId, SmolStr), usize>,
    things: HashMap<(StackId, SmolStr), usize>,
}

impl<'a> Finder<'_, 'a> {
    fn holder(&self, role: &Value) -> Option<usize> {
        let found =
            self.facts.index.references(role).into_iter().find(|it| it.resource.kind == "AWS::IAM::Role")?;
        self.holders.get(&(found.stack_id, found.id.clone())).copied()
    }

    fn named(&self, value: &Value, kind: &str) -> Option<(ResourceRef<'a>, usize)> {
        let found = self.facts.index.references(value).into_iter().find(|it| it.resource.kind == kind)?;
        Some((found, *self.things.get(&(found.stack_id, found.id.clone()))?))
    }

    fn thing(&self, at: usize) -> Option<&Thing> {
        self.access.things.get(at)
    }

    /// What starts a task: its image, its log, its secrets.
    fn task(&self, found: ResourceRef<'a>, out: &mut Vec<Need<'a>>) {
        let properties = &found.resource.properties;
        let Some(holder) = properties.get("ExecutionRoleArn").and_then(|role| self.holder(role)) else {
            return;
        };
        let mut need = |actions: &[&'static str], of, patterns, says: &str| {
            let (actions, says) = (actions.to_vec(), says.to_owned());
            out.push(Need { holder, component: found, actions, of, arn: None, patterns, via: None, says });
        };
        for container in properties.get("ContainerDefinitions").map(Value::as_items).unwrap_or_default() {
            let pull = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
            let image = container.get("Image");
            let repository = image.and_then(|image| self.named(image, "AWS::ECR::Repository"));
            let foreign = image.and_then(Value::as_text).and_then(|image| private_registry(&image));
            if repository.is_some() || foreign.is_some() {
                let says = "a task pulls its image";
                need(&["ecr:GetAuthorizationToken"], Of::Account, vec!["*".to_owned()], says);
                match (repository, foreign) {
                    (Some((_, at)), _) => {
                        need(
                            &pull,
                            Of::Thing(at),
                            self.thing(at).map(|it| it.arn.clone()).into_iter().collect(),
                            says,
                        );
                    }
                    (None, Some(arn)) => need(&pull, Of::Elsewhere, vec![arn], says),
                    (None, None) => {}
                }
            }
            let group = container.get_path(&["LogConfiguration", "Options", "awslogs-group"]);
            if let Some((_, at)) = group.and_then(|group| self.named(group, "AWS::Logs::LogGroup")) {
                let patterns = self.thing(at).map(|it| it.arn.clone()).into_iter().collect();
                need(
                    &["logs:CreateLogStream", "logs:PutLogEvents"],
                    Of::Thing(at),
                    patterns,
                    "a task writes its log",
                );
            }
            for secret in container.get("Secrets").map(Value::as_items).unwrap_or_default() {
                let from = secret.get("ValueFrom");
                if let Some((_, at)) = from.and_then(|from| self.named(from, "AWS::SecretsManager::Secret")) {
                    let patterns = self.thing(at).map(|it| it.arn.clone()).into_iter().collect();
                    need(
                        &["secretsmanager:GetSecretValue"],
                        Of::Thing(at),
                        patterns,
                        "a task begins with a secret",
                    );
                }
            }
        }
    }

    fn property(
        &self,
        found: ResourceRef<'a>,
        (_, role, what, kind, actions): &Row,
        out: &mut Vec<Need<'a>>,
    ) {
        let properties = &found.resource.properties;
        let Some(role) = properties.get_path(role) else { return };
        // The role of a function is a property of the function.
        let function = self
            .facts
            .index
            .references(role)
            .into_iter()
            .find(|it| it.resource.kind == "AWS::Lambda::Function");
        let role = function.and_then(|function| function.resource.properties.get("Role")).unwrap_or(role);
        let (Some(holder), Some((named, at))) =
            (self.holder(role), properties.get_path(what).and_then(|value| self.named(value, kind)))
        else {
            return;
        };
        let patterns = self.thing(at).map(|it| it.arn.clone()).into_iter().collect();
        let says = format!("`{}` works on `{}`", found.id, named.id);
        let (actions, of) = (actions.to_vec(), Of::Thing(at));
        out.push(Need { holder, component: found, actions, of, arn: None, patterns, via: None, says });
    }

    fn used(&self, used: &Usage, out: &mut Vec<Need<'a>>) {
        let what = self.parts.of_party(&used.what);
        for (component, role) in self.parts.runners(&used.who) {
            let Some(&holder) = self.holders.get(&(role.stack_id, role.id.clone())) else { continue };
            for found in what.iter().copied() {
                let kind = found.resource.kind.as_str();
                let rows = || USES.iter().filter(|(known, _, does, _)| *known == kind && does.covers(used));
                let Some(&at) = self.things.get(&(found.stack_id, found.id.clone())) else { continue };
                let Some(thing) = self.thing(at).filter(|_| rows().next().is_some()) else { continue };
                for (_, beneath, _, actions) in rows() {
                    let (arn, patterns) = self.place(found, thing, beneath, used);
                    let (actions, says) = (actions.to_vec(), used.says.clone());
                    out.push(Need {
                        holder,
                        component,
                        actions,
                        of: Of::Thing(at),
                        arn,
                        patterns,
                        via: None,
                        says,
                    });
                }
                self.key_of(found, used, component, holder, out);
            }
        }
    }

    /// The ARN that a request for something of a store names, and the patterns of all of them.
    fn place(
        &self,
        found: ResourceRef<'_>,
        thing: &Thing,
        beneath: &str,
        used: &Usage,
    ) -> (Option<String>, Vec<String>) {
        match thing.kind.as_str() {
            "AWS::RDS::DBInstance" => {
                let names = Names::of(self.facts.estate);
                let id = Reference::attribute(found.stack_id, found.id.clone(), "DbiResourceId");
                let id = marked(&names.pieces(&Value::new(estate::Kind::Reference(Box::new(id)))));
                let account = marked(&[names.account(thing.account)]);
                let user = used.user.as_deref().unwrap_or("*");
                let arn =
                    format!("arn:aws:rds-db:{}:{account}:dbuser:{id}/{user}", region_of(self.facts, found));
                (Some(arn.clone()), vec![arn])
            }
            "AWS::DynamoDB::Table" => (None, vec![thing.arn.clone(), format!("{}/index/*", thing.arn)]),
            _ => (None, vec![format!("{}{beneath}", thing.arn)]),
        }
    }

    /// The key of a store that its service asks for whoever uses it.
    fn key_of(
        &self,
        found: ResourceRef<'a>,
        used: &Usage,
        component: ResourceRef<'a>,
        holder: usize,
        out: &mut Vec<Need<'a>>,
    ) {
        let (via, place): (_, &[&str]) = match found.resource.kind.as_str() {
            "AWS::S3::Bucket" => ("s3", &["BucketEncryption"]),
            "AWS::DynamoDB::Table" => ("dynamodb", &["SSESpecification"]),
            _ => return,
        };
        let Some(encryption) = found.resource.properties.get_path(place) else { return };
        for key in self.facts.index.references(encryption) {
            let Some(&at) = self.things.get(&(key.stack_id, key.id.clone())) else { continue };
            let Some(thing) = self.thing(at).filter(|thing| thing.kind.starts_with("AWS::KMS::")) else {
                continue;
            };
            let mut actions = vec!["kms:Decrypt"];
            actions.extend(used.writes.then_some("kms:GenerateDataKey"));
            out.push(Need {
                holder,
                component,
                actions,
                of: Of::Thing(at),
                arn: None,
                patterns: vec![thing.arn.clone()],
                via: Some(via),
                says: used.says.clone(),
            });
        }
    }
}

/// The region of a resource, as policies that refer to it have it.
pub(crate) fn region_of(facts: &Facts<'_>, found: ResourceRef<'_>) -> String {
    let target = Target::Pseudo { stack: found.stack_id, pseudo: Pseudo::Region };
    let reference = Reference { target, attribute: None };
    marked(&Names::of(facts.estate).pieces(&Value::new(estate::Kind::Reference(Box::new(reference)))))
}

/// The ARN of the repository of an image in a private registry.
/// Source: Amazon ECR User Guide, "Amazon ECR private registry", registry URI.
fn private_registry(image: &str) -> Option<String> {
    let (host, rest) = image.split_once('/')?;
    let (account, host) = host.split_once(".dkr.ecr.")?;
    let region = host.strip_suffix(".amazonaws.com")?;
    let repository = rest.split(['@', ':']).next()?;
    Some(format!("arn:aws:ecr:{region}:{account}:repository/{repository}"))
}
