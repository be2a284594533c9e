//! What has been read so far.
//!
//! In: items of files, one after the other. Out: [`Draft`]s of resources in that order, and facts that wait for the
//! resource they are about. Always: nothing here depends on which file comes first.

use diagnostics::{Diagnostic, Diagnostics, Span};
use document::{Kind as NodeKind, Node};
use estate::{Map, Value};
use indexmap::IndexMap;
use smol_str::SmolStr;

use super::value::value;
use super::{FIELD_NOT_UNDERSTOOD, ITEM_NOT_UNDERSTOOD, NOT_UNDERSTOOD_KIND};

/// A file with where it was recorded.
pub struct File {
    /// Its name.
    pub name: SmolStr,
    /// The account whose folder it is in.
    pub account: Option<SmolStr>,
    /// The region whose folder it is in.
    pub region: Option<SmolStr>,
    /// What it says; `None` where it is not well formed.
    pub tree: Option<Node>,
    /// Its beginning.
    pub span: Span,
}

/// Position in [`Session::places`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlaceId(pub usize);

/// An account and a region as folders name them.
pub type Place = (Option<SmolStr>, Option<SmolStr>);

/// A resource in the making.
pub struct Draft {
    /// The id that AWS gave it.
    pub id: SmolStr,
    /// Its CloudFormation type.
    pub kind: &'static str,
    /// What CloudFormation has properties for.
    pub properties: Map,
    /// What it has none for.
    pub observed: Map,
    /// Where it is written.
    pub span: Span,
    /// The account that owns it, where AWS says so.
    pub owner: Option<SmolStr>,
    /// The stack it goes to.
    pub place: PlaceId,
    /// Where it was seen: a thing of another account goes to that account's stack.
    pub seen: PlaceId,
    /// Whether this is a by-view of something that another call describes better.
    pub lesser: bool,
}

impl Draft {
    /// A resource without properties.
    pub fn new(place: PlaceId, kind: &'static str, id: impl Into<SmolStr>, span: Span) -> Self {
        let (properties, observed) = (Map::new(), Map::new());
        let (id, owner, lesser) = (id.into(), None, false);
        Self { id, kind, properties, observed, span, owner, place, seen: place, lesser }
    }

    /// With a property, where there is a value for it.
    pub fn with(mut self, property: &'static str, value: impl Into<Value>) -> Self {
        self.set(property, value);
        self
    }

    /// Sets a property, where there is a value for it.
    pub fn set(&mut self, property: &'static str, value: impl Into<Value>) {
        let value = value.into();
        if !matches!(value.kind, estate::Kind::Absent) {
            self.properties.insert(SmolStr::new_static(property), value);
        }
    }

    /// Notes a fact that no property can say.
    pub fn observe(&mut self, name: &'static str, value: impl Into<Value>) {
        let value = value.into();
        if !matches!(value.kind, estate::Kind::Absent) {
            self.observed.insert(SmolStr::new_static(name), value);
        }
    }

    /// Moves what was observed to a property of another name, as it is.
    pub fn promote(&mut self, field: &str, property: &'static str) {
        if let Some(value) = self.observed.remove(field) {
            self.set(property, value);
        }
    }
}

/// A fact about something that another file describes.
pub struct Fact {
    /// The id of what it is about.
    pub about: SmolStr,
    /// Whether it is a property, or only observed.
    pub property: bool,
    /// Under which name.
    pub name: &'static str,
    /// What it says.
    pub value: Value,
    /// Where.
    pub span: Span,
    /// What kind of thing it is about, for people.
    pub what: &'static str,
}

/// What has been read so far.
pub struct Session {
    /// Where things were recorded.
    pub places: IndexMap<Place, ()>,
    /// Resources.
    pub drafts: Vec<Draft>,
    /// Facts that wait.
    pub facts: Vec<Fact>,
    /// How many items no longer exist, by file and state.
    pub gone: IndexMap<(SmolStr, SmolStr), (usize, Span)>,
    /// What is to be said.
    pub diagnostics: Diagnostics,
    /// Whether any file was understood.
    understood: bool,
}

