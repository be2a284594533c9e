//! Rules in Suricata's language, as AWS Network Firewall takes them.
//!
//! In: the text of a rule group. Out: its [`Rule`]s in order, and a [`Mistake`] for every line that is not one.
//! [`meaning`] turns a rule into what the model knows. Always: nothing in a text makes this panic or run away; a rule
//! that cannot be read is said, never dropped in silence.
//!
//! Sources: Suricata User Guide 7.0, "Rules Format", "Flow Keywords", "IP Keywords", "Payload Keywords"; AWS Network
//! Firewall Developer Guide, "Limitations and caveats for stateful rules in AWS Network Firewall".

pub(crate) mod meaning;
mod protocols;
mod read;
mod sets;

pub use read::{addresses, ports, read};
pub(crate) use sets::{Evaluated, evaluate, everything};

use estate::SmolStr;
use ipnet::IpNet;

use crate::model::PortRange;

/// A rule as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What it does.
    pub action: Action,
    /// The protocol in lower case: `tcp`, `tls`, `ip`.
    pub protocol: SmolStr,
    /// Source addresses.
    pub source: Set<IpNet>,
    /// Source ports.
    pub source_ports: Set<PortRange>,
    /// `<>` instead of `->`.
    pub both_ways: bool,
    /// Destination addresses.
    pub destination: Set<IpNet>,
    /// Destination ports.
    pub destination_ports: Set<PortRange>,
    /// Options in order.
    pub options: Vec<RuleOption>,
    /// The line it begins in, from 1.
    pub line: usize,
    /// Whether space stands before it: Suricata passes over such a line without a word (measured with 7.0.10).
    pub indented: bool,
}

/// Actions that Network Firewall accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Passes.
    Pass,
    /// Drops.
    Drop,
    /// Drops and tells the sender.
    Reject,
    /// Only says so.
    Alert,
}

/// A set of addresses or ports as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Set<T> {
    /// `any`.
    Any,
    /// One of them.
    One(T),
    /// `$NAME`.
    Variable(SmolStr),
    /// `@NAME`: an IP set reference of the rule group.
    Reference(SmolStr),
    /// `!…`.
    Not(Box<Set<T>>),
    /// `[…]`: those listed, less those listed with `!`.
    List(Vec<Set<T>>),
}

/// `keyword:value;` or `keyword;`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleOption {
    /// The keyword in lower case.
    pub keyword: SmolStr,
    /// What follows the colon, without surrounding space and quotes, escapes resolved.
    pub value: Option<String>,
    /// `!` before the value's quotes: `content:!"x"`.
    pub negated: bool,
}

/// Something in a text of rules that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong: `the rule has no direction`.
    pub what: String,
    /// What was expected.
    pub expected: String,
}

impl Rule {
    /// The value of the first option with a keyword.
    #[must_use]
    pub fn option(&self, keyword: &str) -> Option<&str> {
        self.options.iter().find(|option| option.keyword == keyword)?.value.as_deref()
    }

    /// `sid`, or 0.
    #[must_use]
    pub fn sid(&self) -> u64 {
        self.option("sid").and_then(|value| value.trim().parse().ok()).unwrap_or(0)
    }
}
