//! The example companies of the repository: what `design` makes of them fits the schemas, and is emitted.

use std::path::PathBuf;

use blueprint::MemoryFiles;
use catalog::Catalog;
use design::Lock;
use diagnostics::{Diagnostics, SourceMap};
use emit::cloudformation::{Format, Options};
use estate::Estate;
use estate::validate::{Outcome, check};

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
