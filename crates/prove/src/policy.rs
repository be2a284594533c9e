//! Policy documents read as far as this crate's guarantees ask: would one request be allowed by one document?
//!
//! In: a policy document as a [`Value`], possibly partly unknown. Out: a [`Decision`] about a [`Request`].
//! Always: what is not known or not modelled makes the decision unknown, never allowed or denied.
//!
//! Source: IAM User Guide, "Policy evaluation logic" and "IAM JSON policy elements: Condition operators".

use diagnostics::Span;
use estate::{Estate, Kind, Pseudo, Target, Value};

use crate::text::{Token, Truth, absent, known, literal, matches, tokens};

/// One request put to a document.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// Who asks.
    pub principal: Principal<'a>,
    /// The action: `s3:PutObject`.
    pub action: &'a str,
    /// The resource's ARN; empty where the document is an identity's and any resource is meant.
    pub resource: Vec<Token>,
    /// Condition keys with the one value they have, or [`crate::text::absent`] where the request certainly has
    /// none. A key that is not listed may have any value or none.
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
    decide_all(estate, [(document, Truth::Yes)], request)
}

/// What several documents that count together say of `request`; each with whether it certainly counts.
#[must_use]
pub fn decide_all<'v>(
    estate: &Estate,
    documents: impl IntoIterator<Item = (&'v Value, Truth)>,
    request: &Request<'_>,
) -> Decision {
    let mut allowed: Option<(Truth, Span, String)> = None;
    let mut denied: Option<(Truth, Span, String)> = None;
    let mut unread = None;
    for (document, counts) in documents {
        let Some(statements) = statements(document) else {
            unread = Some(Decision::Unknown(document.span, format!("the policy is {}", document.describe())));
            continue;
        };
        for statement in statements {
            let applies = statement.applies(estate, request).and(counts);
            if applies == Truth::No {
                continue;
            }
            let known = match statement.effect() {
                Some(true) => &mut allowed,
                Some(false) => &mut denied,
                None => {
                    return Decision::Unknown(
                        statement.value.span,
                        "the statement's effect is not known".into(),
                    );
                }
            };
            if known.as_ref().is_none_or(|(truth, ..)| applies > *truth) {
                let doubt =
                    if applies == Truth::Yes { String::new() } else { statement.doubt(estate, request) };
                *known = Some((applies, statement.value.span, doubt));
            }
        }
    }
    match (denied, allowed, unread) {
        (Some((Truth::Yes, span, _)), _, _) => Decision::Denied(span),
        (_, _, Some(unread)) => unread,
        (_, None, None) => Decision::NotAllowed,
        (None, Some((Truth::Yes, span, _)), None) => Decision::Allowed(span),
        (Some((_, span, doubt)), _, None) => {
            Decision::Unknown(span, format!("a statement that denies may apply: {doubt}"))
        }
        (None, Some((_, span, doubt)), None) => {
            Decision::Unknown(span, format!("the statement that allows may not apply: {doubt}"))
        }
    }
}

