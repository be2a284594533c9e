//! Changes of a blueprint's text that leave everything else as people wrote it.
//!
//! In: the files of a blueprint and a place in their trees. Out: the same files with a word changed or a line more, and the lines that differ.
//! Always: comments, order and spacing stay; nothing is written here; what cannot be said in the form that stands there is [`None`].

use std::collections::BTreeMap;

use blueprint::{Files, ReadError};
use diagnostics::{Diagnostics, SourceFile, SourceMap, Span};
use document::{Entry, Kind, Node, Syntax};

use crate::disk::Folder;

/// The files of a folder, some of them with another text.
#[derive(Debug)]
pub struct Edited<'f> {
    folder: &'f Folder,
    /// Texts by the name that diagnostics call the file.
    pub texts: BTreeMap<String, String>,
}

impl<'f> Edited<'f> {
    /// The files as they are.
    pub fn new(folder: &'f Folder) -> Self {
        Self { folder, texts: BTreeMap::new() }
    }

    /// The same files with one more text.
    pub fn with(&self, file: &str, text: String) -> Self {
        let mut texts = self.texts.clone();
        texts.insert(file.to_owned(), text);
        Self { folder: self.folder, texts }
    }
}

impl Files for Edited<'_> {
    fn read(&self, path: &str, limit: usize) -> Result<Vec<u8>, ReadError> {
        match self.texts.get(&self.folder.name(path)) {
            Some(text) if text.len() > limit => Err(ReadError::TooLarge),
            Some(text) => Ok(text.clone().into_bytes()),
            None => self.folder.read(path, limit),
        }
    }

    fn exists(&self, path: &str) -> bool {
        self.texts.contains_key(&self.folder.name(path)) || self.folder.exists(path)
    }

    fn name(&self, path: &str) -> String {
        self.folder.name(path)
    }
}

/// The text with a scalar changed.
fn replace(source: &SourceFile, scalar: &Node, value: &str) -> Option<String> {
    let is_scalar = matches!(scalar.kind, Kind::Bool(_) | Kind::Number(_) | Kind::String(_));
    let range = source.range(scalar.span);
    let text: &str = &source.text;
    let old = text.get(range.clone())?;
    // What spans lines, or repeats another place, is not ours to rewrite.
    if !is_scalar || old.contains('\n') || old.starts_with(['*', '&', '|', '>']) {
        return None;
    }
    Some(format!("{}{value}{}", text.get(..range.start)?, text.get(range.end..)?))
}

/// The text with fields added to the mapping under an entry, `path` below it: what of the path is not there is made.
fn insert(source: &SourceFile, under: &Entry, path: &[&str], fields: &[(&str, &str)]) -> Option<String> {
    let (mut at, mut path) = (under, path);
    while let [first, rest @ ..] = path {
        let Some(next) = at.value.entry(first) else { break };
        (at, path) = (next, rest);
    }
    let inner: Vec<String> = fields.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let text: &str = &source.text;
    let entries = match &at.value.kind {
        Kind::Map(entries) => entries.as_slice(),
        Kind::Null => &[],
        _ => return None,
    };
    let range = source.range(at.value.span);
    let flow = text.get(range.clone()).is_some_and(|text| text.starts_with('{'));
    if flow {
        let said = path.iter().rev().fold(inner.join(", "), |inner, name| format!("{name}: {{ {inner} }}"));
        let end = range.end.checked_sub(1).filter(|end| text.get(*end..range.end) == Some("}"))?;
        let head = text.get(..end)?.trim_end();
        let comma = if entries.is_empty() { "" } else { "," };
        return Some(format!("{head}{comma} {said} }}{}", text.get(range.end..)?));
    }
    // A block: a line of its own after the last one, at the depth of the others.
    let (after, depth) = match entries {
        [] => {
            let key = source.range(at.key.span);
            (key.end, column(text, key.start) + 2)
        }
        [first, ..] => {
            let last = entries.last()?;
            let own = source.range(last.value.span);
            let key = source.range(last.key.span);
            let end = if last.value.span.is_none() { key.end } else { own.end.max(key.end) };
            (end, column(text, source.range(first.key.span).start))
        }
    };
    let line_end = text.get(after..)?.find('\n').map_or(text.len(), |more| after + more);
    // A value that ends with its line feed has ended already.
    let line_end = if text.get(..after)?.ends_with('\n') { after.saturating_sub(1) } else { line_end };
    let mut lines = String::new();
    let mut depth = depth;
    match path {
        [] => {
            for field in &inner {
                lines.push_str(&format!("\n{}{field}", " ".repeat(depth)));
            }
        }
        path => {
            let (last, outer) = path.split_last()?;
            for name in outer {
                lines.push_str(&format!("\n{}{name}:", " ".repeat(depth)));
                depth += 2;
            }
            lines.push_str(&format!("\n{}{last}: {{ {} }}", " ".repeat(depth), inner.join(", ")));
        }
    }
    Some(format!("{}{lines}{}", text.get(..line_end)?, text.get(line_end..)?))
}

