//! What AWS describes, as resources: one item of each kind, and what is wrong with some.

use std::path::{Path, PathBuf};

use catalog::Catalog;
use diagnostics::{Diagnostics, Severity, SourceMap};
use document::{Entry, Kind as NodeKind, Node, Syntax};
use estate::validate::{COMBINATION, MISSING_PROPERTY, NO_SCHEMA, TOGETHER, UNDECIDED};
use estate::{Estate, Kind, Value};
use intake::describe::{NOT_UNDERSTOOD_KIND, from_texts};
use proptest::prelude::*;

use crate::show::show;

/// Every resource as `id kind properties | observed`.
fn lines(estate: &Estate) -> Vec<String> {
    let mut out = Vec::new();
    for (_, stack) in estate.stacks() {
        for (id, resource) in &stack.resources {
            let kind = resource.kind.strip_prefix("AWS::").unwrap_or(&resource.kind);
            let observed = resource.observed().expect("every resource that was described says so");
            out.push(format!("{id} {kind} {} | {}", show(&resource.properties), show(observed)));
        }
    }
    out
}

fn codes(diagnostics: &Diagnostics) -> Vec<String> {
    let severity = |severity| match severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    diagnostics.iter().map(|found| format!("{} {}", found.code, severity(found.severity))).collect()
}

/// One file of `us-east-1`.
fn check(file: &str, text: &str, expected: &[&str]) {
    let (estate, _, diagnostics) = from_texts(&[(&format!("us-east-1/{file}"), text)]);
    assert_eq!(lines(&estate), expected, "{text}");
    assert_eq!(codes(&diagnostics), Vec::<String>::new(), "{diagnostics:?}");
}

#[test]
fn a_vpc_with_further_blocks() {
    check(
        "Vpcs.json",
        r#"{"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16", "IsDefault": false, "CidrBlockAssociationSet": [
            {"AssociationId": "vpc-cidr-assoc-1", "CidrBlock": "10.0.0.0/16"},
            {"AssociationId": "vpc-cidr-assoc-2", "CidrBlock": "10.1.0.0/16", "CidrBlockState": {"State": "associated"}},
            {"AssociationId": "vpc-cidr-assoc-3", "CidrBlock": "10.2.0.0/16", "CidrBlockState": {"State": "disassociated"}}],
          "Ipv6CidrBlockAssociationSet": [{"AssociationId": "vpc-cidr-assoc-4", "Ipv6CidrBlock": "2001:db8::/56"}]}]}"#,
        &[
            r#"vpc-cidr-assoc-2 EC2::VPCCidrBlock {VpcId: ‹vpc-1›, CidrBlock: "10.1.0.0/16"} | {State: "associated"}"#,
            r#"vpc-cidr-assoc-4 EC2::VPCCidrBlock {VpcId: ‹vpc-1›, Ipv6CidrBlock: "2001:db8::/56"} | {State: "associated"}"#,
            concat!(
                r#"vpc-1 EC2::VPC {CidrBlock: "10.0.0.0/16"} | {IsDefault: false, CidrBlockAssociationSet: ["#,
                r#"{AssociationId: "vpc-cidr-assoc-1", CidrBlock: "10.0.0.0/16"}, "#,
                r#"{AssociationId: "vpc-cidr-assoc-2", CidrBlock: "10.1.0.0/16", CidrBlockState: {State: "associated"}}, "#,
                r#"{AssociationId: "vpc-cidr-assoc-3", CidrBlock: "10.2.0.0/16", CidrBlockState: {State: "disassociated"}}], "#,
                r#"Ipv6CidrBlockAssociationSet: [{AssociationId: "vpc-cidr-assoc-4", Ipv6CidrBlock: "2001:db8::/56"}]}"#,
            ),
        ],
    );
}

