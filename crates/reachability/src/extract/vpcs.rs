//! VPCs and subnets.

use diagnostics::Span;
use estate::{Function, Kind, SmolStr, Value};

use super::read::{Named, union};
use super::{Extraction, key};
use crate::model::{
    Addresses, Certainty, IpSet, Name, Route, RouteTable, RouteTableId, RouteTarget, Subnet, SubnetId,
    UnknownId, Vpc, VpcId,
};

impl<'a> Extraction<'a> {
    /// VPCs with all their blocks.
    pub fn vpcs(&mut self) {
        for found in self.all("AWS::EC2::VPC") {
            let blocks = match self.property(found, "CidrBlock") {
                Some(value) => self.addresses(value),
                None => {
                    let what = format!("the addresses of VPC {}, which IPAM gives it", found.id);
                    Addresses::AtLeast(IpSet::default(), self.unknown(what, found.resource.origin.span))
                }
            };
            let account = self.estate.account(found.stack.account);
            let environment = self.tag(found, "environment");
            let environment = environment.or_else(|| account?.environment.clone()).unwrap_or_default();
            let units = self.estate.organization.as_ref().map(|organization| &organization.units);
            let unit = account.and_then(|account| units?.get(account.unit? as usize));
            let unit = unit.map_or_else(SmolStr::default, |unit| unit.name.clone());
            let name = self.name(found);
            let id = VpcId::from_position(self.network.vpcs.len());
            self.network.vpcs.push(Vpc { name, blocks, environment, unit, main_table: None });
            self.made.vpcs.insert(key(found), id);
        }
        self.more_blocks();
    }

    /// Secondary IPv4 and all IPv6 blocks.
    fn more_blocks(&mut self) {
        for found in self.all("AWS::EC2::VPCCidrBlock") {
            let Some(vpc) = self.property(found, "VpcId") else { continue };
            let vpc = self.vpc_of(vpc);
            let exists = self.exists(found);
            let written = ["CidrBlock", "Ipv6CidrBlock"].iter().find_map(|name| self.property(found, name));
            let more = match (written, exists) {
                (Some(value), Certainty::Yes) => self.addresses(value),
                (_, Certainty::No) => continue,
                (_, Certainty::Maybe(id)) => Addresses::AtLeast(IpSet::default(), id),
                (None, Certainty::Yes) => {
                    let what = format!("the block that AWS gives by {}", found.id);
                    Addresses::AtLeast(IpSet::default(), self.unknown(what, found.resource.origin.span))
                }
            };
            // An IPv6 block that AWS picks says nothing of IPv4 addresses; the subnets' own blocks tell.
            let ipv6_of_aws = written.is_none() && matches!(more, Addresses::AtLeast(..));
            if let Some(vpc) = self.network.vpcs.get_mut(vpc.at()).filter(|_| !ipv6_of_aws) {
                let blocks = std::mem::replace(&mut vpc.blocks, Addresses::Known(IpSet::default()));
                vpc.blocks = union(blocks, more);
            }
        }
    }

    /// Subnets with their blocks and zones; route tables and ACLs come later.
    pub fn subnets(&mut self) {
        for found in self.all("AWS::EC2::Subnet") {
            let vpc = match self.property(found, "VpcId") {
                Some(value) => self.vpc_of(value),
                None => continue,
            };
            let mut blocks: Option<Addresses> = None;
            for name in ["CidrBlock", "Ipv6CidrBlock"] {
                if let Some(value) = self.property(found, name) {
                    let more = self.addresses(value);
                    blocks = Some(blocks.map_or(more.clone(), |blocks| union(blocks, more)));
                }
            }
            let blocks = blocks.unwrap_or_else(|| {
                let what = format!("the addresses of subnet {}", found.id);
                Addresses::AtLeast(IpSet::default(), self.unknown(what, found.resource.origin.span))
            });
            let zone =
                ["AvailabilityZoneId", "AvailabilityZone"].iter().find_map(|name| self.property(found, name));
            let zone = zone.map_or_else(SmolStr::default, zone_name);
            let name = self.name(found);
            let tier = self.tag(found, "tier").unwrap_or_else(|| tier_of(&name.label));
            let id = SubnetId::from_position(self.network.subnets.len());
            self.network.subnets.push(Subnet { name, vpc, blocks, zone, table: None, acl: None, tier });
            self.made.subnets.insert(key(found), id);
            self.made.subnet_resources.resize(id.at(), None);
            self.made.subnet_resources.push(Some(key(found)));
        }
    }

