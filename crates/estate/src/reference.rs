//! What one resource says of another, across stacks, accounts and regions.

use std::fmt;

use smol_str::SmolStr;

use crate::{AccountId, StackId};

/// A value that AWS assigns and that is therefore known only by where it comes from. Two references are the
/// same value exactly when they are equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    /// What is referred to.
    pub target: Target,
    /// `None` for what `Ref` returns, else the attribute of `Fn::GetAtt`: `Arn`, `Endpoint.Address`.
    pub attribute: Option<SmolStr>,
}

/// What a [`Reference`] refers to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// A resource of a stack of this estate.
    Resource {
        /// The stack.
        stack: StackId,
        /// The resource's logical id.
        id: SmolStr,
    },
    /// The twelve-digit id of an account of this estate.
    Account(AccountId),
    /// A pseudo parameter of a stack.
    Pseudo {
        /// The stack in whose deployment it is evaluated.
        stack: StackId,
        /// Which.
        pseudo: Pseudo,
    },
}

/// Pseudo parameters whose value the deployment decides.
///
/// Source: AWS CloudFormation User Guide, "Get AWS values using pseudo parameters". `AWS::AccountId` is a
/// [`Target::Account`], `AWS::Region` the stack's region, `AWS::NoValue` is [`crate::Kind::Absent`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pseudo {
    /// `AWS::Partition`: `aws`, `aws-cn`, `aws-us-gov`.
    Partition,
    /// `AWS::URLSuffix`: `amazonaws.com`.
    UrlSuffix,
    /// `AWS::Region`, where the stack's region is not known.
    Region,
    /// `AWS::StackId`.
    StackId,
    /// `AWS::StackName`.
    StackName,
    /// `AWS::NotificationARNs`.
    NotificationArns,
}

impl Pseudo {
    /// The name in a template: `AWS::Partition`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Partition => "AWS::Partition",
            Self::UrlSuffix => "AWS::URLSuffix",
            Self::Region => "AWS::Region",
            Self::StackId => "AWS::StackId",
            Self::StackName => "AWS::StackName",
            Self::NotificationArns => "AWS::NotificationARNs",
        }
    }
}

impl Reference {
    /// What `Ref` of a resource returns.
    #[must_use]
    pub fn to(stack: StackId, id: impl Into<SmolStr>) -> Self {
        Self { target: Target::Resource { stack, id: id.into() }, attribute: None }
    }

    /// An attribute of a resource.
    #[must_use]
    pub fn attribute(stack: StackId, id: impl Into<SmolStr>, attribute: impl Into<SmolStr>) -> Self {
        Self { target: Target::Resource { stack, id: id.into() }, attribute: Some(attribute.into()) }
    }

    /// The resource referred to, if it is one.
    #[must_use]
    pub fn resource(&self) -> Option<(StackId, &SmolStr)> {
        match &self.target {
            Target::Resource { stack, id } => Some((*stack, id)),
            Target::Account(_) | Target::Pseudo { .. } => None,
        }
    }
}

/// Short form for people who see one stack at a time: `Bucket.Arn`, `AWS::Partition`, `account 3`.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Target::Resource { id, .. } => f.write_str(id)?,
            Target::Account(account) => write!(f, "account {}", account.0)?,
            Target::Pseudo { pseudo, .. } => f.write_str(pseudo.name())?,
        }
        match &self.attribute {
            Some(attribute) => write!(f, ".{attribute}"),
            None => Ok(()),
        }
    }
}
