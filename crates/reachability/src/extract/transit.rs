//! Transit gateways: attachments, their tables, static and propagated routes.
//!
//! Sources: AWS Transit Gateway Guide, "How transit gateways work", "Transit gateway route tables"; AWS CloudFormation
//! Template Reference, AWS::EC2::TransitGateway (default association and propagation),
//! AWS::EC2::TransitGatewayAttachment (`Options.ApplianceModeSupport`).

use diagnostics::Span;
use estate::{ResourceRef, Value};

use super::read::Named;
use super::{Extraction, both, key};
use crate::model::{
    Address, Addresses, Attachment, AttachmentId, AttachmentKind, Certainty, Groups, HostId, Interface,
    InterfaceId, IpSet, Role, TransitGateway, TransitGatewayId, TransitRoute, TransitTable, TransitTableId,
};

const ATTACHMENTS: [&str; 2] =
    ["AWS::EC2::TransitGatewayAttachment", "AWS::EC2::TransitGatewayVpcAttachment"];
const PEERING: &str = "AWS::EC2::TransitGatewayPeeringAttachment";

impl<'a> Extraction<'a> {
    /// Gateways, tables and attachments; routes come last.
    pub fn transit_gateways(&mut self) {
        for found in self.all("AWS::EC2::TransitGateway") {
            let id = TransitGatewayId::from_position(self.network.transit_gateways.len());
            let name = self.name(found);
            let group_referencing =
                self.truth(self.property(found, "SecurityGroupReferencingSupport"), false);
            self.network.transit_gateways.push(TransitGateway { name, group_referencing });
            self.made.transit_gateways.insert(key(found), id);
        }
        for found in self.all("AWS::EC2::TransitGatewayRouteTable") {
            let Some(gateway) = self.transit_gateway_of(self.property(found, "TransitGatewayId")) else {
                continue;
            };
            let id = TransitTableId::from_position(self.network.transit_tables.len());
            let name = self.name(found);
            self.network.transit_tables.push(TransitTable { name, gateway, routes: Vec::new() });
            self.made.transit_tables.insert(key(found), id);
        }
        for kind in ATTACHMENTS {
            for found in self.all(kind) {
                self.attachment(found);
            }
        }
        for found in self.all(PEERING) {
            self.peering_attachment(found);
        }
        for found in self.all("AWS::EC2::VPNConnection") {
            self.vpn_attachment(found);
        }
        for found in self.all("AWS::EC2::TransitGatewayConnect") {
            let what = format!("what {} joins", found.id);
            let unknown = self.unknown(what, found.resource.origin.span);
            let transport = self.property(found, "TransportTransitGatewayAttachmentId");
            let Some(Named::Resource(transport, _)) = transport.map(|value| self.named(value)) else {
                continue;
            };
            let Some(&transport) = self.made.attachments.get(&key(transport)) else { continue };
            let Some(gateway) =
                self.network.attachments.get(transport.at()).map(|attachment| attachment.gateway)
            else {
                continue;
            };
            let active = self.exists(found);
            self.add_attachment(found, gateway, AttachmentKind::Unknown(unknown), active);
        }
    }

    fn transit_gateway_of(&mut self, value: Option<&'a Value>) -> Option<TransitGatewayId> {
        match self.named(value?) {
            Named::Resource(found, _) => self.made.transit_gateways.get(&key(found)).copied(),
            // A gateway that another account or stack owns: one for each name.
            Named::Outside(_) | Named::Unknown(_) => None,
        }
    }

