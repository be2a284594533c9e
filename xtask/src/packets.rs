//! Real packets: small estates in Linux network namespaces, with real Suricata, held against the simulator.
//!
//! In: estates, made from seeds, written by hand, or given. Out: for each its observations that agree, that differ, and
//! that the simulator leaves open; any difference fails. Always: needs root, Linux and a few programs, and says so
//! where they are not there; bounded in estates, probes and time; only addresses of its own namespaces; what it made
//! is removed, after a failure too.

pub mod agent;
mod compare;
mod engine;
mod kernel;
mod lab;
mod random;
mod wall;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The fixed set: seeds from this many random estates.
const ESTATES: u64 = 30;
/// The longest that all may take; what has not run then fails, so that nobody believes that it did.
const LONGEST: Duration = Duration::from_secs(270);

/// Programs it needs, with the Debian package of each.
const PROGRAMS: &[(&str, &str)] = &[
    ("ip", "iproute2"),
    ("sysctl", "procps"),
    ("nft", "nftables"),
    ("iptables-restore", "iptables"),
    ("setpriv", "util-linux"),
    ("ping", "iputils-ping"),
    ("suricata", "suricata"),
];

/// Runs the fixed set, or seeds and paths that were asked for.
pub fn run(root: &Path, options: &[String]) -> Result<(), String> {
    if let Err(why) = ready() {
        println!("packets: SKIPPED: {why}");
        return match crate::option(options, "--require") {
            Some(_) => Err("packets: they were required".into()),
            None => Ok(()),
        };
    }
    let number = |name, default: u64| crate::option(options, name).map_or(Ok(default), str::parse::<u64>);
    let first = number("--seed", 1).map_err(|error| format!("--seed: {error}"))?;
    let count = number("--estates", ESTATES).map_err(|error| format!("--estates: {error}"))?;
    let start = Instant::now();
    let mut total = compare::Tally::default();
    let mut wrong = Vec::new();
    for (name, text) in estates(root, options, first, count)? {
        if start.elapsed() > LONGEST {
            wrong.push(format!("{name}: not run, the time is over"));
            continue;
        }
        if options.iter().any(|option| option == "--show") {
            println!("{text}");
        }
        kernel::clean();
        let folder = crate::target(root).join("packets");
        match compare::estate(&name, &text, &folder) {
            Ok(tally) => {
                println!("{name}: {tally} ({:.1} s)", start.elapsed().as_secs_f32());
                wrong.extend(tally.differences.iter().map(|difference| format!("{name}: {difference}")));
                total.add(&tally);
            }
            Err(why) => {
                println!("{name}: not built: {why}");
                wrong.push(format!("{name}: not built: {why}"));
            }
        }
    }
    println!("packets: {total}, {:.0} s", start.elapsed().as_secs_f32());
    if total.agree == 0 {
        wrong.push("nothing was observed".into());
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("packets differ:\n  {}", wrong.join("\n  "))) }
}

/// Names and texts of templates: paths that were given, else those written by hand and random ones.
fn estates(root: &Path, options: &[String], first: u64, count: u64) -> Result<Vec<(String, String)>, String> {
    let given: Vec<PathBuf> =
        options.iter().filter(|option| option.ends_with(".yaml")).map(PathBuf::from).collect();
    let mut files = given.clone();
    if given.is_empty() {
        let folder = root.join("xtask/data/packets");
        let list = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        files.extend(list.flatten().map(|entry| entry.path()));
        files.sort();
    }
    let mut out = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        let name = file.file_stem().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        out.push((name, text));
    }
    if given.is_empty() {
        out.extend((first..first + count).map(|seed| (format!("seed {seed}"), random::template(seed))));
    }
    Ok(out)
}

/// Whether packets can be sent here; installs what is missing where that can be done.
fn ready() -> Result<(), String> {
    if !cfg!(target_os = "linux") {
        return Err("it needs Linux".into());
    }
    let output = Command::new("id").arg("-u").output().map_err(|error| error.to_string())?;
    if String::from_utf8_lossy(&output.stdout).trim() != "0" {
        return Err("it needs root, to make network namespaces".into());
    }
    if !missing().is_empty() {
        install()?;
    }
    let missing = missing();
    if !missing.is_empty() {
        let packages: Vec<&str> = missing.iter().map(|(_, package)| *package).collect();
        return Err(format!(
            "these Debian packages are missing: {} (Suricata 7 is in Debian 13, and in the backports of Debian 12)",
            packages.join(" ")
        ));
    }
    let probe = format!("{}probe", kernel::PREFIX);
    let made = Command::new("ip").args(["netns", "add", &probe]).stderr(Stdio::null()).status();
    kernel::clean();
    if made.is_ok_and(|status| status.success()) {
        Ok(())
    } else {
        Err("this machine makes no network namespaces".into())
    }
}

fn missing() -> Vec<(&'static str, &'static str)> {
    let there = |program: &str| {
        std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
            .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
            .any(|folder| folder.join(program).is_file())
    };
    PROGRAMS.iter().copied().filter(|(program, _)| !there(program)).collect()
}

/// Installs with apt, from the distribution's backports where it has no Suricata itself.
fn install() -> Result<(), String> {
    let script = "set -e\nexport DEBIAN_FRONTEND=noninteractive\napt-get update -q\n\
        if ! apt-cache policy suricata | grep -q 'Candidate: [0-9]'; then\n\
        . /etc/os-release\n\
        sed -n \"/^URIs:/{p;q}\" /etc/apt/sources.list.d/debian.sources > /tmp/steward-backports\n\
        { echo 'Types: deb'; cat /tmp/steward-backports; echo \"Suites: $VERSION_CODENAME-backports\"; echo 'Components: main'; \
        echo 'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg'; } > /etc/apt/sources.list.d/steward-backports.sources\n\
        apt-get update -q\nfi\n\
        . /etc/os-release\n\
        apt-get install -y -q --no-install-recommends iproute2 procps nftables iptables util-linux iputils-ping\n\
        apt-get install -y -q --no-install-recommends -t $VERSION_CODENAME-backports suricata || \
        apt-get install -y -q --no-install-recommends suricata\n";
    println!("packets: installing Debian packages");
    let done = Command::new("sh").args(["-c", script]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    match done {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("apt-get cannot be run: {error}")),
    }
}
