//! Buckets refuse requests that do not come over TLS.
//!
//! Source: Amazon S3 User Guide, "Security best practices for Amazon S3", "Enforce encryption of data in
//! transit": a bucket policy that denies when `aws:SecureTransport` is false. S3 answers plain HTTP otherwise.

use estate::Reference;

use crate::lookup::Attachments;
use crate::text::{literal, tokens};
use crate::transport::{Question, refuses_plain_http};
use crate::{Facts, Findings, Guarantee, Level};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "tls-only-buckets",
    title: "every bucket refuses requests without TLS",
    level: Level::High,
    page: include_str!("../../../../docs/guarantees/tls-only-buckets.md"),
    check,
};

const FIX: &str = "add an AWS::S3::BucketPolicy with a statement that denies s3:* to every principal on the \
                   bucket and its objects when aws:SecureTransport is false";

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let policies = Attachments::of(facts, "AWS::S3::BucketPolicy", &["Bucket"], "AWS::S3::Bucket");
    for &bucket in facts.index.of_kind("AWS::S3::Bucket") {
        let arn =
            tokens(facts.estate, &Reference::attribute(bucket.stack_id, bucket.id.clone(), "Arn").into());
        let object = [arn.clone(), literal("/any/object")].concat();
        // What reads, writes, deletes and settles: a policy that denies these denies what is done with a bucket.
        let of_objects = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:GetObjectVersion"];
        let of_bucket = ["s3:ListBucket", "s3:PutBucketPolicy"];
        let requests = (of_objects.map(|action| (action, object.clone())).into_iter())
            .chain(of_bucket.map(|action| (action, arn.clone())))
            .collect();
        let question = Question { requests, subject: "the bucket", fix: FIX };
        refuses_plain_http(facts, findings, bucket, &policies, &question);
    }
}
