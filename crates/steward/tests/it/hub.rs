//! The hub of the example estates, for all packets: what it promises is asked of the network engine.

use std::fmt::Write as _;

use blueprint::MemoryFiles;
use diagnostics::{Diagnostics, SourceMap};
use estate::Estate;
use reachability::Network;
use reachability::engine::atoms::Owner;
use reachability::query::{By, Ends, Reach, Verdict, say};

/// The estate of an example, as its blueprint and lock say.
fn example(name: &str) -> Estate {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name);
    let text = std::fs::read_to_string(folder.join("estate.yaml")).unwrap();
    let files = MemoryFiles::new().with("estate.yaml", text);
    let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::new());
    let blueprint = blueprint::load(&files, "estate.yaml", &mut sources, &mut diagnostics).expect("it loads");
    design::compile(&blueprint, &design::Lock::default(), &mut diagnostics).expect("it compiles").estate
}

/// Who reaches whom, one line for each pair that may: `internet → production: TCP 443`.
fn pairs(reach: &mut Reach<'_>) -> String {
    let matrix = reach.matrix(By::Environment, &[], &[]);
    let mut out = String::new();
    for (from, row) in matrix.from.iter().zip(&matrix.cells) {
        for (to, cell) in matrix.to.iter().zip(row) {
            if from.name == to.name || cell.verdict == Verdict::Unreachable {
                continue;
            }
            let depends = if cell.depends_on.is_empty() {
                String::new()
            } else {
                format!(" ({})", cell.depends_on.join("; "))
            };
            let _ = writeln!(
                out,
                "{} → {}: {:?} {}{depends}",
                from.name,
                to.name,
                cell.verdict,
                say(&cell.services)
            );
        }
    }
    out
}

fn everybody(reach: &Reach<'_>) -> Ends {
    reach.ends(|owner| matches!(owner, Owner::Interfaces(_)))
}

#[test]
fn every_packet_between_the_internet_and_any_account_crosses_the_firewall() {
    for name in ["clinical-ai", "brokerage"] {
        let estate = example(name);
        let network = Network::of(&estate);
        let mut reach = Reach::of(&network);
        let all = everybody(&reach);
        assert!(!reach.exhausted() && all.owners().count() > 10, "{name}");
        let around = reach.around_firewalls(&all);
        let said: Vec<String> = around
            .iter()
            .map(|one| {
                format!(
                    "{:?} {} → {} {:?}",
                    one.around,
                    reach.label(one.packet.from),
                    reach.label(one.packet.to),
                    one.packet
                )
            })
            .collect();
        assert!(said.is_empty(), "{name}: {said:#?}");
    }
}

#[test]
fn only_approved_flows_exist() {
    for name in ["clinical-ai", "brokerage"] {
        let estate = example(name);
        let network = Network::of(&estate);
        let mut reach = Reach::of(&network);
        insta::with_settings!({ prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(format!("hub_pairs_{name}"), pairs(&mut reach));
        });
    }
}
