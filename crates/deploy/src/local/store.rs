//! The file of the local cloud.
//!
//! In: a path. Out: a connection, and rows in and out of it. Always: a change is one transaction, so that a process that is killed
//! leaves what was before or what is after; several processes may have the file open.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::identity::Known;
use crate::{Answer, CloudError, Place, StackState};

const TABLES: &str = "
create table if not exists meta (key text primary key, value text not null);
create table if not exists unit (id text primary key, name text not null, parent text not null);
create table if not exists account (number text primary key, name text not null, email text not null, parent text not null);
create table if not exists stack (
  account text not null, region text not null, name text not null, id text not null, status text not null, reason text,
  template text not null, parameters text not null, outputs text not null, tags text not null,
  created integer not null, changed integer not null, stack_set text, primary key (account, region, name));
create table if not exists member (
  account text not null, region text not null, stack text not null, logical text not null, kind text not null,
  physical text not null, wanted text not null, status text not null, retained integer not null,
  primary key (account, region, stack, logical));
create table if not exists resource (
  account text not null, region text not null, kind text not null, physical text not null, properties text not null,
  primary key (account, region, kind, physical));
create index if not exists resource_name on resource (kind, physical);
create table if not exists event (
  seq integer primary key autoincrement, stack_id text not null, at_ms integer not null, logical text not null,
  kind text not null, status text not null, reason text);
create index if not exists event_stack on event (stack_id);
create table if not exists change_set (
  account text not null, region text not null, stack text not null, name text not null, request text not null,
  primary key (account, region, stack, name));
create table if not exists trail (
  seq integer primary key autoincrement, account text not null, region text not null, kind text not null,
  physical text not null, at_ms integer not null, who text not null, action text not null, properties text not null);
create index if not exists trail_resource on trail (account, region, kind, physical);
create table if not exists entry (key text primary key, text text not null, version integer not null);
";

/// How long a process waits for another one's transaction.
const PATIENCE: Duration = Duration::from_secs(60);

/// Opens the file, and makes it where it is not there.
pub(super) fn open(path: &Path) -> Answer<Connection> {
    let connection = Connection::open(path).map_err(broken)?;
    connection.busy_timeout(PATIENCE).map_err(broken)?;
    // What is committed survives the process; losing power may lose the last transactions, never half of one.
    connection.pragma_update(None, "journal_mode", "wal").map_err(broken)?;
    connection.pragma_update(None, "synchronous", "normal").map_err(broken)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.execute_batch(TABLES).map_err(broken)?;
    Ok(connection)
}

/// What SQLite says when it cannot do its work.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(super) fn broken(error: rusqlite::Error) -> CloudError {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
            CloudError::Transient(format!("the local cloud is busy: {error}"))
        }
        _ => CloudError::refused("the local cloud's file", error.to_string()),
    }
}

pub(super) fn text_of<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

pub(super) fn value_of<T: DeserializeOwned + Default>(text: &str) -> T {
    serde_json::from_str(text).unwrap_or_default()
}

/// A value of the table of single values.
pub(super) fn meta(db: &Connection, key: &str) -> Answer<Option<String>> {
    db.prepare_cached("select value from meta where key = ?1")
        .and_then(|mut all| all.query_row([key], |row| row.get(0)).optional())
        .map_err(broken)
}

pub(super) fn set_meta(db: &Connection, key: &str, value: &str) -> Answer<()> {
    run(db, "insert into meta values (?1, ?2) on conflict (key) do update set value = ?2", &[&key, &value])
        .map(drop)
}

/// Runs a statement; answers how many rows it touched.
pub(super) fn run(db: &Connection, sql: &str, values: &[&dyn rusqlite::ToSql]) -> Answer<usize> {
    db.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).map_err(broken)
}

/// All rows of a query.
pub(super) fn rows<T>(
    db: &Connection,
    sql: &str,
    values: &[&dyn rusqlite::ToSql],
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
) -> Answer<Vec<T>> {
    let mut statement = db.prepare_cached(sql).map_err(broken)?;
    let found = statement.query_map(values, |row| read(row)).map_err(broken)?;
    found.collect::<rusqlite::Result<Vec<T>>>().map_err(broken)
}

