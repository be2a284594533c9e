//! AWS's rules, one at a time, on templates small enough to be read.

use diagnostics::{Diagnostics, SourceMap};
use reachability::Network;
use reachability::model::{
    Addresses, Certainty, GroupRule, InterfaceId, IpSet, Peer, PortRange, Protocols, Role, Services,
};
use reachability::simulate::{Flow, ICMP, Simulator, Source, TCP, Verdict};
use reachability::trace::{Question, Trace, Tracer};

use crate::networks::{Chance, Kinds, by_chance};

/// The network of a template's resources.
fn network(resources: &str) -> Network {
    let text = format!(
        "Parameters: {{Office: {{Type: String}}}}\nConditions: {{Extra: !Equals [!Ref Office, yes]}}\nResources:\n{resources}"
    );
    let file = intake::TemplateFile::new("template.yaml", text);
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let estate = intake::read(&[file], &intake::Options::default(), &mut sources, &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{diagnostics:?}");
    Network::of(&estate)
}

fn ask(network: &Network, from: &str, to: &str, protocol: u8, port: u16) -> Trace {
    let tracer = Tracer::new(network);
    let (from, to) = (tracer.end(from).unwrap(), tracer.end(to).unwrap());
    tracer.trace(Question { from, to, protocol, port })
}

/// Asks for TCP, and looks for words in the reason.
fn check(network: &Network, from: &str, to: &str, port: u16, expected: Verdict, words: &str) {
    let trace = ask(network, from, to, TCP, port);
    assert_eq!(trace.verdict, expected, "{from} -> {to}:{port}: {} {:#?}", trace.reason, trace.hops());
    assert!(trace.reason.contains(words), "{from} -> {to}:{port}: {}", trace.reason);
}

use Verdict::{Reachable, Unknown, Unreachable};

const VPC: &str = "
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  Web: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24, AvailabilityZone: us-east-1a}}
  Data: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.2.0/24, AvailabilityZone: us-east-1b}}
  WebGroup: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: web, VpcId: !Ref Vpc}}
  DataGroup:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: data
      VpcId: !Ref Vpc
      SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 5432, ToPort: 5432, SourceSecurityGroupId: !Ref WebGroup}]
      SecurityGroupEgress: [{IpProtocol: '-1', CidrIp: 127.0.0.1/32}]
  WebHost: {Type: AWS::EC2::Instance, Properties: {SubnetId: !Ref Web, SecurityGroupIds: [!Ref WebGroup]}}
  DataHost: {Type: AWS::EC2::Instance, Properties: {SubnetId: !Ref Data, SecurityGroupIds: [!Ref DataGroup]}}
";

/// Amazon VPC User Guide, "Security group rules": a reference means the private addresses of the group's interfaces;
/// "Security groups": answers of what is let in go out, whatever the rules.
#[test]
fn groups_are_stateful_and_refer_to_each_other() {
    let network = network(VPC);
    check(&network, "WebHost", "DataHost", 5432, Reachable, "there and back");
    check(&network, "WebHost", "DataHost", 22, Unreachable, "no rule of DataGroup lets tcp 22 in from");
    // The resolver is there for everybody.
    check(&network, "DataHost", "10.0.0.2", 53, Reachable, "");
    check(&network, "DataHost", "10.0.0.3", 53, Unreachable, "");
    // A group without egress rules is given one that allows everything; a rule to nowhere takes that away.
    check(&network, "DataHost", "WebHost", 443, Unreachable, "no rule of DataGroup lets tcp 443 out to");
}

