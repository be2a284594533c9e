//! Where a blueprint's files come from.
//!
//! The language itself does no input or output: it asks a [`Files`] for the text behind a relative path.
//! Paths that reach it are normalised: no `..`, no `.`, no doubled or leading slash.

use std::collections::BTreeMap;
use std::fmt;

/// The folder that a blueprint lies in.
pub trait Files {
    /// The bytes of the file at `path`, relative to the blueprint's folder. An implementation over a real file
    /// system must not follow a symbolic link out of the folder, and should refuse to read more than `limit` bytes.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn read(&self, path: &str, limit: usize) -> Result<Vec<u8>, ReadError>;

    /// Whether there is such a file.
    fn exists(&self, path: &str) -> bool {
        !matches!(self.read(path, usize::MAX), Err(ReadError::NotFound))
    }

    /// The name by which diagnostics call the file. Default: its path.
    fn name(&self, path: &str) -> String {
        path.to_owned()
    }
}

/// Why a file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadError {
    /// There is none.
    NotFound,
    /// It is larger than asked for.
    TooLarge,
    /// Its real place is outside the folder, by a symbolic link.
    Outside,
    /// Anything else, in the system's words.
    Other(String),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("there is no such file"),
            Self::TooLarge => f.write_str("it is too large"),
            Self::Outside => f.write_str("it is a link out of the blueprint's folder"),
            Self::Other(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for ReadError {}

/// Files in memory: for tests and for blueprints that were never on disk.
#[derive(Debug, Clone, Default)]
pub struct MemoryFiles(BTreeMap<String, Vec<u8>>);

impl MemoryFiles {
    /// No files.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more file.
    #[must_use]
    pub fn with(mut self, path: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        self.0.insert(path.into(), text.into());
        self
    }
}

/// Paths with their contents.
impl<P: Into<String>, T: Into<Vec<u8>>, const N: usize> From<[(P, T); N]> for MemoryFiles {
    fn from(files: [(P, T); N]) -> Self {
        Self(files.into_iter().map(|(path, text)| (path.into(), text.into())).collect())
    }
}

impl Files for MemoryFiles {
    fn read(&self, path: &str, limit: usize) -> Result<Vec<u8>, ReadError> {
        let bytes = self.0.get(path).ok_or(ReadError::NotFound)?;
        if bytes.len() > limit { Err(ReadError::TooLarge) } else { Ok(bytes.clone()) }
    }

    fn exists(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }
}

/// The folder of `file` joined with `relative`, without `.` and `..`; `None` where that leaves the folder.
#[must_use]
pub fn normalised(file: &str, relative: &str) -> Option<String> {
    if relative.starts_with('/') {
        return None;
    }
    let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            _ => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::normalised;

    #[test]
    fn paths_stay_inside_the_folder() {
        assert_eq!(normalised("estate.yaml", "a/b.yaml").as_deref(), Some("a/b.yaml"));
        assert_eq!(normalised("a/b.yaml", "../c.yaml").as_deref(), Some("c.yaml"));
        assert_eq!(normalised("a/b.yaml", "./x//y.yaml").as_deref(), Some("a/x/y.yaml"));
        for outside in ["../x", "a/../../x", "/etc/passwd", "..", ""] {
            assert_eq!(normalised("estate.yaml", outside), None, "{outside}");
        }
    }
}
