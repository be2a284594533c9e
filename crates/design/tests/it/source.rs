//! Blueprints for tests.

use std::path::PathBuf;

use blueprint::{Blueprint, MemoryFiles};
use design::{Design, Lock};
use diagnostics::{Diagnostics, SourceMap};

/// The examples of the repository.
pub const EXAMPLES: [&str; 5] = ["brokerage", "clinical-ai", "foundations", "hipaa-baseline", "studio"];

/// A small company with one of everything.
pub const SMALL: &str = "\
name: acme
domain: acme.example
frameworks: [hipaa]
contacts: { security: security@acme.example }
regions: { primary: us-east-1, recovery: us-west-2 }
network: { addresses: 10.20.0.0/14 }
organization:
  email: aws+{account}@acme.example
  units:
    security: { accounts: [audit, log-archive] }
    workloads:
      units:
        live: { accounts: [production] }
environments:
  production: { tier: production }
stores:
  records: { kind: postgresql, contains: phi }
  scans: { kind: bucket, contains: phi, retain: 6 years }
  sessions: { kind: table, contains: pii, key: user, sort: at, expires-by: until }
workloads:
  portal: { runs-on: fargate, reached-from: internet, uses: [records, sessions, renderer] }
  renderer: { runs-on: fargate, copies: 2, reads: [scans] }
tags: { owner: platform }
";

/// The path of an example.
pub fn example(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name).join("estate.yaml")
}

/// Reads a blueprint that has no mistakes.
pub fn read(text: &str) -> Blueprint {
    let files = MemoryFiles::new().with("estate.yaml", text);
    let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::new());
    let blueprint = blueprint::load(&files, "estate.yaml", &mut sources, &mut diagnostics);
    let said: Vec<_> = diagnostics.iter().map(|one| format!("{} {}", one.code, one.message)).collect();
    blueprint.unwrap_or_else(|| panic!("the blueprint has mistakes: {said:#?}"))
}

/// Compiles a blueprint that can be compiled.
pub fn compile(text: &str, lock: &Lock) -> Design {
    let (design, said) = try_compile(text, lock);
    design.unwrap_or_else(|| panic!("it does not compile: {said:#?}"))
}

/// Compiles a blueprint; what was said comes back with it.
pub fn try_compile(text: &str, lock: &Lock) -> (Option<Design>, Vec<String>) {
    let mut diagnostics = Diagnostics::new();
    let design = design::compile(&read(text), lock, &mut diagnostics);
    (design, diagnostics.iter().map(|one| format!("{} {}", one.code, one.message)).collect())
}
