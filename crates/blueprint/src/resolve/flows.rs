//! The hub, offices, and approved flows.
//!
//! Always: a flow of the blueprint can happen: whoever begins exists and may begin, what is reached listens on the
//! port; units and environments are expanded to the workloads that are meant.

use std::collections::{BTreeSet, HashMap};

use diagnostics::{Diagnostic, Span, did_you_mean};
use smol_str::SmolStr;

use super::environments::Environments;
use super::organization::Accounts;
use super::{Names, Resolver, title};
use crate::Spanned;
use crate::cidr::Cidr;
use crate::codes::{
    BAD_CIDR, FLOW_TO_NOWHERE, FORBIDDEN, NEEDS_HUB, NO_ACCOUNT, NOT_BUILT, OVERLAP, TOO_MANY, UNKNOWN_NAME,
};
use crate::model::{
    AccountId, Destination, Environment, EnvironmentId, Exposure, Flow, Hub, Network, Office, OfficeId,
    Regions, Source, StoreId, StoreKind, UnitId, WorkloadId,
};
use crate::scalars::Word;
use crate::written;

/// The most flows after units and environments are expanded.
const MOST: usize = 100_000;

/// The port of HTTP over TLS, on which every load balancer listens.
const HTTPS: u16 = 443;
/// The port of PostgreSQL.
const POSTGRESQL: u16 = 5432;

/// Workloads that a flow names as its destination, as they are written: `environment/workload`.
pub type Reached = HashMap<SmolStr, Span>;

/// What the flows reach, for those who decide whether a workload listens at all.
pub fn reached(written: &written::Blueprint) -> Reached {
    written.flows.iter().map(|flow| (SmolStr::new(flow.to.as_str()), flow.to.span)).collect()
}

