//! What the reader makes of texts, good and hostile.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use diagnostics::{Diagnostics, SourceMap};
use document::{Kind, Node, Syntax, parse};

fn read_as(name: &str, text: &str, syntax: Syntax) -> (Option<Node>, Vec<&'static str>, SourceMap) {
    let mut sources = SourceMap::new();
    let id = sources.add(name, text).unwrap();
    let mut diagnostics = Diagnostics::new();
    let node = parse(sources.file(id).unwrap(), syntax, &mut diagnostics);
    (node, diagnostics.iter().map(|d| d.code.0).collect(), sources)
}

fn read(text: &str) -> (Option<Node>, Vec<&'static str>, SourceMap) {
    read_as("t.yaml", text, Syntax::template())
}

/// The tree in a compact form with the source text of every scalar in place of its value.
fn show(node: &Node, sources: &SourceMap) -> String {
    let tag = node.tag.as_deref().map(|t| format!("{t} ")).unwrap_or_default();
    let body = match &node.kind {
        Kind::Null => "null".to_owned(),
        Kind::Bool(b) => b.to_string(),
        Kind::Number(n) => format!("#{n}"),
        Kind::String(_) => format!("‹{}›", sources.snippet(node.span)),
        Kind::List(items) => {
            format!("[{}]", items.iter().map(|i| show(i, sources)).collect::<Vec<_>>().join(", "))
        }
        Kind::Map(entries) => {
            let each = entries
                .iter()
                .map(|e| format!("{}: {}", sources.snippet(e.key.span), show(&e.value, sources)));
            format!("{{{}}}", each.collect::<Vec<_>>().join(", "))
        }
    };
    tag + &body
}

fn check(text: &str, expected: &str) {
    let (node, codes, sources) = read(text);
    assert_eq!(codes, Vec::<&str>::new(), "{text}");
    assert_eq!(show(&node.unwrap(), &sources), expected, "{text}");
}

#[test]
fn scalars_keep_their_places_and_meaning() {
    check("a: b\nc: 012\nd: yes\ne: 'yes'\nf:\n", "{a: ‹b›, c: #012, d: true, e: ‹'yes'›, f: null}");
    check("ä: ö\nß: !Sub '${ü} €'\n", "{ä: ‹ö›, ß: !Sub ‹!Sub '${ü} €'›}");
    check("a: plain text   \nb: 2012-10-17\n", "{a: ‹plain text›, b: ‹2012-10-17›}");
    check(
        "x: !GetAtt A.Arn\ny: !Join ['', [a, !Ref B]]",
        "{x: !GetAtt ‹!GetAtt A.Arn›, y: !Join [‹''›, [‹a›, !Ref ‹!Ref B›]]}",
    );
}

#[test]
fn a_key_is_the_word_that_is_written() {
    let (node, _, _) = read("Off: 1\nyes: 2\n012: 3\n");
    let keys: Vec<_> =
        node.unwrap().as_map().unwrap().iter().map(|entry| entry.key.text.to_string()).collect();
    assert_eq!(keys, ["Off", "yes", "012"]);
}

#[test]
fn a_block_collection_ends_where_its_last_item_does() {
    let (node, _, sources) = read("a:\n  b: c\n  d: [e,\n   f]\n\ng: h\n");
    let node = node.unwrap();
    assert_eq!(sources.snippet(node.get("a").unwrap().span), "b: c\n  d: [e,\n   f]");
    let at = sources.locate(node.get("g").unwrap().span).unwrap();
    assert_eq!((at.line, at.column), (6, 4));
}

#[test]
fn lines_within_quotes_and_brackets_may_stand_left() {
    check("a:\n  b: 'one\n  two'\n  c: d\n", "{a: {b: ‹'one\n  two'›, c: ‹d›}}");
    check("a:\n    b: [\n  x,\n  y\n]\n    c: \"p\nq\"\n", "{a: {b: [‹x›, ‹y›], c: ‹\"p\nq\"›}}");
    let (node, _, _) = read("a:\n  b: 'one\n  two'\n");
    assert_eq!(node.unwrap().get("a").unwrap().get("b").unwrap().as_str(), Some("one two"));
}

#[test]
fn json_is_read_strictly_and_with_tabs() {
    check("{\n\t\"a\": [1, true, null, \"x\\u00e9\"]}", "{\"a\": [#1, true, null, ‹\"x\\u00e9\"›]}");
    let (node, codes, _) = read_as("t.json", "{\"a\": 1,}", Syntax::template());
    assert!(node.is_none());
    assert_eq!(codes, ["DOC0001"]);
}

#[test]
fn mistakes_are_diagnostics() {
    for (text, code) in [
        ("a: 1\na: 2\n", "DOC0002"),
        ("a: [1\n", "DOC0001"),
        ("a: *nobody\n", "DOC0001"),
        ("", "DOC0008"),
        ("# only a comment\n", "DOC0008"),
        ("a: 1\n---\nb: 2\n", "DOC0007"),
        ("[a, b]: c\n", "DOC0009"),
        ("a: b\n\tc: d\n", "DOC0001"),
    ] {
        let (_, codes, _) = read(text);
        assert_eq!(codes, [code], "{text:?}");
    }
}

#[test]
fn hostile_documents_cost_little() {
    let deep = "[".repeat(200_000);
    assert_eq!(read(&deep).1, ["DOC0003"]);
    let deep = "{\"a\":".repeat(200_000);
    assert_eq!(read_as("t.json", &deep, Syntax::template()).1, ["DOC0003"]);
    let deep_block: String = (0..400).map(|i| format!("{}a:\n", " ".repeat(i))).collect();
    assert_eq!(read(&deep_block).1, ["DOC0003"]);
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..12 {
        let items = vec![format!("*a{}", i - 1); 10].join(", ");
        bomb += &format!("a{i}: &a{i} [{items}]\n");
    }
    assert_eq!(read(&bomb).1, ["DOC0004"]);
}

#[test]
fn aliases_repeat_and_merge_keys_merge_in_blueprints() {
    let text = "base: &b {x: 1, y: 2}\nuse: *b\nmore:\n  <<: *b\n  y: 3\n";
    let (node, codes, _) = read_as("t.yaml", text, Syntax::blueprint());
    assert!(codes.is_empty());
    let more = node.as_ref().unwrap().get("more").unwrap();
    assert_eq!(more.get("y").unwrap().as_scalar_text().unwrap(), "3");
    assert_eq!(more.get("x").unwrap().as_scalar_text().unwrap(), "1");
    assert_eq!(node.unwrap().get("use").unwrap().as_map().unwrap().len(), 2);
}

#[test]
fn bytes_that_are_not_text_are_refused() {
    let refused = document::decode(b"a: \xff\n".to_vec(), "x", document::Limits::default()).unwrap_err();
    assert!(refused.message.contains("byte 3, on line 1"), "{}", refused.message);
    let plain = document::decode("\u{feff}a: b".into(), "x", document::Limits::default()).unwrap();
    assert_eq!(plain, "a: b");
}
