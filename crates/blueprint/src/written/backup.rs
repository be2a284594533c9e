//! Backups as they are written: what is beyond the vault and plan that every environment has.

use super::{Because, Lock};
use crate::Spanned;
use crate::record::{choice, record};
use crate::scalars::Word;

record! {
    /// Backups: every store has them, locked, without a word. These words say where copies go and how often one is
    /// restored to see whether it can be.
    pub struct Backup "backups" {
        /// An account that holds copies and nothing else; nobody works there.
        isolated_account as "isolated-account": Option<Spanned<Word>>,
        /// Where copies go beside it: the recovery region, where there is one, or nowhere, which then needs `because:`.
        copies_to as "copies-to": Option<Spanned<CopiesTo>> = "recovery",
        /// How often a backup of every store is restored and thrown away again. `never` needs `because:`.
        restore_test as "restore-test": Option<Spanned<RestoreTest>> = "monthly",
        /// Whether anybody at all can take the lock off a vault. `governance` needs `because:`.
        lock as "lock": Option<Spanned<Lock>> = "compliance",
        /// Why an unsafe choice is right here.
        because as "because": Option<Spanned<Because>>,
    }
    planned {}
}

choice! {
    /// Where copies of backups go.
    pub enum CopiesTo "a place for copies" {
        /// The recovery region.
        Recovery = "recovery",
        /// Nowhere.
        Nowhere = "nowhere",
    }
    planned {}
}

choice! {
    /// How often backups are restored to see whether they can be.
    pub enum RestoreTest "how often backups are restored" {
        /// On Sundays.
        Weekly = "weekly",
        /// On the first of the month.
        Monthly = "monthly",
        /// On the first of each quarter.
        Quarterly = "quarterly",
        /// Never.
        Never = "never",
    }
    planned {}
}
