//! Prints every encryption property of every type: what a reviewer of `data/stores.csv` reads.
#![allow(clippy::print_stdout, reason = "an example prints")]

fn main() {
    let catalog = catalog::Catalog::shared();
    for name in catalog.type_names() {
        let Some(schema) = catalog.resource_type(name) else { continue };
        for property in schema.encryption_properties() {
            println!("{name}\t{:?}\t{}", property.kind, property.path);
        }
    }
}
