//! Nobody in a member account can blind what watches it, nor delete what it would be restored from.
//!
//! In: the service control policies above each account. What is checked: as for [`super::logs_unstoppable`], whose principals
//! try every action of [`ACTIONS`], and whose exempt roles must be out of reach.
//!
//! Sources: AWS Security Reference Architecture, "Security Tooling account"; AWS Backup Developer Guide, "AWS Backup Vault
//! Lock": a vault locked in governance mode is unlocked by whoever may `backup:DeleteBackupVaultLockConfiguration`.

use super::logs_unstoppable::{Record, check_record};
use crate::{Facts, Findings, Guarantee, Level};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "watch-unstoppable",
    title: "nobody in an account can blind what watches it or delete its backups",
    level: Level::High,
    page: include_str!("../../../../docs/guarantees/watch-unstoppable.md"),
    check,
};

/// Whatever blinds detection or ends backups.
const ACTIONS: &[&str] = &[
    "access-analyzer:DeleteAnalyzer",
    "backup:DeleteBackupVault",
    "backup:DeleteBackupVaultAccessPolicy",
    "backup:DeleteBackupVaultLockConfiguration",
    "backup:DeleteRecoveryPoint",
    "backup:DisassociateRecoveryPoint",
    "backup:PutBackupVaultAccessPolicy",
    "backup:PutBackupVaultLockConfiguration",
    "backup:UpdateRecoveryPointLifecycle",
    "config:DeleteConfigRule",
    "guardduty:CreateFilter",
    "guardduty:DeleteDetector",
    "guardduty:DisassociateFromAdministratorAccount",
    "guardduty:UpdateDetector",
    "inspector2:Disable",
    "macie2:DisableMacie",
    "securityhub:BatchDisableStandards",
    "securityhub:DisableSecurityHub",
];

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    check_record(
        facts,
        findings,
        &Record { actions: ACTIONS, ends: "blind what watches, or delete backups" },
    );
}
