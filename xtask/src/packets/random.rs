//! Small random estates as templates.
//!
//! In: a seed. Out: the text of a template. Always: the same for the same seed; small enough to build in seconds; with
//! every kind of thing that the laboratory builds, and rules that now and then match.

use std::fmt::Write as _;

/// xorshift64*: enough to choose with, and the same everywhere.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        let mut dice = Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        for _ in 0..8 {
            dice.below(2);
        }
        dice
    }

    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let mixed = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(mixed).unwrap_or(0) % bound.max(1)
    }

    /// True once in so many times.
    fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn of<'t>(&mut self, list: &[&'t str]) -> &'t str {
        list.get(self.below(list.len())).copied().unwrap_or("")
    }

    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for at in (1..list.len()).rev() {
            list.swap(at, self.below(at + 1));
        }
    }
}

/// Blocks that rules name: of VPCs, of subnets, of the internet, and everything.
const BLOCKS: &[&str] = &[
    "10.0.0.0/8",
    "10.1.0.0/16",
    "10.2.0.0/16",
    "10.1.0.0/24",
    "10.1.1.0/24",
    "10.2.0.0/24",
    "198.51.100.0/24",
    "0.0.0.0/0",
];
/// Services of groups and ACLs: protocol, first and last port.
const SERVICES: &[(&str, i32, i32)] = &[
    ("tcp", 443, 443),
    ("tcp", 0, 65_535),
    ("tcp", 22, 80),
    ("udp", 53, 53),
    ("udp", 0, 65_535),
    ("icmp", -1, -1),
    ("icmp", 8, -1),
    ("-1", -1, -1),
    ("-1", -1, -1),
];

struct Writer {
    text: String,
    dice: Dice,
}

/// The template of a seed.
pub fn template(seed: u64) -> String {
    let mut writer = Writer { text: "Resources:\n".to_owned(), dice: Dice::new(seed) };
    writer.estate();
    writer.text
}

impl Writer {
    fn add(&mut self, name: &str, kind: &str, properties: &str) {
        let _ = writeln!(self.text, "  {name}: {{Type: {kind}, Properties: {{{properties}}}}}");
    }

    fn estate(&mut self) {
        let vpcs = 1 + self.dice.below(2);
        let walled = self.dice.below(3) > 0;
        for vpc in 1..=vpcs {
            self.vpc(vpc, walled && vpc == 1);
        }
        if vpcs == 2 {
            if self.dice.one_in(3) { self.peering() } else { self.transit() }
        }
    }

