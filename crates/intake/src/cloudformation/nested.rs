//! Nested stacks: the template that `AWS::CloudFormation::Stack` names, read with the values passed to it.
//!
//! In: the resources of a stack. Out: the resources of that type, and what their stacks' outputs are. Always: a
//! nested stack is read before what uses its outputs; the depth and the number of stacks are bounded.

use std::collections::{BTreeSet, HashMap};

use diagnostics::{Diagnostic, SourceMap, Span};
use document::{Entry, Kind as NodeKind, Node};
use estate::{AccountId, Kind, Resource, StackId, Value};
use indexmap::IndexMap;
use smol_str::{SmolStr, format_smolstr};

use super::Options;
use super::evaluate::{Nested, Scope, Section};
use super::locate::Found;
use super::parameters::Given;
use super::session::{File, Session};
use super::stack::{self, Deployment, Read};
use super::substitution::{Part, parts};
use super::syntax::{Intrinsic, Shape, shape};
use super::template::Template;
use crate::{NESTED_AMBIGUOUS, NESTED_NOT_FOUND, NESTED_TOO_DEEP};

/// The resource type of a nested stack.
pub const KIND: &str = "AWS::CloudFormation::Stack";

/// How deep stacks may nest.
const DEEPEST: usize = 16;
/// How many stacks one template may make, through all that it nests.
const MOST_STACKS: usize = 1_000;

impl Scope<'_, '_> {
    /// Reads the nested stacks among `entries`, and the resources that declare them.
    pub fn read_nested(&mut self, entries: &[Entry]) -> HashMap<SmolStr, Read> {
        let nested: IndexMap<&str, &Entry> = entries
            .iter()
            .filter(|entry| entry.value.get("Type").and_then(Node::as_str) == Some(KIND))
            .map(|entry| (entry.key.text.as_str(), entry))
            .collect();
        let mut ready = HashMap::new();
        for id in in_order(&nested) {
            let Some(entry) = nested.get(id) else { continue };
            let id = &entry.key.text;
            let read = self.read_resource(entry);
            if let Read::Resource(resource, _) = &read {
                let outputs = self.read_child(id, entry, resource);
                self.nested.insert(id.clone(), outputs);
            }
            ready.insert(id.clone(), read);
        }
        ready
    }

    fn read_child(&mut self, id: &SmolStr, entry: &Entry, resource: &Resource) -> Nested {
        let span = entry.key.span;
        let Some(address) = resource.properties.get("TemplateURL") else { return Nested::Unknown };
        let at = match self.session.locate(address, self.file, true) {
            Found::File(at) => at,
            Found::Nothing => {
                let text = format!(
                    "the template of the nested stack `{id}` ({}) is not among the files given",
                    said(address)
                );
                let missing = Diagnostic::warning(NESTED_NOT_FOUND, address.span.or(span), text);
                self.report(
                    missing.help("its resources are not judged; give the folder that holds it as well"),
                );
                return Nested::Unknown;
            }
            Found::Several(several) => {
                let names: Vec<_> = several
                    .iter()
                    .filter_map(|at| self.session.files.get(*at))
                    .map(|file| file.name.as_str())
                    .collect();
                let text =
                    format!("the template of the nested stack `{id}` could be any of {}", names.join(", "));
                self.report(Diagnostic::warning(NESTED_AMBIGUOUS, address.span.or(span), text));
                return Nested::Unknown;
            }
        };
        if self.session.open.contains(&at) || self.session.open.len() >= DEEPEST {
            let text =
                format!("the nested stack `{id}` is a template that is being read already, or too deep");
            self.report(Diagnostic::error(NESTED_TOO_DEEP, address.span.or(span), text));
            return Nested::Unknown;
        }
        if self.session.estate.stacks.len() - self.session.first_stack >= MOST_STACKS
            || self.session.exhausted
        {
            self.session.exhausted = true;
            let text =
                format!("there are more than {MOST_STACKS} stacks; the nested stack `{id}` is not read");
            self.report(Diagnostic::error(crate::TOO_LARGE, span, text));
            return Nested::Unknown;
        }
        self.session.nested.insert(at);
        let (given, complete) = given(&resource.properties);
        let deployment = Deployment {
            file: at,
            name: format_smolstr!("{}-{id}", self.name),
            account: self.account,
            region: self.region.clone(),
            given,
            defaults: complete && !self.session.options.all_parameters_unknown,
            around: Some((self.stack, id.clone(), resource.condition.clone())),
            span,
        };
        match stack::read(self.session, deployment) {
            Some((_, outputs)) => Nested::Outputs(outputs),
            None => Nested::Unknown,
        }
    }
}

