//! The rules of the house as tests. Ratchet them; never loosen one to pass.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// Files that git tracks or would track, relative to the root, with their text where they are text.
fn files() -> Vec<(String, String)> {
    let list = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git is there");
    let names = String::from_utf8(list.stdout).unwrap();
    let read = |name: &str| Some((name.to_owned(), std::fs::read_to_string(root().join(name)).ok()?));
    names.lines().filter_map(read).collect()
}

fn rust_files() -> Vec<(String, String)> {
    files().into_iter().filter(|(name, _)| name.ends_with(".rs")).collect()
}

fn assert_none(rule: &str, offenders: &[String]) {
    assert!(offenders.is_empty(), "{rule}:\n  {}", offenders.join("\n  "));
}

fn metadata() -> serde_json::Value {
    let out = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

/// Who may import whom: each crate with all of ours that it may depend on. Reads like ARCHITECTURE.md.
const ARROWS: &[(&str, &[&str])] = &[
    ("diagnostics", &[]),
    ("document", &["diagnostics"]),
    ("catalog", &[]),
    ("estate", &["diagnostics", "catalog"]),
    ("iam", &["diagnostics", "document", "catalog", "estate"]),
    ("blueprint", &["diagnostics", "document", "catalog"]),
    ("intake", &["diagnostics", "document", "catalog", "estate"]),
    ("design", &["diagnostics", "document", "catalog", "estate", "blueprint"]),
    ("reachability", &["diagnostics", "catalog", "estate"]),
    ("prove", &["diagnostics", "catalog", "estate", "reachability", "iam"]),
    ("emit", &["diagnostics", "catalog", "estate", "reachability", "prove"]),
    (
        "plan",
        &["diagnostics", "document", "catalog", "estate", "intake", "reachability", "iam", "prove", "emit"],
    ),
    ("deploy", &["diagnostics", "catalog", "estate", "emit", "plan"]),
    ("aws", &["plan", "deploy"]),
    (
        "steward",
        &[
            "diagnostics",
            "document",
            "catalog",
            "estate",
            "blueprint",
            "intake",
            "iam",
            "design",
            "reachability",
            "prove",
            "emit",
            "plan",
            "deploy",
            "aws",
        ],
    ),
    (
        "xtask",
        &[
            "diagnostics",
            "document",
            "catalog",
            "estate",
            "blueprint",
            "intake",
            "iam",
            "design",
            "reachability",
            "prove",
            "emit",
            "plan",
            "deploy",
        ],
    ),
];

#[test]
fn dependencies_point_only_the_way_of_the_architecture() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    let ours: BTreeSet<&str> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    let mut wrong = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap();
        let Some((_, allowed)) = ARROWS.iter().find(|(krate, _)| *krate == name) else {
            wrong.push(format!("{name} is not in the table of arrows"));
            continue;
        };
        for dependency in package["dependencies"].as_array().unwrap() {
            let to = dependency["name"].as_str().unwrap();
            // Tests may look in from any side.
            let normal = dependency["kind"].is_null();
            if normal && ours.contains(to) && !allowed.contains(&to) {
                wrong.push(format!("{name} imports {to}"));
            }
        }
    }
    assert_none("arrows that point the wrong way", &wrong);
}

