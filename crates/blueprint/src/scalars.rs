//! The plain values of the language: names, durations, sizes, addresses of people and of machines.
//!
//! Each type is one line of text that either means something or is refused with what would have been
//! accepted; its pattern is in the JSON Schema, so an editor refuses the same.

use std::fmt;

use diagnostics::{Diagnostic, Diagnostics};
use document::{Kind, Node};
use serde_json::{Value, json};
use smol_str::SmolStr;

use crate::codes::BAD_VALUE;
use crate::reader::{Decode, Definitions, wrong_type};

/// Reads a value that is written as one line of text (or a number) and described by a pattern.
macro_rules! from_text {
    ($name:ident) => {
        impl Decode for $name {
            fn decode(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
                let Some(text) = text_of(node) else {
                    diagnostics.push(wrong_type(node, Self::EXPECTED));
                    return None;
                };
                match Self::parse(&text) {
                    Ok(value) => Some(value),
                    Err(why) => {
                        let message = format!("`{text}` is not {}: {why}", Self::WHAT);
                        diagnostics.push(Diagnostic::error(BAD_VALUE, node.span, message).expected(Self::EXPECTED));
                        None
                    }
                }
            }

            fn schema(definitions: &mut Definitions) -> Value {
                definitions.reference(stringify!($name), |_| {
                    json!({ "title": Self::WHAT, "description": Self::EXPECTED, "type": "string", "pattern": Self::PATTERN })
                })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.text())
            }
        }
    };
}

fn text_of(node: &Node) -> Option<SmolStr> {
    match &node.kind {
        Kind::String(text) => Some(text.clone()),
        _ => None,
    }
}

/// A name of something in the blueprint: it becomes part of bucket names, DNS labels and tags.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(SmolStr);

impl Name {
    /// What it must look like.
    pub const EXPECTED: &'static str =
        "small letters, digits and single hyphens, beginning with a letter and ending with a letter or digit";
    const WHAT: &'static str = "a name";
    /// As a regular expression.
    pub const PATTERN: &'static str = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$";

    /// Reads it, or says in a few words why it cannot be one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("it is empty".into());
        }
        if !text.starts_with(|c: char| c.is_ascii_lowercase()) {
            return Err("it does not begin with a small letter".into());
        }
        if let Some(bad) = text.chars().find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-'))
        {
            return Err(format!("`{bad}` is not allowed in it"));
        }
        if text.ends_with('-') || text.contains("--") {
            return Err("a hyphen stands between two letters or digits".into());
        }
        if text.len() > 63 {
            return Err("it has more than 63 characters".into());
        }
        Ok(Self(text.into()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn text(&self) -> &str {
        &self.0
    }
}

from_text!(Name);

/// An e-mail address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Email(SmolStr);

impl Email {
    const EXPECTED: &'static str = "an e-mail address, such as security@example.com";
    const WHAT: &'static str = "an e-mail address";
    const PATTERN: &'static str =
        r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}$";

    /// Reads it. An account's e-mail address has at most 64 characters.
    /// Source: AWS Organizations API Reference, CreateAccount, `Email`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some((local, host)) = text.rsplit_once('@') else { return Err("it has no `@`".into()) };
        let allowed = |c: char| c.is_ascii_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(c);
        if local.is_empty() || !local.chars().all(allowed) {
            return Err("what stands before the `@` is not allowed".into());
        }
        DomainName::parse(host).map_err(|why| format!("after the `@`, {why}"))?;
        if text.len() > 64 {
            return Err("it has more than 64 characters".into());
        }
        Ok(Self(text.into()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn text(&self) -> &str {
        &self.0
    }
}

from_text!(Email);

/// A fully qualified domain name, without the dot at its end, in small letters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DomainName(SmolStr);

impl DomainName {
    const EXPECTED: &'static str = "a domain name in small letters, such as portal.example.com";
    const WHAT: &'static str = "a domain name";
    const PATTERN: &'static str = r"^([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}$";

    /// Reads it; capital letters become small.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut labels = 0;
        for label in text.split('.') {
            labels += 1;
            let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
            if label.is_empty() || label.len() > 63 || !label.chars().all(inner) {
                return Err(format!("`{label}` is not a label of a domain name"));
            }
            if label.starts_with('-') || label.ends_with('-') {
                return Err(format!("the label `{label}` begins or ends with a hyphen"));
            }
        }
        let top = text.rsplit('.').next().unwrap_or_default();
        if labels < 2 || top.len() < 2 || !top.chars().all(|c| c.is_ascii_alphabetic()) {
            return Err("it does not end in a top-level domain".into());
        }
        if text.len() > 253 {
            return Err("it has more than 253 characters".into());
        }
        Ok(Self(text.to_ascii_lowercase().into()))
    }

    /// The name of `label` beneath this domain.
    #[must_use]
    pub fn beneath(&self, label: &str) -> Self {
        Self(format!("{label}.{}", self.0).into())
    }

    /// Whether this is `other` or lies beneath it.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.0 == other.0 || self.0.strip_suffix(other.as_str()).is_some_and(|rest| rest.ends_with('.'))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn text(&self) -> &str {
        &self.0
    }
}

