//! The control mapping is whole: every row is read, names guarantees that exist, and no guarantee is for nothing.

use prove::controls::CONTROLS;
use prove::guarantees;

#[test]
fn every_row_names_guarantees_that_exist() {
    let rows = include_str!("../../data/controls.csv").lines().skip(1);
    assert_eq!(CONTROLS.len(), rows.filter(|row| !row.is_empty() && !row.starts_with('#')).count());
    for control in CONTROLS.iter() {
        assert!(["hipaa", "soc2", "cis", "nist-800-53"].contains(&control.framework), "{control:?}");
        assert!(!control.guarantees.is_empty(), "{control:?} is served by nothing");
        for id in &control.guarantees {
            assert!(guarantees::by_id(id).is_some(), "{control:?}: no guarantee `{id}`");
        }
    }
}

#[test]
fn every_guarantee_serves_a_control() {
    for guarantee in guarantees::ALL {
        let served = prove::controls::served_by(guarantee.id).next();
        assert!(served.is_some(), "{} serves no control", guarantee.id);
    }
}
