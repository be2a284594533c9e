//! No vault of backups can be emptied before its time.
//!
//! Sources: AWS Backup Developer Guide, "AWS Backup Vault Lock": in governance mode whoever may call
//! `DeleteBackupVaultLockConfiguration` takes the lock off; AWS CloudFormation Template Reference,
//! AWS::Backup::BackupVault LockConfigurationType: with `ChangeableForDays`, three or more, the lock becomes immutable on its
//! lock date; without it "you can delete Vault Lock from the vault". AWS::Backup::LogicallyAirGappedBackupVault: such a vault is
//! locked in compliance mode by itself.

use crate::{Facts, Findings, Guarantee, Judgement, Level, Setting, Words};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "backups-locked",
    title: "nobody deletes a backup before its time",
    level: Level::High,
    page: include_str!("../../../../docs/guarantees/backups-locked.md"),
    check,
};

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    for &vault in facts.index.of_kind("AWS::Backup::LogicallyAirGappedBackupVault") {
        findings.proved(vault);
    }
    for &vault in facts.index.of_kind("AWS::Backup::BackupVault") {
        let at_least = |name: &str, least: i64| {
            Setting::of(vault.resource, &["LockConfiguration", name]).judge(|value| match value {
                None => Judgement::missing(vault.resource),
                Some(value) => match value.as_int() {
                    Some(days) => Judgement::of(days >= least, value),
                    None => Judgement::unknown(value),
                },
            })
        };
        findings.settle_all(
            vault,
            [
                (
                    at_least("MinRetentionDays", 1),
                    Words {
                        violated: "whoever may delete recovery points can empty the vault: it has no lock",
                        unknown: "the vault is locked",
                        path: "LockConfiguration/MinRetentionDays",
                        fix: "LockConfiguration: {MinRetentionDays: 35, ChangeableForDays: 3}",
                    },
                ),
                (
                    at_least("ChangeableForDays", 3),
                    Words {
                        violated: "whoever may call backup:DeleteBackupVaultLockConfiguration takes the lock off: it is in governance mode",
                        unknown: "the lock is in compliance mode",
                        path: "LockConfiguration/ChangeableForDays",
                        fix: "ChangeableForDays: 3; from then on nobody changes the lock, so try MinRetentionDays out first",
                    },
                ),
            ],
        );
    }
}
