//! Proves templates without the command: `cargo run -p prove --example audit -- [--all] [--unknown] [--open] [--only ID] FOLDER…`.
//!
//! In: folders of templates. Out: diagnostics, every finding with its place, and counts, as plain lines for whoever
//! works on the guarantees. `--all` shows what was proved as
//! well; with `--unknown`, defaults of parameters do not count, with `--open` those
//! of parameters with a choice of values. The tool for users is `steward audit`.
#![allow(clippy::print_stdout, clippy::expect_used, reason = "a tool for developers that prints")]

use std::path::{Path, PathBuf};

use catalog::Catalog;
use diagnostics::{Diagnostics, SourceMap, Span};
use prove::{Date, Options, guarantees};

fn main() {
    let (mut all, mut unknown, mut open, mut only, mut today, mut roots) =
        (false, false, false, None, "2026-11-21".to_owned(), Vec::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--all" => all = true,
            "--unknown" => unknown = true,
            "--open" => open = true,
            "--only" => only = arguments.next(),
            "--today" => today = arguments.next().expect("a day"),
            _ => roots.push(PathBuf::from(argument)),
        }
    }
    let mut files = Vec::new();
    roots.iter().for_each(|root| collect(root, root, &mut files));
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let reading =
        intake::Options { all_parameters_unknown: unknown, open_choices: open, ..intake::Options::default() };
    let start = std::time::Instant::now();
    let estate = intake::read(&files, &reading, &mut sources, &mut diagnostics);
    for diagnostic in diagnostics.iter() {
        println!(
            "{:<10} {} {} {}",
            "reading",
            diagnostic.code.0,
            place(&sources, diagnostic.span),
            diagnostic.message
        );
    }
    let read = start.elapsed();
    let options = Options::on(Date::parse(&today).expect("a day"));
    let report = prove::check(&estate, guarantees::ALL, Catalog::shared(), &options, &[]);
    for checked in &report.guarantees {
        if only.as_ref().is_some_and(|only| only != checked.guarantee.id) {
            continue;
        }
        for finding in &checked.findings {
            let subject = finding.subject.path(&estate);
            println!("{:<10} {} {subject}", finding.verdict.word(), finding.guarantee);
            println!("           {} {}", place(&sources, finding.span), finding.message);
            finding.fix.iter().for_each(|fix| println!("           fix: {fix}"));
            for (span, label) in &finding.related {
                println!("           {} {label}", place(&sources, *span));
            }
        }
        if all {
            checked.proved.iter().for_each(|subject| {
                println!("{:<10} {} {}", "proved", checked.guarantee.id, subject.path(&estate))
            });
        }
    }
    for checked in &report.guarantees {
        let count = checked.count();
        println!(
            "{:<40} violated {:>4} unknown {:>4} proved {:>4}",
            checked.guarantee.id, count.violated, count.unknown, count.proved
        );
    }
    let all = start.elapsed();
    println!(
        "{} stacks, {} resources; read in {read:?}, read and proved in {all:?}",
        estate.stacks.len(),
        estate.resource_count()
    );
}

fn collect(root: &Path, path: &Path, files: &mut Vec<intake::TemplateFile>) {
    if path.is_dir() {
        let mut entries: Vec<PathBuf> =
            std::fs::read_dir(path).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
        entries.sort();
        entries.iter().for_each(|entry| collect(root, entry, files));
        return;
    }
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    if let (true, Ok(text)) =
        (["yaml", "yml", "json", "template"].contains(&extension), std::fs::read_to_string(path))
    {
        let name = path.strip_prefix(root).unwrap_or(path);
        files.push(intake::TemplateFile::new(name.to_string_lossy(), text));
    }
}

fn place(sources: &SourceMap, span: Span) -> String {
    match sources.locate(span) {
        Some(location) => format!("{}:{}:{}", location.file, location.line, location.column),
        None => "-".to_owned(),
    }
}
