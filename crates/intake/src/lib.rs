//! What somebody else wrote, as an estate: CloudFormation templates, their parameters and nested stacks.
//!
//! In: texts of templates, or paths to them ([`files`] is the only module that does I/O). Out: an
//! [`Estate`] and a diagnostic for every mistake. Always: every file is read, or refused, or skipped, and
//! each of the three is said; what is not known becomes an [`estate::Unknown`], an [`estate::Call`] or an
//! [`estate::Case`], never a guess; nothing a template says makes this crate panic or run away.

pub mod cloudformation;
mod codes;
pub mod describe;
pub mod files;
pub mod parameter_file;

pub use codes::*;

use diagnostics::{Diagnostics, SourceMap};
use estate::Estate;

pub use cloudformation::{Options, TemplateFile, read};

/// Reads templates from texts: `(file name, text)`. For tests and fuzz targets.
///
/// ```
/// let (estate, _, diagnostics) = intake::from_texts(&[("a.yaml", "Resources: {B: {Type: AWS::S3::Bucket}}")]);
/// assert_eq!((estate.resource_count(), diagnostics.len()), (1, 0));
/// ```
#[must_use]
pub fn from_texts(texts: &[(&str, &str)]) -> (Estate, SourceMap, Diagnostics) {
    let files: Vec<_> = texts.iter().map(|(name, text)| TemplateFile::new(*name, *text)).collect();
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let estate = read(&files, &Options::default(), &mut sources, &mut diagnostics);
    (estate, sources, diagnostics)
}
