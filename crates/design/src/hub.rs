//! The hub's network: the only way between the internet and any account.
//!
//! In: the hub of the blueprint and the addresses that the lock gives it. Out: a VPC over all zones with the only
//! internet gateway of the estate, NAT gateways, and a tier of subnets for each thing that stands there. Always: no
//! subnet has a route to the internet gateway but those of the firewall and of the NAT gateways; the routes of the
//! load balancers and the way in from the internet gateway lead to the firewall (`firewall`).
//!
//! Sources: AWS Network Firewall Developer Guide, "Architecture with an internet gateway and a NAT gateway"; Amazon VPC
//! User Guide, "Gateway route tables"; AWS Prescriptive Guidance, "Centralized egress".

use blueprint::cidr::Cidr;
use estate::{SmolStr, Value, value};

use crate::draft::{Draft, Drawn, Say, attribute, reference};
use crate::flow_log;
use crate::keys::{self, Key};
use crate::layout::{HubSite, HubStacks, Layout};
use crate::lock::LockedZone;
use crate::network::text;

/// The component's name.
pub(crate) const COMPONENT: &str = "hub";

/// How long flow and firewall logs are kept where they are looked at, in days.
pub(crate) const LOG_DAYS: u32 = 365;

/// A tier of the hub's subnets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HubTier {
    /// The Transit Gateway's interfaces.
    Attachment,
    /// The firewall's endpoints between the Transit Gateway and everything else.
    Inspection,
    /// NAT gateways.
    Nat,
    /// The firewall's endpoints behind the internet gateway.
    Guard,
    /// Load balancers on the internet.
    Entrance,
    /// What serves every environment: endpoints, resolvers.
    Inside,
}

impl HubTier {
    /// Every tier.
    pub(crate) const ALL: [Self; 6] =
        [Self::Attachment, Self::Inspection, Self::Nat, Self::Guard, Self::Entrance, Self::Inside];

    /// What logical ids begin with.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Attachment => "Attachment",
            Self::Inspection => "Inspection",
            Self::Nat => "Nat",
            Self::Guard => "Guard",
            Self::Entrance => "Entrance",
            Self::Inside => "Inside",
        }
    }

    /// The block of its subnet in a zone. The hub keeps no data: what a zone of the lock calls data is shared by the
    /// endpoints of the firewall and the NAT gateway.
    pub(crate) fn block(self, zone: &LockedZone) -> Option<Cidr> {
        let quarter = |at| zone.data.part(zone.data.prefix() + 2, at);
        match self {
            Self::Attachment => zone.attachment,
            Self::Inspection => quarter(0),
            Self::Guard => quarter(1),
            Self::Nat => quarter(2),
            Self::Entrance => Some(zone.gateway),
            Self::Inside => Some(zone.application),
        }
    }
}

/// The hub's VPC.
pub(crate) fn vpc(hub: HubStacks) -> Value {
    reference(hub.network, "Vpc")
}

/// The subnet of a tier in the zone at a place, counted from 1.
pub(crate) fn subnet(hub: HubStacks, tier: HubTier, at: usize) -> Value {
    reference(hub.network, smol_str::format_smolstr!("{}Subnet{at}", tier.word()))
}

/// Its route table.
pub(crate) fn route_table(hub: HubStacks, tier: HubTier, at: usize) -> Value {
    reference(hub.network, smol_str::format_smolstr!("{}RouteTable{at}", tier.word()))
}

/// The route table of the internet gateway.
pub(crate) fn edge_route_table(hub: HubStacks) -> Value {
    reference(hub.network, "EdgeRouteTable")
}

/// The ARN of the key of the hub's log groups.
pub(crate) fn logs_key(hub: HubStacks) -> Value {
    attribute(hub.network, "LogsKey", "Arn")
}

