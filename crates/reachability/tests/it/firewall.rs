//! From templates to what a firewall does: rule groups of every kind, variables, orders, mistakes.

use reachability::Network;
use reachability::inspection::{Connection, Phase};
use reachability::model::FirewallPolicy;

/// A firewall in 10.0.0.0/16 whose policy has these lines, and groups of these lines.
fn network(policy: &str, groups: &[&str]) -> Network {
    let mut text = String::from(
        "Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  Subnet: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.9.0/28}}
  Wall:
    Type: AWS::NetworkFirewall::Firewall
    Properties:
      FirewallName: wall
      FirewallPolicyArn: !Ref Policy
      VpcId: !Ref Vpc
      SubnetMappings: [{SubnetId: !Ref Subnet}]
  Policy:
    Type: AWS::NetworkFirewall::FirewallPolicy
    Properties:
      FirewallPolicyName: policy
      FirewallPolicy:
        StatelessDefaultActions: [aws:forward_to_sfe]
        StatelessFragmentDefaultActions: [aws:forward_to_sfe]
",
    );
    policy.lines().for_each(|line| text.push_str(&format!("        {}\n", line.trim())));
    for (at, group) in groups.iter().enumerate() {
        let kind = if group.contains("StatelessRules") { "STATELESS" } else { "STATEFUL" };
        text.push_str(&format!(
            "  Group{at}:\n    Type: AWS::NetworkFirewall::RuleGroup\n    Properties:\n      RuleGroupName: g{at}\n      Type: {kind}\n      Capacity: 100\n      RuleGroup:\n"
        ));
        group.lines().for_each(|line| text.push_str(&format!("        {line}\n")));
    }
    let (estate, _, diagnostics) = intake::from_texts(&[("t.yaml", &text)]);
    assert!(!diagnostics.has_errors(), "{diagnostics:?}\n{text}");
    Network::of(&estate)
}

fn policy(network: &Network) -> &FirewallPolicy {
    network.firewalls[0].policy.as_ref().unwrap()
}

/// What happens to `CLIENT > SERVER:PORT/PROTOCOL`: opening, its reply, data, data back.
fn story(network: &Network, flow: &str) -> String {
    let (addresses, protocol) = flow.split_once('/').unwrap();
    let (client, rest) = addresses.split_once(" > ").unwrap();
    let (server, port) = rest.split_once(':').unwrap_or((rest, "0"));
    let protocol = match protocol {
        "tcp" => 6,
        "udp" => 17,
        _ => 1,
    };
    let server_port = port.parse().unwrap();
    let connection = Connection {
        client: client.parse().unwrap(),
        server: server.parse().unwrap(),
        protocol,
        client_port: if server_port == 0 { 0 } else { 40_000 },
        server_port,
    };
    let sign = |phase| {
        let decision = policy(network).decide(&connection, phase);
        match (decision.passes(), decision.drops()) {
            (true, _) => '+',
            (_, true) => '-',
            _ => '?',
        }
    };
    Phase::ALL.map(sign).into_iter().collect()
}

const STRICT: &str =
    "StatefulEngineOptions: {RuleOrder: STRICT_ORDER}\nStatefulDefaultActions: [aws:drop_established]\n";
const OUT: &str = "10.0.0.5 > 203.0.113.1:443/tcp";

fn strict(groups: &[&str]) -> Network {
    let references: String = (0..groups.len())
        .map(|at| format!("{{Priority: {}, ResourceArn: !Ref Group{at}}}, ", at + 1))
        .collect();
    let policy = format!("{STRICT}StatefulRuleGroupReferences: [{references}]");
    network(&policy, groups)
}

fn action(groups: &[&str]) -> Network {
    let references: String =
        (0..groups.len()).map(|at| format!("{{ResourceArn: !Ref Group{at}}}, ")).collect();
    network(&format!("StatefulRuleGroupReferences: [{references}]"), groups)
}

fn string(rules: &str, order: &str) -> String {
    let lines: String = rules.lines().map(|line| format!("    {}\n", line.trim())).collect();
    format!("StatefulRuleOptions: {{RuleOrder: {order}}}\nRulesSource:\n  RulesString: |\n{lines}")
}

