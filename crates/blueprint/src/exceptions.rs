//! Exceptions by themselves, for estates that have no blueprint.
//!
//! In: a file with a list of exceptions, written as in a blueprint, or a mapping whose only section is `exceptions`.
//! Out: the exceptions. Always: their subjects are resources, by path or logical id, for nothing else is known.

use diagnostics::{Diagnostics, SourceFile};
use document::Syntax;

use crate::model::{Exception, Subject};
use crate::reader::{Field as _, Many, wrong_type};
use crate::{Spanned, written};

/// The exceptions in a file; `None` where it has mistakes, which have been said.
#[must_use]
pub fn exceptions(file: &SourceFile, diagnostics: &mut Diagnostics) -> Option<Vec<Exception>> {
    let mut own = Diagnostics::new();
    let read = document::parse(file, Syntax::blueprint(), &mut own).and_then(|tree| {
        let list = match tree.as_map() {
            None => &tree,
            Some([only]) if only.key.text == "exceptions" => &only.value,
            Some(_) => {
                own.push(wrong_type(&tree, "a list of exceptions, or `exceptions:` with such a list"));
                return None;
            }
        };
        Many::<written::Exception>::present(list, &mut own)
    });
    let good = !own.has_errors();
    diagnostics.append(own);
    let read = read.filter(|_| good)?;
    Some(read.iter().map(|exception| of(exception)).collect())
}

fn of(written: &written::Exception) -> Exception {
    let subjects = written.r#for.iter();
    Exception {
        guarantee: written.guarantee.as_ref().map(|word| word.as_str().into()),
        subjects: subjects
            .map(|word| Spanned::new(Subject::Resources(word.as_str().into()), word.span))
            .collect(),
        because: written.because.clone(),
        owner: written.owner.clone(),
        until: written.until,
        span: written.span,
    }
}
