//! From a block of JSON to a [`ResourceSchema`].
//!
//! In: one type's stripped registry schema. Out: its arena of nodes and its lists of paths.
//! Must always hold: every `$ref` ends in a node of the same arena, also when definitions are recursive;
//! keywords beside a `$ref` hold as well (cfn-lint reads them so); what two places share is compiled once.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Number, Value};
use smol_str::SmolStr;

use crate::broken;
use crate::pattern::Pattern;
use crate::schema::{
    Additional, Combinators, Conditional, ListRules, NodeId, NumberRules, ObjectRules, Relationship,
    SchemaNode, StringRules, Types, Values,
};

type Object = Map<String, Value>;

/// Compiles sub-schemas of one document into one arena.
pub(crate) struct Compiler<'s> {
    root: &'s Value,
    nodes: Vec<SchemaNode>,
    /// What a reference (with what stands beside it) was compiled to.
    references: HashMap<String, NodeId>,
    patterns: HashMap<&'s str, Arc<Pattern>>,
    any: Option<NodeId>,
}

impl<'s> Compiler<'s> {
    pub(crate) fn new() -> Self {
        Self {
            root: &Value::Null,
            nodes: Vec::new(),
            references: HashMap::new(),
            patterns: HashMap::new(),
            any: None,
        }
    }

    pub(crate) fn finish(self) -> Box<[SchemaNode]> {
        self.nodes.into()
    }

    fn reserve(&mut self) -> NodeId {
        self.nodes.push(SchemaNode::default());
        NodeId(u32::try_from(self.nodes.len() - 1).unwrap_or(u32::MAX))
    }

    fn set(&mut self, id: NodeId, node: SchemaNode) {
        if let Some(place) = self.nodes.get_mut(id.0 as usize) {
            *place = node;
        }
    }

    /// Compiles a whole document, whose references mean itself.
    pub(crate) fn document(&mut self, root: &'s Value) -> NodeId {
        self.root = root;
        self.references.clear();
        self.node(root)
    }

    /// Compiles one sub-schema.
    fn node(&mut self, schema: &'s Value) -> NodeId {
        match schema {
            Value::Object(schema) => {
                if let Some(Value::String(target)) = schema.get("$ref") {
                    return self.reference(target, Some(schema));
                }
                if schema.is_empty() {
                    return self.any();
                }
                let id = self.reserve();
                let node = self.build(schema);
                self.set(id, node);
                id
            }
            Value::Bool(false) => {
                let id = self.reserve();
                self.set(id, SchemaNode { never: true, ..SchemaNode::default() });
                id
            }
            _ => self.any(),
        }
    }

    fn any(&mut self) -> NodeId {
        if let Some(any) = self.any {
            return any;
        }
        let any = self.reserve();
        self.any = Some(any);
        any
    }

