//! A network of its own for each environment: three tiers of subnets in every zone.
//!
//! In: an environment and the addresses that the lock gives it. Out: VPC, subnets, route tables, network ACLs, a
//! way in from the internet where a workload is served there and there is no hub, the attachment to the hub where there
//! is, flow logs, and private ways to the AWS services that workloads need. Always: only load balancers stand in the
//! gateway tier; the application and data tiers have no route to the internet in either direction; with a hub no tier
//! has an internet gateway, and only the outbound tier begins connections that leave the network.
//!
//! The default security group of the VPC cannot be changed through CloudFormation; nothing here uses it, and
//! every resource names the groups of `access` instead.
//!
//! Sources: Amazon VPC User Guide, "Security best practices for your VPC", "Control subnet traffic with network
//! access control lists"; AWS PrivateLink Guide, "Gateway endpoints".

use std::collections::BTreeSet;

use blueprint::cidr::Cidr;
use diagnostics::Span;
use estate::{SmolStr, Value, value};

use crate::draft::{Draft, Drawn, Say, reference};
use crate::layout::{Joined, Site};
use crate::lock::LockedZone;
use crate::ways::Part;
use crate::{addresses, flow_log, keys, names, naming, resolver, transit_gateway};

/// The component's name.
pub(crate) const COMPONENT: &str = "network";

/// The logical id of the attachment to the Transit Gateway.
pub(crate) const ATTACHMENT: &str = "HubAttachment";

/// PostgreSQL's port.
pub(crate) const POSTGRESQL: i64 = 5432;

/// A tier of subnets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tier {
    /// Load balancers that the internet reaches.
    Gateway,
    /// Workloads, and load balancers inside.
    Application,
    /// Databases.
    Data,
    /// Workloads that leave the network, where it is joined to the hub.
    Outbound,
    /// The Transit Gateway's own interfaces, where it is joined to the hub.
    Attachment,
}

impl Tier {
    /// The tiers of an environment.
    fn of(site: &Site<'_>) -> Vec<Self> {
        let mut tiers = vec![Self::Gateway, Self::Application, Self::Data];
        if site.hub.is_some() {
            tiers.push(Self::Attachment);
        }
        if site.any_leaves() {
            tiers.push(Self::Outbound);
        }
        tiers
    }

    /// The subnets' block in a zone; none where the zone has no such tier.
    fn cidr(self, zone: &LockedZone) -> Option<Cidr> {
        match self {
            Self::Gateway => Some(zone.gateway),
            Self::Application => Some(zone.application),
            Self::Data => Some(zone.data),
            Self::Outbound => zone.outbound,
            Self::Attachment => zone.attachment,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Gateway => "Gateway",
            Self::Application => "Application",
            Self::Data => "Data",
            Self::Outbound => "Outbound",
            Self::Attachment => "Attachment",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Application => "application",
            Self::Data => "data",
            Self::Outbound => "outbound",
            Self::Attachment => "attachment",
        }
    }

    fn block(self, zone: &LockedZone) -> Value {
        self.cidr(zone).map_or_else(|| Value::from(""), text)
    }
}

/// A range as AWS writes it.
pub(crate) fn text(block: Cidr) -> Value {
    Value::from(smol_str::format_smolstr!("{block}"))
}

/// The VPC of an environment.
pub(crate) fn vpc(site: &Site<'_>) -> Value {
    reference(site.stacks.network, "Vpc")
}

/// The VPC's block.
pub(crate) fn block(site: &Site<'_>) -> SmolStr {
    smol_str::format_smolstr!("{}", site.network.addresses)
}

/// The subnets of a tier, one for each zone.
pub(crate) fn subnets(site: &Site<'_>, tier: Tier) -> Vec<Value> {
    let word = tier.word();
    site.zones()
        .map(|(at, _)| reference(site.stacks.network, smol_str::format_smolstr!("{word}Subnet{at}")))
        .collect()
}

/// Rules that allow nothing out: a group without any would be given one that allows everything.
/// Source: AWS CloudFormation Template Reference, AWS::EC2::SecurityGroup, `SecurityGroupEgress`.
pub(crate) fn nothing_out() -> Value {
    value!([{ "IpProtocol": "-1", "CidrIp": "127.0.0.1/32", "Description": "Nothing; allowed ways out are added one by one" }])
}

