//! Conditions of a template that depend on what is not known before deployment.

use smol_str::SmolStr;

use crate::{StackId, Value};

/// A named condition of a stack whose truth is not known.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConditionRef {
    /// The stack that declares it.
    pub stack: StackId,
    /// Its name.
    pub name: SmolStr,
}

/// A condition as declared, with its truth where that is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// What it says, reduced as far as values are known.
    pub formula: Formula,
    /// Its truth, where every value it depends on is known.
    pub truth: Option<bool>,
    /// Where it is declared.
    pub span: diagnostics::Span,
}

/// A condition function applied.
#[derive(Debug, Clone, PartialEq)]
pub enum Formula {
    /// Known to be true or false.
    Known(bool),
    /// `Fn::Equals` of values not both known.
    Equals(Box<Value>, Box<Value>),
    /// `Fn::And`.
    And(Vec<Formula>),
    /// `Fn::Or`.
    Or(Vec<Formula>),
    /// `Fn::Not`.
    Not(Box<Formula>),
    /// Another condition of the same stack.
    Named(SmolStr),
    /// Something that could not be read; its mistake has been reported.
    Unreadable,
}

/// What must be assumed of conditions for an alternative to be the one deployed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Guard(Vec<(ConditionRef, bool)>);

impl Guard {
    /// Nothing is assumed: the alternative always is.
    #[must_use]
    pub fn always() -> Self {
        Self::default()
    }

    /// Whether nothing is assumed.
    #[must_use]
    pub fn is_always(&self) -> bool {
        self.0.is_empty()
    }

    /// This and one more assumption; `None` when they contradict each other.
    #[must_use]
    pub fn and(&self, condition: &ConditionRef, holds: bool) -> Option<Self> {
        match self.0.iter().find(|(known, _)| known == condition) {
            Some((_, known)) if *known == holds => Some(self.clone()),
            Some(_) => None,
            None => {
                let mut all = self.0.clone();
                all.push((condition.clone(), holds));
                Some(Self(all))
            }
        }
    }

    /// The assumptions.
    pub fn assumptions(&self) -> impl Iterator<Item = (&ConditionRef, bool)> {
        self.0.iter().map(|(condition, holds)| (condition, *holds))
    }
}

/// For people: `if IsProd and not HasKey`.
impl std::fmt::Display for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, (condition, holds)) in self.0.iter().enumerate() {
            let word = if i == 0 { "if " } else { " and " };
            let not = if *holds { "" } else { "not " };
            write!(f, "{word}{not}{}", condition.name)?;
        }
        Ok(())
    }
}
