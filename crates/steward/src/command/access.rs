//! `steward who-can` and `steward can`: who may do what in an estate.

use std::fmt::Write as _;

use catalog::Catalog;
use diagnostics::render::{Ink, Style, columns, wrap};
use diagnostics::{Diagnostic, SourceMap, Span, did_you_mean};
use estate::Index;
use iam::access::{Access, Because, Finding, Hop, Thing, Verdict, Who, shown, who_can};
use iam::policy::Effect;
use prove::Date;
use serde_json::{Value, json};

use super::{refuse, say};
use crate::cli::{Can, Format, Global, WhoCan};
use crate::pipeline::Read;
use crate::terminal::{print, style};
use crate::{Ending, codes, pipeline};

/// Runs `steward who-can`.
pub fn all(global: &Global, options: &WhoCan, today: Date) -> Ending {
    if let Err(diagnostic) = known_action(&options.action) {
        return refuse(global, diagnostic);
    }
    let read = pipeline::read(&options.path, today);
    let Some(estate) = &read.estate else { return unread(global, &read) };
    let index = Index::new(estate);
    let access = Access::of(&index);
    let thing = match thing(&access, &options.resource) {
        Ok(thing) => thing,
        Err(diagnostic) => return refuse(global, diagnostic),
    };
    let found = who_can(&access, &options.action, thing);
    let rows: Vec<Row<'_>> = found
        .iter()
        .map(|one| Row {
            name: one
                .holder
                .map_or_else(|| one.outsider.clone().unwrap_or_default(), |at| holder_name(&access, at)),
            through: one.hops.iter().map(|hop| holder_name(&access, hop.role)).collect(),
            hops: &one.hops,
            finding: &one.finding,
        })
        .collect();
    match global.format {
        Format::Text | Format::Csv | Format::Svg | Format::Markdown => {
            print(&table(&rows, &options.action, &name(&access, thing), &read.sources, style(global)))
        }
        Format::Json | Format::Sarif => {
            let all: Vec<Value> = rows.iter().map(|row| row.json(&read.sources)).collect();
            let whole = json!({ "action": options.action, "resource": shown(&thing.arn), "principals": all });
            print(&format!("{whole:#}\n"));
        }
    }
    Ending::Good
}

/// Runs `steward can`.
pub fn one(global: &Global, options: &Can, today: Date) -> Ending {
    if let Err(diagnostic) = known_action(&options.action) {
        return refuse(global, diagnostic);
    }
    let read = pipeline::read(&options.path, today);
    let Some(estate) = &read.estate else { return unread(global, &read) };
    let index = Index::new(estate);
    let access = Access::of(&index);
    let (who, thing) = match (holder(&access, &options.principal), thing(&access, &options.resource)) {
        (Ok(who), Ok(thing)) => (who, thing),
        (Err(diagnostic), _) | (_, Err(diagnostic)) => return refuse(global, diagnostic),
    };
    let asker = match who {
        Some(at) => access.holders.get(at).map_or(Who::Outsider("anonymous"), Who::Holder),
        None => Who::Outsider(&options.principal),
    };
    let finding = access.can(asker, &options.action, thing);
    let who = who.map_or_else(|| options.principal.clone(), |at| holder_name(&access, at));
    match global.format {
        Format::Text | Format::Csv | Format::Svg | Format::Markdown => {
            let style = style(global);
            let mut out =
                format!("{} {} {}\n\n", style.paint(Ink::Strong, &who), options.action, name(&access, thing));
            explain(&mut out, &finding, &read.sources, style);
            print(&out);
        }
        Format::Json | Format::Sarif => {
            let row = Row { name: who, through: Vec::new(), hops: &[], finding: &finding };
            let mut whole = row.json(&read.sources);
            if let Some(map) = whole.as_object_mut() {
                map.insert("action".into(), json!(options.action));
                map.insert("resource".into(), json!(shown(&thing.arn)));
            }
            print(&format!("{whole:#}\n"));
        }
    }
    Ending::Good
}

fn unread(global: &Global, read: &Read) -> Ending {
    say(global, &read.diagnostics, &read.sources);
    Ending::Mistake
}

fn known_action(action: &str) -> Result<(), Diagnostic> {
    let reference = Catalog::shared().iam();
    let known = action.split_once(':').is_some_and(|(prefix, name)| reference.action(prefix, name).is_some());
    if known {
        return Ok(());
    }
    let text = format!("IAM has no action `{action}`");
    let diagnostic = Diagnostic::error(codes::UNKNOWN_ACTION, Span::NONE, text);
    let near = action.split_once(':').and_then(|(prefix, name)| {
        let service = reference.service(prefix)?;
        let names: Vec<&str> = service.actions.iter().map(|action| action.name.as_str()).collect();
        did_you_mean(name, names)
    });
    Err(diagnostic.expected("an action such as `kms:Decrypt`").maybe_help(near))
}