/// The stack of an environment's network.
pub(crate) fn stack(site: &Site<'_>) -> Drawn {
    let (name, span) = (site.stack_name("network"), site.environment.name.span);
    let text = smol_str::format_smolstr!("Network of {}", site.environment.title);
    let mut draft = Draft::new(site.stacks.network, name, &site.place, COMPONENT, span, text);
    vpc_and_subnets(site, &mut draft);
    match &site.hub {
        Some(joined) => attachment(site, &mut draft, joined),
        None if site.environment.is_on_the_internet() => way_in(site, &mut draft),
        None => {}
    }
    access_lists(site, &mut draft);
    flow_logs(site, &mut draft);
    gateway_endpoints(site, &mut draft);
    if !site.environment.workloads.is_empty() {
        interface_endpoints(site, &mut draft);
    }
    resolver::add(site, &mut draft);
    draft.finish()
}

fn named(site: &Site<'_>, what: &str) -> Value {
    site.tags.named(smol_str::format_smolstr!("{}-{what}", site.name()))
}

fn vpc_and_subnets(site: &Site<'_>, draft: &mut Draft) {
    let span = site.environment.addresses.as_ref().map_or(site.environment.name.span, |block| block.span);
    let properties = value!({
        "CidrBlock": block(site),
        "EnableDnsHostnames": true,
        "EnableDnsSupport": true,
        "Tags": named(site, "vpc"),
    });
    draft.at(span).add("Vpc", "AWS::EC2::VPC", properties);
    draft.at(site.environment.zones.span);
    for (at, zone) in site.zones() {
        for tier in Tier::of(site) {
            let word = tier.word();
            let subnet = smol_str::format_smolstr!("{word}Subnet{at}");
            let table = smol_str::format_smolstr!("{word}RouteTable{at}");
            let label = smol_str::format_smolstr!("{}-{}", tier.name(), zone.zone);
            let properties = value!({
                "AvailabilityZoneId": &zone.zone,
                "CidrBlock": tier.block(zone),
                "MapPublicIpOnLaunch": false,
                "VpcId": draft.reference("Vpc"),
                "Tags": named(site, &label),
            });
            draft.add(subnet.clone(), "AWS::EC2::Subnet", properties);
            let properties = value!({ "VpcId": draft.reference("Vpc"), "Tags": named(site, &label) });
            draft.add(table.clone(), "AWS::EC2::RouteTable", properties);
            let properties = value!({
                "RouteTableId": draft.reference(table.clone()),
                "SubnetId": draft.reference(subnet),
            });
            draft.add(
                smol_str::format_smolstr!("{table}Association"),
                "AWS::EC2::SubnetRouteTableAssociation",
                properties,
            );
        }
    }
}

/// The attachment to the Transit Gateway, and routes to it: from the gateway and data tiers to whoever may reach them,
/// from the outbound tier to whatever it may reach, from the application tier nowhere.
/// Source: Amazon VPC User Guide, "Example routing options", routing for a transit gateway; "Best practices for
/// transit gateways", a separate subnet for each attachment.
fn attachment(site: &Site<'_>, draft: &mut Draft, joined: &Joined) {
    draft.at(site.environment.name.span).after(joined.hub.transit_gateway);
    let properties = value!({
        "Options": { "DnsSupport": "enable" },
        "SubnetIds": subnets(site, Tier::Attachment),
        "TransitGatewayId": transit_gateway::id(joined.hub),
        "VpcId": draft.reference("Vpc"),
        "Tags": named(site, "hub"),
    });
    draft.add(ATTACHMENT, "AWS::EC2::TransitGatewayAttachment", properties);
    let served = joined.slots.iter().any(Option::is_some);
    let into = |of: fn(&Part) -> bool| {
        joined.ways.into.iter().filter(move |way| of(&way.part)).map(|way| (way.from, way.span))
    };
    let mut gateway: Vec<(Cidr, Span)> = into(|part| matches!(part, Part::Workload(_))).collect();
    if served {
        gateway.push((joined.entrance, site.environment.name.span));
    }
    let data = into(|part| matches!(part, Part::Store(_))).collect();
    let mut outbound: Vec<(Cidr, Span)> = joined.ways.out.iter().map(|way| (way.to, way.span)).collect();
    if joined.ways.to_internet() {
        outbound = vec![(Cidr::ANY, site.environment.name.span)];
    }
    for (tier, mut targets) in [(Tier::Gateway, gateway), (Tier::Data, data), (Tier::Outbound, outbound)] {
        targets.sort_by_key(|(block, span)| (*block, *span));
        targets.dedup_by_key(|(block, _)| *block);
        for (target, span) in targets {
            for (at, _) in site.zones() {
                let word = tier.word();
                let properties = value!({
                    "DestinationCidrBlock": text(target),
                    "RouteTableId": draft.reference(smol_str::format_smolstr!("{word}RouteTable{at}")),
                    "TransitGatewayId": transit_gateway::id(joined.hub),
                });
                let id = smol_str::format_smolstr!("{word}RouteTo{}Through{at}", naming::of_block(target));
                draft.at(span).add(id, "AWS::EC2::Route", properties).after(ATTACHMENT);
            }
        }
    }
    if served {
        reservations(site, draft);
    }
    names::associate(site, draft, joined);
}

