//! Where images of workloads are kept.
//!
//! In: workloads that name no image of their own. Out: a repository for each. Always: encrypted, scanned when
//! something is pushed, and no tag ever moves. The stack comes before those of the workloads, so that the first
//! image can be pushed, as `:initial`, before anything runs it.
//!
//! Source: Amazon ECR User Guide, "Preventing image tags from being overwritten", "Encryption at rest".

use blueprint::model::Workload;
use diagnostics::{Diagnostic, Diagnostics};
use estate::{Value, value};

use crate::codes::FOREIGN_IMAGE;
use crate::draft::{Draft, Drawn, Say, attribute};
use crate::keys;
use crate::layout::Site;
use crate::naming;

/// The component's name.
pub(crate) const COMPONENT: &str = "images";

/// The tag of the first image that is pushed.
const FIRST_TAG: &str = ":initial";

/// The stack of an environment's repositories.
pub(crate) fn stack(site: &Site<'_>) -> Option<Drawn> {
    let (name, span) = (site.stack_name("images"), site.environment.span);
    let text = smol_str::format_smolstr!("Container images of {}", site.environment.title);
    let mut draft = Draft::new(site.stacks.images?, name, &site.place, COMPONENT, span, text);
    for workload in site.environment.workloads.iter().filter(|workload| workload.image.is_none()) {
        let tags = site.tags.and(workload.name.value.as_str(), None, &workload.tags);
        let properties = value!({
            "EncryptionConfiguration": { "EncryptionType": "KMS", "KmsKey": keys::workloads_key(site) },
            "ImageScanningConfiguration": { "ScanOnPush": true },
            "ImageTagMutability": "IMMUTABLE",
            "LifecyclePolicy": { "LifecyclePolicyText": FORGET_UNTAGGED },
            "Tags": tags.list(),
        });
        draft.at(workload.span);
        draft.add(id(workload), "AWS::ECR::Repository", properties).retain();
    }
    Some(draft.finish())
}

const FORGET_UNTAGGED: &str = "{\"rules\":[{\"rulePriority\":1,\"description\":\"Forget layers that no tag names\",\
\"selection\":{\"tagStatus\":\"untagged\",\"countType\":\"sinceImagePushed\",\"countUnit\":\"days\",\"countNumber\":30},\
\"action\":{\"type\":\"expire\"}}]}";

fn id(workload: &Workload) -> estate::SmolStr {
    naming::id(workload.name.value.as_str(), "Repository")
}

/// What a workload's tasks run.
pub(crate) fn image(site: &Site<'_>, workload: &Workload) -> Value {
    match (&workload.image, site.stacks.images) {
        (Some(image), _) => Value::from(image.value.as_str()).spanned(image.span),
        (None, Some(stack)) => {
            Value::join([attribute(stack, id(workload), "RepositoryUri"), FIRST_TAG.into()])
        }
        (None, None) => Value::from(""),
    }
}

/// The ARN of the repository that the image is pulled from.
pub(crate) fn repository_arn(site: &Site<'_>, workload: &Workload) -> Value {
    match (&workload.image, site.stacks.images) {
        (Some(image), _) => {
            let (account, region, repository) =
                private_registry(image.value.as_str()).unwrap_or(("", "", ""));
            let partition = site.place.partition;
            Value::from(smol_str::format_smolstr!(
                "arn:{partition}:ecr:{region}:{account}:repository/{repository}"
            ))
        }
        (None, Some(stack)) => attribute(stack, id(workload), "Arn"),
        (None, None) => Value::from(""),
    }
}

/// Account, region and repository of an image in a private registry of Amazon ECR.
/// Source: Amazon ECR User Guide, "Amazon ECR private registry", registry URI.
fn private_registry(image: &str) -> Option<(&str, &str, &str)> {
    let (host, rest) = image.split_once('/')?;
    let (account, host) = host.split_once(".dkr.ecr.")?;
    let region = host.strip_suffix(".amazonaws.com")?;
    let digits = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let repository = rest.split(['@', ':']).next()?;
    digits.then_some((account, region, repository))
}

/// Refuses images that a workload without a way to the internet cannot pull.
pub(crate) fn check(site: &Site<'_>, diagnostics: &mut Diagnostics) {
    for workload in &site.environment.workloads {
        let Some(image) = &workload.image else { continue };
        let found = private_registry(image.value.as_str());
        if found.is_some_and(|(_, region, _)| region == site.place.region) {
            continue;
        }
        let message = format!("`{}` cannot be pulled by `{}` in {}", image.value, workload.name, site.name());
        let help =
            "copy the image to Amazon ECR there, or leave `image:` out: then a repository of its own is made";
        let expected =
            format!("an image such as `111122223333.dkr.ecr.{}.amazonaws.com/name:tag`", site.place.region);
        diagnostics.push(Diagnostic::error(FOREIGN_IMAGE, image.span, message).expected(expected).help(help));
    }
}

#[cfg(test)]
mod tests {
    use super::private_registry;

    #[test]
    fn only_private_registries_of_ecr_are_pulled_from() {
        let image = "111122223333.dkr.ecr.us-east-1.amazonaws.com/team/app:1.2";
        assert_eq!(private_registry(image), Some(("111122223333", "us-east-1", "team/app")));
        for foreign in ["public.ecr.aws/nginx/nginx:1", "nginx:1", "1.dkr.ecr.us-east-1.amazonaws.com/a:1"] {
            assert_eq!(private_registry(foreign), None, "{foreign}");
        }
    }
}
