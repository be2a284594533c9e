//! From nothing to templates: init, check, build.

use crate::run::Folder;

#[test]
fn what_init_writes_is_proved_and_builds() {
    let folder = Folder::new();
    folder.steward("init company").ends_with(0).says("steward check company");
    let check = folder.steward("check company").ends_with(0).says("proved");
    assert!(!check.out.contains("violated") && !check.out.contains("unknown"), "{}", check.out);
    folder.steward("build company -o out").ends_with(0).says("out/README.md");
    assert!(folder.path("out/manifest.json").is_file() && folder.path("company/estate.lock").is_file());
}

#[test]
fn every_starting_point_is_proved() {
    let folder = Folder::new();
    let list = folder.steward("init --list").ends_with(0);
    let names: Vec<&str> = list.out.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.len() >= 6, "{names:?}");
    for name in names {
        folder.steward(&format!("init {name} --template {name}")).ends_with(0);
        let run = folder.steward(&format!("check {name} --format json --fail-on unknown")).ends_with(0);
        assert_eq!(run.json()["outcome"], "proved", "{name}");
    }
}

#[test]
fn init_never_overwrites() {
    let folder = Folder::new().with("estate.yaml", "name: mine\n");
    folder.steward("init").ends_with(2).says("STW0005");
    assert_eq!(folder.read("estate.yaml"), "name: mine\n");
}

#[test]
fn check_writes_nothing() {
    let folder = Folder::new();
    folder.steward("init").ends_with(0);
    folder.steward("check").ends_with(0);
    assert_eq!(std::fs::read_dir(folder.path("")).unwrap().count(), 1);
}

#[test]
fn a_second_build_changes_nothing() {
    let folder = Folder::new();
    folder.steward("init").ends_with(0);
    folder.steward("build -o out").ends_with(0).says("estate.lock");
    let (lock, manifest) = (folder.read("estate.lock"), folder.read("out/manifest.json"));
    folder.steward("build -o out --locked").ends_with(0);
    assert_eq!((lock, manifest), (folder.read("estate.lock"), folder.read("out/manifest.json")));
}

#[test]
fn build_tells_programs_what_it_wrote() {
    let folder = Folder::new();
    folder.steward("init").ends_with(0);
    let said = folder.steward("build -o out --format json").ends_with(0).json();
    let manifest: serde_json::Value = serde_json::from_str(&folder.read("out/manifest.json")).unwrap();
    assert_eq!(said["stacks"].as_u64().unwrap() as usize, manifest["stacks"].as_array().unwrap().len());
    assert_eq!(said["lockWritten"], "./estate.lock");
    let again = folder.steward("build -o out --format json").ends_with(0).json();
    assert_eq!(again["lockWritten"], serde_json::Value::Null);
}

#[test]
fn locked_refuses_to_hand_anything_out() {
    let folder = Folder::new();
    folder.steward("init").ends_with(0);
    folder.steward("build -o out --locked").ends_with(2).says("STW0009");
    assert!(!folder.path("estate.lock").exists() && !folder.path("out").exists());
}

#[test]
fn build_leaves_other_peoples_folders_alone() {
    let folder = Folder::new().with("out/precious.txt", "mine");
    folder.steward("init").ends_with(0);
    folder.steward("build -o out").ends_with(2).says("STW0004");
    assert_eq!(folder.read("out/precious.txt"), "mine");
}

#[test]
fn templates_of_the_users_own_are_proved_with_the_rest() {
    let folder = Folder::new();
    folder.steward("init").ends_with(0);
    let own = "Resources:\n  Drop:\n    Type: AWS::S3::Bucket\n";
    let text = folder.read("estate.yaml")
        + "\ntemplates:\n  drop:\n    file: drop.yaml\n    environment: production\n";
    let folder = folder.with("estate.yaml", text).with("drop.yaml", own);
    let run = folder.steward("check --format json").ends_with(1);
    let findings = run.json()["findings"].as_array().unwrap().clone();
    let of_ours = findings.iter().filter(|finding| finding["subject"]["resource"] == "Drop");
    assert!(of_ours.count() > 0, "{findings:#?}");
    // Named as it can be opened from here; built the same from everywhere.
    folder.run(&["check", folder.path("").to_str().unwrap()], &[]).says("/drop.yaml:2:3");
    folder.steward("build -o out").ends_with(0);
    assert!(!folder.read("out/manifest.json").contains("//"));
}

#[test]
fn sentences_about_requests_are_proved_under_all_layers() {
    let example =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/clinical-ai/estate.yaml");
    let text = std::fs::read_to_string(example).unwrap();
    let said = |sentences: &str| {
        let folder = Folder::new().with("estate.yaml", format!("{text}\nguarantees:\n{sentences}"));
        folder.steward("check --format json")
    };
    let good = said(
        "  - never: internet reads recordings\n  - never: development decrypts production\n  - never: sandbox deletes production\n  \
         - always: portal reads sessions\n  - never: portal assumes production\n",
    );
    assert_eq!(good.status, 0, "{}", good.out);
    let bad = said("  - only: transcriber reads recordings\n");
    assert_eq!(bad.status, 1);
    assert!(bad.out.contains("production-service-portal/PortalTaskRole` may too"), "{}", bad.out);
    let wrong = said("  - always: transcriber writes sessions\n");
    assert!(wrong.out.contains("no role of `transcriber` may"), "{}", wrong.out);
    let refused = said("  - never: internet reads recordings on 443\n");
    assert_eq!(refused.status, 2);
    assert!(
        refused.err.contains("BP0602") || refused.out.contains("BP0602"),
        "{}{}",
        refused.out,
        refused.err
    );
}
