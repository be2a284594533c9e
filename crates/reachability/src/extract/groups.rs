//! Security groups and their rules, those written as resources of their own included.
//!
//! Sources: AWS CloudFormation Template Reference, AWS::EC2::SecurityGroup, AWS::EC2::SecurityGroupIngress,
//! AWS::EC2::SecurityGroupEgress; Amazon VPC User Guide, "Default security groups for your VPCs".

use diagnostics::Span;
use estate::{Kind, ResourceRef, SmolStr, Value};
use smol_str::format_smolstr;

use super::read::Named;
use super::vpcs::{outside, symbol};
use super::{Extraction, key};
use crate::model::{
    Addresses, Certainty, Group, GroupId, GroupRule, Groups, IpSet, Peer, PortRange, Protocols, Services,
    VpcId,
};

/// Which way a rule looks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    In,
    Out,
}

impl Way {
    fn word(self) -> &'static str {
        match self {
            Self::In => "ingress",
            Self::Out => "egress",
        }
    }
}

impl<'a> Extraction<'a> {
    /// All groups, then all rules: rules refer to groups.
    pub fn groups(&mut self) {
        let all = self.all("AWS::EC2::SecurityGroup");
        for found in &all {
            let vpc = self.property(*found, "VpcId").map(|value| self.vpc_of(value));
            let name = self.name(*found);
            let label = self.property(*found, "GroupName").and_then(Value::as_text);
            let label = label.filter(|_| name.label == name.id).unwrap_or_else(|| name.label.clone());
            let name = crate::model::Name { label, ..name };
            let id = GroupId::from_position(self.network.groups.len());
            self.network.groups.push(Group {
                name,
                vpc,
                ingress: Vec::new(),
                egress: Vec::new(),
                unknown: None,
            });
            self.made.groups.insert(key(*found), id);
            let is_default = self.property(*found, "GroupName").and_then(Value::as_str) == Some("default");
            if let Some(vpc) = vpc.filter(|_| is_default) {
                self.made.default_groups.insert(vpc, id);
            }
        }
        for found in &all {
            self.written_rules(*found);
        }
        for (kind, way) in
            [("AWS::EC2::SecurityGroupIngress", Way::In), ("AWS::EC2::SecurityGroupEgress", Way::Out)]
        {
            for found in self.all(kind) {
                self.rule_of_its_own(found, way);
            }
        }
    }

    fn written_rules(&mut self, found: ResourceRef<'a>) {
        let Some(&group) = self.made.groups.get(&key(found)) else { return };
        for (name, way) in [("SecurityGroupIngress", Way::In), ("SecurityGroupEgress", Way::Out)] {
            let written = self.property(found, name);
            for (at, item) in self.items(written, Certainty::Yes).into_iter().enumerate() {
                if item.value.as_map().is_none() {
                    let id = self.doubt(item.value);
                    if let Some(group) = self.network.groups.get_mut(group.at()) {
                        group.unknown = Some(id);
                    }
                    continue;
                }
                let label = format_smolstr!("{} {} of {}", way.word(), at + 1, found.id);
                let rule = item.value.get("SecurityGroupRuleId").and_then(Value::as_text).unwrap_or(label);
                let span = self.span(found, item.value);
                self.add_rule(group, way, item.value, item.exists, rule, span);
            }
            let nothing = self.nothing_written(written);
            // What AWS describes is all there is; only what is about to be created gets the default.
            if way == Way::Out && nothing && !self.is_observed(found) {
                let span = found.resource.origin.span;
                let label = format_smolstr!("default egress of {}", found.id);
                if let Some(group) = self.network.groups.get_mut(group.at()) {
                    group.egress.extend(everything(label, span));
                }
            }
        }
    }

    /// Whether a list is not there, or empty: then AWS's default counts.
    fn nothing_written(&mut self, value: Option<&'a Value>) -> bool {
        match value.map(|value| &value.kind) {
            None | Some(Kind::Absent | Kind::Null) => true,
            Some(Kind::List(items)) => items.is_empty(),
            _ => false,
        }
    }

    fn rule_of_its_own(&mut self, found: ResourceRef<'a>, way: Way) {
        let exists = self.exists(found);
        let group = ["GroupId", "GroupName"].iter().find_map(|name| self.property(found, name));
        let Some(group) = group else { return };
        let group = self.group_of(group);
        let span = found.resource.origin.span;
        self.add_rule(group, way, &found.resource.properties, exists, found.id.clone(), span);
    }

    fn add_rule(
        &mut self,
        group: GroupId,
        way: Way,
        rule: &'a Value,
        exists: Certainty,
        label: SmolStr,
        span: Span,
    ) {
        let services = self.rule_services(rule.get("IpProtocol"), rule.get("FromPort"), rule.get("ToPort"));
        for (peer, exists) in self.peers(way, rule, exists) {
            let rule = GroupRule { peer, services, exists, span, label: label.clone() };
            if let Some(group) = self.network.groups.get_mut(group.at()) {
                match way {
                    Way::In => group.ingress.push(rule),
                    Way::Out => group.egress.push(rule),
                }
            }
        }
    }

