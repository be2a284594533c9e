//! What remains when something is cut: containment after a breach.
//!
//! In: a network and what is cut, by name or by whose VPCs it joins to the rest. Out: [`Cuts`] for questions, and what still passes.
//! Always: a cut takes away ways and never makes one, so that what remains is found among what was there; endpoints to AWS's own
//! services stay, since evidence has to get out by them.

use std::collections::BTreeSet;

use super::{Ends, Flows, Mode, OwnerId, Place, Reach, choices};
use crate::engine::bdd::Set;
use crate::engine::packets::SOURCE;
use crate::model::{
    AttachmentId, AttachmentKind, EndpointKind, GatewayId, Network, OfficeId, PeeringId, Role, VpcId,
};

/// What is cut for a question.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cuts {
    /// Transit gateway attachments.
    pub attachments: BTreeSet<AttachmentId>,
    /// Peering connections.
    pub peerings: BTreeSet<PeeringId>,
    /// Internet, egress-only and virtual private gateways.
    pub gateways: BTreeSet<GatewayId>,
}

impl Cuts {
    /// Whether nothing is cut.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.attachments.is_empty() && self.peerings.is_empty() && self.gateways.is_empty()
    }

    /// Everything that joins some VPCs to others, to offices and to the internet.
    #[must_use]
    pub fn around(network: &Network, vpcs: &BTreeSet<VpcId>) -> Self {
        let among = |vpc: Option<VpcId>| vpc.is_some_and(|vpc| vpcs.contains(&vpc));
        let attachments = network.attachments.iter().enumerate().filter(|(_, attachment)| {
            matches!(attachment.kind, AttachmentKind::Vpc { vpc, .. } if vpcs.contains(&vpc))
        });
        let peerings = network.peerings.iter().enumerate();
        let peerings = peerings.filter(|(_, it)| among(it.requester) || among(it.accepter));
        let gateways = network.gateways.iter().enumerate().filter(|(_, gateway)| among(gateway.vpc));
        Self {
            attachments: attachments.map(|(at, _)| AttachmentId::from_position(at)).collect(),
            peerings: peerings.map(|(at, _)| PeeringId::from_position(at)).collect(),
            gateways: gateways.map(|(at, _)| GatewayId::from_position(at)).collect(),
        }
    }

    /// What a name stands for: an attachment, a peering or a gateway; all attachments of a transit gateway; the links of an office;
    /// all that joins a VPC, or the VPCs of an environment, a unit or an account, to the rest. `None`: nothing is called so.
    #[must_use]
    pub fn named(network: &Network, name: &str) -> Option<Self> {
        let called = |of: &crate::model::Name| of.label == name || of.id == name;
        let mut cuts = Self::default();
        for (at, attachment) in network.attachments.iter().enumerate() {
            let gateway = network.transit_gateways.get(attachment.gateway.at());
            let office = match attachment.kind {
                AttachmentKind::Office(office) => network.offices.get(office.at()).map(|it| &it.name),
                _ => None,
            };
            if called(&attachment.name)
                || gateway.is_some_and(|it| called(&it.name))
                || office.is_some_and(|of| is_office(of, name))
            {
                cuts.attachments.insert(AttachmentId::from_position(at));
            }
        }
        let peerings = network.peerings.iter().enumerate().filter(|(_, it)| called(&it.name));
        cuts.peerings.extend(peerings.map(|(at, _)| PeeringId::from_position(at)));
        for (at, gateway) in network.gateways.iter().enumerate() {
            let of_office = |office: &OfficeId| {
                network.offices.get(office.at()).is_some_and(|office| is_office(&office.name, name))
            };
            if called(&gateway.name) || gateway.offices.iter().any(of_office) {
                cuts.gateways.insert(GatewayId::from_position(at));
            }
        }
        if !cuts.is_empty() {
            return Some(cuts);
        }
        let vpcs = Self::vpcs(network, name);
        (!vpcs.is_empty()).then(|| Self::around(network, &vpcs))
    }

    /// The VPCs that a name stands for: one, or those of an environment, a unit or an account.
    #[must_use]
    pub fn vpcs(network: &Network, name: &str) -> BTreeSet<VpcId> {
        let vpcs = network.vpcs.iter().enumerate().filter(|(_, vpc)| {
            let names = [&vpc.name.label, &vpc.name.id, &vpc.environment, &vpc.unit, &vpc.name.account];
            names.iter().any(|of| *of == name)
        });
        vpcs.map(|(at, _)| VpcId::from_position(at)).collect()
    }

    /// Every name that [`Cuts::named`] knows, in order.
    #[must_use]
    pub fn names(network: &Network) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        for vpc in &network.vpcs {
            names.extend([&vpc.environment, &vpc.unit, &vpc.name.account, &vpc.name.label]);
        }
        names.extend(network.attachments.iter().map(|it| &it.name.label));
        names.extend(network.transit_gateways.iter().map(|it| &it.name.label));
        names.extend(network.peerings.iter().map(|it| &it.name.label));
        names.extend(network.gateways.iter().map(|it| &it.name.label));
        names.extend(network.offices.iter().map(|it| &it.name.label));
        names.into_iter().map(|name| name.as_str()).filter(|name| !name.is_empty()).collect()
    }

    /// More of them.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.attachments.extend(other.attachments);
        self.peerings.extend(other.peerings);
        self.gateways.extend(other.gateways);
        self
    }

    /// What is cut, in words, a few names each: `attachment Production, internet gateway Inbound`.
    #[must_use]
    pub fn says(&self, network: &Network) -> Vec<String> {
        let mut out = Vec::new();
        let attachments = self.attachments.iter().filter_map(|at| network.attachments.get(at.at()));
        out.extend(attachments.map(|it| format!("attachment {}", it.name.label)));
        let peerings = self.peerings.iter().filter_map(|at| network.peerings.get(at.at()));
        out.extend(peerings.map(|it| format!("peering {}", it.name.label)));
        let gateways = self.gateways.iter().filter_map(|at| network.gateways.get(at.at()));
        out.extend(gateways.map(|it| format!("gateway {}", it.name.label)));
        out
    }
}

