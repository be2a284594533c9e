//! What the blueprint would have to say for the cloud to be as it is.
//!
//! In: drift, and the blueprint. Out: for each property that differs the smallest edit after which the blueprint compiles to what is there,
//! or that none was found. Always: an edit is tried by compiling the whole blueprint with it; of several the one is taken that changes
//! the fewest other resources, and how many it does change is said; nothing is written here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use blueprint::codes::NEEDS_REASON;
use deploy::drift::{Drift, What};
use diagnostics::{Diagnostics, Severity, SourceFile};
use document::{Entry, Node, Syntax};
use emit::cloudformation::Options as Emitting;
use plan::Desired;
use prove::{Date, Verdict};
use serde_json::Value;

use crate::disk::Folder;
use crate::edit::{self, Edited};
use crate::pipeline::{self, Read};

/// The most edits that are tried for one property.
const MOST_TRIED: usize = 96;

/// What came of the search for one property.
#[derive(Debug)]
pub(super) struct Found {
    /// `account/region/stack/resource/Property`.
    pub subject: String,
    /// How many other resources the edit changes too; an error says why there is none.
    pub edit: Result<usize, String>,
}

/// All that is accepted.
pub(super) struct Accepted {
    /// Property by property.
    pub found: Vec<Found>,
    /// Files with another text: name, before, after.
    pub files: Vec<(String, String, String)>,
    /// Guarantees whose verdict turns: id, before, after.
    pub turned: Vec<(&'static str, Option<Verdict>, Option<Verdict>)>,
}

/// What a blueprint compiles to.
struct Compiled {
    read: Read,
    templates: BTreeMap<String, Arc<str>>,
}

/// The search over one blueprint.
pub(super) struct Search<'s> {
    pub folder: &'s Path,
    pub placement: &'s BTreeMap<String, BTreeMap<estate::SmolStr, u32>>,
    pub because: Option<&'s str>,
    pub today: Date,
}

