//! Building values in Rust so that they read as the JSON they become.

use diagnostics::Span;
use smol_str::SmolStr;

use crate::{Entry, Kind, Map, Number, Reference, Value};

/// A literal of Rust source as a [`Value`]; texts are not copied.
pub trait Literal {
    /// The value.
    fn literal(self) -> Value;
}

impl Literal for &'static str {
    fn literal(self) -> Value {
        Value::new(Kind::String(SmolStr::new_static(self)))
    }
}

impl Literal for i64 {
    fn literal(self) -> Value {
        Value::from(self)
    }
}

impl Literal for f64 {
    fn literal(self) -> Value {
        Value::new(Kind::Number(Number::Float(self)))
    }
}

impl Literal for bool {
    fn literal(self) -> Value {
        Value::from(self)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::new(Kind::Bool(value))
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::new(Kind::Number(Number::Int(value)))
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::from(i64::from(value))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::new(Kind::String(SmolStr::new(value)))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::new(Kind::String(SmolStr::new(value)))
    }
}

impl From<SmolStr> for Value {
    fn from(value: SmolStr) -> Self {
        Self::new(Kind::String(value))
    }
}

impl From<&SmolStr> for Value {
    fn from(value: &SmolStr) -> Self {
        Self::new(Kind::String(value.clone()))
    }
}

impl From<Reference> for Value {
    fn from(value: Reference) -> Self {
        Self::new(Kind::Reference(Box::new(value)))
    }
}

impl From<Map> for Value {
    fn from(value: Map) -> Self {
        Self::new(Kind::Map(value))
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(value: Vec<T>) -> Self {
        Self::new(Kind::List(value.into_iter().map(Into::into).collect()))
    }
}

/// `None` is [`Kind::Absent`]: inside [`crate::value!`] the entry is left out.
impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::new(Kind::Absent), Into::into)
    }
}

impl Value {
    /// Texts joined without delimiter: literals that touch become one, and a text all literal becomes one.
    #[must_use]
    pub fn join(pieces: impl IntoIterator<Item = Value>) -> Self {
        let mut out: Vec<Value> = Vec::new();
        for piece in pieces {
            if let Kind::Join(inner) = piece.kind {
                inner.into_iter().for_each(|piece| push_piece(&mut out, piece));
            } else {
                push_piece(&mut out, piece);
            }
        }
        match out.len() {
            0 => "".literal(),
            1 if !matches!(out.first(), Some(Value { kind: Kind::Number(_) | Kind::Bool(_), .. })) => {
                out.pop().unwrap_or_else(|| "".literal())
            }
            _ => Self::new(Kind::Join(out)),
        }
    }

    /// This value, written at `span`.
    #[must_use]
    pub fn spanned(mut self, span: Span) -> Self {
        self.span = span;
        self
    }
}

fn push_piece(out: &mut Vec<Value>, piece: Value) {
    match (out.last_mut(), piece.as_text()) {
        (_, Some(text)) if text.is_empty() => {}
        (Some(Value { kind: Kind::String(last), .. }), Some(text)) => {
            *last = smol_str::format_smolstr!("{last}{text}");
        }
        (_, Some(text)) => out.push(Value::at(piece.span, Kind::String(text))),
        (_, None) => out.push(piece),
    }
}

impl Map {
    /// Used by [`crate::value!`]: an entry of a literal key; [`Kind::Absent`] is left out.
    #[doc(hidden)]
    pub fn put_literal(&mut self, key: &'static str, value: Value) {
        if !matches!(value.kind, Kind::Absent) {
            let key = SmolStr::new_static(key);
            self.push_new(Entry { key, key_span: Span::NONE, value });
        }
    }
}

