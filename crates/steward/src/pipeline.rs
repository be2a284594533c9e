//! From a path to verdicts: the picture of ARCHITECTURE.md, read from left to right.
//!
//! ```text
//! estate.yaml ─────────▶ blueprint ──▶ design ──┐
//!                                               ├──▶ E S T A T E ──▶ prove ──▶ verdicts
//! templates/, describe/ ───────────▶ intake ────┘
//! ```

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use blueprint::model::{AccountId, Framework, Subject, UnitId};
use blueprint::{Blueprint, Files};
use catalog::Catalog;
use design::Lock;
use diagnostics::{Diagnostic, Diagnostics, SourceMap, Span};
use emit::cloudformation::{Emission, Options as Emitting};
use estate::{Estate, SmolStr};
use intake::{Options as Reading, TemplateFile};
use prove::{Date, Exception, Options, Report};

use crate::codes;
use crate::disk::Folder;

/// The file that makes a folder a blueprint.
pub const BLUEPRINT: &str = "estate.yaml";
/// The file beside it that keeps what was handed out.
pub const LOCK: &str = "estate.lock";

/// What an exception names that lets drift be.
pub const DRIFT: &str = "drift";

/// What a path leads to, read as far as it can be.
pub struct Read {
    /// The path as the user named it.
    pub name: String,
    /// All files read.
    pub sources: SourceMap,
    /// What is to be said about them.
    pub diagnostics: Diagnostics,
    /// The estate; `None` when the input has mistakes.
    pub estate: Option<Estate>,
    /// What to judge it by.
    pub options: Options,
    /// What somebody answers for.
    pub exceptions: Vec<Exception>,
    /// Drift that may stay until a day: exceptions to [`DRIFT`].
    pub drift_exceptions: Vec<Exception>,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where an estate comes from.
pub enum Origin {
    /// A blueprint.
    Blueprint {
        /// The lock as it is on disk, where there is one.
        lock_before: Option<String>,
        /// The lock as it is after compiling.
        lock_after: Option<Lock>,
    },
    /// Templates.
    Templates,
    /// What the AWS describe APIs returned.
    Described,
}

impl Read {
    fn empty(name: String, today: Date, origin: Origin) -> Self {
        let (sources, diagnostics) = (SourceMap::new(), Diagnostics::new());
        let (options, exceptions) = (Options::on(today), Vec::new());
        Self {
            name,
            sources,
            diagnostics,
            estate: None,
            options,
            exceptions,
            drift_exceptions: Vec::new(),
            origin,
        }
    }

    /// The templates that the estate becomes; `None` where there is none, or it cannot be said in templates.
    pub fn emit(&mut self, settings: &Emitting) -> Option<Emission> {
        let estate = self.estate.as_ref()?;
        emit::cloudformation::emit(estate, Catalog::shared(), settings, &mut self.diagnostics)
    }

    /// Where a resource of a stack that is deployed comes from.
    pub fn origin(&self, stack: &str, id: &str) -> Option<Span> {
        let estate = self.estate.as_ref()?;
        let found = estate.stacks.iter().enumerate().find_map(|(at, known)| {
            let path = estate.stack_path(estate::StackId(u32::try_from(at).ok()?));
            // A stack that was split has parts whose names begin with its own.
            stack.starts_with(path.as_str()).then(|| known.resources.get(id)).flatten()
        })?;
        Some(found.origin.span).filter(|span| !span.is_none())
    }

    /// The line of the blueprint or template that it comes from.
    pub fn written_at(&self, stack: &str, id: &str) -> Option<String> {
        let place = self.sources.locate(self.origin(stack, id)?)?;
        Some(format!("{}:{}", place.file, place.line))
    }

