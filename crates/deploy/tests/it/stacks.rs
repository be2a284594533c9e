//! What is applied is there; what is not asked for is not touched.

use std::collections::BTreeSet;

use deploy::drift::{self, What};
use deploy::engine::{self, Done, Settings};
use deploy::pool::Pace;
use deploy::{ChangeAction, Cloud, Place};
use plan::{Action, Fate, Selector};
use serde_json::json;

use crate::scene::{Blind, Scene, apply, census, planned, settings, small, there};

fn member(cloud: &dyn Cloud) -> String {
    let organization = cloud.organization().unwrap().unwrap();
    organization.accounts.iter().find(|account| account.name == "member").unwrap().number.clone()
}

#[test]
fn accounts_are_made_and_values_handed_on() {
    let (scene, desired) = (Scene::new(), small(30));
    let cloud = scene.cloud();
    let outcome = apply(&cloud, &desired);
    assert!(outcome.is_good(), "{outcome:?}");
    let member = member(&cloud);
    let place = Place::new(member.clone(), "us-east-1");
    let names: Vec<String> = cloud.stacks(&place).unwrap().into_iter().map(|stack| stack.name).collect();
    assert_eq!(names, ["data", "service"]);
    let store = cloud.stack(&place, "data").unwrap().unwrap().outputs["Store"].clone();
    let role = &cloud.resources(&place, "AWS::IAM::Role").unwrap()[0];
    let role = cloud.resource(&place, "AWS::IAM::Role", role).unwrap().unwrap();
    assert_eq!(role.properties["Description"], json!(format!("reads {store} in {member}")));
    // The stack set reached the account that was made in the same run.
    let caller = cloud.caller().unwrap().account;
    let home = Place::new(caller, "us-east-1");
    let set = &cloud.resources(&home, "AWS::CloudFormation::StackSet").unwrap()[0];
    let fleet = cloud.fleet(&home, set).unwrap();
    assert_eq!(
        fleet.iter().map(|it| (it.place.clone(), it.status.as_str())).collect::<Vec<_>>(),
        [(place, "CURRENT")]
    );
}

#[test]
fn a_second_apply_changes_nothing_and_a_changed_template_only_what_it_should() {
    let (scene, desired) = (Scene::new(), small(30));
    let cloud = scene.cloud();
    assert!(apply(&cloud, &desired).is_good());
    let before = census(&cloud);
    assert!(planned(&desired, &there(&cloud, &desired)).steps.is_empty());
    let changed = small(90);
    let inventory = there(&cloud, &changed);
    let plan = planned(&changed, &inventory);
    let keys: Vec<_> = plan.steps.iter().map(|step| (step.key.as_str(), step.action)).collect();
    assert_eq!(
        keys,
        [("member/us-east-1/data", Action::Update), ("member/us-east-1/service", Action::Check)]
    );
    let changes = plan::changes(&plan, &inventory);
    assert_eq!(changes.len(), 1);
    assert_eq!(
        (changes[0].fate, changes[0].id.as_str(), changes[0].properties.as_slice()),
        (Fate::Changed, "Logs", ["RetentionInDays".to_owned()].as_slice())
    );
    let outcome = engine::carry_out(&cloud, &plan, &inventory, &settings(2), &Blind);
    assert!(matches!(&outcome.steps["member/us-east-1/service"].1, Done::Nothing), "{outcome:?}");
    let after = census(&cloud);
    let differs: Vec<_> = after.iter().filter(|line| !before.contains(line)).collect();
    assert_eq!(differs.len(), 1, "{differs:?}");
    assert!(differs[0].contains("\"RetentionInDays\":90"));
}

#[test]
fn what_is_destroyed_leaves_only_what_is_retained() {
    let (scene, desired) = (Scene::new(), small(30));
    let cloud = scene.cloud();
    assert!(apply(&cloud, &desired).is_good());
    let inventory = there(&cloud, &desired);
    let plan = plan::destruction(&inventory, &Selector::all(), Some("management".to_owned()));
    let order: Vec<&str> = plan.steps.iter().map(|step| step.name.as_str()).collect();
    assert!(
        order.iter().position(|name| *name == "service") < order.iter().position(|name| *name == "data"),
        "{order:?}"
    );
    assert!(engine::carry_out(&cloud, &plan, &inventory, &settings(4), &Blind).is_good());
    let left: Vec<String> =
        census(&cloud).iter().map(|line| line.split(' ').nth(1).unwrap().to_owned()).collect();
    assert_eq!(
        left,
        [
            "AWS::Organizations::Account",
            "AWS::Organizations::Organization",
            "AWS::Organizations::OrganizationalUnit",
            "AWS::S3::Bucket"
        ]
    );
    // What is left does not stand in the way of another apply.
    assert!(apply(&cloud, &desired).is_good());
}