    /// Follows `target`. Keywords beside it that say nothing new are dropped; the others make a node of
    /// their own that demands both.
    fn reference(&mut self, target: &'s str, schema: Option<&'s Object>) -> NodeId {
        let Some(found) = target.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer)) else {
            broken("a `$ref` that leads nowhere")
        };
        let repeats = |key: &str, value: &Value| found.get(key) == Some(value);
        let adds =
            |schema: &&'s Object| schema.iter().any(|(key, value)| key != "$ref" && !repeats(key, value));
        let beside = schema.filter(adds);
        let name =
            beside.map_or_else(|| target.to_owned(), |schema| Value::Object(schema.clone()).to_string());
        if let Some(known) = self.references.get(&name) {
            return *known;
        }
        let Some(schema) = beside else {
            // A definition may be nothing but a reference; its chain ends because the registry's do.
            if let Some(Value::String(next)) = found.get("$ref")
                && let Value::Object(found) = found
                && next != target
            {
                return self.reference(next, Some(found));
            }
            let id = self.reserve();
            self.references.insert(name, id);
            if let Value::Object(found) = found {
                let node = self.build(found);
                self.set(id, node);
            }
            return id;
        };
        let id = self.reserve();
        self.references.insert(name, id);
        let whole = self.reference(target, None);
        let mut node = self.build(schema);
        // So that a look-up of properties need not look through `allOf` for what every value has.
        let types = self.nodes.get(whole.0 as usize).map_or(Types::ANY, |node| node.types);
        if node.types.is_any() {
            node.types = types;
        }
        let combinators = node.combinators.get_or_insert_default();
        combinators.all_of = combinators.all_of.iter().copied().chain([whole]).collect();
        self.set(id, node);
        id
    }

    fn build(&mut self, schema: &'s Object) -> SchemaNode {
        SchemaNode {
            never: false,
            types: types(schema.get("type")),
            values: values(schema).map(Box::new),
            string: self.string(schema).map(Box::new),
            number: number(schema).map(Box::new),
            list: self.list(schema).map(Box::new),
            object: self.object(schema).map(Box::new),
            combinators: self.combinators(schema).map(Box::new),
            default: schema.get("default").cloned().map(Box::new),
            relationship: schema.get("relationshipRef").and_then(relationship).map(Box::new),
        }
    }

    fn pattern(&mut self, source: &'s str) -> Arc<Pattern> {
        self.patterns.entry(source).or_insert_with(|| Arc::new(Pattern::new(source))).clone()
    }

    fn string(&mut self, schema: &'s Object) -> Option<StringRules> {
        if !has(schema, &["minLength", "maxLength", "pattern", "format"]) {
            return None;
        }
        Some(StringRules {
            min_length: count(schema, "minLength"),
            max_length: count(schema, "maxLength"),
            pattern: text(schema, "pattern").map(|source| self.pattern(source)),
            format: text(schema, "format").map(SmolStr::from),
        })
    }

    fn list(&mut self, schema: &'s Object) -> Option<ListRules> {
        let keys = [
            "items",
            "prefixItems",
            "contains",
            "minItems",
            "maxItems",
            "uniqueItems",
            "uniqueKeys",
            "insertionOrder",
        ];
        if !has(schema, &keys) {
            return None;
        }
        Some(ListRules {
            items: schema.get("items").map(|items| self.node(items)),
            prefix: self.nodes_of(schema, "prefixItems"),
            contains: schema.get("contains").map(|schema| self.node(schema)),
            min_items: count(schema, "minItems"),
            max_items: count(schema, "maxItems"),
            unique: schema.get("uniqueItems") == Some(&Value::Bool(true)),
            unique_keys: names(schema.get("uniqueKeys")),
            unordered: schema.get("insertionOrder") == Some(&Value::Bool(false)),
        })
    }

    fn object(&mut self, schema: &'s Object) -> Option<ObjectRules> {
        let keys = [
            "properties",
            "patternProperties",
            "additionalProperties",
            "propertyNames",
            "required",
            "minProperties",
            "maxProperties",
            "requiredXor",
            "requiredOr",
            "dependentRequired",
            "dependentExcluded",
            "dependentSchemas",
        ];
        if !has(schema, &keys) {
            return None;
        }
        let mut patterns = Vec::new();
        if let Some(Value::Object(map)) = schema.get("patternProperties") {
            for (source, schema) in map {
                patterns.push((self.pattern(source), self.node(schema)));
            }
        }
        Some(ObjectRules {
            properties: self.named(schema, "properties"),
            patterns: patterns.into(),
            additional: match schema.get("additionalProperties") {
                None | Some(Value::Bool(true)) => Additional::Any,
                Some(Value::Bool(false)) => Additional::None,
                Some(schema) => Additional::Schema(self.node(schema)),
            },
            names: schema.get("propertyNames").map(|schema| self.node(schema)),
            required: names(schema.get("required")),
            min_properties: count(schema, "minProperties"),
            max_properties: count(schema, "maxProperties"),
            required_xor: names(schema.get("requiredXor")),
            required_or: names(schema.get("requiredOr")),
            dependent_required: dependent(schema.get("dependentRequired")),
            dependent_excluded: dependent(schema.get("dependentExcluded")),
            dependent_schemas: self.named(schema, "dependentSchemas"),
        })
    }

    fn combinators(&mut self, schema: &'s Object) -> Option<Combinators> {
        if !has(schema, &["allOf", "anyOf", "oneOf", "not", "if"]) {
            return None;
        }
        Some(Combinators {
            all_of: self.nodes_of(schema, "allOf"),
            any_of: self.nodes_of(schema, "anyOf"),
            one_of: self.nodes_of(schema, "oneOf"),
            not: schema.get("not").map(|schema| self.node(schema)),
            conditional: schema.get("if").map(|when| Conditional {
                when: self.node(when),
                then: schema.get("then").map(|schema| self.node(schema)),
                otherwise: schema.get("else").map(|schema| self.node(schema)),
            }),
        })
    }

    fn nodes_of(&mut self, schema: &'s Object, key: &str) -> Box<[NodeId]> {
        let listed = schema.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        listed.iter().map(|schema| self.node(schema)).collect()
    }

    fn named(&mut self, schema: &'s Object, key: &str) -> Box<[(SmolStr, NodeId)]> {
        let Some(Value::Object(map)) = schema.get(key) else { return Box::default() };
        let mut named: Vec<_> =
            map.iter().map(|(name, schema)| (SmolStr::from(name), self.node(schema))).collect();
        named.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        named.into()
    }
}