impl Session {
    /// Nothing yet.
    pub fn new(diagnostics: Diagnostics) -> Self {
        Self {
            places: IndexMap::new(),
            drafts: Vec::new(),
            facts: Vec::new(),
            gone: IndexMap::new(),
            diagnostics,
            understood: false,
        }
    }

    /// Whether no file was understood.
    pub fn is_empty(&self) -> bool {
        !self.understood
    }

    /// A file was understood.
    pub fn understand(&mut self) {
        self.understood = true;
    }

    /// The place of a file.
    pub fn place(&mut self, file: &File) -> PlaceId {
        let place = (file.account.clone(), file.region.clone());
        PlaceId(self.places.insert_full(place, ()).0)
    }

    /// The place of what a file says of no region: IAM.
    pub fn global_place(&mut self, account: Option<SmolStr>) -> PlaceId {
        PlaceId(self.places.insert_full((account, Some(SmolStr::new_static(GLOBAL))), ()).0)
    }

    /// Adds a diagnostic.
    pub fn say(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Adds a resource.
    pub fn add(&mut self, draft: Draft) {
        self.drafts.push(draft);
    }

    /// Adds what stands for something that is not understood.
    pub fn add_unknown(&mut self, file: &File, key: &str, index: Option<usize>, span: Span) {
        let place = self.place(file);
        let at = index.map_or_else(String::new, |index| format!("[{index}]"));
        let id = smol_str::format_smolstr!("{}#{key}{at}", file.name);
        let mut draft = Draft::new(place, NOT_UNDERSTOOD_KIND, id, span);
        draft.observe("File", file.name.as_str());
        draft.observe("Key", key);
        self.add(draft);
    }

    /// An item without what it needs.
    pub fn bad_item(&mut self, file: &File, key: &str, index: usize, node: &Node, expected: &str) {
        let text = format!("an item of `{key}` is not understood: {}", node.describe());
        self.say(Diagnostic::warning(ITEM_NOT_UNDERSTOOD, node.span, text).expected(expected));
        self.add_unknown(file, key, Some(index), node.span);
    }

    /// The items of a list below an item; a value of another kind is said.
    pub fn items<'n>(&mut self, node: &'n Node, key: &str) -> &'n [Node] {
        match node.get(key) {
            None => &[],
            Some(Node { kind: NodeKind::Null, .. }) => &[],
            Some(found) => match found.as_list() {
                Some(items) => items,
                None => {
                    self.bad_field(key, found, "a list");
                    &[]
                }
            },
        }
    }

    /// The text under a key; a value of another kind is said.
    pub fn text(&mut self, node: &Node, key: &str) -> Option<SmolStr> {
        let found = node.get(key)?;
        match &found.kind {
            NodeKind::String(text) => Some(text.clone()),
            NodeKind::Null => None,
            _ => {
                self.bad_field(key, found, "a text");
                None
            }
        }
    }

    /// A field of another kind than AWS returns.
    pub fn bad_field(&mut self, key: &str, found: &Node, expected: &str) {
        let text = format!("`{key}` is {}", found.describe());
        self.say(Diagnostic::warning(FIELD_NOT_UNDERSTOOD, found.span, text).expected(expected));
    }

    /// A fact about something that another file describes.
    pub fn fact(
        &mut self,
        about: SmolStr,
        what: &'static str,
        property: bool,
        name: &'static str,
        value: Value,
    ) {
        let span = value.span;
        self.facts.push(Fact { about, property, name, value, span, what });
    }
}

/// The name of the stack of what belongs to an account and no region.
pub const GLOBAL: &str = "global";

/// The value at a path of keys as an estate's value.
pub fn at(node: &Node, path: &[&str]) -> Option<Value> {
    let found = path.iter().try_fold(node, |node, key| node.get(key))?;
    (!matches!(found.kind, NodeKind::Null)).then(|| value(found))
}

/// The text at a path of keys, where one is there.
pub fn text_at<'n>(node: &'n Node, path: &[&str]) -> Option<&'n str> {
    path.iter().try_fold(node, |node, key| node.get(key))?.as_str()
}
