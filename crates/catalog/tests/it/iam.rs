//! The IAM service reference.

use catalog::{AccessLevel, Catalog, iam_pattern_matches};

#[test]
fn actions_are_found_without_case() {
    let iam = Catalog::shared().iam();
    let get = iam.action("s3", "getobject").unwrap();
    assert_eq!((get.name.as_str(), get.access), ("GetObject", AccessLevel::Read));
    assert!(get.resources.iter().any(|resource| resource.name == "object"));
    assert_eq!(iam.action("S3", "GetObject").map(|action| action.name.as_str()), Some("GetObject"));
    assert!(iam.action("s3", "GetObjects").is_none());
    assert!(iam.service("s4").is_none());
    assert_eq!(iam.action("s3", "PutBucketPolicy").unwrap().access, AccessLevel::PermissionsManagement);
}

#[test]
fn patterns_name_actions() {
    let iam = Catalog::shared().iam();
    let count = |pattern: &str| iam.actions_matching(pattern).len();
    assert_eq!(count("*"), 22_091);
    assert_eq!(count("*:*"), 22_091);
    assert_eq!(count("s3:GetObject"), 1);
    assert_eq!(count("s3:*"), iam.service("s3").unwrap().actions.len());
    assert!(count("s3:Get*") > 50);
    assert_eq!(count("S3:get*"), count("s3:Get*"));
    assert_eq!(count("nothing"), 0);
    assert_eq!(count("s3:"), 0);
}

#[test]
fn a_pattern_is_stars_and_question_marks() {
    let check = |pattern, text, expected| {
        assert_eq!(iam_pattern_matches(pattern, text), expected, "{pattern} {text}")
    };
    check("Get*", "GetObject", true);
    check("get?bject", "GetObject", true);
    check("get??bject", "GetObject", false);
    check("get*bject", "GetObject", true);
    check("*", "", true);
    check("", "", true);
    check("", "x", false);
    check("*a*b*c", "xxaxxbxxc", true);
    check("*a*b*c", "xxaxxbxx", false);
    check(&"*a".repeat(50), &"a".repeat(49), false);
}

#[test]
fn services_know_their_resources_and_keys() {
    let kms = Catalog::shared().iam().service("kms").unwrap();
    assert_eq!(kms.resource("key").unwrap().arn, "arn:${Partition}:kms:${Region}:${Account}:key/${KeyId}");
    assert!(kms.supports_rcp);
    let via = kms.condition_keys.iter().find(|key| key.name == "kms:ViaService").unwrap();
    assert_eq!((via.kind.as_str(), via.multivalued), ("String", false));
    let global = Catalog::shared().iam().global_condition_keys();
    let paths = global.iter().find(|key| key.name == "aws:PrincipalOrgPaths").unwrap();
    assert!(paths.multivalued);
}

#[test]
fn every_service_decodes() {
    let iam = Catalog::shared().iam();
    let (mut services, mut actions) = (0, 0);
    for prefix in iam.prefixes() {
        let service = iam.service(prefix).unwrap();
        assert_eq!(service.prefix, prefix);
        services += 1;
        actions += service.actions.len();
    }
    assert_eq!((services, actions), (456, 22_091));
}
