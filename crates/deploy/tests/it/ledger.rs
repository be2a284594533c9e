//! One at a time, and records that show when somebody tampered with them.

use std::collections::BTreeMap;

use deploy::Cloud;
use deploy::ledger::{self, Holder, NotHeld, Record};

use crate::scene::Scene;

fn holder(process: u32) -> Holder {
    Holder { who: "ana".to_owned(), host: "here".to_owned(), process, does: "apply".to_owned(), since: 1000 }
}

#[test]
fn a_lock_is_held_by_one_and_broken_only_by_name() {
    let scene = Scene::new();
    let cloud = scene.cloud();
    let held = ledger::lock(&cloud, "small", &holder(1), |_| false, None).unwrap();
    let other = ledger::lock(&cloud, "small", &holder(2), |_| false, None);
    let Err(NotHeld::Busy(who)) = other else { panic!("{other:?}") };
    assert_eq!((who.name().as_str(), who.since), ("here:1", 1000));
    assert!(ledger::lock(&cloud, "small", &holder(2), |_| false, Some("here:3")).is_err());
    assert!(ledger::lock(&cloud, "other", &holder(2), |_| false, None).is_ok());
    let second = ledger::lock(&cloud, "small", &holder(2), |_| false, Some("here:1")).unwrap();
    // Who lost the lock does not give back another's.
    assert!(held.release(&cloud).is_err());
    second.release(&cloud).unwrap();
    assert!(ledger::lock(&cloud, "small", &holder(3), |_| false, None).is_ok());
    // A holder that certainly is no more does not count.
    assert!(ledger::lock(&cloud, "small", &holder(4), |other| other.process == 3, None).is_ok());
}

fn record(who: &str) -> Record {
    Record {
        number: 0,
        previous: String::new(),
        does: "apply".to_owned(),
        who: who.to_owned(),
        host: "here".to_owned(),
        at: 1,
        commit: None,
        estate_hash: "hash".to_owned(),
        verdicts: BTreeMap::new(),
        changes: Vec::new(),
        failed: BTreeMap::new(),
        waiting: Vec::new(),
    }
}

#[test]
fn records_follow_each_other_and_tampering_shows() {
    let scene = Scene::new();
    let cloud = scene.cloud();
    for who in ["ana", "ben", "cleo"] {
        ledger::record(&cloud, "small", record(who)).unwrap();
    }
    let history = ledger::history(&cloud, "small").unwrap();
    let who: Vec<&str> = history.records.iter().map(|record| record.who.as_str()).collect();
    assert_eq!((who.as_slice(), history.broken.len()), (["ana", "ben", "cleo"].as_slice(), 0));
    let tamper = |number: u32, change: &dyn Fn(&str) -> Option<String>| {
        let key = format!("record/small/{number:08}");
        let entry = cloud.read(&key).unwrap().unwrap();
        match change(&entry.text) {
            Some(text) => drop(cloud.write(&key, &text, Some(&entry.version)).unwrap()),
            None => cloud.remove(&key, &entry.version).unwrap(),
        }
        let broken = ledger::history(&cloud, "small").unwrap().broken;
        let version = cloud.read(&key).unwrap().map(|entry| entry.version);
        cloud.write(&key, &entry.text, version.as_deref()).unwrap();
        assert!(ledger::history(&cloud, "small").unwrap().broken.is_empty());
        broken
    };
    let renamed = |text: &str| Some(text.replace("ben", "eve"));
    assert_eq!(tamper(2, &renamed), ["record 3 does not follow the one before it"]);
    assert_eq!(tamper(3, &|text| Some(text.replace("cleo", "eve"))), ["record 3 is not what was written"]);
    let gone = tamper(1, &|_| None);
    assert_eq!(gone, ["record 1 is gone", "record 2 does not follow the one before it"]);
}