    /// Two subnets with hosts, filters, and perhaps a way to the internet and a firewall between.
    fn vpc(&mut self, vpc: usize, walled: bool) {
        let internet = walled || self.dice.below(3) > 0;
        let translated = internet && self.dice.one_in(2);
        self.add(&format!("Vpc{vpc}"), "AWS::EC2::VPC", &format!("CidrBlock: 10.{vpc}.0.0/16"));
        if internet {
            self.add(&format!("Gate{vpc}"), "AWS::EC2::InternetGateway", "");
            let ends = format!("VpcId: !Ref Vpc{vpc}, InternetGatewayId: !Ref Gate{vpc}");
            self.add(&format!("Attach{vpc}"), "AWS::EC2::VPCGatewayAttachment", &ends);
        }
        for group in 0..3 {
            self.group(vpc, group);
        }
        for subnet in 0..2 {
            self.subnet(vpc, &subnet.to_string(), subnet);
            if self.dice.one_in(4) {
                self.acl(vpc, subnet);
            }
            for host in 0..2 {
                let name = format!("Host{vpc}{subnet}{host}");
                let mut groups = format!("!Ref Group{vpc}{}", self.dice.below(3));
                if self.dice.one_in(3) {
                    let _ = write!(groups, ", !Ref Group{vpc}{}", self.dice.below(3));
                }
                let place = format!(
                    "SubnetId: !Ref Subnet{vpc}{subnet}, PrivateIpAddress: 10.{vpc}.{subnet}.1{host}"
                );
                self.add(&name, "AWS::EC2::Instance", &format!("{place}, SecurityGroupIds: [{groups}]"));
                if internet && self.dice.one_in(2) {
                    self.add(
                        &format!("Eip{name}"),
                        "AWS::EC2::EIP",
                        &format!("Domain: vpc, InstanceId: !Ref {name}"),
                    );
                }
            }
        }
        let mut outward =
            [if internet { format!("GatewayId: !Ref Gate{vpc}") } else { String::new() }, String::new()];
        outward[1] = outward[0].clone();
        if translated {
            self.subnet(vpc, "N", 8);
            self.add(&format!("EipNat{vpc}"), "AWS::EC2::EIP", "Domain: vpc");
            let nat = format!(
                "SubnetId: !Ref Subnet{vpc}N, AllocationId: !GetAtt EipNat{vpc}.AllocationId, PrivateIpAddress: 10.{vpc}.8.9"
            );
            self.add(&format!("Nat{vpc}"), "AWS::EC2::NatGateway", &nat);
            let to = format!(
                "RouteTableId: !Ref Table{vpc}N, DestinationCidrBlock: 0.0.0.0/0, GatewayId: !Ref Gate{vpc}"
            );
            self.add(&format!("RouteNat{vpc}"), "AWS::EC2::Route", &to);
            outward[1] = format!("NatGatewayId: !Ref Nat{vpc}");
        }
        if walled {
            self.wall(vpc, &mut outward, translated);
        }
        for (subnet, target) in outward.iter().enumerate().filter(|(_, target)| !target.is_empty()) {
            let to =
                format!("RouteTableId: !Ref Table{vpc}{subnet}, DestinationCidrBlock: 0.0.0.0/0, {target}");
            self.add(&format!("RouteOut{vpc}{subnet}"), "AWS::EC2::Route", &to);
        }
    }

    /// A subnet with a route table of its own.
    fn subnet(&mut self, vpc: usize, name: &str, third: usize) {
        let block =
            format!("VpcId: !Ref Vpc{vpc}, CidrBlock: 10.{vpc}.{third}.0/24, AvailabilityZone: us-east-1a");
        self.add(&format!("Subnet{vpc}{name}"), "AWS::EC2::Subnet", &block);
        self.add(&format!("Table{vpc}{name}"), "AWS::EC2::RouteTable", &format!("VpcId: !Ref Vpc{vpc}"));
        let ends = format!("SubnetId: !Ref Subnet{vpc}{name}, RouteTableId: !Ref Table{vpc}{name}");
        self.add(&format!("Has{vpc}{name}"), "AWS::EC2::SubnetRouteTableAssociation", &ends);
    }

    fn service(&mut self) -> (&'static str, i32, i32) {
        SERVICES.get(self.dice.below(SERVICES.len())).copied().unwrap_or(("-1", -1, -1))
    }

    fn group(&mut self, vpc: usize, group: usize) {
        let mut lists = Vec::new();
        for (side, peer) in [
            ("SecurityGroupIngress", "SourceSecurityGroupId"),
            ("SecurityGroupEgress", "DestinationSecurityGroupId"),
        ] {
            if side.ends_with("Egress") && !self.dice.one_in(4) {
                continue;
            }
            let mut rules = Vec::new();
            for _ in 0..1 + self.dice.below(3) {
                let (protocol, from, to) = self.service();
                let ports = if protocol == "-1" {
                    String::new()
                } else {
                    format!(", FromPort: {from}, ToPort: {to}")
                };
                // A group may name those written before it: a template has no circles.
                let other = match group > 0 && self.dice.one_in(3) {
                    true => format!("{peer}: !GetAtt Group{vpc}{}.GroupId", self.dice.below(group)),
                    false => format!("CidrIp: {}", self.dice.of(BLOCKS)),
                };
                rules.push(format!("{{IpProtocol: '{protocol}', {other}{ports}}}"));
            }
            lists.push(format!("{side}: [{}]", rules.join(", ")));
        }
        let properties = format!("GroupDescription: g, VpcId: !Ref Vpc{vpc}, {}", lists.join(", "));
        self.add(&format!("Group{vpc}{group}"), "AWS::EC2::SecurityGroup", &properties);
    }

