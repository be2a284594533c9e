//! From what is written to what is meant.
//!
//! In: the syntax tree. Out: the [`Blueprint`], and a diagnostic for every mistake that only the whole shows:
//! names that refer to nothing, circles, overlaps, combinations that are never safe. Always: a mistake is
//! reported once, at the place where it can be mended, and does not hide the ones behind it.

mod addresses;
mod assurances;
mod backup;
mod contents;
mod environments;
mod flows;
mod guardrails;
mod identity;
mod logs;
mod organization;
mod watching;

use std::collections::HashSet;

use diagnostics::{Diagnostic, Diagnostics, Span, did_you_mean};
use document::Node;
use indexmap::IndexMap;
use smol_str::SmolStr;

use crate::Spanned;
use crate::cidr::Cidr;
use crate::codes::{
    BAD_NAME, BAD_VALUE, DUPLICATE_NAME, NOT_BUILT, RECOVERY_IS_PRIMARY, RESERVED_NAME, UNKNOWN_NAME,
    UNKNOWN_REGION,
};
use crate::model::{Blueprint, Contacts, Framework, Keys, Network, Region, Regions, Tags};
use crate::reader::Texts;
use crate::reasons::{Choice, Reasons};
use crate::regions::{self, Known};
use crate::scalars::{Name, Period, Text, Word};
use crate::written::{self, KeyScope};

/// Words that mean something in the language and cannot name anything.
pub const RESERVED: &[&str] = &[
    "internet", "inside", "anyone", "everyone", "nobody", "firewall", "primary", "recovery", "all", "none",
    "offices", "root", "hub",
];

/// Resolves a blueprint. `None` where something that must be written is missing; everything else is judged all
/// the same. What cannot be resolved is reported and stands for nothing: the caller drops the result.
pub fn resolve(
    written: &written::Blueprint,
    root: &Node,
    diagnostics: &mut Diagnostics,
) -> Option<Blueprint> {
    let reached = flows::reached(written);
    let mut resolver = Resolver { reasons: Reasons::default(), reached, diagnostics };
    let name = match &written.name.0 {
        Some(name) => name.clone(),
        None => Spanned::new(Name::parse("unnamed").ok()?, root.span),
    };
    resolver.check_name(&name, "the company", 16);
    let frameworks = resolver.frameworks(written);
    let regions = resolver.regions(written.regions.0.as_ref(), root.span);
    let mut network = network(written, name.span);
    let tags = resolver.tags(&written.tags);
    let mut organization = resolver.organization(written.organization.0.as_ref(), root.span)?;
    let keys = resolver.keys(written, name.span);
    let mut environments = resolver.environments(written, &regions, &organization, &tags);
    resolver.hub(written, &mut network, &regions, &organization, &environments);
    resolver.addresses(&network, &environments, regions.recovery.is_some());
    resolver.contents(written, root, &frameworks, &mut environments);
    let logs = resolver.logs(written, name.span, &frameworks, &environments);
    resolver.protect_health_data(written, &environments, &mut organization);
    let backup =
        resolver.backups(written, name.span, &mut organization, &environments, regions.recovery.is_some());
    let identity = resolver.identity(written, &organization, &environments);
    let mut keys = keys;
    keys.administrators = resolver.key_administrators(written, identity.as_ref());
    let detection = resolver.detection(written, name.span, &environments);
    let (rules, alarms) = resolver.rules_and_alarms(written);
    let flows = resolver.flows(written, &network, &organization, &environments);
    let mut parties = assurances::Parties::new(&organization, &environments, written);
    let templates = resolver.templates(written, &regions, &organization, &environments);
    let guarantees = resolver.guarantees(written, &parties);
    let exceptions = resolver.exceptions(written, &mut parties);
    let accepted = resolver.reasons.finish(resolver.diagnostics);
    Some(Blueprint {
        title: title_or_name(written.title.as_ref(), &name)?,
        name,
        domain: written.domain.clone(),
        frameworks,
        contacts: contacts(written.contacts.0.as_ref()?)?,
        regions,
        network,
        organization: organization.value,
        environments: environments.resolved,
        flows,
        keys,
        logs,
        backup,
        identity,
        detection,
        rules,
        alarms,
        tags,
        templates,
        guarantees,
        exceptions,
        accepted,
    })
}

