//! Nobody and nothing signs in with long-lived credentials.
//!
//! Source: IAM User Guide, "Security best practices in IAM" (federation and temporary credentials instead of IAM
//! users); AWS CloudFormation Template Reference, AWS::IAM::User, AWS::IAM::AccessKey.

use estate::ResourceRef;

use crate::{Facts, Findings, Guarantee, Level, Witness};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "no-iam-user",
    title: "nobody and nothing has an IAM user or a long-lived access key",
    level: Level::High,
    page: include_str!("../../../../docs/guarantees/no-iam-user.md"),
    check,
};

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let mut found_any = false;
    let mut violated = |found: ResourceRef<'_>, message: &str, findings: &mut Findings| {
        found_any = true;
        let maybe = found.resource.condition.as_ref();
        if let Some(condition) = maybe {
            let message = format!("{message}, if condition `{}` holds", condition.name);
            findings.unknown(found, found.resource.origin.span, message);
            return;
        }
        findings
            .violated(found, found.resource.origin.span, message)
            .witness(Witness::Event {
                happens: "the password or key leaks".into(),
                follows: "it works until somebody notices: nothing ends it by itself".into(),
            })
            .fix("for people a permission set of IAM Identity Center, for programs a role; remove this resource");
    };
    for &user in facts.index.of_kind("AWS::IAM::User") {
        let message = match user.resource.properties.get("LoginProfile") {
            Some(_) => "an IAM user with a password of its own",
            None => "an IAM user",
        };
        violated(user, message, findings);
    }
    for &key in facts.index.of_kind("AWS::IAM::AccessKey") {
        violated(key, "an access key that never expires", findings);
    }
    for &addition in facts.index.of_kind("AWS::IAM::UserToGroupAddition") {
        violated(addition, "rights for IAM users", findings);
    }
    // With identities of any kind, and none of them a user, the proposition holds of each of these.
    if !found_any {
        for kind in ["AWS::IAM::Role", "AWS::IAM::Group", "AWS::SSO::PermissionSet"] {
            facts.index.of_kind(kind).iter().for_each(|identity| findings.proved(*identity));
        }
    }
}