from_text!(DomainName);

/// A length of time in whole days, months or years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Period {
    /// How many.
    pub count: u32,
    /// Of what.
    pub unit: PeriodUnit,
}

/// The unit of a [`Period`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PeriodUnit {
    /// Days.
    Days,
    /// Weeks of 7 days.
    Weeks,
    /// Months of 30 days.
    Months,
    /// Years of 365 days.
    Years,
}

impl Period {
    const EXPECTED: &'static str = "a number and a unit: `90 days`, `12 months`, `6 years`";
    const WHAT: &'static str = "a period";
    const PATTERN: &'static str = "^[1-9][0-9]{0,4} (day|week|month|year)s?$";

    /// So many days.
    #[must_use]
    pub const fn days(count: u32) -> Self {
        Self { count, unit: PeriodUnit::Days }
    }

    /// So many years.
    #[must_use]
    pub const fn years(count: u32) -> Self {
        Self { count, unit: PeriodUnit::Years }
    }

    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (number, unit) = text.split_once(' ').ok_or("it has no unit")?;
        let unit = match unit {
            "day" | "days" => PeriodUnit::Days,
            "week" | "weeks" => PeriodUnit::Weeks,
            "month" | "months" => PeriodUnit::Months,
            "year" | "years" => PeriodUnit::Years,
            _ => return Err(format!("`{unit}` is not a unit")),
        };
        let digits =
            !number.is_empty() && number.len() <= 5 && number.bytes().all(|byte| byte.is_ascii_digit());
        let count = number.parse().ok().filter(|count| *count > 0 && digits && !number.starts_with('0'));
        let period =
            Self { count: count.ok_or_else(|| format!("`{number}` is not a number from 1 to 99999"))?, unit };
        if period.in_days() > 36_500 {
            return Err("it is longer than 100 years".into());
        }
        Ok(period)
    }

    /// In days: a week is 7, a month 30, a year 365.
    #[must_use]
    pub fn in_days(self) -> u32 {
        let days = match self.unit {
            PeriodUnit::Days => 1,
            PeriodUnit::Weeks => 7,
            PeriodUnit::Months => 30,
            PeriodUnit::Years => 365,
        };
        self.count.saturating_mul(days)
    }

    /// In whole years, where that is what was written.
    #[must_use]
    pub fn in_years(self) -> Option<u32> {
        (self.unit == PeriodUnit::Years).then_some(self.count)
    }

    fn text(self) -> String {
        let unit = match self.unit {
            PeriodUnit::Days => "day",
            PeriodUnit::Weeks => "week",
            PeriodUnit::Months => "month",
            PeriodUnit::Years => "year",
        };
        format!("{} {unit}{}", self.count, if self.count == 1 { "" } else { "s" })
    }
}

from_text!(Period);

/// A capacity in GiB: `100 GiB`, `2 TiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Capacity {
    /// In GiB.
    pub gib: u32,
}

