//! A template's sections.
//!
//! In: the tree of a document. Out: [`Template`], its sections as entries that are known to be mappings, and
//! diagnostics for what stands where it may not.
//!
//! Source: AWS CloudFormation User Guide, "CloudFormation template sections".

use diagnostics::{Diagnostic, Diagnostics, Span, did_you_mean};
use document::{Entry, Kind, Node};
use smol_str::SmolStr;

use crate::{
    BAD_NAME, BAD_SECTION, IDLE_DEPENDENCY, MISSING_ATTRIBUTE, NO_RESOURCES, NULL_VALUE, SHARED_NAME,
    UNKNOWN_ATTRIBUTE, UNKNOWN_MACRO, UNKNOWN_SECTION,
};

const SECTIONS: &[&str] = &[
    "AWSTemplateFormatVersion",
    "Description",
    "Metadata",
    "Parameters",
    "Rules",
    "Mappings",
    "Conditions",
    "Transform",
    "Globals",
    "Hooks",
    "Resources",
    "Outputs",
];

const RESOURCE_ATTRIBUTES: &[&str] = &[
    "Type",
    "Properties",
    "DependsOn",
    "Condition",
    "DeletionPolicy",
    "UpdateReplacePolicy",
    "CreationPolicy",
    "UpdatePolicy",
    "Metadata",
    // Of custom resources: the version of the provider.
    "Version",
    // Accepted and without effect.
    "Description",
];

/// Attributes that the transform AWS::Serverless reads.
const SERVERLESS_ATTRIBUTES: &[&str] = &["Connectors", "IgnoreGlobals"];

const PARAMETER_ATTRIBUTES: &[&str] = &[
    "Type",
    "Default",
    "Description",
    "AllowedValues",
    "AllowedPattern",
    "ConstraintDescription",
    "MinLength",
    "MaxLength",
    "MinValue",
    "MaxValue",
    "NoEcho",
];

const OUTPUT_ATTRIBUTES: &[&str] = &["Value", "Description", "Export", "Condition"];

/// The name of a transform and where it stands.
#[derive(Debug, Clone)]
pub struct Macro {
    pub name: SmolStr,
    pub span: Span,
}

/// The sections of a template.
#[derive(Debug, Clone, Default)]
pub struct Template<'n> {
    pub description: SmolStr,
    pub macros: Vec<Macro>,
    pub parameters: &'n [Entry],
    pub mappings: &'n [Entry],
    pub conditions: &'n [Entry],
    pub rules: &'n [Entry],
    pub resources: &'n [Entry],
    pub outputs: &'n [Entry],
    pub globals: Option<&'n Node>,
    pub span: Option<Span>,
}

impl<'n> Template<'n> {
    /// The sections of `root`; mistakes in their outer form are reported.
    pub fn new(root: &'n Node, diagnostics: &mut Diagnostics) -> Self {
        let mut template = Self { span: Some(root.span), ..Self::default() };
        let Some(entries) = root.as_map() else { return template };
        for entry in entries {
            let mut section = || section(entry, diagnostics);
            match entry.key.text.as_str() {
                "Parameters" => template.parameters = section(),
                "Mappings" => template.mappings = section(),
                "Conditions" => template.conditions = section(),
                "Rules" => template.rules = section(),
                "Resources" => template.resources = section(),
                "Outputs" => template.outputs = section(),
                "Globals" => {
                    section();
                    template.globals = Some(&entry.value);
                }
                "Metadata" | "Hooks" => {
                    section();
                }
                "Description" => template.description = entry.value.as_scalar_text().unwrap_or_default(),
                "Transform" => template.macros = macros(&entry.value, diagnostics),
                "AWSTemplateFormatVersion" => version(entry, diagnostics),
                "Fn::Transform" => {}
                _ => unknown_section(entry, diagnostics),
            }
        }
        template.check_entries(diagnostics);
        template
    }

    /// Whether the transform of this name is declared.
    pub fn uses(&self, name: &str) -> bool {
        self.macros.iter().any(|used| used.name == name)
    }

