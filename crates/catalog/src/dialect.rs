//! The registry's regular expressions, spelled for the engines we have.
//!
//! In: patterns written for Java, JavaScript and Python alike. Out: the same language in the syntax of the
//! `regex` and `fancy-regex` crates.
//! Must always hold: `\d`, `\w` and `\s` mean ASCII, as in Java and ECMAScript without flags (and cost a
//! hundredth to compile); a character that only another dialect escapes stands for itself; surrogate pairs
//! become the characters they encode.

use std::iter::Peekable;
use std::str::Chars;

/// A pattern in our engines' syntax, and which engine it needs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Spelled {
    /// For `regex`.
    Linear(String),
    /// For `fancy-regex`: it has look-around or a backreference.
    Backtracking(String),
    /// `^X{m,n}$`: `class` matches when every character is an `X`. A counted class is unrolled by the
    /// engine, so that large counts would cost megabytes.
    Repeated { class: String, min: usize, max: Option<usize> },
}

/// Respells `pattern`.
pub(crate) fn spell(pattern: &str) -> Spelled {
    let mut speller = Speller {
        rest: pattern.chars().peekable(),
        atoms: Vec::new(),
        backtracks: false,
        groups: Vec::new(),
    };
    speller.run();
    let Speller { mut atoms, backtracks, .. } = speller;
    if backtracks {
        return Spelled::Backtracking(joined(&atoms));
    }
    if let [Atom::Text(start), Atom::Class(class), Atom::Count(min, max), Atom::Text(end)] = atoms.as_slice()
        && start == "^"
        && end == "$"
    {
        return Spelled::Repeated { class: format!("^(?:{class})*$"), min: *min, max: *max };
    }
    // Without `$`, more of the last atom than needed changes nothing.
    if let Some(Atom::Count(min, max)) = atoms.last_mut() {
        *max = Some(*min);
    }
    Spelled::Linear(joined(&atoms))
}

/// A piece of the respelled pattern.
enum Atom {
    Text(String),
    /// Matches exactly one character.
    Class(String),
    /// `{m,n}` for the atom before.
    Count(usize, Option<usize>),
}

fn joined(atoms: &[Atom]) -> String {
    let mut out = String::new();
    for atom in atoms {
        match atom {
            Atom::Text(text) | Atom::Class(text) => out.push_str(text),
            Atom::Count(min, Some(max)) if min == max => out.push_str(&format!("{{{min}}}")),
            Atom::Count(min, Some(max)) => out.push_str(&format!("{{{min},{max}}}")),
            Atom::Count(min, None) => out.push_str(&format!("{{{min},}}")),
        }
    }
    out
}

struct Speller<'p> {
    rest: Peekable<Chars<'p>>,
    atoms: Vec<Atom>,
    backtracks: bool,
    /// For each open group, whether it is a look-around.
    groups: Vec<bool>,
}

/// A member of a character class.
enum Member {
    Char(char),
    /// Half of a surrogate pair: the class means characters beyond U+FFFF.
    Surrogate,
    /// Several characters, spelled for the inside of a class.
    Set(String),
}

