//! The example companies of the repository: what `design` makes of them fits the schemas, and is emitted.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use blueprint::MemoryFiles;
use catalog::Catalog;
use design::Lock;
use diagnostics::{Diagnostics, Severity, SourceMap};
use emit::cloudformation::{Format, Options};
use estate::validate::{Outcome, check};
use estate::{Estate, Kind, StackId, Target, Value};

use crate::estates::emitted;
use crate::parsed::{named, parse};

const EXAMPLES: [&str; 5] = ["brokerage", "clinical-ai", "foundations", "hipaa-baseline", "studio"];

fn example(name: &str) -> Estate {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name).join("estate.yaml");
    let files = MemoryFiles::new().with("estate.yaml", std::fs::read_to_string(path).unwrap());
    let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::new());
    let blueprint = blueprint::load(&files, "estate.yaml", &mut sources, &mut diagnostics).unwrap();
    design::compile(&blueprint, &Lock::default(), &mut diagnostics).unwrap().estate
}

#[test]
fn every_example_fits_the_schemas() {
    for name in EXAMPLES {
        let estate = example(name);
        let found: Vec<String> = check(&estate, Catalog::shared())
            .findings
            .iter()
            .filter(|finding| finding.outcome != Outcome::Valid)
            .map(|finding| {
                let stack = estate.stack_path(finding.stack);
                format!("{} {stack} {} {} {}", finding.code, finding.resource, finding.path, finding.message)
            })
            .collect();
        assert!(found.is_empty(), "{name}: {} findings\n{}", found.len(), found.join("\n"));
    }
}

#[test]
fn every_example_is_emitted_and_resolves() {
    for name in EXAMPLES {
        let estate = example(name);
        let [json, yaml] = [Format::Json, Format::Yaml].map(|format| {
            let emission = emitted(&estate, &Options { format, ..Options::default() });
            let stacks = emission.manifest.stacks.iter();
            stacks
                .map(|stack| parse(&stack.template, emission.bundle.get(&stack.template).unwrap()))
                .collect::<Vec<_>>()
        });
        assert!(json == yaml, "{name}: JSON and YAML differ");
        for template in json {
            for target in named(&template) {
                let has = |section: &str| template[section].get(&target).is_some();
                assert!(
                    target.starts_with("AWS::") || has("Resources") || has("Parameters"),
                    "{name}: {target}"
                );
            }
        }
    }
}

/// A value as text that does not depend on where it was written or how stacks are numbered.
fn said(estate: &Estate, value: &Value, out: &mut String) {
    let name = |stack: StackId| estate.stack_path(stack);
    match &value.kind {
        Kind::Reference(reference) => {
            let target = match &reference.target {
                Target::Resource { stack, id } => format!("{}:{id}", name(*stack)),
                Target::Account(account) => format!("account {}", estate.account(*account).unwrap().name),
                Target::Pseudo { stack, pseudo } => format!("{}:{}", name(*stack), pseudo.name()),
            };
            out.push_str(&format!("<{target} {}>", reference.attribute.as_deref().unwrap_or("")));
        }
        Kind::List(items) => {
            out.push('[');
            items.iter().for_each(|item| said(estate, item, out));
            out.push(']');
        }
        Kind::Join(items) => {
            out.push_str("join(");
            items.iter().for_each(|item| said(estate, item, out));
            out.push(')');
        }
        Kind::Map(map) => {
            for entry in map {
                out.push_str(&format!("{{{}: ", entry.key));
                said(estate, &entry.value, out);
                out.push('}');
            }
        }
        Kind::Call(call) => {
            out.push_str(call.function.name());
            call.arguments.iter().for_each(|item| said(estate, item, out));
        }
        other => out
            .push_str(&format!("{:?};", value.as_text().map_or_else(|| format!("{other:?}"), String::from))),
    }
}

/// Every resource by stack and logical id, with all that it says.
fn resources(estate: &Estate) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    for (id, stack) in estate.stacks() {
        for (name, resource) in &stack.resources {
            let mut text = format!(
                "{} {:?} {:?} ",
                resource.kind, resource.deletion_policy, resource.update_replace_policy
            );
            said(estate, &resource.properties, &mut text);
            out.insert(format!("{} {name}", estate.stack_path(id)), text);
        }
    }
    out
}

