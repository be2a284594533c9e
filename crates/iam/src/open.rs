//! Requests about resources that are not named one by one: `*` in the request's own ARN.
//!
//! In: a pattern of a policy and the request's pattern. Out: whether they have a resource in common, and whether
//! the first has all of the second. Must always hold: bounded; past the bound the answer is "unknown".

use crate::compiled::atoms;
use crate::context::Context;
use crate::glob::{Atom, Pattern, Tri};
use crate::text::{Segment, Text};

/// The most pairs of places that are looked at.
const MOST: usize = 4 << 20;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Char(char),
    One,
    Run,
    /// A run without colons: a partition, Region or account.
    Word,
}

/// A pattern character by character; `None` where a variable has no value.
fn tokens(pattern: &Pattern, context: &Context) -> Option<(Vec<Token>, bool)> {
    let (mut out, mut guessed) = (Vec::new(), false);
    for atom in atoms(pattern) {
        match atom {
            Atom::Literal(text) => out.extend(text.chars().map(Token::Char)),
            Atom::AnyRun => out.push(Token::Run),
            Atom::AnyOne => out.push(Token::One),
            Atom::Variable(hash, key, default) => {
                let value = context.single(hash, &key).or(default.as_deref())?;
                out.extend(value.chars().map(Token::Char));
            }
            Atom::Unknown => {
                guessed = true;
                out.push(Token::Run);
            }
        }
    }
    Some((out, guessed))
}

fn of_request(resource: &str) -> Vec<Token> {
    resource.chars().map(|c| if c == '*' { Token::Run } else { Token::Char(c) }).collect()
}

/// Whether some resource matches both.
#[must_use]
pub fn overlaps(pattern: &Pattern, resource: &str, context: &Context) -> Tri {
    let Some((policy, guessed)) = tokens(pattern, context) else { return Tri::No };
    match meet(&policy, &of_request(resource)) {
        Some(true) if guessed => Tri::Unknown,
        Some(met) => met.into(),
        None => Tri::Unknown,
    }
}

/// Whether two patterns have a text in common; `None` past the bound.
fn meet(policy: &[Token], request: &[Token]) -> Option<bool> {
    if policy.len().saturating_mul(request.len()) > MOST {
        return None;
    }
    // `row[j]`: whether the rest of the policy's pattern and the rest of the request's from `j` have a text in common.
    let mut below = vec![false; request.len() + 1];
    for i in (0..=policy.len()).rev() {
        let mut row = vec![false; request.len() + 1];
        for j in (0..=request.len()).rev() {
            let (at, after) = (|line: &[bool], j: usize| line.get(j).copied().unwrap_or(false), j + 1);
            let value = match (policy.get(i), request.get(j)) {
                (None, None) => true,
                (Some(Token::Run), other) => at(&below, j) || (other.is_some() && at(&row, after)),
                (other, Some(Token::Run)) => at(&row, after) || (other.is_some() && at(&below, j)),
                (other, Some(Token::Word)) => {
                    let taken = !matches!(other, None | Some(Token::Char(':')));
                    at(&row, after) || (taken && at(&below, j))
                }
                (Some(Token::Char(a)), Some(Token::Char(b))) => a == b && at(&below, after),
                (Some(_), Some(_)) => at(&below, after),
                _ => false,
            };
            if let Some(slot) = row.get_mut(j) {
                *slot = value;
            }
        }
        below = row;
    }
    Some(below.first() == Some(&true))
}

/// Whether every resource of the request matches the pattern: a run of the request is only taken by a run.
#[must_use]
pub fn covers(pattern: &Pattern, resource: &str, context: &Context) -> Tri {
    let Some((policy, guessed)) = tokens(pattern, context) else { return Tri::No };
    let request = of_request(resource);
    let (mut p, mut r) = (0, 0);
    let mut run: Option<(usize, usize)> = None;
    let covered = loop {
        match (policy.get(p), request.get(r)) {
            (Some(Token::Run), _) => {
                p += 1;
                run = Some((p, r));
                continue;
            }
            (None, None) => break true,
            (Some(Token::Char(a)), Some(Token::Char(b))) if a == b => (p, r) = (p + 1, r + 1),
            (Some(Token::One), Some(Token::Char(_) | Token::One)) => (p, r) = (p + 1, r + 1),
            _ => match run {
                Some((after, taken)) if taken < request.len() => {
                    run = Some((after, taken + 1));
                    (p, r) = (after, taken + 1);
                }
                _ => break false,
            },
        }
    };
    match covered {
        true if guessed => Tri::Unknown,
        covered => covered.into(),
    }
}

/// Whether a text of a policy and the form of an ARN in AWS's reference (`arn:${Partition}:s3:::${BucketName}`) have
/// a text in common. Variables and unknowns may be anything; the form's partition, Region and account hold no colons,
/// but a wildcard of the policy may go beyond one.
#[must_use]
pub fn fits(text: &Text, form: &str) -> bool {
    let mut policy = Vec::with_capacity(form.len());
    for segment in &text.segments {
        match segment {
            Segment::Literal(text) => policy.extend(text.chars().map(Token::Char)),
            Segment::AnyOne => policy.push(Token::One),
            Segment::AnyRun | Segment::Variable(_) | Segment::Unknown(_) => policy.push(Token::Run),
        }
    }
    let (mut shape, mut rest, mut colons) = (Vec::with_capacity(form.len()), form, 0);
    while let Some((before, after)) = rest.split_once("${") {
        colons += before.matches(':').count();
        shape.extend(before.chars().map(Token::Char));
        shape.push(if colons < 5 { Token::Word } else { Token::Run });
        rest = after.split_once('}').map_or("", |(_, after)| after);
    }
    shape.extend(rest.chars().map(Token::Char));
    meet(&policy, &shape) != Some(false)
}
