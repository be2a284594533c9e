//! `steward reach`: who reaches whom.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use diagnostics::render::{Ink, Style, columns, wrap};
use diagnostics::{Diagnostic, Span, did_you_mean};
use emit::diagram::Map;
use prove::Date;
use reachability::Network;
use reachability::compress::compress;
use reachability::query::{
    By, Cell, Cuts, Flows, Matrix, Reach, Remains, Service, Verdict, say as services_in_words,
};
use serde_json::{Value, json};

use super::{refuse, say, say_mistakes};
use crate::cli::{Format, Global, GroupBy, Reach as Options};
use crate::terminal::{print, style};
use crate::{Ending, codes, pipeline};

/// Runs it.
pub fn run(global: &Global, options: &Options, today: Date) -> Ending {
    let read = pipeline::read(&options.path, today);
    let Some(estate) = &read.estate else {
        say(global, &read.diagnostics, &read.sources);
        return Ending::Mistake;
    };
    let whole = Network::of(estate);
    say_mistakes(global, &whole, &read.sources);
    // Accounts are told apart by name, so none can stand for another where they are shown.
    let by_account =
        options.by == GroupBy::Account || global.format == Format::Svg || !options.cut.is_empty();
    let network = if by_account { whole } else { compress(&whole).network };
    let cuts = match cuts(&network, &options.cut) {
        Ok(cuts) => cuts,
        Err(diagnostic) => return refuse(global, *diagnostic),
    };
    let cut = cuts.says(&network);
    let mut reach = Reach::with_cuts(&network, cuts);
    let by = match options.by {
        GroupBy::Unit => By::Unit,
        GroupBy::Environment => By::Environment,
        GroupBy::Tier => By::Tier,
        GroupBy::Account => By::Account,
    };
    let known: Vec<String> =
        reach.classes(by).into_iter().chain(reach.services()).map(|class| class.name).collect();
    for name in options.from.iter().chain(&options.to) {
        let fits = |class: &String| {
            class == name || class.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('/'))
        };
        if !known.iter().any(fits) {
            return refuse(global, no_such_class(name, &known));
        }
    }
    if reach.exhausted() {
        let text = "the network is too varied to be decided within the bound on memory".to_owned();
        return refuse(global, Diagnostic::error(codes::TOO_VARIED, Span::NONE, text));
    }
    let text = match global.format {
        Format::Svg => Map::of(&estate.name, &network, &mut reach).svg(),
        format => {
            let matrix = reach.matrix(by, &options.from, &options.to);
            // What passed before anything was cut, and what remains of whoever is cut off.
            let before =
                (!options.cut.is_empty()).then(|| Reach::of(&network).matrix(by, &options.from, &options.to));
            let before = before.map(|before| {
                let remains = remains(&mut reach, &network, &options.cut);
                Severed { cut: &options.cut, parts: &cut, before, remains }
            });
            match format {
                Format::Csv => csv(&matrix, before.as_ref()),
                Format::Json | Format::Sarif => {
                    format!("{:#}\n", as_json(options.by, &matrix, before.as_ref()))
                }
                _ => drawn(&matrix, before.as_ref(), options.by, &read.name, style(global)),
            }
        }
    };
    match &options.output {
        None => print(&text),
        Some(path) => {
            if let Err(error) = crate::disk::write_whole(path, &text) {
                let text = format!("`{}` cannot be written: {error}", path.display());
                return refuse(global, Diagnostic::error(codes::CANNOT_WRITE, Span::NONE, text));
            }
        }
    }
    Ending::Good
}

/// What was cut, and what passed before.
struct Severed<'a> {
    /// As it was asked for.
    cut: &'a [String],
    /// Each attachment, peering and gateway.
    parts: &'a [String],
    before: Matrix,
    /// Of each name that stands for VPCs: what still passes between them and everything else.
    remains: Vec<CutOff>,
}

/// What is cut off from everything else.
struct CutOff {
    name: String,
    remains: Remains,
    /// What belongs to it and stands in a VPC of others, which is not cut: entrances in a hub.
    elsewhere: BTreeSet<String>,
}

