//! Network ACLs, their entries and the subnets they count for.
//!
//! Sources: AWS CloudFormation Template Reference, AWS::EC2::NetworkAclEntry, AWS::EC2::SubnetNetworkAclAssociation;
//! Amazon VPC User Guide, "Default network ACL".

use diagnostics::Span;
use estate::{ResourceRef, Value};

use super::read::Named;
use super::vpcs::outside;
use super::{Extraction, key};
use crate::model::{
    Acl, AclEntry, AclId, Addresses, Certainty, IpSet, PortRange, Protocols, Services, UnknownId,
};

impl<'a> Extraction<'a> {
    /// ACLs with entries in order, and each subnet's.
    pub fn acls(&mut self) {
        for found in self.all("AWS::EC2::NetworkAcl") {
            let id = AclId::from_position(self.network.acls.len());
            let name = self.name(found);
            self.network.acls.push(Acl { name, id, ingress: Vec::new(), egress: Vec::new(), unknown: None });
            self.made.acls.insert(key(found), id);
            let entries = self.observed(found, &["Entries"]);
            for item in self.items(entries, Certainty::Yes) {
                self.acl_entry(id, item.value, item.exists, self.span(found, item.value));
            }
        }
        for found in self.all("AWS::EC2::NetworkAclEntry") {
            let exists = self.exists(found);
            let Some(Named::Resource(acl, _)) =
                self.property(found, "NetworkAclId").map(|value| self.named(value))
            else {
                continue;
            };
            if let Some(&id) = self.made.acls.get(&key(acl)) {
                self.acl_entry(id, &found.resource.properties, exists, found.resource.origin.span);
            } else if let Some(&vpc) = self.made.vpcs.get(&key(acl)) {
                // `DefaultNetworkAcl` of a VPC: entries are added to what AWS made.
                let id = self.default_acl(acl, vpc);
                self.acl_entry(id, &found.resource.properties, exists, found.resource.origin.span);
            }
        }
        for acl in &mut self.network.acls {
            acl.ingress.sort_by_key(|entry| entry.number);
            acl.egress.sort_by_key(|entry| entry.number);
        }
        self.acl_associations();
    }

    fn acl_associations(&mut self) {
        for found in self.all("AWS::EC2::SubnetNetworkAclAssociation") {
            let exists = self.exists(found);
            let (Some(acl), Some(subnet)) =
                (self.property(found, "NetworkAclId"), self.property(found, "SubnetId"))
            else {
                continue;
            };
            let acl_id = match self.named(acl) {
                Named::Resource(acl, _) => {
                    match (self.made.acls.get(&key(acl)), self.made.vpcs.get(&key(acl))) {
                        (Some(id), _) => *id,
                        (None, Some(&vpc)) => self.default_acl(acl, vpc),
                        (None, None) => continue,
                    }
                }
                Named::Outside(text) => {
                    let what = format!("network ACL {text}, which is not part of the estate");
                    let id = self.unknown(what, Span::NONE);
                    self.acl_outside(&text, id, acl.span)
                }
                Named::Unknown(id) => self.acl_outside("network ACL", id, acl.span),
            };
            let subnet = self.subnet_of(subnet, None);
            let acl_id = match exists {
                Certainty::Maybe(id) => self.acl_outside(found.id.as_str(), id, found.resource.origin.span),
                _ => acl_id,
            };
            if let Some(subnet) = self.network.subnets.get_mut(subnet.at()) {
                subnet.acl = Some(acl_id);
            }
        }
        // Described ACLs say themselves which subnets they count for.
        for found in self.all("AWS::EC2::NetworkAcl") {
            let Some(&id) = self.made.acls.get(&key(found)) else { continue };
            let associations = self.observed(found, &["Associations"]);
            for item in self.items(associations, Certainty::Yes) {
                let Some(subnet) = item.value.get("SubnetId") else { continue };
                let subnet = self.subnet_of(subnet, None);
                if let Some(subnet) = self.network.subnets.get_mut(subnet.at()) {
                    subnet.acl = Some(id);
                }
            }
        }
    }