    fn attachment(&mut self, found: ResourceRef<'a>) {
        let Some(gateway) = self.transit_gateway_of(self.property(found, "TransitGatewayId")) else { return };
        let state = self.observed(found, &["State"]).and_then(Value::as_str);
        if matches!(state, Some("deleted" | "deleting" | "failed" | "rejected" | "failing")) {
            return;
        }
        let active = match state {
            None | Some("available" | "modifying") => self.exists(found),
            Some(_) => Certainty::No,
        };
        if self.made.attachments.contains_key(&key(found)) {
            return;
        }
        let Some(vpc) = self.property(found, "VpcId") else {
            let kind = self.attached_elsewhere(found);
            self.add_attachment(found, gateway, kind, active);
            return;
        };
        let vpc = self.vpc_of(vpc);
        let options = self.property(found, "Options");
        let appliance_mode =
            self.truth(options.and_then(|options| options.get("ApplianceModeSupport")), false);
        let subnets = self.subnets_of(self.property(found, "SubnetIds"), active);
        let kind = AttachmentKind::Vpc { vpc, interfaces: Vec::new(), appliance_mode };
        let id = self.add_attachment(found, gateway, kind, active);
        let host = self.host_beside(found, &self.name(found).label, "AWS::EC2::TransitGatewayAttachment");
        let interfaces: Vec<InterfaceId> = subnets
            .into_iter()
            .map(|(subnet, exists)| self.transit_interface(found, id, host, subnet, exists))
            .collect();
        if let Some(Attachment { kind: AttachmentKind::Vpc { interfaces: own, .. }, .. }) =
            self.network.attachments.get_mut(id.at())
        {
            *own = interfaces;
        }
        self.made.attached.insert((gateway, vpc), id);
    }

    fn transit_interface(
        &mut self,
        found: ResourceRef<'a>,
        id: AttachmentId,
        host: HostId,
        subnet: crate::model::SubnetId,
        exists: Certainty,
    ) -> InterfaceId {
        if let Some(known) = self.transit_interface_observed(found, subnet)
            && let Some(interface) = self.network.interfaces.get_mut(known.at())
        {
            (interface.role, interface.host) = (Role::Transit(id), host);
            return known;
        }
        let name = self.name(found);
        self.add_interface(Interface {
            name,
            subnet,
            addresses: vec![Address::WithinV4],
            public: Vec::new(),
            groups: Groups::Known(Vec::new()),
            source_dest_check: Certainty::No,
            role: Role::Transit(id),
            host,
            exists,
        })
    }

    /// The interface that AWS describes as the attachment's in a subnet.
    fn transit_interface_observed(
        &self,
        found: ResourceRef<'a>,
        subnet: crate::model::SubnetId,
    ) -> Option<InterfaceId> {
        if !self.is_observed(found) {
            return None;
        }
        let at = self.network.interfaces.iter().position(|interface| {
            let host = self.network.hosts.get(interface.host.at());
            interface.subnet == subnet
                && host.is_some_and(|host| host.name.label.ends_with(found.id.as_str()))
        });
        at.map(InterfaceId::from_position)
    }

    /// What AWS describes as attached, where that is no VPC.
    fn attached_elsewhere(&mut self, found: ResourceRef<'a>) -> AttachmentKind {
        let id = self.observed(found, &["ResourceId"]);
        if let Some(Named::Resource(named, _)) = id.map(|value| self.named(value))
            && let Some(office) = self.made.offices.get(&key(named))
        {
            return AttachmentKind::Office(*office);
        }
        let ty = self.observed(found, &["ResourceType"]).and_then(Value::as_str).unwrap_or("something");
        let what = format!("what is attached by {} ({ty})", found.id);
        AttachmentKind::Unknown(self.unknown(what, found.resource.origin.span))
    }

    /// One attachment here and one at the other gateway: packets come out of the other.
    fn peering_attachment(&mut self, found: ResourceRef<'a>) {
        let state = self.observed(found, &["State"]).and_then(Value::as_str);
        if matches!(state, Some("deleted" | "deleting" | "failed" | "rejected")) {
            return;
        }
        let own = self.transit_gateway_of(self.property(found, "TransitGatewayId"));
        let other = self.transit_gateway_of(self.property(found, "PeerTransitGatewayId"));
        let active = self.exists(found);
        let first =
            own.map(|gateway| self.add_attachment(found, gateway, AttachmentKind::Peering(None), active));
        let second = other.map(|gateway| {
            let name = self.name(found);
            let kind = AttachmentKind::Peering(first);
            let attachment = Attachment { name, gateway, kind, table: None, active };
            let id = AttachmentId::from_position(self.network.attachments.len());
            self.network.attachments.push(attachment);
            id
        });
        if let Some(attachment) = first.and_then(|first| self.network.attachments.get_mut(first.at())) {
            attachment.kind = AttachmentKind::Peering(second);
        }
        if let (None, Some(second)) = (first, second) {
            self.made.attachments.insert(key(found), second);
        }
    }

