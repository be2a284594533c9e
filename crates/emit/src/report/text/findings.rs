//! What is violated, what is unknown and what somebody answers for, guarantee by guarantee.

use std::collections::BTreeSet;

use diagnostics::Severity;
use diagnostics::render::{Ink, Style, printable, text};
use estate::Estate;
use prove::controls::{self, framework_name};
use prove::{Count, Exception, Finding, Guarantee, Level, Subject, Verdict, Witness};

use super::{Detail, Page, capital, count, ink, number};
use crate::report::fold::{Group, fold, sentence};
use crate::report::{decide, json};

/// Columns of the labels `witness`, `fix`, `also`.
const LABEL: usize = 9;

/// Past this many groups of findings of one guarantee the others are only counted.
const MOST_GROUPS: usize = 8;

/// The same for what is unknown: once what decides it is known, most of it is gone.
const MOST_UNKNOWNS: usize = 3;

/// So many groups of findings of one guarantee are shown with their lines of source.
const MOST_EXCERPTS: usize = 3;

/// So many resources are named beside the one that is shown.
const MOST_NAMES: usize = 6;

/// An exception that ends within so many days is pointed out.
const SOON_DAYS: i64 = 30;

/// What of a group is shown.
#[derive(Clone, Copy)]
struct How {
    /// The lines of source.
    excerpt: bool,
    /// What to change, where the group before did not say the same.
    fix: bool,
}

