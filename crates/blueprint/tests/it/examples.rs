//! The examples are blueprints without a single doubt, and short enough to read.

use blueprint::templates;

use crate::support::{examples, load, load_text};

#[test]
fn every_example_loads_without_any_diagnostic() {
    for (name, folder) in examples() {
        let loaded = load(&folder);
        assert!(loaded.diagnostics.is_empty(), "{name}: {:#?}", loaded.lines());
        let blueprint = loaded.blueprint.expect("a blueprint");
        assert!(!blueprint.environments.is_empty(), "{name}");
    }
}

#[test]
fn every_example_is_short_enough_to_read() {
    for (name, folder) in examples() {
        let text = std::fs::read_to_string(folder.0.join("estate.yaml")).expect("the example");
        assert!(text.lines().count() <= 120, "{name} has {} lines", text.lines().count());
    }
}

#[test]
fn every_starting_point_loads_without_any_diagnostic() {
    assert_eq!(templates().first().map(|template| template.name), Some("minimal"));
    for template in templates() {
        let loaded = load_text(template.text);
        assert!(loaded.diagnostics.is_empty(), "{}: {:#?}", template.name, loaded.lines());
    }
}
