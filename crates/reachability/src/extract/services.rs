//! Managed services as interfaces: a table of which property names subnets and groups.
//!
//! Source of every row: the type's page in the AWS CloudFormation Template Reference. What is not in the table and names
//! subnets is an interface of a service that is not modelled, with an unknown about it.

use estate::{ResourceRef, SmolStr, Value};

use super::instances::public_if;
use super::{Extraction, both, key};
use crate::model::{Address, Certainty, Groups, Interface, Placement, PortRange, Protocols, Role, Services};

/// How a managed service stands in subnets.
struct Family {
    kind: &'static str,
    /// Where subnets are listed, or the subnet group is named.
    subnets: &'static [&'static str],
    /// The type of the subnet group and where it lists subnets.
    group: Option<(&'static str, &'static [&'static str])>,
    /// Where security groups are listed.
    groups: &'static [&'static str],
    placement: Placement,
    /// The property with its port, and the port by default; 0: not known.
    port: (&'static str, u16),
    /// Set where AWS adds groups of its own.
    more_groups: bool,
}

const fn direct(
    kind: &'static str,
    subnets: &'static [&'static str],
    groups: &'static [&'static str],
    placement: Placement,
    port: u16,
) -> Family {
    Family { kind, subnets, group: None, groups, placement, port: ("Port", port), more_groups: false }
}

const fn grouped(
    kind: &'static str,
    subnet_group: &'static [&'static str],
    group: (&'static str, &'static [&'static str]),
    groups: &'static [&'static str],
    placement: Placement,
    port: u16,
) -> Family {
    Family {
        kind,
        subnets: subnet_group,
        group: Some(group),
        groups,
        placement,
        port: ("Port", port),
        more_groups: false,
    }
}

const fn with_groups_of_aws(family: Family) -> Family {
    Family { more_groups: true, ..family }
}

use Placement::{AnyOne, Copies};

const DB_SUBNETS: (&str, &[&str]) = ("AWS::RDS::DBSubnetGroup", &["SubnetIds"]);
const CACHE_SUBNETS: (&str, &[&str]) = ("AWS::ElastiCache::SubnetGroup", &["SubnetIds"]);

