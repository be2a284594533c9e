//! Route tables of subnets and gateways.
//!
//! Sources: AWS CloudFormation Template Reference, AWS::EC2::Route; Amazon VPC User Guide, "Configure route tables",
//! "Route priority"; AWS Network Firewall Developer Guide, "VPC route table configuration".

use estate::{ResourceRef, Value};

use super::read::Named;
use super::{Extraction, both, key};
use crate::model::{
    Addresses, Certainty, FirewallId, IpSet, Route, RouteTable, RouteTableId, RouteTarget, SubnetId, VpcId,
};

/// Properties of a route that name its target; `Instance…` and others are AWS's older forms.
const TARGETS: [&str; 12] = [
    "GatewayId",
    "NatGatewayId",
    "TransitGatewayId",
    "VpcPeeringConnectionId",
    "VpcEndpointId",
    "NetworkInterfaceId",
    "InstanceId",
    "EgressOnlyInternetGatewayId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "CoreNetworkArn",
    "OdbNetworkArn",
];
const DESTINATIONS: [&str; 3] =
    ["DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId"];

impl<'a> Extraction<'a> {
    /// All route tables and who uses them.
    pub fn route_tables(&mut self) {
        for found in self.all("AWS::EC2::RouteTable") {
            let Some(vpc) = self.property(found, "VpcId") else { continue };
            let vpc = self.vpc_of(vpc);
            let id = RouteTableId::from_position(self.network.route_tables.len());
            let name = self.name(found);
            self.network.route_tables.push(RouteTable { name, vpc, routes: Vec::new() });
            self.made.tables.insert(key(found), id);
            let routes = self.observed(found, &["Routes"]);
            for item in self.items(routes, Certainty::Yes) {
                self.route(found, id, item.value, item.exists);
            }
        }
        for found in self.all("AWS::EC2::Route") {
            let exists = self.exists(found);
            let Some(Named::Resource(table, _)) =
                self.property(found, "RouteTableId").map(|value| self.named(value))
            else {
                continue;
            };
            let Some(&id) = self.made.tables.get(&key(table)) else { continue };
            self.route(found, id, &found.resource.properties, exists);
        }
        self.propagated_routes();
        self.gateway_endpoint_routes();
        self.table_associations();
    }

    fn route(&mut self, found: ResourceRef<'a>, table: RouteTableId, route: &'a Value, exists: Certainty) {
        let Some(vpc) = self.network.route_tables.get(table.at()).map(|table| table.vpc) else { return };
        let span = self.span(found, route);
        let mut destinations = Vec::new();
        for name in DESTINATIONS {
            for (value, exists) in self.options(route.get(name), exists) {
                destinations.extend(value.map(|value| (self.addresses(value), exists)));
            }
        }
        let state = self.observed(found, &["State"]).or_else(|| route.get("State")).and_then(Value::as_str);
        let origin =
            self.observed(found, &["Origin"]).or_else(|| route.get("Origin")).and_then(Value::as_str);
        let propagated = origin == Some("EnableVgwRoutePropagation");
        let mut targets = Vec::new();
        for name in TARGETS {
            let mut options = self.options(route.get(name), Certainty::Yes);
            // Of several targets one is there for certain: what none of the others takes, the last does.
            if options.len() > 1
                && options.iter().all(|(value, _)| value.is_some())
                && let Some((_, exists)) = options.last_mut()
            {
                *exists = Certainty::Yes;
            }
            for (value, exists) in options {
                let Some(value) = value else { continue };
                let found = self.route_targets(name, value, vpc);
                targets.extend(found.into_iter().map(|(target, other)| (target, both(exists, other))));
            }
        }
        if state == Some("blackhole") {
            targets = vec![(RouteTarget::Blackhole, Certainty::Yes)];
        }
        if targets.is_empty() {
            let id = self.unknown("a route whose target is not modelled", span);
            targets.push((RouteTarget::Unknown(id), Certainty::Yes));
        }
        for (destination, exists) in destinations {
            for (target, other) in &targets {
                let exists = both(exists, *other);
                let route =
                    Route { destination: destination.clone(), target: *target, propagated, exists, span };
                if let Some(table) = self.network.route_tables.get_mut(table.at()) {
                    table.routes.push(route);
                }
            }
        }
    }

