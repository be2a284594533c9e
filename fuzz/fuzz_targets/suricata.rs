//! Any bytes as rules of a firewall: rules or mistakes, within bounds.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (rules, mistakes) = reachability::suricata::read(text);
    let written = text.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    assert!(!rules.is_empty() || !mistakes.is_empty() || written.count() == 0);
});
