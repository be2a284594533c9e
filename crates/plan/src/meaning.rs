//! What a change means: packets and requests that become possible or impossible.
//!
//! In: the estate before and after. Out: pairs of classes of ends whose packets change, and principals whose requests do, with a request each.
//! Always: packets are those of all rules on the way, both ways, as `reachability` decides them; requests are those of a
//! principal's own policies together, as `iam::symbolic` decides them, whatever other layers say; what neither decides is
//! said to be unknown.

use std::collections::{BTreeMap, BTreeSet};

use catalog::Catalog;
use estate::{Estate, Index};
use iam::access::{Access, Holder};
use iam::policy::{Policy, Statement};
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

/// A principal whose own policies allow something else than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestChange {
    /// `account/region/stack/Id`.
    pub who: String,
    /// A request that becomes possible.
    pub more: Option<Request>,
    /// A request that becomes impossible.
    pub less: Option<Request>,
    /// What could not be decided.
    pub unknown: Option<String>,
}

/// Principals whose own policies allow more or less than before, those that come or go left out (their stacks say so).
#[must_use]
pub fn requests(before: &Estate, after: &Estate) -> Vec<RequestChange> {
    let (old_index, new_index) = (Index::new(before), Index::new(after));
    let (old, new) = (Access::of(&old_index), Access::of(&new_index));
    let name = |access: &Access<'_>, holder: &Holder| {
        let account = access.estate.account(holder.account).map_or("", |account| account.name.as_str());
        (access.estate.stack_path(holder.stack).to_string(), holder.id.to_string(), account.to_owned())
    };
    let known: BTreeMap<_, &Holder> = old.holders.iter().map(|holder| (name(&old, holder), holder)).collect();
    let mut out = Vec::new();
    for holder in &new.holders {
        let key = name(&new, holder);
        let Some(other) = known.get(&key) else { continue };
        let who = format!("{}/{}", key.0, key.1);
        let policies = (together(other), together(holder));
        let (Ok(before), Ok(after)) = policies else {
            if policies.0.is_err() != policies.1.is_err() {
                let unknown = policies.0.err().or(policies.1.err());
                out.push(RequestChange { who, more: None, less: None, unknown });
            }
            continue;
        };
        if plain(&before) == plain(&after) {
            continue;
        }
        let reference = Catalog::shared().iam();
        let (more, less) = (extra(&after, &before, reference), extra(&before, &after, reference));
        let unknown = [&more, &less].into_iter().find_map(|answer| match answer {
            Answer::Unknown(why) => Some(why.clone()),
            _ => None,
        });
        let request = |answer: Answer| match answer {
            Answer::Yes(request) => Some(*request),
            _ => None,
        };
        let (more, less) = (request(more), request(less));
        if more.is_some() || less.is_some() || unknown.is_some() {
            out.push(RequestChange { who, more, less, unknown });
        }
    }
    // A permission set stands in many accounts, and says the same in each.
    out.dedup_by(|a, b| a.who == b.who);
    out
}

/// All policies of a principal as one.
fn together(holder: &Holder) -> Result<Policy, String> {
    let mut statements: Vec<Statement> = Vec::new();
    let mut version = None;
    for document in &holder.identity {
        let policy = document.policy.as_ref().map_err(Clone::clone)?;
        version = version.or(Some(policy.version));
        statements.extend(policy.statements.iter().cloned());
    }
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
