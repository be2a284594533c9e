//! Databases, caches, search domains and brokers refuse connections without TLS.
//!
//! Sources: Amazon RDS User Guide, "Requiring an SSL connection to a PostgreSQL DB instance" (`rds.force_ssl` is
//! 1 by default from version 15 on), "Requiring SSL/TLS for all connections to a MySQL DB instance" (default
//! OFF), "… MariaDB DB instance" (default OFF up to 11.4, ON from 11.8 on), "Using SSL with a Microsoft SQL
//! Server DB instance" (`rds.force_ssl`, default 0); Amazon Aurora User Guide, "Securing Aurora PostgreSQL data
//! with SSL/TLS" (`rds.force_ssl` of the cluster parameter group, 1 by default from version 17 on), "Requiring
//! SSL/TLS connections to an Aurora MySQL DB cluster"; Amazon Redshift Management Guide, "Configuring security
//! options for connections" (`require_ssl`); Amazon DocumentDB Developer Guide, "Managing cluster TLS settings"
//! (default enabled); Amazon Neptune User Guide, "Encrypting connections with SSL/HTTPS" (required from engine
//! 1.0.4.0 on); the types' pages in the AWS CloudFormation Template Reference; AWS Security Hub controls
//! Redshift.2, ElastiCache.5, Opensearch.8, MSK.1, DAX.1.

use estate::{ResourceRef, Value};

use crate::parameters::Parameter;
use crate::{Facts, Findings, Guarantee, Judgement, Level, Setting, Words};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "tls-only-databases",
    title: "every database refuses connections without TLS",
    level: Level::High,
    page: include_str!("../../../../docs/guarantees/tls-only-databases.md"),
    check,
};

const WORDS: Words<'static> = Words {
    violated: "the database lets clients in without TLS",
    unknown: "connections without TLS are refused",
    path: "Parameters",
    fix: "",
};

pub(crate) fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let of = |kind| facts.index.of_kind(kind);
    for &instance in of("AWS::RDS::DBInstance") {
        // The instances of a cluster have the parameters of the cluster.
        if instance.resource.properties.get("DBClusterIdentifier").is_none() {
            relational(facts, findings, instance, "AWS::RDS::DBParameterGroup", "DBParameterGroupName");
        }
    }
    for &cluster in of("AWS::RDS::DBCluster") {
        relational(
            facts,
            findings,
            cluster,
            "AWS::RDS::DBClusterParameterGroup",
            "DBClusterParameterGroupName",
        );
    }
    for &cluster in of("AWS::Redshift::Cluster") {
        redshift(facts, findings, cluster);
    }
    for &cluster in of("AWS::DocDB::DBCluster") {
        let tls = Parameter {
            group: "AWS::DocDB::DBClusterParameterGroup",
            property: "DBClusterParameterGroupName",
            name: "tls",
            holds: |value| value != "disabled",
            default: &|_| Judgement::Holds,
        };
        let words = Words {
            path: "Parameters/tls",
            fix: "Parameters: {tls: enabled} in its cluster parameter group",
            ..WORDS
        };
        findings.settle(cluster, tls.of(facts, cluster), &words);
    }
    // Neptune answers nothing but TLS; so do serverless caches.
    for kind in ["AWS::Neptune::DBCluster", "AWS::ElastiCache::ServerlessCache"] {
        of(kind).iter().for_each(|found| findings.proved(*found));
    }
    settings(facts, findings);
    for kind in ["AWS::OpenSearchService::Domain", "AWS::Elasticsearch::Domain"] {
        of(kind).iter().for_each(|domain| search_domain(findings, *domain));
    }
    for &cluster in of("AWS::MSK::Cluster") {
        let path = ["EncryptionInfo", "EncryptionInTransit"];
        let at = |name| [path[0], path[1], name];
        let clients = Setting::of(cluster.resource, &at("ClientBroker"))
            .literal(true, |value| value.as_str() == Some("TLS"));
        let brokers = Setting::of(cluster.resource, &at("InCluster"))
            .literal(true, |value| value.as_bool() == Some(true));
        let words = Words {
            violated: "the brokers let clients in without TLS",
            path: "EncryptionInfo/EncryptionInTransit/ClientBroker",
            fix: "EncryptionInTransit: {ClientBroker: TLS, InCluster: true}",
            ..WORDS
        };
        let among = Words {
            violated: "the brokers speak to each other without TLS",
            path: "EncryptionInfo/EncryptionInTransit/InCluster",
            ..words
        };
        findings.settle_all(cluster, [(clients, words), (brokers, among)]);
    }
}

