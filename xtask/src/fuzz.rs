//! Mutated input for every reader, without special tools: a seeded generator, real files as seeds, a watchdog.
//!
//! Coverage-guided targets for the same entry points are in `fuzz/`. Here a fixed seed gives a fixed sequence,
//! so that a failure can be repeated: the input is written to the target folder and named.

use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// The longest that one input may take, in an unoptimised build.
const PATIENCE: Duration = Duration::from_secs(10);

/// A reader under attack: its name, which files make good seeds, and how it is called.
struct Reader {
    name: &'static str,
    seeds: fn(&str) -> bool,
    read: fn(&str),
}

const READERS: &[Reader] = &[
    Reader { name: "blueprint", seeds: |name| name.ends_with("estate.yaml"), read: entry::blueprint },
    Reader { name: "template", seeds: |name| name.ends_with(".md"), read: entry::template },
    Reader { name: "intrinsics", seeds: |name| name.ends_with(".md"), read: entry::intrinsics },
    Reader {
        name: "document",
        seeds: |name| name.ends_with(".md") || name.ends_with("estate.yaml"),
        read: entry::document,
    },
    Reader { name: "described", seeds: |name| name.ends_with("described.json"), read: entry::described },
    Reader { name: "policy", seeds: |name| name.ends_with(".jsonl"), read: entry::policy },
    Reader { name: "policy case", seeds: |name| name.ends_with(".jsonl"), read: entry::policy_case },
    Reader { name: "suricata", seeds: |name| name.ends_with(".rules"), read: entry::suricata },
    Reader { name: "firewall", seeds: |name| name.contains("data/packets/"), read: entry::firewall },
    Reader { name: "lock", seeds: |name| name.ends_with("estate.lock"), read: entry::lock },
];

/// The entry points, shared with the targets under `fuzz/` by being this thin.
mod entry {
    use diagnostics::{Diagnostics, SourceMap};

    pub fn blueprint(text: &str) {
        let mut sources = SourceMap::new();
        let mut diagnostics = Diagnostics::new();
        let files = blueprint::MemoryFiles::from([("estate.yaml".to_owned(), text.to_owned())]);
        let read = blueprint::load(&files, "estate.yaml", &mut sources, &mut diagnostics);
        assert!(read.is_some() || diagnostics.has_errors(), "refused without a reason");
        let style = diagnostics::render::text::Style::default();
        drop(diagnostics::render::text::all(&diagnostics, &sources, style));
    }

    pub fn template(text: &str) {
        let (estate, sources, diagnostics) = intake::from_texts(&[("template.yaml", text)]);
        assert!(!estate.stacks.is_empty() || !diagnostics.is_empty(), "refused without a reason");
        let style = diagnostics::render::text::Style::default();
        drop(diagnostics::render::text::all(&diagnostics, &sources, style));
    }

    pub fn described(text: &str) {
        let (estate, sources, diagnostics) = intake::describe::from_texts(&[("us-east-1/a.json", text)]);
        assert!(!estate.stacks.is_empty() || !diagnostics.is_empty(), "refused without a reason");
        let style = diagnostics::render::text::Style::default();
        drop(diagnostics::render::text::all(&diagnostics, &sources, style));
    }

    /// Any text as the value of a property, in a template with things to refer to.
    pub fn intrinsics(text: &str) {
        const TEMPLATE: &str = "Transform: AWS::LanguageExtensions
Parameters: {P: {Type: String}, L: {Type: CommaDelimitedList, Default: 'a,b'}}
Mappings: {M: {a: {b: c}}}
Conditions: {C: !Equals [!Ref P, x], D: !Not [!Condition C]}
Resources:
  A: {Type: AWS::S3::Bucket}
  B:
    Type: AWS::S3::Bucket
    Properties:
      BucketName:\n        ";
        template(&format!("{TEMPLATE}{}\n", text.replace('\n', "\n        ")));
    }

    /// Any text as YAML and as JSON: every place of the tree lies in the text.
    pub fn document(text: &str) {
        for name in ["a.yaml", "a.json"] {
            for syntax in [document::Syntax::blueprint(), document::Syntax::template()] {
                let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
                let Some(file) = sources.add(name, text).and_then(|id| sources.file(id).cloned()) else {
                    return;
                };
                let tree = document::parse(&file, syntax, &mut diagnostics);
                assert!(tree.is_some() || diagnostics.has_errors(), "refused without a reason");
                let whole = file.whole();
                let inside = tree.is_none_or(|tree| whole.lo <= tree.span.lo && tree.span.hi <= whole.hi);
                assert!(inside, "a place outside the text");
            }
        }
    }

