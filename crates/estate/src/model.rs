//! Accounts, stacks and resources.

use std::sync::Arc;

use diagnostics::Span;
use indexmap::IndexMap;
use smol_str::SmolStr;

use crate::{Condition, ConditionRef, Guard, Value};

/// Everything that would be deployed.
#[derive(Debug, Clone, Default)]
pub struct Estate {
    /// The estate's name.
    pub name: SmolStr,
    /// The organization, where there is one: an imported folder of templates has none.
    pub organization: Option<Organization>,
    /// The accounts; an [`AccountId`] is a position here.
    pub accounts: Vec<Account>,
    /// The stacks; a [`StackId`] is a position here.
    pub stacks: Vec<Stack>,
}

/// Position of an account in [`Estate::accounts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(pub u32);

/// Position of a stack in [`Estate::stacks`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StackId(pub u32);

/// An AWS Organization as the blueprint describes it.
#[derive(Debug, Clone)]
pub struct Organization {
    /// The management account.
    pub management: AccountId,
    /// The account that holds the log archive.
    pub log_archive: AccountId,
    /// Organizational units, parents before children.
    pub units: Vec<Unit>,
}

/// An organizational unit.
#[derive(Debug, Clone)]
pub struct Unit {
    /// Its name.
    pub name: SmolStr,
    /// Position of the parent in [`Organization::units`]; `None` below the root.
    pub parent: Option<u32>,
    /// Where it is written.
    pub span: Span,
}

/// An AWS account.
#[derive(Debug, Clone)]
pub struct Account {
    /// The name people know it by.
    pub name: SmolStr,
    /// What AWS calls it, where that is not its name.
    pub title: Option<SmolStr>,
    /// Its twelve digits, where they are known already.
    pub number: Option<SmolStr>,
    /// Position of its unit in [`Organization::units`].
    pub unit: Option<u32>,
    /// The environment it serves (`prod`, `uat`).
    pub environment: Option<SmolStr>,
    /// Where it is written.
    pub span: Span,
}

/// The unit of deployment: one account, one region.
#[derive(Debug, Clone)]
pub struct Stack {
    /// Its name, unique within account and region.
    pub name: SmolStr,
    /// The account it is deployed to.
    pub account: AccountId,
    /// The region it is deployed to; `None` where nobody said (an imported template).
    pub region: Option<SmolStr>,
    /// One line for people: what the stack is for.
    pub description: SmolStr,
    /// Its resources by logical id.
    pub resources: IndexMap<SmolStr, Resource>,
    /// Conditions by name; all that the template declares, known or not.
    pub conditions: IndexMap<SmolStr, Condition>,
    /// Parameters that the template declares, for people; their values have been put where they are used.
    pub parameters: IndexMap<SmolStr, Parameter>,
    /// Outputs by logical id.
    pub outputs: IndexMap<SmolStr, Output>,
    /// Resources that a condition known to be false leaves out, with that condition's name.
    pub left_out: IndexMap<SmolStr, SmolStr>,
    /// Stacks that must be deployed before, beyond those that references already demand.
    pub depends_on: Vec<StackId>,
    /// The stack that nests this one, and the logical id of the `AWS::CloudFormation::Stack` there.
    pub nested_in: Option<(StackId, SmolStr)>,
    /// The stack set that deploys it to many accounts and regions alike, and the stack that holds that stack set. The stack
    /// stands for all of them: its account is none of theirs, and it has no region.
    pub fleet: Option<(StackId, SmolStr)>,
    /// What has to be done by hand for it, because CloudFormation has no resource that does it.
    pub steps: Vec<Step>,
    /// Macros that rewrite the template before it is deployed in ways that are not known.
    pub macros: Vec<SmolStr>,
    /// The template it was read from, which `emit` writes unchanged.
    pub template: Option<Template>,
    /// Where the stack as a whole comes from.
    pub span: Span,
}

