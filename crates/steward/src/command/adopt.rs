//! `steward adopt`: takes resources that exist into the estate, where that changes nothing.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use deploy::adopt::{Candidate, Named, look, take_in};
use deploy::ledger::{self, Record, StackChange};
use deploy::patience::{Patience, Patient};
use deploy::{ChangeAction, Cloud, Depth, ResourceChange};
use diagnostics::render::{Ink, Style, cut};
use diagnostics::{Diagnostic, Span};
use prove::Date;
use serde_json::{Value, json};

use super::apply::{confirmed, locked};
use super::deploy::{Wanted, cloud_failed, commit, inventory, now, open, wanted};
use super::refuse;
use crate::cli::{Adopt, Format, Global};
use crate::terminal::{print, style};
use crate::{Ending, codes};

/// Runs it.
pub fn run(global: &Global, options: &Adopt, today: Date) -> Ending {
    match adopted(global, options, today) {
        Ok(ending) | Err(ending) => ending,
    }
}

fn adopted(global: &Global, options: &Adopt, today: Date) -> Result<Ending, Ending> {
    let cloud = open(global, &options.cloud)?;
    let wanted = wanted(global, &options.path, cloud.as_ref(), today)?;
    let patience = Patience::usual(now());
    let cloud = Patient::new(cloud.as_ref(), &patience);
    let there = inventory(global, &cloud, wanted.estate(), Some(&wanted.desired), Depth::Resources)?;
    let named = named(global, &options.id)?;
    let all = look(&cloud, &wanted.desired, &there, &named).map_err(|error| cloud_failed(global, &error))?;
    let chosen: Vec<&Candidate> = all.iter().filter(|it| is_chosen(it, &options.allow)).collect();
    match global.format {
        Format::Text => print(&text(&all, &options.allow, style(global))),
        _ => print(&format!("{:#}\n", as_json(&all, &options.allow))),
    }
    let left = if chosen.len() == all.len() { Ending::Good } else { Ending::DoesNotHold };
    if chosen.is_empty() {
        return Ok(left);
    }
    confirmed(global, &options.running, wanted.estate())?;
    wanted.keep_lock(global)?;
    let (held, holder) = locked(global, &cloud, wanted.estate(), &options.running, "adopt")?;
    let failed = |error: deploy::CloudError| cloud_failed(global, &error);
    keep(&cloud, &wanted).map_err(failed)?;
    let stacks: BTreeSet<&str> = chosen.iter().map(|it| it.stack.as_str()).collect();
    let (mut changes, mut errors) = (Vec::new(), Vec::new());
    for stack in stacks {
        let of: Vec<&Candidate> = chosen.iter().copied().filter(|it| it.stack == stack).collect();
        let wait = || std::thread::sleep(Duration::from_millis(options.running.poll));
        match take_in(&cloud, &wanted.desired, &there, stack, &of, wait) {
            Ok(_) => changes.push(StackChange {
                stack: stack.to_owned(),
                action: "import".to_owned(),
                resources: of.iter().map(|it| taken(it)).collect(),
            }),
            Err(error) => errors.push((stack.to_owned(), error)),
        }
    }
    let count: usize = changes.iter().map(|it| it.resources.len()).sum();
    let record = Record {
        number: 0,
        previous: String::new(),
        does: "adopt".to_owned(),
        who: holder.who,
        host: holder.host,
        at: now(),
        commit: commit(&wanted.folder),
        estate_hash: wanted.desired.hash.clone(),
        verdicts: wanted.verdicts(),
        changes,
        failed: errors.iter().map(|(stack, error)| (stack.clone(), error.to_string())).collect(),
        waiting: Vec::new(),
    };
    let written = ledger::record(&cloud, wanted.estate(), record);
    let released = held.release(&cloud);
    written.map_err(failed)?;
    released.map_err(failed)?;
    for (stack, error) in &errors {
        let text = format!("{stack}: {error}");
        let _ = refuse(global, Diagnostic::error(codes::CLOUD_FAILED, Span::NONE, text));
    }
    if global.format == Format::Text {
        let next = "`steward plan` says what is left to do";
        print(&format!("{count} resources are the estate's now, as they are; {next}\n"));
    }
    Ok(if errors.is_empty() { left } else { Ending::DoesNotHold })
}

fn taken(it: &Candidate) -> ResourceChange {
    let (logical_id, kind) = (it.logical_id.clone(), it.kind.clone());
    ResourceChange { logical_id, kind, action: ChangeAction::Import, properties: Vec::new() }
}

