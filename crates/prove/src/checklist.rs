//! Several things that must hold of one subject, told as one finding.
//!
//! In: a [`Judgement`] for each part. Out: "proved" when all hold, else one finding that lists what fails, or,
//! where nothing fails for certain, what is not known.

use diagnostics::Span;
use estate::ResourceRef;

use crate::{Findings, Judgement, Witness};

/// What was found of a part that does not hold.
struct Fault {
    span: Span,
    says: String,
    witness: Option<Witness>,
    fix: String,
    related: Vec<(Span, String)>,
}

/// The parts judged so far.
#[derive(Default)]
pub(crate) struct Checklist {
    failing: Vec<Fault>,
    unknown: Vec<Fault>,
}

/// A part, in words.
pub(crate) struct Part<'t> {
    /// What is the matter when it does not hold: `it records one region only`.
    pub fails: &'t str,
    /// What is asked, to continue `it cannot be known whether`: `it records every region`.
    pub asks: &'t str,
    /// The setting or statement that would mend it.
    pub fix: &'t str,
}

impl Checklist {
    /// Judges a part by a setting at `path`.
    pub(crate) fn setting(&mut self, judgement: Judgement, path: &str, part: &Part<'_>) {
        let found = match &judgement {
            Judgement::Fails { found, .. } => found.clone(),
            _ => String::new(),
        };
        self.part(judgement, Some(Witness::Setting { path: path.into(), found }), part);
    }

    /// Judges a part, with the concrete failure if it fails.
    pub(crate) fn part(&mut self, judgement: Judgement, witness: Option<Witness>, part: &Part<'_>) {
        match judgement {
            Judgement::Holds => {}
            Judgement::Fails { span, .. } => self.failing.push(Fault {
                span,
                says: part.fails.to_owned(),
                witness,
                fix: part.fix.to_owned(),
                related: Vec::new(),
            }),
            Judgement::Unknown { span, because } => self.unknown.push(Fault {
                span,
                says: format!("whether {} cannot be known: {because}", part.asks),
                witness: None,
                fix: String::new(),
                related: Vec::new(),
            }),
        }
    }

    /// Another place on the way to what the last part judged, if that does not hold.
    pub(crate) fn related(&mut self, failed: bool, span: Span, label: impl Into<String>) {
        let faults = if failed { &mut self.failing } else { &mut self.unknown };
        if let Some(last) = faults.last_mut().filter(|_| !span.is_none()) {
            last.related.push((span, label.into()));
        }
    }

    /// Tells the verdict about `subject`, called `noun` (`the trail`).
    pub(crate) fn conclude(self, findings: &mut Findings, subject: ResourceRef<'_>, noun: &str) {
        let violated = !self.failing.is_empty();
        let faults = if violated { self.failing } else { self.unknown };
        let Some(first) = faults.first() else { return findings.proved(subject) };
        let says: Vec<&str> = faults.iter().map(|fault| fault.says.as_str()).collect();
        let fixes: Vec<&str> =
            faults.iter().map(|fault| fault.fix.as_str()).filter(|fix| !fix.is_empty()).collect();
        let message = format!("{noun}: {}", says.join("; "));
        let finding = match violated {
            true => findings.violated(subject, first.span, message),
            false => findings.unknown(subject, first.span, message),
        };
        finding.witness = faults.iter().find_map(|fault| fault.witness.clone());
        if !fixes.is_empty() {
            finding.fix(fixes.join("; "));
        }
        for fault in &faults {
            for (span, label) in &fault.related {
                finding.related(*span, label.clone());
            }
        }
        for fault in faults.iter().skip(1).filter(|fault| !fault.span.is_none()) {
            finding.related(fault.span, fault.says.clone());
        }
    }
}
