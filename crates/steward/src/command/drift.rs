//! `steward drift`: what differs from what was deployed, who did it, and how much was looked at.

mod accept;
mod except;
mod judged;
mod show;

use std::collections::BTreeSet;

use deploy::drift::{Drift, Report, What};
use deploy::pool::Pace;
use deploy::{Cloud, Depth};
use diagnostics::{Diagnostic, Span};
use plan::Inventory;
use prove::Date;
use serde_json::Value;

use super::apply::{Does, carry_out};
use super::deploy::{Wanted, cloud_failed, inventory, now, open, order, wanted};
use super::refuse;
use crate::cli::{Drift as Options, Format, Global};
use crate::disk::write_whole;
use crate::terminal::{print, style};
use crate::{Ending, codes};

use accept::Search;
use judged::{Judged, path};

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
    let (there, report) = look(global, options, cloud, &wanted)?;
    let judged = Judged::of(&report, &wanted.read.drift_exceptions, today);
    if !options.accept.is_empty() {
        return accepted(global, options, &wanted, &judged, today);
    }
    if !options.except.is_empty() {
        return excepted(global, options, &wanted, &judged, today);
    }
    shown(global, &report, &judged);
    if options.reconcile {
        return reconciled(global, options, cloud, &wanted, (&there, &judged), today);
    }
    if !options.repair || judged.open.is_empty() {
        let differs = options.exit_code && !judged.open.is_empty();
        return Ok(if differs { Ending::DoesNotHold } else { Ending::Good });
    }
    let (ending, left) = repaired(global, options, cloud, &wanted, (&there, &judged))?;
    Ok(if left == 0 { ending } else { Ending::DoesNotHold })
}

fn look(
    global: &Global,
    options: &Options,
    cloud: &dyn Cloud,
    wanted: &Wanted,
) -> Result<(Inventory, Report), Ending> {
    let there = inventory(global, cloud, wanted.estate(), Some(&wanted.desired), Depth::Resources)?;
    let pace = Pace::usual(options.running.parallel, now());
    let report = deploy::drift::look(cloud, &there, &pace).map_err(|error| cloud_failed(global, &error))?;
    Ok((there, report))
}

fn shown(global: &Global, report: &Report, judged: &Judged<'_>) {
    if for_people(global) {
        print(&show::text(report, judged, style(global), global.verbose));
    } else {
        print(&format!("{:#}\n", show::as_json(report, judged)));
    }
}

/// Whether people read what is printed.
fn for_people(global: &Global) -> bool {
    matches!(global.format, Format::Text | Format::Markdown)
}