    fn peers(&mut self, way: Way, rule: &'a Value, exists: Certainty) -> Vec<(Peer, Certainty)> {
        let mut out = Vec::new();
        let (list, groups): (_, &[&str]) = match way {
            Way::In => ("SourcePrefixListId", &["SourceSecurityGroupId", "SourceSecurityGroupName"]),
            Way::Out => ("DestinationPrefixListId", &["DestinationSecurityGroupId"]),
        };
        for name in ["CidrIp", "CidrIpv6"] {
            for (value, exists) in self.options(rule.get(name), exists) {
                let Some(value) = value else { continue };
                out.push((Peer::Addresses(self.addresses(value)), exists));
            }
        }
        for (value, exists) in self.options(rule.get(list), exists) {
            let Some(value) = value else { continue };
            out.push((Peer::Addresses(self.prefix_list(value)), exists));
        }
        for name in groups {
            for (value, exists) in self.options(rule.get(name), exists) {
                let Some(value) = value else { continue };
                out.push((Peer::Group(self.group_of(value)), exists));
            }
        }
        out
    }

    /// The group that a value names. One that is not part of the estate may allow anything.
    pub fn group_of(&mut self, value: &'a Value) -> GroupId {
        let (label, id) = match self.named(value) {
            Named::Resource(found, attribute) => {
                if let Some(id) = self.made.groups.get(&key(found)) {
                    return *id;
                }
                if found.resource.kind == "AWS::EC2::VPC"
                    && attribute == Some("DefaultSecurityGroup")
                    && let Some(&vpc) = self.made.vpcs.get(&key(found))
                {
                    return self.default_group(vpc);
                }
                (SmolStr::new(symbol(value)), self.doubt(value))
            }
            Named::Outside(text) => {
                if let Some(found) = self.group_by_name(&text) {
                    return found;
                }
                let what = format!("security group {text}, which is not part of the estate");
                (text, self.unknown(what, Span::NONE))
            }
            Named::Unknown(id) => (SmolStr::new(symbol(value)), id),
        };
        if let Some(known) = self.made.outside_groups.get(label.as_str()) {
            return *known;
        }
        let at = GroupId::from_position(self.network.groups.len());
        let name = outside(&label, value.span);
        let (ingress, egress) = (Vec::new(), Vec::new());
        self.network.groups.push(Group { name, vpc: None, ingress, egress, unknown: Some(id) });
        self.made.outside_groups.insert(label.to_string(), at);
        at
    }

    fn group_by_name(&self, text: &str) -> Option<GroupId> {
        let all = self.index.of_kind("AWS::EC2::SecurityGroup").iter();
        let mut named = all
            .filter(|found| found.resource.properties.get("GroupName").and_then(Value::as_str) == Some(text));
        let first = named.next()?;
        if named.next().is_some() { None } else { self.made.groups.get(&key(*first)).copied() }
    }

    /// The default group of a VPC: everything from itself, everything out.
    pub fn default_group(&mut self, vpc: VpcId) -> GroupId {
        if let Some(known) = self.made.default_groups.get(&vpc) {
            return *known;
        }
        let at = GroupId::from_position(self.network.groups.len());
        let (span, label) = self
            .network
            .vpcs
            .get(vpc.at())
            .map_or((Span::NONE, SmolStr::default()), |vpc| (vpc.name.span, vpc.name.label.clone()));
        let itself = GroupRule {
            peer: Peer::Group(at),
            services: all_services(),
            exists: Certainty::Yes,
            span,
            label: format_smolstr!("ingress of the default group of {label}"),
        };
        let name = outside(&format!("default group of {label}"), span);
        let egress = everything(format_smolstr!("egress of the default group of {label}"), span).to_vec();
        self.network.groups.push(Group {
            name,
            vpc: Some(vpc),
            ingress: vec![itself],
            egress,
            unknown: None,
        });
        self.made.default_groups.insert(vpc, at);
        at
    }

    /// The groups that a list names; where none is written, the VPC's default group.
    pub fn groups_of(&mut self, value: Option<&'a Value>, vpc: Option<VpcId>) -> Groups {
        let mut known = Vec::new();
        let mut unknown = None;
        for item in self.items(value, Certainty::Yes) {
            match (item.exists, &item.value.kind) {
                (Certainty::Maybe(id), _) => unknown = unknown.or(Some(id)),
                // A list that is not known as a whole may name several groups.
                (_, Kind::Unknown(_) | Kind::Call(_)) => {
                    let group = self.group_of(item.value);
                    known.push(group);
                }
                _ => known.push(self.group_of(item.value)),
            }
        }
        if known.is_empty() && unknown.is_none() {
            known.extend(vpc.map(|vpc| self.default_group(vpc)));
        }
        unknown.map_or(Groups::Known(known.clone()), |id| Groups::AndUnknown(known, id))
    }
}

fn all_services() -> Services {
    Services { protocols: Protocols::All, ports: PortRange::ALL, codes: PortRange::ALL, unknown: None }
}

/// Everything to everywhere.
fn everything(label: SmolStr, span: Span) -> [GroupRule; 1] {
    let nets = ["0.0.0.0/0", "::/0"].into_iter().filter_map(super::read::block).collect();
    [GroupRule {
        peer: Peer::Addresses(Addresses::Known(IpSet(nets))),
        services: all_services(),
        exists: Certainty::Yes,
        span,
        label,
    }]
}
