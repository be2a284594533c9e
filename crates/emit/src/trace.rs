//! The way of a packet for people and programs: text, JSON, CSV.
//!
//! In: a [`reachability::trace::Trace`]. Out: a text or a JSON value. Always: every renderer shows the same verdict and the
//! same hops in the same order; a line of a file is shown where it is known.

mod csv;
mod json;
mod text;

pub use csv::{Answered, Header, header, quoted, record, records};
pub use json::json;
pub use text::text;

use reachability::simulate::Verdict;

/// The word for a verdict.
#[must_use]
pub fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Reachable => "reachable",
        Verdict::Unreachable => "unreachable",
        Verdict::Unknown => "unknown",
    }
}

/// A service as people write it: `tcp 443`.
#[must_use]
pub fn service(protocol: u8, port: u16) -> String {
    match protocol {
        reachability::simulate::TCP => format!("tcp {port}"),
        reachability::simulate::UDP => format!("udp {port}"),
        reachability::simulate::ICMP | reachability::simulate::ICMPV6 => "icmp".to_owned(),
        other => format!("protocol {other}"),
    }
}