fn remains(reach: &mut Reach<'_>, network: &Network, names: &[String]) -> Vec<CutOff> {
    let mut out = Vec::new();
    for name in names {
        let vpcs = Cuts::vpcs(network, name);
        let ends = reach.within_vpcs(&vpcs);
        if ends.is_empty() {
            continue;
        }
        let others = network.interfaces.iter().filter_map(|interface| {
            let host = network.hosts.get(interface.host.at())?;
            let subnet = network.subnets.get(interface.subnet.at())?;
            let is_its = host.environment == *name && !vpcs.contains(&subnet.vpc);
            is_its.then(|| host.name.label.to_string())
        });
        let elsewhere = others.collect();
        out.push(CutOff { name: name.clone(), remains: reach.remains(&ends, &vpcs), elsewhere });
    }
    out
}

impl Severed<'_> {
    fn before(&self, row: usize, column: usize) -> Option<&Cell> {
        self.before.cells.get(row)?.get(column)
    }
}

/// What the names after `--cut` stand for.
fn cuts(network: &Network, names: &[String]) -> Result<Cuts, Box<Diagnostic>> {
    let mut cuts = Cuts::default();
    for name in names {
        match Cuts::named(network, name) {
            Some(more) => cuts = cuts.and(more),
            None => {
                let known = Cuts::names(network);
                let near = did_you_mean(name, known.iter().copied());
                let text = format!("nothing here is called `{name}` that could be cut");
                let some: Vec<&str> = known.into_iter().take(24).collect();
                let diagnostic = Diagnostic::error(codes::NO_SUCH_CUT, Span::NONE, text);
                return Err(Box::new(
                    diagnostic.expected(format!("one of {}", some.join(", "))).maybe_help(near),
                ));
            }
        }
    }
    Ok(cuts)
}

fn no_such_class(name: &str, known: &[String]) -> Diagnostic {
    let text = format!("nothing is called `{name}` here");
    let near = did_you_mean(name, known.iter().map(String::as_str).collect::<Vec<_>>());
    let expected = format!("one of {}", known.join(", "));
    Diagnostic::error(codes::NO_SUCH_CLASS, Span::NONE, text).expected(expected).maybe_help(near)
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Reachable => "reachable",
        Verdict::Unreachable => "unreachable",
        Verdict::Unknown => "unknown",
    }
}

fn csv(matrix: &Matrix, severed: Option<&Severed<'_>>) -> String {
    let quoted = |text: &str| {
        if text.contains([',', '"', '\n']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text.to_owned()
        }
    };
    let mut out = "from,to,verdict,certain,perhaps,depends on".to_owned();
    out.push_str(if severed.is_some() { ",before\n" } else { "\n" });
    for (at, (from, row)) in matrix.from.iter().zip(&matrix.cells).enumerate() {
        for (column, (to, cell)) in matrix.to.iter().zip(row).enumerate() {
            let fields = [
                from.name.as_str(),
                &to.name,
                word(cell.verdict),
                &services_in_words(&cell.certain),
                &services_in_words(&cell.services),
                &cell.depends_on.join("; "),
            ]
            .map(quoted);
            let before = severed.and_then(|severed| severed.before(at, column));
            let before = before.map_or_else(String::new, |cell| format!(",{}", word(cell.verdict)));
            let _ = writeln!(out, "{}{before}", fields.join(","));
        }
    }
    out
}