const FAMILIES: &[Family] = &[
    grouped("AWS::RDS::DBInstance", &["DBSubnetGroupName"], DB_SUBNETS, &["VPCSecurityGroups"], AnyOne, 0),
    grouped("AWS::RDS::DBCluster", &["DBSubnetGroupName"], DB_SUBNETS, &["VpcSecurityGroupIds"], Copies, 0),
    direct("AWS::RDS::DBProxy", &["VpcSubnetIds"], &["VpcSecurityGroupIds"], Copies, 0),
    grouped(
        "AWS::DocDB::DBCluster",
        &["DBSubnetGroupName"],
        ("AWS::DocDB::DBSubnetGroup", &["SubnetIds"]),
        &["VpcSecurityGroupIds"],
        Copies,
        27017,
    ),
    grouped(
        "AWS::Neptune::DBCluster",
        &["DBSubnetGroupName"],
        ("AWS::Neptune::DBSubnetGroup", &["SubnetIds"]),
        &["VpcSecurityGroupIds"],
        Copies,
        8182,
    ),
    direct(
        "AWS::Lambda::Function",
        &["VpcConfig", "SubnetIds"],
        &["VpcConfig", "SecurityGroupIds"],
        Copies,
        0,
    ),
    direct(
        "AWS::ECS::Service",
        &["NetworkConfiguration", "AwsvpcConfiguration", "Subnets"],
        &["NetworkConfiguration", "AwsvpcConfiguration", "SecurityGroups"],
        Copies,
        0,
    ),
    direct(
        "AWS::ECS::TaskSet",
        &["NetworkConfiguration", "AwsVpcConfiguration", "Subnets"],
        &["NetworkConfiguration", "AwsVpcConfiguration", "SecurityGroups"],
        Copies,
        0,
    ),
    with_groups_of_aws(direct(
        "AWS::EKS::Cluster",
        &["ResourcesVpcConfig", "SubnetIds"],
        &["ResourcesVpcConfig", "SecurityGroupIds"],
        Copies,
        443,
    )),
    with_groups_of_aws(direct(
        "AWS::EKS::Nodegroup",
        &["Subnets"],
        &["RemoteAccess", "SourceSecurityGroups"],
        Copies,
        0,
    )),
    with_groups_of_aws(direct("AWS::EKS::FargateProfile", &["Subnets"], &["SecurityGroups"], Copies, 0)),
    grouped(
        "AWS::ElastiCache::ReplicationGroup",
        &["CacheSubnetGroupName"],
        CACHE_SUBNETS,
        &["SecurityGroupIds"],
        Copies,
        6379,
    ),
    grouped(
        "AWS::ElastiCache::CacheCluster",
        &["CacheSubnetGroupName"],
        CACHE_SUBNETS,
        &["VpcSecurityGroupIds"],
        AnyOne,
        0,
    ),
    direct("AWS::ElastiCache::ServerlessCache", &["SubnetIds"], &["SecurityGroupIds"], Copies, 6379),
    grouped(
        "AWS::MemoryDB::Cluster",
        &["SubnetGroupName"],
        ("AWS::MemoryDB::SubnetGroup", &["SubnetIds"]),
        &["SecurityGroupIds"],
        Copies,
        6379,
    ),
    grouped(
        "AWS::DAX::Cluster",
        &["SubnetGroupName"],
        ("AWS::DAX::SubnetGroup", &["SubnetIds"]),
        &["SecurityGroupIds"],
        Copies,
        8111,
    ),
    grouped(
        "AWS::Redshift::Cluster",
        &["ClusterSubnetGroupName"],
        ("AWS::Redshift::ClusterSubnetGroup", &["SubnetIds"]),
        &["VpcSecurityGroupIds"],
        AnyOne,
        5439,
    ),
    direct("AWS::RedshiftServerless::Workgroup", &["SubnetIds"], &["SecurityGroupIds"], Copies, 5439),
    direct(
        "AWS::OpenSearchService::Domain",
        &["VPCOptions", "SubnetIds"],
        &["VPCOptions", "SecurityGroupIds"],
        Copies,
        443,
    ),
    direct(
        "AWS::Elasticsearch::Domain",
        &["VPCOptions", "SubnetIds"],
        &["VPCOptions", "SecurityGroupIds"],
        Copies,
        443,
    ),
    direct(
        "AWS::MSK::Cluster",
        &["BrokerNodeGroupInfo", "ClientSubnets"],
        &["BrokerNodeGroupInfo", "SecurityGroups"],
        Copies,
        0,
    ),
    direct("AWS::AmazonMQ::Broker", &["SubnetIds"], &["SecurityGroups"], Copies, 0),
    direct("AWS::EFS::MountTarget", &["SubnetId"], &["SecurityGroups"], Placement::All, 2049),
    with_groups_of_aws(direct("AWS::FSx::FileSystem", &["SubnetIds"], &["SecurityGroupIds"], Copies, 0)),
    grouped(
        "AWS::DMS::ReplicationInstance",
        &["ReplicationSubnetGroupIdentifier"],
        ("AWS::DMS::ReplicationSubnetGroup", &["SubnetIds"]),
        &["VpcSecurityGroupIds"],
        AnyOne,
        0,
    ),
    with_groups_of_aws(direct(
        "AWS::DirectoryService::MicrosoftAD",
        &["VpcSettings", "SubnetIds"],
        &[],
        Copies,
        0,
    )),
    with_groups_of_aws(direct(
        "AWS::DirectoryService::SimpleAD",
        &["VpcSettings", "SubnetIds"],
        &[],
        Copies,
        0,
    )),
    direct(
        "AWS::Route53Resolver::ResolverEndpoint",
        &["IpAddresses", "*", "SubnetId"],
        &["SecurityGroupIds"],
        Copies,
        53,
    ),
    direct("AWS::SageMaker::NotebookInstance", &["SubnetId"], &["SecurityGroupIds"], Placement::All, 0),
    direct(
        "AWS::CodeBuild::Project",
        &["VpcConfig", "Subnets"],
        &["VpcConfig", "SecurityGroupIds"],
        Copies,
        0,
    ),
    direct("AWS::AppRunner::VpcConnector", &["Subnets"], &["SecurityGroups"], Copies, 0),
    direct(
        "AWS::Batch::ComputeEnvironment",
        &["ComputeResources", "Subnets"],
        &["ComputeResources", "SecurityGroupIds"],
        Copies,
        0,
    ),
    direct(
        "AWS::MWAA::Environment",
        &["NetworkConfiguration", "SubnetIds"],
        &["NetworkConfiguration", "SecurityGroupIds"],
        Copies,
        0,
    ),
    direct("AWS::ApiGatewayV2::VpcLink", &["SubnetIds"], &["SecurityGroupIds"], Copies, 0),
    direct("AWS::EC2::InstanceConnectEndpoint", &["SubnetId"], &["SecurityGroupIds"], Placement::All, 0),
];