    /// What a target property names; several where it is open which.
    fn route_targets(&mut self, name: &str, value: &'a Value, vpc: VpcId) -> Vec<(RouteTarget, Certainty)> {
        if value.as_str() == Some("local") {
            return vec![(RouteTarget::Local, Certainty::Yes)];
        }
        if name == "VpcEndpointId"
            && let Some(targets) = self.firewall_targets(value)
        {
            return targets;
        }
        let target = match self.named(value) {
            Named::Resource(found, _) => self.target_of(found, vpc),
            Named::Outside(text) => self
                .firewall_endpoint(&text)
                .map(|(firewall, subnet)| RouteTarget::Firewall(firewall, subnet)),
            Named::Unknown(_) => None,
        };
        let target = target.unwrap_or_else(|| {
            let what = format!("what is behind {} of a route", value.describe());
            RouteTarget::Unknown(self.unknown(what, value.span))
        });
        vec![(target, Certainty::Yes)]
    }

    fn target_of(&mut self, found: ResourceRef<'a>, vpc: VpcId) -> Option<RouteTarget> {
        let id = key(found);
        if let Some(id) = self.made.gateways.get(&id) {
            return Some(RouteTarget::Gateway(*id));
        }
        if let Some((firewall, subnet)) = self.made.firewall_associations.get(&id) {
            return Some(RouteTarget::Firewall(*firewall, *subnet));
        }
        if let Some(id) = self.made.nats.get(&id) {
            return Some(RouteTarget::Nat(*id));
        }
        if let Some(id) = self.made.peerings.get(&id) {
            return Some(RouteTarget::Peering(*id));
        }
        if let Some(id) = self.made.interfaces.get(&id) {
            return Some(RouteTarget::Interface(*id));
        }
        if let Some(id) = self.made.endpoints.get(&id) {
            return Some(match self.network.endpoints.get(id.at()).map(|endpoint| &endpoint.kind) {
                Some(crate::model::EndpointKind::Gateway) => RouteTarget::GatewayEndpoint(*id),
                _ => RouteTarget::Endpoint(*id),
            });
        }
        if let Some(gateway) = self.made.transit_gateways.get(&id) {
            return self.made.attached.get(&(*gateway, vpc)).map(|id| RouteTarget::Transit(*id));
        }
        if found.resource.kind == "AWS::EC2::NatGateway" && self.is_observed(found) {
            return Some(RouteTarget::Blackhole);
        }
        // An instance's first interface.
        self.first_interface(found).map(RouteTarget::Interface)
    }

    /// A firewall's endpoints, where a route's target is taken from its list. Which entry of the list stands in which zone
    /// is AWS's choice, so with several each may be meant.
    fn firewall_targets(&mut self, value: &'a Value) -> Option<Vec<(RouteTarget, Certainty)>> {
        let firewall = self.firewall_within(value)?;
        let name = self.network.firewalls.get(firewall.at())?.name.label.clone();
        let subnets: Vec<SubnetId> = self
            .network
            .firewalls
            .get(firewall.at())?
            .endpoints
            .iter()
            .map(|endpoint| endpoint.subnet)
            .collect();
        if let [only] = subnets.as_slice() {
            return Some(vec![(RouteTarget::Firewall(firewall, *only), Certainty::Yes)]);
        }
        let mut out: Vec<(RouteTarget, Certainty)> = Vec::new();
        for subnet in subnets {
            let zone = self
                .network
                .subnets
                .get(subnet.at())
                .map(|subnet| subnet.name.label.clone())
                .unwrap_or_default();
            let what = format!("whether a route's endpoint of firewall {name} is the one in {zone}");
            let id = self.unknown(what, value.span);
            out.push((RouteTarget::Firewall(firewall, subnet), Certainty::Maybe(id)));
        }
        if let Some((_, exists)) = out.last_mut() {
            *exists = Certainty::Yes;
        }
        Some(out)
    }

    fn firewall_within(&self, value: &'a Value) -> Option<FirewallId> {
        self.index
            .references(value)
            .into_iter()
            .find_map(|found| self.made.firewalls.get(&key(found)).copied())
    }

    /// Routes that a virtual private gateway teaches: to the networks beyond it.
    fn propagated_routes(&mut self) {
        for found in self.all("AWS::EC2::VPNGatewayRoutePropagation") {
            let exists = self.exists(found);
            let Some(gateway) = self.gateway_named(self.property(found, "VpnGatewayId")) else { continue };
            let offices = self.network.gateways.get(gateway.at()).map(|gateway| gateway.offices.clone());
            let tables = self.property(found, "RouteTableIds");
            for table in self.items(tables, exists) {
                let Named::Resource(named, _) = self.named(table.value) else { continue };
                let Some(id) = self.made.tables.get(&key(named)).copied() else { continue };
                for office in offices.iter().flatten() {
                    let Some(networks) =
                        self.network.offices.get(office.at()).map(|office| office.networks.clone())
                    else {
                        continue;
                    };
                    let route = Route {
                        destination: networks,
                        target: RouteTarget::Gateway(gateway),
                        propagated: true,
                        exists: table.exists,
                        span: found.resource.origin.span,
                    };
                    if let Some(table) = self.network.route_tables.get_mut(id.at()) {
                        table.routes.push(route);
                    }
                }
            }
        }
    }

