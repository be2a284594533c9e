//! CloudFormation templates as an estate.
//!
//! In: files with their texts, and what is known of where they are deployed. Out: an [`Estate`] with a stack for
//! each template, and for each nested stack within it. Always: a file is read, refused or skipped, and
//! diagnostics say which.

mod cidr;
mod classify;
mod compute;
mod conditions;
mod cycles;
mod evaluate;
mod functions;
mod imports;
mod locate;
mod loops;
mod manifest;
mod nested;
mod parameters;
mod serverless;
mod session;
mod stack;
mod stack_sets;
mod substitution;
mod syntax;
mod template;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use diagnostics::{Diagnostic, Diagnostics, SourceMap, Span};
use document::Node;
use estate::{Account, AccountId, Estate, Value};
use indexmap::IndexMap;
use rayon::prelude::*;
use smol_str::{SmolStr, format_smolstr};

use classify::Class;
use manifest::Argument;
use session::{File, Session};
use stack::Deployment;

use crate::{NO_TEMPLATES, UNREADABLE_FILE};

/// A text file that may be a template.
#[derive(Debug, Clone)]
pub struct TemplateFile {
    /// Its path relative to what was given, with `/` between parts.
    pub name: SmolStr,
    /// Its text.
    pub text: Arc<str>,
}

impl TemplateFile {
    /// A file.
    pub fn new(name: impl Into<SmolStr>, text: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), text: text.into() }
    }
}

/// What is known about the deployment of templates.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The region of all stacks, where one is known.
    pub region: Option<SmolStr>,
    /// The name of the account of all stacks; `template account` where none is given.
    pub account: Option<SmolStr>,
    /// Whether defaults of parameters do not count as values: what is proved then holds for every value.
    pub all_parameters_unknown: bool,
    /// Whether the default of a parameter with a choice of values (`AllowedValues`) does not count as its value:
    /// whoever deploys may choose another, and what is only there then is read as well.
    pub open_choices: bool,
    /// Values of parameters.
    pub parameters: Vec<ParameterValues>,
}

/// Values of parameters, of one template or of all.
#[derive(Debug, Clone, Default)]
pub struct ParameterValues {
    /// The path or file name of the template they are for; `None`: every template that declares them.
    pub template: Option<SmolStr>,
    /// The values by name.
    pub values: IndexMap<SmolStr, Value>,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Its resources are in the estate.
    Read,
    /// It is a template, but cannot be read; diagnostics say why.
    Refused,
    /// It is not a template; a note says what it is.
    Skipped,
    /// It says where templates are deployed and what they are given.
    Manifest,
}

/// An estate, and what became of each file given, in their order.
#[derive(Debug)]
pub struct Reading {
    /// The estate.
    pub estate: Estate,
    /// What became of each file.
    pub outcomes: Vec<Outcome>,
}