#[test]
fn a_route_table_and_all_that_belongs_to_it() {
    check(
        "describe-route-tables.json",
        r#"{"RouteTables": [{"RouteTableId": "rtb-1", "VpcId": "vpc-1", "OwnerId": "111122223333",
          "Associations": [
            {"Main": true, "RouteTableAssociationId": "rtbassoc-1", "RouteTableId": "rtb-1"},
            {"Main": false, "RouteTableAssociationId": "rtbassoc-2", "RouteTableId": "rtb-1", "SubnetId": "subnet-1"},
            {"Main": false, "RouteTableAssociationId": "rtbassoc-3", "RouteTableId": "rtb-1", "GatewayId": "igw-1"}],
          "PropagatingVgws": [{"GatewayId": "vgw-1"}],
          "Routes": [
            {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "Origin": "CreateRouteTable", "State": "active"},
            {"DestinationCidrBlock": "10.9.0.0/16", "GatewayId": "vgw-1", "Origin": "EnableVgwRoutePropagation", "State": "active"},
            {"DestinationCidrBlock": "10.9.0.0/16", "NatGatewayId": "nat-1", "Origin": "CreateRoute", "State": "blackhole"},
            {"DestinationPrefixListId": "pl-1", "GatewayId": "vpce-1", "Origin": "CreateRoute", "State": "active"},
            {"DestinationIpv6CidrBlock": "::/0", "InstanceId": "i-1", "NetworkInterfaceId": "eni-1", "State": "active"}]}]}"#,
        &[
            r#"rtb-1/10.0.0.0/16 EC2::Route {RouteTableId: ‹rtb-1›, DestinationCidrBlock: "10.0.0.0/16", GatewayId: "local"} | {Origin: "CreateRouteTable", State: "active"}"#,
            r#"rtb-1/10.9.0.0/16 EC2::Route {RouteTableId: ‹rtb-1›, DestinationCidrBlock: "10.9.0.0/16", GatewayId: "vgw-1"} | {Origin: "EnableVgwRoutePropagation", State: "active"}"#,
            r#"rtb-1/10.9.0.0/16#2 EC2::Route {RouteTableId: ‹rtb-1›, DestinationCidrBlock: "10.9.0.0/16", NatGatewayId: "nat-1"} | {Origin: "CreateRoute", State: "blackhole"}"#,
            r#"rtb-1/pl-1 EC2::Route {RouteTableId: ‹rtb-1›, DestinationPrefixListId: "pl-1", VpcEndpointId: "vpce-1"} | {Origin: "CreateRoute", State: "active"}"#,
            r#"rtb-1/::/0 EC2::Route {RouteTableId: ‹rtb-1›, DestinationIpv6CidrBlock: "::/0", NetworkInterfaceId: "eni-1"} | {InstanceId: "i-1", State: "active"}"#,
            r#"rtbassoc-2 EC2::SubnetRouteTableAssociation {RouteTableId: ‹rtb-1›, SubnetId: "subnet-1"} | {}"#,
            r#"rtbassoc-3 EC2::GatewayRouteTableAssociation {RouteTableId: ‹rtb-1›, GatewayId: "igw-1"} | {}"#,
            r#"rtb-1/vgw-1 EC2::VPNGatewayRoutePropagation {RouteTableIds: [‹rtb-1›], VpnGatewayId: "vgw-1"} | {}"#,
            concat!(
                r#"rtb-1 EC2::RouteTable {VpcId: "vpc-1"} | {OwnerId: "111122223333", Associations: ["#,
                r#"{Main: true, RouteTableAssociationId: "rtbassoc-1", RouteTableId: "rtb-1"}, "#,
                r#"{Main: false, RouteTableAssociationId: "rtbassoc-2", RouteTableId: "rtb-1", SubnetId: "subnet-1"}, "#,
                r#"{Main: false, RouteTableAssociationId: "rtbassoc-3", RouteTableId: "rtb-1", GatewayId: "igw-1"}]}"#,
            ),
        ],
    );
}

