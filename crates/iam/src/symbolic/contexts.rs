//! For which contexts a choice of statements allows.
//!
//! In: the conditions of statements that allow, those of statements that deny, and what is known of the context. Out:
//! [`Decided`]. Always: "never" was refuted for every context; "always" means that no context was found in which a
//! condition fails or a denial applies.

use smol_str::SmolStr;

use crate::policy::Condition;

use super::key::Outcome;
use super::search::{Limits, Search};
use super::space::{Literal, Space};

/// A statement that denies.
#[derive(Debug, Clone, Copy)]
pub struct Obstacle<'a> {
    /// When it does.
    pub conditions: &'a [Condition],
    /// Whether it certainly applies to the action, the resource and the principal.
    pub certain: bool,
}

/// A condition key of which something is known: its value, or `None` where the request certainly lacks it.
pub type Given = (SmolStr, Option<String>);

/// A choice of statements that allow.
#[derive(Debug, Clone, Copy)]
pub struct Contexts<'a> {
    /// Keys whose value is known.
    pub pins: &'a [Given],
    /// Conditions of all the statements chosen.
    pub conditions: &'a [&'a Condition],
    /// Statements that deny.
    pub denials: &'a [Obstacle<'a>],
    /// Whether denials that only perhaps apply count.
    pub certain: bool,
}

/// For which contexts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decided {
    /// All.
    Always,
    /// Some.
    Sometimes,
    /// None.
    Never,
    /// Not decided.
    Unknown(String),
}

const LIMITS: Limits = Limits { ways: 2_000, states: 60_000 };

impl Contexts<'_> {
    /// Decides.
    #[must_use]
    pub fn decide(&self) -> Decided {
        let denials: Vec<&Obstacle<'_>> =
            self.denials.iter().filter(|one| one.certain || self.certain).collect();
        let all = self.conditions.iter().copied().chain(denials.iter().flat_map(|one| one.conditions));
        let pinned: Vec<&str> = self.pins.iter().map(|(key, _)| key.as_str()).collect();
        let mut space = Space::of_conditions(all, &pinned);
        let pins: Vec<Literal> =
            self.pins.iter().filter_map(|(key, text)| space.pin(key, text.as_deref())).collect();
        let mut doubt = None;
        let mut exactly =
            |space: &mut Space, conditions: &mut dyn Iterator<Item = &Condition>| -> Vec<Literal> {
                let mut out = Vec::new();
                for condition in conditions {
                    match space.condition_holds(condition) {
                        Ok(literal) => out.push(literal),
                        Err(why) => doubt = Some(why),
                    }
                }
                out
            };
        let allow = exactly(&mut space, &mut self.conditions.iter().copied());
        let deny: Vec<Vec<Literal>> =
            denials.iter().map(|one| exactly(&mut space, &mut one.conditions.iter())).collect();
        let refuted: Vec<Vec<Literal>> = deny
            .iter()
            .map(|when| when.iter().map(|literal| Literal { holds: !literal.holds, ..*literal }).collect())
            .collect();
        let given: Vec<Literal> = pins.iter().chain(&allow).copied().collect();
        match Search::new(&space, &refuted, LIMITS).run(&given) {
            // A condition that was left out can only make it rarer, a denial's only more often: still never.
            Outcome::Nothing if doubt.is_none() => return Decided::Never,
            Outcome::Nothing => return Decided::Unknown(doubt.unwrap_or_default()),
            Outcome::GaveUp => return Decided::Unknown("it would take too long to decide".to_owned()),
            Outcome::Found(_) => {}
        }
        if let Some(why) = doubt {
            return Decided::Unknown(why);
        }
        let fails = |literal: &Literal| {
            let given: Vec<Literal> =
                pins.iter().copied().chain([Literal { holds: !literal.holds, ..*literal }]).collect();
            !matches!(Search::new(&space, &[], LIMITS).run(&given), Outcome::Nothing)
        };
        let denied = |when: &Vec<Literal>| {
            let given: Vec<Literal> = pins.iter().chain(when).copied().collect();
            !matches!(Search::new(&space, &[], LIMITS).run(&given), Outcome::Nothing)
        };
        if allow.iter().any(fails) || deny.iter().any(denied) { Decided::Sometimes } else { Decided::Always }
    }
}
