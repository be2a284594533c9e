//! AWS Network Firewall: endpoints and what their policy says.
//!
//! The 5-tuple part of a rule is here exactly. What a rule asks of the application layer is an [`Application`]: an
//! engine takes it by polarity, so that for "cannot pass" it does not help to stop and for "must pass" it does not
//! help to pass.

use super::Name;
use super::filter::{Addresses, PortRange, Protocols};
use super::ids::{SubnetId, UnknownId, VpcId};
use diagnostics::Span;

/// A firewall.
#[derive(Debug, Clone)]
pub struct Firewall {
    /// Its name.
    pub name: Name,
    /// The VPC it stands in.
    pub vpc: VpcId,
    /// Its endpoints. Each keeps its own state: the way back has to use the endpoint of the way there.
    pub endpoints: Vec<FirewallEndpoint>,
    /// What it lets pass; unknown where the policy is not part of the estate.
    pub policy: Result<FirewallPolicy, UnknownId>,
}

/// A firewall's endpoint in a zone.
#[derive(Debug, Clone)]
pub struct FirewallEndpoint {
    /// The subnet it stands in: what passed is routed by that subnet's table.
    pub subnet: SubnetId,
}

/// A firewall policy, its rule groups in order.
///
/// Source: AWS Network Firewall Developer Guide, "Firewall policies", "Evaluation order for stateful rule groups",
/// "Stateless and stateful rules engines".
#[derive(Debug, Clone)]
pub struct FirewallPolicy {
    /// Its name.
    pub name: Name,
    /// Stateless rules: by priority of the group, then of the rule. The first that matches decides.
    pub stateless: Vec<StatelessRule>,
    /// What happens to whole packets that no stateless rule matches.
    pub stateless_default: StatelessAction,
    /// The same for fragments.
    pub fragments_default: StatelessAction,
    /// How stateful rules were ordered.
    pub order: Order,
    /// Stateful rules in the order of evaluation, in either [`Order`]: the first that matches a packet and does not
    /// only alert decides about it.
    pub stateful: Vec<StatefulRule>,
    /// Default actions in strict order; in action order what nothing drops passes.
    pub stateful_defaults: Vec<StatefulDefault>,
    /// What happens to packets of TCP connections whose beginning the stateful engine has not seen.
    pub midstream: Midstream,
    /// Parts of the policy that are not known: it may pass or drop anything.
    pub unknown: Option<UnknownId>,
}

/// What happens to packets of a connection that the stateful engine does not know (`StreamExceptionPolicy`).
///
/// Source: AWS Network Firewall Developer Guide, "Stream exception policy in AWS Network Firewall".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Midstream {
    /// `DROP`, the default: drops them. `REJECT` also tells the sender.
    Drop,
    /// `CONTINUE`: rules see them without what came before: nothing is established and no application protocol known.
    Continue,
    /// Not known.
    Unknown(UnknownId),
}

/// How stateful rules are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// `DEFAULT_ACTION_ORDER`: all pass rules, then drop, then reject, then alert; among equals by `priority`.
    Action,
    /// `STRICT_ORDER`: by priority of the group, then as written.
    Strict,
}

/// What a stateless rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatelessAction {
    /// Passes, and no stateful rule sees it.
    Pass,
    /// Drops.
    Drop,
    /// Hands it to the stateful rules.
    Forward,
    /// Not known.
    Unknown(UnknownId),
}

/// A stateless rule. Each packet alone: answers are matched with source and destination exchanged by nobody.
#[derive(Debug, Clone)]
pub struct StatelessRule {
    /// Source addresses.
    pub source: Addresses,
    /// Destination addresses.
    pub destination: Addresses,
    /// Source ports, any of these; empty: any port.
    pub source_ports: Vec<PortRange>,
    /// Destination ports, any of these; empty: any port.
    pub destination_ports: Vec<PortRange>,
    /// Protocols, any of these; empty: any.
    pub protocols: Vec<Protocols>,
    /// TCP flags that the packet must have, any of these; empty: any.
    pub flags: Vec<Tcp>,
    /// What happens.
    pub action: StatelessAction,
    /// Set where ports, protocols, flags or the rule's existence are not known: it matches perhaps, and nothing
    /// beyond what is written here.
    pub doubt: Option<UnknownId>,
    /// What people call it: `rule 10 of Ingress`.
    pub label: estate::SmolStr,
    /// Where it is written.
    pub span: Span,
}