/// Amazon VPC User Guide, "Network ACLs": stateless, in order of number, answers need an entry of their own.
#[test]
fn access_lists_have_to_let_answers_out() {
    let list = |answers: &str| {
        format!(
            "{VPC}
  List: {{Type: AWS::EC2::NetworkAcl, Properties: {{VpcId: !Ref Vpc}}}}
  ListOfData: {{Type: AWS::EC2::SubnetNetworkAclAssociation, Properties: {{NetworkAclId: !Ref List, SubnetId: !Ref Data}}}}
  In: {{Type: AWS::EC2::NetworkAclEntry, Properties: {{NetworkAclId: !Ref List, RuleNumber: 10, Protocol: 6, RuleAction: allow, CidrBlock: 10.0.0.0/16, PortRange: {{From: 5432, To: 5432}}}}}}
  {answers}"
        )
    };
    let out = |from: u16, to: u16| {
        format!(
            "Out: {{Type: AWS::EC2::NetworkAclEntry, Properties: {{NetworkAclId: !Ref List, Egress: true, RuleNumber: 10, Protocol: 6, RuleAction: allow, CidrBlock: 10.0.0.0/16, PortRange: {{From: {from}, To: {to}}}}}}}"
        )
    };
    check(&network(&list("")), "WebHost", "DataHost", 5432, Unreachable, "on the way back");
    check(&network(&list(&out(1024, 65535))), "WebHost", "DataHost", 5432, Reachable, "");
    // All ports that Linux picks from are enough, half of them are not.
    check(&network(&list(&out(32768, 65535))), "WebHost", "DataHost", 5432, Reachable, "");
    check(
        &network(&list(&out(50000, 65535))),
        "WebHost",
        "DataHost",
        5432,
        Unknown,
        "port that the client's side picks",
    );
    check(&network(&list(&out(80, 443))), "WebHost", "DataHost", 5432, Unreachable, "on the way back");
}

const DOORS: &str = "
  Gateway: {Type: AWS::EC2::InternetGateway}
  Attached: {Type: AWS::EC2::VPCGatewayAttachment, Properties: {VpcId: !Ref Vpc, InternetGatewayId: !Ref Gateway}}
  Public: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.3.0/24, MapPublicIpOnLaunch: true, AvailabilityZone: us-east-1a}}
  PublicTable: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref Vpc}}
  PublicRoute: {Type: AWS::EC2::Route, Properties: {RouteTableId: !Ref PublicTable, DestinationCidrBlock: 0.0.0.0/0, GatewayId: !Ref Gateway}}
  PublicUses: {Type: AWS::EC2::SubnetRouteTableAssociation, Properties: {RouteTableId: !Ref PublicTable, SubnetId: !Ref Public}}
  OpenGroup: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: open, VpcId: !Ref Vpc, SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 0.0.0.0/0}]}}
  Bastion: {Type: AWS::EC2::Instance, Properties: {SubnetId: !Ref Public, SecurityGroupIds: [!Ref OpenGroup]}}
  Elastic: {Type: AWS::EC2::EIP, Properties: {Domain: vpc}}
  Nat: {Type: AWS::EC2::NatGateway, Properties: {SubnetId: !Ref Public, AllocationId: !GetAtt Elastic.AllocationId}}
  PrivateTable: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref Vpc}}
  PrivateRoute: {Type: AWS::EC2::Route, Properties: {RouteTableId: !Ref PrivateTable, DestinationCidrBlock: 0.0.0.0/0, NatGatewayId: !Ref Nat}}
  PrivateUses: {Type: AWS::EC2::SubnetRouteTableAssociation, Properties: {RouteTableId: !Ref PrivateTable, SubnetId: !Ref Web}}
";

/// Amazon VPC User Guide, "Internet gateways" and "NAT gateways".
#[test]
fn the_internet_comes_in_by_public_addresses_alone() {
    let network = network(&format!("{VPC}{DOORS}"));
    check(&network, "internet", "Bastion", 443, Reachable, "");
    check(&network, "internet", "Bastion", 22, Unreachable, "no rule of OpenGroup");
    check(&network, "internet", "WebHost", 443, Unreachable, "private address");
    // Out by NAT, and nothing that NAT did not start comes back in.
    check(&network, "WebHost", "internet", 443, Reachable, "");
    check(&network, "internet", "Nat", 443, Unreachable, "NAT gateway");
    check(&network, "DataHost", "internet", 443, Unreachable, "no rule of DataGroup lets tcp 443 out to");
}

