//! `estate.lock`: reading and writing it, and what it protects.

use std::collections::BTreeMap;

use design::{Lock, LockedNetwork};
use diagnostics::{Diagnostics, SourceMap};
use proptest::prelude::*;

use crate::source;

fn parse(text: &str) -> (Option<Lock>, Vec<String>) {
    let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::new());
    let id = sources.add("estate.lock", text).unwrap();
    let lock = Lock::parse(sources.file(id).unwrap(), &mut diagnostics);
    (lock, diagnostics.iter().map(|one| format!("{} {}", one.code, one.message)).collect())
}

fn round_trip(lock: &Lock) {
    let (read, said) = parse(&lock.render());
    assert_eq!(said, Vec::<String>::new());
    assert_eq!(read.as_ref(), Some(lock));
}

/// A company with these environments, each with an account of its own.
fn company(environments: &[(String, u8)]) -> String {
    let mut text = String::from(
        "name: acme\ndomain: acme.example\ncontacts: { security: a@acme.example }\n\
         regions: { primary: us-east-1, recovery: us-west-2 }\n\
         network: { addresses: 10.0.0.0/12, vpc-size: 18, reserved: [10.0.64.0/18, 10.1.0.0/16] }\n\
         organization:\n  email: aws+{account}@acme.example\n  units:\n    everything:\n      accounts: [audit, log-archive",
    );
    environments.iter().for_each(|(name, _)| text.extend([", ", name]));
    text.push_str("]\nenvironments:\n");
    for (name, zones) in environments {
        text.push_str(&format!("  {name}: {{ tier: development, zones: {zones} }}\n"));
    }
    text
}

fn of(lock: &Lock) -> BTreeMap<(String, String), LockedNetwork> {
    let key = |network: &LockedNetwork| (network.environment.to_string(), network.region.to_string());
    lock.networks.iter().map(|network| (key(network), network.clone())).collect()
}

#[test]
fn what_is_written_is_read_back() {
    round_trip(&Lock::default());
    round_trip(&source::compile(source::SMALL, &Lock::default()).lock);
    insta::assert_snapshot!(
        "lock_of_the_small_company",
        source::compile(source::SMALL, &Lock::default()).lock.render()
    );
}

#[test]
fn a_lock_that_steward_did_not_write_is_refused() {
    let check = |text: &str, expected: &str| {
        let (lock, said) = parse(text);
        assert!(lock.is_none(), "{text}");
        assert!(
            said.iter().any(|one| one.starts_with("DSN0001") && one.contains(expected)),
            "{text}: {said:?}"
        );
    };
    let network = |rest: &str| {
        format!("version: 1\naccounts: []\nnetworks:\n  - {{ environment: a, region: r, {rest} }}\n")
    };
    check("version: 2\naccounts: []\nnetworks: []\n", "version 2");
    check("accounts: []\nnetworks: []\n", "does not say its version");
    check("version: 1\naccounts: []\n", "`networks` is missing");
    check("version: 1\naccounts: []\nnetworks: []\nothers: []\n", "`others` is not a word");
    check("version: 1\naccounts: [{ name: a, id: A-b }]\nnetworks: []\n", "not an account");
    check("version: 1\naccounts: [{ name: a, id: A }, { name: a, id: B }]\nnetworks: []\n", "there twice");
    check(&network("addresses: 10.0.0.1/16, zones: []"), "not an address range");
    check(
        &network("addresses: 10.0.0.0/16, zones: []").replace("region: r", "region: \"r: {\""),
        "which is no name",
    );
    check(
        &network(
            "addresses: 10.0.0.0/16, zones: [{ zone: z, gateway: 10.1.0.0/24, application: 10.0.1.0/24, data: 10.0.2.0/24 }]",
        ),
        "not a part of 10.0.0.0/16",
    );
    check(
        &network(
            "addresses: 10.0.0.0/16, zones: [{ zone: z, gateway: 10.0.1.0/24, application: 10.0.1.0/24, data: 10.0.2.0/24 }]",
        ),
        "overlap",
    );
    let twice = "  - { environment: a, region: r, addresses: 10.0.0.0/16, zones: [] }\n";
    check(
        &format!(
            "version: 1\naccounts: []\nnetworks:\n{twice}{}",
            twice.replace("environment: a", "environment: b")
        ),
        "overlaps",
    );
}

#[test]
fn a_blueprint_that_contradicts_the_lock_is_refused() {
    let text = company(&[("one".into(), 2)]);
    let lock = source::compile(&text, &Lock::default()).lock;
    let check = |text: &str, expected: &str| {
        let (design, said) = source::try_compile(text, &lock);
        assert!(design.is_none());
        assert!(said.iter().any(|one| one.starts_with("DSN0002") && one.contains(expected)), "{said:?}");
    };
    check(
        &text
            .replace("10.0.0.0/12", "10.16.0.0/12")
            .replace("reserved: [10.0.64.0/18, 10.1.0.0/16]", "reserved: []"),
        "outside 10.16.0.0/12",
    );
    check(&text.replace("[10.0.64.0/18,", "[10.0.0.0/18,"), "now reserved");
    check(
        &text.replace("zones: 2 }", "zones: 2, addresses: 10.9.0.0/18 }"),
        "the blueprint now says 10.9.0.0/18",
    );
}

