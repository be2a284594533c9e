//! One template, deployed once: a stack with its resources and outputs.
//!
//! In: a file, the values of its parameters, and where it is deployed. Out: a stack of the estate, and the
//! values of its outputs. Always: each resource of the template becomes a resource of the stack, or is named
//! in `left_out`, or is reported.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use diagnostics::{Diagnostic, Severity, Span, did_you_mean};
use document::{Entry, Node};
use estate::{
    AccountId, Condition, ConditionRef, Dependency, Formula, Kind, Map, Origin, Output, Policy, Resource,
    Stack, StackId, Value,
};
use indexmap::IndexMap;
use smol_str::{SmolStr, format_smolstr};

use super::evaluate::{Declared, Edge, Scope, Section};
use super::parameters::{self, Defaults, Given};
use super::session::Session;
use super::template::{Template, check_resource};
use super::{cycles, serverless};
use crate::{
    BAD_ARGUMENT, BAD_POLICY, BAD_SECTION, BAD_TYPE, RULES_NOT_EVALUATED, SELF_DEPENDENCY,
    UNKNOWN_DEPENDENCY, UNKNOWN_MACRO,
};

/// Where and how a template is deployed.
pub struct Deployment {
    /// Position of its file.
    pub file: usize,
    pub name: SmolStr,
    pub account: AccountId,
    pub region: Option<SmolStr>,
    pub given: Given,
    /// Whether defaults of parameters count as values.
    pub defaults: bool,
    /// The stack around it, the logical id there, and the condition there under which it exists.
    pub around: Option<(StackId, SmolStr, Option<ConditionRef>)>,
    /// Where it is asked for.
    pub span: Span,
}

/// Attributes of a resource that are kept as they are.
const KEPT_ATTRIBUTES: &[&str] = &["Metadata", "CreationPolicy", "UpdatePolicy"];

/// Reads a template as a stack; says its id and outputs.
pub fn read(
    session: &mut Session<'_>,
    deployment: Deployment,
) -> Option<(StackId, IndexMap<SmolStr, Value>)> {
    let files = session.files;
    let file = files.get(deployment.file)?;
    let tree = file.tree.as_ref()?;
    let before = std::mem::take(&mut session.diagnostics);
    let template = Template::new(tree, &mut session.diagnostics);
    let mut stack = Stack::new(
        deployment.name.clone(),
        deployment.account,
        deployment.region.clone(),
        deployment.span.or(tree.span),
    );
    stack.description = template.description.clone();
    stack.macros = template.unknown_macros().map(|used| SmolStr::new(&used.name)).collect();
    stack.template = Some(estate::Template { file: file.name.clone(), text: file.text.clone() });
    stack.nested_in = deployment.around.as_ref().map(|(stack, id, _)| (*stack, id.clone()));
    let id = session.estate.add_stack(stack);
    session.open.push(deployment.file);
    let mut scope = Scope::new(session, id, &template, &deployment);
    let outputs = scope.read_stack(&template, &deployment);
    session.open.pop();
    let own = std::mem::replace(&mut session.diagnostics, before);
    // A macro may read what CloudFormation does not know, and make what is missing.
    let relaxed = template.unknown_macros().next().is_some();
    for mut diagnostic in own.iter().cloned() {
        if relaxed && diagnostic.severity == Severity::Error {
            diagnostic.severity = Severity::Warning;
            diagnostic.help.get_or_insert_with(|| "unless a macro of this template changes it".to_owned());
        }
        session.diagnostics.push(diagnostic);
    }
    Some((id, outputs))
}

impl<'s, 'n> Scope<'s, 'n> {
    /// The scope of a template before its resources are read: parameters and mappings are known.
    pub fn new(
        session: &'s mut Session<'n>,
        stack: StackId,
        template: &Template<'n>,
        deployment: &Deployment,
    ) -> Self {
        let name = &deployment.name;
        let defaults = Defaults { count: deployment.defaults, open_choices: session.options.open_choices };
        let (given, at) = (&deployment.given, deployment.span);
        let parameters =
            parameters::read(template.parameters, given, defaults, name, at, &mut session.diagnostics);
        Self {
            session,
            stack,
            name: name.clone(),
            account: deployment.account,
            region: deployment.region.clone(),
            file: deployment.file,
            section: Section::Conditions,
            extensions: template.uses("AWS::LanguageExtensions"),
            parameters,
            declared: IndexMap::new(),
            mappings: template.mappings.iter().map(|entry| (entry.key.text.clone(), entry)).collect(),
            conditions: IndexMap::new(),
            nested: HashMap::new(),
            assumed: Vec::new(),
            dead: 0,
            branches: 0,
            edges: Vec::new(),
            aliases: HashMap::new(),
            made: HashSet::new(),
            origin: Span::NONE,
            mistakes: 0,
        }
    }

