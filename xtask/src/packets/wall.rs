//! A Network Firewall's policy for the kernel and for Suricata.
//!
//! In: `AWS::NetworkFirewall::…` of a small estate. Out: rules of iptables for the stateless part, and a rule file and
//! configuration of Suricata for the rest. Always: strict order, which plain Suricata has not, is written as action
//! order: of every pass rule is taken what a drop before it takes; a rule for which that cannot be done is refused.

use std::net::Ipv4Addr;

use estate::{ResourceRef, Value};
use ipnet::{IpNet, Ipv4Net};
use reachability::model::PortRange;
use reachability::suricata::{self, Action, Rule, Set};

use super::lab::{Lab, Reader, RuleText, Stateless, Wall, int, key, parse, text};

impl<'a> Reader<'a> {
    pub(super) fn walls(&mut self) -> Result<(), String> {
        for found in self.kind("AWS::NetworkFirewall::Firewall") {
            let mappings =
                found.resource.properties.get("SubnetMappings").and_then(Value::as_list).unwrap_or_default();
            let [mapping] = mappings else {
                return Err(format!("{} has not one endpoint: zones are not built", found.id));
            };
            let subnet = self.position(mapping).ok_or("a subnet that is not built")?;
            let policy = self.named(found.resource.properties.get("FirewallPolicyArn"))?;
            let wall = self.policy(policy, subnet)?;
            self.lab.walls.push(wall);
            self.made(found, self.lab.walls.len());
        }
        Ok(())
    }

    /// The resource that a value refers to.
    fn named(&self, value: Option<&Value>) -> Result<ResourceRef<'a>, String> {
        let reference = value.and_then(Value::as_reference).and_then(|reference| reference.resource());
        let (stack, id) = reference.ok_or("a policy or group that is not part of the estate")?;
        let wanted = format!("{}/{id}", stack.0);
        let found = self.all.iter().copied().find(|found| key(*found) == wanted);
        found.ok_or_else(|| format!("{id} is not there"))
    }

    fn policy(&self, policy: ResourceRef<'a>, subnet: usize) -> Result<Wall, String> {
        let body = policy.resource.properties.get("FirewallPolicy").ok_or("a policy without a body")?;
        let first = |name: &str| {
            let list = body.get(name).and_then(Value::as_list).unwrap_or_default();
            list.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
        };
        let option = |name: &str| body.get_path(&["StatefulEngineOptions", name]).and_then(Value::as_str);
        let mut wall = Wall {
            subnet,
            stateless: Vec::new(),
            stateless_default: first("StatelessDefaultActions").first().cloned().unwrap_or_default(),
            strict: option("RuleOrder") == Some("STRICT_ORDER"),
            defaults: first("StatefulDefaultActions"),
            midstream_drops: option("StreamExceptionPolicy").unwrap_or("DROP") == "DROP",
            groups: Vec::new(),
        };
        for group in self.references(body.get("StatelessRuleGroupReferences"))? {
            stateless_group(group, &mut wall.stateless)?;
        }
        let vpc = self.lab.subnets.get(subnet).and_then(|subnet| self.lab.vpcs.get(subnet.vpc));
        let home = match body.get_path(&["PolicyVariables", "RuleVariables", "HOME_NET"]) {
            Some(home) => definition(home)?,
            None => format!("[{}]", vpc.ok_or("no VPC")?),
        };
        for (at, group) in self.references(body.get("StatefulRuleGroupReferences"))?.into_iter().enumerate() {
            wall.groups.push(stateful_group(group, &home, at)?);
        }
        Ok(wall)
    }

    /// Groups by priority, those without as written.
    fn references(&self, list: Option<&Value>) -> Result<Vec<ResourceRef<'a>>, String> {
        let list = list.and_then(Value::as_list).unwrap_or_default();
        let mut out = Vec::new();
        for reference in list {
            out.push((
                int(reference.get("Priority")).unwrap_or(0),
                self.named(reference.get("ResourceArn"))?,
            ));
        }
        out.sort_by_key(|(priority, _)| *priority);
        Ok(out.into_iter().map(|(_, group)| group).collect())
    }
}

