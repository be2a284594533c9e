//! The outside world as a deployment sees it: one trait, synchronous, for AWS and for the local cloud alike.
//!
//! In: places (an account in a region), stacks, resources, entries of a small store. Out: what the cloud answers.
//! Always: a call either did what it says, or its [`CloudError`] says what kind of failure it was; after
//! [`CloudError::Transient`] nobody knows whether the call took effect, so every call here may be made again and has
//! then no second effect (change sets carry a name of the caller's choice, entries a version). Pages, roles and
//! endpoints are the implementation's business.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use plan::StackStatus;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// An account in a region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Its twelve digits. An implementation goes there by a role that it assumes from the management account.
    pub account: String,
    /// The region's code.
    pub region: String,
}

impl Place {
    /// An account in a region.
    #[must_use]
    pub fn new(account: impl Into<String>, region: impl Into<String>) -> Self {
        Self { account: account.into(), region: region.into() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.account, self.region)
    }
}

/// Why a call did not do what it says.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CloudError {
    /// Too many calls: it had no effect, and may be made again later.
    #[error("throttled: {message}")]
    Throttled {
        /// What the cloud said.
        message: String,
        /// When to try again, where the cloud says so.
        retry_after: Option<Duration>,
    },
    /// The network, a timeout, an error of the server: it may have had its effect, and may be made again.
    #[error("{0}")]
    Transient(String),
    /// The cloud understood and will not do it: permission, validation, a quota. Trying again does not help.
    #[error("{code}: {message}")]
    Refused {
        /// The cloud's code: `AccessDenied`, `ValidationError`.
        code: String,
        /// What the cloud said.
        message: String,
    },
    /// It does not fit the state that the thing is in now: somebody else works on it, or it has changed.
    #[error("{0}")]
    Conflict(String),
    /// There is no such thing.
    #[error("{0} does not exist")]
    Missing(String),
    /// This cloud cannot do that at all; the text says what, and why.
    #[error("{0}")]
    Unsupported(String),
}

impl CloudError {
    /// Whether the same call may do better later.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Throttled { .. } | Self::Transient(_))
    }

    /// A refusal.
    #[must_use]
    pub fn refused(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Refused { code: code.into(), message: message.into() }
    }
}

/// What a cloud answers.
pub type Answer<T> = Result<T, CloudError>;

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// The twelve digits of the account that calls come from: the management account.
    pub account: String,
    /// Who it is: an ARN, or a name.
    pub identity: String,
}

/// An organization as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganizationState {
    /// `o-…`
    pub id: String,
    /// `r-…`
    pub root: String,
    /// The twelve digits of the management account.
    pub management: String,
    /// Units, parents before children.
    pub units: Vec<UnitState>,
    /// Accounts, the management account among them.
    pub accounts: Vec<AccountState>,
}

/// An organizational unit as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitState {
    /// `ou-…`
    pub id: String,
    /// Its name.
    pub name: String,
    /// The id of the unit or root it is in.
    pub parent: String,
}

/// An account as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountState {
    /// Its twelve digits.
    pub number: String,
    /// Its name.
    pub name: String,
    /// The e-mail address of its root user.
    pub email: String,
    /// `ACTIVE`, `SUSPENDED`.
    pub status: String,
    /// The id of the unit or root it is in.
    pub parent: String,
}

/// A change of the organization that no stack makes: where CloudFormation has no resource for it, or an account exists
/// already and is adopted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrganizationChange {
    /// Creates the organization; answers its id.
    CreateOrganization,
    /// Creates a unit, or finds the one of that name; answers its id.
    CreateUnit {
        /// Its name.
        name: String,
        /// The id of the unit or root it is in.
        parent: String,
    },
    /// Creates an account, or finds the one with that e-mail address; answers its twelve digits, once it is there.
    CreateAccount {
        /// Its name.
        name: String,
        /// The e-mail address of its root user: by this it is known.
        email: String,
    },
    /// Moves an account; answers its twelve digits.
    MoveAccount {
        /// Its twelve digits.
        number: String,
        /// The id of the unit or root it goes to.
        to: String,
    },
}

