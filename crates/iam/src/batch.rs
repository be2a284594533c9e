//! Cases in lines: a request and its policies as one JSON object, an answer as another.
//!
//! In: a line of the format that docs/policy.md describes. Out: an [`Answer`]. Must always hold: a line that cannot be
//! understood answers "unknown" with the mistake, and never "allowed" or "denied"; a field whose name is nearly one of
//! the format's is a mistake, because a layer that is left out changes the verdict.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use diagnostics::{Diagnostic, Diagnostics, Severity, SourceFile, SourceMap, suggest};
use document::{Limits, Node};
use serde_json::{Map, Value as Json, json};
use smol_str::{SmolStr, format_smolstr};

use crate::codes::{BAD_CASE, BAD_FIELD};
use crate::compiled::{Compiled, CompiledStatement, Layer};
use crate::context::{Context, Value};
use crate::evaluate::{Grant, Level, Policies, Surroundings, Verdict};
use crate::explain::{Decision, Reason, explain};
use crate::parse;
use crate::request::{Caller, Request};
use crate::written::{Shape, Written};

/// A case that was understood.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its name.
    pub name: SmolStr,
    /// The request.
    pub request: Request,
    /// The policies that apply.
    pub policies: Policies,
}

/// What is said to a case.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The case's name, or the line's.
    pub name: SmolStr,
    /// The decision; unknown without reasons where the case was not understood.
    pub decision: Decision,
    /// The mistakes, as sentences with places.
    pub errors: Vec<String>,
}

/// The most mistakes that one answer repeats.
const MOST_ERRORS: usize = 10;

/// The most text of policies that is remembered, in bytes.
const MOST_REMEMBERED: usize = 64 << 20;

/// Answers lines, and remembers the policies it has read: lines often repeat them.
#[derive(Debug, Default)]
pub struct Batch {
    known: BTreeMap<Layer, HashMap<Box<str>, Arc<[CompiledStatement]>>>,
    held: usize,
}

/// Answers a line by itself. `None` for a line without anything on it.
#[must_use]
pub fn answer(line: &str, file: &str, number: usize) -> Option<Answer> {
    Batch::default().answer(line, file, number)
}

/// Reads the case of a line by itself. The name is set as soon as it is known.
pub fn read(source: &SourceFile, name: &mut Option<SmolStr>, diagnostics: &mut Diagnostics) -> Option<Case> {
    Batch::default().read(source, name, diagnostics)
}

impl Batch {
    fn get(&self, layer: Layer, text: &str) -> Option<&Arc<[CompiledStatement]>> {
        self.known.get(&layer)?.get(text)
    }

    fn remember(&mut self, layer: Layer, text: &str, policy: &Compiled) {
        if self.held + text.len() > MOST_REMEMBERED {
            self.known.clear();
            self.held = 0;
        }
        self.held += text.len();
        self.known.entry(layer).or_default().insert(text.into(), Arc::clone(&policy.statements));
    }

    /// Whether a node is a policy that was read before, in whatever layer.
    fn knows(&self, node: &Node, source: &SourceFile) -> bool {
        let text = || source.text.get(source.range(node.span)).unwrap_or("");
        node.get("Statement").is_some() && self.known.values().any(|known| known.contains_key(text()))
    }

    /// Answers a line. `None` for a line without anything on it.
    #[must_use]
    pub fn answer(&mut self, line: &str, file: &str, number: usize) -> Option<Answer> {
        if line.trim().is_empty() {
            return None;
        }
        let (mut name, mut diagnostics, mut sources) = (None, Diagnostics::new(), SourceMap::new());
        let id = sources.add(format!("{file}:{number}"), line.trim_end_matches(['\n', '\r']));
        let read = id
            .and_then(|id| sources.file(id).cloned())
            .and_then(|source| self.read(&source, &mut name, &mut diagnostics));
        let fallback = || format_smolstr!("line {number}");
        if let Some(case) = read
            && !diagnostics.has_errors()
        {
            let decision = explain(&case.policies, &case.request);
            return Some(Answer { name: name.unwrap_or_else(fallback), decision, errors: Vec::new() });
        }
        let errors = diagnostics.iter().filter(|said| said.severity == Severity::Error);
        let errors = errors.take(MOST_ERRORS).map(|said| sentence(said, &sources)).collect();
        let decision = Decision { verdict: Verdict::Unknown, because: Vec::new() };
        Some(Answer { name: name.unwrap_or_else(fallback), decision, errors })
    }

