//! What the cloud has that differs from what was deployed.
//!
//! In: the [`Inventory`] of an estate with its templates, and a [`Cloud`]. Out: a [`Report`]: what differs, what is gone, what nobody
//! declared, and how much was looked at. Always: the denominator is whole: every resource is checked, or counted with the reason
//! why it could not be; nothing is called alike that was not compared.

use std::collections::{BTreeMap, BTreeSet};

use plan::{Inventory, StackStatus};
use serde_json::Value;

use crate::evaluate::{Evaluation, Here, Scope};
use crate::template::Template;
use crate::{Answer, Cloud, CloudError, Place, TrailEvent};

/// What differs.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// Properties by path, with what was deployed and what is there; `None`: nothing.
    Differs(Vec<(String, Option<Value>, Option<Value>)>),
    /// It was deleted.
    Gone,
    /// Nobody declared it.
    Undeclared,
}

/// A resource that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Drift {
    /// Where.
    pub place: Place,
    /// The stack's key, `account/region/name`; of what nobody declared, `account/region`.
    pub stack: String,
    /// Its logical id; empty for what nobody declared.
    pub logical_id: String,
    /// Its type.
    pub kind: String,
    /// What `Ref` returns for it.
    pub id: String,
    /// What differs.
    pub what: What,
    /// Who did it last, where the trail says it.
    pub by: Option<TrailEvent>,
    /// Whether a stack set made its stack: then repairing it is the stack set's work.
    pub of_fleet: bool,
}

/// What came of a look at everything.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// How many resources were compared with what was deployed.
    pub checked: usize,
    /// How many could not be, by why.
    pub not_checkable: BTreeMap<String, usize>,
    /// How many resources belong to stacks of others.
    pub not_ours: usize,
    /// What differs, in order.
    pub drifts: Vec<Drift>,
}

/// A stack that is looked at.
struct Looked {
    key: String,
    place: Place,
    name: String,
    of_fleet: bool,
}

struct Deployed<'c> {
    cloud: &'c dyn Cloud,
    place: &'c Place,
    members: BTreeMap<String, (String, String)>,
}

impl Scope for Deployed<'_> {
    fn reference(&self, id: &str) -> Option<Value> {
        self.members.get(id).map(|(_, physical)| Value::String(physical.clone()))
    }

    fn attribute(&self, id: &str, name: &str) -> Option<Value> {
        let (kind, physical) = self.members.get(id)?;
        self.cloud.attribute(self.place, kind, physical, name).ok().flatten()
    }

    fn import(&self, _: &str) -> Option<Value> {
        None
    }
}

/// Looks at everything that an estate has in a cloud.
///
/// # Errors
/// The first call that fails for good, unless it is about one resource.
pub fn look(cloud: &dyn Cloud, inventory: &Inventory) -> Answer<Report> {
    let mut report = Report::default();
    let mut ours: BTreeSet<(Place, String, String)> = BTreeSet::new();
    let mut places: BTreeMap<Place, String> = BTreeMap::new();
    let mut stacks = Vec::new();
    for (key, stack) in &inventory.stacks {
        let Some(account) = inventory.accounts.get(&stack.account) else { continue };
        let place = Place::new(account.number.clone(), stack.region.clone());
        places.insert(place.clone(), format!("{}/{}", stack.account, stack.region));
        for set in stack.resources.values().filter(|it| it.kind == "AWS::CloudFormation::StackSet") {
            for instance in cloud.fleet(&place, &set.physical_id)? {
                let account = inventory.accounts.iter().find(|(_, it)| it.number == instance.place.account);
                let account = account.map_or(instance.place.account.as_str(), |(name, _)| name.as_str());
                let at = format!("{account}/{}", instance.place.region);
                let key = format!("{at}/{}", instance.stack);
                places.insert(instance.place.clone(), at);
                stacks.push(Looked { key, place: instance.place, name: instance.stack, of_fleet: true });
            }
        }
        stacks.push(Looked { key: key.clone(), place, name: stack.name.clone(), of_fleet: false });
    }
    stacks.sort_by(|a, b| a.key.cmp(&b.key));
    let mut kinds: BTreeSet<String> = BTreeSet::new();
    for stack in &stacks {
        stack_drift(cloud, stack, &mut report, &mut ours, &mut kinds)?;
    }
    for (place, at) in &places {
        undeclared(cloud, place, at, &ours, &kinds, &mut report)?;
    }
    Ok(report)
}

