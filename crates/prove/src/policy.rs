//! Policy documents read as far as this crate's guarantees ask: would one request be allowed by one document?
//!
//! In: a policy document as a [`Value`], possibly partly unknown. Out: a [`Decision`] about a [`Request`].
//! Always: what is not known or not modelled makes the decision unknown, never allowed or denied.
//!
//! Source: IAM User Guide, "Policy evaluation logic" and "IAM JSON policy elements: Condition operators".

use diagnostics::Span;
use estate::{Estate, Kind, Value};

use crate::text::{Token, Truth, literal, matches, tokens};

/// One request put to a document.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// Who asks.
    pub principal: Principal<'a>,
    /// The action: `s3:PutObject`.
    pub action: &'a str,
    /// The resource's ARN; empty where the document is an identity's and any resource is meant.
    pub resource: Vec<Token>,
    /// Condition keys with the one value they have. A key that is not listed may have any value or none.
    pub context: Vec<(&'a str, Vec<Token>)>,
}

/// Who makes a [`Request`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Principal<'a> {
    /// Anybody, signed in or not.
    Anyone,
    /// An AWS service: `cloudtrail.amazonaws.com`.
    Service(&'a str),
    /// Whoever the document is attached to: `Principal` is not asked for.
    Bearer,
}

/// What a document says of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// A statement allows it and none denies it.
    Allowed(Span),
    /// A statement denies it.
    Denied(Span),
    /// No statement allows it.
    NotAllowed,
    /// It depends on what is not known: where, and why.
    Unknown(Span, String),
}

/// A statement of a document.
#[derive(Debug, Clone, Copy)]
pub struct Statement<'a> {
    /// The statement, a mapping.
    pub value: &'a Value,
    /// Whether it is certainly part of the document; `Unknown` in the branch of a case.
    pub present: Truth,
}

/// The statements of a document. `None` when the document as a whole, or its list, is not known.
#[must_use]
pub fn statements(document: &Value) -> Option<Vec<Statement<'_>>> {
    let mut out = Vec::new();
    for document in document.alternatives(&[]) {
        let Some(document_value) = document.value else { continue };
        let certain = document.guard.is_always();
        document_value.as_map()?;
        for list in document_value.alternatives(&["Statement"]) {
            let Some(list_value) = list.value else { continue };
            if !matches!(list_value.kind, Kind::List(_) | Kind::Map(_)) {
                return None;
            }
            for item in list_value.as_items() {
                for statement in item.alternatives(&[]) {
                    let Some(value) = statement.value else { continue };
                    value.as_map()?;
                    let always = certain && list.guard.is_always() && statement.guard.is_always();
                    out.push(Statement { value, present: if always { Truth::Yes } else { Truth::Unknown } });
                }
            }
        }
    }
    Some(out)
}

/// What `document` says of `request`.
#[must_use]
pub fn decide(estate: &Estate, document: &Value, request: &Request<'_>) -> Decision {
    let Some(statements) = statements(document) else {
        return Decision::Unknown(document.span, format!("the policy is {}", document.describe()));
    };
    let mut allowed: Option<(Truth, Span)> = None;
    let mut denied: Option<(Truth, Span)> = None;
    for statement in statements {
        let applies = statement.applies(estate, request);
        if applies == Truth::No {
            continue;
        }
        let span = statement.value.span;
        let worst = |known: Option<(Truth, Span)>| match known {
            Some((Truth::Yes, _)) => known,
            _ if applies == Truth::Yes => Some((applies, span)),
            Some(_) => known,
            None => Some((applies, span)),
        };
        match statement.effect() {
            Some(true) => allowed = worst(allowed),
            Some(false) => denied = worst(denied),
            None => return Decision::Unknown(span, "the statement's effect is not known".into()),
        }
    }
    match (denied, allowed) {
        (Some((Truth::Yes, span)), _) => Decision::Denied(span),
        (_, None) => Decision::NotAllowed,
        (None, Some((Truth::Yes, span))) => Decision::Allowed(span),
        (Some((_, span)), _) => Decision::Unknown(span, "a denying statement may or may not apply".into()),
        (None, Some((_, span))) => Decision::Unknown(span, "the allowing statement may or may not apply".into()),
    }
}

impl<'a> Statement<'a> {
    /// `Some(true)` for `Allow`, `Some(false)` for `Deny`.
    #[must_use]
    pub fn effect(&self) -> Option<bool> {
        match self.value.get("Effect")?.as_str()? {
            "Allow" => Some(true),
            "Deny" => Some(false),
            _ => None,
        }
    }