impl Resolver<'_> {
    /// The hub and the offices that are joined to it.
    pub fn hub(
        &mut self,
        written: &written::Blueprint,
        network: &mut Network,
        regions: &Regions,
        accounts: &Accounts,
        environments: &Environments,
    ) {
        let Some(section) = &written.network else { return };
        network.hub = section.hub.as_ref().and_then(|hub| self.one_hub(hub, accounts, environments));
        if section.hub.is_some() {
            self.one_region(regions, environments);
        }
        if let Some((name, _)) = section.offices.entries.first().filter(|_| section.hub.is_none()) {
            let text = format!("the office `{name}` has no hub to be joined to");
            self.report(Diagnostic::error(NEEDS_HUB, name.span, text).help("add `hub:` under `network:`"));
        }
        let mut ranges: Vec<(Cidr, Span)> = Vec::new();
        for (name, office) in &section.offices.entries {
            self.check_name(name, "an office", 16);
            let networks: Vec<Spanned<Cidr>> = office.networks.iter().copied().collect();
            if networks.is_empty() {
                let text = format!("the office `{name}` has no network");
                self.report(Diagnostic::error(FLOW_TO_NOWHERE, office.span, text).help("add `networks:`"));
                continue;
            }
            for range in &networks {
                if !range.is_private() {
                    let text = format!("{} is not a private range", range.value);
                    self.report(
                        Diagnostic::error(BAD_CIDR, range.span, text)
                            .expected("a part of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16"),
                    );
                }
                if let Some((other, place)) = ranges.iter().find(|(other, _)| other.overlaps(range.value)) {
                    let text = format!("{} overlaps {other}, the network of another office", range.value);
                    self.report(
                        Diagnostic::error(OVERLAP, range.span, text).related(*place, "overlaps this"),
                    );
                }
                ranges.push((range.value, range.span));
            }
            network.offices.push(Office {
                name: name.clone(),
                title: title(office.title.as_ref(), name),
                address: office.address,
                networks,
            });
        }
    }

    fn one_hub(
        &mut self,
        hub: &Spanned<written::Hub>,
        accounts: &Accounts,
        environments: &Environments,
    ) -> Option<Hub> {
        if let Some(inspect) = hub.inspect_tls.filter(|inspect| inspect.value) {
            let text = "`inspect-tls` (a certificate authority that workloads trust) is not built yet, so it is refused";
            self.report(
                Diagnostic::error(NOT_BUILT, inspect.span, text)
                    .label("not built yet")
                    .help("remove it: the firewall judges by the name that a client asks for"),
            );
        }
        let span = hub.account.as_ref().map_or(hub.span, |word| word.span);
        let word = hub.account.as_ref().map_or("network", |word| word.as_str());
        let Some(account) = accounts.names.get(word).map(AccountId) else {
            if accounts.complete && !accounts.names.broken.contains(word) {
                let text = format!("the hub has no account: none is called `{word}`");
                let near = did_you_mean(word, accounts.names.known.keys().map(SmolStr::as_str));
                let help = near
                    .unwrap_or_else(|| format!("add `{word}` to the accounts of a unit, or say `account:`"));
                self.report(Diagnostic::error(NO_ACCOUNT, span, text).help(help));
            }
            return None;
        };
        let organization = &accounts.value;
        if [organization.management, organization.audit, organization.log_archive].contains(&account) {
            let text = format!("the hub stands in the account `{word}`, which has another purpose");
            self.report(Diagnostic::error(FORBIDDEN, span, text).help("give the hub an account of its own"));
        }
        if let Some(guest) = environments.resolved.iter().find(|environment| environment.account == account) {
            let text = format!(
                "the environment `{}` stands in the account of the hub: who administers it could open the way in",
                guest.name
            );
            let said = Diagnostic::error(FORBIDDEN, guest.name.span, text).related(span, "the hub");
            self.report(said.help("give each an account of its own"));
        }
        Some(Hub { account, allow: hub.allow.iter().cloned().collect(), span: hub.span })
    }

    /// A Transit Gateway joins networks of its own region.
    fn one_region(&mut self, regions: &Regions, environments: &Environments) {
        let away = environments.resolved.iter().find(|one| one.region.value != regions.primary.value);
        if let Some(away) = away {
            let text = format!(
                "a hub in a second region is not built yet, and `{}` is in {}, so it is refused",
                away.name, away.region.value.name
            );
            self.report(
                Diagnostic::error(NOT_BUILT, away.region.span, text)
                    .label("not built yet")
                    .help("let the environment be in the primary region"),
            );
        }
    }

    /// The approved flows.
    pub fn flows(
        &mut self,
        written: &written::Blueprint,
        network: &Network,
        accounts: &Accounts,
        environments: &Environments,
    ) -> Vec<Flow> {
        let mut ends = Ends::new(network, accounts, environments, written);
        let mut flows = Vec::new();
        for flow in written.flows.iter() {
            if written.network.as_ref().is_none_or(|section| section.hub.is_none()) {
                let text = "a flow goes through the hub of the network, and there is none";
                self.report(
                    Diagnostic::error(NEEDS_HUB, flow.span, text).help("add `hub:` under `network:`"),
                );
                break;
            }
            let (from, to) = (self.sources(flow, &mut ends), self.destinations(flow, &mut ends));
            let (Some(from), Some(to)) = (from, to) else { continue };
            if flows.len() + from.len() * to.len() > MOST {
                let text =
                    format!("more than {MOST} flows are approved once units and environments are expanded");
                self.report(Diagnostic::error(TOO_MANY, flow.span, text));
                break;
            }
            let before = flows.len();
            for source in &from {
                for (destination, ports) in &to {
                    if source.environment().is_none_or(|own| Some(own) != destination.environment()) {
                        flows.push(Flow {
                            from: *source,
                            to: destination.clone(),
                            ports: ports.clone(),
                            span: flow.span,
                        });
                    }
                }
            }
            if flows.len() == before {
                let text =
                    format!("`{}` and `{}` are in the same environment", flow.from.value, flow.to.value);
                self.report(
                    Diagnostic::error(FLOW_TO_NOWHERE, flow.span, text)
                        .help("inside an environment, a workload says what it `uses:`"),
                );
            }
        }
        flows
    }

    fn nowhere(&mut self, span: Span, text: String, help: &str) {
        self.report(Diagnostic::error(FLOW_TO_NOWHERE, span, text).help(help));
    }

    fn sources(&mut self, flow: &written::Flow, ends: &mut Ends<'_>) -> Option<Vec<Source>> {
        let word = flow.from.as_str();
        if word == "internet" {
            let text = "nothing begins on the internet by a flow".to_owned();
            self.nowhere(flow.from.span, text, "write `reached-from: internet` at the workload");
            return None;
        }
        match ends.find(&flow.from, self)? {
            End::Offices(offices) => Some(offices.into_iter().map(Source::Office).collect()),
            End::Workload(environment, workload) => Some(vec![Source::Workload(environment, workload)]),
            End::Store(..) => {
                self.nowhere(
                    flow.from.span,
                    format!("`{word}` is a store, which begins nothing"),
                    "name the workload that begins",
                );
                None
            }
            End::Internet => None,
            End::Environments(all) => {
                let all: Vec<Source> = all
                    .iter()
                    .filter_map(|id| Some((*id, ends.environment(*id)?)))
                    .flat_map(|(id, one)| {
                        (0..one.workloads.len()).map(move |at| Source::Workload(id, WorkloadId(at)))
                    })
                    .collect();
                if all.is_empty() {
                    self.nowhere(
                        flow.from.span,
                        format!("nothing runs in `{word}` that could begin"),
                        "name an environment with workloads",
                    );
                    return None;
                }
                Some(all)
            }
        }
    }

    fn destinations(
        &mut self,
        flow: &written::Flow,
        ends: &mut Ends<'_>,
    ) -> Option<Vec<(Destination, Vec<u16>)>> {
        let (word, span) = (flow.to.as_str(), flow.to.span);
        let end = ends.find(&flow.to, self)?;
        let ports: BTreeSet<u16> = flow.on.iter().filter_map(|port| u16::try_from(port.0).ok()).collect();
        let only = |resolver: &mut Self, port: u16, why: &str| {
            let other = flow.on.iter().find(|written| written.0 != u32::from(port));
            if let Some(other) = other {
                resolver.nowhere(
                    other.span,
                    format!("nothing listens on {} there: {why}", other.value.0),
                    &format!("write `on: {port}`, or leave it out"),
                );
            }
            other.is_none().then(|| vec![port])
        };
        if end != End::Internet
            && let Some(domain) = flow.domains.iter().next()
        {
            self.nowhere(
                domain.span,
                format!("`{word}` is not on the internet, so `domains` says nothing"),
                "remove `domains`",
            );
            return None;
        }
        match end {
            End::Internet => {
                let domains: Vec<_> = flow.domains.iter().cloned().collect();
                if domains.is_empty() {
                    let text = "a way to the whole internet is never approved".to_owned();
                    self.report(
                        Diagnostic::error(FORBIDDEN, span, text).help("name the `domains:` that are called"),
                    );
                    return None;
                }
                let ports = only(self, HTTPS, "the firewall judges TLS by the name that is asked for")?;
                Some(vec![(Destination::Internet(domains), ports)])
            }
            End::Offices(offices) => {
                if ports.is_empty() {
                    self.nowhere(
                        span,
                        format!("it is not said on which port `{word}` is reached"),
                        "add `on:`",
                    );
                    return None;
                }
                let ports: Vec<u16> = ports.into_iter().collect();
                Some(offices.into_iter().map(|office| (Destination::Office(office), ports.clone())).collect())
            }
            End::Workload(environment, workload) => {
                let ports = only(self, HTTPS, "a workload is reached through its load balancer, over TLS")?;
                Some(vec![(Destination::Workload(environment, workload), ports)])
            }
            End::Store(environment, store) => {
                let is_database = ends
                    .environment(environment)
                    .and_then(|one| one.store(store))
                    .is_some_and(|store| matches!(store.kind, StoreKind::Postgresql(_)));
                if !is_database {
                    self.nowhere(
                        span,
                        format!(
                            "`{word}` has no address in the network: AWS serves it, and IAM decides who may"
                        ),
                        "let a workload of its environment serve it",
                    );
                    return None;
                }
                let ports = only(self, POSTGRESQL, "it is PostgreSQL")?;
                Some(vec![(Destination::Store(environment, store), ports)])
            }
            End::Environments(all) => {
                let ports =
                    only(self, HTTPS, "workloads are reached through their load balancers, over TLS")?;
                let mut to = Vec::new();
                for id in all {
                    let Some(one) = ends.environment(id) else { continue };
                    let inside = one
                        .workloads
                        .iter()
                        .enumerate()
                        .filter(|(_, workload)| workload.exposure == Exposure::Inside);
                    to.extend(
                        inside.map(|(at, _)| (Destination::Workload(id, WorkloadId(at)), ports.clone())),
                    );
                }
                if to.is_empty() {
                    self.nowhere(
                        span,
                        format!("nothing in `{word}` is `reached-from: inside`"),
                        "name the workload: `environment/workload`",
                    );
                    return None;
                }
                Some(to)
            }
        }
    }
}