    fn read_stack(&mut self, template: &Template<'n>, deployment: &Deployment) -> IndexMap<SmolStr, Value> {
        self.report_macros(template);
        // Conditions may not refer to resources; for saying so, these must be known.
        self.declared =
            template.resources.iter().map(|entry| (entry.key.text.clone(), declared(entry))).collect();
        self.read_conditions(template.conditions);
        self.read_rules(template.rules);
        self.section = Section::Resources;
        let mut entries = self.loops_unrolled(template.resources);
        if template.serverless() {
            entries = Cow::Owned(serverless::expand(self, entries.into_owned(), template.globals));
        } else {
            serverless::report_without_transform(self, &entries);
        }
        for entry in entries.iter() {
            check_resource(
                &entry.key.text,
                entry.key.span,
                &entry.value,
                template.serverless(),
                self.diagnostics(),
            );
        }
        self.declared = entries.iter().map(|entry| (entry.key.text.clone(), declared(entry))).collect();
        self.blocks_of_vpcs(&entries);
        let mut ready = self.read_nested(&entries);
        let mut edges: IndexMap<SmolStr, Vec<Edge>> = IndexMap::new();
        let mut resources: IndexMap<SmolStr, Resource> = IndexMap::with_capacity(entries.len());
        let mut left_out: IndexMap<SmolStr, SmolStr> = IndexMap::new();
        for entry in entries.iter() {
            let read = ready.remove(&entry.key.text).unwrap_or_else(|| self.read_resource(entry));
            match read {
                Read::Resource(resource, its_edges) => {
                    edges.insert(entry.key.text.clone(), its_edges);
                    resources.insert(entry.key.text.clone(), *resource);
                }
                Read::LeftOut(condition) => {
                    left_out.insert(entry.key.text.clone(), condition);
                }
                Read::Refused => {}
            }
        }
        cycles::report(&edges, &self.declared, &mut self.session.diagnostics);
        self.section = Section::Outputs;
        let outputs = self.read_outputs(template.outputs);
        let exists = deployment.around.as_ref().and_then(|(_, _, condition)| condition.clone());
        if let Some(exists) = exists {
            self.under(&exists, &mut resources);
        }
        let values = outputs.iter().map(|(id, output)| (id.clone(), output.value.clone())).collect();
        if let Some(stack) = self.session.estate.stacks.get_mut(self.stack.0 as usize) {
            stack.resources = resources;
            stack.left_out = left_out;
            stack.outputs = outputs;
            stack.conditions = std::mem::take(&mut self.conditions);
            stack.parameters = std::mem::take(&mut self.parameters);
        }
        values
    }

    /// Makes resources exist only where the nested stack that holds them does.
    fn under(&mut self, exists: &ConditionRef, resources: &mut IndexMap<SmolStr, Resource>) {
        for resource in resources.values_mut() {
            let Some(own) = resource.condition.take() else {
                resource.condition = Some(exists.clone());
                continue;
            };
            let name = format_smolstr!("{} and {}", exists.name, own.name);
            self.conditions.entry(name.clone()).or_insert_with(|| {
                // A formula names conditions of its own stack only: the outer one is a value that it decides.
                let outer = super::compute::case(exists.clone(), Value::from("true"), Value::from("false"));
                let outer = Formula::Equals(Box::new(outer), Box::new(Value::from("true")));
                let formula = Formula::And(vec![outer, Formula::Named(own.name.clone())]);
                Condition { formula, truth: None, span: resource.origin.span }
            });
            resource.condition = Some(self.condition_ref(&name));
        }
    }

    fn report_macros(&mut self, template: &Template<'_>) {
        for used in template.unknown_macros() {
            let text = format!("macro `{}` may change this template in ways that are not known", used.name);
            self.report(Diagnostic::warning(UNKNOWN_MACRO, used.span, text));
        }
    }

    fn read_rules(&mut self, entries: &[Entry]) {
        let Some(first) = entries.first() else { return };
        self.section = Section::Rules;
        let text =
            "the section `Rules` is not evaluated: values that a rule would refuse are judged all the same";
        self.report(Diagnostic::note(RULES_NOT_EVALUATED, first.key.span, text));
        for entry in entries {
            let assertions = entry.value.get("Assertions").and_then(Node::as_list).unwrap_or(&[]);
            let conditions = assertions.iter().filter_map(|assertion| assertion.get("Assert"));
            for node in conditions.chain(entry.value.get("RuleCondition")) {
                self.read_rule(node);
            }
        }
    }

