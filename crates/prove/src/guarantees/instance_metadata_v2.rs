//! Instances answer for their credentials only to who holds a session token (IMDSv2).
//!
//! Source: Amazon EC2 User Guide, "Use the Instance Metadata Service to access instance metadata", "Configure
//! IMDSv2" (`HttpTokens: required`); AWS CloudFormation Template Reference, AWS::EC2::LaunchTemplate and
//! AWS::EC2::Instance `MetadataOptions`.

use estate::ResourceRef;

use crate::{Facts, Findings, Guarantee, Judgement, Level, Setting, Words};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "instance-metadata-v2",
    title: "every instance gives its credentials only to who holds a session token",
    level: Level::High,
    page: include_str!("../../../../docs/guarantees/instance-metadata-v2.md"),
    check,
};

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    for &template in facts.index.of_kind("AWS::EC2::LaunchTemplate") {
        judge(template, &["LaunchTemplateData", "MetadataOptions"], findings, None);
    }
    for &configuration in facts.index.of_kind("AWS::AutoScaling::LaunchConfiguration") {
        judge(configuration, &["MetadataOptions"], findings, None);
    }
    for &instance in facts.index.of_kind("AWS::EC2::Instance") {
        let template = instance.resource.properties.get("LaunchTemplate");
        let own = Setting::of(instance.resource, &["MetadataOptions"]);
        let template = template.filter(|_| own.is_absent());
        let named = template.map(|value| {
            let found = facts
                .index
                .references(value)
                .into_iter()
                .find(|found| found.resource.kind == "AWS::EC2::LaunchTemplate");
            found.ok_or_else(|| format!("its launch template is {}", value.describe()))
        });
        match named {
            Some(Ok(template)) => {
                judge(instance, &["LaunchTemplateData", "MetadataOptions"], findings, Some(template))
            }
            Some(Err(because)) => {
                let judgement = Judgement::doubtful(instance.resource, because);
                tell(instance, judgement, findings);
            }
            None => judge(instance, &["MetadataOptions"], findings, None),
        }
    }
}

/// Judges the options at `path` of `holder`, or of the subject itself.
fn judge(subject: ResourceRef<'_>, path: &[&str], findings: &mut Findings, holder: Option<ResourceRef<'_>>) {
    let resource = holder.unwrap_or(subject).resource;
    let at = |name| [path, &[name]].concat();
    let off =
        Setting::of(resource, &at("HttpEndpoint")).literal(false, |value| value.as_str() == Some("disabled"));
    let tokens =
        Setting::of(resource, &at("HttpTokens")).literal(false, |value| value.as_str() == Some("required"));
    tell(subject, tokens.or(|| off), findings);
}

fn tell(subject: ResourceRef<'_>, judgement: Judgement, findings: &mut Findings) {
    findings.settle(subject, judgement, &Words {
        violated: "nothing here requires session tokens (IMDSv2): unless its image or the account does, the instance gives its role's credentials to any request from it, forged ones included",
        unknown: "IMDSv2 is required",
        path: "MetadataOptions/HttpTokens",
        fix: "MetadataOptions: {HttpTokens: required}",
    });
}
