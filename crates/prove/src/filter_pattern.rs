//! CloudWatch Logs filter patterns for JSON events, read as far as a concrete event can be put to them.
//!
//! In: `{ ($.errorCode = "AccessDenied*") || … }`. Out: an [`Expression`] that is asked about an event. Always:
//! an operator that is not read makes the answer unknown; `&&` binds closer than `||`; nesting is bounded.
//!
//! Source: Amazon CloudWatch Logs User Guide, "Using filter patterns to match terms in JSON log events".

use crate::text::{Token, Truth, literal, matches};

/// A pattern.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expression {
    /// All hold.
    And(Vec<Expression>),
    /// One holds.
    Or(Vec<Expression>),
    /// A field compared.
    Compare {
        /// `errorCode`, `userIdentity.type`: the selector without `$.`.
        field: String,
        /// What is asked of it.
        operator: Operator,
    },
}

/// What a comparison asks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Operator {
    /// `= glob`
    Equals(String),
    /// `!= glob`
    NotEquals(String),
    /// `EXISTS`
    Exists,
    /// `NOT EXISTS`
    NotExists,
    /// Numbers, regular expressions, `IS NULL`, `IS TRUE`: not read.
    Other,
}

impl Expression {
    /// Reads a pattern; `None` where it is none for JSON events, or is malformed.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let inner = text.trim().strip_prefix('{')?.strip_suffix('}')?;
        let mut reader = Reader { rest: inner };
        let all = reader.any(0)?;
        reader.rest.trim().is_empty().then_some(all)
    }

    /// Whether an event matches, given as its fields; a field not listed is not in the event.
    pub(crate) fn matches(&self, event: &[(&str, &str)]) -> Truth {
        match self {
            Self::And(all) => all.iter().fold(Truth::Yes, |so_far, one| so_far.and(one.matches(event))),
            Self::Or(any) => any.iter().fold(Truth::No, |so_far, one| so_far.or(one.matches(event))),
            Self::Compare { field, operator } => {
                let value = event.iter().find(|(name, _)| name == field).map(|(_, value)| *value);
                let glob =
                    |pattern: &str, value: &str| matches(&pattern_tokens(pattern), &literal(value), false);
                match (operator, value) {
                    (Operator::Exists, value) => Truth::of(value.is_some()),
                    (Operator::NotExists, value) => Truth::of(value.is_none()),
                    (Operator::Equals(pattern), Some(value)) => glob(pattern, value),
                    (Operator::NotEquals(pattern), Some(value)) => glob(pattern, value).negated(),
                    (Operator::Equals(_), None) => Truth::No,
                    (Operator::NotEquals(_), None) | (Operator::Other, _) => Truth::Unknown,
                }
            }
        }
    }

    /// Every field the pattern asks about.
    pub(crate) fn fields(&self) -> Vec<&str> {
        match self {
            Self::And(all) | Self::Or(all) => all.iter().flat_map(Self::fields).collect(),
            Self::Compare { field, .. } => vec![field],
        }
    }
}

fn pattern_tokens(pattern: &str) -> Vec<Token> {
    // Only `*` is special here; in the globs of policies `?` is as well.
    pattern.chars().map(|c| if c == '?' { Token::Symbol("?".into()) } else { Token::Char(c) }).collect()
}

struct Reader<'t> {
    rest: &'t str,
}

/// How deep parentheses may nest; CloudWatch takes 1,024 characters in all.
const MAX_DEPTH: usize = 64;

