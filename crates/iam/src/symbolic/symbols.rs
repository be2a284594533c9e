//! Characters that stand for texts nobody knows: the value of a variable, a name that AWS will make up.
//!
//! In: names. Out: one character each. Always: equal names have the same character in one process, different names
//! different ones, and no policy writes any of them (they are of the planes for private use); a whole character, so that
//! no automaton takes half of it.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

/// The first and the last character of the two planes for private use.
const FIRST: u32 = 0xF_0000;
const LAST: u32 = 0x10_FFFD;

#[derive(Default)]
struct Symbols {
    by_name: HashMap<String, char>,
    by_character: HashMap<char, String>,
}

fn symbols() -> &'static Mutex<Symbols> {
    static SYMBOLS: OnceLock<Mutex<Symbols>> = OnceLock::new();
    SYMBOLS.get_or_init(Mutex::default)
}

/// The character of a name. It follows from the name (by a hash), but where two meet: then the second takes the next.
#[must_use]
pub fn of(name: &str) -> char {
    let mut symbols = symbols().lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = symbols.by_name.get(name) {
        return *known;
    }
    let hash =
        name.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let span = LAST - FIRST + 1;
    let mut at = hash % span;
    let character = loop {
        // The last two code points of a plane are no characters that text may hold.
        match char::from_u32(FIRST + at).filter(|c| (*c as u32) & 0xFFFE != 0xFFFE) {
            Some(c) if !symbols.by_character.contains_key(&c) => break c,
            _ => at = (at + 1) % span,
        }
        // With every character taken, names would meet; a process that has that many is out of memory before.
        if symbols.by_character.len() as u32 >= span - 4 {
            break char::REPLACEMENT_CHARACTER;
        }
    };
    symbols.by_name.insert(name.to_owned(), character);
    symbols.by_character.insert(character, name.to_owned());
    character
}

/// Whether a character stands for something.
#[must_use]
pub fn is_one(c: char) -> bool {
    (FIRST..=LAST).contains(&(c as u32))
}

/// What a character stands for.
#[must_use]
pub fn name_of(c: char) -> Option<String> {
    let symbols = symbols().lock().unwrap_or_else(PoisonError::into_inner);
    symbols.by_character.get(&c).cloned()
}