    /// A gateway endpoint's route, which AWS adds to the tables it is given.
    /// Source: AWS PrivateLink Guide, "Gateway endpoints", routing.
    fn gateway_endpoint_routes(&mut self) {
        for found in self.all("AWS::EC2::VPCEndpoint") {
            let Some(&id) = self.made.endpoints.get(&key(found)) else { continue };
            let Some(endpoint) = self.network.endpoints.get(id.at()) else { continue };
            if !matches!(endpoint.kind, crate::model::EndpointKind::Gateway) || self.is_observed(found) {
                continue;
            }
            let service = endpoint.service.clone();
            let exists = self.exists(found);
            let tables = self.property(found, "RouteTableIds");
            for table in self.items(tables, exists) {
                let Named::Resource(named, _) = self.named(table.value) else { continue };
                let Some(at) = self.made.tables.get(&key(named)).copied() else { continue };
                let what = format!("the public addresses of {service}");
                let destination = Addresses::AtLeast(
                    IpSet::default(),
                    self.public_unknown(what, found.resource.origin.span),
                );
                let route = Route {
                    destination,
                    target: RouteTarget::GatewayEndpoint(id),
                    propagated: false,
                    exists: table.exists,
                    span: found.resource.origin.span,
                };
                if let Some(table) = self.network.route_tables.get_mut(at.at()) {
                    table.routes.push(route);
                }
            }
        }
    }

    /// Which table counts for which subnet and gateway.
    fn table_associations(&mut self) {
        for found in self.all("AWS::EC2::RouteTable") {
            let Some(&id) = self.made.tables.get(&key(found)) else { continue };
            let associations = self.observed(found, &["Associations"]);
            for item in self.items(associations, Certainty::Yes) {
                let is_main = item.value.get("Main").and_then(Value::as_bool) == Some(true);
                let vpc = self.network.route_tables.get(id.at()).map(|table| table.vpc);
                if let Some(vpc) = vpc.filter(|_| is_main).and_then(|vpc| self.network.vpcs.get_mut(vpc.at()))
                {
                    vpc.main_table = Some(id);
                }
                self.associate(id, item.value, Certainty::Yes, found);
            }
        }
        for kind in ["AWS::EC2::SubnetRouteTableAssociation", "AWS::EC2::GatewayRouteTableAssociation"] {
            for found in self.all(kind) {
                let exists = self.exists(found);
                let Some(Named::Resource(table, _)) =
                    self.property(found, "RouteTableId").map(|value| self.named(value))
                else {
                    continue;
                };
                let Some(&id) = self.made.tables.get(&key(table)) else { continue };
                self.associate(id, &found.resource.properties, exists, found);
            }
        }
        let mains: Vec<_> = self.network.vpcs.iter().map(|vpc| vpc.main_table).collect();
        for subnet in self.network.subnets.iter_mut().filter(|subnet| subnet.table.is_none()) {
            subnet.table = mains.get(subnet.vpc.at()).copied().flatten();
        }
    }

    fn associate(
        &mut self,
        table: RouteTableId,
        association: &'a Value,
        exists: Certainty,
        found: ResourceRef<'a>,
    ) {
        if let Some(subnet) = association.get("SubnetId") {
            let subnet = self.subnet_of(subnet, None);
            let table = match exists {
                Certainty::Maybe(id) => self.perhaps_table(table, id, found),
                _ => table,
            };
            if let Some(subnet) = self.network.subnets.get_mut(subnet.at()) {
                subnet.table = Some(table);
            }
        } else if let Some(id) = self.gateway_named(association.get("GatewayId"))
            && let Some(gateway) = self.network.gateways.get_mut(id.at())
        {
            gateway.table = Some(table);
        }
    }

    /// A table that counts perhaps: each of its routes is there perhaps.
    fn perhaps_table(
        &mut self,
        table: RouteTableId,
        id: crate::model::UnknownId,
        found: ResourceRef<'a>,
    ) -> RouteTableId {
        let Some(known) = self.network.route_tables.get(table.at()).cloned() else { return table };
        let at = RouteTableId::from_position(self.network.route_tables.len());
        let routes = known
            .routes
            .into_iter()
            .map(|route| Route { exists: both(route.exists, Certainty::Maybe(id)), ..route });
        let routes = routes.collect();
        let name = self.beside(found, known.name.label);
        self.network.route_tables.push(RouteTable { name, vpc: known.vpc, routes });
        at
    }
}
