//! The language: what is read is what was written, and mistakes are named where they stand.

use diagnostics::{Diagnostics, SourceMap};
use iam::policy::Policy;
use iam::text::{Syntax, Text};
use proptest::prelude::*;

/// Reads a policy; the codes of what was said, in order.
fn read(text: &str) -> (Option<Policy>, Vec<&'static str>) {
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let id = sources.add("policy.json", text).unwrap();
    let policy = iam::parse::file(sources.file(id).unwrap(), &mut diagnostics);
    (policy, diagnostics.iter().map(|diagnostic| diagnostic.code.0).collect())
}

fn statement(body: &str) -> String {
    format!(r#"{{"Version": "2012-10-17", "Statement": {{{body}}}}}"#)
}

#[test]
fn a_mistake_is_named_by_its_code() {
    let allow = r#""Effect": "Allow", "Action": "s3:GetObject", "Resource": "*""#;
    let cases = [
        ("[]".to_owned(), "IAM0001"),
        (r#"{"Version": "2012-10-17"}"#.to_owned(), "IAM0001"),
        (statement(&format!(r#"{allow}, "Condtion": {{}}"#)), "IAM0002"),
        (statement(r#""Action": "s3:GetObject", "Resource": "*""#), "IAM0003"),
        (statement(r#""Effect": "Allow", "Resource": "*""#), "IAM0003"),
        (statement(&format!(r#"{allow}, "NotAction": "s3:*""#)), "IAM0004"),
        (statement(r#""Effect": "allow", "Action": "s3:*", "Resource": "*""#), "IAM0005"),
        (statement(r#""Effect": "Allow", "Action": [], "Resource": "*""#), "IAM0005"),
        (r#"{"Version": "2012-10-18", "Statement": []}"#.to_owned(), "IAM0006"),
        (statement(r#""Effect": "Allow", "Action": "GetObject", "Resource": "*""#), "IAM0007"),
        (statement(r#""Effect": "Allow", "Action": "s3:*", "Resource": "bucket/*""#), "IAM0008"),
        (statement(&format!(r#"{allow}, "Principal": "somebody""#)), "IAM0009"),
        (statement(&format!(r#"{allow}, "Principal": {{"AWS": "arn:aws:s3:::x"}}"#)), "IAM0009"),
        (statement(&format!(r#"{allow}, "Condition": {{"StringEqual": {{"a:b": "c"}}}}"#)), "IAM0010"),
        (statement(&format!(r#"{allow}, "Condition": {{"NullIfExists": {{"a:b": true}}}}"#)), "IAM0010"),
    ];
    for (text, code) in cases {
        let (policy, said) = read(&text);
        assert_eq!(said, [code], "{text}");
        assert!(policy.is_none(), "{text}");
    }
}

#[test]
fn what_iam_forgives_is_no_mistake() {
    for text in [
        r#"{"version": "2012-10-17", "statement": {"effect": "Allow", "action": "*", "resource": "*"}}"#,
        r#"{"Statement": [{"Effect": "Deny", "Principal": {"AWS": ["111122223333", "*"]}, "Action": ["S3:get*"],
            "NotResource": ["arn:aws:s3:::b"], "Condition": {"forallvalues:stringlikeifexists": {"AWS:TagKeys": ["a"]},
            "Bool": {"aws:SecureTransport": false}, "NumericLessThan": {"s3:max-keys": 10}}}]}"#,
    ] {
        let (policy, said) = read(text);
        assert!(policy.is_some() && said.is_empty(), "{said:?}");
    }
}

#[test]
fn variables_are_texts_before_2012() {
    let text =
        r#"{"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::${aws:username}"}}"#;
    let policy = read(text).0.unwrap();
    let pattern = &policy.statements[0].resources.as_ref().unwrap().patterns[0];
    assert_eq!(pattern.text.as_literal(), Some("arn:aws:s3:::${aws:username}"));
    let newer = format!(r#"{{"Version": "2012-10-17", {}"#, &text[1..]);
    let policy = read(&newer).0.unwrap();
    let pattern = &policy.statements[0].resources.as_ref().unwrap().patterns[0];
    let keys: Vec<_> = pattern.text.variables().map(|variable| variable.key.as_str()).collect();
    assert_eq!(keys, ["aws:username"]);
}

proptest! {
    /// Printing a text and reading it again gives the same segments.
    #[test]
    fn texts_survive_printing(written in "([a-c:/]|\\*|\\?|\\$|\\{|\\}|'|,| |\\$\\{a:b\\}|\\$\\{a:B, 'd \\*'\\}|\\$\\{[*?$]\\}){0,12}") {
        let syntax = Syntax { wildcards: true, variables: true };
        let text = Text::parse(&written, syntax);
        prop_assert_eq!(Text::parse(&text.to_string(), syntax), text);
    }
}
