//! Help is part of the product.

use crate::run::Folder;

#[test]
fn help_reads_well() {
    for command in ["", "init", "check", "build", "audit", "explain", "schema", "completions"] {
        let run = Folder::new().steward(&format!("{command} -h")).ends_with(0);
        let name = if command.is_empty() { "help".to_owned() } else { format!("help-{command}") };
        for line in run.out.lines() {
            assert!(diagnostics::render::columns(line) <= 100, "{command}: {line}");
        }
        insta::assert_snapshot!(name, run.out);
    }
    Folder::new().steward("--help").ends_with(0).says("Exit status").says("steward init my-company");
}

#[test]
fn the_version_is_the_packages() {
    Folder::new().steward("--version").ends_with(0).says(concat!("steward ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_shell_gets_its_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        Folder::new().steward(&format!("completions {shell}")).ends_with(0).says("steward");
    }
}

#[test]
fn the_schema_is_json_and_is_written_whole() {
    let folder = Folder::new();
    let printed = folder.steward("schema").ends_with(0).json();
    folder.steward("schema -o estate.schema.json").ends_with(0);
    let written: serde_json::Value = serde_json::from_str(&folder.read("estate.schema.json")).unwrap();
    assert_eq!(printed, written);
    assert!(printed["properties"].is_object() || printed["$defs"].is_object());
}
