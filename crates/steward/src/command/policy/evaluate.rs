//! `steward policy evaluate`: answers cases line by line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::path::Path;

use diagnostics::{Diagnostic, Span};
use iam::batch::{Answer, Batch, not_text};
use iam::evaluate::Verdict;

use crate::cli::{Format, Global, PolicyEvaluate};
use crate::command::refuse;
use crate::terminal::{complain, style};
use crate::{Ending, codes};

/// The longest line that is read.
const LONGEST: usize = 64 << 20;

/// Answers every line of the file; a line with a mistake is answered too, and the run goes on.
pub fn run(global: &Global, options: &PolicyEvaluate) -> Ending {
    let name = options.batch.display().to_string();
    let mut input = match open(&options.batch) {
        Ok(input) => input,
        Err(error) => {
            let text = format!("`{name}` cannot be read: {error}");
            return refuse(global, Diagnostic::error(codes::NO_SUCH_PATH, Span::NONE, text));
        }
    };
    let (look, text) = (style(global), global.format_given && global.format == Format::Text);
    let mut out = io::BufWriter::new(io::stdout().lock());
    let (mut counts, mut mistakes) = ([0_usize; 4], 0_usize);
    let (mut batch, mut written) = (Batch::default(), Ok(()));
    for number in 1.. {
        let said = match line(&mut input) {
            Ok(None) => break,
            Ok(Some(bytes)) => one(&mut batch, &bytes, &name, number),
            Err(error) => Some(not_text(&name, number, &format!("the file cannot be read further: {error}"))),
        };
        let Some(said) = said else { continue };
        let slot = match said.decision.verdict {
            Verdict::Allowed => 0,
            Verdict::ExplicitlyDenied => 1,
            Verdict::ImplicitlyDenied => 2,
            Verdict::Unknown => 3,
        };
        if let Some(count) = counts.get_mut(slot) {
            *count += 1;
        }
        mistakes += usize::from(!said.errors.is_empty());
        written = match (global.quiet, text) {
            (true, _) => Ok(()),
            (false, true) => out.write_all(iam::show::answer(&said, look).as_bytes()),
            (false, false) => writeln!(out, "{}", said.json()),
        };
        if written.is_err() {
            break;
        }
    }
    if written.is_ok() && (text || global.quiet) {
        let line = iam::show::totals(&counts, look);
        let gap = if text && !global.quiet { "\n" } else { "" };
        written = out.write_all(format!("{gap}{line}").as_bytes());
    }
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            complain(&format!("steward: the output cannot be written: {error}\n"));
            return Ending::Mistake;
        }
        _ => {}
    }
    if mistakes > 0 {
        let noun = if mistakes == 1 { "line has a mistake" } else { "lines have mistakes" };
        complain(&format!("{name}: {mistakes} {noun}; their verdict is Unknown, and `error` says why\n"));
        return Ending::Mistake;
    }
    Ending::Good
}

fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory));
    }
    Ok(Box::new(BufReader::with_capacity(1 << 16, file)))
}

/// The next line; of one that is too long, the start and a mark that it was cut.
fn line(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let most = u64::try_from(LONGEST).unwrap_or(u64::MAX).saturating_add(1);
    if input.by_ref().take(most).read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    if bytes.len() > LONGEST && bytes.last() != Some(&b'\n') {
        input.skip_until(b'\n')?;
    }
    Ok(Some(bytes))
}

fn one(batch: &mut Batch, bytes: &[u8], name: &str, number: usize) -> Option<Answer> {
    if bytes.len() > LONGEST {
        return Some(not_text(name, number, "the line is longer than the 64 MiB that are read"));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => {
            let text = if number == 1 { text.strip_prefix('\u{feff}').unwrap_or(text) } else { text };
            batch.answer(text, name, number)
        }
        Err(error) => {
            let why = format!("byte {} of the line is not UTF-8 text", error.valid_up_to() + 1);
            Some(not_text(name, number, &why))
        }
    }
}
