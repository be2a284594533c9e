//! A bundle on the disk, whole or not at all.
//!
//! In: a [`Bundle`] and a directory. Out: the directory holds exactly the bundle, or what it held before.
//! Always: everything is written and flushed in a directory beside it first, and takes the place of the old
//! one in one step; only a directory that is empty, or that holds nothing but what Steward wrote there, is
//! replaced; a failure leaves nothing behind.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use rayon::prelude::*;

use crate::Bundle;
use crate::cloudformation::Manifest;

/// Why a bundle was not written.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The target is a file.
    #[error("`{0}` is a file, not a directory")]
    NotADirectory(PathBuf),
    /// The target holds what Steward did not write.
    #[error("`{directory}` holds `{found}`, which Steward did not write there; it is left as it is")]
    NotOurs {
        /// The target.
        directory: PathBuf,
        /// The first thing found there that is not Steward's, relative to it.
        found: PathBuf,
    },
    /// A path of the bundle leads out of it.
    #[error("`{0}` is not a path within a bundle")]
    BadPath(String),
    /// The system refused something.
    #[error("cannot {action} `{path}`: {source}")]
    Io {
        /// What was tried: `write`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Puts a bundle into a directory, in place of what an earlier run put there. Missing parent directories
/// are made.
///
/// # Errors
/// When the directory holds anything that is not Steward's, or the system refuses something. The directory
/// is then as it was.
pub fn commit(bundle: &Bundle, directory: &Path) -> Result<(), CommitError> {
    commit_on(&System, bundle, directory)?;
    sweep(directory, ABANDONED);
    Ok(())
}

/// After this long nobody is writing any more: a run takes seconds.
const ABANDONED: Duration = Duration::from_secs(3600);

/// Removes what runs left beside a directory that were killed while they wrote. What cannot be removed stays: the bundle is in its place.
fn sweep(directory: &Path, age: Duration) {
    let Ok(target) = fs::canonicalize(directory) else { return };
    let (Some(parent), Some(name)) = (target.parent(), target.file_name().and_then(|name| name.to_str()))
    else {
        return;
    };
    let begins = format!(".{name}.steward-new-");
    let ours = |entry: &fs::DirEntry| {
        let rest = entry.file_name().to_str().and_then(|name| name.strip_prefix(&begins)).map(str::to_owned);
        rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_digit() || c == '-'))
            && entry.file_type().is_ok_and(|kind| kind.is_dir())
    };
    let old = |entry: &fs::DirEntry| {
        let changed = entry.metadata().and_then(|data| data.modified()).ok();
        changed.and_then(|at| at.elapsed().ok()).is_some_and(|since| since >= age)
    };
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if ours(&entry) && old(&entry) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// What [`commit`] does to a disk; tests put failures in.
trait Disk: Sync {
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;
    /// Writes a new file and flushes it to the disk.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
    /// Flushes the entries of a directory to the disk.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Exchanges two directories in one step; `Unsupported` where the system has no such step.
    fn exchange(&self, a: &Path, b: &Path) -> io::Result<()>;
    fn remove_dir_all(&self, path: &Path) -> io::Result<()>;
}

/// The disk itself.
struct System;

impl Disk for System {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).open(path)?;
        file.write_all(bytes)?;
        file.sync_data()
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        // Only Unix opens directories.
        if cfg!(unix) { fs::File::open(path)?.sync_all() } else { Ok(()) }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    #[cfg(any(target_os = "linux", target_vendor = "apple"))]
    fn exchange(&self, a: &Path, b: &Path) -> io::Result<()> {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;
        renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE).map_err(|error| match error {
            Errno::INVAL | Errno::NOSYS | Errno::NOTSUP => io::ErrorKind::Unsupported.into(),
            error => error.into(),
        })
    }

    #[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
    fn exchange(&self, _: &Path, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CommitError {
    let path = path.to_owned();
    move |source| CommitError::Io { action, path, source }
}

fn commit_on(disk: &dyn Disk, bundle: &Bundle, directory: &Path) -> Result<(), CommitError> {
    for (path, _) in bundle.iter() {
        let inside = |part: Component<'_>| matches!(part, Component::Normal(_));
        if path.is_empty() || !Path::new(path).components().all(inside) {
            return Err(CommitError::BadPath(path.to_owned()));
        }
    }
    let (parent, target) = resolve(disk, directory)?;
    let occupied = inspect(&target)?;
    let new = sibling(disk, &parent, &target, "new")?;
    let done = fill(disk, bundle, &new).and_then(|()| swap(disk, &new, &parent, &target, occupied));
    if done.is_err() {
        // The failure that led here is what the person must hear of.
        let _ = disk.remove_dir_all(&new);
    }
    done
}

/// The target with links followed, and the directory it lies in, which is made where it is missing.
fn resolve(disk: &dyn Disk, directory: &Path) -> Result<(PathBuf, PathBuf), CommitError> {
    let target = match fs::canonicalize(directory) {
        Ok(target) => target,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let bad = || CommitError::NotADirectory(directory.to_owned());
            let name = directory.file_name().ok_or_else(bad)?;
            let parent = match directory.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent,
                _ => Path::new("."),
            };
            disk.create_dir_all(parent).map_err(failed("make directory", parent))?;
            fs::canonicalize(parent).map_err(failed("find", parent))?.join(name)
        }
        Err(error) => return Err(failed("find", directory)(error)),
    };
    match target.parent() {
        Some(parent) => Ok((parent.to_owned(), target)),
        None => Err(CommitError::NotOurs { directory: target, found: PathBuf::from(".") }),
    }
}

