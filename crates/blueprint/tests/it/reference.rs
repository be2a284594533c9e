//! `docs/blueprint.md` is true: its examples do what the page says, and it leaves no word out.

use std::path::Path;

use blueprint::{MemoryFiles, json_schema};
use diagnostics::Severity;

use crate::support::load;

/// Sections that an example of the page is completed with where it does not write them itself.
const REST: &[(&str, &str)] = &[
    ("name", "name: acme\n"),
    ("domain", "domain: acme.example\n"),
    ("frameworks", "frameworks: [hipaa]\n"),
    ("contacts", "contacts: { security: security@acme.example }\n"),
    ("regions", "regions: { primary: us-east-1 }\n"),
    (
        "organization",
        "organization:\n  email: aws+{account}@acme.example\n  units:\n    security: { accounts: [audit, log-archive] }\n    \
           work: { accounts: [production, staging, development, operations, sandbox, network] }\n",
    ),
    (
        "environments",
        "environments:\n  production: { tier: production }\n  operations: { tier: production }\n  \
           staging: { like: production, tier: staging }\n  development: { like: staging, tier: development }\n",
    ),
    ("stores", "stores:\n  records: { kind: postgresql, contains: phi }\n"),
    (
        "workloads",
        "workloads:\n  portal: { runs-on: fargate, reached-from: internet }\n  console: { runs-on: fargate }\n",
    ),
];

/// An example of the page: the words after the fence, and the text.
struct Example {
    line: usize,
    kind: String,
    text: String,
}

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/blueprint.md");
    std::fs::read_to_string(path).expect("docs/blueprint.md")
}

fn examples(page: &str) -> Vec<Example> {
    let mut examples = Vec::new();
    let mut open: Option<Example> = None;
    for (at, line) in page.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(kind)) => {
                open = Some(Example { line: at + 1, kind: kind.into(), text: String::new() })
            }
            (Some(_), Some(_)) => examples.extend(open.take()),
            (Some(example), None) => {
                example.text.push_str(line);
                example.text.push('\n');
            }
            (None, None) => {}
        }
    }
    examples
}

fn completed(text: &str) -> String {
    let written: Vec<&str> =
        text.lines().filter_map(|line| line.split_once(':')).map(|(key, _)| key).collect();
    let rest = REST.iter().filter(|(section, _)| !written.contains(section)).map(|(_, text)| *text);
    text.to_owned() + &rest.collect::<String>()
}

#[test]
fn every_example_of_the_page_does_what_the_page_says() {
    let (mut built, mut planned) = (0, 0);
    for example in examples(&page()) {
        let text = completed(&example.text);
        let files = MemoryFiles::new().with("estate.yaml", text).with("legacy/vpn.yaml", "Resources: {}\n");
        let loaded = load(&files);
        let errors: Vec<_> =
            loaded.diagnostics.iter().filter(|one| one.severity == Severity::Error).collect();
        match example.kind.as_str() {
            "yaml" => {
                built += 1;
                assert!(errors.is_empty(), "line {}: {:#?}", example.line, loaded.lines());
            }
            "yaml planned" => {
                planned += 1;
                assert!(!errors.is_empty(), "line {}: nothing is refused", example.line);
                let only = errors.iter().all(|error| error.code.0 == "BP0105");
                assert!(only, "line {}: {:#?}", example.line, loaded.lines());
            }
            "text" => {}
            other => panic!("line {}: an example of the kind `{other}`", example.line),
        }
    }
    assert!(built > 10 && planned > 10, "{built} {planned}");
}

#[test]
fn the_page_names_every_field_and_every_planned_word() {
    let page = page();
    let mut fields: Vec<String> = Vec::new();
    for definition in json_schema()["$defs"].as_object().expect("definitions").values() {
        let own = definition.get("properties").and_then(|own| own.as_object());
        let kinds = definition.get("oneOf").and_then(|kinds| kinds.as_array()).into_iter().flatten();
        let of_kinds = kinds.filter_map(|kind| kind.get("properties")?.as_object());
        fields.extend(own.into_iter().chain(of_kinds).flat_map(|own| own.keys().cloned()));
        let words = definition.get("oneOf").and_then(|words| words.as_array()).into_iter().flatten();
        fields.extend(words.filter_map(|word| Some(word.get("const")?.as_str()?.to_owned())));
    }
    fields.extend(blueprint::planned_words().into_iter().map(str::to_owned));
    for field in fields {
        let named = page.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).any(|word| word == field);
        assert!(named, "docs/blueprint.md does not say `{field}`");
    }
}
