//! How time and memory grow with the estate: each size in a process of its own, optimised, every phase timed.
//!
//! `check` is the sum of parse, design, validate and prove. Growth is the exponent of cost over size between
//! two rows: 1.00 is linear. `--one N --each` says what every guarantee takes. Memory is the peak of the whole process up to the end of that phase.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use catalog::Catalog;
use diagnostics::{Diagnostics, SourceMap};
use prove::{Date, Options, guarantees};

const PHASES: [&str; 6] = ["parse", "design", "validate", "prove", "check", "emit"];

/// One size, measured.
struct Row {
    accounts: usize,
    resources: usize,
    seconds: [f64; 6],
    mebibytes: [f64; 6],
}

/// Runs all sizes and prints the table; with `--one N` measures that size in this process.
pub fn run(root: &Path, options: &[String]) -> Result<(), String> {
    if let Some(accounts) = crate::option(options, "--one") {
        let each = options.iter().any(|option| option == "--each");
        return one(accounts.parse().map_err(|error| format!("--one: {error}"))?, each);
    }
    let sizes = crate::option(options, "--accounts").unwrap_or("10,100,1000,10000");
    let sizes: Result<Vec<usize>, _> = sizes.split(',').map(str::parse).collect();
    let mut rows = Vec::new();
    for accounts in sizes.map_err(|error| format!("--accounts: {error}"))? {
        rows.push(measured(root, accounts)?);
        print(&rows);
    }
    whole(root, rows.iter().map(|row| row.accounts).filter(|accounts| *accounts <= 1000))?;
    audit(root)
}

/// `check` as a whole process, with what the blueprint says of traffic: without a hub and with one.
fn whole(root: &Path, sizes: impl Iterator<Item = usize>) -> Result<(), String> {
    let target = crate::target(root);
    built(root)?;
    for accounts in sizes {
        let mut words = Vec::new();
        for (hub, name) in [(false, "each with its own door"), (true, "behind a hub")] {
            let folder = blueprint(root, accounts, hub)?;
            let run = || {
                let out =
                    Command::new(target.join("release/steward")).args(["check", "-q"]).arg(&folder).output();
                out.and_then(|out| match out.status.code() {
                    Some(0) => Ok(()),
                    _ => Err(std::io::Error::other(String::from_utf8_lossy(&out.stdout).into_owned())),
                })
            };
            let [fastest, median] = timed(run)?;
            words.push(format!("{median:.2} s {name} (fastest {fastest:.2} s)"));
        }
        println!("steward check of {accounts} accounts, the whole process: {}", words.join(", "));
    }
    Ok(())
}

/// Writes a blueprint; answers its folder.
fn blueprint(root: &Path, accounts: usize, hub: bool) -> Result<PathBuf, String> {
    let folder = crate::target(root).join(format!("bench-{accounts}{}", if hub { "-hub" } else { "" }));
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let file = folder.join("estate.yaml");
    std::fs::write(file, design::synthetic(accounts, hub)).map_err(|error| error.to_string())?;
    Ok(folder)
}

