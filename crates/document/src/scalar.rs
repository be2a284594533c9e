//! What a plain YAML scalar means.

use smol_str::SmolStr;

use crate::Kind;

/// The YAML schema by which plain scalars are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// YAML 1.2 core schema: only `true` and `false` are booleans.
    Core12,
    /// YAML 1.1, which CloudFormation documents for templates: `yes`, `no`, `on`, `off` are booleans too.
    /// Source: AWS CloudFormation User Guide, "CloudFormation template formats" (YAML 1.1 specification).
    V11,
}

impl Dialect {
    /// The value of a plain (unquoted) scalar.
    pub(crate) fn resolve(self, text: &str) -> Kind {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => return Kind::Null,
            "true" | "True" | "TRUE" => return Kind::Bool(true),
            "false" | "False" | "FALSE" => return Kind::Bool(false),
            "yes" | "Yes" | "YES" | "on" | "On" | "ON" if self == Self::V11 => return Kind::Bool(true),
            "no" | "No" | "NO" | "off" | "Off" | "OFF" if self == Self::V11 => return Kind::Bool(false),
            _ => {}
        }
        if is_number(text) { Kind::Number(SmolStr::new(text)) } else { Kind::String(SmolStr::new(text)) }
    }
}

/// Decimal integers and floats as JSON and YAML share them, leading zeros and sign allowed. Hexadecimal,
/// octal and sexagesimal forms stay text: no AWS property is written in them, and `12:30` is a time.
fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) =
        unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(m, e)| (m, Some(e)));
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(w, f)| (w, Some(f)));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let some = !whole.is_empty() || fraction.is_some_and(|fraction| !fraction.is_empty());
    let exponent_ok = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['-', '+']).unwrap_or(e);
        !e.is_empty() && digits(e)
    });
    some && digits(whole) && fraction.is_none_or(digits) && exponent_ok
}
