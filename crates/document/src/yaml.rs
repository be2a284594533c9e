//! YAML, from parser events to the tree, without recursion.

use std::collections::HashMap;

use diagnostics::{Diagnostic, Diagnostics, SourceFile, Span};
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Tag};
use smol_str::SmolStr;

use crate::indentation::{Padded, Padding};
use crate::{
    BAD_MERGE, DUPLICATE_KEY, Dialect, Entry, KEY_NOT_SCALAR, Key, Kind, Limits, Node, SEVERAL_DOCUMENTS,
    SYNTAX, Syntax, TOO_DEEP, TOO_LARGE, UNKNOWN_ALIAS,
};

/// Reads the one document of a file; `None` on a mistake of syntax.
pub fn parse(file: &SourceFile, syntax: Syntax, diagnostics: &mut Diagnostics) -> Option<Node> {
    let mut padding = Padding::default();
    loop {
        let mut own = Diagnostics::new();
        let padded = (!padding.is_empty()).then(|| padding.apply(&file.text));
        match attempt(file, padded.as_ref(), syntax, &mut own) {
            Ok(node) => {
                diagnostics.append(own);
                return node;
            }
            Err(error) => {
                let at = error.marker();
                if !padding.add(&file.text, error.info(), at.line().saturating_sub(1), at.col()) {
                    diagnostics.append(own);
                    diagnostics.push(malformed(file, padded.as_ref(), &error));
                    return None;
                }
            }
        }
    }
}

/// Reads the text once, with lines moved or as it is.
fn attempt(
    file: &SourceFile,
    padded: Option<&Padded>,
    syntax: Syntax,
    diagnostics: &mut Diagnostics,
) -> Result<Option<Node>, ScanError> {
    let mut builder = Builder {
        places: Places::new(file, padded),
        syntax,
        budget: Budget::new(syntax.limits),
        open: Vec::new(),
        anchors: HashMap::new(),
        document: None,
        diagnostics,
    };
    for event in Parser::new_from_str(padded.map_or(&*file.text, |padded| padded.text.as_str())) {
        let (event, at) = event?;
        if builder.event(event, at).is_none() {
            return Ok(None);
        }
    }
    Ok(Some(builder.document.unwrap_or_else(|| Node::new(file.span(0, 0), Kind::Null))))
}

fn malformed(file: &SourceFile, padded: Option<&Padded>, error: &ScanError) -> Diagnostic {
    let at = Places::new(file, padded).byte(error.marker().index());
    let end = file.text.get(at..).and_then(|rest| rest.chars().next()).map_or(at, |c| at + c.len_utf8());
    let text = format!("this is not well-formed YAML: {}", error.info());
    // The scanner counts flow levels in a byte and gives up before our own limit is asked.
    let code = if error.info().starts_with("recursion limit") { TOO_DEEP } else { SYNTAX };
    let diagnostic = Diagnostic::error(code, file.span(at, end), text);
    if file.line(error.marker().line()).trim_start_matches(' ').starts_with('\t') {
        return diagnostic.help("indent with spaces: YAML does not allow tabs");
    }
    diagnostic
}

/// What is left of the limits.
pub struct Budget {
    limits: Limits,
    nodes: usize,
    alias_nodes: usize,
}

impl Budget {
    pub fn new(limits: Limits) -> Self {
        Self { limits, nodes: limits.nodes, alias_nodes: limits.alias_nodes }
    }

    pub fn check_depth(&self, depth: usize, span: Span, diagnostics: &mut Diagnostics) -> Option<()> {
        if depth <= self.limits.depth {
            return Some(());
        }
        let text = format!("the document is nested more than {} levels deep", self.limits.depth);
        diagnostics.push(Diagnostic::error(TOO_DEEP, span, text));
        None
    }

    pub fn take(&mut self, count: usize, span: Span, diagnostics: &mut Diagnostics) -> Option<()> {
        self.nodes = match self.nodes.checked_sub(count) {
            Some(left) => left,
            None => return too_large(&format!("{} values", self.limits.nodes), span, diagnostics),
        };
        Some(())
    }

    fn take_alias(&mut self, count: usize, span: Span, diagnostics: &mut Diagnostics) -> Option<()> {
        self.alias_nodes = match self.alias_nodes.checked_sub(count) {
            Some(left) => left,
            None => {
                let what = format!("{} values repeated by aliases", self.limits.alias_nodes);
                return too_large(&what, span, diagnostics);
            }
        };
        self.take(count, span, diagnostics)
    }
}

fn too_large(what: &str, span: Span, diagnostics: &mut Diagnostics) -> Option<()> {
    diagnostics.push(Diagnostic::error(TOO_LARGE, span, format!("the document has more than {what}")));
    None
}

