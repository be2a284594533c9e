//! What one condition key can be, under several conditions at once.
//!
//! In: tests of one key with the truth each must have. Out: a value (absent, or one or several texts), that there is
//! none, or that it could not be decided. Always: "none" is said only where the tests leave no text: by a walk of
//! the automata for text and ARN operators, and for ordered operators (numbers, dates, addresses, booleans) by a
//! list of candidates that has one member in every region that the tests can tell apart.

use crate::operator::{Family, Operator, Qualifier};

use super::language::{Budget, Found, Language, Reach, Token, search};
use super::value::{candidates, matches};

/// One condition of a statement on one key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyTest {
    /// The operator; a negated one has `negated` set and its positive form here.
    pub operator: Operator,
    /// `StringNotEquals` and its like: no value may match.
    pub negated: bool,
    /// `ForAllValues`, `ForAnyValue`.
    pub qualifier: Qualifier,
    /// `…IfExists`.
    pub if_exists: bool,
    /// The texts compared with; for text and ARN operators the language of them.
    pub values: Values,
}

/// What a value is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Values {
    /// Text and ARN operators.
    Language(Language),
    /// All others: any of these matches.
    Literals(Vec<String>),
}

/// A value of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyValue {
    /// Not in the request.
    Absent,
    /// These; for a key of one value exactly one.
    Texts(Vec<String>),
}

/// What became of a search for a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<T> {
    /// One that does.
    Found(T),
    /// None does.
    Nothing,
    /// Not decided.
    GaveUp,
}

impl KeyTest {
    /// Whether one value of the request matches one of the test's.
    fn matches(&self, value: &str) -> bool {
        match &self.values {
            Values::Language(language) => language.contains(value),
            Values::Literals(literals) => {
                literals.iter().any(|literal| matches(self.operator, literal, value))
            }
        }
    }

    /// Whether it holds of a key that is not there.
    fn of_absent(&self) -> bool {
        if self.operator == Operator::Null {
            return self.wants_absent();
        }
        match self.qualifier {
            Qualifier::ForAllValues => true,
            Qualifier::ForAnyValue => self.if_exists,
            Qualifier::None => self.negated || self.if_exists,
        }
    }

    /// For `Null`: whether the key has to be absent.
    fn wants_absent(&self) -> bool {
        match &self.values {
            Values::Literals(literals) => literals.iter().any(|text| text.eq_ignore_ascii_case("true")),
            Values::Language(_) => false,
        }
    }

    /// For `Null`: whether the key has to be there.
    fn wants_present(&self) -> bool {
        match &self.values {
            Values::Literals(literals) => literals.iter().any(|text| text.eq_ignore_ascii_case("false")),
            Values::Language(_) => false,
        }
    }

    /// Whether it holds of a value.
    #[must_use]
    pub fn holds(&self, value: &KeyValue) -> bool {
        let KeyValue::Texts(texts) = value else { return self.of_absent() };
        if self.operator == Operator::Null {
            return self.wants_present();
        }
        let mut each = texts.iter().map(|text| self.matches(text));
        match (self.qualifier, self.negated) {
            (Qualifier::None | Qualifier::ForAnyValue, false) => each.any(|matched| matched),
            (Qualifier::None, true) | (Qualifier::ForAllValues, true) => each.all(|matched| !matched),
            (Qualifier::ForAnyValue, true) => each.any(|matched| !matched),
            (Qualifier::ForAllValues, false) => each.all(|matched| matched),
        }
    }
}

/// What one text has to do: match a test's values, or not.
type Demand<'a> = (&'a KeyTest, bool);

