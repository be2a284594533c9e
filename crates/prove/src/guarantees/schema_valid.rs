//! Every resource fits the schema of its type.
//!
//! Source: the CloudFormation registry's resource schemas, as the catalog has them; `estate::validate` decides.

use std::collections::BTreeMap;

use estate::validate::{Finding as Fault, Outcome, check as validate};

use crate::{Facts, Findings, Guarantee, Level, Subject, Verdict, Witness};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "schema-valid",
    title: "every resource fits the schema of its type",
    level: Level::High,
    page: include_str!("../../../../docs/guarantees/schema-valid.md"),
    check,
};

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let validation = validate(facts.estate, facts.catalog);
    let mut faults: BTreeMap<(u32, &str), Vec<&Fault>> = BTreeMap::new();
    for fault in &validation.findings {
        faults.entry((fault.stack.0, fault.resource.as_str())).or_default().push(fault);
    }
    for subject in facts.index.all() {
        match faults.get(&(subject.stack_id.0, subject.id.as_str())) {
            Some(faults) => faults.iter().for_each(|fault| tell(fault, Subject::of(subject), findings)),
            None => findings.proved(subject),
        }
    }
}

fn tell(fault: &Fault, subject: Subject, findings: &mut Findings) {
    let path = fault.path.trim_start_matches('/');
    // A property of the resource itself is named in the sentence already.
    let place = if path.is_empty() || fault.message.contains(&format!("`{path}`")) {
        String::new()
    } else {
        format!(" at {path}")
    };
    let mut message = format!("{}{place}", fault.message);
    // What is wrong only under a condition that may be either way depends on what is not known.
    let verdict = match (fault.outcome, &fault.when) {
        (Outcome::Invalid, None) => Verdict::Violated,
        (Outcome::Invalid, Some(when)) => {
            message = format!("{message} {when}");
            Verdict::Unknown
        }
        (Outcome::Undecided | Outcome::Valid, _) => Verdict::Unknown,
    };
    // What is undecided says by itself what it depends on.
    if !fault.symbols.is_empty() && fault.outcome != Outcome::Undecided {
        let symbols: Vec<String> = fault.symbols.iter().map(|symbol| format!("`{symbol}`")).collect();
        message = format!("{message}; it depends on {}", symbols.join(", "));
    }
    let finding = findings.add(subject, verdict, fault.span, message);
    if verdict == Verdict::Violated {
        finding.witness(Witness::Setting {
            path: fault.path.trim_start_matches('/').to_owned(),
            found: fault.message.clone(),
        });
    }
    if let Some(fix) = fault.help.as_ref().or(fault.expected.as_ref()) {
        finding.fix(fix.clone());
    }
}
