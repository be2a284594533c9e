//! Whether one principal's policies allow what another's do not.
//!
//! In: documents. Out: [`More`]. Always: "no" is said only when the symbolic engine found no request; the same pair of
//! texts is compared once.

use std::collections::HashMap;

use catalog::IamReference;
use iam::access::{Document, Holder};
use iam::policy::{Effect, Policy, Sense, Statement, Version};
use iam::symbolic::{Answer, extra};

/// Whether there is more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum More {
    /// There is not.
    No,
    /// This: `s3:GetObject on arn:…`.
    Yes(String),
    /// Not decided, or a text is not known.
    Unknown(String),
}

/// Comparisons made so far.
pub(crate) struct Powers<'c> {
    reference: &'c IamReference,
    known: HashMap<(String, String), More>,
}

impl<'c> Powers<'c> {
    pub(crate) fn new(reference: &'c IamReference) -> Self {
        Self { reference, known: HashMap::new() }
    }

    /// Whether documents within a boundary allow more than a holder has.
    pub(crate) fn more(&mut self, what: &[Document], boundary: Option<&Document>, than: &Holder) -> More {
        if is_administrator(what, boundary) {
            return More::Yes("everything".to_owned());
        }
        let mut answer = self.over(what, than);
        if let (More::Yes(_), Some(boundary)) = (&answer, boundary) {
            match self.over(std::slice::from_ref(boundary), than) {
                More::Yes(_) => {}
                other => answer = other,
            }
        }
        answer
    }

    fn over(&mut self, what: &[Document], than: &Holder) -> More {
        let own = self.compared(what, &than.identity);
        match (own, &than.boundary) {
            (More::No, Some(boundary)) => self.compared(what, std::slice::from_ref(boundary)),
            (own, _) => own,
        }
    }

    /// Whether some documents allow what others do not.
    pub(crate) fn compared(&mut self, wide: &[Document], narrow: &[Document]) -> More {
        if let Some(why) = wide.iter().find_map(|document| document.policy.as_ref().err()) {
            return More::Unknown(why.clone());
        }
        let (wide, narrow) = (merged(wide), merged(narrow));
        if wide.statements.iter().all(|statement| statement.effect == Effect::Deny) {
            return More::No;
        }
        let key = (fingerprint(&wide), fingerprint(&narrow));
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let answer = match extra(&wide, &narrow, self.reference) {
            Answer::Yes(request) => {
                More::Yes(format!("{} on {}", request.action, iam::access::shown(&request.resource)))
            }
            Answer::No => More::No,
            Answer::Unknown(why) => More::Unknown(why),
        };
        self.known.insert(key, answer.clone());
        answer
    }
}

/// All statements of the documents whose text is known, as one policy.
fn merged(documents: &[Document]) -> Policy {
    let policies = documents.iter().filter_map(|document| document.policy.as_ref().ok());
    let statements: Vec<Statement> = policies.flat_map(|policy| policy.statements.iter().cloned()).collect();
    Policy {
        version: Version::V2012,
        version_span: None,
        id: None,
        statements,
        span: diagnostics::Span::NONE,
    }
}

/// What decides of a policy, as a text: equal texts mean the same.
fn fingerprint(policy: &Policy) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    for statement in &policy.statements {
        let actions: Vec<_> = statement.actions.patterns.iter().map(|pattern| &pattern.text).collect();
        let resources = statement
            .resources
            .as_ref()
            .map(|set| (set.sense, set.patterns.iter().map(|pattern| &pattern.text).collect::<Vec<_>>()));
        let conditions = statement.conditions.iter().map(|one| {
            let values: Vec<_> = one.values.iter().map(|value| &value.text).collect();
            (one.operator, one.qualifier, one.if_exists, &one.key, values)
        });
        let conditions: Vec<_> = conditions.collect();
        let decides = (statement.effect, statement.actions.sense, actions, resources, conditions);
        // Writing into a text cannot fail.
        let _ = write!(out, "{decides:?}");
    }
    out
}

/// Whether documents allow everything on everything, and nothing takes any of it away.
pub(crate) fn is_administrator(documents: &[Document], boundary: Option<&Document>) -> bool {
    boundary.is_none_or(|boundary| allows_everything(std::slice::from_ref(boundary)))
        && allows_everything(documents)
}

fn allows_everything(documents: &[Document]) -> bool {
    let policies = documents.iter().filter_map(|document| document.policy.as_ref().ok());
    let mut all = false;
    for statement in policies.flat_map(|policy| &policy.statements) {
        if statement.effect == Effect::Deny {
            return false;
        }
        let actions = statement.actions.sense == Sense::Only
            && statement
                .actions
                .patterns
                .iter()
                .any(|pattern| matches!(pattern.written.as_str(), "*" | "*:*"));
        let resources = statement.resources.as_ref().is_none_or(|set| {
            set.sense == Sense::Only && set.patterns.iter().any(|pattern| pattern.text.is_any())
        });
        all |= actions && resources && statement.conditions.is_empty();
    }
    all
}

/// Whether a document alone allows everything.
pub(super) fn says_everything(document: &Document) -> bool {
    is_administrator(std::slice::from_ref(document), None)
}
