//! The way in from the internet through the hub.
//!
//! In: a workload that is `reached-from: internet`, in an environment that is joined to the hub. Out: in the hub's
//! account a Network Load Balancer on the internet, behind the firewall; in the environment another one, at addresses
//! that the first one knows, before the workload's own load balancer. Always: TLS is passed through and ends in the
//! environment's account, so nobody who administers the hub sees what is said; the addresses are kept in the lock.
//!
//! What an Application Load Balancer behind two of these sees as its client is the first one's address; the client's own
//! stands in the flow and firewall logs of the hub.
//!
//! Sources: Elastic Load Balancing User Guide, "Network Load Balancers" (addresses of one's own), "Use Application Load
//! Balancers as targets of a Network Load Balancer", "Target groups for your Network Load Balancers" (targets by address
//! beyond the VPC: zone `all`; client addresses are preserved only inside a VPC or its peers).

use std::collections::{BTreeMap, BTreeSet};

use blueprint::model::{Blueprint, Environment, Exposure, Workload};
use diagnostics::{Diagnostic, Diagnostics};
use estate::{SmolStr, Value, value};

use crate::access::{self, Door};
use crate::codes::TOO_SMALL;
use crate::draft::{Draft, attribute};
use crate::hub::{self, HubTier};
use crate::layout::{HubSite, Joined, Site};
use crate::lock::{Lock, LockedIngress};
use crate::network::{self, Tier, text};
use crate::tags::Tags;
use crate::{addresses, naming};

/// The component's name.
pub(crate) const COMPONENT: &str = "ingress";

/// Everything that was handed out and is asked for now, in the order in which it was first asked for.
pub(crate) fn hand_out(blueprint: &Blueprint, lock: &Lock) -> Vec<LockedIngress> {
    let mut out = lock.ingress.clone();
    out.iter_mut().for_each(|way| way.removed = true);
    let mut at: BTreeMap<(SmolStr, SmolStr), usize> = BTreeMap::new();
    let mut next: BTreeMap<SmolStr, u32> = BTreeMap::new();
    for (position, way) in out.iter().enumerate() {
        at.insert((way.environment.clone(), way.workload.clone()), position);
        let free = next.entry(way.environment.clone()).or_insert(0);
        *free = (*free).max(way.slot + 1);
    }
    let environments = blueprint.network.hub.iter().flat_map(|_| &blueprint.environments);
    for environment in environments {
        let open = environment.workloads.iter().filter(|workload| workload.exposure == Exposure::Internet);
        for workload in open {
            let name = SmolStr::new(environment.name.value.as_str());
            let key = (name.clone(), SmolStr::new(workload.name.value.as_str()));
            match at.get(&key).and_then(|at| out.get_mut(*at)) {
                Some(known) => known.removed = false,
                None => {
                    let free = next.entry(name).or_insert(0);
                    let (environment, workload_name) = key;
                    let (slot, span) = (*free, workload.exposed_by);
                    out.push(LockedIngress {
                        environment,
                        workload: workload_name,
                        slot,
                        removed: false,
                        span,
                    });
                    *free += 1;
                }
            }
        }
    }
    out
}

/// The number of each workload's addresses, by position.
pub(crate) fn slots(environment: &Environment, ingress: &[LockedIngress]) -> Vec<Option<u32>> {
    let name = environment.name.value.as_str();
    let own: BTreeMap<&str, u32> = ingress
        .iter()
        .filter(|way| way.environment == name && !way.removed)
        .map(|way| (way.workload.as_str(), way.slot))
        .collect();
    let slot = |workload: &Workload| own.get(workload.name.value.as_str()).copied();
    environment.workloads.iter().map(slot).collect()
}