/// The address as far as it is known.
fn said(address: &Value) -> String {
    match &address.kind {
        Kind::Join(pieces) => {
            let parts = pieces
                .iter()
                .map(|piece| piece.as_text().map_or_else(|| "…".into(), |text| text.to_string()));
            format!("`{}`", parts.collect::<String>())
        }
        _ => address.describe(),
    }
}

/// The values passed, and whether these are all.
fn given(properties: &Value) -> (Given, bool) {
    match properties.get("Parameters").map(|parameters| &parameters.kind) {
        None => (Given::new(), true),
        Some(Kind::Map(map)) => {
            let values = map.iter().map(|entry| (entry.key.clone(), entry.value.clone()));
            (values.collect(), true)
        }
        Some(_) => (Given::new(), false),
    }
}

/// The nested stacks in an order in which each stands behind those whose outputs it uses. Those in a circle
/// keep the order of the template: the circle is reported with all others.
fn in_order<'e>(nested: &IndexMap<&'e str, &'e Entry>) -> Vec<&'e str> {
    let uses = |entry: &Entry| {
        let mut out = Vec::new();
        mentioned(&entry.value, &mut |name| out.extend(nested.get_key_value(name).map(|(id, _)| *id)));
        out
    };
    let mut done: HashMap<&str, bool> = HashMap::new();
    let mut order = Vec::new();
    for start in nested.keys() {
        let mut work = vec![(*start, None::<Vec<&'e str>>)];
        while let Some((id, open)) = work.last_mut() {
            let id = *id;
            if open.is_none() {
                if done.contains_key(id) {
                    work.pop();
                    continue;
                }
                done.insert(id, false);
                *open = Some(nested.get(id).map(|entry| uses(entry)).unwrap_or_default());
            }
            match open.as_mut().and_then(Vec::pop) {
                Some(next) => work.push((next, None)),
                None => {
                    done.insert(id, true);
                    order.push(id);
                    work.pop();
                }
            }
        }
    }
    order
}

/// The resources whose attributes a node uses.
fn mentioned(node: &Node, visit: &mut dyn FnMut(&str)) {
    if let Shape::Invocation(call) = shape(node, false) {
        let argument = call.argument;
        match call.function {
            Intrinsic::GetAtt => {
                let first = match &argument.kind {
                    NodeKind::List(items) => items.first().and_then(Node::as_str),
                    _ => argument.as_str(),
                };
                if let Some(first) = first.and_then(|text| text.split('.').next()) {
                    visit(first);
                }
            }
            Intrinsic::Sub => {
                let text = argument.as_str().or_else(|| argument.as_list()?.first()?.as_str());
                for part in parts(text.unwrap_or_default()) {
                    if let Part::Variable(name) = part {
                        visit(name.trim().split('.').next().unwrap_or(name));
                    }
                }
            }
            _ => {}
        }
    }
    match &node.kind {
        NodeKind::List(items) => items.iter().for_each(|item| mentioned(item, visit)),
        NodeKind::Map(entries) => entries.iter().for_each(|entry| mentioned(&entry.value, visit)),
        _ => {}
    }
}

/// The files that nested stacks of other files name, each template taken by itself with the defaults of its
/// parameters.
pub fn mentioned_files(files: &[File], options: &Options, sources: &SourceMap) -> BTreeSet<usize> {
    let mut out = BTreeSet::new();
    for (at, file) in files.iter().enumerate().filter(|(_, file)| file.template) {
        let Some(tree) = &file.tree else { continue };
        let resources = tree.get("Resources").and_then(Node::as_map).unwrap_or(&[]);
        let addresses: Vec<&Node> = resources
            .iter()
            .filter(|entry| entry.value.get("Type").and_then(Node::as_str) == Some(KIND))
            .filter_map(|entry| entry.value.get("Properties")?.get("TemplateURL"))
            .collect();
        if addresses.is_empty() {
            continue;
        }
        // A run of its own, whose diagnostics are those of the reading that follows.
        let mut session = Session::new(files, options, sources);
        let template = Template::new(tree, &mut session.diagnostics);
        let deployment = Deployment {
            file: at,
            name: SmolStr::new_static("stack"),
            account: AccountId(0),
            region: options.region.clone(),
            given: super::given(options, file),
            defaults: true,
            around: None,
            span: Span::NONE,
        };
        let mut scope = Scope::new(&mut session, StackId(0), &template, &deployment);
        scope.read_conditions(template.conditions);
        scope.section = Section::Resources;
        for address in addresses {
            let value = scope.value(address);
            match scope.session.locate(&value, at, true) {
                Found::File(found) if found != at => {
                    out.insert(found);
                }
                _ => {}
            }
        }
    }
    out
}
