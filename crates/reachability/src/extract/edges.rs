//! Doors outside VPCs: CloudFront, API Gateway with VPC links, Global Accelerator; and what is not modelled.
//!
//! Sources: AWS CloudFormation Template Reference, AWS::CloudFront::Distribution (`Origins`, `VpcOriginConfig`),
//! AWS::ApiGatewayV2::Integration, AWS::ApiGateway::VpcLink, AWS::GlobalAccelerator::EndpointGroup; Amazon CloudFront Developer
//! Guide, "Restrict access with VPC origins" (interfaces and a security group of its own in the VPC); Amazon API Gateway Developer
//! Guide, "Set up VPC links V2" (interfaces with groups in subnets) and "Set up private integrations" (version 1: by PrivateLink to a
//! network load balancer); AWS Global Accelerator Developer Guide, "Preserve client IP addresses" (interfaces in the endpoint's
//! subnet; the client's address is what groups see; network ACLs are not asked on the way in).
//!
//! Each is a host in the VPC, whose name is the door's: packets of everybody whom it lets in come from there. Where the groups of what
//! stands behind it would see other addresses than its own, each of their rules lets it in perhaps.

use std::collections::BTreeSet;

use estate::{ResourceRef, Value};
use ipnet::IpNet;

use super::{Extraction, both, key};
use crate::model::{
    Address, Addresses, BalancerId, Certainty, Edge, EdgeKind, Group, GroupId, GroupRule, Groups, Interface,
    InterfaceId, IpSet, Peer, PortRange, Protocols, Role, Services, SubnetId,
};

/// Types that carry packets and that nothing here models.
const NOT_MODELLED: [&str; 12] = [
    "AWS::NetworkManager::CoreNetwork",
    "AWS::NetworkManager::VpcAttachment",
    "AWS::EC2::LocalGatewayRouteTable",
    "AWS::EC2::LocalGatewayRoute",
    "AWS::EC2::CarrierGateway",
    "AWS::VpcLattice::Service",
    "AWS::VpcLattice::ServiceNetworkVpcAssociation",
    "AWS::EC2::TransitGatewayMulticastDomain",
    "AWS::EC2::VerifiedAccessEndpoint",
    "AWS::ODB::OdbNetwork",
    "AWS::DirectConnect::DirectConnectGatewayAssociation",
    "Custom::NotUnderstood",
];

impl<'a> Extraction<'a> {
    /// Doors that stand outside VPCs.
    pub fn edges(&mut self) {
        for found in self.all("AWS::CloudFront::Distribution") {
            let origins = self.property(found, "DistributionConfig").and_then(|config| config.get("Origins"));
            let mut balancers = Vec::new();
            for item in self.items(origins, Certainty::Yes) {
                let https = item.value.get_path(&["CustomOriginConfig", "HTTPSPort"]);
                let port =
                    self.int(https).ok().flatten().and_then(|port| u16::try_from(port).ok()).unwrap_or(443);
                balancers.extend(self.balancers_within(item.value).into_iter().map(|id| (id, port)));
            }
            let enabled = self.property(found, "DistributionConfig").and_then(|config| config.get("Enabled"));
            let open = self.truth(enabled, true);
            for origin in self.vpc_origins(origins) {
                self.vpc_origin(origin, open);
            }
            self.edge(found, EdgeKind::CloudFront, open, balancers, Vec::new());
        }
        for found in self.all("AWS::GlobalAccelerator::EndpointGroup") {
            let balancers = self.balancers_within(&found.resource.properties);
            let mut behind = self.nodes_of(&balancers);
            for instance in self.index.references(&found.resource.properties) {
                behind.extend(self.interfaces_of(instance));
            }
            self.door(found, &behind, Certainty::Yes, "by the client's address");
            let balancers = balancers.into_iter().map(|id| (id, 443)).collect();
            self.edge(found, EdgeKind::GlobalAccelerator, Certainty::Yes, balancers, Vec::new());
        }
        for found in self.all("AWS::ApiGateway::VpcLink") {
            let balancers = self.balancers_within(&found.resource.properties);
            let behind = self.nodes_of(&balancers);
            self.door(found, &behind, Certainty::Yes, "by PrivateLink");
            let balancers = balancers.into_iter().map(|id| (id, 443)).collect();
            self.edge(found, EdgeKind::ApiGateway, Certainty::Yes, balancers, Vec::new());
        }
        for found in self.all("AWS::ApiGatewayV2::VpcLink") {
            let mut balancers = Vec::new();
            for integration in self.all("AWS::ApiGatewayV2::Integration") {
                let link = self.property(integration, "ConnectionId");
                if self.named_of("AWS::ApiGatewayV2::VpcLink", link) == Some(found) {
                    balancers.extend(self.balancers_within(&integration.resource.properties));
                }
            }
            let groups = match self.groups_of(self.property(found, "SecurityGroupIds"), None) {
                Groups::Known(groups) | Groups::AndUnknown(groups, _) => groups,
            };
            self.link(found);
            let balancers = balancers.into_iter().map(|id| (id, 443)).collect();
            self.edge(found, EdgeKind::ApiGateway, Certainty::Yes, balancers, groups);
        }
    }

