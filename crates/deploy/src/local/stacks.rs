//! Stacks of the local cloud: what a change set would do, and doing it.
//!
//! In: a request. Out: changes, rows. Always: a stack becomes what was asked, or what it was before; the order, the rules of
//! replacement and what is retained are CloudFormation's.
//!
//! Source: AWS CloudFormation User Guide, "Update behaviors of stack resources", "Stack failure options"; Template Reference,
//! "DeletionPolicy attribute", "UpdateReplacePolicy attribute".

use std::collections::{BTreeMap, BTreeSet};

use catalog::Catalog;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::identity::{self, Known};
use super::store::{self, Member, run, text_of};
use super::{fleet, organization};
use crate::evaluate::{Evaluation, Here, Scope};
use crate::template::{Resource, Template};
use crate::{Answer, ChangeAction, CloudError, Place, ResourceChange};

/// A request as it is kept until it is executed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Asked {
    pub template: String,
    pub parameters: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
    pub capabilities: Vec<String>,
    pub revert_drift: bool,
    pub import: Vec<crate::Import>,
}

/// Why a stack could not become what was asked.
#[derive(Debug)]
pub(super) enum Failure {
    /// A resource failed.
    Resource { logical: String, kind: String, why: String },
    /// The cloud itself did.
    Cloud(CloudError),
}

impl From<CloudError> for Failure {
    fn from(error: CloudError) -> Self {
        Self::Cloud(error)
    }
}

/// The moment, and for whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment<'a> {
    pub at_ms: u64,
    pub who: &'a str,
}

/// One stack at work.
pub(super) struct Work<'c> {
    pub db: &'c Connection,
    pub place: &'c Place,
    pub name: &'c str,
    pub id: &'c str,
    pub moment: Moment<'c>,
}

/// What resources of the stack are, as far as they have been made.
struct Made<'c> {
    db: &'c Connection,
    place: &'c Place,
    resources: BTreeMap<String, Known>,
}

impl Scope for Made<'_> {
    fn reference(&self, id: &str) -> Option<Value> {
        self.resources.get(id).map(|known| Value::String(known.physical.clone()))
    }

    fn attribute(&self, id: &str, name: &str) -> Option<Value> {
        // The organization may have been made a moment ago, by this stack.
        let root = || store::meta(self.db, "root").ok().flatten().unwrap_or_default();
        identity::attribute(self.place, self.resources.get(id)?, name, root)
    }

    fn import(&self, name: &str) -> Option<Value> {
        let key = format!("export/{}/{}/{name}", self.place.account, self.place.region);
        store::meta(self.db, &key).ok().flatten().map(Value::String)
    }
}

/// Checks a request as CloudFormation does before it looks at resources.
pub(super) fn validate(asked: &Asked) -> Answer<Template> {
    let refused = |text: String| CloudError::refused("ValidationError", text);
    // Source: AWS CloudFormation User Guide, "Understand CloudFormation quotas": a template in S3 has up to 1 MB.
    if asked.template.len() > 1_000_000 {
        return Err(refused("Template may not exceed 1000000 bytes in size.".to_owned()));
    }
    let template = Template::read(&asked.template).map_err(refused)?;
    let missing: Vec<&str> = template
        .parameters
        .iter()
        .filter(|(name, parameter)| parameter.default.is_none() && !asked.parameters.contains_key(*name))
        .map(|(name, _)| name.as_str())
        .collect();
    if !missing.is_empty() {
        return Err(refused(format!("Parameters: [{}] must have values", missing.join(", "))));
    }
    let strange = asked.parameters.keys().filter(|name| !template.parameters.contains_key(*name));
    let strange: Vec<&str> = strange.map(String::as_str).collect();
    if !strange.is_empty() {
        return Err(refused(format!("Parameters: [{}] do not exist in the template", strange.join(", "))));
    }
    let iam = template.resources.iter().any(|resource| resource.kind.starts_with("AWS::IAM::"));
    if iam && !asked.capabilities.iter().any(|word| word.starts_with("CAPABILITY_")) {
        let text = "Requires capabilities : [CAPABILITY_NAMED_IAM]";
        return Err(CloudError::refused("InsufficientCapabilitiesException", text));
    }
    template.in_order().map_err(refused)?;
    Ok(template)
}

