//! Every store is encrypted under a customer-managed key.
//!
//! In: the catalog's table of stores, made from the registry schemas: which types keep data, and which properties
//! decide under what key. Out: a verdict for each such resource. Always: a key that is not in the estate counts only
//! where its name says that AWS cannot own it.
//!
//! Sources: AWS KMS Developer Guide, "AWS KMS keys" (customer managed, AWS managed, AWS owned) and "Aliases in AWS KMS"
//! (only AWS makes aliases that begin with `alias/aws/`, and only for keys that it manages); Amazon S3 User Guide,
//! "Enabling Amazon S3 server access logging" (a destination bucket can have SSE-S3 only); Elastic Load Balancing,
//! "Access logs for your Application Load Balancer" (likewise); AWS CloudFormation Template Reference, the pages of the
//! types (what is inherited from a cluster, source or snapshot); Amazon EBS User Guide, "Amazon EBS encryption".

mod machines;

use catalog::{AtRest, Keeping, PropertyPath, Step};
use estate::{Kind, ResourceRef, Value};

use crate::log_buckets::LogBuckets;
use crate::{Facts, Findings, Guarantee, Judgement, Level, Setting, Words, every_item};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "encryption-at-rest",
    title: "every store is encrypted under a customer-managed key",
    level: Level::High,
    page: include_str!("../../../../docs/guarantees/encryption-at-rest.md"),
    check,
};

/// How far a source is followed: replica of a replica of a cluster.
const MOST_SOURCES: u8 = 4;

/// Parts of a resource that keep data only if they are there.
const OPTIONAL: [(&str, &str); 4] = [
    ("AWS::SageMaker::FeatureGroup", "OnlineStoreConfig"),
    ("AWS::SageMaker::FeatureGroup", "OfflineStoreConfig"),
    ("AWS::Bedrock::KnowledgeBase", "KnowledgeBaseConfiguration/ManagedKnowledgeBaseConfiguration"),
    ("AWS::BedrockAgentCore::Harness", "Memory/ManagedMemoryConfiguration"),
];

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let logs = LogBuckets::of(facts);
    for row in facts.catalog.stores().iter().filter(|row| row.keeping == Keeping::Store) {
        for &store in facts.index.of_kind(&row.type_name) {
            if !is_spoken_of(facts, &logs, store) {
                continue;
            }
            match row.type_name.as_str() {
                "AWS::EC2::Instance" => machines::judge(facts, findings, store, &[]),
                _ => settle(findings, store, row, at_rest(facts, store, row, MOST_SOURCES)),
            }
        }
    }
    for (kind, prefix) in [("AWS::EC2::LaunchTemplate", &["LaunchTemplateData"][..]), ("AWS::AutoScaling::LaunchConfiguration", &[])] {
        for &template in facts.index.of_kind(kind) {
            machines::judge(facts, findings, template, prefix);
        }
    }
}

/// Stores that cannot have a key of their own, or keep nothing, are outside the proposition.
fn is_spoken_of(facts: &Facts<'_>, logs: &LogBuckets<'_>, store: ResourceRef<'_>) -> bool {
    let properties = &store.resource.properties;
    match store.resource.kind.as_str() {
        // The data of a cluster's instance is the cluster's, which is judged.
        "AWS::RDS::DBInstance" => {
            let cluster = properties.get("DBClusterIdentifier");
            !cluster.is_some_and(|cluster| facts.index.named("AWS::RDS::DBCluster", cluster).is_some())
        }
        // S3 and load balancers deliver their access logs to buckets under SSE-S3 only.
        "AWS::S3::Bucket" => !logs.writers_to(store).iter().any(|writer| {
            writer.logs == "server access logs" || writer.logs == "access logs of a load balancer"
        }),
        // Without a cache the stage keeps nothing.
        "AWS::ApiGateway::Stage" => properties.get("CacheClusterEnabled").is_some_and(|on| on.as_bool() != Some(false)),
        _ => true,
    }
}

/// What was found out of a store: whether it is encrypted, by what kind, and under which key.
#[derive(Clone)]
struct Found {
    switch: Judgement,
    mode: Judgement,
    key: Judgement,
}

impl Found {
    fn all(judgement: &Judgement) -> Self {
        Self { switch: Judgement::Holds, mode: Judgement::Holds, key: judgement.clone() }
    }

    fn as_one(self) -> Judgement {
        self.switch.and(|| self.mode).and(|| self.key)
    }
}

