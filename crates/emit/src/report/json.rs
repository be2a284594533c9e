//! A run as JSON. The format is documented in `docs/commands.md`; a field is added without notice, but none
//! is renamed, removed or given another meaning without a new number in `schema`.

use diagnostics::render::json as diagnostic;
use estate::Estate;
use prove::controls::{self, Control};
use prove::{Count, Date, Exception, Finding, Subject, Witness};
use serde_json::{Map, Value, json};

use super::{Reported, Summary, decide};

/// The name and number of the format.
const SCHEMA: &str = "steward-report/1";

/// The whole run; with `every`, also the subjects of which something is proved.
#[must_use]
pub fn json(run: &Reported<'_>, every: bool) -> Value {
    let summary = Summary::of(run);
    let mut out = json!({
        "schema": SCHEMA,
        "version": run.version,
        "subject": run.subject,
        "asOf": run.today.to_string(),
        "outcome": summary.outcome().word(),
    });
    let Some(map) = out.as_object_mut() else { return out };
    let estate = run.judged.map(|(estate, _)| {
        json!({
            "name": estate.name.as_str(),
            "accounts": summary.accounts,
            "regions": summary.regions,
            "stacks": summary.stacks,
            "resources": summary.resources,
        })
    });
    map.insert("estate".into(), estate.unwrap_or_default());
    map.insert("counts".into(), counts(&summary));
    map.insert("guarantees".into(), guarantees(run, every));
    map.insert("findings".into(), findings(run));
    map.insert("exceptions".into(), exceptions(run));
    map.insert("diagnostics".into(), diagnostic::all(run.diagnostics, run.sources));
    map.insert("diagnosticsOmitted".into(), run.diagnostics.omitted().into());
    let catalog: Value = run
        .catalog
        .iter()
        .map(|from| {
            json!({
                "package": from.package,
                "registry": from.registry,
                "version": from.version,
                "licence": from.licence,
                "date": from.date,
            })
        })
        .collect();
    map.insert("catalog".into(), catalog);
    out
}

fn counts(summary: &Summary) -> Value {
    let count = |count: Count| {
        let Count { proved, excepted, unknown, violated } = count;
        json!({ "proved": proved, "excepted": excepted, "unknown": unknown, "violated": violated })
    };
    let mut guarantees = count(summary.guarantees);
    if let Some(map) = guarantees.as_object_mut() {
        map.insert("withoutSubject".into(), summary.without_subject.into());
    }
    json!({
        "guarantees": guarantees,
        "subjects": count(summary.subjects),
        "errors": summary.errors,
        "warnings": summary.warnings,
    })
}

fn guarantees(run: &Reported<'_>, every: bool) -> Value {
    let Some((estate, report)) = run.judged else { return json!([]) };
    report
        .guarantees
        .iter()
        .map(|checked| {
            let Count { proved, excepted, unknown, violated } = checked.count();
            let mut one = json!({
                "id": checked.guarantee.id,
                "title": checked.guarantee.title,
                "level": checked.guarantee.level.word(),
                "verdict": checked.verdict().map(prove::Verdict::word),
                "counts": {
                    "proved": proved, "excepted": excepted, "unknown": unknown, "violated": violated,
                },
                "controls": controls::served_by(checked.guarantee.id).map(control).collect::<Value>(),
            });
            if let Some(map) = one.as_object_mut().filter(|_| every) {
                let proved = checked.proved.iter().map(|proved| subject(estate, *proved));
                map.insert("proved".into(), proved.collect());
            }
            one
        })
        .collect()
}

fn control(control: &Control) -> Value {
    json!({ "framework": control.framework, "id": control.id, "title": control.title })
}

fn findings(run: &Reported<'_>) -> Value {
    let Some((estate, report)) = run.judged else { return json!([]) };
    let mut out = Vec::new();
    for checked in &report.guarantees {
        for finding in &checked.findings {
            let mut one = finding_of(run, estate, finding);
            if let Some(map) = one.as_object_mut() {
                map.insert("level".into(), checked.guarantee.level.word().into());
            }
            out.push(one);
        }
    }
    out.into()
}

fn finding_of(run: &Reported<'_>, estate: &Estate, finding: &Finding) -> Value {
    let mut out = Map::new();
    out.insert("guarantee".into(), finding.guarantee.into());
    out.insert("verdict".into(), finding.verdict.word().into());
    out.insert("subject".into(), subject(estate, finding.subject));
    out.insert("message".into(), finding.message.as_str().into());
    out.insert("place".into(), diagnostic::place(finding.span, run.sources));
    let related = finding
        .related
        .iter()
        .map(|(span, label)| json!({ "label": label, "place": diagnostic::place(*span, run.sources) }))
        .collect();
    out.insert("related".into(), related);
    out.insert("witness".into(), finding.witness.as_ref().map(witness).unwrap_or_default());
    out.insert("fix".into(), finding.fix.as_deref().into());
    out.insert("exception".into(), finding.exception.into());
    if finding.verdict == prove::Verdict::Unknown {
        out.insert("decidedBy".into(), decide::parameters(estate, finding).into_iter().collect());
    }
    out.into()
}

/// What a verdict is about: `null` where a field does not apply.
fn subject(estate: &Estate, subject: Subject) -> Value {
    let stack = subject.stack.and_then(|id| estate.stack(id));
    let account = stack.and_then(|stack| estate.account(stack.account));
    let resource = subject.resource_in(estate);
    json!({
        "path": subject.path(estate),
        "account": account.map(|account| account.name.as_str()).filter(|name| !name.is_empty()),
        "region": stack.and_then(|stack| stack.region.as_deref()),
        "stack": stack.map(|stack| stack.name.as_str()),
        "resource": resource.map(|(id, _)| id.as_str()),
        "type": resource.map(|(_, resource)| resource.kind.as_str()),
    })
}

fn witness(witness: &Witness) -> Value {
    match witness {
        Witness::Setting { path, found } => json!({ "kind": "setting", "path": path, "found": found }),
        Witness::Request { principal, action, resource, circumstances } => json!({
            "kind": "request",
            "principal": principal,
            "action": action,
            "resource": resource,
            "circumstances": circumstances,
        }),
        Witness::Packet { source, destination, service } => {
            json!({ "kind": "packet", "source": source, "destination": destination, "service": service })
        }
        Witness::Event { happens, follows } => {
            json!({ "kind": "event", "happens": happens, "follows": follows })
        }
    }
}

fn exceptions(run: &Reported<'_>) -> Value {
    let used = |at: usize| {
        let findings = run.judged.into_iter().flat_map(|(_, report)| report.findings());
        findings.filter(|finding| finding.exception == Some(at)).count()
    };
    let one = |(at, exception): (usize, &Exception)| {
        json!({
            "guarantee": exception.guarantee,
            "subjects": exception.says(),
            "owner": exception.owner,
            "reason": exception.reason,
            "expires": exception.expires.to_string(),
            "daysLeft": days_left(run.today, exception),
            "findings": used(at),
            "place": diagnostic::place(exception.span, run.sources),
        })
    };
    run.exceptions.iter().enumerate().map(one).collect()
}

/// Days after `today` on which the exception still counts; negative when it has expired.
pub(super) fn days_left(today: Date, exception: &Exception) -> i64 {
    exception.expires.unix_days() - today.unix_days()
}
