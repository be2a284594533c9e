//! Flow logs: every packet's header, accepted or not, each minute, in an encrypted log group.
//!
//! In: what is logged, and the key. Out: a log group, the role that writes to it, and a flow log for each VPC or Transit
//! Gateway.
//!
//! Source: Amazon VPC User Guide, "Publish flow logs to CloudWatch Logs".

use estate::{SmolStr, Value, value};

use crate::draft::{Draft, Place, Say};
use crate::tags::Tags;

/// Where flow logs go.
pub(crate) struct Logs<'t> {
    /// The ARN of the key of the log group.
    pub key: Value,
    /// How long they are kept, in days.
    pub days: u32,
    /// Tags.
    pub tags: &'t Tags,
    /// What is logged, for consoles.
    pub name: &'t str,
}

/// Adds the log group and the role that writes to it.
pub(crate) fn destination(draft: &mut Draft, place: &Place, logs: &Logs<'_>) {
    let properties = value!({
        "KmsKeyId": logs.key.clone(),
        "RetentionInDays": logs.days,
        "Tags": logs.tags.list(),
    });
    draft.add("FlowLogGroup", "AWS::Logs::LogGroup", properties).retain();
    let properties = value!({
        "Description": "Lets VPC flow logs write to their log group",
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Service": "vpc-flow-logs.amazonaws.com" },
                "Action": "sts:AssumeRole",
                "Condition": { "StringEquals": { "aws:SourceAccount": place.account_id() } },
            }],
        },
        "Policies": [{
            "PolicyName": "WriteFlowLogs",
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [{
                    "Effect": "Allow",
                    "Action": ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
                    "Resource": draft.attribute("FlowLogGroup", "Arn"),
                }],
            },
        }],
        "Tags": logs.tags.list(),
    });
    draft.add("FlowLogRole", "AWS::IAM::Role", properties);
}

/// Adds the flow log of a VPC or Transit Gateway.
pub(crate) fn of(draft: &mut Draft, id: &'static str, kind: &'static str, resource: Value, logs: &Logs<'_>) {
    // A Transit Gateway logs all packets; there it is not said which.
    let traffic = (kind == "VPC").then_some("ALL");
    let label: SmolStr = smol_str::format_smolstr!("{}-flow-log", logs.name);
    let properties = value!({
        "DeliverLogsPermissionArn": draft.attribute("FlowLogRole", "Arn"),
        "LogDestinationType": "cloud-watch-logs",
        "LogGroupName": draft.reference("FlowLogGroup"),
        "MaxAggregationInterval": 60,
        "ResourceId": resource,
        "ResourceType": kind,
        "TrafficType": traffic,
        "Tags": logs.tags.named(label),
    });
    draft.add(id, "AWS::EC2::FlowLog", properties);
}