#[test]
fn a_group_s_rules_are_inline_and_an_empty_list_is_written() {
    check(
        "SecurityGroups.json",
        r#"{"SecurityGroups": [{"GroupId": "sg-1", "GroupName": "web", "Description": "d", "VpcId": "vpc-1",
          "IpPermissionsEgress": [], "IpPermissions": [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443,
            "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "all"}], "Ipv6Ranges": [{"CidrIpv6": "::/0"}],
            "PrefixListIds": [{"PrefixListId": "pl-1"}],
            "UserIdGroupPairs": [{"GroupId": "sg-1", "UserId": "111122223333"}]}]}]}"#,
        &[concat!(
            r#"sg-1 EC2::SecurityGroup {GroupName: "web", GroupDescription: "d", VpcId: "vpc-1", SecurityGroupIngress: ["#,
            r#"{IpProtocol: "tcp", FromPort: 443, ToPort: 443, Description: "all", CidrIp: "0.0.0.0/0"}, "#,
            r#"{IpProtocol: "tcp", FromPort: 443, ToPort: 443, CidrIpv6: "::/0"}, "#,
            r#"{IpProtocol: "tcp", FromPort: 443, ToPort: 443, SourcePrefixListId: "pl-1"}, "#,
            r#"{IpProtocol: "tcp", FromPort: 443, ToPort: 443, SourceSecurityGroupId: ‹sg-1›, "#,
            r#"SourceSecurityGroupOwnerId: "111122223333"}], SecurityGroupEgress: []} | {}"#,
        )],
    );
}

#[test]
fn what_is_not_recorded_is_unknown_not_absent() {
    let text = r#"{"TargetGroups": [{"TargetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/t/1",
        "Port": 80, "Protocol": "TCP"}]}"#;
    let (estate, _, _) = from_texts(&[("us-east-1/TargetGroups.json", text)]);
    let target_group = estate.stacks[0].resources.values().next().unwrap();
    let targets = target_group.properties.get("Targets").unwrap();
    assert!(targets.describe().contains("whose targets were not recorded"), "{}", targets.describe());
}

#[test]
fn facts_of_other_files_join_what_they_are_about() {
    let arn = "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/t/1";
    let groups = format!(r#"{{"TargetGroups": [{{"TargetGroupArn": "{arn}"}}]}}"#);
    let health = format!(
        r#"{{"LoadBalancerTargetHealth": [{{"TargetGroupArn": "{arn}", "TargetHealthDescriptions": [
            {{"Target": {{"Id": "i-1", "Port": 80}}, "TargetHealth": {{"State": "healthy"}}}}]}}]}}"#
    );
    // The health comes first in the order of names, and waits.
    let (estate, _, diagnostics) = from_texts(&[("a.json", &health), ("b.json", &groups)]);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let group = estate.stacks[0].resources.get(arn).unwrap();
    assert_eq!(show(group.properties.get("Targets").unwrap()), r#"[{Id: "i-1", Port: 80}]"#);
    let state = r#"[{Target: {Id: "i-1", Port: 80}, TargetHealth: {State: "healthy"}}]"#;
    assert_eq!(show(group.observed().unwrap().get("TargetHealthDescriptions").unwrap()), state);
    let (_, _, diagnostics) = from_texts(&[("a.json", &health)]);
    assert_eq!(codes(&diagnostics), ["DES0009 warning", "DES0009 warning"]);
}

