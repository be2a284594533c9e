//! What an estate's values say, as texts of policies.
//!
//! In: values of an estate. Out: a [`Written`] policy, and ARNs. Always: what AWS will assign is a symbol, the same one
//! wherever it is referred to and another for everything else; the rest of an ARN is spelled out, so that patterns
//! can be held against it.
//!
//! Sources: "Return values" of each type's page in the AWS CloudFormation Template Reference; resource ARN formats of
//! the Service Authorization Reference.

use estate::{AccountId, Estate, Kind, Pseudo, Reference, Resource, StackId, Target, Value};
use smol_str::{SmolStr, format_smolstr};

use crate::symbolic::symbols;
use crate::written::{Piece, Shape, Written};

/// How a resource type is named: type, property of the physical name, whether `Ref` is the ARN, the attribute that is,
/// and the ARN. `{r}` stands for the region, `{a}` for the account, `{n}` for the name, `{p}` for the path of IAM.
const ARNS: &[(&str, &str, bool, &str, &str)] = &[
    ("AWS::S3::Bucket", "BucketName", false, "Arn", "arn:aws:s3:::{n}"),
    ("AWS::KMS::Key", "", false, "Arn", "arn:aws:kms:{r}:{a}:key/{n}"),
    ("AWS::KMS::ReplicaKey", "", false, "Arn", "arn:aws:kms:{r}:{a}:key/{n}"),
    ("AWS::IAM::Role", "RoleName", false, "Arn", "arn:aws:iam::{a}:role{p}{n}"),
    ("AWS::IAM::User", "UserName", false, "Arn", "arn:aws:iam::{a}:user{p}{n}"),
    ("AWS::IAM::Group", "GroupName", false, "Arn", "arn:aws:iam::{a}:group{p}{n}"),
    ("AWS::IAM::ManagedPolicy", "ManagedPolicyName", true, "PolicyArn", "arn:aws:iam::{a}:policy{p}{n}"),
    (
        "AWS::IAM::InstanceProfile",
        "InstanceProfileName",
        false,
        "Arn",
        "arn:aws:iam::{a}:instance-profile{p}{n}",
    ),
    ("AWS::DynamoDB::Table", "TableName", false, "Arn", "arn:aws:dynamodb:{r}:{a}:table/{n}"),
    ("AWS::DynamoDB::GlobalTable", "TableName", false, "Arn", "arn:aws:dynamodb:{r}:{a}:table/{n}"),
    ("AWS::SQS::Queue", "QueueName", false, "Arn", "arn:aws:sqs:{r}:{a}:{n}"),
    ("AWS::SNS::Topic", "TopicName", true, "TopicArn", "arn:aws:sns:{r}:{a}:{n}"),
    ("AWS::Lambda::Function", "FunctionName", false, "Arn", "arn:aws:lambda:{r}:{a}:function:{n}"),
    ("AWS::Logs::LogGroup", "LogGroupName", false, "Arn", "arn:aws:logs:{r}:{a}:log-group:{n}:*"),
    ("AWS::SecretsManager::Secret", "Name", true, "Id", "arn:aws:secretsmanager:{r}:{a}:secret:{n}"),
    ("AWS::ECR::Repository", "RepositoryName", false, "Arn", "arn:aws:ecr:{r}:{a}:repository/{n}"),
    ("AWS::RDS::DBInstance", "DBInstanceIdentifier", false, "DBInstanceArn", "arn:aws:rds:{r}:{a}:db:{n}"),
    ("AWS::RDS::DBCluster", "DBClusterIdentifier", false, "DBClusterArn", "arn:aws:rds:{r}:{a}:cluster:{n}"),
    ("AWS::CloudTrail::Trail", "TrailName", false, "Arn", "arn:aws:cloudtrail:{r}:{a}:trail/{n}"),
    (
        "AWS::Backup::BackupVault",
        "BackupVaultName",
        false,
        "BackupVaultArn",
        "arn:aws:backup:{r}:{a}:backup-vault:{n}",
    ),
    ("AWS::ECS::Cluster", "ClusterName", false, "Arn", "arn:aws:ecs:{r}:{a}:cluster/{n}"),
    (
        "AWS::ECS::TaskDefinition",
        "Family",
        true,
        "TaskDefinitionArn",
        "arn:aws:ecs:{r}:{a}:task-definition/{n}",
    ),
    (
        "AWS::StepFunctions::StateMachine",
        "StateMachineName",
        true,
        "Arn",
        "arn:aws:states:{r}:{a}:stateMachine:{n}",
    ),
    ("AWS::Kinesis::Stream", "Name", false, "Arn", "arn:aws:kinesis:{r}:{a}:stream/{n}"),
    (
        "AWS::KinesisFirehose::DeliveryStream",
        "DeliveryStreamName",
        false,
        "Arn",
        "arn:aws:firehose:{r}:{a}:deliverystream/{n}",
    ),
    ("AWS::Events::EventBus", "Name", false, "Arn", "arn:aws:events:{r}:{a}:event-bus/{n}"),
    ("AWS::EFS::FileSystem", "", false, "Arn", "arn:aws:elasticfilesystem:{r}:{a}:file-system/{n}"),
    ("AWS::EC2::Instance", "", false, "Arn", "arn:aws:ec2:{r}:{a}:instance/{n}"),
    ("AWS::CodeBuild::Project", "Name", false, "Arn", "arn:aws:codebuild:{r}:{a}:project/{n}"),
    ("AWS::CodePipeline::Pipeline", "Name", false, "Arn", "arn:aws:codepipeline:{r}:{a}:{n}"),
    ("AWS::SSM::Parameter", "Name", false, "Arn", "arn:aws:ssm:{r}:{a}:parameter/{n}"),
    (
        "AWS::Config::ConfigurationRecorder",
        "Name",
        false,
        "Arn",
        "arn:aws:config:{r}:{a}:configuration-recorder/{n}",
    ),
    ("AWS::GuardDuty::Detector", "", false, "Arn", "arn:aws:guardduty:{r}:{a}:detector/{n}"),
    ("AWS::Cognito::UserPool", "", false, "Arn", "arn:aws:cognito-idp:{r}:{a}:userpool/{n}"),
    ("AWS::Glue::DevEndpoint", "EndpointName", false, "", "arn:aws:glue:{r}:{a}:devEndpoint/{n}"),
    ("AWS::Glue::Job", "Name", false, "", "arn:aws:glue:{r}:{a}:job/{n}"),
    (
        "AWS::SageMaker::NotebookInstance",
        "NotebookInstanceName",
        true,
        "",
        "arn:aws:sagemaker:{r}:{a}:notebook-instance/{n}",
    ),
    ("AWS::EC2::LaunchTemplate", "", false, "", "arn:aws:ec2:{r}:{a}:launch-template/{n}"),
    ("AWS::AppRunner::Service", "ServiceName", true, "ServiceArn", "arn:aws:apprunner:{r}:{a}:service/{n}"),
    ("AWS::Batch::JobDefinition", "JobDefinitionName", true, "", "arn:aws:batch:{r}:{a}:job-definition/{n}"),
    ("AWS::EMR::Cluster", "", false, "", "arn:aws:elasticmapreduce:{r}:{a}:cluster/{n}"),
    (
        "AWS::BedrockAgentCore::CodeInterpreterCustom",
        "",
        false,
        "CodeInterpreterArn",
        "arn:aws:bedrock-agentcore:{r}:{a}:code-interpreter-custom/{n}",
    ),
];

