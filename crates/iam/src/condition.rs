//! Whether a condition holds in a request.
//!
//! In: a compiled [`Test`] and the request's context. Out: [`Tri`]. Must always hold: an absent key fails a
//! positive operator, and holds for a negated one, `IfExists`, and `ForAllValues`; nothing is allocated.
//!
//! Sources: "IAM JSON policy elements: Condition operators", "Conditions with multiple context keys or values",
//! "Single-valued vs. multivalued context keys", IAM User Guide.

use catalog::{Catalog, ConditionKey};
use smol_str::SmolStr;

use crate::context::{Context, Value, key_hash};
use crate::glob::{Pattern, Tri};
use crate::operator::{Family, Operator, Qualifier, spell};
use crate::policy::{Condition, ConditionValue};
use crate::text::{Segment, Text};
use crate::value::{Range, address, arn, boolean, date, number};

/// A compiled condition.
#[derive(Debug, Clone)]
pub struct Test {
    /// `StringEquals aws:PrincipalOrgID`, for people.
    shown: SmolStr,
    hash: u64,
    key: SmolStr,
    /// Whether AWS's reference calls the key single-valued: a list of one is then that one.
    single: bool,
    qualifier: Qualifier,
    if_exists: bool,
    negated: bool,
    values: Values,
}

/// The values of a condition as its operator reads them.
#[derive(Debug, Clone)]
enum Values {
    Texts(Box<[Pattern]>),
    Caseless(Box<[Pattern]>),
    Arns(Box<[ArnPattern]>),
    Numbers(Operator, Box<[Option<f64>]>),
    Dates(Operator, Box<[Option<i64>]>),
    Booleans(Box<[Pattern]>),
    Ranges(Box<[Option<Range>]>),
    Null(Box<[Option<bool>]>),
}

/// A pattern of ARNs, part by part.
#[derive(Debug, Clone)]
enum ArnPattern {
    Parts(Box<[Pattern; 6]>),
    /// Not an ARN: matches nothing.
    Nothing,
    /// A variable or an unknown stands for more than one part.
    Whole(Pattern),
}

impl Test {
    /// Compiles a condition.
    #[must_use]
    pub fn new(condition: &Condition) -> Self {
        let texts = || condition.values.iter().map(|value| &value.text);
        let patterns = || texts().map(Pattern::new).collect();
        let values = match condition.operator.family() {
            Family::String if condition.operator.name().ends_with("IgnoreCase") => {
                Values::Caseless(patterns())
            }
            // "BinaryEquals compares … byte for byte against a base-64 encoded representation": both sides are given
            // in base 64.
            Family::String | Family::Binary => Values::Texts(patterns()),
            Family::Arn => Values::Arns(texts().map(ArnPattern::new).collect()),
            Family::Numeric => Values::Numbers(condition.operator, known(condition, number)),
            Family::Date => Values::Dates(condition.operator, known(condition, date)),
            Family::Boolean => {
                Values::Booleans(texts().map(|text| Pattern::new(&text.to_lowercase())).collect())
            }
            Family::IpAddress => Values::Ranges(known(condition, Range::parse)),
            Family::Null => Values::Null(known(condition, boolean)),
        };
        let name = spell(condition.qualifier, condition.operator, condition.if_exists);
        Self {
            shown: smol_str::format_smolstr!("{name} {}", condition.written_key),
            hash: key_hash(&condition.key),
            key: condition.key.clone(),
            single: is_single_valued(&condition.key),
            qualifier: condition.qualifier,
            if_exists: condition.if_exists,
            negated: condition.operator.negated(),
            values,
        }
    }

    /// Whether it limits a statement to callers with fixed properties.
    #[must_use]
    pub fn limits_who(&self) -> bool {
        const KEYS: &[&str] = &[
            "aws:sourceip",
            "aws:sourcearn",
            "aws:sourcevpc",
            "aws:sourcevpce",
            "aws:sourceowner",
            "aws:sourceaccount",
            "aws:userid",
            "aws:principalorgid",
            "aws:principalorgpaths",
            "aws:principalaccount",
            "aws:principalarn",
            "aws:sourceorgid",
            "s3:dataaccesspointarn",
            "s3:dataaccesspointaccount",
        ];
        let fixed = match &self.values {
            Values::Texts(patterns) => patterns.iter().all(|pattern| matches!(pattern, Pattern::Exact(_))),
            Values::Ranges(ranges) => ranges.iter().flatten().all(Range::is_narrow),
            Values::Arns(patterns) => patterns.iter().all(ArnPattern::has_account),
            _ => false,
        };
        KEYS.contains(&self.key.as_str()) && !self.negated && !self.if_exists && fixed
    }

