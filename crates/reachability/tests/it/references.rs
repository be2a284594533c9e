//! Rules of security groups that name groups: where they hold, and where they do not.

use std::net::IpAddr;

use reachability::Network;
use reachability::model::Role;
use reachability::query::{Reach, Verdict as All};
use reachability::simulate::{Addr, Flow, Simulator, Source, Verdict};

/// Two hosts in two subnets, whose groups name each other's; perhaps a firewall between.
fn network(inspected: bool) -> Network {
    let mut text = String::from(
        "Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.1.0.0/16}}
  Left: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.1.0.0/24, AvailabilityZone: us-east-1a}}
  Right: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.1.1.0/24, AvailabilityZone: us-east-1a}}
  Servers: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: g, VpcId: !Ref Vpc}}
  In: {Type: AWS::EC2::SecurityGroupIngress, Properties: {GroupId: !Ref Servers, IpProtocol: tcp, FromPort: 443, ToPort: 443, SourceSecurityGroupId: !Ref Clients}}
  Clients: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: g, VpcId: !Ref Vpc, SecurityGroupEgress: [{IpProtocol: tcp, FromPort: 443, ToPort: 443, DestinationSecurityGroupId: !Ref Servers}]}}
  Client: {Type: AWS::EC2::Instance, Properties: {SubnetId: !Ref Left, PrivateIpAddress: 10.1.0.10, SecurityGroupIds: [!Ref Clients]}}
  Server: {Type: AWS::EC2::Instance, Properties: {SubnetId: !Ref Right, PrivateIpAddress: 10.1.1.10, SecurityGroupIds: [!Ref Servers]}}
",
    );
    if inspected {
        let endpoint = "VpcEndpointId: !Select [1, !Split [':', !Select [0, !GetAtt Wall.EndpointIds]]]";
        text.push_str("  Middle: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.1.9.0/24, AvailabilityZone: us-east-1a}}\n");
        for (side, other) in [("Left", 1), ("Right", 0)] {
            text.push_str(&format!(
                "  {side}Table: {{Type: AWS::EC2::RouteTable, Properties: {{VpcId: !Ref Vpc}}}}
  {side}Has: {{Type: AWS::EC2::SubnetRouteTableAssociation, Properties: {{SubnetId: !Ref {side}, RouteTableId: !Ref {side}Table}}}}
  {side}Route: {{Type: AWS::EC2::Route, Properties: {{RouteTableId: !Ref {side}Table, DestinationCidrBlock: 10.1.{other}.0/24, {endpoint}}}}}\n"
            ));
        }
        text.push_str(
            "  Wall: {Type: AWS::NetworkFirewall::Firewall, Properties: {FirewallName: w, FirewallPolicyArn: !Ref Policy, VpcId: !Ref Vpc, SubnetMappings: [{SubnetId: !Ref Middle}]}}
  Policy: {Type: AWS::NetworkFirewall::FirewallPolicy, Properties: {FirewallPolicyName: p, FirewallPolicy: {StatelessDefaultActions: ['aws:forward_to_sfe'], StatelessFragmentDefaultActions: ['aws:forward_to_sfe']}}}\n",
        );
    }
    let (estate, _, diagnostics) = intake::from_texts(&[("t.yaml", &text)]);
    assert!(!diagnostics.has_errors(), "{diagnostics:?}");
    Network::of(&estate)
}

/// What simulator and engine say of the client and the server.
fn answers(network: &Network) -> (Verdict, All) {
    let simulator = Simulator::new(network);
    let [client, server] = ["10.1.0.10", "10.1.1.10"].map(|ip| ip.parse::<IpAddr>().unwrap());
    let [from, to] = [client, server].map(|ip| simulator.with_private(ip).next().unwrap());
    let flow = Flow {
        from: Source::Interface(from),
        source: simulator.addresses_of(from)[0],
        // As a person types it: nobody has looked up whose it is.
        destination: Addr::exact(server),
        protocol: 6,
        port: 443,
        assumed: vec![],
    };
    let mut reach = Reach::of(network);
    let is_host = |id: reachability::model::InterfaceId| network.interfaces[id.at()].role == Role::Host;
    let ends = [from, to].map(|wanted| reach.interfaces(|id| id == wanted && is_host(id)));
    let [source, target] = &ends;
    (simulator.run(&flow).verdict, reach.flows(source, target).verdict)
}

#[test]
fn a_reference_holds_for_an_address_that_nobody_has_looked_up() {
    assert_eq!(answers(&network(false)), (Verdict::Reachable, All::Reachable));
}

/// Source: Amazon VPC User Guide, "Security group referencing".
#[test]
fn a_reference_does_not_hold_behind_a_firewall() {
    assert_eq!(answers(&network(true)), (Verdict::Unreachable, All::Unreachable));
}
