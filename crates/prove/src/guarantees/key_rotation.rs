//! Customer-managed keys rotate every year.
//!
//! Source: AWS KMS Developer Guide, "Rotate AWS KMS keys": automatic rotation is for symmetric encryption
//! keys with key material that KMS made; asymmetric and HMAC keys and imported material cannot have it.
//! AWS CloudFormation Template Reference, AWS::KMS::Key (`EnableKeyRotation` is false where not said).

use crate::{Facts, Findings, Guarantee, Judgement, Level, Setting, Witness};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "key-rotation",
    title: "every customer-managed key rotates by itself",
    level: Level::Medium,
    page: include_str!("../../../../docs/guarantees/key-rotation.md"),
    check,
};

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    for &key in facts.index.of_kind("AWS::KMS::Key") {
        let spec = Setting::of(key.resource, &["KeySpec"]);
        let origin = Setting::of(key.resource, &["Origin"]);
        let rotates = Setting::of(key.resource, &["EnableKeyRotation"]);
        // A key that cannot rotate is outside the proposition; one that only may be is not.
        let cannot = spec
            .literal(false, |value| value.as_str().is_some_and(|spec| spec != "SYMMETRIC_DEFAULT"))
            .or(|| origin.literal(false, |value| value.as_str().is_some_and(|origin| origin != "AWS_KMS")));
        if cannot == Judgement::Holds {
            continue;
        }
        match rotates.literal(false, |value| value.as_bool() == Some(true)) {
            Judgement::Holds => findings.proved(key),
            Judgement::Fails { span, found } => {
                findings
                    .violated(key, span, "the key keeps its material for ever: rotation is not enabled")
                    .witness(Witness::Setting { path: "EnableKeyRotation".into(), found })
                    .fix("EnableKeyRotation: true");
            }
            Judgement::Unknown { span, because } => {
                findings.unknown(key, span, format!("whether the key rotates cannot be known: {because}"));
            }
        }
    }
}
