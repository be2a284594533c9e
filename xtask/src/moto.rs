//! Deployments held against an independent AWS: moto, pinned, on loopback, with what its CloudFormation lacks (`data/play_aws.py` says what).
//!
//! In: the five examples. Out: what was applied, applied again, changed and destroyed, read back by AWS's own APIs; then the same with a proxy
//! that fails, over seeds, and with a process that is killed. Always: servers end with the run; what moto only stands in for is counted and shown.

mod proxy;

use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::conformance::{copy_folder, examples, succeed};
use crate::option;

/// Pinned; what it plays and what not is in `docs/deploy.md`.
const MOTO: &str = "moto[server]==5.2.5";

/// A deployment's name, the change that is made to it, and what the change does.
const CHANGE: (&str, &str) = ("accounts: [audit", "accounts: [spare, audit");

struct Tools {
    python: PathBuf,
    steward: PathBuf,
    data: PathBuf,
    work: PathBuf,
}

/// A server that ends when it is dropped.
struct Server {
    child: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(tools: &Tools) -> Result<Self, String> {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr());
        let port = free.map_err(|error| error.to_string())?.port();
        let log = std::fs::File::create(tools.work.join("moto.log")).map_err(|error| error.to_string())?;
        let child = Command::new(&tools.python)
            .arg(tools.data.join("play_aws.py"))
            .args(["-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|error| format!("{}: {error}", tools.python.display()))?;
        let mut server = Self { child, port };
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(server);
            }
            if let Ok(Some(status)) = server.child.try_wait() {
                let said = std::fs::read_to_string(tools.work.join("moto.log")).unwrap_or_default();
                return Err(format!("moto ended with {status}:\n{said}"));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Err("moto does not listen".to_owned())
    }

    fn ask(&self, path: &str) -> Result<Value, String> {
        let answer = proxy::get(self.port, path)?;
        serde_json::from_str(&answer).map_err(|error| format!("{path}: {error}"))
    }

    /// Seconds that moto has worked, and how many calls it was asked.
    fn worked(&self) -> Result<(f64, u64), String> {
        let played = self.ask("/steward/played")?;
        let seconds = part(&played, "seconds").as_f64().unwrap_or(0.0);
        Ok((seconds, part(&played, "calls").as_u64().unwrap_or(0)))
    }
}

/// A command in the environment of somebody whose AWS is at a port.
fn at(command: &mut Command, port: u16) -> &mut Command {
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}"))
        .env("AWS_ACCESS_KEY_ID", "testing")
        .env("AWS_SECRET_ACCESS_KEY", "testing")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("USER", "ana")
}

fn steward(tools: &Tools, port: u16, arguments: &[&str], folder: &Path) -> Result<(bool, String), String> {
    let mut command = Command::new(&tools.steward);
    let (word, rest) = arguments.split_first().ok_or("no command")?;
    command.arg(word).arg(folder).args(["--cloud", "aws"]).args(rest);
    let out = at(&mut command, port).output().map_err(|error| error.to_string())?;
    let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    Ok((out.status.success(), said))
}

const APPLY: [&str; 4] = ["apply", "--yes", "--poll", "20"];
const DESTROY: [&str; 8] =
    ["destroy", "--yes", "--poll", "20", "--allow", "*", "--allow", "destroy:production"];

fn must(tools: &Tools, port: u16, arguments: &[&str], folder: &Path) -> Result<String, String> {
    let (good, said) = steward(tools, port, arguments, folder)?;
    if good {
        return Ok(said);
    }
    let log = std::fs::read_to_string(tools.work.join("moto.log")).unwrap_or_default();
    let failed: Vec<&str> = log.lines().filter(|line| line.starts_with("failed ")).take(5).collect();
    let tail: String = said
        .lines()
        .rev()
        .take(40)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .map(|line| format!("{line}\n"))
        .collect();
    Err(format!("steward {} {} failed:\n{tail}{}", arguments.join(" "), folder.display(), failed.join("\n")))
}

