//! Suricata's language as it is read.

use reachability::suricata::{Action, read};

/// What is wrong with a text, with places.
fn mistakes(text: &str) -> Vec<String> {
    let (_, mistakes) = read(text);
    mistakes.iter().map(|mistake| format!("{}:{}: {}", mistake.line, mistake.column, mistake.what)).collect()
}

#[test]
fn comments_continued_lines_quotes_and_escapes() {
    let text = "# a comment \\\n\npass tcp [10.0.0.0/8, !10.1.0.0/16] any -> $X [80,443:] \\\n  (msg:\"a\\; \\\"b\\\"\"; content:!\"c\\:d\"; sid:5; rev:1;)\n";
    let (rules, mistakes) = read(text);
    assert!(mistakes.is_empty(), "{mistakes:?}");
    let rule = &rules[0];
    assert_eq!((rule.action, rule.line, rule.sid()), (Action::Pass, 3, 5));
    assert_eq!(rule.option("msg"), Some("a; \"b\""));
    let content = &rule.options[1];
    assert_eq!((content.value.as_deref(), content.negated), (Some("c:d"), true));
}

#[test]
fn every_mistake_has_its_place() {
    for (text, expected) in [
        ("pass tcp any any > any any (sid:1;)", "1:18: the rule has no direction here"),
        ("pass quux any any -> any any (sid:1;)", "1:6: `quux` is no protocol"),
        ("pass tcp 10.0.0.0/33 any -> any any (sid:1;)", "1:10: `10.0.0.0/33` is not understood here"),
        ("pass tcp !any any -> any any (sid:1;)", "1:14: `!any` is nothing at all"),
        ("pass tcp any 90:80 -> any any (sid:1;)", "1:14: `90:80` is not understood here"),
        ("pass tcp [10.0.0.1 any -> any any (sid:1;)", "1:20: the list does not end here"),
        ("pass tcp any any -> any any", "1:28: the options are missing here"),
        ("pass tcp any any -> any any (sid:1)", "1:30: an option does not end"),
        ("pass tcp any any -> any any (msg:\"x; sid:1;)", "1:30: the quotes of `msg` do not end"),
        ("pass tcp any any -> any any (msg:\"x\";)", "1:39: the rule has no sid"),
        ("pass tcp any any -> any any (sid:1;) x", "1:38: something follows"),
        (
            "pass tcp any any -> any any (sid:1;)\ndrop ip any any -> any any (sid:1;)",
            "2:1: sid 1 is the one of the rule in line 1 too",
        ),
        (
            "pass tcp [[[[[[[[[[[1]]]]]]]]]]] any -> any any (sid:1;)",
            "1:19: lists stand in each other too deep",
        ),
    ] {
        assert_eq!(mistakes(text), [expected], "{text}");
    }
}
