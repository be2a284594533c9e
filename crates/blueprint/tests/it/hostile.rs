//! Nothing that anybody can write makes the language panic, hang or stay silent.

use std::time::{Duration, Instant};

use blueprint::{MemoryFiles, templates};
use proptest::prelude::*;

use crate::support::{BASE, and, load, load_text};

/// A blueprint comes back exactly when there is no error; every place can be shown.
fn sound(bytes: &[u8]) {
    let files = MemoryFiles::new().with("estate.yaml", bytes);
    let loaded = load(&files);
    assert_eq!(loaded.blueprint.is_none(), loaded.diagnostics.has_errors());
    for diagnostic in &loaded.diagnostics {
        assert!(!diagnostic.message.is_empty());
        assert!(
            diagnostic.span.is_none() || loaded.sources.locate(diagnostic.span).is_some(),
            "{diagnostic:?}"
        );
    }
}

/// Words that mean something somewhere in the language, so that mutations reach deep.
const WORDS: &[&str] = &[
    "production",
    "like: production",
    "tier: sandbox",
    "because: why",
    "contains: phi",
    "uses: [records]",
    "internet",
    "kind: table",
    "key: id",
    "overrides: { records: { size: large } }",
    "include: [estate.yaml]",
    "~",
    "[]",
    "{}",
    "\"\"",
    "&a",
    "*a",
    "<<: *a",
    "10.0.0.0/8",
    "0.0.0.0/0",
    "255.255.255.255/32",
    "99999 years",
    "-1",
    "1e999",
    "0",
    "5000 to 5000",
    "without: [portal]",
    "environments: [play]",
    "zones: 6",
    "- never: a reaches b",
    "\u{1f4a3}",
    "\t",
    ":",
    "\n",
    "  ",
    "!Ref x",
    "x-a: 1",
    "retain: 100 years",
    "backup: 36 days",
    "region: recovery",
    "host: '@'",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        sound(&bytes);
    }

    #[test]
    fn mutated_blueprints_are_read_or_refused(
        which in 0..templates().len() + 1,
        edits in proptest::collection::vec((any::<proptest::sample::Index>(), 0usize..12, 0..WORDS.len()), 1..6),
    ) {
        let mut text = templates().get(which).map_or(BASE, |template| template.text).to_owned();
        for (place, cut, word) in edits {
            let at = text.floor_char_boundary(place.index(text.len().max(1)));
            let end = text.floor_char_boundary((at + cut).min(text.len())).max(at);
            text.replace_range(at..end, WORDS[word]);
        }
        sound(text.as_bytes());
    }

    #[test]
    fn lines_moved_and_dropped_are_read_or_refused(
        which in 0..templates().len(),
        moves in proptest::collection::vec((any::<proptest::sample::Index>(), any::<proptest::sample::Index>(), any::<bool>()), 1..4),
    ) {
        let mut lines: Vec<&str> = templates()[which].text.lines().collect();
        for (from, to, copy) in moves {
            let (from, to) = (from.index(lines.len()), to.index(lines.len()));
            let line = if copy { lines[from] } else { lines.remove(from) };
            lines.insert(to.min(lines.len()), line);
        }
        sound(lines.join("\n").as_bytes());
    }
}

/// Loads within a time that leaves room for a slow machine, and is refused with this code.
fn refused_soon(text: &str, code: &str) {
    let start = Instant::now();
    let loaded = load_text(text);
    let lines = loaded.lines();
    assert!(lines.iter().any(|line| line.starts_with(code)), "{:#?}", &lines[..lines.len().min(5)]);
    assert!(start.elapsed() < Duration::from_secs(20), "{code} took {:?}", start.elapsed());
}

/// So many lines, made from their number.
fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect()
}

#[test]
fn what_multiplies_is_bounded() {
    // Many environments times many things.
    let environments = lines(3000, |at| format!("  e{at}: {{ tier: staging, account: staging }}\n"));
    let things = lines(3000, |at| format!("  s{at}: {{ kind: bucket }}\n"));
    let text = BASE.replace("stores:\n", &format!("{environments}stores:\n{things}"));
    refused_soon(&text, "BP0206");
    // A chain of likeness.
    let chain = lines(2000, |at| format!("  e{}: {{ like: e{at}, account: staging }}\n", at + 1));
    refused_soon(
        &BASE.replace(
            "stores:\n",
            &format!("  e0: {{ like: production, account: staging }}\n{chain}stores:\n"),
        ),
        "BP0206",
    );
    // A circle of thousands.
    let circle = lines(5000, |at| format!("  e{at}: {{ like: e{} }}\n", (at + 1) % 5000));
    refused_soon(&BASE.replace("stores:\n", &format!("{circle}stores:\n")), "BP0305");
    // Thousands of unknown names among thousands of known ones.
    let uses = lines(20_000, |at| format!("q{at}, "));
    let known = lines(3000, |at| format!("  p{at}: {{ kind: bucket }}\n"));
    let text = BASE
        .replace("uses: [records]", &format!("uses: [{uses}]"))
        .replace("stores:\n", &format!("stores:\n{known}"));
    refused_soon(&text, "BP0301");
    // Many accounts with the same mistake.
    let accounts = lines(20_000, |at| format!("a{at}, "));
    refused_soon(&BASE.replace("[audit, log-archive]", &format!("[{accounts}]")), "BP0307");
    // A wide record of unknown fields.
    refused_soon(&and(&lines(20_000, |at| format!("field{at}: 1\n"))), "BP0102");
}

#[test]
fn deep_nesting_is_refused() {
    refused_soon(&and(&format!("tags: {}1{}\n", "[".repeat(5000), "]".repeat(5000))), "DOC");
    let units = format!("{}{}", "{ units: { a: ".repeat(40), "} }".repeat(40));
    refused_soon(&BASE.replace("    security:", &format!("    outer: {units}\n    security:")), "BP0");
}

#[test]
fn a_thousand_environments_are_quick() {
    let accounts = lines(1000, |at| format!("a{at}, "));
    let environments = lines(1000, |at| format!("  e{at}: {{ like: production, account: a{at} }}\n"));
    let text = BASE
        .replace("work: {", &format!("many: {{ accounts: [{accounts}] }}\n    work: {{"))
        .replace("stores:\n", &format!("{environments}stores:\n"))
        .replace("regions:", "network: { addresses: 10.0.0.0/8, vpc-size: 20 }\nregions:");
    let start = Instant::now();
    let blueprint = load_text(&text).clean();
    assert_eq!(blueprint.environments.len(), 1002);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}
