//! Backups: where copies go, how often one is restored, and how hard vaults are locked.

use diagnostics::{Diagnostic, Span};

use super::Resolver;
use super::environments::Environments;
use super::organization::Accounts;
use crate::Spanned;
use crate::codes::FORBIDDEN;
use crate::model::{AccountId, Backup, CopiesTo, Environment, Lock, RestoreTest, Tier};
use crate::reasons::Choice;
use crate::written;

impl Resolver<'_> {
    pub(super) fn backups(
        &mut self,
        written: &written::Blueprint,
        name: Span,
        organization: &mut Accounts,
        environments: &Environments,
        recovery: bool,
    ) -> Backup {
        let whole = written.backup.as_ref().map_or(name, |backup| backup.span);
        let backup = written.backup.as_ref().map(|backup| &backup.value);
        let isolated = backup.and_then(|one| one.isolated_account.as_ref());
        let isolated = isolated.and_then(|word| {
            let id = organization.names.find(word, self.diagnostics).map(AccountId)?;
            self.check_isolated(id, word.span, organization, environments);
            Some(Spanned::new(id, word.span))
        });
        let copies = backup.and_then(|one| one.copies_to);
        let out = Backup {
            isolated_account: isolated,
            to_recovery: recovery && copies.is_none_or(|one| one.value == CopiesTo::Recovery),
            restore_test: backup
                .and_then(|one| one.restore_test)
                .unwrap_or(Spanned::new(RestoreTest::Monthly, whole)),
            lock: backup.and_then(|one| one.lock).unwrap_or(Spanned::new(Lock::Compliance, whole)),
            span: whole,
        };
        if let Some(to) = copies.filter(|to| to.value == CopiesTo::Recovery && !recovery) {
            let text = "the blueprint names no recovery region that copies of backups could go to";
            let said = Diagnostic::error(crate::codes::UNKNOWN_NAME, to.span, text);
            self.report(said.help("add `recovery:` under `regions:`"));
        }
        let mut choices = Vec::new();
        let mut choose = |field, span, what: &str| choices.push(Choice { field, span, what: what.into() });
        if let Some(to) = copies.filter(|to| to.value == CopiesTo::Nowhere && recovery) {
            choose("copies-to", to.span, "backups are lost with their region");
        }
        if out.restore_test.value == RestoreTest::Never {
            choose("restore-test", out.restore_test.span, "nobody knows whether a backup can be restored");
        }
        if out.lock.value == Lock::Governance {
            choose("lock", out.lock.span, "a role can take the lock off a vault of backups");
        }
        self.reasons.judge(backup.and_then(|one| one.because.as_ref()), &choices, self.diagnostics);
        out
    }

    /// The isolated account holds copies and nothing else.
    fn check_isolated(
        &mut self,
        id: AccountId,
        span: Span,
        organization: &Accounts,
        environments: &Environments,
    ) {
        let value = &organization.value;
        let used: Option<String> = match environments.resolved.iter().find(|one| one.account == id) {
            Some(environment) => Some(format!("the environment `{}` stands there", environment.name)),
            None if id == value.management => Some("it holds the organization".into()),
            None if id == value.log_archive => Some("it keeps the logs".into()),
            None if id == value.audit => Some("it watches the others".into()),
            None => None,
        };
        if let Some(used) = used {
            let text = format!("copies of backups would not be isolated: {used}");
            let said = Diagnostic::error(FORBIDDEN, span, text);
            self.report(said.help("name an account of its own, such as `vault`, in a unit of its own"));
        }
    }
}

impl Environment {
    /// Whether losing its data would be a loss: backups of it are copied and tested.
    #[must_use]
    pub fn is_precious(&self) -> bool {
        self.tier.value == Tier::Production || self.stores.iter().any(|store| store.real_data)
    }
}
