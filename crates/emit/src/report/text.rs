//! A run as text that people enjoy reading.
//!
//! In: a [`Reported`], how the terminal shows things and how much is wanted. Out: text that fits the terminal.
//! Order: what was read, what is wrong with the input, every guarantee in one table, then what is violated,
//! unknown and excepted, and at the end one line that says it all.

mod findings;
mod overview;

use std::time::Duration;

use diagnostics::render::{self, Ink, Style, columns, printable, wrap};
use diagnostics::{Diagnostic, Severity};
use prove::Verdict;

use super::{Outcome, Reported, Summary};

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// One line.
    Summary,
    /// What says the same of many resources is said once.
    Folded,
    /// Every finding, every diagnostic.
    Every,
}

/// No line of prose is wider, however wide the terminal is: longer ones are hard to read.
const WIDEST: usize = 120;

/// Past this many diagnostics of one code the others are only counted, unless everything is asked for.
const MOST_OF_A_CODE: usize = 3;

/// The same for errors, which have to be mended.
const MOST_ERRORS: usize = 25;

/// The whole run. `elapsed` is shown where it is known; without it the same input gives the same text.
#[must_use]
pub fn text(run: &Reported<'_>, style: Style, detail: Detail, elapsed: Option<Duration>) -> String {
    let summary = Summary::of(run);
    let style = Style { width: style.width.min(WIDEST), ..style };
    let mut page = Page { run, style, detail, out: String::new() };
    if detail != Detail::Summary {
        page.header(&summary);
        page.diagnostics();
        if run.judged.is_some() {
            page.overview(&summary);
            page.findings();
        }
    }
    page.last_line(&summary, elapsed);
    page.out
}

/// What is to be said about an input that is not judged: its diagnostics, folded.
#[must_use]
pub fn input(run: &Reported<'_>, style: Style, detail: Detail) -> String {
    let mut page = Page { run, style, detail, out: String::new() };
    page.diagnostics();
    page.out
}

/// What has been written so far, and what decides how it looks.
struct Page<'a> {
    run: &'a Reported<'a>,
    style: Style,
    detail: Detail,
    out: String,
}