/// Names over one estate.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    estate: &'a Estate,
}

impl<'a> Names<'a> {
    /// The names of an estate.
    #[must_use]
    pub fn of(estate: &'a Estate) -> Self {
        Self { estate }
    }

    /// A value as a policy's tree.
    #[must_use]
    pub fn written(self, value: &Value) -> Written {
        let shape = match &value.kind {
            Kind::Null | Kind::Absent => Shape::Null,
            Kind::Bool(value) => Shape::Bool(*value),
            Kind::Number(_) => Shape::Number(value.as_text().unwrap_or_default()),
            Kind::String(text) => Shape::Text(text.clone()),
            Kind::List(items) => {
                let there = items.iter().filter(|item| !matches!(item.kind, Kind::Absent));
                Shape::List(there.map(|item| self.written(item)).collect())
            }
            Kind::Map(map) => {
                let entries = map.iter().filter(|entry| !matches!(entry.value.kind, Kind::Absent));
                Shape::Map(
                    entries
                        .map(|entry| (entry.key.clone(), entry.key_span, self.written(&entry.value)))
                        .collect(),
                )
            }
            _ => {
                let pieces = self.pieces(value);
                match literal(&pieces) {
                    Some(text) => Shape::Text(text),
                    None => Shape::Pieces(pieces),
                }
            }
        };
        Written { span: value.span, shape }
    }