fn as_json(by: GroupBy, matrix: &Matrix, severed: Option<&Severed<'_>>) -> Value {
    let services = |list: &[Service]| -> Vec<Value> {
        list.iter()
            .map(|service| {
                json!({
                    "protocols": [service.protocols.0, service.protocols.1],
                    "ports": [service.ports.first, service.ports.last],
                })
            })
            .collect()
    };
    let class =
        |class: &reachability::query::Class| json!({ "name": class.name, "interfaces": class.interfaces });
    let mut pairs = Vec::new();
    for (at, (from, row)) in matrix.from.iter().zip(&matrix.cells).enumerate() {
        for (column, (to, cell)) in matrix.to.iter().zip(row).enumerate() {
            let before = severed.and_then(|severed| severed.before(at, column));
            let mut pair = json!({
                "from": from.name,
                "to": to.name,
                "verdict": word(cell.verdict),
                "certain": services(&cell.certain),
                "perhaps": services(&cell.services),
                "dependsOn": cell.depends_on,
            });
            if let (Some(before), Some(pair)) = (before, pair.as_object_mut()) {
                pair.insert("before".into(), word(before.verdict).into());
            }
            pairs.push(pair);
        }
    }
    let left =
        |flows: &Flows| json!({ "verdict": word(flows.verdict), "services": services(&flows.services) });
    let remains = severed.map_or(&[][..], |severed| &severed.remains);
    let remains: Vec<Value> = remains
        .iter()
        .map(|it| {
            let (inward, outward) = (left(&it.remains.inward), left(&it.remains.outward));
            json!({ "of": it.name, "inward": inward, "outward": outward, "elsewhere": it.elsewhere })
        })
        .collect();
    json!({
        "schema": "steward-reach/1",
        "by": by.word(),
        "cut": severed.map_or(&[][..], |severed| severed.parts),
        "remains": remains,
        "from": matrix.from.iter().map(class).collect::<Vec<_>>(),
        "to": matrix.to.iter().map(class).collect::<Vec<_>>(),
        "pairs": pairs,
    })
}

/// Narrowest and widest column of the matrix.
const CELL: (usize, usize) = (7, 18);

fn drawn(matrix: &Matrix, severed: Option<&Severed<'_>>, by: GroupBy, name: &str, style: Style) -> String {
    let mut out = String::new();
    let title = format!("Who reaches whom in {name}, by {}", by.word());
    let _ = writeln!(out, "{}", style.paint(Ink::Strong, &title));
    if let Some(severed) = severed {
        let text = format!("with {} cut: {}", severed.cut.join(" and "), severed.parts.join(", "));
        for line in wrap(&text, style.width.min(120)) {
            let _ = writeln!(out, "{}", style.paint(Ink::Dim, &line));
        }
    }
    out.push('\n');
    if matrix.from.is_empty() || matrix.to.is_empty() {
        out.push_str("There is no network here.\n");
        return out;
    }
    let width = style.width.min(160);
    let headers = matrix.to.iter().map(|class| columns(&class.name)).max().unwrap_or(0) + 2;
    let wanted =
        matrix.cells.iter().flatten().map(|cell| columns(&short(cell, style))).max().unwrap_or(0) + 2;
    let label = |numbered: bool| {
        let number = if numbered { matrix.to.len().to_string().len() + 1 } else { 0 };
        matrix.from.iter().map(|class| columns(&class.name)).max().unwrap_or(0).max(9).min(width / 3)
            + number
            + 2
    };
    // Names stand above the columns where there is room for them; else numbers do, and say their names in the rows.
    let room = |numbered: bool| width.saturating_sub(label(numbered) + 2);
    let fair = |numbered: bool| room(numbered) / matrix.to.len().max(1);
    // Services only receive, so that there are columns that no row names.
    let same = matrix.from.iter().zip(&matrix.to).all(|(from, to)| from.name == to.name)
        && matrix.to.len() >= matrix.from.len();
    let numbered = same && headers > fair(false);
    let needed = if numbered { wanted } else { wanted.max(headers) };
    let cell = needed.min(fair(numbered)).max(needed.min(CELL.0)).min(CELL.1.max(fair(numbered)));
    let per_panel = (room(numbered) / cell.max(1)).max(1);
    for start in (0..matrix.to.len()).step_by(per_panel) {
        let end = (start + per_panel).min(matrix.to.len());
        panel(&mut out, matrix, (start, end), (label(numbered), cell, numbered), style);
        out.push('\n');
    }
    let _ = writeln!(
        out,
        "  {}   {}   {}\n",
        style.paint(Ink::Good, &format!("{} certainly", style.glyph("●", "#"))),
        style.paint(Ink::Doubt, &format!("{} depends", style.glyph("◐", "?"))),
        style.paint(Ink::Dim, &format!("{} proved: no packet is answered", style.glyph("·", "."))),
    );
    if let Some(severed) = severed {
        lost(&mut out, matrix, severed, style);
    }
    listed(&mut out, matrix, style);
    out
}

