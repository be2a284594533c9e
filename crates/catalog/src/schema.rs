//! The compiled schema: an arena of [`SchemaNode`]s, one for each sub-schema of a resource type.
//!
//! In: nothing; this file is the vocabulary. Out: what a validator walks beside a value.
//! Must always hold: every [`NodeId`] a node names is in the same arena; `$ref` is already followed, so a
//! recursive schema is a cycle of ids and a walk is bounded by the value, never by the schema.

use std::sync::Arc;

use serde_json::{Number, Value};
use smol_str::SmolStr;

use crate::pattern::Pattern;

/// A sub-schema's place in its [`crate::ResourceSchema`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) u32);

/// The JSON types a value may have; the empty set means any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Types(u8);

impl Types {
    /// Any type.
    pub const ANY: Self = Self(0);
    /// `null`
    pub const NULL: Self = Self(1);
    /// `boolean`
    pub const BOOLEAN: Self = Self(2);
    /// `integer`
    pub const INTEGER: Self = Self(4);
    /// `number`, which contains `integer`
    pub const NUMBER: Self = Self(8);
    /// `string`
    pub const STRING: Self = Self(16);
    /// `array`
    pub const ARRAY: Self = Self(32);
    /// `object`
    pub const OBJECT: Self = Self(64);

    const NAMES: [(Self, &'static str); 7] = [
        (Self::NULL, "null"),
        (Self::BOOLEAN, "boolean"),
        (Self::INTEGER, "integer"),
        (Self::NUMBER, "number"),
        (Self::STRING, "string"),
        (Self::ARRAY, "array"),
        (Self::OBJECT, "object"),
    ];

    /// The type of this JSON Schema name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, known)| *known == name).map(|(types, _)| *types)
    }

    /// Both sets together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the schema says nothing about the type.
    #[must_use]
    pub const fn is_any(self) -> bool {
        self.0 == 0
    }

    /// Whether a value of exactly the type `kind` is allowed; an integer is also a number.
    #[must_use]
    pub const fn allows(self, kind: Self) -> bool {
        self.0 == 0 || self.0 & kind.0 != 0 || (kind.0 == Self::INTEGER.0 && self.0 & Self::NUMBER.0 != 0)
    }

    /// The names of the types, in JSON Schema's spelling.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(move |(types, _)| self.0 & types.0 != 0).map(|(_, name)| name)
    }
}

/// One sub-schema. Every part that is `None` says nothing; all parts that speak must hold together.
#[derive(Debug, Default)]
pub struct SchemaNode {
    /// `false` as a schema: nothing is allowed here.
    pub never: bool,
    /// `type`
    pub types: Types,
    /// `enum`, `const`
    pub values: Option<Box<Values>>,
    /// What holds when the value is a string (or a scalar that CloudFormation turns into one).
    pub string: Option<Box<StringRules>>,
    /// What holds when the value is a number.
    pub number: Option<Box<NumberRules>>,
    /// What holds when the value is a list.
    pub list: Option<Box<ListRules>>,
    /// What holds when the value is an object.
    pub object: Option<Box<ObjectRules>>,
    /// `allOf`, `anyOf`, `oneOf`, `not`, `if`
    pub combinators: Option<Box<Combinators>>,
    /// `default`: what the service takes when the property is absent, where the schema says so.
    pub default: Option<Box<Value>>,
    /// `relationshipRef`: the property of another resource type whose value belongs here.
    pub relationship: Option<Box<Relationship>>,
}

/// `enum`, `const`.
#[derive(Debug)]
pub struct Values {
    /// The allowed values, in the schema's order. Never empty.
    pub allowed: Box<[Value]>,
    /// The allowed strings, sorted by bytes, for a quick look-up; lower-case when case does not count.
    pub strings: Box<[SmolStr]>,
    /// `enumCaseInsensitive`: upper and lower case are the same.
    pub ignore_case: bool,
}

impl Values {
    /// Whether the string `text` is one of the values, in a scalar's or a string's spelling
    /// (CloudFormation takes `"443"` for `443` and `"true"` for `true`).
    #[must_use]
    pub fn allows_text(&self, text: &str) -> bool {
        let found = |text: &str| self.strings.binary_search_by(|known| known.as_str().cmp(text)).is_ok();
        if self.ignore_case { found(&text.to_ascii_lowercase()) } else { found(text) }
    }
}

