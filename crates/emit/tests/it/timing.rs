//! How long emitting a large estate takes: `cargo test -p emit -- --ignored --nocapture timing`.

use std::time::Instant;

use diagnostics::Span;
use emit::cloudformation::{Format, Options};
use estate::{Estate, Resource, Stack, StackId, value};

use crate::estates::{account, attribute, emitted, origin, reference};

/// A thousand accounts, each with a network of 10 resources and an application of 140.
fn large() -> Estate {
    let mut estate = Estate { name: "large".into(), ..Estate::default() };
    for number in 0..1_000_u32 {
        let owner = estate.add_account(account(&format!("account-{number}")));
        let (network, app) = (StackId(2 * number), StackId(2 * number + 1));
        let mut stack = Stack::new("network", owner, Some("eu-west-1".into()), Span::NONE);
        for at in 0..10 {
            let vpc = Resource::new("AWS::EC2::VPC", value!({ "CidrBlock": "10.0.0.0/16" }), origin());
            stack.resources.insert(format!("Vpc{at}").into(), vpc);
        }
        estate.add_stack(stack);
        let mut stack = Stack::new("application", owner, Some("eu-west-1".into()), Span::NONE);
        for at in 0..140 {
            let properties = value!({
                "BucketName": (format!("bucket-{number}-{at}")),
                "BucketEncryption": { "ServerSideEncryptionConfiguration": [{ "ServerSideEncryptionByDefault": {
                    "SSEAlgorithm": "aws:kms", "KMSMasterKeyID": (attribute(network, "Vpc1", "VpcId"))
                } }] },
                "PublicAccessBlockConfiguration": { "BlockPublicAcls": true, "BlockPublicPolicy": true, "IgnorePublicAcls": true, "RestrictPublicBuckets": true },
                "VersioningConfiguration": { "Status": "Enabled" },
                "LoggingConfiguration": { "DestinationBucketName": (if at == 0 { reference(network, "Vpc2") } else { reference(app, "Bucket0") }) },
                "Tags": [{ "Key": "Environment", "Value": "prod" }, { "Key": "Data", "Value": "phi" }, { "Key": "Owner", "Value": "platform" }]
            });
            stack.resources.insert(
                format!("Bucket{at}").into(),
                Resource::new("AWS::S3::Bucket", properties, origin()).retained(),
            );
        }
        estate.add_stack(stack);
    }
    estate
}

#[test]
#[ignore = "a measurement, not a check"]
fn timing() {
    let estate = large();
    for format in [Format::Json, Format::Yaml] {
        let start = Instant::now();
        let emission = emitted(&estate, &Options { format, ..Options::default() });
        let took = start.elapsed();
        println!(
            "{format:?}: {} resources, {} files, {} bytes: {took:?}",
            estate.resource_count(),
            emission.bundle.len(),
            emission.bundle.bytes()
        );
        let out = std::env::temp_dir().join(format!("steward-emit-timing-{}", std::process::id()));
        let start = Instant::now();
        emit::commit(&emission.bundle, &out).unwrap();
        println!("written: {:?}", start.elapsed());
        let start = Instant::now();
        emit::commit(&emission.bundle, &out).unwrap();
        println!("replaced: {:?}", start.elapsed());
        std::fs::remove_dir_all(&out).unwrap();
    }
}
