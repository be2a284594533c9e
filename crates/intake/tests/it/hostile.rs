//! Input made to break a reader: a diagnostic within bounded time, never a panic.

use std::time::{Duration, Instant};

use proptest::prelude::*;

/// Templates that use most of the language; mutations start from here.
const SEEDS: &[&str] = &[
    include_str!("seeds/everything.yaml"),
    include_str!("seeds/serverless.yaml"),
    include_str!("seeds/small.json"),
];

fn read(texts: &[(&str, &str)]) -> Duration {
    let start = Instant::now();
    let (estate, sources, diagnostics) = intake::from_texts(texts);
    // Whatever was read can be walked, and every place exists.
    for stack in &estate.stacks {
        for resource in stack.resources.values() {
            resource.properties.walk(&mut |value| {
                std::hint::black_box(sources.locate(value.span));
            });
        }
    }
    diagnostics.iter().for_each(|diagnostic| {
        std::hint::black_box(sources.locate(diagnostic.span));
    });
    start.elapsed()
}

fn within(limit_s: u64, texts: &[(&str, &str)]) {
    let took = read(texts);
    assert!(took < Duration::from_secs(limit_s), "{took:?}");
}

#[test]
fn seeds_are_good_templates() {
    for seed in SEEDS {
        let (_, _, diagnostics) = intake::from_texts(&[("seed.yaml", seed)]);
        let errors: Vec<_> =
            diagnostics.iter().filter(|d| d.severity == diagnostics::Severity::Error).collect();
        assert!(errors.is_empty(), "{errors:?}");
    }
}

#[test]
fn growth_is_bounded() {
    // Loops within loops.
    let mut nested = "x".to_owned();
    for level in 0..12 {
        nested = format!(
            "{{'Fn::ForEach::L{level}': [I{level}, [a, b, c, d, e, f, g, h, i, j], {{'K${{I{level}}}': {nested}}}]}}"
        );
    }
    within(
        60,
        &[(
            "t.yaml",
            &format!(
                "Transform: AWS::LanguageExtensions\nResources: {{R: {{Type: A::B::C, Properties: {nested}}}}}\n"
            ),
        )],
    );
    // Stacks that nest the next one ten times.
    let child = |next: usize| {
        let one = |at: usize| {
            format!(
                "  S{at}: {{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: ./t{next}.yaml}}}}\n"
            )
        };
        format!("Resources:\n{}", (0..10).map(one).collect::<String>())
    };
    let texts: Vec<(String, String)> = (0..12).map(|at| (format!("t{at}.yaml"), child(at + 1))).collect();
    let texts: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    within(60, &texts);
    // Values that double on the way down.
    let doubling = |next: usize| {
        format!(
            "Parameters: {{P: {{Type: String, Default: xxxxxxxx}}}}\nResources: {{S: {{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: ./d{next}.yaml, Parameters: {{P: !Sub '${{P}}${{P}}${{P}}${{P}}'}}}}}}}}"
        )
    };
    let texts: Vec<(String, String)> = (0..15).map(|at| (format!("d{at}.yaml"), doubling(at + 1))).collect();
    let texts: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    within(60, &texts);
}

#[test]
fn chains_and_circles_are_bounded() {
    let conditions: String = (0..3_000)
        .map(|at| format!("  C{at}: !And [!Condition C{}, !Condition C{}]\n", at + 1, at + 1))
        .collect();
    let uses: String = (0..200)
        .map(|at| {
            format!(
                "  R{at}: {{Type: A::B::C, Condition: C{at}, Properties: {{P: !If [C{}, a, b]}}}}\n",
                at + 1
            )
        })
        .collect();
    let text = format!(
        "Parameters: {{P: {{Type: String}}}}\nConditions:\n{conditions}  C3000: !Equals [!Ref P, x]\nResources:\n{uses}"
    );
    within(60, &[("t.yaml", &text)]);
    within(60, &[("t.yaml", &text.replace("C3000: !Equals [!Ref P, x]", "C3000: !Condition C0"))]);
    let circle: String = (0..5_000)
        .map(|at| format!("  R{at}: {{Type: A::B::C, DependsOn: R{}}}\n", (at + 1) % 5_000))
        .collect();
    within(60, &[("t.yaml", &format!("Resources:\n{circle}"))]);
    let missing: String =
        (0..5_000).map(|at| format!("  R{at}: {{Type: A::B::C, DependsOn: Missing{at}}}\n")).collect();
    within(60, &[("t.yaml", &format!("Resources:\n{missing}"))]);
    let cases: String = (0..40).map(|at| format!("!If [C{at}, a, !Ref AWS::NoValue], ")).collect();
    let conditions: String = (0..40).map(|at| format!("  C{at}: !Equals [!Ref P, x{at}]\n")).collect();
    let text = format!(
        "Parameters: {{P: {{Type: String}}}}\nConditions:\n{conditions}Resources: {{R: {{Type: A::B::C, Properties: {{P: !Join [',', [{cases}]]}}}}}}\n"
    );
    within(60, &[("t.yaml", &text)]);
}

