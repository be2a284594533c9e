//! Auditing templates that Steward did not write.

use crate::run::Folder;

const KEY: &str = "Parameters:\n  Rotate: {Type: String, Default: 'true'}\nResources:\n  Key:\n    Type: AWS::KMS::Key\n    \
                   Properties:\n      EnableKeyRotation: !Ref Rotate\n      KeyPolicy: {Version: '2012-10-17', Statement: []}\n";

fn verdict(run: &crate::run::Run, guarantee: &str) -> String {
    let report = run.json();
    let found = report["guarantees"].as_array().unwrap().iter().find(|one| one["id"] == guarantee).cloned();
    found.unwrap()["verdict"].as_str().unwrap_or("none").to_owned()
}

#[test]
fn a_parameter_is_unknown_until_somebody_gives_a_value() {
    let folder =
        Folder::new().with("key.yaml", KEY).with("off.json", "{\"Parameters\": {\"Rotate\": \"false\"}}");
    let open = folder.steward("audit key.yaml --format json");
    assert_eq!(verdict(&open, "key-rotation"), "unknown");
    assert_eq!(verdict(&folder.steward("audit key.yaml --format json --defaults"), "key-rotation"), "proved");
    let off = folder.steward("audit key.yaml --format json --parameters off.json").ends_with(1);
    assert_eq!(verdict(&off, "key-rotation"), "violated");
}

#[test]
fn an_unknown_names_the_parameter_that_decides_it() {
    let folder = Folder::new().with("key.yaml", KEY);
    folder.steward("audit key.yaml").says("would decide unknowns: `Rotate`");
    let report = folder.steward("audit key.yaml --format json").json();
    let found =
        report["findings"].as_array().unwrap().iter().find(|one| one["guarantee"] == "key-rotation").cloned();
    assert_eq!(found.unwrap()["decidedBy"], serde_json::json!(["Rotate"]));
}

#[test]
fn unknown_fails_only_where_that_is_asked_for() {
    let topic = "Parameters: {Days: {Type: Number}}\nResources:\n  Group:\n    Type: AWS::Logs::LogGroup\n    DeletionPolicy: \
                 Retain\n    UpdateReplacePolicy: Retain\n    Properties:\n      RetentionInDays: !Ref Days\n      KmsKeyId: !Ref Key\n";
    let text = topic.replace("Parameters: {Days:", "Parameters: {Key: {Type: String}, Days:");
    let folder = Folder::new().with("group.yaml", text);
    folder.steward("audit group.yaml").ends_with(0).says("unknown");
    folder.steward("audit group.yaml --fail-on unknown").ends_with(1);
}

#[test]
fn a_file_that_cannot_be_read_outweighs_what_the_others_say() {
    let folder = Folder::new().with("t/key.yaml", KEY).with("t/broken.yaml", crate::bad_input::BROKEN);
    let run = folder.steward("audit t --format json").ends_with(2);
    assert_eq!(run.json()["outcome"], "invalid");
    assert!(run.json()["counts"]["subjects"]["unknown"].as_u64().unwrap() > 0, "the others are judged");
}

#[test]
fn places_are_named_as_they_can_be_opened() {
    let folder = Folder::new().with("a/b/key.yaml", KEY.replace("!Ref Rotate", "false"));
    for arguments in ["audit a", "audit a/b", "audit a/b/key.yaml", "check a", "audit ./a"] {
        let run =
            folder.run(&[arguments.split(' ').next().unwrap(), arguments.split(' ').nth(1).unwrap()], &[]);
        run.ends_with(1).says(" a/b/key.yaml:7:26");
    }
}