fn has(schema: &Object, keys: &[&str]) -> bool {
    keys.iter().any(|key| schema.contains_key(*key))
}

fn count(schema: &Object, key: &str) -> Option<u64> {
    let value = schema.get(key)?;
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn text<'s>(schema: &'s Object, key: &str) -> Option<&'s str> {
    schema.get(key)?.as_str()
}

/// A list of names, or one name.
pub(crate) fn names(value: Option<&Value>) -> Box<[SmolStr]> {
    match value {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(SmolStr::from).collect(),
        Some(Value::String(name)) => [SmolStr::from(name)].into(),
        _ => Box::default(),
    }
}

fn dependent(value: Option<&Value>) -> Box<[(SmolStr, Box<[SmolStr]>)]> {
    let Some(Value::Object(map)) = value else { return Box::default() };
    map.iter().map(|(name, others)| (SmolStr::from(name), names(Some(others)))).collect()
}

fn types(value: Option<&Value>) -> Types {
    let named = |value: &Value| value.as_str().and_then(Types::named).unwrap_or_default();
    match value {
        Some(Value::Array(list)) => list.iter().fold(Types::ANY, |types, value| types.union(named(value))),
        Some(value) => named(value),
        None => Types::ANY,
    }
}

fn values(schema: &Object) -> Option<Values> {
    let (listed, ignore_case) =
        match (schema.get("const"), schema.get("enum"), schema.get("enumCaseInsensitive")) {
            (Some(value), _, _) => (vec![value.clone()], false),
            (None, Some(Value::Array(list)), _) => (list.clone(), false),
            (None, None, Some(Value::Array(list))) => (list.clone(), true),
            _ => return None,
        };
    if listed.is_empty() {
        return None;
    }
    let spelled = listed.iter().filter_map(|value| match value {
        Value::String(text) if ignore_case => Some(text.to_ascii_lowercase().into()),
        Value::String(text) => Some(text.into()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string().into()),
        _ => None,
    });
    let mut strings: Vec<SmolStr> = spelled.collect();
    strings.sort_unstable();
    Some(Values { allowed: listed.into(), strings: strings.into(), ignore_case })
}

fn number(schema: &Object) -> Option<NumberRules> {
    if !has(schema, &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]) {
        return None;
    }
    let bound = |key: &str| -> Option<Number> {
        match schema.get(key)? {
            Value::Number(number) => Some(number.clone()),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    };
    Some(NumberRules {
        minimum: bound("minimum"),
        maximum: bound("maximum"),
        exclusive_minimum: bound("exclusiveMinimum"),
        exclusive_maximum: bound("exclusiveMaximum"),
        multiple_of: bound("multipleOf"),
    })
}

fn relationship(value: &Value) -> Option<Relationship> {
    Some(Relationship {
        type_name: value.get("typeName")?.as_str()?.into(),
        property: value.get("propertyPath")?.as_str()?.into(),
    })
}
