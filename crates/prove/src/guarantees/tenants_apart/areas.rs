//! What belongs to one tenant: the parts of things that policies cut out by a variable of the caller.
//!
//! In: every policy of an estate. Out: [`Area`]s, in order. Always: an area is what some statement says, whatever its effect;
//! its variables are left open, so that it can be made any tenant's.
//!
//! Sources: "IAM policy elements: Variables and tags", IAM User Guide; "Using IAM policy conditions for fine-grained access
//! control", Amazon DynamoDB Developer Guide; "Encryption context", AWS KMS Developer Guide.

use std::collections::BTreeSet;

use diagnostics::Span;
use estate::SmolStr;
use iam::access::{Access, Document, Holder, rendered};
use iam::operator::Family;
use iam::policy::Statement;
use iam::symbolic::{Given, symbols};
use iam::text::{Segment, Text};

/// Parts of things that belong to whoever the variables name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Area {
    /// The resources, with the variables.
    pub resource: Text,
    /// The condition key that tells the owner where the resource does not, with its text.
    pub key: Option<(SmolStr, Text)>,
    /// Actions that the statement names, for services whose actions on items are not listed.
    pub actions: Vec<SmolStr>,
    /// The statement.
    pub span: Span,
}

/// The areas of an estate, and the variables that tell its tenants apart.
#[derive(Debug, Default)]
pub(super) struct Areas {
    /// Each once.
    pub all: Vec<Area>,
    /// The variables by their keys, as they are written.
    pub variables: Vec<SmolStr>,
    /// Who has a policy that cuts out an area, by position in [`Access::holders`].
    pub tenants: Vec<usize>,
}

/// Whether a variable says on whose behalf a session acts.
fn is_of_tenants(key: &str, holder: Option<&Holder>) -> bool {
    let fixed = |tag: &str| {
        holder.is_some_and(|holder| holder.tags.iter().any(|(known, _)| known.eq_ignore_ascii_case(tag)))
    };
    match key.strip_prefix("aws:principaltag/") {
        // A tag of the role itself is the same for all its sessions.
        Some(tag) => !fixed(tag),
        None => {
            key.ends_with(":sub")
                || matches!(
                    key,
                    "aws:userid" | "aws:username" | "aws:sourceidentity" | "www.amazon.com:user_id"
                )
        }
    }
}

impl Areas {
    pub(super) fn of(access: &Access<'_>) -> Self {
        let mut out = Self::default();
        for (at, holder) in access.holders.iter().enumerate() {
            if out.read(&holder.identity, Some(holder)) {
                out.tenants.push(at);
            }
        }
        for thing in &access.things {
            out.read(&thing.policies, None);
        }
        out
    }

    fn read(&mut self, documents: &[Document], holder: Option<&Holder>) -> bool {
        let mut any = false;
        let policies = documents.iter().filter_map(|document| document.policy.as_ref().ok());
        for statement in policies.flat_map(|policy| &policy.statements) {
            any |= self.read_statement(statement, holder);
        }
        any
    }

    fn read_statement(&mut self, statement: &Statement, holder: Option<&Holder>) -> bool {
        let scoped = |text: &Text| text.variables().any(|variable| is_of_tenants(&variable.key, holder));
        let actions: Vec<SmolStr> =
            statement.actions.patterns.iter().map(|pattern| pattern.written.clone()).collect();
        let patterns = statement.resources.iter().flat_map(|set| &set.patterns);
        let (inside, whole): (Vec<&Text>, Vec<&Text>) =
            patterns.map(|pattern| &pattern.text).partition(|text| scoped(text));
        let mut any = false;
        for text in inside {
            any |= self.add(text, None, &actions, statement.span);
        }
        for condition in &statement.conditions {
            let of_texts = matches!(condition.operator.family(), Family::String | Family::Arn);
            // What is made, who asks and by which session does not say whose the thing is.
            let of_request = ["aws:requesttag/", "aws:principal", "aws:tagkeys", "sts:", "aws:userid"]
                .iter()
                .any(|prefix| condition.key.starts_with(prefix));
            if !of_texts || of_request {
                continue;
            }
            for value in condition.values.iter().filter(|value| scoped(&value.text)) {
                for resource in &whole {
                    let key = Some((condition.written_key.clone(), value.text.clone()));
                    any |= self.add(resource, key, &actions, statement.span);
                }
            }
        }
        any
    }

    fn add(
        &mut self,
        resource: &Text,
        key: Option<(SmolStr, Text)>,
        actions: &[SmolStr],
        span: Span,
    ) -> bool {
        let known = self.all.iter_mut().find(|area| area.resource == *resource && area.key == key);
        match known {
            Some(area) => {
                let more = actions.iter().filter(|action| !area.actions.contains(action)).cloned();
                let more: Vec<SmolStr> = more.collect();
                area.actions.extend(more);
            }
            None => {
                let texts = [Some(resource), key.as_ref().map(|(_, text)| text)];
                for variable in texts.into_iter().flatten().flat_map(Text::variables) {
                    if is_of_tenants(&variable.key, None) && !self.variables.contains(&variable.written) {
                        self.variables.push(variable.written.clone());
                    }
                }
                self.all.push(Area { resource: resource.clone(), key, actions: actions.to_vec(), span });
            }
        }
        true
    }

    /// What is known of the context of a session that acts for somebody; `None`: for nobody.
    pub(super) fn session(&self, of: Option<&str>) -> Vec<Given> {
        self.variables.iter().map(|key| (key.clone(), of.map(str::to_owned))).collect()
    }

    /// Keys of session tags among the variables.
    pub(super) fn tags(&self) -> BTreeSet<SmolStr> {
        let tag = |key: &SmolStr| {
            let (prefix, tag) = key.split_once('/')?;
            prefix.eq_ignore_ascii_case("aws:PrincipalTag").then(|| tag.into())
        };
        self.variables.iter().filter_map(tag).collect()
    }
}

/// A text as it is for one owner: variables are the owner, wildcards a text of their own.
pub(super) fn owned(text: &Text, owner: &str) -> String {
    text.segments
        .iter()
        .map(|segment| match segment {
            Segment::Literal(text) => text.to_string(),
            Segment::Unknown(name) => symbols::of(name).to_string(),
            Segment::AnyRun | Segment::AnyOne => "x".to_owned(),
            Segment::Variable(_) => owner.to_owned(),
        })
        .collect()
}

impl Area {
    /// For people.
    pub(super) fn says(&self) -> String {
        match &self.key {
            Some((key, text)) => format!("{key} = {}", iam::access::shown(&rendered(text))),
            None => iam::access::shown(&rendered(&self.resource)),
        }
    }
}
