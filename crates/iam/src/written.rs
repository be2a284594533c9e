//! The tree that a policy is read from, whoever wrote it: JSON or YAML text, or a value of an estate.
//!
//! In: a [`document::Node`], or what another front makes. Out: [`Written`]. Must always hold: every part knows
//! its place, and a text that is only partly known says which part.

use diagnostics::Span;
use document::{Kind, Node};
use smol_str::SmolStr;

/// A value as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// Where.
    pub span: Span,
    /// What.
    pub shape: Shape,
}

/// What a [`Written`] is.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number as it is written.
    Number(SmolStr),
    /// A text that is wholly known.
    Text(SmolStr),
    /// A text of which parts are not known.
    Pieces(Vec<Piece>),
    /// A list.
    List(Vec<Written>),
    /// A mapping, in order: key, place of the key, value.
    Map(Vec<(SmolStr, Span, Written)>),
}

/// A part of a text that is not wholly known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Characters of the policy's text; wildcards and variables in them count.
    Text(SmolStr),
    /// What is not known, by a name that tells it apart from others.
    Unknown(SmolStr),
}

impl From<&Node> for Written {
    fn from(node: &Node) -> Self {
        Self::without(node, &|_| false)
    }
}

impl Written {
    /// A node without the insides of the mappings that `skip` names: they are empty.
    pub fn without(node: &Node, skip: &dyn Fn(&Node) -> bool) -> Self {
        let shape = match &node.kind {
            Kind::Null => Shape::Null,
            Kind::Bool(value) => Shape::Bool(*value),
            Kind::Number(text) => Shape::Number(text.clone()),
            Kind::String(text) => Shape::Text(text.clone()),
            Kind::List(items) => Shape::List(items.iter().map(|item| Self::without(item, skip)).collect()),
            Kind::Map(_) if skip(node) => Shape::Map(Vec::new()),
            Kind::Map(entries) => Shape::Map(
                entries
                    .iter()
                    .map(|entry| (entry.key.text.clone(), entry.key.span, Self::without(&entry.value, skip)))
                    .collect(),
            ),
        };
        Self { span: node.span, shape }
    }
}

impl Written {
    /// What this is, for a message.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.shape {
            Shape::Null => "nothing".to_owned(),
            Shape::Bool(value) => format!("the boolean `{value}`"),
            Shape::Number(text) => format!("the number `{text}`"),
            Shape::Text(text) if text.chars().count() <= 40 => format!("the text `{text}`"),
            Shape::Text(_) => "a long text".to_owned(),
            Shape::Pieces(_) => "a text that is not wholly known".to_owned(),
            Shape::List(_) => "a list".to_owned(),
            Shape::Map(_) => "a mapping".to_owned(),
        }
    }

    /// The value under `key` of a mapping, whatever the key's case.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Shape::Map(entries) = &self.shape else { return None };
        entries.iter().find(|(name, ..)| name.eq_ignore_ascii_case(key)).map(|(.., value)| value)
    }

    /// The text, where it is one and wholly known.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.shape {
            Shape::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The items of a list, or the value itself: where the grammar takes one or several.
    #[must_use]
    pub fn items(&self) -> &[Self] {
        match &self.shape {
            Shape::List(items) => items,
            _ => std::slice::from_ref(self),
        }
    }
}