impl Page<'_> {
    /// All that is not proved: violations of the worst level first, then unknowns, then exceptions.
    pub(super) fn findings(&mut self) {
        let Some((estate, report)) = self.run.judged else { return };
        let mut decided_by = BTreeSet::new();
        for verdict in [Verdict::Excepted, Verdict::Unknown, Verdict::Violated] {
            for level in [Level::Low, Level::Medium, Level::High, Level::Critical].into_iter().rev() {
                for checked in report.guarantees.iter().filter(|checked| checked.guarantee.level == level) {
                    let groups = fold(estate, &checked.findings, verdict);
                    if groups.is_empty() {
                        continue;
                    }
                    self.heading(checked.guarantee, verdict, checked.count());
                    let most = match verdict {
                        _ if self.detail == Detail::Every => usize::MAX,
                        Verdict::Unknown => MOST_UNKNOWNS,
                        _ => MOST_GROUPS,
                    };
                    let mut last_fix = None;
                    for (at, group) in groups.iter().take(most).enumerate() {
                        let how = How { excerpt: at < MOST_EXCERPTS, fix: group.first.fix != last_fix };
                        self.group(estate, group, how);
                        last_fix.clone_from(&group.first.fix);
                    }
                    let left = groups.iter().skip(most).map(|group| group.others.len() + 1).sum::<usize>();
                    if left > 0 {
                        self.out.push('\n');
                        self.prose(4, Ink::Dim, &format!("and {} more (-v shows them)", number(left)));
                    }
                }
            }
            if verdict == Verdict::Unknown {
                let unknown = report.findings().filter(|finding| finding.verdict == verdict);
                unknown.for_each(|finding| decided_by.append(&mut decide::parameters(estate, finding)));
                self.decided_by(&decided_by);
            }
        }
    }

    fn heading(&mut self, guarantee: &Guarantee, verdict: Verdict, all: Count) {
        self.out.push('\n');
        let glyph = self.glyph(verdict);
        let lines = diagnostics::render::wrap(&capital(guarantee.title), self.style.width.saturating_sub(2));
        for (at, line) in self.style.paint_lines(Ink::Strong, &lines).iter().enumerate() {
            let mark = if at == 0 { glyph.clone() } else { " ".into() };
            self.line(&format!("{mark} {line}"));
        }
        let mut pieces =
            vec![(Ink::Literal, guarantee.id.to_owned()), (Ink::Plain, guarantee.level.word().to_owned())];
        let counts = [
            (all.violated, Verdict::Violated),
            (all.unknown, Verdict::Unknown),
            (all.excepted, Verdict::Excepted),
            (all.proved, Verdict::Proved),
        ];
        let counts: Vec<_> = counts
            .iter()
            .filter(|(n, _)| *n > 0)
            .map(|(n, of)| format!("{} {}", number(*n), of.word()))
            .collect();
        pieces.push((ink(verdict), counts.join(", ")));
        self.pieces(2, &pieces);
        let served = served(guarantee.id);
        if !served.is_empty() && verdict == Verdict::Violated {
            self.pieces(2, &served);
        }
    }

    fn group(&mut self, estate: &Estate, group: &Group<'_>, how: How) {
        let finding = group.first;
        let excerpt = (finding.verdict == Verdict::Violated && how.excerpt) || self.detail == Detail::Every;
        self.out.push('\n');
        self.subject(estate, finding, !excerpt);
        self.prose(4, Ink::Plain, &finding.message);
        if excerpt {
            self.excerpt(finding);
        }
        // A witness that the message begins with would only say it again.
        let said = |witness: &Witness| matches!(witness, Witness::Setting { found, .. } if finding.message.starts_with(found.as_str()));
        if let Some(witness) = finding.witness.as_ref().filter(|witness| !said(witness)) {
            self.labelled(4, "witness", LABEL, Ink::Plain, &sentence(witness));
        }
        if let (Some(fix), true, true) = (&finding.fix, how.fix, finding.verdict != Verdict::Excepted) {
            self.labelled(4, "fix", LABEL, Ink::Good, fix);
        }
        if let Some(exception) = finding.exception.and_then(|at| self.run.exceptions.get(at)) {
            self.exception(exception, finding.verdict);
        }
        self.others(estate, finding, &group.others);
    }

    /// The resource that a finding is about: its name, type, and where it lies.
    fn subject(&mut self, estate: &Estate, finding: &Finding, with_place: bool) {
        let Some((id, resource)) = finding.subject.resource_in(estate) else {
            self.pieces(4, &[(Ink::Strong, finding.subject.path(estate))]);
            return;
        };
        let mut pieces = vec![(Ink::Strong, id.to_string()), (Ink::Plain, resource.kind.to_string())];
        let stack = finding.subject.stack.map(|stack| estate.stack_path(stack)).unwrap_or_default();
        if !stack.is_empty() {
            pieces.push((Ink::Plain, stack));
        }
        if !resource.origin.component.is_empty() {
            pieces.push((Ink::Dim, format!("made by {}", resource.origin.component)));
        }
        if with_place && let Some(at) = self.run.sources.locate(finding.span) {
            pieces.push((Ink::Dim, format!("{}:{}", printable(&at.file), at.line)));
        }
        self.pieces(4, &pieces);
    }

    fn excerpt(&mut self, finding: &Finding) {
        let severity = match finding.verdict {
            Verdict::Violated => Severity::Error,
            Verdict::Unknown => Severity::Warning,
            Verdict::Excepted | Verdict::Proved => Severity::Note,
        };
        let style = Style { width: self.style.width.saturating_sub(4), ..self.style };
        let lines = text::places(severity, finding.span, None, &finding.related, self.run.sources, style);
        for line in lines.lines() {
            self.line(&format!("    {line}"));
        }
    }

    fn exception(&mut self, exception: &Exception, verdict: Verdict) {
        let left = json::days_left(self.run.today, exception);
        let days = |n: i64| count(usize::try_from(n.abs()).unwrap_or(0), "day");
        let (ink, until) = match left {
            _ if verdict == Verdict::Unknown => (Ink::Doubt, "what is unknown cannot be excepted".into()),
            i64::MIN..0 => (Ink::Bad, format!("expired on {}, {} ago", exception.expires, days(left))),
            0 => (Ink::Doubt, format!("until {}, the last day", exception.expires)),
            1..=SOON_DAYS => (Ink::Doubt, format!("until {}, {} left", exception.expires, days(left))),
            _ => (Ink::Plain, format!("until {}, {} left", exception.expires, days(left))),
        };
        self.labelled(4, "excepted", LABEL, ink, &format!("{until}; {} answers for it", exception.owner));
        self.labelled(4, "because", LABEL, Ink::Plain, &exception.reason);
    }

    /// The other resources of which the same is said.
    fn others(&mut self, estate: &Estate, first: &Finding, others: &[&Finding]) {
        if others.is_empty() {
            return;
        }
        if self.detail == Detail::Every {
            self.labelled(4, "also", LABEL, Ink::Plain, &count(others.len(), "more resource"));
            for finding in others {
                let place = self.run.sources.locate(finding.span);
                let place = place.map(|at| (Ink::Dim, format!("{}:{}", printable(&at.file), at.line)));
                let mut pieces = vec![(Ink::Plain, beside(estate, first.subject, finding.subject))];
                pieces.extend(place);
                self.pieces(4 + LABEL, &pieces);
            }
            return;
        }
        let names =
            others.iter().take(MOST_NAMES).map(|finding| beside(estate, first.subject, finding.subject));
        let names: Vec<_> = names.collect();
        let left = others.len() - names.len();
        let text = if left > 0 {
            format!("{} and {} more (-v lists them)", names.join(", "), number(left))
        } else {
            names.join(", ")
        };
        self.labelled(4, "also", LABEL, Ink::Plain, &text);
    }

    /// What to say so that unknown verdicts become one or the other.
    fn decided_by(&mut self, parameters: &BTreeSet<String>) {
        if parameters.is_empty() {
            return;
        }
        let most = if self.detail == Detail::Every { usize::MAX } else { 3 * MOST_NAMES };
        let mut names: Vec<_> = parameters.iter().take(most).map(|name| format!("`{name}`")).collect();
        if parameters.len() > names.len() {
            names.push(format!("{} more", number(parameters.len() - names.len())));
        }
        self.out.push('\n');
        let text = format!(
            "Values for these parameters would decide unknowns: {}. Give them with --parameters FILE, or under \
             templates: in a blueprint.",
            names.join(", ")
        );
        self.prose(2, Ink::Doubt, &text);
    }
}

