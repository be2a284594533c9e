//! What a change means: packets and requests that become possible or impossible.
//!
//! In: the estate before and after. Out: pairs of classes of ends whose packets change, and principals whose requests do, with a request each.
//! Always: packets are those of all rules on the way, both ways, as `reachability` decides them; requests are those that one layer of
//! policies allows (a principal's own together, those on a resource, the guardrails of an account), as `iam::symbolic` decides them,
//! whatever other layers say; what neither decides is said to be unknown.

use std::collections::{BTreeMap, BTreeSet};

use catalog::Catalog;
use diagnostics::{Diagnostics, SourceMap};
use estate::{Estate, Index, SmolStr};
use iam::access::{Access, Document, Holder, Thing, principal_text, shown};
use iam::policy::{Effect, Policy, PrincipalKind, PrincipalSet, Statement};
use iam::symbolic::{Answer, Request, extra};
use reachability::Network;
use reachability::compress::compress;
use reachability::query::{By, Reach, Verdict, say};
use serde::Serialize;

/// What passes from one class of ends to another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Passing {
    /// `reachable`, `unknown`, `unreachable`; `absent` where there is no such class.
    pub verdict: &'static str,
    /// Services that may pass, in words.
    pub services: String,
}

/// A pair of classes of ends between which something else passes than before.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PacketChange {
    /// Who sends: an environment, `internet`, an office.
    pub from: String,
    /// Who receives.
    pub to: String,
    /// What passed.
    pub before: Passing,
    /// What passes.
    pub after: Passing,
}

/// What passes between environments, the internet and offices, and between workloads and stores of one environment (where
/// there are not more than a few hundred), where it changes; an error where a network is too varied to
/// be decided.
///
/// # Errors
/// In words that continue "packets are not compared: …".
pub fn packets(before: &Estate, after: &Estate) -> Result<Vec<PacketChange>, String> {
    let (before, after) = (passing(before)?, passing(after)?);
    let absent = || Passing { verdict: "absent", services: String::new() };
    let pairs: BTreeSet<&(String, String)> = before.keys().chain(after.keys()).collect();
    let change = |pair: &(String, String)| {
        let of = |all: &BTreeMap<(String, String), Passing>| all.get(pair).cloned().unwrap_or_else(absent);
        PacketChange { from: pair.0.clone(), to: pair.1.clone(), before: of(&before), after: of(&after) }
    };
    let nothing = |passing: &Passing| matches!(passing.verdict, "absent" | "unreachable");
    let all = pairs.into_iter().map(change);
    Ok(all.filter(|it| it.before != it.after && !(nothing(&it.before) && nothing(&it.after))).collect())
}

fn passing(estate: &Estate) -> Result<BTreeMap<(String, String), Passing>, String> {
    let whole = Network::of(estate);
    let small = compress(&whole).network;
    let mut reach = Reach::of(&small);
    if reach.exhausted() {
        return Err("the network is too varied to be decided within the bound on memory".to_owned());
    }
    let matrix = reach.matrix(By::Environment, &[], &[]);
    let mut out = BTreeMap::new();
    for (from, row) in matrix.from.iter().zip(&matrix.cells) {
        for (to, cell) in matrix.to.iter().zip(row) {
            let verdict = word(cell.verdict);
            let passing = Passing { verdict, services: say(&cell.services) };
            out.insert((from.name.clone(), to.name.clone()), passing);
        }
    }
    within(&small, &mut reach, &mut out);
    Ok(out)
}

/// The most workloads and stores that are asked for within their environments.
const MOST_WITHIN: usize = 400;

/// What passes between the workloads and stores of one environment: `prod/portal` to `prod/records`.
fn within(network: &Network, reach: &mut Reach<'_>, out: &mut BTreeMap<(String, String), Passing>) {
    let mut environments: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for host in
        network.hosts.iter().filter(|host| !host.environment.is_empty() && !host.application.is_empty())
    {
        environments.entry(&host.environment).or_default().insert(&host.application);
    }
    if environments.values().map(BTreeSet::len).sum::<usize>() > MOST_WITHIN {
        return;
    }
    for (environment, applications) in environments {
        let ends: Vec<_> = applications
            .into_iter()
            .map(|application| {
                let of = |at: reachability::model::InterfaceId| {
                    let host = network.interfaces.get(at.at()).and_then(|it| network.hosts.get(it.host.at()));
                    host.is_some_and(|host| {
                        host.environment == environment && host.application == application
                    })
                };
                (application, reach.interfaces(of))
            })
            .filter(|(_, ends)| !ends.is_empty())
            .collect();
        for (from, sources) in &ends {
            for (to, destinations) in ends.iter().filter(|(to, _)| to != from) {
                let flows = reach.flows(sources, destinations);
                let passing = Passing { verdict: word(flows.verdict), services: say(&flows.services) };
                out.insert((format!("{environment}/{from}"), format!("{environment}/{to}")), passing);
            }
        }
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Reachable => "reachable",
        Verdict::Unknown => "unknown",
        Verdict::Unreachable => "unreachable",
    }
}

