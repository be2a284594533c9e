//! The blueprint as it was at a commit, for what a change means.
//!
//! In: a folder and a commit. Out: the estate as it was. Always: the folder is not touched; git writes the old files elsewhere.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use estate::Estate;
use plan::{PacketChange, RequestChange};
use prove::Date;

use crate::pipeline;

/// What a change means, and since when.
pub(super) struct Meaning {
    /// The commit that is compared with.
    pub since: String,
    pub packets: Result<Vec<PacketChange>, String>,
    pub requests: Vec<RequestChange>,
}

/// Compares an estate with the one that the blueprint was at a commit.
pub(super) fn meaning(folder: &Path, commit: &str, now: &Estate, today: Date) -> Result<Meaning, String> {
    let old = at(folder, commit)?;
    let read = pipeline::blueprint(&old.path, pipeline::BLUEPRINT, today);
    let Some(before) = &read.estate else {
        return Err(format!("the blueprint at {commit} has mistakes, as this version reads it"));
    };
    Ok(Meaning {
        since: commit.to_owned(),
        packets: plan::packets(before, now),
        requests: plan::requests(before, now),
    })
}

/// A folder that goes when it is no longer needed.
struct Old {
    path: PathBuf,
    whole: PathBuf,
}

impl Drop for Old {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.whole);
    }
}

fn at(folder: &Path, commit: &str) -> Result<Old, String> {
    if commit.starts_with('-') {
        return Err(format!("`{commit}` is no commit"));
    }
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.arg("-C").arg(folder).args(arguments).stderr(Stdio::piped());
        command
    };
    let shown = |out: std::io::Result<std::process::Output>| match out {
        Ok(out) if out.status.success() => Ok(String::from_utf8_lossy(&out.stdout).trim().to_owned()),
        Ok(out) => {
            Err(String::from_utf8_lossy(&out.stderr).lines().next().unwrap_or("git failed").to_owned())
        }
        Err(error) => Err(format!("git does not run: {error}")),
    };
    let prefix = shown(git(&["rev-parse", "--show-prefix"]).output())?;
    let root = shown(git(&["rev-parse", "--show-toplevel"]).output())?;
    let whole = std::env::temp_dir().join(format!("steward-since-{}", std::process::id()));
    std::fs::create_dir_all(&whole).map_err(|error| error.to_string())?;
    let old = Old { path: whole.join(&prefix), whole: whole.clone() };
    let mut archive = Command::new("git");
    archive.arg("-C").arg(&root).args(["archive", "--format=tar", commit, "--"]);
    archive.arg(if prefix.is_empty() { "." } else { prefix.as_str() });
    let mut archive =
        archive.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(|error| error.to_string())?;
    let tar = archive.stdout.take().ok_or("git says nothing")?;
    let unpacked =
        Command::new("tar").arg("-x").arg("-C").arg(&whole).stdin(tar).stderr(Stdio::null()).status();
    let archive = shown(archive.wait_with_output());
    archive.map_err(|why| format!("{commit} cannot be read: {why}"))?;
    match unpacked {
        Ok(status) if status.success() => Ok(old),
        Ok(_) => Err(format!("the files of {commit} cannot be unpacked")),
        Err(error) => Err(format!("tar does not run: {error}")),
    }
}
