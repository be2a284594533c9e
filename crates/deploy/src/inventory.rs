//! What a cloud has of an estate.
//!
//! In: a [`Cloud`] and the estate's name. Out: [`Inventory`]. Always: only what the cloud says; a place that cannot be asked is an error,
//! never an empty place.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use emit::cloudformation::Manifest;
use plan::{DeployedResource, DeployedStack, ESTATE_TAG, Inventory, InventoryAccount, TEMPLATE_TAG};

use crate::ledger::{self, Kept};
use crate::pool::{self, Pace};
use crate::{Answer, Cloud, OrganizationState, Place, StackState};

/// How many places and stacks are asked at once.
const PARALLEL: usize = 8;

/// How much to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Stacks with their status, parameters, outputs and tags.
    Stacks,
    /// Templates and resources too.
    Resources,
}

/// Asks a cloud what it has of an estate. `manifest`: what is wanted, for the regions and the names of accounts.
///
/// # Errors
/// The first call that fails for good.
pub fn inventory(
    cloud: &dyn Cloud,
    estate: &str,
    manifest: Option<&Manifest>,
    management: Option<&str>,
    depth: Depth,
) -> Answer<Inventory> {
    let kept = ledger::kept(cloud, estate)?;
    let caller = cloud.caller()?;
    let organization = cloud.organization()?;
    let accounts = accounts(&kept, organization.as_ref(), &caller.account, manifest, management);
    let mut regions: BTreeSet<String> = kept.regions.iter().cloned().collect();
    regions.extend(manifest.into_iter().flat_map(|manifest| manifest.regions.iter().cloned()));
    regions.extend(
        manifest.into_iter().flat_map(|it| it.stacks.iter().filter_map(|stack| stack.region.clone())),
    );
    let mut places: Vec<(&String, Place)> = Vec::new();
    for (name, account) in &accounts {
        let here = regions.iter().map(|region| Place::new(account.number.clone(), region.clone()));
        places.extend(here.map(|place| (name, place)));
    }
    let pace = Pace::steady(PARALLEL);
    let states = pool::each(cloud, &pace, &places, |it| &it.1, |cloud, (_, place)| cloud.stacks(place))?;
    let ours = |state: &StackState| {
        state.tags.get(ESTATE_TAG).map(String::as_str) == Some(estate) || state.status.is_empty_shell()
    };
    let mut found: Vec<(&String, &Place, StackState)> = Vec::new();
    for ((name, place), states) in places.iter().zip(states) {
        found.extend(states.into_iter().filter(ours).map(|state| (*name, place, state)));
    }
    let deployed = pool::each(
        cloud,
        &pace,
        &found,
        |it| it.1,
        |cloud, (name, place, state)| {
            Ok((
                format!("{name}/{}/{}", place.region, state.name),
                deployed(cloud, place, name, state, depth)?,
            ))
        },
    )?;
    let mut stacks: BTreeMap<String, DeployedStack> = deployed.into_iter().collect();
    // A shell is ours only where we want a stack of that name.
    let wanted =
        |key: &String| manifest.is_some_and(|manifest| manifest.stacks.iter().any(|stack| stack.key == *key));
    stacks.retain(|key, stack| !stack.status.is_empty_shell() || wanted(key));
    Ok(Inventory {
        estate: estate.to_owned(),
        accounts,
        stacks,
        after: kept.after,
        estate_hash: Some(kept.estate_hash).filter(|hash| !hash.is_empty()),
        commit: kept.commit,
    })
}

