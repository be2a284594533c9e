//! No security group lets the internet reach a port of administration or of a data store.
//!
//! Sources: AWS Security Hub controls EC2.13, EC2.14, EC2.19 and EC2.53, EC2.54 (ports, 0.0.0.0/0 and ::/0);
//! AWS CloudFormation Template Reference, AWS::EC2::SecurityGroup Ingress (`IpProtocol` -1: all protocols and
//! ports).

use diagnostics::Span;
use estate::{ResourceRef, Value};

use crate::addresses::is_internet;
use crate::{Facts, Findings, Guarantee, Judgement, Level, Setting, Witness, every_item};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "no-open-admin-port",
    title: "the internet reaches no port of administration or of a data store",
    level: Level::Critical,
    page: include_str!("../../../../docs/guarantees/no-open-admin-port.md"),
    check,
};

/// Ports that nobody on the internet has business with: protocol, first and last port, what listens there.
const PORTS: [(&str, i64, i64, &str); 38] = [
    ("tcp", 20, 21, "FTP"),
    ("tcp", 22, 22, "SSH"),
    ("tcp", 23, 23, "Telnet"),
    ("tcp", 111, 111, "portmapper"),
    ("tcp", 135, 135, "RPC"),
    ("tcp", 137, 139, "NetBIOS"),
    ("tcp", 389, 389, "LDAP"),
    ("tcp", 445, 445, "SMB"),
    ("tcp", 512, 514, "rsh"),
    ("tcp", 873, 873, "rsync"),
    ("tcp", 1433, 1434, "SQL Server"),
    ("tcp", 1521, 1521, "Oracle"),
    ("tcp", 2049, 2049, "NFS"),
    ("tcp", 2375, 2376, "Docker"),
    ("tcp", 2379, 2380, "etcd"),
    ("tcp", 3306, 3306, "MySQL"),
    ("tcp", 3389, 3389, "RDP"),
    ("tcp", 5432, 5432, "PostgreSQL"),
    ("tcp", 5439, 5439, "Redshift"),
    ("tcp", 5500, 5500, "VNC"),
    ("tcp", 5601, 5601, "OpenSearch Dashboards"),
    ("tcp", 5900, 5901, "VNC"),
    ("tcp", 5985, 5986, "WinRM"),
    ("tcp", 6379, 6379, "Redis"),
    ("tcp", 7000, 7001, "Cassandra"),
    ("tcp", 8182, 8182, "Neptune"),
    ("tcp", 9042, 9042, "Cassandra"),
    ("tcp", 9092, 9098, "Kafka"),
    ("tcp", 9200, 9200, "OpenSearch"),
    ("tcp", 9300, 9300, "OpenSearch"),
    ("tcp", 10250, 10250, "kubelet"),
    ("tcp", 11211, 11211, "Memcached"),
    ("tcp", 27017, 27019, "MongoDB"),
    ("tcp", 50000, 50000, "Db2"),
    ("udp", 161, 161, "SNMP"),
    ("udp", 2049, 2049, "NFS"),
    ("udp", 3389, 3389, "RDP"),
    ("udp", 11211, 11211, "Memcached"),
];

/// A way in.
struct Opening {
    source: String,
    service: String,
}

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    for &group in facts.index.of_kind("AWS::EC2::SecurityGroup") {
        let mut opening = None;
        let judgement = every_item(
            group.resource,
            &["SecurityGroupIngress"],
            || Judgement::Holds,
            |rule| {
                let of = |name: &str| Setting::below(rule, &[name]);
                judge_rule(facts, &of, rule.span, &mut opening)
            },
        );
        say(findings, group, judgement, opening);
    }
    for &rule in facts.index.of_kind("AWS::EC2::SecurityGroupIngress") {
        let mut opening = None;
        let of = |name: &str| Setting::of(rule.resource, &[name]);
        let judgement = judge_rule(facts, &of, rule.resource.origin.span, &mut opening);
        say(findings, rule, judgement, opening);
    }
}

fn say(findings: &mut Findings, subject: ResourceRef<'_>, judgement: Judgement, opening: Option<Opening>) {
    match (judgement, opening) {
        (Judgement::Holds, _) => findings.proved(subject),
        (Judgement::Fails { span, .. }, Some(Opening { source, service })) => {
            let message = format!("anyone in {source} reaches {service}");
            let destination = format!("whatever is in {}", subject.id);
            findings
                .violated(subject, span, message)
                .witness(Witness::Packet { source, destination, service })
                .fix(
                    "remove the rule and use Session Manager or a VPN, or name the one network that needs it",
                );
        }
        (Judgement::Fails { span, found }, None) => {
            findings.violated(subject, span, format!("the internet comes in: {found}"));
        }
        (Judgement::Unknown { span, because }, _) => {
            let message =
                format!("whether the internet reaches an administrative port cannot be known: {because}");
            findings.unknown(subject, span, message);
        }
    }
}

