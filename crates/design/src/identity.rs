//! People, groups, roles, and who may do what where: AWS IAM Identity Center.
//!
//! In: the blueprint's `identity` and `keys.administrators`. Out: one stack in the management account: groups, permission sets,
//! assignments of both to accounts. Always: nobody has a right but through a group; a permission set is made only where
//! somebody has it; who administers an account can change neither keys nor what watches.
//!
//! AWS CloudFormation can neither turn Identity Center on for an organization nor make people: both are said as steps, and what they
//! yield is looked up in Parameter Store.
//!
//! Sources: IAM Identity Center User Guide, "Organization instances of IAM Identity Center", "Manage AWS accounts with permission
//! sets"; IAM User Guide, "AWS managed policies for job functions"; AWS CloudFormation User Guide, "Get a plaintext value
//! from AWS Systems Manager Parameter Store".

use std::collections::BTreeSet;

use blueprint::model::{AccountId, Group, Identity, May, Role};
use estate::{Kind, SmolStr, StackId, Step, Value, When, value};

use crate::draft::{Draft, Drawn, Place, account_id};
use crate::layout::{self, Layout};
use crate::naming;

/// The component's name.
pub(crate) const COMPONENT: &str = "identity";

/// What the name of the key administrators' role begins with in an account.
pub(crate) const KEY_ADMINISTRATOR: &str = "AWSReservedSSO_KeyAdministrator_";

/// A permission set before it is drawn.
struct Set {
    name: SmolStr,
    title: SmolStr,
    hours: u8,
    managed: Vec<SmolStr>,
    customer_managed: Vec<SmolStr>,
    boundary: Option<SmolStr>,
    inline: Option<Value>,
    /// Whether it is for emergencies, and marked so.
    breaks_glass: bool,
}

/// The stack of people; none where the blueprint says nothing of them.
pub(crate) fn stack(layout: &Layout<'_>, id: StackId, identity: &Identity) -> Drawn {
    let place = &layout.foundation.management_place;
    let text = smol_str::format_smolstr!("Who may do what in {}", layout.blueprint.title);
    let mut draft = Draft::new(id, "identity", place, COMPONENT, identity.span, text);
    draft.after(layout.foundation.organization);
    steps(layout, &mut draft, identity);
    for group in &identity.groups {
        add_group(&mut draft, group);
    }
    if let Some(first) = identity.emergency.first() {
        draft.at(first.span);
        let properties = value!({ "IdentityStoreId": looked_up("store"), "DisplayName": "emergency" });
        draft.add("EmergencyGroup", "AWS::IdentityStore::Group", properties);
    }
    let mut sets: BTreeSet<SmolStr> = BTreeSet::new();
    let everything = grants(layout, identity);
    for grant in &everything {
        draft.at(grant.span);
        if sets.insert(grant.set.name.clone()) {
            add_set(layout, &mut draft, place, &grant.set);
        }
    }
    for grant in &everything {
        draft.at(grant.span);
        for account in &grant.accounts {
            assign(layout, &mut draft, grant, *account);
        }
    }
    draft.finish()
}

/// One permission set for one group in some accounts.
struct Grant {
    set: Set,
    group: SmolStr,
    principal: Value,
    accounts: Vec<AccountId>,
    span: diagnostics::Span,
}

/// Everything that somebody may do: what is written, what key administrators may, what an emergency needs.
fn grants(layout: &Layout<'_>, identity: &Identity) -> Vec<Grant> {
    let blueprint = layout.blueprint;
    let id = layout.foundation.identity.unwrap_or(layout.foundation.organization);
    let mut out = Vec::new();
    for access in &identity.access {
        let Some(group) = identity.groups.get(access.group) else { continue };
        out.push(Grant {
            set: set(layout, identity, access.may, access.hours),
            group: SmolStr::new(group.name.value.as_str()),
            principal: principal(id, group),
            accounts: access.accounts.clone(),
            span: access.span,
        });
    }
    let members: Vec<AccountId> = (0..blueprint.organization.accounts.len())
        .map(AccountId)
        .filter(|account| *account != blueprint.organization.management)
        .collect();
    if let Some(administrators) = &blueprint.keys.administrators
        && let Some(group) = identity.groups.get(administrators.value)
    {
        out.push(Grant {
            set: set(layout, identity, May::ManageKeys, None),
            group: SmolStr::new(group.name.value.as_str()),
            principal: principal(id, group),
            accounts: members.clone(),
            span: administrators.span,
        });
    }
    if let Some(first) = identity.emergency.first() {
        out.push(Grant {
            set: emergency(),
            group: SmolStr::new_static("emergency"),
            principal: crate::draft::attribute(id, "EmergencyGroup", "GroupId"),
            accounts: members,
            span: first.span,
        });
    }
    out
}