impl Source {
    /// The environment in which it is, for a workload.
    #[must_use]
    pub fn environment(self) -> Option<EnvironmentId> {
        match self {
            Self::Workload(environment, _) => Some(environment),
            Self::Office(_) => None,
        }
    }
}

impl Destination {
    /// The environment in which it is, for a workload or store.
    #[must_use]
    pub fn environment(&self) -> Option<EnvironmentId> {
        match self {
            Self::Workload(environment, _) | Self::Store(environment, _) => Some(*environment),
            Self::Office(_) | Self::Internet(_) => None,
        }
    }
}

/// What a word of a flow stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    Environments(Vec<EnvironmentId>),
    Workload(EnvironmentId, WorkloadId),
    Store(EnvironmentId, StoreId),
    Offices(Vec<OfficeId>),
    Internet,
}

/// Everything that a flow may name. Where an environment and a unit have the same name, the environment is meant.
struct Ends<'a> {
    names: Names,
    kinds: Vec<Named>,
    environments: &'a Environments,
    accounts: &'a Accounts,
    offices: Names,
    parts: Vec<HashMap<&'a str, End>>,
    things: Names,
}

#[derive(Debug, Clone, Copy)]
enum Named {
    Environment(EnvironmentId),
    Unit(UnitId),
    Offices,
    Internet,
}