    fn acl(&mut self, vpc: usize, subnet: usize) {
        let acl = format!("Acl{vpc}{subnet}");
        self.add(&acl, "AWS::EC2::NetworkAcl", &format!("VpcId: !Ref Vpc{vpc}"));
        let ends = format!("SubnetId: !Ref Subnet{vpc}{subnet}, NetworkAclId: !Ref {acl}");
        self.add(&format!("{acl}Has"), "AWS::EC2::SubnetNetworkAclAssociation", &ends);
        for egress in [false, true] {
            for number in 0..self.dice.below(3) {
                let (protocol, from, to) = self.service();
                let action = self.dice.of(&["deny", "deny", "allow"]);
                let block = self.dice.of(BLOCKS);
                self.entry(&acl, (egress, 10 + number), action, block, (protocol, from, to));
            }
            // Otherwise almost nothing would pass.
            if !self.dice.one_in(6) {
                self.entry(&acl, (egress, 90), "allow", "0.0.0.0/0", ("-1", -1, -1));
            }
        }
    }

    fn entry(
        &mut self,
        acl: &str,
        (egress, number): (bool, usize),
        action: &str,
        block: &str,
        service: (&str, i32, i32),
    ) {
        let protocol = match service.0 {
            "tcp" => "6",
            "udp" => "17",
            "icmp" => "1",
            all => all,
        };
        let ports = match protocol {
            "6" | "17" => format!(", PortRange: {{From: {}, To: {}}}", service.1, service.2),
            "1" => ", Icmp: {Type: -1, Code: -1}".to_owned(),
            _ => String::new(),
        };
        let properties = format!(
            "NetworkAclId: !Ref {acl}, RuleNumber: {number}, Protocol: {protocol}, RuleAction: {action}, Egress: {egress}, CidrBlock: {block}{ports}"
        );
        let side = if egress { "Out" } else { "In" };
        self.add(&format!("{acl}{side}{number}"), "AWS::EC2::NetworkAclEntry", &properties);
    }

    /// A firewall between the two subnets, or between them and the internet.
    fn wall(&mut self, vpc: usize, outward: &mut [String; 2], translated: bool) {
        let endpoint = "VpcEndpointId: !Select [1, !Split [':', !Select [0, !GetAtt Wall.EndpointIds]]]";
        self.subnet(vpc, "W", 9);
        let properties = format!(
            "FirewallName: wall, FirewallPolicyArn: !Ref Policy, VpcId: !Ref Vpc{vpc}, SubnetMappings: [{{SubnetId: !Ref Subnet{vpc}W}}]"
        );
        self.add("Wall", "AWS::NetworkFirewall::Firewall", &properties);
        if self.dice.one_in(2) {
            for (from, to) in [(0, 1), (1, 0)] {
                let to = format!(
                    "RouteTableId: !Ref Table{vpc}{from}, DestinationCidrBlock: 10.{vpc}.{to}.0/24, {endpoint}"
                );
                self.add(&format!("RouteWall{from}"), "AWS::EC2::Route", &to);
            }
        } else {
            let gate = format!(
                "RouteTableId: !Ref Table{vpc}W, DestinationCidrBlock: 0.0.0.0/0, GatewayId: !Ref Gate{vpc}"
            );
            self.add("RouteWallOut", "AWS::EC2::Route", &gate);
            self.add("Edge", "AWS::EC2::RouteTable", &format!("VpcId: !Ref Vpc{vpc}"));
            self.add(
                "EdgeHas",
                "AWS::EC2::GatewayRouteTableAssociation",
                &format!("GatewayId: !Ref Gate{vpc}, RouteTableId: !Ref Edge"),
            );
            for (at, target) in outward.iter_mut().enumerate().take(if translated { 1 } else { 2 }) {
                endpoint.clone_into(target);
                let back =
                    format!("RouteTableId: !Ref Edge, DestinationCidrBlock: 10.{vpc}.{at}.0/24, {endpoint}");
                self.add(&format!("RouteBack{at}"), "AWS::EC2::Route", &back);
            }
        }
        self.policy();
    }

