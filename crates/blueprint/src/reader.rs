//! From document nodes to typed values.
//!
//! In: a [`Node`]. Out: a value of a type that knows how to [`Decode`] itself, or `None` after the mistake
//! has been reported. Always: reading goes on after a mistake, so one run reports all of them; a field that
//! no type asked for is reported, never ignored; what a type accepts is also what its JSON Schema says.

use diagnostics::{Diagnostic, Diagnostics, Span, did_you_mean};
use document::{Entry, Kind, Node};
use serde_json::{Map, Value, json};
use smol_str::SmolStr;

use crate::Spanned;
use crate::codes::{
    APPLIES_ELSEWHERE, BAD_NAME, BAD_VALUE, MISSING_FIELD, NOT_BUILT, UNKNOWN_FIELD, WRONG_TYPE,
};
use crate::scalars::Name;

/// A type that can be read from a node and described as JSON Schema.
pub trait Decode: Sized {
    /// Reads it; on a mistake reports and returns `None`.
    fn decode(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self>;

    /// Its schema; shared parts go to the definitions.
    fn schema(definitions: &mut Definitions) -> Value;
}

/// The `$defs` of the schema under construction.
#[derive(Debug, Default)]
pub struct Definitions(pub Map<String, Value>);

impl Definitions {
    /// A reference to the definition `name`, which `make` writes when it is asked for the first time.
    pub fn reference(&mut self, name: &str, make: impl FnOnce(&mut Self) -> Value) -> Value {
        if !self.0.contains_key(name) {
            // A placeholder first: a definition may refer to itself.
            self.0.insert(name.to_owned(), Value::Null);
            let made = make(self);
            self.0.insert(name.to_owned(), made);
        }
        json!({ "$ref": format!("#/$defs/{name}") })
    }
}

/// How a field of a record is read: required, optional, a list, or a mapping of names.
pub trait Field: Sized {
    /// Whether the record is incomplete without it.
    const REQUIRED: bool;

    /// The value of a field that is not written; `None` where it is required.
    fn absent() -> Option<Self>;

    /// Reads a field that is written. `None` after a mistake without which the record means nothing.
    fn present(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self>;

    /// Its schema.
    fn schema(definitions: &mut Definitions) -> Value;

    /// Takes from `base` what is not written here.
    fn inherit(&mut self, base: &Self);
}

impl<T: Decode + Clone> Field for Spanned<T> {
    const REQUIRED: bool = true;

    fn absent() -> Option<Self> {
        None
    }

    fn present(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
        T::decode(node, diagnostics).map(|value| Self::new(value, node.span))
    }

    fn schema(definitions: &mut Definitions) -> Value {
        T::schema(definitions)
    }

    fn inherit(&mut self, _: &Self) {}
}

/// A field that must be written, in a record that means something without it too: what it says otherwise is
/// still read and judged, so that one mistake does not hide the others.
#[derive(Debug, Clone)]
pub struct Required<T>(pub Option<Spanned<T>>);

impl<T: Decode + Clone> Field for Required<T> {
    const REQUIRED: bool = true;

    fn absent() -> Option<Self> {
        Some(Self(None))
    }

    fn present(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
        Some(Self(T::decode(node, diagnostics).map(|value| Spanned::new(value, node.span))))
    }

    fn schema(definitions: &mut Definitions) -> Value {
        T::schema(definitions)
    }

    fn inherit(&mut self, _: &Self) {}
}

impl<T: Decode + Clone> Field for Option<Spanned<T>> {
    const REQUIRED: bool = false;

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn present(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
        Some(T::decode(node, diagnostics).map(|value| Spanned::new(value, node.span)))
    }

    fn schema(definitions: &mut Definitions) -> Value {
        T::schema(definitions)
    }

    fn inherit(&mut self, base: &Self) {
        if self.is_none() {
            self.clone_from(base);
        }
    }
}

/// One value or a list of them: `contains: phi`, `contains: [phi, pii]`. `None` where nothing is written,
/// which is not the same as an empty list.
#[derive(Debug, Clone)]
pub struct Many<T>(pub Option<Spanned<Vec<Spanned<T>>>>);

impl<T> Many<T> {
    /// The values, none where nothing is written.
    pub fn iter(&self) -> impl Iterator<Item = &Spanned<T>> {
        self.0.iter().flat_map(|list| list.value.iter())
    }
}

impl<T: Decode + Clone> Field for Many<T> {
    const REQUIRED: bool = false;

    fn absent() -> Option<Self> {
        Some(Self(None))
    }

    fn present(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
        let items = match &node.kind {
            Kind::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            values.extend(T::decode(item, diagnostics).map(|value| Spanned::new(value, item.span)));
        }
        Some(Self(Some(Spanned::new(values, node.span))))
    }

