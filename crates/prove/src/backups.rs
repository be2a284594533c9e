//! Whether a plan of AWS Backup, or a lifecycle policy of Amazon Data Lifecycle Manager, covers a resource.
//!
//! In: an estate. Out: for a resource, whether some selection in its account and region takes it in, by ARN or
//! by tag. Always: a tag or ARN that is not known makes the answer unknown, never "covered".
//!
//! Sources: AWS Backup API Reference, BackupSelection (`Resources` may have wildcards, `NotResources` takes out,
//! `ListOfTags` is any of, `Conditions` is all of); AWS Backup Developer Guide, "Assigning resources to a backup
//! plan"; Amazon EBS User Guide, "Amazon Data Lifecycle Manager" (target tags are any of).

use std::collections::BTreeMap;

use estate::{AccountId, Kind, Pseudo, Reference, ResourceRef, SmolStr, Target, Value};

use crate::text::{Token, Truth, literal, matches, tokens};
use crate::{Facts, Judgement, Setting};

type Region = (AccountId, Option<SmolStr>);

/// Everything in the estate that makes backups of what others declare.
pub(crate) struct Backups<'a> {
    selections: BTreeMap<Region, Vec<ResourceRef<'a>>>,
    lifecycles: BTreeMap<Region, Vec<ResourceRef<'a>>>,
    /// A backup policy of the organization, whose selections are not modelled.
    organization: Option<ResourceRef<'a>>,
}

impl<'a> Backups<'a> {
    /// Finds them.
    pub(crate) fn of(facts: &Facts<'a>) -> Self {
        let by_region = |kind: &str| {
            let mut out: BTreeMap<Region, Vec<ResourceRef<'a>>> = BTreeMap::new();
            for &found in facts.index.of_kind(kind) {
                out.entry(region(found)).or_default().push(found);
            }
            out
        };
        let policies = facts.index.of_kind("AWS::Organizations::Policy");
        let backup = |policy: &&ResourceRef<'a>| {
            policy.resource.properties.get("Type").and_then(Value::as_str) == Some("BACKUP_POLICY")
        };
        Self {
            selections: by_region("AWS::Backup::BackupSelection"),
            lifecycles: by_region("AWS::DLM::LifecyclePolicy"),
            organization: policies.iter().find(backup).copied(),
        }
    }

    /// Whether a plan takes `subject` in and keeps its backups for `days` days.
    pub(crate) fn cover(&self, facts: &Facts<'_>, subject: ResourceRef<'_>, days: i64) -> Judgement {
        let mut judgement = Judgement::missing(subject.resource);
        for selection in self.selections.get(&region(subject)).map_or(&[][..], Vec::as_slice) {
            let place = selection.resource.origin.span;
            let doubt = |because: String| Judgement::Unknown { span: place, because };
            let selected = match selects(facts, *selection, subject) {
                Truth::No => continue,
                Truth::Unknown => doubt(format!("`{}` may or may not select it", selection.id)),
                Truth::Yes
                    if selection.resource.condition.is_some()
                        && selection.resource.condition != subject.resource.condition =>
                {
                    doubt(format!("`{}` selects it, but exists only under a condition", selection.id))
                }
                Truth::Yes => kept(facts, *selection, days),
            };
            judgement = judgement.or(|| selected);
        }
        if subject.resource.kind == "AWS::EC2::Volume" {
            for policy in self.lifecycles.get(&region(subject)).map_or(&[][..], Vec::as_slice) {
                let targeted = match targets(facts, *policy, subject) {
                    Truth::No => continue,
                    Truth::Yes => Judgement::Holds,
                    Truth::Unknown => Judgement::doubtful(
                        policy.resource,
                        format!("`{}` may or may not target it", policy.id),
                    ),
                };
                judgement = judgement.or(|| targeted);
            }
        }
        match self.organization {
            Some(policy) => judgement.or(|| {
                Judgement::doubtful(
                    policy.resource,
                    "a backup policy of the organization may select it, which is not modelled",
                )
            }),
            None => judgement,
        }
    }
}

fn region(of: ResourceRef<'_>) -> Region {
    (of.stack.account, of.stack.region.clone())
}

