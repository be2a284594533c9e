//! Running all guarantees and what comes of it.

use catalog::Catalog;
use diagnostics::{Diagnostic, Diagnostics, Span, codes};
use estate::Estate;
use rayon::prelude::*;

use crate::{Exception, Facts, Finding, Findings, Guarantee, Options, Subject, Verdict};

codes! {
    UNUSED_EXCEPTION = "PRV0001", "an exception covers nothing",
        "The exception's guarantee holds wherever its subjects are, or no such subject exists. Remove it: an \
         exception that nobody needs would silence the next fault at that place.";
    UNKNOWN_GUARANTEE = "PRV0002", "an exception names a guarantee that does not exist",
        "`steward explain` without argument lists all guarantees.";
}

/// Everything that was said about an estate.
#[derive(Debug)]
pub struct Report {
    /// One for each guarantee that was checked, in the order of [`crate::guarantees::ALL`].
    pub guarantees: Vec<Checked>,
    /// What is to be said of the exceptions themselves.
    pub diagnostics: Diagnostics,
}

/// What one guarantee's check said.
#[derive(Debug)]
pub struct Checked {
    /// The guarantee.
    pub guarantee: &'static Guarantee,
    /// Subjects of which it was proved.
    pub proved: Vec<Subject>,
    /// How many more times it was proved of the estate as a whole than `proved` lists.
    pub repeated: usize,
    /// All other verdicts, sorted by place.
    pub findings: Vec<Finding>,
}

/// How many subjects have which verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Proved.
    pub proved: usize,
    /// Excepted.
    pub excepted: usize,
    /// Unknown.
    pub unknown: usize,
    /// Violated.
    pub violated: usize,
}

impl Checked {
    /// The verdicts counted.
    #[must_use]
    pub fn count(&self) -> Count {
        let of = |verdict| self.findings.iter().filter(|finding| finding.verdict == verdict).count();
        Count {
            proved: self.proved.len() + self.repeated,
            excepted: of(Verdict::Excepted),
            unknown: of(Verdict::Unknown),
            violated: of(Verdict::Violated),
        }
    }

    /// The worst verdict; `None` when the guarantee has no subject in this estate.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        let worst = self.findings.iter().map(|finding| finding.verdict).max();
        worst.or((!self.proved.is_empty()).then_some(Verdict::Proved))
    }
}

impl Report {
    /// The verdicts of all guarantees counted.
    #[must_use]
    pub fn count(&self) -> Count {
        self.guarantees.iter().map(Checked::count).fold(Count::default(), |sum, each| Count {
            proved: sum.proved + each.proved,
            excepted: sum.excepted + each.excepted,
            unknown: sum.unknown + each.unknown,
            violated: sum.violated + each.violated,
        })
    }

    /// All findings, in order of guarantee and place.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.guarantees.iter().flat_map(|checked| &checked.findings)
    }
}

/// Checks `guarantees` of an estate; violations that an exception covers are excepted while it counts.
#[must_use]
pub fn check(
    estate: &Estate,
    guarantees: &'static [&'static Guarantee],
    catalog: &Catalog,
    options: &Options,
    exceptions: &[Exception],
) -> Report {
    let facts = Facts::new(estate, catalog, options);
    let mut guarantees: Vec<(usize, Checked)> = in_order_of_work(guarantees)
        .into_par_iter()
        .with_max_len(1)
        .map(|(at, guarantee)| {
            let mut findings = Findings::new(guarantee.id);
            (guarantee.check)(&facts, &mut findings);
            if crate::guarantees::OF_DEPLOYMENT.contains(&guarantee.id) {
                leave_out_existing(estate, &mut findings);
            }
            doubt_macros(estate, &mut findings);
            let Findings { proved, repeated, mut findings, .. } = findings;
            findings.sort_by(|a, b| (a.span, a.subject, &a.message).cmp(&(b.span, b.subject, &b.message)));
            (at, Checked { guarantee, proved, repeated, findings })
        })
        .collect();
    guarantees.sort_by_key(|(at, _)| *at);
    let mut guarantees: Vec<Checked> = guarantees.into_iter().map(|(_, checked)| checked).collect();
    let mut diagnostics = apply(exceptions, &mut guarantees, estate, options);
    facts
        .network_if_asked()
        .into_iter()
        .flat_map(|network| network.mistakes())
        .for_each(|mistake| diagnostics.push(mistake));
    Report { guarantees, diagnostics }
}

