//! `steward status` and `steward history`: what is deployed where, and who did what.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use deploy::ledger::{self, Record};
use deploy::{Cloud, Depth};
use diagnostics::render::{Ink, Style, cut};
use diagnostics::{Diagnostic, Span};
use plan::Inventory;
use prove::Date;
use serde_json::json;

use super::apply::ago;
use super::deploy::{cloud_failed, inventory, now, open};
use super::refuse;
use crate::cli::{Format, Global, History, Status};
use crate::terminal::{print, style};
use crate::{Ending, codes};

/// Runs `status`.
pub fn run(global: &Global, options: &Status) -> Ending {
    match status(global, options) {
        Ok(ending) | Err(ending) => ending,
    }
}

/// Runs `history`.
pub fn history(global: &Global, options: &History) -> Ending {
    match told(global, options) {
        Ok(ending) | Err(ending) => ending,
    }
}

/// The estates that were asked for, or all that the cloud has.
fn estates(global: &Global, cloud: &dyn Cloud, asked: Option<&String>) -> Result<Vec<String>, Ending> {
    let known = ledger::estates(cloud).map_err(|error| cloud_failed(global, &error))?;
    match asked {
        Some(name) if known.contains(name) => Ok(vec![name.clone()]),
        Some(name) => {
            let text = format!("nothing of an estate `{name}` was ever deployed to {}", cloud.title());
            let help = match known.as_slice() {
                [] => "`steward apply` deploys one".to_owned(),
                known => format!("there is {}", known.join(", ")),
            };
            Err(refuse(global, Diagnostic::error(codes::NO_SUCH_ESTATE, Span::NONE, text).help(help)))
        }
        None => Ok(known),
    }
}

fn status(global: &Global, options: &Status) -> Result<Ending, Ending> {
    let cloud = open(global, &options.cloud)?;
    let cloud = cloud.as_ref();
    let (mut text, mut all, look) = (String::new(), Vec::new(), style(global));
    for name in estates(global, cloud, options.estate.as_ref())? {
        let there = inventory(global, cloud, &name, None, Depth::Resources)?;
        let history = ledger::history(cloud, &name).map_err(|error| cloud_failed(global, &error))?;
        let lock = cloud.read(&format!("lock/{name}")).map_err(|error| cloud_failed(global, &error))?;
        let holder: Option<ledger::Holder> = lock.and_then(|entry| serde_json::from_str(&entry.text).ok());
        all.push(json!({
            "estate": name, "commit": there.commit, "estateHash": there.estate_hash, "lock": holder,
            "stacks": there.stacks.iter().map(|(key, stack)| json!({ "stack": key, "status": stack.status,
                "resources": stack.resources.len(), "template": stack.template_sha256 })).collect::<Vec<_>>(),
        }));
        text.push_str(&shown(&name, &there, history.records.last(), holder.as_ref(), look));
    }
    if global.format == Format::Text {
        let nothing = format!("nothing is deployed to {}\n", cloud.title());
        print(if text.is_empty() { &nothing } else { &text });
    } else {
        print(&format!(
            "{:#}\n",
            json!({ "schema": "steward-status/1", "cloud": cloud.title(), "estates": all })
        ));
    }
    Ok(Ending::Good)
}