    /// The VPC that a value names. One that is not part of the estate is there too, with everything about it unknown.
    pub fn vpc_of(&mut self, value: &'a Value) -> VpcId {
        let (label, id) = match self.named(value) {
            Named::Resource(found, _) => {
                if let Some(id) = self.made.vpcs.get(&key(found)) {
                    return *id;
                }
                // Something of the VPC: a subnet's `VpcId`, a group's.
                if let Some(id) = self.property(found, "VpcId").filter(|inner| !std::ptr::eq(*inner, value)) {
                    return self.vpc_of(id);
                }
                (found.id.clone(), self.doubt(value))
            }
            Named::Outside(text) => {
                let what = format!("VPC {text}, which is not part of the estate");
                (text, self.unknown(what, Span::NONE))
            }
            Named::Unknown(id) => (SmolStr::new(symbol(value)), id),
        };
        if let Some(known) = self.made.outside_vpcs.get(label.as_str()) {
            return *known;
        }
        let at = VpcId::from_position(self.network.vpcs.len());
        let name = outside(&label, value.span);
        let empty = SmolStr::default;
        let blocks = Addresses::AtLeast(IpSet::default(), id);
        let (environment, unit) = (empty(), empty());
        self.network.vpcs.push(Vpc { name: name.clone(), blocks, environment, unit, main_table: None });
        let table = RouteTableId::from_position(self.network.route_tables.len());
        let unknown = RouteTarget::Unknown(id);
        let destination = Addresses::AtLeast(IpSet::default(), id);
        let route = Route {
            destination,
            target: unknown,
            propagated: false,
            exists: Certainty::Maybe(id),
            span: value.span,
        };
        self.network.route_tables.push(RouteTable { name, vpc: at, routes: vec![route] });
        if let Some(vpc) = self.network.vpcs.get_mut(at.at()) {
            vpc.main_table = Some(table);
        }
        self.made.outside_vpcs.insert(label.to_string(), at);
        at
    }

    /// The subnet that a value names. One that is not part of the estate is there too, with everything about it unknown.
    pub fn subnet_of(&mut self, value: &'a Value, vpc: Option<VpcId>) -> SubnetId {
        let (label, id) = match self.named(value) {
            Named::Resource(found, _) => match self.made.subnets.get(&key(found)) {
                Some(id) => return *id,
                None => (found.id.clone(), self.doubt(value)),
            },
            Named::Outside(text) => {
                let what = format!("subnet {text}, which is not part of the estate");
                (text, self.unknown(what, Span::NONE))
            }
            Named::Unknown(id) => (SmolStr::new(symbol(value)), id),
        };
        let vpc = vpc
            .or_else(|| self.made.outside_subnets.get(label.as_str()).and_then(|at| self.vpc_of_subnet(*at)));
        self.subnet_outside(&label, vpc, id, value.span)
    }

    /// What stands for a subnet that is not part of the estate.
    pub fn subnet_outside_named(&mut self, label: &str, id: UnknownId, span: Span) -> SubnetId {
        self.subnet_outside(label, None, id, span)
    }

    fn subnet_outside(&mut self, label: &str, vpc: Option<VpcId>, id: UnknownId, span: Span) -> SubnetId {
        if let Some(known) = self.made.outside_subnets.get(label) {
            return *known;
        }
        let vpc = vpc.unwrap_or_else(|| self.vpc_of_subnet_outside(label, span));
        let at = SubnetId::from_position(self.network.subnets.len());
        let blocks = Addresses::AtLeast(IpSet::default(), id);
        let acl = Some(self.acl_outside(label, id, span));
        let table = self.table_outside(vpc, label, id, span);
        let (zone, tier) = (SmolStr::default(), SmolStr::default());
        let name = outside(label, span);
        self.network.subnets.push(Subnet { name, vpc, blocks, zone, table: Some(table), acl, tier });
        self.made.outside_subnets.insert(label.to_owned(), at);
        at
    }

