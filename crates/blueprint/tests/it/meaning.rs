//! What a blueprint means: defaults, likeness, overlays, handles.

use blueprint::{
    Blueprint, Copies, DataClass, Environment, Exposure, Postgresql, StoreKind, Target, WorkloadId,
    tier_defaults,
};

use crate::support::{BASE, and, load_text, with};

fn meant(text: &str) -> Blueprint {
    load_text(text).clean()
}

fn environment<'b>(blueprint: &'b Blueprint, name: &str) -> &'b Environment {
    blueprint
        .environments
        .iter()
        .find(|environment| environment.name.as_str() == name)
        .expect("the environment")
}

fn records(environment: &Environment) -> &Postgresql {
    let store = environment.stores.iter().find(|store| store.name.as_str() == "records").expect("the store");
    match &store.kind {
        StoreKind::Postgresql(database) => database,
        other => panic!("{other:?}"),
    }
}

#[test]
fn tiers_decide_what_is_not_said() {
    let blueprint = meant(BASE);
    let (production, staging) = (environment(&blueprint, "production"), environment(&blueprint, "staging"));
    assert_eq!((production.zones.value, staging.zones.value), (3, 2));
    assert_eq!((records(production).standby.value, records(staging).standby.value), (true, false));
    assert_eq!((records(production).backup_days.value, records(staging).backup_days.value), (35, 14));
    assert_eq!(production.workloads[0].copies.value, Copies { least: 3, most: 12 });
    assert_eq!((production.stores[0].real_data, staging.stores[0].real_data), (true, false));
    assert_eq!(blueprint.logs.retain.in_years(), Some(6));
    assert_eq!(blueprint.title.as_str(), "acme");
    assert_eq!(blueprint.contacts.operations.as_str(), "security@acme.example");
}

#[test]
fn a_default_has_the_place_of_what_decided_it() {
    let loaded = load_text(BASE);
    let blueprint = loaded.blueprint.as_ref().expect("a blueprint");
    let zones = environment(blueprint, "staging").zones.span;
    assert_eq!(loaded.sources.snippet(zones), "staging");
    let retain = blueprint.logs.retain.span;
    assert_eq!(loaded.sources.snippet(retain), "hipaa");
}

#[test]
fn likeness_takes_settings_but_not_place_name_and_real_data() {
    let text = BASE
        .replace("{ tier: production }", "{ tier: production, zones: 4, domain: acme.example, addresses: 10.7.0.0/16, tags: { a: x, b: x } }")
        .replace("tier: staging }", "tier: staging, tags: { b: y } }");
    let blueprint = meant(&text);
    let staging = environment(&blueprint, "staging");
    assert_eq!(staging.zones.value, 4);
    assert_eq!(staging.domain.as_ref().map(|domain| domain.as_str()), Some("staging.acme.example"));
    assert!(staging.addresses.is_none());
    assert_eq!(blueprint.account(staging.account).map(|account| account.name.as_str()), Some("staging"));
    let tags: Vec<_> = staging.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(tags, ["a=x", "b=y"]);
}

#[test]
fn overlays_change_settings_field_by_field_and_are_inherited() {
    let text = with(
        "  staging: { like: production, tier: staging }",
        "  staging: { like: production, tier: staging, overrides: { records: { storage: 50 GiB, size: large } } }\n  \
           development: { like: staging, tier: development, overrides: { records: { size: ~ } } }",
    );
    let blueprint = meant(&text);
    let sizes = ["production", "staging", "development"].map(|name| {
        let database = records(environment(&blueprint, name));
        (database.size.word(), database.storage.gib)
    });
    assert_eq!(sizes, [("medium", 100), ("large", 50), ("small", 50)]);
}

