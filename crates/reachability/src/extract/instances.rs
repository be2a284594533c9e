//! Network interfaces, instances, and what starts instances: launch templates and Auto Scaling groups.
//!
//! Sources: AWS CloudFormation Template Reference, AWS::EC2::Instance, AWS::EC2::NetworkInterface,
//! AWS::AutoScaling::AutoScalingGroup; Amazon EC2 User Guide, "Elastic network interfaces".

use std::net::IpAddr;

use estate::{ResourceRef, Value};
use smol_str::format_smolstr;

use super::read::Named;
use super::{Extraction, both, key};
use crate::model::{
    Address, Certainty, Groups, Host, HostId, Interface, InterfaceId, Placement, PublicAddress, Role,
    SubnetId,
};

impl<'a> Extraction<'a> {
    /// Interfaces that are resources of their own, those that AWS describes included.
    pub fn network_interfaces(&mut self) {
        for found in self.all("AWS::EC2::NetworkInterface") {
            let Some(subnet) = self.property(found, "SubnetId") else { continue };
            let subnet = self.subnet_of(subnet, None);
            let vpc = self.vpc_of_subnet(subnet);
            let exists = self.exists(found);
            let (addresses, public) = self.written_addresses(found, &found.resource.properties);
            let has_groups = self.property(found, "GroupSet").is_some() || !self.is_observed(found);
            let groups = if has_groups {
                let vpc = vpc.filter(|_| !self.is_observed(found));
                self.groups_of(self.property(found, "GroupSet"), vpc)
            } else {
                Groups::Known(Vec::new())
            };
            let source_dest_check = self.truth(self.property(found, "SourceDestCheck"), true);
            let host = self.host_of_interface(found);
            let name = self.name(found);
            let role = Role::Host;
            let interface =
                Interface { name, subnet, addresses, public, groups, source_dest_check, role, host, exists };
            let id = self.add_interface(interface);
            self.made.interfaces.insert(key(found), id);
        }
    }

    /// The instance that a described interface belongs to, or a host of its own.
    fn host_of_interface(&mut self, found: ResourceRef<'a>) -> HostId {
        let instance = self.observed(found, &["Attachment", "InstanceId"]);
        if let Some(Named::Resource(instance, _)) = instance.map(|value| self.named(value)) {
            return match self.made.hosts.get(&key(instance)) {
                Some(host) => *host,
                None => self.host_named(instance, "AWS::EC2::Instance"),
            };
        }
        let kind = self.observed(found, &["InterfaceType"]).and_then(Value::as_str).unwrap_or("interface");
        let label = self.property(found, "Description").and_then(Value::as_str);
        let label = label.filter(|text| !text.is_empty() && self.is_observed(found));
        let host =
            self.host_named(found, if kind == "interface" { "AWS::EC2::NetworkInterface" } else { kind });
        if let (Some(label), Some(host)) = (label, self.network.hosts.get_mut(host.at()))
            && host.name.label == host.name.id
        {
            host.name.label = estate::SmolStr::new(label);
        }
        host
    }

    /// The addresses that an interface's properties write, primary first, and the public ones behind them.
    fn written_addresses(
        &mut self,
        found: ResourceRef<'a>,
        properties: &'a Value,
    ) -> (Vec<Address>, Vec<PublicAddress>) {
        let mut addresses = Vec::new();
        let mut public = Vec::new();
        let observed = self.observed(found, &["PrivateIpAddresses"]);
        let list = observed.or_else(|| properties.get("PrivateIpAddresses"));
        let mut items = self.items(list, Certainty::Yes);
        items.sort_by_key(|item| item.value.get("Primary").and_then(Value::as_bool) != Some(true));
        let primary = properties.get("PrivateIpAddress").filter(|_| items.is_empty());
        for value in
            primary.into_iter().chain(items.iter().filter_map(|item| item.value.get("PrivateIpAddress")))
        {
            let address = value.as_str().and_then(|text| text.parse::<IpAddr>().ok());
            let address = address.map_or(Address::WithinV4, Address::Known);
            if !addresses.contains(&address) || address == Address::WithinV4 {
                addresses.push(address);
            }
        }
        for (at, item) in items.iter().enumerate() {
            let address = item.value.get_path(&["Association", "PublicIp"]).and_then(Value::as_str);
            if let Some(address) = address.and_then(|text| text.parse().ok()) {
                public.push(PublicAddress { private: at, public: Some(address), exists: Certainty::Yes });
            }
        }
        if addresses.is_empty() {
            addresses.push(Address::WithinV4);
        }
        for item in self.items(properties.get("Ipv6Addresses"), Certainty::Yes) {
            let text = item.value.get("Ipv6Address").unwrap_or(item.value).as_str();
            let address = text.and_then(|text| text.parse::<IpAddr>().ok());
            addresses.push(address.map_or(Address::WithinV6, Address::Known));
        }
        let count = self.int(properties.get("Ipv6AddressCount")).ok().flatten().unwrap_or(0);
        addresses.extend((0..count.clamp(0, 16)).map(|_| Address::WithinV6));
        (addresses, public)
    }