    fn read_rule(&mut self, node: &Node) {
        use super::syntax::{Intrinsic, Shape, shape};
        match shape(node, true) {
            Shape::Invocation(call) => match call.function {
                Intrinsic::And | Intrinsic::Or | Intrinsic::Not | Intrinsic::Equals | Intrinsic::Rule(_) => {
                    match call.items() {
                        Some(items) => items.iter().for_each(|item| self.read_rule(item)),
                        None => self.read_rule(&call.single()),
                    }
                }
                _ => {
                    self.value(node);
                }
            },
            _ => match node.as_list() {
                Some(items) => items.iter().for_each(|item| self.read_rule(item)),
                None => {
                    self.value(node);
                }
            },
        }
    }

    /// Notes what `CidrBlock` of each VPC is, for `Fn::Cidr` of that attribute.
    fn blocks_of_vpcs(&mut self, entries: &[Entry]) {
        for entry in entries {
            if entry.value.get("Type").and_then(Node::as_str) != Some("AWS::EC2::VPC") {
                continue;
            }
            let Some(node) = entry.value.get("Properties").and_then(|properties| properties.get("CidrBlock"))
            else {
                continue;
            };
            let block = self.dead(|scope| scope.value(node));
            self.session.blocks.insert((self.stack, entry.key.text.clone()), block);
        }
    }

    /// Reads one resource, under its condition.
    pub fn read_resource(&mut self, entry: &Entry) -> Read {
        let id = &entry.key.text;
        let Some(kind) = self.declared.get(id).map(|declared| declared.kind.clone()) else {
            return Read::Refused;
        };
        if entry.value.as_map().is_none() {
            return Read::Refused;
        }
        if kind.is_empty() {
            if let Some(ty) = entry.value.get("Type") {
                let text = format!("the type of resource `{id}` is {}", ty.describe());
                self.report(
                    Diagnostic::error(BAD_TYPE, ty.span, text).expected("a name such as `AWS::S3::Bucket`"),
                );
            }
            return Read::Refused;
        }
        let condition = self.condition_of(entry.value.get("Condition"));
        match condition.as_ref().map(|name| (name, self.truth(name))) {
            Some((name, Some(false))) => {
                self.dead(|scope| scope.read_parts(entry, kind));
                Read::LeftOut(name.clone())
            }
            Some((name, None)) => {
                let name = name.clone();
                let reference = self.condition_ref(&name);
                // Inside, the condition holds; nothing there is a branch.
                self.assumed.push((name, true));
                let (mut resource, edges) = self.read_parts(entry, kind);
                self.assumed.pop();
                resource.condition = Some(reference);
                Read::Resource(Box::new(resource), edges)
            }
            _ => {
                let (resource, edges) = self.read_parts(entry, kind);
                Read::Resource(Box::new(resource), edges)
            }
        }
    }

    fn condition_of(&mut self, node: Option<&Node>) -> Option<SmolStr> {
        let node = node?;
        let Some(name) = node.as_scalar_text().filter(|_| node.tag.is_none()) else {
            let bad =
                Diagnostic::error(BAD_ARGUMENT, node.span, format!("`Condition` is {}", node.describe()));
            self.report(bad.expected("the name of a condition"));
            return None;
        };
        self.condition_exists(&name, node.span).then_some(name)
    }

    fn read_parts(&mut self, entry: &Entry, kind: SmolStr) -> (Resource, Vec<Edge>) {
        let id = &entry.key.text;
        self.edges.clear();
        self.origin = entry.key.span;
        let component = self.made.contains(id);
        let properties = match entry.value.get("Properties") {
            Some(node) => self.read_properties(id, node),
            None => Value::at(entry.key.span, Kind::Map(Map::new())),
        };
        let depends_on = self.read_depends_on(id, entry.value.get("DependsOn"));
        let mut attributes = IndexMap::new();
        for name in KEPT_ATTRIBUTES {
            if let Some(node) = entry.value.get(name) {
                attributes.insert(SmolStr::new_static(name), self.value(node));
            }
        }
        let deletion_policy = self.read_policy("DeletionPolicy", entry);
        let update_replace_policy = self.read_policy("UpdateReplacePolicy", entry);
        let span = entry.key.span;
        let origin = if component { Origin::made_by(serverless::NAME, span) } else { Origin::written(span) };
        let resource = Resource {
            kind,
            properties,
            condition: None,
            depends_on,
            deletion_policy,
            update_replace_policy,
            attributes,
            origin,
        };
        self.origin = Span::NONE;
        let mut edges = std::mem::take(&mut self.edges);
        edges.iter_mut().for_each(|edge| edge.span = edge.span.or(span));
        (resource, edges)
    }

    fn read_properties(&mut self, id: &SmolStr, node: &Node) -> Value {
        let value = self.value(node);
        match value.kind {
            Kind::Map(_) | Kind::Unknown(_) | Kind::Call(_) | Kind::Case(_) => value,
            Kind::Null | Kind::Absent => Value::at(node.span, Kind::Map(Map::new())),
            _ => {
                let text =
                    format!("the properties of resource `{id}` are {}, not a mapping", value.describe());
                self.wrong(BAD_SECTION, node.span, text)
            }
        }
    }