#[test]
fn things_exist_where_they_are_asked_for() {
    let text = with(
        "stores:",
        "  play: { tier: sandbox }\n  development: { tier: development, without: [portal] }\nstores:\n  toys: { kind: bucket, environments: play }",
    );
    let blueprint = meant(&text);
    let things = |name: &str| {
        let environment = environment(&blueprint, name);
        let stores = environment.stores.iter().map(|store| store.name.as_str());
        stores
            .chain(environment.workloads.iter().map(|workload| workload.name.as_str()))
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(["production", "development", "play"].map(things), ["records portal", "records", "toys"]);
}

#[test]
fn uses_become_handles_and_callers() {
    let blueprint = meant(
        &and("  api: { runs-on: fargate, reads: [records], writes: [records], host: '@' }\n")
            .replace("uses: [records] }", "uses: [api] }"),
    );
    let production = environment(&blueprint, "production");
    let [portal, api] = production.workloads.as_slice() else { panic!("two workloads") };
    assert_eq!(
        portal.uses.iter().map(|one| one.target).collect::<Vec<_>>(),
        [Target::Workload(WorkloadId(1))]
    );
    assert_eq!(api.called_by, [WorkloadId(0)]);
    assert_eq!((portal.exposure, api.exposure), (Exposure::Internet, Exposure::Callers));
    let [database] = api.uses.as_slice() else { panic!("one use: {:?}", api.uses) };
    assert!(database.reads && database.writes);
    assert_eq!(portal.host.as_ref().map(|host| host.as_str()), Some("portal.production.acme.example"));
    assert_eq!(api.host.as_ref().map(|host| host.as_str()), Some("production.acme.example"));
    assert!(production.is_on_the_internet());
}

#[test]
fn units_nest_and_accounts_know_theirs() {
    let blueprint = meant(&with(
        "    work: {",
        "    outer: { units: { inner: { accounts: { deep: { title: Deep } } } } }\n    work: {",
    ));
    let paths: Vec<_> = blueprint.organization.units.iter().map(|unit| unit.path.as_str()).collect();
    assert_eq!(paths, ["security", "outer", "outer/inner", "work"]);
    let deep =
        blueprint.organization.accounts.iter().find(|account| account.title == "Deep").expect("the account");
    assert_eq!(deep.unit.and_then(|unit| blueprint.unit(unit)).map(|unit| unit.name.as_str()), Some("inner"));
    assert_eq!(deep.email.as_str(), "aws+deep@acme.example");
    let management = &blueprint.organization.accounts[blueprint.organization.management.0];
    assert_eq!((management.name.as_str(), management.unit), ("management", None));
}

#[test]
fn accepted_choices_keep_their_reasons() {
    let blueprint =
        meant(&with("contains: phi", "contains: phi, standby: no, because: It can be computed again."));
    let [accepted] = blueprint.accepted.as_slice() else { panic!("{:?}", blueprint.accepted) };
    assert_eq!(accepted.because.value, "It can be computed again.");
}

#[test]
fn real_data_outside_production_is_protected_as_in_production() {
    let blueprint =
        meant(&with("tier: staging }", "tier: staging, contains: phi, because: A migration is rehearsed. }"));
    let staging = environment(&blueprint, "staging");
    assert!(staging.stores[0].real_data);
    assert_eq!(staging.stores[0].data_class(), DataClass::Phi);
    assert_eq!(records(staging).backup_days.value, 35);
    assert!(records(staging).deletion_protection.value);
}

#[test]
fn every_tier_has_values_that_aws_accepts() {
    use blueprint::Tier;
    for tier in [Tier::Production, Tier::Staging, Tier::Development, Tier::Sandbox] {
        let defaults = tier_defaults(tier);
        assert!((2..=3).contains(&defaults.zones));
        assert!((1..=35).contains(&defaults.backup_days));
        // Source: Amazon CloudWatch Logs API Reference, PutRetentionPolicy.
        assert!([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365].contains(&defaults.log_days));
        assert!(defaults.copies.least <= defaults.copies.most);
    }
}
