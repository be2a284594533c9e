//! The local cloud: AWS as far as a deployment sees it, in one file.
//!
//! In: the path of a file, made where it is not there. Out: a [`Cloud`]. Always: every call is one transaction of SQLite, so that nothing
//! is half done however a process ends; what it makes is as AWS documents it, and where it does less it says so
//! (`docs/deploy.md`): it has no data, no API but this one, and stacks finish at once.

mod behind;
mod fleet;
mod identity;
mod organization;
mod stacks;
mod store;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, TransactionBehavior};
use serde_json::Value;

use crate::{
    Answer, Caller, ChangeSet, Cloud, CloudError, Entry, FleetInstance, OrganizationChange,
    OrganizationState, Place, ResourceState, StackEvent, StackRequest, StackResource, StackState, TrailEvent,
};
pub use behind::Found;
use identity::digits;
use stacks::{Asked, Failure, Moment, Work};
use store::{broken, rows, run, text_of, value_of};

/// A cloud in a file.
pub struct LocalCloud {
    db: Mutex<Connection>,
    path: String,
    who: String,
}

impl LocalCloud {
    /// Opens a cloud, and makes it where it is not there. `who`: the name under which its trail keeps what is done here.
    ///
    /// # Errors
    /// Where the file cannot be opened or is none of ours.
    pub fn open(path: &Path, who: &str) -> Answer<Self> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|error| {
                CloudError::refused("the local cloud's file", format!("{}: {error}", folder.display()))
            })?;
        }
        let db = Mutex::new(store::open(path)?);
        Ok(Self { db, path: path.display().to_string(), who: who.to_owned() })
    }

    fn read_only<T>(&self, work: impl FnOnce(&Connection) -> Answer<T>) -> Answer<T> {
        work(&self.db.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs work as one transaction; nothing of it is kept where it fails.
    fn transaction<T>(&self, work: impl FnOnce(&Connection) -> Answer<T>) -> Answer<T> {
        let mut db = self.db.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(broken)?;
        let done = work(&transaction)?;
        transaction.commit().map_err(broken)?;
        Ok(done)
    }

    fn moment(&self) -> Moment<'_> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Moment { at_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX), who: &self.who }
    }
}

/// Where an account does not exist, nothing does.
fn reachable(db: &Connection, place: &Place) -> Answer<()> {
    let known = rows(db, "select 1 from account where number = ?1", &[&place.account], |_| Ok(()))?;
    if known.is_empty() && place.account != organization::management(db)? {
        return Err(CloudError::Missing(format!("account {}", place.account)));
    }
    Ok(())
}

fn missing(place: &Place, name: &str) -> CloudError {
    CloudError::Missing(format!("stack {name} in {place}"))
}

/// Runs work within a transaction and undoes all of it where `keep` does not hold of what came of it.
fn attempt<T>(db: &Connection, keep: impl FnOnce(&T) -> bool, work: impl FnOnce() -> T) -> Answer<T> {
    db.execute_batch("savepoint attempt").map_err(broken)?;
    let done = work();
    if !keep(&done) {
        db.execute_batch("rollback to attempt").map_err(broken)?;
    }
    db.execute_batch("release attempt").map_err(broken)?;
    Ok(done)
}

impl Cloud for LocalCloud {
    fn title(&self) -> String {
        format!("the local cloud in {}", self.path)
    }

    fn caller(&self) -> Answer<Caller> {
        let account = self.transaction(organization::management)?;
        Ok(Caller { account, identity: self.who.clone() })
    }

    fn organization(&self) -> Answer<Option<OrganizationState>> {
        self.read_only(organization::state)
    }

    fn organize(&self, change: &OrganizationChange) -> Answer<String> {
        self.transaction(|db| {
            let id = organization::organize(db, change)?;
            fleet::follow(db, self.moment())?;
            Ok(id)
        })
    }

    fn stacks(&self, place: &Place) -> Answer<Vec<StackState>> {
        self.read_only(|db| {
            reachable(db, place)?;
            store::stacks(db, place)
        })
    }

    fn stack(&self, place: &Place, name: &str) -> Answer<Option<StackState>> {
        self.read_only(|db| store::stack(db, place, name))
    }

