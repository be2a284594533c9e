//! Stateless rule groups.
//!
//! Source: AWS CloudFormation Template Reference, AWS::NetworkFirewall::RuleGroup StatelessRule and MatchAttributes.

use diagnostics::Span;
use estate::{ResourceRef, SmolStr, Value};

use super::super::Extraction;
use super::super::read::union;
use super::{GROUP, anything};
use crate::model::{
    Addresses, Certainty, FirewallPolicy, IpSet, PortRange, Protocols, StatefulAction, StatelessAction,
    StatelessRule, Tcp, UnknownId,
};
use crate::suricata::everything;

impl<'a> Extraction<'a> {
    /// All stateless rules of a policy in order of evaluation.
    pub(super) fn stateless_groups(&mut self, body: &'a Value, policy: &mut FirewallPolicy) {
        let list = body.get("StatelessRuleGroupReferences");
        for reference in self.group_references(list, &mut policy.unknown) {
            let value = reference.value.get("ResourceArn");
            let span = reference.value.span;
            let mut rules = match self.named_of(GROUP, value) {
                Some(group) => self.stateless_group(group, &mut policy.unknown),
                None => {
                    let what = "a stateless rule group that is not part of the estate";
                    let unknown = self.unknown(what, span);
                    vec![whatever(StatelessAction::Unknown(unknown), what, span)]
                }
            };
            if let Certainty::Maybe(id) = reference.exists {
                rules.iter_mut().for_each(|rule| rule.doubt = rule.doubt.or(Some(id)));
            }
            policy.stateless.extend(rules);
        }
    }

    fn stateless_group(
        &mut self,
        group: ResourceRef<'a>,
        unknown: &mut Option<UnknownId>,
    ) -> Vec<StatelessRule> {
        let path = ["RuleGroup", "RulesSource", "StatelessRulesAndCustomActions", "StatelessRules"];
        let list = group.resource.properties.get_path(&path);
        if list.is_none() {
            let what = format!("the rules of rule group {}", group.id);
            let id = self.unknown(what.as_str(), group.resource.origin.span);
            return vec![whatever(StatelessAction::Unknown(id), &what, group.resource.origin.span)];
        }
        let label = self.name(group).label;
        let mut rules = Vec::new();
        for item in self.items(list, Certainty::Yes) {
            let priority = match self.int(item.value.get("Priority")) {
                Ok(priority) => priority.unwrap_or(0),
                Err(id) => {
                    *unknown = Some(id);
                    0
                }
            };
            let mut rule =
                self.stateless_rule(item.value, group, format!("rule {priority} of {label}").into());
            if let Certainty::Maybe(id) = item.exists {
                rule.doubt = rule.doubt.or(Some(id));
            }
            rules.push((priority, rule));
        }
        rules.sort_by_key(|(priority, _)| *priority);
        rules.into_iter().map(|(_, rule)| rule).collect()
    }

    fn stateless_rule(&mut self, value: &'a Value, group: ResourceRef<'a>, label: SmolStr) -> StatelessRule {
        let definition = value.get("RuleDefinition");
        let attribute = |name: &str| definition?.get("MatchAttributes")?.get(name);
        let mut doubt = None;
        let rule = StatelessRule {
            source: self.address_definitions(attribute("Sources")),
            destination: self.address_definitions(attribute("Destinations")),
            source_ports: self.port_definitions(attribute("SourcePorts"), &mut doubt),
            destination_ports: self.port_definitions(attribute("DestinationPorts"), &mut doubt),
            protocols: self.protocol_numbers(attribute("Protocols")),
            flags: self.tcp_flags(attribute("TCPFlags"), &mut doubt),
            action: self.stateless_action(definition.and_then(|definition| definition.get("Actions")), group),
            doubt: None,
            label,
            span: self.span(group, value),
        };
        StatelessRule { doubt, ..rule }
    }

    /// None written: any address.
    fn address_definitions(&mut self, list: Option<&'a Value>) -> Addresses {
        let items = self.items(list, Certainty::Yes);
        if items.is_empty() {
            return Addresses::Known(IpSet(everything()));
        }
        items.into_iter().fold(Addresses::Known(IpSet::default()), |all, item| {
            let one = self.addresses(item.value.get("AddressDefinition").unwrap_or(item.value));
            match (item.exists, one) {
                (Certainty::Maybe(id), _) => union(all, Addresses::AtLeast(IpSet::default(), id)),
                (_, one) => union(all, one),
            }
        })
    }

    fn port_definitions(&mut self, list: Option<&'a Value>, doubt: &mut Option<UnknownId>) -> Vec<PortRange> {
        let mut out = Vec::new();
        for item in self.items(list, Certainty::Yes) {
            let ends = (self.int(item.value.get("FromPort")), self.int(item.value.get("ToPort")));
            match (ends, item.exists) {
                ((Ok(from), Ok(to)), Certainty::Yes) => {
                    let port = |port: i64| u16::try_from(port.clamp(0, 65_535)).unwrap_or(u16::MAX);
                    let first = port(from.unwrap_or(0));
                    out.push(PortRange { first, last: to.map_or(first, port) });
                }
                ((Err(id), _) | (_, Err(id)), _) | (_, Certainty::Maybe(id)) => {
                    *doubt = Some(id);
                    return vec![PortRange::ALL];
                }
                (_, Certainty::No) => {}
            }
        }
        out
    }

    fn protocol_numbers(&mut self, list: Option<&'a Value>) -> Vec<Protocols> {
        let mut out = Vec::new();
        for item in self.items(list, Certainty::Yes) {
            out.push(match (self.int(Some(item.value)), item.exists) {
                (Ok(number), Certainty::Yes) => {
                    Protocols::One(u8::try_from(number.unwrap_or(0)).unwrap_or(u8::MAX))
                }
                (Err(id), _) | (_, Certainty::Maybe(id)) => Protocols::Unknown(id),
                (_, Certainty::No) => continue,
            });
        }
        out
    }

    fn tcp_flags(&mut self, list: Option<&'a Value>, doubt: &mut Option<UnknownId>) -> Vec<Tcp> {
        let mut out = Vec::new();
        for item in self.items(list, Certainty::Yes) {
            let flags = self.flag_bits(item.value.get("Flags"), doubt);
            // Without masks, all flags are looked at.
            let masks = item.value.get("Masks").map(|masks| self.flag_bits(Some(masks), doubt));
            out.push(Tcp { flags, masks: masks.unwrap_or(u8::MAX) });
            if let Certainty::Maybe(id) = item.exists {
                *doubt = Some(id);
            }
        }
        out
    }

    fn flag_bits(&mut self, list: Option<&'a Value>, doubt: &mut Option<UnknownId>) -> u8 {
        let mut bits = 0;
        for item in self.items(list, Certainty::Yes) {
            match self.text(Some(item.value)) {
                Ok(name) => {
                    let names = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];
                    let at = names.iter().position(|known| name.as_deref() == Some(known));
                    bits |= at.map_or(0, |at| 1 << at);
                }
                Err(id) => *doubt = Some(id),
            }
        }
        bits
    }
}

/// A rule over every packet.
fn whatever(action: StatelessAction, label: &str, span: Span) -> StatelessRule {
    let stateful = anything(StatefulAction::Alert, label, span);
    StatelessRule {
        source: stateful.source,
        destination: stateful.destination,
        source_ports: Vec::new(),
        destination_ports: Vec::new(),
        protocols: Vec::new(),
        flags: Vec::new(),
        action,
        doubt: None,
        label: stateful.label,
        span,
    }
}