/// The path of a subject without what it shares with `first`, which stands above it.
fn beside(estate: &Estate, first: Subject, subject: Subject) -> String {
    let of = |subject: Subject| subject.stack.and_then(|id| estate.stack(id));
    let (Some(here), Some(there)) = (of(first), of(subject)) else { return subject.path(estate) };
    let Some((id, _)) = subject.resource_in(estate) else { return subject.path(estate) };
    if first.stack == subject.stack {
        id.to_string()
    } else if (here.account, &here.region) == (there.account, &there.region) {
        format!("{}/{id}", there.name)
    } else {
        subject.path(estate)
    }
}

/// The controls that a guarantee serves, short: `HIPAA 164.312(a)(1) · SOC 2 CC6.1, C1.1`.
fn served(guarantee: &str) -> Vec<(Ink, String)> {
    let mut frameworks: Vec<(&str, Vec<&str>)> = Vec::new();
    for control in controls::served_by(guarantee) {
        match frameworks.iter_mut().find(|(framework, _)| *framework == control.framework) {
            Some((_, ids)) => ids.push(control.id),
            None => frameworks.push((control.framework, vec![control.id])),
        }
    }
    let name = |framework: &str| match framework {
        "hipaa" => "HIPAA".to_owned(),
        "soc2" => "SOC 2".to_owned(),
        "cis" => "CIS".to_owned(),
        "nist-800-53" => "NIST".to_owned(),
        other => framework_name(other).to_owned(),
    };
    frameworks
        .iter()
        .map(|(framework, ids)| (Ink::Dim, format!("{} {}", name(framework), ids.join(", "))))
        .collect()
}
