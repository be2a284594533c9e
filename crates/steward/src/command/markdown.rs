//! Markdown pages on a terminal: headings, paragraphs, lists, tables and code.
//!
//! In: a page of ours. Out: text wrapped to the terminal. Only what our pages use is understood; anything else
//! is shown as it is written.

use diagnostics::render::{Ink, Style, wrap};

/// The page for a terminal.
pub fn render(page: &str, style: Style) -> String {
    let width = style.width.min(100);
    let mut out = String::new();
    let mut paragraph: Vec<&str> = Vec::new();
    let mut code = false;
    for line in page.lines().chain(std::iter::once("")) {
        if let Some(info) = line.strip_prefix("```") {
            flush(&mut paragraph, &mut out, style, width);
            code = !code;
            if code && !info.is_empty() {
                out.push_str(&style.paint(Ink::Dim, &format!("    {}\n", info.trim_start_matches("yaml "))));
            }
            continue;
        }
        if code {
            out.push_str("    ");
            out.push_str(&style.paint(Ink::Literal, line));
            out.push('\n');
        } else if let Some(title) = line.strip_prefix("## ").or_else(|| line.strip_prefix("# ")) {
            flush(&mut paragraph, &mut out, style, width);
            out.push_str(&style.paint(Ink::Heading, title));
            out.push('\n');
        } else if line.starts_with("- ") {
            flush(&mut paragraph, &mut out, style, width);
            paragraph.push(line);
        } else if line.trim().is_empty() {
            flush(&mut paragraph, &mut out, style, width);
            if !out.ends_with("\n\n") && !out.is_empty() {
                out.push('\n');
            }
        } else if line.starts_with('|') {
            flush(&mut paragraph, &mut out, style, width);
            row(line, &mut out, style, width);
        } else {
            paragraph.push(line.trim());
        }
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

/// A row of a table: its first cell on lines of its own, the others indented below it.
fn row(line: &str, out: &mut String, style: Style, width: usize) {
    if line.chars().all(|c| matches!(c, '|' | '-' | ':' | ' ')) {
        return;
    }
    for (at, cell) in line.trim().trim_matches('|').split('|').enumerate() {
        let (ink, indent) = if at == 0 { (Ink::Strong, 2) } else { (Ink::Plain, 6) };
        for line in style.paint_lines(ink, &wrap(cell.trim(), width.saturating_sub(indent))) {
            out.push_str(&" ".repeat(indent));
            out.push_str(&line);
            out.push('\n');
        }
    }
}

/// Ends a paragraph or list item.
fn flush(paragraph: &mut Vec<&str>, out: &mut String, style: Style, width: usize) {
    if paragraph.is_empty() {
        return;
    }
    let text = paragraph.join(" ");
    paragraph.clear();
    let (first, indent, text) = match text.strip_prefix("- ") {
        Some(item) => (style.glyph("• ", "- "), "  ", item.to_owned()),
        None => ("", "", text),
    };
    let lines = wrap(&text.replace("**", ""), width - indent.len());
    for (at, line) in style.paint_lines(Ink::Plain, &lines).iter().enumerate() {
        out.push_str(if at == 0 { first } else { indent });
        out.push_str(line);
        out.push('\n');
    }
}