/// Top-level properties in which two sets differ.
pub(super) fn differing(a: &Map<String, Value>, b: &Map<String, Value>) -> Vec<String> {
    let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    keys.into_iter().filter(|key| a.get(*key) != b.get(*key)).cloned().collect()
}

/// Whether a change of some top-level properties replaces a resource.
pub(super) fn replaces(kind: &str, changed: &[String]) -> ChangeAction {
    let Some(schema) = Catalog::shared().resource_type(kind) else { return ChangeAction::Modify };
    let hit = |paths: &catalog::Paths| {
        paths.list().iter().any(|path| match path.steps() {
            [catalog::Step::Name(name)] => changed.iter().any(|key| key == name.as_str()),
            _ => false,
        })
    };
    if hit(schema.create_only()) {
        ChangeAction::Replace
    } else if hit(schema.conditional_create_only()) {
        ChangeAction::MayReplace
    } else {
        ChangeAction::Modify
    }
}

impl<'c> Work<'c> {
    /// Makes the stack what is asked. Answers what that changed.
    pub(super) fn apply(&self, asked: &Asked, template: &Template) -> Result<Vec<ResourceChange>, Failure> {
        let before = store::members(self.db, self.place, self.name)?;
        let by_id: BTreeMap<&str, &Member> = before.iter().map(|it| (it.logical.as_str(), it)).collect();
        let parameters = self.parameters(asked, template)?;
        let here = Here {
            account: self.place.account.clone(),
            region: self.place.region.clone(),
            stack: self.name.to_owned(),
            stack_id: self.id.to_owned(),
        };
        let mut made = Made { db: self.db, place: self.place, resources: BTreeMap::new() };
        let mut changes = Vec::new();
        let mut kept = BTreeSet::new();
        let mut left: Vec<&Member> = Vec::new();
        let order = template.in_order().map_err(|text| CloudError::refused("ValidationError", text))?;
        for resource in order {
            let failed = |why: String| Failure::Resource {
                logical: resource.id.clone(),
                kind: resource.kind.clone(),
                why,
            };
            let evaluation = Evaluation { template, here: &here, parameters: &parameters, scope: &made };
            let exists = match &resource.condition {
                Some(condition) => evaluation.condition(condition, 0).map_err(&failed)?,
                None => true,
            };
            if !exists {
                continue;
            }
            let wanted = evaluation.map(&resource.properties).map_err(&failed)?;
            let was = by_id.get(resource.id.as_str()).copied().filter(|was| was.kind == resource.kind);
            kept.insert(resource.id.as_str());
            let known = match was {
                None => self.create(asked, resource, wanted, &mut changes)?,
                Some(was) => {
                    let (known, old) = self.update(asked, resource, was, wanted, &mut changes)?;
                    left.extend(old.then_some(was));
                    known
                }
            };
            made.resources.insert(resource.id.clone(), known);
        }
        // What nobody asks for any more, the last made first; what was replaced goes last.
        for was in before.iter().rev() {
            let other_kind = template.resource(&was.logical).is_some_and(|it| it.kind != was.kind);
            if other_kind || !kept.contains(was.logical.as_str()) {
                self.let_go(was, was.retained, &mut changes)?;
                if !other_kind {
                    self.forget(&was.logical)?;
                }
            }
        }
        for was in left {
            let retained = template.resource(&was.logical).and_then(|it| it.replace_policy.as_deref());
            if retained != Some("Retain") {
                store::drop_resource(self.db, self.place, &was.kind, &was.physical)?;
            }
        }
        self.finish(asked, template, &parameters, &here, &made)?;
        Ok(changes)
    }

