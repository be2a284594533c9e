//! The names of what an environment serves.
//!
//! In: an environment with a domain. Out: a public hosted zone for the domain, and a private one of the same name
//! for the environment's network. Always: what is on the internet is in the public zone, what is used inside is
//! in the private one, so a name leads to the load balancer that can be reached from where it is asked.
//!
//! The public zone answers once the domain's registrar, or the zone above, names its servers; certificates are
//! issued only then, and the stacks of workloads wait for them.
//!
//! Source: Amazon Route 53 Developer Guide, "Split-view DNS".

use blueprint::model::Exposure;
use estate::{Value, value};

use crate::draft::{Draft, Drawn, Say, reference};
use crate::layout::Site;
use crate::network;

/// The component's name.
pub(crate) const COMPONENT: &str = "domain";

/// The stack of an environment's hosted zones.
pub(crate) fn stack(site: &Site<'_>) -> Option<Drawn> {
    let domain = site.environment.domain.as_ref()?;
    let served = site.environment.workloads.iter().find(|workload| workload.exposure != Exposure::Nobody);
    let span = served.map_or(site.environment.span, |workload| workload.exposed_by);
    let text = smol_str::format_smolstr!("Names of {}", site.environment.title);
    let mut draft =
        Draft::new(site.stacks.domain?, site.stack_name("domain"), &site.place, COMPONENT, span, text);
    let zone = |comment: &str, vpcs: Option<Value>| {
        value!({
            "Name": domain.as_str(),
            "HostedZoneConfig": { "Comment": comment },
            "VPCs": vpcs,
            "HostedZoneTags": site.tags.list(),
        })
    };
    let public = zone("What the internet asks for", None);
    draft.add("PublicZone", "AWS::Route53::HostedZone", public).retain();
    let vpcs = value!([{ "VPCId": network::vpc(site), "VPCRegion": &site.place.region }]);
    draft.add("PrivateZone", "AWS::Route53::HostedZone", zone("What the network asks for", Some(vpcs)));
    Some(draft.finish())
}

/// The public zone; certificates are validated there.
pub(crate) fn public_zone(site: &Site<'_>) -> Value {
    site.stacks.domain.map_or_else(|| Value::from(""), |stack| reference(stack, "PublicZone"))
}

/// The private zone.
pub(crate) fn private_zone(site: &Site<'_>) -> Value {
    site.stacks.domain.map_or_else(|| Value::from(""), |stack| reference(stack, "PrivateZone"))
}