    /// Reads the case of a line. The name is set as soon as it is known.
    fn read(
        &mut self,
        source: &SourceFile,
        name: &mut Option<SmolStr>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Case> {
        let node = document::parse_json(source, Limits::default(), diagnostics)?;
        let written = Written::without(&node, &|node| self.knows(node, source));
        let Shape::Map(entries) = &written.shape else {
            let text = format!("a case is an object, not {}", written.describe());
            diagnostics.push(Diagnostic::error(BAD_CASE, written.span, text));
            return None;
        };
        *name = written.get("name").and_then(scalar);
        let mut reader = Reader { diagnostics, source, batch: self };
        let (mut request, mut policies) = (None, Policies::default());
        for (key, span, value) in entries {
            if value.shape == Shape::Null {
                continue;
            }
            match key.as_str() {
                "name" => {}
                "request" => request = reader.request(value),
                "identityPolicies" | "identityPolicy" => {
                    policies.identity = reader.list(value, key, Layer::Identity)
                }
                "resourcePolicy" | "resourcePolicies" => policies.resource = reader.resource(value, key),
                "permissionBoundaries"
                | "permissionBoundary"
                | "permissionsBoundary"
                | "permissionsBoundaries" => {
                    policies.boundaries = some(reader.list(value, key, Layer::Boundary));
                }
                "sessionPolicies" | "sessionPolicy" => {
                    policies.session = some(reader.list(value, key, Layer::Session))
                }
                "serviceControlPolicies" => {
                    policies.service_control = reader.levels(value, key, Layer::ServiceControl)
                }
                "resourceControlPolicies" => {
                    policies.resource_control = reader.levels(value, key, Layer::ResourceControl)
                }
                "endpointPolicies" | "endpointPolicy" | "vpcEndpointPolicies" => {
                    policies.endpoint = some(reader.list(value, key, Layer::Endpoint));
                }
                "kmsGrants" => policies.grants = reader.grants(value),
                "organization" => reader.organization(value, &mut policies.surroundings),
                "settings" => reader.settings(value, &mut policies.surroundings),
                other => reader.unknown(other, *span),
            }
        }
        let Some(request) = request else {
            if !diagnostics.has_errors() {
                diagnostics.push(Diagnostic::error(BAD_CASE, written.span, "this case has no `request`"));
            }
            return None;
        };
        Some(Case { name: name.clone().unwrap_or_default(), request, policies })
    }
}

/// The answer to a line that is not text.
#[must_use]
pub fn not_text(file: &str, number: usize, why: &str) -> Answer {
    let decision = Decision { verdict: Verdict::Unknown, because: Vec::new() };
    Answer {
        name: format_smolstr!("line {number}"),
        decision,
        errors: vec![format!("{file}:{number}: {why}")],
    }
}

fn sentence(said: &Diagnostic, sources: &SourceMap) -> String {
    let place =
        sources.locate(said.span).map_or_else(String::new, |at| format!("{}:{}: ", at.file, at.column));
    let expected =
        said.expected.as_ref().map_or_else(String::new, |expected| format!("; expected {expected}"));
    let help = said.help.as_ref().map_or_else(String::new, |help| format!("; {help}"));
    format!("{place}{} ({}){expected}{help}", said.message, said.code)
}

fn some(policies: Vec<Compiled>) -> Option<Vec<Compiled>> {
    (!policies.is_empty()).then_some(policies)
}

fn scalar(value: &Written) -> Option<SmolStr> {
    match &value.shape {
        Shape::Text(text) | Shape::Number(text) => Some(text.clone()),
        Shape::Bool(value) => Some(SmolStr::new_static(if *value { "true" } else { "false" })),
        _ => None,
    }
}

const FIELDS: &[&str] = &[
    "name",
    "request",
    "identityPolicies",
    "resourcePolicy",
    "permissionBoundaries",
    "sessionPolicies",
    "serviceControlPolicies",
    "resourceControlPolicies",
    "endpointPolicies",
    "kmsGrants",
    "organization",
    "settings",
];

struct Reader<'a> {
    diagnostics: &'a mut Diagnostics,
    source: &'a SourceFile,
    batch: &'a mut Batch,
}

