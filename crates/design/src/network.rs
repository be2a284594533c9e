//! A network of its own for each environment: three tiers of subnets in every zone.
//!
//! In: an environment and the addresses that the lock gives it. Out: VPC, subnets, route tables, network ACLs, a
//! way in from the internet where a workload is served there, flow logs, and private ways to the AWS services
//! that workloads need. Always: only load balancers stand in the gateway tier; the application and data tiers
//! have no route to the internet in either direction; the data tier speaks with the application tier alone.
//!
//! The default security group of the VPC cannot be changed through CloudFormation; nothing here uses it, and
//! every resource names the groups of `access` instead.
//!
//! Sources: Amazon VPC User Guide, "Security best practices for your VPC", "Control subnet traffic with network
//! access control lists"; AWS PrivateLink Guide, "Gateway endpoints".

use estate::{SmolStr, Value, value};

use crate::draft::{Draft, Drawn, Say, reference};
use crate::keys;
use crate::layout::Site;
use crate::lock::LockedZone;

/// The component's name.
pub(crate) const COMPONENT: &str = "network";

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
}

impl Tier {
    const ALL: [Self; 3] = [Self::Gateway, Self::Application, Self::Data];

    fn word(self) -> &'static str {
        match self {
            Self::Gateway => "Gateway",
            Self::Application => "Application",
            Self::Data => "Data",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Application => "application",
            Self::Data => "data",
        }
    }

    fn block(self, zone: &LockedZone) -> Value {
        let block = match self {
            Self::Gateway => zone.gateway,
            Self::Application => zone.application,
            Self::Data => zone.data,
        };
        Value::from(smol_str::format_smolstr!("{block}"))
    }
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
    if site.environment.is_on_the_internet() {
        way_in(site, &mut draft);
    }
    access_lists(site, &mut draft);
    flow_logs(site, &mut draft);
    gateway_endpoints(site, &mut draft);
    if !site.environment.workloads.is_empty() {
        interface_endpoints(site, &mut draft);
    }
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
        for tier in Tier::ALL {
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
    if site.environment.is_on_the_internet() {
        gateway.push(rule(false, anywhere(), 443, 443));
        gateway.push(rule(true, anywhere(), 1024, 65535));
    }
    // Answers of Amazon S3 and DynamoDB, which the gateway endpoints bring from public addresses to the ports that
    // Linux picks for outgoing connections (net.ipv4.ip_local_port_range).
    let application = vec![
        rule(false, vpc(), 1, 65535),
        rule(false, anywhere(), 32768, 60999),
        rule(true, vpc(), 1, 65535),
        rule(true, anywhere(), 443, 443),
    ];
    let of_application = || site.zones().map(|(_, zone)| Tier::Application.block(zone));
    let data = of_application()
        .map(|cidr| rule(false, cidr, POSTGRESQL, POSTGRESQL))
        .chain(of_application().map(|cidr| rule(true, cidr, 1024, 65535)))
        .collect();
    for (tier, rules) in [(Tier::Gateway, gateway), (Tier::Application, application), (Tier::Data, data)] {
        access_list(site, draft, tier, rules);
    }
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

/// Every packet's header, accepted or not, in an encrypted log group.
/// Source: Amazon VPC User Guide, "Publish flow logs to CloudWatch Logs".
fn flow_logs(site: &Site<'_>, draft: &mut Draft) {
    draft.at(site.environment.tier.span);
    let properties = value!({
        "KmsKeyId": keys::logs_key(site),
        "RetentionInDays": site.log_days(),
        "Tags": site.tags.list(),
    });
    draft.add("FlowLogGroup", "AWS::Logs::LogGroup", properties).retain();
    let properties = value!({
        "Description": "Lets VPC flow logs write to their log group",
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Service": "vpc-flow-logs.amazonaws.com" },
                "Action": "sts:AssumeRole",
                "Condition": { "StringEquals": { "aws:SourceAccount": site.place.account_id() } },
            }],
        },
        "Policies": [{
            "PolicyName": "WriteFlowLogs",
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [{
                    "Effect": "Allow",
                    "Action": ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
                    "Resource": draft.attribute("FlowLogGroup", "Arn"),
                }],
            },
        }],
        "Tags": site.tags.list(),
    });
    draft.add("FlowLogRole", "AWS::IAM::Role", properties);
    let properties = value!({
        "DeliverLogsPermissionArn": draft.attribute("FlowLogRole", "Arn"),
        "LogDestinationType": "cloud-watch-logs",
        "LogGroupName": draft.reference("FlowLogGroup"),
        "MaxAggregationInterval": 60,
        "ResourceId": draft.reference("Vpc"),
        "ResourceType": "VPC",
        "TrafficType": "ALL",
        "Tags": named(site, "flow-log"),
    });
    draft.add("FlowLog", "AWS::EC2::FlowLog", properties);
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
    let tables: Vec<Value> = site
        .zones()
        .map(|(at, _)| draft.reference(smol_str::format_smolstr!("ApplicationRouteTable{at}")))
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
