//! Values of properties: literals, references, and what is not known before deployment.

use diagnostics::Span;
use smol_str::SmolStr;

use crate::{ConditionRef, Guard, Reference};

/// A value and the place it was written at ([`Span::NONE`]: that of the resource it belongs to).
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// Where it was written.
    pub span: Span,
    /// What it is.
    pub kind: Kind,
}

/// What a [`Value`] is.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// JSON null.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number.
    Number(Number),
    /// Text. May hold a dynamic reference (`{{resolve:…}}`), which stays opaque.
    String(SmolStr),
    /// A list.
    List(Vec<Value>),
    /// A mapping.
    Map(Map),
    /// What AWS assigns to something.
    Reference(Box<Reference>),
    /// Texts joined without delimiter (`Fn::Sub`, `Fn::Join`), not all of them known.
    Join(Vec<Value>),
    /// One of two values, as a condition decides that is not known.
    Case(Box<Case>),
    /// An intrinsic function of values that are not known.
    Call(Box<Call>),
    /// Not known.
    Unknown(Box<Unknown>),
    /// `AWS::NoValue`: the property is not there. Only in branches of a [`Case`].
    Absent,
}

/// A number, kept exact where it is an integer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// An integer.
    Int(i64),
    /// Any other finite number.
    Float(f64),
}

/// A mapping in the order it was written; keys are unique.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Map(Vec<Entry>);

/// A key with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: SmolStr,
    /// Where the key was written.
    pub key_span: Span,
    /// The value.
    pub value: Value,
}

/// `Fn::If` whose condition is not known.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// What decides.
    pub condition: ConditionRef,
    /// The value when it is true.
    pub then: Value,
    /// The value when it is false.
    pub otherwise: Value,
}

/// An intrinsic function that cannot be computed before deployment.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Which.
    pub function: Function,
    /// Its arguments, evaluated as far as they are known.
    pub arguments: Vec<Value>,
}

/// Functions that a [`Call`] may apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Function {
    /// `Fn::Base64` of one text.
    Base64,
    /// `Fn::Cidr` of block, count and bits.
    Cidr,
    /// `Fn::FindInMap` of map, first and second key.
    FindInMap,
    /// `Fn::GetAZs` of a region.
    GetAzs,
    /// `Fn::ImportValue` of an export's name.
    ImportValue,
    /// `Fn::Join` of a delimiter and a list that is not known as a whole.
    Join,
    /// `Fn::Length` of a list.
    Length,
    /// `Fn::Select` of an index and a list.
    Select,
    /// `Fn::Split` of a delimiter and a text.
    Split,
    /// `Fn::ToJsonString` of any value.
    ToJsonString,
    /// `Fn::Transform` by a macro that only AWS can run: name and parameters.
    Transform,
    /// `Fn::GetAtt` of an attribute whose name is not known: logical id and name.
    GetAtt,
}

impl Function {
    /// The name in a template: `Fn::Base64`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Base64 => "Fn::Base64",
            Self::Cidr => "Fn::Cidr",
            Self::FindInMap => "Fn::FindInMap",
            Self::GetAzs => "Fn::GetAZs",
            Self::ImportValue => "Fn::ImportValue",
            Self::Join => "Fn::Join",
            Self::Length => "Fn::Length",
            Self::Select => "Fn::Select",
            Self::Split => "Fn::Split",
            Self::ToJsonString => "Fn::ToJsonString",
            Self::Transform => "Fn::Transform",
            Self::GetAtt => "Fn::GetAtt",
        }
    }
}

/// A value that is not known. Two unknowns of the same symbol are the same value.
#[derive(Debug, Clone, PartialEq)]
pub struct Unknown {
    /// What it is called, unique within the estate: `stack/parameter`.
    pub symbol: SmolStr,
    /// What is known of its shape.
    pub ty: Type,
    /// Why it is not known.
    pub why: Why,
    /// The values it may take, where they are listed (`AllowedValues`).
    pub allowed: Option<Vec<Value>>,
}

/// The shape of an [`Unknown`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
    /// A text, which CloudFormation also accepts where a number or boolean is wanted.
    String,
    /// A number.
    Number,
    /// A list of texts or numbers.
    List,
    /// Anything.
    Any,
}

/// Why a value is not known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Why {
    /// A parameter that has neither a value nor a default.
    Parameter(SmolStr),
    /// A parameter read from Systems Manager at deployment.
    StoredParameter(SmolStr),
    /// Something Steward does not model: said in a few words.
    NotModelled(SmolStr),
    /// What was written is a mistake that has been reported.
    Mistake,
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Parameter(name) => write!(f, "parameter `{name}` has no value"),
            Self::StoredParameter(name) => {
                write!(f, "parameter `{name}` is read from Systems Manager at deployment")
            }
            Self::NotModelled(what) => write!(f, "{what} is not modelled"),
            Self::Mistake => f.write_str("what is written there is a mistake"),
        }
    }
}

