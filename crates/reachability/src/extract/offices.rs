//! Networks outside AWS: site-to-site VPN, Direct Connect, client VPN.
//!
//! Sources: AWS Site-to-Site VPN User Guide, "Site-to-Site VPN routing options"; AWS Client VPN Administrator Guide,
//! "How AWS Client VPN works"; AWS CloudFormation Template Reference, AWS::EC2::VPNConnection,
//! AWS::EC2::ClientVpnEndpoint.

use estate::{ResourceRef, Value};

use super::read::{Named, union};
use super::{Extraction, both, key};
use crate::model::{
    Address, Addresses, Certainty, Interface, InterfaceId, IpSet, Office, OfficeId, Role, UnknownId,
};

impl<'a> Extraction<'a> {
    /// Offices. What BGP would tell is unknown.
    pub fn offices(&mut self) {
        for found in self.all("AWS::EC2::VPNConnection") {
            let up = self.vpn_up(found);
            let networks = self.vpn_networks(found);
            let label = self.office_label(found);
            let id = self.office(found, label.as_deref(), networks, up);
            if let Some(gateway) = self.gateway_named(self.property(found, "VpnGatewayId"))
                && let Some(gateway) = self.network.gateways.get_mut(gateway.at())
            {
                gateway.offices.push(id);
            }
        }
        for found in self.all("AWS::EC2::ClientVpnEndpoint") {
            self.client_vpn(found);
        }
        for kind in ["AWS::DirectConnect::VirtualInterface", "AWS::DirectConnect::PrivateVirtualInterface"] {
            for found in self.all(kind) {
                let networks = self.learned(found);
                let exists = self.exists(found);
                let id = self.office(found, None, networks, exists);
                if let Some(gateway) = self.gateway_named(self.property(found, "VirtualGatewayId"))
                    && let Some(gateway) = self.network.gateways.get_mut(gateway.at())
                {
                    gateway.offices.push(id);
                }
            }
        }
    }

    fn office(
        &mut self,
        found: ResourceRef<'a>,
        label: Option<&str>,
        networks: Addresses,
        up: Certainty,
    ) -> OfficeId {
        let id = OfficeId::from_position(self.network.offices.len());
        let name = label.map_or_else(|| self.name(found), |label| self.beside(found, label));
        self.network.offices.push(Office { name, networks, up, enters_by: Vec::new() });
        self.made.offices.insert(key(found), id);
        id
    }

    /// The name of the customer gateway is the name of the office.
    fn office_label(&mut self, found: ResourceRef<'a>) -> Option<String> {
        let own = self.tag(found, "Name");
        let customer = self.named_of("AWS::EC2::CustomerGateway", self.property(found, "CustomerGatewayId"));
        let customer = customer.and_then(|customer| self.tag(customer, "Name"));
        own.or(customer).map(|label| label.to_string())
    }

    fn vpn_up(&mut self, found: ResourceRef<'a>) -> Certainty {
        let state = self.observed(found, &["State"]).and_then(Value::as_str);
        if matches!(state, Some("deleted" | "deleting")) {
            return Certainty::No;
        }
        let tunnels = self.observed(found, &["VgwTelemetry"]);
        let tunnels = self.items(tunnels, Certainty::Yes);
        let down = !tunnels.is_empty()
            && tunnels
                .iter()
                .all(|tunnel| tunnel.value.get("Status").and_then(Value::as_str) == Some("DOWN"));
        if down { Certainty::No } else { self.exists(found) }
    }

    /// Static routes of the connection; with BGP whatever the office announces.
    /// Where IPsec itself carries one network only, it is that one.
    /// Source: AWS Site-to-Site VPN User Guide, "Tunnel options for your AWS Site-to-Site VPN connection", local IPv4
    /// network CIDR.
    fn vpn_networks(&mut self, found: ResourceRef<'a>) -> Addresses {
        let carried = self.property(found, "LocalIpv4NetworkCidr");
        if let Some(carried) = carried.filter(|carried| carried.as_str() != Some("0.0.0.0/0")) {
            return self.addresses(carried);
        }
        let mut networks: Option<Addresses> = None;
        for route in self.all("AWS::EC2::VPNConnectionRoute") {
            let connection = self.property(route, "VpnConnectionId");
            if self
                .named_of("AWS::EC2::VPNConnection", connection)
                .is_none_or(|connection| connection != found)
            {
                continue;
            }
            let Some(value) = self.property(route, "DestinationCidrBlock") else { continue };
            let more = self.addresses(value);
            networks = Some(networks.map_or(more.clone(), |networks| union(networks, more)));
        }
        let is_static = self.truth(self.property(found, "StaticRoutesOnly"), false);
        match (networks, is_static) {
            (Some(networks), Certainty::Yes) => networks,
            (networks, _) => {
                let learned = self.learned(found);
                networks.map_or(learned.clone(), |networks| union(networks, learned))
            }
        }
    }

    fn learned(&mut self, found: ResourceRef<'a>) -> Addresses {
        let id: UnknownId = self
            .unknown(format!("the networks that BGP tells over {}", found.id), found.resource.origin.span);
        Addresses::AtLeast(IpSet::default(), id)
    }

    /// A client VPN: users appear with the address of an interface in an associated subnet.
    fn client_vpn(&mut self, found: ResourceRef<'a>) {
        let networks = match self.property(found, "ClientCidrBlock") {
            Some(value) => self.addresses(value),
            None => self.learned(found),
        };
        let exists = self.exists(found);
        let id = self.office(found, None, networks, exists);
        let host = self.host_named(found, "AWS::EC2::ClientVpnEndpoint");
        let mut enters_by: Vec<InterfaceId> = Vec::new();
        for association in self.all("AWS::EC2::ClientVpnTargetNetworkAssociation") {
            let endpoint = self.property(association, "ClientVpnEndpointId");
            let Some(Named::Resource(endpoint, _)) = endpoint.map(|value| self.named(value)) else {
                continue;
            };
            if endpoint != found {
                continue;
            }
            let Some(subnet) = self.property(association, "SubnetId") else { continue };
            let subnet = self.subnet_of(subnet, None);
            let groups = self.groups_of(self.property(found, "SecurityGroupIds"), self.vpc_of_subnet(subnet));
            let associated = self.exists(association);
            let name = self.name(found);
            enters_by.push(self.add_interface(Interface {
                name,
                subnet,
                addresses: vec![Address::WithinV4],
                public: Vec::new(),
                groups,
                source_dest_check: Certainty::No,
                role: Role::Host,
                host,
                exists: both(exists, associated),
            }));
        }
        if let Some(office) = self.network.offices.get_mut(id.at()) {
            office.enters_by = enters_by;
        }
    }
}
