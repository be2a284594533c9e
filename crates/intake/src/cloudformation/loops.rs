//! What a template repeats and includes: `Fn::ForEach` and `AWS::Include`.
//!
//! In: the entries of a mapping. Out: the entries after every loop and inclusion. Always: the cost is taken
//! from the session's budget; what cannot be expanded is reported, never left out in silence.
//!
//! Source: AWS CloudFormation Template Reference, "Fn::ForEach" and "AWS::Include transform".

use std::borrow::Cow;

use diagnostics::{Diagnostic, Span};
use document::{Entry, Key, Kind as NodeKind, Node};
use estate::{Function, Kind, Value};
use smol_str::SmolStr;

use super::compute::call;
use super::evaluate::Scope;
use super::locate::Found;
use super::syntax::{Invocation, is_loop};
use crate::{BAD_ARGUMENT, BAD_LOOP, INCLUDE_NOT_FOUND, UNKNOWN_COLLECTION, UNKNOWN_MACRO};

/// How many loops and inclusions may lie within each other. CloudFormation allows five loops.
const DEEPEST: usize = 16;

impl<'n> Scope<'_, 'n> {
    /// The entries of a section after all loops and inclusions. What cannot be expanded has been reported.
    pub fn loops_unrolled<'e>(&mut self, entries: &'e [Entry]) -> Cow<'e, [Entry]> {
        let special = |entry: &Entry| entry.key.text == "Fn::Transform" || is_loop(&entry.key.text);
        if !entries.iter().any(special) {
            return Cow::Borrowed(entries);
        }
        let mut out = Vec::new();
        self.expand(entries, &mut out, 0);
        Cow::Owned(self.unique(out))
    }

    /// The entries of a mapping of properties after all loops and inclusions.
    ///
    /// # Errors
    /// What stands for the whole mapping where some of its entries are not known.
    pub fn expanded(&mut self, entries: &[Entry]) -> Result<Vec<Entry>, Value> {
        let mut out = Vec::new();
        match self.expand(entries, &mut out, 0) {
            None => Ok(self.unique(out)),
            Some(unknown) => Err(unknown),
        }
    }

    fn unique(&mut self, entries: Vec<Entry>) -> Vec<Entry> {
        let mut seen = std::collections::HashSet::new();
        let mut out = Vec::with_capacity(entries.len());
        for entry in entries {
            if seen.insert(entry.key.text.clone()) {
                out.push(entry);
            } else {
                let text = format!("a loop or an inclusion makes `{}` twice", entry.key.text);
                self.report(Diagnostic::error(BAD_LOOP, entry.key.span, text));
            }
        }
        out
    }

    /// Appends `entries` expanded; what could not be expanded is returned as an unknown.
    fn expand(&mut self, entries: &[Entry], out: &mut Vec<Entry>, depth: usize) -> Option<Value> {
        let mut unknown = None;
        for entry in entries {
            let key = entry.key.text.as_str();
            let missing = if key == "Fn::Transform" {
                self.included(entry, out, depth)
            } else if is_loop(key) {
                self.unrolled(entry, out, depth)
            } else {
                out.push(entry.clone());
                None
            };
            unknown = unknown.or(missing);
        }
        unknown
    }

    fn unrolled(&mut self, entry: &Entry, out: &mut Vec<Entry>, depth: usize) -> Option<Value> {
        const EXPECTED: &str = "`[Identifier, a list, {\"Key${Identifier}\": value}]`";
        let span = entry.key.span;
        self.needs_extensions("`Fn::ForEach`", span);
        let parts = match entry.value.as_list() {
            Some([identifier, collection, body]) => {
                identifier.as_scalar_text().zip(Some(collection)).zip(body.as_map())
            }
            _ => None,
        };
        let Some(((identifier, collection), body)) = parts.filter(|_| depth < DEEPEST) else {
            let text = format!("`{}` is not a loop that can be read", entry.key.text);
            self.report(Diagnostic::error(BAD_LOOP, span, text).expected(EXPECTED));
            return Some(self.mistake(span));
        };
        let Some(members) = self.members(collection) else {
            let text = format!(
                "`{}` runs over a collection that is not known; what it makes is not judged",
                entry.key.text
            );
            self.report(Diagnostic::warning(UNKNOWN_COLLECTION, collection.span.or(span), text));
            return Some(self.not_modelled(
                span,
                &format!("{}@{}", entry.key.text, span.lo),
                "a loop over an unknown collection",
            ));
        };
        let cost: usize = body.iter().map(|entry| entry.value.count()).sum();
        let mut unknown = None;
        for member in members {
            if !self.spend(cost + 1, span) {
                return Some(self.mistake(span));
            }
            let made: Vec<Entry> =
                body.iter().map(|entry| substituted_entry(entry, &identifier, &member)).collect();
            unknown = unknown.or(self.expand(&made, out, depth + 1));
        }
        unknown
    }

    /// The members of a collection, where all are known.
    fn members(&mut self, collection: &Node) -> Option<Vec<SmolStr>> {
        let value = self.value(collection);
        value.as_list()?.iter().map(Value::as_text).collect()
    }

    /// `Fn::Transform` beside other keys: the entries of the included file.
    fn included(&mut self, entry: &Entry, out: &mut Vec<Entry>, depth: usize) -> Option<Value> {
        let uses = entry.value.as_list().unwrap_or(std::slice::from_ref(&entry.value));
        let mut unknown = None;
        for used in uses {
            let missing = match self.inclusion(used, depth) {
                Ok(tree) => match tree.as_map() {
                    Some(entries) => {
                        let cost = tree.count();
                        if self.spend(cost, entry.key.span) {
                            self.expand(entries, out, depth + 1)
                        } else {
                            None
                        }
                    }
                    None => {
                        Some(self.wrong(BAD_ARGUMENT, used.span, "what is included here is not a mapping"))
                    }
                },
                Err(unknown) => Some(unknown),
            };
            unknown = unknown.or(missing);
        }
        unknown
    }

    /// `Fn::Transform` as a value of its own.
    pub fn transform(&mut self, invocation: &Invocation<'_>) -> Value {
        let argument = invocation.single();
        if self.session.including >= DEEPEST {
            return self.wrong(INCLUDE_NOT_FOUND, invocation.span, "files include each other in a circle");
        }
        match self.inclusion(&argument, 0) {
            Ok(tree) => {
                self.session.including += 1;
                let value = self.value(tree);
                self.session.including -= 1;
                value
            }
            Err(unknown) => unknown,
        }
    }

    /// The tree that a use of a macro stands for.
    fn inclusion(&mut self, used: &Node, depth: usize) -> Result<&'n Node, Value> {
        let name = used.get("Name").and_then(Node::as_str).unwrap_or_default();
        let parameters = used.get("Parameters");
        if name != "AWS::Include" {
            // What the serverless transform leaves open has been reported.
            if name != "AWS::Serverless" {
                let text = format!("what macro `{name}` makes of this is not known");
                self.report(Diagnostic::warning(UNKNOWN_MACRO, used.span, text));
            }
            let parameters = parameters.map(|node| self.value(node));
            let arguments = [Some(Value::from(name)), parameters].into_iter().flatten().collect();
            return Err(call(Function::Transform, arguments));
        }
        let location = parameters.and_then(|parameters| parameters.get("Location"));
        let Some(location) = location.filter(|_| depth < DEEPEST) else {
            let text = "`AWS::Include` needs the parameter `Location`";
            return Err(self.wrong(BAD_ARGUMENT, used.span, text));
        };
        let value = self.value(location);
        match self.session.locate(&value, self.file, false) {
            Found::File(at) => {
                if let Some(tree) = self.session.files.get(at).and_then(|file| file.tree.as_ref()) {
                    return Ok(tree);
                }
            }
            Found::Several(_) | Found::Nothing => {}
        }
        let text =
            format!("the file that is included here ({}) is not among the files given", value.describe());
        self.report(Diagnostic::warning(INCLUDE_NOT_FOUND, location.span, text));
        Err(Value {
            kind: Kind::Call(Box::new(estate::Call {
                function: Function::Transform,
                arguments: vec![Value::from("AWS::Include"), value],
            })),
            span: Span::NONE,
        })
    }
}