struct Resolver<'a> {
    reasons: Reasons,
    /// What flows reach, as it is written.
    reached: flows::Reached,
    diagnostics: &'a mut Diagnostics,
}

impl Resolver<'_> {
    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Whether AWS accepts the name where it will stand.
    fn check_name(&mut self, name: &Spanned<Name>, what: &str, most: usize) {
        if name.as_str().len() > most {
            let text = format!(
                "the name `{name}` of {what} is too long: {} characters, at most {most}",
                name.as_str().len()
            );
            let long = Diagnostic::error(BAD_NAME, name.span, text);
            self.report(long.help("choose a shorter name; `title:` holds the long one"));
        }
        if RESERVED.contains(&name.as_str()) {
            let text = format!("`{name}` means something in the language and cannot name {what}");
            self.report(Diagnostic::error(RESERVED_NAME, name.span, text).help("choose another name"));
        }
    }

    fn duplicate(&mut self, what: &str, name: &str, here: Span, first: Span) {
        let text = format!("there are two {what} named `{name}`");
        self.report(
            Diagnostic::error(DUPLICATE_NAME, here, text)
                .related(first, "first here")
                .help("rename one of them"),
        );
    }

    fn frameworks(&mut self, written: &written::Blueprint) -> Vec<Spanned<Framework>> {
        let mut frameworks: Vec<Spanned<Framework>> = Vec::new();
        for framework in written.frameworks.iter() {
            match frameworks.iter().find(|there| there.value == framework.value) {
                Some(first) => {
                    let first = first.span;
                    self.duplicate("frameworks", framework.word(), framework.span, first);
                }
                None => frameworks.push(*framework),
            }
        }
        frameworks
    }

    fn regions(&mut self, written: Option<&Spanned<written::Regions>>, place: Span) -> Regions {
        let nowhere = Spanned::new(Region { name: "unknown".into(), zones: usize::MAX }, place);
        let Some(written) = written else { return Regions { primary: nowhere, recovery: None } };
        let primary = written.primary.0.as_ref().and_then(|word| self.region(word));
        let recovery = written.recovery.as_ref().map(|word| self.region(word));
        if let (Some(primary), Some(Some(recovery))) = (&primary, &recovery)
            && primary.value == recovery.value
        {
            let text = format!("the recovery region is the primary region, {}", primary.value.name);
            self.report(
                Diagnostic::error(RECOVERY_IS_PRIMARY, recovery.span, text)
                    .related(primary.span, "the primary region")
                    .help("choose a second region, or remove `recovery`"),
            );
        }
        let recovery = recovery.map(|region| region.unwrap_or_else(|| nowhere.clone()));
        Regions { primary: primary.unwrap_or(nowhere), recovery }
    }

    fn region(&mut self, word: &Spanned<Word>) -> Option<Spanned<Region>> {
        match regions::look_up(word.as_str()) {
            Known::Zones(zones) => {
                Some(Spanned::new(Region { name: word.as_str().into(), zones }, word.span))
            }
            Known::OtherPartition(partition) => {
                let text = format!(
                    "`{word}` lies in the partition {partition}, which is not built yet, so it is refused"
                );
                let other = Diagnostic::error(NOT_BUILT, word.span, text).label("not built yet");
                self.report(other.expected("a commercial region, such as us-east-1"));
                None
            }
            Known::Nowhere => {
                let text = format!("AWS has no region `{word}`");
                let unknown = Diagnostic::error(UNKNOWN_REGION, word.span, text)
                    .expected("a region's code, such as us-east-1");
                self.report(unknown.maybe_help(did_you_mean(word.as_str(), regions::names())));
                None
            }
        }
    }

    /// A region by its part in the blueprint or by its code.
    fn region_of(
        &mut self,
        word: Option<&Spanned<Word>>,
        regions: &Regions,
        default_place: Span,
    ) -> Option<Spanned<Region>> {
        match word {
            None => Some(Spanned::new(regions.primary.value.clone(), default_place)),
            Some(word) if word.as_str() == "primary" => {
                Some(Spanned::new(regions.primary.value.clone(), word.span))
            }
            Some(word) if word.as_str() == "recovery" => {
                if regions.recovery.is_none() {
                    let text = "the blueprint names no recovery region";
                    self.report(
                        Diagnostic::error(UNKNOWN_NAME, word.span, text)
                            .help("add `recovery:` under `regions:`"),
                    );
                }
                regions.recovery.as_ref().map(|region| Spanned::new(region.value.clone(), word.span))
            }
            Some(word) => self.region(word),
        }
    }

    /// Tags as AWS accepts them, sorted by key.
    /// Source: AWS General Reference, "Tag naming limits and requirements".
    fn tags(&mut self, written: &Texts) -> Tags {
        let mut tags: Tags = Vec::with_capacity(written.0.len());
        let allowed = |c: char| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c);
        for (key, value) in &written.0 {
            let why = if key.is_empty() || key.chars().count() > 128 {
                "a key has 1 to 128 characters"
            } else if value.chars().count() > 256 {
                "a value has at most 256 characters"
            } else if key.to_ascii_lowercase().starts_with("aws:") {
                "keys that begin with `aws:` are AWS's own"
            } else if !key.chars().all(allowed) || !value.chars().all(allowed) {
                "letters, digits, spaces and `_ . : / = + - @` are allowed"
            } else {
                tags.push((key.clone(), value.clone()));
                continue;
            };
            self.report(Diagnostic::error(
                BAD_VALUE,
                key.span.to(value.span),
                format!("AWS refuses the tag `{}`: {why}", key.value),
            ));
        }
        // Ten of the fifty that a resource may have are Steward's.
        if let Some((key, _)) = tags.get(40) {
            self.report(
                Diagnostic::error(BAD_VALUE, key.span, "there are more than 40 tags")
                    .expected("at most 40 tags"),
            );
        }
        tags.sort_by(|a, b| a.0.value.cmp(&b.0.value));
        tags
    }

    fn keys(&mut self, written: &written::Blueprint, name: Span) -> Keys {
        let whole = written.keys.as_ref().map_or(name, |keys| keys.span);
        let keys = written.keys.as_ref().map(|keys| &keys.value);
        let rotate = keys
            .and_then(|keys| keys.rotate.as_ref())
            .copied()
            .unwrap_or(Spanned::new(Period::years(1), whole));
        let wait = keys
            .and_then(|keys| keys.deletion_wait_days.as_ref())
            .map_or(Spanned::new(30, whole), |days| days.map(|days| days.0));
        // Source: AWS KMS API Reference, EnableKeyRotation, `RotationPeriodInDays`.
        if !(90..=2560).contains(&rotate.in_days()) {
            let text = format!("AWS KMS cannot rotate a key every {}", rotate.value);
            self.report(
                Diagnostic::error(BAD_VALUE, rotate.span, text).expected("from `90 days` to `7 years`"),
            );
        }
        let mut choices = Vec::new();
        if rotate.in_days() > 366 {
            let what = format!("keys rotate only every {}", rotate.value);
            choices.push(Choice { field: "rotate", span: rotate.span, what });
        }
        if wait.value < 30 {
            let what = format!("a deleted key can be brought back for only {} days", wait.value);
            choices.push(Choice { field: "deletion-wait-days", span: wait.span, what });
        }
        self.reasons.judge(keys.and_then(|keys| keys.because.as_ref()), &choices, self.diagnostics);
        Keys {
            per: keys.and_then(|keys| keys.per).unwrap_or(Spanned::new(KeyScope::Class, whole)),
            rotate_days: rotate.map(Period::in_days),
            administrators: None,
            deletion_wait_days: wait,
        }
    }
}