/// Planning alone: what is wanted against an inventory in which nothing differs.
pub fn plans() -> Result<(), String> {
    println!(
        "{:>8} {:>8} {:>10}  {:>12}  {:>12}",
        "accounts", "stacks", "resources", "no change", "one template"
    );
    for accounts in [10, 100, 1000] {
        let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
        let files =
            blueprint::MemoryFiles::from([("estate.yaml".to_owned(), design::synthetic(accounts, false))]);
        let blueprint = blueprint::load(&files, "estate.yaml", &mut sources, &mut diagnostics);
        let blueprint = blueprint.ok_or_else(|| said(&diagnostics, &sources))?;
        let designed = design::compile(&blueprint, &design::Lock::default(), &mut diagnostics);
        let estate = designed.ok_or_else(|| said(&diagnostics, &sources))?.estate;
        let emission =
            emit::cloudformation::emit(&estate, Catalog::shared(), &Default::default(), &mut diagnostics);
        let emission = emission.ok_or_else(|| said(&diagnostics, &sources))?;
        let desired = plan::Desired::of(&estate, &emission);
        let mut there = deployed(&desired);
        let order = |there: &plan::Inventory| {
            let start = Instant::now();
            let (everything, none) = (plan::Selector::all(), std::collections::BTreeMap::new());
            let plan = plan::order(&desired, there, &everything, &none, &std::collections::BTreeSet::new());
            let plan = plan.map_err(|errors| format!("{errors:?}"))?;
            let changes = plan::changes(&plan, there);
            Ok::<_, String>((start.elapsed().as_secs_f64(), plan.steps.len(), changes.len()))
        };
        let (nothing, steps, _) = order(&there)?;
        if steps > 0 {
            return Err(format!("{steps} steps where nothing differs"));
        }
        if let Some(stack) = there.stacks.values_mut().last() {
            stack.template_sha256 = String::new();
        }
        let (one, ..) = order(&there)?;
        println!(
            "{accounts:>8} {:>8} {:>10}  {:>12}  {:>12}",
            desired.manifest.stacks.len(),
            estate.resource_count(),
            format!("{:.1} ms", nothing * 1e3),
            format!("{:.1} ms", one * 1e3)
        );
    }
    Ok(())
}

/// An inventory that has all that is wanted.
fn deployed(desired: &plan::Desired) -> plan::Inventory {
    let mut there = plan::Inventory { estate: desired.manifest.estate.clone(), ..plan::Inventory::default() };
    for account in &desired.manifest.accounts {
        let (number, status) = ("111122223333".to_owned(), "ACTIVE".to_owned());
        let known = plan::InventoryAccount { number, email: None, unit: Vec::new(), status };
        there.accounts.insert(account.name.clone(), known);
    }
    for stack in &desired.manifest.stacks {
        let value = |parameter: &emit::cloudformation::ManifestParameter| match (
            &parameter.value,
            &parameter.account,
        ) {
            (Some(value), _) => value.clone(),
            (None, Some(_)) => "111122223333".to_owned(),
            (None, None) => "value".to_owned(),
        };
        let mut tags = stack.tags.clone();
        tags.insert(plan::TEMPLATE_TAG.to_owned(), stack.sha256.clone());
        let known = plan::DeployedStack {
            account: stack.account.clone(),
            region: stack.region.clone().unwrap_or_default(),
            name: stack.name.clone(),
            status: plan::StackStatus("CREATE_COMPLETE".to_owned()),
            template: desired.templates.get(&stack.template).cloned().unwrap_or_else(|| "".into()),
            template_sha256: stack.sha256.clone(),
            parameters: stack.parameters.iter().map(|it| (it.name.clone(), value(it))).collect(),
            outputs: stack.outputs.iter().map(|name| (name.clone(), "value".to_owned())).collect(),
            tags,
            resources: Default::default(),
        };
        there.stacks.insert(stack.key.clone(), known);
    }
    there
}

