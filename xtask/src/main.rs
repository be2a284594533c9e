//! The project's own tasks: `cargo xtask conformance`, `probes`, `bench`, `bench-iam`, `fuzz`, `moto`, `packets`.
//!
//! In: a task and its options. Out: a report on standard output, exit status 1 where something does not hold.
//! The rules of the house are not here but in `tests/tidy.rs`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a developer's tool talks to its terminal")]

mod bench;
mod bench_iam;
mod bench_network;
mod conformance;
mod fuzz;
mod moto;
mod packets;
mod probes;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Estates are made of many small parts, by two threads: the system's allocator takes a third longer.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "\
Tasks:
  cargo xtask conformance                   cfn-lint and checkov over everything the examples emit
  cargo xtask bench [--accounts 10,100,…]   time, memory and growth of each phase on estates of growing size
  cargo xtask bench-iam                     decisions a second by policies of growing size, on one core
  cargo xtask probes [FOLDER] [-v]          what recorded networks really did, held against what we say of them
  cargo xtask bench --network               the same of the network engine, 100 to 10,000 VPCs
  cargo xtask bench --apply [--accounts …]  apply, apply again and plan, into the local cloud
  cargo xtask bench --plan                  planning alone, without a change and with one
  cargo xtask fuzz [--seconds N] [--seed S] mutated input for every reader; a panic or a hang fails
  cargo xtask moto [--seeds N] [--kills N] [--example NAME]
                                            all examples deployed to an independent AWS, through faults and kills
  cargo xtask packets [--seed S] [--estates N] [FILE.yaml…]
                                            real packets through the kernel and Suricata, held against the simulator
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (task, options) = match arguments.split_first() {
        Some((task, options)) => (task.as_str(), options),
        None => ("", [].as_slice()),
    };
    let done = match task {
        "conformance" => conformance::run(&root()),
        "bench" if options.iter().any(|option| option == "--network") => bench_network::run(&root(), options),
        "bench" if options.iter().any(|option| option == "--plan") => bench::plans(),
        "bench" if options.iter().any(|option| option == "--apply") => bench::deployments(&root(), options),
        "bench" => bench::run(&root(), options),
        "bench-iam" => bench_iam::run(&root()),
        "moto" => moto::run(&root(), options),
        "probes" => probes::run(&root(), options),
        "fuzz" => fuzz::run(&root(), options),
        "packets" => packets::run(&root(), options),
        "packets-agent" => packets::agent::run(options),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// The repository's root.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Where build products go: `CARGO_TARGET_DIR`, or `target` in the repository.
fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}

/// The value after `--name`, where it was given.
fn option<'a>(options: &'a [String], name: &str) -> Option<&'a str> {
    let at = options.iter().position(|option| option == name)?;
    options.get(at + 1).map(String::as_str)
}
