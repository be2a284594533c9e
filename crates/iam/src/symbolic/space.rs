//! All requests that some policies can tell apart, and the policies as literals over their fields.
//!
//! In: policies, the IAM reference, and what variables stand for. Out: a [`Space`] whose actions and principals are
//! finite, and [`Rule`]s. Always: what one literal says is exactly what one element of a statement says; where that
//! cannot be put exactly, the rule says why in [`Rule::inexact`].

use std::collections::BTreeMap;

use catalog::IamReference;
use indexmap::{IndexMap, IndexSet};
use smol_str::{SmolStr, format_smolstr};

use crate::operator::{Family, Operator, Qualifier};
use crate::policy::{Condition, Effect, Policy, PrincipalKind, PrincipalSet, Sense};
use crate::text::{Segment, Text};

use super::key::{KeyTest, Values};
use super::language::{Language, Reach, Token};

/// A field of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// What is asked.
    Action,
    /// Who asks.
    Principal,
    /// Of what.
    Resource,
    /// A condition key, at its position in [`Space::keys`].
    Key(usize),
}

/// Position of a [`Test`] in its space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TestId(usize);

/// A test and the truth it has to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Literal {
    /// Which test.
    pub test: TestId,
    /// Whether it has to hold.
    pub holds: bool,
}

/// What a statement asks of one field.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Test {
    /// One of these actions.
    Action(Classes),
    /// One of these principals.
    Principal(Classes),
    /// A resource of this language.
    Resource(Language),
    /// A condition on the key at a position.
    Key(usize, KeyTest),
}

/// A set of positions.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Classes(Vec<u64>);

/// A condition key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// In lower case.
    pub name: SmolStr,
    /// As the first policy wrote it.
    pub written: SmolStr,
    /// Whether a request may carry several values.
    pub multivalued: bool,
}

/// A statement as literals, all of which must hold for it to match.
#[derive(Debug, Clone)]
pub struct Rule {
    /// What it does when it matches.
    pub effect: Effect,
    /// When it matches.
    pub when: Vec<Literal>,
    /// Why `when` is not exactly what the statement says.
    pub inexact: Option<String>,
}

/// What policy variables stand for; a variable that is not here stands for a text that equals nothing else.
pub type Bindings = BTreeMap<SmolStr, Binding>;

/// What a policy variable stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Binding {
    /// The request lacks the key.
    Absent,
    /// This text.
    Text(String),
}

/// The universe of requests.
#[derive(Debug, Default)]
pub struct Space {
    /// Actions, in lower case, one for each class that the policies tell apart.
    pub actions: Vec<SmolStr>,
    /// Principals, one for each class.
    pub principals: Vec<SmolStr>,
    /// Condition keys that occur.
    pub keys: Vec<Key>,
    /// What every resource looks like.
    pub arns: Language,
    tests: IndexSet<Test>,
}

impl Classes {
    /// Those of `count` positions that `holds` says yes of.
    pub fn of(count: usize, holds: impl Fn(usize) -> bool) -> Self {
        let mut words = vec![0; count.div_ceil(64)];
        for at in (0..count).filter(|at| holds(*at)) {
            if let Some(word) = words.get_mut(at / 64) {
                *word |= 1 << (at % 64);
            }
        }
        Self(words)
    }

    /// Whether a position is in it.
    #[must_use]
    pub fn contains(&self, at: usize) -> bool {
        self.0.get(at / 64).is_some_and(|word| word & (1 << (at % 64)) != 0)
    }
}

impl Test {
    /// For sets of actions and principals: whether one is in it.
    #[must_use]
    pub fn has(&self, class: usize) -> bool {
        match self {
            Self::Action(classes) | Self::Principal(classes) => classes.contains(class),
            Self::Resource(_) | Self::Key(..) => false,
        }
    }
}

impl Space {
    /// The space of requests that `policies` can tell apart.
    #[must_use]
    pub fn of(policies: &[&Policy], reference: &IamReference) -> Self {
        let mut keys: IndexMap<SmolStr, Key> = IndexMap::new();
        for condition in conditions(policies) {
            let key = keys.entry(condition.key.clone()).or_insert_with(|| Key {
                name: condition.key.clone(),
                written: condition.written_key.clone(),
                multivalued: false,
            });
            key.multivalued |= condition.qualifier != Qualifier::None;
        }
        for variable in variables(policies) {
            keys.entry(variable.key.clone()).or_insert_with(|| Key {
                name: variable.key.clone(),
                written: variable.written.clone(),
                multivalued: false,
            });
        }
        Self {
            actions: super::actions::classes(policies, reference),
            principals: principals(policies),
            keys: keys.into_values().collect(),
            arns: arns(),
            tests: IndexSet::new(),
        }
    }

