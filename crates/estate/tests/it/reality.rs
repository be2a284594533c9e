//! Templates that people wrote, and how long checking takes.

use std::path::PathBuf;
use std::time::Instant;

use catalog::Catalog;
use diagnostics::{Diagnostics, SourceMap, Span};
use estate::validate::{Outcome, check};
use estate::{Account, Estate};

/// Prints every finding in the templates of the folder `TEMPLATES`, one a line, to be compared with another
/// checker's: `cargo test -p estate -- --ignored --nocapture templates`.
#[test]
#[ignore = "needs a folder of templates"]
fn templates_of_a_folder() {
    let folder = std::env::var("TEMPLATES").expect("TEMPLATES names a folder");
    let mut diagnostics = Diagnostics::new();
    let files = intake::files::walk(&[PathBuf::from(folder)], &mut diagnostics);
    let (mut errors, mut undecided, mut resources, mut without) = (0, 0, 0, 0);
    for file in files {
        let mut sources = SourceMap::new();
        let estate = intake::read(&[file], &intake::Options::default(), &mut sources, &mut diagnostics);
        let validation = check(&estate, Catalog::shared());
        resources += validation.resources;
        without += validation.without_schema;
        for finding in &validation.findings {
            let place = sources.locate(finding.span);
            let place = place.map_or_else(String::new, |place| format!("{}:{}", place.file, place.line));
            let kind = estate
                .resource(finding.stack, &finding.resource)
                .map_or("", |resource| resource.kind.as_str());
            let when = finding.when.as_deref().unwrap_or("");
            let outcome = if finding.outcome == Outcome::Invalid { "INVALID" } else { "undecided" };
            errors += usize::from(finding.outcome == Outcome::Invalid);
            undecided += usize::from(finding.outcome == Outcome::Undecided);
            println!(
                "{outcome} {} {place} {} {kind} {} {} {when}",
                finding.code, finding.resource, finding.path, finding.message
            );
        }
    }
    println!("{resources} resources, {without} without schema, {errors} invalid, {undecided} undecided");
}

/// Prints how long an estate of a thousand accounts, with 150 resources each, takes.
#[test]
#[ignore = "a measurement, not a check"]
fn timing() {
    let template = std::env::var("TEMPLATE")
        .map_or_else(|_| BASIC.to_owned(), |path| std::fs::read_to_string(path).unwrap());
    let (small, _, _) = intake::from_texts(&[("a.yaml", &template)]);
    let stack = &small.stacks[0];
    let mut estate = Estate::default();
    while estate.resource_count() < 150_000 {
        let account = estate.add_account(Account {
            title: None,
            name: format!("a{}", estate.accounts.len()).into(),
            number: None,
            unit: None,
            environment: None,
            span: Span::NONE,
        });
        let mut stack = stack.clone();
        stack.account = account;
        estate.add_stack(stack);
    }
    for _ in 0..3 {
        let start = Instant::now();
        let validation = check(&estate, Catalog::shared());
        println!(
            "{} resources, {} findings: {:?}",
            validation.resources,
            validation.findings.len(),
            start.elapsed()
        );
    }
}

const BASIC: &str = "Resources: {B: {Type: AWS::S3::Bucket, Properties: {BucketName: name}}}";
