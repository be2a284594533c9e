//! One tenant asks for what belongs to another.
//!
//! In: a principal, what is known of its session, and an area. Out: the first request that is allowed, or may be. Always: the
//! request carries the keys that AWS says its action carries, and lacks those that it does not.
//!
//! Source: Service Authorization Reference, the table of actions of each service.

use estate::SmolStr;
use iam::access::{Because, Holder, Thing, Verdict as Allowed, Who};
use iam::policy::Effect;
use iam::symbolic::language::Language;
use iam::symbolic::{Given, resource_glob};

use super::areas::{Area, owned};
use crate::Facts;

/// Actions that read, write or end what is kept in a thing, by service.
const OF_ITEMS: &[(&str, &[&str])] = &[
    (
        "dynamodb",
        &[
            "GetItem",
            "BatchGetItem",
            "Query",
            "Scan",
            "PutItem",
            "UpdateItem",
            "DeleteItem",
            "BatchWriteItem",
            "ConditionCheckItem",
            "PartiQLSelect",
            "PartiQLInsert",
            "PartiQLUpdate",
            "PartiQLDelete",
            "ExportTableToPointInTime",
            "DeleteTable",
        ],
    ),
    (
        "s3",
        &[
            "GetObject",
            "GetObjectVersion",
            "PutObject",
            "DeleteObject",
            "DeleteObjectVersion",
            "PutObjectAcl",
            "RestoreObject",
            "ListBucket",
            "ListBucketVersions",
        ],
    ),
    (
        "kms",
        &["Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyPair", "ReEncryptFrom", "CreateGrant"],
    ),
    (
        "logs",
        &[
            "GetLogEvents",
            "FilterLogEvents",
            "StartQuery",
            "PutLogEvents",
            "DeleteLogStream",
            "DeleteLogGroup",
        ],
    ),
    ("sqs", &["ReceiveMessage", "SendMessage", "DeleteMessage", "PurgeQueue"]),
    ("sns", &["Publish", "Subscribe"]),
    ("secretsmanager", &["GetSecretValue", "PutSecretValue", "DeleteSecret"]),
    ("ssm", &["GetParameter", "GetParameters", "GetParametersByPath", "PutParameter", "DeleteParameter"]),
    ("kinesis", &["GetRecords", "PutRecord", "PutRecords"]),
];

/// A request that is allowed, or may be.
#[derive(Debug)]
pub(super) struct Hit {
    /// Whether it certainly is.
    pub certain: bool,
    /// `dynamodb:Scan`
    pub action: String,
    /// The ARN.
    pub resource: String,
    /// What the request carries and what else has to hold.
    pub circumstances: String,
    /// Whether the action carries the key that tells the owner.
    pub told: bool,
    /// The statement that allows.
    pub because: Option<Because>,
}

/// Whether an action carries a condition key, as AWS says.
fn carries(facts: &Facts<'_>, service: &str, action: &str, key: &str) -> bool {
    let Some(action) = facts.catalog.iam().action(service, action) else { return true };
    let keys = action
        .condition_keys
        .iter()
        .chain(action.resources.iter().flat_map(|resource| resource.condition_keys.iter()));
    let key = key.to_lowercase();
    keys.map(|known| known.to_lowercase()).any(|known| match known.split_once("${") {
        Some((prefix, _)) => key.starts_with(prefix),
        None => known == key,
    })
}

/// The actions to try on an area, of the service that its ARN names.
fn actions(facts: &Facts<'_>, area: &Area, service: &str) -> Vec<SmolStr> {
    if let Some((_, known)) = OF_ITEMS.iter().find(|(known, _)| *known == service) {
        // Keys are listed in a bucket, and objects are asked for beneath it.
        let lists = |name: &str| service == "s3" && name.starts_with("List");
        let of_bucket = area.key.as_ref().is_some_and(|(key, _)| key.eq_ignore_ascii_case("s3:prefix"));
        let wanted = known.iter().filter(|name| service != "s3" || lists(name) == of_bucket);
        return wanted.map(|name| SmolStr::new(*name)).collect();
    }
    let patterns = area.actions.iter().filter(|pattern| pattern.contains(':'));
    let named = patterns.flat_map(|pattern| facts.catalog.iam().actions_matching(pattern));
    named
        .filter(|(of, action)| of.prefix == service && !action.name.starts_with("List"))
        .map(|(_, action)| action.name.clone())
        .collect()
}

