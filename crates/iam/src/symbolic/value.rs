//! Ordered values of conditions: numbers, dates, addresses, booleans, bytes.
//!
//! In: what a policy compares with, and a text of a request. Out: whether they match; and candidates, one for every
//! region of values that some comparisons can tell apart. Always: a text that is no value of the operator's kind
//! matches nothing, so one such text is always among the candidates. Written apart from the evaluator's comparisons
//! on purpose: witnesses are replayed there.
//!
//! Source: "IAM JSON policy elements: Condition operators", IAM User Guide.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use crate::operator::{Family, Operator};

/// Whether a request's text matches a policy's under a positive operator that is neither of texts nor of ARNs.
#[must_use]
pub fn matches(operator: Operator, policy: &str, request: &str) -> bool {
    match operator.family() {
        Family::Numeric => {
            number(policy).zip(number(request)).is_some_and(|(own, got)| ordered(operator, got, own))
        }
        Family::Date => date(policy).zip(date(request)).is_some_and(|(own, got)| ordered(operator, got, own)),
        Family::Boolean => policy.eq_ignore_ascii_case(request) && boolean(request),
        Family::Binary => policy == request,
        Family::IpAddress => {
            prefix(policy).zip(request.parse::<IpAddr>().ok()).is_some_and(|(own, got)| own.contains(&got))
        }
        Family::String | Family::Arn | Family::Null => false,
    }
}

fn ordered<T: PartialOrd>(operator: Operator, got: T, own: T) -> bool {
    match operator {
        Operator::NumericLessThan | Operator::DateLessThan => got < own,
        Operator::NumericLessThanEquals | Operator::DateLessThanEquals => got <= own,
        Operator::NumericGreaterThan | Operator::DateGreaterThan => got > own,
        Operator::NumericGreaterThanEquals | Operator::DateGreaterThanEquals => got >= own,
        _ => got == own,
    }
}

/// One text for every region that the comparisons can tell apart.
#[must_use]
pub fn candidates(comparisons: &[(Operator, &Vec<String>)]) -> Vec<String> {
    let numbers = comparisons.iter().filter(|(operator, _)| operator.family() == Family::Numeric);
    let mut out = around(numbers.flat_map(|(_, literals)| literals.iter()).filter_map(|text| number(text)));
    for (operator, literals) in comparisons {
        match operator.family() {
            Family::Date => {
                let seconds = literals.iter().filter_map(|text| date(text));
                out.extend(seconds.flat_map(|at| [at, at - 1, at + 1]).map(|at| at.to_string()));
            }
            Family::Boolean => out.extend(["true".to_owned(), "false".to_owned()]),
            Family::Binary => out.extend(literals.iter().cloned()),
            Family::IpAddress => {
                out.extend(
                    literals.iter().filter_map(|text| prefix(text)).flat_map(edges).map(|ip| ip.to_string()),
                );
                out.extend(["198.51.100.1".to_owned(), "2001:db8::1".to_owned()]);
            }
            Family::Numeric | Family::String | Family::Arn | Family::Null => {}
        }
    }
    out.push("neither".to_owned());
    out
}

/// Each number, one on either side of it, and one between it and the next.
fn around(numbers: impl Iterator<Item = f64>) -> Vec<String> {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    let between = numbers.windows(2).filter_map(|pair| match pair {
        [a, b] if a < b => Some(f64::midpoint(*a, *b)),
        _ => None,
    });
    let between: Vec<f64> = between.collect();
    let sides = numbers.iter().flat_map(|at| [*at, at - 1.0, at + 1.0]);
    sides.chain(between).map(|at| format!("{at}")).collect()
}

/// The first and the last address of a prefix, and those just outside.
fn edges(net: IpNet) -> Vec<IpAddr> {
    let (first, last) = (net.network(), net.broadcast());
    let mut out = vec![first, last];
    match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => {
            out.extend(u32::from(first).checked_sub(1).map(|at| IpAddr::V4(Ipv4Addr::from(at))));
            out.extend(u32::from(last).checked_add(1).map(|at| IpAddr::V4(Ipv4Addr::from(at))));
        }
        (IpAddr::V6(first), IpAddr::V6(last)) => {
            out.extend(u128::from(first).checked_sub(1).map(|at| IpAddr::V6(Ipv6Addr::from(at))));
            out.extend(u128::from(last).checked_add(1).map(|at| IpAddr::V6(Ipv6Addr::from(at))));
        }
        _ => {}
    }
    out
}

fn number(text: &str) -> Option<f64> {
    let number: f64 = text.trim().parse().ok()?;
    number.is_finite().then_some(number)
}

fn boolean(text: &str) -> bool {
    text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false")
}

fn prefix(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// Seconds since 1970 of an ISO 8601 time (the W3C's profile) or of a number of seconds.
fn date(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<i64>() {
        return Some(seconds);
    }
    let (day, time) = text.split_once(['T', 't']).map_or((text, None), |(day, time)| (day, Some(time)));
    let mut parts = day.split('-').map(|part| part.parse::<i64>().ok());
    let year = parts.next()??;
    let (month, day) = (parts.next().unwrap_or(Some(1))?, parts.next().unwrap_or(Some(1))?);
    if parts.next().is_some() || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (clock, offset) = match time {
        None => ("", 0),
        Some(time) => match time.find(['Z', 'z', '+', '-']) {
            None => (time, 0),
            Some(at) => {
                let (clock, zone) = time.split_at_checked(at)?;
                let minutes = match zone.split_once(':') {
                    Some((hours, minutes)) => {
                        let minutes: i64 = minutes.parse().ok()?;
                        let hours: i64 = hours.parse().ok()?;
                        hours * 60 + if zone.starts_with('-') { -minutes } else { minutes }
                    }
                    None => 0,
                };
                (clock, minutes * 60)
            }
        },
    };
    let mut clock = clock.split(':').map(|part| part.split('.').next().unwrap_or("").parse::<i64>().ok());
    let hours = if time.is_some() { clock.next()?? } else { 0 };
    let (minutes, seconds) = (clock.next().unwrap_or(Some(0))?, clock.next().unwrap_or(Some(0))?);
    Some(days(year, month, day) * 86_400 + hours * 3_600 + minutes * 60 + seconds - offset)
}

/// Days since 1970-01-01 in the Gregorian calendar: years begin in March, so that leap days come last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}
