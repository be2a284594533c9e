//! From resources to the network that they make.
//!
//! In: an [`Estate`], whoever wrote it: a design, somebody's templates, what AWS describes. Out: its [`Network`]. Always:
//! a property that cannot be known becomes a named unknown or a [`Certainty::Maybe`], never a guess; a resource type that
//! could carry packets and is not modelled is an unknown in the network; arenas are filled in the estate's order, so
//! equal estates make equal networks. One file for each family of resources.

mod acls;
mod balancers;
mod carriers;
mod edges;
mod endpoints;
mod firewall;
mod firewalls;
mod gateways;
mod groups;
mod instances;
mod offices;
mod read;
mod routes;
mod services;
mod transit;
mod vpcs;

use std::collections::HashMap;

use diagnostics::Span;
use estate::{Estate, Index, ResourceRef, SmolStr, StackId};

use crate::model::{
    AclId, AttachmentId, BalancerId, Certainty, EndpointId, FirewallId, GatewayId, GroupId, HostId,
    InterfaceId, NatId, Network, OfficeId, PeeringId, RouteTableId, SubnetId, TargetGroup, TransitGatewayId,
    TransitTableId, Unknown, UnknownId, VpcId,
};

/// A resource by its stack and logical id.
type Key = (StackId, SmolStr);

/// Work in progress: what has been found of the network, and which resource became what.
struct Extraction<'a> {
    estate: &'a Estate,
    index: Index<'a>,
    network: Network,
    /// Resources of describe output by the id that AWS gave them, which others name as plain text.
    by_aws_id: HashMap<&'a str, ResourceRef<'a>>,
    unknowns: HashMap<(String, Span), UnknownId>,
    made: Made,
}

/// Which resource became what.
#[derive(Default)]
struct Made {
    vpcs: HashMap<Key, VpcId>,
    subnets: HashMap<Key, SubnetId>,
    groups: HashMap<Key, GroupId>,
    acls: HashMap<Key, AclId>,
    tables: HashMap<Key, RouteTableId>,
    gateways: HashMap<Key, GatewayId>,
    nats: HashMap<Key, NatId>,
    peerings: HashMap<Key, PeeringId>,
    transit_gateways: HashMap<Key, TransitGatewayId>,
    attachments: HashMap<Key, AttachmentId>,
    transit_tables: HashMap<Key, TransitTableId>,
    offices: HashMap<Key, OfficeId>,
    endpoints: HashMap<Key, EndpointId>,
    balancers: HashMap<Key, BalancerId>,
    firewalls: HashMap<Key, FirewallId>,
    /// Endpoints that are resources of their own: their firewall and subnet.
    firewall_associations: HashMap<Key, (FirewallId, SubnetId)>,
    interfaces: HashMap<Key, InterfaceId>,
    hosts: HashMap<Key, HostId>,
    /// Target groups with their targets, until listeners take copies.
    target_groups: HashMap<Key, TargetGroup>,
    /// The default group of a VPC, where something uses it.
    default_groups: HashMap<VpcId, GroupId>,
    /// What stands for VPCs, subnets and groups that are named but not part of the estate, by that name.
    outside_vpcs: HashMap<String, VpcId>,
    outside_subnets: HashMap<String, SubnetId>,
    outside_groups: HashMap<String, GroupId>,
    /// The resource that a subnet was made from, by position.
    subnet_resources: Vec<Option<Key>>,
    /// Interfaces by host, as they were added.
    of_host: HashMap<HostId, Vec<InterfaceId>>,
    /// Attachments of VPCs by gateway and VPC.
    attached: HashMap<(TransitGatewayId, VpcId), AttachmentId>,
}

impl Network {
    /// The network of an estate.
    #[must_use]
    pub fn of(estate: &Estate) -> Self {
        let index = Index::new(estate);
        let observed = index.all().filter(|found| found.resource.attributes.contains_key(read::OBSERVED));
        let by_aws_id = observed.map(|found| (found.id.as_str(), found)).collect();
        let mut extraction = Extraction {
            estate,
            index,
            network: Self::default(),
            by_aws_id,
            unknowns: HashMap::new(),
            made: Made::default(),
        };
        extraction.run();
        extraction.network
    }
}

impl<'a> Extraction<'a> {
    /// Families in the order in which they refer to each other.
    fn run(&mut self) {
        self.vpcs();
        self.subnets();
        self.groups();
        self.acls();
        self.gateways();
        self.peerings();
        self.network_interfaces();
        self.offices();
        self.transit_gateways();
        self.instances();
        self.services();
        self.nats();
        self.endpoints();
        self.firewalls();
        self.target_groups();
        self.balancers();
        self.endpoint_services();
        self.edges();
        self.transit_routes();
        self.route_tables();
        self.carriers();
        self.not_modelled();
    }

    /// Something not known, once for the same words and place.
    fn unknown(&mut self, what: impl Into<String>, span: Span) -> UnknownId {
        let what = what.into();
        let key = (what, span);
        if let Some(id) = self.unknowns.get(&key) {
            return *id;
        }
        let id = UnknownId::from_position(self.network.unknowns.len());
        self.network.unknowns.push(Unknown { what: key.0.clone(), span, is_public: false });
        self.unknowns.insert(key, id);
        id
    }

    /// Public addresses not known which: a list of AWS's own.
    fn public_unknown(&mut self, what: impl Into<String>, span: Span) -> UnknownId {
        let id = self.unknown(what, span);
        if let Some(unknown) = self.network.unknowns.get_mut(id.at()) {
            unknown.is_public = true;
        }
        id
    }

    /// All resources of a type, copied out so that the network can be added to meanwhile.
    fn all(&self, kind: &str) -> Vec<ResourceRef<'a>> {
        self.index.of_kind(kind).to_vec()
    }
}

/// Both have to be so.
fn both(a: Certainty, b: Certainty) -> Certainty {
    match (a, b) {
        (Certainty::No, _) | (_, Certainty::No) => Certainty::No,
        (Certainty::Maybe(id), _) | (_, Certainty::Maybe(id)) => Certainty::Maybe(id),
        (Certainty::Yes, Certainty::Yes) => Certainty::Yes,
    }
}

/// A resource's key.
fn key(found: ResourceRef<'_>) -> Key {
    (found.stack_id, found.id.clone())
}
