//! No database has an address on the internet.
//!
//! Sources: Amazon RDS API Reference, CreateDBInstance, `PubliclyAccessible`: when it is not said, an instance is
//! public exactly if the VPC of its subnet group (or the default VPC, without one) has an internet gateway; AWS
//! CloudFormation Template Reference, AWS::DMS::ReplicationInstance (default true), AWS::Redshift::Cluster,
//! AWS::RedshiftServerless::Workgroup, AWS::Neptune::DBInstance (default false), AWS::MSK::Cluster `PublicAccess`;
//! Amazon OpenSearch Service Developer Guide, "Launching your Amazon OpenSearch Service domains within a VPC"; AWS
//! Security Hub controls RDS.2, Redshift.1, DMS.1, Opensearch.2.

use std::collections::BTreeMap;

use estate::{ResourceRef, SmolStr, StackId, Value};

use crate::{Facts, Findings, Guarantee, Judgement, Level, Setting, Words};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "no-public-database",
    title: "no database has an address on the internet",
    level: Level::Critical,
    page: include_str!("../../../../docs/guarantees/no-public-database.md"),
    check,
};

/// What it means when the switch is not there.
#[derive(Clone, Copy)]
enum Default {
    Private,
    Public,
    NotKnown,
    /// As the VPC of the subnet group has an internet gateway or not.
    Vpc,
}

const SWITCHES: [(&str, &str, Default); 15] = [
    ("AWS::RDS::DBInstance", "PubliclyAccessible", Default::Vpc),
    ("AWS::RDS::DBCluster", "PubliclyAccessible", Default::Vpc),
    ("AWS::RDS::DBShardGroup", "PubliclyAccessible", Default::NotKnown),
    ("AWS::Redshift::Cluster", "PubliclyAccessible", Default::Private),
    ("AWS::RedshiftServerless::Workgroup", "PubliclyAccessible", Default::Private),
    ("AWS::DMS::ReplicationInstance", "PubliclyAccessible", Default::Public),
    ("AWS::DMS::InstanceProfile", "PubliclyAccessible", Default::NotKnown),
    ("AWS::Neptune::DBInstance", "PubliclyAccessible", Default::Private),
    ("AWS::NeptuneGraph::Graph", "PublicConnectivity", Default::NotKnown),
    ("AWS::AmazonMQ::Broker", "PubliclyAccessible", Default::NotKnown),
    ("AWS::Lightsail::Database", "PubliclyAccessible", Default::NotKnown),
    ("AWS::Timestream::InfluxDBInstance", "PubliclyAccessible", Default::Private),
    ("AWS::Timestream::InfluxDBCluster", "PubliclyAccessible", Default::Private),
    ("AWS::OpenSearchService::Domain", "VPCOptions", Default::Public),
    ("AWS::Elasticsearch::Domain", "VPCOptions", Default::Public),
];

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let gateways = Gateways::of(facts);
    for (kind, switch, default) in SWITCHES {
        for &database in facts.index.of_kind(kind) {
            // The instances of an Aurora cluster have the addresses, the cluster has none of its own.
            let aurora = |engine: &Value| engine.as_str().is_some_and(|engine| engine.starts_with("aurora"));
            if kind == "AWS::RDS::DBCluster" && database.resource.properties.get("Engine").is_some_and(aurora)
            {
                continue;
            }
            let setting = Setting::of(database.resource, &[switch]);
            let mut related = None;
            let (judgement, fix) = match switch {
                "VPCOptions" => (in_vpc(database, &setting), "VPCOptions with subnets of a VPC".to_owned()),
                _ => {
                    let judgement = setting.judge(|value| match value {
                        Some(value) if value.is_literal() => {
                            Judgement::of(value.as_bool() == Some(false), value)
                        }
                        Some(value) => Judgement::unknown(value),
                        None => unsaid(facts, &gateways, database, default, &mut related),
                    });
                    (judgement, format!("{switch}: false"))
                }
            };
            let noun = match kind {
                "AWS::AmazonMQ::Broker" => "broker",
                "AWS::DMS::ReplicationInstance" | "AWS::DMS::InstanceProfile" => "replication instance",
                "AWS::OpenSearchService::Domain" | "AWS::Elasticsearch::Domain" => "search domain",
                _ => "database",
            };
            let violated = format!("the {noun} has an address that the internet reaches");
            let unknown = format!("the {noun} has no address on the internet");
            let words = Words { violated: &violated, unknown: &unknown, path: switch, fix: &fix };
            if let (Some(finding), Some(gateway)) = (findings.settle(database, judgement, &words), related) {
                let gateway: ResourceRef<'_> = gateway;
                finding.related(gateway.resource.origin.span, "this gives its VPC an internet gateway");
            }
        }
    }
    for &cluster in facts.index.of_kind("AWS::MSK::Cluster") {
        let path = ["BrokerNodeGroupInfo", "ConnectivityInfo", "PublicAccess", "Type"];
        let private =
            Setting::of(cluster.resource, &path).literal(true, |value| value.as_str() == Some("DISABLED"));
        let words = Words {
            violated: "the brokers have addresses that the internet reaches",
            unknown: "the brokers have no address on the internet",
            path: "BrokerNodeGroupInfo/ConnectivityInfo/PublicAccess/Type",
            fix: "PublicAccess: {Type: DISABLED}",
        };
        findings.settle(cluster, private, &words);
    }
}

