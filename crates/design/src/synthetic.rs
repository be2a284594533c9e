//! Blueprints as large as one likes, for benchmarks.
//!
//! In: a number of accounts, and whether they have a hub. Out: the text of a blueprint with as many environments, each in an account of its own
//! and with about 150 resources. Always: the same number gives the same text, and the text has no mistakes.

use std::fmt::Write as _;

/// The text of a blueprint of `accounts` accounts, not counting those of the organization itself; with a hub that all
/// their traffic passes, or each with a door of its own.
#[must_use]
pub fn blueprint(accounts: usize, hub: bool) -> String {
    let mut out = String::with_capacity(2048 + accounts * 160);
    out.push_str(HEAD);
    if hub {
        out.push_str("    networking:\n      accounts: [network]\n");
    }
    for unit in 0..accounts.div_ceil(UNIT) {
        let _ = writeln!(out, "    unit-{unit}:\n      accounts:");
        for account in unit * UNIT..accounts.min((unit + 1) * UNIT) {
            let _ = writeln!(out, "        - env{account}");
        }
    }
    out.push_str("environments:\n");
    for account in 0..accounts {
        let _ = writeln!(
            out,
            "  env{account}:\n    tier: {}",
            if account % 4 == 0 { "production" } else { "staging" }
        );
    }
    out.push_str(TAIL);
    let size = if hub { "  vpc-size: 21\n  hub: { account: network }\n" } else { "  vpc-size: 22\n" };
    out.push_str(&format!("network:\n  addresses: 10.0.0.0/8\n{size}"));
    out
}

/// How many accounts a unit has.
const UNIT: usize = 100;

const HEAD: &str = "\
name: synthetic
title: A synthetic company
domain: synthetic.example
frameworks: [hipaa, soc2]
contacts:
  security: security@synthetic.example
regions:
  primary: us-east-1
organization:
  email: aws+{account}@synthetic.example
  units:
    security:
      accounts: [audit, log-archive, vault]
";

const TAIL: &str = "\
stores:
  records:
    kind: postgresql
    contains: phi
  files:
    kind: bucket
    contains: phi
  sessions:
    kind: table
    contains: pii
    key: user
workloads:
  portal:
    runs-on: fargate
    reached-from: internet
    uses: [records, sessions, worker]
  worker:
    runs-on: fargate
    uses: [records, files]
backup:
  isolated-account: vault
tags:
  owner: platform
";