fn settle(findings: &mut Findings, store: ResourceRef<'_>, row: &AtRest, found: Found) {
    let names = |paths: &[PropertyPath]| paths.iter().map(ToString::to_string).collect::<Vec<_>>();
    let (keys, switches) = (names(&row.keys), names(&row.switches));
    let modes: Vec<String> = row.modes.iter().map(|(path, _)| path.to_string()).collect();
    let mut fix: Vec<String> = switches.iter().map(|path| format!("{path}: true")).collect();
    fix.extend(row.modes.iter().filter_map(|(path, values)| Some(format!("{path}: {}", values.first()?))));
    fix.extend(keys.first().map(|path| format!("{path}: the ARN of an AWS::KMS::Key")));
    let fix = fix.join(" and ");
    let unknown = "it is encrypted under a customer-managed key";
    let words = |violated, path: &'static str| Words { violated, unknown, path, fix: &fix };
    let first = |paths: &'_ [String]| paths.first().cloned().unwrap_or_default();
    let (switch_path, mode_path, key_path) = (first(&switches), first(&modes), first(&keys));
    let off = match store.resource.kind.as_str() {
        // What they keep is always encrypted: the switch chooses between AWS's key and another.
        "AWS::DynamoDB::Table" | "AWS::DynamoDB::GlobalTable" => "it is encrypted under a key that AWS owns, not under one of yours",
        _ => "it is not encrypted at rest",
    };
    let no_key = match (&found.key, store.resource.kind.as_str()) {
        (Judgement::Fails { found, .. }, _) if found != "nothing" => {
            "it is encrypted under a key that AWS manages: you can neither limit its use nor take it away"
        }
        (_, "AWS::S3::Bucket") => "its objects are encrypted under keys of Amazon S3, unless their writers ask for more",
        _ => "it names no key of yours: at best what it keeps is encrypted under a key of AWS",
    };
    findings.settle_all(store, [
        (found.switch, Words { path: &switch_path, ..words(off, "") }),
        (found.mode, Words { path: &mode_path, ..words("it is encrypted under a key that AWS owns or manages, not under one of yours", "") }),
        (found.key, Words { path: &key_path, ..words(no_key, "") }),
    ]);
}

/// Judges a store by its own settings, or by those of what it is a copy or member of.
fn at_rest(facts: &Facts<'_>, store: ResourceRef<'_>, row: &AtRest, left: u8) -> Found {
    let own = own(facts, store, row);
    let mut found = own.clone();
    for property in &row.inherits {
        let setting = Setting::of(store.resource, &[property]);
        if setting.is_absent() {
            continue;
        }
        // A volume made from a snapshot can be encrypted anew, and an index have a setting of its own.
        let overrides = ["AWS::EC2::Volume", "AWS::S3Vectors::Index", "AWS::WorkspacesInstances::Volume"];
        if overrides.contains(&store.resource.kind.as_str()) && own.clone().as_one() == Judgement::Holds {
            return own;
        }
        let judgement = setting.judge(|value| match value {
            None => own.clone().as_one(),
            Some(value) => of_source(facts, store, property, value, left),
        });
        found = Found::all(&judgement);
    }
    found
}

/// Judges what a store is a copy or member of, which lends it its encryption.
fn of_source(facts: &Facts<'_>, store: ResourceRef<'_>, property: &str, value: &Value, left: u8) -> Judgement {
    let mut sources = facts.index.references(value);
    sources.extend(facts.index.named(&store.resource.kind, value));
    for source in sources.into_iter().filter(|source| *source != store) {
        let row = facts.catalog.at_rest(&source.resource.kind).filter(|row| row.keeping == Keeping::Store);
        if let (Some(row), true) = (row, left > 0) {
            return at_rest(facts, source, row, left - 1).as_one();
        }
    }
    let because = format!("its encryption is that of what {property} names ({}), which is not in the estate", value.describe());
    Judgement::Unknown { span: value.span.or(store.resource.origin.span), because }
}

/// Judges a store's own settings.
fn own(facts: &Facts<'_>, store: ResourceRef<'_>, row: &AtRest) -> Found {
    if row.type_name == "AWS::ApiGateway::Stage" {
        return Found { switch: cached_methods(store), mode: Judgement::Holds, key: Judgement::Holds };
    }
    let resource = store.resource;
    let missing = || Judgement::missing(resource);
    let holds = || Judgement::Holds;
    let all = |paths: &[&PropertyPath], none: &dyn Fn() -> Judgement, judge: &dyn Fn(Option<&Value>) -> Judgement| {
        paths.iter().filter(|path| !is_left_out(store, path)).fold(Judgement::Holds, |all, path| {
            all.and(|| at(store, path, none, judge))
        })
    };
    let switches: Vec<&PropertyPath> = row.switches.iter().collect();
    let keys: Vec<&PropertyPath> = row.keys.iter().collect();
    let switch = all(&switches, &holds, &|value| match value {
        None => unsaid(store),
        Some(value) if value.is_literal() => Judgement::of(value.as_bool() == Some(true), value),
        Some(value) => Judgement::unknown(value),
    });
    let mode = row.modes.iter().fold(Judgement::Holds, |judgement, (path, wanted)| {
        judgement.and(|| all(&[path], &holds, &|value| match value {
            // Without a mode the key decides.
            None => Judgement::Holds,
            Some(value) => match value.as_str() {
                Some(mode) => Judgement::of(wanted.iter().any(|wanted| wanted == mode), value),
                None => Judgement::unknown(value),
            },
        }))
    });
    let key = all(&keys, &missing, &|value| match value {
        None if resource.kind == "AWS::OpenSearchServerless::Collection" => {
            Judgement::doubtful(resource, "an encryption policy of the account may choose its key")
        }
        None => missing(),
        Some(value) => key(facts, store, value),
    });
    Found { switch, mode, key }
}

