//! The search for a text, held against every short text there is.

use iam::symbolic::language::{Budget, Found, Language, Reach, Token, search};
use proptest::prelude::*;

/// Every text of up to five of these characters.
fn short_texts() -> Vec<String> {
    let mut all = vec![String::new()];
    let mut last = all.clone();
    for _ in 0..5 {
        last = last.iter().flat_map(|text| ['a', 'b', ':', 'z'].map(|c| format!("{text}{c}"))).collect();
        all.extend(last.clone());
    }
    all
}

/// Whether a glob matches, as its definition says it.
fn matches(glob: &[Token], text: &[char]) -> bool {
    let takes = |reach: Reach, c: char| reach == Reach::Any || c != ':';
    match glob.split_first() {
        None => text.is_empty(),
        Some((Token::Char(c), rest)) => text.first() == Some(c) && matches(rest, &text[1..]),
        Some((Token::One(reach), rest)) => {
            text.first().is_some_and(|c| takes(*reach, *c)) && matches(rest, &text[1..])
        }
        Some((Token::Run(reach), rest)) => {
            matches(rest, text)
                || (text.first().is_some_and(|c| takes(*reach, *c)) && matches(glob, &text[1..]))
        }
    }
}

fn token() -> impl Strategy<Value = Token> {
    let reach = || prop_oneof![Just(Reach::Any), Just(Reach::Segment)];
    prop_oneof![
        3 => prop_oneof![Just('a'), Just('b'), Just(':')].prop_map(Token::Char),
        1 => reach().prop_map(Token::One),
        2 => reach().prop_map(Token::Run),
    ]
}

fn language() -> impl Strategy<Value = Language> {
    let glob = prop::collection::vec(token(), 0..5);
    prop::collection::vec(glob, 1..3).prop_map(|globs| Language { globs, ignores_case: false })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_text_is_found_exactly_where_there_is_one(
        inside in prop::collection::vec(language(), 1..3),
        outside in prop::collection::vec(language(), 0..3),
    ) {
        let is_in = |language: &Language, text: &str| {
            let chars: Vec<char> = text.chars().collect();
            language.globs.iter().any(|glob| matches(glob, &chars))
        };
        let good = |text: &str| {
            inside.iter().all(|language| is_in(language, text))
                && !outside.iter().any(|language| is_in(language, text))
        };
        let (ins, outs): (Vec<_>, Vec<_>) = (inside.iter().collect(), outside.iter().collect());
        match search(&ins, &outs, Budget(100_000)) {
            Found::Text(text) => {
                // Characters that no glob names stand for `z`.
                prop_assert!(good(&text), "{text}");
            }
            Found::Nothing => prop_assert!(!short_texts().iter().any(|text| good(text))),
            Found::GaveUp => prop_assert!(false, "it gave up"),
        }
    }
}
