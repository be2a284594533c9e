//! Reads every recording of describe calls below a path, and counts what becomes of it.
//!
//! A recording is what lies in one folder, but for folders that name an account or a region.
//!
//! `cargo run --release -p intake --example described -- PATH [--show CODE]`
#![allow(clippy::print_stdout, reason = "a program for people")]

use std::collections::BTreeMap;

use diagnostics::{Diagnostics, Severity, SourceMap};
use intake::TemplateFile;
use intake::describe::{NOT_UNDERSTOOD_KIND, NOTHING_DESCRIBED, read_files};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(path) = arguments.first() else {
        println!("usage: described PATH [--show CODE]");
        return;
    };
    let at = arguments.iter().position(|argument| argument == "--show");
    let show = at.and_then(|at| arguments.get(at + 1)).map(String::as_str);
    let mut found = Diagnostics::new();
    let files = intake::files::walk(&[path.into()], &mut found);
    let mut recordings: BTreeMap<String, Vec<TemplateFile>> = BTreeMap::new();
    for file in files.into_iter().filter(|file| file.name.ends_with(".json")) {
        recordings.entry(recording_of(&file.name)).or_default().push(file);
    }
    println!(
        "{:>6} {:>10} {:>6} {:>14} {:>6}  recording",
        "files", "resources", "panics", "not understood", "errors"
    );
    let mut total = Counts::default();
    let mut codes: BTreeMap<String, usize> = BTreeMap::new();
    let mut others = 0;
    for (name, files) in &recordings {
        let Some(counts) = read(files, show, &mut codes) else {
            others += 1;
            continue;
        };
        counts.print(name);
        total.add(&counts);
    }
    total.print(&format!("all {}", recordings.len() - others));
    println!("{others} other folders with JSON hold nothing that AWS describes");
    for (code, count) in codes {
        println!("{count:>6} {code}");
    }
}

/// The folder without those that name a region, an account, or stand for all accounts.
fn recording_of(name: &str) -> String {
    let parts: Vec<&str> = name.split('/').collect();
    let folders = parts.split_last().map_or(&[][..], |(_, folders)| folders);
    let below = |part: &&&str| {
        let account = part.bytes().all(|byte| byte.is_ascii_digit());
        account || **part == "accounts" || intake::describe::is_region(part)
    };
    let kept = folders.len() - folders.iter().rev().take_while(below).count();
    folders.get(..kept).unwrap_or(&[]).join("/")
}

#[derive(Default)]
struct Counts {
    files: usize,
    resources: usize,
    panics: usize,
    not_understood: usize,
    errors: usize,
}

impl Counts {
    fn print(&self, name: &str) {
        let Self { files, resources, panics, not_understood, errors } = self;
        println!("{files:>6} {resources:>10} {panics:>6} {not_understood:>14} {errors:>6}  {name}");
    }

    fn add(&mut self, other: &Self) {
        self.files += other.files;
        self.resources += other.resources;
        self.panics += other.panics;
        self.not_understood += other.not_understood;
        self.errors += other.errors;
    }
}

/// What becomes of a recording; `None` where it is none.
fn read(files: &[TemplateFile], show: Option<&str>, codes: &mut BTreeMap<String, usize>) -> Option<Counts> {
    let mut counts = Counts { files: files.len(), ..Counts::default() };
    let result = std::panic::catch_unwind(|| {
        let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
        let estate = read_files(files, &[], &mut sources, &mut diagnostics);
        (estate, sources, diagnostics)
    });
    let Ok((estate, sources, diagnostics)) = result else {
        counts.panics += 1;
        return Some(counts);
    };
    if diagnostics.iter().any(|diagnostic| diagnostic.code == NOTHING_DESCRIBED) {
        return None;
    }
    for resource in estate.stacks.iter().flat_map(|stack| stack.resources.values()) {
        if resource.kind == NOT_UNDERSTOOD_KIND {
            counts.not_understood += 1;
        } else {
            counts.resources += 1;
        }
    }
    counts.errors = diagnostics.error_count();
    for diagnostic in &diagnostics {
        *codes.entry(diagnostic.code.to_string()).or_default() += 1;
        let severe = show == Some("errors") && diagnostic.severity == Severity::Error;
        if severe || show == Some(diagnostic.code.0) {
            let place = sources.locate(diagnostic.span);
            let place = place.map_or_else(String::new, |place| format!("{}:{}", place.file, place.line));
            println!("    {} {place} {}", diagnostic.code, diagnostic.message);
        }
    }
    Some(counts)
}
