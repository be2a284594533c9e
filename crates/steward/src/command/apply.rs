//! `steward apply`: makes the cloud have what the blueprint says; `destroy` and `empty`: takes it away.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, IsTerminal as _};
use std::path::Path;
use std::time::Duration;

use deploy::engine::{self, Done, Outcome, Settings};
use deploy::ledger::{self, Held, Holder, Kept, NotHeld, Record, StackChange};
use deploy::patience::{Patience, Patient};
use deploy::{Cloud, Depth};
use diagnostics::render::{Ink, Style};
use diagnostics::{Diagnostic, Span};
use plan::{Action, Danger, Fate, Inventory, Plan, Selector};
use prove::{Date, Verdict};

use super::deploy::{
    Wanted, cloud_failed, commit, deepened, host, inventory, now, open, order, playgrounds, wanted,
};
use super::plan::{Shown, turned};
use super::progress::Screen;
use super::refuse;
use crate::cli::{Apply, Destroy, Empty, Global, Running};
use crate::terminal::{complain, print, style};
use crate::{Ending, codes};

/// Runs `apply`.
pub fn run(global: &Global, options: &Apply, today: Date) -> Ending {
    flat(apply(global, options, today))
}

/// Runs `destroy`.
pub fn destroy(global: &Global, options: &Destroy, today: Date) -> Ending {
    flat(destroyed(global, options, today))
}

/// Runs `empty`.
pub fn empty(global: &Global, options: &Empty, today: Date) -> Ending {
    flat(emptied(global, options, today))
}

fn flat(ending: Result<Ending, Ending>) -> Ending {
    match ending {
        Ok(ending) | Err(ending) => ending,
    }
}

fn apply(global: &Global, options: &Apply, today: Date) -> Result<Ending, Ending> {
    let cloud = open(global, &options.cloud)?;
    let cloud = cloud.as_ref();
    let saved = saved(global, &options.path)?;
    let path = if saved.is_some() { options.blueprint.as_deref() } else { Some(options.path.as_path()) };
    let wanted = wanted(global, path.unwrap_or(Path::new(".")), cloud, today)?;
    violations(global, &wanted, &options.allow)?;
    let there = inventory(global, cloud, wanted.estate(), Some(&wanted.desired), Depth::Stacks)?;
    let plan = match saved {
        Some(plan) => still_fits(global, plan, &wanted, &there)?,
        None => order(global, &wanted, &there, &options.only, &options.value, &BTreeSet::new())?,
    };
    let there = deepened(global, cloud, there, &plan)?;
    let does = Does { word: "apply", revert_drift: false };
    carry_out(global, cloud, Some(&wanted), &plan, &there, &options.running, &options.allow, &does)
}

/// What a run is called, and whether it brings back what differs.
pub(super) struct Does {
    pub word: &'static str,
    pub revert_drift: bool,
}

/// Reads a saved plan, where the path is one.
fn saved(global: &Global, path: &Path) -> Result<Option<Plan>, Ending> {
    if path.extension().is_none_or(|extension| extension != "json") {
        return Ok(None);
    }
    let read = std::fs::read_to_string(path).map_err(|error| error.to_string());
    let plan = read.and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string()));
    plan.map(Some).map_err(|error| {
        let text = format!("`{}` is no plan: {error}", path.display());
        let help = "`steward plan -o plan.json` writes one";
        refuse(global, Diagnostic::error(codes::NO_PLAN, Span::NONE, text).help(help))
    })
}

/// A saved plan is applied exactly, or not at all.
fn still_fits(global: &Global, plan: Plan, wanted: &Wanted, there: &Inventory) -> Result<Plan, Ending> {
    let moved = if plan.basis != there.fingerprint() {
        "the cloud is not what it was when the plan was made"
    } else if plan.estate_hash != wanted.desired.hash {
        "the blueprint is not what it was when the plan was made"
    } else {
        return Ok(plan);
    };
    let help = "make the plan again, and look at it again";
    Err(refuse(global, Diagnostic::error(codes::MOVED, Span::NONE, moved).help(help)))
}

/// Nothing is deployed that violates a guarantee, unless somebody says so.
fn violations(global: &Global, wanted: &Wanted, allow: &[String]) -> Result<(), Ending> {
    let all = wanted.report.guarantees.iter().filter(|checked| checked.verdict() == Some(Verdict::Violated));
    let ids: Vec<&str> = all.map(|checked| checked.guarantee.id).collect();
    if ids.is_empty() || allow.iter().any(|word| word == "violations") {
        return Ok(());
    }
    let text = format!("the estate violates what it should guarantee: {}", ids.join(", "));
    let help = "`steward check` shows where; an exception with owner, reason and expiry covers it, or --allow violations";
    Err(refuse(global, Diagnostic::error(codes::VIOLATES, Span::NONE, text).help(help)))
}