#[test]
fn one_thing_seen_by_two_accounts_is_one_resource_of_its_owner() {
    let subnets = r#"{"Subnets": [{"SubnetId": "subnet-1", "VpcId": "vpc-1", "OwnerId": "444455556666"}]}"#;
    let tables = |owner: &str| {
        format!(
            r#"{{"RouteTables": [{{"RouteTableId": "rtb-{owner}", "OwnerId": "{owner}", "Routes": []}}]}}"#
        )
    };
    let (estate, _, diagnostics) = from_texts(&[
        ("accounts/111122223333/us-east-1/Subnets.json", subnets),
        ("accounts/111122223333/us-east-1/RouteTables.json", &tables("111122223333")),
        ("accounts/444455556666/us-east-1/Subnets.json", subnets),
        ("accounts/444455556666/us-east-1/RouteTables.json", &tables("444455556666")),
    ]);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let stacks: Vec<_> =
        estate.stacks().map(|(id, stack)| (estate.stack_path(id), stack.resources.len())).collect();
    assert_eq!(
        stacks,
        [
            ("111122223333/us-east-1/recorded".to_owned(), 1),
            ("444455556666/us-east-1/recorded".to_owned(), 2)
        ]
    );
}

#[test]
fn what_no_longer_exists_is_left_out_and_said() {
    let text = r#"{"NatGateways": [{"NatGatewayId": "nat-1", "State": "deleted"}, {"NatGatewayId": "nat-2", "State": "available"}]}"#;
    let (estate, _, diagnostics) = from_texts(&[("NatGateways.json", text)]);
    assert_eq!(estate.resource_count(), 1);
    assert_eq!(codes(&diagnostics), ["DES0006 note"]);
}