impl Search<'_> {
    /// Looks for edits for what differs, one after the other; each stands on those before it.
    pub(super) fn accept(&self, drifts: &[&Drift]) -> Result<Accepted, String> {
        let files = Folder::open(self.folder).map_err(|error| error.to_string())?;
        let mut edited = Edited::new(&files);
        let mut base = self.compiled(&edited)?;
        let before = verdicts(&mut base.read);
        let mut found = Vec::new();
        for drift in drifts {
            let whole = super::judged::path(drift);
            let refuse = |why: String| Found { subject: whole.clone(), edit: Err(why) };
            match &drift.what {
                What::Gone => {
                    let place = base
                        .read
                        .written_at(&drift.stack, &drift.logical_id)
                        .unwrap_or_else(|| "the blueprint".to_owned());
                    found.push(refuse(format!(
                        "it was deleted: take what stands at {place} out by hand, or repair it"
                    )));
                }
                What::Undeclared => {
                    found.push(refuse(
                        "nobody declared it: `steward adopt` takes it into a template".to_owned(),
                    ));
                }
                What::Differs(properties) => {
                    for (path, _, there) in properties {
                        let subject = format!("{whole}/{path}");
                        match self.one(&edited, &base, drift, path, there.as_ref()) {
                            Ok((text, compiled, others)) => {
                                edited = edited.with(&text.0, text.1);
                                base = compiled;
                                found.push(Found { subject, edit: Ok(others) });
                            }
                            Err(why) => found.push(Found { subject, edit: Err(why) }),
                        }
                    }
                }
            }
        }
        let after = verdicts(&mut base.read);
        let turned = after.iter().map(|(id, now)| (*id, before.get(id).copied().flatten(), *now));
        let turned = turned.filter(|(_, before, now)| before != now).collect();
        let original = |name: &str| std::fs::read_to_string(name).unwrap_or_default();
        let files =
            edited.texts.iter().map(|(name, text)| (name.clone(), original(name), text.clone())).collect();
        Ok(Accepted { found, files, turned })
    }

    fn compiled(&self, files: &Edited<'_>) -> Result<Compiled, String> {
        let mut read = pipeline::blueprint_in(files, self.folder, pipeline::BLUEPRINT, self.today);
        let settings = Emitting { placement: self.placement.clone(), ..Emitting::default() };
        let emission = read.emit(&settings);
        let (Some(estate), Some(emission), false) = (&read.estate, emission, read.diagnostics.has_errors())
        else {
            let errors = read.diagnostics.iter().filter(|it| it.severity == Severity::Error);
            let codes: BTreeSet<String> = errors.map(|error| error.code.to_string()).collect();
            return Err(codes.into_iter().collect::<Vec<_>>().join(", "));
        };
        let desired = Desired::of(estate, &emission);
        let of_stack = |stack: &emit::cloudformation::ManifestStack| {
            Some((stack.key.clone(), Arc::clone(desired.templates.get(&stack.template)?)))
        };
        let templates = desired.manifest.stacks.iter().filter_map(of_stack).collect();
        Ok(Compiled { read, templates })
    }

    /// The best edit for one property: the file and its text, what it compiles to, and how many other resources change.
    fn one(
        &self,
        edited: &Edited<'_>,
        base: &Compiled,
        drift: &Drift,
        path: &str,
        there: Option<&Value>,
    ) -> Result<((String, String), Compiled, usize), String> {
        let nothing = || {
            let place = base.read.written_at(&drift.stack, &drift.logical_id);
            let place = place.map_or_else(String::new, |place| format!(" ({place})"));
            format!("no word of the blueprint says it{place}: repair it, or except it until a day")
        };
        let candidates = candidates(&base.read, drift, path, there).ok_or_else(nothing)?;
        let mut best: Option<((String, String), Compiled, usize)> = None;
        let mut unreasoned = false;
        for candidate in candidates.iter().take(MOST_TRIED) {
            let name = candidate.file.clone();
            let source = base.read.sources.files().find(|file| *file.name == *name);
            let Some(source) = source else { continue };
            let Some(text) = candidate.text(&source.text, None) else { continue };
            let mut text = (name.clone(), text);
            let mut compiled = self.compiled(&edited.with(&name, text.1.clone()));
            let asks = compiled.as_ref().err().is_some_and(|codes| *codes == NEEDS_REASON.to_string());
            if asks {
                let reason = self.because.unwrap_or("A reason that somebody will give.");
                let Some(with_reason) = candidate.text(&source.text, Some(reason)) else { continue };
                text = (name.clone(), with_reason);
                compiled = self.compiled(&edited.with(&name, text.1.clone()));
            }
            let Ok(compiled) = compiled else { continue };
            if !says(&compiled, drift, path, there) {
                continue;
            }
            if asks && self.because.is_none() {
                unreasoned = true;
                continue;
            }
            let others = changed(&base.templates, &compiled.templates).saturating_sub(1);
            if best.as_ref().is_none_or(|(_, _, known)| others < *known) {
                best = Some((text, compiled, others));
            }
            if others == 0 {
                break;
            }
        }
        best.ok_or_else(|| {
            if unreasoned { "the blueprint asks for a reason: --because TEXT".to_owned() } else { nothing() }
        })
    }
}

fn verdicts(read: &mut Read) -> BTreeMap<&'static str, Option<Verdict>> {
    let report = read.prove();
    let all = report.into_iter().flat_map(|report| report.guarantees);
    all.map(|checked| (checked.guarantee.id, checked.verdict())).collect()
}

/// Whether a template says of a property what is there.
fn says(compiled: &Compiled, drift: &Drift, path: &str, there: Option<&Value>) -> bool {
    let Some(template) = compiled.templates.get(&drift.stack) else { return false };
    let resources = plan::template::resources(template);
    let Some(resource) = resources.get(&drift.logical_id) else { return false };
    match (resource.pointer(&format!("/Properties/{path}")), there) {
        (Some(said), Some(there)) => deploy::drift::same(said, there),
        (None, None) => true,
        _ => false,
    }
}

/// How many resources two sets of templates say differently.
fn changed(before: &BTreeMap<String, Arc<str>>, after: &BTreeMap<String, Arc<str>>) -> usize {
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let resources =
        |text: Option<&Arc<str>>| text.map(|text| plan::template::resources(text)).unwrap_or_default();
    let mut count = 0;
    for key in keys {
        let (old, new) = (before.get(key), after.get(key));
        if old == new {
            continue;
        }
        let (old, new) = (resources(old), resources(new));
        let ids: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        count += ids.into_iter().filter(|id| old.get(*id) != new.get(*id)).count();
    }
    count
}