fn stateless_group(group: ResourceRef<'_>, out: &mut Vec<Stateless>) -> Result<(), String> {
    let path = ["RuleGroup", "RulesSource", "StatelessRulesAndCustomActions", "StatelessRules"];
    let list = group
        .resource
        .properties
        .get_path(&path)
        .and_then(Value::as_list)
        .ok_or("a stateless group without rules")?;
    let mut rules: Vec<(i64, &Value)> =
        list.iter().map(|rule| (int(rule.get("Priority")).unwrap_or(0), rule)).collect();
    rules.sort_by_key(|(priority, _)| *priority);
    for (_, rule) in rules {
        let definition = rule.get("RuleDefinition").ok_or("a rule without a definition")?;
        let attribute = |name: &str| {
            definition.get_path(&["MatchAttributes", name]).and_then(Value::as_list).unwrap_or_default()
        };
        let nets = |name: &str| -> Result<Vec<Ipv4Net>, String> {
            let all =
                attribute(name).iter().map(|one| parse(one.get("AddressDefinition").and_then(Value::as_str)));
            let all = all.collect::<Result<Vec<_>, _>>()?;
            Ok(if all.is_empty() { vec![Ipv4Net::default()] } else { all })
        };
        if !attribute("TCPFlags").is_empty() || !attribute("SourcePorts").is_empty() {
            return Err("flags and source ports of stateless rules are not built".into());
        }
        let port = |value: Option<&Value>| int(value).and_then(|port| u16::try_from(port).ok());
        let ports = attribute("DestinationPorts")
            .iter()
            .filter_map(|one| Some((port(one.get("FromPort"))?, port(one.get("ToPort"))?)));
        let action = definition
            .get("Actions")
            .and_then(Value::as_list)
            .and_then(|list| list.first())
            .and_then(Value::as_str);
        out.push(Stateless {
            action: action.unwrap_or_default().to_owned(),
            sources: nets("Sources")?,
            destinations: nets("Destinations")?,
            protocols: attribute("Protocols")
                .iter()
                .filter_map(|one| u8::try_from(int(Some(one))?).ok())
                .collect(),
            ports: ports.collect(),
        });
    }
    Ok(())
}

/// `Definition` of a variable as Suricata writes it.
fn definition(value: &Value) -> Result<String, String> {
    let items = value.get("Definition").and_then(Value::as_list).ok_or("a variable without a definition")?;
    let items: Option<Vec<String>> =
        items.iter().map(|item| item.as_text().map(|text| text.to_string())).collect();
    Ok(format!("[{}]", items.ok_or("a variable that is no literal")?.join(",")))
}

fn stateful_group(group: ResourceRef<'_>, home: &str, at: usize) -> Result<RuleText, String> {
    let body = group.resource.properties.get("RuleGroup").ok_or("a group without a body")?;
    let source = body.get("RulesSource").ok_or("a group without rules")?;
    let mut variables =
        vec![("HOME_NET".to_owned(), home.to_owned()), ("EXTERNAL_NET".to_owned(), format!("!{home}"))];
    for entry in body.get_path(&["RuleVariables", "IPSets"]).and_then(Value::as_map).into_iter().flatten() {
        variables.retain(|(name, _)| name != entry.key.as_str());
        variables.push((entry.key.to_string(), definition(&entry.value)?));
    }
    let mut rules = match (source.get("RulesString"), source.get("StatefulRules").and_then(Value::as_list)) {
        (Some(text), _) => text.as_str().ok_or("rules that are no literal")?.to_owned(),
        (None, Some(list)) => list.iter().map(five_tuple).collect::<Result<Vec<_>, _>>()?.join("\n"),
        _ => {
            return Err(format!("{} has a source of rules that is not built", text(group, "RuleGroupName")?));
        }
    };
    // Each group has variables of its own; Suricata has one space of names.
    variables.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    for (name, _) in &mut variables {
        let own = format!("G{at}_{name}");
        rules = rules.replace(&format!("${name}"), &format!("${own}"));
        *name = own;
    }
    Ok(RuleText { rules, variables })
}

