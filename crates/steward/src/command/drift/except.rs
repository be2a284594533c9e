//! Exceptions to drift, written into the blueprint.
//!
//! In: drift that was named, who answers for it, why and until when. Out: the blueprint's text with one exception more. Always: the blueprint
//! with it compiles and the exception covers what was named; what would not is refused with the reason.

use std::path::Path;

use deploy::drift::{Drift, What};
use diagnostics::{Diagnostics, Severity, SourceMap};
use document::Syntax;
use prove::Date;

use super::judged::path;
use crate::disk::Folder;
use crate::edit::{Edited, append, scalar};
use crate::pipeline::{self, BLUEPRINT, DRIFT};

/// What an exception says beside its subjects.
pub(super) struct Words<'w> {
    pub because: &'w str,
    pub owner: &'w str,
    pub until: &'w str,
}

/// The blueprint's entry file with the exception: its name, and its text before and after.
pub(super) fn with(
    folder: &Path,
    drifts: &[Drift],
    words: &Words<'_>,
    today: Date,
) -> Result<(String, String, String), String> {
    if Date::parse(words.until).is_none_or(|until| until < today) {
        return Err(format!("`{}` is no day to come: --until 2027-03-31", words.until));
    }
    let files = Folder::open(folder).map_err(|error| error.to_string())?;
    let name = blueprint::Files::name(&files, BLUEPRINT);
    let before = std::fs::read_to_string(folder.join(BLUEPRINT)).map_err(|error| error.to_string())?;
    let mut sources = SourceMap::new();
    let file = sources.add(name.as_str(), before.as_str()).and_then(|id| sources.file(id).cloned());
    let file = file.ok_or("the blueprint is too large")?;
    let tree = document::parse(&file, Syntax::blueprint(), &mut Diagnostics::new());
    let tree = tree.ok_or("the blueprint cannot be read")?;
    let subjects: Vec<String> = drifts.iter().flat_map(subjects).collect();
    let list: Vec<String> = subjects.iter().map(|subject| scalar(subject)).collect();
    let item = [
        ("guarantee", DRIFT.to_owned()),
        ("for", if let [one] = list.as_slice() { one.clone() } else { format!("[{}]", list.join(", ")) }),
        ("because", scalar(words.because)),
        ("owner", scalar(words.owner)),
        ("until", words.until.to_owned()),
    ];
    let by_hand = || {
        let lines: Vec<String> = item.iter().map(|(field, value)| format!("{field}: {value}")).collect();
        format!("the exceptions are not written as a list in lines; add by hand: {{ {} }}", lines.join(", "))
    };
    let after = append(&file, &tree, "exceptions", &item).ok_or_else(by_hand)?;
    let edited = Edited::new(&files).with(&name, after.clone());
    let read = pipeline::blueprint_in(&edited, folder, BLUEPRINT, today);
    if let Some(error) = read.diagnostics.iter().find(|it| it.severity == Severity::Error) {
        return Err(format!("the exception would not be understood: {}", error.message));
    }
    let covered = |subject: &String| read.drift_exceptions.iter().any(|it| it.covers(subject, ""));
    match subjects.iter().find(|subject| !covered(subject)) {
        Some(subject) => Err(format!("the exception would not cover `{subject}`")),
        None => Ok((name, before, after)),
    }
}

/// Each property by its path; of what is gone or nobody declared, the resource.
fn subjects(drift: &Drift) -> Vec<String> {
    let whole = path(drift);
    match &drift.what {
        What::Differs(all) => all.iter().map(|(property, ..)| format!("{whole}/{property}")).collect(),
        What::Gone | What::Undeclared => vec![whole],
    }
}
