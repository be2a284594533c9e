//! AWS Network Firewall: what may cross the hub.
//!
//! In: the approved flows, in addresses and ports. Out: two rule groups, a policy, a firewall in each zone with a second
//! endpoint behind the internet gateway, the routes that lead every packet through one of the two, and logs of flows
//! and alerts. Always: rules are judged in strict order; what no rule passes is dropped and told. Each zone has a
//! firewall of its own, so that its endpoints are known one by one and a lost zone takes no other with it.
//!
//! Which packets cross what: `Inspection` endpoints stand between the Transit Gateway and everything else (environments
//! to each other, to offices, and to the NAT gateways); `Guard` endpoints stand between the internet gateway and the
//! load balancers. A rule that passes a connection is written for each direction, because Suricata judges packets.
//!
//! Sources: AWS Network Firewall Developer Guide, "Evaluation order for stateful rule groups" (strict order, default
//! actions), "Firewalls and firewall endpoints" (VPC endpoint associations), "Logging network traffic"; Suricata User
//! Guide, "Flow keywords" and "SSL/TLS keywords".

use std::collections::BTreeSet;
use std::fmt::Write as _;

use blueprint::DomainPattern;
use blueprint::cidr::Cidr;
use diagnostics::{Diagnostic, Diagnostics};
use estate::{Call, Function, Kind, SmolStr, Value, value};

use crate::codes::OVER_QUOTA;
use crate::draft::{Draft, Drawn, Say};
use crate::hub::{self, HubTier};
use crate::layout::{HubSite, Layout, Site};
use crate::network::text;
use crate::{addresses, log_delivery, naming};

/// The component's name.
pub(crate) const COMPONENT: &str = "firewall";

/// The capacity of the rule group of approved flows: how many rules it may ever have, because it cannot be changed.
/// A policy has room for 30,000.
/// Source: AWS Network Firewall Developer Guide, "AWS Network Firewall quotas".
const CAPACITY: usize = 20_000;

/// The first number of a rule.
const FIRST_SID: u32 = 1_000_000;
/// How many numbers there are for rules.
const SIDS: u32 = 900_000_000;

/// The stack of the firewall.
pub(crate) fn stack(layout: &Layout<'_>, hub: &HubSite<'_>) -> Drawn {
    let description =
        smol_str::format_smolstr!("The firewall between {} and everybody", layout.blueprint.title);
    let mut draft =
        Draft::new(hub.stacks.firewall, "firewall", &hub.place, COMPONENT, hub.hub.span, description);
    let name = |what: &str| smol_str::format_smolstr!("{}-{what}", layout.blueprint.name);
    let group = |draft: &mut Draft, id: &'static str, name: SmolStr, capacity: usize, rules: String| {
        let properties = value!({
            "Capacity": i64::try_from(capacity).unwrap_or(i64::MAX),
            "RuleGroup": {
                "RulesSource": { "RulesString": rules },
                "StatefulRuleOptions": { "RuleOrder": "STRICT_ORDER" },
            },
            "RuleGroupName": name,
            "Type": "STATEFUL",
            "Tags": hub.tags.list(),
        });
        draft.add(id, "AWS::NetworkFirewall::RuleGroup", properties);
    };
    group(&mut draft, "ApprovedFlows", name("approved-flows"), CAPACITY, approved(layout, hub));
    group(&mut draft, "EverythingElse", name("everything-else"), 1_000, everything_else(layout));
    let properties = value!({
        "FirewallPolicy": {
            "StatefulDefaultActions": ["aws:drop_established", "aws:alert_established"],
            "StatefulEngineOptions": { "RuleOrder": "STRICT_ORDER", "StreamExceptionPolicy": "DROP" },
            "StatefulRuleGroupReferences": [
                { "Priority": 1, "ResourceArn": draft.attribute("ApprovedFlows", "RuleGroupArn") },
                { "Priority": 2, "ResourceArn": draft.attribute("EverythingElse", "RuleGroupArn") }
            ],
            "StatelessDefaultActions": ["aws:forward_to_sfe"],
            "StatelessFragmentDefaultActions": ["aws:forward_to_sfe"],
        },
        "FirewallPolicyName": name("hub"),
        "Tags": hub.tags.list(),
    });
    draft.add("Policy", "AWS::NetworkFirewall::FirewallPolicy", properties);
    logs(hub, &mut draft);
    for (at, zone) in hub.zones() {
        firewall(hub, &mut draft, at, &name(&zone.zone));
        routes(layout, hub, &mut draft, at, zone.gateway);
    }
    draft.finish()
}