    fn schema(definitions: &mut Definitions) -> Value {
        let one = T::schema(definitions);
        json!({ "anyOf": [one, { "type": "array", "items": one }] })
    }

    fn inherit(&mut self, base: &Self) {
        if self.0.is_none() {
            self.0.clone_from(&base.0);
        }
    }
}

/// A mapping from names to values, in the order in which they are written.
#[derive(Debug, Clone)]
pub struct Named<T> {
    /// Each name with its value.
    pub entries: Vec<(Spanned<Name>, T)>,
    /// Names whose value could not be read: references to them are not reported a second time.
    pub broken: Vec<Spanned<Name>>,
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), broken: Vec::new() }
    }
}

impl<T: Decode + Clone> Named<T> {
    fn read(entries: &[Entry], diagnostics: &mut Diagnostics) -> Self {
        let mut named = Self::default();
        for entry in entries {
            let name = match Name::parse(&entry.key.text) {
                Ok(name) => Spanned::new(name, entry.key.span),
                Err(why) => {
                    let text = format!("`{}` cannot be a name: {why}", entry.key.text);
                    diagnostics
                        .push(Diagnostic::error(BAD_NAME, entry.key.span, text).expected(Name::EXPECTED));
                    // The rest of it is still worth reading for its own mistakes.
                    T::decode(&entry.value, diagnostics);
                    continue;
                }
            };
            match T::decode(&entry.value, diagnostics) {
                Some(value) => named.entries.push((name, value)),
                None => named.broken.push(name),
            }
        }
        named
    }
}

impl<T: Decode + Clone> Field for Named<T> {
    const REQUIRED: bool = false;

    fn absent() -> Option<Self> {
        Some(Self::default())
    }

    fn present(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
        match &node.kind {
            Kind::Map(entries) => Some(Self::read(entries, diagnostics)),
            Kind::Null => Some(Self::default()),
            _ => {
                diagnostics.push(wrong_type(node, "a mapping from names to their settings"));
                Some(Self::default())
            }
        }
    }

    fn schema(definitions: &mut Definitions) -> Value {
        let one = T::schema(definitions);
        json!({ "type": ["object", "null"], "propertyNames": { "pattern": Name::PATTERN }, "additionalProperties": one })
    }

    fn inherit(&mut self, base: &Self) {
        for (name, value) in &base.entries {
            if !self.entries.iter().any(|(own, _)| own.value == name.value) {
                self.entries.push((name.clone(), value.clone()));
            }
        }
    }
}

/// Free text under free keys: tags, settings, parameters. Numbers and booleans are the text they are written as.
#[derive(Debug, Clone, Default)]
pub struct Texts(pub Vec<(Spanned<SmolStr>, Spanned<SmolStr>)>);

impl Field for Texts {
    const REQUIRED: bool = false;

    fn absent() -> Option<Self> {
        Some(Self::default())
    }

    fn present(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
        let Kind::Map(entries) = &node.kind else {
            diagnostics.push(wrong_type(node, "a mapping from words to text"));
            return Some(Self::default());
        };
        let mut texts = Vec::with_capacity(entries.len());
        for Entry { key, value } in entries {
            match value.as_scalar_text() {
                Some(text) => {
                    texts.push((Spanned::new(key.text.clone(), key.span), Spanned::new(text, value.span)));
                }
                None => diagnostics.push(wrong_type(value, "text")),
            }
        }
        Some(Self(texts))
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "type": "object", "additionalProperties": { "type": ["string", "number", "boolean"] } })
    }

    fn inherit(&mut self, base: &Self) {
        for (key, value) in &base.0 {
            if !self.0.iter().any(|(own, _)| own.value == key.value) {
                self.0.push((key.clone(), value.clone()));
            }
        }
    }
}

/// A part of the language that exists on paper only: its word and what it will say.
#[derive(Debug, Clone, Copy)]
pub struct Planned {
    /// The field or value.
    pub word: &'static str,
    /// What it will mean, a few words.
    pub meaning: &'static str,
}

/// The fields of a mapping that is being read.
pub struct Fields<'n> {
    what: &'static str,
    span: Span,
    entries: &'n [Entry],
    taken: Vec<bool>,
    known: Vec<&'static str>,
    planned: Vec<Planned>,
    elsewhere: Vec<(&'static str, &'static str)>,
    failed: bool,
}

