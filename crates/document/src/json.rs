//! JSON, strictly (RFC 8259): no comments, no trailing commas.

use diagnostics::{Diagnostic, Diagnostics, SourceFile};
use jsonc_parser::ast::{ObjectPropName, Value};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions};
use smol_str::SmolStr;

use crate::yaml::Budget;
use crate::{Entry, Key, Kind, Limits, Node, SYNTAX, TOO_DEEP};

/// Reads JSON, whatever the file's name; `None` on a mistake of syntax. The text's length is the caller's to bound.
pub fn parse(file: &SourceFile, limits: Limits, diagnostics: &mut Diagnostics) -> Option<Node> {
    let options = ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_extended_string_escapes: false,
        allow_non_finite_numbers: false,
    };
    match jsonc_parser::parse_to_ast(&file.text, &CollectOptions::default(), &options) {
        Ok(tree) => {
            let Some(value) = tree.value else {
                return Some(Node::new(file.span(0, 0), Kind::Null));
            };
            let mut reader = Reader { file, budget: Budget::new(limits), diagnostics };
            reader.node(&value, 1)
        }
        Err(error) => {
            let range = error.range();
            let code = match error.kind() {
                jsonc_parser::errors::ParseErrorKind::NestingDepthExceeded => TOO_DEEP,
                _ => SYNTAX,
            };
            let text = format!("this is not well-formed JSON: {}", lower_first(&error.kind().to_string()));
            diagnostics.push(Diagnostic::error(code, file.span(range.start, range.end), text));
            None
        }
    }
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

struct Reader<'a> {
    file: &'a SourceFile,
    budget: Budget,
    diagnostics: &'a mut Diagnostics,
}

impl Reader<'_> {
    fn node(&mut self, value: &Value<'_>, depth: usize) -> Option<Node> {
        let range = value.range();
        let span = self.file.span(range.start, range.end);
        self.budget.check_depth(depth, span, self.diagnostics)?;
        self.budget.take(1, span, self.diagnostics)?;
        let kind = match value {
            Value::NullKeyword(_) => Kind::Null,
            Value::BooleanLit(literal) => Kind::Bool(literal.value),
            Value::NumberLit(literal) => Kind::Number(SmolStr::new(literal.value)),
            Value::StringLit(literal) => Kind::String(SmolStr::new(&literal.value)),
            Value::Array(array) => {
                let items: Option<Vec<_>> =
                    array.elements.iter().map(|item| self.node(item, depth + 1)).collect();
                Kind::List(items?)
            }
            Value::Object(object) => {
                let mut entries = Vec::with_capacity(object.properties.len());
                for property in &object.properties {
                    let name = match &property.name {
                        ObjectPropName::String(literal) => SmolStr::new(&literal.value),
                        ObjectPropName::Word(word) => SmolStr::new(word.value),
                    };
                    let range = property.name.range();
                    let key = Key { text: name, span: self.file.span(range.start, range.end) };
                    entries.push(Entry { key, value: self.node(&property.value, depth + 1)? });
                }
                Kind::Map(crate::yaml::without_duplicates(entries, self.diagnostics))
            }
        };
        Some(Node::new(span, kind))
    }
}
