//! Files of a blueprint on the disk, and files written whole or not at all.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use blueprint::{Files, ReadError};

/// The folder that a blueprint lies in.
#[derive(Debug)]
pub struct Folder {
    /// The folder as the user named it.
    shown: PathBuf,
    /// Where it really is: nothing outside is read.
    real: PathBuf,
}

impl Folder {
    /// A folder that exists.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { shown: path.to_path_buf(), real: path.canonicalize()? })
    }
}

impl Files for Folder {
    fn read(&self, path: &str, limit: usize) -> Result<Vec<u8>, ReadError> {
        let real = self.real.join(path).canonicalize().map_err(why)?;
        if !real.starts_with(&self.real) {
            return Err(ReadError::Outside);
        }
        let file = File::open(&real).map_err(why)?;
        if !file.metadata().map_err(why)?.is_file() {
            return Err(ReadError::Other("it is not a file".to_owned()));
        }
        let mut bytes = Vec::new();
        let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        file.take(most).read_to_end(&mut bytes).map_err(why)?;
        if bytes.len() > limit { Err(ReadError::TooLarge) } else { Ok(bytes) }
    }

    fn exists(&self, path: &str) -> bool {
        self.real.join(path).is_file()
    }

    fn name(&self, path: &str) -> String {
        let shown = self.shown.join(path);
        shown.strip_prefix(".").unwrap_or(&shown).display().to_string()
    }
}

fn why(error: io::Error) -> ReadError {
    if error.kind() == io::ErrorKind::NotFound {
        ReadError::NotFound
    } else {
        ReadError::Other(error.to_string())
    }
}

/// Writes a file beside its place and renames it into it: nobody ever sees half of it.
pub fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let beside = folder.join(format!(".{}.{}.partial", name.to_string_lossy(), std::process::id()));
    let written = (|| {
        let mut file = File::options().write(true).create_new(true).open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}
