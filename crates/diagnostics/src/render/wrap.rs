//! Text in a number of columns.
//!
//! In: text and a width. Out: lines no wider than that, measured in columns of a terminal. Always: every
//! character that is not white space at a break is still there, in order.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The narrowest width that is honoured: below it nothing readable can be written.
const NARROWEST: usize = 16;

/// How many columns `text` takes in a terminal.
#[must_use]
pub fn columns(text: &str) -> usize {
    text.width()
}

/// Breaks `text` into lines of at most `width` columns, between words where there are any; a longer word is
/// broken after `/`, `:`, `,` or `-` where that is possible. Newlines of the text are kept.
#[must_use]
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(NARROWEST);
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            let room = columns(&line) + usize::from(!line.is_empty()) + columns(word);
            if room <= width {
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(word);
                continue;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            let mut rest = word;
            while columns(rest) > width {
                let (piece, after) = rest.split_at(break_at(rest, width));
                lines.push(piece.to_owned());
                rest = after;
            }
            rest.clone_into(&mut line);
        }
        lines.push(line);
    }
    lines
}

/// The first `width` columns of `text`, the last of them `…` or `.` where something is left out.
#[must_use]
pub fn cut(text: &str, width: usize, ellipsis: &str) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let fits = prefix(text, width.saturating_sub(columns(ellipsis)));
    format!("{}{ellipsis}", text.get(..fits).unwrap_or("").trim_end())
}

/// How many bytes of `text` take at most `width` columns.
fn prefix(text: &str, width: usize) -> usize {
    let mut taken = 0;
    for (at, c) in text.char_indices() {
        taken += c.width().unwrap_or(0);
        if taken > width {
            return at;
        }
    }
    text.len()
}

/// Where a word wider than `width` is broken: after the last joint that fits, else where it is full; never at 0.
fn break_at(word: &str, width: usize) -> usize {
    let full = prefix(word, width);
    let first = word.chars().next().map_or(word.len(), char::len_utf8);
    let head = word.get(..full).unwrap_or("");
    let joint = head.rfind(['/', ':', ',', '-', '|', '&', '=']).map_or(0, |at| at + 1);
    let chosen = if joint > full / 3 { joint } else { full };
    chosen.max(first)
}

#[cfg(test)]
mod tests {
    use super::{columns, cut, wrap};

    #[test]
    fn lines_fit_and_lose_nothing() {
        let text = "the bucket arn:aws:s3:::a-very-long-name-of-a-bucket/with/a/path/of/many/parts is open 記録 bucket";
        for width in [16, 20, 40, 80] {
            let lines = wrap(text, width);
            assert!(lines.iter().all(|line| columns(line) <= width), "{lines:#?}");
            let joined: String = lines.concat().split_whitespace().collect();
            assert_eq!(joined, text.split_whitespace().collect::<String>());
        }
        assert_eq!(wrap("", 80), [""]);
        assert_eq!(wrap("a\n\nb", 80), ["a", "", "b"]);
        assert_eq!(wrap("one two three", 16), ["one two three"]);
    }

    #[test]
    fn wide_characters_count_for_their_columns() {
        assert_eq!(cut("記録記録記録", 7, "…"), "記録記…");
        assert_eq!(cut("short", 7, "…"), "short");
    }
}
