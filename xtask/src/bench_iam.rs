//! How fast requests are decided: builds and runs the example `rate` of the crate `iam`, optimised.
//!
//! In: nothing. Out: its table. The measuring is an example of that crate, so that it needs none of the others.

use std::path::Path;
use std::process::Command;

/// Builds and runs it.
pub fn run(root: &Path) -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let done = Command::new(cargo)
        .args(["run", "--quiet", "--release", "-p", "iam", "--example", "rate"])
        .current_dir(root)
        .status();
    match done {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("the benchmark ended with {status}")),
        Err(error) => Err(format!("cargo does not start: {error}")),
    }
}
