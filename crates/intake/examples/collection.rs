//! Reads every file below a path, each by itself and all together, and counts what becomes of them.
//!
//! `cargo run --release -p intake --example collection -- PATH [--each] [--show CODE] [--list] [--resources]`
#![allow(clippy::print_stdout, reason = "a program for people")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use diagnostics::{Diagnostics, Severity, SourceMap};
use intake::cloudformation::{Options, Outcome, TemplateFile, read_files};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |flag: &str| {
        let at = arguments.iter().position(|argument| argument == flag)?;
        arguments.get(at + 1).cloned()
    };
    let Some(path) = arguments.first().filter(|argument| !argument.starts_with("--")) else {
        println!("usage: collection PATH [--each] [--show CODE] [--list]");
        return;
    };
    let mut found = Diagnostics::new();
    let files = intake::files::walk(&[path.into()], &mut found);
    let show = value("--show");
    if arguments.iter().any(|argument| argument == "--each") {
        each(&files, show.as_deref(), arguments.iter().any(|argument| argument == "--list"));
    } else {
        let mut counts = Counts::default();
        counts.run(&files, show.as_deref());
        counts.print();
    }
    for diagnostic in &found {
        println!("walk: {} {}", diagnostic.code, diagnostic.message);
    }
}

/// Reads each file by itself.
fn each(files: &[TemplateFile], show: Option<&str>, list: bool) {
    let mut counts = Counts::default();
    for file in files {
        counts.run(std::slice::from_ref(file), show);
        if list {
            println!("{:?} {}", counts.last, file.name);
        }
    }
    counts.print();
}

#[derive(Default)]
struct Counts {
    files: usize,
    read: usize,
    clean: usize,
    refused: usize,
    skipped: usize,
    resources: usize,
    stacks: usize,
    panics: usize,
    codes: BTreeMap<(String, &'static str), usize>,
    slowest: Vec<(Duration, String)>,
    total: Duration,
    last: Option<Outcome>,
}

impl Counts {
    fn run(&mut self, files: &[TemplateFile], show: Option<&str>) {
        let start = Instant::now();
        let run = std::panic::catch_unwind(|| {
            let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
            let reading = read_files(files, &Options::default(), &mut sources, &mut diagnostics);
            (reading, sources, diagnostics)
        });
        let took = start.elapsed();
        self.total += took;
        self.files += files.len();
        let name = files.first().map(|file| file.name.to_string()).unwrap_or_default();
        self.slowest.push((took, name.clone()));
        self.slowest.sort_by(|a, b| b.cmp(a));
        self.slowest.truncate(5);
        let Ok((reading, sources, diagnostics)) = run else {
            println!("PANIC: {name}");
            self.panics += 1;
            return;
        };
        if std::env::args().any(|argument| argument == "--resources") {
            for (id, resource) in reading.estate.stacks.iter().flat_map(|stack| &stack.resources) {
                println!("{name}\t{id}\t{}", resource.kind);
            }
        }
        self.resources += reading.estate.resource_count();
        self.stacks += reading.estate.stacks.len();
        for outcome in &reading.outcomes {
            self.last = Some(*outcome);
            match outcome {
                Outcome::Read => self.read += 1,
                Outcome::Refused => self.refused += 1,
                Outcome::Skipped | Outcome::Manifest => self.skipped += 1,
            }
        }
        let serious = diagnostics.iter().any(|diagnostic| diagnostic.severity > Severity::Note);
        self.clean += usize::from(!serious && reading.outcomes.contains(&Outcome::Read));
        for diagnostic in &diagnostics {
            *self.codes.entry((diagnostic.code.to_string(), diagnostic.severity.word())).or_default() += 1;
            if show.is_some_and(|code| {
                code == diagnostic.code.0 || (code == "errors" && diagnostic.severity == Severity::Error)
            }) {
                let place = sources.locate(diagnostic.span);
                let place =
                    place.map(|at| format!("{}:{}:{}", at.file, at.line, at.column)).unwrap_or_default();
                let help = diagnostic.help.as_deref().map(|help| format!(" ({help})")).unwrap_or_default();
                println!("{} {place}: {}{help}", diagnostic.code, diagnostic.message);
            }
        }
    }

    fn print(&self) {
        println!(
            "files {}  read {} (without a remark {})  refused {}  skipped {}  panics={}",
            self.files, self.read, self.clean, self.refused, self.skipped, self.panics
        );
        println!("stacks {}  resources {}  time {:.1} ms", self.stacks, self.resources, millis(self.total));
        for ((code, severity), count) in &self.codes {
            println!("{count:6} {severity:7} {code}");
        }
        for (took, name) in &self.slowest {
            println!("{:9.2} ms {name}", millis(*took));
        }
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
