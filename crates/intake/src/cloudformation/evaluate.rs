//! From what is written to what it says: nodes to values.
//!
//! In: nodes of one stack's template, in the [`Scope`] of that stack. Out: [`Value`]s with the places they were
//! written at. Always: a mistake is reported once and leaves an unknown; what a condition decides that is not
//! known becomes a case; a branch that contradicts an enclosing case is not there.

use std::collections::{HashMap, HashSet};

use diagnostics::{Code, Diagnostic, Diagnostics, Span, did_you_mean};
use document::{Entry as NodeEntry, Kind as NodeKind, Node};
use estate::{
    AccountId, Condition, ConditionRef, Entry, Kind, Map, Parameter, StackId, Type, Unknown, Value, Why,
};
use indexmap::IndexMap;
use smol_str::{SmolStr, format_smolstr};

use super::compute::{self, Fault};
use super::session::Session;
use super::syntax::{Intrinsic, Invocation, Shape, is_loop, shape};
use crate::{CROWDED_FUNCTION, NULL_VALUE, TOO_LARGE, UNKNOWN_FUNCTION};

/// A resource that the template declares.
#[derive(Debug, Clone)]
pub struct Declared {
    pub kind: SmolStr,
    pub condition: Option<SmolStr>,
    pub span: Span,
}

/// One resource refers to another.
#[derive(Debug, Clone)]
pub struct Edge {
    pub to: SmolStr,
    pub span: Span,
    /// Whether it holds only in a branch that a condition decides.
    pub conditional: bool,
}

/// What the stack nested under a logical id says to the stack around it.
#[derive(Debug, Clone)]
pub enum Nested {
    /// Its outputs.
    Outputs(IndexMap<SmolStr, Value>),
    /// Its template was not found, or cannot be read.
    Unknown,
}

/// What part of the template is being read: it decides which functions may stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Conditions,
    Rules,
    Resources,
    Outputs,
}

/// Everything that what is written in one stack's template may depend on.
pub struct Scope<'s, 'n> {
    pub session: &'s mut Session<'n>,
    pub stack: StackId,
    pub name: SmolStr,
    pub account: AccountId,
    pub region: Option<SmolStr>,
    /// Position of the template's file.
    pub file: usize,
    pub section: Section,
    /// Whether the template uses `AWS::LanguageExtensions`.
    pub extensions: bool,
    pub parameters: IndexMap<SmolStr, Parameter>,
    pub declared: IndexMap<SmolStr, Declared>,
    pub mappings: IndexMap<SmolStr, &'n NodeEntry>,
    pub conditions: IndexMap<SmolStr, Condition>,
    pub nested: HashMap<SmolStr, Nested>,
    /// What is assumed where the reading is: conditions of this stack.
    pub assumed: Vec<(SmolStr, bool)>,
    /// Greater than zero where nothing is deployed: a branch not taken, a resource left out. References are
    /// checked there, and nothing else is.
    pub dead: u32,
    /// Greater than zero inside a branch that a condition decides.
    pub branches: u32,
    /// What the resource being read refers to.
    pub edges: Vec<Edge>,
    /// Names that the serverless transform lets templates use for what it makes: `Function.Version`.
    pub aliases: HashMap<SmolStr, SmolStr>,
    /// Resources that a transform made.
    pub made: HashSet<SmolStr>,
    /// Where the resource being read is declared: the place of what a transform made.
    pub origin: Span,
    pub mistakes: usize,
}

impl Scope<'_, '_> {
    /// Pushes a diagnostic.
    pub fn report(&mut self, mut diagnostic: Diagnostic) {
        diagnostic.span = diagnostic.span.or(self.origin);
        self.session.diagnostics.push(diagnostic);
    }

    /// The diagnostics of the run.
    pub fn diagnostics(&mut self) -> &mut Diagnostics {
        &mut self.session.diagnostics
    }

    /// What stands in place of something that could not be read; the mistake has been reported.
    pub fn mistake(&mut self, span: Span) -> Value {
        self.mistakes += 1;
        let symbol = format_smolstr!("{}/!{}", self.name, self.mistakes);
        let unknown = Unknown { symbol, ty: Type::Any, why: Why::Mistake, allowed: None };
        Value::at(span, Kind::Unknown(Box::new(unknown)))
    }

