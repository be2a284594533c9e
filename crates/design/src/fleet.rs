//! What is the same in every account: two stack sets, and the management account's own copy.
//!
//! In: the organization and its regions. Out: one stack in the management account with a stack set for what an account
//! needs once and one for what it needs in every region; the stacks that these deploy, each once, for all accounts
//! together; and the same stacks again for the management account, which no service-managed stack set reaches.
//! Always: the stack sets have the root as target, so a new account has all of it without a change here; nothing
//! in them depends on which accounts there are.
//!
//! Sources: AWS CloudFormation User Guide, "Managing stacks across accounts and Regions with StackSets", service-managed
//! permissions ("StackSets doesn't deploy stacks to the organization's management account"), automatic deployments.

use diagnostics::Span;
use estate::{SmolStr, StackId, Step, Value, When, value};

use crate::draft::{Draft, Drawn, Place, Say, account_id, attribute};
use crate::layout::Layout;
use crate::tags::Tags;
use crate::{config, detection, organization};

/// The component's name.
pub(crate) const COMPONENT: &str = "fleet";

const ACCOUNTS: &str = "AccountBaseline";
const REGIONS: &str = "RegionBaseline";

/// Where something stands that may stand in many places.
pub(crate) struct Here {
    /// The account's twelve digits.
    pub account: Value,
    /// `aws`
    pub partition: &'static str,
    /// Tags on everything.
    pub tags: Tags,
}

impl Here {
    /// The ARN of something of IAM in this account.
    pub(crate) fn iam_arn(&self, resource: &str) -> Value {
        let head = smol_str::format_smolstr!("arn:{}:iam::", self.partition);
        Value::join([head.into(), self.account.clone(), smol_str::format_smolstr!(":{resource}").into()])
    }
}

/// The stack that holds the stack sets.
pub(crate) fn stack(layout: &Layout<'_>) -> Drawn {
    let (blueprint, foundation) = (layout.blueprint, &layout.foundation);
    let place = &foundation.management_place;
    let text = smol_str::format_smolstr!("What every account of {} has", blueprint.title);
    let span = blueprint.organization.span;
    let mut draft = Draft::new(foundation.fleet, "fleet", place, COMPONENT, span, text);
    draft.step(Step {
        when: When::Before,
        what: SmolStr::new_static("let AWS CloudFormation StackSets into the organization"),
        command: smol_str::format_smolstr!(
            "aws cloudformation activate-organizations-access --profile {} --region {}",
            layout.management_name(),
            place.region
        ),
    });
    let tags = layout.tags(blueprint.organization.management);
    let home = vec![Value::from(place.region.clone())];
    let properties = stack_set(layout, "account-baseline", home, None, &tags);
    draft.add(ACCOUNTS, "AWS::CloudFormation::StackSet", properties);
    // A new account gets its roles before what works with them.
    let first = Value::join([place.arn("cloudformation", "stackset/"), draft.reference(ACCOUNTS)]);
    let regions = foundation.regions.iter().map(Value::from).collect();
    let properties = stack_set(layout, "region-baseline", regions, Some(first), &tags);
    draft.add(REGIONS, "AWS::CloudFormation::StackSet", properties).after(ACCOUNTS);
    draft.finish()
}

fn stack_set(
    layout: &Layout<'_>,
    name: &str,
    regions: Vec<Value>,
    first: Option<Value>,
    tags: &Tags,
) -> Value {
    let root = attribute(layout.foundation.organization, organization::ORGANIZATION, "RootId");
    value!({
        "StackSetName": smol_str::format_smolstr!("{}-{name}", layout.blueprint.name),
        "Description": smol_str::format_smolstr!("{name} of {}", layout.blueprint.title),
        "PermissionModel": "SERVICE_MANAGED",
        "AutoDeployment": {
            "Enabled": true,
            "RetainStacksOnAccountRemoval": false,
            "DependsOn": first.map(|first| value!([first])),
        },
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
        "ManagedExecution": { "Active": true },
        "OperationPreferences": {
            "RegionConcurrencyType": "PARALLEL",
            "MaxConcurrentPercentage": 100,
            "FailureTolerancePercentage": 10,
        },
        "StackInstancesGroup": [{ "DeploymentTargets": { "OrganizationalUnitIds": [root] }, "Regions": regions }],
        "Tags": tags.list(),
    })
}

/// The stacks that the stack sets deploy, for all accounts together.
pub(crate) fn everywhere(layout: &Layout<'_>) -> [Drawn; 2] {
    let foundation = &layout.foundation;
    let place = Place { account: foundation.every_account, ..foundation.management_place.clone() };
    let here = Here {
        account: account_id(foundation.every_account),
        partition: place.partition,
        tags: layout.tags(layout.blueprint.organization.management),
    };
    let make = |id: StackId, name: &'static str, set: &'static str, text: &'static str| {
        let name = smol_str::format_smolstr!("{}-{name}", layout.blueprint.name);
        let mut draft = Draft::new(id, name, &place, COMPONENT, span(layout), text);
        draft.deployed_by(foundation.fleet, set);
        draft
    };
    let (accounts, regions) = (foundation.every_account_stack, foundation.every_region_stack);
    let mut account = make(accounts, "account-baseline", ACCOUNTS, "What every account has once");
    once(layout, &mut account, &here);
    let mut region = make(regions, "region-baseline", REGIONS, "What every account has in every region");
    each_region(layout, &mut region, &here);
    [account.finish(), region.finish()]
}

/// The management account's own: no stack set reaches it.
pub(crate) fn of_management(layout: &Layout<'_>) -> Vec<Drawn> {
    let foundation = &layout.foundation;
    let home = &foundation.management_place;
    let here = Here {
        account: home.account_id(),
        partition: home.partition,
        tags: layout.tags(layout.blueprint.organization.management),
    };
    let text = "What every account has once, for the management account";
    let id = foundation.management_account_stack;
    let mut draft = Draft::new(id, "account-baseline", home, COMPONENT, span(layout), text);
    once(layout, &mut draft, &here);
    let mut out = vec![draft.finish()];
    for (id, region) in &foundation.management_region_stacks {
        let place = Place { region: region.clone(), ..home.clone() };
        let text = "What every account has in every region, for the management account";
        let mut draft = Draft::new(*id, "region-baseline", &place, COMPONENT, span(layout), text);
        draft.after(foundation.management_account_stack);
        each_region(layout, &mut draft, &here);
        detection::add_administrator(layout, &mut draft);
        out.push(draft.finish());
    }
    out
}

fn span(layout: &Layout<'_>) -> Span {
    layout.blueprint.organization.span
}

fn once(layout: &Layout<'_>, draft: &mut Draft, here: &Here) {
    config::once(layout, draft, here);
    detection::once(layout, draft, here);
}

fn each_region(layout: &Layout<'_>, draft: &mut Draft, here: &Here) {
    detection::each_region(layout, draft, here);
    config::each_region(layout, draft, here);
}
