//! Units: templates as they are deployed. A stack of the estate is one, or several where it is split.
//!
//! In: the estate. Out: a [`Unit`] for each template, with its text and what it needs and puts out.
//! Always: stacks are worked on side by side, and the result does not show it.

use std::collections::{BTreeMap, BTreeSet};

use diagnostics::{Diagnostic, Diagnostics};
use estate::{Kind, Reference, Resource, SmolStr, Stack, StackId};
use rayon::prelude::*;

use super::lower::{Need, Source, Surroundings};
use super::template::{Draft, draft};
use super::{Format, Options, names, split, wiring};
use crate::{NO_OUTPUT, QUOTA_OF_TEMPLATE, TOO_LARGE};

/// One template.
pub(crate) struct Unit {
    pub(crate) stack: StackId,
    /// From 0; 0 of 1 where the stack is not split.
    pub(crate) part: u32,
    /// `account/region/name`
    pub(crate) key: String,
    /// The name it is deployed under.
    pub(crate) name: String,
    /// The template's path in the bundle.
    pub(crate) path: String,
    pub(crate) text: Vec<u8>,
    pub(crate) sha256: String,
    pub(crate) needs: BTreeMap<String, Need>,
    /// Names of its outputs that others use, by what they put out.
    pub(crate) outputs: BTreeMap<Reference, String>,
    pub(crate) capabilities: BTreeSet<&'static str>,
    pub(crate) resources: usize,
    /// The part of each of the stack's resources, where it is split; for the unit of part 0 only.
    pub(crate) placement: BTreeMap<SmolStr, u32>,
}

/// What others use of each stack, and under which name it puts that out.
pub(crate) type Wanted = BTreeMap<StackId, BTreeMap<Reference, String>>;

/// Makes every template.
pub(crate) fn units(
    around: &Surroundings<'_>,
    options: &Options,
    diagnostics: &mut Diagnostics,
) -> Vec<Unit> {
    // What stack sets deploy stands in the stack sets themselves.
    let stacks: Vec<(StackId, &Stack)> =
        around.estate.stacks().filter(|(_, stack)| stack.fleet.is_none()).collect();
    let drafts: Vec<Option<Draft<'_>>> = stacks
        .par_iter()
        .map(|(id, stack)| stack.template.is_none().then(|| draft(around, *id, stack, None, options.format)))
        .collect();
    let wanted = wanted(around, &stacks, &drafts, diagnostics);
    let paths = Paths::new(around, &stacks, options.format);
    let none = BTreeMap::new();
    let made: Vec<(Vec<Unit>, Vec<Diagnostic>)> = (stacks.par_iter().zip(drafts))
        .map(|((id, stack), draft)| {
            let making = Making {
                around,
                id: *id,
                stack,
                wanted: wanted.get(id).unwrap_or(&none),
                paths: &paths,
                options,
            };
            match draft {
                Some(draft) => making.designed(draft),
                None => making.brought(),
            }
        })
        .collect();
    let mut units = Vec::with_capacity(made.len());
    for (some, problems) in made {
        units.extend(some);
        diagnostics.extend(problems);
    }
    units
}

