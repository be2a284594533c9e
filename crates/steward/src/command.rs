//! The commands, one file each.

mod access;
mod adopt;
mod apply;
mod audit;
mod build;
mod check;
mod deploy;
mod drift;
mod explain;
mod init;
mod local;
mod markdown;
mod plan;
mod policy;
mod progress;
mod reach;
mod report;
mod schema;
mod since;
mod status;
mod trace;

use std::time::{SystemTime, UNIX_EPOCH};

use clap::CommandFactory as _;
use diagnostics::{Diagnostic, Diagnostics, SourceMap, Span};
use prove::Date;

use crate::cli::{Cli, Command, Format, Global};
use crate::terminal::{complain, style};
use crate::{Ending, codes};

/// Does what the command line asks for.
pub fn run(cli: &Cli) -> Ending {
    let today = match today(&cli.global) {
        Ok(today) => today,
        Err(diagnostic) => return refuse(&cli.global, diagnostic),
    };
    let written = match (cli.global.format, &cli.command) {
        (Format::Csv, Command::Trace(_) | Command::Reach(_)) | (Format::Svg, Command::Reach(_)) => None,
        (Format::Csv, _) => Some("only `steward trace` and `steward reach` write CSV"),
        (Format::Markdown, Command::Plan(_)) => None,
        (Format::Markdown, _) => Some("only `steward plan` writes Markdown"),
        (Format::Svg, _) => Some("only `steward reach` writes SVG"),
        _ => None,
    };
    if let Some(text) = written {
        let expected = "`--format text`, `json` or `sarif`";
        return refuse(&cli.global, Diagnostic::error(codes::NO_CSV, Span::NONE, text).expected(expected));
    }
    match &cli.command {
        Command::Init(options) => init::run(&cli.global, options),
        Command::Check(options) => check::run(&cli.global, options, today),
        Command::Build(options) => build::run(&cli.global, options, today),
        Command::Audit(options) => audit::run(&cli.global, options, today),
        Command::Trace(options) => trace::run(&cli.global, options, today),
        Command::Reach(options) => reach::run(&cli.global, options, today),
        Command::Explain(options) => explain::run(&cli.global, options, today),
        Command::WhoCan(options) => access::all(&cli.global, options, today),
        Command::Can(options) => access::one(&cli.global, options, today),
        Command::Policy(options) => policy::run(&cli.global, options, today),
        Command::Plan(options) => plan::run(&cli.global, options, today),
        Command::Apply(options) => apply::run(&cli.global, options, today),
        Command::Adopt(options) => adopt::run(&cli.global, options, today),
        Command::Drift(options) => drift::run(&cli.global, options, today),
        Command::Status(options) => status::run(&cli.global, options),
        Command::History(options) => status::history(&cli.global, options),
        Command::Empty(options) => apply::empty(&cli.global, options, today),
        Command::Destroy(options) => apply::destroy(&cli.global, options, today),
        Command::Local(options) => local::run(&cli.global, options),
        Command::Schema(options) => schema::run(&cli.global, options),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "steward", &mut script);
            crate::terminal::print(&String::from_utf8_lossy(&script));
            Ending::Good
        }
    }
}

/// The day to judge by: the only place that reads the clock.
fn today(global: &Global) -> Result<Date, Diagnostic> {
    let Some(text) = &global.as_of else {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let days = i64::try_from(seconds / 86_400).unwrap_or(0);
        return Date::from_unix_days(days).ok_or_else(|| bad_date("the clock's day"));
    };
    Date::parse(text).ok_or_else(|| bad_date(text))
}

fn bad_date(text: &str) -> Diagnostic {
    let message = format!("`{text}` is not a day");
    Diagnostic::error(codes::BAD_DATE, Span::NONE, message).expected("a day as YYYY-MM-DD")
}

/// Says one mistake that has no place in a file.
fn refuse(global: &Global, diagnostic: Diagnostic) -> Ending {
    let style = style(global);
    complain(&diagnostics::render::text::one(&diagnostic, &SourceMap::new(), style));
    Ending::Mistake
}

/// Says what is wrong in what a network is written in: firewall rules that AWS refuses.
fn say_mistakes(global: &Global, network: &reachability::Network, sources: &SourceMap) {
    let mut diagnostics = Diagnostics::new();
    network.mistakes().into_iter().for_each(|mistake| diagnostics.push(mistake));
    say(global, &diagnostics, sources);
}

/// Says diagnostics on standard error.
fn say(global: &Global, diagnostics: &Diagnostics, sources: &SourceMap) {
    if !diagnostics.is_empty() {
        complain(&diagnostics::render::text::all(diagnostics, sources, style(global)));
    }
}