/// Shows the plan, asks, and carries it out under the estate's lock.
#[expect(clippy::too_many_arguments, reason = "everything that a run depends on")]
pub(super) fn carry_out(
    global: &Global,
    cloud: &dyn Cloud,
    wanted: Option<&Wanted>,
    plan: &Plan,
    there: &Inventory,
    running: &Running,
    allow: &[String],
    does: &Does,
) -> Result<Ending, Ending> {
    let look = style(global);
    let changes = plan::changes(plan, there);
    let dangers = plan::dangers(&changes);
    let history = ledger::history(cloud, &plan.estate).map_err(|error| cloud_failed(global, &error))?;
    let before = history.records.iter().rev().find(|record| !record.verdicts.is_empty());
    let verdicts =
        before.zip(wanted).map(|(record, wanted)| turned(&record.verdicts, wanted)).unwrap_or_default();
    // What it means is `steward plan`'s to say.
    let meaning = Err(String::new());
    let estimate = plan::estimate(plan, &changes, running.parallel);
    let shown = Shown { plan, changes: &changes, dangers, verdicts, meaning, estimate, near: Vec::new() };
    if !global.quiet {
        print(&shown.text(look, global.verbose));
    }
    if plan.steps.is_empty() {
        return Ok(Ending::Good);
    }
    named(global, &shown.dangers, allow)?;
    confirmed(global, running, &plan.estate)?;
    if let Some(wanted) = wanted {
        wanted.keep_lock(global)?;
    }
    let (held, holder) = locked(global, cloud, &plan.estate, running, does.word)?;
    let settings = Settings {
        parallel: running.parallel.max(1),
        poll: Duration::from_millis(running.poll),
        longest: Duration::from_secs(3 * 3600),
        patience: Patience::usual(now() ^ u64::from(std::process::id())),
        revert_drift: does.revert_drift,
    };
    let patient = Patient::new(cloud, &settings.patience);
    // What a later deletion has to know, before anything is there to be deleted.
    let kept = kept(&patient, plan, wanted).map_err(|error| cloud_failed(global, &error))?;
    ledger::keep(&patient, &plan.estate, &kept).map_err(|error| cloud_failed(global, &error))?;
    let stacks = shown.estimate.stacks.clone();
    let screen = Screen::new(plan, stacks, look, global.quiet, running.log.as_deref(), &holder);
    let outcome = engine::carry_out(cloud, plan, there, &settings, &screen);
    screen.end();
    let record = recorded(&outcome, wanted, &holder, does.word, plan);
    let written = ledger::record(&patient, &plan.estate, record);
    let released = held.release(&patient);
    written.map_err(|error| cloud_failed(global, &error))?;
    released.map_err(|error| cloud_failed(global, &error))?;
    Ok(told(global, look, &outcome, wanted, &changes))
}

fn kept(cloud: &dyn Cloud, plan: &Plan, wanted: Option<&Wanted>) -> deploy::Answer<Kept> {
    let mut kept = ledger::kept(cloud, &plan.estate)?;
    let Some(wanted) = wanted else { return Ok(kept) };
    kept.after.extend(plan.after.clone());
    kept.estate_hash.clone_from(&plan.estate_hash);
    kept.commit = commit(&wanted.folder);
    kept.management.clone_from(&plan.management);
    kept.placement.clone_from(&wanted.placement);
    let accounts = wanted.desired.manifest.accounts.iter();
    kept.titles.extend(accounts.filter_map(|account| Some((account.title.clone()?, account.name.clone()))));
    let mut regions: BTreeSet<String> = kept.regions.into_iter().collect();
    regions.extend(plan.steps.iter().map(|step| step.region.clone()));
    kept.regions = regions.into_iter().collect();
    Ok(kept)
}

/// What is dangerous has to be named.
fn named(global: &Global, dangers: &[Danger], allow: &[String]) -> Result<(), Ending> {
    let left: Vec<&Danger> = dangers.iter().filter(|danger| !danger.is_allowed(allow)).collect();
    if left.is_empty() {
        return Ok(());
    }
    let text = match left.as_slice() {
        [one] => format!("`{}` is not allowed: {} would go", one.word, one.stake),
        many => format!("{} dangerous changes are not allowed", many.len()),
    };
    let words: Vec<String> = left.iter().take(3).map(|danger| format!("--allow '{}'", danger.word)).collect();
    let help = format!("name what may go: {}{}", words.join(" "), if left.len() > 3 { " …" } else { "" });
    Err(refuse(global, Diagnostic::error(codes::NOT_ALLOWED, Span::NONE, text).help(help)))
}