    fn policy(&mut self) {
        let strict = self.dice.one_in(2);
        let order = if strict { "STRICT_ORDER" } else { "DEFAULT_ACTION_ORDER" };
        let default = self.dice.of(&["aws:drop_established", "aws:drop_strict", "aws:drop_established", ""]);
        let defaults = if strict && !default.is_empty() { format!("[{default}]") } else { "[]".to_owned() };
        let mut references = vec![];
        for group in 0..1 + self.dice.below(2) {
            let priority = if strict { format!("Priority: {}, ", 5 - group) } else { String::new() };
            references.push(format!("{{{priority}ResourceArn: !Ref Rules{group}}}"));
            let rules: Vec<String> = (1..=1 + self.dice.below(4)).map(|sid| self.rule(sid, strict)).collect();
            let properties = format!(
                "RuleGroupName: r{group}, Type: STATEFUL, Capacity: 100, RuleGroup: {{StatefulRuleOptions: {{RuleOrder: {order}}}, RulesSource: {{RulesString: \"{}\"}}}}",
                rules.join("\\n")
            );
            self.add(&format!("Rules{group}"), "AWS::NetworkFirewall::RuleGroup", &properties);
        }
        let stateless =
            if self.dice.one_in(3) { "[{Priority: 1, ResourceArn: !Ref Stateless}]" } else { "[]" };
        if stateless != "[]" {
            self.stateless();
        }
        let defaults = if strict { format!(", StatefulDefaultActions: {defaults}") } else { String::new() };
        let home = if self.dice.one_in(3) {
            ", PolicyVariables: {RuleVariables: {HOME_NET: {Definition: [10.0.0.0/8]}}}"
        } else {
            ""
        };
        let properties = format!(
            "FirewallPolicyName: policy, FirewallPolicy: {{StatelessDefaultActions: ['aws:forward_to_sfe'], StatelessFragmentDefaultActions: ['aws:forward_to_sfe'], StatelessRuleGroupReferences: {stateless}, StatefulEngineOptions: {{RuleOrder: {order}}}, StatefulRuleGroupReferences: [{}]{defaults}{home}}}",
            references.join(", ")
        );
        self.add("Policy", "AWS::NetworkFirewall::FirewallPolicy", &properties);
    }

    fn rule(&mut self, sid: usize, strict: bool) -> String {
        let action = self.dice.of(&["pass", "pass", "drop", "reject", "alert"]);
        let protocol = self.dice.of(&["tcp", "tcp", "udp", "icmp", "ip"]);
        let blocks =
            ["any", "any", "$HOME_NET", "10.1.0.0/24", "10.1.1.0/24", "10.1.0.10", "198.51.100.0/24"];
        let (source, destination) = (self.dice.of(&blocks), self.dice.of(&blocks));
        let port = if matches!(protocol, "tcp" | "udp") {
            self.dice.of(&["any", "any", "443", "53", "22:80"])
        } else {
            "any"
        };
        let arrow = if port == "any" && self.dice.one_in(4) { "<>" } else { "->" };
        let asks = if strict {
            ""
        } else {
            self.dice.of(&[
                "",
                "",
                "",
                "flow:to_server; ",
                "flow:to_client; ",
                "flow:established,to_server; ",
                "flow:not_established; ",
            ])
        };
        format!("{action} {protocol} {source} any {arrow} {destination} {port} ({asks}sid:{sid};)")
    }

    fn stateless(&mut self) {
        let mut rules = Vec::new();
        for priority in 1..=1 + self.dice.below(2) {
            let action = self.dice.of(&["aws:pass", "aws:drop"]);
            let protocol = self.dice.of(&["6", "17", "1"]);
            let ports = if protocol == "1" {
                ""
            } else {
                self.dice.of(&[
                    "",
                    ", DestinationPorts: [{FromPort: 443, ToPort: 443}]",
                    ", DestinationPorts: [{FromPort: 22, ToPort: 80}]",
                ])
            };
            let (source, destination) = (self.dice.of(BLOCKS), self.dice.of(BLOCKS));
            // Passing both ways is what AWS advises; one way only is what people do.
            let mut pairs = vec![(source, destination)];
            if ports.is_empty() && self.dice.one_in(2) {
                pairs.push((destination, source));
            }
            for (at, (source, destination)) in pairs.into_iter().enumerate() {
                rules.push(format!(
                    "{{Priority: {}, RuleDefinition: {{Actions: ['{action}'], MatchAttributes: {{Protocols: [{protocol}], Sources: [{{AddressDefinition: {source}}}], Destinations: [{{AddressDefinition: {destination}}}]{ports}}}}}}}",
                    priority * 10 + at
                ));
            }
        }
        let properties = format!(
            "RuleGroupName: s, Type: STATELESS, Capacity: 100, RuleGroup: {{RulesSource: {{StatelessRulesAndCustomActions: {{StatelessRules: [{}]}}}}}}",
            rules.join(", ")
        );
        self.add("Stateless", "AWS::NetworkFirewall::RuleGroup", &properties);
    }