/// Addresses that nothing gets by chance: load balancers stand there that the hub knows by their addresses.
/// Source: Amazon VPC User Guide, "Subnet CIDR reservations".
fn reservations(site: &Site<'_>, draft: &mut Draft) {
    draft.at(site.environment.name.span);
    for (at, zone) in site.zones() {
        let Some(block) = addresses::reservation(zone.gateway) else { continue };
        let properties = value!({
            "Cidr": text(block),
            "Description": "Load balancers that the hub knows by their addresses",
            "ReservationType": "explicit",
            "SubnetId": draft.reference(smol_str::format_smolstr!("GatewaySubnet{at}")),
            "Tags": site.tags.list(),
        });
        draft.add(
            smol_str::format_smolstr!("GatewayReservation{at}"),
            "AWS::EC2::SubnetCidrReservation",
            properties,
        );
    }
}

/// An internet gateway, routed to from the gateway tier alone.
fn way_in(site: &Site<'_>, draft: &mut Draft) {
    let on_the_internet = site
        .environment
        .workloads
        .iter()
        .find(|workload| workload.exposure == blueprint::model::Exposure::Internet);
    draft.at(on_the_internet.map_or(site.environment.span, |workload| workload.exposed_by));
    draft.add("InternetGateway", "AWS::EC2::InternetGateway", value!({ "Tags": named(site, "internet") }));
    let properties = value!({
        "InternetGatewayId": draft.reference("InternetGateway"),
        "VpcId": draft.reference("Vpc"),
    });
    draft.add("InternetGatewayAttachment", "AWS::EC2::VPCGatewayAttachment", properties);
    for (at, _) in site.zones() {
        let properties = value!({
            "DestinationCidrBlock": "0.0.0.0/0",
            "GatewayId": draft.reference("InternetGateway"),
            "RouteTableId": draft.reference(smol_str::format_smolstr!("GatewayRouteTable{at}")),
        });
        let id = smol_str::format_smolstr!("GatewayRouteToInternet{at}");
        draft.add(id, "AWS::EC2::Route", properties).after("InternetGatewayAttachment");
    }
}

/// One rule of a network ACL.
struct Rule {
    egress: bool,
    cidr: Value,
    from: i64,
    to: i64,
}

/// Network ACLs, one for each tier. They are stateless: answers need a rule of their own. What they do not name
/// is denied.
fn access_lists(site: &Site<'_>, draft: &mut Draft) {
    draft.at(site.environment.name.span);
    let anywhere = || Value::from("0.0.0.0/0");
    let vpc = || Value::from(block(site));
    let rule = |egress, cidr, from, to| Rule { egress, cidr, from, to };
    let mut gateway = vec![rule(false, vpc(), 1024, 65535), rule(true, vpc(), 1, 65535)];
    // Answers of Amazon S3 and DynamoDB, which the gateway endpoints bring from public addresses to the ports that
    // Linux picks for outgoing connections (net.ipv4.ip_local_port_range).
    let application = vec![
        rule(false, vpc(), 1, 65535),
        rule(false, anywhere(), 32768, 60999),
        rule(true, vpc(), 1, 65535),
        rule(true, anywhere(), 443, 443),
    ];
    // What comes from elsewhere comes from the estate's own space; security groups say from where in it.
    let elsewhere: Vec<Value> =
        site.hub.iter().flat_map(|hub| &hub.space).map(|block| text(*block)).collect();
    if site.hub.is_some() {
        gateway.push(rule(false, vpc(), 443, 443));
        for block in &elsewhere {
            gateway.push(rule(false, block.clone(), 443, 443));
            gateway.push(rule(true, block.clone(), 1024, 65535));
        }
    } else if site.environment.is_on_the_internet() {
        gateway.push(rule(false, anywhere(), 443, 443));
        gateway.push(rule(true, anywhere(), 1024, 65535));
    }
    let ways = site.hub.as_ref().map(|hub| &hub.ways);
    let reached = ways.is_some_and(|ways| ways.into.iter().any(|way| matches!(way.part, Part::Store(_))));
    let users: Vec<Value> = if reached {
        std::iter::once(vpc()).chain(elsewhere).collect()
    } else {
        let tiers =
            [Tier::Application, Tier::Outbound].into_iter().filter(|tier| Tier::of(site).contains(tier));
        tiers.flat_map(|tier| site.zones().map(move |(_, zone)| tier.block(zone))).collect()
    };
    let data = users
        .iter()
        .map(|cidr| rule(false, cidr.clone(), POSTGRESQL, POSTGRESQL))
        .chain(users.iter().map(|cidr| rule(true, cidr.clone(), 1024, 65535)))
        .collect();
    let mut lists = vec![(Tier::Gateway, gateway), (Tier::Application, application), (Tier::Data, data)];
    if site.any_leaves() {
        lists.push((Tier::Outbound, outbound_rules(site)));
    }
    for (tier, rules) in lists {
        access_list(site, draft, tier, rules);
    }
}

