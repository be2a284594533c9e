//! What the cloud has that differs from what was deployed.
//!
//! In: the [`Inventory`] of an estate with its templates, and a [`Cloud`]. Out: a [`Report`]: what differs, what is gone, what nobody
//! declared, and how much was looked at. Always: the denominator is whole: every resource is checked, or counted with the reason
//! why it could not be; nothing is called alike that was not compared; the same cloud gives the same report, however much is asked at once.
//!
//! Where the cloud has a detection of its own it is asked for a second opinion ([`opinion`]).

mod opinion;

use std::collections::{BTreeMap, BTreeSet};

use plan::{Inventory, StackStatus};
use serde_json::Value;

use crate::evaluate::{Evaluation, Here, Scope};
use crate::pool::{self, Pace};
use crate::template::Template;
use crate::{Answer, Cloud, CloudError, Place, ResourceState, StackResource, TrailEvent};

pub use opinion::Seen;
use opinion::{Own, Settled};

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
    /// Who saw it.
    pub seen: Seen,
}

/// What came of a look at everything.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// How many resources were compared with what was deployed.
    pub checked: usize,
    /// How many of those the cloud's own detection looked at too.
    pub twice: usize,
    /// How many of those only the cloud's own detection looked at.
    pub detected: usize,
    /// Stacks without a second opinion, by why; empty where the cloud has no detection of its own.
    pub undetected: BTreeMap<String, usize>,
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

/// A stack with all that was read of it.
struct Stack {
    members: Vec<Member>,
    /// Its template and what its functions depend on; why they cannot be read.
    template: Result<(Template, Here, BTreeMap<String, String>), String>,
}

/// A resource of a stack, with the name that this cloud reads it by; why nobody knows that name.
struct Member {
    resource: StackResource,
    identifier: Result<String, String>,
}

/// A resource as it was read; why it was not.
type Read = Result<Option<ResourceState>, String>;

struct Deployed<'c> {
    cloud: &'c dyn Cloud,
    place: &'c Place,
    members: BTreeMap<&'c str, (&'c StackResource, Option<&'c ResourceState>)>,
}

impl Scope for Deployed<'_> {
    fn reference(&self, id: &str) -> Option<Value> {
        self.members.get(id).map(|(it, _)| Value::String(it.physical_id.clone()))
    }

    fn attribute(&self, id: &str, name: &str) -> Option<Value> {
        let (it, read) = self.members.get(id)?;
        let found = match read {
            Some(read) => self.cloud.attribute_of(self.place, read, name),
            None => self.cloud.attribute(self.place, &it.kind, &it.physical_id, name),
        };
        found.ok().flatten()
    }

    fn import(&self, _: &str) -> Option<Value> {
        None
    }
}

