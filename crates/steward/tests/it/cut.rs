//! `steward reach --cut`: what remains when something is cut.

use crate::run::Folder;

const NETWORK: &str = "Resources:
  Rows: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16, Tags: [{Key: environment, Value: production}]}}
  A: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Rows, CidrBlock: 10.0.1.0/24}}
  Table: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref Rows}}
  InA: {Type: AWS::EC2::SubnetRouteTableAssociation, Properties: {RouteTableId: !Ref Table, SubnetId: !Ref A}}
  Back: {Type: AWS::EC2::Route, Properties: {RouteTableId: !Ref Table, DestinationCidrBlock: 10.1.0.0/16, VpcPeeringConnectionId: !Ref Peer}}
  Lines: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.1.0.0/16, Tags: [{Key: environment, Value: staging}]}}
  B: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Lines, CidrBlock: 10.1.1.0/24, MapPublicIpOnLaunch: true}}
  Other: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref Lines}}
  InB: {Type: AWS::EC2::SubnetRouteTableAssociation, Properties: {RouteTableId: !Ref Other, SubnetId: !Ref B}}
  There: {Type: AWS::EC2::Route, Properties: {RouteTableId: !Ref Other, DestinationCidrBlock: 10.0.0.0/16, VpcPeeringConnectionId: !Ref Peer}}
  Peer: {Type: AWS::EC2::VPCPeeringConnection, Properties: {VpcId: !Ref Lines, PeerVpcId: !Ref Rows}}
  Internet: {Type: AWS::EC2::InternetGateway}
  Attached: {Type: AWS::EC2::VPCGatewayAttachment, Properties: {VpcId: !Ref Lines, InternetGatewayId: !Ref Internet}}
  Out: {Type: AWS::EC2::Route, Properties: {RouteTableId: !Ref Other, DestinationCidrBlock: 0.0.0.0/0, GatewayId: !Ref Internet}}
  One:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: rows
      VpcId: !Ref Rows
      SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 5432, ToPort: 5432, CidrIp: 10.1.0.0/16}]
  Two:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: lines
      VpcId: !Ref Lines
      SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 0.0.0.0/0}]
  Store: {Type: AWS::EC2::Instance, Properties: {SubnetId: !Ref A, SecurityGroupIds: [!Ref One]}}
  Web: {Type: AWS::EC2::Instance, Properties: {SubnetId: !Ref B, SecurityGroupIds: [!Ref Two]}}
";

#[test]
fn a_link_that_is_cut_carries_nothing() {
    let folder = Folder::new().with("network.yaml", NETWORK);
    folder.steward("reach network.yaml").ends_with(0).says("5432");
    folder
        .steward("reach network.yaml --cut Peer")
        .ends_with(0)
        .says("with Peer cut: peering Peer")
        .says("staging → production  nothing passes any more; before: TCP 5432")
        .says("● staging     TCP 443");
}

#[test]
fn an_environment_that_is_cut_off_is_reached_by_nobody() {
    let folder = Folder::new().with("network.yaml", NETWORK);
    let run = folder.steward("reach network.yaml --cut staging --width 100");
    run.ends_with(0)
        .says("peering Peer, gateway Internet")
        .says("The network of staging, cut off")
        .says("nothing comes in from outside")
        .says("nothing gets out of it")
        .says("internet → staging    nothing passes any more; before: TCP 443");
    let json: serde_json::Value =
        serde_json::from_str(&folder.steward("reach network.yaml --cut staging --format json").out).unwrap();
    assert_eq!(json["remains"][0]["inward"]["verdict"], "unreachable");
    assert_eq!(json["pairs"][1]["before"], "unreachable");
}

#[test]
fn a_name_that_nothing_has_is_refused() {
    let folder = Folder::new().with("network.yaml", NETWORK);
    folder.steward("reach network.yaml --cut stagin").ends_with(2).says("STW0042").says("staging");
}
