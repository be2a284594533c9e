//! The audit trail and its archive: how long, how hard, and of what every reading is recorded.

use diagnostics::{Diagnostic, Span};

use super::Resolver;
use super::environments::Environments;
use crate::Spanned;
use crate::codes::RETENTION_TOO_SHORT;
use crate::model::{DataClass, DataEvents, Framework, Lock, Logs, StoreKind};
use crate::reasons::Choice;
use crate::scalars::Period;
use crate::written;

impl Resolver<'_> {
    pub(super) fn logs(
        &mut self,
        written: &written::Blueprint,
        name: Span,
        frameworks: &[Spanned<Framework>],
        environments: &Environments,
    ) -> Logs {
        let whole = written.logs.as_ref().map_or(name, |logs| logs.span);
        let logs = written.logs.as_ref().map(|logs| &logs.value);
        let strictest = frameworks
            .iter()
            .filter_map(|one| Some((retention(one.value)?, one)))
            .max_by_key(|(least, _)| least.in_days());
        let default = strictest
            .map_or(Spanned::new(Period::years(1), whole), |(least, one)| Spanned::new(least, one.span));
        let retain = logs.and_then(|logs| logs.retain).unwrap_or(default);
        let lock = logs.and_then(|logs| logs.lock).unwrap_or(Spanned::new(Lock::Compliance, whole));
        let mut choices = Vec::new();
        if let Some((least, framework)) = strictest.filter(|(least, _)| retain.in_days() < least.in_days()) {
            let because = logs.and_then(|logs| logs.because.as_ref());
            let what = format!(
                "logs are kept {}, less than the {least} that {} asks for",
                retain.value, framework.value
            );
            if because.is_none() {
                let short = Diagnostic::error(
                    RETENTION_TOO_SHORT,
                    retain.span,
                    format!("{what}, and no reason is given"),
                )
                .related(framework.span, "asks for it")
                .expected(format!("at least `{least}`"));
                self.report(short.help("keep them longer, or add `because: …`"));
            } else {
                choices.push(Choice { field: "retain", span: retain.span, what });
            }
        }
        if lock.value == Lock::Governance {
            let what = "a role can shorten how long the log archive keeps what it has".into();
            choices.push(Choice { field: "lock", span: lock.span, what });
        }
        let data_events =
            logs.and_then(|logs| logs.data_events).unwrap_or(Spanned::new(DataEvents::Phi, whole));
        if data_events.value == DataEvents::Nowhere && holds_health_data(environments) {
            let what = "nobody knows who read or changed which health data".into();
            choices.push(Choice { field: "data-events", span: data_events.span, what });
        }
        self.reasons.judge(logs.and_then(|logs| logs.because.as_ref()), &choices, self.diagnostics);
        Logs { retain, lock, data_events }
    }
}

/// Whether real health data is in something of which CloudTrail can record every reading.
fn holds_health_data(environments: &Environments) -> bool {
    let stores = environments.resolved.iter().flat_map(|environment| &environment.stores);
    let seen = stores.filter(|store| store.real_data && !matches!(store.kind, StoreKind::Postgresql(_)));
    seen.flat_map(|store| &store.contains).any(|class| class.value == DataClass::Phi)
}

/// How long a framework wants logs to be kept, where it says so.
/// Sources: HIPAA, 45 CFR 164.316(b)(2)(i), six years. SOC 2: the period of a Type II report is up to one year.
fn retention(framework: Framework) -> Option<Period> {
    match framework {
        Framework::Hipaa => Some(Period::years(6)),
        Framework::Soc2 => Some(Period::years(1)),
        Framework::Cis | Framework::Nist80053 => None,
    }
}