/// Everything that crosses stacks, named.
fn wanted(
    around: &Surroundings<'_>,
    stacks: &[(StackId, &Stack)],
    drafts: &[Option<Draft<'_>>],
    diagnostics: &mut Diagnostics,
) -> Wanted {
    let mut references: BTreeMap<StackId, BTreeSet<Reference>> = BTreeMap::new();
    let mut want = |source: &Source| {
        if let Source::Output(reference) = source
            && let Some(producer) = names::producer(reference)
        {
            references.entry(producer).or_default().insert(reference.clone());
        }
    };
    for ((_, stack), draft) in stacks.iter().zip(drafts) {
        match draft {
            Some(draft) => draft.lowering.parameters.values().for_each(|need| want(&need.source)),
            None => wiring::sources(around, stack).for_each(|(_, source)| want(&source)),
        }
    }
    for maker in around.makers.iter().flatten() {
        // The deployment needs the numbers of new accounts even where no template does.
        want(&Source::Output(Reference::attribute(maker.0, maker.1.clone(), "AccountId")));
    }
    let mut wanted = Wanted::new();
    for (id, references) in references {
        if let Some(stack) = around.estate.stack(id) {
            wanted.insert(id, output_names(around, id, stack, references, diagnostics));
        }
    }
    wanted
}

/// The name of the output for each value that is wanted of a stack. An output that the stack itself has
/// for exactly this value serves; a template that was brought must have one.
fn output_names(
    around: &Surroundings<'_>,
    id: StackId,
    stack: &Stack,
    references: BTreeSet<Reference>,
    diagnostics: &mut Diagnostics,
) -> BTreeMap<Reference, String> {
    let mut taken: BTreeSet<String> = stack.outputs.keys().map(SmolStr::to_string).collect();
    let mut out = BTreeMap::new();
    for reference in references {
        let serves = |output: &estate::Output| {
            matches!(&output.value.kind, Kind::Reference(value) if **value == reference)
                && output.condition.is_none()
        };
        let existing = stack.outputs.iter().find(|(_, output)| serves(output) && !around.is_list(&reference));
        if let Some((name, _)) = existing {
            out.insert(reference, name.to_string());
            continue;
        }
        if stack.template.is_some() {
            let path = around.estate.stack_path(id);
            let message =
                format!("another stack uses `{reference}` of `{path}`, whose template has no output for it");
            let help = format!("add an output with the value of `{reference}`");
            diagnostics.push(Diagnostic::error(NO_OUTPUT, stack.span, message).help(help));
            continue;
        }
        let mut name = names::output(&reference);
        if taken.contains(&name) {
            name = names::distinguished(&name, &reference.to_string());
        }
        taken.insert(name.clone());
        out.insert(reference, name);
    }
    out
}

/// What one stack is made from.
struct Making<'m, 'a> {
    around: &'a Surroundings<'a>,
    id: StackId,
    stack: &'a Stack,
    wanted: &'m BTreeMap<Reference, String>,
    paths: &'m Paths,
    options: &'m Options,
}

impl<'a> Making<'_, 'a> {
    fn designed(&self, mut draft: Draft<'a>) -> (Vec<Unit>, Vec<Diagnostic>) {
        let problems = std::mem::take(&mut draft.lowering.problems);
        if !problems.is_empty() {
            return (Vec::new(), problems);
        }
        let before = self.options.placement.get(&self.around.estate.stack_path(self.id));
        let was_split = before.is_some_and(|before| before.values().any(|part| *part > 1));
        let unit = self.unit(&draft, 0, self.wanted.clone(), "");
        if !was_split && self.exceeded(&unit).is_none() && !self.would_be_stuck(&unit) {
            return (vec![unit], Vec::new());
        }
        match self.parts(&draft, before) {
            Ok(units) => (units, Vec::new()),
            Err(problem) => (Vec::new(), vec![*problem]),
        }
    }

    /// Whether nothing could be added to the stack once it has to be split: what is here could not move any
    /// more, and has no outputs left by which something elsewhere could use it.
    fn would_be_stuck(&self, unit: &Unit) -> bool {
        let quotas = self.options.quotas;
        unit.outputs.len() > quotas.outputs / 2
            && unit.outputs.len() + split::values_used_within(self.around, self.id, self.stack)
                > quotas.with_room().outputs
    }

    /// The units of a stack that has to be split, or was.
    fn parts(
        &self,
        whole: &Draft<'a>,
        before: Option<&BTreeMap<SmolStr, u32>>,
    ) -> Result<Vec<Unit>, Box<Diagnostic>> {
        let mut sizes = vec![0; self.stack.resources.len()];
        for (at, bytes) in &whole.sizes {
            sizes.get_mut(*at).into_iter().for_each(|place| *place = *bytes);
        }
        let before =
            before.map(|parts| parts.iter().map(|(id, part)| (id.clone(), part.saturating_sub(1))).collect());
        let external: BTreeSet<Reference> = self.wanted.keys().cloned().collect();
        let quotas = self.options.quotas;
        let part_of =
            split::split(self.around, self.id, self.stack, &sizes, &external, before.as_ref(), quotas)?;
        let count = part_of.iter().max().map_or(1, |last| last + 1);
        let drafts: Vec<Draft<'_>> = (0..count)
            .map(|part| draft(self.around, self.id, self.stack, Some((&part_of, part)), self.options.format))
            .collect();
        let outputs = self.outputs_of_parts(&drafts, &part_of);
        let mut units = Vec::new();
        for ((part, draft), outputs) in (0..).zip(&drafts).zip(outputs) {
            // A part that lost all it had stays, empty of resources, only if there are others behind it:
            // CloudFormation takes no template without resources, so it is left out.
            if draft.sizes.is_empty() {
                continue;
            }
            let note = format!("(part {} of {count})", part + 1);
            let mut unit = self.unit(draft, part, outputs, &note);
            if let Some(quota) = self.exceeded(&unit) {
                let path = &unit.key;
                let message = format!("part `{path}` of a split stack would still have more than {quota}");
                return Err(Box::new(Diagnostic::error(TOO_LARGE, self.stack.span, message)));
            }
            if units.is_empty() {
                unit.placement =
                    (self.stack.resources.keys().cloned().zip(part_of.iter().map(|part| part + 1))).collect();
            }
            units.push(unit);
        }
        Ok(units)
    }

    /// What each part puts out: for other stacks, and for the parts behind it.
    fn outputs_of_parts(&self, drafts: &[Draft<'_>], part_of: &[u32]) -> Vec<BTreeMap<Reference, String>> {
        let mut outputs = vec![BTreeMap::new(); drafts.len()];
        let inner = drafts.iter().flat_map(|draft| draft.lowering.parameters.values());
        let inner = inner.filter_map(|need| match &need.source {
            Source::Output(reference) if names::producer(reference) == Some(self.id) => Some(reference),
            _ => None,
        });
        let mut taken: BTreeSet<String> = self.wanted.values().cloned().collect();
        taken.extend(self.stack.outputs.keys().map(SmolStr::to_string));
        let mut named: BTreeMap<&Reference, String> = BTreeMap::new();
        for reference in self.wanted.keys().chain(inner) {
            let name = named.entry(reference).or_insert_with(|| {
                if let Some(name) = self.wanted.get(reference) {
                    return name.clone();
                }
                let name = names::output(reference);
                let name = if taken.contains(&name) {
                    names::distinguished(&name, &reference.to_string())
                } else {
                    name
                };
                taken.insert(name.clone());
                name
            });
            let part = part_holding(self.stack, part_of, reference);
            if let Some(outputs) = outputs.get_mut(part as usize) {
                outputs.insert(reference.clone(), name.clone());
            }
        }
        outputs
    }

    fn unit(&self, draft: &Draft<'a>, part: u32, outputs: BTreeMap<Reference, String>, note: &str) -> Unit {
        let mut wanted: Vec<(String, Reference)> =
            outputs.iter().map(|(reference, name)| (name.clone(), reference.clone())).collect();
        wanted.sort();
        let text = draft.text(self.stack, note, &wanted, self.options.format);
        let resources = draft.sizes.iter().filter_map(|(at, _)| self.stack.resources.get_index(*at));
        let mut capabilities = capabilities(resources.map(|(_, resource)| resource));
        if draft.lowering.language_extensions {
            capabilities.insert(AUTO_EXPAND);
        }
        let suffix = if part == 0 { String::new() } else { format!("-{}", part + 1) };
        let mut unit = self.blank(
            part,
            text,
            format!("{}{suffix}.{}", self.paths.stem(self.id), extension(self.options.format)),
        );
        unit.key.push_str(&suffix);
        unit.name.push_str(&suffix);
        unit.needs = draft.lowering.parameters.clone();
        unit.outputs = outputs;
        unit.capabilities = capabilities;
        unit.resources = draft.sizes.len();
        let quotas = self.options.quotas;
        if part == 0 && (draft.sizes.len() > quotas.resources / 2 || unit.outputs.len() > quotas.outputs / 2)
        {
            // It may have to be split one day; then everything that is here today stays here.
            unit.placement = self.stack.resources.keys().map(|id| (id.clone(), 1)).collect();
        }
        unit
    }

    /// A template that somebody brought, unchanged.
    fn brought(&self) -> (Vec<Unit>, Vec<Diagnostic>) {
        let Some(template) = &self.stack.template else { return (Vec::new(), Vec::new()) };
        let text = template.text.as_bytes().to_vec();
        let mut unit = self.blank(0, text, self.paths.stem(self.id));
        unit.outputs = self.wanted.clone();
        unit.capabilities = capabilities(self.stack.resources.values());
        if template.text.contains("AWS::Serverless-") || template.text.contains("Fn::Transform") {
            unit.capabilities.insert(AUTO_EXPAND);
        }
        unit.resources = self.stack.resources.len() + self.stack.left_out.len();
        let counts = (unit.resources, self.stack.parameters.len(), self.stack.outputs.len(), unit.text.len());
        let problem = exceeded(counts, self.options.quotas).map(|quota| {
            let message = format!("template `{}` has more than {quota}", template.file);
            Diagnostic::error(QUOTA_OF_TEMPLATE, self.stack.span, message)
        });
        (vec![unit], problem.into_iter().collect())
    }

    fn blank(&self, part: u32, text: Vec<u8>, path: String) -> Unit {
        Unit {
            stack: self.id,
            part,
            key: self.around.estate.stack_path(self.id),
            name: names::deployed(&self.stack.name),
            path,
            sha256: names::digest(&text),
            text,
            needs: BTreeMap::new(),
            outputs: BTreeMap::new(),
            capabilities: BTreeSet::new(),
            resources: 0,
            placement: BTreeMap::new(),
        }
    }

    fn exceeded(&self, unit: &Unit) -> Option<String> {
        let outputs = unit.outputs.len() + self.stack.outputs.len();
        exceeded((unit.resources, unit.needs.len(), outputs, unit.text.len()), self.options.quotas)
    }
}

/// The quota that a template of so many resources, parameters, outputs and bytes exceeds.
fn exceeded(counts: (usize, usize, usize, usize), quotas: super::Quotas) -> Option<String> {
    let (resources, parameters, outputs, bytes) = counts;
    let limits = [
        (resources, quotas.resources, "resources"),
        (parameters, quotas.parameters, "parameters"),
        (outputs, quotas.outputs, "outputs"),
        (bytes, quotas.bytes, "bytes"),
    ];
    let over = limits.into_iter().find(|(count, quota, _)| count > quota);
    over.map(|(count, quota, what)| format!("{quota} {what} ({count})"))
}

/// The part that puts a value of the stack out.
pub(crate) fn part_holding(stack: &Stack, part_of: &[u32], reference: &Reference) -> u32 {
    let at = reference.resource().and_then(|(_, id)| stack.resources.get_index_of(id.as_str()));
    at.and_then(|at| part_of.get(at)).copied().unwrap_or(0)
}

const AUTO_EXPAND: &str = "CAPABILITY_AUTO_EXPAND";

/// What must be acknowledged to deploy these resources.
///
/// Source: AWS CloudFormation API Reference, "CreateStack", Capabilities.
fn capabilities<'r>(resources: impl Iterator<Item = &'r Resource>) -> BTreeSet<&'static str> {
    const NAMES: [&str; 5] =
        ["RoleName", "UserName", "GroupName", "ManagedPolicyName", "InstanceProfileName"];
    let mut found = BTreeSet::new();
    for resource in resources.filter(|resource| resource.kind.starts_with("AWS::IAM::")) {
        let named = NAMES.iter().any(|name| resource.properties.get(name).is_some());
        found.insert(if named { "CAPABILITY_NAMED_IAM" } else { "CAPABILITY_IAM" });
    }
    if found.contains("CAPABILITY_NAMED_IAM") {
        found.remove("CAPABILITY_IAM");
    }
    found
}

