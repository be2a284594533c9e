//! Which account and region a file is of, and whether a folder holds such files.
//!
//! In: paths. Out: the account's number and the region that their folders name. Always: the innermost name counts;
//! looking whether a folder is one of these costs a bounded number of look-ups.

use std::fs;
use std::io::Read;
use std::path::Path;

use smol_str::SmolStr;

use super::kinds;

/// How many files are looked at before a folder is taken for something else.
const MOST_FILES: usize = 400;
/// How many levels down: `config/accounts/<account>/<region>/` has four.
const DEEPEST: usize = 6;
/// How much of a file is looked at.
const HEAD: u64 = 4096;

/// The account and region of a file, as folders name them: those of its name, or else those `above`.
pub fn place(name: &str, above: &[String]) -> (Option<SmolStr>, Option<SmolStr>) {
    let parts = || above.iter().map(String::as_str).chain(name.split('/'));
    let last = |wanted: fn(&str) -> bool| parts().rev().find(|part| wanted(part)).map(SmolStr::new);
    (last(is_account), last(is_region))
}

/// The names of the folders that a path lies in, as far as they may say account and region.
pub fn above(path: &Path) -> Vec<String> {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let mut names: Vec<_> =
        real.iter().rev().take(3).map(|part| part.to_string_lossy().into_owned()).collect();
    names.reverse();
    names
}

fn is_account(name: &str) -> bool {
    name.len() == 12 && name.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a name has the form of a region's: `us-east-1`, `us-gov-west-1`.
pub fn is_region(name: &str) -> bool {
    let parts: Vec<_> = name.split('-').collect();
    let (Some(first), Some(last)) = (parts.first(), parts.last()) else { return false };
    (3..=4).contains(&parts.len())
        && first.len() == 2
        && last.len() == 1
        && last.bytes().all(|byte| byte.is_ascii_digit())
        && parts.iter().rev().skip(1).all(|part| part.bytes().all(|byte| byte.is_ascii_lowercase()))
}

/// See [`super::is_describe_output`].
pub fn is_describe_output(path: &Path) -> bool {
    if path.is_file() {
        return is_described(path);
    }
    let mut left = MOST_FILES;
    folder_holds(path, 0, &mut left)
}

fn folder_holds(folder: &Path, depth: usize, left: &mut usize) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    let mut below: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    below.sort();
    let (folders, files): (Vec<_>, Vec<_>) = below.into_iter().partition(|path| path.is_dir());
    for file in files {
        if *left == 0 {
            return false;
        }
        let json = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        if json {
            *left -= 1;
            if is_described(&file) {
                return true;
            }
        }
    }
    depth < DEEPEST && folders.iter().any(|folder| folder_holds(folder, depth + 1, left))
}

/// Whether a file begins as the output of a call that is known.
fn is_described(path: &Path) -> bool {
    let mut bytes = Vec::new();
    let Ok(file) = fs::File::open(path) else { return false };
    if file.take(HEAD).read_to_end(&mut bytes).is_err() {
        return false;
    }
    let text = String::from_utf8_lossy(&bytes);
    let Some(after) = text.trim_start_matches('\u{feff}').trim_start().strip_prefix('{') else {
        return false;
    };
    let Some((key, rest)) = after.trim_start().strip_prefix('"').and_then(|rest| rest.split_once('"')) else {
        return false;
    };
    let Some(value) = rest.trim_start().strip_prefix(':') else { return false };
    kinds::begins(key, value.trim_start().starts_with('['))
}
