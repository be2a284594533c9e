//! Accounts that are alike are asked once.
//!
//! In: a network, and what questions ask of it. Out: a smaller network, and what an answer about one part of it says of parts that
//! were left out. Always: two environments are alike only when everything that the author says of the one is said of
//! the other in the same words; whoever is named in a sentence, or is tied to another by a flow, stands for itself.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};

use diagnostics::Span;
use estate::{SmolStr, StackId};
use indexmap::IndexMap;
use ipnet::IpNet;
use reachability::compress::{Compressed, Homes, Labels, compress_by};
use reachability::model::{Addresses, InterfaceId, Network, VpcId};

use super::speech::Speech;
use crate::intent::{Intended, Intent, Party};

/// A resource by its stack and its logical id.
pub(crate) type Key = (StackId, SmolStr);

/// A resource that was left out.
#[derive(Debug, Clone)]
pub(super) struct Counterpart {
    /// The resource.
    pub key: Key,
    /// Where it is written.
    pub span: Span,
    /// Its VPC.
    pub vpc: VpcId,
    /// The VPC that was asked in its place.
    pub stays: VpcId,
}

/// An environment, and those that it stands for.
#[derive(Debug, Clone)]
pub(crate) struct Environment<'i> {
    /// Its name.
    pub name: &'i SmolStr,
    /// How many are alike, itself included.
    pub alike: usize,
    /// The second one of them that is still there.
    pub other: Option<&'i SmolStr>,
}

/// Who stands for whom.
#[derive(Debug)]
pub(crate) struct Alike<'n, 'i> {
    whole: &'n Network,
    small: Compressed,
    counterparts: HashMap<Key, Vec<Counterpart>>,
    gone: HashSet<Key>,
    /// What hosts that were left out are called, by their VPC and what the host is called that was asked in their place.
    labels: HashMap<(VpcId, &'n str), &'n str>,
    /// One of each kind of environment.
    pub environments: Vec<Environment<'i>>,
    /// Environments that were left out, with those that stay for them.
    stands: HashMap<&'i SmolStr, &'i SmolStr>,
}

impl<'n, 'i> Alike<'n, 'i> {
    /// Finds out who is alike.
    pub(super) fn of(whole: &'n Network, intent: Option<&'i Intent>, speech: &Speech) -> Self {
        let homes = Homes::of(whole);
        let labels = labels(whole, &homes, intent, speech);
        let small = compress_by(whole, homes.clone(), &labels);
        let mut counterparts: HashMap<Key, Vec<Counterpart>> = HashMap::new();
        let (mut gone, mut labels) = (HashSet::new(), HashMap::new());
        let key = |name: &reachability::model::Name| Some((name.stack?, name.id.clone()));
        for like in small.alike(whole) {
            labels.entry((like.gone_in, like.stays.label.as_str())).or_insert(like.gone.label.as_str());
            let (Some(stays), Some(left)) = (key(like.stays), key(like.gone)) else { continue };
            // One resource may be several parts: a database and its interfaces.
            if stays != left && gone.insert(left.clone()) {
                let span = like.gone.span;
                let counterpart = Counterpart { key: left, span, vpc: like.gone_in, stays: like.stays_in };
                counterparts.entry(stays).or_default().push(counterpart);
            }
        }
        gone.retain(|key| !counterparts.contains_key(key));
        let (environments, stands) = environments(whole, &small, intent);
        Self { whole, small, counterparts, gone, labels, environments, stands }
    }

    /// What is asked.
    pub(super) fn network(&self) -> &Network {
        &self.small.network
    }

    /// Whether a resource was left out: what is said of what remained of it says nothing.
    pub(super) fn is_gone(&self, key: &Key) -> bool {
        self.gone.contains(key)
    }

    /// Resources that a resource stands for, itself left out.
    pub(super) fn counterparts(&self, key: &Key) -> &[Counterpart] {
        self.counterparts.get(key).map_or(&[], Vec::as_slice)
    }

    /// What an end of the VPC that was asked is called in a VPC that it stands for.
    pub(super) fn label<'a>(&'a self, counterpart: &Counterpart, label: &'a str) -> &'a str {
        self.labels.get(&(counterpart.vpc, label)).copied().unwrap_or(label)
    }

    /// Whether an interface belongs to the VPC that was asked.
    pub(super) fn belongs(&self, counterpart: &Counterpart, interface: InterfaceId) -> bool {
        self.small.homes.of_interface(interface) == Some(counterpart.stays)
    }