/// An office by its name, or by `offices/NAME`.
fn is_office(of: &crate::model::Name, name: &str) -> bool {
    let name = name.strip_prefix("offices/").unwrap_or(name);
    of.label == name || of.id == name || of.label.strip_suffix(name).is_some_and(|rest| rest.ends_with('-'))
}

/// What still passes when the VPCs of some ends are cut off.
#[derive(Debug, Clone)]
pub struct Remains {
    /// From outside to the ends.
    pub inward: Flows,
    /// From the ends to outside.
    pub outward: Flows,
}

impl Reach<'_> {
    /// Hosts and load balancers that stand in some VPCs.
    #[must_use]
    pub fn within_vpcs(&self, vpcs: &BTreeSet<VpcId>) -> Ends {
        let here = |owner: &OwnerId| {
            let role = self.engine.role(*owner);
            matches!(role, Some(Role::Host | Role::Balancer(_)))
                && self.engine.place(*owner).is_some_and(|(_, vpc)| vpcs.contains(&vpc))
        };
        Ends { owners: self.ends(|_| true).owners().filter(here).collect() }
    }

    /// The VPCs that some ends stand in.
    #[must_use]
    pub fn vpcs_of(&self, ends: &Ends) -> BTreeSet<VpcId> {
        ends.owners().filter_map(|owner| self.engine.place(owner)).map(|(_, vpc)| vpc).collect()
    }

    /// What still passes between some ends and everything outside when all that joins `vpcs` to the rest is cut, answered or not.
    pub fn remains(&mut self, ends: &Ends, vpcs: &BTreeSet<VpcId>) -> Remains {
        let network = self.engine.network;
        let cuts = Cuts::around(network, vpcs).and(self.cuts.clone());
        let own: BTreeSet<OwnerId> = {
            // What serves the VPC itself belongs to it: its NAT gateways, and endpoints to services of AWS.
            let all = self.ends(|_| true);
            let served = all.owners().filter(|owner| {
                let within = self.engine.place(*owner).is_some_and(|(_, vpc)| vpcs.contains(&vpc));
                within && self.serves(*owner)
            });
            served.chain(ends.owners()).collect()
        };
        let inside = self.field(SOURCE, ends);
        let outside = self.engine.space.store.minus(Set::FULL, inside);
        let inward = self.after(
            &cuts,
            outside,
            &|place| matches!(place, Place::At(owner) if ends.owners.contains(&owner)),
        );
        let outward = self.after(&cuts, inside, &|place| match place {
            Place::At(owner) => !own.contains(&owner),
            Place::AtInternet | Place::AtOffice(_) | Place::Beyond => true,
            _ => false,
        });
        Remains { inward, outward }
    }

    /// Whether an end is a part of its VPC's own network.
    fn serves(&self, owner: OwnerId) -> bool {
        match self.engine.role(owner) {
            Some(Role::Endpoint(at)) => self.engine.network.endpoints.get(at.at()).is_some_and(|endpoint| {
                let of_aws = ["com.amazonaws.", "aws."].iter().any(|head| endpoint.service.starts_with(head));
                let private = matches!(endpoint.kind, EndpointKind::Interface { service: Some(_), .. });
                of_aws && !private && !endpoint.service.contains(".vpce-svc-")
            }),
            Some(Role::Host | Role::Balancer(_)) | None => false,
            Some(Role::Nat(_) | Role::Transit(_) | Role::Firewall(_)) => true,
        }
    }

    fn after(&mut self, cuts: &Cuts, sent: Set, arrives: &dyn Fn(Place) -> bool) -> Flows {
        let asked = |reach: &mut Self, mode, choice| {
            let mut question = reach.question(mode, sent);
            question.choice = choice;
            question.cut_attachments.clone_from(&cuts.attachments);
            question.cut_peerings.clone_from(&cuts.peerings);
            question.cut_gateways.clone_from(&cuts.gateways);
            let outcome = reach.engine.ask_one_way(&question);
            let arrived: Vec<Set> =
                outcome.there.places().filter(|(place, _)| arrives(*place)).map(|(_, set)| set).collect();
            reach.engine.space.store.any(&arrived)
        };
        let may = asked(self, Mode::May, 0);
        let mut must = may;
        for choice in 0..choices(self.engine.network) {
            if must.is_empty() {
                break;
            }
            let certain = asked(self, Mode::Must, choice);
            must = self.engine.space.store.and(must, certain);
        }
        self.answer(may, must)
    }
}
