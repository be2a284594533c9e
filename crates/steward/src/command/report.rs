//! Showing what came of reading and proving, in the form that was asked for.

use std::time::Instant;

use catalog::Catalog;
use emit::report::{Detail, Outcome, Reported, Summary};
use prove::Report;

use crate::cli::{FailOn, Format, Global};
use crate::pipeline::Read;
use crate::terminal::{print, style};
use crate::{Ending, codes};

/// Prints the report of a run and says how the run ends.
pub fn show(
    global: &Global,
    read: &Read,
    report: Option<&Report>,
    fail_on: Option<FailOn>,
    start: Instant,
) -> Ending {
    let codes = codes::all();
    let provenance = [Catalog::shared().provenance()];
    let reported = Reported {
        subject: &read.name,
        judged: read.estate.as_ref().zip(report),
        exceptions: &read.exceptions,
        diagnostics: &read.diagnostics,
        sources: &read.sources,
        today: read.options.today,
        catalog: &provenance,
        codes: &codes,
        version: env!("CARGO_PKG_VERSION"),
    };
    match global.format {
        Format::Text | Format::Csv | Format::Svg | Format::Markdown => {
            let elapsed = Some(start.elapsed());
            print(&emit::report::text(&reported, style(global), detail(global), elapsed));
        }
        Format::Json => print(&format!("{:#}\n", emit::report::json(&reported, global.verbose))),
        Format::Sarif => print(&format!("{:#}\n", emit::report::sarif(&reported))),
    }
    match Summary::of(&reported).outcome() {
        Outcome::Proved => Ending::Good,
        Outcome::Unknown if fail_on == Some(FailOn::Unknown) => Ending::DoesNotHold,
        Outcome::Unknown => Ending::Good,
        Outcome::Violated => Ending::DoesNotHold,
        Outcome::Invalid => Ending::Mistake,
    }
}

fn detail(global: &Global) -> Detail {
    match (global.quiet, global.verbose) {
        (true, _) => Detail::Summary,
        (_, true) => Detail::Every,
        _ => Detail::Folded,
    }
}
