//! `steward policy evaluate` and `lint`, as a user calls them.

use crate::run::Folder;

const ALLOW: &str = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}}"#;

fn case(name: &str, action: &str) -> String {
    format!(
        r#"{{"name": "{name}", "request": {{"principal": "arn:aws:iam::111122223333:user/a", "action": "{action}", "resource": {{"arn": "arn:aws:s3:::b/k", "account": "111122223333"}}, "context": {{}}}}, "identityPolicies": [{{"name": "reader", "policy": {ALLOW}}}]}}"#
    )
}

#[test]
fn every_line_is_answered_by_a_line() {
    let cases = format!("{}\n\n{}\n", case("one", "s3:GetObject"), case("two", "s3:PutObject"));
    let run =
        Folder::new().with("cases.jsonl", cases).steward("policy evaluate --batch cases.jsonl").ends_with(0);
    let answers: Vec<serde_json::Value> =
        run.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers[0]["name"], "one");
    assert_eq!(answers[0]["verdict"], "Allowed");
    assert_eq!(answers[0]["because"][0]["policy"], "reader");
    assert_eq!(answers[1]["verdict"], "ImplicitlyDenied");
    assert_eq!(answers.len(), 2);
}

#[test]
fn a_line_with_a_mistake_is_answered_and_the_run_goes_on() {
    let cases = [b"{\n".as_slice(), b"\xff\xfe\n", case("good", "s3:GetObject").as_bytes()].concat();
    let run =
        Folder::new().with("cases.jsonl", cases).steward("policy evaluate --batch cases.jsonl").ends_with(2);
    let answers: Vec<serde_json::Value> =
        run.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let verdicts: Vec<_> = answers.iter().map(|answer| answer["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["Unknown", "Unknown", "Allowed"]);
    assert!(answers[0]["error"].is_string() && answers[1]["error"].is_string());
}

#[test]
fn people_read_the_same_in_words() {
    let folder = Folder::new().with("cases.jsonl", case("reading", "s3:GetObject"));
    folder
        .steward("policy evaluate --batch cases.jsonl --format text --width 80")
        .ends_with(0)
        .says("allowed           reading")
        .says("reader, statement 1 allows s3:GetObject")
        .says("1 request: 1 allowed");
}

#[test]
fn mistakes_in_policies_have_place_and_fix() {
    let wrong = ALLOW.replace("s3:GetObject", "s3:GetObjct");
    let folder = Folder::new().with("good.json", ALLOW).with("wrong.json", wrong).with("broken.json", "{");
    folder.steward("policy lint good.json").ends_with(0).says("1 file: 0 errors, 0 warnings, 0 notes");
    let run = folder.steward("policy lint wrong.json --format json").ends_with(0);
    let said: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(said[0]["code"], "IAM0104");
    assert_eq!(said[0]["help"], "did you mean `GetObject`?");
    assert_eq!(said[0]["place"]["line"], 1);
    folder.steward("policy lint good.json broken.json").ends_with(2);
    folder.steward("policy lint absent.json").ends_with(2);
    folder.steward("policy lint wrong.json --format sarif").ends_with(0).says("IAM0104");
}
