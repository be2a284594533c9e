//! `Policies` of serverless resources: managed policies by name or ARN, statements, and policy templates.
//!
//! Source: AWS SAM Developer Guide, "AWS SAM policy templates"; managed policies: AWS Managed Policy Reference.

use document::{Kind, Node};
use smol_str::SmolStr;

use super::function::service_role;
use super::node::{Written, entries, entry, node, sub, unknown};
use super::{Expansion, Source};

/// Managed policies that lie below `service-role/`.
const SERVICE_ROLES: &[&str] = &[
    "AWSLambdaBasicDurableExecutionRolePolicy",
    "AWSLambdaBasicExecutionRole",
    "AWSLambdaDynamoDBExecutionRole",
    "AWSLambdaENIManagementAccess",
    "AWSLambdaKinesisExecutionRole",
    "AWSLambdaMSKExecutionRole",
    "AWSLambdaRole",
    "AWSLambdaSQSQueueExecutionRole",
    "AWSLambdaVPCAccessExecutionRole",
    "AmazonAPIGatewayPushToCloudWatchLogs",
    "AmazonS3ObjectLambdaExecutionRolePolicy",
];

/// The common policy templates: for each statement its actions and its resources. `{Name}` stands for a
/// parameter of the template, `~` for region and account, and `arn:` with the partition is left out.
const TEMPLATES: &[(&str, &[(&str, &str)])] = &[
    ("AWSSecretsManagerGetSecretValuePolicy", &[("secretsmanager:GetSecretValue", "{SecretArn}")]),
    ("AcmGetCertificatePolicy", &[("acm:GetCertificate", "{CertificateArn}")]),
    ("CloudWatchPutMetricPolicy", &[("cloudwatch:PutMetricData", "*")]),
    (
        "DynamoDBCrudPolicy",
        &[(
            "dynamodb:GetItem dynamodb:DeleteItem dynamodb:PutItem dynamodb:Scan dynamodb:Query \
                 dynamodb:UpdateItem dynamodb:BatchWriteItem dynamodb:BatchGetItem dynamodb:DescribeTable \
                 dynamodb:ConditionCheckItem",
            "dynamodb:~:table/{TableName} dynamodb:~:table/{TableName}/index/*",
        )],
    ),
    (
        "DynamoDBReadPolicy",
        &[(
            "dynamodb:GetItem dynamodb:Scan dynamodb:Query dynamodb:BatchGetItem dynamodb:DescribeTable",
            "dynamodb:~:table/{TableName} dynamodb:~:table/{TableName}/index/*",
        )],
    ),
    (
        "DynamoDBStreamReadPolicy",
        &[
            (
                "dynamodb:DescribeStream dynamodb:GetRecords dynamodb:GetShardIterator",
                "dynamodb:~:table/{TableName}/stream/{StreamName}",
            ),
            ("dynamodb:ListStreams", "dynamodb:~:table/{TableName}/stream/*"),
        ],
    ),
    (
        "DynamoDBWritePolicy",
        &[(
            "dynamodb:PutItem dynamodb:UpdateItem dynamodb:BatchWriteItem",
            "dynamodb:~:table/{TableName} dynamodb:~:table/{TableName}/index/*",
        )],
    ),
    ("EC2DescribePolicy", &[("ec2:DescribeRegions ec2:DescribeInstances", "*")]),
    ("EventBridgePutEventsPolicy", &[("events:PutEvents", "events:~:event-bus/{EventBusName}")]),
    ("FilterLogEventsPolicy", &[("logs:FilterLogEvents", "logs:~:log-group:{LogGroupName}:log-stream:*")]),
    (
        "FirehoseCrudPolicy",
        &[(
            "firehose:CreateDeliveryStream firehose:DeleteDeliveryStream firehose:DescribeDeliveryStream \
                 firehose:PutRecord firehose:PutRecordBatch firehose:UpdateDestination",
            "firehose:~:deliverystream/{DeliveryStreamName}",
        )],
    ),
    (
        "FirehoseWritePolicy",
        &[("firehose:PutRecord firehose:PutRecordBatch", "firehose:~:deliverystream/{DeliveryStreamName}")],
    ),
    ("KMSDecryptPolicy", &[("kms:Decrypt", "kms:~:key/{KeyId}")]),
    ("KMSEncryptPolicy", &[("kms:Encrypt", "kms:~:key/{KeyId}")]),
    (
        "KinesisCrudPolicy",
        &[(
            "kinesis:AddTagsToStream kinesis:CreateStream kinesis:DecreaseStreamRetentionPeriod \
                 kinesis:DeleteStream kinesis:DescribeStream kinesis:DescribeStreamSummary \
                 kinesis:GetShardIterator kinesis:IncreaseStreamRetentionPeriod kinesis:ListTagsForStream \
                 kinesis:MergeShards kinesis:PutRecord kinesis:PutRecords kinesis:SplitShard \
                 kinesis:RemoveTagsFromStream",
            "kinesis:~:stream/{StreamName}",
        )],
    ),
    (
        "KinesisStreamReadPolicy",
        &[
            ("kinesis:ListStreams kinesis:DescribeLimits", "kinesis:~:stream/*"),
            (
                "kinesis:DescribeStream kinesis:DescribeStreamSummary kinesis:GetRecords \
                 kinesis:GetShardIterator",
                "kinesis:~:stream/{StreamName}",
            ),
        ],
    ),
    ("LambdaInvokePolicy", &[("lambda:InvokeFunction", "lambda:~:function:{FunctionName}*")]),
    (
        "RekognitionDetectOnlyPolicy",
        &[(
            "rekognition:DetectFaces rekognition:DetectLabels rekognition:DetectModerationLabels \
                 rekognition:DetectText",
            "*",
        )],
    ),
    (
        "S3CrudPolicy",
        &[(
            "s3:GetObject s3:ListBucket s3:GetBucketLocation s3:GetObjectVersion s3:PutObject \
                 s3:PutObjectAcl s3:GetLifecycleConfiguration s3:PutLifecycleConfiguration s3:DeleteObject",
            "s3:::{BucketName} s3:::{BucketName}/*",
        )],
    ),
    (
        "S3FullAccessPolicy",
        &[
            (
                "s3:GetObject s3:GetObjectAcl s3:GetObjectVersion s3:PutObject s3:PutObjectAcl \
                 s3:DeleteObject s3:DeleteObjectTagging s3:DeleteObjectVersionTagging s3:GetObjectTagging \
                 s3:GetObjectVersionTagging s3:PutObjectTagging s3:PutObjectVersionTagging",
                "s3:::{BucketName}/*",
            ),
            (
                "s3:ListBucket s3:GetBucketLocation s3:GetLifecycleConfiguration s3:PutLifecycleConfiguration",
                "s3:::{BucketName}",
            ),
        ],
    ),
    (
        "S3ReadPolicy",
        &[(
            "s3:GetObject s3:ListBucket s3:GetBucketLocation s3:GetObjectVersion \
                 s3:GetLifecycleConfiguration",
            "s3:::{BucketName} s3:::{BucketName}/*",
        )],
    ),
    (
        "S3WritePolicy",
        &[(
            "s3:PutObject s3:PutObjectAcl s3:PutLifecycleConfiguration",
            "s3:::{BucketName} s3:::{BucketName}/*",
        )],
    ),
    (
        "SESCrudPolicy",
        &[(
            "ses:GetIdentityVerificationAttributes ses:SendEmail ses:SendRawEmail ses:VerifyEmailIdentity",
            "ses:~:identity/{IdentityName}",
        )],
    ),
    (
        "SNSCrudPolicy",
        &[(
            "sns:ListSubscriptionsByTopic sns:CreateTopic sns:SetTopicAttributes sns:Subscribe \
                 sns:Publish",
            "sns:~:{TopicName}*",
        )],
    ),
    ("SNSPublishMessagePolicy", &[("sns:Publish", "sns:~:{TopicName}")]),
    (
        "SQSPollerPolicy",
        &[(
            "sqs:ChangeMessageVisibility sqs:ChangeMessageVisibilityBatch sqs:DeleteMessage \
                 sqs:DeleteMessageBatch sqs:GetQueueAttributes sqs:ReceiveMessage",
            "sqs:~:{QueueName}",
        )],
    ),
    ("SQSSendMessagePolicy", &[("sqs:SendMessage*", "sqs:~:{QueueName}")]),
    (
        "SSMParameterReadPolicy",
        &[
            ("ssm:DescribeParameters", "*"),
            ("ssm:GetParameters ssm:GetParameter ssm:GetParametersByPath", "ssm:~:parameter/{ParameterName}"),
        ],
    ),
    (
        "SSMParameterWithSlashPrefixReadPolicy",
        &[
            ("ssm:DescribeParameters", "*"),
            ("ssm:GetParameters ssm:GetParameter ssm:GetParametersByPath", "ssm:~:parameter{ParameterName}"),
        ],
    ),
    (
        "StepFunctionsExecutionPolicy",
        &[("states:StartExecution", "states:~:stateMachine:{StateMachineName}")],
    ),
    (
        "VPCAccessPolicy",
        &[(
            "ec2:CreateNetworkInterface ec2:DeleteNetworkInterface ec2:DescribeNetworkInterfaces \
                 ec2:DetachNetworkInterface",
            "*",
        )],
    ),
];

