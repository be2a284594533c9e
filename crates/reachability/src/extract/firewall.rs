//! What a Network Firewall's policy says.
//!
//! In: `AWS::NetworkFirewall::FirewallPolicy` and `RuleGroup`, as templates or AWS's API write them. Out: a
//! [`FirewallPolicy`] with its rules in the order of evaluation. Always: a group that is not part of the estate is a
//! rule that may do anything; one that AWS manages may drop; nothing is left out in silence.
//!
//! Sources: AWS CloudFormation Template Reference, AWS::NetworkFirewall::FirewallPolicy and ::RuleGroup; AWS Network
//! Firewall Developer Guide, "Managing evaluation order for Suricata compatible rules in AWS Network Firewall",
//! "Stream exception policy in AWS Network Firewall", "Using managed rule groups".

mod domains;
mod stateful;
mod stateless;
mod variables;

use estate::{ResourceRef, SmolStr, Value};

use super::Extraction;
use super::read::{Item, Named};
use crate::model::{
    Addresses, Application, Certainty, FirewallPolicy, FlowState, IpSet, Midstream, Order, Protocols, Scope,
    StatefulAction, StatefulDefault, StatefulRule, StatelessAction, UnknownId, VpcId,
};
use crate::suricata::everything;

/// A rule with Suricata's priority, which counts in action order.
struct Ranked {
    rule: StatefulRule,
    priority: i64,
}

/// Suricata's priority of a rule that has none.
const USUAL_PRIORITY: i64 = 3;

const POLICY: &str = "AWS::NetworkFirewall::FirewallPolicy";
const GROUP: &str = "AWS::NetworkFirewall::RuleGroup";

impl<'a> Extraction<'a> {
    /// The policy of a firewall that stands in `vpc`.
    pub fn firewall_policy(
        &mut self,
        firewall: ResourceRef<'a>,
        vpc: VpcId,
    ) -> Result<FirewallPolicy, UnknownId> {
        let label = self.name(firewall).label;
        let value = self.property(firewall, "FirewallPolicyArn");
        let Some(found) = self.named_of(POLICY, value) else {
            let what = format!("the policy of firewall {label}, which is not part of the estate");
            return Err(self.unknown(what, firewall.resource.origin.span));
        };
        let Some(body) = self.one(self.property(found, "FirewallPolicy"))? else {
            let what = format!("what firewall policy {} says", found.id);
            return Err(self.unknown(what, found.resource.origin.span));
        };
        let mut policy = FirewallPolicy {
            name: self.name(found),
            stateless: Vec::new(),
            stateless_default: self.stateless_action(body.get("StatelessDefaultActions"), found),
            fragments_default: self.stateless_action(body.get("StatelessFragmentDefaultActions"), found),
            order: Order::Action,
            stateful: Vec::new(),
            stateful_defaults: Vec::new(),
            midstream: self.midstream(body),
            unknown: None,
        };
        let options = self.one(body.get("StatefulEngineOptions"))?;
        policy.order = match self.text(options.and_then(|options| options.get("RuleOrder"))) {
            Ok(order) if order.as_deref() == Some("STRICT_ORDER") => Order::Strict,
            Ok(_) => Order::Action,
            Err(unknown) => {
                policy.unknown = Some(unknown);
                Order::Strict
            }
        };
        if policy.order == Order::Strict {
            policy.stateful_defaults = self.stateful_defaults(body, &mut policy.unknown);
        }
        self.stateless_groups(body, &mut policy);
        let home = self.home_net(body, vpc);
        self.stateful_groups(body, &home, &mut policy);
        self.tls_inspection(body, &mut policy);
        Ok(policy)
    }

    /// Source: "Stream exception policy": `DROP` is the default.
    fn midstream(&mut self, body: &'a Value) -> Midstream {
        let options = match self.one(body.get("StatefulEngineOptions")) {
            Ok(options) => options,
            Err(unknown) => return Midstream::Unknown(unknown),
        };
        match self.text(options.and_then(|options| options.get("StreamExceptionPolicy"))) {
            Ok(policy) if policy.as_deref() == Some("CONTINUE") => Midstream::Continue,
            Ok(_) => Midstream::Drop,
            Err(unknown) => Midstream::Unknown(unknown),
        }
    }