/// An edit that may say it: a field of the mapping at a path of keys.
struct Candidate {
    file: String,
    keys: Vec<String>,
    field: String,
    value: String,
    rank: usize,
}

impl Candidate {
    /// The file's text with it, and with a reason beside it.
    fn text(&self, text: &str, because: Option<&str>) -> Option<String> {
        let mut keys: Vec<&str> = self.keys.iter().map(String::as_str).collect();
        let said = edit::set(&self.file, text, &keys, &self.field, &self.value)?;
        let Some(because) = because else { return Some(said) };
        keys.push("because");
        edit::set(&self.file, &said, &keys, &self.field, &edit::scalar(because))
    }
}

/// Edits that may say what is there: fields of what the resource comes from, and of what differs in its environment, those that sound like the
/// property first.
fn candidates(read: &Read, drift: &Drift, path: &str, there: Option<&Value>) -> Option<Vec<Candidate>> {
    let span = read.origin(&drift.stack, &drift.logical_id)?;
    let file = read.sources.file_of(span)?;
    let tree = document::parse(file, Syntax::blueprint(), &mut Diagnostics::new())?;
    let way = edit::way(&tree, span);
    let schema = blueprint::json_schema();
    let mut out = Vec::new();
    let mut at = schema.pointer("/$defs/Blueprint").cloned()?;
    let mut known = Vec::new();
    let mut keys: Vec<String> = Vec::new();
    for entry in &way {
        at = below(&schema, &at, &entry.key.text, &entry.value)?;
        keys.push(entry.key.text.to_string());
        known.push((keys.clone(), &entry.value, at.clone()));
    }
    let wish = Wish { schema: &schema, path, there };
    for (keys, now, kind) in known.into_iter().rev().take(2) {
        wish.offer(&kind, &file.name, keys, now, &mut out);
    }
    // What differs in one environment only.
    if let [first, second, ..] = way.as_slice()
        && matches!(first.key.text.as_str(), "stores" | "workloads")
        && let Some((home, environments)) = environments(read)
        && let Some(environment) = environment_of(&environments, drift)
        && let Some(entry) = environments.value.entry(&environment)
    {
        let kind = schema.pointer("/$defs/Override").cloned().unwrap_or_default();
        let now = entry.value.get("overrides").and_then(|all| all.get(&second.key.text));
        let none = Node::new(diagnostics::Span::NONE, document::Kind::Null);
        let keys = ["environments", &environment, "overrides", &second.key.text].map(str::to_owned).to_vec();
        wish.offer(&kind, &home.name, keys, now.unwrap_or(&none), &mut out);
    }
    out.sort_by_key(|candidate| std::cmp::Reverse(candidate.rank));
    Some(out)
}

/// The section of environments, and the file it is in.
fn environments(read: &Read) -> Option<(&SourceFile, Entry)> {
    read.sources.files().find_map(|file| {
        let tree = document::parse(file, Syntax::blueprint(), &mut Diagnostics::new())?;
        Some((file, tree.entry("environments")?.clone()))
    })
}

/// The environment whose stack it is: stacks are called `environment-what-name`.
fn environment_of(environments: &Entry, drift: &Drift) -> Option<String> {
    let name = drift.stack.rsplit('/').next()?;
    let all = environments.value.as_map()?.iter().map(|entry| entry.key.text.to_string());
    all.filter(|environment| name.starts_with(&format!("{environment}-"))).max_by_key(String::len)
}

/// The schema of what stands under a key.
fn below(schema: &Value, at: &Value, key: &str, value: &Node) -> Option<Value> {
    let mut open = vec![at.clone()];
    let mut depth = 0;
    while let Some(next) = open.pop() {
        depth += 1;
        if depth > 64 {
            return None;
        }
        if let Some(found) = next
            .get("properties")
            .and_then(|all| all.get(key))
            .or(next.get("additionalProperties").filter(|it| it.is_object()))
        {
            let found = resolved(schema, found);
            return Some(variant(schema, found, value));
        }
        for list in ["anyOf", "oneOf", "allOf"] {
            let all = next.get(list).and_then(Value::as_array);
            open.extend(all.into_iter().flatten().map(|it| resolved(schema, it)));
        }
    }
    None
}

fn resolved(schema: &Value, value: &Value) -> Value {
    let name = value.get("$ref").and_then(Value::as_str);
    name.and_then(|name| schema.pointer(name.trim_start_matches('#'))).unwrap_or(value).clone()
}

