//! What policy variables may stand for, as far as policies can tell.
//!
//! In: policies. Out: [`Choices`]: for each way one [`Bindings`]. Always: a variable's value matters only through the
//! texts that it is part of; beside "absent" and "a text that nothing else matches", one value for each way in which
//! the other texts of the same field can be told apart by it. Where the variable stands in several places that differ in
//! what is around it, or with too many others, the values are only the likely ones, and `complete` is false.

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
const MOST_WAYS: usize = 200;
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
        complete &= values.complete;
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

/// More texts than this are not told apart in every combination.
const MOST_TOLD_APART: usize = 5;

struct Values {
    /// `None`: a text that equals nothing else.
    list: Vec<Option<Binding>>,
    /// Whether every value that could make a difference is listed.
    complete: bool,
}

/// A place of a variable: what is around it, and the other texts that some of its values match there.
struct Place {
    before: Vec<Token>,
    after: Vec<Token>,
    others: Vec<Language>,
}

impl Values {
    fn of(variable: &SmolStr, fields: &IndexMap<&str, Vec<&Text>>) -> Self {
        let mut out = Self { list: vec![None, Some(Binding::Absent)], complete: true };
        let own: BTreeSet<&Text> = fields.get(variable.as_str()).into_iter().flatten().copied().collect();
        // A bare variable as a value of its own key says nothing of it.
        let own = own.into_iter().filter(|text| !text.variables().any(|known| known.key == *variable));
        let own: Vec<Vec<Token>> = own.map(loosened).collect();
        let mut places: Vec<Place> =
            vec![Place { before: Vec::new(), after: Vec::new(), others: Vec::new() }];
        for texts in fields.values() {
            let texts: BTreeSet<&Text> = texts.iter().copied().collect();
            for text in &texts {
                let Some((before, after)) = around(text, variable) else { continue };
                let Some(before) = plain(&before).then_some(before) else {
                    // Behind a wildcard the value cannot be cut out of a text.
                    out.complete = false;
                    continue;
                };
                let others = texts.iter().filter(|other| *other != text);
                let others = others.filter_map(|other| out.told_apart(variable, &before, &after, other));
                let others: Vec<Language> = others.collect();
                let after: Vec<Token> = after
                    .into_iter()
                    .filter(|token| !matches!(token, Token::Run(_)))
                    .map(narrowest)
                    .collect();
                match places.iter_mut().find(|place| (&place.before, &place.after) == (&before, &after)) {
                    Some(place) => place.others.extend(others),
                    None => places.push(Place { before, after, others }),
                }
            }
        }
        out.complete &= places.iter().filter(|place| !place.others.is_empty()).count() <= 1;
        for mut place in places {
            let around = |glob: &Vec<Token>| [&place.before, glob.as_slice(), &place.after].concat();
            place
                .others
                .extend(own.iter().map(|glob| Language { globs: vec![around(glob)], ignores_case: false }));
            place.others.dedup();
            out.tell_apart(&place);
        }
        out
    }

    /// Another text of the same field, as a language, where some values of the variable match it and others do not.
    fn told_apart(
        &mut self,
        variable: &SmolStr,
        before: &[Token],
        after: &[Token],
        other: &Text,
    ) -> Option<Language> {
        // The same variable behind the same text: whether both match does not depend on what it is.
        if around(other, variable).is_some_and(|(theirs, _)| theirs == before) {
            return None;
        }
        let other = Language { globs: vec![loosened(other)], ignores_case: false };
        let run = [Token::Run(Reach::Any)];
        let all = Language { globs: vec![[before, &run, after].concat()], ignores_case: false };
        match (search(&[&all], &[&other], BUDGET), search(&[&all, &other], &[], BUDGET)) {
            (Found::Nothing, _) | (_, Found::Nothing) => None,
            (Found::GaveUp, _) | (_, Found::GaveUp) => {
                self.complete = false;
                None
            }
            (Found::Text(_), Found::Text(_)) => Some(other),
        }
    }

    /// A value for every combination of the texts that are told apart at a place.
    fn tell_apart(&mut self, place: &Place) {
        let mut others: Vec<&Language> = place.others.iter().collect();
        if others.len() > MOST_TOLD_APART {
            others.truncate(MOST_TOLD_APART);
            self.complete = false;
        }
        let value = [Token::One(Reach::Any), Token::Run(Reach::Any)];
        let all =
            Language { globs: vec![[&place.before, &value[..], &place.after].concat()], ignores_case: false };
        for combination in 1_u32..(1 << others.len()) {
            let chosen = |at: usize| combination & (1 << at) != 0;
            let mut inside = vec![&all];
            inside.extend(
                others.iter().enumerate().filter(|(at, _)| chosen(*at)).map(|(_, language)| *language),
            );
            let outside: Vec<&Language> = others
                .iter()
                .enumerate()
                .filter(|(at, _)| !chosen(*at))
                .map(|(_, language)| *language)
                .collect();
            match search(&inside, &outside, BUDGET) {
                Found::Nothing => {}
                Found::GaveUp => self.complete = false,
                Found::Text(text) => {
                    let kept = text.chars().count().saturating_sub(place.before.len() + place.after.len());
                    let value: String = text.chars().skip(place.before.len()).take(kept).collect();
                    let value = Some(Binding::Text(value));
                    if !self.list.contains(&value) {
                        self.list.push(value);
                    }
                }
            }
        }
    }
}

fn plain(tokens: &[Token]) -> bool {
    tokens.iter().all(|token| matches!(token, Token::Char(_)))
}

/// One character that a token takes.
fn narrowest(token: Token) -> Token {
    match token {
        Token::One(_) | Token::Run(_) => Token::Char('x'),
        Token::Char(_) => token,
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