    /// Proves every guarantee; `None` where there is no estate.
    pub fn prove(&mut self) -> Option<Report> {
        let estate = self.estate.as_ref()?;
        let all = prove::guarantees::ALL;
        let mut report = prove::check(estate, all, Catalog::shared(), &self.options, &self.exceptions);
        self.diagnostics.append(std::mem::take(&mut report.diagnostics));
        Some(report)
    }
}

/// Reads whatever is at a path: a folder with a blueprint, the blueprint itself, output of AWS describe calls, or
/// templates.
pub fn read(path: &Path, today: Date) -> Read {
    match blueprint_of(path) {
        Some((folder, entry)) => blueprint(&folder, &entry, today),
        None if intake::describe::is_describe_output(path) => described(path, Vec::new(), today),
        None => templates(&[path.to_path_buf()], every_value(), SourceMap::new(), Vec::new(), today),
    }
}

/// How templates are read where nothing is said of them: a parameter that nobody gives a value is unknown, even
/// where it has a default.
fn every_value() -> Reading {
    Reading { all_parameters_unknown: true, ..Reading::default() }
}

/// The folder and file name of the blueprint at a path, where there is one.
pub fn blueprint_of(path: &Path) -> Option<(PathBuf, String)> {
    if path.is_dir() {
        return path.join(BLUEPRINT).is_file().then(|| (path.to_path_buf(), BLUEPRINT.to_owned()));
    }
    let name = path.file_name()?.to_str()?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    (path.is_file() && name == BLUEPRINT).then(|| (folder.to_path_buf(), name.to_owned()))
}

/// Compiles a blueprint, its own templates included.
pub fn blueprint(folder: &Path, entry: &str, today: Date) -> Read {
    match Folder::open(folder) {
        Ok(files) => blueprint_in(&files, folder, entry, today),
        Err(error) => {
            let origin = Origin::Blueprint { lock_before: None, lock_after: None };
            let mut read = Read::empty(folder.display().to_string(), today, origin);
            let text = format!("`{}` cannot be read: {error}", folder.display());
            read.diagnostics.push(Diagnostic::error(codes::NO_SUCH_PATH, Span::NONE, text));
            read
        }
    }
}

/// Compiles a blueprint whose files are those given; its lock and templates are in the folder.
pub fn blueprint_in(files: &dyn Files, folder: &Path, entry: &str, today: Date) -> Read {
    let origin = Origin::Blueprint { lock_before: None, lock_after: None };
    let mut read = Read::empty(folder.display().to_string(), today, origin);
    let Some(blueprint) = blueprint::load(files, entry, &mut read.sources, &mut read.diagnostics) else {
        return read;
    };
    let Some((lock, lock_before)) = lock(folder, &mut read) else { return read };
    let Some(design) = design::compile(&blueprint, &lock, &mut read.diagnostics) else { return read };
    let mut estate = design.estate;
    if !graft_templates(&blueprint, folder, &mut estate, &mut read) {
        return read;
    }
    read.options.required_tags = required_tags(&blueprint);
    read.options.intent = Some(crate::intent::of(&blueprint));
    // 45 CFR 164.316(b)(2)(i): six years, for the record of who did what.
    read.options.trail_retention_days = if blueprint.answers_to(Framework::Hipaa) { 6 * 365 } else { 365 };
    let all = exceptions(&blueprint.exceptions, |subject| patterns(&blueprint, subject), today);
    (read.drift_exceptions, read.exceptions) = all.into_iter().partition(|it| it.guarantee == DRIFT);
    read.origin = Origin::Blueprint { lock_before, lock_after: Some(design.lock) };
    read.estate = Some(estate);
    read
}

/// The lock beside the blueprint, and its text where there is one. `None` when it cannot be read.
fn lock(folder: &Path, read: &mut Read) -> Option<(Lock, Option<String>)> {
    let path = folder.join(LOCK);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Some((Lock::default(), None)),
        Err(error) => {
            let text = format!("`{}` cannot be read: {error}", path.display());
            read.diagnostics.push(Diagnostic::error(codes::NO_SUCH_PATH, Span::NONE, text));
            return None;
        }
    };
    let name = path.display().to_string();
    let text = match document::decode(bytes, &name, document::Limits::default()) {
        Ok(text) => text,
        Err(diagnostic) => {
            read.diagnostics.push(diagnostic);
            return None;
        }
    };
    let id = read.sources.add(name, text.clone())?;
    let file = read.sources.file(id)?.clone();
    Some((Lock::parse(&file, &mut read.diagnostics)?, Some(text)))
}