pub(super) fn confirmed(global: &Global, running: &Running, estate: &str) -> Result<(), Ending> {
    if running.yes {
        return Ok(());
    }
    let text = "nobody said that this is to be done";
    let error =
        Diagnostic::error(codes::NOT_CONFIRMED, Span::NONE, text).help("look at the plan, then give --yes");
    if !std::io::stdin().is_terminal() {
        return Err(refuse(global, error));
    }
    complain(&format!("Do this to `{estate}`? Only `yes` does it: "));
    let mut line = String::new();
    let _ = std::io::stdin().lock().read_line(&mut line);
    if line.trim() == "yes" { Ok(()) } else { Err(refuse(global, error)) }
}

pub(super) fn locked(
    global: &Global,
    cloud: &dyn Cloud,
    estate: &str,
    running: &Running,
    does: &str,
) -> Result<(Held, Holder), Ending> {
    let caller = cloud.caller().map_err(|error| cloud_failed(global, &error))?;
    let holder = Holder {
        who: caller.identity,
        host: host(),
        process: std::process::id(),
        does: does.to_owned(),
        since: now(),
    };
    // A process of this machine that is no more cannot be at work.
    let gone = |other: &Holder| other.host == holder.host && !is_alive(other.process);
    match ledger::lock(cloud, estate, &holder, gone, running.break_lock.as_deref()) {
        Ok(held) => Ok((held, holder)),
        Err(NotHeld::Cloud(error)) => Err(cloud_failed(global, &error)),
        Err(NotHeld::Busy(other)) => {
            let age = ago(now().saturating_sub(other.since));
            let text = format!(
                "`{estate}` is being changed: {} by {} on {}, begun {age}",
                other.does, other.who, other.host
            );
            let help = format!("wait for it; if it certainly is no more: --break-lock {}", other.name());
            Err(refuse(global, Diagnostic::error(codes::BUSY, Span::NONE, text).help(help)))
        }
    }
}

fn is_alive(process: u32) -> bool {
    if cfg!(target_os = "linux") {
        return Path::new(&format!("/proc/{process}")).exists();
    }
    let known = std::process::Command::new("ps").args(["-p", &process.to_string()]).output();
    known.map_or(true, |out| out.status.success())
}