impl Page<'_> {
    fn line(&mut self, text: &str) {
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }

    /// Wrapped prose behind `indent` columns.
    fn prose(&mut self, indent: usize, ink: Ink, text: &str) {
        self.labelled(indent, "", 0, ink, text);
    }

    /// Wrapped prose behind a dim label that takes `room` columns.
    fn labelled(&mut self, indent: usize, label: &str, room: usize, ink: Ink, text: &str) {
        let lines = wrap(&printable(text), self.style.width.saturating_sub(indent + room));
        let painted = self.style.paint_lines(ink, &lines);
        for (at, line) in painted.iter().enumerate() {
            let label = if at == 0 { label } else { "" };
            let gap = room.saturating_sub(columns(label));
            let label = self.style.paint(Ink::Dim, label);
            self.line(&format!("{:indent$}{label}{:gap$}{line}", "", ""));
        }
    }

    /// Pieces behind `indent` columns, a dot between two, broken between pieces.
    fn pieces(&mut self, indent: usize, pieces: &[(Ink, String)]) {
        let dot = format!(" {} ", self.style.glyph("·", "-"));
        let mut line = String::new();
        let mut taken = 0;
        for (ink, piece) in pieces {
            let wide = columns(piece);
            if taken > 0 && indent + taken + columns(&dot) + wide > self.style.width {
                self.line(&format!("{:indent$}{line}", ""));
                line.clear();
                taken = 0;
            }
            if taken > 0 {
                line.push_str(&self.style.paint(Ink::Dim, &dot));
                taken += columns(&dot);
            }
            line.push_str(&self.style.paint(*ink, piece));
            taken += wide;
        }
        self.line(&format!("{:indent$}{line}", ""));
    }

    fn glyph(&self, verdict: Verdict) -> String {
        let (unicode, ascii) = match verdict {
            Verdict::Proved => ("✓", "+"),
            Verdict::Excepted => ("~", "~"),
            Verdict::Unknown => ("?", "?"),
            Verdict::Violated => ("✗", "x"),
        };
        self.style.paint(ink(verdict), self.style.glyph(unicode, ascii))
    }

    fn header(&mut self, summary: &Summary) {
        let name = self.run.judged.map_or("", |(estate, _)| estate.name.as_str());
        let subject = printable(self.run.subject);
        let mut title =
            vec![(Ink::Strong, if name.is_empty() { subject.to_string() } else { name.to_owned() })];
        if !name.is_empty() && name != subject {
            title.push((Ink::Plain, subject.into_owned()));
        }
        title.push((Ink::Dim, format!("as of {}", self.run.today)));
        self.pieces(0, &title);
        if self.run.judged.is_none() {
            return;
        }
        let named = |(estate, _): (&estate::Estate, _)| {
            estate.accounts.iter().any(|account| !account.name.is_empty())
        };
        let mut counts = Vec::new();
        if self.run.judged.is_some_and(named) {
            counts.push(count(summary.accounts, "account"));
        }
        match summary.regions.as_slice() {
            [] => {}
            [one] => counts.push(one.clone()),
            many => counts.push(count(many.len(), "region")),
        }
        counts.push(count(summary.stacks, "stack"));
        counts.push(count(summary.resources, "resource"));
        let counts: Vec<_> = counts.into_iter().map(|text| (Ink::Plain, text)).collect();
        self.pieces(0, &counts);
    }

    /// What is to be said about the input: of each code the first few, notes in a line each.
    fn diagnostics(&mut self) {
        let mut left: Vec<(&str, usize)> = Vec::new();
        let mut seen: Vec<(&str, Severity, usize)> = Vec::new();
        let mut notes = Vec::new();
        for item in self.run.diagnostics {
            let at = seen
                .iter()
                .position(|(code, severity, _)| (*code, *severity) == (item.code.0, item.severity));
            let at = at.unwrap_or(seen.len());
            if at == seen.len() {
                seen.push((item.code.0, item.severity, 0));
            }
            let Some((_, _, count)) = seen.get_mut(at) else { continue };
            *count += 1;
            let most = if item.severity == Severity::Error { MOST_ERRORS } else { MOST_OF_A_CODE };
            if self.detail != Detail::Every && *count > most {
                match left.iter_mut().find(|(code, _)| *code == item.code.0) {
                    Some((_, more)) => *more += 1,
                    None => left.push((item.code.0, 1)),
                }
            } else if item.severity == Severity::Note && self.detail != Detail::Every {
                notes.push(item);
            } else {
                self.diagnostic(item);
            }
        }
        if !notes.is_empty() || !left.is_empty() {
            self.out.push('\n');
        }
        for note in notes {
            self.labelled(0, "note", 5, Ink::Dim, &format!("{} [{}]", note.message, note.code));
        }
        if !left.is_empty() {
            let left: Vec<_> =
                left.iter().map(|(code, more)| format!("{} more {code}", number(*more))).collect();
            self.prose(0, Ink::Dim, &format!("and {} (-v shows them)", left.join(", ")));
        }
        if self.run.diagnostics.omitted() > 0 {
            let text = format!("and {} more, too many to keep", number(self.run.diagnostics.omitted()));
            self.prose(0, Ink::Dim, &text);
        }
    }

    fn diagnostic(&mut self, item: &Diagnostic) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.out.push_str(&render::text::one(item, self.run.sources, self.style));
    }

    fn last_line(&mut self, summary: &Summary, elapsed: Option<Duration>) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        let mut pieces = Vec::new();
        let ink = match summary.outcome() {
            Outcome::Proved => Ink::Good,
            Outcome::Unknown => Ink::Doubt,
            Outcome::Violated | Outcome::Invalid => Ink::Bad,
        };
        if summary.errors > 0 || summary.warnings > 0 {
            let said = [(summary.errors, "error"), (summary.warnings, "warning")];
            let said: Vec<_> = said.iter().filter(|(n, _)| *n > 0).map(|(n, word)| count(*n, word)).collect();
            let ink = if summary.errors > 0 { Ink::Bad } else { Ink::Doubt };
            pieces.push((ink, said.join(", ")));
        }
        if self.run.judged.is_none() {
            pieces.push((Ink::Plain, "nothing was judged".into()));
        } else {
            let by = summary.guarantees;
            let parts = [
                (by.proved, "proved"),
                (by.violated, "violated"),
                (by.unknown, "unknown"),
                (by.excepted, "excepted"),
                (summary.without_subject, "without subject"),
            ];
            let parts: Vec<_> = parts
                .iter()
                .filter(|(n, _)| *n > 0)
                .map(|(n, word)| format!("{} {word}", number(*n)))
                .collect();
            pieces.push((ink, format!("{}: {}", count(summary.checked(), "guarantee"), parts.join(", "))));
            pieces.push((Ink::Plain, count(summary.verdicts(), "subject")));
        }
        if let Some(elapsed) = elapsed {
            pieces.push((Ink::Plain, format!("{:.2} s", elapsed.as_secs_f64())));
        }
        self.pieces(0, &pieces);
    }
}

/// The colour of a verdict.
fn ink(verdict: Verdict) -> Ink {
    match verdict {
        Verdict::Proved => Ink::Good,
        Verdict::Excepted => Ink::Excepted,
        Verdict::Unknown => Ink::Doubt,
        Verdict::Violated => Ink::Bad,
    }
}

/// `1 stack`, `2 stacks`, `1,234 stacks`.
fn count(n: usize, word: &str) -> String {
    format!("{} {word}{}", number(n), if n == 1 { "" } else { "s" })
}

/// A number with commas between thousands.
fn number(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The text with its first letter large.
fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
