//! Languages of texts, and a text that is in all of some and in none of others.
//!
//! In: [`Language`]s, each a union of globs. Out: a shortest text of an intersection, that there is none, or that the
//! budget ran out. Always: an answer "none" has looked at every text (the product of the automata is finite and was
//! walked to its end); the walk visits each product state once, and at most [`Budget`] of them.
//!
//! A glob is an automaton whose states are the positions between its tokens; a set of positions is a row of bits.
//! All globs of all languages share one row, so that a product state is one key.

use std::collections::{HashMap, VecDeque};

/// Which characters a wildcard takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reach {
    /// Any.
    Any,
    /// Any but `:`, within a segment of an ARN.
    Segment,
    /// Any but `:` and `/`: a name that AWS makes up.
    Name,
}

/// A part of a glob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Token {
    /// This character.
    Char(char),
    /// Any one character.
    One(Reach),
    /// Any run of characters, also none.
    Run(Reach),
}

/// A union of globs, compared with or without case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Language {
    /// The globs; none: the empty language.
    pub globs: Vec<Vec<Token>>,
    /// Whether letters match in either case.
    pub ignores_case: bool,
}

/// How many product states a search may visit.
#[derive(Debug, Clone, Copy)]
pub struct Budget(pub u32);

/// What a search came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A shortest text.
    Text(String),
    /// There is none.
    Nothing,
    /// The budget ran out.
    GaveUp,
}

impl Reach {
    fn takes(self, c: char) -> bool {
        match self {
            Self::Any => true,
            Self::Segment => c != ':',
            Self::Name => !matches!(c, ':' | '/'),
        }
    }
}

impl Language {
    /// All its texts, where no pattern has a wildcard and case counts.
    #[must_use]
    pub fn texts(&self) -> Option<Vec<String>> {
        let text = |glob: &Vec<Token>| {
            let characters = glob.iter().map(|token| match token {
                Token::Char(c) => Some(*c),
                Token::One(_) | Token::Run(_) => None,
            });
            characters.collect::<Option<String>>()
        };
        if self.ignores_case {
            return None;
        }
        self.globs.iter().map(text).collect()
    }

    /// The language of one literal text.
    #[must_use]
    pub fn literal(text: &str) -> Self {
        Self { globs: vec![text.chars().map(Token::Char).collect()], ignores_case: false }
    }

    /// Whether a text is in it, by walking the automaton: the plain meaning that searches are tested against.
    #[must_use]
    pub fn contains(&self, text: &str) -> bool {
        let automaton = Automaton::new(std::slice::from_ref(self));
        let mut state = automaton.start();
        for c in text.chars() {
            state = automaton.step(&state, c);
        }
        automaton.accepts(&state, 0)
    }

    /// Whether every text is in it, as far as a glob alone shows it.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.globs
            .iter()
            .any(|glob| !glob.is_empty() && glob.iter().all(|token| *token == Token::Run(Reach::Any)))
    }

    /// The only text that it can hold, where it has one glob without wildcards.
    fn only_text(&self) -> Option<String> {
        let [glob] = self.globs.as_slice() else { return None };
        if self.ignores_case {
            return None;
        }
        glob.iter()
            .map(|token| match token {
                Token::Char(c) => Some(*c),
                Token::One(_) | Token::Run(_) => None,
            })
            .collect()
    }
}

/// A text that is in every language of `inside` and in none of `outside`.
#[must_use]
pub fn search(inside: &[&Language], outside: &[&Language], budget: Budget) -> Found {
    if outside.iter().any(|language| language.is_everything()) {
        return Found::Nothing;
    }
    // A language of one text leaves nothing to search.
    if let Some(text) = inside.iter().find_map(|language| language.only_text()) {
        let good = inside.iter().all(|language| language.contains(&text))
            && !outside.iter().any(|language| language.contains(&text));
        return if good { Found::Text(text) } else { Found::Nothing };
    }
    let all: Vec<Language> = inside.iter().chain(outside).map(|language| (*language).clone()).collect();
    let automaton = Automaton::new(&all);
    let is_goal = |state: &[u64]| {
        (0..all.len()).all(|language| automaton.accepts(state, language) == (language < inside.len()))
    };
    let is_dead = |state: &[u64]| (0..inside.len()).any(|language| automaton.is_empty(state, language));
    let start = automaton.start();
    let mut seen: HashMap<Box<[u64]>, u32> = HashMap::from([(start.clone(), 0)]);
    // Where each state came from: its predecessor's number and the character.
    let mut came: Vec<(u32, char)> = vec![(0, '\0')];
    let mut queue = VecDeque::from([(start, 0_u32)]);
    while let Some((state, number)) = queue.pop_front() {
        if is_goal(&state) {
            return Found::Text(text_of(&came, number));
        }
        for c in automaton.choices(&state, inside.len()) {
            let next = automaton.step(&state, c);
            if is_dead(&next) || seen.contains_key(&next) {
                continue;
            }
            let Ok(at) = u32::try_from(came.len()) else { return Found::GaveUp };
            if at >= budget.0 {
                return Found::GaveUp;
            }
            came.push((number, c));
            seen.insert(next.clone(), at);
            queue.push_back((next, at));
        }
    }
    Found::Nothing
}

fn text_of(came: &[(u32, char)], mut number: u32) -> String {
    let mut out = Vec::new();
    while number != 0 {
        let Some((before, c)) = came.get(number as usize) else { break };
        out.push(*c);
        number = *before;
    }
    out.iter().rev().collect()
}

