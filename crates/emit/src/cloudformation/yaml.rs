//! Expressions as YAML: functions in their short form, texts quoted only where YAML 1.1 or 1.2 would read
//! them as something else.

use super::expression::{Expression, float};
use super::json;

/// Where lines are broken, if there is a place to break them.
const WIDTH: usize = 100;

/// Writes `value` after a key's colon, or after the dash of a list, on a line indented by `indent` spaces.
/// A line break, where one is needed, comes first, else a space.
pub(crate) fn write(value: &Expression<'_>, indent: usize, column: usize, out: &mut Vec<u8>) {
    match value {
        Expression::Map(entries) if !entries.is_empty() => {
            for (key, value) in entries {
                break_line(indent + 2, out);
                write_entry(key, value, indent + 2, out);
            }
        }
        Expression::List(items) if !items.is_empty() && !fits(value, column) => {
            for item in items {
                break_line(indent + 2, out);
                write_item(item, indent + 2, out);
            }
        }
        Expression::Function(name, argument) if !is_short(argument) => {
            // Two tags cannot stand on one node, so the outer function has its long form.
            break_line(indent + 2, out);
            out.extend_from_slice(name.as_bytes());
            out.push(b':');
            write(argument, indent + 2, indent + name.len() + 3, out);
        }
        Expression::Function(name, argument) => {
            out.push(b' ');
            let tag = write_tag(name, out);
            match &**argument {
                Expression::List(_) if *name == "Fn::GetAtt" => write_dotted(argument, out),
                // As arguments of a function, lists within lists may stand on one line.
                argument @ Expression::List(_) if fits(value, column) => {
                    out.push(b' ');
                    write_flow(argument, out);
                }
                argument => write(argument, indent, column + tag + 1, out),
            }
        }
        Expression::Text(text) => write_block_text(text, indent, out),
        _ => {
            out.push(b' ');
            write_flow(value, out);
        }
    }
}

/// A key, its colon, and the value.
pub(crate) fn write_entry(key: &str, value: &Expression<'_>, indent: usize, out: &mut Vec<u8>) {
    write_scalar(key, false, out);
    out.push(b':');
    write(value, indent, indent + key.len() + 2, out);
}

/// A dash and the item; the first entry of a mapping stands on the same line.
fn write_item(item: &Expression<'_>, indent: usize, out: &mut Vec<u8>) {
    out.push(b'-');
    match item {
        Expression::Map(entries) if !entries.is_empty() => {
            for (i, (key, value)) in entries.iter().enumerate() {
                match i {
                    0 => out.push(b' '),
                    _ => break_line(indent + 2, out),
                }
                write_entry(key, value, indent + 2, out);
            }
        }
        Expression::List(items) if !items.is_empty() && !fits(item, indent + 2) => {
            for (i, item) in items.iter().enumerate() {
                match i {
                    0 => out.push(b' '),
                    _ => break_line(indent + 2, out),
                }
                write_item(item, indent + 2, out);
            }
        }
        Expression::Function(name, argument) if !is_short(argument) => {
            out.push(b' ');
            out.extend_from_slice(name.as_bytes());
            out.push(b':');
            write(argument, indent + 2, indent + name.len() + 3, out);
        }
        _ => write(item, indent, indent + 2, out),
    }
}

/// Whether a function with this argument can be written `!Function argument`.
fn is_short(argument: &Expression<'_>) -> bool {
    !matches!(argument, Expression::Function(..))
}

fn fits(value: &Expression<'_>, column: usize) -> bool {
    value.inline_width(WIDTH.saturating_sub(column)).is_some() && is_flow(value)
}

/// Whether all of it can be written within brackets: without mappings, long forms and line breaks.
fn is_flow(value: &Expression<'_>) -> bool {
    match value {
        Expression::List(items) => items.iter().all(is_flow),
        Expression::Map(entries) => entries.is_empty(),
        Expression::Function(_, argument) => is_short(argument) && is_flow(argument),
        Expression::Text(text) => !text.contains('\n'),
        _ => true,
    }
}