impl<'a> Extraction<'a> {
    /// Interfaces of managed services.
    pub fn services(&mut self) {
        for family in FAMILIES {
            for found in self.all(family.kind) {
                if self.is_observed(found) {
                    self.observed_service(found, family);
                } else {
                    self.service(found, family);
                }
            }
        }
        for kind in self.index.kinds() {
            if !FAMILIES.iter().any(|family| family.kind == kind) && !is_modelled_elsewhere(kind) {
                for found in self.all(kind) {
                    self.unmodelled_service(found);
                }
            }
        }
    }

    /// Whatever else names subnets and groups has interfaces there, and does with packets what nobody knows.
    fn unmodelled_service(&mut self, found: ResourceRef<'a>) {
        if self.is_observed(found) {
            return;
        }
        let (mut subnets, mut groups) = (None, None);
        found.resource.properties.walk(&mut |value| {
            for entry in value.as_map().into_iter().flatten() {
                match entry.key.as_str() {
                    "SubnetIds" | "Subnets" | "SubnetId" | "VpcSubnetIds" => {
                        subnets = subnets.or(Some(&entry.value))
                    }
                    "SecurityGroupIds" | "SecurityGroups" | "VpcSecurityGroupIds" | "SecurityGroupIdList" => {
                        groups = groups.or(Some(&entry.value));
                    }
                    _ => {}
                }
            }
        });
        let (Some(subnets), Some(groups)) = (subnets, groups) else { return };
        let what = format!("what {} ({}) does with packets", found.id, found.resource.kind);
        let unknown = self.unknown(what, found.resource.origin.span);
        let kind = found.resource.kind.clone();
        let host = self.host_named(found, &kind);
        let exists = both(self.exists(found), Certainty::Maybe(unknown));
        for (subnet, exists) in self.subnets_of(Some(subnets), exists) {
            let groups = self.groups_of(Some(groups), self.vpc_of_subnet(subnet));
            self.host_interface(found, host, subnet, groups, Vec::new(), exists);
        }
    }

    fn service(&mut self, found: ResourceRef<'a>, family: &Family) {
        let properties = &found.resource.properties;
        let subnets = match family.group {
            None => properties.get_path(family.subnets.split(|part| *part == "*").next().unwrap_or_default()),
            Some(_) => properties.get_path(family.subnets),
        };
        // A database of a cluster takes the cluster's subnets and groups.
        let cluster = properties.get("DBClusterIdentifier").and_then(|value| {
            ["AWS::RDS::DBCluster"].iter().find_map(|kind| self.named_of(kind, Some(value)))
        });
        let own = cluster.map_or(properties, |cluster| &cluster.resource.properties);
        let subnets = cluster.map_or(subnets, |_| own.get("DBSubnetGroupName"));
        let groups =
            if cluster.is_some() { own.get("VpcSecurityGroupIds") } else { own.get_path(family.groups) };
        let Some(subnets) = subnets else {
            // Functions and projects outside a VPC have no interface; a database without a group stands in the default VPC.
            if family.group.is_some() {
                let what = format!("the subnets in which {} stands", found.id);
                self.unknown(what, found.resource.origin.span);
            }
            return;
        };
        let host = self.host_named(found, family.kind);
        let listens = self.listens(found, family);
        if let Some(host) = self.network.hosts.get_mut(host.at()) {
            host.placement = family.placement;
            host.listens = listens;
        }
        let exists = self.exists(found);
        let places = self.places(found, family, subnets, exists);
        let public = self.public_of(found);
        for (subnet, exists) in places {
            let vpc = self.vpc_of_subnet(subnet);
            let mut groups = self.groups_of(groups, vpc);
            if family.more_groups {
                let what = format!("the security group that AWS makes for {}", found.id);
                let id = self.unknown(what, found.resource.origin.span);
                let known = match groups {
                    Groups::Known(known) | Groups::AndUnknown(known, _) => known,
                };
                groups = Groups::AndUnknown(if family.groups.is_empty() { Vec::new() } else { known }, id);
            }
            self.host_interface(found, host, subnet, groups, public_if(public), exists);
        }
    }

    /// Adds an interface of a host in a subnet, at an address that AWS picks there.
    pub(super) fn host_interface(
        &mut self,
        found: ResourceRef<'a>,
        host: crate::model::HostId,
        subnet: crate::model::SubnetId,
        groups: Groups,
        public: Vec<crate::model::PublicAddress>,
        exists: Certainty,
    ) {
        let name = self.name(found);
        self.add_interface(Interface {
            name,
            subnet,
            addresses: vec![Address::WithinV4],
            public,
            groups,
            source_dest_check: Certainty::Yes,
            role: Role::Host,
            host,
            exists,
        });
    }

