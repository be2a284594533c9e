//! Topics refuse requests that do not come over TLS.
//!
//! Source: Amazon SNS Developer Guide, "Amazon SNS security best practices", "Enforce encryption of data in
//! transit": a topic policy that denies `sns:Publish` when `aws:SecureTransport` is false; otherwise HTTP is
//! answered. A topic has one policy: AWS::SNS::TopicPolicy sets it, the one put last replaces the others.

use estate::Reference;

use crate::lookup::Attachments;
use crate::text::tokens;
use crate::transport::{Question, refuses_plain_http};
use crate::{Facts, Findings, Guarantee, Level};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "tls-only-topics",
    title: "every topic refuses requests without TLS",
    level: Level::Medium,
    page: include_str!("../../../../docs/guarantees/tls-only-topics.md"),
    check,
};

const FIX: &str = "add to the topic's AWS::SNS::TopicPolicy a statement that denies sns:Publish to every \
                   principal on the topic when aws:SecureTransport is false";

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let mut policies = Attachments::of(facts, "AWS::SNS::TopicPolicy", &["Topics", "*"], "AWS::SNS::Topic");
    policies.add(facts, "AWS::SNS::TopicInlinePolicy", &["TopicArn"], "AWS::SNS::Topic");
    for &topic in facts.index.of_kind("AWS::SNS::Topic") {
        let arn = tokens(facts.estate, &Reference::to(topic.stack_id, topic.id.clone()).into());
        let question = Question { requests: vec![("sns:Publish", arn)], subject: "the topic", fix: FIX };
        refuses_plain_http(facts, findings, topic, &policies, &question);
    }
}