/// A stack as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackState {
    /// The name it is deployed under.
    pub name: String,
    /// Its ARN.
    pub id: String,
    /// Its status.
    pub status: StackStatus,
    /// Why it has that status, where the cloud says so.
    pub reason: Option<String>,
    /// Values of its parameters.
    pub parameters: BTreeMap<String, String>,
    /// Its outputs.
    pub outputs: BTreeMap<String, String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Seconds since 1970 when it was created.
    pub created: u64,
    /// Seconds since 1970 when it was last changed.
    pub changed: u64,
}

/// A resource of a stack as CloudFormation knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackResource {
    /// Its logical id.
    pub logical_id: String,
    /// Its type.
    pub kind: String,
    /// What `Ref` returns for it; empty before it was created.
    pub physical_id: String,
    /// `CREATE_COMPLETE` and so on.
    pub status: String,
    /// Why it has that status.
    pub reason: Option<String>,
}

/// Something that happened to a stack or a resource of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackEvent {
    /// Its id, unique within the stack.
    pub id: String,
    /// Milliseconds since 1970.
    pub at_ms: u64,
    /// The logical id; the stack's own name where it happened to the stack.
    pub logical_id: String,
    /// The type.
    pub kind: String,
    /// `CREATE_FAILED` and so on.
    pub status: String,
    /// Why.
    pub reason: Option<String>,
}

/// What a stack is to become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackRequest {
    /// The name it is deployed under.
    pub name: String,
    /// The name of the change set. Asked twice with the same name, the cloud prepares it once.
    pub change_set: String,
    /// The template: JSON. An implementation uploads it where it is too large for a request.
    pub template: Arc<str>,
    /// Values of its parameters.
    pub parameters: BTreeMap<String, String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// `CAPABILITY_NAMED_IAM`
    pub capabilities: Vec<String>,
    /// Resources that exist and are taken into the stack; then nothing else of it may change.
    pub import: Vec<Import>,
    /// Whether resources that differ from what the template said last are brought back, though the template asks for
    /// nothing new.
    pub revert_drift: bool,
}

/// A resource that exists and is taken into a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// The logical id it gets.
    pub logical_id: String,
    /// Its type.
    pub kind: String,
    /// Its primary identifier by property.
    pub identifier: BTreeMap<String, String>,
}

/// What executing a change set would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeSet {
    /// The name that was asked for.
    pub name: String,
    /// What happens to resources, in the cloud's order. Empty: the stack is as it is asked to be (outputs may differ
    /// all the same, see `empty`).
    pub changes: Vec<ResourceChange>,
    /// Nothing at all would change; there is nothing to execute.
    pub empty: bool,
}

/// What happens to a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceChange {
    /// Its logical id.
    pub logical_id: String,
    /// Its type.
    pub kind: String,
    /// What happens.
    pub action: ChangeAction,
    /// Properties that change, where the cloud says them.
    pub properties: Vec<String>,
}

/// What happens to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeAction {
    /// Created.
    Add,
    /// Changed in place.
    Modify,
    /// Created anew, and the old one deleted.
    Replace,
    /// CloudFormation decides when it sees the values: changed in place or replaced.
    MayReplace,
    /// Deleted.
    Remove,
    /// Left alone, but no longer of the stack.
    Retain,
    /// Taken into the stack.
    Import,
}

/// A resource as the service that holds it says it is.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceState {
    /// The type.
    pub kind: String,
    /// Its identifier for this cloud's calls: Cloud Control's, or what `Ref` returns.
    pub id: String,
    /// Its properties, in the vocabulary of its type, read-only ones among them. Properties that cannot be read back
    /// (write-only) are absent.
    pub properties: serde_json::Value,
}

/// Who changed a resource, from CloudTrail or what plays it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrailEvent {
    /// Milliseconds since 1970.
    pub at_ms: u64,
    /// Who: an ARN, or a name.
    pub who: String,
    /// What was called: `s3:PutBucketPolicy`.
    pub action: String,
    /// Which properties it touched, where that is known.
    pub properties: Vec<String>,
}