    fn acl_entry(&mut self, acl: AclId, entry: &'a Value, exists: Certainty, span: Span) {
        let egress = self.truth(entry.get("Egress"), false);
        let number = self.int(entry.get("RuleNumber"));
        let addresses = ["CidrBlock", "Ipv6CidrBlock"].iter().find_map(|name| entry.get(name));
        let addresses = addresses.map_or(Addresses::Known(IpSet::default()), |value| self.addresses(value));
        let allows = match self.text(entry.get("RuleAction")) {
            Err(id) => Certainty::Maybe(id),
            Ok(action) if action.as_deref() == Some("allow") => Certainty::Yes,
            Ok(_) => Certainty::No,
        };
        let services = self.acl_services(entry);
        let unknown = match (egress, number) {
            (Certainty::Maybe(id), _) | (_, Err(id)) => Some(id),
            _ => None,
        };
        let number = u32::try_from(number.ok().flatten().unwrap_or(0)).unwrap_or(0);
        let Some(acl) = self.network.acls.get_mut(acl.at()) else { return };
        if let Some(id) = unknown {
            acl.unknown = Some(id);
            return;
        }
        let entry = AclEntry { number, allows, addresses, services, exists, span };
        if egress == Certainty::Yes { acl.egress.push(entry) } else { acl.ingress.push(entry) }
    }

    fn acl_services(&mut self, entry: &'a Value) -> Services {
        let protocols = self.protocol(entry.get("Protocol"));
        let all = Services { protocols, ports: PortRange::ALL, codes: PortRange::ALL, unknown: None };
        let range = |from: Option<i64>, to: Option<i64>| {
            let number = |value: i64| u16::try_from(value.max(0)).unwrap_or(u16::MAX);
            PortRange { first: number(from.unwrap_or(0)), last: number(to.unwrap_or(65_535)) }
        };
        let exactly = |value: Option<i64>| match value {
            None | Some(-1) => PortRange::ALL,
            Some(value) => range(Some(value), Some(value)),
        };
        match protocols {
            Protocols::One(6 | 17) | Protocols::Unknown(_) => {
                let ports = entry.get("PortRange");
                let from = self.int(ports.and_then(|ports| ports.get("From")));
                let to = self.int(ports.and_then(|ports| ports.get("To")));
                match (from, to) {
                    (Ok(from), Ok(to)) => Services { ports: range(from, to), ..all },
                    (Err(id), _) | (_, Err(id)) => Services { unknown: Some(id), ..all },
                }
            }
            Protocols::One(1 | 58) => {
                let icmp = ["Icmp", "IcmpTypeCode"].iter().find_map(|name| entry.get(name));
                let ty = self.int(icmp.and_then(|icmp| icmp.get("Type")));
                let code = self.int(icmp.and_then(|icmp| icmp.get("Code")));
                match (ty, code) {
                    (Ok(ty), Ok(code)) => Services { ports: exactly(ty), codes: exactly(code), ..all },
                    (Err(id), _) | (_, Err(id)) => Services { unknown: Some(id), ..all },
                }
            }
            Protocols::All | Protocols::One(_) => all,
        }
    }

    /// The default ACL of a VPC of templates: AWS puts everything allowed, as rule 100.
    fn default_acl(&mut self, vpc: ResourceRef<'a>, id: crate::model::VpcId) -> AclId {
        if let Some(known) = self.made.acls.get(&key(vpc)) {
            return *known;
        }
        let span = vpc.resource.origin.span;
        let at = AclId::from_position(self.network.acls.len());
        let everything = |number, text: &str| AclEntry {
            number,
            allows: Certainty::Yes,
            addresses: Addresses::Known(IpSet(super::read::block(text).into_iter().collect())),
            services: Services {
                protocols: Protocols::All,
                ports: PortRange::ALL,
                codes: PortRange::ALL,
                unknown: None,
            },
            exists: Certainty::Yes,
            span,
        };
        let entries = vec![everything(100, "0.0.0.0/0"), everything(101, "::/0")];
        let name = self.beside(vpc, format!("default ACL of {}", vpc.id));
        self.network.acls.push(Acl {
            name,
            id: at,
            ingress: entries.clone(),
            egress: entries,
            unknown: None,
        });
        self.made.acls.insert(key(vpc), at);
        for subnet in
            self.network.subnets.iter_mut().filter(|subnet| subnet.vpc == id && subnet.acl.is_none())
        {
            subnet.acl = Some(at);
        }
        at
    }

    /// An ACL that may do anything.
    pub fn acl_outside(&mut self, label: &str, id: UnknownId, span: Span) -> AclId {
        let at = AclId::from_position(self.network.acls.len());
        let name = outside(label, span);
        self.network.acls.push(Acl {
            name,
            id: at,
            ingress: Vec::new(),
            egress: Vec::new(),
            unknown: Some(id),
        });
        at
    }
}
