//! What hosts speak on the ports where they are asked, as far as somebody says so.
//!
//! In: resources and the network that they make. Out: for each host that carries health information the ports on which it
//! speaks TLS, those on which it speaks in the clear, and why. Always: a port that nobody says anything of is not known; what a
//! load balancer passes through is for what stands behind it to say.
//!
//! Sources: Elastic Load Balancing, "Target groups for your Application Load Balancers" (the protocol towards targets),
//! "Listeners for your Network Load Balancers" (a TLS listener decrypts; a TCP target group then gets the plain bytes);
//! Amazon OpenSearch Service Developer Guide, "Requiring HTTPS" (without it port 80 answers too); Amazon EFS User Guide,
//! "Encrypting data in transit" (a file system policy that denies requests without `aws:SecureTransport`); AWS Lambda Developer
//! Guide, "Data protection" (functions take no connections); Amazon MQ Developer Guide, "Encryption in transit".

use std::collections::{HashMap, HashSet};

use diagnostics::Span;
use estate::{ResourceRef, Value};
use reachability::Network;
use reachability::model::{
    Balancer, BalancerKind, Host, HostId, InterfaceId, Name, PortRange, Protocols, Role, TargetPlace,
};

use super::alike::Key;
use crate::guarantees::{tls_only_databases, tls_only_listeners};
use crate::intent::Party;
use crate::policy::{Decision, Principal, Request, denies};
use crate::text::literal;
use crate::{Facts, Findings, Judgement, Setting, Subject, Verdict};

/// How a host speaks on a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Spoken {
    /// With TLS, or not at all.
    Encrypted,
    /// In the clear: the line that says so, and what it says.
    Clear(Span, String),
    /// Nobody knows: what it depends on.
    Unknown(Span, String),
}

/// What is known of a host.
#[derive(Debug, Clone, Default)]
struct Voice {
    carries: bool,
    ports: Vec<(PortRange, Spoken)>,
}

/// What hosts speak.
#[derive(Debug, Default)]
pub(crate) struct Speech(Vec<Voice>);

impl Speech {
    /// What the hosts of a network speak.
    pub(super) fn of(facts: &Facts<'_>, network: &Network) -> Self {
        let carries = network.hosts.iter().map(|host| carries(facts, host));
        let voices: Vec<Voice> = carries.map(|carries| Voice { carries, ports: Vec::new() }).collect();
        let mut speech = Self(voices);
        if speech.0.iter().any(|voice| voice.carries) {
            speech.stores(facts, network);
            speech.balancers(facts, network);
            speech.targets(facts, network);
        }
        speech
    }

    /// Whether a host carries health information.
    pub(crate) fn carries(&self, host: HostId) -> bool {
        self.0.get(host.at()).is_some_and(|voice| voice.carries)
    }

    /// What is known of a host's ports.
    pub(crate) fn ports(&self, host: HostId) -> &[(PortRange, Spoken)] {
        self.0.get(host.at()).map_or(&[], |voice| &voice.ports)
    }

    /// What tells a host from others that are alike: all but the lines.
    pub(super) fn label(&self, host: HostId) -> String {
        if !self.carries(host) {
            return String::new();
        }
        let mut out = "phi".to_owned();
        for (ports, spoken) in self.ports(host) {
            let word = match spoken {
                Spoken::Encrypted => "tls",
                Spoken::Clear(..) => "clear",
                Spoken::Unknown(..) => "unknown",
            };
            out.push_str(&format!(" {}-{} {word}", ports.first, ports.last));
        }
        out
    }

    fn add(&mut self, host: HostId, ports: PortRange, spoken: Spoken) {
        if let Some(voice) = self.0.get_mut(host.at()).filter(|voice| voice.carries) {
            voice.ports.push((ports, spoken));
        }
    }

