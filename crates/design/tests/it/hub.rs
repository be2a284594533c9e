//! The hub of the network: one way in and out, and only approved flows.

use std::collections::{BTreeMap, BTreeSet};

use design::{Design, Lock};
use estate::{Estate, Kind};
use serde_json::Value as Json;

use crate::dump::template;
use crate::source;

/// Three environments: the portal of one is on the internet and calls a payment service, operations reach it.
const HUB: &str = "\
name: acme
domain: acme.example
contacts: { security: security@acme.example }
regions: { primary: us-east-1 }
network: { addresses: 10.16.0.0/12, hub: { account: network } }
organization:
  email: aws+{account}@acme.example
  units:
    security: { accounts: [audit, log-archive] }
    shared: { accounts: [network, operations] }
    live: { accounts: [production] }
    play: { accounts: [sandbox] }
environments:
  production: { tier: production }
  operations: { tier: staging }
  sandbox: { tier: sandbox }
stores:
  records: { kind: postgresql, environments: [production] }
workloads:
  portal: { runs-on: fargate, reached-from: internet, uses: [records], environments: [production] }
  worker: { runs-on: fargate, uses: [records], environments: [production] }
  console: { runs-on: fargate, environments: [operations] }
flows:
  - { from: operations/console, to: production/portal }
  - { from: operations/console, to: production/records }
  - { from: production/portal, to: internet, domains: [api.stripe.com, .ubuntu.com] }
";

fn templates(estate: &Estate) -> BTreeMap<String, Json> {
    estate.stacks().map(|(id, stack)| (estate.stack_path(id), template(estate, id, stack))).collect()
}

/// The resources of a type, with the path of their stack.
fn of_kind<'e>(design: &'e Design, kind: &str) -> Vec<(String, &'e str, &'e estate::Resource)> {
    let stacks = design.estate.stacks();
    stacks
        .flat_map(|(id, stack)| {
            let path = design.estate.stack_path(id);
            stack.resources.iter().map(move |(id, resource)| (path.clone(), id.as_str(), resource))
        })
        .filter(|(_, _, resource)| resource.kind == kind)
        .collect()
}

fn text<'e>(resource: &'e estate::Resource, property: &str) -> &'e str {
    resource.properties.get(property).and_then(estate::Value::as_str).unwrap_or("")
}

#[test]
fn the_estate_has_one_internet_gateway_and_nothing_reaches_it_but_through_the_firewall() {
    let design = source::compile(HUB, &Lock::default());
    let gateways = of_kind(&design, "AWS::EC2::InternetGateway");
    assert_eq!(gateways.len(), 1);
    assert_eq!(gateways[0].0, "network/us-east-1/hub");
    let to_gateway: BTreeSet<&str> = of_kind(&design, "AWS::EC2::Route")
        .into_iter()
        .filter(|(_, _, route)| route.properties.get("GatewayId").is_some())
        .map(|(_, id, _)| id.trim_end_matches(char::is_numeric))
        .collect();
    assert_eq!(to_gateway, ["GuardRouteToInternet", "NatRouteToInternet"].into());
    // The load balancers' way out, and the way in to them, are the firewall's second endpoint.
    for (_, id, route) in of_kind(&design, "AWS::EC2::Route") {
        let endpoint = route.properties.get("VpcEndpointId");
        let guarded = id.starts_with("EntranceToFirewall") || id.starts_with("EdgeToFirewall");
        if guarded {
            let named = endpoint.and_then(estate::Value::as_reference).and_then(|one| one.resource());
            assert!(named.is_some_and(|(_, id)| id.starts_with("Guard")), "{id}");
        }
    }
    let balancers = of_kind(&design, "AWS::ElasticLoadBalancingV2::LoadBalancer");
    let open: Vec<&str> = balancers
        .iter()
        .filter(|(_, _, one)| text(one, "Scheme") == "internet-facing")
        .map(|(path, ..)| path.as_str())
        .collect();
    assert_eq!(open, ["network/us-east-1/hub-production"]);
}