#[test]
fn a_removed_network_is_reused_only_when_nothing_else_is_free() {
    let small = |names: &[&str]| {
        let environments: Vec<_> = names.iter().map(|name| (name.to_string(), 2)).collect();
        let text = company(&environments).replace(", recovery: us-west-2", "");
        text.replace("10.0.0.0/12", "10.0.0.0/17").replace("[10.0.64.0/18, 10.1.0.0/16]", "[]")
    };
    let lock = source::compile(&small(&["one"]), &Lock::default()).lock;
    let lock = source::compile(&small(&["two"]), &lock).lock;
    let at = |lock: &Lock, name: &str| {
        of(lock).get(&(name.into(), "us-east-1".into())).map(|it| it.addresses.to_string())
    };
    assert_eq!(at(&lock, "one").as_deref(), Some("10.0.0.0/18"), "kept as a tombstone");
    assert_eq!(at(&lock, "two").as_deref(), Some("10.0.64.0/18"));
    let lock = source::compile(&small(&["two", "three"]), &lock).lock;
    assert_eq!(at(&lock, "three").as_deref(), Some("10.0.0.0/18"));
    assert_eq!(at(&lock, "one"), None);
    // A block that is larger than the plan's size now leaves less room than the blueprint can know.
    let large = small(&["two"]).replace("vpc-size: 18", "vpc-size: 17");
    let lock = source::compile(&large, &Lock::default()).lock;
    let (design, said) = source::try_compile(&small(&["two", "three"]), &lock);
    assert!(design.is_none());
    assert!(said.iter().any(|one| one.starts_with("DSN0003")), "{said:?}");
}

#[test]
fn an_account_that_comes_back_is_warned_of() {
    let one = company(&[("one".into(), 2)]);
    let both = company(&[("one".into(), 2), ("two".into(), 2)]);
    let lock = source::compile(&one, &source::compile(&both, &Lock::default()).lock).lock;
    let (design, said) = source::try_compile(&both, &lock);
    assert!(design.is_some());
    assert!(said.iter().any(|one| one.starts_with("DSN0007") && one.contains("`two`")), "{said:?}");
}

#[test]
fn a_region_without_enough_zones_is_said() {
    let text = company(&[("one".into(), 6)]);
    let (design, said) = source::try_compile(&text, &Lock::default());
    assert!(design.is_none());
    assert!(said.iter().any(|one| one.starts_with("DSN0004")), "{said:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever stands in the file: it is refused, or reading what would be written gives the same.
    #[test]
    fn any_text_is_refused_or_read(broken in "[ -~\n]{0,40}", at in 0_usize..600, cut in 0_usize..60) {
        let mut text = source::compile(&company(&[("one".into(), 2)]), &Lock::default()).lock.render();
        let at = at.min(text.len());
        text.replace_range(at..(at + cut).min(text.len()), &broken);
        if let (Some(lock), _) = parse(&text) {
            round_trip(&lock);
        }
    }

    /// Whoever comes, goes or grows: everybody who stays keeps addresses, zones and subnets, and nobody overlaps.
    #[test]
    fn whoever_stays_keeps_what_was_handed_out(steps in prop::collection::vec((0_u8..12, 0_u8..3), 1..14)) {
        let mut now: BTreeMap<String, u8> = BTreeMap::from([("first".into(), 2)]);
        let mut lock = source::compile(&company(&now.clone().into_iter().collect::<Vec<_>>()), &Lock::default()).lock;
        for (who, what) in steps {
            let name = format!("env{who}");
            match what {
                0 => { now.remove(&name); }
                zones => { now.insert(name, zones + 1); }
            }
            let text = company(&now.clone().into_iter().collect::<Vec<_>>());
            let next = source::compile(&text, &lock).lock;
            round_trip(&next);
            let (before, after) = (of(&lock), of(&next));
            for (key, old) in &before {
                let new = after.get(key).expect("nothing is forgotten");
                prop_assert_eq!(old.addresses, new.addresses);
                prop_assert_eq!(&old.zones[..], &new.zones[..old.zones.len()]);
                prop_assert_eq!(new.removed, !now.contains_key(&key.0));
            }
            let all: Vec<_> = after.values().map(|network| network.addresses).collect();
            for (at, one) in all.iter().enumerate() {
                prop_assert!(all[at + 1..].iter().all(|other| !one.overlaps(*other)));
            }
            prop_assert_eq!(source::compile(&text, &next).lock, next.clone(), "compiling again changes nothing");
            lock = next;
        }
    }
}