    /// An element of the statement.
    #[must_use]
    pub fn element(&self, name: &str) -> Option<&'a Value> {
        self.value.get(name)
    }

    /// Whether the statement applies to the request.
    #[must_use]
    pub fn applies(&self, estate: &Estate, request: &Request<'_>) -> Truth {
        self.present
            .and(self.matches_action(estate, request.action))
            .and(self.matches_principal(request.principal))
            .and(self.matches_resource(estate, &request.resource))
            .and(self.condition(estate, &request.context))
    }

    /// Whether `Action` or `NotAction` covers the action.
    #[must_use]
    pub fn matches_action(&self, estate: &Estate, action: &str) -> Truth {
        let action = literal(action);
        let any = |value: &Value| any_of(value, |item| matches(&tokens(estate, item), &action, true));
        match (self.element("Action"), self.element("NotAction")) {
            (Some(value), _) => any(value),
            (None, Some(value)) => any(value).negated(),
            (None, None) => Truth::No,
        }
    }

    /// Whether `Resource` or `NotResource` covers the ARN; an empty one asks nothing.
    #[must_use]
    pub fn matches_resource(&self, estate: &Estate, resource: &[Token]) -> Truth {
        if resource.is_empty() {
            return Truth::Yes;
        }
        let any = |value: &Value| any_of(value, |item| matches(&tokens(estate, item), resource, false));
        match (self.element("Resource"), self.element("NotResource")) {
            (Some(value), _) => any(value),
            (None, Some(value)) => any(value).negated(),
            // A key policy or topic policy may leave it out: the resource it is attached to is meant.
            (None, None) => Truth::Yes,
        }
    }

    /// Whether `Principal` or `NotPrincipal` covers who asks.
    #[must_use]
    pub fn matches_principal(&self, who: Principal<'_>) -> Truth {
        match (who, self.element("Principal"), self.element("NotPrincipal")) {
            (Principal::Bearer, _, _) => Truth::Yes,
            (_, Some(value), _) => covers(value, who),
            (_, None, Some(value)) => covers(value, who).negated(),
            (_, None, None) => Truth::No,
        }
    }

    /// Whether the `Condition` holds in the given context.
    #[must_use]
    pub fn condition(&self, estate: &Estate, context: &[(&str, Vec<Token>)]) -> Truth {
        let Some(condition) = self.element("Condition") else { return Truth::Yes };
        let Some(operators) = condition.as_map() else { return Truth::Unknown };
        let mut all = Truth::Yes;
        for operator in operators {
            let Some(keys) = operator.value.as_map() else { return Truth::Unknown };
            for key in keys {
                let found = context.iter().find(|(name, _)| name.eq_ignore_ascii_case(&key.key));
                let holds = match found {
                    Some((_, value)) => operator_holds(estate, &operator.key, &key.value, value),
                    None => Truth::Unknown,
                };
                all = all.and(holds);
            }
        }
        all
    }
}

/// One condition operator on a key that has one value.
fn operator_holds(estate: &Estate, operator: &str, wanted: &Value, value: &[Token]) -> Truth {
    let name = operator.strip_suffix("IfExists").unwrap_or(operator);
    let any = |fold: bool, glob: bool| {
        any_of(wanted, |item| {
            let item = tokens(estate, item);
            let plain = !item.iter().any(|token| matches!(token, Token::Char('*' | '?')));
            if glob || plain { matches(&item, value, fold) } else { Truth::of(item == value) }
        })
    };
    match name {
        "Null" => any_of(wanted, |item| item.as_bool().map_or(Truth::Unknown, |null| Truth::of(!null))),
        "Bool" => any(true, false),
        "StringEquals" => any(false, false),
        "StringNotEquals" => any(false, false).negated(),
        "StringEqualsIgnoreCase" => any(true, false),
        "StringNotEqualsIgnoreCase" => any(true, false).negated(),
        "StringLike" | "ArnLike" | "ArnEquals" => any(false, true),
        "StringNotLike" | "ArnNotLike" | "ArnNotEquals" => any(false, true).negated(),
        _ => Truth::Unknown,
    }
}

/// Whether a `Principal` element covers who asks.
fn covers(value: &Value, who: Principal<'_>) -> Truth {
    any_case(value, |value| match &value.kind {
        Kind::String(text) => Truth::of(text == "*"),
        Kind::Map(kinds) => kinds.iter().fold(Truth::No, |any, entry| {
            let item_covers = |item: &Value| match (entry.key.as_str(), who, item.as_str()) {
                ("AWS" | "*", Principal::Anyone, Some(text)) => Truth::of(text == "*"),
                ("Service", Principal::Service(name), Some(text)) => Truth::of(text == name),
                ("AWS", Principal::Service(_), Some("*")) => Truth::Yes,
                ("AWS", Principal::Anyone, None) | ("Service", Principal::Service(_), None) => {
                    if item.as_reference().is_some() { Truth::No } else { Truth::Unknown }
                }
                _ => Truth::No,
            };
            any.or(any_of(&entry.value, item_covers))
        }),
        _ => Truth::Unknown,
    })
}

/// Whether `holds` of any item of a list (or of the value itself), through cases.
fn any_of(value: &Value, holds: impl Fn(&Value) -> Truth) -> Truth {
    any_case(value, |value| match &value.kind {
        Kind::List(items) => items.iter().fold(Truth::No, |any, item| any.or(any_case(item, &holds))),
        _ => holds(value),
    })
}

/// What all branches of a case agree on, else unknown.
fn any_case(value: &Value, holds: impl Fn(&Value) -> Truth) -> Truth {
    let mut each = value.alternatives(&[]).into_iter().map(|alternative| alternative.value.map_or(Truth::No, &holds));
    let first = each.next().unwrap_or(Truth::No);
    if each.all(|truth| truth == first) { first } else { Truth::Unknown }
}
