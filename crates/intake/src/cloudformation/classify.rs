//! What a file is: a CloudFormation template, or something else that has a name.
//!
//! In: the text of a file. Out: its tree and its [`Class`]. Always: a file that is not read as a template is
//! reported with what it seems to be.

use diagnostics::{Diagnostic, Diagnostics, SourceFile};
use document::{Kind, Node, Syntax, parse};

use super::manifest::is_manifest;
use crate::{NOT_A_TEMPLATE, OTHER_FORMAT};

/// What a file is to this crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// A CloudFormation template.
    Template,
    /// A template that cannot be read; that has been reported.
    Refused,
    /// Something else; that has been reported.
    Other,
    /// It says where templates are deployed.
    Manifest,
}

/// Extensions of infrastructure code that other tools read.
const OTHER_TOOLS: &[(&str, &str)] = &[
    ("tf", "Terraform"),
    ("tfvars", "Terraform"),
    ("hcl", "Terraform"),
    ("bicep", "Bicep"),
    ("pkl", "Pkl"),
    ("dhall", "Dhall"),
    ("jsonnet", "Jsonnet"),
];

/// Keys at the top of well-known formats, and what they are: the first that fits.
const FORMATS: &[(&[&str], &str)] = &[
    (&["openapi"], "an OpenAPI description"),
    (&["swagger"], "an OpenAPI description"),
    (&["apiVersion", "kind"], "a Kubernetes object"),
    (&["StartAt", "States"], "a state machine"),
    (&["Version", "Statement"], "an IAM policy"),
    (&["Statement"], "an IAM policy"),
    (&["schemaVersion"], "a Systems Manager document"),
    (&["phases"], "a build specification"),
    (&["on", "jobs"], "a workflow"),
    (&["true", "jobs"], "a workflow"),
    (&["Parameters"], "a file of parameter values"),
    (&["resource"], "Terraform"),
    (&["terraform"], "Terraform"),
    (&["services"], "a Compose file"),
    (&["project", "tests"], "a taskcat configuration"),
    (&["dependencies"], "a package description"),
    (&["artifacts", "version"], "a CDK manifest"),
];

/// Reads and classifies a file.
pub fn read(file: &SourceFile, diagnostics: &mut Diagnostics) -> (Option<Node>, Class) {
    let extension = file.name.rsplit_once('.').map_or("", |(_, extension)| extension).to_ascii_lowercase();
    if let Some((_, tool)) = OTHER_TOOLS.iter().find(|(known, _)| *known == extension) {
        let text = format!("`{}` is {tool}, which is not read", file.name);
        diagnostics.push(
            Diagnostic::warning(OTHER_FORMAT, file.span(0, 0), text).help("give CloudFormation templates"),
        );
        return (None, Class::Other);
    }
    let mut own = Diagnostics::new();
    let tree = parse(file, Syntax::template(), &mut own);
    let Some(tree) = tree else {
        if looks_like_template(&file.text) {
            diagnostics.append(own);
            return (None, Class::Refused);
        }
        let why = own.iter().next().map(|diagnostic| diagnostic.message.clone()).unwrap_or_default();
        skip(file, &format!("it does not look like a template, and {why}"), diagnostics);
        return (None, Class::Other);
    };
    if is_manifest(&file.name, &tree) {
        diagnostics.append(own);
        return (Some(tree), Class::Manifest);
    }
    let class = class_of(&tree);
    match class {
        Class::Other => {
            // Mistakes in a file that is none of ours are none of ours.
            skip(file, &format!("it is {}", describe(&tree)), diagnostics);
        }
        Class::Template | Class::Refused | Class::Manifest => diagnostics.append(own),
    }
    (Some(tree), class)
}

fn skip(file: &SourceFile, why: &str, diagnostics: &mut Diagnostics) {
    let text = format!("`{}` is skipped: {why}", file.name);
    diagnostics.push(Diagnostic::note(NOT_A_TEMPLATE, file.span(0, 0), text));
}

fn class_of(tree: &Node) -> Class {
    if tree.get("AWSTemplateFormatVersion").is_some() {
        return Class::Template;
    }
    // A section of resources, each with a type: other formats have `Resources` as well.
    let typed = |node: &Node| match &node.kind {
        Kind::Map(entries) => entries.iter().any(|entry| {
            entry.key.text.starts_with("Fn::")
                || entry.value.get("Type").is_some_and(|ty| ty.as_str().is_none_or(|ty| ty.contains("::")))
                || entry.value.get("Properties").is_some()
        }),
        _ => false,
    };
    match tree.get("Resources") {
        Some(resources) if typed(resources) => Class::Template,
        Some(Node { kind: Kind::Map(entries), .. }) if entries.is_empty() => Class::Template,
        Some(_) if tree.get("Transform").is_some() || tree.get("Outputs").is_some() => Class::Template,
        _ => Class::Other,
    }
}

fn looks_like_template(text: &str) -> bool {
    text.contains("AWSTemplateFormatVersion")
        || (text.contains("Resources") && text.contains("AWS::"))
        || text.lines().any(|line| line.starts_with("Resources:"))
}

/// What a tree that is no template seems to be.
fn describe(tree: &Node) -> String {
    match &tree.kind {
        Kind::List(items) => {
            let parameters = items.iter().all(|item| item.get("ParameterKey").is_some());
            if parameters && !items.is_empty() {
                "a file of parameter values".into()
            } else {
                "a list".into()
            }
        }
        Kind::Map(entries) => {
            let has = |key: &&str| entries.iter().any(|entry| entry.key.text == **key);
            let known = FORMATS.iter().find(|(keys, _)| keys.iter().all(has));
            if let Some((_, what)) = known {
                return (*what).to_owned();
            }
            if entries.iter().any(|entry| {
                entry.value.get("Type").and_then(Node::as_str).is_some_and(|ty| ty.contains("::"))
            }) {
                return "a part of a template, without the section `Resources`".into();
            }
            let keys: Vec<_> = entries.iter().take(4).map(|entry| entry.key.text.as_str()).collect();
            match keys.is_empty() {
                true => "an empty mapping".into(),
                false => format!("a mapping of {} without a section `Resources`", keys.join(", ")),
            }
        }
        _ => format!("no mapping but {}", tree.describe()),
    }
}
