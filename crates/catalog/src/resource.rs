//! A resource type: its compiled schema and what CloudFormation knows about its properties.
//!
//! In: one block of the packed registry. Out: [`ResourceSchema`].
//! Must always hold: nothing changes after it was made; a path that the schema cannot follow is kept as the
//! registry wrote it, without a node.

use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::Value;
use smol_str::SmolStr;

use crate::compile::{Compiler, names};
use crate::encryption::{self, EncryptionProperty};
use crate::path::{PathTree, PropertyPath, Step};
use crate::schema::{Additional, NodeId, SchemaNode};

/// The schema of one CloudFormation resource type.
#[derive(Debug)]
pub struct ResourceSchema {
    name: SmolStr,
    nodes: Box<[SchemaNode]>,
    root: NodeId,
    read_only: Paths,
    create_only: Paths,
    conditional_create_only: Paths,
    write_only: Paths,
    deprecated: Paths,
    primary_identifier: Box<[PropertyPath]>,
    additional_identifiers: Box<[Box<[PropertyPath]>]>,
    returned_by_ref: Option<Box<[PropertyPath]>>,
    tagging: Option<Tagging>,
    attributes: Box<[Attribute]>,
    open_attributes: Box<[SmolStr]>,
    rules: Box<[Rule]>,
    lifecycle: Option<Lifecycle>,
    handlers: SmolStr,
    replacement: SmolStr,
    stateful: bool,
    encryption: OnceLock<Box<[EncryptionProperty]>>,
}

/// A list of property paths, and the same as a tree for a walk over values.
#[derive(Debug)]
pub struct Paths {
    list: Box<[PropertyPath]>,
    tree: PathTree,
}

impl Paths {
    /// The paths, in the registry's order.
    #[must_use]
    pub fn list(&self) -> &[PropertyPath] {
        &self.list
    }

    /// The paths as a tree.
    #[must_use]
    pub fn tree(&self) -> &PathTree {
        &self.tree
    }
}

/// An attribute that `Fn::GetAtt` returns.
#[derive(Debug, Clone)]
pub struct Attribute {
    /// `Endpoint.Address`
    pub name: SmolStr,
    /// The property it reads.
    pub path: PropertyPath,
    /// That property's schema, when the registry describes it.
    pub node: Option<NodeId>,
}

/// What `Ref` returns. The registry states a primary identifier; where that has several parts, only the type's
/// page in the template reference says whether `Ref` joins them or returns one: `data/refs.json` has those
/// that somebody read.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-ref.html>
#[derive(Debug, Clone, Copy)]
pub enum RefMeaning<'s> {
    /// The value of this property.
    Property(&'s PropertyPath),
    /// The values of these properties, joined by `|`.
    Joined(&'s [PropertyPath]),
    /// These properties identify the resource; nobody has read which of them `Ref` returns.
    Unread(&'s [PropertyPath]),
    /// The registry does not say.
    Unstated,
}

/// A row of `data/refs.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefRow {
    #[serde(rename = "type")]
    pub(crate) type_name: SmolStr,
    returns: Vec<SmolStr>,
    #[allow(dead_code, reason = "for the person who reviews the row")]
    source: SmolStr,
}

#[derive(Deserialize)]
pub(crate) struct RefTable {
    pub(crate) rows: Vec<RefRow>,
}

/// How resources of the type carry tags.
#[derive(Debug, Clone)]
pub struct Tagging {
    /// Whether they carry tags at all.
    pub taggable: bool,
    /// The property that holds them, usually `Tags`, when the type has one.
    pub property: Option<PropertyPath>,
    /// Whether tags can change without replacement.
    pub updatable: bool,
}

/// A rule of cfn-lint about several properties at once.
#[derive(Debug)]
pub struct Rule {
    /// cfn-lint's id: `E3686`.
    pub id: SmolStr,
    /// Where the rule's schema applies.
    pub at: PropertyPath,
    /// The schema that must hold there.
    pub node: NodeId,
    /// What the rule is about, in cfn-lint's words.
    pub title: SmolStr,
}

/// The end of a resource type's life, as AWS has announced it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lifecycle {
    /// `maintenance`, `sunset`, …
    pub status: SmolStr,
    /// `YYYY-MM-DD`
    pub date: SmolStr,
}

