//! Transit gateways: which table, which attachment, which zone's interface.
//!
//! Sources: AWS Transit Gateway Guide, "How transit gateways work", "Network ACLs for transit gateways", "Example:
//! Appliance in a shared services VPC" (zone affinity, appliance mode).

use super::filters::Via;
use super::routes::Chosen;
use super::walk::{At, Walk};
use super::{Doubt, HopKind, Simulator};
use crate::model::{AttachmentId, AttachmentKind, Certainty, InterfaceId, SubnetId, UnknownId};

impl Simulator<'_> {
    /// From a subnet into the gateway, by the interface in the same zone.
    pub(super) fn enter_transit(
        &self,
        mut walk: Walk,
        id: AttachmentId,
        subnet: SubnetId,
        assumed: &[UnknownId],
    ) -> Vec<Walk> {
        let Some(attachment) = self.network.attachments.get(id.at()) else { return ended(walk) };
        let (label, span) = (attachment.name.label.to_string(), attachment.name.span);
        let AttachmentKind::Vpc { interfaces, .. } = &attachment.kind else { return ended(walk) };
        let zone = self.zone_of(subnet);
        let near: Vec<InterfaceId> =
            interfaces.iter().filter(|interface| self.same_zone(**interface, zone)).copied().collect();
        let Some(entry) = near.first() else {
            let unknown_zone =
                zone.is_empty() || interfaces.iter().any(|it| self.zone_of_interface(*it).is_empty());
            if unknown_zone && !interfaces.is_empty() {
                let choice =
                    Doubt::Choice(format!("whether {label} has an interface in the zone of the sender"));
                walk.doubt(HopKind::Gateway, label, "the zone", span, vec![choice]);
                walk.at = At::Transit(id, subnet);
                return vec![walk];
            }
            let says =
                format!("the attachment has no interface in {zone}: nothing there reaches the gateway");
            walk.stop(HopKind::Gateway, label, says, span);
            return self.jump(walk, None);
        };
        if let Some(interface) = self.network.interfaces.get(entry.at()) {
            // Also in the same subnet: the ACL looks at what goes from instances to the gateway both ways.
            self.enters(&mut walk, interface.subnet, assumed);
        }
        walk.at = At::Transit(id, subnet);
        vec![walk]
    }

    /// In the gateway, come by an attachment.
    pub(super) fn transit(
        &self,
        mut walk: Walk,
        id: AttachmentId,
        from: Option<SubnetId>,
        assumed: &[UnknownId],
    ) -> Vec<Walk> {
        let Some(attachment) = self.network.attachments.get(id.at()) else { return ended(walk) };
        let (label, span) = (attachment.name.label.to_string(), attachment.name.span);
        match attachment.active {
            Certainty::No => {
                walk.stop(HopKind::Gateway, label.as_str(), "the attachment is not available", span)
            }
            Certainty::Maybe(unknown) if !assumed.contains(&unknown) => {
                let doubts = vec![Doubt::Unknown(unknown)];
                walk.doubt(HopKind::Gateway, label.as_str(), "whether the attachment is there", span, doubts);
            }
            _ => {}
        }
        let Some(table) = attachment.table else {
            let says = "the attachment is associated with no route table";
            walk.stop(HopKind::Gateway, label, says, span);
            return self.jump(walk, None);
        };
        let table_label =
            self.network.transit_tables.get(table.at()).map(|table| table.name.label.to_string());
        let table_label = table_label.unwrap_or_default();
        let gateway = self.network.transit_gateways.get(attachment.gateway.at());
        let referencing = gateway.map_or(Certainty::No, |gateway| gateway.group_referencing);
        if walk.packet.via == Via::Local {
            walk.packet.via = Via::Transit(referencing);
        }
        let mut out = Vec::new();
        for Chosen { to, given, span, prefix } in
            self.transit_lookup(table, &walk.packet.destination, assumed)
        {
            let mut other = walk.given(At::Ends, &given);
            match to {
                None => {
                    let says = format!("no route to {}", other.packet.destination);
                    other.stop(HopKind::Route, table_label.as_str(), says, span);
                    out.extend(self.jump(other, None));
                }
                Some(None) => {
                    let says = format!("{prefix} leads nowhere (blackhole)");
                    other.stop(HopKind::Route, table_label.as_str(), says, span);
                    out.extend(self.jump(other, None));
                }
                Some(Some(to)) => {
                    let there = self.network.attachments.get(to.at());
                    let there = there.map_or_else(String::new, |it| it.name.label.to_string());
                    other.hop(HopKind::Route, table_label.as_str(), format!("{prefix} to {there}"), span);
                    out.extend(self.out_of_transit(other, to, from, assumed));
                }
            }
        }
        out
    }

    /// Out of the gateway by an attachment.
    fn out_of_transit(
        &self,
        mut walk: Walk,
        id: AttachmentId,
        from: Option<SubnetId>,
        assumed: &[UnknownId],
    ) -> Vec<Walk> {
        let Some(attachment) = self.network.attachments.get(id.at()) else { return ended(walk) };
        let (label, span) = (attachment.name.label.to_string(), attachment.name.span);
        if attachment.active == Certainty::No {
            walk.stop(HopKind::Gateway, label.as_str(), "the attachment is not available", span);
        }
        match &attachment.kind {
            AttachmentKind::Vpc { interfaces, appliance_mode, .. } => {
                let out = self.zones(&walk, id, interfaces, *appliance_mode, from, assumed);
                if out.is_empty() {
                    walk.stop(HopKind::Gateway, label, "the attachment has no interface", span);
                    return self.jump(walk, None);
                }
                out
            }
            AttachmentKind::Peering(Some(other)) => {
                let gateway = self.network.attachments.get(other.at()).map(|other| other.gateway);
                let gateway = gateway.and_then(|gateway| self.network.transit_gateways.get(gateway.at()));
                let there = gateway.map_or("", |gateway| gateway.name.label.as_str());
                walk.hop(HopKind::Gateway, label, format!("to {there}"), span);
                // Source: AWS Transit Gateway Guide: references to groups do not cross regions.
                walk.packet.via = Via::Middlebox;
                walk.at = At::TransitFrom(*other);
                vec![walk]
            }
            AttachmentKind::Peering(None) => {
                let choice =
                    Doubt::Choice(format!("what is behind {label}, which is not part of the estate"));
                walk.doubt(HopKind::Gateway, label, "to a gateway outside the estate", span, vec![choice]);
                ended(walk)
            }
            AttachmentKind::Office(office) => self.to_offices(walk, &[*office], &label, span),
            AttachmentKind::Unknown(unknown) => {
                walk.doubt(HopKind::Gateway, label, "what is attached", span, vec![Doubt::Unknown(*unknown)]);
                ended(walk)
            }
        }
    }

    /// The interface that a packet comes out of: in the sender's zone where there is one, else AWS picks; with appliance
    /// mode one for both ways of a connection.
    fn zones(
        &self,
        walk: &Walk,
        id: AttachmentId,
        interfaces: &[InterfaceId],
        appliance_mode: Certainty,
        from: Option<SubnetId>,
        assumed: &[UnknownId],
    ) -> Vec<Walk> {
        let held =
            walk.held.iter().find(|(attachment, _)| *attachment == id).map(|(_, interface)| *interface);
        let zone = from.map_or("", |from| self.zone_of(from));
        let near: Vec<InterfaceId> =
            interfaces.iter().filter(|interface| self.same_zone(**interface, zone)).copied().collect();
        let mut ways: Vec<(InterfaceId, Vec<Doubt>)> = Vec::new();
        let any = |doubts: Vec<Doubt>| interfaces.iter().map(move |interface| (*interface, doubts.clone()));
        let label = self.network.attachments.get(id.at()).map_or("", |it| it.name.label.as_str());
        let which = vec![Doubt::Choice(format!("which zone's interface of {label} the gateway uses"))];
        if let Some(held) = held {
            ways.push((held, Vec::new()));
        } else if appliance_mode == Certainty::No && !near.is_empty() {
            ways.extend(near.first().map(|interface| (*interface, Vec::new())));
        } else {
            ways.extend(any(which));
        }
        if ways.len() == 1 {
            ways.iter_mut().for_each(|(_, doubts)| doubts.clear());
        }
        let mut out = Vec::new();
        for (interface, doubts) in ways {
            let Some(found) = self.network.interfaces.get(interface.at()) else { continue };
            let mut other = walk.given(At::Leaves(found.subnet, true), &doubts);
            if appliance_mode != Certainty::No && held.is_none() {
                other.held.push((id, interface));
            }
            let place = self.label_of(found.subnet);
            other.hop(HopKind::Gateway, label, format!("comes out in {place}"), found.name.span);
            if let Certainty::Maybe(unknown) = found.exists
                && !assumed.contains(&unknown)
            {
                let doubts = vec![Doubt::Unknown(unknown)];
                other.doubt(
                    HopKind::Gateway,
                    label,
                    "whether the interface is there",
                    found.name.span,
                    doubts,
                );
            }
            out.push(other);
        }
        out
    }

    pub(super) fn zone_of(&self, subnet: SubnetId) -> &str {
        self.network.subnets.get(subnet.at()).map_or("", |subnet| subnet.zone.as_str())
    }

    pub(super) fn zone_of_interface(&self, id: InterfaceId) -> &str {
        self.network.interfaces.get(id.at()).map_or("", |interface| self.zone_of(interface.subnet))
    }

    fn same_zone(&self, id: InterfaceId, zone: &str) -> bool {
        !zone.is_empty() && self.zone_of_interface(id) == zone
    }
}

fn ended(mut walk: Walk) -> Vec<Walk> {
    walk.at = At::Ends;
    vec![walk]
}