/// Repairs without asking, looks again, and says what is left.
fn reconciled(
    global: &Global,
    options: &Options,
    cloud: &dyn Cloud,
    wanted: &Wanted,
    (there, judged): (&Inventory, &Judged<'_>),
    today: Date,
) -> Result<Ending, Ending> {
    if judged.open.is_empty() {
        return Ok(Ending::Good);
    }
    let (_, left) = repaired(global, options, cloud, wanted, (there, judged))?;
    if left == judged.open.len() {
        return Ok(Ending::DoesNotHold);
    }
    let (_, report) = look(global, options, cloud, wanted)?;
    let judged = Judged::of(&report, &wanted.read.drift_exceptions, today);
    shown(global, &report, &judged);
    Ok(if judged.open.is_empty() { Ending::Good } else { Ending::DoesNotHold })
}

/// Brings back what the templates say, stack by stack, and says what it leaves alone: how many those are.
fn repaired(
    global: &Global,
    options: &Options,
    cloud: &dyn Cloud,
    wanted: &Wanted,
    (there, judged): (&Inventory, &Judged<'_>),
) -> Result<(Ending, usize), Ending> {
    let recreate = options.allow.iter().any(|word| word == "recreate");
    // A stack is brought back as a whole: one with something in it that is to be left alone is left alone.
    let mut stays: BTreeSet<&str> = judged.excepted.iter().map(|(drift, _)| drift.stack.as_str()).collect();
    let mut left: Vec<(&Drift, &str)> = Vec::new();
    let mut safe: Vec<&Drift> = Vec::new();
    for drift in &judged.open {
        match kept(drift, recreate) {
            Some(why) => {
                left.push((drift, why));
                if !matches!(drift.what, What::Undeclared) {
                    stays.insert(&drift.stack);
                }
            }
            None => safe.push(drift),
        }
    }
    let mut stacks = BTreeSet::new();
    for drift in safe {
        if stays.contains(drift.stack.as_str()) {
            let why = "its stack is brought back as a whole, and has something else that is to stay";
            left.push((drift, why));
        } else {
            stacks.insert(drift.stack.clone());
        }
    }
    for (drift, why) in &left {
        print(&format!("left alone: {} {} ({why})\n", drift.kind, path(drift)));
    }
    if stacks.is_empty() {
        return Ok((Ending::DoesNotHold, left.len()));
    }
    let only: Vec<String> = stacks.iter().cloned().collect();
    let plan = order(global, wanted, there, &only, &[], &stacks)?;
    let does = Does { word: if options.reconcile { "reconcile" } else { "repair" }, revert_drift: true };
    let mut running = options.running.clone();
    running.yes |= options.reconcile;
    let ending = carry_out(global, cloud, Some(wanted), &plan, there, &running, &[], &does)?;
    Ok((ending, left.len()))
}

/// Why a repair would not do.
fn kept(drift: &Drift, recreate: bool) -> Option<&'static str> {
    let schema = catalog::Catalog::shared().resource_type(&drift.kind);
    match &drift.what {
        _ if drift.of_fleet => Some("a stack set made its stack: apply again once its template changes"),
        What::Undeclared => Some("nobody declared it: delete it, or adopt it into a template"),
        What::Gone if !recreate && schema.is_some_and(catalog::ResourceSchema::is_stateful) => {
            Some("a new one would be empty: --allow recreate")
        }
        What::Differs(paths) if !recreate && only_when_made(&drift.kind, paths) => {
            Some("bringing it back replaces it, with what it holds: --allow recreate")
        }
        _ => None,
    }
}

/// Drift that patterns name: resources, or properties of some.
fn named(global: &Global, judged: &Judged<'_>, patterns: &[String]) -> Result<Vec<Drift>, Ending> {
    let names = |path: &str, id: &str| {
        patterns.iter().any(|pattern| {
            let text = if pattern.contains('/') || id.is_empty() { path } else { id };
            plan::glob(pattern, text)
        })
    };
    let of = |drift: &Drift| {
        let whole = path(drift);
        if names(&whole, &drift.logical_id) {
            return Some(drift.clone());
        }
        let What::Differs(all) = &drift.what else { return None };
        let some: Vec<_> = all.iter().filter(|it| names(&format!("{whole}/{}", it.0), "")).cloned().collect();
        (!some.is_empty()).then(|| Drift { what: What::Differs(some), ..drift.clone() })
    };
    let found: Vec<Drift> = judged.open.iter().filter_map(of).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let text = format!("no drift is called `{}`", patterns.join("`, `"));
    let known: Vec<String> = judged.open.iter().take(4).map(path).collect();
    let help = match known.as_slice() {
        [] => "nothing differs that is not excepted already".to_owned(),
        known => format!("what differs: {}", known.join(", ")),
    };
    Err(refuse(global, Diagnostic::error(codes::NO_SUCH_DRIFT, Span::NONE, text).help(help)))
}

fn accepted(
    global: &Global,
    options: &Options,
    wanted: &Wanted,
    judged: &Judged<'_>,
    today: Date,
) -> Result<Ending, Ending> {
    let named = named(global, judged, &options.accept)?;
    let search = Search {
        folder: &wanted.folder,
        placement: &wanted.placement,
        because: options.because.as_deref(),
        today,
    };
    let accepted = search.accept(&named.iter().collect::<Vec<_>>()).map_err(|why| {
        let text = format!("the blueprint could not be compiled again: {why}");
        refuse(global, Diagnostic::error(codes::NO_EDIT, Span::NONE, text))
    })?;
    if for_people(global) {
        print(&show::edits(&accepted, style(global)));
    } else {
        print(&format!("{:#}\n", show::edits_json(&accepted)));
    }
    written(global, options, &accepted.files)?;
    let all = accepted.found.iter().all(|found| found.edit.is_ok());
    Ok(if all { Ending::Good } else { Ending::DoesNotHold })
}

fn excepted(
    global: &Global,
    options: &Options,
    wanted: &Wanted,
    judged: &Judged<'_>,
    today: Date,
) -> Result<Ending, Ending> {
    let named = named(global, judged, &options.except)?;
    let words = except::Words {
        because: options.because.as_deref().unwrap_or_default(),
        owner: options.owner.as_deref().unwrap_or_default(),
        until: options.until.as_deref().unwrap_or_default(),
    };
    let file = except::with(&wanted.folder, &named, &words, today)
        .map_err(|why| refuse(global, Diagnostic::error(codes::NO_EDIT, Span::NONE, why)))?;
    let files = [file];
    if for_people(global) {
        print(&show::lines(&files, style(global)));
    } else {
        print(&format!("{:#}\n", show::lines_json(&files)));
    }
    written(global, options, &files)?;
    Ok(Ending::Good)
}

/// Writes files whole, or says how to.
fn written(global: &Global, options: &Options, files: &[(String, String, String)]) -> Result<(), Ending> {
    if files.is_empty() {
        return Ok(());
    }
    if !options.write {
        if for_people(global) {
            print("nothing is written yet: --write does it\n");
        }
        return Ok(());
    }
    for (name, _, text) in files {
        write_whole(std::path::Path::new(name), text).map_err(|error| {
            let text = format!("`{name}` was not written: {error}");
            refuse(global, Diagnostic::error(codes::CANNOT_WRITE, Span::NONE, text))
        })?;
    }
    if for_people(global) {
        let names: Vec<&str> = files.iter().map(|(name, ..)| name.as_str()).collect();
        print(&format!("written: {}\n", names.join(", ")));
    }
    Ok(())
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
