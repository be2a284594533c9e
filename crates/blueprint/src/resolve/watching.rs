//! Detection, rules and alarms: what is louder or quieter than it is by itself.

use diagnostics::Span;

use super::Resolver;
use super::environments::Environments;
use crate::Spanned;
use crate::model::{Alarm, DataClass, Detection, GuardDuty, Macie, Rule, StoreKind, Told};
use crate::reader::Many;
use crate::reasons::Choice;
use crate::written;

impl Resolver<'_> {
    pub(super) fn detection(
        &mut self,
        written: &written::Blueprint,
        name: Span,
        environments: &Environments,
    ) -> Detection {
        let whole = written.detection.as_ref().map_or(name, |detection| detection.span);
        let detection = written.detection.as_ref().map(|detection| &detection.value);
        let findings = detection.and_then(|one| one.findings.as_ref()).map(|findings| &findings.value);
        let out = Detection {
            guardduty: detection.and_then(|one| one.guardduty).unwrap_or(Spanned::new(GuardDuty::All, whole)),
            inspector: detection.and_then(|one| one.inspector).unwrap_or(Spanned::new(true, whole)),
            macie: detection.and_then(|one| one.macie).unwrap_or(Spanned::new(Macie::Phi, whole)),
            high: findings.and_then(|one| one.high).unwrap_or(Spanned::new(Told::Security, whole)),
            others: findings.and_then(|one| one.others).unwrap_or(Spanned::new(Told::Nobody, whole)),
            span: whole,
        };
        let mut choices = Vec::new();
        let mut choose = |field, span, what: &str| choices.push(Choice { field, span, what: what.into() });
        if out.guardduty.value == GuardDuty::Foundational {
            choose(
                "guardduty",
                out.guardduty.span,
                "GuardDuty does not look at buckets, clusters, databases and machines",
            );
        }
        if !out.inspector.value {
            choose("inspector", out.inspector.span, "nobody looks for vulnerabilities");
        }
        if out.macie.value == Macie::Nowhere && holds_health_data(environments) {
            choose("macie", out.macie.span, "nobody looks for health data where it should not be");
        }
        if out.high.value == Told::Nobody {
            choose("findings", out.high.span, "nobody is told of findings");
        }
        let because = detection.and_then(|one| one.because.as_ref());
        self.reasons.judge(because, &choices, self.diagnostics);
        out
    }

    /// Rules and alarms that are asked for, each once.
    pub(super) fn rules_and_alarms(
        &mut self,
        written: &written::Blueprint,
    ) -> (Vec<Spanned<Rule>>, Vec<Spanned<Alarm>>) {
        (each_once(&written.rules), each_once(&written.alarms))
    }
}

fn each_once<T: Copy + PartialEq>(many: &Many<T>) -> Vec<Spanned<T>> {
    let mut out: Vec<Spanned<T>> = Vec::new();
    for one in many.iter() {
        if !out.iter().any(|there| there.value == one.value) {
            out.push(*one);
        }
    }
    out
}

fn holds_health_data(environments: &Environments) -> bool {
    let stores = environments.resolved.iter().flat_map(|environment| &environment.stores);
    let buckets = stores.filter(|store| matches!(store.kind, StoreKind::Bucket(_)));
    buckets.flat_map(|store| &store.contains).any(|class| class.value == DataClass::Phi)
}