/// The outbound tier: everything inside, TLS to anywhere, the ports of its ways, and answers.
fn outbound_rules(site: &Site<'_>) -> Vec<Rule> {
    let rule = |egress, cidr: &str, from, to| Rule { egress, cidr: Value::from(cidr), from, to };
    let own = block(site);
    let mut rules = vec![
        rule(false, &own, 1, 65535),
        rule(false, "0.0.0.0/0", 32768, 60999),
        rule(true, &own, 1, 65535),
        rule(true, "0.0.0.0/0", 443, 443),
    ];
    let ways = site.hub.iter().flat_map(|hub| &hub.ways.out);
    let ports: BTreeSet<i64> = ways.map(|way| i64::from(way.port)).filter(|port| *port != 443).collect();
    rules.extend(ports.into_iter().map(|port| rule(true, "0.0.0.0/0", port, port)));
    // Answers from within the estate to whichever port a client took: not every client is Linux's.
    let space = site.hub.iter().flat_map(|hub| &hub.space);
    rules.extend(space.map(|block| Rule { egress: false, cidr: text(*block), from: 1024, to: 65535 }));
    rules
}

fn access_list(site: &Site<'_>, draft: &mut Draft, tier: Tier, rules: Vec<Rule>) {
    let word = tier.word();
    let list = smol_str::format_smolstr!("{word}NetworkAcl");
    let properties = value!({ "VpcId": draft.reference("Vpc"), "Tags": named(site, tier.name()) });
    draft.add(list.clone(), "AWS::EC2::NetworkAcl", properties);
    let (mut inbound, mut outbound) = (0_i64, 0_i64);
    for Rule { egress, cidr, from, to } in rules {
        let (way, number) = if egress { ("Out", &mut outbound) } else { ("In", &mut inbound) };
        *number += 1;
        let properties = value!({
            "NetworkAclId": draft.reference(list.clone()),
            "RuleNumber": *number * 10,
            "Protocol": 6,
            "RuleAction": "allow",
            "Egress": egress,
            "CidrBlock": cidr,
            "PortRange": { "From": from, "To": to },
        });
        let id = smol_str::format_smolstr!("{list}{way}{number}");
        draft.add(id, "AWS::EC2::NetworkAclEntry", properties);
    }
    for (at, _) in site.zones() {
        let properties = value!({
            "NetworkAclId": draft.reference(list.clone()),
            "SubnetId": draft.reference(smol_str::format_smolstr!("{word}Subnet{at}")),
        });
        let id = smol_str::format_smolstr!("{list}Association{at}");
        draft.add(id, "AWS::EC2::SubnetNetworkAclAssociation", properties);
    }
}

fn flow_logs(site: &Site<'_>, draft: &mut Draft) {
    draft.at(site.environment.tier.span);
    let vpc = draft.reference("Vpc");
    let logs = flow_log::Logs {
        key: keys::logs_key(site),
        days: site.log_days(),
        tags: &site.tags,
        name: site.name(),
    };
    flow_log::destination(draft, &site.place, &logs);
    flow_log::of(draft, "FlowLog", "VPC", vpc, &logs);
}

