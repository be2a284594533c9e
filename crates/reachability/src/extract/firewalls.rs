//! AWS Network Firewall: where its endpoints stand.
//!
//! Source: AWS CloudFormation Template Reference, AWS::NetworkFirewall::Firewall; AWS Network Firewall API Reference,
//! `FirewallStatus` (`SyncStates`, by zone, with the endpoint that route tables name).

use estate::Value;

use super::{Extraction, key};
use crate::model::{Certainty, Firewall, FirewallEndpoint, FirewallId};

impl<'a> Extraction<'a> {
    /// Firewalls and their endpoints.
    pub fn firewalls(&mut self) {
        for found in self.all("AWS::NetworkFirewall::Firewall") {
            let Some(vpc) = self.property(found, "VpcId") else { continue };
            let vpc = self.vpc_of(vpc);
            let mut endpoints = Vec::new();
            let mappings = self.property(found, "SubnetMappings");
            for item in self.items(mappings, Certainty::Yes) {
                let subnet = item.value.get("SubnetId").unwrap_or(item.value);
                endpoints.push(FirewallEndpoint { subnet: self.subnet_of(subnet, Some(vpc)) });
            }
            let policy = self.firewall_policy(found, vpc);
            let id = FirewallId::from_position(self.network.firewalls.len());
            let name = self.name(found);
            self.network.firewalls.push(Firewall { name, vpc, endpoints, policy });
            self.made.firewalls.insert(key(found), id);
        }
        self.associated_endpoints();
    }

    /// Further endpoints of a firewall, each a resource that routes name by itself.
    /// Source: AWS CloudFormation Template Reference, AWS::NetworkFirewall::VpcEndpointAssociation, `EndpointId`.
    fn associated_endpoints(&mut self) {
        for found in self.all("AWS::NetworkFirewall::VpcEndpointAssociation") {
            let firewall = self.property(found, "FirewallArn");
            let Some(firewall) = self.named_of("AWS::NetworkFirewall::Firewall", firewall) else { continue };
            let Some(id) = self.made.firewalls.get(&key(firewall)).copied() else { continue };
            let vpc = self.property(found, "VpcId").map(|vpc| self.vpc_of(vpc));
            let mapping = self.property(found, "SubnetMapping");
            let Some(subnet) = mapping.and_then(|mapping| mapping.get("SubnetId")) else { continue };
            let subnet = self.subnet_of(subnet, vpc);
            self.made.firewall_associations.insert(key(found), (id, subnet));
        }
    }

    /// The firewall and the subnet of an endpoint that a described route names by its id.
    pub fn firewall_endpoint(&mut self, endpoint: &str) -> Option<(FirewallId, crate::model::SubnetId)> {
        for found in self.all("AWS::NetworkFirewall::Firewall") {
            let states = self.observed(found, &["FirewallStatus", "SyncStates"]).and_then(Value::as_map);
            for state in states.into_iter().flatten() {
                let attachment = state.value.get("Attachment")?;
                if attachment.get("EndpointId").and_then(Value::as_str) == Some(endpoint) {
                    let subnet = self.subnet_of(attachment.get("SubnetId")?, None);
                    return self.made.firewalls.get(&key(found)).map(|id| (*id, subnet));
                }
            }
        }
        None
    }
}
