//! `steward drift`: what differs from what was deployed, who did it, and how much was looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use deploy::Depth;
use deploy::drift::{Drift, Report, What};
use deploy::patience::{Patience, Patient};
use diagnostics::render::{Ink, Style, cut};
use prove::Date;
use serde_json::{Value, json};

use super::apply::{Does, ago, carry_out};
use super::deploy::{cloud_failed, inventory, now, open, order, wanted};
use crate::Ending;
use crate::cli::{Drift as Options, Format, Global};
use crate::terminal::{print, style};

/// Runs it.
pub fn run(global: &Global, options: &Options, today: Date) -> Ending {
    match looked(global, options, today) {
        Ok(ending) | Err(ending) => ending,
    }
}

fn looked(global: &Global, options: &Options, today: Date) -> Result<Ending, Ending> {
    let cloud = open(global, &options.cloud)?;
    let cloud = cloud.as_ref();
    let wanted = wanted(global, &options.path, cloud, today)?;
    let there = inventory(global, cloud, wanted.estate(), Some(&wanted.desired), Depth::Resources)?;
    let patience = Patience::usual(now());
    let report = deploy::drift::look(&Patient::new(cloud, &patience), &there)
        .map_err(|error| cloud_failed(global, &error))?;
    match global.format {
        Format::Text | Format::Markdown => print(&text(&report, style(global), global.verbose)),
        _ => print(&format!("{:#}\n", as_json(&report))),
    }
    if !options.repair || report.drifts.is_empty() {
        let differs = options.exit_code && !report.drifts.is_empty();
        return Ok(if differs { Ending::DoesNotHold } else { Ending::Good });
    }
    // A stack is brought back as a whole; what a stack set made, and what nobody declared, is not ours to touch.
    let mut stacks = BTreeSet::new();
    let mut left = Vec::new();
    for drift in &report.drifts {
        let stateful =
            catalog::Catalog::shared().resource_type(&drift.kind).is_some_and(|it| it.is_stateful());
        match &drift.what {
            _ if drift.of_fleet => {
                left.push((drift, "a stack set made its stack: apply again once its template changes"))
            }
            What::Undeclared => {
                left.push((drift, "nobody declared it: delete it, or adopt it into a template"))
            }
            What::Gone if stateful && !options.allow.iter().any(|word| word == "recreate") => {
                left.push((drift, "a new one would be empty: --allow recreate"));
            }
            What::Differs(paths)
                if only_when_made(&drift.kind, paths)
                    && !options.allow.iter().any(|word| word == "recreate") =>
            {
                left.push((drift, "bringing it back replaces it, with what it holds: --allow recreate"));
            }
            _ => {
                stacks.insert(drift.stack.clone());
            }
        }
    }
    for (drift, why) in &left {
        print(&format!("left alone: {} {} ({why})\n", drift.kind, drift.id));
    }
    if stacks.is_empty() {
        return Ok(Ending::DoesNotHold);
    }
    let only: Vec<String> = stacks.iter().cloned().collect();
    let plan = order(global, &wanted, &there, &only, &[], &stacks)?;
    let does = Does { word: "repair", revert_drift: true };
    let ending = carry_out(global, cloud, Some(&wanted), &plan, &there, &options.running, &[], &does)?;
    Ok(if left.is_empty() { ending } else { Ending::DoesNotHold })
}

/// Whether one of the properties can only be said when a resource is made.
fn only_when_made(kind: &str, paths: &[(String, Option<Value>, Option<Value>)]) -> bool {
    let schema = catalog::Catalog::shared().resource_type(kind);
    let fixed = schema.into_iter().flat_map(|schema| {
        let (always, sometimes) = (schema.create_only().list(), schema.conditional_create_only().list());
        always.iter().chain(sometimes)
    });
    // A path of the schema and one of the drift: one is the beginning of the other.
    let fixed: Vec<String> = fixed.map(ToString::to_string).collect();
    paths.iter().any(|(path, ..)| {
        let begins = |long: &str, short: &str| long == short || long.starts_with(&format!("{short}/"));
        fixed.iter().any(|fixed| begins(path, fixed) || begins(fixed, path))
    })
}

/// Drifts of one cause: the same property of the same kind of resource, by the same person.
fn cause(drift: &Drift) -> (String, String, String) {
    let what = match &drift.what {
        What::Differs(paths) => {
            let paths: Vec<&str> = paths.iter().map(|(path, ..)| path.as_str()).collect();
            format!("changed {}", paths.join(", "))
        }
        What::Gone => "deleted".to_owned(),
        What::Undeclared => "declared by nobody".to_owned(),
    };
    let by = drift.by.as_ref().map_or_else(String::new, |event| event.who.clone());
    (what, drift.kind.clone(), by)
}

