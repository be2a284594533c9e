//! How a template writes its functions: `{"Fn::Sub": …}`, `!Sub …`, `{"Ref": …}`.
//!
//! In: nodes of a document. Out: what function a node applies, in one form for both spellings.
//! Must always hold: a node with a function's name is never taken for plain data.

use std::borrow::Cow;

use diagnostics::Span;
use document::{Entry, Node};
use smol_str::SmolStr;

/// A function of the template language.
///
/// Source: AWS CloudFormation Template Reference, "Intrinsic function reference", "Rule-specific intrinsic
/// functions" and "Condition functions".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intrinsic {
    Ref,
    GetAtt,
    Sub,
    Join,
    Select,
    Split,
    FindInMap,
    If,
    And,
    Or,
    Not,
    Equals,
    Condition,
    Cidr,
    GetAzs,
    ImportValue,
    Base64,
    Length,
    ToJsonString,
    Transform,
    /// A function that only the section `Rules` knows.
    Rule(&'static str),
}

const BY_NAME: &[(&str, Intrinsic)] = &[
    ("Fn::GetAtt", Intrinsic::GetAtt),
    ("Fn::Sub", Intrinsic::Sub),
    ("Fn::Join", Intrinsic::Join),
    ("Fn::Select", Intrinsic::Select),
    ("Fn::Split", Intrinsic::Split),
    ("Fn::FindInMap", Intrinsic::FindInMap),
    ("Fn::If", Intrinsic::If),
    ("Fn::And", Intrinsic::And),
    ("Fn::Or", Intrinsic::Or),
    ("Fn::Not", Intrinsic::Not),
    ("Fn::Equals", Intrinsic::Equals),
    ("Fn::Cidr", Intrinsic::Cidr),
    ("Fn::GetAZs", Intrinsic::GetAzs),
    ("Fn::ImportValue", Intrinsic::ImportValue),
    ("Fn::Base64", Intrinsic::Base64),
    ("Fn::Length", Intrinsic::Length),
    ("Fn::ToJsonString", Intrinsic::ToJsonString),
    ("Fn::Transform", Intrinsic::Transform),
    ("Fn::Contains", Intrinsic::Rule("Fn::Contains")),
    ("Fn::EachMemberEquals", Intrinsic::Rule("Fn::EachMemberEquals")),
    ("Fn::EachMemberIn", Intrinsic::Rule("Fn::EachMemberIn")),
    ("Fn::RefAll", Intrinsic::Rule("Fn::RefAll")),
    ("Fn::ValueOf", Intrinsic::Rule("Fn::ValueOf")),
    ("Fn::ValueOfAll", Intrinsic::Rule("Fn::ValueOfAll")),
];

impl Intrinsic {
    /// The function of this long name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "Ref" => Some(Self::Ref),
            "Condition" => Some(Self::Condition),
            _ => BY_NAME.iter().find(|(known, _)| *known == name).map(|(_, function)| *function),
        }
    }

    /// The function of this YAML tag: `!Sub`.
    pub fn tagged(tag: &str) -> Option<Self> {
        let name = tag.strip_prefix('!')?;
        match name {
            "Ref" => Some(Self::Ref),
            "Condition" => Some(Self::Condition),
            _ => BY_NAME.iter().find(|(known, _)| known.strip_prefix("Fn::") == Some(name)).map(|(_, f)| *f),
        }
    }

    /// The long name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ref => "Ref",
            Self::Condition => "Condition",
            Self::Rule(name) => name,
            _ => BY_NAME.iter().find(|(_, function)| *function == self).map_or("", |(name, _)| name),
        }
    }

    /// The long names of all, for suggestions.
    pub fn names() -> impl Iterator<Item = &'static str> {
        ["Ref", "Condition"].into_iter().chain(BY_NAME.iter().map(|(name, _)| *name))
    }
}

/// A function applied.
#[derive(Debug, Clone, Copy)]
pub struct Invocation<'n> {
    /// Which.
    pub function: Intrinsic,
    /// Its argument. Where the function was written as a tag, this is the tagged node itself: look at its
    /// kind, never at its tag.
    pub argument: &'n Node,
    /// Whether it was written as a tag.
    pub tagged: bool,
    /// The whole expression.
    pub span: Span,
}

impl<'n> Invocation<'n> {
    /// The argument's items where it is a list that no function makes.
    pub fn items(&self) -> Option<&'n [Node]> {
        self.argument.as_list().filter(|_| self.is_plain())
    }

    /// The argument's text where it is a scalar that no function makes.
    pub fn text(&self) -> Option<SmolStr> {
        self.argument.as_scalar_text().filter(|_| self.is_plain())
    }

    /// The argument as a node of its own: a tag that is the function's is not its tag.
    pub fn single(&self) -> Cow<'n, Node> {
        if !self.tagged {
            return Cow::Borrowed(self.argument);
        }
        Cow::Owned(Node { span: self.argument.span, tag: None, kind: self.argument.kind.clone() })
    }

    fn is_plain(&self) -> bool {
        self.tagged || self.argument.tag.is_none()
    }
}

/// What a node is to the template language.
#[derive(Debug, Clone, Copy)]
pub enum Shape<'n> {
    /// Data: a scalar, a list, a mapping.
    Plain,
    /// A function applied.
    Invocation(Invocation<'n>),
    /// A tag that is no function.
    UnknownTag(&'n str),
    /// A key `Fn::…` that is no function.
    UnknownFunction(&'n Entry),
    /// A function with other keys beside it.
    Crowded(&'n Entry),
}

/// What `node` is where values stand. `Condition: Name` alone is a function only where conditions stand.
pub fn shape(node: &Node, conditions: bool) -> Shape<'_> {
    if let Some(tag) = node.tag.as_deref() {
        return match Intrinsic::tagged(tag) {
            Some(function) => {
                Shape::Invocation(Invocation { function, argument: node, tagged: true, span: node.span })
            }
            None => Shape::UnknownTag(tag),
        };
    }
    let Some(entries) = node.as_map() else { return Shape::Plain };
    if let [entry] = entries {
        let key = entry.key.text.as_str();
        if is_loop(key) || (key == "Condition" && !conditions) {
            return Shape::Plain;
        }
        if let Some(function) = Intrinsic::named(key) {
            let span = entry.key.span.to(entry.value.span);
            let span = if node.span.is_none() { span } else { node.span };
            return Shape::Invocation(Invocation { function, argument: &entry.value, tagged: false, span });
        }
        if key.starts_with("Fn::") {
            return Shape::UnknownFunction(entry);
        }
        return Shape::Plain;
    }
    // `Fn::Transform` merges what it makes with its siblings, and each `Fn::ForEach` makes siblings.
    let crowded = |entry: &&Entry| {
        let key = entry.key.text.as_str();
        key.starts_with("Fn::") && key != "Fn::Transform" && !is_loop(key)
    };
    entries.iter().find(crowded).map_or(Shape::Plain, Shape::Crowded)
}

/// Whether a key is that of a loop: `Fn::ForEach::Name`.
pub fn is_loop(key: &str) -> bool {
    key == "Fn::ForEach" || key.starts_with("Fn::ForEach::")
}
