//! From a judgement about a subject to its verdict, and judging lists item by item.
//!
//! In: a [`Judgement`] and the words for it. Out: one verdict in [`Findings`]. Always: a judgement that is
//! unknown becomes an unknown verdict that says because of what.

use estate::{Kind, Resource, ResourceRef, Value};

use crate::{Finding, Findings, Judgement, Setting, Witness};

/// The words of a guarantee about one kind of subject.
#[derive(Debug, Clone, Copy)]
pub struct Words<'a> {
    /// What is wrong, one sentence: `the key keeps its material for ever`.
    pub violated: &'a str,
    /// What cannot be known, to follow "whether": `the key rotates`.
    pub unknown: &'a str,
    /// Where the setting stands: `VersioningConfiguration/Status`.
    pub path: &'a str,
    /// What to change.
    pub fix: &'a str,
}

impl Findings {
    /// Turns a judgement into a verdict about `subject`; returns the finding unless it was proved.
    pub fn settle(
        &mut self,
        subject: ResourceRef<'_>,
        judgement: Judgement,
        words: &Words<'_>,
    ) -> Option<&mut Finding> {
        match judgement {
            Judgement::Holds => {
                self.proved(subject);
                None
            }
            Judgement::Fails { span, found } => {
                let witness = Witness::Setting { path: words.path.into(), found };
                Some(self.violated(subject, span, words.violated).witness(witness).fix(words.fix))
            }
            Judgement::Unknown { span, because } => {
                let message = format!("whether {} cannot be known: {because}", words.unknown);
                Some(self.unknown(subject, span, message))
            }
        }
    }
}

impl Findings {
    /// One verdict of several judgements that must all hold: the first failure, else the first unknown.
    pub fn settle_all<'w, const N: usize>(
        &mut self,
        subject: ResourceRef<'_>,
        judgements: [(Judgement, Words<'w>); N],
    ) -> Option<&mut Finding> {
        let worst = |judgement: &Judgement| match judgement {
            Judgement::Fails { .. } => 0,
            Judgement::Unknown { .. } => 1,
            Judgement::Holds => 2,
        };
        let (judgement, words) = judgements.into_iter().min_by_key(|(judgement, _)| worst(judgement))?;
        self.settle(subject, judgement, &words)
    }
}

impl Judgement {
    /// Fails at the place of a resource, because nothing is there.
    #[must_use]
    pub fn missing(resource: &Resource) -> Self {
        Self::Fails { span: resource.origin.span, found: "nothing".into() }
    }

    /// Fails at `value`, with what is there in words.
    #[must_use]
    pub fn fails(value: &Value) -> Self {
        Self::Fails { span: value.span, found: value.describe() }
    }

    /// Unknown at the place of a resource.
    #[must_use]
    pub fn doubtful(resource: &Resource, because: impl Into<String>) -> Self {
        Self::Unknown { span: resource.origin.span, because: because.into() }
    }

    /// The opposite: what failed holds; what held fails as `found` says.
    #[must_use]
    pub fn unless(self, resource: &Resource, found: &str) -> Self {
        match self {
            Self::Holds => Self::Fails { span: resource.origin.span, found: found.into() },
            Self::Fails { .. } => Self::Holds,
            unknown @ Self::Unknown { .. } => unknown,
        }
    }
}

/// Whether `judge` holds of every item of the list at `path` (cases looked through); an empty or missing
/// list is judged by `none`. Unlike the alternatives of one setting, one failing item fails the whole.
pub fn every_item<'a>(
    resource: &'a Resource,
    path: &[&str],
    none: impl Fn() -> Judgement,
    mut judge: impl FnMut(&'a Value) -> Judgement,
) -> Judgement {
    Setting::of(resource, path).judge(|list| match list.map(|list| (list, &list.kind)) {
        None => none(),
        Some((_, Kind::List(items))) if items.is_empty() => none(),
        Some((list, Kind::List(_) | Kind::Map(_))) => {
            list.as_items().iter().fold(Judgement::Holds, |all, item| {
                all.and(|| {
                    Setting::below(item, &[]).judge(|item| match item {
                        None => Judgement::Holds,
                        Some(item) if item.as_map().is_some() => judge(item),
                        Some(item) => Judgement::unknown(item),
                    })
                })
            })
        }
        Some((list, _)) => Judgement::unknown(list),
    })
}
