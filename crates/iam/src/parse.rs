//! From what is written to a [`Policy`].
//!
//! In: text, a node, or a [`Written`]. Out: the policy, and a diagnostic for each mistake. Must always hold: a
//! policy is only returned when every part of it was understood, because a statement that is left out may be
//! the one that denies.
//!
//! Source: "Grammar of the IAM JSON policy language", IAM User Guide. Names of elements compare without case,
//! as IAM accepts them.

use diagnostics::{Diagnostic, Diagnostics, SourceFile, Span, did_you_mean};
use document::{Node, Syntax as DocumentSyntax};
use smol_str::SmolStr;

use crate::codes::{
    BAD_ACTION, BAD_OPERATOR, BAD_RESOURCE, BAD_VALUE, BAD_VARIABLE, BAD_VERSION, CONTRADICTION,
    MISSING_ELEMENT, NO_STATEMENT, NOT_A_POLICY, UNKNOWN_ELEMENT,
};
use crate::operator;
use crate::policy::{
    ActionPattern, ActionSet, Condition, ConditionValue, Effect, Policy, PrincipalSet, ResourcePattern,
    ResourceSet, Sense, Statement, Version,
};
use crate::principal;
use crate::text::{Builder, Segment, Syntax, Text};
use crate::written::{Piece, Shape, Written};

/// Reads the policy that a file holds, as JSON or YAML.
pub fn file(file: &SourceFile, diagnostics: &mut Diagnostics) -> Option<Policy> {
    let node = document::parse(file, DocumentSyntax::template(), diagnostics)?;
    self::node(&node, diagnostics)
}

/// Reads a policy from a node of a document.
pub fn node(node: &Node, diagnostics: &mut Diagnostics) -> Option<Policy> {
    written(&Written::from(node), diagnostics)
}

/// Reads a policy. `None` when there is a mistake in it; all are reported.
pub fn written(policy: &Written, diagnostics: &mut Diagnostics) -> Option<Policy> {
    let mut own = Diagnostics::new();
    let read = Reader { diagnostics: &mut own, version: Version::V2008 }.policy(policy);
    let good = !own.has_errors();
    diagnostics.append(own);
    read.filter(|_| good)
}

struct Reader<'a> {
    diagnostics: &'a mut Diagnostics,
    version: Version,
}

/// A key with its place and value.
type Element<'a> = &'a (SmolStr, Span, Written);

