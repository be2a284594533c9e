//! Who reaches whom, class by class.
//!
//! In: a [`Reach`] and what to group by. Out: a [`Matrix`]: the classes in the order in which the network names them, the
//! internet first and offices next, and a [`Cell`] for each pair. Always: every end is in exactly one class.

use std::collections::BTreeSet;

use estate::SmolStr;

use super::{Ends, Reach, Service, Verdict};
use crate::engine::atoms::{Owner, OwnerId};
use crate::model::{InterfaceId, Role, is_door};

/// What ends are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum By {
    /// Organizational unit.
    Unit,
    /// Environment.
    #[default]
    Environment,
    /// Environment and tier.
    Tier,
    /// Account.
    Account,
}

/// A class of ends.
#[derive(Debug, Clone)]
pub struct Class {
    /// What people call it.
    pub name: String,
    /// Who is in it.
    pub ends: Ends,
    /// How many interfaces it stands for; 0 for the internet and offices.
    pub interfaces: usize,
    /// Set for a service behind gateway endpoints, which only receives: its name.
    pub service: Option<String>,
}

/// What passes from one class to another.
#[derive(Debug, Clone)]
pub struct Cell {
    /// Whether anything passes and is answered.
    pub verdict: Verdict,
    /// Services that may pass.
    pub services: Vec<Service>,
    /// Services that certainly pass.
    pub certain: Vec<Service>,
    /// What it depends on where it is unknown, a few names.
    pub depends_on: Vec<String>,
}

/// All pairs of classes.
#[derive(Debug, Clone)]
pub struct Matrix {
    /// Classes that send.
    pub from: Vec<Class>,
    /// Classes that receive.
    pub to: Vec<Class>,
    /// A row for each class that sends, a cell for each that receives.
    pub cells: Vec<Vec<Cell>>,
}

