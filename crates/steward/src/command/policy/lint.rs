//! `steward policy lint`: what is wrong with policies.

use std::fs;

use catalog::Catalog;
use diagnostics::{Diagnostic, Diagnostics, Severity, SourceMap, Span};
use document::Limits;
use emit::report::Reported;
use prove::Date;

use crate::cli::{Format, Global, PolicyLint};
use crate::command::say;
use crate::terminal::print;
use crate::{Ending, codes};

/// Judges every file. Status 2 where one has a mistake.
pub fn run(global: &Global, options: &PolicyLint, today: Date) -> Ending {
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let mut read = 0_usize;
    for path in &options.files {
        let name = path.display().to_string();
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                let text = format!("`{name}` cannot be read: {error}");
                diagnostics.push(Diagnostic::error(codes::NO_SUCH_PATH, Span::NONE, text));
                continue;
            }
        };
        let text = match document::decode(bytes, &name, Limits::default()) {
            Ok(text) => text,
            Err(diagnostic) => {
                diagnostics.push(diagnostic);
                continue;
            }
        };
        let Some(file) = sources.add(name, text).and_then(|id| sources.file(id).cloned()) else { continue };
        read += 1;
        iam::lint::file(&file, options.kind.map(Into::into), &mut diagnostics);
    }
    diagnostics.sort();
    let ending = if diagnostics.has_errors() { Ending::Mistake } else { Ending::Good };
    match global.format {
        Format::Json => print(&format!("{:#}\n", diagnostics::render::json::all(&diagnostics, &sources))),
        Format::Sarif => print(&sarif(&diagnostics, &sources, today)),
        Format::Text | Format::Csv | Format::Svg | Format::Markdown => {
            if !global.quiet {
                say(global, &diagnostics, &sources);
            }
            print(&totals(&diagnostics, read));
        }
    }
    ending
}

fn totals(diagnostics: &Diagnostics, files: usize) -> String {
    let count = |severity| diagnostics.iter().filter(|said| said.severity == severity).count();
    let plural = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    format!(
        "{}: {}, {}, {}\n",
        plural(files, "file"),
        plural(count(Severity::Error), "error"),
        plural(count(Severity::Warning), "warning"),
        plural(count(Severity::Note), "note"),
    )
}

fn sarif(diagnostics: &Diagnostics, sources: &SourceMap, today: Date) -> String {
    let (codes, provenance) = (codes::all(), [Catalog::shared().provenance()]);
    let reported = Reported {
        subject: "policies",
        judged: None,
        exceptions: &[],
        diagnostics,
        sources,
        today,
        catalog: &provenance,
        codes: &codes,
        version: env!("CARGO_PKG_VERSION"),
    };
    format!("{:#}\n", emit::report::sarif(&reported))
}