    /// An address of the VPC that was asked, in a VPC that it stands for.
    pub(super) fn address(&self, counterpart: &Counterpart, address: IpAddr) -> IpAddr {
        let block = |vpc: VpcId| match &self.whole.vpcs.get(vpc.at())?.blocks {
            Addresses::Known(set) => set.0.first().copied(),
            Addresses::AtLeast(..) => None,
        };
        match (address, block(counterpart.stays), block(counterpart.vpc)) {
            (IpAddr::V4(at), Some(IpNet::V4(from)), Some(IpNet::V4(to))) if from.contains(&at) => {
                let offset = u32::from(at) - u32::from(from.network());
                Ipv4Addr::from(u32::from(to.network()).wrapping_add(offset)).into()
            }
            _ => address,
        }
    }

    /// The party that is asked in the place of one; `None`: itself.
    pub(crate) fn stand_in(&self, party: &Party) -> Option<Party> {
        match party {
            Party::Environment(name) => self.stands.get(name).map(|name| Party::Environment((*name).clone())),
            Party::Application(Some(environment), name) => self
                .stands
                .get(environment)
                .map(|environment| Party::Application(Some((*environment).clone()), name.clone())),
            _ => None,
        }
    }
}

/// The environment that a party names.
fn environment(party: &Party) -> Option<&SmolStr> {
    match party {
        Party::Environment(name) | Party::Application(Some(name), _) => Some(name),
        _ => None,
    }
}

/// What is asked of environments and accounts.
struct Asked<'i> {
    /// What is said of each environment; of those that stand for themselves, their name.
    roles: HashMap<&'i str, String>,
    /// Accounts that are named.
    accounts: HashSet<&'i str>,
    /// Lists of accounts that are named.
    lists: Vec<HashSet<&'i str>>,
}

impl<'i> Asked<'i> {
    fn of(network: &'i Network, homes: &Homes, intent: &'i Intent) -> Self {
        let flows = || intent.approved.iter().map(|flow| ("approved", flow));
        let flows = || flows().chain(intent.needed.iter().map(|flow| ("needed", flow)));
        let claims = || {
            intent
                .claims
                .iter()
                .flat_map(|claim| [Some(&claim.who), Some(&claim.what), claim.through.as_ref()])
        };
        let mut named: HashSet<&str> =
            claims().flatten().filter_map(environment).map(SmolStr::as_str).collect();
        for (_, flow) in flows() {
            if let (Some(from), Some(to)) = (environment(&flow.from), environment(&flow.to))
                && from != to
            {
                named.extend([from.as_str(), to.as_str()]);
            }
        }
        // A host of one environment in a VPC of another ties the two.
        for (at, interface) in network.interfaces.iter().enumerate() {
            let vpc = homes.of_interface(InterfaceId::from_position(at));
            let vpc = vpc.and_then(|vpc| network.vpcs.get(vpc.at()));
            let host = network.hosts.get(interface.host.at());
            if let (Some(vpc), Some(host)) = (vpc, host)
                && !host.environment.is_empty()
                && host.environment != vpc.environment
            {
                named.extend([host.environment.as_str(), vpc.environment.as_str()]);
            }
        }
        let mut said: HashMap<&str, BTreeSet<String>> = HashMap::new();
        for (kind, flow) in flows() {
            for name in [&flow.from, &flow.to].into_iter().filter_map(environment) {
                said.entry(name.as_str()).or_default().insert(format!("{kind} {}", seen_from(flow, name)));
            }
        }
        let listed: HashSet<&str> = intent.environments.iter().map(SmolStr::as_str).collect();
        let tiers = [&intent.production, &intent.sandbox];
        let tier = |name: &str| tiers.map(|names| names.iter().any(|one| one == name));
        let mut roles = HashMap::new();
        for name in network
            .vpcs
            .iter()
            .map(|vpc| &vpc.environment)
            .chain(network.hosts.iter().map(|host| &host.environment))
        {
            let name = name.as_str();
            roles.entry(name).or_insert_with(|| {
                if named.contains(name) || name.is_empty() {
                    format!("named {name:?}")
                } else {
                    format!("{} {:?} {:?}", listed.contains(name), tier(name), said.get(name))
                }
            });
        }
        let parties =
            || flows().flat_map(|(_, flow)| [Some(&flow.from), Some(&flow.to)]).chain(claims()).flatten();
        let accounts = parties().filter_map(|party| match party {
            Party::Account(name) => Some(name.as_str()),
            _ => None,
        });
        let mut lists: IndexMap<&str, HashSet<&str>> = IndexMap::new();
        for party in parties() {
            if let Party::Accounts(unit, names) = party {
                lists.entry(unit).or_insert_with(|| names.iter().map(SmolStr::as_str).collect());
            }
        }
        Self { roles, accounts: accounts.collect(), lists: lists.into_values().collect() }
    }