    /// Values of parameters, with defaults; those that name an entry of the parameter store are looked up.
    fn parameters(&self, asked: &Asked, template: &Template) -> Answer<BTreeMap<String, String>> {
        let mut out = BTreeMap::new();
        for (name, parameter) in &template.parameters {
            let given =
                asked.parameters.get(name).or(parameter.default.as_ref()).cloned().unwrap_or_default();
            let value = if parameter.kind.starts_with("AWS::SSM::Parameter::Value") {
                let found = store::resource(self.db, self.place, "AWS::SSM::Parameter", &given)?;
                let found = found.and_then(|known| Some(known.properties.get("Value")?.as_str()?.to_owned()));
                // Nobody can put one there beforehand; a value that says what it stands for does as well.
                found.unwrap_or_else(|| format!("local:{given}"))
            } else {
                given
            };
            out.insert(name.clone(), value);
        }
        Ok(out)
    }

    fn create(
        &self,
        asked: &Asked,
        resource: &Resource,
        wanted: Map<String, Value>,
        changes: &mut Vec<ResourceChange>,
    ) -> Result<Known, Failure> {
        let failed = |why: String| Failure::Resource {
            logical: resource.id.clone(),
            kind: resource.kind.clone(),
            why,
        };
        let import = asked.import.iter().find(|import| import.logical_id == resource.id);
        let physical = match import {
            Some(import) => import.identifier.values().cloned().collect::<Vec<_>>().join("|"),
            None => self.new_physical(resource, &wanted, 0)?,
        };
        let mut known = Known { kind: resource.kind.clone(), physical, properties: wanted.clone() };
        let mut found = store::resource(self.db, self.place, &known.kind, &known.physical)?;
        if import.is_some() && found.is_none() {
            found = organization::resource(self.db, &known.kind, &known.physical)?;
        }
        let action = match (import, found) {
            (Some(_), None) => return Err(failed(format!("{} does not exist", known.physical))),
            (Some(_), Some(found)) => {
                known.properties = found.properties;
                ChangeAction::Import
            }
            // An organization, its units and accounts cannot be made twice; who asks for them again means them.
            (None, Some(_)) if resource.kind.starts_with("AWS::Organizations::") => ChangeAction::Add,
            (None, Some(_)) => return Err(failed(format!("{} already exists", known.physical))),
            (None, None) => {
                if resource.kind == "AWS::S3::Bucket" && self.bucket_exists(&known.physical)? {
                    return Err(failed(format!("{} already exists", known.physical)));
                }
                ChangeAction::Add
            }
        };
        store::put_resource(self.db, self.place, &known)?;
        organization::follow(self.db, self.place, &known)?;
        let status = if action == ChangeAction::Import { "IMPORT_COMPLETE" } else { "CREATE_COMPLETE" };
        self.member(resource, &known, &wanted, status)?;
        self.trail(&known, "cloudformation:CreateResource", &[])?;
        self.changed(changes, resource, action, Vec::new());
        Ok(known)
    }

    /// Whether a bucket of that name exists in any account: their names are one space.
    fn bucket_exists(&self, name: &str) -> Answer<bool> {
        let sql = "select 1 from resource where kind = 'AWS::S3::Bucket' and physical = ?1";
        Ok(!store::rows(self.db, sql, &[&name], |_| Ok(()))?.is_empty())
    }

    /// The name of a new resource: not one that an earlier one of the same place has.
    fn new_physical(&self, resource: &Resource, wanted: &Map<String, Value>, from: u32) -> Answer<String> {
        let name = format!("{}-{}", self.name, resource.id);
        let of = |turn: u32| {
            let seed = format!("{}{}{}{turn}", self.place, self.id, resource.id);
            identity::physical(self.place, &resource.kind, wanted, &seed, &name)
        };
        let first = of(from);
        for turn in from..from + 100 {
            let physical = of(turn);
            let given = turn > from && physical == first;
            if given || store::resource(self.db, self.place, &resource.kind, &physical)?.is_none() {
                return Ok(physical);
            }
        }
        Ok(first)
    }