/// How far a place is from the beginning of its line, in characters.
fn column(text: &str, at: usize) -> usize {
    let line = text.get(..at).map_or("", |head| head.rsplit('\n').next().unwrap_or(head));
    line.chars().count()
}

/// The text with items added to a list at the top of a file; made at its end where there is none.
pub fn append(source: &SourceFile, root: &Node, list: &str, item: &[(&str, String)]) -> Option<String> {
    let text: &str = &source.text;
    let render = |depth: usize| {
        let lines = item.iter().enumerate().map(|(at, (name, value))| {
            let mark = if at == 0 { "- " } else { "  " };
            format!("{}{mark}{name}: {value}\n", " ".repeat(depth))
        });
        lines.collect::<String>()
    };
    let Some(entry) = root.entry(list) else {
        let gap = if text.ends_with('\n') { "\n" } else { "\n\n" };
        return Some(format!("{text}{gap}{list}:\n{}", render(2)));
    };
    let last = entry.value.as_list()?.last()?;
    let start = source.range(entry.value.as_list()?.first()?.span).start;
    // The dash stands before the first item, on its line.
    let line = text.get(..start)?.rfind('\n').map_or(0, |at| at + 1);
    let depth = text.get(line..start)?.find("- ")?;
    let end = source.range(last.span).end;
    let end = text.get(end..)?.find('\n').map_or(text.len(), |more| end + more + 1);
    let (head, tail) = (text.get(..end)?, text.get(end..)?);
    let gap = if head.ends_with('\n') { "" } else { "\n" };
    Some(format!("{head}{gap}{}{tail}", render(depth)))
}

