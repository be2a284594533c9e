//! Nodes that the transform makes, written as the JSON they are.

use diagnostics::Span;
use document::{Entry, Key, Kind, Node};
use smol_str::SmolStr;

/// What may stand as a value in [`node!`]; nothing leaves its key out.
pub trait Written {
    fn written(self) -> Option<Node>;
}

impl Written for Node {
    fn written(self) -> Option<Node> {
        Some(self)
    }
}

impl Written for &Node {
    fn written(self) -> Option<Node> {
        Some(self.clone())
    }
}

impl<T: Written> Written for Option<T> {
    fn written(self) -> Option<Node> {
        self.and_then(Written::written)
    }
}

impl Written for &str {
    fn written(self) -> Option<Node> {
        Some(Node::new(Span::NONE, Kind::String(SmolStr::new(self))))
    }
}

impl Written for String {
    fn written(self) -> Option<Node> {
        self.as_str().written()
    }
}

impl Written for &SmolStr {
    fn written(self) -> Option<Node> {
        self.as_str().written()
    }
}

impl Written for bool {
    fn written(self) -> Option<Node> {
        Some(Node::new(Span::NONE, Kind::Bool(self)))
    }
}

impl Written for Vec<Node> {
    fn written(self) -> Option<Node> {
        Some(Node::new(Span::NONE, Kind::List(self)))
    }
}

impl Written for Vec<Entry> {
    fn written(self) -> Option<Node> {
        Some(Node::new(Span::NONE, Kind::Map(self)))
    }
}

/// An entry of a mapping.
pub fn entry(key: impl Into<SmolStr>, value: Node) -> Entry {
    Entry { key: Key { text: key.into(), span: Span::NONE }, value }
}

/// A node written as JSON; `Option`s that are `None` leave their key out.
macro_rules! node {
    ({ $($key:literal : $value:tt),* $(,)? }) => {{
        #[allow(unused_mut, reason = "an empty mapping is not changed")]
        let mut entries: Vec<document::Entry> = Vec::new();
        $(entries.extend(
            $crate::cloudformation::serverless::node::Written::written(node!(@ $value))
                .map(|value| $crate::cloudformation::serverless::node::entry($key, value))
        );)*
        document::Node::new(diagnostics::Span::NONE, document::Kind::Map(entries))
    }};
    ([ $($value:tt),* $(,)? ]) => {
        document::Node::new(
            diagnostics::Span::NONE,
            document::Kind::List(
                [$($crate::cloudformation::serverless::node::Written::written(node!(@ $value))),*]
                    .into_iter().flatten().collect(),
            ),
        )
    };
    (@ { $($inner:tt)* }) => { node!({ $($inner)* }) };
    (@ [ $($inner:tt)* ]) => { node!([ $($inner)* ]) };
    (@ $other:expr) => {{
        #[allow(unused_parens, reason = "an expression of several words stands in parentheses to be one")]
        let value = $other;
        value
    }};
}
pub(crate) use node;

/// `Ref`.
pub fn reference(id: &str) -> Node {
    node!({ "Ref": id })
}

/// `Fn::GetAtt`.
pub fn attribute(id: &str, name: &str) -> Node {
    node!({ "Fn::GetAtt": [id, name] })
}

/// `Fn::Sub`.
pub fn sub(text: &str) -> Node {
    node!({ "Fn::Sub": text })
}

/// Something that the transform makes and Steward does not know.
pub fn unknown(what: &str) -> Node {
    node!({ "Fn::Transform": { "Name": "AWS::Serverless", "Parameters": { "Property": what } } })
}

/// The entries of a mapping; none where it is none.
pub fn entries(node: Option<&Node>) -> &[Entry] {
    node.filter(|node| node.tag.is_none()).and_then(Node::as_map).unwrap_or(&[])
}

/// The letters and digits of a text, for logical ids.
pub fn alphanumeric(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// The text of a node that no function makes.
pub fn literal(node: &Node) -> Option<&str> {
    node.as_str().filter(|_| node.tag.is_none())
}

/// The text of a scalar that no function makes.
pub fn literal_text(node: &Node) -> Option<SmolStr> {
    node.as_scalar_text().filter(|_| node.tag.is_none())
}

/// Whether `Fn::If` decides that something is there or not.
pub fn may_be_absent(node: &Node) -> bool {
    let items = match node.tag.as_deref() {
        Some("!If") => node.as_list(),
        _ => node.get("Fn::If").and_then(Node::as_list),
    };
    let absent = |node: &Node| {
        node.as_str() == Some("AWS::NoValue")
            || node.get("Ref").and_then(Node::as_str) == Some("AWS::NoValue")
    };
    items.unwrap_or(&[]).iter().any(absent)
}
