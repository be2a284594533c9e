//! What a directory holds after a commit, after one that fails anywhere, and after one that is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use std::time::Duration;

use super::{CommitError, Disk, System, commit, commit_on, sweep};
use crate::Bundle;

/// The disk, on which the operation of this number, and all after it where `broken`, fails.
struct Failing {
    at: usize,
    broken: bool,
    exchanges: bool,
    done: AtomicUsize,
}

impl Failing {
    fn new(at: usize, broken: bool, exchanges: bool) -> Self {
        Self { at, broken, exchanges, done: AtomicUsize::new(0) }
    }

    fn count(&self) -> io::Result<()> {
        let now = self.done.fetch_add(1, Ordering::SeqCst);
        let fails = if self.broken { now >= self.at } else { now == self.at };
        if fails { Err(io::Error::other("induced")) } else { Ok(()) }
    }
}

impl Disk for Failing {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.count().and_then(|()| System.create_dir(path))
    }
    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.count().and_then(|()| System.create_dir_all(path))
    }
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        // Half a file, as when the disk is full.
        self.count().inspect_err(|_| drop(fs::write(path, &bytes[..bytes.len() / 2])))?;
        System.write(path, bytes)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.count().and_then(|()| System.sync_dir(path))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.count().and_then(|()| System.rename(from, to))
    }
    fn exchange(&self, a: &Path, b: &Path) -> io::Result<()> {
        if !self.exchanges {
            return Err(io::ErrorKind::Unsupported.into());
        }
        self.count().and_then(|()| System.exchange(a, b))
    }
    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        self.count().and_then(|()| System.remove_dir_all(path))
    }
}

/// An empty directory of its own for each test, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("steward-commit-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(&self.0)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn bundle(files: &[(&str, &str)]) -> Bundle {
    let mut bundle = Bundle::new();
    let mut names: Vec<_> = files.iter().map(|(path, _)| (*path).to_owned()).collect();
    names.push("manifest.json".to_owned());
    for (path, text) in files {
        bundle.insert(*path, *text);
    }
    let manifest = serde_json::json!({ "generator": "steward", "version": 7, "files": names });
    bundle.insert("manifest.json", manifest.to_string());
    bundle
}