/// Looks at everything that an estate has in a cloud.
///
/// # Errors
/// The first call that fails for good, unless it is about one resource.
pub fn look(cloud: &dyn Cloud, inventory: &Inventory, pace: &Pace) -> Answer<Report> {
    let mut report = Report::default();
    let (looked, places) = everything(cloud, inventory, pace)?;
    // The cloud's own detection takes minutes: it works while resources are read.
    let begun = pool::each(
        cloud,
        pace,
        &looked,
        |it| &it.place,
        |cloud, it| Ok(cloud.begin_detection(&it.place, &it.name).map_err(|error| error.to_string())),
    )?;
    let stacks = pool::each(cloud, pace, &looked, |it| &it.place, stack)?;
    let mut known = Known::default();
    let mut items: Vec<(&Place, &Member)> = Vec::new();
    for (at, stack) in looked.iter().zip(&stacks) {
        for member in stack.iter().flat_map(|it| &it.members) {
            known.add(&at.place, member);
            items.push((&at.place, member));
        }
    }
    let mut reads =
        pool::each(cloud, pace, &items, |it| it.0, |cloud, (place, member)| read(cloud, place, member))?
            .into_iter();
    let asked: Vec<(&Looked, &Result<Option<String>, String>)> = looked.iter().zip(&begun).collect();
    let opinions = pool::each(
        cloud,
        pace,
        &asked,
        |it| &it.0.place,
        |cloud, (it, begun)| Ok(opinion::ask(cloud, &it.place, &it.name, begun)),
    )?;
    let mut compared = Vec::new();
    for (at, stack) in looked.iter().zip(&stacks) {
        let Some(stack) = stack else { continue };
        let own: Vec<Read> = reads.by_ref().take(stack.members.len()).collect();
        compared.push((at, stack, own));
    }
    let owns = pool::each(
        cloud,
        pace,
        &compared,
        |it| &it.0.place,
        |cloud, (at, stack, reads)| Ok(compared_with(cloud, &at.place, stack, reads)),
    )?;
    let opinions = opinions.into_iter().zip(&stacks).filter(|(_, stack)| stack.is_some());
    for (((at, stack, _), owns), (opinion, _)) in compared.iter().zip(owns).zip(opinions) {
        if let Err(why) = &opinion {
            *report.undetected.entry(why.clone()).or_default() += 1;
        }
        for (member, own) in stack.members.iter().zip(owns) {
            let says = opinion::of(&opinion, &member.resource.logical_id);
            report.settle(at, &member.resource, opinion::settled(own, says));
        }
    }
    undeclared(cloud, pace, &places, &known, &mut report)?;
    // The trail is counted more strictly than anything else.
    let by = pool::each(
        cloud,
        &pace.in_single_file(),
        &report.drifts,
        |it| &it.place,
        |cloud, it| Ok(last(cloud, &it.place, &it.kind, &it.id)),
    )?;
    for (drift, by) in report.drifts.iter_mut().zip(by) {
        drift.by = by;
    }
    Ok(report)
}

/// All stacks, those of stack sets too, by key; and the places they are in, by what people call them.
fn everything(
    cloud: &dyn Cloud,
    inventory: &Inventory,
    pace: &Pace,
) -> Answer<(Vec<Looked>, BTreeMap<Place, String>)> {
    let mut places: BTreeMap<Place, String> = BTreeMap::new();
    let (mut stacks, mut sets) = (Vec::new(), Vec::new());
    for (key, stack) in &inventory.stacks {
        let Some(account) = inventory.accounts.get(&stack.account) else { continue };
        let place = Place::new(account.number.clone(), stack.region.clone());
        places.insert(place.clone(), format!("{}/{}", stack.account, stack.region));
        for set in stack.resources.values().filter(|it| it.kind == "AWS::CloudFormation::StackSet") {
            sets.push((place.clone(), set.physical_id.clone()));
        }
        stacks.push(Looked { key: key.clone(), place, name: stack.name.clone(), of_fleet: false });
    }
    let fleets = pool::each(cloud, pace, &sets, |it| &it.0, |cloud, (place, set)| cloud.fleet(place, set))?;
    for instance in fleets.into_iter().flatten() {
        let account = inventory.accounts.iter().find(|(_, it)| it.number == instance.place.account);
        let account = account.map_or(instance.place.account.as_str(), |(name, _)| name.as_str());
        let at = format!("{account}/{}", instance.place.region);
        let key = format!("{at}/{}", instance.stack);
        places.insert(instance.place.clone(), at);
        stacks.push(Looked { key, place: instance.place, name: instance.stack, of_fleet: true });
    }
    stacks.sort_by(|a, b| a.key.cmp(&b.key));
    Ok((stacks, places))
}

/// Reads a stack; `None`: it is not there any more.
fn stack(cloud: &dyn Cloud, at: &Looked) -> Answer<Option<Stack>> {
    let place = &at.place;
    let Some(state) = cloud.stack(place, &at.name)? else { return Ok(None) };
    let resources = cloud.stack_resources(place, &at.name)?;
    let good = state.status.is_good() || state.status == StackStatus("UPDATE_ROLLBACK_COMPLETE".to_owned());
    let template = if good {
        Template::read(&cloud.template(place, &at.name)?)
            .map_err(|why| format!("the template cannot be read: {why}"))
    } else {
        Err(format!("the stack is {}", state.status))
    };
    let here = Here {
        account: place.account.clone(),
        region: place.region.clone(),
        stack: at.name.clone(),
        stack_id: state.id.clone(),
    };
    let template = template.map(|template| {
        let defaults =
            template.parameters.iter().filter_map(|(name, it)| Some((name.clone(), it.default.clone()?)));
        let mut parameters: BTreeMap<String, String> = defaults.collect();
        parameters.extend(state.parameters);
        (template, here, parameters)
    });
    let known = resources.iter().map(|it| (it.logical_id.as_str(), (it, None))).collect();
    let scope = Deployed { cloud, place, members: known };
    let name = |it: &StackResource| match &template {
        Ok((template, here, parameters)) if cloud.reads_by_identifier() => {
            let evaluation = Evaluation { template, here, parameters, scope: &scope };
            opinion::identifier(it, template, &evaluation)
        }
        _ => Ok(it.physical_id.clone()),
    };
    let names: Vec<Result<String, String>> = resources.iter().map(name).collect();
    let members = resources.into_iter().zip(names);
    let members = members.map(|(resource, identifier)| Member { resource, identifier }).collect();
    Ok(Some(Stack { members, template }))
}

