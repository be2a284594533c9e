//! What is wrong with a policy that can be read.
//!
//! In: a policy and what kind it is. Out: diagnostics, with place and fix. Must always hold: an error is what AWS
//! refuses or what can never do what it says; a warning is probably a mistake; a note may be meant.
//!
//! Source: "IAM Access Analyzer policy check reference", IAM User Guide, and the pages named beside each check.

mod actions;
mod conditions;
mod principals;
mod redundancy;
mod resources;

use catalog::Catalog;
use diagnostics::{Diagnostic, Diagnostics, SourceFile, SourceMap, Span};
use document::Syntax;

use crate::codes::{BAD_SID, NO_VERSION, NOT_A_POLICY, TOO_LONG};
use crate::parse;
use crate::policy::{Effect, Policy, Statement};
use crate::written::{Shape, Written};

pub(crate) use crate::lint::actions::Named;

/// What a policy is attached to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A user, group, role or permission set; also permissions boundaries and session policies.
    Identity,
    /// A resource.
    Resource,
    /// A role: who may assume it.
    Trust,
    /// An organization's service control policy.
    ServiceControl,
    /// An organization's resource control policy.
    ResourceControl,
    /// A VPC endpoint.
    Endpoint,
}

impl Kind {
    /// For a message: `a policy of an identity`.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Identity => "a policy of an identity",
            Self::Resource => "a policy of a resource",
            Self::Trust => "a trust policy",
            Self::ServiceControl => "a service control policy",
            Self::ResourceControl => "a resource control policy",
            Self::Endpoint => "an endpoint policy",
        }
    }

    /// What a policy most probably is: trust policies have STS actions and no resource, policies of resources name
    /// principals.
    #[must_use]
    pub fn guess(policy: &Policy) -> Self {
        let names = |statement: &Statement| statement.principals.is_some();
        if !policy.statements.iter().any(names) {
            return Self::Identity;
        }
        let trusts = |statement: &Statement| {
            let sts = |pattern: &crate::policy::ActionPattern| pattern.service() == Some("sts");
            statement.resources.is_none() && statement.actions.patterns.iter().any(sts)
        };
        if policy.statements.iter().any(trusts) { Self::Trust } else { Self::Resource }
    }
}

/// Judges the policy that a file holds: a document, or what the AWS CLI prints around one (`PolicyVersion`,
/// `PolicyDocument`, `Policy` as text).
pub fn file(file: &SourceFile, kind: Option<Kind>, diagnostics: &mut Diagnostics) {
    let Some(node) = document::parse(file, Syntax::template(), diagnostics) else { return };
    let written = Written::from(&node);
    match unwrapped(&written) {
        Unwrapped::Here(policy) => {
            if let Some(policy) = parse::written(policy, diagnostics) {
                lint(&policy, kind, length(&written), diagnostics);
            }
        }
        Unwrapped::Text(text, span) => inner(text, span, kind, diagnostics),
    }
}

enum Unwrapped<'a> {
    Here(&'a Written),
    Text(&'a str, Span),
}

fn unwrapped(written: &Written) -> Unwrapped<'_> {
    let mut at = written;
    // A document that has statements is one, whatever else it holds.
    for _ in 0..4 {
        if at.get("Statement").is_some() {
            break;
        }
        let keys = [
            "PolicyVersion",
            "Document",
            "PolicyDocument",
            "AssumeRolePolicyDocument",
            "Role",
            "Policy",
            "Content",
        ];
        match keys.iter().find_map(|key| at.get(key)) {
            Some(Written { shape: Shape::Text(text), span }) => return Unwrapped::Text(text, *span),
            Some(inner) => at = inner,
            None => break,
        }
    }
    Unwrapped::Here(at)
}

/// A policy in a text: its mistakes stand at the text, with the place inside in words.
fn inner(text: &str, span: Span, kind: Option<Kind>, diagnostics: &mut Diagnostics) {
    let (mut sources, mut own) = (SourceMap::new(), Diagnostics::new());
    let Some(source) = sources.add("policy.json", text).and_then(|id| sources.file(id).cloned()) else {
        let text = "this text is too long to be a policy";
        return diagnostics.push(Diagnostic::error(NOT_A_POLICY, span, text));
    };
    file(&source, kind, &mut own);
    for said in &own {
        let place = sources
            .locate(said.span)
            .map(|at| format!(" (line {}, column {} of the text)", at.line, at.column));
        let mut moved = said.clone();
        moved.message.push_str(&place.unwrap_or_default());
        moved.span = span;
        moved.related.clear();
        diagnostics.push(moved);
    }
}