    /// Reports a mistake and says what stands in its place.
    pub fn wrong(&mut self, code: Code, span: Span, message: impl Into<String>) -> Value {
        self.report(Diagnostic::error(code, span, message));
        self.mistake(span)
    }

    /// Something not modelled; `symbol` is unique within the stack for what is the same value.
    pub fn not_modelled(&self, span: Span, symbol: &str, what: impl Into<SmolStr>) -> Value {
        let symbol = format_smolstr!("{}/{symbol}", self.name);
        let unknown = Unknown { symbol, ty: Type::Any, why: Why::NotModelled(what.into()), allowed: None };
        Value::at(span, Kind::Unknown(Box::new(unknown)))
    }

    /// Reports the fault of a function, unless nothing is deployed here.
    pub fn fault(&mut self, fault: Fault, span: Span) -> Value {
        if self.dead == 0 {
            let mut diagnostic = Diagnostic::error(fault.code, span, fault.message);
            diagnostic.expected = fault.expected.map(str::to_owned);
            self.report(diagnostic);
        }
        self.mistake(span)
    }

    /// Takes `cost` from what reading may cost. Past the end everything is unknown.
    pub fn spend(&mut self, cost: usize, span: Span) -> bool {
        if self.session.spend(cost) {
            return true;
        }
        if !self.session.exhausted {
            self.session.exhausted = true;
            let text = "the template expands to more than is read; what follows is unknown";
            self.report(Diagnostic::error(TOO_LARGE, span, text));
        }
        false
    }

    /// The value of a node. [`Kind::Absent`] is `AWS::NoValue`.
    pub fn value(&mut self, node: &Node) -> Value {
        if !self.spend(1, node.span) {
            return self.mistake(node.span);
        }
        match shape(node, false) {
            Shape::Plain => self.plain(node),
            Shape::Invocation(call) => {
                let value = self.invoke(&call);
                let span = if call.span.is_none() { value.span } else { call.span };
                value.spanned(span)
            }
            Shape::UnknownTag(tag) => {
                let names = Intrinsic::names().map(|name| name.strip_prefix("Fn::").unwrap_or(name));
                let rain =
                    tag.starts_with("!Rain::").then(|| "`rain pkg` makes a template of this".to_owned());
                let help = rain.or_else(|| did_you_mean(tag.trim_start_matches('!'), names));
                let text = format!("there is no function `{tag}`");
                self.report(Diagnostic::error(UNKNOWN_FUNCTION, node.span, text).maybe_help(help));
                self.mistake(node.span)
            }
            Shape::UnknownFunction(entry) if entry.key.text == "Fn::GetStackOutput" => {
                self.stack_output(node, entry)
            }
            Shape::UnknownFunction(entry) => {
                let text = format!("there is no function `{}`", entry.key.text);
                let help = did_you_mean(&entry.key.text, Intrinsic::names());
                self.report(Diagnostic::error(UNKNOWN_FUNCTION, entry.key.span, text).maybe_help(help));
                self.mistake(node.span)
            }
            Shape::Crowded(entry) => {
                let text = format!("`{}` stands beside other keys", entry.key.text);
                let crowded = Diagnostic::error(CROWDED_FUNCTION, entry.key.span, text);
                self.report(crowded.expected("the function as the only key of its mapping"));
                self.mistake(node.span)
            }
        }
    }

    /// The value of a node that no function makes; its own tag does not count.
    pub fn plain(&mut self, node: &Node) -> Value {
        let kind = match &node.kind {
            NodeKind::Null => {
                self.null(node.span);
                Kind::Null
            }
            NodeKind::Bool(value) => Kind::Bool(*value),
            NodeKind::Number(text) => compute::number(text),
            NodeKind::String(text) => Kind::String(text.clone()),
            NodeKind::List(items) => {
                let items = items.iter().map(|item| self.value(item));
                Kind::List(items.filter(|item| item.kind != Kind::Absent).collect())
            }
            NodeKind::Map(entries) => return self.mapping(node, entries),
        };
        Value::at(node.span, kind)
    }

    fn null(&mut self, span: Span) {
        let null =
            Diagnostic::error(NULL_VALUE, span, "a value is missing here: CloudFormation refuses null");
        self.report(null.help("leave the key out, or write `!Ref AWS::NoValue`"));
    }