/// The stack of the hub's network.
pub(crate) fn stack(layout: &Layout<'_>, hub: &HubSite<'_>) -> Drawn {
    let span = hub.hub.span;
    let description = smol_str::format_smolstr!("The hub of the network of {}", layout.blueprint.title);
    let mut draft = Draft::new(hub.stacks.network, "hub", &hub.place, COMPONENT, span, description);
    draft.after(layout.foundation.organization);
    let key = Key {
        alias: keys::key_alias("hub", "logs"),
        description: SmolStr::new_static("Flow and firewall logs of the hub"),
        policy: keys::policy(&hub.place, vec![keys::log_groups(&hub.place)]),
        multi_region: false,
    };
    draft.by(keys::COMPONENT);
    keys::add(&mut draft, "LogsKey", key, &layout.blueprint.keys, &hub.tags);
    draft.by(COMPONENT);
    let properties = value!({
        "CidrBlock": text(hub.network.addresses),
        "EnableDnsHostnames": true,
        "EnableDnsSupport": true,
        "Tags": hub.tags.named("hub"),
    });
    draft.add("Vpc", "AWS::EC2::VPC", properties);
    subnets(hub, &mut draft);
    internet_gateway(hub, &mut draft);
    nat_gateways(hub, &mut draft);
    access_lists(layout, hub, &mut draft);
    let logs = flow_log::Logs { key: logs_key(hub.stacks), days: LOG_DAYS, tags: &hub.tags, name: "hub" };
    flow_log::destination(&mut draft, &hub.place, &logs);
    let vpc = draft.reference("Vpc");
    flow_log::of(&mut draft, "FlowLog", "VPC", vpc, &logs);
    draft.finish()
}

fn subnets(hub: &HubSite<'_>, draft: &mut Draft) {
    for (at, zone) in hub.zones() {
        for tier in HubTier::ALL {
            let Some(block) = tier.block(zone) else { continue };
            let word = tier.word();
            let label = smol_str::format_smolstr!("hub-{}-{}", word.to_ascii_lowercase(), zone.zone);
            let (subnet, table) = (
                smol_str::format_smolstr!("{word}Subnet{at}"),
                smol_str::format_smolstr!("{word}RouteTable{at}"),
            );
            let properties = value!({
                "AvailabilityZoneId": &zone.zone,
                "CidrBlock": text(block),
                "MapPublicIpOnLaunch": false,
                "VpcId": draft.reference("Vpc"),
                "Tags": hub.tags.named(&label),
            });
            draft.add(subnet.clone(), "AWS::EC2::Subnet", properties);
            let properties = value!({ "VpcId": draft.reference("Vpc"), "Tags": hub.tags.named(&label) });
            draft.add(table.clone(), "AWS::EC2::RouteTable", properties);
            let properties = value!({
                "RouteTableId": draft.reference(table.clone()),
                "SubnetId": draft.reference(subnet),
            });
            let id = smol_str::format_smolstr!("{table}Association");
            draft.add(id, "AWS::EC2::SubnetRouteTableAssociation", properties);
        }
    }
}

/// The only internet gateway. What comes in by it follows a route table of its own, which the firewall fills.
fn internet_gateway(hub: &HubSite<'_>, draft: &mut Draft) {
    draft.add("InternetGateway", "AWS::EC2::InternetGateway", value!({ "Tags": hub.tags.named("hub") }));
    let properties = value!({
        "InternetGatewayId": draft.reference("InternetGateway"),
        "VpcId": draft.reference("Vpc"),
    });
    draft.add("InternetGatewayAttachment", "AWS::EC2::VPCGatewayAttachment", properties);
    let properties = value!({ "VpcId": draft.reference("Vpc"), "Tags": hub.tags.named("hub-edge") });
    draft.add("EdgeRouteTable", "AWS::EC2::RouteTable", properties);
    let properties = value!({
        "GatewayId": draft.reference("InternetGateway"),
        "RouteTableId": draft.reference("EdgeRouteTable"),
    });
    draft
        .add("EdgeRouteTableAssociation", "AWS::EC2::GatewayRouteTableAssociation", properties)
        .after("InternetGatewayAttachment");
    for (at, _) in hub.zones() {
        for tier in [HubTier::Guard, HubTier::Nat] {
            let word = tier.word();
            let properties = value!({
                "DestinationCidrBlock": "0.0.0.0/0",
                "GatewayId": draft.reference("InternetGateway"),
                "RouteTableId": draft.reference(smol_str::format_smolstr!("{word}RouteTable{at}")),
            });
            let id = smol_str::format_smolstr!("{word}RouteToInternet{at}");
            draft.add(id, "AWS::EC2::Route", properties).after("InternetGatewayAttachment");
        }
    }
}

