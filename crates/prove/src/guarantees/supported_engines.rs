//! Databases, caches, search domains and clusters run on versions that AWS still supports.
//!
//! Source: the release calendars of Amazon RDS, Aurora, DocumentDB, ElastiCache, OpenSearch Service and EKS, as
//! the catalog's table names them row by row.

use catalog::Support;
use estate::{Kind, ResourceRef, Value};

use crate::{Facts, Findings, Guarantee, Judgement, Level, Setting, Words};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "supported-engines",
    title: "every engine runs in a version under standard support",
    level: Level::Medium,
    page: include_str!("../../../../docs/guarantees/supported-engines.md"),
    check,
};

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    for kind in facts.index.kinds() {
        if facts.catalog.versioned(kind).is_none() {
            continue;
        }
        for &engine in facts.index.of_kind(kind) {
            judge(facts, engine, findings);
        }
    }
}

fn judge(facts: &Facts<'_>, subject: ResourceRef<'_>, findings: &mut Findings) {
    let kind = subject.resource.kind.as_str();
    let properties = &subject.resource.properties;
    let Some(versioned) = facts.catalog.versioned(kind) else { return };
    // A member of a cluster, its nodes, a copy and a restored one have the version of what they belong to.
    let inherits =
        ["DBClusterIdentifier", "SourceDBInstanceIdentifier", "DBSnapshotIdentifier", "ReplicationGroupId"];
    let says = properties.get(&versioned.version_property).is_some();
    let of_cluster = kind == "AWS::EKS::Nodegroup";
    if !says && (of_cluster || inherits.iter().any(|name| properties.get(name).is_some())) {
        return;
    }
    let today = facts.options.today.to_string();
    let engine = versioned.engine_property.as_ref().and_then(|name| properties.get(name));
    let (mut message, mut source) = (String::new(), None);
    let version = Setting::of(subject.resource, &[versioned.version_property.as_str()]);
    let judgement = version.judge(|version| {
        let Some(version) = version else {
            return Judgement::doubtful(
                subject.resource,
                "no version is said, so AWS chooses it when it makes the resource",
            );
        };
        let Some(text) = version.as_text() else { return Judgement::unknown(version) };
        let engine = match engine.map(|engine| (engine, &engine.kind)) {
            None => None,
            Some((_, Kind::String(name))) => Some(name.as_str()),
            Some((engine, _)) => return Judgement::unknown(engine),
        };
        match facts.catalog.engine_version(kind, engine, &text) {
            None => {
                let name = engine.or(versioned.engine.as_deref()).unwrap_or("");
                let because = format!("the end of support of {name} {text} is not in the catalog");
                Judgement::Unknown { span: version.span, because }
            }
            Some(known) => {
                source = Some(known.source.clone());
                let end = known.standard_end.as_deref().unwrap_or_default();
                let named = format!("{} {text}", known.engine);
                match known.support_on(&today) {
                    Support::Standard => Judgement::Holds,
                    Support::Extended => {
                        message =
                            format!("{named} has been under extended support, at extra charge, since {end}");
                        Judgement::fails(version)
                    }
                    Support::Ended => {
                        message = format!("{named} has been out of support since {end}");
                        Judgement::fails(version)
                    }
                }
            }
        }
    });
    let property = versioned.version_property.as_str();
    let finding = findings.settle(
        subject,
        judgement,
        &Words {
            violated: &message,
            unknown: "the version is under standard support",
            path: property,
            fix: &format!("{property}: a version under standard support; test the upgrade on a copy first"),
        },
    );
    let place = properties.get(property).map(|value: &Value| value.span);
    if let (Some(finding), Some(source), Some(place)) = (finding, source, place) {
        finding.related(place, format!("by {source}"));
    }
}
