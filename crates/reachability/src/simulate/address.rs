//! Addresses, exact or standing for what AWS will give, and whether they are in sets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::{Doubt, Verdict};
use crate::model::{Addresses, Interface, InterfaceId, IpSet, Network};

/// An address of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addr {
    /// The address, or one that stands for it.
    pub ip: IpAddr,
    /// Where it is not known: somewhere in this block.
    pub within: Option<IpNet>,
    /// The interface whose address this is; of a public address the one behind it.
    pub interface: Option<InterfaceId>,
    /// Whether it is the public address of that interface.
    pub is_public: bool,
    /// Whether it stands for an internet address that nothing names.
    pub is_elsewhere: bool,
}

impl Addr {
    /// An address of nobody's.
    #[must_use]
    pub fn exact(ip: IpAddr) -> Self {
        Self { ip, within: None, interface: None, is_public: false, is_elsewhere: false }
    }

    /// An internet address that no list names.
    #[must_use]
    pub fn elsewhere(ip: IpAddr) -> Self {
        Self { is_elsewhere: true, ..Self::exact(ip) }
    }

    /// A private address of an interface.
    #[must_use]
    pub fn of_interface(ip: IpAddr, interface: InterfaceId) -> Self {
        Self { interface: Some(interface), ..Self::exact(ip) }
    }

    /// The public address of an interface; where AWS has not given one, any.
    #[must_use]
    pub fn public(ip: Option<IpAddr>, interface: InterfaceId, _private: usize) -> Self {
        let any: IpNet = ipnet::Ipv4Net::default().into();
        let within = if ip.is_some() { None } else { Some(any) };
        let ip = ip.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        Self { ip, within, interface: Some(interface), is_public: true, is_elsewhere: false }
    }

    /// What stands for the address that AWS will give an interface.
    pub(super) fn stand_in(
        id: InterfaceId,
        index: usize,
        v6: bool,
        blocks: Option<&Addresses>,
        _: &Interface,
    ) -> Self {
        let known = match blocks {
            Some(Addresses::Known(set) | Addresses::AtLeast(set, _)) => Some(set),
            None => None,
        };
        let block = known.and_then(|set| set.0.iter().find(|net| matches!(net, IpNet::V6(_)) == v6)).copied();
        let any =
            if v6 { IpNet::V6(ipnet::Ipv6Net::default()) } else { IpNet::V4(ipnet::Ipv4Net::default()) };
        let within = block.unwrap_or(any);
        let offset = id.0.wrapping_mul(4).wrapping_add(u32::try_from(index).unwrap_or(0)).wrapping_add(4);
        let ip = match within.network() {
            IpAddr::V4(base) => IpAddr::V4(Ipv4Addr::from_bits(base.to_bits().wrapping_add(offset & 0xff))),
            IpAddr::V6(base) => {
                IpAddr::V6(Ipv6Addr::from_bits(base.to_bits().wrapping_add(u128::from(offset))))
            }
        };
        Self { ip, within: Some(within), interface: Some(id), is_public: false, is_elsewhere: false }
    }

    /// Whether the address is known.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.within.is_none()
    }

    /// Whether both are the same address: of the same interface, or equal.
    pub(super) fn is(&self, other: &Self) -> bool {
        match (self.within, other.within) {
            (None, None) => self.ip == other.ip,
            _ => {
                self.interface.is_some()
                    && self.interface == other.interface
                    && self.is_public == other.is_public
            }
        }
    }

    /// IPv6.
    #[must_use]
    pub fn is_v6(&self) -> bool {
        matches!(self.ip, IpAddr::V6(_))
    }

    /// Whether the internet routes the address itself.
    #[must_use]
    pub fn is_routed(&self) -> bool {
        self.is_on_internet()
    }

    /// Whether the internet routes it: a public address, known or not.
    pub(super) fn is_on_internet(&self) -> bool {
        self.is_public || self.is_elsewhere || (self.is_exact() && is_public(self.ip))
    }

    /// Whether it is in a block.
    pub(super) fn in_block(&self, net: &IpNet) -> (Verdict, Option<Doubt>) {
        match self.within {
            None if net.contains(&self.ip) => (Verdict::Reachable, None),
            None => (Verdict::Unreachable, None),
            Some(within) if net.contains(&within) => (Verdict::Reachable, None),
            Some(within) if within.contains(net) => (Verdict::Unknown, Some(self.doubt())),
            Some(_) => (Verdict::Unreachable, None),
        }
    }

    /// Whether it is in a set.
    pub(super) fn in_set(&self, network: &Network, addresses: &Addresses) -> (Verdict, Option<Doubt>) {
        let (set, unknown) = match addresses {
            Addresses::Known(set) => (set, None),
            Addresses::AtLeast(set, id) => (set, Some(*id)),
        };
        match self.in_known(set) {
            (Verdict::Unreachable, _) => match unknown {
                None => (Verdict::Unreachable, None),
                Some(id) => {
                    let public = network.unknowns.get(id.at()).is_some_and(|unknown| unknown.is_public);
                    if public && (!self.is_on_internet() || self.is_elsewhere) {
                        return (Verdict::Unreachable, None);
                    }
                    (Verdict::Unknown, Some(Doubt::Unknown(id)))
                }
            },
            other => other,
        }
    }

    fn in_known(&self, set: &IpSet) -> (Verdict, Option<Doubt>) {
        let mut best = (Verdict::Unreachable, None);
        for net in &set.0 {
            match self.in_block(net) {
                (Verdict::Reachable, _) => return (Verdict::Reachable, None),
                (Verdict::Unknown, doubt) => best = (Verdict::Unknown, doubt),
                (Verdict::Unreachable, _) => {}
            }
        }
        best
    }

    fn doubt(&self) -> Doubt {
        Doubt::Choice(match self.within {
            Some(within) if within.prefix_len() > 0 => format!("which address of {within} AWS gives"),
            _ if self.is_public => "which public address AWS gives".to_owned(),
            _ => "the addresses of a subnet that are not known".to_owned(),
        })
    }
}

/// Whether an address is routed on the internet.
/// Source: IANA IPv4 and IPv6 Special-Purpose Address Registries.
pub(super) fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let bits = ip.to_bits();
            let shared = bits >> 22 == 0x6440_0000 >> 22;
            let reserved = bits >> 28 >= 0xe || bits >> 24 == 0;
            !(ip.is_private() || ip.is_loopback() || ip.is_link_local() || shared || reserved)
        }
        IpAddr::V6(ip) => ip.to_bits() >> 125 == 1,
    }
}

impl std::fmt::Display for Addr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.within {
            None => write!(f, "{}", self.ip),
            Some(within) if within.prefix_len() > 0 => write!(f, "any of {within}"),
            Some(_) => f.write_str("an address AWS gives"),
        }
    }
}
