//! A run as SARIF 2.1.0, for code-scanning services.
//!
//! A violation is a result of kind `fail`; an unknown is of kind `open` ("insufficient information to decide
//! whether a problem exists", SARIF 2.1.0 §3.27.9); an excepted one is a failure with a suppression. What is
//! proved is not a result: it would be one for each resource and guarantee.

use std::collections::BTreeSet;

use diagnostics::render::sarif::{self, Kind, Rule, SarifResult};
use estate::Estate;
use prove::{Exception, Finding, Guarantee, Level, Verdict, controls};
use serde_json::{Value, json};

use super::{Reported, fold};

/// The whole run.
#[must_use]
pub fn sarif(run: &Reported<'_>) -> Value {
    let mut rules = Vec::new();
    let mut results = Vec::new();
    if let Some((estate, report)) = run.judged {
        for checked in &report.guarantees {
            rules.push(rule_of(checked.guarantee));
            let level = checked.guarantee.level;
            results.extend(checked.findings.iter().map(|finding| result(run, estate, level, finding)));
        }
    }
    let said: BTreeSet<&str> = run.diagnostics.iter().map(|item| item.code.0).collect();
    let codes = run.codes.iter().filter(|info| said.contains(info.code.0));
    rules.extend(codes.map(|info| Rule {
        id: info.code.0.to_owned(),
        title: info.title.to_owned(),
        help: info.explanation.to_owned(),
        properties: None,
    }));
    results.extend(sarif::results(run.diagnostics));
    sarif::log(run.version, &rules, &results, run.sources)
}

fn rule_of(guarantee: &Guarantee) -> Rule {
    let mut tags: Vec<Value> = vec!["security".into()];
    tags.extend(controls::served_by(guarantee.id).map(|control| {
        let name = format!("{}/{}", control.framework, control.id);
        Value::from(name)
    }));
    // Code-scanning services order results by a number between 0 and 10.
    let severity = match guarantee.level {
        Level::Critical => "9.5",
        Level::High => "8.0",
        Level::Medium => "5.5",
        Level::Low => "3.0",
    };
    let help = ["What is guaranteed", "Why", "How to mend it", "Sources"].map(|heading| {
        let body = guarantee.section(heading);
        format!("## {heading}\n{body}\n")
    });
    Rule {
        id: guarantee.id.to_owned(),
        title: guarantee.title.to_owned(),
        help: help.join("\n"),
        properties: Some(
            json!({ "security-severity": severity, "level": guarantee.level.word(), "tags": tags }),
        ),
    }
}

fn result(run: &Reported<'_>, estate: &Estate, level: Level, finding: &Finding) -> SarifResult {
    let mut message = finding.message.clone();
    if let Some(witness) = &finding.witness {
        message.push_str(&format!(". Witness: {}", fold::sentence(witness)));
    }
    if let Some(fix) = &finding.fix {
        message.push_str(&format!(". Fix: {fix}"));
    }
    let exception = finding.exception.and_then(|at| run.exceptions.get(at));
    let suppression = exception.filter(|_| finding.verdict == Verdict::Excepted).map(|exception| {
        let Exception { reason, expires, owner, .. } = exception;
        format!("{reason} (until {expires}, owner {owner})")
    });
    SarifResult {
        rule: finding.guarantee.to_owned(),
        kind: if finding.verdict == Verdict::Unknown { Kind::Open } else { Kind::Fail },
        level: match level {
            Level::Critical | Level::High => "error",
            Level::Medium => "warning",
            Level::Low => "note",
        },
        message,
        span: finding.span,
        related: finding.related.clone(),
        logical_name: Some(finding.subject.path(estate)),
        suppression,
    }
}