/// Reads templates. See [`read_files`] for what became of each.
pub fn read(
    files: &[TemplateFile],
    options: &Options,
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> Estate {
    read_files(files, options, sources, diagnostics).estate
}

/// Reads templates: every file that is one becomes a stack, unless another of them nests it; and so does what a stack
/// set deploys.
pub fn read_files(
    files: &[TemplateFile],
    options: &Options,
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> Reading {
    let mut reading = read_once(files, options, sources, diagnostics);
    stack_sets::expand(&mut reading.estate, options, sources, diagnostics);
    reading
}

fn read_once(
    files: &[TemplateFile],
    options: &Options,
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> Reading {
    let mut own = Diagnostics::new();
    let (parsed, outcomes) = parse(files, sources, &mut own);
    let mut session = Session::new(&parsed, options, sources);
    session.diagnostics = own;
    let account = Account {
        name: options.account.clone().unwrap_or_else(|| SmolStr::new_static("template account")),
        title: None,
        number: None,
        unit: None,
        environment: None,
        span: Span::NONE,
    };
    let account = session.estate.add_account(account);
    let templates: Vec<usize> =
        (0..parsed.len()).filter(|at| parsed.get(*at).is_some_and(|file| file.template)).collect();
    if templates.is_empty() {
        session.diagnostics.push(no_templates(&outcomes));
    }
    let mentioned = nested::mentioned_files(&parsed, options, sources);
    let mut names = BTreeSet::new();
    let asked = read_planned(&mut session, account, &mut names);
    // Roots first; then what was named as a nested template and never read as one: a circle, a condition
    // that leaves the nested stack out.
    for roots in [true, false] {
        for at in &templates {
            if mentioned.contains(at) == roots || session.nested.contains(at) || asked.contains(at) {
                continue;
            }
            let Some(file) = parsed.get(*at) else { continue };
            let name = unique_name(&file.name, &mut names);
            let deployment = Deployment {
                file: *at,
                name,
                account,
                region: options.region.clone(),
                given: given(options, file),
                defaults: !options.all_parameters_unknown,
                around: None,
                span: Span::NONE,
            };
            session.begin();
            stack::read(&mut session, deployment);
        }
    }
    imports::resolve(&mut session);
    session.diagnostics.sort();
    diagnostics.append(session.diagnostics);
    Reading { estate: session.estate, outcomes }
}

/// Reads the deployments that manifests ask for, in their order; says which files they are of.
fn read_planned(
    session: &mut Session<'_>,
    account: AccountId,
    names: &mut BTreeSet<SmolStr>,
) -> BTreeSet<usize> {
    let mut outputs: HashMap<SmolStr, IndexMap<SmolStr, Value>> = HashMap::new();
    let mut asked = BTreeSet::new();
    for plan in manifest::planned(session, account) {
        asked.insert(plan.file);
        let Some(file) = session.files.get(plan.file) else { continue };
        let mut values = given(session.options, file);
        for (name, argument) in plan.arguments {
            let value = match argument {
                Argument::Value(value) => Some(value),
                // An output that is not there: a later wave, a condition. The parameter has its default then.
                Argument::Output { stack, output } => {
                    outputs.get(&stack).and_then(|of| of.get(&output)).cloned()
                }
            };
            values.extend(value.map(|value| (name, value)));
        }
        let name = plan.name.unwrap_or_else(|| unique_name(&file.name, names));
        names.insert(name.clone());
        let deployment = Deployment {
            file: plan.file,
            name,
            account: plan.account,
            region: plan.region.or_else(|| session.options.region.clone()),
            given: values,
            defaults: !session.options.all_parameters_unknown,
            around: None,
            span: plan.span,
        };
        session.begin();
        if let Some((_, of)) = stack::read(session, deployment) {
            outputs.insert(plan.key, of);
        }
    }
    asked
}

fn no_templates(outcomes: &[Outcome]) -> Diagnostic {
    let refused = outcomes.iter().filter(|outcome| **outcome == Outcome::Refused).count();
    let text = format!(
        "no CloudFormation template was found: of {} files, {refused} cannot be read and {} are something else",
        outcomes.len(),
        outcomes.len() - refused
    );
    Diagnostic::error(NO_TEMPLATES, Span::NONE, text).expected("YAML or JSON with a section `Resources`")
}

/// Parses and classifies all files; those that are not templates are reported.
fn parse(
    files: &[TemplateFile],
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> (Vec<File>, Vec<Outcome>) {
    let ids: Vec<_> = files.iter().map(|file| sources.add(file.name.as_str(), file.text.clone())).collect();
    let sources = &*sources;
    let one = |(file, id): (&TemplateFile, Option<diagnostics::FileId>)| {
        let mut own = Diagnostics::new();
        let Some(source) = id.and_then(|id| sources.file(id)) else {
            let text = format!("`{}` is not read: all files together have more than 4 GiB", file.name);
            own.push(Diagnostic::error(UNREADABLE_FILE, Span::NONE, text));
            return (None, Class::Refused, own);
        };
        let (tree, class) = classify::read(source, &mut own);
        (tree, class, own)
    };
    let read: Vec<(Option<Node>, Class, Diagnostics)> = files.par_iter().zip(ids).map(one).collect();
    let mut parsed = Vec::with_capacity(files.len());
    let mut outcomes = Vec::with_capacity(files.len());
    for (file, (tree, class, own)) in files.iter().zip(read) {
        diagnostics.append(own);
        outcomes.push(match class {
            Class::Template => Outcome::Read,
            Class::Refused => Outcome::Refused,
            Class::Other => Outcome::Skipped,
            Class::Manifest => Outcome::Manifest,
        });
        let template = class == Class::Template;
        parsed.push(File { name: file.name.clone(), text: file.text.clone(), tree, template });
    }
    (parsed, outcomes)
}

/// The values given for a template.
fn given(options: &Options, file: &File) -> IndexMap<SmolStr, Value> {
    let declared = file.tree.as_ref().and_then(|tree| tree.get("Parameters"));
    let mut out = IndexMap::new();
    for set in &options.parameters {
        match &set.template {
            Some(template) if is_named(&file.name, template) => {
                out.extend(set.values.iter().map(|(name, value)| (name.clone(), value.clone())));
            }
            Some(_) => {}
            None => {
                let known = set
                    .values
                    .iter()
                    .filter(|(name, _)| declared.is_some_and(|node| node.get(name).is_some()));
                out.extend(known.map(|(name, value)| (name.clone(), value.clone())));
            }
        }
    }
    out
}

/// Whether a path is meant by a name: the path itself, or its last parts.
fn is_named(path: &str, name: &str) -> bool {
    path == name || path.strip_suffix(name).is_some_and(|before| before.ends_with('/'))
}

/// The name of a file's stack: the file's without extension, or more of its path where that is taken.
fn unique_name(path: &str, taken: &mut BTreeSet<SmolStr>) -> SmolStr {
    let stem = |name: &str| {
        let (folders, file) = name.rsplit_once('/').map_or(("", name), |(folders, file)| (folders, file));
        let stem = file.split('.').find(|part| !part.is_empty()).unwrap_or("stack").to_owned();
        (folders.to_owned(), stem)
    };
    let (folders, mut name) = stem(path);
    for folder in folders.rsplit('/').filter(|folder| !folder.is_empty()) {
        if !taken.contains(sanitized(&name).as_str()) {
            break;
        }
        name = format!("{folder}-{name}");
    }
    let base = sanitized(&name);
    let mut name = SmolStr::new(&base);
    let mut count = 2;
    while !taken.insert(name.clone()) {
        name = format_smolstr!("{base}-{count}");
        count += 1;
    }
    name
}

/// A stack name consists of letters, digits and hyphens and begins with a letter.
fn sanitized(name: &str) -> String {
    let clean: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let clean = clean.trim_matches('-');
    if clean.starts_with(|c: char| c.is_ascii_alphabetic()) {
        clean.to_owned()
    } else {
        format!("stack-{clean}")
    }
}