impl Capacity {
    const EXPECTED: &'static str = "a number and a unit: `100 GiB`, `2 TiB`";
    const WHAT: &'static str = "a capacity";
    const PATTERN: &'static str = "^[1-9][0-9]{0,5} [GT]iB$";

    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (number, unit) = text.split_once(' ').ok_or("it has no unit")?;
        let factor = match unit {
            "GiB" => 1,
            "TiB" => 1024,
            _ => return Err(format!("`{unit}` is not a unit")),
        };
        let digits = number.len() <= 6 && number.bytes().all(|byte| byte.is_ascii_digit());
        let count: Option<u32> =
            number.parse().ok().filter(|count| *count > 0 && digits && !number.starts_with('0'));
        let gib = count.and_then(|count| count.checked_mul(factor));
        Ok(Self { gib: gib.ok_or_else(|| format!("`{number}` is not a number from 1 to 999999"))? })
    }

    fn text(self) -> String {
        format!("{} GiB", self.gib)
    }
}

from_text!(Capacity);

/// How many copies of a workload run: exactly so many, or from the least to the most as load asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Copies {
    /// At least.
    pub least: u32,
    /// At most.
    pub most: u32,
}

impl Copies {
    const EXPECTED: &'static str = "a number such as `3`, or a range such as `3 to 24`";
    const PATTERN: &'static str = "^[1-9][0-9]{0,3} to [1-9][0-9]{0,3}$";
    /// The most tasks of a service.
    /// Source: AWS General Reference, Amazon ECS endpoints and quotas, "Tasks per service".
    const MOST: u32 = 5000;

    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (least, most) = text.split_once(" to ").unwrap_or((text, text));
        let number = |text: &str| {
            let digits =
                !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
            let count = text.parse().ok().filter(|count| digits && (1..=Self::MOST).contains(count));
            count.ok_or_else(|| format!("`{text}` is not a number from 1 to {}", Self::MOST))
        };
        let (least, most) = (number(least)?, number(most)?);
        if least > most {
            return Err("the first number is larger than the second".into());
        }
        Ok(Self { least, most })
    }
}

impl Decode for Copies {
    fn decode(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
        let (Kind::String(text) | Kind::Number(text)) = &node.kind else {
            diagnostics.push(wrong_type(node, Self::EXPECTED));
            return None;
        };
        Self::parse(text)
            .map_err(|why| {
                let message = format!("`{text}` is not a number of copies: {why}");
                diagnostics.push(Diagnostic::error(BAD_VALUE, node.span, message).expected(Self::EXPECTED));
            })
            .ok()
    }

    fn schema(definitions: &mut Definitions) -> Value {
        definitions.reference("Copies", |_| {
            json!({ "title": "copies", "description": Self::EXPECTED, "anyOf": [
                { "type": "integer", "minimum": 1, "maximum": Self::MOST },
                { "type": "string", "pattern": Self::PATTERN },
            ] })
        })
    }
}

/// A calendar date, `2027-03-31`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date {
    /// The year, 2000 to 2199.
    pub year: u16,
    /// The month, 1 to 12.
    pub month: u8,
    /// The day, 1 to 31.
    pub day: u8,
}