fn set(layout: &Layout<'_>, identity: &Identity, may: May, hours: Option<u8>) -> Set {
    let made = |name: &'static str,
                title: &'static str,
                managed: &[&'static str],
                inline: Option<Value>,
                own: u8| Set {
        // Sessions of another length are another permission set.
        name: match hours.filter(|hours| *hours != own) {
            Some(hours) => smol_str::format_smolstr!("{name}-{hours}h"),
            None => SmolStr::new_static(name),
        },
        title: SmolStr::new_static(title),
        hours: hours.unwrap_or(own),
        managed: managed.iter().copied().map(SmolStr::new_static).collect(),
        customer_managed: Vec::new(),
        boundary: None,
        inline,
        breaks_glass: false,
    };
    match may {
        May::Administer => made(
            "Administrator",
            "Everything but identities and the use of keys",
            &["PowerUserAccess", "IAMReadOnlyAccess"],
            Some(never_keys()),
            4,
        ),
        May::Operate => {
            let managed = ["job-function/SystemAdministrator", "AmazonSSMFullAccess"];
            made("SystemAdministrator", "Runs what is there", &managed, Some(never_keys_nor_roles()), 8)
        }
        May::Develop => made("Developer", "Builds", &["PowerUserAccess"], Some(never_networks()), 8),
        May::Read => {
            made("Reader", "Looks at settings, not at data", &["job-function/ViewOnlyAccess"], None, 8)
        }
        May::Audit => {
            let managed = ["SecurityAudit", "job-function/ViewOnlyAccess"];
            made("Auditor", "Looks at settings and at logs", &managed, Some(reads_archive(layout)), 8)
        }
        May::ManageKeys => {
            made("KeyAdministrator", "Manages keys and uses none", &[], Some(manages_keys()), 4)
        }
        May::Own(at) => match identity.roles.get(at) {
            Some(role) => own(role, hours),
            None => {
                made("Reader", "Looks at settings, not at data", &["job-function/ViewOnlyAccess"], None, 8)
            }
        },
    }
}

fn own(role: &Role, hours: Option<u8>) -> Set {
    let name = naming::pascal(role.name.value.as_str());
    let texts = |all: &[blueprint::Spanned<blueprint::Text>]| {
        all.iter().map(|text| SmolStr::new(text.as_str())).collect()
    };
    Set {
        name: match hours.filter(|hours| *hours != role.hours) {
            Some(hours) => smol_str::format_smolstr!("{name}-{hours}h"),
            None => name,
        },
        title: role.title.clone(),
        hours: hours.unwrap_or(role.hours),
        managed: texts(&role.managed),
        customer_managed: texts(&role.customer_managed),
        boundary: role.boundary.as_ref().map(|boundary| SmolStr::new(boundary.as_str())),
        inline: None,
        breaks_glass: false,
    }
}

fn emergency() -> Set {
    Set {
        name: SmolStr::new_static("Emergency"),
        title: SmolStr::new_static("When nothing else works; every time is told"),
        hours: 1,
        managed: vec![SmolStr::new_static("AdministratorAccess")],
        customer_managed: Vec::new(),
        boundary: None,
        inline: None,
        breaks_glass: true,
    }
}

/// Who administers an account uses no key, opens none to anybody, and makes no door of their own.
fn never_keys() -> Value {
    value!({ "Version": "2012-10-17", "Statement": [uses_no_key()] })
}

/// Who runs what is there gives no role to anything new: AWS's policy for system administrators lets them pass roles of
/// certain names, which may be anybody's.
fn never_keys_nor_roles() -> Value {
    value!({
        "Version": "2012-10-17",
        "Statement": [
            uses_no_key(),
            { "Sid": "PassesNoRole", "Effect": "Deny", "Action": "iam:PassRole", "Resource": "*" }
        ],
    })
}

fn uses_no_key() -> Value {
    value!({
        "Sid": "UsesNoKey",
        "Effect": "Deny",
        "Action": [
            "kms:CreateGrant", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:PutKeyPolicy", "kms:ReEncrypt*",
            "kms:ScheduleKeyDeletion"
        ],
        "Resource": "*",
        "Condition": { "Bool": { "aws:ViaAWSService": "false" } },
    })
}

fn never_networks() -> Value {
    value!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "LeavesNetworksAndKeysAlone",
            "Effect": "Deny",
            "Action": [
                "ec2:*Gateway*", "ec2:*NetworkAcl*", "ec2:*Route*", "ec2:*Vpc*", "kms:CreateGrant", "kms:PutKeyPolicy",
                "kms:ScheduleKeyDeletion", "network-firewall:*"
            ],
            "Resource": "*",
        }],
    })
}

