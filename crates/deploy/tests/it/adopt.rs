//! What exists already becomes the estate's, as it is.

use std::collections::BTreeMap;

use deploy::adopt::{Candidate, Named, look, take_in};
use deploy::local::Found;
use deploy::{Cloud as _, CloudError, OrganizationChange, Place};
use serde_json::json;

use crate::scene::{Scene, apply, census, planned, small, there};

fn names(all: &[Candidate]) -> Vec<String> {
    all.iter()
        .map(|it| format!("{} {}", it.logical_id, if it.is_alike() { "alike" } else { "differs" }))
        .collect()
}

/// An organization with a unit, as somebody made it by hand.
fn by_hand(cloud: &deploy::local::LocalCloud) -> String {
    cloud.organize(&OrganizationChange::CreateOrganization).unwrap();
    let root = cloud.organization().unwrap().unwrap().root;
    let unit =
        cloud.organize(&OrganizationChange::CreateUnit { name: "work".to_owned(), parent: root }).unwrap();
    let email = "aws+member@example.com".to_owned();
    let number =
        cloud.organize(&OrganizationChange::CreateAccount { name: "member".to_owned(), email }).unwrap();
    cloud.organize(&OrganizationChange::MoveAccount { number: number.clone(), to: unit }).unwrap();
    number
}

#[test]
fn an_organization_made_by_hand_is_taken_in_and_nothing_is_made_twice() {
    let scene = Scene::new();
    let cloud = scene.cloud();
    let number = by_hand(&cloud);
    let desired = small(30);
    let before = cloud.organization().unwrap();
    let inventory = there(&cloud, &desired);
    let all = look(&cloud, &desired, &inventory, &Named::new()).unwrap();
    assert_eq!(names(&all), ["Organization alike", "Unit alike", "Member alike"]);
    let chosen: Vec<&Candidate> = all.iter().collect();
    let stack = "management/us-east-1/organization";
    assert_eq!(take_in(&cloud, &desired, &inventory, stack, &chosen, || ()).unwrap(), 3);
    assert_eq!(cloud.organization().unwrap(), before, "nothing was changed");
    let again = look(&cloud, &desired, &there(&cloud, &desired), &Named::new()).unwrap();
    assert!(again.is_empty(), "{again:?}");
    assert!(apply(&cloud, &desired).is_good());
    let after = cloud.organization().unwrap().unwrap();
    assert_eq!(
        after
            .accounts
            .iter()
            .filter(|it| it.name == "member")
            .map(|it| it.number.clone())
            .collect::<Vec<_>>(),
        [number]
    );
    assert_eq!(after.units.len(), 1);
    assert!(planned(&desired, &there(&cloud, &desired)).steps.is_empty());
}

#[test]
fn what_differs_is_said_and_what_is_not_there_is_an_error() {
    let scene = Scene::new();
    let cloud = scene.cloud();
    let account = cloud.caller().unwrap().account;
    let place = Place::new(account, "us-east-1");
    let key = |rotation: bool| Found {
        place: place.clone(),
        kind: "AWS::KMS::Key".to_owned(),
        id: "by-hand".to_owned(),
        of: None,
        properties: json!({ "EnableKeyRotation": rotation }),
    };
    cloud.create_behind("ana", &key(false)).unwrap();
    let desired = small(30);
    let named = Named::from([("management/us-east-1/base/Key".to_owned(), "by-hand".to_owned())]);
    let inventory = there(&cloud, &desired);
    let all = look(&cloud, &desired, &inventory, &named).unwrap();
    assert_eq!(names(&all), ["Key differs"]);
    let differs = all[0].differs.clone();
    assert_eq!(differs, [("EnableKeyRotation".to_owned(), Some(json!(true)), Some(json!(false)))]);
    let nobody = Named::from([("management/us-east-1/base/Key".to_owned(), "nobody".to_owned())]);
    assert!(matches!(look(&cloud, &desired, &inventory, &nobody), Err(CloudError::Missing(_))));
    let nothing = Named::from([("management/us-east-1/base/Nothing".to_owned(), "x".to_owned())]);
    assert!(matches!(look(&cloud, &desired, &inventory, &nothing), Err(CloudError::Missing(_))));
}

#[test]
fn what_is_taken_in_is_kept_and_the_rest_of_its_stack_is_made_around_it() {
    let scene = Scene::new();
    let cloud = scene.cloud();
    let account = cloud.caller().unwrap().account;
    let found = Found {
        place: Place::new(account, "us-east-1"),
        kind: "AWS::KMS::Key".to_owned(),
        id: "by-hand".to_owned(),
        of: None,
        properties: json!({ "EnableKeyRotation": true }),
    };
    cloud.create_behind("ana", &found).unwrap();
    let desired = small(30);
    let named = Named::from([("management/us-east-1/base/Key".to_owned(), "by-hand".to_owned())]);
    let inventory = there(&cloud, &desired);
    let all = look(&cloud, &desired, &inventory, &named).unwrap();
    assert_eq!(names(&all), ["Key alike"]);
    let chosen: Vec<&Candidate> = all.iter().collect();
    take_in(&cloud, &desired, &inventory, "management/us-east-1/base", &chosen, || ()).unwrap();
    assert!(apply(&cloud, &desired).is_good());
    let keys: BTreeMap<String, usize> =
        census(&cloud).into_iter().filter(|it| it.contains("AWS::KMS::Key")).map(|it| (it, 1)).collect();
    assert_eq!(keys.len(), 1, "{keys:?}");
    let topic = census(&cloud).into_iter().find(|it| it.contains("base/Topic")).unwrap();
    assert!(topic.contains("by-hand"), "{topic}");
}
