//! `steward plan`: what will change in the cloud, and what of it is dangerous.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use deploy::{Depth, ledger};
use diagnostics::render::{Ink, Style, columns, cut, wrap};
use diagnostics::{Diagnostic, Span};
use plan::{Action, Change, Danger, Estimate, Fate, Inventory, Near, Plan, PolicyOf, RequestChange, Step};
use prove::Date;
use serde_json::json;

use super::deploy::{Wanted, cloud_failed, deepened, inventory, open, order, wanted};
use super::refuse;
use super::since::{Meaning, meaning};
use crate::cli::{Format, Global, PlanOptions};
use crate::disk::write_whole;
use crate::terminal::{print, style};
use crate::{Ending, codes};

/// Runs it.
pub fn run(global: &Global, options: &PlanOptions, today: Date) -> Ending {
    match planned(global, options, today) {
        Ok(ending) | Err(ending) => ending,
    }
}

fn planned(global: &Global, options: &PlanOptions, today: Date) -> Result<Ending, Ending> {
    let cloud = open(global, &options.cloud)?;
    let cloud = cloud.as_ref();
    let wanted = wanted(global, &options.path, cloud, today)?;
    let there = inventory(global, cloud, wanted.estate(), Some(&wanted.desired), Depth::Stacks)?;
    let plan = order(global, &wanted, &there, &options.only, &options.value, &BTreeSet::new())?;
    let there = deepened(global, cloud, there, &plan)?;
    let changes = plan::changes(&plan, &there);
    let history = ledger::history(cloud, wanted.estate()).map_err(|error| cloud_failed(global, &error))?;
    let before = history.records.iter().rev().find(|record| !record.verdicts.is_empty());
    let before = before.map(|record| record.verdicts.clone()).unwrap_or_default();
    let verdicts = turned(&before, &wanted);
    if let Some(path) = &options.output {
        let text = format!("{}\n", serde_json::to_string(&plan).unwrap_or_default());
        write_whole(path, &text).map_err(|error| {
            let text = format!("`{}` was not written: {error}", path.display());
            refuse(global, Diagnostic::error(codes::CANNOT_WRITE, Span::NONE, text))
        })?;
    }
    let meaning = means(&wanted, &there, &plan, options, today);
    if let (Some(_), Err(why)) = (&options.since, &meaning) {
        let text = format!("nothing can be compared with: {why}");
        return Err(refuse(global, Diagnostic::error(codes::NO_PLAN, Span::NONE, text)));
    }
    let estimate = plan::estimate(&plan, &changes, options.parallel);
    let dangers = plan::dangers(&changes);
    // Where nothing changes nothing comes near to anything, and all templates would be read for that.
    let near = if plan.steps.is_empty() { Vec::new() } else { plan::near(&wanted.desired) };
    let shown = Shown { plan: &plan, changes: &changes, dangers, verdicts, meaning, estimate, near };
    match global.format {
        Format::Json | Format::Sarif => print(&format!("{:#}\n", shown.json())),
        Format::Markdown => print(&shown.markdown()),
        _ => print(&shown.text(style(global), global.verbose)),
    }
    Ok(Ending::Good)
}

/// What the change means, against the commit that was asked for or the one that was applied last; an error says why that is not
/// compared.
fn means(
    wanted: &Wanted,
    there: &Inventory,
    plan: &Plan,
    options: &PlanOptions,
    today: Date,
) -> Result<Meaning, String> {
    let estate = wanted.read.estate.as_ref().ok_or("there is no estate")?;
    let commit = match (&options.since, &there.commit) {
        (Some(commit), _) => commit.clone(),
        (None, _) if plan.steps.is_empty() => return Err("nothing changes".to_owned()),
        (None, Some(commit)) if !commit.ends_with('+') => commit.clone(),
        (None, Some(_)) => {
            return Err("what was applied last was not committed; --since COMMIT says what to compare with"
                .to_owned());
        }
        (None, None) => {
            return Err("no commit was applied yet; --since COMMIT says what to compare with".to_owned());
        }
    };
    meaning(&wanted.folder, &commit, estate, today)
}

