//! What the cloud has: accounts, and the stacks of one estate in them.
//!
//! In: made by `deploy` from what a cloud answers. Out: [`Inventory`], which a plan compares with.
//! Always: only what the cloud said; nothing of it comes from a file of ours.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::sha256;

/// What the cloud has of an estate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// The estate's name.
    pub estate: String,
    /// Accounts by the name people know them by.
    pub accounts: BTreeMap<String, InventoryAccount>,
    /// The estate's stacks by key: `account/region/name`.
    pub stacks: BTreeMap<String, DeployedStack>,
    /// For each stack the stacks it was deployed after, as the last applies recorded it: the order to delete in.
    pub after: BTreeMap<String, Vec<String>>,
    /// The hash of the estate that was applied last; `None` before the first apply.
    pub estate_hash: Option<String>,
    /// The commit that was applied last, where it was known.
    pub commit: Option<String>,
}

/// An account that exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InventoryAccount {
    /// Its twelve digits.
    pub number: String,
    /// The e-mail address of its root user, where the cloud says it.
    pub email: Option<String>,
    /// Names of the units it is in, from below the root.
    pub unit: Vec<String>,
    /// `ACTIVE`, `SUSPENDED`, in AWS Organizations' spelling.
    pub status: String,
}

/// A stack that exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployedStack {
    /// The account's name.
    pub account: String,
    /// The region.
    pub region: String,
    /// The name it is deployed under.
    pub name: String,
    /// Its status.
    pub status: StackStatus,
    /// The template it was deployed with, as it was sent: JSON. Empty where nobody asked for it.
    #[serde(with = "crate::shared_text")]
    pub template: Arc<str>,
    /// What [`crate::TEMPLATE_TAG`] says: the SHA-256 of that template; empty without the tag.
    pub template_sha256: String,
    /// Values of its parameters.
    pub parameters: BTreeMap<String, String>,
    /// Its outputs.
    pub outputs: BTreeMap<String, String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its resources by logical id; empty where nobody asked for them.
    pub resources: BTreeMap<String, DeployedResource>,
}

/// A resource of a stack that exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployedResource {
    /// The resource type.
    pub kind: String,
    /// What `Ref` returns for it.
    pub physical_id: String,
    /// `CREATE_COMPLETE` and so on.
    pub status: String,
}

/// The status of a stack in CloudFormation's spelling.
///
/// Source: AWS CloudFormation User Guide, "Stack status codes".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StackStatus(pub String);

impl StackStatus {
    /// CloudFormation works on it; `REVIEW_IN_PROGRESS` is not that: it waits for somebody.
    #[must_use]
    pub fn in_progress(&self) -> bool {
        self.0.ends_with("_IN_PROGRESS") && !self.is_empty_shell()
    }

    /// Only a change set made it, and nothing was ever deployed.
    #[must_use]
    pub fn is_empty_shell(&self) -> bool {
        self.0 == "REVIEW_IN_PROGRESS"
    }

    /// Its creation failed: it can only be deleted, and then created again.
    #[must_use]
    pub fn must_be_recreated(&self) -> bool {
        matches!(self.0.as_str(), "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" | "CREATE_FAILED" | "DELETE_FAILED")
    }

    /// What was asked last is what it has.
    #[must_use]
    pub fn is_good(&self) -> bool {
        matches!(
            self.0.as_str(),
            "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" | "IMPORT_COMPLETE"
        )
    }

    /// It went back to what it was before the last change.
    #[must_use]
    pub fn was_rolled_back(&self) -> bool {
        matches!(self.0.as_str(), "UPDATE_ROLLBACK_COMPLETE" | "IMPORT_ROLLBACK_COMPLETE")
    }
}

impl fmt::Display for StackStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Inventory {
    /// One hash over everything that a plan depends on. A saved plan is refused where it has changed.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let stacks: Vec<_> = self
            .stacks
            .iter()
            .map(|(key, stack)| {
                (key, &stack.status, &stack.template_sha256, &stack.parameters, &stack.outputs, &stack.tags)
            })
            .collect();
        // Texts and maps of texts always have a JSON form.
        sha256(&serde_json::to_vec(&(&self.estate, &self.accounts, stacks)).unwrap_or_default())
    }

    /// The value of an output of a stack.
    #[must_use]
    pub fn output(&self, stack: &str, output: &str) -> Option<&str> {
        self.stacks.get(stack)?.outputs.get(output).map(String::as_str)
    }
}