/// Rules for strings. Lengths count Unicode characters.
#[derive(Debug, Default)]
pub struct StringRules {
    /// `minLength`
    pub min_length: Option<u64>,
    /// `maxLength`
    pub max_length: Option<u64>,
    /// `pattern`: it may match anywhere in the string, as in JSON Schema.
    pub pattern: Option<Arc<Pattern>>,
    /// `format`: JSON Schema's (`date-time`, `ipv4-network`) or cfn-lint's (`AWS::KMS::Key.Arn`).
    pub format: Option<SmolStr>,
}

/// Rules for numbers.
#[derive(Debug, Default)]
pub struct NumberRules {
    /// `minimum`
    pub minimum: Option<Number>,
    /// `maximum`
    pub maximum: Option<Number>,
    /// `exclusiveMinimum`
    pub exclusive_minimum: Option<Number>,
    /// `exclusiveMaximum`
    pub exclusive_maximum: Option<Number>,
    /// `multipleOf`
    pub multiple_of: Option<Number>,
}

/// Rules for lists.
#[derive(Debug, Default)]
pub struct ListRules {
    /// `items`: for every element after the `prefix`.
    pub items: Option<NodeId>,
    /// `prefixItems`: for the first elements, one each.
    pub prefix: Box<[NodeId]>,
    /// `contains`: some element must satisfy it.
    pub contains: Option<NodeId>,
    /// `minItems`
    pub min_items: Option<u64>,
    /// `maxItems`
    pub max_items: Option<u64>,
    /// `uniqueItems`
    pub unique: bool,
    /// `uniqueKeys`: elements that agree in all of these properties count as the same.
    pub unique_keys: Box<[SmolStr]>,
    /// `insertionOrder: false`: the service keeps the list as a set, in its own order.
    pub unordered: bool,
}

/// What may stand beside the named properties of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Additional {
    /// Anything: the schema does not say.
    #[default]
    Any,
    /// Nothing: an unknown name is a mistake.
    None,
    /// Values of this schema: the object is a map.
    Schema(NodeId),
}

/// Rules for objects.
#[derive(Debug, Default)]
pub struct ObjectRules {
    /// `properties`, sorted by name.
    pub properties: Box<[(SmolStr, NodeId)]>,
    /// `patternProperties`: a name that matches must satisfy the schema.
    pub patterns: Box<[(Arc<Pattern>, NodeId)]>,
    /// `additionalProperties`: for names that neither list knows.
    pub additional: Additional,
    /// `propertyNames`: what every name must satisfy, as a string.
    pub names: Option<NodeId>,
    /// `required`
    pub required: Box<[SmolStr]>,
    /// `minProperties`
    pub min_properties: Option<u64>,
    /// `maxProperties`
    pub max_properties: Option<u64>,
    /// `requiredXor`: exactly one of the names must be there.
    pub required_xor: Box<[SmolStr]>,
    /// `requiredOr`: at least one of the names must be there.
    pub required_or: Box<[SmolStr]>,
    /// `dependentRequired`: when the first name is there, the others must be.
    pub dependent_required: Box<[(SmolStr, Box<[SmolStr]>)]>,
    /// `dependentExcluded`: when the first name is there, none of the others may be.
    pub dependent_excluded: Box<[(SmolStr, Box<[SmolStr]>)]>,
    /// `dependentSchemas`: when the name is there, the object must satisfy the schema.
    pub dependent_schemas: Box<[(SmolStr, NodeId)]>,
}

impl ObjectRules {
    /// The schema of the property `name`, if `properties` lists it.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<NodeId> {
        let at = self.properties.binary_search_by(|(known, _)| known.as_str().cmp(name)).ok()?;
        self.properties.get(at).map(|(_, node)| *node)
    }
}

/// `if`, `then`, `else`.
#[derive(Debug, Clone, Copy)]
pub struct Conditional {
    /// `if`
    pub when: NodeId,
    /// `then`
    pub then: Option<NodeId>,
    /// `else`
    pub otherwise: Option<NodeId>,
}

/// Combinations of schemas.
#[derive(Debug, Default)]
pub struct Combinators {
    /// `allOf`
    pub all_of: Box<[NodeId]>,
    /// `anyOf`
    pub any_of: Box<[NodeId]>,
    /// `oneOf`
    pub one_of: Box<[NodeId]>,
    /// `not`
    pub not: Option<NodeId>,
    /// `if`
    pub conditional: Option<Conditional>,
}

/// `relationshipRef`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relationship {
    /// `AWS::KMS::Key`
    pub type_name: SmolStr,
    /// The property of that type, as a pointer: `/properties/Arn`.
    pub property: SmolStr,
}
