//! Names of what is reached across networks.
//!
//! In: the workloads that approved flows reach. Out: a Route 53 Profile, shared with the organization; for each such
//! workload a private hosted zone of its host name that leads to its load balancer behind the hub, in the profile; and the
//! profile's association with each network that begins flows. Always: the name is the one on the workload's certificate;
//! nothing of it is told on the internet.
//!
//! Source: Amazon Route 53 Developer Guide, "What are Amazon Route 53 Profiles?", "Using shared Profiles".

use blueprint::model::Workload;
use estate::{SmolStr, StackId, Value, value};

use crate::access::{self, Door};
use crate::draft::{Draft, Drawn, attribute, reference};
use crate::hub;
use crate::layout::{HubSite, Joined, Layout, Site};
use crate::{naming, network};

/// The component's name.
pub(crate) const COMPONENT: &str = "names";

const PROFILE: &str = "Profile";

/// The stack of the profile.
pub(crate) fn stack(layout: &Layout<'_>, hub: &HubSite<'_>) -> Option<Drawn> {
    let text = smol_str::format_smolstr!("Names that networks of {} share", layout.blueprint.title);
    let mut draft = Draft::new(hub.stacks.names?, "names", &hub.place, COMPONENT, hub.hub.span, text);
    draft.after(layout.foundation.organization);
    let name = smol_str::format_smolstr!("{}-hub", layout.blueprint.name);
    draft.add(PROFILE, "AWS::Route53Profiles::Profile", value!({ "Name": name, "Tags": hub.tags.list() }));
    let organization = attribute(layout.foundation.organization, "Organization", "Arn");
    let properties = value!({
        "AllowExternalPrincipals": false,
        "Name": "names",
        "Principals": [organization],
        "ResourceArns": [draft.attribute(PROFILE, "Arn")],
        "Tags": hub.tags.list(),
    });
    draft.add("Share", "AWS::RAM::ResourceShare", properties);
    Some(draft.finish())
}

/// Whether other networks reach a workload by a flow.
pub(crate) fn is_shared(workload: &Workload) -> bool {
    workload.reached_by_flow.is_some() && workload.host.is_some()
}

/// The stack of the names of an environment's workloads, in the hub's account.
pub(crate) fn environment_stack(site: &Site<'_>, joined: &Joined, hub: &HubSite<'_>) -> Option<Drawn> {
    let profile = hub.stacks.names?;
    let (name, span) = (smol_str::format_smolstr!("names-{}", site.name()), site.environment.name.span);
    let text = smol_str::format_smolstr!("Names of {} for other networks", site.environment.title);
    let mut draft = Draft::new(joined.names?, name, &hub.place, COMPONENT, span, text);
    for (service, workload) in site.workloads().filter(|(_, workload)| is_shared(workload)) {
        draft.at(workload.reached_by_flow.unwrap_or(span));
        zone(&mut draft, hub, profile, service, workload);
    }
    Some(draft.finish())
}

fn zone(draft: &mut Draft, hub: &HubSite<'_>, profile: StackId, service: StackId, workload: &Workload) {
    let id = |what| naming::id(workload.name.value.as_str(), what);
    let host = workload.host.as_ref().map_or("", |host| host.as_str());
    let vpcs = value!([{ "VPCId": hub::vpc(hub.stacks), "VPCRegion": &hub.place.region }]);
    let properties = value!({
        "Name": host,
        "HostedZoneConfig": { "Comment": "What networks with an approved flow ask for" },
        "HostedZoneTags": hub.tags.list(),
        "VPCs": vpcs,
    });
    draft.add(id("Zone"), "AWS::Route53::HostedZone", properties);
    let balancer: SmolStr = access::door_word(workload, Door::Hub, "LoadBalancer");
    let properties = value!({
        "AliasTarget": {
            "DNSName": attribute(service, balancer.clone(), "DNSName"),
            "EvaluateTargetHealth": true,
            "HostedZoneId": attribute(service, balancer, "CanonicalHostedZoneID"),
        },
        "HostedZoneId": draft.reference(id("Zone")),
        "Name": host,
        "Type": "A",
    });
    draft.add(id("Record"), "AWS::Route53::RecordSet", properties);
    let arn = Value::join([
        smol_str::format_smolstr!("arn:{}:route53:::hostedzone/", hub.place.partition).into(),
        draft.reference(id("Zone")),
    ]);
    let properties = value!({
        "Name": workload.name.value.as_str(),
        "ProfileId": reference(profile, PROFILE),
        "ResourceArn": arn,
    });
    draft.add(id("InProfile"), "AWS::Route53Profiles::ProfileResourceAssociation", properties);
}

/// Lets a network that begins flows ask for the names.
pub(crate) fn associate(site: &Site<'_>, draft: &mut Draft, joined: &Joined) {
    let Some(profile) = joined.hub.names.filter(|_| !joined.ways.out.is_empty()) else { return };
    draft.by(COMPONENT).at(site.environment.name.span).after(profile);
    let properties = value!({
        "Name": smol_str::format_smolstr!("{}-names", site.name()),
        "ProfileId": reference(profile, PROFILE),
        "ResourceId": draft.reference("Vpc"),
        "Tags": site.tags.list(),
    });
    draft.add("NamesAssociation", "AWS::Route53Profiles::ProfileAssociation", properties);
    draft.by(network::COMPONENT);
}
