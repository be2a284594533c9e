//! Stable codes of diagnostics, declared once with the text that `steward explain` shows.

use std::fmt;

/// The stable identifier of a kind of diagnostic, such as `BP0104`. Never reused for another meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(pub &'static str);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// What a [`Code`] means: the page that `steward explain CODE` prints.
#[derive(Debug, Clone, Copy)]
pub struct CodeInfo {
    /// The code explained.
    pub code: Code,
    /// One line: the mistake in the user's words.
    pub title: &'static str,
    /// Why it matters and how to mend it; a few sentences of Markdown.
    pub explanation: &'static str,
}

/// Declares the codes of a crate: a constant each, and the table `CODES` of all of them.
///
/// ```
/// diagnostics::codes! {
///     UNKNOWN_FIELD = "XX0001", "this field does not exist", "Remove it, or correct its spelling.";
/// }
/// assert_eq!(CODES[0].code, UNKNOWN_FIELD);
/// ```
#[macro_export]
macro_rules! codes {
    ($($name:ident = $code:literal, $title:literal, $explanation:literal;)*) => {
        $(#[doc = concat!("`", $code, "`: ", $title, ".")] pub const $name: $crate::Code = $crate::Code($code);)*
        /// Every code of this crate with its explanation, for `steward explain`.
        pub static CODES: &[$crate::CodeInfo] = &[
            $($crate::CodeInfo { code: $name, title: $title, explanation: $explanation },)*
        ];
    };
}
