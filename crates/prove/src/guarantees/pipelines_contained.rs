//! A developers' pipeline deploys and migrates, and does nothing else.
//!
//! In: [`iam::access`] and [`crate::escalation`]. What is checked: every role that a pipeline works as. Which those are is
//! said by the trust policy (a service that builds and deploys, or an identity provider of such a service) or by the tag
//! `steward:pipeline`; with the value `infrastructure` it is a privileged one, of which only the record and the raising of
//! itself are asked.
//!
//! Sources: AWS Well-Architected DevOps Guidance, "Securing pipelines"; AWS Security Reference Architecture, "CI/CD"; SLSA
//! "Build: isolation"; CIS Software Supply Chain Security Guide 2.1.

use std::collections::{BTreeMap, BTreeSet};

use estate::{ResourceRef, SmolStr, StackId, Value};
use iam::access::{Access, Holder, HolderKind, Thing, Verdict as Allowed, Who, shown};
use iam::policy::{Effect, PrincipalKind};

use crate::escalation::Outcome;
use crate::identity::breaks_glass;
use crate::{Facts, Findings, Guarantee, Level, Witness};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "pipelines-contained",
    title: "a developers' pipeline deploys and migrates and does nothing else",
    level: Level::High,
    page: include_str!("../../../../docs/guarantees/pipelines-contained.md"),
    check,
};

/// Services that run pipelines.
const SERVICES: &[&str] = &["codebuild.amazonaws.com", "codepipeline.amazonaws.com"];

/// Identity providers of pipelines, by a part of their name.
const PROVIDERS: &[&str] = &[
    "token.actions.githubusercontent.com",
    "gitlab.com",
    "api.bitbucket.org",
    "vstoken.dev.azure.com",
    "app.terraform.io",
    "oidc.circleci.com",
    "agent.buildkite.com",
];

/// What no pipeline does: type of what it is done to, whether infrastructure's may, what it is, and the actions.
const BEYOND: &[(&str, bool, &str, &[&str])] = &[
    (
        "AWS::CloudTrail::Trail",
        false,
        "stops the record",
        &["cloudtrail:StopLogging", "cloudtrail:DeleteTrail"],
    ),
    ("AWS::GuardDuty::Detector", false, "blinds detection", &["guardduty:DeleteDetector"]),
    (
        "AWS::Config::ConfigurationRecorder",
        false,
        "stops the record",
        &["config:StopConfigurationRecorder", "config:DeleteConfigurationRecorder"],
    ),
    (
        "AWS::Backup::BackupVault",
        false,
        "ends backups",
        &["backup:DeleteBackupVault", "backup:DeleteBackupVaultLockConfiguration"],
    ),
    ("AWS::Logs::LogGroup", true, "ends logs", &["logs:DeleteLogGroup", "logs:DeleteLogStream"]),
    (
        "AWS::KMS::Key",
        true,
        "decides who uses a key, or ends it",
        &["kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:DisableKey", "kms:CreateGrant"],
    ),
    ("AWS::KMS::Key", true, "decrypts data", &["kms:Decrypt"]),
    ("AWS::S3::Bucket", true, "reads data", &["s3:GetObject"]),
    (
        "AWS::S3::Bucket",
        true,
        "opens or ends a store",
        &["s3:DeleteBucket", "s3:PutBucketPolicy", "s3:PutLifecycleConfiguration"],
    ),
    (
        "AWS::DynamoDB::Table",
        true,
        "copies or ends a store",
        &["dynamodb:DeleteTable", "dynamodb:ExportTableToPointInTime", "dynamodb:PutResourcePolicy"],
    ),
    ("AWS::RDS::DBInstance", true, "ends a store", &["rds:DeleteDBInstance"]),
    ("AWS::RDS::DBCluster", true, "ends a store", &["rds:DeleteDBCluster"]),
    ("AWS::EC2::Instance", true, "works on a machine", &["ssm:StartSession"]),
];

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let access = facts.access();
    let pipelines: Vec<(usize, ResourceRef<'_>, bool)> = access
        .holders
        .iter()
        .enumerate()
        .filter_map(|(at, holder)| {
            let found = facts.index.get(holder.stack, &holder.id)?;
            let privileged = kind_of(access, holder)?;
            (!breaks_glass(found)).then_some((at, found, privileged))
        })
        .collect();
    if pipelines.is_empty() {
        return;
    }
    let mut worst: BTreeMap<usize, Deed<'_>> = BTreeMap::new();
    let own = of_pipelines(facts);
    for (kind, of_infrastructure, word, actions) in BEYOND {
        for action in *actions {
            let askers = access.askers(action);
            for thing in access.things.iter().filter(|thing| thing.kind == *kind) {
                if own.contains(&(thing.stack, thing.id.clone())) {
                    continue;
                }
                for at in access.worth_asking(&askers, thing) {
                    let Some((.., privileged)) = pipelines.iter().find(|(known, ..)| *known == at) else {
                        continue;
                    };
                    if *privileged && *of_infrastructure || worst.get(&at).is_some_and(|deed| deed.certain) {
                        continue;
                    }
                    if let Some(deed) = deed(access, at, thing, action, word) {
                        let known = worst.get(&at);
                        if known.is_none_or(|known| deed.certain && !known.certain) {
                            worst.insert(at, deed);
                        }
                    }
                }
            }
        }
    }
    for (at, found, _) in pipelines {
        match worst.get(&at).filter(|deed| deed.certain) {
            Some(deed) => tell(found, deed, findings),
            None => raising(facts, at, found, worst.get(&at), findings),
        }
    }
}