/// Whether some rule of the selection's plan keeps what it makes for `days` days.
fn kept(facts: &Facts<'_>, selection: ResourceRef<'_>, days: i64) -> Judgement {
    let plan = selection.resource.properties.get("BackupPlanId");
    let Some(plan) = plan.and_then(|plan| facts.index.named("AWS::Backup::BackupPlan", plan)) else {
        return Judgement::doubtful(selection.resource, "the plan that selects it is not in the estate");
    };
    let rules = Setting::of(plan.resource, &["BackupPlan", "BackupPlanRule"]);
    rules.judge(|rules| match rules.map(|rules| &rules.kind) {
        Some(Kind::List(rules)) => rules.iter().fold(Judgement::missing(plan.resource), |any, rule| {
            any.or(|| {
                Setting::below(rule, &["Lifecycle", "DeleteAfterDays"]).judge(|after| match after {
                    // Without a lifecycle nothing is deleted.
                    None => Judgement::Holds,
                    Some(after) => match after.as_int() {
                        Some(kept) => Judgement::of(kept >= days, after),
                        None => Judgement::unknown(after),
                    },
                })
            })
        }),
        _ => Judgement::doubtful(plan.resource, "the rules of its backup plan are not known"),
    })
}

fn selects(facts: &Facts<'_>, selection: ResourceRef<'_>, subject: ResourceRef<'_>) -> Truth {
    let Some(value) = selection.resource.properties.get("BackupSelection") else { return Truth::No };
    if value.as_map().is_none() {
        return Truth::Unknown;
    }
    let any_arn = |list: &Value| any(list, |item| names(facts, item, subject));
    let by_arn = value.get("Resources").map(any_arn);
    let by_tag = value.get("ListOfTags").map(|list| {
        any(list, |item| {
            has_tag(facts, subject, item.get("ConditionKey"), item.get("ConditionValue"), "aws:ResourceTag/")
        })
    });
    let taken = match (by_arn, by_tag) {
        (None, None) => Truth::No,
        (Some(one), None) | (None, Some(one)) => one,
        // How the two combine is not said plainly enough to prove anything when they disagree.
        (Some(arn), Some(tag)) if arn == tag => arn,
        (Some(_), Some(_)) => Truth::Unknown,
    };
    let out = value.get("NotResources").map_or(Truth::No, any_arn);
    taken
        .and(out.negated())
        .and(value.get("Conditions").map_or(Truth::Yes, |conditions| meets(facts, subject, conditions)))
}

/// `Conditions`: every one must hold.
fn meets(facts: &Facts<'_>, subject: ResourceRef<'_>, conditions: &Value) -> Truth {
    let Some(operators) = conditions.as_map() else { return Truth::Unknown };
    operators.iter().fold(Truth::Yes, |all, operator| {
        let list = operator.value.as_items();
        let each = list.iter().fold(Truth::Yes, |all, item| {
            let has = has_tag(
                facts,
                subject,
                item.get("ConditionKey"),
                item.get("ConditionValue"),
                "aws:ResourceTag/",
            );
            all.and(match operator.key.as_str() {
                "StringEquals" | "StringLike" => has,
                "StringNotEquals" | "StringNotLike" => has.negated(),
                _ => Truth::Unknown,
            })
        });
        all.and(each)
    })
}

/// Whether the lifecycle policy makes snapshots of a volume.
fn targets(facts: &Facts<'_>, policy: ResourceRef<'_>, volume: ResourceRef<'_>) -> Truth {
    let properties = &policy.resource.properties;
    let enabled = match properties.get("State") {
        None => Truth::No,
        Some(state) => state.as_str().map_or(Truth::Unknown, |state| Truth::of(state == "ENABLED")),
    };
    if properties.get("DefaultPolicy").and_then(Value::as_str) == Some("VOLUME") {
        return enabled.and(if properties.get("Exclusions").is_some() { Truth::Unknown } else { Truth::Yes });
    }
    let Some(details) = properties.get("PolicyDetails") else { return Truth::No };
    let of_volumes = match details.get("ResourceTypes") {
        None => Truth::Unknown,
        Some(types) => any(types, |ty| ty.as_str().map_or(Truth::Unknown, |ty| Truth::of(ty == "VOLUME"))),
    };
    let tagged = details.get("TargetTags").map_or(Truth::No, |tags| {
        any(tags, |tag| has_tag(facts, volume, tag.get("Key"), tag.get("Value"), ""))
    });
    let always =
        policy.resource.condition.is_none() || policy.resource.condition == volume.resource.condition;
    enabled.and(of_volumes).and(tagged).and(if always { Truth::Yes } else { Truth::Unknown })
}

