//! Diagnostics as text: in a narrow and in a wide terminal, with and without characters beyond ASCII.

use diagnostics::render::text::{self, Style};
use diagnostics::{Code, Diagnostic, Diagnostics, Severity, SourceMap};

const FILE: &str = "name: northbeam\nregions:\n  primary: us-east-9\n  recovery: us-west-2\n";

fn sample() -> (Diagnostic, SourceMap) {
    let mut sources = SourceMap::new();
    let file = sources.add("estate.yaml", FILE).and_then(|id| sources.file(id)).unwrap();
    let at = |word: &str| FILE.find(word).map(|lo| file.span(lo, lo + word.len())).unwrap();
    let message = "AWS has no region `us-east-9`, and a blueprint can only be compiled for a region that AWS has opened";
    let diagnostic = Diagnostic::error(Code("BP0405"), at("us-east-9"), message)
        .label("no such region")
        .related(at("us-west-2"), "recovered into this one")
        .expected(
            "one of us-east-1, us-east-2, us-west-1, us-west-2, ca-central-1, eu-west-1 or eu-central-1",
        )
        .help("did you mean `us-east-1`?");
    (diagnostic, sources)
}

fn check(style: Style, name: &str) {
    let (diagnostic, sources) = sample();
    let text = text::one(&diagnostic, &sources, style);
    insta::assert_snapshot!(name, text);
    for line in text.lines() {
        assert!(diagnostics::render::columns(line) <= style.width, "{line}");
    }
}

#[test]
fn text_is_wrapped_to_the_terminal() {
    check(Style { width: 60, ..Style::default() }, "narrow");
    check(Style { width: 120, ..Style::default() }, "wide");
    check(Style { width: 80, unicode: false, colour: false }, "ascii");
}

#[test]
fn hostile_text_does_not_reach_the_terminal() {
    let diagnostic = Diagnostic::error(Code("XX0001"), diagnostics::Span::NONE, "a\u{1b}[2Jb");
    let text = text::one(&diagnostic, &SourceMap::new(), Style::default());
    assert_eq!(text, "error[XX0001]: a\u{fffd}[2Jb\n");
}

#[test]
fn a_place_of_a_hostile_file_is_shown_without_its_control_characters() {
    let mut sources = SourceMap::new();
    let span = sources.add("x\u{1b}.yaml", "a: \u{1b}[2J").and_then(|id| sources.file(id)).unwrap().whole();
    let text = text::places(Severity::Error, span, None, &[], &sources, Style::default());
    assert!(!text.contains('\u{1b}'), "{text:?}");
    let mut all = Diagnostics::new();
    all.push(Diagnostic::error(Code("XX0001"), span, "bad"));
    assert!(!text::all(&all, &sources, Style::default()).contains('\u{1b}'));
}

#[test]
fn a_label_without_room_stands_below_its_line() {
    let mut sources = SourceMap::new();
    let text = "Type: AWS::EC2::SecurityGroup\nName: here\n";
    let file = sources.add("a.yaml", text).and_then(|id| sources.file(id)).unwrap();
    let (first, second) = (file.span(6, 29), file.span(36, 40));
    let related = [(second, "a label that is far too long for the columns left beside its mark".to_owned())];
    let style = Style { width: 50, ..Style::default() };
    let shown = text::places(Severity::Error, first, Some("short"), &related, &sources, style);
    insta::assert_snapshot!("long-label", shown);
    assert!(shown.lines().all(|line| diagnostics::render::columns(line) <= 50), "{shown}");
}