    /// Whether a service is given public addresses.
    fn public_of(&mut self, found: ResourceRef<'a>) -> Certainty {
        let properties = &found.resource.properties;
        let task = ["AwsvpcConfiguration", "AwsVpcConfiguration"]
            .iter()
            .find_map(|name| properties.get_path(&["NetworkConfiguration", name, "AssignPublicIp"]));
        let value = properties.get("PubliclyAccessible").or(task);
        match value.and_then(Value::as_str) {
            Some("ENABLED") => Certainty::Yes,
            Some("DISABLED") => Certainty::No,
            _ => self.truth(value, false),
        }
    }

    fn places(
        &mut self,
        found: ResourceRef<'a>,
        family: &Family,
        subnets: &'a Value,
        exists: Certainty,
    ) -> Vec<(crate::model::SubnetId, Certainty)> {
        let Some((kind, path)) = family.group else {
            let key = family.subnets.last().copied().unwrap_or_default();
            let items = self.items(Some(subnets), exists);
            let mut out = Vec::new();
            for item in items {
                let value =
                    if family.subnets.contains(&"*") { item.value.get(key) } else { Some(item.value) };
                out.extend(value.map(|value| (self.subnet_of(value, None), item.exists)));
            }
            return out;
        };
        match self.named_of(kind, Some(subnets)) {
            Some(group) => self.subnets_of(group.resource.properties.get_path(path), exists),
            None => {
                let what = format!("the subnets of {} ({})", subnets.describe(), found.id);
                let id = self.unknown(what.clone(), subnets.span);
                vec![(self.subnet_outside_named(&what, id, subnets.span), exists)]
            }
        }
    }

    /// What a service listens on.
    fn listens(&mut self, found: ResourceRef<'a>, family: &Family) -> Option<Services> {
        let (name, default) = family.port;
        let written = self.property(found, name);
        let port = match self.int(written) {
            Ok(Some(port)) => u16::try_from(port).ok(),
            Ok(None) => Some(default).filter(|port| *port != 0).or_else(|| self.port_of_engine(found)),
            Err(_) => None,
        }?;
        let ports = PortRange { first: port, last: port };
        Some(Services { protocols: Protocols::One(6), ports, codes: PortRange::ALL, unknown: None })
    }

    /// Source: Amazon RDS User Guide, "Settings for DB instances", port; Amazon ElastiCache User Guide.
    fn port_of_engine(&mut self, found: ResourceRef<'a>) -> Option<u16> {
        let engine: SmolStr = self.text(self.property(found, "Engine")).ok()??;
        let engine = engine.as_str();
        Some(match engine {
            _ if engine.contains("postgres") => 5432,
            _ if engine.contains("mysql") || engine.contains("mariadb") => 3306,
            _ if engine.starts_with("sqlserver") => 1433,
            _ if engine.starts_with("oracle") => 1521,
            "memcached" => 11211,
            "redis" | "valkey" => 6379,
            _ => return None,
        })
    }

    /// Described services have their interfaces in the list of interfaces; the name is given to those that are its own.
    fn observed_service(&mut self, found: ResourceRef<'a>, family: &Family) {
        let groups = found.resource.properties.get_path(family.groups);
        let Groups::Known(groups) = self.groups_of(groups, None) else { return };
        let word = match family.kind {
            "AWS::RDS::DBInstance" | "AWS::RDS::DBCluster" => "RDSNetworkInterface",
            "AWS::Elasticsearch::Domain" | "AWS::OpenSearchService::Domain" => "ES ",
            "AWS::Lambda::Function" => "AWS Lambda VPC ENI",
            _ => return,
        };
        let listens = self.listens(found, family);
        let named: Vec<usize> = self
            .network
            .interfaces
            .iter()
            .enumerate()
            .filter(|(_, interface)| {
                let host = self.network.hosts.get(interface.host.at());
                host.is_some_and(|host| host.name.label.starts_with(word))
                    && matches!(&interface.groups, Groups::Known(own) if *own == groups)
            })
            .map(|(at, _)| at)
            .collect();
        if named.is_empty() || groups.is_empty() {
            return;
        }
        let host = self.host_named(found, family.kind);
        if let Some(host) = self.network.hosts.get_mut(host.at()) {
            host.placement = family.placement;
            host.listens = listens;
        }
        for at in named {
            if let Some(interface) = self.network.interfaces.get_mut(at) {
                interface.host = host;
            }
        }
        self.made.hosts.insert(key(found), host);
    }
}

/// Types that other files of this folder read, or that only help.
fn is_modelled_elsewhere(kind: &str) -> bool {
    let service = kind.split("::").nth(1).unwrap_or("");
    matches!(
        service,
        "EC2" | "ElasticLoadBalancing" | "ElasticLoadBalancingV2" | "NetworkFirewall" | "AutoScaling"
    ) || kind.ends_with("SubnetGroup")
        || kind == "AWS::CloudFormation::Stack"
}
