//! From two ends to the flows that answer for them.

use std::net::IpAddr;

use super::{End, Question, Subject};
use crate::model::{Addresses, Certainty, HostId, InterfaceId, OfficeId, Placement, UnknownId};
use crate::simulate::{Addr, Flow, ICMP, ICMPV6, Simulator, Source, Verdict};

/// Pairs of ends that are looked at for one question.
const MOST_PAIRS: usize = 400;

/// Flows for one question.
pub(super) struct Flows {
    /// Pairs of ends; of each the places where they may stand, which have to agree; of each place the addresses that may
    /// be used, of which one is enough.
    pub groups: Vec<Vec<Vec<Flow>>>,
    pub total: usize,
    pub looked_at: usize,
    pub problem: Option<Problem>,
}

/// Why there is nothing to follow.
pub(super) struct Problem {
    pub verdict: Verdict,
    pub reason: String,
}

/// An end in one place.
#[derive(Clone)]
struct Place {
    host: Option<HostId>,
    source: Source,
    address: Addr,
    /// The public address behind it, for those who come from outside.
    public: Option<Addr>,
    assumed: Vec<UnknownId>,
}

/// The flows of a question.
pub(super) fn flows(simulator: &Simulator<'_>, question: &Question) -> Flows {
    let mut out = Flows { groups: Vec::new(), total: 0, looked_at: 0, problem: None };
    let from = match places(simulator, &question.from, true, question) {
        Ok(places) => places,
        Err(reason) => return Flows { problem: Some(reason), ..out },
    };
    let to = match places(simulator, &question.to, false, question) {
        Ok(places) => places,
        Err(reason) => return Flows { problem: Some(reason), ..out },
    };
    let (from, to) = (spread(simulator, from), spread(simulator, to));
    out.total = from.len() * to.len();
    for from in &from {
        for to in &to {
            if out.looked_at == MOST_PAIRS {
                return out;
            }
            out.looked_at += 1;
            let mut places = Vec::new();
            for from in from {
                for to in to {
                    places.push(addressed(from, to, question));
                }
            }
            places.retain(|flows: &Vec<Flow>| !flows.is_empty());
            if !places.is_empty() {
                out.groups.push(places);
            }
        }
    }
    out
}

/// Places that are one end wherever it stands, together; others each by itself.
fn spread(simulator: &Simulator<'_>, places: Vec<Place>) -> Vec<Vec<Place>> {
    let mut out: Vec<Vec<Place>> = Vec::new();
    for place in places {
        let placement = place.host.and_then(|host| simulator.network().hosts.get(host.at()));
        let together = placement.is_some_and(|host| host.placement != Placement::All);
        let same = out.iter_mut().find(|group| {
            together && group.first().is_some_and(|first| first.host.is_some() && first.host == place.host)
        });
        match same {
            Some(group) => group.push(place),
            None => out.push(vec![place]),
        }
    }
    out
}

/// The addresses that a source may use for a destination.
fn addressed(from: &Place, to: &Place, question: &Question) -> Vec<Flow> {
    let outside = matches!(from.source, Source::Internet);
    let addresses: Vec<Addr> = match (outside, to.public) {
        (true, Some(public)) => vec![public],
        (true, None) | (false, None) => vec![to.address],
        (false, Some(public)) => vec![to.address, public],
    };
    let flow = |destination: Addr| Flow {
        from: from.source,
        source: from.address,
        destination,
        protocol: if question.protocol == ICMP && destination.is_v6() { ICMPV6 } else { question.protocol },
        port: question.port,
        assumed: from.assumed.iter().chain(&to.assumed).copied().collect(),
    };
    addresses.into_iter().filter(|to| to.is_v6() == from.address.is_v6()).map(flow).collect()
}

fn places(
    simulator: &Simulator<'_>,
    end: &End,
    is_source: bool,
    question: &Question,
) -> Result<Vec<Place>, Problem> {
    match &end.subject {
        Subject::Internet => Ok(internet(simulator, is_source)),
        Subject::Address(ip) if is_source => sender(simulator, *ip),
        Subject::Address(ip) => Ok(vec![receiver(simulator, *ip)]),
        Subject::Interfaces(ids) => Ok(interfaces(simulator, ids, question)),
        Subject::Office(office) => Ok(office_places(simulator, *office)),
    }
}