fn firewall(hub: &HubSite<'_>, draft: &mut Draft, at: usize, name: &SmolStr) {
    let firewall = smol_str::format_smolstr!("Firewall{at}");
    let properties = value!({
        "DeleteProtection": true,
        "FirewallName": name,
        "FirewallPolicyArn": draft.attribute("Policy", "FirewallPolicyArn"),
        "FirewallPolicyChangeProtection": true,
        "SubnetChangeProtection": true,
        "SubnetMappings": [{ "SubnetId": hub::subnet(hub.stacks, HubTier::Inspection, at) }],
        "VpcId": hub::vpc(hub.stacks),
        "Tags": hub.tags.list(),
    });
    draft.add(firewall.clone(), "AWS::NetworkFirewall::Firewall", properties);
    let properties = value!({
        "Description": "Between the internet gateway and the load balancers",
        "FirewallArn": draft.attribute(firewall.clone(), "FirewallArn"),
        "SubnetMapping": { "SubnetId": hub::subnet(hub.stacks, HubTier::Guard, at) },
        "VpcId": hub::vpc(hub.stacks),
        "Tags": hub.tags.list(),
    });
    draft.add(
        smol_str::format_smolstr!("Guard{at}"),
        "AWS::NetworkFirewall::VpcEndpointAssociation",
        properties,
    );
    let destination = |kind: &'static str| {
        value!({
            "LogDestination": { "logGroup": draft.reference("FirewallLogGroup") },
            "LogDestinationType": "CloudWatchLogs",
            "LogType": kind,
        })
    };
    let destinations = vec![destination("ALERT"), destination("FLOW")];
    let properties = value!({
        "FirewallArn": draft.attribute(firewall, "FirewallArn"),
        "LoggingConfiguration": { "LogDestinationConfigs": destinations },
    });
    draft
        .add(
            smol_str::format_smolstr!("Logging{at}"),
            "AWS::NetworkFirewall::LoggingConfiguration",
            properties,
        )
        .after("LogDelivery");
}

/// Where flows and alerts are written, and the leave to write there.
/// Source: AWS Network Firewall Developer Guide, "Amazon CloudWatch Logs", permissions to configure logging.
fn logs(hub: &HubSite<'_>, draft: &mut Draft) {
    let properties = value!({
        "KmsKeyId": hub::logs_key(hub.stacks),
        "RetentionInDays": hub::LOG_DAYS,
        "Tags": hub.tags.list(),
    });
    draft.add("FirewallLogGroup", "AWS::Logs::LogGroup", properties).retain();
    let group = draft.attribute("FirewallLogGroup", "Arn");
    log_delivery::add(draft, &hub.place, "LogDelivery", "firewall-logs", group);
}

/// The endpoint of a firewall that has one: the only entry of its list, behind the zone's name.
/// Source: AWS CloudFormation Template Reference, AWS::NetworkFirewall::Firewall, return value `EndpointIds`.
fn endpoint(draft: &Draft, at: usize) -> Value {
    let call = |function, arguments| Value::new(Kind::Call(Box::new(Call { function, arguments })));
    let ids = draft.attribute(smol_str::format_smolstr!("Firewall{at}"), "EndpointIds");
    let only = call(Function::Select, vec![0_i64.into(), ids]);
    call(Function::Select, vec![1_i64.into(), call(Function::Split, vec![":".into(), only])])
}

/// Every way through the hub leads to an endpoint of the same zone.
fn routes(layout: &Layout<'_>, hub: &HubSite<'_>, draft: &mut Draft, at: usize, entrance: Cidr) {
    let inspection = endpoint(draft, at);
    let guard = draft.attribute(smol_str::format_smolstr!("Guard{at}"), "EndpointId");
    let mut route = |id: String, table: Value, to: Value, endpoint: &Value| {
        let properties =
            value!({ "DestinationCidrBlock": to, "RouteTableId": table, "VpcEndpointId": endpoint.clone() });
        draft.add(id, "AWS::EC2::Route", properties);
    };
    let table = |tier| hub::route_table(hub.stacks, tier, at);
    let anywhere = || Value::from("0.0.0.0/0");
    route(format!("AttachmentToFirewall{at}"), table(HubTier::Attachment), anywhere(), &inspection);
    for target in layout.space() {
        let id = format!("NatTo{}ThroughFirewall{at}", naming::of_block(target));
        route(id, table(HubTier::Nat), text(target), &inspection);
    }
    route(format!("EntranceToFirewall{at}"), table(HubTier::Entrance), anywhere(), &guard);
    let edge = hub::edge_route_table(hub.stacks);
    route(format!("EdgeToFirewall{at}"), edge, text(entrance), &guard);
}

/// Rules in the language of Suricata, each with a number of its own.
#[derive(Debug, Default)]
struct Rules {
    text: String,
    taken: BTreeSet<u32>,
    count: usize,
}

impl Rules {
    /// Adds a rule. Its number is made of what it says, so that it stays when others come and go.
    fn add(&mut self, head: &str, options: &str) {
        let mut sid = number(head, options);
        while !self.taken.insert(sid) {
            sid += 1;
        }
        let _ = writeln!(self.text, "{head} ({options}; sid:{sid}; rev:1;)");
        self.count += 1;
    }

    /// A TCP connection, both directions.
    fn connection(&mut self, from: &str, to: &str, port: u16, why: &str) {
        self.add(&format!("pass tcp {from} any -> {to} {port}"), &format!("msg:\"{why}\"; flow:to_server"));
        self.add(
            &format!("pass tcp {to} {port} -> {from} any"),
            &format!("msg:\"{why}, answers\"; flow:to_client"),
        );
    }
}

