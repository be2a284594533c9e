//! Load balancers (version 2), their listeners and target groups.
//!
//! Source: Elastic Load Balancing API Reference version 2015-12-01, `LoadBalancer`, `Listener`, `Rule`,
//! `TargetGroup`, `TargetHealthDescription`; AWS CloudFormation Template Reference, the types named.

use document::Node;
use estate::{Value, value};
use smol_str::SmolStr;

use super::kinds::{How, Known, Shape, item, nothing};
use super::network::whose;
use super::session::{Draft, File, Session, at, text_at};
use super::value::value as valued;

/// What is read here.
pub static KNOWN: &[Known] = &[
    (
        "LoadBalancers",
        How::Items(Shape {
            id: "LoadBalancerArn",
            kind: "AWS::ElasticLoadBalancingV2::LoadBalancer",
            properties: &[
                ("LoadBalancerName", "Name"),
                ("Scheme", "Scheme"),
                ("Type", "Type"),
                ("IpAddressType", "IpAddressType"),
                ("SecurityGroups", "SecurityGroups"),
                (
                    "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic",
                    "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic",
                ),
            ],
            more: load_balancer,
        }),
    ),
    ("Listeners", How::Items(LISTENER)),
    ("LoadBalancerListeners", How::List(listeners)),
    ("LoadBalancerAttributes", How::List(load_balancer_attributes)),
    (
        "Rules",
        How::Items(Shape {
            id: "RuleArn",
            kind: "AWS::ElasticLoadBalancingV2::ListenerRule",
            properties: &[("Conditions", "Conditions"), ("Actions", "Actions")],
            more: rule,
        }),
    ),
    (
        "TargetGroups",
        How::Items(Shape {
            id: "TargetGroupArn",
            kind: "AWS::ElasticLoadBalancingV2::TargetGroup",
            properties: &[
                ("TargetGroupName", "Name"),
                ("Port", "Port"),
                ("Protocol", "Protocol"),
                ("ProtocolVersion", "ProtocolVersion"),
                ("VpcId", "VpcId"),
                ("TargetType", "TargetType"),
                ("IpAddressType", "IpAddressType"),
                ("HealthCheckEnabled", "HealthCheckEnabled"),
                ("HealthCheckIntervalSeconds", "HealthCheckIntervalSeconds"),
                ("HealthCheckPath", "HealthCheckPath"),
                ("HealthCheckPort", "HealthCheckPort"),
                ("HealthCheckProtocol", "HealthCheckProtocol"),
                ("HealthCheckTimeoutSeconds", "HealthCheckTimeoutSeconds"),
                ("HealthyThresholdCount", "HealthyThresholdCount"),
                ("UnhealthyThresholdCount", "UnhealthyThresholdCount"),
                ("Matcher", "Matcher"),
            ],
            more: nothing,
        }),
    ),
    ("TargetGroupAttributes", How::List(target_group_attributes)),
    ("LoadBalancerTargetHealth", How::List(target_health)),
    ("TargetHealthDescriptions", How::List(target_health_of_file)),
    ("Attributes", How::List(attributes_of_file)),
    // Classic load balancers forward packets and are not modelled: they stand there as what they are.
    (
        "LoadBalancerDescriptions",
        How::Items(Shape {
            id: "LoadBalancerName",
            kind: "AWS::ElasticLoadBalancing::LoadBalancer",
            properties: &[
                ("LoadBalancerName", "LoadBalancerName"),
                ("Scheme", "Scheme"),
                ("Subnets", "Subnets"),
                ("SecurityGroups", "SecurityGroups"),
            ],
            more: classic,
        }),
    ),
];

const LISTENER: Shape = Shape {
    id: "ListenerArn",
    kind: "AWS::ElasticLoadBalancingV2::Listener",
    properties: &[
        ("LoadBalancerArn", "LoadBalancerArn"),
        ("Port", "Port"),
        ("Protocol", "Protocol"),
        ("DefaultActions", "DefaultActions"),
        ("Certificates", "Certificates"),
        ("SslPolicy", "SslPolicy"),
        ("AlpnPolicy", "AlpnPolicy"),
        ("MutualAuthentication", "MutualAuthentication"),
    ],
    more: nothing,
};

const LOAD_BALANCER: &str = "load balancer";
const TARGET_GROUP: &str = "target group";

