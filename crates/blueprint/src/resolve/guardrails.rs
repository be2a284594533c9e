//! Guardrails: which hold where.
//!
//! In: what the organization and its units say, and where health data lives. Out: for the organization and for each
//! unit its guardrails, each once. Always: one that holds from above is not there a second time; leaving out one
//! that would always be there has a reason.

use diagnostics::{Diagnostic, Span};

use super::Resolver;
use super::environments::Environments;
use super::organization::Accounts;
use crate::Spanned;
use crate::codes::BAD_VALUE;
use crate::model::{DataClass, Framework, Guardrail, TagPolicy, UnitId};
use crate::reader::Many;
use crate::reasons::Choice;
use crate::written;

/// The three sides of the data perimeter.
const PERIMETER: [Guardrail; 3] =
    [Guardrail::DataPerimeterIdentity, Guardrail::DataPerimeterResource, Guardrail::DataPerimeterNetwork];

/// What is written, each guardrail once, with the data perimeter as its sides.
pub(super) fn expanded(written: &Many<Guardrail>) -> Vec<Spanned<Guardrail>> {
    let mut out = Vec::new();
    for guardrail in written.iter() {
        match guardrail.value {
            Guardrail::DataPerimeter => {
                PERIMETER.iter().for_each(|side| add(&mut out, *side, guardrail.span));
            }
            one => add(&mut out, one, guardrail.span),
        }
    }
    out
}

fn add(to: &mut Vec<Spanned<Guardrail>>, guardrail: Guardrail, span: Span) {
    if !to.iter().any(|there| there.value == guardrail) {
        to.push(Spanned::new(guardrail, span));
    }
}

impl Resolver<'_> {
    /// What holds for every account: what is always there, less what is left out, and what is added.
    pub(super) fn guardrails_of_all(
        &mut self,
        organization: &written::Organization,
    ) -> Vec<Spanned<Guardrail>> {
        let without = expanded(&organization.without);
        let left_out = |guardrail: Guardrail| without.iter().any(|one| one.value == guardrail);
        let mut all = Vec::new();
        for guardrail in Guardrail::ALWAYS.iter().filter(|guardrail| !left_out(**guardrail)) {
            add(&mut all, *guardrail, organization.span);
        }
        for guardrail in expanded(&organization.guardrails) {
            if left_out(guardrail.value) {
                let text = format!("the guardrail `{}` is asked for and left out", guardrail.value);
                self.report(Diagnostic::error(BAD_VALUE, guardrail.span, text).help("remove one of the two"));
            }
            add(&mut all, guardrail.value, guardrail.span);
        }
        let mut choices = Vec::new();
        if let Some(first) = without.first() {
            let words: Vec<&str> = without.iter().map(|one| one.value.word()).collect();
            let what = format!("the organization does without the guardrails {}", words.join(", "));
            choices.push(Choice { field: "without", span: first.span, what });
        }
        for extra in without.iter().filter(|one| !may_be_left_out(one.value)) {
            let text =
                format!("`{}` is not there unless it is asked for, so it cannot be left out", extra.value);
            self.report(Diagnostic::error(BAD_VALUE, extra.span, text).help("remove it"));
        }
        self.reasons.judge(organization.because.as_ref(), &choices, self.diagnostics);
        all
    }

    /// Tags with the values that they may have, as AWS accepts them.
    pub(super) fn tag_policies(&mut self, organization: &written::Organization) -> Vec<TagPolicy> {
        let mut policies: Vec<TagPolicy> = Vec::new();
        for (key, values) in &organization.tag_policies.0 {
            let bad = |text: &str| text.is_empty() || text.chars().count() > 128 || text.contains(['*', '"']);
            if let Some(first) = policies.iter().find(|one| one.key.eq_ignore_ascii_case(&key.value)) {
                let first = first.key.span;
                self.duplicate("tag policies", &key.value, key.span, first);
                continue;
            }
            for text in [key].into_iter().chain(values).filter(|text| bad(&text.value)) {
                let message = format!("`{}` cannot stand in a tag policy", text.value);
                let said = Diagnostic::error(BAD_VALUE, text.span, message);
                self.report(said.expected("1 to 128 characters without `*` and quotation marks"));
            }
            policies.push(TagPolicy { key: key.clone(), values: values.clone() });
        }
        policies
    }

    /// Where health data really lives, only services may be used that AWS's business associate addendum covers.
    pub(super) fn protect_health_data(
        &mut self,
        written: &written::Blueprint,
        environments: &Environments,
        organization: &mut Accounts,
    ) {
        let framework = written.frameworks.iter().any(|one| one.value == Framework::Hipaa);
        let left_out = written.organization.0.iter().flat_map(|one| one.without.iter());
        let mut left_out = left_out.map(|one| one.value);
        if framework && !left_out.any(|one| one == Guardrail::HipaaEligibleServices) {
            for environment in &environments.resolved {
                let real = environment.stores.iter().filter(|store| store.real_data);
                let health = real.flat_map(|store| store.contains.iter());
                let Some(health) = health.clone().find(|class| class.value == DataClass::Phi) else {
                    continue;
                };
                let account = organization.value.accounts.get(environment.account.0);
                let unit = account.and_then(|account| account.unit);
                if let Some(unit) = unit.and_then(|unit| organization.value.units.get_mut(unit.0)) {
                    add(&mut unit.guardrails, Guardrail::HipaaEligibleServices, health.span);
                }
            }
        }
        for at in 0..organization.value.units.len() {
            let above = from_above(organization, UnitId(at));
            if let Some(unit) = organization.value.units.get_mut(at) {
                unit.guardrails.retain(|one| !above.contains(&one.value));
            }
        }
    }
}

/// Whether a guardrail can be there without having been asked for.
fn may_be_left_out(guardrail: Guardrail) -> bool {
    guardrail == Guardrail::HipaaEligibleServices || Guardrail::ALWAYS.contains(&guardrail)
}

/// What holds in a unit because of the units above it and of the organization.
fn from_above(organization: &Accounts, unit: UnitId) -> Vec<Guardrail> {
    let units = &organization.value.units;
    let mut all: Vec<Guardrail> = organization.value.guardrails.iter().map(|one| one.value).collect();
    let mut at = units.get(unit.0).and_then(|unit| unit.parent);
    while let Some(above) = at.and_then(|id| units.get(id.0)) {
        all.extend(above.guardrails.iter().map(|one| one.value));
        at = above.parent;
    }
    all
}