/// FNV-1a of a rule, as a number of a rule.
fn number(head: &str, options: &str) -> u32 {
    let bytes = head.bytes().chain(options.bytes());
    let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    FIRST_SID + hash % SIDS
}

/// All rules, for those who count their bytes.
pub(crate) fn text_of_rules(layout: &Layout<'_>, hub: &HubSite<'_>) -> String {
    approved(layout, hub) + &everything_else(layout)
}

fn approved(layout: &Layout<'_>, hub: &HubSite<'_>) -> String {
    rules(layout, hub).text
}

fn rules(layout: &Layout<'_>, hub: &HubSite<'_>) -> Rules {
    let mut rules = Rules::default();
    let served = |site: &Site<'_>| site.hub.as_ref().is_some_and(|hub| hub.slots.iter().any(Option::is_some));
    if layout.sites.iter().any(served)
        && let Some(entrance) = addresses::gateway_block(hub.network.addresses)
    {
        rules.connection("any", &entrance.to_string(), 443, "the internet reaches load balancers");
    }
    let mut known: BTreeSet<(Cidr, Cidr, u16)> = BTreeSet::new();
    for site in &layout.sites {
        let (Some(joined), name) = (&site.hub, site.name()) else { continue };
        let Some(own) = addresses::outbound_block(site.network.addresses) else { continue };
        for way in &joined.ways.out {
            if known.insert((own, way.to, way.port)) {
                rules.connection(
                    &own.to_string(),
                    &way.to.to_string(),
                    way.port,
                    &format!("an approved flow from {name}"),
                );
            }
        }
        for way in &joined.ways.into {
            let to = match way.part {
                crate::ways::Part::Workload(_) => addresses::gateway_block(site.network.addresses),
                crate::ways::Part::Store(_) => addresses::data_block(site.network.addresses),
            };
            let Some(to) = to else { continue };
            if known.insert((way.from, to, way.port)) {
                rules.connection(
                    &way.from.to_string(),
                    &to.to_string(),
                    way.port,
                    &format!("an approved flow to {name}"),
                );
            }
        }
        for domain in &joined.ways.domains {
            rules.add(
                &format!("pass tls {own} any -> !{} 443", private()),
                &format!("{}; msg:\"{name} calls {}\"; flow:to_server", asks_for(domain), domain.as_str()),
            );
        }
    }
    rules
}

/// Addresses that are nobody's on the internet, as a list of Suricata.
fn private() -> String {
    format!("[{}]", crate::transit_gateway::PRIVATE.join(","))
}

/// A client that asks for a name in the clear part of its first message.
fn asks_for(domain: &DomainPattern) -> String {
    let name = domain.as_str();
    if domain.is_suffix() {
        format!("tls.sni; dotprefix; content:\"{name}\"; nocase; endswith")
    } else {
        format!("tls.sni; content:\"{name}\"; startswith; nocase; endswith")
    }
}

/// What is dropped before the default action is asked. That lets a connection be opened, because only then the client says
/// whom it wants to reach; so it is opened only by those who may call something, to the outside, on the port of TLS.
fn everything_else(layout: &Layout<'_>) -> String {
    let mut rules = Rules::default();
    let callers: BTreeSet<Cidr> = layout
        .sites
        .iter()
        .filter(|site| site.hub.as_ref().is_some_and(|hub| hub.ways.to_internet()))
        .filter_map(|site| addresses::outbound_block(site.network.addresses))
        .collect();
    let list =
        |blocks: &mut dyn Iterator<Item = String>| format!("[{}]", blocks.collect::<Vec<_>>().join(","));
    let private = private();
    let why = "nobody approved this flow";
    rules.add(
        &format!("drop tcp any any -> {private} any"),
        &format!("msg:\"{why}, inside\"; flow:to_server"),
    );
    if callers.is_empty() {
        rules.add("drop tcp any any -> any any", &format!("msg:\"{why}\"; flow:to_server"));
    } else {
        let callers = list(&mut callers.iter().map(ToString::to_string));
        rules.add(
            &format!("drop tcp !{callers} any -> any any"),
            &format!("msg:\"{why}, outside\"; flow:to_server"),
        );
        rules.add("drop tcp any any -> any !443", &format!("msg:\"{why}, port\"; flow:to_server"));
    }
    rules.add("drop udp any any -> any any", &format!("msg:\"{why}, UDP\""));
    rules.add("drop icmp any any -> any any", &format!("msg:\"{why}, ICMP\""));
    rules.add("drop ip any any -> any any", &format!("msg:\"{why}, protocol\"; ip_proto:!6"));
    rules.text
}

/// Refuses more rules than fit.
pub(crate) fn check(layout: &Layout<'_>, diagnostics: &mut Diagnostics) {
    let Some(hub) = &layout.hub else { return };
    let count = rules(layout, hub).count;
    if count > CAPACITY {
        let message =
            format!("the approved flows need {count} firewall rules; a rule group has room for {CAPACITY}");
        let said = Diagnostic::error(OVER_QUOTA, hub.hub.span, message);
        diagnostics.push(said.help("approve flows to and from fewer environments"));
    }
}