#[test]
fn a_domain_list_passes_names_perhaps_and_only_from_home() {
    let list = "StatefulRuleOptions: {RuleOrder: STRICT_ORDER}
RulesSource: {RulesSourceList: {GeneratedRulesType: ALLOWLIST, Targets: [.example.com, one.example.org], TargetTypes: [TLS_SNI, HTTP_HOST]}}";
    let network = strict(&[list]);
    assert_eq!(story(&network, OUT), "++??");
    // Another VPC behind the firewall is not HOME_NET.
    assert_eq!(story(&network, "10.1.0.5 > 203.0.113.1:443/tcp"), "++-+");
    let domains: Vec<_> = policy(&network)
        .stateful
        .iter()
        .filter_map(|rule| rule.application.as_ref())
        .map(|a| a.domains.join(","))
        .collect();
    assert_eq!(domains, [".example.com", "one.example.org", "", ".example.com", "one.example.org", ""]);
    assert!(network.mistakes.is_empty(), "{:?}", network.mistakes);
}

#[test]
fn the_policy_widens_home_net_and_external_net_follows() {
    let rules = string("drop tcp $EXTERNAL_NET any -> $HOME_NET any (sid:1;)", "DEFAULT_ACTION_ORDER");
    let policy = "PolicyVariables: {RuleVariables: {HOME_NET: {Definition: [10.0.0.0/8]}}}\nStatefulRuleGroupReferences: [{ResourceArn: !Ref Group0}]";
    let wide = network(policy, &[&rules]);
    assert_eq!(story(&wide, "203.0.113.1 > 10.7.0.5:443/tcp"), "----");
    assert_eq!(story(&wide, "10.8.0.1 > 10.7.0.5:443/tcp"), "++++");
    let usual = action(&[&rules]);
    assert_eq!(story(&usual, "203.0.113.1 > 10.7.0.5:443/tcp"), "++++");
    assert_eq!(story(&usual, "203.0.113.1 > 10.0.0.5:443/tcp"), "----");
}