    fn vpn_attachment(&mut self, found: ResourceRef<'a>) {
        let Some(gateway) = self.transit_gateway_of(self.property(found, "TransitGatewayId")) else { return };
        let Some(&office) = self.made.offices.get(&key(found)) else { return };
        let described =
            self.network.attachments.iter().any(
                |attachment| matches!(attachment.kind, AttachmentKind::Office(known) if known == office),
            );
        if !described {
            let active = self.exists(found);
            self.add_attachment(found, gateway, AttachmentKind::Office(office), active);
        }
    }

    fn add_attachment(
        &mut self,
        found: ResourceRef<'a>,
        gateway: TransitGatewayId,
        kind: AttachmentKind,
        active: Certainty,
    ) -> AttachmentId {
        let id = AttachmentId::from_position(self.network.attachments.len());
        let name = self.name(found);
        self.network.attachments.push(Attachment { name, gateway, kind, table: None, active });
        self.made.attachments.insert(key(found), id);
        id
    }

    /// The end of a peering at a gateway: the same resource is an attachment of both.
    fn attachment_at(&self, found: ResourceRef<'a>, gateway: TransitGatewayId) -> Option<AttachmentId> {
        let found = self.looked_up(found);
        let id = *self.made.attachments.get(&key(found))?;
        let attachment = self.network.attachments.get(id.at())?;
        match attachment.kind {
            AttachmentKind::Peering(Some(other)) if attachment.gateway != gateway => Some(other),
            _ => Some(id),
        }
    }

