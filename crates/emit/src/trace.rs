//! The way of a packet for people and programs: text, JSON, CSV.
//!
//! In: a [`reachability::trace::Trace`]. Out: a text or a JSON value. Always: every renderer shows the same verdict and the
//! same hops in the same order; a line of a file is shown where it is known.

mod csv;
mod json;
mod text;

pub use csv::{Answered, Header, header, quoted, record, records};
pub use json::{certificate, json};
pub use text::text;

use reachability::certificate::Checked;
use reachability::simulate::Verdict;

/// Of a certificate that was refused.
pub const REFUSED: &str = "the checker refused it, which is a bug: do not rely on this answer";

/// Of a certificate that was checked.
#[must_use]
pub fn checked(checked: &Checked) -> String {
    let Checked { places, hops } = checked;
    let plural = |count: &usize, one: &str| format!("{count} {one}{}", if *count == 1 { "" } else { "s" });
    format!(
        "Certificate checked: {} and {}, closed, and no answer among them.",
        plural(places, "place"),
        plural(hops, "hop")
    )
}

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
