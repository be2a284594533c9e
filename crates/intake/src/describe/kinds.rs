//! Which calls are known, by the key at the top of what they return.
//!
//! In: a file. Out: its items, read by the table of the room that knows them. Always: every key at the top of a file
//! is read, or known to say nothing of an estate, or said not to be understood.

use diagnostics::{Diagnostic, Span};
use document::{Entry, Kind as NodeKind, Node};
use smol_str::SmolStr;

use super::session::{Draft, File, Session};
use super::value::entry as mapped;
use super::{CUT_OFF, FILE_NOT_UNDERSTOOD, GONE};
use super::{balancers, databases, endpoints, filters, firewalls, hosts, iam, network, routes, transit, vpn};

/// How the items of one call become resources.
pub struct Shape {
    /// The field that holds the id.
    pub id: &'static str,
    /// The CloudFormation type.
    pub kind: &'static str,
    /// Fields that are properties, under the name of the property.
    pub properties: &'static [(&'static str, &'static str)],
    /// What the fields alone do not say.
    pub more: fn(&mut Session, &File, &Node, &mut Draft),
}

/// What to do with a key at the top.
pub enum How {
    /// Its value is a list of items.
    Items(Shape),
    /// Its value is a list that is read in a way of its own.
    List(fn(&mut Session, &File, &[Node])),
    /// The whole file is about one thing.
    Whole(fn(&mut Session, &File, &Node)),
    /// Known to say nothing of what an estate consists of.
    Nothing,
}

/// A key at the top and what to do with it.
pub type Known = (&'static str, How);

/// Where nothing more is to be said.
pub fn nothing(_: &mut Session, _: &File, _: &Node, _: &mut Draft) {}

/// Every room's table.
fn tables() -> impl Iterator<Item = &'static Known> {
    let tables: [&'static [Known]; 11] = [
        network::KNOWN,
        routes::KNOWN,
        filters::KNOWN,
        hosts::KNOWN,
        transit::KNOWN,
        vpn::KNOWN,
        balancers::KNOWN,
        endpoints::KNOWN,
        databases::KNOWN,
        firewalls::KNOWN,
        iam::KNOWN,
    ];
    tables.into_iter().flatten()
}

/// Keys that stand beside what a call returns.
const BESIDE: &[&str] = &[
    "NextToken",
    "Marker",
    "NextMarker",
    "IsTruncated",
    "AdditionalRoutesAvailable",
    "ResponseMetadata",
    "UpdateToken",
];

/// Whether a file that begins with this key is the output of a call that is known.
pub fn begins(key: &str, list: bool) -> bool {
    tables().any(|(known, how)| *known == key && (list != matches!(how, How::Whole(_))))
        || (BESIDE.contains(&key) && key == "UpdateToken")
}

fn known(key: &str) -> Option<&'static How> {
    tables().find(|(known, _)| *known == key).map(|(_, how)| how)
}

/// Reads a file.
pub fn read(session: &mut Session, file: &File) {
    let Some(tree) = &file.tree else {
        // Why has been said; what it holds may matter.
        session.add_unknown(file, "", None, file.span);
        return;
    };
    match &tree.kind {
        NodeKind::Map(entries) => {
            for entry in entries {
                top(session, file, tree, entry);
            }
        }
        NodeKind::List(items) => match by_name(&file.name) {
            // `--query 'Vpcs[]'` leaves the list alone.
            Some((key, how)) => {
                session.understand();
                list(session, file, key, how, items);
            }
            None => not_understood(session, file, "", tree.span),
        },
        _ => not_understood(session, file, "", tree.span),
    }
}

fn top(session: &mut Session, file: &File, tree: &Node, entry: &Entry) {
    let key = entry.key.text.as_str();
    let value = &entry.value;
    if BESIDE.contains(&key) {
        let ends = matches!(value.kind, NodeKind::Null | NodeKind::Bool(false)) || value.as_str() == Some("");
        if key != "ResponseMetadata" && key != "UpdateToken" && !ends {
            let text = format!("`{}` is one page of several", file.name);
            let help = "record it again without `--max-items` and `--no-paginate`";
            session.say(Diagnostic::warning(CUT_OFF, entry.key.span, text).help(help));
            session.add_unknown(file, key, None, entry.key.span);
        }
        return;
    }
    match (known(key), value.as_list()) {
        (Some(How::Nothing), _) => session.understand(),
        (Some(How::Whole(read)), _) => {
            session.understand();
            read(session, file, tree);
        }
        (Some(how), Some(items)) => {
            session.understand();
            list(session, file, key, how, items);
        }
        (Some(_), None) if matches!(value.kind, NodeKind::Null) => session.understand(),
        (Some(_), None) => {
            session.bad_field(key, value, "a list");
            session.add_unknown(file, key, None, value.span);
        }
        (None, _) => not_understood(session, file, key, entry.key.span),
    }
}

fn list(session: &mut Session, file: &File, key: &str, how: &How, items: &[Node]) {
    match how {
        How::Items(shape) => {
            for (index, node) in items.iter().enumerate() {
                if let Some(draft) = item(session, file, key, index, shape, node) {
                    session.add(draft);
                }
            }
        }
        How::List(read) => read(session, file, items),
        How::Whole(_) | How::Nothing => {}
    }
}

