//! Environments: alike, and each in its place.

use std::collections::{HashMap, HashSet};

use diagnostics::{Diagnostic, Span};
use smol_str::SmolStr;

use super::organization::Accounts;
use super::{Names, Resolver, title};
use crate::Spanned;
use crate::codes::{
    CYCLIC_LIKE, DUPLICATE_NAME, FORBIDDEN, MISSING_FIELD, NO_ACCOUNT, TOO_FEW_ZONES, TOO_MANY, UNKNOWN_NAME,
};
use crate::model::{AccountId, DataClass, Environment, Regions, Tags, Tier};
use crate::reader::{Field, Many};
use crate::reasons::Choice;
use crate::scalars::{DomainName, Name, Word};
use crate::{tiers, written};

/// The most environments of an estate.
const MOST: usize = 20_000;
/// How many environments may stand between one and the first that it is like.
const ALIKE: usize = 16;
/// How much may be taken over from other environments in all, counted in settings.
const TAKEN_OVER: usize = 5_000_000;

/// Environments, first without what is in them.
pub struct Environments {
    pub resolved: Vec<Environment>,
    /// What each is as written, with what it takes from the one it is like; in step with `resolved`.
    pub effective: Vec<written::Environment>,
    /// Which settings of workloads and stores each says itself, by name.
    pub own_overrides: Vec<HashSet<SmolStr>>,
    pub names: Names,
}

