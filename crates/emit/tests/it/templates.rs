//! The files of a small estate, as a person reads them.

use emit::cloudformation::{Format, Options};

use crate::estates::{emitted, small};

fn text(format: Format, path: &str) -> String {
    let emission = emitted(&small(), &Options { format, ..Options::default() });
    String::from_utf8(emission.bundle.get(path).expect("the file").to_vec()).unwrap()
}

#[test]
fn print() {
    for format in [Format::Json, Format::Yaml] {
        let emission = emitted(&small(), &Options { format, ..Options::default() });
        for (path, bytes) in emission.bundle.iter() {
            println!("=== {path}\n{}", std::str::from_utf8(bytes).unwrap());
        }
    }
    let _ = text;
}