fn contents(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut out = BTreeMap::new();
    let mut open = vec![directory.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(directory).unwrap().to_str().unwrap().to_owned();
                out.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    out
}

fn expected(bundle: &Bundle) -> BTreeMap<String, Vec<u8>> {
    bundle.iter().map(|(path, bytes)| (path.to_owned(), bytes.to_vec())).collect()
}

#[test]
fn a_later_bundle_replaces_an_earlier_one_whole() {
    let scratch = Scratch::new("replace");
    let out = scratch.path("made/by/us/out");
    let (first, second) = (bundle(&[("a/b/c.json", "1"), ("old.json", "2")]), bundle(&[("a/x.json", "3")]));
    commit(&first, &out).unwrap();
    assert_eq!(contents(&out), expected(&first));
    commit(&second, &out).unwrap();
    assert_eq!(contents(&out), expected(&second));
    assert!(!out.join("a/b").exists());
}

#[test]
fn an_empty_directory_is_filled_and_a_link_is_followed() {
    let scratch = Scratch::new("empty");
    fs::create_dir(scratch.path("real")).unwrap();
    std::os::unix::fs::symlink(scratch.path("real"), scratch.path("link")).unwrap();
    let files = bundle(&[("a.json", "1")]);
    commit(&files, &scratch.path("link")).unwrap();
    assert_eq!(contents(&scratch.path("real")), expected(&files));
    assert!(fs::symlink_metadata(scratch.path("link")).unwrap().is_symlink());
}

#[test]
fn what_steward_did_not_write_is_left_alone() {
    let scratch = Scratch::new("foreign");
    let files = bundle(&[("a.json", "1")]);
    let refused = |name: &str| match commit(&files, &scratch.path(name)) {
        Err(CommitError::NotOurs { found, .. }) => found.to_str().unwrap().to_owned(),
        Err(CommitError::NotADirectory(_)) => "not a directory".to_owned(),
        other => panic!("{other:?}"),
    };

    fs::create_dir(scratch.path("home")).unwrap();
    fs::write(scratch.path("home/thesis.txt"), "years").unwrap();
    assert_eq!(refused("home"), "thesis.txt");

    fs::create_dir(scratch.path("other")).unwrap();
    fs::write(scratch.path("other/manifest.json"), r#"{"generator":"other","files":["manifest.json"]}"#)
        .unwrap();
    assert_eq!(refused("other"), "manifest.json");

    commit(&files, &scratch.path("out")).unwrap();
    fs::create_dir(scratch.path("out/notes")).unwrap();
    fs::write(scratch.path("out/notes/mine.txt"), "mine").unwrap();
    assert_eq!(refused("out"), "notes/mine.txt");
    assert_eq!(fs::read_to_string(scratch.path("out/notes/mine.txt")).unwrap(), "mine");

    fs::write(scratch.path("file"), "x").unwrap();
    assert_eq!(refused("file"), "not a directory");
    assert_eq!(scratch.names(), ["file", "home", "other", "out"]);
}

#[test]
fn paths_that_lead_out_are_refused() {
    let scratch = Scratch::new("paths");
    for path in ["../x", "/x", "a/../../x", "", "./x"] {
        let mut files = Bundle::new();
        files.insert(path, "x");
        assert!(matches!(commit(&files, &scratch.path("out")), Err(CommitError::BadPath(_))), "{path}");
    }
    assert_eq!(scratch.names(), Vec::<String>::new());
}

#[test]
fn a_file_in_the_way_of_a_folder_fails_cleanly() {
    let scratch = Scratch::new("way");
    let mut files = bundle(&[("a.json", "1")]);
    files.insert("a.json/b.json", "2");
    assert!(matches!(commit(&files, &scratch.path("out")), Err(CommitError::Io { .. })));
    assert_eq!(scratch.names(), Vec::<String>::new());
}

/// Fails each operation in turn: whatever fails, the directory then holds all of the old bundle when an
/// error is returned, all of the new one when not, and nothing lies beside it unless removing failed.
fn check_failures(name: &str, before: Option<&Bundle>, exchanges: bool) {
    let after = bundle(&[("a/new.json", "new"), ("b/new.json", "new"), ("c.json", "new")]);
    for at in 0.. {
        let scratch = Scratch::new(name);
        let out = scratch.path("out");
        if let Some(before) = before {
            commit(before, &out).unwrap();
        }
        let disk = Failing::new(at, false, exchanges);
        let done = commit_on(&disk, &after, &out);
        let held = out.exists().then(|| contents(&out));
        match &done {
            Ok(()) => assert_eq!(held, Some(expected(&after)), "operation {at}"),
            Err(_) => assert_eq!(held, before.map(expected), "operation {at}"),
        }
        if done.is_err() {
            let left: Vec<_> = scratch.names().into_iter().filter(|name| name != "out").collect();
            assert_eq!(left, Vec::<String>::new(), "operation {at}");
        }
        if disk.done.load(Ordering::SeqCst) <= at {
            assert!(done.is_ok());
            return;
        }
    }
}

#[test]
fn a_failure_anywhere_leaves_the_old_bundle() {
    let before = bundle(&[("a/old.json", "old")]);
    check_failures("fail-first", None, true);
    check_failures("fail-next", Some(&before), true);
    check_failures("fail-steps", Some(&before), false);
}

/// A disk that goes away altogether: with the exchange in one step, even then nothing is half there.
#[test]
fn a_disk_that_stays_broken_never_shows_half_a_bundle() {
    let before = bundle(&[("a/old.json", "old")]);
    let after = bundle(&[("a/new.json", "new"), ("b/new.json", "new")]);
    for at in 0..40 {
        let scratch = Scratch::new("broken");
        let out = scratch.path("out");
        commit(&before, &out).unwrap();
        let done = commit_on(&Failing::new(at, true, true), &after, &out);
        let held = contents(&out);
        assert!(held == expected(&before) || held == expected(&after), "operation {at}");
        assert!(done.is_err() || held == expected(&after), "operation {at}");
    }
}

#[test]
fn what_killed_runs_left_is_swept_and_nothing_else() {
    let folder = std::env::temp_dir().join(format!("steward-sweep-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    let target = folder.join("out");
    let left = folder.join(".out.steward-new-4711-0");
    let others = [".out.steward-old-4711-0", ".out.steward-new-mine", ".other.steward-new-4711-0"];
    let others = others.map(|name| folder.join(name));
    for path in [&target, &left].into_iter().chain(&others) {
        fs::create_dir_all(path).unwrap();
    }
    sweep(&target, Duration::from_secs(3600));
    assert!(left.exists(), "a run may be at work on what is new");
    sweep(&target, Duration::ZERO);
    assert!(!left.exists() && target.exists() && others.iter().all(|path| path.exists()));
    fs::remove_dir_all(&folder).unwrap();
}
