//! What carries packets past routes and groups, and is not modelled: VPC Lattice, Verified Access, multicast.
//!
//! Sources: Amazon VPC Lattice User Guide, "How VPC Lattice works": a VPC that is associated with a service network, or has
//! an endpoint of type "Service network" or "Resource", reaches targets and resources in other VPCs without routes between
//! them; AWS Verified Access User Guide, "How Verified Access works": clients on the internet reach the application behind an
//! endpoint without a public address; Amazon VPC Transit Gateways Guide, "Multicast on transit gateways".

use estate::{ResourceRef, Value};

use super::{Extraction, key};
use crate::model::{Carrier, Certainty, VpcId};

impl<'a> Extraction<'a> {
    /// Carriers, each an unknown with a name.
    pub fn carriers(&mut self) {
        self.lattice();
        self.verified_access();
        self.multicast();
    }

    fn lattice(&mut self) {
        let associated = self.vpcs_of("AWS::VpcLattice::ServiceNetworkVpcAssociation", &["VpcIdentifier"]);
        let mut from = associated;
        for found in self.all("AWS::EC2::VPCEndpoint") {
            let kind = self.property(found, "VpcEndpointType").and_then(Value::as_str);
            if matches!(kind, Some("Resource" | "ServiceNetwork"))
                && let Some(vpc) = self.property(found, "VpcId")
            {
                from.push((found, self.vpc_of(vpc)));
            }
        }
        let mut to = self.vpcs_of("AWS::VpcLattice::TargetGroup", &["Config", "VpcIdentifier"]);
        to.extend(self.vpcs_of("AWS::VpcLattice::ResourceGateway", &["VpcIdentifier"]));
        let what = "what VPC Lattice carries, which is not modelled";
        self.carrier(what, false, from, to);
    }

    fn verified_access(&mut self) {
        let mut to = Vec::new();
        for found in self.all("AWS::EC2::VerifiedAccessEndpoint") {
            for options in ["LoadBalancerOptions", "CidrOptions", "RdsOptions"] {
                let subnets = self.property(found, options).and_then(|options| options.get("SubnetIds"));
                let subnets = self.subnets_of(subnets, Certainty::Yes);
                let vpcs = subnets.into_iter().filter_map(|(subnet, _)| self.vpc_of_subnet(subnet));
                to.extend(vpcs.map(|vpc| (found, vpc)).collect::<Vec<_>>());
            }
            let interface = self.property(found, "NetworkInterfaceOptions");
            for named in interface.map(|it| self.index.references(it)).unwrap_or_default() {
                let subnet = self.made.interfaces.get(&key(named)).copied();
                let subnet = subnet.and_then(|at| self.network.interfaces.get(at.at())).map(|it| it.subnet);
                to.extend(subnet.and_then(|at| self.vpc_of_subnet(at)).map(|vpc| (found, vpc)));
            }
        }
        self.carrier("whom Verified Access lets in, which is not modelled", true, Vec::new(), to);
    }

    fn multicast(&mut self) {
        let mut joined = Vec::new();
        for found in self.all("AWS::EC2::TransitGatewayMulticastDomainAssociation") {
            let subnet = self.property(found, "SubnetId");
            for (subnet, _) in self.subnets_of(subnet, Certainty::Yes) {
                joined.extend(self.vpc_of_subnet(subnet).map(|vpc| (found, vpc)));
            }
        }
        let what = "what the multicast domain carries, which is not modelled";
        self.carrier(what, false, joined.clone(), joined);
    }

    /// The VPCs that resources of a type name.
    fn vpcs_of(&mut self, kind: &str, path: &[&str]) -> Vec<(ResourceRef<'a>, VpcId)> {
        let mut out = Vec::new();
        for found in self.all(kind) {
            if let Some(vpc) = found.resource.properties.get_path(path) {
                out.push((found, self.vpc_of(vpc)));
            }
        }
        out
    }

    fn carrier(
        &mut self,
        what: &str,
        internet: bool,
        from: Vec<(ResourceRef<'a>, VpcId)>,
        to: Vec<(ResourceRef<'a>, VpcId)>,
    ) {
        let Some((first, _)) = to.first().copied() else { return };
        if from.is_empty() && !internet {
            return;
        }
        let unknown = self.unknown(what, first.resource.origin.span);
        let [from, to] = [from, to].map(|list| {
            let mut vpcs: Vec<VpcId> = list.into_iter().map(|(_, vpc)| vpc).collect();
            vpcs.sort_unstable();
            vpcs.dedup();
            vpcs
        });
        self.network.carriers.push(Carrier { unknown, internet, from, to });
    }
}
