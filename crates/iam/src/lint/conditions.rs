//! Conditions: do their keys exist, do the operators fit, can they hold.
//!
//! In: a statement and the actions it names. Out: diagnostics.
//!
//! Sources: "IAM JSON policy elements: Condition operators", "AWS global condition context keys", "Single-valued vs.
//! multivalued context keys", IAM User Guide; the Service Authorization Reference.

use catalog::{Catalog, ConditionKey, IamService};
use diagnostics::{Diagnostic, Diagnostics, did_you_mean};

use crate::codes::{
    BAD_CONDITION_VALUE, KEY_UNUSED, NEVER_HOLDS, NO_VARIABLE_HERE, PLAIN_WILDCARD, SET_OPERATOR,
    UNKNOWN_KEY, WRONG_OPERATOR,
};
use crate::condition::{known_key, same_family};
use crate::lint::Named;
use crate::operator::{Family, Operator, Qualifier};
use crate::policy::{Condition, ConditionValue, Effect, Statement};
use crate::value::{Range, arn, boolean, date, number};

/// The most values of one condition that are looked at.
const MOST: usize = 10_000;

pub fn check(statement: &Statement, named: &Named, diagnostics: &mut Diagnostics) {
    for condition in &statement.conditions {
        let known = key(condition, diagnostics);
        if let Some(known) = known {
            fits(condition, known, diagnostics);
            set(statement, condition, known, diagnostics);
        }
        if known.is_some() || tag_key(&condition.key) {
            available(statement, condition, named, diagnostics);
        }
        if condition.values.is_empty() {
            let text = "this list of values is empty: nothing matches it";
            diagnostics.push(Diagnostic::error(NEVER_HOLDS, condition.span, text));
        }
        for value in condition.values.iter().take(MOST) {
            self::value(condition, value, diagnostics);
        }
    }
    contradictions(statement, diagnostics);
}

fn tag_key(key: &str) -> bool {
    ["aws:resourcetag/", "aws:requesttag/", "aws:principaltag/", "aws:tagkeys"]
        .iter()
        .any(|start| key.starts_with(start))
}

fn key(condition: &Condition, diagnostics: &mut Diagnostics) -> Option<&'static ConditionKey> {
    let iam = Catalog::shared().iam();
    if let Some(known) = known_key(&condition.key) {
        return Some(known);
    }
    let written = &condition.written_key;
    let Some((prefix, _)) = condition.key.split_once(':') else {
        let text = format!("`{written}` is no condition key");
        let warning = Diagnostic::warning(UNKNOWN_KEY, condition.key_span, text);
        diagnostics.push(warning.expected("`prefix:Name`, such as `aws:SourceVpc`"));
        return None;
    };
    let keys: &[ConditionKey] = match prefix {
        "aws" => iam.global_condition_keys(),
        _ => match iam.service(prefix) {
            Some(service) => &service.condition_keys,
            // Identity providers make keys of their own: `token.actions.githubusercontent.com:sub`.
            None => return None,
        },
    };
    let names = keys.iter().map(|known| known.name.split(['$', '<']).next().unwrap_or(&known.name));
    let text = format!("there is no condition key `{written}`");
    let warning = Diagnostic::warning(UNKNOWN_KEY, condition.key_span, text);
    diagnostics.push(warning.maybe_help(did_you_mean(written, names)));
    None
}

/// Whether the operator compares what the key holds.
fn fits(condition: &Condition, known: &ConditionKey, diagnostics: &mut Diagnostics) {
    let family = condition.operator.family();
    let (good, advice): (bool, &str) = match known.kind.to_ascii_lowercase().as_str() {
        "arn" => (matches!(family, Family::Arn | Family::String), "ArnLike"),
        "bool" | "boolean" => (matches!(family, Family::Boolean | Family::String), "Bool"),
        "numeric" | "long" | "integer" => {
            (matches!(family, Family::Numeric | Family::String), "NumericEquals")
        }
        "date" | "datetime" => (matches!(family, Family::Date | Family::Numeric), "DateGreaterThan"),
        "ipaddress" => (family == Family::IpAddress, "IpAddress"),
        "binary" => (matches!(family, Family::Binary | Family::String), "BinaryEquals"),
        // Texts hold ARNs, numbers, booleans and dates too.
        _ => (family != Family::IpAddress, "StringEquals"),
    };
    if good || family == Family::Null {
        return;
    }
    let text = format!(
        "`{}` compares {}, but `{}` is of type {}",
        condition.operator.name(),
        family_word(family),
        condition.written_key,
        known.kind
    );
    let warning = Diagnostic::warning(WRONG_OPERATOR, condition.operator_span, text);
    diagnostics.push(warning.help(format!("use `{advice}` or one of its kind")));
}

fn family_word(family: Family) -> &'static str {
    match family {
        Family::String => "texts",
        Family::Numeric => "numbers",
        Family::Date => "dates",
        Family::Boolean => "booleans",
        Family::Binary => "binaries",
        Family::IpAddress => "addresses",
        Family::Arn => "ARNs",
        Family::Null => "presence",
    }
}

