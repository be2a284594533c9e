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

use catalog::{AtRest, Condition, Keeping, Part, PropertyPath, Step, Without};
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

/// Parts of a resource that keep data only if they are there, of which any may be missing.
const OPTIONAL: [(&str, &str); 2] = [
    ("AWS::SageMaker::FeatureGroup", "OnlineStoreConfig"),
    ("AWS::SageMaker::FeatureGroup", "OfflineStoreConfig"),
];

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let logs = LogBuckets::of(facts);
    for row in facts.catalog.stores() {
        for &found in facts.index.of_kind(&row.type_name) {
            match row.type_name.as_str() {
                "AWS::EC2::Instance" | "AWS::AutoScaling::LaunchConfiguration" => {
                    machines::judge(facts, findings, found, row, &[])
                }
                "AWS::EC2::LaunchTemplate" => {
                    machines::judge(facts, findings, found, row, &["LaunchTemplateData"])
                }
                _ => one(facts, findings, &logs, found, row),
            }
        }
    }
}

/// Judges what a resource keeps itself, and the further data that its row names as parts.
fn one(
    facts: &Facts<'_>,
    findings: &mut Findings,
    logs: &LogBuckets<'_>,
    found: ResourceRef<'_>,
    row: &AtRest,
) {
    let parts: Vec<(&Part, Judgement)> = row
        .parts
        .iter()
        .filter_map(|part| {
            let there = all_of(found, &part.when);
            (!matches!(there, Judgement::Fails { .. }))
                .then(|| (part, if_there(found, there, of_part(facts, found, row, part))))
        })
        .collect();
    let exists = all_of(found, &row.when).and(|| none_of(found, &row.unless));
    let keeps = row.keeping == Keeping::Store
        && !matches!(exists, Judgement::Fails { .. })
        && is_spoken_of(facts, logs, found);
    if !keeps && parts.is_empty() {
        return;
    }
    let own = match keeps {
        true => {
            let own = at_rest(facts, found, row, MOST_SOURCES);
            match exists {
                Judgement::Holds => own,
                doubtful => Found::all(&if_there(found, doubtful, own.whole())),
            }
        }
        false => Found::all(&Judgement::Holds),
    };
    settle(findings, found, row, own, parts);
}

/// Whether every condition of a row holds: the property has one of the values, or is set at all.
fn all_of(found: ResourceRef<'_>, conditions: &[Condition]) -> Judgement {
    conditions.iter().fold(Judgement::Holds, |all, (path, values)| all.and(|| holds(found, path, values)))
}

/// Whether no condition of a row holds.
fn none_of(found: ResourceRef<'_>, conditions: &[Condition]) -> Judgement {
    conditions.iter().fold(Judgement::Holds, |all, (path, values)| {
        all.and(|| {
            holds(found, path, values).unless(found.resource, "a setting under which it keeps nothing")
        })
    })
}

fn holds(found: ResourceRef<'_>, path: &PropertyPath, values: &[estate::SmolStr]) -> Judgement {
    at(found, path, &|| Judgement::missing(found.resource), &|value| match value {
        None => Judgement::missing(found.resource),
        Some(_) if values.is_empty() => Judgement::Holds,
        Some(value) => match value.as_text() {
            Some(text) => {
                Judgement::of(values.iter().any(|wanted| wanted.eq_ignore_ascii_case(&text)), value)
            }
            None => Judgement::unknown(value),
        },
    })
}

/// A judgement about data that may not be there: a failure counts only if it certainly is.
fn if_there(found: ResourceRef<'_>, there: Judgement, judgement: Judgement) -> Judgement {
    match (there, judgement) {
        (Judgement::Unknown { span, .. }, Judgement::Fails { .. }) => Judgement::Unknown {
            span: span.or(found.resource.origin.span),
            because: "it may keep data under no such key".into(),
        },
        (_, judgement) => judgement,
    }
}

fn of_part(facts: &Facts<'_>, found: ResourceRef<'_>, row: &AtRest, part: &Part) -> Judgement {
    let none = || Judgement::Holds;
    let switches = part.switches.iter().fold(Judgement::Holds, |all, path| {
        all.and(|| {
            at(found, path, &none, &|value| match value {
                None => Judgement::missing(found.resource),
                Some(value) if value.is_literal() => Judgement::of(value.as_bool() == Some(true), value),
                Some(value) => Judgement::unknown(value),
            })
        })
    });
    part.keys.iter().fold(switches, |all, path| {
        all.and(|| {
            at(found, path, &none, &|value| match value {
                None => Judgement::missing(found.resource),
                Some(value) => key(facts, found, row, value),
            })
        })
    })
}

