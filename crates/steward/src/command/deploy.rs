//! What all commands have in common that look at a cloud or change it.
//!
//! In: a path and a cloud. Out: what is wanted, what is there, and the plan between the two. Always: nothing is changed here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use blueprint::model::Tier;
use deploy::local::LocalCloud;
use deploy::patience::{Patience, Patient};
use deploy::{Cloud, CloudError, Depth, ledger};
use diagnostics::{Diagnostic, Span};
use emit::cloudformation::Options as Emitting;
use plan::{Desired, Inventory, Plan, PlanError, Selector};
use prove::{Date, Report};

use super::{refuse, say};
use crate::cli::{CloudKind, CloudOptions, Global};
use crate::disk::write_whole;
use crate::pipeline::{self, LOCK, Origin};
use crate::{Ending, codes};

/// What is wanted.
pub(super) struct Wanted {
    pub read: pipeline::Read,
    pub folder: PathBuf,
    pub desired: Desired,
    pub report: Report,
    /// The lock, where it is another one now.
    pub lock: Option<String>,
    pub placement: BTreeMap<String, BTreeMap<estate::SmolStr, u32>>,
}

/// Compiles and proves the blueprint at a path, as it will be deployed into a cloud.
pub(super) fn wanted(global: &Global, path: &Path, cloud: &dyn Cloud, today: Date) -> Result<Wanted, Ending> {
    let Some((folder, entry)) = pipeline::blueprint_of(path) else {
        let text = format!("there is no blueprint at `{}`", path.display());
        let help = "give a folder with an estate.yaml; `steward init` writes one";
        return Err(refuse(global, Diagnostic::error(codes::NO_SUCH_PATH, Span::NONE, text).help(help)));
    };
    let mut read = pipeline::blueprint(&folder, &entry, today);
    let mut emission = None;
    if let Some(estate) = &read.estate {
        let kept = ledger::kept(cloud, &estate.name).map_err(|error| cloud_failed(global, &error))?;
        let settings = Emitting { placement: kept.placement, ..Emitting::default() };
        emission = read.emit(&settings);
    }
    let report = read.prove();
    say(global, &read.diagnostics, &read.sources);
    let (Some(estate), Some(emission), Some(report)) = (&read.estate, emission, report) else {
        return Err(Ending::Mistake);
    };
    let Origin::Blueprint { lock_before, lock_after: Some(lock) } = &read.origin else {
        return Err(Ending::Mistake);
    };
    let text = lock.render();
    let lock = (lock_before.as_deref() != Some(text.as_str())).then_some(text);
    let desired = Desired::of(estate, &emission);
    let placement = emission.manifest.placement.clone();
    Ok(Wanted { desired, report, lock, placement, folder, read })
}

impl Wanted {
    /// Writes what was handed out, before anything is deployed that has it.
    pub(super) fn keep_lock(&self, global: &Global) -> Result<(), Ending> {
        let Some(text) = &self.lock else { return Ok(()) };
        let path = self.folder.join(LOCK);
        write_whole(&path, text).map_err(|error| {
            let text = format!("`{}` was not written: {error}", path.display());
            refuse(global, Diagnostic::error(codes::CANNOT_WRITE, Span::NONE, text))
        })
    }

    pub(super) fn estate(&self) -> &str {
        &self.desired.manifest.estate
    }

    /// The verdict of every guarantee that has a subject.
    pub(super) fn verdicts(&self) -> BTreeMap<String, String> {
        let all = self.report.guarantees.iter();
        all.filter_map(|checked| {
            Some((checked.guarantee.id.to_owned(), checked.verdict()?.word().to_owned()))
        })
        .collect()
    }
}

/// The cloud that was asked for.
pub(super) fn open(global: &Global, options: &CloudOptions) -> Result<Box<dyn Cloud>, Ending> {
    match options.cloud {
        CloudKind::Local => {
            let local =
                LocalCloud::open(&options.local, &user()).map_err(|error| cloud_failed(global, &error))?;
            Ok(Box::new(local))
        }
        CloudKind::Aws => amazon(global, options),
    }
}

#[cfg(feature = "aws")]
fn amazon(global: &Global, options: &CloudOptions) -> Result<Box<dyn Cloud>, Ending> {
    let mut settings = aws::Settings::standard();
    if let Some(role) = &options.role {
        settings.role.clone_from(role);
    }
    let cloud = aws::Aws::open(settings).map_err(|error| cloud_failed(global, &error))?;
    Ok(Box::new(cloud))
}

#[cfg(not(feature = "aws"))]
fn amazon(global: &Global, _: &CloudOptions) -> Result<Box<dyn Cloud>, Ending> {
    let text = "this build of Steward deploys to the local cloud only";
    let help = "build it with the client of AWS: `cargo build --release --features aws`; or deploy what \
                `steward build` writes by other means";
    Err(refuse(global, Diagnostic::error(codes::NO_SUCH_CLOUD, Span::NONE, text).help(help)))
}