/// Asks for the templates and resources of some stacks too.
///
/// # Errors
/// The first call that fails for good.
pub fn deepen(cloud: &dyn Cloud, inventory: &mut Inventory, keys: &BTreeSet<String>) -> Answer<()> {
    let mut items: Vec<(String, Place, String)> = Vec::new();
    for (key, stack) in inventory.stacks.iter().filter(|(key, _)| keys.contains(*key)) {
        let Some(account) = inventory.accounts.get(&stack.account) else { continue };
        if !stack.status.is_empty_shell() && stack.template.is_empty() {
            let place = Place::new(account.number.clone(), stack.region.clone());
            items.push((key.clone(), place, stack.name.clone()));
        }
    }
    let pace = Pace::steady(PARALLEL);
    let all =
        pool::each(cloud, &pace, &items, |it| &it.1, |cloud, (_, place, name)| contents(cloud, place, name))?;
    for ((key, ..), found) in items.iter().zip(all) {
        if let Some(stack) = inventory.stacks.get_mut(key) {
            (stack.template, stack.resources) = found;
        }
    }
    Ok(())
}

/// Accounts by the names that the estate has for them.
fn accounts(
    kept: &Kept,
    organization: Option<&OrganizationState>,
    caller: &str,
    manifest: Option<&Manifest>,
    management: Option<&str>,
) -> BTreeMap<String, InventoryAccount> {
    let mut out = BTreeMap::new();
    let name = management.map(str::to_owned).or_else(|| kept.management.clone());
    let manager = |email: Option<String>| InventoryAccount {
        number: caller.to_owned(),
        email,
        unit: Vec::new(),
        status: "ACTIVE".to_owned(),
    };
    match organization {
        None => {
            out.insert(name.unwrap_or_else(|| "management".to_owned()), manager(None));
        }
        Some(state) => {
            for account in &state.accounts {
                let is_manager = account.number == state.management;
                let titled = manifest.into_iter().flat_map(|manifest| &manifest.accounts);
                let titled =
                    titled.filter(|it| it.title.as_ref() == Some(&account.name)).map(|it| &it.name).next();
                let titled = titled.or_else(|| kept.titles.get(&account.name)).cloned();
                let known = if is_manager { name.clone() } else { titled };
                let known = known.unwrap_or_else(|| account.name.clone());
                let unit = units(state, &account.parent);
                let (number, email, status) =
                    (account.number.clone(), Some(account.email.clone()), account.status.clone());
                out.insert(known, InventoryAccount { number, email, unit, status });
            }
        }
    }
    // Accounts whose numbers the blueprint says, where they are not in an organization that we see.
    for account in manifest.into_iter().flat_map(|manifest| &manifest.accounts) {
        if let Some(number) = &account.number {
            let known = InventoryAccount { number: number.clone(), ..manager(None) };
            out.entry(account.name.clone()).or_insert(known);
        }
    }
    out
}

/// Names of the units that something is in, from below the root.
fn units(state: &OrganizationState, parent: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut at = parent;
    while let Some(unit) = state.units.iter().find(|unit| unit.id == at) {
        out.insert(0, unit.name.clone());
        if out.len() > state.units.len() {
            break;
        }
        at = &unit.parent;
    }
    out
}

fn deployed(
    cloud: &dyn Cloud,
    place: &Place,
    account: &str,
    state: &StackState,
    depth: Depth,
) -> Answer<DeployedStack> {
    let (template, resources) = match depth {
        Depth::Resources if !state.status.is_empty_shell() => contents(cloud, place, &state.name)?,
        _ => (Arc::from(""), BTreeMap::new()),
    };
    Ok(DeployedStack {
        account: account.to_owned(),
        region: place.region.clone(),
        name: state.name.clone(),
        status: state.status.clone(),
        template,
        template_sha256: state.tags.get(TEMPLATE_TAG).cloned().unwrap_or_default(),
        parameters: state.parameters.clone(),
        outputs: state.outputs.clone(),
        tags: state.tags.clone(),
        resources,
    })
}

fn contents(
    cloud: &dyn Cloud,
    place: &Place,
    name: &str,
) -> Answer<(Arc<str>, BTreeMap<String, DeployedResource>)> {
    let template = cloud.template(place, name)?;
    let mut resources = BTreeMap::new();
    for resource in cloud.stack_resources(place, name)? {
        let (kind, physical_id, status) = (resource.kind, resource.physical_id, resource.status);
        resources.insert(resource.logical_id, DeployedResource { kind, physical_id, status });
    }
    Ok((template, resources))
}