/// After a cut "nothing" is what is wanted.
fn cut_ink(verdict: Verdict) -> Ink {
    match verdict {
        Verdict::Reachable => Ink::Bad,
        Verdict::Unknown => Ink::Doubt,
        Verdict::Unreachable => Ink::Good,
    }
}

/// What is cut off, and pairs between which something passed before.
fn lost(out: &mut String, matrix: &Matrix, severed: &Severed<'_>, style: Style) {
    for CutOff { name, remains, elsewhere } in &severed.remains {
        let _ = writeln!(out, "{}", style.paint(Ink::Strong, &format!("The network of {name}, cut off")));
        for (flows, what) in
            [(&remains.inward, "comes in from outside"), (&remains.outward, "gets out of it")]
        {
            let services = services_in_words(&flows.services);
            let text = match flows.verdict {
                Verdict::Unreachable => format!("nothing {what}"),
                Verdict::Reachable => format!("still {what}: {services}"),
                Verdict::Unknown => format!("perhaps {what}: {services}"),
            };
            let mark = style.paint(cut_ink(flows.verdict), sign(flows.verdict, style));
            let _ = writeln!(out, "  {mark} {text}");
        }
        if !elsewhere.is_empty() {
            let names: Vec<&str> = elsewhere.iter().map(String::as_str).collect();
            let text = format!("{} in the network of others stays as it is", names.join(", "));
            for line in wrap(&text, style.width.min(120).saturating_sub(4)) {
                let _ = writeln!(out, "    {}", style.paint(Ink::Dim, &line));
            }
        }
        out.push('\n');
    }
    let mut rows = Vec::new();
    for (at, (from, row)) in matrix.from.iter().zip(&matrix.cells).enumerate() {
        for (column, (to, cell)) in matrix.to.iter().zip(row).enumerate() {
            let Some(before) = severed.before(at, column) else { continue };
            let gone = services_in_words(&before.services);
            if before.services != cell.services {
                let rest =
                    if cell.verdict == Verdict::Unreachable { "nothing passes" } else { "less passes" };
                rows.push((format!("{} {} {}", from.name, style.glyph("→", "->"), to.name), gone, rest));
            }
        }
    }
    let title = if rows.is_empty() { "The cut changes nothing" } else { "What the cut takes away" };
    let _ = writeln!(out, "{}", style.paint(Ink::Strong, title));
    let widest = rows.iter().map(|(pair, ..)| columns(pair)).max().unwrap_or(0).min(48);
    for (pair, gone, rest) in rows {
        let pair = pad(&cut(&pair, widest), widest + 2);
        let text = format!("{rest} any more; before: {gone}");
        let indent = widest + 4;
        for (at, line) in wrap(&text, style.width.min(120).saturating_sub(indent).max(24)).iter().enumerate()
        {
            let left = if at == 0 { format!("  {pair}") } else { " ".repeat(indent) };
            let _ = writeln!(out, "{left}{line}");
        }
    }
    out.push('\n');
}