/// Addresses that were chosen are written as mappings of subnets; the rest of the zones stays observed.
fn load_balancer(session: &mut Session, _: &File, node: &Node, draft: &mut Draft) {
    let zones = session.items(node, "AvailabilityZones");
    let mut mappings: Vec<Value> = Vec::new();
    let mut chosen = false;
    for zone in zones {
        let Some(subnet) = at(zone, &["SubnetId"]) else { continue };
        let address = zone.get("LoadBalancerAddresses").and_then(Node::as_list).and_then(<[Node]>::first);
        let field = |name: &str| address.and_then(|address| at(address, &[name]));
        let (allocation, private, ipv6) =
            (field("AllocationId"), field("PrivateIPv4Address"), field("IPv6Address"));
        chosen |= allocation.is_some() || private.is_some() || ipv6.is_some();
        let mapping = value!({
            "SubnetId": subnet, "AllocationId": allocation, "PrivateIPv4Address": private, "IPv6Address": ipv6,
        });
        mappings.push(mapping.spanned(zone.span));
    }
    if chosen {
        draft.set("SubnetMappings", mappings);
    } else {
        let subnets: Vec<Value> = zones.iter().filter_map(|zone| at(zone, &["SubnetId"])).collect();
        draft.set("Subnets", subnets);
    }
}

fn classic(session: &mut Session, _: &File, node: &Node, draft: &mut Draft) {
    draft.id = smol_str::format_smolstr!("loadbalancer/{}", draft.id);
    let listeners = session.items(node, "ListenerDescriptions").iter();
    let listeners: Vec<Value> = listeners.filter_map(|listener| at(listener, &["Listener"])).collect();
    draft.set("Listeners", listeners);
}

/// `describe-listeners` for each load balancer, wrapped with its ARN.
fn listeners(session: &mut Session, file: &File, items: &[Node]) {
    for wrapped in items {
        for (index, node) in session.items(wrapped, "Listeners").iter().enumerate() {
            if let Some(draft) = item(session, file, "Listeners", index, &LISTENER, node) {
                session.add(draft);
            }
        }
    }
}

/// The listener's ARN is the rule's without its last part.
fn rule(_: &mut Session, _: &File, node: &Node, draft: &mut Draft) {
    let listener =
        draft.id.rsplit_once('/').map(|(listener, _)| listener.replace(":listener-rule/", ":listener/"));
    draft.set("ListenerArn", listener);
    let priority = text_at(node, &["Priority"]).and_then(|text| text.parse::<i64>().ok());
    draft.set("Priority", priority);
}

fn load_balancer_attributes(session: &mut Session, file: &File, items: &[Node]) {
    attributes(session, file, items, "LoadBalancerArn", LOAD_BALANCER, "LoadBalancerAttributes");
}

fn target_group_attributes(session: &mut Session, file: &File, items: &[Node]) {
    attributes(session, file, items, "TargetGroupArn", TARGET_GROUP, "TargetGroupAttributes");
}

fn attributes(
    session: &mut Session,
    file: &File,
    items: &[Node],
    id: &str,
    what: &'static str,
    property: &'static str,
) {
    for (index, node) in items.iter().enumerate() {
        match (session.text(node, id), node.get("Attributes")) {
            (Some(about), Some(list)) => {
                let mut value = valued(list);
                if let estate::Kind::List(items) = &mut value.kind {
                    // An attribute that is not set is listed with an empty value.
                    items.retain(|item| item.get("Value").and_then(Value::as_str) != Some(""));
                }
                session.fact(about, what, true, property, value);
            }
            _ => session.bad_item(
                file,
                property,
                index,
                node,
                &format!("a mapping with `{id}` and `Attributes`"),
            ),
        }
    }
}

fn target_health(session: &mut Session, file: &File, items: &[Node]) {
    for (index, node) in items.iter().enumerate() {
        let Some(about) = session.text(node, "TargetGroupArn") else {
            session.bad_item(
                file,
                "LoadBalancerTargetHealth",
                index,
                node,
                "a mapping with its target group's ARN",
            );
            continue;
        };
        let descriptions = session.items(node, "TargetHealthDescriptions");
        let mut targets: Vec<Value> = Vec::new();
        for description in descriptions {
            if let Some(target) = description.get("Target") {
                targets.push(valued(target));
            }
        }
        let observed: Vec<Value> = descriptions.iter().map(valued).collect();
        let span = node.span;
        session.fact(about.clone(), TARGET_GROUP, true, "Targets", Value::from(targets).spanned(span));
        let observed = Value::from(observed).spanned(span);
        session.fact(about, TARGET_GROUP, false, "TargetHealthDescriptions", observed);
    }
}

/// `describe-target-health` does not name the group.
fn target_health_of_file(session: &mut Session, file: &File, _: &[Node]) {
    whose(session, file, "TargetHealthDescriptions", "LoadBalancerTargetHealth");
}

fn attributes_of_file(session: &mut Session, file: &File, _: &[Node]) {
    whose(session, file, "Attributes", "LoadBalancerAttributes");
}

/// The number of the account that an ARN names.
pub fn account_of(arn: &str) -> Option<SmolStr> {
    let account = arn.split(':').nth(4)?;
    (account.len() == 12).then(|| SmolStr::new(account))
}
