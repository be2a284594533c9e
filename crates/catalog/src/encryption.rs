//! Which properties of a resource type decide its encryption at rest.
//!
//! In: a compiled schema. Out: every property that takes a KMS key, switches encryption on or selects its
//! kind, with its path through lists and maps.
//! Must always hold: the schema decides, no list of types does; a type AWS adds tomorrow is found by the
//! same names. What a property protects is not judged here: see [`crate::AtRest`].

use crate::path::{PropertyPath, Step};
use crate::resource::ResourceSchema;
use crate::schema::{Additional, NodeId, SchemaNode, Types};

/// A property that decides encryption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptionProperty {
    /// Where it stands.
    pub path: PropertyPath,
    /// Its schema.
    pub node: NodeId,
    /// What it decides.
    pub kind: EncryptionKind,
}

/// What an [`EncryptionProperty`] decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EncryptionKind {
    /// It names the KMS key: an ARN, an id or an alias.
    Key,
    /// It is a boolean that switches encryption at rest on.
    Switch,
    /// It is a boolean that switches encryption at rest off.
    OffSwitch,
    /// It selects the kind of encryption: `aws:kms`, `AES256`, `KMS`, `CUSTOMER_MANAGED_KMS_KEY` …
    Mode,
}

/// Words of encryption that is not at rest: on the wire, of a media stream, or a key that signs.
const ELSEWHERE: [&str; 16] = [
    "transit",
    "tlsencryption",
    "router",
    "srtoutput",
    "hlsgroup",
    "endpointencryption",
    "as2config",
    "assertion",
    "signing",
    "privatekeyjwt",
    "vpcencryption",
    "keymodesofuse",
    "blockedencryption",
    "securitydb",
    "rotateencryption",
    "removeencryption",
];

/// How deep the search goes; the registry's deepest key is well above it.
const MAX_DEPTH: usize = 12;

/// Every encryption property that a template can set, in the order of its path.
pub(crate) fn properties(schema: &ResourceSchema) -> Box<[EncryptionProperty]> {
    let mut search = Search { schema, found: Vec::new(), steps: Vec::new(), open: Vec::new() };
    search.visit(schema.root());
    let mut found = search.found;
    found.sort_by(|a, b| a.path.cmp(&b.path).then(a.kind.cmp(&b.kind)));
    found.dedup_by(|a, b| a.path == b.path);
    // What can be set only at creation is at times listed as read-only as well: AWS::CodeArtifact::Domain.
    let create_only = schema.create_only().list();
    found.retain(|property| {
        let above = |path: &PropertyPath| property.path.steps().starts_with(path.steps());
        let read_only = schema.read_only().list().iter().any(above);
        !read_only || create_only.contains(&property.path)
    });
    found.into()
}

struct Search<'s> {
    schema: &'s ResourceSchema,
    found: Vec<EncryptionProperty>,
    steps: Vec<Step>,
    /// The nodes on the way down: a recursive schema is entered once.
    open: Vec<NodeId>,
}

impl Search<'_> {
    fn visit(&mut self, at: NodeId) {
        if self.steps.len() > MAX_DEPTH || self.open.contains(&at) {
            return;
        }
        self.open.push(at);
        let schema = self.schema;
        let node = schema.node(at);
        if let Some(object) = &node.object {
            for (name, property) in &object.properties {
                self.steps.push(Step::Name(name.clone()));
                self.examine(*property);
                self.visit(*property);
                self.steps.pop();
            }
            let values = object.patterns.iter().map(|(_, node)| *node);
            let additional = match object.additional {
                Additional::Schema(node) => Some(node),
                _ => None,
            };
            self.visit_each(values.chain(additional));
        }
        if let Some(list) = &node.list {
            self.visit_each(list.items.iter().chain(&list.prefix).copied());
        }
        if let Some(combinators) = &node.combinators {
            let branches = [&combinators.all_of, &combinators.any_of, &combinators.one_of];
            for branch in branches.into_iter().flatten() {
                self.visit(*branch);
            }
        }
        self.open.pop();
    }

    fn visit_each(&mut self, nodes: impl Iterator<Item = NodeId>) {
        self.steps.push(Step::Each);
        for node in nodes {
            self.visit(node);
        }
        self.steps.pop();
    }

    fn examine(&mut self, property: NodeId) {
        let Some(kind) = kind(self.schema, &self.steps, property) else { return };
        // A list of keys is a property of its elements.
        let mut steps = self.steps.clone();
        let mut node = property;
        if let Some(items) = self.schema.node(property).list.as_ref().and_then(|list| list.items) {
            steps.push(Step::Each);
            node = items;
        }
        self.found.push(EncryptionProperty { path: PropertyPath::new(steps), node, kind });
    }
}

