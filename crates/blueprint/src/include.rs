//! From files to one document: reading, including, merging.
//!
//! In: a folder and the path of the first file. Out: one tree with the sections of all files, whose nodes
//! still know which file they stand in. Always: every file is read once; number, size and depth are bounded;
//! nothing is said in two files.

use std::collections::HashMap;

use diagnostics::{Diagnostic, Diagnostics, SourceMap, Span};
use document::{Entry, Kind, Node, Syntax};
use smol_str::SmolStr;

use crate::codes::{CANNOT_READ, INCLUDE_CYCLE, OUTSIDE_FOLDER, SAID_TWICE, TOO_MANY_INCLUDES};
use crate::files::{Files, ReadError, normalised};
use crate::reader::{Field, Many, wrong_type};
use crate::scalars::RelativePath;

const FILES: usize = 64;
const DEPTH: usize = 8;
const BYTES: usize = 16 << 20;

/// Sections whose entries may stand in several files, each entry in one of them.
const SECTIONS: &[&str] = &[
    "contacts",
    "regions",
    "network",
    "organization",
    "environments",
    "stores",
    "workloads",
    "keys",
    "logs",
    "tags",
    "templates",
];
/// Sections within `organization` of which the same is true.
const NESTED: &[&str] = &["units"];
/// Lists to which every file may add.
const LISTS: &[&str] = &["frameworks", "flows", "guarantees", "exceptions"];

/// Reads the blueprint that begins at `entry`.
pub fn read(
    files: &dyn Files,
    entry: &str,
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> Option<Node> {
    let Some(entry) = normalised("", entry) else {
        let text = format!("`{entry}` is not a path inside the blueprint's folder");
        diagnostics.push(Diagnostic::error(OUTSIDE_FOLDER, Span::NONE, text));
        return None;
    };
    let mut loading = Loading {
        files,
        sources,
        diagnostics,
        read: HashMap::new(),
        open: Vec::new(),
        bytes: 0,
        parts: Vec::new(),
    };
    loading.file(&entry, Span::NONE);
    let mut parts = std::mem::take(&mut loading.parts).into_iter();
    let mut whole = parts.next()?;
    for part in parts {
        merge(&mut whole, part, diagnostics);
    }
    Some(whole)
}

struct Loading<'a> {
    files: &'a dyn Files,
    sources: &'a mut SourceMap,
    diagnostics: &'a mut Diagnostics,
    /// Every file read so far, and where it was included.
    read: HashMap<String, Span>,
    /// The files that are being read, from the first to the innermost.
    open: Vec<String>,
    bytes: usize,
    parts: Vec<Node>,
}

