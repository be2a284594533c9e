//! `AWS::Serverless` resources as the resources that AWS SAM makes of them.
//!
//! In: the resources of a template with the transform, and its section `Globals`. Out: resources that
//! CloudFormation knows, under the logical ids that SAM gives them, where these do not contain a hash of the
//! code. Always: what is not expanded is reported and stands as an unknown; nothing is left out.
//!
//! Source: AWS SAM Developer Guide, "AWS SAM resource and property reference" and "Generated CloudFormation
//! resources for AWS SAM".

mod api;
mod events;
mod function;
mod node;
mod policies;
mod workflow;

use diagnostics::{Diagnostic, Span};
use document::{Entry, Key, Kind, Node};
use indexmap::IndexMap;
use smol_str::SmolStr;

use super::evaluate::Scope;
use crate::{NOT_EXPANDED, TRANSFORM_MISSING};
use node::{Written, entries, entry, node};

/// The transform's name, as the origin of what it makes.
pub const NAME: &str = "AWS::Serverless";

/// A serverless resource as it is written, with the template's globals merged in.
struct Source {
    id: SmolStr,
    span: Span,
    properties: IndexMap<SmolStr, Node>,
    condition: Option<Node>,
    depends_on: Option<Node>,
    others: Vec<Entry>,
}

impl Source {
    fn get(&self, name: &str) -> Option<&Node> {
        self.properties.get(name)
    }

    /// The properties of these names, as they are.
    fn copied(&self, names: &[&str]) -> Vec<Entry> {
        names.iter().filter_map(|name| Some(entry(*name, self.get(name)?.clone()))).collect()
    }
}

struct Expansion<'x, 's, 'n> {
    scope: &'x mut Scope<'s, 'n>,
    out: Vec<Entry>,
    /// Types of the resources that the template declares.
    kinds: IndexMap<SmolStr, SmolStr>,
    /// Routes that events of functions add to APIs, by the API's logical id.
    routes: IndexMap<SmolStr, Vec<api::Route>>,
    /// What events of functions add to buckets, by the bucket's logical id.
    notifications: IndexMap<SmolStr, Vec<events::Notification>>,
}

/// The resources with those of type `AWS::Serverless::…` replaced by what they stand for.
pub fn expand(scope: &mut Scope<'_, '_>, resources: Vec<Entry>, globals: Option<&Node>) -> Vec<Entry> {
    let kind = |entry: &Entry| entry.value.get("Type").and_then(Node::as_str).unwrap_or_default().to_owned();
    let kinds = resources.iter().map(|entry| (entry.key.text.clone(), SmolStr::new(kind(entry)))).collect();
    let mut expansion =
        Expansion { scope, out: Vec::new(), kinds, routes: IndexMap::new(), notifications: IndexMap::new() };
    // Functions first: their events add routes to APIs.
    let (apis, others): (Vec<_>, Vec<_>) = resources.into_iter().partition(|entry| {
        matches!(kind(entry).as_str(), "AWS::Serverless::Api" | "AWS::Serverless::HttpApi")
    });
    for entry in others {
        let kind = kind(&entry);
        if let Some(connectors) = entry.value.get("Connectors") {
            let text = format!(
                "connectors are not expanded (`{}`): the permissions they give are not judged",
                entry.key.text
            );
            expansion.scope.report(Diagnostic::warning(NOT_EXPANDED, connectors.span, text));
        }
        match kind.strip_prefix("AWS::Serverless::") {
            None => expansion.out.push(entry),
            Some(short) => {
                let source = source(entry, short, globals);
                expansion.resource(short, source);
            }
        }
    }
    for entry in apis {
        let kind = kind(&entry);
        let short = kind.strip_prefix("AWS::Serverless::").unwrap_or_default();
        let source = source(entry, short, globals);
        if short == "Api" { expansion.rest_api(&source) } else { expansion.http_api(&source) }
    }
    expansion.implicit_apis(globals);
    expansion.notify_buckets();
    expansion.out
}

/// Reports serverless resources in a template without the transform.
pub fn report_without_transform(scope: &mut Scope<'_, '_>, entries: &[Entry]) {
    for entry in entries {
        let ty = entry.value.get("Type").and_then(Node::as_str).unwrap_or_default();
        if ty.starts_with("AWS::Serverless::") {
            let text =
                format!("`{}` is of type {ty}, and the template does not use the transform", entry.key.text);
            let missing = Diagnostic::error(TRANSFORM_MISSING, entry.key.span, text);
            scope.report(missing.help("write `Transform: AWS::Serverless-2016-10-31` at the top"));
        }
    }
}