    /// The space of contexts that some conditions can tell apart: one action, one principal, one resource.
    pub fn of_conditions<'c>(conditions: impl IntoIterator<Item = &'c Condition>, pinned: &[&str]) -> Self {
        let mut keys: IndexMap<SmolStr, Key> = IndexMap::new();
        for condition in conditions {
            let key = keys.entry(condition.key.clone()).or_insert_with(|| Key {
                name: condition.key.clone(),
                written: condition.written_key.clone(),
                multivalued: false,
            });
            key.multivalued |= condition.qualifier != Qualifier::None;
        }
        for name in pinned {
            let lower: SmolStr = name.to_lowercase().into();
            keys.entry(lower.clone()).or_insert_with(|| Key {
                name: lower,
                written: (*name).into(),
                multivalued: false,
            });
        }
        Self {
            actions: vec![SmolStr::new_static("*")],
            principals: vec![SmolStr::new_static("*")],
            keys: keys.into_values().collect(),
            arns: Language::literal("*"),
            tests: IndexSet::new(),
        }
    }

    /// A key has exactly this text; `None`: the request lacks it.
    pub fn pin(&mut self, key: &str, text: Option<&str>) -> Option<Literal> {
        let lower = key.to_lowercase();
        let at = self.keys.iter().position(|key| key.name == lower)?;
        let (operator, values) = match text {
            Some(text) => (Operator::StringEquals, Values::Language(Language::literal(text))),
            None => (Operator::Null, Values::Literals(vec!["true".to_owned()])),
        };
        let test = KeyTest { operator, negated: false, qualifier: Qualifier::None, if_exists: false, values };
        Some(self.literal(Test::Key(at, test), true))
    }

    /// A condition as a literal; why it cannot be put exactly.
    pub fn condition_holds(&mut self, condition: &Condition) -> Result<Literal, String> {
        if condition.values.iter().any(|value| value.text.variables().next().is_some()) {
            return Err(format!("it compares `{}` with another value of the request", condition.written_key));
        }
        let test = self.condition(condition, &Bindings::new())?;
        Ok(self.literal(test, true))
    }

    /// A test by its position.
    #[must_use]
    pub fn test(&self, id: TestId) -> &Test {
        static NONE: Test = Test::Action(Classes(Vec::new()));
        self.tests.get_index(id.0).unwrap_or(&NONE)
    }

    /// The field that a test is about.
    #[must_use]
    pub fn field(&self, id: TestId) -> Field {
        match self.test(id) {
            Test::Action(_) => Field::Action,
            Test::Principal(_) => Field::Principal,
            Test::Resource(_) => Field::Resource,
            Test::Key(at, _) => Field::Key(*at),
        }
    }

    /// The statements of a policy over this space.
    pub fn rules(&mut self, policy: &Policy, bindings: &Bindings) -> Vec<Rule> {
        let mut out = Vec::new();
        for statement in &policy.statements {
            let mut when = Vec::new();
            let mut inexact = None;
            let patterns: Vec<&Text> =
                statement.actions.patterns.iter().map(|pattern| &pattern.text).collect();
            let sense = statement.actions.sense;
            let classes = Classes::of(self.actions.len(), |at| {
                let action = self.actions.get(at).map_or("", SmolStr::as_str);
                let named = patterns.iter().any(|pattern| super::actions::matches(pattern, action));
                named == (sense == Sense::Only)
            });
            when.push(self.literal(Test::Action(classes), true));
            if let Some(set) = &statement.principals {
                let classes = Classes::of(self.principals.len(), |at| {
                    names(set, self.principals.get(at).map_or("", SmolStr::as_str))
                });
                when.push(self.literal(Test::Principal(classes), true));
                if set.principals.iter().any(|one| matches!(one.kind, PrincipalKind::Open(..))) {
                    inexact = Some("a principal is not known".to_owned());
                }
            }
            if let Some(set) = &statement.resources {
                let texts = set.patterns.iter().map(|pattern| &pattern.text);
                let globs = texts.filter_map(|text| resource_glob(text, bindings)).collect();
                let language = Language { globs, ignores_case: false };
                when.push(self.literal(Test::Resource(language), set.sense == Sense::Only));
            }
            for condition in &statement.conditions {
                match self.condition(condition, bindings) {
                    Ok(test) => when.push(self.literal(test, true)),
                    Err(why) => inexact = Some(why),
                }
            }
            out.push(Rule { effect: statement.effect, when, inexact });
        }
        out
    }

    /// The keys that variables read have the values that the variables stand for.
    pub fn pins(&mut self, bindings: &Bindings, policies: &[&Policy]) -> Vec<Literal> {
        let names: IndexSet<SmolStr> = variables(policies).map(|variable| variable.key.clone()).collect();
        let mut out = Vec::new();
        for name in names {
            let Some(key) = self.keys.iter().position(|key| key.name == name) else { continue };
            let (operator, values) = match bindings.get(&name) {
                Some(Binding::Absent) => (Operator::Null, Values::Literals(vec!["true".to_owned()])),
                Some(Binding::Text(text)) => {
                    (Operator::StringEquals, Values::Language(Language::literal(text)))
                }
                None => {
                    let language = Language { globs: vec![symbol(&name)], ignores_case: false };
                    (Operator::StringEquals, Values::Language(language))
                }
            };
            let test =
                KeyTest { operator, negated: false, qualifier: Qualifier::None, if_exists: false, values };
            out.push(self.literal(Test::Key(key, test), true));
        }
        out
    }

    fn literal(&mut self, test: Test, holds: bool) -> Literal {
        let (at, _) = self.tests.insert_full(test);
        Literal { test: TestId(at), holds }
    }

    fn condition(&self, condition: &Condition, bindings: &Bindings) -> Result<Test, String> {
        let operator = condition.operator;
        let key = self.keys.iter().position(|key| key.name == condition.key);
        let key = key.ok_or_else(|| format!("the key `{}` is not in the space", condition.written_key))?;
        let texts = condition.values.iter().map(|value| &value.text);
        let values = match operator.family() {
            Family::String | Family::Arn => {
                let globs = texts.filter_map(|text| match operator.family() {
                    Family::Arn => arn_glob(text, bindings),
                    _ => glob(text, bindings),
                });
                let ignores_case = operator.positive() == Operator::StringEqualsIgnoreCase;
                Values::Language(Language { globs: globs.collect(), ignores_case })
            }
            _ => {
                let mut literals = Vec::new();
                for text in texts {
                    match glob(text, bindings).map(|glob| literal(&glob)) {
                        Some(Some(text)) => literals.push(text),
                        Some(None) => return Err(format!("`{text}` is not a value that can be compared")),
                        None => {}
                    }
                }
                Values::Literals(literals)
            }
        };
        Ok(Test::Key(
            key,
            KeyTest {
                operator: operator.positive(),
                negated: operator.negated(),
                qualifier: condition.qualifier,
                if_exists: condition.if_exists,
                values,
            },
        ))
    }
}

