//! Reading properties: literals, references, cases and what is not known.
//!
//! In: values. Out: what they say, with the certainty of it. Always: a case becomes alternatives that each depend on its
//! condition; whatever cannot be read becomes an unknown that says in words what it is.

use std::net::IpAddr;

use diagnostics::Span;
use estate::{Kind, ResourceRef, SmolStr, Target, Value};
use ipnet::IpNet;

use super::{Extraction, both};
use crate::model::{Addresses, Certainty, IpSet, Name, PortRange, Protocols, Services, UnknownId};

/// Where `intake` keeps what AWS's API said beyond CloudFormation's properties.
pub(super) const OBSERVED: &str = "Observed";

/// A value with whether it is there.
#[derive(Clone, Copy)]
pub(super) struct Item<'a> {
    pub value: &'a Value,
    pub exists: Certainty,
}

/// What a value names.
pub(super) enum Named<'a> {
    /// A resource of this estate, and the attribute of it.
    Resource(ResourceRef<'a>, Option<&'a str>),
    /// A text that is the id of nothing in the estate.
    Outside(SmolStr),
    /// Not known what.
    Unknown(UnknownId),
}

impl<'a> Extraction<'a> {
    /// Whether a resource exists: certain without a condition.
    pub fn exists(&mut self, found: ResourceRef<'a>) -> Certainty {
        match &found.resource.condition {
            None => Certainty::Yes,
            Some(condition) => {
                let what = format!("condition `{}` of {}", condition.name, found.stack.name);
                Certainty::Maybe(self.unknown(what, found.resource.origin.span))
            }
        }
    }