/// One in each zone, so that a lost zone takes no other zone's way out with it.
fn nat_gateways(hub: &HubSite<'_>, draft: &mut Draft) {
    for (at, zone) in hub.zones() {
        let label = smol_str::format_smolstr!("hub-nat-{}", zone.zone);
        let (address, gateway) =
            (smol_str::format_smolstr!("NatAddress{at}"), smol_str::format_smolstr!("NatGateway{at}"));
        let properties = value!({ "Domain": "vpc", "Tags": hub.tags.named(&label) });
        draft.add(address.clone(), "AWS::EC2::EIP", properties).after("InternetGatewayAttachment");
        let properties = value!({
            "AllocationId": draft.attribute(address, "AllocationId"),
            "ConnectivityType": "public",
            "SubnetId": draft.reference(smol_str::format_smolstr!("NatSubnet{at}")),
            "Tags": hub.tags.named(&label),
        });
        draft.add(gateway.clone(), "AWS::EC2::NatGateway", properties);
        let properties = value!({
            "DestinationCidrBlock": "0.0.0.0/0",
            "NatGatewayId": draft.reference(gateway),
            "RouteTableId": draft.reference(smol_str::format_smolstr!("InspectionRouteTable{at}")),
        });
        draft.add(smol_str::format_smolstr!("InspectionRouteToNat{at}"), "AWS::EC2::Route", properties);
    }
}

/// Network ACLs of the two tiers that the internet sees. The firewall's own subnets have the default one: everything
/// that crosses them is judged by the firewall.
/// Source: AWS Network Firewall Developer Guide, "VPC subnet configuration for AWS Network Firewall".
fn access_lists(layout: &Layout<'_>, hub: &HubSite<'_>, draft: &mut Draft) {
    let anywhere = || Value::from("0.0.0.0/0");
    let spaces: Vec<Value> = layout.space().into_iter().map(text).collect();
    let each = |allow, egress, from: i64, to: i64| {
        spaces.iter().map(move |space| (allow, egress, space.clone(), from, to)).collect::<Vec<_>>()
    };
    // Load balancers on the internet are for the internet: from inside, nobody comes to one environment by another's.
    let mut entrance = each(false, false, 443, 443);
    entrance.push((true, false, anywhere(), 443, 443));
    entrance.extend(each(true, false, 1024, 65535));
    entrance.push((true, true, anywhere(), 1024, 65535));
    entrance.extend(each(true, true, 443, 443));
    let mut nat = each(true, false, 443, 443);
    nat.push((true, false, anywhere(), 1024, 65535));
    nat.push((true, true, anywhere(), 443, 443));
    nat.extend(each(true, true, 1024, 65535));
    for (tier, rules) in [(HubTier::Entrance, entrance), (HubTier::Nat, nat)] {
        let word = tier.word();
        let list = smol_str::format_smolstr!("{word}NetworkAcl");
        let label = smol_str::format_smolstr!("hub-{}", word.to_ascii_lowercase());
        let properties = value!({ "VpcId": draft.reference("Vpc"), "Tags": hub.tags.named(&label) });
        draft.add(list.clone(), "AWS::EC2::NetworkAcl", properties);
        for (number, (allow, egress, cidr, from, to)) in (1_i64..).zip(rules) {
            let way = if egress { "Out" } else { "In" };
            let properties = value!({
                "NetworkAclId": draft.reference(list.clone()),
                "RuleNumber": number * 10,
                "Protocol": 6,
                "RuleAction": if allow { "allow" } else { "deny" },
                "Egress": egress,
                "CidrBlock": cidr,
                "PortRange": { "From": from, "To": to },
            });
            draft.add(
                smol_str::format_smolstr!("{list}{way}{number}"),
                "AWS::EC2::NetworkAclEntry",
                properties,
            );
        }
        for (at, _) in hub.zones() {
            let properties = value!({
                "NetworkAclId": draft.reference(list.clone()),
                "SubnetId": draft.reference(smol_str::format_smolstr!("{word}Subnet{at}")),
            });
            let id = smol_str::format_smolstr!("{list}Association{at}");
            draft.add(id, "AWS::EC2::SubnetNetworkAclAssociation", properties);
        }
    }
}
