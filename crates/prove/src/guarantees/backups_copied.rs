//! Backups outlive the account and region that they were made in.
//!
//! In: plans of AWS Backup; where an author says which environments people depend on, those of them. A plan holds when some
//! rule of it copies into a vault of another region or account, locked where it is the estate's own. Always: a vault whose
//! place is not known proves nothing.
//!
//! Sources: AWS Backup API Reference, CopyAction (`DestinationBackupVaultArn`); AWS Backup Developer Guide, "Backup and tag
//! copy"; AWS Well-Architected Framework, REL09-BP02 "Secure and encrypt backups".

use std::collections::BTreeSet;

use estate::{AccountId, Kind, ResourceRef, Value};

use crate::{Facts, Findings, Guarantee, Judgement, Level, Setting, Words};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "backups-copied",
    title: "backups are copied out of their region or account",
    level: Level::Medium,
    page: include_str!("../../../../docs/guarantees/backups-copied.md"),
    check,
};

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    for &plan in facts.index.of_kind("AWS::Backup::BackupPlan") {
        if !is_of_production(facts, plan) {
            continue;
        }
        let rules = Setting::of(plan.resource, &["BackupPlan", "BackupPlanRule"]);
        let judgement = rules.judge(|rules| match rules.map(|rules| &rules.kind) {
            Some(Kind::List(rules)) => {
                let each = rules.iter().map(|rule| copies(facts, plan, rule));
                each.reduce(better).unwrap_or_else(|| Judgement::missing(plan.resource))
            }
            _ => Judgement::doubtful(plan.resource, "the rules of the plan are not known"),
        });
        let words = Words {
            violated: "what deletes the account or ends the region takes every backup with it: no rule copies them elsewhere, into a locked vault",
            unknown: "backups are copied out of their region or account",
            path: "BackupPlan/BackupPlanRule/*/CopyActions/*/DestinationBackupVaultArn",
            fix: "CopyActions of a rule, to a locked vault in another region or in an account of its own",
        };
        findings.settle(plan, judgement, &words);
    }
}

/// Whether people depend on what the plan takes in: that is asked of every plan where nobody says which do.
fn is_of_production(facts: &Facts<'_>, plan: ResourceRef<'_>) -> bool {
    let Some(intent) = &facts.options.intent else { return true };
    if intent.production.is_empty() {
        return true;
    }
    let tag = Setting::of(plan.resource, &["BackupPlanTags", "environment"]);
    let lower = tag.literal(false, |value| {
        value.as_str().is_some_and(|name| !intent.production.iter().any(|one| one == name))
    });
    lower != Judgement::Holds
}

fn copies(facts: &Facts<'_>, plan: ResourceRef<'_>, rule: &Value) -> Judgement {
    Setting::below(rule, &["CopyActions"]).judge(|actions| match actions.map(|actions| &actions.kind) {
        None => Judgement::missing(plan.resource),
        Some(Kind::List(actions)) => {
            let places: BTreeSet<_> = actions.iter().filter_map(destination).filter_map(place).collect();
            // Wherever the plan stands, at most one of several places is its own.
            if places.len() > 1 {
                return Judgement::Holds;
            }
            let each = actions.iter().map(|action| match destination(action) {
                None => Judgement::missing(plan.resource),
                Some(arn) => elsewhere(facts, plan, arn),
            });
            each.reduce(better).unwrap_or_else(|| Judgement::missing(plan.resource))
        }
        Some(_) => actions.map_or_else(|| Judgement::missing(plan.resource), Judgement::unknown),
    })
}

/// What of two alternatives does better; of two failures the first.
fn better(one: Judgement, other: Judgement) -> Judgement {
    one.or(|| other)
}

fn destination(action: &Value) -> Option<&Value> {
    action.get("DestinationBackupVaultArn")
}

/// The region and account of an ARN that says both: `arn:aws:backup:us-west-2:111122223333:backup-vault:copies`.
fn place(arn: &Value) -> Option<(&str, &str)> {
    let mut parts = arn.as_str()?.split(':').skip(3);
    let (region, account) = (parts.next()?, parts.next()?);
    (!region.is_empty() && !account.is_empty()).then_some((region, account))
}

/// Whether a vault stands in another region or account than the plan.
fn elsewhere(facts: &Facts<'_>, plan: ResourceRef<'_>, arn: &Value) -> Judgement {
    let kinds = ["AWS::Backup::BackupVault", "AWS::Backup::LogicallyAirGappedBackupVault"];
    let (account, region) = (plan.stack.account, plan.stack.region.as_deref());
    if let Some(vault) = kinds.iter().find_map(|kind| facts.index.named(kind, arn)) {
        // A stack without region stands in several: nothing is known of one of them.
        return match (vault.stack.account == account, vault.stack.region.as_deref(), region) {
            (false, _, _) => Judgement::Holds,
            (true, Some(there), Some(here)) => Judgement::of(there != here, arn),
            (true, _, _) => Judgement::of(vault.stack_id != plan.stack_id, arn),
        }
        .and(|| locked(vault));
    }
    let Some((there, owner)) = place(arn) else { return Judgement::unknown(arn) };
    match (region, number(facts, account)) {
        (Some(here), _) if there != here => Judgement::Holds,
        (_, Some(own)) if owner != own => Judgement::Holds,
        (Some(_), Some(_)) => Judgement::fails(arn),
        _ => Judgement::unknown(arn),
    }
}

/// Whether nobody deletes what is in a vault before its time.
fn locked(vault: ResourceRef<'_>) -> Judgement {
    if vault.resource.kind == "AWS::Backup::LogicallyAirGappedBackupVault" {
        return Judgement::Holds;
    }
    Setting::of(vault.resource, &["LockConfiguration", "MinRetentionDays"]).judge(|days| match days {
        None => Judgement::Fails {
            span: vault.resource.origin.span,
            found: format!("`{}`, which has no lock", vault.id),
        },
        Some(days) => match days.as_int() {
            Some(least) => Judgement::of(least > 0, days),
            None => Judgement::unknown(days),
        },
    })
}

fn number<'f>(facts: &'f Facts<'_>, account: AccountId) -> Option<&'f str> {
    facts.estate.account(account)?.number.as_deref()
}
