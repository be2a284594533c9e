//! Lines that stand further left than YAML allows, and that every reader of templates accepts all the same.
//!
//! In: a text and the place where the scanner gave up on its indentation. Out: the text with those lines moved
//! right, and the way back from places in it. Always: only lines inside quotes or brackets move, where leading
//! white space means nothing, so what the document says does not change.
//!
//! YAML wants the later lines of a quoted text or of a `[…]` to stand right of the key they belong to. libyaml
//! and its descendants, with which templates are written and deployed, do not insist; neither do we.

use std::collections::BTreeSet;

/// How far lines are moved: deeper than anybody indents.
const WIDTH: usize = 256;

/// How many bytes all attempts at one file may read together.
const MOST_WORK: usize = 64 << 20;

/// Lines to be moved right.
#[derive(Debug, Default)]
pub struct Padding {
    lines: BTreeSet<usize>,
    attempts: usize,
}

/// The text with lines moved, and where they start in it, counted in characters.
pub struct Padded {
    pub text: String,
    starts: Vec<usize>,
}

impl Padding {
    /// Whether nothing is moved.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Moves the lines that made the scanner give up with `message` at character `column` of line `line`
    /// (both from 0). `false` where that was not about indentation, or did not help before.
    pub fn add(&mut self, text: &str, message: &str, line: usize, column: usize) -> bool {
        self.attempts += 1;
        if self.attempts.saturating_mul(text.len()) > MOST_WORK {
            return false;
        }
        let before = self.lines.len();
        match message {
            "invalid indentation" | "invalid indentation in flow construct" => {
                self.lines.insert(line);
            }
            "invalid indentation in quoted scalar" => {
                let more = quoted_lines(text, line, column.saturating_sub(self.shift(line)));
                self.lines.extend(line + 1..=line + more);
            }
            _ => {}
        }
        self.lines.len() > before
    }

    fn shift(&self, line: usize) -> usize {
        if self.lines.contains(&line) { WIDTH } else { 0 }
    }

    /// Moves them.
    pub fn apply(&self, text: &str) -> Padded {
        let mut out = String::with_capacity(text.len() + self.lines.len() * WIDTH);
        let (mut starts, mut characters) = (Vec::with_capacity(self.lines.len()), 0);
        for (at, line) in text.split_inclusive('\n').enumerate() {
            if self.lines.contains(&at) {
                starts.push(characters);
                out.extend(std::iter::repeat_n(' ', WIDTH));
                characters += WIDTH;
            }
            out.push_str(line);
            characters += line.chars().count();
        }
        Padded { text: out, starts }
    }
}

impl Padded {
    /// The place in the text as it was written, in characters.
    pub fn original(&self, index: usize) -> usize {
        let moved = self.starts.partition_point(|start| start + WIDTH <= index);
        let within = self.starts.get(moved).map_or(0, |start| index.saturating_sub(*start).min(WIDTH));
        index - moved * WIDTH - within
    }
}

/// How many more lines the quoted text has that starts at a line and column.
fn quoted_lines(text: &str, line: usize, column: usize) -> usize {
    let mut rest = text;
    for _ in 0..line {
        rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
    }
    let mut characters = rest.chars().skip(column);
    let Some(quote) = characters.next() else { return 0 };
    let mut lines = 0;
    while let Some(c) = characters.next() {
        match c {
            '\n' => lines += 1,
            '\\' if quote == '"' => {
                lines += usize::from(characters.next() == Some('\n'));
            }
            // A doubled single quote closes and opens again: the lines are the same.
            c if c == quote && quote == '\'' => {
                let mut ahead = characters.clone();
                if ahead.next() != Some('\'') {
                    break;
                }
                characters = ahead;
            }
            c if c == quote => break,
            _ => {}
        }
    }
    lines
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{Padding, WIDTH};

    #[test]
    fn places_in_a_moved_text_lead_back() {
        let mut padding = Padding::default();
        assert!(padding.add("a: [\nb]\n", "invalid indentation", 1, 0));
        let padded = padding.apply("a: [\nb]\n");
        assert_eq!(padded.text.len(), 8 + WIDTH);
        for (index, original) in
            [(0, 0), (4, 4), (5, 5), (9, 5), (5 + WIDTH, 5), (6 + WIDTH, 6), (8 + WIDTH, 8)]
        {
            assert_eq!(padded.original(index), original, "{index}");
        }
    }
}