/// Whether the target is there and holds anything; an error when that is not Steward's.
fn inspect(target: &Path) -> Result<bool, CommitError> {
    match fs::symlink_metadata(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(failed("look at", target)(error)),
        Ok(found) if !found.is_dir() => return Err(CommitError::NotADirectory(target.to_owned())),
        Ok(_) => {}
    }
    let manifest = fs::read_to_string(target.join("manifest.json")).ok();
    // A manifest of another version lists its files all the same.
    let known = manifest.and_then(|text| files_of(&text)).unwrap_or_default();
    let mut occupied = false;
    let mut open = vec![PathBuf::new()];
    while let Some(folder) = open.pop() {
        let path = target.join(&folder);
        for entry in fs::read_dir(&path).map_err(failed("list", &path))? {
            let entry = entry.map_err(failed("list", &path))?;
            occupied = true;
            let name = folder.join(entry.file_name());
            let kind = entry.file_type().map_err(failed("look at", &entry.path()))?;
            if kind.is_dir() {
                open.push(name);
            } else if !known.contains(&name) {
                return Err(CommitError::NotOurs { directory: target.to_owned(), found: name });
            }
        }
    }
    Ok(occupied)
}

/// The files that a manifest lists, whatever its version.
fn files_of(manifest: &str) -> Option<BTreeSet<PathBuf>> {
    if let Ok(manifest) = Manifest::read(manifest) {
        return Some(manifest.files.into_iter().map(PathBuf::from).collect());
    }
    let manifest: serde_json::Value = serde_json::from_str(manifest).ok()?;
    if manifest.get("generator")?.as_str()? != crate::cloudformation::GENERATOR {
        return None;
    }
    let files = manifest.get("files")?.as_array()?;
    Some(files.iter().filter_map(|file| file.as_str().map(PathBuf::from)).collect())
}

/// A new directory beside the target, so that both are on one disk.
fn sibling(disk: &dyn Disk, parent: &Path, target: &Path, what: &str) -> Result<PathBuf, CommitError> {
    let mut last = None;
    for attempt in 0..100 {
        let mut name = OsString::from(".");
        name.push(target.file_name().unwrap_or_default());
        name.push(format!(".steward-{what}-{}-{attempt}", std::process::id()));
        let path = parent.join(name);
        match disk.create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = Some((path, error)),
            Err(error) => return Err(failed("make directory", &path)(error)),
        }
    }
    let (path, error) = last.unwrap_or_else(|| (parent.to_owned(), io::ErrorKind::AlreadyExists.into()));
    Err(failed("make directory", &path)(error))
}

/// Writes and flushes every file, then the directories that hold them.
fn fill(disk: &dyn Disk, bundle: &Bundle, new: &Path) -> Result<(), CommitError> {
    let mut folders: BTreeSet<PathBuf> = BTreeSet::new();
    for (path, _) in bundle.iter() {
        folders.extend(Path::new(path).ancestors().skip(1).map(Path::to_owned));
    }
    for folder in folders.iter().filter(|folder| !folder.as_os_str().is_empty()) {
        let path = new.join(folder);
        disk.create_dir(&path).map_err(failed("make directory", &path))?;
    }
    let files: Vec<(&str, &[u8])> = bundle.iter().collect();
    files.par_iter().try_for_each(|(path, bytes)| {
        let path = new.join(path);
        disk.write(&path, bytes).map_err(failed("write", &path))
    })?;
    folders.par_iter().try_for_each(|folder| {
        let path = new.join(folder);
        disk.sync_dir(&path).map_err(failed("flush", &path))
    })
}

/// Puts `new` in the place of `target` and removes what was there.
fn swap(
    disk: &dyn Disk,
    new: &Path,
    parent: &Path,
    target: &Path,
    occupied: bool,
) -> Result<(), CommitError> {
    if !occupied {
        disk.rename(new, target).map_err(failed("put in place", target))?;
        return disk.sync_dir(parent).map_err(failed("flush", parent)).or_else(|error| {
            // Not known to be on the disk: take it back, so that "failed" means "as it was".
            disk.rename(target, new).map_or(Ok(()), |()| Err(error))
        });
    }
    match disk.exchange(new, target) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::Unsupported => {
            return replace(disk, new, parent, target);
        }
        Err(error) => return Err(failed("put in place", target)(error)),
    }
    // From here `new` names the old directory. Somebody may have put something there in the meantime.
    let looked = inspect(new).map(|_| ()).map_err(|error| match error {
        CommitError::NotOurs { found, .. } => CommitError::NotOurs { directory: target.to_owned(), found },
        other => other,
    });
    let settled = looked.and_then(|()| disk.sync_dir(parent).map_err(failed("flush", parent)));
    if let Err(error) = settled {
        return disk.exchange(new, target).map_or(Ok(()), |()| Err(error));
    }
    // The new bundle is in place; an old one that cannot be removed is untidy, but no failure.
    let _ = disk.remove_dir_all(new);
    Ok(())
}

/// The same in two steps, where the system cannot exchange directories; the old one is put back when the
/// second step fails.
fn replace(disk: &dyn Disk, new: &Path, parent: &Path, target: &Path) -> Result<(), CommitError> {
    let old = sibling(disk, parent, target, "old")?;
    if let Err(error) = disk.rename(target, &old) {
        let _ = disk.remove_dir_all(&old);
        return Err(failed("set aside", target)(error));
    }
    if let Err(error) = disk.rename(new, target) {
        disk.rename(&old, target).map_err(failed("put back", target))?;
        return Err(failed("put in place", target)(error));
    }
    let _ = disk.sync_dir(parent);
    let _ = disk.remove_dir_all(&old);
    Ok(())
}

#[cfg(test)]
#[path = "commit_tests.rs"]
mod tests;
