//! `steward`: compile, prove and audit regulated AWS estates.
//!
//! In: a command line. Out: text, JSON or SARIF on standard output, files where a command says so, and an exit
//! status: 0 good, 1 a guarantee does not hold, 2 the input or the call has mistakes. Always: this crate
//! holds no logic that a library crate lacks; it reads files, the clock (once) and the terminal's width.

mod cli;
mod codes;
mod command;
mod disk;
mod edit;
mod intent;
mod pipeline;
mod terminal;

use std::io::Write as _;
use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _};

/// Estates are made of many small parts, by two threads: the system's allocator takes a third longer.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Everything asked for is done, and holds.
    Good,
    /// A guarantee does not hold (or is unknown, where that was asked to count).
    DoesNotHold,
    /// The input or the call has mistakes.
    Mistake,
}

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        let _ = writeln!(
            std::io::stderr(),
            "steward: this is a bug in Steward, not a mistake of yours: {panic}\n\
             Nothing was half-written. Please report it with the command and, if you can, its input."
        );
    }));
    let matches = cli::Cli::command().get_matches();
    let mut cli = match cli::Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    cli.global.format_given = asked_for_format(&matches);
    match command::run(&cli) {
        Ending::Good => ExitCode::SUCCESS,
        Ending::DoesNotHold => ExitCode::from(1),
        Ending::Mistake => ExitCode::from(2),
    }
}

/// Whether `--format` stands on the command line: an option of every command, known to the innermost.
fn asked_for_format(matches: &ArgMatches) -> bool {
    let here = matches.value_source("format") == Some(ValueSource::CommandLine);
    here || matches.subcommand().is_some_and(|(_, inner)| asked_for_format(inner))
}