fn source(resource: Entry, kind: &str, globals: Option<&Node>) -> Source {
    let span = resource.key.span;
    let mut source = Source {
        id: resource.key.text,
        span,
        properties: IndexMap::new(),
        condition: None,
        depends_on: None,
        others: Vec::new(),
    };
    let ignored = resource.value.get("IgnoreGlobals").cloned();
    if let Kind::Map(attributes) = resource.value.kind {
        for attribute in attributes {
            match attribute.key.text.as_str() {
                "Properties" => {
                    let own = entries(Some(&attribute.value));
                    source.properties = own.iter().map(|e| (e.key.text.clone(), e.value.clone())).collect();
                }
                "Condition" => source.condition = Some(attribute.value),
                "DependsOn" => source.depends_on = Some(attribute.value),
                "Type" | "IgnoreGlobals" | "Connectors" => {}
                _ => source.others.push(attribute),
            }
        }
    }
    let ignores = |name: &str| match &ignored {
        None => false,
        Some(node) => {
            node.as_str() == Some("*")
                || node.as_list().is_some_and(|items| items.iter().any(|item| item.as_str() == Some(name)))
        }
    };
    for global in entries(globals.and_then(|globals| globals.get(kind))) {
        if ignores(&global.key.text) {
            continue;
        }
        let name = global.key.text.clone();
        let merged = match source.properties.get(&name) {
            Some(own) => merged(&global.value, own),
            None => global.value.clone(),
        };
        source.properties.insert(name, merged);
    }
    source
}

/// A global and a resource's own value: mappings are merged, lists are joined, anything else is the
/// resource's own.
///
/// Source: AWS SAM Developer Guide, "Globals section of the AWS SAM template", "Overridable".
fn merged(global: &Node, own: &Node) -> Node {
    let is_function = |node: &Node| {
        node.tag.is_some()
            || matches!(entries(Some(node)), [only] if only.key.text == "Ref" || only.key.text.starts_with("Fn::"))
    };
    if is_function(global) || is_function(own) {
        return own.clone();
    }
    match (&global.kind, &own.kind) {
        (Kind::Map(first), Kind::Map(second)) => {
            let mut out = first.clone();
            for entry in second {
                match out.iter_mut().find(|known| known.key.text == entry.key.text) {
                    Some(known) => known.value = merged(&known.value, &entry.value),
                    None => out.push(entry.clone()),
                }
            }
            Node::new(own.span, Kind::Map(out))
        }
        (Kind::List(first), Kind::List(second)) => {
            Node::new(own.span, Kind::List(first.iter().chain(second).cloned().collect()))
        }
        _ => own.clone(),
    }
}

