//! Blueprints to begin with, for `steward init`.
//!
//! Always: each one loads without any diagnostic. The shapes are the examples themselves, so that what a
//! newcomer starts from is what we prove.

/// A blueprint to begin with.
#[derive(Debug, Clone, Copy)]
pub struct StartingPoint {
    /// Its name: `steward init --template NAME`.
    pub name: &'static str,
    /// What it is, one line.
    pub summary: &'static str,
    /// The text of its `estate.yaml`.
    pub text: &'static str,
}

/// Every blueprint to begin with; the first is the default.
#[must_use]
pub fn templates() -> &'static [StartingPoint] {
    &[
        StartingPoint {
            name: "minimal",
            summary: "two environments, a database, a bucket and a service, with every section explained",
            text: include_str!("../templates/minimal.yaml"),
        },
        StartingPoint {
            name: "clinical-ai",
            summary: "health data, six units, four environments, a recovery region",
            text: include_str!("../../../examples/clinical-ai/estate.yaml"),
        },
        StartingPoint {
            name: "foundations",
            summary: "a multi-tenant product: one table, files, a key for each store",
            text: include_str!("../../../examples/foundations/estate.yaml"),
        },
        StartingPoint {
            name: "brokerage",
            summary: "a corporate estate that one person runs, with records that the law wants kept",
            text: include_str!("../../../examples/brokerage/estate.yaml"),
        },
        StartingPoint {
            name: "studio",
            summary: "the same structure in every environment, from development to production, and a playground",
            text: include_str!("../../../examples/studio/estate.yaml"),
        },
        StartingPoint {
            name: "hipaa-baseline",
            summary: "a small regulated company with a network for management beside the one for production",
            text: include_str!("../../../examples/hipaa-baseline/estate.yaml"),
        },
    ]
}
