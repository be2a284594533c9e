//! How mistakes look to the person who made them.

use diagnostics::render::text::{Style, all};

use crate::support::{BASE, load_text};

#[test]
fn mistakes_show_the_line_what_was_expected_and_what_to_do() {
    let text = BASE
        .replace("like: production", "like: prodution")
        .replace("contains: phi", "contains: phi, standby: no")
        .replace("us-east-1", "us-east-9")
        .replace("runs-on: fargate", "runs-on: lambda")
        + "network: { addresses: 10.0.0.0/14, reserved: [10.1.0.0/17, 10.1.64.0/18] }\n";
    let loaded = load_text(&text);
    let shown = all(&loaded.diagnostics, &loaded.sources, Style::default());
    let parts = [
        "error[BP0405]: AWS has no region `us-east-9`",
        "estate.yaml:5:21",
        "help: did you mean `us-east-1`?",
        "expected one of production, staging",
        "not built yet",
        "overlaps this",
    ];
    for part in parts {
        assert!(shown.contains(part), "`{part}` is not in\n{shown}");
    }
}
