//! Sentences about requests: who reads, writes, deletes, decrypts, administers, assumes what.
//!
//! In: a claim, and [`iam::access`]. Out: a verdict of it. Always: a verb is a few actions of each type, listed here; a principal is asked under
//! all layers of policies, in every context; what nobody can be asked about (a party that is no principal, a thing of which
//! the verb says nothing) is unknown, and never proved.
//!
//! Sources: Service Authorization Reference, the actions of each service; AWS KMS Developer Guide, "Key policies".

use std::collections::BTreeSet;

use estate::{ResourceRef, SmolStr, Value};
use iam::access::{Access, Holder, Thing, Verdict as Allowed, Who};

use crate::intent::{Claim, Mode, Party};
use crate::{Facts, Findings, Subject, Verdict, Witness};

/// What a verb means for a type.
const ACTIONS: &[(&str, &str, &[&str])] = &[
    ("reads", "AWS::S3::Bucket", &["s3:GetObject"]),
    ("reads", "AWS::DynamoDB::Table", &["dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"]),
    ("reads", "AWS::SQS::Queue", &["sqs:ReceiveMessage"]),
    ("reads", "AWS::SecretsManager::Secret", &["secretsmanager:GetSecretValue"]),
    ("reads", "AWS::SSM::Parameter", &["ssm:GetParameter"]),
    ("reads", "AWS::Logs::LogGroup", &["logs:FilterLogEvents"]),
    ("reads", "AWS::ECR::Repository", &["ecr:BatchGetImage"]),
    ("writes", "AWS::S3::Bucket", &["s3:PutObject"]),
    ("writes", "AWS::DynamoDB::Table", &["dynamodb:PutItem", "dynamodb:UpdateItem"]),
    ("writes", "AWS::SQS::Queue", &["sqs:SendMessage"]),
    ("writes", "AWS::SNS::Topic", &["sns:Publish"]),
    ("writes", "AWS::SecretsManager::Secret", &["secretsmanager:PutSecretValue"]),
    ("writes", "AWS::SSM::Parameter", &["ssm:PutParameter"]),
    ("writes", "AWS::ECR::Repository", &["ecr:PutImage"]),
    ("deletes", "AWS::S3::Bucket", &["s3:DeleteObject", "s3:DeleteBucket"]),
    ("deletes", "AWS::DynamoDB::Table", &["dynamodb:DeleteTable", "dynamodb:DeleteItem"]),
    ("deletes", "AWS::RDS::DBInstance", &["rds:DeleteDBInstance"]),
    ("deletes", "AWS::RDS::DBCluster", &["rds:DeleteDBCluster"]),
    ("deletes", "AWS::SQS::Queue", &["sqs:DeleteQueue"]),
    ("deletes", "AWS::SecretsManager::Secret", &["secretsmanager:DeleteSecret"]),
    ("deletes", "AWS::Logs::LogGroup", &["logs:DeleteLogGroup"]),
    ("deletes", "AWS::KMS::Key", &["kms:ScheduleKeyDeletion"]),
    ("deletes", "AWS::CloudTrail::Trail", &["cloudtrail:DeleteTrail"]),
    ("deletes", "AWS::Backup::BackupVault", &["backup:DeleteBackupVault"]),
    ("decrypts", "AWS::KMS::Key", &["kms:Decrypt"]),
    ("decrypts", "AWS::KMS::ReplicaKey", &["kms:Decrypt"]),
    ("administers", "AWS::KMS::Key", &["kms:PutKeyPolicy"]),
    ("administers", "AWS::S3::Bucket", &["s3:PutBucketPolicy", "s3:DeleteBucketPolicy"]),
    (
        "administers",
        "AWS::IAM::Role",
        &["iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:UpdateAssumeRolePolicy"],
    ),
    ("administers", "AWS::RDS::DBInstance", &["rds:ModifyDBInstance"]),
    ("administers", "AWS::DynamoDB::Table", &["dynamodb:UpdateTable"]),
    ("administers", "AWS::CloudTrail::Trail", &["cloudtrail:UpdateTrail", "cloudtrail:StopLogging"]),
    ("assumes", "AWS::IAM::Role", &["sts:AssumeRole"]),
];

/// Whoever is not of the estate.
const ANONYMOUS: &str = "anonymous";

/// Judges one claim.
pub(super) fn judge(facts: &Facts<'_>, claim: &Claim, verb: &str, findings: &mut Findings) {
    let access = facts.access();
    let unknown = |findings: &mut Findings, why: String| {
        findings.add(Subject::ESTATE, Verdict::Unknown, claim.span, format!("{}: {why}", claim.says));
    };
    if claim.through.is_some() || claim.port.is_some() {
        return unknown(findings, "a request has no port and no way through".to_owned());
    }
    let Some(who) = principals(access, &claim.who) else {
        return unknown(findings, format!("`{}` names nobody who makes requests", claim.who));
    };
    let what = things(facts, access, verb, &claim.what);
    if what.is_empty() {
        return unknown(findings, format!("nothing of `{}` is known of which one says `{verb}`", claim.what));
    }
    if who.holders.is_empty() && !who.outsiders {
        return unknown(findings, format!("`{}` has no role or user that is known", claim.who));
    }
    match claim.mode {
        Mode::Never => nobody(access, claim, &who, &what, "may", findings),
        Mode::Only => {
            let others = Principals {
                holders: (0..access.holders.len()).filter(|at| !who.holders.contains(at)).collect(),
                outsiders: !who.outsiders,
            };
            nobody(access, claim, &others, &what, "may too", findings);
        }
        Mode::Always => everybody(access, claim, &who, &what, findings),
    }
}