/// The parameter that makes an engine require TLS; `None` where that is not modelled.
fn parameter_of(engine: &str) -> Option<&'static str> {
    match engine {
        "postgres" | "aurora-postgresql" => Some("rds.force_ssl"),
        "mysql" | "mariadb" | "aurora" | "aurora-mysql" => Some("require_secure_transport"),
        _ if engine.starts_with("sqlserver-") => Some("rds.force_ssl"),
        _ => None,
    }
}

/// The first version whose default requires TLS; `None`: none does.
fn required_since(engine: &str) -> Option<(u32, u32)> {
    match engine {
        "postgres" => Some((15, 0)),
        "aurora-postgresql" => Some((17, 0)),
        "mariadb" => Some((11, 8)),
        _ => None,
    }
}

/// `15.4`, `postgres15`, `mariadb11.8`, `aurora-postgresql16` as major and minor version.
fn version(text: &str) -> Option<(u32, u32)> {
    let digits = text.trim_start_matches(|c: char| !c.is_ascii_digit());
    let mut parts = digits.split(|c: char| !c.is_ascii_digit());
    let major = parts.next()?.parse().ok()?;
    Some((major, parts.next().and_then(|minor| minor.parse().ok()).unwrap_or(0)))
}

fn relational(
    facts: &Facts<'_>,
    findings: &mut Findings,
    database: ResourceRef<'_>,
    group: &'static str,
    property: &'static str,
) {
    let mut fix = format!("name a parameter group ({property}) that requires TLS");
    let judgement = Setting::of(database.resource, &["Engine"]).judge(|engine| {
        let Some(engine) = engine.and_then(Value::as_str).map(str::to_ascii_lowercase) else {
            return match engine {
                Some(engine) => Judgement::unknown(engine),
                None => Judgement::doubtful(
                    database.resource,
                    "its engine is that of what it is restored or copied from",
                ),
            };
        };
        let Some(name) = parameter_of(&engine) else {
            return Judgement::doubtful(
                database.resource,
                format!("how {engine} requires TLS is not modelled"),
            );
        };
        fix = format!("Parameters: {{{name}: 1}} in an {group} that {property} names");
        let default = |stated: Option<&str>| by_default(database, &engine, stated);
        let on = |value: &str| ["1", "on", "true"].contains(&value.to_ascii_lowercase().as_str());
        Parameter { group, property, name, holds: on, default: &default }.of(facts, database)
    });
    let words = Words { path: property, fix: &fix, ..WORDS };
    findings.settle(database, judgement, &words);
}

/// What the engine does when no group says anything; `stated` is the family where a group states one.
fn by_default(database: ResourceRef<'_>, engine: &str, stated: Option<&str>) -> Judgement {
    let fails = |found: String| Judgement::Fails { span: database.resource.origin.span, found };
    let Some(since) = required_since(engine) else {
        return fails(format!("nothing, and {engine} does not require TLS by default"));
    };
    let judge = |text: &str, doubt: Judgement| match version(text) {
        Some(version) if version >= since => Judgement::Holds,
        Some((major, _)) => fails(format!("nothing, and {engine} {major} does not require TLS by default")),
        None => doubt,
    };
    let silent = || {
        Judgement::doubtful(
            database.resource,
            "its engine's version is not said, and the default depends on it",
        )
    };
    match stated {
        Some(family) => judge(family, silent()),
        None => Setting::of(database.resource, &["EngineVersion"]).judge(|version| match version {
            Some(value) => value
                .as_text()
                .map_or_else(|| Judgement::unknown(value), |text| judge(&text, Judgement::unknown(value))),
            None => silent(),
        }),
    }
}

fn redshift(facts: &Facts<'_>, findings: &mut Findings, cluster: ResourceRef<'_>) {
    let default = |family: Option<&str>| match family {
        Some("redshift-2.0") => Judgement::Holds,
        Some(family) => Judgement::Fails {
            span: cluster.resource.origin.span,
            found: format!("nothing, and {family} does not require TLS by default"),
        },
        None => Judgement::doubtful(
            cluster.resource,
            "it names no parameter group, and AWS's default requires TLS only for clusters made since January 2025",
        ),
    };
    let tls = Parameter {
        group: "AWS::Redshift::ClusterParameterGroup",
        property: "ClusterParameterGroupName",
        name: "require_ssl",
        holds: |value| value.eq_ignore_ascii_case("true"),
        default: &default,
    };
    let words = Words {
        path: "Parameters/require_ssl",
        fix: "a ClusterParameterGroup with {ParameterName: require_ssl, ParameterValue: true}",
        ..WORDS
    };
    findings.settle(cluster, tls.of(facts, cluster), &words);
}