/// Every condition of some policies.
pub(super) fn conditions<'a>(policies: &'a [&Policy]) -> impl Iterator<Item = &'a Condition> {
    policies.iter().flat_map(|policy| &policy.statements).flat_map(|statement| &statement.conditions)
}

/// Every variable of some policies.
fn variables<'a>(policies: &'a [&Policy]) -> impl Iterator<Item = &'a crate::text::Variable> {
    let statements = || policies.iter().flat_map(|policy| &policy.statements);
    let resources = statements().filter_map(|statement| statement.resources.as_ref());
    let resources = resources.flat_map(|set| &set.patterns).map(|pattern| &pattern.text);
    let values = conditions(policies).flat_map(|condition| &condition.values).map(|value| &value.text);
    resources.chain(values).flat_map(Text::variables)
}

/// `arn:aws*:?*:*:*:?*`, each wildcard within its segment but the last.
fn arns() -> Language {
    let mut glob: Vec<Token> = "arn:aws".chars().map(Token::Char).collect();
    let colon = Token::Char(':');
    let (one, run) = (Token::One(Reach::Segment), Token::Run(Reach::Segment));
    glob.extend([run, colon, one, run, colon, run, colon, run, colon]);
    glob.extend([Token::One(Reach::Any), Token::Run(Reach::Any)]);
    Language { globs: vec![glob], ignores_case: false }
}

/// The one character that stands for what a variable or an unknown is, as a glob.
fn symbol(name: &str) -> Vec<Token> {
    vec![Token::Char(super::symbols::of(name))]
}