impl Speller<'_> {
    fn run(&mut self) {
        while let Some(c) = self.rest.next() {
            match c {
                '\\' => self.escape(),
                '[' => {
                    let class = self.class();
                    self.atoms.push(Atom::Class(class));
                }
                '(' => self.group(),
                '{' => self.count(),
                '}' | ']' => self.atoms.push(Atom::Class(format!("\\{c}"))),
                '.' => self.atoms.push(Atom::Class(".".into())),
                ')' => {
                    self.atoms.push(Atom::Text(")".into()));
                    // To look around once or more often is to look once.
                    if self.groups.pop() == Some(true) {
                        self.rest.next_if_eq(&'+');
                    }
                }
                '^' | '$' | '|' | '*' | '+' | '?' => self.atoms.push(Atom::Text(c.into())),
                _ => self.atoms.push(Atom::Class(literal(c))),
            }
        }
    }

    fn group(&mut self) {
        let mut ahead = self.rest.clone();
        let looks = ahead.next() == Some('?')
            && match ahead.next() {
                Some('=' | '!') => true,
                Some('<') => matches!(ahead.next(), Some('=' | '!')),
                _ => false,
            };
        self.backtracks |= looks;
        self.groups.push(looks);
        self.atoms.push(Atom::Text("(".into()));
        // Copy `?:`, `?=`, `?<!`, `?<name>`, `?i)` as they are.
        if self.rest.peek() == Some(&'?') {
            let mut head = String::new();
            while let Some(&c) = self.rest.peek() {
                if !(c.is_ascii_alphabetic() || "?:=!<>".contains(c)) {
                    break;
                }
                head.push(c);
                self.rest.next();
                if c == ':' || c == '=' || c == '!' || c == '>' {
                    break;
                }
            }
            self.atoms.push(Atom::Text(head));
        }
    }

    /// `{m}`, `{m,}`, `{m,n}`, `{,n}`; anything else is a literal brace.
    fn count(&mut self) {
        let mut ahead = self.rest.clone();
        let mut body = String::new();
        while let Some(c) = ahead.next_if(|c| c.is_ascii_digit() || *c == ',') {
            body.push(c);
        }
        let bounds = match body.split_once(',') {
            _ if ahead.next() != Some('}') => None,
            None => body.parse().ok().map(|count| (count, Some(count))),
            Some(("", max)) => max.parse().ok().map(|max| (0, Some(max))),
            Some((min, "")) => min.parse().ok().map(|min| (min, None)),
            Some((min, max)) => min.parse().ok().zip(max.parse().ok().map(Some)),
        };
        match bounds {
            Some((min, max)) => {
                self.atoms.push(Atom::Count(min, max));
                self.rest = ahead;
            }
            None => self.atoms.push(Atom::Class("\\{".into())),
        }
    }

    fn escape(&mut self) {
        let Some(c) = self.rest.next() else { return self.atoms.push(Atom::Class("\\\\".into())) };
        match c {
            'b' | 'B' | 'A' | 'z' => self.atoms.push(Atom::Text(format!("\\{c}"))),
            'Z' => self.atoms.push(Atom::Text("\\z".into())),
            '1'..='9' => {
                self.backtracks = true;
                self.atoms.push(Atom::Text(format!("\\{c}")));
            }
            'k' => {
                self.backtracks = true;
                self.atoms.push(Atom::Text("\\k".into()));
            }
            _ => {
                let text = match self.member(c) {
                    Member::Char(c) => literal(c),
                    Member::Surrogate => {
                        // Outside a class only a whole pair makes sense; both halves are one character.
                        if self.rest.peek() == Some(&'\\') {
                            self.rest.next();
                            self.rest.next();
                            self.hex(4);
                        }
                        "[\\x{10000}-\\x{10FFFF}]".into()
                    }
                    Member::Set(set) => format!("[{set}]"),
                };
                self.atoms.push(Atom::Class(text));
            }
        }
    }

    /// What the escape `\c` stands for as a set of characters.
    fn member(&mut self, c: char) -> Member {
        match c {
            'd' => Member::Set("0-9".into()),
            'D' => Member::Set("[^0-9]".into()),
            'w' => Member::Set("A-Za-z0-9_".into()),
            'W' => Member::Set("[^A-Za-z0-9_]".into()),
            's' => Member::Set("\\x09-\\x0D\\x20".into()),
            'S' => Member::Set("[^\\x09-\\x0D\\x20]".into()),
            'p' | 'P' => Member::Set(self.property(c == 'P')),
            'n' => Member::Char('\n'),
            'r' => Member::Char('\r'),
            't' => Member::Char('\t'),
            'f' => Member::Char('\u{c}'),
            'v' => Member::Char('\u{b}'),
            '0' => Member::Char('\0'),
            'x' => Member::Char(self.hex(2).and_then(char::from_u32).unwrap_or('x')),
            'u' => match self.hex(4) {
                Some(0xD800..=0xDFFF) => Member::Surrogate,
                code => Member::Char(code.and_then(char::from_u32).unwrap_or('u')),
            },
            _ => Member::Char(c),
        }
    }

    /// The hexadecimal digits of `\x` and `\u`, bare or in braces.
    fn hex(&mut self, digits: usize) -> Option<u32> {
        let mut text = String::new();
        if self.rest.next_if_eq(&'{').is_some() {
            while let Some(c) = self.rest.next_if(char::is_ascii_hexdigit) {
                text.push(c);
            }
            self.rest.next_if_eq(&'}');
        } else {
            while text.len() < digits
                && let Some(c) = self.rest.next_if(char::is_ascii_hexdigit)
            {
                text.push(c);
            }
        }
        u32::from_str_radix(&text, 16).ok()
    }

    /// `\p{L}`; Java's POSIX classes are ASCII.
    fn property(&mut self, negated: bool) -> String {
        let mut name = String::new();
        if self.rest.next_if_eq(&'{').is_some() {
            while let Some(c) = self.rest.next_if(|c| *c != '}') {
                name.push(c);
            }
            self.rest.next();
        } else if let Some(c) = self.rest.next() {
            name.push(c);
        }
        let ascii = match name.as_str() {
            "Print" => "\\x20-\\x7E",
            "Graph" => "\\x21-\\x7E",
            "ASCII" => "\\x00-\\x7F",
            "Alnum" => "0-9A-Za-z",
            "Punct" => "\\x21-\\x2F\\x3A-\\x40\\x5B-\\x60\\x7B-\\x7E",
            "Space" => "\\x09-\\x0D\\x20",
            _ => {
                let sign = if negated { 'P' } else { 'p' };
                return format!("\\{sign}{{{}}}", name.strip_prefix("Is").unwrap_or(&name));
            }
        };
        if negated { format!("[^{ascii}]") } else { ascii.into() }
    }

    /// The rest of a character class, after its `[`.
    fn class(&mut self) -> String {
        let mut out = String::from("[");
        if self.rest.next_if_eq(&'^').is_some() {
            out.push('^');
        }
        let mut beyond = false;
        let mut first = true;
        while let Some(c) = self.rest.next() {
            match c {
                ']' if !first => break,
                '&' if self.intersection() => {
                    let inner = self.class();
                    out.push_str("&&");
                    out.push_str(&inner);
                }
                _ => {
                    let member = if c == '\\' { self.escaped_member() } else { Member::Char(c) };
                    self.range(member, &mut out, &mut beyond);
                }
            }
            first = false;
        }
        if beyond {
            out.push_str("\\x{10000}-\\x{10FFFF}");
        }
        out.push(']');
        out
    }

    /// Java's `[a&&[^b]]`: takes the second `&` and the `[`.
    fn intersection(&mut self) -> bool {
        let mut ahead = self.rest.clone();
        let found = ahead.next() == Some('&') && ahead.next() == Some('[');
        if found {
            self.rest = ahead;
        }
        found
    }

    fn escaped_member(&mut self) -> Member {
        match self.rest.next() {
            Some('b') => Member::Char('\u{8}'),
            Some(c) => self.member(c),
            None => Member::Char('\\'),
        }
    }

    /// Writes `member`, or the range it begins. A `-` beside a set, or before the closing bracket, is itself.
    fn range(&mut self, member: Member, out: &mut String, beyond: &mut bool) {
        let low = match member {
            Member::Set(set) => return out.push_str(&set),
            Member::Surrogate => {
                *beyond = true;
                // The partner of a pair, and a range between pairs, say no more than "beyond U+FFFF".
                let mut ahead = self.rest.clone();
                if ahead.next() == Some('-') && ahead.next() == Some('\\') {
                    self.rest.next();
                }
                return;
            }
            Member::Char(low) => low,
        };
        let mut ahead = self.rest.clone();
        if ahead.next() != Some('-') || matches!(ahead.peek(), None | Some(']')) {
            return out.push_str(&inside(low));
        }
        self.rest.next();
        let high = match self.rest.next() {
            Some('\\') => self.escaped_member(),
            Some(c) => Member::Char(c),
            None => Member::Char('-'),
        };
        match high {
            Member::Char(high) if low <= high => {
                out.push_str(&inside(low));
                out.push('-');
                out.push_str(&inside(high));
            }
            Member::Char(high) => {
                out.push_str(&inside(low));
                out.push_str("\\-");
                out.push_str(&inside(high));
            }
            Member::Set(set) => {
                out.push_str(&inside(low));
                out.push_str("\\-");
                out.push_str(&set);
            }
            Member::Surrogate => {
                out.push_str(&inside(low));
                out.push_str("-\\x{FFFF}");
                *beyond = true;
            }
        }
    }
}

