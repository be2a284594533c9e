//! The organization: units and accounts.
//!
//! In: the units and accounts of the blueprint, and the order in which accounts were first asked for. Out: one stack
//! in the management account. Always: an account has an e-mail address of its own, stands in its unit, and
//! outlives its resource; accounts are created one after the other, new ones last.
//!
//! Sources: AWS CloudFormation Template Reference, AWS::Organizations::Organization, AWS::Organizations::Account
//! (accounts must be created sequentially, with `DependsOn`).

use std::collections::BTreeMap;

use blueprint::model::{Account, Unit};
use estate::{SmolStr, Value, value};

use crate::draft::{Draft, Drawn, Say, attribute};
use crate::layout::Layout;
use crate::naming;

/// The component's name.
pub(crate) const COMPONENT: &str = "organization";

/// The logical id of the organization.
pub(crate) const ORGANIZATION: &str = "Organization";

/// The organization's id, `o-…`.
pub(crate) fn id(layout: &Layout<'_>) -> Value {
    attribute(layout.foundation.organization, ORGANIZATION, "Id")
}

/// The stack of the organization.
pub(crate) fn stack(layout: &Layout<'_>) -> Drawn {
    let blueprint = layout.blueprint;
    let organization = &blueprint.organization;
    let text = smol_str::format_smolstr!("Units and accounts of {}", blueprint.title);
    let foundation = &layout.foundation;
    let place = &foundation.management_place;
    let mut draft =
        Draft::new(foundation.organization, "organization", place, COMPONENT, organization.span, text);
    draft.add(ORGANIZATION, "AWS::Organizations::Organization", value!({ "FeatureSet": "ALL" })).retain();
    let tags = layout.tags(organization.management);
    for unit in &organization.units {
        let parent = match unit.parent.and_then(|parent| blueprint.unit(parent)) {
            Some(parent) => draft.reference(unit_id(parent)),
            None => draft.attribute(ORGANIZATION, "RootId"),
        };
        let properties = value!({ "Name": &unit.title, "ParentId": parent, "Tags": tags.list() });
        draft.at(unit.name.span);
        draft.add(unit_id(unit), "AWS::Organizations::OrganizationalUnit", properties).retain();
    }
    let by_name: BTreeMap<&str, &Account> =
        organization.accounts.iter().map(|account| (account.name.value.as_str(), account)).collect();
    let mut before: Option<SmolStr> = None;
    for locked in layout.lock.accounts.iter().filter(|account| !account.removed) {
        let Some(account) = by_name.get(locked.name.as_str()) else { continue };
        add_account(layout, &mut draft, account, &locked.id, before.replace(locked.id.clone()));
    }
    draft.finish()
}

/// The logical id of a unit.
pub(crate) fn unit_id(unit: &Unit) -> SmolStr {
    naming::id(&unit.path, "Unit")
}

fn add_account(
    layout: &Layout<'_>,
    draft: &mut Draft,
    account: &Account,
    id: &SmolStr,
    before: Option<SmolStr>,
) {
    let parent = match account.unit.and_then(|unit| layout.blueprint.unit(unit)) {
        Some(unit) => draft.reference(unit_id(unit)),
        None => draft.attribute(ORGANIZATION, "RootId"),
    };
    let written = layout.blueprint.tags.iter().chain(&account.tags).cloned().collect();
    let tags = crate::tags::Tags::new(&layout.owner, &SmolStr::new_static("organization"), &written);
    let properties = value!({
        "AccountName": &account.title,
        "Email": account.email.value.as_str(),
        "ParentIds": [parent],
        "RoleName": "OrganizationAccountAccessRole",
        "Tags": tags.list(),
    });
    draft.at(account.name.span);
    let made = draft.add(id.clone(), "AWS::Organizations::Account", properties);
    if let Some(before) = before {
        made.after(before);
    }
    made.retain();
}
