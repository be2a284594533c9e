//! Taking resources that exist into an estate.
//!
//! In: what is wanted, what a cloud has of it, and the ids that somebody named. Out: resources that exist already, each with how it differs
//! from what is wanted; then change sets that import those that do not. Always: a resource whose properties could not all be compared is
//! not called alike; a change set that would do anything but import is dropped.
//!
//! Source: AWS CloudFormation User Guide, "Import AWS resources into a CloudFormation stack": nothing else of a stack may change with an
//! import, and each imported resource needs a `DeletionPolicy`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use catalog::{Catalog, PropertyPath, Step};
use emit::cloudformation::{ManifestParameter, ManifestStack};
use plan::{DeployedStack, Desired, Inventory, TEMPLATE_TAG, sha256};
use serde_json::{Map, Value, json};

use crate::drift;
use crate::evaluate::{Evaluation, Here, Scope};
use crate::template::{Template, references};
use crate::{Answer, ChangeAction, Cloud, CloudError, Import, OrganizationState, Place, StackRequest};

/// A resource that the blueprint wants, that no stack of the estate has, and that exists.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The stack it belongs to: `account/region/name`.
    pub stack: String,
    /// Its logical id.
    pub logical_id: String,
    /// Its type.
    pub kind: String,
    /// Its identifier in the cloud.
    pub id: String,
    /// Its primary identifier by property.
    pub identifier: BTreeMap<String, String>,
    /// Properties in which it differs: by path, wanted and there.
    pub differs: Vec<(String, Option<Value>, Option<Value>)>,
    /// Why it cannot be taken in as it is, where that is so.
    pub cannot: Option<String>,
}

impl Candidate {
    /// Whether taking it in changes nothing.
    #[must_use]
    pub fn is_alike(&self) -> bool {
        self.differs.is_empty() && self.cannot.is_none()
    }
}

/// Named ids: by `account/region/stack/LogicalId`.
pub type Named = BTreeMap<String, String>;

/// A stack with all that is known of it.
struct Look<'d> {
    manifest: &'d ManifestStack,
    place: Place,
    wanted: Template,
    deployed: Option<&'d DeployedStack>,
    /// Values of parameters that are known already.
    parameters: BTreeMap<String, String>,
}

struct Deployed<'l> {
    cloud: &'l dyn Cloud,
    look: &'l Look<'l>,
    /// Candidates of the stack found so far: type and identifier by logical id.
    found: BTreeMap<String, (String, String)>,
}

impl Deployed<'_> {
    fn known(&self, id: &str) -> Option<(String, String)> {
        let member = self.look.deployed.and_then(|stack| stack.resources.get(id));
        let member = member.map(|it| (it.kind.clone(), it.physical_id.clone()));
        member.or_else(|| self.found.get(id).cloned())
    }
}

impl Scope for Deployed<'_> {
    fn reference(&self, id: &str) -> Option<Value> {
        self.known(id).map(|(_, physical)| Value::String(physical))
    }

    fn attribute(&self, id: &str, name: &str) -> Option<Value> {
        let (kind, physical) = self.known(id)?;
        self.cloud.attribute(&self.look.place, &kind, &physical, name).ok().flatten()
    }

    fn import(&self, _: &str) -> Option<Value> {
        None
    }
}