/// What alike is is taken in; what differs where it is named.
fn is_chosen(candidate: &Candidate, allow: &[String]) -> bool {
    let named = format!("differs:{}/{}", candidate.stack, candidate.logical_id);
    candidate.is_alike() || allow.iter().any(|word| plan::glob(word, &named))
}

fn named(global: &Global, ids: &[String]) -> Result<Named, Ending> {
    let mut out = Named::new();
    for text in ids {
        let Some((key, id)) =
            text.split_once('=').filter(|(key, id)| key.split('/').count() == 4 && !id.is_empty())
        else {
            let error = Diagnostic::error(codes::NO_PLAN, Span::NONE, format!("`{text}` names no resource"));
            return Err(refuse(global, error.expected("`account/region/stack/LogicalId=identifier`")));
        };
        out.insert(key.to_owned(), id.to_owned());
    }
    Ok(out)
}

/// What later runs have to know of the estate.
fn keep(cloud: &dyn Cloud, wanted: &Wanted) -> deploy::Answer<()> {
    let mut kept = ledger::kept(cloud, wanted.estate())?;
    let manifest = &wanted.desired.manifest;
    let mut regions: BTreeSet<String> = kept.regions.into_iter().collect();
    regions.extend(manifest.stacks.iter().filter_map(|stack| stack.region.clone()));
    kept.regions = regions.into_iter().collect();
    kept.management.clone_from(&wanted.desired.management);
    kept.after.extend(manifest.stacks.iter().map(|stack| (stack.key.clone(), stack.after.clone())));
    let accounts = manifest.accounts.iter();
    kept.titles.extend(accounts.filter_map(|account| Some((account.title.clone()?, account.name.clone()))));
    ledger::keep(cloud, wanted.estate(), &kept)
}

fn short(value: Option<&Value>) -> String {
    value.map_or_else(
        || "nothing".to_owned(),
        |value| value.as_str().map_or_else(|| value.to_string(), str::to_owned),
    )
}

fn text(all: &[Candidate], allow: &[String], look: Style) -> String {
    let mut out = String::new();
    let dots = look.glyph("…", "...");
    for it in all {
        let (mark, ink) = if it.is_alike() {
            (look.glyph("✓", "+"), Ink::Good)
        } else if is_chosen(it, allow) {
            (look.glyph("≠", "!"), Ink::Heading)
        } else {
            (look.glyph("✗", "x"), Ink::Bad)
        };
        let line = format!("{}/{}  {} {}", it.stack, it.logical_id, it.kind, it.id);
        let width = look.width.saturating_sub(2);
        let _ = writeln!(out, "{} {}", look.paint(ink, mark), cut(&line, width, dots));
        for (path, wanted, there) in &it.differs {
            let line = format!(
                "    {path}: {} is wanted, {} is there",
                short(wanted.as_ref()),
                short(there.as_ref())
            );
            let _ = writeln!(out, "{}", cut(&line, look.width, dots));
        }
        if let Some(why) = &it.cannot {
            let _ = writeln!(out, "{}", cut(&format!("    {why}"), look.width, dots));
        }
        if !is_chosen(it, allow) && it.cannot.is_none() {
            let word = format!("differs:{}/{}", it.stack, it.logical_id);
            let _ = writeln!(
                out,
                "    make the blueprint say so; or --allow '{word}', and `steward drift --repair` afterwards"
            );
        }
    }
    let alike = all.iter().filter(|it| it.is_alike()).count();
    let summary = match all.len() {
        0 => "nothing that is wanted and not deployed exists already".to_owned(),
        some => {
            format!("{some} resources exist already: {alike} as they are wanted, {} otherwise", some - alike)
        }
    };
    let _ = writeln!(out, "{}", look.paint(Ink::Dim, &summary));
    out
}

fn as_json(all: &[Candidate], allow: &[String]) -> Value {
    let one = |it: &Candidate| {
        let differs = it.differs.iter();
        let differs: Vec<Value> = differs
            .map(|(path, wanted, there)| json!({ "path": path, "wanted": wanted, "there": there }))
            .collect();
        json!({ "stack": it.stack, "logicalId": it.logical_id, "type": it.kind, "identifier": it.identifier,
                "alike": it.is_alike(), "takenIn": is_chosen(it, allow), "differs": differs, "cannot": it.cannot })
    };
    json!({ "schema": "steward-adopt/1", "resources": all.iter().map(one).collect::<Vec<_>>() })
}
