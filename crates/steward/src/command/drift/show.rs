//! Drift as people and programs see it.
//!
//! In: what was found and judged. Out: text or JSON. Always: the denominator is shown: checked, not checkable with the reasons, of others.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use deploy::drift::{Drift, Report, Seen, What};
use diagnostics::render::{Ink, Style, cut, wrap};
use prove::Exception;
use serde_json::{Value, json};

use super::accept::Accepted;
use super::judged::Judged;
use crate::command::apply::ago;
use crate::command::deploy::now;
use crate::edit::differing;

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

/// What is to be said of who saw it.
fn note(seen: Seen) -> Option<&'static str> {
    match seen {
        Seen::Read | Seen::Both => None,
        Seen::Detection => Some("seen by CloudFormation's own detection; Cloud Control could not tell"),
        Seen::ReadOnly => Some("seen by reading it; CloudFormation's own detection calls it in sync"),
        Seen::DetectionOnly => {
            Some("seen by CloudFormation's own detection; read by Cloud Control it is as it should be")
        }
    }
}

fn word(seen: Seen) -> &'static str {
    match seen {
        Seen::Read => "read",
        Seen::Detection => "detection",
        Seen::Both => "both",
        Seen::ReadOnly => "read-not-detection",
        Seen::DetectionOnly => "detection-not-read",
    }
}

/// How much was looked at twice, where there was a second look.
fn looks(report: &Report) -> String {
    match (report.twice, report.detected) {
        (0, 0) => String::new(),
        (twice, 0) => format!(" ({twice} of them twice)"),
        (twice, detected) => {
            format!(" ({twice} of them twice, {detected} by CloudFormation's own detection only)")
        }
    }
}