    /// The condition and what the request has for its key.
    #[must_use]
    pub fn describe(&self, context: &Context) -> String {
        match context.find(self.hash, &self.key).map(Value::texts) {
            None => format!("{} (the request lacks the key)", self.shown),
            Some([]) => format!("{} (the request has no value for it)", self.shown),
            Some(texts) => {
                let texts: Vec<&str> = texts.iter().take(4).map(SmolStr::as_str).collect();
                format!("{} (the request has {})", self.shown, texts.join(", "))
            }
        }
    }

    /// Whether it holds.
    #[must_use]
    pub fn holds(&self, context: &Context) -> Tri {
        let found = context.find(self.hash, &self.key);
        if let Values::Null(wanted) = &self.values {
            // "true (the key doesn't exist — it is null) or false (the key exists and its value is not null)"
            let absent = found.is_none_or(|value| value.texts().is_empty());
            return wanted.contains(&Some(absent)).into();
        }
        let texts = found.map_or(&[][..], Value::texts);
        let empty = texts.is_empty();
        match self.qualifier {
            _ if found.is_none() && self.if_exists => Tri::Yes,
            // "It also returns true if there are no keys in the request, or if the key values resolve to a null data
            // set, such as an empty string."
            Qualifier::ForAllValues if texts.iter().all(SmolStr::is_empty) => Tri::Yes,
            Qualifier::ForAllValues => texts.iter().fold(Tri::Yes, |all, text| {
                if all == Tri::No { all } else { all.and(self.one(text, context)) }
            }),
            Qualifier::ForAnyValue => texts.iter().fold(Tri::No, |any, text| {
                if any == Tri::Yes { any } else { any.or(self.one(text, context)) }
            }),
            Qualifier::None if found.is_none() || empty => self.negated.into(),
            Qualifier::None => match (found, texts) {
                (Some(Value::One(_)), [text]) => self.one(text, context),
                (_, [text]) if self.single => self.one(text, context),
                // A key with several values is compared by a set operator only.
                _ => Tri::No,
            },
        }
    }

    /// Whether it holds for one value of the request.
    fn one(&self, text: &str, context: &Context) -> Tri {
        let matched = self.matched(text, context);
        if self.negated { matched.not() } else { matched }
    }

    /// Whether a value of the policy matches the value of the request.
    fn matched(&self, text: &str, context: &Context) -> Tri {
        match &self.values {
            Values::Texts(patterns) => any(patterns, |pattern| pattern.matches(text, context)),
            Values::Caseless(patterns) => {
                any(patterns, |pattern| pattern.equals_ignoring_case(text, context))
            }
            Values::Arns(patterns) => match arn(text) {
                Some(parts) => any(patterns, |pattern| {
                    pattern.matches(text, &parts, context).unwrap_or(self.uncomparable())
                }),
                None => self.uncomparable(),
            },
            Values::Booleans(patterns) => match boolean(text) {
                Some(value) => {
                    let word = if value { "true" } else { "false" };
                    any(patterns, |pattern| pattern.equals_ignoring_case(word, context))
                }
                None => Tri::No,
            },
            Values::Numbers(operator, values) => match number(text) {
                Some(asked) => any(values, |value| {
                    value.map_or(self.uncomparable(), |value| compares(*operator, &asked, &value).into())
                }),
                None => self.uncomparable(),
            },
            Values::Dates(operator, values) => match date(text) {
                Some(asked) => any(values, |value| {
                    value.map_or(self.uncomparable(), |value| compares(*operator, &asked, &value).into())
                }),
                None => self.uncomparable(),
            },
            Values::Ranges(ranges) => match address(text) {
                Some(asked) => any(ranges, |range| {
                    range.map_or(self.uncomparable(), |range| range.contains(asked).into())
                }),
                None => self.uncomparable(),
            },
            Values::Null(_) => Tri::Unknown,
        }
    }

