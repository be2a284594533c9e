//! AWS's published logic, case by case: each line of `tests/data` is a request with its policies, the verdict, and the
//! page of AWS's documentation that says so.

use std::fs;
use std::path::Path;

use serde_json::Value;

fn files() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|path| (path.display().to_string(), fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn every_case_of_the_documentation_comes_out_as_documented() {
    let (mut wrong, mut count, mut batch) = (Vec::new(), 0, iam::batch::Batch::default());
    for (file, text) in files() {
        for (at, line) in text.lines().enumerate() {
            let case: Value = serde_json::from_str(line).unwrap();
            assert!(!case["page"].as_str().unwrap().is_empty(), "{file}:{}", at + 1);
            let said = iam::batch::answer(line, "cases.jsonl", at + 1).unwrap().json();
            // Policies that were read before say the same.
            assert_eq!(batch.answer(line, "cases.jsonl", at + 1).unwrap().json(), said);
            count += 1;
            if said["verdict"] != case["expected"] || said.get("error").is_some() {
                wrong.push(format!("{}: expected {}, said {said}", case["name"], case["expected"]));
            }
            assert_eq!(said["name"], case["name"]);
        }
    }
    assert!(count > 400, "{count} cases");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_verdict_has_its_reason() {
    for (_, text) in files() {
        for (at, line) in text.lines().enumerate() {
            let said = iam::batch::answer(line, "cases.jsonl", at + 1).unwrap();
            assert!(!said.decision.because.is_empty(), "{}", said.name);
            let style = diagnostics::render::Style { width: 80, ..Default::default() };
            let shown = iam::show::answer(&said, style);
            assert!(shown.lines().count() > 1);
            // A statement's own words are never wider; a name without a space may be.
            let wide = shown
                .lines()
                .find(|line| line.chars().count() > 80 && line.contains(' ') && !line.contains("arn:"));
            assert!(wide.is_none_or(|line| line.split(' ').any(|word| word.len() > 40)), "{wide:?}");
        }
    }
}

/// The verdict of the simplest case with more fields.
fn verdict(fields: &str) -> (String, Option<String>) {
    let line = format!(
        r#"{{"request": {{"principal": "arn:aws:iam::111122223333:user/a", "action": "s3:GetObject",
            "resource": {{"arn": "arn:aws:s3:::b/k", "account": "111122223333"}}}}, {fields}}}"#
    );
    let said = iam::batch::answer(&line.replace('\n', " "), "cases.jsonl", 1).unwrap().json();
    (
        said["verdict"].as_str().unwrap().to_owned(),
        said.get("error").map(|error| error.as_str().unwrap().to_owned()),
    )
}

#[test]
fn policies_are_taken_in_the_forms_that_people_have() {
    let policy = r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#;
    let quoted = Value::from(policy).to_string();
    for fields in [
        format!(r#""identityPolicies": [{policy}]"#),
        format!(r#""identityPolicies": {policy}"#),
        format!(r#""identityPolicies": [{{"name": "a", "policy": {policy}}}, null]"#),
        format!(r#""identityPolicies": [{quoted}]"#),
        format!(r#""identityPolicies": [{{"name": "a", "policy": {quoted}}}], "permissionBoundaries": []"#),
        format!(
            r#""identityPolicies": [{policy}], "sessionPolicies": [], "resourcePolicy": null, "comment": "mine""#
        ),
    ] {
        assert_eq!(verdict(&fields), ("Allowed".to_owned(), None), "{fields}");
    }
}

#[test]
fn what_is_not_understood_is_unknown_and_says_why() {
    for (fields, part) in [
        (r#""identityPolicies": [{"Statement": {"Effect": "Allow", "Resource": "*"}}]"#, "IAM0003"),
        (r#""identityPolicies": [{"name": "x", "policy": "{"}]"#, "cannot be read"),
        (r#""identityPolices": []"#, "did you mean `identityPolicies`"),
        (r#""permisionBoundaries": []"#, "did you mean `permissionBoundaries`"),
        (r#""serviceControlPolicies": [{"level": "root"}]"#, "needs `policies`"),
    ] {
        let (word, error) = verdict(fields);
        assert_eq!(word, "Unknown", "{fields}");
        assert!(error.as_ref().is_some_and(|error| error.contains(part)), "{fields}: {error:?}");
    }
    for line in
        ["{", "[]", "{}", r#"{"request": {}}"#, r#"{"request": {"principal": "a", "action": "x"}}"#, "\u{0}"]
    {
        let said = iam::batch::answer(line, "cases.jsonl", 7).unwrap();
        assert_eq!(said.decision.verdict, iam::evaluate::Verdict::Unknown, "{line}");
        assert!(said.errors[0].starts_with("cases.jsonl:7"), "{:?}", said.errors);
    }
    assert!(iam::batch::answer("  \r\n", "cases.jsonl", 1).is_none());
}
