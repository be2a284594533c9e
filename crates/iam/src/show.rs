//! Answers for people: the verdict in colour, and under it the reasons, layer by layer.
//!
//! In: an [`Answer`] and a style. Out: text that ends in a newline. Must always hold: no line is wider than the
//! style's width where words allow, and nothing of a user's file reaches the terminal as a control character.

use std::fmt::Write as _;

use diagnostics::render::{Ink, Style, columns, printable, wrap};

use crate::batch::Answer;
use crate::evaluate::Verdict;
use crate::explain::Reason;

/// How wide the column of layers is.
const LAYER: usize = 24;

/// One answer.
#[must_use]
pub fn answer(answer: &Answer, style: Style) -> String {
    let mut out = String::new();
    let (ink, word) = match answer.decision.verdict {
        Verdict::Allowed => (Ink::Good, "allowed"),
        Verdict::ExplicitlyDenied => (Ink::Bad, "denied explicitly"),
        Verdict::ImplicitlyDenied => (Ink::Bad, "denied implicitly"),
        Verdict::Unknown => (Ink::Doubt, "unknown"),
    };
    let name = wrap(&printable(&answer.name), style.width.saturating_sub(18));
    for (at, line) in name.iter().enumerate() {
        if at == 0 {
            let gap = " ".repeat(18_usize.saturating_sub(columns(word)).max(1));
            let _ = writeln!(out, "{}{gap}{}", style.paint(ink, word), style.paint(Ink::Strong, line));
        } else {
            let _ = writeln!(out, "{:18}{}", "", style.paint(Ink::Strong, line));
        }
    }
    for reason in &answer.decision.because {
        row(&mut out, reason, style);
    }
    for error in &answer.errors {
        block(&mut out, &printable(error), "  ", style);
    }
    out
}

fn row(out: &mut String, reason: &Reason, style: Style) {
    let mut subject = String::new();
    if let Some(level) = &reason.level {
        let _ = write!(subject, "at {level}: ");
    }
    if let Some(policy) = &reason.policy {
        let _ = write!(subject, "{policy}, ");
    }
    if let Some(statement) = &reason.statement {
        let _ = write!(subject, "{statement} ");
    }
    let text = printable(&format!("{subject}{}", reason.says)).into_owned();
    let lines = wrap(&text, style.width.saturating_sub(LAYER + 2).max(20));
    for (at, line) in lines.iter().enumerate() {
        let layer = if at == 0 { reason.layer } else { "" };
        let gap = " ".repeat(LAYER.saturating_sub(columns(layer)));
        let _ = writeln!(out, "  {}{gap}{line}", style.paint(Ink::Dim, layer));
    }
}

fn block(out: &mut String, text: &str, indent: &str, style: Style) {
    for line in wrap(text, style.width.saturating_sub(indent.len())) {
        let _ = writeln!(out, "{indent}{line}");
    }
}

/// How many of each verdict, in one line.
#[must_use]
pub fn totals(counts: &[usize; 4], style: Style) -> String {
    let [allowed, explicit, implicit, unknown] = counts;
    let all = allowed + explicit + implicit + unknown;
    let noun = if all == 1 { "request" } else { "requests" };
    let parts = [
        (Ink::Good, *allowed, "allowed"),
        (Ink::Bad, *explicit, "denied explicitly"),
        (Ink::Bad, *implicit, "denied implicitly"),
        (Ink::Doubt, *unknown, "unknown"),
    ];
    let shown: Vec<String> = parts
        .iter()
        .filter(|(_, count, _)| *count > 0)
        .map(|(ink, count, word)| style.paint(*ink, &format!("{count} {word}")))
        .collect();
    match shown.is_empty() {
        true => format!("{all} {noun}\n"),
        false => format!("{all} {noun}: {}\n", shown.join(", ")),
    }
}
