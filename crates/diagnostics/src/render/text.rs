//! Diagnostics as text: message, source excerpt, what was expected, advice.

use std::borrow::Cow;
use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

pub use super::Style;
use super::{printable, wrap};
use crate::{Diagnostic, Diagnostics, Severity, SourceFile, SourceMap, Span};

/// Lines longer than this are not shown; their place is named instead (minified JSON).
const LONGEST_LINE: usize = 400;

/// Places of one file that are at most so many lines apart are shown in one excerpt.
const NEAR: usize = 6;

/// Renders all of `diagnostics`, a blank line between two, then a line on those not kept, if any.
#[must_use]
pub fn all(diagnostics: &Diagnostics, sources: &SourceMap, style: Style) -> String {
    let mut out = diagnostics.iter().map(|item| one(item, sources, style)).collect::<Vec<_>>().join("\n");
    if diagnostics.omitted() > 0 {
        out.push_str(&format!("\n… and {} more, not shown\n", diagnostics.omitted()));
    }
    out
}

/// Renders one diagnostic, ending in a newline.
#[must_use]
pub fn one(diagnostic: &Diagnostic, sources: &SourceMap, style: Style) -> String {
    let level = level(diagnostic.severity);
    let label = diagnostic.label.as_deref().map(printable);
    let related: Vec<_> = diagnostic.related.iter().map(|r| (r.span, printable(&r.label))).collect();
    let places = std::iter::once((diagnostic.span, label.as_deref(), AnnotationKind::Primary))
        .chain(related.iter().map(|(span, label)| (*span, Some(&**label), AnnotationKind::Context)));
    let excerpts = excerpts(places, sources, style.width);
    let head = super::columns(diagnostic.severity.word()) + super::columns(diagnostic.code.0) + 4;
    let message = wrapped(&diagnostic.message, style, head);
    let mut group = Group::with_title(level.primary_title(message.as_str()).id(diagnostic.code.0));
    for each in &excerpts {
        group = each.add_to(group);
    }
    let margin = gutter(&excerpts) + 3;
    let expected =
        diagnostic.expected.as_deref().map(|text| wrapped(&format!("expected {text}"), style, margin + 6));
    let help = diagnostic.help.as_deref().map(|text| wrapped(text, style, margin + 6));
    if let Some(text) = &expected {
        group = group.element(Level::NOTE.message(text.as_str()));
    }
    if let Some(text) = &help {
        group = group.element(Level::HELP.message(text.as_str()));
    }
    let mut text = renderer(style).render(&[group]);
    text.push('\n');
    text
}

/// The lines of source at `span` and at `related` places, marked and labelled, without a message: what a
/// verdict shows beside its own words. Empty where none of them is a place; ends in a newline otherwise.
#[must_use]
pub fn places(
    severity: Severity,
    span: Span,
    label: Option<&str>,
    related: &[(Span, String)],
    sources: &SourceMap,
    style: Style,
) -> String {
    let level = level(severity);
    // Two marks at one place are one mark.
    let own =
        related.iter().find(|(place, _)| *place == span && label.is_none()).map(|(_, label)| label.as_str());
    let label = label.or(own).map(printable);
    let others = related.iter().filter(|(place, text)| *place != span || Some(text.as_str()) != own);
    let related: Vec<_> = others.map(|(span, label)| (*span, printable(label))).collect();
    let all = std::iter::once((span, label.as_deref(), AnnotationKind::Primary))
        .chain(related.iter().map(|(span, label)| (*span, Some(&**label), AnnotationKind::Context)));
    let excerpts = excerpts(all, sources, style.width);
    if excerpts.is_empty() {
        return String::new();
    }
    let group = excerpts.iter().fold(Group::with_level(level), |group, each| each.add_to(group));
    let mut text = renderer(style).render(&[group]);
    text.push('\n');
    text
}

fn level(severity: Severity) -> Level<'static> {
    match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    }
}

fn renderer(style: Style) -> Renderer {
    let renderer = if style.colour { Renderer::styled() } else { Renderer::plain() };
    let decor = if style.unicode { DecorStyle::Unicode } else { DecorStyle::Ascii };
    renderer.decor_style(decor).term_width(style.width)
}

/// The text in lines that leave `taken` columns of the terminal to what stands before them.
fn wrapped(text: &str, style: Style, taken: usize) -> String {
    wrap(&printable(text), style.width.saturating_sub(taken)).join("\n")
}

/// How many columns a line's number takes.
fn digits(line: usize) -> usize {
    line.checked_ilog10().map_or(1, |digits| digits as usize + 1)
}

/// The columns that line numbers take.
fn gutter(excerpts: &[Excerpt<'_>]) -> usize {
    let last = |each: &Excerpt<'_>| each.first + each.source.lines().count().saturating_sub(1);
    excerpts
        .iter()
        .filter(|each| each.only_column.is_none())
        .map(|each| digits(last(each)))
        .max()
        .unwrap_or(0)
}

/// A place of which the first line is shown, with the part of it that the span covers. A place that goes
/// over several lines shows its first: what a person has to look at starts there.
struct Mark<'a> {
    line: usize,
    range: Range<usize>,
    label: Option<&'a str>,
    kind: AnnotationKind,
}