/// Something that has to be done by hand, or by whoever deploys, because CloudFormation has no resource for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Whether it is done before the stack is deployed, or after.
    pub when: When,
    /// What is done, in one sentence.
    pub what: SmolStr,
    /// The command, for the shell; `number NAME` in it says the twelve digits of an account.
    pub command: SmolStr,
}

/// When a [`Step`] is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum When {
    /// Before the stack is deployed.
    Before,
    /// After the stack is deployed.
    After,
}

/// A template as somebody wrote it.
#[derive(Debug, Clone)]
pub struct Template {
    /// Its file name, relative to where the templates were given.
    pub file: SmolStr,
    /// Its text.
    pub text: Arc<str>,
}

/// A parameter that a template declares.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// The type as declared: `String`, `List<AWS::EC2::Subnet::Id>`.
    pub ty: SmolStr,
    /// The value it has here; an [`crate::Unknown`] where nobody gave one.
    pub value: Value,
    /// Whether the value is the template's default, not somebody's choice.
    pub is_default: bool,
    /// `NoEcho`: the value is masked where people could see it.
    pub no_echo: bool,
    /// Where it is declared.
    pub span: Span,
}

/// A resource of a stack.
#[derive(Debug, Clone)]
pub struct Resource {
    /// The resource type: `AWS::S3::Bucket`.
    pub kind: SmolStr,
    /// Its properties, a mapping unless something there is not known.
    pub properties: Value,
    /// When it exists; `None`: always.
    pub condition: Option<ConditionRef>,
    /// Resources that must exist before, as written.
    pub depends_on: Vec<Dependency>,
    /// What happens to it when it leaves the template; `None`: CloudFormation's default.
    pub deletion_policy: Option<Policy>,
    /// What happens to the old one when it is replaced; `None`: CloudFormation's default.
    pub update_replace_policy: Option<Policy>,
    /// `Metadata`, `CreationPolicy` and `UpdatePolicy` as written, under those names; and for a resource that exists,
    /// under [`OBSERVED`], what AWS reports of it that no property can say.
    pub attributes: IndexMap<SmolStr, Value>,
    /// Where it comes from.
    pub origin: Origin,
}

/// The attribute of a resource that was read from what the AWS describe APIs return: a mapping of what they report and
/// CloudFormation has no property for (states, addresses, health), in the API's own spelling. Every such resource has
/// it, if only empty, and no other has.
pub const OBSERVED: &str = "Observed";

/// Where a resource comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The line of the blueprint or template.
    pub span: Span,
    /// The component that made it (`design`), or the transform that expanded it (`AWS::Serverless`); empty
    /// where it was written as it is.
    pub component: SmolStr,
}

impl Origin {
    /// Written as it is at `span`.
    #[must_use]
    pub fn written(span: Span) -> Self {
        Self { span, component: SmolStr::new_static("") }
    }

    /// Made by `component` from what is written at `span`.
    #[must_use]
    pub fn made_by(component: &'static str, span: Span) -> Self {
        Self { span, component: SmolStr::new_static(component) }
    }
}

/// One entry of `DependsOn`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The logical id named.
    pub id: SmolStr,
    /// Where.
    pub span: Span,
}

/// A value of `DeletionPolicy` or `UpdateReplacePolicy`.
///
/// Source: AWS CloudFormation Template Reference, "DeletionPolicy attribute".
#[derive(Debug, Clone, PartialEq)]
pub enum Policy {
    /// Deleted.
    Delete,
    /// Kept.
    Retain,
    /// Kept, except when its own creation is rolled back.
    RetainExceptOnCreate,
    /// Deleted after a last snapshot.
    Snapshot,
    /// Not known before deployment (`AWS::LanguageExtensions` allows functions here).
    Unknown(Value),
}

/// An output of a stack.
#[derive(Debug, Clone)]
pub struct Output {
    /// Its value.
    pub value: Value,
    /// The name it is exported under.
    pub export: Option<Value>,
    /// When it exists; `None`: always.
    pub condition: Option<ConditionRef>,
    /// What the author says of it.
    pub description: SmolStr,
    /// Where it is written.
    pub span: Span,
}

