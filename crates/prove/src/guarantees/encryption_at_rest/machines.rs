//! The volumes that instances, launch templates and launch configurations make.
//!
//! Source: Amazon EBS User Guide, "Amazon EBS encryption" (what is not said follows the snapshot or the account's
//! default); Amazon EC2 User Guide, "Device names for volumes on Amazon EC2 instances" (the root device of Amazon's
//! images is /dev/xvda or /dev/sda1) and "Block device mappings"; AWS::AutoScaling::LaunchConfiguration (an encrypted
//! volume has the account's default key, and no other can be named).

use catalog::AtRest;
use estate::{ResourceRef, Value};

use crate::{Facts, Findings, Judgement, Setting, Words, every_item};

use super::key;

const FIX: &str =
    "in each mapping, the root device's too: Ebs: {Encrypted: true, KmsKeyId: the ARN of an AWS::KMS::Key}";
const OFF: Words<'static> = Words {
    violated: "a volume that it makes is not encrypted at rest",
    unknown: "its volumes are encrypted under a customer-managed key",
    path: "BlockDeviceMappings/*/Ebs/Encrypted",
    fix: FIX,
};
const NO_KEY: Words<'static> = Words {
    violated: "a volume that it makes is encrypted under a key of AWS, not under one of yours",
    path: "BlockDeviceMappings/*/Ebs/KmsKeyId",
    ..OFF
};

/// Judges every volume of a machine; `prefix` is where its mappings stand.
pub(super) fn judge(
    facts: &Facts<'_>,
    findings: &mut Findings,
    machine: ResourceRef<'_>,
    row: &AtRest,
    prefix: &[&str],
) {
    let path = [prefix, &["BlockDeviceMappings"]].concat();
    let names_key = machine.resource.kind != "AWS::AutoScaling::LaunchConfiguration";
    let of_volumes = |judge: &dyn Fn(&Value) -> Judgement| {
        every_item(
            machine.resource,
            &path,
            || Judgement::Holds,
            |mapping| {
                Setting::below(mapping, &["Ebs"]).judge(|ebs| match ebs {
                    // An instance store volume, or a device of the image left out.
                    None => Judgement::Holds,
                    Some(ebs) if ebs.as_map().is_some() => judge(ebs),
                    Some(ebs) => Judgement::unknown(ebs),
                })
            },
        )
    };
    let switch = of_volumes(&|ebs| {
        Setting::below(ebs, &["Encrypted"]).judge(|value| match value {
            Some(value) if value.is_literal() => Judgement::of(value.as_bool() == Some(true), value),
            Some(value) => Judgement::unknown(value),
            None => Judgement::Fails { span: ebs.span, found: "nothing".into() },
        })
    });
    let keys = of_volumes(&|ebs| {
        Setting::below(ebs, &["KmsKeyId"]).judge(|value| match value {
            Some(value) => key(facts, machine, row, value),
            None if names_key => Judgement::Fails { span: ebs.span, found: "nothing".into() },
            None => Judgement::Unknown { span: ebs.span, because: "its key is the account's default".into() },
        })
    });
    findings.settle_all(machine, [(switch, OFF), (keys, NO_KEY), (root(facts, machine, prefix, &path), OFF)]);
}

/// Whether the volume that the machine starts from is among its mappings, or somebody else's.
fn root(facts: &Facts<'_>, machine: ResourceRef<'_>, prefix: &[&str], path: &[&str]) -> Judgement {
    let doubt = |because: &str| Judgement::doubtful(machine.resource, because);
    let template = machine.resource.properties.get("LaunchTemplate");
    if let Some(template) = template {
        let named = ["LaunchTemplateId", "LaunchTemplateName"].iter().filter_map(|name| template.get(name));
        let known =
            named.into_iter().any(|name| facts.index.named("AWS::EC2::LaunchTemplate", name).is_some());
        return if known { Judgement::Holds } else { doubt("its launch template is not in the estate") };
    }
    // A template without an image is completed by whoever starts an instance from it.
    let image = Setting::of(machine.resource, &[prefix, &["ImageId"]].concat());
    if machine.resource.kind == "AWS::EC2::LaunchTemplate" && image.is_absent() {
        return Judgement::Holds;
    }
    let devices = machine.resource.properties.alternatives(&[path, &["*", "DeviceName"]].concat());
    let is_root = |name: &str| ["/dev/xvda", "/dev/sda1", "xvda", "sda1"].contains(&name);
    let listed = devices
        .iter()
        .any(|device| device.guard.is_always() && device.value.and_then(Value::as_str).is_some_and(is_root));
    match listed {
        true => Judgement::Holds,
        false => {
            doubt("its root volume is not among its mappings, so the image or the account's default decides")
        }
    }
}