    /// The transforms whose work is not known here: they may change anything.
    pub fn unknown_macros(&self) -> impl Iterator<Item = &Macro> {
        self.macros.iter().filter(|used| {
            !matches!(used.name.as_str(), "AWS::LanguageExtensions" | "AWS::Include")
                && !used.name.starts_with("AWS::Serverless-")
        })
    }

    /// Whether resources of type `AWS::Serverless::…` are expanded.
    pub fn serverless(&self) -> bool {
        self.macros.iter().any(|used| used.name.starts_with("AWS::Serverless-"))
    }

    fn check_entries(&self, diagnostics: &mut Diagnostics) {
        if self.resources.is_empty() {
            let span = self.span.unwrap_or(Span::NONE);
            let start = Span { lo: span.lo, hi: span.lo.min(span.hi) };
            let none = Diagnostic::error(NO_RESOURCES, start, "the template has no resources");
            diagnostics.push(none.expected("a section `Resources` with at least one resource"));
        }
        let mut names: std::collections::HashMap<&str, Span> = std::collections::HashMap::new();
        for entry in self.parameters {
            names.insert(&entry.key.text, entry.key.span);
            check_entry(entry, "parameter", PARAMETER_ATTRIBUTES, "Type", diagnostics);
        }
        for entry in self.outputs.iter().filter(|entry| !entry.key.text.starts_with("Fn::")) {
            check_entry(entry, "output", OUTPUT_ATTRIBUTES, "Value", diagnostics);
        }
        for entry in self.resources.iter().filter(|entry| !entry.key.text.starts_with("Fn::")) {
            if let Some(parameter) = names.get(entry.key.text.as_str()) {
                let text = format!("`{}` is the name of both a parameter and a resource", entry.key.text);
                diagnostics.push(
                    Diagnostic::error(SHARED_NAME, entry.key.span, text)
                        .related(*parameter, "the parameter is here"),
                );
            }
        }
    }
}

/// Checks the attributes of a resource; its logical id too.
pub fn check_resource(
    key: &SmolStr,
    span: Span,
    value: &Node,
    serverless: bool,
    diagnostics: &mut Diagnostics,
) {
    check_name(key, span, "resource", diagnostics);
    let Some(attributes) = value.as_map() else { return not_a_mapping(key, value, "resource", diagnostics) };
    for attribute in attributes {
        let name = attribute.key.text.as_str();
        let known = RESOURCE_ATTRIBUTES.contains(&name)
            || (serverless && SERVERLESS_ATTRIBUTES.contains(&name))
            || name == "Fn::Transform"
            || super::syntax::is_loop(name);
        if !known {
            unknown_attribute(attribute, key, "resource", RESOURCE_ATTRIBUTES, diagnostics);
        }
    }
    if value.get("Type").is_none() && value.get("Fn::Transform").is_none() {
        let missing = Diagnostic::error(MISSING_ATTRIBUTE, span, format!("resource `{key}` has no `Type`"));
        diagnostics.push(missing.expected("`Type: AWS::Service::Resource`"));
    }
}

fn check_entry(entry: &Entry, what: &str, known: &[&str], required: &str, diagnostics: &mut Diagnostics) {
    let key = &entry.key.text;
    check_name(key, entry.key.span, what, diagnostics);
    let Some(attributes) = entry.value.as_map() else {
        return not_a_mapping(key, &entry.value, what, diagnostics);
    };
    for attribute in attributes {
        if !known.contains(&attribute.key.text.as_str()) && attribute.key.text != "Fn::Transform" {
            unknown_attribute(attribute, key, what, known, diagnostics);
        }
    }
    if entry.value.get(required).is_none() && entry.value.get("Fn::Transform").is_none() {
        let text = format!("{what} `{key}` has no `{required}`");
        diagnostics.push(Diagnostic::error(MISSING_ATTRIBUTE, entry.key.span, text));
    }
}

fn check_name(key: &SmolStr, span: Span, what: &str, diagnostics: &mut Diagnostics) {
    let bad = key.is_empty() || key.len() > 255 || !key.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if bad {
        let text = format!("`{key}` cannot be the logical id of {}", article(what));
        diagnostics
            .push(Diagnostic::error(BAD_NAME, span, text).expected("letters and digits only, at most 255"));
    }
}