impl Reader<'_> {
    fn error(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    fn policy(&mut self, policy: &Written) -> Option<Policy> {
        let Shape::Map(entries) = &policy.shape else {
            let text = format!("a policy is a mapping, not {}", policy.describe());
            self.error(Diagnostic::error(NOT_A_POLICY, policy.span, text));
            return None;
        };
        let mut version_span = None;
        let (mut id, mut statements) = (None, None);
        for (name, span, value) in entries {
            match name.to_ascii_lowercase().as_str() {
                "version" => {
                    version_span = Some(value.span);
                    self.version = self.version(value)?;
                }
                "id" => id = self.plain(value, "Id"),
                "statement" => statements = Some(value),
                _ => self.unknown(name, *span, &["Version", "Id", "Statement"]),
            }
        }
        let Some(list) = statements else {
            self.error(Diagnostic::error(NOT_A_POLICY, policy.span, "a policy needs a `Statement`"));
            return None;
        };
        if list.items().is_empty() {
            self.error(Diagnostic::warning(NO_STATEMENT, list.span, "this policy has no statement"));
        }
        let statements = list.items().iter().filter_map(|statement| self.statement(statement)).collect();
        Some(Policy { version: self.version, version_span, id, statements, span: policy.span })
    }

    fn version(&mut self, value: &Written) -> Option<Version> {
        // YAML reads a bare 2012-10-17 as text too.
        match value.as_str() {
            Some("2012-10-17") => Some(Version::V2012),
            Some("2008-10-17") => Some(Version::V2008),
            _ => {
                let text = format!("{} is no version of the policy language", value.describe());
                let error = Diagnostic::error(BAD_VERSION, value.span, text);
                self.error(error.expected("`2012-10-17` or `2008-10-17`"));
                None
            }
        }
    }

    fn unknown(&mut self, name: &str, span: Span, known: &[&str]) {
        let text = format!("the policy language has no element `{name}` here");
        let error = Diagnostic::error(UNKNOWN_ELEMENT, span, text);
        self.error(
            error
                .expected(format!("one of {}", known.join(", ")))
                .maybe_help(did_you_mean(name, known.iter().copied())),
        );
    }

    fn statement(&mut self, statement: &Written) -> Option<Statement> {
        const KNOWN: &[&str] = &[
            "Sid",
            "Effect",
            "Principal",
            "NotPrincipal",
            "Action",
            "NotAction",
            "Resource",
            "NotResource",
            "Condition",
        ];
        let Shape::Map(entries) = &statement.shape else {
            let text = format!("a statement is a mapping, not {}", statement.describe());
            self.error(Diagnostic::error(BAD_VALUE, statement.span, text));
            return None;
        };
        let mut found: [Option<Element<'_>>; 9] = [None; 9];
        for entry in entries {
            let at = KNOWN.iter().position(|known| known.eq_ignore_ascii_case(&entry.0));
            match at.and_then(|at| found.get_mut(at)) {
                None => self.unknown(&entry.0, entry.1, KNOWN),
                Some(slot) if slot.is_some() => {
                    let text = format!("`{}` stands twice in this statement", entry.0);
                    self.error(Diagnostic::error(BAD_VALUE, entry.1, text).help("remove one of the two"));
                }
                Some(slot) => *slot = Some(entry),
            }
        }
        let [sid, effect, principal, not_principal, action, not_action, resource, not_resource, condition] =
            found;
        let actions = self.either("Action", action, not_action, statement.span, true);
        let resources = self.either("Resource", resource, not_resource, statement.span, false);
        let principals = self.either("Principal", principal, not_principal, statement.span, false);
        let effect = self.effect(effect, statement.span);
        let actions = actions.map(|(sense, element)| self.actions(sense, element));
        let conditions = condition.map(|(.., value)| self.conditions(value)).unwrap_or_default();
        let resources = resources.map(|(sense, element)| self.resources(sense, element));
        let principals = principals.map(|(sense, (_, key, value))| {
            let principals = principal::read(value, self.diagnostics);
            PrincipalSet { sense, principals, span: key.to(value.span) }
        });
        let (effect, effect_span) = effect?;
        Some(Statement {
            sid: sid.and_then(|(.., value)| self.plain(value, "Sid")),
            sid_span: sid.map(|(.., value)| value.span),
            effect,
            effect_span,
            principals,
            actions: actions?,
            resources,
            conditions,
            span: statement.span,
        })
    }

    /// Which of `Name` and `NotName` there is.
    fn either<'a>(
        &mut self,
        name: &str,
        only: Option<Element<'a>>,
        all_but: Option<Element<'a>>,
        statement: Span,
        needed: bool,
    ) -> Option<(Sense, Element<'a>)> {
        match (only, all_but) {
            (Some(only), None) => Some((Sense::Only, only)),
            (None, Some(all_but)) => Some((Sense::AllBut, all_but)),
            (Some(only), Some(all_but)) => {
                let text = format!("`{name}` and `Not{name}` exclude each other");
                let error = Diagnostic::error(CONTRADICTION, all_but.1, text);
                self.error(error.related(only.1, "the other").help("write two statements"));
                None
            }
            (None, None) if needed => {
                let text = format!("this statement has neither `{name}` nor `Not{name}`");
                self.error(Diagnostic::error(MISSING_ELEMENT, statement, text));
                None
            }
            (None, None) => None,
        }
    }

    fn effect(&mut self, effect: Option<Element<'_>>, statement: Span) -> Option<(Effect, Span)> {
        let Some((.., value)) = effect else {
            let error = Diagnostic::error(MISSING_ELEMENT, statement, "this statement has no `Effect`");
            self.error(error.expected("`Allow` or `Deny`"));
            return None;
        };
        match value.as_str() {
            Some("Allow") => Some((Effect::Allow, value.span)),
            Some("Deny") => Some((Effect::Deny, value.span)),
            other => {
                let text = format!("{} is no effect", value.describe());
                let error = Diagnostic::error(BAD_VALUE, value.span, text).expected("`Allow` or `Deny`");
                self.error(error.maybe_help(did_you_mean(other.unwrap_or(""), ["Allow", "Deny"])));
                None
            }
        }
    }

    /// A text without meaning of its own (`Sid`, `Id`).
    fn plain(&mut self, value: &Written, name: &str) -> Option<SmolStr> {
        match &value.shape {
            Shape::Text(text) | Shape::Number(text) => Some(text.clone()),
            Shape::Pieces(_) => Some(SmolStr::new_static("(not known)")),
            _ => {
                let text = format!("`{name}` is a text, not {}", value.describe());
                self.error(Diagnostic::error(BAD_VALUE, value.span, text));
                None
            }
        }
    }

    fn actions(&mut self, sense: Sense, (_, key, value): Element<'_>) -> ActionSet {
        let mut patterns = Vec::with_capacity(value.items().len());
        self.not_empty(value, "an action");
        for item in value.items() {
            let syntax = Syntax { wildcards: true, variables: false };
            let Some((text, written)) = self.text(item, syntax, "an action") else { continue };
            let named = written.split_once(':').is_some_and(|(service, _)| !service.trim().is_empty());
            if !named && !text.is_any() && !text.has_unknowns() {
                let error = Diagnostic::error(BAD_ACTION, item.span, format!("`{written}` is no action"));
                self.error(error.expected("`service:Name`, or `*`"));
                continue;
            }
            if written.ends_with(':') || written.contains(char::is_whitespace) {
                // White space is a part of the name, so that it is the name of nothing.
                let text = format!("`{written}` is the name of no action, and matches none");
                self.error(Diagnostic::warning(BAD_ACTION, item.span, text).help("remove the white space"));
            }
            patterns.push(ActionPattern { text: text.to_lowercase(), written, span: item.span });
        }
        ActionSet { sense, patterns, span: key.to(value.span) }
    }

    fn resources(&mut self, sense: Sense, (_, key, value): Element<'_>) -> ResourceSet {
        let mut patterns = Vec::with_capacity(value.items().len());
        self.not_empty(value, "a resource");
        for item in value.items() {
            let syntax = Syntax { wildcards: true, variables: self.version == Version::V2012 };
            let Some((text, written)) = self.text(item, syntax, "a resource") else { continue };
            let starts_open = !matches!(text.segments.first(), Some(Segment::Literal(_)));
            if !starts_open && !written.starts_with("arn:") {
                let error = Diagnostic::error(BAD_RESOURCE, item.span, format!("`{written}` is no resource"));
                self.error(error.expected("`*`, or an ARN"));
                continue;
            }
            patterns.push(ResourcePattern { text, written, span: item.span });
        }
        ResourceSet { sense, patterns, span: key.to(value.span) }
    }

    fn not_empty(&mut self, value: &Written, what: &str) {
        if value.items().is_empty() {
            let text = format!("this list is empty: it needs {what}");
            self.error(Diagnostic::error(BAD_VALUE, value.span, text));
        }
    }

    fn conditions(&mut self, value: &Written) -> Vec<Condition> {
        let mut out = Vec::new();
        let Shape::Map(operators) = &value.shape else {
            let text = format!("`Condition` is a mapping of operators, not {}", value.describe());
            self.error(Diagnostic::error(BAD_VALUE, value.span, text));
            return out;
        };
        for (name, operator_span, keys) in operators {
            let Some((qualifier, operator, if_exists)) = operator::parse(name) else {
                let error =
                    Diagnostic::error(BAD_OPERATOR, *operator_span, format!("there is no operator `{name}`"));
                let bare = name.rsplit(':').next().unwrap_or(name);
                let names = operator::ALL.iter().map(|operator| operator.name());
                self.error(error.maybe_help(did_you_mean(bare, names)));
                continue;
            };
            let Shape::Map(keys) = &keys.shape else {
                let text = format!("`{name}` takes a mapping of keys, not {}", keys.describe());
                self.error(Diagnostic::error(BAD_VALUE, keys.span, text));
                continue;
            };
            for (key, key_span, values) in keys {
                let syntax = Syntax {
                    wildcards: operator.takes_wildcards(),
                    variables: self.version == Version::V2012,
                };
                out.push(Condition {
                    operator,
                    qualifier,
                    if_exists,
                    operator_span: *operator_span,
                    key: key.to_lowercase().into(),
                    written_key: key.clone(),
                    key_span: *key_span,
                    values: self.values(values, syntax),
                    span: operator_span.to(values.span),
                });
            }
        }
        out
    }

    fn values(&mut self, values: &Written, syntax: Syntax) -> Vec<ConditionValue> {
        let mut out = Vec::with_capacity(values.items().len());
        for item in values.items() {
            let scalar = match &item.shape {
                Shape::Bool(value) => Some(SmolStr::new_static(if *value { "true" } else { "false" })),
                Shape::Number(text) => Some(text.clone()),
                _ => None,
            };
            let read = match scalar {
                Some(text) => Some((Text::literal(&text), text)),
                None => self.text(item, syntax, "a value of a condition"),
            };
            if let Some((text, written)) = read {
                out.push(ConditionValue { text, written, span: item.span });
            }
        }
        out
    }

    /// A text in segments, and as it was written.
    fn text(&mut self, value: &Written, syntax: Syntax, what: &str) -> Option<(Text, SmolStr)> {
        match &value.shape {
            Shape::Text(written) => {
                self.check_variables(written, value.span, syntax);
                Some((Text::parse(written, syntax), written.clone()))
            }
            Shape::Pieces(pieces) => {
                let mut builder = Builder::default();
                for piece in pieces {
                    match piece {
                        Piece::Text(text) => builder.read(text, syntax),
                        Piece::Unknown(name) => builder.push(Segment::Unknown(name.clone())),
                    }
                }
                let text = builder.finish();
                let written = SmolStr::from(text.to_string());
                Some((text, written))
            }
            _ => {
                let text = format!("{what} is a text, not {}", value.describe());
                self.error(Diagnostic::error(BAD_VALUE, value.span, text));
                None
            }
        }
    }

    fn check_variables(&mut self, written: &str, span: Span, syntax: Syntax) {
        if !syntax.variables {
            return;
        }
        if let Some(range) = Text::malformed_variable(written) {
            let part = written.get(range).unwrap_or(written);
            let warning =
                Diagnostic::warning(BAD_VARIABLE, span, format!("`{part}` is no variable: it is plain text"));
            self.error(warning.expected("`${key}` or `${key, 'default'}`"));
        }
    }
}