impl Reader<'_> {
    fn takes(&mut self, word: &str) -> bool {
        match self.rest.trim_start().strip_prefix(word) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn any(&mut self, depth: usize) -> Option<Expression> {
        let mut each = vec![self.all(depth)?];
        while self.takes("||") {
            each.push(self.all(depth)?);
        }
        if each.len() == 1 { each.pop() } else { Some(Expression::Or(each)) }
    }

    fn all(&mut self, depth: usize) -> Option<Expression> {
        let mut each = vec![self.one(depth)?];
        while self.takes("&&") {
            each.push(self.one(depth)?);
        }
        if each.len() == 1 { each.pop() } else { Some(Expression::And(each)) }
    }

    fn one(&mut self, depth: usize) -> Option<Expression> {
        if depth > MAX_DEPTH {
            return None;
        }
        if self.takes("(") {
            let inner = self.any(depth + 1)?;
            return self.takes(")").then_some(inner);
        }
        if !self.takes("$.") {
            return None;
        }
        let end = self.rest.find(|c: char| c.is_whitespace() || "=!<>()&|".contains(c))?;
        let (field, rest) = self.rest.split_at_checked(end)?;
        let field = field.to_owned();
        self.rest = rest;
        let operator = self.operator()?;
        Some(Expression::Compare { field, operator })
    }

    fn operator(&mut self) -> Option<Operator> {
        if self.takes("!=") {
            return self.value().map(|value| value.map_or(Operator::Other, Operator::NotEquals));
        }
        for number in ["<=", ">=", "<", ">"] {
            if self.takes(number) {
                self.value()?;
                return Some(Operator::Other);
            }
        }
        if self.takes("=") {
            return self.value().map(|value| value.map_or(Operator::Other, Operator::Equals));
        }
        if self.takes("EXISTS") {
            return Some(Operator::Exists);
        }
        if self.takes("NOT") {
            return self.takes("EXISTS").then_some(Operator::NotExists);
        }
        if self.takes("IS") {
            let words = ["NULL", "TRUE", "FALSE", "NOT"];
            return words.iter().any(|word| self.takes(word)).then_some(Operator::Other);
        }
        None
    }

    /// A value; inside `None` for one that is not compared as text (a regular expression).
    fn value(&mut self) -> Option<Option<String>> {
        self.rest = self.rest.trim_start();
        for (quote, text) in [('"', true), ('%', false)] {
            if let Some(rest) = self.rest.strip_prefix(quote) {
                let (value, rest) = rest.split_once(quote)?;
                self.rest = rest;
                return Some(text.then(|| value.to_owned()));
            }
        }
        let end =
            self.rest.find(|c: char| c.is_whitespace() || "()&|".contains(c)).unwrap_or(self.rest.len());
        let (value, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        (!value.is_empty()).then(|| Some(value.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::Expression;
    use crate::text::Truth;

    fn check(pattern: &str, event: &[(&str, &str)], expected: Option<Truth>) {
        assert_eq!(Expression::parse(pattern).map(|pattern| pattern.matches(event)), expected, "{pattern}");
    }

    #[test]
    fn json_patterns_are_read_and_asked() {
        let denied = [("errorCode", "Client.UnauthorizedOperation"), ("eventName", "RunInstances")];
        check(
            "{($.errorCode=AccessDenied) || ($.errorCode=UnauthorizedOperation)}",
            &denied,
            Some(Truth::No),
        );
        check("{ $.errorCode = \"*UnauthorizedOperation\" }", &denied, Some(Truth::Yes));
        check("{$.errorCode=*Unauthorized* && $.eventName!=HeadBucket}", &denied, Some(Truth::Yes));
        check("{$.errorCode=x || $.errorCode=*n && $.eventName=y}", &denied, Some(Truth::No));
        check("{($.a NOT EXISTS) && ($.eventName EXISTS)}", &denied, Some(Truth::Yes));
        check("{$.errorCode = %Unauth%}", &denied, Some(Truth::Unknown));
        check("{$.a.b[0] > 3 || $.c IS NULL}", &denied, Some(Truth::Unknown));
        for malformed in [
            "ERROR",
            "{}",
            "{$.a}",
            "{($.a=b}",
            "{$.a=b) }",
            "[ip, user]",
            "",
            &format!("{{{}$.a=b}}", "(".repeat(999)),
        ] {
            check(malformed, &denied, None);
        }
    }
}