    fn mapping(&mut self, node: &Node, entries: &[NodeEntry]) -> Value {
        let special = |entry: &NodeEntry| entry.key.text == "Fn::Transform" || is_loop(&entry.key.text);
        if !entries.iter().any(special) {
            let mut map = Map::new();
            entries.iter().for_each(|entry| self.entry(entry, &mut map));
            return Value::at(node.span, Kind::Map(map));
        }
        match self.expanded(entries) {
            Ok(expanded) => {
                let mut map = Map::new();
                for entry in &expanded {
                    if map.contains(&entry.key.text) {
                        map.remove(&entry.key.text);
                    }
                    self.entry(entry, &mut map);
                }
                Value::at(node.span, Kind::Map(map))
            }
            Err(unknown) => unknown.spanned(node.span),
        }
    }

    fn entry(&mut self, entry: &NodeEntry, map: &mut Map) {
        if matches!(entry.value.kind, NodeKind::Null) && entry.value.tag.is_none() {
            let span =
                if entry.value.span.is_none() { entry.key.span } else { entry.key.span.to(entry.value.span) };
            self.null(span);
            return;
        }
        let value = self.value(&entry.value);
        if value.kind != Kind::Absent {
            map.push_new(Entry { key: entry.key.text.clone(), key_span: entry.key.span, value });
        }
    }

    /// Reads something under the assumption that a condition of this stack holds, or does not.
    pub fn assuming<T>(&mut self, condition: &SmolStr, holds: bool, read: impl FnOnce(&mut Self) -> T) -> T {
        self.assumed.push((condition.clone(), holds));
        self.branches += 1;
        let out = read(self);
        self.branches -= 1;
        self.assumed.pop();
        out
    }

    /// Reads something that is not deployed, for the references in it.
    pub fn dead<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        self.dead += 1;
        let out = read(self);
        self.dead -= 1;
        out
    }

    /// A condition of this stack.
    pub fn condition_ref(&self, name: &SmolStr) -> ConditionRef {
        ConditionRef { stack: self.stack, name: name.clone() }
    }

    /// `Fn::GetStackOutput`: an output of a stack that is looked up at deployment.
    ///
    /// Source: AWS CloudFormation Template Reference, "Fn::GetStackOutput".
    fn stack_output(&mut self, node: &Node, entry: &NodeEntry) -> Value {
        let Some(arguments) = entry.value.as_map() else {
            let text = "`Fn::GetStackOutput` takes a mapping with `StackName` and `OutputName`";
            return self.wrong(crate::BAD_ARGUMENT, entry.value.span, text);
        };
        let mut name = |key: &str| {
            let found = arguments.iter().find(|entry| entry.key.text == key)?;
            Some(
                self.value(&found.value)
                    .as_text()
                    .unwrap_or_else(|| format_smolstr!("@{}", found.value.span.lo)),
            )
        };
        let parts: Vec<_> = ["Region", "StackName", "OutputName"].into_iter().filter_map(&mut name).collect();
        self.not_modelled(
            node.span,
            &format!("output:{}", parts.join("/")),
            "an output of a stack looked up at deployment",
        )
    }

    /// Applies a function.
    fn invoke(&mut self, call: &Invocation<'_>) -> Value {
        match call.function {
            Intrinsic::Ref => self.reference(call),
            Intrinsic::GetAtt => self.get_att(call),
            Intrinsic::Sub => self.sub(call),
            Intrinsic::If => self.choose(call),
            Intrinsic::FindInMap => self.find_in_map(call),
            Intrinsic::Cidr => self.cidr(call),
            Intrinsic::Transform => self.transform(call),
            Intrinsic::And | Intrinsic::Or | Intrinsic::Not | Intrinsic::Equals | Intrinsic::Condition => {
                self.misplaced(call, "conditions are combined in the section `Conditions`, and named here")
            }
            Intrinsic::Rule(_) if self.section != Section::Rules => {
                self.misplaced(call, "it stands in the section `Rules` only")
            }
            Intrinsic::Rule(_) => self.arguments_of_rule(call),
            Intrinsic::Join
            | Intrinsic::Select
            | Intrinsic::Split
            | Intrinsic::GetAzs
            | Intrinsic::ImportValue
            | Intrinsic::Base64
            | Intrinsic::Length
            | Intrinsic::ToJsonString => self.call(call),
        }
    }
}
