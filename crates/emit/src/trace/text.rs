//! A trace in a terminal: the way there and the way back as two columns of hops, each with what let it pass or stops it,
//! and the line that says so.

use std::fmt::Write as _;

use diagnostics::SourceMap;
use diagnostics::render::{Ink, Style, columns, cut, printable, wrap};
use reachability::Network;
use reachability::query::Repair;
use reachability::simulate::{Effect, Hop, Verdict};
use reachability::trace::{Certified, Trace};

use super::{service, word};

/// One trace.
#[must_use]
pub fn text(
    trace: &Trace,
    (certified, opening): (Option<&Certified>, Option<&Repair>),
    network: &Network,
    sources: &SourceMap,
    style: Style,
) -> String {
    let width = style.width.min(140);
    let mut out = String::new();
    let question = &trace.question;
    let arrow = style.glyph("→", "->");
    let ink = match trace.verdict {
        Verdict::Reachable => Ink::Good,
        Verdict::Unreachable => Ink::Bad,
        Verdict::Unknown => Ink::Doubt,
    };
    let head = format!(
        "{} {arrow} {}  {}",
        printable(&question.from.text),
        printable(&question.to.text),
        service(question.protocol, question.port)
    );
    let verdict = style.paint(ink, word(trace.verdict));
    let _ = writeln!(out, "{}  {verdict}", style.paint(Ink::Strong, &head));
    if let Some((flow, _)) = &trace.followed {
        let pair = format!("{} {arrow} {}", flow.source, flow.destination);
        let _ = writeln!(out, "{}", style.paint(Ink::Dim, &pair));
    }
    out.push('\n');
    let hops = trace.hops();
    let layout = Layout::of(hops, sources, width);
    for (back, title) in [(false, "there"), (true, "back")] {
        let mut shown = hops.iter().filter(|hop| hop.back == back).peekable();
        if shown.peek().is_none() {
            continue;
        }
        let _ = writeln!(out, "{}", style.paint(Ink::Heading, title));
        for hop in shown {
            layout.hop(&mut out, hop, sources, style);
        }
        out.push('\n');
    }
    conclusion(&mut out, trace, network, sources, style, width);
    if let Some(certified) = certified {
        let (ink, says) = match certified {
            Certified::Checked(checked) => (Ink::Good, super::checked(checked)),
            Certified::None(why) => (Ink::Doubt, format!("No certificate: {why}.")),
            Certified::Refused(_) => (Ink::Bad, format!("No certificate: {}.", super::REFUSED)),
        };
        for line in wrap(&says, width) {
            let _ = writeln!(out, "{}", style.paint(ink, &line));
        }
    }
    if let Some(opening) = opening {
        let _ = writeln!(
            out,
            "\n{}",
            style.paint(Ink::Strong, "The smallest change that would open it, proved on a copy")
        );
        for says in &opening.says {
            listed(&mut out, says, None, sources, style, width);
        }
    }
    out
}

/// What came of it, in words.
fn conclusion(
    out: &mut String,
    trace: &Trace,
    network: &Network,
    sources: &SourceMap,
    style: Style,
    width: usize,
) {
    let blocks = trace.blocks();
    match trace.verdict {
        Verdict::Reachable => {
            let _ = writeln!(out, "{}", style.paint(Ink::Good, "Packets pass there and answers come back."));
        }
        Verdict::Unreachable if !blocks.is_empty() => {
            let count = blocks.len();
            let title = if count == 1 {
                "This stands in the way".to_owned()
            } else {
                format!("These {count} stand in the way")
            };
            let _ = writeln!(out, "{}", style.paint(Ink::Bad, &title));
            for hop in blocks {
                listed(out, &reachability::trace::hop_text(hop), Some(hop), sources, style, width);
            }
        }
        Verdict::Unknown if !trace.doubts().is_empty() => {
            let _ = writeln!(out, "{}", style.paint(Ink::Doubt, "It depends on"));
            for doubt in trace.doubts() {
                listed(out, doubt.text(network), None, sources, style, width);
            }
        }
        Verdict::Unreachable | Verdict::Unknown => {
            for line in wrap(&printable(&trace.reason), width) {
                let _ = writeln!(out, "{line}");
            }
        }
    }
    if trace.pairs.0 > 1 {
        let text =
            format!("{} pairs of ends, {} looked at; this one is shown.", trace.pairs.0, trace.pairs.1);
        let _ = writeln!(out, "{}", style.paint(Ink::Dim, &text));
    }
}