fn five_tuple(rule: &Value) -> Result<String, String> {
    let header = |name: &str| {
        rule.get_path(&["Header", name]).and_then(Value::as_text).unwrap_or_else(|| "any".into())
    };
    let arrow = if header("Direction") == "ANY" { "<>" } else { "->" };
    let action = rule
        .get("Action")
        .and_then(Value::as_str)
        .ok_or("an action that is no literal")?
        .to_ascii_lowercase();
    let mut options = String::new();
    for option in rule.get("RuleOptions").and_then(Value::as_list).unwrap_or_default() {
        let keyword = option.get("Keyword").and_then(Value::as_str).unwrap_or_default();
        let settings = option.get("Settings").and_then(Value::as_list).unwrap_or_default();
        let settings: Vec<_> = settings.iter().filter_map(Value::as_text).collect();
        let settings = if settings.is_empty() { String::new() } else { format!(":{}", settings.join(",")) };
        options.push_str(&format!("{keyword}{settings};"));
    }
    Ok(format!(
        "{action} {} {} {} {arrow} {} {} ({options})",
        header("Protocol").to_ascii_lowercase(),
        header("Source"),
        header("SourcePort"),
        header("Destination"),
        header("DestinationPort"),
    )
    .replace(" ANY", " any"))
}

/// The chain of iptables for a firewall's namespace.
pub fn iptables(wall: &Wall) -> Vec<String> {
    let verdict = |action: &str| match action {
        "aws:pass" => "ACCEPT",
        "aws:drop" => "DROP",
        _ => "NFQUEUE --queue-num 0",
    };
    let mut out = Vec::new();
    for rule in &wall.stateless {
        let protocols =
            if rule.protocols.is_empty() { vec![None] } else { rule.protocols.iter().map(Some).collect() };
        let ports = if rule.ports.is_empty() { vec![None] } else { rule.ports.iter().map(Some).collect() };
        for source in &rule.sources {
            for destination in &rule.destinations {
                for protocol in &protocols {
                    for port in &ports {
                        let protocol = protocol.map_or(String::new(), |number| format!("-p {number} "));
                        let port = port.map_or(String::new(), |(from, to)| format!("--dport {from}:{to} "));
                        out.push(format!(
                            "-A FORWARD -s {source} -d {destination} {protocol}{port}-j {}",
                            verdict(&rule.action)
                        ));
                    }
                }
            }
        }
    }
    out.push(format!("-A FORWARD -j {}", verdict(&wall.stateless_default)));
    out
}

/// Suricata's rule file.
pub fn rules(wall: &Wall) -> Result<String, String> {
    let mut text: String = wall.groups.iter().flat_map(|group| [group.rules.as_str(), "\n"]).collect();
    text = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .enumerate()
        .map(|(at, line)| renumber(line, at + 1))
        .collect();
    if !wall.strict {
        return Ok(text);
    }
    // Names of one block are written out, so that what is empty shows.
    for (name, value) in wall.groups.iter().flat_map(|group| &group.variables) {
        let inner = value.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
        if let Some(one) = inner.filter(|inner| !inner.contains(',')) {
            text = text.replace(&format!("${name} "), &format!("{one} "));
        }
    }
    let mut out = in_action_order(&text)?;
    let last = 900_000;
    for default in &wall.defaults {
        out.push_str(&match default.as_str() {
            "aws:drop_strict" => format!("drop ip any any -> any any (sid:{last};)\n"),
            "aws:drop_established" => format!(
                "drop tcp any any -> any any (flow:established,to_server; sid:{last};)\n\
                 drop ip any any -> any any (ip_proto:!TCP; sid:{};)\n",
                last + 1
            ),
            alert if alert.starts_with("aws:alert") => String::new(),
            other => return Err(format!("default action {other} is not built")),
        });
    }
    Ok(out)
}

