//! Decisions a second on one core, for policies of growing size: `cargo xtask bench-iam`.
//!
//! In: nothing; requests and policies are made here, and look like what people write. Out: a table. Every request
//! passes five layers: service control policies of three levels, a resource's policy, identity policies, a permissions
//! boundary and a session policy; with conditions, variables and wildcards.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "an example")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use iam::compiled::{Compiled, Layer};
use iam::context::{Context, Value};
use iam::evaluate::{Level, Policies, Verdict, decide};
use iam::request::{Caller, Request};

const SERVICES: &[&str] =
    &["s3", "dynamodb", "kms", "sqs", "sns", "lambda", "ec2", "logs", "secretsmanager", "ssm"];

fn compiled(name: &str, layer: Layer, statements: &[String]) -> Compiled {
    let text = format!(r#"{{"Version": "2012-10-17", "Statement": [{}]}}"#, statements.join(","));
    let (mut sources, mut diagnostics) = (diagnostics::SourceMap::new(), diagnostics::Diagnostics::new());
    let id = sources.add("policy.json", text).unwrap();
    let policy = iam::parse::file(sources.file(id).unwrap(), &mut diagnostics).unwrap();
    Compiled::new(name, &policy, layer)
}

/// `size` statements of what a workload's role is allowed.
fn workload(size: usize) -> Vec<String> {
    let statement = |at: usize| {
        let service = SERVICES.get(at % SERVICES.len()).unwrap();
        match at % 3 {
            0 => format!(
                r#"{{"Effect": "Allow", "Action": ["{service}:Get*", "{service}:List*", "{service}:Describe*"],
                    "Resource": ["arn:aws:{service}:*:111122223333:app-{at}/*", "arn:aws:{service}:::app-{at}/*"]}}"#
            ),
            1 => format!(
                r#"{{"Effect": "Allow", "Action": ["{service}:PutObject", "{service}:PutItem", "{service}:Encrypt"],
                    "Resource": "arn:aws:{service}:::app-{at}/${{aws:PrincipalTag/team}}/*",
                    "Condition": {{"StringEquals": {{"aws:RequestedRegion": ["eu-west-1", "eu-central-1"]}},
                                  "Bool": {{"aws:SecureTransport": "true"}}}}}}"#
            ),
            _ => format!(
                r#"{{"Effect": "Deny", "Action": "{service}:Delete*", "Resource": "*",
                    "Condition": {{"ArnNotLike": {{"aws:PrincipalArn": "arn:aws:iam::*:role/admin-{at}-*"}}}}}}"#
            ),
        }
    };
    (0..size).map(statement).collect()
}

fn policies(size: usize) -> Policies {
    let full = r#"{"Effect": "Allow", "Action": "*", "Resource": "*"}"#.to_owned();
    let guard = [
        full.clone(),
        r#"{"Effect": "Deny", "NotAction": ["iam:*", "sts:*", "support:*", "cloudfront:*", "route53:*"], "Resource": "*",
            "Condition": {"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1", "eu-central-1", "us-east-1"]}}}"#
            .to_owned(),
        r#"{"Effect": "Deny", "Action": ["cloudtrail:StopLogging", "cloudtrail:DeleteTrail", "config:Delete*",
            "guardduty:Delete*", "organizations:LeaveOrganization"], "Resource": "*"}"#
            .to_owned(),
    ];
    let level = |name: &str| Level {
        name: name.into(),
        policies: vec![compiled("guardrails", Layer::ServiceControl, &guard)],
    };
    let identity = workload(size).chunks(4).map(|part| compiled("workload", Layer::Identity, part)).collect();
    let resource = [
        r#"{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}}}"#
            .to_owned(),
        r#"{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/reader"}, "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::app-0/*", "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}"#
            .to_owned(),
    ];
    let boundary = r#"{"Effect": "Allow", "Action": ["s3:*", "dynamodb:*", "kms:*", "sqs:*", "sns:*", "lambda:*", "logs:*"],
        "Resource": "*"}"#;
    Policies {
        identity,
        resource: Some(compiled("bucket", Layer::Resource, &resource)),
        boundaries: Some(vec![compiled("boundary", Layer::Boundary, &[boundary.to_owned()])]),
        session: Some(vec![compiled("session", Layer::Session, &[full])]),
        service_control: ["root", "workloads", "account"].map(level).into(),
        ..Policies::default()
    }
}

fn requests(size: usize) -> Vec<Request> {
    let actions = [
        "s3:GetObject",
        "s3:PutObject",
        "dynamodb:GetItem",
        "kms:Decrypt",
        "s3:DeleteObject",
        "ec2:RunInstances",
    ];
    let one = |at: usize| {
        let action = actions.get(at % actions.len()).unwrap();
        let service = action.split(':').next().unwrap();
        let mut context = Context::default();
        for (key, value) in [
            ("aws:RequestedRegion", if at.is_multiple_of(7) { "us-west-2" } else { "eu-west-1" }),
            ("aws:SecureTransport", "true"),
            ("aws:SourceIp", "10.1.2.3"),
            ("aws:PrincipalTag/team", "blue"),
            ("aws:PrincipalOrgID", "o-exampleorgid"),
            ("aws:SourceVpce", "vpce-1a2b3c4d"),
        ] {
            context.set(key, Value::One(value.into()));
        }
        let caller = Caller::parse("arn:aws:sts::111122223333:assumed-role/app/i-0123456789abcdef0").unwrap();
        let resource = format!("arn:aws:{service}:::app-{}/blue/report-{at}.csv", at % size.max(1));
        Request::new(caller, action, &resource, Some("111122223333"), context)
    };
    (0..256).map(one).collect()
}

/// Seconds that this process has been on a core, where the system tells: others may be at work on the same machine.
fn on_core() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/schedstat").ok()?;
    text.split(' ').next()?.parse::<f64>().ok().map(|nanoseconds| nanoseconds / 1e9)
}

fn main() {
    println!("statements   decisions/s   ns each   allowed  denied  implicit");
    for size in [4, 16, 64, 256, 1024] {
        let (policies, requests) = (policies(size), requests(size));
        let mut counts = [0_usize; 3];
        for request in &requests {
            let slot = match decide(&policies, request) {
                Verdict::Allowed => 0,
                Verdict::ExplicitlyDenied => 1,
                Verdict::ImplicitlyDenied => 2,
                Verdict::Unknown => continue,
            };
            *counts.get_mut(slot).unwrap() += 1;
        }
        let (mut done, start, on_core) = (0_u32, Instant::now(), on_core());
        while start.elapsed() < Duration::from_millis(1500) {
            for request in &requests {
                black_box(decide(black_box(&policies), black_box(request)));
            }
            done += 256;
        }
        let seconds = match (on_core, self::on_core()) {
            (Some(before), Some(after)) => after - before,
            _ => start.elapsed().as_secs_f64(),
        };
        let rate = f64::from(done) / seconds;
        let [allowed, denied, implicit] = counts;
        println!(
            "{:>10} {rate:>13.0} {:>9.0} {allowed:>9} {denied:>7} {implicit:>9}",
            size + 3 * 3 + 2 + 1 + 1,
            1e9 / rate
        );
    }
}