#[test]
fn five_tuple_rules_match_forward_or_both_ways() {
    let rule = |direction: &str| {
        format!("StatefulRuleOptions: {{RuleOrder: STRICT_ORDER}}
RulesSource: {{StatefulRules: [{{Action: PASS, Header: {{Protocol: TCP, Source: 10.0.0.0/16, SourcePort: ANY, Direction: {direction}, Destination: 203.0.113.0/24, DestinationPort: ANY}}, RuleOptions: [{{Keyword: sid, Settings: ['7']}}]}}]}}")
    };
    let forward = strict(&[&rule("FORWARD")]);
    assert_eq!(story(&forward, OUT), "++++");
    // The answer of a connection from outside matches, and passes it whole.
    assert_eq!(story(&forward, "203.0.113.1 > 10.0.0.5:443/tcp"), "++++");
    assert_eq!(story(&strict(&[&rule("ANY")]), "203.0.113.1 > 10.0.0.5:443/tcp"), "++++");
    assert_eq!(story(&forward, "10.0.0.5 > 198.51.100.1:443/tcp"), "++-+");
    assert_eq!(policy(&forward).stateful[0].sid, 7);
}

#[test]
fn in_action_order_pass_comes_before_drop_and_priority_orders_equals() {
    let rules = string(
        "drop ip any any -> any any (sid:1;)
         pass tcp $HOME_NET any -> any 443 (sid:2; priority:9;)
         pass tcp $HOME_NET any -> any any (sid:3; priority:2;)",
        "DEFAULT_ACTION_ORDER",
    );
    let network = action(&[&rules]);
    let sids: Vec<_> = policy(&network).stateful.iter().map(|rule| rule.sid).collect();
    assert_eq!(sids, [3, 2, 1]);
    assert_eq!(story(&network, OUT), "++++");
    assert_eq!(story(&network, "10.0.0.5 > 203.0.113.1:53/udp"), "----");
}

#[test]
fn sets_variables_and_negations_are_exact() {
    let rules = format!(
        "RuleVariables: {{IPSets: {{SERVERS: {{Definition: [203.0.113.0/25, 203.0.113.200]}}}}, PortSets: {{WEB: {{Definition: ['80', '8000:8010']}}}}}}\n{}",
        string(
            "drop tcp [$HOME_NET,!10.0.3.0/24] any -> $SERVERS [$WEB,!8005] (sid:1;)",
            "DEFAULT_ACTION_ORDER"
        )
    );
    let network = action(&[&rules]);
    for (flow, expected) in [
        ("10.0.0.5 > 203.0.113.1:80/tcp", "----"),
        ("10.0.3.5 > 203.0.113.1:80/tcp", "++++"),
        ("10.0.0.5 > 203.0.113.199:80/tcp", "++++"),
        ("10.0.0.5 > 203.0.113.200:8010/tcp", "----"),
        ("10.0.0.5 > 203.0.113.200:8005/tcp", "++++"),
    ] {
        assert_eq!(story(&network, flow), expected, "{flow}");
    }
}

#[test]
fn what_is_not_part_of_the_estate_is_an_unknown_with_a_name() {
    let managed =
        "arn:aws:network-firewall:us-east-1:aws-managed:stateful-rulegroup/ThreatSignaturesDoSStrictOrder";
    let one = network(
        &format!("{STRICT}StatefulRuleGroupReferences: [{{Priority: 1, ResourceArn: '{managed}'}}]"),
        &[],
    );
    assert_eq!(story(&one, OUT), "??-?");
    assert!(one.unknowns.iter().any(|unknown| unknown.what.contains("ThreatSignaturesDoSStrictOrder")));
    let other = "arn:aws:network-firewall:us-east-1:111122223333:stateful-rulegroup/elsewhere";
    let two = network(
        &format!("{STRICT}StatefulRuleGroupReferences: [{{Priority: 1, ResourceArn: '{other}'}}]"),
        &[],
    );
    assert_eq!(story(&two, OUT), "????");
    let reference = format!(
        "ReferenceSets: {{IPSetReferences: {{LIST: {{ReferenceArn: 'arn:aws:ec2:us-east-1:111122223333:prefix-list/pl-1'}}}}}}\n{}",
        string("drop tcp @LIST any -> any any (sid:1;)", "DEFAULT_ACTION_ORDER")
    );
    assert_eq!(story(&action(&[&reference]), OUT), "????");
}

#[test]
fn a_stateless_group_decides_by_priority() {
    let group = "RulesSource:
  StatelessRulesAndCustomActions:
    StatelessRules:
      - {Priority: 20, RuleDefinition: {Actions: [aws:drop], MatchAttributes: {Protocols: [6], DestinationPorts: [{FromPort: 400, ToPort: 500}]}}}
      - {Priority: 10, RuleDefinition: {Actions: [aws:pass], MatchAttributes: {Sources: [{AddressDefinition: 10.0.0.0/24}, {AddressDefinition: 203.0.113.0/24}]}}}";
    let network =
        network("StatelessRuleGroupReferences: [{Priority: 1, ResourceArn: !Ref Group0}]", &[group]);
    assert_eq!(story(&network, OUT), "++++");
    assert_eq!(story(&network, "10.0.1.5 > 203.0.113.1:443/tcp"), "----");
    assert_eq!(policy(&network).stateless[0].label, "rule 10 of Group0");
}

#[test]
fn mistakes_are_said_with_their_place_and_leave_the_group_unknown() {
    let rules = string(
        "pass tcp any any -> any 443 (sid:1;)
         permit tcp any any -> any 80 (sid:2;)
         drop tcp $NOWHERE any -> any 70000 (sid:3;)",
        "DEFAULT_ACTION_ORDER",
    );
    let network = strict(&[&rules]);
    let said: Vec<_> = network
        .mistakes
        .iter()
        .map(|mistake| {
            format!("{} {} | {}", mistake.code, mistake.message, mistake.label.as_deref().unwrap_or(""))
        })
        .collect();
    assert_eq!(
        said,
        [
            "NET0003 rule group `Group0` has order DEFAULT_ACTION_ORDER, its policy STRICT_ORDER | ",
            "NET0001 a rule of group `Group0` cannot be read: `permit` is no action that Network Firewall takes | line 2, column 1 of the rules",
            "NET0001 a rule of group `Group0` cannot be read: `70000` is not understood here | line 3, column 30 of the rules",
        ]
    );
    assert_eq!(story(&network, "10.0.0.5 > 203.0.113.1:80/tcp"), "????");
}

#[test]
fn an_indented_rule_is_perhaps_none() {
    let rules = "RulesSource: {RulesString: \" drop tcp any any -> any any (sid:1;)\"}";
    let network = action(&[rules]);
    assert_eq!(network.mistakes.len(), 1);
    assert_eq!(
        network.mistakes[0].message,
        "rule 1 of group `Group0` is indented, and Suricata passes over it"
    );
    assert_eq!(story(&network, OUT), "????");
}
