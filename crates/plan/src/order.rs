//! Which stack is created, updated or deleted, in which order, with which values.
//!
//! In: [`Desired`], [`Inventory`], [`Selector`]. Out: [`Plan`]. Always: a step names every step that must be done
//! before it; what did not change has no step; a stack is deleted only after everything that was deployed after it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use emit::cloudformation::{Emission, Manifest, ManifestParameter, ManifestStack, OutputOf};
use estate::Estate;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{ESTATE_TAG, Inventory, Selector, TEMPLATE_TAG, sha256};

/// What is wanted: templates with their manifest.
#[derive(Debug, Clone)]
pub struct Desired {
    /// What is deployed, in which order.
    pub manifest: Manifest,
    /// The texts of the templates by their path in the bundle.
    pub templates: BTreeMap<String, Arc<str>>,
    /// The name of the management account, where there is an organization.
    pub management: Option<String>,
    /// One hash over all of it.
    pub hash: String,
}

impl Desired {
    /// What an estate was emitted as.
    #[must_use]
    pub fn of(estate: &Estate, emission: &Emission) -> Self {
        let text = |path: &str| {
            let bytes = emission.bundle.get(path).unwrap_or_default();
            Arc::from(String::from_utf8_lossy(bytes).as_ref())
        };
        let manifest = emission.manifest.clone();
        let templates = manifest.stacks.iter().map(|s| (s.template.clone(), text(&s.template))).collect();
        let management = estate.organization.as_ref().and_then(|all| estate.account(all.management));
        let management = management.map(|account| account.name.to_string());
        let hash = sha256(manifest.text().as_bytes());
        Self { manifest, templates, management, hash }
    }
}

/// All that an apply carries out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The estate's name.
    pub estate: String,
    /// [`Desired::hash`]; empty for a destruction.
    pub estate_hash: String,
    /// [`Inventory::fingerprint`] of what it was made against.
    pub basis: String,
    /// The name of the management account.
    pub management: Option<String>,
    /// The accounts that steps go to.
    pub accounts: Vec<PlannedAccount>,
    /// What is done, wave after wave.
    pub steps: Vec<Step>,
    /// How many stacks stay as they are.
    pub unchanged: usize,
    /// For each stack that is wanted, the stacks it is deployed after: recorded, for a later deletion.
    pub after: BTreeMap<String, Vec<String>>,
}

/// An account that steps go to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedAccount {
    /// Its name.
    pub name: String,
    /// Its twelve digits, where the blueprint or the cloud says them already.
    pub number: Option<String>,
    /// The output that says them once the account is made.
    pub number_from: Option<OutputOf>,
}

/// One stack, and what is done with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// `account/region/name`.
    pub key: String,
    /// The account's name.
    pub account: String,
    /// The region.
    pub region: String,
    /// The name it is deployed under.
    pub name: String,
    /// From 1. Steps of a wave do not need each other.
    pub wave: u32,
    /// What is done.
    pub action: Action,
    /// Why.
    pub reasons: Vec<Reason>,
    /// Keys of steps that must be done well before.
    pub after: Vec<String>,
    /// The template, as it is sent; empty for a deletion.
    #[serde(with = "crate::shared_text")]
    pub template: Arc<str>,
    /// Its SHA-256.
    pub template_sha256: String,
    /// What must be acknowledged: `CAPABILITY_NAMED_IAM`.
    pub capabilities: Vec<String>,
    /// Tags to deploy it with.
    pub tags: BTreeMap<String, String>,
    /// Where the values of its parameters come from.
    pub parameters: Vec<ManifestParameter>,
    /// How many resources it has.
    pub resources: usize,
}

/// What is done with a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It is created.
    Create,
    /// Its creation failed before; what is left of it is deleted, and it is created.
    Recreate,
    /// It is updated.
    Update,
    /// It is updated if a value that another step puts out has changed by then, else left alone.
    Check,
    /// It is deleted.
    Delete,
}

impl Action {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Recreate => "recreate",
            Self::Update => "update",
            Self::Check => "check",
            Self::Delete => "delete",
        }
    }
}

