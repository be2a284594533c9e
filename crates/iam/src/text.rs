//! Texts of policies in segments: literal, wildcard, policy variable, and what nobody knows yet.
//!
//! In: a text as it is written and what it may hold ([`Syntax`]). Out: a [`Text`]. Must always hold: printing a
//! text and reading it again gives the same segments; literals stand as long as they can and never touch.
//!
//! Source: "IAM policy elements: Variables and tags", IAM User Guide: `${key}`, `${key, 'default'}`, and `${*}`,
//! `${?}`, `${$}` for the characters themselves.

use std::fmt;

use smol_str::SmolStr;

/// A text of a policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Text {
    /// Its segments, in order. Empty: the empty text.
    pub segments: Vec<Segment>,
}

/// A part of a [`Text`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// Characters that stand for themselves.
    Literal(SmolStr),
    /// `*`: any run of characters, also none.
    AnyRun,
    /// `?`: any one character.
    AnyOne,
    /// `${key}`, `${key, 'default'}`
    Variable(Variable),
    /// A text that is not known: a reference that only AWS fills in, a parameter without value. The name tells
    /// equal unknowns apart from others.
    Unknown(SmolStr),
}

/// A policy variable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Variable {
    /// The condition key in lower case, as keys are compared.
    pub key: SmolStr,
    /// The key as it was written.
    pub written: SmolStr,
    /// The text taken where the request lacks the key.
    pub default: Option<SmolStr>,
}

/// What a text may hold beside literals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Syntax {
    /// Whether `*` and `?` are wildcards.
    pub wildcards: bool,
    /// Whether `${…}` is a variable: in policies of version 2012-10-17.
    pub variables: bool,
}

impl Text {
    /// Reads a text. `${` without an end, and a variable without a key, are literal text: see
    /// [`Text::malformed_variable`] for saying so.
    #[must_use]
    pub fn parse(written: &str, syntax: Syntax) -> Self {
        let mut text = Builder::default();
        text.read(written, syntax);
        text.finish()
    }

    /// A text of one literal.
    #[must_use]
    pub fn literal(text: &str) -> Self {
        let mut builder = Builder::default();
        builder.literal(text);
        builder.finish()
    }

    /// The text where it is known and holds neither wildcard nor variable.
    #[must_use]
    pub fn as_literal(&self) -> Option<&str> {
        match self.segments.as_slice() {
            [] => Some(""),
            [Segment::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Whether it matches every text: `*`, `**`.
    #[must_use]
    pub fn is_any(&self) -> bool {
        !self.segments.is_empty() && self.segments.iter().all(|segment| *segment == Segment::AnyRun)
    }

    /// Whether it holds a wildcard.
    #[must_use]
    pub fn has_wildcards(&self) -> bool {
        self.segments.iter().any(|segment| matches!(segment, Segment::AnyRun | Segment::AnyOne))
    }

    /// The variables it holds.
    pub fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Variable(variable) => Some(variable),
            _ => None,
        })
    }

    /// Whether a part of it is not known.
    #[must_use]
    pub fn has_unknowns(&self) -> bool {
        self.segments.iter().any(|segment| matches!(segment, Segment::Unknown(_)))
    }

    /// The same with literals in lower case.
    #[must_use]
    pub fn to_lowercase(&self) -> Self {
        let lower = |segment: &Segment| match segment {
            Segment::Literal(text) => Segment::Literal(text.to_lowercase().into()),
            other => other.clone(),
        };
        Self { segments: self.segments.iter().map(lower).collect() }
    }

    /// The six parts of an ARN, each a text; `None` where fewer colons stand for themselves. Wildcards are taken to
    /// stay within their part.
    #[must_use]
    pub fn arn_parts(&self) -> Option<[Self; 6]> {
        let mut parts: [Self; 6] = Default::default();
        let mut at = 0;
        let push = |part: Option<&mut Self>, literal: &str| {
            if let Some(part) = part
                && !literal.is_empty()
            {
                part.segments.push(Segment::Literal(literal.into()));
            }
        };
        for segment in &self.segments {
            let Segment::Literal(literal) = segment else {
                if let Some(part) = parts.get_mut(at) {
                    part.segments.push(segment.clone());
                }
                continue;
            };
            let mut rest = literal.as_str();
            while at < 5
                && let Some((before, after)) = rest.split_once(':')
            {
                push(parts.get_mut(at), before);
                at += 1;
                rest = after;
            }
            push(parts.get_mut(at), rest);
        }
        (at == 5).then_some(parts)
    }

