//! `steward explain`: what a guarantee, a message, a control or a resource is about.

use std::fmt::Write as _;

use diagnostics::render::{Ink, Style, printable, wrap};
use diagnostics::{CodeInfo, Diagnostic, Span, did_you_mean};
use estate::{Estate, Index, ResourceRef};
use prove::controls::{CONTROLS, Control, framework_name, served_by};
use prove::{Date, Guarantee, Report, Subject, guarantees};

use super::markdown::render;
use super::{refuse, say};
use crate::cli::{Explain, Format, Global};
use crate::pipeline::Read;
use crate::terminal::{print, style};
use crate::{Ending, codes, pipeline};

/// Runs it.
pub fn run(global: &Global, options: &Explain, today: Date) -> Ending {
    if global.format == Format::Sarif {
        let text = "`steward explain` has no output as SARIF";
        let diagnostic = Diagnostic::error(codes::NO_SUCH_FORM, Span::NONE, text);
        return refuse(global, diagnostic.help("`--format json` is for programs"));
    }
    let style = match global.format {
        Format::Text | Format::Csv | Format::Svg | Format::Markdown => style(global),
        // A program gets the text as it is.
        Format::Json | Format::Sarif => Style { colour: false, unicode: true, ..style(global) },
    };
    let Some(topic) = &options.topic else {
        print(&everything(global, style));
        return Ending::Good;
    };
    if let Some(path) = &options.path {
        let mut read = pipeline::read(path, today);
        let report = read.prove();
        let Some((estate, report)) = read.estate.as_ref().zip(report.as_ref()) else {
            say(global, &read.diagnostics, &read.sources);
            return Ending::Mistake;
        };
        return resource(global, topic, estate, report, &read, style);
    }
    if let Some(guarantee) = guarantees::by_id(topic) {
        tell(global, topic, "guarantee", guarantee_page(guarantee, style));
    } else if let Some(info) = codes::all().into_iter().find(|info| info.code.0.eq_ignore_ascii_case(topic)) {
        tell(global, topic, "code", code_page(info, style));
    } else if let Some(page) = control_page(topic, style) {
        tell(global, topic, "control", page);
    } else if let Some(page) = framework_page(topic, style) {
        tell(global, topic, "framework", page);
    } else {
        let ids = guarantees::ALL.iter().map(|guarantee| guarantee.id);
        let controls = CONTROLS.iter().flat_map(|control| [control.framework, control.id]);
        let candidates = ids.chain(codes::all().into_iter().map(|info| info.code.0)).chain(controls);
        let help = did_you_mean(topic, candidates).unwrap_or_else(|| {
            "`steward explain` lists what there is; a resource needs its estate's path behind it".into()
        });
        let text = format!("there is no guarantee, code or control `{topic}`");
        return refuse(global, Diagnostic::error(codes::UNKNOWN_TOPIC, Span::NONE, text).help(help));
    }
    Ending::Good
}

/// Prints the page of a topic in the form that was asked for.
fn tell(global: &Global, topic: &str, kind: &str, page: String) {
    if global.format == Format::Text {
        return print(&page);
    }
    let one =
        serde_json::json!({ "schema": "steward-explain/1", "topic": topic, "kind": kind, "text": page });
    print(&format!("{one:#}\n"));
}

/// Every guarantee and every code.
fn everything(global: &Global, style: Style) -> String {
    if global.format != Format::Text {
        let guarantees = guarantees::ALL.iter().map(|guarantee| {
            let serves: Vec<_> = served_by(guarantee.id).map(|control| format!("{} {}", control.framework, control.id)).collect();
            serde_json::json!({ "id": guarantee.id, "title": guarantee.title, "level": guarantee.level.word(), "controls": serves })
        });
        let codes = codes::all().into_iter().map(|info| {
            serde_json::json!({ "code": info.code.0, "title": info.title, "explanation": info.explanation })
        });
        let all = serde_json::json!({ "guarantees": guarantees.collect::<Vec<_>>(), "codes": codes.collect::<Vec<_>>() });
        return format!("{all:#}\n");
    }
    let mut out = format!("{}\n\n", style.paint(Ink::Heading, "Guarantees"));
    let rows: Vec<_> = guarantees::ALL
        .iter()
        .map(|guarantee| (guarantee.id, guarantee.title, guarantee.level.word()))
        .collect();
    table(&mut out, rows.iter().map(|(id, title, level)| (*id, format!("{title} ({level})"))), style);
    let _ = write!(out, "\n{}\n\n", style.paint(Ink::Heading, "Messages"));
    table(&mut out, codes::all().into_iter().map(|info| (info.code.0, info.title.to_owned())), style);
    out.push_str("\nsteward explain NAME says what one of them means.\n");
    out
}

fn table<'a>(out: &mut String, rows: impl Iterator<Item = (&'a str, String)>, style: Style) {
    let rows: Vec<_> = rows.collect();
    let widest = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, text) in rows {
        let lines = wrap(&text, style.width.min(120).saturating_sub(widest + 4));
        for (at, line) in lines.iter().enumerate() {
            let name = if at == 0 { name } else { "" };
            let _ = writeln!(out, "  {}  {line}", style.paint(Ink::Literal, &format!("{name:widest$}")));
        }
    }
}

fn guarantee_page(guarantee: &Guarantee, style: Style) -> String {
    let mut page = render(guarantee.page, style);
    let _ = write!(page, "\n{}\n\n", style.paint(Ink::Heading, "Controls it serves"));
    controls(&mut page, served_by(guarantee.id), style);
    page
}