fn contacts(written: &written::Contacts) -> Option<Contacts> {
    let security = written.security.0.clone()?;
    Some(Contacts { operations: written.operations.clone().unwrap_or_else(|| security.clone()), security })
}

fn network(written: &written::Blueprint, name: Span) -> Network {
    let whole = written.network.as_ref().map_or(name, |network| network.span);
    let network = written.network.as_ref().map(|network| &network.value);
    let addresses = network.and_then(|network| network.addresses).unwrap_or(Spanned::new(Cidr::TEN, whole));
    let prefix = network
        .and_then(|network| network.vpc_size)
        .map_or(Spanned::new(16, whole), |size| size.map(|size| size.0));
    Network {
        addresses,
        vpc_prefix: prefix.map(|prefix| u8::try_from(prefix).unwrap_or(16)),
        reserved: network.map_or_else(Vec::new, |network| network.reserved.iter().copied().collect()),
        hub: None,
        offices: Vec::new(),
    }
}

/// A title, or the name where there is none.
fn title_or_name(title: Option<&Spanned<Text>>, name: &Spanned<Name>) -> Option<Spanned<Text>> {
    match title {
        Some(title) => Some(title.clone()),
        None => Text::parse(name.as_str()).ok().map(|text| Spanned::new(text, name.span)),
    }
}