    fn template(&self, place: &Place, name: &str) -> Answer<Arc<str>> {
        let sql = "select template from stack where account = ?1 and region = ?2 and name = ?3";
        let found = self.read_only(|db| {
            rows(db, sql, &[&place.account, &place.region, &name], |row| row.get::<_, String>(0))
        })?;
        found.into_iter().next().map(Arc::from).ok_or_else(|| missing(place, name))
    }

    fn stack_resources(&self, place: &Place, name: &str) -> Answer<Vec<StackResource>> {
        self.read_only(|db| {
            store::stack(db, place, name)?.ok_or_else(|| missing(place, name))?;
            let resource = |it: store::Member| StackResource {
                logical_id: it.logical,
                kind: it.kind,
                physical_id: it.physical,
                status: it.status,
                reason: None,
            };
            Ok(store::members(db, place, name)?.into_iter().map(resource).collect())
        })
    }

    fn stack_events(&self, place: &Place, name: &str, since: Option<&str>) -> Answer<Vec<StackEvent>> {
        self.read_only(|db| {
            let id = store::stack(db, place, name)?.map_or_else(|| name.to_owned(), |stack| stack.id);
            let after: i64 = since.and_then(|since| since.parse().ok()).unwrap_or(0);
            let sql = "select seq, at_ms, logical, kind, status, reason from event
                       where stack_id = ?1 and seq > ?2 order by seq";
            rows(db, sql, &[&id, &after], |row| {
                Ok(StackEvent {
                    id: row.get::<_, i64>(0)?.to_string(),
                    at_ms: row.get::<_, i64>(1)?.unsigned_abs(),
                    logical_id: row.get(2)?,
                    kind: row.get(3)?,
                    status: row.get(4)?,
                    reason: row.get(5)?,
                })
            })
        })
    }

    fn prepare(&self, place: &Place, request: &StackRequest) -> Answer<ChangeSet> {
        let asked = Asked {
            template: request.template.to_string(),
            parameters: request.parameters.clone(),
            tags: request.tags.clone(),
            capabilities: request.capabilities.clone(),
            revert_drift: request.revert_drift,
            import: request.import.clone(),
        };
        let template = stacks::validate(&asked)?;
        let moment = self.moment();
        self.transaction(|db| {
            reachable(db, place)?;
            let known = store::stack(db, place, &request.name)?;
            if known.as_ref().is_some_and(|stack| stack.status.in_progress()) {
                return Err(CloudError::Conflict(format!("{} is being changed", request.name)));
            }
            let new = known.as_ref().is_none_or(|stack| stack.status.is_empty_shell());
            let id = known.as_ref().map_or_else(
                || format!("arn:aws:cloudformation:{}:{}:stack/{}/{}", place.region, place.account, request.name,
                    digits(&format!("{place}{}{}", request.name, moment.at_ms), 32)),
                |stack| stack.id.clone(),
            );
            if known.is_none() {
                let at = i64::try_from(moment.at_ms / 1000).unwrap_or(i64::MAX);
                let sql = "insert into stack values (?1, ?2, ?3, ?4, 'REVIEW_IN_PROGRESS', null, '', '{}', '{}', '{}', ?5, ?5, null)";
                run(db, sql, &[&place.account, &place.region, &request.name, &id, &at])?;
            }
            // What it would do is found out by doing it, and undoing it.
            let work = Work { db, place, name: &request.name, id: &id, moment };
            let tried = attempt(db, |_| false, || work.apply(&asked, &template))?;
            let changes = match tried {
                Ok(changes) => changes,
                // It will fail; executing it says why.
                Err(Failure::Resource { .. }) => Vec::new(),
                Err(Failure::Cloud(error)) => return Err(error),
            };
            let failing = attempt(db, |_| false, || work.apply(&asked, &template))?.is_err();
            let same = known.is_some_and(|stack| stack.tags == asked.tags && stack.parameters == asked.parameters);
            let same_template = {
                let sql = "select template from stack where account = ?1 and region = ?2 and name = ?3";
                let found = rows(db, sql, &[&place.account, &place.region, &request.name], |row| row.get::<_, String>(0))?;
                found.first() == Some(&asked.template)
            };
            let empty = !new && !failing && changes.is_empty() && same && same_template;
            if !empty {
                let sql = "insert into change_set values (?1, ?2, ?3, ?4, ?5)
                           on conflict (account, region, stack, name) do update set request = ?5";
                run(db, sql, &[&place.account, &place.region, &request.name, &request.change_set, &text_of(&asked)])?;
            }
            Ok(ChangeSet { name: request.change_set.clone(), changes, empty })
        })
    }