#[test]
fn what_is_not_understood_is_said_and_stands_there() {
    for (text, code) in [
        (r#"{"Vpcs": [{"VpcId": "vpc-1"#, "DOC0001 error"),
        (r#"{"FlyingMachines": []}"#, "DES0002 warning"),
        (r#"{"Vpcs": {"VpcId": "vpc-1"}}"#, "DES0004 warning"),
        (r#"{"Vpcs": ["vpc-1"]}"#, "DES0003 warning"),
        (r#"{"Vpcs": [{"VpcId": 7}]}"#, "DES0003 warning"),
        (r#"{"Vpcs": [], "NextToken": "x"}"#, "DES0007 warning"),
        (r#"{"Routes": [{"DestinationCidrBlock": "10.0.0.0/8", "State": "blackhole"}]}"#, "DES0008 warning"),
        ("[]", "DES0002 warning"),
        ("7", "DES0002 warning"),
    ] {
        let (estate, _, diagnostics) =
            from_texts(&[("us-east-1/x.json", text), ("us-east-1/y.json", r#"{"Vpcs": []}"#)]);
        assert_eq!(codes(&diagnostics), [code], "{text}");
        let kinds: Vec<_> = estate
            .stacks
            .iter()
            .flat_map(|stack| stack.resources.values())
            .map(|found| found.kind.as_str())
            .collect();
        assert_eq!(kinds, [NOT_UNDERSTOOD_KIND], "{text}");
    }
}

#[test]
fn an_id_described_twice_and_differently() {
    let one = r#"{"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}]}"#;
    let other = r#"{"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.1.0.0/16"}]}"#;
    let (estate, _, diagnostics) = from_texts(&[("a.json", one), ("b.json", one)]);
    assert_eq!((estate.resource_count(), diagnostics.len()), (1, 0));
    let (estate, _, diagnostics) = from_texts(&[("a.json", one), ("b.json", other)]);
    assert_eq!((estate.resource_count(), codes(&diagnostics)), (1, vec!["DES0005 warning".to_owned()]));
}

#[test]
fn identities_with_policies_in_every_form() {
    let text = r#"{"RoleDetailList": [{"Arn": "arn:aws:iam::111122223333:role/r", "RoleName": "r", "Path": "/", "RoleId": "A",
        "AssumeRolePolicyDocument": "%7B%22Statement%22%3A%5B%5D%7D",
        "AttachedManagedPolicies": [{"PolicyName": "p", "PolicyArn": "arn:aws:iam::111122223333:policy/p"}],
        "RolePolicyList": [{"PolicyName": "own", "PolicyDocument": {"Statement": []}}]}],
      "Policies": [{"Arn": "arn:aws:iam::111122223333:policy/p", "PolicyName": "p", "DefaultVersionId": "v2", "PolicyVersionList": [
        {"VersionId": "v1", "IsDefaultVersion": false, "Document": {"Statement": [1]}},
        {"VersionId": "v2", "IsDefaultVersion": true, "Document": "{\"Statement\": [2]}"}]}]}"#;
    let (estate, _, diagnostics) = from_texts(&[("111122223333/iam.json", text)]);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    assert_eq!(estate.stack_path(estate::StackId(0)), "111122223333/global");
    assert_eq!(
        lines(&estate),
        [
            concat!(
                r#"arn:aws:iam::111122223333:role/r IAM::Role {RoleName: "r", Path: "/", AssumeRolePolicyDocument: {Statement: []}, "#,
                r#"Policies: [{PolicyName: "own", PolicyDocument: {Statement: []}}], "#,
                r#"ManagedPolicyArns: [‹arn:aws:iam::111122223333:policy/p›]} | {RoleId: "A"}"#,
            ),
            concat!(
                r#"arn:aws:iam::111122223333:policy/p IAM::ManagedPolicy {ManagedPolicyName: "p", PolicyDocument: {Statement: [2]}} | "#,
                r#"{DefaultVersionId: "v2"}"#,
            ),
        ]
    );
}

#[test]
fn secrets_are_not_carried_on() {
    let text = r#"{"VpnConnections": [{"VpnConnectionId": "vpn-1", "CustomerGatewayConfiguration": "<xml>hush</xml>",
        "Options": {"TunnelOptions": [{"PreSharedKey": "hush"}]}}]}"#;
    let (estate, _, _) = from_texts(&[("VpnConnections.json", text)]);
    assert!(!lines(&estate).join("\n").contains("hush"));
}

#[test]
fn places_lead_to_the_line() {
    let text = "{\"Vpcs\": [\n{\"VpcId\": \"vpc-1\",\n \"CidrBlock\": \"10.0.0.0/16\"}]}";
    let (estate, sources, _) = from_texts(&[("Vpcs.json", text)]);
    let vpc = &estate.stacks[0].resources["vpc-1"];
    let line = |value: &Value| sources.locate(value.span).map(|place| place.line);
    assert_eq!(sources.locate(vpc.origin.span).map(|place| place.line), Some(2));
    assert_eq!(line(vpc.properties.get("CidrBlock").unwrap()), Some(3));
}

/// One item of every kind that is read.
const EVERYTHING: &str = include_str!("seeds/described.json");

fn tree(text: &str) -> Node {
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let id = sources.add("x.json", text).unwrap();
    document::parse(sources.file(id).unwrap(), Syntax::template(), &mut diagnostics).unwrap()
}

fn written(node: &Node) -> String {
    let list = |items: Vec<String>| items.join(",");
    match &node.kind {
        NodeKind::Null => "null".into(),
        NodeKind::Bool(value) => value.to_string(),
        NodeKind::Number(text) => text.to_string(),
        NodeKind::String(text) => format!("{:?}", text.as_str()),
        NodeKind::List(items) => format!("[{}]", list(items.iter().map(written).collect())),
        NodeKind::Map(entries) => {
            let entry = |entry: &Entry| format!("{:?}:{}", entry.key.text.as_str(), written(&entry.value));
            format!("{{{}}}", list(entries.iter().map(entry).collect()))
        }
    }
}

/// What a property may not be, whatever the schema demands of what is created.
fn misfits(estate: &Estate) -> Vec<String> {
    // The one thing that has no type in CloudFormation.
    let unnamed = estate::validate::UNKNOWN_TYPE;
    let created = [MISSING_PROPERTY, TOGETHER, COMBINATION, UNDECIDED, NO_SCHEMA];
    let found = estate::validate::check(estate, Catalog::shared()).findings;
    let found = found.into_iter().filter(|finding| {
        let nameless =
            finding.code == unnamed && finding.message.contains("TransitGatewayPrefixListReference");
        !(nameless || created.contains(&finding.code))
    });
    found
        .map(|finding| format!("{} {}{}: {}", finding.code, finding.resource, finding.path, finding.message))
        .collect()
}

#[test]
fn every_kind_is_read_into_properties_that_exist() {
    let (estate, _, diagnostics) = from_texts(&[("us-east-1/all.json", EVERYTHING)]);
    assert_eq!(codes(&diagnostics), Vec::<String>::new(), "{diagnostics:?}");
    let mut kinds: Vec<&str> = estate
        .stacks
        .iter()
        .flat_map(|stack| stack.resources.values())
        .map(|found| found.kind.as_str())
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert!(!kinds.contains(&NOT_UNDERSTOOD_KIND));
    assert_eq!(kinds.len(), 59, "{kinds:#?}");
    assert_eq!(misfits(&estate), Vec::<String>::new());
    assert!(!lines(&estate).join("\n").contains("secret"));
}

/// Keys of mappings in order.
fn sort(value: &mut Value) {
    let Kind::Map(map) = &mut value.kind else { return };
    let mut entries: Vec<_> = std::mem::take(map).into_iter().collect();
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    entries.into_iter().for_each(|entry| map.push_new(entry));
}

#[test]
fn what_is_read_does_not_depend_on_the_order_of_files() {
    let entries: Vec<(String, String)> = tree(EVERYTHING)
        .as_map()
        .unwrap()
        .iter()
        .map(|entry| {
            (
                entry.key.text.to_string(),
                format!("{{{:?}: {}}}", entry.key.text.as_str(), written(&entry.value)),
            )
        })
        .collect();
    let read = |numbered: Vec<(String, &str)>| {
        let texts: Vec<(&str, &str)> = numbered.iter().map(|(name, text)| (name.as_str(), *text)).collect();
        let (mut estate, ..) = from_texts(&texts);
        for resource in estate.stacks.iter_mut().flat_map(|stack| stack.resources.values_mut()) {
            sort(&mut resource.properties);
            resource.attributes.values_mut().for_each(sort);
        }
        let mut lines = lines(&estate);
        lines.sort();
        lines
    };
    let name = |at: usize, key: &str| format!("us-east-1/{at:03}-{key}.json");
    let there = entries.iter().enumerate().map(|(at, (key, text))| (name(at, key), text.as_str())).collect();
    let back =
        entries.iter().rev().enumerate().map(|(at, (key, text))| (name(at, key), text.as_str())).collect();
    let (there, back) = (read(there), read(back));
    assert_eq!(there.len(), back.len());
    there.iter().zip(&back).for_each(|(there, back)| assert_eq!(there, back));
}

#[test]
fn a_recording_without_folders_names_its_region_and_account_itself() {
    let (estate, _, _) = from_texts(&[("all.json", EVERYTHING)]);
    let paths: Vec<String> = estate.stacks().map(|(id, _)| estate.stack_path(id)).collect();
    assert_eq!(paths, ["111122223333/global", "111122223333/us-east-1/recorded"]);
}

#[test]
fn a_huge_recording_takes_a_moment() {
    let item = |at: usize| {
        format!(
            r#"{{"GroupId": "sg-{at:x}", "IpPermissions": [{{"IpProtocol": "-1", "UserIdGroupPairs": [{{"GroupId": "sg-{at:x}"}}]}}]}}"#
        )
    };
    let items: Vec<String> = (0..20_000).map(item).collect();
    let text = format!(r#"{{"SecurityGroups": [{}]}}"#, items.join(","));
    let start = std::time::Instant::now();
    let (estate, _, _) = from_texts(&[("SecurityGroups.json", &text)]);
    assert_eq!(estate.resource_count(), 20_000);
    assert!(start.elapsed() < std::time::Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn recordings_are_told_apart_from_templates() {
    let folder = std::env::temp_dir().join(format!("steward-described-{}", std::process::id()));
    let cases = [
        ("described", "us-east-1/describe-vpcs.json", "{\n \"Vpcs\": []}", true),
        ("template", "t.json", "{\"Resources\": {\"V\": {\"Type\": \"AWS::EC2::VPC\"}}}", false),
        ("rules", "t.json", "{\"Rules\": {}, \"Resources\": {}}", false),
        ("empty", "nothing.txt", "", false),
    ];
    for (name, file, text, expected) in cases {
        let path = folder.join(name).join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        assert_eq!(intake::describe::is_describe_output(&folder.join(name)), expected, "{name}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

fn corpus() -> Option<PathBuf> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora/aws-probes");
    if !corpus.is_dir() {
        eprintln!("skipped: there are no recorded networks at {}", corpus.display());
        return None;
    }
    Some(corpus)
}

#[test]
fn recorded_networks_are_read_whole() {
    let Some(corpus) = corpus() else { return };
    let mut labs: Vec<PathBuf> =
        std::fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    labs.sort();
    for lab in labs.iter().filter(|path| path.is_dir()) {
        assert!(intake::describe::is_describe_output(lab));
        let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
        let estate = intake::describe::read(lab, &mut sources, &mut diagnostics);
        let worse: Vec<_> = diagnostics.iter().filter(|found| found.severity != Severity::Note).collect();
        assert!(worse.is_empty(), "{}: {worse:?}", lab.display());
        assert!(estate.resource_count() > 20, "{}", lab.display());
        assert!(estate.accounts.iter().all(|account| account.number.is_some()), "{}", lab.display());
        assert!(estate.stacks.iter().all(|stack| stack.region.is_some()), "{}", lab.display());
        assert_eq!(misfits(&estate), Vec::<String>::new(), "{}", lab.display());
    }
}

/// Puts another value at the `at`-th place of a tree, counted in order.
fn put(node: &mut Node, at: &mut usize, value: &NodeKind) {
    if *at == 0 {
        node.kind = value.clone();
    }
    let Some(left) = at.checked_sub(1) else {
        *at = usize::MAX;
        return;
    };
    *at = left;
    match &mut node.kind {
        NodeKind::List(items) => items.iter_mut().for_each(|item| put(item, at, value)),
        NodeKind::Map(entries) => entries.iter_mut().for_each(|entry| put(&mut entry.value, at, value)),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn anything_anywhere_is_an_estate_or_a_diagnostic(places in prop::collection::vec((0..1500_usize, 0..6_usize), 1..6)) {
        let values = [
            NodeKind::Null,
            NodeKind::Number("7".into()),
            NodeKind::String("vpc-0a1".into()),
            NodeKind::List(Vec::new()),
            NodeKind::Map(Vec::new()),
            NodeKind::Bool(true),
        ];
        let mut tree = tree(EVERYTHING);
        for (at, value) in places {
            put(&mut tree, &mut at.clone(), &values[value]);
        }
        let (estate, sources, diagnostics) = from_texts(&[("us-east-1/all.json", &written(&tree))]);
        prop_assert!(!estate.stacks.is_empty() || !diagnostics.is_empty());
        for resource in estate.stacks.iter().flat_map(|stack| stack.resources.values()) {
            resource.properties.walk(&mut |value| drop(sources.locate(value.span)));
        }
    }

    #[test]
    fn a_file_cut_off_anywhere_is_said(at in 1..9000_usize) {
        let at = EVERYTHING.floor_char_boundary(at.min(EVERYTHING.len() - 2));
        let (_, _, diagnostics) = from_texts(&[("us-east-1/all.json", &EVERYTHING[..at])]);
        prop_assert!(diagnostics.has_errors());
    }
}
