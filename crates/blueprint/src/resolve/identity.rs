//! People, groups and what they may do: names become handles, places become accounts.

use diagnostics::{Diagnostic, Span};
use smol_str::SmolStr;

use super::environments::Environments;
use super::organization::Accounts;
use super::{Names, Resolver, title};
use crate::Spanned;
use crate::codes::{BAD_VALUE, DUPLICATE_NAME, MISSING_FIELD};
use crate::model::{Access, AccountId, Group, Identity, IdentitySource, May, Role, UnitId};
use crate::scalars::Word;
use crate::written;

/// The word for every account but the management account.
const EVERYWHERE: &str = "everywhere";

/// Policies that a permission set can have, of AWS's own and of the account's.
/// IdentitySource: IAM Identity Center User Guide, "AWS managed policies for permission sets", quotas.
const MOST_POLICIES: usize = 20;

impl Resolver<'_> {
    pub(super) fn identity(
        &mut self,
        written: &written::Blueprint,
        organization: &Accounts,
        environments: &Environments,
    ) -> Option<Identity> {
        let section = written.identity.as_ref()?;
        let identity = &section.value;
        let mut groups = Names::new("group");
        let mut out = Identity {
            source: identity.source.unwrap_or(Spanned::new(IdentitySource::IdentityCenter, section.span)),
            groups: Vec::new(),
            roles: Vec::new(),
            access: Vec::new(),
            emergency: identity.emergency.iter().flat_map(|one| one.people.iter().cloned()).collect(),
            span: section.span,
        };
        groups.broken.extend(identity.groups.broken.iter().map(|name| name.as_str().into()));
        for (name, group) in &identity.groups.entries {
            self.check_name(name, "a group", 40);
            groups.add(name.as_str(), out.groups.len(), name.span);
            out.groups.push(self.group(name, group, out.source.value));
        }
        let mut roles = Names::new("role");
        roles.broken.extend(identity.roles.broken.iter().map(|name| name.as_str().into()));
        for (word, _) in May::BUILT_IN {
            roles.add(word, usize::MAX, Span::NONE);
        }
        for (name, role) in &identity.roles.entries {
            // A permission set's name has at most 32 characters.
            self.check_name(name, "a role", 28);
            if let Some(first) = roles.add(name.as_str(), out.roles.len(), name.span) {
                let text = format!("the role `{name}` is there already");
                let said = Diagnostic::error(DUPLICATE_NAME, name.span, text).help("choose another name");
                self.report(if first.is_none() { said } else { said.related(first, "first here") });
            }
            out.roles.push(self.role(name, role));
        }
        for access in identity.access.iter() {
            let group = groups.find(&access.group, self.diagnostics);
            let role = roles.find(&access.may, self.diagnostics);
            let accounts = self.places(access, organization, environments);
            let built_in = May::BUILT_IN.iter().find(|(word, _)| *word == access.may.as_str());
            let (Some(group), Some(role)) = (group, role) else { continue };
            out.access.push(Access {
                group,
                may: built_in.map_or(May::Own(role), |(_, may)| *may),
                accounts,
                hours: access.sessions.as_ref().map(|hours| hours.value.0),
                span: access.span,
            });
        }
        Some(out)
    }

    fn group(
        &mut self,
        name: &Spanned<crate::Name>,
        written: &written::Group,
        source: IdentitySource,
    ) -> Group {
        let (people, directory) = match written {
            written::Group::People(people) => (people.clone(), None),
            written::Group::Directory(directory) => (Vec::new(), Some(directory.clone())),
        };
        if let Some(directory) = directory.as_ref().filter(|_| source == IdentitySource::IdentityCenter) {
            let text =
                format!("the group `{name}` is one of a directory, but people come from `identity-center`");
            let said = Diagnostic::error(BAD_VALUE, directory.span, text);
            self.report(said.help("say `source:`, or list the people"));
        }
        if let Some(first) = people.first().filter(|_| source == IdentitySource::Saml) {
            let text = format!("the group `{name}` lists people, but people come from `saml`");
            let said = Diagnostic::error(BAD_VALUE, first.span, text);
            self.report(said.help("write `{ directory: NAME }`"));
        }
        Group { name: name.clone(), people, directory }
    }

    fn role(&mut self, name: &Spanned<crate::Name>, written: &written::Role) -> Role {
        let managed: Vec<_> = written.managed.iter().cloned().collect();
        let customer_managed: Vec<_> = written.customer_managed.iter().cloned().collect();
        if managed.is_empty() && customer_managed.is_empty() {
            let text = format!("the role `{name}` may do nothing");
            self.report(
                Diagnostic::error(MISSING_FIELD, name.span, text)
                    .help("add `managed: […]` or `customer-managed: […]`"),
            );
        }
        if managed.len() + customer_managed.len() > MOST_POLICIES {
            let text = format!("the role `{name}` has more than {MOST_POLICIES} policies, which AWS refuses");
            self.report(Diagnostic::error(BAD_VALUE, name.span, text));
        }
        Role {
            name: name.clone(),
            title: title(written.title.as_ref(), name),
            managed,
            customer_managed,
            boundary: written.boundary.clone(),
            hours: written.sessions.as_ref().map_or(8, |hours| hours.value.0),
        }
    }

    /// The accounts that an access is for, each once, in the order of the organization.
    fn places(
        &mut self,
        access: &Spanned<written::Access>,
        organization: &Accounts,
        environments: &Environments,
    ) -> Vec<AccountId> {
        if access.places.iter().next().is_none() {
            let text = "an access says nowhere `in` what it counts";
            self.report(Diagnostic::error(MISSING_FIELD, access.span, text).help("add `in: …`"));
        }
        let accounts = &organization.value.accounts;
        let mut wanted = vec![false; accounts.len()];
        for place in access.places.iter() {
            let found = self.accounts_of(place, organization, environments);
            for id in found {
                wanted.get_mut(id.0).into_iter().for_each(|wanted| *wanted = true);
            }
        }
        (0..).map(AccountId).zip(wanted).filter(|(_, wanted)| *wanted).map(|(id, _)| id).collect()
    }

    fn accounts_of(
        &mut self,
        place: &Spanned<Word>,
        organization: &Accounts,
        environments: &Environments,
    ) -> Vec<AccountId> {
        let value = &organization.value;
        let all = || (0..value.accounts.len()).map(AccountId);
        if place.as_str() == EVERYWHERE {
            return all().filter(|id| *id != value.management).collect();
        }
        if let Some(environment) = environments.names.get(place.as_str()) {
            return environments.resolved.get(environment).map(|one| one.account).into_iter().collect();
        }
        if let Some(unit) = value.units.iter().position(|unit| unit.name.as_str() == place.as_str()) {
            let within = |id: &AccountId| {
                let mut at = value.accounts.get(id.0).and_then(|account| account.unit);
                while let Some(here) = at {
                    if here == UnitId(unit) {
                        return true;
                    }
                    at = value.units.get(here.0).and_then(|unit| unit.parent);
                }
                false
            };
            return all().filter(within).collect();
        }
        let known = organization.names.get(place.as_str());
        if known.is_none()
            && !organization.names.broken.contains(place.as_str())
            && !environments.names.broken.contains(place.as_str())
        {
            let names = environments.names.known.keys().chain(organization.names.known.keys());
            let near = diagnostics::did_you_mean(place.as_str(), names.take(1000).map(SmolStr::as_str));
            let text = format!("there is no environment, unit or account `{place}`");
            self.report(Diagnostic::error(crate::codes::UNKNOWN_NAME, place.span, text).maybe_help(near));
        }
        known.map(AccountId).into_iter().collect()
    }

    /// The group that manages keys.
    pub(super) fn key_administrators(
        &mut self,
        written: &written::Blueprint,
        identity: Option<&Identity>,
    ) -> Option<Spanned<usize>> {
        let word = written.keys.as_ref()?.administrators.as_ref()?;
        let groups = identity.map(|identity| identity.groups.as_slice()).unwrap_or_default();
        let found = groups.iter().position(|group| group.name.as_str() == word.as_str());
        if found.is_none() && written.identity.as_ref().is_none_or(|one| one.groups.broken.is_empty()) {
            let text = format!("there is no group `{word}`");
            let said = Diagnostic::error(crate::codes::UNKNOWN_NAME, word.span, text);
            self.report(said.expected("a group of `identity.groups`"));
        }
        found.map(|at| Spanned::new(at, word.span))
    }
}