impl Estate {
    /// An account; an id of another estate yields `None`.
    #[must_use]
    pub fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(id.0 as usize)
    }

    /// A stack; an id of another estate yields `None`.
    #[must_use]
    pub fn stack(&self, id: StackId) -> Option<&Stack> {
        self.stacks.get(id.0 as usize)
    }

    /// A resource by stack and logical id.
    #[must_use]
    pub fn resource(&self, stack: StackId, id: &str) -> Option<&Resource> {
        self.stack(stack)?.resources.get(id)
    }

    /// The stacks with their ids.
    pub fn stacks(&self) -> impl Iterator<Item = (StackId, &Stack)> {
        (0..).map(StackId).zip(&self.stacks)
    }

    /// Adds an account and says its id.
    pub fn add_account(&mut self, account: Account) -> AccountId {
        self.accounts.push(account);
        AccountId(u32::try_from(self.accounts.len() - 1).unwrap_or(u32::MAX))
    }

    /// Adds a stack and says its id.
    pub fn add_stack(&mut self, stack: Stack) -> StackId {
        self.stacks.push(stack);
        StackId(u32::try_from(self.stacks.len() - 1).unwrap_or(u32::MAX))
    }

    /// How many resources there are.
    #[must_use]
    pub fn resource_count(&self) -> usize {
        self.stacks.iter().map(|stack| stack.resources.len()).sum()
    }

    /// `account/region/stack` for people; what is not known is left out.
    #[must_use]
    pub fn stack_path(&self, id: StackId) -> String {
        let Some(stack) = self.stack(id) else { return String::new() };
        let account = self.account(stack.account).map_or("", |account| account.name.as_str());
        let parts = [account, stack.region.as_deref().unwrap_or(""), stack.name.as_str()];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
    }
}

impl Stack {
    /// A stack without resources.
    #[must_use]
    pub fn new(name: impl Into<SmolStr>, account: AccountId, region: Option<SmolStr>, span: Span) -> Self {
        Self {
            name: name.into(),
            account,
            region,
            description: SmolStr::new_static(""),
            resources: IndexMap::new(),
            conditions: IndexMap::new(),
            parameters: IndexMap::new(),
            outputs: IndexMap::new(),
            left_out: IndexMap::new(),
            depends_on: Vec::new(),
            nested_in: None,
            fleet: None,
            steps: Vec::new(),
            macros: Vec::new(),
            template: None,
            span,
        }
    }
}

impl Resource {
    /// A resource of type `kind` with no attributes but its properties.
    #[must_use]
    pub fn new(kind: &'static str, properties: Value, origin: Origin) -> Self {
        Self {
            kind: SmolStr::new_static(kind),
            properties,
            condition: None,
            depends_on: Vec::new(),
            deletion_policy: None,
            update_replace_policy: None,
            attributes: IndexMap::new(),
            origin,
        }
    }

    /// What AWS reports of it and no property can say; `None` where it would be deployed and does not exist yet.
    #[must_use]
    pub fn observed(&self) -> Option<&Value> {
        self.attributes.get(OBSERVED)
    }

    /// Kept when it leaves the template or is replaced.
    #[must_use]
    pub fn retained(mut self) -> Self {
        self.deletion_policy = Some(Policy::Retain);
        self.update_replace_policy = Some(Policy::Retain);
        self
    }

    /// Kept as a last snapshot when it leaves the template or is replaced.
    #[must_use]
    pub fn snapshotted(mut self) -> Self {
        self.deletion_policy = Some(Policy::Snapshot);
        self.update_replace_policy = Some(Policy::Snapshot);
        self
    }

    /// What is assumed when this resource is looked at: that it exists.
    #[must_use]
    pub fn guard(&self) -> Guard {
        let condition = self.condition.as_ref().and_then(|condition| Guard::always().and(condition, true));
        condition.unwrap_or_default()
    }

    /// The service part of the type: `S3` of `AWS::S3::Bucket`.
    #[must_use]
    pub fn service(&self) -> &str {
        self.kind.split("::").nth(1).unwrap_or("")
    }
}