impl ResourceSchema {
    pub(crate) fn new(name: &str, block: &Value, returned_by_ref: Option<&RefRow>) -> Self {
        let mut compiler = Compiler::new();
        let root = compiler.document(block);
        let rules: Vec<_> = listed(block, "rules")
            .map(|rule| Rule {
                id: text(rule, "id"),
                at: PropertyPath::parse(&text(rule, "path")),
                node: rule.get("schema").map_or(root, |schema| compiler.document(schema)),
                title: text(rule, "says"),
            })
            .collect();
        let nodes = compiler.finish();
        let paths = |key: &str| follow_all(&nodes, root, block.get(key));
        let list = |key: &str| Paths::from(paths(key));
        let (attributes, open_attributes) = attributes(&nodes, root, block);
        Self {
            name: name.into(),
            root,
            read_only: list("readOnlyProperties"),
            create_only: list("createOnlyProperties"),
            conditional_create_only: list("conditionalCreateOnlyProperties"),
            write_only: list("writeOnlyProperties"),
            deprecated: list("deprecatedProperties"),
            primary_identifier: paths("primaryIdentifier"),
            additional_identifiers: listed(block, "additionalIdentifiers")
                .map(|identifier| follow_all(&nodes, root, Some(identifier)))
                .collect(),
            returned_by_ref: returned_by_ref
                .map(|row| row.returns.iter().map(|property| PropertyPath::parse(property)).collect()),
            tagging: tagging(block),
            attributes,
            open_attributes,
            rules: rules.into(),
            lifecycle: block.get("lifecycle").map(|lifecycle| Lifecycle {
                status: text(lifecycle, "status"),
                date: text(lifecycle, "date"),
            }),
            handlers: text(block, "handlers"),
            replacement: text(block, "replacementStrategy"),
            stateful: block.get("stateful") == Some(&Value::Bool(true)),
            encryption: OnceLock::new(),
            nodes,
        }
    }

    /// `AWS::S3::Bucket`
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The schema of the resource's `Properties`.
    #[must_use]
    pub fn root(&self) -> NodeId {
        self.root
    }

