//! Templates, guarantees and exceptions: what the user brings, demands and suspends.

use std::collections::HashMap;

use diagnostics::{Diagnostic, Span};
use smol_str::SmolStr;

use super::environments::Environments;
use super::organization::Accounts;
use super::{Names, Resolver};
use crate::Spanned;
use crate::codes::{BAD_SENTENCE, DUPLICATE_NAME, MISSING_FIELD, OUTSIDE_FOLDER, UNKNOWN_NAME};
use crate::files::normalised;
use crate::model::{
    AccountId, EnvironmentId, Exception, Guarantee, Mode, Regions, Sentence, Subject, Template, UnitId,
};
use crate::scalars::{Name, RelativePath, Text, Word};
use crate::written;

/// Everything that a sentence or an exception may name. Where a unit, an account and an environment have the
/// same name, the environment is meant, then the unit.
pub struct Parties {
    subjects: Names,
    kinds: Vec<Subject>,
    environments: HashMap<SmolStr, EnvironmentId>,
    parts: HashMap<SmolStr, Name>,
    /// Names whose settings could not be read.
    unreadable: bool,
}

impl Parties {
    pub fn new(organization: &Accounts, environments: &Environments, written: &written::Blueprint) -> Self {
        let mut parties = Self {
            subjects: Names::new("environment, unit, account, store, workload or template"),
            kinds: Vec::new(),
            environments: HashMap::new(),
            parts: HashMap::new(),
            unreadable: !environments.names.broken.is_empty(),
        };
        for (index, environment) in environments.resolved.iter().enumerate() {
            parties.add(&environment.name, Subject::Environment(EnvironmentId(index)));
            parties.environments.insert(environment.name.as_str().into(), EnvironmentId(index));
        }
        let stores = written.stores.entries.iter().map(|(name, _)| name);
        for name in stores.chain(written.workloads.entries.iter().map(|(name, _)| name)) {
            parties.add(name, Subject::Part(None, name.value.clone()));
            parties.parts.insert(name.as_str().into(), name.value.clone());
        }
        for (name, _) in &written.templates.entries {
            parties.add(name, Subject::Template(name.value.clone()));
        }
        for (index, unit) in organization.value.units.iter().enumerate() {
            parties.add(&unit.name, Subject::Unit(UnitId(index)));
        }
        for (index, account) in organization.value.accounts.iter().enumerate() {
            parties.add(&account.name, Subject::Account(AccountId(index)));
        }
        let broken = [
            &written.environments.broken,
            &written.stores.broken,
            &written.workloads.broken,
            &written.templates.broken,
        ];
        for name in broken.into_iter().flatten() {
            parties.subjects.broken.insert(name.as_str().into());
        }
        parties
    }

    fn add(&mut self, name: &Spanned<Name>, subject: Subject) {
        if self.subjects.add(name.as_str(), self.kinds.len(), name.span).is_none() {
            self.kinds.push(subject);
        }
    }

    /// What a word stands for: `environment/name` is a store or workload of one environment, three slashes or a
    /// star make it a path of resources as verdicts show it.
    fn find(&mut self, word: &str, span: Span) -> Result<Subject, Option<Box<Diagnostic>>> {
        // `account/region/stack/resource`, and of drift the property behind it.
        if word.contains('*') || word.matches('/').count() >= 3 {
            return Ok(Subject::Resources(word.into()));
        }
        if let Some((environment, part)) = word.split_once('/') {
            let known = self.environments.get(environment);
            return match (known, self.parts.get(part)) {
                (Some(environment), Some(part)) => Ok(Subject::Part(Some(*environment), part.clone())),
                _ if self.unreadable || self.subjects.broken.contains(part) => Err(None),
                (None, _) => Err(Some(Box::new(self.subjects.unknown(environment, span)))),
                (_, None) => Err(Some(Box::new(self.subjects.unknown(part, span)))),
            };
        }
        let found = self.subjects.get(word).and_then(|index| self.kinds.get(index)).cloned();
        match found {
            Some(subject) => Ok(subject),
            None if self.subjects.broken.contains(word) => Err(None),
            None => Err(Some(Box::new(self.subjects.unknown(word, span)))),
        }
    }
}

