//! Which packets reach what, before anything is deployed.
//!
//! In: an [`estate::Estate`], whoever wrote it. Out: its [`Network`], and answers about flows through it: paths hop
//! by hop, what blocks, and sets of all packets that pass. Always: two engines read the same network and share no
//! code that decides (a plain simulator of one packet and its reply, and an engine over all packets); what is not
//! modelled is an [`Unknown`] with a name, and no answer that depends on it is certain. Knows nothing of blueprints.

pub mod certificate;
mod codes;
pub mod compress;
pub mod engine;
mod extract;
pub mod inspection;
pub mod model;
pub mod query;
pub mod simulate;
pub mod suricata;
pub mod trace;

pub use codes::CODES;
pub use model::{Network, Unknown};
