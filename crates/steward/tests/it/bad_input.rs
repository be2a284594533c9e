//! Whatever is typed or lies on the disk: a diagnostic with a code, status 2, and never a panic.

use crate::run::Folder;

#[test]
fn a_path_that_does_not_exist() {
    Folder::new().steward("check nowhere").ends_with(2).says("STW0001");
    Folder::new().steward("audit nowhere").ends_with(2).says("STW0001");
    Folder::new().steward("build nowhere -o out").ends_with(2).says("STW0001");
}

#[test]
fn a_folder_with_nothing_to_judge() {
    Folder::new().with("notes.txt", "hello").steward("check .").ends_with(2).says("STW0002");
    Folder::new().with("values.yaml", "a: 1").steward("audit .").ends_with(2).says("CFN0001");
}

#[test]
fn text_that_is_not_utf8() {
    Folder::new().with("estate.yaml", b"name: \xff\n").steward("check").ends_with(2).says("estate.yaml");
    Folder::new().with("a.yaml", b"\xff\xfeR\0").steward("audit .").ends_with(2).says("a.yaml");
}

#[test]
fn broken_yaml() {
    Folder::new().with("estate.yaml", "name: [").steward("check").ends_with(2).says("estate.yaml:1");
    Folder::new().with("a.yaml", BROKEN).steward("audit a.yaml").ends_with(2).says("a.yaml:");
    Folder::new().with("estate.yaml", "").steward("check").ends_with(2).says("error");
}

#[test]
fn every_mistake_of_a_blueprint_is_said_in_one_run() {
    let folder = Folder::new();
    folder.steward("init").ends_with(0);
    let text =
        folder.read("estate.yaml").replace("us-east-1", "us-east-9").replace("kind: bucket", "kind: buckett");
    let folder = folder.with("estate.yaml", text);
    folder
        .steward("check")
        .ends_with(2)
        .says("BP0405")
        .says("BP0104")
        .says("did you mean `bucket`?")
        .says("2 errors");
}

#[test]
fn nesting_without_end() {
    for text in ["[".repeat(100_000), "{\"a\":".repeat(100_000), "- ".repeat(100_000)] {
        Folder::new().with("estate.yaml", &text).steward("check").ends_with(2);
        Folder::new().with("a.yaml", &text).steward("audit a.yaml").ends_with(2);
    }
}

#[test]
fn output_of_describe_calls_stands_alone() {
    let vpcs = r#"{"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}]}"#;
    let folder = Folder::new()
        .with("recorded/us-east-1/Vpcs.json", vpcs)
        .with("a.yaml", "Resources: {B: {Type: AWS::SNS::Topic}}");
    folder.steward("audit recorded a.yaml").ends_with(2).says("STW0020");
}

#[test]
fn a_day_that_does_not_exist_and_options_that_do_not() {
    Folder::new().steward("check --as-of 2026-02-30").ends_with(2).says("STW0010");
    Folder::new().steward("check --frobnicate").ends_with(2).says("--frobnicate");
    Folder::new().steward("audit").ends_with(2).says("<PATHS>");
    Folder::new().steward("init x --template studoi").ends_with(2).says("did you mean `studio`?");
}

#[test]
fn a_lock_that_somebody_broke() {
    let folder = Folder::new();
    folder.steward("init").ends_with(0);
    folder.with("estate.lock", "{ not a lock").steward("check").ends_with(2).says("estate.lock");
}

#[test]
fn parameter_files_of_another_shape() {
    let folder = Folder::new().with("a.yaml", TEMPLATE).with("values.json", "[1, 2]");
    folder.steward("audit a.yaml --parameters values.json").ends_with(2).says("values.json");
    folder.steward("audit a.yaml --parameters none.json").ends_with(2).says("none.json");
}

/// A template, as far as one can see, that is no YAML.
pub const BROKEN: &str =
    "AWSTemplateFormatVersion: '2010-09-09'\nResources:\n  A:\n    Type: [AWS::S3::Bucket\n  B: }\n";

const TEMPLATE: &str = "Resources: {Topic: {Type: AWS::SNS::Topic}}";
