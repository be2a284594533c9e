//! Copies of an environment's backups where its own administrators and its region's end cannot reach them.
//!
//! In: an environment whose loss would be one. Out: a locked vault with a key of its own in the recovery region, and one in
//! the isolated account, each where the blueprint has that place. Always: one vault for each environment, so that a lock that
//! cannot be changed again never stands in the way of another environment; into the isolated account nobody but the
//! environment's own account copies. A copy crosses either a region or an account: Amazon RDS copies over no more than one
//! of them at once.
//!
//! Sources: AWS Backup Developer Guide, "Creating backup copies across AWS accounts", "Creating backup copies across AWS
//! Regions", "Backup and tag copy", "Advanced DynamoDB backup".

use estate::{SmolStr, StackId, Step, Value, When, value};

use crate::backup::{self, COMPONENT, VAULT};
use crate::draft::{Draft, Drawn, Place, Say, attribute};
use crate::keys::{self, Key};
use crate::layout::Site;

const KEY: &str = "CopiesKey";

/// The vaults that copies go to.
pub(crate) fn vaults(site: &Site<'_>) -> Vec<Value> {
    let stacks = [site.stacks.recovery_backup, site.stacks.isolated_backup];
    stacks.into_iter().flatten().map(|stack| attribute(stack, VAULT, "BackupVaultArn")).collect()
}

/// The stack of the vault in the recovery region.
pub(crate) fn recovery_stack(site: &Site<'_>) -> Option<Drawn> {
    let (id, place) = (site.stacks.recovery_backup?, site.recovery.as_ref()?);
    let text =
        smol_str::format_smolstr!("Copies of backups of {} in the recovery region", site.environment.title);
    Some(vault(site, id, place, text, None))
}

/// The stack of the vault in the isolated account.
pub(crate) fn isolated_stack(site: &Site<'_>) -> Option<Drawn> {
    let (id, place) = (site.stacks.isolated_backup?, site.isolated.as_ref()?);
    let text =
        smol_str::format_smolstr!("Copies of backups of {} in the isolated account", site.environment.title);
    let access = value!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "TheEnvironmentCopies",
            "Effect": "Allow",
            "Principal": { "AWS": site.place.root() },
            "Action": "backup:CopyIntoBackupVault",
            "Resource": "*",
        }],
    });
    Some(vault(site, id, place, text, Some(access)))
}

fn vault(site: &Site<'_>, id: StackId, place: &Place, text: SmolStr, access: Option<Value>) -> Drawn {
    let span = site.backup.isolated_account.as_ref().filter(|_| access.is_some());
    let span = span.map_or(site.backup.span, |account| account.span);
    let mut draft = Draft::new(id, site.stack_name("backup"), place, COMPONENT, span, text);
    draft.after(site.organization);
    let made = Key {
        alias: keys::key_alias(site.name(), "backup-copies"),
        description: smol_str::format_smolstr!("Copies of backups of {}", site.name()),
        policy: keys::policy(place, keys::copies(site, place)),
        multi_region: false,
    };
    keys::add(draft.by(keys::COMPONENT), KEY, made, site.keys, &site.tags);
    let properties = value!({
        "AccessPolicy": access,
        "BackupVaultName": backup::vault_name(site),
        "BackupVaultTags": site.tags.map(),
        "EncryptionKeyArn": draft.attribute(KEY, "Arn"),
        "LockConfiguration": backup::lock(site),
    });
    draft.by(COMPONENT).add(VAULT, "AWS::Backup::BackupVault", properties).retain();
    draft.finish()
}

/// What CloudFormation has no resource for: copies between accounts are let through by the organization, and of tables
/// only those backups are copied that AWS Backup itself keeps.
pub(crate) fn steps(site: &Site<'_>, draft: &mut Draft) {
    if vaults(site).is_empty() {
        return;
    }
    let region = &site.place.region;
    draft.step(Step {
        when: When::Before,
        what: smol_str::format_smolstr!("let AWS Backup keep and copy backups of tables itself in {region}"),
        command: smol_str::format_smolstr!(
            "aws backup update-region-settings --profile {} --region {region} --resource-type-opt-in-preference DynamoDB=true,RDS=true,S3=true --resource-type-management-preference DynamoDB=true",
            site.account_name
        ),
    });
    if site.stacks.isolated_backup.is_some() {
        draft.step(Step {
            when: When::Before,
            what: SmolStr::new_static("let backups be copied between accounts of the organization"),
            command: smol_str::format_smolstr!(
                "aws organizations enable-aws-service-access --profile {management} --service-principal backup.amazonaws.com\n\
                 aws backup update-global-settings --profile {management} --global-settings isCrossAccountBackupEnabled=true",
                management = site.management_name
            ),
        });
    }
}