pub(super) fn text(report: &Report, judged: &Judged<'_>, look: Style, all: bool) -> String {
    let mut out = String::new();
    let mut groups: BTreeMap<(String, String, String), Vec<&Drift>> = BTreeMap::new();
    for drift in &judged.open {
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
        let notes: std::collections::BTreeSet<&str> = drifts.iter().filter_map(|it| note(it.seen)).collect();
        for line in notes.iter().flat_map(|note| wrap(note, look.width.saturating_sub(4))) {
            let _ = writeln!(out, "    {}", look.paint(Ink::Doubt, &line));
        }
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
    excepted(&mut out, judged, look);
    let cannot: usize = report.not_checkable.values().sum();
    let head = if !judged.open.is_empty() {
        look.paint(Ink::Bad, &differs(judged.open.len(), groups.len()))
    } else if judged.excepted.is_empty() {
        look.paint(Ink::Good, "nothing that was checked differs")
    } else {
        look.paint(Ink::Good, "nothing that was checked differs but what is excepted")
    };
    let _ = writeln!(
        out,
        "{head} · {} checked{} · {cannot} not checkable · {} of others",
        report.checked,
        looks(report),
        report.not_ours
    );
    for (why, count) in &report.undetected {
        let _ = writeln!(
            out,
            "    {}",
            look.paint(Ink::Doubt, &format!("{count} stacks without a second look: {why}"))
        );
    }
    for (why, count) in &report.not_checkable {
        let _ = writeln!(out, "    {}", look.paint(Ink::Doubt, &format!("{count} not checkable: {why}")));
    }
    if !judged.open.is_empty() {
        let help = "`--repair` brings back what the templates say; `--accept PATTERN` shows the edit of the blueprint that keeps a change; \
                    `--except PATTERN` lets it be until a day";
        for line in wrap(help, look.width) {
            let _ = writeln!(out, "{}", look.paint(Ink::Dim, &line));
        }
    }
    out
}

fn differs(resources: usize, causes: usize) -> String {
    let (s, es) = if resources == 1 { ("", "s") } else { ("s", "") };
    format!("{resources} resource{s} differ{es}, {causes} cause{}", if causes == 1 { "" } else { "s" })
}

/// What may stay, and exceptions that do nothing any more.
fn excepted(out: &mut String, judged: &Judged<'_>, look: Style) {
    let mut by: Vec<(&Exception, usize)> = Vec::new();
    for (_, exception) in &judged.excepted {
        match by.iter_mut().find(|(known, _)| std::ptr::eq(*known, *exception)) {
            Some((_, count)) => *count += 1,
            None => by.push((exception, 1)),
        }
    }
    for (exception, count) in &by {
        let glyph = look.paint(Ink::Doubt, look.glyph("~", "~"));
        let plural = if *count == 1 { "" } else { "s" };
        let head = format!(
            "{count} difference{plural} excepted until {}, by {}",
            exception.expires, exception.owner
        );
        let _ = writeln!(out, "{glyph} {head}");
        for line in wrap(&format!("{}: {}", exception.says(), exception.reason), look.width.saturating_sub(4))
        {
            let _ = writeln!(out, "    {}", look.paint(Ink::Dim, &line));
        }
    }
    for exception in &judged.expired {
        let text = format!(
            "the exception for {} ran out on {}: it counts again",
            exception.says(),
            exception.expires
        );
        let _ = writeln!(out, "{}", look.paint(Ink::Doubt, &text));
    }
    for exception in &judged.unused {
        let text = format!("the exception for {} covers nothing: remove it", exception.says());
        let _ = writeln!(out, "{}", look.paint(Ink::Doubt, &text));
    }
    if !(by.is_empty() && judged.expired.is_empty() && judged.unused.is_empty()) {
        out.push('\n');
    }
}

/// Lines that differ, file by file.
pub(super) fn lines(files: &[(String, String, String)], look: Style) -> String {
    let mut out = String::new();
    for (name, before, after) in files {
        let _ = writeln!(out, "{}", look.paint(Ink::Strong, name));
        for (mark, number, line) in differing(before, after) {
            let ink = if mark == '+' { Ink::Good } else { Ink::Bad };
            let _ = writeln!(out, "{number:>5} {}", look.paint(ink, &format!("{mark} {line}")));
        }
    }
    out
}

pub(super) fn lines_json(files: &[(String, String, String)]) -> Value {
    let all = files.iter().map(|(name, before, after)| {
        let lines = differing(before, after).into_iter();
        let lines =
            lines.map(|(mark, line, text)| json!({ "change": mark.to_string(), "line": line, "text": text }));
        json!({ "file": name, "lines": lines.collect::<Vec<_>>() })
    });
    json!({ "schema": "steward-edit/1", "files": all.collect::<Vec<_>>() })
}

/// What the blueprint would say.
pub(super) fn edits(accepted: &Accepted, look: Style) -> String {
    let mut out = String::new();
    for found in &accepted.found {
        let (glyph, says) = match &found.edit {
            Ok(0) => (
                look.paint(Ink::Good, look.glyph("✓", "ok")),
                "said by the edit below, which changes nothing else".to_owned(),
            ),
            Ok(others) => {
                let says = format!("said by the edit below, which changes {others} other resources too");
                (look.paint(Ink::Doubt, look.glyph("✓", "ok")), says)
            }
            Err(why) => (look.paint(Ink::Bad, look.glyph("✗", "x")), why.clone()),
        };
        let _ = writeln!(out, "{glyph} {}", found.subject);
        for line in wrap(&says, look.width.saturating_sub(4)) {
            let _ = writeln!(out, "    {}", look.paint(Ink::Dim, &line));
        }
    }
    for (id, before, now) in &accepted.turned {
        let word = |verdict: &Option<prove::Verdict>| verdict.map_or("without subject", prove::Verdict::word);
        let ink = if *now == Some(prove::Verdict::Violated) { Ink::Bad } else { Ink::Doubt };
        let _ = writeln!(out, "{id}: was {}, {}", word(before), look.paint(ink, word(now)));
    }
    if !accepted.files.is_empty() {
        out.push('\n');
    }
    out + &lines(&accepted.files, look)
}

pub(super) fn edits_json(accepted: &Accepted) -> Value {
    let found = accepted.found.iter().map(|found| match &found.edit {
        Ok(others) => json!({ "subject": found.subject, "accepted": true, "otherResources": others }),
        Err(why) => json!({ "subject": found.subject, "accepted": false, "why": why }),
    });
    let mut out = lines_json(&accepted.files);
    if let Some(map) = out.as_object_mut() {
        map.insert("subjects".to_owned(), found.collect());
        let turned = accepted.turned.iter().map(|(id, before, now)| {
            json!({ "guarantee": id, "before": before.map(prove::Verdict::word), "after": now.map(prove::Verdict::word) })
        });
        map.insert("guarantees".to_owned(), turned.collect());
    }
    out
}

pub(super) fn as_json(report: &Report, judged: &Judged<'_>) -> Value {
    let one = |drift: &Drift| {
        let (what, paths) = match &drift.what {
            What::Differs(paths) => ("differs", paths.as_slice()),
            What::Gone => ("gone", [].as_slice()),
            What::Undeclared => ("undeclared", [].as_slice()),
        };
        let properties = paths
            .iter()
            .map(|(path, wanted, found)| json!({ "path": path, "deployed": wanted, "found": found }));
        json!({ "stack": drift.stack, "logicalId": drift.logical_id, "type": drift.kind, "id": drift.id, "what": what,
                "account": drift.place.account, "region": drift.place.region, "ofStackSet": drift.of_fleet, "seen": word(drift.seen),
                "properties": properties.collect::<Vec<_>>(),
                "by": drift.by.as_ref().map(|event| json!({ "who": event.who, "action": event.action, "atMs": event.at_ms })) })
    };
    let excepted = judged.excepted.iter().map(|(drift, exception)| {
        let mut out = one(drift);
        let by = json!({ "owner": exception.owner, "because": exception.reason, "until": exception.expires.to_string() });
        out.as_object_mut().map(|map| map.insert("exception".to_owned(), by));
        out
    });
    let subjects = |all: &[&Exception]| -> Vec<String> { all.iter().map(|it| it.says()).collect() };
    json!({ "schema": "steward-drift/1", "checked": report.checked,
            "checkedTwice": report.twice, "checkedByDetectionOnly": report.detected, "stacksWithoutDetection": report.undetected,
            "notCheckable": report.not_checkable,
            "notOurs": report.not_ours, "drifts": judged.open.iter().map(one).collect::<Vec<_>>(),
            "excepted": excepted.collect::<Vec<_>>(), "expiredExceptions": subjects(&judged.expired),
            "unusedExceptions": subjects(&judged.unused) })
}
