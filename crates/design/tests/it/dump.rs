//! Stacks as CloudFormation templates, just enough for linters and for people: `emit` writes the real ones.
//!
//! `DESIGN_DUMP=folder cargo test -p design dump` writes those of every example.

use std::collections::BTreeMap;

use estate::{Estate, Kind, Number, Policy, Pseudo, Reference, Stack, StackId, Target, Value};
use serde_json::{Map, Value as Json, json};

use crate::source;

/// What a stack takes from elsewhere, by parameter name.
struct Parameters<'e> {
    estate: &'e Estate,
    all: BTreeMap<String, Json>,
}

/// A stack as a template.
pub fn template(estate: &Estate, id: StackId, stack: &Stack) -> Json {
    let mut parameters = Parameters { estate, all: BTreeMap::new() };
    let mut resources = Map::new();
    for (logical_id, resource) in &stack.resources {
        let mut out = Map::new();
        out.insert("Type".into(), json!(resource.kind.as_str()));
        out.insert("Properties".into(), parameters.value(id, stack, &resource.properties));
        if !resource.depends_on.is_empty() {
            let ids: Vec<_> = resource.depends_on.iter().map(|dependency| dependency.id.as_str()).collect();
            out.insert("DependsOn".into(), json!(ids));
        }
        let policies = [
            ("DeletionPolicy", &resource.deletion_policy),
            ("UpdateReplacePolicy", &resource.update_replace_policy),
        ];
        for (name, policy) in policies {
            let word = match policy {
                None => continue,
                Some(Policy::Retain) => "Retain",
                Some(Policy::Snapshot) => "Snapshot",
                Some(other) => panic!("{logical_id} has an odd policy: {other:?}"),
            };
            out.insert(name.into(), json!(word));
        }
        resources.insert(logical_id.to_string(), Json::Object(out));
    }
    let mut out =
        json!({ "AWSTemplateFormatVersion": "2010-09-09", "Description": stack.description.as_str() });
    if !parameters.all.is_empty() {
        out["Parameters"] = Json::Object(parameters.all.into_iter().collect());
    }
    out["Resources"] = Json::Object(resources);
    out
}

impl Parameters<'_> {
    fn value(&mut self, id: StackId, stack: &Stack, value: &Value) -> Json {
        match &value.kind {
            Kind::Null => Json::Null,
            Kind::Bool(value) => json!(value),
            Kind::Number(Number::Int(value)) => json!(value),
            Kind::Number(Number::Float(value)) => json!(value),
            Kind::String(text) => json!(text.as_str()),
            Kind::List(items) => items.iter().map(|item| self.value(id, stack, item)).collect(),
            Kind::Map(map) => {
                map.iter().map(|entry| (entry.key.to_string(), self.value(id, stack, &entry.value))).collect()
            }
            Kind::Reference(reference) => self.reference(id, stack, reference),
            Kind::Join(pieces) => {
                let pieces: Vec<_> = pieces.iter().map(|piece| self.value(id, stack, piece)).collect();
                json!({ "Fn::Join": ["", pieces] })
            }
            Kind::Call(call) => {
                let arguments: Vec<_> = call.arguments.iter().map(|one| self.value(id, stack, one)).collect();
                json!({ call.function.name(): arguments })
            }
            other => panic!("design leaves nothing open, but here is {other:?}"),
        }
    }

    fn reference(&mut self, id: StackId, stack: &Stack, reference: &Reference) -> Json {
        match &reference.target {
            Target::Resource { stack: other, id: target } if *other == id => match &reference.attribute {
                None => json!({ "Ref": target.as_str() }),
                Some(attribute) => json!({ "Fn::GetAtt": [target.as_str(), attribute.as_str()] }),
            },
            Target::Resource { stack: other, id: target } => {
                let attribute = reference.attribute.as_deref().unwrap_or("").replace('.', "");
                self.parameter(&format!("In/{}/{target}/{attribute}", self.estate.stack_path(*other)))
            }
            Target::Account(account) if *account == stack.account => json!({ "Ref": "AWS::AccountId" }),
            Target::Account(account) => {
                self.parameter(&format!("Account/{}", self.estate.account(*account).unwrap().name))
            }
            Target::Pseudo { pseudo: Pseudo::Partition, .. } => json!({ "Ref": "AWS::Partition" }),
            Target::Pseudo { pseudo, .. } => panic!("design does not use {pseudo:?}"),
        }
    }

    fn parameter(&mut self, name: &str) -> Json {
        let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        self.all.insert(name.clone(), json!({ "Type": "String" }));
        json!({ "Ref": name })
    }
}

#[test]
fn dump_templates_of_the_examples_for_linters() {
    let Ok(folder) = std::env::var("DESIGN_DUMP") else { return };
    for example in source::EXAMPLES {
        let design =
            source::compile(&std::fs::read_to_string(source::example(example)).unwrap(), &<_>::default());
        println!(
            "{example}: {} stacks, {} resources",
            design.estate.stacks.len(),
            design.estate.resource_count()
        );
        for (id, stack) in design.estate.stacks() {
            let path = format!("{folder}/{example}/{}.json", design.estate.stack_path(id).replace('/', "_"));
            std::fs::create_dir_all(format!("{folder}/{example}")).unwrap();
            std::fs::write(path, serde_json::to_string_pretty(&template(&design.estate, id, stack)).unwrap())
                .unwrap();
        }
        std::fs::write(format!("{folder}/{example}/estate.lock"), design.lock.render()).unwrap();
    }
}
