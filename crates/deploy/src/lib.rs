//! Carries a plan out in a cloud.
//!
//! In: a [`plan::Plan`] and a [`Cloud`]. Out: what was done, and a record of it.
//! Always: it decides nothing that the plan does not say; the truth is what the cloud has, so an interrupted run is
//! continued by running again.

pub mod adopt;
mod cloud;
pub mod drift;
pub mod engine;
pub mod evaluate;
mod inventory;
pub mod ledger;
pub mod local;
pub mod patience;
pub mod pool;
pub mod template;

pub use cloud::{
    AccountState, Answer, Caller, ChangeAction, ChangeSet, Cloud, CloudError, Detected, Entry, FleetInstance,
    Import, OrganizationChange, OrganizationState, Place, ResourceChange, ResourceState, Says, StackEvent,
    StackRequest, StackResource, StackState, TrailEvent, UnitState,
};
pub use inventory::{Depth, deepen, inventory};