/// What the cloud's own detection says of a resource of a stack.
#[derive(Debug, Clone, PartialEq)]
pub struct Detected {
    /// Its logical id.
    pub logical_id: String,
    /// What it says.
    pub says: Says,
}

/// What the cloud's own detection says.
#[derive(Debug, Clone, PartialEq)]
pub enum Says {
    /// It is as its template says.
    Alike,
    /// Properties by path, with what was deployed and what is there.
    Differs(Vec<(String, Option<serde_json::Value>, Option<serde_json::Value>)>),
    /// It was deleted.
    Gone,
    /// It did not look at it.
    Nothing,
}

/// A stack that a stack set made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetInstance {
    /// Where.
    pub place: Place,
    /// The name of its stack there.
    pub stack: String,
    /// `CURRENT`, `OUTDATED`, `INOPERABLE`.
    pub status: String,
    /// Why.
    pub reason: Option<String>,
}

/// An entry of the store that keeps locks and records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it holds.
    pub text: String,
    /// Changes with every write; compared, never computed with.
    pub version: String,
}

/// The outside world.
pub trait Cloud: Send + Sync {
    /// What it is, for people: `the local cloud in .steward/local.db`.
    fn title(&self) -> String;

    /// Who calls, and from which account.
    ///
    /// # Errors
    /// Without credentials, or when they are not accepted.
    fn caller(&self) -> Answer<Caller>;

    /// The organization; `None` where the account is in none.
    ///
    /// # Errors
    /// As any call.
    fn organization(&self) -> Answer<Option<OrganizationState>>;

    /// Changes the organization; answers the id of what was made or moved.
    ///
    /// # Errors
    /// As any call.
    fn organize(&self, change: &OrganizationChange) -> Answer<String>;

    /// All stacks of a place that are not deleted, those of stack sets left out.
    ///
    /// # Errors
    /// As any call; [`CloudError::Missing`] where there is no such account.
    fn stacks(&self, place: &Place) -> Answer<Vec<StackState>>;

    /// A stack; `None` where there is none, or it is deleted.
    ///
    /// # Errors
    /// As any call.
    fn stack(&self, place: &Place, name: &str) -> Answer<Option<StackState>>;

    /// The template a stack was deployed with, as it was sent.
    ///
    /// # Errors
    /// [`CloudError::Missing`] without such a stack.
    fn template(&self, place: &Place, name: &str) -> Answer<Arc<str>>;

    /// The resources of a stack.
    ///
    /// # Errors
    /// [`CloudError::Missing`] without such a stack.
    fn stack_resources(&self, place: &Place, name: &str) -> Answer<Vec<StackResource>>;

    /// What happened to a stack since (and without) the event with id `since`, the oldest first. A stack that was
    /// deleted is asked for by its ARN.
    ///
    /// # Errors
    /// [`CloudError::Missing`] without such a stack.
    fn stack_events(&self, place: &Place, name: &str, since: Option<&str>) -> Answer<Vec<StackEvent>>;

    /// Prepares a change set and waits until it is ready; nothing is changed yet. Where there is no stack of the name it
    /// begins one, which then is in `REVIEW_IN_PROGRESS`.
    ///
    /// # Errors
    /// [`CloudError::Refused`] with what is wrong with the template; [`CloudError::Conflict`] while the stack is
    /// changed by somebody.
    fn prepare(&self, place: &Place, request: &StackRequest) -> Answer<ChangeSet>;

    /// Starts to execute a change set; ask [`Cloud::stack`] how it goes.
    ///
    /// # Errors
    /// [`CloudError::Missing`] where there is no such change set: it may have been executed already.
    fn execute(&self, place: &Place, stack: &str, change_set: &str) -> Answer<()>;

    /// Drops a change set that will not be executed, if it is there.
    ///
    /// # Errors
    /// As any call.
    fn discard(&self, place: &Place, stack: &str, change_set: &str) -> Answer<()>;

