//! A thousand accounts: how much, and the same however it is computed.

use std::time::Instant;

use design::Lock;

use crate::dump::template;
use crate::source;

#[test]
fn a_synthetic_company_compiles_and_has_about_150_resources_an_account() {
    let accounts = std::env::var("DESIGN_ACCOUNTS").ok().and_then(|text| text.parse().ok()).unwrap_or(20);
    let blueprint = source::read(&design::synthetic(accounts, false));
    let mut diagnostics = diagnostics::Diagnostics::new();
    let begun = Instant::now();
    let design = design::compile(&blueprint, &Lock::default(), &mut diagnostics).expect("it compiles");
    let took = begun.elapsed();
    let each = design.estate.resource_count() / accounts;
    println!("{accounts} accounts: {} resources in {took:?}", design.estate.resource_count());
    assert!((130..=220).contains(&each), "{each} resources an account");
    let begun = Instant::now();
    design::compile(&blueprint, &design.lock, &mut diagnostics).expect("it compiles again");
    println!("again with its lock: {:?}", begun.elapsed());
}

#[test]
fn the_number_of_processors_does_not_show() {
    let text = design::synthetic(12, false);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let design = pool.install(|| source::compile(&text, &Lock::default()));
        let stacks: Vec<_> =
            design.estate.stacks().map(|(id, stack)| template(&design.estate, id, stack)).collect();
        (serde_json::to_string(&stacks).unwrap(), design.lock.render())
    };
    assert_eq!(with(1), with(8));
}
