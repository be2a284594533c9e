//! Stacks above a quota: what is split how, and what is refused.

use std::collections::BTreeMap;

use catalog::Catalog;
use diagnostics::{Diagnostics, Span};
use emit::cloudformation::{Options, Quotas, emit};
use estate::{Estate, Resource, SmolStr, Stack, StackId, value};

use crate::estates::{account, emitted, origin, reference};

const OWN: StackId = StackId(0);

/// A stack of topics; each names those it refers to, and whether it is to be kept.
fn estate(topics: &[(&str, &[&str], bool)]) -> Estate {
    let mut estate = Estate::default();
    let owner = estate.add_account(account("prod"));
    let mut stack = Stack::new("app", owner, Some("eu-west-1".into()), Span::NONE);
    for (id, refers, kept) in topics {
        let refers: Vec<_> = refers.iter().map(|id| reference(OWN, id)).collect();
        let resource = Resource::new("AWS::SNS::Topic", value!({ "Refers": refers }), origin());
        stack.resources.insert((*id).into(), if *kept { resource.retained() } else { resource });
    }
    estate.add_stack(stack);
    estate
}

fn options(resources: usize, placed: &[(&str, u32)]) -> Options {
    let quotas = Quotas { resources, ..Quotas::default() };
    let placed: BTreeMap<SmolStr, u32> = placed.iter().map(|(id, part)| ((*id).into(), *part)).collect();
    let placement = if placed.is_empty() {
        BTreeMap::new()
    } else {
        BTreeMap::from([("prod/eu-west-1/app".to_owned(), placed)])
    };
    Options { quotas, placement, ..Options::default() }
}

/// Checks the part of every resource.
#[track_caller]
fn check(estate: &Estate, options: &Options, expected: &[(&str, u32)]) {
    let emission = emitted(estate, options);
    let placed = &emission.manifest.placement["prod/eu-west-1/app"];
    let found: Vec<(&str, u32)> = placed.iter().map(|(id, part)| (id.as_str(), *part)).collect();
    assert_eq!(found, expected);
}

#[track_caller]
fn check_refused(estate: &Estate, options: &Options, expected: &str) {
    let mut diagnostics = Diagnostics::new();
    assert!(emit(estate, Catalog::shared(), options, &mut diagnostics).is_none());
    let found: Vec<_> =
        diagnostics.iter().map(|found| format!("{}: {}", found.code, found.message)).collect();
    assert_eq!(found, [expected]);
}

#[test]
fn what_keeps_data_and_what_it_needs_come_first() {
    let topics: &[(&str, &[&str], bool)] = &[
        ("A", &[], false),
        ("B", &[], false),
        ("Data", &["Key"], true),
        ("Key", &[], false),
        ("Z", &["Data"], false),
    ];
    check(&estate(topics), &options(3, &[]), &[("A", 1), ("B", 2), ("Data", 1), ("Key", 1), ("Z", 2)]);
}

#[test]
fn a_circle_stays_together_and_one_too_large_is_refused() {
    let topics: &[(&str, &[&str], bool)] = &[("A", &[], false), ("B", &["C"], false), ("C", &["B"], false)];
    check(&estate(topics), &options(2, &[]), &[("A", 1), ("B", 2), ("C", 2)]);
    let topics: &[(&str, &[&str], bool)] =
        &[("A", &["C"], false), ("B", &["A"], false), ("C", &["B"], false)];
    check_refused(
        &estate(topics),
        &options(2, &[]),
        "EMT0006: 3 resources of stack `app`, `A` among them, need each other in a circle and together exceed a quota of CloudFormation",
    );
}

#[test]
fn what_was_placed_stays_and_what_it_newly_needs_joins_it() {
    let topics: &[(&str, &[&str], bool)] =
        &[("New", &[], false), ("A", &["New"], false), ("B", &[], false), ("C", &["A"], false)];
    let placed = [("A", 1), ("B", 2), ("C", 2)];
    check(&estate(topics), &options(3, &placed), &[("A", 1), ("B", 2), ("C", 2), ("New", 1)]);
}

#[test]
fn a_new_dependency_moves_what_may_move_and_never_what_keeps_data() {
    let placed = [("A", 1), ("B", 2)];
    let moving: &[(&str, &[&str], bool)] = &[("A", &["B"], false), ("B", &[], false)];
    check(&estate(moving), &options(3, &placed), &[("A", 2), ("B", 2)]);
    let kept: &[(&str, &[&str], bool)] = &[("A", &["B"], true), ("B", &[], false)];
    check_refused(
        &estate(kept),
        &options(3, &placed),
        "EMT0008: `A` keeps data in part 1 of stack `app`, but now needs something that is in part 2",
    );
}

/// An organization in small: accounts that are kept, dealt out to units in turn, each named by a stack of its own.
fn organization(units: usize, accounts: usize) -> Estate {
    let mut estate = Estate::default();
    let owner = estate.add_account(account("prod"));
    let place = || Some("eu-west-1".into());
    let mut stack = Stack::new("app", owner, place(), Span::NONE);
    let topic = |refers: Vec<estate::Value>| {
        Resource::new("AWS::SNS::Topic", value!({ "Refers": refers }), origin()).retained()
    };
    for unit in 0..units {
        stack.resources.insert(format!("Unit{unit}").into(), topic(Vec::new()));
    }
    for number in 0..accounts {
        let unit = reference(OWN, &format!("Unit{}", number % units));
        stack.resources.insert(format!("Account{number}").into(), topic(vec![unit]));
    }
    estate.add_stack(stack);
    for number in 0..accounts {
        let mut uses = Stack::new(format!("uses-{number}"), owner, place(), Span::NONE);
        let used = reference(OWN, &format!("Account{number}"));
        uses.resources.insert("Use".into(), topic(vec![used]));
        estate.add_stack(uses);
    }
    estate
}

#[test]
fn units_and_accounts_of_every_number_fit_and_stay_where_they_are_as_they_grow() {
    let quotas = Quotas { resources: 50, outputs: 20, ..Quotas::default() };
    for units in [1, 5, 12, 30] {
        let mut placement = BTreeMap::new();
        for accounts in (units..60).chain([100, 200, 400]) {
            let options = Options { quotas, placement, ..Options::default() };
            let manifest = emitted(&organization(units, accounts), &options).manifest;
            for stack in &manifest.stacks {
                let (outputs, resources) = (stack.outputs.len(), stack.resources);
                assert!(outputs <= 20 && resources <= 50, "{}: {outputs}, {resources}", stack.key);
            }
            for (id, part) in options.placement.values().flatten() {
                let now = manifest.placement["prod/eu-west-1/app"][id];
                assert_eq!(now, *part, "{id} at {accounts} accounts in {units} units");
            }
            placement = manifest.placement;
        }
    }
}
