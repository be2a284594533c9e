//! From text to rules: lines, header, sets, options.
//!
//! In: text. Out: rules and mistakes. Always: bounded in depth and in the number of items; each mistake has the
//! place of the first character that does not fit.

use std::str::FromStr;

use estate::SmolStr;
use ipnet::IpNet;
use std::net::IpAddr;

use super::{Action, Mistake, Rule, RuleOption, Set, protocols};
use crate::model::PortRange;

/// Lists within lists.
const DEEPEST: usize = 8;
/// Items of one set, and options of one rule.
const MOST_ITEMS: usize = 10_000;

/// Reads all rules of a text. Empty lines and lines that begin with `#` are none; a line that ends in `\` goes on in
/// the next.
#[must_use]
pub fn read(text: &str) -> (Vec<Rule>, Vec<Mistake>) {
    let (mut rules, mut mistakes) = (Vec::new(), Vec::new());
    let mut lines = text.lines().enumerate();
    while let Some((at, first)) = lines.next() {
        // A comment does not go on, whatever it ends in.
        if first.trim_start().starts_with('#') {
            continue;
        }
        let mut whole = first.to_owned();
        while whole.trim_end().ends_with('\\') {
            whole.truncate(whole.trim_end().len() - 1);
            let Some((_, more)) = lines.next() else { break };
            whole.push_str(more);
        }
        if whole.trim().is_empty() {
            continue;
        }
        match Reader::new(&whole, at + 1).rule() {
            Ok(rule) => rules.push(rule),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    same_sids(&rules, &mut mistakes);
    (rules, mistakes)
}

/// Suricata refuses a second rule with the same `sid`.
fn same_sids(rules: &[Rule], mistakes: &mut Vec<Mistake>) {
    let mut seen = std::collections::HashMap::new();
    for rule in rules {
        if let Some(first) = seen.insert(rule.sid(), rule.line) {
            mistakes.push(Mistake {
                line: rule.line,
                column: 1,
                what: format!("sid {} is the one of the rule in line {first} too", rule.sid()),
                expected: "a sid of its own for each rule".into(),
            });
        }
    }
}

/// Reads one set of ports: `any`, `80`, `[80,443,!8000:9000]`, `$PORTS`.
///
/// # Errors
/// Where it is none.
pub fn ports(text: &str) -> Result<Set<PortRange>, Mistake> {
    let mut reader = Reader::new(text.trim(), 1);
    let set = reader.set(0, port_range)?;
    reader.end()?;
    Ok(set)
}

/// Reads one set of addresses: `any`, `10.0.0.0/8`, `[10.0.0.0/8,!10.1.0.0/16]`, `$HOME_NET`.
///
/// # Errors
/// Where it is none.
pub fn addresses(text: &str) -> Result<Set<IpNet>, Mistake> {
    let mut reader = Reader::new(text.trim(), 1);
    let set = reader.set(0, address)?;
    reader.end()?;
    Ok(set)
}

struct Reader<'a> {
    rest: &'a str,
    whole: &'a str,
    line: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, line: usize) -> Self {
        Self { rest: text, whole: text, line }
    }

    fn mistake(&self, what: impl Into<String>, expected: impl Into<String>) -> Mistake {
        let before = self.whole.len().saturating_sub(self.rest.len());
        let column = self.whole.get(..before).unwrap_or("").chars().count() + 1;
        Mistake { line: self.line, column, what: what.into(), expected: expected.into() }
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, prefix: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(prefix) else { return false };
        self.rest = rest;
        true
    }

    fn word(&mut self, stop: &[char]) -> &'a str {
        let end = self.rest.find(|c: char| c.is_whitespace() || stop.contains(&c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn end(&mut self) -> Result<(), Mistake> {
        self.space();
        if self.rest.is_empty() { Ok(()) } else { Err(self.mistake("something follows", "nothing more")) }
    }

    fn rule(&mut self) -> Result<Rule, Mistake> {
        let indented = self.rest.starts_with(char::is_whitespace);
        self.space();
        let action = self.action()?;
        self.space();
        let before = self.rest;
        let protocol = self.word(&['(']).to_ascii_lowercase();
        if protocols::of(&protocol).is_none() {
            self.rest = before;
            let what = format!("`{}` is no protocol", short(&protocol));
            return Err(
                self.mistake(what, "ip, tcp, udp, icmp, or an application protocol such as tls, http, dns")
            );
        }
        let source = self.set(0, address)?;
        let source_ports = self.set(0, port_range)?;
        self.space();
        let both_ways = match (self.take("->"), self.take("<>")) {
            (true, _) => false,
            (_, true) => true,
            _ => return Err(self.mistake("the rule has no direction here", "`->` or `<>`")),
        };
        let destination = self.set(0, address)?;
        let destination_ports = self.set(0, port_range)?;
        let options = self.options()?;
        let rule = Rule {
            action,
            protocol: protocol.into(),
            source,
            source_ports,
            both_ways,
            destination,
            destination_ports,
            options,
            line: self.line,
            indented,
        };
        match rule.option("sid").map(|value| value.trim().parse::<u64>()) {
            Some(Ok(sid)) if sid > 0 => Ok(rule),
            Some(_) => Err(self.mistake("the sid is no positive number", "`sid:1;`")),
            None => Err(self.mistake(
                "the rule has no sid",
                "`sid:1;` among the options, a number of its own for each rule",
            )),
        }
    }

    fn action(&mut self) -> Result<Action, Mistake> {
        let before = self.rest;
        let action = match self.word(&['(']).to_ascii_lowercase().as_str() {
            "pass" => Action::Pass,
            "drop" => Action::Drop,
            "reject" => Action::Reject,
            "alert" => Action::Alert,
            other => {
                self.rest = before;
                let what = format!("`{}` is no action that Network Firewall takes", short(other));
                return Err(self.mistake(what, "pass, drop, reject or alert"));
            }
        };
        Ok(action)
    }

    fn set<T>(&mut self, depth: usize, one: fn(&str) -> Option<T>) -> Result<Set<T>, Mistake> {
        self.space();
        if depth > DEEPEST {
            return Err(
                self.mistake("lists stand in each other too deep", format!("at most {DEEPEST} levels"))
            );
        }
        if self.take("!") {
            return match self.set(depth + 1, one)? {
                Set::Any => Err(self.mistake("`!any` is nothing at all", "a set that something can be in")),
                set => Ok(Set::Not(Box::new(set))),
            };
        }
        if self.take("[") {
            return self.list(depth, one);
        }
        let before = self.rest;
        let word = self.word(&['[', ']', ',', '(', ')']);
        let name = |text: &str| -> Option<SmolStr> {
            let fits = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            fits.then(|| text.into())
        };
        let read = match word {
            any if any.eq_ignore_ascii_case("any") => Some(Set::Any),
            _ => match (word.strip_prefix('$'), word.strip_prefix('@')) {
                (Some(variable), _) => name(variable).map(Set::Variable),
                (_, Some(reference)) => name(reference).map(Set::Reference),
                _ => one(word).map(Set::One),
            },
        };
        read.ok_or_else(|| {
            self.rest = before;
            let what = match word {
                "" => "an address or port is missing here".to_owned(),
                word => format!("`{}` is not understood here", short(word)),
            };
            self.mistake(what, "`any`, an address with or without prefix length, a port or range `80:90`, `$NAME`, or a list in brackets")
        })
    }

    fn list<T>(&mut self, depth: usize, one: fn(&str) -> Option<T>) -> Result<Set<T>, Mistake> {
        let mut items = Vec::new();
        loop {
            if items.len() >= MOST_ITEMS {
                return Err(self.mistake("the list is too long", format!("at most {MOST_ITEMS} items")));
            }
            items.push(self.set(depth + 1, one)?);
            self.space();
            if self.take("]") {
                return Ok(Set::List(items));
            }
            if !self.take(",") {
                return Err(self.mistake("the list does not end here", "`,` or `]`"));
            }
        }
    }

    fn options(&mut self) -> Result<Vec<RuleOption>, Mistake> {
        self.space();
        if !self.take("(") {
            return Err(self.mistake("the options are missing here", "`(` with options, such as `(sid:1;)`"));
        }
        let mut options = Vec::new();
        loop {
            self.space();
            if self.take(")") {
                self.end()?;
                return Ok(options);
            }
            if options.len() >= MOST_ITEMS {
                return Err(self.mistake("the rule has too many options", format!("at most {MOST_ITEMS}")));
            }
            options.push(self.one_option()?);
        }
    }

    /// Up to the next `;` without a backslash before it: quotes do not protect it, as in Suricata.
    fn one_option(&mut self) -> Result<RuleOption, Mistake> {
        let mut escaped = false;
        let end = self.rest.char_indices().find_map(|(at, c)| {
            let ends = c == ';' && !escaped;
            escaped = c == '\\' && !escaped;
            ends.then_some(at)
        });
        let Some(end) = end else {
            return Err(
                self.mistake("an option does not end", "`;` after each option and `)` after the last")
            );
        };
        let (text, rest) = self.rest.split_at(end);
        let (keyword, value) = match text.split_once(':') {
            Some((keyword, value)) => (keyword.trim(), Some(value.trim())),
            None => (text.trim(), None),
        };
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        if keyword.is_empty() || !keyword.chars().all(fits) {
            let what = format!("`{}` is no keyword of an option", short(keyword));
            return Err(self.mistake(what, "a keyword such as `sid`, `flow`, `tls.sni`"));
        }
        let (negated, value) = match value.map(|value| (value, value.strip_prefix('!'))) {
            Some((_, Some(quoted))) if quoted.trim_start().starts_with('"') => {
                (true, Some(quoted.trim_start()))
            }
            Some((value, _)) => (false, Some(value)),
            None => (false, None),
        };
        let value = match value.map(unquote) {
            Some(None) => {
                let what = format!("the quotes of `{}` do not end", short(keyword));
                return Err(self.mistake(
                    what,
                    "`\"` at the end; within, `;`, `\"`, `:` and `\\` have a backslash before them",
                ));
            }
            Some(Some(value)) => Some(value),
            None => None,
        };
        self.rest = rest.strip_prefix(';').unwrap_or(rest);
        Ok(RuleOption { keyword: keyword.to_ascii_lowercase().into(), value, negated })
    }
}

/// Without quotes around and backslashes within; `None` where quotes begin and do not end.
fn unquote(value: &str) -> Option<String> {
    let inner = match value.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"')?,
        None => value,
    };
    let mut out = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => match characters.next() {
                Some(escaped @ (';' | '"' | ':' | '\\')) => out.push(escaped),
                Some(other) => out.extend(['\\', other]),
                None => out.push('\\'),
            },
            c => out.push(c),
        }
    }
    Some(out)
}

/// An address or prefix; bits past the prefix are ignored, as Suricata does.
fn address(text: &str) -> Option<IpNet> {
    let net = match text.contains('/') {
        true => IpNet::from_str(text).ok()?,
        false => IpNet::from(IpAddr::from_str(text).ok()?),
    };
    Some(net.trunc())
}

/// `80`, `80:90`, `80:`, `:90`.
fn port_range(text: &str) -> Option<PortRange> {
    let port = |text: &str, open: u16| if text.is_empty() { Some(open) } else { text.parse::<u16>().ok() };
    let (first, last) = match text.split_once(':') {
        Some(("", "")) => return None,
        Some((first, last)) => (port(first, 0)?, port(last, u16::MAX)?),
        None => {
            let one = text.parse().ok()?;
            (one, one)
        }
    };
    (first <= last).then_some(PortRange { first, last })
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}