/// Words of sentences that name no part of the blueprint.
const EVERYBODY: &[&str] = &["internet", "anyone", "everyone", "firewall", "offices"];

impl Resolver<'_> {
    pub fn templates(
        &mut self,
        written: &written::Blueprint,
        regions: &Regions,
        accounts: &Accounts,
        environments: &Environments,
    ) -> Vec<Template> {
        let mut templates = Vec::with_capacity(written.templates.entries.len());
        for (name, template) in &written.templates.entries {
            self.check_name(name, "a template", 40);
            templates.extend(self.template(name, template, regions, accounts, environments));
        }
        templates
    }

    fn template(
        &mut self,
        name: &Spanned<Name>,
        written: &written::Template,
        regions: &Regions,
        accounts: &Accounts,
        environments: &Environments,
    ) -> Option<Template> {
        let file = match normalised("", written.file.as_str()).map(|path| RelativePath::parse(&path)) {
            Some(Ok(path)) => Some(Spanned::new(path, written.file.span)),
            _ => {
                let text = format!("`{}` leaves the blueprint's folder", written.file.value);
                self.report(
                    Diagnostic::error(OUTSIDE_FOLDER, written.file.span, text)
                        .help("move the file into the folder"),
                );
                None
            }
        };
        let (environment, account) = match (&written.environment, &written.account) {
            (Some(_), Some(account)) => {
                let text = format!(
                    "the template `{name}` names an environment and an account; the environment has an account already"
                );
                self.report(Diagnostic::error(DUPLICATE_NAME, account.span, text).help("remove `account`"));
                (None, None)
            }
            (None, None) => {
                let text = format!("the template `{name}` belongs to no environment and no account");
                self.report(
                    Diagnostic::error(MISSING_FIELD, written.span, text)
                        .help("add `environment: …` or `account: …`"),
                );
                (None, None)
            }
            (Some(word), None) => {
                let found = self.lookup(&environments.names, word).map(EnvironmentId);
                (
                    found,
                    found
                        .and_then(|id| environments.resolved.get(id.0))
                        .map(|environment| environment.account),
                )
            }
            (None, Some(word)) => (None, self.lookup(&accounts.names, word).map(AccountId)),
        };
        let home = environment
            .and_then(|id| environments.resolved.get(id.0))
            .map(|environment| environment.region.clone());
        let region = match (&written.region, home) {
            (None, Some(home)) => Some(home),
            (word, _) => self.region_of(word.as_ref(), regions, name.span),
        };
        let tags = self.tags(&written.tags);
        Some(Template {
            name: name.clone(),
            file: file?,
            account: account?,
            environment,
            region: region?,
            parameters: written.parameters.0.clone(),
            tags,
            span: written.span,
        })
    }

    fn lookup(&mut self, names: &Names, word: &Spanned<Word>) -> Option<usize> {
        let found = names.get(word.as_str());
        if found.is_none() && !names.broken.contains(word.as_str()) {
            let text = format!("there is no {} `{word}`", names.what);
            let near =
                diagnostics::did_you_mean(word.as_str(), names.known.keys().take(1000).map(SmolStr::as_str));
            self.report(Diagnostic::error(UNKNOWN_NAME, word.span, text).maybe_help(near));
        }
        found
    }

    pub fn guarantees(&mut self, written: &written::Blueprint, parties: &Parties) -> Vec<Guarantee> {
        let mut guarantees: Vec<Guarantee> = Vec::new();
        let mut names: HashMap<SmolStr, Span> = HashMap::new();
        for guarantee in written.guarantees.iter() {
            let Some(guarantee) = self.guarantee(guarantee, parties) else { continue };
            if let Some(first) = names.insert(guarantee.name.clone(), guarantee.span) {
                self.duplicate("guarantees", &guarantee.name, guarantee.span, first);
            }
            guarantees.push(guarantee);
        }
        guarantees
    }

    fn guarantee(&mut self, written: &Spanned<written::Guarantee>, parties: &Parties) -> Option<Guarantee> {
        let modes =
            [(Mode::Never, &written.never), (Mode::Only, &written.only), (Mode::Always, &written.always)];
        let said: Vec<(Mode, &Spanned<Text>)> =
            modes.into_iter().filter_map(|(mode, text)| Some((mode, text.as_ref()?))).collect();
        let [(mode, text)] = said.as_slice() else {
            let message = "a guarantee says exactly one of `never`, `only` and `always`";
            self.report(
                Diagnostic::error(BAD_SENTENCE, written.span, message)
                    .expected("`never: sandbox reaches production`, for example"),
            );
            return None;
        };
        let sentence = match Sentence::parse(text.as_str()) {
            Ok(sentence) => sentence,
            Err(why) => {
                let message = format!("`{}` is not a sentence of the language: {why}", text.value);
                self.report(
                    Diagnostic::error(BAD_SENTENCE, text.span, message)
                        .expected("WHO reaches|reads|writes|deletes|decrypts|administers|assumes WHAT [on PORT] [through WHAT]"),
                );
                return None;
            }
        };
        for party in
            [Some(&sentence.who), Some(&sentence.what), sentence.through.as_ref()].into_iter().flatten()
        {
            self.party(&party.0, text.span, parties);
        }
        let of_packets = sentence.verb == crate::model::Verb::Reaches;
        if !of_packets && (sentence.port.is_some() || sentence.through.is_some()) {
            let message =
                format!("`{}` speaks of a request, which has no port and no way through", text.value);
            self.report(
                Diagnostic::error(BAD_SENTENCE, text.span, message)
                    .expected("WHO reads|writes|deletes|decrypts|administers|assumes WHAT"),
            );
        }
        let name = written
            .name
            .as_ref()
            .map_or_else(|| SmolStr::new(sentence.slug(*mode)), |name| name.as_str().into());
        Some(Guarantee { name, mode: *mode, sentence, because: written.because.clone(), span: written.span })
    }

    fn party(&mut self, word: &str, span: Span, parties: &Parties) {
        let known = EVERYBODY.contains(&word)
            || parties.subjects.has(word)
            || word.split_once('/').is_some_and(|(environment, part)| {
                (parties.environments.contains_key(environment) && parties.parts.contains_key(part))
                    || parties.unreadable
                    || parties.subjects.broken.contains(part)
            });
        if !known {
            let candidates =
                parties.subjects.known.keys().map(SmolStr::as_str).chain(EVERYBODY.iter().copied());
            let near = diagnostics::did_you_mean(word, candidates.take(1000));
            let text = format!("nothing is called `{word}`");
            self.report(Diagnostic::error(UNKNOWN_NAME, span, text).maybe_help(near));
        }
    }

    pub fn exceptions(&mut self, written: &written::Blueprint, parties: &mut Parties) -> Vec<Exception> {
        let mut exceptions = Vec::new();
        for exception in written.exceptions.iter() {
            let mut subjects = Vec::new();
            for word in exception.r#for.iter() {
                match parties.find(word.as_str(), word.span) {
                    Ok(subject) => subjects.push(Spanned::new(subject, word.span)),
                    Err(diagnostic) => diagnostic.into_iter().for_each(|diagnostic| self.report(*diagnostic)),
                }
            }
            exceptions.push(Exception {
                guarantee: exception.guarantee.as_ref().map(|word| word.as_str().into()),
                subjects,
                because: exception.because.clone(),
                owner: exception.owner.clone(),
                until: exception.until,
                span: exception.span,
            });
        }
        exceptions
    }
}
