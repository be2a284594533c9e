//! What a template may say: JSON with functions.
//!
//! In: made by `lower` from values of the estate. Out: printed by `json` and `yaml`.
//! Always: a function is one node here, so that each printer writes it in its own form.

use std::borrow::Cow;

/// A piece of a template. Texts are borrowed from the estate wherever they are there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expression<'a> {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Cow<'a, str>),
    List(Vec<Expression<'a>>),
    Map(Vec<(Cow<'a, str>, Expression<'a>)>),
    /// `Ref`, `Condition` or `Fn::…` with its argument.
    Function(&'static str, Box<Expression<'a>>),
}

/// Mappings of more entries than this are written one entry a line even where they fit on one.
const MOST_INLINE_ENTRIES: usize = 3;

impl<'a> Expression<'a> {
    pub(crate) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn call(function: &'static str, argument: Self) -> Self {
        Self::Function(function, Box::new(argument))
    }

    pub(crate) fn reference(name: impl Into<Cow<'a, str>>) -> Self {
        Self::call("Ref", Self::text(name))
    }

    pub(crate) fn get_att(id: impl Into<Cow<'a, str>>, attribute: impl Into<Cow<'a, str>>) -> Self {
        Self::call("Fn::GetAtt", Self::List(vec![Self::text(id), Self::text(attribute)]))
    }

    /// `AWS::NoValue`.
    pub(crate) fn no_value() -> Self {
        Self::reference("AWS::NoValue")
    }

    pub(crate) fn map(entries: impl IntoIterator<Item = (&'static str, Self)>) -> Self {
        Self::Map(entries.into_iter().map(|(key, value)| (Cow::Borrowed(key), value)).collect())
    }

    /// A scalar, or a function, whatever its arguments.
    fn is_leaf(&self) -> bool {
        !matches!(self, Self::List(_) | Self::Map(_))
    }

    /// About how many columns this takes on one line of JSON; `None` where it should not be on one line, or
    /// takes more than `room`.
    pub(crate) fn inline_width(&self, room: usize) -> Option<usize> {
        self.width(room, false)
    }

    fn width(&self, room: usize, in_function: bool) -> Option<usize> {
        let width = match self {
            Self::Bool(_) => 5,
            Self::Int(value) => value.unsigned_abs().checked_ilog10().unwrap_or(0) as usize + 2,
            Self::Float(_) => 12,
            Self::Text(text) => text.len() + 2,
            Self::List(items) => {
                let mut width = 2;
                for item in items {
                    if !in_function && !item.is_leaf() {
                        return None;
                    }
                    width += 2 + item.width(room.checked_sub(width)?, in_function)?;
                }
                width
            }
            Self::Map(entries) => {
                if entries.len() > MOST_INLINE_ENTRIES {
                    return None;
                }
                let mut width = 4;
                for (key, value) in entries {
                    if !in_function && !value.is_leaf() {
                        return None;
                    }
                    width += key.len() + 6 + value.width(room.checked_sub(width)?, in_function)?;
                }
                width
            }
            Self::Function(name, argument) => {
                let width = name.len() + 8;
                width + argument.width(room.checked_sub(width)?, true)?
            }
        };
        (width <= room).then_some(width)
    }
}

/// A number in a form that JSON and YAML 1.1 both read as the same number.
pub(crate) fn float(value: f64) -> String {
    let text = format!("{value:?}");
    let Some((mantissa, exponent)) = text.split_once('e') else { return text };
    let mantissa = if mantissa.contains('.') { mantissa.to_owned() } else { format!("{mantissa}.0") };
    let sign = if exponent.starts_with('-') { "" } else { "+" };
    format!("{mantissa}e{sign}{exponent}")
}
