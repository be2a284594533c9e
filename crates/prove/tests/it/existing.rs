//! What exists already: guarantees about deploying have nothing to say of it, all others do.

use catalog::Catalog;
use prove::guarantees::{ALL, OF_DEPLOYMENT, by_id};
use prove::{Date, Options};

/// A group with a hard-coded name and an open port, on an interface, and the network ACL that AWS makes with a VPC.
const DESCRIBED: &str = r#"{
  "SecurityGroups": [{"GroupId": "sg-0000000a", "GroupName": "web", "Description": "d", "VpcId": "vpc-0000000a",
    "IpPermissions": [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
    "IpPermissionsEgress": []}],
  "NetworkAcls": [{"NetworkAclId": "acl-0000000a", "VpcId": "vpc-0000000a", "IsDefault": true}],
  "NetworkInterfaces": [{"NetworkInterfaceId": "eni-0000000a", "Groups": [{"GroupId": "sg-0000000a"}]}]}"#;

fn said(estate: &estate::Estate) -> Vec<String> {
    let options = Options::on(Date::parse("2026-11-01").unwrap());
    let report = prove::check(estate, ALL, Catalog::shared(), &options, &[]);
    let said = report.guarantees.iter().filter(|checked| checked.verdict().is_some());
    said.map(|checked| checked.guarantee.id.to_owned()).collect()
}

#[test]
fn guarantees_about_deploying_exist() {
    for id in OF_DEPLOYMENT {
        assert!(by_id(id).is_some(), "{id}");
    }
}

#[test]
fn of_what_exists_they_say_nothing_and_the_others_speak() {
    let (mut estate, _, _) = intake::describe::from_texts(&[("us-east-1/all.json", DESCRIBED)]);
    let existing = said(&estate);
    assert!(existing.contains(&"no-open-admin-port".to_owned()), "{existing:?}");
    let deploying = |said: &[String]| said.iter().filter(|id| OF_DEPLOYMENT.contains(&id.as_str())).count();
    assert_eq!(deploying(&existing), 0, "{existing:?}");
    // The same resources, to be deployed.
    for resource in estate.stacks.iter_mut().flat_map(|stack| stack.resources.values_mut()) {
        resource.attributes.shift_remove(estate::OBSERVED);
    }
    assert!(deploying(&said(&estate)) >= 2, "{:?}", said(&estate));
}
