//! Deployments with the real binary: the examples into the local cloud, and what goes wrong on the way.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::run::Folder;

const EXAMPLES: [&str; 5] = ["clinical-ai", "foundations", "brokerage", "studio", "hipaa-baseline"];

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name)
}

/// A copy of an example, and a cloud beside it.
struct Tour {
    scratch: Folder,
    folder: PathBuf,
}

impl Tour {
    fn of(name: &str) -> Self {
        let scratch = Folder::new();
        let folder = scratch.path(name);
        copy(&example(name), &folder);
        Self { scratch, folder }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_steward"));
        command
            .args(arguments)
            .current_dir(self.scratch.path(""))
            .env("NO_COLOR", "1")
            .env("STEWARD_USER", "ana");
        command.stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> (i32, String) {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        let text = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
        (status.code().unwrap_or(-1), text)
    }

    fn good(&self, arguments: &[&str]) -> String {
        let (code, text) = self.run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {text}");
        text
    }

    fn path(&self) -> &str {
        self.folder.to_str().unwrap()
    }

    /// Replaces a text in the blueprint.
    fn edit(&self, from: &str, to: &str) {
        let path = self.folder.join("estate.yaml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from} is not in the blueprint");
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn every_example_is_applied_applied_again_looked_at_and_taken_away() {
    for name in EXAMPLES {
        let tour = Tour::of(name);
        let first = tour.good(&["apply", tour.path(), "--yes"]);
        assert!(first.contains(" stacks changed ("), "{name}: {first}");
        let second = tour.good(&["apply", tour.path(), "--yes"]);
        assert!(second.contains("nothing to do"), "{name}: {second}");
        let drift = tour.good(&["drift", tour.path(), "--exit-code"]);
        assert!(drift.contains("nothing that was checked differs"), "{name}: {drift}");
        let (code, refused) = tour.run(&["destroy", tour.path(), "--yes"]);
        assert_eq!(code, 2, "{name}: {refused}");
        assert!(refused.contains("STW0055"), "{name}: {refused}");
        let gone = tour.good(&[
            "destroy",
            tour.path(),
            "--yes",
            "--allow",
            "destroy:production",
            "--allow",
            "delete:*",
        ]);
        assert!(gone.contains("stacks changed"), "{name}: {gone}");
        let status = tour.good(&["status", "--format", "json"]);
        let status: serde_json::Value = serde_json::from_str(&status).unwrap();
        assert_eq!(status["estates"][0]["stacks"].as_array().map(Vec::len), Some(0), "{name}: {status}");
        let history = tour.good(&["history"]);
        assert!(history.contains("2 records, each follows the one before"), "{name}: {history}");
    }
}

#[test]
fn a_changed_line_changes_what_it_says_and_a_saved_plan_is_applied_exactly() {
    let tour = Tour::of("clinical-ai");
    tour.good(&["apply", tour.path(), "--yes"]);
    let quiet = tour.good(&["plan", tour.path()]);
    assert!(quiet.contains("nothing to do"), "{quiet}");
    tour.edit("owner: platform-team", "owner: clinical-platform");
    let plan = tour.good(&["plan", tour.path(), "-o", "plan.json", "--format", "json"]);
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    let changes = plan["changes"].as_array().unwrap();
    assert!(!changes.is_empty());
    // A tag changes and nothing else does; what the registry says cannot be tagged anew is replaced, and holds no data.
    let tags = |it: &serde_json::Value| {
        let tags =
            it["properties"].as_array().unwrap().iter().all(|name| name.as_str().unwrap().contains("Tags"));
        // What a stack set deploys has tags too.
        tags || it["kind"] == "AWS::CloudFormation::StackSet"
    };
    let others: Vec<_> =
        changes.iter().filter(|it| !tags(it)).map(|it| (&it["kind"], &it["properties"])).collect();
    assert!(others.is_empty(), "{others:?}");
    assert_eq!(plan["dangers"].as_array().map(Vec::len), Some(0));
    let table = tour.good(&["plan", tour.path(), "--format", "markdown"]);
    assert!(table.contains("| change | `"), "{table}");
    let applied = tour.good(&["apply", "plan.json", "--blueprint", tour.path(), "--yes", "--allow", "*"]);
    assert!(applied.contains("stacks changed"), "{applied}");
    // The same plan a second time: the world has moved.
    let (code, moved) = tour.run(&["apply", "plan.json", "--blueprint", tour.path(), "--yes"]);
    assert_eq!(code, 2);
    assert!(moved.contains("STW0053"), "{moved}");
}

#[test]
fn a_newcomer_sees_what_was_changed_behind_their_back_and_repairs_it() {
    let tour = Tour::of("clinical-ai");
    tour.good(&["apply", tour.path(), "--yes"]);
    let database = "production-data-records/RecordsDatabase";
    tour.good(&["local", "edit", database, "DeletionProtection", "false", "--as", "mallory"]);
    tour.good(&["local", "delete", "production-alarms/AlarmTopicSubscription", "--as", "mallory"]);
    let (code, drift) = tour.run(&["drift", tour.path(), "--exit-code"]);
    assert_eq!(code, 1, "{drift}");
    assert!(drift.contains("DeletionProtection: true → false"), "{drift}");
    assert!(drift.contains("by mallory"), "{drift}");
    assert!(drift.contains("2 resources differ, 2 causes"), "{drift}");
    let repaired = tour.good(&["drift", tour.path(), "--repair", "--yes"]);
    assert!(repaired.contains("2 stacks changed (2 resources)"), "{repaired}");
    tour.good(&["drift", tour.path(), "--exit-code"]);
}

#[test]
fn an_account_is_emptied_only_where_it_is_a_playground() {
    let tour = Tour::of("clinical-ai");
    tour.good(&["apply", tour.path(), "--yes"]);
    let (code, text) = tour.run(&["empty", "clinical-production", tour.path(), "--yes"]);
    assert_eq!(code, 2);
    assert!(text.contains("may not be emptied") && text.contains("sandbox"), "{text}");
    tour.good(&["empty", "sandbox/sandbox", tour.path(), "--yes"]);
    let status = tour.good(&["status"]);
    assert!(!status.contains(" sandbox ") && status.contains(" clinical-production "), "{status}");
}

#[test]
fn nothing_is_done_that_nobody_said() {
    let tour = Tour::of("hipaa-baseline");
    let (code, text) = tour.run(&["apply", tour.path()]);
    assert_eq!(code, 2);
    assert!(text.contains("STW0056"), "{text}");
    let (code, text) = tour.run(&["apply", tour.path(), "--cloud", "aws"]);
    assert_eq!(code, 2);
    assert!(text.contains("STW0050"), "{text}");
    let (code, text) = tour.run(&["status", "nobody"]);
    assert_eq!(code, 2);
    assert!(text.contains("STW0058"), "{text}");
    let (code, text) = tour.run(&["apply", tour.path(), "--only", "nowhere", "--yes"]);
    assert_eq!(code, 2);
    assert!(text.contains("STW0052"), "{text}");
}

/// A process that is killed at any moment loses nothing and doubles nothing: the next one goes on.
#[test]
fn killed_at_any_moment_it_goes_on() {
    let tour = Tour::of("brokerage");
    let cloud = tour.scratch.path(".steward");
    // As many resources of each type as one run makes; only ids that chance gave may differ.
    let kinds = || {
        let text = tour.good(&["local", "show"]);
        let kind =
            |line: &str| line.split_whitespace().find(|word| word.starts_with("AWS::")).map(str::to_owned);
        let mut all: Vec<String> = text.lines().filter_map(kind).collect();
        all.sort();
        all
    };
    let start = Instant::now();
    tour.good(&["apply", tour.path(), "--yes", "-q", "--parallel", "2"]);
    let took = u64::try_from(start.elapsed().as_millis()).unwrap().max(20);
    let whole = kinds();
    std::fs::remove_dir_all(&cloud).unwrap();
    let (mut killed, mut finished, mut seed) = (0, 0, 0x9E37_79B9_u64);
    for round in 0..400 {
        if killed >= 60 && finished >= 3 {
            break;
        }
        let mut child = tour
            .command(&["apply", tour.path(), "--yes", "-q", "--parallel", "2"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        std::thread::sleep(Duration::from_millis((seed >> 40) % took));
        if child.try_wait().unwrap().is_none() {
            // SIGKILL.
            child.kill().unwrap();
            child.wait().unwrap();
            killed += 1;
            continue;
        }
        assert!(child.wait().unwrap().success(), "round {round}");
        let again = tour.good(&["apply", tour.path(), "--yes"]);
        assert!(again.contains("nothing to do"), "round {round}: {again}");
        assert_eq!(kinds(), whole, "round {round}: nothing is lost, nothing doubled");
        tour.good(&["drift", tour.path(), "--exit-code"]);
        tour.good(&["history"]);
        finished += 1;
        std::fs::remove_dir_all(&cloud).unwrap();
    }
    assert!(killed >= 50 && finished >= 3, "{killed} were killed at work, {finished} finished");
}

/// Commits everything in a folder.
fn commit(folder: &Path) {
    let git = |arguments: &[&str]| {
        let out = Command::new("git").arg("-C").arg(folder).args(arguments).output().unwrap();
        assert!(out.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
    };
    git(&["init", "--quiet"]);
    git(&["add", "--all"]);
    git(&[
        "-c",
        "user.name=ana",
        "-c",
        "user.email=ana@example.com",
        "commit",
        "--quiet",
        "--message",
        "as it is",
    ]);
}

#[test]
fn a_plan_says_what_a_change_means_for_packets_and_requests() {
    let tour = Tour::of("clinical-ai");
    tour.good(&["check", tour.path()]);
    commit(&tour.folder);
    tour.edit("uses: [records, sessions, transcriber]", "uses: [sessions, transcriber]");
    let plan = tour.good(&["plan", tour.path(), "--since", "HEAD", "--format", "json"]);
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    let packets = plan["meaning"]["packets"].as_array().unwrap();
    let lost =
        packets.iter().find(|it| it["from"] == "production/portal" && it["to"] == "production/records");
    let lost = lost.unwrap_or_else(|| panic!("{packets:?}"));
    assert_eq!(lost["before"]["services"], "TCP 5432");
    assert_eq!(lost["after"]["verdict"], "unreachable");
    let requests = plan["meaning"]["requests"].as_array().unwrap();
    let role = requests
        .iter()
        .find(|it| it["who"].as_str().unwrap().ends_with("production-service-portal/PortalTaskRole"));
    assert_eq!(role.unwrap()["less"]["action"], "rds-db:connect");
    assert!(role.unwrap()["more"].is_null());
    // Nothing changes against what it is now.
    commit(&tour.folder);
    let plan = tour.good(&["plan", tour.path(), "--since", "HEAD", "--format", "json"]);
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    assert_eq!(plan["meaning"]["packets"].as_array().map(Vec::len), Some(0));
    assert_eq!(plan["meaning"]["requests"].as_array().map(Vec::len), Some(0));
    // Policies on resources and guardrails are compared too: the transcriber's role goes out of the key's policy, and production's perimeter falls.
    tour.edit("uses: [recordings, notes-model]", "uses: [notes-model]");
    tour.edit("      guardrails: data-perimeter ", "      # guardrails: data-perimeter ");
    let plan = tour.good(&["plan", tour.path(), "--since", "HEAD", "--format", "json"]);
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    let requests = plan["meaning"]["requests"].as_array().unwrap();
    let of = |what: &str, who: &str| {
        let found = requests.iter().find(|it| it["of"] == what && it["who"].as_str().unwrap().ends_with(who));
        found.unwrap_or_else(|| panic!("{what} {who}: {requests:?}"))
    };
    let key = of("resource", "us-east-1/production-keys/PhiDataKey");
    assert!(
        key["less"]["principal"].as_str().unwrap().ends_with("role/workloads/production/transcriber/"),
        "{key}"
    );
    assert!(key["less"]["action"].as_str().unwrap().starts_with("kms:") && key["more"].is_null(), "{key}");
    let production = of("account", "clinical-production");
    assert!(production["more"]["action"].is_string() && production["less"].is_null(), "{production}");
    assert!(plan["estimate"]["seconds"].as_u64().unwrap() > 60, "{}", plan["estimate"]);
    let (code, text) = tour.run(&["plan", tour.path(), "--since", "no-such-commit"]);
    assert_eq!(code, 2);
    assert!(text.contains("no-such-commit cannot be read"), "{text}");
}

#[test]
fn what_exists_is_adopted_and_becomes_what_the_blueprint_says() {
    let tour = Tour::of("foundations");
    for stack in ["management/us-east-2/organization", "production/us-east-2/production-keys"] {
        tour.good(&["apply", tour.path(), "--yes", "--only", stack]);
    }
    let shown = tour.command(&["local", "show", "ProductionAccount"]).env("COLUMNS", "200").output().unwrap();
    let status = String::from_utf8_lossy(&shown.stdout).into_owned();
    let is_number = |word: &&str| word.len() == 12 && word.bytes().all(|byte| byte.is_ascii_digit());
    let number = status.split_whitespace().find(is_number).unwrap().to_owned();
    let made = [
        "local",
        "create",
        &number,
        "us-east-2",
        "AWS::ECR::Repository",
        "team/api",
        r#"{"ImageTagMutability":"MUTABLE"}"#,
    ];
    tour.good(&made);
    let named = "production/us-east-2/production-images/ApiRepository=team/api";
    let (code, text) = tour.run(&["adopt", tour.path(), "--id", named, "--yes"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("ImageTagMutability: IMMUTABLE is wanted, MUTABLE is there"), "{text}");
    assert!(
        !tour.good(&["local", "show", "team/api"]).contains("production-images/ApiRepository"),
        "nothing was taken in"
    );
    let text = tour.good(&[
        "adopt",
        tour.path(),
        "--id",
        named,
        "--yes",
        "--poll",
        "1",
        "--allow",
        "differs:production/*",
    ]);
    assert!(text.contains("1 resources are the estate's now"), "{text}");
    tour.good(&["apply", tour.path(), "--yes", "--poll", "1"]);
    let text = tour.good(&["local", "show", "team/api"]);
    assert!(text.contains("production-images/ApiRepository") && text.contains("MUTABLE"), "{text}");
    assert!(
        tour.good(&["drift", tour.path()]).contains("ImageTagMutability"),
        "what differs is drift from now on"
    );
    // Its encryption can only be said when it is made: bringing that back would be a new one, empty.
    let (code, text) = tour.run(&["drift", tour.path(), "--repair", "--yes", "--poll", "1"]);
    assert!(code == 1 && text.contains("replaces it, with what it holds: --allow recreate"), "{text}");
    let text = tour.good(&["local", "show", "ApiRepository"]);
    assert_eq!(text.matches(" production-images/").count(), 1, "{text}");
    assert!(tour.good(&["plan", tour.path()]).contains("nothing to do"));
    assert!(tour.good(&["history"]).contains("adopt"));
    let (code, text) =
        tour.run(&["adopt", tour.path(), "--id", "production/us-east-2/production-images/Nothing=x"]);
    assert_eq!(code, 2, "{text}");
}

const RECORDS: &str = "clinical-production/us-east-1/production-data-records/RecordsDatabase";

/// A tour on which somebody has changed two settings of a database and one of a table.
fn drifted() -> Tour {
    let tour = Tour::of("clinical-ai");
    tour.good(&["apply", tour.path(), "--yes"]);
    let edit = |resource: &str, property: &str, value: &str| {
        tour.good(&["local", "edit", resource, property, value, "--as", "mallory"]);
    };
    edit("production-data-records/RecordsDatabase", "BackupRetentionPeriod", "21");
    edit("production-data-records/RecordsDatabase", "DeletionProtection", "false");
    edit("production-data-sessions/SessionsTable", "DeletionProtectionEnabled", "false");
    tour
}

#[test]
fn drift_is_accepted_by_the_edit_after_which_the_blueprint_says_it() {
    let tour = drifted();
    let before = std::fs::read_to_string(tour.folder.join("estate.yaml")).unwrap();
    let (code, asks) = tour.run(&["drift", tour.path(), "--accept", "RecordsDatabase"]);
    assert!(code == 1 && asks.contains("--because TEXT"), "{asks}");
    let because = ["--because", "The vendor keeps a copy of its own."];
    let arguments = ["drift", tour.path(), "--accept", "RecordsDatabase"];
    let shown = tour.good(&[&arguments[..], &because[..]].concat());
    assert!(shown.contains("backup: 21 days") && shown.contains("deletion-protection: no"), "{shown}");
    assert!(shown.contains("nothing is written yet"), "{shown}");
    assert_eq!(std::fs::read_to_string(tour.folder.join("estate.yaml")).unwrap(), before);
    let written = tour.good(&[&arguments[..], &because[..], &["--write", "--format", "json"]].concat());
    let written: serde_json::Value = serde_json::from_str(&written).unwrap();
    assert_eq!(written["subjects"][0]["accepted"], true, "{written}");
    let after = std::fs::read_to_string(tour.folder.join("estate.yaml")).unwrap();
    assert!(after.contains("because: { backup: The vendor keeps a copy of its own."), "{after}");
    // What was accepted is applied, and is drift no more; the table still is.
    tour.good(&["apply", tour.path(), "--yes", "--allow", "*", "--allow", "violations"]);
    let (code, left) = tour.run(&["drift", tour.path(), "--exit-code"]);
    assert!(code == 1 && left.contains("SessionsTable") && !left.contains("RecordsDatabase"), "{left}");
}

#[test]
fn what_no_word_says_is_not_accepted_and_nothing_is_written() {
    let tour = drifted();
    tour.good(&["local", "edit", "production-data-records/RecordsDatabase", "CopyTagsToSnapshot", "false"]);
    let before = std::fs::read_to_string(tour.folder.join("estate.yaml")).unwrap();
    let pattern = format!("{RECORDS}/CopyTagsToSnapshot");
    let (code, text) = tour.run(&["drift", tour.path(), "--accept", &pattern, "--write"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("no word of the blueprint says it"), "{text}");
    assert_eq!(std::fs::read_to_string(tour.folder.join("estate.yaml")).unwrap(), before);
    let (code, text) = tour.run(&["drift", tour.path(), "--accept", "Nothing"]);
    assert!(code == 2 && text.contains("STW0060"), "{text}");
}

#[test]
fn an_exception_lets_a_property_be_until_its_day_and_no_other() {
    let tour = drifted();
    let pattern = format!("{RECORDS}/DeletionProtection");
    let words = |until: &'static str| {
        ["--because", "It moves: off for the move", "--owner", "jo@northbeam.example", "--until", until]
    };
    let (code, past) =
        tour.run(&[&["drift", tour.path(), "--except", &pattern][..], &words("2020-01-01")].concat());
    assert!(code == 2 && past.contains("STW0061"), "{past}");
    tour.good(&[&["drift", tour.path(), "--except", &pattern, "--write"][..], &words("2099-01-01")].concat());
    let (code, text) = tour.run(&["drift", tour.path(), "--exit-code"]);
    assert!(
        code == 1 && text.contains("1 difference excepted until 2099-01-01, by jo@northbeam.example"),
        "{text}"
    );
    assert!(
        text.contains("BackupRetentionPeriod: 35 → 21") && !text.contains("DeletionProtection: true"),
        "{text}"
    );
    // An exception is nobody's guarantee.
    assert!(!tour.run(&["check", tour.path()]).1.contains("there is no guarantee"));
    // One that has run out counts again.
    tour.edit("until: 2099-01-01", "until: 2020-01-01");
    let (_, text) = tour.run(&["drift", tour.path()]);
    assert!(
        text.contains("ran out on 2020-01-01") && text.contains("DeletionProtection: true → false"),
        "{text}"
    );
}

#[test]
fn reconciling_repairs_what_is_safe_and_leaves_a_stack_that_has_more() {
    let tour = Tour::of("clinical-ai");
    tour.good(&["apply", tour.path(), "--yes"]);
    let alarm = || {
        let alarm = "production-data-records/RecordsStorageAlarm";
        tour.good(&["local", "edit", alarm, "Threshold", "1"]);
    };
    alarm();
    tour.good(&["local", "delete", "production-data-sessions/SessionsTable"]);
    let (code, text) = tour.run(&["drift", tour.path(), "--reconcile", "--poll", "1"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("left alone: AWS::DynamoDB::Table"), "{text}");
    assert!(text.contains("1 resource differs, 1 cause"), "{text}");
    let history = tour.good(&["history", "--format", "json"]);
    assert!(history.contains("reconcile"), "{history}");
    // The alarm is safe to bring back, its stack is not: the key of the database beside it can only be replaced.
    let key = "arn:aws:kms:us-east-1:111122223333:key/x";
    tour.good(&["local", "edit", "production-data-records/RecordsDatabase", "KmsKeyId", key]);
    alarm();
    let (code, text) = tour.run(&["drift", tour.path(), "--reconcile", "--poll", "1"]);
    assert!(code == 1 && text.contains("brought back as a whole"), "{text}");
    tour.good(&["drift", tour.path(), "--repair", "--yes", "--allow", "recreate", "--poll", "1"]);
    tour.good(&["drift", tour.path(), "--reconcile"]);
}