/// Of several kinds of one thing, the one that is written.
fn variant(schema: &Value, found: Value, value: &Node) -> Value {
    let kind = value.get("kind").and_then(Node::as_str);
    let all = found.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    let mut all = all.map(|it| resolved(schema, it));
    let fits =
        |it: &Value| kind.is_some() && it.pointer("/properties/kind/const").and_then(Value::as_str) == kind;
    all.find(fits).unwrap_or(found)
}

/// Fields that say something else than how big, how long or whether.
const NO_SETTINGS: [&str; 6] = ["kind", "title", "because", "environments", "account", "like"];

/// What is to be said.
struct Wish<'w> {
    schema: &'w Value,
    path: &'w str,
    there: Option<&'w Value>,
}

impl Wish<'_> {
    /// Fields of a mapping of a kind that may say it.
    fn offer(&self, kind: &Value, file: &str, keys: Vec<String>, now: &Node, out: &mut Vec<Candidate>) {
        let fields = kind.get("properties").and_then(Value::as_object).into_iter().flatten();
        for (field, says) in fields.filter(|(field, _)| !NO_SETTINGS.contains(&field.as_str())) {
            let mut values = Vec::new();
            values_of(self.schema, says, self.there, 0, &mut values);
            values.dedup();
            let present = now.get(field).and_then(Node::as_scalar_text);
            for value in values.into_iter().filter(|value| present.as_deref() != Some(value)) {
                let near = usize::from(keys.len() > 2) + usize::from(present.is_some());
                out.push(Candidate {
                    file: file.to_owned(),
                    keys: keys.clone(),
                    field: field.clone(),
                    value,
                    rank: alike(self.path, field) * 4 + near,
                });
            }
        }
    }
}

/// Values that a field may have to say what is there.
fn values_of(schema: &Value, says: &Value, there: Option<&Value>, depth: usize, out: &mut Vec<String>) {
    if depth > 8 {
        return;
    }
    let text = there.map(|value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    let number = text.as_deref().and_then(|text| text.parse::<u64>().ok());
    match says.get("$ref").and_then(Value::as_str) {
        Some("#/$defs/Period") => {
            out.extend(
                number.filter(|n| *n > 0).map(|n| format!("{n} day{}", if n == 1 { "" } else { "s" })),
            );
            return;
        }
        Some("#/$defs/Capacity") => {
            out.extend(number.filter(|n| *n > 0).map(|n| format!("{n} GiB")));
            return;
        }
        Some(_) => return values_of(schema, &resolved(schema, says), there, depth + 1, out),
        None => {}
    }
    for list in ["anyOf", "oneOf", "allOf"] {
        for one in says.get(list).and_then(Value::as_array).into_iter().flatten() {
            values_of(schema, one, there, depth + 1, out);
        }
    }
    if let Some(all) = says.get("enum").and_then(Value::as_array) {
        if all.contains(&Value::Bool(true)) {
            out.extend(["yes", "no"].map(str::to_owned));
        } else {
            out.extend(all.iter().filter_map(Value::as_str).map(str::to_owned));
        }
    }
    out.extend(says.get("const").and_then(Value::as_str).map(str::to_owned));
    match says.get("type").and_then(Value::as_str) {
        Some("boolean") => out.extend(["yes", "no"].map(str::to_owned)),
        Some("integer") => out.extend(number.map(|n| n.to_string())),
        Some("string") if number.is_none() => {
            let words = text.filter(|text| !text.is_empty() && text.len() <= 200 && !text.contains('\n'));
            out.extend(words.map(|text| edit::scalar(&text)));
        }
        _ => {}
    }
}

/// How many words a property and a field have in common: `BackupRetentionPeriod` and `backup`.
fn alike(property: &str, field: &str) -> usize {
    let mut words: Vec<String> = Vec::new();
    for c in property.chars() {
        match words.last_mut() {
            Some(word) if c.is_lowercase() => word.push(c),
            _ if c.is_alphabetic() => words.push(c.to_lowercase().collect()),
            _ => {}
        }
    }
    let common = |word: &str| {
        words
            .iter()
            .any(|known| known.len() > 2 && (known.starts_with(word) || word.starts_with(known.as_str())))
    };
    field.split('-').filter(|word| word.len() > 2 && common(word)).count()
}