/// Guarantees whose verdict is another one than when the estate was applied last: id, before, now.
pub(super) fn turned(before: &BTreeMap<String, String>, wanted: &Wanted) -> Vec<(String, String, String)> {
    if before.is_empty() {
        return Vec::new();
    }
    let now = wanted.verdicts();
    let ids: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let word = |all: &BTreeMap<String, String>, id: &String| {
        all.get(id).cloned().unwrap_or_else(|| "without subject".to_owned())
    };
    let all = ids.into_iter().map(|id| (id.clone(), word(before, id), word(&now, id)));
    all.filter(|(_, before, now)| before != now).collect()
}

/// A plan as people see it.
pub(super) struct Shown<'p> {
    pub plan: &'p Plan,
    pub changes: &'p [Change],
    pub dangers: Vec<Danger>,
    pub verdicts: Vec<(String, String, String)>,
    /// What the change means; why that is not known.
    pub meaning: Result<Meaning, String>,
    /// How long it takes.
    pub estimate: Estimate,
    /// Quotas that it comes near to.
    pub near: Vec<Near>,
}

/// Changes that have one cause look alike: the same of the same resource, in many stacks.
struct Row<'p> {
    fate: Fate,
    id: &'p str,
    kind: &'p str,
    properties: &'p [String],
    stacks: Vec<&'p str>,
}

