//! Diagnostics as text: message, source excerpt, what was expected, advice.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::{Diagnostic, Diagnostics, Severity, SourceMap, Span};

/// How text is rendered.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Whether ANSI colours are used.
    pub colour: bool,
    /// Width of the terminal in columns; long excerpt lines are cut to it.
    pub width: usize,
}

impl Default for Style {
    fn default() -> Self {
        Self { colour: false, width: 100 }
    }
}

/// Lines longer than this are cut around the place before they are shown (minified JSON).
const LONGEST_LINE: usize = 400;

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
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let message = printable(&diagnostic.message);
    let title = level.primary_title(message.as_str()).id(diagnostic.code.0);
    let label = diagnostic.label.as_deref().map(printable);
    let related: Vec<_> = diagnostic.related.iter().map(|r| (r.span, printable(&r.label))).collect();
    let places = std::iter::once((diagnostic.span, label.as_deref(), AnnotationKind::Primary))
        .chain(related.iter().map(|(span, label)| (*span, Some(label.as_str()), AnnotationKind::Context)));
    let excerpts: Vec<_> = places.filter_map(|(span, label, kind)| excerpt(span, label, kind, sources)).collect();
    let mut group = Group::with_title(title);
    for each in &excerpts {
        group = each.add_to(group);
    }
    let expected = diagnostic.expected.as_deref().map(|text| format!("expected {}", printable(text)));
    let help = diagnostic.help.as_deref().map(printable);
    if let Some(text) = &expected {
        group = group.element(Level::NOTE.message(text.as_str()));
    }
    if let Some(text) = &help {
        group = group.element(Level::HELP.message(text.as_str()));
    }
    let renderer = if style.colour { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Unicode).term_width(style.width);
    let mut text = renderer.render(&[group]);
    text.push('\n');
    text
}

/// Control characters other than newline never reach a terminal: a hostile file must not move its cursor.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

struct Excerpt<'a> {
    file: &'a str,
    source: String,
    first_line: usize,
    range: std::ops::Range<usize>,
    label: Option<&'a str>,
    kind: AnnotationKind,
    long: bool,
    column: usize,
}

impl Excerpt<'_> {
    fn add_to<'s>(&'s self, group: Group<'s>) -> Group<'s> {
        if self.long {
            let origin = Origin::path(self.file).line(self.first_line).char_column(self.column);
            return group.element(origin);
        }
        let mut annotation = self.kind.span(self.range.clone());
        if let Some(label) = self.label {
            annotation = annotation.label(label);
        }
        let snippet = Snippet::source(self.source.as_str()).line_start(self.first_line).path(self.file);
        group.element(snippet.annotation(annotation))
    }
}

/// The first line of the place with the part of it that the span covers. A place that goes over several
/// lines shows its first: what a person has to look at starts there.
fn excerpt<'a>(
    span: Span,
    label: Option<&'a str>,
    kind: AnnotationKind,
    sources: &'a SourceMap,
) -> Option<Excerpt<'a>> {
    let file = sources.file_of(span)?;
    let location = sources.locate(span)?;
    let line = file.line(location.line);
    let start = line.char_indices().nth(location.column - 1).map_or(line.len(), |(at, _)| at);
    let end = if location.end_line == location.line {
        line.char_indices().nth(location.end_column - 1).map_or(line.len(), |(at, _)| at)
    } else {
        line.trim_end().len()
    };
    // One source character stays one byte-aligned character, so that the marks stay under their text.
    let clean = |text: &str| text.chars().map(|c| if c.is_control() && c != '\t' { ' ' } else { c }).collect();
    let source: String = clean(line);
    Some(Excerpt {
        file: &file.name,
        long: line.len() > LONGEST_LINE,
        range: start..end.max(start),
        source,
        first_line: location.line,
        label,
        kind,
        column: location.column,
    })
}
