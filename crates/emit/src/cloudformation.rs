//! An estate as CloudFormation: a template for each stack, the manifest, and a README of the order.
//!
//! In: an [`Estate`]. Out: a [`Bundle`], or diagnostics and nothing.
//! Always: the same estate gives the same bytes; every reference in a template resolves within it; a value
//! that crosses templates is an output on one side, a parameter on the other and a line of the manifest
//! between them; templates that somebody brought are written unchanged; no template exceeds a quota.

mod expression;
mod fleet;
mod graph;
mod json;
mod lower;
mod manifest;
mod names;
mod quota;
mod readme;
mod split;
mod template;
mod unit;
mod wiring;
mod yaml;

use std::collections::BTreeMap;

use catalog::Catalog;
use diagnostics::Diagnostics;
use estate::{Estate, SmolStr};

pub use manifest::{
    GENERATOR, Manifest, ManifestAccount, ManifestParameter, ManifestStack, ManifestStep, OutputOf, VERSION,
};
pub use quota::Quotas;

use crate::Bundle;
use lower::Surroundings;

/// The text form of templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// JSON, functions in their long form.
    #[default]
    Json,
    /// YAML, functions in their short form.
    Yaml,
}

/// How templates are made.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Their text form.
    pub format: Format,
    /// What may be in one template.
    pub quotas: Quotas,
    /// [`Manifest::placement`] of the bundle that is replaced, so that resources of split stacks stay where
    /// they are.
    pub placement: BTreeMap<String, BTreeMap<SmolStr, u32>>,
}

/// What [`emit`] makes.
#[derive(Debug, Clone)]
pub struct Emission {
    /// All files: templates, `manifest.json`, `README.md`.
    pub bundle: Bundle,
    /// The manifest, as it stands in the bundle.
    pub manifest: Manifest,
}

/// The templates of an estate with all that belongs to them. `None` when something cannot be said in
/// CloudFormation; what has been pushed to `diagnostics`.
pub fn emit(
    estate: &Estate,
    catalog: &Catalog,
    options: &Options,
    diagnostics: &mut Diagnostics,
) -> Option<Emission> {
    let around = Surroundings::new(estate, catalog);
    let mut problems = Diagnostics::new();
    let units = unit::units(&around, options, &mut problems);
    let wired = wiring::wire(&around, &units, &mut problems);
    let failed = problems.has_errors();
    problems.sort();
    diagnostics.append(problems);
    let wired = wired.filter(|_| !failed)?;

    let mut bundle = Bundle::new();
    let manifest = wiring::manifest(&around, &units, wired);
    bundle.insert("README.md", readme::readme(&manifest));
    bundle.insert("manifest.json", manifest.text());
    for unit in units {
        bundle.insert(unit.path, unit.text);
    }
    Some(Emission { bundle, manifest })
}
