//! A stack while it is drawn.
//!
//! In: resources in AWS's spelling. Out: a [`Stack`]. Always: every resource knows its component and the place
//! of the blueprint that asked for it; a logical id is used once.

use diagnostics::Span;
use estate::{
    AccountId, Dependency, Origin, Reference, Resource, SmolStr, Stack, StackId, Step, Target, Value,
};

/// Where a stack is deployed, and the names that begin there.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The account.
    pub account: AccountId,
    /// The region.
    pub region: SmolStr,
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: &'static str,
}

impl Place {
    /// The account's twelve digits.
    pub(crate) fn account_id(&self) -> Value {
        account_id(self.account)
    }

    /// The ARN that stands for the account and whatever its IAM policies allow.
    /// Source: IAM User Guide, "AWS JSON policy elements: Principal", AWS account principals.
    pub(crate) fn root(&self) -> Value {
        Value::join([
            "arn:".into(),
            self.partition.into(),
            ":iam::".into(),
            self.account_id(),
            ":root".into(),
        ])
    }

    /// The ARN of something of a service in this account and region.
    pub(crate) fn arn(&self, service: &str, resource: impl Into<Value>) -> Value {
        let head = smol_str::format_smolstr!("arn:{}:{service}:{}:", self.partition, self.region);
        Value::join([head.into(), self.account_id(), ":".into(), resource.into()])
    }

    /// The ARN of something of IAM in this account.
    pub(crate) fn iam_arn(&self, resource: impl Into<Value>) -> Value {
        let head = smol_str::format_smolstr!("arn:{}:iam::", self.partition);
        Value::join([head.into(), self.account_id(), ":".into(), resource.into()])
    }

    /// A managed policy of AWS's own.
    pub(crate) fn aws_policy(&self, path: &str) -> Value {
        Value::from(smol_str::format_smolstr!("arn:{}:iam::aws:policy/{path}", self.partition))
    }

    /// A service's name in `kms:ViaService`: `s3.us-east-1.amazonaws.com`.
    pub(crate) fn via(&self, service: &str) -> Value {
        let suffix = if self.partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
        Value::from(smol_str::format_smolstr!("{service}.{}.{suffix}", self.region))
    }
}

/// The twelve digits of an account.
pub(crate) fn account_id(account: AccountId) -> Value {
    Reference { target: Target::Account(account), attribute: None }.into()
}

/// What `Ref` of a resource of a stack returns.
pub(crate) fn reference(stack: StackId, id: impl Into<SmolStr>) -> Value {
    Reference::to(stack, id).into()
}

/// An attribute of a resource of a stack.
pub(crate) fn attribute(stack: StackId, id: impl Into<SmolStr>, attribute: &'static str) -> Value {
    Reference::attribute(stack, id, SmolStr::new_static(attribute)).into()
}

/// A stack while it is drawn.
#[derive(Debug)]
pub(crate) struct Draft {
    /// Its id in the estate.
    pub id: StackId,
    component: &'static str,
    span: Span,
    drawn: Drawn,
}

/// A stack that is drawn.
#[derive(Debug)]
pub(crate) struct Drawn {
    /// Its id in the estate.
    pub id: StackId,
    /// The stack.
    pub stack: Stack,
    /// Logical ids that two things asked for, with the place of the second.
    pub clashes: Vec<(SmolStr, Span)>,
}

impl Draft {
    /// A stack without resources.
    pub(crate) fn new(
        id: StackId,
        name: impl Into<SmolStr>,
        place: &Place,
        component: &'static str,
        span: Span,
        description: impl Into<SmolStr>,
    ) -> Self {
        let mut stack = Stack::new(name, place.account, Some(place.region.clone()), span);
        stack.description = description.into();
        Self { id, component, span, drawn: Drawn { id, stack, clashes: Vec::new() } }
    }

    /// From here on resources are made for what is written at `span`.
    pub(crate) fn at(&mut self, span: Span) -> &mut Self {
        self.span = span;
        self
    }

    /// From here on resources are made by `component`.
    pub(crate) fn by(&mut self, component: &'static str) -> &mut Self {
        self.component = component;
        self
    }

    /// Adds a resource; returns it, to say more of it.
    pub(crate) fn add(
        &mut self,
        id: impl Into<SmolStr>,
        kind: &'static str,
        properties: Value,
    ) -> &mut Resource {
        let resource = Resource::new(kind, properties, Origin::made_by(self.component, self.span));
        let id = id.into();
        if self.drawn.stack.resources.contains_key(&id) {
            self.drawn.clashes.push((id.clone(), self.span));
        }
        self.drawn.stack.resources.entry(id).or_insert(resource)
    }

    /// What `Ref` of a resource of this stack returns.
    pub(crate) fn reference(&self, id: impl Into<SmolStr>) -> Value {
        reference(self.id, id)
    }

    /// An attribute of a resource of this stack.
    pub(crate) fn attribute(&self, id: impl Into<SmolStr>, name: &'static str) -> Value {
        attribute(self.id, id, name)
    }

    /// This stack is deployed after `other`, beyond what references demand.
    pub(crate) fn after(&mut self, other: StackId) {
        self.drawn.stack.depends_on.push(other);
    }

    /// This stack is deployed by a stack set of `owner`, to every account and region that it names.
    pub(crate) fn deployed_by(&mut self, owner: StackId, set: &'static str) {
        self.drawn.stack.fleet = Some((owner, SmolStr::new_static(set)));
        self.drawn.stack.region = None;
    }

    /// What has to be done by hand for this stack.
    pub(crate) fn step(&mut self, step: Step) {
        self.drawn.stack.steps.push(step);
    }

    /// The stack.
    pub(crate) fn finish(self) -> Drawn {
        self.drawn
    }
}

/// More about a resource, in the order in which a template says it.
pub(crate) trait Say {
    /// It is made after another one of the same stack, although nothing in it refers to that one.
    fn after(&mut self, id: impl Into<SmolStr>) -> &mut Self;
    /// Kept when it leaves the template or is replaced.
    fn retain(&mut self);
    /// Kept as a last snapshot when it leaves the template or is replaced.
    fn snapshot(&mut self);
}

impl Say for Resource {
    fn after(&mut self, id: impl Into<SmolStr>) -> &mut Self {
        self.depends_on.push(Dependency { id: id.into(), span: Span::NONE });
        self
    }

    fn retain(&mut self) {
        self.deletion_policy = Some(estate::Policy::Retain);
        self.update_replace_policy = Some(estate::Policy::Retain);
    }

    fn snapshot(&mut self) {
        self.deletion_policy = Some(estate::Policy::Snapshot);
        self.update_replace_policy = Some(estate::Policy::Snapshot);
    }
}