/// Whether a principal is a pipeline's, and a privileged one.
fn kind_of(access: &Access<'_>, holder: &Holder) -> Option<bool> {
    if holder.kind != HolderKind::Role {
        return None;
    }
    if let Some((_, value)) = holder.tags.iter().find(|(key, _)| key == "steward:pipeline") {
        return Some(value == "infrastructure");
    }
    let role = access.things.iter().find(|thing| thing.stack == holder.stack && thing.id == holder.id)?;
    let statements =
        role.policies.iter().filter_map(|one| one.policy.as_ref().ok()).flat_map(|policy| &policy.statements);
    let mut principals = statements
        .filter(|statement| statement.effect == Effect::Allow)
        .flat_map(|statement| statement.principals.iter().flat_map(|set| &set.principals));
    let is = principals.any(|principal| match &principal.kind {
        PrincipalKind::Service(name) => SERVICES.contains(&name.as_str()),
        PrincipalKind::Federated(name) => PROVIDERS.iter().any(|part| name.contains(part)),
        PrincipalKind::Open(under, text) if under == "Federated" => {
            let text = iam::access::rendered(text);
            PROVIDERS.iter().any(|part| text.contains(part))
        }
        _ => false,
    });
    is.then_some(false)
}

/// What pipelines keep for themselves: where their artifacts and caches are, and the keys of those.
fn of_pipelines(facts: &Facts<'_>) -> BTreeSet<(StackId, SmolStr)> {
    let mut out = BTreeSet::new();
    for (kind, properties) in [
        ("AWS::CodePipeline::Pipeline", &["ArtifactStore", "ArtifactStores"][..]),
        (
            "AWS::CodeBuild::Project",
            &["Artifacts", "SecondaryArtifacts", "Cache", "EncryptionKey", "Source"][..],
        ),
    ] {
        for found in facts.index.of_kind(kind) {
            let values = properties.iter().filter_map(|name| found.resource.properties.get(name));
            let named: Vec<ResourceRef<'_>> =
                values.flat_map(|value: &Value| facts.index.references(value)).collect();
            for one in named {
                out.insert((one.stack_id, one.id.clone()));
                let keys = facts.index.references(&one.resource.properties).into_iter();
                let keys = keys.filter(|key| key.resource.kind.starts_with("AWS::KMS::"));
                out.extend(keys.map(|key| (key.stack_id, key.id.clone())));
            }
        }
    }
    out
}

/// Something that a pipeline may do and has no business doing.
struct Deed<'x> {
    thing: &'x Thing,
    action: &'static str,
    word: &'static str,
    certain: bool,
    circumstances: String,
    because: Option<iam::access::Because>,
}

fn deed<'x>(
    access: &'x Access<'_>,
    at: usize,
    thing: &'x Thing,
    action: &'static str,
    word: &'static str,
) -> Option<Deed<'x>> {
    let finding = access.can(Who::Holder(access.holders.get(at)?), action, thing);
    let (certain, circumstances) = match finding.verdict {
        Allowed::No => return None,
        Allowed::Yes => (true, "always".to_owned()),
        Allowed::When(conditions) => (true, conditions.join("; ")),
        Allowed::Unknown(why) => (false, why.join("; ")),
    };
    let because = finding.because.into_iter().find(|because| because.effect == Effect::Allow);
    Some(Deed { thing, action, word, certain, circumstances, because })
}

fn tell(found: ResourceRef<'_>, deed: &Deed<'_>, findings: &mut Findings) {
    let Deed { thing, action, word, circumstances, because, .. } = deed;
    let span = because.as_ref().map_or(found.resource.origin.span, |because| because.span);
    let finding =
        findings.violated(found, span, format!("the pipeline {word}: it may {action} on `{}`", thing.id));
    finding
        .witness(Witness::Request {
            principal: found.id.to_string(),
            action: (*action).to_owned(),
            resource: shown(&thing.arn),
            circumstances: circumstances.clone(),
        })
        .fix(format!(
            "take {action} out of the pipeline's policies; where infrastructure is what it is for, tag it \
             `steward:pipeline: infrastructure` and have its changes reviewed"
        ))
        .related(thing.span, "what it is done to");
    if let Some(because) = because {
        finding.related(because.span, shown(&because.statement));
    }
}

/// Whether a pipeline that does nothing else comes to be more than it is.
fn raising(
    facts: &Facts<'_>,
    at: usize,
    found: ResourceRef<'_>,
    doubt: Option<&Deed<'_>>,
    findings: &mut Findings,
) {
    let span = found.resource.origin.span;
    match facts.outcomes().get(at) {
        Some(Outcome::Can(chain)) => {
            let steps: Vec<&str> = chain.steps.iter().map(|step| step.text.as_str()).collect();
            let because = chain.steps.first().and_then(|step| step.because.first());
            let place = because.map_or(span, |(span, _)| *span);
            findings
                .violated(
                    found,
                    place,
                    format!("the pipeline comes to {}: it {}", chain.gains, steps.join(", then ")),
                )
                .witness(Witness::Request {
                    principal: found.id.to_string(),
                    action: steps.join(", then "),
                    resource: chain.gains.clone(),
                    circumstances: "the pipeline raises itself".to_owned(),
                })
                .fix(chain.fix.clone());
        }
        Some(Outcome::Unknown(why, _)) => {
            findings.unknown(found, span, format!("whether the pipeline can raise itself depends on {why}"));
        }
        Some(Outcome::Cannot) | None => match doubt {
            None => findings.proved(found),
            Some(deed) => {
                let text = format!(
                    "whether the pipeline may {} on `{}` depends on what is not known: {}",
                    deed.action, deed.thing.id, deed.circumstances
                );
                findings.unknown(found, span, text);
            }
        },
    }
}