    /// A property, where it is written at all.
    pub fn property(&self, found: ResourceRef<'a>, name: &str) -> Option<&'a Value> {
        found.resource.properties.get(name)
    }

    /// What AWS's API said beyond the properties.
    pub fn observed(&self, found: ResourceRef<'a>, path: &[&str]) -> Option<&'a Value> {
        found.resource.attributes.get(OBSERVED)?.get_path(path)
    }

    /// Whether this was described by AWS, not written.
    pub fn is_observed(&self, found: ResourceRef<'a>) -> bool {
        found.resource.attributes.contains_key(OBSERVED)
    }

    /// The place of a value, or else of its resource.
    pub fn span(&self, found: ResourceRef<'a>, value: &Value) -> Span {
        if value.span == Span::NONE { found.resource.origin.span } else { value.span }
    }

    /// What a value that cannot be read is, as an unknown.
    pub fn doubt(&mut self, value: &Value) -> UnknownId {
        let what = match &value.kind {
            Kind::Unknown(unknown) => format!("{}", unknown.why),
            _ => value.describe(),
        };
        self.unknown(what, value.span)
    }

    /// The values that one place may have: one, unless a condition decides.
    pub fn options(
        &mut self,
        value: Option<&'a Value>,
        exists: Certainty,
    ) -> Vec<(Option<&'a Value>, Certainty)> {
        match value.map(|value| &value.kind) {
            Some(Kind::Case(case)) => {
                let mut out = Vec::new();
                for (branch, word) in [(&case.then, "holds"), (&case.otherwise, "does not hold")] {
                    let what = format!("whether condition `{}` {word}", case.condition.name);
                    let id = self.unknown(what, Span::NONE);
                    out.extend(self.options(Some(branch), both(exists, Certainty::Maybe(id))));
                }
                out
            }
            Some(Kind::Absent | Kind::Null) => vec![(None, exists)],
            _ => vec![(value, exists)],
        }
    }

    /// The items of a list, those that conditions add included. What is no list is one item.
    pub fn items(&mut self, value: Option<&'a Value>, exists: Certainty) -> Vec<Item<'a>> {
        let mut out = Vec::new();
        for (value, exists) in self.options(value, exists) {
            match value.map(|value| &value.kind) {
                Some(Kind::List(items)) => {
                    for item in items {
                        out.extend(self.items(Some(item), exists));
                    }
                }
                _ => out.extend(value.map(|value| Item { value, exists })),
            }
        }
        out
    }

    /// The one value of a place; `Err` where a condition or something unknown decides.
    pub fn one(&mut self, value: Option<&'a Value>) -> Result<Option<&'a Value>, UnknownId> {
        let options = self.options(value, Certainty::Yes);
        match options.as_slice() {
            [(value, _)] => Ok(*value),
            [(first, _), rest @ ..] if rest.iter().all(|(value, _)| value == first) => Ok(*first),
            _ => Err(match value {
                Some(value) => self.doubt(value),
                None => self.unknown("a value", Span::NONE),
            }),
        }
    }

    /// A text; `None` where there is none.
    pub fn text(&mut self, value: Option<&'a Value>) -> Result<Option<SmolStr>, UnknownId> {
        match self.one(value)? {
            None => Ok(None),
            Some(value) => value.as_text().map(Some).ok_or_else(|| self.doubt(value)),
        }
    }

    /// An integer; `None` where there is none.
    pub fn int(&mut self, value: Option<&'a Value>) -> Result<Option<i64>, UnknownId> {
        match self.one(value)? {
            None => Ok(None),
            Some(value) => value.as_int().map(Some).ok_or_else(|| self.doubt(value)),
        }
    }

    /// A boolean, with what it is where nothing is written.
    pub fn truth(&mut self, value: Option<&'a Value>, absent: bool) -> Certainty {
        let known = match self.one(value) {
            Err(id) => return Certainty::Maybe(id),
            Ok(None) => absent,
            Ok(Some(value)) => match value.as_text().as_deref() {
                Some("true" | "True" | "enable" | "enabled" | "on") => true,
                Some("false" | "False" | "disable" | "disabled" | "off") => false,
                _ => return Certainty::Maybe(self.doubt(value)),
            },
        };
        if known { Certainty::Yes } else { Certainty::No }
    }

    /// What a value names: a reference, AWS's id of something described, or a list's only entry.
    pub fn named(&mut self, value: &'a Value) -> Named<'a> {
        match &value.kind {
            Kind::Reference(reference) => match &reference.target {
                Target::Resource { stack, id } => match self.index.get(*stack, id) {
                    Some(found) => Named::Resource(found, reference.attribute.as_deref()),
                    None => Named::Unknown(self.doubt(value)),
                },
                Target::Account(_) | Target::Pseudo { .. } => Named::Unknown(self.doubt(value)),
            },
            Kind::String(text) => match self.by_aws_id.get(text.as_str()) {
                Some(found) => Named::Resource(*found, None),
                None => Named::Outside(text.clone()),
            },
            Kind::List(items) if items.len() == 1 => match items.first() {
                Some(item) => self.named(item),
                None => Named::Unknown(self.doubt(value)),
            },
            _ => Named::Unknown(self.doubt(value)),
        }
    }

    /// The resource of a type that a value names.
    pub fn named_of(&mut self, kind: &str, value: Option<&'a Value>) -> Option<ResourceRef<'a>> {
        match self.named(value?) {
            Named::Resource(found, _) if found.resource.kind == kind => Some(found),
            Named::Outside(_) => self.index.named(kind, value?),
            _ => None,
        }
    }

    /// Addresses written as one block, or as what stands for blocks: a VPC's, a subnet's, a prefix list's.
    pub fn addresses(&mut self, value: &'a Value) -> Addresses {
        self.addresses_at(value, 0)
    }

    fn addresses_at(&mut self, value: &'a Value, depth: usize) -> Addresses {
        if let Some(text) = value.as_str() {
            if let Some(net) = block(text) {
                return Addresses::Known(IpSet(vec![net]));
            }
            if text.starts_with("pl-") {
                return self.prefix_list(value);
            }
        }
        if let Named::Resource(found, attribute) = self.named(value) {
            let properties: &[&str] = match (found.resource.kind.as_str(), attribute) {
                ("AWS::EC2::VPC", Some("CidrBlock")) | ("AWS::EC2::Subnet", Some("CidrBlock")) => {
                    &["CidrBlock"]
                }
                ("AWS::EC2::Subnet", Some("Ipv6CidrBlock")) => &["Ipv6CidrBlock"],
                (
                    "AWS::EC2::Instance" | "AWS::EC2::NetworkInterface",
                    Some("PrivateIp" | "PrimaryPrivateIpAddress"),
                ) => &["PrivateIpAddress"],
                ("AWS::EC2::PrefixList", _) => return self.prefix_list(value),
                _ => &[],
            };
            let written = properties.iter().find_map(|name| self.property(found, name));
            if let Some(written) = written.filter(|_| depth < 8) {
                return self.addresses_at(written, depth + 1);
            }
        }
        // `${Address}/32` of something that is known.
        if let Kind::Join(pieces) = &value.kind
            && let [first, last] = pieces.as_slice()
            && matches!(last.as_str(), Some("/32" | "/128"))
        {
            let inner = self.addresses_at(first, depth + 1);
            if matches!(inner, Addresses::Known(_)) {
                return inner;
            }
        }
        match self.one(Some(value)) {
            Ok(Some(same)) if !std::ptr::eq(same, value) && depth < 8 => self.addresses_at(same, depth + 1),
            _ => Addresses::AtLeast(IpSet::default(), self.doubt(value)),
        }
    }

    /// The blocks of a prefix list.
    /// Source: Amazon VPC User Guide, "Managed prefix lists": the entries of AWS's own change without notice.
    pub fn prefix_list(&mut self, value: &'a Value) -> Addresses {
        let found = match self.named(value) {
            Named::Resource(found, _) if found.resource.kind == "AWS::EC2::PrefixList" => found,
            Named::Outside(text) => {
                let id = self.unknown(format!("the entries of prefix list {text}"), value.span);
                return Addresses::AtLeast(IpSet::default(), id);
            }
            _ => return Addresses::AtLeast(IpSet::default(), self.doubt(value)),
        };
        let mut nets = Vec::new();
        let mut unknown = None;
        let entries = self.property(found, "Entries");
        for entry in self.items(entries, Certainty::Yes) {
            let cidr = entry.value.get("Cidr").and_then(Value::as_str).and_then(block);
            match (cidr, entry.exists) {
                (Some(net), Certainty::Yes) => nets.push(net),
                (_, Certainty::No) => {}
                (_, Certainty::Maybe(id)) => unknown = unknown.or(Some(id)),
                (None, Certainty::Yes) => unknown = unknown.or(Some(self.doubt(entry.value))),
            }
        }
        if entries.is_none() {
            unknown = Some(
                self.unknown(format!("the entries of prefix list {}", found.id), found.resource.origin.span),
            );
        }
        let set = IpSet(nets);
        unknown.map_or(Addresses::Known(set.clone()), |id| Addresses::AtLeast(set, id))
    }

    /// Protocol and ports as security groups write them.
    /// Source: AWS CloudFormation Template Reference, AWS::EC2::SecurityGroupIngress: for ICMP `FromPort` is the type and
    /// `ToPort` the code; -1 is all.
    pub fn rule_services(
        &mut self,
        protocol: Option<&'a Value>,
        from: Option<&'a Value>,
        to: Option<&'a Value>,
    ) -> Services {
        let protocols = self.protocol(protocol);
        let all = Services { protocols, ports: PortRange::ALL, codes: PortRange::ALL, unknown: None };
        if matches!(protocols, Protocols::One(number) if ![1, 6, 17, 58].contains(&number))
            || protocols == Protocols::All
        {
            return all;
        }
        let (from, to) = match (self.int(from), self.int(to)) {
            (Ok(from), Ok(to)) => (from, to),
            (Err(id), _) | (_, Err(id)) => return Services { unknown: Some(id), ..all },
        };
        let number = |value: i64| u16::try_from(value).unwrap_or(u16::MAX);
        let icmp = matches!(protocols, Protocols::One(1 | 58));
        let exactly = |value: Option<i64>| match value {
            None | Some(-1) => PortRange::ALL,
            Some(value) => PortRange { first: number(value), last: number(value) },
        };
        if icmp {
            return Services { ports: exactly(from), codes: exactly(to), ..all };
        }
        let ports = match (from, to) {
            (None | Some(-1), None | Some(-1)) => PortRange::ALL,
            (from, to) => {
                let first = from.unwrap_or(0).max(0);
                PortRange { first: number(first), last: number(to.filter(|to| *to >= 0).unwrap_or(65_535)) }
            }
        };
        Services { ports, ..all }
    }

    /// A protocol by name or number; absent or -1 is all.
    pub fn protocol(&mut self, value: Option<&'a Value>) -> Protocols {
        match self.text(value) {
            Err(id) => Protocols::Unknown(id),
            Ok(None) => Protocols::All,
            Ok(Some(text)) => match text.to_ascii_lowercase().as_str() {
                "-1" | "all" => Protocols::All,
                "tcp" => Protocols::One(6),
                "udp" => Protocols::One(17),
                "icmp" => Protocols::One(1),
                "icmpv6" => Protocols::One(58),
                number => match (number.parse(), value) {
                    (Ok(number), _) => Protocols::One(number),
                    (Err(_), Some(value)) => Protocols::Unknown(self.doubt(value)),
                    (Err(_), None) => Protocols::All,
                },
            },
        }
    }

    /// What a resource is called.
    pub fn name(&self, found: ResourceRef<'a>) -> Name {
        let label = self.tag(found, "Name").unwrap_or_else(|| found.id.clone());
        let account = self.estate.account(found.stack.account);
        let account = account.map_or_else(SmolStr::default, |account| match account.name.as_str() {
            "" => account.number.clone().unwrap_or_default(),
            name => SmolStr::new(name),
        });
        Name {
            label,
            id: found.id.clone(),
            stack: Some(found.stack_id),
            account,
            region: found.stack.region.clone().unwrap_or_default(),
            span: found.resource.origin.span,
        }
    }

    /// The name of what is not a resource of its own, beside one that is.
    pub fn beside(&self, found: ResourceRef<'a>, label: impl Into<SmolStr>) -> Name {
        Name { label: label.into(), ..self.name(found) }
    }

    /// The value of a tag, where it is a literal.
    pub fn tag(&self, found: ResourceRef<'a>, key: &str) -> Option<SmolStr> {
        let tags = ["Tags", "HostedZoneTags", "FileSystemTags"];
        let tags = tags.iter().find_map(|name| self.property(found, name))?;
        if let Some(map) = tags.as_map() {
            return map.get(key)?.as_text();
        }
        let tags = tags.as_list()?;
        let tag = tags.iter().find(|tag| tag.get("Key").and_then(Value::as_str) == Some(key))?;
        tag.get("Value")?.as_text().filter(|text| !text.is_empty())
    }
}

/// A block, or an address as the block of one.
pub(super) fn block(text: &str) -> Option<IpNet> {
    let text = text.trim();
    text.parse::<IpNet>().map(|net| net.trunc()).ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// The union of two sets.
pub(super) fn union(a: Addresses, b: Addresses) -> Addresses {
    let (mut nets, first) = parts(a);
    let (more, second) = parts(b);
    nets.0.extend(more.0);
    first.or(second).map_or(Addresses::Known(nets.clone()), |id| Addresses::AtLeast(nets, id))
}

/// What is known of a set, and what is not.
pub(super) fn parts(addresses: Addresses) -> (IpSet, Option<UnknownId>) {
    match addresses {
        Addresses::Known(set) => (set, None),
        Addresses::AtLeast(set, id) => (set, Some(id)),
    }
}