/// Each rule with a number of its own: groups number theirs apart.
fn renumber(line: &str, sid: usize) -> String {
    let (head, rest) = line.split_once("sid:").unwrap_or((line, ""));
    let rest = rest.split_once(';').map_or("", |(_, rest)| rest);
    format!("{head}sid:{sid};{rest}\n")
}

/// First-match order written for an engine where pass comes first.
fn in_action_order(text: &str) -> Result<String, String> {
    let (rules, mistakes) = suricata::read(text);
    if let Some(mistake) = mistakes.first() {
        return Err(format!("rules that cannot be read: {}", mistake.what));
    }
    let mut out = String::new();
    let mut dropped: Vec<Header> = Vec::new();
    let mut sid = 1;
    let mut add = |action: &str, header: &Header, options: &str| {
        out.push_str(&format!("{action} {} ({options}sid:{sid};)\n", header.text()));
        sid += 1;
    };
    for rule in &rules {
        let flow = rule.option("flow").map_or(String::new(), |flow| format!("flow:{flow};"));
        let header_only =
            rule.options.iter().all(|option| matches!(option.keyword.as_str(), "sid" | "msg" | "rev"));
        for header in Header::of(rule)? {
            match rule.action {
                Action::Alert => {}
                Action::Pass => {
                    // A rule that asks for more passes what a drop before it takes only if neither says so here.
                    let pieces = dropped.iter().fold(vec![header], |pieces, hole| {
                        pieces.into_iter().flat_map(|piece| piece.without(hole)).collect()
                    });
                    pieces.iter().for_each(|piece| add("pass", piece, &flow));
                }
                Action::Drop | Action::Reject if header_only => {
                    add(if rule.action == Action::Drop { "drop" } else { "reject" }, &header, "");
                    dropped.push(header);
                }
                _ => return Err("a drop rule with options in strict order is not built".into()),
            }
        }
    }
    Ok(out)
}

/// A rule's header: names of addresses are texts of Suricata's, joined by "and".
#[derive(Debug, Clone)]
struct Header {
    protocols: Vec<&'static str>,
    source: Vec<String>,
    destination: Vec<String>,
    ports: (u16, u16),
}

impl Header {
    fn of(rule: &Rule) -> Result<Vec<Self>, String> {
        let protocols = match rule.protocol.as_str() {
            "ip" => vec!["tcp", "udp", "icmp"],
            "tcp" => vec!["tcp"],
            "udp" => vec!["udp"],
            "icmp" => vec!["icmp"],
            other => return Err(format!("protocol {other} in strict order is not built")),
        };
        if rule.source_ports != Set::Any {
            return Err("source ports in strict order are not built".into());
        }
        let ports = match &rule.destination_ports {
            Set::Any => (0, u16::MAX),
            Set::One(PortRange { first, last }) => (*first, *last),
            _ => return Err("sets of ports in strict order are not built".into()),
        };
        let (source, destination) = (address(&rule.source)?, address(&rule.destination)?);
        let one = Self { protocols, source: vec![source], destination: vec![destination], ports };
        if !rule.both_ways {
            return Ok(vec![one]);
        }
        if one.ports != (0, u16::MAX) {
            return Err("ports both ways in strict order are not built".into());
        }
        let other = Self { source: one.destination.clone(), destination: one.source.clone(), ..one.clone() };
        Ok(vec![one, other])
    }

    fn text(&self) -> String {
        let protocol = match self.protocols.as_slice() {
            [one] => (*one).to_owned(),
            _ => "ip".to_owned(),
        };
        let and = |parts: &[String]| {
            let parts: Vec<&str> = parts.iter().map(String::as_str).filter(|part| *part != "any").collect();
            match parts.as_slice() {
                [] => "any".to_owned(),
                [one] => (*one).to_owned(),
                many => format!("[{}]", many.join(",")),
            }
        };
        let ports = if self.ports == (0, u16::MAX) {
            "any".to_owned()
        } else {
            format!("{}:{}", self.ports.0, self.ports.1)
        };
        format!("{protocol} {} any -> {} {ports}", and(&self.source), and(&self.destination))
    }

