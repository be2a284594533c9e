//! Queues refuse requests that do not come over TLS.
//!
//! Source: Amazon SQS Developer Guide, "Amazon SQS security best practices", "Enforce encryption of data in
//! transit": a queue policy that denies when `aws:SecureTransport` is false; otherwise HTTP is answered.
//! A queue has one policy: AWS::SQS::QueuePolicy sets it, the one put last replaces the others.

use estate::Reference;

use crate::lookup::Attachments;
use crate::text::tokens;
use crate::transport::{Question, refuses_plain_http};
use crate::{Facts, Findings, Guarantee, Level};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "tls-only-queues",
    title: "every queue refuses requests without TLS",
    level: Level::Medium,
    page: include_str!("../../../../docs/guarantees/tls-only-queues.md"),
    check,
};

const FIX: &str = "add to the queue's AWS::SQS::QueuePolicy a statement that denies sqs:* to every principal \
                   on the queue when aws:SecureTransport is false";

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let mut policies = Attachments::of(facts, "AWS::SQS::QueuePolicy", &["Queues", "*"], "AWS::SQS::Queue");
    policies.add(facts, "AWS::SQS::QueueInlinePolicy", &["Queue"], "AWS::SQS::Queue");
    for &queue in facts.index.of_kind("AWS::SQS::Queue") {
        let arn = tokens(facts.estate, &Reference::attribute(queue.stack_id, queue.id.clone(), "Arn").into());
        let requests = vec![("sqs:SendMessage", arn.clone()), ("sqs:ReceiveMessage", arn)];
        let question = Question { requests, subject: "the queue", fix: FIX };
        refuses_plain_http(facts, findings, queue, &policies, &question);
    }
}