fn stack_drift(
    cloud: &dyn Cloud,
    stack: &Looked,
    report: &mut Report,
    ours: &mut BTreeSet<(Place, String, String)>,
    kinds: &mut BTreeSet<String>,
) -> Answer<()> {
    let place = &stack.place;
    let Some(state) = cloud.stack(place, &stack.name)? else { return Ok(()) };
    let members = cloud.stack_resources(place, &stack.name)?;
    for member in &members {
        ours.insert((place.clone(), member.kind.clone(), member.physical_id.clone()));
        kinds.insert(member.kind.clone());
    }
    let mut cannot = |why: String, count: usize| *report.not_checkable.entry(why).or_default() += count;
    if !state.status.is_good() && state.status != StackStatus("UPDATE_ROLLBACK_COMPLETE".to_owned()) {
        cannot(format!("the stack is {}", state.status), members.len());
        return Ok(());
    }
    let template = match Template::read(&cloud.template(place, &stack.name)?) {
        Ok(template) => template,
        Err(why) => {
            cannot(format!("the template cannot be read: {why}"), members.len());
            return Ok(());
        }
    };
    let defaults =
        template.parameters.iter().filter_map(|(name, it)| Some((name.clone(), it.default.clone()?)));
    let mut parameters: BTreeMap<String, String> = defaults.collect();
    parameters.extend(state.parameters.clone());
    // What the parameter store had when it was deployed is not on record.
    let looked_up: BTreeSet<&String> = template
        .parameters
        .iter()
        .filter(|(_, it)| it.kind.starts_with("AWS::SSM::"))
        .map(|(name, _)| name)
        .collect();
    let here = Here {
        account: place.account.clone(),
        region: place.region.clone(),
        stack: stack.name.clone(),
        stack_id: state.id.clone(),
    };
    let known = members.iter().map(|it| (it.logical_id.clone(), (it.kind.clone(), it.physical_id.clone())));
    let scope = Deployed { cloud, place, members: known.collect() };
    let evaluation = Evaluation { template: &template, here: &here, parameters: &parameters, scope: &scope };
    for member in &members {
        let Some(resource) = template.resource(&member.logical_id) else {
            cannot("the template does not have it".to_owned(), 1);
            continue;
        };
        let drift = |what: What, by: Option<TrailEvent>| Drift {
            place: place.clone(),
            stack: stack.key.clone(),
            logical_id: member.logical_id.clone(),
            kind: member.kind.clone(),
            id: member.physical_id.clone(),
            what,
            by,
            of_fleet: stack.of_fleet,
        };
        let found = match cloud.resource(place, &member.kind, &member.physical_id) {
            Ok(found) => found,
            Err(CloudError::Unsupported(why)) => {
                cannot(why, 1);
                continue;
            }
            Err(error) => return Err(error),
        };
        let Some(found) = found else {
            report.checked += 1;
            let by = last(cloud, place, &member.kind, &member.physical_id);
            report.drifts.push(drift(What::Gone, by));
            continue;
        };
        let mut differing = Vec::new();
        let mut unknown = None;
        let write_only = write_only(&member.kind);
        for (name, written) in &resource.properties {
            if write_only.contains(name) {
                continue;
            }
            let mut names = BTreeSet::new();
            crate::template::references(written, &mut names);
            if names.iter().any(|name| looked_up.contains(name)) {
                unknown = Some("a value came from the parameter store".to_owned());
                continue;
            }
            match evaluation.value(written) {
                Ok(wanted) => {
                    let found = found.properties.get(name);
                    compare(name, wanted.as_ref(), found, cloud.shows_defaults(), &mut differing);
                }
                Err(why) => unknown = Some(why),
            }
        }
        match unknown {
            Some(why) if differing.is_empty() => cannot(why, 1),
            _ => report.checked += 1,
        }
        if !differing.is_empty() {
            let by = last(cloud, place, &member.kind, &member.physical_id);
            report.drifts.push(drift(What::Differs(differing), by));
        }
    }
    Ok(())
}

/// Top-level properties that a service never tells.
pub(crate) fn write_only(kind: &str) -> BTreeSet<String> {
    let schema = catalog::Catalog::shared().resource_type(kind);
    let paths = schema.into_iter().flat_map(|schema| schema.write_only().list());
    paths.filter_map(|path| path.to_string().split('/').next().map(str::to_owned)).collect()
}

/// The last to change a resource, whoever deployed it left out.
fn last(cloud: &dyn Cloud, place: &Place, kind: &str, id: &str) -> Option<TrailEvent> {
    let events = cloud.trail(place, kind, id).ok()?;
    events.into_iter().find(|event| !event.action.starts_with("cloudformation:"))
}

