//! Files from the disk: the only module of this crate that does I/O.
//!
//! In: paths as a user gives them. Out: texts, in an order that depends on their names only. Always: no folder
//! is entered twice, nothing outside what was given is read, and what cannot be read is reported.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use diagnostics::{Diagnostic, Diagnostics, Span};
use document::{Limits, decode};
use smol_str::SmolStr;

use crate::{TemplateFile, UNREADABLE_FILE};

/// Extensions of files that may be templates, or are infrastructure code that deserves a word.
const EXTENSIONS: &[&str] = &[
    "yaml",
    "yml",
    "json",
    "template",
    "templates",
    "cfn",
    "cform",
    "cloudformation",
    "jsn",
    "tf",
    "hcl",
    "bicep",
];

/// Folders that never hold templates of the user's.
const PASSED_OVER: &[&str] = &[".git", "node_modules", ".terraform", "__pycache__", ".venv", ".aws-sam"];

/// Larger files are refused. CloudFormation accepts one megabyte.
const MOST_BYTES: u64 = 64 << 20;
/// Past this many files the walk stops.
const MOST_FILES: usize = 100_000;
/// Past this depth of folders the walk stops.
const DEEPEST: usize = 64;

/// Reads all files that may be templates at or below `paths`. A file given by itself is read whatever its
/// name; names are relative to the folder given.
pub fn walk(paths: &[PathBuf], diagnostics: &mut Diagnostics) -> Vec<TemplateFile> {
    let mut walk = Walk { root: None, seen: BTreeSet::new(), files: Vec::new(), diagnostics };
    for path in paths {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                let prefix = if paths.len() > 1 { name_of(path) } else { String::new() };
                walk.root = path.canonicalize().ok();
                walk.folder(path, &prefix, 0);
            }
            Ok(_) => {
                walk.root = None;
                walk.file(path, &name_of(path));
            }
            Err(error) => walk.unreadable(path, &error.to_string()),
        }
    }
    walk.files
}

struct Walk<'d> {
    /// The folder given that is being read; nothing outside it is.
    root: Option<PathBuf>,
    /// Folders and files entered, without symbolic links.
    seen: BTreeSet<PathBuf>,
    files: Vec<TemplateFile>,
    diagnostics: &'d mut Diagnostics,
}

impl Walk<'_> {
    fn unreadable(&mut self, path: &Path, why: &str) {
        let text = format!("`{}` cannot be read: {why}", path.display());
        self.diagnostics.push(Diagnostic::error(UNREADABLE_FILE, Span::NONE, text));
    }

    /// Whether a path leads to something not read yet, and not out of the folder given.
    fn is_new(&mut self, path: &Path) -> bool {
        match path.canonicalize() {
            Ok(real) if self.root.as_ref().is_some_and(|root| !real.starts_with(root)) => {
                self.unreadable(path, "it is a link that leads out of the folder");
                false
            }
            Ok(real) => self.seen.insert(real),
            Err(error) => {
                self.unreadable(path, &error.to_string());
                false
            }
        }
    }

    fn folder(&mut self, path: &Path, prefix: &str, depth: usize) {
        if !self.is_new(path) {
            return;
        }
        if depth > DEEPEST {
            return self.unreadable(path, "folders are nested too deeply");
        }
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) => return self.unreadable(path, &error.to_string()),
        };
        let mut below: Vec<(String, PathBuf)> = Vec::new();
        for entry in entries {
            match entry {
                Ok(entry) => below.push((entry.file_name().to_string_lossy().into_owned(), entry.path())),
                Err(error) => self.unreadable(path, &error.to_string()),
            }
        }
        below.sort();
        for (name, path) in below {
            let inner = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
            match fs::metadata(&path) {
                Ok(metadata) if metadata.is_dir() => {
                    if !PASSED_OVER.contains(&name.as_str()) {
                        self.folder(&path, &inner, depth + 1);
                    }
                }
                Ok(metadata) if metadata.is_file() => {
                    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
                    if EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str()) {
                        self.file(&path, &inner);
                    }
                }
                // Sockets, devices and pipes hold no templates.
                Ok(_) => {}
                Err(error) => self.unreadable(&path, &error.to_string()),
            }
        }
    }

    fn file(&mut self, path: &Path, name: &str) {
        if !self.is_new(path) {
            return;
        }
        if self.files.len() >= MOST_FILES {
            if self.files.len() == MOST_FILES {
                self.unreadable(path, &format!("more than {MOST_FILES} files were found"));
            }
            return;
        }
        match read_bounded(path) {
            Ok(bytes) => match decode(bytes, name, Limits::default()) {
                Ok(text) => self.files.push(TemplateFile { name: SmolStr::new(name), text: text.into() }),
                Err(diagnostic) => self.diagnostics.push(diagnostic),
            },
            Err(error) => self.unreadable(path, &error.to_string()),
        }
    }
}

/// The bytes of a file, one more than accepted at most: a file may grow while it is read.
fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn name_of(path: &Path) -> String {
    let named = path.file_name().map(|name| name.to_string_lossy().into_owned());
    named.unwrap_or_else(|| path.to_string_lossy().into_owned())
}
