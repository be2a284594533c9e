//! A workload's roles are allowed what it needs, and nothing else.
//!
//! In: [`needs`], and for each role of a workload its own policies and those that name it on what it asks for. What is
//! checked: each statement that allows, against all needs of the role as one policy, over all requests. Always: a role whose needs nobody
//! declared is no subject.
//!
//! Source: "Security best practices in IAM", IAM User Guide, "Apply least-privilege permissions".

use std::collections::{BTreeMap, HashMap};

use estate::ResourceRef;
use iam::access::{Document, Holder, document, principal_text, rendered, shown};
use iam::policy::{Effect, Policy, Sense, Statement};
use iam::symbolic::{Answer, extra};
use serde_json::json;

use crate::needs::parts::{Place, place};
use crate::needs::{Need, needs, parts, region_of};
use crate::{Facts, Findings, Guarantee, Level, Witness};

/// See the module.
pub static GUARANTEE: Guarantee = Guarantee {
    id: "nothing-beyond-need",
    title: "a workload's roles are allowed what it needs, and nothing else",
    level: Level::Medium,
    page: include_str!("../../../../docs/guarantees/nothing-beyond-need.md"),
    check,
};

fn check(facts: &Facts<'_>, findings: &mut Findings) {
    let Some(intent) = facts.options.intent.as_ref().filter(|intent| !intent.workloads.is_empty()) else {
        return;
    };
    let access = facts.access();
    let mut by_role: BTreeMap<usize, Vec<Need<'_>>> = BTreeMap::new();
    let parts = parts(facts);
    for need in needs(facts, &parts) {
        by_role.entry(need.holder).or_default().push(need);
    }
    let places = access.holders.iter().enumerate().map(|(at, one)| ((one.stack, one.id.clone()), at));
    let places: HashMap<Place, usize> = places.collect();
    let position = |found: ResourceRef<'_>| places.get(&place(found)).copied();
    let naming = naming(facts);
    let mut roles: Vec<usize> = Vec::new();
    for party in &intent.workloads {
        for (component, role) in parts.runners(party) {
            roles.extend(position(role));
            let starts = component.resource.properties.get("ExecutionRoleArn");
            let starts = starts.map(|role| facts.index.references(role)).unwrap_or_default();
            roles.extend(starts.iter().filter_map(|role| position(*role)));
        }
    }
    roles.sort_unstable();
    roles.dedup();
    for at in roles {
        let Some(holder) = access.holders.get(at) else { continue };
        let Some(found) = facts.index.get(holder.stack, &holder.id) else { continue };
        let needs = by_role.get(&at).map_or(&[][..], Vec::as_slice);
        let mut clean = true;
        for granted in granted(facts, holder, &naming) {
            let span = granted.span;
            match beyond(facts, needs, &granted.policy) {
                Beyond::Nothing => {}
                Beyond::Request(action, resource) => {
                    clean = false;
                    let text =
                        format!("`{}` may {action} `{}`, which nothing needs", holder.id, shown(&resource));
                    findings
                        .violated(found, span, text)
                        .witness(Witness::Request {
                            principal: shown(&holder.arn),
                            action: action.clone(),
                            resource: shown(&resource),
                            circumstances: format!("by {}", shown(&granted.name)),
                        })
                        .fix(format!("take {action} out of the statement, or declare what needs it"));
                }
                Beyond::Unknown(why) => {
                    clean = false;
                    let text =
                        format!("whether `{}` may do more than is needed is not known: {why}", holder.id);
                    findings.unknown(found, span, text);
                }
            }
        }
        if clean {
            findings.proved(found);
        }
    }
}

/// A statement that allows a role something.
struct Granted {
    name: String,
    policy: Result<Policy, String>,
    span: diagnostics::Span,
}

/// Positions of the things whose policies name a principal, by how they name it.
fn naming(facts: &Facts<'_>) -> HashMap<String, Vec<usize>> {
    let mut out: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, thing) in facts.access().things.iter().enumerate() {
        let policies = thing.policies.iter().filter_map(|document| document.policy.as_ref().ok());
        let sets = policies.flat_map(|policy| &policy.statements).filter_map(|one| one.principals.as_ref());
        for principal in sets.flat_map(|set| &set.principals) {
            let known = out.entry(principal_text(&principal.kind)).or_default();
            if known.last() != Some(&at) {
                known.push(at);
            }
        }
    }
    out
}

