//! What a firewall does with a connection, as the documents and Suricata 7.0.10 say.

use std::net::IpAddr;

use diagnostics::Span;
use estate::SmolStr;
use reachability::inspection::{Connection, Decider, Decision, Phase};
use reachability::model::{
    Addresses, Application, FirewallPolicy, FlowState, IpSet, Midstream, Name, Order, PortRange, Protocols,
    Scope, StatefulAction, StatefulDefault, StatefulRule, StatelessAction, StatelessRule, Tcp, Towards,
};

fn any() -> Addresses {
    Addresses::Known(IpSet(vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()]))
}

fn only(prefix: &str) -> Addresses {
    Addresses::Known(IpSet(vec![prefix.parse().unwrap()]))
}

fn rule(action: StatefulAction, protocol: u8, source: Addresses, port: Option<u16>) -> StatefulRule {
    StatefulRule {
        action,
        protocols: vec![if protocol == 0 { Protocols::All } else { Protocols::One(protocol) }],
        source,
        source_ports: vec![],
        destination: any(),
        destination_ports: port.map(|port| PortRange { first: port, last: port }).into_iter().collect(),
        both_ways: false,
        flow: FlowState::default(),
        scope: Scope::FirstPackets,
        application: None,
        doubt: None,
        sid: 1,
        label: "rule".into(),
        span: Span::NONE,
    }
}

fn with_flow(mut rule: StatefulRule, established: Option<bool>, towards: Option<Towards>) -> StatefulRule {
    rule.flow = FlowState { established, towards };
    rule.scope = Scope::Packet;
    rule
}

fn tls(mut rule: StatefulRule, domain: &str) -> StatefulRule {
    rule.application = Some(Application {
        protocol: "tls".into(),
        domains: vec![domain.into()],
        needs_data: true,
        options: String::new(),
    });
    rule.scope = Scope::Connection;
    rule
}

fn policy(stateful: Vec<StatefulRule>, defaults: &[StatefulDefault]) -> FirewallPolicy {
    let name = Name {
        label: "policy".into(),
        id: "policy".into(),
        stack: None,
        account: SmolStr::default(),
        region: SmolStr::default(),
        span: Span::NONE,
    };
    FirewallPolicy {
        name,
        stateless: vec![],
        stateless_default: StatelessAction::Forward,
        fragments_default: StatelessAction::Forward,
        order: Order::Strict,
        stateful,
        stateful_defaults: defaults.to_vec(),
        midstream: Midstream::Drop,
        unknown: None,
    }
}

const CLIENT: &str = "10.0.0.1";

fn connection(protocol: u8, port: u16) -> Connection {
    let [client, server] = [CLIENT, "10.1.0.1"].map(|address| address.parse::<IpAddr>().unwrap());
    let client_port = if port == 0 { 0 } else { 40_000 };
    Connection { client, server, protocol, client_port, server_port: port }
}

/// `+` passes, `-` dropped, `?` depends; opening, its reply, data, data back.
fn story(policy: &FirewallPolicy, connection: Connection) -> String {
    let sign = |decision: Decision| match (decision.passes(), decision.drops()) {
        (true, false) => '+',
        (false, true) => '-',
        (false, false) => '?',
        (true, true) => '!',
    };
    Phase::ALL.map(|phase| sign(policy.decide(&connection, phase))).into_iter().collect()
}

#[test]
fn strict_order_with_drop_established_lets_a_handshake_pass_and_no_data() {
    let policy = policy(vec![], &[StatefulDefault::DropEstablished]);
    assert_eq!(story(&policy, connection(6, 443)), "++-+");
    // "For connectionless protocols, such as UDP and ICMP, the drop established action drops all packets."
    assert_eq!(story(&policy, connection(17, 53)), "----");
    assert_eq!(story(&policy, connection(1, 0)), "----");
}

