//! A request for which given propositions hold, or that there is none.
//!
//! In: a [`Space`] of requests, literals that must hold, and clauses of which one literal each must hold. Out: a
//! request, that there is none, or why it could not be decided. Always: "none" is said only after every way to meet
//! every clause has been refuted; a way that could not be decided makes the whole undecided.
//!
//! The fields of a request are independent of each other, so each keeps its own literals and its own witness. The
//! search takes the witnesses it has, looks for a clause that they do not meet, and tries each literal of it.

use std::collections::HashMap;

use super::key::{KeyValue, Outcome, solve};
use super::language::{Budget, Found, Language, search};
use super::space::{Field, Literal, Space, Test, TestId};

/// How much one search may look at.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Ways tried in all.
    pub ways: u32,
    /// Product states in all, over every text that is looked for.
    pub states: u32,
}

/// One request, field by field.
#[derive(Debug, Clone, Default)]
pub struct Witness {
    /// Position in [`Space::actions`].
    pub action: usize,
    /// Position in [`Space::principals`].
    pub principal: usize,
    /// The resource.
    pub resource: String,
    /// Values of the keys, at their positions in [`Space::keys`].
    pub keys: Vec<KeyValue>,
}

/// The search.
pub struct Search<'a> {
    space: &'a Space,
    clauses: &'a [Vec<Literal>],
    limits: Limits,
    undecided: bool,
    solved: HashMap<(Field, Vec<Literal>), Outcome<Value>>,
}

/// A witness of one field.
#[derive(Debug, Clone)]
enum Value {
    Class(usize),
    Text(String),
    Key(KeyValue),
}

impl<'a> Search<'a> {
    /// Prepares a search for requests that meet `clauses`.
    #[must_use]
    pub fn new(space: &'a Space, clauses: &'a [Vec<Literal>], limits: Limits) -> Self {
        Self { space, clauses, limits, undecided: false, solved: HashMap::new() }
    }

    /// A request for which every one of `given` holds and every clause is met.
    pub fn run(mut self, given: &[Literal]) -> Outcome<Witness> {
        let mut conjunction: HashMap<Field, Vec<Literal>> = HashMap::new();
        for literal in given {
            if !add(&mut conjunction, self.space.field(literal.test), *literal) {
                return Outcome::Nothing;
            }
        }
        let mut witness =
            Witness { keys: vec![KeyValue::Absent; self.space.keys.len()], ..Witness::default() };
        let fields: Vec<Field> = [Field::Action, Field::Principal, Field::Resource]
            .into_iter()
            .chain((0..self.space.keys.len()).map(Field::Key))
            .collect();
        for field in fields {
            let literals = conjunction.get(&field).cloned().unwrap_or_default();
            match self.value(field, literals) {
                Outcome::Found(value) => put(&mut witness, field, value),
                Outcome::Nothing => return Outcome::Nothing,
                Outcome::GaveUp => return Outcome::GaveUp,
            }
        }
        match self.descend(&conjunction, witness) {
            Some(witness) => Outcome::Found(witness),
            None if self.undecided => Outcome::GaveUp,
            None => Outcome::Nothing,
        }
    }

    fn descend(&mut self, conjunction: &HashMap<Field, Vec<Literal>>, witness: Witness) -> Option<Witness> {
        let clauses = self.clauses;
        let unmet = clauses.iter().filter(|clause| {
            !clause.iter().any(|literal| self.space.holds(literal.test, &witness) == literal.holds)
        });
        let Some(clause) = unmet.min_by_key(|clause| clause.len()) else { return Some(witness) };
        let mut conjunction = conjunction.clone();
        for literal in clause {
            if self.limits.ways == 0 {
                self.undecided = true;
                return None;
            }
            self.limits.ways -= 1;
            let field = self.space.field(literal.test);
            let mut next = conjunction.clone();
            if !add(&mut next, field, *literal) {
                continue;
            }
            let literals = next.get(&field).cloned().unwrap_or_default();
            match self.value(field, literals) {
                Outcome::Found(value) => {
                    let mut witness = witness.clone();
                    put(&mut witness, field, value);
                    if let Some(found) = self.descend(&next, witness) {
                        return Some(found);
                    }
                }
                Outcome::Nothing => {}
                Outcome::GaveUp => self.undecided = true,
            }
            // Whatever is left has to do without this literal. For sets of classes that prunes at no cost.
            if matches!(field, Field::Action | Field::Principal) {
                let other = Literal { holds: !literal.holds, ..*literal };
                if !add(&mut conjunction, field, other) {
                    return None;
                }
            }
        }
        None
    }