/// Drops entries whose key stood before, with a diagnostic each.
pub fn without_duplicates(entries: Vec<Entry>, diagnostics: &mut Diagnostics) -> Vec<Entry> {
    let mut first: HashMap<SmolStr, Span> = HashMap::with_capacity(entries.len());
    let mut out = Vec::with_capacity(entries.len());
    for entry in entries {
        if let Some(before) = first.get(&entry.key.text) {
            let text = format!("`{}` stands twice in this mapping", entry.key.text);
            let twice = Diagnostic::error(DUPLICATE_KEY, entry.key.span, text)
                .related(*before, "first here")
                .help("remove or rename one of the two");
            diagnostics.push(twice);
        } else {
            first.insert(entry.key.text.clone(), entry.key.span);
            out.push(entry);
        }
    }
    out
}

/// Positions of the parser count characters; spans count bytes.
struct Places<'a> {
    file: &'a SourceFile,
    padded: Option<&'a Padded>,
    /// Byte offset of every `STRIDE`th character; empty where the text is ASCII.
    checkpoints: Vec<usize>,
}

impl<'a> Places<'a> {
    const STRIDE: usize = 64;

    fn new(file: &'a SourceFile, padded: Option<&'a Padded>) -> Self {
        let checkpoints = if file.text.is_ascii() {
            Vec::new()
        } else {
            file.text.char_indices().step_by(Self::STRIDE).map(|(at, _)| at).collect()
        };
        Self { file, padded, checkpoints }
    }

    fn byte(&self, index: usize) -> usize {
        let index = self.padded.map_or(index, |padded| padded.original(index));
        let len = self.file.text.len();
        if self.checkpoints.is_empty() {
            return index.min(len);
        }
        let Some(&start) = self.checkpoints.get(index / Self::STRIDE) else { return len };
        let rest = self.file.text.get(start..).unwrap_or("");
        rest.char_indices().nth(index % Self::STRIDE).map_or(len, |(at, _)| start + at)
    }

    fn span(&self, at: saphyr_parser::Span) -> Span {
        self.file.span(self.byte(at.start.index()), self.byte(at.end.index()))
    }

    /// The span without white space at its end, which the parser counts to a plain or block scalar.
    fn trimmed(&self, at: saphyr_parser::Span) -> Span {
        let span = self.span(at);
        let text = self.file.text.get(self.file.range(span)).unwrap_or("");
        let cut = text.len() - text.trim_end().len();
        Span { lo: span.lo, hi: span.hi - u32::try_from(cut).unwrap_or(0) }
    }
}

/// A collection that is not closed yet.
struct Open {
    start: Span,
    tag: Option<SmolStr>,
    anchor: usize,
    items: Items,
}

enum Items {
    List(Vec<Node>),
    Map(Vec<Entry>, Option<Key>),
}

