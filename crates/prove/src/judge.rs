//! Judging settings whose value may be unknown or depend on conditions.
//!
//! A guarantee reads a setting with [`Setting::of`] and says what it thinks of one literal value; this
//! module asks it about every alternative and draws the conclusion. Always: something that is not known never
//! counts as "holds", and a condition that is not known makes the verdict unknown when it matters.

use diagnostics::Span;
use estate::{Alternative, Kind, Resource, Value};

/// What was found out about one proposition.
#[derive(Debug, Clone, PartialEq)]
pub enum Judgement {
    /// It holds, whatever the unknowns are.
    Holds,
    /// It does not hold, whatever the unknowns are.
    Fails {
        /// Where that is decided.
        span: Span,
        /// What is there, in words: `` `Suspended` `` or `nothing`.
        found: String,
    },
    /// It depends.
    Unknown {
        /// Where the unknown is.
        span: Span,
        /// What it depends on, in words that continue "it cannot be known because …".
        because: String,
    },
}

impl Judgement {
    /// [`Judgement::Holds`] or a failure with what `value` is.
    #[must_use]
    pub fn of(holds: bool, value: &Value) -> Self {
        if holds { Self::Holds } else { Self::Fails { span: value.span, found: value.describe() } }
    }

    /// Unknown because of what `value` is.
    #[must_use]
    pub fn unknown(value: &Value) -> Self {
        Self::Unknown { span: value.span, because: format!("it is {}", value.describe()) }
    }

    /// Both must hold: a failure of either is one, else an unknown of either.
    #[must_use]
    pub fn and(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Holds => other(),
            Self::Fails { .. } => self,
            Self::Unknown { .. } => match other() {
                failure @ Self::Fails { .. } => failure,
                Self::Holds | Self::Unknown { .. } => self,
            },
        }
    }

    /// One is enough: holds where either does, else an unknown of either, else the first's failure.
    #[must_use]
    pub fn or(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Holds => Self::Holds,
            Self::Unknown { .. } => match other() {
                Self::Holds => Self::Holds,
                Self::Fails { .. } | Self::Unknown { .. } => self,
            },
            Self::Fails { .. } => match other() {
                Self::Fails { .. } => self,
                better => better,
            },
        }
    }
}

/// The values that a property of a resource may have.
#[derive(Debug)]
pub struct Setting<'a> {
    alternatives: Vec<Alternative<'a>>,
    span: Span,
}

impl<'a> Setting<'a> {
    /// The property at `path` of a resource; `*` stands for every item of a list.
    #[must_use]
    pub fn of(resource: &'a Resource, path: &[&str]) -> Self {
        let alternatives = resource.properties.alternatives_under(path, &resource.guard());
        Self { alternatives, span: resource.origin.span }
    }

    /// The value at `path` below another value.
    #[must_use]
    pub fn below(value: &'a Value, path: &[&str]) -> Self {
        Self { alternatives: value.alternatives(path), span: value.span }
    }

    /// The alternatives themselves.
    #[must_use]
    pub fn alternatives(&self) -> &[Alternative<'a>] {
        &self.alternatives
    }

    /// Whether the property is certainly not there.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.alternatives.iter().all(|alternative| alternative.value.is_none())
    }

    /// Judges every alternative with `judge`, which sees `None` for "not there" and otherwise any value but
    /// a case or an unknown; where an unknown lists the values it may take, each of them is judged.
    pub fn judge(&self, mut judge: impl FnMut(Option<&'a Value>) -> Judgement) -> Judgement {
        let mut each = Vec::with_capacity(self.alternatives.len());
        for alternative in &self.alternatives {
            let judgement = match alternative.value.map(|value| (value, &value.kind)) {
                Some((value, Kind::Unknown(unknown))) => match &unknown.allowed {
                    Some(allowed) if !allowed.is_empty() => {
                        let judged = allowed.iter().map(|value| judge(Some(value))).collect();
                        conclude(judged, value.span, || format!("it is {}", value.describe()))
                    }
                    _ => Judgement::unknown(value),
                },
                // Past the bound on alternatives a case is left whole.
                Some((value, Kind::Case(_))) => Judgement::unknown(value),
                _ => judge(alternative.value),
            };
            each.push(judgement);
        }
        if each.is_empty() {
            return judge(None);
        }
        let guards = self.alternatives.iter().zip(&each);
        let failing = guards.filter(|(_, judgement)| matches!(judgement, Judgement::Fails { .. }));
        let when =
            failing.map(|(alternative, _)| alternative.guard.to_string()).find(|guard| !guard.is_empty());
        conclude(each, self.span, || match when {
            Some(when) => format!("it does not hold {when}"),
            None => "it holds only for some of its values".into(),
        })
    }

    /// Judges literals only: holds where `holds` says so of every alternative; a value that is there but not
    /// literal (a reference, the result of a function) makes the verdict unknown; "not there" is `absent`.
    pub fn literal(&self, absent: bool, holds: impl Fn(&Value) -> bool) -> Judgement {
        self.judge(|value| match value {
            None if absent => Judgement::Holds,
            None => Judgement::Fails { span: self.span, found: "nothing".into() },
            Some(value) if value.is_literal() => Judgement::of(holds(value), value),
            Some(value) => Judgement::unknown(value),
        })
    }
}

/// All hold: holds. All fail: fails. All the same unknown, or a mixture: unknown.
fn conclude(each: Vec<Judgement>, span: Span, mixed: impl FnOnce() -> String) -> Judgement {
    let fails = each.iter().filter(|judgement| matches!(judgement, Judgement::Fails { .. })).count();
    let holds = each.iter().filter(|judgement| matches!(judgement, Judgement::Holds)).count();
    match (holds, fails, each.len()) {
        (holds, _, all) if holds == all => Judgement::Holds,
        (_, fails, all) if fails == all => each.into_iter().next().unwrap_or(Judgement::Holds),
        (_, 0, _) => {
            each.into_iter().find(|j| matches!(j, Judgement::Unknown { .. })).unwrap_or(Judgement::Holds)
        }
        _ => {
            let place = each.iter().find_map(|judgement| match judgement {
                Judgement::Fails { span, .. } if !span.is_none() => Some(*span),
                _ => None,
            });
            Judgement::Unknown { span: place.unwrap_or(span), because: mixed() }
        }
    }
}
