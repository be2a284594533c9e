//! Values that conditions compare: numbers, dates, addresses, ARNs.
//!
//! In: texts of policies and requests. Out: what they mean, or `None`. Must always hold: two texts that mean the
//! same compare as equal.
//!
//! Source: "IAM JSON policy elements: Condition operators", IAM User Guide.

use std::net::IpAddr;

/// A number: an integer or a decimal.
#[must_use]
pub fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain =
        !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit() || matches!(c, b'.' | b'-' | b'+'));
    plain.then(|| text.parse().ok()).flatten()
}

/// A boolean, whatever its case.
#[must_use]
pub fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else {
        text.eq_ignore_ascii_case("false").then_some(false)
    }
}

/// A date and time as milliseconds since 1970: one of the W3C's forms of ISO 8601, or seconds since 1970.
///
/// Source: "Date condition operators", and the W3C note "Date and Time Formats": `YYYY`, `YYYY-MM`, `YYYY-MM-DD`,
/// `YYYY-MM-DDThh:mmTZD`, with seconds and a fraction. A year alone has four digits; other integers are seconds.
#[must_use]
pub fn date(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.len() != 4
        && let Ok(seconds) = text.parse::<i64>()
    {
        return seconds.checked_mul(1000);
    }
    if text.len() != 4
        && let Some(seconds) = number(text)
    {
        #[expect(clippy::cast_possible_truncation, reason = "saturates far outside of any date")]
        return Some((seconds * 1000.0) as i64);
    }
    let (day, time) = match text.split_once(['T', 't', ' ']) {
        Some((day, time)) => (day, Some(time)),
        None => (text, None),
    };
    let mut parts = day.split('-');
    let year = digits(parts.next()?, 4)?;
    let month = parts.next().map_or(Some(1), |part| digits(part, 2))?;
    let day = parts.next().map_or(Some(1), |part| digits(part, 2))?;
    if parts.next().is_some() || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let millis = time.map_or(Some(0), time_of_day)?;
    Some(days(year, month, day) * 86_400_000 + millis)
}

fn digits(text: &str, count: usize) -> Option<i64> {
    (text.len() == count && text.bytes().all(|c| c.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

/// Milliseconds of `hh:mm[:ss[.fff]]` and its zone.
fn time_of_day(text: &str) -> Option<i64> {
    let (clock, offset) = match text.find(['Z', 'z', '+', '-']) {
        None => (text, 0),
        Some(at) => {
            let (clock, zone) = text.split_at_checked(at)?;
            let sign = match zone.get(..1)? {
                "+" => 1,
                "-" => -1,
                _ if zone.len() == 1 => 0,
                _ => return None,
            };
            let offset = match sign {
                0 => 0,
                _ => {
                    let digits_only: String = zone.get(1..)?.chars().filter(|c| *c != ':').collect();
                    let (hours, minutes) = digits_only.split_at_checked(2)?;
                    sign * (digits(hours, 2)? * 60 + digits(minutes, 2)?)
                }
            };
            (clock, offset)
        }
    };
    let mut parts = clock.split(':');
    let (hours, minutes) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let (seconds, fraction) = match parts.next() {
        None => (0, 0),
        Some(part) => {
            let (whole, fraction) = part.split_once('.').unwrap_or((part, ""));
            if !fraction.bytes().all(|c| c.is_ascii_digit()) {
                return None;
            }
            let padded: String = fraction.chars().chain("000".chars()).take(3).collect();
            (digits(whole, 2)?, padded.parse::<i64>().ok()?)
        }
    };
    let valid = parts.next().is_none() && hours < 25 && minutes < 60 && seconds < 61;
    valid.then_some(((hours * 60 + minutes - offset) * 60 + seconds) * 1000 + fraction)
}

/// Days since 1970-01-01 of a day of the Gregorian calendar (Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms").
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// A range of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    six: bool,
    address: u128,
    mask: u128,
}

/// An address with its family.
#[must_use]
pub fn address(text: &str) -> Option<(bool, u128)> {
    match text.trim().parse().ok()? {
        IpAddr::V4(four) => Some((false, u128::from(four.to_bits()))),
        IpAddr::V6(six) => Some((true, six.to_bits())),
    }
}

impl Range {
    /// `203.0.113.0/24`, `2001:db8::/32`, or an address alone.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (text, length) = match text.trim().split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let (six, address) = address(text)?;
        let bits: u32 = if six { 128 } else { 32 };
        let length: u32 = length.map_or(Ok(bits), str::parse).ok()?;
        let all = if six { u128::MAX } else { u128::from(u32::MAX) };
        let host = all.checked_shr(length).unwrap_or(0);
        (length <= bits).then_some(Self { six, address: address & !host, mask: all & !host })
    }

    /// Whether an address lies in it. Addresses of the other family do not.
    #[must_use]
    pub fn contains(&self, (six, address): (bool, u128)) -> bool {
        six == self.six && address & self.mask == self.address
    }

    /// Whether it is no wider than AWS's Block Public Access takes for fixed: `/8` of IPv4, `/32` of IPv6.
    ///
    /// Source: "Blocking public access to your Amazon S3 storage", Amazon S3 User Guide, "The meaning of public".
    #[must_use]
    pub fn is_narrow(&self) -> bool {
        self.mask.count_ones() >= if self.six { 32 } else { 8 }
    }

    /// Whether bits beyond the prefix were set in `text`.
    #[must_use]
    pub fn has_host_bits(&self, text: &str) -> bool {
        let bare = text.trim().split('/').next().unwrap_or("");
        address(bare).is_some_and(|(_, address)| address != self.address)
    }
}

/// The six parts of an ARN; the last may hold colons.
#[must_use]
pub fn arn(text: &str) -> Option<[&str; 6]> {
    let mut parts = text.splitn(6, ':');
    let all = [parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?];
    (all.first() == Some(&"arn")).then_some(all)
}