/// Requests of this account's principals to this account's resources, and nothing else: data cannot leave through
/// an endpoint to somebody else's bucket or table.
/// Source: AWS whitepaper, "Building a data perimeter on AWS", network perimeter.
fn own_account_only(site: &Site<'_>) -> Value {
    value!({
        "Sid": "OwnPrincipalsToOwnResources",
        "Effect": "Allow",
        "Principal": { "AWS": "*" },
        "Action": "*",
        "Resource": "*",
        "Condition": {
            "StringEquals": {
                "aws:PrincipalAccount": site.place.account_id(),
                "aws:ResourceAccount": site.place.account_id(),
            },
        },
    })
}

/// Amazon S3 and DynamoDB without leaving AWS's network, from the application tier.
fn gateway_endpoints(site: &Site<'_>, draft: &mut Draft) {
    let region = &site.place.region;
    let tiers = [Tier::Application, Tier::Outbound].into_iter().filter(|tier| Tier::of(site).contains(tier));
    let tables: Vec<Value> = tiers
        .flat_map(|tier| site.zones().map(move |(at, _)| (tier, at)))
        .map(|(tier, at)| draft.reference(smol_str::format_smolstr!("{}RouteTable{at}", tier.word())))
        .collect();
    // Amazon ECR keeps image layers in a bucket of its own.
    // Source: Amazon ECR User Guide, "Amazon ECR interface VPC endpoints", minimum Amazon S3 bucket permissions.
    let layers = value!({
        "Sid": "EcrImageLayers",
        "Effect": "Allow",
        "Principal": { "AWS": "*" },
        "Action": "s3:GetObject",
        "Resource": smol_str::format_smolstr!("arn:{}:s3:::prod-{region}-starport-layer-bucket/*", site.place.partition),
    });
    let s3 = if site.environment.workloads.is_empty() {
        vec![own_account_only(site)]
    } else {
        vec![own_account_only(site), layers]
    };
    for (id, service, statements) in
        [("S3Endpoint", "s3", s3), ("DynamoDbEndpoint", "dynamodb", vec![own_account_only(site)])]
    {
        let properties = value!({
            "PolicyDocument": { "Version": "2012-10-17", "Statement": statements },
            "RouteTableIds": tables.clone(),
            "ServiceName": smol_str::format_smolstr!("com.amazonaws.{region}.{service}"),
            "VpcEndpointType": "Gateway",
            "VpcId": draft.reference("Vpc"),
            "Tags": named(site, service),
        });
        draft.add(id, "AWS::EC2::VPCEndpoint", properties);
    }
}

/// What a task on Fargate needs to start without the internet: its image and its log.
/// Source: Amazon ECR User Guide, "Amazon ECR interface VPC endpoints (AWS PrivateLink)".
fn interface_endpoints(site: &Site<'_>, draft: &mut Draft) {
    let properties = value!({
        "GroupDescription": "Interface endpoints: TLS from the network, nothing out",
        "SecurityGroupIngress": [{
            "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": block(site),
            "Description": "TLS from everything in the network",
        }],
        "SecurityGroupEgress": nothing_out(),
        "VpcId": draft.reference("Vpc"),
        "Tags": named(site, "endpoints"),
    });
    draft.add("EndpointSecurityGroup", "AWS::EC2::SecurityGroup", properties);
    let subnets = subnets(site, Tier::Application);
    for (id, service) in
        [("EcrApiEndpoint", "ecr.api"), ("EcrImagesEndpoint", "ecr.dkr"), ("LogsEndpoint", "logs")]
    {
        let properties = value!({
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [{
                    "Sid": "OwnPrincipals",
                    "Effect": "Allow",
                    "Principal": { "AWS": "*" },
                    "Action": "*",
                    "Resource": "*",
                    "Condition": { "StringEquals": { "aws:PrincipalAccount": site.place.account_id() } },
                }],
            },
            "PrivateDnsEnabled": true,
            "SecurityGroupIds": [draft.reference("EndpointSecurityGroup")],
            "ServiceName": smol_str::format_smolstr!("com.amazonaws.{}.{service}", site.place.region),
            "SubnetIds": subnets.clone(),
            "VpcEndpointType": "Interface",
            "VpcId": draft.reference("Vpc"),
            "Tags": named(site, service),
        });
        draft.add(id, "AWS::EC2::VPCEndpoint", properties);
    }
}
