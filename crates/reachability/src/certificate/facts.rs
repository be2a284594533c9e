//! The network as the checker reads it: who has which addresses, and which of them a prefix may or must contain.
//!
//! In: a [`Network`]. Out: [`Facts`]. Always: an address of the checker's packets says whose it is; one that AWS will choose
//! is all addresses of its subnet; one of which nothing is known is a value of its own, which every prefix may contain and
//! only the widest must.

use std::net::IpAddr;

use ipnet::IpNet;

use super::End;
use super::sets::{Interval, Values};
use crate::model::{
    Address, Addresses, Certainty, GatewayKind, InterfaceId, IpSet, Network, OfficeId, SubnetId, VpcId,
};

const V4: u64 = 0;
const V6: u64 = 1;
/// Nothing is known of the address but its family.
const SOMEWHERE_V4: u64 = 2;
const SOMEWHERE_V6: u64 = 3;
/// Public, translated by an internet gateway.
const PUBLIC: u64 = 4;
const PUBLIC_SOMEWHERE: u64 = 5;

/// Not on the internet. Source: IANA IPv4 Special-Purpose Address Registry (RFC 6890); RFC 5771; RFC 1112.
const SPECIAL: [([u8; 4], u8); 9] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 168, 0, 0], 16),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

/// Whose address it is, as the higher bits of an interval's kind.
fn owner(end: End) -> u64 {
    match end {
        End::Internet(_) => 0,
        End::Office(office) => (1 << 40) | (u64::from(office.0) << 8),
        End::Interface(interface) => (2 << 40) | (u64::from(interface.0) << 8),
    }
}

/// First and last address of a prefix, and whether it is IPv6.
fn bounds(net: &IpNet) -> (bool, u128, u128) {
    let number = |address| match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    };
    (matches!(net, IpNet::V6(_)), number(net.network()), number(net.broadcast()))
}

fn is_special(net: &IpNet) -> bool {
    SPECIAL.iter().any(|(base, length)| {
        ipnet::Ipv4Net::new((*base).into(), *length).is_ok_and(|special| IpNet::V4(special).contains(net))
    })
}

pub(super) fn listed(addresses: &Addresses) -> &IpSet {
    match addresses {
        Addresses::Known(set) | Addresses::AtLeast(set, _) => set,
    }
}

/// An address of an end as an interval: exact, or a whole prefix.
pub(super) fn located(end: End, net: &IpNet, public: bool) -> Interval {
    let (v6, first, last) = bounds(net);
    let family = match (public, v6) {
        (true, _) => PUBLIC,
        (false, false) => V4,
        (false, true) => V6,
    };
    Interval { kind: owner(end) | family, first, last }
}

/// An address of which nothing is known; `at` counts the public ones of an interface.
pub(super) fn somewhere(end: End, v6: bool, public: Option<usize>) -> Interval {
    let family = match (public, v6) {
        (Some(_), _) => PUBLIC_SOMEWHERE,
        (None, false) => SOMEWHERE_V4,
        (None, true) => SOMEWHERE_V6,
    };
    let at = public.map_or(0, |at| at as u128);
    Interval { kind: owner(end) | family, first: at, last: at }
}

fn family(interval: &Interval) -> u64 {
    interval.kind & 0xff
}

pub(super) fn is_v6(interval: &Interval) -> bool {
    matches!(family(interval), V6 | SOMEWHERE_V6)
}

/// The addresses of one family.
pub(super) fn of_family(values: &Values, v6: bool) -> Values {
    Values::of(values.intervals().iter().filter(|one| is_v6(one) == v6).copied())
}

/// The addresses of which nothing is known.
pub(super) fn unlocated(values: &Values) -> Values {
    let nowhere = |one: &&Interval| matches!(family(one), SOMEWHERE_V4 | SOMEWHERE_V6);
    Values::of(values.intervals().iter().filter(nowhere).copied())
}

/// Of some addresses those that a prefix contains: perhaps, or where `sure` for certain.
pub(super) fn inside(values: &Values, net: &IpNet, sure: bool) -> Values {
    let (v6, first, last) = bounds(net);
    let fits = |one: &Interval| match family(one) {
        V4 | PUBLIC if !v6 => {
            Some(Interval { first: one.first.max(first), last: one.last.min(last), ..*one })
        }
        V6 if v6 => Some(Interval { first: one.first.max(first), last: one.last.min(last), ..*one }),
        SOMEWHERE_V4 if !v6 => (!sure || net.prefix_len() == 0).then_some(*one),
        PUBLIC_SOMEWHERE if !v6 => (net.prefix_len() == 0 || (!sure && !is_special(net))).then_some(*one),
        SOMEWHERE_V6 if v6 => (!sure || net.prefix_len() == 0).then_some(*one),
        _ => None,
    };
    Values::of(values.intervals().iter().filter_map(fits))
}

