//! Text files and places in them.
//!
//! All files of a run share one space of byte positions, so a [`Span`] is two integers and knows its file.

use std::sync::Arc;

/// A half-open range of byte positions in the space of a [`SourceMap`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// First byte.
    pub lo: u32,
    /// One past the last byte.
    pub hi: u32,
}

impl Span {
    /// No place: the thing was derived, not written.
    pub const NONE: Self = Self { lo: u32::MAX, hi: u32::MAX };

    /// Whether this is no place at all.
    #[must_use]
    pub fn is_none(self) -> bool {
        self == Self::NONE
    }

    /// This span, or `other` where this is no place.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        if self.is_none() { other } else { self }
    }

    /// The smallest span that covers both; a missing one counts for nothing.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        if self.is_none() {
            other
        } else if other.is_none() {
            self
        } else {
            Self { lo: self.lo.min(other.lo), hi: self.hi.max(other.hi) }
        }
    }
}

/// Identifies a file of a [`SourceMap`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(u32);

/// One text file as it was read.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// The name a person knows it by, usually its path as given.
    pub name: Arc<str>,
    /// Its whole text.
    pub text: Arc<str>,
    start: u32,
    line_starts: Vec<u32>,
}

impl SourceFile {
    /// The span of bytes `lo..hi` of this file; clamped to its end.
    #[must_use]
    pub fn span(&self, lo: usize, hi: usize) -> Span {
        let clamp = |at: usize| self.start + u32::try_from(at.min(self.text.len())).unwrap_or(0);
        Span { lo: clamp(lo), hi: clamp(hi.max(lo)) }
    }

    /// The span of the whole file.
    #[must_use]
    pub fn whole(&self) -> Span {
        self.span(0, self.text.len())
    }

    /// The byte range of `span` within this file's text, on character boundaries.
    #[must_use]
    pub fn range(&self, span: Span) -> std::ops::Range<usize> {
        let clamp = |at: u32| self.text.floor_char_boundary(at.saturating_sub(self.start) as usize);
        let (lo, hi) = (clamp(span.lo), clamp(span.hi));
        lo..hi.max(lo)
    }

    /// The text of line `line` (from 1), without its end.
    #[must_use]
    pub fn line(&self, line: usize) -> &str {
        let lo = line.checked_sub(1).and_then(|i| self.line_starts.get(i)).map_or(0, |&at| at as usize);
        let hi = self.line_starts.get(line).map_or(self.text.len(), |&at| at as usize);
        self.text.get(lo..hi).unwrap_or("").trim_end_matches(['\n', '\r'])
    }

    fn line_of(&self, offset: u32) -> usize {
        self.line_starts.partition_point(|&at| at <= offset).max(1)
    }
}

/// Where a [`Span`] starts, for people: lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The file's name.
    pub file: Arc<str>,
    /// Line of the first byte, from 1.
    pub line: usize,
    /// Column of the first byte in characters, from 1.
    pub column: usize,
    /// Line of the last byte, from 1.
    pub end_line: usize,
    /// Column just after the last byte in characters, from 1.
    pub end_column: usize,
}

/// The text files of a run.
#[derive(Debug, Clone, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

impl SourceMap {
    /// An empty map.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a file. Returns `None` when all files together would exceed 4 GiB.
    pub fn add(&mut self, name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Option<FileId> {
        let text = text.into();
        // One position lies between files, so that an empty file and the end of a file have places too.
        let start = self.files.last().map_or(Some(0), |last| {
            last.start.checked_add(u32::try_from(last.text.len()).ok()?)?.checked_add(1)
        })?;
        start.checked_add(u32::try_from(text.len()).ok()?)?.checked_add(1)?;
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let line_starts =
            std::iter::once(0).chain(newlines.filter_map(|(at, _)| u32::try_from(at + 1).ok())).collect();
        let id = FileId(u32::try_from(self.files.len()).ok()?);
        self.files.push(SourceFile { name: name.into(), text, start, line_starts });
        Some(id)
    }

    /// A registered file; an id of another map yields `None`.
    #[must_use]
    pub fn file(&self, id: FileId) -> Option<&SourceFile> {
        self.files.get(id.0 as usize)
    }

    /// All files, in the order in which they were added.
    pub fn files(&self) -> impl Iterator<Item = &SourceFile> {
        self.files.iter()
    }

    /// The file that a span lies in.
    #[must_use]
    pub fn file_of(&self, span: Span) -> Option<&SourceFile> {
        if span.is_none() {
            return None;
        }
        let after = self.files.partition_point(|file| file.start <= span.lo);
        self.files.get(after.checked_sub(1)?)
    }

    /// The text that a span covers; empty where it is no place.
    #[must_use]
    pub fn snippet(&self, span: Span) -> &str {
        self.file_of(span).and_then(|file| file.text.get(file.range(span))).unwrap_or("")
    }

    /// Where a span starts and ends, for people.
    #[must_use]
    pub fn locate(&self, span: Span) -> Option<Location> {
        let file = self.file_of(span)?;
        let place = |offset: usize| {
            let line = file.line_of(u32::try_from(offset).unwrap_or(u32::MAX));
            let start = file.line_starts.get(line - 1).map_or(0, |&at| at as usize);
            (line, file.text.get(start..offset).map_or(0, |text| text.chars().count()) + 1)
        };
        let range = file.range(span);
        let ((line, column), (end_line, end_column)) = (place(range.start), place(range.end));
        Some(Location { file: file.name.clone(), line, column, end_line, end_column })
    }
}