/// Deployments into the local cloud, as whole processes: the first apply, a second one, a plan.
pub fn deployments(root: &Path, options: &[String]) -> Result<(), String> {
    built(root)?;
    let sizes = crate::option(options, "--accounts").unwrap_or("10,30,100");
    let sizes: Result<Vec<usize>, _> = sizes.split(',').map(str::parse).collect();
    let binary = crate::target(root).join("release/steward");
    println!(
        "{:>8} {:>10}  {:>14} {:>12} {:>12}  {:>7}",
        "accounts", "resources", "apply", "again", "plan", "cloud"
    );
    let mut before: Option<(f64, f64)> = None;
    for accounts in sizes.map_err(|error| format!("--accounts: {error}"))? {
        let folder = blueprint(root, accounts, true)?;
        let cloud = folder.join("local.db");
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(folder.join(format!("local.db{end}")));
        }
        let run = |arguments: &[&str]| {
            let start = Instant::now();
            let mut command = Command::new(&binary);
            command.args(arguments).arg(&folder).arg("--local").arg(&cloud);
            let out = command.output().map_err(|error| error.to_string())?;
            let text = String::from_utf8_lossy(&out.stdout).into_owned();
            if !out.status.success() {
                return Err(format!("{arguments:?}: {text}{}", String::from_utf8_lossy(&out.stderr)));
            }
            Ok((start.elapsed().as_secs_f64(), text))
        };
        let (apply, text) = run(&["apply", "--yes", "-q"])?;
        let (again, _) = run(&["apply", "--yes", "-q"])?;
        let (plan, _) = run(&["plan"])?;
        let resources =
            text.split(['(', ' ']).rev().filter_map(|word| word.parse::<f64>().ok()).next().unwrap_or(0.0);
        let growth = before.map_or_else(String::new, |(size, time)| {
            format!(" ^{:.2}", (apply / time).ln() / (resources / size).ln())
        });
        before = Some((resources, apply));
        let size = std::fs::metadata(&cloud).map_or(0, |file| file.len() / 1_048_576);
        println!(
            "{accounts:>8} {resources:>10}  {:>14} {:>12} {:>12}  {size:>5}M",
            format!("{apply:.2}s{growth}"),
            format!("{again:.2}s"),
            format!("{plan:.2}s")
        );
    }
    Ok(())
}

fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

/// Measures one size in an optimised process of its own.
fn measured(root: &Path, accounts: usize) -> Result<Row, String> {
    let out = Command::new(cargo())
        .args([
            "run",
            "--quiet",
            "--release",
            "--package",
            "xtask",
            "--",
            "bench",
            "--one",
            &accounts.to_string(),
        ])
        .current_dir(root)
        .output()
        .map_err(|error| error.to_string())?;
    // What a size could not do is said below its row.
    eprint!("{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8_lossy(&out.stdout);
    let numbers: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let (&[resources], times) = numbers
        .split_at_checked(1)
        .and_then(|(head, rest)| Some((<&[f64; 1]>::try_from(head).ok()?, rest)))
        .ok_or_else(|| format!("{accounts} accounts: {}", String::from_utf8_lossy(&out.stderr)))?;
    let halves = times.split_at_checked(PHASES.len());
    let arrays =
        halves.and_then(|(s, m)| Some((<[f64; 6]>::try_from(s).ok()?, <[f64; 6]>::try_from(m).ok()?)));
    let (seconds, mebibytes) = arrays.ok_or_else(|| String::from_utf8_lossy(&out.stderr).into_owned())?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count, printed by us as one"
    )]
    Ok(Row { accounts, resources: resources as usize, seconds, mebibytes })
}

