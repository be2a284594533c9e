//! Any text as an IAM policy and as a case: read, judged and answered, within bounds.
#![no_main]

use diagnostics::{Diagnostics, SourceMap};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let Some(file) = sources.add("policy.json", text).and_then(|id| sources.file(id).cloned()) else { return };
    iam::lint::file(&file, None, &mut diagnostics);
    for (at, line) in text.lines().enumerate() {
        let _ = iam::batch::answer(line, "cases.jsonl", at + 1);
    }
});