struct Builder<'a> {
    places: Places<'a>,
    syntax: Syntax,
    budget: Budget,
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, usize)>,
    document: Option<Node>,
    diagnostics: &'a mut Diagnostics,
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, at: saphyr_parser::Span) -> Option<()> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Some(()),
            Event::DocumentStart(_) => self.document_start(at),
            Event::Scalar(text, style, anchor, tag) => {
                let span = self.places.trimmed(at);
                self.budget.take(1, span, self.diagnostics)?;
                // A key is the word that is written: a resource may be called `Off`.
                let is_key = matches!(self.open.last(), Some(Open { items: Items::Map(_, None), .. }));
                let node = match is_key {
                    true => Node::new(span, Kind::String(SmolStr::new(&text))),
                    false => scalar(&text, style, tag.as_deref(), span, self.syntax.dialect),
                };
                self.finish(node, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.start(at, anchor, tag.as_deref(), Items::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                self.start(at, anchor, tag.as_deref(), Items::Map(Vec::new(), None))
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(at),
            Event::Alias(anchor) => self.alias(anchor, at),
        }
    }

    fn document_start(&mut self, at: saphyr_parser::Span) -> Option<()> {
        if self.document.is_none() {
            return Some(());
        }
        let span = self.places.span(at);
        let text = "a second YAML document starts here";
        self.diagnostics.push(Diagnostic::error(SEVERAL_DOCUMENTS, span, text));
        None
    }

    fn start(
        &mut self,
        at: saphyr_parser::Span,
        anchor: usize,
        tag: Option<&Tag>,
        items: Items,
    ) -> Option<()> {
        let start = self.places.span(at);
        self.budget.check_depth(self.open.len() + 1, start, self.diagnostics)?;
        self.budget.take(1, start, self.diagnostics)?;
        self.open.push(Open { start, tag: own_tag(tag), anchor, items });
        Some(())
    }

    fn end(&mut self, at: saphyr_parser::Span) -> Option<()> {
        let Open { start, tag, anchor, items } = self.open.pop()?;
        let end = self.places.span(at);
        let (kind, last) = match items {
            Items::List(items) => {
                let last = items.last().map(|item| item.span);
                (Kind::List(items), last)
            }
            Items::Map(entries, _) => {
                let last = entries.last().map(|entry| entry.key.span.to(entry.value.span));
                let entries = if self.syntax.merge_keys { self.merged(entries) } else { entries };
                (Kind::Map(without_duplicates(entries, self.diagnostics)), last)
            }
        };
        // A block collection has no closing mark: it ends where its last item does. An item that an alias
        // repeats lies elsewhere and says nothing about the end.
        let closed = end.hi > end.lo;
        let hi = if closed { end.hi } else { last.map_or(start.hi, |last| last.hi) };
        let span = Span { lo: start.lo, hi: hi.clamp(start.lo, end.hi.max(start.lo)) };
        self.finish(Node { span, tag, kind }, anchor)
    }

    fn alias(&mut self, anchor: usize, at: saphyr_parser::Span) -> Option<()> {
        let span = self.places.span(at);
        let Some((node, count)) = self.anchors.get(&anchor) else {
            let text = "this alias stands inside the anchor it names, or names none";
            self.diagnostics.push(Diagnostic::error(UNKNOWN_ALIAS, span, text));
            return None;
        };
        self.budget.take_alias(*count, span, self.diagnostics)?;
        let node = node.clone();
        self.budget.check_depth(self.open.len() + node.depth(), span, self.diagnostics)?;
        self.place(node)
    }

    /// A node is complete: remember it under its anchor and put it where it belongs.
    fn finish(&mut self, node: Node, anchor: usize) -> Option<()> {
        if anchor > 0 {
            let count = node.count();
            self.budget.take(count, node.span, self.diagnostics)?;
            self.anchors.insert(anchor, (node.clone(), count));
        }
        self.place(node)
    }

    fn place(&mut self, node: Node) -> Option<()> {
        match self.open.last_mut().map(|open| &mut open.items) {
            None => self.document = Some(node),
            Some(Items::List(items)) => items.push(node),
            Some(Items::Map(entries, pending)) => match pending.take() {
                Some(key) => entries.push(Entry { key, value: node }),
                None => match key_text(&node) {
                    Some(text) => *pending = Some(Key { text, span: node.span }),
                    None => {
                        let text = format!("a key must be a word, not {}", node.describe());
                        self.diagnostics.push(Diagnostic::error(KEY_NOT_SCALAR, node.span, text));
                        return None;
                    }
                },
            },
        }
        Some(())
    }

    /// Entries with those of `<<` added behind them; what the mapping says itself wins, and of several
    /// merged mappings the first. Source: YAML Language-Independent Types, "merge".
    fn merged(&mut self, entries: Vec<Entry>) -> Vec<Entry> {
        let (merges, mut own): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|entry| entry.key.text == "<<");
        let mut seen: std::collections::HashSet<SmolStr> =
            own.iter().map(|entry| entry.key.text.clone()).collect();
        for merge in merges {
            let parts = match merge.value.kind {
                Kind::List(items) => items,
                _ => vec![merge.value],
            };
            for part in parts {
                let Kind::Map(inherited) = part.kind else {
                    let text = format!("`<<` merges a mapping, not {}", part.describe());
                    self.diagnostics.push(Diagnostic::error(BAD_MERGE, merge.key.span, text));
                    continue;
                };
                own.extend(inherited.into_iter().filter(|entry| seen.insert(entry.key.text.clone())));
            }
        }
        own
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span, dialect: Dialect) -> Node {
    let core = tag.filter(|tag| tag.is_yaml_core_schema()).map(|tag| tag.suffix.as_str());
    let kind = match (core, style) {
        (Some("str"), _) => Kind::String(SmolStr::new(text)),
        (Some(_), _) | (None, ScalarStyle::Plain) => dialect.resolve(text),
        (None, _) => Kind::String(SmolStr::new(text)),
    };
    // `!Ref yes` names something: a tag of one's own takes text.
    let own = own_tag(tag);
    let kind = if own.is_some() { Kind::String(SmolStr::new(text)) } else { kind };
    Node { span, tag: own, kind }
}

fn own_tag(tag: Option<&Tag>) -> Option<SmolStr> {
    tag.filter(|tag| !tag.is_yaml_core_schema())
        .map(|tag| SmolStr::new(format!("{}{}", tag.handle, tag.suffix)))
}

/// The text of a key; an alias may stand for one, so any scalar can.
fn key_text(node: &Node) -> Option<SmolStr> {
    match &node.kind {
        Kind::Null => Some(SmolStr::new_static("null")),
        _ => node.as_scalar_text(),
    }
}