impl Loading<'_> {
    fn file(&mut self, path: &str, at: Span) {
        if self.open.iter().any(|open| open == path) {
            let circle: Vec<_> =
                self.open.iter().skip_while(|open| *open != path).map(String::as_str).collect();
            let text = format!("`{path}` includes itself: {} → {path}", circle.join(" → "));
            self.diagnostics.push(Diagnostic::error(INCLUDE_CYCLE, at, text).help("remove this line"));
            return;
        }
        if let Some(first) = self.read.get(path) {
            let text = format!("`{path}` is included twice");
            self.diagnostics.push(
                Diagnostic::error(SAID_TWICE, at, text).related(*first, "first here").help("remove one"),
            );
            return;
        }
        if self.read.len() >= FILES || self.open.len() >= DEPTH || self.bytes >= BYTES {
            let text = format!("more than {FILES} files, {DEPTH} levels or {} MiB are included", BYTES >> 20);
            self.diagnostics.push(Diagnostic::error(TOO_MANY_INCLUDES, at, text));
            return;
        }
        self.read.insert(path.to_owned(), at);
        let Some(node) = self.parse(path, at) else { return };
        let Kind::Map(_) = &node.kind else {
            self.diagnostics.push(wrong_type(&node, "a mapping: the sections of a blueprint"));
            return;
        };
        let includes = node.get("include").cloned();
        self.parts.push(node);
        let Some(includes) = includes.and_then(|node| Many::<RelativePath>::present(&node, self.diagnostics))
        else {
            return;
        };
        self.open.push(path.to_owned());
        for include in includes.iter() {
            match normalised(path, include.as_str()) {
                Some(inside) => self.file(&inside, include.span),
                None => {
                    let text = format!("`{include}` leaves the blueprint's folder");
                    let outside = Diagnostic::error(OUTSIDE_FOLDER, include.span, text);
                    self.diagnostics.push(outside.help("move the file into the folder"));
                }
            }
        }
        self.open.pop();
    }

    fn parse(&mut self, path: &str, at: Span) -> Option<Node> {
        let name = self.files.name(path);
        let mut syntax = Syntax::blueprint();
        syntax.limits.bytes = BYTES - self.bytes.min(BYTES);
        let bytes = match self.files.read(path, syntax.limits.bytes) {
            Ok(bytes) => bytes,
            Err(error) => {
                let code = if error == ReadError::Outside { OUTSIDE_FOLDER } else { CANNOT_READ };
                self.diagnostics.push(Diagnostic::error(
                    code,
                    at,
                    format!("`{name}` cannot be read: {error}"),
                ));
                return None;
            }
        };
        self.bytes += bytes.len();
        let text = match document::decode(bytes, &name, syntax.limits) {
            Ok(text) => text,
            Err(mut diagnostic) => {
                diagnostic.span = at;
                self.diagnostics.push(diagnostic);
                return None;
            }
        };
        let id = self.sources.add(name.as_str(), text)?;
        document::parse(self.sources.file(id)?, syntax, self.diagnostics)
    }
}

/// Adds the sections of another file.
fn merge(whole: &mut Node, part: Node, diagnostics: &mut Diagnostics) {
    let (Kind::Map(entries), Kind::Map(added)) = (&mut whole.kind, part.kind) else { return };
    for entry in
        added.into_iter().filter(|entry| entry.key.text != "include" && !entry.key.text.starts_with("x-"))
    {
        let Some(there) = entries.iter_mut().find(|there| there.key.text == entry.key.text) else {
            entries.push(entry);
            continue;
        };
        let word = there.key.text.as_str();
        match (&mut there.value.kind, entry.value.kind) {
            (Kind::Map(own), Kind::Map(more)) if SECTIONS.contains(&word) => {
                let nested = if word == "organization" { NESTED } else { &[] };
                merge_section(word, own, more, nested, diagnostics);
            }
            (Kind::List(own), Kind::List(more)) if LISTS.contains(&word) => own.extend(more),
            // A section that says nothing yet takes what the other file says.
            (own @ Kind::Null, more) if SECTIONS.contains(&word) || LISTS.contains(&word) => *own = more,
            (_, Kind::Null) if SECTIONS.contains(&word) || LISTS.contains(&word) => {}
            _ => said_twice(&format!("`{word}`"), entry.key.span, there.key.span, diagnostics),
        }
    }
}

fn merge_section(
    section: &str,
    own: &mut Vec<Entry>,
    more: Vec<Entry>,
    nested: &[&str],
    diagnostics: &mut Diagnostics,
) {
    let places: HashMap<SmolStr, usize> =
        own.iter().enumerate().map(|(at, entry)| (entry.key.text.clone(), at)).collect();
    for entry in more {
        let Some(there) = places.get(&entry.key.text).and_then(|at| own.get_mut(*at)) else {
            own.push(entry);
            continue;
        };
        match (&mut there.value.kind, entry.value.kind) {
            (Kind::Map(own), Kind::Map(more)) if nested.contains(&entry.key.text.as_str()) => {
                merge_section(&entry.key.text, own, more, &[], diagnostics);
            }
            _ => said_twice(
                &format!("`{}` of `{section}`", entry.key.text),
                entry.key.span,
                there.key.span,
                diagnostics,
            ),
        }
    }
}

fn said_twice(what: &str, here: Span, there: Span, diagnostics: &mut Diagnostics) {
    diagnostics.push(
        Diagnostic::error(SAID_TWICE, here, format!("{what} is said in two files"))
            .related(there, "first here")
            .help("keep it in one file; what differs between environments goes to `overrides:` of the environment"),
    );
}
