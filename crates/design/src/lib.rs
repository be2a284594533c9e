//! From a blueprint to the estate that it describes: one file per component.
//!
//! In: a [`Blueprint`] without mistakes, and what was handed out before ([`Lock`]). Out: a [`Design`]: the estate, and
//! what has been handed out now. Always: a pure function of its input, the same bytes for the same input however
//! many processors there are; environments know nothing of each other, so adding one changes no other; every
//! resource points at the line of the blueprint that asked for it; what is not built is refused.
//!
//! `layout` decides which stacks there are and hands out their ids; then each component draws its stacks.
#![recursion_limit = "256"]

mod access;
mod access_logs;
mod addresses;
mod alarms;
mod backup;
mod backup_copies;
mod bucket;
mod codes;
mod config;
mod data_events;
mod database;
mod detection;
mod domain;
mod draft;
mod firewall;
mod fleet;
mod flow_log;
mod guardrails;
mod hub;
mod identity;
mod images;
mod ingress;
mod keys;
mod layout;
mod limits;
mod lock;
mod log_archive;
mod log_delivery;
mod names;
mod naming;
mod network;
mod offices;
mod organization;
mod resolver;
mod service;
mod synthetic;
mod table;
mod tags;
mod templates;
mod trail;
mod transit_gateway;
mod ways;

use blueprint::Blueprint;
use blueprint::model::{RunsOn, StoreKind};
use diagnostics::{Diagnostic, Diagnostics};
use estate::{Account, Estate, Organization, SmolStr, Unit};
use rayon::prelude::*;

use crate::draft::Drawn;
use crate::layout::{HubSite, Layout, Site};

pub use codes::CODES;
pub use database::user as database_user;
pub use lock::{Lock, LockedAccount, LockedIngress, LockedNetwork, LockedZone};
pub use synthetic::blueprint as synthetic;
pub use templates::{TemplatePlace, template_places};

/// What a blueprint compiles to.
#[derive(Debug, Clone)]
pub struct Design {
    /// Everything that would be deployed.
    pub estate: Estate,
    /// What has been handed out, to be kept beside the blueprint.
    pub lock: Lock,
}

/// Compiles a blueprint. `None` when something could not be handed out or is not built; it has been said what.
pub fn compile(blueprint: &Blueprint, lock: &Lock, diagnostics: &mut Diagnostics) -> Option<Design> {
    let before = diagnostics.error_count();
    let layout = Layout::new(blueprint, lock, diagnostics)?;
    check(&layout, diagnostics);
    let sites: Vec<Vec<Drawn>> = layout.sites.par_iter().map(|site| draw(site, &layout)).collect();
    let mut foundation = vec![
        organization::stack(&layout),
        log_archive::stack(&layout),
        trail::stack(&layout),
        guardrails::stack(&layout),
        fleet::stack(&layout),
    ];
    foundation.extend(fleet::everywhere(&layout));
    foundation.extend(fleet::of_management(&layout));
    foundation.extend(detection::stacks(&layout));
    foundation.extend(detection::macie(&layout));
    if let (Some(id), Some(identity)) = (layout.foundation.identity, &blueprint.identity) {
        foundation.push(identity::stack(&layout, id, identity));
    }
    foundation.extend(data_events::stack(&layout, diagnostics));
    let mut estate = Estate {
        name: SmolStr::new(blueprint.name.value.as_str()),
        organization: Some(units(&layout)),
        accounts: accounts(&layout),
        stacks: Vec::with_capacity(foundation.len() + sites.iter().map(Vec::len).sum::<usize>()),
    };
    let hub = layout.hub.iter().flat_map(|hub| draw_hub(&layout, hub));
    for drawn in foundation.into_iter().chain(hub).chain(sites.into_iter().flatten()) {
        for (id, span) in &drawn.clashes {
            let message =
                format!("the logical id `{id}` would stand for two things in `{}`", drawn.stack.name);
            let said = Diagnostic::error(codes::SAME_LOGICAL_ID, *span, message);
            diagnostics.push(said.help("rename the workload or store"));
        }
        let id = estate.add_stack(drawn.stack);
        debug_assert_eq!(id, drawn.id, "stacks are drawn in the order in which ids were handed out");
    }
    (diagnostics.error_count() == before).then_some(Design { estate, lock: layout.lock })
}