impl Reach<'_> {
    /// The classes of all ends.
    #[must_use]
    pub fn classes(&self, by: By) -> Vec<Class> {
        let mut classes: Vec<Class> = Vec::new();
        for (at, owner) in (0_u32..).zip(&self.engine.space.atoms.owners) {
            let Some((name, interfaces)) = self.class_of(owner, by) else { continue };
            let class = match classes.iter_mut().position(|class| class.name == name) {
                Some(at) => classes.get_mut(at),
                None => {
                    classes.push(Class { name, ends: Ends::default(), interfaces: 0, service: None });
                    classes.last_mut()
                }
            };
            if let Some(class) = class {
                class.ends.owners.insert(OwnerId(at));
                class.interfaces += interfaces;
            }
        }
        // Tiers of one environment stand together, from the door inwards.
        if by == By::Tier {
            let head = |class: &Class| class.name.split('/').next().unwrap_or("").to_owned();
            let mut heads: Vec<String> = Vec::new();
            for class in &classes {
                if !heads.contains(&head(class)) {
                    heads.push(head(class));
                }
            }
            let tiers = ["gateway", "public", "application", "private", "data"];
            classes.sort_by_key(|class| {
                let tier = class.name.split_once('/').map_or("", |(_, tier)| tier);
                let depth = tiers.iter().position(|known| *known == tier).unwrap_or(tiers.len());
                (heads.iter().position(|known| *known == head(class)), depth)
            });
        }
        classes
    }

    fn class_of(&self, owner: &Owner, by: By) -> Option<(String, usize)> {
        let network = self.engine.network;
        match owner {
            Owner::Internet => Some(("internet".to_owned(), 0)),
            Owner::Office(office) => {
                let office = network.offices.get(office.at())?;
                Some((format!("office {}", office.name.label), 0))
            }
            Owner::Interfaces(members) => {
                let first: InterfaceId = *members.first()?;
                let interface = network.interfaces.get(first.at())?;
                if !matches!(interface.role, Role::Host | Role::Balancer(_) | Role::Endpoint(_)) {
                    return None;
                }
                let subnet = network.subnets.get(interface.subnet.at())?;
                let vpc = network.vpcs.get(subnet.vpc.at())?;
                let host = network.hosts.get(interface.host.at())?;
                if is_door(&host.kind) {
                    return Some((format!("door {}", host.name.label), members.len()));
                }
                let fallback = |value: &SmolStr, other: &SmolStr| {
                    if value.is_empty() { other.to_string() } else { value.to_string() }
                };
                let account = fallback(&vpc.name.account, &vpc.name.label);
                let environment = || fallback(&host.environment, &vpc.environment);
                let or_account = |name: String| if name.is_empty() { account.clone() } else { name };
                let name = match by {
                    By::Unit if vpc.unit.is_empty() => account,
                    By::Unit => vpc.unit.to_string(),
                    By::Environment => or_account(environment()),
                    By::Tier if subnet.tier.is_empty() => or_account(environment()),
                    By::Tier => format!("{}/{}", or_account(environment()), subnet.tier),
                    By::Account => account,
                };
                Some((name, members.len()))
            }
        }
    }

    /// All pairs of classes. `from` and `to` narrow by name; empty: all. A name stands for classes that are called so or
    /// whose name begins with it and a slash.
    pub fn matrix(&mut self, by: By, from: &[String], to: &[String]) -> Matrix {
        let classes = self.classes(by);
        let narrowed = |names: &[String]| -> Vec<Class> {
            let fits = |class: &&Class| {
                names.is_empty()
                    || names.iter().any(|name| {
                        class.name == *name
                            || class.name.strip_prefix(name).is_some_and(|r| r.starts_with('/'))
                    })
            };
            classes.iter().filter(fits).cloned().collect()
        };
        let (senders, mut receivers) = (narrowed(from), narrowed(to));
        // A door from the internet only sends.
        receivers.retain(|class| !class.is_door() || to.contains(&class.name));
        receivers
            .extend(self.services().into_iter().filter(|class| to.is_empty() || to.contains(&class.name)));
        let (from, to) = (senders, receivers);
        let mut cells = Vec::with_capacity(from.len());
        for source in &from {
            let mut row = Vec::with_capacity(to.len());
            for destination in &to {
                row.push(self.cell(source, destination));
            }
            cells.push(row);
        }
        Matrix { from, to, cells }
    }

    /// The services behind gateway endpoints, each once: `aws s3`.
    #[must_use]
    pub fn services(&self) -> Vec<Class> {
        let endpoints = self.engine.network.endpoints.iter();
        let gateways =
            endpoints.filter(|endpoint| matches!(endpoint.kind, crate::model::EndpointKind::Gateway));
        let names: BTreeSet<&str> = gateways.map(|endpoint| endpoint.service.as_str()).collect();
        let class = |service: &str| Class {
            name: format!("aws {}", service.rsplit('.').next().unwrap_or(service)),
            ends: Ends::default(),
            interfaces: 0,
            service: Some(service.to_owned()),
        };
        names.into_iter().map(class).collect()
    }

    fn cell(&mut self, from: &Class, to: &Class) -> Cell {
        if let Some(service) = &to.service {
            let flows = self.served(&from.ends, service);
            let open = flows.verdict == Verdict::Unknown;
            let depends_on = open.then(|| format!("the public addresses of {service}")).into_iter().collect();
            return Cell {
                verdict: flows.verdict,
                services: flows.services,
                certain: flows.certain,
                depends_on,
            };
        }
        let mut flows = self.flows(&from.ends, &to.ends);
        if to.ends.owners.contains(&OwnerId(0)) {
            // Services have public addresses and a class of their own.
            let only_served = self.engine.only_served(&self.outcome);
            let store = &mut self.engine.space.store;
            let (may, must) = (store.minus(flows.may, only_served), store.minus(flows.must, only_served));
            flows = self.answer(may, must);
        }
        let mut depends_on = Vec::new();
        let store = &mut self.engine.space.store;
        let open = store.minus(flows.may, flows.must);
        if !open.is_empty()
            && flows.verdict == Verdict::Unknown
            && let Some(packet) = self.witness(open)
        {
            depends_on = self.depends_on(&packet);
            depends_on.truncate(3);
        }
        Cell { verdict: flows.verdict, services: flows.services, certain: flows.certain, depends_on }
    }
}

impl Class {
    /// Whether it is a door from the internet: CloudFront, API Gateway, Global Accelerator.
    #[must_use]
    pub fn is_door(&self) -> bool {
        self.name.starts_with("door ") && self.interfaces > 0
    }
}

impl Matrix {
    /// What the unknown cells depend on, each once, in order.
    #[must_use]
    pub fn depends_on(&self) -> BTreeSet<&str> {
        self.cells.iter().flatten().flat_map(|cell| &cell.depends_on).map(String::as_str).collect()
    }
}