/// Paths at which two values differ. `explicit`: what is not wanted in words is not compared, as services fill in what nobody said.
///
/// Source: AWS CloudFormation User Guide, "Detect unmanaged configuration changes to stacks and resources with drift detection": only
/// properties that a template sets explicitly are compared.
pub(crate) fn compare(
    path: &str,
    wanted: Option<&Value>,
    found: Option<&Value>,
    explicit: bool,
    out: &mut Vec<(String, Option<Value>, Option<Value>)>,
) {
    match (wanted, found) {
        (Some(Value::Object(wanted)), Some(Value::Object(found))) => {
            let said = wanted.keys().chain(found.keys().filter(|_| !explicit));
            let keys: BTreeSet<&String> = said.collect();
            for key in keys {
                compare(&format!("{path}/{key}"), wanted.get(key), found.get(key), explicit, out);
            }
        }
        (Some(Value::Array(wanted)), Some(Value::Array(found))) if is_a_set(wanted) && is_a_set(found) => {
            let sorted = |list: &[Value]| {
                // A service may know tags of its own.
                let own = |item: &&Value| {
                    let key = item.get("Key").and_then(Value::as_str).unwrap_or_default();
                    !(explicit && key.starts_with("aws:"))
                };
                let mut texts: Vec<String> = list.iter().filter(own).map(Value::to_string).collect();
                texts.sort_unstable();
                texts
            };
            if sorted(wanted) != sorted(found) {
                let (wanted, found) = (Value::Array(wanted.clone()), Value::Array(found.clone()));
                out.push((path.to_owned(), Some(wanted), Some(found)));
            }
        }
        (Some(Value::Array(wanted)), Some(Value::Array(found)))
            if explicit && wanted.len() == found.len() =>
        {
            for (at, (wanted, found)) in wanted.iter().zip(found).enumerate() {
                compare(&format!("{path}/{at}"), Some(wanted), Some(found), explicit, out);
            }
        }
        (wanted, found) => {
            let same = match (wanted, found) {
                (Some(a), Some(b)) => same(a, b),
                (a, b) => a == b,
            };
            if !same {
                out.push((path.to_owned(), wanted.cloned(), found.cloned()));
            }
        }
    }
}

/// Whether two values are the same to a template: CloudFormation takes `"443"` for 443 and `"true"` for true.
#[must_use]
pub fn same(one: &Value, other: &Value) -> bool {
    crate::template::plain(one) == crate::template::plain(other)
}

/// Whether the order of a list says nothing: tags.
fn is_a_set(list: &[Value]) -> bool {
    list.iter().all(|item| item.get("Key").is_some() && item.get("Value").is_some())
}

/// Resources of types that the estate has, in places where it is, that no stack has.
fn undeclared(
    cloud: &dyn Cloud,
    place: &Place,
    at: &str,
    ours: &BTreeSet<(Place, String, String)>,
    kinds: &BTreeSet<String>,
    report: &mut Report,
) -> Answer<()> {
    let mut others = BTreeSet::new();
    for stack in cloud.stacks(place)? {
        for resource in cloud.stack_resources(place, &stack.name)? {
            if !ours.contains(&(place.clone(), resource.kind.clone(), resource.physical_id.clone())) {
                others.insert((resource.kind, resource.physical_id));
            }
        }
    }
    report.not_ours += others.len();
    let there = cloud.kinds(place)?;
    for kind in kinds.iter().filter(|kind| there.as_ref().is_none_or(|there| there.contains(kind))) {
        let ids = match cloud.resources(place, kind) {
            Ok(ids) => ids,
            Err(CloudError::Unsupported(why)) => {
                *report.not_checkable.entry(format!("{kind} cannot be listed: {why}")).or_default() += 1;
                continue;
            }
            Err(error) => return Err(error),
        };
        for id in ids {
            let known = ours.contains(&(place.clone(), kind.clone(), id.clone()));
            if known || others.contains(&(kind.clone(), id.clone())) {
                continue;
            }
            report.drifts.push(Drift {
                place: place.clone(),
                stack: at.to_owned(),
                logical_id: String::new(),
                kind: kind.clone(),
                by: last(cloud, place, kind, &id),
                id,
                what: What::Undeclared,
                of_fleet: false,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths(wanted: &Value, found: &Value, explicit: bool) -> Vec<String> {
        let mut out = Vec::new();
        compare("P", Some(wanted), Some(found), explicit, &mut out);
        out.into_iter().map(|(path, ..)| path).collect()
    }

    #[test]
    fn what_a_service_fills_in_is_no_drift_and_what_was_said_is() {
        let wanted = json!({ "Rules": [{ "Id": "a", "Days": 3 }], "On": true });
        let found = json!({ "Rules": [{ "Id": "a", "Days": "3", "Status": "Enabled" }], "On": "true", "Mode": "usual" });
        assert!(paths(&wanted, &found, true).is_empty());
        assert_eq!(paths(&wanted, &found, false), ["P/Mode", "P/Rules"]);
        let other = json!({ "Rules": [{ "Id": "a", "Days": 4, "Status": "Enabled" }] });
        assert_eq!(paths(&wanted, &other, true), ["P/On", "P/Rules/0/Days"]);
    }

    #[test]
    fn tags_of_the_service_are_its_own() {
        let wanted = json!([{ "Key": "b", "Value": "2" }, { "Key": "a", "Value": "1" }]);
        let found = json!([{ "Key": "a", "Value": "1" }, { "Key": "aws:cloudformation:stack-id", "Value": "x" }, { "Key": "b", "Value": "2" }]);
        assert!(paths(&wanted, &found, true).is_empty());
        let other = json!([{ "Key": "a", "Value": "2" }]);
        assert_eq!(paths(&wanted, &other, true), ["P"]);
    }
}