    fn value(&mut self, field: Field, mut literals: Vec<Literal>) -> Outcome<Value> {
        literals.sort_unstable();
        literals.dedup();
        let key = (field, literals);
        if let Some(known) = self.solved.get(&key) {
            return known.clone();
        }
        let outcome = self.solve(field, &key.1);
        self.solved.insert(key, outcome.clone());
        outcome
    }

    fn solve(&mut self, field: Field, literals: &[Literal]) -> Outcome<Value> {
        let space = self.space;
        let budget = Budget(self.limits.states.min(MOST_STATES_PER_TEXT));
        match field {
            Field::Action => class(space, literals, space.actions.len()),
            Field::Principal => class(space, literals, space.principals.len()),
            Field::Resource => {
                let (mut inside, mut outside): (Vec<&Language>, Vec<&Language>) = (vec![&space.arns], vec![]);
                for literal in literals {
                    if let Test::Resource(language) = space.test(literal.test) {
                        if literal.holds { inside.push(language) } else { outside.push(language) }
                    }
                }
                match search(&inside, &outside, budget) {
                    Found::Text(text) => Outcome::Found(Value::Text(text)),
                    Found::Nothing => Outcome::Nothing,
                    Found::GaveUp => self.give_up(budget),
                }
            }
            Field::Key(at) => {
                let tests: Vec<_> = literals
                    .iter()
                    .filter_map(|literal| match space.test(literal.test) {
                        Test::Key(_, test) => Some((test, literal.holds)),
                        _ => None,
                    })
                    .collect();
                let multivalued = space.keys.get(at).is_some_and(|key| key.multivalued);
                match solve(&tests, multivalued, budget) {
                    Outcome::Found(value) => Outcome::Found(Value::Key(value)),
                    Outcome::Nothing => Outcome::Nothing,
                    Outcome::GaveUp => self.give_up(budget),
                }
            }
        }
    }

    fn give_up(&mut self, spent: Budget) -> Outcome<Value> {
        self.limits.states = self.limits.states.saturating_sub(spent.0);
        Outcome::GaveUp
    }
}

/// One text may not spend what all others need.
const MOST_STATES_PER_TEXT: u32 = 20_000;

/// Adds a literal; `false` where its negation is there already.
fn add(conjunction: &mut HashMap<Field, Vec<Literal>>, field: Field, literal: Literal) -> bool {
    let literals = conjunction.entry(field).or_default();
    if literals.iter().any(|known| known.test == literal.test && known.holds != literal.holds) {
        return false;
    }
    if !literals.contains(&literal) {
        literals.push(literal);
    }
    true
}

fn put(witness: &mut Witness, field: Field, value: Value) {
    match (field, value) {
        (Field::Action, Value::Class(class)) => witness.action = class,
        (Field::Principal, Value::Class(class)) => witness.principal = class,
        (Field::Resource, Value::Text(text)) => witness.resource = text,
        (Field::Key(at), Value::Key(value)) => {
            if let Some(place) = witness.keys.get_mut(at) {
                *place = value;
            }
        }
        // Each field has its own form of value.
        _ => {}
    }
}

fn class(space: &Space, literals: &[Literal], count: usize) -> Outcome<Value> {
    let fits =
        |class: usize| literals.iter().all(|literal| space.test(literal.test).has(class) == literal.holds);
    (0..count)
        .find(|class| fits(*class))
        .map_or(Outcome::Nothing, |class| Outcome::Found(Value::Class(class)))
}

impl Space {
    /// Whether a test holds of a request.
    #[must_use]
    pub fn holds(&self, id: TestId, witness: &Witness) -> bool {
        match self.test(id) {
            Test::Action(classes) => classes.contains(witness.action),
            Test::Principal(classes) => classes.contains(witness.principal),
            Test::Resource(language) => language.contains(&witness.resource),
            Test::Key(at, test) => test.holds(witness.keys.get(*at).unwrap_or(&KeyValue::Absent)),
        }
    }
}