#[test]
fn every_direct_dependency_has_its_reason_in_docs() {
    let page = std::fs::read_to_string(root().join("docs/dependencies.md")).unwrap();
    let rows: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`').map(|(name, _)| name))
        .collect();
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    let ours: BTreeSet<&str> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    let used: BTreeSet<&str> = packages
        .iter()
        .flat_map(|package| package["dependencies"].as_array().unwrap())
        .map(|dependency| dependency["name"].as_str().unwrap())
        .filter(|name| !ours.contains(name))
        .collect();
    let missing: Vec<String> = used.difference(&rows).map(|name| format!("{name} has no line")).collect();
    let stale: Vec<String> = rows.difference(&used).map(|name| format!("{name} is not used")).collect();
    assert_none("docs/dependencies.md", &[missing, stale].concat());
}

#[test]
fn every_source_file_says_what_it_is() {
    let headless = |(name, text): (String, String)| {
        let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
        (!first.starts_with("//!")).then_some(name)
    };
    assert_none(
        "files without a //! header",
        &rust_files().into_iter().filter_map(headless).collect::<Vec<_>>(),
    );
}

#[test]
fn nothing_is_left_for_later_in_the_code() {
    // Put together so that this file does not find itself.
    let marks = [["TO", "DO"], ["FIX", "ME"], ["XX", "X:"], ["unimple", "mented!("], ["to", "do!("]]
        .map(|w| w.concat());
    let mut wrong = Vec::new();
    for (name, text) in files() {
        if !(name.ends_with(".rs") || name.ends_with(".py") || name.ends_with(".sh") || name == ".ci/run") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark.as_str())) {
                wrong.push(format!("{name}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert_none("marks of unfinished work", &wrong);
}

/// Lines a source file may have before it must be two. Files that are longer today are listed with what
/// they have; the numbers only go down.
const LONGEST_FILE: usize = 650;
const LONGER_TODAY: &[(&str, usize)] = &[];

#[test]
fn files_hold_one_idea() {
    let mut wrong = Vec::new();
    for (name, text) in rust_files() {
        let lines = text.lines().count();
        let allowed =
            LONGER_TODAY.iter().find(|(file, _)| *file == name).map_or(LONGEST_FILE, |(_, lines)| *lines);
        if lines > allowed {
            wrong.push(format!("{name} has {lines} lines, more than {allowed}"));
        }
    }
    let names: BTreeSet<String> = rust_files().into_iter().map(|(name, _)| name).collect();
    let gone = LONGER_TODAY.iter().filter(|(name, _)| !names.contains(*name));
    wrong.extend(gone.map(|(name, _)| format!("{name} is listed as long and does not exist")));
    assert_none("long files", &wrong);
}

#[test]
fn names_say_what_things_are() {
    let vague = ["utils", "util", "helpers", "helper", "misc", "common"];
    let offenders = rust_files().into_iter().map(|(name, _)| name).filter(|name| {
        let stem = Path::new(name).file_stem().unwrap().to_string_lossy().into_owned();
        vague.contains(&stem.as_str())
    });
    assert_none("files with names that say nothing", &offenders.collect::<Vec<_>>());
}

#[test]
fn every_crate_obeys_the_workspace_lints() {
    let manifests =
        files().into_iter().filter(|(name, _)| name.ends_with("Cargo.toml") && name != "Cargo.toml");
    let lax = manifests
        .filter(|(name, text)| !name.starts_with("fuzz/") && !text.contains("[lints]\nworkspace = true"));
    assert_none("crates without the workspace lints", &lax.map(|(name, _)| name).collect::<Vec<_>>());
}

#[test]
fn nothing_private_is_committed() {
    // Put together so that this file does not find itself.
    let hosts = [["arti", "factory"], ["/wo", "rk/"], ["/ro", "ot/"], ["/ho", "me/"]].map(|w| w.concat());
    // Twelve digits are an account: only AWS's documentation examples, repeated digits, and accounts that AWS
    // publishes as its own (Elastic Load Balancing's log delivery, quoted where they are used) may stand here.
    let examples =
        ["123456789012", "111122223333", "444455556666", "777788889999", "123456789000", "210987654321"];
    let published: BTreeMap<&str, &str> = BTreeMap::from([("crates/catalog/data/", "AWS's own accounts")]);
    let mut wrong = Vec::new();
    for (name, text) in files() {
        if name == "Cargo.lock" || name == "xtask/tests/tidy.rs" {
            continue;
        }
        let aws_data = published.keys().any(|prefix| name.starts_with(prefix));
        for (number, line) in text.lines().enumerate() {
            if hosts.iter().any(|host| line.contains(host.as_str())) {
                wrong.push(format!("{name}:{}: a path or host of some machine", number + 1));
            }
            let runs = line.split(|c: char| !c.is_ascii_alphanumeric());
            for run in runs.filter(|run| run.len() == 12 && run.bytes().all(|b| b.is_ascii_digit())) {
                let repeated = run.bytes().all(|b| Some(b) == run.bytes().next());
                let small = run.starts_with("000000");
                if !aws_data && !repeated && !small && !examples.contains(&run) {
                    wrong.push(format!("{name}:{}: {run} looks like an account", number + 1));
                }
            }
        }
    }
    assert_none("private things", &wrong);
}

#[test]
fn tests_of_a_crate_are_one_binary() {
    let mut wrong = Vec::new();
    for (name, _) in rust_files() {
        let parts: Vec<&str> = name.split('/').collect();
        if let ["crates", krate, "tests", file] = parts.as_slice() {
            wrong.push(format!("{file} of {krate}: tests live in tests/it/"));
        }
    }
    assert_none("integration tests outside tests/it", &wrong);
}

#[test]
fn every_document_that_readers_are_sent_to_exists() {
    let mut wrong = Vec::new();
    for (name, text) in files().into_iter().filter(|(name, _)| name.ends_with(".md")) {
        let folder = root().join(&name).parent().unwrap().to_path_buf();
        for target in
            text.split("](").skip(1).filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
        {
            let path = target.split('#').next().unwrap();
            let local = !path.is_empty()
                && !path.contains("://")
                && !path.starts_with("mailto:")
                && !path.contains(' ');
            if local && !folder.join(path).exists() {
                wrong.push(format!("{name} sends readers to {target}"));
            }
        }
    }
    assert_none("links to nothing", &wrong);
}
