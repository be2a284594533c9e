//! Mistakes in firewall rules are shown where a network is asked about.

use crate::run::Folder;

fn network(rules: &str, group_order: &str) -> String {
    format!(
        "Resources:
  Vpc: {{Type: AWS::EC2::VPC, Properties: {{CidrBlock: 10.0.0.0/16}}}}
  A: {{Type: AWS::EC2::Subnet, Properties: {{VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24}}}}
  Group: {{Type: AWS::EC2::SecurityGroup, Properties: {{GroupDescription: a, VpcId: !Ref Vpc}}}}
  Host: {{Type: AWS::EC2::Instance, Properties: {{SubnetId: !Ref A, SecurityGroupIds: [!Ref Group]}}}}
  Rules:
    Type: AWS::NetworkFirewall::RuleGroup
    Properties:
      RuleGroupName: rules
      Type: STATEFUL
      Capacity: 10
      RuleGroup:
        StatefulRuleOptions: {{RuleOrder: {group_order}}}
        RulesSource:
          RulesString: '{rules}'
  Policy:
    Type: AWS::NetworkFirewall::FirewallPolicy
    Properties:
      FirewallPolicyName: policy
      FirewallPolicy:
        StatelessDefaultActions: [aws:forward_to_sfe]
        StatelessFragmentDefaultActions: [aws:forward_to_sfe]
        StatefulEngineOptions: {{RuleOrder: STRICT_ORDER}}
        StatefulRuleGroupReferences: [{{ResourceArn: !Ref Rules, Priority: 1}}]
  One: {{Type: AWS::NetworkFirewall::Firewall, Properties: {{FirewallName: one, VpcId: !Ref Vpc, FirewallPolicyArn: !Ref Policy, SubnetMappings: [{{SubnetId: !Ref A}}]}}}}
  Two: {{Type: AWS::NetworkFirewall::Firewall, Properties: {{FirewallName: two, VpcId: !Ref Vpc, FirewallPolicyArn: !Ref Policy, SubnetMappings: [{{SubnetId: !Ref A}}]}}}}
"
    )
}

const GOOD: &str = r#"pass tcp any any -> any 443 (sid:1;)"#;

#[test]
fn what_aws_refuses_is_shown_once_wherever_a_network_is_asked_about() {
    for (rules, order, code) in [
        ("pass tcp any any -> any 443 (sid:1)", "STRICT_ORDER", "NET0001"),
        ("pass tcp $NOBODY any -> any 443 (sid:1;)", "STRICT_ORDER", "NET0002"),
        (GOOD, "DEFAULT_ACTION_ORDER", "NET0003"),
        (" pass tcp any any -> any 443 (sid:1;)", "STRICT_ORDER", "NET0004"),
    ] {
        let folder = Folder::new().with("network.yaml", network(rules, order));
        for command in
            ["reach network.yaml", "trace network.yaml --from Host --to internet:443", "audit network.yaml"]
        {
            let run = folder.steward(command);
            let said = format!("{}{}", run.out, run.err);
            assert_eq!(said.matches(&format!("[{code}]")).count(), 1, "{command}: {code}\n{said}");
            assert!(said.contains("network.yaml:"), "{command}: {code}\n{said}");
        }
    }
    let folder = Folder::new().with("network.yaml", network(GOOD, "STRICT_ORDER"));
    let run = folder.steward("reach network.yaml");
    assert!(!format!("{}{}", run.out, run.err).contains("NET0"));
}

#[test]
fn an_office_is_an_end_as_sentences_name_it() {
    let folder = Folder::new().with(
        "network.yaml",
        "Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  A: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24}}
  Group: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: a, VpcId: !Ref Vpc, SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 192.168.0.0/16}]}}
  Host: {Type: AWS::EC2::Instance, Properties: {SubnetId: !Ref A, SecurityGroupIds: [!Ref Group]}}
  Table: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref Vpc}}
  InA: {Type: AWS::EC2::SubnetRouteTableAssociation, Properties: {RouteTableId: !Ref Table, SubnetId: !Ref A}}
  Vgw: {Type: AWS::EC2::VPNGateway, Properties: {Type: ipsec.1}}
  Attached: {Type: AWS::EC2::VPCGatewayAttachment, Properties: {VpcId: !Ref Vpc, VpnGatewayId: !Ref Vgw}}
  Home: {Type: AWS::EC2::Route, Properties: {RouteTableId: !Ref Table, DestinationCidrBlock: 192.168.0.0/16, GatewayId: !Ref Vgw}}
  Theirs: {Type: AWS::EC2::CustomerGateway, Properties: {Type: ipsec.1, IpAddress: 203.0.113.1, BgpAsn: 65000}}
  Link:
    Type: AWS::EC2::VPNConnection
    Properties:
      Type: ipsec.1
      StaticRoutesOnly: true
      CustomerGatewayId: !Ref Theirs
      VpnGatewayId: !Ref Vgw
      Tags: [{Key: Name, Value: office-berlin}]
  Static: {Type: AWS::EC2::VPNConnectionRoute, Properties: {VpnConnectionId: !Ref Link, DestinationCidrBlock: 192.168.1.0/24}}
",
    );
    for name in ["office-berlin", "offices/office-berlin", "offices/berlin"] {
        folder
            .steward(&format!("trace network.yaml --from {name} --to Host:443"))
            .ends_with(0)
            .says("tcp 443  reachable");
    }
    folder
        .steward("trace network.yaml --from offices/berlyn --to Host:443")
        .ends_with(2)
        .says("offices/office-berlin");
}