/// A NAT gateway answers with its own source: a group that names the private block does not let it in.
#[test]
fn translation_counts_before_groups() {
    let other = "
  Other: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.9.0.0/16}}
  OtherSubnet: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Other, CidrBlock: 10.9.1.0/24, MapPublicIpOnLaunch: true}}
  OtherGroup: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: other, VpcId: !Ref Other, SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 10.0.0.0/8}]}}
  OtherHost: {Type: AWS::EC2::Instance, Properties: {SubnetId: !Ref OtherSubnet, SecurityGroupIds: [!Ref OtherGroup]}}
  OtherGateway: {Type: AWS::EC2::InternetGateway}
  OtherAttached: {Type: AWS::EC2::VPCGatewayAttachment, Properties: {VpcId: !Ref Other, InternetGatewayId: !Ref OtherGateway}}
  OtherTable: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref Other}}
  OtherRoute: {Type: AWS::EC2::Route, Properties: {RouteTableId: !Ref OtherTable, DestinationCidrBlock: 0.0.0.0/0, GatewayId: !Ref OtherGateway}}
  OtherUses: {Type: AWS::EC2::SubnetRouteTableAssociation, Properties: {RouteTableId: !Ref OtherTable, SubnetId: !Ref OtherSubnet}}
";
    let network = network(&format!("{VPC}{DOORS}{other}"));
    let trace = ask(&network, "WebHost", "OtherHost", TCP, 443);
    assert_ne!(trace.verdict, Reachable, "{:#?}", trace.hops());
}

/// Amazon VPC Peering Guide, "VPC peering limitations": never transitive.
#[test]
fn peering_leads_one_step() {
    let vpc = |n: usize, routes: &str| {
        format!(
            "
  Vpc{n}: {{Type: AWS::EC2::VPC, Properties: {{CidrBlock: 10.{n}.0.0/16}}}}
  Subnet{n}: {{Type: AWS::EC2::Subnet, Properties: {{VpcId: !Ref Vpc{n}, CidrBlock: 10.{n}.1.0/24}}}}
  Group{n}: {{Type: AWS::EC2::SecurityGroup, Properties: {{GroupDescription: all, VpcId: !Ref Vpc{n}, SecurityGroupIngress: [{{IpProtocol: '-1', CidrIp: 10.0.0.0/8}}]}}}}
  Host{n}: {{Type: AWS::EC2::Instance, Properties: {{SubnetId: !Ref Subnet{n}, SecurityGroupIds: [!Ref Group{n}]}}}}
  Table{n}: {{Type: AWS::EC2::RouteTable, Properties: {{VpcId: !Ref Vpc{n}}}}}
  Uses{n}: {{Type: AWS::EC2::SubnetRouteTableAssociation, Properties: {{RouteTableId: !Ref Table{n}, SubnetId: !Ref Subnet{n}}}}}
{routes}"
        )
    };
    let route = |n: usize, to: &str, by: &str| {
        format!(
            "  Route{n}{by}: {{Type: AWS::EC2::Route, Properties: {{RouteTableId: !Ref Table{n}, DestinationCidrBlock: {to}, VpcPeeringConnectionId: !Ref {by}}}}}\n"
        )
    };
    let peering = |name: &str, a: usize, b: usize| {
        format!(
            "  {name}: {{Type: AWS::EC2::VPCPeeringConnection, Properties: {{VpcId: !Ref Vpc{a}, PeerVpcId: !Ref Vpc{b}}}}}\n"
        )
    };
    let text = [
        vpc(1, &route(1, "10.0.0.0/8", "One")),
        vpc(2, &(route(2, "10.1.0.0/16", "One") + &route(2, "10.3.0.0/16", "Two"))),
        vpc(3, &route(3, "10.0.0.0/8", "Two")),
        peering("One", 1, 2),
        peering("Two", 2, 3),
    ]
    .concat();
    let network = network(&text);
    check(&network, "Host1", "Host2", 443, Reachable, "");
    check(&network, "Host2", "Host3", 443, Reachable, "");
    check(&network, "Host1", "Host3", 443, Unreachable, "peering leads no further");
}

