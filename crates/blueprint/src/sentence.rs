//! The sentences of the user's own guarantees.
//!
//! In: `portal reaches records on 5432 through firewall`. Out: a [`Sentence`] whose parties are words still to
//! be looked up. The grammar is five words long, so that everybody who can read can review a guarantee:
//! `WHO VERB WHAT [on PORT] [through WHAT]`.

use std::fmt;

use smol_str::SmolStr;

/// Whether a sentence must be false, must be the only way, or must be true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mode {
    /// It is never possible.
    Never,
    /// It is possible for nobody else, and no other way.
    Only,
    /// It is always possible.
    Always,
}

impl Mode {
    /// `never`, `only` or `always`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Only => "only",
            Self::Always => "always",
        }
    }
}

/// What a sentence says is possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// Packets get there.
    Reaches,
    /// Data can be read.
    Reads,
    /// Data can be written.
    Writes,
    /// Data or the thing itself can be deleted.
    Deletes,
    /// Data can be decrypted.
    Decrypts,
    /// The thing's settings and policies can be changed.
    Administers,
    /// The role can be assumed.
    Assumes,
}

impl Verb {
    /// Every verb with its word.
    pub const ALL: [(&'static str, Self); 7] = [
        ("reaches", Self::Reaches),
        ("reads", Self::Reads),
        ("writes", Self::Writes),
        ("deletes", Self::Deletes),
        ("decrypts", Self::Decrypts),
        ("administers", Self::Administers),
        ("assumes", Self::Assumes),
    ];

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, verb)| *verb == self).map_or("", |(word, _)| word)
    }
}

/// A party of a sentence, as it is written: `internet`, `production`, `production/records`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Party(pub SmolStr);

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a guarantee says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sentence {
    /// Who or what acts.
    pub who: Party,
    /// What it does.
    pub verb: Verb,
    /// To what.
    pub what: Party,
    /// On which port; none means any.
    pub port: Option<u16>,
    /// By which way.
    pub through: Option<Party>,
}

impl Sentence {
    /// Reads a sentence.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut words = text.split_whitespace();
        let who = party(words.next(), "who acts")?;
        let verb = words.next().ok_or("it has no verb")?;
        let verb = Verb::ALL
            .iter()
            .find(|(word, _)| *word == verb)
            .map(|(_, verb)| *verb)
            .ok_or_else(|| format!("`{verb}` is not a verb it knows"))?;
        let what = party(words.next(), "what it is done to")?;
        let (mut port, mut through) = (None, None);
        while let Some(word) = words.next() {
            match word {
                "on" if port.is_none() => {
                    let number = words.next().unwrap_or_default();
                    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
                    let number = number.parse::<u16>().ok().filter(|number| *number > 0 && digits);
                    port = Some(number.ok_or("after `on` stands a port from 1 to 65535")?);
                }
                "through" if through.is_none() => {
                    through = Some(party(words.next(), "what it passes `through`")?)
                }
                _ => return Err(format!("`{word}` is not expected there")),
            }
        }
        Ok(Self { who, verb, what, port, through })
    }

    /// A name made of the sentence, for reports.
    #[must_use]
    pub fn slug(&self, mode: Mode) -> String {
        let mut slug = format!("{}-{}-{}-{}", mode.word(), self.who, self.verb.word(), self.what);
        if let Some(port) = self.port {
            slug.push_str(&format!("-on-{port}"));
        }
        if let Some(through) = &self.through {
            slug.push_str(&format!("-through-{through}"));
        }
        slug.replace('/', "-")
    }
}

fn party(word: Option<&str>, role: &str) -> Result<Party, String> {
    let word = word.ok_or_else(|| format!("it does not say {role}"))?;
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '/';
    if word.len() > 128 || !word.chars().all(inner) {
        return Err(format!("`{word}` is not a name"));
    }
    Ok(Party(word.into()))
}

#[cfg(test)]
mod tests {
    use super::{Mode, Sentence};

    fn check(text: &str, expected: Result<&str, &str>) {
        let slug = Sentence::parse(text).map(|sentence| sentence.slug(Mode::Never));
        match expected {
            Ok(expected) => assert_eq!(slug.as_deref(), Ok(expected)),
            Err(part) => assert!(slug.as_ref().is_err_and(|why| why.contains(part)), "{text}: {slug:?}"),
        }
    }

    #[test]
    fn sentences_are_five_words_and_two_optional_phrases() {
        check("sandbox reaches production", Ok("never-sandbox-reaches-production"));
        check(
            "internet reaches prod/portal on 443 through firewall",
            Ok("never-internet-reaches-prod-portal-on-443-through-firewall"),
        );
        check("anyone reads", Err("what it is done to"));
        check("anyone eats records", Err("`eats` is not a verb"));
        check("a reaches b on 0", Err("a port from 1 to 65535"));
        check("a reaches b on +5", Err("a port from 1 to 65535"));
        check("a reaches b quickly", Err("`quickly` is not expected"));
        check("", Err("who acts"));
    }
}