/// TCP flags: of those in `masks` exactly those in `flags` are set. Bits as in the header: FIN 1, SYN 2, RST 4, PSH 8,
/// ACK 16, URG 32, ECE 64, CWR 128.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tcp {
    /// Must be set.
    pub flags: u8,
    /// Are looked at.
    pub masks: u8,
}

/// What a stateful rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatefulAction {
    /// Passes, and answers with it.
    Pass,
    /// Drops.
    Drop,
    /// Drops and tells the sender.
    Reject,
    /// Says so and goes on.
    Alert,
    /// Not known.
    Unknown(UnknownId),
}

/// Default actions of strict order.
///
/// Source: AWS Network Firewall Developer Guide, "Strict evaluation order".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatefulDefault {
    /// `aws:drop_strict`: everything.
    DropStrict,
    /// `aws:drop_established`: what the client sends in an established TCP connection, and all packets of other
    /// protocols; what sets a TCP connection up passes.
    DropEstablished,
    /// `aws:drop_established_app_layer`: everything of established connections in both directions, with patience
    /// for a name in the handshake that comes in several packets.
    DropEstablishedApplication,
    /// `aws:drop_established_app_layer_to_server`: the same, only what the client sends.
    DropEstablishedApplicationToServer,
    /// `aws:alert_strict`, `aws:alert_established` and their like: says so and lets it pass.
    Alert,
}

/// A stateful rule: a Suricata rule, a 5-tuple rule or one line of a domain list.
#[derive(Debug, Clone)]
pub struct StatefulRule {
    /// What it does.
    pub action: StatefulAction,
    /// Transport protocols it looks at: `ip` is all, `tcp`, `udp`, `icmp`; those that carry its application protocol.
    pub protocols: Vec<Protocols>,
    /// Source addresses (variables expanded).
    pub source: Addresses,
    /// Source ports.
    pub source_ports: Vec<PortRange>,
    /// Destination addresses.
    pub destination: Addresses,
    /// Destination ports.
    pub destination_ports: Vec<PortRange>,
    /// `<>` or 5-tuple `ANY`: matches both directions.
    pub both_ways: bool,
    /// What it asks of the packet's place in its connection.
    pub flow: FlowState,
    /// To what its action applies, and which packets it sees.
    pub scope: Scope,
    /// What it asks beyond all that; `None`: nothing.
    pub application: Option<Application>,
    /// Set where ports, protocols or the rule's existence are not known: it matches perhaps, and nothing beyond what
    /// is written here.
    pub doubt: Option<UnknownId>,
    /// `sid`, or the position in the list.
    pub sid: u64,
    /// What people call it: `sid 3 of Egress`, with the message where it has one.
    pub label: estate::SmolStr,
    /// Where it is written.
    pub span: Span,
}

/// What a rule asks of a packet's place in its connection (Suricata's `flow` keyword).
///
/// Source: Suricata User Guide, "Flow Keywords".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FlowState {
    /// Only packets of an established connection, or only others. TCP is established after its handshake, other
    /// protocols with the first answer.
    pub established: Option<bool>,
    /// Only packets that go this way; `None`: either.
    pub towards: Option<Towards>,
}

/// A direction within a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Towards {
    /// From the client, who opened it (`to_server`, `from_client`).
    Server,
    /// From the server (`to_client`, `from_server`).
    Client,
}

/// To what a rule's action applies.
///
/// Source: Suricata User Guide, "Rule Types and Categorization"; measured with Suricata 7.0.10
/// (`docs/firewalls.md`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Addresses, protocol and ports alone: looked at for the first packet each way, and what it says holds for the
    /// connection, both ways.
    FirstPackets,
    /// An application protocol or contents of the stream, or addresses with a negation: looked at for every packet, and
    /// what it says holds for the connection, both ways.
    Connection,
    /// Other options (`flow`, `flags`, …): looked at for every packet and says something of that one.
    Packet,
}

/// What a rule asks beyond addresses, protocol, ports and flow. Whether a packet has it is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// The protocol: `tls`, `http`, `dns`; empty where only options ask.
    pub protocol: estate::SmolStr,
    /// Domains of a domain list, or of `tls.sni` and `http.host` contents: `.example.com` stands for it and all beneath.
    /// Empty where other options ask.
    pub domains: Vec<estate::SmolStr>,
    /// Whether only a packet with data can have it: in TCP none of the handshake.
    pub needs_data: bool,
    /// Options as written, for people.
    pub options: String,
}