/// Looks for resources that exist already.
///
/// # Errors
/// The first call that fails for good; [`CloudError::Missing`] where a named id is of nothing that exists or is wanted.
pub fn look(
    cloud: &dyn Cloud,
    desired: &Desired,
    inventory: &Inventory,
    named: &Named,
) -> Answer<Vec<Candidate>> {
    let mut out = Vec::new();
    let mut used: BTreeSet<&str> = BTreeSet::new();
    let organization = cloud.organization()?;
    for manifest in &desired.manifest.stacks {
        let Some(look) = looked(desired, inventory, manifest)? else { continue };
        let here = here(&look);
        let order = look.wanted.in_order().map_err(|why| CloudError::refused("Template", why))?;
        let mut scope = Deployed { cloud, look: &look, found: BTreeMap::new() };
        for resource in order {
            if look.deployed.is_some_and(|stack| stack.resources.contains_key(&resource.id)) {
                continue;
            }
            let key = format!("{}/{}", manifest.key, resource.id);
            let evaluation = Evaluation {
                template: &look.wanted,
                here: &here,
                parameters: &look.parameters,
                scope: &scope,
            };
            if resource.condition.as_ref().is_some_and(|name| evaluation.condition(name, 0) != Ok(true)) {
                continue;
            }
            let name = named.get_key_value(&key);
            used.extend(name.map(|(key, _)| key.as_str()));
            let identifier = match name {
                Some((_, id)) => identified(&resource.kind, id)?,
                None => {
                    let known =
                        organized(&resource.kind, &resource.properties, &evaluation, organization.as_ref());
                    match known.or_else(|| identifier(&resource.kind, &resource.properties, &evaluation)) {
                        Some(identifier) => identifier,
                        None => continue,
                    }
                }
            };
            let id = identifier.values().cloned().collect::<Vec<_>>().join("|");
            let there = match cloud.resource(&look.place, &resource.kind, &id) {
                Ok(Some(there)) => there,
                Ok(None) if name.is_some() => {
                    return Err(CloudError::Missing(format!("{} {id}", resource.kind)));
                }
                Ok(None) | Err(CloudError::Unsupported(_)) => continue,
                Err(error) => return Err(error),
            };
            let (differs, unknown) = compared(
                &resource.kind,
                &resource.properties,
                &there.properties,
                &evaluation,
                cloud.shows_defaults(),
            );
            let cannot = unknown.or_else(|| needs(resource, &scope));
            scope.found.insert(resource.id.clone(), (resource.kind.clone(), id.clone()));
            let (logical_id, kind) = (resource.id.clone(), resource.kind.clone());
            out.push(Candidate {
                stack: manifest.key.clone(),
                logical_id,
                kind,
                id,
                identifier,
                differs,
                cannot,
            });
        }
    }
    match named.keys().find(|key| !used.contains(key.as_str())) {
        Some(idle) => Err(CloudError::Missing(format!("a resource {idle} that is wanted and not deployed"))),
        None => Ok(out),
    }
}

fn here(look: &Look<'_>) -> Here {
    Here {
        account: look.place.account.clone(),
        region: look.place.region.clone(),
        stack: look.manifest.name.clone(),
        stack_id: String::new(),
    }
}

fn looked<'d>(
    desired: &'d Desired,
    inventory: &'d Inventory,
    manifest: &'d ManifestStack,
) -> Answer<Option<Look<'d>>> {
    let account = inventory.accounts.get(&manifest.account);
    let (Some(account), Some(region)) = (account, manifest.region.as_ref()) else { return Ok(None) };
    let Some(text) = desired.templates.get(&manifest.template) else { return Ok(None) };
    let wanted = Template::read(text).map_err(|why| CloudError::refused("Template", why))?;
    let value = |parameter: &ManifestParameter| {
        let from = parameter.from.as_ref();
        let output = from.and_then(|from| inventory.output(&from.stack, &from.output)).map(str::to_owned);
        let number = parameter.account.as_ref().and_then(|name| inventory.accounts.get(name));
        parameter.value.clone().or(output).or_else(|| number.map(|it| it.number.clone()))
    };
    let defaults =
        wanted.parameters.iter().filter_map(|(name, it)| Some((name.clone(), it.default.clone()?)));
    let mut parameters: BTreeMap<String, String> = defaults.collect();
    parameters.extend(manifest.parameters.iter().filter_map(|it| Some((it.name.clone(), value(it)?))));
    let deployed = inventory.stacks.get(&manifest.key).filter(|stack| !stack.status.is_empty_shell());
    let place = Place::new(account.number.clone(), region.clone());
    Ok(Some(Look { manifest, place, wanted, deployed, parameters }))
}

/// The properties that identify a type, by name; `None` where one of them is not a top-level property.
fn identifying(kind: &str) -> Option<Vec<String>> {
    let name = |path: &PropertyPath| match path.steps() {
        [Step::Name(name)] => Some(name.to_string()),
        _ => None,
    };
    let schema = Catalog::shared().resource_type(kind)?;
    let names: Option<Vec<String>> = schema.primary_identifier().iter().map(name).collect();
    names.filter(|names| !names.is_empty())
}

/// The primary identifier of a resource, where its template says all of it.
fn identifier(
    kind: &str,
    properties: &Map<String, Value>,
    evaluation: &Evaluation<'_>,
) -> Option<BTreeMap<String, String>> {
    let mut out = BTreeMap::new();
    for name in identifying(kind)? {
        let value = evaluation.value(properties.get(&name)?).ok()??;
        out.insert(name, value.as_str()?.to_owned());
    }
    Some(out)
}

