//! Actions: do they exist, and what do they name.
//!
//! In: a statement. Out: diagnostics, and the actions that it names ([`Named`]) for the other checks. Must always
//! hold: a statement with `NotAction` or `*` is about actions that nobody lists, so nothing is said about "none of".
//!
//! Source: the Service Authorization Reference.

use catalog::{Catalog, IamAction, IamService};
use diagnostics::{Diagnostic, Diagnostics, did_you_mean};

use crate::codes::{MATCHES_NOTHING, UNKNOWN_ACTION, UNKNOWN_SERVICE, VERY_WIDE, WRONG_KIND};
use crate::lint::Kind;
use crate::policy::{ActionPattern, Effect, Sense, Statement};

/// The actions of a statement.
pub struct Named {
    /// For each pattern of `Action`, what it names.
    pub by_pattern: Vec<Vec<(&'static IamService, &'static IamAction)>>,
    /// Whether the statement may be about actions that are not listed: `NotAction`, `*`, services nobody knows.
    pub open: bool,
}

/// The most actions that are looked at for a pattern: every action of AWS.
const MOST: usize = 30_000;

impl Named {
    /// What a statement names.
    pub fn of(statement: &Statement, catalog: &'static Catalog) -> Self {
        let all = |pattern: &ActionPattern| pattern.text.is_any() || pattern.written.starts_with("*:");
        let open = statement.actions.sense == Sense::AllBut
            || statement.actions.patterns.iter().any(|pattern| all(pattern) || pattern.text.has_unknowns());
        let name = |pattern: &ActionPattern| match open {
            true if all(pattern) => Vec::new(),
            _ => {
                let mut found = catalog.iam().actions_matching(&pattern.written);
                found.truncate(MOST);
                found
            }
        };
        Self { by_pattern: statement.actions.patterns.iter().map(name).collect(), open }
    }

    /// Every action that is named.
    pub fn all(&self) -> impl Iterator<Item = &(&'static IamService, &'static IamAction)> {
        self.by_pattern.iter().flatten()
    }

    /// Whether everything the statement is about is known.
    pub fn complete(&self) -> bool {
        !self.open && self.by_pattern.iter().all(|found| !found.is_empty())
    }
}

pub fn check(statement: &Statement, kind: Kind, named: &Named, diagnostics: &mut Diagnostics) {
    for (pattern, found) in statement.actions.patterns.iter().zip(&named.by_pattern) {
        exists(pattern, found.is_empty(), diagnostics);
        if kind == Kind::Trust && !matches!(pattern.service(), Some("sts")) && !pattern.text.is_any() {
            let text = format!("`{}` has no effect in a trust policy", pattern.written);
            let error = Diagnostic::error(WRONG_KIND, pattern.span, text);
            diagnostics.push(error.expected("actions of STS, such as `sts:AssumeRole`"));
        }
    }
    wide(statement, kind, diagnostics);
}

/// Names that nobody lists are warnings: services add actions every week.
fn exists(pattern: &ActionPattern, nothing: bool, diagnostics: &mut Diagnostics) {
    let iam = Catalog::shared().iam();
    let Some((prefix, name)) = pattern.written.split_once(':') else { return };
    if !nothing || prefix.contains(['*', '?']) || pattern.text.has_unknowns() || name.is_empty() {
        return;
    }
    let Some(service) = iam.service(prefix) else {
        let warning = Diagnostic::warning(
            UNKNOWN_SERVICE,
            pattern.span,
            format!("no service has the prefix `{prefix}`"),
        );
        return diagnostics.push(warning.maybe_help(did_you_mean(prefix, iam.prefixes())));
    };
    if pattern.text.has_wildcards() {
        let text = format!("no action of {} matches `{}`", service.name, pattern.written);
        return diagnostics.push(Diagnostic::warning(MATCHES_NOTHING, pattern.span, text));
    }
    let names = service.actions.iter().map(|action| action.name.as_str());
    let help = did_you_mean(name, names).or_else(|| elsewhere(name));
    let text = format!("{} has no action `{name}`", service.name);
    diagnostics.push(Diagnostic::warning(UNKNOWN_ACTION, pattern.span, text).maybe_help(help));
}

/// The same name in a service of AWS.
fn elsewhere(name: &str) -> Option<String> {
    let found = Catalog::shared().iam().actions_matching(&format!("*:{name}"));
    let (service, action) = found.first()?;
    Some(format!("`{}:{}` exists", service.prefix, action.name))
}

/// Source: "IAM Access Analyzer policy check reference": general and security warnings.
fn wide(statement: &Statement, kind: Kind, diagnostics: &mut Diagnostics) {
    if statement.effect != Effect::Allow || kind == Kind::ServiceControl || kind == Kind::Endpoint {
        return;
    }
    let everywhere = statement.resources.as_ref().is_some_and(|set| {
        set.sense == Sense::Only && set.patterns.iter().any(|pattern| pattern.text.is_any())
    });
    if !everywhere || !statement.conditions.is_empty() {
        return;
    }
    let set = &statement.actions;
    if set.sense == Sense::AllBut {
        let text = "this Allow is about every action but those listed, on every resource";
        diagnostics.push(Diagnostic::warning(VERY_WIDE, set.span, text).help("list what is to be allowed"));
    } else if let Some(all) =
        set.patterns.iter().find(|pattern| pattern.text.is_any() || pattern.written == "*:*")
    {
        let text = "this Allow is about every action on every resource: full administration";
        diagnostics.push(Diagnostic::note(VERY_WIDE, all.span, text));
    }
    let passes = |pattern: &&ActionPattern| pattern.written.eq_ignore_ascii_case("iam:PassRole");
    if let Some(pass) = set.patterns.iter().find(passes) {
        let text = "this Allow passes every role to every service";
        let warning = Diagnostic::warning(VERY_WIDE, pass.span, text);
        diagnostics
            .push(warning.help("name the roles, or the services in a condition on `iam:PassedToService`"));
    }
}
