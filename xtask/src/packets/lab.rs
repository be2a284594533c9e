//! A small estate as a laboratory can build it.
//!
//! In: an estate of literals and references. Out: a [`Lab`]. Always: read from the resources and not from the network
//! that the engines read, so that a mistake in reading shows as a difference; what cannot be built is refused by
//! name, never left out.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use estate::{Estate, ResourceRef, Value};
use ipnet::Ipv4Net;

/// Everything that is built.
#[derive(Debug, Default)]
pub struct Lab {
    pub vpcs: Vec<Ipv4Net>,
    pub subnets: Vec<Subnet>,
    pub hosts: Vec<Host>,
    pub groups: Vec<Group>,
    pub acls: Vec<Acl>,
    pub tables: Vec<Vec<(Ipv4Net, Target)>>,
    pub internet: Vec<Internet>,
    pub nats: Vec<Nat>,
    pub transits: usize,
    pub attachments: Vec<Attachment>,
    pub transit_tables: Vec<Vec<(Ipv4Net, Option<usize>)>>,
    pub peerings: Vec<(usize, usize)>,
    pub walls: Vec<Wall>,
}

#[derive(Debug)]
pub struct Subnet {
    pub vpc: usize,
    pub table: Option<usize>,
    pub acl: Option<usize>,
}

#[derive(Debug)]
pub struct Host {
    pub name: String,
    pub subnet: usize,
    pub address: Ipv4Addr,
    pub groups: Vec<usize>,
    pub public: Option<Ipv4Addr>,
}

#[derive(Debug, Default)]
pub struct Group {
    pub ingress: Vec<GroupRule>,
    pub egress: Vec<GroupRule>,
}

#[derive(Debug)]
pub struct GroupRule {
    pub peer: Peer,
    pub service: Service,
}

#[derive(Debug)]
pub enum Peer {
    Net(Ipv4Net),
    Group(usize),
}

/// Protocol (`None`: all) and ports (`None`: all; of ICMP the type).
#[derive(Debug, Clone, Copy)]
pub struct Service {
    pub protocol: Option<u8>,
    pub ports: Option<(u16, u16)>,
}

#[derive(Debug, Default)]
pub struct Acl {
    pub ingress: Vec<Entry>,
    pub egress: Vec<Entry>,
}

#[derive(Debug)]
pub struct Entry {
    pub number: i64,
    pub allow: bool,
    pub net: Ipv4Net,
    pub service: Service,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Internet,
    Nat(usize),
    Transit(usize),
    Peering(usize),
    Wall(usize),
}

#[derive(Debug)]
pub struct Internet {
    pub vpc: usize,
    pub table: Option<usize>,
}

#[derive(Debug)]
pub struct Nat {
    pub subnet: usize,
    pub address: Ipv4Addr,
    pub public: Option<Ipv4Addr>,
}

#[derive(Debug)]
pub struct Attachment {
    pub transit: usize,
    pub vpc: usize,
    pub subnet: usize,
    pub table: Option<usize>,
}

/// A firewall endpoint with its policy.
#[derive(Debug)]
pub struct Wall {
    pub subnet: usize,
    pub stateless: Vec<Stateless>,
    pub stateless_default: String,
    pub strict: bool,
    pub defaults: Vec<String>,
    pub midstream_drops: bool,
    pub groups: Vec<RuleText>,
}

#[derive(Debug)]
pub struct Stateless {
    pub action: String,
    pub sources: Vec<Ipv4Net>,
    pub destinations: Vec<Ipv4Net>,
    pub protocols: Vec<u8>,
    pub ports: Vec<(u16, u16)>,
}

/// Suricata rules with the variables they use.
#[derive(Debug)]
pub struct RuleText {
    pub rules: String,
    pub variables: Vec<(String, String)>,
}

/// Reads an estate; `Err` says what of it cannot be built.
pub fn read(estate: &Estate) -> Result<Lab, String> {
    let mut reader = Reader { lab: Lab::default(), at: HashMap::new(), all: Vec::new() };
    for (stack_id, stack) in estate.stacks() {
        for (id, resource) in &stack.resources {
            if resource.condition.is_some() {
                return Err(format!("{id} has a condition"));
            }
            reader.all.push(ResourceRef { stack_id, stack, id, resource });
        }
    }
    reader.network()?;
    reader.filters()?;
    reader.transit()?;
    reader.hosts()?;
    reader.walls()?;
    reader.routes()?;
    reader.refuse_the_rest()?;
    Ok(reader.lab)
}