/// Principals by their position, and whether those outside the estate are among them.
struct Principals {
    holders: BTreeSet<usize>,
    outsiders: bool,
}

fn principals(access: &Access<'_>, party: &Party) -> Option<Principals> {
    let of = |holds: &dyn Fn(&Holder) -> bool| {
        let all = access.holders.iter().enumerate();
        all.filter(|(_, holder)| holds(holder)).map(|(at, _)| at).collect()
    };
    let account = |holder: &Holder| access.estate.account(holder.account);
    let tag = |holder: &Holder, key: &str| {
        holder.tags.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone())
    };
    let environment = |holder: &Holder| {
        tag(holder, "environment").or_else(|| account(holder).and_then(|account| account.environment.clone()))
    };
    let (holders, outsiders) = match party {
        Party::Anyone => (of(&|_| true), true),
        Party::Internet => (BTreeSet::new(), true),
        Party::Offices(_) | Party::Firewall => return None,
        Party::Environment(name) => (of(&|holder| environment(holder).as_ref() == Some(name)), false),
        Party::Account(name) => (of(&|holder| account(holder).is_some_and(|it| it.name == *name)), false),
        Party::Accounts(_, names) => {
            (of(&|holder| account(holder).is_some_and(|it| names.contains(&it.name))), false)
        }
        Party::Application(within, name) => {
            let inside = |holder: &Holder| {
                within.as_ref().is_none_or(|within| environment(holder).as_ref() == Some(within))
            };
            (of(&|holder| tag(holder, "application").as_ref() == Some(name) && inside(holder)), false)
        }
    };
    Some(Principals { holders, outsiders })
}

/// Things of a party of which a verb says something, with the actions; of what is decrypted, the keys.
fn things<'x>(
    facts: &Facts<'_>,
    access: &'x Access<'_>,
    verb: &str,
    party: &Party,
) -> Vec<(&'x Thing, &'static [&'static str])> {
    let mut wanted: BTreeSet<(estate::StackId, SmolStr)> = BTreeSet::new();
    for found in facts.index.all().filter(|found| belongs(access, *found, party)) {
        wanted.insert((found.stack_id, found.id.clone()));
        if verb == "decrypts" {
            // Data is decrypted with the key that it is encrypted with.
            let keys = facts.index.references(&found.resource.properties).into_iter();
            let keys = keys.filter(|key| key.resource.kind.starts_with("AWS::KMS::"));
            wanted.extend(keys.map(|key| (key.stack_id, key.id.clone())));
        }
    }
    let actions = |kind: &str| {
        let row = ACTIONS.iter().find(|(of, known, _)| *of == verb && *known == kind);
        row.map(|(.., actions)| *actions)
    };
    let named = access.things.iter().filter(|thing| wanted.contains(&(thing.stack, thing.id.clone())));
    named.filter_map(|thing| Some((thing, actions(&thing.kind)?))).collect()
}

/// A tag of a resource, in either of the two forms.
fn tag(found: ResourceRef<'_>, key: &str) -> Option<SmolStr> {
    let tags = found.resource.properties.get("Tags")?;
    match tags.as_map() {
        Some(map) => map.iter().find(|entry| entry.key == key)?.value.as_text(),
        None => tags
            .as_items()
            .iter()
            .find(|tag| tag.get("Key").and_then(Value::as_str) == Some(key))?
            .get("Value")?
            .as_text(),
    }
}

/// The environment that a resource belongs to, and the workload or store that it is part of.
pub(crate) fn home(access: &Access<'_>, found: ResourceRef<'_>) -> (Option<SmolStr>, Option<SmolStr>) {
    let account = access.estate.account(found.stack.account);
    let environment =
        tag(found, "environment").or_else(|| account.and_then(|account| account.environment.clone()));
    (environment, tag(found, "application"))
}

/// Whether a resource is of a party, by its tags and its account.
pub(crate) fn belongs(access: &Access<'_>, found: ResourceRef<'_>, party: &Party) -> bool {
    let account = access.estate.account(found.stack.account);
    match party {
        Party::Anyone => true,
        Party::Internet | Party::Offices(_) | Party::Firewall => false,
        Party::Environment(name) => home(access, found).0.as_ref() == Some(name),
        Party::Account(name) => account.is_some_and(|account| account.name == *name),
        Party::Accounts(_, names) => account.is_some_and(|account| names.contains(&account.name)),
        Party::Application(within, name) => {
            let (environment, application) = home(access, found);
            application.as_ref() == Some(name)
                && within.as_ref().is_none_or(|within| environment.as_ref() == Some(within))
        }
    }
}

/// A request that is allowed, or may be.
struct Hit {
    principal: String,
    action: &'static str,
    resource: String,
    circumstances: String,
    certain: bool,
}

/// Nobody of some may do any of it to any of that.
fn nobody(
    access: &Access<'_>,
    claim: &Claim,
    who: &Principals,
    what: &[(&Thing, &'static [&'static str])],
    word: &str,
    findings: &mut Findings,
) {
    let mut worst: Option<Hit> = None;
    let mut askers = std::collections::BTreeMap::new();
    for (thing, actions) in what {
        for action in *actions {
            let asking = askers.entry(*action).or_insert_with(|| access.askers(action));
            let inside = access.worth_asking(asking, thing).into_iter().filter(|at| who.holders.contains(at));
            let inside =
                inside.filter_map(|at| Some((named(access, at)?, Who::Holder(access.holders.get(at)?))));
            let outside = who.outsiders.then(|| (ANONYMOUS.to_owned(), Who::Outsider(ANONYMOUS)));
            for (principal, who) in inside.chain(outside) {
                let (circumstances, certain) = match access.can(who, action, thing).verdict {
                    Allowed::No => continue,
                    Allowed::Yes => ("always".to_owned(), true),
                    Allowed::When(conditions) => (few(&conditions), true),
                    Allowed::Unknown(why) => (few(&why), false),
                };
                if worst.as_ref().is_none_or(|known| certain && !known.certain) {
                    let resource = iam::access::shown(&thing.arn);
                    worst = Some(Hit { principal, action, resource, circumstances, certain });
                }
            }
        }
    }
    let Some(hit) = worst else { return findings.proved.push(Subject::ESTATE) };
    let (verdict, message) = if hit.certain {
        (Verdict::Violated, format!("{}: `{}` {word}", claim.says, hit.principal))
    } else {
        let why = &hit.circumstances;
        (Verdict::Unknown, format!("{}: whether `{}` {word} depends on {why}", claim.says, hit.principal))
    };
    let Hit { principal, action, resource, circumstances, .. } = hit;
    let action = action.to_owned();
    findings
        .add(Subject::ESTATE, verdict, claim.span, message)
        .witness(Witness::Request { principal, action, resource, circumstances })
        .fix("take the action out of the principal's policies or the resource's, or give up the sentence");
}