/// Guarantees with their places: one that asks the network engine first, as all of its kind wait for that one, and the
/// others of its kind last.
fn in_order_of_work(guarantees: &'static [&'static Guarantee]) -> Vec<(usize, &'static &'static Guarantee)> {
    let asks =
        |guarantee: &Guarantee| crate::guarantees::network::ASKS.iter().any(|(id, _)| *id == guarantee.id);
    let first = guarantees.iter().position(|guarantee| asks(guarantee));
    let mut order: Vec<_> = guarantees.iter().enumerate().collect();
    order.sort_by_key(|(at, guarantee)| (Some(*at) != first, asks(guarantee)));
    order
}

/// What exists already is not deployed.
fn leave_out_existing(estate: &Estate, findings: &mut Findings) {
    let exists = |subject: &Subject| {
        let resource = estate.stack(subject.stack?)?.resources.get_index(subject.resource? as usize)?;
        resource.1.observed()
    };
    findings.proved.retain(|subject| exists(subject).is_none());
    findings.findings.retain(|finding| exists(&finding.subject).is_none());
}

/// Whatever is said of a template that a macro rewrites may be different of what is deployed.
fn doubt_macros(estate: &Estate, findings: &mut Findings) {
    let rewritten = |subject: &Subject| estate.stack(subject.stack?)?.macros.first();
    let proved = std::mem::take(&mut findings.proved);
    for subject in proved {
        let Some(name) = rewritten(&subject) else {
            findings.proved.push(subject);
            continue;
        };
        let span = subject.resource_in(estate).map_or(Span::NONE, |(_, resource)| resource.origin.span);
        let message = format!("it holds of what is written, which macro `{name}` may change");
        findings.add(subject, Verdict::Unknown, span, message);
    }
    for finding in &mut findings.findings {
        if let (Verdict::Violated, Some(name)) = (finding.verdict, rewritten(&finding.subject)) {
            finding.verdict = Verdict::Unknown;
            finding.message.push_str(&format!(" (as it is written: macro `{name}` may change that)"));
        }
    }
}

fn apply(
    exceptions: &[Exception],
    checked: &mut [Checked],
    estate: &Estate,
    options: &Options,
) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    for (position, exception) in exceptions.iter().enumerate() {
        let Some(checked) = checked.iter_mut().find(|checked| checked.guarantee.id == exception.guarantee)
        else {
            let known = crate::guarantees::ALL.iter().map(|guarantee| guarantee.id);
            let text = format!("there is no guarantee `{}`", exception.guarantee);
            let help = diagnostics::did_you_mean(&exception.guarantee, known);
            diagnostics.push(Diagnostic::error(UNKNOWN_GUARANTEE, exception.span, text).maybe_help(help));
            continue;
        };
        let mut used = false;
        for finding in &mut checked.findings {
            let (path, id) = names(estate, finding.subject);
            if finding.verdict == Verdict::Proved || !exception.covers(&path, &id) {
                continue;
            }
            used = true;
            // What is unknown stays unknown: nobody can answer for what nobody has seen.
            finding.exception = Some(position);
            if finding.verdict == Verdict::Violated && options.today <= exception.expires {
                finding.verdict = Verdict::Excepted;
            }
        }
        if !used {
            let text = format!("this exception to `{}` covers nothing", exception.guarantee);
            diagnostics.push(Diagnostic::warning(UNUSED_EXCEPTION, exception.span, text).help("remove it"));
        }
    }
    diagnostics
}

/// `account/region/stack/resource` and the logical id of a subject.
pub(crate) fn names(estate: &Estate, subject: Subject) -> (String, String) {
    let Some(stack) = subject.stack else { return (estate.name.to_string(), String::new()) };
    let path = estate.stack_path(stack);
    let id = subject
        .resource
        .and_then(|at| estate.stack(stack)?.resources.get_index(at as usize))
        .map_or_else(String::new, |(id, _)| id.to_string());
    (if id.is_empty() { path } else { format!("{path}/{id}") }, id)
}

impl Subject {
    /// `account/region/stack/resource` for people.
    #[must_use]
    pub fn path(self, estate: &Estate) -> String {
        names(estate, self).0
    }

    /// The logical id and type of the resource, where the subject is one.
    #[must_use]
    pub fn resource_in(self, estate: &Estate) -> Option<(&smol_str::SmolStr, &estate::Resource)> {
        estate.stack(self.stack?)?.resources.get_index(self.resource? as usize)
    }
}