    fn execute(&self, place: &Place, stack: &str, change_set: &str) -> Answer<()> {
        self.transaction(|db| {
            let known = store::stack(db, place, stack)?.ok_or_else(|| missing(place, stack))?;
            let sql = "select request from change_set where account = ?1 and region = ?2 and stack = ?3 and name = ?4";
            let found =
                rows(db, sql, &[&place.account, &place.region, &stack, &change_set], |row| row.get::<_, String>(0))?;
            let asked = found.first().and_then(|text| serde_json::from_str::<Asked>(text).ok());
            let asked = asked.ok_or_else(|| CloudError::Missing(format!("change set {change_set} of {stack}")))?;
            run(db, "delete from change_set where account = ?1 and region = ?2 and stack = ?3",
                &[&place.account, &place.region, &stack])?;
            let template = stacks::validate(&asked)?;
            let verb = match (known.status.is_empty_shell(), asked.import.is_empty()) {
                (true, true) => "CREATE",
                (false, true) => "UPDATE",
                (_, false) => "IMPORT",
            };
            let work = Work { db, place, name: stack, id: &known.id, moment: self.moment() };
            work.status(&format!("{verb}_IN_PROGRESS"), None)?;
            if known.status.is_empty_shell() {
                // A stack has its tags from the beginning, also where its creation fails.
                let sql = "update stack set tags = ?4 where account = ?1 and region = ?2 and name = ?3";
                run(db, sql, &[&place.account, &place.region, &stack, &text_of(&asked.tags)])?;
            }
            match attempt(db, Result::is_ok, || work.apply(&asked, &template))? {
                Ok(changes) => {
                    for change in &changes {
                        work.event(&change.logical_id, &change.kind, &format!("{verb}_COMPLETE"), None)?;
                    }
                    work.status(&format!("{verb}_COMPLETE"), None)?;
                    let moves = |kind: &str| kind == fleet::KIND || kind.starts_with("AWS::Organizations::");
                    if changes.iter().any(|change| moves(&change.kind)) {
                        fleet::follow(db, work.moment)?;
                    }
                    Ok(())
                }
                Err(Failure::Resource { logical, kind, why }) => {
                    work.event(&logical, &kind, &format!("{verb}_FAILED"), Some(&why))?;
                    let back = if verb == "CREATE" { "ROLLBACK" } else { "UPDATE_ROLLBACK" };
                    let reason = format!("The following resource(s) failed: [{logical}].");
                    work.status(&format!("{back}_IN_PROGRESS"), Some(&reason))?;
                    work.status(&format!("{back}_COMPLETE"), Some(&reason))
                }
                Err(Failure::Cloud(error)) => Err(error),
            }
        })
    }

    fn discard(&self, place: &Place, stack: &str, change_set: &str) -> Answer<()> {
        let sql = "delete from change_set where account = ?1 and region = ?2 and stack = ?3 and name = ?4";
        self.transaction(|db| run(db, sql, &[&place.account, &place.region, &stack, &change_set]).map(drop))
    }

    fn delete_stack(&self, place: &Place, name: &str) -> Answer<()> {
        self.transaction(|db| {
            let Some(known) = store::stack(db, place, name)? else { return Ok(()) };
            let moment = self.moment();
            Work { db, place, name, id: &known.id, moment }.delete()?;
            fleet::follow(db, moment)
        })
    }

    fn fleet(&self, _: &Place, stack_set: &str) -> Answer<Vec<FleetInstance>> {
        self.read_only(|db| fleet::state(db, stack_set))
    }

    fn resource(&self, place: &Place, kind: &str, id: &str) -> Answer<Option<ResourceState>> {
        self.read_only(|db| {
            let found = match store::resource(db, place, kind, id)? {
                None => organization::resource(db, kind, id)?,
                found => found,
            };
            Ok(found.map(|known| ResourceState {
                kind: known.kind,
                id: known.physical,
                properties: Value::Object(known.properties),
            }))
        })
    }