/// Stores that cannot have a key of their own, or keep nothing, are outside the proposition.
fn is_spoken_of(facts: &Facts<'_>, logs: &LogBuckets<'_>, store: ResourceRef<'_>) -> bool {
    match store.resource.kind.as_str() {
        // The data of a cluster's instance is the cluster's, which is judged.
        "AWS::RDS::DBInstance" => {
            let cluster = store.resource.properties.get("DBClusterIdentifier");
            cluster.is_none_or(|cluster| facts.index.named("AWS::RDS::DBCluster", cluster).is_none())
        }
        // S3 and load balancers deliver their access logs to buckets under SSE-S3 only.
        "AWS::S3::Bucket" => !logs.writers_to(store).iter().any(|writer| {
            writer.logs == "server access logs" || writer.logs == "access logs of a load balancer"
        }),
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

    fn whole(self) -> Judgement {
        self.switch.and(|| self.mode).and(|| self.key)
    }
}

fn settle(
    findings: &mut Findings,
    store: ResourceRef<'_>,
    row: &AtRest,
    found: Found,
    parts: Vec<(&Part, Judgement)>,
) {
    let first = |paths: &[PropertyPath]| paths.first().map(ToString::to_string).unwrap_or_default();
    let mode_paths: Vec<PropertyPath> =
        row.modes.iter().map(|(path, _)| path.clone()).chain(row.off.iter().cloned()).collect();
    let mut fix: Vec<String> = row.switches.iter().map(|path| format!("{path}: true")).collect();
    fix.extend(row.modes.iter().filter_map(|(path, values)| Some(format!("{path}: {}", values.first()?))));
    fix.extend(row.keys.first().map(|path| format!("{path}: the ARN of an AWS::KMS::Key")));
    let fix = fix.join(" and ");
    let (switch_path, mode_path, key_path) = (first(&row.switches), first(&mode_paths), first(&row.keys));
    let nothing_chosen = match (row.without, store.resource.kind.as_str()) {
        (_, "AWS::S3::Bucket") => {
            "its objects are encrypted under keys of Amazon S3, unless their writers ask for more"
        }
        (Some(Without::Unencrypted), _) => "it is not encrypted at rest",
        (Some(Without::AwsOwned), _) => "it is encrypted under a key that AWS owns, not under one of yours",
        (Some(Without::AwsManaged), _) => AWS_MANAGED,
        (None, _) => "it names no key of yours: at best what it keeps is encrypted under a key of AWS",
    };
    let because = |judgement: &Judgement, chosen: &'static str| match judgement {
        Judgement::Fails { found, .. } if found != "nothing" => chosen,
        _ => nothing_chosen,
    };
    let words = |violated, path| Words {
        violated,
        unknown: "it is encrypted under a customer-managed key",
        path,
        fix: &fix,
    };
    let part = parts.into_iter().min_by_key(|(_, judgement)| match judgement {
        Judgement::Fails { .. } => 0,
        Judgement::Unknown { .. } => 1,
        Judgement::Holds => 2,
    });
    let (part, of_part) = part.map_or((None, Judgement::Holds), |(part, judgement)| (Some(part), judgement));
    let part_path = part
        .map(|part| first(if part.keys.is_empty() { &part.switches } else { &part.keys }))
        .unwrap_or_default();
    let why = part.map_or("", |part| part.why.as_str());
    let part_says = format!("a part of its data ({why}) is not encrypted under a key of yours");
    let part_asks = format!("a part of its data ({why}) is encrypted under a customer-managed key");
    let part_fix = format!("set {part_path}");
    findings.settle_all(
        store,
        [
            (
                found.switch.clone(),
                words(because(&found.switch, "it is not encrypted at rest"), &switch_path),
            ),
            (
                found.mode.clone(),
                words(
                    "it is encrypted under a key that AWS owns or manages, not under one of yours",
                    &mode_path,
                ),
            ),
            (found.key.clone(), words(because(&found.key, AWS_MANAGED), &key_path)),
            (of_part, Words { violated: &part_says, unknown: &part_asks, path: &part_path, fix: &part_fix }),
        ],
    );
}

const AWS_MANAGED: &str =
    "it is encrypted under a key that AWS manages: you can neither limit its use nor take it away";

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
        if row.own_key_wins && own.clone().whole() == Judgement::Holds {
            return own;
        }
        let judgement = setting.judge(|value| match value {
            None => own.clone().whole(),
            Some(value) => of_source(facts, store, property, value, left),
        });
        found = Found::all(&judgement);
    }
    found
}

/// Judges what a store is a copy or member of, which lends it its encryption.
fn of_source(
    facts: &Facts<'_>,
    store: ResourceRef<'_>,
    property: &str,
    value: &Value,
    left: u8,
) -> Judgement {
    let mut sources = facts.index.references(value);
    sources.extend(facts.index.named(&store.resource.kind, value));
    for source in sources.into_iter().filter(|source| *source != store) {
        let row = facts.catalog.at_rest(&source.resource.kind).filter(|row| row.keeping == Keeping::Store);
        if let (Some(row), true) = (row, left > 0) {
            return at_rest(facts, source, row, left - 1).whole();
        }
    }
    let because = format!(
        "its encryption is that of what {property} names ({}), which is not in the estate",
        value.describe()
    );
    Judgement::Unknown { span: value.span.or(store.resource.origin.span), because }
}

