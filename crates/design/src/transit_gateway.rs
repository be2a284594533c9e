//! The Transit Gateway: which networks have a way to each other.
//!
//! In: the hub, and the ways of each environment. Out: the gateway, shared with the organization; its attachment to the
//! hub; and for each environment a route table of its own. Always: nothing is associated or propagated by itself, so an
//! attachment without a route table reaches nobody; an environment's table leads to the hub alone, and only for the
//! networks that an approved flow names; what is not named has no route, and where a way to the internet makes a
//! default route, private ranges lead into a black hole. The attachment to the hub is in appliance mode: both
//! directions of a connection cross the same firewall.
//!
//! Sources: Amazon VPC Transit Gateways, "Transit gateway route tables", "Appliance in a shared services VPC", "Share a
//! transit gateway" (sharing with the organization has to be turned on once in AWS RAM; CloudFormation cannot).

use blueprint::cidr::Cidr;
use diagnostics::Span;
use estate::{Value, value};

use crate::draft::{Draft, Drawn, Say, attribute, reference};
use crate::hub::{self, HubTier};
use crate::layout::{HubSite, HubStacks, Joined, Layout, Site};
use crate::network::{self, text};
use crate::{flow_log, ingress, naming};

/// The component's name.
pub(crate) const COMPONENT: &str = "transit_gateway";

const GATEWAY: &str = "TransitGateway";
/// The attachment of the hub's own network.
const ATTACHMENT: &str = "HubAttachment";
/// The route table of what comes out of the hub.
const TABLE: &str = "HubRouteTable";
/// The route table of an environment.
const OWN_TABLE: &str = "RouteTable";

/// The ranges of RFC 1918: nobody on the internet has an address in them.
pub(crate) const PRIVATE: [&str; 3] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];

/// The id of the Transit Gateway.
pub(crate) fn id(hub: HubStacks) -> Value {
    reference(hub.transit_gateway, GATEWAY)
}

/// The id of the hub's attachment.
pub(crate) fn hub_attachment(hub: HubStacks) -> Value {
    reference(hub.transit_gateway, ATTACHMENT)
}

/// The id of the route table of what comes out of the hub.
pub(crate) fn hub_table(hub: HubStacks) -> Value {
    reference(hub.transit_gateway, TABLE)
}

/// The stack of the Transit Gateway.
pub(crate) fn stack(layout: &Layout<'_>, hub: &HubSite<'_>) -> Drawn {
    let description = smol_str::format_smolstr!("The Transit Gateway of {}", layout.blueprint.title);
    let id = hub.stacks.transit_gateway;
    let mut draft = Draft::new(id, "transit-gateway", &hub.place, COMPONENT, hub.hub.span, description);
    // Attachments of other accounts of the organization are accepted without a person, and reach nothing until a stack
    // of the hub gives them a route table.
    let properties = value!({
        "AutoAcceptSharedAttachments": "enable",
        "DefaultRouteTableAssociation": "disable",
        "DefaultRouteTablePropagation": "disable",
        "Description": "Joins environments and offices through the hub, as approved flows say",
        "DnsSupport": "enable",
        "SecurityGroupReferencingSupport": "disable",
        "VpnEcmpSupport": "enable",
        "Tags": hub.tags.named("hub"),
    });
    draft.add(GATEWAY, "AWS::EC2::TransitGateway", properties);
    let organization = attribute(layout.foundation.organization, "Organization", "Arn");
    let properties = value!({
        "AllowExternalPrincipals": false,
        "Name": "transit-gateway",
        "Principals": [organization],
        "ResourceArns": [draft.attribute(GATEWAY, "TransitGatewayArn")],
        "Tags": hub.tags.list(),
    });
    draft.add("Share", "AWS::RAM::ResourceShare", properties);
    let subnets: Vec<Value> =
        hub.zones().map(|(at, _)| hub::subnet(hub.stacks, HubTier::Attachment, at)).collect();
    let properties = value!({
        "Options": { "ApplianceModeSupport": "enable", "DnsSupport": "enable" },
        "SubnetIds": subnets,
        "TransitGatewayId": draft.reference(GATEWAY),
        "VpcId": hub::vpc(hub.stacks),
        "Tags": hub.tags.named("hub"),
    });
    draft.add(ATTACHMENT, "AWS::EC2::TransitGatewayAttachment", properties);
    let properties =
        value!({ "TransitGatewayId": draft.reference(GATEWAY), "Tags": hub.tags.named("out-of-the-hub") });
    draft.add(TABLE, "AWS::EC2::TransitGatewayRouteTable", properties);
    let properties = value!({
        "TransitGatewayAttachmentId": draft.reference(ATTACHMENT),
        "TransitGatewayRouteTableId": draft.reference(TABLE),
    });
    draft.add("HubAssociation", "AWS::EC2::TransitGatewayRouteTableAssociation", properties);
    routes_of_the_hub(layout, hub, &mut draft);
    let logs = flow_log::Logs {
        key: hub::logs_key(hub.stacks),
        days: hub::LOG_DAYS,
        tags: &hub.tags,
        name: "transit-gateway",
    };
    flow_log::destination(&mut draft, &hub.place, &logs);
    let gateway = draft.reference(GATEWAY);
    flow_log::of(&mut draft, "FlowLog", "TransitGateway", gateway, &logs);
    draft.finish()
}

