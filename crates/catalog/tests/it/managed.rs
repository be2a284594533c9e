//! AWS's own managed policies.

use catalog::Catalog;

#[test]
fn policies_are_found_by_their_arn_in_any_partition() {
    let policies = Catalog::shared().managed_policies();
    let everything = policies.document("arn:aws-cn:iam::aws:policy/AdministratorAccess").unwrap();
    assert_eq!(everything["Statement"][0]["Action"], "*");
    assert!(policies.document("arn:aws:iam::aws:policy/service-role/AWSConfigRole").is_none());
    assert!(policies.document("arn:aws:iam::111122223333:policy/AdministratorAccess").is_none());
}

#[test]
fn every_document_is_a_policy() {
    let policies = Catalog::shared().managed_policies();
    assert!(policies.paths().len() > 1_500);
    for path in policies.paths() {
        let document = policies.document(&format!("arn:aws:iam::aws:policy{path}")).unwrap();
        assert!(document["Statement"].is_array() || document["Statement"].is_object(), "{path}");
    }
}