    /// The VPC origins that origins of a distribution name.
    fn vpc_origins(&mut self, origins: Option<&'a Value>) -> Vec<ResourceRef<'a>> {
        let mut out = Vec::new();
        for item in self.items(origins, Certainty::Yes) {
            let named = item.value.get_path(&["VpcOriginConfig", "VpcOriginId"]);
            out.extend(self.named_of("AWS::CloudFront::VpcOrigin", named));
        }
        out
    }

    fn vpc_origin(&mut self, origin: ResourceRef<'a>, open: Certainty) {
        if self.made.hosts.contains_key(&key(origin)) {
            return;
        }
        let balancers = self.balancers_within(&origin.resource.properties);
        let mut behind = self.nodes_of(&balancers);
        for instance in self.index.references(&origin.resource.properties) {
            behind.extend(self.interfaces_of(instance));
        }
        self.door(origin, &behind, open, "by a prefix list or group of CloudFront's");
    }

    /// A VPC link of version 2: its own subnets and groups.
    fn link(&mut self, found: ResourceRef<'a>) {
        if !self.interfaces_of(found).is_empty() {
            return;
        }
        let exists = self.exists(found);
        let subnets = self.subnets_of(self.property(found, "SubnetIds"), exists);
        let vpc = subnets.first().and_then(|(subnet, _)| self.vpc_of_subnet(*subnet));
        let groups = self.groups_of(self.property(found, "SecurityGroupIds"), vpc);
        let host = self.host_named(found, &found.resource.kind);
        for (subnet, exists) in subnets {
            self.door_interface(found, host, subnet, groups.clone(), exists);
        }
    }

    fn nodes_of(&self, balancers: &[BalancerId]) -> Vec<InterfaceId> {
        let known = balancers.iter().filter_map(|id| self.network.balancers.get(id.at()));
        known.flat_map(|balancer| balancer.nodes.iter().copied()).collect()
    }

    /// A door that stands beside what it forwards to; groups there see it by other means than its address.
    fn door(&mut self, found: ResourceRef<'a>, behind: &[InterfaceId], open: Certainty, means: &str) {
        let behind: Vec<Interface> =
            behind.iter().filter_map(|at| self.network.interfaces.get(at.at())).cloned().collect();
        if behind.is_empty() {
            return;
        }
        let exists = both(self.exists(found), open);
        let host = self.host_named(found, &found.resource.kind);
        let subnets: BTreeSet<SubnetId> = behind.iter().map(|interface| interface.subnet).collect();
        let mut nets = Vec::new();
        for subnet in &subnets {
            if let Some(Addresses::Known(set) | Addresses::AtLeast(set, _)) =
                self.network.subnets.get(subnet.at()).map(|subnet| &subnet.blocks)
            {
                nets.extend(set.0.iter().copied());
            }
        }
        let groups = Groups::Known(vec![self.forwarded(found, &behind, &nets)]);
        for subnet in subnets {
            self.door_interface(found, host, subnet, groups.clone(), exists);
        }
        let name = self.name(found).label;
        let what = format!("whether the groups behind {name} let it in {means}");
        let perhaps = Certainty::Maybe(self.unknown(what, found.resource.origin.span));
        let filtered: BTreeSet<GroupId> = behind
            .iter()
            .flat_map(|interface| match &interface.groups {
                Groups::Known(groups) | Groups::AndUnknown(groups, _) => groups.clone(),
            })
            .collect();
        for id in filtered {
            let Some(group) = self.network.groups.get_mut(id.at()) else { continue };
            let copies: Vec<GroupRule> = group
                .ingress
                .iter()
                .map(|rule| GroupRule {
                    peer: Peer::Addresses(Addresses::Known(IpSet(nets.clone()))),
                    exists: both(rule.exists, perhaps),
                    ..rule.clone()
                })
                .collect();
            group.ingress.extend(copies);
        }
    }

    /// A door sends nothing but to what it forwards to: where that is a load balancer, to the ports where it listens.
    fn forwarded(&mut self, found: ResourceRef<'a>, behind: &[Interface], nets: &[IpNet]) -> GroupId {
        let anything = Services {
            protocols: Protocols::All,
            ports: PortRange::ALL,
            codes: PortRange::ALL,
            unknown: None,
        };
        let mut services: Vec<Services> = Vec::new();
        for interface in behind {
            let Role::Balancer(id) = interface.role else {
                services = vec![anything];
                break;
            };
            let listeners = self.network.balancers.get(id.at()).map_or(&[][..], |it| &it.listeners);
            services.extend(listeners.iter().map(|listener| Services {
                protocols: Protocols::One(listener.protocol),
                ports: listener.ports,
                ..anything
            }));
        }
        services.dedup();
        let name = self.beside(found, format!("what {} forwards", self.name(found).label));
        let span = found.resource.origin.span;
        let vpc = behind.first().and_then(|interface| self.vpc_of_subnet(interface.subnet));
        let rule = |services| GroupRule {
            peer: Peer::Addresses(Addresses::Known(IpSet(nets.to_vec()))),
            services,
            exists: Certainty::Yes,
            span,
            label: name.label.clone(),
        };
        let egress = services.into_iter().map(rule).collect();
        let id = GroupId::from_position(self.network.groups.len());
        self.network.groups.push(Group {
            name: name.clone(),
            vpc,
            ingress: Vec::new(),
            egress,
            unknown: None,
        });
        id
    }

    fn door_interface(
        &mut self,
        found: ResourceRef<'a>,
        host: crate::model::HostId,
        subnet: SubnetId,
        groups: Groups,
        exists: Certainty,
    ) {
        let name = self.name(found);
        self.add_interface(Interface {
            name,
            subnet,
            addresses: vec![Address::WithinV4],
            public: Vec::new(),
            groups,
            source_dest_check: Certainty::Yes,
            role: Role::Host,
            host,
            exists,
        });
    }

    /// Load balancers that a value refers to, by themselves or by their listeners.
    fn balancers_within(&mut self, value: &'a Value) -> Vec<BalancerId> {
        let mut out = Vec::new();
        for found in self.index.references(value) {
            if let Some(id) = self.made.balancers.get(&key(found)) {
                out.push(*id);
            } else if found.resource.kind == "AWS::ElasticLoadBalancingV2::Listener"
                || found.resource.kind == "AWS::CloudFront::VpcOrigin"
            {
                let inner = self.index.references(&found.resource.properties);
                out.extend(
                    inner.into_iter().filter_map(|inner| self.made.balancers.get(&key(inner)).copied()),
                );
            }
        }
        out.dedup();
        out
    }

    fn edge(
        &mut self,
        found: ResourceRef<'a>,
        kind: EdgeKind,
        open: Certainty,
        balancers: Vec<(BalancerId, u16)>,
        groups: Vec<GroupId>,
    ) {
        let exists = self.exists(found);
        let open = both(exists, open);
        let name = self.name(found);
        self.network.edges.push(Edge { name, kind, open, balancers, groups });
    }

    /// Types that may carry packets and are not modelled are said to be so.
    pub fn not_modelled(&mut self) {
        for kind in NOT_MODELLED {
            for found in self.all(kind) {
                let what = format!("what {} ({kind}) does, which is not modelled", found.id);
                self.unknown(what, found.resource.origin.span);
            }
        }
    }
}
