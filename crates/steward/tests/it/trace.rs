//! `steward trace`: one question as people read it, and many in a file.

use crate::run::Folder;

const NETWORK: &str = "Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  Web: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24}}
  Data: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.2.0/24}}
  WebGroup: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: web, VpcId: !Ref Vpc}}
  DataGroup:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: data
      VpcId: !Ref Vpc
      SecurityGroupIngress:
        - {IpProtocol: tcp, FromPort: 5432, ToPort: 5432, SourceSecurityGroupId: !Ref WebGroup}
  WebHost: {Type: AWS::EC2::Instance, Properties: {SubnetId: !Ref Web, PrivateIpAddress: 10.0.1.10, SecurityGroupIds: [!Ref WebGroup]}}
  DataHost: {Type: AWS::EC2::Instance, Properties: {SubnetId: !Ref Data, PrivateIpAddress: 10.0.2.10, SecurityGroupIds: [!Ref DataGroup]}}
";

#[test]
fn a_way_is_shown_with_the_lines_that_let_it_pass() {
    let folder = Folder::new().with("network.yaml", NETWORK);
    folder
        .steward("trace network.yaml --from WebHost --to DataHost:5432 --width 80")
        .ends_with(0)
        .says("WebHost → DataHost  tcp 5432  reachable")
        .says("network.yaml:12")
        .says("the reply is back");
}

#[test]
fn what_stands_in_the_way_is_shown_with_what_would_open_it() {
    let folder = Folder::new().with("network.yaml", NETWORK);
    folder
        .steward("trace network.yaml --from WebHost --to DataHost:22 --width 100")
        .ends_with(0)
        .says("unreachable")
        .says("no rule of DataGroup lets tcp 22 in from 10.0.1.10")
        .says("Certificate checked: ")
        .says("The smallest change that would open it, proved on a copy");
    let json = folder
        .steward("trace network.yaml --from WebHost --to DataHost:22 --format json")
        .ends_with(0)
        .json();
    assert_eq!(json["schema"], "steward-trace/1");
    assert_eq!(json["verdict"], "unreachable");
    assert_eq!(json["blocks"][0]["kind"], "group");
    assert_eq!(json["certificate"]["checked"], true);
    assert!(json["certificate"]["places"].as_u64().unwrap() >= 1, "{json}");
}

#[test]
fn a_batch_answers_every_row_in_its_place() {
    let flows = "note,port,protocol,destination,source\r\n\
                 \"a, b\",5432,tcp,10.0.2.10,10.0.1.10\r\n\
                 x,22,TCP,DataHost,WebHost\r\n\
                 y,,tcp,10.0.2.10,10.0.1.10\r\n\
                 z,22,tcp,nobody,10.0.1.10\r\n\
                 w,,icmp,10.0.2.10,10.9.9.9\r\n\
                 v,99999,udp,10.0.2.10,10.0.1.10\r\n";
    let folder = Folder::new().with("network.yaml", NETWORK).with("flows.csv", flows);
    let run = folder.steward("trace network.yaml --batch flows.csv --format csv").ends_with(0);
    let lines: Vec<&str> = run.out.lines().collect();
    assert_eq!(lines[0], "note,port,protocol,destination,source,verdict,reason");
    assert_eq!(lines[1], "\"a, b\",5432,tcp,10.0.2.10,10.0.1.10,reachable,there and back");
    assert!(lines[2].starts_with("x,22,TCP,DataHost,WebHost,unreachable,"), "{}", lines[2]);
    assert_eq!(lines[3], "y,,tcp,10.0.2.10,10.0.1.10,unknown,the row has no port");
    for (line, words) in [(lines[4], "nobody"), (lines[5], "10.9.9.9"), (lines[6], "`99999` is no port")] {
        assert!(line.contains(",unknown,") && line.contains(words), "{line}");
    }
    assert_eq!(lines.len(), 7);
}

#[test]
fn mistakes_are_said_and_nothing_is_answered() {
    let folder = Folder::new().with("network.yaml", NETWORK).with("flows.csv", "a,b\n1,2\n");
    folder
        .steward("trace network.yaml --from WebHots --to DataHost:22")
        .ends_with(2)
        .says("did you mean `WebHost`?");
    folder.steward("trace network.yaml --from WebHost").ends_with(2).says("STW0030");
    folder
        .steward("trace network.yaml --from WebHost --to DataHost --protocol tcp")
        .ends_with(2)
        .says("STW0032");
    folder
        .steward("trace network.yaml --batch flows.csv")
        .ends_with(2)
        .says("no column source and destination");
    folder.steward("check network.yaml --format csv").ends_with(2).says("STW0034");
}