/// A [`Value`] written as JSON in AWS's spelling. Anything that is `Into<Value>` may stand where a value
/// does; an `Option` that is `None` leaves its entry out.
///
/// ```
/// use estate::{value, Value};
/// let days = 35_i64;
/// let v: Value = value!({ "BackupRetentionPeriod": days, "Tags": [{ "Key": "a", "Value": "b" }] });
/// assert_eq!(v.get("BackupRetentionPeriod").and_then(Value::as_int), Some(35));
/// ```
#[macro_export]
macro_rules! value {
    ({ $($body:tt)* }) => {{
        #[allow(unused_mut, reason = "an empty mapping is not changed")]
        let mut map = $crate::Map::with_capacity($crate::value_count!($($body)*));
        $crate::value_entries!(map $($body)*);
        map.shrink_to_fit();
        $crate::Value::from(map)
    }};
    ([ $($body:tt)* ]) => {{
        #[allow(unused_mut, clippy::vec_init_then_push, reason = "items are pushed one by one as they are parsed")]
        let mut items: Vec<$crate::Value> = Vec::with_capacity($crate::value_count!($($body)*));
        $crate::value_items!(items $($body)*);
        items.shrink_to_fit();
        $crate::Value::new($crate::Kind::List(items))
    }};
    (null) => { $crate::Value::new($crate::Kind::Null) };
    ($literal:literal) => { $crate::Literal::literal($literal) };
    ($other:expr) => { $crate::Value::from($other) };
}

/// How many entries or items [`value!`] is given: a large estate is made of small mappings, and room for just
/// what is there is half of the time that it takes to make one.
#[doc(hidden)]
#[macro_export]
macro_rules! value_count {
    () => { 0 };
    ($key:literal : { $($inner:tt)* } $(, $($rest:tt)*)?) => { 1 + $crate::value_count!($($($rest)*)?) };
    ($key:literal : [ $($inner:tt)* ] $(, $($rest:tt)*)?) => { 1 + $crate::value_count!($($($rest)*)?) };
    ($key:literal : $value:expr $(, $($rest:tt)*)?) => { 1 + $crate::value_count!($($($rest)*)?) };
    ({ $($inner:tt)* } $(, $($rest:tt)*)?) => { 1 + $crate::value_count!($($($rest)*)?) };
    ([ $($inner:tt)* ] $(, $($rest:tt)*)?) => { 1 + $crate::value_count!($($($rest)*)?) };
    ($value:expr $(, $($rest:tt)*)?) => { 1 + $crate::value_count!($($($rest)*)?) };
}

/// The entries of a mapping in [`value!`].
#[doc(hidden)]
#[macro_export]
macro_rules! value_entries {
    ($map:ident) => {};
    ($map:ident $key:literal : { $($inner:tt)* } $(, $($rest:tt)*)?) => {
        $map.put_literal($key, $crate::value!({ $($inner)* }));
        $crate::value_entries!($map $($($rest)*)?);
    };
    ($map:ident $key:literal : [ $($inner:tt)* ] $(, $($rest:tt)*)?) => {
        $map.put_literal($key, $crate::value!([ $($inner)* ]));
        $crate::value_entries!($map $($($rest)*)?);
    };
    ($map:ident $key:literal : null $(, $($rest:tt)*)?) => {
        $map.put_literal($key, $crate::value!(null));
        $crate::value_entries!($map $($($rest)*)?);
    };
    ($map:ident $key:literal : $literal:literal $(, $($rest:tt)*)?) => {
        $map.put_literal($key, $crate::value!($literal));
        $crate::value_entries!($map $($($rest)*)?);
    };
    ($map:ident $key:literal : $value:expr $(, $($rest:tt)*)?) => {
        $map.put_literal($key, $crate::Value::from($value));
        $crate::value_entries!($map $($($rest)*)?);
    };
}

/// The items of a list in [`value!`].
#[doc(hidden)]
#[macro_export]
macro_rules! value_items {
    ($items:ident) => {};
    ($items:ident { $($inner:tt)* } $(, $($rest:tt)*)?) => {
        $items.push($crate::value!({ $($inner)* }));
        $crate::value_items!($items $($($rest)*)?);
    };
    ($items:ident [ $($inner:tt)* ] $(, $($rest:tt)*)?) => {
        $items.push($crate::value!([ $($inner)* ]));
        $crate::value_items!($items $($($rest)*)?);
    };
    ($items:ident $literal:literal $(, $($rest:tt)*)?) => {
        $items.push($crate::value!($literal));
        $crate::value_items!($items $($($rest)*)?);
    };
    ($items:ident $value:expr $(, $($rest:tt)*)?) => {
        $items.push($crate::Value::from($value));
        $crate::value_items!($items $($($rest)*)?);
    };
}