    fn peering(&mut self) {
        self.add("Peering", "AWS::EC2::VPCPeeringConnection", "VpcId: !Ref Vpc1, PeerVpcId: !Ref Vpc2");
        for (vpc, other) in [(1, 2), (2, 1)] {
            for subnet in 0..2 {
                if self.dice.one_in(6) {
                    continue;
                }
                let to = format!(
                    "RouteTableId: !Ref Table{vpc}{subnet}, DestinationCidrBlock: 10.{other}.0.0/16, VpcPeeringConnectionId: !Ref Peering"
                );
                self.add(&format!("RoutePeer{vpc}{subnet}"), "AWS::EC2::Route", &to);
            }
        }
    }

    fn transit(&mut self) {
        self.add(
            "Hub",
            "AWS::EC2::TransitGateway",
            "DefaultRouteTableAssociation: disable, DefaultRouteTablePropagation: disable",
        );
        let tables = 1 + self.dice.below(2);
        for table in 1..=tables {
            self.add(
                &format!("HubTable{table}"),
                "AWS::EC2::TransitGatewayRouteTable",
                "TransitGatewayId: !Ref Hub",
            );
        }
        for (vpc, other) in [(1, 2), (2, 1)] {
            self.subnet(vpc, "T", 10);
            let properties =
                format!("TransitGatewayId: !Ref Hub, VpcId: !Ref Vpc{vpc}, SubnetIds: [!Ref Subnet{vpc}T]");
            self.add(&format!("Joins{vpc}"), "AWS::EC2::TransitGatewayAttachment", &properties);
            let table = 1 + self.dice.below(tables);
            let both = format!(
                "TransitGatewayAttachmentId: !Ref Joins{vpc}, TransitGatewayRouteTableId: !Ref HubTable{table}"
            );
            self.add(&format!("Looks{vpc}"), "AWS::EC2::TransitGatewayRouteTableAssociation", &both);
            for subnet in 0..2 {
                if self.dice.one_in(6) {
                    continue;
                }
                let block = self.dice.of(&["10.0.0.0/8", "/16", "/16"]);
                let block = if block == "/16" { format!("10.{other}.0.0/16") } else { block.to_owned() };
                let to = format!(
                    "RouteTableId: !Ref Table{vpc}{subnet}, DestinationCidrBlock: {block}, TransitGatewayId: !Ref Hub"
                );
                self.add(&format!("RouteHub{vpc}{subnet}"), "AWS::EC2::Route", &to);
            }
        }
        for table in 1..=tables {
            for vpc in 1..=2 {
                if !self.dice.one_in(4) {
                    let both = format!(
                        "TransitGatewayAttachmentId: !Ref Joins{vpc}, TransitGatewayRouteTableId: !Ref HubTable{table}"
                    );
                    self.add(
                        &format!("Learns{vpc}{table}"),
                        "AWS::EC2::TransitGatewayRouteTablePropagation",
                        &both,
                    );
                }
            }
            if self.dice.one_in(3) {
                let block = self.dice.of(&["10.1.0.0/24", "10.2.1.0/24"]);
                let route = format!(
                    "TransitGatewayRouteTableId: !Ref HubTable{table}, DestinationCidrBlock: {block}, Blackhole: true"
                );
                self.add(&format!("Hole{table}"), "AWS::EC2::TransitGatewayRoute", &route);
            }
        }
    }
}