    fn stateful_defaults(
        &mut self,
        body: &'a Value,
        unknown: &mut Option<UnknownId>,
    ) -> Vec<StatefulDefault> {
        let mut out = Vec::new();
        for item in self.items(body.get("StatefulDefaultActions"), Certainty::Yes) {
            let text = match (self.text(Some(item.value)), item.exists) {
                (Ok(Some(text)), Certainty::Yes) => text,
                (Ok(None), _) | (_, Certainty::No) => continue,
                (Err(id), _) | (_, Certainty::Maybe(id)) => {
                    *unknown = Some(id);
                    continue;
                }
            };
            out.push(match text.as_str() {
                "aws:drop_strict" => StatefulDefault::DropStrict,
                "aws:drop_established" => StatefulDefault::DropEstablished,
                "aws:drop_established_app_layer" => StatefulDefault::DropEstablishedApplication,
                "aws:drop_established_app_layer_to_server" => {
                    StatefulDefault::DropEstablishedApplicationToServer
                }
                alert if alert.starts_with("aws:alert_") => StatefulDefault::Alert,
                other => {
                    let what = format!("what default action `{other}` does");
                    *unknown = Some(self.unknown(what, item.value.span));
                    continue;
                }
            });
        }
        out
    }

    /// The groups of a list of references, with their priority; those of equal or no priority as written.
    fn group_references(
        &mut self,
        list: Option<&'a Value>,
        unknown: &mut Option<UnknownId>,
    ) -> Vec<Item<'a>> {
        let mut out = Vec::new();
        for item in self.items(list, Certainty::Yes) {
            let priority = match self.int(item.value.get("Priority")) {
                Ok(priority) => priority.unwrap_or(0),
                Err(id) => {
                    *unknown = Some(id);
                    0
                }
            };
            if item.exists != Certainty::No {
                out.push((priority, item));
            }
        }
        out.sort_by_key(|(priority, _)| *priority);
        out.into_iter().map(|(_, item)| item).collect()
    }

    fn stateful_groups(&mut self, body: &'a Value, home: &variables::Variables, policy: &mut FirewallPolicy) {
        let list = body.get("StatefulRuleGroupReferences");
        let references = match policy.order {
            Order::Strict => self.group_references(list, &mut policy.unknown),
            Order::Action => self.items(list, Certainty::Yes),
        };
        let mut rules: Vec<Ranked> = Vec::new();
        for reference in references {
            let doubt = match reference.exists {
                Certainty::Yes => None,
                Certainty::No => continue,
                Certainty::Maybe(id) => Some(id),
            };
            let mut added = match self.group_named(reference.value) {
                Ok(group) => self.stateful_group(group, home, policy.order),
                Err(rule) => vec![Ranked { rule: *rule, priority: USUAL_PRIORITY }],
            };
            let overridden = reference.value.get("Override").and_then(|value| value.get("Action"));
            let overridden = self.text(overridden).ok().flatten();
            for Ranked { rule, .. } in &mut added {
                rule.doubt = rule.doubt.or(doubt);
                // `DROP_TO_ALERT`: a managed group only says what it would drop.
                if overridden.is_some()
                    && matches!(rule.action, StatefulAction::Drop | StatefulAction::Reject)
                {
                    rule.action = StatefulAction::Alert;
                }
            }
            rules.extend(added);
        }
        if policy.order == Order::Action {
            let rank = |rule: &StatefulRule| match rule.action {
                StatefulAction::Unknown(_) => 0,
                StatefulAction::Pass => 1,
                StatefulAction::Drop => 2,
                StatefulAction::Reject => 3,
                StatefulAction::Alert => 4,
            };
            rules.sort_by_key(|ranked| (rank(&ranked.rule), ranked.priority));
        }
        policy.stateful = rules.into_iter().map(|ranked| ranked.rule).collect();
    }

    /// The group that a reference names; `Err`: a rule that stands for one that is not part of the estate.
    fn group_named(&mut self, reference: &'a Value) -> Result<ResourceRef<'a>, Box<StatefulRule>> {
        let value = reference.get("ResourceArn");
        if let Some(group) = self.named_of(GROUP, value) {
            return Ok(group);
        }
        let span = value.map_or(reference.span, |value| value.span);
        let text = value.and_then(managed_name);
        Err(Box::new(match text {
            Some(name) => {
                let unknown = self.unknown(format!("the rules of managed rule group {name}"), span);
                let asks = format!("managed rule group {name}");
                StatefulRule { doubt: Some(unknown), ..anything(StatefulAction::Drop, &asks, span) }
            }
            None => {
                let what = match value.map(|value| self.named(value)) {
                    Some(Named::Outside(text)) => {
                        format!("rule group {text}, which is not part of the estate")
                    }
                    Some(Named::Unknown(id)) => {
                        return Err(Box::new(anything(StatefulAction::Unknown(id), "a rule group", span)));
                    }
                    _ => "a rule group that is not part of the estate".to_owned(),
                };
                let unknown = self.unknown(what.as_str(), span);
                anything(StatefulAction::Unknown(unknown), &what, span)
            }
        }))
    }

    /// TLS inspection drops what cannot be decrypted or whose certificate is revoked; beyond that rules decide.
    /// Source: AWS Network Firewall Developer Guide, "Inspecting SSL/TLS traffic with TLS inspection configurations".
    fn tls_inspection(&mut self, body: &'a Value, policy: &mut FirewallPolicy) {
        let Some(value) = body.get("TLSInspectionConfigurationArn") else { return };
        let unknown = self.unknown("what TLS inspection makes of the certificates it meets", value.span);
        let mut rule = anything(StatefulAction::Drop, "TLS inspection", value.span);
        rule.protocols = vec![Protocols::One(6)];
        rule.application = Some(Application {
            protocol: "tls".into(),
            domains: Vec::new(),
            needs_data: true,
            options: "TLS inspection".into(),
        });
        rule.doubt = Some(unknown);
        policy.stateful.insert(0, rule);
    }

    fn stateless_action(&mut self, actions: Option<&'a Value>, found: ResourceRef<'a>) -> StatelessAction {
        let mut action = None;
        for item in self.items(actions, Certainty::Yes) {
            if let Certainty::Maybe(id) = item.exists {
                return StatelessAction::Unknown(id);
            }
            match self.text(Some(item.value)) {
                Err(id) => return StatelessAction::Unknown(id),
                Ok(text) => match text.as_deref() {
                    Some("aws:pass") => action = Some(StatelessAction::Pass),
                    Some("aws:drop") => action = Some(StatelessAction::Drop),
                    Some("aws:forward_to_sfe") => action = Some(StatelessAction::Forward),
                    // A custom action only publishes a metric.
                    _ => {}
                },
            }
        }
        action.unwrap_or_else(|| {
            let what = format!("a stateless action of {}", found.id);
            StatelessAction::Unknown(self.unknown(what, found.resource.origin.span))
        })
    }
}

/// The name of a rule group that AWS manages, where an ARN names one.
/// Source: AWS Network Firewall Developer Guide, "Using managed rule groups": the account is `aws-managed`.
fn managed_name(value: &Value) -> Option<SmolStr> {
    let mut text = String::new();
    value.walk(&mut |part| text.push_str(part.as_str().unwrap_or("")));
    let (_, rest) = text.split_once(":aws-managed:")?;
    Some(rest.rsplit('/').next().unwrap_or(rest).into())
}

/// A rule over every packet.
fn anything(action: StatefulAction, label: &str, span: diagnostics::Span) -> StatefulRule {
    let all = || Addresses::Known(IpSet(everything()));
    StatefulRule {
        action,
        protocols: vec![Protocols::All],
        source: all(),
        source_ports: Vec::new(),
        destination: all(),
        destination_ports: Vec::new(),
        both_ways: true,
        flow: FlowState::default(),
        scope: Scope::Connection,
        application: None,
        doubt: None,
        sid: 0,
        label: label.into(),
        span,
    }
}