fn write_flow(value: &Expression<'_>, out: &mut Vec<u8>) {
    match value {
        Expression::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Expression::Int(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Expression::Float(value) => out.extend_from_slice(float(*value).as_bytes()),
        Expression::Text(text) => write_scalar(text, true, out),
        Expression::List(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.extend_from_slice(b", ");
                }
                write_flow(item, out);
            }
            out.push(b']');
        }
        // `is_flow` lets no other mapping in here.
        Expression::Map(_) => out.extend_from_slice(b"{}"),
        Expression::Function(name, argument) => {
            write_tag(name, out);
            match &**argument {
                Expression::List(_) if *name == "Fn::GetAtt" => write_dotted(argument, out),
                argument => {
                    out.push(b' ');
                    write_flow(argument, out);
                }
            }
        }
    }
}

/// `!Sub`, and how many columns it takes.
fn write_tag(name: &str, out: &mut Vec<u8>) -> usize {
    let short = name.strip_prefix("Fn::").unwrap_or(name);
    out.push(b'!');
    out.extend_from_slice(short.as_bytes());
    short.len() + 1
}

/// The arguments of `!GetAtt`: ` Bucket.Arn`. An attribute that is computed keeps the list.
fn write_dotted(argument: &Expression<'_>, out: &mut Vec<u8>) {
    out.push(b' ');
    let Expression::List(parts) = argument else { return };
    let texts: Vec<&str> = parts
        .iter()
        .filter_map(|part| match part {
            Expression::Text(text) => Some(&**text),
            _ => None,
        })
        .collect();
    if texts.len() == parts.len() {
        write_scalar(&texts.join("."), true, out);
    } else {
        write_flow(argument, out);
    }
}

/// A text after a key: on its line, or as a literal block where it has several lines of its own.
fn write_block_text(text: &str, indent: usize, out: &mut Vec<u8>) {
    out.push(b' ');
    if !is_block(text) {
        return write_scalar(text, false, out);
    }
    out.extend_from_slice(if text.ends_with('\n') { b"|" } else { b"|-" });
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        out.push(b'\n');
        if !line.is_empty() {
            out.resize(out.len() + indent + 2, b' ');
            out.extend_from_slice(line.as_bytes());
        }
    }
}

/// Whether a literal block says exactly this text: several lines, the first of which shows the indentation,
/// and at most one line break at the end.
fn is_block(text: &str) -> bool {
    text.trim_end_matches('\n').contains('\n')
        && !text.starts_with([' ', '\n', '\t'])
        && !text.ends_with("\n\n")
        && text.chars().all(|c| c == '\n' || c == '\t' || is_printable(c))
        && !text.split('\n').any(|line| line.starts_with('\t') || line.ends_with([' ', '\t']))
}

fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..)
        && !matches!(c, '\u{2028}' | '\u{2029}')
}

fn write_scalar(text: &str, flow: bool, out: &mut Vec<u8>) {
    if is_plain(text, flow) {
        out.extend_from_slice(text.as_bytes());
    } else if text.chars().all(is_printable) {
        out.push(b'\'');
        out.extend_from_slice(text.replace('\'', "''").as_bytes());
        out.push(b'\'');
    } else {
        json::write_text(text, out);
    }
}

/// Whether a text means itself without quotes, in every version of YAML and every reader: narrower than the
/// standard allows.
fn is_plain(text: &str, flow: bool) -> bool {
    let mut bytes = text.bytes();
    let first = bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'/');
    let rest = bytes.all(|byte| match byte {
        b'-' | b'_' | b'.' | b'/' | b'+' | b'@' | b'(' | b')' | b'$' | b';' => true,
        b':' | b',' | b'=' | b' ' | b'*' => !flow,
        other => other.is_ascii_alphanumeric(),
    });
    first
        && rest
        && !text.ends_with([':', ' '])
        && !text.contains(": ")
        && !RESERVED.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// What YAML 1.1 reads as a boolean or as null.
const RESERVED: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];

fn break_line(indent: usize, out: &mut Vec<u8>) {
    out.push(b'\n');
    out.resize(out.len() + indent, b' ');
}