/// Reads a resource. A refusal is about that one, and does not end the look.
fn read(cloud: &dyn Cloud, place: &Place, member: &Member) -> Answer<Read> {
    let id = match &member.identifier {
        Ok(id) => id,
        Err(why) => return Ok(Err(why.clone())),
    };
    match cloud.resource(place, &member.resource.kind, id) {
        Ok(found) => Ok(Ok(found)),
        Err(CloudError::Unsupported(why)) => Ok(Err(why)),
        Err(CloudError::Refused { code, .. }) => {
            Ok(Err(format!("reading {} is refused: {code}", member.resource.kind)))
        }
        Err(error) => Err(error),
    }
}

/// What our own look says of each resource of a stack.
fn compared_with(cloud: &dyn Cloud, place: &Place, stack: &Stack, reads: &[Read]) -> Vec<Own> {
    let (template, here, parameters) = match &stack.template {
        Ok(known) => known,
        Err(why) => return stack.members.iter().map(|_| Own::Cannot(why.clone())).collect(),
    };
    // What the parameter store had when it was deployed is not on record.
    let looked_up: BTreeSet<&String> = template
        .parameters
        .iter()
        .filter(|(_, it)| it.kind.starts_with("AWS::SSM::"))
        .map(|(name, _)| name)
        .collect();
    let members = stack.members.iter().zip(reads).map(|(it, read)| {
        let read = read.as_ref().ok().and_then(Option::as_ref);
        (it.resource.logical_id.as_str(), (&it.resource, read))
    });
    let scope = Deployed { cloud, place, members: members.collect() };
    let evaluation = Evaluation { template, here, parameters, scope: &scope };
    let own = |(member, read): (&Member, &Read)| {
        let Some(resource) = template.resource(&member.resource.logical_id) else {
            return Own::Cannot("the template does not have it".to_owned());
        };
        let found = match read {
            Ok(Some(found)) => found,
            Ok(None) => return Own::Gone,
            Err(why) => return Own::Cannot(why.clone()),
        };
        let mut differing = Vec::new();
        let mut unknown = None;
        let write_only = write_only(&member.resource.kind);
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
            _ if !differing.is_empty() => Own::Differs(differing),
            Some(why) => Own::Cannot(why),
            None => Own::Alike,
        }
    };
    stack.members.iter().zip(reads).map(own).collect()
}

