//! Who may reach whom inside an environment: security groups and every rule between them.
//!
//! In: an environment's workloads and databases, and what uses what. Out: a group for each workload, each load
//! balancer and each database, and one pair of rules for each use. Always: a rule names two groups or, for what
//! is served to the internet or to the whole network, a port 443, or the network and port of an approved flow; nothing
//! else is open. All of it is in one
//! stack, so that workloads may use each other without their stacks referring to each other in a circle, and
//! so that one place shows all.
//!
//! Source: Amazon VPC User Guide, "Control traffic to your AWS resources using security groups".

use blueprint::model::{Exposure, Store, StoreKind, Target, Workload};
use diagnostics::Span;
use estate::{SmolStr, Value, value};

use crate::draft::{Draft, Drawn, reference};
use crate::layout::Site;
use crate::ways::Part;
use crate::{ingress, naming, network};

/// The component's name.
pub(crate) const COMPONENT: &str = "access";

/// A load balancer before a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// On the internet, in the gateway tier of a network that has no hub.
    Internet,
    /// In the gateway tier, for what comes through the hub: from the internet, from other networks, from offices.
    Hub,
    /// Inside the network, in the application tier.
    Inside,
}

impl Door {
    /// What ids of the door's resources begin with, after the workload's name.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Internet => "",
            Self::Hub => "Hub",
            Self::Inside => "Internal",
        }
    }
}

/// The logical id of a part of a door.
pub(crate) fn door_word(workload: &Workload, door: Door, what: &str) -> SmolStr {
    naming::id(workload.name.value.as_str(), &format!("{}{what}", door.word()))
}

/// The load balancers of a workload. One that is reached from elsewhere and is also used by others has two: nothing in
/// the application tier has a route to the first.
pub(crate) fn doors(site: &Site<'_>, workload: &Workload) -> Vec<Door> {
    let mut doors = Vec::new();
    let on_the_internet = workload.exposure == Exposure::Internet;
    if site.hub.is_some() && (on_the_internet || workload.reached_by_flow.is_some()) {
        doors.push(Door::Hub);
    } else if on_the_internet {
        doors.push(Door::Internet);
    }
    if workload.exposure == Exposure::Inside || !workload.called_by.is_empty() {
        doors.push(Door::Inside);
    }
    doors
}

/// The group of a workload's tasks.
pub(crate) fn workload_group(site: &Site<'_>, workload: &Workload) -> Value {
    group(site, workload_id(workload))
}

/// The group of a load balancer.
pub(crate) fn door_group(site: &Site<'_>, workload: &Workload, door: Door) -> Value {
    group(site, door_id(workload, door))
}

/// The group of a database.
pub(crate) fn database_group(site: &Site<'_>, store: &Store) -> Value {
    group(site, database_id(store))
}

/// The group of the load balancer that the hub knows by its addresses.
pub(crate) fn behind_group(site: &Site<'_>, workload: &Workload) -> Value {
    group(site, behind_id(workload))
}

fn behind_id(workload: &Workload) -> SmolStr {
    naming::id(workload.name.value.as_str(), "BehindSecurityGroup")
}

fn group(site: &Site<'_>, id: SmolStr) -> Value {
    site.stacks.access.map_or_else(|| Value::from(""), |stack| reference(stack, id))
}

fn workload_id(workload: &Workload) -> SmolStr {
    naming::id(workload.name.value.as_str(), "SecurityGroup")
}

fn door_id(workload: &Workload, door: Door) -> SmolStr {
    let word = door.word();
    naming::id(workload.name.value.as_str(), &format!("{word}LoadBalancerSecurityGroup"))
}

fn database_id(store: &Store) -> SmolStr {
    naming::id(store.name.value.as_str(), "DatabaseSecurityGroup")
}

/// The stack of an environment's security groups.
pub(crate) fn stack(site: &Site<'_>) -> Option<Drawn> {
    let (name, span) = (site.stack_name("access"), site.environment.span);
    let text = smol_str::format_smolstr!("Who may reach whom in {}", site.environment.title);
    let mut draft = Draft::new(site.stacks.access?, name, &site.place, COMPONENT, span, text);
    for (_, store) in site.stores().filter(|(_, store)| matches!(store.kind, StoreKind::Postgresql(_))) {
        draft.at(store.span);
        let text = smol_str::format_smolstr!(
            "Database {}: PostgreSQL over TLS from the workloads that use it",
            store.name
        );
        let tags = site.tags.of_store(store);
        add_group(site, &mut draft, database_id(store), text, None, &tags);
    }
    for (_, workload) in site.workloads() {
        groups_of(site, &mut draft, workload);
    }
    for (_, workload) in site.workloads() {
        rules_of(site, &mut draft, workload);
    }
    ways_in(site, &mut draft);
    Some(draft.finish())
}