    /// A text in pieces.
    #[must_use]
    pub fn pieces(self, value: &Value) -> Vec<Piece> {
        match &value.kind {
            Kind::Join(items) => items.iter().flat_map(|item| self.pieces(item)).collect(),
            Kind::Reference(reference) => self.reference(reference),
            Kind::Unknown(unknown) => vec![Piece::Unknown(unknown.symbol.clone())],
            _ => match value.as_text() {
                Some(text) => vec![Piece::Text(text)],
                // The same expression is the same value.
                None => vec![Piece::Unknown(format_smolstr!("{}", value.describe()))],
            },
        }
    }

    fn reference(self, reference: &Reference) -> Vec<Piece> {
        match &reference.target {
            Target::Account(account) => vec![self.account(*account)],
            Target::Pseudo { stack, pseudo } => vec![self.pseudo(*stack, *pseudo)],
            Target::Resource { stack, id } => {
                let Some(resource) = self.estate.resource(*stack, id) else {
                    return vec![Piece::Unknown(format_smolstr!(
                        "{}/{reference}",
                        self.estate.stack_path(*stack)
                    ))];
                };
                self.attribute(*stack, id, resource, reference.attribute.as_deref())
            }
        }
    }

    fn attribute(self, stack: StackId, id: &str, resource: &Resource, attribute: Option<&str>) -> Vec<Piece> {
        let row = ARNS.iter().find(|(kind, ..)| *kind == resource.kind);
        if let Some((_, _, ref_is_arn, arn, _)) = row {
            let asks_arn = attribute.map_or(*ref_is_arn, |attribute| attribute == *arn || attribute == "Arn");
            if asks_arn {
                return self.arn(stack, id, resource).unwrap_or_default();
            }
        }
        if attribute.is_none() {
            if resource.kind == "AWS::SQS::Queue" {
                let mut url = vec![Piece::Text("https://queue/".into())];
                url.extend(self.name(stack, id, resource));
                return url;
            }
            return self.name(stack, id, resource);
        }
        let suffix = attribute.unwrap_or_default();
        vec![Piece::Unknown(format_smolstr!("{}.{suffix}", self.path(stack, id)))]
    }

    /// The ARN of a resource, where its type's form is known.
    #[must_use]
    pub fn arn(self, stack: StackId, id: &str, resource: &Resource) -> Option<Vec<Piece>> {
        let (.., template) = ARNS.iter().find(|(kind, ..)| *kind == resource.kind)?;
        let mut out = Vec::new();
        let mut rest = *template;
        while let Some((before, after)) = rest.split_once('{') {
            let (what, after) = after.split_once('}')?;
            out.push(Piece::Text(before.into()));
            match what {
                "r" => out.push(self.region(stack)),
                "a" => {
                    out.push(self.estate.stack(stack).map_or_else(
                        || Piece::Unknown("account".into()),
                        |stack| self.account(stack.account),
                    ))
                }
                "p" => out.extend(match resource.properties.get("Path") {
                    Some(path) => self.pieces(path),
                    None => vec![Piece::Text("/".into())],
                }),
                _ => out.extend(self.name(stack, id, resource)),
            }
            rest = after;
        }
        out.push(Piece::Text(rest.into()));
        Some(out)
    }