/// Refuses more ways in than there are addresses.
pub(crate) fn check(site: &Site<'_>, diagnostics: &mut Diagnostics) {
    for (_, workload) in site.workloads() {
        let Some(slot) = site.slot(workload) else { continue };
        if site.zones().any(|(_, zone)| addresses::fixed_address(zone.gateway, slot).is_none()) {
            let message = format!(
                "`{}` has no room for another load balancer behind the hub, that of `{}`",
                site.environment.name, workload.name
            );
            let said = Diagnostic::error(TOO_SMALL, workload.exposed_by, message);
            diagnostics.push(
                said.help("serve several things by one workload, or give the environment a larger network"),
            );
        }
    }
}

/// The addresses at which a workload's load balancer behind the hub stands, with the place of their zones from 1.
fn at(site: &Site<'_>, slot: u32) -> Vec<(usize, SmolStr)> {
    let address = |(at, zone): (usize, &crate::lock::LockedZone)| {
        Some((at, smol_str::format_smolstr!("{}", addresses::fixed_address(zone.gateway, slot)?)))
    };
    site.zones().filter_map(address).collect()
}

fn id(workload: &Workload, what: &str) -> SmolStr {
    naming::id(workload.name.value.as_str(), what)
}

/// The load balancers of an environment on the internet.
pub(crate) fn at_the_hub(site: &Site<'_>, draft: &mut Draft, joined: &Joined, hub: &HubSite<'_>) {
    draft.by(COMPONENT);
    for (_, workload) in site.workloads() {
        let Some(slot) = site.slot(workload) else { continue };
        // They serve the environment, wherever they stand.
        let tags = site.tags.and(workload.name.value.as_str(), None, &workload.tags);
        draft.at(workload.exposed_by);
        entrance(site, draft, joined, hub, workload, &at(site, slot), &tags);
    }
}

fn entrance(
    site: &Site<'_>,
    draft: &mut Draft,
    joined: &Joined,
    hub: &HubSite<'_>,
    workload: &Workload,
    targets: &[(usize, SmolStr)],
    tags: &Tags,
) {
    let name = smol_str::format_smolstr!("{}-{}", site.name(), workload.name);
    let out: Vec<Value> = targets
        .iter()
        .map(|(_, address)| {
            value!({
                "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": smol_str::format_smolstr!("{address}/32"),
                "Description": smol_str::format_smolstr!("{name} behind the hub"),
            })
        })
        .collect();
    let properties = value!({
        "GroupDescription": smol_str::format_smolstr!("Way in to {name}: TLS from the internet"),
        "SecurityGroupIngress": [{
            "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "0.0.0.0/0",
            "Description": "TLS from the internet, through the firewall",
        }],
        "SecurityGroupEgress": out,
        "VpcId": hub::vpc(joined.hub),
        "Tags": tags.named(&name),
    });
    let group = id(workload, "EntranceSecurityGroup");
    draft.add(group.clone(), "AWS::EC2::SecurityGroup", properties);
    let zones: BTreeSet<usize> = targets.iter().map(|(at, _)| *at).collect();
    let subnets: Vec<Value> = hub
        .zones()
        .filter(|(at, _)| zones.contains(at))
        .map(|(at, _)| hub::subnet(joined.hub, HubTier::Entrance, at))
        .collect();
    let protected = if site.environment.defaults.deletion_protection { "true" } else { "false" };
    let properties = value!({
        "IpAddressType": "ipv4",
        "LoadBalancerAttributes": [
            { "Key": "deletion_protection.enabled", "Value": protected },
            { "Key": "load_balancing.cross_zone.enabled", "Value": "true" }
        ],
        "Scheme": "internet-facing",
        "SecurityGroups": [draft.reference(group)],
        "Subnets": subnets,
        "Type": "network",
        "Tags": tags.named(&name),
    });
    draft.add(id(workload, "Entrance"), "AWS::ElasticLoadBalancingV2::LoadBalancer", properties);
    let targets: Vec<Value> = targets
        .iter()
        .map(|(_, address)| value!({ "AvailabilityZone": "all", "Id": address, "Port": 443 }))
        .collect();
    let properties = value!({
        "HealthCheckIntervalSeconds": 10,
        "HealthCheckProtocol": "TCP",
        "Port": 443,
        "Protocol": "TCP",
        "TargetGroupAttributes": [{ "Key": "preserve_client_ip.enabled", "Value": "false" }],
        "TargetType": "ip",
        "Targets": targets,
        "VpcId": hub::vpc(joined.hub),
        "Tags": tags.list(),
    });
    draft.add(id(workload, "EntranceTargets"), "AWS::ElasticLoadBalancingV2::TargetGroup", properties);
    listener(draft, workload, "Entrance", tags);
}