/// AWS Transit Gateway Guide: default association and propagation; a zone without an interface of the attachment reaches
/// nothing.
#[test]
fn transit_gateways_reach_from_attached_zones() {
    let side = |n: usize, zones: &str| {
        format!(
            "
  Vpc{n}: {{Type: AWS::EC2::VPC, Properties: {{CidrBlock: 10.{n}.0.0/16}}}}
  A{n}: {{Type: AWS::EC2::Subnet, Properties: {{VpcId: !Ref Vpc{n}, CidrBlock: 10.{n}.1.0/24, AvailabilityZone: us-east-1a}}}}
  B{n}: {{Type: AWS::EC2::Subnet, Properties: {{VpcId: !Ref Vpc{n}, CidrBlock: 10.{n}.2.0/24, AvailabilityZone: us-east-1b}}}}
  Group{n}: {{Type: AWS::EC2::SecurityGroup, Properties: {{GroupDescription: all, VpcId: !Ref Vpc{n}, SecurityGroupIngress: [{{IpProtocol: '-1', CidrIp: 10.0.0.0/8}}]}}}}
  HostA{n}: {{Type: AWS::EC2::Instance, Properties: {{SubnetId: !Ref A{n}, SecurityGroupIds: [!Ref Group{n}]}}}}
  HostB{n}: {{Type: AWS::EC2::Instance, Properties: {{SubnetId: !Ref B{n}, SecurityGroupIds: [!Ref Group{n}]}}}}
  Table{n}: {{Type: AWS::EC2::RouteTable, Properties: {{VpcId: !Ref Vpc{n}}}}}
  UsesA{n}: {{Type: AWS::EC2::SubnetRouteTableAssociation, Properties: {{RouteTableId: !Ref Table{n}, SubnetId: !Ref A{n}}}}}
  UsesB{n}: {{Type: AWS::EC2::SubnetRouteTableAssociation, Properties: {{RouteTableId: !Ref Table{n}, SubnetId: !Ref B{n}}}}}
  Route{n}: {{Type: AWS::EC2::Route, DependsOn: Attach{n}, Properties: {{RouteTableId: !Ref Table{n}, DestinationCidrBlock: 10.0.0.0/8, TransitGatewayId: !Ref Transit}}}}
  Attach{n}: {{Type: AWS::EC2::TransitGatewayAttachment, Properties: {{TransitGatewayId: !Ref Transit, VpcId: !Ref Vpc{n}, SubnetIds: {zones}}}}}
"
        )
    };
    let text = [
        "  Transit: {Type: AWS::EC2::TransitGateway}\n".to_owned(),
        side(1, "[!Ref A1, !Ref B1]"),
        side(2, "[!Ref A2]"),
    ]
    .concat();
    let network = network(&text);
    check(&network, "HostA1", "HostA2", 443, Reachable, "");
    check(&network, "HostB2", "HostA1", 443, Unreachable, "no interface in us-east-1b");
    check(&network, "HostA1", "HostB2", 443, Unreachable, "on the way back");
}

