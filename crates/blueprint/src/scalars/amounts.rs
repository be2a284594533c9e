//! Amounts: periods, capacities, copies, dates, numbers, yes and no.

use std::fmt;

use diagnostics::{Diagnostic, Diagnostics};
use document::{Kind, Node};
use serde_json::{Value, json};

use super::from_text;
use crate::codes::BAD_VALUE;
use crate::reader::{Decode, Definitions, wrong_type};

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