    /// Any text as a policy: read, judged, printed and read again.
    pub fn policy(text: &str) {
        let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
        let Some(file) = sources.add("policy.json", text).and_then(|id| sources.file(id).cloned()) else {
            return;
        };
        iam::lint::file(&file, None, &mut diagnostics);
        drop(diagnostics::render::text::all(
            &diagnostics,
            &sources,
            diagnostics::render::text::Style::default(),
        ));
        let mut again = Diagnostics::new();
        if let Some(policy) = iam::parse::file(&file, &mut again) {
            let printed = iam::print::json(&policy).to_string();
            let name = sources.add("again.json", printed).and_then(|id| sources.file(id).cloned());
            let second = name.and_then(|file| iam::parse::file(&file, &mut again));
            assert!(second.is_some_and(|second| second.statements.len() == policy.statements.len()));
        }
    }

    /// Any text as a case: an answer, and never a verdict without a reason.
    pub fn policy_case(text: &str) {
        for (at, line) in text.lines().enumerate() {
            let Some(answer) = iam::batch::answer(line, "cases.jsonl", at + 1) else { continue };
            let silent = answer.decision.because.is_empty() && answer.errors.is_empty();
            assert!(!silent, "a verdict without a reason: {line}");
            drop(iam::show::answer(&answer, diagnostics::render::Style::default()));
        }
    }

    pub fn suricata(text: &str) {
        let (rules, mistakes) = reachability::suricata::read(text);
        // A line of nothing but `\\` goes on in the next and says nothing itself.
        let says = |line: &&str| line.contains(|c: char| !c.is_whitespace() && c != '\\');
        let written = text.lines().filter(says).filter(|line| !line.trim_start().starts_with('#'));
        assert!(
            !rules.is_empty() || !mistakes.is_empty() || written.count() == 0,
            "refused without a reason"
        );
    }

    /// Everything from a template to what its firewalls do with some packets.
    pub fn firewall(text: &str) {
        use reachability::inspection::{Connection, Phase};
        let (estate, _, _) = intake::from_texts(&[("template.yaml", text)]);
        let network = reachability::Network::of(&estate);
        for policy in network.firewalls.iter().filter_map(|firewall| firewall.policy.as_ref().ok()) {
            for (protocol, server_port) in [(6, 443), (17, 53), (1, 0)] {
                let [client, server] = [[10, 1, 0, 10], [10, 2, 0, 10]].map(std::net::IpAddr::from);
                let connection = Connection { client, server, protocol, client_port: 40_000, server_port };
                for phase in Phase::ALL {
                    let decision = policy.decide(&connection, phase);
                    assert!(
                        decision.pass.is_some() || decision.drop.is_some(),
                        "neither passes nor is dropped"
                    );
                }
            }
        }
    }

    pub fn lock(text: &str) {
        let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
        let Some(file) = sources.add("estate.lock", text).and_then(|id| sources.file(id).cloned()) else {
            return;
        };
        let read = design::Lock::parse(&file, &mut diagnostics);
        assert!(read.is_some() || diagnostics.has_errors(), "refused without a reason");
        // What was read can be written and read again.
        if let Some(lock) = read {
            let again = sources.add("again.lock", lock.render()).and_then(|id| sources.file(id).cloned());
            let again = again.and_then(|file| design::Lock::parse(&file, &mut diagnostics));
            assert!(
                again.is_some_and(|again| again.render() == lock.render()),
                "a lock that does not survive"
            );
        }
    }
}

/// xorshift64*: enough to choose mutations, and the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let mixed = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(mixed).unwrap_or(0) % bound.max(1)
    }
}

/// Runs until the time is over; the first panic or hang ends it.
pub fn run(root: &Path, options: &[String]) -> Result<(), String> {
    let number = |name, default| crate::option(options, name).map_or(Ok(default), str::parse::<u64>);
    let seconds = number("--seconds", 60).map_err(|error| format!("--seconds: {error}"))?;
    let seed = number("--seed", 1).map_err(|error| format!("--seed: {error}"))?;
    let each = Duration::from_secs(seconds) / u32::try_from(READERS.len()).unwrap_or(1);
    for reader in READERS {
        let seeds = seeds(root, reader)?;
        let count = attack(root, reader, &seeds, seed, each)?;
        println!("{}: {count} inputs from {} seeds, no panic, no hang", reader.name, seeds.len());
    }
    Ok(())
}