/// One item as a resource, where it is one that exists.
pub fn item(
    session: &mut Session,
    file: &File,
    key: &str,
    index: usize,
    shape: &Shape,
    node: &Node,
) -> Option<Draft> {
    let id = node.get(shape.id).and_then(Node::as_str).filter(|id| !id.is_empty());
    let (Some(entries), Some(id)) = (node.as_map(), id) else {
        session.bad_item(file, key, index, node, &format!("a mapping with a text `{}`", shape.id));
        return None;
    };
    if is_gone(session, file, key, node) {
        released(session, file, id, node);
        return None;
    }
    let mut draft = Draft::new(session.place(file), shape.kind, id, node.span);
    for entry in entries {
        let name = entry.key.text.as_str();
        let property = shape.properties.iter().find(|(field, _)| *field == name);
        match property {
            Some(_) if matches!(entry.value.kind, NodeKind::Null) => {}
            Some((_, property)) => {
                let mut entry = mapped(entry);
                entry.key = SmolStr::new_static(property);
                draft.properties.push_new(entry);
            }
            // The logical id says that.
            None if name == shape.id => {}
            None => draft.observed.push_new(mapped(entry)),
        }
    }
    for owner in ["OwnerId", "VpcOwnerId", "TransitGatewayOwnerId"] {
        if draft.owner.is_none() {
            draft.owner = node.get(owner).and_then(Node::as_str).map(SmolStr::new);
        }
    }
    (shape.more)(session, file, node, &mut draft);
    Some(draft)
}

/// The public addresses of a NAT gateway that is gone: they are still known to belong to nobody else.
fn released(session: &mut Session, file: &File, id: &str, node: &Node) {
    for address in session.items(node, "NatGatewayAddresses") {
        let Some(ip) = address.get("PublicIp").and_then(Node::as_str) else { continue };
        let place = session.place(file);
        let id = smol_str::format_smolstr!("{id}/{ip}");
        let mut draft = Draft::new(place, "AWS::EC2::EIP", id, address.span);
        draft.observe("PublicIp", ip);
        draft.observe("ReleasedWith", "a NAT gateway that is gone");
        session.add(draft);
    }
}

/// States of what is only listed for a while after it has ceased to be.
///
/// Source: Amazon EC2 API Reference: `InstanceState`, `NatGateway`, `TransitGateway`, `TransitGatewayAttachment`,
/// `VpcPeeringConnectionStateReason` (an expired, failed or rejected request never becomes a connection).
const GONE_STATES: &[&str] = &["deleted", "terminated", "failed", "expired", "rejected"];

/// Whether an item no longer exists; it is counted then.
fn is_gone(session: &mut Session, file: &File, key: &str, node: &Node) -> bool {
    let state = node.get("State").or_else(|| node.get("Status"));
    let state =
        state.and_then(|state| state.as_str().or_else(|| state.get("Code").or(state.get("Name"))?.as_str()));
    let gone = state.filter(|state| GONE_STATES.contains(state));
    if let Some(state) = gone {
        let counted = (smol_str::format_smolstr!("{key}` of `{}", file.name), SmolStr::new(state));
        session.gone.entry(counted).or_insert((0, node.span)).0 += 1;
    }
    gone.is_some()
}

/// Says how many items no longer exist.
pub fn say_gone(session: &mut Session) {
    for ((what, state), (count, span)) in std::mem::take(&mut session.gone) {
        let verb = if count == 1 { "is" } else { "are" };
        let text = format!("{count} of `{what}` {verb} {state} and left out");
        session.say(Diagnostic::note(GONE, span, text));
    }
}

/// Keys of calls that people record along with the network, and that cannot say anything of packets. They are not read,
/// and that is said; nothing stands in the estate for them.
const NO_PACKETS: &[&str] = &[
    "Account",
    "Arn",
    "Buckets",
    "Certificates",
    "CertificateSummaryList",
    "Content",
    "DetectorIds",
    "GeneratedTime",
    "HostedZones",
    "Keys",
    "MetricAlarms",
    "Owner",
    "PasswordPolicy",
    "QueueUrls",
    "ReportFormat",
    "SAMLProviderList",
    "SecretList",
    "SummaryMap",
    "Topics",
    "UserId",
    "analyzers",
    "clusterArns",
    "logGroups",
    "repositories",
    "trailList",
];

fn not_understood(session: &mut Session, file: &File, key: &str, span: Span) {
    let text = match key {
        "" => format!("`{}` is not understood", file.name),
        key => format!("`{key}` of `{}` is not understood", file.name),
    };
    let expected = "the output of a describe call, with its key at the top (`Vpcs`, `RouteTables`)";
    session.say(Diagnostic::warning(FILE_NOT_UNDERSTOOD, span, text).expected(expected));
    if !NO_PACKETS.contains(&key) {
        session.add_unknown(file, key, None, span);
    }
}

/// What a file of this name holds: `describe-vpcs.json` and `Vpcs.json` hold `Vpcs`.
fn by_name(name: &str) -> Option<(&'static str, &'static How)> {
    let file = name.rsplit('/').next().unwrap_or(name);
    let stem = file.split('.').next().unwrap_or(file).to_ascii_lowercase();
    let verbs = ["describe-", "describe_", "get-", "list-", "search-"];
    let noun = verbs.iter().find_map(|verb| stem.strip_prefix(verb)).unwrap_or(&stem);
    let plain: String = noun.chars().filter(char::is_ascii_alphanumeric).collect();
    let found =
        tables().find(|(key, how)| !matches!(how, How::Whole(_)) && key.to_ascii_lowercase() == plain);
    found.map(|(key, how)| (*key, how))
}
