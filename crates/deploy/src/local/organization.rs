//! The organization of the local cloud: what its resources mean for units and accounts.
//!
//! In: a resource that was made or changed. Out: rows of units and accounts. Always: an account is there as soon as a stack made it,
//! in the unit that it names, else in the root.

use rusqlite::Connection;
use serde_json::{Value, json};

use super::identity::{Known, digits, number};
use super::store::{meta, rows, run, set_meta};
use crate::template::plain;
use crate::{AccountState, Answer, OrganizationChange, OrganizationState, Place, UnitState};

/// The management account of a new local cloud.
pub(super) fn management(db: &Connection) -> Answer<String> {
    if let Some(known) = meta(db, "management")? {
        return Ok(known);
    }
    let made = number("the management account of a local cloud");
    set_meta(db, "management", &made)?;
    Ok(made)
}

/// Takes notice of a resource that was made or changed.
pub(super) fn follow(db: &Connection, place: &Place, known: &Known) -> Answer<()> {
    let text = |name: &str| known.properties.get(name).map(plain).unwrap_or_default();
    match known.kind.as_str() {
        "AWS::Organizations::Organization" => create(db, &place.account, &known.physical).map(drop),
        "AWS::Organizations::OrganizationalUnit" => {
            put_unit(db, &known.physical, &text("Name"), &text("ParentId"))
        }
        "AWS::Organizations::Account" => {
            let parent = known.properties.get("ParentIds").and_then(|ids| ids.get(0)).and_then(Value::as_str);
            let parent = match parent {
                Some(parent) => parent.to_owned(),
                None => meta(db, "root")?.unwrap_or_default(),
            };
            put_account(db, &known.physical, &text("AccountName"), &text("Email"), &parent)
        }
        _ => Ok(()),
    }
}

/// Takes notice of a resource that was deleted.
pub(super) fn leave(db: &Connection, kind: &str, physical: &str) -> Answer<()> {
    let sql = match kind {
        "AWS::Organizations::OrganizationalUnit" => "delete from unit where id = ?1",
        "AWS::Organizations::Account" => "delete from account where number = ?1",
        _ => return Ok(()),
    };
    run(db, sql, &[&physical]).map(drop)
}

fn create(db: &Connection, account: &str, id: &str) -> Answer<String> {
    if let Some(known) = meta(db, "organization")? {
        return Ok(known);
    }
    let root = format!("r-{}", digits(id, 4));
    set_meta(db, "organization", id)?;
    set_meta(db, "root", &root)?;
    put_account(db, account, "management", "management@local.invalid", &root)?;
    Ok(id.to_owned())
}

fn put_unit(db: &Connection, id: &str, name: &str, parent: &str) -> Answer<()> {
    let sql = "insert into unit values (?1, ?2, ?3) on conflict (id) do update set name = ?2, parent = ?3";
    run(db, sql, &[&id, &name, &parent]).map(drop)
}

fn put_account(db: &Connection, number: &str, name: &str, email: &str, parent: &str) -> Answer<()> {
    let sql = "insert into account values (?1, ?2, ?3, ?4)
               on conflict (number) do update set name = ?2, email = ?3, parent = ?4";
    run(db, sql, &[&number, &name, &email, &parent]).map(drop)
}

/// The organization as it is.
pub(super) fn state(db: &Connection) -> Answer<Option<OrganizationState>> {
    let (Some(id), Some(root)) = (meta(db, "organization")?, meta(db, "root")?) else { return Ok(None) };
    let units = rows(db, "select id, name, parent from unit order by rowid", &[], |row| {
        Ok(UnitState { id: row.get(0)?, name: row.get(1)?, parent: row.get(2)? })
    })?;
    let accounts = rows(db, "select number, name, email, parent from account order by rowid", &[], |row| {
        Ok(AccountState {
            number: row.get(0)?,
            name: row.get(1)?,
            email: row.get(2)?,
            status: "ACTIVE".to_owned(),
            parent: row.get(3)?,
        })
    })?;
    Ok(Some(OrganizationState { id, root, management: management(db)?, units, accounts }))
}

/// A part of the organization as a resource, also one that no stack made; they have no region.
pub(super) fn resource(db: &Connection, kind: &str, id: &str) -> Answer<Option<Known>> {
    let Some(state) = state(db)? else { return Ok(None) };
    let properties = match kind {
        "AWS::Organizations::Organization" => (state.id == id).then(|| json!({ "FeatureSet": "ALL" })),
        "AWS::Organizations::OrganizationalUnit" => {
            let unit = state.units.iter().find(|unit| unit.id == id);
            unit.map(|unit| json!({ "Name": unit.name, "ParentId": unit.parent }))
        }
        "AWS::Organizations::Account" => {
            let known = state.accounts.iter().find(|account| account.number == id);
            known.map(|it| json!({ "AccountName": it.name, "Email": it.email, "ParentIds": [it.parent] }))
        }
        _ => None,
    };
    let properties = properties.and_then(|it| it.as_object().cloned());
    let (kind, physical) = (kind.to_owned(), id.to_owned());
    Ok(properties.map(|properties| Known { kind, physical, properties }))
}

/// Changes the organization without a stack.
pub(super) fn organize(db: &Connection, change: &OrganizationChange) -> Answer<String> {
    match change {
        OrganizationChange::CreateOrganization => {
            let account = management(db)?;
            create(db, &account, &format!("o-{}", digits(&account, 10)))
        }
        OrganizationChange::CreateUnit { name, parent } => {
            let sql = "select id from unit where name = ?1 and parent = ?2";
            let known = rows(db, sql, &[name, parent], |row| row.get::<_, String>(0))?;
            let id = known
                .into_iter()
                .next()
                .unwrap_or_else(|| format!("ou-{}", digits(&format!("{parent}{name}"), 17)));
            put_unit(db, &id, name, parent)?;
            Ok(id)
        }
        OrganizationChange::CreateAccount { name, email } => {
            let (id, root) = (number(email), meta(db, "root")?.unwrap_or_default());
            let sql = "insert into account values (?1, ?2, ?3, ?4) on conflict (number) do nothing";
            run(db, sql, &[&id, name, email, &root])?;
            Ok(id)
        }
        OrganizationChange::MoveAccount { number, to } => {
            run(db, "update account set parent = ?2 where number = ?1", &[number, to])?;
            Ok(number.clone())
        }
    }
}

/// Accounts in some units and beneath them.
pub(super) fn accounts_in(state: &OrganizationState, units: &[String]) -> Vec<String> {
    let mut inside: Vec<&str> = units.iter().map(String::as_str).collect();
    // Units stand after their parents or before: go on until nothing is added.
    loop {
        let before = inside.len();
        for unit in &state.units {
            if inside.contains(&unit.parent.as_str()) && !inside.contains(&unit.id.as_str()) {
                inside.push(&unit.id);
            }
        }
        if inside.len() == before {
            break;
        }
    }
    let accounts = state.accounts.iter().filter(|account| inside.contains(&account.parent.as_str()));
    // Source: AWS CloudFormation User Guide, "StackSets concepts": never into the management account.
    accounts
        .filter(|account| account.number != state.management)
        .map(|account| account.number.clone())
        .collect()
}