    fn role(&self, environment: &str) -> &str {
        self.roles.get(environment).map_or("", String::as_str)
    }
}

/// A flow in words, with one environment as "this one".
fn seen_from(flow: &Intended, this: &SmolStr) -> String {
    let party = |party: &Party| match party {
        Party::Environment(name) if name == this => "this".to_owned(),
        Party::Application(Some(name), application) if name == this => format!("this/{application}"),
        other => format!("{other:?}"),
    };
    format!("{} {} {:?}", party(&flow.from), party(&flow.to), flow.ports)
}

/// The names by which questions tell VPCs and hosts apart.
fn labels<'a>(
    network: &'a Network,
    homes: &Homes,
    intent: Option<&'a Intent>,
    speech: &'a Speech,
) -> Labels<'a> {
    let Some(intent) = intent else {
        // Nobody asks for an environment by its name.
        let vpc = |id: VpcId| network.vpcs.get(id.at()).map_or_else(String::new, |vpc| vpc.unit.to_string());
        return Labels {
            vpc: Box::new(vpc),
            host: Box::new(|id| speech.label(id)),
            together: Box::new(|_| None),
        };
    };
    let asked = std::rc::Rc::new(Asked::of(network, homes, intent));
    let of_hosts = std::rc::Rc::clone(&asked);
    let vpc = move |id: VpcId| {
        let Some(vpc) = network.vpcs.get(id.at()) else { return String::new() };
        let account = vpc.name.account.as_str();
        let named = asked.accounts.contains(account).then_some(account);
        let lists: Vec<bool> = asked.lists.iter().map(|list| list.contains(account)).collect();
        format!("{} {:?} {named:?} {lists:?}", asked.role(&vpc.environment), vpc.unit)
    };
    let host = move |id: reachability::model::HostId| {
        let role = network.hosts.get(id.at()).map_or("", |host| of_hosts.role(&host.environment));
        format!("{role} {}", speech.label(id))
    };
    let together = |id: VpcId| {
        let environment = &network.vpcs.get(id.at())?.environment;
        (!environment.is_empty()).then(|| environment.clone())
    };
    Labels { vpc: Box::new(vpc), host: Box::new(host), together: Box::new(together) }
}

/// One environment of each kind, and who stays for those that are left out.
fn environments<'i>(
    network: &Network,
    small: &Compressed,
    intent: Option<&'i Intent>,
) -> (Vec<Environment<'i>>, HashMap<&'i SmolStr, &'i SmolStr>) {
    let mut first: HashMap<&str, VpcId> = HashMap::new();
    for (at, vpc) in network.vpcs.iter().enumerate() {
        first.entry(vpc.environment.as_str()).or_insert(VpcId::from_position(at));
    }
    // How many there are of each kind, and which of them are still there.
    let mut kinds: IndexMap<Result<usize, &SmolStr>, (usize, Vec<&'i SmolStr>)> = IndexMap::new();
    let mut left_out = Vec::new();
    for name in intent.iter().flat_map(|intent| &intent.environments) {
        let vpc = first.get(name.as_str()).copied();
        let kind = vpc.and_then(|vpc| small.class(vpc)).ok_or(name);
        let (count, stays) = kinds.entry(kind).or_default();
        *count += 1;
        if vpc.is_some_and(|vpc| small.stays(vpc) != vpc) {
            left_out.push((name, kind));
        } else {
            stays.push(name);
        }
    }
    let stays = |kind| kinds.get(kind).and_then(|(_, stays)| stays.first().copied());
    let stands = left_out.iter().filter_map(|(name, kind)| Some((*name, stays(kind)?))).collect();
    let environments = kinds.values().filter_map(|(alike, stays)| {
        Some(Environment { name: stays.first().copied()?, alike: *alike, other: stays.get(1).copied() })
    });
    (environments.collect(), stands)
}
