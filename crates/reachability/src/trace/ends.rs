//! What people call things.

use std::collections::BTreeMap;
use std::net::IpAddr;

use estate::SmolStr;

use crate::model::{HostId, InterfaceId, Network, OfficeId, Role};

/// One end of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// As it was written.
    pub text: String,
    /// What it is.
    pub subject: Subject,
}

/// What an end is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// Anybody outside.
    Internet,
    /// One address, private or public.
    Address(IpAddr),
    /// One of these interfaces: a host, a workload, an environment.
    Interfaces(Vec<InterfaceId>),
    /// A network beyond a VPN.
    Office(OfficeId),
}

/// A name that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mistake {
    /// It names nothing; the nearest name, where one is near.
    Nothing {
        /// The nearest name.
        nearest: Option<String>,
        /// Some names of workloads and stores, to begin with.
        some: Vec<String>,
    },
    /// It names several things: their ids, by which they can be told apart.
    Several {
        /// Their ids.
        candidates: Vec<String>,
    },
    /// It is a block of addresses, not one.
    Block,
}

/// Every name there is.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// What names exactly one thing by AWS's or CloudFormation's id, or `stack/id`.
    exact: BTreeMap<SmolStr, Vec<Meant>>,
    /// Groups of things: environments, workloads, tiers, units, VPCs.
    groups: BTreeMap<SmolStr, Vec<HostId>>,
    interfaces: Vec<Vec<InterfaceId>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meant {
    Host(HostId),
    Interface(InterfaceId),
    Office(OfficeId),
}

impl Names {
    pub fn of(network: &Network) -> Self {
        let mut names = Self { interfaces: vec![Vec::new(); network.hosts.len()], ..Self::default() };
        for (at, interface) in network.interfaces.iter().enumerate() {
            let id = InterfaceId::from_position(at);
            if let Some(of_host) = names.interfaces.get_mut(interface.host.at()) {
                of_host.push(id);
            }
            if matches!(interface.role, Role::Host | Role::Balancer(_) | Role::Endpoint(_) | Role::Nat(_)) {
                names.add(&interface.name.id, Meant::Interface(id));
            }
        }
        for (at, host) in network.hosts.iter().enumerate() {
            let id = HostId::from_position(at);
            let Some(first) = names.interfaces.get(at).and_then(|all| all.first()).copied() else { continue };
            names.add(&host.name.label, Meant::Host(id));
            names.add(&host.name.id, Meant::Host(id));
            let interface = network.interfaces.get(first.at());
            if matches!(interface.map(|interface| interface.role), Some(Role::Transit(_) | Role::Firewall(_)))
            {
                continue;
            }
            let subnet = interface.and_then(|interface| network.subnets.get(interface.subnet.at()));
            let vpc = subnet.and_then(|subnet| network.vpcs.get(subnet.vpc.at()));
            let vpc_environment = vpc.map(|vpc| vpc.environment.clone()).unwrap_or_default();
            let environment =
                if host.environment.is_empty() { vpc_environment } else { host.environment.clone() };
            names.group(&environment, "", id);
            names.group(&environment, &host.application, id);
            names.group(&host.application, "", id);
            if let Some(subnet) = subnet {
                names.group(&environment, &subnet.tier, id);
                names.group(&subnet.name.label, "", id);
                names.group(&subnet.name.id, "", id);
            }
            if let Some(vpc) = vpc {
                names.group(&vpc.unit, "", id);
                names.group(&vpc.name.label, "", id);
                names.group(&vpc.name.id, "", id);
            }
        }
        for (at, office) in network.offices.iter().enumerate() {
            names.add(&office.name.label, Meant::Office(OfficeId::from_position(at)));
            names.add(&office.name.id, Meant::Office(OfficeId::from_position(at)));
        }
        names
    }

    fn add(&mut self, name: &SmolStr, meant: Meant) {
        let all = self.exact.entry(name.clone()).or_default();
        if !name.is_empty() && !all.contains(&meant) {
            all.push(meant);
        }
    }

    /// A group by one name, or by `first/second`.
    fn group(&mut self, first: &SmolStr, second: &str, host: HostId) {
        if first.is_empty() {
            return;
        }
        let name =
            if second.is_empty() { first.clone() } else { smol_str::format_smolstr!("{first}/{second}") };
        let all = self.groups.entry(name).or_default();
        if !all.contains(&host) {
            all.push(host);
        }
    }