/// Of some addresses those that are among others.
pub(super) fn among(values: &Values, addresses: &Addresses, sure: bool) -> Values {
    if !sure && matches!(addresses, Addresses::AtLeast(..)) {
        return values.clone();
    }
    let all = listed(addresses).0.iter().flat_map(|net| inside(values, net, sure).intervals().to_vec());
    Values::of(all)
}

/// A public address and the private ones that may be behind it.
pub(super) struct Translation {
    pub public: Values,
    pub private: Values,
}

/// What the checker has looked up.
pub(super) struct Facts<'n> {
    pub network: &'n Network,
    pub own: Vec<Values>,
    pub interfaces_in: Vec<Vec<InterfaceId>>,
    pub in_subnet: Vec<Values>,
    pub in_vpc: Vec<Values>,
    pub subnets_of: Vec<Vec<SubnetId>>,
    pub translations: Vec<Vec<Translation>>,
    pub internet: Values,
    pub everybody: Values,
}

impl<'n> Facts<'n> {
    pub fn of(network: &'n Network) -> Self {
        let mut facts = Self {
            network,
            own: Vec::with_capacity(network.interfaces.len()),
            interfaces_in: vec![Vec::new(); network.subnets.len()],
            in_subnet: Vec::new(),
            in_vpc: Vec::new(),
            subnets_of: vec![Vec::new(); network.vpcs.len()],
            translations: network.vpcs.iter().map(|_| Vec::new()).collect(),
            internet: internet(network),
            everybody: Values::of([]),
        };
        let mut in_subnet: Vec<Vec<Interval>> = vec![Vec::new(); network.subnets.len()];
        let mut in_vpc: Vec<Vec<Interval>> = vec![Vec::new(); network.vpcs.len()];
        let mut everybody = facts.internet.intervals().to_vec();
        for (at, subnet) in network.subnets.iter().enumerate() {
            if let Some(list) = facts.subnets_of.get_mut(subnet.vpc.at()) {
                list.push(SubnetId::from_position(at));
            }
        }
        for (at, interface) in network.interfaces.iter().enumerate() {
            let id = InterfaceId::from_position(at);
            let each: Vec<Values> = interface
                .addresses
                .iter()
                .map(|address| facts.address(id, interface.subnet, *address))
                .collect();
            let own: Vec<Interval> = each.iter().flat_map(|one| one.intervals().to_vec()).collect();
            everybody.extend_from_slice(&own);
            let vpc = network.subnets.get(interface.subnet.at()).map(|subnet| subnet.vpc);
            if let Some(list) = facts.interfaces_in.get_mut(interface.subnet.at()) {
                list.push(id);
            }
            in_subnet
                .get_mut(interface.subnet.at())
                .into_iter()
                .for_each(|list| list.extend_from_slice(&own));
            let mut count = 0;
            for public in interface.public.iter().filter(|public| public.exists != Certainty::No) {
                let one = match public.public {
                    Some(address) => located(End::Interface(id), &IpNet::from(address), true),
                    None => {
                        count += 1;
                        somewhere(End::Interface(id), false, Some(count - 1))
                    }
                };
                everybody.push(one);
                let private = each.get(public.private).cloned();
                let list = vpc.and_then(|vpc| facts.translations.get_mut(vpc.at()));
                if let (Some(list), Some(private)) = (list, private) {
                    list.push(Translation { public: Values::of([one]), private });
                }
            }
            if let Some(list) = vpc.and_then(|vpc| in_vpc.get_mut(vpc.at())) {
                list.extend_from_slice(&own);
            }
            facts.own.push(Values::of(own));
        }
        for at in 0..network.offices.len() {
            everybody.extend_from_slice(facts.office(OfficeId::from_position(at)).intervals());
        }
        facts.in_subnet = in_subnet.into_iter().map(Values::of).collect();
        facts.in_vpc = in_vpc.into_iter().map(Values::of).collect();
        facts.everybody = Values::of(everybody);
        facts
    }