/// Lines of one file that are shown together.
struct Excerpt<'a> {
    name: Cow<'a, str>,
    first: usize,
    source: String,
    marks: Vec<(Range<usize>, Option<&'a str>, AnnotationKind)>,
    /// Labels that have no room beside their marks.
    notes: Vec<String>,
    /// The column to name instead of showing the line, where that is too long to be shown.
    only_column: Option<usize>,
}

impl Excerpt<'_> {
    fn add_to<'s>(&'s self, group: Group<'s>) -> Group<'s> {
        if let Some(column) = self.only_column {
            return group.element(Origin::path(&*self.name).line(self.first).char_column(column));
        }
        let mut snippet = Snippet::source(self.source.as_str()).line_start(self.first).path(&*self.name);
        for (range, label, kind) in &self.marks {
            let annotation = kind.span(range.clone());
            snippet = snippet.annotation(match label {
                Some(label) => annotation.label(*label),
                None => annotation,
            });
        }
        let group = group.element(snippet);
        self.notes
            .iter()
            .fold(group, |group, note| group.element(Level::NOTE.no_name().message(note.as_str())))
    }
}

/// The places as excerpts, in order; those that lie near each other in one file share an excerpt.
fn excerpts<'a>(
    places: impl Iterator<Item = (Span, Option<&'a str>, AnnotationKind)>,
    sources: &'a SourceMap,
    width: usize,
) -> Vec<Excerpt<'a>> {
    let mut groups: Vec<(&SourceFile, usize, Vec<Mark<'_>>)> = Vec::new();
    for (span, label, kind) in places {
        let (Some(file), Some(location)) = (sources.file_of(span), sources.locate(span)) else { continue };
        let line = file.line(location.line);
        let byte = |column: usize| line.char_indices().nth(column - 1).map_or(line.len(), |(at, _)| at);
        let start = byte(location.column);
        let end = if location.end_line == location.line {
            byte(location.end_column)
        } else {
            line.trim_end().len()
        };
        let mark = Mark { line: location.line, range: start..end.max(start), label, kind };
        let near = |(other, _, marks): &&mut (&SourceFile, usize, Vec<Mark<'_>>)| {
            std::ptr::eq(*other, file) && marks.iter().all(|at| at.line.abs_diff(mark.line) <= NEAR)
        };
        match groups.iter_mut().find(near) {
            Some((_, _, marks)) => marks.push(mark),
            None => groups.push((file, location.column, vec![mark])),
        }
    }
    groups.into_iter().map(|(file, column, marks)| excerpt(file, column, marks, width)).collect()
}

fn excerpt<'a>(file: &'a SourceFile, column: usize, marks: Vec<Mark<'a>>, width: usize) -> Excerpt<'a> {
    let first = marks.iter().map(|mark| mark.line).min().unwrap_or(1);
    let last = marks.iter().map(|mark| mark.line).max().unwrap_or(1);
    let too_long = (first..=last).any(|line| file.line(line).len() > LONGEST_LINE);
    let mut excerpt = Excerpt {
        name: printable(&file.name),
        first,
        source: String::new(),
        marks: Vec::new(),
        notes: Vec::new(),
        only_column: None,
    };
    if too_long {
        excerpt.first = marks.first().map_or(first, |mark| mark.line);
        excerpt.only_column = Some(column);
        return excerpt;
    }
    let mut starts = Vec::with_capacity(last - first + 1);
    for line in first..=last {
        starts.push(excerpt.source.len());
        excerpt.source.extend(file.line(line).chars().map(shown));
        excerpt.source.push('\n');
    }
    let margin = digits(last) + 3;
    let several = marks.len() > 1;
    for mark in marks {
        let start = starts.get(mark.line - first).copied().unwrap_or(0);
        let range = start + mark.range.start..start + mark.range.end;
        let before = excerpt.source.get(start..range.end).map_or(0, super::columns);
        let room = width.saturating_sub(margin + before + 1);
        match mark.label {
            Some(label) if super::columns(label) > room => {
                let text = if several { format!("line {}: {label}", mark.line) } else { label.to_owned() };
                excerpt.notes.push(wrap(&text, width.saturating_sub(margin)).join("\n"));
                excerpt.marks.push((range, None, mark.kind));
            }
            label => excerpt.marks.push((range, label, mark.kind)),
        }
    }
    excerpt
}

/// A character of a source line as it is shown. It takes as many bytes as before, so that the marks stay
/// under their text.
fn shown(c: char) -> char {
    match c {
        '\t' => c,
        c if c.is_control() && c.len_utf8() == 1 => ' ',
        c if c.is_control() => '\u{a0}',
        c => c,
    }
}
