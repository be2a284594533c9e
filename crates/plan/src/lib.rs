//! What will change, what that means, and in which order it is carried out.
//!
//! In: the estate that is wanted, as templates with their manifest ([`Desired`]), and what the cloud has
//! ([`Inventory`]). Out: a [`Plan`]: which stack is created, updated or deleted, in which order, with which values.
//! Always: pure and synchronous; no clock, no I/O; the same input gives the same plan; whoever carries a plan out has
//! nothing left to decide.

mod changes;
mod estimate;
mod inventory;
mod meaning;
mod order;
mod quotas;
mod select;
mod shared_text;
pub mod template;

pub use changes::{Change, Danger, Fate, changes, dangers};
pub use estimate::{Estimate, estimate};
pub use inventory::{DeployedResource, DeployedStack, Inventory, InventoryAccount, StackStatus};
pub use meaning::{PacketChange, Passing, PolicyOf, RequestChange, packets, requests};
pub use order::{Action, Desired, Plan, PlanError, PlannedAccount, Reason, Step, destruction, order};
pub use quotas::{Near, near};
pub use select::{Selector, glob};

use sha2::{Digest as _, Sha256};

/// The tag by which a stack says whose it is; its value is the estate's name.
pub const ESTATE_TAG: &str = "steward:estate";
/// The tag by which a stack says which template it was deployed with; its value is that template's SHA-256.
pub const TEMPLATE_TAG: &str = "steward:template";

/// The SHA-256 of some bytes, in hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