impl Date {
    const EXPECTED: &'static str = "a date as year, month and day: `2027-03-31`";
    const WHAT: &'static str = "a date";
    const PATTERN: &'static str = "^2[01][0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$";

    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = text.split('-').map(|part| {
            part.bytes()
                .all(|byte| byte.is_ascii_digit())
                .then(|| part.parse::<u16>().ok())
                .flatten()
                .map(|n| (part.len(), n))
        });
        let (Some(Some((4, year))), Some(Some((2, month))), Some(Some((2, day))), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err("it is not written as year-month-day".into());
        };
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let last = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => return Err(format!("there is no month {month}")),
        };
        if day == 0 || day > last {
            return Err(format!("the month has {last} days"));
        }
        if !(2000..2200).contains(&year) {
            return Err("the year is not between 2000 and 2199".into());
        }
        let small = |number: u16| u8::try_from(number).map_err(|_| String::from("it is no date"));
        Ok(Self { year, month: small(month)?, day: small(day)? })
    }

    fn text(self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

from_text!(Date);

/// A container image: a repository with a tag or digest, in a registry where one is named.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Image(SmolStr);

impl Image {
    const EXPECTED: &'static str = "an image with its tag or digest: `public.ecr.aws/nginx/nginx:1.29`";
    const WHAT: &'static str = "a container image";
    const PATTERN: &'static str =
        r"^[a-z0-9][a-z0-9._/:-]*(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}|@sha256:[a-f0-9]{64})$";

    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (repository, version) = match text.split_once("@sha256:") {
            Some((repository, digest)) => {
                let hex = digest.len() == 64
                    && digest.bytes().all(|byte| matches!(byte, b'a'..=b'f' | b'0'..=b'9'));
                (repository, hex)
            }
            None => {
                let (repository, tag) = text.rsplit_once(':').ok_or("it has neither tag nor digest")?;
                let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
                let rest = tag.chars().all(|c| word(c) || c == '.' || c == '-') && tag.len() <= 128;
                (repository, tag.starts_with(word) && rest)
            }
        };
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._/:-".contains(c);
        let first = repository.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        if !version {
            return Err("its tag or digest is malformed".into());
        }
        if !first || !repository.chars().all(inner) || text.len() > 512 {
            return Err("its repository is malformed".into());
        }
        Ok(Self(text.into()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn text(&self) -> &str {
        &self.0
    }
}

from_text!(Image);

/// A line or paragraph for people.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Text(SmolStr);

impl Text {
    const EXPECTED: &'static str = "some words, at most 1000 characters";
    const WHAT: &'static str = "text for people";
    const PATTERN: &'static str = r"\S";

    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("nothing is written".into());
        }
        if text.chars().count() > 1000 {
            return Err("it has more than 1000 characters".into());
        }
        Ok(Self(text.trim().into()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn text(&self) -> &str {
        &self.0
    }
}

from_text!(Text);

/// A path of a file inside the blueprint's folder, as written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RelativePath(SmolStr);

impl RelativePath {
    const EXPECTED: &'static str = "a relative path, such as `environments/production.yaml`";
    const WHAT: &'static str = "a path inside the blueprint's folder";
    const PATTERN: &'static str = r"^[^/\\:*?<>|][^\\:*?<>|]*$";

    /// Reads it. Whether it stays inside the folder is judged where it is resolved.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.len() > 1024 {
            return Err("it is empty or longer than 1024 bytes".into());
        }
        if text.starts_with('/') {
            return Err("it is absolute".into());
        }
        match text.chars().find(|c| c.is_control() || "\\:*?<>|".contains(*c)) {
            Some(bad) => Err(format!("`{}` is not allowed in it", bad.escape_default())),
            None => Ok(Self(text.into())),
        }
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn text(&self) -> &str {
        &self.0
    }
}

from_text!(RelativePath);

/// A word that is looked up elsewhere: the name of an environment, a store, a region. Anything is accepted
/// here; whoever looks it up reports what does not exist.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Word(SmolStr);

impl Word {
    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Decode for Word {
    fn decode(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
        let word = node.as_str().filter(|text| !text.is_empty()).map(|text| Self(text.into()));
        if word.is_none() {
            diagnostics.push(wrong_type(node, "a word"));
        }
        word
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "type": "string", "minLength": 1 })
    }
}

impl Decode for bool {
    fn decode(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
        match &node.kind {
            Kind::Bool(value) => Some(*value),
            Kind::String(text) if matches!(text.as_str(), "yes" | "on") => Some(true),
            Kind::String(text) if matches!(text.as_str(), "no" | "off") => Some(false),
            _ => {
                diagnostics.push(wrong_type(node, "yes or no"));
                None
            }
        }
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "enum": [true, false, "yes", "no", "on", "off"] })
    }
}

/// A whole number from `LEAST` to `MOST`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Number<const LEAST: u32, const MOST: u32>(pub u32);

impl<const LEAST: u32, const MOST: u32> Decode for Number<LEAST, MOST> {
    fn decode(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
        let expected = format!("a whole number from {LEAST} to {MOST}");
        let Kind::Number(text) = &node.kind else {
            diagnostics.push(wrong_type(node, &expected));
            return None;
        };
        let number = text.parse().ok().filter(|number| (LEAST..=MOST).contains(number));
        if number.is_none() {
            let message = format!("`{text}` is not {expected}");
            diagnostics.push(Diagnostic::error(BAD_VALUE, node.span, message).expected(expected));
        }
        number.map(Self)
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "type": "integer", "minimum": LEAST, "maximum": MOST })
    }
}
