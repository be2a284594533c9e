//! Stateful rule groups: Suricata text, 5-tuple rules and domain lists, all by way of Suricata's language, as AWS
//! does it.
//!
//! Source: AWS Network Firewall Developer Guide, "Options for stateful rules in Network Firewall".

use diagnostics::{Diagnostic, Span};
use estate::{ResourceRef, SmolStr, Value};

use super::super::Extraction;
use super::variables::{Lookup, Variables};
use super::{Ranked, USUAL_PRIORITY, anything};
use crate::codes::{INDENTED_RULE, RULE_MISTAKE, RULE_ORDER, UNDEFINED_VARIABLE};
use crate::model::{Certainty, Order, StatefulAction, UnknownId};
use crate::suricata::{self, Mistake, meaning};

/// A text of rules on its way to the model.
struct Text<'a> {
    group: ResourceRef<'a>,
    span: Span,
    /// Doubts that hold for all of them.
    doubt: Option<UnknownId>,
}

impl<'a> Extraction<'a> {
    /// The rules of a group in order.
    pub(super) fn stateful_group(
        &mut self,
        group: ResourceRef<'a>,
        home: &Variables,
        order: Order,
    ) -> Vec<Ranked> {
        let variables = self.variables(group, home);
        let properties = &group.resource.properties;
        self.check_order(group, order);
        let source =
            properties.get_path(&["RuleGroup", "RulesSource"]).or_else(|| properties.get("RuleGroup"));
        let part = |name: &str| source.and_then(|source| source.get(name));
        if let Some(list) = part("RulesSourceList") {
            let generated = self.domain_rules(list);
            let span = self.span(group, list);
            let text = Text { group, span, doubt: generated.doubt };
            let mut rules = self.rules_of(&generated.text, &variables, &text);
            if order == Order::Strict {
                self.doubt_last_drops(&mut rules, span);
            }
            return rules;
        }
        if let Some(list) = part("StatefulRules") {
            let mut out = Vec::new();
            for (at, item) in self.items(Some(list), Certainty::Yes).into_iter().enumerate() {
                let (written, mut doubt) = self.five_tuple(item.value, at + 1);
                if let Certainty::Maybe(id) = item.exists {
                    doubt = Some(id);
                }
                let text = Text { group, span: self.span(group, item.value), doubt };
                out.extend(self.rules_of(&written, &variables, &text));
            }
            return out;
        }
        let string = part("RulesString").or_else(|| properties.get("Rules"));
        let span = string.map_or(group.resource.origin.span, |value| self.span(group, value));
        match (string, self.text(string)) {
            (Some(_), Ok(Some(written))) => {
                self.rules_of(&written, &variables, &Text { group, span, doubt: None })
            }
            (_, read) => {
                let unknown = match read {
                    Err(id) => id,
                    Ok(_) => self.unknown(format!("the rules of rule group {}", group.id), span),
                };
                let rule = anything(StatefulAction::Unknown(unknown), group.id, span);
                vec![Ranked { rule, priority: USUAL_PRIORITY }]
            }
        }
    }

    /// AWS refuses a group whose order is not the policy's.
    fn check_order(&mut self, group: ResourceRef<'a>, order: Order) {
        let written = group.resource.properties.get_path(&["RuleGroup", "StatefulRuleOptions", "RuleOrder"]);
        let Ok(text) = self.text(written) else { return };
        let own = if text.as_deref() == Some("STRICT_ORDER") { Order::Strict } else { Order::Action };
        if own != order {
            let span = written.map_or(group.resource.origin.span, |value| self.span(group, value));
            let word = |order| if order == Order::Strict { "STRICT_ORDER" } else { "DEFAULT_ACTION_ORDER" };
            let message =
                format!("rule group `{}` has order {}, its policy {}", group.id, word(own), word(order));
            self.network.mistakes.push(
                Diagnostic::error(RULE_ORDER, span, message)
                    .expected("the same order in both")
                    .help("set RuleOrder under StatefulRuleOptions of the group to that of the policy"),
            );
        }
    }

    /// Whether AWS adds the drop of other names in strict order is not documented.
    fn doubt_last_drops(&mut self, rules: &mut [Ranked], span: Span) {
        let allow = rules.iter().any(|ranked| ranked.rule.action == StatefulAction::Pass);
        if allow {
            let what = "whether Network Firewall adds a drop of other names to an allow list in strict order";
            let unknown = self.unknown(what, span);
            let drops = rules.iter_mut().filter(|ranked| ranked.rule.action == StatefulAction::Drop);
            drops.for_each(|ranked| ranked.rule.doubt = ranked.rule.doubt.or(Some(unknown)));
        }
    }