    /// Instances, and the groups that start some.
    pub fn instances(&mut self) {
        for found in self.all("AWS::EC2::Instance") {
            let state = self.observed(found, &["State", "Name"]).and_then(Value::as_str);
            let running = !matches!(state, Some("terminated" | "shutting-down" | "stopped" | "stopping"));
            if self.is_observed(found) {
                if !running && !self.made.hosts.contains_key(&key(found)) {
                    continue;
                }
                if !self.made.hosts.contains_key(&key(found)) {
                    self.instance(found);
                } else if !running {
                    self.stop(found);
                }
                continue;
            }
            self.instance(found);
        }
        for found in self.all("AWS::AutoScaling::AutoScalingGroup") {
            self.scaling_group(found);
        }
        self.elastic_addresses();
        self.idle_addresses();
        self.forwarding_hosts();
    }

    /// A stopped instance keeps its interfaces and answers nothing.
    fn stop(&mut self, found: ResourceRef<'a>) {
        let Some(&host) = self.made.hosts.get(&key(found)) else { return };
        let of_host = self.network.interfaces.iter_mut().filter(|interface| interface.host == host);
        of_host.for_each(|interface| interface.exists = Certainty::No);
    }

    fn instance(&mut self, found: ResourceRef<'a>) {
        let exists = self.exists(found);
        let host = self.host_named(found, "AWS::EC2::Instance");
        let template = self.launch_template(found.resource.properties.get("LaunchTemplate"));
        let own = &found.resource.properties;
        let listed = own.get("NetworkInterfaces").or_else(|| template?.get("NetworkInterfaces"));
        let listed = self.items(listed, Certainty::Yes);
        if !listed.is_empty() {
            for (at, item) in listed.into_iter().enumerate() {
                self.listed_interface(found, host, at, item.value, both(exists, item.exists));
            }
            return;
        }
        let subnet = own.get("SubnetId").or_else(|| template?.get("SubnetId"));
        let Some(subnet) = subnet else {
            self.instance_in_default_vpc(found, host, exists);
            return;
        };
        let groups = ["SecurityGroupIds", "SecurityGroups"].iter();
        let groups = groups
            .clone()
            .find_map(|name| own.get(name))
            .or_else(|| groups.clone().find_map(|name| template?.get(name)));
        let check = self.truth(own.get("SourceDestCheck"), true);
        for (subnet, exists) in self.subnets_of(Some(subnet), exists) {
            let groups = self.groups_of(groups, self.vpc_of_subnet(subnet));
            let (addresses, _) = self.written_addresses(found, own);
            let public = self.public_by_subnet(subnet);
            self.add_interface(Interface {
                name: self.name(found),
                subnet,
                addresses,
                public,
                groups,
                source_dest_check: check,
                role: Role::Host,
                host,
                exists,
            });
        }
    }

    /// One entry of `NetworkInterfaces`: a new interface, or one that is a resource of its own.
    fn listed_interface(
        &mut self,
        found: ResourceRef<'a>,
        host: HostId,
        at: usize,
        entry: &'a Value,
        exists: Certainty,
    ) {
        if let Some(value) = entry.get("NetworkInterfaceId") {
            if let Named::Resource(named, _) = self.named(value)
                && let Some(id) = self.made.interfaces.get(&key(named)).copied()
                && let Some(interface) = self.network.interfaces.get_mut(id.at())
            {
                interface.host = host;
                self.made.of_host.entry(host).or_default().push(id);
            }
            return;
        }
        let Some(subnet) = entry.get("SubnetId").or_else(|| found.resource.properties.get("SubnetId")) else {
            return;
        };
        let subnet = self.subnet_of(subnet, None);
        let groups =
            self.groups_of(entry.get("GroupSet").or_else(|| entry.get("Groups")), self.vpc_of_subnet(subnet));
        let (addresses, _) = self.written_addresses(found, entry);
        let public = match entry.get("AssociatePublicIpAddress") {
            None => self.public_by_subnet(subnet),
            Some(value) => public_if(self.truth(Some(value), false)),
        };
        let check = self.truth(found.resource.properties.get("SourceDestCheck"), true);
        let name = self.beside(found, format_smolstr!("{} interface {at}", self.name(found).label));
        let interface = Interface {
            name,
            subnet,
            addresses,
            public,
            groups,
            source_dest_check: check,
            role: Role::Host,
            host,
            exists,
        };
        self.add_interface(interface);
    }

