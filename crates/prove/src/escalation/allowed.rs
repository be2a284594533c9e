//! Whether somebody may do what a way needs, and by which statements.
//!
//! In: a principal, actions, a thing or any thing. Out: [`Allowed`]. Always: "any thing" is tried with one resource for
//! each pattern that some statement allows, because whoever makes a thing chooses its name.

use iam::access::{Finding, Holder, Thing, Verdict, Who, rendered};
use iam::policy::{Effect, Sense};
use iam::symbolic::{Given, action_matches};

use super::search::Search;
use super::world::{asked_tags, made_up};
use super::{Step, Way};

impl Search<'_, '_, '_> {
    /// Whether somebody may do all of these to a thing.
    pub(super) fn all(
        &self,
        who: &Holder,
        actions: &[&'static str],
        thing: &Thing,
        given: &[Given],
    ) -> Option<Allowed> {
        let mut given = given.to_vec();
        given.extend(self.world.tags(&asked_tags(self.access(), who), thing));
        let mut out = Allowed::default();
        for action in actions {
            out.and(&Allowed::of(self.access().can_given(Who::Holder(who), action, thing, &given))?);
        }
        Some(out)
    }

    /// Whether somebody may do all that a way needs anywhere.
    pub(super) fn anywhere(&self, who: &Holder, way: &Way) -> Option<Allowed> {
        let mut out = Allowed::default();
        for need in way.needs.iter().filter(|need| need.anywhere) {
            let generic = self.generic(who, need.action);
            let arns = self.instances(who, need.action, &generic);
            let allowed = arns.iter().find_map(|arn| self.all(who, &[need.action], &made_up(arn, who), &[]));
            out.and(&allowed?);
        }
        Some(out)
    }

    /// An ARN of the kind that an action is about.
    fn generic(&self, who: &Holder, action: &str) -> String {
        let (service, name) = action.split_once(':').unwrap_or((action, ""));
        let number = self.world.number(who.account);
        let reference = self.world.facts.catalog.iam();
        let kinds = reference.action(service, name).map(|action| &action.resources);
        let kind = kinds.and_then(|kinds| kinds.iter().find(|kind| kind.required).or(kinds.first()));
        let arn =
            kind.and_then(|kind| reference.service(service)?.resource(&kind.name)).map(|kind| &kind.arn);
        let Some(arn) = arn else { return format!("arn:aws:{service}:us-east-1:{number}:new") };
        let mut out = String::new();
        let mut rest = arn.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            let (variable, after) = after.split_once('}').unwrap_or((after, ""));
            out.push_str(before);
            out.push_str(match variable {
                "Partition" => "aws",
                "Region" => "us-east-1",
                "Account" => &number,
                _ => "new",
            });
            rest = after;
        }
        out.push_str(rest);
        out
    }

    /// One ARN for each pattern under which an action is allowed, and `generic` where one covers everything.
    pub(super) fn instances(&self, who: &Holder, action: &str, generic: &str) -> Vec<String> {
        let lower = action.to_lowercase();
        let mut out = vec![generic.to_owned()];
        let policies = who.identity.iter().filter_map(|document| document.policy.as_ref().ok());
        for statement in policies.flat_map(|policy| &policy.statements) {
            let named =
                statement.actions.patterns.iter().any(|pattern| action_matches(&pattern.text, &lower));
            let allows =
                statement.effect == Effect::Allow && named == (statement.actions.sense == Sense::Only);
            let Some(set) = statement.resources.as_ref().filter(|set| allows && set.sense == Sense::Only)
            else {
                continue;
            };
            let texts = set.patterns.iter().filter(|pattern| !pattern.text.is_any());
            out.extend(
                texts.map(|pattern| instance(&rendered(&pattern.text), &self.world.number(who.account))),
            );
        }
        out.dedup();
        out
    }
}

/// A text that a pattern matches: `new` for what may be anything, where that is an account the own one.
fn instance(pattern: &str, account: &str) -> String {
    let parts = pattern.splitn(6, ':').enumerate().map(|(at, part)| match (at, part) {
        (3, "*") => "us-east-1".to_owned(),
        (4, "*") => account.to_owned(),
        _ => part.replace('*', "new").replace('?', "n"),
    });
    parts.collect::<Vec<_>>().join(":")
}

/// Whether a statement names a resource on purpose: by its ARN, or by the beginning of its name.
pub(super) fn declares(holder: &Holder, action: &str, arn: &str) -> bool {
    let policies = holder.identity.iter().filter_map(|document| document.policy.as_ref().ok());
    policies.flat_map(|policy| &policy.statements).any(|statement| {
        statement.effect == Effect::Allow
            && statement.actions.sense == Sense::Only
            && statement.actions.patterns.iter().any(|pattern| action_matches(&pattern.text, action))
            && statement.resources.as_ref().is_some_and(|set| {
                set.sense == Sense::Only
                    && set.patterns.iter().any(|pattern| names(&rendered(&pattern.text), arn))
            })
    })
}

/// Whether a pattern says more of a name than its kind.
fn names(pattern: &str, arn: &str) -> bool {
    let last = |text: &str| text.splitn(6, ':').nth(5).map(str::to_owned).unwrap_or_default();
    let (pattern, arn) = (last(pattern), last(arn));
    let literal = pattern.split(['*', '?']).next().unwrap_or_default();
    let name = literal.rsplit(['/', ':']).next().unwrap_or_default();
    let folders = literal.matches(['/', ':']).count();
    (!name.is_empty() || folders > 1) && arn.starts_with(literal)
}

/// What allows something.
#[derive(Clone, Default)]
pub(super) struct Allowed {
    pub(super) because: Vec<(diagnostics::Span, String)>,
    pub(super) doubt: Option<String>,
}

impl Allowed {
    pub(super) fn of(finding: Finding) -> Option<Self> {
        let doubt = match finding.verdict {
            Verdict::No => return None,
            Verdict::Unknown(why) => Some(why.join(", ")),
            Verdict::Yes | Verdict::When(_) => None,
        };
        let allows = finding.because.into_iter().filter(|because| because.effect == Effect::Allow);
        let because =
            allows.map(|because| (because.span, format!("{} `{}`", because.layer, because.statement)));
        Some(Self { because: because.collect(), doubt })
    }

    pub(super) fn and(&mut self, other: &Self) {
        for one in &other.because {
            if !self.because.contains(one) {
                self.because.push(one.clone());
            }
        }
        self.doubt = self.doubt.take().or_else(|| other.doubt.clone());
    }

    pub(super) fn step(self, way: &'static Way, text: String) -> Step {
        Step { text, way: way.id, because: self.because, doubt: self.doubt }
    }
}
