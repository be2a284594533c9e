//! AWS IAM: the policy language and its evaluation.
//!
//! In: policy documents (JSON or YAML text, nodes of a document, values of an estate) and requests. Out: what the
//! policies say ([`policy`]), whether a request is allowed and by which statements, and what is wrong with them.
//! Must always hold: explicit deny wins whatever else is said; what is not modelled is unknown, never allowed or
//! denied; time and memory are bounded by the size of the input. Knows no blueprint; [`access`] alone knows estates.

pub mod access;
pub mod batch;
mod codes;
pub mod compiled;
pub mod condition;
pub mod context;
pub mod evaluate;
pub mod explain;
pub mod glob;
pub mod lint;
pub mod matching;
mod open;
pub mod operator;
pub mod parse;
pub mod policy;
pub mod principal;
pub mod print;
pub mod request;
pub mod service;
pub mod show;
pub mod symbolic;
pub mod text;
pub mod value;
pub mod written;

pub use codes::CODES;