#[test]
fn a_failed_stack_says_its_first_cause_and_only_its_dependants_wait() {
    let (scene, desired) = (Scene::new(), small(30));
    let cloud = scene.cloud();
    let mut broken = desired.clone();
    let bad = r#"{"Resources":{"Ok":{"Type":"AWS::KMS::Key","Properties":{}},"Bad":{"Type":"AWS::SNS::Topic","Properties":{"KmsMasterKeyId":{"Fn::GetAtt":["Ok","Nonsense"]}}}}}"#;
    let at = broken.manifest.stacks.iter().position(|stack| stack.name == "base").unwrap();
    let path = broken.manifest.stacks[at].template.clone();
    broken.manifest.stacks[at].sha256 = plan::sha256(bad.as_bytes());
    broken.templates.insert(path, bad.into());
    let outcome = apply(&cloud, &broken);
    let Done::Failed(failure) = &outcome.steps["management/us-east-1/base"].1 else { panic!("{outcome:?}") };
    assert_eq!(failure.resource, Some(("Bad".to_owned(), "AWS::SNS::Topic".to_owned())));
    assert!(failure.why.contains("Ok.Nonsense"), "{failure:?}");
    assert_eq!(failure.status.as_deref(), Some("ROLLBACK_COMPLETE"));
    assert!(
        matches!(&outcome.steps["member/us-east-1/data"].1, Done::Waits(key) if key == "management/us-east-1/base")
    );
    assert!(matches!(&outcome.steps["management/us-east-1/fleet"].1, Done::Changed(_)));
    assert!(!census(&cloud).iter().any(|line| line.contains("base/")), "rolled back");
    // Mended, the same command goes on: the failed stack is made again.
    let inventory = there(&cloud, &desired);
    let again = planned(&desired, &inventory);
    assert_eq!(again.steps.iter().find(|step| step.name == "base").unwrap().action, Action::Recreate);
    assert!(apply(&cloud, &desired).is_good());
}

#[test]
fn a_property_that_cannot_change_replaces_the_resource() {
    let (scene, desired) = (Scene::new(), small(30));
    let cloud = scene.cloud();
    assert!(apply(&cloud, &desired).is_good());
    let mut named = small(30);
    let at = named.manifest.stacks.iter().position(|stack| stack.name == "data").unwrap();
    let path = named.manifest.stacks[at].template.clone();
    let mut template: serde_json::Value = serde_json::from_str(&named.templates[&path]).unwrap();
    template["Resources"]["Store"]["Properties"]["BucketName"] = json!("a-name-of-its-own");
    let text = template.to_string();
    named.manifest.stacks[at].sha256 = plan::sha256(text.as_bytes());
    named.templates.insert(path, text.into());
    let inventory = there(&cloud, &named);
    let plan = planned(&named, &inventory);
    let changes = plan::changes(&plan, &inventory);
    let dangers = plan::dangers(&changes);
    assert_eq!(dangers.len(), 1);
    assert_eq!(dangers[0].word, "replace:member/us-east-1/data/Store");
    assert!(
        dangers[0].is_allowed(&["replace:member/*".to_owned()])
            && !dangers[0].is_allowed(&["delete:*".to_owned()])
    );
    let outcome = engine::carry_out(&cloud, &plan, &inventory, &settings(1), &Blind);
    let Done::Changed(done) = &outcome.steps["member/us-east-1/data"].1 else { panic!("{outcome:?}") };
    assert!(done.iter().any(|change| change.logical_id == "Store" && change.action == ChangeAction::Replace));
    // Who reads its name is told the new one.
    let place = Place::new(member(&cloud), "us-east-1");
    let role = &cloud.resources(&place, "AWS::IAM::Role").unwrap()[0];
    let role = cloud.resource(&place, "AWS::IAM::Role", role).unwrap().unwrap();
    assert!(role.properties["Description"].as_str().unwrap().contains("a-name-of-its-own"));
}

#[test]
fn drift_is_found_with_who_did_it_and_brought_back() {
    let (scene, desired) = (Scene::new(), small(30));
    let cloud = scene.cloud();
    assert!(apply(&cloud, &desired).is_good());
    let clean = drift::look(&cloud, &there(&cloud, &desired), &Pace::usual(3, 7)).unwrap();
    assert_eq!((clean.drifts.as_slice(), clean.not_ours), ([].as_slice(), 0));
    assert_eq!(clean.checked + clean.not_checkable.values().sum::<usize>(), 10, "{clean:?}");
    let find = |text: &str| {
        cloud
            .find(text)
            .unwrap()
            .into_iter()
            .find(|it| it.of.as_ref().is_some_and(|of| of.1 == text))
            .unwrap()
    };
    cloud.edit("mallory", &find("Logs"), "RetentionInDays", Some(json!(1))).unwrap();
    cloud.delete_behind("mallory", &find("Topic")).unwrap();
    let mut stray = find("Key");
    (stray.id, stray.of) = ("made-by-hand".to_owned(), None);
    cloud.create_behind("mallory", &stray).unwrap();
    let report = drift::look(&cloud, &there(&cloud, &desired), &Pace::usual(3, 7)).unwrap();
    let mut said: Vec<_> = report
        .drifts
        .iter()
        .map(|drift| {
            (
                drift.kind.as_str(),
                drift.by.as_ref().map(|by| by.who.as_str()),
                matches!(drift.what, What::Gone),
                matches!(drift.what, What::Undeclared),
            )
        })
        .collect();
    said.sort_unstable();
    assert_eq!(
        said,
        [
            ("AWS::KMS::Key", Some("mallory"), false, true),
            ("AWS::Logs::LogGroup", Some("mallory"), false, false),
            ("AWS::SNS::Topic", Some("mallory"), true, false),
        ]
    );
    let inventory = there(&cloud, &desired);
    let repair: BTreeSet<String> =
        ["management/us-east-1/base", "member/us-east-1/data"].map(str::to_owned).into();
    let plan =
        plan::order(&desired, &inventory, &Selector::all(), &std::collections::BTreeMap::new(), &repair)
            .unwrap();
    let settings = Settings { revert_drift: true, ..settings(2) };
    let outcome = engine::carry_out(&cloud, &plan, &inventory, &settings, &Blind);
    assert!(outcome.is_good(), "{outcome:?}");
    let after = drift::look(&cloud, &there(&cloud, &desired), &Pace::usual(3, 7)).unwrap();
    let left: Vec<_> = after.drifts.iter().map(|drift| drift.id.as_str()).collect();
    assert_eq!(left, ["made-by-hand"], "{after:?}");
}
