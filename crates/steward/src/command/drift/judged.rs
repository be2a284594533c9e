//! Drift, and who answers for it.
//!
//! In: a [`Report`] and the exceptions to drift. Out: what counts, what is excepted until a day, and exceptions that ran out or cover nothing.
//! Always: an exception for a property covers that property and no other; what ran out counts again.

use deploy::drift::{Drift, Report, What};
use prove::{Date, Exception};

/// What differs, with who answers for it.
pub(super) struct Judged<'a> {
    /// What counts.
    pub open: Vec<Drift>,
    /// What may stay, with the exception that says so.
    pub excepted: Vec<(Drift, &'a Exception)>,
    /// Exceptions that would cover something and have run out.
    pub expired: Vec<&'a Exception>,
    /// Exceptions that cover nothing.
    pub unused: Vec<&'a Exception>,
}

/// `account/region/stack/resource`; of what nobody declared `account/region/type/id`.
pub(super) fn path(drift: &Drift) -> String {
    match drift.what {
        What::Undeclared => format!("{}/{}/{}", drift.stack, drift.kind, drift.id),
        _ => format!("{}/{}", drift.stack, drift.logical_id),
    }
}

impl<'a> Judged<'a> {
    /// Judges what was found.
    pub(super) fn of(report: &Report, exceptions: &'a [Exception], today: Date) -> Self {
        let mut used = vec![false; exceptions.len()];
        let mut expired: Vec<&'a Exception> = Vec::new();
        // The exception that covers a path and still counts; those that ran out are remembered.
        let mut covers = |path: &str, id: &str| {
            let mut found = None;
            for (at, exception) in exceptions.iter().enumerate().filter(|(_, it)| it.covers(path, id)) {
                if let Some(used) = used.get_mut(at) {
                    *used = true;
                }
                if today <= exception.expires {
                    found = found.or(Some(exception));
                } else if !expired.iter().any(|known| std::ptr::eq(*known, exception)) {
                    expired.push(exception);
                }
            }
            found
        };
        let (mut open, mut excepted) = (Vec::new(), Vec::new());
        for drift in &report.drifts {
            let whole = path(drift);
            if let Some(exception) = covers(&whole, &drift.logical_id) {
                excepted.push((drift.clone(), exception));
                continue;
            }
            let What::Differs(properties) = &drift.what else {
                open.push(drift.clone());
                continue;
            };
            let mut left = Vec::new();
            for property in properties {
                match covers(&format!("{whole}/{}", property.0), "") {
                    Some(exception) => {
                        let what = What::Differs(vec![property.clone()]);
                        excepted.push((Drift { what, ..drift.clone() }, exception));
                    }
                    None => left.push(property.clone()),
                }
            }
            if !left.is_empty() {
                open.push(Drift { what: What::Differs(left), ..drift.clone() });
            }
        }
        let unused = exceptions.iter().zip(used).filter(|(_, used)| !used).map(|(it, _)| it).collect();
        Self { open, excepted, expired, unused }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use deploy::Place;
    use diagnostics::Span;
    use serde_json::json;

    use super::*;

    fn report() -> Report {
        let property = |name: &str| (name.to_owned(), Some(json!(true)), Some(json!(false)));
        let drift = Drift {
            place: Place::new("111122223333".to_owned(), "us-east-1".to_owned()),
            stack: "prod/us-east-1/data".to_owned(),
            logical_id: "Records".to_owned(),
            kind: "AWS::RDS::DBInstance".to_owned(),
            id: "records".to_owned(),
            what: What::Differs(vec![property("DeletionProtection"), property("PubliclyAccessible")]),
            by: None,
            of_fleet: false,
            seen: deploy::drift::Seen::Read,
        };
        Report { checked: 1, drifts: vec![drift], ..Report::default() }
    }

    fn exception(subjects: &str, until: &str) -> Exception {
        Exception {
            guarantee: "drift".to_owned(),
            subjects: vec![subjects.to_owned()],
            owner: "jo@acme.example".to_owned(),
            reason: "a test".to_owned(),
            expires: Date::parse(until).unwrap(),
            span: Span::NONE,
        }
    }

    fn judge(exceptions: &[Exception]) -> (usize, usize, usize, usize) {
        let judged = Judged::of(&report(), exceptions, Date::parse("2026-11-27").unwrap());
        let properties = |drift: &Drift| if let What::Differs(all) = &drift.what { all.len() } else { 0 };
        let open = judged.open.iter().map(properties).sum();
        (open, judged.excepted.len(), judged.expired.len(), judged.unused.len())
    }

    #[test]
    fn an_exception_covers_what_it_names_until_its_day() {
        let property = "prod/us-east-1/data/Records/DeletionProtection";
        assert_eq!(judge(&[]), (2, 0, 0, 0));
        assert_eq!(judge(&[exception(property, "2026-11-27")]), (1, 1, 0, 0));
        assert_eq!(judge(&[exception(property, "2026-11-26")]), (2, 0, 1, 0));
        assert_eq!(
            judge(&[exception(property, "2026-11-26"), exception(property, "2027-01-01")]),
            (1, 1, 1, 0)
        );
        assert_eq!(judge(&[exception("prod/us-east-1/data/Records", "2027-01-01")]), (0, 1, 0, 0));
        assert_eq!(judge(&[exception("Records", "2027-01-01")]), (0, 1, 0, 0));
        assert_eq!(judge(&[exception("prod/us-east-1/data/Other/*", "2027-01-01")]), (2, 0, 0, 1));
    }
}
