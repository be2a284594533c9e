//! What is kept: locks, records, large templates, in one bucket of the management account.
//!
//! In: keys and texts. Out: the same, with a version for each. Always: a write compares and sets in one step (`If-Match`, `If-None-Match`); what
//! is removed leaves an empty object behind, so that removing compares too; no call speaks to a bucket of another account's.
//!
//! Sources: Amazon S3 User Guide, "How to prevent object overwrites with conditional writes", "Verifying bucket ownership with bucket owner
//! condition", "Virtual hosting of general purpose buckets"; Amazon S3 API Reference, `PutObject`, `ListObjectsV2`, `CreateBucket`.

use deploy::{Answer, CloudError, Entry, Place};
use serde_json::json;

use crate::api::{PAGES, Tree};
use crate::wire::{Call, Reply, encode, form};
use crate::{Aws, absent};

/// The bucket.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    name: String,
    region: String,
    owner: String,
}

const STATE: &str = "state/";

fn request(aws: &Aws, bucket: &Bucket, mut call: Call<'_>, key: &str) -> Answer<Reply> {
    let base = aws.wire.base("s3", &bucket.region, aws.chain.environment());
    let key: Vec<String> = key.split('/').map(encode).collect();
    let key = key.join("/");
    if base.ends_with(aws.wire.suffix) {
        let host = base.replacen("https://", &format!("https://{}.", bucket.name), 1);
        (call.host, call.path) = (Some(host), format!("/{key}"));
    } else {
        call.path =
            if key.is_empty() { format!("/{}", bucket.name) } else { format!("/{}/{key}", bucket.name) };
    }
    call.headers.push(("x-amz-expected-bucket-owner", bucket.owner.clone()));
    let call = Call { service: "s3", region: &bucket.region, ..call };
    aws.wire.send(&base, &call, Some(&aws.chain.own(&aws.wire)?))
}

fn call<'c>(method: &'c str, what: &str) -> Call<'c> {
    Call { method, what: format!("S3 {what}"), ..Call::default() }
}

/// The bucket; `None` where there is none yet.
fn find(aws: &Aws) -> Answer<Option<Bucket>> {
    if let Some(known) = aws.bucket.get() {
        return Ok(Some(known.clone()));
    }
    let owner = aws.who()?.account.clone();
    let mut bucket = Bucket { name: format!("steward-state-{owner}"), region: aws.home().to_owned(), owner };
    let call = Call { query: "location".to_owned(), ..call("GET", "GetBucketLocation") };
    let Some(reply) = absent(request(aws, &bucket, call, ""), &["NoSuchBucket", "404"])? else {
        return Ok(None);
    };
    let tree = Tree::read("S3 GetBucketLocation", &reply.body)?;
    // Buckets of the oldest region have no location.
    let said = tree.text("LocationConstraint").or_else(|| tree.whole());
    bucket.region = said.unwrap_or_else(|| "us-east-1".to_owned());
    Ok(Some(aws.bucket.get_or_init(|| bucket).clone()))
}

/// The bucket, made where there is none: versions, encryption, nothing public, TLS only.
fn bucket(aws: &Aws) -> Answer<Bucket> {
    if let Some(known) = find(aws)? {
        return Ok(known);
    }
    let owner = aws.who()?.account.clone();
    let made = Bucket { name: format!("steward-state-{owner}"), region: aws.home().to_owned(), owner };
    let body = if made.region == "us-east-1" {
        String::new()
    } else {
        let space = "http://s3.amazonaws.com/doc/2006-03-01/";
        format!(
            "<CreateBucketConfiguration xmlns=\"{space}\"><LocationConstraint>{}</LocationConstraint></CreateBucketConfiguration>",
            made.region
        )
    };
    let create = Call { body: body.into_bytes(), ..call("PUT", "CreateBucket") };
    absent(request(aws, &made, create, ""), &["BucketAlreadyOwnedByYou"])?;
    let settings = [
        ("versioning", "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>".to_owned()),
        ("encryption", "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm></ApplyServerSideEncryptionByDefault><BucketKeyEnabled>true</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>".to_owned()),
        ("publicAccessBlock", "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>".to_owned()),
        ("policy", policy(aws, &made)?),
    ];
    for (query, body) in settings.into_iter().filter(|(_, body)| !body.is_empty()) {
        let headers = vec![(
            "content-type",
            if query == "policy" { "application/json" } else { "application/xml" }.to_owned(),
        )];
        let put = Call { query: query.to_owned(), headers, body: body.into_bytes(), ..call("PUT", query) };
        request(aws, &made, put, "")?;
    }
    Ok(aws.bucket.get_or_init(|| made).clone())
}

