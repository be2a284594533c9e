//! Load balancers: nodes, listeners, target groups and targets.
//!
//! Sources: Elastic Load Balancing, "Network Load Balancers: Target groups" (client IP preservation, cross-zone),
//! "Application Load Balancers", "Gateway Load Balancers"; AWS CloudFormation Template Reference,
//! AWS::ElasticLoadBalancingV2::*, AWS::ElasticLoadBalancing::LoadBalancer.

use estate::{ResourceRef, SmolStr, Value};

use super::read::Named;
use super::{Extraction, both, key};
use crate::model::{
    Address, Balancer, BalancerId, BalancerKind, Certainty, Forward, Groups, Health, HostId, Interface,
    InterfaceId, Listener, PortRange, PublicAddress, Role, SubnetId, Target, TargetGroup, TargetPlace,
};

const TARGET_GROUP: &str = "AWS::ElasticLoadBalancingV2::TargetGroup";
const BALANCER: &str = "AWS::ElasticLoadBalancingV2::LoadBalancer";

impl<'a> Extraction<'a> {
    /// Target groups with everything that registers in them.
    pub fn target_groups(&mut self) {
        for found in self.all(TARGET_GROUP) {
            let name = self.name(found);
            let written = self.property(found, "Name").and_then(Value::as_text);
            let label = written.filter(|_| name.label == name.id).unwrap_or_else(|| name.label.clone());
            let name = crate::model::Name { label, ..name };
            let preserves_client = self.preserves_client(found);
            let cross_zone =
                match self.attribute(found, "TargetGroupAttributes", "load_balancing.cross_zone.enabled") {
                    None => None,
                    Some(value) if value.as_str() == Some("use_load_balancer_configuration") => None,
                    Some(value) => Some(self.truth(Some(value), false)),
                };
            let targets = self.targets(found);
            let group = TargetGroup { name, targets, preserves_client, cross_zone };
            self.made.target_groups.insert(key(found), group);
        }
        self.registrations();
    }