fn in_vpc(domain: ResourceRef<'_>, setting: &Setting<'_>) -> Judgement {
    setting.judge(|value| match value {
        Some(value) if value.as_map().is_some() => Judgement::Holds,
        Some(value) => Judgement::unknown(value),
        None => Judgement::Fails {
            span: domain.resource.origin.span,
            found: "nothing, so that its endpoint is public and only its access policy guards it".into(),
        },
    })
}

/// Judges a database that does not say whether it is public.
fn unsaid<'a>(
    facts: &Facts<'a>,
    gateways: &Gateways<'a>,
    database: ResourceRef<'a>,
    default: Default,
    related: &mut Option<ResourceRef<'a>>,
) -> Judgement {
    let fails = |found: &str| Judgement::Fails { span: database.resource.origin.span, found: found.into() };
    let doubt = |because: &str| Judgement::doubtful(database.resource, because);
    match default {
        Default::Private => Judgement::Holds,
        Default::Public => fails("nothing, which means `true`"),
        Default::NotKnown => doubt("it does not say so, and what the service chooses is not documented"),
        Default::Vpc => match vpc_of(facts, database) {
            Err(because) => doubt(because),
            Ok(vpc) => match gateways.of_vpc(vpc) {
                Some((_, false)) => {
                    doubt("it does not say so, and its VPC has an internet gateway only under a condition")
                }
                Some((gateway, true)) => {
                    *related = Some(gateway);
                    fails("nothing, which means `true` in a VPC with an internet gateway")
                }
                None if gateways.loose => doubt(
                    "it does not say so, and an internet gateway is attached to a VPC that is not known",
                ),
                None => Judgement::Holds,
            },
        },
    }
}

/// The VPC of a database's subnet group, or why it is not known.
fn vpc_of<'a>(facts: &Facts<'a>, database: ResourceRef<'a>) -> Result<ResourceRef<'a>, &'static str> {
    let cluster = database.resource.properties.get("DBClusterIdentifier");
    let cluster = cluster.and_then(|cluster| facts.index.named("AWS::RDS::DBCluster", cluster));
    let named = |of: ResourceRef<'a>| of.resource.properties.get("DBSubnetGroupName");
    let group = named(database).or_else(|| cluster.and_then(named));
    let Some(group) = group else {
        return Err(
            match cluster.is_some() || database.resource.properties.get("DBClusterIdentifier").is_none() {
                true => {
                    "it does not say so, and it is in the default VPC, which AWS makes with an internet gateway"
                }
                false => "it does not say so, and its cluster is not in the estate",
            },
        );
    };
    let group = facts.index.named("AWS::RDS::DBSubnetGroup", group);
    let group = group.ok_or("it does not say so, and its subnet group is not in the estate")?;
    let subnets = group.resource.properties.alternatives(&["SubnetIds", "*"]);
    let subnets: Vec<_> = subnets.iter().filter_map(|subnet| subnet.value).collect();
    let found = subnets.iter().map(|subnet| facts.index.named("AWS::EC2::Subnet", subnet));
    let found: Option<Vec<_>> = found.collect();
    let found = found.filter(|found| !found.is_empty());
    let found = found.ok_or("it does not say so, and its subnets are not in the estate")?;
    let vpc_of = |subnet: ResourceRef<'a>| {
        let vpc = subnet.resource.properties.get("VpcId")?;
        facts.index.named("AWS::EC2::VPC", vpc)
    };
    let vpcs: Option<Vec<_>> = found.into_iter().map(vpc_of).collect();
    match vpcs.as_deref() {
        Some([first, rest @ ..]) if rest.iter().all(|other| other == first) => Ok(*first),
        Some(_) => Err("it does not say so, and its VPC depends on a condition"),
        None => Err("it does not say so, and its VPC is not in the estate"),
    }
}

/// Which VPCs have an internet gateway, and what attaches it.
struct Gateways<'a> {
    /// What attaches it, and whether that is certain.
    attached: BTreeMap<(StackId, SmolStr), (ResourceRef<'a>, bool)>,
    /// Attachments to a VPC that is not known.
    loose: bool,
}

impl<'a> Gateways<'a> {
    fn of(facts: &Facts<'a>) -> Self {
        let mut out = Self { attached: BTreeMap::new(), loose: false };
        for &attachment in facts.index.of_kind("AWS::EC2::VPCGatewayAttachment") {
            let properties = &attachment.resource.properties;
            if properties.get("InternetGatewayId").is_none() {
                continue;
            }
            for vpc in properties.alternatives_under(&["VpcId"], &attachment.resource.guard()) {
                let Some(value) = vpc.value else { continue };
                match facts.index.named("AWS::EC2::VPC", value) {
                    Some(found) => {
                        let known = (found.stack_id, found.id.clone());
                        let certain = vpc.guard.is_always();
                        let earlier = out.attached.get(&known).is_some_and(|(_, certain)| *certain);
                        if !earlier {
                            out.attached.insert(known, (attachment, certain));
                        }
                    }
                    None => out.loose |= !value.is_literal(),
                }
            }
        }
        out
    }

    fn of_vpc(&self, vpc: ResourceRef<'_>) -> Option<(ResourceRef<'a>, bool)> {
        self.attached.get(&(vpc.stack_id, vpc.id.clone())).copied()
    }
}
