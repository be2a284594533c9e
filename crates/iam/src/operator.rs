//! The condition operators: their names, families, and what each takes.
//!
//! In: a name as it stands in a policy. Out: [`Operator`] with [`Qualifier`] and `IfExists`. Must always hold:
//! every operator of AWS's page is here once.
//!
//! Source: "IAM JSON policy elements: Condition operators", IAM User Guide.

use smol_str::SmolStr;

/// How a condition compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "AWS's own words")]
pub enum Operator {
    StringEquals,
    StringNotEquals,
    StringEqualsIgnoreCase,
    StringNotEqualsIgnoreCase,
    StringLike,
    StringNotLike,
    NumericEquals,
    NumericNotEquals,
    NumericLessThan,
    NumericLessThanEquals,
    NumericGreaterThan,
    NumericGreaterThanEquals,
    DateEquals,
    DateNotEquals,
    DateLessThan,
    DateLessThanEquals,
    DateGreaterThan,
    DateGreaterThanEquals,
    Bool,
    BinaryEquals,
    IpAddress,
    NotIpAddress,
    ArnEquals,
    ArnLike,
    ArnNotEquals,
    ArnNotLike,
    Null,
}

/// What an operator compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "AWS's own words")]
pub enum Family {
    String,
    Numeric,
    Date,
    Boolean,
    Binary,
    IpAddress,
    Arn,
    Null,
}

/// How the several values of a key in the request count.
///
/// Source: "Multivalued context keys", IAM User Guide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Qualifier {
    /// Neither: a key with one value.
    None,
    /// `ForAllValues:`: every value of the request matches; so also where there is none.
    ForAllValues,
    /// `ForAnyValue:`: a value of the request matches; not where there is none.
    ForAnyValue,
}

/// Every operator.
pub const ALL: &[Operator] = &[
    Operator::StringEquals,
    Operator::StringNotEquals,
    Operator::StringEqualsIgnoreCase,
    Operator::StringNotEqualsIgnoreCase,
    Operator::StringLike,
    Operator::StringNotLike,
    Operator::NumericEquals,
    Operator::NumericNotEquals,
    Operator::NumericLessThan,
    Operator::NumericLessThanEquals,
    Operator::NumericGreaterThan,
    Operator::NumericGreaterThanEquals,
    Operator::DateEquals,
    Operator::DateNotEquals,
    Operator::DateLessThan,
    Operator::DateLessThanEquals,
    Operator::DateGreaterThan,
    Operator::DateGreaterThanEquals,
    Operator::Bool,
    Operator::BinaryEquals,
    Operator::IpAddress,
    Operator::NotIpAddress,
    Operator::ArnEquals,
    Operator::ArnLike,
    Operator::ArnNotEquals,
    Operator::ArnNotLike,
    Operator::Null,
];

impl Operator {
    /// Its name in AWS's spelling.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::StringEquals => "StringEquals",
            Self::StringNotEquals => "StringNotEquals",
            Self::StringEqualsIgnoreCase => "StringEqualsIgnoreCase",
            Self::StringNotEqualsIgnoreCase => "StringNotEqualsIgnoreCase",
            Self::StringLike => "StringLike",
            Self::StringNotLike => "StringNotLike",
            Self::NumericEquals => "NumericEquals",
            Self::NumericNotEquals => "NumericNotEquals",
            Self::NumericLessThan => "NumericLessThan",
            Self::NumericLessThanEquals => "NumericLessThanEquals",
            Self::NumericGreaterThan => "NumericGreaterThan",
            Self::NumericGreaterThanEquals => "NumericGreaterThanEquals",
            Self::DateEquals => "DateEquals",
            Self::DateNotEquals => "DateNotEquals",
            Self::DateLessThan => "DateLessThan",
            Self::DateLessThanEquals => "DateLessThanEquals",
            Self::DateGreaterThan => "DateGreaterThan",
            Self::DateGreaterThanEquals => "DateGreaterThanEquals",
            Self::Bool => "Bool",
            Self::BinaryEquals => "BinaryEquals",
            Self::IpAddress => "IpAddress",
            Self::NotIpAddress => "NotIpAddress",
            Self::ArnEquals => "ArnEquals",
            Self::ArnLike => "ArnLike",
            Self::ArnNotEquals => "ArnNotEquals",
            Self::ArnNotLike => "ArnNotLike",
            Self::Null => "Null",
        }
    }

    /// What it compares.
    #[must_use]
    pub fn family(self) -> Family {
        let name = self.name();
        match self {
            Self::Bool => Family::Boolean,
            Self::BinaryEquals => Family::Binary,
            Self::IpAddress | Self::NotIpAddress => Family::IpAddress,
            Self::Null => Family::Null,
            _ if name.starts_with("String") => Family::String,
            _ if name.starts_with("Numeric") => Family::Numeric,
            _ if name.starts_with("Date") => Family::Date,
            _ => Family::Arn,
        }
    }

    /// Whether it holds where none of the values matches, and where the key is absent.
    #[must_use]
    pub fn negated(self) -> bool {
        self.name().contains("Not")
    }

    /// Whether `*` and `?` in its values are wildcards.
    ///
    /// Source: "IAM JSON policy elements: Condition operators": `ArnEquals` and `ArnLike` behave identically.
    #[must_use]
    pub fn takes_wildcards(self) -> bool {
        matches!(self, Self::StringLike | Self::StringNotLike) || self.family() == Family::Arn
    }

    /// The operator that this one negates, or itself.
    #[must_use]
    pub fn positive(self) -> Self {
        match self {
            Self::StringNotEquals => Self::StringEquals,
            Self::StringNotEqualsIgnoreCase => Self::StringEqualsIgnoreCase,
            Self::StringNotLike => Self::StringLike,
            Self::NumericNotEquals => Self::NumericEquals,
            Self::DateNotEquals => Self::DateEquals,
            Self::NotIpAddress => Self::IpAddress,
            Self::ArnNotEquals => Self::ArnEquals,
            Self::ArnNotLike => Self::ArnLike,
            other => other,
        }
    }
}

impl Qualifier {
    /// `ForAllValues:`, `ForAnyValue:` or nothing.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::ForAllValues => "ForAllValues:",
            Self::ForAnyValue => "ForAnyValue:",
        }
    }
}

/// An operator as a policy writes it: `ForAllValues:StringLikeIfExists`. Case does not count.
#[must_use]
pub fn parse(written: &str) -> Option<(Qualifier, Operator, bool)> {
    let lower = written.to_ascii_lowercase();
    let (qualifier, rest) = match lower.split_once(':') {
        None => (Qualifier::None, lower.as_str()),
        Some(("forallvalues", rest)) => (Qualifier::ForAllValues, rest),
        Some(("foranyvalue", rest)) => (Qualifier::ForAnyValue, rest),
        Some(_) => return None,
    };
    let (name, if_exists) = rest.strip_suffix("ifexists").map_or((rest, false), |name| (name, true));
    let operator = ALL.iter().copied().find(|operator| operator.name().eq_ignore_ascii_case(name))?;
    // "You can add IfExists to the end of any condition operator name except the Null condition."
    (!(operator == Operator::Null && if_exists)).then_some((qualifier, operator, if_exists))
}

/// An operator in AWS's spelling.
#[must_use]
pub fn spell(qualifier: Qualifier, operator: Operator, if_exists: bool) -> SmolStr {
    let suffix = if if_exists { "IfExists" } else { "" };
    smol_str::format_smolstr!("{}{}{suffix}", qualifier.prefix(), operator.name())
}
