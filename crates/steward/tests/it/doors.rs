//! Doors from the internet that stand outside VPCs: what is behind them is never called out of its reach.

use crate::run::Folder;

const NETWORK: &str = "Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16, Tags: [{Key: environment, Value: prod}]}}
  A: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24, AvailabilityZone: us-east-1a}}
  B: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.2.0/24, AvailabilityZone: us-east-1b}}
  Origin: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: a, VpcId: !Ref Vpc, SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 443, ToPort: 443, SourcePrefixListId: pl-3b927c52}]}}
  Linked: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: a, VpcId: !Ref Vpc}}
  Inner: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: a, VpcId: !Ref Vpc, SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 8443, ToPort: 8443, CidrIp: 10.0.0.0/16}]}}
  Alb: {Type: AWS::ElasticLoadBalancingV2::LoadBalancer, Properties: {Scheme: internal, Subnets: [!Ref A, !Ref B], SecurityGroups: [!Ref Origin]}}
  L: {Type: AWS::ElasticLoadBalancingV2::Listener, Properties: {LoadBalancerArn: !Ref Alb, Port: 443, Protocol: HTTPS, DefaultActions: [{Type: forward, TargetGroupArn: !Ref T}]}}
  T: {Type: AWS::ElasticLoadBalancingV2::TargetGroup, Properties: {VpcId: !Ref Vpc, Port: 8443, Protocol: HTTPS, TargetType: instance, Targets: [{Id: !Ref Api}]}}
  Api: {Type: AWS::EC2::Instance, Properties: {SubnetId: !Ref A, SecurityGroupIds: [!Ref Inner]}}
  Nlb: {Type: AWS::ElasticLoadBalancingV2::LoadBalancer, Properties: {Type: network, Scheme: internal, Subnets: [!Ref A, !Ref B]}}
  NL: {Type: AWS::ElasticLoadBalancingV2::Listener, Properties: {LoadBalancerArn: !Ref Nlb, Port: 443, Protocol: TCP, DefaultActions: [{Type: forward, TargetGroupArn: !Ref NT}]}}
  NT: {Type: AWS::ElasticLoadBalancingV2::TargetGroup, Properties: {VpcId: !Ref Vpc, Port: 8443, Protocol: TCP, TargetType: instance, Targets: [{Id: !Ref Api}]}}
  Private: {Type: AWS::ElasticLoadBalancingV2::LoadBalancer, Properties: {Scheme: internal, Subnets: [!Ref A, !Ref B], SecurityGroups: [!Ref Public]}}
  PL: {Type: AWS::ElasticLoadBalancingV2::Listener, Properties: {LoadBalancerArn: !Ref Private, Port: 80, Protocol: HTTP, DefaultActions: [{Type: forward, TargetGroupArn: !Ref T}]}}
  Public: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: a, VpcId: !Ref Vpc, SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 80, ToPort: 80, CidrIp: 203.0.113.0/24}]}}
";

const DOORS: [(&str, &str, &str); 4] = [
    (
        "Inward",
        "Alb:443",
        "  Inward: {Type: AWS::CloudFront::VpcOrigin, Properties: {VpcOriginEndpointConfig: {Arn: !Ref Alb, Name: a}}}\n  Shop: {Type: AWS::CloudFront::Distribution, Properties: {DistributionConfig: {Enabled: true, Origins: [{Id: a, DomainName: a.example, VpcOriginConfig: {VpcOriginId: !GetAtt Inward.Id}}], DefaultCacheBehavior: {TargetOriginId: a, ViewerProtocolPolicy: redirect-to-https}}}}\n",
    ),
    (
        "Old",
        "Nlb:443",
        "  Old: {Type: AWS::ApiGateway::VpcLink, Properties: {Name: old, TargetArns: [!Ref Nlb]}}\n",
    ),
    (
        "New",
        "Alb:443",
        "  New: {Type: AWS::ApiGatewayV2::VpcLink, Properties: {Name: new, SubnetIds: [!Ref A, !Ref B], SecurityGroupIds: [!Ref Linked]}}\n",
    ),
    (
        "Fast",
        "Private:80",
        "  Fast: {Type: AWS::GlobalAccelerator::EndpointGroup, Properties: {ListenerArn: x, EndpointGroupRegion: us-east-1, EndpointConfigurations: [{EndpointId: !Ref Private, ClientIPPreservationEnabled: true}]}}\n",
    ),
];

#[test]
fn what_a_door_forwards_to_is_not_out_of_reach() {
    for (door, behind, written) in DOORS {
        let folder = Folder::new().with("network.yaml", NETWORK);
        let straight = format!("trace network.yaml --from internet --to {behind}");
        folder.steward(&straight).ends_with(0).says("unreachable");
        let folder = Folder::new().with("network.yaml", format!("{NETWORK}{written}"));
        folder.steward(&straight).ends_with(0).says("unknown").says(&format!("by the door {door}"));
        folder.steward("reach network.yaml").ends_with(0).says(&format!("door {door}"));
        folder.steward("trace network.yaml --from internet --to Api:22").says("unreachable");
    }
}

#[test]
fn a_distribution_that_is_switched_off_lets_nobody_in() {
    let (_, behind, written) = DOORS[0];
    let off = written.replace("Enabled: true", "Enabled: false");
    let folder = Folder::new().with("network.yaml", format!("{NETWORK}{off}"));
    folder.steward(&format!("trace network.yaml --from internet --to {behind}")).says("unreachable");
}