fn internet(simulator: &Simulator<'_>, is_source: bool) -> Vec<Place> {
    let all = simulator.internet();
    let count = if is_source { all.len() } else { 1 };
    all.into_iter().take(count).map(|address| outside(Source::Internet, address)).collect()
}

fn outside(source: Source, address: Addr) -> Place {
    Place { host: None, source, address, public: None, assumed: Vec::new() }
}

/// Who sends from an address: an interface that has it, somebody in an office, somebody on the internet.
fn sender(simulator: &Simulator<'_>, ip: IpAddr) -> Result<Vec<Place>, Problem> {
    let mut found: Vec<InterfaceId> = simulator.with_private(ip).collect();
    if found.is_empty() {
        found.extend(simulator.with_public(ip));
    }
    if found.len() > 1 {
        let vpcs: Vec<&str> = found
            .iter()
            .filter_map(|id| simulator.network().interfaces.get(id.at()))
            .map(|interface| interface.name.id.as_str())
            .collect();
        let reason = format!("{ip} is the address of several interfaces: {}", vpcs.join(", "));
        return Err(Problem { verdict: Verdict::Unknown, reason });
    }
    if let Some(id) = found.first() {
        let mut place = of_interface(simulator, *id);
        let own = simulator.addresses_of(*id).iter().find(|own| own.is_exact() && own.ip == ip);
        place.address = own.copied().unwrap_or(place.address);
        return Ok(vec![place]);
    }
    for (at, office) in simulator.network().offices.iter().enumerate() {
        let (Addresses::Known(set) | Addresses::AtLeast(set, _)) = &office.networks;
        if set.contains(ip) {
            return Ok(vec![outside(Source::Office(OfficeId::from_position(at)), Addr::exact(ip))]);
        }
    }
    if Addr::exact(ip).is_routed() {
        return Ok(vec![outside(Source::Internet, Addr::exact(ip))]);
    }
    let reason = format!("no interface or office of the estate has the address {ip}");
    Err(Problem { verdict: Verdict::Unknown, reason })
}

/// An address to send to; the interface that has it, where there is exactly one.
fn receiver(simulator: &Simulator<'_>, ip: IpAddr) -> Place {
    let mut found = simulator.with_private(ip);
    let address = match (found.next(), found.next()) {
        (Some(id), None) => Addr::of_interface(ip, id),
        _ => Addr::exact(ip),
    };
    outside(Source::Internet, address)
}

fn interfaces(simulator: &Simulator<'_>, ids: &[InterfaceId], _: &Question) -> Vec<Place> {
    let mut out = Vec::new();
    for id in ids {
        let place = of_interface(simulator, *id);
        for address in simulator.addresses_of(*id) {
            let public = place.public.filter(|_| !address.is_v6());
            out.push(Place { address: *address, public, ..place.clone() });
        }
    }
    out
}

fn of_interface(simulator: &Simulator<'_>, id: InterfaceId) -> Place {
    let interface = simulator.network().interfaces.get(id.at());
    let first = simulator.addresses_of(id).first().copied();
    let assumed = match interface.map(|interface| interface.exists) {
        Some(Certainty::Maybe(unknown)) => vec![unknown],
        _ => Vec::new(),
    };
    Place {
        host: interface.map(|interface| interface.host),
        source: Source::Interface(id),
        address: first.unwrap_or(Addr::exact(IpAddr::from([0, 0, 0, 0]))),
        public: simulator.public_of(id).map(|(address, _)| address),
        assumed,
    }
}

fn office_places(simulator: &Simulator<'_>, office: OfficeId) -> Vec<Place> {
    let networks = simulator.network().offices.get(office.at()).map(|office| &office.networks);
    let Some(Addresses::Known(set) | Addresses::AtLeast(set, _)) = networks else { return Vec::new() };
    let source = Source::Office(office);
    let mut out: Vec<Place> = set.0.iter().map(|net| outside(source, Addr::exact(first_host(net)))).collect();
    if out.is_empty() {
        // Whatever BGP tells: an address of no known block.
        out.push(outside(source, Addr::exact(IpAddr::from([192, 168, 255, 10]))));
    }
    out
}

fn first_host(net: &ipnet::IpNet) -> IpAddr {
    net.hosts().nth(9).or_else(|| net.hosts().next()).unwrap_or(net.network())
}