/// Reads what the archive keeps, in the account that keeps it.
fn reads_archive(layout: &Layout<'_>) -> Value {
    let archive = &layout.foundation.archive_place;
    value!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "ReadsTheArchive",
                "Effect": "Allow",
                "Action": ["s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"],
                "Resource": "*",
                "Condition": { "StringEquals": { "aws:ResourceAccount": archive.account_id() } },
            },
            {
                "Sid": "DecryptsTheArchive",
                "Effect": "Allow",
                "Action": "kms:Decrypt",
                "Resource": "*",
                "Condition": {
                    "StringEquals": {
                        "aws:ResourceAccount": archive.account_id(),
                        "kms:ViaService": archive.via("s3"),
                    },
                },
            }
        ],
    })
}

/// Source: AWS KMS Developer Guide, "Default key policy", key administrators.
fn manages_keys() -> Value {
    value!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "ManagesKeys",
                "Effect": "Allow",
                "Action": [
                    "kms:CancelKeyDeletion", "kms:Describe*", "kms:DisableKey", "kms:EnableKey", "kms:EnableKeyRotation", "kms:Get*",
                    "kms:List*", "kms:PutKeyPolicy", "kms:RevokeGrant", "kms:RotateKeyOnDemand", "kms:ScheduleKeyDeletion",
                    "kms:TagResource", "kms:UntagResource", "kms:UpdateAlias", "kms:UpdateKeyDescription"
                ],
                "Resource": "*",
            },
            {
                "Sid": "UsesNone",
                "Effect": "Deny",
                "Action": ["kms:CreateGrant", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
                "Resource": "*",
            }
        ],
    })
}

/// What a step has put into Parameter Store.
fn looked_up(name: &str) -> SmolStr {
    smol_str::format_smolstr!("{{{{resolve:ssm:/organization/identity/{name}}}}}")
}

fn add_group(draft: &mut Draft, group: &Group) {
    if group.directory.is_some() {
        return;
    }
    draft.at(group.name.span);
    let properties =
        value!({ "IdentityStoreId": looked_up("store"), "DisplayName": group.name.value.as_str() });
    draft.add(group_id(group.name.value.as_str()), "AWS::IdentityStore::Group", properties);
}

fn group_id(name: &str) -> SmolStr {
    naming::id(name, "Group")
}

/// The id of a group: of one that is made here, or as the source's directory has it.
fn principal(stack: StackId, group: &Group) -> Value {
    let name = group.name.value.as_str();
    match &group.directory {
        Some(_) => looked_up(&format!("groups/{name}")).into(),
        None => crate::draft::attribute(stack, group_id(name), "GroupId"),
    }
}

fn set_id(set: &Set) -> SmolStr {
    naming::id(&set.name, "Permissions")
}

fn add_set(layout: &Layout<'_>, draft: &mut Draft, place: &Place, set: &Set) {
    let customer: Vec<Value> = set.customer_managed.iter().map(|name| value!({ "Name": name })).collect();
    let managed: Vec<Value> = set.managed.iter().map(|name| place.aws_policy(name)).collect();
    let boundary =
        set.boundary.as_ref().map(|name| value!({ "CustomerManagedPolicyReference": { "Name": name } }));
    let mut tags = layout.tags(layout.blueprint.organization.management).list();
    if set.breaks_glass
        && let Kind::List(items) = &mut tags.kind
    {
        items.push(value!({ "Key": "steward.break-glass", "Value": "true" }));
    }
    let properties = value!({
        "InstanceArn": looked_up("instance"),
        "Name": &set.name,
        "Description": &set.title,
        "SessionDuration": smol_str::format_smolstr!("PT{}H", set.hours),
        "ManagedPolicies": (!managed.is_empty()).then_some(managed),
        "CustomerManagedPolicyReferences": (!customer.is_empty()).then_some(customer),
        "PermissionsBoundary": boundary,
        "InlinePolicy": set.inline.clone(),
        "Tags": tags,
    });
    draft.add(set_id(set), "AWS::SSO::PermissionSet", properties);
}