/// Judges what stands at a path with at most one `*`, of which every item must hold.
fn at(store: ResourceRef<'_>, path: &PropertyPath, none: &dyn Fn() -> Judgement, judge: &dyn Fn(Option<&Value>) -> Judgement) -> Judgement {
    let names = |steps: &[Step]| -> Vec<String> {
        let names = steps.iter().filter_map(|step| match step {
            Step::Name(name) => Some(name.to_string()),
            Step::Each => None,
        });
        names.collect()
    };
    let each = path.steps().iter().position(|step| matches!(step, Step::Each));
    let Some((before, after)) = each.and_then(|each| path.steps().split_at_checked(each)) else {
        let path = names(path.steps());
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        return Setting::of(store.resource, &path).judge(judge);
    };
    let (before, after) = (names(before), names(after));
    let before: Vec<&str> = before.iter().map(String::as_str).collect();
    let after: Vec<&str> = after.iter().map(String::as_str).collect();
    every_item(store.resource, &before, none, |item| Setting::below(item, &after).judge(judge))
}

fn is_left_out(store: ResourceRef<'_>, path: &PropertyPath) -> bool {
    let text = path.to_string();
    OPTIONAL.iter().any(|(kind, part)| {
        let part_path: Vec<&str> = part.split('/').collect();
        store.resource.kind == *kind && text.starts_with(part) && Setting::of(store.resource, &part_path).is_absent()
    })
}

/// What it means that nothing switches encryption on.
fn unsaid(store: ResourceRef<'_>) -> Judgement {
    let properties = &store.resource.properties;
    match store.resource.kind.as_str() {
        // Clusters made since January 2025 are encrypted without being asked; earlier ones are not.
        "AWS::Redshift::Cluster" if properties.get("KmsKeyId").is_some() => {
            Judgement::doubtful(store.resource, "it names a key, but nothing switches encryption on")
        }
        "AWS::ElastiCache::ReplicationGroup"
            if properties.get("Engine").and_then(Value::as_str).is_some_and(|engine| engine.eq_ignore_ascii_case("valkey"))
                && properties.get("KmsKeyId").is_some() =>
        {
            Judgement::doubtful(store.resource, "it names a key, but nothing switches encryption on")
        }
        _ => Judgement::missing(store.resource),
    }
}

/// Whether every method that is cached encrypts its cache, which takes no key.
fn cached_methods(stage: ResourceRef<'_>) -> Judgement {
    every_item(stage.resource, &["MethodSettings"], || Judgement::Holds, |method| {
        let caching = Setting::below(method, &["CachingEnabled"]).literal(false, |value| value.as_bool() == Some(true));
        let encrypted = Setting::below(method, &["CacheDataEncrypted"]).literal(false, |value| value.as_bool() == Some(true));
        match caching {
            Judgement::Fails { .. } => Judgement::Holds,
            Judgement::Holds => encrypted,
            Judgement::Unknown { .. } => encrypted.or(|| caching),
        }
    })
}

/// Whether a value names a customer-managed key.
fn key(facts: &Facts<'_>, store: ResourceRef<'_>, value: &Value) -> Judgement {
    let named = ["AWS::KMS::Key", "AWS::KMS::ReplicaKey", "AWS::KMS::Alias"].iter().any(|kind| facts.index.named(kind, value).is_some());
    let outside = |because: &str| Judgement::Unknown {
        span: value.span.or(store.resource.origin.span),
        because: format!("{because} ({})", value.describe()),
    };
    match &value.kind {
        Kind::String(text) if text.contains("alias/aws/") || text.to_ascii_uppercase().starts_with("AWS_") => Judgement::fails(value),
        _ if named => Judgement::Holds,
        Kind::String(text) if text.contains("{{resolve:") => outside("the key is known only at deployment"),
        Kind::String(text) if text.contains("alias/") => Judgement::Holds,
        Kind::String(_) => outside("the key is not in the estate, and its name does not say whether AWS manages it"),
        Kind::Join(pieces) => {
            let after = |text: &str| text.split_once("alias/").map(|(_, rest)| rest.to_owned());
            match pieces.iter().filter_map(Value::as_str).find_map(after) {
                Some(rest) if rest.starts_with("aws/") => Judgement::fails(value),
                // Whatever follows, the alias does not begin with `aws/`.
                Some(rest) if !rest.is_empty() && !"aws/".starts_with(rest.as_str()) => Judgement::Holds,
                _ => outside("the key is put together at deployment"),
            }
        }
        Kind::Unknown(_) | Kind::Call(_) => Judgement::unknown(value),
        _ => outside("the key is not in the estate"),
    }
}