/// What is there, by AWS's own APIs.
struct There {
    accounts: Vec<String>,
    /// Status and template by account, region and name.
    stacks: BTreeMap<String, (String, String)>,
    resources: BTreeMap<String, u64>,
}

fn there(tools: &Tools, port: u16, regions: &[String]) -> Result<There, String> {
    let mut command = Command::new(&tools.python);
    command.arg(tools.data.join("read_back.py")).args(regions);
    let out = at(&mut command, port).output().map_err(|error| error.to_string())?;
    let read: Value = serde_json::from_slice(&out.stdout)
        .map_err(|error| format!("reading back: {error}\n{}", String::from_utf8_lossy(&out.stderr)))?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let first = |list: &Value, number: usize| list.get(number).map(text).unwrap_or_default();
    let map = |key: &str| part(&read, key).as_object().cloned().unwrap_or_default();
    Ok(There {
        accounts: part(&read, "accounts").as_array().into_iter().flatten().map(text).collect(),
        stacks: map("stacks").into_iter().map(|(key, it)| (key, (first(&it, 0), first(&it, 1)))).collect(),
        resources: map("resources").into_iter().map(|(key, it)| (key, it.as_u64().unwrap_or(0))).collect(),
    })
}

/// Everything deployed is whole, and deployed once.
fn whole(there: &There, stacks: usize) -> Result<(), String> {
    let bad: Vec<String> = there
        .stacks
        .iter()
        .filter(|(_, (status, _))| !status.ends_with("_COMPLETE") || status.contains("ROLLBACK"))
        .map(|(key, (status, _))| format!("{key} is {status}"))
        .collect();
    if !bad.is_empty() {
        return Err(bad.join("\n"));
    }
    if there.stacks.len() != stacks {
        return Err(format!("{} stacks are there instead of {stacks}", there.stacks.len()));
    }
    let mut once = there.accounts.clone();
    once.dedup();
    if once.len() != there.accounts.len() {
        return Err("an account is there twice".to_owned());
    }
    Ok(())
}

/// Stacks and regions that a blueprint becomes.
fn manifest(tools: &Tools, folder: &Path) -> Result<(usize, Vec<String>), String> {
    let out = tools.work.join("built");
    succeed(Command::new(&tools.steward).arg("build").arg(folder).arg("-o").arg(&out).arg("-q"))?;
    let text = std::fs::read_to_string(out.join("manifest.json")).map_err(|error| error.to_string())?;
    let tree: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let stacks = part(&tree, "stacks").as_array().map_or(0, Vec::len);
    let mut regions: Vec<String> = part(&tree, "stacks")
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|it| it.get("region")?.as_str())
        .map(str::to_owned)
        .collect();
    regions.sort();
    regions.dedup();
    std::fs::remove_dir_all(&out).map_err(|error| error.to_string())?;
    Ok((stacks, regions))
}

/// Runs everything. `--seeds N`: runs with a proxy that fails; `--kills N`: how often a process is killed; `--example NAME`: only that one.
pub fn run(root: &Path, options: &[String]) -> Result<(), String> {
    let number =
        |name: &str, usual: u64| option(options, name).and_then(|text| text.parse().ok()).unwrap_or(usual);
    let target = crate::target(root);
    let work = target.join("moto");
    std::fs::create_dir_all(&work).map_err(|error| format!("{}: {error}", work.display()))?;
    let python = crate::conformance::venv(&target, "moto-tools", &[MOTO])?.join("python");
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    succeed(
        Command::new(cargo)
            .args(["build", "--quiet", "--package", "steward", "--features", "aws"])
            .current_dir(root),
    )?;
    // A copy: other tasks build it without the client.
    let steward = work.join("steward");
    std::fs::copy(target.join("debug").join("steward"), &steward).map_err(|error| error.to_string())?;
    let tools = Tools { python, steward, data: root.join("xtask/data"), work };
    for example in examples(root)? {
        if option(options, "--example").is_none_or(|name| example.ends_with(name)) {
            whole_life(&tools, &example)?;
        }
    }
    let small = root.join("examples/foundations");
    faults(&tools, &small, number("--seeds", 6))?;
    kills(&tools, &small, number("--kills", 50))
}

