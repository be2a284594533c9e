//! No snapshot and no machine image is shared with everybody.
//!
//! Sources: Amazon EBS User Guide, "Block public access for Amazon EBS snapshots" (`block-all-sharing` also hides what
//! was shared before, `block-new-sharing` does not; it holds for one account in one region); AWS CloudFormation
//! Template Reference, AWS::EC2::SnapshotBlockPublicAccess, AWS::ImageBuilder::DistributionConfiguration
//! LaunchPermissionConfiguration (`UserGroups: all` makes an image public), AWS::EC2::FpgaImage.

use std::collections::{BTreeMap, BTreeSet};

use estate::{AccountId, ResourceRef, SmolStr, Value};

use crate::{Facts, Findings, Guarantee, Judgement, Level, Setting, Words, every_item};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "no-public-snapshot",
    title: "no snapshot and no image is shared with everybody",
    level: Level::Critical,
    page: include_str!("../../../../docs/guarantees/no-public-snapshot.md"),
    check,
};

const BLOCK: Words<'static> = Words {
    violated: "snapshots of this account and region may be shared with everybody",
    unknown: "snapshots of this account and region are not public",
    path: "State",
    fix: "State: block-all-sharing",
};
const IMAGE: Words<'static> = Words {
    violated: "the image is made public: every AWS account may start it and read what is on it",
    unknown: "the image is not made public",
    path: "Distributions/*/AmiDistributionConfiguration/LaunchPermissionConfiguration/UserGroups",
    fix: "name accounts (UserIds) or organizations (OrganizationArns) instead of the group all",
};
const FPGA: Words<'static> = Words {
    violated: "the FPGA image is public",
    unknown: "the FPGA image is not public",
    path: "Public",
    fix: "Public: false",
};

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let mut blocked: BTreeSet<(AccountId, Option<SmolStr>)> = BTreeSet::new();
    for &block in facts.index.of_kind("AWS::EC2::SnapshotBlockPublicAccess") {
        // One that may not be there blocks nothing for certain.
        if block.resource.condition.is_none() {
            blocked.insert(region(block));
        }
        let judgement = Setting::of(block.resource, &["State"]).judge(|state| match state {
            None => Judgement::missing(block.resource),
            Some(state) => match state.as_str() {
                Some("block-all-sharing") => Judgement::Holds,
                Some("block-new-sharing") => Judgement::Unknown {
                    span: state.span,
                    because: "new ones cannot be shared with everybody, but what was shared before still is"
                        .into(),
                },
                Some(_) => Judgement::fails(state),
                None => Judgement::unknown(state),
            },
        });
        findings.settle(block, judgement, &BLOCK);
    }
    let mut first: BTreeMap<(AccountId, Option<SmolStr>), ResourceRef<'_>> = BTreeMap::new();
    for kind in [
        "AWS::EC2::Volume",
        "AWS::EC2::Instance",
        "AWS::EC2::LaunchTemplate",
        "AWS::AutoScaling::LaunchConfiguration",
    ] {
        for &found in facts.index.of_kind(kind) {
            first.entry(region(found)).or_insert(found);
        }
    }
    for (region, found) in first.into_iter().filter(|(region, _)| !blocked.contains(region)) {
        let place = region.1.map_or_else(String::new, |region| format!(" in {region}"));
        let message = format!(
            "whether snapshots of this volume and the others of its account{place} can be shared with everybody cannot be \
             known: nothing in the estate blocks it"
        );
        let finding = findings.unknown(found, found.resource.origin.span, message);
        finding.fix("add an AWS::EC2::SnapshotBlockPublicAccess with State: block-all-sharing to the account and region");
    }
    for &images in facts.index.of_kind("AWS::ImageBuilder::DistributionConfiguration") {
        findings.settle(images, distributed(images), &IMAGE);
    }
    for &image in facts.index.of_kind("AWS::EC2::FpgaImage") {
        let private =
            Setting::of(image.resource, &["Public"]).literal(true, |value| value.as_bool() == Some(false));
        findings.settle(image, private, &FPGA);
    }
}

fn region(of: ResourceRef<'_>) -> (AccountId, Option<SmolStr>) {
    (of.stack.account, of.stack.region.clone())
}

/// Whether no distribution gives the image to the group `all`.
fn distributed(images: ResourceRef<'_>) -> Judgement {
    every_item(
        images.resource,
        &["Distributions"],
        || Judgement::Holds,
        |distribution| {
            let path = ["AmiDistributionConfiguration", "LaunchPermissionConfiguration", "UserGroups"];
            Setting::below(distribution, &path).judge(|groups| match groups {
                None => Judgement::Holds,
                Some(groups) => groups.as_items().iter().fold(Judgement::Holds, |all, group: &Value| {
                    all.and(|| match group.as_str() {
                        Some(name) => Judgement::of(name != "all", group),
                        None => Judgement::unknown(group),
                    })
                }),
            })
        },
    )
}