/// The things that an area is cut out of, with the ARN of a part that belongs to `owner`.
fn parts<'x>(
    facts: &'x Facts<'_>,
    made_up: &'x mut Option<Thing>,
    area: &Area,
    owner: &str,
    holder: &Holder,
) -> Vec<(&'x Thing, String)> {
    let access = facts.access();
    let arn = owned(&area.resource, owner);
    let language =
        resource_glob(&area.resource).map(|glob| Language { globs: vec![glob], ignores_case: false });
    let mut out: Vec<(&Thing, String)> = Vec::new();
    let of_keys = area.key.is_some();
    for thing in &access.things {
        let beneath = arn.strip_prefix(thing.arn.as_str()).is_some_and(|rest| rest.starts_with(['/', ':']));
        if of_keys && language.as_ref().is_some_and(|language| language.contains(&thing.arn)) {
            out.push((thing, thing.arn.clone()));
        } else if arn == thing.arn || beneath {
            out.push((thing, arn.clone()));
        }
    }
    if out.is_empty() && !area.resource.is_any() {
        let thing: &Thing = made_up.insert(Thing {
            kind: SmolStr::default(),
            stack: holder.stack,
            id: SmolStr::default(),
            arn: arn.clone(),
            account: holder.account,
            policies: Vec::new(),
            labels: Vec::new(),
            span: area.span,
        });
        out.push((thing, arn));
    }
    out
}

/// The first request by which somebody reaches what belongs to `owner`; one that is certain before one that may be.
pub(super) fn attack(
    facts: &Facts<'_>,
    holder: &Holder,
    session: &[Given],
    area: &Area,
    owner: &str,
) -> Option<Hit> {
    let mut doubtful = None;
    let mut made_up = None;
    for (thing, arn) in parts(facts, &mut made_up, area, owner, holder) {
        let Some(service) = arn.split(':').nth(2).map(str::to_owned) else { continue };
        for action in actions(facts, area, &service) {
            for (given, told) in contexts(facts, area, &service, &action, owner) {
                let all: Vec<Given> = session.iter().cloned().chain(given.clone()).collect();
                let name = format!("{service}:{action}");
                let finding = facts.access().can_at(Who::Holder(holder), &name, thing, arn.clone(), &all);
                let (certain, mut says) = match finding.verdict {
                    Allowed::No => continue,
                    Allowed::Yes => (true, Vec::new()),
                    Allowed::When(conditions) => (true, conditions),
                    Allowed::Unknown(why) => (false, why),
                };
                if let Some((key, value)) = &given {
                    let text = match value {
                        Some(value) => format!("{key} is {}", iam::access::shown(value)),
                        None => format!("it carries no {key}"),
                    };
                    says.insert(0, text);
                }
                says.truncate(3);
                let hit = Hit {
                    certain,
                    action: name,
                    resource: iam::access::shown(&arn),
                    circumstances: says.join("; "),
                    told,
                    because: finding.because.into_iter().find(|because| because.effect == Effect::Allow),
                };
                if hit.certain {
                    return Some(hit);
                }
                doubtful.get_or_insert(hit);
            }
        }
    }
    doubtful
}

/// What a request for what belongs to `owner` carries of the key that tells it, and whether the action carries it at all.
fn contexts(
    facts: &Facts<'_>,
    area: &Area,
    service: &str,
    action: &str,
    owner: &str,
) -> Vec<(Option<Given>, bool)> {
    let Some((key, text)) = &area.key else { return vec![(None, true)] };
    if !carries(facts, service, action, key) {
        return vec![(Some((key.clone(), None)), false)];
    }
    let mut out = vec![(Some((key.clone(), Some(owned(text, owner)))), true)];
    // Without a prefix all keys of a bucket are listed.
    if key.eq_ignore_ascii_case("s3:prefix") {
        out.push((Some((key.clone(), None)), true));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::OF_ITEMS;

    #[test]
    fn every_action_is_one() {
        for (service, actions) in OF_ITEMS {
            for action in *actions {
                assert!(
                    catalog::Catalog::shared().iam().action(service, action).is_some(),
                    "{service}:{action}"
                );
            }
        }
    }
}