    /// An attribute of a load balancer or target group, from its list of keys and values.
    fn attribute(&mut self, found: ResourceRef<'a>, list: &str, name: &str) -> Option<&'a Value> {
        let list = self.property(found, list);
        let items = self.items(list, Certainty::Yes);
        let item =
            items.into_iter().find(|item| item.value.get("Key").and_then(Value::as_str) == Some(name))?;
        item.value.get("Value")
    }

    /// Whether targets see the client's address. What was not recorded of a described group is AWS's default.
    /// Source: Elastic Load Balancing, "Edit target group attributes for your Network Load Balancer".
    fn preserves_client(&mut self, found: ResourceRef<'a>) -> Certainty {
        let protocol = self.property(found, "Protocol").and_then(Value::as_str).unwrap_or("TCP");
        let ty = self.property(found, "TargetType").and_then(Value::as_str).unwrap_or("instance");
        let layer_7 = matches!(protocol, "HTTP" | "HTTPS");
        let settable = matches!(protocol, "TCP" | "TLS");
        let default = !layer_7 && (ty == "instance" || !settable);
        let written = self.attribute(found, "TargetGroupAttributes", "preserve_client_ip.enabled");
        match written {
            Some(_) if settable => self.truth(written, default),
            _ if default => Certainty::Yes,
            _ => Certainty::No,
        }
    }

    fn targets(&mut self, found: ResourceRef<'a>) -> Vec<Target> {
        let own = self.int(self.property(found, "Port")).ok().flatten();
        let list = self.property(found, "Targets");
        let health = self.observed(found, &["TargetHealthDescriptions"]);
        let health = self.items(health, Certainty::Yes);
        let mut out = Vec::new();
        for item in self.items(list, Certainty::Yes) {
            let Some(id) = item.value.get("Id") else { continue };
            let port = self.int(item.value.get("Port")).ok().flatten().or(own);
            let state = health
                .iter()
                .find(|described| {
                    described.value.get_path(&["Target", "Id"]).and_then(Value::as_text) == id_text(id)
                        && described.value.get_path(&["Target", "Port"]).and_then(Value::as_int)
                            == item.value.get("Port").and_then(Value::as_int)
                })
                .and_then(|described| described.value.get_path(&["TargetHealth", "State"]))
                .and_then(Value::as_str);
            let health = match state {
                Some("unhealthy" | "draining") => Health::Unhealthy,
                Some("unused") => Health::Unused,
                _ => Health::Healthy,
            };
            let place = self.target_place(id);
            let port = port.and_then(|port| u16::try_from(port).ok()).unwrap_or(0);
            out.extend(place.map(|place| Target { place, port, health }));
        }
        out
    }

    fn target_place(&mut self, id: &'a Value) -> Option<TargetPlace> {
        match self.named(id) {
            Named::Resource(found, _) => {
                let at = self.first_interface(found);
                at.map(TargetPlace::Interface)
            }
            Named::Outside(text) => match text.parse() {
                Ok(address) => Some(TargetPlace::Address(address)),
                Err(_) => Some(TargetPlace::Within(self.anywhere(id))),
            },
            Named::Unknown(_) => Some(TargetPlace::Within(self.anywhere(id))),
        }
    }

    fn anywhere(&mut self, value: &'a Value) -> crate::model::Addresses {
        let what = format!("the target {}", value.describe());
        crate::model::Addresses::AtLeast(crate::model::IpSet::default(), self.unknown(what, value.span))
    }

    /// What registers by itself: ECS services and Auto Scaling groups.
    fn registrations(&mut self) {
        for found in self.all("AWS::ECS::Service") {
            let list = self.property(found, "LoadBalancers");
            for item in self.items(list, Certainty::Yes) {
                let port = self.int(item.value.get("ContainerPort")).ok().flatten();
                self.register(found, item.value.get("TargetGroupArn"), port);
            }
        }
        for found in self.all("AWS::AutoScaling::AutoScalingGroup") {
            let list = self.property(found, "TargetGroupARNs");
            for item in self.items(list, Certainty::Yes) {
                self.register(found, Some(item.value), None);
            }
        }
    }

    fn register(&mut self, found: ResourceRef<'a>, group: Option<&'a Value>, port: Option<i64>) {
        let Some(Named::Resource(group, _)) = group.map(|value| self.named(value)) else { return };
        let own = self.property(group, "Port");
        let port =
            port.or(self.int(own).ok().flatten()).and_then(|port| u16::try_from(port).ok()).unwrap_or(0);
        let places: Vec<InterfaceId> = self.interfaces_of(found);
        if let Some(group) = self.made.target_groups.get_mut(&key(group)) {
            let place = |id| Target { place: TargetPlace::Interface(id), port, health: Health::Healthy };
            group.targets.extend(places.into_iter().map(place));
        }
    }

    /// All interfaces of what a resource became.
    pub fn interfaces_of(&self, found: ResourceRef<'a>) -> Vec<InterfaceId> {
        let Some(host) = self.made.hosts.get(&key(found)) else { return Vec::new() };
        let all = self.made.of_host.get(host).into_iter().flatten().copied();
        all.filter(|id| self.network.interfaces.get(id.at()).is_some_and(|it| it.host == *host)).collect()
    }

    /// Load balancers of all generations.
    pub fn balancers(&mut self) {
        for found in self.all(BALANCER) {
            let kind = match self.property(found, "Type").and_then(Value::as_str) {
                Some("network") => BalancerKind::Network,
                Some("gateway") => BalancerKind::Gateway,
                _ => BalancerKind::Application,
            };
            let facing = self.property(found, "Scheme");
            let internet_facing = match self.text(facing) {
                Err(id) => Certainty::Maybe(id),
                Ok(Some(text)) if text == "internal" => Certainty::No,
                Ok(_) if kind == BalancerKind::Gateway => Certainty::No,
                Ok(_) => Certainty::Yes,
            };
            let attribute =
                self.attribute(found, "LoadBalancerAttributes", "load_balancing.cross_zone.enabled");
            let cross_zone = self.truth(attribute, kind == BalancerKind::Application);
            self.balancer(found, kind, internet_facing, cross_zone);
        }
        for kind in ["AWS::ElasticLoadBalancingV2::Listener", "AWS::ElasticLoadBalancingV2::ListenerRule"] {
            for found in self.all(kind) {
                self.listener(found, kind.ends_with("Rule"));
            }
        }
        for found in self.all("AWS::ElasticLoadBalancing::LoadBalancer") {
            self.classic(found);
        }
    }

    fn balancer(
        &mut self,
        found: ResourceRef<'a>,
        kind: BalancerKind,
        internet_facing: Certainty,
        cross_zone: Certainty,
    ) -> BalancerId {
        let id = BalancerId::from_position(self.network.balancers.len());
        let name = self.name(found);
        let written = self.property(found, "Name").and_then(Value::as_text);
        let label = written.filter(|_| name.label == name.id).unwrap_or_else(|| name.label.clone());
        let name = crate::model::Name { label: label.clone(), ..name };
        let groups_written = self.property(found, "SecurityGroups").is_some();
        let groups_enforced =
            if kind == BalancerKind::Network && !groups_written { Certainty::No } else { Certainty::Yes };
        let host = self.host_named(found, &found.resource.kind.clone());
        if let Some(host) = self.network.hosts.get_mut(host.at()) {
            host.name.label = label;
        }
        let observed = self.observed_nodes(found);
        let nodes = if observed.is_empty() && !self.is_observed(found) {
            self.nodes(found, id, host, kind, internet_facing)
        } else {
            for node in &observed {
                if let Some(interface) = self.network.interfaces.get_mut(node.at()) {
                    (interface.role, interface.host) = (Role::Balancer(id), host);
                }
            }
            observed
        };
        let listeners = Vec::new();
        let balancer =
            Balancer { name, kind, internet_facing, nodes, listeners, cross_zone, groups_enforced };
        self.network.balancers.push(balancer);
        self.made.balancers.insert(key(found), id);
        id
    }

    /// Described nodes: AWS writes the load balancer into the description of its interfaces.
    /// Source: Elastic Load Balancing User Guide, "Requester-managed network interfaces": `ELB app/name/id`.
    fn observed_nodes(&self, found: ResourceRef<'a>) -> Vec<InterfaceId> {
        if !self.is_observed(found) {
            return Vec::new();
        }
        let Some((_, path)) = found.id.split_once("loadbalancer/") else { return Vec::new() };
        let description = format!("ELB {path}");
        let interfaces = self.all("AWS::EC2::NetworkInterface").into_iter().filter(|interface| {
            let written = self.property(*interface, "Description").and_then(Value::as_str);
            written == Some(description.as_str())
        });
        interfaces.filter_map(|interface| self.made.interfaces.get(&key(interface)).copied()).collect()
    }

    fn nodes(
        &mut self,
        found: ResourceRef<'a>,
        id: BalancerId,
        host: HostId,
        kind: BalancerKind,
        internet_facing: Certainty,
    ) -> Vec<InterfaceId> {
        let exists = self.exists(found);
        let mut places: Vec<(SubnetId, Address, Certainty)> = Vec::new();
        let mappings = self.property(found, "SubnetMappings");
        for item in self.items(mappings, exists) {
            let Some(subnet) = item.value.get("SubnetId") else { continue };
            let subnet = self.subnet_of(subnet, None);
            let address = item.value.get("PrivateIPv4Address").and_then(Value::as_str);
            let address =
                address.and_then(|text| text.parse().ok()).map_or(Address::WithinV4, Address::Known);
            places.push((subnet, address, item.exists));
        }
        for (subnet, exists) in self.subnets_of(self.property(found, "Subnets"), exists) {
            places.push((subnet, Address::WithinV4, exists));
        }
        let mut out = Vec::new();
        for (subnet, address, exists) in places {
            let written = self.property(found, "SecurityGroups");
            let groups = match kind {
                BalancerKind::Gateway => Groups::Known(Vec::new()),
                BalancerKind::Network if written.is_none() => Groups::Known(Vec::new()),
                _ => self.groups_of(written, self.vpc_of_subnet(subnet)),
            };
            let public = match internet_facing {
                Certainty::No => Vec::new(),
                exists => vec![PublicAddress { private: 0, public: None, exists }],
            };
            let name = self.name(found);
            out.push(self.add_interface(Interface {
                name,
                subnet,
                addresses: vec![address],
                public,
                groups,
                source_dest_check: Certainty::No,
                role: Role::Balancer(id),
                host,
                exists,
            }));
        }
        out
    }

    /// A listener, or a rule that adds to one.
    fn listener(&mut self, found: ResourceRef<'a>, is_rule: bool) {
        let exists = self.exists(found);
        let listener = if is_rule {
            let named = self.property(found, "ListenerArn");
            match self.named_of("AWS::ElasticLoadBalancingV2::Listener", named) {
                Some(listener) => listener,
                None => return,
            }
        } else {
            found
        };
        let balancer = self.property(listener, "LoadBalancerArn");
        let Some(Named::Resource(balancer, _)) = balancer.map(|value| self.named(value)) else { return };
        let Some(&id) = self.made.balancers.get(&key(balancer)) else { return };
        let actions = self.property(found, if is_rule { "Actions" } else { "DefaultActions" });
        let forwards = self.forwards(actions, exists, is_rule);
        let protocol = self.property(listener, "Protocol").and_then(Value::as_str).unwrap_or("");
        let port = self.int(self.property(listener, "Port")).ok().flatten();
        let port = port.and_then(|port| u16::try_from(port).ok());
        let ports = port.map_or(PortRange::ALL, |port| PortRange { first: port, last: port });
        let tls = matches!(protocol, "HTTPS" | "TLS");
        let numbers: &[u8] = match protocol {
            "UDP" | "QUIC" => &[17],
            "TCP_UDP" | "TCP_QUIC" => &[6, 17],
            _ => &[6],
        };
        let span = found.resource.origin.span;
        let Some(balancer) = self.network.balancers.get_mut(id.at()) else { return };
        for protocol in numbers {
            let known = balancer
                .listeners
                .iter_mut()
                .find(|known| known.protocol == *protocol && known.ports == ports);
            match known {
                Some(known) => known.forwards.extend(forwards.iter().cloned()),
                None => {
                    let forwards = forwards.clone();
                    balancer.listeners.push(Listener { protocol: *protocol, ports, tls, forwards, span });
                }
            }
        }
    }

    fn forwards(&mut self, actions: Option<&'a Value>, exists: Certainty, is_rule: bool) -> Vec<Forward> {
        let mut out = Vec::new();
        for action in self.items(actions, exists) {
            let direct = action.value.get("TargetGroupArn");
            let listed = action.value.get_path(&["ForwardConfig", "TargetGroups"]);
            let listed: Vec<_> = self.items(listed, action.exists);
            let several = listed.len() > 1;
            let mut groups: Vec<(&'a Value, Certainty)> = listed
                .iter()
                .filter_map(|item| Some((item.value.get("TargetGroupArn")?, item.exists)))
                .collect();
            if let Some(direct) = direct.filter(|_| groups.is_empty()) {
                groups.push((direct, action.exists));
            }
            for (value, exists) in groups {
                let group = match self.named(value) {
                    Named::Resource(found, _) => self.made.target_groups.get(&key(found)).cloned(),
                    _ => None,
                };
                let group = group.unwrap_or_else(|| self.group_outside(value));
                out.push(Forward { group, sometimes: is_rule || several, exists });
            }
        }
        out
    }

    fn group_outside(&mut self, value: &'a Value) -> TargetGroup {
        let name = super::vpcs::outside(&super::vpcs::symbol(value), value.span);
        let place = TargetPlace::Within(self.anywhere(value));
        let id = self.doubt(value);
        let targets = vec![Target { place, port: 0, health: Health::Healthy }];
        TargetGroup { name, targets, preserves_client: Certainty::Maybe(id), cross_zone: None }
    }

    /// A Classic Load Balancer. Source: User Guide for Classic Load Balancers, "Listeners for your Classic Load Balancer".
    fn classic(&mut self, found: ResourceRef<'a>) {
        let scheme = self.text(self.property(found, "Scheme"));
        let internet_facing = match scheme {
            Err(id) => Certainty::Maybe(id),
            Ok(Some(text)) if text == "internal" => Certainty::No,
            Ok(_) => Certainty::Yes,
        };
        let cross_zone = self.truth(self.property(found, "CrossZone"), false);
        let id = self.balancer(found, BalancerKind::Classic, internet_facing, cross_zone);
        let mut places: Vec<InterfaceId> = Vec::new();
        let instances = self.property(found, "Instances");
        for item in self.items(instances, Certainty::Yes) {
            if let Named::Resource(instance, _) =
                self.named(item.value.get("InstanceId").unwrap_or(item.value))
            {
                places.extend(self.first_interface(instance));
            }
        }
        for group in self.all("AWS::AutoScaling::AutoScalingGroup") {
            let names = self.property(group, "LoadBalancerNames");
            for item in self.items(names, Certainty::Yes) {
                if matches!(self.named(item.value), Named::Resource(named, _) if named == found) {
                    places.extend(self.interfaces_of(group));
                }
            }
        }
        let exists = self.exists(found);
        let listeners = self.property(found, "Listeners");
        for item in self.items(listeners, exists) {
            let port = |value: Option<i64>| value.and_then(|port| u16::try_from(port).ok());
            let own = port(self.int(item.value.get("LoadBalancerPort")).ok().flatten());
            let target = port(self.int(item.value.get("InstancePort")).ok().flatten()).unwrap_or(0);
            let protocol =
                item.value.get("Protocol").and_then(Value::as_str).unwrap_or("").to_ascii_uppercase();
            let name = self.beside(found, SmolStr::new("instances"));
            let place = |id: &InterfaceId| Target {
                place: TargetPlace::Interface(*id),
                port: target,
                health: Health::Healthy,
            };
            let targets = places.iter().map(place).collect();
            let group = TargetGroup { name, targets, preserves_client: Certainty::No, cross_zone: None };
            let forwards = vec![Forward { group, sometimes: false, exists: both(exists, item.exists) }];
            let ports = own.map_or(PortRange::ALL, |port| PortRange { first: port, last: port });
            let tls = matches!(protocol.as_str(), "HTTPS" | "SSL");
            let span = self.span(found, item.value);
            if let Some(balancer) = self.network.balancers.get_mut(id.at()) {
                balancer.listeners.push(Listener { protocol: 6, ports, tls, forwards, span });
            }
        }
    }
}

/// A target's id as text, the logical id where it is a reference to something described.
fn id_text(value: &Value) -> Option<SmolStr> {
    value.as_text().or_else(|| value.as_reference()?.resource().map(|(_, id)| id.clone()))
}
