//! Changes of the local cloud behind everybody's back: what a console is for.
//!
//! In: a place, a resource, and who. Out: the resource is changed, deleted or made, and the trail says by whom. Always: no stack takes
//! notice.

use serde_json::{Map, Value};

use super::identity::Known;
use super::store::{self, rows};
use super::{LocalCloud, organization};
use crate::{Answer, CloudError, Place};

/// A resource of the local cloud, wherever it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Where.
    pub place: Place,
    /// Its type.
    pub kind: String,
    /// What `Ref` returns for it.
    pub id: String,
    /// The stack and the logical id, where one has it.
    pub of: Option<(String, String)>,
    /// Its properties.
    pub properties: Value,
}

impl LocalCloud {
    /// Resources whose id, or logical id, contains a text; all of them for an empty one.
    ///
    /// # Errors
    /// As any call.
    pub fn find(&self, text: &str) -> Answer<Vec<Found>> {
        let sql = "select r.account, r.region, r.kind, r.physical, r.properties, m.stack, m.logical
                   from resource r left join member m on m.account = r.account and m.region = r.region
                     and m.kind = r.kind and m.physical = r.physical
                   where instr(r.physical, ?1) > 0 or instr(coalesce(m.logical, ''), ?1) > 0
                   order by r.account, r.region, r.kind, r.physical";
        self.read_only(|db| {
            rows(db, sql, &[&text], |row| {
                let (stack, logical): (Option<String>, Option<String>) = (row.get(5)?, row.get(6)?);
                Ok(Found {
                    place: Place::new(row.get::<_, String>(0)?, row.get::<_, String>(1)?),
                    kind: row.get(2)?,
                    id: row.get(3)?,
                    properties: store::value_of(&row.get::<_, String>(4)?),
                    of: stack.zip(logical),
                })
            })
        })
    }

    /// Sets a property, named by a path such as `VersioningConfiguration/Status`; `None` takes it away.
    ///
    /// # Errors
    /// [`CloudError::Missing`] where there is no such resource.
    pub fn edit(&self, who: &str, found: &Found, path: &str, value: Option<Value>) -> Answer<()> {
        self.transaction(|db| {
            let known = store::resource(db, &found.place, &found.kind, &found.id)?;
            let mut known = known.ok_or_else(|| CloudError::Missing(found.id.clone()))?;
            let mut steps: Vec<&str> = path.split(['/', '.']).filter(|step| !step.is_empty()).collect();
            let last =
                steps.pop().ok_or_else(|| CloudError::refused("ValidationError", "no property is named"))?;
            set(&mut known.properties, &steps, last, value);
            store::put_resource(db, &found.place, &known)?;
            organization::follow(db, &found.place, &known)?;
            let top = steps.first().copied().unwrap_or(last).to_owned();
            self.behind(db, who, found, "UpdateResource", &[top])
        })
    }

    /// Deletes a resource.
    ///
    /// # Errors
    /// [`CloudError::Missing`] where there is no such resource.
    pub fn delete_behind(&self, who: &str, found: &Found) -> Answer<()> {
        self.transaction(|db| {
            if !store::drop_resource(db, &found.place, &found.kind, &found.id)? {
                return Err(CloudError::Missing(found.id.clone()));
            }
            organization::leave(db, &found.kind, &found.id)?;
            self.behind(db, who, found, "DeleteResource", &[])
        })
    }

    /// Makes a resource that no stack has.
    ///
    /// # Errors
    /// [`CloudError::Refused`] where it exists already.
    pub fn create_behind(&self, who: &str, found: &Found) -> Answer<()> {
        self.transaction(|db| {
            super::reachable(db, &found.place)?;
            if store::resource(db, &found.place, &found.kind, &found.id)?.is_some() {
                return Err(CloudError::refused("AlreadyExists", format!("{} already exists", found.id)));
            }
            let properties = found.properties.as_object().cloned().unwrap_or_default();
            let known = Known { kind: found.kind.clone(), physical: found.id.clone(), properties };
            store::put_resource(db, &found.place, &known)?;
            self.behind(db, who, found, "CreateResource", &[])
        })
    }

    fn behind(
        &self,
        db: &rusqlite::Connection,
        who: &str,
        found: &Found,
        verb: &str,
        properties: &[String],
    ) -> Answer<()> {
        let at = self.moment().at_ms;
        let action = format!("console:{verb}");
        store::record(db, &found.place, (&found.kind, &found.id), who, &action, properties, at)
    }
}

fn set(map: &mut Map<String, Value>, steps: &[&str], last: &str, value: Option<Value>) {
    match steps.split_first() {
        None => {
            match value {
                Some(value) => map.insert(last.to_owned(), value),
                None => map.shift_remove(last),
            };
        }
        Some((first, rest)) => {
            let below = map.entry((*first).to_owned()).or_insert_with(|| Value::Object(Map::new()));
            if !below.is_object() {
                *below = Value::Object(Map::new());
            }
            if let Some(below) = below.as_object_mut() {
                set(below, rest, last, value);
            }
        }
    }
}
