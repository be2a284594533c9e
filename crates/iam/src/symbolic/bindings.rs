//! What policy variables may stand for, as far as policies can tell.
//!
//! In: policies. Out: [`Choices`]: for each way one [`Bindings`]. Always: a variable's value matters only through the
//! texts that it is part of; beside "absent" and "a text that nothing else matches", one value for each other text of
//! the same field that some values of the variable match and others do not. With at most one such text the values
//! are all there are; with more they are only the likely ones, and `complete` is false.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use smol_str::SmolStr;

use crate::policy::Policy;
use crate::text::{Segment, Text, Variable};

use super::compare::Ways;
use super::language::{Budget, Found, Language, Reach, Token, search};
use super::space::{Binding, Bindings, conditions, glob};

/// The ways to give variables values.
#[derive(Debug)]
pub struct Choices {
    /// Each way; a variable that is missing stands for a text that equals nothing else.
    pub ways: Ways,
    /// Whether every value that could make a difference is among them.
    pub complete: bool,
}

/// More ways than this are not tried.
const MOST_WAYS: usize = 64;
const BUDGET: Budget = Budget(5_000);

/// The ways to give the variables of some policies values.
#[must_use]
pub fn choices(policies: &[&Policy]) -> Choices {
    let fields = fields(policies);
    let variables: BTreeSet<&SmolStr> =
        fields.values().flatten().flat_map(|text| text.variables()).map(|variable| &variable.key).collect();
    let mut ways = vec![Bindings::new()];
    let mut complete = true;
    for variable in variables {
        let values = Values::of(variable, &fields);
        complete &= values.sensitive <= 1 && !values.gave_up;
        let mut next = Vec::new();
        for way in &ways {
            for value in &values.list {
                let mut way = way.clone();
                if let Some(value) = value {
                    way.insert(variable.clone(), value.clone());
                }
                next.push(way);
            }
        }
        if next.len() > MOST_WAYS {
            next.truncate(MOST_WAYS);
            complete = false;
        }
        ways = next;
    }
    Choices { ways, complete }
}

/// The texts of every field: of resources under no name, of condition keys under theirs.
fn fields<'a>(policies: &'a [&Policy]) -> IndexMap<&'a str, Vec<&'a Text>> {
    let mut out: IndexMap<&str, Vec<&Text>> = IndexMap::new();
    let resources = policies
        .iter()
        .flat_map(|policy| &policy.statements)
        .filter_map(|statement| statement.resources.as_ref())
        .flat_map(|set| &set.patterns);
    out.entry("").or_default().extend(resources.map(|pattern| &pattern.text));
    for condition in conditions(policies) {
        let texts = condition.values.iter().map(|value| &value.text);
        out.entry(condition.key.as_str()).or_default().extend(texts);
    }
    out
}

struct Values {
    /// `None`: a text that equals nothing else.
    list: Vec<Option<Binding>>,
    /// How many texts tell values apart.
    sensitive: usize,
    gave_up: bool,
}

impl Values {
    fn of(variable: &SmolStr, fields: &IndexMap<&str, Vec<&Text>>) -> Self {
        let mut out = Self { list: vec![None, Some(Binding::Absent)], sensitive: 0, gave_up: false };
        let own: BTreeSet<&Text> = fields.get(variable.as_str()).into_iter().flatten().copied().collect();
        // A bare variable as a value of its own key says nothing of it.
        for text in own.into_iter().filter(|text| !text.variables().any(|known| known.key == *variable)) {
            out.tell_apart(&[], &[], text);
        }
        for texts in fields.values() {
            let texts: BTreeSet<&Text> = texts.iter().copied().collect();
            for text in &texts {
                let Some((before, after)) = around(text, variable) else { continue };
                for other in texts.iter().filter(|other| *other != text) {
                    out.tell_apart(&before, &after, other);
                }
            }
        }
        out.list.dedup();
        out
    }

    /// A value of the variable for which `before value after` matches `other`, where only some do.
    fn tell_apart(&mut self, before: &[Token], after: &[Token], other: &Text) {
        let loose = loosened(other);
        let other = Language { globs: vec![loose], ignores_case: false };
        let run = [Token::Run(Reach::Any)];
        let all = Language { globs: vec![[before, &run, after].concat()], ignores_case: false };
        match search(&[&all], &[&other], BUDGET) {
            // Whatever the value is, it matches: a text that equals nothing else shows that.
            Found::Nothing => return,
            Found::GaveUp => self.gave_up = true,
            Found::Text(_) => {}
        }
        match search(&[&all, &other], &[], BUDGET) {
            Found::Nothing => {}
            Found::GaveUp => self.gave_up = true,
            Found::Text(text) => {
                self.sensitive += 1;
                let plain = |tokens: &[Token]| tokens.iter().all(|token| matches!(token, Token::Char(_)));
                let kept = text.chars().count().checked_sub(before.len() + after.len());
                match kept {
                    Some(kept) if plain(before) && plain(after) => {
                        let value: String = text.chars().skip(before.len()).take(kept).collect();
                        let value = Some(Binding::Text(value));
                        if !self.list.contains(&value) {
                            self.list.push(value);
                        }
                    }
                    // Between wildcards the value cannot be cut out.
                    _ => self.gave_up = true,
                }
            }
        }
    }
}

/// What stands before and after the variable in a text; other variables stand for a text of their own.
fn around(text: &Text, variable: &SmolStr) -> Option<(Vec<Token>, Vec<Token>)> {
    let is_it =
        |segment: &Segment| matches!(segment, Segment::Variable(Variable { key, .. }) if key == variable);
    let at = text.segments.iter().position(is_it)?;
    let part = |segments: &[Segment]| glob(&Text { segments: segments.to_vec() }, &Bindings::new());
    let (before, rest) = text.segments.split_at_checked(at)?;
    Some((part(before)?, part(rest.get(1..)?)?))
}

/// A text whose variables may be anything.
pub(super) fn loosened(text: &Text) -> Vec<Token> {
    let segments = text.segments.iter().map(|segment| match segment {
        Segment::Variable(_) => Segment::AnyRun,
        other => other.clone(),
    });
    glob(&Text { segments: segments.collect() }, &Bindings::new()).unwrap_or_default()
}