/// TLS only. CloudFormation in a member account fetches a template as the role that asks, so the organization may read templates; the
/// state is for the management account alone.
fn policy(aws: &Aws, bucket: &Bucket) -> Answer<String> {
    let arn = format!("arn:{}:s3:::{}", aws.partition()?, bucket.name);
    let mut statements = Vec::new();
    // What plays AWS without TLS would shut itself out.
    if aws.wire.base("s3", &bucket.region, aws.chain.environment()).starts_with("https://") {
        statements.push(json!({
        "Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [arn, format!("{arn}/*")],
        "Condition": { "Bool": { "aws:SecureTransport": "false" } },
        }));
    }
    if let Some(organization) = crate::organization::state(aws)? {
        statements.push(json!({
            "Sid": "Templates", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": format!("{arn}/templates/*"),
            "Condition": { "StringEquals": { "aws:PrincipalOrgID": organization.id } },
        }));
    }
    if statements.is_empty() {
        return Ok(String::new());
    }
    Ok(json!({ "Version": "2012-10-17", "Statement": statements }).to_string())
}

/// An object with its version; empty ones are there as versions only.
fn object(aws: &Aws, bucket: &Bucket, key: &str) -> Answer<Option<Entry>> {
    let answer = request(aws, bucket, call("GET", "GetObject"), &format!("{STATE}{key}"));
    let found = absent(answer, &["NoSuchKey", "NoSuchBucket", "404"])?;
    found
        .map(|reply| {
            let version = reply.header("etag").map(str::to_owned);
            let version = version.ok_or_else(|| CloudError::Transient("S3 GetObject: no ETag".to_owned()))?;
            Ok(Entry { text: reply.body, version })
        })
        .transpose()
}

fn put(
    aws: &Aws,
    bucket: &Bucket,
    key: &str,
    text: &str,
    condition: (&'static str, String),
) -> Answer<String> {
    let call = Call { headers: vec![condition], body: text.as_bytes().to_vec(), ..call("PUT", "PutObject") };
    match request(aws, bucket, call, &format!("{STATE}{key}")) {
        Ok(reply) => {
            let version = reply.header("etag").map(str::to_owned);
            version.ok_or_else(|| CloudError::Transient("S3 PutObject: no ETag".to_owned()))
        }
        Err(CloudError::Refused { code, .. })
            if ["PreconditionFailed", "ConditionalRequestConflict", "412", "409", "NoSuchKey"]
                .contains(&code.as_str()) =>
        {
            Err(CloudError::Conflict(format!("{key} was written by somebody else")))
        }
        Err(error) => Err(error),
    }
}

pub(crate) fn read(aws: &Aws, key: &str) -> Answer<Option<Entry>> {
    let Some(bucket) = find(aws)? else { return Ok(None) };
    Ok(object(aws, &bucket, key)?.filter(|entry| !entry.text.is_empty()))
}

pub(crate) fn write(aws: &Aws, key: &str, text: &str, expected: Option<&str>) -> Answer<String> {
    let bucket = bucket(aws)?;
    if let Some(version) = expected {
        return put(aws, &bucket, key, text, ("if-match", version.to_owned()));
    }
    match object(aws, &bucket, key)? {
        None => put(aws, &bucket, key, text, ("if-none-match", "*".to_owned())),
        Some(left) if left.text.is_empty() => put(aws, &bucket, key, text, ("if-match", left.version)),
        Some(_) => Err(CloudError::Conflict(format!("{key} was written by somebody else"))),
    }
}

pub(crate) fn remove(aws: &Aws, key: &str, expected: &str) -> Answer<()> {
    let Some(bucket) = find(aws)? else { return Ok(()) };
    match object(aws, &bucket, key)? {
        None => Ok(()),
        Some(left) if left.text.is_empty() => Ok(()),
        Some(_) => put(aws, &bucket, key, "", ("if-match", expected.to_owned())).map(drop),
    }
}

pub(crate) fn keys(aws: &Aws, prefix: &str) -> Answer<Vec<String>> {
    let Some(bucket) = find(aws)? else { return Ok(Vec::new()) };
    let prefix = format!("{STATE}{prefix}");
    let mut out = Vec::new();
    let mut token: Option<String> = None;
    for _ in 0..PAGES {
        let mut pairs = vec![("list-type", "2"), ("prefix", prefix.as_str())];
        pairs.extend(token.as_deref().map(|token| ("continuation-token", token)));
        pairs.sort_unstable();
        let list = Call { query: form(pairs), ..call("GET", "ListObjectsV2") };
        let reply = request(aws, &bucket, list, "")?;
        let tree = Tree::read("S3 ListObjectsV2", &reply.body)?;
        for it in tree.children().iter().filter(|it| it.name() == "Contents") {
            let key = it.own("Key").unwrap_or_default();
            if it.own("Size").as_deref() != Some("0") {
                out.extend(key.strip_prefix(STATE).map(str::to_owned));
            }
        }
        token = tree.own("NextContinuationToken");
        if token.is_none() {
            out.sort();
            return Ok(out);
        }
    }
    Err(CloudError::refused("Pages", "ListObjectsV2 does not come to an end"))
}

/// Uploads a template and says where it is. Its name is its hash: what is there already is not sent again.
pub(crate) fn upload(aws: &Aws, _: &Place, template: &str) -> Answer<String> {
    let bucket = bucket(aws)?;
    let key = format!("templates/{}.json", plan::sha256(template.as_bytes()));
    let call = Call { body: template.as_bytes().to_vec(), ..call("PUT", "PutObject") };
    request(aws, &bucket, call, &key)?;
    Ok(format!("https://{}.s3.{}.{}/{key}", bucket.name, bucket.region, aws.wire.suffix))
}