    fn address(&self, id: InterfaceId, subnet: SubnetId, address: Address) -> Values {
        let v6 = match address {
            Address::Known(one) => {
                return Values::of([located(End::Interface(id), &IpNet::from(one), false)]);
            }
            Address::WithinV4 => false,
            Address::WithinV6 => true,
        };
        let blocks = self.network.subnets.get(subnet.at()).map(|subnet| listed(&subnet.blocks));
        let fits = |net: &&IpNet| matches!(net, IpNet::V6(_)) == v6;
        let nets = blocks.into_iter().flat_map(|set| &set.0).filter(fits);
        let found = Values::of(nets.map(|net| located(End::Interface(id), net, false)));
        if found.is_empty() { Values::of([somewhere(End::Interface(id), v6, None)]) } else { found }
    }

    /// The addresses on an interface.
    pub fn own(&self, id: InterfaceId) -> Values {
        self.own.get(id.at()).cloned().unwrap_or_else(|| Values::of([]))
    }

    pub fn office(&self, id: OfficeId) -> Values {
        let Some(office) = self.network.offices.get(id.at()) else { return Values::of([]) };
        let nets = listed(&office.networks).0.iter().map(|net| located(End::Office(id), net, false));
        let open = matches!(office.networks, Addresses::AtLeast(..));
        Values::of(nets.chain(open.then(|| somewhere(End::Office(id), false, None))))
    }

    /// The addresses that an end sends from.
    pub fn sends_from(&self, end: End) -> Values {
        match end {
            End::Interface(id) => self.own(id),
            End::Internet(None) => self.internet.clone(),
            End::Internet(Some(net)) => inside(&self.internet, &net, false),
            End::Office(id) => self.office(id),
        }
    }

    /// The addresses that an end is asked at.
    pub fn asked_at(&self, end: End) -> Values {
        let End::Interface(id) = end else { return self.sends_from(end) };
        let mine = owner(end);
        let public = self.vpc_of(id).and_then(|vpc| self.translations.get(vpc.at()));
        let public = public.into_iter().flatten().flat_map(|one| one.public.intervals().to_vec());
        let public = public.filter(|one| one.kind & !0xff == mine);
        Values::of(self.own(id).intervals().iter().copied().chain(public))
    }

    pub fn vpc_of(&self, id: InterfaceId) -> Option<VpcId> {
        let subnet = self.network.interfaces.get(id.at())?.subnet;
        self.network.subnets.get(subnet.at()).map(|subnet| subnet.vpc)
    }

    pub fn subnet_of(&self, id: InterfaceId) -> Option<SubnetId> {
        self.network.interfaces.get(id.at()).map(|interface| interface.subnet)
    }

    /// The zone of a subnet; empty where nobody knows.
    pub fn zone(&self, subnet: SubnetId) -> estate::SmolStr {
        self.network.subnets.get(subnet.at()).map(|subnet| subnet.zone.clone()).unwrap_or_default()
    }

    pub fn zone_of(&self, id: InterfaceId) -> estate::SmolStr {
        self.subnet_of(id).map(|subnet| self.zone(subnet)).unwrap_or_default()
    }

    /// The internet gateway of a VPC.
    pub fn internet_gateway(&self, vpc: VpcId) -> Option<crate::model::GatewayId> {
        let is = |gateway: &crate::model::Gateway| {
            gateway.kind == GatewayKind::Internet && gateway.vpc == Some(vpc)
        };
        self.network.gateways.iter().rposition(is).map(crate::model::GatewayId::from_position)
    }
}

/// Addresses of the internet: public, and of nobody in the estate. IPv6: RFC 4291, 2.4.
fn internet(network: &Network) -> Values {
    let whole = |net: &IpNet| located(End::Internet(None), net, false);
    let parsed = ["0.0.0.0/0", "2000::/3"].iter().filter_map(|text| text.parse::<IpNet>().ok());
    let all = Values::of(parsed.map(|net| whole(&net)));
    let special =
        SPECIAL.iter().filter_map(|(base, length)| ipnet::Ipv4Net::new((*base).into(), *length).ok());
    let blocks = network.vpcs.iter().flat_map(|vpc| &listed(&vpc.blocks).0).map(whole);
    let public = network.interfaces.iter().flat_map(|interface| &interface.public);
    let public = public.filter_map(|public| public.public).map(|address| whole(&IpNet::from(address)));
    all.minus(&Values::of(special.map(|net| whole(&IpNet::V4(net))).chain(blocks).chain(public)))
}
