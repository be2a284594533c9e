//! What a rule means to the model: addresses, ports and flow exactly, the rest as [`Application`].
//!
//! In: a [`Rule`] and what its names stand for. Out: a [`StatefulRule`]. Always: where something is not known, the
//! rule matches *perhaps*, and never more than what is written in it.
//!
//! Which packets a rule looks at, and whether its action holds for the packet or for the connection ([`Scope`]), was
//! measured with Suricata 7.0.10: `docs/firewalls.md`.

use diagnostics::Span;
use estate::SmolStr;
use ipnet::IpNet;

use super::sets::{Evaluated, evaluate};
use super::{Action, Rule, RuleOption, protocols};
use crate::model::{
    Addresses, Application, FlowState, IpSet, PortRange, Protocols, Scope, StatefulAction, StatefulRule,
    Towards, UnknownId,
};

/// What the names in rules stand for.
pub(crate) trait Names {
    /// Addresses of `$name`, or of `@name` where it is a reference.
    fn addresses(&mut self, name: &str, reference: bool) -> Evaluated<IpNet>;
    /// Ports of `$name`.
    fn ports(&mut self, name: &str) -> Evaluated<PortRange>;
    /// Something not known, by words that continue "it depends on …".
    fn unknown(&mut self, what: &str) -> UnknownId;
}

/// Options that say something to people, and nothing to packets.
const REMARKS: &[&str] = &[
    "msg",
    "sid",
    "rev",
    "gid",
    "classtype",
    "priority",
    "metadata",
    "reference",
    "noalert",
    "alert",
    "target",
];

/// Options that look at headers or at memory: they may hold of packets without data.
const WITHOUT_DATA: &[&str] = &[
    "flags",
    "tcp.flags",
    "ttl",
    "tos",
    "ipopts",
    "fragbits",
    "fragoffset",
    "id",
    "sameip",
    "geoip",
    "itype",
    "icode",
    "icmp_id",
    "icmp_seq",
    "seq",
    "ack",
    "window",
    "tcp.mss",
    "dsize",
    "flowbits",
    "flowint",
    "xbits",
    "hostbits",
    "threshold",
    "detection_filter",
    "stream_size",
    "flow.age",
    "flow.pkts",
    "flow.bytes",
    "flow.pkts_toserver",
    "flow.pkts_toclient",
    "flow.bytes_toserver",
    "flow.bytes_toclient",
    "decode-event",
    "stream-event",
    "l3_proto",
    "ipv4.hdr",
    "ipv6.hdr",
    "tcp.hdr",
    "udp.hdr",
    "icmpv4.hdr",
    "icmpv6.hdr",
    "icmpv6.mtu",
    "tag",
    "bypass",
];

/// The rule as the model has it; `Err` says what of it cannot be meant.
pub(crate) fn lower(
    rule: &Rule,
    names: &mut dyn Names,
    label: SmolStr,
    span: Span,
) -> Result<StatefulRule, String> {
    let protocol = protocols::of(&rule.protocol).ok_or("a protocol that is not known")?;
    let too_much = names.unknown("a set of addresses that falls into too many pieces");
    let mut header = Header { less: None, negated: false };
    let mut addresses = |set| {
        let found = evaluate(set, &mut |name, reference| names.addresses(name, reference), too_much);
        header.addresses(found, protocol.family)
    };
    let (source, destination) = (addresses(&rule.source), addresses(&rule.destination));
    let mut ports = |set| {
        let mut lookup = |name: &str, _| names.ports(name);
        header.ports(evaluate(set, &mut lookup, too_much))
    };
    let (source_ports, destination_ports) = (ports(&rule.source_ports)?, ports(&rule.destination_ports)?);
    let flow = flow(rule)?;
    let application = application(rule, &protocol, flow.extra);
    let packet_options = flow.written || application.packet_options;
    let scope = if application.contents {
        Scope::Connection
    } else if application.protocol {
        if packet_options { Scope::Packet } else { Scope::Connection }
    } else if packet_options {
        Scope::Packet
    } else if header.negated {
        Scope::Connection
    } else {
        Scope::FirstPackets
    };
    Ok(StatefulRule {
        action: match rule.action {
            Action::Pass => StatefulAction::Pass,
            Action::Drop => StatefulAction::Drop,
            Action::Reject => StatefulAction::Reject,
            Action::Alert => StatefulAction::Alert,
        },
        protocols: transports(rule, protocol.transports)?,
        source,
        source_ports,
        destination,
        destination_ports,
        both_ways: rule.both_ways,
        flow: flow.state,
        scope,
        application: application.asks,
        doubt: header.less,
        sid: rule.sid(),
        label,
        span,
    })
}

/// What is found while the header is evaluated.
struct Header {
    less: Option<UnknownId>,
    negated: bool,
}

impl Header {
    fn addresses(&mut self, found: Evaluated<IpNet>, family: Option<u8>) -> Addresses {
        self.less = self.less.or(found.less);
        self.negated |= found.negated;
        let fits = |net: &IpNet| match family {
            Some(4) => matches!(net, IpNet::V4(_)),
            Some(6) => matches!(net, IpNet::V6(_)),
            _ => true,
        };
        let set = IpSet(found.items.into_iter().filter(fits).collect());
        found.more.map_or(Addresses::Known(set.clone()), |unknown| Addresses::AtLeast(set, unknown))
    }

    /// Ports as the model has them, where none means any.
    fn ports(&mut self, found: Evaluated<PortRange>) -> Result<Vec<PortRange>, String> {
        self.less = self.less.or(found.less);
        if let Some(unknown) = found.more {
            // It may be any port, and is perhaps.
            self.less = Some(unknown);
            return Ok(Vec::new());
        }
        if found.items.is_empty() {
            return Err("no port is in that set: the rule never matches".into());
        }
        let all = found.items.contains(&PortRange::ALL);
        Ok(if all { Vec::new() } else { found.items })
    }
}