/// Judges a store's own settings.
fn own(facts: &Facts<'_>, store: ResourceRef<'_>, row: &AtRest) -> Found {
    let resource = store.resource;
    let missing = || Judgement::missing(resource);
    let holds = || Judgement::Holds;
    let all = |paths: &[PropertyPath],
               none: &dyn Fn() -> Judgement,
               judge: &dyn Fn(Option<&Value>) -> Judgement| {
        paths
            .iter()
            .filter(|path| !is_left_out(store, path))
            .fold(Judgement::Holds, |all, path| all.and(|| at(store, path, none, judge)))
    };
    let key = all(&row.keys, &missing, &|value| match value {
        None if !row.elsewhere.is_empty() => Judgement::doubtful(
            resource,
            format!("a resource of type {} may choose its key", row.elsewhere.join(" or ")),
        ),
        None => missing(),
        Some(value) => key(facts, store, row, value),
    });
    let switch = match row.type_name.as_str() {
        "AWS::ApiGateway::Stage" => cached_methods(store),
        _ => all(&row.switches, &holds, &|value| match value {
            None => unsaid(store, row, &key),
            Some(value) if value.is_literal() => Judgement::of(value.as_bool() == Some(true), value),
            Some(value) => Judgement::unknown(value),
        }),
    };
    let off = all(&row.off, &holds, &|value| match value {
        Some(value) if value.is_literal() => Judgement::of(value.as_bool() != Some(true), value),
        Some(value) => Judgement::unknown(value),
        None => Judgement::Holds,
    });
    let mode = row.modes.iter().fold(off, |judgement, (path, wanted)| {
        judgement.and(|| {
            at(store, path, &holds, &|value| match value {
                // Without a mode the key decides.
                None => Judgement::Holds,
                Some(value) => match value.as_str() {
                    Some(mode) => Judgement::of(wanted.iter().any(|wanted| wanted == mode), value),
                    None => Judgement::unknown(value),
                },
            })
        })
    });
    Found { switch, mode, key }
}

/// Judges what stands at a path with at most one `*`, of which every item must hold.
fn at(
    store: ResourceRef<'_>,
    path: &PropertyPath,
    none: &dyn Fn() -> Judgement,
    judge: &dyn Fn(Option<&Value>) -> Judgement,
) -> Judgement {
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
        store.resource.kind == *kind
            && text.starts_with(part)
            && Setting::of(store.resource, &part_path).is_absent()
    })
}

/// What it means that nothing switches encryption on.
fn unsaid(store: ResourceRef<'_>, row: &AtRest, key: &Judgement) -> Judgement {
    match (row.without, key) {
        // The row says that `Encrypted` is true unless said otherwise.
        _ if row.type_name == "AWS::Redshift::Cluster" => Judgement::Holds,
        (Some(Without::Unencrypted) | None, _) | (_, Judgement::Fails { .. }) => {
            Judgement::missing(store.resource)
        }
        _ => Judgement::doubtful(store.resource, "it names a key, but nothing switches encryption on"),
    }
}

/// Whether every method that is cached encrypts its cache, which takes no key.
fn cached_methods(stage: ResourceRef<'_>) -> Judgement {
    every_item(
        stage.resource,
        &["MethodSettings"],
        || Judgement::Holds,
        |method| {
            let caching = Setting::below(method, &["CachingEnabled"])
                .literal(false, |value| value.as_bool() == Some(true));
            let encrypted = Setting::below(method, &["CacheDataEncrypted"])
                .literal(false, |value| value.as_bool() == Some(true));
            match caching {
                Judgement::Fails { .. } => Judgement::Holds,
                Judgement::Holds => encrypted,
                Judgement::Unknown { .. } => encrypted.or(|| caching),
            }
        },
    )
}

/// Whether a value names a customer-managed key.
fn key(facts: &Facts<'_>, store: ResourceRef<'_>, row: &AtRest, value: &Value) -> Judgement {
    let named = ["AWS::KMS::Key", "AWS::KMS::ReplicaKey", "AWS::KMS::Alias"]
        .iter()
        .any(|kind| facts.index.named(kind, value).is_some());
    let outside = |because: &str| Judgement::Unknown {
        span: value.span.or(store.resource.origin.span),
        because: format!("{because} ({})", value.describe()),
    };
    match &value.kind {
        Kind::String(text) if text.contains("alias/aws/") || row.aws_values.contains(text) => {
            Judgement::fails(value)
        }
        _ if named => Judgement::Holds,
        Kind::String(text) if text.contains("{{resolve:") => outside("the key is known only at deployment"),
        Kind::String(text) if text.contains("alias/") => Judgement::Holds,
        Kind::String(_) => {
            outside("the key is not in the estate, and its name does not say whether AWS manages it")
        }
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