#[test]
fn deep_functions_are_bounded() {
    for function in [
        "Fn::Base64",
        "Fn::Length",
        "Fn::ToJsonString",
        "Fn::If",
        "Fn::Sub",
        "Ref",
        "Fn::Join",
        "Fn::Transform",
    ] {
        for depth in [60, 127, 5_000] {
            let text = format!(
                "Resources: {{R: {{Type: A::B::C, Properties: {}x{}}}}}",
                format!("{{'{function}': ").repeat(depth),
                "}".repeat(depth)
            );
            within(60, &[("t.yaml", &text)]);
        }
    }
}

/// One change to a text.
#[derive(Debug, Clone)]
enum Change {
    Cut(usize),
    Remove(usize, usize),
    Repeat(usize, usize),
    Swap(usize, usize),
    Insert(usize, String),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let word = prop::sample::select(vec![
        "!Ref ",
        "!Sub ",
        "!If ",
        "!GetAtt ",
        "Fn::ForEach::X",
        "Fn::Transform",
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "'",
        "\"",
        "\n",
        "  ",
        "${",
        "}",
        "null",
        "&a",
        "*a",
        "!",
        "Condition",
        "Ref",
        "AWS::NoValue",
        "\u{0}",
        "é",
        "-1",
        "1e999",
        "|",
        ">",
        "#",
        "---",
        "%",
    ]);
    let change = prop_oneof![
        (0..10_000usize).prop_map(Change::Cut),
        (0..10_000usize, 1..60usize).prop_map(|(at, len)| Change::Remove(at, len)),
        (0..10_000usize, 1..200usize).prop_map(|(at, len)| Change::Repeat(at, len)),
        (0..400usize, 0..400usize).prop_map(|(a, b)| Change::Swap(a, b)),
        (0..10_000usize, word).prop_map(|(at, word)| Change::Insert(at, word.to_owned())),
    ];
    prop::collection::vec(change, 1..6)
}

fn changed(text: &str, changes: &[Change]) -> String {
    let mut text = text.to_owned();
    for change in changes {
        let place = |at: usize| text.floor_char_boundary(at % (text.len() + 1));
        match change {
            Change::Cut(at) => text.truncate(place(*at)),
            Change::Remove(at, len) => {
                let (lo, hi) = (place(*at), place(*at).saturating_add(*len));
                text.replace_range(lo..text.floor_char_boundary(hi), "");
            }
            Change::Repeat(at, len) => {
                let lo = place(*at);
                let part = text[lo..text.floor_char_boundary(lo + len)].to_owned();
                text.insert_str(lo, &part);
            }
            Change::Swap(a, b) => {
                let mut lines: Vec<&str> = text.lines().collect();
                if !lines.is_empty() {
                    let (a, b) = (a % lines.len(), b % lines.len());
                    lines.swap(a, b);
                }
                text = lines.join("\n");
            }
            Change::Insert(at, word) => text.insert_str(place(*at), word),
        }
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_templates_never_panic(seed in 0..SEEDS.len(), changes in changes()) {
        let text = changed(SEEDS[seed], &changes);
        prop_assert!(read(&[("t.yaml", &text), ("u.json", SEEDS[2])]) < Duration::from_secs(30));
    }

    #[test]
    fn the_same_text_reads_the_same(seed in 0..SEEDS.len(), changes in changes()) {
        let text = changed(SEEDS[seed], &changes);
        let shown = |_: u8| {
            let (estate, _, diagnostics) = intake::from_texts(&[("t.yaml", &text)]);
            format!("{estate:?} {diagnostics:?}")
        };
        prop_assert_eq!(shown(0), shown(1));
    }
}
