//! Where templates are deployed and what they are given: manifests beside them.
//!
//! In: `steward-templates.yaml`, which people write, and `manifest.json`, which `steward build` writes. Out: an
//! ordered list of deployments. Always: a manifest speaks only of templates among the files given; what it
//! does not mention is read as if there were no manifest.

use std::collections::HashMap;

use diagnostics::{Diagnostic, Span, did_you_mean};
use document::{Entry, Kind as NodeKind, Node};
use estate::{Account, AccountId, Kind, Reference, Target, Value};
use smol_str::SmolStr;

use super::session::Session;
use crate::BAD_MANIFEST;

/// The file that people write.
pub const WRITTEN: &str = "steward-templates";
/// What `manifest.json` of `steward build` says of who made it.
const GENERATOR: &str = "steward";

/// Keys of a template in `steward-templates.yaml`.
const KEYS: &[&str] = &["name", "account", "region", "parameters"];

/// One deployment of a template.
pub struct Planned {
    /// Position of its file.
    pub file: usize,
    /// What other deployments call it.
    pub key: SmolStr,
    /// The stack's name, where one is given.
    pub name: Option<SmolStr>,
    pub account: AccountId,
    pub region: Option<SmolStr>,
    pub arguments: Vec<(SmolStr, Argument)>,
    pub span: Span,
}

/// The value of a parameter.
pub enum Argument {
    Value(Value),
    /// The output of another stack, by its key.
    Output {
        stack: SmolStr,
        output: SmolStr,
    },
}

/// Whether a file is a manifest.
pub fn is_manifest(name: &str, tree: &Node) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    file.split_once('.')
        .is_some_and(|(stem, rest)| stem == WRITTEN && matches!(rest, "yaml" | "yml" | "json"))
        || (file == "manifest.json" && tree.get("generator").and_then(Node::as_str) == Some(GENERATOR))
}

/// The deployments that all manifests among the files ask for.
pub fn planned(session: &mut Session<'_>, default: AccountId) -> Vec<Planned> {
    let files = session.files;
    let mut reader = Reader { session, accounts: HashMap::new(), default, planned: Vec::new() };
    for file in files {
        let Some(tree) = file.tree.as_ref().filter(|tree| is_manifest(&file.name, tree)) else { continue };
        let folder = file.name.rsplit_once('/').map_or("", |(folder, _)| folder);
        if tree.get("generator").is_some() {
            reader.built(tree, folder);
        } else {
            reader.written(tree, folder);
        }
    }
    reader.planned
}

struct Reader<'r, 'n> {
    session: &'r mut Session<'n>,
    accounts: HashMap<SmolStr, AccountId>,
    default: AccountId,
    planned: Vec<Planned>,
}

impl Reader<'_, '_> {
    fn account(
        &mut self,
        name: SmolStr,
        number: Option<SmolStr>,
        environment: Option<SmolStr>,
        span: Span,
    ) -> AccountId {
        if let Some(id) = self.accounts.get(&name) {
            return *id;
        }
        let account = Account { name: name.clone(), title: None, number, unit: None, environment, span };
        let id = match self.session.estate.accounts.get_mut(self.default.0 as usize) {
            // The account that stands for "somewhere" becomes the first that has a name.
            Some(first) if self.accounts.is_empty() => {
                *first = account;
                self.default
            }
            _ => self.session.estate.add_account(account),
        };
        self.accounts.insert(name, id);
        id
    }

    fn report(&mut self, span: Span, text: String, expected: &str) {
        let bad = Diagnostic::error(BAD_MANIFEST, span, text);
        self.session.diagnostics.push(if expected.is_empty() { bad } else { bad.expected(expected) });
    }

    /// The template at a path below the manifest's folder.
    fn template(&mut self, folder: &str, path: &str, span: Span) -> Option<usize> {
        let path = if folder.is_empty() { path.to_owned() } else { format!("{folder}/{path}") };
        let found = self.session.files.iter().position(|file| file.name == path && file.template);
        if found.is_none() {
            let names = self
                .session
                .files
                .iter()
                .filter(|file| file.template)
                .map(|file| file.name.as_str())
                .take(1_000);
            let help = did_you_mean(&path, names);
            let missing = Diagnostic::error(BAD_MANIFEST, span, format!("there is no template `{path}`"));
            self.session.diagnostics.push(missing.maybe_help(help));
        }
        found
    }

    /// `steward-templates.yaml`.
    fn written(&mut self, tree: &Node, folder: &str) {
        for entry in tree.as_map().unwrap_or(&[]) {
            let name = entry.key.text.as_str();
            if !matches!(name, "account" | "region" | "parameters" | "templates") {
                let help = did_you_mean(name, ["account", "region", "parameters", "templates"]);
                let unknown = Diagnostic::error(
                    BAD_MANIFEST,
                    entry.key.span,
                    format!("a manifest has no key `{name}`"),
                );
                let unknown = unknown.expected("account, region, parameters, templates").maybe_help(help);
                self.session.diagnostics.push(unknown);
            }
        }
        let common = tree.get("parameters").and_then(Node::as_map).unwrap_or(&[]);
        for entry in tree.get("templates").and_then(Node::as_map).unwrap_or(&[]) {
            let Some(file) = self.template(folder, &entry.key.text, entry.key.span) else { continue };
            let uses = match &entry.value.kind {
                NodeKind::List(items) => items.as_slice(),
                _ => std::slice::from_ref(&entry.value),
            };
            for one in uses {
                self.written_use(tree, file, one, common, entry);
            }
        }
    }