    /// Databases, caches, search domains, brokers and file systems.
    fn stores(&mut self, facts: &Facts<'_>, network: &Network) {
        let judged = judged(facts);
        for (at, host) in network.hosts.iter().enumerate() {
            let id = HostId::from_position(at);
            let Some(found) = resource(facts, &host.name).filter(|_| self.carries(id)) else { continue };
            let own = match host.listens {
                Some(services) if services.protocols == Protocols::One(6) => services.ports,
                _ => PortRange::ALL,
            };
            let known = |found: ResourceRef<'_>| judged.get(&key(found)).cloned();
            match host.kind.as_str() {
                "AWS::OpenSearchService::Domain" | "AWS::Elasticsearch::Domain" => {
                    let https = Setting::of(found.resource, &["DomainEndpointOptions", "EnforceHTTPS"]);
                    let https = https.literal(false, |value| value.as_bool() == Some(true));
                    let plain = PortRange { first: 80, last: 80 };
                    self.add(id, plain, spoken(https, found, "it answers plain HTTP beside HTTPS"));
                    self.add(id, PortRange { first: 0, last: 79 }, Spoken::Encrypted);
                    self.add(id, PortRange { first: 81, last: u16::MAX }, Spoken::Encrypted);
                }
                "AWS::EFS::MountTarget" => self.add(id, own, file_system(facts, found)),
                // Nothing comes in to a function; a broker of Amazon MQ speaks TLS only.
                "AWS::Lambda::Function" | "AWS::AmazonMQ::Broker" => self.add(id, own, Spoken::Encrypted),
                _ => {
                    // The instances of a cluster have its parameters.
                    let cluster = found.resource.properties.get("DBClusterIdentifier");
                    let cluster = cluster.and_then(|value| facts.index.named("AWS::RDS::DBCluster", value));
                    if let Some(spoken) = known(found).or_else(|| known(cluster?)) {
                        self.add(id, own, spoken);
                    }
                }
            }
        }
    }

    /// Listeners of load balancers.
    fn balancers(&mut self, facts: &Facts<'_>, network: &Network) {
        let rules = tls_only_listeners::rules(facts);
        let passages = tls_only_listeners::Passages::of(facts);
        let mut by_balancer: HashMap<Key, Vec<ResourceRef<'_>>> = HashMap::new();
        for &listener in facts.index.of_kind("AWS::ElasticLoadBalancingV2::Listener") {
            let arn = listener.resource.properties.get("LoadBalancerArn");
            let kind = "AWS::ElasticLoadBalancingV2::LoadBalancer";
            if let Some(balancer) = arn.and_then(|arn| facts.index.named(kind, arn)) {
                by_balancer.entry(key(balancer)).or_default().push(listener);
            }
        }
        for balancer in &network.balancers {
            let Some(host) = host_of(network, balancer) else { continue };
            let Some(found) = resource(facts, &balancer.name).filter(|_| self.carries(host)) else {
                continue;
            };
            if balancer.kind == BalancerKind::Classic {
                self.classic(host, found);
                continue;
            }
            for &listener in by_balancer.get(&key(found)).into_iter().flatten() {
                let port = listener.resource.properties.get("Port").and_then(Value::as_int);
                let protocol = listener.resource.properties.get("Protocol").and_then(Value::as_str);
                let through = matches!(protocol, Some("TCP" | "UDP" | "TCP_UDP" | "TCP_QUIC"));
                let said = match tls_only_listeners::plain(listener, &rules, &passages) {
                    Judgement::Unknown { .. } if through && self.all_carry(network, balancer) => {
                        Spoken::Encrypted
                    }
                    judgement => spoken(judgement, listener, "its listener serves plain HTTP"),
                };
                self.add(host, range(port), said);
            }
        }
    }

    /// Whether everything behind a load balancer is judged for itself.
    fn all_carry(&self, network: &Network, balancer: &Balancer) -> bool {
        let mut targets = balancer.listeners.iter().flat_map(|listener| &listener.forwards);
        targets.all(|forward| {
            forward.group.targets.iter().all(|target| match target.place {
                TargetPlace::Interface(at) => {
                    network.interfaces.get(at.at()).is_some_and(|interface| self.carries(interface.host))
                }
                _ => false,
            })
        })
    }