impl Shown<'_> {
    fn rows(&self) -> Vec<Row<'_>> {
        let mut rows: Vec<Row<'_>> = Vec::new();
        let mut known: BTreeMap<(Fate, &str, &str, &[String]), usize> = BTreeMap::new();
        for change in self.changes {
            let Change { fate, stack, id, kind, properties, .. } = change;
            let at = *known.entry((*fate, id, kind, properties)).or_insert(rows.len());
            match rows.get_mut(at) {
                Some(row) => row.stacks.push(stack),
                None => rows.push(Row { fate: *fate, id, kind, properties, stacks: vec![stack] }),
            }
        }
        rows
    }

    fn count(&self, fate: Fate) -> usize {
        self.changes.iter().filter(|change| change.fate == fate).count()
    }

    /// Whole stacks that are created or deleted, each in one line; the rest resource by resource.
    pub fn text(&self, style: Style, all: bool) -> String {
        let mut out = String::new();
        if self.plan.steps.is_empty() {
            let _ = writeln!(
                out,
                "{} {}: nothing to do, {} stacks are as the blueprint says",
                style.paint(Ink::Good, style.glyph("✓", "ok")),
                self.plan.estate,
                self.plan.unchanged
            );
            return out;
        }
        let _ = writeln!(out, "{}\n", style.paint(Ink::Heading, &self.headline()));
        self.stacks(&mut out, style, all);
        let whole = |change: &str| {
            self.plan.steps.iter().any(|step| {
                step.key == change
                    && matches!(step.action, Action::Create | Action::Recreate | Action::Delete)
            })
        };
        let rows: Vec<Row<'_>> =
            self.rows().into_iter().filter(|row| !row.stacks.iter().all(|at| whole(at))).collect();
        if !rows.is_empty() {
            let _ = writeln!(out, "{}", style.paint(Ink::Strong, "resources"));
        }
        let most = if all { usize::MAX } else { 24 };
        for row in rows.iter().take(most) {
            self.row(&mut out, style, row);
        }
        if rows.len() > most {
            let _ = writeln!(out, "  … and {} more; -v shows them", rows.len() - most);
        }
        if !self.verdicts.is_empty() {
            let _ = writeln!(out, "\n{}", style.paint(Ink::Strong, "guarantees"));
            for (id, before, now) in &self.verdicts {
                let ink = if now == "violated" {
                    Ink::Bad
                } else if now == "proved" {
                    Ink::Good
                } else {
                    Ink::Doubt
                };
                let _ = writeln!(out, "  {id}: was {before}, {}", style.paint(ink, now));
            }
        }
        self.meaning(&mut out, style, all);
        if !self.dangers.is_empty() {
            let _ =
                writeln!(out, "\n{}", style.paint(Ink::Bad, "dangerous: each has to be named to be applied"));
            for danger in &self.dangers {
                let _ = writeln!(out, "  --allow {}", style.paint(Ink::Literal, &danger.word));
                let _ = writeln!(out, "      {} goes: {}", danger.stake, danger.change.kind);
                let without = &danger.change.dependants;
                if !without.is_empty() {
                    let _ = writeln!(out, "      meanwhile without it: {}", some(without, 5));
                }
            }
        }
        self.quotas(&mut out, style, all);
        out.push('\n');
        out.push_str(&self.waves(style));
        out.push_str(&self.time(style));
        // Parts that are empty leave no gap.
        while out.contains("\n\n\n") {
            out = out.replace("\n\n\n", "\n\n");
        }
        out
    }

    fn meaning(&self, out: &mut String, style: Style, all: bool) {
        let meaning = match &self.meaning {
            Ok(meaning) => meaning,
            Err(why) if why.is_empty() => return,
            Err(why) => {
                let text = format!("packets and requests are not compared: {why}");
                out.push('\n');
                for line in wrap(&text, style.width) {
                    let _ = writeln!(out, "{}", style.paint(Ink::Dim, &line));
                }
                return;
            }
        };
        let most = if all { usize::MAX } else { 8 };
        let more = |out: &mut String, count: usize| {
            if count > most {
                let _ = writeln!(out, "  … and {} more; -v shows them", count - most);
            }
        };
        let _ = writeln!(out, "\n{}", style.paint(Ink::Strong, &format!("packets, since {}", meaning.since)));
        match &meaning.packets {
            Err(why) => drop(writeln!(out, "  {}", style.paint(Ink::Doubt, &format!("not compared: {why}")))),
            Ok(packets) if packets.is_empty() => drop(writeln!(out, "  the same pass as before")),
            Ok(packets) => {
                for change in packets.iter().take(most) {
                    let arrow = style.glyph("→", "->");
                    let said = |passing: &plan::Passing| match passing.verdict {
                        "reachable" => passing.services.clone(),
                        "unknown" => format!("perhaps {}", passing.services),
                        _ => "nothing".to_owned(),
                    };
                    let _ = writeln!(
                        out,
                        "  {} {arrow} {}: {}, was {}",
                        change.from,
                        change.to,
                        style.paint(Ink::Strong, &said(&change.after)),
                        said(&change.before)
                    );
                }
                more(out, packets.len());
            }
        }
        let _ =
            writeln!(out, "\n{}", style.paint(Ink::Strong, &format!("requests, since {}", meaning.since)));
        if meaning.requests.is_empty() {
            let _ = writeln!(
                out,
                "  the policies of principals, on resources and of guardrails allow the same as before"
            );
        }
        for change in meaning.requests.iter().take(most) {
            let _ = writeln!(out, "  {}", whose(change));
            for (request, ink, word) in
                [(&change.more, Ink::Doubt, "now"), (&change.less, Ink::Plain, "no longer")]
            {
                if let Some(request) = request {
                    let what = said(change.of, word, request);
                    let _ = writeln!(
                        out,
                        "      {}",
                        style.paint(ink, &cut(&what, style.width.saturating_sub(6), style.glyph("…", "...")))
                    );
                }
            }
            if let Some(why) = &change.unknown {
                let _ = writeln!(out, "      {}", style.paint(Ink::Doubt, &format!("not decided: {why}")));
            }
        }
        more(out, meaning.requests.len());
    }

    fn headline(&self) -> String {
        let stacks = |action: Action| self.plan.steps.iter().filter(|step| step.action == action).count();
        let mut parts = Vec::new();
        for action in [Action::Create, Action::Recreate, Action::Update, Action::Check, Action::Delete] {
            if stacks(action) > 0 {
                parts.push(format!("{} {}", stacks(action), action.word()));
            }
        }
        format!(
            "{}: {} stacks ({}), {} unchanged",
            self.plan.estate,
            self.plan.steps.len(),
            parts.join(", "),
            self.plan.unchanged
        )
    }

    fn stacks(&self, out: &mut String, style: Style, all: bool) {
        let whole = |action: Action| matches!(action, Action::Create | Action::Recreate | Action::Delete);
        let mut groups: BTreeMap<(Action, &str), Vec<&Step>> = BTreeMap::new();
        for step in self.plan.steps.iter().filter(|step| whole(step.action)) {
            groups.entry((step.action, step.account.as_str())).or_default().push(step);
        }
        if groups.is_empty() {
            return;
        }
        let _ = writeln!(out, "{}", style.paint(Ink::Strong, "whole stacks"));
        for ((action, account), steps) in groups {
            let resources: usize = steps.iter().map(|step| step.resources).sum();
            let names: Vec<String> =
                steps.iter().map(|step| format!("{}/{}", step.region, step.name)).collect();
            let ink = if action == Action::Delete { Ink::Bad } else { Ink::Good };
            let head = format!("{} {account}", mark(action, style));
            let tail = format!("{:>3} stacks {resources:>5} resources", steps.len());
            let gap = 34_usize.saturating_sub(columns(&head)).max(1);
            let _ = write!(
                out,
                "  {}{}{}",
                style.paint(ink, &head),
                " ".repeat(gap),
                style.paint(Ink::Dim, &tail)
            );
            let room = style.width.saturating_sub(4 + 34 + columns(&tail) + 2);
            if all || room < 20 {
                let _ = writeln!(out);
                for name in names.iter().filter(|_| all) {
                    let _ = writeln!(out, "      {name}");
                }
            } else {
                let ellipsis = style.glyph("…", "...");
                let _ = writeln!(out, "  {}", cut(&names.join(" "), room, ellipsis));
            }
        }
        out.push('\n');
    }

    fn row(&self, out: &mut String, style: Style, row: &Row<'_>) {
        let ink = match row.fate {
            Fate::Deleted | Fate::Replaced => Ink::Bad,
            Fate::MayBeReplaced | Fate::Retained => Ink::Doubt,
            Fate::Changed => Ink::Plain,
            Fate::Created => Ink::Good,
        };
        let word = format!("{:<12}", row.fate.word());
        let place = match row.stacks.as_slice() {
            [one] => (*one).to_owned(),
            many => format!("{} stacks", many.len()),
        };
        let properties =
            if row.properties.is_empty() { String::new() } else { format!(": {}", some(row.properties, 4)) };
        let _ = writeln!(
            out,
            "  {}{} {}{properties}",
            style.paint(ink, &word),
            row.id,
            style.paint(Ink::Dim, row.kind),
        );
        let _ = writeln!(out, "              {}", style.paint(Ink::Dim, &format!("in {place}")));
    }

    fn waves(&self, style: Style) -> String {
        let waves: BTreeSet<u32> = self.plan.steps.iter().map(|step| step.wave).collect();
        let counts = [
            Fate::Created,
            Fate::Changed,
            Fate::MayBeReplaced,
            Fate::Replaced,
            Fate::Deleted,
            Fate::Retained,
        ];
        let counts: Vec<String> = counts
            .into_iter()
            .filter(|fate| self.count(*fate) > 0)
            .map(|fate| format!("{} {}", self.count(fate), fate.word()))
            .collect();
        let text = format!("{} waves · resources: {}", waves.len(), counts.join(", "));
        format!("{}\n", style.paint(Ink::Strong, &text))
    }

    /// Quotas that it comes near to, or exceeds.
    fn quotas(&self, out: &mut String, style: Style, all: bool) {
        if self.near.is_empty() {
            return;
        }
        let _ = writeln!(out, "\n{}", style.paint(Ink::Strong, "quotas of AWS that are nearly used up"));
        let most = if all { usize::MAX } else { 6 };
        for near in self.near.iter().take(most) {
            let ink = if near.used > near.most { Ink::Bad } else { Ink::Doubt };
            let count = style.paint(ink, &format!("{:>7} of {:<7}", near.used, near.most));
            let text = format!("{}: {}", near.what, near.place);
            let _ = writeln!(
                out,
                "{count} {}",
                cut(&text, style.width.saturating_sub(19), style.glyph("…", "..."))
            );
        }
        if self.near.len() > most {
            let _ = writeln!(out, "  … and {} more; -v shows them", self.near.len() - most);
        }
    }

    /// How long it may take, and what that rests on.
    fn time(&self, style: Style) -> String {
        let Estimate { seconds, longest, slow, guessed, .. } = &self.estimate;
        let slow: Vec<String> = slow
            .iter()
            .take(3)
            .map(|(kind, count, seconds)| {
                let times = if *count > 1 { format!("{count} × ") } else { String::new() };
                format!("{times}{} {}", kind.trim_start_matches("AWS::"), about(*seconds))
            })
            .collect();
        let longest = longest.as_ref().map_or_else(String::new, |(stack, seconds)| {
            format!("; the longest stack is {stack}, {}", about(*seconds))
        });
        let rests = if slow.is_empty() { String::new() } else { format!("; slow: {}", slow.join(", ")) };
        let text = format!(
            "in AWS about {}{longest}{rests} (recorded times; {guessed} resources guessed)",
            about(*seconds)
        );
        let mut out = String::new();
        for line in wrap(&text, style.width) {
            let _ = writeln!(out, "{}", style.paint(Ink::Dim, &line));
        }
        out
    }

    fn json(&self) -> serde_json::Value {
        let steps = self.plan.steps.iter().map(|step| {
            json!({ "stack": step.key, "action": step.action.word(), "wave": step.wave, "resources": step.resources,
                    "reasons": step.reasons, "after": step.after })
        });
        let verdicts = self.verdicts.iter();
        json!({
            "schema": "steward-plan/1",
            "estate": self.plan.estate,
            "estateHash": self.plan.estate_hash,
            "basis": self.plan.basis,
            "unchanged": self.plan.unchanged,
            "steps": steps.collect::<Vec<_>>(),
            "changes": self.changes,
            "dangers": self.dangers,
            "estimate": self.estimate,
            "quotas": self.near,
            "meaning": self.meaning_json(),
            "guarantees": verdicts.map(|(id, before, now)| json!({ "id": id, "before": before, "after": now })).collect::<Vec<_>>(),
        })
    }

    fn meaning_json(&self) -> serde_json::Value {
        let meaning = match &self.meaning {
            Ok(meaning) => meaning,
            Err(why) => return json!({ "notCompared": why }),
        };
        let request = |request: &Option<iam::symbolic::Request>| {
            request.as_ref().map(|it| {
                let context: serde_json::Map<String, serde_json::Value> =
                    it.context.iter().map(|(key, values)| (key.to_string(), json!(values))).collect();
                json!({ "principal": it.principal, "action": it.action, "resource": it.resource, "context": context })
            })
        };
        let requests = meaning.requests.iter().map(|it| {
            json!({ "of": it.of, "who": it.who, "more": request(&it.more), "less": request(&it.less), "unknown": it.unknown })
        });
        json!({
            "since": meaning.since,
            "packets": meaning.packets.as_ref().ok(),
            "packetsNotCompared": meaning.packets.as_ref().err(),
            "requests": requests.collect::<Vec<_>>(),
        })
    }

    fn markdown(&self) -> String {
        let mut out = format!("### {}\n\n", self.headline());
        if self.changes.is_empty() {
            return out;
        }
        out.push_str("| what | resource | type | properties | where |\n|---|---|---|---|---|\n");
        for row in self.rows() {
            let place = match row.stacks.as_slice() {
                [one] => format!("`{one}`"),
                many => format!("{} stacks", many.len()),
            };
            let _ = writeln!(
                out,
                "| {} | `{}` | {} | {} | {place} |",
                row.fate.word(),
                row.id,
                row.kind,
                row.properties.join(", ")
            );
        }
        if !self.verdicts.is_empty() {
            out.push_str("\n| guarantee | before | after |\n|---|---|---|\n");
            for (id, before, now) in &self.verdicts {
                let _ = writeln!(out, "| `{id}` | {before} | {now} |");
            }
        }
        if let Ok(meaning) = &self.meaning {
            for change in meaning.packets.iter().flatten() {
                let _ = writeln!(
                    out,
                    "- packets {} → {}: **{}** {}, was {} {}",
                    change.from,
                    change.to,
                    change.after.verdict,
                    change.after.services,
                    change.before.verdict,
                    change.before.services
                );
            }
            for change in &meaning.requests {
                for (request, word) in [(&change.more, "now"), (&change.less, "no longer")] {
                    if let Some(request) = request {
                        let _ = writeln!(out, "- {}: {}", whose(change), said(change.of, word, request));
                    }
                }
                if let Some(why) = &change.unknown {
                    let _ = writeln!(out, "- what `{}` may do is not decided: {why}", change.who);
                }
            }
        }
        if !self.plan.steps.is_empty() {
            let _ = writeln!(out, "\nIn AWS about {}.", about(self.estimate.seconds));
        }
        if !self.dangers.is_empty() {
            out.push_str("\n**Dangerous: each has to be named to be applied.**\n\n");
            for danger in &self.dangers {
                let _ = writeln!(
                    out,
                    "- `--allow {}`: {} goes ({})",
                    danger.word, danger.stake, danger.change.kind
                );
            }
        }
        out
    }
}