/// Who runs this, for records and locks.
pub(super) fn user() -> String {
    let named = ["STEWARD_USER", "USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    named.filter(|name| !name.is_empty()).unwrap_or_else(|| "somebody".to_owned())
}

/// The machine, for records and locks.
pub(super) fn host() -> String {
    let file = std::fs::read_to_string("/proc/sys/kernel/hostname").ok().map(|text| text.trim().to_owned());
    file.or_else(|| std::env::var("HOSTNAME").ok())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "localhost".to_owned())
}

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The commit that a folder is at, with `+` where files differ from it.
pub(super) fn commit(folder: &Path) -> Option<String> {
    let git = |arguments: &[&str]| {
        let out = Command::new("git").arg("-C").arg(folder).args(arguments).output().ok()?;
        out.status.success().then(|| String::from_utf8_lossy(&out.stdout).trim().to_owned())
    };
    let head = git(&["rev-parse", "--short=12", "HEAD"])?;
    let changed = git(&["status", "--porcelain", "--", "."]).is_some_and(|text| !text.is_empty());
    Some(if changed { format!("{head}+") } else { head })
}

/// What a cloud has of an estate.
pub(super) fn inventory(
    global: &Global,
    cloud: &dyn Cloud,
    estate: &str,
    desired: Option<&Desired>,
    depth: Depth,
) -> Result<Inventory, Ending> {
    let patience = Patience::usual(now());
    let patient = Patient::new(cloud, &patience);
    let manifest = desired.map(|desired| &desired.manifest);
    let management = desired.and_then(|desired| desired.management.as_deref());
    deploy::inventory(&patient, estate, manifest, management, depth)
        .map_err(|error| cloud_failed(global, &error))
}

/// Asks for the templates of all stacks that a plan changes.
pub(super) fn deepened(
    global: &Global,
    cloud: &dyn Cloud,
    mut there: Inventory,
    plan: &Plan,
) -> Result<Inventory, Ending> {
    let patience = Patience::usual(now());
    let patient = Patient::new(cloud, &patience);
    let keys = plan.steps.iter().map(|step| step.key.clone()).collect();
    deploy::deepen(&patient, &mut there, &keys).map_err(|error| cloud_failed(global, &error))?;
    Ok(there)
}

/// The plan between what is wanted and what is there.
pub(super) fn order(
    global: &Global,
    wanted: &Wanted,
    inventory: &Inventory,
    only: &[String],
    values: &[String],
    repair: &BTreeSet<String>,
) -> Result<Plan, Ending> {
    let mut supplied = BTreeMap::new();
    for value in values {
        let parts = value.split_once('=').and_then(|(name, value)| Some((name.rsplit_once('/')?, value)));
        let Some(((stack, parameter), value)) = parts else {
            let text = format!("`{value}` gives no value");
            let error = Diagnostic::error(codes::NO_PLAN, Span::NONE, text);
            return Err(refuse(global, error.expected("`account/region/stack/Parameter=value`")));
        };
        supplied.insert((stack.to_owned(), parameter.to_owned()), value.to_owned());
    }
    plan::order(&wanted.desired, inventory, &Selector::new(only), &supplied, repair).map_err(|errors| {
        for error in &errors {
            let help = match error {
                PlanError::NoRegion(_) => "give the template a region in the blueprint's `templates`",
                PlanError::SelectsNothing(_) => {
                    "a selector is `account`, `account/region` or `account/region/stack`"
                }
                PlanError::NotSelected { .. } => "select it too, or leave `--only` out",
                PlanError::NotSupplied { .. } => {
                    "say it once with --value account/region/stack/Parameter=value"
                }
                PlanError::Nests(_) => "deploy it by other means; `steward build` writes it",
            };
            refuse(global, Diagnostic::error(codes::NO_PLAN, Span::NONE, error.to_string()).help(help));
        }
        Ending::Mistake
    })
}

/// Says that a call failed.
pub(super) fn cloud_failed(global: &Global, error: &CloudError) -> Ending {
    let help = match error {
        CloudError::Throttled { .. } | CloudError::Transient(_) => "try again: what was done stays done",
        CloudError::Conflict(_) => "somebody else is at work on it; try again when they are done",
        _ => "nothing was changed after this; the message is the cloud's own",
    };
    refuse(global, Diagnostic::error(codes::CLOUD_FAILED, Span::NONE, error.to_string()).help(help))
}

/// Names of the accounts all of whose environments are sandboxes, and the unit of each account from below the root.
pub(super) fn playgrounds(wanted: &Wanted) -> BTreeMap<String, bool> {
    let entry = wanted.folder.join(pipeline::BLUEPRINT);
    let (mut sources, mut diagnostics) = (diagnostics::SourceMap::new(), diagnostics::Diagnostics::new());
    let files = crate::disk::Folder::open(&wanted.folder).ok();
    let name = entry.file_name().and_then(|name| name.to_str()).unwrap_or(pipeline::BLUEPRINT);
    let read = files.and_then(|files| blueprint::load(&files, name, &mut sources, &mut diagnostics));
    let mut out: BTreeMap<String, bool> = BTreeMap::new();
    for (blueprint, environment) in
        read.iter().flat_map(|all| all.environments.iter().map(move |it| (all, it)))
    {
        let account = blueprint.account(environment.account);
        let name = account.map_or_else(String::new, |account| account.name.value.to_string());
        let sandbox = environment.tier.value == Tier::Sandbox;
        out.entry(name).and_modify(|all| *all &= sandbox).or_insert(sandbox);
    }
    out
}