    /// A value of the request or the policy is not of the operator's kind. It matches nothing; whether it then satisfies the
    /// negated operator, AWS does not say.
    fn uncomparable(&self) -> Tri {
        if self.negated { Tri::Unknown } else { Tri::No }
    }
}

fn any<T>(values: &[T], mut test: impl FnMut(&T) -> Tri) -> Tri {
    let mut out = Tri::No;
    for value in values {
        out = out.or(test(value));
        if out == Tri::Yes {
            break;
        }
    }
    out
}

fn known<T>(condition: &Condition, read: impl Fn(&str) -> Option<T>) -> Box<[Option<T>]> {
    let one = |value: &ConditionValue| value.text.as_literal().and_then(&read);
    condition.values.iter().map(one).collect()
}

/// `asked` is the request's value, `value` the policy's: `NumericLessThan` holds where the request's is less.
fn compares<T: PartialOrd>(operator: Operator, asked: &T, value: &T) -> bool {
    match operator {
        Operator::NumericLessThan | Operator::DateLessThan => asked < value,
        Operator::NumericLessThanEquals | Operator::DateLessThanEquals => asked <= value,
        Operator::NumericGreaterThan | Operator::DateGreaterThan => asked > value,
        Operator::NumericGreaterThanEquals | Operator::DateGreaterThanEquals => asked >= value,
        _ => asked == value,
    }
}

/// The key in AWS's reference: global first, then of its service.
#[must_use]
pub fn known_key(key: &str) -> Option<&'static ConditionKey> {
    let iam = Catalog::shared().iam();
    let of = |keys: &'static [ConditionKey]| {
        let exact = keys.iter().find(|known| known.name.eq_ignore_ascii_case(key));
        exact.or_else(|| keys.iter().find(|known| same_family(&known.name, key)))
    };
    let (prefix, _) = key.split_once(':')?;
    of(iam.global_condition_keys()).or_else(|| of(&iam.service(prefix)?.condition_keys))
}

/// Whether AWS's reference calls a key, in lower case, single-valued.
fn is_single_valued(key: &str) -> bool {
    known_key(key).is_some_and(|known| !known.multivalued)
}

/// Whether `name` is a key of which a part varies (`aws:ResourceTag/${TagKey}`, `…/tag-key`, `…/<key>`) and `key` one of
/// its forms.
#[must_use]
pub fn same_family(name: &str, key: &str) -> bool {
    let stem = match name.split_once("${").or_else(|| name.split_once('<')) {
        Some((stem, _)) => Some(stem),
        None => name.strip_suffix("tag-key"),
    };
    stem.is_some_and(|stem| {
        !stem.is_empty() && key.get(..stem.len()).is_some_and(|start| start.eq_ignore_ascii_case(stem))
    })
}

impl ArnPattern {
    /// "Each of the six colon-delimited components of the ARN is checked separately."
    fn new(text: &Text) -> Self {
        if let Some(parts) = text.arn_parts() {
            return Self::Parts(Box::new(parts.map(|part| Pattern::new(&part))));
        }
        // `${aws:PrincipalArn}` alone is a whole ARN once its value stands there.
        let open = |segment: &Segment| matches!(segment, Segment::Variable(_) | Segment::Unknown(_));
        match text.segments.iter().any(open) {
            true => Self::Whole(Pattern::new(text)),
            false if text.is_any() => Self::Whole(Pattern::Any),
            false => Self::Nothing,
        }
    }

    /// Whether the account's part is fixed.
    fn has_account(&self) -> bool {
        matches!(self, Self::Parts(parts) if matches!(parts.get(4), Some(Pattern::Exact(account)) if !account.is_empty()))
    }

    /// `None` where the policy's value is no ARN.
    fn matches(&self, whole: &str, parts: &[&str; 6], context: &Context) -> Option<Tri> {
        Some(match self {
            Self::Nothing => return None,
            Self::Whole(pattern) => pattern.matches(whole, context),
            Self::Parts(patterns) => patterns.iter().zip(parts).fold(Tri::Yes, |all, (pattern, part)| {
                if all == Tri::No { all } else { all.and(pattern.matches(part, context)) }
            }),
        })
    }
}