fn substituted_entry(entry: &Entry, identifier: &str, member: &str) -> Entry {
    let text = substituted_text(&entry.key.text, identifier, member);
    Entry { key: Key { text, span: entry.key.span }, value: substituted(&entry.value, identifier, member) }
}

/// The node with `${identifier}`, `&{identifier}` and `Ref` of the identifier replaced by `member`.
fn substituted(node: &Node, identifier: &str, member: &str) -> Node {
    let kind = match &node.kind {
        NodeKind::String(text) if node.tag.as_deref() == Some("!Ref") && text == identifier => {
            return Node::new(node.span, NodeKind::String(SmolStr::new(member)));
        }
        NodeKind::String(text) => NodeKind::String(substituted_text(text, identifier, member)),
        NodeKind::List(items) => {
            NodeKind::List(items.iter().map(|item| substituted(item, identifier, member)).collect())
        }
        NodeKind::Map(entries) => {
            if let [only] = entries.as_slice()
                && only.key.text == "Ref"
                && only.value.as_str() == Some(identifier)
            {
                return Node::new(node.span, NodeKind::String(SmolStr::new(member)));
            }
            NodeKind::Map(entries.iter().map(|entry| substituted_entry(entry, identifier, member)).collect())
        }
        kind => kind.clone(),
    };
    Node { span: node.span, tag: node.tag.clone(), kind }
}

fn substituted_text(text: &SmolStr, identifier: &str, member: &str) -> SmolStr {
    if !text.contains('{') {
        return text.clone();
    }
    let plain: String = member.chars().filter(char::is_ascii_alphanumeric).collect();
    let replaced =
        text.replace(&format!("${{{identifier}}}"), member).replace(&format!("&{{{identifier}}}"), &plain);
    SmolStr::new(replaced)
}