/// One of the values that a place may have, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Alternative<'a> {
    /// The value; `None` when nothing is there.
    pub value: Option<&'a Value>,
    /// When it is this one.
    pub guard: Guard,
}

impl Map {
    /// An empty mapping.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The value under `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The value under `key`, to change.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        self.0.iter_mut().find(|entry| entry.key == key).map(|entry| &mut entry.value)
    }

    /// Whether there is a value under `key`.
    #[must_use]
    pub fn contains(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Sets `key`, replacing what it had.
    pub fn insert(&mut self, key: impl Into<SmolStr>, value: impl Into<Value>) {
        self.insert_at(key, Span::NONE, value);
    }

    /// Sets `key`, written at `key_span`, replacing what it had.
    pub fn insert_at(&mut self, key: impl Into<SmolStr>, key_span: Span, value: impl Into<Value>) {
        let (key, value) = (key.into(), value.into());
        match self.0.iter_mut().find(|entry| entry.key == key) {
            Some(entry) => *entry = Entry { key, key_span, value },
            None => self.0.push(Entry { key, key_span, value }),
        }
    }

    /// Appends an entry whose key the caller knows to be new: for building large mappings in linear time.
    pub fn push_new(&mut self, entry: Entry) {
        self.0.push(entry);
    }

    /// An empty mapping with room for so many entries.
    #[must_use]
    pub fn with_capacity(entries: usize) -> Self {
        Self(Vec::with_capacity(entries))
    }

    /// Gives back room that is not used.
    pub fn shrink_to_fit(&mut self) {
        self.0.shrink_to_fit();
    }

    /// Takes the value under `key` out.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let at = self.0.iter().position(|entry| entry.key == key)?;
        Some(self.0.remove(at).value)
    }

    /// The entries in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Entry> {
        self.0.iter()
    }

    /// The entries in order, to change.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, Entry> {
        self.0.iter_mut()
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> IntoIterator for &'a Map {
    type Item = &'a Entry;
    type IntoIter = std::slice::Iter<'a, Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Map {
    type Item = Entry;
    type IntoIter = std::vec::IntoIter<Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl FromIterator<(SmolStr, Value)> for Map {
    fn from_iter<T: IntoIterator<Item = (SmolStr, Value)>>(iter: T) -> Self {
        let mut map = Self::new();
        iter.into_iter().for_each(|(key, value)| map.insert(key, value));
        map
    }
}