    /// Answers what the resource is, and whether the old one is left over.
    fn update(
        &self,
        asked: &Asked,
        resource: &Resource,
        was: &Member,
        wanted: Map<String, Value>,
        changes: &mut Vec<ResourceChange>,
    ) -> Result<(Known, bool), Failure> {
        let failed = |why: String| Failure::Resource {
            logical: resource.id.clone(),
            kind: resource.kind.clone(),
            why,
        };
        let actual = store::resource(self.db, self.place, &was.kind, &was.physical)?;
        let mut changed = differing(&was.wanted, &wanted);
        let Some(mut known) = actual else {
            // Somebody deleted it. CloudFormation only notices where it has to touch it.
            if asked.revert_drift {
                self.forget(&resource.id)?;
                return Ok((self.create(asked, resource, wanted, changes)?, false));
            }
            if changed.is_empty() {
                let (kind, physical) = (was.kind.clone(), was.physical.clone());
                return Ok((Known { kind, physical, properties: wanted }, false));
            }
            return Err(failed(format!("{} does not exist", was.physical)));
        };
        if asked.revert_drift {
            changed.extend(differing(&known.properties, &wanted));
            changed.sort_unstable();
            changed.dedup();
        }
        if changed.is_empty() {
            self.member(resource, &known, &wanted, &was.status)?;
            return Ok((known, false));
        }
        let action = replaces(&resource.kind, &changed);
        if action == ChangeAction::Replace {
            let physical = self.new_physical(resource, &wanted, 1)?;
            if store::resource(self.db, self.place, &resource.kind, &physical)?.is_some() {
                let why = format!(
                    "{physical} already exists: a resource with a name of its own cannot be replaced"
                );
                return Err(failed(why));
            }
            let new = Known { kind: resource.kind.clone(), physical, properties: wanted.clone() };
            store::put_resource(self.db, self.place, &new)?;
            organization::follow(self.db, self.place, &new)?;
            self.member(resource, &new, &wanted, "UPDATE_COMPLETE")?;
            self.trail(&new, "cloudformation:CreateResource", &[])?;
            self.changed(changes, resource, action, changed);
            return Ok((new, true));
        }
        for key in &changed {
            match wanted.get(key) {
                Some(value) => known.properties.insert(key.clone(), value.clone()),
                None => known.properties.shift_remove(key),
            };
        }
        store::put_resource(self.db, self.place, &known)?;
        organization::follow(self.db, self.place, &known)?;
        self.member(resource, &known, &wanted, "UPDATE_COMPLETE")?;
        self.trail(&known, "cloudformation:UpdateResource", &changed)?;
        self.changed(changes, resource, action, changed);
        Ok((known, false))
    }

    fn member(
        &self,
        resource: &Resource,
        known: &Known,
        wanted: &Map<String, Value>,
        status: &str,
    ) -> Answer<()> {
        let sql = "insert into member values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
                   on conflict (account, region, stack, logical)
                   do update set kind = ?5, physical = ?6, wanted = ?7, status = ?8, retained = ?9";
        let (account, region) = (&self.place.account, &self.place.region);
        let (wanted, retained) = (text_of(wanted), resource.is_retained());
        run(
            self.db,
            sql,
            &[
                account,
                region,
                &self.name,
                &resource.id,
                &known.kind,
                &known.physical,
                &wanted,
                &status,
                &retained,
            ],
        )
        .map(drop)
    }

    fn forget(&self, logical: &str) -> Answer<()> {
        let sql = "delete from member where account = ?1 and region = ?2 and stack = ?3 and logical = ?4";
        run(self.db, sql, &[&self.place.account, &self.place.region, &self.name, &logical]).map(drop)
    }

    /// Deletes what a stack no longer has, or leaves it where it is.
    fn let_go(&self, was: &Member, retained: bool, changes: &mut Vec<ResourceChange>) -> Answer<()> {
        let status = if retained { "DELETE_SKIPPED" } else { "DELETE_COMPLETE" };
        if !retained && store::drop_resource(self.db, self.place, &was.kind, &was.physical)? {
            organization::leave(self.db, &was.kind, &was.physical)?;
        }
        self.event(&was.logical, &was.kind, status, None)?;
        changes.push(ResourceChange {
            logical_id: was.logical.clone(),
            kind: was.kind.clone(),
            action: if retained { ChangeAction::Retain } else { ChangeAction::Remove },
            properties: Vec::new(),
        });
        Ok(())
    }