/// Holds when the rule does not open a port of [`PORTS`] to the internet.
fn judge_rule<'a>(
    facts: &Facts<'_>,
    of: &dyn Fn(&str) -> Setting<'a>,
    span: Span,
    opening: &mut Option<Opening>,
) -> Judgement {
    let ports = safe_ports(of, span);
    if ports == Judgement::Holds {
        return ports;
    }
    let source = of("CidrIp")
        .judge(|cidr| cidr.map_or(Judgement::Holds, narrow))
        .and(|| of("CidrIpv6").judge(|cidr| cidr.map_or(Judgement::Holds, narrow)))
        .and(|| {
            of("SourcePrefixListId")
                .judge(|list| list.map_or(Judgement::Holds, |list| prefix_list(facts, list)))
        });
    match (source, ports) {
        (Judgement::Holds, _) | (_, Judgement::Holds) => Judgement::Holds,
        (unknown @ Judgement::Unknown { .. }, _) | (_, unknown @ Judgement::Unknown { .. }) => unknown,
        (Judgement::Fails { span, found: source }, Judgement::Fails { found: service, .. }) => {
            let source = source.trim_matches('`').to_owned();
            opening.get_or_insert(Opening { source, service: service.clone() });
            Judgement::Fails { span, found: service }
        }
    }
}

/// Holds when the range of ports has none of [`PORTS`]; else fails with `tcp 22 (SSH)`.
fn safe_ports<'a>(of: &dyn Fn(&str) -> Setting<'a>, span: Span) -> Judgement {
    of("IpProtocol").judge(|protocol| {
        let Some(text) = protocol.and_then(Value::as_text) else {
            return match protocol {
                Some(protocol) => Judgement::unknown(protocol),
                None => Judgement::Unknown { span, because: "the rule names no protocol".into() },
            };
        };
        let protocol = match text.to_ascii_lowercase().as_str() {
            "-1" | "all" => return Judgement::Fails { span, found: "every port of every protocol".into() },
            "tcp" | "6" => "tcp",
            "udp" | "17" => "udp",
            // ICMP and protocols without ports.
            _ => return Judgement::Holds,
        };
        of("FromPort").judge(|from| {
            of("ToPort").judge(|to| {
                let (from, to) = match (port(from, 0), port(to, 65_535)) {
                    (Ok(from), Ok(to)) => (from, to),
                    (Err(value), _) | (_, Err(value)) => return Judgement::unknown(value),
                };
                // -1 stands for all ports in both places.
                let (from, to) = (from.max(0), if to < 0 { 65_535 } else { to });
                let hit = PORTS
                    .iter()
                    .find(|(of, first, last, _)| *of == protocol && from <= *last && *first <= to);
                match hit {
                    None => Judgement::Holds,
                    Some((_, first, _, name)) => {
                        let found = format!("{protocol} {} ({name})", from.max(*first));
                        Judgement::Fails { span, found }
                    }
                }
            })
        })
    })
}

fn port(value: Option<&Value>, absent: i64) -> Result<i64, &Value> {
    value.map_or(Ok(absent), |value| value.as_int().ok_or(value))
}

/// Holds when a range is not the internet.
fn narrow(cidr: &Value) -> Judgement {
    let Some(text) = cidr.as_str() else { return Judgement::unknown(cidr) };
    match is_internet(text) {
        // However the address is written, a range of length 0 is every address.
        Some(true) if text.ends_with("/0") && !["0.0.0.0/0", "::/0"].contains(&text) => {
            Judgement::Fails { span: cidr.span, found: format!("{text}, which is every address,") }
        }
        Some(true) => Judgement::fails(cidr),
        Some(false) => Judgement::Holds,
        None => Judgement::unknown(cidr),
    }
}

fn prefix_list(facts: &Facts<'_>, list: &Value) -> Judgement {
    match facts.index.named("AWS::EC2::PrefixList", list) {
        Some(found) => every_item(
            found.resource,
            &["Entries"],
            || Judgement::Holds,
            |entry| Setting::below(entry, &["Cidr"]).judge(|cidr| cidr.map_or(Judgement::Holds, narrow)),
        ),
        None => Judgement::Unknown {
            span: list.span,
            because: format!("the prefix list {} is not in the estate", list.describe()),
        },
    }
}