fn title(title: Option<&Spanned<Text>>, name: &Spanned<Name>) -> SmolStr {
    title.map_or_else(|| name.as_str().into(), |title| title.as_str().into())
}

/// Names of one kind of thing, for looking up.
struct Names {
    what: &'static str,
    known: IndexMap<SmolStr, (usize, Span)>,
    /// Names whose settings could not be read: they exist, but lead nowhere.
    broken: HashSet<SmolStr>,
    /// How many more suggestions are worked out: a file full of mistakes must not cost quadratic time.
    suggestions: usize,
}

impl Names {
    fn new(what: &'static str) -> Self {
        Self { what, known: IndexMap::new(), broken: HashSet::new(), suggestions: 100 }
    }

    /// Adds a name; the place of the first one where it is there already.
    fn add(&mut self, name: &str, index: usize, span: Span) -> Option<Span> {
        match self.known.get(name) {
            Some((_, first)) => Some(*first),
            None => {
                self.known.insert(name.into(), (index, span));
                None
            }
        }
    }

    fn get(&self, name: &str) -> Option<usize> {
        self.known.get(name).map(|(index, _)| *index)
    }

    fn has(&self, name: &str) -> bool {
        self.known.contains_key(name) || self.broken.contains(name)
    }

    /// Looks a word up; reports it where it is unknown.
    fn find(&mut self, word: &Spanned<Word>, diagnostics: &mut Diagnostics) -> Option<usize> {
        let found = self.get(word.as_str());
        if found.is_none() && !self.broken.contains(word.as_str()) {
            diagnostics.push(self.unknown(word.as_str(), word.span));
        }
        found
    }

    fn unknown(&mut self, word: &str, span: Span) -> Diagnostic {
        let text = format!("there is no {} `{word}`", self.what);
        let unknown = Diagnostic::error(UNKNOWN_NAME, span, text);
        if self.suggestions == 0 {
            return unknown;
        }
        self.suggestions -= 1;
        let unknown = unknown.maybe_help(did_you_mean(word, self.known.keys().map(SmolStr::as_str)));
        let names: Vec<&str> = self.known.keys().take(13).map(SmolStr::as_str).collect();
        match names.as_slice() {
            [] => unknown.expected(format!("a declared {}; there is none", self.what)),
            names if names.len() <= 12 => unknown.expected(crate::reader::one_of(names)),
            _ => unknown,
        }
    }
}