/// An organization is known by being the caller's, a unit by its name and parent, an account by its address.
fn organized(
    kind: &str,
    properties: &Map<String, Value>,
    evaluation: &Evaluation<'_>,
    organization: Option<&OrganizationState>,
) -> Option<BTreeMap<String, String>> {
    let state = organization?;
    let text = |name: &str| {
        let value = evaluation.value(properties.get(name)?).ok()??;
        value.as_str().map(str::to_owned)
    };
    let (name, id) = match kind {
        "AWS::Organizations::Organization" => ("Id", state.id.clone()),
        "AWS::Organizations::OrganizationalUnit" => {
            let (name, parent) = (text("Name")?, text("ParentId")?);
            ("Id", state.units.iter().find(|unit| unit.name == name && unit.parent == parent)?.id.clone())
        }
        "AWS::Organizations::Account" => {
            let email = text("Email")?;
            let known = state.accounts.iter().find(|account| account.email.eq_ignore_ascii_case(&email))?;
            ("AccountId", known.number.clone())
        }
        _ => return None,
    };
    Some(BTreeMap::from([(name.to_owned(), id)]))
}

/// A named id as the properties of a primary identifier.
fn identified(kind: &str, id: &str) -> Answer<BTreeMap<String, String>> {
    let unknown = || CloudError::refused("Identifier", format!("it is not known what identifies {kind}"));
    let names = identifying(kind).ok_or_else(unknown)?;
    let parts: Vec<&str> = if names.len() == 1 { vec![id] } else { id.split('|').collect() };
    if parts.len() != names.len() {
        let text = format!("{kind} is identified by {}, with | between", names.join(", "));
        return Err(CloudError::refused("Identifier", text));
    }
    Ok(names.into_iter().zip(parts.into_iter().map(str::to_owned)).collect())
}

type Differing = Vec<(String, Option<Value>, Option<Value>)>;

/// How a resource differs, and what of it could not be compared.
fn compared(
    kind: &str,
    wanted: &Map<String, Value>,
    there: &Value,
    evaluation: &Evaluation<'_>,
    explicit: bool,
) -> (Differing, Option<String>) {
    let (mut differs, mut unknown) = (Vec::new(), None);
    let write_only = drift::write_only(kind);
    for (name, written) in wanted {
        if write_only.contains(name) {
            unknown = Some(format!("{name} cannot be read back"));
            continue;
        }
        match evaluation.value(written) {
            Ok(wanted) => drift::compare(name, wanted.as_ref(), there.get(name), explicit, &mut differs),
            Err(why) => unknown = Some(format!("{name} is not known yet: {why}")),
        }
    }
    (differs, unknown)
}

/// What a resource refers to has to be in the stack already, or to come with it.
fn needs(resource: &crate::template::Resource, scope: &Deployed<'_>) -> Option<String> {
    let mut names: BTreeSet<String> = resource.depends_on.iter().cloned().collect();
    resource.properties.values().for_each(|value| references(value, &mut names));
    let is_resource = |name: &&String| scope.look.wanted.resource(name).is_some();
    let missing = names.iter().filter(is_resource).find(|name| scope.known(name).is_none())?;
    Some(format!("{missing}, which it refers to, is not there"))
}