impl Expansion<'_, '_, '_> {
    fn resource(&mut self, kind: &str, source: Source) {
        match kind {
            "Function" => self.function(&source),
            "SimpleTable" => self.simple_table(&source),
            "LayerVersion" => self.layer_version(&source),
            "StateMachine" => self.state_machine(&source),
            "Application" => self.application(&source),
            _ => {
                self.not_expanded(
                    &source,
                    source.span,
                    &format!("resources of type AWS::Serverless::{kind}"),
                );
                self.opaque(&source, kind);
            }
        }
    }

    /// Reports a part that is not expanded.
    fn not_expanded(&mut self, source: &Source, span: Span, what: &str) {
        let text = format!("{what} are not expanded (`{}`): what SAM makes of them is not judged", source.id);
        self.scope.report(Diagnostic::warning(NOT_EXPANDED, span.or(source.span), text));
    }

    /// Reports the properties of these names where they are given.
    fn report_given(&mut self, source: &Source, names: &[&str]) -> bool {
        let mut any = false;
        for name in names {
            if let Some(node) = source.get(name) {
                self.not_expanded(source, node.span, &format!("the resources behind `{name}`"));
                any = true;
            }
        }
        any
    }

    /// Reports properties that nothing here knows.
    fn report_others(&mut self, source: &Source, known: &[&[&str]]) {
        let other = |name: &&SmolStr| !known.iter().any(|names| names.contains(&name.as_str()));
        let others: Vec<SmolStr> = source.properties.keys().filter(other).cloned().collect();
        for name in others {
            let span = source.get(&name).map_or(source.span, |node| node.span);
            self.not_expanded(source, span, &format!("the effects of `{name}`"));
        }
    }

    /// Adds a resource that exists when its source does.
    fn add(&mut self, source: &Source, id: &str, kind: &str, properties: Vec<Entry>) {
        let made =
            node!({ "Type": kind, "Properties": properties, "Condition": (source.condition.as_ref()) });
        self.push(source, id, made);
    }

    /// Adds the resource that keeps the logical id of its source, and its attributes.
    fn add_main(&mut self, source: &Source, kind: &str, properties: Vec<Entry>) {
        let mut made = node!({
            "Type": kind,
            "Properties": properties,
            "Condition": (source.condition.as_ref()),
            "DependsOn": (source.depends_on.as_ref())
        });
        if let Kind::Map(attributes) = &mut made.kind {
            attributes.extend(source.others.iter().cloned());
        }
        let id = source.id.clone();
        self.push(source, &id, made);
    }

    fn push(&mut self, source: &Source, id: &str, value: Node) {
        let key = Key { text: SmolStr::new(id), span: source.span };
        self.scope.made.insert(key.text.clone());
        // What the template declares itself stands as it is.
        if id == source.id || !self.out.iter().any(|entry| entry.key.text == id) {
            self.out.push(Entry { key, value });
        }
    }

    /// A resource that is kept with properties that are not known.
    fn opaque(&mut self, source: &Source, kind: &str) {
        let kind = format!("AWS::Serverless::{kind}");
        let made = node!({
            "Type": kind,
            "Properties": (node::unknown("Properties")),
            "Condition": (source.condition.as_ref()),
            "DependsOn": (source.depends_on.as_ref())
        });
        let id = source.id.clone();
        self.push(source, &id, made);
    }

    fn simple_table(&mut self, source: &Source) {
        let key = source.get("PrimaryKey");
        let ty = match key.and_then(|key| key.get("Type")).and_then(node::literal).unwrap_or("String") {
            "Number" => "N",
            "Binary" => "B",
            _ => "S",
        };
        let name = key.and_then(|key| key.get("Name")).cloned().or_else(|| "id".written());
        let mut properties = source.copied(&[
            "ProvisionedThroughput",
            "SSESpecification",
            "TableName",
            "PointInTimeRecoverySpecification",
        ]);
        properties.extend([
            entry("AttributeDefinitions", node!([{ "AttributeName": (name.clone()), "AttributeType": ty }])),
            entry("KeySchema", node!([{ "AttributeName": name, "KeyType": "HASH" }])),
        ]);
        if source.get("ProvisionedThroughput").is_none() {
            properties.extend("PAY_PER_REQUEST".written().map(|mode| entry("BillingMode", mode)));
        }
        properties.extend(function::tags(source.get("Tags"), None).map(|tags| entry("Tags", tags)));
        const KNOWN: &[&str] = &[
            "PrimaryKey",
            "ProvisionedThroughput",
            "SSESpecification",
            "TableName",
            "PointInTimeRecoverySpecification",
            "Tags",
        ];
        self.report_others(source, &[KNOWN]);
        self.add_main(source, "AWS::DynamoDB::Table", properties);
    }

    fn layer_version(&mut self, source: &Source) {
        let mut properties =
            source.copied(&["CompatibleArchitectures", "CompatibleRuntimes", "Description", "LicenseInfo"]);
        let name = source.get("LayerName").cloned().or_else(|| source.id.written());
        properties.extend(name.map(|name| entry("LayerName", name)));
        properties.push(entry("Content", function::location(source.get("ContentUri"))));
        // SAM puts a hash of the content behind the logical id; references to the resource are the same.
        let policy = match source.get("RetentionPolicy").and_then(node::literal) {
            Some("Delete") => "Delete",
            _ => "Retain",
        };
        let id = source.id.clone();
        let made = node!({
            "Type": "AWS::Lambda::LayerVersion",
            "DeletionPolicy": policy,
            "Properties": properties,
            "Condition": (source.condition.as_ref())
        });
        self.push(source, &id, made);
    }

    fn application(&mut self, source: &Source) {
        match source.get("Location") {
            Some(location) if node::literal(location).is_some() => {
                let mut properties = source.copied(&["Parameters", "NotificationARNs", "TimeoutInMinutes"]);
                properties.push(entry("TemplateURL", location.clone()));
                properties.extend(function::tags(source.get("Tags"), None).map(|tags| entry("Tags", tags)));
                self.add_main(source, super::nested::KIND, properties);
            }
            _ => {
                self.not_expanded(
                    source,
                    source.span,
                    "applications of the Serverless Application Repository",
                );
                let properties = vec![entry("TemplateURL", node::unknown("Location"))];
                self.add_main(source, super::nested::KIND, properties);
            }
        }
    }
}