    /// A 5-tuple rule in Suricata's language; what is not known becomes `any`, and a doubt.
    fn five_tuple(&mut self, value: &'a Value, position: usize) -> (String, Option<UnknownId>) {
        let mut doubt = None;
        let header = |name: &str| value.get("Header").and_then(|header| header.get(name));
        let mut part = |this: &mut Self, value: Option<&'a Value>, absent: &str| match this.text(value) {
            Ok(text) => text.unwrap_or_else(|| absent.into()),
            Err(id) => {
                doubt = Some(id);
                absent.into()
            }
        };
        let action = part(self, value.get("Action"), "drop");
        let protocol = part(self, header("Protocol"), "ip");
        let source = part(self, header("Source"), "any");
        let source_port = part(self, header("SourcePort"), "any");
        let arrow = match part(self, header("Direction"), "FORWARD").as_str() {
            "ANY" => "<>",
            _ => "->",
        };
        let destination = part(self, header("Destination"), "any");
        let destination_port = part(self, header("DestinationPort"), "any");
        let mut options = String::new();
        let mut has_sid = false;
        for option in self.items(value.get("RuleOptions"), Certainty::Yes) {
            let keyword = part(self, option.value.get("Keyword"), "sid");
            let settings: Vec<SmolStr> = self
                .items(option.value.get("Settings"), Certainty::Yes)
                .into_iter()
                .map(|setting| part(self, Some(setting.value), "1"))
                .collect();
            has_sid |= keyword == "sid";
            match settings.is_empty() {
                true => options.push_str(&format!("{keyword};")),
                false => options.push_str(&format!("{keyword}:{};", settings.join(","))),
            }
        }
        if !has_sid {
            options.push_str(&format!("sid:{position};"));
        }
        let text = format!(
            "{action} {protocol} {source} {source_port} {arrow} {destination} {destination_port} ({options})"
        );
        (text, doubt)
    }

    /// Reads and lowers a text; mistakes go to the network's list, and the group then may do anything as well.
    fn rules_of(&mut self, written: &str, variables: &Variables, text: &Text<'a>) -> Vec<Ranked> {
        let (rules, mistakes) = suricata::read(written);
        let label = self.name(text.group).label;
        let mut out = Vec::new();
        for mistake in &mistakes {
            self.rule_mistake(mistake, text);
        }
        let mut missing = Vec::new();
        for rule in &rules {
            let message = rule.option("msg").filter(|message| !message.is_empty());
            let words = message.map_or_else(String::new, |message| {
                format!(" \"{}\"", message.chars().take(60).collect::<String>())
            });
            let name = format!("sid {} of {label}{words}", rule.sid());
            let mut names = Lookup { variables, extraction: self, span: text.span, missing: Vec::new() };
            let lowered = meaning::lower(rule, &mut names, name.into(), text.span);
            for name in names.missing {
                if !missing.contains(&name) {
                    missing.push(name);
                }
            }
            match lowered {
                Ok(mut lowered) => {
                    lowered.doubt = lowered.doubt.or(text.doubt).or_else(|| self.indented(rule, text));
                    let priority = rule.option("priority").and_then(|value| value.trim().parse().ok());
                    out.push(Ranked { rule: lowered, priority: priority.unwrap_or(USUAL_PRIORITY) });
                }
                Err(what) => {
                    let expected = "a rule that Suricata loads".to_owned();
                    self.rule_mistake(&Mistake { line: rule.line, column: 1, what, expected }, text);
                }
            }
        }
        for name in missing {
            let message = format!("rule group `{}` does not define `{name}`", text.group.id);
            self.network.mistakes.push(
                Diagnostic::error(UNDEFINED_VARIABLE, text.span, message)
                    .help("define it under RuleVariables (`$`) or ReferenceSets (`@`) of the rule group"),
            );
        }
        if !mistakes.is_empty() {
            let unknown = self.unknown(format!("rules of {label} that cannot be read"), text.span);
            let rule = anything(StatefulAction::Unknown(unknown), &label, text.span);
            out.push(Ranked { rule, priority: USUAL_PRIORITY });
        }
        out
    }

    /// What a rule that is indented leaves open, and says so.
    fn indented(&mut self, rule: &suricata::Rule, text: &Text<'a>) -> Option<UnknownId> {
        if !rule.indented {
            return None;
        }
        let message = format!(
            "rule {} of group `{}` is indented, and Suricata passes over it",
            rule.sid(),
            text.group.id
        );
        self.network.mistakes.push(
            Diagnostic::warning(INDENTED_RULE, text.span, message)
                .label(format!("line {} of the rules", rule.line))
                .help("begin each rule at the beginning of its line"),
        );
        let what = format!("whether Network Firewall reads rule {}, which is indented", rule.sid());
        Some(self.unknown(what, text.span))
    }

    fn rule_mistake(&mut self, mistake: &Mistake, text: &Text<'a>) {
        let Mistake { line, column, what, expected } = mistake;
        let message = format!("a rule of group `{}` cannot be read: {what}", text.group.id);
        self.network.mistakes.push(
            Diagnostic::error(RULE_MISTAKE, text.span, message)
                .label(format!("line {line}, column {column} of the rules"))
                .expected(expected.clone()),
        );
    }
}
