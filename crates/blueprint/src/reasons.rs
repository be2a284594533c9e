//! Unsafe choices and the reasons for them.
//!
//! In: while a record is resolved, each unsafe choice found in it, and the record's `because:`. Out: the
//! choices with their reasons; diagnostics for a choice without reason, for one reason that would have to
//! serve several choices, and for a reason that explains nothing.

use std::collections::{BTreeSet, HashSet};

use diagnostics::{Diagnostic, Diagnostics, Span};
use smol_str::SmolStr;

use crate::Spanned;
use crate::codes::{NEEDS_REASON, REASON_FOR_NOTHING, REASON_TOO_VAGUE};
use crate::model::Accepted;
use crate::written::Because;

/// One unsafe choice.
#[derive(Debug, Clone)]
pub struct Choice {
    /// The field that makes it.
    pub field: &'static str,
    /// Where it is made.
    pub span: Span,
    /// What is unsafe about it, one sentence without full stop.
    pub what: String,
}

/// All reasons of a blueprint, and what they were good for.
#[derive(Debug, Default)]
pub struct Reasons {
    given: BTreeSet<Span>,
    used: HashSet<Span>,
    judged: HashSet<(Span, &'static str)>,
    accepted: Vec<Accepted>,
}

impl Reasons {
    /// Judges the unsafe choices of one record. The same record may be judged several times, once for each
    /// environment that it is resolved for.
    pub fn judge(
        &mut self,
        because: Option<&Spanned<Because>>,
        choices: &[Choice],
        diagnostics: &mut Diagnostics,
    ) {
        match because.map(|because| (&because.value, because.span)) {
            None => {
                for choice in choices {
                    diagnostics.push(
                        Diagnostic::error(
                            NEEDS_REASON,
                            choice.span,
                            format!("{}, and no reason is given", choice.what),
                        )
                        .expected("the safe default, or `because:` with a reason beside it")
                        .help("remove the setting, or add `because: …`"),
                    );
                }
            }
            Some((Because::One(reason), span)) => {
                self.given.insert(span);
                if let [_, second, ..] = choices {
                    let fields: BTreeSet<_> = choices.iter().map(|choice| choice.field).collect();
                    let text = format!("one reason is given for {} unsafe choices", choices.len());
                    diagnostics.push(
                        Diagnostic::error(REASON_TOO_VAGUE, span, text)
                            .expected(format!("a reason for each of {}", Vec::from_iter(fields).join(", ")))
                            .related(second.span, "also unsafe"),
                    );
                }
                self.used.extend((!choices.is_empty()).then_some(span));
                let reason = Spanned::new(SmolStr::new(reason.as_str()), span);
                choices.iter().for_each(|choice| self.accept(choice, &reason));
            }
            Some((Because::Each(reasons), _)) => {
                self.given.extend(reasons.iter().map(|(field, _)| field.span));
                for choice in choices {
                    match reasons.iter().find(|(field, _)| field.value == choice.field) {
                        Some((field, reason)) => {
                            self.used.insert(field.span);
                            self.accept(choice, reason);
                        }
                        None => diagnostics.push(
                            Diagnostic::error(
                                NEEDS_REASON,
                                choice.span,
                                format!("{}, and no reason is given", choice.what),
                            )
                            .help(format!("add `{}: …` under `because:`", choice.field)),
                        ),
                    }
                }
            }
        }
    }

    fn accept(&mut self, choice: &Choice, because: &Spanned<SmolStr>) {
        if self.judged.insert((choice.span, choice.field)) {
            self.accepted.push(Accepted {
                choice: choice.what.clone(),
                span: choice.span,
                because: because.clone(),
            });
        }
    }

    /// Reports reasons that explain nothing; the accepted choices, in the order of their places.
    pub fn finish(mut self, diagnostics: &mut Diagnostics) -> Vec<Accepted> {
        for span in self.given.iter().filter(|span| !self.used.contains(span)) {
            let text = "this reason explains nothing: no unsafe choice is made here";
            diagnostics.push(Diagnostic::warning(REASON_FOR_NOTHING, *span, text).help("remove it"));
        }
        self.accepted.sort_by_key(|accepted| accepted.span);
        self.accepted
    }
}
