//! Variables of rules: `HOME_NET`, `EXTERNAL_NET`, IP sets, port sets, and references to prefix lists.
//!
//! Source: AWS Network Firewall Developer Guide, "Limitations and caveats for stateful rules in AWS Network Firewall":
//! the policy's `HOME_NET` is the CIDR of the firewall's VPC unless the policy sets it, its `EXTERNAL_NET` is always
//! the negation; a rule group inherits each of the two that it does not set itself.

use std::collections::HashMap;

use estate::{Kind, ResourceRef, SmolStr, Value};
use ipnet::IpNet;

use super::super::Extraction;
use super::super::read::parts;
use crate::model::{Certainty, PortRange, UnknownId, VpcId};
use crate::suricata::meaning::Names;
use crate::suricata::{Evaluated, Set, addresses, evaluate, ports};

/// What names stand for in the rules of one group.
#[derive(Debug, Clone, Default)]
pub(super) struct Variables {
    addresses: HashMap<SmolStr, Evaluated<IpNet>>,
    references: HashMap<SmolStr, Evaluated<IpNet>>,
    ports: HashMap<SmolStr, Evaluated<PortRange>>,
}

/// Variables with where to record what they do not hold.
pub(super) struct Lookup<'x, 'a> {
    pub variables: &'x Variables,
    pub extraction: &'x mut Extraction<'a>,
    pub span: diagnostics::Span,
    /// Names that are not defined.
    pub missing: Vec<String>,
}

impl Lookup<'_, '_> {
    fn nothing<T>(&mut self, name: String) -> Evaluated<T> {
        let unknown = self.unknown(&format!("what `{name}` stands for"));
        if !self.missing.contains(&name) {
            self.missing.push(name);
        }
        Evaluated { items: Vec::new(), more: Some(unknown), less: None, negated: false }
    }
}

impl Names for Lookup<'_, '_> {
    fn addresses(&mut self, name: &str, reference: bool) -> Evaluated<IpNet> {
        let (map, sign) = match reference {
            true => (&self.variables.references, '@'),
            false => (&self.variables.addresses, '$'),
        };
        match map.get(name) {
            Some(found) => found.clone(),
            None => self.nothing(format!("{sign}{name}")),
        }
    }

    fn ports(&mut self, name: &str) -> Evaluated<PortRange> {
        match self.variables.ports.get(name) {
            Some(found) => found.clone(),
            None => self.nothing(format!("${name}")),
        }
    }

    fn unknown(&mut self, what: &str) -> UnknownId {
        self.extraction.unknown(what, self.span)
    }
}

impl<'a> Extraction<'a> {
    /// `HOME_NET` and `EXTERNAL_NET` as the policy has them.
    pub(super) fn home_net(&mut self, body: &'a Value, vpc: VpcId) -> Variables {
        let written = body.get_path(&["PolicyVariables", "RuleVariables", "HOME_NET"]);
        let home = match written {
            Some(written) => self.ip_definition(written),
            None => {
                let blocks = self.network.vpcs.get(vpc.at()).map(|vpc| vpc.blocks.clone());
                let (set, more) = blocks.map(parts).unwrap_or_default();
                Evaluated { items: set.0, more, less: None, negated: false }
            }
        };
        let mut out = Variables::default();
        let external = self.negation(&home, body.span);
        out.addresses.insert("EXTERNAL_NET".into(), external);
        out.addresses.insert("HOME_NET".into(), home);
        out
    }

    fn negation(&mut self, home: &Evaluated<IpNet>, span: diagnostics::Span) -> Evaluated<IpNet> {
        let too_much = self.unknown("a set of addresses that falls into too many pieces", span);
        let not = Set::Not(Box::new(Set::Variable("HOME_NET".into())));
        evaluate(&not, &mut |_, _| home.clone(), too_much)
    }

    /// The variables of a group, above those of the policy.
    pub(super) fn variables(&mut self, group: ResourceRef<'a>, home: &Variables) -> Variables {
        let mut out = home.clone();
        let properties = &group.resource.properties;
        for (name, value) in self.entries(properties.get_path(&["RuleGroup", "RuleVariables", "IPSets"])) {
            let found = self.ip_definition(value);
            out.addresses.insert(name, found);
        }
        for (name, value) in self.entries(properties.get_path(&["RuleGroup", "RuleVariables", "PortSets"])) {
            let found = self.port_definition(value);
            out.ports.insert(name, found);
        }
        let references = properties.get_path(&["RuleGroup", "ReferenceSets", "IPSetReferences"]);
        for (name, value) in self.entries(references) {
            let arn = value.get("ReferenceArn").unwrap_or(value);
            let (set, more) = parts(self.prefix_list(arn));
            out.references.insert(name, Evaluated { items: set.0, more, less: None, negated: false });
        }
        out
    }

    fn entries(&mut self, map: Option<&'a Value>) -> Vec<(SmolStr, &'a Value)> {
        let map = match self.one(map) {
            Ok(map) => map.and_then(Value::as_map),
            Err(_) => None,
        };
        map.into_iter().flatten().map(|entry| (entry.key.clone(), &entry.value)).collect()
    }

    /// `Definition` of an IP set. Names that are not defined are found when a rule uses them.
    fn ip_definition(&mut self, value: &'a Value) -> Evaluated<IpNet> {
        let mut sets = Vec::new();
        let mut out = Evaluated { items: Vec::new(), more: None, less: None, negated: false };
        for item in self.items(Some(value.get("Definition").unwrap_or(value)), Certainty::Yes) {
            match (&item.value.kind, item.exists) {
                (_, Certainty::Maybe(id)) => out.more = Some(id),
                (Kind::String(text), _) => match addresses(text) {
                    Ok(set) => sets.push(set),
                    Err(_) => out.more = Some(self.doubt(item.value)),
                },
                _ => {
                    let (set, more) = parts(self.addresses(item.value));
                    out.items.extend(set.0);
                    out.more = out.more.or(more);
                }
            }
        }
        if sets.is_empty() {
            return out;
        }
        let unknown = self.unknown("a variable within a variable", value.span);
        let nested = Evaluated { items: Vec::new(), more: Some(unknown), less: None, negated: false };
        let found = evaluate(&Set::List(sets), &mut |_, _| nested.clone(), unknown);
        out.items.extend(found.items);
        Evaluated { more: out.more.or(found.more), less: found.less, negated: found.negated, ..out }
    }

    fn port_definition(&mut self, value: &'a Value) -> Evaluated<PortRange> {
        let mut sets = Vec::new();
        let mut more = None;
        for item in self.items(Some(value.get("Definition").unwrap_or(value)), Certainty::Yes) {
            match (item.value.as_text(), item.exists) {
                (Some(text), Certainty::Yes) => match ports(&text) {
                    Ok(set) => sets.push(set),
                    Err(_) => more = Some(self.doubt(item.value)),
                },
                (_, Certainty::Maybe(id)) => more = Some(id),
                _ => more = Some(self.doubt(item.value)),
            }
        }
        if sets.is_empty() {
            return Evaluated { items: Vec::new(), more, less: None, negated: false };
        }
        let unknown = self.unknown("a variable within a variable", value.span);
        let nested = Evaluated { items: Vec::new(), more: Some(unknown), less: None, negated: false };
        let found = evaluate(&Set::List(sets), &mut |_, _| nested.clone(), unknown);
        Evaluated { more: more.or(found.more), ..found }
    }
}
