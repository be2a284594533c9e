//! Units and accounts.

use std::collections::HashMap;

use diagnostics::{Diagnostic, Span};
use smol_str::SmolStr;

use super::guardrails::expanded;
use super::{Names, Resolver, title};
use crate::Spanned;
use crate::codes::{BAD_VALUE, DUPLICATE_NAME, NO_ACCOUNT};
use crate::model::{Account, AccountId, Organization, Unit, UnitId};
use crate::reader::Named;
use crate::scalars::{Email, Name, Word};
use crate::written;

/// The organization, and its accounts by name.
pub struct Accounts {
    pub value: Organization,
    pub names: Names,
    /// Whether all accounts are known: otherwise an account that is missing may stand in what could not be read.
    pub complete: bool,
}

/// AWS lets units nest five deep under the root.
/// Source: AWS Organizations User Guide, "Quotas and service limits".
const LEVELS: usize = 5;

impl Resolver<'_> {
    /// `None` never happens to a blueprint that says anything of its organization; what cannot be resolved gets
    /// handles that lead nowhere.
    pub fn organization(
        &mut self,
        written: Option<&Spanned<written::Organization>>,
        place: Span,
    ) -> Option<Accounts> {
        let nowhere = AccountId(usize::MAX);
        let mut found = Found {
            units: Vec::new(),
            accounts: Vec::new(),
            paths: Names::new("unit"),
            names: Names::new("account"),
        };
        let Some(organization) = written else {
            let value = Organization {
                management: nowhere,
                audit: nowhere,
                log_archive: nowhere,
                units: Vec::new(),
                accounts: Vec::new(),
                guardrails: Vec::new(),
                tag_policies: Vec::new(),
                span: place,
            };
            return Some(Accounts { value, names: found.names, complete: false });
        };
        let management = match &organization.management {
            Some(name) => name.clone(),
            None => Spanned::new(Name::parse("management").ok()?, organization.span),
        };
        let plain =
            written::Account { span: management.span, title: None, email: None, tags: Default::default() };
        self.account(&management, &plain, None, &mut found, organization);
        self.units(&organization.units, None, 1, &mut found, organization);
        self.unique_emails(&found.accounts);
        let guardrails = self.guardrails_of_all(organization);
        let tag_policies = self.tag_policies(organization);
        let audit = self.purpose("audit", organization.audit.as_ref(), organization.span, &mut found);
        let log_archive =
            self.purpose("log-archive", organization.log_archive.as_ref(), organization.span, &mut found);
        let value = Organization {
            management: found.names.get(management.as_str()).map_or(nowhere, AccountId),
            audit: audit.unwrap_or(nowhere),
            log_archive: log_archive.unwrap_or(nowhere),
            units: found.units,
            accounts: found.accounts,
            guardrails,
            tag_policies,
            span: organization.span,
        };
        Some(Accounts { value, names: found.names, complete: organization.units.broken.is_empty() })
    }

    fn units(
        &mut self,
        units: &Named<written::Unit>,
        parent: Option<UnitId>,
        level: usize,
        found: &mut Found,
        organization: &written::Organization,
    ) {
        for (name, unit) in &units.entries {
            self.check_name(name, "a unit", 40);
            if level > LEVELS {
                let text =
                    format!("units nest more than {LEVELS} levels deep, which AWS Organizations refuses");
                self.report(Diagnostic::error(BAD_VALUE, name.span, text));
                continue;
            }
            let above = parent.and_then(|parent| found.units.get(parent.0)).map(|parent| parent.path.clone());
            let path: SmolStr =
                above.map_or_else(|| name.as_str().into(), |above| format!("{above}/{name}").into());
            let id = UnitId(found.units.len());
            if let Some(first) = found.paths.add(name.as_str(), id.0, name.span) {
                self.duplicate("units", name.as_str(), name.span, first);
                continue;
            }
            found.units.push(Unit {
                name: name.clone(),
                title: title(unit.title.as_ref(), name),
                path,
                parent,
                guardrails: expanded(&unit.guardrails),
            });
            for (name, account) in &unit.accounts.0.entries {
                self.account(name, account, Some(id), found, organization);
            }
            found.names.broken.extend(unit.accounts.0.broken.iter().map(|name| name.as_str().into()));
            self.units(&unit.units, Some(id), level + 1, found, organization);
        }
    }

    fn account(
        &mut self,
        name: &Spanned<Name>,
        written: &written::Account,
        unit: Option<UnitId>,
        found: &mut Found,
        organization: &written::Organization,
    ) {
        // An account's name has at most 50 characters, its e-mail address at most 64.
        // Source: AWS Organizations API Reference, CreateAccount.
        self.check_name(name, "an account", 40);
        if let Some(first) = found.names.add(name.as_str(), found.accounts.len(), name.span) {
            self.duplicate("accounts", name.as_str(), name.span, first);
            return;
        }
        let email = match &written.email {
            Some(email) => Ok(email.clone()),
            None => match &organization.email.0 {
                Some(pattern) => pattern.address(name).map(|email| Spanned::new(email, name.span)),
                // How addresses are made could not be read, and has been reported.
                None => Email::parse(&format!("{}@unknown.invalid", found.accounts.len()))
                    .map(|email| Spanned::new(email, name.span)),
            },
        };
        let email = match email {
            Ok(email) => email,
            Err(why) => {
                let text = format!("the e-mail address of the account `{name}` cannot be made: {why}");
                let pattern = organization.email.0.as_ref().map_or(name.span, |pattern| pattern.span);
                let bad = Diagnostic::error(BAD_VALUE, name.span, text).related(pattern, "made of this");
                self.report(bad.help("shorten one of the two, or give the account an `email:` of its own"));
                found.names.known.shift_remove(name.as_str());
                found.names.broken.insert(name.as_str().into());
                return;
            }
        };
        let account_title = title(written.title.as_ref(), name);
        if account_title.chars().count() > 50 {
            let span = written.title.as_ref().map_or(name.span, |title| title.span);
            self.report(Diagnostic::error(
                BAD_VALUE,
                span,
                "the title of an account has more than 50 characters, which AWS refuses",
            ));
        }
        let tags = self.tags(&written.tags);
        found.accounts.push(Account { name: name.clone(), title: account_title, email, unit, tags });
    }

    fn unique_emails(&mut self, accounts: &[Account]) {
        let mut first: HashMap<String, Span> = HashMap::with_capacity(accounts.len());
        for account in accounts {
            let address = account.email.as_str().to_ascii_lowercase();
            if let Some(before) = first.get(&address) {
                let text =
                    format!("two accounts have the e-mail address {}; AWS wants one for each", account.email);
                self.report(
                    Diagnostic::error(DUPLICATE_NAME, account.email.span, text)
                        .related(*before, "first here"),
                );
            } else {
                first.insert(address, account.email.span);
            }
        }
    }

    /// The account that serves a purpose: the one that is named for it, or the one that is called like it.
    fn purpose(
        &mut self,
        purpose: &'static str,
        named: Option<&Spanned<Word>>,
        span: Span,
        found: &mut Found,
    ) -> Option<AccountId> {
        if let Some(word) = named {
            return found.names.find(word, self.diagnostics).map(AccountId);
        }
        let account = found.names.get(purpose);
        if account.is_none() && !found.names.broken.contains(purpose) {
            let text = format!("no account is called `{purpose}`, and none is named for it");
            self.report(
                Diagnostic::error(NO_ACCOUNT, span, text)
                    .expected(format!(
                        "an account `{purpose}` in a unit, or `{purpose}: NAME` of another account"
                    ))
                    .help(format!("add `{purpose}` to the accounts of a unit")),
            );
        }
        account.map(AccountId)
    }
}

struct Found {
    units: Vec<Unit>,
    accounts: Vec<Account>,
    paths: Names,
    names: Names,
}
