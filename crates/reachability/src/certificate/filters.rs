//! What security groups and network ACLs let through, as the checker reads them: every unknown lets through.
//!
//! In: packets at a filter. Out: those of them that may pass. Source: Amazon VPC User Guide, "Security group rules",
//! "Network ACL rules"; Amazon VPC Peering Guide, "Update your security groups to reference peer security groups"; AWS
//! Transit Gateway Guide, "Security group referencing".

use super::facts::{self, Facts};
use super::sets::{Field, Packets, Values};
use crate::model::{
    AttachmentKind, Certainty, GroupId, GroupRule, Groups, InterfaceId, Peer, PortRange, Protocols, Services,
    SubnetId, VpcId,
};

pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const ICMP: u8 = 1;
pub(super) const ICMPV6: u8 = 58;

/// Which way a packet goes; answers are described by the flow they answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    There,
    Back,
}

impl Way {
    /// Where it goes.
    pub fn to(self) -> Field {
        if self == Self::There { Field::To } else { Field::From }
    }

    /// Where it comes from.
    pub fn from(self) -> Field {
        if self == Self::There { Field::From } else { Field::To }
    }
}

pub(super) fn ports(range: PortRange) -> Values {
    Values::numbers(range.first.into(), range.last.into())
}

pub(super) fn protocol(number: u8) -> Values {
    Values::numbers(number.into(), number.into())
}

/// Of some packets those that a service describes: perhaps, or where `sure` for certain.
fn service(set: &Packets, services: &Services, way: Way, sure: bool) -> Packets {
    let number = match services.protocols {
        Protocols::All => return set.clone(),
        Protocols::Unknown(_) if sure => return Packets::default(),
        Protocols::Unknown(_) => return set.clone(),
        Protocols::One(number) => number,
    };
    let set = set.among(Field::Protocol, &protocol(number));
    if services.unknown.is_some() {
        return if sure { Packets::default() } else { set };
    }
    match (number, way) {
        (TCP | UDP, Way::There) => set.among(Field::Port, &ports(services.ports)),
        (TCP | UDP, Way::Back) => set.among(Field::SourcePort, &ports(services.ports)),
        (ICMP | ICMPV6, Way::There) => {
            set.among(Field::Port, &ports(services.ports)).among(Field::SourcePort, &ports(services.codes))
        }
        // Echo replies: type 0 (RFC 792) and 129 (RFC 4443), code 0.
        (ICMP, Way::Back) if services.ports.contains(0) && services.codes.contains(0) => set,
        (ICMPV6, Way::Back) if services.ports.contains(129) && services.codes.contains(0) => set,
        (ICMP | ICMPV6, Way::Back) => Packets::default(),
        _ => set,
    }
}

/// Of some packets those with a field among addresses.
pub(super) fn addressed(set: &Packets, field: Field, of: &crate::model::Addresses, sure: bool) -> Packets {
    let fits = |cube: &super::sets::Cube| {
        let values = facts::among(cube.get(field), of, sure);
        (!values.is_empty()).then(|| cube.with(field, values))
    };
    Packets(set.0.iter().filter_map(fits).collect())
}

impl Facts<'_> {
    /// What passes one side of an interface's groups on the way there.
    pub fn groups(&self, id: InterfaceId, ingress: bool, references: bool, set: &Packets) -> Packets {
        let Some(interface) = self.network.interfaces.get(id.at()) else { return set.clone() };
        let list = match &interface.groups {
            Groups::AndUnknown(..) => return set.clone(),
            Groups::Known(list) if list.is_empty() => return set.clone(),
            Groups::Known(list) => list,
        };
        let groups: Vec<_> = list.iter().filter_map(|id| self.network.groups.get(id.at())).collect();
        if groups.iter().any(|group| group.unknown.is_some()) {
            return set.clone();
        }
        let field = if ingress { Field::From } else { Field::To };
        let mut out = Packets::default();
        for group in groups {
            let rules = if ingress { &group.ingress } else { &group.egress };
            for rule in rules.iter().filter(|rule| rule.exists != Certainty::No) {
                out = out.or(self.rule(set, field, group.vpc, rule, references));
            }
        }
        out
    }

    fn rule(
        &self,
        set: &Packets,
        field: Field,
        vpc: Option<VpcId>,
        rule: &GroupRule,
        references: bool,
    ) -> Packets {
        let matched = service(set, &rule.services, Way::There, false);
        if matched.is_empty() {
            return matched;
        }
        match &rule.peer {
            Peer::Addresses(addresses) => addressed(&matched, field, addresses, false),
            Peer::Group(_) if !references => Packets::default(),
            Peer::Group(group) => matched.among(field, &self.members(vpc, *group)),
        }
    }

    /// The private addresses that a group's name may stand for in a rule of a group in a VPC.
    fn members(&self, vpc: Option<VpcId>, group: GroupId) -> Values {
        let mut out = Vec::new();
        for (at, interface) in self.network.interfaces.iter().enumerate() {
            let is = match &interface.groups {
                Groups::Known(list) => list.contains(&group),
                Groups::AndUnknown(..) => true,
            };
            let id = InterfaceId::from_position(at);
            if is && self.may_name(vpc, self.vpc_of(id)) {
                out.extend_from_slice(self.own(id).intervals());
            }
        }
        Values::of(out)
    }

    /// Whether rules in one VPC may name groups of another.
    fn may_name(&self, from: Option<VpcId>, to: Option<VpcId>) -> bool {
        let (Some(from), Some(to)) = (from, to) else { return true };
        if from == to {
            return true;
        }
        let region = |vpc: VpcId| self.network.vpcs.get(vpc.at()).map(|vpc| &vpc.name.region);
        let peered = self.network.peerings.iter().any(|peering| {
            let ends = (peering.requester, peering.accepter);
            peering.active != Certainty::No
                && (ends == (Some(from), Some(to)) || ends == (Some(to), Some(from)))
        });
        if peered && region(from) == region(to) {
            return true;
        }
        let attached = |gateway: usize, vpc: VpcId| {
            self.network.attachments.iter().any(|one| {
                one.gateway.at() == gateway
                    && matches!(one.kind, AttachmentKind::Vpc { vpc: of, .. } if of == vpc)
            })
        };
        self.network.transit_gateways.iter().enumerate().any(|(at, gateway)| {
            gateway.group_referencing != Certainty::No && attached(at, from) && attached(at, to)
        })
    }

    /// What passes one side of a subnet's network ACL: the first entry that certainly matches decides.
    pub fn acl(&self, subnet: SubnetId, ingress: bool, way: Way, set: &Packets) -> Packets {
        let id = self.network.subnets.get(subnet.at()).and_then(|subnet| subnet.acl);
        let Some(acl) = id.and_then(|id| self.network.acls.get(id.at())) else { return set.clone() };
        if acl.unknown.is_some() {
            return set.clone();
        }
        let (entries, field) = if ingress { (&acl.ingress, way.from()) } else { (&acl.egress, way.to()) };
        let (mut left, mut out) = (set.clone(), Packets::default());
        for entry in entries.iter().filter(|entry| entry.exists != Certainty::No) {
            let matched = |sure: bool| {
                let fits = service(&left, &entry.services, way, sure);
                addressed(&fits, field, &entry.addresses, sure)
            };
            if entry.allows != Certainty::No {
                out = out.or(matched(false));
            }
            if entry.exists == Certainty::Yes && !matches!(entry.allows, Certainty::Maybe(_)) {
                left = left.minus(&matched(true));
            }
        }
        out
    }
}