    fn finish(
        &self,
        asked: &Asked,
        template: &Template,
        parameters: &BTreeMap<String, String>,
        here: &Here,
        made: &Made<'_>,
    ) -> Result<(), Failure> {
        let evaluation = Evaluation { template, here, parameters, scope: made };
        let mut outputs = BTreeMap::new();
        for (name, value, condition) in &template.outputs {
            let failed =
                |why: String| Failure::Resource { logical: name.clone(), kind: "output".to_owned(), why };
            if let Some(condition) = condition
                && !evaluation.condition(condition, 0).map_err(failed)?
            {
                continue;
            }
            let value = evaluation.value(value).map_err(failed)?.unwrap_or(Value::Null);
            outputs.insert(name.clone(), crate::template::plain(&value));
            if let Some(export) = template.exports.get(name) {
                let export = evaluation.value(export).map_err(failed)?.unwrap_or(Value::Null);
                let export = crate::template::plain(&export);
                let key = format!("export/{}/{}/{export}", self.place.account, self.place.region);
                store::set_meta(self.db, &key, outputs.get(name).map_or("", String::as_str))?;
            }
        }
        let sql = "update stack set template = ?4, parameters = ?5, outputs = ?6, tags = ?7
                   where account = ?1 and region = ?2 and name = ?3";
        let (given, outputs, tags) = (text_of(&asked.parameters), text_of(&outputs), text_of(&asked.tags));
        run(
            self.db,
            sql,
            &[&self.place.account, &self.place.region, &self.name, &asked.template, &given, &outputs, &tags],
        )?;
        Ok(())
    }

    /// Deletes the stack with all that it does not retain.
    pub(super) fn delete(&self) -> Answer<()> {
        let members = store::members(self.db, self.place, self.name)?;
        let sets: Vec<&Member> = members.iter().filter(|it| it.kind == fleet::KIND).collect();
        for set in sets {
            fleet::remove(self.db, &set.physical, self.moment)?;
        }
        let mut changes = Vec::new();
        for was in members.iter().rev() {
            self.let_go(was, was.retained, &mut changes)?;
        }
        let place: [&dyn rusqlite::ToSql; 3] = [&self.place.account, &self.place.region, &self.name];
        run(self.db, "delete from member where account = ?1 and region = ?2 and stack = ?3", &place)?;
        run(self.db, "delete from change_set where account = ?1 and region = ?2 and stack = ?3", &place)?;
        run(self.db, "delete from stack where account = ?1 and region = ?2 and name = ?3", &place)?;
        self.event(self.name, "AWS::CloudFormation::Stack", "DELETE_COMPLETE", None)
    }

    pub(super) fn status(&self, status: &str, reason: Option<&str>) -> Answer<()> {
        let sql = "update stack set status = ?4, reason = ?5, changed = ?6 where account = ?1 and region = ?2 and name = ?3";
        let at = i64::try_from(self.moment.at_ms / 1000).unwrap_or(i64::MAX);
        run(self.db, sql, &[&self.place.account, &self.place.region, &self.name, &status, &reason, &at])?;
        self.event(self.name, "AWS::CloudFormation::Stack", status, reason)
    }

    pub(super) fn event(&self, logical: &str, kind: &str, status: &str, reason: Option<&str>) -> Answer<()> {
        let sql = "insert into event (stack_id, at_ms, logical, kind, status, reason) values (?1, ?2, ?3, ?4, ?5, ?6)";
        let at = i64::try_from(self.moment.at_ms).unwrap_or(i64::MAX);
        run(self.db, sql, &[&self.id, &at, &logical, &kind, &status, &reason]).map(drop)
    }

    fn trail(&self, known: &Known, action: &str, properties: &[String]) -> Answer<()> {
        let names = (known.kind.as_str(), known.physical.as_str());
        store::record(self.db, self.place, names, self.moment.who, action, properties, self.moment.at_ms)
    }

    fn changed(
        &self,
        changes: &mut Vec<ResourceChange>,
        resource: &Resource,
        action: ChangeAction,
        properties: Vec<String>,
    ) {
        changes.push(ResourceChange {
            logical_id: resource.id.clone(),
            kind: resource.kind.clone(),
            action,
            properties,
        });
    }
}