impl Expansion<'_, '_, '_> {
    /// Adds what `Policies` says to a role.
    pub(super) fn policies(
        &mut self,
        source: &Source,
        role: &str,
        managed: &mut Vec<Node>,
        inline: &mut Vec<Node>,
    ) {
        let Some(given) = source.get("Policies") else { return };
        let function = given.tag.is_some()
            || matches!(entries(Some(given)), [only] if only.key.text.starts_with("Fn::"));
        let items = match &given.kind {
            Kind::List(items) if !function => items.as_slice(),
            _ => std::slice::from_ref(given),
        };
        for item in items {
            let name = format!("{role}Policy{}", inline.len());
            let document =
                |document: &Node| node!({ "PolicyName": (name.as_str()), "PolicyDocument": document });
            if let Some(policy) = item.as_str().filter(|_| item.tag.is_none()) {
                managed.push(named(policy, item));
            } else if item.get("Statement").is_some() {
                inline.push(document(item));
            } else if let [only] = entries(Some(item))
                && !only.key.text.starts_with("Fn::")
                && only.key.text != "Ref"
            {
                match expanded(&only.key.text, &only.value) {
                    Some(made) => inline.push(document(&made)),
                    None => {
                        let what = format!("policy templates such as `{}`", only.key.text);
                        self.not_expanded(source, only.key.span, &what);
                        inline.push(document(&unknown(&only.key.text)));
                    }
                }
            } else {
                managed.push(item.clone());
            }
        }
    }
}

