//! Several files: included, merged, bounded.

use blueprint::MemoryFiles;

use crate::support::{BASE, and, load};

/// What the blueprint made of `BASE` including `a.yaml` says.
fn check(first: &str, files: &[(&str, &str)], expected: &[(&str, &str)]) {
    let mut memory = MemoryFiles::new().with("estate.yaml", first);
    for (path, text) in files {
        memory = memory.with(*path, *text);
    }
    let loaded = load(&memory);
    let lines = loaded.lines();
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (code, words) in expected {
        assert!(
            lines.iter().any(|line| line.starts_with(code) && line.contains(words)),
            "{code} {words}: {lines:#?}"
        );
    }
}

#[test]
fn sections_are_merged() {
    let part = "\
tags: { team: platform }
organization: { units: { more: { accounts: [extra] } } }
stores:
  files: { kind: bucket }
workloads:
  worker: { runs-on: fargate, uses: [files, records] }
";
    check(&and("include: [a.yaml]\n"), &[("a.yaml", part)], &[]);
    let files = MemoryFiles::new().with("estate.yaml", and("include: [a.yaml]\n")).with("a.yaml", part);
    let blueprint = load(&files).clean();
    assert!(blueprint.organization.accounts.iter().any(|account| account.name.as_str() == "extra"));
    assert_eq!(blueprint.environments[0].stores.len(), 2);
    assert_eq!(blueprint.environments[0].tags.len(), 1);
}

#[test]
fn paths_are_relative_to_the_file_that_names_them() {
    let files = [
        ("parts/a.yaml", "include: b.yaml\ntags: { a: 1 }\n"),
        ("parts/b.yaml", "stores: { files: { kind: bucket } }\n"),
    ];
    check(&and("include: parts/a.yaml\n"), &files, &[]);
}

#[test]
fn nothing_is_said_twice() {
    let twice = "stores:\n  records: { kind: bucket }\n";
    check(
        &and("include: [a.yaml]\n"),
        &[("a.yaml", twice)],
        &[("BP0205 line 2", "`records` of `stores` is said in two files")],
    );
    check(
        &and("include: [a.yaml]\n"),
        &[("a.yaml", "name: other\n")],
        &[("BP0205 line 1", "`name` is said in two files")],
    );
    check(
        &and("include: [a.yaml, a.yaml]\n"),
        &[("a.yaml", "tags: { a: b }\n")],
        &[("BP0205 line 18", "is included twice")],
    );
}

#[test]
fn includes_stay_inside_and_end() {
    check(&and("include: ['../secret.yaml']\n"), &[], &[("BP0202 line 18", "leaves the blueprint's folder")]);
    check(&and("include: ['a/../../x.yaml']\n"), &[], &[("BP0202 line 18", "leaves")]);
    check(&and("include: [/etc/passwd]\n"), &[], &[("BP0104 line 18", "it is absolute")]);
    check(&and("include: [none.yaml]\n"), &[], &[("BP0201 line 18", "there is no such file")]);
    check(&and("include: [estate.yaml]\n"), &[], &[("BP0203 line 18", "estate.yaml → estate.yaml")]);
    let circle = [("a.yaml", "include: [b.yaml]\n"), ("b.yaml", "include: [a.yaml]\n")];
    check(&and("include: [a.yaml]\n"), &circle, &[("BP0203 line 1", "a.yaml → b.yaml → a.yaml")]);
}

#[test]
fn the_number_and_depth_of_files_is_bounded() {
    let mut files = MemoryFiles::new().with("estate.yaml", and("include: [f0.yaml]\n"));
    for at in 0..20 {
        files = files.with(format!("f{at}.yaml"), format!("include: [f{}.yaml]\n", at + 1));
    }
    let lines = load(&files).lines();
    assert!(lines.len() == 1 && lines[0].starts_with("BP0204"), "{lines:#?}");
    let names: Vec<_> = (0..100).map(|at| format!("g{at}.yaml")).collect();
    let mut files =
        MemoryFiles::new().with("estate.yaml", and(&format!("include: [{}]\n", names.join(", "))));
    for name in &names {
        files = files.with(name.clone(), "tags: {}\n");
    }
    assert!(load(&files).lines().iter().all(|line| line.starts_with("BP0204")));
}

#[test]
fn a_file_that_is_no_text_is_refused_where_it_is_included() {
    let files = MemoryFiles::new()
        .with("estate.yaml", and("include: [a.yaml]\n"))
        .with("a.yaml", vec![0xff, 0x00, 0x80]);
    let lines = load(&files).lines();
    assert!(lines.len() == 1 && lines[0].starts_with("DOC0005 line 18"), "{lines:#?}");
}

#[test]
fn anchors_and_merge_keys_repeat_settings() {
    let text = and(
        "  one: &service { runs-on: fargate, size: large, uses: [records] }\n  two: { <<: *service, size: small }\n",
    );
    let blueprint = load(&MemoryFiles::new().with("estate.yaml", text)).clean();
    let sizes: Vec<_> =
        blueprint.environments[0].workloads.iter().map(|workload| workload.size.word()).collect();
    assert_eq!(sizes, ["medium", "large", "small"]);
    let text = and("x-shared: &tags { team: a }\ntags: *tags\n");
    assert_eq!(load(&MemoryFiles::new().with("estate.yaml", text)).clean().tags.len(), 1);
}

#[test]
fn templates_are_files_of_the_folder() {
    let template = |fields: &str| and(&format!("templates: {{ legacy: {{ {fields} }} }}\n"));
    let file = [("old/vpn.yaml", "Resources: {}\n")];
    check(&template("file: old/vpn.yaml, environment: production, parameters: { Count: 3 }"), &file, &[]);
    check(&template("file: old/vpn.yaml, account: play"), &file, &[]);
    check(
        &template("file: old/none.yaml, account: play"),
        &file,
        &[("BP0201 line 18", "no file `old/none.yaml`")],
    );
    check(&template("file: ../vpn.yaml, account: play"), &file, &[("BP0202 line 18", "leaves")]);
    check(&template("file: old/vpn.yaml"), &file, &[("BP0103 line 18", "no environment and no account")]);
    check(
        &template("file: old/vpn.yaml, environment: prod"),
        &file,
        &[("BP0301 line 18", "no environment `prod`")],
    );
}

#[test]
fn an_entry_outside_the_folder_is_refused() {
    let (mut sources, mut diagnostics) = (diagnostics::SourceMap::new(), diagnostics::Diagnostics::new());
    let files = MemoryFiles::new().with("estate.yaml", BASE);
    assert!(blueprint::load(&files, "../estate.yaml", &mut sources, &mut diagnostics).is_none());
    assert_eq!(diagnostics.error_count(), 1);
}