    /// The first `${…` of `written` that is no variable, as byte range.
    #[must_use]
    pub fn malformed_variable(written: &str) -> Option<std::ops::Range<usize>> {
        let mut from = 0;
        while let Some(at) = written.get(from..)?.find("${") {
            let start = from + at;
            match variable(written.get(start..)?) {
                Some((_, length)) => from = start + length,
                None => {
                    let rest = written.get(start..)?;
                    return Some(start..start + rest.find('}').map_or(rest.len(), |end| end + 1));
                }
            }
        }
        None
    }
}

/// Puts segments together; neighbouring literals become one.
#[derive(Debug, Default)]
pub struct Builder {
    segments: Vec<Segment>,
    literal: String,
}

impl Builder {
    /// Adds the segments of a text as it is written.
    pub fn read(&mut self, written: &str, syntax: Syntax) {
        let mut rest = written;
        while let Some(c) = rest.chars().next() {
            let mut taken = c.len_utf8();
            match c {
                '*' if syntax.wildcards => self.push(Segment::AnyRun),
                '?' if syntax.wildcards => self.push(Segment::AnyOne),
                '$' if syntax.variables => match variable(rest) {
                    Some((Reading::Escape(text), length)) => {
                        self.literal.push_str(text);
                        taken = length;
                    }
                    Some((Reading::Variable(variable), length)) => {
                        self.push(Segment::Variable(variable));
                        taken = length;
                    }
                    None => self.literal.push(c),
                },
                _ => self.literal.push(c),
            }
            rest = rest.get(taken..).unwrap_or("");
        }
    }

    /// Adds characters that stand for themselves.
    pub fn literal(&mut self, text: &str) {
        self.literal.push_str(text);
    }

    /// Adds a segment.
    pub fn push(&mut self, segment: Segment) {
        self.close();
        self.segments.push(segment);
    }

    fn close(&mut self) {
        if !self.literal.is_empty() {
            self.segments.push(Segment::Literal(SmolStr::new(&self.literal)));
            self.literal.clear();
        }
    }

    /// The text.
    #[must_use]
    pub fn finish(mut self) -> Text {
        self.close();
        Text { segments: self.segments }
    }
}

/// What stands between `${` and `}`.
enum Reading {
    Escape(&'static str),
    Variable(Variable),
}

/// Reads the `${…}` that `rest` starts with, and its length in bytes.
fn variable(rest: &str) -> Option<(Reading, usize)> {
    let inner = rest.strip_prefix("${")?;
    for (mark, text) in [("*}", "*"), ("?}", "?"), ("$}", "$")] {
        if inner.starts_with(mark) {
            return Some((Reading::Escape(text), 4));
        }
    }
    let key_end = inner.find([',', '}', '$', '{'])?;
    let written = inner.get(..key_end)?.trim();
    if written.is_empty() || written.contains(char::is_whitespace) {
        return None;
    }
    let (default, end) = match inner.get(key_end..)?.strip_prefix(',') {
        None => (None, key_end),
        Some(after) => {
            let quoted = after.trim_start();
            let body = quoted.strip_prefix('\'')?;
            let close = body.find('\'')?;
            let tail = body.get(close + 1..)?;
            let skipped = tail.len() - tail.trim_start().len();
            let end = key_end + 1 + (after.len() - quoted.len()) + 1 + close + 1 + skipped;
            (Some(SmolStr::new(body.get(..close)?)), end)
        }
    };
    inner.get(end..)?.starts_with('}').then(|| {
        let key = written.to_lowercase().into();
        let variable = Variable { key, written: written.into(), default };
        (Reading::Variable(variable), 2 + end + 1)
    })
}

impl fmt::Display for Text {
    /// As it would be written in a policy of version 2012-10-17 where wildcards count; an unknown shows as `«name»`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.segments.iter().try_for_each(|segment| segment.fmt(f))
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(text) => {
                for (at, c) in text.char_indices() {
                    let opens = c == '$'
                        && text.get(at + 1..).is_none_or(|rest| rest.is_empty() || rest.starts_with('{'));
                    match c {
                        '*' | '?' => write!(f, "${{{c}}}")?,
                        '$' if opens => f.write_str("${$}")?,
                        _ => fmt::Write::write_char(f, c)?,
                    }
                }
                Ok(())
            }
            Self::AnyRun => f.write_str("*"),
            Self::AnyOne => f.write_str("?"),
            Self::Variable(variable) => match &variable.default {
                None => write!(f, "${{{}}}", variable.written),
                Some(default) => write!(f, "${{{}, '{default}'}}", variable.written),
            },
            Self::Unknown(name) => write!(f, "«{name}»"),
        }
    }
}