    fn classic(&mut self, host: HostId, found: ResourceRef<'_>) {
        let listeners = found.resource.properties.get("Listeners").map_or(&[][..], Value::as_items);
        for listener in listeners {
            let judgement = Setting::below(listener, &["Protocol"]).judge(|value| match value {
                Some(value) => match value.as_str().map(str::to_ascii_uppercase).as_deref() {
                    Some("HTTPS" | "SSL") => Judgement::Holds,
                    Some("HTTP") => Judgement::fails(value),
                    _ => Judgement::unknown(value),
                },
                None => Judgement::missing(found.resource),
            });
            let port = listener.get("LoadBalancerPort").and_then(Value::as_int);
            self.add(host, range(port), spoken(judgement, found, "its listener serves plain HTTP"));
        }
    }

    /// What load balancers speak to their targets.
    fn targets(&mut self, facts: &Facts<'_>, network: &Network) {
        let mut seen = HashSet::new();
        for balancer in &network.balancers {
            for listener in &balancer.listeners {
                for forward in &listener.forwards {
                    let group = &forward.group;
                    let Some(found) = resource(facts, &group.name) else { continue };
                    for target in &group.targets {
                        let TargetPlace::Interface(at) = target.place else { continue };
                        let host = network.interfaces.get(at.at()).map(|interface| interface.host);
                        let Some(host) = host.filter(|host| self.carries(*host)) else { continue };
                        if !seen.insert((key(found), host, target.port, listener.tls)) {
                            continue;
                        }
                        if let Some(said) = to_targets(balancer, listener.tls, found) {
                            self.add(host, range(Some(i64::from(target.port))), said);
                        }
                    }
                }
            }
        }
    }
}

/// What a load balancer speaks to the targets of a group; `None`: it passes on what its clients speak.
fn to_targets(balancer: &Balancer, decrypts: bool, group: ResourceRef<'_>) -> Option<Spoken> {
    if group.resource.kind != "AWS::ElasticLoadBalancingV2::TargetGroup" {
        return None;
    }
    let protocol = Setting::of(group.resource, &["Protocol"]);
    let passes = protocol.literal(false, |value| matches!(value.as_str(), Some("TCP" | "UDP" | "TCP_UDP")));
    if balancer.kind != BalancerKind::Application && !decrypts && passes == Judgement::Holds {
        return None;
    }
    let judgement = protocol.judge(|value| match value {
        Some(value) => match value.as_str() {
            Some("HTTPS" | "TLS" | "QUIC") => Judgement::Holds,
            Some("HTTP" | "TCP") => Judgement::fails(value),
            _ => Judgement::unknown(value),
        },
        None => Judgement::missing(group.resource),
    });
    let why = format!("the load balancer `{}` speaks to it without TLS", balancer.name.label);
    Some(spoken(judgement, group, &why))
}

/// What the guarantee about databases says, by resource.
fn judged(facts: &Facts<'_>) -> HashMap<Key, Spoken> {
    let mut findings = Findings::new(tls_only_databases::GUARANTEE.id);
    tls_only_databases::check(facts, &mut findings);
    let key = |subject: Subject| {
        let (id, _) = subject.resource_in(facts.estate)?;
        Some((subject.stack?, id.clone()))
    };
    let mut out: HashMap<Key, Spoken> = HashMap::new();
    for subject in findings.proved.iter().filter_map(|subject| key(*subject)) {
        out.insert(subject, Spoken::Encrypted);
    }
    // Of several findings about one resource a failure counts.
    let (failures, doubts): (Vec<_>, Vec<_>) =
        findings.findings.iter().partition(|finding| finding.verdict == Verdict::Violated);
    for finding in doubts.into_iter().chain(failures) {
        let Some(key) = key(finding.subject) else { continue };
        let said = match finding.verdict {
            Verdict::Violated => Spoken::Clear(finding.span, finding.message.clone()),
            _ => Spoken::Unknown(finding.span, finding.message.clone()),
        };
        out.insert(key, said);
    }
    out
}

