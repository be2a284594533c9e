//! `steward audit`: the same proofs of templates that Steward did not write.

use std::time::Instant;

use diagnostics::{Diagnostics, SourceMap};
use estate::SmolStr;
use intake::Options as Reading;
use prove::Date;

use super::{report, say};
use crate::cli::{Audit, Global};
use crate::{Ending, pipeline};

/// Runs it.
pub fn run(global: &Global, options: &Audit, today: Date) -> Ending {
    let start = Instant::now();
    let mut reading = Reading {
        region: options.region.as_deref().map(SmolStr::new),
        all_parameters_unknown: !options.defaults,
        ..Reading::default()
    };
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    for path in &options.parameters {
        reading.parameters.extend(intake::parameter_file::read(path, &mut sources, &mut diagnostics));
    }
    if diagnostics.has_errors() {
        say(global, &diagnostics, &sources);
        return Ending::Mistake;
    }
    let mut read = match options.paths.as_slice() {
        [only] if pipeline::blueprint_of(only).is_some() => pipeline::read(only, today),
        [only] if intake::describe::is_describe_output(only) => {
            pipeline::described(only, options.required_tags.clone(), today)
        }
        paths => pipeline::templates(paths, reading, sources, options.required_tags.clone(), today),
    };
    for path in &options.exceptions {
        pipeline::add_exceptions(&mut read, path);
    }
    let proved = read.prove();
    report::show(global, &read, proved.as_ref(), options.fail_on, start)
}