fn groups_of(site: &Site<'_>, draft: &mut Draft, workload: &Workload) {
    let name = workload.name.value.as_str();
    let tags = site.tags.and(name, None, &workload.tags);
    draft.at(workload.span);
    let text = smol_str::format_smolstr!("Tasks of {name}");
    add_group(site, draft, workload_id(workload), text, None, &tags);
    if site.slot(workload).is_some() {
        behind(site, draft, workload, &tags);
    }
    for door in doors(site, workload) {
        draft.at(workload.exposed_by);
        let (text, open) = match door {
            Door::Internet => ("from the internet", Some(("0.0.0.0/0".into(), "TLS from the internet"))),
            Door::Hub => ("from the hub", None),
            Door::Inside if workload.exposure == Exposure::Inside => (
                "from inside",
                Some((Value::from(network::block(site)), "TLS from everything in the network")),
            ),
            Door::Inside => ("from the workloads that use it", None),
        };
        let text = smol_str::format_smolstr!("Load balancer of {name}: TLS {text}");
        let open = open.map(|(cidr, why)| {
            value!([{ "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": cidr, "Description": why }])
        });
        add_group(site, draft, door_id(workload, door), text, open, &tags);
    }
}

/// The group of the load balancer that the hub knows by its addresses.
fn behind(site: &Site<'_>, draft: &mut Draft, workload: &Workload, tags: &crate::tags::Tags) {
    let Some(joined) = &site.hub else { return };
    draft.at(workload.exposed_by);
    let text = smol_str::format_smolstr!("Way in to {} from the load balancer at the hub", workload.name);
    let open = value!([{
        "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": ingress::entrance_block(joined),
        "Description": "TLS from the load balancers at the hub",
    }]);
    add_group(site, draft, behind_id(workload), text, Some(open), tags);
}

fn add_group(
    site: &Site<'_>,
    draft: &mut Draft,
    id: SmolStr,
    text: SmolStr,
    open: Option<Value>,
    tags: &crate::tags::Tags,
) {
    let properties = value!({
        "GroupDescription": text,
        "SecurityGroupIngress": open,
        "SecurityGroupEgress": network::nothing_out(),
        "VpcId": network::vpc(site),
        "Tags": tags.named(smol_str::format_smolstr!("{}-{id}", site.name())),
    });
    draft.add(id, "AWS::EC2::SecurityGroup", properties);
}

fn rules_of(site: &Site<'_>, draft: &mut Draft, workload: &Workload) {
    let (name, tasks) = (workload.name.value.as_str(), workload_id(workload));
    // Images, logs and Amazon S3 and DynamoDB: the application tier's routes lead to endpoints and nowhere else.
    draft.at(workload.span);
    let properties = value!({
        "GroupId": draft.reference(tasks.clone()),
        "IpProtocol": "tcp",
        "FromPort": 443,
        "ToPort": 443,
        "CidrIp": "0.0.0.0/0",
        "Description": if site.leaves(workload) {
            "TLS to AWS services through VPC endpoints, and to whatever the firewall of the hub lets pass"
        } else {
            "TLS to AWS services through VPC endpoints; there is no route to the internet"
        },
    });
    draft.add(naming::id(name, "ReachesAwsServices"), "AWS::EC2::SecurityGroupEgress", properties);
    if site.slot(workload).is_some() {
        pair(
            draft,
            workload.exposed_by,
            &Pair {
                from: behind_id(workload),
                to: door_id(workload, Door::Hub),
                port: 443,
                ingress: naming::id(name, "FromBehind"),
                egress: naming::id(name, "BehindToLoadBalancer"),
                text: smol_str::format_smolstr!("{name}: from the way in to its load balancer"),
            },
        );
    }
    ways_out(site, draft, workload);
    for door in doors(site, workload) {
        let port = i64::from(workload.port.value);
        let word = smol_str::format_smolstr!("{}LoadBalancer", door.word());
        pair(
            draft,
            workload.port.span,
            &Pair {
                from: door_id(workload, door),
                to: tasks.clone(),
                port,
                ingress: naming::id(name, &format!("From{word}")),
                egress: naming::id(name, &format!("{word}ToTasks")),
                text: smol_str::format_smolstr!("{name}: from its load balancer to its tasks"),
            },
        );
    }
    for used in &workload.uses {
        let (id, port, other) = match used.target {
            Target::Store(store) => match site.store(store) {
                Some((_, store)) if matches!(store.kind, StoreKind::Postgresql(_)) => {
                    (database_id(store), network::POSTGRESQL, store.name.value.as_str())
                }
                _ => continue,
            },
            Target::Workload(other) => match site.workload(other) {
                Some((_, other)) => (door_id(other, Door::Inside), 443, other.name.value.as_str()),
                None => continue,
            },
        };
        let other_id = naming::pascal(other);
        pair(
            draft,
            used.span,
            &Pair {
                from: tasks.clone(),
                to: id,
                port,
                ingress: naming::id(name, &format!("Into{other_id}")),
                egress: naming::id(name, &format!("To{other_id}")),
                text: smol_str::format_smolstr!("{name} uses {other}"),
            },
        );
    }
}