fn article(what: &str) -> String {
    format!("{} {what}", if what.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" })
}

fn not_a_mapping(key: &SmolStr, value: &Node, what: &str, diagnostics: &mut Diagnostics) {
    let text = format!("{what} `{key}` is {}, not a mapping", value.describe());
    diagnostics
        .push(Diagnostic::error(BAD_SECTION, value.span, text).expected("a mapping of its attributes"));
}

fn unknown_attribute(
    attribute: &Entry,
    key: &SmolStr,
    what: &str,
    known: &[&str],
    diagnostics: &mut Diagnostics,
) {
    let name = attribute.key.text.as_str();
    if name == "DependsOn" {
        let text = format!("`DependsOn` of {what} `{key}` does nothing: only resources have an order");
        return diagnostics.push(Diagnostic::error(IDLE_DEPENDENCY, attribute.key.span, text));
    }
    let text = format!("{what} `{key}` has an attribute `{name}` that {what}s do not have");
    let help = did_you_mean(name, known.iter().copied());
    let help = help.or_else(|| (what == "resource").then(|| "does it belong into `Properties`?".to_owned()));
    let unknown = Diagnostic::error(UNKNOWN_ATTRIBUTE, attribute.key.span, text);
    diagnostics.push(unknown.expected(format!("one of {}", known.join(", "))).maybe_help(help));
}

fn section<'n>(entry: &'n Entry, diagnostics: &mut Diagnostics) -> &'n [Entry] {
    match &entry.value.kind {
        Kind::Map(entries) if entry.value.tag.is_none() => entries,
        Kind::Null => {
            let text = format!("section `{}` is empty", entry.key.text);
            let empty = Diagnostic::error(NULL_VALUE, entry.key.span, text);
            diagnostics.push(empty.help("remove it, or write its entries below it, further in"));
            &[]
        }
        _ => {
            let text = format!("section `{}` is {}, not a mapping", entry.key.text, entry.value.describe());
            diagnostics.push(Diagnostic::error(BAD_SECTION, entry.value.span, text).expected("a mapping"));
            &[]
        }
    }
}

fn unknown_section(entry: &Entry, diagnostics: &mut Diagnostics) {
    let name = entry.key.text.as_str();
    if name == "DependsOn" {
        let text = "`DependsOn` at the top level of a template orders nothing";
        let idle = Diagnostic::error(IDLE_DEPENDENCY, entry.key.span, text);
        return diagnostics.push(idle.help("move it to the resource it is meant for, beside its `Type`"));
    }
    let text = format!("templates have no section `{name}`");
    let help = did_you_mean(name, SECTIONS.iter().copied()).or_else(|| {
        let resource = entry.value.get("Type").and_then(Node::as_str).is_some_and(|ty| ty.contains("::"));
        resource.then(|| "it looks like a resource: move it into `Resources`".to_owned())
    });
    let unknown = Diagnostic::error(UNKNOWN_SECTION, entry.key.span, text);
    diagnostics.push(unknown.expected(format!("one of {}", SECTIONS.join(", "))).maybe_help(help));
}

fn version(entry: &Entry, diagnostics: &mut Diagnostics) {
    if entry.value.as_scalar_text().as_deref() != Some("2010-09-09") {
        let text = format!("the template format version is {}", entry.value.describe());
        diagnostics.push(
            Diagnostic::error(BAD_SECTION, entry.value.span, text).expected("`2010-09-09`, the only one"),
        );
    }
}

fn macros(node: &Node, diagnostics: &mut Diagnostics) -> Vec<Macro> {
    let items = match &node.kind {
        Kind::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    let mut out = Vec::new();
    for item in items {
        let name = item.as_str().or_else(|| item.get("Name").and_then(Node::as_str));
        match name {
            Some(name) => out.push(Macro { name: SmolStr::new(name), span: item.span }),
            None => {
                let text = format!("a transform is a name, not {}", item.describe());
                diagnostics.push(Diagnostic::error(UNKNOWN_MACRO, item.span, text));
            }
        }
    }
    out
}
