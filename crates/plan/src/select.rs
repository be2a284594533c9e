//! `--only`: a part of an estate.
//!
//! In: `account`, `account/region`, `account/region/stack`, each part with `*` for anything. Out: whether a stack is in
//! it. Always: a shorter selector stands for all beneath it.

/// One or more patterns; a stack is selected when one of them matches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector {
    patterns: Vec<Vec<String>>,
}

impl Selector {
    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// The selector of some patterns; without any, everything.
    #[must_use]
    pub fn new<S: AsRef<str>>(patterns: &[S]) -> Self {
        let parts = |pattern: &S| pattern.as_ref().trim_matches('/').split('/').map(str::to_owned).collect();
        Self { patterns: patterns.iter().map(parts).collect() }
    }

    /// Whether it stands for everything.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether a stack, named `account/region/name`, is selected.
    #[must_use]
    pub fn matches(&self, key: &str) -> bool {
        self.is_all() || self.patterns.iter().any(|pattern| matches(pattern, key))
    }

    /// Patterns that select none of `keys`.
    pub fn idle<'s>(&'s self, keys: impl Iterator<Item = &'s str> + Clone) -> Vec<String> {
        let idle = self.patterns.iter().filter(|pattern| !keys.clone().any(|key| matches(pattern, key)));
        idle.map(|pattern| pattern.join("/")).collect()
    }
}

fn matches(pattern: &[String], key: &str) -> bool {
    let parts: Vec<&str> = key.splitn(3, '/').collect();
    pattern.len() <= parts.len() && pattern.iter().zip(parts).all(|(pattern, part)| glob(pattern, part))
}

/// `*` stands for any characters, also none.
#[must_use]
pub fn glob(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(head) else { return false };
    if rest.is_empty() {
        return true;
    }
    loop {
        if glob(rest, text) {
            return true;
        }
        let mut characters = text.chars();
        if characters.next().is_none() {
            return false;
        }
        text = characters.as_str();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_names_a_part_of_an_estate() {
        let check = |pattern: &str, key: &str, expected: bool| {
            assert_eq!(Selector::new(&[pattern]).matches(key), expected, "{pattern} {key}");
        };
        check("prod", "prod/eu-west-1/network", true);
        check("prod/", "prod/eu-west-1/network", true);
        check("prod/eu-west-1", "prod/us-east-1/network", false);
        check("*/*/network", "prod/eu-west-1/network", true);
        check("*/*/*-data-*", "prod/eu-west-1/prod-data-records", true);
        check("pro", "prod/eu-west-1/network", false);
        check("a/b/c/d", "a/b/c", false);
        assert!(Selector::all().matches("anything"));
        assert_eq!(Selector::new(&["prod", "none"]).idle(["prod/r/s"].into_iter()), ["none"]);
    }
}