    fn vpc_of_subnet_outside(&mut self, subnet: &str, span: Span) -> VpcId {
        let label = format!("the VPC of {subnet}");
        if let Some(known) = self.made.outside_vpcs.get(&label) {
            return *known;
        }
        let id = self.unknown(format!("{label}, which is not part of the estate"), span);
        let at = VpcId::from_position(self.network.vpcs.len());
        self.network.vpcs.push(Vpc {
            name: outside(&label, span),
            blocks: Addresses::AtLeast(IpSet::default(), id),
            environment: SmolStr::default(),
            unit: SmolStr::default(),
            main_table: None,
        });
        self.made.outside_vpcs.insert(label, at);
        at
    }

    fn table_outside(&mut self, vpc: VpcId, label: &str, id: UnknownId, span: Span) -> RouteTableId {
        let at = RouteTableId::from_position(self.network.route_tables.len());
        let route = Route {
            destination: Addresses::AtLeast(IpSet::default(), id),
            target: RouteTarget::Unknown(id),
            propagated: false,
            exists: Certainty::Maybe(id),
            span,
        };
        self.network.route_tables.push(RouteTable { name: outside(label, span), vpc, routes: vec![route] });
        at
    }

    /// The VPC of a subnet.
    pub fn vpc_of_subnet(&self, subnet: SubnetId) -> Option<VpcId> {
        self.network.subnets.get(subnet.at()).map(|subnet| subnet.vpc)
    }

    /// The subnets that a list names, with whether each is certain.
    pub fn subnets_of(&mut self, value: Option<&'a Value>, exists: Certainty) -> Vec<(SubnetId, Certainty)> {
        let items = self.items(value, exists);
        let mut out = Vec::new();
        for item in items {
            out.push((self.subnet_of(item.value, None), item.exists));
        }
        out
    }
}

/// What stands for something that is not part of the estate.
pub(super) fn outside(label: &str, span: Span) -> Name {
    let empty = SmolStr::default;
    Name {
        label: SmolStr::new(label),
        id: SmolStr::new(label),
        stack: None,
        account: empty(),
        region: empty(),
        span,
    }
}

/// A name for a value that is not known: equal for equal values.
pub(super) fn symbol(value: &Value) -> String {
    match &value.kind {
        Kind::Unknown(unknown) => unknown.symbol.to_string(),
        Kind::Reference(reference) => format!("{reference:?}"),
        Kind::Call(call) => {
            let arguments: Vec<String> = call.arguments.iter().map(symbol).collect();
            format!("{}({})", call.function.name(), arguments.join(", "))
        }
        Kind::List(items) | Kind::Join(items) => items.iter().map(symbol).collect::<Vec<_>>().join(" "),
        _ => value.as_text().map_or_else(|| value.describe(), |text| text.to_string()),
    }
}

/// A zone's name: equal for equal zones. `Fn::Select` of `Fn::GetAZs` is `az 0`: AWS gives a region's zones in one order.
fn zone_name(value: &Value) -> SmolStr {
    if let Kind::Call(call) = &value.kind
        && call.function == Function::Select
        && let [position, zones] = call.arguments.as_slice()
        && matches!(&zones.kind, Kind::Call(zones) if zones.function == Function::GetAzs)
        && let Some(position) = position.as_int()
    {
        return smol_str_of(format!("az {position}"));
    }
    smol_str_of(symbol(value))
}

fn smol_str_of(text: String) -> SmolStr {
    SmolStr::new(text)
}

/// The tier that a subnet's name tells; empty where it tells none.
fn tier_of(label: &str) -> SmolStr {
    let label = label.to_ascii_lowercase();
    let words = ["gateway", "application", "data", "public", "private"];
    let found = words.into_iter().find(|word| label.split(['-', '_', ' ', '.']).any(|part| part == *word));
    SmolStr::new_static(found.unwrap_or(""))
}