/// A glob of a text; `None` where it can match nothing, since a variable has no value and no default.
pub(super) fn glob(text: &Text, bindings: &Bindings) -> Option<Vec<Token>> {
    let mut out = Vec::new();
    for segment in &text.segments {
        match segment {
            Segment::Literal(text) => out.extend(text.chars().map(Token::Char)),
            Segment::AnyRun => out.push(Token::Run(Reach::Any)),
            Segment::AnyOne => out.push(Token::One(Reach::Any)),
            Segment::Unknown(name) => out.extend(symbol(name)),
            Segment::Variable(variable) => match (bindings.get(&variable.key), &variable.default) {
                (Some(Binding::Text(text)), _) => out.extend(text.chars().map(Token::Char)),
                (Some(Binding::Absent), Some(default)) => out.extend(default.chars().map(Token::Char)),
                (Some(Binding::Absent), None) => return None,
                (None, _) => out.extend(symbol(&variable.key)),
            },
        }
    }
    Some(out)
}

fn literal(glob: &[Token]) -> Option<String> {
    glob.iter()
        .map(|token| match token {
            Token::Char(c) => Some(*c),
            Token::One(_) | Token::Run(_) => None,
        })
        .collect()
}

/// The glob of an ARN operator's value: its six segments are matched one by one.
fn arn_glob(text: &Text, bindings: &Bindings) -> Option<Vec<Token>> {
    Some(within_segments(glob(text, bindings)?))
}

/// Keeps the wildcards of the first five segments from taking colons.
fn within_segments(mut glob: Vec<Token>) -> Vec<Token> {
    let mut colons = 0;
    for token in &mut glob {
        match token {
            Token::Char(':') => colons += 1,
            Token::One(reach) | Token::Run(reach) if colons < 5 => *reach = Reach::Segment,
            _ => {}
        }
    }
    glob
}

/// The glob of a resource.
pub(super) fn resource_glob(text: &Text, bindings: &Bindings) -> Option<Vec<Token>> {
    glob(text, bindings)
}

/// Principals that stand for all: whoever is named, somebody else of each account named, and strangers of each kind.
fn principals(policies: &[&Policy]) -> Vec<SmolStr> {
    let mut out: IndexSet<SmolStr> = IndexSet::new();
    out.insert("arn:aws:iam::111122223333:role/example".into());
    let named =
        policies.iter().flat_map(|policy| &policy.statements).filter_map(|one| one.principals.as_ref());
    for principal in named.flat_map(|set| &set.principals) {
        match &principal.kind {
            PrincipalKind::Account(account) => {
                out.insert(format_smolstr!("arn:aws:iam::{}:role/example", account_of(account)));
                out.insert(format_smolstr!("arn:aws:iam::{}:root", account_of(account)));
            }
            PrincipalKind::Arn(arn) => {
                out.insert(arn.clone());
                if let Some(session) = session_of(arn) {
                    out.insert(session);
                }
                out.insert(format_smolstr!("arn:aws:iam::{}:role/example", account_of(arn)));
            }
            PrincipalKind::Service(name)
            | PrincipalKind::Federated(name)
            | PrincipalKind::CanonicalUser(name) => {
                out.insert(name.clone());
            }
            PrincipalKind::Everyone | PrincipalKind::UniqueId(_) | PrincipalKind::Open(..) => {}
        }
    }
    out.insert("arn:aws:iam::999999999999:role/stranger".into());
    out.insert("stranger.amazonaws.com".into());
    out.insert("anonymous".into());
    out.into_iter().collect()
}

fn account_of(text: &str) -> &str {
    text.split(':').nth(4).unwrap_or(text)
}

fn session_of(arn: &str) -> Option<SmolStr> {
    let role = arn.split_once(":role/")?.1;
    let name = role.rsplit('/').next()?;
    Some(format_smolstr!("arn:aws:sts::{}:assumed-role/{name}/session", account_of(arn)))
}

/// Whether `Principal` or `NotPrincipal` names somebody.
///
/// Source: "AWS JSON policy elements: Principal": an account stands for all its principals, a role for its sessions.
fn names(set: &PrincipalSet, who: &str) -> bool {
    let listed = set.principals.iter().any(|principal| match &principal.kind {
        PrincipalKind::Everyone => true,
        PrincipalKind::Account(account) => who.starts_with("arn:") && account_of(who) == account_of(account),
        PrincipalKind::Arn(arn) => {
            arn == who || session_of(arn).is_some_and(|session| is_session(&session, who))
        }
        PrincipalKind::Service(name)
        | PrincipalKind::Federated(name)
        | PrincipalKind::CanonicalUser(name) => name == who,
        PrincipalKind::UniqueId(_) | PrincipalKind::Open(..) => false,
    });
    listed == (set.sense == Sense::Only)
}

fn is_session(example: &str, who: &str) -> bool {
    example.strip_suffix("session").is_some_and(|role| who.starts_with(role))
}
