//! Any bytes as a blueprint: a blueprint or an error, within bounds.
#![no_main]

use diagnostics::{Diagnostics, SourceMap};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let files = blueprint::MemoryFiles::from([("estate.yaml".to_owned(), text.to_owned())]);
    let read = blueprint::load(&files, "estate.yaml", &mut sources, &mut diagnostics);
    assert!(read.is_some() || diagnostics.has_errors());
});