/// Why a step is there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The cloud does not have it.
    Missing,
    /// Another template.
    Template,
    /// Another value of this parameter.
    Parameter(String),
    /// Another value of this tag.
    Tag(String),
    /// Its last change failed or was rolled back: this was its status.
    Status(String),
    /// What is deployed differs from the template; somebody asked for it to be repaired.
    Drift,
    /// A value comes from this stack, which changes.
    HandedBy(String),
    /// The blueprint has it no more.
    Gone,
    /// Everything is deleted.
    Destroy,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PlanError {
    /// A stack has no region: an imported template of which nobody said where it goes.
    #[error("stack `{0}` has no region")]
    NoRegion(String),
    /// A selector selects nothing.
    #[error("`{0}` selects no stack")]
    SelectsNothing(String),
    /// A selected stack needs one that is neither deployed nor selected.
    #[error("`{stack}` needs `{needs}`, which is neither deployed nor selected")]
    NotSelected {
        /// The stack.
        stack: String,
        /// What it needs.
        needs: String,
    },
    /// A parameter has a value that only a person can give.
    #[error("only you can say the value of parameter `{parameter}` of `{stack}`")]
    NotSupplied {
        /// The stack.
        stack: String,
        /// The parameter.
        parameter: String,
    },
    /// CloudFormation nests the stack in another, whose template must be packaged first.
    #[error("`{0}` nests other templates, which Steward does not upload")]
    Nests(String),
}

/// The plan that makes the cloud have what is wanted. `supplied`: values that only a person can give, by stack key and
/// name of parameter. `repair`: keys of stacks that are updated although nothing changed.
///
/// # Errors
/// Everything that stands in the way.
pub fn order(
    desired: &Desired,
    inventory: &Inventory,
    selector: &Selector,
    supplied: &BTreeMap<(String, String), String>,
    repair: &BTreeSet<String>,
) -> Result<Plan, Vec<PlanError>> {
    let manifest = &desired.manifest;
    let mut errors: Vec<PlanError> = Vec::new();
    let wanted: BTreeSet<&str> = manifest.stacks.iter().map(|stack| stack.key.as_str()).collect();
    let known = wanted.iter().copied().chain(inventory.stacks.keys().map(String::as_str));
    errors.extend(selector.idle(known).into_iter().map(PlanError::SelectsNothing));

    let mut steps: Vec<Step> = Vec::new();
    let mut moving: BTreeSet<&str> = BTreeSet::new();
    let mut unchanged = 0;
    for stack in &manifest.stacks {
        if stack.wave == 0 || !selector.matches(&stack.key) {
            continue;
        }
        if stack.nests {
            errors.push(PlanError::Nests(stack.key.clone()));
            continue;
        }
        let Some(region) = &stack.region else {
            errors.push(PlanError::NoRegion(stack.key.clone()));
            continue;
        };
        for needs in stack.after.iter().filter(|key| !selector.matches(key)) {
            if !inventory.stacks.contains_key(needs) {
                let (stack, needs) = (stack.key.clone(), needs.clone());
                errors.push(PlanError::NotSelected { stack, needs });
            }
        }
        let parameters = supply(stack, inventory, supplied, &mut errors);
        let mut compared = compare(stack, &parameters, inventory, &moving);
        if compared.is_none() && repair.contains(&stack.key) {
            compared = Some((Action::Update, vec![Reason::Drift]));
        }
        let Some((action, reasons)) = compared else {
            unchanged += 1;
            continue;
        };
        moving.insert(&stack.key);
        let template = desired.templates.get(&stack.template).cloned().unwrap_or_else(|| Arc::from(""));
        steps.push(Step {
            key: stack.key.clone(),
            account: stack.account.clone(),
            region: region.clone(),
            name: stack.name.clone(),
            wave: stack.wave,
            action,
            reasons,
            after: stack.after.clone(),
            template,
            template_sha256: stack.sha256.clone(),
            capabilities: stack.capabilities.clone(),
            tags: tags(stack, &manifest.estate),
            parameters,
            resources: stack.resources,
        });
    }
    let here: BTreeSet<String> = steps.iter().map(|step| step.key.clone()).collect();
    steps.iter_mut().for_each(|step| step.after.retain(|key| here.contains(key)));
    let gone = inventory.stacks.keys().filter(|key| !wanted.contains(key.as_str()) && selector.matches(key));
    let gone: BTreeSet<&str> = gone.map(String::as_str).collect();
    let last = steps.iter().map(|step| step.wave).max().unwrap_or(0);
    steps.extend(deletions(inventory, &gone, &here, last, &Reason::Gone));
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(Plan {
        estate: manifest.estate.clone(),
        estate_hash: desired.hash.clone(),
        basis: inventory.fingerprint(),
        management: desired.management.clone(),
        accounts: accounts(desired, inventory),
        steps,
        unchanged,
        after: manifest.stacks.iter().map(|stack| (stack.key.clone(), stack.after.clone())).collect(),
    })
}