    fn read_depends_on(&mut self, id: &SmolStr, node: Option<&Node>) -> Vec<Dependency> {
        let Some(node) = node else { return Vec::new() };
        let items = match node.as_list() {
            Some(items) => items,
            None => std::slice::from_ref(node),
        };
        let mut out = Vec::new();
        for item in items {
            let Some(name) = item.as_scalar_text().filter(|_| item.tag.is_none()) else {
                let bad = Diagnostic::error(
                    BAD_ARGUMENT,
                    item.span,
                    format!("`DependsOn` names {}", item.describe()),
                );
                self.report(bad.expected("the logical id of a resource, or a list of them"));
                continue;
            };
            if name == *id {
                let text = format!("resource `{id}` depends on itself");
                self.report(Diagnostic::error(SELF_DEPENDENCY, item.span, text));
                continue;
            }
            if !self.declared.contains_key(&name) && self.may_be_made(&name) {
                // It has been reported as not expanded.
                continue;
            }
            if !self.declared.contains_key(&name) {
                let help = did_you_mean(&name, self.declared.keys().map(SmolStr::as_str).take(1_000));
                let text =
                    format!("resource `{id}` depends on `{name}`, which is no resource of this template");
                self.report(Diagnostic::error(UNKNOWN_DEPENDENCY, item.span, text).maybe_help(help));
                continue;
            }
            if self.dead == 0 {
                self.edges.push(Edge { to: name.clone(), span: item.span, conditional: false });
            }
            out.push(Dependency { id: name, span: item.span });
        }
        out
    }

    fn read_policy(&mut self, name: &str, entry: &Entry) -> Option<Policy> {
        let node = entry.value.get(name)?;
        let value = self.value(node);
        let policy = match (&value.kind, value.as_str()) {
            (_, Some("Delete")) => Policy::Delete,
            (_, Some("Retain")) => Policy::Retain,
            (_, Some("RetainExceptOnCreate")) if name == "DeletionPolicy" => Policy::RetainExceptOnCreate,
            (_, Some("Snapshot")) => Policy::Snapshot,
            (Kind::Absent, _) => return None,
            (Kind::String(_) | Kind::Bool(_) | Kind::Number(_) | Kind::List(_) | Kind::Map(_), _) => {
                let text = format!("`{name}` of resource `{}` is {}", entry.key.text, value.describe());
                let bad = Diagnostic::error(BAD_POLICY, node.span, text);
                let also = if name == "DeletionPolicy" { ", RetainExceptOnCreate" } else { "" };
                self.report(bad.expected(format!("one of Delete, Retain, Snapshot{also}")));
                return None;
            }
            _ => Policy::Unknown(value),
        };
        Some(policy)
    }

    fn read_outputs(&mut self, entries: &[Entry]) -> IndexMap<SmolStr, Output> {
        let entries = self.loops_unrolled(entries);
        let mut out = IndexMap::new();
        for entry in entries.iter().filter(|entry| entry.value.as_map().is_some()) {
            let condition = self.condition_of(entry.value.get("Condition"));
            let truth = condition.as_ref().map(|name| (name.clone(), self.truth(name)));
            match truth {
                Some((_, Some(false))) => {
                    self.dead(|scope| scope.read_output(entry));
                }
                Some((name, None)) => {
                    self.assumed.push((name.clone(), true));
                    let output = self.read_output(entry);
                    self.assumed.pop();
                    let condition = Some(self.condition_ref(&name));
                    out.insert(entry.key.text.clone(), Output { condition, ..output });
                }
                _ => {
                    let output = self.read_output(entry);
                    out.insert(entry.key.text.clone(), output);
                }
            }
        }
        out
    }

    fn read_output(&mut self, entry: &Entry) -> Output {
        let value = match entry.value.get("Value") {
            Some(node) => self.value(node),
            None => self.mistake(entry.key.span),
        };
        let export =
            entry.value.get("Export").and_then(|export| export.get("Name")).map(|name| self.value(name));
        let description = entry.value.get("Description").and_then(Node::as_scalar_text).unwrap_or_default();
        Output { value, export, condition: None, description, span: entry.key.span }
    }
}

/// What became of an entry of the section `Resources`.
pub enum Read {
    /// A resource, with what it refers to.
    Resource(Box<Resource>, Vec<Edge>),
    /// A condition leaves it out.
    LeftOut(SmolStr),
    /// It is no resource; that has been reported.
    Refused,
}

fn declared(entry: &Entry) -> Declared {
    let ty = entry.value.get("Type").filter(|ty| ty.tag.is_none()).and_then(Node::as_str).unwrap_or_default();
    let condition = entry.value.get("Condition").and_then(Node::as_scalar_text);
    Declared { kind: SmolStr::new(ty), condition, span: entry.key.span }
}