fn seeds(root: &Path, reader: &Reader) -> Result<Vec<String>, String> {
    let mut out = Vec::new();
    for folder in ["examples", "docs", "crates/intake/tests/it/seeds", "crates/iam/tests/data", "xtask/data"]
    {
        for file in crate::conformance::files(&root.join(folder))? {
            let name = file.to_string_lossy();
            let Ok(text) = std::fs::read_to_string(&file) else { continue };
            if !(reader.seeds)(&name) {
                continue;
            }
            if name.ends_with(".jsonl") {
                out.extend(text.lines().flat_map(cases));
                continue;
            }
            match name.ends_with(".md") {
                // The examples of the guarantees' pages are small templates.
                true => out.extend(text.split("```yaml").skip(1).filter_map(|rest| {
                    let (_, body) = rest.split_once('\n')?;
                    Some(body.split("```").next()?.to_owned())
                })),
                false => out.push(text),
            }
        }
    }
    out.push(String::new());
    Ok(out)
}

/// A case, and the policies in it.
fn cases(line: &str) -> Vec<String> {
    let mut out = vec![line.to_owned()];
    if let Ok(case) = serde_json::from_str::<serde_json::Value>(line) {
        out.extend(case.pointer("/identityPolicies/0/policy").map(ToString::to_string));
        out.extend(case.get("resourcePolicy").map(ToString::to_string));
    }
    out
}

fn attack(
    root: &Path,
    reader: &Reader,
    seeds: &[String],
    seed: u64,
    time: Duration,
) -> Result<usize, String> {
    let (inputs, to_worker) = mpsc::channel::<String>();
    let (done, from_worker) = mpsc::channel::<()>();
    let read = reader.read;
    std::thread::Builder::new()
        .stack_size(8 << 20)
        .spawn(move || {
            while let Ok(input) = to_worker.recv() {
                read(&input);
                if done.send(()).is_err() {
                    return;
                }
            }
        })
        .map_err(|error| error.to_string())?;
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let start = Instant::now();
    let mut count = 0;
    while start.elapsed() < time {
        let input = mutated(seeds, &mut random);
        inputs.send(input.clone()).map_err(|error| error.to_string())?;
        if let Err(why) = from_worker.recv_timeout(PATIENCE) {
            let file = crate::target(root).join(format!("fuzz-{}.txt", reader.name));
            std::fs::write(&file, &input).map_err(|error| error.to_string())?;
            let what = if why == mpsc::RecvTimeoutError::Timeout { "hangs" } else { "panics" };
            return Err(format!(
                "{} {what} on input {count} of seed {seed}, kept in {}",
                reader.name,
                file.display()
            ));
        }
        count += 1;
    }
    Ok(count)
}

/// What hostile or careless people put into files.
const SPICE: &[&str] = &[
    "&a [*a, *a]",
    "!Ref ",
    "!Sub '${",
    "!If [",
    "Fn::ForEach::X: [A, [1,2], {}]",
    "{{resolve:",
    "<<: ",
    "\u{202e}",
    "\u{0}",
    "99999999999999999999",
    "-1",
    "null",
    "'",
    "\"",
    "[[[[[[[[",
    "{{{{{{{{",
    "\t",
    "---\n",
    ": ",
    "- ",
    "10.0.0.0/33",
    "like: production",
    "!GetAtt A.B",
    "DependsOn: [A, A]",
    "é",
    "\r\n",
    "Condition: C",
    "%",
    "${aws:username}",
    "${",
    "*a*a*a*a*b",
    "\"NotAction\":",
    "\"ForAllValues:StringLikeIfExists\":",
    "{\"Statement\":[",
    "arn:aws:s3:::*",
];

fn mutated(seeds: &[String], random: &mut Random) -> String {
    let pick = |random: &mut Random| seeds.get(random.below(seeds.len())).map_or("", String::as_str);
    let mut text: Vec<char> = pick(random).chars().collect();
    for _ in 0..=random.below(6) {
        let (a, b) = (random.below(text.len() + 1), random.below(text.len() + 1));
        let (lo, hi) = (a.min(b), a.max(b).min(a.min(b) + 200));
        match random.below(7) {
            0 => text.truncate(lo),
            1 => drop(text.drain(lo..hi)),
            2 => {
                let piece: Vec<char> = text.get(lo..hi).unwrap_or_default().to_vec();
                drop(text.splice(lo..lo, piece));
            }
            3 => {
                let spice = SPICE.get(random.below(SPICE.len())).copied().unwrap_or("");
                drop(text.splice(lo..lo, spice.chars()));
            }
            4 => {
                let other: Vec<char> = pick(random).chars().collect();
                let from = random.below(other.len() + 1);
                drop(text.splice(lo..hi, other.into_iter().skip(from).take(300)));
            }
            5 => {
                if let Some(c) = text.get_mut(lo) {
                    *c = char::from_u32(u32::try_from(random.below(0x3000)).unwrap_or(0)).unwrap_or('?');
                }
            }
            _ => text.retain(|c| *c != '\n' || random.below(8) > 0),
        }
    }
    text.into_iter().collect()
}