    /// Without a subnet AWS takes one of the default VPC, about which a template says nothing.
    fn instance_in_default_vpc(&mut self, found: ResourceRef<'a>, host: HostId, exists: Certainty) {
        let what = format!("the default VPC, in which {} would stand", found.id);
        let id = self.unknown(what, found.resource.origin.span);
        let label = "the default VPC";
        let subnet = self.subnet_outside_named(label, id, found.resource.origin.span);
        let groups =
            ["SecurityGroupIds", "SecurityGroups"].iter().find_map(|name| self.property(found, name));
        let groups = self.groups_of(groups, None);
        let public = vec![PublicAddress { private: 0, public: None, exists: Certainty::Maybe(id) }];
        self.host_interface(found, host, subnet, groups, public, exists);
    }

    /// Whether what starts in a subnet is given a public address.
    pub fn public_by_subnet(&mut self, subnet: SubnetId) -> Vec<PublicAddress> {
        let found = self.made.subnet_resources.get(subnet.at()).cloned().flatten();
        let Some(found) = found.and_then(|(stack, id)| self.index.get(stack, &id)) else {
            let span = self
                .network
                .subnets
                .get(subnet.at())
                .map_or(diagnostics::Span::NONE, |subnet| subnet.name.span);
            let id = self.unknown("whether the subnet gives public addresses", span);
            return public_if(Certainty::Maybe(id));
        };
        let value = self.property(found, "MapPublicIpOnLaunch");
        public_if(self.truth(value, false))
    }