#[test]
fn an_environment_has_routes_to_what_is_approved_and_to_nothing_else() {
    let design = source::compile(HUB, &Lock::default());
    let mut routes: BTreeMap<String, Vec<(String, bool)>> = BTreeMap::new();
    for (path, id, route) in of_kind(&design, "AWS::EC2::TransitGatewayRoute") {
        if id == "RouteFromHub" {
            continue;
        }
        let black_hole =
            matches!(route.properties.get("Blackhole").map(|value| &value.kind), Some(Kind::Bool(true)));
        let to = text(route, "DestinationCidrBlock").to_owned();
        routes.entry(path).or_default().push((to, black_hole));
    }
    // production: operations' outbound tier, the load balancers at the hub, the internet; private ranges lead nowhere.
    let production = &routes["network/us-east-1/hub-production"];
    let live: Vec<&str> = production.iter().filter(|(_, hole)| !hole).map(|(to, _)| to.as_str()).collect();
    assert_eq!(live, ["10.17.240.0/20", "10.19.192.0/19", "0.0.0.0/0"]);
    let holes: Vec<&str> = production.iter().filter(|(_, hole)| *hole).map(|(to, _)| to.as_str()).collect();
    assert_eq!(holes, ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]);
    // operations: production's load balancers and databases.
    let operations: Vec<&str> =
        routes["network/us-east-1/hub-operations"].iter().map(|(to, _)| to.as_str()).collect();
    assert_eq!(operations, ["10.16.128.0/18", "10.16.192.0/19"]);
    // The sandbox has nothing to do with anybody: it is not even attached.
    let attachments = of_kind(&design, "AWS::EC2::TransitGatewayAttachment");
    let attached: BTreeSet<&str> =
        attachments.iter().map(|(path, ..)| path.split('/').next().unwrap()).collect();
    assert_eq!(attached, ["network", "operations", "production"].into());
}

#[test]
fn nobody_inside_comes_in_by_the_load_balancers_on_the_internet() {
    let design = source::compile(HUB, &Lock::default());
    let entries = of_kind(&design, "AWS::EC2::NetworkAclEntry");
    let (_, _, first) = entries.iter().find(|(_, id, _)| *id == "EntranceNetworkAclIn1").unwrap();
    assert_eq!((text(first, "RuleAction"), text(first, "CidrBlock")), ("deny", "10.16.0.0/12"));
}

#[test]
fn only_workloads_that_leave_stand_where_a_route_leads_out() {
    let design = source::compile(HUB, &Lock::default());
    let tiers: BTreeMap<&str, bool> = of_kind(&design, "AWS::ECS::Service")
        .into_iter()
        .map(|(_, id, service)| {
            let mut outbound = false;
            service.properties.walk(&mut |value| {
                let named = value.as_reference().and_then(|one| one.resource());
                outbound |= named.is_some_and(|(_, id)| id.starts_with("OutboundSubnet"));
            });
            (id, outbound)
        })
        .collect();
    assert_eq!(tiers, [("ConsoleService", true), ("PortalService", true), ("WorkerService", false)].into());
}

#[test]
fn the_rules_of_the_firewall() {
    let design = source::compile(HUB, &Lock::default());
    let rules: String = of_kind(&design, "AWS::NetworkFirewall::RuleGroup")
        .into_iter()
        .map(|(_, id, group)| {
            let rules = group.properties.get_path(&["RuleGroup", "RulesSource", "RulesString"]);
            format!("# {id}\n{}", rules.and_then(estate::Value::as_str).unwrap_or(""))
        })
        .collect();
    insta::assert_snapshot!(rules);
}

#[test]
fn adding_an_environment_changes_what_belongs_to_it_and_the_rules_of_the_firewall() {
    let before = source::compile(HUB, &Lock::default());
    let more = HUB
        .replace("live: { accounts: [production] }", "live: { accounts: [extra, production] }")
        .replace(
            "  production: { tier: production }",
            "  extra: { tier: staging }\n  production: { tier: production }",
        )
        .replace(
            "[records], environments: [production] }\n  worker",
            "[records], environments: [production, extra] }\n  worker",
        )
        .replace("postgresql, environments: [production]", "postgresql, environments: [production, extra]")
        .replace("flows:\n", "flows:\n  - { from: extra/portal, to: internet, domains: [api.stripe.com] }\n");
    let after = source::compile(&more, &before.lock);
    let (old, new) = (templates(&before.estate), templates(&after.estate));
    let changed: Vec<&str> = new
        .iter()
        .filter(|(path, text)| old.get(*path) != Some(text) && !path.starts_with("extra/"))
        .map(|(path, _)| path.as_str())
        .collect();
    assert_eq!(
        changed,
        ["management/us-east-1/organization", "network/us-east-1/firewall", "network/us-east-1/hub-extra"]
    );
    let differing = |path: &str| -> Vec<String> {
        let resources = new[path]["Resources"].as_object().unwrap();
        resources
            .iter()
            .filter(|(id, one)| old[path]["Resources"].get(id.as_str()) != Some(one))
            .map(|(id, _)| id.clone())
            .collect()
    };
    assert_eq!(differing("network/us-east-1/firewall"), ["ApprovedFlows", "EverythingElse"]);
    assert_eq!(differing("management/us-east-1/organization"), ["ExtraAccount"]);
    // Rules that were there are still there, word for word, their numbers included.
    let rules = |all: &BTreeMap<String, Json>| -> BTreeSet<String> {
        let group = &all["network/us-east-1/firewall"]["Resources"]["ApprovedFlows"]["Properties"];
        let text = group["RuleGroup"]["RulesSource"]["RulesString"].as_str().unwrap();
        text.lines().map(str::to_owned).collect()
    };
    assert!(rules(&old).is_subset(&rules(&new)));
    for network in &before.lock.networks {
        assert!(after.lock.networks.contains(network), "{}", network.environment);
    }
    assert_eq!(before.lock.ingress[0], after.lock.ingress[0]);
}