/// Whose policies they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PolicyOf {
    /// A principal's own.
    Principal,
    /// On a resource: who may ask for it; of a role its trust policy.
    Resource,
    /// The guardrails above an account: its service control policies.
    Account,
}

/// Policies that allow something else than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestChange {
    /// Whose policies.
    pub of: PolicyOf,
    /// `account/region/stack/Id`; names of accounts.
    pub who: String,
    /// A request that becomes possible.
    pub more: Option<Request>,
    /// A request that becomes impossible.
    pub less: Option<Request>,
    /// What could not be decided.
    pub unknown: Option<String>,
}

/// Policies of principals, on resources and of guardrails that allow more or less than before; whose that come or go are left out (their stacks
/// say so).
#[must_use]
pub fn requests(before: &Estate, after: &Estate) -> Vec<RequestChange> {
    let (old_index, new_index) = (Index::new(before), Index::new(after));
    let (old, new) = (Access::of(&old_index), Access::of(&new_index));
    let mut out = of_principals(&old, &new);
    out.extend(on_resources(&old, &new));
    out.extend(of_guardrails(&old, &new));
    out
}

/// Policies on resources: who may ask for them.
fn on_resources(old: &Access<'_>, new: &Access<'_>) -> Vec<RequestChange> {
    let name = |access: &Access<'_>, thing: &Thing| {
        (access.estate.stack_path(thing.stack).to_string(), thing.id.to_string())
    };
    let known: BTreeMap<_, &Thing> = old.things.iter().map(|thing| (name(old, thing), thing)).collect();
    let mut out = Vec::new();
    for thing in &new.things {
        let key = name(new, thing);
        let Some(other) = known.get(&key) else { continue };
        let who = format!("{}/{}", key.0, key.1);
        out.extend(compared(PolicyOf::Resource, who, merged(&other.policies), merged(&thing.policies)));
    }
    out
}

/// What the guardrails of accounts leave, one change for all accounts of which the same policies change.
fn of_guardrails(old: &Access<'_>, new: &Access<'_>) -> Vec<RequestChange> {
    let by_name = |access: &Access<'_>| -> BTreeMap<String, Vec<Document>> {
        let all = access.controls.iter().filter_map(|(id, controls)| {
            Some((access.estate.account(*id)?.name.to_string(), controls.clone()))
        });
        all.collect()
    };
    let (old, new) = (by_name(old), by_name(new));
    let mut same: BTreeMap<(String, String), Vec<&String>> = BTreeMap::new();
    let mut pairs: BTreeMap<(String, String), (Policy, Policy)> = BTreeMap::new();
    let mut out = Vec::new();
    for (account, after) in &new {
        let Some(before) = old.get(account) else { continue };
        match (left_over(before), left_over(after)) {
            (Ok(before), Ok(after)) => {
                let key = (plain(&before), plain(&after));
                if key.0 != key.1 {
                    same.entry(key.clone()).or_default().push(account);
                    pairs.insert(key, (before, after));
                }
            }
            (Err(one), Err(other)) if one == other => {}
            (Err(why), _) | (_, Err(why)) => out.push(RequestChange {
                of: PolicyOf::Account,
                who: account.clone(),
                more: None,
                less: None,
                unknown: Some(why),
            }),
        }
    }
    for (key, (before, after)) in pairs {
        let accounts = same.remove(&key).unwrap_or_default();
        let names: Vec<&str> = accounts.iter().map(|name| name.as_str()).collect();
        out.extend(compared(PolicyOf::Account, names.join(", "), Ok(before), Ok(after)));
    }
    out
}

/// What service control policies leave of everything: all that none of them denies. Lists of what is allowed are not compared here.
fn left_over(controls: &[Document]) -> Result<Policy, String> {
    let mut policy = merged(controls)?;
    let lists = policy.statements.iter().filter(|it| it.effect == Effect::Allow);
    let everything = everything().ok_or("a guardrail cannot be read")?;
    let of = |statement: &Statement| {
        let statement = Statement { sid: None, sid_span: None, ..statement.clone() };
        plain(&Policy { statements: vec![statement], ..everything.clone() })
    };
    let whole: Vec<String> = everything.statements.iter().map(of).collect();
    if lists.map(of).any(|list| !whole.contains(&list)) {
        return Err("a guardrail lists what is allowed, which is not compared".to_owned());
    }
    policy.statements.retain(|statement| statement.effect == Effect::Deny);
    policy.statements.extend(everything.statements);
    Ok(policy)
}