fn text(report: &Report, look: Style, all: bool) -> String {
    let mut out = String::new();
    let mut groups: BTreeMap<(String, String, String), Vec<&Drift>> = BTreeMap::new();
    for drift in &report.drifts {
        groups.entry(cause(drift)).or_default().push(drift);
    }
    for ((what, kind, by), drifts) in &groups {
        let glyph = look.paint(Ink::Bad, look.glyph("✗", "x"));
        let count = if drifts.len() > 1 { format!("{} × ", drifts.len()) } else { String::new() };
        let _ = writeln!(out, "{glyph} {} {count}{what}", look.paint(Ink::Strong, kind));
        let event = drifts.iter().filter_map(|drift| drift.by.as_ref()).max_by_key(|event| event.at_ms);
        let who = match event {
            Some(event) => {
                let when = ago(now().saturating_sub(event.at_ms / 1000));
                format!("by {by}, {when}, with {}", event.action)
            }
            None => "the trail does not say who".to_owned(),
        };
        let _ = writeln!(out, "    {}", look.paint(Ink::Dim, &who));
        let most = if all { usize::MAX } else { 3 };
        for drift in drifts.iter().take(most) {
            let name = if drift.logical_id.is_empty() {
                drift.id.clone()
            } else {
                format!("{} ({})", drift.logical_id, drift.id)
            };
            let place = format!("    {} {name}", drift.stack);
            let _ = writeln!(out, "{}", cut(&place, look.width, look.glyph("…", "...")));
            if let What::Differs(paths) = &drift.what {
                for (path, wanted, found) in paths.iter().take(if all { usize::MAX } else { 4 }) {
                    let room = look.width.saturating_sub(8);
                    let value = |value: &Option<Value>| {
                        value.as_ref().map_or_else(|| "nothing".to_owned(), Value::to_string)
                    };
                    let line = format!("{path}: {} → {}", value(wanted), value(found));
                    let _ = writeln!(out, "        {}", cut(&line, room, look.glyph("…", "...")));
                }
            }
        }
        if drifts.len() > most {
            let _ = writeln!(out, "    … and {} more; -v shows them", drifts.len() - most);
        }
    }
    if !groups.is_empty() {
        out.push('\n');
    }
    let cannot: usize = report.not_checkable.values().sum();
    let head = if report.drifts.is_empty() {
        look.paint(Ink::Good, "nothing that was checked differs")
    } else {
        look.paint(Ink::Bad, &format!("{} resources differ, {} causes", report.drifts.len(), groups.len()))
    };
    let _ = writeln!(
        out,
        "{head} · {} checked · {cannot} not checkable · {} of others",
        report.checked, report.not_ours
    );
    for (why, count) in &report.not_checkable {
        let _ = writeln!(out, "    {}", look.paint(Ink::Doubt, &format!("{count} not checkable: {why}")));
    }
    if !report.drifts.is_empty() {
        let help = "`steward drift --repair` brings back what the templates say; to keep a change, write it into the blueprint and apply";
        for line in diagnostics::render::wrap(help, look.width) {
            let _ = writeln!(out, "{}", look.paint(Ink::Dim, &line));
        }
    }
    out
}

fn as_json(report: &Report) -> Value {
    let drifts = report.drifts.iter().map(|drift| {
        let (what, paths) = match &drift.what {
            What::Differs(paths) => ("differs", paths.as_slice()),
            What::Gone => ("gone", [].as_slice()),
            What::Undeclared => ("undeclared", [].as_slice()),
        };
        let properties = paths.iter().map(|(path, wanted, found)| json!({ "path": path, "deployed": wanted, "found": found }));
        json!({ "stack": drift.stack, "logicalId": drift.logical_id, "type": drift.kind, "id": drift.id, "what": what,
                "account": drift.place.account, "region": drift.place.region, "ofStackSet": drift.of_fleet,
                "properties": properties.collect::<Vec<_>>(),
                "by": drift.by.as_ref().map(|event| json!({ "who": event.who, "action": event.action, "atMs": event.at_ms })) })
    });
    json!({ "schema": "steward-drift/1", "checked": report.checked, "notCheckable": report.not_checkable,
            "notOurs": report.not_ours, "drifts": drifts.collect::<Vec<_>>() })
}
