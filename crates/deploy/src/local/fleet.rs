//! Stack sets of the local cloud: one template, a stack in each account of some units and in each of some regions.
//!
//! In: the stack sets that stacks have, and the organization. Out: their stacks. Always: after every change there is one for each
//! account and region that a stack set names, new accounts among them, and none for others.
//!
//! Source: AWS CloudFormation User Guide, "Deploying StackSets with service-managed permissions", automatic deployment.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use serde_json::Value;

use super::identity::digits;
use super::organization;
use super::stacks::{Asked, Failure, Moment, Work, validate};
use super::store::{rows, run, value_of};
use crate::template::plain;
use crate::{Answer, FleetInstance, Place};

pub(super) const KIND: &str = "AWS::CloudFormation::StackSet";

/// Makes what stack sets say.
pub(super) fn follow(db: &Connection, moment: Moment<'_>) -> Answer<()> {
    let Some(state) = organization::state(db)? else { return Ok(()) };
    let sets = rows(db, "select physical, properties from resource where kind = ?1", &[&KIND], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
    })?;
    for (set, properties) in sets {
        let properties: Value = value_of(&properties);
        let mut places = BTreeSet::new();
        for group in properties.get("StackInstancesGroup").and_then(Value::as_array).into_iter().flatten() {
            let list = |pointer: &str| -> Vec<String> {
                group.pointer(pointer).and_then(Value::as_array).into_iter().flatten().map(plain).collect()
            };
            let mut accounts =
                organization::accounts_in(&state, &list("/DeploymentTargets/OrganizationalUnitIds"));
            let named = list("/DeploymentTargets/Accounts");
            match group.pointer("/DeploymentTargets/AccountFilterType").and_then(Value::as_str) {
                Some("DIFFERENCE") => accounts.retain(|account| !named.contains(account)),
                Some("INTERSECTION") => accounts.retain(|account| named.contains(account)),
                _ => accounts.extend(named),
            }
            for region in list("/Regions") {
                places.extend(accounts.iter().map(|account| Place::new(account.clone(), region.clone())));
            }
        }
        let parameters: BTreeMap<String, String> = properties
            .get("Parameters")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|one| Some((plain(one.get("ParameterKey")?), plain(one.get("ParameterValue")?))))
            .collect();
        let asked = Asked {
            template: properties.get("TemplateBody").map(plain).unwrap_or_default(),
            parameters,
            tags: BTreeMap::new(),
            capabilities: vec!["CAPABILITY_NAMED_IAM".to_owned()],
            revert_drift: false,
            import: Vec::new(),
        };
        let there = instances(db, &set)?;
        for (place, name) in there.iter().filter(|(place, _)| !places.contains(place)) {
            work(db, place, name, moment).delete()?;
        }
        for place in &places {
            let known = there.iter().find(|(of, _)| of == place).map(|(_, name)| name.clone());
            instance(db, &set, place, known, &asked, moment)?;
        }
    }
    Ok(())
}

fn work<'c>(db: &'c Connection, place: &'c Place, name: &'c str, moment: Moment<'c>) -> Work<'c> {
    Work { db, place, name, id: name, moment }
}

fn instances(db: &Connection, set: &str) -> Answer<Vec<(Place, String)>> {
    rows(db, "select account, region, name from stack where stack_set = ?1", &[&set], |row| {
        Ok((Place::new(row.get::<_, String>(0)?, row.get::<_, String>(1)?), row.get(2)?))
    })
}

fn instance(
    db: &Connection,
    set: &str,
    place: &Place,
    known: Option<String>,
    asked: &Asked,
    moment: Moment<'_>,
) -> Answer<()> {
    let name = known.unwrap_or_else(|| format!("StackSet-{set}-{}", digits(&format!("{set}{place}"), 12)));
    let sql = "select template = ?4 and parameters = ?5 and status not like '%FAILED%' from stack
               where account = ?1 and region = ?2 and name = ?3";
    let parameters = super::store::text_of(&asked.parameters);
    let same = rows(db, sql, &[&place.account, &place.region, &name, &asked.template, &parameters], |row| {
        row.get::<_, bool>(0)
    })?;
    if same.first() == Some(&true) {
        return Ok(());
    }
    let at = i64::try_from(moment.at_ms / 1000).unwrap_or(i64::MAX);
    let sql = "insert into stack values (?1, ?2, ?3, ?3, 'CREATE_IN_PROGRESS', null, '', '{}', '{}', '{}', ?4, ?4, ?5)
               on conflict (account, region, name) do nothing";
    run(db, sql, &[&place.account, &place.region, &name, &at, &set])?;
    let work = work(db, place, &name, moment);
    let done = match validate(asked) {
        Ok(template) => super::attempt(db, Result::is_ok, || work.apply(asked, &template))?,
        Err(error) => Err(Failure::Cloud(error)),
    };
    match done {
        Ok(_) => work.status("CREATE_COMPLETE", None),
        Err(Failure::Cloud(error)) => work.status("CREATE_FAILED", Some(&error.to_string())),
        Err(Failure::Resource { logical, why, .. }) => {
            work.status("CREATE_FAILED", Some(&format!("{logical}: {why}")))
        }
    }
}

/// Removes all stacks of a stack set.
pub(super) fn remove(db: &Connection, set: &str, moment: Moment<'_>) -> Answer<()> {
    instances(db, set)?.iter().try_for_each(|(place, name)| work(db, place, name, moment).delete())
}

/// The stacks of a stack set.
pub(super) fn state(db: &Connection, set: &str) -> Answer<Vec<FleetInstance>> {
    let sql = "select account, region, status, reason, name from stack where stack_set = ?1 order by account, region";
    rows(db, sql, &[&set], |row| {
        let status: String = row.get(2)?;
        Ok(FleetInstance {
            place: Place::new(row.get::<_, String>(0)?, row.get::<_, String>(1)?),
            stack: row.get(4)?,
            status: if status.ends_with("COMPLETE") { "CURRENT" } else { "INOPERABLE" }.to_owned(),
            reason: row.get(3)?,
        })
    })
}