/// The plan that deletes every stack of an estate that is selected.
#[must_use]
pub fn destruction(inventory: &Inventory, selector: &Selector, management: Option<String>) -> Plan {
    let all: BTreeSet<&str> =
        inventory.stacks.keys().filter(|key| selector.matches(key)).map(String::as_str).collect();
    let account = |(name, account): (&String, &crate::InventoryAccount)| PlannedAccount {
        name: name.clone(),
        number: Some(account.number.clone()),
        number_from: None,
    };
    Plan {
        estate: inventory.estate.clone(),
        estate_hash: String::new(),
        basis: inventory.fingerprint(),
        management,
        accounts: inventory.accounts.iter().map(account).collect(),
        steps: deletions(inventory, &all, &BTreeSet::new(), 0, &Reason::Destroy),
        unchanged: inventory.stacks.len() - all.len(),
        after: BTreeMap::new(),
    }
}

fn accounts(desired: &Desired, inventory: &Inventory) -> Vec<PlannedAccount> {
    let account = |account: &emit::cloudformation::ManifestAccount| PlannedAccount {
        name: account.name.clone(),
        number: account
            .number
            .clone()
            .or_else(|| inventory.accounts.get(&account.name).map(|known| known.number.clone())),
        number_from: account.number_from.clone(),
    };
    let mut all: Vec<PlannedAccount> = desired.manifest.accounts.iter().map(account).collect();
    let names: BTreeSet<String> = all.iter().map(|account| account.name.clone()).collect();
    let others = inventory.accounts.iter().filter(|(name, _)| !names.contains(*name));
    all.extend(others.map(|(name, account)| PlannedAccount {
        name: name.clone(),
        number: Some(account.number.clone()),
        number_from: None,
    }));
    all
}

/// The tags of a stack: those of the manifest, and what it was deployed with.
fn tags(stack: &ManifestStack, estate: &str) -> BTreeMap<String, String> {
    let mut tags = stack.tags.clone();
    tags.entry(ESTATE_TAG.to_owned()).or_insert_with(|| estate.to_owned());
    tags.insert(TEMPLATE_TAG.to_owned(), stack.sha256.clone());
    tags
}

/// Parameters, with what a person said put in. What was said once need not be said again.
fn supply(
    stack: &ManifestStack,
    inventory: &Inventory,
    supplied: &BTreeMap<(String, String), String>,
    errors: &mut Vec<PlanError>,
) -> Vec<ManifestParameter> {
    let mut parameters = stack.parameters.clone();
    for parameter in parameters.iter_mut().filter(|parameter| parameter.supply.is_some()) {
        let said = supplied.get(&(stack.key.clone(), parameter.name.clone())).cloned();
        let before = || inventory.stacks.get(&stack.key)?.parameters.get(&parameter.name).cloned();
        parameter.value = said.or_else(before);
        if parameter.value.is_none() {
            let (stack, parameter) = (stack.key.clone(), parameter.name.clone());
            errors.push(PlanError::NotSupplied { stack, parameter });
        }
    }
    parameters
}