fn kind(schema: &ResourceSchema, steps: &[Step], at: NodeId) -> Option<EncryptionKind> {
    let mut names = steps.iter().rev().filter_map(|step| match step {
        Step::Name(name) => Some(name.to_ascii_lowercase()),
        Step::Each => None,
    });
    let leaf = names.next()?;
    let above: Vec<String> = names.collect();
    if ELSEWHERE.iter().any(|word| leaf.contains(word) || above.iter().any(|name| name.contains(word))) {
        return None;
    }
    let parent = above.first().map(String::as_str).unwrap_or_default();
    let types = all_types(schema, at);
    if types.allows(Types::BOOLEAN) && !types.is_any() {
        return switch(&leaf, parent);
    }
    let textual = types.is_any() || types.allows(Types::STRING) || types.allows(Types::ARRAY);
    if !textual || is_object(schema.node(at)) {
        return None;
    }
    let grand = above.get(1).map(String::as_str).unwrap_or_default();
    if has_kms_format(schema, at, 3) || is_key(&leaf, parent, grand) {
        return Some(EncryptionKind::Key);
    }
    is_mode(&leaf, parent).then_some(EncryptionKind::Mode)
}

fn is_object(node: &SchemaNode) -> bool {
    node.object.as_ref().is_some_and(|object| !object.properties.is_empty())
}

fn all_types(schema: &ResourceSchema, at: NodeId) -> Types {
    let node = schema.node(at);
    let branches = node.combinators.iter().flat_map(|c| c.any_of.iter().chain(&c.one_of).chain(&c.all_of));
    branches.fold(node.types, |types, branch| types.union(schema.node(*branch).types))
}

/// cfn-lint marks what takes a key: `AWS::KMS::Key.Arn`, `AWS::KMS::Key.Id`, `AWS::KMS::Alias.AliasName`.
fn has_kms_format(schema: &ResourceSchema, at: NodeId, left: u8) -> bool {
    let node = schema.node(at);
    let format = node.string.as_ref().and_then(|string| string.format.as_deref());
    if format.is_some_and(|format| format.starts_with("AWS::KMS::Key.")) {
        return true;
    }
    if node.relationship.as_ref().is_some_and(|target| target.type_name == "AWS::KMS::Key") {
        return true;
    }
    left > 0
        && node.combinators.iter().any(|c| {
            let mut branches = c.any_of.iter().chain(&c.one_of).chain(&c.all_of);
            branches.any(|branch| has_kms_format(schema, *branch, left - 1))
        })
}

/// `KmsKeyId`, `KMSMasterKeyID`, `KmsKeyArn`, `KmsKey`, `KmsArn`, `CmkArn`, `EncryptionKeyArn`,
/// `CustomerEncryptionKeyArn`, `CustomerManagedKey`, and `KeyArn`, `KeyId`, `KeyIdentifier` or `Key` below
/// something that speaks of encryption.
fn is_key(leaf: &str, parent: &str, grand: &str) -> bool {
    const NOT_KEYS: [&str; 8] = ["context", "grant", "type", "status", "alias", "region", "role", "policy"];
    if NOT_KEYS.iter().any(|word| leaf.contains(word)) {
        return false;
    }
    let ends = ["key", "keyid", "keyarn", "keyidentifier", "keys", "keyids", "keyarns"];
    let names_key = ends.iter().any(|end| leaf.ends_with(end));
    if leaf.contains("kms") || leaf.contains("cmk") {
        return names_key || leaf.ends_with("arn") || leaf.ends_with("kmsid") || leaf == "kms";
    }
    if ["encryptionkey", "encryptkey", "customermanagedkey"].iter().any(|word| leaf.contains(word)) {
        return names_key;
    }
    let bare = ["key", "keyid", "keyarn", "keyidentifier"].contains(&leaf);
    let about = |word: &str| word.contains("kms") || word.contains("encrypt") || word.starts_with("sse");
    (bare && (about(parent) || (parent == "provider" && about(grand))))
        || (["arn", "id"].contains(&leaf) && (parent.contains("encryptionkey") || parent.contains("kms")))
}

/// `StorageEncrypted`, `Encrypted`, `AtRestEncryptionEnabled`, `SSEEnabled`, `CustomerManagedKeyEnabled`, and
/// `Enabled` below `EncryptionAtRestOptions`; `EncryptionDisabled` the other way round.
fn switch(leaf: &str, parent: &str) -> Option<EncryptionKind> {
    const WIRE: [&str; 9] =
        ["password", "tls", "ssl", "nodetonode", "inter", "client", "credential", "remove", "require"];
    if WIRE.iter().any(|word| leaf.contains(word) || parent.contains(word)) {
        return None;
    }
    let about = |word: &str| {
        word.contains("encrypt") || word.starts_with("sse") || word.contains("customermanagedkey")
    };
    let on_off = ["enabled", "enable"].contains(&leaf) && about(parent);
    match leaf.contains("disabled") {
        true if about(leaf) => Some(EncryptionKind::OffSwitch),
        false if about(leaf) || on_off => Some(EncryptionKind::Switch),
        _ => None,
    }
}

/// `SSEAlgorithm`, `EncryptionType`, `EncryptionMode`, `EncryptionOption`, `CmkType`.
fn is_mode(leaf: &str, parent: &str) -> bool {
    let selects = ["type", "mode", "option", "algorithm"];
    let about = leaf.contains("encrypt") || leaf.starts_with("sse") || leaf.contains("cmk");
    (about && (leaf == "ebsencryption" || selects.iter().any(|word| leaf.ends_with(word))))
        || (["type", "mode"].contains(&leaf) && parent.contains("encryption"))
}
