//! What a report looks like, and that programs can read it.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use crate::run::Folder;

/// Two kinds of fault, one of them three times.
const FAULTY: &str = "Resources:\n  Key:\n    Type: AWS::KMS::Key\n    DeletionPolicy: Retain\n    UpdateReplacePolicy: Retain\n    \
    Properties:\n      EnableKeyRotation: false\n      KeyPolicy: {Version: '2012-10-17', Statement: []}\n  \
    First: {Type: AWS::SQS::Queue}\n  Second: {Type: AWS::SQS::Queue}\n  Third: {Type: AWS::SQS::Queue}\n";

fn faulty() -> Folder {
    Folder::new().with("stack.yaml", FAULTY)
}

/// The text without what differs from run to run, and without what a new guarantee changes.
fn steady(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let timed =
            line.rsplit_once(" · ").filter(|(rest, time)| time.ends_with(" s") && rest.contains("subject"));
        let line = timed.map_or(line, |(rest, _)| rest);
        if !line.contains("guarantees: ") && !line.contains("have nothing here to judge") {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

#[test]
fn text_fits_the_terminal() {
    for width in [60, 80, 120] {
        let run =
            faulty().steward(&format!("audit stack.yaml --as-of 2026-11-01 --width {width}")).ends_with(1);
        insta::assert_snapshot!(format!("audit-{width}"), steady(&run.out));
        for line in run.out.lines() {
            // Names that cannot be broken and marks under long source lines may stand out; prose may not.
            assert!(diagnostics::render::columns(line) <= width + 20, "{line}");
        }
    }
}

#[test]
fn ascii_where_the_terminal_shows_nothing_else() {
    let folder = faulty();
    let run = folder.run(&["audit", "stack.yaml"], &[("LC_ALL", "C")]);
    // Standard output is a pipe here, which is read as UTF-8.
    assert!(run.out.contains('✗'));
}

#[test]
fn colour_only_where_it_is_wanted() {
    let folder = faulty();
    let escaped = |arguments: &[&str], environment: &[(&str, &str)]| {
        folder.run(arguments, environment).out.contains('\u{1b}')
    };
    let (auto, always, never) = ("--color=auto", "--color=always", "--color=never");
    assert!(!escaped(&["audit", "stack.yaml", auto], &[]), "a pipe has no colour");
    assert!(escaped(&["audit", "stack.yaml", auto], &[("CLICOLOR_FORCE", "1")]));
    assert!(!escaped(&["audit", "stack.yaml", auto], &[("CLICOLOR_FORCE", "0"), ("NO_COLOR", "1")]));
    assert!(escaped(&["audit", "stack.yaml", always], &[("NO_COLOR", "1")]));
    assert!(!escaped(&["audit", "stack.yaml", never], &[("CLICOLOR_FORCE", "1")]));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let folder = faulty();
    folder.steward("init estate").ends_with(0);
    for what in ["audit stack.yaml", "check estate"] {
        for format in ["json", "sarif"] {
            let arguments = format!("{what} --as-of 2026-11-01 --format {format}");
            assert_eq!(folder.steward(&arguments).out, folder.steward(&arguments).out);
        }
        let text = format!("{what} --as-of 2026-11-01");
        assert_eq!(steady(&folder.steward(&text).out), steady(&folder.steward(&text).out));
    }
}

#[test]
fn quiet_is_one_line_and_verbose_names_everything() {
    let quiet = faulty().steward("audit stack.yaml -q").ends_with(1);
    assert!(quiet.out.lines().count() <= 2 && quiet.out.contains("violated"), "{}", quiet.out);
    let verbose = faulty().steward("audit stack.yaml -v").ends_with(1);
    for id in ["First", "Second", "Third"] {
        assert!(verbose.out.contains(id), "{id}");
    }
}

#[test]
fn json_counts_what_it_lists() {
    let report = faulty().steward("audit stack.yaml --format json").ends_with(1).json();
    let findings = report["findings"].as_array().unwrap();
    let violated = findings.iter().filter(|finding| finding["verdict"] == "violated").count();
    assert_eq!(report["schema"], "steward-report/1");
    assert_eq!(report["outcome"], "violated");
    assert_eq!(report["counts"]["subjects"]["violated"].as_u64().unwrap(), violated as u64);
    assert_eq!(report["estate"]["resources"], 4);
    let rotation = findings.iter().find(|finding| finding["guarantee"] == "key-rotation").unwrap();
    assert_eq!(rotation["place"]["line"], 7);
    assert_eq!(rotation["subject"]["type"], "AWS::KMS::Key");
    assert_eq!(rotation["witness"]["kind"], "setting");
    assert!(!report["catalog"][0]["version"].as_str().unwrap().is_empty());
}

#[test]
fn sarif_has_what_the_standard_demands() {
    let folder = faulty();
    let log = folder.steward("audit stack.yaml --format sarif").ends_with(1).json();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    assert_eq!(run["tool"]["driver"]["name"], "steward");
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let ids: BTreeSet<&str> = rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), rules.len(), "a rule is described once");
    let results = run["results"].as_array().unwrap();
    assert!(!results.is_empty());
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let kind = result["kind"].as_str().unwrap();
        let level = result["level"].as_str().unwrap();
        assert!(
            matches!((kind, level), ("fail", "error" | "warning" | "note") | ("open", "none")),
            "{result}"
        );
        for location in result["locations"].as_array().unwrap() {
            let region = &location["physicalLocation"]["region"];
            assert!(
                region["startLine"].as_u64().unwrap() >= 1 && region["startColumn"].as_u64().unwrap() >= 1
            );
            assert_eq!(location["physicalLocation"]["artifactLocation"]["uri"], "stack.yaml");
        }
    }
    // Mistakes of the input are results too, and their codes are rules.
    let broken =
        folder.with("broken.yaml", crate::bad_input::BROKEN).steward("audit broken.yaml --format sarif");
    let log = broken.ends_with(2).json();
    let mistake = log["runs"][0]["results"].as_array().unwrap().last().cloned().unwrap();
    let rule = usize::try_from(mistake["ruleIndex"].as_u64().unwrap()).unwrap();
    assert_eq!(log["runs"][0]["tool"]["driver"]["rules"][rule]["id"], mistake["ruleId"]);
    assert!(mistake["ruleId"].as_str().unwrap().starts_with("CFN"), "{mistake}");
}