/// A resource of a stack.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Member {
    pub logical: String,
    pub kind: String,
    pub physical: String,
    /// Its properties as the template last asked for them.
    pub wanted: Map<String, Value>,
    pub status: String,
    pub retained: bool,
}

const STACK: &str = "select name, id, status, reason, parameters, outputs, tags, created, changed from stack";

fn stack_row(row: &Row<'_>) -> rusqlite::Result<StackState> {
    let text = |at: usize| row.get::<_, String>(at);
    Ok(StackState {
        name: text(0)?,
        id: text(1)?,
        status: plan::StackStatus(text(2)?),
        reason: row.get(3)?,
        parameters: value_of(&text(4)?),
        outputs: value_of(&text(5)?),
        tags: value_of(&text(6)?),
        created: row.get::<_, i64>(7)?.unsigned_abs(),
        changed: row.get::<_, i64>(8)?.unsigned_abs(),
    })
}

/// A stack, whoever made it.
pub(super) fn stack(db: &Connection, place: &Place, name: &str) -> Answer<Option<StackState>> {
    let sql = format!("{STACK} where account = ?1 and region = ?2 and name = ?3");
    Ok(rows(db, &sql, &[&place.account, &place.region, &name], stack_row)?.pop())
}

/// The stacks of a place that no stack set made.
pub(super) fn stacks(db: &Connection, place: &Place) -> Answer<Vec<StackState>> {
    let sql = format!("{STACK} where account = ?1 and region = ?2 and stack_set is null order by name");
    rows(db, &sql, &[&place.account, &place.region], stack_row)
}

/// The members of a stack, the first made first.
pub(super) fn members(db: &Connection, place: &Place, stack: &str) -> Answer<Vec<Member>> {
    let sql = "select logical, kind, physical, wanted, status, retained from member
               where account = ?1 and region = ?2 and stack = ?3 order by rowid";
    rows(db, sql, &[&place.account, &place.region, &stack], |row| {
        Ok(Member {
            logical: row.get(0)?,
            kind: row.get(1)?,
            physical: row.get(2)?,
            wanted: value_of(&row.get::<_, String>(3)?),
            status: row.get(4)?,
            retained: row.get(5)?,
        })
    })
}

/// A resource as it is.
pub(super) fn resource(db: &Connection, place: &Place, kind: &str, physical: &str) -> Answer<Option<Known>> {
    let sql =
        "select properties from resource where account = ?1 and region = ?2 and kind = ?3 and physical = ?4";
    let found =
        rows(db, sql, &[&place.account, &place.region, &kind, &physical], |row| row.get::<_, String>(0))?;
    Ok(found.first().map(|text| Known {
        kind: kind.to_owned(),
        physical: physical.to_owned(),
        properties: value_of(text),
    }))
}

/// Writes a resource as it is from now on.
pub(super) fn put_resource(db: &Connection, place: &Place, known: &Known) -> Answer<()> {
    let sql = "insert into resource values (?1, ?2, ?3, ?4, ?5)
               on conflict (account, region, kind, physical) do update set properties = ?5";
    let properties = text_of(&known.properties);
    run(db, sql, &[&place.account, &place.region, &known.kind, &known.physical, &properties]).map(drop)
}

pub(super) fn drop_resource(db: &Connection, place: &Place, kind: &str, physical: &str) -> Answer<bool> {
    let sql = "delete from resource where account = ?1 and region = ?2 and kind = ?3 and physical = ?4";
    Ok(run(db, sql, &[&place.account, &place.region, &kind, &physical])? > 0)
}

/// Who did what to a resource, for the trail.
pub(super) fn record(
    db: &Connection,
    place: &Place,
    known: (&str, &str),
    who: &str,
    action: &str,
    properties: &[String],
    at_ms: u64,
) -> Answer<()> {
    let at = i64::try_from(at_ms).unwrap_or(i64::MAX);
    let sql = "insert into trail (account, region, kind, physical, at_ms, who, action, properties)
               values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let list = text_of(&properties);
    db.prepare_cached(sql)
        .and_then(|mut it| {
            it.execute(params![place.account, place.region, known.0, known.1, at, who, action, list])
        })
        .map(drop)
        .map_err(broken)
}
