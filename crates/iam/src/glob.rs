//! Matching texts of policies against texts of requests.
//!
//! In: a compiled [`Pattern`], a text, and the request's values of condition keys. Out: whether it matches
//! ([`Tri`]). Must always hold: the time is at most the product of the lengths, nothing is allocated, and a
//! pattern of which a part is not known answers "unknown" rather than "yes".

use smol_str::SmolStr;

use crate::context::{Context, key_hash};
use crate::text::{Segment, Text};

/// Yes, no, or not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tri {
    /// It does not hold.
    No,
    /// What would decide is not known.
    Unknown,
    /// It holds.
    Yes,
}

impl Tri {
    /// Both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Unknown,
        }
    }

    /// Either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::No, Self::No) => Self::No,
            _ => Self::Unknown,
        }
    }

    /// The opposite; what is not known stays so.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "three values have no `!`")]
    pub fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
            Self::Yes => Self::No,
        }
    }
}

impl From<bool> for Tri {
    fn from(value: bool) -> Self {
        if value { Self::Yes } else { Self::No }
    }
}

/// A pattern, in the form that is fastest to match.
#[derive(Debug, Clone, PartialEq)]
pub enum Pattern {
    /// Matches everything.
    Any,
    /// Matches one text.
    Exact(Box<str>),
    /// Matches what starts so: `s3:Get*`.
    Prefix(Box<str>),
    /// Wildcards anywhere, variables, unknowns.
    Glob(Box<[Atom]>),
}

/// A part of a [`Pattern::Glob`].
#[derive(Debug, Clone, PartialEq)]
pub enum Atom {
    /// Characters that stand for themselves.
    Literal(Box<str>),
    /// `*`
    AnyRun,
    /// `?`
    AnyOne,
    /// A policy variable: hash of the key, the key in lower case, what is taken where the request lacks it.
    Variable(u64, SmolStr, Option<SmolStr>),
    /// Text that is not known: may be any.
    Unknown,
}

impl Pattern {
    /// Compiles a text.
    #[must_use]
    pub fn new(text: &Text) -> Self {
        if text.is_any() {
            return Self::Any;
        }
        match text.segments.as_slice() {
            [] => Self::Exact("".into()),
            [Segment::Literal(only)] => Self::Exact(only.as_str().into()),
            [Segment::Literal(start), Segment::AnyRun] => Self::Prefix(start.as_str().into()),
            segments => Self::Glob(segments.iter().map(atom).collect()),
        }
    }

    /// Whether it matches `text` in a request with this context.
    #[must_use]
    pub fn matches(&self, text: &str, context: &Context) -> Tri {
        match self {
            Self::Any => Tri::Yes,
            Self::Exact(wanted) => (**wanted == *text).into(),
            Self::Prefix(start) => text.as_bytes().starts_with(start.as_bytes()).into(),
            Self::Glob(atoms) => glob(atoms, text, context),
        }
    }

    /// Whether it matches `text` when case does not count. Wildcards are not looked for: no operator has both.
    #[must_use]
    pub fn equals_ignoring_case(&self, text: &str, context: &Context) -> Tri {
        let rest = text.chars().flat_map(char::to_lowercase);
        match self {
            Self::Any | Self::Prefix(_) => Tri::No,
            Self::Exact(wanted) => wanted.chars().flat_map(char::to_lowercase).eq(rest).into(),
            Self::Glob(atoms) => {
                let mut rest = rest;
                for atom in atoms {
                    let wanted = match atom {
                        Atom::Literal(text) => text,
                        Atom::Variable(hash, key, default) => {
                            match context.single(*hash, key).or(default.as_deref()) {
                                Some(value) => value,
                                None => return Tri::No,
                            }
                        }
                        _ => return Tri::Unknown,
                    };
                    if !wanted.chars().flat_map(char::to_lowercase).all(|c| rest.next() == Some(c)) {
                        return Tri::No;
                    }
                }
                rest.next().is_none().into()
            }
        }
    }
}

fn atom(segment: &Segment) -> Atom {
    match segment {
        Segment::Literal(text) => Atom::Literal(text.as_str().into()),
        Segment::AnyRun => Atom::AnyRun,
        Segment::AnyOne => Atom::AnyOne,
        Segment::Variable(variable) => {
            Atom::Variable(key_hash(&variable.key), variable.key.clone(), variable.default.clone())
        }
        Segment::Unknown(_) => Atom::Unknown,
    }
}

/// Matches from left to right; after a mismatch only the last run may take more.
fn glob(atoms: &[Atom], text: &str, context: &Context) -> Tri {
    let bytes = text.as_bytes();
    if let (Some(Atom::Literal(first)), Some(Atom::Literal(last))) = (atoms.first(), atoms.last())
        && !(bytes.starts_with(first.as_bytes()) && bytes.ends_with(last.as_bytes()))
    {
        return Tri::No;
    }
    let (mut at, mut from) = (0, 0);
    let mut run: Option<(usize, usize)> = None;
    let mut guessed = false;
    loop {
        let literal = match atoms.get(at) {
            Some(kind @ (Atom::AnyRun | Atom::Unknown)) => {
                guessed |= *kind == Atom::Unknown;
                at += 1;
                run = Some((at, from));
                continue;
            }
            Some(Atom::AnyOne) => match bytes.get(from) {
                Some(first) => {
                    from += width(*first);
                    at += 1;
                    continue;
                }
                None => None,
            },
            Some(Atom::Literal(literal)) => Some(&**literal),
            Some(Atom::Variable(hash, key, default)) => {
                // "A resource that includes a policy variable with no value will not match any resource."
                match context.single(*hash, key).or(default.as_deref()) {
                    Some(value) => Some(value),
                    None => return Tri::No,
                }
            }
            None if from == bytes.len() => return if guessed { Tri::Unknown } else { Tri::Yes },
            // The pattern ends with a run, which takes the rest.
            None if run.is_some_and(|(after, _)| after == atoms.len()) => {
                from = bytes.len();
                continue;
            }
            None => None,
        };
        if let Some(literal) = literal
            && bytes.get(from..).is_some_and(|rest| rest.starts_with(literal.as_bytes()))
        {
            from += literal.len();
            at += 1;
            continue;
        }
        match run {
            Some((after, taken)) => {
                let Some(next) = bytes.get(taken) else { return Tri::No };
                let mut taken = taken + width(*next);
                // What follows the run starts with a known character: go to the next one.
                if let Some(Atom::Literal(literal)) = atoms.get(after)
                    && let Some(first) = literal.as_bytes().first()
                {
                    let Some(rest) = bytes.get(taken..) else { return Tri::No };
                    match rest.iter().position(|byte| byte == first) {
                        Some(skipped) => taken += skipped,
                        None => return Tri::No,
                    }
                }
                run = Some((after, taken));
                (at, from) = (after, taken);
            }
            None => return Tri::No,
        }
    }
}

/// How many bytes the character has that starts with `first`.
fn width(first: u8) -> usize {
    match first {
        0xf0.. => 4,
        0xe0.. => 3,
        0xc0.. => 2,
        _ => 1,
    }
}