/// The whole circle: what is emitted, read back with its manifest, is the estate it was made of, references
/// across stacks and accounts included.
#[test]
fn every_example_reads_back_as_the_estate_it_was() {
    for name in EXAMPLES {
        let estate = example(name);
        let emission = emitted(&estate, &Options::default());
        let file = |(path, bytes): (&str, &[u8])| {
            (!path.ends_with(".md"))
                .then(|| intake::TemplateFile::new(path, std::str::from_utf8(bytes).unwrap()))
        };
        let files: Vec<_> = emission.bundle.iter().filter_map(file).collect();
        let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
        let read = intake::read(&files, &intake::Options::default(), &mut sources, &mut diagnostics);
        let problems: Vec<_> = diagnostics.iter().filter(|found| found.severity > Severity::Note).collect();
        assert!(problems.is_empty(), "{name}: {problems:?}");
        let (before, after) = (resources(&estate), resources(&read));
        let different: Vec<_> = before
            .iter()
            .filter(|(key, text)| after.get(*key) != Some(text))
            .map(|(key, text)| format!("{key}\n  was  {text}\n  is   {:?}", after.get(key)))
            .collect();
        assert!(different.is_empty(), "{name}: {} differ\n{}", different.len(), different[0]);
        assert_eq!(before.len(), after.len(), "{name}");
    }
}

/// Writes every example to the folder `EMIT_TO`, for outside checkers such as cfn-lint.
#[test]
#[ignore = "writes to a folder"]
fn write_examples_for_outside_checkers() {
    let folder = PathBuf::from(std::env::var("EMIT_TO").expect("EMIT_TO names a folder"));
    for name in EXAMPLES {
        for (format, form) in [(Format::Json, "json"), (Format::Yaml, "yaml")] {
            let emission = emitted(&example(name), &Options { format, ..Options::default() });
            emit::commit(&emission.bundle, &folder.join(name).join(form)).unwrap();
        }
    }
}

/// Prints how long it takes to check and to emit 150,000 resources of a real kind.
#[test]
#[ignore = "a measurement, not a check"]
fn timing_of_a_large_estate() {
    let one = example("clinical-ai");
    let mut estate = Estate { name: "large".into(), ..Estate::default() };
    while estate.resource_count() < 150_000 {
        let (accounts, stacks) = (estate.accounts.len() as u32, estate.stacks.len() as u32);
        for account in &one.accounts {
            let mut account = account.clone();
            account.name = format!("{}-{accounts}", account.name).into();
            estate.add_account(account);
        }
        for stack in &one.stacks {
            let mut stack = stack.clone();
            stack.account.0 += accounts;
            stack.depends_on.iter_mut().for_each(|id| id.0 += stacks);
            for resource in stack.resources.values_mut() {
                shift(&mut resource.properties, accounts, stacks);
            }
            estate.add_stack(stack);
        }
    }
    for _ in 0..3 {
        let start = Instant::now();
        let validation = check(&estate, Catalog::shared());
        println!(
            "checked {} resources, {} findings: {:?}",
            validation.resources,
            validation.findings.len(),
            start.elapsed()
        );
        let start = Instant::now();
        let emission = emitted(&estate, &Options::default());
        println!("emitted {} bytes: {:?}", emission.bundle.bytes(), start.elapsed());
    }
}

fn shift(value: &mut Value, accounts: u32, stacks: u32) {
    match &mut value.kind {
        Kind::List(items) | Kind::Join(items) => {
            items.iter_mut().for_each(|item| shift(item, accounts, stacks))
        }
        Kind::Map(map) => map.iter_mut().for_each(|entry| shift(&mut entry.value, accounts, stacks)),
        Kind::Call(call) => call.arguments.iter_mut().for_each(|item| shift(item, accounts, stacks)),
        Kind::Reference(reference) => match &mut reference.target {
            Target::Resource { stack, .. } | Target::Pseudo { stack, .. } => stack.0 += stacks,
            Target::Account(account) => account.0 += accounts,
        },
        _ => {}
    }
}