/// Types that are built, or that do nothing to packets.
const KNOWN: &[&str] = &[
    "AWS::EC2::VPC",
    "AWS::EC2::Subnet",
    "AWS::EC2::RouteTable",
    "AWS::EC2::Route",
    "AWS::EC2::SubnetRouteTableAssociation",
    "AWS::EC2::InternetGateway",
    "AWS::EC2::VPCGatewayAttachment",
    "AWS::EC2::GatewayRouteTableAssociation",
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::NetworkAcl",
    "AWS::EC2::NetworkAclEntry",
    "AWS::EC2::SubnetNetworkAclAssociation",
    "AWS::EC2::Instance",
    "AWS::EC2::EIP",
    "AWS::EC2::NatGateway",
    "AWS::EC2::TransitGateway",
    "AWS::EC2::TransitGatewayAttachment",
    "AWS::EC2::TransitGatewayRouteTable",
    "AWS::EC2::TransitGatewayRouteTableAssociation",
    "AWS::EC2::TransitGatewayRouteTablePropagation",
    "AWS::EC2::TransitGatewayRoute",
    "AWS::EC2::VPCPeeringConnection",
    "AWS::NetworkFirewall::Firewall",
    "AWS::NetworkFirewall::FirewallPolicy",
    "AWS::NetworkFirewall::RuleGroup",
];

pub(super) struct Reader<'a> {
    pub lab: Lab,
    /// Where a resource is in the list of its kind.
    pub at: HashMap<String, usize>,
    pub all: Vec<ResourceRef<'a>>,
}

