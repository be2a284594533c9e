//! Colours by meaning, and what the terminal can show.
//!
//! In: text and what it means ([`Ink`]). Out: the same text, with ANSI codes where the [`Style`] has colour.
//! Always: without colour nothing is added; a control character of a user's file never reaches a terminal.

use std::borrow::Cow;

use anstyle::{AnsiColor, Color};

/// How text is rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether ANSI colours are used.
    pub colour: bool,
    /// Whether characters outside ASCII may be drawn with.
    pub unicode: bool,
    /// Width of the terminal in columns: text is wrapped to it, excerpts are cut to it.
    pub width: usize,
}

impl Default for Style {
    fn default() -> Self {
        Self { colour: false, unicode: true, width: 100 }
    }
}

/// What a piece of text means, which decides how it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// As the terminal writes.
    Plain,
    /// Something to notice.
    Strong,
    /// Something that may be passed over.
    Dim,
    /// What holds.
    Good,
    /// What does not hold.
    Bad,
    /// What is not known.
    Doubt,
    /// What somebody answers for.
    Excepted,
    /// Names and values as they are written in files.
    Literal,
    /// Titles.
    Heading,
}

impl Ink {
    fn ansi(self) -> anstyle::Style {
        let plain = anstyle::Style::new();
        let colour = |colour: AnsiColor| plain.fg_color(Some(Color::Ansi(colour)));
        match self {
            Self::Plain => plain,
            Self::Strong => plain.bold(),
            Self::Dim => colour(AnsiColor::BrightBlack),
            Self::Good => colour(AnsiColor::Green),
            Self::Bad => colour(AnsiColor::BrightRed).bold(),
            Self::Doubt => colour(AnsiColor::Yellow),
            Self::Excepted => colour(AnsiColor::Magenta),
            Self::Literal => colour(AnsiColor::Cyan),
            Self::Heading => plain.bold().underline(),
        }
    }
}

impl Style {
    /// `text` in the colour of `ink`, where there is colour.
    #[must_use]
    pub fn paint(&self, ink: Ink, text: &str) -> String {
        if !self.colour || ink == Ink::Plain || text.is_empty() {
            return text.to_owned();
        }
        let ansi = ink.ansi();
        format!("{ansi}{text}{ansi:#}")
    }

    /// One of two drawings: the first where the terminal shows more than ASCII.
    #[must_use]
    pub fn glyph<'a>(&self, unicode: &'a str, ascii: &'a str) -> &'a str {
        if self.unicode { unicode } else { ascii }
    }

    /// Paints lines of one text in `ink`, and what stands between backticks in it as [`Ink::Literal`]; with
    /// colour the backticks themselves are left out. A pair may begin on one line and end on another.
    #[must_use]
    pub fn paint_lines(&self, ink: Ink, lines: &[String]) -> Vec<String> {
        let mut inside = false;
        let mut paint = |line: &String| {
            if !self.colour {
                return line.clone();
            }
            let mut out = String::new();
            for (at, piece) in line.split('`').enumerate() {
                inside ^= at > 0;
                out.push_str(&self.paint(if inside { Ink::Literal } else { ink }, piece));
            }
            out
        };
        lines.iter().map(&mut paint).collect()
    }
}

/// Control characters other than newline never reach a terminal: a hostile file must not move its cursor.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    let hidden = |c: char| c.is_control() && c != '\n';
    if text.contains(hidden) {
        Cow::Owned(text.chars().map(|c| if hidden(c) { '\u{fffd}' } else { c }).collect())
    } else {
        Cow::Borrowed(text)
    }
}
