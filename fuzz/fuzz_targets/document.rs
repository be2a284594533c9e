//! Any text as YAML and as JSON: a tree or an error, within bounds, and every place lies in the text.
#![no_main]

use diagnostics::{Diagnostics, SourceMap};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for name in ["a.yaml", "a.json"] {
        for syntax in [document::Syntax::blueprint(), document::Syntax::template()] {
            let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
            let Some(file) = sources.add(name, text).and_then(|id| sources.file(id).cloned()) else { return };
            let tree = document::parse(&file, syntax, &mut diagnostics);
            assert!(tree.is_some() || diagnostics.has_errors());
            assert!(tree.is_none_or(|tree| file.whole().lo <= tree.span.lo && tree.span.hi <= file.whole().hi));
        }
    }
});