/// The resource that a user means: by logical id, label, ARN, or path `account/region/stack/id`.
fn thing<'a>(access: &'a Access<'_>, asked: &str) -> Result<&'a Thing, Diagnostic> {
    let path = |thing: &Thing| format!("{}/{}", access.estate.stack_path(thing.stack), thing.id);
    let fits: Vec<&Thing> = access
        .things
        .iter()
        .filter(|thing| {
            thing.id.eq_ignore_ascii_case(asked)
                || shown(&thing.arn) == asked
                || path(thing) == asked
                || path(thing).ends_with(&format!("/{asked}"))
        })
        .collect();
    let labelled = || access.things.iter().filter(|thing| thing.labels.iter().any(|label| label == asked));
    let fits = if fits.is_empty() { labelled().collect() } else { fits };
    match fits.as_slice() {
        [one] => Ok(one),
        [] => {
            let text = format!("there is no resource `{asked}` that policies can name");
            let ids = access.things.iter().map(|thing| thing.id.as_str());
            Err(Diagnostic::error(codes::UNKNOWN_END, Span::NONE, text).maybe_help(did_you_mean(asked, ids)))
        }
        several => {
            let text = format!("`{asked}` may be any of {} resources", several.len());
            let paths: Vec<String> = several.iter().take(8).map(|thing| path(thing)).collect();
            Err(Diagnostic::error(codes::UNKNOWN_END, Span::NONE, text)
                .help(format!("say which: {}", paths.join(", "))))
        }
    }
}

/// The principal that a user means: `role/NAME`, a logical id, a path, an ARN. `None`: somebody outside.
fn holder(access: &Access<'_>, asked: &str) -> Result<Option<usize>, Diagnostic> {
    let bare = asked.strip_prefix("role/").or_else(|| asked.strip_prefix("user/")).unwrap_or(asked);
    let fits: Vec<usize> = (0..access.holders.len())
        .filter(|at| {
            let path = holder_name(access, *at);
            let own = access.holders.get(*at);
            own.is_some_and(|holder| holder.id.eq_ignore_ascii_case(bare) || shown(&holder.arn) == asked)
                || path == bare
                || path.ends_with(&format!("/{bare}"))
        })
        .collect();
    match fits.as_slice() {
        [one] => Ok(Some(*one)),
        [] if asked.contains(':') || asked.contains(".amazonaws.com") || asked == "anonymous" => Ok(None),
        [] => {
            let text = format!("there is no principal `{asked}`");
            let ids = access.holders.iter().map(|holder| holder.id.as_str());
            let help = did_you_mean(bare, ids).unwrap_or_else(|| {
                "name a role or user by its logical id, or somebody outside by ARN, service or `anonymous`".into()
            });
            Err(Diagnostic::error(codes::UNKNOWN_END, Span::NONE, text).help(help))
        }
        several => {
            let text = format!("`{asked}` may be any of {} principals", several.len());
            let names: Vec<String> = several.iter().take(8).map(|at| holder_name(access, *at)).collect();
            Err(Diagnostic::error(codes::UNKNOWN_END, Span::NONE, text)
                .help(format!("say which: {}", names.join(", "))))
        }
    }
}

fn holder_name(access: &Access<'_>, at: usize) -> String {
    access.holders.get(at).map_or_else(String::new, |holder| {
        format!("{}/{}", access.estate.stack_path(holder.stack), holder.id)
    })
}

fn name(access: &Access<'_>, thing: &Thing) -> String {
    format!("{}/{}", access.estate.stack_path(thing.stack), thing.id)
}

/// A principal with its answer.
struct Row<'a> {
    name: String,
    through: Vec<String>,
    hops: &'a [Hop],
    finding: &'a Finding,
}

impl Row<'_> {
    fn json(&self, sources: &SourceMap) -> Value {
        let (verdict, notes) = match &self.finding.verdict {
            Verdict::Yes => ("yes", Vec::new()),
            Verdict::When(conditions) => ("when", conditions.clone()),
            Verdict::Unknown(why) => ("unknown", why.clone()),
            Verdict::No => ("no", Vec::new()),
        };
        let because: Vec<Value> = self.finding.because.iter().map(|one| reason_json(one, sources)).collect();
        json!({
            "principal": self.name,
            "through": self.through,
            "verdict": verdict,
            "conditions": notes,
            "because": because,
            "missing": self.finding.missing,
        })
    }
}

