//! The policy language as a tree: what a policy says, with the place of every part.
//!
//! In: nothing; [`crate::parse`] makes it. Out: types that the evaluator, the linter and the symbolic engine
//! share. Must always hold: what was written is kept (`written`), what it means stands beside it, and nothing
//! that this tree holds has lost a word of the document that IAM would obey.
//!
//! Source: "Grammar of the IAM JSON policy language" and "IAM JSON policy element reference", IAM User Guide.

use diagnostics::Span;
use smol_str::SmolStr;

use crate::operator::{Operator, Qualifier};
use crate::text::Text;

/// A policy document.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// The version of the language that it is written in.
    pub version: Version,
    /// Where the version stands; `None` where it is left out, which means [`Version::V2008`].
    pub version_span: Option<Span>,
    /// The document's `Id`, which means nothing to the evaluation.
    pub id: Option<SmolStr>,
    /// Its statements, in order.
    pub statements: Vec<Statement>,
    /// The whole document.
    pub span: Span,
}

/// The version of the policy language.
///
/// Source: "IAM JSON policy elements: Version": without the element the version is 2008-10-17, in which policy
/// variables are plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// `2008-10-17`: no policy variables.
    V2008,
    /// `2012-10-17`.
    V2012,
}

/// One statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// Its `Sid`.
    pub sid: Option<SmolStr>,
    /// Where the `Sid` stands.
    pub sid_span: Option<Span>,
    /// What it does when it matches.
    pub effect: Effect,
    /// Where the effect stands.
    pub effect_span: Span,
    /// `Principal` or `NotPrincipal`; `None` in policies of identities, where the principal is who has the
    /// policy, and in control policies that leave it out.
    pub principals: Option<PrincipalSet>,
    /// `Action` or `NotAction`.
    pub actions: ActionSet,
    /// `Resource` or `NotResource`; `None` in trust policies, where the resource is the role.
    pub resources: Option<ResourceSet>,
    /// Every operator with each of its keys: all must hold.
    pub conditions: Vec<Condition>,
    /// The whole statement.
    pub span: Span,
}

/// What a statement does when it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// `Allow`
    Allow,
    /// `Deny`
    Deny,
}

/// Whether an element names what it applies to, or what it leaves out (`NotAction` …).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sense {
    /// `Action`, `Resource`, `Principal`
    Only,
    /// `NotAction`, `NotResource`, `NotPrincipal`
    AllBut,
}

/// `Principal` or `NotPrincipal`.
#[derive(Debug, Clone, PartialEq)]
pub struct PrincipalSet {
    /// Which of the two.
    pub sense: Sense,
    /// The principals it lists.
    pub principals: Vec<Principal>,
    /// The key and its value.
    pub span: Span,
}

/// One principal of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Principal {
    /// Who is meant.
    pub kind: PrincipalKind,
    /// As it was written, without the type it stands under.
    pub written: SmolStr,
    /// Where.
    pub span: Span,
}

/// Who a principal of a policy is.
///
/// Source: "AWS JSON policy elements: Principal", IAM User Guide.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PrincipalKind {
    /// `"*"` or `{"AWS": "*"}`: everybody, also who is not signed in.
    Everyone,
    /// An account, as its number or its `root` ARN: every principal of the account that the account's own
    /// policies let through.
    Account(SmolStr),
    /// The ARN of a user, role, role session or federated user session.
    Arn(SmolStr),
    /// The unique id of a user or role that no longer exists (`AIDA…`, `AROA…`): matches nobody's ARN.
    UniqueId(SmolStr),
    /// A service: `lambda.amazonaws.com`.
    Service(SmolStr),
    /// An identity provider: the ARN of a SAML or OIDC provider, or `cognito-identity.amazonaws.com` and its like.
    Federated(SmolStr),
    /// The canonical user id of an account (S3).
    CanonicalUser(SmolStr),
    /// A principal whose text is not known yet, with the type it stands under (`AWS`, `Service` …).
    Open(SmolStr, Text),
}

/// `Action` or `NotAction`.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionSet {
    /// Which of the two.
    pub sense: Sense,
    /// The patterns it lists.
    pub patterns: Vec<ActionPattern>,
    /// The key and its value.
    pub span: Span,
}

/// A pattern of actions: `s3:Get*`, `*`.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionPattern {
    /// In lower case, as actions are compared; without variables, which IAM does not take here. `*` alone has no
    /// colon and means every action of every service.
    pub text: Text,
    /// As it was written.
    pub written: SmolStr,
    /// Where.
    pub span: Span,
}

/// `Resource` or `NotResource`.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceSet {
    /// Which of the two.
    pub sense: Sense,
    /// The patterns it lists.
    pub patterns: Vec<ResourcePattern>,
    /// The key and its value.
    pub span: Span,
}

/// A pattern of resource ARNs.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourcePattern {
    /// The pattern, with variables.
    pub text: Text,
    /// As it was written.
    pub written: SmolStr,
    /// Where.
    pub span: Span,
}

/// One operator with one key and its values.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// How the values are compared.
    pub operator: Operator,
    /// `ForAllValues`, `ForAnyValue`, or neither.
    pub qualifier: Qualifier,
    /// `…IfExists`: holds where the key is absent.
    pub if_exists: bool,
    /// Where the operator stands.
    pub operator_span: Span,
    /// The condition key in lower case, as keys are compared: `aws:principaltag/team`.
    pub key: SmolStr,
    /// The key as it was written.
    pub written_key: SmolStr,
    /// Where the key stands.
    pub key_span: Span,
    /// The values: one that matches is enough (none of them, for a negated operator).
    pub values: Vec<ConditionValue>,
    /// Operator, key and values.
    pub span: Span,
}

/// One value of a condition.
#[derive(Debug, Clone, PartialEq)]
pub struct ConditionValue {
    /// The value with its variables; with wildcards only where the operator takes them.
    pub text: Text,
    /// As it was written; booleans and numbers as their JSON text.
    pub written: SmolStr,
    /// Where.
    pub span: Span,
}

impl Policy {
    /// The name of statement `index` for people: its `Sid`, or its number from 1.
    #[must_use]
    pub fn statement_name(&self, index: usize) -> SmolStr {
        let sid = self.statements.get(index).and_then(|statement| statement.sid.clone());
        sid.unwrap_or_else(|| smol_str::format_smolstr!("statement {}", index + 1))
    }
}

impl Version {
    /// `2008-10-17`, `2012-10-17`
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::V2008 => "2008-10-17",
            Self::V2012 => "2012-10-17",
        }
    }
}

impl Effect {
    /// `Allow`, `Deny`
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Allow => "Allow",
            Self::Deny => "Deny",
        }
    }
}

impl PrincipalKind {
    /// The key it stands under in a policy: `AWS`, `Service`, `Federated`, `CanonicalUser`.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Everyone | Self::Account(_) | Self::Arn(_) | Self::UniqueId(_) => "AWS",
            Self::Service(_) => "Service",
            Self::Federated(_) => "Federated",
            Self::CanonicalUser(_) => "CanonicalUser",
            Self::Open(key, _) => key,
        }
    }
}

impl ActionPattern {
    /// The service prefix, where the pattern has one without wildcard: `s3`.
    #[must_use]
    pub fn service(&self) -> Option<&str> {
        let (prefix, _) = self.written.split_once(':')?;
        (!prefix.contains(['*', '?'])).then_some(prefix)
    }
}
