//! A template as it was sent: JSON, looked at as far as a deployment has to.
//!
//! In: the text of a template. Out: its [`Template`]. Always: the order of the text is kept; what it refers to is named,
//! nothing is resolved here.

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use plan::template::{placeholders, references};
use serde_json::{Map, Value};

/// A template.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Template {
    /// Parameters by name.
    pub parameters: BTreeMap<String, Parameter>,
    /// `Mappings`
    pub mappings: Value,
    /// `Conditions`
    pub conditions: Map<String, Value>,
    /// Resources by logical id, as written.
    pub resources: Vec<Resource>,
    /// Outputs: name, value, and the condition under which it is there.
    pub outputs: Vec<(String, Value, Option<String>)>,
    /// Names under which outputs are exported, by output.
    pub exports: BTreeMap<String, Value>,
}

/// A parameter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameter {
    /// `String`, `AWS::SSM::Parameter::Value<String>`
    pub kind: String,
    /// The value where nobody gives one.
    pub default: Option<String>,
}

/// A resource as it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// Its logical id.
    pub id: String,
    /// Its type.
    pub kind: String,
    /// Its properties.
    pub properties: Map<String, Value>,
    /// The condition under which it exists.
    pub condition: Option<String>,
    /// `DependsOn`
    pub depends_on: Vec<String>,
    /// `DeletionPolicy`
    pub deletion_policy: Option<String>,
    /// `UpdateReplacePolicy`
    pub replace_policy: Option<String>,
}

impl Resource {
    /// Whether it stays when its stack lets go of it.
    ///
    /// Source: AWS CloudFormation Template Reference, "DeletionPolicy attribute".
    #[must_use]
    pub fn is_retained(&self) -> bool {
        self.deletion_policy.as_deref() == Some("Retain")
    }
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// What is wrong with it, in CloudFormation's words.
    pub fn read(text: &str) -> Result<Self, String> {
        let root: Value = serde_json::from_str(text)
            .map_err(|error| format!("Template format error: the template is not JSON: {error}"))?;
        let section = |name: &str| root.get(name).and_then(Value::as_object).into_iter().flatten();
        let mut out = Self {
            mappings: root.get("Mappings").cloned().unwrap_or(Value::Null),
            conditions: root.get("Conditions").and_then(Value::as_object).cloned().unwrap_or_default(),
            ..Self::default()
        };
        for (name, written) in section("Parameters") {
            let kind = written.get("Type").and_then(Value::as_str).unwrap_or("String").to_owned();
            let default = written.get("Default").map(plain);
            out.parameters.insert(name.clone(), Parameter { kind, default });
        }
        for (id, written) in section("Resources") {
            let text = |name: &str| written.get(name).and_then(Value::as_str).map(str::to_owned);
            let Some(kind) = text("Type") else {
                return Err(format!("Template format error: [/Resources/{id}] has no Type"));
            };
            let depends_on = match written.get("DependsOn") {
                Some(Value::String(one)) => vec![one.clone()],
                Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                _ => Vec::new(),
            };
            out.resources.push(Resource {
                id: id.clone(),
                kind,
                properties: written.get("Properties").and_then(Value::as_object).cloned().unwrap_or_default(),
                condition: text("Condition"),
                depends_on,
                deletion_policy: text("DeletionPolicy"),
                replace_policy: text("UpdateReplacePolicy"),
            });
        }
        if out.resources.is_empty() {
            return Err("Template format error: At least one Resources member must be defined.".to_owned());
        }
        for (name, written) in section("Outputs") {
            let condition = written.get("Condition").and_then(Value::as_str).map(str::to_owned);
            out.outputs.push((name.clone(), written.get("Value").cloned().unwrap_or(Value::Null), condition));
            if let Some(export) = written.pointer("/Export/Name") {
                out.exports.insert(name.clone(), export.clone());
            }
        }
        Ok(out)
    }

    /// A resource.
    #[must_use]
    pub fn resource(&self, id: &str) -> Option<&Resource> {
        self.resources.iter().find(|resource| resource.id == id)
    }

    /// Logical ids so that each comes after all that it refers to.
    ///
    /// # Errors
    /// A circle, in CloudFormation's words.
    pub fn in_order(&self) -> Result<Vec<&Resource>, String> {
        let ids: BTreeSet<&str> = self.resources.iter().map(|resource| resource.id.as_str()).collect();
        let needs: Vec<BTreeSet<String>> = self
            .resources
            .iter()
            .map(|resource| {
                let mut needs: BTreeSet<String> = resource.depends_on.iter().cloned().collect();
                resource.properties.values().for_each(|value| references(value, &mut needs));
                needs.retain(|id| ids.contains(id.as_str()) && *id != resource.id);
                needs
            })
            .collect();
        let mut done: BTreeSet<&str> = BTreeSet::new();
        let mut order = Vec::with_capacity(self.resources.len());
        while order.len() < self.resources.len() {
            let before = order.len();
            for (resource, needs) in self.resources.iter().zip(&needs) {
                if !done.contains(resource.id.as_str()) && needs.iter().all(|id| done.contains(id.as_str())) {
                    done.insert(&resource.id);
                    order.push(resource);
                }
            }
            if order.len() == before {
                let left: Vec<&str> = ids.difference(&done).copied().collect();
                return Err(format!("Circular dependency between resources: [{}]", left.join(", ")));
            }
        }
        Ok(order)
    }
}

/// A scalar as the text that a parameter has; lists with commas between.
#[must_use]
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