#[test]
fn a_reader_that_goes_away_is_no_mistake() {
    let folder = faulty();
    let mut child = Command::new(env!("CARGO_BIN_EXE_steward"))
        .args(["audit", "stack.yaml", "--format", "json"])
        .current_dir(folder.path(""))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn exceptions_are_counted_with_their_owner_until_their_day() {
    let folder = Folder::new();
    folder.steward("init").ends_with(0);
    let text = folder.read("estate.yaml")
        + "\ntemplates:\n  drop:\n    file: drop.yaml\n    environment: production\nexceptions:\n  - guarantee: key-rotation\n    \
           for: [drop]\n    because: it is replaced in January\n    owner: keys@my-company.example\n    until: 2026-12-01\n";
    let key = FAULTY.split("  First").next().unwrap();
    let folder = folder.with("estate.yaml", text).with("drop.yaml", key);
    let before = folder.steward("check --as-of 2026-11-21");
    before.says("until 2026-12-01, 10 days left; keys@my-company.example answers for it");
    let report = folder.steward("check --as-of 2026-11-21 --format json").json();
    assert_eq!(report["exceptions"][0]["daysLeft"], 10);
    assert_eq!(report["exceptions"][0]["findings"], 1);
    assert_eq!(report["counts"]["subjects"]["excepted"], 1);
    folder.steward("check --as-of 2026-12-02").ends_with(1).says("expired on 2026-12-01, 1 day ago");
}

#[test]
fn an_audit_takes_exceptions_from_a_file() {
    let list = "- guarantee: tls-only-queues\n  for: [First, '*/Second']\n  because: both are emptied in January\n  owner: queues@my-company.example\n  until: 2026-12-01\n";
    let folder = faulty().with("accepted.yaml", list).with("section.yaml", format!("exceptions:\n{list}"));
    for file in ["accepted.yaml", "section.yaml"] {
        let report = folder
            .steward(&format!("audit stack.yaml --exceptions {file} --as-of 2026-11-21 --format json"))
            .ends_with(1)
            .json();
        let excepted: Vec<&str> = (report["findings"].as_array().unwrap().iter())
            .filter(|finding| finding["verdict"] == "excepted")
            .map(|finding| finding["subject"]["resource"].as_str().unwrap())
            .collect();
        assert_eq!(excepted, ["First", "Second"]);
    }
    folder
        .steward("audit stack.yaml --exceptions accepted.yaml --as-of 2026-12-02")
        .says("expired on 2026-12-01");
    // One without an owner is none, and nothing is excepted by half a file.
    let folder = folder.with("half.yaml", list.replace("  owner: queues@my-company.example\n", ""));
    let half = folder.steward("audit stack.yaml --exceptions half.yaml --as-of 2026-11-21").ends_with(2);
    half.says("owner").says("half.yaml:1");
    folder.steward("audit stack.yaml --exceptions missing.yaml").ends_with(2).says("STW0001");
    folder
        .with("odd.yaml", "name: x\n")
        .steward("audit stack.yaml --exceptions odd.yaml")
        .ends_with(2)
        .says("a list of exceptions");
}

#[test]
fn what_is_proved_is_listed_where_every_finding_is_asked_for() {
    let folder = faulty();
    let proved = |arguments: &str| {
        let report = folder.steward(arguments).ends_with(1).json();
        let all = report["guarantees"].as_array().unwrap().clone();
        let one = all.into_iter().find(|one| one["id"] == "stateful-retained").unwrap();
        assert!(one["counts"]["proved"].as_u64().unwrap() > 0);
        one["proved"].as_array().map(|all| all.iter().map(|one| one["resource"].clone()).collect::<Vec<_>>())
    };
    assert_eq!(proved("audit stack.yaml --as-of 2026-11-01 --format json"), None);
    assert_eq!(proved("audit stack.yaml --as-of 2026-11-01 --format json -v"), Some(vec!["Key".into()]));
}
