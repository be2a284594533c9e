//! What listeners that pass connections through lead to.
//!
//! In: [`Facts`]. Out: for a listener the load balancers of the estate behind it, named by a reference or by addresses of
//! their own. Always: everything is looked up once, so that a hub with an entrance for each of a thousand accounts is
//! followed in time that grows with their number.

use std::collections::{HashMap, HashSet};

use estate::{ResourceRef, SmolStr, StackId, Value};

use super::text;
use crate::Facts;

const BALANCER: &str = "AWS::ElasticLoadBalancingV2::LoadBalancer";
const GROUP: &str = "AWS::ElasticLoadBalancingV2::TargetGroup";

type Key = (StackId, SmolStr);

fn key(found: ResourceRef<'_>) -> Key {
    (found.stack_id, found.id.clone())
}

/// Load balancers by how they are reached.
pub(crate) struct Passages<'f, 'a> {
    facts: &'f Facts<'a>,
    by_address: HashMap<&'a str, ResourceRef<'a>>,
    /// Listeners by load balancer and port.
    listeners: HashMap<(Key, i64), Vec<ResourceRef<'a>>>,
    /// Target groups that services register in.
    registered: HashSet<Key>,
    /// Set where a service registers in a group that is not known.
    anywhere: bool,
}

impl<'f, 'a> Passages<'f, 'a> {
    pub(crate) fn of(facts: &'f Facts<'a>) -> Self {
        let mut passages = Self {
            facts,
            by_address: HashMap::new(),
            listeners: HashMap::new(),
            registered: HashSet::new(),
            anywhere: false,
        };
        for &balancer in facts.index.of_kind(BALANCER) {
            let mappings = balancer.resource.properties.get("SubnetMappings");
            for mapping in mappings.into_iter().flat_map(Value::as_items) {
                if let Some(address) = text(mapping.get("PrivateIPv4Address")) {
                    passages.by_address.entry(address).or_insert(balancer);
                }
            }
        }
        for &listener in facts.index.of_kind("AWS::ElasticLoadBalancingV2::Listener") {
            let of = |name: &str| listener.resource.properties.get(name);
            let balancer = of("LoadBalancerArn").and_then(|arn| facts.index.named(BALANCER, arn));
            if let (Some(balancer), Some(port)) = (balancer, of("Port").and_then(Value::as_int)) {
                passages.listeners.entry((key(balancer), port)).or_default().push(listener);
            }
        }
        for service in facts.index.of_kind("AWS::ECS::Service") {
            let balancers = service.resource.properties.get("LoadBalancers");
            for group in
                balancers.into_iter().flat_map(Value::as_items).filter_map(|it| it.get("TargetGroupArn"))
            {
                match facts.index.named(GROUP, group) {
                    Some(group) => {
                        passages.registered.insert(key(group));
                    }
                    None => passages.anywhere = true,
                }
            }
        }
        passages
    }

    /// The target group that a listener sends everything to, where nothing registers in it while it runs.
    pub(super) fn group(&self, listener: ResourceRef<'a>) -> Option<ResourceRef<'a>> {
        let actions = listener.resource.properties.get("DefaultActions")?;
        let group = match actions.as_items() {
            [action] if text(action.get("Type")) == Some("forward") => action.get("TargetGroupArn")?,
            _ => return None,
        };
        let group = self.facts.index.named(GROUP, group)?;
        (!self.anywhere && !self.registered.contains(&key(group))).then_some(group)
    }

    /// The load balancer that a target names, or that has an address of its own there.
    pub(super) fn balancer_at(&self, target: &Value) -> Option<ResourceRef<'a>> {
        match target.as_str() {
            Some(address) => self.by_address.get(address).copied(),
            None => self.facts.index.named(BALANCER, target),
        }
    }

    /// The only listener of a load balancer on a port.
    pub(super) fn listener_on(&self, balancer: ResourceRef<'a>, port: &Value) -> Option<ResourceRef<'a>> {
        match self.listeners.get(&(key(balancer), port.as_int()?))?.as_slice() {
            [one] => Some(*one),
            _ => None,
        }
    }
}
