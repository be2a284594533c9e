//! The linter: each mistake is found by its code, and what is right is let be.

use diagnostics::{Diagnostics, Severity, SourceMap};
use iam::lint::Kind;

/// What is said to a policy, as codes with a letter for their severity, sorted.
fn lint(text: &str, kind: Option<Kind>) -> Vec<String> {
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let id = sources.add("policy.json", text).unwrap();
    iam::lint::file(sources.file(id).unwrap(), kind, &mut diagnostics);
    let letter = |severity| match severity {
        Severity::Error => 'E',
        Severity::Warning => 'W',
        Severity::Note => 'N',
    };
    let mut said: Vec<_> =
        diagnostics.iter().map(|one| format!("{}{}", letter(one.severity), &one.code.0[3..])).collect();
    said.sort();
    said.dedup();
    said
}

fn check(kind: Option<Kind>, statements: &str, expected: &[&str]) {
    let text = format!(r#"{{"Version": "2012-10-17", "Statement": [{statements}]}}"#);
    assert_eq!(lint(&text, kind), expected, "{text}");
}

const READ: &str = r#""Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*""#;
const DENY: &str = r#""Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*""#;

#[test]
fn what_is_right_is_let_be() {
    let good = [
        format!("{{{READ}}}"),
        r#"{"Sid": "Roles", "Effect": "Allow", "Action": ["iam:PassRole"], "Resource": "arn:aws:iam::111122223333:role/app-*",
            "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}}"#
            .to_owned(),
        r#"{"Effect": "Deny", "NotAction": ["iam:*", "sts:*"], "Resource": "*",
            "Condition": {"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1"]}, "ArnNotLike": {"aws:PrincipalArn":
            "arn:aws:iam::*:role/admin"}}}"#
            .to_owned(),
        r#"{"Effect": "Allow", "Action": "ec2:RunInstances", "Resource": ["arn:aws:ec2:*:*:instance/*", "arn:aws:ec2:*::image/*"],
            "Condition": {"StringEquals": {"aws:RequestTag/team": "${aws:PrincipalTag/team}"}, "ForAnyValue:StringEquals":
            {"aws:TagKeys": ["team"]}}}"#
            .to_owned(),
    ];
    for statement in good {
        check(Some(Kind::Identity), &statement, &[]);
    }
}