/// The work itself: prints resources, then seconds and mebibytes of each phase; with `each`, the time that
/// every guarantee takes by itself too.
fn one(accounts: usize, each: bool) -> Result<(), String> {
    let text = design::synthetic(accounts, false);
    let today = Date::parse("2026-11-01").ok_or("no such day")?;
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let (mut seconds, mut mebibytes) = ([0.0; 6], [0.0; 6]);
    let mut clock = Instant::now();
    let mut lap = |phase: usize| {
        if let (Some(time), Some(memory)) = (seconds.get_mut(phase), mebibytes.get_mut(phase)) {
            *time = clock.elapsed().as_secs_f64();
            *memory = peak_mebibytes();
        }
        clock = Instant::now();
    };
    let files = blueprint::MemoryFiles::from([("estate.yaml".to_owned(), text)]);
    let blueprint = blueprint::load(&files, "estate.yaml", &mut sources, &mut diagnostics);
    let blueprint = blueprint.ok_or_else(|| said(&diagnostics, &sources))?;
    lap(0);
    let designed = design::compile(&blueprint, &design::Lock::default(), &mut diagnostics);
    let estate = designed.ok_or_else(|| said(&diagnostics, &sources))?.estate;
    lap(1);
    // `schema-valid` is the validation of every resource; the others are the proofs.
    let (schema, others): (Vec<_>, Vec<_>) =
        guarantees::ALL.iter().copied().partition(|guarantee| guarantee.id == "schema-valid");
    let options = Options::on(today);
    let mut violated = 0;
    for (phase, list) in [(2, schema), (3, others)] {
        let report = prove::check(&estate, Vec::leak(list), Catalog::shared(), &options, &[]);
        violated += report.count().violated;
        lap(phase);
    }
    let resources = estate.resource_count();
    if each {
        for guarantee in guarantees::ALL {
            let start = Instant::now();
            let list: &'static [&'static prove::Guarantee] = Vec::leak(vec![*guarantee]);
            let count = prove::check(&estate, list, Catalog::shared(), &options, &[]).count();
            eprintln!("{:8.1} ms {} {count:?}", start.elapsed().as_secs_f64() * 1e3, guarantee.id);
        }
    }
    if diagnostics.has_errors() {
        return Err(said(&diagnostics, &sources));
    }
    lap(4);
    let emission =
        emit::cloudformation::emit(&estate, Catalog::shared(), &Default::default(), &mut diagnostics);
    let bytes = emission.map_or(0, |emission| emission.bundle.bytes());
    lap(5);
    let [parse, design, validate, prove, check, _] = &mut seconds;
    *check = *parse + *design + *validate + *prove;
    if bytes == 0 {
        eprintln!("not emitted: {}", diagnostics.iter().next().map_or("", |first| first.message.as_str()));
    }
    eprintln!("{accounts} accounts: {violated} violated, {bytes} bytes emitted");
    let numbers = seconds.iter().chain(&mebibytes).map(|number| format!("{number:.6}"));
    println!("{resources} {}", numbers.collect::<Vec<_>>().join(" "));
    Ok(())
}

fn said(diagnostics: &Diagnostics, sources: &SourceMap) -> String {
    diagnostics::render::text::all(diagnostics, sources, diagnostics::render::text::Style::default())
}

/// The most memory this process has had resident, from the kernel; 0 where it does not say.
pub fn peak_mebibytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kibibytes.unwrap_or(0.0) / 1024.0
}

#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
fn print(rows: &[Row]) {
    let Some(last) = rows.last() else { return };
    if rows.len() == 1 {
        println!(
            "{:>8} {:>10}  {}",
            "accounts",
            "resources",
            PHASES.map(|phase| format!("{phase:>20}")).join(" ")
        );
    }
    let before = rows.len().checked_sub(2).and_then(|at| rows.get(at));
    let cells = last.seconds.iter().zip(&last.mebibytes).enumerate().map(|(phase, (seconds, mebibytes))| {
        let growth = before.and_then(|before| {
            let ratio = seconds / before.seconds.get(phase)?;
            let size = last.resources as f64 / before.resources as f64;
            Some(format!(" ^{:.2}", ratio.ln() / size.ln()))
        });
        format!("{:>20}", format!("{seconds:.3}s {mebibytes:.0}M{}", growth.unwrap_or_default()))
    });
    let cells: Vec<String> = cells.collect();
    println!("{:>8} {:>10}  {}", last.accounts, last.resources, cells.join(" "));
}

/// `audit` of one template of 140 resources, as a whole process; beside cfn-lint on the same file where
/// `cargo xtask conformance` has installed it.
fn audit(root: &Path) -> Result<(), String> {
    let target = crate::target(root);
    built(root)?;
    let file = target.join("bench-140.json");
    std::fs::write(&file, template(140)).map_err(|error| error.to_string())?;
    let ours = median(|| {
        Command::new(target.join("release/steward")).args(["audit", "-q"]).arg(&file).output().map(drop)
    })?;
    println!("audit of 140 resources: {:.1} ms", ours * 1e3);
    let lint = target.join("conformance-tools/bin/cfn-lint");
    if !lint.exists() {
        println!("cfn-lint is not installed (cargo xtask conformance installs it): no comparison");
        return Ok(());
    }
    let theirs = median(|| Command::new(&lint).arg(&file).output().map(drop))?;
    println!("cfn-lint on the same file: {:.0} ms, {:.0} times as long", theirs * 1e3, theirs / ours);
    Ok(())
}

