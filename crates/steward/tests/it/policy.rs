//! Judging policies by themselves, as people and pipelines do.

use crate::run::Folder;

const OLD: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports/*"}]}"#;
const NEW: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::reports/*",
     "Condition": {"Bool": {"aws:SecureTransport": "true"}}}]}"#;

#[test]
fn policies_are_compared_for_programs() {
    let folder = Folder::new().with("old.json", OLD).with("new.json", NEW);
    let answer = folder.steward("policy compare old.json new.json --format json").ends_with(0).json();
    assert_eq!(answer["allowsMore"], true);
    assert_eq!(answer["witnessMore"]["action"], "s3:PutObject");
    assert_eq!(answer["witnessMore"]["context"]["aws:SecureTransport"], "true");
    assert_eq!(answer["allowsLess"], true);
    assert_eq!(answer["witnessLess"]["action"], "s3:GetObject");
    let same = folder.steward("policy compare new.json new.json --format json").ends_with(0).json();
    assert_eq!(same, serde_json::json!({ "allowsMore": false, "allowsLess": false }));
}

#[test]
fn a_pipeline_stops_at_what_was_not_allowed_before() {
    let folder = Folder::new().with("old.json", OLD).with("new.json", NEW);
    folder.steward("policy compare old.json new.json --fail-on more").ends_with(1).says("s3:PutObject");
    folder.steward("policy compare old.json old.json --fail-on any").ends_with(0).says("nothing more");
    folder.steward("policy compare old.json absent.json").ends_with(2).says("STW0011");
}