#[test]
fn each_mistake_is_found() {
    let with = |more: &str| format!("{{{READ}, {more}}}");
    let condition = |condition: &str| format!(r#"{{{READ}, "Condition": {condition}}}"#);
    let rows: Vec<(String, &[&str])> = vec![
        (with(r#""Sid": "a b""#), &["E0118"]),
        (format!(r#"{{{READ}, "Sid": "A"}}, {{{DENY}, "Sid": "A"}}"#), &["E0118", "W0114"]),
        (r#"{"Effect": "Allow", "Action": "s4:GetObject", "Resource": "arn:aws:s3:::b/*"}"#.into(), &["W0103"]),
        (r#"{"Effect": "Allow", "Action": "s3:GetObjct", "Resource": "*"}"#.into(), &["W0104"]),
        (r#"{"Effect": "Allow", "Action": "s3:Gett*", "Resource": "*"}"#.into(), &["W0105"]),
        (r#"{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "arn:aws:s3:::b"}"#.into(), &["W0106", "W0107"]),
        (r#"{"Effect": "Deny", "Action": "ec2:DescribeInstances", "Resource": "arn:aws:ec2:*:*:instance/*"}"#.into(), &["E0106", "W0107"]),
        (r#"{"Effect": "Allow", "Action": "s3:GetObject", "Resource": ["arn:aws:s3:::b/*", "arn:aws:sqs:*:*:q"]}"#.into(), &["W0107"]),
        // A wildcard goes beyond a colon: AWS's own policies name secrets so.
        (r#"{"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "arn:aws:secretsmanager:*:*:sqlworkbench!*"}"#.into(), &[]),
        (condition(r#"{"StringEquals": {"aws:SourceVpcee": "x"}}"#), &["W0108"]),
        (condition(r#"{"StringEquals": {"s3:TlsVersionn": "x"}}"#), &["W0108"]),
        (r#"{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*", "Condition": {"StringEquals": {"s3:prefix": "x"}}}"#.into(), &["W0109"]),
        (condition(r#"{"StringEquals": {"aws:SourceIp": "10.0.0.0"}}"#), &["W0110"]),
        (condition(r#"{"IpAddress": {"aws:SourceIp": "10.0.0.0/40"}}"#), &["E0111"]),
        (condition(r#"{"DateLessThan": {"aws:CurrentTime": "tomorrow"}}"#), &["E0111"]),
        (condition(r#"{"NumericLessThan": {"aws:MultiFactorAuthAge": "an hour"}}"#), &["E0111"]),
        (condition(r#"{"Bool": {"aws:SecureTransport": "yes"}}"#), &["E0111"]),
        (condition(r#"{"ArnLike": {"aws:PrincipalArn": "role/x"}}"#), &["E0111"]),
        (condition(r#"{"StringEquals": {"aws:TagKeys": "a"}}"#), &["W0109", "W0112"]),
        (r#"{"Effect": "Allow", "Action": ["s3:Get*", "s3:GetObject"], "Resource": "arn:aws:s3:::b/*"}"#.into(), &["N0113"]),
        (format!(r#"{{{READ}}}, {{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}}"#), &["W0114"]),
        (format!(r#"{{{READ}}}, {{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}}"#), &["W0114"]),
        (condition(r#"{"Null": {"aws:SourceVpce": "true"}, "StringEquals": {"aws:SourceVpce": "vpce-1"}}"#), &["E0115"]),
        (condition(r#"{"StringEquals": {"aws:SourceVpce": []}}"#), &["E0115"]),
        (with(r#""Principal": "*""#), &["E0116"]),
        (r#"{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:eu-wst-1:111122223333:q"}"#.into(), &["W0119"]),
        (r#"{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:eu-west-1:1111:q"}"#.into(), &["W0119"]),
        (r#"{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}"#.into(), &["W0121"]),
        (r#"{"Effect": "Allow", "Action": "*", "Resource": "*"}"#.into(), &["N0121"]),
        (r#"{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}"#.into(), &["W0121"]),
        (condition(r#"{"IpAddress": {"aws:SourceIp": "${aws:PrincipalTag/ip}"}}"#), &["E0122"]),
        (condition(r#"{"StringEquals": {"aws:PrincipalOrgID": "o-*"}}"#), &["W0123"]),
        (r#"{"Effect": "Allow", "Action": "s3:GetObject"}"#.into(), &["E0003"]),
    ];
    for (statement, expected) in rows {
        check(Some(Kind::Identity), &statement.replace('\n', " "), expected);
    }
}

#[test]
fn each_kind_of_policy_has_its_rules() {
    let trust = r#"{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}"#;
    check(None, trust, &[]);
    check(Some(Kind::Resource), &format!("{{{READ}}}"), &["E0116"]);
    check(None, &format!(r#"{{{READ}, "Principal": "*"}}"#), &["W0121"]);
    check(None, &format!(r#"{{{READ}, "NotPrincipal": {{"AWS": "111122223333"}}}}"#), &["E0117"]);
    check(
        None,
        &format!(r#"{{{DENY}, "NotPrincipal": {{"AWS": "arn:aws:iam::111122223333:user/a"}}}}"#),
        &["W0125"],
    );
    check(
        None,
        &format!(r#"{{{READ}, "Principal": {{"Service": "cloudtrail.amazonaws.com"}}}}"#),
        &["N0124"],
    );
    check(Some(Kind::Trust), &format!(r#"{{{READ}, "Principal": {{"AWS": "111122223333"}}}}"#), &["E0120"]);
    check(Some(Kind::ResourceControl), &format!(r#"{{{DENY}, "Principal": "*"}}"#), &[]);
    check(Some(Kind::ResourceControl), &format!(r#"{{{READ}, "Principal": "*"}}"#), &["E0120", "W0121"]);
    let ec2 = r#"{"Effect": "Deny", "Principal": "*", "Action": "ec2:*", "Resource": "*"}"#;
    check(Some(Kind::ResourceControl), ec2, &["E0120"]);
    check(Some(Kind::ServiceControl), &format!(r#"{{{DENY}, "Principal": "*"}}"#), &["E0116"]);
}

#[test]
fn documents_are_found_in_what_the_cli_prints() {
    let policy = format!(r#"{{"Statement": [{{{READ}}}]}}"#);
    let text = serde_json::Value::from(policy.as_str()).to_string();
    for wrapped in [
        policy.clone(),
        format!(r#"{{"PolicyVersion": {{"Document": {policy}, "VersionId": "v1"}}}}"#),
        format!(r#"{{"PolicyName": "p", "PolicyDocument": {policy}}}"#),
        format!(r#"{{"Policy": {text}}}"#),
    ] {
        assert_eq!(lint(&wrapped, Some(Kind::Identity)), ["W0101"], "{wrapped}");
    }
    let long =
        format!(r#"{{"Version": "2012-10-17", "Statement": [{{{READ}, "Sid": "{}"}}]}}"#, "a".repeat(7_000));
    assert_eq!(lint(&long, Some(Kind::Identity)), ["W0102"]);
}
