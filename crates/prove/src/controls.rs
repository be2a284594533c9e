//! Control frameworks and which guarantee serves which control, as data.
//!
//! `data/controls.csv` has a row for each: framework, control, title, and the ids of guarantees that serve
//! it, separated by spaces. The titles are our own short wording; the frameworks' texts are theirs.

use std::sync::LazyLock;

/// A control of a framework.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// `hipaa`, `soc2`, `cis`, `nist-800-53`.
    pub framework: &'static str,
    /// Its number there: `164.312(a)(2)(iv)`, `CC6.1`.
    pub id: &'static str,
    /// What it asks, in a few words.
    pub title: &'static str,
    /// Ids of the guarantees that serve it.
    pub guarantees: Vec<&'static str>,
}

/// All controls, in the order of the data.
pub static CONTROLS: LazyLock<Vec<Control>> = LazyLock::new(|| parse(include_str!("../data/controls.csv")));

/// The name of a framework for people.
#[must_use]
pub fn framework_name(framework: &str) -> &str {
    match framework {
        "hipaa" => "HIPAA Security Rule",
        "soc2" => "SOC 2",
        "cis" => "CIS AWS Foundations",
        "nist-800-53" => "NIST SP 800-53",
        other => other,
    }
}

/// The controls that a guarantee serves.
pub fn served_by(guarantee: &str) -> impl Iterator<Item = &'static Control> {
    CONTROLS.iter().filter(move |control| control.guarantees.contains(&guarantee))
}

fn parse(text: &'static str) -> Vec<Control> {
    let rows = text.lines().skip(1).filter(|line| !line.is_empty() && !line.starts_with('#'));
    rows.filter_map(|line| {
        let mut fields = line.split(',').map(str::trim);
        let (framework, id, title) = (fields.next()?, fields.next()?, fields.next()?);
        let guarantees = fields.next()?.split_whitespace().collect();
        Some(Control { framework, id, title, guarantees })
    })
    .collect()
}