impl Value {
    /// A value without a place of its own.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        Self { span: Span::NONE, kind }
    }

    /// A value written at `span`.
    #[must_use]
    pub fn at(span: Span, kind: Kind) -> Self {
        Self { span, kind }
    }

    /// The text, where this is a literal text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::String(text) => Some(text),
            _ => None,
        }
    }

    /// The literal as CloudFormation would pass it to a property of type string: `8080`, `true`, `text`.
    #[must_use]
    pub fn as_text(&self) -> Option<SmolStr> {
        match &self.kind {
            Kind::String(text) => Some(text.clone()),
            Kind::Bool(value) => Some(SmolStr::new_static(if *value { "true" } else { "false" })),
            Kind::Number(Number::Int(value)) => Some(smol_str::format_smolstr!("{value}")),
            Kind::Number(Number::Float(value)) => Some(smol_str::format_smolstr!("{value}")),
            _ => None,
        }
    }

    /// The boolean, where this is one or the text `true` or `false`, which CloudFormation accepts alike.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match &self.kind {
            Kind::Bool(value) => Some(*value),
            Kind::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Kind::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }

    /// The integer, where this is one or the text of one, which CloudFormation accepts alike.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match &self.kind {
            Kind::Number(Number::Int(value)) => Some(*value),
            Kind::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// The items, where this is a list.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Value]> {
        match &self.kind {
            Kind::List(items) => Some(items),
            _ => None,
        }
    }

    /// The items of a list, or this value itself as the only item: policies allow both forms everywhere.
    #[must_use]
    pub fn as_items(&self) -> &[Value] {
        match &self.kind {
            Kind::List(items) => items,
            _ => std::slice::from_ref(self),
        }
    }

    /// The mapping, where this is one.
    #[must_use]
    pub fn as_map(&self) -> Option<&Map> {
        match &self.kind {
            Kind::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The mapping, to change.
    pub fn as_map_mut(&mut self) -> Option<&mut Map> {
        match &mut self.kind {
            Kind::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The reference, where this is one.
    #[must_use]
    pub fn as_reference(&self) -> Option<&Reference> {
        match &self.kind {
            Kind::Reference(reference) => Some(reference),
            _ => None,
        }
    }

    /// The value under `key`, where this is a mapping. Does not look into cases: see [`Value::alternatives`].
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_map()?.get(key)
    }

    /// The value at a path of keys. Does not look into cases: see [`Value::alternatives`].
    #[must_use]
    pub fn get_path(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(self, |value, key| value.get(key))
    }

    /// All values that the place at `path` below this one may have, and when. `*` as a key stands for every
    /// item of a list. Along the path cases are followed into both branches; where the path ends in
    /// something that is not known (an unknown, a call), that is the alternative; where there is nothing,
    /// it is `None`. Never empty, except below `*` of an empty list.
    #[must_use]
    pub fn alternatives(&self, path: &[&str]) -> Vec<Alternative<'_>> {
        let mut out = Vec::new();
        collect(self, path, &Guard::always(), &mut out);
        out
    }

    /// [`Value::alternatives`] under assumptions already made, such as that the resource exists.
    #[must_use]
    pub fn alternatives_under(&self, path: &[&str], guard: &Guard) -> Vec<Alternative<'_>> {
        let mut out = Vec::new();
        collect(self, path, guard, &mut out);
        out
    }

    /// Whether this and everything below it is literal.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        match &self.kind {
            Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::String(_) => true,
            Kind::List(items) => items.iter().all(Self::is_literal),
            Kind::Map(map) => map.iter().all(|entry| entry.value.is_literal()),
            _ => false,
        }
    }

    /// Calls `visit` for this value and every value below it, those in cases and calls included, in order.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Value)) {
        visit(self);
        match &self.kind {
            Kind::List(items) | Kind::Join(items) => items.iter().for_each(|item| item.walk(visit)),
            Kind::Map(map) => map.iter().for_each(|entry| entry.value.walk(visit)),
            Kind::Case(case) => {
                case.then.walk(visit);
                case.otherwise.walk(visit);
            }
            Kind::Call(call) => call.arguments.iter().for_each(|item| item.walk(visit)),
            _ => {}
        }
    }

    /// What this is, for a message: `a list`, `the text "x"`, `what parameter P says`.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.kind {
            Kind::Null => "null".into(),
            Kind::Bool(value) => format!("`{value}`"),
            Kind::Number(_) => format!("the number {}", self.as_text().unwrap_or_default()),
            Kind::String(text) if text.chars().count() <= 60 => format!("`{text}`"),
            Kind::String(_) => "a long text".into(),
            Kind::List(items) => format!("a list of {}", items.len()),
            Kind::Map(_) => "a mapping".into(),
            Kind::Reference(reference) => format!("`{reference}`"),
            Kind::Join(_) => "a text put together at deployment".into(),
            Kind::Case(case) => format!("a value that condition `{}` decides", case.condition.name),
            Kind::Call(call) => format!("the result of `{}`", call.function.name()),
            Kind::Unknown(unknown) => format!("a value not known ({})", unknown.why),
            Kind::Absent => "nothing".into(),
        }
    }
}

/// A conditional property multiplies alternatives; past this many the rest is one unknown-like leaf: the
/// case itself is returned, which no check takes for a literal.
const MOST_ALTERNATIVES: usize = 256;

fn collect<'a>(value: &'a Value, path: &[&str], guard: &Guard, out: &mut Vec<Alternative<'a>>) {
    match (&value.kind, path.split_first()) {
        (Kind::Case(case), _) if out.len() < MOST_ALTERNATIVES => {
            for (branch, holds) in [(&case.then, true), (&case.otherwise, false)] {
                if let Some(guard) = guard.and(&case.condition, holds) {
                    collect(branch, path, &guard, out);
                }
            }
        }
        (Kind::Absent, _) => out.push(Alternative { value: None, guard: guard.clone() }),
        (Kind::Unknown(_) | Kind::Call(_) | Kind::Case(_) | Kind::Reference(_), _) | (_, None) => {
            out.push(Alternative { value: Some(value), guard: guard.clone() });
        }
        (Kind::List(items), Some((&"*", rest))) => {
            items.iter().for_each(|item| collect(item, rest, guard, out));
        }
        (Kind::Map(map), Some((key, rest))) => match map.get(key) {
            Some(value) => collect(value, rest, guard, out),
            None => out.push(Alternative { value: None, guard: guard.clone() }),
        },
        (_, Some(_)) => out.push(Alternative { value: None, guard: guard.clone() }),
    }
}