/// TLS, passed through as it comes.
fn listener(draft: &mut Draft, workload: &Workload, what: &str, tags: &Tags) {
    let of = |end: &str| id(workload, &format!("{what}{end}"));
    let properties = value!({
        "DefaultActions": [{ "Type": "forward", "TargetGroupArn": draft.reference(of("Targets")) }],
        "LoadBalancerArn": draft.reference(of("")),
        "Port": 443,
        "Protocol": "TCP",
        "Tags": tags.list(),
    });
    draft.add(of("Listener"), "AWS::ElasticLoadBalancingV2::Listener", properties);
}

/// The host name's target on the internet.
pub(crate) fn alias(joined: &Joined, workload: &Workload) -> Value {
    let of = |name| attribute(joined.stack, id(workload, "Entrance"), name);
    value!({
        "DNSName": of("DNSName"),
        "EvaluateTargetHealth": true,
        "HostedZoneId": of("CanonicalHostedZoneID"),
    })
}

/// The load balancer of the environment that the hub knows by its addresses, before the workload's own.
pub(crate) fn behind_the_hub(site: &Site<'_>, draft: &mut Draft, workload: &Workload, tags: &Tags) {
    let Some(slot) = site.slot(workload) else { return };
    draft.by(COMPONENT).at(workload.exposed_by);
    let subnets = network::subnets(site, Tier::Gateway);
    let mappings: Vec<Value> = at(site, slot)
        .into_iter()
        .zip(subnets)
        .map(|((_, address), subnet)| value!({ "PrivateIPv4Address": address, "SubnetId": subnet }))
        .collect();
    let protected = if site.environment.defaults.deletion_protection { "true" } else { "false" };
    let properties = value!({
        "IpAddressType": "ipv4",
        "LoadBalancerAttributes": [
            { "Key": "deletion_protection.enabled", "Value": protected },
            { "Key": "load_balancing.cross_zone.enabled", "Value": "true" }
        ],
        "Scheme": "internal",
        "SecurityGroups": [access::behind_group(site, workload)],
        "SubnetMappings": mappings,
        "Type": "network",
        "Tags": tags.list(),
    });
    draft.add(id(workload, "Behind"), "AWS::ElasticLoadBalancingV2::LoadBalancer", properties);
    let (balancer, door) = (access::door_word(workload, Door::Hub, "LoadBalancer"), Door::Hub);
    let properties = value!({
        "HealthCheckIntervalSeconds": 10,
        "HealthCheckPath": &workload.health.value,
        "HealthCheckProtocol": "HTTPS",
        "Port": 443,
        "Protocol": "TCP",
        "TargetType": "alb",
        "Targets": [{ "Id": draft.reference(balancer), "Port": 443 }],
        "VpcId": network::vpc(site),
        "Tags": tags.list(),
    });
    draft
        .add(id(workload, "BehindTargets"), "AWS::ElasticLoadBalancingV2::TargetGroup", properties)
        .depends_on
        .push(estate::Dependency {
            id: access::door_word(workload, door, "Listener"),
            span: diagnostics::Span::NONE,
        });
    listener(draft, workload, "Behind", tags);
}

/// Where a packet for the hub's load balancers comes from, seen from an environment.
pub(crate) fn entrance_block(joined: &Joined) -> Value {
    text(joined.entrance)
}