/// Somebody of some may do each of it to each of that, in some context: what conditions ask for remains to be met.
fn everybody(
    access: &Access<'_>,
    claim: &Claim,
    who: &Principals,
    what: &[(&Thing, &'static [&'static str])],
    findings: &mut Findings,
) {
    let mut worst: Option<Hit> = None;
    for (thing, actions) in what {
        for action in *actions {
            let holders = who.holders.iter();
            let holders =
                holders.filter_map(|at| Some((named(access, *at)?, Who::Holder(access.holders.get(*at)?))));
            let outside = who.outsiders.then(|| (ANONYMOUS.to_owned(), Who::Outsider(ANONYMOUS)));
            let answers: Vec<_> = holders
                .chain(outside)
                .map(|(name, who)| (name, access.can(who, action, thing).verdict))
                .collect();
            if answers.iter().any(|(_, verdict)| matches!(verdict, Allowed::Yes | Allowed::When(_))) {
                continue;
            }
            let doubt = answers.into_iter().find_map(|(name, verdict)| match verdict {
                Allowed::Unknown(why) => Some((name, few(&why))),
                _ => None,
            });
            let certain = doubt.is_none();
            if worst.as_ref().is_none_or(|known| certain && !known.certain) {
                let (principal, circumstances) =
                    doubt.unwrap_or_else(|| (claim.who.to_string(), "in no context".to_owned()));
                let resource = iam::access::shown(&thing.arn);
                worst = Some(Hit { principal, action, resource, circumstances, certain });
            }
        }
    }
    let Some(hit) = worst else { return findings.proved.push(Subject::ESTATE) };
    let (verdict, message) = if hit.certain {
        (Verdict::Violated, format!("{}: no role of `{}` may", claim.says, hit.principal))
    } else {
        let why = &hit.circumstances;
        (Verdict::Unknown, format!("{}: whether `{}` may depends on {why}", claim.says, hit.principal))
    };
    let Hit { principal, action, resource, circumstances, .. } = hit;
    let action = action.to_owned();
    findings
        .add(Subject::ESTATE, verdict, claim.span, message)
        .witness(Witness::Request { principal, action, resource, circumstances })
        .fix("`steward can` shows the layer that does not allow it");
}

/// The first of some conditions.
fn few(conditions: &[String]) -> String {
    let shown = conditions.iter().take(3).map(String::as_str).collect::<Vec<_>>().join("; ");
    match conditions.len().saturating_sub(3) {
        0 => shown,
        more => format!("{shown}; and {more} more"),
    }
}

/// What people call a principal.
fn named(access: &Access<'_>, at: usize) -> Option<String> {
    let holder = access.holders.get(at)?;
    Some(format!("{}/{}", access.estate.stack_path(holder.stack), holder.id))
}