/// Application Load Balancers: clients reach nodes, nodes reach targets, and targets see the node.
#[test]
fn load_balancers_open_connections_of_their_own() {
    let balanced = "
  Gateway: {Type: AWS::EC2::InternetGateway}
  Attached: {Type: AWS::EC2::VPCGatewayAttachment, Properties: {VpcId: !Ref Vpc, InternetGatewayId: !Ref Gateway}}
  Table: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref Vpc}}
  Route: {Type: AWS::EC2::Route, Properties: {RouteTableId: !Ref Table, DestinationCidrBlock: 0.0.0.0/0, GatewayId: !Ref Gateway}}
  Uses: {Type: AWS::EC2::SubnetRouteTableAssociation, Properties: {RouteTableId: !Ref Table, SubnetId: !Ref Web}}
  DoorGroup: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: door, VpcId: !Ref Vpc, SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 0.0.0.0/0}]}}
  Door: {Type: AWS::ElasticLoadBalancingV2::LoadBalancer, Properties: {Scheme: internet-facing, Subnets: [!Ref Web], SecurityGroups: [!Ref DoorGroup]}}
  Listener: {Type: AWS::ElasticLoadBalancingV2::Listener, Properties: {LoadBalancerArn: !Ref Door, Port: 443, Protocol: HTTPS, DefaultActions: [{Type: forward, TargetGroupArn: !Ref Targets}]}}
  Targets: {Type: AWS::ElasticLoadBalancingV2::TargetGroup, Properties: {VpcId: !Ref Vpc, Port: 8080, Protocol: HTTP, TargetType: instance, Targets: [{Id: !Ref AppHost, Port: 8080}]}}
  AppGroup: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: app, VpcId: !Ref Vpc, SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 8080, ToPort: 8080, SourceSecurityGroupId: !Ref DoorGroup}]}}
  AppHost: {Type: AWS::EC2::Instance, Properties: {SubnetId: !Ref Web, SecurityGroupIds: [!Ref AppGroup]}}
";
    let open = network(&format!("{VPC}{balanced}"));
    check(&open, "internet", "Door", 443, Reachable, "");
    check(&open, "internet", "Door", 80, Unreachable, "");
    let closed = network(&format!(
        "{VPC}{}",
        balanced.replace("SourceSecurityGroupId: !Ref DoorGroup", "CidrIp: 10.0.2.0/24")
    ));
    check(&closed, "internet", "Door", 443, Unreachable, "no rule of AppGroup");
}