/// The policy that allows everything.
fn everything() -> Option<Policy> {
    let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let mut sources = SourceMap::new();
    let file = sources.add("everything", text).and_then(|id| sources.file(id))?;
    iam::parse::file(file, &mut Diagnostics::new())
}

/// The change between two policies; [`None`]: they allow the same.
fn compared(
    of: PolicyOf,
    who: String,
    before: Result<Policy, String>,
    after: Result<Policy, String>,
) -> Option<RequestChange> {
    let (before, after) = match (before, after) {
        (Ok(before), Ok(after)) => (before, after),
        (Err(one), Err(other)) if one == other => return None,
        (Err(why), _) | (_, Err(why)) => {
            return Some(RequestChange { of, who, more: None, less: None, unknown: Some(why) });
        }
    };
    if plain(&before) == plain(&after) {
        return None;
    }
    let reference = Catalog::shared().iam();
    let (more, less) = (extra(&after, &before, reference), extra(&before, &after, reference));
    let unknown = [&more, &less].into_iter().find_map(|answer| match answer {
        Answer::Unknown(why) => Some(why.clone()),
        _ => None,
    });
    let request = |answer: Answer| match answer {
        Answer::Yes(request) => {
            let principal = SmolStr::from(shown(&request.principal));
            Some(Request { principal, ..*request })
        }
        _ => None,
    };
    let (more, less) = (request(more), request(less));
    (more.is_some() || less.is_some() || unknown.is_some()).then_some(RequestChange {
        of,
        who,
        more,
        less,
        unknown,
    })
}

/// Principals whose own policies allow more or less than before.
fn of_principals(old: &Access<'_>, new: &Access<'_>) -> Vec<RequestChange> {
    let name = |access: &Access<'_>, holder: &Holder| {
        let account = access.estate.account(holder.account).map_or("", |account| account.name.as_str());
        (access.estate.stack_path(holder.stack).to_string(), holder.id.to_string(), account.to_owned())
    };
    let known: BTreeMap<_, &Holder> = old.holders.iter().map(|holder| (name(old, holder), holder)).collect();
    let mut out = Vec::new();
    for holder in &new.holders {
        let key = name(new, holder);
        let Some(other) = known.get(&key) else { continue };
        let who = format!("{}/{}", key.0, key.1);
        out.extend(compared(PolicyOf::Principal, who, merged(&other.identity), merged(&holder.identity)));
    }
    // A permission set stands in many accounts, and says the same in each.
    out.dedup_by(|a, b| a.who == b.who);
    out
}

/// Principals whose text is not known yet get the text in which symbols stand for what is not: the same before and after, so that the two
/// can be compared.
fn settled(set: &mut PrincipalSet) {
    for principal in &mut set.principals {
        let PrincipalKind::Open(kind, _) = &principal.kind else { continue };
        let text = SmolStr::from(principal_text(&principal.kind));
        principal.kind = match kind.as_str() {
            "Service" => PrincipalKind::Service(text),
            "Federated" => PrincipalKind::Federated(text),
            "CanonicalUser" => PrincipalKind::CanonicalUser(text),
            _ if text.ends_with(":root") => PrincipalKind::Account(text),
            _ => PrincipalKind::Arn(text),
        };
    }
}

/// Policies as one.
fn merged(documents: &[Document]) -> Result<Policy, String> {
    let mut statements: Vec<Statement> = Vec::new();
    let mut version = None;
    for document in documents {
        let policy = document.policy.as_ref().map_err(Clone::clone)?;
        version = version.or(Some(policy.version));
        statements.extend(policy.statements.iter().cloned());
    }
    statements.iter_mut().filter_map(|it| it.principals.as_mut()).for_each(settled);
    let version = version.unwrap_or(iam::policy::Version::V2012);
    Ok(Policy { version, version_span: None, id: None, statements, span: diagnostics::Span::NONE })
}

/// What a policy says, wherever it is written.
fn plain(policy: &Policy) -> String {
    let text = format!("{:?}", policy.statements);
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((head, tail)) = rest.split_once("Span {") {
        out.push_str(head);
        rest = tail.split_once('}').map_or("", |(_, tail)| tail);
    }
    out + rest
}