/// All of them, each with what denies beside it.
fn granted(facts: &Facts<'_>, holder: &Holder, naming: &HashMap<String, Vec<usize>>) -> Vec<Granted> {
    let mut out = Vec::new();
    let of = |document: &Document, takes: &dyn Fn(&Statement) -> bool, out: &mut Vec<Granted>| {
        let policy = match &document.policy {
            Ok(policy) => policy,
            Err(why) => {
                out.push(Granted {
                    name: document.name.to_string(),
                    policy: Err(why.clone()),
                    span: document.span,
                });
                return;
            }
        };
        for (at, statement) in policy.statements.iter().enumerate() {
            if statement.effect == Effect::Deny || !takes(statement) {
                continue;
            }
            let mut alone = statement.clone();
            alone.principals = None;
            let name = format!("{} · {}", document.name, policy.statement_name(at));
            let policy = Policy { statements: vec![alone], ..(**policy).clone() };
            out.push(Granted { name, policy: Ok(policy), span: statement.span });
        }
    };
    for document in &holder.identity {
        of(document, &|_| true, &mut out);
    }
    let names_it = |statement: &Statement| {
        let named = statement.principals.iter().flat_map(|set| &set.principals);
        named.into_iter().any(|one| principal_text(&one.kind) == holder.arn)
    };
    let named = naming.get(&holder.arn).into_iter().flatten();
    for thing in named.filter_map(|at| facts.access().things.get(*at)) {
        for document in thing.policies.iter().filter(|document| document.policy.is_ok()) {
            if thing.kind.starts_with("AWS::KMS::") {
                // `*` in a key policy is the key.
                let statements =
                    document.policy.as_ref().map(|policy| &policy.statements).into_iter().flatten();
                for statement in statements.filter(|one| one.effect == Effect::Allow && names_it(one)) {
                    let narrowed = narrowed(statement, &thing.arn);
                    out.push(Granted {
                        name: document.name.to_string(),
                        policy: narrowed,
                        span: statement.span,
                    });
                }
            } else {
                of(document, &names_it, &mut out);
            }
        }
    }
    out
}

/// A statement of a key's policy, about that key.
fn narrowed(statement: &Statement, arn: &str) -> Result<Policy, String> {
    let text = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": arn }] });
    let made = document("key", &text.to_string()).and_then(|document| document.policy.ok());
    let mut policy = made.map(|policy| (*policy).clone()).ok_or("it cannot be read")?;
    let resources = policy.statements.first().and_then(|one| one.resources.clone());
    let mut own = statement.clone();
    own.principals = None;
    own.resources = resources;
    policy.statements = vec![own];
    Ok(policy)
}

enum Beyond {
    Nothing,
    Request(String, String),
    Unknown(String),
}

fn beyond(facts: &Facts<'_>, needs: &[Need<'_>], granted: &Result<Policy, String>) -> Beyond {
    let policy = match granted {
        Ok(policy) => policy,
        Err(why) => return Beyond::Unknown(why.clone()),
    };
    if policy.statements.iter().all(|statement| plainly_needed(facts, needs, statement)) {
        return Beyond::Nothing;
    }
    let statements: Vec<_> = needs.iter().map(|need| as_statement(facts, need)).collect();
    let text = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    let narrow = match document("needs", &text).map(|document| document.policy) {
        Some(Ok(narrow)) => (*narrow).clone(),
        // No need at all: nothing may be allowed.
        _ if needs.is_empty() => Policy { statements: Vec::new(), ..policy.clone() },
        Some(Err(why)) => return Beyond::Unknown(why),
        None => return Beyond::Unknown("the needs cannot be written as a policy".to_owned()),
    };
    match extra(policy, &narrow, facts.catalog.iam()) {
        Answer::No => Beyond::Nothing,
        Answer::Yes(request) => Beyond::Request(request.action, request.resource),
        Answer::Unknown(why) => Beyond::Unknown(why),
    }
}

fn as_statement(facts: &Facts<'_>, need: &Need<'_>) -> serde_json::Value {
    let mut out = json!({ "Effect": "Allow", "Action": need.actions, "Resource": need.patterns });
    if let (Some(via), Some(map)) = (need.via, out.as_object_mut()) {
        let service = format!("{via}.{}.amazonaws.com", region_of(facts, need.component));
        map.insert("Condition".to_owned(), json!({ "StringEquals": { "kms:ViaService": service } }));
    }
    out
}

/// Whether each action on each resource of a statement stands in a need, word for word: then no engine has to be asked.
fn plainly_needed(facts: &Facts<'_>, needs: &[Need<'_>], statement: &Statement) -> bool {
    let Some(resources) = statement.resources.as_ref().filter(|set| set.sense == Sense::Only) else {
        return false;
    };
    let via = |need: &Need<'_>| {
        need.via.is_none_or(|via| {
            let service = format!("{via}.{}.amazonaws.com", region_of(facts, need.component));
            statement.conditions.iter().any(|one| {
                one.key == "kms:viaservice"
                    && one.operator == iam::operator::Operator::StringEquals
                    && !one.if_exists
                    && one.qualifier == iam::operator::Qualifier::None
                    && one.values.iter().all(|value| rendered(&value.text) == service)
            })
        })
    };
    statement.actions.sense == Sense::Only
        && statement.actions.patterns.iter().all(|action| {
            let action = rendered(&action.text);
            resources.patterns.iter().all(|resource| {
                let resource = rendered(&resource.text);
                needs.iter().any(|need| {
                    need.actions.iter().any(|known| known.eq_ignore_ascii_case(&action))
                        && need.patterns.contains(&resource)
                        && via(need)
                })
            })
        })
}
