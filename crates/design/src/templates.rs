//! Where the user's own templates belong.
//!
//! In: `templates:` of the blueprint. Out: for each the account and region of the estate to which the front door adds
//! the stacks that `intake` reads. Always: in the order of the blueprint.

use blueprint::Blueprint;
use blueprint::model::Template;
use estate::{AccountId, SmolStr};

use crate::layout;

/// Where one of the user's templates belongs.
#[derive(Debug, Clone)]
pub struct TemplatePlace<'b> {
    /// The template as the blueprint has it: file, parameters, tags.
    pub template: &'b Template,
    /// The account of the estate.
    pub account: AccountId,
    /// The region.
    pub region: SmolStr,
    /// The name of its stack, unique in account and region.
    pub stack_name: SmolStr,
}

/// Where each of the blueprint's templates belongs. Accounts are those of [`crate::compile`]'s estate.
#[must_use]
pub fn template_places(blueprint: &Blueprint) -> Vec<TemplatePlace<'_>> {
    blueprint.templates.iter().map(TemplatePlace::of).collect()
}

impl<'b> TemplatePlace<'b> {
    fn of(template: &'b Template) -> Self {
        Self {
            template,
            account: layout::account(template.account),
            region: template.region.value.name.clone(),
            stack_name: smol_str::format_smolstr!("template-{}", template.name),
        }
    }
}