/// A member of a tree, where it is there.
fn part<'v>(tree: &'v Value, key: &str) -> &'v Value {
    tree.get(key).unwrap_or(&Value::Null)
}

fn copy(tools: &Tools, example: &Path, name: &str) -> Result<PathBuf, String> {
    let folder = tools.work.join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(|error| error.to_string())?;
    }
    copy_folder(example, &folder)?;
    Ok(folder)
}

/// Changes a line of a blueprint.
fn edit(folder: &Path, from: &str, to: &str) -> Result<(), String> {
    let path = folder.join("estate.yaml");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    if !text.contains(from) {
        return Err(format!("{} does not have `{from}`", path.display()));
    }
    std::fs::write(&path, text.replacen(from, to, 1)).map_err(|error| error.to_string())
}

/// Apply, apply again, change, destroy.
fn whole_life(tools: &Tools, example: &Path) -> Result<(), String> {
    let name = example.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let folder = copy(tools, example, &name)?;
    let (stacks, regions) = manifest(tools, &folder)?;
    let server = Server::start(tools)?;
    let start = Instant::now();
    must(tools, server.port, &APPLY, &folder)?;
    let (took, (worked, calls)) = (start.elapsed().as_secs_f64(), server.worked()?);
    let first = there(tools, server.port, &regions)?;
    whole(&first, stacks)?;
    println!(
        "{name}: {stacks} stacks in {} accounts and {} regions, {calls} calls, {took:.1} s of which AWS {worked:.1} s",
        first.accounts.len() + 1,
        regions.len()
    );
    println!("    read back: {}", counts(&first.resources));
    println!("    {}", played(&server)?);
    let (_, calls) = server.worked()?;
    let start = Instant::now();
    let said = must(tools, server.port, &APPLY, &folder)?;
    let (_, after) = server.worked()?;
    if !said.contains("nothing to do") {
        return Err(format!("{name}: a second apply did something:\n{said}"));
    }
    println!("    again: nothing to do, {} calls, {:.1} s", after - calls, start.elapsed().as_secs_f64());
    edit(&folder, CHANGE.0, CHANGE.1)?;
    must(tools, server.port, &APPLY, &folder)?;
    let second = there(tools, server.port, &regions)?;
    let (more, _) = manifest(tools, &folder)?;
    whole(&second, more)?;
    let other = second
        .stacks
        .iter()
        .filter(|(key, (_, template))| first.stacks.get(*key).map(|it| &it.1) != Some(template));
    let other: Vec<&str> = other.map(|(key, _)| key.as_str()).collect();
    if second.accounts.len() != first.accounts.len() + 1 || other.is_empty() || other.len() * 4 > stacks {
        return Err(format!(
            "{name}: one account more changed {} of {stacks} stacks: {}",
            other.len(),
            other.join(" ")
        ));
    }
    println!("    one account more: {} of {more} stacks changed", other.len());
    must(tools, server.port, &DESTROY, &folder)?;
    let last = there(tools, server.port, &regions)?;
    if !last.stacks.is_empty() {
        return Err(format!(
            "{name}: left behind: {}",
            last.stacks.keys().cloned().collect::<Vec<_>>().join(" ")
        ));
    }
    for kind in ["vpc", "role"] {
        if last.resources.get(kind).copied().unwrap_or(0) > 0 {
            return Err(format!("{name}: left behind: {}", counts(&last.resources)));
        }
    }
    println!("    destroyed: no stack left; retained, as asked: {}", counts(&last.resources));
    Ok(())
}