fn shown(
    name: &str,
    there: &Inventory,
    last: Option<&Record>,
    holder: Option<&ledger::Holder>,
    look: Style,
) -> String {
    let resources: usize = there.stacks.values().map(|stack| stack.resources.len()).sum();
    let mut out = look.paint(Ink::Heading, name);
    let _ = writeln!(out, " · {} stacks · {resources} resources", there.stacks.len());
    if let Some(last) = last {
        let commit = last.commit.as_ref().map(|commit| format!(" at {commit}")).unwrap_or_default();
        let when = ago(now().saturating_sub(last.at));
        let _ = writeln!(out, "last {} by {}{commit}, {when} (record {})", last.does, last.who, last.number);
    }
    if let Some(holder) = holder {
        let since = ago(now().saturating_sub(holder.since));
        let text = format!("{} is at work on it: {}, begun {since}", holder.who, holder.does);
        let _ = writeln!(out, "{}", look.paint(Ink::Doubt, &text));
    }
    let mut accounts: BTreeMap<(&str, &str), (usize, usize, Vec<String>)> = BTreeMap::new();
    for stack in there.stacks.values() {
        let row = accounts.entry((&stack.account, &stack.region)).or_default();
        row.0 += 1;
        row.1 += stack.resources.len();
        if !stack.status.is_good() {
            row.2.push(format!("{} is {}", stack.name, stack.status));
        }
    }
    let _ = writeln!(out);
    for ((account, region), (stacks, resources, bad)) in accounts {
        let glyph = if bad.is_empty() {
            look.paint(Ink::Good, look.glyph("✓", "ok"))
        } else {
            look.paint(Ink::Bad, look.glyph("✗", "x"))
        };
        let number = there.accounts.get(account).map_or("", |account| account.number.as_str());
        let _ = writeln!(
            out,
            "  {glyph} {account:<26} {} {region:<14} {stacks:>3} stacks {resources:>5} resources",
            look.paint(Ink::Dim, &format!("{number:<12}"))
        );
        for line in bad {
            let _ = writeln!(out, "      {}", look.paint(Ink::Bad, &line));
        }
    }
    let _ = writeln!(out);
    out
}

fn told(global: &Global, options: &History) -> Result<Ending, Ending> {
    let cloud = open(global, &options.cloud)?;
    let cloud = cloud.as_ref();
    let (mut text, mut all, look, mut good) = (String::new(), Vec::new(), style(global), true);
    for name in estates(global, cloud, options.estate.as_ref())? {
        let history = ledger::history(cloud, &name).map_err(|error| cloud_failed(global, &error))?;
        good &= history.broken.is_empty();
        let _ = writeln!(text, "{}", look.paint(Ink::Heading, &name));
        for record in history.records.iter().rev() {
            line(&mut text, record, look);
        }
        let broken = history.broken.iter().map(|why| look.paint(Ink::Bad, &format!("tampered with: {why}")));
        let chain =
            if history.broken.is_empty() {
                vec![look.paint(
                    Ink::Good,
                    &format!("{} records, each follows the one before", history.records.len()),
                )]
            } else {
                broken.collect()
            };
        let _ = writeln!(text, "{}\n", chain.join("\n"));
        all.push(json!({ "estate": name, "records": history.records, "broken": history.broken }));
    }
    if global.format == Format::Text {
        print(if text.is_empty() { "nothing was ever deployed\n" } else { &text });
    } else {
        print(&format!("{:#}\n", json!({ "schema": "steward-history/1", "estates": all })));
    }
    Ok(if good { Ending::Good } else { Ending::DoesNotHold })
}

fn line(out: &mut String, record: &Record, look: Style) {
    let changes: usize = record.changes.iter().map(|change| change.resources.len()).sum();
    let failed = match record.failed.len() {
        0 => String::new(),
        failed => look.paint(Ink::Bad, &format!(" · {failed} failed")),
    };
    let day = Date::from_unix_days(i64::try_from(record.at / 86_400).unwrap_or(0));
    let day = day.map_or_else(String::new, |day| day.to_string());
    let time = format!("{day} {:02}:{:02} UTC", record.at % 86_400 / 3600, record.at % 3600 / 60);
    let commit = record.commit.clone().unwrap_or_else(|| "no commit".to_owned());
    let text = format!(
        "  {:>4}  {time}  {:<8} {} · {} stacks, {changes} resources · {commit}",
        record.number,
        record.does,
        record.who,
        record.changes.len()
    );
    let _ = writeln!(
        out,
        "{}{failed}",
        cut(
            &text,
            look.width.saturating_sub(if record.failed.is_empty() { 0 } else { 12 }),
            look.glyph("…", "...")
        )
    );
}
