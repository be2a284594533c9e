//! Expressions as JSON: functions in their long form, small things on one line.

use super::expression::{Expression, float};

/// Where lines are broken, if there is a place to break them.
const WIDTH: usize = 100;

/// Writes `value`, which begins at column `column` of a line indented by `indent` spaces.
pub(crate) fn write(value: &Expression<'_>, indent: usize, column: usize, out: &mut Vec<u8>) {
    match value {
        Expression::List(items) if !items.is_empty() && !fits(value, column) => {
            out.extend_from_slice(b"[");
            for (i, item) in items.iter().enumerate() {
                break_line(i > 0, indent + 2, out);
                write(item, indent + 2, indent + 2, out);
            }
            break_line(false, indent, out);
            out.push(b']');
        }
        Expression::Map(entries) if !entries.is_empty() && !fits(value, column) => {
            out.extend_from_slice(b"{");
            for (i, (key, value)) in entries.iter().enumerate() {
                break_line(i > 0, indent + 2, out);
                write_key(key, out);
                write(value, indent + 2, indent + key.len() + 6, out);
            }
            break_line(false, indent, out);
            out.push(b'}');
        }
        Expression::Function(name, argument) if !fits(value, column) => {
            out.extend_from_slice(b"{ ");
            write_key(name, out);
            write(argument, indent, column + name.len() + 6, out);
            out.extend_from_slice(b" }");
        }
        _ => write_inline(value, out),
    }
}

fn fits(value: &Expression<'_>, column: usize) -> bool {
    value.inline_width(WIDTH.saturating_sub(column)).is_some()
}

fn write_inline(value: &Expression<'_>, out: &mut Vec<u8>) {
    match value {
        Expression::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Expression::Int(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Expression::Float(value) => out.extend_from_slice(float(*value).as_bytes()),
        Expression::Text(text) => write_text(text, out),
        Expression::List(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.extend_from_slice(b", ");
                }
                write_inline(item, out);
            }
            out.push(b']');
        }
        Expression::Map(entries) if entries.is_empty() => out.extend_from_slice(b"{}"),
        Expression::Map(entries) => {
            out.extend_from_slice(b"{ ");
            for (i, (key, value)) in entries.iter().enumerate() {
                if i > 0 {
                    out.extend_from_slice(b", ");
                }
                write_key(key, out);
                write_inline(value, out);
            }
            out.extend_from_slice(b" }");
        }
        Expression::Function(name, argument) => {
            out.extend_from_slice(b"{ ");
            write_key(name, out);
            write_inline(argument, out);
            out.extend_from_slice(b" }");
        }
    }
}

/// A key with its colon and the space after it.
pub(crate) fn write_key(key: &str, out: &mut Vec<u8>) {
    write_text(key, out);
    out.extend_from_slice(b": ");
}

/// A new line, after a comma where something stands before.
pub(crate) fn break_line(comma: bool, indent: usize, out: &mut Vec<u8>) {
    if comma {
        out.push(b',');
    }
    out.push(b'\n');
    out.resize(out.len() + indent, b' ');
}

/// A text in double quotes, escaped as JSON demands; YAML reads it alike.
pub(crate) fn write_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    // Nearly every text is plain ASCII, and bytes are quicker to look at than characters.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\') {
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
        return;
    }
    let mut rest = text;
    while let Some(at) = rest.find(needs_escape) {
        let (plain, tail) = rest.split_at(at);
        out.extend_from_slice(plain.as_bytes());
        let mut chars = tail.chars();
        match chars.next() {
            Some('"') => out.extend_from_slice(b"\\\""),
            Some('\\') => out.extend_from_slice(b"\\\\"),
            Some('\n') => out.extend_from_slice(b"\\n"),
            Some('\r') => out.extend_from_slice(b"\\r"),
            Some('\t') => out.extend_from_slice(b"\\t"),
            Some(other) => out.extend_from_slice(format!("\\u{:04x}", u32::from(other)).as_bytes()),
            None => {}
        }
        rest = chars.as_str();
    }
    out.extend_from_slice(rest.as_bytes());
    out.push(b'"');
}

/// Control characters, and those that YAML takes for line breaks or a byte order mark.
fn needs_escape(c: char) -> bool {
    matches!(c, '"' | '\\' | '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}
