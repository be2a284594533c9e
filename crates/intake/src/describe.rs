//! What the AWS describe APIs return, as an estate.
//!
//! In: a folder of files as `aws ec2 describe-vpcs > Vpcs.json` and its like write them, in folders that name the
//! account (twelve digits) and the region. Out: an [`Estate`] with a stack for each account and region, in
//! CloudFormation's own vocabulary. Always: every resource's logical id is the id that AWS gave it, and AWS's ids are
//! unique, so a thing that several accounts see (a peering, a shared subnet) is one resource; what CloudFormation has a
//! property for is a property, and everything else that was returned is in [`OBSERVED`], in the API's own spelling;
//! a file or an item that is not understood is said, and stands in the estate as [`NOT_UNDERSTOOD_KIND`] so that
//! nobody takes it for nothing; keys that unlock something are never carried on.

mod balancers;
mod codes;
mod databases;
mod endpoints;
mod filters;
mod finish;
mod firewalls;
mod hosts;
mod iam;
mod kinds;
mod layout;
mod network;
mod routes;
mod session;
mod transit;
mod value;
mod vpn;

use std::path::{Path, PathBuf};

use diagnostics::{Diagnostic, Diagnostics, SourceMap, Span};
use document::{Node, Syntax};
use estate::Estate;
use rayon::prelude::*;

pub use codes::*;
pub use estate::OBSERVED;
pub use layout::is_region;

use crate::{TemplateFile, UNREADABLE_FILE};
use session::{File, Session};

/// The type of what stands in the estate for something that was not understood: a file, or an item of one. `File` and
/// `Key` in its [`OBSERVED`] say which.
pub const NOT_UNDERSTOOD_KIND: &str = "Custom::NotUnderstood";

/// Whether a path leads to output of describe calls: a file of it, or a folder that holds one at most six levels down.
#[must_use]
pub fn is_describe_output(path: &Path) -> bool {
    layout::is_describe_output(path)
}

/// Reads everything at and below `path`. See [`read_files`].
pub fn read(path: &Path, sources: &mut SourceMap, diagnostics: &mut Diagnostics) -> Estate {
    let mut files = crate::files::walk(&[path.to_path_buf()], diagnostics);
    let above = layout::above(path);
    let folder = if path.is_dir() {
        path.to_path_buf()
    } else {
        path.parent().map_or(PathBuf::new(), Path::to_path_buf)
    };
    for file in &mut files {
        let name = folder.join(file.name.as_str());
        *file = TemplateFile::new(
            name.strip_prefix(".").unwrap_or(&name).display().to_string(),
            file.text.clone(),
        );
    }
    read_files(&files, &above, sources, diagnostics)
}

/// Reads files. Their account and region are what the folders of their names say, or else the names in `above`.
pub fn read_files(
    files: &[TemplateFile],
    above: &[String],
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> Estate {
    let mut own = Diagnostics::new();
    let parsed = parse(files, above, sources, &mut own);
    let mut session = Session::new(own);
    for file in &parsed {
        kinds::read(&mut session, file);
    }
    if session.is_empty() {
        let text = format!("nothing that AWS describes was found in {} files", files.len());
        let expected = "JSON as `aws ec2 describe-vpcs` and its like write it";
        session.say(Diagnostic::error(NOTHING_DESCRIBED, Span::NONE, text).expected(expected));
    }
    let (estate, mut own) = finish::estate(session);
    own.sort();
    diagnostics.append(own);
    estate
}

/// Reads files from texts: `(name, text)`. For tests and fuzz targets.
///
/// ```
/// let vpcs = r#"{"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}]}"#;
/// let (estate, _, diagnostics) = intake::describe::from_texts(&[("us-east-1/Vpcs.json", vpcs)]);
/// assert_eq!((estate.resource_count(), diagnostics.len()), (1, 0));
/// ```
#[must_use]
pub fn from_texts(texts: &[(&str, &str)]) -> (Estate, SourceMap, Diagnostics) {
    let files: Vec<_> = texts.iter().map(|(name, text)| TemplateFile::new(*name, *text)).collect();
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let estate = read_files(&files, &[], &mut sources, &mut diagnostics);
    (estate, sources, diagnostics)
}

/// Parses all files; a file that is no document has no tree.
fn parse(
    files: &[TemplateFile],
    above: &[String],
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> Vec<File> {
    let ids: Vec<_> = files.iter().map(|file| sources.add(file.name.as_str(), file.text.clone())).collect();
    let sources = &*sources;
    let one =
        |(file, id): (&TemplateFile, Option<diagnostics::FileId>)| -> (Option<Node>, Span, Diagnostics) {
            let mut own = Diagnostics::new();
            let Some(source) = id.and_then(|id| sources.file(id)) else {
                let text = format!("`{}` is not read: all files together have more than 4 GiB", file.name);
                own.push(Diagnostic::error(UNREADABLE_FILE, Span::NONE, text));
                return (None, Span::NONE, own);
            };
            (document::parse(source, Syntax::template(), &mut own), source.span(0, 0), own)
        };
    let read: Vec<_> = files.par_iter().zip(ids).map(one).collect();
    let mut parsed = Vec::with_capacity(files.len());
    for (file, (tree, span, own)) in files.iter().zip(read) {
        diagnostics.append(own);
        let (account, region) = layout::place(&file.name, above);
        parsed.push(File { name: file.name.clone(), account, region, tree, span });
    }
    parsed
}