    /// CloudFormation does not tell the attachment of a VPN connection; templates ask a function for it, whose answer to a
    /// connection, used where an attachment stands, can be nothing else.
    fn looked_up(&self, found: ResourceRef<'a>) -> ResourceRef<'a> {
        if found.resource.kind != "AWS::CloudFormation::CustomResource" {
            return found;
        }
        let references = self.index.references(&found.resource.properties);
        let mut connections =
            references.into_iter().filter(|one| one.resource.kind == "AWS::EC2::VPNConnection");
        match (connections.next(), connections.next()) {
            (Some(only), None) => only,
            _ => found,
        }
    }

    /// Associations, propagations and routes.
    pub fn transit_routes(&mut self) {
        for found in self.all("AWS::EC2::TransitGatewayRouteTableAssociation") {
            if let Some((attachment, table, _)) = self.joined(found)
                && let Some(attachment) = self.network.attachments.get_mut(attachment.at())
            {
                attachment.table = Some(table);
            }
        }
        for found in self.all("AWS::EC2::TransitGatewayRouteTablePropagation") {
            if let Some((attachment, table, exists)) = self.joined(found) {
                self.propagate(attachment, table, exists, found.resource.origin.span);
            }
        }
        for kind in ["AWS::EC2::TransitGatewayRoute", "AWS::EC2::TransitGatewayPrefixListReference"] {
            for found in self.all(kind) {
                self.transit_route(found);
            }
        }
        self.defaults();
    }

    fn joined(&mut self, found: ResourceRef<'a>) -> Option<(AttachmentId, TransitTableId, Certainty)> {
        let state = self.observed(found, &["State"]).and_then(Value::as_str);
        if matches!(state, Some("disassociated" | "disabled" | "disassociating" | "disabling")) {
            return None;
        }
        let table = self.property(found, "TransitGatewayRouteTableId")?;
        let Named::Resource(table, _) = self.named(table) else { return None };
        let table = *self.made.transit_tables.get(&key(table))?;
        let gateway = self.network.transit_tables.get(table.at())?.gateway;
        let attachment = self.property(found, "TransitGatewayAttachmentId")?;
        let Named::Resource(attachment, _) = self.named(attachment) else { return None };
        let exists = self.exists(found);
        Some((self.attachment_at(attachment, gateway)?, table, exists))
    }

    fn propagate(&mut self, attachment: AttachmentId, table: TransitTableId, exists: Certainty, span: Span) {
        let destination =
            match self.network.attachments.get(attachment.at()).map(|attachment| &attachment.kind) {
                Some(AttachmentKind::Vpc { vpc, .. }) => {
                    self.network.vpcs.get(vpc.at()).map(|vpc| vpc.blocks.clone())
                }
                Some(AttachmentKind::Office(office)) => {
                    self.network.offices.get(office.at()).map(|office| office.networks.clone())
                }
                Some(AttachmentKind::Unknown(id)) => Some(Addresses::AtLeast(IpSet::default(), *id)),
                // Source: AWS Transit Gateway Guide: peering attachments propagate nothing.
                Some(AttachmentKind::Peering(_)) | None => None,
            };
        let Some(destination) = destination else { return };
        let route = TransitRoute { destination, to: Some(attachment), propagated: true, exists, span };
        if let Some(table) = self.network.transit_tables.get_mut(table.at()) {
            table.routes.push(route);
        }
    }

    fn transit_route(&mut self, found: ResourceRef<'a>) {
        let Some(table) = self.property(found, "TransitGatewayRouteTableId") else { return };
        let Named::Resource(table, _) = self.named(table) else { return };
        let Some(&table) = self.made.transit_tables.get(&key(table)) else { return };
        let Some(gateway) = self.network.transit_tables.get(table.at()).map(|table| table.gateway) else {
            return;
        };
        // Propagated routes that a search returned are there by the propagation as well.
        if self.observed(found, &["Type"]).and_then(Value::as_str) == Some("propagated") {
            return;
        }
        let destination =
            match (self.property(found, "DestinationCidrBlock"), self.property(found, "PrefixListId")) {
                (Some(value), _) => self.addresses(value),
                (None, Some(value)) => self.prefix_list(value),
                (None, None) => return,
            };
        let exists = self.exists(found);
        let span = found.resource.origin.span;
        let blackhole = self.truth(self.property(found, "Blackhole"), false) == Certainty::Yes
            || self.observed(found, &["State"]).and_then(Value::as_str) == Some("blackhole");
        let named = self.property(found, "TransitGatewayAttachmentId").map(|value| self.named(value));
        let to = match named {
            _ if blackhole => None,
            Some(Named::Resource(attachment, _)) => self.attachment_at(attachment, gateway),
            _ => {
                let what = format!("the attachment that route {} names", found.id);
                let unknown = self.unknown(what, span);
                Some(self.add_attachment(found, gateway, AttachmentKind::Unknown(unknown), Certainty::Yes))
            }
        };
        let exists = match (to, blackhole) {
            (None, false) => {
                let what = format!("the attachment that route {} names", found.id);
                both(exists, Certainty::Maybe(self.unknown(what, span)))
            }
            _ => exists,
        };
        let route = TransitRoute { destination, to, propagated: false, exists, span };
        if let Some(table) = self.network.transit_tables.get_mut(table.at()) {
            table.routes.push(route);
        }
    }

    /// The default table of gateways in templates: what is not associated otherwise is associated with it, and teaches it.
    fn defaults(&mut self) {
        for found in self.all("AWS::EC2::TransitGateway") {
            // What AWS describes says its associations and propagations itself.
            if self.is_observed(found) {
                continue;
            }
            let Some(&gateway) = self.made.transit_gateways.get(&key(found)) else { continue };
            let association = self.truth(self.property(found, "DefaultRouteTableAssociation"), true);
            let propagation = self.truth(self.property(found, "DefaultRouteTablePropagation"), true);
            if association == Certainty::No && propagation == Certainty::No {
                continue;
            }
            let span = found.resource.origin.span;
            let table = TransitTableId::from_position(self.network.transit_tables.len());
            let name = self.beside(found, format!("default table of {}", self.name(found).label));
            self.network.transit_tables.push(TransitTable { name, gateway, routes: Vec::new() });
            let of_gateway: Vec<AttachmentId> = (0..self.network.attachments.len())
                .map(AttachmentId::from_position)
                .filter(|id| {
                    self.network
                        .attachments
                        .get(id.at())
                        .is_some_and(|attachment| attachment.gateway == gateway)
                })
                .collect();
            for id in of_gateway {
                if propagation != Certainty::No {
                    self.propagate(id, table, propagation, span);
                }
                if association != Certainty::No
                    && let Some(attachment) = self.network.attachments.get_mut(id.at())
                    && attachment.table.is_none()
                {
                    attachment.table = Some(table);
                }
            }
        }
    }
}