fn listed(out: &mut String, text: &str, hop: Option<&Hop>, sources: &SourceMap, style: Style, width: usize) {
    let mark = style.glyph("•", "*");
    for (at, line) in wrap(&printable(text), width.saturating_sub(4)).iter().enumerate() {
        let _ = writeln!(out, "  {} {line}", if at == 0 { mark } else { " " });
    }
    let place = hop.and_then(|hop| place(hop, sources));
    if let Some(place) = place {
        let _ = writeln!(out, "    {}", style.paint(Ink::Dim, &place));
    }
}

fn place(hop: &Hop, sources: &SourceMap) -> Option<String> {
    let at = sources.locate(hop.span)?;
    Some(format!("{}:{}", printable(&at.file), at.line))
}

/// Widths of the columns of hops.
struct Layout {
    kind: usize,
    place: usize,
    says: usize,
    line: usize,
}

impl Layout {
    fn of(hops: &[Hop], sources: &SourceMap, width: usize) -> Self {
        let widest = |length: &dyn Fn(&Hop) -> usize| hops.iter().map(length).max().unwrap_or(0);
        let kind = widest(&|hop| hop.kind.word().len());
        let wanted = widest(&|hop| columns(&hop.place));
        let line =
            widest(&|hop| short_place(hop, sources).map_or(0, |(file, line)| columns(&file) + line.len()));
        let line = line.min(width / 4);
        // Mark, kind and the gaps between columns.
        let fixed = 4 + kind + 2 + 2 + if line > 0 { line + 2 } else { 0 };
        let room = width.saturating_sub(fixed).max(24);
        let place = wanted.min(room * 2 / 5);
        Self { kind, place, says: room.saturating_sub(place), line }
    }

    fn hop(&self, out: &mut String, hop: &Hop, sources: &SourceMap, style: Style) {
        let (mark, ink) = match hop.effect {
            Effect::Passes => (style.glyph("✓", "+"), Ink::Good),
            Effect::Stops => (style.glyph("✗", "x"), Ink::Bad),
            Effect::Depends => (style.glyph("?", "?"), Ink::Doubt),
        };
        let ellipsis = style.glyph("…", "...");
        let place = cut(&printable(&hop.place), self.place, ellipsis);
        // The line's number is never cut off.
        let at = short_place(hop, sources).map_or_else(String::new, |(file, line)| {
            format!("{}{line}", cut(&file, self.line.saturating_sub(line.len()), ellipsis))
        });
        let says = wrap(&printable(&hop.says), self.says);
        let text_ink = if hop.effect == Effect::Passes { Ink::Plain } else { ink };
        for (row, line) in says.iter().enumerate() {
            let first = row == 0;
            let padded = |text: &str, width: usize| {
                format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
            };
            let (mark, kind, place, at) =
                if first { (mark, hop.kind.word(), place.as_str(), at.as_str()) } else { (" ", "", "", "") };
            let left = format!(
                "  {} {}  {}  ",
                style.paint(ink, mark),
                style.paint(Ink::Dim, &padded(kind, self.kind)),
                style.paint(Ink::Strong, &padded(place, self.place)),
            );
            let says = style.paint(text_ink, line);
            let gap = " ".repeat(self.says.saturating_sub(columns(line)) + 2);
            let right =
                if at.is_empty() { String::new() } else { format!("{gap}{}", style.paint(Ink::Dim, at)) };
            let _ = writeln!(out, "{}", format!("{left}{says}{right}").trim_end());
        }
    }
}

/// The file's own name, and the line as `:12`, to fit a column.
fn short_place(hop: &Hop, sources: &SourceMap) -> Option<(String, String)> {
    let at = sources.locate(hop.span)?;
    let file = at.file.rsplit('/').next().unwrap_or(&at.file);
    Some((printable(file).into_owned(), format!(":{}", at.line)))
}