    /// The physical name: what is written, or a symbol for what AWS will make up.
    fn name(self, stack: StackId, id: &str, resource: &Resource) -> Vec<Piece> {
        let property = ARNS.iter().find(|(kind, ..)| *kind == resource.kind).map_or("", |(_, name, ..)| name);
        match resource.properties.get(property) {
            Some(name) if !property.is_empty() => {
                let mut pieces = self.pieces(name);
                if resource.kind == "AWS::SSM::Parameter"
                    && let Some(Piece::Text(text)) = pieces.first_mut()
                    && let Some(bare) = text.strip_prefix('/')
                {
                    *text = bare.into();
                }
                pieces
            }
            _ => vec![Piece::Unknown(format_smolstr!("{MADE_UP}{}", self.path(stack, id)))],
        }
    }

    fn path(self, stack: StackId, id: &str) -> SmolStr {
        format_smolstr!("{}/{id}", self.estate.stack_path(stack))
    }

    fn region(self, stack: StackId) -> Piece {
        match self.estate.stack(stack).and_then(|stack| stack.region.clone()) {
            Some(region) => Piece::Text(region),
            None => Piece::Unknown("the region".into()),
        }
    }

    /// An account's number, or the symbol of the account.
    #[must_use]
    pub fn account(self, account: AccountId) -> Piece {
        match self.estate.account(account) {
            Some(account) => match &account.number {
                Some(number) => Piece::Text(number.clone()),
                None => Piece::Unknown(format_smolstr!("account {}", account.name)),
            },
            None => Piece::Unknown("account".into()),
        }
    }

    fn pseudo(self, stack: StackId, pseudo: Pseudo) -> Piece {
        match pseudo {
            Pseudo::Partition => Piece::Text("aws".into()),
            Pseudo::UrlSuffix => Piece::Text("amazonaws.com".into()),
            Pseudo::Region => self.region(stack),
            other => Piece::Unknown(format_smolstr!("{}/{}", self.estate.stack_path(stack), other.name())),
        }
    }
}

/// What the symbol of a name begins with that AWS makes up.
const MADE_UP: &str = "name of ";

/// Whether a symbol stands for a name that AWS makes up.
pub(super) fn is_made_up(symbol: &str) -> bool {
    symbol.starts_with(MADE_UP)
}

/// Whether a symbol stands for an account's number.
pub(super) fn is_account(symbol: &str) -> bool {
    symbol.starts_with("account ") || symbol.ends_with("/AWS::AccountId")
}

fn literal(pieces: &[Piece]) -> Option<SmolStr> {
    let texts = pieces.iter().map(|piece| match piece {
        Piece::Text(text) => Some(text.as_str()),
        Piece::Unknown(_) => None,
    });
    texts.collect::<Option<String>>().map(SmolStr::from)
}

/// Pieces as one text in which symbols stand are one character each, as the symbolic engine writes them.
#[must_use]
pub fn marked(pieces: &[Piece]) -> String {
    pieces
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => text.to_string(),
            Piece::Unknown(name) => symbols::of(name).to_string(),
        })
        .collect()
}

/// A marked text for people: symbols in braces, by the last part of their path.
#[must_use]
pub fn shown(marked: &str) -> String {
    let mut out = String::with_capacity(marked.len());
    for c in marked.chars() {
        match symbols::is_one(c).then(|| symbols::name_of(c)).flatten() {
            Some(name) => out.push_str(&format!("{{{}}}", name.rsplit('/').next().unwrap_or(&name))),
            None => out.push(c),
        }
    }
    out
}
