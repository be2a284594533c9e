//! A topic that reaches a person, for the alarms of an account and region.
//!
//! In: whom to write to. Out: an encrypted topic, a policy that lets CloudWatch publish and refuses what is not
//! TLS, and a subscription by e-mail. Always: every alarm of the estate names such a topic.
//!
//! Sources: Amazon SNS Developer Guide, "Example cases for Amazon SNS access control", allow a CloudWatch alarm to
//! publish; "Amazon SNS security best practices", enforce encryption of data in transit.

use diagnostics::Span;
use estate::{Value, value};

use crate::draft::{Draft, Drawn, Place, reference};
use crate::keys;
use crate::layout::Site;
use crate::tags::Tags;

/// The component's name.
pub(crate) const COMPONENT: &str = "alarms";

const TOPIC: &str = "AlarmTopic";

/// What ids begin with of the topic of those who hear of some alarms only.
pub(crate) const ALSO: &str = "OperationsTopic";

/// The stack of an environment's topic.
pub(crate) fn stack(site: &Site<'_>) -> Option<Drawn> {
    let (name, span) = (site.stack_name("alarms"), site.environment.span);
    let text = smol_str::format_smolstr!("Where alarms of {} go", site.environment.title);
    let mut draft = Draft::new(site.stacks.alarms?, name, &site.place, COMPONENT, span, text);
    add(&mut draft, &site.place, keys::alarms_key(site), site.operations, span, &site.tags);
    Some(draft.finish())
}

/// The topic of an environment's alarms.
pub(crate) fn topic(site: &Site<'_>) -> Value {
    site.stacks.alarms.map_or_else(|| Value::from(""), |stack| reference(stack, TOPIC))
}

/// Adds a topic, its policy and its subscription to a stack; returns the topic's ARN.
pub(crate) fn add(
    draft: &mut Draft,
    place: &Place,
    key: Value,
    email: &str,
    span: Span,
    tags: &Tags,
) -> Value {
    add_named(draft, place, TOPIC, key, email, span, tags)
}

/// The same under an id of its own.
pub(crate) fn add_named(
    draft: &mut Draft,
    place: &Place,
    id: &'static str,
    key: Value,
    email: &str,
    span: Span,
    tags: &Tags,
) -> Value {
    draft.at(span);
    draft.add(id, "AWS::SNS::Topic", value!({ "KmsMasterKeyId": key, "Tags": tags.list() }));
    let topic = draft.reference(id);
    let properties = value!({
        "Topics": [topic.clone()],
        "PolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "AlarmsPublish",
                    "Effect": "Allow",
                    "Principal": { "Service": "cloudwatch.amazonaws.com" },
                    "Action": "sns:Publish",
                    "Resource": topic.clone(),
                    "Condition": {
                        "StringEquals": { "aws:SourceAccount": place.account_id() },
                        "ArnLike": { "aws:SourceArn": place.arn("cloudwatch", "alarm:*") },
                    },
                },
                {
                    "Sid": "OnlyWithTls",
                    "Effect": "Deny",
                    "Principal": { "AWS": "*" },
                    "Action": "sns:Publish",
                    "Resource": topic.clone(),
                    "Condition": { "Bool": { "aws:SecureTransport": "false" } },
                }
            ],
        },
    });
    draft.add(smol_str::format_smolstr!("{id}Policy"), "AWS::SNS::TopicPolicy", properties);
    let properties = value!({ "Endpoint": email, "Protocol": "email", "TopicArn": topic.clone() });
    draft.add(smol_str::format_smolstr!("{id}Subscription"), "AWS::SNS::Subscription", properties);
    topic
}