fn controls<'a>(page: &mut String, controls: impl Iterator<Item = &'a Control>, style: Style) {
    let rows: Vec<_> = controls
        .map(|control| (format!("{} {}", framework_name(control.framework), control.id), control.title))
        .collect();
    table(page, rows.iter().map(|(name, title)| (name.as_str(), (*title).to_owned())), style);
}

fn code_page(info: &CodeInfo, style: Style) -> String {
    let head = format!("{} {}", info.code, info.title);
    format!("{}\n\n{}", style.paint(Ink::Heading, &head), render(info.explanation, style))
}

/// The guarantees that serve a control, in every framework that has one of that name.
fn control_page(topic: &str, style: Style) -> Option<String> {
    let mut page = String::new();
    for control in CONTROLS.iter().filter(|control| control.id.eq_ignore_ascii_case(topic)) {
        let head = format!("{} {}: {}", framework_name(control.framework), control.id, control.title);
        let _ = write!(page, "{}\n\nServed by\n", style.paint(Ink::Heading, &head));
        let served = control.guarantees.iter().filter_map(|id| guarantees::by_id(id));
        table(&mut page, served.map(|guarantee| (guarantee.id, guarantee.title.to_owned())), style);
        page.push('\n');
    }
    (!page.is_empty()).then_some(page)
}

/// The controls of a framework, each with the guarantees that serve it.
fn framework_page(topic: &str, style: Style) -> Option<String> {
    let of = CONTROLS.iter().filter(|control| control.framework.eq_ignore_ascii_case(topic));
    let rows: Vec<_> = of
        .map(|control| (control.id, format!("{} ({})", control.title, control.guarantees.join(", "))))
        .collect();
    let name = CONTROLS.iter().find(|control| control.framework.eq_ignore_ascii_case(topic))?.framework;
    let mut page = format!("{}\n\n", style.paint(Ink::Heading, framework_name(name)));
    table(&mut page, rows.into_iter(), style);
    page.push_str("\nsteward explain CONTROL and steward explain GUARANTEE say more.\n");
    Some(page)
}

/// Every resource that `topic` names, by its logical id or its path.
fn resource(
    global: &Global,
    topic: &str,
    estate: &Estate,
    report: &Report,
    read: &Read,
    style: Style,
) -> Ending {
    let index = Index::new(estate);
    let path = |found: ResourceRef<'_>| format!("{}/{}", estate.stack_path(found.stack_id), found.id);
    let named: Vec<ResourceRef<'_>> =
        index.all().filter(|found| found.id == topic || path(*found) == topic).collect();
    if named.is_empty() {
        let help = did_you_mean(topic, index.all().map(|found| found.id.as_str()));
        let text = format!("`{}` has no resource `{topic}`", read.name);
        return refuse(global, Diagnostic::error(codes::UNKNOWN_TOPIC, Span::NONE, text).maybe_help(help));
    }
    let pages = named.iter().map(|found| resource_page(*found, &path(*found), report, read, style));
    tell(global, topic, "resource", pages.collect::<Vec<_>>().join("\n"));
    Ending::Good
}

fn resource_page(found: ResourceRef<'_>, path: &str, report: &Report, read: &Read, style: Style) -> String {
    let mut out = format!("{}\n{}\n\n", style.paint(Ink::Heading, path), found.resource.kind);
    let origin = &found.resource.origin;
    if !origin.component.is_empty() {
        let _ = writeln!(out, "made by the component `{}`", origin.component);
    }
    if let Some(at) = read.sources.locate(origin.span) {
        let _ = writeln!(out, "because of {}:{}:{}", printable(&at.file), at.line, at.column);
        let line = read.sources.file_of(origin.span).map_or("", |file| file.line(at.line));
        let _ = writeln!(out, "    {}", style.paint(Ink::Literal, &printable(line.trim())));
    }
    let subject = Subject::of(found);
    let _ = write!(out, "\n{}\n\n", style.paint(Ink::Heading, "What is guaranteed of it"));
    let mut any = false;
    for checked in &report.guarantees {
        let finding = checked.findings.iter().find(|finding| finding.subject == subject);
        let (ink, word) = match finding {
            Some(finding) => match finding.verdict {
                prove::Verdict::Violated => (Ink::Bad, finding.verdict.word()),
                prove::Verdict::Unknown => (Ink::Doubt, finding.verdict.word()),
                prove::Verdict::Excepted => (Ink::Excepted, finding.verdict.word()),
                prove::Verdict::Proved => (Ink::Good, finding.verdict.word()),
            },
            None if checked.proved.contains(&subject) => (Ink::Good, "proved"),
            None => continue,
        };
        any = true;
        let _ = writeln!(out, "  {}  {}", style.paint(ink, &format!("{word:8}")), checked.guarantee.title);
        if let Some(finding) = finding {
            for line in wrap(&finding.message, style.width.saturating_sub(12)) {
                let _ = writeln!(out, "            {line}");
            }
        }
    }
    if !any {
        out.push_str("  no guarantee speaks of resources of this type\n");
    }
    let served = report.guarantees.iter().filter(|checked| {
        checked.proved.contains(&subject) || checked.findings.iter().any(|finding| finding.subject == subject)
    });
    let ids: Vec<&str> = served.map(|checked| checked.guarantee.id).collect();
    let of_resource = CONTROLS.iter().filter(|control| control.guarantees.iter().any(|id| ids.contains(id)));
    let _ = write!(out, "\n{}\n\n", style.paint(Ink::Heading, "Controls it serves"));
    controls(&mut out, of_resource, style);
    out
}