/// A text as a YAML scalar.
pub fn scalar(text: &str) -> String {
    let plain = text.chars().next().is_some_and(char::is_alphanumeric)
        && text.chars().all(|c| c.is_alphanumeric() || " ,.'()-_/@".contains(c))
        && !text.ends_with(' ')
        && !matches!(text.to_lowercase().as_str(), "yes" | "no" | "true" | "false" | "on" | "off" | "null")
        && text.chars().any(char::is_alphabetic);
    if plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

/// Lines that differ: their number before or after, and whether they came (`+`) or went (`-`).
pub fn differing(before: &str, after: &str) -> Vec<(char, usize, String)> {
    let diff = similar::TextDiff::from_lines(before, after);
    let line = |change: similar::Change<&str>| {
        let (mark, at) = match change.tag() {
            similar::ChangeTag::Equal => return None,
            similar::ChangeTag::Delete => ('-', change.old_index()),
            similar::ChangeTag::Insert => ('+', change.new_index()),
        };
        Some((mark, at? + 1, change.value().trim_end_matches(['\n', '\r']).to_owned()))
    };
    diff.iter_all_changes().filter_map(line).collect()
}

/// The text with a field of the mapping at a path of keys said so, whether it is there or not; what of the path is not there is made.
pub fn set(name: &str, text: &str, keys: &[&str], field: &str, value: &str) -> Option<String> {
    let mut sources = SourceMap::new();
    let file = sources.add(name, text).and_then(|id| sources.file(id))?;
    let tree = document::parse(file, Syntax::blueprint(), &mut Diagnostics::new())?;
    let (first, rest) = keys.split_first()?;
    let under = tree.entry(first)?;
    let mut at = Some(&under.value);
    for key in rest {
        at = at.and_then(|node| node.get(key));
    }
    match at.and_then(|node| node.get(field)) {
        Some(scalar) => replace(file, scalar, value),
        None => insert(file, under, rest, &[(field, value)]),
    }
}

/// The entries from the root to the deepest one that has a place in it.
pub fn way(root: &Node, place: Span) -> Vec<&Entry> {
    let mut out = Vec::new();
    let mut at = root;
    while let Some(entries) = at.as_map() {
        let holds = |span: Span| !span.is_none() && span.lo <= place.lo && place.lo < span.hi;
        let Some(entry) = entries.iter().find(|entry| holds(entry.key.span) || holds(entry.value.span))
        else {
            break;
        };
        out.push(entry);
        at = &entry.value;
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn read(text: &str) -> (SourceFile, Node) {
        let mut sources = SourceMap::new();
        let id = sources.add("estate.yaml", text).unwrap();
        let file = sources.file(id).unwrap().clone();
        let tree = document::parse(&file, Syntax::blueprint(), &mut Diagnostics::new()).unwrap();
        (file, tree)
    }

    const TEXT: &str = "stores:\n  records: # patients\n    kind: postgresql   # why\n    backup: 7 days # a week\n  notes: { kind: bucket }\nenvironments:\n  sandbox:\n";

    #[test]
    fn a_word_is_changed_where_it_stands() {
        let (file, tree) = read(TEXT);
        let backup = tree.get("stores").unwrap().get("records").unwrap().get("backup").unwrap();
        let text = replace(&file, backup, "3 days").unwrap();
        assert_eq!(text, TEXT.replace("7 days", "3 days"));
        assert_eq!(
            differing(TEXT, &text),
            [
                ('-', 4, "    backup: 7 days # a week".to_owned()),
                ('+', 4, "    backup: 3 days # a week".to_owned())
            ]
        );
    }

    #[test]
    fn a_field_is_added_in_the_form_that_stands_there() {
        let (file, tree) = read(TEXT);
        let stores = tree.get("stores").unwrap();
        let block = insert(&file, stores.entry("records").unwrap(), &[], &[("standby", "no")]).unwrap();
        assert!(block.contains("    backup: 7 days # a week\n    standby: no\n  notes"), "{block}");
        let flow =
            insert(&file, stores.entry("notes").unwrap(), &[], &[("retain", "1 year"), ("a", "b")]).unwrap();
        assert!(flow.contains("notes: { kind: bucket, retain: 1 year, a: b }\n"), "{flow}");
        let environments = tree.entry("environments").unwrap();
        let deep =
            insert(&file, environments, &["sandbox", "overrides", "records"], &[("size", "small")]).unwrap();
        assert!(deep.ends_with("  sandbox:\n    overrides:\n      records: { size: small }\n"), "{deep}");
        for text in [block, flow, deep] {
            read(&text);
        }
    }

    #[test]
    fn a_list_gets_an_item_more_or_is_made() {
        let item = [("guarantee", "drift".to_owned()), ("because", scalar("it: is"))];
        let (file, tree) = read(TEXT);
        let made = append(&file, &tree, "exceptions", &item).unwrap();
        assert!(made.ends_with("\nexceptions:\n  - guarantee: drift\n    because: \"it: is\"\n"), "{made}");
        let (file, tree) = read(&format!("{made}\n# the end\n"));
        let more = append(&file, &tree, "exceptions", &item).unwrap();
        let (_, tree) = read(&more);
        assert_eq!(tree.get("exceptions").unwrap().as_list().unwrap().len(), 2, "{more}");
        assert!(more.ends_with("# the end\n"));
    }

    #[test]
    fn words_that_yaml_would_take_for_something_else_are_quoted() {
        assert_eq!(scalar("a plain reason, isn't it"), "a plain reason, isn't it");
        for text in ["no", "*x", "a: b", "2027-01-01", "x #y", ""] {
            assert!(scalar(text).starts_with('"'), "{text}");
        }
    }
}