/// What is to be done with a stack, and why; `None` where it is as it should be. `moving`: stacks with a step.
fn compare(
    stack: &ManifestStack,
    parameters: &[ManifestParameter],
    inventory: &Inventory,
    moving: &BTreeSet<&str>,
) -> Option<(Action, Vec<Reason>)> {
    let Some(deployed) = inventory.stacks.get(&stack.key).filter(|stack| !stack.status.is_empty_shell())
    else {
        return Some((Action::Create, vec![Reason::Missing]));
    };
    if deployed.status.must_be_recreated() {
        return Some((Action::Recreate, vec![Reason::Status(deployed.status.to_string())]));
    }
    let mut reasons = Vec::new();
    if deployed.template_sha256 != stack.sha256 {
        reasons.push(Reason::Template);
    }
    if !deployed.status.is_good() {
        reasons.push(Reason::Status(deployed.status.to_string()));
    }
    for (tag, value) in &tags(stack, &inventory.estate) {
        if tag != TEMPLATE_TAG && tag != ESTATE_TAG && deployed.tags.get(tag) != Some(value) {
            reasons.push(Reason::Tag(tag.clone()));
        }
    }
    let mut handed = BTreeSet::new();
    for parameter in parameters {
        let now = match (&parameter.value, &parameter.from, &parameter.account) {
            (Some(value), ..) => Some(value.as_str()),
            (None, Some(from), _) if moving.contains(from.stack.as_str()) => {
                handed.insert(from.stack.clone());
                continue;
            }
            (None, Some(from), _) => inventory.output(&from.stack, &from.output),
            (None, None, Some(account)) => inventory.accounts.get(account).map(|found| found.number.as_str()),
            (None, None, None) => None,
        };
        let before = deployed.parameters.get(&parameter.name).map(String::as_str);
        if now.is_some() && now != before {
            reasons.push(Reason::Parameter(parameter.name.clone()));
        }
    }
    if !reasons.is_empty() {
        return Some((Action::Update, reasons));
    }
    let handed: Vec<_> = handed.into_iter().map(Reason::HandedBy).collect();
    (!handed.is_empty()).then_some((Action::Check, handed))
}

/// Steps that delete `gone`, each after what was deployed after it. `moving`: keys of the other steps.
fn deletions(
    inventory: &Inventory,
    gone: &BTreeSet<&str>,
    moving: &BTreeSet<String>,
    last_wave: u32,
    reason: &Reason,
) -> Vec<Step> {
    let mut dependants: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (key, before) in &inventory.after {
        for needed in before {
            dependants.entry(needed).or_default().push(key);
        }
    }
    let mut waves: BTreeMap<&str, u32> = BTreeMap::new();
    // Each round settles at least what has no dependants left; what stands in a circle (it cannot) goes last.
    let mut left: BTreeSet<&str> = gone.clone();
    let mut wave = last_wave;
    while !left.is_empty() {
        wave += 1;
        let waiting = |key: &str| {
            let needs_it = dependants.get(key).into_iter().flatten();
            needs_it.into_iter().any(|other| left.contains(other) && *other != key)
        };
        let (later, now): (BTreeSet<&str>, BTreeSet<&str>) =
            left.iter().copied().partition(|key| waiting(key));
        let (later, now) = if now.is_empty() { (now, later) } else { (later, now) };
        waves.extend(now.into_iter().map(|key| (key, wave)));
        left = later;
    }
    let step = |key: &&str| {
        let stack = inventory.stacks.get(*key)?;
        let after = dependants.get(*key).into_iter().flatten();
        let after = after.filter(|other| gone.contains(**other) || moving.contains(**other));
        let mut after: Vec<String> =
            after.filter(|other| *other != key).map(|key| (*key).to_owned()).collect();
        after.sort();
        Some(Step {
            key: (*key).to_owned(),
            account: stack.account.clone(),
            region: stack.region.clone(),
            name: stack.name.clone(),
            wave: waves.get(key).copied().unwrap_or(wave),
            action: Action::Delete,
            reasons: vec![reason.clone()],
            after,
            template: Arc::from(""),
            template_sha256: String::new(),
            capabilities: Vec::new(),
            tags: BTreeMap::new(),
            parameters: Vec::new(),
            resources: stack.resources.len(),
        })
    };
    let mut steps: Vec<Step> = gone.iter().filter_map(step).collect();
    steps.sort_by(|a, b| (a.wave, &a.key).cmp(&(b.wave, &b.key)));
    steps
}