fn reason_json(because: &Because, sources: &SourceMap) -> Value {
    json!({
        "layer": because.layer,
        "statement": because.statement,
        "effect": because.effect.word(),
        "place": place(because, sources),
    })
}

fn place(because: &Because, sources: &SourceMap) -> Option<String> {
    let location = sources.locate(because.span)?;
    Some(format!("{}:{}", location.file, location.line))
}

fn table(rows: &[Row<'_>], action: &str, resource: &str, sources: &SourceMap, style: Style) -> String {
    let mut out = format!(
        "{} {} {resource}\n\n",
        style.paint(Ink::Strong, "who can"),
        style.paint(Ink::Strong, action)
    );
    if rows.is_empty() {
        out.push_str("nobody, whatever the circumstances\n");
        return out;
    }
    for row in rows {
        out.push_str(&format!(
            "{} {}\n",
            mark(&row.finding.verdict, style),
            style.paint(Ink::Strong, &row.name)
        ));
        for (hop, role) in row.hops.iter().zip(&row.through) {
            let arrow = style.glyph("↳", "->");
            let allows = hop.finding.because.iter().find(|one| one.effect == Effect::Allow);
            let by = allows.map_or_else(String::new, |one| format!(", by {}", one.statement));
            let lines = wrap(&format!("assumes {role}{by}"), style.width.saturating_sub(6));
            for (at, line) in lines.iter().enumerate() {
                out.push_str(&format!("  {} {line}\n", if at == 0 { arrow } else { " " }));
            }
            notes(&mut out, &hop.finding, style);
        }
        notes(&mut out, row.finding, style);
        // What denies stands among the conditions already.
        for because in row.finding.because.iter().filter(|one| one.effect == Effect::Allow) {
            reason(&mut out, because, sources, style);
        }
    }
    let _ = write!(out, "\n{} principal{}\n", rows.len(), if rows.len() == 1 { "" } else { "s" });
    out
}

fn mark(verdict: &Verdict, style: Style) -> String {
    match verdict {
        Verdict::Yes => style.paint(Ink::Good, style.glyph("✓", "+")),
        Verdict::When(_) => style.paint(Ink::Good, "~"),
        Verdict::Unknown(_) => style.paint(Ink::Doubt, "?"),
        Verdict::No => style.paint(Ink::Bad, style.glyph("✗", "-")),
    }
}

fn explain(out: &mut String, finding: &Finding, sources: &SourceMap, style: Style) {
    let words = match &finding.verdict {
        Verdict::Yes => "yes, in every context",
        Verdict::When(_) => "yes, when",
        Verdict::Unknown(_) => "not known",
        Verdict::No => "no, in no context",
    };
    out.push_str(&format!("{} {words}\n", mark(&finding.verdict, style)));
    detail(out, finding, sources, style);
}

fn detail(out: &mut String, finding: &Finding, sources: &SourceMap, style: Style) {
    notes(out, finding, style);
    for because in &finding.because {
        reason(out, because, sources, style);
    }
    for layer in &finding.missing {
        out.push_str(&format!("    nothing in the {layer} allows it\n"));
    }
}

fn reason(out: &mut String, because: &Because, sources: &SourceMap, style: Style) {
    let word = match because.effect {
        Effect::Allow => style.paint(Ink::Good, "allows  "),
        Effect::Deny => style.paint(Ink::Bad, "denies  "),
    };
    let text = format!("{}: {}", because.layer, because.statement);
    let at = place(because, sources);
    let mut lines = wrap(&text, style.width.saturating_sub(14));
    match (at, lines.last_mut()) {
        (Some(at), Some(last)) if columns(last) + columns(&at) + 16 <= style.width => {
            last.push_str(&format!("  {}", style.paint(Ink::Dim, &at)));
        }
        (Some(at), _) => lines.push(style.paint(Ink::Dim, &at)),
        (None, _) => {}
    }
    for (at, line) in lines.iter().enumerate() {
        let head = if at == 0 { word.as_str() } else { "        " };
        out.push_str(&format!("    {head} {line}\n"));
    }
}

fn notes(out: &mut String, finding: &Finding, style: Style) {
    let (word, lines) = match &finding.verdict {
        Verdict::When(conditions) => ("when", conditions),
        Verdict::Unknown(why) => ("unknown", why),
        Verdict::Yes | Verdict::No => return,
    };
    for line in lines {
        for (at, part) in wrap(line, style.width.saturating_sub(14)).iter().enumerate() {
            let head = if at == 0 { word } else { "" };
            out.push_str(&format!("    {} {part}\n", style.paint(Ink::Dim, &format!("{head:<8}"))));
        }
    }
}