fn extension(format: Format) -> &'static str {
    match format {
        Format::Json => "json",
        Format::Yaml => "yaml",
    }
}

/// Where templates go: `accounts/<account>/<region>/<stack>`, without extension for those that Steward
/// writes. Templates that nest each other lie together in a folder of their root's name, placed to each
/// other as they were brought, so that the relative paths in them still lead somewhere.
pub(crate) struct Paths {
    stems: BTreeMap<StackId, String>,
}

impl Paths {
    fn new(around: &Surroundings<'_>, stacks: &[(StackId, &Stack)], format: Format) -> Self {
        let mut taken = BTreeSet::new();
        let nesting: BTreeSet<StackId> =
            stacks.iter().filter_map(|(_, stack)| Some(stack.nested_in.as_ref()?.0)).collect();
        let mut stems = BTreeMap::new();
        for (id, stack) in stacks {
            let account = around.estate.account(stack.account).map_or("", |account| account.name.as_str());
            let region = stack.region.as_deref().unwrap_or("any-region");
            let folder = format!("accounts/{}/{}", names::path_part(account), names::path_part(region));
            let root = wiring::root(around.estate, *id);
            let mut stem = match &stack.template {
                None => format!("{folder}/{}", names::path_part(&stack.name)),
                Some(template) if root != *id || nesting.contains(id) => {
                    let root = around.estate.stack(root).map_or("", |root| root.name.as_str());
                    format!("{folder}/{}/{}", names::path_part(root), clean_path(&template.file))
                }
                Some(template) => {
                    let name = names::path_part(&stack.name);
                    let file = template.file.rsplit('/').next().unwrap_or("");
                    let extension =
                        file.rsplit_once('.').map_or(extension(format), |(_, extension)| extension);
                    format!("{folder}/{name}.{}", names::path_part(extension))
                }
            };
            // File systems may not tell upper from lower case.
            if !taken.insert(stem.to_ascii_lowercase()) {
                let key = around.estate.stack_path(*id);
                stem = match stem.rsplit_once('.').filter(|_| stack.template.is_some()) {
                    Some((stem, extension)) => {
                        format!("{}.{extension}", names::distinguished(&format!("{stem}-"), &key))
                    }
                    None => names::distinguished(&format!("{stem}-"), &key),
                };
                taken.insert(stem.to_ascii_lowercase());
            }
            stems.insert(*id, stem);
        }
        Self { stems }
    }

    fn stem(&self, id: StackId) -> String {
        self.stems.get(&id).cloned().unwrap_or_default()
    }
}

/// A file's path without anything that leads out of the folder it is put in.
fn clean_path(file: &str) -> String {
    let parts = file.split(['/', '\\']).filter(|part| !matches!(*part, "" | "." | ".."));
    parts.map(names::path_part).collect::<Vec<_>>().join("/")
}