/// Whether several values are compared as a set, and one is not.
fn set(statement: &Statement, condition: &Condition, known: &ConditionKey, diagnostics: &mut Diagnostics) {
    if condition.operator == Operator::Null {
        return;
    }
    let (name, key) = (condition.operator.name(), &condition.written_key);
    match (known.multivalued, condition.qualifier) {
        (true, Qualifier::None) => {
            let text = format!("`{key}` has several values in a request, which `{name}` does not compare");
            let warning = Diagnostic::warning(SET_OPERATOR, condition.operator_span, text);
            diagnostics.push(warning.help(format!("write `ForAnyValue:{name}` or `ForAllValues:{name}`")));
        }
        (false, Qualifier::ForAllValues) if statement.effect == Effect::Allow => {
            let text = format!(
                "`{key}` has one value in a request; with `ForAllValues:` this holds where it is absent too"
            );
            let warning = Diagnostic::warning(SET_OPERATOR, condition.operator_span, text);
            diagnostics.push(warning.help(format!("write `{name}`")));
        }
        (true, Qualifier::ForAllValues) if statement.effect == Effect::Allow => {
            let asked = |other: &Condition| other.operator == Operator::Null && other.key == condition.key;
            if !statement.conditions.iter().any(asked) {
                let text = format!("this Allow also holds where a request has no `{key}`");
                let note = Diagnostic::note(SET_OPERATOR, condition.operator_span, text);
                diagnostics.push(
                    note.help(format!("add \"Null\": {{\"{key}\": \"false\"}} where it must be there")),
                );
            }
        }
        _ => {}
    }
}

/// Whether any action of the statement carries the key.
fn available(statement: &Statement, condition: &Condition, named: &Named, diagnostics: &mut Diagnostics) {
    let keys = Catalog::shared().iam().global_condition_keys();
    let of_request = ["aws:resourcetag/", "aws:requesttag/", "aws:tagkeys"];
    let global = keys.iter().any(|known| {
        known.name.eq_ignore_ascii_case(&condition.key) || same_family(&known.name, &condition.key)
    });
    if (global && !of_request.iter().any(|start| condition.key.starts_with(start))) || !named.complete() {
        return;
    }
    let carries = |(service, action): &(&'static IamService, &'static catalog::IamAction)| {
        let same = |name: &smol_str::SmolStr| {
            name.eq_ignore_ascii_case(&condition.key) || same_family(name, &condition.key)
        };
        action.condition_keys.iter().any(same)
            || action.resources.iter().any(|resource| {
                resource.condition_keys.iter().any(same)
                    || service
                        .resource(&resource.name)
                        .is_some_and(|kind| kind.condition_keys.iter().any(same))
            })
    };
    if named.all().any(carries) {
        return;
    }
    let always = condition.operator.negated() || condition.if_exists;
    let what = match (always, statement.effect) {
        (true, _) => "the condition always holds",
        (false, Effect::Allow) => "the statement allows nothing",
        (false, Effect::Deny) => "the statement denies nothing",
    };
    let text = format!("no action of this statement has the key `{}`: {what}", condition.written_key);
    diagnostics.push(Diagnostic::warning(KEY_UNUSED, condition.key_span, text));
}

fn value(condition: &Condition, value: &ConditionValue, diagnostics: &mut Diagnostics) {
    let family = condition.operator.family();
    if let Some(variable) = value.text.variables().next() {
        if matches!(family, Family::Numeric | Family::Date | Family::IpAddress | Family::Null) {
            let text = format!("`{}` takes no variables", condition.operator.name());
            return diagnostics.push(Diagnostic::error(NO_VARIABLE_HERE, value.span, text));
        }
        if known_key(&variable.key).is_some_and(|known| known.multivalued) {
            let text =
                format!("`${{{}}}` has several values in a request and cannot stand here", variable.written);
            diagnostics.push(Diagnostic::error(NO_VARIABLE_HERE, value.span, text));
        }
        return;
    }
    if value.text.has_unknowns() {
        return;
    }
    let written = value.written.as_str();
    let (good, expected) = match family {
        Family::Numeric => (number(written).is_some(), "a number"),
        Family::Date => {
            (date(written).is_some(), "a date such as `2026-01-31T00:00:00Z`, or seconds since 1970")
        }
        Family::Boolean | Family::Null => (boolean(written).is_some(), "`true` or `false`"),
        Family::IpAddress => {
            (Range::parse(written).is_some(), "an address or range such as `203.0.113.0/24`")
        }
        Family::Arn => (arn(written).is_some() || value.text.is_any(), "an ARN with its six parts"),
        Family::String | Family::Binary => (true, ""),
    };
    if !good {
        let text = format!("`{written}` matches nothing under `{}`", condition.operator.name());
        return diagnostics.push(Diagnostic::error(BAD_CONDITION_VALUE, value.span, text).expected(expected));
    }
    if family == Family::IpAddress && Range::parse(written).is_some_and(|range| range.has_host_bits(written))
    {
        let text = format!("`{written}` has bits beyond its prefix, which do not count");
        diagnostics.push(Diagnostic::note(BAD_CONDITION_VALUE, value.span, text));
    }
    if family == Family::String
        && !condition.operator.takes_wildcards()
        && written.contains('*')
        && written != "*"
    {
        let like = condition.operator.name().replace("IgnoreCase", "").replace("Equals", "Like");
        let text = format!("`*` in `{written}` is plain text under `{}`", condition.operator.name());
        diagnostics
            .push(Diagnostic::warning(PLAIN_WILDCARD, value.span, text).help(format!("write `{like}`")));
    }
}

/// A key that must be absent and must have a value.
fn contradictions(statement: &Statement, diagnostics: &mut Diagnostics) {
    let absent = statement.conditions.iter().filter(|condition| {
        condition.operator == Operator::Null
            && condition.values.iter().all(|value| boolean(&value.written) == Some(true))
    });
    for null in absent {
        let needs = statement.conditions.iter().find(|other| {
            let positive =
                !other.operator.negated() && !other.if_exists && other.qualifier != Qualifier::ForAllValues;
            other.key == null.key && other.operator != Operator::Null && positive
        });
        if let Some(other) = needs {
            let text = format!(
                "`{}` cannot be absent and have a value: this statement never applies",
                null.written_key
            );
            diagnostics
                .push(Diagnostic::error(NEVER_HOLDS, null.span, text).related(other.span, "needs a value"));
        }
    }
}