fn any(list: &Value, holds: impl Fn(&Value) -> Truth) -> Truth {
    if matches!(list.kind, Kind::Unknown(_) | Kind::Call(_)) {
        return Truth::Unknown;
    }
    let items = list.alternatives(&["*"]);
    items.iter().fold(Truth::No, |any, item| {
        let holds = item.value.map_or(Truth::No, &holds);
        any.or(if item.guard.is_always() { holds } else { holds.min(Truth::Unknown) })
    })
}

/// Whether an item of a list of ARNs, wildcards allowed, names a resource.
fn names(facts: &Facts<'_>, item: &Value, subject: ResourceRef<'_>) -> Truth {
    if facts.index.named(&subject.resource.kind, item) == Some(subject) {
        return Truth::Yes;
    }
    let pattern = tokens(facts.estate, item);
    matches(&pattern, &arn(facts, subject), false)
}

/// The ARN of a store, as AWS Backup knows it.
///
/// Source: Service Authorization Reference, "Resource types defined by …" of each service.
fn arn(facts: &Facts<'_>, subject: ResourceRef<'_>) -> Vec<Token> {
    let (service, path) = match subject.resource.kind.as_str() {
        "AWS::RDS::DBInstance" => ("rds", "db:"),
        "AWS::RDS::DBCluster" | "AWS::DocDB::DBCluster" | "AWS::Neptune::DBCluster" => ("rds", "cluster:"),
        "AWS::EFS::FileSystem" => ("elasticfilesystem", "file-system/"),
        "AWS::FSx::FileSystem" => ("fsx", "file-system/"),
        "AWS::EC2::Volume" => ("ec2", "volume/"),
        "AWS::DynamoDB::Table" => ("dynamodb", "table/"),
        "AWS::Redshift::Cluster" => ("redshift", "cluster:"),
        _ => {
            let arn = Reference::attribute(subject.stack_id, subject.id.clone(), "Arn");
            return tokens(facts.estate, &arn.into());
        }
    };
    let region = match &subject.stack.region {
        Some(region) => Value::from(region),
        None => Reference {
            target: Target::Pseudo { stack: subject.stack_id, pseudo: Pseudo::Region },
            attribute: None,
        }
        .into(),
    };
    let account = Reference { target: Target::Account(subject.stack.account), attribute: None };
    let own = Reference::to(subject.stack_id, subject.id.clone());
    let mut out = literal(&format!("arn:aws:{service}:"));
    out.extend(tokens(facts.estate, &region));
    out.push(Token::Char(':'));
    out.extend(tokens(facts.estate, &account.into()));
    out.extend(literal(&format!(":{path}")));
    out.extend(tokens(facts.estate, &own.into()));
    out
}

/// Whether a resource carries a tag; `prefix` is taken off the key.
fn has_tag(
    facts: &Facts<'_>,
    subject: ResourceRef<'_>,
    key: Option<&Value>,
    value: Option<&Value>,
    prefix: &str,
) -> Truth {
    let (Some(key), Some(value)) = (key, value) else { return Truth::Unknown };
    let (Some(wanted), value) = (key.as_str(), tokens(facts.estate, value)) else { return Truth::Unknown };
    let wanted = literal(wanted.strip_prefix(prefix).unwrap_or(wanted));
    let properties = &subject.resource.properties;
    let tags = properties.get("Tags").or_else(|| properties.get("FileSystemTags"));
    let Some(tags) = tags else { return Truth::No };
    let same = |key: &[Token], found: &Value| {
        matches(&wanted, key, false).and(matches(&value, &tokens(facts.estate, found), false))
    };
    match &tags.kind {
        Kind::Map(map) => map.iter().fold(Truth::No, |any, tag| any.or(same(&literal(&tag.key), &tag.value))),
        Kind::List(_) => any(tags, |tag| match (tag.get("Key"), tag.get("Value")) {
            (Some(key), Some(value)) => same(&tokens(facts.estate, key), value),
            _ => Truth::Unknown,
        }),
        _ => Truth::Unknown,
    }
}