/// Reads the user's own templates into the estate; false when one has mistakes.
fn graft_templates(blueprint: &Blueprint, folder: &Path, estate: &mut Estate, read: &mut Read) -> bool {
    for place in design::template_places(blueprint) {
        let path = folder.join(place.template.file.as_str());
        let files = template_files(std::slice::from_ref(&path), &mut read.diagnostics);
        let values = place.template.parameters.iter();
        let values = values
            .map(|(name, value)| (name.value.clone(), estate::Value::from(&value.value).spanned(value.span)));
        let options = Reading {
            region: Some(place.region.clone()),
            parameters: vec![intake::cloudformation::ParameterValues {
                template: None,
                values: values.collect(),
            }],
            ..Reading::default()
        };
        let mut own = intake::read(&files, &options, &mut read.sources, &mut read.diagnostics);
        // Places name the file as it can be opened from here; what is built does not depend on where that is.
        for template in own.stacks.iter_mut().filter_map(|stack| stack.template.as_mut()) {
            template.file = SmolStr::new(place.template.file.as_str());
        }
        if read.diagnostics.has_errors() {
            return false;
        }
        let ids = estate.graft(own, place.account);
        if let Some(stack) = ids.first().and_then(|id| estate.stacks.get_mut(id.0 as usize)) {
            stack.name = place.stack_name;
        }
    }
    true
}

/// The keys of the tags that the blueprint puts on everything.
fn required_tags(blueprint: &Blueprint) -> Vec<String> {
    blueprint.tags.iter().map(|(key, _)| key.value.to_string()).collect()
}

/// Exceptions as patterns over the paths of subjects; `patterns` says which a subject stands for.
fn exceptions(
    written: &[blueprint::model::Exception],
    patterns: impl Fn(&Subject) -> Vec<Vec<String>>,
    today: Date,
) -> Vec<Exception> {
    let mut out = Vec::new();
    for exception in written {
        let things: Vec<Vec<String>> = match exception.subjects.as_slice() {
            [] => vec![vec!["*/*".to_owned()]],
            subjects => subjects.iter().flat_map(|subject| patterns(&subject.value)).collect(),
        };
        for subjects in things {
            out.push(Exception {
                guarantee: exception.guarantee.value.to_string(),
                subjects,
                owner: exception.owner.value.to_string(),
                reason: exception.because.value.to_string(),
                // The reader refuses what is no day.
                expires: Date::parse(&exception.until.value.to_string()).unwrap_or(today),
                span: exception.span,
            });
        }
    }
    out
}

/// Adds the exceptions of a file of their own, whose subjects are resources.
pub fn add_exceptions(read: &mut Read, path: &Path) {
    let name = path.display().to_string();
    let text = std::fs::read(path)
        .map_err(|error| {
            let text = format!("`{name}` cannot be read: {error}");
            Diagnostic::error(codes::NO_SUCH_PATH, Span::NONE, text)
        })
        .and_then(|bytes| document::decode(bytes, &name, document::Limits::default()));
    let text = match text {
        Ok(text) => text,
        Err(diagnostic) => return read.diagnostics.push(diagnostic),
    };
    let file = read.sources.add(name, text).and_then(|id| read.sources.file(id).cloned());
    let Some(written) = file.and_then(|file| blueprint::exceptions(&file, &mut read.diagnostics)) else {
        return;
    };
    let resources = |subject: &Subject| match subject {
        Subject::Resources(pattern) => vec![vec![pattern.to_string()]],
        _ => Vec::new(),
    };
    read.exceptions.extend(exceptions(&written, resources, read.options.today));
}

/// What an exception is for, as patterns of `account/region/stack/resource`: of each thing all the places where it may be.
fn patterns(blueprint: &Blueprint, subject: &Subject) -> Vec<Vec<String>> {
    let account = |id: AccountId| {
        blueprint.account(id).map_or_else(String::new, |account| account.name.value.to_string())
    };
    match subject {
        Subject::Account(id) => vec![vec![format!("{}/*", account(*id))]],
        Subject::Unit(unit) => {
            let ids = (0..blueprint.organization.accounts.len()).map(AccountId);
            ids.filter(|id| is_in(blueprint, *id, *unit))
                .map(|id| vec![format!("{}/*", account(id))])
                .collect()
        }
        Subject::Environment(id) => blueprint
            .environment(*id)
            .map(|environment| {
                vec![format!("{}/*/{}-*", account(environment.account), environment.name.value)]
            })
            .into_iter()
            .collect(),
        Subject::Part(environment, name) => {
            let environment = environment.and_then(|id| blueprint.environment(id));
            let environment = environment.map_or("*", |environment| environment.name.value.as_str());
            vec![["data", "service"].map(|what| format!("*/*/{environment}-{what}-{name}/*")).to_vec()]
        }
        Subject::Template(name) => vec![vec![format!("*/*/template-{name}/*")]],
        Subject::Resources(pattern) => vec![vec![pattern.to_string()]],
    }
}