/// Takes resources of one stack in. Answers how many.
///
/// # Errors
/// [`CloudError::Refused`] where the change set would do anything but import; as any call.
pub fn take_in(
    cloud: &dyn Cloud,
    desired: &Desired,
    inventory: &Inventory,
    stack: &str,
    chosen: &[&Candidate],
    wait: impl Fn(),
) -> Answer<usize> {
    let manifest = desired.manifest.stacks.iter().find(|it| it.key == stack);
    let manifest = manifest.ok_or_else(|| CloudError::Missing(format!("stack {stack}")))?;
    let look =
        looked(desired, inventory, manifest)?.ok_or_else(|| CloudError::Missing(format!("stack {stack}")))?;
    let text = desired.templates.get(&manifest.template).map_or("{}", |text| &**text);
    let template = merged(text, look.deployed.map(|it| &*it.template), chosen)?;
    let declared = Template::read(&template).map_err(|why| CloudError::refused("Template", why))?;
    let mut parameters = look.deployed.map(|it| it.parameters.clone()).unwrap_or_default();
    for name in
        declared.parameters.keys().filter(|name| !parameters.contains_key(*name)).cloned().collect::<Vec<_>>()
    {
        if let Some(value) = look.parameters.get(&name) {
            parameters.insert(name, value.clone());
        }
    }
    let mut tags = manifest.tags.clone();
    // The template that is wanted comes with the next apply.
    tags.insert(TEMPLATE_TAG.to_owned(), sha256(template.as_bytes()));
    let import = |it: &&Candidate| Import {
        logical_id: it.logical_id.clone(),
        kind: it.kind.clone(),
        identifier: it.identifier.clone(),
    };
    let request = StackRequest {
        name: manifest.name.clone(),
        change_set: format!("steward-adopt-{}", sha256(template.as_bytes()).get(..12).unwrap_or_default()),
        template: Arc::from(template),
        parameters,
        tags,
        capabilities: manifest.capabilities.clone(),
        import: chosen.iter().map(import).collect(),
        revert_drift: false,
    };
    let set = cloud.prepare(&look.place, &request)?;
    if let Some(other) = set.changes.iter().find(|change| change.action != ChangeAction::Import) {
        cloud.discard(&look.place, &request.name, &set.name)?;
        let text = format!("taking in would do more: {} {}", other.kind, other.logical_id);
        return Err(CloudError::refused("Import", text));
    }
    cloud.execute(&look.place, &request.name, &set.name)?;
    loop {
        match cloud.stack(&look.place, &request.name)? {
            Some(state) if state.status.in_progress() => wait(),
            Some(state) if state.status.is_good() => return Ok(chosen.len()),
            Some(state) => {
                let why = state.reason.unwrap_or_else(|| format!("the stack is {}", state.status));
                return Err(CloudError::refused("Import", why));
            }
            None => return Err(CloudError::Missing(format!("stack {stack}"))),
        }
    }
}

/// The deployed template with the chosen resources of the wanted one, and with what these need of it.
fn merged(wanted: &str, deployed: Option<&str>, chosen: &[&Candidate]) -> Answer<String> {
    let read = |text: &str| {
        serde_json::from_str::<Value>(text)
            .map_err(|error| CloudError::refused("Template", error.to_string()))
    };
    let wanted = read(wanted)?;
    let mut out = match deployed.filter(|text| !text.is_empty()) {
        Some(text) => read(text)?,
        None => json!({ "AWSTemplateFormatVersion": "2010-09-09", "Resources": {} }),
    };
    let member = |id: &str| wanted.get("Resources").and_then(|all| all.get(id)).cloned();
    let mut names = BTreeSet::new();
    let mut taken = Map::new();
    for candidate in chosen {
        let Some(mut resource) = member(&candidate.logical_id) else { continue };
        references(&resource, &mut names);
        if let Some(resource) = resource.as_object_mut() {
            resource.entry("DeletionPolicy").or_insert_with(|| "Retain".into());
        }
        taken.insert(candidate.logical_id.clone(), resource);
    }
    let Some(root) = out.as_object_mut() else {
        return Err(CloudError::refused("Template", "it is no object"));
    };
    for section in ["Parameters", "Mappings", "Conditions"] {
        let Some(Value::Object(all)) = wanted.get(section) else { continue };
        let parameters = section == "Parameters";
        let needed = all.iter().filter(|(name, _)| !parameters || names.contains(*name));
        let needed: Vec<(String, Value)> =
            needed.map(|(name, value)| (name.clone(), value.clone())).collect();
        if let Some(target) = root.entry(section).or_insert_with(|| json!({})).as_object_mut() {
            for (name, value) in needed {
                target.entry(name).or_insert(value);
            }
        }
    }
    // A condition may use parameters that no resource names.
    if let (Some(conditions), Some(Value::Object(all))) =
        (root.get("Conditions").cloned(), wanted.get("Parameters"))
    {
        let mut names = BTreeSet::new();
        references(&conditions, &mut names);
        if let Some(target) = root.get_mut("Parameters").and_then(Value::as_object_mut) {
            for (name, value) in all.iter().filter(|(name, _)| names.contains(*name)) {
                target.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
    }
    for section in ["Parameters", "Mappings", "Conditions"] {
        if root.get(section).and_then(Value::as_object).is_some_and(Map::is_empty) {
            root.remove(section);
        }
    }
    if let Some(resources) = root.get_mut("Resources").and_then(Value::as_object_mut) {
        resources.extend(taken);
    }
    Ok(out.to_string())
}
