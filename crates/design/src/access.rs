//! Who may reach whom inside an environment: security groups and every rule between them.
//!
//! In: an environment's workloads and databases, and what uses what. Out: a group for each workload, each load
//! balancer and each database, and one pair of rules for each use. Always: a rule names two groups or, for what
//! is served to the internet or to the whole network, a port 443; nothing else is open. All of it is in one
//! stack, so that workloads may use each other without their stacks referring to each other in a circle, and
//! so that one place shows all.
//!
//! Source: Amazon VPC User Guide, "Control traffic to your AWS resources using security groups".

use blueprint::model::{Exposure, Store, StoreKind, Target, Workload};
use diagnostics::Span;
use estate::{SmolStr, Value, value};

use crate::draft::{Draft, Drawn, reference};
use crate::layout::Site;
use crate::{naming, network};

/// The component's name.
pub(crate) const COMPONENT: &str = "access";

/// A load balancer before a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// On the internet, in the gateway tier.
    Internet,
    /// Inside the network, in the application tier.
    Inside,
}

impl Door {
    /// What ids of the door's resources begin with, after the workload's name.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Internet => "",
            Self::Inside => "Internal",
        }
    }
}

/// The load balancers of a workload. One that is on the internet and is also used by others has two: nothing in
/// the application tier has a route to the first.
pub(crate) fn doors(workload: &Workload) -> Vec<Door> {
    match workload.exposure {
        Exposure::Nobody => vec![],
        Exposure::Callers | Exposure::Inside => vec![Door::Inside],
        Exposure::Internet if workload.called_by.is_empty() => vec![Door::Internet],
        Exposure::Internet => vec![Door::Internet, Door::Inside],
    }
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
    Some(draft.finish())
}

fn groups_of(site: &Site<'_>, draft: &mut Draft, workload: &Workload) {
    let name = workload.name.value.as_str();
    let tags = site.tags.and(name, None, &workload.tags);
    draft.at(workload.span);
    let text = smol_str::format_smolstr!("Tasks of {name}");
    add_group(site, draft, workload_id(workload), text, None, &tags);
    for door in doors(workload) {
        draft.at(workload.exposed_by);
        let (text, open) = match door {
            Door::Internet => ("from the internet", Some(("0.0.0.0/0".into(), "TLS from the internet"))),
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
        "Description": "TLS to AWS services through VPC endpoints; there is no route to the internet",
    });
    draft.add(naming::id(name, "ReachesAwsServices"), "AWS::EC2::SecurityGroupEgress", properties);
    for door in doors(workload) {
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