impl<'a> Reader<'a> {
    pub fn kind(&self, kind: &str) -> Vec<ResourceRef<'a>> {
        self.all.iter().copied().filter(|found| found.resource.kind == kind).collect()
    }

    /// Records where the last of `length` things came from.
    pub fn made(&mut self, found: ResourceRef<'_>, length: usize) {
        self.at.insert(key(found), length - 1);
    }

    /// The position of the resource that a property refers to.
    pub fn refers(&self, found: ResourceRef<'a>, name: &str) -> Result<usize, String> {
        let value =
            found.resource.properties.get(name).ok_or_else(|| format!("{} has no {name}", found.id))?;
        self.position(value).ok_or_else(|| format!("{name} of {} refers to nothing that is built", found.id))
    }

    /// The position of what a value refers to, anywhere within it.
    pub fn position(&self, value: &Value) -> Option<usize> {
        let mut position = None;
        value.walk(&mut |part| {
            if let Some((stack, id)) = part.as_reference().and_then(|reference| reference.resource()) {
                position = position.or_else(|| self.at.get(&format!("{}/{id}", stack.0)).copied());
            }
        });
        position
    }

    fn network(&mut self) -> Result<(), String> {
        for found in self.kind("AWS::EC2::VPC") {
            self.lab.vpcs.push(net(found, "CidrBlock")?);
            self.made(found, self.lab.vpcs.len());
        }
        for found in self.kind("AWS::EC2::RouteTable") {
            self.lab.tables.push(Vec::new());
            self.made(found, self.lab.tables.len());
        }
        for found in self.kind("AWS::EC2::Subnet") {
            let vpc = self.refers(found, "VpcId")?;
            self.lab.subnets.push(Subnet { vpc, table: None, acl: None });
            self.made(found, self.lab.subnets.len());
        }
        for found in self.kind("AWS::EC2::SubnetRouteTableAssociation") {
            let (subnet, table) = (self.refers(found, "SubnetId")?, self.refers(found, "RouteTableId")?);
            if let Some(subnet) = self.lab.subnets.get_mut(subnet) {
                subnet.table = Some(table);
            }
        }
        for found in self.kind("AWS::EC2::VPCGatewayAttachment") {
            let vpc = self.refers(found, "VpcId")?;
            self.lab.internet.push(Internet { vpc, table: None });
            let gateway = found.resource.properties.get("InternetGatewayId").and_then(Value::as_reference);
            let Some((stack, id)) = gateway.and_then(|reference| reference.resource()) else {
                return Err(format!("{} attaches something else than an internet gateway", found.id));
            };
            self.at.insert(format!("{}/{id}", stack.0), self.lab.internet.len() - 1);
        }
        for found in self.kind("AWS::EC2::GatewayRouteTableAssociation") {
            let (gateway, table) = (self.refers(found, "GatewayId")?, self.refers(found, "RouteTableId")?);
            if let Some(gateway) = self.lab.internet.get_mut(gateway) {
                gateway.table = Some(table);
            }
        }
        for found in self.kind("AWS::EC2::VPCPeeringConnection") {
            let ends = (self.refers(found, "VpcId")?, self.refers(found, "PeerVpcId")?);
            self.lab.peerings.push(ends);
            self.made(found, self.lab.peerings.len());
        }
        Ok(())
    }

    fn filters(&mut self) -> Result<(), String> {
        for found in self.kind("AWS::EC2::SecurityGroup") {
            self.lab.groups.push(Group::default());
            self.made(found, self.lab.groups.len());
        }
        for (at, found) in self.kind("AWS::EC2::SecurityGroup").into_iter().enumerate() {
            let (ingress, egress) =
                (self.group_rules(found, "SecurityGroupIngress", "SourceSecurityGroupId")?, {
                    self.group_rules(found, "SecurityGroupEgress", "DestinationSecurityGroupId")?
                });
            let all = found.resource.properties.get("SecurityGroupEgress").is_none();
            if let Some(group) = self.lab.groups.get_mut(at) {
                (group.ingress, group.egress) = (ingress, egress);
                if all {
                    let service = Service { protocol: None, ports: None };
                    group.egress.push(GroupRule { peer: Peer::Net(Ipv4Net::default()), service });
                }
            }
        }
        for found in self.kind("AWS::EC2::NetworkAcl") {
            self.lab.acls.push(Acl::default());
            self.made(found, self.lab.acls.len());
        }
        for found in self.kind("AWS::EC2::NetworkAclEntry") {
            let acl = self.refers(found, "NetworkAclId")?;
            let properties = &found.resource.properties;
            let service = service(
                properties.get("Protocol"),
                properties.get_path(&["PortRange", "From"]),
                properties.get_path(&["PortRange", "To"]),
            )?;
            let entry = Entry {
                number: int(properties.get("RuleNumber")).ok_or("an entry without a number")?,
                allow: text(found, "RuleAction")? == "allow",
                net: net(found, "CidrBlock")?,
                service,
            };
            let egress = properties.get("Egress").and_then(Value::as_bool).unwrap_or(false);
            if let Some(acl) = self.lab.acls.get_mut(acl) {
                if egress { acl.egress.push(entry) } else { acl.ingress.push(entry) }
            }
        }
        for acl in &mut self.lab.acls {
            acl.ingress.sort_by_key(|entry| entry.number);
            acl.egress.sort_by_key(|entry| entry.number);
        }
        for found in self.kind("AWS::EC2::SubnetNetworkAclAssociation") {
            let (subnet, acl) = (self.refers(found, "SubnetId")?, self.refers(found, "NetworkAclId")?);
            if let Some(subnet) = self.lab.subnets.get_mut(subnet) {
                subnet.acl = Some(acl);
            }
        }
        Ok(())
    }

    fn group_rules(&self, found: ResourceRef<'a>, name: &str, group: &str) -> Result<Vec<GroupRule>, String> {
        let list = found.resource.properties.get(name).and_then(Value::as_list).unwrap_or_default();
        let mut out = Vec::new();
        for rule in list {
            let peer = match (rule.get("CidrIp"), rule.get(group)) {
                (Some(cidr), _) => Peer::Net(parse(cidr.as_str())?),
                (None, Some(group)) => Peer::Group(self.position(group).ok_or("a group that is not built")?),
                _ => return Err(format!("a rule of {} without CidrIp or group", found.id)),
            };
            let service = service(rule.get("IpProtocol"), rule.get("FromPort"), rule.get("ToPort"))?;
            out.push(GroupRule { peer, service });
        }
        Ok(out)
    }

    fn transit(&mut self) -> Result<(), String> {
        for found in self.kind("AWS::EC2::TransitGateway") {
            for name in ["DefaultRouteTableAssociation", "DefaultRouteTablePropagation"] {
                if found.resource.properties.get(name).and_then(Value::as_str) != Some("disable") {
                    return Err(format!("{} has {name}: only tables that are written are built", found.id));
                }
            }
            self.lab.transits += 1;
            self.made(found, self.lab.transits);
        }
        for found in self.kind("AWS::EC2::TransitGatewayRouteTable") {
            self.lab.transit_tables.push(Vec::new());
            self.made(found, self.lab.transit_tables.len());
        }
        for found in self.kind("AWS::EC2::TransitGatewayAttachment") {
            let subnets =
                found.resource.properties.get("SubnetIds").and_then(Value::as_list).unwrap_or_default();
            let [subnet] = subnets else {
                return Err(format!("{} has not one subnet: zones are not built", found.id));
            };
            let subnet = self.position(subnet).ok_or("a subnet that is not built")?;
            let (transit, vpc) = (self.refers(found, "TransitGatewayId")?, self.refers(found, "VpcId")?);
            self.lab.attachments.push(Attachment { transit, vpc, subnet, table: None });
            self.made(found, self.lab.attachments.len());
        }
        for found in self.kind("AWS::EC2::TransitGatewayRouteTableAssociation") {
            let (at, table) = (
                self.refers(found, "TransitGatewayAttachmentId")?,
                self.refers(found, "TransitGatewayRouteTableId")?,
            );
            if let Some(attachment) = self.lab.attachments.get_mut(at) {
                attachment.table = Some(table);
            }
        }
        // Static routes come first: of equal prefixes the first counts.
        for found in self.kind("AWS::EC2::TransitGatewayRoute") {
            let table = self.refers(found, "TransitGatewayRouteTableId")?;
            let to = found
                .resource
                .properties
                .get("TransitGatewayAttachmentId")
                .and_then(|value| self.position(value));
            let net = net(found, "DestinationCidrBlock")?;
            if let Some(table) = self.lab.transit_tables.get_mut(table) {
                table.push((net, to));
            }
        }
        for found in self.kind("AWS::EC2::TransitGatewayRouteTablePropagation") {
            let (at, table) = (
                self.refers(found, "TransitGatewayAttachmentId")?,
                self.refers(found, "TransitGatewayRouteTableId")?,
            );
            let vpc = self
                .lab
                .attachments
                .get(at)
                .and_then(|attachment| self.lab.vpcs.get(attachment.vpc))
                .copied();
            if let (Some(net), Some(table)) = (vpc, self.lab.transit_tables.get_mut(table))
                && !table.iter().any(|(known, _)| *known == net)
            {
                table.push((net, Some(at)));
            }
        }
        Ok(())
    }

    fn hosts(&mut self) -> Result<(), String> {
        for found in self.kind("AWS::EC2::Instance") {
            let properties = &found.resource.properties;
            let groups = properties.get("SecurityGroupIds").and_then(Value::as_list).unwrap_or_default();
            let groups: Option<Vec<usize>> = groups.iter().map(|group| self.position(group)).collect();
            let groups =
                groups.filter(|groups| !groups.is_empty()).ok_or("a host without groups that are built")?;
            let host = Host {
                name: found.id.to_string(),
                subnet: self.refers(found, "SubnetId")?,
                address: text(found, "PrivateIpAddress")?.parse().map_err(|_| "an address that is none")?,
                groups,
                public: None,
            };
            self.lab.hosts.push(host);
            self.made(found, self.lab.hosts.len());
        }
        for (at, found) in self.kind("AWS::EC2::EIP").into_iter().enumerate() {
            self.at.insert(key(found), at);
            let Some(instance) = found.resource.properties.get("InstanceId") else { continue };
            let host = self.position(instance).and_then(|host| self.lab.hosts.get_mut(host));
            host.ok_or("an elastic address of something that is not built")?.public = Some(public(at)?);
        }
        for found in self.kind("AWS::EC2::NatGateway") {
            let subnet = self.refers(found, "SubnetId")?;
            let address = text(found, "PrivateIpAddress")?.parse().map_err(|_| "an address that is none")?;
            let public = match found.resource.properties.get("AllocationId") {
                Some(value) => {
                    Some(public(self.position(value).ok_or("an elastic address that is not built")?)?)
                }
                None => None,
            };
            self.lab.nats.push(Nat { subnet, address, public });
            self.made(found, self.lab.nats.len());
        }
        Ok(())
    }

    fn routes(&mut self) -> Result<(), String> {
        for found in self.kind("AWS::EC2::Route") {
            let table = self.refers(found, "RouteTableId")?;
            let targets: [(&str, ToTarget); 5] = [
                ("GatewayId", |_| Target::Internet),
                ("NatGatewayId", Target::Nat),
                ("TransitGatewayId", Target::Transit),
                ("VpcPeeringConnectionId", Target::Peering),
                ("VpcEndpointId", Target::Wall),
            ];
            let target = targets.iter().find_map(|(name, make)| {
                let value = found.resource.properties.get(name)?;
                self.position(value).map(make)
            });
            let target =
                target.ok_or_else(|| format!("route {} goes to something that is not built", found.id))?;
            let net = net(found, "DestinationCidrBlock")?;
            if let Some(table) = self.lab.tables.get_mut(table) {
                table.push((net, target));
            }
        }
        Ok(())
    }

    fn refuse_the_rest(&self) -> Result<(), String> {
        let other = self.all.iter().find(|found| !KNOWN.contains(&found.resource.kind.as_str()));
        other.map_or(Ok(()), |found| Err(format!("{} is not built ({})", found.resource.kind, found.id)))
    }
}

