//! `steward check`: compile, prove, show the verdicts.

use std::time::Instant;

use prove::Date;

use super::report;
use crate::Ending;
use crate::cli::{Check, Global};
use crate::pipeline;

/// Runs it.
pub fn run(global: &Global, options: &Check, today: Date) -> Ending {
    let start = Instant::now();
    let mut read = pipeline::read(&options.path, today);
    let proved = read.prove();
    report::show(global, &read, proved.as_ref(), options.fail_on, start)
}