/// `c` as a pattern that matches only `c`.
fn literal(c: char) -> String {
    if c.is_ascii_alphanumeric() || !c.is_ascii() || "_-/:@%,;=!\"'<>`~ ".contains(c) {
        c.into()
    } else {
        format!("\\x{:02X}", u32::from(c))
    }
}

/// `c` as a member of a character class.
fn inside(c: char) -> String {
    if c.is_ascii_alphanumeric() || (!c.is_ascii() && !c.is_control()) {
        c.into()
    } else {
        format!("\\x{{{:X}}}", u32::from(c))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, reason = "tests stop where they fail")]

    use super::{Spelled, spell};

    fn check(pattern: &str, expected: &str) {
        match spell(pattern) {
            Spelled::Linear(text) | Spelled::Backtracking(text) => assert_eq!(text, expected, "{pattern}"),
            Spelled::Repeated { class, .. } => panic!("{pattern} became a count of {class}"),
        }
    }

    #[test]
    fn shorthands_are_ascii() {
        check(r"^\d{12}x$", "^[0-9]{12}x$");
        check(r"^[\w-/]+$", r"^[A-Za-z0-9_\x{2D}\x{2F}]+$");
        check(r"\S+", r"[[^\x09-\x0D\x20]]+");
    }

    #[test]
    fn needless_escapes_and_bare_braces_are_literals() {
        check(r"^arn\:aws\/x\_y$", "^arn:aws/x_y$");
        check(r"^${a}$", r"^$\{a\}$");
        check(r"x{,3}y", "x{0,3}y");
        check(r"^[a-z0-9-\.]$", r"^[a-z0-9\x{2D}\x{2E}]$");
        check(r"^[[]a]$", r"^[\x{5B}]a\]$");
    }

    #[test]
    fn surrogate_pairs_become_characters() {
        let pattern = r"[\u0020-\uD7FF\uD800\uDC00-\uDBFF\uDFFF]*";
        check(pattern, "[\\x{20}-\u{D7FF}\\x{10000}-\\x{10FFFF}]*");
    }

    #[test]
    fn classes_of_java_keep_their_meaning() {
        check(r"^\p{Print}+$", r"^[\x20-\x7E]+$");
        check(r"^[\p{Print}&&[^|:/]]+$", r"^[\x20-\x7E&&[^\x{7C}\x{3A}\x{2F}]]+$");
        check(r"\P{C}", r"[\P{C}]");
    }

    #[test]
    fn look_around_needs_the_other_engine() {
        assert!(matches!(spell(r"^(?!aws)[a-z]+$"), Spelled::Backtracking(_)));
        assert!(matches!(spell(r"(a)\1"), Spelled::Backtracking(_)));
        assert!(matches!(spell(r"(?:a)(?<name>b)"), Spelled::Linear(_)));
        // To look around once or more often is to look once.
        check(r"(?!a)+b", "(?!a)b");
    }

    #[test]
    fn a_counted_class_is_not_unrolled() {
        let expected = Spelled::Repeated { class: "^(?:.)*$".into(), min: 1, max: Some(65_535) };
        assert_eq!(spell("^.{1,65535}$"), expected);
        // Without an end, more than the least is as good as the least.
        check("[a-z]{3,2000}", "[a-z]{3}");
    }
}
