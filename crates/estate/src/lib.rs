//! The one model everything meets at: what would be deployed, in CloudFormation's own vocabulary.
//!
//! In: nothing; `design` and `intake` build it. Out: [`Estate`], its accounts, stacks, resources and values.
//! Always: every resource and value knows where it came from; what is not known is an [`Unknown`], a
//! [`Call`] or a [`Case`], never a guess; iteration order is the order of construction.

mod condition;
mod graft;
mod index;
mod json;
mod model;
mod reference;
pub mod validate;
mod value;
#[macro_use]
mod build;

pub use build::Literal;
pub use condition::{Condition, ConditionRef, Formula, Guard};
pub use index::{Index, ResourceRef};
pub use json::{from_json, json_characters};
pub use model::{
    Account, AccountId, Dependency, Estate, OBSERVED, Organization, Origin, Output, Parameter, Policy,
    Resource, Stack, StackId, Step, Template, Unit, When,
};
pub use reference::{Pseudo, Reference, Target};
pub use smol_str::SmolStr;
pub use value::{Alternative, Call, Case, Entry, Function, Kind, Map, Number, Type, Unknown, Value, Why};