fn panel(
    out: &mut String,
    matrix: &Matrix,
    (start, end): (usize, usize),
    (label, cell, numbered): (usize, usize, bool),
    style: Style,
) {
    let mut head = format!("  {}", pad("from \\ to", label));
    for (at, class) in matrix.to.iter().enumerate().take(end).skip(start) {
        let named = !numbered || at >= matrix.from.len();
        let name = if named { cut(&class.name, cell - 1) } else { (at + 1).to_string() };
        head.push_str(&pad(&name, cell));
    }
    let _ = writeln!(out, "{}", style.paint(Ink::Dim, head.trim_end()));
    let digits = matrix.to.len().to_string().len();
    for (at, (from, row)) in matrix.from.iter().zip(&matrix.cells).enumerate() {
        let name = if numbered { format!("{:>digits$} {}", at + 1, from.name) } else { from.name.clone() };
        let mut line = format!("  {}", pad(&cut(&name, label - 1), label));
        for item in row.get(start..end).unwrap_or(&[]) {
            let text = cut(&short(item, style), cell - 1);
            let padding = " ".repeat(cell.saturating_sub(columns(&text)));
            line.push_str(&style.paint(ink(item.verdict), &text));
            line.push_str(&padding);
        }
        let _ = writeln!(out, "{}", line.trim_end());
    }
}

fn ink(verdict: Verdict) -> Ink {
    match verdict {
        Verdict::Reachable => Ink::Good,
        Verdict::Unknown => Ink::Doubt,
        Verdict::Unreachable => Ink::Dim,
    }
}

fn sign(verdict: Verdict, style: Style) -> &'static str {
    match verdict {
        Verdict::Reachable => style.glyph("●", "#"),
        Verdict::Unknown => style.glyph("◐", "?"),
        Verdict::Unreachable => style.glyph("·", "."),
    }
}

/// What a cell of the matrix says: the verdict's sign, and the ports in short.
fn short(cell: &Cell, style: Style) -> String {
    let sign = sign(cell.verdict, style);
    let services = match cell.verdict {
        Verdict::Unreachable => return sign.to_owned(),
        Verdict::Reachable => &cell.certain,
        Verdict::Unknown => &cell.services,
    };
    let words = services_in_words(services);
    let said = match words.as_str() {
        "everything" => "all".to_owned(),
        words => words.replace("TCP ", "").replace(", ", ","),
    };
    format!("{sign} {said}")
}

/// Every pair that something passes between, in full.
fn listed(out: &mut String, matrix: &Matrix, style: Style) {
    let widest = matrix.to.iter().map(|class| columns(&class.name)).max().unwrap_or(0).min(36);
    for (from, row) in matrix.from.iter().zip(&matrix.cells) {
        let pairs: Vec<_> =
            matrix.to.iter().zip(row).filter(|(_, cell)| cell.verdict != Verdict::Unreachable).collect();
        if pairs.is_empty() {
            continue;
        }
        let _ = writeln!(out, "{}", style.paint(Ink::Strong, &format!("from {}", from.name)));
        for (to, cell) in pairs {
            let certain = services_in_words(&cell.certain);
            let perhaps = services_in_words(&cell.services);
            let said = match (certain.is_empty(), certain == perhaps) {
                (false, true) => certain,
                (false, false) => format!("{certain}; perhaps {perhaps}"),
                (true, _) => perhaps,
            };
            let indent = widest + 6;
            let room = style.width.min(120).saturating_sub(indent).max(24);
            let mut lines = wrap(&said, room).into_iter();
            let name = pad(&cut(&to.name, widest), widest + 2);
            let first = lines.next().unwrap_or_default();
            let mark = style.paint(ink(cell.verdict), sign(cell.verdict, style));
            let _ = writeln!(out, "  {mark} {name}{first}");
            let mut more: Vec<String> = lines.collect();
            if !cell.depends_on.is_empty() {
                more.extend(wrap(&format!("depends on {}", cell.depends_on.join(", on ")), room));
            }
            for line in more {
                let _ = writeln!(out, "{}{}", " ".repeat(indent), style.paint(Ink::Dim, &line));
            }
        }
    }
    let count = |verdict| matrix.cells.iter().flatten().filter(|cell| cell.verdict == verdict).count();
    let _ = writeln!(
        out,
        "\n{} reachable, {} unknown, {} proved unreachable",
        count(Verdict::Reachable),
        count(Verdict::Unknown),
        count(Verdict::Unreachable)
    );
}

fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

fn cut(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.chars() {
        if columns(&out) + 2 > width {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}