fn counts(resources: &BTreeMap<String, u64>) -> String {
    let some = resources.iter().filter(|(_, count)| **count > 0);
    let words: Vec<String> =
        some.map(|(kind, count)| format!("{count} {kind}{}", if *count == 1 { "" } else { "s" })).collect();
    words.join(", ")
}

fn played(server: &Server) -> Result<String, String> {
    let played = server.ask("/steward/played")?;
    let sum = |kind: &str| {
        part(&played, kind).as_object().into_iter().flatten().filter_map(|(_, it)| it.as_u64()).sum::<u64>()
    };
    let kinds = |kind: &str| part(&played, kind).as_object().map_or(0, serde_json::Map::len);
    Ok(format!(
        "played by moto: {} resources of {} types; by its services, bridged: {}; stood in for by a name only: {} of {} types",
        sum("own"),
        kinds("own"),
        sum("bridge"),
        sum("stand-in"),
        kinds("stand-in")
    ))
}

/// A network that fails: it ends as if it had not.
fn faults(tools: &Tools, example: &Path, seeds: u64) -> Result<(), String> {
    let (mut all, start) = (0, Instant::now());
    for seed in 1..=seeds {
        let folder = copy(tools, example, "faults")?;
        let (stacks, regions) = manifest(tools, &folder)?;
        let server = Server::start(tools)?;
        let proxy = proxy::Proxy::start(server.port, seed)?;
        let mut runs = 0;
        // A call that fails ten times in a row fails the run; running again goes on.
        while !steward(tools, proxy.port, &APPLY, &folder)?.0 {
            runs += 1;
            if runs > 5 {
                return Err(format!("seed {seed}: it does not come to an end"));
            }
        }
        let said = must(tools, server.port, &APPLY, &folder)?;
        if !said.contains("nothing to do") {
            return Err(format!("seed {seed}: something was left to do:\n{said}"));
        }
        whole(&there(tools, server.port, &regions)?, stacks).map_err(|why| format!("seed {seed}: {why}"))?;
        all += proxy.faults();
    }
    println!(
        "faults: {seeds} seeds, {all} throttles, errors, resets, delays and half answers in {:.0} s: all converged",
        start.elapsed().as_secs_f64()
    );
    if seeds > 0 && all == 0 { Err("the proxy did nothing".to_owned()) } else { Ok(()) }
}

/// A process that is killed at any moment: it goes on.
fn kills(tools: &Tools, example: &Path, kills: u64) -> Result<(), String> {
    let folder = copy(tools, example, "kills")?;
    let (stacks, regions) = manifest(tools, &folder)?;
    let server = Server::start(tools)?;
    let mut chance = 7_u64;
    let (mut killed, mut ended) = (0, 0);
    while killed < kills {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut command = Command::new(&tools.steward);
        command.arg("apply").arg(&folder).args(["--cloud", "aws", "--yes", "--poll", "20"]);
        let child = at(&mut command, server.port).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut child = child.map_err(|error| error.to_string())?;
        std::thread::sleep(Duration::from_millis(150 + (chance >> 40) % 1200));
        if child.try_wait().map_err(|error| error.to_string())?.is_some() {
            // Nothing is left to do: something new is.
            ended += 1;
            let (from, to) = if ended % 2 == 1 { ("7 days", "8 days") } else { ("8 days", "7 days") };
            edit(&folder, &format!("expires-after: {from}"), &format!("expires-after: {to}"))?;
            continue;
        }
        child.kill().and_then(|()| child.wait()).map_err(|error| error.to_string())?;
        killed += 1;
    }
    must(tools, server.port, &APPLY, &folder)?;
    whole(&there(tools, server.port, &regions)?, stacks)?;
    let said = must(tools, server.port, &APPLY, &folder)?;
    if !said.contains("nothing to do") {
        return Err(format!("after the kills something was left to do:\n{said}"));
    }
    println!(
        "kills: killed {killed} times, {ended} runs came to their end between them: nothing lost, nothing doubled"
    );
    Ok(())
}