/// A managed policy by its name or ARN.
fn named(policy: &str, item: &Node) -> Node {
    if policy.starts_with("arn:") || policy.contains("{{resolve:") {
        return item.clone();
    }
    if SERVICE_ROLES.contains(&policy) {
        return service_role(policy);
    }
    sub(&format!("arn:${{AWS::Partition}}:iam::aws:policy/{policy}"))
}

/// The policy that a template makes of its parameters.
fn expanded(name: &str, parameters: &Node) -> Option<Node> {
    let (_, statements) = TEMPLATES.iter().find(|(known, _)| *known == name)?;
    let words = |text: &str| text.split(' ').filter_map(Written::written).collect::<Vec<Node>>();
    let resource = |text: &str| {
        let Some((before, rest)) = text.split_once('{') else { return arn(text) };
        let (parameter, after) = rest.split_once('}')?;
        let value = parameters.get(parameter)?.clone();
        if before.is_empty() && after.is_empty() {
            return Some(value);
        }
        let text = full(&format!("{before}${{__{parameter}__}}{after}"));
        let key = SmolStr::new(format!("__{parameter}__"));
        let variables = vec![entry(key, value)];
        Some(node!({ "Fn::Sub": [text, variables] }))
    };
    let mut made = Vec::new();
    for (actions, resources) in *statements {
        let resources: Option<Vec<Node>> = resources.split(' ').map(resource).collect();
        made.push(node!({ "Effect": "Allow", "Action": (words(actions)), "Resource": (resources?) }));
    }
    Some(node!({ "Version": "2012-10-17", "Statement": made }))
}

fn arn(text: &str) -> Option<Node> {
    if text == "*" { text.written() } else { Some(sub(&full(text))) }
}

/// A resource of the table as the text of `Fn::Sub`.
fn full(text: &str) -> String {
    format!("arn:${{AWS::Partition}}:{}", text.replace('~', "${AWS::Region}:${AWS::AccountId}"))
}