/// Whether a statement of `document` denies `request`, whatever others allow: denied, not known, or
/// [`Decision::NotAllowed`] where none does.
#[must_use]
pub fn denies(estate: &Estate, document: &Value, request: &Request<'_>) -> Decision {
    let Some(statements) = statements(document) else {
        return Decision::Unknown(document.span, format!("the policy is {}", document.describe()));
    };
    let mut doubt = None;
    for statement in statements.iter().filter(|statement| statement.effect() != Some(true)) {
        let span = statement.value.span;
        match (statement.applies(estate, request), statement.effect()) {
            (Truth::No, _) => {}
            (Truth::Yes, Some(false)) => return Decision::Denied(span),
            (_, None) => doubt = Some((span, "the statement's effect is not known".to_owned())),
            (_, Some(_)) => {
                doubt = Some((
                    span,
                    format!("a statement that denies may apply: {}", statement.doubt(estate, request)),
                ))
            }
        }
    }
    doubt.map_or(Decision::NotAllowed, |(span, because)| Decision::Unknown(span, because))
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

    /// Why it is not known whether the statement applies, in words.
    fn doubt(&self, estate: &Estate, request: &Request<'_>) -> String {
        if self.matches_action(estate, request.action) == Truth::Unknown {
            return "its actions are not known".into();
        }
        if self.matches_principal(request.principal) == Truth::Unknown {
            return "its principal is not known".into();
        }
        if self.matches_resource(estate, &request.resource) == Truth::Unknown {
            return "its resource is not known".into();
        }
        for operator in self.element("Condition").and_then(Value::as_map).into_iter().flatten() {
            for key in operator.value.as_map().into_iter().flatten() {
                let value = request.context.iter().find(|(name, _)| name.eq_ignore_ascii_case(&key.key));
                if value.is_none_or(|(_, value)| {
                    operator_holds(estate, &operator.key, &key.value, value) == Truth::Unknown
                }) {
                    return format!("it depends on `{}`", key.key);
                }
            }
        }
        "it is there only under a condition".into()
    }

    /// Whether `Action` or `NotAction` covers the action.
    #[must_use]
    pub fn matches_action(&self, estate: &Estate, action: &str) -> Truth {
        let action = literal(action);
        let any = |value: &Value| any_of(value, |item| matches(&pattern(estate, item), &action, true));
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
        let any = |value: &Value| any_of(value, |item| matches(&pattern(estate, item), resource, false));
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
            // "Everybody" is not refused by a statement that leaves somebody out; who that is, is not asked.
            (Principal::Anyone, None, Some(_)) if self.effect() == Some(false) => Truth::Unknown,
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

/// One condition operator on a key that has one value, or none.
///
/// A key that the request does not have makes an operator false, a negated one true; `IfExists` and
/// `ForAllValues` make either true. Source: IAM User Guide, "IAM JSON policy elements: Condition operators" and
/// "Multivalued context keys".
fn operator_holds(estate: &Estate, operator: &str, wanted: &Value, value: &[Token]) -> Truth {
    let (set, operator) = operator.split_once(':').map_or(("", operator), |(set, rest)| (set, rest));
    let name = operator.strip_suffix("IfExists").unwrap_or(operator);
    let negated = name.contains("Not");
    let missing = value == absent();
    if name == "Null" {
        return any_of(wanted, |item| {
            item.as_bool().map_or(Truth::Unknown, |null| Truth::of(null == missing))
        });
    }
    if missing {
        return match set {
            "ForAllValues" => Truth::Yes,
            "ForAnyValue" => Truth::No,
            _ => Truth::of(negated || name != operator),
        };
    }
    let any = |fold: bool, glob: bool| {
        any_of(wanted, |item| {
            let item = pattern(estate, item);
            let plain = !item.iter().any(|token| matches!(token, Token::Char('*' | '?')));
            if glob || plain { matches(&item, value, fold) } else { Truth::of(item == value) }
        })
    };
    let number = |holds: fn(f64, f64) -> bool| {
        let is = known(value).and_then(|text| text.parse::<f64>().ok());
        any_of(wanted, |item| {
            let wanted = item.as_text().and_then(|text| text.parse::<f64>().ok());
            is.zip(wanted).map_or(Truth::Unknown, |(is, wanted)| Truth::of(holds(is, wanted)))
        })
    };
    match name {
        "Bool" => any(true, false),
        "StringEquals" => any(false, false),
        "StringNotEquals" => any(false, false).negated(),
        "StringEqualsIgnoreCase" => any(true, false),
        "StringNotEqualsIgnoreCase" => any(true, false).negated(),
        "StringLike" | "ArnLike" | "ArnEquals" => any(false, true),
        "StringNotLike" | "ArnNotLike" | "ArnNotEquals" => any(false, true).negated(),
        "NumericEquals" => number(|is, wanted| (is - wanted).abs() < f64::EPSILON),
        "NumericNotEquals" => number(|is, wanted| (is - wanted).abs() < f64::EPSILON).negated(),
        "NumericLessThan" => number(|is, wanted| is < wanted),
        "NumericLessThanEquals" => number(|is, wanted| is <= wanted),
        "NumericGreaterThan" => number(|is, wanted| is > wanted),
        "NumericGreaterThanEquals" => number(|is, wanted| is >= wanted),
        _ => Truth::Unknown,
    }
}

/// The text of a pattern in a policy: a policy variable (`${aws:username}`) is not known.
///
/// Source: IAM User Guide, "IAM policy elements: Variables and tags".
fn pattern(estate: &Estate, value: &Value) -> Vec<Token> {
    let all = tokens(estate, value);
    if !all.windows(2).any(|pair| pair == [Token::Char('$'), Token::Char('{')]) {
        return all;
    }
    let mut out = Vec::with_capacity(all.len());
    let mut rest = all.into_iter().peekable();
    while let Some(token) = rest.next() {
        if token == Token::Char('$') && rest.peek() == Some(&Token::Char('{')) {
            let name: Vec<Token> = rest.by_ref().take_while(|token| *token != Token::Char('}')).collect();
            out.push(Token::Unknown(crate::text::shown(&name).into()));
        } else {
            out.push(token);
        }
    }
    out
}

/// Whether a `Principal` element covers who asks.
fn covers(value: &Value, who: Principal<'_>) -> Truth {
    any_case(value, |value| match &value.kind {
        Kind::String(text) => Truth::of(text == "*"),
        Kind::Map(kinds) => kinds.iter().fold(Truth::No, |any, entry| {
            let item_covers = |item: &Value| match (entry.key.as_str(), who, service_name(item).as_deref()) {
                ("AWS" | "*", Principal::Anyone, Some(text)) => Truth::of(text == "*"),
                ("Service", Principal::Service(name), Some(text)) => Truth::of(text == name),
                ("AWS", Principal::Service(_), Some("*")) => Truth::Yes,
                ("AWS", Principal::Anyone, None) | ("Service", Principal::Service(_), None) => {
                    if item.as_reference().is_some() || names_somebody(item) {
                        Truth::No
                    } else {
                        Truth::Unknown
                    }
                }
                _ => Truth::No,
            };
            any.or(any_of(&entry.value, item_covers))
        }),
        _ => Truth::Unknown,
    })
}

/// A text that is literal but for the domain and the partition, which are the same all over an estate.
fn service_name(value: &Value) -> Option<String> {
    match &value.kind {
        Kind::String(text) => Some(text.to_string()),
        Kind::Join(pieces) => pieces.iter().map(service_name).collect(),
        Kind::Reference(reference) => match &reference.target {
            Target::Pseudo { pseudo: Pseudo::UrlSuffix, .. } => Some("amazonaws.com".to_owned()),
            Target::Pseudo { pseudo: Pseudo::Partition, .. } => Some("aws".to_owned()),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a text put together at deployment starts as an ARN does: it is not `*`, and no service's name.
fn names_somebody(value: &Value) -> bool {
    match &value.kind {
        Kind::Join(pieces) => {
            pieces.first().and_then(Value::as_str).is_some_and(|text| text.starts_with("arn:"))
        }
        _ => false,
    }
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
    let mut each =
        value.alternatives(&[]).into_iter().map(|alternative| alternative.value.map_or(Truth::No, &holds));
    let first = each.next().unwrap_or(Truth::No);
    if each.all(|truth| truth == first) { first } else { Truth::Unknown }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use estate::Estate;

    use super::{Decision, Principal, Request, decide};
    use crate::text::{absent, literal};

    /// What a statement with `condition` says of a request whose key `k` has `value`; `None`: certainly none.
    fn check(condition: &str, value: Option<&str>, expected: &str) {
        let text = format!(
            r#"{{"Statement": {{"Effect": "Allow", "Action": "s3:Put*", "Resource": "*", "Condition": {condition}}}}}"#
        );
        let document = estate::from_json(&serde_json::from_str(&text).unwrap());
        let context = vec![("k", value.map_or_else(absent, literal))];
        let request = Request {
            principal: Principal::Bearer,
            action: "s3:PutObject",
            resource: literal("arn:x"),
            context,
        };
        let said = match decide(&Estate::default(), &document, &request) {
            Decision::Allowed(_) => "allowed",
            Decision::Denied(_) => "denied",
            Decision::NotAllowed => "not allowed",
            Decision::Unknown(..) => "unknown",
        };
        assert_eq!(said, expected, "{condition} with {value:?}");
    }

    #[test]
    fn operators_judge_values_and_their_absence() {
        check(r#"{"StringEquals": {"K": ["a", "b"]}}"#, Some("b"), "allowed");
        check(r#"{"StringEquals": {"k": "b"}}"#, Some("B"), "not allowed");
        check(r#"{"StringEquals": {"k": "b"}}"#, None, "not allowed");
        check(r#"{"StringNotEquals": {"k": "b"}}"#, None, "allowed");
        check(r#"{"StringNotEquals": {"k": "b"}}"#, Some("b"), "not allowed");
        check(r#"{"StringEqualsIfExists": {"k": "b"}}"#, None, "allowed");
        check(r#"{"ForAllValues:StringEquals": {"k": "b"}}"#, None, "allowed");
        check(r#"{"ForAnyValue:StringLike": {"k": "b*"}}"#, Some("bcd"), "allowed");
        check(r#"{"Null": {"k": "true"}}"#, None, "allowed");
        check(r#"{"Null": {"k": "true"}}"#, Some("x"), "not allowed");
        check(r#"{"NumericLessThan": {"k": "1.2"}}"#, Some("1.1"), "allowed");
        check(r#"{"NumericLessThan": {"k": 1.2}}"#, Some("1.2"), "not allowed");
        check(r#"{"StringLike": {"k": "${aws:username}/*"}}"#, Some("x/y"), "unknown");
        check(r#"{"IpAddress": {"k": "10.0.0.0/8"}}"#, Some("10.1.1.1"), "unknown");
        check(r#"{"StringEquals": {"other": "b"}}"#, Some("b"), "unknown");
    }
}