/// Whether an account is in a unit or beneath it.
pub fn is_in(blueprint: &Blueprint, account: AccountId, unit: UnitId) -> bool {
    let mut at = blueprint.account(account).and_then(|account| account.unit);
    while let Some(id) = at {
        if id == unit {
            return true;
        }
        at = blueprint.unit(id).and_then(|unit| unit.parent);
    }
    false
}

/// Reads what the AWS describe APIs returned.
pub fn described(path: &Path, required_tags: Vec<String>, today: Date) -> Read {
    let name = path.display().to_string();
    let mut read = Read::empty(name.clone(), today, Origin::Described);
    read.options.required_tags = required_tags;
    let mut estate = intake::describe::read(path, &mut read.sources, &mut read.diagnostics);
    estate.name = SmolStr::new(name);
    read.estate = (!estate.stacks.is_empty()).then_some(estate);
    read
}

/// Reads templates that somebody else wrote. `sources` holds the files that the options were read from.
pub fn templates(
    paths: &[PathBuf],
    options: Reading,
    sources: SourceMap,
    required_tags: Vec<String>,
    today: Date,
) -> Read {
    let names: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
    let mut read = Read::empty(names.join(" "), today, Origin::Templates);
    read.options.required_tags = required_tags;
    read.sources = sources;
    for path in paths {
        if !path.exists() {
            let text = format!("`{}` does not exist", path.display());
            let help = "give an existing folder with an estate.yaml, or CloudFormation templates";
            read.diagnostics.push(Diagnostic::error(codes::NO_SUCH_PATH, Span::NONE, text).help(help));
        } else if intake::describe::is_describe_output(path) {
            let text = format!("`{}` holds output of AWS describe calls, beside other paths", path.display());
            let help = "give it alone: it is an estate by itself";
            read.diagnostics.push(Diagnostic::error(codes::RECORDING_BESIDE, Span::NONE, text).help(help));
        }
    }
    if read.diagnostics.has_errors() {
        return read;
    }
    let files = template_files(paths, &mut read.diagnostics);
    if files.is_empty() {
        let text = format!("there is nothing to judge in `{}`", names.join("`, `"));
        let help = "`steward init` writes a blueprint to begin with";
        read.diagnostics.push(Diagnostic::error(codes::NOTHING_HERE, Span::NONE, text).help(help));
        return read;
    }
    // The account is not known, and a name that nobody gave it would only stand in every path.
    let options = Reading { account: Some(SmolStr::new_static("")), ..options };
    let mut estate = intake::read(&files, &options, &mut read.sources, &mut read.diagnostics);
    estate.name = SmolStr::new(names.join(" "));
    // What could be read is judged, what could not has been said: an audit of two hundred templates
    // does not stop at one.
    read.estate = (!estate.stacks.is_empty()).then_some(estate);
    read
}

/// The files that may be templates, each by the name under which it can be opened from here.
fn template_files(paths: &[PathBuf], diagnostics: &mut Diagnostics) -> Vec<TemplateFile> {
    let mut names = BTreeSet::new();
    let mut files = Vec::new();
    for path in paths {
        let folder = if path.is_dir() { Some(path.as_path()) } else { path.parent() };
        for file in intake::files::walk(std::slice::from_ref(path), diagnostics) {
            let name = folder.unwrap_or(Path::new("")).join(file.name.as_str());
            let name = name.strip_prefix(".").unwrap_or(&name).display().to_string();
            if names.insert(name.clone()) {
                files.push(TemplateFile::new(name, file.text));
            }
        }
    }
    files
}