/// All globs of some languages side by side.
struct Automaton {
    /// Every glob's tokens, each followed by `None`, its accepting position.
    positions: Vec<Option<Token>>,
    ignores_case: Vec<bool>,
    /// Where each glob begins.
    starts: Vec<usize>,
    /// The positions of each language, and those of them that accept.
    spans: Vec<(std::ops::Range<usize>, Vec<usize>)>,
}

impl Automaton {
    fn new(languages: &[Language]) -> Self {
        let mut new =
            Self { positions: Vec::new(), ignores_case: Vec::new(), starts: Vec::new(), spans: Vec::new() };
        for language in languages {
            let from = new.positions.len();
            let mut accepting = Vec::new();
            for glob in &language.globs {
                new.starts.push(new.positions.len());
                new.positions.extend(glob.iter().copied().map(Some));
                accepting.push(new.positions.len());
                new.positions.push(None);
            }
            new.ignores_case.resize(new.positions.len(), language.ignores_case);
            new.spans.push((from..new.positions.len(), accepting));
        }
        new
    }

    fn token(&self, at: usize) -> Option<Token> {
        self.positions.get(at).copied().flatten()
    }

    fn start(&self) -> Box<[u64]> {
        let mut state = vec![0; self.positions.len().div_ceil(64)].into_boxed_slice();
        for at in &self.starts {
            self.enter(&mut state, *at);
        }
        state
    }

    /// Adds a position and those that follow without a character: a run may be empty.
    fn enter(&self, state: &mut [u64], mut at: usize) {
        loop {
            set(state, at);
            match self.token(at) {
                Some(Token::Run(_)) => at += 1,
                _ => return,
            }
        }
    }

    fn takes(&self, at: usize, c: char) -> bool {
        match self.token(at) {
            Some(Token::Char(own)) => {
                own == c || (self.ignores_case.get(at) == Some(&true) && same_letter(own, c))
            }
            Some(Token::One(reach) | Token::Run(reach)) => reach.takes(c),
            None => false,
        }
    }

    fn step(&self, state: &[u64], c: char) -> Box<[u64]> {
        let mut next = vec![0; state.len()].into_boxed_slice();
        for at in members(state) {
            if self.takes(at, c) {
                match self.token(at) {
                    Some(Token::Run(_)) => self.enter(&mut next, at),
                    _ => self.enter(&mut next, at + 1),
                }
            }
        }
        next
    }

    fn accepts(&self, state: &[u64], language: usize) -> bool {
        self.spans.get(language).is_some_and(|(_, accepting)| accepting.iter().any(|at| has(state, *at)))
    }

    fn is_empty(&self, state: &[u64], language: usize) -> bool {
        self.spans.get(language).is_none_or(|(span, _)| !span.clone().any(|at| has(state, at)))
    }

    /// The characters worth trying: those that some position waits for, and one that none does. Where a language
    /// that the text must be in waits for literal characters only, nothing else can help.
    fn choices(&self, state: &[u64], inside: usize) -> Vec<char> {
        let mut narrowest: Option<Vec<char>> = None;
        for (span, _) in self.spans.iter().take(inside) {
            let mut waits = Vec::new();
            let only_literals = span.clone().filter(|at| has(state, *at)).all(|at| match self.token(at) {
                Some(Token::Char(c)) => {
                    waits.push(c);
                    if self.ignores_case.get(at) == Some(&true) {
                        waits.extend(other_case(c));
                    }
                    true
                }
                None => true,
                Some(Token::One(_) | Token::Run(_)) => false,
            });
            if only_literals && narrowest.as_ref().is_none_or(|known| waits.len() < known.len()) {
                narrowest = Some(waits);
            }
        }
        let mut out = narrowest.unwrap_or_else(|| {
            let mut waits: Vec<char> = members(state)
                .filter_map(|at| match self.token(at) {
                    Some(Token::Char(c)) => Some((at, c)),
                    _ => None,
                })
                .flat_map(|(at, c)| {
                    let other = (self.ignores_case.get(at) == Some(&true)).then(|| other_case(c)).flatten();
                    std::iter::once(c).chain(other)
                })
                .collect();
            // The colon is told apart by every segment.
            waits.push(':');
            let stranger = "xyzw0123456789abcdefghijklmnopqrstuv"
                .chars()
                .find(|c| !waits.iter().any(|known| same_letter(*known, *c)));
            waits.extend(stranger.or_else(|| ('\u{4e00}'..).find(|c| !waits.contains(c))));
            waits
        });
        // Letters first, so that a witness reads like a name.
        out.sort_by_key(|c| (!c.is_alphanumeric(), *c));
        out.dedup();
        out
    }
}

fn same_letter(a: char, b: char) -> bool {
    a == b || a.to_lowercase().eq(b.to_lowercase())
}

fn other_case(c: char) -> Option<char> {
    let other = if c.is_lowercase() { c.to_uppercase().next() } else { c.to_lowercase().next() };
    other.filter(|other| *other != c)
}

fn set(state: &mut [u64], at: usize) {
    if let Some(word) = state.get_mut(at / 64) {
        *word |= 1 << (at % 64);
    }
}

fn has(state: &[u64], at: usize) -> bool {
    state.get(at / 64).is_some_and(|word| word & (1 << (at % 64)) != 0)
}

fn members(state: &[u64]) -> impl Iterator<Item = usize> + '_ {
    state.iter().enumerate().flat_map(|(at, word)| {
        let mut word = *word;
        std::iter::from_fn(move || {
            (word != 0).then(|| {
                let bit = word.trailing_zeros() as usize;
                word &= word - 1;
                at * 64 + bit
            })
        })
    })
}