impl<'a> Ends<'a> {
    fn new(
        network: &Network,
        accounts: &'a Accounts,
        environments: &'a Environments,
        written: &written::Blueprint,
    ) -> Self {
        let mut names = Names::new("environment, unit or office");
        let mut kinds = Vec::new();
        let mut parts = Vec::new();
        let mut add = |name: &str, span: Span, kind: Named| {
            if names.add(name, kinds.len(), span).is_none() {
                kinds.push(kind);
            }
        };
        for (at, environment) in environments.resolved.iter().enumerate() {
            add(environment.name.as_str(), environment.name.span, Named::Environment(EnvironmentId(at)));
            let id = EnvironmentId(at);
            let stores = environment.stores.iter().enumerate();
            let workloads = environment.workloads.iter().enumerate();
            let stores = stores.map(|(at, store)| (store.name.as_str(), End::Store(id, StoreId(at))));
            let workloads = workloads.map(|(at, one)| (one.name.as_str(), End::Workload(id, WorkloadId(at))));
            parts.push(stores.chain(workloads).collect());
        }
        for (at, unit) in accounts.value.units.iter().enumerate() {
            add(unit.name.as_str(), unit.name.span, Named::Unit(UnitId(at)));
        }
        add("offices", Span::NONE, Named::Offices);
        add("internet", Span::NONE, Named::Internet);
        names.broken.extend(environments.names.broken.iter().cloned());
        let mut offices = Names::new("office");
        for (at, office) in network.offices.iter().enumerate() {
            offices.add(office.name.as_str(), at, office.name.span);
        }
        let broken = written.network.iter().flat_map(|section| section.offices.broken.iter());
        offices.broken.extend(broken.map(|name| SmolStr::new(name.as_str())));
        let mut things = Names::new("store or workload");
        let stores = written.stores.entries.iter().map(|(name, _)| name);
        for name in stores.chain(written.workloads.entries.iter().map(|(name, _)| name)) {
            things.add(name.as_str(), 0, name.span);
        }
        let broken = written.stores.broken.iter().chain(&written.workloads.broken);
        things.broken.extend(broken.map(|name| SmolStr::new(name.as_str())));
        Self { names, kinds, environments, accounts, offices, parts, things }
    }

