//! What resources of the local cloud are called, and what their services would say of them.
//!
//! In: a resource's type, its properties and a seed that tells it from all others. Out: what `Ref` returns, and attributes. Always: the
//! same seed gives the same names; they look like AWS's, and are nobody's.

use catalog::{Catalog, RefMeaning};
use serde_json::{Map, Value, json};

use crate::Place;
use crate::template::plain;

/// A resource of the local cloud.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Known {
    pub kind: String,
    pub physical: String,
    pub properties: Map<String, Value>,
}

/// Prefixes of ids that EC2 gives.
///
/// Source: Amazon EC2 User Guide, "Resource IDs", and the examples of each type's page in the template reference.
const PREFIXES: [(&str, &str); 26] = [
    ("AWS::EC2::VPC", "vpc"),
    ("AWS::EC2::Subnet", "subnet"),
    ("AWS::EC2::RouteTable", "rtb"),
    ("AWS::EC2::SecurityGroup", "sg"),
    ("AWS::EC2::NetworkAcl", "acl"),
    ("AWS::EC2::InternetGateway", "igw"),
    ("AWS::EC2::EgressOnlyInternetGateway", "eigw"),
    ("AWS::EC2::NatGateway", "nat"),
    ("AWS::EC2::VPCEndpoint", "vpce"),
    ("AWS::EC2::TransitGateway", "tgw"),
    ("AWS::EC2::TransitGatewayAttachment", "tgw-attach"),
    ("AWS::EC2::TransitGatewayVpcAttachment", "tgw-attach"),
    ("AWS::EC2::TransitGatewayRouteTable", "tgw-rtb"),
    ("AWS::EC2::FlowLog", "fl"),
    ("AWS::EC2::CustomerGateway", "cgw"),
    ("AWS::EC2::VPNGateway", "vgw"),
    ("AWS::EC2::VPNConnection", "vpn"),
    ("AWS::EC2::VPCPeeringConnection", "pcx"),
    ("AWS::EC2::Instance", "i"),
    ("AWS::EC2::LaunchTemplate", "lt"),
    ("AWS::EC2::NetworkInterface", "eni"),
    ("AWS::EC2::Volume", "vol"),
    ("AWS::Organizations::Organization", "o"),
    ("AWS::Organizations::OrganizationalUnit", "ou"),
    ("AWS::Organizations::Policy", "p"),
    ("AWS::EC2::PrefixList", "pl"),
];

/// Hexadecimal digits out of a seed.
pub(crate) fn digits(seed: &str, count: usize) -> String {
    plan::sha256(seed.as_bytes()).chars().take(count).collect()
}

/// Twelve decimal digits out of a seed.
pub(crate) fn number(seed: &str) -> String {
    let number = u64::from_str_radix(&digits(seed, 12), 16).unwrap_or(0);
    format!("{:012}", 100_000_000_000 + number % 900_000_000_000)
}