/// Whose policies change.
fn whose(change: &RequestChange) -> String {
    match change.of {
        PolicyOf::Principal => change.who.clone(),
        PolicyOf::Resource => format!("{} (the policy on it)", change.who),
        PolicyOf::Account => format!("guardrails of {}", change.who),
    }
}

/// A request that becomes possible (`now`) or impossible (`no longer`).
fn said(of: PolicyOf, word: &str, request: &iam::symbolic::Request) -> String {
    let iam::symbolic::Request { principal, action, resource, .. } = request;
    match of {
        PolicyOf::Principal => format!("may {word} {action} on {resource}"),
        PolicyOf::Resource => format!("may {word} be asked for {action} by {principal}"),
        PolicyOf::Account if word == "now" => format!("no longer denied: {action} on {resource}"),
        PolicyOf::Account => format!("now denied: {action} on {resource}"),
    }
}

/// A time in words that promise no more than they know.
fn about(seconds: u64) -> String {
    match seconds {
        0..=89 => format!("{seconds} s"),
        90..=5399 => format!("{} min", (seconds + 30) / 60),
        _ => format!("{}.{} h", seconds / 3600, seconds % 3600 / 360),
    }
}

fn mark(action: Action, style: Style) -> String {
    let glyph = match action {
        Action::Create | Action::Recreate => "+",
        Action::Update | Action::Check => "~",
        Action::Delete => style.glyph("−", "-"),
    };
    format!("{glyph} {}", action.word())
}

fn some(all: &[String], most: usize) -> String {
    let shown: Vec<&str> = all.iter().take(most).map(String::as_str).collect();
    let more = all.len().saturating_sub(most);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}