impl Resolver<'_> {
    pub fn environments(
        &mut self,
        written: &written::Blueprint,
        regions: &Regions,
        accounts: &Accounts,
        tags: &Tags,
    ) -> Environments {
        let entries = &written.environments.entries;
        let mut all = Environments {
            resolved: Vec::new(),
            effective: Vec::new(),
            own_overrides: Vec::new(),
            names: Names::new("environment"),
        };
        all.names.broken.extend(written.environments.broken.iter().map(|name| name.as_str().into()));
        if let Some((name, _)) = entries.get(MOST) {
            self.report(Diagnostic::error(
                TOO_MANY,
                name.span,
                format!("there are more than {MOST} environments"),
            ));
            return all;
        }
        let Some(effective) = self.alike(entries, &all.names) else { return all };
        let mut names = std::mem::replace(&mut all.names, Names::new("environment"));
        for ((name, own), effective) in entries.iter().zip(effective) {
            self.check_name(name, "an environment", 16);
            let Some(environment) = self.environment(name, &effective, written, regions, accounts, tags)
            else {
                names.broken.insert(name.as_str().into());
                continue;
            };
            names.add(name.as_str(), all.resolved.len(), name.span);
            all.own_overrides.push(own.overrides.0.iter().map(|entry| entry.key.text.clone()).collect());
            all.resolved.push(environment);
            all.effective.push(effective);
        }
        all.names = names;
        self.shared_accounts(&all, accounts);
        self.unique_domains(&all.resolved);
        all
    }

    /// Every environment with what it takes from the one it is like. `None` where that is too much to build.
    fn alike(
        &mut self,
        entries: &[(Spanned<Name>, written::Environment)],
        known: &Names,
    ) -> Option<Vec<written::Environment>> {
        let mut names = Names::new("environment");
        names.broken.clone_from(&known.broken);
        for (index, (name, _)) in entries.iter().enumerate() {
            names.add(name.as_str(), index, name.span);
        }
        let bases: Vec<Option<usize>> = entries
            .iter()
            .map(|(_, environment)| names.find(environment.like.as_ref()?, self.diagnostics))
            .collect();
        let order = self.base_first(entries, &bases);
        let mut done: Vec<Option<written::Environment>> = vec![None; entries.len()];
        let mut taken_over = 0;
        for (index, depth) in order {
            let Some((name, own)) = entries.get(index) else { continue };
            let mut effective = own.clone();
            if let Some(base) = bases.get(index).copied().flatten().and_then(|base| done.get(base)?.as_ref())
            {
                taken_over += base.overrides.0.iter().map(|entry| entry.value.count()).sum::<usize>()
                    + base.tags.0.len()
                    + base.without.iter().count();
                if depth > ALIKE || taken_over > TAKEN_OVER {
                    let text = format!(
                        "environments are alike more than {ALIKE} deep, or take over too much from each other"
                    );
                    self.report(Diagnostic::error(TOO_MANY, name.span, text));
                    return None;
                }
                effective.inherit(&inheritable(base));
            }
            if let Some(slot) = done.get_mut(index) {
                *slot = Some(effective);
            }
        }
        // One that stands in a circle is taken as it is written; the circle has been reported.
        Some(
            done.into_iter()
                .zip(entries)
                .map(|(done, (_, own))| done.unwrap_or_else(|| own.clone()))
                .collect(),
        )
    }

    /// An order in which every environment stands after the one it is like, with how deep it is; circles are reported.
    fn base_first(
        &mut self,
        entries: &[(Spanned<Name>, written::Environment)],
        bases: &[Option<usize>],
    ) -> Vec<(usize, usize)> {
        let mut depths: HashMap<usize, usize> = HashMap::new();
        let mut order = Vec::with_capacity(entries.len());
        for start in 0..entries.len() {
            let mut path = Vec::new();
            let mut on_path = HashSet::new();
            let mut next = Some(start);
            while let Some(index) = next.filter(|index| !depths.contains_key(index)) {
                if !on_path.insert(index) {
                    self.circle(entries, path.iter().copied().skip_while(|at| *at != index).collect());
                    break;
                }
                path.push(index);
                next = bases.get(index).copied().flatten();
            }
            for index in path.into_iter().rev() {
                let above = bases
                    .get(index)
                    .copied()
                    .flatten()
                    .and_then(|base| depths.get(&base))
                    .map_or(0, |depth| depth + 1);
                depths.insert(index, above);
                order.push((index, above));
            }
        }
        order
    }

    fn circle(&mut self, entries: &[(Spanned<Name>, written::Environment)], circle: Vec<usize>) {
        let members: Vec<_> = circle.iter().filter_map(|index| entries.get(*index)).collect();
        let words: Vec<_> = members.iter().chain(members.first()).map(|(name, _)| name.as_str()).collect();
        let shown =
            if words.len() > 12 { format!("{} environments", words.len() - 1) } else { words.join(" → ") };
        let place = |environment: &written::Environment| {
            environment.like.as_ref().map_or(environment.span, |like| like.span)
        };
        let Some((_, first)) = members.first() else { return };
        let mut diagnostic = Diagnostic::error(
            CYCLIC_LIKE,
            place(first),
            format!("environments are alike in a circle: {shown}"),
        )
        .help("let one of them say its own settings");
        for (_, environment) in members.iter().skip(1).take(10) {
            diagnostic = diagnostic.related(place(environment), "and this");
        }
        self.report(diagnostic);
    }

    fn environment(
        &mut self,
        name: &Spanned<Name>,
        written: &written::Environment,
        blueprint: &written::Blueprint,
        regions: &Regions,
        accounts: &Accounts,
        tags: &Tags,
    ) -> Option<Environment> {
        let account = self.account_of(name, written, accounts);
        let region = self.region_of(written.region.as_ref(), regions, name.span);
        let Some(tier) = written.tier else {
            if written.like.is_some() {
                // What it is like is missing, in a circle, or lacks a tier itself: that has been said.
                return None;
            }
            let text = format!(
                "the environment `{name}` has neither a tier nor another environment that it is like"
            );
            let missing = Diagnostic::error(MISSING_FIELD, name.span, text)
                .expected(crate::reader::one_of(Tier::WORDS));
            self.report(missing.help("add `tier: …` or `like: …`"));
            return None;
        };
        let defaults = tiers::defaults(tier.value);
        let zones = written.zones.map_or(Spanned::new(defaults.zones, tier.span), |zones| {
            zones.map(|zones| u8::try_from(zones.0).unwrap_or(defaults.zones))
        });
        let mut choices = Vec::new();
        if zones.value < defaults.zones {
            let what = format!(
                "a {} environment spreads over only {} zones, not {}",
                tier.value, zones.value, defaults.zones
            );
            choices.push(Choice { field: "zones", span: zones.span, what });
        }
        if let Some(region) = region.as_ref().filter(|region| region.value.zones < usize::from(zones.value)) {
            let text = format!(
                "{} has {} availability zones for a new account; `{name}` wants {}",
                region.value.name, region.value.zones, zones.value
            );
            let few =
                Diagnostic::error(TOO_FEW_ZONES, zones.span, text).related(region.span, "in this region");
            self.report(few.help("choose another region, or fewer `zones:` with `because:`"));
        }
        let real_data = self.real_data(name, written, tier, &mut choices);
        self.reasons.judge(written.because.as_ref(), &choices, self.diagnostics);
        // An account or region that does not exist has been reported; what stands in it is judged all the same.
        let account = account.unwrap_or(AccountId(usize::MAX));
        let region = region.unwrap_or_else(|| regions.primary.clone());
        let domain = match (&written.domain, &blueprint.domain) {
            (Some(own), _) => Some(own.value.clone()),
            (None, Some(company)) => Some(company.value.beneath(name.as_str())),
            (None, None) => None,
        };
        let own_tags = self.tags(&written.tags);
        let account_tags =
            accounts.value.accounts.get(account.0).map_or_else(Vec::new, |account| account.tags.clone());
        Some(Environment {
            name: name.clone(),
            title: title(written.title.as_ref(), name),
            tier,
            account,
            region,
            zones,
            domain,
            addresses: written.addresses,
            defaults,
            real_data,
            stores: Vec::new(),
            workloads: Vec::new(),
            tags: combined(&[tags, &account_tags, &own_tags]),
            span: written.span,
        })
    }

    fn account_of(
        &mut self,
        name: &Spanned<Name>,
        written: &written::Environment,
        accounts: &Accounts,
    ) -> Option<AccountId> {
        let organization = &accounts.value;
        let word = written.account.as_ref().map_or(name.as_str(), |word| word.as_str());
        let span = written.account.as_ref().map_or(name.span, |word| word.span);
        if accounts.names.broken.contains(word) {
            return None;
        }
        let Some(id) = accounts.names.get(word).map(AccountId) else {
            if !accounts.complete {
                return None;
            }
            let text = match &written.account {
                Some(_) => format!("there is no account `{word}`"),
                None => format!("the environment `{name}` has no account: none is called `{word}`"),
            };
            let code = if written.account.is_some() { UNKNOWN_NAME } else { NO_ACCOUNT };
            let candidates = accounts.names.known.keys().map(SmolStr::as_str);
            let near = diagnostics::did_you_mean(word, candidates);
            let help =
                near.unwrap_or_else(|| format!("add `{word}` to the accounts of a unit, or say `account:`"));
            self.report(
                Diagnostic::error(code, span, text).expected("an account of the organization").help(help),
            );
            return None;
        };
        let purpose = [
            (organization.management, "management"),
            (organization.log_archive, "log archive"),
            (organization.audit, "audit"),
        ];
        if let Some((_, purpose)) = purpose.into_iter().find(|(special, _)| *special == id) {
            let text = format!(
                "the environment `{name}` stands in the {purpose} account, which holds nothing that it guards"
            );
            self.report(
                Diagnostic::error(FORBIDDEN, span, text).help("give the environment an account of its own"),
            );
        }
        Some(id)
    }

    /// The classes of real data that may be in an environment.
    fn real_data(
        &mut self,
        name: &Spanned<Name>,
        written: &written::Environment,
        tier: Spanned<Tier>,
        choices: &mut Vec<Choice>,
    ) -> Vec<Spanned<DataClass>> {
        if tiers::defaults(tier.value).real_data {
            return ALL_CLASSES.iter().map(|class| Spanned::new(*class, tier.span)).collect();
        }
        let sensitive: Vec<_> =
            written.contains.iter().filter(|class| class.value > DataClass::Internal).copied().collect();
        if let Some(class) = sensitive.first() {
            if tier.value == Tier::Sandbox {
                let text = format!(
                    "the sandbox `{name}` may not contain {} data: anybody may break what is there",
                    class.value
                );
                self.report(
                    Diagnostic::error(FORBIDDEN, class.span, text)
                        .related(tier.span, "a sandbox")
                        .help("use synthetic data"),
                );
            } else {
                let what = format!("a {} environment contains real {} data", tier.value, class.value);
                choices.push(Choice { field: "contains", span: class.span, what });
            }
        }
        let harmless = [DataClass::Public, DataClass::Internal].map(|class| Spanned::new(class, tier.span));
        harmless.into_iter().chain(sensitive).collect()
    }

    /// Environments with and without real data must not share an account: whoever administers one administers both.
    fn shared_accounts(&mut self, all: &Environments, accounts: &Accounts) {
        let mut first: HashMap<AccountId, &Environment> = HashMap::new();
        for environment in all.resolved.iter().filter(|one| one.account.0 != usize::MAX) {
            let other = *first.entry(environment.account).or_insert(environment);
            if other.defaults.real_data == environment.defaults.real_data {
                continue;
            }
            let account = accounts
                .value
                .accounts
                .get(environment.account.0)
                .map_or("", |account| account.name.as_str());
            let text = format!(
                "`{}` ({}) and `{}` ({}) share the account `{account}`: who administers one administers the other",
                other.name, other.tier.value, environment.name, environment.tier.value
            );
            let shared = Diagnostic::error(FORBIDDEN, environment.name.span, text)
                .related(other.name.span, "the other one");
            self.report(shared.help("give each an account of its own"));
        }
    }

    fn unique_domains(&mut self, environments: &[Environment]) {
        let mut first: HashMap<&DomainName, Span> = HashMap::new();
        for environment in environments {
            let Some(domain) = &environment.domain else { continue };
            if let Some(before) = first.get(domain) {
                let text =
                    format!("two environments serve beneath {domain}; every host name would mean both");
                self.report(
                    Diagnostic::error(DUPLICATE_NAME, environment.name.span, text)
                        .related(*before, "the other one"),
                );
            } else {
                first.insert(domain, environment.name.span);
            }
        }
    }
}

const ALL_CLASSES: [DataClass; 6] = [
    DataClass::Public,
    DataClass::Internal,
    DataClass::Confidential,
    DataClass::Financial,
    DataClass::Pii,
    DataClass::Phi,
];

/// What an environment gives to those that are like it: everything but its place, its name on the internet, and
/// its right to hold real data.
fn inheritable(base: &written::Environment) -> written::Environment {
    let nothing = || <Option<Spanned<Word>> as Field>::absent().flatten();
    written::Environment {
        title: None,
        account: nothing(),
        domain: None,
        addresses: None,
        contains: Many(None),
        because: None,
        ..base.clone()
    }
}

/// Tags of several origins; the last one that has a key decides.
pub fn combined(origins: &[&Tags]) -> Tags {
    let mut tags: std::collections::BTreeMap<SmolStr, (Spanned<SmolStr>, Spanned<SmolStr>)> =
        std::collections::BTreeMap::new();
    for (key, value) in origins.iter().flat_map(|tags| tags.iter()) {
        tags.insert(key.value.clone(), (key.clone(), value.clone()));
    }
    tags.into_values().collect()
}