impl<'n> Fields<'n> {
    /// Opens a mapping, called `what` in messages. Nothing at all is an empty mapping.
    pub fn open(node: &'n Node, what: &'static str, diagnostics: &mut Diagnostics) -> Option<Self> {
        let entries = match &node.kind {
            Kind::Map(entries) => entries.as_slice(),
            Kind::Null => &[],
            _ => {
                diagnostics.push(wrong_type(node, &format!("a mapping: the settings of {what}")));
                return None;
            }
        };
        Some(Self {
            what,
            span: node.span,
            entries,
            taken: vec![false; entries.len()],
            known: Vec::new(),
            planned: Vec::new(),
            elsewhere: Vec::new(),
            failed: false,
        })
    }

    /// The place of the mapping.
    pub fn span(&self) -> Span {
        self.span
    }

    /// Reads the field `name`. `None` marks the record as unreadable; reading goes on.
    pub fn take<F: Field>(&mut self, name: &'static str, diagnostics: &mut Diagnostics) -> Option<F> {
        self.known.push(name);
        let at = self.entries.iter().position(|entry| entry.key.text == name);
        let value = match at.and_then(|at| Some((self.entries.get(at)?, self.taken.get_mut(at)?))) {
            Some((entry, taken)) => {
                *taken = true;
                F::present(&entry.value, diagnostics)
            }
            None => {
                if F::REQUIRED {
                    let text = format!("{} has no `{name}`", self.what);
                    let missing = Diagnostic::error(MISSING_FIELD, self.span, text);
                    diagnostics.push(missing.help(format!("add `{name}: …`")));
                }
                F::absent()
            }
        };
        self.failed |= value.is_none();
        value
    }

    /// Declares fields that the language has but that are not built yet.
    pub fn planned(&mut self, planned: &[Planned]) {
        self.planned.extend_from_slice(planned);
    }

    /// Declares fields that belong to another kind, with what they belong to.
    pub fn elsewhere(&mut self, fields: impl IntoIterator<Item = (&'static str, &'static str)>) {
        self.elsewhere.extend(fields);
    }

    /// Reports what nobody asked for. Fields that begin with `x-` are the user's own, for anchors.
    pub fn finish(self, diagnostics: &mut Diagnostics) -> Option<()> {
        for (entry, _) in self.entries.iter().zip(&self.taken).filter(|(_, taken)| !**taken) {
            let (word, span) = (entry.key.text.as_str(), entry.key.span);
            if word.starts_with("x-") {
                continue;
            }
            if let Some(planned) = self.planned.iter().find(|planned| planned.word == word) {
                diagnostics.push(not_built(planned, span));
            } else if let Some((_, owner)) = self.elsewhere.iter().find(|(field, _)| *field == word) {
                let text = format!("`{word}` belongs to {owner}, not to {}", self.what);
                diagnostics.push(Diagnostic::error(APPLIES_ELSEWHERE, span, text).help("remove it"));
            } else {
                let text = format!("{} has no field `{word}`", self.what);
                let candidates =
                    self.known.iter().copied().chain(self.planned.iter().map(|planned| planned.word));
                diagnostics.push(
                    Diagnostic::error(UNKNOWN_FIELD, span, text)
                        .expected(one_of(&self.known))
                        .maybe_help(did_you_mean(word, candidates)),
                );
            }
        }
        (!self.failed).then_some(())
    }
}

/// The diagnostic for a part of the language that is not built yet.
pub fn not_built(planned: &Planned, span: Span) -> Diagnostic {
    let text = format!("`{}` ({}) is not built yet, so it is refused", planned.word, planned.meaning);
    Diagnostic::error(NOT_BUILT, span, text)
        .label("not built yet")
        .help("remove it; docs/blueprint.md says what this release builds")
}

/// The diagnostic for a word that is not built yet, where one of `words` may stand.
pub fn word_not_built(planned: &Planned, span: Span, words: &[&str]) -> Diagnostic {
    not_built(planned, span).expected(one_of(words)).help("docs/blueprint.md says what this release builds")
}

/// The diagnostic for a value of the wrong form.
pub fn wrong_type(node: &Node, expected: &str) -> Diagnostic {
    Diagnostic::error(WRONG_TYPE, node.span, format!("expected {expected}, found {}", node.describe()))
        .expected(expected)
}

/// The diagnostic for a word that is none of `words`.
pub fn not_one_of(word: &str, span: Span, what: &str, words: &[&'static str]) -> Diagnostic {
    Diagnostic::error(BAD_VALUE, span, format!("`{word}` is not {what}"))
        .expected(one_of(words))
        .maybe_help(did_you_mean(word, words.iter().copied()))
}

/// `one of a, b, c`.
pub fn one_of(words: &[&str]) -> String {
    match words {
        [] => "nothing".into(),
        [one] => format!("`{one}`"),
        _ => format!("one of {}", words.join(", ")),
    }
}