/// Types with one setting of their own: type, property, wanted value, what its absence means.
fn settings(facts: &Facts<'_>, findings: &mut Findings) {
    const ALL: [(&str, &str, &str, bool); 5] = [
        ("AWS::ElastiCache::ReplicationGroup", "TransitEncryptionEnabled", "true", false),
        ("AWS::ElastiCache::CacheCluster", "TransitEncryptionEnabled", "true", false),
        ("AWS::MemoryDB::Cluster", "TLSEnabled", "true", true),
        ("AWS::DAX::Cluster", "ClusterEndpointEncryptionType", "TLS", false),
        ("AWS::RDS::DBProxy", "RequireTLS", "true", false),
    ];
    for (kind, property, wanted, absent) in ALL {
        let fix = format!("{property}: {wanted}");
        for &found in facts.index.of_kind(kind) {
            let engine = found.resource.properties.get("Engine").and_then(Value::as_str).unwrap_or_default();
            let on = Setting::of(found.resource, &[property]).judge(|value| match value {
                None if absent => Judgement::Holds,
                None if engine.eq_ignore_ascii_case("valkey") => Judgement::doubtful(
                    found.resource,
                    format!("{property} is not said, and Valkey's default is not documented"),
                ),
                None => Judgement::missing(found.resource),
                Some(value) => match value.as_text() {
                    Some(text) => Judgement::of(text.eq_ignore_ascii_case(wanted), value),
                    None => Judgement::unknown(value),
                },
            });
            let mode = Setting::of(found.resource, &["TransitEncryptionMode"]);
            let required = mode.literal(true, |mode| mode.as_str() == Some("required"));
            let preferred = Words {
                violated: "the cache still lets clients in without TLS",
                path: "TransitEncryptionMode",
                fix: "TransitEncryptionMode: required",
                ..WORDS
            };
            findings.settle_all(
                found,
                [(on, Words { path: property, fix: &fix, ..WORDS }), (required, preferred)],
            );
        }
    }
}

fn search_domain(findings: &mut Findings, domain: ResourceRef<'_>) {
    let at = |name| ["DomainEndpointOptions", name];
    let https = Setting::of(domain.resource, &at("EnforceHTTPS"))
        .literal(false, |value| value.as_bool() == Some(true));
    let policy = Setting::of(domain.resource, &at("TLSSecurityPolicy")).judge(|policy| match policy {
        None => {
            Judgement::doubtful(domain.resource, "no TLSSecurityPolicy is named, so the service chooses one")
        }
        Some(policy) => match policy.as_str() {
            Some(name)
                if name.starts_with("Policy-Min-TLS-1-2") || name.starts_with("Policy-Min-TLS-1-3") =>
            {
                Judgement::Holds
            }
            Some(name) if name.starts_with("Policy-Min-TLS-1-") => Judgement::fails(policy),
            _ => Judgement::unknown(policy),
        },
    });
    let plain = Words {
        violated: "the search domain answers plain HTTP",
        path: "DomainEndpointOptions/EnforceHTTPS",
        fix: "DomainEndpointOptions: {EnforceHTTPS: true, TLSSecurityPolicy: Policy-Min-TLS-1-2-PFS-2023-10}",
        ..WORDS
    };
    let old = Words {
        violated: "the search domain accepts TLS older than 1.2",
        unknown: "TLS older than 1.2 is refused",
        path: "DomainEndpointOptions/TLSSecurityPolicy",
        fix: "TLSSecurityPolicy: Policy-Min-TLS-1-2-PFS-2023-10",
    };
    findings.settle_all(domain, [(https, plain), (policy, old)]);
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn versions_are_read_from_versions_and_families() {
        let check = |text, expected| assert_eq!(version(text), expected, "{text}");
        check("15.4", Some((15, 4)));
        check("16", Some((16, 0)));
        check("postgres9.6", Some((9, 6)));
        check("aurora-postgresql17", Some((17, 0)));
        check("mariadb11.8", Some((11, 8)));
        check("latest", None);
    }
}
