//! VPC endpoints: gateway, interface and gateway load balancer ones, and the services of this estate behind them.
//!
//! Sources: AWS PrivateLink Guide, "Gateway endpoints", "Access AWS services through AWS PrivateLink", "Access virtual
//! appliances"; AWS CloudFormation Template Reference, AWS::EC2::VPCEndpoint, AWS::EC2::VPCEndpointService.

use estate::{Kind, ResourceRef, SmolStr, Value};

use super::read::Named;
use super::vpcs::symbol;
use super::{Extraction, key};
use crate::model::{
    Address, BalancerId, Certainty, Endpoint, EndpointId, EndpointKind, Groups, HostId, Interface,
    InterfaceId, Role, SubnetId,
};

impl<'a> Extraction<'a> {
    /// Endpoints with their interfaces.
    pub fn endpoints(&mut self) {
        for found in self.all("AWS::EC2::VPCEndpoint") {
            let Some(vpc) = self.property(found, "VpcId") else { continue };
            let vpc = self.vpc_of(vpc);
            let service = self.property(found, "ServiceName").map_or_else(SmolStr::default, service_name);
            let ty = self.property(found, "VpcEndpointType").and_then(Value::as_str).unwrap_or("Gateway");
            let id = EndpointId::from_position(self.network.endpoints.len());
            let name = self.name(found);
            self.network.endpoints.push(Endpoint { name, vpc, service, kind: EndpointKind::Gateway });
            self.made.endpoints.insert(key(found), id);
            if ty == "Gateway" {
                continue;
            }
            let host = self.host_named(found, "AWS::EC2::VPCEndpoint");
            let interfaces = match self.endpoint_interfaces_observed(found) {
                Some(interfaces) => {
                    for id_of in &interfaces {
                        if let Some(interface) = self.network.interfaces.get_mut(id_of.at()) {
                            (interface.role, interface.host) = (Role::Endpoint(id), host);
                        }
                    }
                    interfaces
                }
                None => self.endpoint_interfaces(found, id, host, vpc),
            };
            let kind = match (ty, interfaces.first()) {
                ("GatewayLoadBalancer", Some(interface)) => {
                    EndpointKind::GatewayLoadBalancer { interface: *interface, service: None }
                }
                _ => EndpointKind::Interface { interfaces, service: None },
            };
            if let Some(endpoint) = self.network.endpoints.get_mut(id.at()) {
                endpoint.kind = kind;
            }
        }
    }

    fn endpoint_interfaces_observed(&mut self, found: ResourceRef<'a>) -> Option<Vec<InterfaceId>> {
        let ids = self.observed(found, &["NetworkInterfaceIds"])?;
        let mut out = Vec::new();
        for item in self.items(Some(ids), Certainty::Yes) {
            if let Named::Resource(named, _) = self.named(item.value) {
                out.extend(self.made.interfaces.get(&key(named)).copied());
            }
        }
        (!out.is_empty()).then_some(out)
    }

    fn endpoint_interfaces(
        &mut self,
        found: ResourceRef<'a>,
        id: EndpointId,
        host: HostId,
        vpc: crate::model::VpcId,
    ) -> Vec<InterfaceId> {
        let exists = self.exists(found);
        let balanced =
            self.property(found, "VpcEndpointType").and_then(Value::as_str) == Some("GatewayLoadBalancer");
        let subnets: Vec<(SubnetId, Certainty)> = self.subnets_of(self.property(found, "SubnetIds"), exists);
        let mut out = Vec::new();
        for (subnet, exists) in subnets {
            // Source: AWS PrivateLink Guide: without groups the VPC's default group; the appliance kind has none.
            let groups = if balanced {
                Groups::Known(Vec::new())
            } else {
                self.groups_of(self.property(found, "SecurityGroupIds"), Some(vpc))
            };
            let name = self.name(found);
            out.push(self.add_interface(Interface {
                name,
                subnet,
                addresses: vec![Address::WithinV4],
                public: Vec::new(),
                groups,
                source_dest_check: Certainty::No,
                role: Role::Endpoint(id),
                host,
                exists,
            }));
        }
        out
    }

    /// Which load balancers of the estate serve which endpoints.
    pub fn endpoint_services(&mut self) {
        for found in self.all("AWS::EC2::VPCEndpoint") {
            let Some(&id) = self.made.endpoints.get(&key(found)) else { continue };
            let Some(balancer) = self.serving(found) else { continue };
            if let Some(endpoint) = self.network.endpoints.get_mut(id.at()) {
                match &mut endpoint.kind {
                    EndpointKind::Interface { service, .. }
                    | EndpointKind::GatewayLoadBalancer { service, .. } => {
                        *service = Some(balancer);
                    }
                    EndpointKind::Gateway => {}
                }
            }
        }
    }

    fn serving(&mut self, found: ResourceRef<'a>) -> Option<BalancerId> {
        let name = self.property(found, "ServiceName")?;
        let mut service = self.index.references(name).into_iter();
        let mut service = service.find(|found| found.resource.kind == "AWS::EC2::VPCEndpointService");
        if service.is_none() {
            // Described services are named `com.amazonaws.vpce.REGION.vpce-svc-…`.
            let id = name.as_str()?.rsplit('.').next()?;
            service = self.by_aws_id.get(id).copied();
        }
        let service = service?;
        for list in ["NetworkLoadBalancerArns", "GatewayLoadBalancerArns"] {
            let value = self.property(service, list);
            for item in self.items(value, Certainty::Yes) {
                if let Named::Resource(balancer, _) = self.named(item.value)
                    && let Some(id) = self.made.balancers.get(&key(balancer))
                {
                    return Some(*id);
                }
            }
        }
        None
    }
}

/// A service's name: `com.amazonaws.us-east-1.s3`, the region as written.
fn service_name(value: &Value) -> SmolStr {
    match &value.kind {
        Kind::Join(pieces) => {
            let pieces = pieces.iter().map(|piece| piece.as_text().unwrap_or(SmolStr::new("*")));
            SmolStr::new(pieces.collect::<Vec<_>>().concat())
        }
        _ => SmolStr::new(symbol(value)),
    }
}
