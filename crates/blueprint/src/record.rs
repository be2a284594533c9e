//! One declaration for a part of the language: the struct, the reader of it, and its JSON Schema.
//!
//! `record!` declares a mapping with fields; doc comments become the schema's descriptions. `choice!` declares a
//! word out of several. Both may list what is *planned*: words that the language has on paper and that the
//! reader refuses as not built.

use serde_json::Value;

/// A field as the schema sees it.
#[derive(Debug)]
pub struct Property {
    /// Its name as written.
    pub name: &'static str,
    /// Its schema, with description and default.
    pub schema: Value,
    /// Whether it must be written.
    pub required: bool,
}

/// The lines of a doc comment as one paragraph per blank line.
pub fn prose(lines: &[&str]) -> String {
    let mut out = String::new();
    for line in lines.iter().map(|line| line.trim()) {
        if line.is_empty() {
            out.push_str("\n\n");
        } else {
            if !out.is_empty() && !out.ends_with('\n') {
                out.push(' ');
            }
            out.push_str(line);
        }
    }
    out
}

/// The schema of a mapping with these properties and no others.
pub fn object_schema(title: &str, description: String, properties: Vec<Property>) -> Value {
    let required: Vec<_> =
        properties.iter().filter(|property| property.required).map(|property| property.name).collect();
    // Nothing written at all is an empty mapping.
    let kind =
        if required.is_empty() { serde_json::json!(["object", "null"]) } else { serde_json::json!("object") };
    let properties: serde_json::Map<String, Value> =
        properties.into_iter().map(|property| (property.name.to_owned(), property.schema)).collect();
    let schema = serde_json::json!({
        "title": title,
        "description": description,
        "type": kind,
        "properties": properties,
        "patternProperties": { "^x-": { "description": "The user's own, for anchors; means nothing by itself." } },
        "additionalProperties": false,
    });
    if required.is_empty() { schema } else { with(schema, "required", serde_json::json!(required)) }
}

/// The schema of a field with what its doc comment says and what it is where it is not written.
pub fn described(schema: Value, lines: &[&str], default: Option<Value>) -> Value {
    let schema = with(schema, "description", Value::String(prose(lines)));
    match default {
        Some(default) => with(schema, "default", default),
        None => schema,
    }
}

fn with(mut schema: Value, keyword: &str, operand: Value) -> Value {
    if let Value::Object(keywords) = &mut schema {
        keywords.insert(keyword.to_owned(), operand);
    }
    schema
}

/// Declares a mapping: `pub struct Name "what messages call it" { /// meaning field: Type = default, } planned { … }`.
macro_rules! record {
    (
        $(#[doc = $doc:literal])+
        pub struct $name:ident $what:literal {
            $( $(#[doc = $field_doc:literal])+ $field:ident as $word:literal : $type:ty $(= $default:tt)? , )*
        }
        planned { $( $planned:literal : $meaning:literal , )* }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone)]
        pub struct $name {
            /// The place of the whole mapping.
            #[allow(dead_code, reason = "every record keeps its place; not every one is pointed at yet")]
            pub span: diagnostics::Span,
            $( $(#[doc = $field_doc])+ pub $field: $type, )*
        }

        impl $name {
            /// The fields that are built.
            #[allow(dead_code, reason = "not every record is asked for its fields")]
            pub const FIELDS: &'static [&'static str] = &[$($word),*];

            /// The fields that the language has but that are not built yet.
            pub const PLANNED: &'static [$crate::reader::Planned] =
                &[$( $crate::reader::Planned { word: $planned, meaning: $meaning } ),*];

            /// Reads the fields of this record from a mapping that may have others too.
            pub fn read(
                fields: &mut $crate::reader::Fields<'_>,
                diagnostics: &mut diagnostics::Diagnostics,
            ) -> Option<Self> {
                fields.planned(Self::PLANNED);
                $( let $field: Option<$type> = fields.take($word, diagnostics); )*
                Some(Self { span: fields.span(), $( $field: $field?, )* })
            }

            /// What the schema says of each field.
            pub fn properties(definitions: &mut $crate::reader::Definitions) -> Vec<$crate::record::Property> {
                let _ = &definitions;
                vec![$({
                    let schema = <$type as $crate::reader::Field>::schema(definitions);
                    #[allow(unused_mut, unused_assignments, reason = "most fields have no default in the schema")]
                    let mut default = None;
                    $( default = Some(serde_json::json!($default)); )?
                    $crate::record::Property {
                        name: $word,
                        schema: $crate::record::described(schema, &[$($field_doc),+], default),
                        required: <$type as $crate::reader::Field>::REQUIRED,
                    }
                }),*]
            }

            /// Takes from `base` every field that is not written here.
            #[allow(dead_code, reason = "only records that can be alike inherit")]
            pub fn inherit(&mut self, base: &Self) {
                $( $crate::reader::Field::inherit(&mut self.$field, &base.$field); )*
            }
        }

        impl $crate::reader::Decode for $name {
            fn decode(node: &document::Node, diagnostics: &mut diagnostics::Diagnostics) -> Option<Self> {
                let mut fields = $crate::reader::Fields::open(node, $what, diagnostics)?;
                let record = Self::read(&mut fields, diagnostics);
                fields.finish(diagnostics)?;
                record
            }

            fn schema(definitions: &mut $crate::reader::Definitions) -> serde_json::Value {
                definitions.reference(stringify!($name), |definitions| {
                    let properties = Self::properties(definitions);
                    $crate::record::object_schema($what, $crate::record::prose(&[$($doc),+]), properties)
                })
            }
        }
    };
}

/// Declares a word out of several: `pub enum Name "what messages call it" { /// meaning Variant = "word", } planned { … }`.
macro_rules! choice {
    (
        $(#[doc = $doc:literal])+
        pub enum $name:ident $what:literal {
            $( $(#[doc = $variant_doc:literal])+ $variant:ident = $word:literal , )+
        }
        planned { $( $planned:literal : $meaning:literal , )* }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $( $(#[doc = $variant_doc])+ $variant, )+ }

        impl $name {
            /// Every word that is built.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The words that the language has but that are not built yet.
            pub const PLANNED: &'static [$crate::reader::Planned] =
                &[$( $crate::reader::Planned { word: $planned, meaning: $meaning } ),*];

            /// The word as it is written.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }

        impl $crate::reader::Decode for $name {
            fn decode(node: &document::Node, diagnostics: &mut diagnostics::Diagnostics) -> Option<Self> {
                let Some(text) = node.as_str() else {
                    diagnostics.push($crate::reader::wrong_type(node, concat!("a word: ", $what)));
                    return None;
                };
                match text {
                    $( $word => Some(Self::$variant), )+
                    _ => {
                        diagnostics.push(match Self::PLANNED.iter().find(|planned| planned.word == text) {
                            Some(planned) => $crate::reader::word_not_built(planned, node.span, Self::WORDS),
                            None => $crate::reader::not_one_of(text, node.span, $what, Self::WORDS),
                        });
                        None
                    }
                }
            }

            fn schema(definitions: &mut $crate::reader::Definitions) -> serde_json::Value {
                definitions.reference(stringify!($name), |_| serde_json::json!({
                    "title": $what,
                    "description": $crate::record::prose(&[$($doc),+]),
                    "oneOf": [$( {
                        "const": $word,
                        "description": $crate::record::prose(&[$($variant_doc),+]),
                    } ),+],
                }))
            }
        }
    };
}

pub(crate) use {choice, record};