/// A target by its position.
type ToTarget = fn(usize) -> Target;

pub(super) fn key(found: ResourceRef<'_>) -> String {
    format!("{}/{}", found.stack_id.0, found.id)
}

/// The elastic address that the laboratory gives out at a position, from a block for documentation.
/// Source: RFC 5737.
fn public(at: usize) -> Result<Ipv4Addr, String> {
    let last = u8::try_from(at + 10).map_err(|_| "too many elastic addresses")?;
    Ok(Ipv4Addr::new(203, 0, 113, last))
}

pub(super) fn text(found: ResourceRef<'_>, name: &str) -> Result<String, String> {
    let value = found.resource.properties.get(name).and_then(Value::as_text);
    value.map(|value| value.to_string()).ok_or_else(|| format!("{name} of {} is no literal", found.id))
}

fn net(found: ResourceRef<'_>, name: &str) -> Result<Ipv4Net, String> {
    parse(Some(&text(found, name)?))
}

pub(super) fn parse(text: Option<&str>) -> Result<Ipv4Net, String> {
    let text = text.ok_or("a block that is no literal")?;
    text.parse()
        .or_else(|_| text.parse::<Ipv4Addr>().map(Ipv4Net::from))
        .map_err(|_| format!("{text} is no IPv4 block"))
}

pub(super) fn int(value: Option<&Value>) -> Option<i64> {
    value.and_then(Value::as_int)
}

/// Protocol and ports as groups and ACLs write them.
fn service(protocol: Option<&Value>, from: Option<&Value>, to: Option<&Value>) -> Result<Service, String> {
    let name = protocol.and_then(Value::as_text).ok_or("a protocol that is no literal")?;
    let protocol = match name.as_str() {
        "-1" => return Ok(Service { protocol: None, ports: None }),
        "tcp" => 6,
        "udp" => 17,
        "icmp" => 1,
        number => number.parse().map_err(|_| format!("protocol {number}"))?,
    };
    let port = |value: Option<&Value>| int(value).and_then(|port| u16::try_from(port).ok());
    let ports = match (protocol, port(from), port(to)) {
        (1, Some(kind), _) => Some((kind, kind)),
        (1, ..) => None,
        (_, Some(from), Some(to)) => Some((from, to)),
        _ => None,
    };
    Ok(Service { protocol: Some(protocol), ports })
}