/// All stacks of the hub, in the order of their ids.
fn draw_hub(layout: &Layout<'_>, hub: &HubSite<'_>) -> Vec<Drawn> {
    let mut out =
        vec![hub::stack(layout, hub), transit_gateway::stack(layout, hub), firewall::stack(layout, hub)];
    out.extend(names::stack(layout, hub));
    out.extend(offices::stack(layout, hub));
    let offices = hub.offices.iter().zip(&layout.blueprint.network.offices);
    out.extend(offices.filter_map(|(id, office)| offices::office_stack(layout, hub, *id, office)));
    out
}

/// All stacks of an environment, in the order of their ids.
fn draw(site: &Site<'_>, layout: &Layout<'_>) -> Vec<Drawn> {
    let mut out = Vec::new();
    if let (Some(joined), Some(hub)) = (&site.hub, &layout.hub) {
        out.push(transit_gateway::environment_stack(site, joined, hub));
        out.extend(names::environment_stack(site, joined, hub));
    }
    out.push(keys::stack(site));
    if let (Some(id), Some(place)) = (site.stacks.replica_keys, &site.recovery) {
        out.push(keys::replica_stack(site, id, place));
    }
    out.extend(access_logs::stack(site, &layout.blueprint.logs));
    out.push(network::stack(site));
    out.extend(alarms::stack(site));
    out.extend(domain::stack(site));
    out.extend(images::stack(site));
    out.extend(access::stack(site));
    out.extend(site.stores().map(|(id, store)| match &store.kind {
        StoreKind::Bucket(settings) => bucket::stack(site, id, store, settings),
        StoreKind::Table(settings) => table::stack(site, id, store, settings),
        StoreKind::Postgresql(settings) => database::stack(site, id, store, settings),
    }));
    out.extend(site.workloads().map(|(id, workload)| match workload.runs_on.value {
        RunsOn::Fargate => service::stack(site, id, workload),
    }));
    out.extend(backup_copies::recovery_stack(site));
    out.extend(backup_copies::isolated_stack(site));
    out.extend(backup::stack(site));
    out
}

/// Refuses what the reader accepts and no component can build.
fn check(layout: &Layout<'_>, diagnostics: &mut Diagnostics) {
    guardrails::check(layout, diagnostics);
    for site in &layout.sites {
        images::check(site, diagnostics);
        ingress::check(site, diagnostics);
    }
    firewall::check(layout, diagnostics);
    limits::check(layout, diagnostics);
}

fn accounts(layout: &Layout<'_>) -> Vec<Account> {
    let blueprint = layout.blueprint;
    let mut environments: Vec<Option<SmolStr>> = vec![None; blueprint.organization.accounts.len()];
    for environment in &blueprint.environments {
        if let Some(first @ None) = environments.get_mut(environment.account.0) {
            *first = Some(SmolStr::new(environment.name.value.as_str()));
        }
    }
    let accounts = blueprint.organization.accounts.iter().zip(environments);
    let every = Account {
        name: SmolStr::new_static(layout::EVERY_ACCOUNT),
        title: None,
        number: None,
        unit: None,
        environment: None,
        span: blueprint.organization.span,
    };
    let account = |(account, environment): (&blueprint::model::Account, Option<SmolStr>)| Account {
        name: SmolStr::new(account.name.value.as_str()),
        title: Some(account.title.clone()).filter(|title| title.as_str() != account.name.value.as_str()),
        number: None,
        unit: account.unit.and_then(|unit| u32::try_from(unit.0).ok()),
        environment,
        span: account.name.span,
    };
    accounts.map(account).chain([every]).collect()
}

fn units(layout: &Layout<'_>) -> Organization {
    let organization = &layout.blueprint.organization;
    let unit = |unit: &blueprint::model::Unit| Unit {
        name: unit.title.clone(),
        parent: unit.parent.and_then(|parent| u32::try_from(parent.0).ok()),
        span: unit.name.span,
    };
    Organization {
        management: layout::account(organization.management),
        log_archive: layout::account(organization.log_archive),
        units: organization.units.iter().map(unit).collect(),
    }
}
