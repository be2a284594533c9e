//! A policy as JSON.
//!
//! In: a [`Policy`]. Out: its document as a JSON value. Must always hold: reading what was printed gives the same
//! policy, places apart.

use serde_json::{Map, Value, json};

use crate::operator::spell;
use crate::policy::{Policy, PrincipalKind, PrincipalSet, Sense, Statement};

/// The document of a policy.
#[must_use]
pub fn json(policy: &Policy) -> Value {
    let mut out = Map::new();
    if policy.version_span.is_some() {
        out.insert("Version".to_owned(), policy.version.word().into());
    }
    if let Some(id) = &policy.id {
        out.insert("Id".to_owned(), id.as_str().into());
    }
    out.insert("Statement".to_owned(), policy.statements.iter().map(statement).collect());
    Value::Object(out)
}

/// One statement.
#[must_use]
pub fn statement(statement: &Statement) -> Value {
    let mut out = Map::new();
    if let Some(sid) = &statement.sid {
        out.insert("Sid".to_owned(), sid.as_str().into());
    }
    out.insert("Effect".to_owned(), statement.effect.word().into());
    if let Some(set) = &statement.principals {
        out.insert(key(set.sense, "Principal"), principals(set));
    }
    let actions = statement.actions.patterns.iter().map(|pattern| pattern.written.as_str()).collect();
    out.insert(key(statement.actions.sense, "Action"), one_or_many(actions));
    if let Some(set) = &statement.resources {
        let resources = set.patterns.iter().map(|pattern| pattern.written.as_str()).collect();
        out.insert(key(set.sense, "Resource"), one_or_many(resources));
    }
    if !statement.conditions.is_empty() {
        let mut conditions = Map::new();
        for condition in &statement.conditions {
            let name = spell(condition.qualifier, condition.operator, condition.if_exists);
            let keys = conditions.entry(name.as_str()).or_insert_with(|| json!({}));
            let values = condition.values.iter().map(|value| value.written.as_str()).collect();
            if let Some(keys) = keys.as_object_mut() {
                keys.insert(condition.written_key.to_string(), one_or_many(values));
            }
        }
        out.insert("Condition".to_owned(), Value::Object(conditions));
    }
    Value::Object(out)
}

fn key(sense: Sense, name: &str) -> String {
    match sense {
        Sense::Only => name.to_owned(),
        Sense::AllBut => format!("Not{name}"),
    }
}

fn principals(set: &PrincipalSet) -> Value {
    if let [only] = set.principals.as_slice()
        && only.kind == PrincipalKind::Everyone
    {
        return "*".into();
    }
    let mut out = Map::new();
    for principal in &set.principals {
        let names = out.entry(principal.kind.key()).or_insert_with(|| json!([]));
        if let Some(names) = names.as_array_mut() {
            names.push(principal.written.as_str().into());
        }
    }
    Value::Object(out)
}

fn one_or_many(texts: Vec<&str>) -> Value {
    match texts.as_slice() {
        [only] => (*only).into(),
        _ => texts.into(),
    }
}