/// AWS::NetworkFirewall::Firewall, return values: the order of `EndpointIds` is AWS's. What holds by each endpoint holds.
#[test]
fn an_endpoint_out_of_a_list_may_be_any_of_it() {
    let endpoint = "VpcEndpointId: !Select [1, !Split [':', !Select [0, !GetAtt Firewall.EndpointIds]]]";
    let subnet = |name: &str, block: &str, zone: &str, table: &str| {
        format!("
  {name}: {{Type: AWS::EC2::Subnet, Properties: {{VpcId: !Ref Vpc, CidrBlock: {block}, AvailabilityZone: {zone}, MapPublicIpOnLaunch: true}}}}
  {name}Uses: {{Type: AWS::EC2::SubnetRouteTableAssociation, Properties: {{RouteTableId: !Ref {table}, SubnetId: !Ref {name}}}}}")
    };
    let text = format!(
        "
  Vpc: {{Type: AWS::EC2::VPC, Properties: {{CidrBlock: 10.0.0.0/16}}}}
  Gateway: {{Type: AWS::EC2::InternetGateway}}
  Attached: {{Type: AWS::EC2::VPCGatewayAttachment, Properties: {{VpcId: !Ref Vpc, InternetGatewayId: !Ref Gateway}}}}
  Out: {{Type: AWS::EC2::RouteTable, Properties: {{VpcId: !Ref Vpc}}}}
  OutRoute: {{Type: AWS::EC2::Route, Properties: {{RouteTableId: !Ref Out, DestinationCidrBlock: 0.0.0.0/0, GatewayId: !Ref Gateway}}}}
  Inspected: {{Type: AWS::EC2::RouteTable, Properties: {{VpcId: !Ref Vpc}}}}
  InspectedRoute: {{Type: AWS::EC2::Route, Properties: {{RouteTableId: !Ref Inspected, DestinationCidrBlock: 0.0.0.0/0, {endpoint}}}}}
  Firewall: {{Type: AWS::NetworkFirewall::Firewall, Properties: {{FirewallName: f, FirewallPolicyArn: !Ref Policy, VpcId: !Ref Vpc, SubnetMappings: [{{SubnetId: !Ref FireA}}, {{SubnetId: !Ref FireB}}]}}}}
  Policy:
    Type: AWS::NetworkFirewall::FirewallPolicy
    Properties: {{FirewallPolicyName: p, FirewallPolicy: {{StatelessDefaultActions: ['aws:pass'], StatelessFragmentDefaultActions: ['aws:pass']}}}}
  Group: {{Type: AWS::EC2::SecurityGroup, Properties: {{GroupDescription: app, VpcId: !Ref Vpc}}}}
  App: {{Type: AWS::EC2::Instance, Properties: {{SubnetId: !Ref Inner, SecurityGroupIds: [!Ref Group]}}}}{}{}{}
",
        subnet("FireA", "10.0.0.0/28", "us-east-1a", "Out"),
        subnet("FireB", "10.0.0.16/28", "us-east-1b", "Out"),
        subnet("Inner", "10.0.1.0/24", "us-east-1a", "Inspected"),
    );
    check(&network(&text), "App", "internet", 443, Reachable, "");
    // In one of two zones the way out is missing.
    let broken = text.replace(
        "RouteTableId: !Ref Out, SubnetId: !Ref FireB",
        "RouteTableId: !Ref Empty, SubnetId: !Ref FireB",
    ) + "  Empty: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref Vpc}}\n";
    check(&network(&broken), "App", "internet", 443, Unknown, "endpoint of firewall");
}

/// What a template leaves open is open, and has a name.
#[test]
fn unknowns_are_named() {
    let rule = |extra: &str| {
        format!(
            "{VPC}\n  More: {{Type: AWS::EC2::SecurityGroupIngress, {extra}, Properties: {{GroupId: !Ref DataGroup, IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: 10.0.1.0/24}}}}"
        )
    };
    let conditional = network(&rule("Condition: Extra"));
    check(&conditional, "WebHost", "DataHost", 22, Unknown, "condition `Extra`");
    let open = network(&rule("DependsOn: WebHost").replace("CidrIp: 10.0.1.0/24", "CidrIp: !Ref Office"));
    check(&open, "WebHost", "DataHost", 22, Unknown, "Office");
    // An unknown that decides nothing is not mentioned.
    check(&open, "WebHost", "DataHost", 5432, Reachable, "");
}

#[test]
fn names_that_mean_nothing_are_mistakes() {
    let network = network(VPC);
    let tracer = Tracer::new(&network);
    let nearest = |text: &str| format!("{:?}", tracer.end(text).unwrap_err());
    assert!(nearest("WebHots").contains("WebHost"));
    assert!(nearest("10.0.0.0/8").contains("Block"));
    assert_eq!(ask(&network, "WebHost", "10.0.1.77", ICMP, 0).verdict, Unreachable);
}

/// One more rule that allows never takes a way away.
#[test]
fn allowing_more_never_stops_anything() {
    let rank = |verdict| match verdict {
        Unreachable => 0,
        Unknown => 1,
        Reachable => 2,
    };
    for seed in 0..12 {
        let mut chance = Chance::new(seed);
        let before = by_chance(seed, Kinds { unknowns: true, firewall: false });
        if before.groups.is_empty() {
            continue;
        }
        let mut after = before.clone();
        let at = chance.below(after.groups.len());
        let rule = GroupRule {
            peer: Peer::Addresses(Addresses::Known(IpSet(vec!["0.0.0.0/0".parse().unwrap()]))),
            services: Services {
                protocols: Protocols::All,
                ports: PortRange::ALL,
                codes: PortRange::ALL,
                unknown: None,
            },
            exists: Certainty::Yes,
            span: diagnostics::Span::NONE,
            label: "everything".into(),
        };
        after.groups[at].ingress.push(rule.clone());
        after.groups[at].egress.push(rule);
        let (old, new) = (Simulator::new(&before), Simulator::new(&after));
        let hosts: Vec<InterfaceId> = (0..before.interfaces.len())
            .map(InterfaceId::from_position)
            .filter(|id| before.interfaces[id.at()].role == Role::Host)
            .collect();
        for from in &hosts {
            for to in &hosts {
                let flow = Flow {
                    from: Source::Interface(*from),
                    source: old.addresses_of(*from)[0],
                    destination: old.addresses_of(*to)[0],
                    protocol: TCP,
                    port: 443,
                    assumed: Vec::new(),
                };
                let (was, is) = (old.run(&flow).verdict, new.run(&flow).verdict);
                assert!(rank(is) >= rank(was), "seed {seed}, {from:?} to {to:?}: {was:?} became {is:?}");
            }
        }
    }
}

/// VPC Lattice and Verified Access need no route and no rule between the ends: what they carry is not modelled, and never
/// unreachable.
#[test]
fn what_is_carried_past_routes_and_groups_is_not_known() {
    use reachability::query::{Reach, Verdict as All};
    let other = "
  Other: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.9.0.0/16}}
  OtherSubnet: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Other, CidrBlock: 10.9.1.0/24}}
  OtherGroup: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: other, VpcId: !Ref Other}}
  OtherHost: {Type: AWS::EC2::Instance, Properties: {SubnetId: !Ref OtherSubnet, SecurityGroupIds: [!Ref OtherGroup]}}