/// From the firewall, from the load balancers on the internet and from what serves everybody to the estate. Which of
/// its networks answer, the route table of what comes out of the hub says.
fn routes_of_the_hub(layout: &Layout<'_>, hub: &HubSite<'_>, draft: &mut Draft) {
    for target in layout.space() {
        for (at, _) in hub.zones() {
            for tier in [HubTier::Inspection, HubTier::Entrance, HubTier::Inside] {
                let properties = value!({
                    "DestinationCidrBlock": text(target),
                    "RouteTableId": hub::route_table(hub.stacks, tier, at),
                    "TransitGatewayId": draft.reference(GATEWAY),
                });
                let id = smol_str::format_smolstr!(
                    "{}RouteTo{}Through{at}",
                    tier.word(),
                    naming::of_block(target)
                );
                draft.add(id, "AWS::EC2::Route", properties).after(ATTACHMENT);
            }
        }
    }
}

/// The stack of an environment in the hub's account: its route table, the way back to it, and its load balancers on the
/// internet.
pub(crate) fn environment_stack(site: &Site<'_>, joined: &Joined, hub: &HubSite<'_>) -> Drawn {
    let description = smol_str::format_smolstr!("The ways of {} through the hub", site.environment.title);
    let (name, span) = (smol_str::format_smolstr!("hub-{}", site.name()), site.environment.name.span);
    let mut draft = Draft::new(joined.stack, name, &hub.place, COMPONENT, span, description);
    let attachment = reference(site.stacks.network, network::ATTACHMENT);
    let tags = hub.tags.and("foundation", None, &site.environment.tags);
    let properties = value!({ "TransitGatewayId": id(joined.hub), "Tags": tags.named(site.name()) });
    draft.add(OWN_TABLE, "AWS::EC2::TransitGatewayRouteTable", properties);
    let properties = value!({
        "TransitGatewayAttachmentId": attachment.clone(),
        "TransitGatewayRouteTableId": draft.reference(OWN_TABLE),
    });
    draft.add("Association", "AWS::EC2::TransitGatewayRouteTableAssociation", properties);
    let properties = value!({
        "DestinationCidrBlock": network::block(site),
        "TransitGatewayAttachmentId": attachment,
        "TransitGatewayRouteTableId": hub_table(joined.hub),
    });
    draft.add("RouteFromHub", "AWS::EC2::TransitGatewayRoute", properties);
    let mut targets: Vec<(Cidr, Span)> = joined.ways.peers().into_iter().map(|peer| (peer, span)).collect();
    for target in &mut targets {
        let into = joined.ways.into.iter().map(|way| (way.from, way.span));
        let mut all = joined.ways.out.iter().map(|way| (way.to, way.span)).chain(into);
        target.1 = all.find(|(block, _)| *block == target.0).map_or(span, |(_, span)| span);
    }
    if joined.slots.iter().any(Option::is_some) {
        targets.push((joined.entrance, span));
    }
    let named: Vec<Cidr> = targets.iter().map(|(target, _)| *target).collect();
    if joined.ways.to_internet() {
        targets.push((Cidr::ANY, span));
    }
    for (target, span) in targets {
        let properties = value!({
            "DestinationCidrBlock": text(target),
            "TransitGatewayAttachmentId": hub_attachment(joined.hub),
            "TransitGatewayRouteTableId": draft.reference(OWN_TABLE),
        });
        let id = smol_str::format_smolstr!("RouteTo{}", naming::of_block(target));
        draft.at(span).add(id, "AWS::EC2::TransitGatewayRoute", properties);
    }
    if joined.ways.to_internet() {
        black_holes(&mut draft, span, &named);
    }
    ingress::at_the_hub(site, &mut draft, joined, hub);
    draft.finish()
}

/// The default route is for the internet; what is private and was not approved leads nowhere.
fn black_holes(draft: &mut Draft, span: Span, named: &[Cidr]) {
    for range in PRIVATE {
        if named.iter().any(|target| target.to_string() == range) {
            continue;
        }
        let properties = value!({
            "Blackhole": true,
            "DestinationCidrBlock": range,
            "TransitGatewayRouteTableId": draft.reference(OWN_TABLE),
        });
        let id = smol_str::format_smolstr!("NoRouteTo{}", range.replace(['.', '/'], "n"));
        draft.at(span).add(id, "AWS::EC2::TransitGatewayRoute", properties);
    }
}
