//! Any bytes as the output of a describe call: an estate or an error, within bounds.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (estate, _, diagnostics) = intake::describe::from_texts(&[("us-east-1/a.json", text)]);
    assert!(!estate.stacks.is_empty() || !diagnostics.is_empty());
});