    /// Starts to delete a stack, if it is there; what its template retains stays. Ask [`Cloud::stack`] how it goes.
    ///
    /// # Errors
    /// [`CloudError::Conflict`] while the stack is changed by somebody.
    fn delete_stack(&self, place: &Place, name: &str) -> Answer<()>;

    /// The stacks that a stack set of this place made.
    ///
    /// # Errors
    /// As any call.
    fn fleet(&self, place: &Place, stack_set: &str) -> Answer<Vec<FleetInstance>>;

    /// A resource as its service says it is; `None` where there is none.
    ///
    /// # Errors
    /// [`CloudError::Unsupported`] where this cloud cannot read resources of the type.
    fn resource(&self, place: &Place, kind: &str, id: &str) -> Answer<Option<ResourceState>>;

    /// Whether a resource that is read back shows what its service filled in beside what was asked for. Then only what a template says
    /// is compared.
    fn shows_defaults(&self) -> bool {
        false
    }

    /// Whether resources are read by the primary identifier of their type, as Cloud Control does; else by what `Ref` returns.
    fn reads_by_identifier(&self) -> bool {
        false
    }

    /// Begins the cloud's own detection of what differs in a stack; answers its id. `None`: this cloud has no such thing.
    ///
    /// # Errors
    /// As any call.
    fn begin_detection(&self, _: &Place, _: &str) -> Answer<Option<String>> {
        Ok(None)
    }

    /// What a detection that was begun has found; waits until it is over. Resources it does not mention were not looked at.
    ///
    /// # Errors
    /// As any call.
    fn detected(&self, _: &Place, _: &str, _: &str) -> Answer<Vec<Detected>> {
        Ok(Vec::new())
    }

    /// An attribute of a resource that has been read already.
    ///
    /// # Errors
    /// As any call.
    fn attribute_of(
        &self,
        place: &Place,
        found: &ResourceState,
        name: &str,
    ) -> Answer<Option<serde_json::Value>> {
        self.attribute(place, &found.kind, &found.id, name)
    }

    /// An attribute of a resource, as `Fn::GetAtt` returns it; `None` where it has none, or this cloud cannot say.
    ///
    /// # Errors
    /// As any call.
    fn attribute(&self, place: &Place, kind: &str, id: &str, name: &str)
    -> Answer<Option<serde_json::Value>>;

    /// The identifiers of all resources of a type in a place.
    ///
    /// # Errors
    /// [`CloudError::Unsupported`] where this cloud cannot list resources of the type.
    fn resources(&self, place: &Place, kind: &str) -> Answer<Vec<String>>;

    /// The types of which the place has resources, where the cloud can say that at once; `None`: ask for each type.
    ///
    /// # Errors
    /// As any call.
    fn kinds(&self, place: &Place) -> Answer<Option<Vec<String>>>;

    /// Deletes a resource, if it is there.
    ///
    /// # Errors
    /// As any call; [`CloudError::Conflict`] while something else needs it.
    fn delete_resource(&self, place: &Place, kind: &str, id: &str) -> Answer<()>;

    /// Who changed a resource, the newest first; empty where the trail says nothing of it.
    ///
    /// # Errors
    /// As any call.
    fn trail(&self, place: &Place, kind: &str, id: &str) -> Answer<Vec<TrailEvent>>;

    /// An entry of the store.
    ///
    /// # Errors
    /// As any call.
    fn read(&self, key: &str) -> Answer<Option<Entry>>;

    /// Writes an entry of the store if it still has the version `expected` (`None`: if there is none); answers the new
    /// version.
    ///
    /// # Errors
    /// [`CloudError::Conflict`] where it has another version.
    fn write(&self, key: &str, text: &str, expected: Option<&str>) -> Answer<String>;

    /// Removes an entry of the store if it still has the version `expected`.
    ///
    /// # Errors
    /// [`CloudError::Conflict`] where it has another version.
    fn remove(&self, key: &str, expected: &str) -> Answer<()>;

    /// The keys of the store that begin with `prefix`, sorted.
    ///
    /// # Errors
    /// As any call.
    fn keys(&self, prefix: &str) -> Answer<Vec<String>>;
}
