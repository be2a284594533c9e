//! Resource schemas.

use catalog::{Catalog, EncryptionKind, PropertyPath, RefMeaning, Types};

/// Every type decodes, every `$ref` is followed, every pattern has an engine.
#[test]
fn every_type_and_every_pattern_compiles() {
    let catalog = Catalog::shared();
    let (mut types, mut patterns, mut refused) = (0, 0, Vec::new());
    for name in catalog.type_names() {
        let schema = catalog.resource_type(name).unwrap();
        types += 1;
        for (_, node) in schema.nodes() {
            let own = node.string.iter().filter_map(|string| string.pattern.as_ref());
            let names =
                node.object.iter().flat_map(|object| object.patterns.iter().map(|(pattern, _)| pattern));
            for pattern in own.chain(names) {
                patterns += 1;
                if let Some(reason) = pattern.refusal() {
                    refused.push(format!("{name}: {} ({reason})", pattern.source()));
                }
            }
        }
    }
    println!("{types} types, {patterns} patterns");
    assert_eq!(refused, Vec::<String>::new());
    assert_eq!(types, 1898);
}

/// Prints what `cargo test -p catalog -- --ignored --nocapture timing` measures.
#[test]
#[ignore = "a measurement, not a check"]
fn timing() {
    let start = std::time::Instant::now();
    let catalog = Catalog::shared();
    println!("open: {:?}", start.elapsed());
    let names: Vec<_> = catalog.type_names().step_by(63).collect();
    let start = std::time::Instant::now();
    for name in &names {
        catalog.resource_type(name).unwrap();
    }
    println!("{} types: {:?}", names.len(), start.elapsed());
    let start = std::time::Instant::now();
    for name in
        ["AWS::S3::Bucket", "AWS::EC2::Instance", "AWS::RDS::DBInstance", "AWS::QuickSight::Dashboard"]
    {
        let one = std::time::Instant::now();
        let schema = catalog.resource_type(name).unwrap();
        println!("{name}: {:?}, {} nodes", one.elapsed(), schema.nodes().count());
    }
    println!("four big types: {:?}", start.elapsed());
    let start = std::time::Instant::now();
    for _ in 0..150_000 {
        std::hint::black_box(catalog.resource_type(std::hint::black_box("AWS::S3::Bucket")));
    }
    println!("150,000 look-ups of a decoded type: {:?}", start.elapsed());
    let start = std::time::Instant::now();
    let nodes: usize =
        catalog.type_names().map(|name| catalog.resource_type(name).unwrap().nodes().count()).sum();
    println!("all types: {:?}, {nodes} nodes", start.elapsed());
}