/// Builds the binary that is measured.
fn built(root: &Path) -> Result<(), String> {
    let build = ["build", "--quiet", "--release", "--package", "steward"];
    let built = Command::new(cargo()).args(build).current_dir(root).status();
    match built.map_err(|error| error.to_string())?.success() {
        true => Ok(()),
        false => Err("steward does not build".to_owned()),
    }
}

/// The median of five runs after one that does not count, in seconds.
fn median(run: impl Fn() -> std::io::Result<()>) -> Result<f64, String> {
    timed(run).map(|[_, median]| median)
}

/// The fastest and the median of five runs after one that does not count, in seconds.
fn timed(run: impl Fn() -> std::io::Result<()>) -> Result<[f64; 2], String> {
    let mut times = Vec::new();
    for _ in 0..6 {
        let start = Instant::now();
        run().map_err(|error| error.to_string())?;
        times.push(start.elapsed().as_secs_f64());
    }
    times.remove(0);
    times.sort_by(f64::total_cmp);
    let at = |at: usize| times.get(at).copied().ok_or_else(|| "nothing was measured".to_owned());
    Ok([at(0)?, at(2)?])
}

/// A template of `count` resources of the usual kinds: buckets with policies, queues, topics, alarms, roles.
fn template(count: usize) -> String {
    let mut resources = serde_json::Map::new();
    for i in 0.. {
        let policy = serde_json::json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Deny", "Principal": "*", "Action": "s3:*",
                "Resource": [{ "Fn::GetAtt": [format!("Bucket{i}"), "Arn"] }, { "Fn::Sub": format!("${{Bucket{i}.Arn}}/*") }],
                "Condition": { "Bool": { "aws:SecureTransport": "false" } }
            }]
        });
        let trust = serde_json::json!({
            "Version": "2012-10-17",
            "Statement": [{ "Effect": "Allow", "Principal": { "Service": "lambda.amazonaws.com" }, "Action": "sts:AssumeRole" }]
        });
        let group = [
            (
                "Key",
                "AWS::KMS::Key",
                serde_json::json!({ "EnableKeyRotation": true, "KeyPolicy": {
                "Version": "2012-10-17",
                "Statement": [{ "Effect": "Allow", "Principal": { "AWS": { "Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root" } },
                                "Action": "kms:*", "Resource": "*" }] } }),
            ),
            (
                "Bucket",
                "AWS::S3::Bucket",
                serde_json::json!({ "VersioningConfiguration": { "Status": "Enabled" } }),
            ),
            (
                "BucketPolicy",
                "AWS::S3::BucketPolicy",
                serde_json::json!({ "Bucket": { "Ref": format!("Bucket{i}") }, "PolicyDocument": policy }),
            ),
            (
                "Queue",
                "AWS::SQS::Queue",
                serde_json::json!({ "KmsMasterKeyId": { "Ref": format!("Key{i}") } }),
            ),
            (
                "Topic",
                "AWS::SNS::Topic",
                serde_json::json!({ "KmsMasterKeyId": { "Ref": format!("Key{i}") } }),
            ),
            ("Role", "AWS::IAM::Role", serde_json::json!({ "AssumeRolePolicyDocument": trust })),
            (
                "Alarm",
                "AWS::CloudWatch::Alarm",
                serde_json::json!({
                "AlarmActions": [{ "Ref": format!("Topic{i}") }], "ComparisonOperator": "GreaterThanThreshold",
                "EvaluationPeriods": 1, "MetricName": "ApproximateAgeOfOldestMessage", "Namespace": "AWS/SQS",
                "Dimensions": [{ "Name": "QueueName", "Value": { "Fn::GetAtt": [format!("Queue{i}"), "QueueName"] } }],
                "Period": 60, "Statistic": "Maximum", "Threshold": 300 }),
            ),
        ];
        for (name, kind, properties) in group {
            if resources.len() == count {
                return serde_json::json!({ "Resources": resources }).to_string();
            }
            resources
                .insert(format!("{name}{i}"), serde_json::json!({ "Type": kind, "Properties": properties }));
        }
    }
    String::new()
}