/// A file system lets nobody in without TLS where its policy says so.
fn file_system(facts: &Facts<'_>, mount: ResourceRef<'_>) -> Spoken {
    let Some(system) = system_of(facts, mount) else {
        return Spoken::Unknown(
            mount.resource.origin.span,
            "its file system is not part of the estate".into(),
        );
    };
    let span = system.resource.origin.span;
    let Some(policy) = system.resource.properties.get("FileSystemPolicy") else {
        return Spoken::Clear(span, "the file system has no policy that refuses clients without TLS".into());
    };
    let request = Request {
        principal: Principal::Anyone,
        action: "elasticfilesystem:ClientMount",
        resource: literal("*"),
        context: vec![("aws:SecureTransport", literal("false"))],
    };
    match denies(facts.estate, policy, &request) {
        Decision::Denied(_) => Spoken::Encrypted,
        Decision::Unknown(span, because) => Spoken::Unknown(span, because),
        Decision::Allowed(_) | Decision::NotAllowed => {
            Spoken::Clear(policy.span, "the file system's policy lets clients in without TLS".into())
        }
    }
}

fn system_of<'a>(facts: &Facts<'a>, mount: ResourceRef<'_>) -> Option<ResourceRef<'a>> {
    facts.index.named("AWS::EFS::FileSystem", mount.resource.properties.get("FileSystemId")?)
}

/// Whether a host carries health information: it is tagged so, or it uses what holds some.
fn carries(facts: &Facts<'_>, host: &Host) -> bool {
    if host.holds.iter().any(|class| class.eq_ignore_ascii_case("phi")) {
        return true;
    }
    let health = facts.options.intent.iter().flat_map(|intent| &intent.health);
    let uses = health.into_iter().any(|party| match party {
        Party::Application(environment, name) => {
            host.application == *name
                && environment.as_ref().is_none_or(|environment| host.environment == *environment)
        }
        _ => false,
    });
    if uses || host.kind != "AWS::EFS::MountTarget" {
        return uses;
    }
    // A mount target has no tags of its own.
    let system = resource(facts, &host.name).and_then(|mount| system_of(facts, mount));
    let tags = system.and_then(|system| system.resource.properties.get("FileSystemTags"));
    tags.map_or(&[][..], Value::as_items).iter().any(|tag| {
        let of = |name: &str| tag.get(name).and_then(Value::as_str);
        of("Key") == Some("data-class") && of("Value").is_some_and(|class| class.eq_ignore_ascii_case("phi"))
    })
}

fn host_of(network: &Network, balancer: &Balancer) -> Option<HostId> {
    let node: InterfaceId = *balancer.nodes.first()?;
    let interface = network.interfaces.get(node.at())?;
    matches!(interface.role, Role::Balancer(_)).then_some(interface.host)
}

fn resource<'a>(facts: &Facts<'a>, name: &Name) -> Option<ResourceRef<'a>> {
    facts.index.get(name.stack?, &name.id)
}

fn key(found: ResourceRef<'_>) -> Key {
    (found.stack_id, found.id.clone())
}

fn range(port: Option<i64>) -> PortRange {
    match port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port != 0) {
        Some(port) => PortRange { first: port, last: port },
        None => PortRange::ALL,
    }
}

fn spoken(judgement: Judgement, found: ResourceRef<'_>, clear: &str) -> Spoken {
    let or_own = |span: Span| span.or(found.resource.origin.span);
    match judgement {
        Judgement::Holds => Spoken::Encrypted,
        Judgement::Fails { span, .. } => Spoken::Clear(or_own(span), clear.to_owned()),
        Judgement::Unknown { span, because } => Spoken::Unknown(or_own(span), because),
    }
}
