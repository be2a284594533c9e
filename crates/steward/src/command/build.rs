//! `steward build`: CloudFormation templates, the manifest and the order, written whole or not at all.

use std::path::Path;

use diagnostics::{Diagnostic, Span};
use emit::cloudformation::{Emission, Format as TemplateFormat, Manifest, Options};
use prove::Date;

use super::{refuse, say};
use crate::cli::{Build, Format, Global};
use crate::disk::write_whole;
use crate::pipeline::{self, LOCK, Origin};
use crate::terminal::print;
use crate::{Ending, codes};

/// Runs it.
pub fn run(global: &Global, options: &Build, today: Date) -> Ending {
    let Some((folder, entry)) = pipeline::blueprint_of(&options.path) else {
        let text = format!("there is no blueprint at `{}`", options.path.display());
        let help = "give a folder with an estate.yaml; `steward init` writes one";
        return refuse(global, Diagnostic::error(codes::NO_SUCH_PATH, Span::NONE, text).help(help));
    };
    let mut read = pipeline::blueprint(&folder, &entry, today);
    let format = if options.yaml { TemplateFormat::Yaml } else { TemplateFormat::Json };
    let settings = Options { format, placement: placement(&options.output), ..Options::default() };
    let emission = read.emit(&settings);
    say(global, &read.diagnostics, &read.sources);
    let Some(emission) = emission else { return Ending::Mistake };
    let Origin::Blueprint { lock_before, lock_after: Some(lock) } = &read.origin else {
        return Ending::Mistake;
    };
    let lock_text = lock.render();
    let changed = lock_before.as_deref() != Some(lock_text.as_str());
    if changed && options.locked {
        let text = format!("`{}` would change", folder.join(LOCK).display());
        let help = "run `steward build` without --locked and commit the new lock";
        return refuse(global, Diagnostic::error(codes::LOCK_WOULD_CHANGE, Span::NONE, text).help(help));
    }
    // The lock first: templates whose addresses are not on record could be given out a second time.
    if changed && let Err(error) = write_whole(&folder.join(LOCK), &lock_text) {
        return cannot_write(global, &folder.join(LOCK), &error.to_string());
    }
    if let Err(error) = emit::commit(&emission.bundle, &options.output) {
        return cannot_write(global, &options.output, &error.to_string());
    }
    let new_lock = changed.then(|| folder.join(LOCK));
    if global.format != Format::Text {
        print(&format!("{:#}\n", counted(&emission, options, new_lock.as_deref())));
    } else if !global.quiet {
        print(&summary(&emission.manifest, options, emission.bundle.bytes(), new_lock.as_deref()));
    }
    Ending::Good
}

/// Where resources of split stacks were put before, so that they stay there.
fn placement(
    output: &Path,
) -> std::collections::BTreeMap<String, std::collections::BTreeMap<estate::SmolStr, u32>> {
    let text = std::fs::read_to_string(output.join("manifest.json")).unwrap_or_default();
    Manifest::read(&text).map(|manifest| manifest.placement).unwrap_or_default()
}

fn cannot_write(global: &Global, path: &Path, why: &str) -> Ending {
    let text = format!("`{}` was not written: {why}", path.display());
    refuse(global, Diagnostic::error(codes::CANNOT_WRITE, Span::NONE, text))
}

/// What was written, for programs; what is in it stands in `manifest.json`.
fn counted(emission: &Emission, options: &Build, lock: Option<&Path>) -> serde_json::Value {
    serde_json::json!({
        "schema": "steward-build/1",
        "output": options.output.display().to_string(),
        "manifest": options.output.join("manifest.json").display().to_string(),
        "stacks": emission.manifest.stacks.len(),
        "accounts": emission.manifest.accounts.len(),
        "files": emission.bundle.len(),
        "bytes": emission.bundle.bytes(),
        "lockWritten": lock.map(|path| path.display().to_string()),
    })
}

fn summary(manifest: &Manifest, options: &Build, bytes: usize, lock: Option<&Path>) -> String {
    let kib = bytes.div_ceil(1024);
    let out = options.output.display();
    let mut text = format!(
        "{} stacks in {} accounts, {} waves, {kib} KiB in {out}\n",
        manifest.stacks.len(),
        manifest.accounts.len(),
        manifest.stacks.iter().map(|stack| stack.wave).max().unwrap_or(0),
    );
    if let Some(lock) = lock {
        text.push_str(&format!("{} holds what was handed out: commit it\n", lock.display()));
    }
    text.push_str(&format!("{out}/README.md says in which order to deploy\n"));
    text
}