    fn written_use(&mut self, tree: &Node, file: usize, one: &Node, common: &[Entry], of: &Entry) {
        for entry in one.as_map().unwrap_or(&[]) {
            if !KEYS.contains(&entry.key.text.as_str()) {
                let help = did_you_mean(&entry.key.text, KEYS.iter().copied());
                let text = format!("a template in a manifest has no key `{}`", entry.key.text);
                let unknown = Diagnostic::error(BAD_MANIFEST, entry.key.span, text);
                self.session.diagnostics.push(unknown.expected(KEYS.join(", ")).maybe_help(help));
            }
        }
        let text = |key: &str| one.get(key).or_else(|| tree.get(key)).and_then(Node::as_scalar_text);
        let account = match text("account") {
            Some(name) => self.account(name, None, None, one.span),
            None => self.default,
        };
        let name = one.get("name").and_then(Node::as_scalar_text);
        let declares = |parameter: &str| {
            let tree = self.session.files.get(file).and_then(|file| file.tree.as_ref());
            tree.and_then(|tree| tree.get("Parameters")?.get(parameter)).is_some()
        };
        let shared = common.iter().filter(|entry| declares(&entry.key.text));
        let own = one.get("parameters").and_then(Node::as_map).unwrap_or(&[]);
        let given: Vec<&Entry> = shared.chain(own).collect();
        let mut arguments = Vec::new();
        for entry in given {
            match argument(&entry.value) {
                Some(argument) => arguments.push((entry.key.text.clone(), argument)),
                None => {
                    let text =
                        format!("the value of parameter `{}` is {}", entry.key.text, entry.value.describe());
                    self.report(
                        entry.value.span,
                        text,
                        "a text, a number, a list, or `{ stack: NAME, output: NAME }`",
                    );
                }
            }
        }
        let stem = |path: &str| {
            SmolStr::new(path.rsplit('/').next().and_then(|file| file.split('.').next()).unwrap_or(path))
        };
        let key = name.clone().unwrap_or_else(|| stem(&of.key.text));
        self.planned.push(Planned {
            file,
            key,
            name,
            account,
            region: text("region"),
            arguments,
            span: of.key.span,
        });
    }

    /// `manifest.json` of `steward build`.
    fn built(&mut self, tree: &Node, folder: &str) {
        if tree.get("version").and_then(Node::as_scalar_text).as_deref() != Some("1") {
            return self.report(
                tree.span,
                "this manifest has a version that is not read".into(),
                "version 1",
            );
        }
        let text = |node: &Node, key: &str| node.get(key).and_then(Node::as_scalar_text);
        for account in tree.get("accounts").and_then(Node::as_list).unwrap_or(&[]) {
            let Some(name) = text(account, "name") else { continue };
            self.account(name, text(account, "number"), text(account, "environment"), account.span);
        }
        for stack in tree.get("stacks").and_then(Node::as_list).unwrap_or(&[]) {
            // The stack around a nested one brings it.
            if stack.get("nested_in").is_some() {
                continue;
            }
            let path = text(stack, "template").unwrap_or_default();
            let Some(file) = self.template(folder, &path, stack.span) else { continue };
            let account = self.account(text(stack, "account").unwrap_or_default(), None, None, stack.span);
            let mut arguments = Vec::new();
            for parameter in stack.get("parameters").and_then(Node::as_list).unwrap_or(&[]) {
                let Some(name) = text(parameter, "name") else { continue };
                if let Some(argument) = self.built_argument(tree, parameter) {
                    arguments.push((name, argument));
                }
            }
            self.planned.push(Planned {
                file,
                key: text(stack, "key").unwrap_or_default(),
                name: text(stack, "name"),
                account,
                region: text(stack, "region"),
                arguments,
                span: stack.span,
            });
        }
    }

    /// What a number of an account is here: a reference to the account, wherever it comes from.
    fn number_of(&self, name: &str) -> Option<Argument> {
        let target = Target::Account(*self.accounts.get(name)?);
        Some(Argument::Value(Value::from(Reference { target, attribute: None })))
    }

    fn built_argument(&self, tree: &Node, parameter: &Node) -> Option<Argument> {
        if let Some(from) = parameter.get("from") {
            let (stack, output) =
                (from.get("stack")?.as_scalar_text()?, from.get("output")?.as_scalar_text()?);
            let made = |account: &&Node| {
                let number = account.get("number_from");
                let says = |key: &str| number.and_then(|number| number.get(key)).and_then(Node::as_str);
                says("stack") == Some(&stack) && says("output") == Some(&output)
            };
            let account = tree.get("accounts").and_then(Node::as_list)?.iter().find(made);
            if let Some(name) = account.and_then(|account| account.get("name")).and_then(Node::as_str) {
                return self.number_of(name);
            }
            return Some(Argument::Output { stack, output });
        }
        if let Some(account) = parameter.get("account").and_then(Node::as_str) {
            return self.number_of(account);
        }
        argument(parameter.get("value")?)
    }
}

fn argument(node: &Node) -> Option<Argument> {
    if let (Some(stack), Some(output)) = (node.get("stack"), node.get("output")) {
        let (stack, output) = (stack.as_scalar_text()?, output.as_scalar_text()?);
        return Some(Argument::Output { stack, output });
    }
    let kind = match &node.kind {
        NodeKind::List(items) => {
            let items: Option<Vec<Value>> =
                items.iter().map(|item| Some(Value::from(item.as_scalar_text()?))).collect();
            Kind::List(items?)
        }
        _ => Kind::String(node.as_scalar_text()?),
    };
    Some(Argument::Value(Value::at(node.span, kind)))
}
