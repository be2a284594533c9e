//! Who is worth asking about, before any question is decided.
//!
//! In: [`Access`] and an action. Out: [`Askers`], and with them everybody who may do the action to a thing. Always:
//! whoever is left out cannot be allowed: no policy of theirs names the action, and no policy on the thing names them.

use std::collections::HashMap;

use estate::AccountId;

use crate::policy::{Effect, PrincipalKind, Sense, Statement};

use super::collect::{Access, Thing};
use super::decide::{Finding, Verdict, Who, rendered};

/// The holders by account whose policies name an action, or may.
#[derive(Debug)]
pub struct Askers<'a> {
    action: &'a str,
    by_account: HashMap<AccountId, Vec<usize>>,
    by_arn: HashMap<&'a str, usize>,
    /// Accounts by their number as policies write it.
    accounts: HashMap<String, AccountId>,
}

impl Access<'_> {
    /// Who may ask for an action.
    #[must_use]
    pub fn askers<'s>(&'s self, action: &'s str) -> Askers<'s> {
        let lower = action.to_lowercase();
        let mut by_account: HashMap<AccountId, Vec<usize>> = HashMap::new();
        let mut by_arn = HashMap::new();
        for (at, holder) in self.holders.iter().enumerate() {
            by_arn.insert(holder.arn.as_str(), at);
            let names = holder.identity.iter().any(|document| match &document.policy {
                Err(_) => true,
                Ok(policy) => policy
                    .statements
                    .iter()
                    .any(|statement| statement.effect == Effect::Allow && names_action(statement, &lower)),
            });
            if names {
                by_account.entry(holder.account).or_default().push(at);
            }
        }
        let names = super::names::Names::of(self.estate);
        let count = u32::try_from(self.estate.accounts.len()).unwrap_or(u32::MAX);
        let accounts = (0..count).map(AccountId);
        // Of two accounts with one number the first counts.
        let accounts = accounts.rev().map(|id| (super::names::marked(&[names.account(id)]), id)).collect();
        Askers { action, by_account, by_arn, accounts }
    }

    /// Everybody of the estate who may do the action to a thing, with the answer, in the estate's order.
    #[must_use]
    pub fn allowed(&self, askers: &Askers<'_>, thing: &Thing) -> Vec<(usize, Finding)> {
        let who = self.worth_asking(askers, thing).into_iter();
        let answers = who.filter_map(|at| {
            let finding = self.can(Who::Holder(self.holders.get(at)?), askers.action, thing);
            (finding.verdict != Verdict::No).then_some((at, finding))
        });
        answers.collect()
    }

    /// Positions of everybody who may be allowed to do the action to a thing, before anything is decided, in order:
    /// whoever is not among them certainly may not.
    #[must_use]
    pub fn worth_asking(&self, askers: &Askers<'_>, thing: &Thing) -> Vec<usize> {
        let lower = askers.action.to_lowercase();
        let mut who: Vec<usize> = askers.by_account.get(&thing.account).cloned().unwrap_or_default();
        let mut everybody = false;
        for policy in thing.policies.iter().map(|document| &document.policy) {
            let Ok(policy) = policy else {
                everybody = true;
                continue;
            };
            for statement in &policy.statements {
                if statement.effect == Effect::Deny || !names_action(statement, &lower) {
                    continue;
                }
                let Some(set) = &statement.principals else { continue };
                everybody |= set.sense == Sense::AllBut;
                for principal in &set.principals {
                    let text = match &principal.kind {
                        PrincipalKind::Everyone => {
                            everybody = true;
                            continue;
                        }
                        PrincipalKind::Arn(text) | PrincipalKind::Account(text) => text.to_string(),
                        PrincipalKind::Open(_, text) => rendered(text),
                        PrincipalKind::Service(_)
                        | PrincipalKind::Federated(_)
                        | PrincipalKind::CanonicalUser(_)
                        | PrincipalKind::UniqueId(_) => continue,
                    };
                    match askers.by_arn.get(text.as_str()) {
                        Some(at) => who.push(*at),
                        None => who.extend(askers.of_account(&text)),
                    }
                }
            }
        }
        if everybody {
            // In its own account nobody needs more; whoever comes from another needs a policy there too.
            let holders = self.holders.iter().enumerate();
            who.extend(holders.filter(|(_, holder)| holder.account == thing.account).map(|(at, _)| at));
            who.extend(askers.by_account.values().flatten());
        }
        who.sort_unstable();
        who.dedup();
        who
    }
}

impl Askers<'_> {
    /// Those of the account that a policy names, by its number or by an ARN with it.
    fn of_account(&self, text: &str) -> impl Iterator<Item = usize> + '_ {
        let number = text.split(':').nth(4).unwrap_or(text);
        let account = self.accounts.get(number).and_then(|id| self.by_account.get(id));
        account.into_iter().flatten().copied()
    }
}

/// Whether a statement covers an action in lower case, or may.
fn names_action(statement: &Statement, action: &str) -> bool {
    let patterns = &statement.actions.patterns;
    let named = patterns.iter().any(|pattern| crate::symbolic::action_matches(&pattern.text, action));
    named == (statement.actions.sense == Sense::Only)
        || patterns.iter().any(|pattern| pattern.text.has_unknowns())
}
