//! Whether a resource's policy lets anybody in.
//!
//! In: a policy document. Out: [`Anyone`]. Always: a statement that may or may not be limited makes the
//! answer unknown.
//!
//! Source: Amazon S3 User Guide, "Blocking public access to your Amazon S3 storage", "The meaning of
//! public": a grant to everybody is public unless a condition holds one of a few keys to fixed values; any
//! other key (`aws:Referer`, `aws:SecureTransport`, …) does not make it less public.

use diagnostics::Span;
use estate::{Kind, Value};

use crate::Facts;
use crate::addresses::is_internet;
use crate::policy::{Principal, Statement, statements};
use crate::text::{Token, Truth, tokens};

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Anyone {
    /// No statement lets everybody in.
    No,
    /// One does: where, and an action that it allows.
    Yes(Span, String),
    /// It depends: where, and on what.
    Unknown(Span, String),
}

/// Condition keys that tell who or where from, in lower case.
const LIMITING: [&str; 20] = [
    "aws:sourceip",
    "aws:vpcsourceip",
    "aws:sourcearn",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:sourcevpcarn",
    "aws:sourceowner",
    "aws:sourceaccount",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principalarn",
    "aws:principalaccount",
    "aws:principalisawsservice",
    "aws:principalservicename",
    "aws:userid",
    "s3:dataaccesspointarn",
    "s3:dataaccesspointaccount",
    "kms:calleraccount",
];

/// Whether `document` lets everybody in.
pub(crate) fn lets_anyone_in(facts: &Facts<'_>, document: &Value) -> Anyone {
    let Some(statements) = statements(document) else {
        return Anyone::Unknown(document.span, format!("the policy is {}", document.describe()));
    };
    let mut doubt = None;
    for statement in statements.iter().filter(|statement| statement.effect() != Some(false)) {
        let open = statement
            .present
            .and(statement.matches_principal(Principal::Anyone))
            .and(limited(facts, statement, &LIMITING, false).negated())
            .and(fenced(facts, &statements, &LIMITING).negated());
        let span = statement.value.span;
        match (open, statement.effect()) {
            (Truth::No, _) => {}
            (Truth::Yes, Some(true)) => return Anyone::Yes(span, action(statement)),
            (Truth::Yes, _) => doubt = Some((span, "the statement's effect is not known".to_owned())),
            (Truth::Unknown, _) => {
                doubt =
                    Some((span, "a statement may let everybody in, as what is not known decides".to_owned()));
            }
        }
    }
    doubt.map_or(Anyone::No, |(span, because)| Anyone::Unknown(span, because))
}

fn action(statement: &Statement<'_>) -> String {
    let first = statement.element("Action").and_then(|action| action.as_items().first());
    first.and_then(Value::as_str).unwrap_or("an action").to_owned()
}

/// Whether a denying statement keeps out everybody but somebody named: every action, everybody, unless a
/// limiting key has one of the listed values.
pub(crate) fn fenced(facts: &Facts<'_>, statements: &[Statement<'_>], keys: &[&str]) -> Truth {
    statements.iter().filter(|statement| statement.effect() == Some(false)).fold(
        Truth::No,
        |any, statement| {
            let whole = ["*", "s3:*", "sns:*", "sqs:*", "kms:*"];
            let actions = statement.element("Action").map_or(&[][..], Value::as_items);
            let every =
                actions.iter().any(|action| action.as_str().is_some_and(|action| whole.contains(&action)));
            let fence = statement
                .present
                .and(statement.matches_principal(Principal::Anyone))
                .and(limited(facts, statement, keys, true));
            // A fence around some actions may or may not be around those that are allowed.
            any.or(if every { fence } else { fence.min(Truth::Unknown) })
        },
    )
}

/// Whether the condition of a statement holds one of the limiting `keys`, in lower case, to fixed values; with
/// `negative`, to anything but fixed values.
pub(crate) fn limited(facts: &Facts<'_>, statement: &Statement<'_>, keys: &[&str], negative: bool) -> Truth {
    let Some(condition) = statement.element("Condition") else { return Truth::No };
    let Some(operators) = condition.as_map() else { return Truth::Unknown };
    let mut any = Truth::No;
    for operator in operators {
        let Some(entries) = operator.value.as_map() else { return Truth::Unknown };
        let name = operator.key.as_str();
        let positive = [
            "StringEquals",
            "StringEqualsIgnoreCase",
            "StringLike",
            "ArnEquals",
            "ArnLike",
            "IpAddress",
            "Bool",
        ];
        let plain = name.strip_prefix("ForAnyValue:").unwrap_or(name);
        // With IfExists and ForAllValues a request without the key passes; an address is always there.
        let base = plain.strip_suffix("IfExists").unwrap_or(plain);
        let turned = base.replacen("Not", "", 1);
        for key in entries {
            let key_name = key.key.to_ascii_lowercase();
            if !keys.contains(&key_name.as_str()) {
                continue;
            }
            let applies = match negative {
                false => positive.contains(&base) && (base == plain || key_name == "aws:sourceip"),
                true => (base != turned && positive.contains(&turned.as_str())) || base == "Bool",
            };
            if applies {
                any = any.or(fixed(facts, &key.value));
            }
        }
    }
    any
}

/// Whether every value is something in particular, not a pattern that everything matches.
fn fixed(facts: &Facts<'_>, values: &Value) -> Truth {
    values.as_items().iter().fold(Truth::Yes, |all, value| {
        let tokens = tokens(facts.estate, value);
        if matches!(value.kind, Kind::Unknown(_) | Kind::Call(_) | Kind::Case(_)) {
            return all.and(Truth::Unknown);
        }
        let said: String = tokens
            .iter()
            .map(|token| match token {
                Token::Char(c) => *c,
                Token::Symbol(_) => 'x',
                Token::Unknown(_) => '*',
            })
            .collect();
        let everything = is_internet(&said) == Some(true)
            || said.replace("arn:aws", "").chars().all(|c| matches!(c, '*' | '?' | ':' | '/'));
        let vague = tokens.iter().any(|token| matches!(token, Token::Unknown(_)));
        all.and(match (everything, vague) {
            (false, _) if !names_owner(&said) => Truth::Unknown,
            (false, _) => Truth::Yes,
            (true, true) => Truth::Unknown,
            (true, false) => Truth::No,
        })
    })
}

/// Whether an ARN says whose it is: the account, or where the service's ARNs have none, the resource. Any other
/// text does.
fn names_owner(text: &str) -> bool {
    if !text.starts_with("arn:") {
        return true;
    }
    let mut parts = text.splitn(6, ':').skip(4);
    let wild = |part: &str| part.contains(['*', '?']);
    match (parts.next(), parts.next()) {
        (Some(""), Some(resource)) => !resource.starts_with(['*', '?']),
        (Some(account), Some(_)) => !wild(account),
        _ => false,
    }
}