    /// The data of the launch template that a property names.
    fn launch_template(&mut self, value: Option<&'a Value>) -> Option<&'a Value> {
        let value = value?;
        let id = ["LaunchTemplateId", "LaunchTemplateName"].iter().find_map(|name| value.get(name))?;
        match self.named(id) {
            Named::Resource(found, _) => self.property(found, "LaunchTemplateData"),
            _ => None,
        }
    }

    /// An Auto Scaling group: copies of one machine in each of its subnets.
    fn scaling_group(&mut self, found: ResourceRef<'a>) {
        let exists = self.exists(found);
        let own = &found.resource.properties;
        let mixed = own.get_path(&["MixedInstancesPolicy", "LaunchTemplate", "LaunchTemplateSpecification"]);
        let template = self.launch_template(own.get("LaunchTemplate").or(mixed));
        let configuration =
            self.named_of("AWS::AutoScaling::LaunchConfiguration", own.get("LaunchConfigurationName"));
        let machine = template.or_else(|| configuration.map(|found| &found.resource.properties));
        let instance = self
            .named_of("AWS::EC2::Instance", own.get("InstanceId"))
            .map(|found| &found.resource.properties);
        let machine = machine.or(instance);
        let first = machine.and_then(|machine| machine.get("NetworkInterfaces"));
        let first = self.items(first, Certainty::Yes).into_iter().next().map(|item| item.value);
        let groups = first
            .and_then(|first| first.get("Groups").or_else(|| first.get("GroupSet")))
            .or_else(|| machine?.get("SecurityGroupIds"))
            .or_else(|| machine?.get("SecurityGroups"));
        let public =
            first.unwrap_or(found.resource.properties.as_map().map_or(own, |_| machine.unwrap_or(own)));
        let public = public.get("AssociatePublicIpAddress");
        let host = self.host_named(found, "AWS::AutoScaling::AutoScalingGroup");
        if let Some(host) = self.network.hosts.get_mut(host.at()) {
            host.placement = Placement::Copies;
        }
        let subnets = self.subnets_of(own.get("VPCZoneIdentifier"), exists);
        for (subnet, exists) in subnets {
            let mut groups = self.groups_of(groups, self.vpc_of_subnet(subnet));
            if machine.is_none() {
                let what = format!("the launch template of {}", found.id);
                let id = self.unknown(what, found.resource.origin.span);
                groups = Groups::AndUnknown(Vec::new(), id);
            }
            let public = match public {
                None => self.public_by_subnet(subnet),
                Some(value) => public_if(self.truth(Some(value), false)),
            };
            self.host_interface(found, host, subnet, groups, public, exists);
        }
    }

    /// Elastic addresses of templates: by the address itself or by an association.
    /// Source: AWS CloudFormation Template Reference, AWS::EC2::EIP, AWS::EC2::EIPAssociation.
    fn elastic_addresses(&mut self) {
        for kind in ["AWS::EC2::EIP", "AWS::EC2::EIPAssociation"] {
            for found in self.all(kind) {
                if self.is_observed(found) {
                    continue;
                }
                let exists = self.exists(found);
                for name in ["InstanceId", "NetworkInterfaceId"] {
                    let Some(value) = self.property(found, name) else { continue };
                    let Named::Resource(named, _) = self.named(value) else { continue };
                    if let Some(id) = self.first_interface(named)
                        && let Some(interface) = self.network.interfaces.get_mut(id.at())
                    {
                        interface.public = vec![PublicAddress { private: 0, public: None, exists }];
                    }
                }
            }
        }
    }

    /// Described public addresses that no interface has.
    fn idle_addresses(&mut self) {
        for found in self.all("AWS::EC2::EIP") {
            let address = self.observed(found, &["PublicIp"]).and_then(Value::as_str);
            let Some(address) = address.and_then(|text| text.parse::<IpAddr>().ok()) else { continue };
            let mut public = self.network.interfaces.iter().flat_map(|interface| &interface.public);
            if !public.any(|public| public.public == Some(address)) && !self.network.idle.contains(&address) {
                self.network.idle.push(address);
            }
        }
        for found in self.all("AWS::EC2::PrefixList") {
            let name = self.property(found, "PrefixListName").and_then(Value::as_text).unwrap_or_default();
            let answers_http_only = name.ends_with(".s3") || name.ends_with(".dynamodb");
            let entries = self.property(found, "Entries");
            let nets = self.items(entries, Certainty::Yes).into_iter();
            let nets = nets.filter_map(|item| super::read::block(item.value.get("Cidr")?.as_str()?));
            let set = crate::model::IpSet(nets.collect());
            let known = self.network.public_services.iter().any(|(service, _)| *service == name);
            if name.starts_with("com.amazonaws.") && answers_http_only && !known {
                self.network.public_services.push((name, set));
            }
        }
    }

    /// The first interface of what a resource became.
    pub fn first_interface(&self, found: ResourceRef<'a>) -> Option<InterfaceId> {
        if let Some(id) = self.made.interfaces.get(&key(found)) {
            return Some(*id);
        }
        let host = self.made.hosts.get(&key(found))?;
        let all = self.made.of_host.get(host)?;
        all.iter().find(|id| self.network.interfaces.get(id.at()).is_some_and(|it| it.host == *host)).copied()
    }

    /// Hosts with the check off may forward what is not theirs.
    fn forwarding_hosts(&mut self) {
        for interface in &self.network.interfaces {
            if interface.source_dest_check != Certainty::Yes
                && interface.role == Role::Host
                && let Some(host) = self.network.hosts.get_mut(interface.host.at())
            {
                host.forwards = true;
            }
        }
    }

    /// A host that is no resource of the estate.
    pub fn host_beside(&mut self, found: ResourceRef<'a>, label: &str, kind: &str) -> HostId {
        let id = HostId::from_position(self.network.hosts.len());
        self.network.hosts.push(Host {
            name: self.beside(found, label),
            kind: estate::SmolStr::new(kind),
            forwards: false,
            placement: Placement::All,
            listens: None,
            holds: Vec::new(),
            environment: estate::SmolStr::default(),
            application: estate::SmolStr::default(),
        });
        id
    }
}

/// A public address that AWS will pick, where there is one.
pub(super) fn public_if(exists: Certainty) -> Vec<PublicAddress> {
    match exists {
        Certainty::No => Vec::new(),
        exists => vec![PublicAddress { private: 0, public: None, exists }],
    }
}