";
    let lattice = "
  Joined: {Type: AWS::VpcLattice::ServiceNetworkVpcAssociation, Properties: {ServiceNetworkIdentifier: sn-0123456789abcdef0, VpcIdentifier: !Ref Vpc}}
  Targets: {Type: AWS::VpcLattice::TargetGroup, Properties: {Type: INSTANCE, Config: {VpcIdentifier: !Ref Other, Port: 443, Protocol: HTTPS}}}
";
    let access = "
  Access: {Type: AWS::EC2::VerifiedAccessEndpoint, Properties: {EndpointType: load-balancer, AttachmentType: vpc, VerifiedAccessGroupId: vagr-1, LoadBalancerOptions: {Port: 443, Protocol: https, SubnetIds: [!Ref OtherSubnet]}}}
";
    let verdicts = |network: &Network, from: &str, to: &str| {
        let mut reach = Reach::of(network);
        let [from_ends, to_ends] = [from, to].map(|label| {
            if label == "internet" {
                return reach.internet();
            }
            reach.interfaces(|at| network.interfaces[at.at()].name.label == label)
        });
        let flows = reach.flows(&from_ends, &to_ends);
        let words = flows.witness.as_ref().map(|witness| reach.depends_on(witness)).unwrap_or_default();
        (flows.verdict, ask(network, from, to, TCP, 443).verdict, words)
    };
    let without = network(&format!("{VPC}{other}"));
    assert_eq!(verdicts(&without, "WebHost", "OtherHost"), (All::Unreachable, Unreachable, vec![]));
    assert_eq!(verdicts(&without, "internet", "OtherHost"), (All::Unreachable, Unreachable, vec![]));
    let joined = network(&format!("{VPC}{other}{lattice}"));
    let words = vec!["what VPC Lattice carries, which is not modelled".to_owned()];
    assert_eq!(verdicts(&joined, "WebHost", "OtherHost"), (All::Unknown, Unknown, words));
    assert_eq!(verdicts(&joined, "OtherHost", "WebHost"), (All::Unreachable, Unreachable, vec![]));
    assert_eq!(verdicts(&joined, "internet", "OtherHost"), (All::Unreachable, Unreachable, vec![]));
    let entered = network(&format!("{VPC}{other}{access}"));
    let words = vec!["whom Verified Access lets in, which is not modelled".to_owned()];
    assert_eq!(verdicts(&entered, "internet", "OtherHost"), (All::Unknown, Unknown, words));
    assert_eq!(verdicts(&entered, "internet", "DataHost"), (All::Unreachable, Unreachable, vec![]));
}
