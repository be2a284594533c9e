//! What really happened when hosts of real AWS networks probed each other, held against the simulator.
//!
//! `reached` and `refused` mean that packets pass both ways: an answer "unreachable" there is unsound. `lost` means that
//! none came back: or that nothing listens, which a TCP probe of a port that nobody was ever seen to answer cannot tell.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use diagnostics::{Diagnostics, SourceMap};
use reachability::Network;
use reachability::simulate::{ICMP, TCP, Verdict};
use reachability::trace::{Question, Tracer};

fn corpus() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora/aws-probes");
    root.is_dir().then_some(root)
}

#[test]
fn recorded_probes() {
    let Some(root) = corpus() else {
        eprintln!("skipped: the corpus of recorded probes is not here");
        return;
    };
    let mut labs: Vec<PathBuf> =
        std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    labs.sort();
    let mut report = String::new();
    let mut unsound = 0;
    for lab in labs.iter().filter(|lab| lab.is_dir()) {
        let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
        let estate = intake::describe::read(&lab.join("config"), &mut sources, &mut diagnostics);
        let network = Network::of(&estate);
        let tracer = Tracer::new(&network);
        let rows = std::fs::read_to_string(lab.join("probes.csv")).unwrap();
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let start = std::time::Instant::now();
        for row in rows.lines().skip(1) {
            let fields: Vec<&str> = row.split(',').collect();
            let [source, destination, protocol, port, result] = fields[..] else { panic!("{row}") };
            let question = Question {
                from: tracer.end(source).unwrap(),
                to: tracer.end(destination).unwrap(),
                protocol: if protocol == "icmp" { ICMP } else { TCP },
                port: port.parse().unwrap_or(0),
            };
            let trace = tracer.trace(question);
            let kind = match (trace.verdict, result) {
                (Verdict::Unknown, _) => "unknown",
                (Verdict::Unreachable, "lost") | (Verdict::Reachable, "reached" | "refused") => "agree",
                (Verdict::Unreachable, _) => "UNSOUND",
                (Verdict::Reachable, _) => "missed",
            };
            *counts.entry(kind).or_default() += 1;
            if kind != "agree" {
                let _ = writeln!(report, "{kind} {row}: {}", trace.reason);
            }
        }
        unsound += counts.get("UNSOUND").copied().unwrap_or(0);
        let name = lab.file_name().unwrap().to_string_lossy();
        let _ = writeln!(report, "== {name} {counts:?} {:?}", start.elapsed());
    }
    eprintln!("{report}");
    assert_eq!(unsound, 0, "{report}");
}