    fn attribute(&self, place: &Place, kind: &str, id: &str, name: &str) -> Answer<Option<Value>> {
        self.read_only(|db| {
            let root = || store::meta(db, "root").ok().flatten().unwrap_or_default();
            let found = match store::resource(db, place, kind, id)? {
                None => organization::resource(db, kind, id)?,
                found => found,
            };
            Ok(found.and_then(|known| identity::attribute(place, &known, name, root)))
        })
    }

    fn resources(&self, place: &Place, kind: &str) -> Answer<Vec<String>> {
        let sql = "select physical from resource where account = ?1 and region = ?2 and kind = ?3 order by physical";
        self.read_only(|db| rows(db, sql, &[&place.account, &place.region, &kind], |row| row.get(0)))
    }

    fn kinds(&self, place: &Place) -> Answer<Option<Vec<String>>> {
        let sql = "select distinct kind from resource where account = ?1 and region = ?2 order by kind";
        self.read_only(|db| rows(db, sql, &[&place.account, &place.region], |row| row.get(0))).map(Some)
    }

    fn delete_resource(&self, place: &Place, kind: &str, id: &str) -> Answer<()> {
        self.transaction(|db| {
            if store::drop_resource(db, place, kind, id)? {
                organization::leave(db, kind, id)?;
                let moment = self.moment();
                store::record(
                    db,
                    place,
                    (kind, id),
                    moment.who,
                    "cloudcontrol:DeleteResource",
                    &[],
                    moment.at_ms,
                )?;
            }
            Ok(())
        })
    }

    fn trail(&self, place: &Place, kind: &str, id: &str) -> Answer<Vec<TrailEvent>> {
        let sql = "select at_ms, who, action, properties from trail
                   where account = ?1 and region = ?2 and kind = ?3 and physical = ?4 order by seq desc";
        self.read_only(|db| {
            rows(db, sql, &[&place.account, &place.region, &kind, &id], |row| {
                Ok(TrailEvent {
                    at_ms: row.get::<_, i64>(0)?.unsigned_abs(),
                    who: row.get(1)?,
                    action: row.get(2)?,
                    properties: value_of(&row.get::<_, String>(3)?),
                })
            })
        })
    }

    fn read(&self, key: &str) -> Answer<Option<Entry>> {
        let found = self.read_only(|db| entry(db, key))?;
        Ok(found.map(|(text, version)| Entry { text, version: version.to_string() }))
    }

    fn write(&self, key: &str, text: &str, expected: Option<&str>) -> Answer<String> {
        self.transaction(|db| {
            let known = entry(db, key)?.map(|(_, version)| version);
            if known.map(|version| version.to_string()).as_deref() != expected {
                return Err(CloudError::Conflict(format!("{key} was written by somebody else")));
            }
            let version = known.unwrap_or(0) + 1;
            let sql = "insert into entry values (?1, ?2, ?3) on conflict (key) do update set text = ?2, version = ?3";
            run(db, sql, &[&key, &text, &version])?;
            Ok(version.to_string())
        })
    }

    fn remove(&self, key: &str, expected: &str) -> Answer<()> {
        self.transaction(|db| match entry(db, key)? {
            None => Ok(()),
            Some((_, version)) if version.to_string() == expected => {
                run(db, "delete from entry where key = ?1", &[&key]).map(drop)
            }
            Some(_) => Err(CloudError::Conflict(format!("{key} was written by somebody else"))),
        })
    }

    fn keys(&self, prefix: &str) -> Answer<Vec<String>> {
        let sql = "select key from entry where substr(key, 1, ?2) = ?1 order by key";
        let length = i64::try_from(prefix.chars().count()).unwrap_or(0);
        self.read_only(|db| rows(db, sql, &[&prefix, &length], |row| row.get(0)))
    }
}

fn entry(db: &Connection, key: &str) -> Answer<Option<(String, i64)>> {
    let found = rows(db, "select text, version from entry where key = ?1", &[&key], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    Ok(found.into_iter().next())
}
