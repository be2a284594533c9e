//! Internet, egress-only and virtual private gateways; NAT gateways; peering connections.

use estate::{ResourceRef, Value};

use super::read::Named;
use super::{Extraction, key};
use crate::model::{
    Address, Certainty, Gateway, GatewayId, GatewayKind, Groups, Host, HostId, Interface, InterfaceId, Nat,
    NatId, Peering, Placement, PublicAddress, Role, VpcId,
};

impl<'a> Extraction<'a> {
    /// Gateways and the VPCs they are attached to.
    pub fn gateways(&mut self) {
        for (kind, of) in [
            ("AWS::EC2::InternetGateway", GatewayKind::Internet),
            ("AWS::EC2::EgressOnlyInternetGateway", GatewayKind::EgressOnly),
            ("AWS::EC2::VPNGateway", GatewayKind::VirtualPrivate),
        ] {
            for found in self.all(kind) {
                let mut vpc = self.property(found, "VpcId").map(|value| self.vpc_of(value));
                let attachments =
                    ["Attachments", "VpcAttachments"].iter().find_map(|name| self.observed(found, &[name]));
                for item in self.items(attachments, Certainty::Yes) {
                    let state = item.value.get("State").and_then(Value::as_str);
                    let attached = matches!(state, None | Some("available" | "attached"));
                    if let Some(value) = item.value.get("VpcId").filter(|_| attached) {
                        vpc = Some(self.vpc_of(value));
                    }
                }
                let name = self.name(found);
                let id = GatewayId::from_position(self.network.gateways.len());
                self.network.gateways.push(Gateway { name, kind: of, vpc, table: None, offices: Vec::new() });
                self.made.gateways.insert(key(found), id);
            }
        }
        for found in self.all("AWS::EC2::VPCGatewayAttachment") {
            let Some(vpc) = self.property(found, "VpcId") else { continue };
            let vpc = self.vpc_of(vpc);
            for name in ["InternetGatewayId", "VpnGatewayId"] {
                if let Some(id) = self.gateway_named(self.property(found, name))
                    && let Some(gateway) = self.network.gateways.get_mut(id.at())
                {
                    gateway.vpc = Some(vpc);
                }
            }
        }
    }

    /// The gateway that a value names.
    pub fn gateway_named(&mut self, value: Option<&'a Value>) -> Option<GatewayId> {
        match self.named(value?) {
            Named::Resource(found, _) => self.made.gateways.get(&key(found)).copied(),
            _ => None,
        }
    }

    /// Peering connections.
    pub fn peerings(&mut self) {
        for found in self.all("AWS::EC2::VPCPeeringConnection") {
            let requester = self.property(found, "VpcId").and_then(|value| self.vpc_in_estate(value));
            let accepter = self.property(found, "PeerVpcId").and_then(|value| self.vpc_in_estate(value));
            let state = self.observed(found, &["Status", "Code"]).and_then(Value::as_str);
            let active = match state {
                Some("active") => Certainty::Yes,
                Some(_) => Certainty::No,
                None => self.exists(found),
            };
            let name = self.name(found);
            // The same connection may be described in both accounts and regions.
            let known = self
                .network
                .peerings
                .iter()
                .position(|peering| self.is_observed(found) && peering.name.id == name.id);
            let id = crate::model::PeeringId::from_position(known.unwrap_or(self.network.peerings.len()));
            match known.and_then(|at| self.network.peerings.get_mut(at)) {
                Some(peering) => {
                    peering.requester = peering.requester.or(requester);
                    peering.accepter = peering.accepter.or(accepter);
                }
                None => self.network.peerings.push(Peering { name, requester, accepter, active }),
            }
            self.made.peerings.insert(key(found), id);
        }
    }

    /// The VPC that a value names, where it is part of the estate.
    pub fn vpc_in_estate(&mut self, value: &'a Value) -> Option<VpcId> {
        match self.named(value) {
            Named::Resource(found, _) => self.made.vpcs.get(&key(found)).copied(),
            _ => None,
        }
    }

    /// NAT gateways, with an interface each.
    /// Source: Amazon VPC User Guide, "NAT gateways"; CloudFormation `AWS::EC2::NatGateway`, `ConnectivityType`.
    pub fn nats(&mut self) {
        for found in self.all("AWS::EC2::NatGateway") {
            let state = self.observed(found, &["State"]).and_then(Value::as_str);
            if state.is_some_and(|state| state != "available") {
                continue;
            }
            let private = self.property(found, "ConnectivityType").and_then(Value::as_str) == Some("private");
            let id = NatId::from_position(self.network.nats.len());
            let interface = match self.nat_interface_observed(found) {
                Some(interface) => interface,
                None => match self.nat_interface(found, private) {
                    Some(interface) => interface,
                    None => continue,
                },
            };
            let host = self.host_named(found, "AWS::EC2::NatGateway");
            if let Some(interface) = self.network.interfaces.get_mut(interface.at()) {
                interface.role = Role::Nat(id);
                interface.host = host;
                interface.groups = Groups::Known(Vec::new());
            }
            let name = self.name(found);
            self.network.nats.push(Nat { name, interface, public: !private });
            self.made.nats.insert(key(found), id);
        }
    }

    fn nat_interface_observed(&mut self, found: ResourceRef<'a>) -> Option<InterfaceId> {
        let addresses = self.observed(found, &["NatGatewayAddresses"]);
        let first = self.items(addresses, Certainty::Yes).into_iter().next()?;
        let Named::Resource(interface, _) = self.named(first.value.get("NetworkInterfaceId")?) else {
            return None;
        };
        self.made.interfaces.get(&key(interface)).copied()
    }

    fn nat_interface(&mut self, found: ResourceRef<'a>, private: bool) -> Option<InterfaceId> {
        let subnet = self.property(found, "SubnetId")?;
        let subnet = self.subnet_of(subnet, None);
        let written = self.property(found, "PrivateIpAddress").and_then(Value::as_str);
        let address = written.and_then(|text| text.parse().ok()).map_or(Address::WithinV4, Address::Known);
        let exists = self.exists(found);
        let public = PublicAddress { private: 0, public: None, exists: Certainty::Yes };
        let host = HostId::from_position(self.network.hosts.len());
        Some(self.add_interface(Interface {
            name: self.name(found),
            subnet,
            addresses: vec![address],
            public: if private { Vec::new() } else { vec![public] },
            groups: Groups::Known(Vec::new()),
            source_dest_check: Certainty::No,
            role: Role::Host,
            host,
            exists,
        }))
    }

    /// Adds an interface.
    pub fn add_interface(&mut self, interface: Interface) -> InterfaceId {
        let id = InterfaceId::from_position(self.network.interfaces.len());
        self.made.of_host.entry(interface.host).or_default().push(id);
        self.network.interfaces.push(interface);
        id
    }

    /// Adds a host that is a resource.
    pub fn host_named(&mut self, found: ResourceRef<'a>, kind: &str) -> HostId {
        let id = HostId::from_position(self.network.hosts.len());
        let account = self.estate.account(found.stack.account);
        let environment = self.tag(found, "environment");
        let environment = environment.or_else(|| account?.environment.clone()).unwrap_or_default();
        let holds = self.tag(found, "data-class").map(|class| vec![class]).unwrap_or_default();
        self.network.hosts.push(Host {
            name: self.name(found),
            kind: estate::SmolStr::new(kind),
            forwards: false,
            placement: Placement::All,
            listens: None,
            holds,
            environment,
            application: self.tag(found, "application").unwrap_or_default(),
        });
        self.made.hosts.insert(key(found), id);
        id
    }
}