/// How long ago something was, in words.
pub(super) fn ago(seconds: u64) -> String {
    match seconds {
        0..=59 => format!("{seconds} s ago"),
        60..=3599 => format!("{} min ago", seconds / 60),
        3600..=86_399 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

fn recorded(outcome: &Outcome, wanted: Option<&Wanted>, holder: &Holder, does: &str, plan: &Plan) -> Record {
    let (mut changes, mut failed, mut waiting) = (Vec::new(), BTreeMap::new(), Vec::new());
    for (stack, (action, done)) in &outcome.steps {
        match done {
            Done::Changed(resources) => changes.push(StackChange {
                stack: stack.clone(),
                action: action.word().to_owned(),
                resources: resources.clone(),
            }),
            Done::Nothing => {}
            Done::Failed(failure) => {
                failed.insert(stack.clone(), failure.why.clone());
            }
            Done::Waits(_) => waiting.push(stack.clone()),
        }
    }
    Record {
        number: 0,
        previous: String::new(),
        does: does.to_owned(),
        who: holder.who.clone(),
        host: holder.host.clone(),
        at: now(),
        commit: wanted.and_then(|wanted| commit(&wanted.folder)),
        estate_hash: plan.estate_hash.clone(),
        verdicts: wanted.map(Wanted::verdicts).unwrap_or_default(),
        changes,
        failed,
        waiting,
    }
}

/// Says what came of it.
fn told(
    global: &Global,
    look: Style,
    outcome: &Outcome,
    wanted: Option<&Wanted>,
    changes: &[plan::Change],
) -> Ending {
    let mut text = String::new();
    for (stack, (_, done)) in &outcome.steps {
        let Done::Failed(failure) = done else { continue };
        text.push_str(&format!("{} {stack}\n", look.paint(Ink::Bad, look.glyph("✗", "x"))));
        if let Some((id, kind)) = &failure.resource {
            text.push_str(&format!("    {id} ({kind})\n"));
            if let Some(place) = wanted.and_then(|wanted| wanted.read.written_at(stack, id)) {
                text.push_str(&format!("    it comes from {place}\n"));
            }
        }
        text.push_str(&format!("    {}\n", failure.why));
        if let Some(status) = &failure.status {
            text.push_str(&format!(
                "    the stack is {status}; mend the cause and apply again: what is done stays done\n"
            ));
        }
    }
    let of = |is: &dyn Fn(&Done) -> bool| outcome.steps.values().filter(|(_, done)| is(done)).count();
    let changed = of(&|done| matches!(done, Done::Changed(_)));
    let nothing = of(&|done| matches!(done, Done::Nothing));
    let failed = of(&|done| matches!(done, Done::Failed(_)));
    let waits = of(&|done| matches!(done, Done::Waits(_)));
    let resources: usize = outcome
        .steps
        .values()
        .map(|(_, done)| if let Done::Changed(changes) = done { changes.len() } else { 0 })
        .sum();
    let mut parts = vec![format!("{changed} stacks changed ({resources} resources)")];
    if nothing > 0 {
        parts.push(format!("{nothing} had nothing to do"));
    }
    if failed > 0 {
        parts.push(format!("{failed} failed"));
    }
    if waits > 0 {
        parts.push(format!("{waits} wait for those that failed"));
    }
    let retained = changes.iter().filter(|change| change.fate == Fate::Retained);
    let retained: Vec<String> = retained.map(|change| format!("{}/{}", change.stack, change.id)).collect();
    if !retained.is_empty() {
        let shown = retained.iter().take(6).cloned().collect::<Vec<_>>().join(", ");
        let more = retained.len().saturating_sub(6);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        text.push_str(&format!("retained, as their templates ask: {shown}{more}\n"));
    }
    let ink = if failed == 0 { Ink::Good } else { Ink::Bad };
    text.push_str(&format!("{}\n", look.paint(ink, &parts.join(" · "))));
    print(&text);
    let _ = global;
    if outcome.is_good() { Ending::Good } else { Ending::DoesNotHold }
}

fn destroyed(global: &Global, options: &Destroy, today: Date) -> Result<Ending, Ending> {
    let cloud = open(global, &options.cloud)?;
    let cloud = cloud.as_ref();
    let wanted = wanted(global, &options.path, cloud, today)?;
    let there = inventory(global, cloud, wanted.estate(), Some(&wanted.desired), Depth::Resources)?;
    let selector = Selector::new(&options.only);
    let plan = plan::destruction(&there, &selector, wanted.desired.management.clone());
    // What production holds goes only by name.
    let playgrounds = playgrounds(&wanted);
    let production = plan.steps.iter().find(|step| {
        playgrounds.get(&step.account) == Some(&false)
            && !options
                .allow
                .iter()
                .any(|word| word == "destroy:production" || *word == format!("destroy:{}", step.account))
    });
    if let Some(step) = production {
        let text = format!("`{}` is more than a sandbox", step.account);
        let help =
            format!("name it: --allow destroy:{}, or all of them: --allow destroy:production", step.account);
        return Err(refuse(global, Diagnostic::error(codes::NOT_ALLOWED, Span::NONE, text).help(help)));
    }
    let does = Does { word: "destroy", revert_drift: false };
    carry_out(global, cloud, None, &plan, &there, &options.running, &options.allow, &does)
}

fn emptied(global: &Global, options: &Empty, today: Date) -> Result<Ending, Ending> {
    let cloud = open(global, &options.cloud)?;
    let cloud = cloud.as_ref();
    let wanted = wanted(global, &options.path, cloud, today)?;
    let account = options.account.rsplit('/').next().unwrap_or(&options.account).to_owned();
    let playgrounds = playgrounds(&wanted);
    if playgrounds.get(&account) != Some(&true) {
        let known: Vec<&str> =
            playgrounds.iter().filter(|(_, sandbox)| **sandbox).map(|(name, _)| name.as_str()).collect();
        let text = format!("`{account}` may not be emptied");
        let help = match known.as_slice() {
            [] => "only an account whose environments all have `tier: sandbox` may; there is none".to_owned(),
            known => format!(
                "only an account whose environments all have `tier: sandbox` may: {}",
                known.join(", ")
            ),
        };
        return Err(refuse(global, Diagnostic::error(codes::NOT_ALLOWED, Span::NONE, text).help(help)));
    }
    let there = inventory(global, cloud, wanted.estate(), Some(&wanted.desired), Depth::Resources)?;
    let plan: Plan =
        plan::destruction(&there, &Selector::new(&[&account]), wanted.desired.management.clone());
    debug_assert!(plan.steps.iter().all(|step| step.action == Action::Delete && step.account == account));
    let does = Does { word: "empty", revert_drift: false };
    // A playground may be emptied: that is what it is for.
    carry_out(global, cloud, None, &plan, &there, &options.running, &["*".to_owned()], &does)
}