impl Report {
    fn settle(&mut self, at: &Looked, member: &StackResource, settled: Settled) {
        let (what, seen) = match settled {
            Settled::Cannot(why) => {
                *self.not_checkable.entry(why).or_default() += 1;
                return;
            }
            Settled::Alike(seen) => (None, seen),
            Settled::Drift(what, seen) => (Some(what), seen),
        };
        self.checked += 1;
        match seen {
            Seen::Read => {}
            Seen::Detection => self.detected += 1,
            Seen::Both | Seen::ReadOnly | Seen::DetectionOnly => self.twice += 1,
        }
        self.drifts.extend(what.map(|what| Drift {
            place: at.place.clone(),
            stack: at.key.clone(),
            logical_id: member.logical_id.clone(),
            kind: member.kind.clone(),
            id: member.physical_id.clone(),
            what,
            by: None,
            of_fleet: at.of_fleet,
            seen,
        }));
    }
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

/// Services whose resources belong to an account, not to one of its Regions: listing them gives the same in each.
///
/// Source: AWS Fault Isolation Boundaries, "Global services"; Amazon S3 User Guide, "Buckets overview": `ListBuckets` answers those of all Regions.
const OF_ACCOUNT: [&str; 7] = [
    "AWS::Budgets::",
    "AWS::CloudFront::",
    "AWS::GlobalAccelerator::",
    "AWS::IAM::",
    "AWS::Organizations::",
    "AWS::Route53::",
    "AWS::S3::Bucket",
];

/// The resources of our stacks by the names they are listed under, and their types.
#[derive(Default)]
struct Known {
    ours: BTreeSet<(Place, String, String)>,
    kinds: BTreeSet<String>,
}

impl Known {
    fn add(&mut self, place: &Place, member: &Member) {
        let kind = &member.resource.kind;
        self.kinds.insert(kind.clone());
        for id in member.identifier.iter().chain([&member.resource.physical_id]) {
            self.ours.insert((scope(place, kind), kind.clone(), id.clone()));
        }
    }
}

/// Where a type's names are unique: in a place, or in an account whatever the region.
fn scope(place: &Place, kind: &str) -> Place {
    if OF_ACCOUNT.iter().any(|begins| kind.starts_with(begins)) {
        return Place::new(place.account.clone(), String::new());
    }
    place.clone()
}

/// Resources of types that the estate has, in places where it is, that no stack has.
fn undeclared(
    cloud: &dyn Cloud,
    pace: &Pace,
    places: &BTreeMap<Place, String>,
    known: &Known,
    report: &mut Report,
) -> Answer<()> {
    let places: Vec<(&Place, &String)> = places.iter().collect();
    let there = pool::each(
        cloud,
        pace,
        &places,
        |it| it.0,
        |cloud, (place, _)| {
            let mut others = BTreeSet::new();
            for stack in cloud.stacks(place)? {
                for it in cloud.stack_resources(place, &stack.name)? {
                    let scope = scope(place, &it.kind);
                    let key = (scope, it.kind, it.physical_id);
                    if !known.ours.contains(&key) {
                        others.insert(key);
                    }
                }
            }
            Ok((others, cloud.kinds(place)?))
        },
    )?;
    let mut others = BTreeSet::new();
    let mut items: Vec<(&Place, &String, &String)> = Vec::new();
    for ((place, at), (of_others, kinds)) in places.iter().zip(there) {
        report.not_ours += of_others.len();
        others.extend(of_others);
        let has = |kind: &&String| kinds.as_ref().is_none_or(|kinds| kinds.contains(*kind));
        items.extend(known.kinds.iter().filter(has).map(|kind| (*place, *at, kind)));
    }
    let lists = pool::each(
        cloud,
        pace,
        &items,
        |it| it.0,
        |cloud, (place, _, kind)| match cloud.resources(place, kind) {
            Ok(ids) => Ok(Ok(ids)),
            Err(CloudError::Unsupported(why)) => Ok(Err(why)),
            Err(CloudError::Refused { code, .. }) => Ok(Err(code)),
            Err(error) => Err(error),
        },
    )?;
    let mut shown = BTreeSet::new();
    for ((place, at, kind), list) in items.iter().zip(lists) {
        let ids = match list {
            Ok(ids) => ids,
            Err(why) => {
                *report.not_checkable.entry(format!("{kind} cannot be listed: {why}")).or_default() += 1;
                continue;
            }
        };
        let scope = scope(place, kind);
        for id in ids {
            let key = (scope.clone(), (*kind).clone(), id.clone());
            // Stacks of others say what `Ref` returns, which may be a part of the name that is listed.
            let of_others = || {
                let parts = std::iter::once(id.as_str()).chain(id.split('|'));
                parts
                    .map(|part| (scope.clone(), (*kind).clone(), part.to_owned()))
                    .any(|it| others.contains(&it))
            };
            if known.ours.contains(&key) || of_others() || !shown.insert(key) {
                continue;
            }
            report.drifts.push(Drift {
                place: (*place).clone(),
                stack: (*at).clone(),
                logical_id: String::new(),
                kind: (*kind).clone(),
                by: None,
                id,
                what: What::Undeclared,
                of_fleet: false,
                seen: Seen::Read,
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