    /// What of this is not in `hole`, in pieces.
    fn without(self, hole: &Self) -> Vec<Self> {
        let mut out = Vec::new();
        let mut rest = self;
        let (inside, outside): (Vec<_>, Vec<_>) =
            rest.protocols.iter().partition(|one| hole.protocols.contains(one));
        for protocol in outside {
            out.push(Self { protocols: vec![protocol], ..rest.clone() });
        }
        if inside.is_empty() {
            return out;
        }
        rest.protocols = inside;
        let less = |holes: &[String]| -> Vec<String> {
            holes.iter().filter(|part| *part != "any").map(|part| format!("!{part}")).collect()
        };
        let (sources, destinations) = (less(&hole.source), less(&hole.destination));
        if !sources.is_empty() && !within(&rest.source, &hole.source) {
            out.push(Self { source: [rest.source.clone(), sources].concat(), ..rest.clone() });
        }
        if !destinations.is_empty() && !within(&rest.destination, &hole.destination) {
            out.push(Self { destination: [rest.destination.clone(), destinations].concat(), ..rest.clone() });
        }
        let ports = (rest.ports.0.max(hole.ports.0), rest.ports.1.min(hole.ports.1));
        if ports.0 > ports.1 {
            out.push(rest);
            return out;
        }
        if rest.ports.0 < ports.0 {
            out.push(Self { ports: (rest.ports.0, ports.0 - 1), ..rest.clone() });
        }
        if rest.ports.1 > ports.1 {
            out.push(Self { ports: (ports.1 + 1, rest.ports.1), ..rest.clone() });
        }
        out
    }
}

/// Whether nothing would be left: Suricata refuses a set that is empty.
fn within(parts: &[String], hole: &[String]) -> bool {
    let block = |text: &String| text.parse::<Ipv4Net>().ok();
    let holes =
        parts.iter().filter_map(|part| part.strip_prefix('!').map(str::to_owned)).chain(hole.iter().cloned());
    let Some(positive) = parts.iter().find(|part| !part.starts_with('!')) else { return false };
    holes.into_iter().any(|hole| {
        let covers = || Some(block(&hole)?.contains(&block(positive)?));
        hole == *positive || covers().unwrap_or(false)
    })
}

fn address(set: &Set<IpNet>) -> Result<String, String> {
    Ok(match set {
        Set::Any => "any".into(),
        Set::One(net) => net.to_string(),
        Set::Variable(name) => format!("${name}"),
        _ => return Err("lists of addresses in strict order are not built".into()),
    })
}

/// Suricata's configuration.
pub fn configuration(lab: &Lab, wall: &Wall, folder: &str) -> String {
    let variables: String = wall
        .groups
        .iter()
        .flat_map(|group| &group.variables)
        .map(|(name, value)| format!("    {name}: \"{value}\"\n"))
        .collect();
    let home = lab.vpcs.first().copied().unwrap_or_else(|| Ipv4Net::from(Ipv4Addr::UNSPECIFIED));
    let midstream = if wall.midstream_drops { "drop-flow" } else { "ignore" };
    format!(
        "%YAML 1.1\n---\nvars:\n  address-groups:\n    HOME_NET: \"[{home}]\"\n    EXTERNAL_NET: \"!$HOME_NET\"\n{variables}  \
         port-groups:\n    HTTP_PORTS: \"80\"\ndefault-log-dir: {folder}\noutputs: []\nlogging:\n  default-log-level: notice\n  \
         outputs:\n    - console:\n        enabled: yes\napp-layer:\n  protocols:\n    tls: {{enabled: yes}}\n    http: \
         {{enabled: yes}}\n    dns: {{tcp: {{enabled: yes}}, udp: {{enabled: yes}}}}\nstream:\n  inline: yes\n  midstream: \
         false\n  midstream-policy: {midstream}\nexception-policy: ignore\nnfq:\n  mode: accept\n  fail-open: \
         no\nunix-command:\n  enabled: no\n"
    )
}
