//! Whether one policy allows a request that another does not.
//!
//! In: two policies and the IAM reference. Out: for each direction a request that shows the difference, that there is
//! none, or why it could not be decided. Always: a request that is shown has been put through the plain meaning of
//! both policies once more; "none" means that every way to differ was refuted, for every value of every variable.

use catalog::IamReference;
use smol_str::SmolStr;

use crate::policy::{Effect, Policy};

use super::bindings::{Choices, choices};
use super::key::{KeyValue, Outcome};
use super::search::{Limits, Search, Witness};
use super::space::{Bindings, Literal, Rule, Space};
use super::symbols;

/// Two policies compared.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// Whether the new one allows something that the old one does not.
    pub more: Answer,
    /// Whether it does not allow something that the old one does.
    pub less: Answer,
}

/// Whether there is a request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// This one.
    Yes(Box<Request>),
    /// None.
    No,
    /// Not decided.
    Unknown(String),
}

/// A request that one policy allows and the other does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Who asks: an ARN, a service, `anonymous`.
    pub principal: SmolStr,
    /// `s3:GetObject`
    pub action: String,
    /// The resource's ARN.
    pub resource: String,
    /// The condition keys that matter, in the spelling of the policies, with their values.
    pub context: Vec<(SmolStr, Vec<String>)>,
}

/// What a comparison may spend before it says that it does not know.
const LIMITS: Limits = Limits { ways: 6_000, states: 120_000 };

/// Compares two policies.
#[must_use]
pub fn compare(old: &Policy, new: &Policy, reference: &IamReference) -> Comparison {
    Comparison { more: extra(new, old, reference), less: extra(old, new, reference) }
}

/// A request that `wide` allows and `narrow` does not.
#[must_use]
pub fn extra(wide: &Policy, narrow: &Policy, reference: &IamReference) -> Answer {
    let Choices { ways, complete } = choices(&[wide, narrow]);
    let mut unknown = (!complete).then(|| "its variables can stand for too much".to_owned());
    for bindings in ways {
        let mut space = Space::of(&[wide, narrow], reference);
        let (allowing, refusing) = (space.rules(wide, &bindings), space.rules(narrow, &bindings));
        if let Some(why) = allowing.iter().chain(&refusing).find_map(|rule| rule.inexact.clone()) {
            return Answer::Unknown(why);
        }
        let pins = space.pins(&bindings, &[wide, narrow]);
        match difference(&space, &allowing, &refusing, &pins) {
            Outcome::Found(witness) => {
                let request = readable(&space, &witness, reference);
                return Answer::Yes(Box::new(request));
            }
            Outcome::Nothing => {}
            Outcome::GaveUp => unknown = Some("it would take too long to decide".to_owned()),
        }
    }
    unknown.map_or(Answer::No, Answer::Unknown)
}

/// A request that the first rules allow and the second do not.
fn difference(space: &Space, wide: &[Rule], narrow: &[Rule], pins: &[Literal]) -> Outcome<Witness> {
    let of = |rules: &[Rule], effect| -> Vec<Vec<Literal>> {
        rules.iter().filter(|rule| rule.effect == effect).map(|rule| rule.when.clone()).collect()
    };
    let not_denied: Vec<Vec<Literal>> = of(wide, Effect::Deny).iter().map(|when| refuted(when)).collect();
    let mut not_allowed = not_denied.clone();
    not_allowed.extend(of(narrow, Effect::Allow).iter().map(|when| refuted(when)));
    let mut gave_up = false;
    for allow in of(wide, Effect::Allow) {
        let given: Vec<Literal> = pins.iter().chain(&allow).copied().collect();
        match Search::new(space, &not_allowed, LIMITS).run(&given) {
            Outcome::Found(witness) => return Outcome::Found(witness),
            Outcome::Nothing => {}
            Outcome::GaveUp => gave_up = true,
        }
        for deny in of(narrow, Effect::Deny) {
            let given: Vec<Literal> = given.iter().chain(&deny).copied().collect();
            match Search::new(space, &not_denied, LIMITS).run(&given) {
                Outcome::Found(witness) => return Outcome::Found(witness),
                Outcome::Nothing => {}
                Outcome::GaveUp => gave_up = true,
            }
        }
    }
    if gave_up { Outcome::GaveUp } else { Outcome::Nothing }
}

/// One of the literals does not hold.
fn refuted(when: &[Literal]) -> Vec<Literal> {
    when.iter().map(|literal| Literal { holds: !literal.holds, ..*literal }).collect()
}

/// The witness as a request that people and the evaluator read.
fn readable(space: &Space, witness: &Witness, reference: &IamReference) -> Request {
    let action = space.actions.get(witness.action).map_or("", SmolStr::as_str);
    let spelled = action.split_once(':').and_then(|(prefix, name)| {
        let known = reference.action(prefix, name)?;
        Some(format!("{prefix}:{}", known.name))
    });
    let context = space.keys.iter().zip(&witness.keys).filter_map(|(key, value)| match value {
        KeyValue::Absent => None,
        KeyValue::Texts(texts) => {
            Some((key.written.clone(), texts.iter().map(|text| plain(text)).collect::<Vec<_>>()))
        }
    });
    let context: Vec<(SmolStr, Vec<String>)> = context.collect();
    let own = context.iter().find(|(key, _)| key.eq_ignore_ascii_case("aws:PrincipalArn"));
    let own = own.and_then(|(_, texts)| texts.first()).filter(|text| text.starts_with("arn:"));
    let principal = space.principals.get(witness.principal).cloned().unwrap_or_default();
    Request {
        principal: own.map_or(principal, |text| SmolStr::from(text.as_str())),
        action: spelled.unwrap_or_else(|| action.to_owned()),
        resource: plain(&witness.resource),
        context,
    }
}

/// A text in which what stood for a variable's value has become a name.
fn plain(text: &str) -> String {
    let readable = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match symbols::is_one(c).then(|| symbols::name_of(c)).flatten() {
            Some(name) => {
                out.push_str("some-");
                out.extend(name.chars().map(readable));
            }
            None => out.push(c),
        }
    }
    out
}

/// The choices of variables.
pub(super) type Ways = Vec<Bindings>;