    pub fn end(&self, network: &Network, text: &str) -> Result<End, Mistake> {
        let text = text.trim();
        let made = |subject| Ok(End { text: text.to_owned(), subject });
        if text.eq_ignore_ascii_case("internet") {
            return made(Subject::Internet);
        }
        if let Ok(address) = text.parse() {
            return made(Subject::Address(address));
        }
        if text.parse::<ipnet::IpNet>().is_ok() {
            return Err(Mistake::Block);
        }
        if let Some(name) = text.strip_prefix("offices/") {
            return made(office(network, name)?);
        }
        if let Some(meant) = self.exact.get(text) {
            return made(self.one(network, meant)?);
        }
        if let Some(hosts) = self.groups.get(text) {
            let of_hosts = hosts.iter().filter_map(|host| self.interfaces.get(host.at()));
            return made(Subject::Interfaces(of_hosts.flatten().copied().collect()));
        }
        let all = self.exact.keys().chain(self.groups.keys()).map(SmolStr::as_str).chain(["internet"]);
        let nearest = diagnostics::suggest(text, all).map(str::to_owned);
        let parts = self.groups.keys().filter(|name| name.contains('/'));
        Err(Mistake::Nothing { nearest, some: parts.take(8).map(ToString::to_string).collect() })
    }

    fn one(&self, network: &Network, meant: &[Meant]) -> Result<Subject, Mistake> {
        // A host and its only interface have the same id in templates.
        let hosts: Vec<HostId> = meant
            .iter()
            .filter_map(|meant| match meant {
                Meant::Host(host) => Some(*host),
                Meant::Interface(id) => network.interfaces.get(id.at()).map(|interface| interface.host),
                Meant::Office(_) => None,
            })
            .collect();
        let offices: Vec<OfficeId> = meant
            .iter()
            .filter_map(|meant| if let Meant::Office(office) = meant { Some(*office) } else { None })
            .collect();
        if let ([Meant::Interface(id)], _) = (meant, ()) {
            return Ok(Subject::Interfaces(vec![*id]));
        }
        if let ([office], true) = (offices.as_slice(), hosts.is_empty() || offices.len() == 1) {
            return Ok(Subject::Office(*office));
        }
        match hosts.first() {
            Some(first) if hosts.iter().all(|host| host == first) => {
                let all = self.interfaces.get(first.at()).cloned().unwrap_or_default();
                Ok(Subject::Interfaces(all))
            }
            _ => {
                let mut candidates: Vec<String> = hosts
                    .iter()
                    .filter_map(|host| network.hosts.get(host.at()))
                    .map(|host| host.name.id.to_string())
                    .chain(
                        offices
                            .iter()
                            .filter_map(|office| network.offices.get(office.at()))
                            .map(|office| office.name.id.to_string()),
                    )
                    .collect();
                candidates.sort();
                candidates.dedup();
                Err(Mistake::Several { candidates })
            }
        }
    }
}

/// `offices/NAME`, as a blueprint's sentences name it: the office of that name, or the one whose link is called `…-NAME`.
fn office(network: &Network, name: &str) -> Result<Subject, Mistake> {
    let offices = || network.offices.iter().enumerate();
    let exact = offices().filter(|(_, office)| office.name.label == name || office.name.id == name);
    let mut found: Vec<usize> = exact.map(|(at, _)| at).collect();
    if found.is_empty() {
        let ending = format!("-{name}");
        found.extend(offices().filter(|(_, office)| office.name.label.ends_with(&ending)).map(|(at, _)| at));
    }
    match found.as_slice() {
        [at] => Ok(Subject::Office(OfficeId::from_position(*at))),
        [] => {
            let names = || network.offices.iter().map(|office| office.name.label.as_str());
            let nearest = diagnostics::suggest(name, names()).map(|near| format!("offices/{near}"));
            Err(Mistake::Nothing {
                nearest,
                some: names().take(8).map(|name| format!("offices/{name}")).collect(),
            })
        }
        several => {
            let ids = several.iter().filter_map(|at| network.offices.get(*at));
            Err(Mistake::Several { candidates: ids.map(|office| office.name.id.to_string()).collect() })
        }
    }
}