/// Transports of the protocol, less or only those of `ip_proto`.
fn transports(rule: &Rule, of_protocol: &[u8]) -> Result<Vec<Protocols>, String> {
    let mut numbers: Vec<u8> = match of_protocol {
        [] => (0..=u8::MAX).collect(),
        some => some.to_vec(),
    };
    let mut narrowed = false;
    for option in rule.options.iter().filter(|option| option.keyword == "ip_proto") {
        let value = option.value.as_deref().unwrap_or("").trim();
        let (sign, name) = match value.chars().next() {
            Some(sign @ ('!' | '<' | '>')) => (sign, value.trim_start_matches(sign).trim()),
            _ => ('=', value),
        };
        let Some(number) = protocols::number(name) else {
            return Err(format!(
                "`ip_proto` names no protocol: `{}`",
                name.chars().take(40).collect::<String>()
            ));
        };
        numbers.retain(|&one| match sign {
            '!' => one != number,
            '<' => one < number,
            '>' => one > number,
            _ => one == number,
        });
        narrowed = true;
    }
    if numbers.is_empty() {
        return Err("no protocol is left: the rule never matches".into());
    }
    let all = of_protocol.is_empty() && !narrowed;
    Ok(if all { vec![Protocols::All] } else { numbers.into_iter().map(Protocols::One).collect() })
}

/// What the `flow` options ask.
struct Flow {
    state: FlowState,
    /// Whether there is any.
    written: bool,
    /// Something beyond [`FlowState`]: `only_stream`, `no_frag`.
    extra: bool,
}

fn flow(rule: &Rule) -> Result<Flow, String> {
    let mut out = Flow { state: FlowState::default(), written: false, extra: false };
    let values = rule.options.iter().filter(|option| option.keyword == "flow");
    for word in values.flat_map(|option| option.value.as_deref().unwrap_or("").split(',')) {
        out.written = true;
        match word.trim().to_ascii_lowercase().as_str() {
            "established" => out.state.established = Some(true),
            "not_established" => out.state.established = Some(false),
            "to_server" | "from_client" => out.state.towards = Some(Towards::Server),
            "to_client" | "from_server" => out.state.towards = Some(Towards::Client),
            "stateless" => {}
            "only_stream" | "no_stream" | "only_frag" | "no_frag" => out.extra = true,
            other => {
                let other: String = other.chars().take(40).collect();
                return Err(format!("`flow` has no value `{other}`"));
            }
        }
    }
    Ok(out)
}

/// What a rule asks beyond header and flow.
struct Asks {
    asks: Option<Application>,
    /// An application protocol, by name or by `app-layer-protocol`.
    protocol: bool,
    /// Contents of the stream or of a field.
    contents: bool,
    /// Something of single packets.
    packet_options: bool,
}

fn application(rule: &Rule, protocol: &protocols::Protocol, extra: bool) -> Asks {
    let named = |option: &&RuleOption| option.keyword == "app-layer-protocol";
    let mut out = Asks {
        asks: None,
        protocol: protocol.application,
        contents: protocol.data && !protocol.application,
        packet_options: extra,
    };
    let mut needs_data = protocol.data;
    let mut options = String::new();
    for option in &rule.options {
        let keyword = option.keyword.as_str();
        if REMARKS.contains(&keyword) || matches!(keyword, "flow" | "ip_proto") {
            continue;
        }
        if named(&option) {
            out.protocol = true;
            needs_data = true;
        } else if WITHOUT_DATA.contains(&keyword) {
            out.packet_options = true;
        } else {
            out.contents = true;
            needs_data = true;
        }
        if options.len() < MOST_WORDS {
            write(&mut options, option);
        }
    }
    let asks = !options.is_empty() || protocol.application || protocol.data || extra;
    let name = match rule.options.iter().find(named) {
        _ if protocol.application => rule.protocol.clone(),
        Some(option) => option.value.as_deref().unwrap_or("").into(),
        None => SmolStr::default(),
    };
    out.asks = asks.then(|| Application { protocol: name, domains: domains(rule), needs_data, options });
    out
}

/// Characters of options that are kept for people.
const MOST_WORDS: usize = 300;

fn write(out: &mut String, option: &RuleOption) {
    let value = option.value.as_deref().map(|value| value.chars().take(80).collect::<String>());
    let value = value.map(|value| format!(":{}{value}", if option.negated { "!" } else { "" }));
    let space = if out.is_empty() { "" } else { " " };
    out.push_str(&format!("{space}{}{};", option.keyword, value.unwrap_or_default()));
}

/// The domain that a rule of the form of a domain list asks for: one content of the server's name, from its start
/// or from a dot, to its end.
fn domains(rule: &Rule) -> Vec<SmolStr> {
    let field = |keyword: &str| matches!(keyword, "tls.sni" | "http.host" | "http.host.raw" | "dns.query");
    let mut contents = rule.options.iter().filter(|option| option.keyword == "content");
    let (Some(content), None) = (contents.next(), contents.next()) else { return Vec::new() };
    let has = |keyword: &str| rule.options.iter().any(|option| option.keyword == keyword);
    let fields = rule.options.iter().filter(|option| field(&option.keyword)).count();
    let whole = has("endswith") && (has("startswith") || has("dotprefix"));
    match content.value.as_deref() {
        Some(text) if fields == 1 && whole && !content.negated && !text.contains('|') => {
            let dotted = has("dotprefix") && text.starts_with('.');
            if dotted || has("startswith") { vec![text.into()] } else { Vec::new() }
        }
        _ => Vec::new(),
    }
}
