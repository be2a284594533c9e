//! What the terminal is like, and writing to it.

use std::io::{IsTerminal as _, Write as _};

use diagnostics::render::Style;

use crate::cli::{ColorChoice, Global};

/// How text is to look on standard output.
pub fn style(global: &Global) -> Style {
    let colour = match global.color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never,
    };
    let unicode = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        // Where nothing is said (a container, a CI job) logs are read as UTF-8.
        .is_none_or(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8") || !std::io::stdout().is_terminal()
        });
    Style { colour, unicode, width: width(global) }
}

fn width(global: &Global) -> usize {
    let from_environment = || std::env::var("COLUMNS").ok()?.parse().ok();
    let from_terminal = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    let width = global.width.or_else(from_terminal).or_else(from_environment).unwrap_or(100);
    width.clamp(40, 1_000)
}

/// Writes to standard output. A reader that went away (`| head`) is no mistake; a full disk is one, and
/// nobody may take what was cut off for the whole.
pub fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            complain(&format!("steward: the output cannot be written: {error}\n"));
            std::process::exit(2);
        }
        _ => {}
    }
}

/// Writes to standard error.
pub fn complain(text: &str) {
    // Where standard error is gone there is nobody left to tell.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
