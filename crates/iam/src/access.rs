//! Who may do what in an estate, before anything is deployed.
//!
//! In: an [`Estate`], whoever wrote it, and a question. Out: yes, no, when, or an honest "unknown", with the statements
//! that decide; and chains of roles. Always: every policy that the estate attaches counts; one whose text nobody knows
//! may allow anything and deny anything, and the answer says so.

mod askers;
mod chains;
mod collect;
mod context;
mod controls;
mod decide;
mod fit;
mod names;

use diagnostics::{Diagnostics, SourceMap};

use crate::policy::Policy;

/// The text of one of AWS's own policies; `None` where AWS has none of that name.
fn aws_managed(arn: &str) -> Option<Policy> {
    let document = catalog::Catalog::shared().managed_policies().document(arn)?;
    parse_text(&document.to_string()).ok()
}

/// A policy in a text of its own.
fn parse_text(text: &str) -> Result<Policy, String> {
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let file = sources.add("policy.json", text).and_then(|id| sources.file(id));
    let policy = file.and_then(|file| crate::parse::file(file, &mut diagnostics));
    policy.ok_or_else(|| {
        let first = diagnostics.iter().next().map(|diagnostic| diagnostic.message.to_string());
        first.unwrap_or_else(|| "it cannot be read".to_owned())
    })
}

/// A policy from text, as a document attached for certain; `None` where it cannot be read.
#[must_use]
pub fn document(name: &str, text: &str) -> Option<Document> {
    let policy = parse_text(text).ok()?;
    Some(Document {
        name: name.into(),
        policy: Ok(policy.into()),
        certain: true,
        span: diagnostics::Span::NONE,
    })
}

pub use askers::Askers;
pub use chains::{Hop, Reaching, who_can};
pub use collect::{Access, AllowList, Document, Holder, HolderKind, Thing};
pub use decide::{Because, Circumstances, Finding, Verdict, Who, principal_text, rendered};
pub use names::{Names, marked, shown};