fn uuid(seed: &str) -> String {
    let all = digits(seed, 32);
    let part = |from: usize, to: usize| all.get(from..to).unwrap_or("").to_owned();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

/// What `Ref` of a new resource returns.
pub(crate) fn physical(
    place: &Place,
    kind: &str,
    properties: &Map<String, Value>,
    seed: &str,
    name: &str,
) -> String {
    if kind == "AWS::Organizations::Account" {
        return number(properties.get("Email").map(plain).unwrap_or_else(|| seed.to_owned()).as_str());
    }
    if kind == "AWS::KMS::Key" || kind == "AWS::KMS::ReplicaKey" {
        return uuid(seed);
    }
    if let Some((_, prefix)) = PREFIXES.iter().find(|(known, _)| *known == kind) {
        return format!("{prefix}-{}", digits(seed, 17));
    }
    let schema = Catalog::shared().resource_type(kind);
    let parts = match schema.map(catalog::ResourceSchema::ref_meaning) {
        Some(RefMeaning::Property(path)) => std::slice::from_ref(path),
        Some(RefMeaning::Joined(paths) | RefMeaning::Unread(paths)) => paths,
        Some(RefMeaning::Unstated) | None => &[],
    };
    let made = |leaf: &str| {
        let name = format!("{name}-{}", digits(seed, 12));
        if leaf.ends_with("Arn") {
            arn(place, kind, &name)
        } else if leaf.ends_with("Url") {
            format!("https://local.invalid/{}/{name}", place.account)
        } else {
            name
        }
    };
    let part = |path: &catalog::PropertyPath| {
        let given = properties.get(path.leaf()).filter(|_| path.steps().len() == 1);
        given.map_or_else(|| made(path.leaf()), plain)
    };
    let parts: Vec<String> = parts.iter().map(part).collect();
    if parts.is_empty() { made("") } else { parts.join("|") }
}

/// The ARN of a resource by its name.
///
/// Source: IAM User Guide, "IAM ARNs"; Service Authorization Reference, resource types of each service.
pub(crate) fn arn(place: &Place, kind: &str, name: &str) -> String {
    if name.starts_with("arn:") {
        return name.to_owned();
    }
    let (account, region) = (&place.account, &place.region);
    let mut words = kind.split("::").skip(1);
    let (service, tail) = (words.next().unwrap_or("local").to_lowercase(), words.next().unwrap_or("thing"));
    let tail = tail.to_lowercase();
    match (service.as_str(), tail.as_str()) {
        ("s3", "bucket") => format!("arn:aws:s3:::{name}"),
        ("iam", _) => format!("arn:aws:iam::{account}:{tail}/{name}"),
        ("sns" | "sqs", _) => format!("arn:aws:{service}:{region}:{account}:{name}"),
        ("lambda", _) => format!("arn:aws:lambda:{region}:{account}:{tail}:{name}"),
        ("logs", _) => format!("arn:aws:logs:{region}:{account}:log-group:{name}:*"),
        ("kms", _) => format!("arn:aws:kms:{region}:{account}:key/{name}"),
        ("rds", "dbinstance") => format!("arn:aws:rds:{region}:{account}:db:{name}"),
        ("rds", "dbcluster") => format!("arn:aws:rds:{region}:{account}:cluster:{name}"),
        ("organizations", _) => format!("arn:aws:organizations::{account}:{tail}/{name}"),
        ("elasticloadbalancingv2", _) => {
            format!("arn:aws:elasticloadbalancing:{region}:{account}:{tail}/app/{name}/{}", digits(name, 16))
        }
        ("backup", "backupvault") => format!("arn:aws:backup:{region}:{account}:backup-vault:{name}"),
        _ => format!("arn:aws:{service}:{region}:{account}:{tail}/{name}"),
    }
}

/// What `Fn::GetAtt` returns. `root`: the id of the organization's root.
pub(crate) fn attribute(
    place: &Place,
    known: &Known,
    name: &str,
    root: impl FnOnce() -> String,
) -> Option<Value> {
    let Known { kind, physical, properties } = known;
    let pointer = format!("/{}", name.replace('.', "/"));
    if let Some(given) = Value::Object(properties.clone()).pointer(&pointer) {
        return Some(given.clone());
    }
    let seed = format!("{}{kind}{physical}{name}", place.account);
    let region = &place.region;
    let last = physical.rsplit(['/', ':']).next().unwrap_or(physical);
    Some(match (kind.as_str(), name) {
        ("AWS::Organizations::Organization", "RootId") => json!(root()),
        ("AWS::Organizations::Account", "AccountId") => json!(physical),
        ("AWS::NetworkFirewall::Firewall", "EndpointIds") => {
            let subnets = properties.get("SubnetMappings").and_then(Value::as_array).map_or(0, Vec::len);
            let zone = |at: usize| char::from(b'a'.saturating_add(u8::try_from(at).unwrap_or(0)));
            let endpoint =
                |at: usize| format!("{region}{}:vpce-{}", zone(at), digits(&format!("{seed}{at}"), 17));
            json!((0..subnets.max(1)).map(endpoint).collect::<Vec<_>>())
        }
        (_, "EndpointId") => json!(format!("vpce-{}", digits(&seed, 17))),
        (_, "AllocationId") => json!(format!("eipalloc-{}", digits(&seed, 17))),
        (_, "Endpoint.Port") => json!("5432"),
        (_, "Endpoint.Address") => json!(format!("{last}.local.{region}.rds.invalid")),
        (_, "DNSName") => json!(format!("{last}-{}.{region}.elb.invalid", digits(&seed, 10))),
        (_, "RepositoryUri") => json!(format!("{}.dkr.ecr.{region}.amazonaws.com/{physical}", place.account)),
        (_, "LoadBalancerFullName" | "TargetGroupFullName") => {
            json!(physical.split_once("/").map_or(physical.as_str(), |(_, rest)| rest))
        }
        (_, "CanonicalHostedZoneID") => json!(format!("Z{}", digits(&seed, 13).to_uppercase())),
        (_, "GroupId" | "Id" | "VpcId" | "SubnetId") => json!(physical),
        (_, name) if name.ends_with("Arn") => json!(arn(place, kind, physical)),
        _ => {
            let schema = Catalog::shared().resource_type(kind);
            let attribute = schema.and_then(|schema| Some((schema, schema.attribute(name)?)));
            if attribute.is_none() && schema.is_some_and(|schema| !schema.has_attribute(name)) {
                return None;
            }
            let list = attribute.and_then(|(schema, found)| Some(schema.node(found.node?).list.is_some()));
            let text = format!("{}-{}", name.replace('.', "-").to_lowercase(), digits(&seed, 12));
            if list == Some(true) { json!([text]) } else { json!(text) }
        }
    })
}