impl Reader<'_> {
    fn error(&mut self, at: &Written, text: impl Into<String>) {
        self.diagnostics.push(Diagnostic::error(BAD_FIELD, at.span, text));
    }

    /// Fields of other programs are let be; a slip of the pen is not.
    fn unknown(&mut self, key: &str, span: diagnostics::Span) {
        if let Some(meant) = suggest(key, FIELDS.iter().copied()) {
            let error = Diagnostic::error(BAD_FIELD, span, format!("a case has no field `{key}`"));
            self.diagnostics.push(error.help(format!("did you mean `{meant}`?")));
        }
    }

    fn text(&mut self, of: &Written, keys: &[&str], what: &str) -> Option<SmolStr> {
        let found = keys.iter().find_map(|key| of.get(key)).filter(|value| value.shape != Shape::Null)?;
        let text = scalar(found);
        if text.is_none() {
            self.error(found, format!("`{what}` is a text, not {}", found.describe()));
        }
        text
    }

    fn request(&mut self, value: &Written) -> Option<Request> {
        let action = self.text(value, &["action"], "action");
        let caller = value.get("principal").and_then(|principal| self.caller(principal));
        for (found, key) in [(action.is_some(), "action"), (caller.is_some(), "principal")] {
            if !found {
                self.error(value, format!("the request needs a `{key}`"));
            }
        }
        let action = action?;
        if !action.contains(':') {
            self.error(value, format!("`{action}` is no action: an action is `service:Name`"));
            return None;
        }
        let (resource, account) = match value.get("resource") {
            None => (SmolStr::new_static("*"), None),
            Some(resource) => match scalar(resource) {
                Some(arn) => (arn, None),
                None => {
                    let arn = self.text(resource, &["arn", "resource"], "arn");
                    (arn.unwrap_or("*".into()), self.text(resource, &["account", "accountId"], "account"))
                }
            },
        };
        let context = value.get("context").map(|context| self.context(context)).unwrap_or_default();
        Some(Request::new(caller?, &action, &resource, account.as_deref(), context))
    }

    fn caller(&mut self, principal: &Written) -> Option<Caller> {
        // `{"Service": "lambda.amazonaws.com"}` as a policy writes it is understood too.
        let text = match &principal.shape {
            Shape::Map(entries) => entries.first().and_then(|(.., value)| scalar(value)),
            _ => scalar(principal),
        };
        let caller = text.as_deref().and_then(Caller::parse);
        if caller.is_none() {
            self.error(principal, format!("{} is no principal", principal.describe()));
        }
        caller
    }

    fn context(&mut self, value: &Written) -> Context {
        let mut context = Context::default();
        match &value.shape {
            Shape::Map(entries) => {
                for (key, _, value) in entries {
                    match &value.shape {
                        Shape::Null => {}
                        Shape::List(items) => {
                            let texts = items.iter().filter_map(|item| self.context_text(item)).collect();
                            context.set(key, Value::Many(texts));
                        }
                        _ => {
                            if let Some(text) = self.context_text(value) {
                                context.set(key, Value::One(text));
                            }
                        }
                    }
                }
            }
            Shape::Null => {}
            _ => self.error(value, format!("`context` is an object, not {}", value.describe())),
        }
        context
    }

    fn context_text(&mut self, value: &Written) -> Option<SmolStr> {
        let text = scalar(value);
        if text.is_none() {
            self.error(value, format!("the value of a condition key is a text, not {}", value.describe()));
        }
        text
    }

    fn resource(&mut self, value: &Written, key: &str) -> Option<Compiled> {
        let mut all = self.list(value, key, Layer::Resource);
        if all.len() == 1 {
            return all.pop();
        }
        let statements = all.iter().flat_map(|policy| policy.statements.iter().cloned()).collect();
        let name = all.first()?.name.clone();
        Some(Compiled::of(name, statements))
    }

    /// Policies: one or a list; bare, with their names, or as text.
    fn list(&mut self, value: &Written, key: &str, layer: Layer) -> Vec<Compiled> {
        let single = !matches!(value.shape, Shape::List(_));
        let named = |at: usize| if single { SmolStr::new(key) } else { format_smolstr!("{key}[{at}]") };
        let items = value.items().iter().enumerate().filter(|(_, item)| item.shape != Shape::Null);
        items.filter_map(|(at, item)| self.policy(item, named(at), layer)).collect()
    }

    fn policy(&mut self, value: &Written, fallback: SmolStr, layer: Layer) -> Option<Compiled> {
        if let Shape::Text(text) = &value.shape {
            return self.policy_of_text(text, value, fallback, layer);
        }
        let inner = ["policy", "policyDocument", "document"].iter().find_map(|key| value.get(key));
        if let Some(inner) = inner {
            let name = ["name", "policyName"].iter().find_map(|key| value.get(key)).and_then(scalar);
            return self.policy(inner, name.unwrap_or(fallback), layer);
        }
        let text = self.source.text.get(self.source.range(value.span)).unwrap_or("");
        if let Some(statements) = self.batch.get(layer, text) {
            return Some(Compiled::of(fallback, Arc::clone(statements)));
        }
        let compiled = match &value.shape {
            // It was read before, for another layer, and has no mistake.
            Shape::Map(entries) if entries.is_empty() && text.contains("Statement") => {
                self.policy_of_text(text, value, fallback, layer)?
            }
            _ => Compiled::new(fallback, &parse::written(value, self.diagnostics)?, layer),
        };
        self.batch.remember(layer, text, &compiled);
        Some(compiled)
    }

    fn policy_of_text(&mut self, text: &str, at: &Written, name: SmolStr, layer: Layer) -> Option<Compiled> {
        let (mut sources, mut own) = (SourceMap::new(), Diagnostics::new());
        let id = sources.add("policy.json", text)?;
        let policy = parse::file(sources.file(id)?, &mut own);
        if policy.is_none() {
            // Places in a text inside a text mean nothing to the reader of the line.
            let first = own.iter().find(|said| said.severity == Severity::Error);
            let why = first.map_or("it is no policy", |said| said.message.as_str());
            self.error(at, format!("the policy `{name}` in this text cannot be read: {why}"));
        }
        policy.map(|policy| Compiled::new(name, &policy, layer))
    }

    fn levels(&mut self, value: &Written, key: &str, layer: Layer) -> Vec<Level> {
        let mut out = Vec::new();
        for (at, item) in value.items().iter().enumerate() {
            let name = ["level", "orgIdentifier", "name", "id"]
                .iter()
                .find_map(|key| item.get(key))
                .and_then(scalar);
            let name = name.unwrap_or_else(|| format_smolstr!("level {}", at + 1));
            match item.get("policies") {
                Some(policies) => {
                    let policies = self.list(policies, "policies", layer);
                    out.push(Level { name, policies });
                }
                None => self.error(item, format!("a level of `{key}` needs `policies`")),
            }
        }
        out
    }

    fn grants(&mut self, value: &Written) -> Vec<Grant> {
        let mut out = Vec::new();
        for (at, item) in value.items().iter().enumerate() {
            let name = self
                .text(item, &["name", "grantId"], "name")
                .unwrap_or_else(|| format_smolstr!("{}", at + 1));
            let Some(grantee) = self.text(item, &["granteePrincipal", "grantee"], "granteePrincipal") else {
                self.error(item, "a grant needs `granteePrincipal`");
                continue;
            };
            let operations =
                item.get("operations").map(|list| list.items().iter().filter_map(scalar).collect());
            let constraints = item.get("constraints");
            let pairs = |key: &str| {
                let Shape::Map(entries) = &constraints?.get(key)?.shape else { return None };
                Some(
                    entries
                        .iter()
                        .filter_map(|(key, _, value)| Some((key.clone(), scalar(value)?)))
                        .collect(),
                )
            };
            out.push(Grant {
                name,
                grantee,
                operations: operations.unwrap_or_default(),
                context_equals: pairs("encryptionContextEquals"),
                context_subset: pairs("encryptionContextSubset"),
            });
        }
        out
    }

    fn organization(&mut self, value: &Written, surroundings: &mut Surroundings) {
        surroundings.management_account = self.text(value, &["managementAccount"], "managementAccount");
    }

    fn settings(&mut self, value: &Written, surroundings: &mut Surroundings) {
        let on =
            value.get("s3").and_then(|s3| s3.get("restrictPublicBuckets").or(s3.get("blockPublicAccess")));
        surroundings.restrict_public_buckets = on.and_then(scalar).as_deref() == Some("true");
    }
}

impl Answer {
    /// The answer as one line of JSON, without its end.
    #[must_use]
    pub fn json(&self) -> Json {
        let mut out = Map::new();
        out.insert("name".to_owned(), self.name.as_str().into());
        out.insert("verdict".to_owned(), self.decision.verdict.word().into());
        out.insert("because".to_owned(), self.decision.because.iter().map(reason).collect());
        if !self.errors.is_empty() {
            out.insert("error".to_owned(), self.errors.join("\n").into());
        }
        Json::Object(out)
    }
}

fn reason(reason: &Reason) -> Json {
    let mut out = Map::new();
    out.insert("layer".to_owned(), reason.layer.into());
    let optional = [
        ("level", reason.level.as_deref()),
        ("policy", reason.policy.as_deref()),
        ("statement", reason.statement.as_deref()),
        ("effect", reason.effect.map(crate::policy::Effect::word)),
    ];
    for (key, value) in optional {
        if let Some(value) = value {
            out.insert(key.to_owned(), json!(value));
        }
    }
    out.insert("says".to_owned(), reason.says.as_str().into());
    Json::Object(out)
}