#[test]
fn a_pass_rule_on_a_name_passes_data_perhaps() {
    let pass = tls(rule(StatefulAction::Pass, 6, any(), None), ".example.com");
    let policy = policy(vec![pass], &[StatefulDefault::DropEstablished]);
    assert_eq!(story(&policy, connection(6, 443)), "++?+");
}

#[test]
fn a_pass_of_addresses_and_ports_covers_the_answers() {
    let pass = rule(StatefulAction::Pass, 6, only("10.0.0.0/24"), Some(443));
    let policy = policy(vec![pass], &[StatefulDefault::DropStrict]);
    assert_eq!(story(&policy, connection(6, 443)), "++++");
    assert_eq!(story(&policy, connection(6, 80)), "----");
}

#[test]
fn a_pass_with_flow_options_covers_only_packets_that_have_them() {
    let pass = rule(StatefulAction::Pass, 6, any(), None);
    let to_server = with_flow(pass, None, Some(Towards::Server));
    let policy = policy(vec![to_server], &[StatefulDefault::DropStrict]);
    assert_eq!(story(&policy, connection(6, 443)), "+---");
}

#[test]
fn a_drop_of_the_way_back_ends_the_connection_at_its_first_answer() {
    let drop = rule(StatefulAction::Drop, 6, only("10.1.0.0/24"), None);
    assert_eq!(story(&policy(vec![drop], &[]), connection(6, 443)), "+---");
}

#[test]
fn rules_of_addresses_alone_are_looked_at_for_first_packets_only() {
    let handshake = with_flow(rule(StatefulAction::Pass, 6, any(), None), Some(false), None);
    let everything = rule(StatefulAction::Drop, 0, any(), None);
    assert_eq!(story(&policy(vec![handshake, everything], &[]), connection(6, 443)), "++++");
}

#[test]
fn an_alert_does_not_stop_and_the_first_other_match_decides() {
    let any_tcp = |action| rule(action, 6, any(), None);
    let rules =
        vec![any_tcp(StatefulAction::Alert), any_tcp(StatefulAction::Reject), any_tcp(StatefulAction::Pass)];
    let policy = policy(rules, &[]);
    let decision = policy.decide(&connection(6, 443), Phase::Opening);
    assert_eq!(decision.drop.unwrap().decider, Decider::Stateful(1));
}

fn stateless(action: StatelessAction, source: &str, flags: Vec<Tcp>) -> StatelessRule {
    StatelessRule {
        source: only(source),
        destination: any(),
        source_ports: vec![],
        destination_ports: vec![],
        protocols: vec![Protocols::One(6)],
        flags,
        action,
        doubt: None,
        label: "rule".into(),
        span: Span::NONE,
    }
}

#[test]
fn what_a_stateless_rule_passes_is_seen_by_no_stateful_rule() {
    let mut policy = policy(vec![rule(StatefulAction::Drop, 0, any(), None)], &[]);
    policy.stateless = vec![
        stateless(StatelessAction::Pass, "10.0.0.0/24", vec![]),
        stateless(StatelessAction::Pass, "10.1.0.0/24", vec![]),
    ];
    assert_eq!(story(&policy, connection(6, 443)), "++++");
    // Only the way there is passed: the way back meets an engine that has not seen the beginning.
    policy.stateful.clear();
    policy.stateless.pop();
    assert_eq!(story(&policy, connection(6, 443)), "+---");
    policy.midstream = Midstream::Continue;
    assert_eq!(story(&policy, connection(6, 443)), "++++");
}

#[test]
fn stateless_flags_tell_a_handshake_from_data() {
    let mut policy = policy(vec![], &[]);
    let syn = Tcp { flags: 2, masks: 2 | 16 };
    policy.stateless = vec![stateless(StatelessAction::Drop, "10.0.0.0/24", vec![syn])];
    assert_eq!(story(&policy, connection(6, 443)), "----");
    policy.stateless = vec![stateless(StatelessAction::Drop, "10.1.0.0/24", vec![syn])];
    assert_eq!(story(&policy, connection(6, 443)), "++++");
}