/// A value of a key for which each test has the truth beside it.
#[must_use]
pub fn solve(tests: &[(&KeyTest, bool)], multivalued: bool, budget: Budget) -> Outcome<KeyValue> {
    let does = |value: &KeyValue| tests.iter().all(|(test, truth)| test.holds(value) == *truth);
    if does(&KeyValue::Absent) {
        return Outcome::Found(KeyValue::Absent);
    }
    // What every text has to do, and what one of them has to.
    let mut all: Vec<Demand<'_>> = Vec::new();
    let mut some: Vec<Demand<'_>> = Vec::new();
    for (test, truth) in tests {
        if test.operator == Operator::Null {
            if test.wants_present() != *truth {
                return Outcome::Nothing;
            }
            continue;
        }
        // `exists` tests of some text, the others of all; the negation of one is the other.
        let exists = match (test.qualifier, test.negated) {
            (Qualifier::None, negated) => !negated,
            (Qualifier::ForAnyValue, _) => true,
            (Qualifier::ForAllValues, _) => false,
        };
        let demand = (*test, *truth != test.negated);
        if exists == *truth && multivalued { some.push(demand) } else { all.push(demand) }
    }
    let mut gave_up = false;
    let mut texts = Vec::new();
    if some.is_empty() {
        match find(&all, budget) {
            Outcome::Found(text) => texts.push(text),
            Outcome::Nothing => return Outcome::Nothing,
            Outcome::GaveUp => gave_up = true,
        }
    }
    for demand in &some {
        let mut demands = all.clone();
        demands.push(*demand);
        match find(&demands, budget) {
            Outcome::Found(text) => texts.push(text),
            Outcome::Nothing => return Outcome::Nothing,
            Outcome::GaveUp => gave_up = true,
        }
    }
    if gave_up {
        return Outcome::GaveUp;
    }
    texts.dedup();
    let value = KeyValue::Texts(texts);
    // The texts were found test by test; the whole is asked once more.
    if does(&value) { Outcome::Found(value) } else { Outcome::GaveUp }
}

/// One text that meets every demand.
fn find(demands: &[Demand<'_>], budget: Budget) -> Outcome<String> {
    // `ForAllValues` takes an empty text for no value at all.
    // Source: "Set operators for multivalued context keys", IAM User Guide.
    let sets = demands.iter().any(|(test, _)| test.qualifier != Qualifier::None);
    let (mut inside, mut outside, mut ordered) = (Vec::new(), Vec::new(), Vec::new());
    for (test, wanted) in demands {
        match (&test.values, wanted) {
            (Values::Language(language), true) => inside.push(language),
            (Values::Language(language), false) => outside.push(language),
            (Values::Literals(literals), _) => ordered.push((test.operator, literals)),
        }
    }
    let meets = |text: &str| demands.iter().all(|(test, wanted)| test.matches(text) == *wanted);
    if ordered.is_empty() {
        // A value that is empty counts as none in places: another one is taken where there is one.
        let some = Language {
            globs: vec![vec![Token::One(Reach::Any), Token::Run(Reach::Any)]],
            ignores_case: false,
        };
        let mut not_empty = inside.clone();
        not_empty.push(&some);
        let found = match search(&not_empty, &outside, budget) {
            Found::Nothing if !sets => search(&inside, &outside, budget),
            found => found,
        };
        return match found {
            Found::Text(text) => Outcome::Found(text),
            Found::Nothing => Outcome::Nothing,
            Found::GaveUp => Outcome::GaveUp,
        };
    }
    // A value that is known is tried, whatever it is compared as.
    let known = inside.iter().find_map(|language| language.texts());
    if let Some(known) = known {
        return known.into_iter().find(|text| meets(text)).map_or(Outcome::Nothing, Outcome::Found);
    }
    if let Some(text) = candidates(&ordered).into_iter().find(|text| meets(text)) {
        return Outcome::Found(text);
    }
    let family = |operator: Operator| operator.family();
    let first = ordered.first().map(|(operator, _)| family(*operator));
    let one_family = ordered.iter().all(|(operator, _)| Some(family(*operator)) == first);
    // A text that is compared as a number and as a text has more regions than the candidates show.
    let complete = one_family && inside.is_empty() && outside.is_empty() && first != Some(Family::Null);
    if complete { Outcome::Nothing } else { Outcome::GaveUp }
}