    /// The sub-schema of this id.
    ///
    /// # Panics
    /// When the id comes from another resource type's schema.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &SchemaNode {
        match self.nodes.get(id.0 as usize) {
            Some(node) => node,
            None => crate::broken("a node of another resource type's schema"),
        }
    }

    /// Every sub-schema with its id.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &SchemaNode)> {
        (0..).map(NodeId).zip(&self.nodes)
    }

    /// The schema of the property `name` of the object `at`, also where `allOf`, `anyOf` or `oneOf`
    /// declares it, and of any name of a map.
    #[must_use]
    pub fn property(&self, at: NodeId, name: &str) -> Option<NodeId> {
        property(&self.nodes, at, name, MAX_INDIRECTION)
    }

    /// The schema of the elements of the list, or of the values of the map, `at`.
    #[must_use]
    pub fn each(&self, at: NodeId) -> Option<NodeId> {
        each(&self.nodes, at, MAX_INDIRECTION)
    }

    /// The schema at the end of `path`.
    #[must_use]
    pub fn at(&self, path: &PropertyPath) -> Option<NodeId> {
        path.steps().iter().try_fold(self.root, |at, step| match step {
            Step::Name(name) => self.property(at, name),
            Step::Each => self.each(at),
        })
    }

    /// Properties that the service sets and a template must not.
    #[must_use]
    pub fn read_only(&self) -> &Paths {
        &self.read_only
    }

    /// Properties whose change replaces the resource.
    #[must_use]
    pub fn create_only(&self) -> &Paths {
        &self.create_only
    }

    /// Properties whose change may replace the resource.
    #[must_use]
    pub fn conditional_create_only(&self) -> &Paths {
        &self.conditional_create_only
    }

    /// Properties that cannot be read back: passwords and the like.
    #[must_use]
    pub fn write_only(&self) -> &Paths {
        &self.write_only
    }

    /// Properties that AWS has withdrawn.
    #[must_use]
    pub fn deprecated(&self) -> &Paths {
        &self.deprecated
    }

    /// The properties that identify a resource.
    #[must_use]
    pub fn primary_identifier(&self) -> &[PropertyPath] {
        &self.primary_identifier
    }

    /// Other sets of properties that identify a resource as well.
    #[must_use]
    pub fn additional_identifiers(&self) -> &[Box<[PropertyPath]>] {
        &self.additional_identifiers
    }

    /// What `Ref` returns.
    #[must_use]
    pub fn ref_meaning(&self) -> RefMeaning<'_> {
        match (self.returned_by_ref.as_deref(), &*self.primary_identifier) {
            (Some([one]), _) | (None, [one]) => RefMeaning::Property(one),
            (Some(several), _) => RefMeaning::Joined(several),
            (None, []) => RefMeaning::Unstated,
            (None, several) => RefMeaning::Unread(several),
        }
    }

    /// What `Fn::GetAtt` returns, sorted by name.
    #[must_use]
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// The attribute `name`, if it is one of [`ResourceSchema::attributes`].
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        let at = self.attributes.binary_search_by(|attribute| attribute.name.as_str().cmp(name)).ok()?;
        self.attributes.get(at)
    }

    /// Whether `Fn::GetAtt` takes `name`: an attribute, or any name of an open family such as the `Outputs.*`
    /// of a nested stack and everything of a custom resource.
    #[must_use]
    pub fn has_attribute(&self, name: &str) -> bool {
        self.attribute(name).is_some()
            || self.open_attributes.iter().any(|prefix| name.starts_with(&**prefix))
    }

    /// The families of attributes that nobody lists: each name with this prefix is one.
    #[must_use]
    pub fn open_attributes(&self) -> &[SmolStr] {
        &self.open_attributes
    }

    /// How resources carry tags; `None` when the registry does not say.
    #[must_use]
    pub fn tagging(&self) -> Option<&Tagging> {
        self.tagging.as_ref()
    }

    /// Whether a template can tag the resource.
    #[must_use]
    pub fn is_taggable(&self) -> bool {
        self.tagging.as_ref().is_some_and(|tagging| tagging.taggable && tagging.property.is_some())
    }

    /// cfn-lint's rules about several properties at once.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The announced end of the type's life.
    #[must_use]
    pub fn lifecycle(&self) -> Option<&Lifecycle> {
        self.lifecycle.as_ref()
    }

    /// Whether Cloud Control can do this to a resource: `create`, `read`, `update`, `delete`, `list`.
    #[must_use]
    pub fn has_handler(&self, verb: &str) -> bool {
        let verbs = ["create", "read", "update", "delete", "list"];
        verbs.contains(&verb) && verb.get(..1).is_some_and(|letter| self.handlers.contains(letter))
    }

    /// Whether a replacement deletes the old resource before it creates the new one.
    #[must_use]
    pub fn replaces_by_deleting_first(&self) -> bool {
        self.replacement == "delete_then_create"
    }

    /// Whether deleting or replacing a resource loses data, as cfn-lint lists it.
    #[must_use]
    pub fn is_stateful(&self) -> bool {
        self.stateful
    }

    /// Every property that chooses a KMS key, switches encryption at rest on, or selects its kind.
    #[must_use]
    pub fn encryption_properties(&self) -> &[EncryptionProperty] {
        self.encryption.get_or_init(|| encryption::properties(self))
    }
}

impl From<Box<[PropertyPath]>> for Paths {
    fn from(list: Box<[PropertyPath]>) -> Self {
        Self { tree: PathTree::new(&list), list }
    }
}

/// How many combinators a look-up of a property passes through.
const MAX_INDIRECTION: u8 = 8;

fn property(nodes: &[SchemaNode], at: NodeId, name: &str, left: u8) -> Option<NodeId> {
    let node = nodes.get(at.0 as usize)?;
    let mut map = None;
    if let Some(object) = &node.object {
        if let Some(found) = object.property(name) {
            return Some(found);
        }
        let pattern = object.patterns.iter().find(|(pattern, _)| pattern.is_match(name) == Some(true));
        map = match (pattern, object.additional) {
            (Some((_, node)), _) => Some(*node),
            (None, Additional::Schema(node)) => Some(node),
            (None, _) => None,
        };
    }
    map.or_else(|| alternatives(node, left).find_map(|other| property(nodes, other, name, left - 1)))
}

fn each(nodes: &[SchemaNode], at: NodeId, left: u8) -> Option<NodeId> {
    let node = nodes.get(at.0 as usize)?;
    let list = node.list.as_ref().and_then(|list| list.items.or(list.prefix.first().copied()));
    let map = || {
        let object = node.object.as_ref()?;
        match object.additional {
            Additional::Schema(node) => Some(node),
            _ => object.patterns.first().map(|(_, node)| *node),
        }
    };
    list.or_else(map).or_else(|| alternatives(node, left).find_map(|other| each(nodes, other, left - 1)))
}