    fn environment(&self, id: EnvironmentId) -> Option<&'a Environment> {
        self.environments.resolved.get(id.0)
    }

    /// What a word stands for; what it does not stand for has been said.
    fn find(&mut self, word: &Spanned<Word>, resolver: &mut Resolver<'_>) -> Option<End> {
        let (head, part) = match word.as_str().split_once('/') {
            Some((head, part)) => (head, Some(part)),
            None => (word.as_str(), None),
        };
        let Some(kind) = self.names.get(head).and_then(|at| self.kinds.get(at)).copied() else {
            if !self.names.broken.contains(head) {
                let unknown = self.names.unknown(head, word.span);
                resolver.report(unknown);
            }
            return None;
        };
        match (kind, part) {
            (Named::Environment(id), None) => Some(End::Environments(vec![id])),
            (Named::Environment(id), Some(part)) => self.part(id, head, part, word.span, resolver),
            (Named::Unit(id), None) => {
                let all = self.beneath(id);
                if all.is_empty() {
                    resolver.nowhere(
                        word.span,
                        format!("no environment stands in the unit `{head}`"),
                        "name an environment",
                    );
                    return None;
                }
                Some(End::Environments(all))
            }
            (Named::Offices, None) => {
                let all: Vec<OfficeId> = (0..self.offices.known.len()).map(OfficeId).collect();
                if all.is_empty() && self.offices.broken.is_empty() {
                    resolver.nowhere(
                        word.span,
                        "there is no office".to_owned(),
                        "add `offices:` under `network:`",
                    );
                }
                (!all.is_empty()).then_some(End::Offices(all))
            }
            (Named::Offices, Some(part)) => {
                let found = self.offices.get(part).map(|at| End::Offices(vec![OfficeId(at)]));
                if found.is_none() && !self.offices.broken.contains(part) {
                    let unknown = self.offices.unknown(part, word.span);
                    resolver.report(unknown);
                }
                found
            }
            (Named::Internet, None) => Some(End::Internet),
            (Named::Unit(_) | Named::Internet, Some(part)) => {
                let text = format!("`{head}` has no parts, so there is no `{part}` in it");
                resolver.report(
                    Diagnostic::error(UNKNOWN_NAME, word.span, text)
                        .expected("`environment/workload`, for example"),
                );
                None
            }
        }
    }

    fn part(
        &mut self,
        id: EnvironmentId,
        head: &str,
        part: &str,
        span: Span,
        resolver: &mut Resolver<'_>,
    ) -> Option<End> {
        let found = self.parts.get(id.0).and_then(|parts| parts.get(part)).cloned();
        if found.is_none() && !self.things.broken.contains(part) {
            let said = if self.things.has(part) {
                let text = format!("`{part}` does not exist in `{head}`");
                Diagnostic::error(FLOW_TO_NOWHERE, span, text).help("let it exist there, or remove the flow")
            } else {
                self.things.unknown(part, span)
            };
            resolver.report(said);
        }
        found
    }

    /// The environments in the accounts of a unit and of the units beneath it.
    fn beneath(&self, unit: UnitId) -> Vec<EnvironmentId> {
        let organization = &self.accounts.value;
        let mut beneath = vec![false; organization.units.len()];
        for (at, one) in organization.units.iter().enumerate() {
            // A parent stands before its children.
            let within =
                at == unit.0 || one.parent.is_some_and(|parent| beneath.get(parent.0) == Some(&true));
            if let Some(slot) = beneath.get_mut(at) {
                *slot = within;
            }
        }
        let all = self.environments.resolved.iter().enumerate();
        all.filter(|(_, environment)| {
            let account = organization.accounts.get(environment.account.0);
            account.and_then(|account| account.unit).is_some_and(|unit| beneath.get(unit.0) == Some(&true))
        })
        .map(|(at, _)| EnvironmentId(at))
        .collect()
    }
}