/// What a workload reaches in other networks, beyond TLS to anywhere that its routes lead.
fn ways_out(site: &Site<'_>, draft: &mut Draft, workload: &Workload) {
    let Some(joined) = &site.hub else { return };
    let at = site.environment.workloads.iter().position(|one| one.name == workload.name);
    let own = joined.ways.out.iter().filter(|way| Some(way.workload) == at && way.port != 443);
    let name = workload.name.value.as_str();
    for way in own {
        let properties = value!({
            "GroupId": draft.reference(workload_id(workload)),
            "IpProtocol": "tcp",
            "FromPort": i64::from(way.port),
            "ToPort": i64::from(way.port),
            "CidrIp": network::text(way.to),
            "Description": smol_str::format_smolstr!("{name}: an approved flow, through the hub"),
        });
        let id = naming::id(name, &format!("Reaches{}On{}", naming::of_block(way.to), way.port));
        draft.at(way.span).add(id, "AWS::EC2::SecurityGroupEgress", properties);
    }
}

/// What other networks reach here.
fn ways_in(site: &Site<'_>, draft: &mut Draft) {
    let Some(joined) = &site.hub else { return };
    for way in &joined.ways.into {
        let (group, name) = match way.part {
            Part::Workload(at) => match site.environment.workloads.get(at) {
                Some(workload) => (door_id(workload, Door::Hub), workload.name.value.as_str()),
                None => continue,
            },
            Part::Store(at) => match site.environment.stores.get(at) {
                Some(store) => (database_id(store), store.name.value.as_str()),
                None => continue,
            },
        };
        let properties = value!({
            "GroupId": draft.reference(group),
            "IpProtocol": "tcp",
            "FromPort": i64::from(way.port),
            "ToPort": i64::from(way.port),
            "CidrIp": network::text(way.from),
            "Description": smol_str::format_smolstr!("{name}: an approved flow, through the hub"),
        });
        let id = naming::id(name, &format!("From{}On{}", naming::of_block(way.from), way.port));
        draft.at(way.span).add(id, "AWS::EC2::SecurityGroupIngress", properties);
    }
}

/// One way from a group to another.
struct Pair {
    from: SmolStr,
    to: SmolStr,
    port: i64,
    ingress: SmolStr,
    egress: SmolStr,
    text: SmolStr,
}

fn pair(draft: &mut Draft, span: Span, pair: &Pair) {
    draft.at(span);
    let properties = value!({
        "GroupId": draft.reference(pair.to.clone()),
        "SourceSecurityGroupId": draft.reference(pair.from.clone()),
        "IpProtocol": "tcp",
        "FromPort": pair.port,
        "ToPort": pair.port,
        "Description": &pair.text,
    });
    draft.add(pair.ingress.clone(), "AWS::EC2::SecurityGroupIngress", properties);
    let properties = value!({
        "GroupId": draft.reference(pair.from.clone()),
        "DestinationSecurityGroupId": draft.reference(pair.to.clone()),
        "IpProtocol": "tcp",
        "FromPort": pair.port,
        "ToPort": pair.port,
        "Description": &pair.text,
    });
    draft.add(pair.egress.clone(), "AWS::EC2::SecurityGroupEgress", properties);
}