/// How many characters a policy has without white space, as IAM counts.
fn length(written: &Written) -> usize {
    let text = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
    match &written.shape {
        Shape::Null | Shape::Bool(true) => 4,
        Shape::Bool(false) => 5,
        Shape::Number(number) => number.len(),
        Shape::Text(inner) => text(inner) + 2,
        Shape::Pieces(_) => 2,
        Shape::List(items) => 1 + items.iter().map(|item| length(item) + 1).sum::<usize>().max(1),
        Shape::Map(entries) => {
            1 + entries.iter().map(|(key, _, value)| text(key) + 4 + length(value)).sum::<usize>().max(1)
        }
    }
}

/// Judges a policy; `length` is its length without white space.
pub fn lint(policy: &Policy, kind: Option<Kind>, length: usize, diagnostics: &mut Diagnostics) {
    let kind = kind.unwrap_or_else(|| Kind::guess(policy));
    version(policy, diagnostics);
    too_long(policy, kind, length, diagnostics);
    sids(policy, kind, diagnostics);
    // A policy with very many statements is judged statement by statement only.
    let named: Vec<Named> =
        policy.statements.iter().map(|statement| Named::of(statement, Catalog::shared())).collect();
    for (statement, named) in policy.statements.iter().zip(&named) {
        actions::check(statement, kind, named, diagnostics);
        resources::check(statement, kind, named, diagnostics);
        conditions::check(statement, named, diagnostics);
        principals::check(statement, kind, diagnostics);
    }
    redundancy::check(policy, diagnostics);
}

fn version(policy: &Policy, diagnostics: &mut Diagnostics) {
    if policy.version_span.is_none() {
        let warning = Diagnostic::warning(NO_VERSION, policy.span, "this policy has no `Version`");
        diagnostics.push(warning.help("add \"Version\": \"2012-10-17\""));
    }
}

/// Source: "IAM and AWS STS quotas", IAM User Guide; "Quotas for AWS Organizations"; "Bucket policies", S3 User Guide.
fn too_long(policy: &Policy, kind: Kind, length: usize, diagnostics: &mut Diagnostics) {
    let (most, of) = match kind {
        Kind::Identity => (10_240, "the inline policies of a role together"),
        Kind::Trust => (8_192, "a trust policy, where its quota is raised as far as it goes"),
        Kind::ServiceControl | Kind::ResourceControl => (10_240, "a control policy"),
        Kind::Resource | Kind::Endpoint => (32_768, "a policy of any resource"),
    };
    if length > most {
        let text =
            format!("this policy has {length} characters without white space, more than the {most} of {of}");
        diagnostics.push(Diagnostic::error(TOO_LONG, policy.span, text).help("split it"));
    } else if kind == Kind::Identity && length > 6_144 {
        let text = format!(
            "this policy has {length} characters without white space: a managed policy has 6144 at most"
        );
        diagnostics.push(
            Diagnostic::warning(TOO_LONG, policy.span, text).help("split it, or attach it to a role inline"),
        );
    }
}

/// Source: "IAM JSON policy elements: Sid".
fn sids(policy: &Policy, kind: Kind, diagnostics: &mut Diagnostics) {
    let mut seen: std::collections::HashMap<&str, Span> = std::collections::HashMap::new();
    for statement in &policy.statements {
        let (Some(sid), Some(span)) = (&statement.sid, statement.sid_span) else { continue };
        let plain = sid.bytes().all(|c| c.is_ascii_alphanumeric());
        if !plain && matches!(kind, Kind::Identity | Kind::Trust) {
            let text = format!("`{sid}` holds other characters than letters and digits");
            let error = Diagnostic::error(BAD_SID, span, text);
            let fixed: String = sid.chars().filter(char::is_ascii_alphanumeric).collect();
            diagnostics.push(if fixed.is_empty() { error } else { error.help(format!("write `{fixed}`")) });
        }
        if sid.is_empty() {
            continue;
        }
        if let Some(first) = seen.insert(sid, span) {
            let error =
                Diagnostic::error(BAD_SID, span, format!("the Sid `{sid}` stands twice in this policy"));
            diagnostics.push(error.related(first, "first here"));
        }
    }
}

/// `this Allow`, `this Deny`
fn effect(statement: &Statement) -> &'static str {
    match statement.effect {
        Effect::Allow => "Allow",
        Effect::Deny => "Deny",
    }
}