fn assign(layout: &Layout<'_>, draft: &mut Draft, grant: &Grant, account: AccountId) {
    let name = layout.account_name(account);
    let id = smol_str::format_smolstr!(
        "{}{}In{}",
        naming::pascal(&grant.group),
        naming::pascal(&grant.set.name),
        naming::pascal(name)
    );
    let properties = value!({
        "InstanceArn": looked_up("instance"),
        "PermissionSetArn": draft.attribute(set_id(&grant.set), "PermissionSetArn"),
        "PrincipalType": "GROUP",
        "PrincipalId": grant.principal.clone(),
        "TargetType": "AWS_ACCOUNT",
        "TargetId": account_id(layout::account(account)),
    });
    draft.add(id, "AWS::SSO::Assignment", properties);
}

/// What CloudFormation has no resource for.
fn steps(layout: &Layout<'_>, draft: &mut Draft, identity: &Identity) {
    let (management, region) = (layout.management_name(), &layout.foundation.management_place.region);
    let at = format!("--profile {management} --region {region}");
    draft.step(Step {
        when: When::Before,
        what: smol_str::format_smolstr!(
            "turn IAM Identity Center on for the organization, in {region} (AWS has a page of the console for it and no command; choose the source of people there), then note its ids"
        ),
        command: smol_str::format_smolstr!(
            "aws ssm put-parameter {at} --overwrite --type String --name /organization/identity/instance --value \"$(aws sso-admin list-instances {at} --query 'Instances[0].InstanceArn' --output text)\"\n\
             aws ssm put-parameter {at} --overwrite --type String --name /organization/identity/store --value \"$(aws sso-admin list-instances {at} --query 'Instances[0].IdentityStoreId' --output text)\""
        ),
    });
    let store =
        format!("$(aws sso-admin list-instances {at} --query 'Instances[0].IdentityStoreId' --output text)");
    for group in &identity.groups {
        let name = &group.name;
        if let Some(directory) = &group.directory {
            draft.step(Step {
                when: When::Before,
                what: smol_str::format_smolstr!("note the id of the directory's group {}", directory.as_str()),
                command: smol_str::format_smolstr!(
                    "aws ssm put-parameter {at} --overwrite --type String --name /organization/identity/groups/{name} --value \"$(aws identitystore get-group-id {at} --identity-store-id \"{store}\" --alternate-identifier 'UniqueAttribute={{AttributePath=displayName,AttributeValue={directory}}}' --query GroupId --output text)\""
                ),
            });
        }
    }
    let people = identity.groups.iter().map(|group| (group.name.value.as_str(), group.people.as_slice()));
    for (group, people) in people.chain([("emergency", identity.emergency.as_slice())]) {
        for person in people {
            draft.step(Step {
                when: When::After,
                what: smol_str::format_smolstr!("make {person} and put them into the group {group}"),
                command: smol_str::format_smolstr!(
                    "store={store}\nuser=$(aws identitystore get-user-id {at} --identity-store-id \"$store\" --alternate-identifier 'UniqueAttribute={{AttributePath=userName,AttributeValue={person}}}' --query UserId --output text ||\n  aws identitystore create-user {at} --identity-store-id \"$store\" --user-name {person} --display-name {person} --name GivenName={person},FamilyName={person} --emails Value={person},Primary=true --query UserId --output text)\n\
                     group=$(aws identitystore get-group-id {at} --identity-store-id \"$store\" --alternate-identifier 'UniqueAttribute={{AttributePath=displayName,AttributeValue={group}}}' --query GroupId --output text)\n\
                     aws identitystore create-group-membership {at} --identity-store-id \"$store\" --group-id \"$group\" --member-id \"UserId=$user\""
                ),
            });
        }
    }
}