/// Where else a node's properties may be declared.
fn alternatives(node: &SchemaNode, left: u8) -> impl Iterator<Item = NodeId> {
    let combinators = node.combinators.as_ref().filter(|_| left > 0);
    combinators.into_iter().flat_map(|c| c.all_of.iter().chain(&c.any_of).chain(&c.one_of).copied())
}

/// Writes `*` where a path passes a list or a map and the registry left it out, so that all paths agree.
fn follow(nodes: &[SchemaNode], root: NodeId, path: &PropertyPath) -> (PropertyPath, Option<NodeId>) {
    let mut steps = Vec::with_capacity(path.steps().len());
    let mut at = Some(root);
    for step in path.steps() {
        let found = at.and_then(|at| match step {
            Step::Name(name) => property(nodes, at, name, MAX_INDIRECTION),
            Step::Each => each(nodes, at, MAX_INDIRECTION),
        });
        let through = at.filter(|_| found.is_none()).and_then(|at| each(nodes, at, MAX_INDIRECTION));
        match (step, found, through) {
            // `Foo/items/Bar` and `Foo/Bar` for `Foo/*/Bar`
            (Step::Name(name), None, Some(items)) if name == "items" => {
                steps.push(Step::Each);
                at = Some(items);
            }
            (Step::Name(name), None, Some(items)) => {
                steps.push(Step::Each);
                steps.push(step.clone());
                at = property(nodes, items, name, MAX_INDIRECTION);
            }
            _ => {
                steps.push(step.clone());
                at = found;
            }
        }
    }
    (PropertyPath::new(steps), at)
}

fn follow_all(nodes: &[SchemaNode], root: NodeId, pointers: Option<&Value>) -> Box<[PropertyPath]> {
    names(pointers).iter().map(|pointer| follow(nodes, root, &PropertyPath::parse(pointer)).0).collect()
}

/// The named attributes and the prefixes of open families.
fn attributes(nodes: &[SchemaNode], root: NodeId, block: &Value) -> (Box<[Attribute]>, Box<[SmolStr]>) {
    let mut open = Vec::new();
    let mut found = Vec::new();
    let mut add = |name: &str, pointer: &str| {
        if let Some(prefix) = name.strip_suffix(".*") {
            open.push(if prefix.is_empty() { SmolStr::default() } else { format!("{prefix}.").into() });
        } else {
            let (path, node) = follow(nodes, root, &PropertyPath::parse(pointer));
            found.push(Attribute { name: name.into(), path, node });
        }
    };
    if let Some(Value::Object(known)) = block.get("attributes") {
        for (name, pointer) in known {
            add(name, pointer.as_str().unwrap_or_default());
        }
    } else {
        for pointer in names(block.get("readOnlyProperties")).iter().filter(|pointer| !pointer.contains('*'))
        {
            let name = pointer.strip_prefix("/properties/").unwrap_or(pointer).replace('/', ".");
            add(&name, pointer);
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found.dedup_by(|a, b| a.name == b.name);
    (found.into(), open.into())
}

fn tagging(block: &Value) -> Option<Tagging> {
    let has_tags = block.pointer("/properties/Tags").is_some();
    let named = |pointer: &str| Some(PropertyPath::parse(pointer));
    if let Some(tagging) = block.get("tagging") {
        let flag = |key: &str| tagging.get(key).and_then(Value::as_bool);
        let property = match tagging.get("tagProperty").and_then(Value::as_str) {
            Some(pointer) => named(pointer),
            None => named("/properties/Tags").filter(|_| has_tags),
        };
        let property = property.filter(|path| {
            let Some(Step::Name(first)) = path.steps().first() else { return false };
            block.get("properties").is_some_and(|properties| properties.get(first.as_str()).is_some())
        });
        return Some(Tagging {
            taggable: flag("taggable").unwrap_or(true),
            property,
            updatable: flag("tagUpdatable").unwrap_or(true),
        });
    }
    let stated = block.get("taggable").and_then(Value::as_bool);
    if stated.is_none() && !has_tags {
        return None;
    }
    Some(Tagging {
        taggable: stated.unwrap_or(has_tags),
        property: named("/properties/Tags").filter(|_| has_tags),
        updatable: true,
    })
}

fn listed<'b>(block: &'b Value, key: &str) -> impl Iterator<Item = &'b Value> {
    block.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn text(block: &Value, key: &str) -> SmolStr {
    block.get(key).and_then(Value::as_str).unwrap_or_default().into()
}
