//! Doors outside VPCs: CloudFront, API Gateway with VPC links, Global Accelerator; and what is not modelled.
//!
//! Sources: AWS CloudFormation Template Reference, AWS::CloudFront::Distribution (`Origins`, `VpcOriginConfig`),
//! AWS::ApiGatewayV2::Integration, AWS::ApiGateway::VpcLink, AWS::GlobalAccelerator::EndpointGroup.

use estate::{ResourceRef, Value};

use super::{Extraction, key};
use crate::model::{BalancerId, Certainty, Edge, EdgeKind, GroupId, Groups};

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
            self.edge(found, EdgeKind::CloudFront, open, balancers, Vec::new());
        }
        for found in self.all("AWS::GlobalAccelerator::EndpointGroup") {
            let balancers = self.balancers_within(&found.resource.properties);
            let balancers = balancers.into_iter().map(|id| (id, 443)).collect();
            self.edge(found, EdgeKind::GlobalAccelerator, Certainty::Yes, balancers, Vec::new());
        }
        for found in self.all("AWS::ApiGateway::VpcLink") {
            let balancers = self.balancers_within(&found.resource.properties);
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
            let balancers = balancers.into_iter().map(|id| (id, 443)).collect();
            self.edge(found, EdgeKind::ApiGateway, Certainty::Yes, balancers, groups);
        }
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
        let open = super::both(exists, open);
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