#[test]
fn an_office_has_two_strong_tunnels_and_a_table_of_its_own() {
    let text = HUB
        .replace(
            "hub: { account: network }",
            "hub: {}, offices: { london: { address: 198.51.100.7, networks: [192.168.10.0/24] } }",
        )
        .replace("flows:\n", "flows:\n  - { from: offices/london, to: operations/console }\n");
    let design = source::compile(&text, &Lock::default());
    let connections = of_kind(&design, "AWS::EC2::VPNConnection");
    let [(path, _, connection)] = connections.as_slice() else { panic!("{}", connections.len()) };
    assert_eq!(path, "network/us-east-1/office-london");
    let tunnels = connection.properties.get("VpnTunnelOptionsSpecifications").unwrap().as_items();
    assert_eq!(tunnels.len(), 2);
    for tunnel in tunnels {
        let only = |list: &str| -> Vec<String> {
            let items = tunnel.get(list).unwrap().as_items();
            items.iter().map(|item| item.get("Value").unwrap().as_text().unwrap().to_string()).collect()
        };
        assert_eq!(only("IKEVersions"), ["ikev2"]);
        assert_eq!(only("Phase1EncryptionAlgorithms"), ["AES256-GCM-16"]);
        assert_eq!(only("Phase2DHGroupNumbers"), ["20", "21"]);
    }
    let routes = of_kind(&design, "AWS::EC2::TransitGatewayRoute");
    let of_office: Vec<(&str, &str)> = routes
        .iter()
        .filter(|(path, ..)| path == "network/us-east-1/office-london")
        .map(|(_, id, route)| (*id, text_of(route)))
        .collect();
    let expected =
        [("RouteFromHubTo192n168n10n0n24", "192.168.10.0/24"), ("RouteTo10n17n192n0n19", "10.17.192.0/19")];
    assert_eq!(of_office, expected, "nothing but the console's gateway tier, and the way back");
}

fn text_of(route: &estate::Resource) -> &str {
    text(route, "DestinationCidrBlock")
}

#[test]
fn dns_answers_for_what_may_be_reached_and_for_nothing_else() {
    let design = source::compile(HUB, &Lock::default());
    let lists = of_kind(&design, "AWS::Route53Resolver::FirewallDomainList");
    let of_production: Vec<&str> = lists
        .iter()
        .filter(|(path, id, _)| path.starts_with("production/") && *id == "AnsweredNames")
        .flat_map(|(_, _, list)| list.properties.get("Domains").unwrap().as_items())
        .filter_map(estate::Value::as_str)
        .collect();
    let expected = [
        "*.amazonaws.com",
        "*.api.aws",
        "*.production.acme.example",
        "*.ubuntu.com",
        "api.stripe.com",
        "production.acme.example",
    ];
    assert_eq!(of_production, expected);
    let groups = of_kind(&design, "AWS::Route53Resolver::FirewallRuleGroup");
    assert_eq!(groups.len(), 3, "one for each network");
    for (path, _, group) in groups {
        let rules = group.properties.get("FirewallRules").unwrap().as_items();
        let last = rules.last().and_then(|rule| rule.get("Action")).and_then(estate::Value::as_str);
        assert_eq!(last, Some("BLOCK"), "{path}");
    }
}

#[test]
fn a_quota_that_a_new_account_has_is_said_before_deployment() {
    let names: Vec<String> = (0..20).map(|at| format!("e{at}")).collect();
    let accounts = format!("live: {{ accounts: [production, {}] }}", names.join(", "));
    let environments: String =
        names.iter().map(|name| format!("  {name}: {{ tier: development }}\n")).collect();
    let text = HUB
        .replace("live: { accounts: [production] }", &accounts)
        .replace("environments:\n  production", &format!("environments:\n{environments}  production"))
        .replace("10.16.0.0/12", "10.0.0.0/8")
        .replace("uses: [records], environments: [production] }\n  worker", "environments: [production, e0, e1, e2, e3, e4, e5, e6, e7, e8, e9, e10, e11, e12, e13, e14, e15, e16, e17, e18, e19] }\n  worker");
    let (design, said) = source::try_compile(&text, &Lock::default());
    assert!(design.is_some());
    assert_eq!(said, ["DSN0010 the hub needs 23 route tables of a Transit Gateway; AWS allows 20"]);
}

#[test]
fn what_does_not_fit_is_refused() {
    let small = HUB.replace("hub: { account: network }", "vpc-size: 22, hub: { account: network }");
    let (design, said) = source::try_compile(&small, &Lock::default());
    assert!(design.is_none());
    assert!(said.iter().all(|one| one.starts_with("DSN0009") && one.contains("too small")), "{said:?}");
}
