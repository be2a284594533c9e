//! Which of the files given an address names.
//!
//! In: the evaluated address of a nested template or an included file (`https://…/templates/vpc.yaml`,
//! `s3://…`, `./vpc.yaml`), parts of it not known. Out: the file whose path ends in the same parts.
//! Always: nothing outside the files given is named; where several fit equally well, none is chosen.

use estate::{Kind, Value};

use super::session::{File, Session};

/// Stands for what is not known within an address.
const UNKNOWN: char = '\u{0}';

/// The outcome of looking for an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The position of the one file that fits best.
    File(usize),
    /// Several fit equally well.
    Several(Vec<usize>),
    /// None fits.
    Nothing,
}

impl Session<'_> {
    /// The file that `address`, written in the file at position `from`, names. With `template` only
    /// templates count.
    pub fn locate(&self, address: &Value, from: usize, template: bool) -> Found {
        let mut patterns = Vec::new();
        patterns_of(address, &mut patterns, 0);
        let from = self.files.get(from).map_or("", |file| file.name.as_str());
        let mut found: Vec<Found> = patterns
            .iter()
            .map(|pattern| matching(self.files, pattern, from, template))
            .filter(|found| *found != Found::Nothing)
            .collect();
        found.dedup();
        match found.len() {
            0 => Found::Nothing,
            1 => found.pop().unwrap_or(Found::Nothing),
            _ => Found::Several(
                found
                    .into_iter()
                    .filter_map(|one| match one {
                        Found::File(at) => Some(at),
                        _ => None,
                    })
                    .collect(),
            ),
        }
    }
}

/// The texts that an address may be, with [`UNKNOWN`] for what is not known.
fn patterns_of(address: &Value, out: &mut Vec<String>, depth: usize) {
    match &address.kind {
        Kind::String(text) => out.push(text.to_string()),
        Kind::Case(case) if depth < 4 => {
            patterns_of(&case.then, out, depth + 1);
            patterns_of(&case.otherwise, out, depth + 1);
        }
        Kind::Join(pieces) => {
            let parts = pieces.iter().map(|piece| match piece.as_text() {
                Some(text) => text.to_string(),
                None => same_in_both(piece).unwrap_or_else(|| UNKNOWN.to_string()),
            });
            out.push(parts.collect());
        }
        _ => {}
    }
}

/// The end that both values of a case share, such as the last parts of a path.
fn same_in_both(piece: &Value) -> Option<String> {
    let Kind::Case(case) = &piece.kind else { return None };
    let (a, b) = (case.then.as_text()?, case.otherwise.as_text()?);
    let shared = a.chars().rev().zip(b.chars().rev()).take_while(|(a, b)| a == b).count();
    let tail: String = a.chars().skip(a.chars().count() - shared).collect();
    Some(format!("{UNKNOWN}{tail}"))
}

fn matching(files: &[File], pattern: &str, from: &str, template: bool) -> Found {
    let usable = |file: &File| file.tree.is_some() && (file.template || !template);
    let path = pattern.split(['?', '#']).next().unwrap_or(pattern);
    // A path without a host is meant as it is: beside the template that says it, or with all of its parts.
    let remote = path.contains("://") || path.contains(UNKNOWN);
    if !remote {
        let base = from.rsplit_once('/').map_or("", |(folder, _)| folder);
        let wanted = normalized(&format!("{base}/{path}"));
        let exact = files.iter().position(|file| usable(file) && normalized(&file.name) == wanted);
        if let Some(at) = exact.filter(|_| wanted.is_some()) {
            return Found::File(at);
        }
    }
    let wanted: Vec<&str> = path.rsplit('/').take_while(|part| !part.contains(UNKNOWN)).collect();
    if wanted.first().is_none_or(|name| name.is_empty()) {
        return Found::Nothing;
    }
    let shared = |file: &File| {
        let parts = file.name.rsplit('/');
        parts.zip(&wanted).take_while(|(part, wanted)| part == *wanted).count()
    };
    let best = files.iter().filter(|file| usable(file)).map(shared).max().unwrap_or(0);
    let given = wanted.iter().filter(|part| !matches!(**part, "." | ".." | "")).count();
    if best == 0 || (!remote && best < given) || !reaches_submodule(&wanted, best, from) {
        return Found::Nothing;
    }
    let nearness =
        |file: &File| file.name.split('/').zip(from.split('/')).take_while(|(a, b)| a == b).count();
    let candidates = files.iter().enumerate().filter(|(_, file)| usable(file) && shared(file) == best);
    let candidates: Vec<_> = candidates.map(|(at, file)| (nearness(file), at)).collect();
    let nearest = candidates.iter().map(|(near, _)| *near).max().unwrap_or(0);
    let mut nearest: Vec<usize> =
        candidates.into_iter().filter(|(near, _)| *near == nearest).map(|(_, at)| at).collect();
    match nearest.len() {
        0 => Found::Nothing,
        1 => nearest.pop().map_or(Found::Nothing, Found::File),
        _ => Found::Several(nearest),
    }
}

/// Where an address leads into a submodule, the file must be of that submodule; a file of the same name
/// elsewhere is another template.
fn reaches_submodule(wanted: &[&str], shared: usize, from: &str) -> bool {
    let Some(at) = wanted.iter().position(|part| *part == "submodules") else { return true };
    let name = at.checked_sub(1).and_then(|at| wanted.get(at)).copied().unwrap_or_default();
    shared >= at || from.split('/').any(|part| part == name)
}

/// A path without `.` and `..`; `None` where it leads out.
fn normalized(path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
